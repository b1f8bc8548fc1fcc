//! Slots: who has which number, given at enrolment (`give_slots`), changed by hand here.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor, Answer},
    failed,
};
use crate::domain::{
    action::{Action, Order},
    ids::{CampaignId, ContactId, OrganizationId},
    phone::{Phone, mask},
    slot::SlotRange,
};
use chrono::{DateTime, Utc};
use serde::Serialize;

const CHANGING: &str = "change a slot";
const NO_CONTACT: &str = "there is no such contact";

/// One person's slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotRecord {
    /// The number.
    pub slot: i32,
    /// Whose it is.
    pub phone: String,
    /// Their name, if it is known.
    pub name: Option<String>,
    /// Somebody else has it too.
    pub shared: bool,
    /// The campaign that gave it, or the operator.
    pub given_by: String,
    /// When.
    pub given_at: DateTime<Utc>,
    /// When a campaign used it last.
    pub used_at: DateTime<Utc>,
}

/// The slots of one scope, in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SlotSummary {
    /// The lowest slot.
    pub first: i32,
    /// The highest slot.
    pub last: i32,
    /// After so many days without use a slot is free again; none: never.
    pub expiry_days: Option<i32>,
    /// People who have one.
    pub people: i64,
    /// Slots that somebody has.
    pub held: i64,
    /// Slots that nobody has.
    pub free: i64,
    /// Slots that several people have.
    pub shared: i64,
}

/// What a reset does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct SlotReset {
    /// People whose slot is taken back.
    pub released: i32,
    /// People who keep theirs: a message that is still to be sent shows it.
    pub kept: i32,
}

/// Which page of who has which slot.
#[derive(Debug, Clone, Copy)]
pub struct SlotQuery {
    /// Of this campaign, which has its own; `None`: of the organisation.
    pub campaign: Option<CampaignId>,
    /// Only who has this one.
    pub slot: Option<i32>,
    /// Behind this person.
    pub after: ContactId,
    /// At most so many.
    pub most: i64,
}

