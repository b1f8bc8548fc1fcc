//! `signalbox org`.

use super::{
    CliError, Session,
    output::{Table, local_or_dash, or_dash},
    parse::{self, Limit},
};
use crate::{
    domain::{
        action::{Action, Order},
        locale::Locale,
        phone::Phone,
        warm_up::Ladder,
    },
    store::organization::{NewOrganization, OrganizationEdit},
};
use chrono_tz::Tz;
use clap::Subcommand;
use serde_json::json;

/// What can be done with organisations.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Adds an organisation
    #[command(
        after_help = "Example:\n  signalbox org add acme --name Acme --timezone Africa/Douala --daily-limit 5000"
    )]
    Add {
        /// Its short name: small letters, digits and dashes
        slug: String,
        /// Its name
        #[arg(long)]
        name: String,
        /// The zone in which its days begin
        #[arg(long, value_name = "ZONE", value_parser = parse::zone)]
        timezone: Tz,
        /// The language of last resort
        #[arg(long, value_name = "TAG", default_value = "en", value_parser = locale)]
        locale: Locale,
        /// Most messages a day over all campaigns
        #[arg(long, value_name = "N", value_parser = parse::positive_limit, allow_hyphen_values = true)]
        daily_limit: Option<Limit>,
        /// What new numbers may send on their first days, if they warm up (number add --warm-up); or off
        #[arg(long, value_name = "N,N,...|off")]
        warm_up: Option<Ladder>,
        /// It only ever reaches loopback addresses, and may run on an accelerated clock
        #[arg(long)]
        rehearsal: bool,
    },
    /// Lists the organisations
    List,
    /// Changes the organisation
    Edit {
        /// Which one; --org does the same
        slug: Option<String>,
        /// Its name
        #[arg(long)]
        name: Option<String>,
        /// The zone in which its days begin
        #[arg(long, value_name = "ZONE", value_parser = parse::zone)]
        timezone: Option<Tz>,
        /// The language of last resort
        #[arg(long, value_name = "TAG", value_parser = locale)]
        locale: Option<Locale>,
        /// Most messages a day over all campaigns, or none
        #[arg(long, value_name = "N|none", value_parser = parse::positive_limit, allow_hyphen_values = true)]
        daily_limit: Option<Limit>,
        /// What new numbers may send on their first days, if they warm up (number add --warm-up); or off
        #[arg(long, value_name = "N,N,...|off")]
        warm_up: Option<Ladder>,
        /// The number of last resort, or none
        #[arg(long, value_name = "PHONE|none")]
        default_number: Option<String>,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Stops all sending, on every sender of the database
    Stop {
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Lifts the stop
    Release {
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
}

fn locale(raw: &str) -> Result<Locale, String> {
    Locale::parse(raw).map_err(|error| error.to_string())
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    match verb {
        Verb::List => list(session).await,
        Verb::Stop { reason } => act(session, Action::StopAll, reason, "stopped: nothing new is sent").await,
        Verb::Release { reason } => {
            act(session, Action::ReleaseStop, reason, "released: sending goes on").await
        }
        Verb::Add { slug, name, timezone, locale, daily_limit, warm_up, rehearsal } => {
            let new = NewOrganization {
                slug: &slug,
                name: &name,
                time_zone: timezone.name(),
                default_locale: locale.as_str(),
                daily_limit: daily_limit.and_then(Limit::column),
                warm_up: warm_up.unwrap_or_else(Ladder::usual),
                rehearsal,
            };
            let id = session.store.add_organization(&new, session.actor()).await?;
            session.out.show(&json!({ "id": id, "slug": slug }), || format!("added organisation {slug}"))
        }
        Verb::Edit { slug, name, timezone, locale, daily_limit, warm_up, default_number, reason } => {
            let number = match default_number.as_deref() {
                None => None,
                Some("none") => Some(None),
                Some(raw) => Some(Some(parse::phone(raw).map_err(CliError::Usage)?)),
            };
            let edit = OrganizationEdit {
                name: name.as_deref(),
                time_zone: timezone.map(Tz::name),
                default_locale: locale.as_ref().map(Locale::as_str),
                daily_limit: daily_limit.map(Limit::column),
                warm_up,
                default_number: number.as_ref().map(|number| number.as_ref().map(Phone::reveal)),
            };
            edit_one(session, slug.as_deref(), &edit, reason.as_deref()).await
        }
    }
}

async fn edit_one(
    session: &Session,
    slug: Option<&str>,
    edit: &OrganizationEdit<'_>,
    reason: Option<&str>,
) -> Result<(), CliError> {
    let (id, slug) = match slug {
        None => session.organization().await.map(|org| (org.id, org.record.slug))?,
        Some(slug) => session
            .store
            .organizations(Some(slug))
            .await?
            .pop()
            .map(|record| (record.id, record.slug))
            .ok_or_else(|| CliError::failed(format!("there is no organisation {slug:?}")))?,
    };
    if !session.store.edit_organization(id, edit, reason, session.actor()).await? {
        return Err(CliError::failed("there is no such number in this organisation"));
    }
    session.out.show(&json!({ "result": "done", "slug": slug }), || format!("changed organisation {slug}"))
}

async fn act(session: &Session, action: Action, reason: Option<String>, done: &str) -> Result<(), CliError> {
    let org = session.organization().await?;
    let order = Order { action, expected: None, reason };
    let result = session.store.act(org.id, &order, session.actor().operator, None).await?;
    session.out.settle(done, org.zone, &result)
}

async fn list(session: &Session) -> Result<(), CliError> {
    let organizations = session.store.organizations(None).await?;
    session.out.show(&organizations, || {
        let mut table = Table::new(&[
            "SLUG",
            "NAME",
            "ZONE",
            "LOCALE",
            "DAILY LIMIT",
            "WARM-UP",
            "DEFAULT NUMBER",
            "STOPPED",
        ]);
        for organization in &organizations {
            let zone = organization.time_zone.parse().unwrap_or(Tz::UTC);
            table.row([
                organization.slug.clone(),
                organization.name.clone(),
                organization.time_zone.clone(),
                organization.default_locale.clone(),
                or_dash(organization.daily_limit),
                organization.ladder().to_string(),
                or_dash(organization.default_number.as_ref()),
                local_or_dash(organization.stopped_at, zone),
            ]);
        }
        table.render()
    })
}
