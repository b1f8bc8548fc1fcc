//! What of an organisation its operators set, each as one line of text: what a console shows, edits and checks. The
//! command line sets the same, flag by flag (`org edit`, `alert rules`).

mod steps;
mod written;

pub use steps::STEP_TEXTS;

use super::{
    campaign::conduct::Share,
    locale::Locale,
    phone::Phone,
    slot::SlotRange,
    text::Safe,
    warm_up::Ladder,
    window::{self, EVERY_DAY, Hours},
};
use chrono::NaiveDateTime;
use chrono_tz::Tz;
use std::collections::BTreeMap;

/// One thing that can be set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting {
    /// Its name.
    Name,
    /// The zone in which its days begin.
    Zone,
    /// The language of last resort.
    Language,
    /// Most messages a day over all campaigns.
    DailyLimit,
    /// What new numbers may send on their first days.
    WarmUp,
    /// The number of last resort.
    DefaultNumber,
    /// Hours in which no campaign sends.
    Quiet,
    /// Days on which campaigns send.
    BusinessDays,
    /// When its subscription ends.
    SubscriptionEnds,
    /// Whether standing campaigns send beside others.
    Simultaneous,
    /// Suppress whom so many campaigns could not reach.
    SuppressFailures,
    /// Suppress who left so many campaigns unanswered.
    SuppressUnanswered,
    /// From which share of failed messages on a campaign pauses.
    StopFailed,
    /// From which share of people who opt out on a campaign pauses.
    StopOptedOut,
    /// From which share of refused contents on a campaign pauses.
    StopContentRefused,
    /// Messages that such a judgement needs.
    StopAfter,
    /// Whether texts say how to stop.
    OptOutLine,
    /// Which slots there are.
    Slots,
    /// After so many days without use a slot is free again.
    SlotExpiry,
    /// Who gets canaries.
    CanaryPhone,
    /// What canaries are where free text is not taken.
    CanaryTemplate,
    /// From how many failed of a hundred on a number warns.
    WarnFailed,
    /// From how many of a hundred who block it on a number warns.
    WarnBlocked,
    /// Messages that such a warning needs.
    WarnAfter,
    /// After how many idle days a number is exercised.
    StandbyDays,
    /// Messages that a look at a number's silence needs.
    SilenceAfter,
    /// Messages that its past needs, so that it is compared with it.
    SilencePast,
    /// Its own words for STOP.
    StopWords,
    /// Its own words for START.
    StartWords,
    /// What confirms an opt-out.
    StopConfirmation,
    /// What confirms an opt-in.
    StartConfirmation,
    /// Hours in which only critical alerts go out.
    AlertQuiet,
    /// After how many days a token is told.
    TokenDays,
    /// When the report of the day before goes out.
    ReportAt,
    /// What this step of a campaign says where its file gives it no text; counted from 0.
    StepText(u8),
}

/// What one statement of the database changes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    /// Who it is.
    Organization,
    /// When its campaigns may send.
    Calendar,
    /// Which slots there are.
    Slots,
    /// How its campaigns behave.
    Conduct,
    /// How it reaches people.
    Reach,
    /// How its numbers are watched.
    Vitals,
    /// How opt-outs are heard.
    Consent,
    /// What alerts go by.
    Alerts,
    /// What steps say where files do not.
    StepTexts,
}

/// A setting, read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Set {
    /// A text.
    Text(String),
    /// A zone.
    Zone(Tz),
    /// A language.
    Language(Locale),
    /// A whole number; `None`: none.
    Number(Option<u32>),
    /// From one minute of the day to another; `None`: none.
    Span(Option<(u16, u16)>),
    /// Days of the week, Monday in the lowest bit.
    Days(u8),
    /// A minute of the day; `None`: none.
    Minute(Option<u16>),
    /// A time on the organisation's clock; `None`: never.
    Time(Option<NaiveDateTime>),
    /// A warm-up.
    Ladder(Ladder),
    /// A phone; `None`: none.
    Phone(Option<Phone>),
    /// A template by name and language; `None`: none.
    Template(Option<(String, Locale)>),
    /// A share of a whole.
    Share(Share),
    /// Yes or no.
    Switch(bool),
    /// A range of slots.
    Slots(SlotRange),
    /// Words.
    Words(Vec<String>),
    /// Texts by language, that of last resort under an empty one; `None`: nothing is said.
    Texts(Option<BTreeMap<String, String>>),
    /// The same in their order, in which the first is the last resort; `None`: there is no text.
    Says(Option<Vec<(String, String)>>),
}

