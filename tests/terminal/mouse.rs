//! The mouse in a real terminal: reported only when it is asked for, and no longer once the terminal is given back.

use crate::{
    console::{Console, LARGE, Start},
    world::{
        World,
        seed::{Camp, Num},
        until,
    },
};
use rustix::process::Signal;
use std::time::Duration;

async fn with_mouse(start: Start<'_>) -> (World, Console) {
    let world = World::start().await;
    for _ in 0..3 {
        world.number(Num::meta()).await;
    }
    world.campaign(Camp::of(50).paused()).await;
    let mut console = world.console(start);
    console.shows_line(&["> ", "+2376*****100"]).await;
    assert!(!console.reports_mouse(), "it is off by default");
    console.keys(":mouse on\r");
    console.shows("mouse on").await;
    until("the mouse is reported", 10, async || console.reports_mouse()).await;
    (world, console)
}

#[tokio::test]
async fn wheel_and_clicks_work_until_they_are_switched_off() {
    let (_world, mut console) = with_mouse(Start::sized(LARGE)).await;
    let lines = console.lines();
    let third = lines.iter().position(|line| line.contains("+2376*****102")).unwrap();
    console.click(10, u16::try_from(third).unwrap() + 1);
    console.shows_line(&["> ", "+2376*****102"]).await;
    // The wheel up over the list.
    console.keys("\x1b[<64;10;5M");
    console.shows_line(&["> ", "+2376*****100"]).await;
    let title = lines[0].find("2 Campaigns").unwrap();
    console.click(u16::try_from(title).unwrap() + 3, 1);
    console.shows("[2 Campaigns]").await;
    console.keys(":mouse off\r");
    console.shows("mouse off").await;
    until("the mouse is not reported", 10, async || !console.reports_mouse()).await;
    console.leave().await;
}

#[tokio::test]
async fn every_way_out_switches_it_off() {
    let (_world, mut console) = with_mouse(Start::default()).await;
    console.leave().await;
    let (_world, console) = with_mouse(Start::default()).await;
    console.signal(Signal::TERM);
    let mut console = console;
    console.left().await;
    let (_world, mut console) = with_mouse(Start::default().env("SIGNALBOX_STOP_AT", "redraw:panic")).await;
    console.keys("\x0c");
    let end = console.ends(Duration::from_secs(15)).await;
    assert_eq!(end.code, 1, "{end:?}");
    console.assert_given_back();
}

#[tokio::test]
async fn a_stop_by_job_control_switches_it_off_and_going_on_switches_it_on_again() {
    let world = World::start().await;
    world.number(Num::meta()).await;
    let mut console = world.console(Start { shell: true, ..Start::default() });
    console.keys(&format!("{} --watch\n", env!("CARGO_BIN_EXE_signalbox")));
    console.shows_line(&["> ", "+2376*****100"]).await;
    console.keys(":mouse on\r");
    console.shows("mouse on").await;
    console.keys("\x1a");
    console.shows("Stopped").await;
    console.assert_given_back();
    console.keys("fg\n");
    console.shows_line(&["> ", "+2376*****100"]).await;
    until("the mouse is reported", 10, async || console.reports_mouse()).await;
    console.keys("q");
    until("it has left", 20, async || !console.has_terminal()).await;
    console.keys("exit\n");
    console.ends(Duration::from_secs(10)).await;
    console.assert_given_back();
}
