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
        .value("select coalesce(nullif(name, ''), masked(phone::text)) from whatsapp_numbers order by id limit 1")
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
