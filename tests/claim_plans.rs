//! A claim and the recording of its outcomes touch as little at a million recipients as at any other number, and the
//! same after hundreds of thousands were sent: every statement inside them is explained by the server while it runs.

#![cfg(test)]

mod screen_world;

use screen_world::plans::{LARGE, Plans, explaining, looked_at, nodes, number, statement};
use screen_world::{World, cluster};
use serde_json::Value;
use signalbox::domain::attempt::AttemptState;
use signalbox::domain::delivery::Delivery;
use signalbox::domain::ids::{AccountId, AttemptId, CampaignId, InstanceId, NumberId, RecipientId};
use signalbox::sender::plan::{Local, Roster};
use signalbox::store::Store;
use signalbox::store::attempt::{
    ClaimCampaign, ClaimNumber, ClaimRequest, ClaimedMessage, Lane, Next, OutcomeRecord,
};
use signalbox::store::lease::Introduction;
use signalbox::store::receipt::{JudgedReceipt, NewReceipt};
use std::time::Duration;
use uuid::Uuid;

const RECIPIENTS: u32 = 1_000_000;
/// Sent before the second half of the test.
const SENT: u32 = 200_000;
/// Messages of one claim.
const CLAIM: u32 = 200;
/// Claims of each stage.
const ROUNDS: usize = 6;
/// Pages that a claim may touch for a message, by reading or writing: the recipient, its parameters, the intent and their
/// indexes, none of them more than a few levels deep.
const CLAIM_PAGES: f64 = 45.0;
/// The same where every message has a number of its own: its lease, its state, its pace and its usage.
const CLAIM_PAGES_OF_A_NUMBER: f64 = 100.0;
/// Pages that recording an outcome may touch: the attempt and the recipient, locked and then changed, the provider's id, and
/// their indexes.
const RECORD_PAGES: f64 = 70.0;
/// The same where every outcome is of a number of its own: its counts by the minute and by the stretch.
const RECORD_PAGES_OF_A_NUMBER: f64 = 80.0;

/// Pages that applying a receipt may touch: receipt, attempt and recipient, each looked for by several statements. Rows that
/// moved and were not tidied up yet cost one more each: a server with little time for that reads more than a hundred. A
/// walk would read thousands.
const APPLY_PAGES: f64 = 240.0;

/// A campaign of a million on so many numbers, and a sender that holds their leases for as long as it takes.
struct Scene {
    world: World,
    campaign: CampaignId,
    numbers: Vec<(NumberId, i64)>,
    instance: InstanceId,
    /// Whose statements are explained.
    store: Store,
    plans: Plans,
}

