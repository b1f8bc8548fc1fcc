//! `signalbox number edit` and `number remove`: one number, or many at once.

use super::{
    CliError, Session, account,
    number::{self, OneArgs, PacingArgs},
    parse::{self, Limit, WarmUp},
    session::Org,
};
use crate::{
    domain::{
        ids::NumberId,
        money::{self, Currency, Money},
        number::Approval,
        phone::Phone,
    },
    store::{
        action::ActionResult,
        number::{NumberEdit, NumberRecord},
        number_batch::Past,
    },
};
use chrono::{DateTime, Utc};
use clap::Args;
use serde_json::json;
use std::collections::HashSet;

/// Most phones that a preview names.
const NAMED: usize = 20;

/// Which numbers.
#[derive(Debug, Args)]
#[group(required = true, multiple = false)]
pub struct Which {
    /// These
    #[arg(value_name = "PHONE", value_parser = parse::phone)]
    phones: Vec<Phone>,
    /// All of the organisation
    #[arg(long)]
    all: bool,
    /// Those of this pool
    #[arg(long, value_name = "NAME")]
    in_pool: Option<String>,
    /// Those with this label
    #[arg(long, value_name = "WORD")]
    with_label: Option<String>,
    /// Those of this account
    #[arg(long, value_name = "NAME")]
    of_account: Option<String>,
}

impl Which {
    async fn numbers(&self, session: &Session, org: &Org) -> Result<Vec<NumberRecord>, CliError> {
        if let [phone] = self.phones.as_slice() {
            return Ok(vec![number::find(session, org, phone).await?]);
        }
        let mut numbers = session.store.numbers(org.id, None).await?;
        if let Some(pool) = &self.in_pool {
            super::pool::find(session, org, pool).await?;
            numbers.retain(|number| number.pools.contains(pool));
        } else if let Some(label) = &self.with_label {
            numbers.retain(|number| number.label.as_ref() == Some(label));
        } else if let Some(account) = &self.of_account {
            super::account::find(session, org, account).await?;
            numbers.retain(|number| number.account == *account);
        } else if !self.all {
            let known: HashSet<&str> = numbers.iter().map(|number| number.phone.as_str()).collect();
            if let Some(phone) = self.phones.iter().find(|phone| !known.contains(phone.reveal())) {
                return Err(number::unknown(session, org, phone).await);
            }
            numbers.retain(|number| self.phones.iter().any(|phone| phone.reveal() == number.phone));
        }
        if numbers.is_empty() {
            return Err(CliError::failed(
                "no number is chosen by that; signalbox number list shows them all",
            ));
        }
        Ok(numbers)
    }
}

/// A change of numbers.
#[derive(Debug, Args)]
pub struct EditArgs {
    /// Which ones
    #[command(flatten)]
    which: Which,
    /// What operators call it
    #[arg(long, value_name = "TEXT")]
    name: Option<String>,
    /// Notes for the next operator
    #[arg(long, value_name = "TEXT")]
    notes: Option<String>,
    /// The provider's id of it
    #[arg(long, value_name = "ID")]
    instance_id: Option<String>,
    /// Its place in the order; lower goes first
    #[arg(long, value_name = "N", value_parser = parse::priority, allow_hyphen_values = true)]
    priority: Option<i32>,
    /// Most messages a day, or none
    #[arg(long, value_name = "N|none", value_parser = parse::number_limit, allow_hyphen_values = true)]
    daily_limit: Option<Limit>,
    /// Its pace
    #[command(flatten)]
    pacing: PacingArgs,
    /// Begin or began its warm-up now or at TIME, or take it off the ladder
    #[arg(long, value_name = "now|off|TIME", value_parser = parse::warm_up)]
    warm_up: Option<WarmUp>,
    /// Percent of its daily limit and of its rate that only replies may use
    #[arg(long, value_name = "PERCENT", value_parser = parse::reply_share, allow_hyphen_values = true)]
    reply_share: Option<u32>,
    /// What a campaign may switch within (failover = "label"): numbers that people take for the same sender; or none
    #[arg(long, value_name = "WORD|none")]
    label: Option<String>,
    /// Most messages that may wait in its gateway's own queue, where neither a pause nor a STOP reaches them (`UltraMsg`)
    #[arg(long, value_name = "N", value_parser = parse::queue, allow_hyphen_values = true)]
    queue: Option<u32>,
    /// What operators note beside it
    #[command(flatten)]
    remarks: RemarkArgs,
    /// Whether it is tried out with a message to the canary phone, when it is in question or stood by
    #[arg(long, value_name = "true|false", action = clap::ArgAction::Set)]
    canaries: Option<bool>,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Change several numbers; without it, it is said which they would be
    #[arg(long)]
    yes: bool,
}

