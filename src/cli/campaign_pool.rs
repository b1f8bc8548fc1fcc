//! Whether the numbers of its pool can send what a campaign carries: asked before it exists, by the rules of the plan.

use super::{CliError, Session, session::Org};
use crate::{
    domain::{
        campaign::CampaignSpec,
        content::{
            Shape,
            ability::{self, Remark},
            registry::Registry,
        },
        ids::AccountId,
        number::ProviderKind,
    },
    store::snapshot::Snapshot,
};
use serde::Serialize;
use std::collections::BTreeMap;

/// Something worth knowing of a campaign that can be sent.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Note {
    /// Which step, from 1.
    pub step: i16,
    /// At which provider.
    pub provider: &'static str,
    /// The accounts of the pool that it concerns.
    pub accounts: Vec<String>,
    /// Whether their numbers take no part in the campaign.
    pub unable: bool,
    /// In a sentence.
    pub sentence: String,
}

/// An account with numbers in the pool.
struct Member<'a> {
    name: &'a str,
    provider: ProviderKind,
    registry: Registry,
}

/// Judges a campaign by the numbers of its pool. A pool without numbers has nothing to judge by yet.
///
/// The inner error is the first step that no number can send, and why.
pub async fn check(
    session: &Session,
    org: &Org,
    spec: &CampaignSpec,
) -> Result<Result<Vec<Note>, (i16, String)>, CliError> {
    let shapes: Vec<(i16, Shape)> = (1..).zip(spec.steps.iter().map(|step| step.content.shape())).collect();
    let templates: Vec<String> =
        shapes.iter().filter_map(|(_, shape)| Some(shape.template.as_ref()?.name.clone())).collect();
    let snapshot = session.store.snapshot(org.id, None).await?;
    let registries = session.store.registries(org.id, &templates).await?;
    let members = members(&snapshot, &spec.pool, registries);
    Ok(judge(&members, &shapes))
}

fn members<'a>(
    snapshot: &'a Snapshot,
    pool: &str,
    mut registries: std::collections::HashMap<AccountId, Registry>,
) -> Vec<Member<'a>> {
    let pool = snapshot.pools.iter().find(|each| each.name == pool);
    let in_pool = |account: AccountId| {
        snapshot.numbers.iter().any(|view| {
            view.number.account == account && pool.is_some_and(|pool| pool.numbers.contains(&view.number.id))
        })
    };
    snapshot
        .accounts
        .iter()
        .filter(|account| in_pool(account.id))
        .map(|account| Member {
            name: &account.name,
            provider: account.provider,
            registry: registries.remove(&account.id).unwrap_or_default(),
        })
        .collect()
}

fn judge(members: &[Member<'_>], shapes: &[(i16, Shape)]) -> Result<Vec<Note>, (i16, String)> {
    // Several accounts of one provider say the same: one note for all of them.
    let mut notes: BTreeMap<(bool, i16, &'static str, String), Vec<String>> = BTreeMap::new();
    let mut able = 0;
    for member in members {
        let provider = member.provider.name();
        let steps = shapes.iter().map(|(step, shape)| (*step, shape));
        if let Some((step, why)) = ability::first_unable(member.provider, steps, &member.registry) {
            let key = (true, step, provider, why.to_string());
            notes.entry(key).or_default().push(member.name.to_owned());
            continue;
        }
        able += 1;
        for (step, shape) in shapes {
            for remark in remarks(member, shape) {
                let key = (false, *step, provider, remark.to_string());
                notes.entry(key).or_default().push(member.name.to_owned());
            }
        }
    }
    let notes: Vec<Note> = notes.into_iter().map(note).collect();
    match notes.iter().filter(|note| note.unable).map(|note| note.step).min() {
        Some(step) if able == 0 => {
            let why: Vec<String> = notes.iter().map(|note| note.sentence.clone()).collect();
            Err((step, format!("no number of the pool can send this campaign: {}", why.join("; "))))
        }
        _ => Ok(notes),
    }
}

fn remarks(member: &Member<'_>, shape: &Shape) -> Vec<Remark> {
    match ability::form(member.provider, shape, &member.registry) {
        Ok(form) => ability::remarks(member.provider, shape, &member.registry, &form),
        Err(_) => Vec::new(),
    }
}

fn note(
    ((unable, step, provider, words), accounts): ((bool, i16, &'static str, String), Vec<String>),
) -> Note {
    let whose = if accounts.len() == 1 { "account" } else { "accounts" };
    let part = if unable { ": its numbers take no part" } else { "" };
    let sentence = format!("step {step}: {provider} ({whose} {}) {words}{part}", accounts.join(", "));
    Note { step, provider, accounts, unable, sentence }
}
