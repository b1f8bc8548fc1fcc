use super::*;
use crate::domain::seeded::Seeded;
use uuid::Uuid;

fn id(number: u128) -> CampaignId {
    CampaignId(Uuid::from_u128(number))
}

/// Priority, weight, used today, queued, remaining. The id is the place in the list, from 1.
type Row = (i32, u32, u32, u32, Option<u32>);

fn candidates(rows: &[Row]) -> Vec<Candidate> {
    rows.iter()
        .zip(1..)
        .map(|(&(priority, weight, used_today, queued, campaign_remaining), number)| Candidate {
            campaign: id(number),
            priority,
            weight,
            used_today,
            queued,
            campaign_remaining,
        })
        .collect()
}

fn shares(capacity: u32, limit: Option<u32>, rows: &[Row]) -> Vec<u32> {
    let given = share(capacity, limit, &candidates(rows));
    (1..=rows.len() as u128)
        .map(|number| {
            given.iter().find(|(campaign, _)| *campaign == id(number)).map_or(0, |(_, count)| *count)
        })
        .collect()
}

#[test]
fn capacity_is_shared_as_the_table_says() {
    type Case = (&'static str, u32, Option<u32>, &'static [Row], &'static [u32]);
    let day = Some(250);
    let table: &[Case] = &[
        ("nobody asks", 10, None, &[], &[]),
        ("nothing to give", 0, None, &[(10, 1, 0, 9, None)], &[0]),
        ("one alone takes all", 10, day, &[(10, 1, 0, 99, None)], &[10]),
        ("nothing queued", 10, day, &[(10, 1, 0, 0, None)], &[0]),
        (
            "two equals on a 250-a-day number",
            250,
            day,
            &[(10, 1, 0, 999, None), (10, 1, 0, 999, None)],
            &[125, 125],
        ),
        ("the older one gets the odd message", 3, None, &[(10, 1, 0, 9, None), (10, 1, 0, 9, None)], &[2, 1]),
        (
            "lower priority value first, strictly",
            10,
            None,
            &[(10, 1, 0, 99, None), (5, 1, 50, 99, None)],
            &[0, 10],
        ),
        (
            "what the first cannot use flows on",
            10,
            None,
            &[(10, 1, 0, 99, None), (5, 1, 0, 4, None)],
            &[6, 4],
        ),
        (
            "what an equal cannot use flows on",
            10,
            None,
            &[(10, 1, 0, 99, None), (10, 1, 0, 2, None)],
            &[8, 2],
        ),
        ("a campaign's own cap binds", 10, None, &[(10, 1, 0, 99, Some(3)), (10, 1, 0, 99, None)], &[3, 7]),
        ("a cap that is used up", 10, None, &[(10, 1, 0, 99, Some(0)), (10, 1, 0, 99, None)], &[0, 10]),
        ("levelled by use", 4, None, &[(10, 1, 3, 99, None), (10, 1, 1, 99, None)], &[1, 3]),
        ("by weight", 100, None, &[(10, 1, 0, 999, None), (10, 3, 0, 999, None)], &[25, 75]),
        ("weight zero counts as one", 10, None, &[(10, 0, 0, 99, None), (10, 1, 0, 99, None)], &[5, 5]),
        (
            "three equals",
            250,
            day,
            &[(10, 1, 0, 999, None), (10, 1, 0, 999, None), (10, 1, 0, 999, None)],
            &[84, 83, 83],
        ),
        (
            "the late one still gets half of the day",
            190,
            day,
            &[(10, 1, 60, 999, None), (10, 1, 0, 999, None)],
            &[65, 125],
        ),
        (
            "on an unlimited number the late one catches up with three messages in four",
            100,
            None,
            &[(10, 1, 10_000, 99_999, None), (10, 1, 0, 99_999, None)],
            &[25, 75],
        ),
        (
            "who has had more than its share of the day waits",
            40,
            day,
            &[(10, 1, 200, 999, None), (10, 1, 10, 999, None)],
            &[0, 40],
        ),
        (
            "unless the others have nothing",
            40,
            day,
            &[(10, 1, 200, 999, None), (10, 1, 10, 15, None)],
            &[25, 15],
        ),
    ];
    for (case, capacity, limit, rows, expected) in table {
        assert_eq!(shares(*capacity, *limit, rows), *expected, "{case}");
    }
}

/// A day of one number, one claim of `batch` at a time, as the sender does it. The second campaign joins after
/// `head_start` messages of the first.
fn day(limit: u32, batch: u32, head_start: u32) -> (u32, u32) {
    let mut used = [0, 0];
    while used[0] + used[1] < limit {
        let late = if used[0] < head_start { 0 } else { 9_999 };
        let rows = [(10, 1, used[0], 9_999, None), (10, 1, used[1], late, None)];
        let capacity = batch.min(limit - used[0] - used[1]);
        for (at, count) in shares(capacity, Some(limit), &rows).into_iter().enumerate() {
            used[at] += count;
        }
    }
    (used[0], used[1])
}

#[test]
fn two_campaigns_on_a_250_a_day_number_end_at_125_each() {
    for batch in [1, 2, 3, 7, 8, 40, 250] {
        for head_start in [0, 1, 30, 60, 100, 120, 125] {
            if head_start + batch <= 125 || head_start == 0 {
                assert_eq!(day(250, batch, head_start), (125, 125), "batch {batch}, head start {head_start}");
            }
        }
    }
    assert_eq!(day(250, 8, 248), (248, 2), "what was sent before cannot be unsent");
}

#[test]
fn a_late_campaign_catches_up_without_starving_the_others() {
    let mut used = [10_000, 0];
    let mut waited = 0_u64;
    let mut messages = 0;
    while used[1] + 20 < used[0] {
        let rows = [(10, 1, used[0], 99_999, None), (10, 1, used[1], 99_999, None)];
        let given = shares(1, None, &rows);
        waited = if given[0] == 0 { waited + 1 } else { 0 };
        assert!(waited < TRICKLE, "the first one waits for {waited} messages in a row");
        used[0] += given[0];
        used[1] += given[1];
        messages += 1;
        assert!(messages < 25_000, "it does not catch up: {used:?}");
    }
}

#[test]
fn ten_thousand_histories_give_out_all_and_no_more_and_level_equals() {
    for seed in 0..10_000 {
        let mut random = Seeded::new(seed);
        let weighted = random.once_in(4);
        let mut rows: Vec<Row> = (0..=random.below(6))
            .map(|_| {
                let priority = random.pick(&[1, 10, 10, 10]);
                let weight = if weighted { 1 + random.below_u32(5) } else { 1 };
                let queued = random.pick(&[0, 3, 50, 100_000]);
                let remaining = random.pick(&[None, None, Some(0), Some(20)]);
                (priority, weight, random.pick(&[0, 0, 5, 400]), queued, remaining)
            })
            .collect();
        for _ in 0..8 {
            let capacity = random.pick(&[0, 1, 8, 40, 1_000]);
            let limit = random.pick(&[None, Some(250), Some(100_000)]);
            let given = shares(capacity, limit, &rows);
            check(
                &rows,
                capacity,
                &given,
                &format!("seed {seed}: {capacity} {limit:?} {rows:?} -> {given:?}"),
            );
            for (row, count) in rows.iter_mut().zip(&given) {
                row.2 += count;
                row.3 -= count;
                row.4 = row.4.map(|left| left - count);
            }
        }
    }
}

fn check(rows: &[Row], capacity: u32, given: &[u32], case: &str) {
    let room = |row: &Row| row.4.map_or(row.3, |left| left.min(row.3));
    let rooms: u32 = rows.iter().map(room).sum();
    assert_eq!(
        given.iter().sum::<u32>(),
        capacity.min(rooms),
        "all that can be used is given, no more: {case}"
    );
    for (row, count) in rows.iter().zip(given) {
        assert!(*count <= room(row), "more than it can use: {case}");
        for (other, others_count) in rows.iter().zip(given) {
            let has_room = *others_count < room(other);
            if other.0 < row.0 && *count > 0 {
                assert!(!has_room, "one that goes first was left wanting: {case}");
            }
            // Among equals, nobody is raised above somebody who still wants, but for the trickle.
            let spread =
                rows.iter().filter(|each| each.0 == row.0 && room(each) > 0).map(|each| each.2 / each.1);
            let apart = u64::from(spread.clone().max().unwrap_or(0) - spread.min().unwrap_or(0)) > SLACK;
            if other.0 == row.0 && *count > 0 && has_room && !apart {
                let (mine, theirs) = ((row.2 + count - 1) * other.1, (other.2 + others_count) * row.1);
                assert!(mine <= theirs, "not level: {case}");
            }
        }
    }
}
