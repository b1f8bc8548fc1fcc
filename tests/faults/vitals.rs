//! How numbers do by their own past, asked for rather than reported: warnings, standby numbers, canaries and failures that
//! nobody reports.

use crate::world::{
    World,
    claimer::Claimer,
    seed::{Camp, Num, Number},
    throughout, until,
};
use signalbox::{
    domain::action::Action,
    domain::ids::{CampaignId, InstanceId},
    domain::phone::Phone,
    sender::Sender,
};
use std::time::Duration;

const CANARY: &str = "+237699999999";

impl World {
    /// Looks ten times a second, and asks a canary once an hour.
    async fn watched(&self) {
        self.execute(
            "update vital_rules set look_every = '100 ms', canary_wait = '5 s', ratio_least = 20,
                    canary_phone = '+237699999999', canary_template = 'are_you_there', canary_language = 'en'",
        )
        .await;
    }

    /// A sender that asks for failures as often as a test can wait.
    async fn polling(&self, every: Duration) -> Sender {
        self.sender_with(&self.database, |config| config.failures = every).await
    }

    async fn warnings(&self, number: &Number) -> Vec<String> {
        sqlx::query_scalar(
            "select reason from audit_log where entity_id = $1 and action = 'warn' order by at",
        )
        .bind(number.id.0)
        .fetch_all(&self.pool)
        .await
        .unwrap()
    }

    fn canaries(&self) -> usize {
        self.simulator.ledger().iter().filter(|entry| entry.to == CANARY).count()
    }
}

#[tokio::test]
async fn a_number_that_fails_and_is_blocked_warns_once_for_each() {
    // Every fifth person has blocked it, every tenth is not there at all.
    let world = World::scripted(
        "[[rule]]\nwhen = { every = 5 }\nthen = { error = 130403 }\n\
         [[rule]]\nwhen = { every = 7 }\nthen = { error = 131026 }\n",
    )
    .await;
    world.watched().await;
    let number = world.number(Num::meta().per_second(50)).await;
    let quiet = world.number(Num::meta().priority(20)).await;
    world.campaign(Camp::of(300)).await;
    let sender = world.sender().await;
    until("it warns of both", 20, async || world.warnings(&number).await.len() >= 2).await;
    world.until_counts("all are through", 30, |counts| counts.queued + counts.sending == 0).await;
    throughout("once", Duration::from_millis(2_500), async || world.warnings(&number).await.len() == 2).await;
    let warnings = world.warnings(&number).await;
    assert!(warnings.iter().any(|words| words.starts_with("fails too much: ")), "{warnings:?}");
    assert!(warnings.iter().any(|words| words.starts_with("risks a ban: ")), "{warnings:?}");
    let (tried, failed, blocked): (i32, i32, i32) =
        sqlx::query_as("select tried, failed, blocked from number_vitals where number_id = $1")
            .bind(number.id.0)
            .fetch_one(&world.pool)
            .await
            .unwrap();
    let counted: i64 = world.value("select count(*) from attempts where class = 'recipient_blocked'").await;
    assert_eq!((tried, i64::from(blocked)), (300, counted));
    assert!(failed > blocked, "{failed} {blocked}");
    assert!(world.warnings(&quiet).await.is_empty());
    // Who says it four times is one person.
    sqlx::query(
        "insert into inbound_messages (organization_id, id, account_id, number_id, phone, provider_message_id, kind, body,
                                       consent)
         select organization_id, new_uuid(), account_id, id, '+237699000009', 'stop-' || nth, 'text', 'STOP', 'stop'
           from whatsapp_numbers, generate_series(1, 4) nth where id = $1",
    )
    .bind(number.id.0)
    .execute(&world.pool)
    .await
    .unwrap();
    until("one more is counted", 30, async || {
        let blocked: i32 = sqlx::query_scalar("select blocked from number_vitals where number_id = $1")
            .bind(number.id.0)
            .fetch_one(&world.pool)
            .await
            .unwrap();
        assert!(i64::from(blocked) <= counted + 1, "{blocked} instead of {}", counted + 1);
        i64::from(blocked) == counted + 1
    })
    .await;
    // A threshold of nobody's warns nobody.
    world.execute("update vital_rules set failed_percent = null, blocked_percent = null").await;
    until("the warnings are off", 10, async || {
        world
            .value::<i64>(
                "select count(*) from number_vitals where failed_warned_at is not null or blocked_warned_at is not null",
            )
            .await
            == 0
    })
    .await;
    world.end([sender]).await;
}

