//! Editing the steps of a campaign that runs, from its file.

use crate::support::acme::{ANA, Acme, HELLO, phone};
use serde_json::json;
use signalbox::{
    domain::{
        action::Action,
        campaign::{CampaignFile, Context},
        ids::{AttemptId, CampaignId, ReceiptId},
    },
    store::{action::ActionResult, attempt::Next, receipt::JudgedReceipt},
};
use std::time::Duration;

const COURSE: &str = "name = \"course\"
opt_out_line = false
[[steps]]
text = { en = \"First\" }
[[steps]]
after = \"1d\"
text = { en = \"Second {{name}}\" }
";

#[tokio::test]
async fn who_waits_gets_the_new_version_at_its_new_time_with_what_it_needs() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |text: &str| {
        let path = folder.path().join("course.toml");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let db = &acme.db;
    db.run_with(
        &["contact", "import", "-"],
        format!("phone,city\n{},Douala\n", phone(0).reveal()).as_bytes(),
    )
    .done();
    let campaign = acme.campaign(COURSE).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let messages = acme.claim(0, campaign, 2).await.messages;
    acme.settle(messages[0].attempt, "accepted", "advance").await;
    assert_eq!(messages[0].edition, 2);

    let update = |text: &str| {
        let file = write(text);
        db.run(&["campaign", "update", "course", &file, "--reason", "better"])
    };
    update(&COURSE.replace("\"course\"", "\"other\""))
        .refused(3, "is the file of campaign other, not of course");
    update(&format!("{COURSE}[[steps]]\nafter = \"1d\"\ntext = {{ en = \"Third\" }}\n"))
        .refused(3, "another number of steps");
    update(
        &COURSE.replace(
            "[[steps]]\ntext = { en = \"First\"",
            "[[steps]]\nafter = \"1h\"\ntext = { en = \"First\"",
        ),
    )
    .refused(3, "the delay of the first step cannot change");
    let same = update(COURSE).done();
    assert!(same.stdout.contains("nothing to do"), "{}", same.stdout);

    let better = COURSE
        .replace("\"1d\"", "\"3d\"")
        .replace("Second {{name}}", "Now {{name}} of {{city|town}}, {{campaign_number}}");
    let run = update(&better.replace("[[steps]]\ntext", "priority = 5\n[[steps]]\ntext")).done();
    assert!(run.stderr.contains("priority stays as it is"), "{}", run.stderr);
    let waiting: Vec<(i64, serde_json::Value)> = sqlx::query_as(
        "select extract(epoch from r.due_at - a.finished_at)::bigint, p.parameters
           from campaign_recipients r join recipient_parameters p on p.recipient_id = r.id
           join attempts a on a.recipient_id = r.id and a.state = 'accepted' where r.step = 2",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(waiting, [(3 * 86_400, json!({"name": "Ana 0", "city": "Douala", "campaign_number": "1"}))]);
    let versions: Vec<(i16, i32)> = sqlx::query_as("select step, version from campaign_steps order by step")
        .fetch_all(&db.pool)
        .await
        .unwrap();
    assert_eq!(versions, [(1, 1), (2, 2)], "only what changed has a new version");
    // On the wire when it was edited: it keeps what it says, and its next step is the new one.
    acme.settle(messages[1].attempt, "accepted", "advance").await;
    assert_eq!(acme.claim(0, campaign, 1).await.messages[0].edition, 3);
    let attempt = db.json(&["attempt", "show", &messages[1].attempt.to_string()]);
    assert_eq!(attempt["step_version"], 1, "{attempt}");
    let said: Vec<String> = acme.log(campaign.0).await;
    assert!(said.iter().any(|line| line.ends_with(": edit steps (better)")), "{said:?}");
    acme.done(Action::CancelCampaign(campaign)).await;
    update(COURSE).refused(3, "course is cancelled");
    db.assert_invariants().await;
}

/// What an edit asks for is frozen for those too who may be tried again or taken back.
#[tokio::test]
async fn whoever_failed_before_an_edit_is_tried_again_with_what_it_needs() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let folder = tempfile::tempdir().unwrap();
    let db = &acme.db;
    let rows = "phone,city\n+237600000000,Douala\n+237600000001,Garoua\n+237600000002,Buea\n";
    db.run_with(&["contact", "import", "-"], rows.as_bytes()).done();
    let campaign = acme.campaign(COURSE).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let messages = acme.claim(0, campaign, 2).await.messages;
    for message in &messages {
        acme.settle(message.attempt, "rejected", "fail").await;
    }
    let mut waiting: Vec<uuid::Uuid> =
        sqlx::query_scalar("select id from campaign_recipients where state = 'queued'")
            .fetch_all(&db.pool)
            .await
            .unwrap();
    acme.done(Action::ExcludeRecipient(waiting.remove(0).into())).await;
    let path = folder.path().join("course.toml");
    std::fs::write(&path, COURSE.replace("First", "First {{city}} {{campaign_number}}")).unwrap();
    db.run(&["campaign", "update", "course", path.to_str().unwrap(), "--reason", "better"]).done();
    acme.done(Action::RetryRecipient(messages[0].recipient)).await;
    assert_eq!(db.json(&["campaign", "retry", "course"])["retried"], 1);
    assert_eq!(
        db.json(&["campaign", "reinclude", "course", "--reason", "excluded_by_operator"])["included"],
        1
    );
    let mut said: Vec<serde_json::Value> = acme
        .claim(0, campaign, 5)
        .await
        .messages
        .iter()
        .map(|one| serde_json::from_str(one.parameters.as_deref().unwrap()).unwrap())
        .collect();
    said.sort_by_key(|one: &serde_json::Value| one["name"].to_string());
    let of = |nth: u32, city: &str| json!({ "name": format!("Ana {nth}"), "city": city, "campaign_number": (nth + 1).to_string() });
    assert_eq!(said, [of(0, "Douala"), of(1, "Garoua"), of(2, "Buea")]);
    db.assert_invariants().await;
}

/// What was accepted before an edit and is reported as failed after it shows what the edit brought when it is tried again.
#[tokio::test]
async fn what_is_reported_as_failed_after_an_edit_is_tried_again_with_what_it_needs() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let folder = tempfile::tempdir().unwrap();
    let db = &acme.db;
    db.run_with(&["contact", "import", "-"], b"phone,city\n+237600000000,Douala\n").done();
    let once = COURSE.split("[[steps]]\nafter").next().unwrap();
    let campaign = acme.campaign(once).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let message = acme.claim(0, campaign, 1).await.messages.remove(0);
    acme.settle(message.attempt, "accepted", "advance").await;
    let path = folder.path().join("course.toml");
    std::fs::write(&path, once.replace("First", "First {{city}} {{campaign_number}}")).unwrap();
    db.run(&["campaign", "update", "course", path.to_str().unwrap(), "--reason", "better"]).done();
    // As its report does.
    for sql in [
        "update attempts set state = 'undelivered', live = false, class = 'recipient_invalid', blame = 'recipient'",
        "update campaign_recipients set state = 'failed', attention = 'failed', reason = 'recipient_invalid'",
    ] {
        sqlx::query(sql).execute(&db.pool).await.unwrap();
    }
    assert_eq!(db.json(&["campaign", "retry", "course"])["retried"], 1);
    let again = acme.claim(0, campaign, 1).await.messages.remove(0);
    let said: serde_json::Value = serde_json::from_str(again.parameters.as_deref().unwrap()).unwrap();
    assert_eq!(said, json!({ "city": "Douala", "campaign_number": "1" }));
}

/// Who is on the wire while an edit brings slots, or was accepted and is reported as failed later, comes to a step that shows
/// one without anybody's word.
#[tokio::test]
async fn whoever_is_queued_again_by_itself_after_an_edit_has_the_slot_that_it_brought() {
    let acme = Acme::new().await;
    acme.contacts(5).await;
    let db = &acme.db;
    let folder = tempfile::tempdir().unwrap();
    let update = |name: &str, text: &str| {
        let path = folder.path().join("edited.toml");
        std::fs::write(&path, text).unwrap();
        db.run(&["campaign", "update", name, path.to_str().unwrap(), "--reason", "better"]).done();
    };
    let shown = async |campaign: CampaignId| -> Vec<Option<String>> {
        sqlx::query_scalar(
            "select parameters ->> 'campaign_number' from recipient_parameters where campaign_id = $1 order by recipient_id",
        )
        .bind(campaign.0)
        .fetch_all(&db.pool)
        .await
        .unwrap()
    };
    let course = acme.campaign(COURSE).await;
    acme.done(Action::StartCampaign(course)).await;
    let on_the_wire = acme.claim(0, course, 4).await.messages;
    acme.settle(on_the_wire[2].attempt, "in_doubt", "doubt").await;
    acme.settle(on_the_wire[3].attempt, "not_sent", "fail").await;
    update("course", &COURSE.replace("Second", "{{campaign_number}}"));
    acme.settle(on_the_wire[0].attempt, "accepted", "advance").await;
    acme.settle(on_the_wire[1].attempt, "not_sent", "retry").await;
    acme.settle(on_the_wire[2].attempt, "accepted", "advance").await;
    // Its provider says after all that it took it: the next step follows.
    acme.settle(on_the_wire[3].attempt, "accepted", "advance").await;
    assert_eq!(acme.states(course).await, ["queued"; 5]);
    let each = |slot: u16| Some(slot.to_string());
    assert_eq!(shown(course).await, (1..=5).map(each).collect::<Vec<_>>());

    let once = COURSE.split("[[steps]]\nafter").next().unwrap().replace("\"course\"", "\"once\"");
    let once = format!("slots = \"campaign\"\n{once}");
    let campaign = acme.campaign(&once).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let messages = acme.claim(0, campaign, 5).await.messages;
    for message in &messages {
        acme.settle(message.attempt, "accepted", "advance").await;
    }
    update("once", &once.replace("First", "First {{campaign_number}}"));
    assert_eq!(shown(campaign).await, [None, None, None, None, None], "there is nothing to show");
    for message in &messages[..2] {
        acme.reported_as_failed(message.attempt).await;
    }
    assert_eq!(acme.states(campaign).await, ["queued", "queued", "accepted", "accepted", "accepted"]);
    assert_eq!(shown(campaign).await, [each(1), each(2), None, None, None]);
    assert_eq!(acme.claim(0, campaign, 5).await.messages.len(), 2);
    db.assert_invariants().await;
}

impl Acme {
    /// The provider reports a message as failed that it had taken, in a way that lets it be tried again at once.
    async fn reported_as_failed(&self, attempt: AttemptId) {
        let receipt = ReceiptId::new();
        sqlx::query(
            "insert into receipts (organization_id, id, account_id, reference, delivery, class, blame)
             values ($1, $2, $3, $4, 'failed', 'transient', 'provider')",
        )
        .bind(self.organization.0)
        .bind(receipt.0)
        .bind(self.account.0)
        .bind(attempt.0)
        .execute(&self.db.pool)
        .await
        .unwrap();
        let judged = JudgedReceipt {
            id: receipt,
            attempt,
            next: Some(Next::Retry(Duration::ZERO)),
            reason: Some("a test".to_owned()),
        };
        self.db.store.apply_receipts(self.organization, &[judged], None).await.unwrap();
    }
}

#[tokio::test]
async fn a_test_goes_to_the_chosen_phone_with_somebody_s_values_and_counts() {
    let acme = Acme::with_numbers(&[Some(5)]).await;
    acme.contacts(2).await;
    let db = &acme.db;
    let campaign = acme.campaign(COURSE).await;
    let (mine, ana) = ("+237699999999", phone(0));
    db.run(&["campaign", "test", "course", mine, "--step", "3"]).refused(3, "campaign course has no step 3");
    db.run(&["campaign", "test", "course", mine, "--as", "+237699999998"]).refused(3, "there is no contact");
    let test = db.json(&["campaign", "test", "course", mine, "--as", ana.reveal(), "--step", "2"]);
    assert_eq!(test["test"], "course.test.1");
    let reason: String = db.value("select reason from audit_log where action = 'start test'").await;
    assert_eq!(reason, "step 2 of course to +2376*****999");
    // A text with a hole would be sent to nobody.
    let holed = db.run(&["campaign", "test", "course", mine, "--step", "2"]);
    holed.refused(3, "+237699999999 has no value for {{name}}, which step 2 of the campaign needs");
    assert_eq!(db.json(&["campaign", "test", "course", mine])["test"], "course.test.2");
    let ids: Vec<uuid::Uuid> =
        sqlx::query_scalar("select id from campaigns where conduct ->> 'test_of' = $1::text order by name")
            .bind(campaign.0.to_string())
            .fetch_all(&db.pool)
            .await
            .unwrap();
    let claimed = acme.claim(0, ids[0].into(), 5).await.messages;
    assert_eq!(claimed.len(), 1);
    assert_eq!((claimed[0].phone.reveal(), claimed[0].step), (mine, 1));
    assert_eq!(claimed[0].parameters.as_deref(), Some("{\"name\": \"Ana 0\"}"));
    acme.settle(claimed[0].attempt, "accepted", "advance").await;
    let used: i32 = db.value("select reserved from quota_usage where scope = 'number'").await;
    assert_eq!(used, 1, "it counts");
    assert_eq!(acme.states(campaign).await, ["queued", "queued"], "the campaign itself is as it was");
    db.run(&["contact", "opt-out", mine, "--reason", "enough"]).done();
    db.run(&["campaign", "test", "course", mine]).refused(3, "asked not to be written to");
    db.assert_invariants().await;
}

#[tokio::test]
async fn a_test_is_no_campaign_to_suppress_for_or_to_yield_to() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let (db, mine) = (&acme.db, "+237699999999");
    let campaign = acme.campaign(COURSE).await;
    db.run(&["org", "edit", "--suppress-after-unanswered", "3", "--suppress-after-failures", "3"]).done();
    for (state, next) in [("accepted", "advance"); 3].into_iter().chain([("rejected", "fail"); 3]) {
        let name = db.json(&["campaign", "test", "course", mine])["test"].as_str().unwrap().to_owned();
        let other = sqlx::query_scalar::<_, Option<String>>(
            "select yields_to(id, '{\"after\": \"1h\", \"every\": \"1h\"}') from organizations",
        );
        assert_eq!(other.fetch_one(&db.pool).await.unwrap(), None, "an open test holds nobody up");
        let test = db.store.campaigns(acme.organization, Some(&name)).await.unwrap().remove(0).id;
        let attempt = acme.claim(0, test, 1).await.messages[0].attempt;
        acme.settle(attempt, state, next).await;
    }
    sqlx::query(
        "update attempts set class = 'recipient_invalid', blame = 'recipient' where state = 'rejected'",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    sqlx::query("update campaign_recipients set updated_at = updated_at - interval '4 days'")
        .execute(&db.pool)
        .await
        .unwrap();
    let patience = std::time::Duration::from_hours(72);
    let suppressed = db.store.suppress_by_rule(acme.organization, patience, None, 100).await.unwrap();
    assert_eq!(suppressed, 0, "whoever tests answers nothing");
    acme.done(Action::StartCampaign(campaign)).await;
    let yields: Option<String> =
        db.value("select yields_to(id, '{\"after\": \"1h\", \"every\": \"1h\"}') from organizations").await;
    assert_eq!(yields.as_deref(), Some("course"));
}

#[tokio::test]
async fn texts_that_others_said_lately_are_noted() {
    let acme = Acme::new().await;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("again.toml");
    let words = "Dear {{name|friend}}, come and see our shop in the main street, it opens on Monday at nine";
    let file =
        |name: &str, words: &str| format!("name = \"{name}\"\n[[steps]]\ntext = {{ en = \"{words}\" }}\n");
    acme.campaign(&file("shop", words)).await;
    let notes = |words: &str| {
        std::fs::write(&path, file("again", words)).unwrap();
        let checked = acme.db.json(&["campaign", "check", path.to_str().unwrap()]);
        checked["notes"]
            .as_array()
            .unwrap()
            .iter()
            .map(|note| note["sentence"].to_string())
            .filter(|note| note.contains("nearly the same"))
            .collect::<Vec<_>>()
    };
    let found = notes(&words.replace("Dear", "Hello"));
    assert!(found.len() == 1 && found[0].contains("nearly the same as step 1 of campaign shop"), "{found:?}");
    assert_eq!(notes("Your parcel is on its way, {{name|friend}}"), Vec::<String>::new());
}

#[tokio::test]
async fn steps_without_a_text_say_what_the_organisation_s_steps_say() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let db = &acme.db;
    let usual = "name = \"usual\"\n[[steps]]\ntext = { en = \"One\", fr = \"Un\" }\n[[steps]]\nafter = \"1d\"\ntext = { en = \"Two\" }\n";
    let short = "name = \"short\"\nopt_out_line = false\n[[steps]]\n[[steps]]\nafter = \"1d\"\ntext = { en = \"Mine\" }\n";
    let file = write("short.toml", short);
    db.run(&["campaign", "check", &file]).refused(1, "steps[0].text is missing");
    db.run(&["campaign", "defaults", &write("usual.toml", usual), "--reason", "seven days"]).done();
    db.run(&["campaign", "create", &file]).done();
    let said: Vec<String> = sqlx::query_scalar(
        "select t ->> 'text' from campaign_steps s, jsonb_array_elements(s.texts) t order by s.step, 1",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(said, ["One", "Un", "Mine"]);
}

#[tokio::test]
async fn what_was_sent_is_told_word_for_word_whatever_was_edited_later() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let folder = tempfile::tempdir().unwrap();
    let db = &acme.db;
    let course = "name = \"course\"\nopt_out_line = false\n[[steps]]\ntext = { en = \"First for {{name}}, day {{day}}\" }\n\
                  [[steps]]\nafter = \"1d\"\ntext = { en = \"Second, day {{day}}\" }\n";
    let campaign = acme.campaign(course).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let first = acme.claim(0, campaign, 1).await.messages.remove(0);
    acme.settle(first.attempt, "accepted", "advance").await;
    let update = |text: &str| {
        let path = folder.path().join("course.toml");
        std::fs::write(&path, text).unwrap();
        db.run(&["campaign", "update", "course", path.to_str().unwrap(), "--reason", "better"]).done();
    };
    update(&course.replace("First for", "Then for").replace("1d", "3d"));
    let second = acme.claim(0, campaign, 1).await.messages.remove(0);
    acme.settle(second.attempt, "rejected", "fail").await;
    // Neither a later edit nor another name changes what was said.
    update(&course.replace("First for", "Last for"));
    sqlx::query("update contacts set name = 'Bea'").execute(&db.pool).await.unwrap();

    let of = |nth: usize| db.json(&["contact", "history", phone(nth).reveal()])[0]["messages"].clone();
    let told = of(0);
    assert_eq!(told.as_array().unwrap().len(), 1, "{told}");
    assert_eq!(told[0]["text"], "First for Ana 0, day 1");
    assert_eq!((&told[0]["version"], &told[0]["state"]), (&json!(1), &json!("accepted")));
    assert_eq!(of(1)[0]["text"], "Then for Ana 1, day 1");
    assert_eq!((&of(1)[0]["version"], &of(1)[0]["state"]), (&json!(2), &json!("rejected")));
    assert_eq!(of(2), json!([]), "who was sent nothing was told nothing");
    let shown = db.run(&["contact", "history", phone(1).reveal()]).done().stdout;
    assert!(shown.contains("1 (version 2)") && shown.contains("Then for Ana 1, day 1"), "{shown}");
    assert_eq!(db.json(&["attempt", "show", &second.attempt.to_string()])["said"], "Then for Ana 1, day 1");

    let rows = db.json(&["campaign", "export", "course", "--texts"]);
    let said: Vec<&serde_json::Value> = rows.as_array().unwrap().iter().map(|row| &row["said"]).collect();
    assert_eq!(said, [&json!("First for Ana 0, day 1"), &json!("Then for Ana 1, day 1"), &json!(null)]);
    let csv = db.run(&["campaign", "export", "course", "--texts"]).done().stdout;
    assert!(csv.lines().next().unwrap().ends_with(",variant,said"), "{csv}");
    assert!(db.json(&["campaign", "export", "course"])[0]["said"].is_null());

    // The second step went out while it was three days after the first: its day is the one it had then.
    update(&course.replace("1d", "3d"));
    sqlx::query("update campaign_recipients set due_at = clock_timestamp() where step = 2")
        .execute(&db.pool)
        .await
        .unwrap();
    let later = acme.claim(0, campaign, 1).await.messages.remove(0);
    assert_eq!((later.recipient, later.step), (first.recipient, 2));
    acme.settle(later.attempt, "accepted", "advance").await;
    update(&course.replace("1d", "9d"));
    let words: Vec<String> =
        of(0).as_array().unwrap().iter().map(|each| each["text"].as_str().unwrap().to_owned()).collect();
    assert_eq!(words, ["First for Ana 0, day 1", "Second, day 4"]);
}

