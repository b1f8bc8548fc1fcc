//! What operators and their senders ask reads little under policies as well: those keep conditions from indexes that the
//! owner's statements use. Every statement, those inside functions too, is explained while it runs, by a role that
//! policies bind, on a world of a hundred thousand people of whom most were written to.

#![cfg(test)]

mod screen_world;

use screen_world::plans::{Plans, explaining, looked_at, nodes, statement};
use screen_world::{World, cluster};
use serde_json::Value;
use signalbox::domain::filter::{Filter, Scope};
use signalbox::domain::ids::{CampaignId, NumberId};
use signalbox::domain::phone::Phone;
use signalbox::postgres::cluster::Settings;
use signalbox::postgres::connect::Purpose;
use signalbox::store::Store;
use signalbox::store::action::Actor;
use signalbox::store::recipient::AttemptQuery;
use signalbox::store::view::{Cursor, Place, RecipientOrder, RecipientQuery};
use std::time::Duration;

const RECIPIENTS: u32 = 100_000;
/// The first of them were written to, but for one in fifty.
const TRIED: u32 = 80_000;
const NUMBERS: u32 = 50;
/// Tables that grow with what is sent and with whom it is sent to.
const GROWING: [&str; 12] = [
    "attempts",
    "campaign_recipients",
    "contacts",
    "recipient_parameters",
    "contact_slots",
    "number_activity",
    "number_pulse",
    "number_day_sums",
    "suppressions",
    "receipts",
    "provider_messages",
    "webhooks",
];
/// Requests of providers that one sender applies at once.
const AT_ONCE: u32 = 300;
/// Rows that a statement may look at which is about one person.
const OF_A_PERSON: f64 = 100.0;
/// Statements that one question may consist of, those inside functions too. Asked of each person by itself it would be
/// tens of thousands.
const STATEMENTS: usize = 500;

/// What the server explained since the last look.
struct Watch {
    plans: Plans,
    figures: &'static str,
    /// How many statements the last question consisted of.
    latest: usize,
}

impl Watch {
    /// No statement since then looked at more than `most` rows of a growing table; one of them was `of`.
    fn check(&mut self, what: &str, of: &str, most: f64) {
        let (plans, figures) = (self.plans.since(), self.figures);
        self.latest = plans.len();
        assert!(plans.iter().any(|plan| statement(plan).contains(of)), "{what}: it was not explained");
        let asked = plans.iter().filter(|plan| !comes_with_a_row(plan)).count();
        assert!(asked <= STATEMENTS, "{what}, figures {figures}: {asked} statements");
        for plan in &plans {
            for node in nodes(&plan["Plan"]) {
                let table = node["Relation Name"].as_str().unwrap_or_default();
                let rows = looked_at(node);
                assert!(
                    !GROWING.contains(&table) || rows <= most,
                    "{what}, figures {figures}: {rows} rows of {table}: {}",
                    statement(plan)
                );
            }
        }
    }
}

/// Whether a statement comes with every row that is written, whoever writes it: it asks for nothing but the organisation by its
/// key, or for no table at all.
fn comes_with_a_row(plan: &Value) -> bool {
    let of = |node: &&Value| node["Relation Name"].as_str().is_some_and(|table| table != "organizations");
    let by_key = statement(plan).is_empty() || statement(plan).starts_with("SELECT 1 FROM ONLY");
    by_key && !nodes(&plan["Plan"]).iter().any(of)
}

