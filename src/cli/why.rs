//! `… why`: the gates in order, the one that binds, and when it opens. Asked of the very roster that senders plan with.

use super::{
    CliError, Session,
    output::{Table, local_or_dash, or_dash},
    session::Org,
};
use crate::{
    domain::{
        campaign::CampaignState,
        hold::{self, Gate, GateName, Hold, facts::RecipientFacts},
        ids::{CampaignId, NumberId},
        phone::Phone,
        recipient::RecipientState,
        window::Calendar,
    },
    sender::plan::{Local, Roster, why::Message},
    store::{
        snapshot::{CampaignView, Snapshot},
        why::RecipientStanding,
    },
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value, json};

/// Gates that a campaign is asked.
const OF_CAMPAIGN: [GateName; 14] = [
    GateName::Campaign,
    GateName::Switch,
    GateName::Subscription,
    GateName::Sender,
    GateName::Due,
    GateName::Window,
    GateName::Content,
    GateName::Pool,
    GateName::Number,
    GateName::Breaker,
    GateName::Lease,
    GateName::OrganizationCap,
    GateName::CampaignCap,
    GateName::Share,
];
/// Gates that a number is asked.
const OF_NUMBER: [GateName; 10] = [
    GateName::Switch,
    GateName::Sender,
    GateName::Pool,
    GateName::Number,
    GateName::Breaker,
    GateName::Lease,
    GateName::OrganizationCap,
    GateName::AccountCap,
    GateName::NumberCap,
    GateName::Pace,
];
/// Gates that one person's message is asked beside those of its campaign.
const OF_RECIPIENT: [GateName; 3] = [GateName::Consent, GateName::Doubt, GateName::Due];

/// What the database tells about everything, at one moment.
struct Look {
    snapshot: Snapshot,
    local: Local,
    roster: Roster,
}

impl Look {
    async fn at(session: &Session, org: &Org, campaign: Option<CampaignId>) -> Result<Self, CliError> {
        let snapshot = session.store.snapshot_with(org.id, None, campaign).await?;
        let in_air = session.store.in_air(org.id, snapshot.at).await?;
        let local = Local::watching(&snapshot, in_air);
        let roster = Roster::of(&snapshot, &local, snapshot.at);
        Ok(Self { snapshot, local, roster })
    }

    /// A look with a campaign in it, and the campaign's place there.
    async fn with_campaign(
        session: &Session,
        org: &Org,
        campaign: CampaignId,
    ) -> Result<(Self, usize), CliError> {
        let look = Self::at(session, org, Some(campaign)).await?;
        let at = look.snapshot.campaigns.iter().position(|view| view.id == campaign);
        let at = at.ok_or_else(|| CliError::failed("the campaign does not exist any more"))?;
        Ok((look, at))
    }

    /// The same, with when the next of its people are due if nobody is yet.
    async fn waiting(session: &Session, org: &Org, campaign: CampaignId) -> Result<(Self, usize), CliError> {
        let (mut look, at) = Self::with_campaign(session, org, campaign).await?;
        if let Some(due) = session.store.due_later(org.id, campaign, look.snapshot.at).await? {
            look.local.dry.insert(campaign, due);
        }
        Ok((look, at))
    }

    fn holds(&self, at: usize) -> Vec<Hold> {
        self.roster.campaign_holds(&self.snapshot, &self.local, at, self.snapshot.at)
    }

    /// Whether it runs and nobody waits in it.
    fn is_through(&self, at: usize) -> bool {
        let campaign = self.campaign(at);
        campaign.state == CampaignState::Active && campaign.queued == 0
    }

    fn campaign(&self, at: usize) -> &CampaignView {
        &self.snapshot.campaigns[at]
    }

    fn called(&self, number: NumberId) -> Option<String> {
        let view = self.snapshot.numbers.iter().find(|view| view.number.id == number)?;
        Some(view.called().into_string())
    }

