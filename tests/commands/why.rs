//! `why`: the gates in order, the one that binds, and when it opens.

use crate::support::acme::{Acme, HELLO, phone};
use serde_json::{Value, json};
use signalbox::domain::action::Action;

const FIRST: &str = "+237690000000";
const SECOND: &str = "+237690000001";

/// The names of the gates, and of these the closed ones.
fn gates(answer: &Value) -> (Vec<&str>, Vec<&str>) {
    let gates = answer["gates"].as_array().unwrap();
    let names = |closed: bool| {
        let these = gates.iter().filter(move |gate| !closed || gate["open"] == false);
        these.map(|gate| gate["name"].as_str().unwrap()).collect()
    };
    (names(false), names(true))
}

/// The one gate that is marked.
fn binding(answer: &Value) -> Option<&str> {
    let gates = answer["gates"].as_array().unwrap();
    let marked: Vec<&Value> = gates.iter().filter(|gate| gate["binds"] == true).collect();
    assert!(marked.len() < 2, "{answer}");
    assert_eq!(answer["binding"], marked.first().map_or(Value::Null, |gate| (*gate).clone()));
    assert_eq!(answer["binding"]["hold"], answer["hold"]);
    assert_eq!(answer["binding"]["until"], answer["hold_until"]);
    marked.first().map(|gate| gate["name"].as_str().unwrap())
}

impl Acme {
    fn why_number(&self, phone: &str) -> Value {
        self.db.json(&["number", "why", phone])
    }

    fn why_campaign(&self) -> Value {
        self.db.json(&["campaign", "why", "hello"])
    }

    fn why_contact(&self, nth: usize) -> Value {
        self.db.json(&["contact", "why", phone(nth).reveal(), "--campaign", "hello"])
    }

    async fn execute(&self, sql: &'static str) {
        sqlx::raw_sql(sql).execute(&self.db.pool).await.unwrap();
    }
}

#[tokio::test]
async fn what_may_go_says_that_nothing_holds_it() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    acme.running().await;
    let number = acme.why_number(FIRST);
    assert_eq!((binding(&number), &number["hold_until"]), (None, &Value::Null));
    assert_eq!(number["sentence"], "nothing holds it: it sends with the next claim");
    assert_eq!(number["campaigns"], json!([{ "name": "hello", "queued": 3, "bound_only": false }]));
    let (asked, closed) = gates(&number);
    assert_eq!(
        asked,
        [
            "stop switch",
            "sender",
            "pool",
            "number",
            "breaker",
            "lease",
            "organisation cap",
            "account cap",
            "number cap",
            "pace"
        ]
    );
    assert_eq!(closed, [""; 0]);
    let campaign = acme.why_campaign();
    assert_eq!(
        (binding(&campaign), &campaign["sentence"]),
        (None, &json!("nothing holds it: it goes on with the next claim"))
    );
    let contact = acme.why_contact(2);
    assert_eq!(
        (binding(&contact), &contact["state"], &contact["sentence"]),
        (None, &json!("queued"), &json!("nothing holds it: it goes with the next claim"))
    );
    assert_eq!(
        gates(&contact).0[..8],
        ["campaign", "stop switch", "subscription", "sender", "consent", "doubt", "due time", "window"]
    );
}

#[tokio::test]
async fn the_full_number_waits_for_midnight_and_so_does_what_only_it_could_carry() {
    let acme = Acme::with_numbers(&[Some(2)]).await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    for message in acme.claim(0, campaign, 2).await.messages {
        acme.settle(message.attempt, "accepted", "advance").await;
    }
    let sentence = "cap reached, opens at midnight Africa/Douala";
    for answer in [acme.why_number(FIRST), acme.why_campaign(), acme.why_contact(2)] {
        assert_eq!((binding(&answer), &answer["sentence"]), (Some("number cap"), &json!(sentence)));
        let until: chrono::DateTime<chrono::Utc> = answer["hold_until"].as_str().unwrap().parse().unwrap();
        let local = until.with_timezone(&chrono_tz::Africa::Douala);
        assert_eq!(local.format("%H:%M:%S").to_string(), "00:00:00");
        assert!(until > chrono::Utc::now() && until < chrono::Utc::now() + chrono::TimeDelta::hours(25));
    }
    let numbers = &acme.why_campaign()["numbers"];
    assert_eq!((&numbers[0]["takes_part"], &numbers[0]["hold"]), (&json!("first"), &json!("cap_reached")));
    let text = acme.db.run(&["number", "why", FIRST]).done().stdout;
    assert!(text.starts_with(&format!("number {FIRST}: {sentence}\n")), "{text}");
    let marked: Vec<&str> = text.lines().filter(|line| line.starts_with('>')).collect();
    assert!(marked.len() == 1 && marked[0].contains("number cap") && marked[0].contains("CLOSED"), "{text}");
}

