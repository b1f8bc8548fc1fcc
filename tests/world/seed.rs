//! Filling a world: accounts, numbers, campaigns. By statements, as another program would leave them.

use super::{Made, World};
use signalbox::{
    domain::{
        action::{Action, Order},
        ids::{AccountId, CampaignId, NumberId, PoolId},
        number::ProviderKind,
        phone::Phone,
    },
    sender::line::token_place,
    store::{StoreError, action::ActionResult},
};
use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

/// A number to be.
#[derive(Debug, Clone, Copy)]
pub struct Num {
    pub provider: ProviderKind,
    pub priority: i32,
    pub daily_limit: Option<i32>,
    pub interval_ms: i32,
    pub per_second: i32,
    pub in_flight: i32,
    /// In the default pool.
    pub pooled: bool,
    /// Whether the gateway's own queue is kept short: then hardly anything is on the wire at once.
    pub queue_kept_short: bool,
}

impl Num {
    pub fn at(provider: ProviderKind) -> Self {
        Self {
            provider,
            priority: 10,
            daily_limit: None,
            interval_ms: 0,
            per_second: 0,
            in_flight: 20,
            pooled: true,
            queue_kept_short: false,
        }
    }

    pub fn meta() -> Self {
        Self::at(ProviderKind::Meta)
    }

    /// The provider that can be asked about a doubt, and whose "no" is proof.
    pub fn ultramsg() -> Self {
        Self::at(ProviderKind::Ultramsg)
    }

    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    pub fn daily(mut self, limit: i32) -> Self {
        self.daily_limit = Some(limit);
        self
    }

    pub fn interval_ms(mut self, interval: i32) -> Self {
        self.interval_ms = interval;
        self
    }

    pub fn per_second(mut self, rate: i32) -> Self {
        self.per_second = rate;
        self
    }

    pub fn queue_kept_short(mut self) -> Self {
        self.queue_kept_short = true;
        self
    }

    pub fn in_flight(mut self, count: i32) -> Self {
        self.in_flight = count;
        self
    }
}

/// A number that is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    pub id: NumberId,
    pub phone: String,
    /// As the simulator's ledger names it.
    pub from: String,
    pub provider: ProviderKind,
}

/// A campaign to be.
#[derive(Debug, Clone)]
pub struct Camp {
    pub recipients: i64,
    pub priority: i32,
    pub daily_limit: Option<i32>,
    pub failover: &'static str,
    pub text: &'static str,
    /// Seconds before each step.
    pub steps: Vec<i64>,
    pub state: &'static str,
    pub pool: Option<PoolId>,
}

impl Camp {
    pub fn of(recipients: i64) -> Self {
        Self {
            recipients,
            priority: 100,
            daily_limit: None,
            failover: "pool",
            text: "Hello {{name|friend}}",
            steps: vec![0],
            state: "active",
            pool: None,
        }
    }

    pub fn daily(mut self, limit: i32) -> Self {
        self.daily_limit = Some(limit);
        self
    }

    pub fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    pub fn failover(mut self, policy: &'static str) -> Self {
        self.failover = policy;
        self
    }

    pub fn steps(mut self, steps: &[i64]) -> Self {
        self.steps = steps.to_vec();
        self
    }

    pub fn paused(mut self) -> Self {
        self.state = "paused";
        self
    }
}

