//! `/_sim/…`: what tests and operators ask and tell the simulator itself (`interfaces.md`, section Simulator).

use super::{
    dialect::{Act, Envelope, Reply, field, fields, json, write},
    http::Request,
    script::Script,
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
        (_, "/_sim/ledger" | "/_sim/count" | "/_sim/duplicates" | "/_sim/script" | "/_sim/reset") => {
            (405, value!({"error": "ledger, count and duplicates take GET; script and reset take POST"}))
        }
        _ => (404, value!({"error": "there are ledger, count, duplicates, script and reset"})),
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
