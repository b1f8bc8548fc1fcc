//! `signalbox slot`: who has which number.

use super::{
    CliError, Session, campaign,
    output::{Table, local, or_dash},
    parse,
    session::Org,
};
use crate::{
    domain::{ids::CampaignId, phone::Phone, right::Right, slot},
    store::slot::SlotRecord,
};
use clap::{Args, Subcommand};
use serde_json::json;

/// People that a list shows.
const LISTED: i64 = 10_000;

/// Whose slots.
#[derive(Debug, Args)]
pub struct Scope {
    /// Of this campaign, which has slots of its own (slots = "campaign" in its file)
    #[arg(long, value_name = "NAME")]
    campaign: Option<String>,
}

/// What can be done with slots.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Lists who has which slot
    List(Scope),
    /// Shows a person's slot
    Show {
        /// Whose
        #[arg(value_parser = parse::phone)]
        phone: Phone,
        #[command(flatten)]
        scope: Scope,
    },
    /// Gives a person a slot; what is queued shows the new one
    #[command(after_help = "Example:\n  signalbox slot set +237600000001 7 --reason \"asked for it\"")]
    Set {
        /// Whose
        #[arg(value_parser = parse::phone)]
        phone: Phone,
        /// Which one
        #[arg(value_parser = clap::value_parser!(u16).range(1..=i64::from(slot::LAST)))]
        slot: u16,
        #[command(flatten)]
        scope: Scope,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Takes a person's slot back
    Release {
        /// Whose
        #[arg(value_parser = parse::phone)]
        phone: Phone,
        #[command(flatten)]
        scope: Scope,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Takes all slots back but those that messages still to be sent show
    Reset {
        #[command(flatten)]
        scope: Scope,
        /// Only counts
        #[arg(long)]
        dry_run: bool,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let looks = matches!(verb, Verb::List(_) | Verb::Show { .. } | Verb::Reset { dry_run: true, .. });
    let org = session.organization_for(if looks { Right::Sees } else { Right::Runs }).await?;
    let (store, actor) = (&session.store, session.actor());
    match verb {
        Verb::List(scope) => list(session, &org, &scope).await,
        Verb::Show { phone, scope } => {
            let campaign = scope.find(session, &org).await?;
            let found = store.slots(org.id, campaign, Some(&phone), 1).await?.pop();
            let Some(found) = found else {
                return Err(CliError::missing(format!("{} has no slot", phone.reveal())));
            };
            session.out.show(&found, || table(std::slice::from_ref(&found), &org))
        }
        Verb::Set { phone, slot, scope, reason } => {
            let campaign = scope.find(session, &org).await?;
            let result =
                store.change_slot(org.id, campaign, &phone, Some(slot), reason.as_deref(), actor).await?;
            session.out.settle(&format!("{} has slot {slot}", phone.reveal()), org.zone, &result)
        }
        Verb::Release { phone, scope, reason } => {
            let campaign = scope.find(session, &org).await?;
            let result = store.change_slot(org.id, campaign, &phone, None, reason.as_deref(), actor).await?;
            session.out.settle(&format!("{} has no slot any more", phone.reveal()), org.zone, &result)
        }
        Verb::Reset { scope, dry_run, reason } => {
            let campaign = scope.find(session, &org).await?;
            let reset = store.reset_slots(org.id, campaign, dry_run, reason.as_deref(), actor).await?;
            let value = json!({ "released": reset.released, "kept": reset.kept, "dry_run": dry_run });
            session.out.show(&value, || {
                let (released, kept) = (reset.released, reset.kept);
                let what = if dry_run { "would lose their slots" } else { "have no slot any more" };
                format!("{released} people {what}, {kept} keep theirs: messages still to be sent show them")
            })
        }
    }
}

impl Scope {
    /// The campaign, which has slots of its own.
    async fn find(&self, session: &Session, org: &Org) -> Result<Option<CampaignId>, CliError> {
        campaign_with_slots(session, org, self.campaign.as_deref()).await
    }
}

/// The campaign of this name, which has slots of its own.
pub async fn campaign_with_slots(
    session: &Session,
    org: &Org,
    name: Option<&str>,
) -> Result<Option<CampaignId>, CliError> {
    let Some(name) = name else { return Ok(None) };
    let found = campaign::find(session, org, name).await?;
    if found.conduct["slots"] != "campaign" {
        return Err(CliError::Refused(format!(
            "campaign {name} has no slots of its own: its people have those of the organisation"
        )));
    }
    Ok(Some(found.id))
}

async fn list(session: &Session, org: &Org, scope: &Scope) -> Result<(), CliError> {
    let campaign = scope.find(session, org).await?;
    let summary = session.store.slot_summary(org.id, campaign).await?;
    let slots = session.store.slots(org.id, campaign, None, LISTED).await?;
    let mut value = serde_json::to_value(&summary)
        .map_err(|error| CliError::because("failed to write the slots as JSON", error))?;
    value["slots"] = json!(slots);
    session.out.show(&value, || {
        let mut text = format!(
            "slots {} to {}: {} held by {} people, {} free, {} shared\n",
            summary.first, summary.last, summary.held, summary.people, summary.free, summary.shared
        );
        if !slots.is_empty() {
            text.push_str(&table(&slots, org));
        }
        text
    })
}

fn table(slots: &[SlotRecord], org: &Org) -> String {
    let mut table = Table::new(&["SLOT", "PHONE", "NAME", "SHARED", "GIVEN BY", "GIVEN", "USED"]);
    for slot in slots {
        table.row([
            slot.slot.to_string(),
            slot.phone.clone(),
            or_dash(slot.name.as_ref()),
            if slot.shared { "shared" } else { "" }.to_owned(),
            slot.given_by.clone(),
            local(slot.given_at, org.zone),
            local(slot.used_at, org.zone),
        ]);
    }
    table.render()
}