    /// What is known about gates that are open.
    fn known(&self) -> Vec<(GateName, String)> {
        let organization = &self.snapshot.organization;
        let senders = self.snapshot.senders;
        vec![
            hold::room(GateName::OrganizationCap, organization.daily_limit, organization.used_today),
            (GateName::Sender, format!("{senders} running")),
            // A breaker is the sending process's own; a rest that it put on record closes the gate of the number.
            (
                GateName::Subscription,
                match organization.subscription_ends {
                    Some(ends) => format!("until {}", local_or_dash(Some(ends), self.roster.zone())),
                    None => "no end".to_owned(),
                },
            ),
            (GateName::Breaker, "no rest on record; each sender keeps its own breakers".to_owned()),
        ]
    }

    fn known_of_campaign(&self, at: usize) -> Vec<(GateName, String)> {
        let campaign = self.campaign(at);
        let mut known = self.known();
        known.push(hold::room(GateName::CampaignCap, campaign.daily_limit, campaign.used_today));
        known.push((GateName::Window, hours_of(&campaign.terms.calendar)));
        let pool = self.snapshot.pools.iter().find(|pool| pool.id == campaign.pool);
        if let (Some(pool), Some(first)) = (pool, self.roster.campaigns[at].first) {
            let first = self.called(first).unwrap_or_default();
            known.push((GateName::Pool, format!("{}, {first} goes first", pool.name)));
        }
        known
    }
}

/// The hours of a campaign, in words.
fn hours_of(calendar: &Calendar) -> String {
    let own = calendar.window.map(|window| format!("window {window}"));
    let general = calendar.organization.map(|hours| format!("organisation {hours} {}", calendar.zone));
    let both: Vec<String> = own.into_iter().chain(general).collect();
    if both.is_empty() { "at any hour".to_owned() } else { both.join(", ") }
}

/// The answer to `why`.
#[derive(Debug, Serialize)]
struct Answer {
    /// What it is about, and what is known about it.
    #[serde(flatten)]
    about: Value,
    hold: Option<&'static str>,
    hold_until: Option<DateTime<Utc>>,
    sentence: String,
    binding: Option<Gate>,
    gates: Vec<Gate>,
}

impl Answer {
    /// `free` is said where nothing holds it, or where nothing waits.
    fn new(about: Value, holds: &[Hold], free: String, gates: Vec<Gate>, org: &Org) -> Self {
        let binding = hold::binding(holds);
        Self {
            about,
            hold: binding.map(Hold::code),
            hold_until: binding.and_then(Hold::until),
            sentence: binding.map_or(free, |hold| hold.sentence(org.zone)),
            binding: binding.and_then(|_| gates.iter().find(|gate| gate.binds).cloned()),
            gates,
        }
    }

    fn text(&self, title: &str, org: &Org) -> String {
        let mut text = format!("{title}: {}\n", self.sentence);
        if self.gates.is_empty() {
            return text;
        }
        let mut table = Table::new(&["", "GATE", "", "WHAT IS KNOWN", "OPENS"]);
        for gate in &self.gates {
            table.row([
                if gate.binds { ">" } else { "" }.to_owned(),
                gate.name.to_owned(),
                if gate.open { "open" } else { "CLOSED" }.to_owned(),
                gate.detail.clone(),
                if gate.open { String::new() } else { local_or_dash(gate.until, org.zone) },
            ]);
        }
        text.push('\n');
        text.push_str(&table.render());
        text
    }
}

/// What holds a campaign now; nothing, where nothing waits.
pub async fn hold_of(session: &Session, org: &Org, id: CampaignId) -> Result<Option<Hold>, CliError> {
    let (look, at) = Look::waiting(session, org, id).await?;
    let holds = look.holds(at);
    Ok(hold::binding(&holds).filter(|_| !look.is_through(at)).cloned())
}

