//! Slots: given at enrolment, kept, shared only when all are held, changed by hand, in the database as in the model.

use crate::support::{
    Db,
    acme::{ANA, Acme, phone},
};
use serde_json::{Value, json};
use signalbox::domain::{action::Action, ids::CampaignId, slot::Book};
use std::{collections::BTreeMap, fmt::Write};

/// A campaign of its own for these people; with slots of its own or those of everybody.
fn file(name: &str, people: &[usize], own: bool) -> String {
    let mut phones = String::new();
    for nth in people {
        let _ = write!(phones, "\"{}\",", phone(*nth).reveal());
    }
    let slots = if own { "slots = \"campaign\"\n" } else { "" };
    format!(
        "name = \"{name}\"\n{slots}[audience]\nphones = [{phones}]\n[[steps]]\ntext = {{ en = \"You are {{{{campaign_number}}}}\" }}\n"
    )
}

impl Acme {
    async fn slots(&self) -> BTreeMap<usize, (u16, bool)> {
        let rows: Vec<(String, i32, bool)> = sqlx::query_as(
            "select k.phone::text, s.slot, s.shared from contact_slots s join contacts k on k.id = s.contact_id",
        )
        .fetch_all(&self.db.pool)
        .await
        .unwrap();
        rows.into_iter()
            .map(|(phone, slot, shared)| {
                (phone[5..].parse().unwrap(), (u16::try_from(slot).unwrap(), shared))
            })
            .collect()
    }

    /// What is frozen for a campaign's people, by phone.
    async fn frozen(&self, campaign: CampaignId) -> Vec<String> {
        sqlx::query_scalar(
            "select p.parameters ->> 'campaign_number' from recipient_parameters p
              where p.campaign_id = $1 order by p.recipient_id",
        )
        .bind(campaign.0)
        .fetch_all(&self.db.pool)
        .await
        .unwrap()
    }
}

/// Numbers that look random, the same every time.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    *state >> 33
}

#[tokio::test]
async fn the_database_gives_what_the_model_gives() {
    const DAY: u64 = 1_000;
    let acme = Acme::new().await;
    acme.contacts(24).await;
    let (range, expiry) = ("1-9".parse().unwrap(), 5);
    acme.db
        .store
        .edit_slot_rules(acme.organization, Some(range), Some(Some(expiry)), None, ANA)
        .await
        .unwrap();
    let mut book = Book::new(range, Some(u64::from(expiry) * DAY));
    let (mut random, mut now, mut given) = (20_251_127, 0, 0);
    for round in 0..30 {
        let days = next(&mut random) % 3;
        now += days * DAY + 1;
        sqlx::query("update contact_slots set used_at = used_at - make_interval(days => $1::integer)")
            .bind(i32::try_from(days).unwrap())
            .execute(&acme.db.pool)
            .await
            .unwrap();
        let people: Vec<usize> = (0..24).filter(|_| next(&mut random).is_multiple_of(5)).collect();
        if people.is_empty() {
            continue;
        }
        let campaign = acme.campaign(&file(&format!("round-{round}"), &people, false)).await;
        let anew = book.give(&people, now);
        let held: BTreeMap<usize, (u16, bool)> =
            book.held().iter().map(|(person, holding)| (*person, (holding.slot, holding.shared))).collect();
        assert_eq!(acme.slots().await, held, "round {round}");
        let shown: Vec<String> = people.iter().map(|person| held[person].0.to_string()).collect();
        assert_eq!(acme.frozen(campaign).await, shown, "round {round}: what the messages say");
        let counted = acme.db.store.slots_given(acme.organization, campaign).await.unwrap();
        assert_eq!(usize::try_from(counted).unwrap(), anew, "round {round}");
        given += anew;
        // Ended: its messages hold no slot any more.
        sqlx::query(
            "update campaigns set state = 'cancelled', finished_at = clock_timestamp() where id = $1",
        )
        .bind(campaign.0)
        .execute(&acme.db.pool)
        .await
        .unwrap();
    }
    assert!(given > 40, "the history wraps and expires: {given}");
}