/// What a number costs, and how far its approval is.
#[derive(Debug, Args)]
pub struct RemarkArgs {
    /// What it costs a month, or none
    #[arg(long, value_name = "AMOUNT|none", value_parser = cost, allow_hyphen_values = true)]
    monthly_cost: Option<Cost>,
    /// In this currency
    #[arg(long, value_name = "CODE", requires = "monthly_cost", value_parser = currency)]
    currency: Option<Currency>,
    /// How far its approval is: requested, approved, refused or none
    #[arg(long, value_name = "WORD|none", value_parser = approval)]
    approval: Option<Noted<Approval>>,
}

impl RemarkArgs {
    /// The cost, if it was said.
    pub fn cost(&self) -> Result<Option<Noted<Money>>, CliError> {
        self.monthly_cost.map(|cost| cost.of(self.currency).map(Noted)).transpose()
    }

    /// The approval, if it was said.
    pub fn approval(&self) -> Option<Noted<Approval>> {
        self.approval
    }
}

/// A value, or nothing any more.
#[derive(Debug, Clone, Copy)]
pub struct Noted<T>(pub Option<T>);

fn approval(raw: &str) -> Result<Noted<Approval>, String> {
    if raw == "none" {
        return Ok(Noted(None));
    }
    raw.parse().map(|approval| Noted(Some(approval))).map_err(|error| format!("{error}, or none"))
}

/// Hundredths, or nothing any more.
#[derive(Debug, Clone, Copy)]
struct Cost(Option<i64>);

fn cost(raw: &str) -> Result<Cost, String> {
    if raw == "none" {
        return Ok(Cost(None));
    }
    money::hundredths(raw).map(|amount| Cost(Some(amount))).map_err(|error| error.to_string())
}

fn currency(raw: &str) -> Result<Currency, String> {
    raw.parse().map_err(|error: money::MoneyError| error.to_string())
}

impl Cost {
    /// As an amount of a currency; none: forgotten.
    fn of(self, currency: Option<Currency>) -> Result<Option<Money>, CliError> {
        match (self.0, currency) {
            (None, _) => Ok(None),
            (Some(amount), Some(currency)) => Ok(Some(Money { amount, currency })),
            (Some(_), None) => {
                Err(CliError::Usage("say in which currency: --monthly-cost 12.50 --currency EUR".to_owned()))
            }
        }
    }
}

/// When a warm-up begins; none: never.
pub fn starts(org: &Org, given: &WarmUp) -> Result<Option<DateTime<Utc>>, CliError> {
    given.starts(org.record.now, org.zone).map_err(CliError::Usage)
}

