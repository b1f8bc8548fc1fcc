//! How an organisation's numbers are watched: who gets canaries, when numbers warn, when idle ones are exercised.

use super::{
    CliError, Session,
    output::{card, or_dash},
    parse,
};
use crate::{
    domain::{content::StepTemplate, locale::Locale, phone::Phone},
    store::vitals::VitalEdit,
};
use clap::Args;

/// A number, or `none`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrNone(Option<u32>);

/// A phone, or `none`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneOrNone(Option<Phone>);

/// A template, or `none`.
pub struct TemplateOrNone(Option<StepTemplate>);

fn percent(raw: &str) -> Result<OrNone, String> {
    within(raw, 1..=100, "it is 1 to 100 percent, or none")
}

fn days(raw: &str) -> Result<OrNone, String> {
    within(raw, 1..=365, "it is 1 to 365 days, or none")
}

fn within(raw: &str, range: std::ops::RangeInclusive<u32>, problem: &str) -> Result<OrNone, String> {
    if raw == "none" {
        return Ok(OrNone(None));
    }
    raw.parse()
        .ok()
        .filter(|number| range.contains(number))
        .map(|number| OrNone(Some(number)))
        .ok_or(problem.to_owned())
}

fn language(raw: &str) -> Result<Locale, String> {
    Locale::parse(raw).map_err(|error| error.to_string())
}

fn phone(raw: &str) -> Result<PhoneOrNone, String> {
    if raw == "none" {
        Ok(PhoneOrNone(None))
    } else {
        parse::phone(raw).map(|phone| PhoneOrNone(Some(phone)))
    }
}

/// What can be changed of it.
#[derive(Debug, Default, Args)]
pub struct Flags {
    /// Who gets a real message through a number that falls silent or stands by, at most one an hour each; or none
    #[arg(long, value_name = "PHONE|none", value_parser = phone)]
    canary_phone: Option<PhoneOrNone>,
    /// What canaries are where free text is not taken, at Meta and Twilio for a phone that did not write within 24 hours:
    /// a template without parameters, of this name in every account; or none
    #[arg(long, value_name = "NAME|none")]
    canary_template: Option<String>,
    /// Its language; en unless given
    #[arg(long, value_name = "LANGUAGE", value_parser = language, requires = "canary_template")]
    canary_language: Option<Locale>,
    /// A number warns when so many of a hundred messages fail within 24 hours; or none
    #[arg(long, value_name = "PERCENT|none", value_parser = percent, allow_hyphen_values = true)]
    warn_failed: Option<OrNone>,
    /// A number warns when so many of a hundred people block it or ask it to stop; or none
    #[arg(long, value_name = "PERCENT|none", value_parser = percent, allow_hyphen_values = true)]
    warn_blocked: Option<OrNone>,
    /// A number of a pool that sent nothing for so long is exercised; or none
    #[arg(long, value_name = "DAYS|none", value_parser = days, allow_hyphen_values = true)]
    standby_days: Option<OrNone>,
    /// Messages that such a warning needs
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    warn_after: Option<u32>,
    /// Messages that a number has to have sent lately, so that it is looked at whether it is silent
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    silence_after: Option<u32>,
    /// Messages that its past needs, so that it is compared with it
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    silence_past: Option<u32>,
}

impl Flags {
    /// The template of canaries, if it is to be changed.
    ///
    /// # Errors
    /// When its name cannot be one.
    pub fn template(&self) -> Result<Option<TemplateOrNone>, CliError> {
        let Some(name) = self.canary_template.as_deref().map(str::trim) else { return Ok(None) };
        if name == "none" {
            return Ok(Some(TemplateOrNone(None)));
        }
        let is_name = (1..=512).contains(&name.len()) && !name.contains(char::is_whitespace);
        if !is_name {
            return Err(CliError::Usage(format!("--canary-template: {name:?} is no name of a template")));
        }
        let language = match &self.canary_language {
            Some(language) => language.clone(),
            None => language("en").map_err(CliError::Usage)?,
        };
        let template = StepTemplate::plain(name.to_owned(), language);
        Ok(Some(TemplateOrNone(Some(template))))
    }

    /// As the database changes it.
    pub fn edit<'a>(&'a self, template: Option<&'a TemplateOrNone>) -> VitalEdit<'a> {
        VitalEdit {
            canary_phone: self.canary_phone.as_ref().map(|phone| phone.0.as_ref()),
            canary_template: template.map(|template| template.0.as_ref()),
            failed_percent: self.warn_failed.map(|percent| percent.0),
            blocked_percent: self.warn_blocked.map(|percent| percent.0),
            standby_days: self.standby_days.map(|days| days.0),
            warn_after: self.warn_after,
            silence_after: self.silence_after,
            silence_past: self.silence_past,
        }
    }
}

/// Shows it.
pub async fn show(session: &Session) -> Result<(), CliError> {
    let org = session.organization().await?;
    let rules = session.store.vital_rules(org.id).await?;
    let percent =
        |percent: Option<u32>| percent.map_or_else(|| "never".to_owned(), |percent| format!("{percent}%"));
    session.out.show(&rules, || {
        card(&[
            ("canary phone", or_dash(rules.canary_phone.as_ref())),
            (
                "canary template",
                or_dash(
                    rules
                        .canary_template
                        .as_ref()
                        .zip(rules.canary_language.as_ref())
                        .map(|(name, language)| format!("{name} in {language}")),
                ),
            ),
            ("a number warns when as many fail", percent(rules.failed_percent)),
            ("a number warns when as many block it", percent(rules.blocked_percent)),
            ("messages that a warning needs", rules.ratio_least.to_string()),
            ("messages that a look at silence needs", rules.least.to_string()),
            ("messages that a past needs", rules.baseline_least.to_string()),
            (
                "idle numbers are exercised after",
                rules
                    .standby_after
                    .map_or_else(|| "never".to_owned(), |after| format!("{} h", after.as_secs() / 3600)),
            ),
        ])
    })
}
