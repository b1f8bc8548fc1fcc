//! What whoever watches over this program is told: `/healthz` whether it is well, `/metrics` the figures.
//!
//! The listener stands behind a proxy that lets the world in. `/healthz` therefore tells no figures of the business, and
//! `/metrics` answers only who shows the token; without one that was set, nobody.

use super::exposition::{CONTENT_TYPE, Exposition, Kind};
use crate::config::Hidden;
use crate::domain::ids::OrganizationId;
use crate::provider::signature;
use crate::sender::{
    clock::Moment,
    liveness::{Alive, Liveness},
};
use crate::store::{
    Store, StoreError,
    figures::{CampaignFigures, Figures, NumberFigures},
};
use axum::{
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::{sync::Arc, time::Duration};
use tokio::sync::{Mutex, watch};

/// How long an answer waits for the database.
const PATIENCE: Duration = Duration::from_secs(2);
/// Whoever asks more often is told the same again.
const PING_EVERY: Duration = Duration::from_secs(1);
const FIGURES_EVERY: Duration = Duration::from_secs(5);
/// A sender looks at the database every second, and writes there that it is alive: one that has not for so long is not well.
const LATE: Duration = Duration::from_secs(15);

/// What the answers are made from.
pub struct Watch {
    store: Store,
    organization: OrganizationId,
    sender: watch::Receiver<Option<Liveness>>,
    token: Option<Hidden>,
    pinged: Kept<()>,
    figures: Kept<Figures>,
}

/// An answer of the database that is asked for only now and then, and never waited for long.
struct Kept<T> {
    last: Mutex<Option<(Moment, Option<Arc<T>>)>>,
    every: Duration,
}

impl<T: Send + Sync + 'static> Kept<T> {
    fn every(every: Duration) -> Self {
        Self { last: Mutex::default(), every }
    }

    /// The last answer, or one to a new question; `None`: the database does not answer.
    async fn get<F>(&self, ask: impl FnOnce() -> F) -> Option<Arc<T>>
    where
        F: Future<Output = Result<T, StoreError>> + Send + 'static,
    {
        let mut last = self.last.lock().await;
        if let Some((at, answer)) = &*last
            && at.elapsed() < self.every
        {
            return answer.clone();
        }
        // In a task of its own it runs to its end, whoever gives up waiting for it.
        let answer = match tokio::time::timeout(PATIENCE, tokio::spawn(ask())).await {
            Ok(Ok(Ok(answer))) => Some(Arc::new(answer)),
            Ok(Ok(Err(error))) => {
                tracing::debug!("whoever watches is told that the database does not answer: {error}");
                None
            }
            Ok(Err(_)) | Err(_) => None,
        };
        *last = Some((Moment::now(), answer.clone()));
        answer
    }
}

impl Watch {
    pub fn new(
        store: Store,
        organization: OrganizationId,
        sender: watch::Receiver<Option<Liveness>>,
        token: Option<Hidden>,
    ) -> Self {
        let (pinged, figures) = (Kept::every(PING_EVERY), Kept::every(FIGURES_EVERY));
        Self { store, organization, sender, token, pinged, figures }
    }

    fn alive(&self) -> Option<Alive> {
        let sender = self.sender.borrow().clone();
        sender.and_then(|sender| sender.read())
    }