/// Why a campaign sends nothing now. `paused`: why it is paused, in the words of whoever paused it.
pub async fn campaign(
    session: &Session,
    org: &Org,
    id: CampaignId,
    paused: Option<&str>,
) -> Result<(), CliError> {
    let (look, at) = Look::waiting(session, org, id).await?;
    let campaign = look.campaign(at);
    let holds = look.holds(at);
    let gates = hold::gates(&OF_CAMPAIGN, &holds, &look.known_of_campaign(at), org.zone);
    let numbers = numbers_of(&look, at, org);
    let about = json!({
        "campaign": campaign.name,
        "state": campaign.state.name(),
        "queued": campaign.queued,
        "sending": campaign.sending,
        "numbers": numbers,
    });
    let mut answer = if look.is_through(at) {
        let free = format!("nothing waits: nobody is queued, {} on the wire", campaign.sending);
        Answer::new(about, &[], free, gates, org)
    } else {
        let free = "nothing holds it: it goes on with the next claim".to_owned();
        Answer::new(about, &holds, free, gates, org)
    };
    if let (CampaignState::Paused, Some(reason)) = (campaign.state, paused) {
        answer.sentence = format!("{}: {reason}", answer.sentence);
    }
    session.out.show(&answer, || {
        let mut text = answer.text(&format!("campaign {}", campaign.name), org);
        let mut table = Table::new(&["NUMBER", "PRIO", "TAKES PART", "HOLD"]);
        for number in &numbers {
            table.row([
                number.name.clone(),
                number.priority.to_string(),
                number.takes_part.to_owned(),
                or_dash(number.sentence.as_ref()),
            ]);
        }
        text.push('\n');
        text.push_str(&table.render());
        text
    })
}

/// One number of a campaign's pool, or the default number that stands in.
#[derive(Debug, Serialize)]
struct NumberLine {
    phone: String,
    name: String,
    priority: i32,
    /// `first`, `yes`, or `no`: then only what is bound to it. `unable`: it cannot send what the campaign carries.
    takes_part: &'static str,
    hold: Option<&'static str>,
    hold_until: Option<DateTime<Utc>>,
    sentence: Option<String>,
}

fn numbers_of(look: &Look, at: usize, org: &Org) -> Vec<NumberLine> {
    let service = &look.roster.campaigns[at];
    let now = look.snapshot.at;
    let serving = look.snapshot.numbers.iter().enumerate().filter_map(|(place, view)| {
        if let Some(unable) = service.unable.iter().find(|unable| unable.number == view.number.id) {
            let hold = unable.hold();
            return Some(NumberLine {
                phone: view.number.phone.reveal().to_owned(),
                name: view.called().into_string(),
                priority: view.number.priority,
                takes_part: "unable",
                hold: Some(hold.code()),
                hold_until: None,
                sentence: Some(unable.to_string()),
            });
        }
        let serves = look.roster.served_by(place).iter().find(|(campaign, _)| *campaign == at)?;
        let takes_part = match serves {
            _ if service.first == Some(view.number.id) => "first",
            (_, false) => "yes",
            (_, true) => "no",
        };
        let holds = look.roster.number_holds(&look.snapshot, &look.local, place, now);
        let hold = hold::binding(&holds);
        Some(NumberLine {
            phone: view.number.phone.reveal().to_owned(),
            name: view.called().into_string(),
            priority: view.number.priority,
            takes_part,
            hold: hold.map(Hold::code),
            hold_until: hold.and_then(Hold::until),
            sentence: hold.map(|hold| hold.sentence(org.zone)),
        })
    });
    serving.collect()
}

/// Why a number sends nothing now.
pub async fn number(session: &Session, org: &Org, id: NumberId, phone: &Phone) -> Result<(), CliError> {
    let look = Look::at(session, org, None).await?;
    let place = look.snapshot.numbers.iter().position(|view| view.number.id == id);
    let place = place.ok_or_else(|| CliError::failed("the number does not exist any more"))?;
    let view = &look.snapshot.numbers[place];
    let holds = look.roster.number_holds(&look.snapshot, &look.local, place, look.snapshot.at);
    let campaigns: Vec<Value> = look
        .roster
        .served_by(place)
        .iter()
        .map(|(at, bound_only)| {
            let campaign = look.campaign(*at);
            json!({ "name": campaign.name, "queued": campaign.queued, "bound_only": bound_only })
        })
        .collect();
    let has_work = look.roster.served_by(place).iter().any(|(at, _)| look.campaign(*at).queued > 0);
    let mut known = look.known();
    known.push(hold::account_room(view.account_room));
    let warm_up = view.warm_up.map(|rung| rung.day);
    known.push(hold::number_room(view.number.daily_limit, view.used_today, warm_up));
    known.extend(view.slowed.as_ref().map(|slowed| (GateName::Pace, slowed.sentence(org.zone))));
    known.push((GateName::Pool, pools_of(&look, id)));
    let gates = hold::gates(&OF_NUMBER, &holds, &known, org.zone);
    let about = json!({
        "phone": phone.reveal(),
        "name": view.name,
        "state": view.number.state.name(),
        "campaigns": campaigns,
    });
    let free = if has_work {
        "nothing holds it: it sends with the next claim"
    } else {
        "nothing holds it, and nothing waits for it"
    };
    let answer = Answer::new(about, &holds, free.to_owned(), gates, org);
    session.out.show(&answer, || answer.text(&format!("number {}", phone.reveal()), org))
}

