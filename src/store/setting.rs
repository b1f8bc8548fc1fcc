//! What is set of an organisation, read as one and changed group by group: each group by the statement that the command
//! line uses for it, with its entry in the audit log.

mod former;
mod steps;

use super::{
    Store, StoreError,
    action::{ActionResult, Actor},
    alert::AlertRulesEdit,
    conduct::ConductEdit,
    failed,
    organization::{CalendarEdit, ConsentEdit, OrganizationEdit},
    suppression::ReachEdit,
    vitals::VitalEdit,
};
use crate::domain::{
    action::{Action, Order},
    campaign::conduct::Share,
    content::StepTemplate,
    day,
    ids::OrganizationId,
    locale::Locale,
    phone::Phone,
    setting::{Change, Group, Set, Setting, Settings, quiet_and_days},
    slot::SlotRange,
    text::Safe,
    warm_up::Ladder,
    window::Hours,
};
use crate::postgres::way::within;
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use sqlx::Connection as _;
use std::collections::BTreeMap;

const DOING: &str = "read what is set of the organisation";

/// What is to be changed into something, or into nothing; `None`: it stays.
type Edit<T> = Option<Option<T>>;

/// What the database has of it.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
struct Row {
    name: String,
    time_zone: String,
    default_locale: String,
    daily_limit: Option<i32>,
    warm_up: Vec<i32>,
    default_number: Option<String>,
    open_from: Option<i16>,
    open_to: Option<i16>,
    open_days: Option<i16>,
    subscription_ends_at: Option<DateTime<Utc>>,
    allow_simultaneous: bool,
    suppress_after_failures: Option<i32>,
    suppress_after_unanswered: Option<i32>,
    stop_failed: i32,
    stop_opted_out: i32,
    stop_content_refused: i32,
    stop_after: i32,
    opt_out_line: bool,
    slot_first: i32,
    slot_last: i32,
    slot_expiry_days: Option<i32>,
    stop_words: Vec<String>,
    start_words: Vec<String>,
    stop_confirmation: Option<serde_json::Value>,
    start_confirmation: Option<serde_json::Value>,
    canary_phone: Option<String>,
    canary_template: Option<String>,
    canary_language: Option<String>,
    failed_percent: Option<i32>,
    blocked_percent: Option<i32>,
    standby_seconds: Option<f64>,
    quiet_from: Option<i16>,
    quiet_to: Option<i16>,
    credential_days: Option<i32>,
    report_at: Option<i16>,
    ratio_least: i32,
    least: i32,
    baseline_least: i32,
    default_texts: serde_json::Value,
}

impl Store {
    /// All that is set of an organisation.
    ///
    /// # Errors
    /// When the database is away or refuses, or holds what it cannot hold.
    pub async fn settings(&self, organization: OrganizationId) -> Result<Settings, StoreError> {
        self.settings_row(organization).await?.read()
    }

