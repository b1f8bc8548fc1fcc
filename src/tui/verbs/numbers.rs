//! What can be done to numbers.

use super::values::warms;
use super::{Line, Origin, Proposal, Typed, also_here, name_them};
use crate::domain::action::{Action, NewNumber, Order, Subject};
use crate::domain::campaign::file::DEFAULT_POOL;
use crate::domain::number::{LAST_PRIORITY, Pacing};
use crate::domain::text::Safe;
use crate::store::view::{Load, NumberRow, NumberStanding};
use crate::tui::keymap::{Danger, Reason};
use crate::tui::model::Model;
use crate::tui::msg::Move;
use crate::tui::theme::Role;
use crate::tui::words;

/// What can be done to a number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NumberVerb {
    /// Out of service, with a reason.
    Suspend,
    /// Back into service.
    Resume,
    /// One place up.
    Raise,
    /// One place down.
    Lower,
    /// To a place.
    SetPriority(i32),
    /// What waits for it moves to the next.
    FailOver,
    /// Takes no part.
    Disable,
    /// Takes part again.
    Enable,
    /// Gone from lists, pools and plans.
    Remove,
}

impl NumberVerb {
    /// For the palette: `Suspend number`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Suspend => "Suspend number",
            Self::Resume => "Resume number",
            Self::Raise => "Raise priority of",
            Self::Lower => "Lower priority of",
            Self::SetPriority(_) => "Set priority of",
            Self::FailOver => "Fail over number",
            Self::Disable => "Disable number",
            Self::Enable => "Enable number",
            Self::Remove => "Remove number",
        }
    }

    /// Whether it makes sense for this row.
    ///
    /// # Errors
    /// Why not.
    pub fn allowed(self, row: &NumberRow) -> Result<(), Reason> {
        let standing = &row.standing;
        match self {
            Self::Suspend => match standing {
                NumberStanding::Suspended { .. } => Err("already suspended".into()),
                NumberStanding::Disabled => Err("disabled, it sends nothing".into()),
                NumberStanding::Active | NumberStanding::Limited { .. } => Ok(()),
            },
            Self::Resume => match standing {
                NumberStanding::Active if row.silent().is_some() => Ok(()),
                NumberStanding::Active => Err("already active; x suspends it".into()),
                NumberStanding::Disabled => Err("disabled; E enables it".into()),
                NumberStanding::Suspended { .. } | NumberStanding::Limited { .. } => Ok(()),
            },
            Self::Raise if row.priority <= 1 => Err("already first".into()),
            Self::Lower if row.priority >= LAST_PRIORITY => Err("already last".into()),
            Self::SetPriority(place) if place == row.priority => Err("has this priority already".into()),
            Self::SetPriority(place) if !(0..=LAST_PRIORITY).contains(&place) => {
                Err(format!("a priority is 0 to {LAST_PRIORITY}; lower goes first").into())
            }
            Self::FailOver => match standing {
                NumberStanding::Disabled => Err("disabled, nothing waits for it".into()),
                NumberStanding::Suspended { .. } => Err("suspended: its work has moved already".into()),
                NumberStanding::Active | NumberStanding::Limited { .. } => Ok(()),
            },
            Self::Disable if *standing == NumberStanding::Disabled => Err("already disabled".into()),
            Self::Enable if *standing != NumberStanding::Disabled => Err("already enabled".into()),
            Self::Raise
            | Self::Lower
            | Self::SetPriority(_)
            | Self::Disable
            | Self::Enable
            | Self::Remove => Ok(()),
        }
    }

    fn danger(self, rows: &[&NumberRow]) -> Danger {
        match self {
            Self::Suspend | Self::Lower | Self::Disable => Danger::Tier0,
            Self::SetPriority(place) if rows.iter().all(|row| place > row.priority) => Danger::Tier0,
            Self::Resume | Self::Raise | Self::SetPriority(_) | Self::FailOver | Self::Enable => {
                Danger::Tier1
            }
            Self::Remove => Danger::Tier2,
        }
    }

    fn action(self, row: &NumberRow) -> Action {
        let number = row.id;
        match self {
            Self::Suspend => Action::SuspendNumber { number, until: None },
            Self::Resume => Action::ResumeNumber(number),
            Self::Raise => Action::SetPriority { number, priority: row.priority - 1 },
            Self::Lower => Action::SetPriority { number, priority: row.priority + 1 },
            Self::SetPriority(priority) => Action::SetPriority { number, priority },
            Self::FailOver => Action::FailOverNumber(number),
            Self::Disable => Action::DisableNumber(number),
            Self::Enable => Action::EnableNumber(number),
            Self::Remove => Action::RemoveNumber(number),
        }
    }

    fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Suspend => ("Suspend number?", "Suspend", "suspended"),
            Self::Resume => ("Resume number?", "Resume", "resumed"),
            Self::Raise => ("Raise priority?", "Raise", "raised"),
            Self::Lower => ("Lower priority?", "Lower", "lowered"),
            Self::SetPriority(_) => ("Set priority?", "Set", "set priority of"),
            Self::FailOver => ("Fail over now?", "Fail over", "failed over"),
            Self::Disable => ("Disable number?", "Disable", "disabled"),
            Self::Enable => ("Enable number?", "Enable", "enabled"),
            Self::Remove => ("Remove number?", "Remove", "removed"),
        }
    }

    /// The proposal for these rows; those for which it makes no sense are left out.
    ///
    /// # Errors
    /// Why there is nothing to propose.
    pub fn propose(self, rows: &[&NumberRow], model: &Model) -> Result<Proposal, Reason> {
        let mut why = Reason::Borrowed("no number is selected");
        let fitting: Vec<&NumberRow> = rows
            .iter()
            .copied()
            .filter(|row| self.allowed(row).map_err(|reason| why = reason).is_ok())
            .collect();
        if fitting.is_empty() {
            return Err(why);
        }
        let names: Vec<_> = fitting.iter().map(|row| &row.name).collect();
        let (title, button, done) = self.words();
        let mut proposal = Proposal::new(
            self.danger(&fitting),
            title,
            button,
            format!("{done} {}", name_them(&names, "numbers")),
        );
        proposal.orders = fitting.iter().map(|row| Order::on(self.action(row), row.version)).collect();
        proposal.origin = Some(Origin::Numbers(self, fitting.iter().map(|row| row.id).collect()));
        proposal.lines = match fitting.as_slice() {
            [row] => self.lines(row, model),
            many => vec![("Numbers", many.len().to_string(), Role::Text)],
        };
        let in_air: u32 = fitting.iter().map(|row| row.in_air).sum();
        if matches!(self, Self::Suspend | Self::Disable | Self::FailOver) && in_air > 0 {
            proposal.more = Some(format!("{in_air} in the air will finish"));
        }
        if self == Self::Remove {
            proposal.warning = Some("Bound work goes to others of its pools, or waits.");
            proposal.typed = Some(match fitting.as_slice() {
                [row] => Typed::name("number's label", &row.name, row.id.0),
                many => Typed {
                    question: "Type the number of rows to confirm".into(),
                    expected: many.len().to_string(),
                },
            });
        }
        Ok(proposal.with_bulk_rule())
    }

    fn lines(self, row: &NumberRow, model: &Model) -> Vec<Line> {
        let mut lines = vec![(
            "Number",
            format!("{}  {}  (version {})", row.name.as_str(), row.phone, row.version.0),
            Role::Text,
        )];
        match &row.standing {
            NumberStanding::Suspended { reason, by, .. } => {
                lines.push(("Suspended", format!("by {by}: {reason}"), Role::Warn));
            }
            NumberStanding::Limited { until, reason } => {
                let opens = words::opening(*until, model.now.wall, model.session.zone);
                lines.push(("Rests", format!("until {opens}: {reason}"), Role::Warn));
            }
            NumberStanding::Active | NumberStanding::Disabled => {}
        }
        match self {
            Self::Raise | Self::Lower | Self::SetPriority(_) => {
                if let Action::SetPriority { priority, .. } = self.action(row) {
                    lines.push((
                        "Priority",
                        format!("{} -> {priority}  (lower goes first)", row.priority),
                        Role::Text,
                    ));
                }
            }
            Self::FailOver => {
                lines.push((
                    "Effect",
                    "what waits for it moves to the next numbers by priority".into(),
                    Role::Text,
                ));
            }
            Self::Resume | Self::Enable => {
                lines.push(("Effect", "may send again at once".into(), Role::Text));
                if !row.provider.is_official() {
                    lines.push(("Risk", "unofficial gateway: the number can be banned".into(), Role::Warn));
                }
            }
            Self::Remove => {
                lines.push(("Effect", "gone from lists and plans; its past stays".into(), Role::Text));
            }
            Self::Suspend | Self::Disable => {}
        }
        lines.extend(also_here(model, Subject::Number(row.id)));
        lines
    }
}

