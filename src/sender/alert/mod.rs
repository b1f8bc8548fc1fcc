//! Sends alerts out, by e-mail and by webhook, and the daily report.
//!
//! What is to go where stands in the database; whoever takes it has three minutes to say what came of it. So each goes to
//! each channel once, however many senders run, but for one case that nobody can exclude: the server took it and the sender
//! was gone before it could say so. Then it goes out again, under the same id.

pub mod desk;
pub mod mail;
pub mod outlet;

use super::shared::Shared;
use crate::domain::{ids::DeliveryId, text::Safe};
use crate::secrets::KeyRing;
use crate::store::{
    StoreError,
    channel::{ChannelRecord, Delivered, Delivery},
    organization::OrganizationRecord,
};
use futures_util::future::join_all;
use outlet::{Letter, Outlet};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// Between two looks at what is due.
const LOOK: Duration = Duration::from_secs(2);
/// Between two looks whether a report is due.
const REPORTS: Duration = Duration::from_secs(30);
/// Taken at once: all of it can be tried, and be refused slowly, before anybody else takes it.
const MOST: i32 = 40;
/// Under way at once.
const AT_ONCE: usize = 8;

/// Runs until the sender ends.
pub async fn run(shared: Arc<Shared>, keys: Arc<KeyRing>) {
    while !shared.ended() {
        // A draining sender begins nothing.
        if !shared.draining()
            && let Err(error) = pass(&shared, &keys).await
        {
            tracing::warn!("alerts have to wait: {error}");
        }
        shared.rest(LOOK).await;
    }
}

async fn pass(shared: &Shared, keys: &KeyRing) -> Result<(), StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    if store.take_chore(organization, shared.instance, "reports", REPORTS).await? {
        store.queue_reports(organization).await?;
    }
    let due = store.take_deliveries(organization, MOST).await?;
    if due.is_empty() {
        return Ok(());
    }
    let record = store.organizations(None).await?.into_iter().find(|each| each.id == organization);
    let Some(record) = record else { return Ok(()) };
    let channels = store.alert_channels(organization, None).await?;
    let mut by_channel: BTreeMap<_, Vec<Delivery>> = BTreeMap::new();
    for delivery in due {
        by_channel.entry(delivery.channel).or_default().push(delivery);
    }
    let mut under_way = Vec::new();
    for (id, due) in by_channel {
        let channel = channels.iter().find(|channel| channel.id == id);
        under_way.extend(channel.map(|channel| serve(shared, keys, &record, channel, due)));
    }
    for error in join_all(under_way).await.into_iter().filter_map(Result::err) {
        tracing::warn!("what became of alerts is not noted, they may go out twice: {error}");
    }
    Ok(())
}

/// Sends what is due for one channel, and notes what came of it.
async fn serve(
    shared: &Shared,
    keys: &KeyRing,
    record: &OrganizationRecord,
    channel: &ChannelRecord,
    due: Vec<Delivery>,
) -> Result<(), StoreError> {
    let (store, organization) = (&shared.store, shared.organization);
    let ids: Vec<DeliveryId> = due.iter().map(|delivery| delivery.id).collect();
    let way =
        outlet::Way { client: &shared.client, settings: &shared.config.client, local_only: record.rehearsal };
    let outlet = match Outlet::open(keys, organization, channel, &way) {
        Ok(outlet) => outlet,
        Err(why) => return unheard(shared, channel, &ids, &why).await,
    };
    let mut letters = Vec::new();
    for delivery in due {
        letters.push((delivery.id, letter(shared, &record.slug, delivery).await?));
    }
    if outlet.takes_many() {
        let (ids, letters): (Vec<_>, Vec<_>) = letters.into_iter().unzip();
        return match outlet.send(&Letter::joined(letters)).await {
            Ok(()) => store.note_delivered(organization, &ids).await,
            Err(why) => unheard(shared, channel, &ids, &why).await,
        };
    }
    let mut noted = Ok(());
    for some in letters.chunks(AT_ONCE) {
        let sent = join_all(some.iter().map(|(_, letter)| outlet.send(letter))).await;
        for ((id, _), sent) in some.iter().zip(sent) {
            let done = match sent {
                Ok(()) => store.note_delivered(organization, &[*id]).await,
                Err(why) => unheard(shared, channel, &[*id], &why).await,
            };
            noted = noted.and(done);
        }
    }
    noted
}

async fn unheard(
    shared: &Shared,
    channel: &ChannelRecord,
    ids: &[DeliveryId],
    why: &str,
) -> Result<(), StoreError> {
    let why = Safe::cut(why, 500);
    tracing::warn!("{} alerts do not get through to {}: {why}", ids.len(), Safe::new(&channel.name));
    shared.store.note_not_delivered(shared.organization, ids, &why).await
}

async fn letter(shared: &Shared, slug: &str, delivery: Delivery) -> Result<Letter, StoreError> {
    let Delivery { id, at, what, .. } = delivery;
    Ok(match what {
        Delivered::Alert(alert) => Letter::of_alert(id, at, slug, &alert),
        Delivered::Report(day) => {
            let usage = shared.store.usage_of_day(shared.organization, day).await?;
            Letter::of_report(id, at, &usage)
        }
    })
}
