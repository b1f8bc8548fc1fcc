//! Who did what, to what, when and why: every decision is listed with its change, and found by any of it.

use crate::support::acme::{Acme, HELLO};
use serde_json::{Value, json};
use signalbox::domain::action::{Action, Order};

/// Anybody may sign with any name: the login stands beside it, and finds what it signed.
#[tokio::test]
async fn the_login_stands_beside_another_name_and_a_shown_phone_has_a_name() {
    let acme = Acme::new().await;
    let (number, priority) = (acme.numbers[0], 77);
    acme.done(Action::SetPriority { number, priority }).await;
    let login: String = acme.db.value("select session_user::text").await;
    let shown = acme.db.run(&["audit", "list", "--kind", "set priority"]).done().stdout;
    assert!(shown.contains(&format!("ana, logged in as {login}")), "{shown}");
    for actor in ["ana", login.as_str()] {
        let found = acme.db.json(&["audit", "list", "--kind", "set priority", "--actor", actor]);
        assert_eq!(found.as_array().unwrap().len(), 1, "{actor}: {found}");
    }
    let organization = acme.db.store.organizations(None).await.unwrap()[0].id;
    let seat = acme.db.store.seat(organization, None).await.unwrap();
    acme.db.store.record_reveal(&seat, "ana", "number", number.0).await.unwrap();
    let entry = acme.db.json(&["audit", "list", "--kind", "reveal phone"])[0].clone();
    let name: String = acme
        .db
        .value(
            "select coalesce(nullif(n.display_name, ''), masked(n.phone::text)) from whatsapp_numbers n
               join audit_log a on a.entity_id = n.id and a.action = 'reveal phone'",
        )
        .await;
    assert_eq!((&entry["subject"], &entry["reason"]), (&json!(name), &json!("shown in full for 30 s")));
}

#[tokio::test]
async fn decisions_are_listed_with_what_they_changed_and_found_by_every_filter() {
    let acme = Acme::new().await;
    let campaign = acme.campaign(HELLO).await;
    acme.done(Action::StartCampaign(campaign)).await;
    acme.order(&Order::whole(Action::PauseCampaign(campaign)).because("out of stock")).await;
    let (number, priority) = (acme.numbers[0], 77);
    acme.done(Action::SetPriority { number, priority }).await;
    let list = |more: &[&str]| acme.db.json(&[&["audit", "list"], more].concat());
    let actions = |more: &[&str]| -> Vec<String> {
        let listed = list(more);
        listed.as_array().unwrap().iter().map(|one| one["action"].as_str().unwrap().to_owned()).collect()
    };
    let newest = &list(&["--limit", "1"])[0];
    assert_eq!((&newest["action"], &newest["actor"]), (&json!("set priority"), &json!("ana")), "{newest}");
    assert_eq!((&newest["before"]["priority"], &newest["after"]["priority"]), (&json!(10), &json!(77)));
    let paused = list(&["--text", "OUT OF stock"]);
    assert_eq!(paused.as_array().map(Vec::len), Some(1), "{paused}");
    let paused = &paused[0];
    assert_eq!(
        (&paused["subject"], &paused["reason"], &paused["before"]["state"], &paused["after"]["state"]),
        (&json!("hello"), &json!("out of stock"), &json!("active"), &json!("paused")),
    );
    assert_eq!(actions(&["--kind", "pause campaign"]), ["pause campaign"]);
    assert_eq!(actions(&["--subject", "hello"]), ["pause campaign", "launch campaign", "create campaign"]);
    assert_eq!(actions(&["--subject", &campaign.to_string(), "--kind", "number"]), [""; 0]);
    assert!(
        actions(&["--kind", "number"])
            .iter()
            .all(|action| action.contains("number") || action.contains("priority"))
    );
    assert_eq!(actions(&["--actor", "nobody"]), [""; 0]);
    assert_eq!(actions(&["--until", "2020-01-01T00:00"]), [""; 0]);
    assert_eq!(actions(&["--since", "2099-01-01T00:00"]), [""; 0]);
    let all = list(&["--since", "2020-01-01T00:00", "--until", "2099-01-01T00:00"]);
    let times: Vec<&Value> = all.as_array().unwrap().iter().map(|one| &one["at"]).collect();
    assert!(times.len() >= 5 && times.is_sorted_by(|one, next| one.as_str() >= next.as_str()), "{times:?}");
    let shown = acme.db.run(&["audit", "list", "--kind", "campaign"]).done().stdout;
    assert!(shown.contains("state: active -> paused") && shown.contains("out of stock"), "{shown}");
}

