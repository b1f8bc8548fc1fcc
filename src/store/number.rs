//! Sending numbers: made, listed, edited, suspended and resumed.

use super::{
    Store, StoreError,
    action::{ActionResult, Actor, Answer},
    failed,
    today::{Pace, Slowed},
};
use crate::domain::{
    action::{Action, NewNumber, Order, Version},
    campaign::file::DEFAULT_POOL,
    hold::facts::AccountRoom,
    ids::{AccountId, NumberId, OrganizationId},
    money::Money,
    number::{Approval, NumberWords, Pacing, ProviderKind, SetupChange},
    phone::Phone,
};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

/// A number as lists and details show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NumberRecord {
    /// Its id.
    pub id: NumberId,
    /// In E.164 form.
    pub phone: String,
    /// What operators call it.
    pub name: String,
    /// Which provider it is at.
    pub provider: String,
    /// The account's name.
    pub account: String,
    /// The provider's id of it.
    pub instance_id: String,
    /// What a campaign may switch within (`failover = "label"`); none: only to itself.
    pub label: Option<String>,
    /// Lower goes first.
    pub priority: i32,
    /// `active`, `limited`, `suspended` or `disabled`.
    pub state: String,
    /// Why it is suspended.
    pub suspension_reason: Option<String>,
    /// Since when.
    pub suspended_at: Option<DateTime<Utc>>,
    /// When that ends by itself.
    pub suspended_until: Option<DateTime<Utc>>,
    /// By whom.
    pub suspended_by: Option<String>,
    /// When it goes on after a rest.
    pub limited_until: Option<DateTime<Utc>>,
    /// Why it rests.
    pub limited_reason: Option<String>,
    /// Most messages a day; none: no limit of our own.
    pub daily_limit: Option<i32>,
    /// Most messages today: less than that on the first days of its warm-up.
    pub limit_today: Option<i32>,
    /// When its warm-up began; none: it is on none.
    pub warm_up_started_at: Option<DateTime<Utc>>,
    /// The day of its warm-up that makes the limit of today; 1 is the first.
    pub warm_up_day: Option<i32>,
    /// Most people that its account may reach in a moving 24 hours, over all its numbers.
    pub account_limit: Option<i32>,
    /// How many it has reached.
    pub account_used: Option<i32>,
    /// When there is room again, if there is none.
    pub account_opens: Option<DateTime<Utc>>,
    /// At how many percent of its own pace it goes, by all that slows it.
    pub pace_percent: i32,
    /// What its provider said when it told it to go slower, as long as something of that is left.
    pub throttled_reason: Option<String>,
    /// When nothing of that is left.
    pub full_pace_at: Option<DateTime<Utc>>,
    /// Charged today.
    pub sent_today: i32,
    /// Left of the limit.
    pub remaining_today: Option<i32>,
    /// Least time between two messages, in milliseconds.
    pub interval_ms: i32,
    /// Most messages in one second; 0: no limit of our own.
    pub per_second: i32,
    /// Most requests on the wire at once.
    pub in_flight: i32,
    /// Percent of its daily limit and rate that only replies may use.
    pub reply_share: i32,
    /// Most messages that may wait in its gateway's own queue; none: it keeps none.
    pub queue_limit: Option<i32>,
    /// How many wait there at most; none: the gateway does not say.
    pub queued: Option<i32>,
    /// The instance that may send through it now.
    pub lease_holder: Option<uuid::Uuid>,
    /// That instance's host.
    pub lease_host: Option<String>,
    /// Why that instance cannot send through it at all, as with a token that does not open.
    pub unusable: Option<String>,
    /// The pools that it is in.
    pub pools: Vec<String>,
    /// What the provider said last: `sendable`, `limited`, `not_sendable`, `unclear`; none: it was not asked yet.
    pub health: Option<String>,
    /// Since when it says so.
    pub health_since: Option<DateTime<Utc>>,
    /// By which code.
    pub health_code: Option<String>,
    /// In which words.
    pub health_words: String,
    /// How people take what it sends: `green`, `yellow`, `red`, `unknown`.
    pub quality: Option<String>,
    /// How many people it may begin to talk to in 24 hours, by the provider's rule.
    pub provider_limit: Option<i32>,
    /// The provider says that there is no such limit.
    pub provider_unlimited: bool,
    /// When it was asked last.
    pub checked_at: Option<DateTime<Utc>>,
    /// Since when checks find it well.
    pub well_since: Option<DateTime<Utc>>,
    /// Whether its provider is WhatsApp's own, or sells it; an unofficial one drives a phone, which can be banned.
    pub official: bool,
    /// Whether what it sends arrives, by its own past: `unknown`, `well`, `amber` (half its rate), `red` (rests).
    pub pulse: String,
    /// Since when.
    pub pulse_since: DateTime<Utc>,
    /// What was seen, or why nothing can be said.
    pub pulse_words: String,
    /// Since when it sends at half its rate.
    pub slowed_since: Option<DateTime<Utc>>,
    /// Why.
    pub slowed_reason: Option<String>,
    /// Messages of the rolling stretch (24 hours) that were taken or refused for good.
    pub tried_lately: i32,
    /// Of those, refused or not delivered after all.
    pub failed_lately: i32,
    /// Of those, whose recipient blocked the number or wants no more.
    pub blocked_lately: i32,
    /// Since when it fails more than it should.
    pub failed_warned_at: Option<DateTime<Utc>>,
    /// Since when it is blocked more than it should: a ban may follow.
    pub blocked_warned_at: Option<DateTime<Utc>>,
    /// How far the provider approved it, in its words.
    pub approval: Option<String>,
    /// How far its approval is, as operators noted.
    pub noted_approval: Option<String>,
    /// Whether it is tried out with messages to the canary phone.
    pub canaries: bool,
    /// What it costs a month, in hundredths of its currency.
    pub monthly_cost: Option<i64>,
    /// That currency.
    pub cost_currency: Option<String>,
    /// When it was exercised last, because it stood by.
    pub exercised_at: Option<DateTime<Utc>>,
    /// What became of the last canary through it.
    pub canary: Option<String>,
    /// When that was.
    pub canary_at: Option<DateTime<Utc>>,
    /// Why the one that was wanted since could not be sent.
    pub no_canary: Option<String>,
    /// The operators' notes.
    pub notes: String,
    /// How often it has been changed.
    pub version: i64,
}

