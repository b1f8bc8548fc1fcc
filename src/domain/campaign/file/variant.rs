//! What a step of the file says in several variants, each to its part of the people.

use super::super::reader::{Keys, Section, Setting};
use super::super::spec::StepSpec;
use super::Reading;
use crate::domain::content::{
    StepContent,
    variant::{self, VARIANTS_LIMIT, Variant, VariantName, WEIGHT_LIMIT},
};

const VARIANT: Keys = Keys { known: &["name", "weight", "text", "template", "media"], later: &[] };
const VARIANTS_FORM: &str =
    "write each as [[steps.variants]] with a text, and perhaps name = \"b\" and weight = 50";
/// What stands in the variants where there are some.
const PARTS: [&str; 3] = ["text", "template", "media"];

impl Reading<'_, '_, '_> {
    pub(super) fn variants(
        &mut self,
        setting: &Setting<'_, '_>,
        step: &Section<'_, '_>,
    ) -> Option<StepContent> {
        for part in PARTS.iter().filter_map(|part| step.get(part)) {
            self.refuse(
                &part,
                format_args!("{} stands beside variants: move it into the first of them", part.path),
            );
        }
        let elements = setting.list(VARIANTS_FORM, self.findings);
        if elements.len() == 1 || elements.len() > VARIANTS_LIMIT {
            let count = elements.len();
            self.refuse(
                setting,
                format_args!(
                    "{} has {count}: a comparison needs 2 to {VARIANTS_LIMIT} variants",
                    setting.path
                ),
            );
        }
        let mut variants: Vec<Variant> = Vec::new();
        let mut whole = true;
        for (place, element) in elements.iter().enumerate() {
            match self.variant(place, element, &variants) {
                Some(variant) => variants.push(variant),
                None => whole = false,
            }
        }
        // What was left out says nothing about the rest.
        let first = variants.first().filter(|_| whole)?;
        let mut content = first.content();
        content.variants = variants;
        Some(content)
    }

    fn variant(&mut self, place: usize, setting: &Setting<'_, '_>, before: &[Variant]) -> Option<Variant> {
        let section = setting.section(VARIANTS_FORM, self.findings)?;
        section.check_keys(&VARIANT, self.findings);
        let name = match section.get("name") {
            None => Some(VariantName::of_place(place)),
            Some(setting) => self.variant_name(&setting, before),
        };
        let weight = section.get("weight").map_or(Some(1), |setting| self.variant_weight(&setting));
        let content = self.parts(&section, "the variant", &VARIANT)?;
        if let Some(first) = before.first() {
            self.same_parts(setting, first, &content);
        }
        let (texts, template, media) = (content.texts, content.template, content.media);
        Some(Variant { name: name?, weight: weight?, texts, template, media })
    }

    fn variant_name(&mut self, setting: &Setting<'_, '_>, before: &[Variant]) -> Option<VariantName> {
        let raw = setting.string("write name = \"b\"", self.findings)?;
        let name = self.keep(setting, VariantName::parse(raw))?;
        if before.iter().any(|variant| variant.name == name) {
            self.refuse(
                setting,
                format_args!("{} is {raw:?} for the second time: give it another name", setting.path),
            );
            return None;
        }
        Some(name)
    }

    fn variant_weight(&mut self, setting: &Setting<'_, '_>) -> Option<u32> {
        let value = setting.integer("write weight = 50", self.findings)?;
        let weight = u32::try_from(value).ok().filter(|weight| (1..=WEIGHT_LIMIT).contains(weight));
        if weight.is_none() {
            self.refuse(
                setting,
                format_args!("{} is {value}: a weight is 1 to {WEIGHT_LIMIT}", setting.path),
            );
        }
        weight
    }

    /// A number that can send one variant has to be able to send all: what goes through other numbers, or as a template
    /// and not as a text, cannot be compared.
    fn same_parts(&mut self, setting: &Setting<'_, '_>, first: &Variant, content: &StepContent) {
        let parts = |texts: bool, template: bool, media: Option<_>| (texts, template, media);
        let theirs = parts(
            !first.texts.0.is_empty(),
            first.template.is_some(),
            first.media.as_ref().map(|media| media.kind),
        );
        let own = parts(
            !content.texts.0.is_empty(),
            content.template.is_some(),
            content.media.as_ref().map(|media| media.kind),
        );
        if theirs != own {
            self.refuse(
                setting,
                format_args!(
                    "{} carries other parts than variant {}: give all variants of a step the same kinds of text, \
                     template and media, or they cannot be compared",
                    setting.path, first.name
                ),
            );
        }
    }

    /// Somebody keeps their variant through all steps: those that have variants have the same ones.
    pub(super) fn same_split(
        &mut self,
        nth: usize,
        step: &Setting<'_, '_>,
        before: &[StepSpec],
        content: &StepContent,
    ) {
        let own = variant::split(content);
        let earlier = before.iter().map(|step| variant::split(&step.content)).find(|split| !split.is_empty());
        if let Some(earlier) = earlier.filter(|earlier| !own.is_empty() && *earlier != own) {
            let wanted: Vec<String> =
                earlier.iter().map(|(name, weight)| format!("{name} (weight {weight})")).collect();
            let at = step.section("", self.findings).and_then(|section| section.get("variants"));
            let sentence = format!(
                "steps[{nth}].variants: everybody keeps their variant through all steps: give it those of the step \
                 before, {}",
                wanted.join(", ")
            );
            self.refuse(at.as_ref().unwrap_or(step), sentence);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::campaign::{CampaignFile, CampaignSpec, Context};
    use crate::domain::content::variant::split;

    const PAIR: &str = "variants = [{ text = { en = \"Hello {{name|friend}}\" } }, { name = \"short\", weight = 3, \
                        text = { en = \"Hi\" } }]\n";

    fn read(steps: &str) -> Result<CampaignSpec, Vec<String>> {
        let text = format!("name = \"a\"\n{steps}");
        let context = Context { opt_out_line: true, ..Context::in_zone(chrono_tz::Africa::Douala) };
        CampaignFile::parse(&text, "c.toml", &context)
            .map_err(|findings| findings.into_iter().map(|finding| finding.sentence).collect())
    }

    #[test]
    fn a_step_says_several_things() {
        let spec = read(&format!("[[steps]]\n{PAIR}[[steps]]\nafter = \"1d\"\n{PAIR}")).unwrap();
        let content = &spec.steps[0].content;
        let names: Vec<_> =
            split(content).into_iter().map(|(name, weight)| (name.as_str(), weight)).collect();
        assert_eq!(names, [("a", 1), ("short", 3)]);
        let said: Vec<&str> = content.all_texts().map(|(_, texts)| texts.0[0].text.source()).collect();
        assert_eq!(said[1], "Hi\n\nReply STOP to get no more messages.", "each says how to stop");
        assert_eq!(content.texts, content.variants[0].texts, "the first is what the step says");
        let used: Vec<_> = content.variables().map(|variable| variable.name().to_owned()).collect();
        assert_eq!(used, ["name"]);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let two =
            |first: &str, second: &str| format!("[[steps]]\nvariants = [{{ {first} }}, {{ {second} }}]\n");
        let text = "text = { en = \"Hi\" }";
        for (steps, sentence) in [
            (format!("[[steps]]\n{text}\n{PAIR}"), "steps[0].text stands beside variants"),
            (
                format!("[[steps]]\nvariants = [{{ {text} }}]\n"),
                "steps[0].variants has 1: a comparison needs 2 to 8",
            ),
            (two(text, ""), "steps[0].variants[1].text is missing"),
            (
                two(text, &format!("name = \"a\", {text}")),
                "steps[0].variants[1].name is \"a\" for the second time",
            ),
            (
                two(text, &format!("name = \"a b\", {text}")),
                "steps[0].variants[1].name \"a b\" is no variant's name",
            ),
            (
                two(text, &format!("weight = 0, {text}")),
                "steps[0].variants[1].weight is 0: a weight is 1 to 10000",
            ),
            (
                two(text, &format!("wieght = 1, {text}")),
                "unknown key steps[0].variants[1].wieght: did you mean weight?",
            ),
            (
                two(text, "template = { name = \"x\", language = \"en\" }"),
                "steps[0].variants[1] carries other parts than variant a",
            ),
            (
                format!(
                    "[[steps]]\n{PAIR}{}",
                    two(text, text).replace("[[steps]]", "[[steps]]\nafter = \"1d\"")
                ),
                "steps[1].variants: everybody keeps their variant through all steps: give it those of the step before, \
                 a (weight 1), short (weight 3)",
            ),
        ] {
            let sentences = read(&steps).err().unwrap_or_default();
            assert!(sentences.len() == 1 && sentences[0].starts_with(sentence), "{steps}: {sentences:?}");
        }
    }
}