/// A campaign that sent for four weeks, one message in half a minute through one of many numbers, and was paused often.
async fn fill(world: &World) -> CampaignId {
    let large = world.campaign("large", RECIPIENTS).await;
    let (org, account, pool) = (world.organization, world.account, world.pool);
    world
        .run(&format!(
            "insert into whatsapp_numbers (organization_id, id, account_id, phone, display_name, priority)
             select '{org}', ordered_uuid(3, 3, n), '{account}', '+2376' || lpad(n::text, 8, '0'), 'number ' || n, 1
               from generate_series(1, {NUMBERS}) n;
             insert into pool_numbers (organization_id, pool_id, number_id)
             select '{org}', '{pool}', id from whatsapp_numbers;
             insert into recipient_parameters (organization_id, campaign_id, recipient_id, locale, parameters)
             select '{org}', '{large}', ordered_uuid(2, 2, n), 'en', '{{}}' from generate_series(1, {RECIPIENTS}) n;
             insert into attempts (organization_id, id, campaign_id, recipient_id, step, number_id, instance_id, epoch,
                                   state, live, quota_day, started_at, deadline_at, finished_at, delivered_at,
                                   provider_message_id, class, code)
             select '{org}', ordered_uuid((extract(epoch from t.at) * 1000)::bigint, 4, n), '{large}',
                    ordered_uuid(2, 2, n), 1, ordered_uuid(3, 3, 1 + n / 50 % {NUMBERS}), ordered_uuid(8, 8, 1), 1,
                    case when n % 100 = 1 then 'rejected'::attempt_state else 'accepted' end, n % 100 <> 1, t.at::date,
                    t.at, t.at, t.at, t.at + interval '3 seconds', case when n % 100 <> 1 then 'wamid.' || n end,
                    case when n % 100 = 1 then 'recipient_invalid' end, case when n % 100 = 1 then '131026' end
               from generate_series(1, {TRIED}) n
              cross join lateral (select now() - ({TRIED} - n) * interval '30 seconds' as at) t where n % 50 <> 0;
             update campaign_recipients r
                set state = case when a.live then 'accepted'::recipient_state else 'failed' end, tries = 1,
                    attention = case when a.live then null else 'failed'::recipient_state end,
                    reason = a.class, last_attempt_id = a.id, updated_at = a.started_at
               from attempts a
              where r.organization_id = '{org}' and r.campaign_id = '{large}' and r.id = a.recipient_id;
             insert into number_pulse (organization_id, number_id, bucket, accepted, delivered)
             select '{org}', n.id, date_trunc('hour', now()) - h * interval '1 hour', 2, 2
               from whatsapp_numbers n, generate_series(0, 40 * 24) h;
             insert into number_day_sums (organization_id, number_id, day, accepted, delivered, tests)
             select '{org}', n.id, current_date - d, 48, 48, 9 from whatsapp_numbers n, generate_series(9, 95) d;
             insert into number_activity (organization_id, number_id, minute, accepted)
             select '{org}', n.id, date_trunc('minute', now()) - m * interval '30 minutes', 1
               from whatsapp_numbers n, generate_series(1, 30 * 48) m;
             insert into number_polls (organization_id, number_id) select '{org}', n.id from whatsapp_numbers n;
             insert into contact_slots (organization_id, scope_id, contact_id, slot, shared, given_by, given_at, used_at)
             select '{org}', '{org}', ordered_uuid(1, 1, n), 1 + n % 30, n > 30, 'large', now(), now()
               from generate_series(1, 60000) n;
             insert into webhooks (organization_id, id, account_id, digest, query, body, received_at, applied_at)
             select '{org}', ordered_uuid(6, 6, n), '{account}', sha256(n::text::bytea), '', '', now(), now()
               from generate_series(1, 40000) n;
             insert into audit_log (organization_id, at, actor, action, entity, entity_id, entity_name, reason)
             select '{org}', now() - n * interval '20 minutes' + s * interval '5 seconds', 'ana',
                    case when s = 1 then 'pause campaign' else 'resume campaign' end, 'campaign', '{large}', 'large', 'x'
               from generate_series(1, 1900) n, generate_series(1, 2) s"
        ))
        .await;
    large
}

fn in_functions_too() -> Settings {
    explaining().with("auto_explain.log_nested_statements", "on")
}

#[tokio::test]
async fn what_an_operator_asks_reads_little_under_policies() {
    let world = World::on(cluster(in_functions_too)).await;
    let large = fill(&world).await;
    for figures in ["as loaded", "analysed"] {
        if figures == "analysed" {
            world.run("analyze").await;
        }
        world.run(&format!("alter database {} set auto_explain.log_min_duration = 0", world.name)).await;
        let store = Store::new(&world.operators);
        let mut watch = Watch { plans: Plans::new(&world), figures, latest: 0 };
        about_a_person(&world, &store, &mut watch).await;
        behind_those_tried(&world, &store, &mut watch, large).await;
        about_all_numbers(&world, &store, &mut watch).await;
        about_an_audience(&world, &mut watch).await;
        about_all_slots(&world, &store, &mut watch).await;
        what_senders_look_for(&world, &store, &mut watch, large).await;
        what_operators_are_told(&world, &store, &mut watch).await;
        what_providers_report(&world, &store, &mut watch).await;
        store.close().await;
        world.run(&format!("alter database {} reset auto_explain.log_min_duration", world.name)).await;
    }
    // Found among the two thousand: the one pause that an attempt came after.
    let (org, id) = (world.organization, large);
    world
        .run(&format!(
            "insert into audit_log (organization_id, at, actor, action, entity, entity_id, entity_name, reason)
             select '{org}', a.started_at + s * interval '5 seconds', 'ana',
                    case when s < 0 then 'pause campaign' else 'resume campaign' end, 'campaign', '{id}', 'large', 'x'
               from attempts a, unnest(array[-1, 1]) s where a.recipient_id = ordered_uuid(2, 2, 40007)"
        ))
        .await;
    let found = begun_while_paused(&world, &Store::new(&world.operators)).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(found[0].contains("after pause campaign"), "{found:?}");
}