    async fn settings_row(&self, organization: OrganizationId) -> Result<Row, StoreError> {
        sqlx::query_as!(
            Row,
            r#"select o.name, o.time_zone, o.default_locale, o.daily_limit, o.warm_up, n.phone::text as "default_number?",
                      o.open_from, o.open_to, o.open_days, o.subscription_ends_at, o.allow_simultaneous,
                      o.suppress_after_failures, o.suppress_after_unanswered, o.stop_failed, o.stop_opted_out,
                      o.stop_content_refused, o.stop_after, o.opt_out_line, o.slot_first, o.slot_last, o.slot_expiry_days,
                      o.stop_words, o.start_words, o.stop_confirmation, o.start_confirmation,
                      v.canary_phone::text as canary_phone, v.canary_template, v.canary_language, v.failed_percent,
                      v.blocked_percent, extract(epoch from v.standby_after)::double precision as standby_seconds,
                      a.quiet_from, a.quiet_to, a.credential_days, a.report_at, v.ratio_least, v.least, v.baseline_least,
                      o.default_texts
                 from organizations o
                 join vital_rules v on v.organization_id = o.id
                 join alert_rules a on a.organization_id = o.id
                 left join whatsapp_numbers n on n.organization_id = o.id and n.id = o.default_number_id
                where o.id = $1"#,
            organization.0,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))
    }

    /// Changes what is set. What somebody else changed since the operator saw it is left alone, and so is everything else
    /// of the order. Consoles take turns, so that none changes what another one has just looked at; the command line does
    /// not look, and of it the audit log has both.
    pub(super) async fn act_on_settings(
        &self,
        organization: OrganizationId,
        changes: &[Change],
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        // It holds no row: nothing but another console waits for this one, even if it never comes back. The connection is
        // its own, so that all of the pool is there for the changes.
        let mut own = self.screen.acquire().await.map_err(failed(DOING))?.detach();
        let mut turn = within(own.begin()).await.map_err(failed(DOING))?;
        let mine = sqlx::query_scalar!(
            r#"select pg_advisory_xact_lock(hashtextextended('settings ' || ($1::uuid)::text, 0))::text as "turn!""#,
            organization.0,
        )
        .fetch_one(&mut *turn);
        within(mine).await.map_err(failed(DOING))?;
        let answer = self.change_settings(organization, changes, reason, actor).await;
        // Should this not get out, the turn ends with the connection; what was changed is changed.
        let _ = within(turn.rollback()).await;
        let _ = within(own.close()).await;
        answer
    }

    async fn change_settings(
        &self,
        organization: OrganizationId,
        changes: &[Change],
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<ActionResult, StoreError> {
        let before = self.settings(organization).await?;
        if let Some(moved) = changes.iter().find(|change| before.text(change.setting) != change.was) {
            return self.overtaken(organization, moved, &before).await;
        }
        let Some(Set::Language(language)) = before.get(Setting::Language) else {
            return Err(StoreError::Unreadable { doing: DOING, what: "language" });
        };
        let mut named = Vec::with_capacity(changes.len());
        for change in changes {
            match in_languages(change, language) {
                Ok(change) => named.push(change),
                Err(sentence) => return Ok(ActionResult::Refused(Safe::new(&sentence))),
            }
        }
        let then = before.clone().with(&named);
        let mut groups: Vec<Group> = named.iter().map(|change| change.setting.shape().group).collect();
        groups.sort_unstable();
        groups.dedup();
        for group in groups {
            let of_group = named.iter().filter(|change| change.setting.shape().group == group);
            let touched = Touched { changed: of_group.map(|change| change.setting).collect(), then: &then };
            if let Some(refused) = self.edit_group(organization, group, &touched, reason, actor).await? {
                return Ok(ActionResult::Refused(Safe::new(&refused)));
            }
        }
        let back = named.iter().filter_map(|change| {
            let to = before.get(change.setting)?.clone();
            Some(Change { setting: change.setting, was: change.to.to_string(), to })
        });
        let undo = Order::whole(Action::EditSettings(back.collect())).because("undone");
        Ok(ActionResult::Done { version: None, undo: Some(Box::new(undo)) })
    }

    /// Somebody was first: who, and what it is now.
    async fn overtaken(
        &self,
        organization: OrganizationId,
        change: &Change,
        now: &Settings,
    ) -> Result<ActionResult, StoreError> {
        let last = sqlx::query!(
            r#"select coalesce(l.actor, 'somebody') as "by!", coalesce(l.at, clock_timestamp()) as "at!"
                 from (select) one
                 left join lateral (select actor, at from audit_log where organization_id = $1 and entity_id = $1
                                     order by at desc limit 1) l on true"#,
            organization.0,
        )
        .fetch_one(&self.screen)
        .await
        .map_err(failed(DOING))?;
        let label = change.setting.shape().label;
        let to = Safe::new(&format!("{label}: {}", now.text(change.setting)));
        Ok(ActionResult::Changed { to, by: last.by.into(), at: last.at })
    }

    /// Changes what is touched of one group; answers why not.
    async fn edit_group(
        &self,
        organization: OrganizationId,
        group: Group,
        touched: &Touched<'_>,
        reason: Option<&str>,
        actor: Actor<'_>,
    ) -> Result<Option<String>, StoreError> {
        let done = match group {
            Group::Organization => {
                let edit = touched.organization();
                if !self.edit_organization(organization, &edit, reason, actor).await? {
                    return Ok(Some("there is no such number in this organisation".to_owned()));
                }
                true
            }
            Group::Calendar => match touched.calendar() {
                Ok(edit) => self.edit_calendar(organization, &edit, reason, actor).await?,
                Err(sentence) => return Ok(Some(sentence)),
            },
            Group::Slots => {
                let (range, expiry) = touched.slots();
                let done = self.edit_slot_rules(organization, range, expiry, reason, actor).await?;
                if let ActionResult::Refused(sentence) | ActionResult::Missing(sentence) = done {
                    return Ok(Some(sentence.to_string()));
                }
                true
            }
            Group::Conduct => {
                self.edit_conduct_rules(organization, &touched.conduct(), reason, actor).await?
            }
            Group::Reach => self.edit_reach(organization, touched.reach(), reason, actor).await?,
            Group::Vitals => {
                let template = touched.template();
                let edit = touched.vitals(template.as_ref());
                self.edit_vital_rules(organization, &edit, reason, actor).await?
            }
            Group::Consent => self.edit_consent(organization, &touched.consent(), reason, actor).await?,
            Group::Alerts => self.edit_alert_rules(organization, &touched.alerts(), reason, actor).await?,
            Group::StepTexts => return self.edit_step_texts(organization, touched, reason, actor).await,
        };
        Ok((!done).then(|| "nothing was changed: the organisation has no such settings any more".to_owned()))
    }
}

