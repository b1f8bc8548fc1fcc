//! What other programs can ask: the table that requests are led by and that the `OpenAPI` document is made from, and how it is
//! read. Its lines are in [`super::table`].

use super::slots::SLOTS;
use super::table::{CAMPAIGNS, CONTACTS, MESSAGES, NUMBERS};
use crate::{domain::right::Right, inbound::api::Takes};

/// Something that can be asked.
#[derive(Debug)]
pub struct Operation {
    /// Its name in the document.
    pub id: &'static str,
    /// The method.
    pub method: &'static str,
    /// The address, with its changing parts in braces.
    pub path: &'static str,
    /// What it does, in a line.
    pub about: &'static str,
    /// The right that it needs.
    pub right: Right,
    /// How it is done.
    pub does: Does,
    /// The values that it takes.
    pub fields: &'static [Field],
    /// The body that it takes.
    pub takes: Takes,
    /// The schema of its answer.
    pub answer: &'static str,
    /// Whether it makes something.
    pub creates: bool,
}

/// How it is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Does {
    /// By this command.
    Command(&'static [&'static str]),
    /// By this command about a number, whose id the address names.
    OfNumber(&'static [&'static str]),
    /// By this command about a thread, which has to be there.
    OfThread(&'static [&'static str]),
    /// By this command about an attempt, which has to be there.
    OfAttempt(&'static [&'static str]),
    /// Makes a campaign from the body.
    CreateCampaign,
    /// Counts the audience of the body.
    EstimateFile,
    /// Counts the audience of a campaign.
    EstimateCampaign,
    /// Reads a page of a campaign's people.
    Recipients,
    /// Reads a page of attempts.
    Attempts,
    /// Reads a page of threads.
    Conversations,
    /// Reads a page of who has which number.
    Slots,
    /// Imports the contacts of the body.
    Import,
}

/// A value that an operation takes.
#[derive(Debug)]
pub struct Field {
    /// Its name.
    pub name: &'static str,
    /// Where it stands.
    pub place: Place,
    /// Where the command takes it.
    pub to: To,
    /// What it is.
    pub kind: Type,
    /// Whether it has to be there.
    pub needed: bool,
    /// What it means.
    pub about: &'static str,
}

/// Where a value stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the address.
    Path,
    /// In its query.
    Query,
    /// In the body.
    Body,
}

/// Where the command takes a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum To {
    /// In its place among those without a flag.
    Position,
    /// Behind this flag.
    Flag(&'static str),
    /// As this flag, if it is true.
    Switch(&'static str),
    /// It is not the command's.
    Nowhere,
}

/// What a value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Type {
    /// Any text.
    Text,
    /// An id.
    Id,
    /// A phone in international form.
    Phone,
    /// A time: with an offset, or on the organisation's clock.
    Time,
    /// A whole number.
    Whole,
    /// A whole number; null: none any more.
    WholeOrNone,
    /// A text; null: none any more.
    TextOrNone,
    /// A number.
    Number,
    /// True or false.
    Flag,
    /// One of these words.
    Word(&'static [&'static str]),
}

/// All operations, by what they are about.
pub const GROUPS: &[(&str, &[Operation])] = &[
    ("campaigns", CAMPAIGNS),
    ("numbers", NUMBERS),
    ("contacts", CONTACTS),
    ("slots", SLOTS),
    ("messages", MESSAGES),
];

/// All operations.
pub fn all() -> impl Iterator<Item = &'static Operation> {
    GROUPS.iter().flat_map(|(_, operations)| operations.iter())
}

impl Operation {
    /// The values of the address's changing parts, if it is one of this operation's.
    pub fn values_in(&self, path: &str) -> Option<Vec<(&'static str, String)>> {
        let (ours, theirs) = (self.path.split('/'), path.split('/'));
        if ours.clone().count() != theirs.clone().count() {
            return None;
        }
        let mut values = Vec::new();
        for (ours, theirs) in ours.zip(theirs) {
            match ours.strip_prefix('{').and_then(|part| part.strip_suffix('}')) {
                Some(name) => values.push((name, decoded(theirs).filter(|value| !value.is_empty())?)),
                None if ours == theirs => {}
                None => return None,
            }
        }
        Some(values)
    }

    /// What a success is answered with.
    pub fn status(&self) -> u16 {
        let makes = matches!(self.does, Does::CreateCampaign) || self.id == "addNumber";
        if makes { 201 } else { 200 }
    }
}

/// A part of an address without its percent signs.
fn decoded(part: &str) -> Option<String> {
    // A plus is a space in a query alone.
    let pair = format!("x={}", part.replace('+', "%2B"));
    let (_, value) = form_urlencoded::parse(pair.as_bytes()).next()?;
    Some(value.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn addresses_lead_to_one_operation_with_its_values() {
        let found = |method: &str, path: &str| {
            let mut all = all().filter(|each| each.method == method && each.values_in(path).is_some());
            (all.next().map(|each| each.id), all.next().map(|each| each.id))
        };
        assert_eq!(found("GET", "/v1/campaigns"), (Some("listCampaigns"), None));
        assert_eq!(found("POST", "/v1/campaigns/estimate"), (Some("estimateCampaignFile"), None));
        assert_eq!(found("GET", "/v1/campaigns/"), (None, None));
        let get = all().find(|each| each.id == "getCampaign").unwrap();
        assert_eq!(get.values_in("/v1/campaigns/a+b%20%C3%A9%2F"), Some(vec![("name", "a+b é/".to_owned())]));
    }

    #[test]
    fn every_operation_has_its_own_name_and_every_part_of_its_address_a_field() {
        let mut ids = HashSet::new();
        for operation in all() {
            assert!(ids.insert(operation.id), "{} twice", operation.id);
            let named = operation.path.matches('{').count();
            let fields = operation.fields.iter().filter(|field| field.place == Place::Path).count();
            assert_eq!(named, fields, "{}", operation.id);
            let in_body = operation.fields.iter().any(|field| field.place == Place::Body);
            assert!(!in_body || operation.takes == Takes::Json, "{}", operation.id);
        }
    }
}
