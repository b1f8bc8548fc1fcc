//! The figures of a campaign: whoever asks, by command or on any screen, is told the same, and they add up at every moment,
//! whatever happens meanwhile.

use crate::world::{
    World,
    seed::{Camp, Num},
    until,
};
use signalbox::{
    domain::{
        action::Action,
        campaign::{CampaignFile, Context},
        filter::{Filter, Scope},
        ids::CampaignId,
    },
    store::{
        Store,
        action::{ActionResult, Actor},
        screen::{Seat, rates::RateWindow},
        stats::CampaignStats,
        view::{CampaignRow, RecipientOrder, RecipientQuery, Total},
    },
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

/// A few are refused for good; the number that goes first is taken away after a while.
const SCRIPT: &str = "[[rule]]\nwhen = { nth = 150 }\nthen = { error = 133010 }\n
                      [[rule]]\nwhen = { probability = 0.05 }\nthen = { error = 131026 }\n";
const ANEW: &str = "name = \"x\"\n[[steps]]\ntext = { en = \"Anew {{name}}\" }\n";

async fn rows(store: &Store, seat: &Seat) -> Vec<CampaignRow> {
    store.picture(seat).await.unwrap().with_rates(&mut RateWindow::default()).campaigns
}

async fn stats(store: &Store, seat: &Seat, row: &CampaignRow) -> CampaignStats {
    store.campaign_stats(seat.organization, row.name.as_str()).await.unwrap().unwrap()
}

/// Looks again and again, on its own connections, until it is told to stop; answers how often.
async fn look(store: Store, seat: Seat, ended: Arc<AtomicBool>) -> u32 {
    let mut looks = 0;
    while !ended.load(Ordering::Relaxed) {
        for row in rows(&store, &seat).await {
            assert!(row.counts.hold(), "on screen: {row:?}");
            let stats = stats(&store, &seat, &row).await;
            assert!(stats.sums_hold, "by command: {stats:?}");
        }
        looks += 1;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    looks
}

impl World {
    async fn wire_is_quiet(&self) {
        until("nothing is on the wire", 60, async || self.counts().await.sending == 0).await;
    }

    /// Asserts that every screen and every command say the same of a campaign of which nothing moves.
    async fn told_alike(&self, seat: &Seat, campaign: CampaignId) {
        let store = &self.store;
        let row = rows(store, seat).await.into_iter().find(|row| row.id == campaign).unwrap();
        let stats = stats(store, seat, &row).await;
        let many = |count: i64| u64::try_from(count).unwrap();
        let counts = row.counts;
        let on_screen = [
            counts.planned,
            counts.queued,
            counts.sending,
            counts.accepted,
            counts.delivered,
            counts.read,
            counts.failed,
            counts.in_doubt,
            counts.skipped,
        ];
        let by_command = [
            stats.planned,
            stats.queued,
            stats.sending,
            stats.accepted,
            stats.delivered,
            stats.read,
            stats.failed,
            stats.in_doubt,
            stats.skipped,
        ];
        assert_eq!(on_screen, by_command.map(many), "{}", stats.state);
        let listed = store.campaigns(self.organization, Some(row.name.as_str())).await.unwrap().remove(0);
        assert_eq!(
            [listed.planned, listed.queued, listed.sent, listed.failed, listed.in_doubt, listed.skipped]
                .map(many),
            [counts.planned, counts.queued, counts.reached(), counts.failed, counts.in_doubt, counts.skipped]
        );
        for (word, expected) in [
            ("queued", counts.queued),
            ("accepted", counts.accepted),
            ("failed", counts.failed),
            ("skipped", counts.skipped),
        ] {
            let filter = Filter::parse(&format!("status:{word}"), Scope::Recipients).unwrap();
            let query = RecipientQuery { campaign: Some(campaign), filter, order: RecipientOrder::Enrolled };
            let total = store.recipient_total(seat, &query).await.unwrap();
            assert_eq!(total, Total::Exactly(expected), "{word}");
        }
        let detail = store.campaign_detail(seat, campaign).await.unwrap();
        let progress = store.progress_view(seat, campaign).await.unwrap();
        let by_day: u64 = detail.days.iter().map(|day| day.sent).sum();
        assert_eq!(by_day, progress.days.iter().map(|day| day.sent).sum::<u64>(), "the days of both panels");
        assert_eq!(progress.skipped.iter().map(|reason| reason.people).sum::<u64>(), counts.skipped);
        assert_eq!(detail.errors.iter().map(|error| error.count).sum::<u64>(), counts.failed);
    }
}

#[tokio::test]
async fn everybody_is_told_the_same_and_the_sums_hold_through_everything() {
    let world = World::scripted(SCRIPT).await;
    world.number(Num::meta().priority(1).per_second(100).in_flight(10)).await;
    world.number(Num::meta().priority(2).per_second(100).in_flight(10)).await;
    let campaign = world.campaign(Camp::of(600)).await;
    let other = world.campaign(Camp::of(100)).await;
    let seat = world.store.seat(world.organization, None).await.unwrap();
    let ended = Arc::new(AtomicBool::new(false));
    let looking = tokio::spawn(look(Store::new(&world.database), seat.clone(), ended.clone()));
    let senders = [world.sender().await, world.sender().await];

    until("some went out", 60, async || world.attempts("accepted").await >= 40).await;
    world.order(Action::PauseCampaign(campaign)).await;
    until("the other one is done", 60, async || world.counts_of(other).await.queued == 0).await;
    world.wire_is_quiet().await;
    for each in [campaign, other] {
        world.told_alike(&seat, each).await;
    }

    world.order(Action::ResumeCampaign(campaign)).await;
    until("a number failed over", 60, async || {
        world.value::<i64>("select count(*) from failovers").await == 1
    })
    .await;
    let spec = CampaignFile::parse(ANEW, "x", &Context::in_zone(chrono_tz::Africa::Douala)).unwrap();
    let ana = Actor::operator("ana");
    let edited = world.store.edit_steps(world.organization, campaign, &spec, ANEW, Some("a typo"), ana).await;
    assert!(matches!(edited, Ok(ActionResult::Done { .. })), "{edited:?}");
    let before = world.counts_of(campaign).await;
    until("it goes on", 60, async || world.counts_of(campaign).await.accepted > before.accepted + 20).await;
    world.order(Action::CancelCampaign(campaign)).await;
    world.wire_is_quiet().await;
    for each in [campaign, other] {
        world.told_alike(&seat, each).await;
    }
    let counts = world.counts_of(campaign).await;
    assert!(counts.skipped > 0 && counts.queued == 0, "it was cancelled in the middle: {counts:?}");

    ended.store(true, Ordering::Relaxed);
    let looks = looking.await.unwrap();
    assert!(looks >= 10, "{looks} looks prove little");
    world.end(senders).await;
}
