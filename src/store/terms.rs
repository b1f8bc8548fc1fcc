//! When and in which order campaigns may send, as far as any of them says more than "at any time".

use super::{Store, StoreError, failed};
use crate::domain::{
    campaign::{
        rollout::Standing,
        terms::{Predecessor, Terms},
    },
    ids::{CampaignId, OrganizationId},
    window::{Calendar, Hours, Whose, Window},
};
use crate::postgres::way::Way;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::collections::HashMap;

const DOING: &str = "read when campaigns may send";

/// The terms of an organisation's campaigns.
#[derive(Debug, Clone, Default)]
pub struct TermsOf {
    /// What holds for all: the organisation's hours.
    general: Terms,
    /// Those that say more.
    own: HashMap<CampaignId, Own>,
}

#[derive(Debug, Clone)]
struct Own {
    terms: Terms,
    /// The zones of those who wait, and when the first in each is due.
    due: Vec<(Tz, DateTime<Utc>)>,
    /// Whether its people are picked by their zones.
    zoned: bool,
}

impl TermsOf {
    /// Those of one campaign.
    #[must_use]
    pub fn campaign(&self, campaign: CampaignId) -> Terms {
        self.own.get(&campaign).map_or_else(|| self.general.clone(), |own| own.terms.clone())
    }

    /// When the next of a campaign's people may be written to, where the first that is due at `first` may be asleep.
    #[must_use]
    pub fn next_due(
        &self,
        campaign: CampaignId,
        first: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Option<DateTime<Utc>> {
        let Some(own) = self.own.get(&campaign).filter(|own| own.zoned) else { return first };
        let calendar = &own.terms.calendar;
        let opens = |(zone, due): &(Tz, DateTime<Utc>)| {
            let from = now.max(*due);
            calendar.closed_in(*zone, from).map_or(Some(*due), |closed| closed.opens)
        };
        own.due.iter().filter_map(opens).min()
    }

    /// Whether nobody of a campaign waits for nothing but their turn: with clocks of their own all of them are due at a time.
    #[must_use]
    pub fn is_zoned(&self, campaign: CampaignId) -> bool {
        self.own.get(&campaign).is_some_and(|own| own.zoned)
    }
}

impl Store {
    /// When and in which order a campaign may send.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn campaign_terms(
        &self,
        organization: OrganizationId,
        campaign: CampaignId,
    ) -> Result<Terms, StoreError> {
        Ok(terms_of(&self.screen, organization, Some(campaign)).await?.campaign(campaign))
    }
}

/// Reads the terms of all campaigns that are not over. `also`: one that may be.
pub(super) async fn terms_of(
    pool: &Way,
    organization: OrganizationId,
    also: Option<CampaignId>,
) -> Result<TermsOf, StoreError> {
    let rows = sqlx::query!(
        r#"select o.time_zone, o.open_from, o.open_to, o.open_days, c.id as "id?", c.window_from, c.window_to,
                  c.window_days, c.window_zone, c.zoned as "zoned?", c.missed_at, c.expires_at, b.name as "before?",
                  b.state::text as "before_state?", w.stages[w.stage] as "percent?", w.why as "why?", w.until,
                  exists (select from due_shifts h where h.organization_id = o.id and h.campaign_id = c.id)
                  and (select coalesce(sum(k.fresh), 0) = 0 from campaign_counts k
                        where k.organization_id = o.id and k.campaign_id = c.id) as "times_change!"
             from organizations o
             left join campaigns c on c.organization_id = o.id
                  and (c.state not in ('completed', 'cancelled') or c.id = $2)
                  and (c.window_from is not null or c.zoned or c.run_after_id is not null or c.missed_at is not null
                       or c.expires_at is not null or c.conduct ? 'rollout'
                       or exists (select from due_shifts h where h.organization_id = o.id and h.campaign_id = c.id))
             left join campaigns b on b.organization_id = o.id and b.id = c.run_after_id
             left join campaign_rollouts w on w.organization_id = o.id and w.campaign_id = c.id and c.state = 'active'
                  and w.stage < cardinality(w.stages) and nobody_is_let_go(o.id, c.id)
            where o.id = $1"#,
        organization.0,
        also.map(|campaign| campaign.0),
    )
    .fetch_all(pool)
    .await
    .map_err(failed(DOING))?;
    let mut terms = TermsOf::default();
    for row in rows {
        terms.general.calendar = Calendar {
            organization: Hours::of_columns(row.open_from, row.open_to, row.open_days),
            zone: row.time_zone.parse().unwrap_or(Tz::UTC),
            window: None,
            zones: Vec::new(),
        };
        let Some(id) = row.id else { continue };
        let hours = Hours::of_columns(row.window_from, row.window_to, row.window_days);
        let zone = row.window_zone.and_then(|zone| zone.parse::<Whose>().ok());
        let state = row.before_state.and_then(|state| state.parse().ok());
        let own = Own {
            terms: Terms {
                calendar: Calendar {
                    window: hours.zip(zone).map(|(hours, zone)| Window { hours, zone }),
                    ..terms.general.calendar.clone()
                },
                run_after: row.before.zip(state).map(|(name, state)| Predecessor { name, state }),
                missed_at: row.missed_at,
                expires_at: row.expires_at,
                rollout: row.percent.zip(row.why).map(|(percent, why)| standing(percent, why, row.until)),
                times_change: row.times_change,
            },
            due: Vec::new(),
            zoned: row.zoned.unwrap_or(false),
        };
        terms.own.insert(CampaignId(id), own);
    }
    read_zones(pool, organization, &mut terms).await?;
    Ok(terms)
}

fn standing(percent: i32, why: String, until: Option<DateTime<Utc>>) -> Standing {
    Standing { percent: u32::try_from(percent).unwrap_or(0), why, until }
}

/// Reads the zones of those who wait, where campaigns ask for them: one look at an index for each.
async fn read_zones(pool: &Way, organization: OrganizationId, terms: &mut TermsOf) -> Result<(), StoreError> {
    let zoned: Vec<uuid::Uuid> =
        terms.own.iter().filter(|(_, own)| own.zoned).map(|(campaign, _)| campaign.0).collect();
    if zoned.is_empty() {
        return Ok(());
    }
    let rows = sqlx::query!(
        r#"select z.campaign_id, z.zone, d.due_at as "due_at!" from campaign_zones z
            cross join lateral (select r.due_at from campaign_recipients r
                                 where r.organization_id = $1 and r.campaign_id = z.campaign_id and r.zone = z.zone
                                   and r.due_at is not null
                                 order by r.due_at limit 1) d
            where z.organization_id = $1 and z.campaign_id = any ($2)
            order by z.campaign_id, z.zone"#,
        organization.0,
        &zoned,
    )
    .fetch_all(pool)
    .await
    .map_err(failed(DOING))?;
    for row in rows {
        // What this program has never heard of the server knows: then it says when it is open, and nobody foretells it.
        let Ok(zone) = row.zone.parse::<Tz>() else { continue };
        if let Some(own) = terms.own.get_mut(&CampaignId(row.campaign_id)) {
            own.terms.calendar.zones.push(zone);
            own.due.push((zone, row.due_at));
        }
    }
    Ok(())
}
