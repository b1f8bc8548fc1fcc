//! What operators are told: each cause once, whoever looks; it ends when its cause does; somebody takes note of it; and the
//! note for the next shift.

use crate::support::acme::{Acme, phone};
use serde_json::{Value, json};
use signalbox::{domain::action::Action, store::measure::Cause};

impl Acme {
    async fn raise(&self) -> i32 {
        self.db.store.raise_alerts(self.organization).await.unwrap()
    }

    async fn alter(&self, sql: &'static str) {
        sqlx::query(sql).execute(&self.db.pool).await.unwrap();
    }

    /// As the command lists them: kind, severity and whether it lasts.
    fn told(&self, all: bool) -> Vec<(String, String, bool)> {
        let arguments: &[&str] = if all { &["alert", "list", "--all"] } else { &["alert", "list"] };
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let listed = self.db.json(arguments);
        let mut told: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|alert| (text(&alert["kind"]), text(&alert["severity"]), alert["ended_at"].is_null()))
            .collect();
        told.sort_unstable();
        told
    }

    async fn suspend_by_answer(&self, nth: usize) {
        let cause =
            Cause { class: "number_suspended", code: Some("131031".into()), words: "account locked".into() };
        let suspended = self
            .db
            .store
            .suspend_number_by_answer(self.organization, self.instance, self.numbers[nth], None, &cause, 0)
            .await
            .unwrap();
        assert!(suspended);
    }
}

fn lasting(kind: &str, severity: &str) -> (String, String, bool) {
    (kind.to_owned(), severity.to_owned(), true)
}

#[tokio::test]
async fn each_cause_is_told_once_however_many_look() {
    let acme = Acme::new().await;
    assert_eq!(acme.raise().await, 0, "nothing is wrong");
    acme.suspend_by_answer(0).await;
    let mut looks = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let (store, organization) = (acme.db.store.clone(), acme.organization);
        looks.spawn(async move { store.raise_alerts(organization).await.unwrap() });
    }
    assert_eq!(looks.join_all().await.into_iter().sum::<i32>(), 1, "eight looks, one alert");
    assert_eq!(acme.raise().await, 0);
    assert_eq!(acme.told(false), [lasting("suspension", "critical")]);
    let alert = acme.db.json(&["alert", "list"])[0].clone();
    assert_eq!(alert["words"], json!("number 0 is suspended: number suspended, 131031: account locked"));
    // Back in service it is over; suspended once more it is another one.
    acme.done(Action::ResumeNumber(acme.numbers[0])).await;
    assert_eq!(acme.raise().await, 0);
    assert_eq!(acme.told(false), [("suspension".to_owned(), "critical".to_owned(), false)]);
    acme.suspend_by_answer(0).await;
    assert_eq!(acme.raise().await, 1);
    assert_eq!(acme.db.value::<i64>("select count(*) from alerts where kind = 'suspension'").await, 2);
}

#[tokio::test]
async fn what_an_operator_suspends_nobody_is_told() {
    let acme = Acme::new().await;
    acme.done(Action::SuspendNumber { number: acme.numbers[0], until: None }).await;
    assert_eq!(acme.raise().await, 0);
}

#[tokio::test]
async fn a_limit_is_told_at_eighty_and_at_ninety_five_percent() {
    let acme = Acme::with_numbers(&[Some(100), None]).await;
    let mut sent = 0;
    // (messages of the day, what is new, what lasts)
    for (used, fresh, lasts) in [
        (79, 0, None),
        (80, 1, Some("info")),
        (94, 0, Some("info")),
        (95, 1, Some("warning")),
        (100, 0, Some("warning")),
    ] {
        for _ in sent..used {
            sqlx::query("select increment_message_count($1)")
                .bind(acme.numbers[0].0)
                .execute(&acme.db.pool)
                .await
                .unwrap();
        }
        sent = used;
        assert_eq!(acme.raise().await, fresh, "at {used}");
        let lasting: Vec<String> =
            acme.told(true).into_iter().filter(|each| each.2).map(|each| each.1).collect();
        assert_eq!(lasting, lasts.map(str::to_owned).into_iter().collect::<Vec<_>>(), "at {used}");
    }
    let words: String = acme.db.value("select words from alerts where severity = 'warning'").await;
    assert_eq!(words, "number 0 has sent 95 of its 100 messages of the day (95 %)");
}

