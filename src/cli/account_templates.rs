//! `signalbox account templates`: which templates an account has, by its provider's own word.

use super::{
    CliError, Session, account, number_test,
    output::{Table, local_or_dash, or_dash},
    session::Org,
};
use crate::{
    domain::{content::button::OpenButton, number::ProviderKind},
    store::template::TemplateRecord,
};
use serde::Serialize;

/// The list, and what came of asking for it.
#[derive(Debug, Serialize)]
struct Listing {
    account: String,
    provider: String,
    templates: Vec<TemplateRecord>,
    /// Campaigns that were paused because of it.
    paused: Vec<String>,
}

/// Does it.
pub async fn run(session: &Session, org: &Org, name: &str, known: bool) -> Result<(), CliError> {
    let account = account::find(session, org, name).await?;
    if account.provider == ProviderKind::Ultramsg.name() {
        return Err(CliError::Refused(format!(
            "account {name} is at ultramsg, which has no templates: its numbers send the step's text or media"
        )));
    }
    let mut paused = Vec::new();
    if !known {
        let asker = number_test::asker(session, org).await?;
        match asker.templates(account.id).await {
            Ok(templates) => {
                paused = session.store.keep_templates(org.id, None, account.id, &templates).await?;
            }
            Err(why) => {
                session.store.note_template_problem(org.id, account.id, &why).await?;
                return Err(CliError::failed(format!(
                    "failed to list the templates of account {name}: {why}"
                )));
            }
        }
    }
    let templates = session.store.templates(org.id, account.id).await?;
    let listing = Listing { account: account.name, provider: account.provider, templates, paused };
    session.out.show(&listing, || describe(&listing, org))
}

fn describe(listing: &Listing, org: &Org) -> String {
    if listing.templates.is_empty() {
        return format!("account {} has no templates, as far as is known", listing.account);
    }
    let mut table = Table::new(&[
        "NAME",
        "LANGUAGE",
        "STATUS",
        "SINCE",
        "CATEGORY",
        "PARAMETERS",
        "ON TOP",
        "BUTTONS",
        "QUALITY",
        "ID",
        "USED BY",
    ]);
    for template in &listing.templates {
        let parameters = template.parameters.as_ref().map(|names| names.join(", "));
        let status = match &template.reason {
            Some(reason) if template.status != "approved" => format!("{}: {reason}", template.status),
            _ => template.status.clone(),
        };
        table.row([
            template.name.clone(),
            template.language.clone(),
            status,
            local_or_dash(Some(template.status_at), org.zone),
            or_dash(template.category.as_ref()),
            parameters.unwrap_or_else(|| "?".to_owned()),
            on_top(template),
            buttons(template),
            or_dash(template.quality.as_ref()),
            template.provider_id.clone(),
            template.campaigns.join(", "),
        ]);
    }
    let mut lines = vec![table.render()];
    let stopped = |campaign: &String| format!("paused campaign {campaign}: its template may not be sent");
    lines.extend(listing.paused.iter().map(stopped));
    lines.join("\n")
}

fn on_top(template: &TemplateRecord) -> String {
    match template.header.as_str() {
        "fixed" => "-".to_owned(),
        "text" => format!("text: {}", template.header_parameters.join(", ")),
        kind => kind.to_owned(),
    }
}

/// As a campaign's file names what goes into them.
fn buttons(template: &TemplateRecord) -> String {
    let open: Vec<OpenButton> = serde_json::from_value(template.buttons.clone()).unwrap_or_default();
    let each: Vec<String> = open.iter().map(|button| format!("{} {}", button.index, button.kind)).collect();
    if each.is_empty() { "-".to_owned() } else { each.join(", ") }
}
