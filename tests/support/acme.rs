//! An organisation that is ready to send: an account, two numbers in the default pool, contacts, a campaign, and an
//! instance that holds the leases.

use super::Db;
use signalbox::{
    domain::{
        action::{Action, NewNumber, Order},
        campaign::{CampaignFile, Context},
        ids::{AccountId, AttemptId, CampaignId, InstanceId, NumberId, OrganizationId, RecipientId},
        number::{Pacing, ProviderKind, Remarks},
        phone::Phone,
    },
    store::{
        account::{NewAccount, SealedSecrets},
        action::{ActionResult, Actor},
        attempt::{ClaimCampaign, ClaimNumber, ClaimRequest, Claimed, Lane, OutcomeRecord},
        lease::{Introduction, Lease},
        organization::NewOrganization,
    },
};
use std::time::Duration;

pub const ANA: Actor<'static> = Actor { operator: "ana", instance: None };

/// A campaign that says hello to everybody.
pub const HELLO: &str = "name = \"hello\"\n[[steps]]\nafter = \"0h\"\ntext = { en = \"Hello\" }\n";

pub struct Acme {
    pub db: Db,
    pub organization: OrganizationId,
    pub account: AccountId,
    pub numbers: Vec<NumberId>,
    pub instance: InstanceId,
    pub leases: Vec<Lease>,
}

pub fn phone(nth: usize) -> Phone {
    Phone::parse(&format!("+2376{nth:08}")).unwrap()
}

impl Acme {
    /// With two numbers of no limit, priority 10 and 20, and an instance that holds both.
    pub async fn new() -> Self {
        Self::with_numbers(&[None, None]).await
    }

    /// With a number for each daily limit.
    pub async fn with_numbers(limits: &[Option<u32>]) -> Self {
        let db = Db::new().await;
        let store = &db.store;
        let new = NewOrganization {
            slug: "acme",
            name: "Acme",
            time_zone: "Africa/Douala",
            default_locale: "en",
            daily_limit: None,
            warm_up: signalbox::domain::warm_up::Ladder::usual(),
            rehearsal: false,
        };
        let organization = store.add_organization(&new, ANA).await.unwrap();
        let account = AccountId::new();
        let new = NewAccount {
            id: account,
            name: "main",
            provider: ProviderKind::Meta,
            external_id: "1",
            base_url: Some("http://127.0.0.1:1"),
            rolling_limit: None,
            portfolio: None,
            sealed: SealedSecrets { token: Some("sealed".into()), ..SealedSecrets::default() },
        };
        store.add_account(organization, &new, ANA).await.unwrap();
        let mut acme = Self {
            organization,
            account,
            numbers: Vec::new(),
            instance: InstanceId::new(),
            leases: Vec::new(),
            db,
        };
        for (nth, limit) in limits.iter().enumerate() {
            let new = acme.new_number(nth, *limit);
            let (number, _version) = acme.db.store.add_number(organization, &new, ANA).await.unwrap();
            acme.numbers.push(number);
        }
        let who = Introduction {
            instance: acme.instance,
            operator: "ana".into(),
            host: "here".into(),
            pid: 1,
            kind: "sender",
        };
        acme.db.store.introduce(organization, &who).await.unwrap();
        acme.leases =
            acme.db.store.take_leases(organization, acme.instance, &acme.numbers, 100).await.unwrap();
        acme
    }

    pub fn new_number(&self, nth: usize, daily_limit: Option<u32>) -> NewNumber {
        NewNumber {
            phone: phone(90_000_000 + nth),
            account: self.account,
            sender_id: nth.to_string(),
            name: format!("number {nth}"),
            priority: i32::try_from(nth).unwrap() * 10 + 10,
            daily_limit,
            pacing: Some(Pacing { interval: Duration::ZERO, per_second: 0, in_flight: 100 }),
            warm_up: None,
            remarks: Remarks::default(),
            pool: None,
        }
    }

    /// So many contacts, phones 0, 1, 2, …
    pub async fn contacts(&self, count: i32) {
        sqlx::query(
            "insert into contacts (organization_id, id, phone, name, locale, country)
             select $1, ordered_uuid(1, 1, n), '+2376' || lpad(n::text, 8, '0'), 'Ana ' || n, 'en', 'CM'
               from generate_series(0, $2 - 1) n",
        )
        .bind(self.organization.0)
        .bind(count)
        .execute(&self.db.pool)
        .await
        .unwrap();
    }

