//! What is done to thousands at once reads them a few times, and not all of them for each of them: also in the minute in which
//! they came in, of which the planner has no figures yet. Every statement, those inside functions too, is explained while it
//! runs.

#![cfg(test)]

mod screen_world;

use screen_world::plans::{Plans, explaining, looked_at, nodes, number, statement};
use screen_world::{World, cluster};
use serde_json::Value;
use signalbox::domain::ids::CampaignId;
use signalbox::postgres::cluster::Settings;
use signalbox::store::Store;

fn in_functions_too() -> Settings {
    explaining().with("auto_explain.log_nested_statements", "on")
}

/// What the server explained since the last look.
struct Watch {
    plans: Plans,
    figures: &'static str,
}

impl Watch {
    /// No part of a statement since then looked at more than `most` rows; one of them was `of`.
    fn check(&mut self, what: &str, of: &str, most: u32) {
        let (plans, figures) = (self.plans.since(), self.figures);
        assert!(plans.iter().any(|plan| statement(plan).contains(of)), "{what}: it was not explained");
        for plan in &plans {
            for node in nodes(&plan["Plan"]) {
                let rows = looked_at(node);
                assert!(
                    rows <= f64::from(most),
                    "{what}, figures {figures}: {rows} rows: {}\n{node:#}",
                    statement(plan)
                );
            }
        }
    }
}

/// What ends a campaign for whoever paid.
const PAID: &str = r#"{"exit": {"attributes": {"paid": ["yes"]}}}"#;

/// A draft of one step, with nobody in it yet.
async fn draft(world: &World, standing: Option<&str>, conduct: &str, text: &str) -> CampaignId {
    let (org, pool, id) = (world.organization, world.pool, CampaignId::new());
    let standing = standing.map_or("null".to_owned(), |standing| format!("'{standing}'"));
    world
        .run(&format!(
            "insert into campaigns (organization_id, id, name, pool_id, standing, conduct, created_by, changed_by)
             values ('{org}', '{id}', 'second', '{pool}', {standing}, '{conduct}', 'ana', 'ana');
             insert into campaign_steps (organization_id, campaign_id, step, after_seconds, texts)
             values ('{org}', '{id}', 1, 0, jsonb_build_array(jsonb_build_object('locale', 'en', 'text', '{text}')))"
        ))
        .await;
    id
}

/// Runs a statement that the server explains, and those inside it.
async fn explained(world: &World, statement: &str) {
    world
        .run(&format!(
            "set auto_explain.log_min_duration = 0; {statement}; reset auto_explain.log_min_duration"
        ))
        .await;
}

/// As the headless demo asks: everything came within a minute, and nothing was analysed yet.
#[tokio::test]
async fn tables_are_compared_as_sets_before_they_were_analysed() {
    const FEW: u32 = 10_000;
    let world = World::on(cluster(in_functions_too)).await;
    let store = Store::new(&world.operators);
    let (org, number) = (world.organization, world.number("one", 1).await);
    for name in ["first", "second"] {
        let campaign = world.campaign(name, FEW).await;
        world
            .run(&format!(
                "insert into attempts (organization_id, id, campaign_id, recipient_id, step, number_id, instance_id, epoch,
                                       state, live, quota_day, started_at, deadline_at, finished_at, provider_message_id)
                 select '{org}', gen_random_uuid(), campaign_id, id, 1, '{number}', ordered_uuid(8, 8, 1), 1, 'accepted',
                        true, current_date, now(), now(), now(), 'wamid.' || id
                   from campaign_recipients where campaign_id = '{campaign}';
                 update campaign_recipients r set state = 'accepted', last_attempt_id = a.id
                   from attempts a where r.campaign_id = '{campaign}' and r.id = a.recipient_id"
            ))
            .await;
    }
    world.run(&format!("alter database {} set auto_explain.log_min_duration = 0", world.name)).await;
    let mut watch = Watch { plans: Plans::new(&world), figures: "as sent" };
    store.check_invariants(org).await.unwrap();
    watch.check("the invariants", "and step %s was accepted", 4 * FEW);
    store.close().await;
}