#[tokio::test]
async fn two_enrolments_at_once_never_give_one_slot_twice() {
    let acme = Acme::new().await;
    acme.contacts(24).await;
    let mut first_come = acme.db.pool.begin().await.unwrap();
    sqlx::query("select pg_advisory_xact_lock(slot_queue($1))")
        .bind(acme.organization.0)
        .execute(&mut *first_come)
        .await
        .unwrap();
    let (evens, odds): (Vec<usize>, Vec<usize>) = (0..24).partition(|nth| nth % 2 == 0);
    let (evens, odds) = (file("evens", &evens, false), file("odds", &odds, false));
    let go = async {
        crate::support::until("both wait", || async { acme.db.waiting().await == 2 }).await;
        first_come.commit().await.unwrap();
    };
    tokio::join!(acme.campaign(&evens), acme.campaign(&odds), go);
    let mut slots: Vec<u16> = acme.slots().await.values().map(|(slot, _)| *slot).collect();
    slots.sort_unstable();
    assert_eq!(slots, (1..=24).collect::<Vec<u16>>());
}

#[tokio::test]
async fn a_campaign_may_have_slots_of_its_own() {
    let acme = Acme::new().await;
    acme.contacts(4).await;
    let everybody = acme.campaign(&file("all", &[0, 1, 2, 3], false)).await;
    let own = acme.campaign(&file("own", &[2, 3], true)).await;
    assert_eq!(acme.frozen(everybody).await, ["1", "2", "3", "4"]);
    assert_eq!(acme.frozen(own).await, ["1", "2"], "they begin anew");
    let db = &acme.db;
    assert_eq!(db.json(&["slot", "list", "--campaign", "own"])["people"], 2);
    db.run(&["slot", "list", "--campaign", "all"]).refused(3, "has no slots of its own");
    db.run(&["slot", "set", phone(2).reveal(), "30", "--campaign", "own"]).done();
    assert_eq!(acme.frozen(own).await, ["30", "2"]);
    assert_eq!(acme.frozen(everybody).await, ["1", "2", "3", "4"], "the others are left alone");
    let view: Vec<(i32, Option<String>)> = sqlx::query_as(
        "select campaign_number, campaign from contact_numbers where phone = $1 order by campaign nulls first",
    )
    .bind(phone(2).reveal())
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(view, [(3, None), (30, Some("own".to_owned()))]);
}