/// How a setting is shown.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Which one.
    pub setting: Setting,
    /// Under which heading.
    pub part: &'static str,
    /// What it is called.
    pub label: &'static str,
    /// How it is written.
    pub note: &'static str,
    /// What the database changes with it.
    pub group: Group,
    /// Whether it changes what is sent from now on.
    pub sends: bool,
}

const fn quiet(
    setting: Setting,
    group: Group,
    part: &'static str,
    label: &'static str,
    note: &'static str,
) -> Shape {
    Shape { setting, part, label, note, group, sends: false }
}

const fn sends(
    setting: Setting,
    group: Group,
    part: &'static str,
    label: &'static str,
    note: &'static str,
) -> Shape {
    Shape { sends: true, ..quiet(setting, group, part, label, note) }
}

/// All of them, in the order in which they are shown.
#[rustfmt::skip]
pub const SETTINGS: [Shape; 34] = [
    quiet(Setting::Name, Group::Organization, "Organisation", "Name", ""),
    sends(Setting::Zone, Group::Organization, "Organisation", "Time zone", "Africa/Douala; its days begin there"),
    sends(Setting::Language, Group::Organization, "Organisation", "Language", "of last resort: fr, pt-BR"),
    sends(Setting::DailyLimit, Group::Organization, "Sending", "Daily limit", "over all campaigns, or none"),
    sends(Setting::WarmUp, Group::Organization, "Sending", "Warm-up", "20,50,100,200 on the first days, or off"),
    sends(Setting::DefaultNumber, Group::Organization, "Sending", "Last resort", "a number's phone, or none"),
    sends(Setting::Quiet, Group::Calendar, "Sending", "Quiet hours", "20:00-08:00, or none"),
    sends(Setting::BusinessDays, Group::Calendar, "Sending", "Sends on", "mon-fri, mon,wed,sat, or all"),
    sends(Setting::SubscriptionEnds, Group::Calendar, "Sending", "Subscription", "ends 2026-12-01T09:00, or none"),
    sends(Setting::Simultaneous, Group::Reach, "Sending", "Side by side", "standing campaigns beside others"),
    sends(Setting::StopFailed, Group::Conduct, "A campaign pauses", "Failed", "share of an hour, 0.3; 1 for never"),
    sends(Setting::StopOptedOut, Group::Conduct, "A campaign pauses", "Opted out", "share of a day, 0.05; 1 for never"),
    sends(Setting::StopContentRefused, Group::Conduct, "A campaign pauses", "Refused", "of its last 50, 0.2; 1 for never"),
    sends(Setting::StopAfter, Group::Conduct, "A campaign pauses", "Judged after", "so many messages"),
    sends(Setting::CanaryPhone, Group::Vitals, "A number", "Canary phone", "who gets canaries, or none"),
    sends(Setting::CanaryTemplate, Group::Vitals, "A number", "Canary as", "template and language, or none"),
    quiet(Setting::WarnFailed, Group::Vitals, "A number", "Warns: failed", "percent, or none"),
    quiet(Setting::WarnBlocked, Group::Vitals, "A number", "Warns: block", "percent, or none"),
    quiet(Setting::WarnAfter, Group::Vitals, "A number", "Warns after", "so many messages"),
    sends(Setting::StandbyDays, Group::Vitals, "A number", "Idle days", "then it is exercised, or none"),
    sends(Setting::SilenceAfter, Group::Vitals, "A number", "Silent after", "messages that a look at silence needs"),
    sends(Setting::SilencePast, Group::Vitals, "A number", "Known after", "messages that its past needs"),
    quiet(Setting::OptOutLine, Group::Conduct, "People", "Opt-out line", "new texts say how to stop"),
    sends(Setting::SuppressFailures, Group::Reach, "People", "Unreachable", "suppressed after N campaigns, or none"),
    sends(Setting::SuppressUnanswered, Group::Reach, "People", "Silent ones", "suppressed after N campaigns, or none"),
    quiet(Setting::StopWords, Group::Consent, "People", "STOP words", "of its own, with commas, or none"),
    quiet(Setting::StartWords, Group::Consent, "People", "START words", "of its own, with commas, or none"),
    sends(Setting::StopConfirmation, Group::Consent, "People", "STOP answer", "text | fr=texte, or none"),
    sends(Setting::StartConfirmation, Group::Consent, "People", "START answer", "text | fr=texte, or none"),
    quiet(Setting::Slots, Group::Slots, "Slots", "Slots", "1-30"),
    quiet(Setting::SlotExpiry, Group::Slots, "Slots", "Free after", "days without use, or none"),
    quiet(Setting::AlertQuiet, Group::Alerts, "Alerts", "Quiet hours", "only what is critical; or none"),
    quiet(Setting::TokenDays, Group::Alerts, "Alerts", "Token is old", "after so many days, or none"),
    quiet(Setting::ReportAt, Group::Alerts, "Alerts", "Report at", "07:30, of the day before; or none"),
];