async fn begun_while_paused(world: &World, store: &Store) -> Vec<String> {
    let found = store.check_invariants(world.organization).await.unwrap();
    found
        .into_iter()
        .filter(|violation| violation.invariant == "I5")
        .map(|violation| violation.detail)
        .collect()
}

async fn about_a_person(world: &World, store: &Store, watch: &mut Watch) {
    let phone = Phone::parse("+237500040007").unwrap();
    let query = AttemptQuery { phone: Some(phone.reveal()), most: 100, ..AttemptQuery::default() };
    let attempts = store.attempts(world.organization, &query).await.unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].phone, phone.reveal());
    watch.check("attempts to a phone", "a.id = any ($5)", OF_A_PERSON);
    let sent = store.last_campaign_sent(world.organization, &phone).await.unwrap();
    assert_eq!(sent, Some(attempts[0].started_at), "which no upkeep has noted yet");
    watch.check("when somebody was sent to", "last_campaign_sent_at", OF_A_PERSON);
    let nobody = Phone::parse("+237599999999").unwrap();
    assert_eq!(store.last_campaign_sent(world.organization, &nobody).await.unwrap(), None);
    watch.check("when nobody was sent to", "last_campaign_sent_at", OF_A_PERSON);
}

/// Behind the first that was tried stand those who were not.
async fn behind_those_tried(world: &World, store: &Store, watch: &mut Watch, large: CampaignId) {
    let query = RecipientQuery {
        campaign: Some(large),
        filter: Filter::parse("", Scope::Recipients).unwrap(),
        order: RecipientOrder::Updated,
    };
    let first = sqlx::query_as::<_, (uuid::Uuid, chrono::DateTime<chrono::Utc>)>(
        "select id, updated_at from campaign_recipients where last_attempt_id is not null order by last_attempt_id limit 1",
    )
    .fetch_one(&world.admin)
    .await
    .unwrap();
    watch.plans.since();
    let behind = Place::After(Cursor { at: first.1, id: first.0 });
    let page = store.recipient_page(&world.seat, &query, behind, &[large]).await.unwrap();
    assert_eq!((page.rows.len(), page.more_after), (200, true));
    assert!(page.rows.iter().all(|row| row.tries == 0));
    // One in fifty of those passed.
    watch.check("behind those tried", "u.last_attempt_id is null", 15_000.0);
    store.recipient_page(&world.seat, &query, Place::End, &[large]).await.unwrap();
    watch.check("the end", "u.last_attempt_id is null", 15_000.0);
}

async fn about_all_numbers(world: &World, store: &Store, watch: &mut Watch) {
    let stats = store.number_stats(world.organization, 7, None).await.unwrap();
    assert_eq!(stats.len(), NUMBERS as usize);
    for number in &stats {
        assert_eq!(number.days.len(), 7, "{number:?}");
        assert!(number.delivery.is_some(), "{number:?}");
    }
    // Two weeks of hours of each number, one week of attempts: not the six and four that are kept.
    watch.check("how the numbers did", "percentile_cont", 22_000.0);
}

async fn about_all_slots(world: &World, store: &Store, watch: &mut Watch) {
    let reset =
        store.reset_slots(world.organization, None, true, None, Actor::operator("bea")).await.unwrap();
    assert_eq!((reset.released, reset.kept), (60_000, 0));
    watch.check("who would lose a slot", "reset_slots", f64::from(2 * RECIPIENTS));
}

/// A page is read by its place, and whom it shows by their keys.
async fn about_an_audience(world: &World, watch: &mut Watch) {
    let (org, pool) = (world.organization, world.operators.pool(Purpose::Screen));
    let asked = [
        (format!("select count(*) from sample_contacts('{org}', 1000, 40)"), "from contacts c where"),
        (
            format!(
                "select count(*) from sample_audience('{org}', null, '{{\"exclude_active\": true}}', '{{\"\": []}}', now(), 40, 90)"
            ),
            "audience_among",
        ),
    ];
    // Of keys that nobody has figures of, the planner takes any.
    let known = if watch.figures == "analysed" { 2 } else { 1 };
    for (asked, of) in asked.into_iter().take(known) {
        watch.plans.since();
        sqlx::query(sqlx::AssertSqlSafe(asked.clone())).execute(&pool).await.unwrap();
        watch.check(&asked, of, 300.0);
    }
}

