//! Consoles that may do less, and the demo, which is a whole world.

use crate::{
    console::{Console, LARGE, SMALL, Start},
    world::{
        World,
        seed::{Camp, Num},
        until,
    },
};
use std::{path::Path, time::Duration};

#[tokio::test]
async fn a_read_only_console_shows_everything_and_changes_nothing() {
    let world = World::start().await;
    world.number(Num::meta().per_second(20)).await;
    world.campaign(Camp::of(1_000)).await;
    let before = actions(&world).await;
    let mut console = world.console(Start::with(&["--read-only"]));
    console.shows("READ-ONLY").await;
    console.shows_line(&["+2376*****100", "ACTIVE"]).await;
    for keys in ["x", "X", "F", "e", "n", "+", "-", "!"] {
        console.keys(keys);
    }
    console.keys("2");
    console.shows_line(&["> ", "campaign-1", "ACTIVE"]).await;
    for keys in ["p", "c", "L", "!", "R"] {
        console.keys(keys);
    }
    // Nor does the palette have anything that acts.
    console.keys(":");
    console.shows("Command").await;
    for word in ["pause", "stop all", "suspend +", "launch"] {
        console.keys(word);
        console.shows("Nothing has these letters").await;
        console.keys(&"\x7f".repeat(word.len()));
        console.hides("Nothing has these letters").await;
    }
    console.escape("Command").await;
    console.keys("?");
    console.shows("Help: Campaigns").await;
    console.escape("Help: Campaigns").await;
    for word in ["Reason", "Stop all sending", "Pause campaign?", "New number"] {
        assert!(!console.text().contains(word), "{word}: {}", console.text());
    }
    console.keys("q");
    console.left().await;
    assert_eq!(actions(&world).await, before, "something was done");
    assert_eq!(world.simulator.requests(), 0, "it sends");
    assert_eq!(world.value::<i64>("select count(*) from attempts").await, 0);
}

async fn actions(world: &World) -> i64 {
    world.value("select count(*) from audit_log").await
}

#[tokio::test]
async fn a_watching_console_sends_nothing_and_may_act() {
    let world = World::start().await;
    world.number(Num::meta().per_second(20)).await;
    world.campaign(Camp::of(1_000)).await;
    let mut console = world.console(Start::with(&["--watch"]));
    console.shows("WATCH").await;
    console.keys("2");
    console.shows_line(&["> ", "campaign-1", "ACTIVE"]).await;
    console.keys("p");
    console.shows_line(&["campaign-1", "PAUSED"]).await;
    console.keys("q");
    console.left().await;
    assert_eq!(world.simulator.requests(), 0, "it sends");
    let holders: i64 = world.value("select count(*) from number_leases where holder is not null").await;
    assert_eq!(holders, 0, "it holds numbers");
}

/// Processes whose command line names this folder.
fn processes_of(folder: &Path) -> Vec<String> {
    let wanted = folder.display().to_string();
    let all = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    all.filter_map(|entry| std::fs::read_to_string(entry.path().join("cmdline")).ok())
        .filter(|line| line.contains(&wanted))
        .collect()
}

async fn demo(size: (u16, u16), leave: impl AsyncFn(&mut Console)) {
    // A temporary folder of its own: everything that the demo leaves is in it.
    let temporary = tempfile::tempdir().unwrap();
    let data = tempfile::tempdir().unwrap();
    let start = Start { size, ..Start::with(&["demo"]) };
    let environment = [("TMPDIR", temporary.path().display().to_string())];
    let mut console = Console::open(&start, &environment, data);
    until("the console is there", 60, async || console.text().contains("[1 Numbers]")).await;
    console.shows("DEMO").await;
    for name in ["support-a", "support-b", "promo", "sales", "reserve"] {
        console.shows(name).await;
    }
    console.keys("2");
    console.shows_line(&["welcome", "ACTIVE"]).await;
    console.shows_line(&["premium-offer", "ACTIVE"]).await;
    console.keys("3");
    console.shows("[3 Recip").await;
    console.shows_line(&["> ", "+1555****", "queued"]).await;
    console.keys("4");
    console.shows_line(&["OK", "ms"]).await;
    assert!(std::fs::read_dir(temporary.path()).unwrap().count() > 0, "nothing is where it should be");
    assert!(!processes_of(temporary.path()).is_empty(), "its server is not seen");
    leave(&mut console).await;
    let end = console.ends(Duration::from_secs(40)).await;
    assert_eq!(end.code, 0, "{end:?}");
    let left: Vec<_> =
        std::fs::read_dir(temporary.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "left behind: {left:?}");
    assert_eq!(processes_of(temporary.path()), Vec::<String>::new(), "its server is still there");
}

#[tokio::test]
async fn the_demo_shows_all_tabs_and_leaves_nothing_behind() {
    demo(LARGE, async |console| {
        console.keys("q");
        console.answer("Quit?", "y").await;
    })
    .await;
}

#[tokio::test]
async fn the_demo_leaves_nothing_behind_when_its_terminal_is_lost() {
    demo(SMALL, async |console| console.lose()).await;
}
