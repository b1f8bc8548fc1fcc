//! What the console shows: every tab at two sizes, help, palette, and after a storm of sizes.

use crate::{
    console::{Console, LARGE, SMALL, Start},
    world::{
        World,
        seed::{Camp, Num},
        until,
    },
};
use signalbox::domain::action::Action;
use std::time::Duration;

/// A world that sends slowly enough to be watched: one number, and one campaign that lasts.
async fn sending() -> World {
    let world = World::start().await;
    world.number(Num::meta().per_second(20)).await;
    world.campaign(Camp::of(5_000)).await;
    world
}

async fn shows_its_data(size: (u16, u16)) {
    let world = sending().await;
    let mut console = world.console(Start::sized(size));
    console.shows("[1 Numbers]").await;
    assert!(console.has_terminal(), "raw mode, alternate screen, no cursor, bracketed paste");
    console.shows_line(&["+2376*****100", "ACTIVE"]).await;
    console.shows("PROD").await;
    console.keys("2");
    console.shows("[2 Campaigns]").await;
    console.shows_line(&["campaign-1", "ACTIVE"]).await;
    console.keys("3");
    console.shows("[3 Recip").await;
    console.shows_line(&["+2376*****", "accepted"]).await;
    console.keys("4");
    console.shows("[4 Live]").await;
    console.shows_line(&["OK", "campaign-1", "+2376*****", "ms"]).await;
    console.keys("?");
    console.shows("Help: Live").await;
    console.escape("Help: Live").await;
    console.keys(":");
    console.shows("Command").await;
    console.keys("pause");
    console.shows("Pause campaign campaign-1").await;
    console.escape("Pause campaign").await;
    console.quit().await;
    world.end([]).await;
}

#[tokio::test]
async fn every_tab_shows_its_data_at_80x24() {
    shows_its_data(SMALL).await;
}

#[tokio::test]
async fn every_tab_shows_its_data_at_160x48() {
    shows_its_data(LARGE).await;
}

#[tokio::test]
async fn quitting_asks_while_it_sends_and_gives_the_terminal_back() {
    let world = sending().await;
    let mut console = world.console(Start::default());
    world.until_counts("it sends", 20, |counts| counts.accepted > 5).await;
    console.keys("q");
    console.shows("This process sends").await;
    console.answer("Quit?", "\x1b").await;
    console.hides("Quit?").await;
    let before = world.simulator.count();
    until("it goes on sending", 10, async || world.simulator.count() > before + 5).await;
    let console = console.quit().await;
    let left = console.after_leaving();
    assert!(left.contains("sent ") && left.contains("in doubt 0"), "{left:?}");
    assert_eq!(world.attempts("sending").await, 0);
    let after = world.simulator.count();
    let sides = world.end([]).await;
    assert_eq!((sides.received, sides.in_doubt), (after, 0));
}

/// Numbers that are the same in every run.
struct Chance(u64);

impl Chance {
    fn up_to(&mut self, most: u16) -> u16 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        u16::try_from((self.0 >> 33) % u64::from(most)).unwrap() + 1
    }
}

/// 200 sizes, from one cell to more than most screens have, then a usual one.
async fn storm(console: &mut Console, seed: u64) {
    let mut chance = Chance(seed);
    console.resize((1, 1));
    for _ in 0..198 {
        console.resize((chance.up_to(220), chance.up_to(70)));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    console.resize((1, 1));
    console.resize((100, 30));
}

/// A picture whose header may show the next minute.
fn without_clock(lines: &[String]) -> Vec<String> {
    let digits_of = |line: &String| line.replace(|letter: char| letter.is_ascii_digit(), "0");
    lines.iter().enumerate().map(|(at, line)| if at == 0 { digits_of(line) } else { line.clone() }).collect()
}

#[tokio::test]
async fn a_storm_of_sizes_leaves_the_right_picture() {
    let world = World::start().await;
    world.number(Num::meta().per_second(50)).await;
    let campaign = world.campaign(Camp::of(5_000).paused()).await;
    let mut console = world.console(Start::default());
    console.keys("2");
    console.shows_line(&["campaign-1", "PAUSED"]).await;
    storm(&mut console, 7).await;
    console.shows("[2 Campaigns]").await;
    console.shows_line(&["campaign-1", "PAUSED"]).await;
    rests(&console).await;
    let drawn = console.lines();
    assert_eq!(drawn.len(), 30);
    assert!(drawn[29].contains("help"), "the keys are on the last line: {drawn:#?}");
    assert_eq!(drawn[1].chars().count(), 100, "the frame is as wide as the terminal: {drawn:#?}");
    let before = console.bytes().len();
    console.keys("\x0c");
    console.until("it is drawn anew", |_| console.bytes().len() > before + 500).await;
    rests(&console).await;
    let again = console.lines();
    assert_eq!(without_clock(&drawn), without_clock(&again), "the picture was not what it should have been");

    // Sending does not care.
    world.order(Action::ResumeCampaign(campaign)).await;
    until("it sends", 20, async || world.simulator.count() > 10).await;
    let before = world.simulator.count();
    storm(&mut console, 8).await;
    assert!(world.simulator.count() > before + 20, "the storm held up the sender");
    console.shows_line(&["campaign-1", "ACTIVE"]).await;
    console
        .until("the keys are on the last line", |text| {
            text.lines().nth(29).is_some_and(|line| line.contains("help"))
        })
        .await;
    console.quit().await;
    world.end([]).await;
}

/// Waits until nothing was written for a while.
async fn rests(console: &Console) {
    let mut length = console.bytes().len();
    loop {
        tokio::time::sleep(Duration::from_millis(300)).await;
        let now = console.bytes().len();
        if now == length {
            return;
        }
        length = now;
    }
}
