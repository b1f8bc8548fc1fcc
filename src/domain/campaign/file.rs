//! The campaign file: TOML in, a checked [`CampaignSpec`] or every problem at once out.
//!
//! Nothing is silently ignored: a key that nobody knows is refused with the likely one, and one that belongs to a later
//! part is refused by name. What only the database can tell (which pools exist, which attributes contacts have) comes in
//! with the [`Context`], so that those mistakes have a place in the file too.

use super::draft::quoted;
use super::finding::{Finding, Findings};
use super::reader::{Keys, Section, Setting};
use super::spec::{
    CampaignName, CampaignSpec, DailyLimit, Delay, Failover, NAME_LIMIT, Priority, STEPS_LIMIT, StepSpec,
    Weight,
};
use crate::domain::day::resolve;
use crate::domain::locale::Locale;
use crate::domain::suggest::nearest;
use crate::domain::template::{LocalizedText, Texts};
use chrono::{DateTime, NaiveDateTime, Utc};
use chrono_tz::Tz;
use std::fmt::Display;
use toml::de::{DeTable, DeValue};

/// Largest file that is read, in bytes: a hundred thousand hand-picked phones fit.
pub const FILE_LIMIT: usize = 4 * 1024 * 1024;
/// The pool that a file without one means.
pub const DEFAULT_POOL: &str = "default";

const CAMPAIGN: Keys = Keys {
    known: &[
        "name",
        "priority",
        "weight",
        "pool",
        "daily_limit",
        "starts_at",
        "run_after",
        "missed",
        "window",
        "expires_after",
        "until",
        "failover",
        "audience",
        "standing",
        "steps",
        "slots",
        "exit",
        "opt_out_line",
        "stop_when",
        "rollout",
    ],
    later: &[],
};
const STEP: Keys = Keys { known: &["after", "text", "template", "media", "variants"], later: &[] };

/// What the organisation knows, as far as a file can be wrong about it.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The organisation's zone, in which `starts_at` is read.
    pub zone: Tz,
    /// The attributes that contacts have; `None`: not known here, anything goes.
    pub attributes: Option<&'a [&'a str]>,
    /// The pools that exist; `None`: not known here, any name goes.
    pub pools: Option<&'a [&'a str]>,
    /// The campaigns that exist; `None`: not known here, any name goes.
    pub campaigns: Option<&'a [&'a str]>,
    /// Whether media may stand at a private address.
    pub private_media: bool,
    /// Whether texts get the line that says how to stop, where the file does not say.
    pub opt_out_line: bool,
    /// What the steps say where the file does not, in their order.
    pub default_texts: &'a [Texts],
}

impl Context<'_> {
    /// Nothing but a zone.
    #[must_use]
    pub fn in_zone(zone: Tz) -> Self {
        Self {
            zone,
            attributes: None,
            pools: None,
            campaigns: None,
            private_media: false,
            opt_out_line: false,
            default_texts: &[],
        }
    }
}

/// Reader of campaign files.
pub struct CampaignFile;

impl CampaignFile {
    /// Reads and checks a file. `file_name` is how the operator named it.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the file.
    pub fn parse(text: &str, file_name: &str, context: &Context<'_>) -> Result<CampaignSpec, Vec<Finding>> {
        let mut findings = Findings::new(file_name, text);
        if text.len() > FILE_LIMIT {
            findings.add(0, "", format_args!("the file is larger than {} MiB", FILE_LIMIT / 1024 / 1024));
            return Err(findings.into_vec());
        }
        let (table, errors) = DeTable::parse_recoverable(text);
        for error in &errors {
            let at = error.span().map_or(0, |span| span.start);
            findings.add(at, "", format_args!("this is not TOML: {}", error.message()));
        }
        // What was left out of a file that cannot be read in full says nothing about what is missing.
        if !errors.is_empty() {
            return Err(findings.into_vec());
        }
        Section::root(&table).refuse_nul(&mut findings);
        if !findings.is_empty() {
            return Err(findings.into_vec());
        }
        let spec =
            Reading { context, findings: &mut findings, adds_line: false }.campaign(&Section::root(&table));
        match spec {
            Some(spec) if findings.is_empty() => Ok(spec),
            _ => Err(findings.into_vec()),
        }
    }

    /// As [`CampaignFile::parse`], from the bytes of a file.
    ///
    /// # Errors
    /// As there; also when the file is not UTF-8.
    pub fn parse_bytes(
        bytes: &[u8],
        file_name: &str,
        context: &Context<'_>,
    ) -> Result<CampaignSpec, Vec<Finding>> {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::parse(text, file_name, context),
            Err(error) => {
                let readable = std::str::from_utf8(&bytes[..error.valid_up_to()]).unwrap_or_default();
                let mut findings = Findings::new(file_name, readable);
                findings.add(readable.len(), "", "the file is not UTF-8 from here on: save it as UTF-8");
                Err(findings.into_vec())
            }
        }
    }
}

