//! Who has which number, for other programs: the lines of the table, and the list page by page.

use super::operations::{
    Does, Field, Operation,
    Place::{Body, Query},
    To::{Flag, Nowhere, Position, Switch},
    Type,
};
use super::table::{AFTER, LIMIT, PERSON, REASON, change, field, needed, read};
use super::{NotDone, Values, pages};
use crate::{
    cli::{Session, session::Org, slot},
    domain::{ids::ContactId, right::Right},
    store::slot::SlotQuery,
};
use serde_json::json;

const OWN: Field = field(
    "campaign",
    Body,
    Flag("--campaign"),
    Type::Text,
    "of this campaign, which has slots of its own; else of the organisation",
);

/// Slots.
pub const SLOTS: &[Operation] = &[
    read(
        "listSlots",
        "/v1/slots",
        "Who has which number, page by page: of the organisation, or of a campaign that has its own; and how many are free",
        Does::Slots,
        &[
            field("campaign", Query, Nowhere, Type::Text, "of this campaign, which has slots of its own"),
            field("slot", Query, Nowhere, Type::Whole, "only who has this number"),
            AFTER,
            LIMIT,
        ],
        "SlotPage",
    ),
    Operation {
        right: Right::Sees,
        ..change(
            "getSlot",
            "/v1/slots/of",
            "A person's number; a POST, so that the phone stands in no address",
            Does::Command(&["slot", "show"]),
            &[PERSON, OWN],
            "Slot",
        )
    },
    Operation {
        method: "PUT",
        ..change(
            "setSlot",
            "/v1/slots",
            "Gives a person a number that nobody else has; what is queued shows the new one",
            Does::Command(&["slot", "set"]),
            &[PERSON, needed("slot", Body, Position, Type::Whole, "which one"), OWN, REASON],
            "Result",
        )
    },
    change(
        "releaseSlot",
        "/v1/slots/release",
        "Takes a person's number back, unless a message that is still to be sent shows it",
        Does::Command(&["slot", "release"]),
        &[PERSON, OWN, REASON],
        "Result",
    ),
    change(
        "resetSlots",
        "/v1/slots/reset",
        "Takes all numbers back but those that messages still to be sent show",
        Does::Command(&["slot", "reset"]),
        &[field("dry_run", Body, Switch("--dry-run"), Type::Flag, "only counts"), OWN, REASON],
        "SlotReset",
    ),
];

/// Who has which number, in an order that stays.
pub async fn page(session: &Session, org: &Org, values: &Values) -> Result<(), NotDone> {
    let campaign = slot::campaign_with_slots(session, org, values.text("campaign")).await?;
    let most = values.whole("limit").unwrap_or(pages::USUAL);
    let query = SlotQuery {
        campaign,
        slot: values.whole("slot").map(|slot| i32::try_from(slot).unwrap_or(i32::MAX)),
        after: pages::id(values, "after").unwrap_or(ContactId(uuid::Uuid::nil())),
        // One more tells whether there is a next page.
        most: most + 1,
    };
    let mut found = session.store.slot_page(org.id, &query).await?;
    let more = i64::try_from(found.len()).unwrap_or(i64::MAX) > most;
    found.truncate(usize::try_from(most).unwrap_or(usize::MAX));
    let next = found.last().map(|(person, _)| *person).filter(|_| more);
    let items: Vec<_> = found.into_iter().map(|(_, slot)| slot).collect();
    let summary = session.store.slot_summary(org.id, campaign).await?;
    session.out.show(&json!({ "items": items, "next": next, "summary": summary }), String::new)?;
    Ok(())
}
