//! How the console ends, by whatever path: the terminal is as it was, what was on the wire has its outcome.

use crate::{
    console::{Console, LARGE, SMALL, Start},
    world::{
        World,
        seed::{Camp, Num},
        until,
    },
};
use rustix::process::Signal;
use std::time::Duration;

/// Requests take half a second, so that some are on the wire at any time.
pub async fn sending() -> World {
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

/// The terminal stops reading, and the program is asked to end.
async fn ends_well_unread_on(signal: Signal, size: (u16, u16)) {
    let world = sending().await;
    let mut console = sending_console(&world, Start::sized(size)).await;
    console.stall().await;
    let before = world.counts().await.accepted;
    world.until_counts("it goes on sending", 20, |counts| counts.accepted > before + 20).await;
    console.signal(signal);
    let (code, took) = console.exits(Duration::from_secs(15)).await;
    assert_eq!(code, 0, "after {took:?}: {}", console.log());
    // Whoever reads on finds the terminal as it was.
    console.read_again();
    console.left().await;
    assert_drained(&world, &console).await;
}

#[tokio::test]
async fn sigterm_ends_a_console_whose_terminal_has_stopped_reading() {
    ends_well_unread_on(Signal::TERM, SMALL).await;
}

#[tokio::test]
async fn sighup_ends_a_large_console_whose_terminal_has_stopped_reading() {
    ends_well_unread_on(Signal::HUP, LARGE).await;
}

#[tokio::test]
async fn a_terminal_that_stops_reading_while_it_drains_holds_up_nothing() {
    let world = World::scripted("latency = { from = \"3s\", to = \"3s\" }").await;
    world.number(Num::meta().in_flight(2)).await;
    world.campaign(Camp::of(100)).await;
    let mut console = world.console(Start::default());
    until("something is on the wire", 20, async || world.simulator.requests() == 2).await;
    console.signal(Signal::TERM);
    console.until("it has left the screen", |text| !text.contains("[1 Numbers]")).await;
    console.fill();
    let (code, took) = console.exits(Duration::from_secs(15)).await;
    assert_eq!(code, 0, "after {took:?}: {}", console.log());
    assert_drained(&world, &console).await;
}

#[tokio::test]
async fn a_console_whose_terminal_reads_again_goes_on() {
    let world = sending().await;
    let mut console = sending_console(&world, Start::default()).await;
    console.stall().await;
    let before = world.counts().await.accepted;
    world.until_counts("it goes on sending", 20, |counts| counts.accepted > before + 5).await;
    console.read_again();
    console.keys("2");
    console.shows("[2 Campaigns]").await;
    console.shows_line(&["campaign-", "ACTIVE"]).await;
    console.quit().await;
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
async fn sigquit_gives_the_terminal_back_and_drains() {
    ends_well_on(Signal::QUIT).await;
}

#[tokio::test]
async fn a_second_sigquit_does_not_wait_and_leaves_the_terminal_as_it_was() {
    let world = World::scripted("latency = { from = \"12s\", to = \"12s\" }").await;
    world.number(Num::meta().in_flight(2)).await;
    world.campaign(Camp::of(100)).await;
    let mut console = world.console(Start::default());
    until("something is on the wire", 20, async || world.simulator.requests() == 2).await;
    console.signal(Signal::QUIT);
    console.until("it finishes", |text| text.contains("finishing: 2 on the wire")).await;
    // From now on it is the terminal's own key, and reaches the program as a signal.
    console.keys("\x1c");
    let end = console.ends(Duration::from_secs(5)).await;
    assert_eq!(end.code, 1, "{end:?}");
    assert!(end.text.contains("in doubt"), "{end:?}");
    console.assert_given_back();
    assert_eq!(world.attempts("sending").await, 2, "their outcome is not known");
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

/// Row 60.
#[tokio::test]
async fn a_second_sigterm_ends_a_sender_at_once_and_the_next_one_settles_the_rest() {
    let world =
        World::scripted("[[rule]]\nwhen = { nth = 1 }\nthen = { wait = true, accepted = true }\n").await;
    world.number(Num::ultramsg()).await;
    world.campaign(Camp::of(1)).await;
    let mut sender = world.console(Start::with(&["sender"]));
    until("the provider has it", 20, async || world.simulator.count() == 1).await;
    sender.signal(Signal::TERM);
    until("it leaves", 10, async || {
        world.value::<i64>("select count(*) from instances where phase = 'leaving'").await == 1
    })
    .await;
    sender.signal(Signal::TERM);
    let end = sender.ends(Duration::from_secs(3)).await;
    assert_eq!(end.code, 1, "{end:?}");
    assert_eq!(world.attempts("sending").await, 1, "its outcome is not known");
    // Nobody wants to wait here for the time that a request may take.
    world.execute("update attempts set deadline_at = clock_timestamp()").await;
    let next = world.sender().await;
    world.until_all_accepted(20).await;
    assert_eq!(world.value::<i64>("select sum(in_doubt)::bigint from number_activity").await, 1);
    let sides = world.end([next]).await;
    assert_eq!((sides.accepted, sides.received), (1, 1));
    assert_eq!(world.counts().await.attempts, 1, "found, not sent again");
}

/// A panic's own words hold escape sequences; see `stop_point`.
#[track_caller]
fn assert_cleaned(text: &str) {
    assert!(text.contains("stop point") && text.contains("reached"), "{text:?}");
    assert!(!text.contains("\x1b") && !text.contains('\u{202e}'), "raw: {text:?}");
}

#[tokio::test]
async fn a_panic_of_the_drawing_thread_gives_the_terminal_back_before_its_words_and_loses_nothing() {
    let world = sending().await;
    let mut console =
        sending_console(&world, Start::default().env("SIGNALBOX_STOP_AT", "redraw:panic")).await;
    console.keys("\x0c");
    let end = console.ends(Duration::from_secs(15)).await;
    assert_eq!(end.code, 1, "{end:?}");
    console.assert_given_back();
    let words = console.after_leaving();
    assert!(words.contains("error: the console"), "{words:?}");
    assert_cleaned(&words);
    assert!(console.log().contains("stop point"), "the log knows it: {}", console.log());
    assert_drained(&world, &console).await;
}

#[tokio::test]
async fn a_panic_elsewhere_is_a_red_line_and_the_console_goes_on() {
    let world = sending().await;
    let console = world.console(Start::default().env("SIGNALBOX_STOP_AT", "after_intent:panic"));
    console.shows("a task of this program failed").await;
    assert!(console.has_terminal(), "the terminal was given back while the console goes on");
    let before = world.simulator.count();
    until("sending goes on", 15, async || world.simulator.count() > before + 5).await;
    let console = console.quit().await;
    let bytes = String::from_utf8_lossy(&console.bytes()).into_owned();
    assert!(!bytes.contains("taken over") && !bytes.contains('\u{202e}'), "the words came raw");
    // The one message whose task died is found in doubt later; nobody sends it again meanwhile.
    assert_eq!(world.attempts("sending").await, 1);
    assert!(world.simulator.duplicates().is_empty());
}

#[tokio::test]
async fn a_console_whose_sender_failed_stands_for_the_one_that_replaced_it() {
    let world = World::scripted("latency = { from = \"20ms\", to = \"40ms\" }").await;
    world.number(Num::meta().per_second(10)).await;
    world.campaign(Camp::of(5_000)).await;
    let mut console = world.console(Start::default().env("SIGNALBOX_STOP_AT", "before_claim:panic"));
    console.shows("another sender runs here now").await;
    until("it sends", 20, async || world.simulator.count() > 5).await;
    let holder: uuid::Uuid = world.value("select holder from number_leases where holder is not null").await;
    let instances: i64 = world.value("select count(*) from instances").await;
    assert_eq!(instances, 2, "the failed one and the one that sends");
    console.keys("I");
    // The one that is here holds the number: host, operator, phase, numbers held.
    console
        .until("the one that sends is here", |text| {
            text.lines().any(|line| {
                line.contains("(here)")
                    && line.split_whitespace().rev().nth(3).is_some_and(|held| held == "1")
            })
        })
        .await;
    console.escape("Instances").await;
    // What is done from here is recorded as done by it.
    console.keys("2");
    console.shows_line(&["> ", "campaign-", "ACTIVE"]).await;
    console.keys("p");
    console.shows_line(&["campaign-", "PAUSED"]).await;
    let by: Option<uuid::Uuid> = world
        .value("select instance_id from audit_log where action like 'pause%' order by at desc limit 1")
        .await;
    assert_eq!(by, Some(holder));
    console.keys("p");
    console.yes("Resume campaign?").await;
    console.shows_line(&["campaign-", "ACTIVE"]).await;
    console.keys("q");
    console.shows("This process sends: ").await;
    console.answer("Quit?", "y").await;
    console.left().await;
    assert_drained(&world, &console).await;
}

#[tokio::test]
async fn leaving_while_a_failed_sender_finishes_waits_for_what_it_began() {
    let world = World::scripted("latency = { from = \"1s\", to = \"4s\" }").await;
    world.number(Num::meta().in_flight(8)).await;
    world.campaign(Camp::of(100)).await;
    let mut console = world.console(Start::default().env("SIGNALBOX_STOP_AT", "before_outcome:panic"));
    console.shows("the sender here failed").await;
    console.signal(Signal::TERM);
    // Its recorder is gone, so it waits as long as it may; nobody has to wait with it.
    console.shows("finishing: ").await;
    console.assert_given_back();
    console.keys("\x03");
    console.shows("Ctrl-c once more ends at once").await;
    console.keys("\x03");
    let end = console.ends(Duration::from_secs(5)).await;
    assert_eq!(end.code, 1, "{end:?}");
}

#[tokio::test]
async fn a_second_interrupt_asks_and_a_third_one_does_not_wait() {
    let world = World::scripted("latency = { from = \"12s\", to = \"12s\" }").await;
    world.number(Num::meta().in_flight(2)).await;
    world.campaign(Camp::of(100)).await;
    let mut console = world.console(Start::default());
    until("something is on the wire", 20, async || world.simulator.requests() == 2).await;
    console.signal(Signal::INT);
    console.until("it finishes", |text| text.contains("finishing: 2 on the wire")).await;
    console.assert_given_back();
    // From now on Ctrl-c is the terminal's own, and reaches the program as a signal.
    console.keys("\x03");
    console.shows("Ctrl-c once more ends at once: 2 on the wire").await;
    console.keys("\x03");
    let end = console.ends(Duration::from_secs(5)).await;
    assert_eq!(end.code, 1, "{end:?}");
    assert!(end.text.contains("in doubt"), "{end:?}");
    console.assert_given_back();
    assert_eq!(world.attempts("sending").await, 2, "their outcome is not known");
}

#[tokio::test]
async fn a_console_that_does_not_send_is_stopped_and_woken_by_its_shell() {
    let world = sending().await;
    let mut console = world.console(Start { shell: true, ..Start::default() });
    let program = env!("CARGO_BIN_EXE_signalbox");
    // The shell says by itself how it ended; what is typed looks different.
    console.keys(&format!("{program} --watch; echo \"status <$?>\"\n"));
    console.shows("[1 Numbers]").await;
    console.shows_line(&["+2376*****100", "ACTIVE"]).await;
    console.keys("\x1a");
    // 128 and SIGTSTP or SIGSTOP, as bash counts.
    console
        .until("it is stopped", |text| text.contains("status <148>") || text.contains("status <147>"))
        .await;
    console.assert_given_back();
    console.keys("fg; echo \"status <$?>\"\n");
    console.shows_line(&["+2376*****100", "ACTIVE"]).await;
    assert!(console.has_terminal());
    console.keys("2");
    console.shows("[2 Campaigns]").await;
    console.keys("q");
    console.shows("status <0>").await;
    console.assert_given_back();
    console.keys("exit\n");
    let end = console.ends(Duration::from_secs(10)).await;
    assert_eq!(end.code, 0, "{end:?}");
}

#[tokio::test]
async fn a_console_that_sends_says_why_it_does_not_stop() {
    let world = sending().await;
    let console = sending_console(&world, Start::default()).await;
    console.signal(Signal::TSTP);
    console.shows("not stopped").await;
    let before = world.simulator.count();
    until("it goes on sending", 10, async || world.simulator.count() > before + 3).await;
    assert!(console.has_terminal());
    console.quit().await;
}

#[tokio::test]
async fn without_a_usable_terminal_it_says_so_in_one_line() {
    let world = World::start().await;
    let mut console = world.console(Start::default().env("TERM", "dumb"));
    let end = console.ends(Duration::from_secs(10)).await;
    assert_eq!(end.code, 1, "{end:?}");
    assert!(end.text.contains("TERM is \"dumb\""), "{end:?}");
    assert!(!console.bytes().contains(&0x1b), "escape sequences for a terminal that knows none");
}
