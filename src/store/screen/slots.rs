//! Who has which number, as a grid: one line for each slot, however many people share it.

use super::{ReadError, Seat, count, many, phone};
use crate::domain::ids::CampaignId;
use crate::domain::text::{Safe, Shown};
use crate::store::view::{SlotCell, SlotHolder, SlotResetView, SlotsView};
use crate::store::{Store, StoreError, action::Actor, failed};
use chrono::TimeDelta;

const DOING: &str = "read who has which slot";
/// People of one slot that are shown.
const SHOWN: i64 = 100;
/// Campaigns with slots of their own that are offered.
const OFFERED: i64 = 100;

impl Store {
    /// All slots of a scope. A campaign without slots of its own has those of the organisation.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn slots_view(
        &self,
        seat: &Seat,
        campaign: Option<CampaignId>,
    ) -> Result<SlotsView, ReadError> {
        let campaigns = self.campaigns_with_slots(seat).await?;
        let campaign = campaign.filter(|asked| campaigns.iter().any(|(id, _)| id == asked));
        let summary = self.slot_summary(seat.organization, campaign).await?;
        let rows = sqlx::query!(
            r#"select s.slot as "slot!", s.people as "people!", c.phone::text as "phone!", c.name as "name?",
                      l.used_at as "used_at!",
                      coalesce(l.used_at < clock_timestamp() - make_interval(days => $3), false) as "is_over!"
                 from (select k.slot, k.people from slot_counts k
                        where k.organization_id = $1 and k.scope_id = slot_scope($1, $2) and k.people > 0) s
                cross join lateral (select k.contact_id, k.used_at from contact_slots k
                                     where k.organization_id = $1 and k.scope_id = slot_scope($1, $2)
                                       and k.slot = s.slot
                                     order by k.used_at desc limit 1) l
                 join contacts c on c.organization_id = $1 and c.id = l.contact_id
                order by s.slot"#,
            seat.organization.0,
            campaign.map(|campaign| campaign.0),
            summary.expiry_days,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        let held = rows
            .into_iter()
            .map(|row| {
                Ok(SlotCell {
                    slot: slot(row.slot),
                    people: many(row.people),
                    phone: phone(DOING, &row.phone)?,
                    name: Shown::new(row.name.as_deref().unwrap_or_default()),
                    used_at: row.used_at,
                    is_over: row.is_over,
                })
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(SlotsView {
            campaign,
            campaigns,
            first: slot(summary.first),
            last: slot(summary.last),
            expiry_days: summary.expiry_days.map(count),
            people: many(summary.people),
            free: many(summary.free),
            shared: many(summary.shared),
            held,
        })
    }

    async fn campaigns_with_slots(&self, seat: &Seat) -> Result<Vec<(CampaignId, Shown)>, StoreError> {
        let rows = sqlx::query!(
            "select id, name from campaigns where organization_id = $1 and conduct ->> 'slots' = 'campaign'
              order by created_at desc limit $2",
            seat.organization.0,
            OFFERED,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        Ok(rows.into_iter().map(|row| (CampaignId(row.id), Shown::new(&row.name))).collect())
    }

    /// Who has this slot, the latest user first.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn slot_holders(
        &self,
        seat: &Seat,
        campaign: Option<CampaignId>,
        which: u16,
    ) -> Result<Vec<SlotHolder>, ReadError> {
        let rows = sqlx::query!(
            r#"select c.phone::text as "phone!", c.name as "name?", s.shared, s.given_by, s.given_at, s.used_at,
                      o.slot_expiry_days
                 from contact_slots s
                 join contacts c on c.organization_id = $1 and c.id = s.contact_id
                 join organizations o on o.id = $1
                where s.organization_id = $1 and s.scope_id = slot_scope($1, $2) and s.slot = $3
                order by s.used_at desc, c.phone limit $4"#,
            seat.organization.0,
            campaign.map(|campaign| campaign.0),
            i32::from(which),
            SHOWN,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        let holders = rows.into_iter().map(|row| {
            let lasts = row.slot_expiry_days.map(|days| TimeDelta::days(i64::from(days)));
            Ok(SlotHolder {
                phone: phone(DOING, &row.phone)?,
                name: Shown::new(row.name.as_deref().unwrap_or_default()),
                shared: row.shared,
                given_by: Safe::new(&row.given_by),
                given_at: row.given_at,
                used_at: row.used_at,
                until: lasts.map(|lasts| row.used_at + lasts),
            })
        });
        Ok(holders.collect::<Result<_, StoreError>>()?)
    }

    /// What taking all slots of a scope back would do. Changes nothing.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn slot_reset_view(
        &self,
        seat: &Seat,
        campaign: Option<CampaignId>,
    ) -> Result<SlotResetView, ReadError> {
        let nobody = Actor { operator: "", instance: None };
        let reset = self.reset_slots(seat.organization, campaign, true, None, nobody).await?;
        Ok(SlotResetView { released: u64::from(count(reset.released)), kept: u64::from(count(reset.kept)) })
    }
}

fn slot(number: i32) -> u16 {
    u16::try_from(number).unwrap_or(0)
}