#[tokio::test]
async fn providers_accounts_campaigns_doubts_and_tokens_are_told_by_kind() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    let store = &acme.db.store;
    store.mark_account_reachable(acme.organization, acme.account, Some("timeout")).await.unwrap();
    let rule = "3 of 5 failed";
    store.pause_campaign_by_rule(acme.organization, acme.instance, campaign, rule).await.unwrap();
    acme.alter("update accounts set token_since = clock_timestamp() - interval '91 days'").await;
    acme.alter("update number_vitals set state = 'amber', words = '3 of 40 arrived', failed_warned_at = clock_timestamp()
                   where number_id = (select id from whatsapp_numbers order by priority limit 1)")
        .await;
    assert_eq!(acme.raise().await, 5);
    assert_eq!(
        acme.told(false),
        [
            lasting("ban_risk", "warning"),
            lasting("connection", "critical"),
            lasting("credentials", "warning"),
            lasting("paused", "critical"),
            lasting("silent_death", "warning"),
        ]
    );
    // A new token, an answer and a resumed campaign end theirs.
    acme.db.run_with(&["account", "edit", "main", "--token-stdin"], b"another\n").done();
    store.mark_account_reachable(acme.organization, acme.account, None).await.unwrap();
    acme.done(Action::ResumeCampaign(campaign)).await;
    acme.alter("update number_vitals set state = 'well', failed_warned_at = null").await;
    assert_eq!(acme.raise().await, 0);
    assert!(acme.told(false).iter().all(|(_, _, lasts)| !lasts), "{:?}", acme.told(false));
}

#[tokio::test]
async fn doubts_are_told_when_they_have_lasted_and_an_end_is_told_once() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let campaign = acme.running().await;
    let claimed = acme.claim(0, campaign, 2).await;
    acme.settle(claimed.messages[0].attempt, "in_doubt", "doubt").await;
    acme.settle(claimed.messages[1].attempt, "accepted", "advance").await;
    assert_eq!(acme.raise().await, 0, "it may still settle by itself");
    acme.alter("update attempts set in_doubt_since = in_doubt_since - interval '31 minutes' where state = 'in_doubt'")
        .await;
    assert_eq!(acme.raise().await, 1);
    assert_eq!(acme.told(false), [lasting("doubts", "warning")]);
    let words: String = acme.db.value("select words from alerts").await;
    assert_eq!(words, "1 message is in doubt for longer than 30 minutes");
    let verdict = signalbox::domain::action::Verdict::Sent;
    acme.done(Action::ResolveAttempt { attempt: claimed.messages[0].attempt, verdict }).await;
    acme.db.store.run_lifecycle(acme.organization, acme.instance, None).await.unwrap();
    assert_eq!(acme.raise().await, 1, "the campaign is finished");
    assert_eq!(acme.raise().await, 0);
    let words: String = acme.db.value("select words from alerts where kind = 'finished'").await;
    assert_eq!(words, "campaign hello is finished: 2 of 2 people got it, 0 failed, 0 were skipped");
    assert_eq!(
        acme.told(false),
        [
            ("doubts".to_owned(), "warning".to_owned(), false),
            ("finished".to_owned(), "info".to_owned(), false),
        ]
    );
}

#[tokio::test]
async fn a_campaign_that_paused_itself_is_told_until_it_goes_on_whoever_edits_it() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    let store = &acme.db.store;
    store.pause_campaign_by_rule(acme.organization, acme.instance, campaign, "3 of 5 failed").await.unwrap();
    assert_eq!(acme.raise().await, 1);
    acme.db.run(&["campaign", "edit", "hello", "--priority", "3"]).done();
    assert_eq!(acme.raise().await, 0);
    assert_eq!(acme.told(false), [lasting("paused", "critical")], "an edit is no decision about the pause");
    acme.done(Action::ResumeCampaign(campaign)).await;
    acme.done(Action::PauseCampaign(campaign)).await;
    assert_eq!(acme.raise().await, 0, "what an operator pauses, operators know");
    assert_eq!(acme.told(false), [("paused".to_owned(), "critical".to_owned(), false)]);
}

