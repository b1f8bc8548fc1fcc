//! A client that knows nothing but the document: it builds each request from paths, parameters, bodies and security as they
//! are described there, refuses what is not described, and takes an answer only if its schema does. A campaign's whole life
//! goes through it.

use crate::{
    document::{Operation, conforms, operations},
    place::{Answer, Ask, Place},
    support::until,
};
use serde_json::{Map, Value, json};

/// The client, as a generator would make one.
struct Client<'a> {
    place: &'a Place,
    document: Value,
    operations: Vec<Operation>,
}

/// Letters that stand for themselves in a part of an address.
fn escaped(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let letter = |byte: u8| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") };
    text.bytes().map(letter).collect()
}

fn said(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned)
}

impl<'a> Client<'a> {
    fn of(place: &'a Place) -> Self {
        let document = Ask::get("/v1/openapi.json").to(place.address).is(200);
        assert_eq!(document["servers"], json!([{ "url": "/" }]), "where it is asked");
        let operations = operations(&document);
        Self { place, document, operations }
    }

    fn validate(&self, what: &str, schema: &Value, value: &Value) {
        let mut whole = schema.clone();
        whole["components"] = self.document["components"].clone();
        let validator = jsonschema::validator_for(&whole).unwrap();
        let wrong: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
        assert!(wrong.is_empty(), "{what}: {wrong:?}: {value}");
    }

    /// How one shows who one is, by the only scheme that the document names.
    fn signed(&self, ask: Ask) -> Ask {
        let schemes = self.document["components"]["securitySchemes"].as_object().unwrap();
        let named = self.document["security"][0].as_object().unwrap();
        let scheme = &schemes[named.keys().next().unwrap()];
        assert_eq!((&scheme["type"], &scheme["scheme"]), (&json!("http"), &json!("bearer")));
        ask.with("authorization", &format!("Bearer {}", self.place.key("manager")))
    }

    /// Sends until it is not asked to wait, as the document says a client should.
    fn send(&self, operation: &Operation, ask: Ask) -> Answer {
        let ask = self.signed(ask);
        loop {
            let answer = ask.to(self.place.address);
            conforms(&self.document, operation, &answer);
            match answer.header("retry-after").and_then(|seconds| seconds.parse().ok()) {
                Some(seconds) if answer.status == 429 => {
                    std::thread::sleep(std::time::Duration::from_secs(seconds));
                }
                _ => return answer,
            }
        }
    }

    /// Calls an operation with what the document calls its parameters and the fields of its body.
    fn call(&self, id: &str, given: Value) -> Answer {
        self.call_with(id, given, None)
    }

    fn call_with(&self, id: &str, given: Value, body: Option<(&str, Value)>) -> Answer {
        let operation = self.operations.iter().find(|each| each.id == id);
        let operation = operation.unwrap_or_else(|| panic!("no operation is called {id}"));
        let mut given: Map<String, Value> = given.as_object().unwrap().clone();
        let (mut path, mut query, mut headers) = (operation.path.clone(), Vec::new(), Vec::new());
        for parameter in operation.value["parameters"].as_array().unwrap() {
            let name = parameter["name"].as_str().unwrap();
            let Some(value) = given.remove(name) else {
                assert_ne!(parameter["required"], true, "{id} needs {name}");
                continue;
            };
            self.validate(&format!("{name} of {id}"), &parameter["schema"], &value);
            match parameter["in"].as_str().unwrap() {
                "path" => path = path.replace(&format!("{{{name}}}"), &escaped(&said(&value))),
                "query" => query.push(format!("{}={}", escaped(name), escaped(&said(&value)))),
                "header" => headers.push((name.to_owned(), said(&value))),
                other => panic!("{name} of {id} stands in {other}"),
            }
        }
        assert!(!path.contains('{'), "{id} does not describe all of {path}");
        if !query.is_empty() {
            path = format!("{path}?{}", query.join("&"));
        }
        let mut ask = Ask::new(&operation.method, path);
        let described = &operation.value["requestBody"];
        let (kind, body) = match body {
            Some((kind, body)) => (kind, Some(body)),
            None if described["content"]["application/json"].is_object() => {
                ("application/json", Some(Value::Object(std::mem::take(&mut given))))
            }
            None => ("", None),
        };
        assert!(given.is_empty(), "{id} takes no {given:?}");
        assert!(body.is_some() || described["required"] != true, "{id} needs a body");
        if let Some(body) = body {
            let schema = &described["content"][kind]["schema"];
            assert!(schema.is_object(), "{id} takes no {kind}");
            self.validate(&format!("the body of {id}"), schema, &body);
            ask = if kind == "application/json" { ask.json(&body) } else { ask.text(kind, &said(&body)) };
        }
        let ask = headers.iter().fold(ask, |ask, (name, value)| ask.with(name, value));
        self.send(operation, ask)
    }

