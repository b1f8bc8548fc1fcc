//! Silent death: a number whose messages its provider takes and nobody gets.
//!
//! Nothing refuses, so nothing suspends it. What gives it away is its own past: the share of its messages that used to
//! arrive in time. The counts are kept by the statements that record outcomes and apply receipts (`number_pulse`); what
//! follows from them is decided here. Unknown is unknown: a number without a past, a provider that reports no deliveries, or
//! an account from which nothing is heard is never judged dead.
//!
//! *Amber*: far fewer arrive than usual. The number goes on at half its rate and a canary is sent: a real message to a phone of
//! the organisation's own. Its delivery clears the number, its loss confirms. *Red*: the number rests, and others do its work,
//! until a canary arrives or an operator resumes it.

use std::{fmt, str::FromStr, time::Duration};

/// Below this part of its usual share a number is in question.
pub const FAINT: f64 = 0.5;
/// Below this part of it, next to nothing arrives.
pub const SILENT: f64 = 0.1;
/// A usual share below this is none: the provider, or most of the people, report too rarely to miss a report.
pub const LEAST_USUAL: f64 = 0.2;
/// A sample that chance makes more often than this says nothing. Every number is looked at thousands of times a day.
pub const CHANCE: f64 = 1e-6;

/// Messages that a provider took in some stretch of time, and how many of them arrived in time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Taken.
    pub accepted: u32,
    /// Of those, delivered in time.
    pub delivered: u32,
}

impl Tally {
    /// The part that arrived; of nothing, nothing.
    #[must_use]
    pub fn share(self) -> f64 {
        if self.accepted == 0 {
            0.0
        } else {
            f64::from(self.delivered.min(self.accepted)) / f64::from(self.accepted)
        }
    }

    /// `3 of 40 (7%)`.
    #[must_use]
    fn sentence(self) -> String {
        format!("{} of {} ({:.0}%)", self.delivered, self.accepted, self.share() * 100.0)
    }
}

/// What is known of one number.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Three stretches that end when the latest message had time to arrive, each longer than the one before.
    pub recent: [Tally; 3],
    /// Its past, up to before the first of them.
    pub usual: Tally,
    /// Reports of any kind about messages of its account since the stretches ended.
    pub reports: u64,
}

/// How large samples have to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Messages of a stretch.
    pub least: u32,
    /// Messages of the past.
    pub usual_least: u32,
    /// How long a number that next to nothing arrives from stays amber where no canary can tell.
    pub patience: Duration,
}

/// Why nothing can be said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unknown {
    /// It has sent too little to have a past.
    Young,
    /// No delivery was ever reported.
    NeverReported,
    /// Too few deliveries are reported usually.
    RarelyReported,
    /// It sent too little lately.
    Quiet,
    /// Nothing at all is heard from its account: whoever listens may not be reached.
    Deaf,
}

/// What the counts say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Reading {
    /// Nothing.
    Unknown(Unknown),
    /// About as much arrives as usual.
    Well(Tally),
    /// Far less than usual.
    Faint(Tally),
    /// Next to nothing.
    Silent(Tally),
}

/// Reads the counts. Of the stretches, the shortest whose sample says something counts: what is fast is judged soon, what is
/// slow is judged too.
#[must_use]
pub fn read(counts: &Counts, rules: &Rules) -> Reading {
    let usual = counts.usual;
    if usual.accepted < rules.usual_least {
        return Reading::Unknown(Unknown::Young);
    }
    if usual.delivered == 0 {
        return Reading::Unknown(Unknown::NeverReported);
    }
    if usual.share() < LEAST_USUAL {
        return Reading::Unknown(Unknown::RarelyReported);
    }
    let mut large_enough = counts.recent.into_iter().filter(|tally| tally.accepted >= rules.least);
    let says_something =
        |tally: &Tally| tally.share() >= usual.share() * FAINT || chance(*tally, usual.share()) < CHANCE;
    let Some(recent) = large_enough.find(says_something) else {
        return Reading::Unknown(Unknown::Quiet);
    };
    match recent.share() / usual.share() {
        FAINT.. => Reading::Well(recent),
        _ if counts.reports == 0 => Reading::Unknown(Unknown::Deaf),
        part if part < SILENT => Reading::Silent(recent),
        _ => Reading::Faint(recent),
    }
}

/// How often so few arrive by chance, at most, where this share of them usually does: Chernoff's bound on the lower tail.
fn chance(tally: Tally, usual: f64) -> f64 {
    let (seen, usual) = (tally.share(), usual.clamp(0.001, 0.999));
    if seen >= usual {
        return 1.0;
    }
    let term = |part: f64, whole: f64| if part > 0.0 { part * (part / whole).ln() } else { 0.0 };
    let distance = term(seen, usual) + term(1.0 - seen, 1.0 - usual);
    (-f64::from(tally.accepted) * distance).exp()
}

/// What is held of a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pulse {
    /// Nothing can be said.
    Unknown,
    /// What it sends arrives.
    Well,
    /// In question: half its rate, and a canary on the way.
    Amber,
    /// Silent: it rests.
    Red,
}

impl Pulse {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Unknown, Self::Well, Self::Amber, Self::Red];

    /// The name that the database, the command line and the screen use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::Well => "well",
            Self::Amber => "amber",
            Self::Red => "red",
        }
    }
}

impl fmt::Display for Pulse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no pulse.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is unknown, well, amber or red")]
pub struct UnknownPulse;

impl FromStr for Pulse {
    type Err = UnknownPulse;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|pulse| pulse.name() == text).ok_or(UnknownPulse)
    }
}

