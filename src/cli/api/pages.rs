//! Lists that are read page by page.

use super::{NotDone, Values};
use crate::{
    cli::{CliError, Session, campaign, session::Org},
    domain::ids::RecipientId,
    store::recipient::PageQuery,
};
use serde_json::json;

/// Rows of a page unless it says how many.
pub(super) const USUAL: i64 = 100;

pub(super) fn id<T: std::str::FromStr>(values: &Values, name: &str) -> Option<T> {
    values.text(name).and_then(|text| text.parse().ok())
}

/// The people of a campaign.
pub async fn recipients(session: &Session, org: &Org, values: &Values) -> Result<(), NotDone> {
    let campaign = campaign::find(session, org, values.text("name").unwrap_or_default()).await?;
    let after = id(values, "after").unwrap_or(RecipientId(uuid::Uuid::nil()));
    let most = values.whole("limit").unwrap_or(USUAL);
    let split = session.store.split_of(org.id, campaign.id).await?;
    // One more tells whether there is a next page.
    let mut items = session.store.recipients_after(org.id, campaign.id, &split, after, most + 1).await?;
    let more = i64::try_from(items.len()).unwrap_or(i64::MAX) > most;
    items.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    let next = items.last().map(|last| last.id).filter(|_| more);
    session.out.show(&json!({ "items": items, "next": next }), String::new)?;
    Ok(())
}

/// Attempts.
pub async fn attempts(session: &Session, org: &Org, values: &Values) -> Result<(), NotDone> {
    let campaign = match values.text("campaign") {
        Some(name) => Some(campaign::find(session, org, name).await?.id),
        None => None,
    };
    let state = values.text("state").map(str::parse).transpose();
    let state = state.map_err(|_| CliError::Usage("state is no state of attempts".to_owned()))?;
    let query = PageQuery {
        campaign,
        number: id(values, "number"),
        recipient: id(values, "recipient"),
        state,
        after: id(values, "after"),
        most: values.whole("limit").unwrap_or(USUAL),
    };
    let page = session.store.attempt_page(org.id, &query).await?;
    session.out.show(&page, String::new)?;
    Ok(())
}