#[tokio::test]
async fn the_first_closed_gate_binds_and_the_others_are_shown() {
    let acme = Acme::with_numbers(&[Some(1)]).await;
    acme.contacts(2).await;
    let campaign = acme.running().await;
    acme.claim(0, campaign, 1).await;
    acme.execute("update number_pacing set next_send_at = clock_timestamp() + interval '1 hour'").await;
    let closed = |acme: &Acme| {
        let answer = acme.why_number(FIRST);
        let (_, closed) = gates(&answer);
        assert_eq!(binding(&answer), closed.first().copied(), "{answer}");
        closed.join(", ")
    };
    assert_eq!(closed(&acme), "number cap, pace");
    acme.execute("update number_leases set expires_at = 'epoch'").await;
    assert_eq!(closed(&acme), "lease, number cap, pace");
    acme.db.run(&["number", "suspend", FIRST, "--reason", "blocked by many"]).done();
    assert_eq!(closed(&acme), "number, lease, number cap, pace");
    let sentence = &acme.why_number(FIRST)["sentence"];
    assert_eq!(sentence, "number suspended, until somebody resumes it: blocked by many");
    acme.execute("update instances set seen_at = seen_at - interval '1 hour'").await;
    assert_eq!(closed(&acme), "sender, number, number cap, pace", "nobody sends: that says it of the lease");
    acme.done(Action::StopAll).await;
    assert_eq!(closed(&acme), "stop switch, sender, number, number cap, pace");
    acme.done(Action::PauseCampaign(campaign)).await;
    let answer = acme.why_campaign();
    assert_eq!((binding(&answer), &answer["hold"]), (Some("campaign"), &json!("campaign_paused")));
    assert_eq!(answer["sentence"], "campaign paused by ana, until somebody resumes it: a test");
}

#[tokio::test]
async fn a_campaign_says_where_in_its_life_it_is() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let campaign = acme.campaign(HELLO).await;
    assert_eq!(acme.why_campaign()["hold"], "campaign_draft");
    acme.db.run(&["campaign", "schedule", "hello", "--at", "2199-12-01T09:00"]).done();
    let scheduled = acme.why_campaign();
    assert_eq!(
        (&scheduled["hold"], &scheduled["hold_until"]),
        (&json!("campaign_scheduled"), &json!("2199-12-01T08:00:00Z"))
    );
    assert_eq!(scheduled["sentence"], "the campaign starts at 2199-12-01 09:00 Africa/Douala");
    assert_eq!(acme.why_contact(0)["hold"], "campaign_scheduled", "who is in it waits for the same");
    acme.done(Action::StartCampaign(campaign)).await;
    assert_eq!(acme.why_campaign()["hold"], Value::Null);
    acme.claim(0, campaign, 1).await;
    assert_eq!(acme.why_campaign()["sentence"], "nothing waits: nobody is queued, 1 on the wire");
    acme.done(Action::CancelCampaign(campaign)).await;
    assert_eq!(acme.why_campaign()["sentence"], "the campaign is cancelled");
    acme.db.run(&["campaign", "why", "nobody"]).refused(1, "there is no campaign");
}

#[tokio::test]
async fn a_campaign_without_a_number_in_service_says_so_and_one_at_its_own_cap_too() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    acme.execute("update campaigns set daily_limit = 1").await;
    acme.claim(0, campaign, 1).await;
    let answer = acme.why_campaign();
    assert_eq!(
        (binding(&answer), &answer["sentence"]),
        (Some("campaign cap"), &json!("campaign cap reached, opens at midnight Africa/Douala"))
    );
    for number in [FIRST, SECOND] {
        acme.db.run(&["number", "disable", number]).done();
    }
    let answer = acme.why_campaign();
    assert_eq!((binding(&answer), gates(&answer).1), (Some("pool"), vec!["pool", "campaign cap"]));
    assert_eq!(
        answer["sentence"],
        "no number of pool default is in service and the organisation has no default number"
    );
}

#[tokio::test]
async fn a_backup_says_which_number_goes_first_until_it_does_itself() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    acme.running().await;
    let backup = acme.why_number(SECOND);
    assert_eq!((binding(&backup), &backup["sentence"]), (Some("pool"), &json!("number number 0 goes first")));
    let part = |acme: &Acme| {
        let numbers = &acme.why_campaign()["numbers"];
        [numbers[0]["takes_part"].clone(), numbers[1]["takes_part"].clone()]
    };
    assert_eq!(part(&acme), ["first", "no"]);
    acme.db.run(&["number", "suspend", FIRST, "--reason", "rest"]).done();
    assert_eq!(acme.why_number(SECOND)["hold"], Value::Null);
    assert_eq!(part(&acme), ["no", "first"]);
    assert_eq!(acme.why_campaign()["hold"], Value::Null, "the backup steps in");
}

#[tokio::test]
async fn a_campaign_that_goes_second_says_that_it_gives_way() {
    let acme = Acme::with_numbers(&[Some(5)]).await;
    acme.contacts(20).await;
    acme.running().await;
    let urgent = acme.campaign(&HELLO.replace("\"hello\"", "\"urgent\"\npriority = 1")).await;
    acme.done(Action::StartCampaign(urgent)).await;
    let answer = acme.why_campaign();
    assert_eq!((binding(&answer), &answer["hold"]), (Some("share"), &json!("gives_way")));
    assert_eq!(acme.db.json(&["campaign", "why", "urgent"])["hold"], Value::Null);
}