/// A change of a number's columns: only what is `Some` is touched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NumberEdit {
    /// What operators call it.
    pub name: Option<String>,
    /// The operators' notes.
    pub notes: Option<String>,
    /// The provider's id of it.
    pub instance_id: Option<String>,
    /// Its place in the order.
    pub priority: Option<i32>,
    /// Most messages a day; `Some(None)` takes the limit off.
    pub daily_limit: Option<Option<u32>>,
    /// Least time between two messages, in milliseconds.
    pub interval_ms: Option<u32>,
    /// Most messages in one second.
    pub per_second: Option<u32>,
    /// Most requests on the wire at once.
    pub in_flight: Option<u32>,
    /// When its warm-up begins or began; `Some(None)` takes it off the ladder.
    pub warm_up_started_at: Option<Option<DateTime<Utc>>>,
    /// Percent of its daily limit and rate that only replies may use.
    pub reply_share: Option<u32>,
    /// What a campaign may switch within; `Some(None)` takes it off.
    pub label: Option<Option<String>>,
    /// Most messages that may wait in its gateway's own queue.
    pub queue_limit: Option<u32>,
    /// What it costs a month; `Some(None)` forgets it.
    pub monthly_cost: Option<Option<Money>>,
    /// How far its approval is; `Some(None)` forgets it.
    pub approval: Option<Option<Approval>>,
    /// Whether it is tried out with messages to the canary phone.
    pub canaries: Option<bool>,
}

