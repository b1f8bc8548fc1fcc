use super::*;
use crate::domain::seeded::Seeded;
use AttemptState::{Accepted, InDoubt, NotSent, Rejected, Sending, Undelivered, Waived};

const NOBODY: Others = Others { live: false, taken: false };
const LIVE: Others = Others { live: true, taken: false };
const TAKEN: Others = Others { live: true, taken: true };
const TAKEN_LATE: Others = Others { live: false, taken: true };

#[test]
fn facts_only_move_an_attempt_forward() {
    // Columns: taken, refused, never sent, unknown, given up, waived. A state that stays itself stands.
    let table = [
        (Sending, [Accepted, Rejected, NotSent, InDoubt, Undelivered, Sending]),
        (InDoubt, [Accepted, Rejected, NotSent, InDoubt, Undelivered, Waived]),
        (Rejected, [Accepted, Rejected, Rejected, Rejected, Undelivered, Rejected]),
        (NotSent, [Accepted, NotSent, NotSent, NotSent, Undelivered, NotSent]),
        (Waived, [Accepted, Waived, Waived, Waived, Undelivered, Waived]),
        (Accepted, [Accepted, Accepted, Accepted, Accepted, Undelivered, Accepted]),
        (Undelivered, [Undelivered, Undelivered, Undelivered, Undelivered, Undelivered, Undelivered]),
    ];
    assert_eq!(table.len(), AttemptState::ALL.len());
    for (current, row) in table {
        for (fact, expected) in Fact::ALL.into_iter().zip(row) {
            let settlement = settle(current, fact, NOBODY);
            assert_eq!(settlement.state_after(current), expected, "{current} {fact:?}");
            assert_eq!(settlement == Settlement::Stands, expected == current, "{current} {fact:?}");
            assert!(expected.rank() >= current.rank(), "{current} {fact:?}");
            assert_eq!(settle(expected, fact, NOBODY).state_after(expected), expected, "{fact:?} twice");
        }
    }
}

#[test]
fn a_late_acceptance_is_kept_and_a_second_one_is_a_confirmed_duplicate() {
    let kept = |confirmed_duplicate| Settlement::KeptLate { confirmed_duplicate };
    let accepted = |confirmed_duplicate| Settlement::Moves { to: Accepted, confirmed_duplicate };
    let table = [
        // Nobody sent it again: it becomes accepted, and so is not sent again.
        (NotSent, NOBODY, accepted(false)),
        (Waived, NOBODY, accepted(false)),
        (Rejected, NOBODY, accepted(false)),
        // A second one is on its way: too late to stop it, not yet a duplicate.
        (NotSent, LIVE, kept(false)),
        (Waived, LIVE, kept(false)),
        // The second one was taken too.
        (NotSent, TAKEN, kept(true)),
        (Waived, TAKEN, kept(true)),
        (Rejected, TAKEN, kept(true)),
        (NotSent, TAKEN_LATE, accepted(true)),
        // Seen from the second one.
        (Sending, TAKEN_LATE, accepted(true)),
        (InDoubt, TAKEN_LATE, accepted(true)),
        (Sending, NOBODY, accepted(false)),
        // Known already.
        (Accepted, TAKEN_LATE, Settlement::Stands),
        (Undelivered, TAKEN, Settlement::Stands),
    ];
    for (current, others, expected) in table {
        assert_eq!(settle(current, Fact::Taken, others), expected, "{current} {others:?}");
    }
}

#[test]
fn what_others_say_is_summed_up() {
    type Attempts = &'static [(AttemptState, bool)];
    let table: [(Attempts, Others, bool); 7] = [
        (&[], NOBODY, true),
        (&[(NotSent, false), (Waived, false), (Rejected, false), (Undelivered, false)], NOBODY, true),
        (&[(NotSent, false), (Sending, false)], LIVE, false),
        (&[(InDoubt, false)], LIVE, false),
        (&[(NotSent, true), (InDoubt, false)], TAKEN, false),
        (&[(Accepted, false)], TAKEN, false),
        (&[(Waived, true)], TAKEN_LATE, false),
    ];
    for (attempts, sum, room) in table {
        let others = Others::of(attempts.iter().copied());
        assert_eq!((others, others.leave_room()), (sum, room), "{attempts:?}");
    }
}

