//! A campaign worked by hand: every claim, outcome and report is the test's own, and so is their order.

use crate::world::{Made, World, claimer::Claimer, seed::Camp, until};
use signalbox::{
    domain::{
        action::{Action, Order},
        delivery::Delivery,
        ids::{AccountId, AttemptId, CampaignId, NumberId, RecipientId},
        outcome::{Class, Failure},
    },
    postgres::connect::Purpose,
    store::{
        StoreError,
        action::ActionResult,
        attempt::{Claimed, LateOutcome, Next, OutcomeRecord},
        receipt::{JudgedReceipt, NewReceipt},
    },
};
use sqlx::{PgPool, Postgres, Transaction};
use std::{
    cell::Cell,
    time::{Duration, Instant},
};

/// At once.
pub const NOW: Duration = Duration::ZERO;

/// A campaign, and so many numbers that may send for it, each leased by a claimer of its own.
pub struct Hand {
    pub world: World,
    pub campaign: CampaignId,
    pub claimers: Vec<Claimer>,
    /// For transactions that stay open while the test looks at what waits for them.
    pub other: PgPool,
}

impl Hand {
    pub async fn with(camp: Camp) -> Self {
        Self::of(Made::default(), camp, 1).await
    }

    pub async fn of(made: Made, camp: Camp, numbers: usize) -> Self {
        let world = made.world().await;
        let campaign = world.campaign(camp).await;
        let claimers = world.claimers(numbers).await;
        // However slow the machine is: nobody renews these.
        world.execute("update number_leases set expires_at = clock_timestamp() + interval '1 day'").await;
        let other = world.database.pool(Purpose::Bulk);
        Self { world, campaign, claimers, other }
    }

    pub fn number(&self, nth: usize) -> NumberId {
        self.claimers[nth].lease.number
    }

    /// A claim of one message of a campaign through the nth number, with the work of others that are out of service.
    pub async fn claim_of(&self, campaign: CampaignId, nth: usize, takes_over: &[usize]) -> Claimed {
        let claimer = &self.claimers[nth];
        let mut request = self.world.request(claimer, campaign, 1);
        request.takes_over = takes_over.iter().map(|nth| self.number(*nth)).collect();
        patient(async || claimer.store.claim(&request).await).await
    }

    /// One message through the nth number.
    pub async fn claimed(&self, nth: usize) -> AttemptId {
        self.claimed_over(nth, &[]).await
    }

    /// One message through the nth number, which does the work of others.
    pub async fn claimed_over(&self, nth: usize, takes_over: &[usize]) -> AttemptId {
        let claimed = self.claim_of(self.campaign, nth, takes_over).await;
        let [message] = claimed.messages.as_slice() else { panic!("nothing to claim: {claimed:?}") };
        message.attempt
    }

    /// Asserts that a claim which everything allows finds nobody.
    pub async fn nobody_is_due(&self, nth: usize, takes_over: &[usize]) {
        let claimed = self.claim_of(self.campaign, nth, takes_over).await;
        assert!(claimed.messages.is_empty() && claimed.refused.is_empty() && !claimed.stopped, "{claimed:?}");
    }

    pub async fn record(&self, outcome: OutcomeRecord) -> Vec<LateOutcome> {
        let (store, organization) = (&self.world.store, self.world.organization);
        patient(async || store.record_outcomes(organization, std::slice::from_ref(&outcome), None).await)
            .await
    }

    /// The provider reports how far a message came. Of one that did not arrive: why, and what is judged to follow.
    pub async fn reported(&self, attempt: AttemptId, delivery: Delivery, judged: Option<(Class, Next)>) {
        let (store, organization) = (&self.world.store, self.world.organization);
        let account = AccountId(self.world.value("select id from accounts").await);
        let failure =
            |class| Failure { class, code: Some("131000".into()), words: "as the provider says it".into() };
        let receipt = NewReceipt {
            account,
            message: Some(format!("wamid.{attempt}")),
            reference: Some(attempt),
            delivery,
            at: None,
            failure: judged.as_ref().map(|(class, _)| failure(*class)),
        };
        store.keep_receipts(organization, &[receipt]).await.unwrap();
        let due = patient(async || store.take_receipts(organization, 10).await).await;
        let [due] = due.as_slice() else { panic!("one receipt: {due:?}") };
        assert_eq!(due.attempt, attempt);
        let judged = JudgedReceipt {
            id: due.id,
            attempt,
            next: judged.map(|(_, next)| next),
            reason: due.code.clone(),
        };
        patient(async || store.apply_receipts(organization, std::slice::from_ref(&judged), None).await).await;
    }

    /// State, reason and step of the campaign's one person.
    pub async fn person(&self) -> (String, Option<String>, i16) {
        sqlx::query_as("select state::text, reason, step from campaign_recipients where campaign_id = $1")
            .bind(self.campaign.0)
            .fetch_one(&self.world.pool)
            .await
            .unwrap()
    }

