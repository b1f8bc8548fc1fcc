//! What the console asks must stay cheap however many recipients there are: every statement is explained by the server
//! while it runs, and none may read a large table whole or sort many of its rows.

#![cfg(test)]

mod screen_world;

use screen_world::plans::{LARGE, Plans, explaining, looked_at, nodes, number, statement};
use screen_world::{World, cluster};
use serde_json::Value;
use signalbox::domain::action::Subject;
use signalbox::domain::filter::{Filter, Scope};
use signalbox::domain::forecast::WhatIf;
use signalbox::domain::ids::{AttemptId, CampaignId, RecipientId};
use signalbox::store::view::{
    Cursor, DoubtRow, Place, RecipientOrder, RecipientQuery, ThreadQuery, ThreadScope,
};
use std::time::{Duration, Instant};

/// Above [`signalbox`]'s limit for lists that are read through.
const RECIPIENTS: u32 = 200_000;
/// More rows than that may not be sorted, nor read from a large table.
const SORTED: f64 = 25_000.0;
/// Of the 60,000 who have slots so many may be looked at: one for each slot, or the 2,000 who share one of them.
const HOLDERS: f64 = 2_000.0;
/// So many rows of a large table may be looked at for three hundred attempts that are found by their keys: a walk to the
/// first of them passes a hundred thousand.
const BY_KEY: f64 = 1_000.0;
/// A walk from the far end may look at so many.
const WALKED: f64 = 110_000.0;

/// The sentence of what a plan may not do, if it does.
fn complaint(plan: &Value) -> Option<String> {
    nodes(&plan["Plan"]).into_iter().find_map(|node| {
        let kind = node["Node Type"].as_str().unwrap_or_default();
        let table = node["Relation Name"].as_str().unwrap_or_default();
        let looked_at = looked_at(node);
        let what = if LARGE.contains(&table) && kind == "Seq Scan" {
            format!("reads all of {table}")
        } else if LARGE.contains(&table) && looked_at > WALKED {
            format!("looks at {looked_at} rows of {table} by {kind}")
        } else if table == "contact_slots" && looked_at > HOLDERS {
            format!("looks at {looked_at} holders of slots by {kind}")
        } else if kind.contains("Sort") && number(&node["Plans"][0], "Actual Rows") > SORTED {
            format!("sorts {} rows", number(&node["Plans"][0], "Actual Rows"))
        } else {
            return None;
        };
        Some(format!("{what}: {}", statement(plan)))
    })
}

fn query(campaign: Option<CampaignId>, text: &str, order: RecipientOrder) -> RecipientQuery {
    RecipientQuery { campaign, filter: Filter::parse(text, Scope::Recipients).unwrap(), order }
}

/// A large campaign of which most were tried, one in a hundred without success, and a small one; nothing analysed by hand.
async fn fill(world: &World) -> CampaignId {
    let number = world.number("support-a", 1).await;
    let large = world.campaign("large", RECIPIENTS).await;
    world.campaign("small", 500).await;
    let org = world.organization;
    let tried = RECIPIENTS / 10 * 9;
    world
        .run(&format!(
            "insert into attempts (organization_id, id, campaign_id, recipient_id, step, number_id, instance_id, epoch,
                                   state, live, quota_day, started_at, deadline_at, finished_at, duration_ms,
                                   provider_message_id, class, code, words)
             select '{org}', ordered_uuid((extract(epoch from now()) * 1000)::bigint, 3, n), '{large}',
                    ordered_uuid(2, 2, n), 1, '{number}', '{number}', 1,
                    case when n % 100 = 0 then 'rejected'::attempt_state else 'accepted' end, n % 100 <> 0, now()::date,
                    now(), now(), now(), 50, case when n % 100 <> 0 then 'wamid.' || n end,
                    case when n % 100 = 0 then 'recipient_invalid' end, case when n % 100 = 0 then '131026' end,
                    'undeliverable'
               from generate_series(1, {tried}) n;
             update campaign_recipients r
                set state = case when a.live then 'accepted'::recipient_state else 'failed' end, tries = 1,
                    attention = case when a.live then null else 'failed'::recipient_state end,
                    reason = a.class, last_attempt_id = a.id, updated_at = a.started_at
               from attempts a
              where r.organization_id = '{org}' and r.campaign_id = '{large}' and r.id = a.recipient_id;
             insert into contact_slots (organization_id, scope_id, contact_id, slot, shared, given_by, given_at, used_at)
             select '{org}', '{org}', ordered_uuid(1, 1, n), 1 + n % 30, n > 30, 'large', now(),
                    now() - make_interval(secs => n)
               from generate_series(1, 60000) n"
        ))
        .await;
    large
}

