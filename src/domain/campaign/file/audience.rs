//! The part of a campaign file that says who gets the campaign.

use super::Reading;
use crate::domain::audience::{AgeRange, Audience, ConsentRule, DateRange, Gender};
use crate::domain::campaign::{
    Delay, Standing,
    reader::{Keys, Section, Setting},
};
use crate::domain::country::Country;
use crate::domain::phone::Phone;
use crate::domain::suggest::nearest;
use chrono::NaiveDate;
use std::collections::{BTreeMap, HashMap};
use toml::de::DeValue;

const AUDIENCE: Keys = Keys {
    known: &[
        "countries",
        "gender",
        "professions",
        "age",
        "registered",
        "attributes",
        "tags",
        "phones",
        "consent",
        "exclude_active",
        "not_contacted_for",
        "limit",
    ],
    later: &[],
};
const AGE: Keys = Keys { known: &["min", "max"], later: &[] };
const STANDING: Keys = Keys { known: &["after", "every"], later: &[] };
const REGISTERED: Keys = Keys { known: &["from", "to"], later: &[] };
/// Nobody is older.
const OLDEST: i64 = 150;

impl Reading<'_, '_, '_> {
    pub(super) fn audience(&mut self, setting: &Setting<'_, '_>) -> Audience {
        let Some(section) = setting.section("write it as a section, [audience]", self.findings) else {
            return Audience::default();
        };
        section.check_keys(&AUDIENCE, self.findings);
        let mut audience = Audience::default();
        if let Some(setting) = section.get("countries") {
            audience.countries = self.countries(&setting);
        }
        audience.gender = section.get("gender").and_then(|setting| self.gender(&setting));
        if let Some(setting) = section.get("professions") {
            audience.professions =
                self.strings(&setting, "write professions = [\"nurse\"], or take the line out");
        }
        audience.age = section.get("age").and_then(|setting| self.age(&setting));
        audience.registered = section.get("registered").and_then(|setting| self.registered(&setting));
        if let Some(setting) = section.get("attributes") {
            audience.attributes = self.attributes(&setting, self.context.attributes);
        }
        if let Some(setting) = section.get("tags") {
            audience.tags = self.strings(&setting, "write tags = [\"vip\"], or take the line out");
        }
        if let Some(setting) = section.get("phones") {
            audience.phones = self.phones(&setting);
        }
        self.reach(&section, &mut audience);
        audience
    }

    /// Who of the audience may be sent to.
    fn reach(&mut self, section: &Section<'_, '_>, audience: &mut Audience) {
        audience.consent = section.get("consent").and_then(|setting| self.consent(&setting));
        if let Some(setting) = section.get("exclude_active") {
            audience.exclude_active =
                setting.boolean("write exclude_active = true", self.findings).unwrap_or_default();
        }
        audience.not_contacted_for = section.get("not_contacted_for").and_then(|setting| {
            let wanted = "write not_contacted_for = \"72h\", the time since a campaign last sent to somebody";
            let raw = setting.string(wanted, self.findings)?;
            let delay = self.keep(&setting, Delay::parse(raw))?;
            if delay == Delay::default() {
                self.refuse(&setting, format_args!("{} is no time at all: {wanted}", setting.path));
            }
            Some(delay)
        });
        audience.limit = section.get("limit").and_then(|setting| {
            let limit = setting.integer("write limit = 500", self.findings)?;
            let kept = u32::try_from(limit).ok().filter(|limit| *limit > 0);
            if kept.is_none() {
                self.refuse(
                    &setting,
                    format_args!(
                        "{} is {limit}: a limit is at least 1; leave the line out for none",
                        setting.path
                    ),
                );
            }
            kept
        });
    }

    fn consent(&mut self, setting: &Setting<'_, '_>) -> Option<ConsentRule> {
        let wanted =
            "write consent = \"opted_in\" for people whose consent is on record, or take the line out";
        match setting.string(wanted, self.findings)? {
            "opted_in" => Some(ConsentRule::OptedIn),
            other => {
                self.refuse(setting, format_args!("{} is {other:?}: {wanted}", setting.path));
                None
            }
        }
    }

    fn gender(&mut self, setting: &Setting<'_, '_>) -> Option<Gender> {
        let wanted = "write gender = \"female\", \"male\" or \"other\", or take the line out for all";
        let raw = setting.string(wanted, self.findings)?;
        let gender =
            [Gender::Female, Gender::Male, Gender::Other].into_iter().find(|known| known.name() == raw);
        if gender.is_none() {
            self.refuse(setting, format_args!("{} is {raw:?}: {wanted}", setting.path));
        }
        gender
    }

    fn age(&mut self, setting: &Setting<'_, '_>) -> Option<AgeRange> {
        let wanted = "write age = { min = 18, max = 65 }, one of them or both";
        let section = setting.section(wanted, self.findings)?;
        section.check_keys(&AGE, self.findings);
        let [min, max] = ["min", "max"].map(|key| {
            let setting = section.get(key)?;
            let years = setting.integer(wanted, self.findings)?;
            let kept = u8::try_from(years).ok().filter(|_| years <= OLDEST);
            if kept.is_none() {
                self.refuse(
                    &setting,
                    format_args!("{} is {years}: an age is 0 to {OLDEST} years", setting.path),
                );
            }
            kept
        });
        match (min, max) {
            (None, None) if section.settings().is_empty() => {
                self.refuse(setting, format_args!("{} says nothing: {wanted}", setting.path));
            }
            (Some(min), Some(max)) if min > max => {
                let sentence = format_args!("{}: nobody is at least {min} and at most {max}", setting.path);
                self.refuse(setting, sentence);
            }
            _ => {}
        }
        Some(AgeRange { min, max })
    }

    fn registered(&mut self, setting: &Setting<'_, '_>) -> Option<DateRange> {
        let wanted = "write registered = { from = \"2024-01-01\", to = \"2025-01-01\" }, both days included";
        let section = setting.section(wanted, self.findings)?;
        section.check_keys(&REGISTERED, self.findings);
        let [from, to] = ["from", "to"].map(|key| section.get(key).and_then(|it| self.date(&it, wanted)));
        match (from, to) {
            (None, None) if section.settings().is_empty() => {
                self.refuse(setting, format_args!("{} says nothing: {wanted}", setting.path));
            }
            (Some(from), Some(to)) if from > to => {
                self.refuse(setting, format_args!("{}: {from} comes after {to}", setting.path));
            }
            _ => {}
        }
        Some(DateRange { from, to })
    }

    /// A date of the organisation's zone.
    fn date(&mut self, setting: &Setting<'_, '_>, wanted: &str) -> Option<NaiveDate> {
        let raw = match setting.value {
            DeValue::Datetime(time) => time.to_string(),
            _ => setting.string(wanted, self.findings)?.to_owned(),
        };
        let date = NaiveDate::parse_from_str(&raw, "%Y-%m-%d").ok().filter(|_| raw.len() == 10);
        if date.is_none() {
            let zone = self.context.zone;
            self.refuse(
                setting,
                format_args!(
                    "{} {raw:?} is not a date: {wanted}, as the calendar in {zone} has them",
                    setting.path
                ),
            );
        }
        date
    }

    fn countries(&mut self, setting: &Setting<'_, '_>) -> Vec<Country> {
        let wanted = "write countries = [\"CM\", \"NG\"], or take the line out";
        let mut countries = Vec::new();
        for element in setting.list(wanted, self.findings) {
            let Some(raw) = element.string(wanted, self.findings) else { continue };
            let Some(country) = self.keep(&element, Country::parse(raw)) else { continue };
            if countries.contains(&country) {
                self.refuse(
                    &element,
                    format_args!("{} {country} stands there twice: take one out", element.path),
                );
            } else {
                countries.push(country);
            }
        }
        countries
    }

    /// Attributes with the values that will do. `known`: those that there are; none: anything goes.
    pub(super) fn attributes(
        &mut self,
        setting: &Setting<'_, '_>,
        known: Option<&[&str]>,
    ) -> BTreeMap<String, Vec<String>> {
        let wanted = "write attributes = { customer_tier = [\"premium\"] }";
        let Some(section) = setting.section(wanted, self.findings) else { return BTreeMap::new() };
        let mut attributes = BTreeMap::new();
        for attribute in section.settings() {
            let name = attribute.path[setting.path.len() + 1..].to_owned();
            if name.trim().is_empty() {
                self.findings.add(attribute.at, &attribute.path, "an attribute has a name: write one");
                continue;
            }
            if let Some(known) = known.filter(|known| !known.contains(&name.as_str())) {
                let hint = nearest(&name, known.iter().copied())
                    .map_or_else(String::new, |meant| format!(": did you mean {meant}?"));
                let sentence = format!("{}: no contact has an attribute {name:?}{hint}", attribute.path);
                self.findings.add(attribute.at, &attribute.path, sentence);
            }
            attributes.insert(name, self.strings(&attribute, wanted));
        }
        if section.settings().is_empty() {
            self.refuse(setting, format_args!("{} names none: {wanted}, or take the line out", setting.path));
        }
        attributes
    }

    /// A list of different strings, none empty.
    fn strings(&mut self, setting: &Setting<'_, '_>, wanted: &str) -> Vec<String> {
        let mut strings: Vec<String> = Vec::new();
        for element in setting.list(wanted, self.findings) {
            let Some(raw) = element.string(wanted, self.findings) else { continue };
            if raw.trim().is_empty() {
                self.refuse(&element, format_args!("{} is empty: {wanted}", element.path));
            } else if strings.iter().any(|known| known == raw) {
                self.refuse(
                    &element,
                    format_args!("{} {raw:?} stands there twice: take one out", element.path),
                );
            } else {
                strings.push(raw.to_owned());
            }
        }
        strings
    }

    fn phones(&mut self, setting: &Setting<'_, '_>) -> Vec<Phone> {
        let wanted = "write phones = [\"+237600000001\"]";
        let mut phones = Vec::new();
        let mut seen: HashMap<Phone, String> = HashMap::new();
        for element in setting.list(wanted, self.findings) {
            let Some(raw) = element.string(wanted, self.findings) else { continue };
            let phone = match Phone::parse(raw) {
                Ok(phone) => phone,
                Err(error) => {
                    self.refuse(&element, format_args!("{} {raw:?} {error}", element.path));
                    continue;
                }
            };
            if let Some(first) = seen.get(&phone) {
                let sentence = format!("{} {raw:?} is the same phone as {first}: take one out", element.path);
                self.refuse(&element, sentence);
                continue;
            }
            seen.insert(phone.clone(), element.path.clone());
            phones.push(phone);
        }
        phones
    }

    pub(super) fn standing(&mut self, setting: &Setting<'_, '_>) -> Option<Standing> {
        let wanted = "write standing = { after = \"1h\", every = \"1h\" }";
        let section = setting.section(wanted, self.findings)?;
        section.check_keys(&STANDING, self.findings);
        let usual = Standing::default();
        let mut read = |key: &str, usual: Delay| {
            let Some(setting) = section.get(key) else { return Some(usual) };
            let raw = setting.string(wanted, self.findings)?;
            let delay = self.keep(&setting, Delay::parse(raw))?;
            if key == "every" && delay.seconds() < Standing::LEAST {
                self.refuse(
                    &setting,
                    format_args!("{} is {delay}: look at most once a minute", setting.path),
                );
                return None;
            }
            Some(delay)
        };
        let (after, every) = (read("after", usual.after), read("every", usual.every));
        Some(Standing { after: after?, every: every? })
    }

    /// A campaign that goes on enrolling has no first N.
    pub(super) fn check_standing(&mut self, root: &Section<'_, '_>, is_standing: bool) {
        let audience = root.get("audience").filter(|_| is_standing);
        let DeValue::Table(_) = audience.as_ref().map_or(&DeValue::Boolean(false), |setting| setting.value)
        else {
            return;
        };
        let section = audience.and_then(|setting| setting.section("", self.findings));
        if let Some(limit) = section.and_then(|section| section.get("limit")) {
            let sentence = "audience.limit does not go with standing: it goes on enrolling; use daily_limit";
            self.refuse(&limit, sentence);
        }
    }
}

#[cfg(test)]
mod tests;