impl NumberEdit {
    /// What a change of its standing touches.
    #[must_use]
    pub fn of_setup(setup: &SetupChange) -> Self {
        Self {
            instance_id: setup.sender_id.clone(),
            warm_up_started_at: setup.warm_up,
            reply_share: setup.reply_share,
            queue_limit: setup.queue,
            canaries: setup.canaries,
            ..Self::default()
        }
    }

    pub(super) fn columns(&self) -> Value {
        let mut columns = Map::new();
        let mut set = |column: &str, value: Option<Value>| {
            if let Some(value) = value {
                columns.insert(column.to_owned(), value);
            }
        };
        set("display_name", self.name.as_ref().map(|name| json!(name)));
        set("notes", self.notes.as_ref().map(|notes| json!(notes)));
        set("instance_id", self.instance_id.as_ref().map(|id| json!(id)));
        set("priority", self.priority.map(|priority| json!(priority)));
        set("daily_limit", self.daily_limit.map(|limit| json!(limit)));
        set("interval_ms", self.interval_ms.map(|interval| json!(interval)));
        set("per_second", self.per_second.map(|rate| json!(rate)));
        set("in_flight", self.in_flight.map(|most| json!(most)));
        set("warm_up_started_at", self.warm_up_started_at.map(|at| json!(at)));
        set("reply_share", self.reply_share.map(|percent| json!(percent)));
        set("label", self.label.as_ref().map(|label| json!(label)));
        set("queue_limit", self.queue_limit.map(|limit| json!(limit)));
        set("monthly_cost", self.monthly_cost.map(|cost| json!(cost.map(|cost| cost.amount))));
        let currency = |cost: Option<Money>| json!(cost.map(|cost| cost.currency.to_string()));
        set("cost_currency", self.monthly_cost.map(currency));
        set("approval", self.approval.map(|approval| json!(approval)));
        set("sends_canaries", self.canaries.map(|sends| json!(sends)));
        Value::Object(columns)
    }
}

impl NumberRecord {
    /// What is left of its account's cap over 24 hours, if it has one.
    #[must_use]
    pub fn account_room(&self) -> Option<AccountRoom> {
        super::today::room(self.account_limit, self.account_used, self.account_opens)
    }

    /// Why it goes slower than its own pace, if it does.
    #[must_use]
    pub fn slowed(&self) -> Option<Slowed> {
        Pace {
            percent: self.pace_percent,
            silent: self.slowed_reason.as_deref(),
            throttled: self.throttled_reason.as_deref(),
            full_pace_at: self.full_pace_at,
            quality: self.quality.as_deref(),
            health: self.health.as_deref(),
        }
        .slowed()
    }
}

