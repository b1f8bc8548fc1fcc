use super::*;
use crate::domain::seeded::Seeded;

const RULES: Rules = Rules { least: 20, usual_least: 100, patience: Duration::from_mins(30) };
const USUAL: Tally = Tally { accepted: 1_000, delivered: 900 };

fn tally(accepted: u32, delivered: u32) -> Tally {
    Tally { accepted, delivered }
}

/// Of a number whose longer stretches look as the first one does.
fn counts(accepted: u32, delivered: u32) -> Counts {
    Counts { recent: [tally(accepted, delivered); 3], usual: USUAL, reports: 50 }
}

#[test]
fn what_the_counts_say() {
    use Unknown::{Deaf, NeverReported, Quiet, RarelyReported, Young};
    let usual = |accepted, delivered, of: Counts| Counts { usual: tally(accepted, delivered), ..of };
    for (name, counts, expected) in [
        ("as usual", counts(40, 36), Reading::Well(tally(40, 36))),
        ("just half", counts(40, 18), Reading::Well(tally(40, 18))),
        ("below half", counts(40, 15), Reading::Faint(tally(40, 15))),
        ("a tenth", counts(40, 4), Reading::Faint(tally(40, 4))),
        ("next to nothing", counts(40, 3), Reading::Silent(tally(40, 3))),
        ("nothing", counts(20, 0), Reading::Silent(tally(20, 0))),
        ("too few", counts(19, 0), Reading::Unknown(Quiet)),
        ("no past", usual(99, 90, counts(40, 0)), Reading::Unknown(Young)),
        ("never reported", usual(1_000, 0, counts(40, 0)), Reading::Unknown(NeverReported)),
        ("rarely reported", usual(1_000, 199, counts(40, 0)), Reading::Unknown(RarelyReported)),
        ("a small sample of a poor line", usual(1_000, 250, counts(20, 0)), Reading::Unknown(Quiet)),
        ("a large one", usual(1_000, 250, counts(100, 0)), Reading::Silent(tally(100, 0))),
        ("nothing is heard", Counts { reports: 0, ..counts(40, 0) }, Reading::Unknown(Deaf)),
        ("well, whatever is heard", Counts { reports: 0, ..counts(40, 36) }, Reading::Well(tally(40, 36))),
    ] {
        assert_eq!(read(&counts, &RULES), expected, "{name}");
    }
}

#[test]
fn the_shortest_stretch_that_says_something_counts() {
    let of = |recent| read(&Counts { recent, usual: USUAL, reports: 1 }, &RULES);
    let [fast, slow, slowest] = [tally(30, 0), tally(100, 60), tally(300, 260)];
    assert_eq!(of([fast, slow, slowest]), Reading::Silent(fast));
    assert_eq!(of([tally(5, 0), slow, slowest]), Reading::Well(slow));
    assert_eq!(of([tally(5, 0), tally(15, 0), tally(60, 1)]), Reading::Silent(tally(60, 1)));
}

fn case(pulse: Pulse, reading: Reading, canary: Canary) -> Case {
    Case {
        pulse,
        age: Duration::from_mins(5),
        in_service: pulse != Pulse::Red,
        slowed: pulse == Pulse::Amber,
        silenced: pulse == Pulse::Red,
        reading,
        canary,
    }
}

const WELL: Reading = Reading::Well(Tally { accepted: 40, delivered: 38 });
const FAINT_ONE: Reading = Reading::Faint(Tally { accepted: 40, delivered: 12 });
const SILENT_ONE: Reading = Reading::Silent(Tally { accepted: 40, delivered: 0 });
const QUIET: Reading = Reading::Unknown(Unknown::Quiet);

#[test]
fn what_follows_from_a_state_a_reading_and_a_canary() {
    use Canary::{Delivered, Lost, Mute, None, Waiting};
    use Pulse::{Amber, Red, Well};
    let unknown = Pulse::Unknown;
    for (pulse, reading, canary, expected, wants_canary) in [
        (unknown, QUIET, None, unknown, false),
        (unknown, WELL, None, Well, false),
        (Well, QUIET, None, unknown, false),
        (Well, FAINT_ONE, None, Amber, true),
        (unknown, SILENT_ONE, None, Amber, true),
        (Amber, SILENT_ONE, None, Amber, true),
        (Amber, SILENT_ONE, Waiting, Amber, false),
        (Amber, SILENT_ONE, Mute, Amber, true),
        (Amber, SILENT_ONE, Delivered, Well, false),
        (Amber, FAINT_ONE, Lost, Red, false),
        (Amber, Reading::Unknown(Unknown::Deaf), Lost, Amber, false),
        (Amber, WELL, Waiting, Well, false),
        (Amber, QUIET, Lost, Red, false),
        (Red, QUIET, None, Red, true),
        (Red, QUIET, Waiting, Red, false),
        (Red, QUIET, Lost, Red, true),
        (Red, QUIET, Delivered, Well, false),
        (Red, WELL, None, Red, true),
    ] {
        let verdict = decide(&case(pulse, reading, canary), USUAL, &RULES);
        let context = format!("{pulse} {reading:?} {canary:?}: {verdict:?}");
        assert_eq!((verdict.pulse, verdict.wants_canary), (expected, wants_canary), "{context}");
        assert!(!verdict.words.is_empty(), "{context}");
    }
}