/// Who imports a list again changes most of its people, and the list says of all that they agreed: whom earlier files opted out is
/// found by phone, and not each of them among all of the others.
#[tokio::test]
async fn a_list_that_is_imported_again_is_read_a_few_times() {
    const PEOPLE: u32 = 6_000;
    let world = World::on(cluster(in_functions_too)).await;
    let org = world.organization;
    world.campaign("first", PEOPLE).await;
    world
        .run(&format!(
            "update contacts set consent = false, consent_method = 'import', consent_at = now();
             insert into suppressions (organization_id, phone, reason, source)
             select '{org}', phone, 'a file', 'import' from contacts where phone like '%0';
             insert into opt_outs_to_heed (organization_id, phone, reason, actor)
             select '{org}', phone, 'a file', 'ana' from contacts where phone like '%1'"
        ))
        .await;
    let mut watch = Watch { plans: Plans::new(&world), figures: "as loaded" };
    world
        .run(&format!(
            "select stage_contacts();
             insert into contact_staging (line, phone, name, consent, attributes)
             select row_number() over (), phone, 'Other', true, '{{}}' from contacts;
             set auto_explain.log_min_duration = 0;
             select merge_contacts('{org}', 'list.csv', 'ana', {PEOPLE}, 0, now());
             reset auto_explain.log_min_duration;
             drop table contact_staging"
        ))
        .await;
    watch.check("the list", "delete from suppressions", 4 * PEOPLE);
    let left = "select (select count(*) from suppressions) + (select count(*) from opt_outs_to_heed)";
    assert_eq!(world.ask(left).await, 0, "all of them agreed");
    assert_eq!(
        world.ask("select count(*) from audit_log where action = 'opt in'").await,
        i64::from(PEOPLE / 10)
    );
    assert_eq!(
        world.ask("select count(*) from contacts where consent and name = 'Other'").await,
        i64::from(PEOPLE)
    );
}

/// A campaign that is being made is in no figures yet, while other campaigns are: nobody is looked for in all of the others.
#[tokio::test]
async fn an_enrolment_that_gives_slots_reads_everybody_a_few_times() {
    const PEOPLE: u32 = 6_000;
    const PIECE: u32 = 2_000;
    let world = World::on(cluster(in_functions_too)).await;
    let org = world.organization;
    let first = world.campaign("first", PEOPLE).await;
    world
        .run(&format!(
            "insert into recipient_parameters (organization_id, campaign_id, recipient_id, locale, parameters)
             select '{org}', '{first}', r.id, 'en', '{{}}' from campaign_recipients r;
             update campaigns set state = 'cancelled', finished_at = now() where id = '{first}'"
        ))
        .await;
    let new = draft(&world, None, PAID, "You are {{campaign_number}}").await;
    world.run("analyze").await;
    let mut watch = Watch { plans: Plans::new(&world), figures: "of the campaigns before it" };
    for piece in 1..=PEOPLE / PIECE {
        // What the texts ask for nobody may lack: that is nothing, in any language. Of a connection that is open already.
        world
            .run(&format!(
                "set auto_explain.log_min_duration = 0;
                 select enrol('{org}', '{new}', '{{campaign_number}}', '{{\"\": []}}', null, {PIECE});
                 reset auto_explain.log_min_duration"
            ))
            .await;
        // Of so few contacts a third is picked from all of them; and the first piece counts them, for whoever looks how far it is.
        // One by one it would be thousands of times as many.
        watch.check(&format!("piece {piece}"), "campaign_number", 2 * PEOPLE);
        let given = world
            .ask(&format!(
                "select count(*) from campaign_recipients r
                   join recipient_parameters p on p.campaign_id = r.campaign_id and p.recipient_id = r.id
                   join contact_slots s on s.contact_id = r.contact_id
                  where r.campaign_id = '{new}' and r.state = 'queued'
                    and p.parameters ->> 'campaign_number' = s.slot::text"
            ))
            .await;
        assert_eq!(
            given,
            i64::from(piece * PIECE),
            "piece {piece}: who came in and shows the slot that they have"
        );
    }
    // Behind the last person there is a piece without any: it ends the enrolment.
    world
        .run(&format!("select enrol('{org}', '{new}', '{{campaign_number}}', '{{\"\": []}}', null, {PIECE})"))
        .await;
    let (waiting, slots) = (
        world.ask("select count(*) from campaign_enrolments").await,
        world.ask("select count(distinct slot) from contact_slots").await,
    );
    assert_eq!((waiting, slots), (0, 30), "all are in, and every slot of the range was given");
    // Nobody's list is too long to be looked up in.
    let count = format!("select reset_slots('{org}', null, true, 'ana', null, 'x')");
    explained(&world, &format!("set work_mem = '64kB'; {count}; reset work_mem")).await;
    watch.check("a look at what a reset would do", "contact_slots", 4 * PEOPLE);
}

