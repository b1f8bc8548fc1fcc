//! Whether the numbers of its pool can send what a campaign carries, and whether they, its hours and its people let it get
//! anywhere: asked before it exists, by the rules of the plan.

use super::{Store, StoreError, snapshot::Snapshot, step::RecentTexts, terms::terms_of};
use crate::domain::{
    alike,
    campaign::{
        CampaignSpec, preflight,
        remark::{self, Note, Severity},
    },
    content::{
        Shape,
        ability::{self, Remark},
        registry::Registry,
    },
    ids::{AccountId, CampaignId, NumberId, OrganizationId},
    number::ProviderKind,
    template::Texts,
    window::Calendar,
};
use std::collections::BTreeMap;

/// Steps of other campaigns that a text is compared with.
const COMPARED: i64 = 200;

/// An account with numbers in the pool.
struct Member<'a> {
    name: &'a str,
    provider: ProviderKind,
    registry: Registry,
}

/// Judges a campaign by the numbers of its pool. A pool without numbers has nothing to judge by yet.
///
/// The inner error is the first step that no number can send, and why.
pub(super) async fn check(
    store: &Store,
    organization: OrganizationId,
    spec: &CampaignSpec,
) -> Result<Result<Vec<Note>, (i16, String)>, StoreError> {
    let shapes: Vec<(i16, Shape)> = (1..)
        .zip(&spec.steps)
        .flat_map(|(step, said)| said.content.shapes().into_iter().map(move |shape| (step, shape)))
        .collect();
    let templates: Vec<String> =
        shapes.iter().filter_map(|(_, shape)| Some(shape.template.as_ref()?.name.clone())).collect();
    let snapshot = store.snapshot(organization, None).await?;
    let registries = store.registries(organization, &templates).await?;
    let members = members(&snapshot, &spec.pool, registries);
    let recent = store.recent_texts(organization, COMPARED).await?;
    let providers: Vec<ProviderKind> = members.iter().map(|member| member.provider).collect();
    let whole = as_a_whole(store, organization, spec, &snapshot, &providers).await?;
    Ok(judge(&members, &shapes).map(|mut notes| {
        let gateways = members.iter().filter(|member| !member.provider.is_official());
        let gateways: Vec<String> = gateways.map(|member| member.name.to_owned()).collect();
        notes.extend(same_for_all(spec, &gateways));
        notes.extend(nearly_the_same(spec, &recent));
        notes.extend(whole);
        remark::tell_apart(&mut notes);
        notes
    }))
}

/// What may go wrong with it whatever its steps say.
async fn as_a_whole(
    store: &Store,
    organization: OrganizationId,
    spec: &CampaignSpec,
    snapshot: &Snapshot,
    providers: &[ProviderKind],
) -> Result<Vec<Note>, StoreError> {
    let pool = snapshot.pools.iter().find(|pool| pool.name == spec.pool);
    let in_pool = |number: &NumberId| pool.is_some_and(|pool| pool.numbers.contains(number));
    let (mut numbers, mut default) = (Vec::new(), None);
    for view in &snapshot.numbers {
        let known = (view.called().into_string(), &view.number.state);
        if in_pool(&view.number.id) {
            numbers.push(known);
        } else if snapshot.organization.default_number == Some(view.number.id) {
            default = Some(known);
        }
    }
    let general = terms_of(store.screen(), organization, None).await?.campaign(CampaignId(uuid::Uuid::nil()));
    let calendar = Calendar { window: spec.window, ..general.calendar };
    let mut notes: Vec<Note> = preflight::hours(&calendar, snapshot.at).into_iter().collect();
    notes.extend(preflight::numbers(&spec.pool, &numbers, default.as_ref()));
    if !spec.conduct.exit.attributes.is_empty() {
        let known = store.contact_attributes(organization).await?;
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        notes.extend(preflight::exits(spec, &known));
    }
    if let Some(eye) = &store.eye {
        let seen = eye.look(spec, snapshot.organization.rehearsal).await;
        notes.extend(preflight::media(spec, &seen, providers));
    }
    Ok(notes)
}

/// Texts without a variable, where a gateway that does not belong to WhatsApp would send them.
fn same_for_all(spec: &CampaignSpec, gateways: &[String]) -> Vec<Note> {
    let mut notes = Vec::new();
    for (step, content) in (1..).zip(spec.steps.iter().map(|step| &step.content)) {
        let texts = content.all_texts().flat_map(|(_, texts)| &texts.0);
        for each in texts.filter(|each| alike::is_same_for_all(&each.text)) {
            if !gateways.is_empty() {
                let sentence = format!(
                    "step {step} ({}) says the very same to everybody: numbers of unofficial gateways ({}) are blocked \
                     for that; let it say something of the person, such as {{{{name|friend}}}}",
                    each.locale,
                    gateways.join(", ")
                );
                notes.push(Note {
                    finding: format!("same-for-all-{step}-{}", each.locale),
                    severity: Severity::Risk,
                    step,
                    provider: "",
                    accounts: gateways.to_vec(),
                    unable: false,
                    sentence,
                    accepted: None,
                    text: each.text.source().to_owned(),
                });
            }
        }
    }
    notes
}

/// Texts that other steps or campaigns of the last 30 days have in nearly the same words.
fn nearly_the_same(spec: &CampaignSpec, recent: &[RecentTexts]) -> Vec<Note> {
    let mut notes = Vec::new();
    // Variants of one step may be alike: nobody gets two of them.
    let own: Vec<(i16, &Texts)> = (1..)
        .zip(&spec.steps)
        .flat_map(|(step, said)| said.content.all_texts().map(move |(_, texts)| (step, texts)))
        .collect();
    for (step, texts) in &own {
        let before =
            own.iter().filter(|(other, _)| other < step).map(|(other, texts)| (None, *other, *texts));
        let elsewhere = recent
            .iter()
            .filter(|recent| recent.campaign != spec.name.as_str())
            .map(|recent| (Some(recent.campaign.as_str()), recent.step, &recent.texts));
        for each in &texts.0 {
            let same = before.clone().chain(elsewhere.clone()).find(|(_, _, texts)| {
                let theirs = texts.0.iter().filter(|other| other.locale == each.locale);
                theirs.into_iter().any(|other| alike::likeness(&each.text, &other.text) >= alike::NEARLY)
            });
            if let Some((campaign, other, _)) = same {
                let whose = campaign.map_or_else(String::new, |name| format!(" of campaign {name}"));
                let sentence = format!(
                    "step {step} ({}) says nearly the same as step {other}{whose}: who gets both takes it for spam",
                    each.locale
                );
                notes.push(Note {
                    finding: format!("alike-{step}-{}", each.locale),
                    severity: Severity::Remark,
                    step: *step,
                    provider: "",
                    accounts: Vec::new(),
                    unable: false,
                    sentence,
                    accepted: None,
                    text: each.text.source().to_owned(),
                });
            }
        }
    }
    notes
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
                let accounts = notes.entry(key).or_default();
                // Several variants of a step may have the same.
                if accounts.last().is_none_or(|last| last != member.name) {
                    accounts.push(member.name.to_owned());
                }
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
    let (kind, severity) = if unable { ("unable", Severity::Risk) } else { ("remark", Severity::Remark) };
    let finding = format!("{kind}-{step}-{provider}");
    Note {
        finding,
        severity,
        step,
        provider,
        accounts,
        unable,
        sentence,
        accepted: None,
        text: String::new(),
    }
}
