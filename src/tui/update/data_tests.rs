//! What comes back from the database, and what time alone changes.

use crate::domain::action::Action;
use crate::store::view::{LiveKind, NumberStanding, Place};
use crate::tui::backend::BackendError;
use crate::tui::fake::*;
use crate::tui::model::Dirty;
use crate::tui::msg::{Effect, Msg, Question, Slot};
use std::sync::Arc;

fn many() -> Desk {
    Desk::new(World::Many, 80, 24)
}

#[test]
fn live_events_draw_only_where_they_are_seen() {
    let mut desk = many();
    desk.draw();
    assert_eq!(desk.model.dirty, Dirty::Clean);
    desk.send(Msg::Live(vec![Arc::new(event(wall(), LiveKind::Ok, "a"))], 3));
    assert_eq!(desk.model.dirty, Dirty::Clean);
    desk.keys("4");
    desk.send(Msg::Live(vec![Arc::new(event(wall(), LiveKind::Ok, "a"))], 3));
    assert_eq!(desk.model.dirty, Dirty::Live);
    assert!(desk.screen().contains("6 dropped"));
}

#[test]
fn a_picture_that_only_beats_its_heart_is_no_reason_to_draw() {
    let mut desk = Desk::new(World::One, 80, 24);
    let mut overview = one_overview();
    overview.at += chrono::Duration::seconds(5);
    for row in &mut overview.instances {
        row.seen_at += chrono::Duration::seconds(5);
    }
    desk.draw();
    desk.send(Msg::Overview(Ok(Arc::new(overview.clone()))));
    assert_eq!(desk.model.dirty, Dirty::Clean);
    overview.queued += 1;
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    assert_eq!(desk.model.dirty, Dirty::Live);
}

#[test]
fn an_idle_console_wakes_once_a_minute_at_most() {
    let mut desk = Desk::new(World::One, 80, 24);
    desk.model.source.fresh_at = None;
    desk.draw();
    let wake = super::wake_at(&desk.model).unwrap() - desk.now().mono;
    assert!(wake.as_secs() >= 37, "{wake:?}");
}

#[test]
fn the_database_away_is_said_and_its_return_reads_everything_again() {
    let mut desk = many();
    desk.keys("2 r");
    desk.lose_database();
    assert!(desk.screen().contains("!! DATABASE AWAY since 14:03:22"));
    assert!(desk.screen().contains("DB AWAY"));
    desk.answers = true;
    desk.effects.clear();
    desk.send(Msg::Overview(Ok(Arc::new(many_overview()))));
    assert!(!desk.screen().contains("AWAY"));
}

#[test]
fn a_page_that_is_slow_gets_a_spinner_and_the_rows_stay() {
    let mut desk = many();
    desk.keys("2 r");
    desk.answers = false;
    desk.keys("G");
    assert!(!desk.screen().contains("loading"));
    desk.wait(200);
    assert!(desk.screen().contains("loading") && desk.screen().contains("Anna M."));
    let Some(Effect::Ask { request, question: Question::Recipients(_, Place::End) }) =
        desk.effects.iter().rev().find(|effect| {
            matches!(effect, Effect::Ask { question: Question::Recipients(_, Place::End), .. })
        })
    else {
        panic!("the end was not asked for")
    };
    let request = *request;
    desk.send(Msg::Answer {
        slot: Slot::Recipients,
        request,
        took: std::time::Duration::from_secs(2),
        answer: Err(BackendError::Slow),
    });
    assert!(desk.screen().contains("the database took too long"));
}

#[test]
fn a_notice_about_the_organisation_has_everything_visible_read_again() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.keys("2 r");
    desk.answers = false;
    desk.effects.clear();
    desk.send(Msg::Notice(crate::tui::backend::Notice {
        at: wall(),
        by: "signalbox".into(),
        what: "the database is back; what changed meanwhile is read again".into(),
        subject: crate::domain::action::Subject::Organization,
        version: None,
        alarming: false,
    }));
    let asks = |wanted: fn(&Question) -> bool| {
        desk.effects.iter().any(|effect| matches!(effect, Effect::Ask { question, .. } if wanted(question)))
    };
    assert!(asks(|question| matches!(question, Question::RecipientRows(_))), "{:?}", desk.effects);
    assert!(asks(|question| matches!(question, Question::Newer(..))), "{:?}", desk.effects);
    assert!(desk.effects.contains(&Effect::Refresh));
}

#[test]
fn another_zone_or_other_rights_are_taken_over_and_the_instance_stays() {
    let mut desk = Desk::new(World::Many, 80, 24);
    let other = crate::store::view::Session {
        zone: chrono_tz::Asia::Kolkata,
        may_write: false,
        instance: None,
        ..session()
    };
    desk.send(Msg::Session(Box::new(other)));
    assert!(desk.screen().contains("READ-ONLY"), "{}", desk.screen());
    let said = "READ-ONLY: your role is manager now; nothing is changed or sent from here any more";
    assert!(desk.model.toasts.iter().any(|toast| toast.text == said), "{:?}", desk.model.toasts);
    assert_eq!(desk.model.session.zone, chrono_tz::Asia::Kolkata);
    assert_eq!(desk.model.session.instance, Some(instance_id(1)));
}

#[test]
fn a_key_meant_for_a_row_that_left_the_filter_hits_no_other() {
    let filtered = |tab: &str| {
        let mut desk = many();
        desk.keys(tab);
        desk.keys("/");
        desk.text("status:active");
        desk.keys("Enter");
        desk.wait(3_000);
        desk
    };
    let mut desk = filtered("2");
    assert_eq!(desk.model.campaigns.current().unwrap().row.id, campaign_id(1));
    desk.change_campaign(1);
    desk.keys("p");
    assert!(desk.orders().is_empty(), "{:?}", desk.orders());
    let told = &desk.model.toasts.last().unwrap().text;
    assert!(told.contains("it does not fit the filter any more"), "{told}");
    desk.keys("j p");
    assert_eq!(desk.orders()[0].action, Action::PauseCampaign(campaign_id(3)));
    assert!(desk.model.campaigns.rows().iter().all(|standing| standing.row.id != campaign_id(1)));

    let mut desk = filtered("1");
    desk.keys("j");
    desk.wait(3_000);
    let mut overview = desk.model.overview().cloned().unwrap();
    let id = desk.model.numbers.current().unwrap().row.id;
    overview.numbers.iter_mut().find(|row| row.id == id).unwrap().standing = NumberStanding::Disabled;
    desk.send(Msg::Overview(Ok(Arc::new(overview))));
    desk.keys("- x");
    assert!(desk.orders().is_empty() && desk.model.overlays.is_empty(), "{:?}", desk.orders());
    desk.keys("Enter");
    assert!(!desk.model.overlays.is_empty(), "it can still be looked at");
}