    /// 200: it does what it is there for; 503: it does not, and why.
    pub async fn health(&self) -> Response {
        let store = self.store.clone();
        let database = self.pinged.get(|| async move { store.answers().await }).await.is_some();
        let is_sender = self.sender.borrow().is_some();
        let alive = self.alive();
        let sender = word(is_sender, alive.as_ref());
        let seconds = |ago: Option<Duration>| ago.map(|ago| ago.as_secs());
        let well = database && matches!(sender, "sends" | "waits" | "none");
        let told = json!({
            "status": if well { "well" } else { "unwell" },
            "database": if database { "answers" } else { "does not answer" },
            "sender": sender,
            "numbers_held": alive.as_ref().map(|alive| alive.status.leases),
            "last_look_seconds": seconds(alive.as_ref().and_then(|alive| alive.looked)),
            "last_heartbeat_seconds": seconds(alive.as_ref().map(|alive| alive.beaten)),
            "last_claim_seconds": seconds(alive.as_ref().and_then(|alive| alive.claimed)),
        });
        let status = if well { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
        let about = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
        (status, about, format!("{told}\n")).into_response()
    }

    /// The figures, for who shows the token.
    pub async fn metrics(&self, headers: &HeaderMap) -> Response {
        let Some(token) = &self.token else {
            let how = "no token is set: start with SIGNALBOX_METRICS_TOKEN, and show it as a bearer token\n";
            return (StatusCode::FORBIDDEN, how).into_response();
        };
        if !shows(headers, token.reveal()) {
            let how = [(header::WWW_AUTHENTICATE, "Bearer")];
            return (StatusCode::UNAUTHORIZED, how, "show the token as a bearer token\n").into_response();
        }
        let (store, organization) = (self.store.clone(), self.organization);
        let figures = self.figures.get(|| async move { store.figures(organization).await }).await;
        let text = render(self.alive().as_ref(), figures.as_deref());
        ([(header::CONTENT_TYPE, CONTENT_TYPE), (header::CACHE_CONTROL, "no-store")], text).into_response()
    }
}

/// What the sender does, in a word.
fn word(is_sender: bool, alive: Option<&Alive>) -> &'static str {
    match alive {
        None if is_sender => "gone",
        None => "none",
        Some(alive) if alive.status.failed.is_some() => "failed",
        Some(alive) if alive.status.draining => "leaving",
        // A role that lost its right reads on and writes nothing.
        Some(alive) if is_late(alive) => "stuck",
        // Others hold the numbers, or there is none yet: it takes over when they are gone.
        Some(alive) if alive.status.leases == 0 => "waits",
        Some(_) => "sends",
    }
}

fn is_late(alive: &Alive) -> bool {
    alive.looked.is_some_and(|ago| ago >= LATE) || alive.beaten >= LATE
}

/// Whether the token was shown. Compared in constant time.
fn shows(headers: &HeaderMap, token: &str) -> bool {
    let shown = headers.get(header::AUTHORIZATION).and_then(|shown| shown.to_str().ok()).unwrap_or_default();
    let Some((scheme, shown)) = shown.split_once(' ') else { return false };
    scheme.eq_ignore_ascii_case("bearer") && signature::secret(token, shown.trim())
}

fn render(alive: Option<&Alive>, figures: Option<&Figures>) -> String {
    let mut text = Exposition::default();
    let version = [("version", env!("CARGO_PKG_VERSION"))];
    text.single("signalbox_build_info", Kind::Gauge, "Which program this is.", &version, 1);
    let database = u8::from(figures.is_some());
    text.single("signalbox_database_up", Kind::Gauge, "Whether the database answers.", &[], database);
    sender(&mut text, alive);
    if let Some(figures) = figures {
        organization(&mut text, figures);
        numbers(&mut text, &figures.organization, &figures.numbers);
        campaigns(&mut text, &figures.organization, &figures.campaigns);
    }
    text.finish()
}

fn sender(text: &mut Exposition, alive: Option<&Alive>) {
    let up = alive.is_some_and(|alive| alive.status.failed.is_none() && !is_late(alive));
    text.single(
        "signalbox_sender_up",
        Kind::Gauge,
        "Whether a sender runs in this program, and can write to the database.",
        &[],
        u8::from(up),
    );
    let Some(alive) = alive else { return };
    let status = &alive.status;
    for (name, help, value) in [
        ("signalbox_sender_draining", "Whether it begins nothing new.", u32::from(status.draining)),
        ("signalbox_sender_in_flight", "Requests on the wire.", status.in_air),
        ("signalbox_sender_unrecorded", "Outcomes that are known and not recorded yet.", status.unrecorded),
        ("signalbox_sender_numbers_held", "Numbers whose lease it holds.", status.leases),
    ] {
        text.single(name, Kind::Gauge, help, &[], value);
    }
    for (name, help, ago) in [
        ("signalbox_sender_last_look_seconds", "Since it looked at the database last.", alive.looked),
        (
            "signalbox_sender_last_heartbeat_seconds",
            "Since it wrote last that it is alive.",
            Some(alive.beaten),
        ),
        ("signalbox_sender_last_claim_seconds", "Since the database answered its last claim.", alive.claimed),
    ] {
        if let Some(ago) = ago {
            text.single(name, Kind::Gauge, help, &[], ago.as_secs_f64());
        }
    }
    let name = "signalbox_sender_outcomes_total";
    text.family(name, Kind::Counter, "What became of tries since this program began.");
    let totals = status.totals;
    for (outcome, count) in [
        ("accepted", totals.accepted),
        ("rejected", totals.rejected),
        ("not_sent", totals.not_sent),
        ("in_doubt", totals.in_doubt),
    ] {
        text.figure(name, &[("outcome", outcome)], count);
    }
}

