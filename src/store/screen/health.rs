//! What the provider says of one number, for people to look at.

use super::Seat;
use crate::domain::{ids::NumberId, money::Money, pulse::Pulse, ratio::Ratios, text::Safe};
use crate::store::view::{HealthView, LogLine, NumberTest, VitalsView};
use crate::store::{Store, StoreError, failed};
use chrono::{DateTime, Utc};

const DOING: &str = "read how a number is";

impl Store {
    /// What stands of its last check, and what its provider told by itself.
    pub(super) async fn health_of(&self, seat: &Seat, id: NumberId) -> Result<HealthView, StoreError> {
        let row = sqlx::query!(
            "select state, code, words, approval, quality, provider_limit, provider_unlimited, checked_at, well_since
               from number_health where organization_id = $1 and number_id = $2",
            seat.organization.0,
            id.0,
        )
        .fetch_optional(self.screen())
        .await
        .map_err(failed(DOING))?;
        Ok(row.map_or_else(HealthView::default, |row| HealthView {
            state: row.state.map(|state| Safe::new(&state)),
            words: Safe::new(&said(row.code.as_deref(), &row.words)),
            approval: row.approval.map(|approval| Safe::new(&approval)),
            quality: row.quality.map(|quality| Safe::new(&quality)),
            people: row.provider_limit.map(super::count),
            unlimited: row.provider_unlimited,
            checked_at: row.checked_at,
            well_since: row.well_since,
        }))
    }

    /// How it does by its own past.
    pub(super) async fn vitals_of(&self, seat: &Seat, id: NumberId) -> Result<VitalsView, StoreError> {
        let row = sqlx::query!(
            r#"select v.state, v.since, v.words, v.tried, v.failed, v.blocked,
                      v.failed_warned_at is not null as "failed_on!", v.blocked_warned_at is not null as "blocked_on!",
                      n.monthly_cost, n.cost_currency,
                      c.state as "canary?", c.purpose as "purpose?", c.planned_at as "planned_at?", v.no_canary
                 from number_vitals v
                 join whatsapp_numbers n on n.organization_id = v.organization_id and n.id = v.number_id
                 left join lateral (select c.state, c.purpose, c.planned_at from canaries c
                                     where c.organization_id = $1 and c.number_id = $2
                                     order by c.planned_at desc limit 1) c on true
                where v.organization_id = $1 and v.number_id = $2"#,
            seat.organization.0,
            id.0,
        )
        .fetch_optional(self.screen())
        .await
        .map_err(failed(DOING))?;
        Ok(row.map_or_else(VitalsView::default, |row| VitalsView {
            pulse: row.state.parse().unwrap_or(Pulse::Unknown),
            since: Some(row.since),
            words: Safe::new(&row.words),
            ratios: Ratios {
                tried: super::count(row.tried),
                failed: super::count(row.failed),
                blocked: super::count(row.blocked),
            },
            failed_on: row.failed_on,
            blocked_on: row.blocked_on,
            cost: Money::of(row.monthly_cost, row.cost_currency.as_deref()),
            canary: row.canary.zip(row.purpose).zip(row.planned_at).map(|((state, purpose), at)| {
                (Safe::new(&format!("{} ({purpose})", state.replace('_', " "))), at)
            }),
            no_canary: row.no_canary.map(Safe::from),
        }))
    }

    /// What its provider told of the number or its whole account, latest first.
    pub(super) async fn news_of(&self, seat: &Seat, id: NumberId) -> Result<Vec<LogLine>, StoreError> {
        let rows = sqlx::query!(
            r#"select e.at as "at!", e.code as "code!", e.words as "words!", a.provider::text as "provider!"
                 from whatsapp_numbers n
                 join accounts a on a.organization_id = n.organization_id and a.id = n.account_id
                cross join lateral (
                    (select o.at, o.code, o.words from number_events o
                      where o.organization_id = n.organization_id and o.number_id = n.id
                      order by o.at desc limit 20)
                    union all
                    (select o.at, o.code, o.words from number_events o
                      where o.organization_id = n.organization_id and o.number_id is null
                        and o.account_id = n.account_id
                      order by o.at desc limit 20)) e
                where n.organization_id = $1 and n.id = $2 order by e.at desc limit 20"#,
            seat.organization.0,
            id.0,
        )
        .fetch_all(self.screen())
        .await
        .map_err(failed(DOING))?;
        Ok(rows
            .into_iter()
            .map(|row| LogLine {
                at: row.at,
                by: row.provider.into(),
                what: Safe::new(&said(Some(&row.code), &row.words)),
            })
            .collect())
    }

    /// The last check of a number, and when it was.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn last_check(
        &self,
        seat: &Seat,
        id: NumberId,
    ) -> Result<Option<(DateTime<Utc>, NumberTest)>, StoreError> {
        let row = sqlx::query!(
            "select at, state, code, words, took_ms from number_checks
              where organization_id = $1 and number_id = $2 order by at desc limit 1",
            seat.organization.0,
            id.0,
        )
        .fetch_optional(self.screen())
        .await
        .map_err(failed(DOING))?;
        Ok(row.map(|row| {
            let state = row.state.replace('_', " ");
            let words = said(row.code.as_deref(), &row.words);
            let test = NumberTest {
                is_well: matches!(row.state.as_str(), "sendable" | "limited"),
                said: Safe::new(&if words.is_empty() { state } else { format!("{state}, {words}") }),
                took_ms: super::count(row.took_ms),
            };
            (row.at, test)
        }))
    }
}

/// What a number warns of, in few words.
pub(super) fn warning(ratios: Ratios, failed_on: bool, blocked_on: bool) -> Option<Safe> {
    let percent = |part| ratios.percent(part).unwrap_or(0.0);
    let blocked = blocked_on.then(|| format!("BAN RISK, blocked {:.1}%", percent(ratios.blocked)));
    let failed = failed_on.then(|| format!("FAILS {:.0}%", percent(ratios.failed)));
    match (blocked, failed) {
        (Some(blocked), Some(failed)) => Some(Safe::new(&format!("{blocked}, {failed}"))),
        (one, other) => one.or(other).map(|words| Safe::new(&words)),
    }
}

fn said(code: Option<&str>, words: &str) -> String {
    match (code, words.is_empty()) {
        (Some(code), false) => format!("{code}: {words}"),
        (Some(code), true) => code.to_owned(),
        (None, _) => words.to_owned(),
    }
}