/// Throttle, complaints, a warning and silence together: one percentage, in the picture, on the screen and in the claim.
async fn every_cause_slows_a_claim_as_the_picture_says(
    world: &World,
    claimer: &Claimer,
    campaign: CampaignId,
) {
    let mut seen = Vec::new();
    for (throttle, quality, health, silent) in [
        (100, "green", "sendable", false),
        (100, "green", "sendable", true),
        (100, "yellow", "limited", false),
        (100, "unknown", "limited", true),
        (50, "green", "sendable", true),
        (50, "red", "sendable", false),
        (20, "red", "limited", true),
    ] {
        sqlx::query(
            "with health as (update number_health set quality = $2, state = $3, since = clock_timestamp(),
                                    checked_at = clock_timestamp()),
                  pace as (update number_pacing set next_send_at = '-infinity'),
                  gone as (delete from number_throttles where $1 = 100),
                  throttle as (insert into number_throttles (organization_id, number_id, percent, rest_until, reason)
                               select organization_id, id, $1, clock_timestamp() + interval '1 minute', 'too fast'
                                 from whatsapp_numbers where $1 < 100
                               on conflict on constraint number_throttles_key do update set percent = excluded.percent)
             update whatsapp_numbers set slowed_since = case when $4 then clock_timestamp() end,
                                         slowed_reason = case when $4 then 'a test' end",
        )
        .bind(throttle)
        .bind(quality)
        .bind(health)
        .bind(silent)
        .execute(&world.pool)
        .await
        .unwrap();
        claimer.store.claim(&world.request(claimer, campaign, 1)).await.unwrap();
        let gap: f64 = world
            .value(
                "select extract(epoch from next_send_at - last_sent_at)::double precision from number_pacing",
            )
            .await;
        let snapshot = world.store.snapshot(world.organization, None).await.unwrap();
        let slowed = snapshot.numbers[0].slowed.clone();
        let percent = slowed.as_ref().map_or(100, |slowed| slowed.percent);
        assert!((gap - 0.05 * 100.0 / f64::from(percent)).abs() < 1e-5, "{gap} s at {percent} %");
        seen.push((percent, slowed.map_or(0, |slowed| slowed.causes.len())));
    }
    assert_eq!(seen, [(100, 0), (50, 1), (50, 1), (25, 2), (25, 2), (12, 2), (5, 3)]);
    // One without any time between messages gets fewer at once: a twentieth of twenty.
    world.execute("update whatsapp_numbers set per_second = 0, in_flight = 20").await;
    world.execute("update number_pacing set next_send_at = '-infinity'").await;
    let claimed = claimer.store.claim(&world.request(claimer, campaign, 10)).await.unwrap();
    assert_eq!(claimed.messages.len(), 1);
    world.execute("delete from number_throttles").await;
    world.execute("update number_health set quality = null, state = 'sendable'").await;
    world.execute("update whatsapp_numbers set per_second = 20").await;
}