impl CampaignFile {
    /// One text of a step in one language, judged as if it stood in a file; no language: any. `attributes`: as in the
    /// [`Context`].
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn text(tag: &str, said: &str, attributes: Option<&[&str]>) -> Result<LocalizedText, String> {
        let language = if tag.is_empty() { "en" } else { tag };
        Locale::parse(language).map_err(|error| error.to_string())?;
        let file = format!("name = \"texts\"\n[[steps]]\ntext = {{ {language} = {} }}\n", quoted(said));
        let context = Context { attributes, ..Context::in_zone(Tz::UTC) };
        let read = Self::parse(&file, "texts", &context).map_err(|findings| {
            let sentence = findings.into_iter().next().map(|finding| finding.sentence).unwrap_or_default();
            let named = if tag.is_empty() { "it".to_owned() } else { format!("the text in {tag}") };
            sentence.replace(&format!("steps[0].text.{language}"), &named)
        })?;
        let text = read.steps.into_iter().next().and_then(|step| step.content.texts.0.into_iter().next());
        text.ok_or_else(|| "it says nothing".to_owned())
    }
}

/// What a copy leaves out: when the campaign starts and ends.
const ONLY_ONCE: [&str; 3] = ["starts_at", "run_after", "until"];

/// The same file with another name, and started by hand: of a copy nobody knows when it is to start, behind which campaign,
/// or when it is too late for it. `None`: it names no campaign, so it was never one.
#[must_use]
pub fn copy(source: &str, name: &str) -> Option<String> {
    let (table, _) = DeTable::parse_recoverable(source);
    let section = Section::root(&table);
    let left_out = ONLY_ONCE.iter().filter_map(|key| section.get(key));
    let mut changes: Vec<_> = left_out.map(|setting| (setting.at..setting.span.end, String::new())).collect();
    changes.push((section.get("name")?.span, format!("\"{name}\"")));
    // The last one first: what stands before it keeps its place.
    changes.sort_by_key(|(place, _)| std::cmp::Reverse(place.start));
    let mut copy = source.to_owned();
    for (place, written) in changes {
        copy.replace_range(place, &written);
    }
    Some(copy)
}

pub(super) struct Reading<'c, 'f, 's> {
    pub(super) context: &'c Context<'c>,
    pub(super) findings: &'f mut Findings<'s>,
    /// Whether texts get the line that says how to stop.
    pub(super) adds_line: bool,
}