    /// Everything of a list, page by page.
    fn all(&self, id: &str, given: Value) -> Vec<Value> {
        let (mut items, mut given) = (Vec::new(), given);
        loop {
            let page = self.call(id, given.clone()).is(200);
            items.extend(page["items"].as_array().unwrap().iter().cloned());
            let Some(next) = page["next"].as_str() else { return items };
            given["after"] = json!(next);
        }
    }
}

fn taken(stats: &Value) -> i64 {
    ["accepted", "delivered", "read"].iter().map(|state| stats[*state].as_i64().unwrap()).sum()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_made_of_the_document_alone_takes_a_campaign_through_its_life() {
    // A hundred people at one message in two seconds: it is not done before it is cancelled.
    let place = Place::open("2").await;
    let client = Client::of(&place);
    let people: String = (0..100).map(|nth| format!("6700{nth:05},Ana {nth},en\n")).collect();
    let people = json!(format!("phone,name,locale\n{people}"));
    let imported =
        client.call_with("importContacts", json!({ "default_country": "CM" }), Some(("text/csv", people)));
    assert_eq!(imported.is(200)["accepted"], 100);
    let file = json!({ "name": "spring", "steps": [{ "after": "0h", "text": { "en": "Hello {{name}}" } }] });
    let kind = "application/json";
    let estimate = client.call_with("estimateCampaignFile", json!({}), Some((kind, file.clone())));
    assert_eq!(estimate.is(200)["queued"], 100);
    // Asked twice under one name, it is made once.
    let named = json!({ "Idempotency-Key": "the first try" });
    let made = client.call_with("createCampaign", named.clone(), Some((kind, file.clone()))).is(201);
    assert_eq!(client.call_with("createCampaign", named, Some((kind, file))).is(201), made);
    assert_eq!(client.call("listCampaigns", json!({})).is(200).as_array().unwrap().len(), 1);
    let spring = || json!({ "name": "spring" });
    assert_eq!(client.call("estimateCampaign", spring()).is(200)["name"], "spring");
    assert_eq!(client.call("getCampaign", spring()).is(200)["state"], "draft");
    let stats = || client.call("getCampaignStats", spring()).is(200);

    client.call("startCampaign", spring()).is(200);
    until("two are taken", || async { taken(&stats()) >= 2 }).await;
    client.call("pauseCampaign", json!({ "name": "spring", "reason": "to look at it" })).is(200);
    until("nothing is on the wire", || async { stats()["sending"] == 0 }).await;
    let paused = stats();
    assert_eq!((&paused["state"], &paused["sums_hold"]), (&json!("paused"), &json!(true)));
    assert_eq!(i64::try_from(place.simulator.ledger().len()).unwrap(), taken(&paused), "{paused}");
    client.call("explainCampaign", spring()).is(200);
    client.call("resumeCampaign", spring()).is(200);
    until("more are taken", || async { taken(&stats()) > taken(&paused) }).await;
    client.call("cancelCampaign", json!({ "name": "spring", "reason": "enough" })).is(200);
    until("nothing is on the wire", || async { stats()["sending"] == 0 }).await;

    let ended = stats();
    assert_eq!(ended["state"], "cancelled");
    let attempts = client.all("listAttempts", json!({ "campaign": "spring", "limit": 2 }));
    assert_eq!(attempts.len(), usize::try_from(ended["attempts"].as_i64().unwrap()).unwrap());
    let one = client.call("getAttempt", json!({ "id": attempts[0]["id"] })).is(200);
    assert_eq!(one["id"], attempts[0]["id"]);
    assert_eq!(client.all("listRecipients", json!({ "name": "spring", "limit": 40 })).len(), 100);
    // What a rule refuses is a problem that the document describes.
    assert_eq!(client.call("resumeCampaign", spring()).is(409)["code"], "refused");
    place.db.assert_invariants().await;
}