pub(super) fn limit(limit: Option<u32>) -> String {
    limit.map_or("none".into(), |limit| words::grouped(u64::from(limit)))
}

/// `every 120 s, 1/s, 1 at once`
pub fn pace(pacing: Pacing) -> String {
    let interval = if pacing.interval.is_zero() {
        "no spacing".into()
    } else {
        format!("every {}", words::length(pacing.interval))
    };
    let rate = if pacing.per_second == 0 { "any rate".into() } else { format!("{}/s", pacing.per_second) };
    format!("{interval}, {rate}, {} at once", pacing.in_flight)
}

/// The proposal to add a number.
pub fn add(new: NewNumber, account: &str, model: &Model) -> Proposal {
    let mut proposal = Proposal::new(Danger::Tier1, "Add number?", "Add", format!("added {}", new.phone));
    proposal.lines = vec![
        ("Number", new.phone.reveal().to_owned(), Role::Text),
        ("Account", account.to_owned(), Role::Text),
        ("Priority", format!("{}  (lower goes first)", new.priority), Role::Text),
        (
            "Daily limit",
            new.daily_limit.map_or("none".into(), |limit| words::grouped(u64::from(limit))),
            if new.daily_limit.is_none() { Role::Warn } else { Role::Text },
        ),
        ("Pacing", new.pacing.map_or("the provider's default".into(), pace), Role::Text),
    ];
    if let Some(begins) = new.warm_up {
        proposal.lines.push(("Warm-up", warms(Some(begins), model.session.zone), Role::Text));
    }
    let name = new.pool.as_deref().unwrap_or(DEFAULT_POOL);
    let mut pools = model.overview().into_iter().flat_map(|overview| &overview.pools);
    let is_new = !pools.any(|pool| pool.name.as_str() == name);
    let note = if is_new { "  (new)" } else { "" };
    proposal.lines.push(("Pool", format!("{}{note}", Safe::new(name)), Role::Text));
    proposal.warning = Some("It may send as soon as a pool of a running campaign has it.");
    proposal.orders = vec![Order::whole(Action::AddNumber(new))];
    proposal
}