#[tokio::test]
async fn a_slowed_number_keeps_half_its_rate_whatever_a_sender_believes() {
    let world = World::scripted("").await;
    let campaign = world.campaign(Camp::of(400)).await;
    let claimer = world.claimers(1).await.remove(0);
    world.execute("update whatsapp_numbers set per_second = 20").await;
    let gap = async || -> f64 {
        world.execute("update number_pacing set next_send_at = '-infinity'").await;
        let claimed = claimer.store.claim(&world.request(&claimer, campaign, 2)).await.unwrap();
        assert_eq!(claimed.messages.len(), 2);
        world
            .value(
                "select extract(epoch from next_send_at - last_sent_at)::double precision from number_pacing",
            )
            .await
    };
    // Two messages at twenty a second are a tenth of one. This caller knows of no half, and asks for no gap at all.
    assert!((gap().await - 0.1).abs() < 1e-6);
    world
        .execute("update whatsapp_numbers set slowed_since = clock_timestamp(), slowed_reason = 'a test'")
        .await;
    assert!((gap().await - 0.2).abs() < 1e-6);
    every_cause_slows_a_claim_as_the_picture_says(&world, &claimer, campaign).await;
    // A sender that knows keeps to it by itself.
    world.execute("update number_leases set expires_at = clock_timestamp()").await;
    let sender = world.sender().await;
    world.until_counts("it has begun", 20, |counts| counts.attempts > 12).await;
    let before = world.counts().await.attempts;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let sent = world.counts().await.attempts - before;
    assert!((20..=34).contains(&sent), "{sent} in 3 s at half of 20 a second");
    // An operator who resumes it gives it back its rate.
    world.order(Action::ResumeNumber(claimer.lease.number)).await;
    assert!(world.value::<bool>("select slowed_since is null from whatsapp_numbers").await);
    let before = world.counts().await.attempts;
    tokio::time::sleep(Duration::from_secs(3)).await;
    let sent = world.counts().await.attempts - before;
    assert!(sent >= 40, "{sent} in 3 s at 20 a second");
    // What it claimed by hand is settled as such: nobody ever sent it.
    let mine: Vec<uuid::Uuid> = sqlx::query_scalar("select id from attempts where instance_id = $1")
        .bind(claimer.instance.0)
        .fetch_all(&world.pool)
        .await
        .unwrap();
    assert_eq!(mine.len(), 12);
    let (_, left) = sender.drain(Duration::from_secs(15)).await;
    assert_eq!(left, 0);
    world.assert_invariants().await;
}

#[tokio::test]
async fn a_number_that_stands_by_is_exercised_once_in_its_time() {
    let world = World::scripted("").await;
    world.watched().await;
    world.execute("update vital_rules set standby_after = '1 day'").await;
    let first = world.number(Num::meta()).await;
    let backup = world.number(Num::meta().priority(20)).await;
    world.execute("update whatsapp_numbers set created_at = clock_timestamp() - interval '2 days' where priority = 20").await;
    let one = world.sender().await;
    let two = world.sender().await;
    until("its canary is sent", 20, async || world.canaries() == 1).await;
    until("and its check is made", 20, async || {
        world.value::<i64>("select count(*) from number_checks where actor = 'sender'").await >= 1
    })
    .await;
    throughout("once", Duration::from_millis(2_500), async || world.canaries() == 1).await;
    let (number, purpose, state): (uuid::Uuid, String, String) =
        sqlx::query_as("select number_id, purpose, state from canaries")
            .fetch_one(&world.pool)
            .await
            .unwrap();
    assert_eq!((number, purpose.as_str(), state.as_str()), (backup.id.0, "standby", "accepted"));
    let sent: Vec<&str> =
        world.simulator.ledger().iter().filter(|entry| entry.to == CANARY).map(|entry| entry.kind).collect();
    assert_eq!(sent, ["template"], "free text is not taken from a phone that never wrote");
    let exercised: Vec<uuid::Uuid> =
        sqlx::query_scalar("select number_id from number_vitals where exercised_at is not null")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(exercised, [backup.id.0], "not {}", first.phone);
    let charged: Vec<(String, i32, i32)> =
        sqlx::query_as("select scope, reserved, elsewhere from quota_usage order by scope")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(charged, [("number".to_owned(), 1, 1), ("organization".to_owned(), 1, 1)]);
    // It does not arrive. That says nothing where nothing ever does; elsewhere a backup that is dead is said aloud.
    let lost = async || world.value::<String>("select state from canaries").await == "lost";
    world.execute("update canaries set started_at = started_at - interval '10 s'").await;
    until("it is lost", 10, lost).await;
    assert!(world.warnings(&backup).await.is_empty());
    sqlx::query("insert into number_pulse (organization_id, number_id, bucket, accepted, delivered) select $1, $2, clock_timestamp(), 9, 9")
        .bind(world.organization.0)
        .bind(first.id.0)
        .execute(&world.pool)
        .await
        .unwrap();
    world.execute("update canaries set state = 'accepted'").await;
    until("it is said", 10, async || world.warnings(&backup).await.len() == 1).await;
    throughout("once", Duration::from_secs(1), async || world.warnings(&backup).await.len() == 1).await;
    assert!(world.warnings(&backup).await[0].contains("its canary did not arrive"));
    world.end([one, two]).await;
}