#[tokio::test]
async fn duplicates_are_told_once_an_hour_and_none_of_these_hours_is_missed() {
    let acme = Acme::new().await;
    let hour = "floor(extract(epoch from clock_timestamp()) / 3600) * 3600";
    // Minutes behind the beginning of this hour.
    for minutes in [-179, -55, -50, -10] {
        let said = format!(
            "insert into audit_log (organization_id, at, actor, action, entity, entity_id, entity_name, reason)
             select organization_id, to_timestamp({hour} + 60 * {minutes}), 'sender', 'duplicate', 'number', id, phone,
                    'twice, minute {minutes}' from whatsapp_numbers order by priority limit 1"
        );
        sqlx::query(sqlx::AssertSqlSafe(said)).execute(&acme.db.pool).await.unwrap();
    }
    assert_eq!(acme.raise().await, 2);
    let words: Vec<String> =
        sqlx::query_scalar("select words from alerts order by words").fetch_all(&acme.db.pool).await.unwrap();
    assert_eq!(words, ["through number 0, twice, minute -179", "through number 0, twice, minute -55"]);
    // As the hours pass, what stood behind the first one is not told late.
    for _ in 0..3 {
        acme.alter("update audit_log set at = at - interval '20 seconds' where action = 'duplicate'").await;
        assert_eq!(acme.raise().await, 0);
    }
    acme.alter(
        "insert into audit_log (organization_id, actor, action, entity, entity_id, entity_name, reason)
         select organization_id, 'sender', 'duplicate', 'number', id, phone, 'twice' from whatsapp_numbers",
    )
    .await;
    assert_eq!(acme.raise().await, 2, "at once, of either number");
}

#[tokio::test]
async fn what_lasts_is_not_forgotten_and_told_again() {
    let acme = Acme::new().await;
    acme.suspend_by_answer(0).await;
    acme.suspend_by_answer(1).await;
    assert_eq!(acme.raise().await, 2);
    acme.db.json(&["alert", "ack", "--all"]);
    acme.alter("update alerts set raised_at = raised_at - interval '91 days'").await;
    acme.alter("select forget_alerts(id) from organizations").await;
    assert_eq!(acme.raise().await, 0, "somebody has taken note of it");
    acme.done(Action::ResumeNumber(acme.numbers[0])).await;
    assert_eq!(acme.raise().await, 0);
    acme.alter("select forget_alerts(id) from organizations").await;
    assert_eq!(acme.told(true).len(), 2, "over since a moment ago");
    acme.alter("update alerts set ended_at = ended_at - interval '91 days'").await;
    acme.alter("select forget_alerts(id) from organizations").await;
    assert_eq!(acme.told(true), [lasting("suspension", "critical")]);
}

#[tokio::test]
async fn a_report_whose_evening_had_no_sender_goes_out_the_next_day() {
    let acme = Acme::new().await;
    acme.alter(
        "insert into alert_channels (organization_id, id, name, kind, address, smtp, mail_from, daily_report, created_at)
         select o.id, new_uuid(), c.name, 'email', 'ops@example.com', 'smtp://mail.example.com:587', 'a@example.com', true,
                clock_timestamp() - c.age
           from organizations o, (values ('old', interval '3 days'), ('new', interval '0')) c (name, age)",
    )
    .await;
    // In the last minute of the day: today's time has not come yet, yesterday's has passed.
    acme.alter("update alert_rules set report_at = 1439").await;
    acme.alter("select queue_reports(id) from organizations").await;
    let queued = "select format('%s %s', c.name, t.today - d.report_day)
                    from alert_deliveries d
                    join alert_channels c on c.id = d.channel_id
                   cross join (select (clock_timestamp() at time zone 'Africa/Douala')::date as today) t
                   where d.report_day < t.today - 1";
    let late: Vec<String> = sqlx::query_scalar(queued).fetch_all(&acme.db.pool).await.unwrap();
    assert_eq!(late, ["old 2"], "the other one was not there then");
    acme.alter("select queue_reports(id) from organizations").await;
    let again: Vec<String> = sqlx::query_scalar(queued).fetch_all(&acme.db.pool).await.unwrap();
    assert_eq!(again, ["old 2"], "once");
}

