//! What opens with a day, what follows within one, and who counts for an account from one day to the next: as the sender was
//! seen to do it (`tests/reality`).

use super::*;

fn drip(people: u64, delays: &[TimeDelta]) -> Campaign {
    Campaign { delays: [&[TimeDelta::zero()], delays].concat(), ..campaign(1, people) }
}

#[test]
fn what_opens_with_the_day_itself_is_waited_for() {
    // In Douala midnight is at eleven in the evening. Two whole days send nothing before.
    let midnight = at("2025-06-04T23:00:00Z");
    let mut suspended = number(1, Some(100));
    suspended.opens = Opens::At(midnight);
    let forecast = Forecast::of(&world("2025-06-01T08:00:00Z", vec![suspended], vec![campaign(1, 150)]), 365);
    assert_eq!(totals(&forecast), [0, 0, 0, 0, 100, 50], "a number that comes back at midnight");
    let mut scene = world("2025-06-01T08:00:00Z", vec![number(1, Some(100))], vec![campaign(1, 150)]);
    scene.campaigns[0].opens = Opens::At(midnight);
    assert_eq!(
        totals(&Forecast::of(&scene, 365)),
        [0, 0, 0, 0, 100, 50],
        "a campaign that starts at midnight"
    );
    scene.campaigns[0].opens = Opens::Now;
    scene.campaigns[0].rollout = Some(Stages {
        needs: 0,
        lasts_until: Some(midnight),
        people: vec![20],
        clocks: Vec::new(),
        after: 0,
        wait: TimeDelta::zero(),
    });
    scene.campaigns[0].work[0].people = 10;
    assert_eq!(totals(&Forecast::of(&scene, 365)), [10, 0, 0, 0, 20], "a stage that opens at midnight");
    // From Friday evening on: a Monday that begins at midnight.
    let mut scene = world("2026-05-08T20:00:00Z", vec![number(1, Some(100))], vec![campaign(1, 150)]);
    scene.campaigns[0].calendar.organization = Some(Hours::new(0, 24 * 60, 0b1_1111).unwrap());
    scene.campaigns[0].calendar.zone = DOUALA;
    assert_eq!(totals(&Forecast::of(&scene, 365)), [100, 0, 0, 50], "business days");
    // One message in thirty hours: a day may be without any.
    let mut slow = number(1, None);
    slow.pacing.interval = Duration::from_hours(30);
    let forecast = Forecast::of(&world("2025-06-01T08:00:00Z", vec![slow], vec![campaign(1, 8)]), 365);
    assert_eq!(totals(&forecast).iter().sum::<u64>(), 8, "{:?}", totals(&forecast));
}

#[test]
fn people_of_a_sequence_go_on_counting_and_take_no_room() {
    // Seven days, a message each, and an account for 250 people: the next ones begin when the first are through.
    let mut scene =
        world("2025-06-01T08:00:00Z", vec![number(1, None)], vec![drip(600, &[TimeDelta::days(1); 6])]);
    scene.accounts = vec![Account { limit: 250, reached: Vec::new() }];
    scene.numbers[0].account = Some(0);
    let forecast = Forecast::of(&scene, 365);
    assert_eq!(totals(&forecast), [vec![250; 14], vec![100; 7]].concat());
    assert_eq!(forecast.days[7].first, [250], "a day and a minute after the last message of those before");
    // Who was written to an hour ago goes on although the account is full, and others do not begin.
    let mut scene =
        world("2025-06-01T08:00:00Z", vec![number(1, None)], vec![drip(150, &[TimeDelta::hours(1)])]);
    scene.accounts = vec![Account { limit: 100, reached: Vec::new() }];
    scene.numbers[0].account = Some(0);
    assert_eq!(totals(&Forecast::of(&scene, 365)), [200, 100]);
    // Who counts no more by then is somebody new.
    scene.campaigns[0].delays[1] = TimeDelta::hours(25);
    assert_eq!(totals(&Forecast::of(&scene, 365)), [100, 100, 100]);
}