fn pools_of(look: &Look, number: NumberId) -> String {
    let pools = look.snapshot.pools.iter().filter(|pool| pool.numbers.contains(&number));
    let names: Vec<&str> = pools.map(|pool| pool.name.as_str()).collect();
    if names.is_empty() { "in no pool".to_owned() } else { format!("in {}", names.join(", ")) }
}

/// Why one person's message waits.
pub async fn contact(session: &Session, org: &Org, phone: &Phone, id: CampaignId) -> Result<(), CliError> {
    let standing = session.store.recipient_standing(org.id, id, phone).await?;
    let (look, at) = Look::with_campaign(session, org, id).await?;
    let campaign = look.campaign(at);
    let standing = standing.ok_or_else(|| {
        CliError::failed(format!("{} is not enrolled in campaign {}", phone.reveal(), campaign.name))
    })?;
    let holds =
        look.roster.recipient_holds(&look.snapshot, &look.local, at, &message(&standing), look.snapshot.at);
    // What is on the wire or has ended passes no gate any more.
    let waits = matches!(standing.state, RecipientState::Queued | RecipientState::InDoubt);
    let gates = if waits {
        let asked: Vec<GateName> = OF_CAMPAIGN.into_iter().chain(OF_RECIPIENT).collect();
        hold::gates(&asked, &holds, &look.known_of_campaign(at), org.zone)
    } else {
        Vec::new()
    };
    let about = json!({
        "phone": phone.reveal(),
        "campaign": campaign.name,
        "state": standing.state.name(),
        "reason": standing.reason,
        "step": standing.step,
        "tries": standing.tries,
        "due_at": standing.due_at,
        "planned_on": standing.planned_on,
        "zone": standing.zone.map(chrono_tz::Tz::name),
        "opted_out": standing.opted_out,
        "number": standing.bound.and_then(|number| look.called(number)),
        "updated_at": standing.updated_at,
    });
    let answer = Answer::new(about, &holds, free(&standing), gates, org);
    session.out.show(&answer, || {
        let planned = standing.planned_on.map_or_else(String::new, |date| format!(", planned for {date}"));
        answer.text(&format!("{} in {}{planned}", phone.reveal(), campaign.name), org)
    })
}

fn message(standing: &RecipientStanding) -> Message<'_> {
    Message {
        facts: RecipientFacts {
            state: standing.state,
            opted_out: standing.opted_out,
            due_at: standing.due_at,
            tries: standing.tries,
            reason: standing.reason.as_deref(),
            in_doubt_since: standing.in_doubt_since,
        },
        bound: standing.bound,
        zone: standing.zone,
    }
}

/// What to say of a message that nothing holds.
fn free(standing: &RecipientStanding) -> String {
    let reason = standing.reason.as_deref().unwrap_or_default().replace('_', " ");
    match standing.state {
        RecipientState::Queued => "nothing holds it: it goes with the next claim".to_owned(),
        RecipientState::Sending => "nothing holds it: it is on the wire, and its answer decides".to_owned(),
        state if reason.is_empty() => format!("nothing waits: it is {state}"),
        state => format!("nothing waits: it is {state} ({reason})"),
    }
}