impl Store {
    /// One page of who has which slot, each with the person that the next page begins behind: in the order of people, which
    /// stays whatever is given meanwhile.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn slot_page(
        &self,
        organization: OrganizationId,
        query: &SlotQuery,
    ) -> Result<Vec<(ContactId, SlotRecord)>, StoreError> {
        sqlx::query!(
            r#"select s.contact_id, s.slot, c.phone::text as "phone!", c.name as "name?",
                      coalesce((select k.people > 1 from slot_counts k
                                 where k.organization_id = $1 and k.scope_id = s.scope_id and k.slot = s.slot),
                               false) as "shared!",
                      s.given_by, s.given_at, s.used_at
                 from contact_slots s
                 join contacts c on c.organization_id = $1 and c.id = s.contact_id
                where s.organization_id = $1 and s.scope_id = slot_scope($1, $2) and s.contact_id > $3
                  and ($4::integer is null or s.slot = $4)
                order by s.contact_id limit $5"#,
            organization.0,
            query.campaign.map(|campaign| campaign.0),
            query.after.0,
            query.slot,
            query.most,
        )
        .map(|row| {
            let slot = SlotRecord {
                slot: row.slot,
                phone: row.phone,
                name: row.name,
                shared: row.shared,
                given_by: row.given_by,
                given_at: row.given_at,
                used_at: row.used_at,
            };
            (ContactId(row.contact_id), slot)
        })
        .fetch_all(&self.screen)
        .await
        .map_err(failed("read who has which slot"))
    }

    /// Who has which slot, by slot; of the organisation, or of a campaign that has its own. At most `most`.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn slots(
        &self,
        organization: OrganizationId,
        campaign: Option<CampaignId>,
        phone: Option<&Phone>,
        most: i64,
    ) -> Result<Vec<SlotRecord>, StoreError> {
        sqlx::query_as!(
            SlotRecord,
            r#"select s.slot, c.phone::text as "phone!", c.name,
                      exists (select from contact_slots o
                               where o.organization_id = $1 and o.scope_id = s.scope_id and o.slot = s.slot
                                 and o.contact_id <> s.contact_id) as "shared!",
                      s.given_by, s.given_at, s.used_at
                 from contact_slots s
                 join contacts c on c.organization_id = $1 and c.id = s.contact_id
                where s.organization_id = $1 and s.scope_id = slot_scope($1, $2)
                  and ($3::text is null or c.phone = $3)
                order by s.slot, s.used_at desc, c.phone limit $4"#,
            organization.0,
            campaign.map(|campaign| campaign.0),
            phone.map(Phone::reveal),
            most,
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("read who has which slot"))
    }

    /// The slots of a scope in figures.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn slot_summary(
        &self,
        organization: OrganizationId,
        campaign: Option<CampaignId>,
    ) -> Result<SlotSummary, StoreError> {
        sqlx::query_as!(
            SlotSummary,
            r#"select o.slot_first as first, o.slot_last as last, o.slot_expiry_days as expiry_days,
                      coalesce(k.people, 0)::bigint as "people!", k.held as "held!",
                      o.slot_last - o.slot_first + 1 - k.held as "free!", k.shared as "shared!"
                 from organizations o
                cross join lateral (
                      select sum(p.people) as people, count(*) as held, count(*) filter (where p.people > 1) as shared
                        from slot_counts p
                       where p.organization_id = $1 and p.scope_id = slot_scope($1, $2) and p.people > 0) k
                where o.id = $1"#,
            organization.0,
            campaign.map(|campaign| campaign.0),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("count the slots"))
    }

    /// How many people got a slot by a campaign's enrolment.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn slots_given(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<i64, StoreError> {
        sqlx::query_scalar!(
            r#"select coalesce(sum((after ->> 'given')::bigint), 0)::bigint as "given!" from audit_log
                where organization_id = $1 and entity_id = $2 and action = 'give slots'"#,
            organization.0,
            campaign.0,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed("count the slots that were given"))
    }

    /// Gives a person a slot by hand, or with `None` takes it back.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn change_slot(
        &self,
        organization: OrganizationId,
        campaign: Option<CampaignId>,
        phone: &Phone,
        slot: Option<u16>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let answer = self.slot_answer(organization, campaign, phone, slot, reason, actor).await?;
        answer.read(CHANGING, NO_CONTACT, refusal, |_before| None)
    }

    /// What an order about slots comes to.
    pub(super) async fn act_on_slots(
        &self,
        organization: OrganizationId,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let reason = order.reason.as_deref();
        match &order.action {
            Action::SetSlot { campaign, phone, slot } => {
                self.set_slot(organization, *campaign, phone, *slot, reason, actor).await
            }
            Action::ResetSlots(campaign) => {
                self.reset_slots(organization, *campaign, false, reason, actor).await?;
                Ok(ActionResult::DONE)
            }
            _ => Err(StoreError::Unreadable { doing: CHANGING, what: "order" }),
        }
    }

    /// The same as [`Self::change_slot`] for a screen, on which phones are masked.
    async fn set_slot(
        &self,
        organization: OrganizationId,
        campaign: Option<CampaignId>,
        phone: &Phone,
        slot: Option<u16>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let answer = self.slot_answer(organization, campaign, phone, slot, reason, actor).await?;
        let masked = |phone: &str, found: &str| match found.split_once(' ') {
            Some(("held", holder)) => {
                format!("{} has this slot; take it back first or choose another one", mask(holder))
            }
            _ => refusal(&mask(phone), found),
        };
        answer.read(CHANGING, NO_CONTACT, masked, |_before| None)
    }

    async fn slot_answer(
        &self,
        organization: OrganizationId,
        campaign: Option<CampaignId>,
        phone: &Phone,
        slot: Option<u16>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<Answer, StoreError> {
        sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from change_slot($1, $2, $3, $4, $5, $6, $7)",
            organization.0,
            campaign.map(|campaign| campaign.0),
            phone.reveal(),
            slot.map(i32::from),
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed(CHANGING))
    }

    /// Takes every slot of a scope back that no message still to be sent shows; `dry_run`: only counts them.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn reset_slots(
        &self,
        organization: OrganizationId,
        campaign: Option<CampaignId>,
        dry_run: bool,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<SlotReset, StoreError> {
        sqlx::query_as!(
            SlotReset,
            r#"select released as "released!", kept as "kept!" from reset_slots($1, $2, $3, $4, $5, $6)"#,
            organization.0,
            campaign.map(|campaign| campaign.0),
            dry_run,
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.bulk)
        .await
        .map_err(failed("reset the slots"))
    }

    /// Changes which slots there are and how long one lasts without use (`Some(None)`: for ever).
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn edit_slot_rules(
        &self,
        organization: OrganizationId,
        range: Option<SlotRange>,
        expiry_days: Option<Option<u16>>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        const DOING: &str = "change which slots there are";
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from change_slot_rules($1, $2, $3, $4, $5, $6, $7, $8)",
            organization.0,
            range.map(|range| i32::from(range.first())),
            range.map(|range| i32::from(range.last())),
            expiry_days.is_some(),
            expiry_days.flatten().map(i32::from),
            actor.operator,
            actor.instance_id(),
            reason,
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed(DOING))?;
        answer.read(
            DOING,
            "there is no such organisation",
            |_slug, found| {
                format!("{found} people hold slots outside of this range; release or reset them first (signalbox slot list)")
            },
            |_before| None,
        )
    }
}

/// Why a slot stays as it is.
fn refusal(phone: &str, found: &str) -> String {
    match found.split_once(' ') {
        Some(("range", range)) => format!("the slots are {range}; signalbox org edit --slots changes that"),
        Some(("held", holder)) => {
            format!("{holder} has this slot; release it first (signalbox slot release {holder})")
        }
        _ => format!(
            "a message to {phone} that is still to be sent shows this slot; give another one with slot set, or end that campaign"
        ),
    }
}
