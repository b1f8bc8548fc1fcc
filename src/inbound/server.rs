//! The routes, and the connections they are asked over.

use super::{
    api::Api,
    doors::{Claim, Disbelief, Door, Doors, NoDoor},
    keeper::Kept,
    refusals::Refusals,
    seats::{Seat, Seats},
    watch::Watch,
};
use crate::domain::{
    ids::{AccountId, WebhookId},
    number::ProviderKind,
};
use crate::store::webhook::NewWebhook;
use axum::{
    Router,
    body::{Body, Bytes, HttpBody as _},
    extract::{Path, Request, State as Shared},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper::service::Service as _;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
    task::JoinSet,
};

/// Meta's bodies have up to 3 MB (`meta-cloud.md` section 8).
const META_LIMIT: usize = 3 * 1024 * 1024;
/// The others report one thing at a time; their longest texts are far shorter than this.
const BODY_LIMIT: usize = 512 * 1024;
/// From this length on a body is a long one. Nearly all are shorter.
const LONG_BODY: u64 = 64 * 1024;
/// Long bodies that are read and kept at the same time: nobody who is not believed yet may fill the memory.
const LONG_BODIES: usize = 16;
/// Connections at once. A reverse proxy needs a few dozen.
const CONNECTIONS: usize = 512;
/// How long a connection may take to say what it wants.
const HEADER_LIMIT: Duration = Duration::from_secs(10);
/// How long a request may take altogether; providers give up after 15 s at the latest.
const REQUEST_LIMIT: Duration = Duration::from_secs(15);
/// How long requests that are under way may take when we end.
const LEAVE_LIMIT: Duration = Duration::from_secs(5);

/// What every request needs.
pub struct State {
    doors: Doors,
    kept: Kept,
    refusals: Refusals,
    watch: Watch,
    long_bodies: Semaphore,
    api: Option<Arc<Api>>,
}

impl State {
    pub fn new(doors: Doors, kept: Kept, refusals: Refusals, watch: Watch, api: Option<Arc<Api>>) -> Self {
        Self { doors, kept, refusals, watch, long_bodies: Semaphore::new(LONG_BODIES), api }
    }
}

