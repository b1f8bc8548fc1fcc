//! What can be done to campaigns.

use super::{Line, Origin, Proposal, Typed, also_here, name_them};
use crate::domain::action::{Action, Order, Subject};
use crate::domain::campaign::{Steering, rollout::Rollout};
use crate::store::view::{CampaignRow, CampaignStanding, NumberRow, NumberStanding, RolloutLine};
use crate::tui::keymap::{Danger, Reason};
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::words;

/// What can be done to a campaign.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CampaignVerb {
    /// Stands still.
    Pause,
    /// Goes on.
    Resume,
    /// Starts.
    Launch,
    /// The next stage of its rollout opens.
    Widen,
    /// Ends for good.
    Cancel,
}

impl CampaignVerb {
    /// For the palette: `Pause campaign`.
    pub fn title(self) -> &'static str {
        match self {
            Self::Pause => "Pause campaign",
            Self::Resume => "Resume campaign",
            Self::Launch => "Launch campaign",
            Self::Widen => "Widen rollout of",
            Self::Cancel => "Cancel campaign",
        }
    }

    /// What the pause key means for a row: the named state, never "toggle".
    pub fn pause_or_resume(row: &CampaignRow) -> Self {
        if row.standing == CampaignStanding::Paused { Self::Resume } else { Self::Pause }
    }

    /// Whether it makes sense for this row.
    ///
    /// # Errors
    /// Why not.
    pub fn allowed(self, row: &CampaignRow) -> Result<(), Reason> {
        use CampaignStanding::{Active, Cancelled, Completed, Draft, Paused, Scheduled};
        match (self, row.standing) {
            (_, Completed) => Err("already completed".into()),
            (_, Cancelled) => Err("cancelled for good".into()),
            (Self::Pause, Paused) => Err("already paused".into()),
            (Self::Pause | Self::Resume, Draft) => Err("not launched yet; L launches it".into()),
            (Self::Resume, Active | Scheduled) => Err("not paused".into()),
            (Self::Launch, Active | Paused) => Err("already running".into()),
            (Self::Widen, _) if row.rollout.is_none() => {
                Err("it has no rollout: it goes to all at once".into())
            }
            (Self::Widen, _) if opening(row).is_none() => Err("its last stage is open".into()),
            (Self::Launch, _) if row.enrolling.is_some() => Err("its people are still being enrolled".into()),
            (Self::Launch, Draft | Scheduled) if row.counts.planned == 0 => {
                Err("nobody is enrolled; see signalbox campaign check".into())
            }
            _ => Ok(()),
        }
    }

    fn action(self, row: &CampaignRow) -> Action {
        match self {
            Self::Pause => Action::PauseCampaign(row.id),
            Self::Resume => Action::ResumeCampaign(row.id),
            Self::Launch => Action::StartCampaign(row.id),
            Self::Widen => Action::WidenRollout {
                campaign: row.id,
                stage: row.rollout.as_ref().map_or(1, |rollout| rollout.stage),
            },
            Self::Cancel => Action::CancelCampaign(row.id),
        }
    }

    fn words(self) -> (Danger, &'static str, &'static str, &'static str) {
        match self {
            Self::Pause => (Danger::Tier0, "Pause campaign?", "Pause", "paused"),
            Self::Resume => (Danger::Tier1, "Resume campaign?", "Resume", "resumed"),
            Self::Launch => (Danger::Tier2, "Launch campaign?", "Launch", "launched"),
            Self::Widen => (Danger::Tier2, "Widen rollout?", "Widen", "widened the rollout of"),
            Self::Cancel => (Danger::Tier2, "Cancel campaign for good?", "Cancel it", "cancelled"),
        }
    }

    /// The proposal for these rows; those for which it makes no sense are left out.
    ///
    /// # Errors
    /// Why there is nothing to propose.
    pub fn propose(self, rows: &[&CampaignRow], model: &Model) -> Result<Proposal, Reason> {
        let mut why = Reason::Borrowed("no campaign is selected");
        let fitting: Vec<&CampaignRow> = rows
            .iter()
            .copied()
            .filter(|row| self.allowed(row).map_err(|reason| why = reason).is_ok())
            .collect();
        if fitting.is_empty() {
            return Err(why);
        }
        let names: Vec<_> = fitting.iter().map(|row| &row.name).collect();
        let (danger, title, button, done) = self.words();
        let mut proposal =
            Proposal::new(danger, title, button, format!("{done} {}", name_them(&names, "campaigns")));
        proposal.orders = fitting.iter().map(|row| Order::on(self.action(row), row.version)).collect();
        proposal.origin = Some(Origin::Campaigns(self, fitting.iter().map(|row| row.id).collect()));
        let people: u64 = fitting.iter().map(|row| self.people(row)).sum();
        proposal.lines = match fitting.as_slice() {
            [row] => self.lines(row, model),
            many => vec![
                ("Campaigns", many.len().to_string(), Role::Text),
                ("Recipients", words::grouped(people), Role::Text),
            ],
        };
        if self == Self::Pause {
            let in_air: u32 = fitting.iter().map(|row| row.in_air).sum();
            proposal.more = (in_air > 0).then(|| format!("{in_air} in the air will finish"));
        }
        self.add_typed(&mut proposal, &fitting, people);
        Ok(if matches!(self, Self::Launch | Self::Widen | Self::Cancel) {
            proposal
        } else {
            proposal.with_bulk_rule()
        })
    }

    fn add_typed(self, proposal: &mut Proposal, rows: &[&CampaignRow], people: u64) {
        match self {
            Self::Launch => {
                proposal.warning = Some("Sent messages cannot be taken back.");
                proposal.typed = Some(Typed {
                    question: "Type the number of recipients to confirm".into(),
                    expected: people.to_string(),
                });
            }
            Self::Widen => {
                let runs = rows.iter().all(|row| row.standing == CampaignStanding::Active);
                proposal.warning = Some(if runs {
                    "They are sent to at once; that cannot be taken back."
                } else {
                    "They are sent to as soon as it runs; that cannot be undone."
                });
                proposal.typed = Some(Typed {
                    question: "Type the number of people who are let go to confirm".into(),
                    expected: people.to_string(),
                });
            }
            Self::Cancel => {
                proposal.warning = Some("A cancelled campaign cannot be resumed; what is queued is skipped.");
                proposal.typed = Some(match rows {
                    [row] => Typed::name("campaign's name", &row.name, row.id.0),
                    many => Typed {
                        question: "Type the number of campaigns to confirm".into(),
                        expected: many.len().to_string(),
                    },
                });
            }
            Self::Pause | Self::Resume => {}
        }
    }

    /// Whom it concerns.
    fn people(self, row: &CampaignRow) -> u64 {
        match self {
            Self::Launch => launched(row),
            Self::Widen => opening(row).map_or(0, |(_, people)| people),
            Self::Pause | Self::Resume | Self::Cancel => row.counts.queued.saturating_add(row.counts.sending),
        }
    }

    fn lines(self, row: &CampaignRow, model: &Model) -> Vec<Line> {
        let id = row.id.to_string();
        let mut lines = vec![(
            "Campaign",
            format!("{}  (id ..{}, version {})", row.name.as_str(), &id[id.len() - 6..], row.version.0),
            Role::Text,
        )];
        let people = words::grouped(self.people(row));
        match self {
            Self::Launch => {
                lines.push(("Recipients", format!("{people}    first send now"), Role::Text));
                lines.extend(row.rollout.as_ref().map(|rollout| {
                    let stage = format!(
                        "{} % of {}; the others wait until W or its figures widen it",
                        rollout.percent(),
                        words::grouped(rollout.people)
                    );
                    ("Stage", stage, Role::Text)
                }));
            }
            Self::Widen => lines.extend(rollout_lines(row, &people)),
            Self::Cancel => lines.push((
                "Not sent to",
                format!("{people} of {} recipients", words::grouped(row.counts.planned)),
                Role::Text,
            )),
            Self::Pause | Self::Resume => {
                lines.push(("Recipients", format!("{people} still to be sent"), Role::Text));
                lines.push((
                    "Paused",
                    format!("by {} {}", row.by, words::relative(row.since, model.now.wall)),
                    Role::Text,
                ));
            }
        }
        if matches!(self, Self::Launch | Self::Resume) {
            let numbers = model.overview().map_or(&[][..], |overview| &overview.numbers);
            let able = |row: &&NumberRow| row.standing == NumberStanding::Active && row.hold.is_none();
            let usable = numbers.iter().filter(able).count();
            let role = if usable == 0 { Role::Bad } else { Role::Text };
            lines.push(("Numbers", format!("{usable} of {} may send now", numbers.len()), role));
        }
        lines.extend(also_here(model, Subject::Campaign(row.id)));
        lines
    }
}