impl World {
    pub(super) async fn seed_organization(&self, made: &Made) {
        sqlx::query(
            // Campaigns of these worlds go on however many of their messages fail, unless a case says otherwise.
            "insert into organizations (id, slug, name, time_zone, rehearsal, stop_failed, stop_opted_out)
             values ($1, 'acme', 'Acme', $2, $3, 10000, 10000)",
        )
        .bind(self.organization.0)
        .bind(made.zone)
        .bind(made.rehearsal)
        .execute(&self.pool)
        .await
        .unwrap();
        sqlx::query("insert into pools (organization_id, id, name, sticky, strategy) values ($1, $2, 'default', $3, $4)")
            .bind(self.organization.0)
            .bind(self.default_pool.0)
            .bind(made.sticky)
            .bind(made.strategy)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// A number at the provider's account, which is made if it is new.
    pub async fn number(&self, num: Num) -> Number {
        let account = self.account(num.provider.name(), num.provider, None).await;
        self.number_of(account, num).await
    }

    /// An account. The simulator takes every token.
    pub async fn account(&self, name: &str, provider: ProviderKind, base_url: Option<&str>) -> AccountId {
        let known: Option<uuid::Uuid> =
            sqlx::query_scalar("select id from accounts where organization_id = $1 and name = $2")
                .bind(self.organization.0)
                .bind(name)
                .fetch_optional(&self.pool)
                .await
                .unwrap();
        if let Some(known) = known {
            return AccountId(known);
        }
        let account = AccountId::new();
        let sealed = self.keys.seal(&token_place(self.organization, account), "t0ken").unwrap();
        sqlx::query(
            "insert into accounts (organization_id, id, name, provider, external_id, sealed_token, base_url)
             values ($1, $2, $3, $4::text::provider_kind, 'AC1', $5, $6)",
        )
        .bind(self.organization.0)
        .bind(account.0)
        .bind(name)
        .bind(provider.name())
        .bind(sealed.as_str())
        .bind(base_url)
        .execute(&self.pool)
        .await
        .unwrap();
        account
    }

    pub async fn number_of(&self, account: AccountId, num: Num) -> Number {
        let place = self.places.fetch_add(1, Ordering::Relaxed);
        let phone = format!("+2376000001{place:02}");
        let (instance, from) = match num.provider {
            ProviderKind::Meta => (format!("1000{place}"), format!("1000{place}")),
            ProviderKind::Ultramsg => (format!("instance{place}"), format!("instance{place}")),
            ProviderKind::Twilio => (String::new(), phone.clone()),
        };
        let id = NumberId::new();
        sqlx::query(
            "insert into whatsapp_numbers (organization_id, id, account_id, phone, instance_id, priority, daily_limit,
                                           interval_ms, per_second, in_flight)
             values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(self.organization.0)
        .bind(id.0)
        .bind(account.0)
        .bind(&phone)
        .bind(instance)
        .bind(num.priority)
        .bind(num.daily_limit)
        .bind(num.interval_ms)
        .bind(num.per_second)
        .bind(num.in_flight)
        .execute(&self.pool)
        .await
        .unwrap();
        if !num.queue_kept_short {
            sqlx::query("update number_pacing set queue_limit = null, queued = null where number_id = $1")
                .bind(id.0)
                .execute(&self.pool)
                .await
                .unwrap();
        }
        if num.pooled {
            self.join_pool(self.default_pool, id).await;
        }
        Number { id, phone, from, provider: num.provider }
    }

    /// Who owns a number.
    pub async fn account_of(&self, number: &Number) -> AccountId {
        let id: uuid::Uuid = sqlx::query_scalar("select account_id from whatsapp_numbers where id = $1")
            .bind(number.id.0)
            .fetch_one(&self.pool)
            .await
            .unwrap();
        AccountId(id)
    }

    pub async fn join_pool(&self, pool: PoolId, number: NumberId) {
        sqlx::query("insert into pool_numbers (organization_id, pool_id, number_id) values ($1, $2, $3)")
            .bind(self.organization.0)
            .bind(pool.0)
            .bind(number.0)
            .execute(&self.pool)
            .await
            .unwrap();
    }

    /// A campaign with its recipients enrolled. Each campaign has people and a text of its own.
    pub async fn campaign(&self, camp: Camp) -> CampaignId {
        let place = self.places.fetch_add(1, Ordering::Relaxed);
        let id = CampaignId::new();
        sqlx::query(
            "insert into campaigns (organization_id, id, name, state, pool_id, priority, daily_limit, failover, started_at,
                                    paused_at, created_by, changed_by)
             values ($1, $2, $3, $4::text::campaign_state, $5, $6, $7, $8, clock_timestamp(),
                     case when $4 = 'paused' then clock_timestamp() end, 'test', 'test')",
        )
        .bind(self.organization.0)
        .bind(id.0)
        .bind(format!("campaign-{place}"))
        .bind(camp.state)
        .bind(camp.pool.unwrap_or(self.default_pool).0)
        .bind(camp.priority)
        .bind(camp.daily_limit)
        .bind(camp.failover)
        .execute(&self.pool)
        .await
        .unwrap();
        for (step, after) in camp.steps.iter().enumerate() {
            let text = format!("{} ({place}.{step})", camp.text);
            sqlx::query(
                "insert into campaign_steps (organization_id, campaign_id, step, after_seconds, texts)
                 values ($1, $2, $3, $4, $5)",
            )
            .bind(self.organization.0)
            .bind(id.0)
            .bind(i16::try_from(step + 1).unwrap())
            .bind(after)
            .bind(serde_json::json!([{ "locale": "en", "text": text }]))
            .execute(&self.pool)
            .await
            .unwrap();
        }
        self.decided(id, if camp.state == "paused" { "pause campaign" } else { "launch campaign" }).await;
        self.enrol(id, place, camp.recipients).await;
        id
    }

