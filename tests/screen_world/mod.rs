//! A world for tests of what is on screen: a throw-away cluster for each test program, a database for each test, an
//! organisation with numbers, contacts and campaigns in it.

#![allow(dead_code, missing_docs, reason = "each test program uses a part of it")]

pub mod plans;

use signalbox::domain::ids::{AttemptId, CampaignId, InstanceId, NumberId, OrganizationId, RecipientId};
use signalbox::postgres::cluster::{Cluster, Settings};
use signalbox::postgres::connect::{Database, LOCAL_OPERATOR, Purpose};
use signalbox::postgres::migrate::{self, MIGRATIONS};
use signalbox::store::Store;
use signalbox::store::attempt::{
    ClaimCampaign, ClaimNumber, ClaimRequest, ClaimedMessage, Lane, Next, OutcomeRecord,
};
use signalbox::store::lease::Introduction;
use signalbox::store::screen::Seat;
use sqlx::{AssertSqlSafe, PgPool, Row as _};
use std::sync::{Mutex, OnceLock};
use std::time::Duration;
use uuid::Uuid;

/// The cluster of this test program; its guard stops it when the program ends.
pub fn cluster(settings: fn() -> Settings) -> &'static Cluster {
    static CLUSTER: OnceLock<Cluster> = OnceLock::new();
    CLUSTER.get_or_init(|| Cluster::throwaway_now(settings()).unwrap())
}

pub struct World {
    pub cluster: &'static Cluster,
    pub name: String,
    pub database: Database,
    /// The database as operators reach it: policies bind this role.
    pub operators: Database,
    pub store: Store,
    /// As the superuser, without limits on statements.
    pub admin: PgPool,
    pub seat: Seat,
    pub organization: OrganizationId,
    pub account: Uuid,
    pub pool: Uuid,
}

impl World {
    pub async fn start() -> Self {
        Self::on(cluster(Settings::for_tests)).await
    }

    pub async fn on(cluster: &'static Cluster) -> Self {
        static COUNT: Mutex<u32> = Mutex::new(0);
        let name = {
            let mut count = COUNT.lock().unwrap();
            *count += 1;
            format!("world_{count}")
        };
        cluster.create_database(&name, None).await.unwrap();
        let database = Database::on_cluster(cluster, &name);
        migrate::run(&database, &MIGRATIONS, Duration::from_mins(1), |_| {}).await.unwrap();
        let store = Store::new(&database);
        let admin = database.pool(Purpose::Migrate);
        let organization = OrganizationId::new();
        let (account, pool) = (Uuid::now_v7(), Uuid::now_v7());
        let operators = database.as_role(LOCAL_OPERATOR);
        let world = |seat| Self {
            cluster,
            name,
            database,
            operators,
            store,
            admin,
            seat,
            organization,
            account,
            pool,
        };
        let this = world(Seat {
            organization,
            slug: "acme".into(),
            zone: chrono_tz::Africa::Douala,
            rehearsal: false,
            role_name: "signalbox".into(),
            role: None,
            instance: None,
        });
        this.run(&format!(
            "insert into organizations (id, slug, name, time_zone) values ('{organization}', 'acme', 'Acme', 'Africa/Douala');
             insert into accounts (organization_id, id, name, provider, sealed_token)
                 values ('{organization}', '{account}', 'meta-main', 'meta', 'sealed');
             insert into pools (organization_id, id, name) values ('{organization}', '{pool}', 'default')"
        ))
        .await;
        this.store.seat_everywhere(LOCAL_OPERATOR).await.unwrap();
        let seat = this.store.seat(organization, None).await.unwrap();
        Self { seat, ..this }
    }

    /// Runs statements as the superuser.
    pub async fn run(&self, sql: &str) {
        sqlx::raw_sql(AssertSqlSafe(sql.to_owned())).execute(&self.admin).await.unwrap();
    }

    /// The one number that a statement answers.
    pub async fn ask(&self, sql: &str) -> i64 {
        sqlx::query(AssertSqlSafe(sql.to_owned())).fetch_one(&self.admin).await.unwrap().get(0)
    }

    /// A number of the default pool.
    pub async fn number(&self, name: &str, priority: i32) -> NumberId {
        let (id, org) = (NumberId::new(), self.organization);
        let phone = format!("+2376{:08}", self.ask("select count(*) from whatsapp_numbers").await + 1);
        self.run(&format!(
            "insert into whatsapp_numbers (organization_id, id, account_id, phone, display_name, priority, daily_limit)
                 values ('{org}', '{id}', '{}', '{phone}', '{name}', {priority}, 250);
             insert into pool_numbers (organization_id, pool_id, number_id) values ('{org}', '{}', '{id}')",
            self.account, self.pool
        ))
        .await;
        id
    }

