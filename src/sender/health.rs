//! Asks providers how numbers are, and does what follows: a number that cannot send is taken out of service, and one that
//! a sender took out comes back once its provider says twice in a row that what it was taken out for is over.
//!
//! Only what a check can see is over when a check no longer sees it. A number that an operator suspended, or that is
//! out because of its credential, its account or a policy, waits for an operator.

use super::{Config, clock::Moment, line::Lines, shared::Shared};
use crate::domain::{
    content::registry::ListedTemplate,
    health::{Health, Standing},
    ids::{AccountId, NumberId},
    outcome::Class,
    phone::Phone,
};
use crate::provider::{
    Line, Provider, Registration,
    client::{Client, ClientError},
};
use crate::secrets::KeyRing;
use crate::store::{
    StoreError,
    health::{Aftermath, Check},
    measure::Cause,
    snapshot::Snapshot,
};
use futures_util::{StreamExt as _, stream};
use std::{sync::Arc, time::Duration};

/// Between two looks whether a number is due.
const LOOK: Duration = Duration::from_secs(2);
/// Numbers of one look.
const CHECKS_A_LOOK: i32 = 20;
/// Questions under way at once.
const AT_ONCE: usize = 4;
/// A number that starts for so long does not start any more (`ultramsg.md` section 6).
const STARTS_WITHIN: Duration = Duration::from_mins(5);
/// As often its provider has to find a number well before it comes back.
const WELL_TO_RETURN: i32 = 2;

/// Runs until the sender ends.
pub async fn run(shared: Arc<Shared>) {
    while !shared.ended() {
        // A draining sender begins nothing, and before the first picture there is no line to ask through.
        if !shared.draining()
            && shared.lines().is_ready()
            && let Err(error) = look(&shared).await
        {
            tracing::warn!("the health of numbers has to wait: {error}");
        }
        shared.rest(LOOK.min(shared.config.checks.suspended / 2)).await;
    }
}

async fn look(shared: &Shared) -> Result<(), StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    let every = LOOK.min(shared.config.checks.suspended / 2);
    if !store.take_chore(organization, shared.instance, "health", every).await? {
        return Ok(());
    }
    let due = store.take_checks(organization, CHECKS_A_LOOK, &shared.config.checks).await?;
    let mut done = stream::iter(due).map(|number| check(shared, number)).buffer_unordered(AT_ONCE);
    let mut failed = None;
    while let Some(result) = done.next().await {
        failed = failed.or(result.err());
    }
    failed.map_or(Ok(()), Err)
}

async fn check(shared: &Shared, number: NumberId) -> Result<(), StoreError> {
    let Some(line) = shared.line(number) else {
        let why = shared.lines().unusable.get(&number).cloned();
        let health =
            Health::unclear("unusable", why.unwrap_or_else(|| "the number cannot be used".to_owned()));
        let check = Check { number, actor: "sender", took: Duration::ZERO, health: &health, again: None };
        return shared.store.record_check(shared.organization, &check).await.map(drop);
    };
    let Asked { health, took } = ask(&shared.client, line.provider, &line.line).await;
    let again = match health.standing {
        Standing::NotSendable(Class::Transient(wait)) => Some(wait.min(shared.config.checks.suspended)),
        _ => None,
    };
    let check = Check { number, actor: "sender", took, health: &health, again };
    let Some(after) = shared.store.record_check(shared.organization, &check).await? else { return Ok(()) };
    follow(shared, number, &health, &after, line.provider).await
}

/// What one answer asks for.
async fn follow(
    shared: &Shared,
    number: NumberId,
    health: &Health,
    after: &Aftermath,
    provider: &dyn Provider,
) -> Result<(), StoreError> {
    let is_suspended = after.suspended_by.is_some();
    match health.standing {
        Standing::NotSendable(Class::NumberLimited(rest)) if !is_suspended => {
            let reason = cause("number_limited", health).sentence();
            shared.close_number(number, rest);
            let store = &shared.store;
            store.rest_number(shared.organization, shared.instance, number, rest, &reason).await.map(drop)
        }
        Standing::NotSendable(Class::Transient(_)) if after.age < STARTS_WITHIN => Ok(()),
        // Whoever is suspended stays so; the account's other numbers may not know yet.
        Standing::NotSendable(class @ (Class::NumberAuth | Class::AccountFatal)) => {
            suspend_account(shared, class, health, after).await
        }
        Standing::NotSendable(_) if !is_suspended => suspend(shared, number, health).await,
        Standing::Sendable | Standing::Limited if may_return(provider, after) => {
            resume(shared, number, health, after).await
        }
        Standing::NotSendable(_) | Standing::Sendable | Standing::Limited | Standing::Unclear => Ok(()),
    }
}

fn cause(class: &'static str, health: &Health) -> Cause {
    Cause { class, code: health.code.clone(), words: health.words.clone() }
}

async fn suspend(shared: &Shared, number: NumberId, health: &Health) -> Result<(), StoreError> {
    let cause = cause(Class::NumberSuspended.name(), health);
    shared.close_number(number, LOOK);
    let in_flight = shared.in_air();
    let suspended = shared
        .store
        .suspend_number_by_answer(shared.organization, shared.instance, number, None, &cause, in_flight)
        .await?;
    if suspended {
        tracing::error!(number.id = %number, "number suspended by a check: {}", cause.sentence());
        shared.refresh.notify_one();
    }
    Ok(())
}

