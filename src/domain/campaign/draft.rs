//! A campaign as it is typed into a form: texts by key, right or wrong. It is written as a campaign file, what is wrong
//! too, so that the one reader of files says what is wrong with it, by key.

mod notation;
mod read;
mod weave;

pub use weave::weave;

use crate::domain::window;
use notation::split;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Where a value stands in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Key {
    /// `name`
    Name,
    /// `pool`
    Pool,
    /// `priority`
    Priority,
    /// `weight`
    Weight,
    /// `daily_limit`
    DailyLimit,
    /// `rollout`, as `1, 10, 100`, or with conditions of its own: `1, 10, 100, wait=30m`
    Rollout,
    /// `failover`
    Failover,
    /// `starts_at`
    StartsAt,
    /// `run_after`
    RunAfter,
    /// `missed`
    Missed,
    /// `window.from` and `window.to`, as `09:00-20:00`
    WindowHours,
    /// `window.days`, as `mon-fri`
    WindowDays,
    /// `window.zone`
    WindowZone,
    /// `expires_after`
    ExpiresAfter,
    /// `until`
    Until,
    /// `standing.after`
    StandingAfter,
    /// `standing.every`
    StandingEvery,
    /// `slots`
    Slots,
    /// `opt_out_line`
    OptOutLine,
    /// `exit.on_reply`
    ExitOnReply,
    /// `exit.attributes`
    ExitAttributes,
    /// `stop_when.failed`
    StopFailed,
    /// `stop_when.opted_out`
    StopOptedOut,
    /// `stop_when.after`
    StopAfter,
    /// `audience.countries`
    Countries,
    /// `audience.gender`
    Gender,
    /// `audience.professions`
    Professions,
    /// `audience.age`, as `18-65`
    Age,
    /// `audience.registered`, as `2024-01-01..2025-01-01`
    Registered,
    /// `audience.attributes`, as `tier=gold|silver, city=Douala`
    Attributes,
    /// `audience.tags`
    Tags,
    /// `audience.phones`
    Phones,
    /// `audience.exclude_active`
    ExcludeActive,
    /// `audience.consent`
    Consent,
    /// `audience.not_contacted_for`
    NotContactedFor,
    /// `audience.limit`
    Limit,
    /// Of the audience: lines of the file as they are
    AudienceOther,
    /// Lines of the file as they are, for keys that are not here. `\n` stands between them.
    Other,
    /// Of a step: `after`
    After,
    /// Of a variant of a step: `name`
    VariantName,
    /// Of a variant of a step: `weight`
    VariantWeight,
    /// Of a step: `template.name`
    TemplateName,
    /// Of a step: `template.language`
    TemplateLanguage,
    /// Of a step: `template.languages`, those beside it
    TemplateLanguages,
    /// Of a step: `template.parameters`, as `{{name|friend}}, {{city}}` or by name, as `first={{name|friend}}`
    Parameters,
    /// Of a step: `template.header`, as a text or by name
    Header,
    /// Of a step: `template.buttons`, as `url=promo-20, 2 code={{code}}`
    Buttons,
    /// Of a step: `media.kind`
    MediaKind,
    /// Of a step: `media.url`
    MediaUrl,
    /// Of a step: `media.filename`
    MediaFile,
    /// Of a step: lines of the file as they are
    StepOther,
}

/// How a value is written.
enum Form {
    Text,
    Number,
    Flag,
    List,
    Attributes,
    /// Two ends with this between them, under two keys.
    Range(&'static str, [&'static str; 2], bool),
    Days,
    Stages,
    Parameters,
    Header,
    Buttons,
}

