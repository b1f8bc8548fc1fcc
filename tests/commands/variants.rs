//! Steps that say several things: who gets which, frozen for good, and how they compare.

use crate::support::acme::{Acme, phone};
use signalbox::{
    domain::{action::Action, content::variant, ids::RecipientId},
    store::receipt::NewInbound,
};
use std::collections::BTreeMap;
use uuid::Uuid;

const SPLIT: &str = "name = \"split\"
opt_out_line = false
[[steps]]
[[steps.variants]]
weight = 2
text = { en = \"Hello {{name}}\" }
[[steps.variants]]
name = \"short\"
text = { en = \"Hi {{name}}\" }
";

#[tokio::test]
async fn everybody_gets_the_variant_that_the_program_and_the_database_draw_alike() {
    let acme = Acme::new().await;
    acme.contacts(90).await;
    let (db, folder) = (&acme.db, tempfile::tempdir().unwrap());
    let write = |text: &str| {
        let path = folder.path().join("split.toml");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    };
    assert_eq!(db.json(&["campaign", "check", &write(SPLIT)])["ok"], true);
    db.run(&["campaign", "create", &write(SPLIT)]).done();
    let shown = db.json(&["campaign", "show", "split"]);
    assert_eq!(
        shown["variants"],
        serde_json::json!([{"name": "a", "weight": 2}, {"name": "short", "weight": 1}])
    );
    let drawn: Vec<(Uuid, String, i32)> = sqlx::query_as(
        "select id, phone::text, variant_of(id, 3, '{0,2}') from campaign_recipients order by id",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(drawn.len(), 90);
    let mut of_each = BTreeMap::new();
    for (id, phone, place) in &drawn {
        let own = variant::place_of(RecipientId(*id), [2, 1]);
        assert_eq!(own + 1, usize::try_from(*place).unwrap(), "{id}");
        *of_each.entry(own).or_insert(0) += 1;
        let preview = db.json(&["campaign", "preview", "split", "--phone", phone])[0]["messages"][0].clone();
        let (name, begins) = if own == 0 { ("a", "Hello Ana") } else { ("short", "Hi Ana") };
        assert_eq!(preview["variant"], name, "{preview}");
        assert!(preview["text"].as_str().unwrap().starts_with(begins), "{preview}");
        if of_each.values().sum::<i32>() >= 20 && of_each.len() == 2 {
            break;
        }
    }
    assert_eq!(of_each.len(), 2, "both are drawn: {of_each:?}");

    the_proof_names_it(&acme, &drawn).await;

    let update = |text: &str| db.run(&["campaign", "update", "split", &write(text)]);
    update(&SPLIT.replace("weight = 2", "weight = 3")).refused(3, "names and weights stay as they are");
    update(&SPLIT.replace("\"short\"", "\"tiny\"")).refused(3, "names and weights stay as they are");
    let plain = "name = \"split\"\nopt_out_line = false\n[[steps]]\ntext = { en = \"Hello\" }\n";
    update(plain).refused(3, "names and weights stay as they are");
    update(&SPLIT.replace("Hi {{name}}", "Hey {{name}}")).done();
    let said: Vec<String> = sqlx::query_scalar(
        "select v.said -> 'texts' -> 0 ->> 'text' from campaign_steps s cross join sayings(s) v order by v.place",
    )
    .fetch_all(&db.pool)
    .await
    .unwrap();
    assert_eq!(said, ["Hello {{name}}", "Hey {{name}}"]);

    db.run(&["campaign", "test", "split", "+237699999999", "--variant", "long"])
        .refused(3, "step 1 of campaign split has no variant \"long\"");
    db.run(&["campaign", "test", "split", "+237699999999", "--as", phone(0).reveal(), "--variant", "short"])
        .done();
    let tested: String = db
        .value(
            "select texts -> 0 ->> 'text' from campaign_steps s join campaigns c on c.id = s.campaign_id
                 where c.conduct ? 'test_of'",
        )
        .await;
    assert_eq!(tested, "Hey {{name}}");
}

/// The export, the history of a person and what the console tells of them name the variant that the database draws.
async fn the_proof_names_it(acme: &Acme, drawn: &[(Uuid, String, i32)]) {
    let db = &acme.db;
    let names = |place: i32| if place == 1 { "a" } else { "short" };
    let exported = db.json(&["campaign", "export", "split"]);
    let found: Vec<(&str, &str)> = exported
        .as_array()
        .unwrap()
        .iter()
        .map(|row| (row["phone"].as_str().unwrap(), row["variant"].as_str().unwrap()))
        .collect();
    let expected: Vec<(&str, &str)> =
        drawn.iter().map(|(_, phone, place)| (phone.as_str(), names(*place))).collect();
    assert_eq!(found, expected);
    let csv = db.run(&["campaign", "export", "split"]).done().stdout;
    assert!(csv.lines().next().unwrap().ends_with(",variant"), "{csv}");
    assert!(csv.lines().nth(1).unwrap().ends_with(&format!(",{}", names(drawn[0].2))), "{csv}");
    let seat = db.store.seat(acme.organization, None).await.unwrap();
    for place in [1, 2] {
        let (id, phone, _) = drawn.iter().find(|(_, _, each)| *each == place).unwrap();
        let history = db.json(&["contact", "history", phone]);
        assert_eq!(history[0]["variant"], names(place), "{history}");
        let detail = db.store.recipient_detail(&seat, RecipientId(*id), &[]).await.unwrap();
        assert_eq!(detail.variant.as_deref(), Some(names(place)));
    }
}

#[tokio::test]
async fn variants_are_compared_by_what_became_of_their_people() {
    let acme = Acme::new().await;
    acme.contacts(40).await;
    let db = &acme.db;
    let campaign = acme.campaign(SPLIT).await;
    acme.done(Action::StartCampaign(campaign)).await;
    let messages = acme.claim(0, campaign, 30).await.messages;
    // For each variant: sent, failed, replied, opted out.
    let mut expected = BTreeMap::from([("a", [0_i64; 4]), ("short", [0; 4])]);
    for (nth, message) in messages.iter().enumerate() {
        let own = variant::place_of(message.recipient, [2, 1]);
        let counts = expected.get_mut(if own == 0 { "a" } else { "short" }).unwrap();
        if nth % 5 == 0 {
            acme.settle(message.attempt, "rejected", "fail").await;
            counts[1] += 1;
            continue;
        }
        acme.settle(message.attempt, "accepted", "advance").await;
        counts[0] += 1;
        if nth % 5 < 3 {
            let stops = nth % 5 == 1;
            counts[if stops { 3 } else { 2 }] += 1;
            let heard = NewInbound {
                account: acme.account,
                sender_id: Some("0".to_owned()),
                sender_phone: None,
                phone: Some(message.phone.clone()),
                from_id: None,
                profile: None,
                message: format!("in.{nth}"),
                kind: "text".to_owned(),
                body: if stops { "STOP" } else { "thanks" }.to_owned(),
                consent: stops.then_some(signalbox::domain::consent::Consent::Stop),
                answers: None,
                at: None,
                thread: None,
                handled: false,
            };
            db.store.hear(acme.organization, &[heard]).await.unwrap();
        }
    }
    let stats = db.json(&["campaign", "stats", "split"]);
    let variants = stats["variants"].as_array().unwrap();
    assert_eq!(variants.len(), 2);
    let sum = |key: &str| variants.iter().map(|each| each[key].as_i64().unwrap()).sum::<i64>();
    assert_eq!(
        (sum("people"), sum("failed")),
        (stats["planned"].as_i64().unwrap(), stats["failed"].as_i64().unwrap())
    );
    for each in variants {
        let found = ["sent", "failed", "replied", "opted_out"].map(|key| each[key].as_i64().unwrap());
        assert_eq!(found, expected[each["name"].as_str().unwrap()], "{each}");
    }
    let said: Vec<&str> = stats["comparison"]
        .as_array()
        .unwrap()
        .iter()
        .map(|each| each["sentence"].as_str().unwrap())
        .collect();
    assert!(said.len() == 4 && said[0].starts_with("read: "), "{said:?}");
    assert!(said[0].ends_with("too few messages to tell"), "{said:?}");
    let text = db.run(&["campaign", "stats", "split"]).done().stdout;
    assert!(text.contains("VARIANT") && text.contains("too few messages to tell"), "{text}");
    let seat = db.store.seat(acme.organization, None).await.unwrap();
    let detail = db.store.campaign_detail(&seat, campaign).await.unwrap();
    let signalbox::store::view::Variants::Compared(figures, _) = detail.variants else {
        panic!("{:?}", detail.variants)
    };
    assert_eq!(figures.len(), 2, "the console shows the same");
    let plain = acme.running().await;
    let stats = db.json(&["campaign", "stats", "hello"]);
    assert_eq!((&stats["variants"], &stats["comparison"]), (&serde_json::json!([]), &serde_json::json!([])));
    assert_ne!(plain, campaign);
    db.assert_invariants().await;
}
