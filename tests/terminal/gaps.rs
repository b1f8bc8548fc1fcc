//! The database goes away and comes back while a console looks at it: what others did meanwhile is seen.

use crate::{
    console::{LARGE, Start},
    world::{
        World,
        relay::Relay,
        seed::{Camp, Num},
    },
};
use signalbox::domain::action::{Action, Order};
use signalbox::store::{action::Actor, organization::OrganizationEdit};

#[tokio::test]
async fn what_was_done_to_the_organisation_while_the_database_was_away_is_told_with_who_and_why() {
    let world = World::start().await;
    world.number(Num::meta().per_second(5)).await;
    world.campaign(Camp::of(500)).await;
    let relay = Relay::before(&world).await;
    let start = Start { size: LARGE, ..Start::with(&["--watch"]) };
    let mut console = world.console(start.env("DATABASE_URL", relay.url()));
    console.shows_line(&["+2376*****100", "ACTIVE"]).await;
    console.shows_line(&["PROD", "WAT"]).await;
    // It hears: what happens now is told at once.
    let bea = Actor::operator("bea");
    let limit = |limit| OrganizationEdit { daily_limit: Some(Some(limit)), ..OrganizationEdit::default() };
    world.store.edit_organization(world.organization, &limit(900), Some("a first try"), bea).await.unwrap();
    console.shows_line(&["changed by bea", "a first try"]).await;

    relay.cut();
    console.shows("DB AWAY").await;
    let zone = OrganizationEdit { time_zone: Some("Asia/Kolkata"), ..OrganizationEdit::default() };
    world.store.edit_organization(world.organization, &zone, Some("moved"), bea).await.unwrap();
    let stop = Order::whole(Action::StopAll).because("wrong list");
    world.store.act(world.organization, &stop, "bea", None).await.unwrap();
    relay.restore();
    console.shows_line(&["changed by bea", "stopped: nothing is sent: wrong list"]).await;
    console.shows_line(&["PROD", "STOPPED", "IST"]).await;
    console.hides("DB AWAY").await;

    // And it hears again.
    let release = Order::whole(Action::ReleaseStop).because("right list");
    world.store.act(world.organization, &release, "carl", None).await.unwrap();
    console.shows_line(&["changed by carl", "right list"]).await;
    console.hides("STOPPED").await;
    console.keys("q");
    console.left().await;
}