#[tokio::test]
async fn a_canary_whose_sender_died_is_never_sent_again() {
    let world = World::scripted("").await;
    world.watched().await;
    let number = world.number(Num::meta()).await;
    let why = world.store.plan_canary(world.organization, number.id, "standby").await.unwrap();
    assert_eq!(why, None);
    // Begun by somebody who is no more, with a deadline that has passed.
    let begun = world
        .store
        .begin_canaries(world.organization, InstanceId::new(), Duration::from_millis(1))
        .await
        .unwrap();
    assert_eq!(begun.len(), 1);
    let again =
        world.store.begin_canaries(world.organization, InstanceId::new(), Duration::from_secs(9)).await;
    assert!(again.unwrap().is_empty(), "begun once");
    world.execute("update canaries set deadline_at = clock_timestamp() - interval '1 minute'").await;
    let sender = world.sender().await;
    until("nobody knows", 10, async || {
        world.value::<String>("select state from canaries").await == "in_doubt"
    })
    .await;
    let why = world.store.plan_canary(world.organization, number.id, "standby").await.unwrap();
    assert_eq!(why.as_deref(), Some("one was sent lately"));
    throughout("nothing is sent", Duration::from_secs(1), async || world.canaries() == 0).await;
    world.end([sender]).await;
}

/// Outside the window of a conversation a canary is a template, or nothing, and the number says why.
async fn free_text_goes_only_to_a_phone_that_wrote_lately(world: &World, number: &Number) {
    let template = |name: &'static str| async move {
        sqlx::query("update vital_rules set canary_template = nullif($1, ''), canary_language = case when $1 <> '' then 'pt_BR' end")
            .bind(name)
            .execute(&world.pool)
            .await
            .unwrap();
        let why = world.store.plan_canary(world.organization, number.id, "amber").await.unwrap();
        let planned: Option<Option<String>> = sqlx::query_scalar("delete from canaries returning template")
            .fetch_optional(&world.pool)
            .await
            .unwrap();
        world.execute("update quota_usage set reserved = 0, elsewhere = 0").await;
        let told: Option<String> = world.value("select no_canary from number_vitals").await;
        assert_eq!(told, why, "the number says so");
        (why, planned)
    };
    let (why, _) = template("").await;
    assert!(why.unwrap().ends_with("no canary template is set"));
    let named = Some("ping".to_owned());
    assert_eq!(
        template("ping").await,
        (None, Some(named.clone())),
        "nothing is known of its account's templates"
    );
    for (status, language, parameters, goes) in [
        ("approved", "pt-br", "{}", true),
        ("paused", "pt_BR", "{}", false),
        ("approved", "en", "{}", false),
        ("approved", "pt_BR", "{1}", false),
    ] {
        sqlx::query(
            "insert into account_templates (organization_id, account_id, provider_id, name, language, status, said, header,
                                            parameters, fetched_at)
             select organization_id, id, '1', 'ping', $1, $2, $2, 'fixed', $3::text[], clock_timestamp() from accounts
             on conflict on constraint account_templates_key do update
                set language = excluded.language, status = excluded.status, parameters = excluded.parameters",
        )
        .bind(language)
        .bind(status)
        .bind(parameters)
        .execute(&world.pool)
        .await
        .unwrap();
        let (why, planned) = template("ping").await;
        assert_eq!(
            (why.is_none(), planned.is_some()),
            (goes, goes),
            "{status} {language} {parameters}: {why:?}"
        );
    }
    world
        .execute(
            "insert into inbound_messages (organization_id, id, account_id, number_id, phone, provider_message_id, kind, body,
                                           received_at)
             select organization_id, new_uuid(), account_id, id, '+237699999999', 'w1', 'text', 'hi', clock_timestamp() from whatsapp_numbers",
        )
        .await;
    assert_eq!(template("").await, (None, Some(None)), "who wrote lately gets text");
}

