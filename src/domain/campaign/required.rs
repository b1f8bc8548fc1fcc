//! Which variables a campaign's texts and templates use, and which of them a person must have to get all of its steps.

use crate::domain::{content::StepContent, locale::Locale, template::Variable};
use serde_json::{Map, Value};
use std::collections::BTreeSet;

/// What enrolment freezes and what it insists on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// Every variable that some text or template uses, by name.
    pub variables: Vec<String>,
    /// Locale to the names of the variables without which a text for that locale has a hole; `""` for every locale that
    /// is not named and for people without one. A JSON object.
    pub required: Value,
}

/// Works out the needs of a campaign's steps for people of the locales `spoken`, in an organisation of locale `default`.
/// The text is chosen as the sender chooses it; through which number somebody gets a step is not known yet, so that
/// whatever its template needs is needed too.
#[must_use]
pub fn needs(steps: &[&StepContent], spoken: &[String], default: Option<&Locale>) -> Needs {
    let variables: BTreeSet<&Variable> = steps
        .iter()
        .flat_map(|content| content.variables())
        // The day belongs to the step, not to the person.
        .filter(|variable| **variable != Variable::Day)
        .collect();
    let mut required = Map::new();
    required.insert(String::new(), required_by(steps, None, default));
    for tag in spoken {
        if let Ok(locale) = Locale::parse(tag) {
            required.insert(tag.clone(), required_by(steps, Some(&locale), default));
        }
    }
    Needs {
        variables: variables.into_iter().map(|variable| variable.name().to_owned()).collect(),
        required: Value::Object(required),
    }
}

/// Whether it makes no difference to the needs of these steps which languages people speak: then nobody has to look.
#[must_use]
pub fn is_one_for_all(steps: &[&StepContent], default: Option<&Locale>) -> bool {
    steps.iter().all(|content| {
        let by = |wanted: Option<&Locale>| content.required(wanted, default).collect::<Vec<_>>();
        let offered = content.all_texts().flat_map(|(_, texts)| texts.0.iter().map(|text| &text.locale));
        let of_everybody = by(None);
        offered.into_iter().all(|locale| by(Some(locale)) == of_everybody)
    })
}

/// In the order in which the person would meet them, so that the reason names the first.
fn required_by(steps: &[&StepContent], wanted: Option<&Locale>, default: Option<&Locale>) -> Value {
    let mut names: Vec<&str> = Vec::new();
    for content in steps {
        for variable in content.required(wanted, default) {
            // Everybody gets a slot at enrolment.
            if !matches!(variable, Variable::Day | Variable::CampaignNumber)
                && !names.contains(&variable.name())
            {
                names.push(variable.name());
            }
        }
    }
    names.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{
        content::{
            Parameters, StepTemplate,
            button::{ButtonKind, StepButton},
        },
        template::{LocalizedText, Text, Texts},
    };
    use serde_json::json;

    fn texts(each: &[(&str, &str)]) -> StepContent {
        let texts = each
            .iter()
            .map(|(locale, text)| LocalizedText {
                locale: locale.parse().unwrap(),
                text: Text::parse(text).unwrap(),
            })
            .collect();
        StepContent { texts: Texts(texts), template: None, media: None, variants: Vec::new() }
    }

    #[test]
    fn only_the_text_that_a_person_would_get_makes_demands() {
        let first = texts(&[("en", "Hello {{name}}, {{day}}"), ("fr", "Bonjour {{name|ami}} de {{city}}")]);
        let second = texts(&[("en", "Again {{city}} {{name}}")]);
        let spoken = ["fr-CM".to_owned(), "de".to_owned(), "no tag".to_owned()];
        let needs = needs(&[&first, &second], &spoken, Some(&"en".parse().unwrap()));
        assert_eq!(needs.variables, ["name", "city"]);
        assert_eq!(
            needs.required,
            json!({"": ["name", "city"], "fr-CM": ["city", "name"], "de": ["name", "city"]})
        );
    }

    #[test]
    fn nobody_looks_for_languages_where_they_make_no_difference() {
        let english = "en".parse().unwrap();
        let is_one = |steps: &[&StepContent]| is_one_for_all(steps, Some(&english));
        let alike =
            texts(&[("en", "Hello {{name}}"), ("fr", "Bonjour {{name}}"), ("fr-CM", "{{name}} {{city|la}}")]);
        assert!(is_one(&[]) && is_one(&[&alike]));
        let unlike = texts(&[("en", "Hello {{name}}"), ("fr", "Bonjour")]);
        assert!(!is_one(&[&alike, &unlike]));
    }

    #[test]
    fn a_template_s_parameters_are_needed_by_everybody() {
        let mut step = texts(&[("en", "Hello {{name|friend}}"), ("fr", "Bonjour")]);
        let text = |source: &str| Text::parse(source).unwrap();
        step.template = Some(StepTemplate {
            header: Parameters::Positional(vec![text("{{title}}")]),
            buttons: vec![StepButton { index: 0, kind: ButtonKind::CopyCode, text: text("{{code}}") }],
            ..StepTemplate::filled_with(
                "offer".to_owned(),
                "en".parse().unwrap(),
                Parameters::Positional(vec![text("{{tier}}"), text("{{until|today}}")]),
            )
        });
        let needs = needs(&[&step], &["fr".to_owned()], None);
        assert_eq!(needs.variables, ["name", "code", "tier", "title", "until"]);
        let wanted = ["tier", "title", "code"];
        assert_eq!(needs.required, json!({"": wanted, "fr": wanted}), "headline and buttons too");
    }
}
