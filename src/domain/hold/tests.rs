use super::*;

const DOUALA: Tz = chrono_tz::Africa::Douala;

fn utc(text: &str) -> DateTime<Utc> {
    DateTime::parse_from_rfc3339(text).unwrap_or_else(|error| panic!("{text}: {error}")).with_timezone(&Utc)
}

fn cap(scope: CapScope, limit: u32, opens: Option<&str>) -> Hold {
    Hold::CapReached { scope, limit, opens: opens.map(utc) }
}

fn paced(until: &str) -> Hold {
    Hold::Paced { until: utc(until) }
}

/// One of each variant, with what it says.
fn every_hold() -> Vec<(Hold, &'static str)> {
    let at = utc("2026-12-01T08:00:00Z");
    let reason = || "banned".to_owned();
    vec![
        (
            Hold::StoreUnwell { reason: "disk full".into() },
            "the database is not well, nothing is sent: disk full",
        ),
        (
            Hold::SendingStopped { by: "ana".into() },
            "all sending was stopped by ana, until somebody resumes it",
        ),
        (Hold::NoSender, "no sender runs on this database"),
        (Hold::CampaignDraft, "the campaign is a draft, until somebody starts it"),
        (
            Hold::CampaignScheduled { starts: Some(at) },
            "the campaign starts at 2026-12-01 09:00 Africa/Douala",
        ),
        (Hold::CampaignScheduled { starts: None }, "the campaign waits for its start"),
        (
            Hold::CampaignPaused { by: Some("ana".into()) },
            "campaign paused by ana, until somebody resumes it",
        ),
        (Hold::CampaignPaused { by: None }, "campaign paused, until somebody resumes it"),
        (Hold::CampaignFinished { state: CampaignState::Cancelled }, "the campaign is cancelled"),
        (Hold::Yields { to: "spring".into() }, "yields to spring, until no other campaign runs"),
        (Hold::OptedOut, "this person asked not to be written to"),
        (
            Hold::InDoubt { since: at },
            "in doubt since 2026-12-01 09:00 Africa/Douala: waits for the provider's evidence or an \
             operator's verdict",
        ),
        (Hold::NotDue { due: at }, "not due, opens at 2026-12-01 09:00 Africa/Douala"),
        (
            Hold::RetryLater { until: at, reason: "busy".into() },
            "tried without success (busy), again at 2026-12-01 09:00 Africa/Douala",
        ),
        (
            Hold::NoNumber { pool: "default".into() },
            "no number of pool default is in service and the organisation has no default number",
        ),
        (Hold::NumberDisabled, "number switched off, until somebody switches it on"),
        (
            Hold::NumberSuspended { reason: reason(), until: None },
            "number suspended, until somebody resumes it: banned",
        ),
        (
            Hold::NumberSuspended { reason: reason(), until: Some(at) },
            "number suspended until 2026-12-01 09:00 Africa/Douala: banned",
        ),
        (
            Hold::NumberUnusable { reason: "the token does not open".into() },
            "the number cannot send until somebody corrects it or its account: the token does not open",
        ),
        (
            Hold::NumberLimited { reason: "too fast".into(), until: at },
            "number rests until 2026-12-01 09:00 Africa/Douala: too fast",
        ),
        (
            Hold::BreakerOpen { scope: BreakerScope::Account, until: at },
            "too many faults in a row at this account, next trial at 09:00 Africa/Douala",
        ),
        (Hold::NotChosen { instead: "+2376*****001".into() }, "number +2376*****001 goes first"),
        (Hold::NoLease { holder: Some("host-b".into()) }, "host-b sends through this number"),
        (Hold::NoLease { holder: None }, "no sender has taken this number yet"),
        (
            cap(CapScope::Number, 250, Some("2026-12-01T23:00:00Z")),
            "cap reached, opens at midnight Africa/Douala",
        ),
        (
            cap(CapScope::Organization, 500, Some("2026-12-01T23:00:00Z")),
            "organisation cap reached, opens at midnight Africa/Douala",
        ),
        (
            cap(CapScope::Campaign, 50, Some("2026-12-01T23:00:00Z")),
            "campaign cap reached, opens at midnight Africa/Douala",
        ),
        (
            cap(CapScope::Account, 1000, Some("2026-12-01T13:32:00Z")),
            "account cap reached: 1000 people in 24 hours, the next from 2026-12-01 14:32 Africa/Douala",
        ),
        (cap(CapScope::Account, 1000, None), "account cap reached, nobody can say when it opens"),
        (
            cap(CapScope::WarmUp { day: 3 }, 100, Some("2026-12-01T23:00:00Z")),
            "warm-up day 3: 100 a day, all sent, opens at midnight Africa/Douala",
        ),
        (cap(CapScope::Number, 0, None), "cap is 0, opens when somebody raises it"),
        (Hold::GivesWay, "gives way to campaigns that go first or are behind their share"),
        (paced("2026-12-01T08:00:07Z"), "paced, next slot at 09:00:07 Africa/Douala"),
        (Hold::QueueFull { limit: 5 }, "5 messages wait in the gateway's own queue, as many as allowed"),
        (Hold::InFlightFull { limit: 1 }, "waits for the answer to the message on the wire"),
        (Hold::InFlightFull { limit: 40 }, "40 messages are on the wire, as many as allowed"),
    ]
}