#[tokio::test]
async fn who_has_which_number_is_seen_and_changed() {
    let db = Db::new().await;
    db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
    db.run_with(
        &["contact", "import", "-"],
        b"phone,name\n+237611111111,Ana\n+237611111112,Ben\n+237611111113,Cho\n",
    )
    .done();
    let folder = tempfile::tempdir().unwrap();
    let create = |name: &str| {
        let path = folder.path().join(name);
        let text =
            format!("name = \"{name}\"\n[[steps]]\ntext = {{ en = \"You are {{{{campaign_number}}}}\" }}\n");
        std::fs::write(&path, text).unwrap();
        db.json(&["campaign", "create", path.to_str().unwrap()])
    };
    db.run(&["org", "edit", "--slots", "0-3"]).refused(2, "such as 1-30");
    db.run(&["org", "edit", "--slots", "5-7", "--slot-expiry-days", "90"]).done();
    assert_eq!(create("one")["slots_given"], 3);
    assert_eq!(create("two")["slots_given"], 0, "who has one keeps it");
    let preview = db.json(&["campaign", "preview", "two", "--phone", "+237611111112"]);
    assert_eq!(preview[0]["state"], "queued", "{preview}");
    let list = db.json(&["slot", "list"]);
    let held: Vec<(&Value, &Value)> =
        list["slots"].as_array().unwrap().iter().map(|row| (&row["slot"], &row["name"])).collect();
    assert_eq!(held, [(&json!(5), &json!("Ana")), (&json!(6), &json!("Ben")), (&json!(7), &json!("Cho"))]);
    assert_eq!((&list["free"], &list["shared"], &list["expiry_days"]), (&json!(0), &json!(0), &json!(90)));

    db.run(&["slot", "set", "+237611111111", "6"]).refused(3, "+237611111112 has this slot");
    db.run(&["slot", "set", "+237611111111", "8"]).refused(3, "the slots are 5-7");
    db.run(&["slot", "release", "+237611111112"]).refused(3, "still to be sent shows this slot");
    db.run(&["slot", "set", "+237699999999", "6"]).refused(1, "there is no such contact");
    let reset = db.json(&["slot", "reset", "--dry-run"]);
    assert_eq!(reset, json!({"released": 0, "kept": 3, "dry_run": true}));
    for name in ["one", "two"] {
        db.run(&["campaign", "cancel", name]).done();
    }
    db.run(&["slot", "release", "+237611111112", "--reason", "left"]).done();
    db.run(&["slot", "show", "+237611111112"]).refused(1, "has no slot");
    db.run(&["slot", "set", "+237611111111", "6"]).done();
    assert_eq!(db.json(&["slot", "show", "+237611111111"])["slot"], 6);
    db.run(&["org", "edit", "--slots", "1-6"]).refused(3, "1 people hold slots outside of this range");
    assert_eq!(db.json(&["slot", "reset", "--dry-run"])["released"], 2);
    assert_eq!(db.json(&["slot", "list"])["people"], 2, "a dry run changes nothing");
    assert_eq!(db.json(&["slot", "reset", "--reason", "new year"])["released"], 2);
    db.run(&["org", "edit", "--slots", "1-6", "--slot-expiry-days", "none"]).done();
    let said: Vec<String> = sqlx::query_scalar(
        "select format('%s %s: %s', action, entity_name, reason) from audit_log where action ~ 'slot' order by at",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(
        said,
        [
            "give slots one: 3 people got a slot",
            "release slot +237611111112: left",
            "set slot +237611111111: no reason given",
            "reset slots acme: new year",
        ]
    );
}

/// Whoever has a message on the wire shows the new slot with the next one: the old one may be somebody else's by then.
#[tokio::test]
async fn a_slot_that_changes_while_a_message_is_on_the_wire_is_shown_from_the_next_one_on() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let file = "name = \"own\"\n[[steps]]\ntext = { en = \"You are {{campaign_number}}\" }\n
                [[steps]]\nafter = \"1d\"\ntext = { en = \"Still {{campaign_number}}\" }\n";
    let campaign = acme.campaign(file).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let attempt = acme.claim(0, campaign, 1).await.messages[0].attempt;
    assert_eq!(acme.frozen(campaign).await, ["1"]);
    acme.db.run(&["slot", "set", phone(0).reveal(), "7"]).done();
    acme.settle(attempt, "accepted", "advance").await;
    assert_eq!(acme.frozen(campaign).await, ["7"]);
    acme.db.assert_invariants().await;
}

/// While nothing was to be sent to them, their slot may have gone to somebody else: who is tried again or taken back shows
/// the one that they hold then.
#[tokio::test]
async fn no_two_people_show_one_slot_when_some_are_tried_again_or_taken_back() {
    let acme = Acme::new().await;
    acme.contacts(5).await;
    let campaign = acme.campaign(&file("one", &[0, 1, 2, 3], false)).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let messages = acme.claim(0, campaign, 3).await.messages;
    for message in &messages {
        acme.settle(message.attempt, "rejected", "fail").await;
    }
    let last: uuid::Uuid = acme.db.value("select id from campaign_recipients where state = 'queued'").await;
    acme.done(Action::ExcludeRecipient(last.into())).await;
    assert_eq!(acme.db.json(&["slot", "reset", "--reason", "a new year"])["released"], 4);
    let other = acme.campaign(&file("two", &[4], false)).await;
    assert_eq!(acme.frozen(other).await, ["1"]);
    // The third keeps what it holds: an operator gave it back.
    acme.db.run(&["slot", "set", phone(2).reveal(), "3"]).done();
    acme.done(Action::RetryRecipient(messages[0].recipient)).await;
    assert_eq!(acme.db.json(&["campaign", "retry", "one"])["retried"], 2);
    acme.db.run(&["campaign", "reinclude", "one", "--reason", "excluded_by_operator"]).done();
    assert_eq!(acme.frozen(campaign).await, ["2", "4", "3", "5"]);
    let held: BTreeMap<usize, u16> =
        acme.slots().await.into_iter().map(|(who, (slot, _))| (who, slot)).collect();
    assert_eq!(held, BTreeMap::from([(0, 2), (1, 4), (2, 3), (3, 5), (4, 1)]));
    acme.db.assert_invariants().await;
}