/// What became of the last canary through a number since it is in question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Canary {
    /// None was sent.
    None,
    /// It is on its way.
    Waiting,
    /// It arrived.
    Delivered,
    /// Taken by the provider, and it did not arrive in time.
    Lost,
    /// It says nothing: refused, or nobody knows whether it was sent.
    Mute,
}

impl Canary {
    /// By the word that the database has for its state.
    #[must_use]
    pub fn of(state: &str) -> Self {
        match state {
            "planned" | "sending" | "accepted" => Self::Waiting,
            "delivered" => Self::Delivered,
            "lost" => Self::Lost,
            _ => Self::Mute,
        }
    }
}

/// Everything that bears on what is held of a number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Case {
    /// What was held so far.
    pub pulse: Pulse,
    /// For how long.
    pub age: Duration,
    /// It may send: neither switched off nor suspended.
    pub in_service: bool,
    /// It sends at half its rate.
    pub slowed: bool,
    /// It is out of service because it is red, and for nothing else.
    pub silenced: bool,
    /// What the counts say.
    pub reading: Reading,
    /// What the last canary says.
    pub canary: Canary,
}

/// What is held of a number now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// Its new state.
    pub pulse: Pulse,
    /// Why, for people.
    pub words: String,
    /// Whether a canary should be sent; how often one may be is not asked here.
    pub wants_canary: bool,
}

/// Decides what is held of a number, given its counts and its last canary.
#[must_use]
pub fn decide(case: &Case, usual: Tally, rules: &Rules) -> Verdict {
    let words = sentence(case.reading, usual, rules);
    let to = |pulse: Pulse, words: String| Verdict { pulse, words, wants_canary: false };
    match case.pulse {
        Pulse::Unknown | Pulse::Well => match case.reading {
            _ if !case.in_service => to(case.pulse, words),
            Reading::Unknown(_) => to(Pulse::Unknown, words),
            Reading::Well(_) => to(Pulse::Well, words),
            Reading::Faint(_) | Reading::Silent(_) => Verdict {
                pulse: Pulse::Amber,
                words: format!("silent death suspected: {words}"),
                wants_canary: true,
            },
        },
        Pulse::Amber => amber(case, words, rules),
        Pulse::Red => match case.canary {
            _ if !case.silenced => to(Pulse::Unknown, "somebody put it back into service".to_owned()),
            Canary::Delivered => to(Pulse::Well, "a canary arrived".to_owned()),
            canary => Verdict {
                pulse: Pulse::Red,
                words: format!("silent death: {}", waits(canary)),
                wants_canary: canary != Canary::Waiting,
            },
        },
    }
}

fn amber(case: &Case, words: String, rules: &Rules) -> Verdict {
    let to = |pulse: Pulse, words: String| Verdict { pulse, words, wants_canary: false };
    if !case.in_service {
        return to(
            Pulse::Amber,
            "silent death suspected; it is out of service for something else".to_owned(),
        );
    }
    if !case.slowed {
        return to(Pulse::Unknown, "somebody gave it back its rate".to_owned());
    }
    match (case.canary, case.reading) {
        (Canary::Delivered, _) => to(Pulse::Well, "the canary arrived".to_owned()),
        (_, Reading::Well(_)) => to(Pulse::Well, words),
        // The canary's report would have come the same way.
        (Canary::Lost, Reading::Unknown(Unknown::Deaf)) => {
            to(Pulse::Amber, format!("silent death suspected, and nobody can tell: {words}"))
        }
        (Canary::Lost, _) => to(Pulse::Red, format!("silent death: the canary did not arrive; {words}")),
        (Canary::None | Canary::Mute, Reading::Silent(_)) if case.age >= rules.patience => {
            to(Pulse::Red, format!("silent death: {words}, and no canary could tell"))
        }
        (Canary::None | Canary::Mute, Reading::Unknown(_))
            if case.age >= rules.patience.saturating_mul(4) =>
        {
            to(Pulse::Unknown, format!("no longer in question: {words}"))
        }
        (canary, _) => Verdict {
            pulse: Pulse::Amber,
            words: format!("silent death suspected: {words}; {}", waits(canary)),
            wants_canary: matches!(canary, Canary::None | Canary::Mute),
        },
    }
}

fn waits(canary: Canary) -> &'static str {
    match canary {
        Canary::None => "no canary was sent yet",
        Canary::Waiting => "a canary is on its way",
        Canary::Delivered => "the canary arrived",
        Canary::Lost => "the canary did not arrive, another one follows",
        Canary::Mute => "the canary was refused and says nothing",
    }
}

/// What the counts say, for people.
fn sentence(reading: Reading, usual: Tally, rules: &Rules) -> String {
    let usually = format!("usually {:.0}%", usual.share() * 100.0);
    match reading {
        Reading::Unknown(Unknown::Young) => {
            format!(
                "too young to tell: {} of {} messages that a past needs",
                usual.accepted, rules.usual_least
            )
        }
        Reading::Unknown(Unknown::NeverReported) => {
            "no delivery was ever reported: nobody can tell".to_owned()
        }
        Reading::Unknown(Unknown::RarelyReported) => format!("deliveries are rarely reported, {usually}"),
        Reading::Unknown(Unknown::Quiet) => format!("too few messages lately to tell, {usually}"),
        Reading::Unknown(Unknown::Deaf) => {
            "nothing is reported from its account any more: is our webhook reached?".to_owned()
        }
        Reading::Well(tally) | Reading::Faint(tally) | Reading::Silent(tally) => {
            format!("{} arrived in time, {usually}", tally.sentence())
        }
    }
}

#[cfg(test)]
mod tests;