impl Key {
    /// The table that it stands in; empty: none.
    fn table(self) -> &'static str {
        match self {
            Self::WindowHours | Self::WindowDays | Self::WindowZone => "window",
            Self::StandingAfter | Self::StandingEvery => "standing",
            Self::ExitOnReply | Self::ExitAttributes => "exit",
            Self::StopFailed | Self::StopOptedOut | Self::StopAfter => "stop_when",
            Self::TemplateName
            | Self::TemplateLanguage
            | Self::TemplateLanguages
            | Self::Parameters
            | Self::Header
            | Self::Buttons => "template",
            Self::MediaKind | Self::MediaUrl | Self::MediaFile => "media",
            key if (Self::Countries..=Self::AudienceOther).contains(&key) => "audience",
            _ => "",
        }
    }

    /// Its name within its table. Of hours it is empty: both ends are keys of the table itself.
    fn name(self) -> &'static str {
        match self {
            Self::Name | Self::VariantName | Self::TemplateName => "name",
            Self::Pool => "pool",
            Self::Priority => "priority",
            Self::Weight | Self::VariantWeight => "weight",
            Self::DailyLimit => "daily_limit",
            Self::Rollout => "rollout",
            Self::Failover => "failover",
            Self::StartsAt => "starts_at",
            Self::RunAfter => "run_after",
            Self::Missed => "missed",
            Self::WindowHours | Self::AudienceOther | Self::Other | Self::StepOther => "",
            Self::WindowDays => "days",
            Self::WindowZone => "zone",
            Self::ExpiresAfter => "expires_after",
            Self::Until => "until",
            Self::StandingAfter | Self::StopAfter | Self::After => "after",
            Self::StandingEvery => "every",
            Self::Slots => "slots",
            Self::OptOutLine => "opt_out_line",
            Self::ExitOnReply => "on_reply",
            Self::ExitAttributes | Self::Attributes => "attributes",
            Self::StopFailed => "failed",
            Self::StopOptedOut => "opted_out",
            Self::Countries => "countries",
            Self::Gender => "gender",
            Self::Professions => "professions",
            Self::Age => "age",
            Self::Registered => "registered",
            Self::Tags => "tags",
            Self::Phones => "phones",
            Self::ExcludeActive => "exclude_active",
            Self::Consent => "consent",
            Self::NotContactedFor => "not_contacted_for",
            Self::Limit => "limit",
            Self::TemplateLanguage => "language",
            Self::TemplateLanguages => "languages",
            Self::Parameters => "parameters",
            Self::Header => "header",
            Self::Buttons => "buttons",
            Self::MediaKind => "kind",
            Self::MediaUrl => "url",
            Self::MediaFile => "filename",
        }
    }

    fn form(self) -> Form {
        match self {
            Self::Priority
            | Self::Weight
            | Self::DailyLimit
            | Self::StopFailed
            | Self::StopOptedOut
            | Self::StopAfter
            | Self::Limit
            | Self::VariantWeight => Form::Number,
            Self::OptOutLine | Self::ExitOnReply | Self::ExcludeActive => Form::Flag,
            Self::Countries | Self::Professions | Self::Tags | Self::Phones | Self::TemplateLanguages => {
                Form::List
            }
            Self::Attributes | Self::ExitAttributes => Form::Attributes,
            Self::WindowHours => Form::Range("-", ["from", "to"], false),
            Self::Age => Form::Range("-", ["min", "max"], true),
            Self::Registered => Form::Range("..", ["from", "to"], false),
            Self::WindowDays => Form::Days,
            Self::Rollout => Form::Stages,
            Self::Parameters => Form::Parameters,
            Self::Header => Form::Header,
            Self::Buttons => Form::Buttons,
            _ => Form::Text,
        }
    }

    /// Whether it stands in this table of the file.
    #[must_use]
    pub fn stands_in(self, table: &str) -> bool {
        !table.is_empty() && self.table() == table
    }

    /// Whether it is of a step as a whole, whatever its variants say.
    #[must_use]
    pub fn is_of_step(self) -> bool {
        matches!(self, Self::After | Self::StepOther)
    }

    /// Whether it is of a variant as such; a step that says one thing has none.
    #[must_use]
    pub fn is_of_variant(self) -> bool {
        matches!(self, Self::VariantName | Self::VariantWeight)
    }

    /// Whether it is typed otherwise than the file has it, so that an advice how to write the file is none here.
    #[must_use]
    pub fn has_own_notation(self) -> bool {
        matches!(self.form(), Form::Parameters | Form::Header | Form::Buttons)
    }

    /// Whether what is said of this path of the file is said of this key. Paths in a step come without the step, and in
    /// a variant without the variant.
    #[must_use]
    pub fn is_at(self, path: &str) -> bool {
        let (table, name) = (self.table(), self.name());
        let within = |path: &str, whole: &str| {
            path.strip_prefix(whole).is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
        };
        match (table, name) {
            _ if self == Self::StepOther => within(path, "variants"),
            _ if self == Self::AudienceOther => within(path, "audience"),
            ("", name) => within(path, name),
            (table, "") => path == table || within(path, "window.from") || within(path, "window.to"),
            (table, name) => within(path, &format!("{table}.{name}")),
        }
    }
}