/// Planned before, and never begun after the word came.
async fn an_opt_out_holds_what_was_planned(world: &World, number: &Number) {
    assert_eq!(world.store.plan_canary(world.organization, number.id, "amber").await.unwrap(), None);
    let phone = Phone::parse(CANARY).unwrap();
    world.store.suppress(world.organization, &phone, "reply", "STOP").await.unwrap();
    let begin = async || {
        let store = &world.store;
        store.begin_canaries(world.organization, InstanceId::new(), Duration::from_secs(9)).await.unwrap()
    };
    assert!(begin().await.is_empty());
    assert_eq!(world.value::<String>("select state from canaries").await, "not_sent");
    let charged: i64 = world.value("select sum(reserved + elsewhere)::bigint from quota_usage").await;
    assert_eq!(charged, 0, "given back");
    // What began in spite of it would be told.
    world
        .execute("update canaries set state = 'in_doubt', started_at = clock_timestamp(), deadline_at = clock_timestamp()")
        .await;
    let found = world.store.check_invariants(world.organization).await.unwrap();
    assert!(found.iter().any(|each| each.invariant == "I9" && each.detail.contains("canary")), "{found:?}");
    world.execute("delete from canaries").await;
    world.execute("delete from suppressions").await;
}

#[tokio::test]
async fn a_canary_keeps_every_rule_of_a_message() {
    let world = World::scripted("").await;
    world.watched().await;
    let number = world.number(Num::meta().daily(1)).await;
    let refused = async |statement: &'static str, undo: &'static str, words: &str| {
        world.execute(statement).await;
        let why = world.store.plan_canary(world.organization, number.id, "amber").await.unwrap();
        assert_eq!(why.as_deref(), Some(words));
        world.execute(undo).await;
    };
    refused(
        "update vital_rules set canary_phone = null",
        "update vital_rules set canary_phone = '+237699999999'",
        "no canary phone is set",
    )
    .await;
    refused(
        "update organizations set stopped_at = clock_timestamp(), stopped_by = 'ana', stopped_reason = 'x'",
        "update organizations set stopped_at = null, stopped_by = null, stopped_reason = null",
        "all sending is stopped",
    )
    .await;
    refused(
        "update whatsapp_numbers set is_active = false",
        "update whatsapp_numbers set is_active = true",
        "the number is switched off",
    )
    .await;
    refused(
        "update whatsapp_numbers set suspended_at = clock_timestamp(), suspension_reason = 'x', suspended_by = 'ana'",
        "update whatsapp_numbers set suspended_at = null, suspension_reason = null, suspended_by = null",
        "the number is suspended",
    )
    .await;
    refused(
        "insert into suppressions (organization_id, phone, since, source, reason)
         select id, '+237699999999', clock_timestamp(), 'reply', 'x' from organizations",
        "delete from suppressions",
        "the canary phone has opted out",
    )
    .await;
    free_text_goes_only_to_a_phone_that_wrote_lately(&world, &number).await;
    an_opt_out_holds_what_was_planned(&world, &number).await;
    assert_eq!(world.store.plan_canary(world.organization, number.id, "amber").await.unwrap(), None);
    world.execute("update canaries set planned_at = planned_at - interval '2 hours'").await;
    let why = world.store.plan_canary(world.organization, number.id, "amber").await.unwrap();
    assert_eq!(why.as_deref(), Some("a daily limit is reached"), "the first one was charged");
    world.execute("update canaries set due_at = due_at - interval '2 hours'").await;
    let begun = world
        .store
        .begin_canaries(world.organization, InstanceId::new(), Duration::from_secs(9))
        .await
        .unwrap();
    assert!(begun.is_empty(), "too late, it is not begun");
    assert_eq!(world.value::<String>("select state from canaries").await, "not_sent");
    assert_eq!(
        world.value::<i64>("select sum(reserved + elsewhere)::bigint from quota_usage").await,
        0,
        "given back"
    );
    world.end([]).await;
}