/// Who is sent to when it starts: everybody, or the people of a rollout's first stage.
fn launched(row: &CampaignRow) -> u64 {
    let stage = |rollout: &RolloutLine| Rollout::target(rollout.people, rollout.percent());
    row.rollout.as_ref().map_or(row.counts.planned, stage)
}

/// The stage that would open, in percent, and how many people it lets go.
fn opening(row: &CampaignRow) -> Option<(u32, u64)> {
    let rollout = row.rollout.as_ref()?;
    Some((rollout.next()?, rollout.later().first().copied().unwrap_or(0)))
}

fn rollout_lines(row: &CampaignRow, people: &str) -> Vec<Line> {
    let Some(rollout) = &row.rollout else { return Vec::new() };
    let stage = format!(
        "{} % -> {} % of {}",
        rollout.percent(),
        rollout.next().unwrap_or(100),
        words::grouped(rollout.people)
    );
    vec![
        ("Stage", stage, Role::Text),
        ("Let go now", format!("{people} more people"), Role::Text),
        ("It waited", rollout.why.to_string(), if rollout.held { Role::Bad } else { Role::Text }),
    ]
}

/// The proposal that a filled-in form makes, if anything changed.
///
/// # Errors
/// When nothing changed.
pub fn edit(row: &CampaignRow, terms: Steering, model: &Model) -> Result<Proposal, Reason> {
    if terms == row.terms {
        return Err("nothing changed".into());
    }
    let done = format!("changed {}", row.name.as_str());
    let mut proposal = Proposal::new(Danger::Tier0, "Change terms?", "Change", done);
    proposal.lines =
        vec![("Campaign", format!("{}  (version {})", row.name.as_str(), row.version.0), Role::Text)];
    proposal.lines.extend(changes(&row.terms, &terms, model));
    // What lets more of it out, or elsewhere, is asked about.
    let (old, new) = (&row.terms, &terms);
    let elsewhere = (old.pool, old.failover, old.window, old.only_number)
        != (new.pool, new.failover, new.window, new.only_number);
    if new.priority < old.priority || new.weight > old.weight || elsewhere {
        proposal.danger = Danger::Tier1;
    }
    if raises(old.daily_limit, new.daily_limit) {
        proposal.danger = Danger::Tier2;
        proposal.title = "Raise limits?".into();
        proposal.button = "Raise";
        proposal.warning = Some("More messages may go out at once.");
        proposal.typed = Some(Typed::name("campaign's name", &row.name, row.id.0));
    }
    proposal.orders = vec![Order::on(Action::SetTerms { campaign: row.id, terms }, row.version)];
    proposal.origin = Some(Origin::Terms(row.id, Box::new(terms)));
    proposal.lines.extend(also_here(model, Subject::Campaign(row.id)));
    Ok(proposal)
}