/// A change that was read: what the operator saw, and what it is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Of this setting.
    pub setting: Setting,
    /// As it was shown.
    pub was: String,
    /// As it is to be.
    pub to: Set,
}

/// All that is set of an organisation.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(BTreeMap<Setting, Set>);

impl Settings {
    /// What is set, one by one.
    #[must_use]
    pub fn of(all: impl IntoIterator<Item = (Setting, Set)>) -> Self {
        Self(all.into_iter().collect())
    }

    /// What this one is.
    #[must_use]
    pub fn get(&self, setting: Setting) -> Option<&Set> {
        self.0.get(&setting)
    }

    /// As it is shown; nothing where it is not known.
    #[must_use]
    pub fn text(&self, setting: Setting) -> String {
        self.get(setting).map(ToString::to_string).unwrap_or_default()
    }

    /// Takes these changes in.
    #[must_use]
    pub fn with<'a>(mut self, changes: impl IntoIterator<Item = &'a Change>) -> Self {
        self.0.extend(changes.into_iter().map(|change| (change.setting, change.to.clone())));
        self
    }

    /// The hours in which campaigns may send: what is not quiet, on these days. `None`: at any.
    ///
    /// # Errors
    /// When nothing would ever be sent.
    pub fn hours(&self) -> Result<Option<Hours>, String> {
        let days = match self.get(Setting::BusinessDays) {
            Some(Set::Days(days)) => *days,
            _ => EVERY_DAY,
        };
        let (from, to) = match self.get(Setting::Quiet) {
            // Quiet hours are the rest of the open ones.
            Some(Set::Span(Some((begins, ends)))) => (*ends, *begins),
            _ => (0, 1_440),
        };
        let hours = Hours::new(from, to, days).map_err(|error| error.to_string())?;
        // At any hour of any day is no rule at all.
        let any = hours.from() == 0 && hours.to() == 1_440 && days == EVERY_DAY;
        Ok((!any).then_some(hours))
    }
}

/// The hours outside of these, and their days: as they are set.
#[must_use]
pub fn quiet_and_days(hours: Option<Hours>) -> (Set, Set) {
    let Some(hours) = hours else { return (Set::Span(None), Set::Days(EVERY_DAY)) };
    let whole_day = hours.from() == 0 && hours.to() == 1_440;
    let ends = if hours.from() == 0 { 1_440 } else { hours.from() };
    let span = (!whole_day).then_some((hours.to() % 1_440, ends));
    (Set::Span(span), Set::Days(hours.days()))
}

