//! Doubts about which a provider is asked that knows nothing of our attempts, or that says nothing at all.

use crate::world::{
    World,
    provider::ByHand,
    seed::{Camp, Num},
    until,
};
use signalbox::{
    domain::{action::Action, ids::CampaignId, number::ProviderKind},
    sender::Timing,
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

impl World {
    /// A campaign, paused, for the very person of another one.
    async fn campaign_for_the_same_person(&self, other: CampaignId) -> CampaignId {
        let campaign = self.campaign(Camp::of(1).paused()).await;
        sqlx::query(
            "update campaign_recipients r set phone = o.phone from campaign_recipients o
              where r.campaign_id = $1 and o.campaign_id = $2",
        )
        .bind(campaign.0)
        .bind(other.0)
        .execute(&self.pool)
        .await
        .unwrap();
        campaign
    }
}

#[tokio::test]
async fn lost_message_is_not_taken_for_another_one_to_the_same_person() {
    let world = World::scripted("[[rule]]\nwhen = { nth = 2 }\nthen = { cut_before = true }\n").await;
    world.number(Num::at(ProviderKind::Twilio)).await;
    let first = world.campaign(Camp::of(1)).await;
    let second = world.campaign_for_the_same_person(first).await;
    // Both say the same: what the provider lists fits by person, number, time and text.
    world.execute(r#"update campaign_steps set texts = '[{"locale": "en", "text": "Hello"}]'"#).await;
    let sender = world.sender().await;
    world.until_counts("the first is accepted", 20, |counts| counts.accepted == 1).await;
    world.order(Action::ResumeCampaign(second)).await;
    until("the provider was asked about the second, twice", 60, async || {
        world.value::<i64>("select coalesce(max(absences), 0)::bigint from attempts").await >= 2
    })
    .await;
    let (taken, lost) = (world.counts_of(first).await, world.counts_of(second).await);
    assert_eq!((taken.accepted, lost.accepted, lost.in_doubt), (1, 0, 1));
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.in_doubt, sides.received), (1, 1, 1));
}

#[tokio::test]
async fn of_two_doubts_about_one_person_the_text_says_which_message_the_provider_has() {
    let world = World::scripted(
        "[[rule]]\nwhen = { nth = 1 }\nthen = { accept_then_cut = true }\n
         [[rule]]\nthen = { cut_before = true }\n",
    )
    .await;
    world.number(Num::at(ProviderKind::Twilio)).await;
    let first = world.campaign(Camp::of(1)).await;
    let second = world.campaign_for_the_same_person(first).await;
    // Both are in doubt before anybody asks.
    let timing = Timing { settle: Duration::from_secs(30), ..crate::world::TIMING };
    let sender = world.sender_with(&world.database, |config| config.timing = timing).await;
    world.until_counts("the first is in doubt", 20, |counts| counts.in_doubt == 1).await;
    world.order(Action::ResumeCampaign(second)).await;
    until("the provider was asked about the second", 60, async || {
        let asked = sqlx::query_scalar("select max(absences)::bigint from attempts where campaign_id = $1");
        asked.bind(second.0).fetch_one(&world.pool).await.is_ok_and(|absences: i64| absences >= 1)
    })
    .await;
    world.until_counts("the first is found", 60, |counts| counts.accepted == 1).await;
    assert_eq!(world.counts_of(first).await.accepted, 1);
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.in_doubt, sides.received), (1, 1, 1));
}

/// A gateway that breaks off every message, takes every question about it and is silent.
async fn silent() -> (ByHand, Arc<AtomicUsize>) {
    let questions = Arc::new(AtomicUsize::new(0));
    let asked = Arc::clone(&questions);
    let server = ByHand::serve(move |_, request| {
        let asked = Arc::clone(&asked);
        async move {
            if request.starts_with("GET") && request.contains("referenceId=") {
                asked.fetch_add(1, Ordering::SeqCst);
                tokio::time::sleep(Duration::from_mins(10)).await;
            }
            None
        }
    })
    .await;
    (server, questions)
}

#[tokio::test]
async fn provider_that_takes_questions_and_is_silent_holds_up_nothing_but_itself() {
    let world = World::scripted("[[rule]]\nwhen = { nth = 1 }\nthen = { cut_before = true }\n").await;
    let (server, questions) = silent().await;
    let account = world.account("silent", ProviderKind::Ultramsg, Some(&server.base_url())).await;
    world.number_of(account, Num::ultramsg()).await;
    let lost = world.campaign(Camp::of(20)).await;
    let sender = world
        .sender_with(&world.database, |config| {
            config.client.total_timeout = Duration::from_secs(20);
            config.timing.deadline = Duration::from_secs(30);
        })
        .await;
    until("it is asked, and has a lot more to be asked", 60, async || {
        questions.load(Ordering::SeqCst) > 0 && world.counts().await.in_doubt >= 5
    })
    .await;
    world.order(Action::PauseCampaign(lost)).await;
    world.execute("delete from pool_numbers").await;
    world.number(Num::ultramsg()).await;
    let other = world.campaign(Camp::of(3)).await;
    // Of its messages one is in doubt and is settled by asking; and it is completed, which is a chore.
    until("the other campaign is completed", 60, async || {
        let state = sqlx::query_scalar("select state::text from campaigns where id = $1").bind(other.0);
        state.fetch_one(&world.pool).await.is_ok_and(|state: String| state == "completed")
    })
    .await;
    assert_eq!(world.counts_of(other).await.accepted, 3);
    assert!(world.counts_of(lost).await.in_doubt >= 5, "nothing is known of these");
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (3, 3));
}