/// A campaign that was made a moment ago is in no figures yet: what is done to its people at once reads them a few times, and not
/// all of them for each of them.
#[tokio::test]
async fn what_is_done_to_people_who_came_in_a_moment_ago_reads_them_a_few_times() {
    const PEOPLE: u32 = 6_000;
    for figures in ["of nobody", "of the campaigns before it"] {
        let world = World::on(cluster(in_functions_too)).await;
        let org = world.organization;
        world.campaign("first", PEOPLE).await;
        if figures == "of nobody" {
            world.run("truncate campaign_recipients cascade").await;
        } else {
            world.run("analyze").await;
        }
        let new = draft(&world, None, r#"{"rollout": {"stages": [50, 100]}}"#, "Hello").await;
        let mut watch = Watch { plans: Plans::new(&world), figures };
        for (what, asked, of) in [
            ("a rollout", format!("enrol('{org}', '{new}', '{{}}', '{{\"\": []}}')"), "due_at = not_let_go()"),
            (
                "an edit",
                format!(
                    "freeze_ahead('{org}', '{new}', '{{campaign_number}}',
                                  '00000000-0000-0000-0000-000000000000', 2000)"
                ),
                "update recipient_parameters",
            ),
            (
                "people who leave",
                format!(
                    "leave_campaigns('{org}', array_agg(r.campaign_id), array_agg(r.phone::text), array_agg('paid'::text))
                       from campaign_recipients r where r.campaign_id = '{new}' and r.phone like '%7'"
                ),
                "insert into leaving",
            ),
        ] {
            explained(&world, &format!("select {asked}")).await;
            watch.check(what, of, 4 * PEOPLE);
        }
        world
            .run(&format!("update campaigns set state = 'cancelled', finished_at = now() where id = '{new}'"))
            .await;
        for before in [0, 2000] {
            let after = format!(
                "coalesce((select max(r.id::text)::uuid
                             from (select id from campaign_recipients where campaign_id = '{new}' order by id limit {before}) r),
                          '00000000-0000-0000-0000-000000000000')"
            );
            explained(&world, &format!("select skip_cancelled('{org}', '{new}', {after}, 2000)")).await;
            watch.check("a cancellation", "campaign_cancelled", 4 * PEOPLE);
        }
        let of = async |reason: &str| {
            let people =
                format!("from campaign_recipients where campaign_id = '{new}' and reason = '{reason}'");
            world.ask(&format!("select count(*) {people}")).await
        };
        assert_eq!(of("paid").await, i64::from(PEOPLE / 10), "figures {figures}");
        assert_eq!(of("campaign_cancelled").await, 2 * 1_800, "figures {figures}: nine of ten in each piece");
        let rolled_out = world.ask("select released from campaign_rollouts").await;
        assert_eq!(rolled_out, i64::from(PEOPLE / 2), "figures {figures}");
    }
}