impl Store {
    /// All numbers by priority, or the one of this phone.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn numbers(
        &self,
        organization: OrganizationId,
        phone: Option<&Phone>,
    ) -> Result<Vec<NumberRecord>, StoreError> {
        sqlx::query_as!(
            NumberRecord,
            r#"select n.id, n.phone::text as "phone!", n.display_name as name, t.provider as "provider!",
                      t.account as "account!", n.instance_id, n.label, n.priority, t.state as "state!", n.suspension_reason,
                      n.suspended_at, n.suspended_until, n.suspended_by, n.limited_until, n.limited_reason,
                      n.daily_limit, t.sent_today as "sent_today!", t.remaining_today, n.interval_ms, n.per_second,
                      n.in_flight, n.reply_share, q.queue_limit, q.queued, i.id as "lease_holder?", i.host as "lease_host?",
                      case when i.id is not null then l.unusable end as unusable, n.notes, n.revision as version,
                      h.state as health, h.since as health_since, h.code as health_code, h.words as health_words,
                      h.quality, h.provider_limit, h.provider_unlimited, h.checked_at, h.well_since,
                      t.provider <> 'ultramsg' as "official!", v.state as pulse, v.since as pulse_since,
                      v.words as pulse_words, n.slowed_since, n.slowed_reason, v.tried as tried_lately,
                      v.failed as failed_lately, v.blocked as blocked_lately, v.failed_warned_at, v.blocked_warned_at,
                      h.approval, n.approval as noted_approval, n.sends_canaries as canaries, n.monthly_cost,
                      n.cost_currency, v.exercised_at, c.state as "canary?", c.planned_at as "canary_at?", v.no_canary,
                      t.limit_today, n.warm_up_started_at,
                      case when t.limit_today is not null
                           then warm_up_day(o.warm_up, (n.warm_up_started_at at time zone o.time_zone)::date, t.day,
                                            t.limit_today) end as warm_up_day,
                      a.rolling_cap as account_limit, s.used as "account_used?", s.opens as "account_opens?",
                      number_percent(pace_percent(k.percent, k.rest_until, clock_timestamp()), h.quality, h.state,
                                     n.slowed_since is not null) as "pace_percent!",
                      case when full_pace_at(k.percent, k.rest_until) > clock_timestamp()
                           then k.reason end as throttled_reason,
                      case when full_pace_at(k.percent, k.rest_until) > clock_timestamp()
                           then full_pace_at(k.percent, k.rest_until) end as full_pace_at,
                      array(select p.name from pool_numbers m
                              join pools p on p.organization_id = m.organization_id and p.id = m.pool_id
                             where m.organization_id = n.organization_id and m.number_id = n.id
                             order by p.name) as "pools!"
                 from whatsapp_numbers n
                 join number_usage_today t on t.organization_id = n.organization_id and t.number_id = n.id
                 join organizations o on o.id = n.organization_id
                 join accounts a on a.organization_id = n.organization_id and a.id = n.account_id
                 join number_health h on h.organization_id = n.organization_id and h.number_id = n.id
                 join number_vitals v on v.organization_id = n.organization_id and v.number_id = n.id
                 left join lateral (select c.state, c.planned_at from canaries c
                                     where c.organization_id = n.organization_id and c.number_id = n.id
                                     order by c.planned_at desc limit 1) c on true
                 join number_pacing q on q.organization_id = n.organization_id and q.number_id = n.id
                 left join number_throttles k on k.organization_id = n.organization_id and k.number_id = n.id
                 left join lateral account_standing(a.organization_id, a.reach_id, a.rolling_cap, clock_timestamp()) s
                           on a.rolling_cap is not null
                 join number_leases l on l.organization_id = n.organization_id and l.number_id = n.id
                 left join instances i on i.organization_id = l.organization_id and i.id = l.holder
                                      and l.expires_at > clock_timestamp()
                where n.organization_id = $1 and ($2::text is null or n.phone = $2)
                order by n.priority, n.phone"#,
            organization.0,
            phone.map(Phone::reveal),
        )
        .fetch_all(&self.screen)
        .await
        .map_err(failed("list numbers"))
    }

    /// Puts a new number into its pool (`default` unless named), which is made when there is none of that name.
    ///
    /// # Errors
    /// When the database is away or refuses: for one because the phone is a number already.
    pub async fn add_number(
        &self,
        organization: OrganizationId,
        number: &NewNumber,
        actor: Actor<'_>,
    ) -> Result<(NumberId, Version), StoreError> {
        const DOING: &str = "add the number";
        let id = NumberId::new();
        let pacing = if let Some(pacing) = number.pacing {
            pacing
        } else {
            // An account that is gone is refused by the foreign key.
            default_pacing(
                self.provider_of(organization, number.account).await?.unwrap_or(ProviderKind::Meta),
            )
        };
        let columns = json!({
            "account_id": number.account.0, "phone": number.phone.reveal(), "instance_id": number.sender_id,
            "display_name": number.name, "priority": number.priority, "daily_limit": number.daily_limit,
            "interval_ms": milliseconds(&pacing), "per_second": pacing.per_second, "in_flight": pacing.in_flight,
            "warm_up_started_at": number.warm_up, "notes": number.remarks.notes, "label": number.remarks.label,
            "monthly_cost": number.remarks.monthly_cost.map(|cost| cost.amount),
            "cost_currency": number.remarks.monthly_cost.map(|cost| cost.currency.to_string()),
            "approval": number.remarks.approval,
        });
        let added = sqlx::query!(
            r#"select id as "id!", revision as "revision!" from add_number($1, $2, $3, $4, $5, $6)"#,
            organization.0,
            id.0,
            actor.operator,
            actor.instance_id(),
            columns,
            number.pool.as_deref().unwrap_or(DEFAULT_POOL),
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        Ok((NumberId(added.id), Version(added.revision)))
    }

    async fn provider_of(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<ProviderKind>, StoreError> {
        let provider = sqlx::query_scalar!(
            r#"select provider::text as "provider!" from accounts where organization_id = $1 and id = $2"#,
            organization.0,
            account.0,
        )
        .fetch_optional(&self.screen)
        .await
        .map_err(failed("look at the account"))?;
        Ok(provider.and_then(|provider| provider.parse().ok()))
    }

    /// Changes columns of a number.
    ///
    /// # Errors
    /// When the database is away, busy or refuses.
    pub async fn edit_number(
        &self,
        organization: OrganizationId,
        number: NumberId,
        edit: &NumberEdit,
        expected: Option<Version>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let change = Change { name: "edit number", columns: edit.columns(), expected, reason };
        self.change_number(organization, number, change, actor, |_before| None).await
    }

    pub(super) async fn act_on_number(
        &self,
        organization: OrganizationId,
        order: &Order,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let (number, columns) = match &order.action {
            Action::SuspendNumber { number, until } => (*number, json!({ "suspended_until": until })),
            Action::SetPriority { number, priority } => (*number, json!({ "priority": priority })),
            Action::SetLimits { number, daily_limit, pacing } => {
                let columns = json!({
                    "daily_limit": daily_limit, "interval_ms": milliseconds(pacing),
                    "per_second": pacing.per_second, "in_flight": pacing.in_flight,
                });
                (*number, columns)
            }
            Action::DescribeNumber { number, words } => {
                let edit = NumberEdit {
                    name: words.name.clone(),
                    notes: words.notes.clone(),
                    label: words.label.clone(),
                    monthly_cost: words.monthly_cost,
                    approval: words.approval,
                    ..NumberEdit::default()
                };
                (*number, edit.columns())
            }
            Action::SetUpNumber { number, setup } => (*number, NumberEdit::of_setup(setup).columns()),
            Action::EnableNumber(number) => (*number, json!({ "is_active": true })),
            Action::DisableNumber(number) => (*number, json!({ "is_active": false })),
            Action::ResumeNumber(number) | Action::FailOverNumber(number) => (*number, json!({})),
            _ => return Err(StoreError::Unreadable { doing: DOING, what: "order" }),
        };
        let change = Change {
            name: order.action.name(),
            columns,
            expected: order.expected,
            reason: order.reason.as_deref(),
        };
        self.change_number(organization, number, change, actor, |before| undo(&order.action, number, before))
            .await
    }

    async fn change_number(
        &self,
        organization: OrganizationId,
        number: NumberId,
        change: Change<'_>,
        actor: Actor<'_>,
        undo: impl FnOnce(&Value) -> Option<Action>,
    ) -> Result<ActionResult, StoreError> {
        let answer = sqlx::query_as!(
            Answer,
            "select verdict, version, by, at, name, found, before from change_number($1, $2, $3, $4, $5, $6, $7, $8)",
            organization.0,
            number.0,
            change.name,
            change.expected.map(|version| version.0),
            actor.operator,
            actor.instance_id(),
            change.reason,
            change.columns,
        )
        .fetch_one(&self.order)
        .await
        .map_err(failed(DOING))?;
        answer.read(
            DOING,
            "there is no such number any more",
            |name, found| format!("number {name} is {found}"),
            undo,
        )
    }
}

const DOING: &str = "change a number";

/// What one change of a number is.
struct Change<'a> {
    /// For the audit log; the database does by it what belongs to it.
    name: &'a str,
    /// New values by column.
    columns: Value,
    expected: Option<Version>,
    reason: Option<&'a str>,
}