#[tokio::test]
async fn a_day_s_report_counts_who_asked_and_what_is_still_in_doubt() {
    let acme = Acme::new().await;
    acme.contacts(4).await;
    let campaign = acme.running().await;
    let messages = acme.claim(0, campaign, 3).await.messages;
    for message in &messages[..2] {
        acme.settle(message.attempt, "in_doubt", "doubt").await;
    }
    acme.settle(messages[2].attempt, "accepted", "advance").await;
    acme.settle(messages[0].attempt, "accepted", "advance").await;
    acme.db.run(&["contact", "opt-out", phone(3).reveal(), "--reason", "asked"]).done();
    acme.alter("select suppress(id, '+237699999999', 'rule', '3 campaigns could not reach this phone') from organizations")
        .await;
    let day = acme.db.value("select quota_day from attempts limit 1").await;
    let usage = acme.db.store.usage_of_day(acme.organization, day).await.unwrap();
    assert_eq!(usage.opted_out, 1, "a rule asks for nothing");
    let [number] = usage.numbers.as_slice() else { panic!("{usage:?}") };
    assert_eq!((number.sent, number.accepted, number.in_doubt), (3, 2, 1), "each message once");
}

#[tokio::test]
async fn who_takes_note_is_on_record_and_a_second_one_is_told() {
    let acme = Acme::new().await;
    acme.suspend_by_answer(0).await;
    acme.suspend_by_answer(1).await;
    assert_eq!(acme.raise().await, 2);
    let id = acme.db.json(&["alert", "list"])[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(acme.db.json(&["alert", "ack", &id, "--reason", "seen"]), json!({ "acknowledged": 1 }));
    acme.db.run(&["alert", "ack", &id]).refused(3, "somebody has taken note of it already");
    assert_eq!(acme.db.json(&["alert", "list"]).as_array().unwrap().len(), 1);
    assert_eq!(acme.db.json(&["alert", "ack", "--all"]), json!({ "acknowledged": 1 }));
    assert_eq!(acme.db.json(&["alert", "list"]), json!([]));
    assert_eq!(acme.raise().await, 0, "what was taken note of is not told again");
    let logged: Vec<(String, String)> =
        sqlx::query_as("select actor, reason from audit_log where action = 'acknowledge alert' order by at")
            .fetch_all(&acme.db.pool)
            .await
            .unwrap();
    let reasons: Vec<&str> = logged.iter().map(|(_, reason)| reason.as_str()).collect();
    assert_eq!(reasons, ["seen", "no reason given"]);
    assert!(logged.iter().all(|(actor, _)| acme.db.json(&["alert", "list", "--all"])[0]["acknowledged_by"] == json!(actor)));
}

#[tokio::test]
async fn rules_are_shown_changed_and_checked() {
    let acme = Acme::new().await;
    let rules = acme.db.json(&["alert", "rules"]);
    assert_eq!(
        rules,
        json!({ "quiet_from": null, "quiet_to": null, "credential_days": 90, "report_at": null })
    );
    let rules = acme.db.json(&[
        "alert",
        "rules",
        "--quiet",
        "22:00-07:00",
        "--credential-days",
        "none",
        "--report-at",
        "07:30",
    ]);
    assert_eq!(
        rules,
        json!({ "quiet_from": 1320, "quiet_to": 420, "credential_days": null, "report_at": 450 })
    );
    let rules = acme.db.json(&["alert", "rules", "--quiet", "none"]);
    assert_eq!(rules["quiet_from"], json!(null));
    for (wrong, sentence) in [
        (&["--quiet", "22-7"][..], "--quiet"),
        (&["--quiet", "07:00-07:00"], "--quiet"),
        (&["--credential-days", "0"], "a number of days"),
        (&["--report-at", "25:00"], "--report-at"),
    ] {
        let arguments: Vec<&str> = ["alert", "rules"].iter().chain(wrong).copied().collect();
        acme.db.run(&arguments).refused(2, sentence);
    }
    let kept = acme.db.json(&["alert", "rules"]);
    assert_eq!(kept["report_at"], json!(450), "nothing of what was refused is done");
}

#[tokio::test]
async fn the_note_for_the_next_shift_says_what_stands_still_and_why() {
    let acme = Acme::with_numbers(&[Some(10), None]).await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    acme.alter("update whatsapp_numbers set display_name = '' where priority = 10").await;
    acme.suspend_by_answer(0).await;
    let store = &acme.db.store;
    store.pause_campaign_by_rule(acme.organization, acme.instance, campaign, "3 of 5 failed").await.unwrap();
    let note = acme.db.json(&["handover", "--hours", "1"]);
    assert_eq!(note["campaigns"][0]["reason"], json!("3 of 5 failed"), "{note}");
    assert_eq!(note["campaigns"][0]["queued"], json!(3));
    assert_eq!(note["suspended"][0]["by"], json!("sender"));
    assert_eq!(note["senders"], json!(1));
    let kinds: Vec<&str> =
        note["alerts"].as_array().unwrap().iter().map(|alert| alert["kind"].as_str().unwrap()).collect();
    assert!(
        kinds.contains(&"suspension") && kinds.contains(&"paused"),
        "{kinds:?}: the note tells what is new"
    );
    let decided = note["decisions"].as_array().unwrap();
    assert!(
        decided.iter().any(|each| each["action"] == json!("pause") && each["name"] == json!("hello")),
        "{note}"
    );
    let text = acme.db.run(&["handover"]).done().stdout;
    for line in
        ["Suspended numbers", "number suspended, 131031: account locked", "hello is paused: 3 of 5 failed"]
    {
        assert!(text.contains(line), "{line:?} in {text}");
    }
    let full = phone(90_000_000);
    assert!(
        !text.contains(full.reveal()) && !note.to_string().contains(full.reveal()),
        "a phone in full: {text}"
    );
    assert!(text.contains(&full.masked()), "{text}");
}

#[tokio::test]
async fn a_new_doubt_after_an_old_one_is_told_anew() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    let messages = acme.claim(0, campaign, 3).await.messages;
    let doubt = async |nth: usize| {
        acme.settle(messages[nth].attempt, "in_doubt", "doubt").await;
        acme.alter(
            "update attempts set in_doubt_since = in_doubt_since - interval '31 minutes'
                     where in_doubt_since > clock_timestamp() - interval '30 minutes'",
        )
        .await;
    };
    let resolve = async |nth: usize| {
        let verdict = signalbox::domain::action::Verdict::Sent;
        acme.done(Action::ResolveAttempt { attempt: messages[nth].attempt, verdict }).await;
    };
    doubt(0).await;
    assert_eq!(acme.raise().await, 1);
    acme.db.json(&["alert", "ack", "--all"]);
    doubt(1).await;
    assert_eq!(acme.raise().await, 0, "there are doubts still");
    resolve(0).await;
    assert_eq!(acme.raise().await, 0, "the oldest is settled, and there are doubts still");
    resolve(1).await;
    assert_eq!(acme.raise().await, 0);
    doubt(2).await;
    assert_eq!(acme.raise().await, 1, "another one, of the same day");
    assert_eq!(acme.told(false), [lasting("doubts", "warning")]);
}