#[tokio::test]
async fn failures_that_ultramsg_reports_nowhere_are_asked_for_and_applied() {
    let world = World::scripted(
        "[[rule]]\nwhen = { every = 7 }\nthen = { receipts = [{ status = 'failed', code = 1, details = 'invalid' }] }\n\
         [[rule]]\nwhen = { nth = 3 }\nthen = { receipts = [{ status = 'failed', code = 1, details = 'expired' }] }\n",
    )
    .await;
    let number = world.number(Num::ultramsg()).await;
    world.campaign(Camp::of(50)).await;
    // One is not due for long, so that the campaign goes on.
    world
        .execute(
            "update campaign_recipients set due_at = clock_timestamp() + interval '1 day'
              where id = (select max(id::text)::uuid from campaign_recipients)",
        )
        .await;
    let sender = world.polling(Duration::from_millis(300)).await;
    let undelivered = async |code: &str| -> i64 {
        sqlx::query_scalar("select count(*) from attempts where state = 'undelivered' and code = $1")
            .bind(code)
            .fetch_one(&world.pool)
            .await
            .unwrap()
    };
    until("seven are found", 30, async || undelivered("invalid").await == 7).await;
    // Nobody but the gateway had the expired one: it goes again.
    until("and the expired one is sent again", 30, async || {
        undelivered("expired").await == 1
            && world.value::<i64>("select count(*) from attempts where state = 'accepted'").await == 42
    })
    .await;
    assert_eq!(
        world.value::<i64>("select count(*) from campaign_recipients where state = 'failed'").await,
        7
    );
    let reason: String =
        world.value("select distinct reason from campaign_recipients where state = 'failed'").await;
    assert_eq!(reason, "recipient_invalid: invalid");
    assert_eq!(world.received_from(&number.from), 50);
    let sides = world.end_with_one_sent_again([sender]).await;
    assert_eq!(sides, 50);
}

impl World {
    /// As [`World::end`], where one message was sent again because the gateway never sent the first: the same text to the
    /// same person is in its ledger twice, and only once on its way.
    async fn end_with_one_sent_again(&self, senders: impl IntoIterator<Item = Sender>) -> usize {
        for sender in senders {
            let (_, left) = sender.drain(Duration::from_secs(15)).await;
            assert_eq!(left, 0);
        }
        self.assert_invariants().await;
        assert_eq!(self.simulator.duplicates().len(), 2);
        self.simulator.ledger().len()
    }
}

#[tokio::test]
async fn who_reports_failures_is_not_asked_and_the_others_gently() {
    let world = World::scripted("").await;
    world.number(Num::meta()).await;
    let gateway = world.number(Num::ultramsg().priority(20)).await;
    let idle = world.number(Num::ultramsg().priority(30)).await;
    world.campaign(Camp::of(20)).await;
    // Minutes are between two turns of a number; two senders ask no more than one.
    let one = world.polling(Duration::from_secs(300)).await;
    let two = world.polling(Duration::from_secs(300)).await;
    world.until_all_accepted(20).await;
    assert_eq!(world.simulator.questions(), 0, "nothing went through the gateway");
    sqlx::query("update number_pacing set last_sent_at = clock_timestamp() where number_id = $1")
        .bind(gateway.id.0)
        .execute(&world.pool)
        .await
        .unwrap();
    sqlx::query(
        "insert into number_activity (organization_id, number_id, minute, accepted)
         select $1, $2, date_trunc('minute', clock_timestamp()), 1",
    )
    .bind(world.organization.0)
    .bind(gateway.id.0)
    .execute(&world.pool)
    .await
    .unwrap();
    world.execute("update chores set next_run_at = clock_timestamp() where name = 'failures'").await;
    until("it is asked, once for each state", 30, async || world.simulator.questions() == 3).await;
    world.execute("update chores set next_run_at = clock_timestamp() where name = 'failures'").await;
    throughout("and not again", Duration::from_secs(3), async || world.simulator.questions() == 3).await;
    let asked: Vec<uuid::Uuid> =
        sqlx::query_scalar("select number_id from number_polls where polled_at is not null")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    assert_eq!(asked, [gateway.id.0], "not {}", idle.phone);
    world.end([one, two]).await;
}