/// What a step says, or one of its variants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftSaying {
    /// What is typed, by key; what is blank is left out.
    pub values: BTreeMap<Key, String>,
    /// Texts, each behind its language. `\n` stands for the end of a line.
    pub texts: Vec<(String, String)>,
}

/// One message of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DraftStep {
    /// What it says: where there are variants, the first of them; and what is of the step as a whole.
    pub first: DraftSaying,
    /// The other variants; none: everybody gets the same.
    pub others: Vec<DraftSaying>,
}

/// What is typed so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Draft {
    /// What is typed, by key; what is blank is left out.
    pub values: BTreeMap<Key, String>,
    /// The messages.
    pub steps: Vec<DraftStep>,
}

impl Draft {
    /// The campaign file that says this.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let values = filled(&self.values);
        let (other, values): (Vec<_>, Vec<_>) = values.into_iter().partition(|(key, _)| *key == Key::Other);
        let (audience, plain): (Vec<_>, Vec<_>) =
            values.into_iter().partition(|(key, _)| key.table() == "audience");
        settings(&mut text, &plain);
        for (_, lines) in &other {
            let _ = writeln!(text, "{}", with_lines(lines));
        }
        if !audience.is_empty() {
            text.push_str("\n[audience]\n");
            for (key, value) in &audience {
                let _ = match key {
                    Key::AudienceOther => writeln!(text, "{}", with_lines(value)),
                    key => writeln!(text, "{} = {}", key.name(), written(*key, value)),
                };
            }
        }
        for step in &self.steps {
            step.write(&mut text);
        }
        text
    }

    /// The same people, whatever else is still wrong: what an audience can be counted by while the rest is typed. Texts
    /// are part of it as soon as they can be read, because who lacks what they need is left out.
    #[must_use]
    pub fn only_audience(&self, with_steps: bool) -> Self {
        let kept = self.values.iter().filter(|(key, _)| key.table() == "audience");
        let mut values: BTreeMap<Key, String> = kept.map(|(key, value)| (*key, value.clone())).collect();
        values.insert(Key::Name, "draft".to_owned());
        let hello =
            DraftSaying { texts: vec![("en".to_owned(), "Hello".to_owned())], ..DraftSaying::default() };
        let anything = DraftStep { first: hello, others: Vec::new() };
        Self { values, steps: if with_steps { self.steps.clone() } else { vec![anything] } }
    }
}

impl DraftStep {
    fn write(&self, text: &mut String) {
        text.push_str("\n[[steps]]\n");
        let (of_step, said): (Vec<_>, Vec<_>) =
            filled(&self.first.values).into_iter().partition(|(key, _)| key.is_of_step());
        let (other, of_step): (Vec<_>, Vec<_>) =
            of_step.into_iter().partition(|(key, _)| *key == Key::StepOther);
        settings(text, &of_step);
        let plain: Vec<_> = said.iter().filter(|(key, _)| !key.is_of_variant()).cloned().collect();
        if self.others.is_empty() {
            settings(text, &plain);
        }
        for (_, lines) in &other {
            let _ = writeln!(text, "{}", with_lines(lines));
        }
        if self.others.is_empty() {
            self.first.write_texts(text);
            return;
        }
        text.push_str("\n[[steps.variants]]\n");
        settings(text, &said);
        self.first.write_texts(text);
        for other in &self.others {
            text.push_str("\n[[steps.variants]]\n");
            settings(text, &filled(&other.values));
            other.write_texts(text);
        }
    }
}

impl DraftSaying {
    fn write_texts(&self, text: &mut String) {
        let texts: Vec<String> = self
            .texts
            .iter()
            .filter(|(language, said)| !language.trim().is_empty() || !said.trim().is_empty())
            .map(|(language, said)| format!("{} = {}", quoted(language.trim()), quoted(&with_lines(said))))
            .collect();
        if !texts.is_empty() {
            let _ = writeln!(text, "text = {{ {} }}", texts.join(", "));
        }
    }
}

/// What is not blank, in the order of the file.
fn filled(values: &BTreeMap<Key, String>) -> Vec<(Key, String)> {
    let kept = values.iter().map(|(key, value)| (*key, value.trim().to_owned()));
    kept.filter(|(_, value)| !value.is_empty()).collect()
}