/// The change with its texts under their languages: what names none is in that of last resort.
fn in_languages(change: &Change, default: &Locale) -> Result<Change, String> {
    let mut change = change.clone();
    let twice = match &mut change.to {
        Set::Texts(Some(texts)) => match texts.remove("") {
            Some(said) => texts.insert(default.as_str().to_owned(), said).is_some(),
            None => false,
        },
        Set::Says(Some(texts)) => {
            let is_there = texts.iter().any(|(tag, _)| tag == default.as_str());
            let unnamed = texts.iter_mut().find(|(tag, _)| tag.is_empty());
            unnamed.map(|(tag, _)| default.as_str().clone_into(tag)).is_some() && is_there
        }
        _ => false,
    };
    if twice {
        return Err(format!("{}: there are two texts in {default}", change.setting.shape().label));
    }
    Ok(change)
}

/// What is to be changed, and all that is set then.
struct Touched<'a> {
    changed: Vec<Setting>,
    then: &'a Settings,
}

impl<'a> Touched<'a> {
    /// What it is to be, if it is to be changed.
    fn get(&self, setting: Setting) -> Option<&'a Set> {
        self.changed.contains(&setting).then(|| self.then.get(setting)).flatten()
    }

    fn number(&self, setting: Setting) -> Edit<u32> {
        match self.get(setting)? {
            Set::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn signed(&self, setting: Setting) -> Edit<i32> {
        self.number(setting).map(|number| number.map(|number| i32::try_from(number).unwrap_or(i32::MAX)))
    }

    fn share(&self, setting: Setting) -> Option<Share> {
        match self.get(setting)? {
            Set::Share(share) => Some(*share),
            _ => None,
        }
    }

    fn switch(&self, setting: Setting) -> Option<bool> {
        match self.get(setting)? {
            Set::Switch(on) => Some(*on),
            _ => None,
        }
    }

    fn words(&self, setting: Setting) -> Option<Vec<String>> {
        match self.get(setting)? {
            Set::Words(words) => Some(words.clone()),
            _ => None,
        }
    }

    fn texts(&self, setting: Setting) -> Edit<serde_json::Value> {
        match self.get(setting)? {
            Set::Texts(texts) => Some(texts.as_ref().map(|texts| serde_json::json!(texts))),
            _ => None,
        }
    }

    fn phone(&self, setting: Setting) -> Edit<&'a Phone> {
        match self.get(setting)? {
            Set::Phone(phone) => Some(phone.as_ref()),
            _ => None,
        }
    }

    fn organization(&self) -> OrganizationEdit<'a> {
        let text = |setting| match self.get(setting)? {
            Set::Text(text) => Some(text.as_str()),
            Set::Zone(zone) => Some(zone.name()),
            Set::Language(locale) => Some(locale.as_str()),
            _ => None,
        };
        OrganizationEdit {
            name: text(Setting::Name),
            time_zone: text(Setting::Zone),
            default_locale: text(Setting::Language),
            daily_limit: self.signed(Setting::DailyLimit),
            warm_up: match self.get(Setting::WarmUp) {
                Some(Set::Ladder(ladder)) => Some(ladder.clone()),
                _ => None,
            },
            default_number: self.phone(Setting::DefaultNumber).map(|phone| phone.map(Phone::reveal)),
        }
    }

    fn calendar(&self) -> Result<CalendarEdit, String> {
        let zone = match self.then.get(Setting::Zone) {
            Some(Set::Zone(zone)) => *zone,
            _ => Tz::UTC,
        };
        let hours = [Setting::Quiet, Setting::BusinessDays].into_iter().any(|set| self.get(set).is_some());
        let ends = match self.get(Setting::SubscriptionEnds) {
            Some(Set::Time(Some(local))) => {
                Some(Some(day::resolve(*local, zone).map_err(|error| error.to_string())?))
            }
            Some(Set::Time(None)) => Some(None),
            _ => None,
        };
        Ok(CalendarEdit {
            hours: if hours { Some(self.then.hours()?) } else { None },
            subscription_ends: ends,
        })
    }

    fn slots(&self) -> (Option<SlotRange>, Edit<u16>) {
        let range = match self.get(Setting::Slots) {
            Some(Set::Slots(range)) => Some(*range),
            _ => None,
        };
        let expiry = self.number(Setting::SlotExpiry);
        (range, expiry.map(|days| days.map(|days| u16::try_from(days).unwrap_or(u16::MAX))))
    }

    fn conduct(&self) -> ConductEdit {
        ConductEdit {
            stop_failed: self.share(Setting::StopFailed),
            stop_opted_out: self.share(Setting::StopOptedOut),
            stop_content_refused: self.share(Setting::StopContentRefused),
            stop_after: self.number(Setting::StopAfter).flatten(),
            opt_out_line: self.switch(Setting::OptOutLine),
        }
    }

    fn reach(&self) -> ReachEdit {
        ReachEdit {
            allow_simultaneous: self.switch(Setting::Simultaneous),
            suppress_after_failures: self.number(Setting::SuppressFailures),
            suppress_after_unanswered: self.number(Setting::SuppressUnanswered),
        }
    }

    fn template(&self) -> Edit<StepTemplate> {
        match self.get(Setting::CanaryTemplate)? {
            Set::Template(template) => Some(
                template.as_ref().map(|(name, language)| StepTemplate::plain(name.clone(), language.clone())),
            ),
            _ => None,
        }
    }

    fn vitals<'b>(&self, template: Option<&'b Option<StepTemplate>>) -> VitalEdit<'b>
    where
        'a: 'b,
    {
        VitalEdit {
            canary_phone: self.phone(Setting::CanaryPhone),
            canary_template: template.map(Option::as_ref),
            failed_percent: self.number(Setting::WarnFailed),
            blocked_percent: self.number(Setting::WarnBlocked),
            standby_days: self.number(Setting::StandbyDays),
            warn_after: self.number(Setting::WarnAfter).flatten(),
            silence_after: self.number(Setting::SilenceAfter).flatten(),
            silence_past: self.number(Setting::SilencePast).flatten(),
        }
    }

    fn consent(&self) -> ConsentEdit {
        ConsentEdit {
            stop_words: self.words(Setting::StopWords),
            start_words: self.words(Setting::StartWords),
            stop_confirmation: self.texts(Setting::StopConfirmation),
            start_confirmation: self.texts(Setting::StartConfirmation),
        }
    }

    fn alerts(&self) -> AlertRulesEdit {
        let column = |minute: u16| i16::try_from(minute).unwrap_or(i16::MAX);
        AlertRulesEdit {
            quiet: match self.get(Setting::AlertQuiet) {
                Some(Set::Span(span)) => Some(span.map(|(from, to)| (column(from), column(to)))),
                _ => None,
            },
            credential_days: self.signed(Setting::TokenDays),
            report_at: match self.get(Setting::ReportAt) {
                Some(Set::Minute(minute)) => Some(minute.map(column)),
                _ => None,
            },
        }
    }
}

