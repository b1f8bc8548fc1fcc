//! Leases, statement by statement: who may send through a number, and until when. Rows 45, 46, 52 and 55.

use crate::world::{
    World,
    claimer::Claimer,
    seed::{Camp, Num},
};
use signalbox::store::Store;
use signalbox::{
    domain::ids::{CampaignId, InstanceId},
    store::{
        attempt::Verdict,
        lease::{Introduction, Lease},
    },
};
use std::time::Duration;

impl World {
    async fn instance(&self) -> InstanceId {
        let instance = InstanceId::new();
        let who = Introduction { instance, operator: "t".into(), host: "t".into(), pid: 1, kind: "sender" };
        self.store.introduce(self.organization, &who).await.unwrap();
        instance
    }

    async fn take(&self, instance: InstanceId, lease: Lease) -> Vec<Lease> {
        self.store.take_leases(self.organization, instance, &[lease.number], 1).await.unwrap()
    }

    async fn renew(&self, instance: InstanceId, lease: Lease) -> Vec<Lease> {
        self.store.renew_leases(self.organization, instance, &[lease]).await.unwrap()
    }

    async fn expire(&self) {
        self.execute("update number_leases set expires_at = clock_timestamp() - interval '1 ms'").await;
    }

    /// Asserts that a claim under this lease brings nothing, because the lease is lost.
    async fn assert_lost(&self, claimer: &Claimer, campaign: CampaignId) {
        let claimed = self.store.claim(&self.request(claimer, campaign, 1)).await.unwrap();
        let verdicts: Vec<Verdict> = claimed.refused.iter().map(|(_, verdict)| *verdict).collect();
        assert_eq!((claimed.messages.len(), verdicts), (0, vec![Verdict::LeaseLost]));
    }
}

#[tokio::test]
async fn row_55_lease_is_taken_over_when_it_has_expired_and_not_before() {
    let world = World::start().await;
    let campaign = world.campaign(Camp::of(3)).await;
    let first = world.claimers(1).await.remove(0);
    let second = world.instance().await;
    assert_eq!(world.take(second, first.lease).await, [], "somebody holds it");
    assert_eq!(world.renew(first.instance, first.lease).await, [first.lease]);
    world.expire().await;
    let taken = world.take(second, first.lease).await;
    assert_eq!(taken, [Lease { epoch: first.lease.epoch + 1, ..first.lease }], "under a new epoch");
    assert_eq!(world.renew(first.instance, first.lease).await, [], "it is another's");
    assert_eq!(world.renew(second, first.lease).await, [], "nobody renews an epoch that is over");
    world.assert_lost(&first, campaign).await;
    let next = Claimer { store: Store::new(&world.database), instance: second, lease: taken[0] };
    assert_eq!(next.store.claim(&world.request(&next, campaign, 1)).await.unwrap().messages.len(), 1);
    world.assert_invariants().await;
}

#[tokio::test]
async fn row_45_lease_that_has_expired_is_not_renewed_though_nobody_took_it() {
    let world = World::start().await;
    world.number(Num::meta()).await;
    let claimer = world.claimers(1).await.remove(0);
    world.expire().await;
    assert_eq!(world.renew(claimer.instance, claimer.lease).await, []);
    // A renewal that waits for the row is judged by the time after the wait.
    let taken = world.take(claimer.instance, claimer.lease).await[0];
    let mut other = world.pool.begin().await.unwrap();
    sqlx::query("update number_leases set expires_at = clock_timestamp() + interval '200 ms'")
        .execute(&mut *other)
        .await
        .unwrap();
    let (renewed, ()) = tokio::join!(world.renew(claimer.instance, taken), async {
        world.until_waiting(1).await;
        tokio::time::sleep(Duration::from_millis(300)).await;
        other.commit().await.unwrap();
    });
    assert_eq!(renewed, [], "it had expired while it waited");
}

#[tokio::test]
async fn row_52_claim_under_an_epoch_that_is_over_gets_nothing_though_the_holder_is_the_same() {
    let world = World::start().await;
    let campaign = world.campaign(Camp::of(3)).await;
    let old = world.claimers(1).await.remove(0);
    world.expire().await;
    let lease = world.take(old.instance, old.lease).await[0];
    world.assert_lost(&old, campaign).await;
    let new = Claimer { lease, ..old };
    assert_eq!(new.store.claim(&world.request(&new, campaign, 1)).await.unwrap().messages.len(), 1);
    world.assert_invariants().await;
}

#[tokio::test]
async fn row_52_claim_whose_lease_expires_while_it_waits_gets_nothing() {
    let world = World::start().await;
    let campaign = world.campaign(Camp::of(3)).await;
    let claimer = world.claimers(1).await.remove(0);
    let mut other = world.pool.begin().await.unwrap();
    sqlx::query("select 1 from number_pacing for update").execute(&mut *other).await.unwrap();
    world.execute("update number_leases set expires_at = clock_timestamp() + interval '500 ms'").await;
    tokio::join!(world.assert_lost(&claimer, campaign), async {
        world.until_waiting(1).await;
        tokio::time::sleep(Duration::from_millis(600)).await;
        other.rollback().await.unwrap();
    });
    assert_eq!(world.counts().await.attempts, 0);
}

#[tokio::test]
async fn row_52_takeover_waits_for_the_claim_that_is_inside() {
    let world = World::start().await;
    let campaign = world.campaign(Camp::of(3)).await;
    let claimer = world.claimers(1).await.remove(0);
    let second = world.instance().await;
    let mut other = world.pool.begin().await.unwrap();
    sqlx::query("select 1 from number_pacing for update").execute(&mut *other).await.unwrap();
    let request = world.request(&claimer, campaign, 1);
    let (claimed, ()) = tokio::join!(world.store.claim(&request), async {
        world.until_waiting(1).await;
        // Whoever looks for free leases passes by one that a claim stands on.
        let taken = sqlx::query("select 1 from number_leases for update skip locked");
        assert_eq!(taken.fetch_all(&world.pool).await.unwrap().len(), 0);
        assert_eq!(world.take(second, claimer.lease).await, []);
        other.rollback().await.unwrap();
    });
    assert_eq!(claimed.unwrap().messages.len(), 1);
    world.assert_invariants().await;
}
