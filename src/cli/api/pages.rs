//! Lists that are read page by page.

use super::{NotDone, Values};
use crate::{
    cli::{
        CliError, Session, campaign,
        reply::{self, Only},
        session::Org,
    },
    domain::{ids::RecipientId, text::Safe},
    store::{
        recipient::PageQuery,
        view::{Cursor, ThreadQuery, ThreadScope},
    },
};
use chrono::DateTime;
use clap::ValueEnum as _;
use serde_json::{Value, json};

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

/// Threads. What comes in meanwhile stands in front, so that every page goes on where the one before it ended.
pub async fn conversations(session: &Session, org: &Org, values: &Values) -> Result<(), NotDone> {
    let only = values.text("only").map(|word| Only::from_str(word, false)).transpose();
    let only = only.map_err(|_| CliError::Usage("only is no word for threads".to_owned()))?;
    let scope = match (values.text("of"), only) {
        (Some(_), Some(_)) => {
            return Err(CliError::Usage("of and only are not given together".to_owned()).into());
        }
        (Some(operator), None) => ThreadScope::Of(Safe::new(operator)),
        (None, only) => only.unwrap_or(Only::Open).scope(session.operator_name()),
    };
    let query = ThreadQuery { scope, text: Safe::default() };
    let after = values.text("after").map(place).transpose()?;
    let most = usize::try_from(values.whole("limit").unwrap_or(USUAL)).unwrap_or(0);
    let seat = session.store.seat(org.id, None).await?;
    let (rows, next) = reply::some(session, &seat, &query, after, most).await?;
    let items: Vec<Value> = rows.iter().map(reply::thread).collect();
    let next = next.map(|next| format!("{}.{}", next.at.timestamp_micros(), next.id));
    session.out.show(&json!({ "items": items, "next": next }), String::new)?;
    Ok(())
}

/// A place in the list of threads: when somebody wrote there last, and its id.
fn place(text: &str) -> Result<Cursor, CliError> {
    let read = text.split_once('.').and_then(|(at, id)| {
        Some(Cursor { at: DateTime::from_timestamp_micros(at.parse().ok()?)?, id: id.parse().ok()? })
    });
    read.ok_or_else(|| CliError::Usage("after is no next of a page before".to_owned()))
}