#[tokio::test]
async fn decisions_are_taken_back_by_their_id_unless_somebody_decided_since() {
    let acme = Acme::new().await;
    acme.campaign(HELLO).await;
    let latest = |kind: &str| -> String {
        let listed = acme.db.json(&["audit", "list", "--kind", kind, "--limit", "1"]);
        listed[0]["id"].as_str().unwrap_or_else(|| panic!("{listed}")).to_owned()
    };
    let undo = |id: &str| acme.db.run(&["audit", "undo", id, "--reason", "a mistake"]);
    let pool = || acme.db.json(&["pool", "list"])[0].clone();
    let before = pool();
    let phone = before["numbers"][0].as_str().unwrap().to_owned();

    // A pool: how it picks, and who is in it with which share.
    let name = before["name"].as_str().unwrap();
    acme.db.run(&["pool", "edit", name, "--weight", &format!("{phone}=7")]).done();
    let first = latest("edit pool");
    acme.db.run(&["pool", "edit", name, "--strategy", "weighted", "--drop", &phone]).done();
    assert_ne!(pool()["numbers"], before["numbers"]);
    // Its members were decided about since: the first one stands until the second is taken back.
    let stands = undo(&first);
    assert!(stands.stderr.contains("decided about it since"), "{stands:?}");
    undo(&latest("edit pool")).done();
    let after = pool();
    assert_eq!((&after["strategy"], &after["numbers"]), (&before["strategy"], &before["numbers"]));
    assert_eq!(after["weights"][0], 7);

    // The organisation, and by what its alerts go.
    acme.db.run(&["org", "edit", "--daily-limit", "77"]).done();
    undo(&latest("edit organization")).done();
    let limit: Option<i32> =
        sqlx::query_scalar("select daily_limit from organizations").fetch_one(&acme.db.pool).await.unwrap();
    assert_ne!(limit, Some(77));
    acme.db.run(&["alert", "rules", "--quiet", "22:00-07:00", "--credential-days", "60"]).done();
    let rules = latest("edit alert rules");
    undo(&rules).done();
    let rules_now = acme.db.json(&["alert", "rules"]);
    assert!(rules_now["quiet_from"].is_null() && rules_now["credential_days"] != 60, "{rules_now}");
    let log = acme.db.json(&["audit", "list", "--kind", "edit alert rules", "--limit", "1"]);
    assert_eq!(log[0]["reason"], "a mistake");

    // A number, and what nothing takes back.
    let was = acme.db.json(&["number", "list"])[0].clone();
    let phone = was["phone"].as_str().unwrap();
    acme.db
        .run(&["number", "edit", phone, "--priority", "42", "--monthly-cost", "3", "--currency", "EUR"])
        .done();
    undo(&latest("edit number")).done();
    let now = acme.db.json(&["number", "list"])[0].clone();
    assert_eq!((&now["priority"], &now["monthly_cost"]), (&was["priority"], &was["monthly_cost"]));
    let made = undo(&latest("create campaign"));
    assert!(made.stderr.contains("no undo: "), "{made:?}");
    let nothing = undo("00000000-0000-0000-0000-000000000000");
    assert!(nothing.stderr.contains("there is no such decision"), "{nothing:?}");
}