#[tokio::test]
async fn no_question_reads_a_large_table_whole_or_sorts_it() {
    let world = World::on(cluster(explaining)).await;
    let large = fill(&world).await;
    // Both with the planner's figures as they happen to be after a load, and as they are some time later.
    for analysed in [false, true] {
        if analysed {
            world.run("analyze").await;
        }
        ask_everything(&world, large).await;
    }
}

async fn ask_everything(world: &World, large: CampaignId) {
    world.run(&format!("alter database {} set auto_explain.log_min_duration = 0", world.name)).await;
    let store = signalbox::store::Store::new(&world.operators);
    let mut plans = Plans::new(world);
    let mut check = |what: &str| {
        let plans = plans.since();
        assert!(!plans.is_empty(), "{what}: nothing was explained");
        let complaints: Vec<String> = plans.iter().filter_map(complaint).collect();
        assert_eq!(complaints, Vec::<String>::new(), "{what}");
    };
    let seat = &world.seat;
    store.picture(seat).await.unwrap();
    check("overview");
    for campaign in [Some(large), None] {
        for order in [RecipientOrder::Updated, RecipientOrder::Enrolled] {
            for text in
                ["", "status:failed", "status:failed,skipped error:131026", "phone:+2375000", "+237500000077"]
            {
                let what = format!("{campaign:?} {text:?} {order:?}");
                let query = query(campaign, text, order);
                let begun = Instant::now();
                let page = store.recipient_page(seat, &query, Place::Start, &[]).await.unwrap();
                assert!(
                    begun.elapsed() < Duration::from_secs(2),
                    "{what}: the first page took {:?}",
                    begun.elapsed()
                );
                check(&format!("{what}: first page"));
                let last = page.rows.last().unwrap();
                let cursor = Cursor { at: last.updated_at, id: last.id.0 };
                for place in [
                    Place::After(cursor),
                    Place::Before(cursor),
                    Place::End,
                    Place::NextFailed(cursor),
                    Place::PreviousFailed(cursor),
                ] {
                    store.recipient_page(seat, &query, place, &[last.campaign]).await.unwrap();
                    check(&format!("{what}: {place:?}"));
                }
                store.recipient_total(seat, &query).await.unwrap();
                check(&format!("{what}: total"));
                store.recipients_above(seat, &query, cursor, &[last.campaign]).await.unwrap();
                check(&format!("{what}: newer"));
                store.recipient_rows(seat, &[last.id], &[]).await.unwrap();
                check("present values");
                store.recipient_detail(seat, last.id, &[]).await.unwrap();
                check("recipient");
            }
        }
    }
    let overview = store
        .picture(seat)
        .await
        .unwrap()
        .with_rates(&mut signalbox::store::screen::rates::RateWindow::default());
    store.number_detail(seat, overview.numbers[0].id).await.unwrap();
    check("number");
    store.campaign_detail(seat, large).await.unwrap();
    check("campaign");
    store.forecast_view(seat, large, WhatIf { add: vec![250], ..WhatIf::default() }).await.unwrap();
    check("forecast");
    store.doubt_page(seat, Place::Start).await.unwrap();
    check("doubts");
    let slots = store.slots_view(seat, None).await.unwrap();
    assert_eq!((slots.held.len(), slots.people), (30, 60_000));
    check("slots");
    assert_eq!(store.slot_holders(seat, None, 7).await.unwrap().len(), 100);
    check("who has a slot");
    store.progress_view(seat, large).await.unwrap();
    check("progress");
    store.queue_view(seat).await.unwrap();
    check("queue");
    store.close().await;
    world.run(&format!("alter database {} reset auto_explain.log_min_duration", world.name)).await;
}

#[tokio::test]
async fn the_live_log_reads_the_ledgers_end_only() {
    let world = World::on(cluster(explaining)).await;
    fill(&world).await;
    world.run(&format!("alter database {} set auto_explain.log_min_duration = 0", world.name)).await;
    let store = signalbox::store::Store::new(&world.operators);
    let feed = signalbox::store::screen::live::LiveFeed::new(4_096);
    let mut receiver = feed.receiver();
    let mut plans = Plans::new(&world);
    let task = tokio::spawn(feed.clone().follow(store, world.seat.clone()));
    let first = tokio::time::timeout(Duration::from_mins(1), receiver.recv()).await.unwrap().unwrap();
    assert_eq!(&*first.number, "support-a");
    // A few polls, each of them explained.
    let mut polls = 0;
    let limit = Instant::now() + Duration::from_mins(1);
    while polls < 5 {
        assert!(Instant::now() < limit, "{polls} polls in a minute");
        tokio::time::sleep(Duration::from_millis(50)).await;
        let explained = plans.since();
        polls += explained.len();
        let complaints: Vec<String> = explained.iter().filter_map(complaint).collect();
        assert_eq!(complaints, Vec::<String>::new());
    }
    drop(feed);
    task.await.unwrap();
}