impl Scene {
    async fn of(numbers: u32, recipients: u32) -> Self {
        let world =
            World::on(cluster(|| explaining().with("auto_explain.log_nested_statements", "on"))).await;
        let campaign = world.campaign("large", 0).await;
        let (org, account, pool) = (world.organization, world.account, world.pool);
        world
            .run(&format!(
                "insert into whatsapp_numbers (organization_id, id, account_id, phone, display_name, priority, in_flight,
                                               per_second)
                 select '{org}', ordered_uuid(3, 3, n), '{account}', '+2376' || lpad(n::text, 8, '0'), 'number ' || n, 1,
                        500, 0 from generate_series(1, {numbers}) n;
                 insert into pool_numbers (organization_id, pool_id, number_id)
                 select '{org}', '{pool}', id from whatsapp_numbers;
                 insert into campaign_recipients (organization_id, campaign_id, id, contact_id, phone)
                 select '{org}', '{campaign}', ordered_uuid(2, 2, n), ordered_uuid(1, 1, n),
                        '+2375' || lpad(n::text, 8, '0') from generate_series(1, {recipients}) n;
                 insert into recipient_parameters (organization_id, campaign_id, recipient_id, locale, parameters)
                 select '{org}', '{campaign}', ordered_uuid(2, 2, n), 'en', '{{}}'
                   from generate_series(1, {recipients}) n"
            ))
            .await;
        let instance = InstanceId::new();
        let who = Introduction {
            instance,
            operator: "bea".into(),
            host: "web-1".into(),
            pid: 4711,
            kind: "sender",
        };
        world.store.introduce(org, &who).await.unwrap();
        let ids: Vec<NumberId> = world
            .store
            .snapshot(org, None)
            .await
            .unwrap()
            .numbers
            .iter()
            .map(|view| view.number.id)
            .collect();
        let leases = world.store.take_leases(org, instance, &ids, u32::MAX >> 1).await.unwrap();
        world.run("update number_leases set expires_at = clock_timestamp() + interval '1 day'").await;
        world.run(&format!("alter database {} set auto_explain.log_min_duration = 0", world.name)).await;
        let store = Store::new(&world.database);
        let plans = Plans::new(&world);
        let numbers = leases.iter().map(|lease| (lease.number, lease.epoch)).collect();
        Self { world, campaign, numbers, instance, store, plans }
    }

    fn request(&self, count: u32, after: Option<RecipientId>) -> ClaimRequest {
        let each = count / u32::try_from(self.numbers.len()).unwrap();
        let number = |(id, epoch): &(NumberId, i64)| ClaimNumber {
            id: *id,
            epoch: *epoch,
            batch: each,
            gap: Duration::ZERO,
        };
        let lane = |number| Lane { number, campaign: Some(0), wanted: each, bound_only: false };
        ClaimRequest {
            organization: self.world.organization,
            instance: self.instance,
            numbers: self.numbers.iter().map(number).collect(),
            campaigns: vec![ClaimCampaign { id: self.campaign, walk_after: after, may_take_over: true }],
            lanes: (0..self.numbers.len()).map(lane).collect(),
            takes_over: Vec::new(),
            attempts: (0..count).map(|_| AttemptId::new()).collect(),
            deadline: Duration::from_mins(1),
            now: None,
        }
    }

    /// Claims, records, and answers what both cost for each message, and the last recipient of the walk.
    async fn round(&mut self, count: u32, after: RecipientId, what: &str) -> (f64, f64, RecipientId) {
        let request = self.request(count, Some(after));
        let claimed = self.store.claim(&request).await.unwrap();
        assert_eq!(claimed.messages.len(), count as usize, "{what}: refused {:?}", claimed.refused);
        let claim = self.cost("from claim(", count, what);
        let outcomes: Vec<OutcomeRecord> = claimed.messages.iter().enumerate().map(outcome).collect();
        let late = self.store.record_outcomes(self.world.organization, &outcomes, None).await.unwrap();
        assert!(late.is_empty(), "{what}: {late:?}");
        let record = self.cost("from record_outcomes(", count, what);
        let walked = claimed.walked_to.first().map_or(after, |(_, walked)| *walked);
        (claim, record, walked)
    }

    /// Pages that the statement touched for each message, after a look at every statement inside it.
    fn cost(&mut self, call: &str, count: u32, what: &str) -> f64 {
        let plans = self.plans.since();
        let complaints: Vec<String> = plans.iter().filter_map(|plan| complaint(plan, count)).collect();
        assert_eq!(complaints, Vec::<String>::new(), "{what}");
        let inside = plans.iter().filter(|plan| LARGE.iter().any(|table| statement(plan).contains(table)));
        assert!(inside.count() > 2, "{what}: what is inside {call} was not explained");
        let whole: Vec<&Value> = plans.iter().filter(|plan| statement(plan).contains(call)).collect();
        assert_eq!(whole.len(), 1, "{what}: {call}");
        pages(whole[0]) / f64::from(count)
    }

    /// A few claims one after the other, each where the last one ended.
    async fn stage(&mut self, mut after: RecipientId, what: &str) -> RecipientId {
        for round in 0..ROUNDS {
            let what = format!("{what}, claim {round}");
            let (claim, record, walked) = self.round(CLAIM, after, &what).await;
            assert!(claim < CLAIM_PAGES, "{what}: {claim} pages for each message");
            assert!(record < RECORD_PAGES, "{what}: {record} pages for each outcome");
            after = walked;
        }
        after
    }
}

