//! Who did what, to what, when and why: every decision is listed with its change, and found by any of it.

use crate::support::acme::{Acme, HELLO};
use serde_json::{Value, json};
use signalbox::domain::action::{Action, Order};

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