/// Edits a campaign so that it says the city, and lets something happen while the edit waits for the values of somebody.
async fn edit_during(acme: &Acme, campaign: CampaignId, toml: &str, during: impl AsyncFnOnce()) {
    let values = "select from recipient_parameters where campaign_id = $1 for update";
    edit_while_held(acme, campaign, toml, values, during).await;
}

/// The same while the edit waits for what a statement holds.
async fn edit_while_held(
    acme: &Acme,
    campaign: CampaignId,
    toml: &str,
    statement: &'static str,
    during: impl AsyncFnOnce(),
) {
    let mut held = acme.db.pool.begin().await.unwrap();
    sqlx::query(statement).bind(campaign.0).execute(&mut *held).await.unwrap();
    let (store, organization, toml) =
        (acme.db.store.clone(), acme.organization, toml.replace("Hi", "Hi {{city|you}} {{campaign_number}}"));
    let edit = tokio::spawn(async move {
        let spec = CampaignFile::parse(&toml, "x", &Context::in_zone(chrono_tz::Africa::Douala)).unwrap();
        store.edit_steps(organization, campaign, &spec, &toml, None, ANA).await.unwrap()
    });
    acme.db.until_somebody_waits().await;
    during().await;
    held.commit().await.unwrap();
    let answer = edit.await.unwrap();
    assert!(matches!(answer, ActionResult::Done { .. }), "{answer:?}");
    let cities: Vec<Option<String>> = sqlx::query_scalar(
        "select parameters ->> 'city' from recipient_parameters where campaign_id = $1 order by recipient_id",
    )
    .bind(campaign.0)
    .fetch_all(&acme.db.pool)
    .await
    .unwrap();
    assert_eq!(cities, [Some("Douala".to_owned()), Some("Douala".to_owned())]);
    let without: i64 = acme
        .db
        .value(
            "select count(*) from campaign_recipients r join recipient_parameters p on p.recipient_id = r.id
              where r.state = 'queued' and not p.parameters ? 'campaign_number' and p.parameters ? 'city'",
        )
        .await;
    assert_eq!(without, 0, "nobody who waits is without a slot");
    acme.db.assert_invariants().await;
}

