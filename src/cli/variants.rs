//! The variants of a campaign's texts: which there are, and how they compare.

use super::{CliError, Session, output::Table, session::Org};
use crate::domain::{
    campaign::comparison::{Comparison, VariantFigures},
    content::variant,
    ids::CampaignId,
};
use serde::Serialize;

/// A variant and its part of the people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    name: String,
    weight: u32,
}

/// The variants of a campaign; empty: everybody gets the same.
pub async fn of(session: &Session, org: &Org, campaign: CampaignId) -> Result<Vec<Part>, CliError> {
    let contents = session.store.step_contents(org.id, &[campaign]).await?;
    let contents = contents.iter().filter_map(|step| step.content.as_ref());
    let split = contents.map(variant::split).find(|split| !split.is_empty()).unwrap_or_default();
    Ok(split.into_iter().map(|(name, weight)| Part { name: name.to_string(), weight }).collect())
}

/// `a 1 : b 3`; a dash where everybody gets the same.
pub fn in_words(parts: &[Part]) -> String {
    let parts: Vec<String> = parts.iter().map(|part| format!("{} {}", part.name, part.weight)).collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(" : ") }
}

/// The variants' figures as a table, and what they mean; nothing where there are none.
pub fn describe(variants: &[VariantFigures], comparison: &[Comparison]) -> String {
    if variants.is_empty() {
        return String::new();
    }
    let mut table = Table::new(&[
        "VARIANT",
        "WEIGHT",
        "PEOPLE",
        "SENT",
        "DELIVERED",
        "READ",
        "REPLIED",
        "OPTED OUT",
        "FAILED",
    ]);
    for each in variants {
        table.row([
            each.name.clone(),
            each.weight.to_string(),
            each.people.to_string(),
            each.sent.to_string(),
            each.delivered.to_string(),
            each.read.to_string(),
            each.replied.to_string(),
            each.opted_out.to_string(),
            each.failed.to_string(),
        ]);
    }
    let sentences: Vec<&str> = comparison.iter().map(|each| each.sentence.as_str()).collect();
    format!("\n{}\n{}", table.render(), sentences.join("\n"))
}