/// Keys without a table a line each, those of one table together on one.
fn settings(text: &mut String, values: &[(Key, String)]) {
    let mut tables: Vec<(&str, Vec<String>)> = Vec::new();
    for (key, value) in values {
        let table = key.table();
        if table.is_empty() {
            let _ = writeln!(text, "{} = {}", key.name(), written(*key, value));
            continue;
        }
        let parts = match key.form() {
            Form::Range(between, ends, is_number) if key.name().is_empty() => {
                two_ends(value, between, ends, is_number)
                    .unwrap_or_else(|| vec![format!("from = {}", quoted(value))])
            }
            _ => vec![format!("{} = {}", key.name(), written(*key, value))],
        };
        match tables.iter_mut().find(|(known, _)| *known == table) {
            Some((_, known)) => known.extend(parts),
            None => tables.push((table, parts)),
        }
    }
    for (table, parts) in tables {
        let _ = writeln!(text, "{table} = {{ {} }}", parts.join(", "));
    }
}

fn written(key: Key, value: &str) -> String {
    match key.form() {
        Form::Text => quoted(value),
        Form::Number => number(value),
        Form::Flag => match value {
            "yes" => "true".to_owned(),
            "no" => "false".to_owned(),
            other => quoted(other),
        },
        Form::List => list(&split(value)),
        Form::Attributes => attributes(value),
        Form::Range(between, ends, is_number) => match two_ends(value, between, ends, is_number) {
            Some(parts) => format!("{{ {} }}", parts.join(", ")),
            None => quoted(value),
        },
        Form::Parameters => notation::parameters(value),
        Form::Header => notation::header(value),
        Form::Buttons => notation::buttons(value),
        Form::Days => list(&days(value)),
        Form::Stages => notation::stages(value),
    }
}

/// A number as it is, anything else as the text that it is.
fn number(value: &str) -> String {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = all_digits(whole)
        && all_digits(fraction)
        && value.len() <= 18
        && (whole == "0" || !whole.starts_with('0'));
    if is_number { value.to_owned() } else { quoted(value) }
}

fn list(parts: &[String]) -> String {
    format!("[{}]", parts.iter().map(|part| quoted(part)).collect::<Vec<_>>().join(", "))
}

fn attributes(value: &str) -> String {
    let parts: Vec<String> = split(value)
        .iter()
        .map(|part| match part.split_once('=') {
            Some((name, values)) => {
                let values: Vec<String> = values.split('|').map(|one| one.trim().to_owned()).collect();
                format!("{} = {}", quoted(name.trim()), list(&values))
            }
            // No list: the reader says what it should be.
            None => format!("{} = \"\"", quoted(part)),
        })
        .collect();
    format!("{{ {} }}", parts.join(", "))
}

/// Both ends of a range, of which one may be missing. `None`: nothing stands between them.
fn two_ends(value: &str, between: &str, ends: [&str; 2], is_number: bool) -> Option<Vec<String>> {
    let (from, to) = value.split_once(between)?;
    let end = |name: &str, end: &str| {
        let end = end.trim();
        let said = if is_number { number(end) } else { quoted(end) };
        (!end.is_empty()).then(|| format!("{name} = {said}"))
    };
    Some([end(ends[0], from), end(ends[1], to)].into_iter().flatten().collect())
}

fn days(value: &str) -> Vec<String> {
    const NAMES: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];
    match window::days(value) {
        Ok(days) => {
            let named = NAMES.iter().enumerate().filter(|(at, _)| days >> at & 1 == 1);
            named.map(|(_, name)| (*name).to_owned()).collect()
        }
        Err(_) => split(value),
    }
}

/// A typed text as it is meant: `\n` is the end of a line, `\\` a backslash.
fn with_lines(typed: &str) -> String {
    let mut text = String::with_capacity(typed.len());
    let mut letters = typed.trim().chars().peekable();
    while let Some(letter) = letters.next() {
        match (letter, letters.peek()) {
            ('\\', Some('n')) => {
                letters.next();
                text.push('\n');
            }
            ('\\', Some('\\')) => {
                letters.next();
                text.push('\\');
            }
            _ => text.push(letter),
        }
    }
    text
}

/// A TOML string.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            control if control.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(control));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests;