/// One in twenty is tried again later.
fn outcome((nth, message): (usize, &ClaimedMessage)) -> OutcomeRecord {
    let again = nth % 20 == 7;
    let (state, next) = if again {
        (AttemptState::Rejected, Next::Retry(Duration::from_secs(1)))
    } else {
        (AttemptState::Accepted, Next::Advance)
    };
    let said = |text: &str| again.then(|| text.to_owned());
    OutcomeRecord {
        attempt: message.attempt,
        state,
        provider_message_id: (!again).then(|| format!("wamid.{}", message.attempt)),
        class: said("transient"),
        blame: said("provider"),
        code: said("131000"),
        words: said("something went wrong"),
        duration_ms: Some(40),
        next: String::new(),
        delay_ms: 0,
        reason: said("transient: 131000"),
    }
    .with_next(&next)
}

fn pages(plan: &Value) -> f64 {
    number(&plan["Plan"], "Shared Hit Blocks") + number(&plan["Plan"], "Shared Read Blocks")
}

/// The sentence of what a statement inside may not do, if it does: it finds the rows of its messages, and no others.
fn complaint(plan: &Value, count: u32) -> Option<String> {
    let most = f64::from(count) * 3.0 + 50.0;
    nodes(&plan["Plan"]).into_iter().find_map(|node| {
        let kind = node["Node Type"].as_str().unwrap_or_default();
        let table = node["Relation Name"].as_str().unwrap_or_default();
        let rows = looked_at(node);
        let large = LARGE.contains(&table) || ["provider_messages", "receipts"].contains(&table);
        let what = if large && kind == "Seq Scan" {
            format!("reads all of {table}")
        } else if large && rows > most {
            format!("looks at {rows} rows of {table} by {kind}")
        } else if kind.contains("Sort") && rows > most {
            format!("sorts {rows} rows")
        } else {
            return None;
        };
        Some(format!("{what}: {}", statement(plan)))
    })
}

const BEFORE_ALL: RecipientId = RecipientId(Uuid::nil());

#[tokio::test]
async fn claims_and_outcomes_touch_little_at_a_million_and_after_200_000_were_sent() {
    let mut scene = Scene::of(10, RECIPIENTS).await;
    let after = scene.stage(BEFORE_ALL, "just loaded").await;
    scene.world.run("analyze").await;
    scene.stage(after, "analysed").await;
    scene.send_by_hand().await;
    let after = RecipientId(scene.last_sent().await);
    let after = scene.stage(after, "after 200,000").await;
    scene.world.run("analyze").await;
    scene.stage(after, "after 200,000, analysed").await;
    scene.a_new_sender_goes_on_where_others_were().await;
    scene.looking_is_cheap().await;
    scene.receipts_find_their_attempts().await;
}

