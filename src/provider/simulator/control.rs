//! `/_sim/…`: what tests and operators ask and tell the simulator itself (`interfaces.md`, section Simulator).

use super::{
    dialect::{Act, Envelope, Reply, field, fields, json, write},
    http::Request,
    script::Script,
    webhooks::Webhook,
    world::World,
};
use serde_json::{Value, json as value};
use std::{sync::Mutex, time::Duration};

/// Answers a request.
pub fn handle(world: &Mutex<World>, request: &Request<'_>, out: &mut Vec<u8>) -> Reply {
    let answer = match (request.method, request.path) {
        ("GET", "/_sim/ledger") => return ledger(request),
        ("GET", "/_sim/count") => {
            let world = super::lock(world);
            (200, value!({"count": world.ledger.len(), "requests": world.requests}))
        }
        ("GET", "/_sim/duplicates") => {
            let duplicates = super::lock(world).duplicates();
            (200, serde_json::to_value(duplicates).unwrap_or(Value::Null))
        }
        ("POST", "/_sim/script") => set_script(world, &request.body),
        ("POST", "/_sim/reset") => {
            super::lock(world).reset();
            (200, value!({"ok": true}))
        }
        ("POST", "/_sim/webhooks") => add_webhook(world, &request.body),
        ("GET", "/_sim/webhooks") => show_webhooks(&super::lock(world)),
        ("DELETE", "/_sim/webhooks") => {
            super::lock(world).webhooks.clear();
            (200, value!({"ok": true}))
        }
        (
            _,
            "/_sim/ledger" | "/_sim/count" | "/_sim/duplicates" | "/_sim/script" | "/_sim/reset"
            | "/_sim/webhooks",
        ) => (
            405,
            value!({"error": "ledger, count and duplicates take GET; script and reset take POST; webhooks take both, \
                and DELETE"}),
        ),
        _ => (404, value!({"error": "there are ledger, count, duplicates, script, reset and webhooks"})),
    };
    write(out, &Envelope { status: answer.0, body: json(&answer.1) }, None);
    Reply::NOW
}

/// The ledger may be long: it is written page by page while the connection lasts. `?from=` and `?limit=` narrow it.
fn ledger(request: &Request<'_>) -> Reply {
    let query = fields(request.query.as_bytes());
    let start = field(&query, "from").parse().unwrap_or(0);
    let limit = field(&query, "limit").parse().unwrap_or(usize::MAX);
    Reply { delay: Duration::ZERO, act: Act::Ledger { start, limit } }
}

fn set_script(world: &Mutex<World>, body: &[u8]) -> (u16, Value) {
    let Ok(text) = std::str::from_utf8(body) else {
        return (400, value!({"error": "script: not UTF-8"}));
    };
    match Script::parse(text) {
        Ok(script) => {
            super::lock(world).set_script(script);
            (200, value!({"ok": true}))
        }
        Err(error) => (400, value!({"error": error.to_string()})),
    }
}

/// One webhook, as a script's `[[webhook]]` has it, in JSON.
fn add_webhook(world: &Mutex<World>, body: &[u8]) -> (u16, Value) {
    let read = serde_json::from_slice::<Webhook>(body).map_err(|error| error.to_string());
    match read.and_then(|webhook| webhook.check().map(|()| webhook)) {
        Ok(webhook) => {
            super::lock(world).webhooks.add(webhook);
            (200, value!({"ok": true}))
        }
        Err(problem) => (400, value!({"error": problem})),
    }
}

fn show_webhooks(world: &World) -> (u16, Value) {
    let posted = world.posted();
    let answer = value!({"webhooks": world.webhooks.show(), "delivered": posted.delivered,
        "given_up": posted.given_up, "waiting": posted.waiting});
    (200, answer)
}
