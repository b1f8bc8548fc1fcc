use crate::domain::action::Action;
use crate::tui::fake::*;
use crate::tui::model::Tab;
use crate::tui::msg::{Consent, Effect, Msg};
use crate::tui::overlays::Overlay;
use std::sync::Arc;

#[test]
fn the_plan_is_compared_with_the_days_that_are_over() {
    let mut desk = Desk::new(World::Many, 160, 48);
    desk.keys("2 P");
    let screen = desk.screen();
    assert!(screen.contains("1 870 sent of 2 250 foretold up to Sun 05-03: 380 behind"), "{screen}");
    assert!(screen.contains("Then start feedback-may"), "{screen}");
    assert!(screen.contains("Mon 05-04          250          61"), "{screen}");
}

#[test]
fn a_campaign_is_drawn_by_its_pace_its_funnel_and_its_failures() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("2 P");
    let screen = desk.screen();
    assert!(screen.contains("Messages a minute, 10:4") && screen.contains("the mean of 3"), "{screen}");
    let column = screen.lines().find(|line| line.trim_start_matches(['|', ' ']).starts_with("50 ")).unwrap();
    assert!(column.contains('.'), "the fastest minutes reach into the uppermost line: {column}");
    let mut desk = Desk::new(World::Many, 160, 48);
    desk.keys("2 P");
    let screen = desk.screen();
    for words in [
        "taken         104 008",
        "arrived        98 114  94%",
        "read           41 077",
        "failed            311",
    ] {
        assert!(screen.contains(words), "{words}: {screen}");
    }
    assert!(screen.contains("240 ############ 131049 engagement limit"), "{screen}");
    assert!(screen.contains("71 ###          131026 undeliverable"), "{screen}");
}

#[test]
fn skipped_people_are_taken_back_by_reason_after_a_question() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("2 w j i");
    desk.wait(400);
    let screen = desk.screen();
    assert!(screen.contains("Send to them after all?") && screen.contains("opted out"), "{screen}");
    assert!(desk.orders().is_empty());
    desk.keys("y");
    let Some(Effect::Act { orders, consent: Consent::Confirmed, .. }) = desk.effects.last() else { panic!() };
    let asked = Action::IncludeAgain { campaign: campaign_id(1), reason: "opted_out".into() };
    assert_eq!(orders[0].action, asked);
    // Many people are asked for by their number.
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("2 w i");
    desk.wait(400);
    desk.keys("y");
    assert!(desk.orders().is_empty());
    desk.keys("Backspace");
    desk.text("211");
    desk.keys("Enter");
    assert_eq!(desk.orders().len(), 1);
}

#[test]
fn nobody_is_taken_back_into_a_campaign_that_has_ended() {
    let mut desk = Desk::new(World::Many, 80, 24);
    let mut overview = many_overview();
    overview.campaigns[0].standing = crate::store::view::CampaignStanding::Cancelled;
    desk.keys("2 w");
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    desk.keys("i");
    assert!(desk.orders().is_empty());
    assert!(desk.screen().contains("has ended; nobody can be taken back into it"), "{}", desk.screen());
}

#[test]
fn the_register_leads_to_the_people() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("2 P Tab Enter");
    assert_eq!((desk.model.tab, desk.model.overlays.len()), (Tab::Recipients, 0));
    assert_eq!(desk.model.recipients.filter_text, "status:skipped");
    assert_eq!(desk.model.recipients.campaign, Some(campaign_id(1)));
    let mut desk = Desk::new(World::Empty, 80, 24);
    desk.keys("2 P");
    assert!(desk.model.overlays.is_empty(), "there is no campaign");
}

#[test]
fn the_schedule_says_what_waits_for_what() {
    let mut desk = Desk::new(World::Many, 160, 48);
    desk.keys("2 Q");
    assert!(matches!(desk.model.overlays.last(), Some(Overlay::Schedule(_))));
    let screen = desk.screen();
    assert!(screen.contains("after spring-news, not before 15:00"), "{screen}");
    assert!(screen.contains("every number is at its cap"), "{screen}");
    desk.keys("Esc");
    assert!(desk.model.overlays.is_empty());
}
