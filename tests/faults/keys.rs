//! Tokens that do not open: row 69. Nothing is sent with them and nothing is written over them; everybody else goes on.

use crate::world::{
    World,
    seed::{Camp, Num},
};
use signalbox::{
    domain::{
        hold::{Hold, binding},
        ids::{NumberId, PoolId},
        number::ProviderKind,
    },
    secrets::KeyRing,
    sender::{
        line::token_place,
        plan::{Local, Roster},
    },
};
use std::collections::HashMap;

/// The sealed token of each account, by its name.
async fn sealed(world: &World) -> Vec<(String, String)> {
    sqlx::query_as("select name, sealed_token from accounts order by name")
        .fetch_all(&world.pool)
        .await
        .unwrap()
}

async fn put(world: &World, account: &str, token: &str) {
    sqlx::query("update accounts set sealed_token = $2, revision = revision + 1 where name = $1")
        .bind(account)
        .bind(token)
        .execute(&world.pool)
        .await
        .unwrap();
}

#[tokio::test]
async fn row_69_a_token_that_is_cut_moved_or_of_another_key_sends_nothing_and_is_left_as_it_is() {
    let world = World::start().await;
    let pool = PoolId::new();
    sqlx::query("insert into pools (organization_id, id, name) values ($1, $2, 'broken')")
        .bind(world.organization.0)
        .bind(pool.0)
        .execute(&world.pool)
        .await
        .unwrap();
    let mut broken = Vec::new();
    for (place, name) in (1..).zip(["cut", "moved", "other key"]) {
        let account = world.account(name, ProviderKind::Meta, None).await;
        let num = Num { pooled: false, ..Num::meta().priority(place) };
        let number = world.number_of(account, num).await;
        world.join_pool(pool, number.id).await;
        broken.push((account, number));
    }
    let account = world.account("whole", ProviderKind::Meta, None).await;
    let whole = world.number_of(account, Num::meta()).await;
    let tokens = sealed(&world).await;
    let of = |name: &str| tokens.iter().find(|(known, _)| known == name).unwrap().1.clone();
    put(&world, "cut", &of("cut")[..of("cut").len() / 2]).await;
    put(&world, "moved", &of("whole")).await;
    let other = KeyRing::parse(&"ab".repeat(32)).unwrap();
    let place = token_place(world.organization, broken[2].0);
    put(&world, "other key", other.seal(&place, "t0ken").unwrap().as_str()).await;
    let before = sealed(&world).await;
    // One campaign has nobody else to go through, and goes first; the other one has.
    world.campaign(Camp { pool: Some(pool), ..Camp::of(10).priority(1) }).await;
    world.campaign(Camp::of(30).priority(2)).await;
    let sender = world.sender().await;
    world.until_counts("the whole one sends", 60, |counts| counts.accepted == 30).await;
    assert_eq!(world.received_from(&whole.from), 30);
    assert_eq!(world.simulator.ledger().len(), 30, "nothing is sent with the others");
    assert_eq!(world.counts().await.attempts, 30, "nothing is even begun");
    assert_eq!(sealed(&world).await, before, "nothing is overwritten");
    // Each says in one sentence what is wrong with it, where numbers are tested.
    for ((_, number), said) in broken.iter().zip([
        "the token of account cut does not open: the sealed text is cut off or damaged",
        "the token of account moved does not open: it does not open with its key",
        "the token of account other key does not open: it was sealed with key",
    ]) {
        world.store.ask_for_check(world.organization, number.id).await.unwrap();
        crate::world::until(said, 60, async || {
            let words: Option<String> =
                sqlx::query_scalar("select words from number_health where number_id = $1")
                    .bind(number.id.0)
                    .fetch_optional(&world.pool)
                    .await
                    .unwrap();
            words.is_some_and(|words| words.contains(said))
        })
        .await;
    }
    // Nobody who looks takes them for able to send.
    let shown = async |number: NumberId| {
        let records = world.store.numbers(world.organization, None).await.unwrap();
        let unusable = records.into_iter().find(|record| record.id == number).unwrap().unusable;
        let snapshot = world.store.snapshot(world.organization, None).await.unwrap();
        let local = Local::watching(&snapshot, HashMap::new());
        let roster = Roster::of(&snapshot, &local, snapshot.at);
        let place = snapshot.numbers.iter().position(|view| view.number.id == number).unwrap();
        let holds = roster.number_holds(&snapshot, &local, place, snapshot.at);
        (unusable, binding(&holds).map(Hold::code))
    };
    for (_, number) in &broken {
        crate::world::until("it is said that it cannot be used", 60, async || {
            let (unusable, hold) = shown(number.id).await;
            unusable.is_some_and(|why| why.contains("does not open")) && hold == Some("number_unusable")
        })
        .await;
    }
    assert_eq!(shown(whole.id).await.0, None);
    // With its own token back, the first of them sends.
    put(&world, "cut", &of("cut")).await;
    world.until_all_accepted(60).await;
    assert_eq!(world.received_from(&broken[0].1.from), 10);
    crate::world::until("nothing is said of it any more", 60, async || {
        let (unusable, hold) = shown(broken[0].1.id).await;
        unusable.is_none() && hold != Some("number_unusable")
    })
    .await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (40, 40));
}

#[tokio::test]
async fn row_69_what_waits_for_a_number_whose_token_does_not_open_goes_through_the_next_of_its_pool() {
    let world = World::start().await;
    let account = world.account("cut", ProviderKind::Meta, None).await;
    let first = world.number_of(account, Num::meta().priority(1)).await;
    let account = world.account("whole", ProviderKind::Meta, None).await;
    let second = world.number_of(account, Num::meta().priority(2)).await;
    let tokens = sealed(&world).await;
    put(&world, "cut", &tokens[0].1[..tokens[0].1.len() / 2]).await;
    world.campaign(Camp::of(20)).await;
    let sender = world.sender().await;
    world.until_all_accepted(60).await;
    assert_eq!((world.received_from(&first.from), world.received_from(&second.from)), (0, 20));
    // With its token back it goes first again.
    put(&world, "cut", &tokens[0].1).await;
    world.campaign(Camp::of(10)).await;
    world.until_all_accepted(60).await;
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (30, 30));
}