    /// A campaign made from a file; a draft unless the file says when it starts.
    pub async fn campaign(&self, toml: &str) -> CampaignId {
        let context = Context::in_zone(chrono_tz::Africa::Douala);
        let spec = CampaignFile::parse(toml, "test.toml", &context).unwrap();
        let pool = self.db.store.pools(self.organization, Some(&spec.pool)).await.unwrap().remove(0);
        self.db.store.create_campaign(self.organization, &spec, pool.id, toml, ANA).await.unwrap().0
    }

    /// A running campaign that says hello to everybody.
    pub async fn running(&self) -> CampaignId {
        let campaign = self.campaign(HELLO).await;
        self.done(Action::StartCampaign(campaign)).await;
        campaign
    }

    pub async fn act(&self, action: Action) -> ActionResult {
        self.order(&Order::whole(action).because("a test")).await
    }

    pub async fn order(&self, order: &Order) -> ActionResult {
        self.db.store.act(self.organization, order, "ana", None).await.unwrap()
    }

    /// Asserts that it is done; answers the version.
    pub async fn done(&self, action: Action) -> i64 {
        let name = action.name();
        match self.act(action).await {
            ActionResult::Done { version, .. } => version.map_or(0, |version| version.0),
            other => panic!("{name}: {other:?}"),
        }
    }

    /// What a claim of so many messages from one campaign through one number asks.
    pub fn request(&self, number: usize, campaign: CampaignId, wanted: u32) -> ClaimRequest {
        let lease = self.leases.iter().find(|lease| lease.number == self.numbers[number]).unwrap();
        ClaimRequest {
            organization: self.organization,
            instance: self.instance,
            numbers: vec![ClaimNumber {
                id: lease.number,
                epoch: lease.epoch,
                batch: wanted,
                gap: Duration::ZERO,
            }],
            campaigns: vec![ClaimCampaign {
                id: campaign,
                walk_after: Some(RecipientId(uuid::Uuid::nil())),
                may_take_over: true,
            }],
            lanes: vec![Lane { number: 0, campaign: Some(0), wanted, bound_only: false }],
            takes_over: Vec::new(),
            attempts: (0..wanted).map(|_| AttemptId::new()).collect(),
            deadline: Duration::from_secs(30),
            now: None,
        }
    }

    pub async fn claim(&self, number: usize, campaign: CampaignId, wanted: u32) -> Claimed {
        self.db.store.claim(&self.request(number, campaign, wanted)).await.unwrap()
    }

    /// Records what became of an attempt: its state, and what becomes of the recipient.
    pub async fn settle(&self, attempt: AttemptId, state: &str, next: &str) {
        let accepted = state == "accepted";
        let outcome = OutcomeRecord {
            attempt,
            state: state.parse().unwrap(),
            provider_message_id: accepted.then(|| format!("wamid.{attempt}")),
            class: (!accepted).then(|| "unknown".to_owned()),
            blame: (!accepted).then(|| "us".to_owned()),
            code: None,
            words: (!accepted).then(|| "the provider's words".to_owned()),
            duration_ms: Some(5),
            next: next.to_owned(),
            delay_ms: 0,
            reason: (!accepted).then(|| "a test".to_owned()),
        };
        self.db.store.record_outcomes(self.organization, &[outcome], None).await.unwrap();
    }

    /// The states of a campaign's recipients in the order of enrolment.
    pub async fn states(&self, campaign: CampaignId) -> Vec<String> {
        sqlx::query_scalar("select state::text from campaign_recipients where campaign_id = $1 order by id")
            .bind(campaign.0)
            .fetch_all(&self.db.pool)
            .await
            .unwrap()
    }

    /// What the audit log says of a row, oldest first: `actor: action (reason)`.
    pub async fn log(&self, entity: uuid::Uuid) -> Vec<String> {
        sqlx::query_scalar(
            "select format('%s: %s (%s)', actor, action, reason) from audit_log where entity_id = $1 order by at",
        )
        .bind(entity)
        .fetch_all(&self.db.pool)
        .await
        .unwrap()
    }
}