impl Reading<'_, '_, '_> {
    fn campaign(&mut self, root: &Section<'_, '_>) -> Option<CampaignSpec> {
        root.check_keys(&CAMPAIGN, self.findings);
        let name = root
            .require("name", "write name = \"summer-sale\"", self.findings, &CAMPAIGN)
            .and_then(|setting| self.name(&setting));
        let pool =
            root.get("pool").map_or_else(|| Some(DEFAULT_POOL.to_owned()), |setting| self.pool(&setting));
        let priority = root.get("priority").map(|setting| self.number::<Priority>(&setting, "priority = 10"));
        let weight = root.get("weight").map(|setting| self.number::<Weight>(&setting, "weight = 2"));
        let daily_limit =
            root.get("daily_limit").map(|setting| self.number::<DailyLimit>(&setting, "daily_limit = 250"));
        let starts_at = root.get("starts_at").map(|setting| self.time(&setting, "starts_at"));
        let timing = self.timing(root);
        let failover = root.get("failover").map(|setting| self.failover(&setting));
        let audience = root.get("audience").map(|setting| self.audience(&setting));
        let standing = root.get("standing").map(|setting| self.standing(&setting));
        self.check_standing(root, standing.is_some());
        let conduct = self.conduct(root);
        self.check_rollout(root, conduct.rollout.is_some(), standing.is_some());
        self.adds_line = self.opt_out_line(root);
        let steps = self.steps(root);
        Some(CampaignSpec {
            name: name?,
            priority: priority.unwrap_or(Some(Priority::default()))?,
            weight: weight.unwrap_or(Some(Weight::default()))?,
            pool: pool?,
            daily_limit: optional(daily_limit)?,
            starts_at: optional(starts_at)?,
            run_after: timing.run_after,
            missed: timing.missed,
            window: timing.window,
            expires_after: timing.expires_after,
            until: timing.until,
            failover: failover.unwrap_or(Some(Failover::default()))?,
            audience: audience.unwrap_or_default(),
            standing: optional(standing)?,
            conduct,
            steps,
        })
    }

    pub(super) fn refuse(&mut self, setting: &Setting<'_, '_>, sentence: impl Display) {
        self.findings.add(setting.span.start, &setting.path, sentence);
    }

    /// The value, or a note `path error`.
    pub(super) fn keep<T>(&mut self, setting: &Setting<'_, '_>, read: Result<T, impl Display>) -> Option<T> {
        read.map_err(|error| self.refuse(setting, format_args!("{} {error}", setting.path))).ok()
    }

    fn name(&mut self, setting: &Setting<'_, '_>) -> Option<CampaignName> {
        let raw = setting.string("write name = \"summer-sale\"", self.findings)?;
        self.keep(setting, CampaignName::parse(raw))
    }

    fn pool(&mut self, setting: &Setting<'_, '_>) -> Option<String> {
        let raw = setting.string("write pool = \"default\"", self.findings)?;
        let wrong = raw.trim() != raw
            || raw.is_empty()
            || raw.chars().count() > NAME_LIMIT
            || raw.chars().any(char::is_control);
        if wrong {
            self.refuse(
                setting,
                format_args!(
                    "{} {raw:?} is no pool's name: write the name as `signalbox pool list` shows it",
                    setting.path
                ),
            );
            return None;
        }
        if let Some(pools) = self.context.pools.filter(|pools| !pools.contains(&raw)) {
            let hint = match nearest(raw, pools.iter().copied()) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => "make it with `signalbox pool add`, or name one that `signalbox pool list` shows"
                    .to_owned(),
            };
            self.refuse(setting, format_args!("{}: there is no pool {raw:?}: {hint}", setting.path));
            return None;
        }
        Some(raw.to_owned())
    }

    fn number<T: TryFrom<i64>>(&mut self, setting: &Setting<'_, '_>, example: &str) -> Option<T>
    where
        T::Error: Display,
    {
        let value = setting.integer(&format!("write {example}"), self.findings)?;
        self.keep(setting, T::try_from(value))
    }

    /// A time on the organisation's clock.
    pub(super) fn time(&mut self, setting: &Setting<'_, '_>, key: &str) -> Option<DateTime<Utc>> {
        let wanted = &format!("write {key} = \"2026-12-01T09:00\"");
        let raw = match setting.value {
            DeValue::Datetime(time) => time.to_string(),
            _ => setting.string(wanted, self.findings)?.to_owned(),
        };
        let forms = ["%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S"];
        let read = forms.iter().find_map(|form| NaiveDateTime::parse_from_str(raw.trim(), form).ok());
        let Some(local) = read else {
            let why = if DateTime::parse_from_rfc3339(raw.trim()).is_ok() {
                format!(
                    "carries a zone of its own, but is read in the organisation's, {}: {wanted}",
                    self.context.zone
                )
            } else {
                format!("{raw:?} is not a time: {wanted}, in the organisation's zone {}", self.context.zone)
            };
            self.refuse(setting, format_args!("{} {why}", setting.path));
            return None;
        };
        self.keep(setting, resolve(local, self.context.zone))
    }

    fn failover(&mut self, setting: &Setting<'_, '_>) -> Option<Failover> {
        let wanted = "write failover = \"pool\", failover = \"label\" or failover = \"never\"";
        match setting.string(wanted, self.findings)? {
            "pool" => Some(Failover::Pool),
            "never" => Some(Failover::Never),
            "label" => Some(Failover::Label),
            other => {
                self.refuse(setting, format_args!("{} is {other:?}: {wanted}", setting.path));
                None
            }
        }
    }

    fn steps(&mut self, root: &Section<'_, '_>) -> Vec<StepSpec> {
        let wanted = "write at least one [[steps]] with a text";
        let Some(setting) = root.require("steps", wanted, self.findings, &CAMPAIGN) else {
            return Vec::new();
        };
        let elements = setting.list(wanted, self.findings);
        if elements.len() > STEPS_LIMIT {
            let count = elements.len();
            self.refuse(
                &setting,
                format_args!("{} has {count} steps; a campaign has at most {STEPS_LIMIT}", setting.path),
            );
        }
        let mut steps = Vec::new();
        for (nth, element) in elements.iter().enumerate() {
            let Some(section) = element.section("write each step as a section, [[steps]]", self.findings)
            else {
                continue;
            };
            section.check_keys(&STEP, self.findings);
            let after = self.after(nth, &section);
            let content = self.content(nth, &section);
            if let (Some(after), Some(content)) = (after, content) {
                self.same_split(nth, element, &steps, &content);
                steps.push(StepSpec { after, content });
            }
        }
        steps
    }

    /// The first step goes at once if the file says nothing; for the others nobody can guess.
    fn after(&mut self, nth: usize, step: &Section<'_, '_>) -> Option<Delay> {
        let wanted = "write after = \"1d\", the time since the previous step";
        let setting = match step.get("after") {
            Some(setting) => setting,
            None if nth == 0 => return Some(Delay::default()),
            None => step.require("after", wanted, self.findings, &STEP)?,
        };
        let raw = setting.string("write after = \"2h\", with its unit", self.findings)?;
        self.keep(&setting, Delay::parse(raw))
    }
}

/// A setting that may be absent: absent is fine, present and wrong is not.
#[expect(clippy::option_option, reason = "whether it was written and whether it was right are two questions")]
fn optional<T>(setting: Option<Option<T>>) -> Option<Option<T>> {
    match setting {
        None => Some(None),
        Some(value) => value.map(Some),
    }
}

mod audience;
mod conduct;
mod step;
#[cfg(test)]
mod tests;
mod variant;