#[test]
fn the_first_stage_of_a_rollout_begins_with_the_campaign() {
    let mut scene = world("2025-06-01T08:00:00Z", vec![number(1, None)], vec![campaign(1, 10)]);
    scene.campaigns[0].opens = Opens::At(at("2025-06-04T08:00:00Z"));
    scene.campaigns[0].rollout = Some(Stages {
        needs: 10,
        lasts_until: Some(at("2025-06-02T08:00:00Z")),
        people: vec![90],
        clocks: Vec::new(),
        after: 50,
        wait: TimeDelta::days(1),
    });
    assert_eq!(totals(&Forecast::of(&scene, 365)), [0, 0, 0, 10, 90]);
}

#[test]
fn what_follows_within_the_day_goes_out_within_the_day() {
    // Beside a number that needs an hour for a message stands one that needs no time.
    let mut paced = number(1, None);
    paced.pacing.interval = Duration::from_hours(1);
    let mut scene = world(
        "2025-06-01T08:00:00Z",
        vec![paced.clone(), number(2, Some(50))],
        vec![drip(7, &[TimeDelta::hours(1)])],
    );
    assert_eq!(totals(&Forecast::of(&scene, 365)), [14], "who needs no time takes it at once");
    // And where all need time, the second message is due long before the day is over.
    scene.numbers = vec![paced];
    scene.pools[0].numbers = vec![0];
    scene.campaigns[0].work[0].people = 6;
    assert_eq!(totals(&Forecast::of(&scene, 365)), [12]);
}

#[test]
fn whose_hours_end_first_goes_first() {
    // Half past eight in the evening in Douala, half past three in the afternoon in New York, and room for ten.
    let mut scene = world("2025-06-01T19:30:00Z", vec![number(1, Some(10))], vec![campaign(1, 1)]);
    let new_york = chrono_tz::America::New_York;
    let work = |zone| Work { step: 0, due: Some(scene.now), people: 10, zone: Some(zone), bound: None };
    scene.campaigns[0].work = vec![work(new_york), work(DOUALA)];
    scene.campaigns[0].calendar = Calendar {
        organization: None,
        zone: DOUALA,
        window: Some("09:00-21:00 recipient".parse().unwrap()),
        zones: vec![new_york, DOUALA],
    };
    scene.campaigns[0].expiry.at = Some(at("2025-06-02T07:30:00Z"));
    // At midnight nobody in Douala may be written to: whoever waits there is too late in the morning.
    let forecast = Forecast::of(&scene, 365);
    assert_eq!((totals(&forecast), forecast.expired[0]), (vec![10, 10], 0));
}

/// Of twenty who are due at nine, the number that keeps its distance takes one. So at two, when their second step is due, the other
/// has one left of its twenty, and the first nine slots until midnight, of an hour and an eighth each.
#[test]
fn a_number_that_keeps_its_distance_takes_its_part_of_what_is_due_at_once() {
    let mut paced = number(2, None);
    paced.pacing = Pacing { interval: Duration::from_hours(1), per_second: 0, in_flight: 1 };
    let drip = drip(20, &[TimeDelta::hours(5)]);
    let world = world("2025-06-01T08:00:00Z", vec![number(1, Some(20)), paced], vec![drip]);
    let forecast = Forecast::of(&world, 365);
    assert_eq!(totals(&forecast), [30, 10]);
    let of_paced = forecast.days[0].flows.iter().filter(|flow| flow.number == 1);
    assert_eq!(of_paced.map(|flow| flow.messages).sum::<u64>(), 10);
}

/// At nine in the evening, at seven and a half past ten and at a quarter past eleven the first sends its three of the day; with the
/// last of them it is full.
#[test]
fn a_backup_takes_over_with_the_last_message_of_a_number_that_keeps_its_distance() {
    let mut first = number(1, Some(3));
    first.pacing = Pacing { interval: Duration::from_hours(1), per_second: 0, in_flight: 1 };
    let mut backup = number(2, Some(100));
    backup.priority = 20;
    let world = world("2025-06-01T20:00:00Z", vec![first, backup], vec![campaign(1, 10)]);
    let forecast = Forecast::of(&world, 365);
    assert_eq!(totals(&forecast), [10]);
    assert_eq!(forecast.finish, [Some(at("2025-06-01T22:15:00Z"))]);
}