#[tokio::test]
async fn a_limit_that_is_changed_is_another_one() {
    let acme = Acme::with_numbers(&[Some(60), None]).await;
    let send = async |count: usize| {
        for _ in 0..count {
            sqlx::query("select increment_message_count($1)")
                .bind(acme.numbers[0].0)
                .execute(&acme.db.pool)
                .await
                .unwrap();
        }
    };
    let limit = |most: &str| {
        acme.db.run(&["number", "edit", phone(90_000_000).reveal(), "--daily-limit", most]).done();
    };
    let near = || {
        let note = acme.db.json(&["handover"]);
        let words = |limit: &Value| limit["words"].as_str().unwrap().to_owned();
        note["limits"].as_array().unwrap().iter().map(words).collect::<Vec<_>>()
    };
    send(59).await;
    assert_eq!(acme.raise().await, 1);
    acme.db.json(&["alert", "ack", "--all"]);
    let first = "number 0 has sent 59 of its 60 messages of the day (95 %)";
    assert_eq!(near(), [first], "what lasts is for the next shift, whoever has taken note of it");
    limit("1000");
    assert_eq!(acme.raise().await, 0);
    assert_eq!(near(), Vec::<String>::new());
    limit("62");
    assert_eq!(acme.raise().await, 1, "it is near a limit that nobody was told of");
    assert_eq!(near(), ["number 0 has sent 59 of its 62 messages of the day (95 %)"]);
    limit("60");
    assert_eq!(acme.raise().await, 0, "of that they were told");
    assert_eq!(near(), [first]);
    limit("40");
    assert_eq!(acme.raise().await, 1);
    assert_eq!(near(), ["number 0 has sent 59 of its 40 messages of the day: the limit is reached"]);
}