    /// A running campaign that has enrolled so many new contacts, in this order.
    pub async fn campaign(&self, name: &str, recipients: u32) -> CampaignId {
        let (id, org, pool) = (CampaignId::new(), self.organization, self.pool);
        let before = self.ask("select count(*) from contacts").await;
        self.run(&format!(
            "insert into campaigns (organization_id, id, name, state, pool_id, started_at, created_by, changed_by)
                 values ('{org}', '{id}', '{name}', 'active', '{pool}', clock_timestamp(), 'ana', 'ana');
             insert into campaign_steps (organization_id, campaign_id, step, after_seconds, texts)
                 values ('{org}', '{id}', 1, 0, '[{{\"locale\": \"fr\", \"text\": \"Bonjour\"}}, {{\"locale\": \"en\", \"text\": \"Hello\"}}]');
             insert into contacts (organization_id, id, phone, name, country, tags)
             select '{org}', ordered_uuid(1, 1, {before} + n), '+2375' || lpad(({before} + n)::text, 8, '0'),
                    'Person ' || ({before} + n), 'CM', case when n % 2 = 0 then array['vip'] else '{{}}' end
               from generate_series(1, {recipients}) n;
             insert into campaign_recipients (organization_id, campaign_id, id, contact_id, phone)
             select '{org}', '{id}', ordered_uuid(2, 2, {before} + n), ordered_uuid(1, 1, {before} + n),
                    '+2375' || lpad(({before} + n)::text, 8, '0')
               from generate_series(1, {recipients}) n"
        ))
        .await;
        id
    }

    /// A sender that is on record and holds the leases of these numbers.
    pub async fn sender(&self, numbers: &[NumberId]) -> Sender<'_> {
        let who = Introduction {
            instance: InstanceId::new(),
            operator: "bea".into(),
            host: "web-1".into(),
            pid: 4711,
            kind: "sender",
        };
        self.store.introduce(self.organization, &who).await.unwrap();
        let leases =
            self.store.take_leases(self.organization, who.instance, numbers, u32::MAX >> 1).await.unwrap();
        let numbers = leases.iter().map(|lease| (lease.number, lease.epoch)).collect();
        Sender { world: self, instance: who.instance, numbers }
    }

    /// Waits for a condition, for at most ten seconds.
    pub async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
        let limit = std::time::Instant::now() + Duration::from_secs(10);
        while !condition().await {
            assert!(std::time::Instant::now() < limit, "{what}: not within 10 s");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

pub struct Sender<'a> {
    world: &'a World,
    pub instance: InstanceId,
    numbers: Vec<(NumberId, i64)>,
}

impl Sender<'_> {
    /// What claims so many messages of a campaign through one number.
    pub fn request(&self, number: NumberId, campaign: CampaignId, count: u32) -> ClaimRequest {
        let epoch = self.numbers.iter().find(|(id, _)| *id == number).unwrap().1;
        ClaimRequest {
            organization: self.world.organization,
            instance: self.instance,
            numbers: vec![ClaimNumber { id: number, epoch, batch: count, gap: Duration::ZERO }],
            campaigns: vec![ClaimCampaign {
                id: campaign,
                walk_after: Some(RecipientId(Uuid::nil())),
                may_take_over: true,
            }],
            lanes: vec![Lane { number: 0, campaign: Some(0), wanted: count, bound_only: false }],
            takes_over: Vec::new(),
            attempts: (0..count).map(|_| AttemptId::new()).collect(),
            deadline: Duration::from_mins(1),
            now: None,
        }
    }

    /// Claims messages of a campaign through one number.
    pub async fn claim(&self, number: NumberId, campaign: CampaignId, count: u32) -> Vec<ClaimedMessage> {
        let request = self.request(number, campaign, count);
        let claimed = self.world.store.claim(&request).await.unwrap();
        assert_eq!(claimed.messages.len(), count as usize, "refused: {:?}", claimed.refused);
        claimed.messages
    }

    /// Records one outcome: `accepted`, `rejected`, `retry` or `in_doubt`.
    pub async fn record(&self, message: &ClaimedMessage, outcome: &str) {
        use signalbox::domain::attempt::AttemptState;
        let (state, next) = match outcome {
            "accepted" => (AttemptState::Accepted, Next::Advance),
            "rejected" => (AttemptState::Rejected, Next::Fail),
            "retry" => (AttemptState::Rejected, Next::Retry(Duration::from_mins(10))),
            "in_doubt" => (AttemptState::InDoubt, Next::Doubt),
            other => panic!("no outcome {other}"),
        };
        let failed = state != AttemptState::Accepted;
        let said = |text: &str| failed.then(|| text.to_owned());
        let record = OutcomeRecord {
            attempt: message.attempt,
            state,
            provider_message_id: (!failed).then(|| format!("wamid.{}", message.attempt)),
            class: said("recipient_invalid"),
            blame: said("recipient"),
            code: said("131026"),
            words: said("Message undeliverable"),
            duration_ms: Some(640),
            next: String::new(),
            delay_ms: 0,
            reason: said("recipient_invalid: 131026"),
        }
        .with_next(&next);
        self.world.store.record_outcomes(self.world.organization, &[record], None).await.unwrap();
    }
}