#[test]
fn without_a_canary_only_silence_that_lasts_is_death() {
    let after = |minutes, reading| {
        let age = Duration::from_mins(minutes);
        decide(&Case { age, ..case(Pulse::Amber, reading, Canary::None) }, USUAL, &RULES).pulse
    };
    assert_eq!(after(29, SILENT_ONE), Pulse::Amber);
    assert_eq!(after(30, SILENT_ONE), Pulse::Red);
    assert_eq!(after(600, FAINT_ONE), Pulse::Amber, "something arrives");
    assert_eq!(after(119, QUIET), Pulse::Amber);
    assert_eq!(after(120, QUIET), Pulse::Unknown, "nothing was sent any more, so nothing can be said");
}

#[test]
fn what_an_operator_does_counts_more() {
    let amber = Case { slowed: false, ..case(Pulse::Amber, SILENT_ONE, Canary::Lost) };
    assert_eq!(decide(&amber, USUAL, &RULES).pulse, Pulse::Unknown);
    let out = Case { in_service: false, ..case(Pulse::Amber, SILENT_ONE, Canary::Lost) };
    let verdict = decide(&out, USUAL, &RULES);
    assert_eq!((verdict.pulse, verdict.wants_canary), (Pulse::Amber, false), "suspended for something else");
    let red = Case { silenced: false, ..case(Pulse::Red, SILENT_ONE, Canary::None) };
    assert_eq!(decide(&red, USUAL, &RULES).pulse, Pulse::Unknown);
    let suspended = Case { in_service: false, ..case(Pulse::Well, SILENT_ONE, Canary::None) };
    let verdict = decide(&suspended, USUAL, &RULES);
    assert_eq!((verdict.pulse, verdict.wants_canary), (Pulse::Well, false));
}

#[test]
fn the_words_say_what_was_seen() {
    let verdict = decide(&case(Pulse::Well, Reading::Silent(tally(40, 3)), Canary::None), USUAL, &RULES);
    assert_eq!(verdict.words, "silent death suspected: 3 of 40 (8%) arrived in time, usually 90%");
}

/// A number's history in stretches of five minutes: how many it sent, how many of them arrived.
struct History {
    buckets: Vec<Tally>,
}

/// A quarter of an hour settles before anything counts; then half an hour, two and six.
const SETTLE: usize = 3;
const SPAN: usize = 6;

impl History {
    fn new() -> Self {
        Self { buckets: Vec::new() }
    }

    fn push(&mut self, chance: &mut Seeded, sent: u32, share: f64) {
        let delivered = (0..sent).filter(|_| chance.unit() < share).count();
        self.buckets.push(tally(sent, u32::try_from(delivered).unwrap()));
    }

    fn sum(&self, from: usize, to: usize) -> Tally {
        let stretch = &self.buckets[from.min(to)..to];
        tally(stretch.iter().map(|t| t.accepted).sum(), stretch.iter().map(|t| t.delivered).sum())
    }

    fn read(&self) -> Reading {
        let end = self.buckets.len().saturating_sub(SETTLE);
        let back = |spans: usize| self.sum(end.saturating_sub(spans * SPAN), end);
        let usual = self.sum(end.saturating_sub(7 * 288), end.saturating_sub(SPAN));
        read(&Counts { recent: [back(1), back(4), back(12)], usual, reports: 9 }, &RULES)
    }
}

fn is_alarm(reading: Reading) -> bool {
    matches!(reading, Reading::Faint(_) | Reading::Silent(_))
}

#[test]
fn numbers_that_are_well_are_never_suspected() {
    for seed in 0..150 {
        let mut chance = Seeded::new(seed);
        let usual = 0.25 + 0.74 * chance.unit();
        let most = 1 + chance.below_u32(40);
        let mut history = History::new();
        for bucket in 0..3 * 288 {
            // Fewer phones are on at night, and some hours nothing is sent.
            let night = if bucket % 288 < 72 { 0.75 } else { 1.0 };
            let sent = if chance.once_in(5) { 0 } else { chance.below_u32(most + 1) };
            history.push(&mut chance, sent, usual * night);
            let reading = history.read();
            assert!(!is_alarm(reading), "seed {seed}, bucket {bucket}: {reading:?}, usually {usual:.2}");
        }
    }
}

#[test]
fn a_number_that_goes_silent_is_suspected_as_soon_as_its_sample_allows() {
    for seed in 0..150 {
        let mut chance = Seeded::new(seed);
        let usual = 0.5 + 0.49 * chance.unit();
        let each = 2 + chance.below_u32(30);
        let mut history = History::new();
        for _ in 0..288 {
            history.push(&mut chance, each, usual);
        }
        assert!(!is_alarm(history.read()), "seed {seed}");
        let mut buckets = 0;
        while !is_alarm(history.read()) {
            history.push(&mut chance, each, 0.01);
            buckets += 1;
            assert!(buckets < 40, "seed {seed}: {each} each, usually {usual:.2}: {:?}", history.read());
        }
        // What was sent before it died settles first; then as many as a sample needs, or half an hour's worth.
        assert!(buckets > SETTLE, "seed {seed}");
    }
}