/// What new texts ask for is frozen before anybody has to wait: of very many people that takes long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_edit_keeps_no_decision_waiting_and_misses_nobody_who_comes_meanwhile() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let other = acme.campaign(HELLO).await;
    acme.done(Action::StartCampaign(other)).await;
    let in_town = "update contacts set attributes = '{\"city\": \"Douala\"}', created_at = created_at - interval '2 hours'";
    sqlx::query(in_town).execute(&acme.db.pool).await.unwrap();
    let (first, second) = (phone(0), phone(1));
    acme.db.run(&["contact", "opt-out", second.reveal(), "--reason", "enough"]).done();
    let once = "name = \"once\"\nopt_out_line = false\n[[steps]]\ntext = { en = \"Hi\" }\n";
    let campaign = acme.campaign(once).await;
    acme.db.run(&["contact", "opt-in", second.reveal()]).done();
    edit_during(&acme, campaign, once, async || {
        acme.done(Action::PauseCampaign(other)).await;
        acme.db.run(&["campaign", "reinclude", "once", "--phone", second.reveal()]).done();
    })
    .await;
    let again = once.replace("\"once\"", "\"again\"");
    let campaign = acme.campaign(&again).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let messages = acme.claim(0, campaign, 2).await.messages;
    acme.settle(messages[0].attempt, "rejected", "fail").await;
    acme.settle(messages[1].attempt, "accepted", "advance").await;
    // Everybody's values are frozen by then, and only the edit itself is left.
    let itself = "select from campaigns where id = $1 for key share";
    edit_while_held(&acme, campaign, &again, itself, async || {
        acme.done(Action::RetryRecipient(messages[0].recipient)).await;
    })
    .await;
    assert_eq!(acme.states(campaign).await, ["queued", "accepted"]);

    let standing = once.replace("\"once\"", "\"default\"\nstanding = { after = \"1h\", every = \"1m\" }");
    acme.db.run(&["contact", "opt-out", first.reveal(), "--reason", "enough"]).done();
    let campaign = acme.campaign(&standing).await;
    acme.done(Action::StartCampaign(campaign)).await;
    acme.db.run(&["contact", "opt-in", first.reveal()]).done();
    edit_during(&acme, campaign, &standing, async || {
        assert_eq!(acme.db.store.enrol_standing(acme.organization, None).await.unwrap(), 1);
    })
    .await;
}

