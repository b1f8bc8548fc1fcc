//! Who may ask what, and as whom it is done.

use crate::place::{Ask, Place, hello};
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn a_key_may_what_its_operator_may_now_and_nothing_once_it_is_revoked() {
    let place = Place::open("0").await;
    place.import(2);
    place.create("spring");
    assert_eq!(place.ask("viewer", Ask::get("/v1/campaigns")).is(200)[0]["name"], "spring");
    let pause = || Ask::post("/v1/campaigns/spring/start", &json!({ "reason": "go" }));
    let refused = place.ask("viewer", pause()).is(403);
    assert!(refused["detail"].as_str().unwrap().starts_with("a viewer may look, not change"), "{refused}");
    let state = "select state::text from campaigns where name = 'spring'";
    assert_eq!(place.db.value::<String>(state).await, "draft");
    // A role that changes counts with the next request.
    let viewer = format!("viewer_{}", place.db.name);
    place.db.run(&["operator", "edit", &viewer, "--role", "manager"]).done();
    place.ask("viewer", pause()).is(200);
    let (actor, login): (String, String) =
        sqlx::query_as("select actor, login from audit_log where action = 'launch campaign'")
            .fetch_one(&place.db.pool)
            .await
            .unwrap();
    assert_eq!((actor, login), (viewer.clone(), format!("service_{}", place.db.name)));
    // So does a key that is revoked, and one whose operator is none any more.
    place.db.run(&["operator", "key", "revoke", "viewer", "--reason", "lost"]).done();
    let gone = place.ask("viewer", Ask::get("/v1/campaigns"));
    assert_eq!(gone.header("www-authenticate"), Some("Bearer"), "{gone:?}");
    assert_eq!(gone.is(401)["code"], "unknown_key");
    place.ask("manager", Ask::get("/v1/numbers")).is(200);
    place.db.run(&["operator", "remove", &format!("manager_{}", place.db.name)]).done();
    place.ask("manager", Ask::get("/v1/numbers")).is(401);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_shown_once_and_made_by_who_may() {
    let place = Place::open("0").await;
    let listed = place.db.json(&["operator", "key", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 4);
    assert!(listed[0]["last_used_at"].is_null(), "{listed}");
    place.get("/v1/numbers").is(200);
    let used = place.db.json(&["operator", "key", "list"]);
    let manager = used.as_array().unwrap().iter().find(|key| key["name"] == "manager").unwrap();
    assert!(manager["last_used_at"].is_string(), "{manager}");
    let plain: i64 = sqlx::query_scalar(
        "select count(*) from api_keys k, audit_log a where position($1 in k::text) > 0 or position($1 in a::text) > 0",
    )
    .bind(place.key("manager"))
    .fetch_one(&place.db.pool)
    .await
    .unwrap();
    assert_eq!(plain, 0, "the key itself is kept nowhere");
    let as_role = |role: &str, arguments: &[&str]| {
        let mut command = place.db.command(arguments);
        let url = crate::support::cluster().url_as(&place.db.name, &format!("{role}_{}", place.db.name));
        command.env("DATABASE_URL", url);
        crate::support::binary::run(command, None)
    };
    let admin = format!("admin_{}", place.db.name);
    as_role("viewer", &["operator", "key", "new", "own"]).done();
    as_role("viewer", &["operator", "key", "new", "theirs", "--operator", &admin])
        .refused(3, "only an admin");
    as_role("viewer", &["operator", "key", "revoke", "admin"]).refused(3, "only an admin");
    as_role("viewer", &["operator", "key", "revoke", "own"]).done();
    as_role("admin", &["operator", "key", "new", "own", "--operator", &format!("manager_{}", place.db.name)])
        .done();
    as_role("admin", &["operator", "key", "new", "own"]).refused(3, "there is a key of this name already");
    as_role("admin", &["operator", "key", "new", "x", "--operator", "nobody"])
        .refused(1, "is no operator of acme");
    place.db.run(&["operator", "key", "revoke", "none"]).refused(1, "there is no key");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_of_another_organisation_opens_nothing() {
    let place = Place::open("0").await;
    place.db.run(&["org", "add", "other", "--name", "Other", "--timezone", "UTC"]).done();
    let eve = format!("eve_{}", place.db.name);
    place.db.run(&["operator", "add", &eve, "--role", "admin", "--no-password", "--org", "other"]).done();
    let made = place.db.json(&["operator", "key", "new", "eve", "--operator", &eve, "--org", "other"]);
    let key = format!("Bearer {}", made["key"].as_str().unwrap());
    Ask::get("/v1/numbers").with("authorization", &key).to(place.address).is(401);
    // Even a role that sees both organisations shows only the one that is listened for.
    let service = format!("service_{}", place.db.name);
    place.db.run(&["operator", "add", &service, "--service", "--org", "other"]).done();
    Ask::get("/v1/numbers").with("authorization", &key).to(place.address).is(401);
    let both = place.db.json(&["operator", "key", "new", "both", "--operator", &service, "--org", "other"]);
    let key = format!("Bearer {}", both["key"].as_str().unwrap());
    Ask::get("/v1/numbers").with("authorization", &key).to(place.address).is(401);
    place.db.run(&[
        "account",
        "add",
        "main",
        "--provider",
        "meta",
        "--external-id",
        "1",
        "--token-stdin",
        "--org",
        "other",
    ]);
    let unknown = place.get("/v1/numbers/01970000-0000-7000-8000-000000000000").is(404);
    assert_eq!(unknown["code"], "not_found", "{unknown}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_with_a_name_is_carried_out_once() {
    let place = Place::open("0").await;
    place.import(2);
    let create = |name: &str, key: &str| {
        place.ask("manager", Ask::post("/v1/campaigns", &hello(name)).with("idempotency-key", key))
    };
    let first = create("spring", "a-1");
    assert_eq!(first.header("idempotent-replayed"), None, "{first:?}");
    let again = create("spring", "a-1");
    assert_eq!(again.header("idempotent-replayed"), Some("true"), "{again:?}");
    assert_eq!(first.is(201), again.is(201));
    assert_eq!(place.db.value::<i64>("select count(*) from campaigns").await, 1);
    create("summer", "a-1").is(422);
    create("summer", &"x".repeat(201)).is(400);
    // What was refused may be put right and asked again, and names are each key's own.
    create("spring", "a-2").is(409);
    create("summer", "a-3").is(201);
    let other = Ask::post("/v1/campaigns", &hello("autumn")).with("idempotency-key", "a-3");
    place.ask("admin", other).is(201);
    assert_eq!(place.db.value::<i64>("select count(*) from campaigns").await, 3);
    // One whose program was ended in the middle is never begun again: what it was to make may be there, or gone for good.
    sqlx::query(
        "update api_requests set status = null, answer = null, began_at = began_at - interval '16 minutes'",
    )
    .execute(&place.db.pool)
    .await
    .unwrap();
    sqlx::query("update campaigns set name = 'renamed' where name = 'spring'")
        .execute(&place.db.pool)
        .await
        .unwrap();
    let lost = create("spring", "a-1").is(409);
    assert!(lost["detail"].as_str().unwrap().contains("nobody knows"), "{lost}");
    assert_eq!(place.db.value::<i64>("select count(*) from campaigns").await, 3);
    create("spring", "a-4").is(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_value_can_be_is_refused_and_may_be_put_right_under_the_same_name() {
    let place = Place::open("0").await;
    let create = |name: &str| {
        place.ask("manager", Ask::post("/v1/campaigns", &hello(name)).with("idempotency-key", "n-1"))
    };
    let refused = create("a\0b").is(422);
    assert!(refused.to_string().contains("name holds a NUL"), "{refused}");
    create("spring").is(201);
    let start = |path: &str, body| place.post(path, &body).is(400)["detail"].as_str().unwrap().to_owned();
    let said = start("/v1/campaigns/spring/start", json!({ "reason": "a\0b" }));
    assert_eq!(said, "reason holds a NUL (\\u0000), which no text may hold");
    assert!(start("/v1/campaigns/a%00b/start", json!({})).starts_with("name holds a NUL"));
    let query = place.get("/v1/attempts?campaign=a%00b").is(400);
    assert!(query["detail"].as_str().unwrap().starts_with("campaign holds a NUL"), "{query}");

    let number = place.get("/v1/numbers").is(200)[0]["id"].as_str().unwrap().to_owned();
    let patch = Ask::new("PATCH", format!("/v1/numbers/{number}")).json(&json!({ "instance_id": "a b" }));
    let refused = place.ask("manager", patch).is(400);
    assert!(refused["detail"].as_str().unwrap().starts_with("the number cannot be used"), "{refused}");
    let suspend = place.post(format!("/v1/numbers/{number}/suspend"), &json!({ "reason": " " })).is(400);
    assert_eq!(suspend["detail"], "reason: the reason says nothing; write why");
}