/// Three hundred open doubts at the far end of a campaign whose people's values were frozen.
async fn doubt(world: &World, large: CampaignId) {
    let org = world.organization;
    world
        .run(&format!(
            "update attempts set state = 'in_doubt', live = true, in_doubt_since = now() - interval '1 hour'
              where organization_id = '{org}'
                and id in (select id from attempts where state = 'rejected' order by id desc limit 300);
             insert into recipient_parameters (organization_id, campaign_id, recipient_id, locale, parameters)
             select '{org}', '{large}', ordered_uuid(2, 2, n), 'en', '{{}}' from generate_series(1, {RECIPIENTS}) n"
        ))
        .await;
}

#[tokio::test]
async fn what_was_sent_and_who_is_in_doubt_is_looked_up_by_keys() {
    let world = World::on(cluster(explaining)).await;
    let large = fill(&world).await;
    doubt(&world, large).await;
    let explains = [("log_min_duration", "0"), ("log_nested_statements", "on")];
    for analysed in [false, true] {
        if analysed {
            world.run("analyze").await;
        }
        for (setting, value) in explains {
            world.run(&format!("alter database {} set auto_explain.{setting} = {value}", world.name)).await;
        }
        let store = signalbox::store::Store::new(&world.operators);
        let mut plans = Plans::new(&world);
        let mut check = |what: &str, of: &str| {
            let plans = plans.since();
            assert!(plans.iter().any(|plan| statement(plan).contains(of)), "{what}: it was not explained");
            for plan in &plans {
                for node in nodes(&plan["Plan"]) {
                    let table = node["Relation Name"].as_str().unwrap_or_default();
                    let rows = looked_at(node);
                    let few = !LARGE.contains(&table) || rows <= BY_KEY;
                    assert!(few, "{what}: {rows} rows of {table}, figures {analysed}: {}", statement(plan));
                }
            }
        };
        let doubts = store.doubt_page(&world.seat, Place::Start).await.unwrap().rows;
        assert_eq!(doubts.len(), 200);
        check("doubts", "in_doubt_since is not null");
        let accounts = store.accounts_in_doubt(world.organization, 1.0).await.unwrap();
        assert_eq!(accounts.len(), 1);
        check("accounts with doubts", "select distinct n.account_id");
        let asked =
            store.doubts_to_ask(world.organization, accounts[0], 300, 1.0, Duration::ZERO).await.unwrap();
        assert_eq!(asked.len(), 300);
        check("doubts to ask about", "is_settled!");
        let ids: Vec<String> = (0..100).map(|nth| format!("SM{nth}")).collect();
        store.spoken_for(world.organization, &asked[0], &ids).await.unwrap();
        check("whose messages a provider has", "has_rival!");
        let attempts: Vec<AttemptId> = doubts.iter().map(|row| row.id).collect();
        let recipient = |row: &DoubtRow| match row.about {
            Subject::Recipient(recipient) => recipient,
            other => panic!("{other:?}"),
        };
        let recipients: Vec<RecipientId> = doubts.iter().map(recipient).collect();
        for (attempts, recipients) in [(&attempts[..], &[][..]), (&[][..], &recipients[..])] {
            let sent = store.sent_steps(world.organization, attempts, recipients).await.unwrap();
            assert_eq!(sent.len(), 200);
            check("what was sent", "unnest(p_recipients)");
        }
        store.close().await;
        for (setting, _) in explains {
            world.run(&format!("alter database {} reset auto_explain.{setting}", world.name)).await;
        }
    }
}

/// Many threads, few of them of any kind that is asked for; each with one message and one answer.
async fn talk(world: &World) {
    let number = world.number("support-a", 1).await;
    let (org, account) = (world.organization, world.account);
    world
        .run(&format!(
            "insert into conversations (organization_id, id, phone, number_id, thread, opened_at, last_at, last_in_at,
                                        last_text, unread, assigned_to, done_at, done_by)
             select '{org}', ordered_uuid(5, 5, n), '+2377' || lpad(n::text, 8, '0'), '{number}', n, now(),
                    now() - make_interval(secs => n), now(), 'hello ' || n, (n % 3000 = 7)::integer,
                    case when n % 5000 = 9 then 'anna' when n % 2 = 0 then 'bea' end,
                    case when n % 4000 = 11 then now() end, case when n % 4000 = 11 then 'bea' end
               from generate_series(1, 120000) n;
             insert into inbound_messages (organization_id, id, account_id, number_id, phone, provider_message_id, kind,
                                           body, conversation_id)
             select '{org}', new_uuid(), '{account}', c.number_id, c.phone, 'in.' || c.thread, 'text', 'hello', c.id
               from conversations c;
             insert into replies (organization_id, id, conversation_id, number_id, phone, kind, body, written_by,
                                  written_at, state)
             select '{org}', new_uuid(), c.id, c.number_id, c.phone, 'operator', 'hello', 'anna', now(), 'accepted'
               from conversations c"
        ))
        .await;
}

