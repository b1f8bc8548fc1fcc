//! A campaign from its file to its end, through the API alone.

use crate::{
    place::{Ask, Place, hello},
    support::until,
};
use serde_json::{Value, json};

/// A figure of the campaign's.
fn figure(stats: &Value, name: &str) -> i64 {
    stats[name].as_i64().unwrap_or_else(|| panic!("{name} in {stats}"))
}

fn sum(stats: &Value) -> i64 {
    ["queued", "sending", "accepted", "delivered", "read", "failed", "in_doubt", "skipped"]
        .iter()
        .map(|state| figure(stats, state))
        .sum()
}

fn taken(stats: &Value) -> i64 {
    ["accepted", "delivered", "read"].iter().map(|state| figure(stats, state)).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_lives_and_ends_through_the_api() {
    // Two hundred people at one message in two seconds: it is not done before it is cancelled, however slow the machine is.
    let place = Place::open("2").await;
    assert_eq!(place.import(200)["accepted"], 200);
    let estimate = place.post("/v1/campaigns/estimate", &hello("spring")).is(200);
    assert_eq!((&estimate["name"], &estimate["queued"]), (&json!("spring"), &json!(200)), "{estimate}");
    let made = place.create("spring");
    assert_eq!((&made["state"], &made["planned"]), (&json!("draft"), &json!(200)), "{made}");
    let stats = || place.get("/v1/campaigns/spring/stats").is(200);
    assert_eq!(figure(&stats(), "queued"), 200);

    assert_eq!(place.post("/v1/campaigns/spring/start", &json!({})).is(200)["result"], "done");
    until("two are taken", || async { taken(&stats()) >= 2 }).await;
    place.post("/v1/campaigns/spring/pause", &json!({ "reason": "to look at it" })).is(200);
    until("nothing is on the wire", || async { figure(&stats(), "sending") == 0 }).await;
    let paused = stats();
    assert_eq!((&paused["state"], sum(&paused)), (&json!("paused"), 200), "{paused}");
    // What was said to the provider is what the figures say.
    assert_eq!(i64::try_from(place.simulator.ledger().len()).unwrap(), taken(&paused), "{paused}");

    let again = place.post("/v1/campaigns/spring/pause", &json!({})).is(200);
    assert_eq!(again["result"], "already", "{again}");
    place.post("/v1/campaigns/spring/resume", &json!({})).is(200);
    until("more are taken", || async { taken(&stats()) > taken(&paused) }).await;
    place.post("/v1/campaigns/spring/cancel", &json!({ "reason": "enough" })).is(200);
    until("nothing is on the wire", || async { figure(&stats(), "sending") == 0 }).await;
    let ended = stats();
    assert_eq!((&ended["state"], sum(&ended), &ended["sums_hold"]), (&json!("cancelled"), 200, &json!(true)));
    let refused = place.post("/v1/campaigns/spring/resume", &json!({})).is(409);
    assert_eq!(refused["code"], "refused", "{refused}");

    // Page by page, everybody is there once.
    let mut phones = Vec::new();
    let mut after = String::new();
    loop {
        let page = place.get(format!("/v1/campaigns/spring/recipients?limit=90{after}")).is(200);
        phones.extend(page["items"].as_array().unwrap().iter().map(|one| one["phone"].clone().to_string()));
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    phones.sort();
    phones.dedup();
    assert_eq!(phones.len(), 200);
    let mut attempts = Vec::new();
    let mut after = String::new();
    loop {
        let page = place.get(format!("/v1/attempts?campaign=spring&limit=1{after}")).is(200);
        attempts.extend(page["items"].as_array().unwrap().iter().cloned());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(i64::try_from(attempts.len()).unwrap(), figure(&ended, "attempts"), "{attempts:?}");
    let one = &attempts[0];
    let of_one = place.get(format!("/v1/attempts?recipient={}", one["recipient"].as_str().unwrap())).is(200);
    assert_eq!(of_one["items"], json!([one]));

    let signed: Vec<(String, String, String)> = sqlx::query_as(
        "select actor, action, reason from audit_log where entity = 'campaign' and action in ('pause campaign', 'cancel campaign') order by at",
    )
    .fetch_all(&place.db.pool)
    .await
    .unwrap();
    let manager = format!("manager_{}", place.db.name);
    let expected = [("pause campaign", "to look at it"), ("cancel campaign", "enough")];
    let expected = expected.map(|(action, why)| (manager.clone(), action.to_owned(), why.to_owned()));
    assert_eq!(signed, expected, "the operator, not the role of the sender");
    place.db.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_taken_as_toml_and_what_is_wrong_with_it_is_named() {
    let place = Place::open("0").await;
    place.import(3);
    let toml = "name = \"spring\"\n[[steps]]\nafter = \"0h\"\ntext = { en = \"Hello\" }\n";
    let create =
        |text: &str| place.ask("manager", Ask::new("POST", "/v1/campaigns").text("application/toml", text));
    assert_eq!(create(toml).is(201)["planned"], 3);
    let twice = create(toml).is(409);
    assert!(twice["detail"].as_str().unwrap().contains("spring"), "{twice}");
    let wrong =
        create("name = \"summer\"\npolo = 3\n[[steps]]\nafter = \"0h\"\ntext = { en = \"Hi {{nme}}\" }\n");
    assert_eq!(wrong.header("content-type"), Some("application/problem+json"), "{wrong:?}");
    let wrong = wrong.is(422);
    let keys: Vec<&str> =
        wrong["findings"].as_array().unwrap().iter().map(|each| each["key"].as_str().unwrap()).collect();
    assert!(keys.contains(&"polo") && wrong["detail"].as_str().unwrap().contains("nme"), "{wrong}");
    // A name is never a file of this machine.
    place.get("/v1/campaigns/%2Fetc%2Fpasswd/estimate").is(404);
    let refused = place.ask(
        "manager",
        Ask::new("POST", "/v1/contacts/import").text("text/csv", "phone,name\n+237,Ana\n+237670000900,Bea\n"),
    );
    let refused = refused.is(200);
    assert_eq!((&refused["rejected"], &refused["accepted"]), (&json!(1), &json!(1)), "{refused}");
    assert_eq!(refused["rejected_rows"][0]["line"], 2, "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn threads_are_read_page_by_page_whatever_comes_in_meanwhile() {
    let place = Place::open("0").await;
    // Two wrote at one moment, and one thread is ended.
    sqlx::query(
        "insert into conversations (organization_id, id, phone, opened_at, last_at, last_in_at, last_text, assigned_to,
                                    done_at, done_by)
         select o.id, ordered_uuid(1, 1, n), '+23767000000' || n, now(),
                timestamptz '2026-03-01 12:00 UTC' - make_interval(mins => n / 2), now(), 'hello ' || n,
                case when n = 3 then 'bea' end, case when n = 6 then now() end, case when n = 6 then 'bea' end
           from organizations o, generate_series(0, 6) n",
    )
    .execute(&place.db.pool)
    .await
    .unwrap();
    let phones = |page: &Value| -> Vec<String> {
        page["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["phone"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = place.get("/v1/conversations").is(200);
    assert_eq!((phones(&all).len(), &all["next"]), (6, &Value::Null), "{all}");
    let first = place.get("/v1/conversations?limit=2").is(200);
    let mut read = phones(&first);
    // The last one of all writes again and is in front now: nobody else is left out or read twice for it.
    let moved = phones(&all).pop().unwrap();
    sqlx::query("update conversations set last_at = now() where phone = $1::text")
        .bind(&moved)
        .execute(&place.db.pool)
        .await
        .unwrap();
    let mut next = first["next"].as_str().map(str::to_owned);
    while let Some(after) = next {
        let page = place.get(format!("/v1/conversations?limit=2&after={after}")).is(200);
        read.extend(phones(&page));
        next = page["next"].as_str().map(str::to_owned);
    }
    let expected: Vec<String> = phones(&all).into_iter().filter(|phone| *phone != moved).collect();
    assert_eq!(read, expected);
    assert_eq!(phones(&place.get("/v1/conversations?limit=1").is(200)), [moved]);
    let whole = place.get("/v1/conversations?only=all&limit=7").is(200);
    assert_eq!(
        (phones(&whole).len(), &whole["next"]),
        (7, &Value::Null),
        "the page is full, and it was the last one"
    );
    assert_eq!(phones(&place.get("/v1/conversations?of=bea").is(200)), ["+237670000003"]);
    for wrong in ["after=1", "after=1.x", "after=x.0197", "only=all&of=bea", "only=some", "limit=0"] {
        let refused = place.get(format!("/v1/conversations?{wrong}"));
        assert_eq!(refused.status, 400, "{wrong}: {refused:?}");
    }
}
