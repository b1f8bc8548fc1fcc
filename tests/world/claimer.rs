//! Claims by hand, for races that no sender can be made to run on purpose.

use super::{World, seed::Num};
use signalbox::{
    domain::ids::{AttemptId, CampaignId, InstanceId, RecipientId},
    store::{
        Store,
        attempt::{ClaimCampaign, ClaimNumber, ClaimRequest, Lane},
        lease::{Introduction, Lease},
    },
};
use std::time::Duration;

/// An instance of the test's own, with a lease of a number of its own, and connections of its own: claims of one process
/// wait for each other before they come to the database.
pub struct Claimer {
    pub store: Store,
    pub instance: InstanceId,
    pub lease: Lease,
}

impl World {
    pub async fn claimers(&self, count: usize) -> Vec<Claimer> {
        let mut claimers = Vec::new();
        for _ in 0..count {
            let number = self.number(Num::meta().in_flight(1_000)).await;
            let instance = InstanceId::new();
            let who =
                Introduction { instance, operator: "t".into(), host: "t".into(), pid: 1, kind: "sender" };
            self.store.introduce(self.organization, &who).await.unwrap();
            let leases = self.store.take_leases(self.organization, instance, &[number.id], 1).await.unwrap();
            claimers.push(Claimer { store: Store::new(&self.database), instance, lease: leases[0] });
        }
        claimers
    }

    pub fn request(&self, claimer: &Claimer, campaign: CampaignId, wanted: u32) -> ClaimRequest {
        ClaimRequest {
            organization: self.organization,
            instance: claimer.instance,
            numbers: vec![ClaimNumber {
                id: claimer.lease.number,
                epoch: claimer.lease.epoch,
                batch: wanted,
                gap: Duration::ZERO,
            }],
            campaigns: vec![ClaimCampaign {
                id: campaign,
                walk_after: Some(RecipientId(uuid::Uuid::nil())),
                may_take_over: true,
            }],
            lanes: vec![Lane { number: 0, campaign: Some(0), wanted, bound_only: false }],
            takes_over: Vec::new(),
            attempts: (0..wanted).map(|_| AttemptId::new()).collect(),
            deadline: Duration::from_secs(60),
            now: None,
        }
    }
}