fn unreadable(what: &'static str) -> StoreError {
    StoreError::Unreadable { doing: DOING, what }
}

fn number(column: Option<i32>) -> Set {
    Set::Number(column.and_then(|number| u32::try_from(number).ok()))
}

fn share(column: i32) -> Result<Set, StoreError> {
    let share = u16::try_from(column).ok().and_then(|raw| Share::try_from(raw).ok());
    share.map(Set::Share).ok_or_else(|| unreadable("threshold"))
}

fn phone(column: Option<&str>) -> Result<Set, StoreError> {
    let phone = column.map(Phone::parse).transpose();
    phone.map(Set::Phone).map_err(|_| unreadable("phone"))
}

fn locale(column: &str) -> Result<Locale, StoreError> {
    Locale::parse(column).map_err(|_| unreadable("language"))
}

fn texts(column: Option<serde_json::Value>) -> Result<Set, StoreError> {
    let texts = column.map(serde_json::from_value::<BTreeMap<String, String>>).transpose();
    texts.map(Set::Texts).map_err(|_| unreadable("text"))
}

fn minute(column: Option<i16>) -> Option<u16> {
    column.and_then(|minute| u16::try_from(minute).ok())
}

/// Days that are not over yet count: a rule of hours is one of a day.
fn whole_days(seconds: f64) -> Option<i32> {
    (1..=3_650).find(|days| f64::from(*days) * 86_400.0 >= seconds)
}

