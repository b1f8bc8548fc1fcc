//! How the console ends, by whatever path: the terminal is as it was, what was on the wire has its outcome.

use crate::{
    console::{Console, End, SMALL, Start, environment},
    world::{
        World,
        seed::{Camp, Num},
        until,
    },
};
use rustix::process::Signal;
use std::time::Duration;

/// Requests take half a second, so that some are on the wire at any time.
async fn sending() -> World {
    let world = World::scripted("latency = { from = \"400ms\", to = \"600ms\" }").await;
    world.number(Num::meta().in_flight(8)).await;
    world.campaign(Camp::of(5_000)).await;
    world
}

async fn sending_console(world: &World, start: Start<'_>) -> Console {
    let console = world.console(start);
    console.shows("[1 Numbers]").await;
    world.until_counts("it sends", 20, |counts| counts.accepted > 4 && counts.sending > 0).await;
    assert!(console.has_terminal());
    console
}

/// Nothing is left without an outcome, on either side or in a file.
async fn assert_drained(world: &World, console: &Console) {
    assert_eq!(world.attempts("sending").await, 0, "left without an outcome");
    assert_eq!(console.spooled(), Vec::<std::path::PathBuf>::new());
    let held: i64 = world.value("select count(*) from number_leases where holder is not null").await;
    assert_eq!(held, 0, "leases were not given up");
    let sides = world.end([]).await;
    assert_eq!((sides.accepted, sides.in_doubt), (sides.received, 0));
}

async fn ends_well_on(signal: Signal) {
    let world = sending().await;
    let mut console = sending_console(&world, Start::default()).await;
    console.signal(signal);
    let end = console.left().await;
    assert!(end.took < Duration::from_secs(10), "{end:?}");
    assert!(console.after_leaving().contains("sent "), "what became of it: {end:?}");
    assert_drained(&world, &console).await;
}

#[tokio::test]
async fn sigterm_gives_the_terminal_back_and_drains() {
    ends_well_on(Signal::TERM).await;
}

#[tokio::test]
async fn sigint_gives_the_terminal_back_and_drains() {
    ends_well_on(Signal::INT).await;
}

#[tokio::test]
async fn sighup_with_a_living_terminal_gives_it_back_and_drains() {
    ends_well_on(Signal::HUP).await;
}

#[tokio::test]
async fn a_lost_terminal_ends_the_program_in_order() {
    let world = sending().await;
    let mut console = sending_console(&world, Start::default()).await;
    console.lose();
    let end = console.ends(Duration::from_secs(20)).await;
    assert_eq!(end.code, 0, "{end:?}");
    assert!(!console.log().contains("panicked"), "{}", console.log());
    assert_drained(&world, &console).await;
}