impl Scene {
    /// The first of them are done, as if they had been sent: their rows moved once, their intents are in the ledger.
    async fn send_by_hand(&mut self) {
        let (org, campaign, instance) = (self.world.organization, self.campaign, self.instance);
        let number = self.numbers[0].0;
        self.world
            .run(&format!(
                "insert into attempts (organization_id, id, campaign_id, recipient_id, step, number_id, instance_id, epoch,
                                       state, quota_day, started_at, deadline_at, finished_at, provider_message_id)
                 select '{org}', ordered_uuid((extract(epoch from now()) * 1000)::bigint - 60000, 4, n), '{campaign}',
                        ordered_uuid(2, 2, n), 1, '{number}', '{instance}', 1, 'accepted', now()::date, now(), now(), now(),
                        'wamid.' || n
                   from generate_series(1, {SENT}) n
                  where (select r.state from campaign_recipients r
                          where r.organization_id = '{org}' and r.campaign_id = '{campaign}'
                            and r.id = ordered_uuid(2, 2, n)) = 'queued';
                 update campaign_recipients r
                    set state = 'accepted', tries = 1, last_attempt_id = a.id, due_at = null, bound_number_id = null,
                        updated_at = now()
                   from attempts a
                  where a.organization_id = '{org}' and a.state = 'accepted' and r.organization_id = '{org}'
                    and r.campaign_id = '{campaign}' and r.id = a.recipient_id and r.state = 'queued'"
            ))
            .await;
        let queued = self.world.ask("select sum(queued)::bigint from campaign_counts").await;
        assert!(queued <= i64::from(RECIPIENTS - SENT), "{queued}");
        self.plans.since();
    }

    async fn last_sent(&self) -> Uuid {
        let sql = format!("select ordered_uuid(2, 2, {SENT})");
        sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_one(&self.world.admin).await.unwrap()
    }

    /// One that does not know how far others came begins where the last claims were.
    async fn a_new_sender_goes_on_where_others_were(&mut self) {
        let request = self.request(CLAIM, None);
        let claimed = self.store.claim(&request).await.unwrap();
        assert_eq!(claimed.messages.len(), CLAIM as usize);
        let claim = self.cost("from claim(", CLAIM, "a new sender");
        assert!(claim < CLAIM_PAGES, "{claim} pages for each message");
        let walked = claimed.walked_to[0].1;
        self.stage(walked, "a new sender, from then on").await;
    }

    /// As many receipts as messages lie behind; the next ones are matched, judged and applied as quickly as the first, by a
    /// role that policies bind as well.
    async fn receipts_find_their_attempts(&mut self) {
        let operator = Store::new(&self.world.operators);
        let (org, account) = (self.world.organization, AccountId(self.world.account));
        self.world
            .run(&format!(
                "insert into provider_messages (organization_id, provider_message_id, attempt_id)
                 select '{org}', a.provider_message_id, a.id from attempts a where a.provider_message_id is not null
                 on conflict do nothing;
                 insert into receipts (organization_id, id, account_id, provider_message_id, delivery, attempt_id,
                                       applied_at)
                 select '{org}', new_uuid(), '{account}', a.provider_message_id, d::delivery_state, a.id, now()
                   from attempts a, unnest(array['sent', 'delivered']) d where a.state = 'accepted'"
            ))
            .await;
        for what in ["just reported", "analysed"] {
            let walk = RecipientId(self.last_sent().await);
            let claimed = self.store.claim(&self.request(CLAIM, Some(walk))).await.unwrap();
            let outcomes: Vec<OutcomeRecord> = claimed.messages.iter().map(|one| outcome((0, one))).collect();
            self.store.record_outcomes(org, &outcomes, None).await.unwrap();
            let receipt = |one: &OutcomeRecord| NewReceipt {
                account,
                message: one.provider_message_id.clone(),
                reference: None,
                delivery: Delivery::Delivered,
                at: None,
                failure: None,
            };
            let receipts: Vec<NewReceipt> = outcomes.iter().map(receipt).collect();
            assert_eq!(operator.keep_receipts(org, &receipts).await.unwrap(), u64::from(CLAIM));
            self.plans.since();
            let due = operator.take_receipts(org, 500).await.unwrap();
            assert_eq!(due.len(), CLAIM as usize, "{what}");
            let taken = self.cost_of_receipts("from take_receipts(", what);
            let judged: Vec<JudgedReceipt> = due
                .iter()
                .map(|due| JudgedReceipt { id: due.id, attempt: due.attempt, next: None, reason: None })
                .collect();
            operator.apply_receipts(org, &judged, None).await.unwrap();
            let applied = self.cost_of_receipts("apply_receipts(", what);
            assert!(
                taken < RECORD_PAGES && applied < APPLY_PAGES,
                "{what}: {taken} and {applied} pages each"
            );
            self.world.run("analyze").await;
            self.plans.since();
        }
        let delivered =
            self.world.ask("select count(*) from campaign_recipients where state = 'delivered'").await;
        assert_eq!(delivered, 2 * i64::from(CLAIM));
    }

    fn cost_of_receipts(&mut self, call: &str, what: &str) -> f64 {
        let plans = self.plans.since();
        let complaints: Vec<String> = plans.iter().filter_map(|plan| complaint(plan, CLAIM)).collect();
        assert_eq!(complaints, Vec::<String>::new(), "{what}");
        let whole: Vec<&Value> = plans.iter().filter(|plan| statement(plan).contains(call)).collect();
        assert_eq!(whole.len(), 1, "{what}: {call}");
        pages(whole[0]) / f64::from(CLAIM)
    }

    /// Where nobody is left who was never tried, nobody is looked for.
    async fn what_cannot_be_found_is_not_looked_for(&mut self) {
        self.world
            .run("update campaign_recipients set due_at = now() + interval '1 hour' where state = 'queued'")
            .await;
        self.plans.since();
        let each_one = u32::try_from(self.numbers.len()).unwrap();
        let claimed = self.store.claim(&self.request(each_one, Some(BEFORE_ALL))).await.unwrap();
        assert_eq!((claimed.messages.len(), claimed.exhausted.len()), (0, 1));
        let plans = self.plans.since();
        let complaints: Vec<String> = plans.iter().filter_map(|plan| complaint(plan, 1)).collect();
        assert_eq!(complaints, Vec::<String>::new());
    }

    /// What the plan is made from does not count or read recipients.
    async fn looking_is_cheap(&mut self) {
        self.store.snapshot(self.world.organization, None).await.unwrap();
        let plans = self.plans.since();
        assert!(plans.len() > 5, "the look was not explained");
        let complaints: Vec<String> = plans.iter().filter_map(|plan| complaint(plan, 1)).collect();
        assert_eq!(complaints, Vec::<String>::new());
        let touched: f64 = plans.iter().map(pages).sum();
        assert!(touched < 2_000.0, "{touched} pages for one look");
    }
}