/// The proposal to move the load of a number, with the counts.
///
/// # Errors
/// When there is nothing to move, or one of the numbers is gone.
pub fn move_load(model: &Model, load: Move, found: &Load) -> Result<Proposal, Reason> {
    let (Some(from), Some(to)) = (model.number(load.from), model.number(load.to)) else {
        return Err("this number is gone".into());
    };
    let count = |count: i64| u64::try_from(count).unwrap_or(0);
    let (moves, stays) = (count(found.movable()), count(found.staying()));
    let threads = if load.threads { count(found.threads) } else { 0 };
    if moves + threads == 0 {
        return Err(if stays > 0 {
            format!("nothing can move: {} stay by their campaigns' rules", words::grouped(stays)).into()
        } else {
            "nothing is queued for it alone".into()
        });
    }
    let label = format!("moved the load of {} to {}", from.name.as_str(), to.name.as_str());
    let mut proposal = Proposal::new(Danger::Tier2, "Move load?", "Move", label);
    proposal.lines = vec![
        ("From", format!("{}  {}", from.name.as_str(), from.phone), Role::Text),
        ("To", format!("{}  {}", to.name.as_str(), to.phone), Role::Text),
        ("Queued", format!("{} move, {} stay", words::grouped(moves), words::grouped(stays)), Role::Text),
        (
            "Threads",
            if load.threads {
                format!("{} open ones move", words::grouped(threads))
            } else {
                format!("{} open ones keep their number", words::grouped(count(found.threads)))
            },
            Role::Text,
        ),
    ];
    proposal.warning = Some("What is on the wire or in doubt stays where it is.");
    proposal.typed = Some(Typed {
        question: "Type how many move to confirm".into(),
        expected: (moves + threads).to_string(),
    });
    let action = Action::MoveLoad { from: load.from, to: load.to, threads: load.threads };
    proposal.orders = vec![Order::whole(action)];
    Ok(proposal)
}