    /// Asserts what became of the campaign's one person.
    pub async fn person_is(&self, state: &str, reason: Option<&str>, step: i16, when: &str) {
        assert_eq!(self.person().await, (state.to_owned(), reason.map(str::to_owned), step), "{when}");
    }

    pub async fn recipient(&self) -> RecipientId {
        let recipient = sqlx::query_scalar("select id from campaign_recipients where campaign_id = $1")
            .bind(self.campaign.0)
            .fetch_one(&self.world.pool);
        RecipientId(recipient.await.unwrap())
    }

    /// Whoever is enrolled anywhere is a contact.
    pub async fn contacts(&self) {
        self.world
            .execute(
                "insert into contacts (organization_id, id, phone, name, locale)
                 select distinct on (organization_id, phone) organization_id, contact_id, phone, 'Ana', 'en'
                   from campaign_recipients",
            )
            .await;
    }

    /// What an operator is answered.
    pub async fn act(&self, action: Action) -> ActionResult {
        let order = Order::whole(action).because("a test");
        let (store, organization) = (&self.world.store, self.world.organization);
        patient(async || store.act(organization, &order, "ana", None).await).await
    }

    /// Begins what the test commits itself.
    pub async fn begin(&self) -> Transaction<'static, Postgres> {
        self.other.begin().await.unwrap()
    }

    /// Lets `second` run while `first` is not committed, which it is once the second is through or waits for a lock.
    pub async fn during<T>(&self, first: Transaction<'_, Postgres>, second: impl Future<Output = T>) -> T {
        let is_through = Cell::new(false);
        let second = async {
            let answer = second.await;
            is_through.set(true);
            answer
        };
        let (answer, ()) = tokio::join!(second, async {
            until("the second is through or waits", 60, async || {
                is_through.get() || self.waiting().await > 0
            })
            .await;
            first.commit().await.unwrap();
        });
        answer
    }

    /// How many statements wait for a lock.
    pub async fn waiting(&self) -> i64 {
        self.world
            .value(
                "select count(*) from pg_stat_activity
                  where datname = current_database() and wait_event_type = 'Lock' and state = 'active'",
            )
            .await
    }

    /// Statements wait where the trigger says (`before update on … for each row`) until what this answers is committed.
    pub async fn gate(&self, trigger: &str) -> Transaction<'static, Postgres> {
        let create = format!(
            "create function gate() returns trigger language plpgsql as
                 'begin perform pg_advisory_xact_lock_shared(4711); return new; end';
             create trigger gate {trigger} execute function gate()"
        );
        sqlx::raw_sql(sqlx::AssertSqlSafe(create)).execute(&self.other).await.unwrap();
        let mut gate = self.begin().await;
        sqlx::query("select pg_advisory_xact_lock(4711)").execute(&mut *gate).await.unwrap();
        gate
    }
}

/// Repeats what is busy, as senders and operators do; but two that wait for each other in a circle are a fault.
pub async fn patient<T>(statement: impl AsyncFn() -> Result<T, StoreError>) -> T {
    let begun = Instant::now();
    loop {
        match statement().await {
            Ok(answer) => return answer,
            Err(StoreError::Busy { source, .. })
                if source.as_database_error().and_then(|error| error.code()).as_deref() != Some("40P01")
                    && begun.elapsed() < Duration::from_mins(1) => {}
            Err(error) => panic!("{error:?}"),
        }
    }
}

/// The provider took it.
pub fn accepted(attempt: AttemptId) -> OutcomeRecord {
    OutcomeRecord {
        attempt,
        state: "accepted".parse().unwrap(),
        provider_message_id: Some(format!("wamid.{attempt}")),
        class: None,
        blame: None,
        code: None,
        words: None,
        duration_ms: None,
        next: String::new(),
        delay_ms: 0,
        reason: None,
    }
    .with_next(&Next::Advance)
}

/// It came to nothing: `rejected`, `not_sent` or `in_doubt`.
pub fn came_to(attempt: AttemptId, state: &str, next: &Next) -> OutcomeRecord {
    OutcomeRecord {
        state: state.parse().unwrap(),
        provider_message_id: None,
        class: Some("transient".to_owned()),
        blame: Some("provider".to_owned()),
        code: Some("131000".to_owned()),
        words: Some("something went wrong".to_owned()),
        reason: Some("transient: 131000".to_owned()),
        ..accepted(attempt)
    }
    .with_next(next)
}

/// The provider refused it, and it is not the person's doing.
pub fn refused(attempt: AttemptId, next: &Next) -> OutcomeRecord {
    came_to(attempt, "rejected", next)
}

/// The provider refused it because of the person.
pub fn refused_for(attempt: AttemptId, class: Class, code: &str, next: &Next) -> OutcomeRecord {
    OutcomeRecord {
        class: Some(class.name().to_owned()),
        blame: Some(class.blame().name().to_owned()),
        code: Some(code.to_owned()),
        reason: Some(format!("{}: {code}", class.name())),
        ..refused(attempt, next)
    }
}
