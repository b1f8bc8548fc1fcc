//! The OpenAPI document, compared with the program: every operation of it is asked, and every answer is what it says.

use crate::{
    place::{Answer, Ask, Place, hello},
    support::until,
};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// An operation as the document has it.
pub struct Operation {
    pub id: String,
    pub method: String,
    pub path: String,
    pub value: Value,
}

pub fn operations(document: &Value) -> Vec<Operation> {
    let mut found = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, value) in methods.as_object().unwrap() {
            let id = value["operationId"].as_str().unwrap().to_owned();
            found.push(Operation {
                id,
                method: method.to_uppercase(),
                path: path.clone(),
                value: value.clone(),
            });
        }
    }
    found
}

/// Whether an address is one of this template.
fn fits(template: &str, path: &str) -> bool {
    let (parts, given): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    parts.len() == given.len()
        && parts.iter().zip(given).all(|(part, given)| part.starts_with('{') || *part == given)
}

/// Asserts that an answer is one that the document describes: status, type and body.
#[track_caller]
pub fn conforms(document: &Value, operation: &Operation, answer: &Answer) {
    let Operation { id, value, .. } = operation;
    let described = &value["responses"][answer.status.to_string()];
    assert!(described.is_object(), "{id} answers {}, which is not described: {answer:?}", answer.status);
    let content = described["content"].as_object().unwrap();
    let kind = answer.header("content-type").unwrap_or_default();
    let schema = content.get(kind).unwrap_or_else(|| panic!("{id} answers {kind}")).get("schema").unwrap();
    let mut whole = schema.clone();
    whole["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&whole).unwrap();
    let body = answer.json();
    let wrong: Vec<String> =
        validator.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(wrong.is_empty(), "{id} answers what its schema does not say: {wrong:#?}\n{body}");
}

/// What the operations are asked about.
struct About {
    number: String,
    spare: String,
    thread: String,
    attempt: String,
    operator: String,
}

/// A request of every operation, in an order in which they can be asked.
fn samples(about: &About) -> Vec<(&'static str, Ask, u16)> {
    let About { number, spare, thread, attempt, operator } = about;
    let get = Ask::get;
    let post = |path: &str, body: Value| Ask::post(path, &body);
    let of_number = |verb: &str| format!("/v1/numbers/{spare}{verb}");
    vec![
        ("listCampaigns", get("/v1/campaigns".to_owned()), 200),
        ("createCampaign", post("/v1/campaigns", hello("second")), 201),
        ("estimateCampaignFile", post("/v1/campaigns/estimate", hello("third")), 200),
        ("getCampaign", get("/v1/campaigns/second".to_owned()), 200),
        ("estimateCampaign", get("/v1/campaigns/second/estimate".to_owned()), 200),
        ("getCampaignStats", get("/v1/campaigns/first/stats".to_owned()), 200),
        ("explainCampaign", get("/v1/campaigns/first/why".to_owned()), 200),
        ("forecastCampaign", get("/v1/campaigns/first/forecast?days=10".to_owned()), 200),
        ("listRecipients", get("/v1/campaigns/first/recipients?limit=2".to_owned()), 200),
        ("scheduleCampaign", post("/v1/campaigns/second/schedule", json!({ "at": "2099-01-01T09:00" })), 200),
        ("startCampaign", post("/v1/campaigns/second/start", json!({})), 200),
        ("pauseCampaign", post("/v1/campaigns/second/pause", json!({ "reason": "x" })), 200),
        ("resumeCampaign", post("/v1/campaigns/second/resume", json!({})), 200),
        ("cancelCampaign", post("/v1/campaigns/second/cancel", json!({})), 200),
        ("listNumbers", get("/v1/numbers".to_owned()), 200),
        ("getNumber", get(format!("/v1/numbers/{number}")), 200),
        (
            "addNumber",
            post(
                "/v1/numbers",
                json!({ "phone": "+237600000003", "account": "gateway", "instance_id": "instance3", "daily_limit": 10 }),
            ),
            201,
        ),
        (
            "editNumber",
            Ask::new("PATCH", of_number(""))
                .json(&json!({ "daily_limit": null, "notes": "--json", "label": null })),
            200,
        ),
        (
            "suspendNumber",
            post(&of_number("/suspend"), json!({ "reason": "x", "until": "2099-01-01T00:00:00Z" })),
            200,
        ),
        ("resumeNumber", post(&of_number("/resume"), json!({ "test": false })), 200),
        ("disableNumber", post(&of_number("/disable"), json!({})), 200),
        ("enableNumber", post(&of_number("/enable"), json!({})), 200),
        ("testNumber", Ask::new("POST", of_number("/test")), 200),
        ("setNumberPriority", Ask::new("PUT", of_number("/priority")).json(&json!({ "priority": 7 })), 200),
        (
            "importContacts",
            Ask::new(
                "POST",
                "/v1/contacts/import?default_country=CM&consent_method=web+form&consent_at=2026-03-14",
            )
            .text("text/csv", "phone,name,consent\n670000999,Eve,yes\n"),
            200,
        ),
        ("optOut", post("/v1/contacts/opt-out", json!({ "phone": "+237670000999", "reason": "asked" })), 200),
        ("optIn", post("/v1/contacts/opt-in", json!({ "phone": "+237670000999" })), 200),
        ("getContactHistory", post("/v1/contacts/history", json!({ "phone": "+237670000000" })), 200),
        ("setSlot", Ask::new("PUT", "/v1/slots").json(&json!({ "phone": "+237670000999", "slot": 29 })), 200),
        ("listSlots", get("/v1/slots?slot=29&limit=5".to_owned()), 200),
        ("getSlot", post("/v1/slots/of", json!({ "phone": "+237670000999" })), 200),
        ("releaseSlot", post("/v1/slots/release", json!({ "phone": "+237670000999" })), 200),
        ("resetSlots", post("/v1/slots/reset", json!({ "dry_run": true })), 200),
        (
            "listAttempts",
            get(format!("/v1/attempts?campaign=first&number={number}&state=accepted&limit=1")),
            200,
        ),
        ("getAttempt", get(format!("/v1/attempts/{attempt}")), 200),
        // It was settled before, by the sender.
        ("resolveAttempt", post(&format!("/v1/attempts/{attempt}/resolve"), json!({ "as": "sent" })), 200),
        ("listConversations", get("/v1/conversations?only=all&limit=5".to_owned()), 200),
        ("getConversation", get(format!("/v1/conversations/{thread}")), 200),
        (
            "assignConversation",
            post(&format!("/v1/conversations/{thread}/assign"), json!({ "to": operator })),
            200,
        ),
        (
            "answerConversation",
            post(&format!("/v1/conversations/{thread}/answer"), json!({ "text": "--text" })),
            200,
        ),
        ("closeConversation", post(&format!("/v1/conversations/{thread}/close"), json!({})), 200),
    ]
}

/// A campaign that is being sent, and somebody who wrote.
async fn lively(place: &Place) -> About {
    place.import(5);
    place.create("first");
    place.post("/v1/campaigns/first/start", &json!({})).is(200);
    let accepted = || place.get("/v1/attempts?campaign=first&state=accepted").is(200)["items"].clone();
    until("something is accepted", || async { !accepted().as_array().unwrap().is_empty() }).await;
    let path = place.db.json(&["account", "show", "gateway"])["webhook_path"].as_str().unwrap().to_owned();
    let said = json!({
        "event_type": "message_received", "instanceId": "1",
        "data": { "id": "false_1", "from": "237670000000@c.us", "type": "chat", "body": "When?", "fromMe": false },
    });
    assert_eq!(Ask::post(path, &said).to(place.address).status, 200);
    let threads = || place.get("/v1/conversations").is(200)["items"].clone();
    until("somebody wrote", || async { !threads().as_array().unwrap().is_empty() }).await;
    let add =
        ["number", "add", "+237600000002", "--account", "gateway", "--instance-id", "instance2", "--json"];
    let spare = place.db.run(&add).done().json()["id"].as_str().unwrap().to_owned();
    let id = |value: &Value| value["id"].as_str().unwrap().to_owned();
    let numbers = place.get("/v1/numbers").is(200);
    let number = numbers.as_array().unwrap().iter().find(|each| each["phone"] == "+237600000001").unwrap();
    About {
        number: id(number),
        spare,
        thread: id(&threads()[0]),
        attempt: id(&accepted()[0]),
        operator: format!("admin_{}", place.db.name),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_answers_as_the_document_says() {
    let place = Place::open("1").await;
    let answer = Ask::get("/v1/openapi.json").to(place.address);
    let document = answer.is(200);
    assert_eq!(document["openapi"], "3.1.0");
    let operations = operations(&document);
    let samples = samples(&lively(&place).await);
    let described: BTreeSet<&str> = operations.iter().map(|each| each.id.as_str()).collect();
    let sampled: BTreeSet<&str> = samples.iter().map(|(id, ..)| *id).collect();
    assert_eq!(described, sampled, "every operation of the document is asked here");
    for (id, ask, status) in samples {
        let operation = operations.iter().find(|each| each.id == id).unwrap();
        assert_eq!(operation.method, ask.method, "{id}");
        let answer = place.ask("manager", ask);
        assert_eq!(answer.status, status, "{id}: {answer:?}");
        conforms(&document, operation, &answer);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_are_as_the_document_says_and_nothing_else_is_served() {
    let place = Place::open("0").await;
    let document = Ask::get("/v1/openapi.json").to(place.address).is(200);
    let operations = operations(&document);
    for operation in &operations {
        // Values that are of the right form, and name nothing that is there.
        let path =
            operation.path.replace("{id}", "01970000-0000-7000-8000-000000000000").replace("{name}", "x");
        let ask = || Ask::new(&operation.method, path.clone());
        let stranger = ask().to(place.address);
        assert_eq!(stranger.status, 401, "{}: {stranger:?}", operation.id);
        conforms(&document, operation, &stranger);
        let viewer = place.ask("viewer", ask());
        let may = operation.value["description"] == "Every operator may.";
        assert_eq!(viewer.status == 403, !may, "{}: {viewer:?}", operation.id);
        conforms(&document, operation, &viewer);
        if path != operation.path {
            let body = match operation.id.as_str() {
                "scheduleCampaign" => json!({ "at": "2099-01-01T00:00:00Z" }),
                "suspendNumber" => json!({ "reason": "x" }),
                "setNumberPriority" => json!({ "priority": 1 }),
                "resolveAttempt" => json!({ "as": "sent" }),
                "answerConversation" => json!({ "text": "x" }),
                "assignConversation" => json!({ "to": null }),
                _ => json!({}),
            };
            let ask = if operation.method == "GET" { ask() } else { ask().json(&body) };
            let missing = place.ask("manager", ask);
            assert_eq!(missing.status, 404, "{}: {missing:?}", operation.id);
            conforms(&document, operation, &missing);
        }
        let strange = place.ask("manager", Ask::new(&operation.method, format!("{path}?strange=1")));
        let early = operation.value["requestBody"]["required"] == true;
        assert!(strange.status == 400 || early, "{}: {strange:?}", operation.id);
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE"] {
            let known = operations.iter().any(|each| each.method == method && fits(&each.path, &path));
            let other = place.ask("manager", Ask::new(method, path.clone()));
            assert_eq!(other.status == 405, !known, "{method} {path}: {other:?}");
        }
    }
    place.get("/v1/nothing").is(404);
    let xml = place.ask("manager", Ask::new("POST", "/v1/campaigns").text("text/xml", "<a/>"));
    xml.is(415);
    let long = Ask::new("POST", "/v1/contacts/opt-out").text("application/json", &" ".repeat(200_000));
    place.ask("manager", long).is(413);
}