impl Row {
    fn read(self) -> Result<Settings, StoreError> {
        let zone: Tz = self.time_zone.parse().map_err(|_| unreadable("time zone"))?;
        let (quiet, days) = quiet_and_days(Hours::of_columns(self.open_from, self.open_to, self.open_days));
        let ends = self.subscription_ends_at.map(|at| at.with_timezone(&zone).naive_local());
        let ladder = Ladder::of(self.warm_up.iter().map(|limit| u32::try_from(*limit).unwrap_or(0)));
        let slot = |slot: i32| u16::try_from(slot).ok();
        let slots = slot(self.slot_first).zip(slot(self.slot_last));
        let slots = slots.and_then(|(first, last)| SlotRange::new(first, last));
        let template = match (self.canary_template, self.canary_language) {
            (Some(name), Some(language)) => Some((name, locale(&language)?)),
            _ => None,
        };
        let steps = steps::read(self.default_texts)?;
        let set = [
            (Setting::Name, Set::Text(self.name)),
            (Setting::Zone, Set::Zone(zone)),
            (Setting::Language, Set::Language(locale(&self.default_locale)?)),
            (Setting::DailyLimit, number(self.daily_limit)),
            (Setting::WarmUp, Set::Ladder(ladder)),
            (Setting::DefaultNumber, phone(self.default_number.as_deref())?),
            (Setting::Quiet, quiet),
            (Setting::BusinessDays, days),
            (Setting::SubscriptionEnds, Set::Time(ends)),
            (Setting::Simultaneous, Set::Switch(self.allow_simultaneous)),
            (Setting::SuppressFailures, number(self.suppress_after_failures)),
            (Setting::SuppressUnanswered, number(self.suppress_after_unanswered)),
            (Setting::StopFailed, share(self.stop_failed)?),
            (Setting::StopOptedOut, share(self.stop_opted_out)?),
            (Setting::StopContentRefused, share(self.stop_content_refused)?),
            (Setting::StopAfter, number(Some(self.stop_after))),
            (Setting::OptOutLine, Set::Switch(self.opt_out_line)),
            (Setting::Slots, Set::Slots(slots.ok_or_else(|| unreadable("slot"))?)),
            (Setting::SlotExpiry, number(self.slot_expiry_days)),
            (Setting::CanaryPhone, phone(self.canary_phone.as_deref())?),
            (Setting::CanaryTemplate, Set::Template(template)),
            (Setting::WarnFailed, number(self.failed_percent)),
            (Setting::WarnBlocked, number(self.blocked_percent)),
            (Setting::StandbyDays, number(self.standby_seconds.and_then(whole_days))),
            (Setting::StopWords, Set::Words(self.stop_words)),
            (Setting::StartWords, Set::Words(self.start_words)),
            (Setting::StopConfirmation, texts(self.stop_confirmation)?),
            (Setting::StartConfirmation, texts(self.start_confirmation)?),
            (Setting::AlertQuiet, Set::Span(minute(self.quiet_from).zip(minute(self.quiet_to)))),
            (Setting::TokenDays, number(self.credential_days)),
            (Setting::ReportAt, Set::Minute(minute(self.report_at))),
            (Setting::WarnAfter, number(Some(self.ratio_least))),
            (Setting::SilenceAfter, number(Some(self.least))),
            (Setting::SilencePast, number(Some(self.baseline_least))),
        ];
        Ok(Settings::of(set.into_iter().chain(steps)))
    }
}