/// While an edit of a delay is being carried over, nothing goes out that waits for its time; what was interrupted is gone on
/// with, and nobody is moved twice.
#[tokio::test]
async fn a_changed_delay_is_carried_over_before_anybody_is_sent_to() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let db = &acme.db;
    let campaign = acme.campaign(COURSE).await;
    acme.done(Action::StartCampaign(campaign)).await;
    for message in acme.claim(0, campaign, 3).await.messages {
        acme.settle(message.attempt, "accepted", "advance").await;
    }
    let ago = async |days: i32| {
        sqlx::query(
            "update campaign_recipients set due_at = due_at - make_interval(days => $1),
                                            updated_at = updated_at - make_interval(days => $1)",
        )
        .bind(days)
        .execute(&db.pool)
        .await
        .unwrap();
        sqlx::query("update attempts set finished_at = finished_at - make_interval(days => $1)")
            .bind(days)
            .execute(&db.pool)
            .await
            .unwrap();
    };
    let waits = async || -> Vec<i32> {
        sqlx::query_scalar(
            "select (extract(epoch from due_at - updated_at) / 86400)::integer from campaign_recipients order by id",
        )
        .fetch_all(&db.pool)
        .await
        .unwrap()
    };
    ago(2).await;
    // As far as an edit from one day to three that was interrupted after its first piece: everybody was due.
    let edit = "update campaign_steps set after_seconds = 3 * 86400, version = version + 1 where step = 2";
    sqlx::raw_sql(edit).execute(&db.pool).await.unwrap();
    sqlx::query(
        "insert into due_shifts (organization_id, campaign_id, step, old_seconds, revision, touched_at)
         select organization_id, id, 2, 86400, revision, now() - interval '2 minutes' from campaigns",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    let piece = "select shift_due(organization_id, id, revision, '00000000-0000-0000-0000-000000000000', 1) is not null
                   from campaigns";
    let goes_on: bool = sqlx::query_scalar(piece).fetch_one(&db.pool).await.unwrap();
    assert!(goes_on);
    assert_eq!(waits().await, [3, 1, 1]);
    assert_eq!(acme.claim(0, campaign, 3).await.messages, [], "two of them would be early");
    sqlx::raw_sql("update due_shifts set touched_at = now() - interval '2 minutes'")
        .execute(&db.pool)
        .await
        .unwrap();
    assert!(db.store.carry_over_left_behind(acme.organization).await.unwrap());
    assert_eq!(waits().await, [3, 3, 3]);
    assert!(!db.store.carry_over_left_behind(acme.organization).await.unwrap());
    assert_eq!(acme.claim(0, campaign, 3).await.messages, []);
    // Shorter again, by the command: they are due, and get it once.
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("course.toml");
    std::fs::write(&path, COURSE.replace("1d", "2d")).unwrap();
    db.run(&["campaign", "update", "course", path.to_str().unwrap(), "--reason", "sooner"]).done();
    assert_eq!(waits().await, [2, 2, 2]);
    assert_eq!(acme.claim(0, campaign, 5).await.messages.len(), 3);
    db.assert_invariants().await;
}