/// Whether a limit is raised or taken off.
fn raises(now: Option<u32>, then: Option<u32>) -> bool {
    match (now, then) {
        (Some(now), Some(then)) => then > now,
        (now, then) => now.is_some() && then.is_none(),
    }
}

/// What would be otherwise, line by line.
fn changes(old: &Steering, new: &Steering, model: &Model) -> Vec<Line> {
    let mut lines: Vec<Line> = Vec::new();
    let line = |lines: &mut Vec<Line>, label, old: String, new: String, role| {
        if old != new {
            lines.push((label, format!("{old} -> {new}"), role));
        }
    };
    line(&mut lines, "Priority", old.priority.to_string(), new.priority.to_string(), Role::Text);
    line(&mut lines, "Weight", old.weight.to_string(), new.weight.to_string(), Role::Text);
    let limit = |limit: Option<u32>| limit.map_or("none".into(), |limit| words::grouped(u64::from(limit)));
    let role = if raises(old.daily_limit, new.daily_limit) { Role::Warn } else { Role::Text };
    line(&mut lines, "Daily limit", limit(old.daily_limit), limit(new.daily_limit), role);
    let pool = |terms: &Steering| {
        let pools = model.overview().map_or(&[][..], |overview| &overview.pools);
        let found = pools.iter().find(|pool| pool.id == terms.pool);
        found.map_or_else(|| "another pool".to_owned(), |pool| pool.name.as_str().to_owned())
    };
    line(&mut lines, "Pool", pool(old), pool(new), Role::Text);
    line(&mut lines, "Failover", old.failover.name().to_owned(), new.failover.name().to_owned(), Role::Text);
    let hours = |terms: &Steering| terms.window.map_or("any".into(), |window| window.to_string());
    // Two of them are longer than a line.
    if old.window != new.window {
        let role = if new.window.is_none() { Role::Warn } else { Role::Text };
        lines.push(("Hours", hours(old), Role::Text));
        lines.push(("  then", hours(new), role));
    }
    let only = |terms: &Steering| match terms.only_number {
        None => "all of its pool".to_owned(),
        Some(id) => model.number(id).map_or_else(
            || "another one".to_owned(),
            |row| format!("only {} {}", row.name.as_str(), row.phone.masked()),
        ),
    };
    line(&mut lines, "Numbers", only(old), only(new), Role::Text);
    lines
}