/// Answers until told to stop; then what is under way is answered.
pub async fn serve(listener: TcpListener, state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    let service = TowerToHyperService::new(routes(state));
    let seats = Seats::new(CONNECTIONS);
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    loop {
        let accepted = tokio::select! {
            accepted = async { (listener.accept().await, seats.take().await) } => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        while connections.try_join_next().is_some() {}
        let (stream, ticket) = match accepted {
            (Ok((stream, _from)), ticket) => (stream, ticket),
            (Err(error), _) => {
                // Out of files, most likely: the next one may have ended by then.
                tracing::warn!("a connection cannot be taken: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let (service, seat) = (service.clone(), Arc::clone(ticket.seat()));
        let with_seat = hyper::service::service_fn(move |mut request: hyper::Request<_>| {
            request.extensions_mut().insert(Arc::clone(&seat));
            service.call(request)
        });
        let connection = hyper::server::conn::http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_LIMIT)
            .serve_connection(TokioIo::new(stream), with_seat);
        let connection = graceful.watch(connection);
        connections.spawn(async move {
            tokio::select! {
                ended = connection => if let Err(error) = ended {
                    tracing::debug!("a connection ended: {error}");
                },
                () = ticket.seat().lost() => tracing::debug!("a connection kept us waiting and made room"),
            }
        });
    }
    drop(listener);
    if tokio::time::timeout(LEAVE_LIMIT, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were cut off; their provider tries again");
    }
    connections.shutdown().await;
}

fn routes(state: Arc<State>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route("/metrics", get(metrics))
        .route("/webhooks/meta/{account}", get(register).post(report))
        .route("/webhooks/twilio/{account}", axum::routing::post(report))
        .route("/webhooks/ultramsg/{account}/{secret}", axum::routing::post(report))
        .route("/v1/openapi.json", get(document))
        .route("/v1/{*address}", axum::routing::any(ask))
        .with_state(state)
}

/// Another program asks what it can ask.
async fn document(Shared(state): Shared<Arc<State>>) -> Response {
    state.api.as_ref().map_or_else(|| StatusCode::NOT_FOUND.into_response(), |api| api.document())
}

/// Another program asks for something, as an operator.
async fn ask(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    match &state.api {
        Some(api) => api.answer(request).await,
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

/// Somebody asks whether this program is well.
async fn health(Shared(state): Shared<Arc<State>>) -> Response {
    state.watch.health().await
}

/// A monitoring system asks for the figures.
async fn metrics(Shared(state): Shared<Arc<State>>, headers: HeaderMap) -> Response {
    state.watch.metrics(&headers).await
}

/// Meta asks whether the address is ours (`meta-cloud.md` section 8).
async fn register(Shared(state): Shared<Arc<State>>, Path(account): Path<String>, uri: Uri) -> Response {
    let query: Vec<(String, String)> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let value = |name: &str| query.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str());
    let door = match door(&state, ProviderKind::Meta, &account).await {
        Ok(door) => door,
        Err(status) => return status.into_response(),
    };
    match (value("hub.mode"), value("hub.verify_token"), value("hub.challenge")) {
        (Some("subscribe"), Some(token), Some(challenge)) if door.knows(token) => {
            ([(header::CONTENT_TYPE, "text/plain")], challenge.to_owned()).into_response()
        }
        _ => StatusCode::FORBIDDEN.into_response(),
    }
}

/// A provider reports something.
async fn report(Shared(state): Shared<Arc<State>>, request: Request) -> Response {
    let taken = tokio::time::timeout(REQUEST_LIMIT, take(&state, request)).await;
    taken.unwrap_or_else(|_slow| StatusCode::REQUEST_TIMEOUT.into_response())
}

async fn take(state: &Arc<State>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let path: Vec<String> = parts.uri.path().split('/').skip(2).map(str::to_owned).collect();
    let (Some(Ok(provider)), Some(account)) = (path.first().map(|name| name.parse()), path.get(1)) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let door = match door(state, provider, account).await {
        Ok(door) => door,
        Err(status) => return status.into_response(),
    };
    let claim = Claim {
        target: parts.uri.path_and_query().map_or("", |target| target.as_str()),
        signature: signature(provider, &parts.headers),
        secret: path.get(2).map(String::as_str),
        is_form: is_form(&parts.headers),
        body: &[],
    };
    if let Err(why) = door.hear(&claim) {
        return refuse(state, &door, why);
    }
    let _long = if body.size_hint().upper().is_none_or(|most| most > LONG_BODY) {
        state.long_bodies.acquire().await.ok()
    } else {
        None
    };
    let body = match read(body, provider).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    let seat = parts.extensions.get::<Arc<Seat>>();
    let _serving = seat.map(|seat| seat.serve());
    if let Err(why) = door.believe(state.doors.public(), &Claim { body: &body, ..claim }) {
        return refuse(state, &door, why);
    }
    let webhook = NewWebhook {
        id: WebhookId::new(),
        account: door.account,
        query: parts.uri.query().unwrap_or_default().to_owned(),
        body: body.into(),
    };
    if state.kept.keep(webhook).await {
        thanks(provider)
    } else {
        StatusCode::SERVICE_UNAVAILABLE.into_response()
    }
}

async fn door(state: &State, provider: ProviderKind, account: &str) -> Result<Arc<Door>, StatusCode> {
    let account: AccountId = account.parse().map_err(|_no_id| StatusCode::NOT_FOUND)?;
    state.doors.find(account, provider).await.map_err(|none| match none {
        NoDoor::Nobody => StatusCode::NOT_FOUND,
        // Whatever it is, its provider has to ask again.
        NoDoor::Unknown => StatusCode::SERVICE_UNAVAILABLE,
    })
}

fn refuse(state: &State, door: &Door, why: Disbelief) -> Response {
    state.refusals.count(door.account, why);
    StatusCode::FORBIDDEN.into_response()
}

async fn read(body: Body, provider: ProviderKind) -> Result<Bytes, StatusCode> {
    let limit = if provider == ProviderKind::Meta { META_LIMIT } else { BODY_LIMIT };
    if body.size_hint().lower() > limit as u64 {
        return Err(StatusCode::PAYLOAD_TOO_LARGE);
    }
    axum::body::to_bytes(body, limit).await.map_err(|error| {
        tracing::debug!("a webhook's body cannot be read: {error}");
        StatusCode::PAYLOAD_TOO_LARGE
    })
}

fn signature(provider: ProviderKind, headers: &HeaderMap) -> Option<&str> {
    let name = match provider {
        ProviderKind::Meta => "x-hub-signature-256",
        ProviderKind::Twilio => "x-twilio-signature",
        ProviderKind::Ultramsg => return None,
    };
    headers.get(name)?.to_str().ok()
}

fn is_form(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    kind.split(';')
        .next()
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// What the provider wants to hear. At Twilio any text would be sent to the person (`twilio.md` section 7).
fn thanks(provider: ProviderKind) -> Response {
    match provider {
        ProviderKind::Twilio => ([(header::CONTENT_TYPE, "text/xml")], "<Response/>").into_response(),
        ProviderKind::Meta | ProviderKind::Ultramsg => StatusCode::OK.into_response(),
    }
}
