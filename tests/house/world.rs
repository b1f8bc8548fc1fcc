//! Time, chance and waiting come from a few places that are listed here.

use crate::{Exception, Found, Rule, program};

/// Where a clock is read.
const CLOCKS: &[Exception] = &[
    Exception("src/tui/app.rs", "the console's loop: it hands every message its moment"),
    Exception("src/tui/effects.rs", "how long an answer took, for the screen only"),
    Exception("src/tui/mod.rs", "the time limit of the last frame"),
    Exception("src/tui/store_backend/here.rs", "tells the echo of an order given here from somebody else's"),
    Exception(
        "src/sender/clock.rs",
        "the sender's one clock: everything else there gets its moment as an argument",
    ),
    Exception("src/postgres/migrate.rs", "how long a migration took, for the report only"),
    Exception("src/postgres/cluster/lock.rs", "limits the wait for another process of this user"),
    Exception("src/postgres/cluster/server.rs", "limits the wait for a server to start and stop"),
    Exception("src/postgres/cluster/throwaway.rs", "tells an abandoned cluster by the age of its folder"),
    Exception(
        "src/provider/client/mod.rs",
        "the time limit of one exchange, which ends in an outcome either way",
    ),
    Exception("src/provider/client/pool.rs", "how long a connection has been idle"),
    Exception(
        "src/provider/media.rs",
        "for how long what was seen of a file is taken for true, in a finding only",
    ),
    Exception("src/provider/simulator/world.rs", "the provider's own clock, which is not ours"),
    Exception("src/provider/simulator/ledger.rs", "the provider's own clock, which is not ours"),
    Exception("src/provider/simulator/outbox.rs", "the provider's own clock, which is not ours"),
    Exception("src/provider/simulator/dialect.rs", "the provider's own clock, which is not ours"),
    Exception("src/provider/simulator/twilio/mod.rs", "the provider's own clock, which is not ours"),
    Exception("src/store/screen/overview.rs", "how long reading a picture took, which the screen shows"),
    Exception("src/domain/ids.rs", "an id carries the time of its making and decides nothing"),
];

/// Where chance comes from.
const CHANCE: &[Exception] = &[
    Exception("src/sender/engine.rs", "the jitter of a gap, drawn once and handed to the plan"),
    Exception("src/secrets/api_key.rs", "a new key comes from the system's generator"),
    Exception(
        "src/secrets/password.rs",
        "passwords that we make and their salts come from the system's generator",
    ),
    Exception("src/secrets/ring.rs", "a new key comes from the system's generator"),
    Exception("src/secrets/seal.rs", "every nonce comes from the system's generator"),
];

#[test]
fn clocks_are_read_in_a_few_places_only() {
    let mut found = Vec::new();
    for source in program() {
        for clock in ["Utc", "Local", "Instant", "SystemTime"] {
            let places = source.find(&["::", "now"]).filter(|place| *place > 0);
            let read = places.filter(|place| source.code[place - 1].text == clock && !source.is_test(*place));
            found.extend(read.map(|place| Found::new(&source.path, source.at(place))));
        }
        let ids = source.find(&["now_v7"]).filter(|place| !source.is_test(*place));
        found.extend(ids.map(|place| Found::new(&source.path, source.at(place))));
    }
    Rule {
        what: "Utc::now, Instant::now and SystemTime::now stand in clock modules only",
        reason: "a decision that reads a clock cannot be replayed, and a rehearsal could not run faster than life",
        instead: "take the time as an argument; what two instances must agree on asks the database's clock",
    }
    .keep_except(&found, CLOCKS);
}

#[test]
fn chance_comes_from_a_few_places_only() {
    let mut found = Vec::new();
    for source in program() {
        for pattern in [&["rand", "::"][..], &["new_v4"][..]] {
            let places = source.find(pattern).filter(|place| !source.is_test(*place));
            found.extend(places.map(|place| Found::new(&source.path, source.at(place))));
        }
    }
    Rule {
        what: "random numbers are drawn in listed modules only",
        reason: "a history that draws its own numbers cannot be replayed from its seed",
        instead: "take the drawn number as an argument",
    }
    .keep_except(&found, CHANCE);
}

#[test]
fn the_sender_does_not_select() {
    let mut wrong = Vec::new();
    for source in program().iter().filter(|source| source.layer() == Some("sender")) {
        wrong.extend(source.find(&["select", "!"]).map(|place| source.at(place)));
        wrong.extend(source.find(&["futures_util", "::", "select"]).map(|place| source.at(place)));
    }
    Rule {
        what: "no select! in src/sender",
        reason: "an arm that loses is dropped half-way, and a send that is cut half-way is in doubt",
        instead: "give the work its own task and its own time limits, and let it end with a recorded outcome",
    }
    .keep(&wrong);
}

#[test]
fn every_queue_has_a_length() {
    let mut wrong = Vec::new();
    for source in program() {
        for name in ["unbounded_channel", "unbounded", "UnboundedSender", "UnboundedReceiver"] {
            wrong.extend(source.find(&[name]).map(|place| source.at(place)));
        }
        wrong.extend(source.find(&["std", "::", "sync", "::", "mpsc"]).map(|place| source.at(place)));
    }
    Rule {
        what: "no unbounded channel",
        reason: "what nobody bounds grows without limit exactly when something else is slow",
        instead: "use tokio::sync::mpsc::channel with a length that has a name and a reason",
    }
    .keep(&wrong);
}