#[test]
fn every_hold_says_what_it_is_and_when_it_opens() {
    for (hold, sentence) in every_hold() {
        assert_eq!(hold.sentence(DOUALA), sentence);
    }
}

#[test]
fn a_code_is_the_tag_under_which_the_hold_is_stored() -> Result<(), serde_json::Error> {
    for (hold, _) in every_hold() {
        let stored = serde_json::to_value(&hold)?;
        assert_eq!(stored["code"], hold.code());
        assert_eq!(serde_json::from_value::<Hold>(stored)?, hold);
    }
    Ok(())
}

#[test]
fn midnight_is_only_said_where_the_day_begins_at_midnight() {
    let opens = |zone: Tz, at: &str| cap(CapScope::Number, 250, Some(at)).sentence(zone);
    let table = [
        (chrono_tz::Africa::Cairo, "2025-04-24T22:00:00Z", "cap reached, opens at 01:00 Africa/Cairo"),
        (chrono_tz::Africa::Cairo, "2025-04-25T21:00:00Z", "cap reached, opens at midnight Africa/Cairo"),
        (
            chrono_tz::America::Havana,
            "2025-11-02T04:00:00Z",
            "cap reached, opens at midnight (UTC-04:00) America/Havana",
        ),
        (
            chrono_tz::America::Havana,
            "2025-11-02T05:00:00Z",
            "cap reached, opens at 00:00 (UTC-05:00) America/Havana",
        ),
    ];
    for (zone, at, sentence) in table {
        assert_eq!(opens(zone, at), sentence);
    }
}

#[test]
fn the_first_closed_gate_binds_and_there_the_last_to_open() {
    let soon = paced("2026-12-01T08:00:07Z");
    let cap_today = cap(CapScope::Number, 250, Some("2026-12-01T23:00:00Z"));
    let pause = Hold::CampaignPaused { by: None };
    let full = Hold::InFlightFull { limit: 1 };
    let table: &[(&[&Hold], Option<&Hold>)] = &[
        (&[], None),
        (&[&soon], Some(&soon)),
        (&[&soon, &cap_today], Some(&cap_today)),
        (&[&cap_today, &pause, &soon], Some(&pause)),
        (&[&full, &soon], Some(&full)),
    ];
    for (holds, expected) in table {
        let holds: Vec<Hold> = holds.iter().copied().cloned().collect();
        assert_eq!(binding(&holds), *expected, "{holds:?}");
    }
}

#[test]
fn of_two_ways_the_one_that_opens_first_counts() {
    let table = [
        (paced("2026-12-01T08:00:07Z"), cap(CapScope::Number, 250, Some("2026-12-01T23:00:00Z")), "paced"),
        (Hold::NumberDisabled, cap(CapScope::Number, 250, Some("2026-12-01T23:00:00Z")), "cap_reached"),
        (Hold::NumberDisabled, Hold::InFlightFull { limit: 1 }, "in_flight_full"),
        (Hold::GivesWay, paced("2026-12-01T08:00:07Z"), "paced"),
    ];
    for (one, other, code) in table {
        assert_eq!(one.clone().sooner(other.clone()).code(), code);
        assert_eq!(other.sooner(one).code(), code);
    }
}

#[test]
fn the_chain_of_gates_is_in_order_and_marks_what_is_closed() {
    let holds = [paced("2026-12-01T08:00:07Z"), Hold::CampaignPaused { by: Some("ana".into()) }];
    let asked = [GateName::Pace, GateName::Lease, GateName::Campaign, GateName::NumberCap];
    let chain = gates(&asked, &holds, &[room(GateName::NumberCap, Some(250), 61)], DOUALA);
    let seen: Vec<_> =
        chain.iter().map(|gate| (gate.name, gate.open, gate.binds, gate.detail.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("campaign", false, true, "campaign paused by ana, until somebody resumes it"),
            ("lease", true, false, "held"),
            ("number cap", true, false, "61 of 250 used"),
            ("pace", false, false, "paced, next slot at 09:00:07 Africa/Douala"),
        ]
    );
    assert_eq!((chain[3].hold, chain[3].until), (Some("paced"), Some(utc("2026-12-01T08:00:07Z"))));
    let everything = gates(&GateName::ALL, &[], &[], DOUALA);
    assert!(everything.iter().all(|gate| gate.open) && everything.len() == GateName::ALL.len());
}

#[test]
fn every_hold_closes_a_gate_of_the_list() {
    for (hold, _) in every_hold() {
        assert!(GateName::ALL.contains(&hold.gate()), "{hold:?}");
    }
    assert!(GateName::ALL.is_sorted(), "the list is the order");
}

/// Whoever sends until nothing is left to do stays for what opens soon, and for times that are just changing.
#[test]
fn what_outlasts_a_moment_is_no_reason_to_wait() {
    let soon = utc("2026-12-01T08:10:00Z");
    for (hold, outlasts) in [
        (paced("2026-12-01T08:10:00Z"), false),
        (paced("2026-12-01T08:10:01Z"), true),
        (cap(CapScope::Number, 5, None), true),
        (Hold::CampaignDraft, true),
        (Hold::TimesChange, false),
    ] {
        assert_eq!(hold.outlasts(soon), outlasts, "{hold:?}");
    }
}
