//! Keeps what is known of each account's templates: asks its provider now and then, and at once where something was told of
//! one. What may not be sent any more pauses the campaigns that use it, in the same statement that notes it.

use super::shared::Shared;
use crate::domain::{ids::AccountId, text::Safe};
use crate::store::{StoreError, template::TemplateNews};
use std::{sync::Arc, time::Duration};

/// Between two looks whether an account is due.
const LOOK: Duration = Duration::from_secs(5);
/// Accounts of one look.
const ACCOUNTS_A_LOOK: i32 = 2;

/// Runs until the sender ends.
pub async fn run(shared: Arc<Shared>) {
    while !shared.ended() {
        // A draining sender begins nothing, and before the first picture there is no line to ask through.
        let may_ask = !shared.draining() && shared.lines().is_ready();
        if may_ask && let Err(error) = look(&shared).await {
            tracing::warn!("the templates of accounts have to wait: {error}");
        }
        let wait = if may_ask { LOOK.min(shared.config.templates_every / 2) } else { LOOK / 20 };
        shared.rest(wait).await;
    }
}

async fn look(shared: &Shared) -> Result<(), StoreError> {
    let every = shared.config.templates_every;
    let due = shared.store.take_template_fetches(shared.organization, ACCOUNTS_A_LOOK, every).await?;
    for account in due {
        fetch(shared, account).await?;
    }
    Ok(())
}

async fn fetch(shared: &Shared, account: AccountId) -> Result<(), StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    let line = shared.lines().of_account(account).cloned();
    let Some(line) = line else {
        let why = "the account has no number that could be used to ask";
        return store.note_template_problem(organization, account, why).await;
    };
    match shared.client.list_templates(line.provider, &line.line).await {
        Ok(templates) => {
            let paused =
                store.keep_templates(organization, Some(shared.instance), account, &templates).await?;
            shared.refresh.notify_one();
            say(&paused);
            Ok(())
        }
        Err(why) => {
            let why = Safe::new(&why);
            tracing::warn!(account.id = %account, "the account's templates cannot be listed: {why}");
            store.note_template_problem(organization, account, &why).await
        }
    }
}

/// A provider told of a template by itself.
///
/// # Errors
/// When the database is away or refuses.
pub async fn hear(shared: &Shared, news: &TemplateNews) -> Result<(), StoreError> {
    let paused = shared.store.hear_template(shared.organization, shared.instance, news).await?;
    shared.refresh.notify_one();
    say(&paused);
    Ok(())
}

fn say(paused: &[String]) {
    for campaign in paused {
        tracing::error!("campaign {} paused: its template may not be sent", Safe::new(campaign));
    }
}