#[tokio::test]
async fn threads_are_read_from_their_indexes() {
    let world = World::on(cluster(explaining)).await;
    talk(&world).await;
    for analysed in [false, true] {
        if analysed {
            world.run("analyze").await;
        }
        world.run(&format!("alter database {} set auto_explain.log_min_duration = 0", world.name)).await;
        let store = signalbox::store::Store::new(&world.operators);
        let mut plans = Plans::new(&world);
        let mut check = |what: &str, most: f64| {
            let plans = plans.since();
            assert!(!plans.is_empty(), "{what}: nothing was explained");
            for plan in &plans {
                for node in nodes(&plan["Plan"]) {
                    let table = node["Relation Name"].as_str().unwrap_or_default();
                    let rows = looked_at(node);
                    let is_large = ["conversations", "replies", "inbound_messages"].contains(&table);
                    assert!(!is_large || rows <= most, "{what}: {rows} rows of {table}: {}", statement(plan));
                }
            }
        };
        let seat = &world.seat;
        for scope in [
            ThreadScope::Open,
            ThreadScope::Unread,
            ThreadScope::Of("anna".into()),
            ThreadScope::Done,
            ThreadScope::All,
        ] {
            for (text, most) in [("", 1_000.0), ("hello 119", 25_000.0)] {
                let query = ThreadQuery { scope: scope.clone(), text: text.into() };
                let what = format!("{scope:?} {text:?}");
                let page = store.thread_page(seat, &query, Place::Start).await.unwrap();
                check(&what, most);
                let Some(last) = page.rows.last() else { continue };
                let cursor = Cursor { at: last.last_at, id: last.id.0 };
                for place in [Place::After(cursor), Place::Before(cursor), Place::End] {
                    store.thread_page(seat, &query, place).await.unwrap();
                    check(&format!("{what}: {place:?}"), most);
                }
                store.thread_detail(seat, last.id).await.unwrap();
                check("thread", 1_000.0);
            }
        }
        store.picture(seat).await.unwrap();
        check("overview", 1_000.0);
        store.close().await;
        world.run(&format!("alter database {} reset auto_explain.log_min_duration", world.name)).await;
    }
}

#[tokio::test]
async fn the_audit_log_is_read_from_its_index() {
    let world = World::on(cluster(explaining)).await;
    let number = world.number("support-a", 1).await;
    let org = world.organization;
    world
        .run(&format!(
            "insert into audit_log (organization_id, at, actor, action, entity, entity_id, entity_name, reason, before, after)
             select '{org}', now() - make_interval(secs => n), case when n % 3 = 0 then 'ana' else 'sender' end,
                    case when n % 5 = 0 then 'set priority' else 'warn' end, 'number',
                    case when n % 2 = 0 then '{number}'::uuid else new_uuid() end, '+237600000001', 'step ' || n,
                    '{{\"priority\": 1}}', '{{\"priority\": 2}}'
               from generate_series(1, 120000) n"
        ))
        .await;
    for analysed in [false, true] {
        if analysed {
            world.run("analyze").await;
        }
        world.run(&format!("alter database {} set auto_explain.log_min_duration = 0", world.name)).await;
        let store = signalbox::store::Store::new(&world.operators);
        let mut plans = Plans::new(&world);
        let mut check = |what: &str| {
            let plans = plans.since();
            assert!(!plans.is_empty(), "{what}: nothing was explained");
            for plan in &plans {
                for node in nodes(&plan["Plan"]) {
                    let table = node["Relation Name"].as_str().unwrap_or_default();
                    let rows = looked_at(node);
                    // A page, and what shares the moment of its edge; of words that one in fifteen has, so much more.
                    assert!(
                        table != "audit_log" || rows <= 5_000.0,
                        "{what}: {rows} rows: {}",
                        statement(plan)
                    );
                }
            }
        };
        let seat = &world.seat;
        for text in ["", "ANA priority"] {
            let page = store.audit_page(seat, text, Place::Start).await.unwrap();
            assert_eq!(page.rows.len(), 200);
            check(&format!("{text:?}: first page"));
            let last = page.rows.last().unwrap();
            let cursor = Cursor { at: last.at, id: last.id };
            for place in [Place::After(cursor), Place::Before(cursor), Place::End] {
                store.audit_page(seat, text, place).await.unwrap();
                check(&format!("{text:?}: {place:?}"));
            }
            store.audit_entry(seat, last.id).await.unwrap();
            check("one decision");
        }
        store.close().await;
        world.run(&format!("alter database {} reset auto_explain.log_min_duration", world.name)).await;
    }
}