fn organization(text: &mut Exposition, figures: &Figures) {
    let labels = [("organization", figures.organization.as_str())];
    for (name, help, value) in [
        ("signalbox_stopped", "Whether all sending is stopped.", i64::from(figures.is_stopped)),
        ("signalbox_sent_today", "Messages of the organisation's day.", figures.sent_today),
        ("signalbox_senders", "Programs that send, on all hosts.", figures.senders),
        ("signalbox_doubts", "Attempts that nobody knows the end of, up to 10001.", figures.doubts),
        (
            "signalbox_reports_waiting",
            "Reports kept and not applied yet, up to 10001.",
            figures.reports_waiting,
        ),
    ] {
        text.single(name, Kind::Gauge, help, &labels, value);
    }
    let name = "signalbox_alerts";
    text.family(name, Kind::Gauge, "Alerts that last and that nobody has taken note of.");
    for (severity, count) in figures.alerts {
        text.figure(name, &[labels[0], ("severity", severity)], count);
    }
    if let Some(limit) = figures.daily_limit {
        text.single("signalbox_daily_limit", Kind::Gauge, "The organisation's daily limit.", &labels, limit);
    }
}

fn numbers(text: &mut Exposition, organization: &str, numbers: &[NumberFigures]) {
    // Masked phones may be alike: the id tells them apart.
    let labels = |number: &NumberFigures| -> [(&'static str, String); 6] {
        [
            ("organization", organization.to_owned()),
            ("number", number.phone.clone()),
            ("id", number.id.to_string()),
            ("name", number.name.clone()),
            ("account", number.account.clone()),
            ("provider", number.provider.clone()),
        ]
    };
    let put = |text: &mut Exposition, name: &str, number: &NumberFigures, state: Option<&str>, value: i32| {
        let own = labels(number);
        let mut all: Vec<(&str, &str)> = own.iter().map(|(label, value)| (*label, value.as_str())).collect();
        all.extend(state.map(|state| ("state", state)));
        text.figure(name, &all, value);
    };
    let name = "signalbox_number_sent_today";
    text.family(name, Kind::Gauge, "Messages of a number on the organisation's day.");
    for number in numbers {
        put(text, name, number, None, number.sent_today);
    }
    let name = "signalbox_number_limit_today";
    text.family(name, Kind::Gauge, "What a number may send on that day; none: no limit of ours.");
    for number in numbers {
        if let Some(limit) = number.limit_today {
            put(text, name, number, None, limit);
        }
    }
    let name = "signalbox_number_state";
    text.family(name, Kind::Gauge, "1 for the state that a number is in.");
    for number in numbers {
        for state in ["active", "limited", "suspended", "disabled"] {
            put(text, name, number, Some(state), i32::from(number.state == state));
        }
    }
}

fn campaigns(text: &mut Exposition, organization: &str, campaigns: &[CampaignFigures]) {
    let name = "signalbox_campaign_recipients";
    text.family(name, Kind::Gauge, "People of a running or paused campaign by state; they add up.");
    for campaign in campaigns {
        for (state, count) in campaign.recipients {
            let labels = [("organization", organization), ("campaign", &campaign.name), ("state", state)];
            text.figure(name, &labels, count);
        }
    }
    let name = "signalbox_campaign_attempts_total";
    text.family(name, Kind::Counter, "Tries of a running or paused campaign.");
    for campaign in campaigns {
        text.figure(name, &[("organization", organization), ("campaign", &campaign.name)], campaign.attempts);
    }
    let name = "signalbox_campaign_active";
    text.family(name, Kind::Gauge, "1: the campaign runs; 0: it is paused.");
    for campaign in campaigns {
        let labels = [("organization", organization), ("campaign", campaign.name.as_str())];
        text.figure(name, &labels, u8::from(campaign.state == "active"));
    }
}
