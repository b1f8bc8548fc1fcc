//! A campaign that runs is steered from the console: other pool, hours, numbers and caps, and back; and what would be if.

use crate::screen_world::World;
use crate::{all, backend, ids};
use signalbox::domain::action::{Action, Order};
use signalbox::domain::campaign::{Failover, Steering};
use signalbox::domain::forecast::WhatIf;
use signalbox::domain::ids::PoolId;
use signalbox::store::view::{CampaignRow, Place, RecipientOrder};
use signalbox::tui::backend::{ActionAnswer, Backend as _};
use signalbox::tui::store_backend::StoreBackend;

async fn row(backend: &StoreBackend) -> CampaignRow {
    backend.overview().await.unwrap().campaigns.remove(0)
}

fn change(row: &CampaignRow, terms: Steering) -> Order {
    Order::on(Action::SetTerms { campaign: row.id, terms }, row.version)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_campaign_is_steered_whole_and_what_it_was_comes_back() {
    let world = World::start().await;
    let (first, second) = (world.number("support-a", 1).await, world.number("promo", 2).await);
    let campaign = world.campaign("spring-news", 10).await;
    let org = world.organization;
    let pool = PoolId::new();
    world
        .run(&format!(
            "insert into pools (organization_id, id, name) values ('{org}', '{pool}', 'night');
             insert into pool_numbers (organization_id, pool_id, number_id) values ('{org}', '{pool}', '{second}')"
        ))
        .await;
    let backend = backend(&world);
    let before = row(&backend).await;
    let pools = backend.overview().await.unwrap().pools;
    let named = pools.iter().find(|each| each.id == pool).unwrap();
    assert_eq!((named.name.as_str(), named.numbers.as_slice()), ("night", &[second][..]));
    assert!(pools.iter().any(|each| each.id == before.terms.pool && each.numbers.contains(&first)));

    let wanted = Steering {
        priority: 3,
        weight: 7,
        daily_limit: Some(4),
        pool,
        failover: Failover::Never,
        window: "00:00-24:00 Africa/Douala".parse().ok(),
        only_number: Some(second),
    };
    let ActionAnswer::Done { undo: Some(undo), .. } = backend.act(change(&before, wanted)).await else {
        panic!("not done")
    };
    let steered = row(&backend).await;
    assert_eq!((steered.id, steered.terms), (campaign, wanted));
    // The next claim obeys: the number that served it before has nothing for it any more.
    let sender = world.sender(&[first]).await;
    let claimed = world.store.claim(&sender.request(first, campaign, 5)).await.unwrap();
    assert!(claimed.messages.is_empty(), "{claimed:?}");

    // Who saw an older version changes nothing.
    let stale = change(&before, Steering { priority: 99, ..wanted });
    assert!(matches!(backend.act(stale).await, ActionAnswer::Changed { .. }));
    assert!(matches!(backend.act(*undo).await, ActionAnswer::Done { .. }));
    assert_eq!(row(&backend).await.terms, before.terms);
    assert_eq!(sender.claim(first, campaign, 5).await.len(), 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_rule_forbids_is_refused_with_its_reason_and_changes_nothing() {
    let world = World::start().await;
    world.number("support-a", 1).await;
    world.campaign("spring-news", 3).await;
    let org = world.organization;
    let pool = PoolId::new();
    world
        .run(&format!("insert into pools (organization_id, id, name) values ('{org}', '{pool}', 'empty')"))
        .await;
    let backend = backend(&world);
    let before = row(&backend).await;
    let stranger = world.number("promo", 2).await;
    world.run(&format!("delete from pool_numbers where number_id = '{stranger}'")).await;
    for (terms, says) in [
        (Steering { only_number: Some(stranger), ..before.terms }, "that number is not in the pool"),
        (
            Steering { window: "09:00-17:00 recipient".parse().ok(), ..before.terms },
            "has asked nobody for theirs",
        ),
    ] {
        match backend.act(change(&before, terms)).await {
            ActionAnswer::Refused(why) => assert!(why.contains(says), "{why}"),
            other => panic!("{says}: {other:?}"),
        }
    }
    assert_eq!(row(&backend).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_if_is_answered_beside_what_is_and_changes_nothing() {
    let world = World::start().await;
    let (first, second) = (world.number("support-a", 1).await, world.number("promo", 2).await);
    let campaign = world.campaign("spring-news", 600).await;
    world.run("update whatsapp_numbers set daily_limit = case when priority = 1 then 200 else 100 end").await;
    let backend = backend(&world);
    let own = |forecast: &signalbox::store::view::ForecastView| -> Vec<u64> {
        forecast.days.iter().map(|day| day.own).filter(|own| *own > 0).collect()
    };
    let plain = backend.forecast(campaign, WhatIf::default()).await.unwrap();
    assert_eq!((own(&plain.as_it_is), plain.instead.is_none()), (vec![300, 300], true));
    let asked = |what_if: WhatIf| {
        let answer = backend.forecast(campaign, what_if.clone());
        async move {
            let forecasts = answer.await.unwrap();
            let (echoed, instead) = forecasts.instead.unwrap();
            assert_eq!(echoed, what_if);
            (own(&forecasts.as_it_is), own(&instead), instead.finish)
        }
    };
    let (now, then, _) = asked(WhatIf { suspend: vec![first], ..WhatIf::default() }).await;
    assert_eq!((now, then), (vec![300, 300], vec![100; 6]));
    let (_, then, _) = asked(WhatIf { add: vec![250, 50], ..WhatIf::default() }).await;
    assert_eq!(then, [600]);
    let (_, then, _) = asked(WhatIf { daily_limit: Some(150), ..WhatIf::default() }).await;
    assert_eq!(then, [150; 4]);
    let (_, then, finish) = asked(WhatIf { pause: vec![campaign], ..WhatIf::default() }).await;
    assert_eq!((then, finish), (vec![], None));
    let (_, _, finish) = asked(WhatIf { suspend: vec![first, second], ..WhatIf::default() }).await;
    assert_eq!(finish, None);
    let page = backend.recipients(all(Some(campaign), RecipientOrder::Enrolled), Place::Start).await.unwrap();
    assert!(!ids(&page).is_empty() && page.rows.iter().all(|row| row.tries == 0));
}
