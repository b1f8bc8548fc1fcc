//! Who has which number, for other programs.

use crate::place::{Ask, Place};
use serde_json::{Value, json};

fn person(nth: usize) -> String {
    format!("+2376700{nth:05}")
}

#[tokio::test(flavor = "multi_thread")]
async fn who_has_which_number_is_read_page_by_page_set_released_and_reset() {
    let place = Place::open("0").await;
    place.import(5);
    let set = |nth: usize, slot: usize| {
        Ask::new("PUT", "/v1/slots")
            .json(&json!({ "phone": person(nth), "slot": slot, "reason": "asked for it" }))
    };
    for nth in 0..5 {
        place.ask("manager", set(nth, nth + 1)).is(200);
    }
    // A viewer looks, and gives nobody a number.
    place.ask("viewer", set(0, 9)).is(403);
    let held = place.ask("manager", set(0, 2)).is(409);
    assert!(held["detail"].as_str().unwrap().contains("has this slot"), "{held}");

    let (mut all, mut address) = (Vec::new(), "/v1/slots?limit=2".to_owned());
    let pages = loop {
        let page = place.ask("viewer", Ask::get(&address)).is(200);
        assert_eq!(page["summary"]["people"], 5, "{page}");
        all.push(page["items"].as_array().unwrap().clone());
        match page["next"].as_str() {
            Some(next) => address = format!("/v1/slots?limit=2&after={next}"),
            None => break all.len(),
        }
    };
    assert_eq!(pages, 3);
    let mut slots: Vec<i64> =
        all.iter().flatten().map(|each: &Value| each["slot"].as_i64().unwrap()).collect();
    slots.sort_unstable();
    assert_eq!(slots, [1, 2, 3, 4, 5], "each once");

    let holder = place.get("/v1/slots?slot=3").is(200);
    assert_eq!(
        (holder["items"].as_array().unwrap().len(), &holder["items"][0]["phone"]),
        (1, &json!(person(2)))
    );
    let of = |nth: usize| place.ask("viewer", Ask::post("/v1/slots/of", &json!({ "phone": person(nth) })));
    assert_eq!(of(2).is(200)["slot"], 3);
    place.post("/v1/slots/release", &json!({ "phone": person(2) })).is(200);
    of(2).is(404);

    let counted = place.post("/v1/slots/reset", &json!({ "dry_run": true })).is(200);
    assert_eq!(counted, json!({ "released": 4, "kept": 0, "dry_run": true }));
    place.ask("viewer", Ask::post("/v1/slots/reset", &json!({}))).is(403);
    place.post("/v1/slots/reset", &json!({ "reason": "a new season" })).is(200);
    let after = place.get("/v1/slots").is(200);
    assert_eq!((&after["items"], &after["next"]), (&json!([]), &Value::Null));

    // A campaign without slots of its own has none to list.
    place.create("spring");
    let refused = place.get("/v1/slots?campaign=spring").is(409);
    assert!(refused["detail"].as_str().unwrap().contains("no slots of its own"), "{refused}");
    place.get("/v1/slots?campaign=autumn").is(404);
}