async fn what_senders_look_for(world: &World, store: &Store, watch: &mut Watch, large: CampaignId) {
    let opted_out = if watch.figures == "analysed" { 90_001 } else { 90_002 };
    let org = world.organization;
    world
        .run(&format!(
            "insert into suppressions (organization_id, phone, since, source, reason)
             values ('{org}', '+2375' || lpad('{opted_out}', 8, '0'), now(), 'reply', 'STOP')"
        ))
        .await;
    watch.plans.since();
    store.end_stranded(org).await.unwrap();
    watch.check("what nobody may send any more", "end_stranded", 1_000.0);
    let skipped = format!(
        "select count(*) from campaign_recipients where phone = '+2375' || lpad('{opted_out}', 8, '0') and state = 'skipped'"
    );
    assert_eq!(world.ask(&skipped).await, 1);
    watch.plans.since();
    let every = Duration::ZERO;
    assert_eq!(store.take_polls(org, 100, every).await.unwrap().len(), NUMBERS as usize);
    // The latest day, and a little more, of half hours.
    watch.check("whose failures are to be asked for", "number_polls", f64::from(NUMBERS) * 60.0);
    let numbers: Vec<NumberId> =
        store.number_stats(org, 7, None).await.unwrap().iter().map(|number| number.id).collect();
    watch.plans.since();
    assert_eq!(store.free_bound(org, large, &numbers).await.unwrap(), 0);
    watch.check("what is bound to numbers that cannot send", "free_bound", 1_000.0);
    assert!(watch.latest < 10, "{} statements for {NUMBERS} numbers", watch.latest);
    assert_eq!(store.suppress_by_rule(org, Duration::from_hours(1), None, 500).await.unwrap(), 0);
    watch.check("whom nothing reaches", "suppress_after_failures", 2_000.0);
    // However many pauses there were, the ledger is read a few times; the headless demo asks before anything was analysed.
    assert_eq!(begun_while_paused(world, store).await, Vec::<String>::new());
    watch.check("the invariants", "after %s at %s", f64::from(4 * RECIPIENTS));
}

/// Asked every few seconds, whatever was sent before; and once a day.
async fn what_operators_are_told(world: &World, store: &Store, watch: &mut Watch) {
    let org = world.organization;
    world
        .run(&format!(
            "update campaigns set state = 'paused', paused_at = now(), changed_by = 'sender' where organization_id = '{org}';
             insert into audit_log (organization_id, actor, action, entity, entity_id, entity_name, reason, after)
             select '{org}', 'sender', 'pause', 'campaign', id, name, 'x', '{{\"state\": \"paused\"}}' from campaigns;
             insert into audit_log (organization_id, at, actor, action, entity, entity_id, entity_name, reason)
             select '{org}', now() - n * interval '1 second', 'sender', 'duplicate', 'number', id, phone, 'twice'
               from (select * from whatsapp_numbers order by id limit 10) w, generate_series(1, 20) n;
             insert into quota_usage (organization_id, scope, scope_id, day, reserved)
             select '{org}', 'number', id, current_date - 1, 40 from whatsapp_numbers on conflict do nothing"
        ))
        .await;
    watch.plans.since();
    let raised = store.raise_alerts(org).await.unwrap();
    assert!(raised > 0, "{raised}");
    watch.check("what operators are told", "with causes as materialized", 500.0);
    assert_eq!(store.raise_alerts(org).await.unwrap(), 0);
    watch.check("what they were told before", "with causes as materialized", 500.0);
    let yesterday = chrono::Utc::now().date_naive() - chrono::Days::new(1);
    store.usage_of_day(org, yesterday).await.unwrap();
    // A day's half hours of each number.
    watch.check("the report of a day", "with doubts as materialized", f64::from(NUMBERS) * 60.0);
    world
        .run(&format!(
            "update campaigns set state = 'active', paused_at = null where organization_id = '{org}'"
        ))
        .await;
}

/// Behind what was applied before comes what is taken and applied now.
async fn what_providers_report(world: &World, store: &Store, watch: &mut Watch) {
    let (org, account) = (world.organization, world.account);
    let began = if watch.figures == "analysed" { 50_000 } else { 60_000 };
    world
        .run(&format!(
            "insert into webhooks (organization_id, id, account_id, digest, query, body, received_at)
             select '{org}', ordered_uuid(6, 6, {began} + n), '{account}', sha256(({began} + n)::text::bytea), '', '', now()
               from generate_series(1, {AT_ONCE}) n"
        ))
        .await;
    watch.plans.since();
    let taken = store.take_webhooks(org, 1_000).await.unwrap();
    assert_eq!(taken.len(), AT_ONCE as usize);
    watch.check("what nobody applies", "take_webhooks", f64::from(2 * AT_ONCE));
    let applied: Vec<_> = taken.iter().map(|webhook| (webhook.id, None)).collect();
    store.close_webhooks(org, &applied).await.unwrap();
    watch.check("what was applied", "set applied_at", f64::from(2 * AT_ONCE));
    assert_eq!(world.ask("select count(*) from webhooks where applied_at is null").await, 0);
}