/// The order that brings back what `before` says.
fn undo(action: &Action, number: NumberId, before: &Value) -> Option<Action> {
    let integer = |column: &str| before.get(column).and_then(Value::as_i64);
    let small = |column: &str| integer(column).and_then(|value| u32::try_from(value).ok());
    Some(match action {
        Action::SuspendNumber { .. } | Action::FailOverNumber(_) => {
            // It was out of service before: resuming it would undo another decision.
            before.get("suspended_at").filter(|since| since.is_null())?;
            Action::ResumeNumber(number)
        }
        Action::ResumeNumber(_) => {
            before.get("suspended_at").filter(|since| !since.is_null())?;
            let until = before.get("suspended_until").and_then(Value::as_str);
            Action::SuspendNumber { number, until: until.and_then(|until| until.parse().ok()) }
        }
        Action::SetPriority { .. } => {
            Action::SetPriority { number, priority: i32::try_from(integer("priority")?).ok()? }
        }
        Action::SetLimits { .. } => Action::SetLimits {
            number,
            daily_limit: small("daily_limit"),
            pacing: Pacing {
                interval: std::time::Duration::from_millis(u64::from(small("interval_ms")?)),
                per_second: small("per_second")?,
                in_flight: small("in_flight")?,
            },
        },
        Action::DescribeNumber { words, .. } => {
            let text = |column: &str| before.get(column).and_then(Value::as_str).map(str::to_owned);
            let cost = || Money::of(integer("monthly_cost"), text("cost_currency").as_deref());
            let approval = || text("approval").and_then(|word| word.parse().ok());
            Action::DescribeNumber {
                number,
                words: NumberWords {
                    name: words.name.as_ref().and_then(|_| text("display_name")),
                    notes: words.notes.as_ref().and_then(|_| text("notes")),
                    label: words.label.as_ref().map(|_| text("label")),
                    monthly_cost: words.monthly_cost.map(|_| cost()),
                    approval: words.approval.map(|_| approval()),
                },
            }
        }
        Action::SetUpNumber { setup, .. } => {
            let text = |column: &str| before.get(column).and_then(Value::as_str);
            let share = setup.reply_share.and_then(|_| small("reply_share"));
            Action::SetUpNumber {
                number,
                setup: SetupChange {
                    sender_id: setup.sender_id.as_ref().and_then(|_| text("instance_id").map(str::to_owned)),
                    warm_up: setup.warm_up.map(|_| text("warm_up_started_at").and_then(|at| at.parse().ok())),
                    reply_share: share,
                    queue: setup.queue.and_then(|_| small("queue_limit")),
                    canaries: setup.canaries.and_then(|_| before.get("sends_canaries")?.as_bool()),
                },
            }
        }
        Action::EnableNumber(_) => Action::DisableNumber(number),
        Action::DisableNumber(_) => Action::EnableNumber(number),
        _ => return None,
    })
}

/// How fast a number of this provider sends unless somebody says otherwise.
#[must_use]
pub fn default_pacing(provider: ProviderKind) -> Pacing {
    Pacing {
        interval: provider.default_interval(),
        per_second: provider.default_per_second(),
        in_flight: provider.default_in_flight(),
    }
}

pub(super) fn milliseconds(pacing: &Pacing) -> i64 {
    i64::try_from(pacing.interval.as_millis()).unwrap_or(i64::MAX)
}