#[test]
fn operators_judge_only_what_is_in_doubt() {
    let table = [(Verdict::Sent, Accepted), (Verdict::NotSent, NotSent), (Verdict::Resend, Waived)];
    for (verdict, expected) in table {
        assert_eq!(verdict.apply(InDoubt), Ok(expected));
        assert_eq!(verdict.name().parse(), Ok(verdict));
        for current in AttemptState::ALL.into_iter().filter(|state| *state != InDoubt) {
            assert_eq!(verdict.apply(current), Err(NotInDoubt { current, verdict }));
        }
    }
    assert_eq!(
        Verdict::Resend.apply(Accepted).map_err(|error| error.to_string()),
        Err("the attempt is accepted, not in doubt; it cannot be resolved as resend".to_owned())
    );
    assert!("maybe".parse::<Verdict>().is_err());
}

#[test]
fn states_are_named_live_and_charged_as_the_database_has_them() {
    // State, live, charged.
    let table = [
        (Sending, true, true),
        (Accepted, true, true),
        (Rejected, false, true),
        (NotSent, false, false),
        (InDoubt, true, true),
        (Waived, false, true),
        (Undelivered, false, true),
    ];
    assert_eq!(table.len(), AttemptState::ALL.len());
    for (state, live, charged) in table {
        assert_eq!((state.is_live(), state.is_charged()), (live, charged), "{state}");
        assert_eq!(state.name().parse(), Ok(state));
        assert_eq!(serde_json::to_value(state).ok(), Some(state.name().into()));
    }
}

/// One attempt as the store has it, and beside it what a simple model knows.
struct Kept {
    state: AttemptState,
    late: bool,
    model_taken: bool,
    model_given_up: bool,
}

/// All attempts of one message.
#[derive(Default)]
struct Message {
    attempts: Vec<Kept>,
    duplicate_confirmed: bool,
}

impl Message {
    fn others(&self, but: usize) -> Others {
        let others = self.attempts.iter().enumerate().filter(|(at, _)| *at != but);
        Others::of(others.map(|(_, kept)| (kept.state, kept.late)))
    }

    fn begin(&mut self) {
        if self.others(usize::MAX).leave_room() {
            let fresh = Kept { state: Sending, late: false, model_taken: false, model_given_up: false };
            self.attempts.push(fresh);
        }
    }

    fn learn(&mut self, at: usize, fact: Fact) {
        self.attempts[at].model_taken |= fact == Fact::Taken;
        self.attempts[at].model_given_up |= fact == Fact::GivenUp;
        self.settle_one(at, fact);
        for late in 0..self.attempts.len() {
            if self.attempts[late].late {
                self.settle_one(late, Fact::Taken);
            }
        }
    }

    fn settle_one(&mut self, at: usize, fact: Fact) {
        let others = self.others(at);
        let kept = &mut self.attempts[at];
        let settlement = settle(kept.state, fact, others);
        let next = settlement.state_after(kept.state);
        assert!(next.rank() >= kept.state.rank(), "{} {fact:?} went back to {next}", kept.state);
        match settlement {
            Settlement::Moves { to, .. } => {
                kept.state = to;
                kept.late = false;
            }
            Settlement::KeptLate { .. } => kept.late = true,
            Settlement::Stands => {}
        }
        self.duplicate_confirmed |= settlement.is_confirmed_duplicate();
    }

    fn check(&self, ever_two: bool, history: &str) {
        let live = self.attempts.iter().filter(|kept| kept.state.is_live()).count();
        assert!(live <= 1, "{live} live attempts after {history}");
        for kept in &self.attempts {
            let modelled = kept.model_taken && !kept.model_given_up;
            assert_eq!(kept.state == Accepted || kept.late, modelled, "acceptance lost after {history}");
        }
        assert_eq!(self.duplicate_confirmed, ever_two, "duplicates after {history}");
    }
}

#[test]
fn ten_thousand_histories_keep_one_live_attempt_and_lose_no_acceptance() {
    let mut duplicates = 0;
    let mut resent = 0;
    for seed in 0..10_000 {
        let mut random = Seeded::new(seed);
        let mut message = Message::default();
        let mut ever_two = false;
        let mut history = format!("seed {seed}:");
        for _ in 0..24 {
            if message.attempts.is_empty() || random.once_in(3) {
                message.begin();
                history.push_str(" begin");
            } else {
                let at = random.below(message.attempts.len());
                let fact = random.pick(&Fact::ALL);
                history = format!("{history} {at}:{fact:?}");
                message.learn(at, fact);
            }
            let taken =
                message.attempts.iter().filter(|kept| kept.model_taken && !kept.model_given_up).count();
            ever_two |= taken > 1;
            message.check(ever_two, &history);
        }
        duplicates += u32::from(message.duplicate_confirmed);
        resent += u32::from(message.attempts.len() > 1);
    }
    assert!(
        duplicates > 100 && resent > 1_000,
        "the histories are tame: {duplicates} duplicates, {resent} resent"
    );
}