#[tokio::test]
async fn a_thousand_numbers_are_looked_at_chosen_among_and_claimed_for_at_once() {
    const NUMBERS: u32 = 1_000;
    let mut scene = Scene::of(NUMBERS, 20_000).await;
    for what in ["just loaded", "analysed"] {
        let snapshot = scene.store.snapshot(scene.world.organization, None).await.unwrap();
        let plans = scene.plans.since();
        assert!(plans.len() > 5, "the look was not explained");
        for plan in &plans {
            for node in nodes(&plan["Plan"]) {
                let rows = looked_at(node);
                assert!(rows <= f64::from(NUMBERS) * 3.0, "{what}: {rows} rows: {}", statement(plan));
            }
        }
        let touched: f64 = plans.iter().map(pages).sum();
        assert!(
            touched < f64::from(NUMBERS) * 25.0,
            "{what}: {touched} pages for one look at {NUMBERS} numbers"
        );
        let mut local = Local::watching(&snapshot, std::collections::HashMap::new());
        local.watching = false;
        let roster = Roster::of(&snapshot, &local, snapshot.at);
        assert_eq!(roster.campaigns[0].numbers.len(), NUMBERS as usize);
        let plan = roster.lanes(&snapshot, &local, snapshot.at, NUMBERS);
        assert_eq!(plan.wanted(), NUMBERS);
        let (claim, record, _) = scene.round(NUMBERS, BEFORE_ALL, what).await;
        assert!(claim < CLAIM_PAGES_OF_A_NUMBER, "{what}: {claim} pages for each number and message");
        assert!(record < RECORD_PAGES_OF_A_NUMBER, "{what}: {record} pages for each outcome");
        scene.world.run("analyze").await;
        scene.plans.since();
    }
    scene.what_cannot_be_found_is_not_looked_for().await;
}

/// What waits for one number is nothing to the lanes of the others, also while the planner's figures are of a time when
/// nothing was due: then every index looks as good to it as the right one.
#[tokio::test]
async fn what_is_bound_to_one_number_costs_the_others_nothing() {
    const NUMBERS: u32 = 200;
    const BOUND: u32 = 1_500;
    let mut scene = Scene::of(NUMBERS, 20_000).await;
    scene.world.run("analyze").await;
    let (org, campaign, number) = (scene.world.organization, scene.campaign, scene.numbers[0].0);
    scene
        .world
        .run(&format!(
            "update campaign_recipients r
                set due_at = now() - interval '1 minute', bound_number_id = '{number}', sticky_number_id = '{number}',
                    tries = 1
              where r.organization_id = '{org}' and r.campaign_id = '{campaign}'
                and r.id > ordered_uuid(2, 2, 20000 - {BOUND})"
        ))
        .await;
    for what in ["figures of before", "analysed"] {
        scene.plans.since();
        let (claim, _, _) = scene.round(NUMBERS, BEFORE_ALL, what).await;
        // Each lane asks for what is bound to its number besides: one look into an index of a few levels.
        let most = CLAIM_PAGES_OF_A_NUMBER + 20.0;
        assert!(claim < most, "{what}: {claim} pages for each number and message");
        scene.world.run("analyze").await;
    }
}