impl EditArgs {
    fn edit(&self, org: &Org) -> Result<NumberEdit, CliError> {
        let edit = NumberEdit {
            name: self.name.clone(),
            notes: self.notes.clone(),
            instance_id: self.instance_id.clone(),
            priority: self.priority,
            daily_limit: self.daily_limit.map(Limit::get),
            interval_ms: self.pacing.interval,
            per_second: self.pacing.per_second,
            in_flight: self.pacing.in_flight,
            warm_up_started_at: self.warm_up.as_ref().map(|given| starts(org, given)).transpose()?,
            reply_share: self.reply_share,
            label: self.label.clone().map(|label| Some(label).filter(|label| label != "none")),
            queue_limit: self.queue,
            monthly_cost: self.remarks.cost()?.map(|noted| noted.0),
            approval: self.remarks.approval().map(|noted| noted.0),
            canaries: self.canaries,
        };
        if edit == NumberEdit::default() {
            return Err(CliError::Usage(
                "name at least one thing to change; see signalbox number edit --help".to_owned(),
            ));
        }
        Ok(edit)
    }
}

/// Changes one number at once; several only when `--yes` says so.
pub async fn edit(session: &Session, org: &Org, args: &EditArgs) -> Result<(), CliError> {
    let edit = args.edit(org)?;
    let numbers = args.which.numbers(session, org).await?;
    if let Some(number) = numbers.iter().find(|number| args.queue.is_some() && number.official) {
        return Err(CliError::Refused(format!(
            "{} is at {}, which keeps no queue of its own: only UltraMsg's is bounded",
            number.phone, number.provider
        )));
    }
    let (reason, actor) = (args.reason.as_deref(), session.actor());
    if let [number] = numbers.as_slice() {
        if let Some(sender_id) = &args.instance_id {
            fits(session, org, number, sender_id).await?;
        }
        let result = session.store.edit_number(org.id, number.id, &edit, None, reason, actor).await?;
        return session.out.settle(&format!("changed number {}", number.phone), org.zone, &result);
    }
    if args.instance_id.is_some() {
        return Err(CliError::Usage("--instance-id is one number's own; name one number".to_owned()));
    }
    if !args.yes {
        return preview(session, &numbers);
    }
    let ids: Vec<NumberId> = numbers.iter().map(|number| number.id).collect();
    let done = session.store.edit_numbers(org.id, &ids, &edit, reason, actor).await?;
    session
        .out
        .show(&json!({ "result": "done", "changed": done.changed, "unchanged": done.unchanged }), || {
            format!("changed {} numbers; {} were so already", done.changed, done.unchanged)
        })
}

/// Whether the provider could be asked for that number at all, as when it was added.
async fn fits(session: &Session, org: &Org, number: &NumberRecord, sender_id: &str) -> Result<(), CliError> {
    let owner = account::find(session, org, &number.account).await?;
    let phone = parse::phone(&number.phone).map_err(CliError::Usage)?;
    account::can_send(session, org, &owner, sender_id, &phone)
}

fn preview(session: &Session, numbers: &[NumberRecord]) -> Result<(), CliError> {
    let phones: Vec<&str> = numbers.iter().map(|number| number.phone.as_str()).collect();
    session.out.show(&json!({ "result": "preview", "count": phones.len(), "numbers": phones }), || {
        let more = phones.len().saturating_sub(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let named = phones.iter().take(NAMED).copied().collect::<Vec<_>>().join(" ");
        format!(
            "would change {} numbers: {named}{more}\nnothing is changed yet; --yes does it to all of them",
            phones.len()
        )
    })
}

/// Removes a number; one with a past is retired.
pub async fn remove(session: &Session, org: &Org, args: &OneArgs) -> Result<(), CliError> {
    let number = number::find(session, org, &args.phone).await?;
    let (reason, actor) = (args.reason.as_deref(), session.actor());
    let (result, past) = session.store.remove_number(org.id, number.id, None, reason, actor).await?;
    if !matches!(result, ActionResult::Done { .. }) {
        return session.out.settle("", org.zone, &result);
    }
    session.out.show(&json!({ "result": "done", "phone": number.phone, "past": past }), || match past {
        Past::Deleted => format!("removed number {}", number.phone),
        Past::Retired => format!(
            "removed number {0} from lists, pools and plans; what it sent still names it, and signalbox number add {0} takes it back",
            number.phone
        ),
    })
}
