//! What the console says of what is to come, before anybody acts: what a rule would refuse, and what has ended.

use crate::store::view::{CampaignStanding, Counts, FileCheck};
use crate::tui::fake::*;
use crate::tui::msg::{Effect, Msg, Question, Reading, Slot};
use std::sync::Arc;

/// A form with a name, one country and a text; typing has paused.
fn filled(ends: bool, width: u16, height: u16) -> Desk {
    let mut desk = Desk::new(World::Many, width, height);
    desk.ends = ends;
    desk.keys("2 n");
    desk.text("summer-sale");
    desk.keys("Tab");
    desk.text("CM");
    desk.keys("PgDn Tab Tab");
    desk.text("en");
    desk.keys("Tab");
    desk.text("Hello {{name|friend}}");
    desk.wait(700);
    desk.wait(700);
    desk
}

#[test]
fn a_form_says_that_it_would_be_refused_beside_the_people_that_it_is_for() {
    let mut desk = filled(true, 80, 24);
    let says = "! refused: campaign summer-sale would be done on 2027-02-11, and the";
    for page in ["the text", "the days", "the numbers"] {
        let screen = desk.screen();
        assert!(screen.contains(says) && screen.contains("renew first"), "{page}: {screen}");
        assert!(!screen.contains("nothing is wrong"), "{page}: {screen}");
        desk.keys("PgDn");
    }
    desk.keys("ctrl-s");
    let screen = desk.screen();
    assert!(screen.contains("Create the campaign now"), "{screen}");
    let dialog = screen.split("Save").nth(1).unwrap();
    assert!(dialog.contains("! refused") && dialog.contains("renew first"), "{screen}");

    assert!(screen.contains("would be refused"), "{screen}");

    let mut wide = filled(true, 160, 48);
    assert!(wide.screen().contains("renew first"), "{}", wide.screen());
    let mut without = filled(false, 80, 24);
    assert!(!without.screen().contains("refused"), "{}", without.screen());
}

/// How many people it is for is counted once, and the rule is asked with that: where there is one.
#[test]
fn the_rule_is_asked_again_when_the_people_are_counted() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.ends = true;
    desk.keys("2 n");
    desk.text("summer-sale");
    desk.keys("PgDn Tab Tab");
    desk.text("en");
    desk.keys("Tab");
    desk.answers = false;
    desk.effects.clear();
    desk.text("Hello {{name}}");
    desk.wait(700);
    let asked = |desk: &Desk, slot: Slot| {
        let of = |effect: &Effect| match effect {
            Effect::Ask { request, question } if question.slot() == slot => {
                Some((*request, question.clone()))
            }
            _ => None,
        };
        desk.effects.iter().rev().find_map(of).unwrap_or_else(|| panic!("{:?}", desk.effects))
    };
    let answer = |desk: &mut Desk, slot, request, reading| {
        let took = std::time::Duration::from_millis(3);
        desk.send(Msg::Answer { slot, request, took, answer: Ok(reading) });
    };
    let (early, question) = asked(&desk, Slot::Check);
    assert!(matches!(question, Question::Check(_, None, None)), "{question:?}");
    answer(&mut desk, Slot::Check, early, Reading::Check(FileCheck::default()));
    assert!(!desk.screen().contains("refused"), "{}", desk.screen());
    let (counting, question) = asked(&desk, Slot::Estimate);
    let Question::Estimate(spec) = question else { panic!("{question:?}") };
    answer(&mut desk, Slot::Estimate, counting, Reading::Estimate(Arc::new(audience_count(&spec))));
    let (later, question) = asked(&desk, Slot::Check);
    assert!(later != early && matches!(question, Question::Check(_, None, Some(1_204_020))), "{question:?}");
    let refusal = Some("it would outlive the subscription".into());
    answer(&mut desk, Slot::Check, later, Reading::Check(FileCheck { refusal, ..FileCheck::default() }));
    assert!(desk.screen().contains("! refused: it would outlive the subscription"), "{}", desk.screen());
}

fn ended(standing: CampaignStanding, width: u16, height: u16) -> Desk {
    let mut desk = Desk::new(World::Many, width, height);
    let mut overview = desk.model.overview().cloned().unwrap();
    let row = overview.campaigns.iter_mut().find(|row| row.id == campaign_id(1)).unwrap();
    row.standing = standing;
    row.counts =
        Counts { planned: 1_000, read: 600, accepted: 300, failed: 60, skipped: 40, ..Counts::default() };
    row.sent = 1_900;
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    desk.over = true;
    desk.keys("2 f");
    desk
}

#[test]
fn the_forecast_of_an_ended_campaign_says_what_was() {
    for (width, height) in [(80, 24), (160, 48)] {
        let mut desk = ended(CampaignStanding::Completed, width, height);
        let screen = desk.screen();
        assert!(screen.contains("completed since") && screen.contains("nothing to foretell"), "{screen}");
        for said in ["People     1 000", "Sent to    900", "Failed     60", "Skipped    40", "1 900 taken"] {
            assert!(screen.contains(said), "{said}: {screen}");
        }
        assert!(!screen.contains("All steps") && !screen.contains("what would be if it went on"), "{screen}");
    }
    let mut desk = ended(CampaignStanding::Cancelled, 80, 24);
    assert!(desk.screen().contains("cancelled since"), "{}", desk.screen());
    // Asked what would be, it says that, as the command does.
    desk.keys("w Right Space ctrl-s");
    assert!(desk.screen().contains("All steps"), "{}", desk.screen());
}