async fn suspend_account(
    shared: &Shared,
    class: Class,
    health: &Health,
    after: &Aftermath,
) -> Result<(), StoreError> {
    let cause = cause(class.name(), health);
    let suspended = shared
        .store
        .suspend_account_by_answer(shared.organization, shared.instance, after.account, false, &cause)
        .await?;
    if suspended > 0 {
        let account = after.account;
        tracing::error!(account.id = %account, "{suspended} numbers suspended by a check: {}", cause.sentence());
        shared.refresh.notify_one();
    }
    Ok(())
}

/// Whether a number that its provider finds well comes back by itself.
fn may_return(provider: &dyn Provider, after: &Aftermath) -> bool {
    let by_sender = after.suspended_by.as_deref() == Some("sender") && !after.has_end;
    let is_over = after.is_reinstated
        || after.cause.as_deref() == Some(Class::NumberSuspended.name())
            && after.cause_code.as_deref().is_some_and(|code| provider.is_seen_by_check(code));
    by_sender && is_over && after.well_in_row >= WELL_TO_RETURN
}

async fn resume(
    shared: &Shared,
    number: NumberId,
    health: &Health,
    after: &Aftermath,
) -> Result<(), StoreError> {
    let reason = format!("the provider found it well {} times in a row: {}", after.well_in_row, health.words);
    let resumed =
        shared.store.resume_number_by_check(shared.organization, shared.instance, number, &reason).await?;
    if resumed {
        tracing::info!(number.id = %number, "number resumed by a check: {reason}");
        shared.refresh.notify_one();
    }
    Ok(())
}

/// An answer, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What the provider says.
    pub health: Health,
    /// From the question to the last answer.
    pub took: Duration,
}

/// Asks about one number.
pub async fn ask(client: &Client, provider: &dyn Provider, line: &Line) -> Asked {
    let began = Moment::now();
    let health = client.check(provider, line).await;
    Asked { health, took: began.elapsed() }
}

/// Asks when somebody wants to know, beside any sender.
pub struct Asker {
    client: Client,
    lines: Lines,
}

impl Asker {
    /// For the numbers of a snapshot, through the lines that a sender with this configuration would use.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(snapshot: &Snapshot, keys: &KeyRing, config: &Config) -> Result<Self, ClientError> {
        let mut lines = Lines::default();
        lines.refresh(snapshot, keys, config);
        Ok(Self { client: Client::new(&config.client)?, lines })
    }

    /// Which templates an account has, asked through one of its numbers.
    ///
    /// # Errors
    /// Why nobody can say, in a sentence.
    pub async fn templates(&self, account: AccountId) -> Result<Vec<ListedTemplate>, String> {
        let line = self.lines.of_account(account).ok_or_else(|| {
            "the account has no number that could be used to ask: add one, or see signalbox doctor".to_owned()
        })?;
        self.client.list_templates(line.provider, &line.line).await
    }

    /// How a number is. One that cannot even be asked about is unclear, and the words say why.
    pub async fn ask(&self, number: NumberId) -> Asked {
        if let Some(line) = self.lines.get(number) {
            return ask(&self.client, line.provider, &line.line).await;
        }
        Asked { health: Health::unclear("unusable", self.unusable(number)), took: Duration::ZERO }
    }

    /// Whether a phone is on `WhatsApp`, asked through a number.
    pub async fn is_registered(&self, number: NumberId, phone: &Phone) -> Registration {
        let Some(line) = self.lines.get(number) else {
            return Registration::Unclear(self.unusable(number).to_owned());
        };
        let told = self.client.registration(line.provider, &line.line, phone).await;
        told.unwrap_or_else(|| Registration::Unclear(format!("{} cannot be asked", line.kind())))
    }

    fn unusable(&self, number: NumberId) -> &str {
        self.lines.unusable.get(&number).map_or("there is no such number", String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::number::ProviderKind;
    use crate::provider::dialect;

    fn after(by: &str, cause: &str, code: &str, well_in_row: i32) -> Aftermath {
        Aftermath {
            account: AccountId::new(),
            age: Duration::ZERO,
            well_in_row,
            well_since: None,
            suspended_by: Some(by.to_owned()),
            has_end: false,
            cause: Some(cause.to_owned()),
            cause_code: Some(code.to_owned()),
            is_reinstated: false,
        }
    }

    #[test]
    fn only_what_a_check_sees_is_over_when_it_sees_it_no_more() {
        let ultramsg = dialect(ProviderKind::Ultramsg);
        for (by, cause, code, well, returns) in [
            ("sender", "number_suspended", "status_qr", 2, true),
            ("sender", "number_suspended", "not_connected", 7, true),
            ("sender", "number_suspended", "status_qr", 1, false),
            ("ana", "number_suspended", "status_qr", 9, false),
            ("sender", "number_auth", "wrong_token", 9, false),
            ("sender", "account_fatal", "status_qr", 9, false),
            ("sender", "number_suspended", "something", 9, false),
        ] {
            assert_eq!(may_return(ultramsg, &after(by, cause, code, well)), returns, "{by} {cause} {code}");
        }
        let ended = Aftermath { has_end: true, ..after("sender", "number_suspended", "status_qr", 9) };
        assert!(!may_return(ultramsg, &ended), "it ends by itself");
        let reinstated = Aftermath { is_reinstated: true, ..after("sender", "restricted", "x", 2) };
        assert!(may_return(ultramsg, &reinstated));
        let by_operator = Aftermath { is_reinstated: true, ..after("ana", "restricted", "x", 2) };
        assert!(!may_return(ultramsg, &by_operator));
    }
}
