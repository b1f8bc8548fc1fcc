//! `signalbox campaign export`: one row for each recipient.

use super::{
    CliError, Session,
    campaign::find,
    export::{Export, JsonArray},
    session::Org,
};
use crate::{
    domain::{
        content::variant::Split,
        ids::{AttemptId, CampaignId, RecipientId},
    },
    sender::sent,
    store::recipient::RecipientRecord,
};
use serde_json::json;
use std::{collections::HashMap, path::Path};

/// Rows read at once.
const PAGE: i64 = 5_000;

/// The columns that are always there.
const HEADER: [&str; 10] = [
    "phone",
    "name",
    "state",
    "reason",
    "step",
    "tries",
    "number",
    "provider_message_id",
    "updated_at",
    "variant",
];

/// Reads the recipients page by page.
struct Pages<'a> {
    session: &'a Session,
    org: &'a Org,
    campaign: CampaignId,
    split: Split,
    texts: bool,
    after: RecipientId,
}

impl Pages<'_> {
    /// The next of them; empty: that was all.
    async fn next(&mut self) -> Result<Vec<RecipientRecord>, CliError> {
        let (store, org) = (&self.session.store, self.org.id);
        let mut page = store.recipients_after(org, self.campaign, &self.split, self.after, PAGE).await?;
        if let Some(last) = page.last() {
            self.after = last.id;
        }
        if self.texts {
            let attempts: Vec<AttemptId> =
                page.iter().filter_map(|recipient| recipient.last_attempt.map(AttemptId)).collect();
            let said = sent::said(store, org, &attempts, &[]).await?;
            let mut said: HashMap<_, _> = said.iter().map(|said| (said.attempt.0, said.in_words())).collect();
            for recipient in &mut page {
                recipient.said = recipient.last_attempt.and_then(|attempt| said.remove(&attempt));
            }
        }
        Ok(page)
    }
}

/// Does it.
pub async fn run(session: &Session, org: &Org, name: &str, file: &Path, texts: bool) -> Result<(), CliError> {
    let campaign = find(session, org, name).await?.id;
    let to_stdout = file == Path::new("-");
    let split = session.store.split_of(org.id, campaign).await?;
    let after = RecipientId(uuid::Uuid::nil());
    let mut pages = Pages { session, org, campaign, split, texts, after };
    if session.out.is_json() && to_stdout {
        let mut array = JsonArray::begin()?;
        loop {
            let page = pages.next().await?;
            if page.is_empty() {
                return array.end();
            }
            page.iter().try_for_each(|recipient| array.push(recipient))?;
        }
    }
    let mut header = HEADER.to_vec();
    header.extend(texts.then_some("said"));
    let mut export = Export::begin(file, &header)?;
    loop {
        let page = pages.next().await?;
        if page.is_empty() {
            break;
        }
        for recipient in &page {
            let cells = cells(recipient, texts);
            export.row(cells.iter().map(String::as_str))?;
        }
    }
    let rows = export.end()?;
    if to_stdout {
        return Ok(());
    }
    session.out.show(&json!({ "file": file, "rows": rows }), || {
        format!("wrote {rows} recipients to {}", file.display())
    })
}

fn cells(recipient: &RecipientRecord, texts: bool) -> Vec<String> {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut cells = vec![
        recipient.phone.clone(),
        text(&recipient.name),
        recipient.state.clone(),
        text(&recipient.reason),
        recipient.step.to_string(),
        recipient.tries.to_string(),
        text(&recipient.number),
        text(&recipient.provider_message_id),
        recipient.updated_at.to_rfc3339(),
        text(&recipient.variant),
    ];
    cells.extend(texts.then(|| text(&recipient.said)));
    cells
}