impl Setting {
    /// How it is shown.
    #[must_use]
    pub fn shape(self) -> &'static Shape {
        let mut all = SETTINGS.iter().chain(&STEP_TEXTS);
        all.find(|shape| shape.setting == self).unwrap_or(&SETTINGS[0])
    }

    /// Whether it is yes or no.
    #[must_use]
    pub fn is_switch(self) -> bool {
        matches!(self, Self::OptOutLine | Self::Simultaneous)
    }

    /// What a text says of it.
    ///
    /// # Errors
    /// What is wrong with the text, and how it is written.
    pub fn read(self, text: &str) -> Result<Set, String> {
        let text = text.trim();
        let none = text.is_empty() || text == "none";
        let number = |least, most| or_none(text, none, least, most).map(Set::Number);
        match self {
            Self::Name if text.is_empty() => Err("a name is needed".to_owned()),
            Self::Name => Ok(Set::Text(text.to_owned())),
            Self::Zone => text
                .parse()
                .map(Set::Zone)
                .map_err(|_| format!("{} is no time zone: write its IANA name, Africa/Douala", quoted(text))),
            Self::Language => Locale::parse(text).map(Set::Language).map_err(|error| error.to_string()),
            Self::DailyLimit => number(1, i32::MAX.unsigned_abs()),
            Self::WarmUp => ladder(if none { "off" } else { text }),
            Self::DefaultNumber | Self::CanaryPhone if none => Ok(Set::Phone(None)),
            Self::DefaultNumber | Self::CanaryPhone => {
                Phone::parse(text).map(|phone| Set::Phone(Some(phone))).map_err(|error| error.to_string())
            }
            Self::CanaryTemplate => template(text, none).map(Set::Template),
            Self::Quiet | Self::AlertQuiet => span(text, none).map(Set::Span),
            Self::BusinessDays if none => Ok(Set::Days(EVERY_DAY)),
            Self::BusinessDays => window::days(text).map(Set::Days).map_err(|error| error.to_string()),
            Self::ReportAt if none => Ok(Set::Minute(None)),
            Self::ReportAt => match window::minute(text) {
                Ok(minute) => Ok(Set::Minute(Some(minute % 1_440))),
                Err(error) => Err(error.to_string()),
            },
            Self::SubscriptionEnds if none => Ok(Set::Time(None)),
            Self::SubscriptionEnds => time(text).map(|at| Set::Time(Some(at))),
            Self::StopFailed | Self::StopOptedOut | Self::StopContentRefused => {
                Share::parse(text).map(Set::Share).map_err(|error| format!("it {error}"))
            }
            Self::StopAfter | Self::WarnAfter | Self::SilenceAfter | Self::SilencePast => {
                whole(text, 1, 1_000_000).map(|after| Set::Number(Some(after)))
            }
            Self::OptOutLine | Self::Simultaneous => switch(text).map(Set::Switch),
            Self::Slots => {
                text.parse().map(Set::Slots).map_err(|error: super::slot::SlotRangeError| error.to_string())
            }
            Self::SlotExpiry | Self::TokenDays => number(1, 3_650),
            Self::SuppressFailures | Self::SuppressUnanswered => number(1, 1_000),
            Self::WarnFailed | Self::WarnBlocked => number(1, 100),
            Self::StandbyDays => number(1, 365),
            Self::StopWords | Self::StartWords => own_words(text, none).map(Set::Words),
            Self::StopConfirmation | Self::StartConfirmation => written::texts(text, none).map(Set::Texts),
            Self::StepText(_) => steps::read(text, none).map(Set::Says),
        }
    }
}

/// A text as a sentence names it.
fn quoted(text: &str) -> String {
    format!("\"{}\"", Safe::cut(text, 40))
}

fn whole(text: &str, least: u32, most: u32) -> Result<u32, String> {
    let number = text.parse().ok().filter(|number| (least..=most).contains(number));
    number.ok_or_else(|| format!("it is a whole number from {least} to {most}"))
}

fn or_none(text: &str, none: bool, least: u32, most: u32) -> Result<Option<u32>, String> {
    if none {
        return Ok(None);
    }
    whole(text, least, most).map(Some).map_err(|sentence| sentence + ", or none")
}

fn ladder(text: &str) -> Result<Set, String> {
    text.parse().map(Set::Ladder).map_err(|error: super::warm_up::LadderError| error.to_string())
}

fn span(text: &str, none: bool) -> Result<Option<(u16, u16)>, String> {
    if none {
        return Ok(None);
    }
    let (from, to) = window::span(text).map_err(|error| error.to_string())?;
    // What lies between them has to be some time, and so has the rest of the day.
    if from % 1_440 == to % 1_440 {
        return Err("it begins and ends at the same time; none for no such hours".to_owned());
    }
    let hours = Hours::new(from, to, EVERY_DAY).map_err(|error| error.to_string())?;
    Ok(Some((hours.from(), hours.to())))
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("it is yes or no".to_owned()),
    }
}

fn time(text: &str) -> Result<NaiveDateTime, String> {
    ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())
        .ok_or_else(|| "a time is written 2026-12-01T09:00, on the organisation's clock; or none".to_owned())
}

fn template(text: &str, none: bool) -> Result<Option<(String, Locale)>, String> {
    if none {
        return Ok(None);
    }
    let mut words = text.split_whitespace();
    let (name, language) = (words.next().unwrap_or_default(), words.next().unwrap_or("en"));
    if name.len() > 512 || words.next().is_some() {
        return Err("it is the name of a template and its language, hello_world en; or none".to_owned());
    }
    let language = Locale::parse(language).map_err(|error| error.to_string())?;
    Ok(Some((name.to_owned(), language)))
}

fn own_words(text: &str, none: bool) -> Result<Vec<String>, String> {
    if none {
        return Ok(Vec::new());
    }
    let words: Vec<String> = text.split(',').map(|word| word.trim().to_owned()).collect();
    match words.iter().find(|word| !word.chars().any(char::is_alphanumeric)) {
        Some(word) => Err(format!("{} is no word: it has no letter", quoted(word))),
        None => Ok(words),
    }
}

#[cfg(test)]
mod tests;