#[tokio::test]
async fn a_person_says_what_only_this_person_waits_for() {
    let acme = Acme::with_numbers(&[None]).await;
    acme.contacts(5).await;
    let campaign = acme.running().await;
    let messages = acme.claim(0, campaign, 4).await.messages;
    acme.settle(messages[0].attempt, "accepted", "advance").await;
    acme.settle(messages[1].attempt, "in_doubt", "doubt").await;
    acme.settle(messages[2].attempt, "rejected", "retry").await;
    acme.execute(
        "update campaign_recipients set due_at = '2199-12-01T08:00:00Z', reason = 'transient: 131000'
          where due_at is not null",
    )
    .await;
    let said = |nth: usize| {
        let answer = acme.why_contact(nth);
        (binding(&answer).map(str::to_owned), answer["sentence"].as_str().unwrap().to_owned())
    };
    assert_eq!(said(0), (None, "nothing waits: it is accepted".into()));
    let (gate, doubt) = said(1);
    assert_eq!(gate.as_deref(), Some("doubt"));
    assert!(doubt.starts_with("in doubt since ") && doubt.ends_with("operator's verdict"), "{doubt}");
    let retry = "tried without success (transient: 131000), again at 2199-12-01 09:00 Africa/Douala";
    assert_eq!(said(2), (Some("due time".into()), retry.into()));
    assert_eq!(acme.why_contact(2)["hold_until"], "2199-12-01T08:00:00Z");
    assert_eq!(said(3), (None, "nothing holds it: it is on the wire, and its answer decides".into()));
    assert_eq!(said(4), (None, "nothing holds it: it goes with the next claim".into()));
    acme.db.run(&["contact", "opt-out", phone(4).reveal(), "--reason", "asked"]).done();
    assert_eq!(said(4), (None, "nothing waits: it is skipped (opted out)".into()));
    assert_eq!(acme.why_campaign()["hold"], "not_due", "only the retry is left");
    acme.db
        .run(&["contact", "why", "+237677777777", "--campaign", "hello"])
        .refused(1, "+237677777777 is no contact of acme");
}

#[tokio::test]
async fn what_is_bound_to_a_number_waits_for_that_one_unless_others_take_it_over() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    acme.running().await;
    acme.execute(
        "update campaign_recipients r set due_at = clock_timestamp(),
                bound_number_id = (select id from whatsapp_numbers where priority = 20)",
    )
    .await;
    acme.execute(
        "update number_pacing set next_send_at = clock_timestamp() + interval '1 hour'
          where number_id = (select id from whatsapp_numbers where priority = 20)",
    )
    .await;
    let answer = acme.why_contact(0);
    assert_eq!((binding(&answer), &answer["number"]), (Some("pace"), &json!("number 1")));
    acme.db.run(&["number", "suspend", SECOND, "--reason", "rest"]).done();
    assert_eq!(acme.why_contact(0)["hold"], Value::Null, "the first takes it over");
    acme.execute("update campaigns set failover = 'never'").await;
    assert_eq!(acme.why_contact(0)["hold"], "number_suspended", "it may not leave its number");
}

/// While an edited delay is being carried over, nobody who waits for their time is claimed: why says so, as the list does.
#[tokio::test]
async fn a_delay_that_is_being_carried_over_holds_those_who_wait_for_their_time() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let course = format!("{HELLO}[[steps]]\nafter = \"1d\"\ntext = {{ en = \"Again\" }}\n");
    let campaign = acme.campaign(&course).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let first = acme.claim(0, campaign, 1).await.messages.remove(0).attempt;
    acme.settle(first, "accepted", "advance").await;
    acme.execute(
        "update campaign_recipients set due_at = due_at - interval '2 days' where due_at is not null;
         insert into due_shifts (organization_id, campaign_id, step, old_seconds, revision)
         select organization_id, id, 2, 86400, revision from campaigns",
    )
    .await;
    let listed = || acme.db.json(&["campaign", "stats", "hello"])["hold"].clone();
    assert_eq!((binding(&acme.why_campaign()), listed()), (None, Value::Null), "somebody has their turn yet");
    let second = acme.claim(0, campaign, 5).await.messages.remove(0).attempt;
    acme.settle(second, "accepted", "advance").await;
    assert_eq!(
        acme.claim(0, campaign, 5).await.messages,
        [],
        "they are due, and not known for certain to be"
    );
    let why = acme.why_campaign();
    assert_eq!((binding(&why), &why["hold"]), (Some("due time"), &json!("times_change")));
    let says = "the delay of a step was edited: those who wait are being moved to their new times";
    assert_eq!(why["sentence"], says);
    assert_eq!(listed(), json!("times_change"));
    acme.execute("delete from due_shifts").await;
    assert_eq!(acme.why_campaign()["hold"], Value::Null);
    assert_eq!(acme.claim(0, campaign, 5).await.messages.len(), 1);
}