/// Counts of a week for two hundred numbers, and what a look at them may read: the last hours of all, and the whole past of
/// a few.
#[tokio::test]
async fn a_look_at_vital_signs_reads_the_last_stretches_and_a_few_pasts() {
    const NUMBERS: u32 = 200;
    const BUCKETS: u32 = 7 * 288;
    let mut scene = Scene::of(NUMBERS, 1_000).await;
    let org = scene.world.organization;
    scene
        .world
        .run(&format!(
            "insert into number_pulse (organization_id, number_id, bucket, accepted, delivered, reports)
             select '{org}', n.id, date_bin('5 minutes', now(), 'epoch') - b * interval '5 minutes', 10, 9, 9
               from generate_series(0, {BUCKETS} - 1) b, whatsapp_numbers n"
        ))
        .await;
    for what in ["just loaded", "analysed"] {
        scene.plans.since();
        let looks = scene.store.look_at_pulses(org).await.unwrap();
        assert_eq!(looks.len(), NUMBERS as usize, "{what}");
        let lately = looks[0].counts.recent;
        assert!(
            lately[0].accepted >= 50 && lately[2].accepted >= 11 * lately[0].accepted,
            "{what}: {lately:?}"
        );
        let ratios = scene.store.look_at_ratios(org).await.unwrap();
        assert_eq!(ratios.len(), NUMBERS as usize, "{what}");
        let plans = scene.plans.since();
        assert!(plans.len() > 3, "{what}: nothing was explained");
        for plan in &plans {
            for node in
                nodes(&plan["Plan"]).into_iter().filter(|node| node["Relation Name"] == "number_pulse")
            {
                let rows = looked_at(node);
                // Fifty pasts, or a day of everybody.
                assert!(
                    rows <= f64::from(50 * BUCKETS + NUMBERS * 300),
                    "{what}: {rows} rows: {}",
                    statement(plan)
                );
                assert!(node["Node Type"] != "Seq Scan", "{what}: {}", statement(plan));
            }
        }
        scene.world.run("analyze").await;
    }
    let known = scene.world.ask("select count(*) from number_vitals where baseline_accepted > 0").await;
    assert_eq!(known, 100, "fifty at each look");
}

#[tokio::test]
async fn rollouts_are_looked_at_without_those_who_are_kept_back() {
    const KEPT: u32 = 200_000;
    let mut scene = Scene::of(1, KEPT).await;
    let (org, campaign) = (scene.world.organization, scene.campaign);
    scene
        .world
        .run(&format!(
            "update campaigns set started_at = now(),
                    conduct = '{{\"rollout\": {{\"stages\": [1, 10, 100], \"after\": 50, \"failed\": 1000, \"opted_out\": 200,
                                               \"wait\": \"1h\"}}}}' where id = '{campaign}';
             update campaign_recipients set due_at = not_let_go() where campaign_id = '{campaign}';
             select open_rollout('{org}', '{campaign}', now());
             update campaign_recipients set state = 'accepted' where campaign_id = '{campaign}' and due_at is null"
        ))
        .await;
    let seat = scene.world.store.seat(org, None).await.unwrap();
    for analysed in [false, true] {
        if analysed {
            scene.world.run("analyze").await;
        }
        scene.plans.since();
        let looks = scene.store.look_at_rollouts(org).await.unwrap();
        assert_eq!((looks.len(), looks[0].seen.is_done, looks[0].owed), (1, true, 0), "{looks:?}");
        scene.store.picture(&seat).await.unwrap();
        let explained = scene.plans.since();
        let asked = |what: &str| explained.iter().any(|plan| statement(plan).contains(what));
        assert!(
            asked("look_at_rollouts(") && asked("due_at < not_let_go()"),
            "the statements inside are explained"
        );
        for plan in &explained {
            for node in nodes(&plan["Plan"]) {
                let table = node["Relation Name"].as_str().unwrap_or_default();
                let rows = looked_at(node);
                assert!(
                    !LARGE.contains(&table) || rows <= 100.0,
                    "{rows} rows of {table}: {}",
                    statement(plan)
                );
            }
        }
    }
}
