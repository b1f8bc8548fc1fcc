//! The end of every test that sends: both sides compared, and what must never exist.

use super::World;
use signalbox::domain::ids::{CampaignId, NumberId};
use std::collections::{BTreeMap, HashMap, HashSet};

/// Recipients by state, and attempts, over all campaigns or of one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct Counts {
    pub planned: i64,
    pub queued: i64,
    pub sending: i64,
    pub accepted: i64,
    pub failed: i64,
    pub in_doubt: i64,
    pub skipped: i64,
    pub attempts: i64,
}

/// What both sides have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sides {
    /// Attempts that we recorded as accepted.
    pub accepted: usize,
    /// Attempts that we recorded as in doubt.
    pub in_doubt: usize,
    /// Messages that the providers received.
    pub received: usize,
}

#[derive(sqlx::FromRow)]
struct Tried {
    id: uuid::Uuid,
    state: String,
    phone: String,
    provider_message_id: Option<String>,
    by_word: bool,
}

impl World {
    pub async fn counts(&self) -> Counts {
        self.counts_where(None).await
    }

    pub async fn counts_of(&self, campaign: CampaignId) -> Counts {
        self.counts_where(Some(campaign)).await
    }

    async fn counts_where(&self, campaign: Option<CampaignId>) -> Counts {
        sqlx::query_as(
            "select coalesce(sum(planned), 0)::bigint as planned, coalesce(sum(queued), 0)::bigint as queued,
                    coalesce(sum(sending), 0)::bigint as sending, coalesce(sum(accepted), 0)::bigint as accepted,
                    coalesce(sum(failed), 0)::bigint as failed, coalesce(sum(in_doubt), 0)::bigint as in_doubt,
                    coalesce(sum(skipped), 0)::bigint as skipped, coalesce(sum(attempts), 0)::bigint as attempts
               from campaign_counts where organization_id = $1 and ($2::uuid is null or campaign_id = $2)",
        )
        .bind(self.organization.0)
        .bind(campaign.map(|campaign| campaign.0))
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Attempts by state.
    pub async fn attempt_states(&self) -> BTreeMap<String, i64> {
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "select state::text, count(*) from attempts where organization_id = $1 group by 1",
        )
        .bind(self.organization.0)
        .fetch_all(&self.pool)
        .await
        .unwrap();
        rows.into_iter().collect()
    }

    pub async fn attempts(&self, state: &str) -> i64 {
        self.attempt_states().await.get(state).copied().unwrap_or(0)
    }

    /// Accepted messages by number, as we recorded them.
    pub async fn accepted_by(&self, number: NumberId) -> i64 {
        sqlx::query_scalar(
            "select count(*) from attempts where organization_id = $1 and number_id = $2 and state = 'accepted'",
        )
        .bind(self.organization.0)
        .bind(number.0)
        .fetch_one(&self.pool)
        .await
        .unwrap()
    }

    /// Messages by sender, as the providers received them.
    pub fn received_from(&self, from: &str) -> usize {
        self.simulator.ledger().iter().filter(|entry| entry.from == from).count()
    }

    /// Compares what we recorded with what the providers received.
    ///
    /// Nobody was sent the same message twice; no reference came twice; every message that a provider has is an attempt
    /// of ours that is accepted or in doubt; every attempt that we call accepted is in a provider's ledger.
    pub async fn assert_both_sides(&self) -> Sides {
        let duplicates = self.simulator.duplicates();
        assert!(duplicates.is_empty(), "sent more than once: {duplicates:#?}");
        let tried: Vec<Tried> = sqlx::query_as(
            "select a.id, a.state::text as state, coalesce(r.phone, y.phone)::text as phone, a.provider_message_id,
                    a.resolved_by is not null as by_word
               from attempts a
               left join campaign_recipients r on r.organization_id = a.organization_id
                and r.campaign_id = a.campaign_id and r.id = a.recipient_id
               left join replies y on y.organization_id = a.organization_id and y.id = a.recipient_id
              where a.organization_id = $1",
        )
        .bind(self.organization.0)
        .fetch_all(&self.pool)
        .await
        .unwrap();
        let by_reference: HashMap<String, &Tried> =
            tried.iter().map(|one| (one.id.to_string(), one)).collect();
        let by_id: HashMap<&str, &Tried> =
            tried.iter().filter_map(|one| Some((one.provider_message_id.as_deref()?, one))).collect();
        let ledger = self.simulator.ledger();
        let mut received = HashSet::new();
        for entry in &ledger {
            let attempt = by_reference
                .get(&entry.reference)
                .or_else(|| by_id.get(entry.id.as_str()))
                .copied()
                // A provider without references: its message fits a doubt of ours.
                .or_else(|| tried.iter().find(|one| one.state == "in_doubt" && one.phone == entry.to));
            let attempt = attempt.unwrap_or_else(|| panic!("the provider has what we never sent: {entry:?}"));
            assert!(
                ["accepted", "in_doubt", "undelivered"].contains(&attempt.state.as_str()),
                "the provider has {entry:?}, we say {}",
                attempt.state
            );
            received.insert(attempt.id);
        }
        for attempt in tried.iter().filter(|one| one.state == "accepted" && !one.by_word) {
            assert!(received.contains(&attempt.id), "we say accepted, the provider never had {}", attempt.id);
        }
        let count = |state: &str| tried.iter().filter(|one| one.state == state).count();
        Sides { accepted: count("accepted"), in_doubt: count("in_doubt"), received: ledger.len() }
    }

    /// The invariants of `reliability.md`, section 12.
    pub async fn assert_invariants(&self) {
        let found = self.store.check_invariants(self.organization).await.unwrap();
        assert!(found.is_empty(), "{found:#?}");
    }
}