    async fn enrol(&self, campaign: CampaignId, place: u32, recipients: i64) {
        sqlx::query(
            "insert into campaign_recipients (organization_id, campaign_id, id, contact_id, phone)
             select $1, $2, ordered_uuid(1700000000000 + $4, $4::integer, g), new_uuid(),
                    '+2376' || lpad($4::text, 3, '0') || lpad(g::text, 7, '0')
               from generate_series(0, $3 - 1) g",
        )
        .bind(self.organization.0)
        .bind(campaign.0)
        .bind(recipients)
        .bind(i64::from(place))
        .execute(&self.pool)
        .await
        .unwrap();
        sqlx::query(
            r#"insert into recipient_parameters (organization_id, campaign_id, recipient_id, locale, parameters)
               select organization_id, campaign_id, id, 'en', '{"name": "Ana"}'
                 from campaign_recipients where organization_id = $1 and campaign_id = $2"#,
        )
        .bind(self.organization.0)
        .bind(campaign.0)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// The audit row that stands behind a state which the test wrote by itself.
    async fn decided(&self, campaign: CampaignId, action: &str) {
        sqlx::query(
            "insert into audit_log (organization_id, actor, action, entity, entity_id, entity_name, reason)
             values ($1, 'test', $3, 'campaign', $2, 'campaign', 'a test')",
        )
        .bind(self.organization.0)
        .bind(campaign.0)
        .bind(action)
        .execute(&self.pool)
        .await
        .unwrap();
    }

    /// The phone of a campaign's nth recipient, from zero.
    pub async fn phone(&self, campaign: CampaignId, nth: i64) -> Phone {
        let phone: String = sqlx::query_scalar(
            "select phone::text from campaign_recipients where organization_id = $1 and campaign_id = $2
              order by id offset $3 limit 1",
        )
        .bind(self.organization.0)
        .bind(campaign.0)
        .bind(nth)
        .fetch_one(&self.pool)
        .await
        .unwrap();
        Phone::parse(&phone).unwrap()
    }

    /// Orders something as an operator at another program would, and asserts that it is done. Where the row is busy for
    /// too long nothing was done, and it is asked for again, as the program advises.
    pub async fn order(&self, action: Action) {
        let order = Order::whole(action).because("a test");
        let name = order.action.name();
        let begun = Instant::now();
        loop {
            match self.store.act(self.organization, &order, "ana", None).await {
                Ok(ActionResult::Done { .. }) => return,
                Err(StoreError::Busy { .. }) if begun.elapsed() < Duration::from_mins(1) => {}
                other => panic!("{name}: {other:?}"),
            }
        }
    }
}