#[tokio::test]
async fn failures_and_blocks_are_told_each_when_they_begin() {
    let acme = Acme::new().await;
    acme.alter(
        "update number_vitals set tried = 100, failed = 20, failed_warned_at = clock_timestamp()
                   where number_id = (select id from whatsapp_numbers order by priority limit 1)",
    )
    .await;
    assert_eq!(acme.raise().await, 1);
    acme.alter(
        "update number_vitals set blocked = 5, blocked_warned_at = clock_timestamp() where failed > 0",
    )
    .await;
    assert_eq!(acme.raise().await, 1, "people block it, too");
    acme.alter("update number_vitals set failed = 0, failed_warned_at = null where blocked > 0").await;
    assert_eq!(acme.raise().await, 0, "of the blocks they were told");
    let lasts: Vec<String> = sqlx::query_scalar("select words from alerts where ended_at is null")
        .fetch_all(&acme.db.pool)
        .await
        .unwrap();
    assert_eq!(lasts, ["number 0 is at risk: after 100 messages 5 people blocked it or asked for no more"]);
    acme.db.json(&["alert", "ack", "--all"]);
    let note = acme.db.json(&["handover"]);
    assert_eq!((&note["alerts"], note["lasting"].as_array().unwrap().len()), (&json!([]), 1), "{note}");
}

#[tokio::test]
async fn a_channel_that_wants_a_report_at_no_time_is_told_so() {
    let acme = Acme::new().await;
    let add = [
        "alert",
        "channel",
        "add",
        "hook",
        "--webhook",
        "https://hooks.example.com/x",
        "--daily-report",
        "true",
    ];
    assert!(acme.db.json(&add)["note"].as_str().unwrap().contains("alert rules --report-at"));
    let edit = ["alert", "channel", "edit", "hook", "--least", "critical"];
    let said = acme.db.run(&edit).done().stdout;
    assert!(said.contains("changed channel hook") && said.contains("alert rules --report-at"), "{said}");
    let listed = acme.db.run(&["alert", "channel", "list"]).done().stdout;
    assert!(listed.contains("yes, but no time is set"), "{listed}");
    let found = acme.db.run(&["doctor"]).stdout;
    assert!(found.contains("hook wants the report of the day"), "{found}");
    acme.db.run(&["alert", "rules", "--report-at", "07:30"]).done();
    assert_eq!(acme.db.json(&edit)["note"], json!(null));
    let listed = acme.db.run(&["alert", "channel", "list"]).done().stdout;
    assert!(!listed.contains("no time"), "{listed}");
    let found = acme.db.run(&["doctor"]).stdout;
    assert!(!found.contains("wants the report"), "{found}");
}
