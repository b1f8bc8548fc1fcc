//! `signalbox campaign estimate` and the part of `contact why` that is about people who are not enrolled: who is in an
//! audience, and why the others are not.

use super::{CliError, Session, campaign, campaign_file, output::card, session::Org, why};
use crate::{
    domain::{
        audience::{Asked, Audience, ContactFacts, Exclusion},
        ids::ContactId,
        phone::Phone,
    },
    store::{
        audience::{Estimate, Terms},
        contact::ContactRecord,
    },
};
use serde_json::{Value, json};
use std::{collections::BTreeMap, path::Path};

/// A campaign or a campaign file: a file of this name counts first.
async fn terms(session: &Session, org: &Org, source: &str) -> Result<(String, Terms), CliError> {
    let store = &session.store;
    let file = Path::new(source);
    if source == "-" || file.is_file() {
        let spec = campaign_file::spec(session, org, file).await?;
        return Ok((spec.name.to_string(), store.terms_of_spec(org.id, &spec).await?));
    }
    let campaign = match campaign::find(session, org, source).await {
        // Whoever names a file wants to hear that it is not there.
        Err(_) if source.contains('/') || file.extension().is_some_and(|extension| extension == "toml") => {
            return Err(CliError::failed(format!("failed to read {source}: there is no such file")));
        }
        found => found?,
    };
    let terms = store.terms_of_campaign(org.id, campaign.id, campaign.audience).await?;
    Ok((campaign.name, terms))
}

/// Counts everybody: who would be sent to, and who would not, each for one reason.
pub async fn estimate(session: &Session, org: &Org, source: &str) -> Result<(), CliError> {
    let (name, terms) = terms(session, org, source).await?;
    count(session, org, &name, &terms).await
}

/// As [`estimate`], of a campaign, never of a file.
pub async fn estimate_campaign(session: &Session, org: &Org, name: &str) -> Result<(), CliError> {
    let campaign = campaign::find(session, org, name).await?;
    let terms = session.store.terms_of_campaign(org.id, campaign.id, campaign.audience).await?;
    count(session, org, &campaign.name, &terms).await
}

/// As [`estimate`], of a file's bytes.
pub async fn estimate_file(session: &Session, org: &Org, name: &str, bytes: &[u8]) -> Result<(), CliError> {
    let spec = campaign_file::spec_from(session, org, name, bytes).await?;
    let terms = session.store.terms_of_spec(org.id, &spec).await?;
    count(session, org, &spec.name.to_string(), &terms).await
}

async fn count(session: &Session, org: &Org, name: &str, terms: &Terms) -> Result<(), CliError> {
    let estimate = session.store.estimate(org.id, terms).await?;
    let mut value = serde_json::to_value(&estimate)
        .map_err(|error| CliError::because("failed to write the figures as JSON", error))?;
    value["name"] = json!(name);
    session.out.show(&value, || describe(&estimate))
}

/// The figures, one a line.
pub fn describe(estimate: &Estimate) -> String {
    let mut lines = vec![
        ("contacts".to_owned(), estimate.contacts.to_string()),
        ("planned".to_owned(), estimate.planned.to_string()),
        ("to be sent to".to_owned(), estimate.queued.to_string()),
    ];
    let counted = |what: &str, counts: &BTreeMap<String, i64>| {
        let line = |(reason, count): (&String, &i64)| {
            (format!("{what}: {}", reason.replace('_', " ")), count.to_string())
        };
        counts.iter().map(line).collect::<Vec<_>>()
    };
    lines.extend(counted("skipped", &estimate.skipped));
    if estimate.over_limit > 0 {
        lines.push(("over the limit".to_owned(), estimate.over_limit.to_string()));
    }
    lines.extend(counted("not in the audience", &estimate.not_in_audience));
    let lines: Vec<(&str, String)> =
        lines.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
    card(&lines)
}

/// Why one person's message of a campaign waits; of a file, or where nobody enrolled the person, whether the audience
/// takes the person and if not, why.
pub async fn why(session: &Session, org: &Org, phone: &Phone, source: &str) -> Result<(), CliError> {
    let store = &session.store;
    if !Path::new(source).is_file() {
        let campaign = campaign::find(session, org, source).await?;
        if store.recipient_standing(org.id, campaign.id, phone).await?.is_some() {
            return why::contact(session, org, phone, campaign.id).await;
        }
    }
    let (name, terms) = terms(session, org, source).await?;
    let contact = store.contacts(org.id, Some(phone), ContactId(uuid::Uuid::nil()), 1).await?.pop();
    let reason = store.reason_against(org.id, &terms, phone).await?;
    let (Some(contact), Some(reason)) = (contact, reason) else {
        return Err(CliError::failed(format!("{} is no contact of {}", phone.reveal(), org.record.slug)));
    };
    let sentence = match &reason {
        None => "nothing stands against it: would be enrolled".to_owned(),
        Some(reason) => {
            let last_sent = store.last_campaign_sent(org.id, phone).await?;
            let exclusion = exclusion(&terms, phone, &contact, reason, last_sent, org);
            let sentence = exclusion.map_or_else(|| reason.replace('_', " "), |found| found.to_string());
            format!("not enrolled: {sentence}")
        }
    };
    let value = json!({
        "phone": phone.reveal(), "campaign": name, "state": Value::Null, "reason": reason, "sentence": sentence,
        "hold": Value::Null, "hold_until": Value::Null, "gates": [],
    });
    session.out.show(&value, || format!("{} in {name}: {sentence}", phone.reveal()))
}

/// The reason with what is known, by the model; `None` where the model sees it otherwise.
fn exclusion(
    terms: &Terms,
    phone: &Phone,
    contact: &ContactRecord,
    reason: &str,
    last_sent_at: Option<chrono::DateTime<chrono::Utc>>,
    org: &Org,
) -> Option<Exclusion> {
    if reason == Exclusion::OverLimit.code() {
        return Some(Exclusion::OverLimit);
    }
    let audience: Audience = serde_json::from_value(terms.audience.clone()).ok()?;
    let attributes: BTreeMap<String, String> =
        contact.attributes.as_object().map(text_of).unwrap_or_default();
    let facts = ContactFacts {
        phone,
        country: contact.country.as_deref(),
        gender: contact.gender.as_deref(),
        profession: contact.profession.as_deref(),
        birth_date: contact.birth_date,
        registered_at: contact.registered_at,
        attributes: &attributes,
        tags: &contact.tags,
        is_suppressed: reason == Exclusion::Suppressed.code(),
        opted_out: contact.opted_out_at.is_some(),
        consent: contact.consent,
        missing: reason.strip_prefix("missing_variable: "),
        is_active_elsewhere: reason == Exclusion::ActiveElsewhere.code(),
        last_sent_at,
    };
    let asked = Asked { at: org.record.now, zone: org.zone };
    audience.matches(&facts, asked).err().filter(|found| found.recorded() == reason)
}

/// Attributes as the database compares them: text as it is, anything else as it is written.
fn text_of(attributes: &serde_json::Map<String, Value>) -> BTreeMap<String, String> {
    let text = |value: &Value| match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    };
    attributes.iter().filter_map(|(name, value)| Some((name.clone(), text(value)?))).collect()
}