/// Whom a file brought in before a campaign was made was looked at as they are: its start, which everybody's decisions wait for,
/// asks nobody of them again what they have.
#[tokio::test]
async fn a_start_asks_nobody_again_who_was_there_before_the_campaign() {
    const PEOPLE: u32 = 3_000;
    for standing in [None, Some(r#"{"after": "0 seconds", "every": "1 hour"}"#)] {
        let world = World::on(cluster(in_functions_too)).await;
        let org = world.organization;
        world.campaign("first", PEOPLE).await;
        let paid = "update contacts set attributes = '{\"paid\": \"yes\"}' where phone like '%7'";
        world.run(paid).await;
        let new = draft(&world, standing, PAID, "Hello").await;
        // What other cases have open may be older than the contacts, and those who are as old are looked at again.
        let is_past = "select (pg_snapshot_xmin(pg_current_snapshot())::text::bigint
                           > (select max(c.xmin::text::bigint) from contacts c))::int::bigint";
        World::until("nothing older is open", async || world.ask(is_past).await == 1).await;
        world.run(&format!("select enrol('{org}', '{new}', '{{}}', '{{\"\": []}}')")).await;
        let mut plans = Plans::new(&world);
        explained(
            &world,
            &format!("update campaigns set state = 'active', started_at = now() where id = '{new}'"),
        )
        .await;
        let asked = plans.since();
        let of_contacts = |plan: &&Value| statement(plan).contains("from contacts c");
        let looks: Vec<_> = asked.iter().filter(of_contacts).flat_map(|plan| nodes(&plan["Plan"])).collect();
        let held_back = looks.iter().map(|node| number(node, "Rows Removed by Filter")).fold(0.0, f64::max);
        assert!(held_back >= f64::from(PEOPLE), "all changed within the hour: {looks:#?}");
        assert!(
            looks
                .iter()
                .any(|node| node["Node Type"] == "Subquery Scan" && number(node, "Actual Rows") == 0.0)
        );
        assert!(
            !asked.iter().any(|plan| statement(plan).contains("insert into leaving")),
            "nobody is to leave"
        );
        let left = format!(
            "select count(*) from campaign_recipients where campaign_id = '{new}' and state = 'queued'"
        );
        assert_eq!(world.ask(&left).await, i64::from(PEOPLE - PEOPLE / 10));
    }
}

/// Autovacuum may be a minute away, and of one campaign among many it may never come: who brings people in by the thousand has
/// them looked at.
#[tokio::test]
async fn who_brings_in_thousands_lets_the_planner_know() {
    const MANY: u32 = 10_000;
    let world = World::on(cluster(in_functions_too)).await;
    let org = world.organization;
    let looked_at = "select count(*) from pg_stat_user_tables where last_analyze is not null and relname = ";
    for (lines, known) in [(1, 0), (1 + MANY, 1)] {
        world
            .run(&format!(
                "select stage_contacts();
                 insert into contact_staging (line, phone, name, consent, attributes)
                 select n, '+2375' || lpad(n::text, 8, '0'), 'Person', true, '{{}}' from generate_series(1, {lines}) n;
                 select merge_contacts('{org}', 'list.csv', 'ana', {lines}, 0, now());
                 drop table contact_staging"
            ))
            .await;
        assert_eq!(world.ask(&format!("{looked_at} 'contacts'")).await, known, "{lines} lines");
    }
    let new = draft(&world, None, "{}", "Hello").await;
    let piece = format!("select enrol('{org}', '{new}', '{{}}', '{{\"\": []}}', null, {})", MANY / 2);
    // Two with people, and the one behind them.
    for known in [0, 0, 1] {
        assert_eq!(world.ask(&format!("{looked_at} 'campaign_recipients'")).await, 0);
        world.run(&piece).await;
        assert_eq!(world.ask(&format!("{looked_at} 'campaign_recipients'")).await, known);
    }
}
