//! The routes, and the connections they are asked over.

use super::{
    doors::{Claim, Disbelief, Door, Doors},
    keeper::Kept,
};
use crate::domain::{
    ids::{AccountId, WebhookId},
    number::ProviderKind,
};
use crate::store::webhook::NewWebhook;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, Path, Request, State as Shared},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::GracefulShutdown,
    service::TowerToHyperService,
};
use std::{sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
};

/// Meta's bodies have up to 3 MB (`meta-cloud.md` section 8); no other provider's are longer.
const BODY_LIMIT: usize = 3 * 1024 * 1024;
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
    pub doors: Doors,
    pub kept: Kept,
}

/// Answers until told to stop; then what is under way is answered.
pub async fn serve(listener: TcpListener, state: Arc<State>, mut stopped: watch::Receiver<bool>) {
    let router = routes(state);
    let connections = Arc::new(Semaphore::new(CONNECTIONS));
    let graceful = GracefulShutdown::new();
    loop {
        let Ok(permit) = Arc::clone(&connections).acquire_owned().await else { break };
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.wait_for(|stopped| *stopped) => break,
        };
        match accepted {
            Ok((stream, _from)) => {
                let connection = graceful.watch(connection(stream, router.clone()));
                tokio::spawn(async move {
                    if let Err(error) = connection.await {
                        tracing::debug!("a connection ended: {error}");
                    }
                    drop(permit);
                });
            }
            Err(error) => {
                // Out of files, most likely: the next one may have ended by then.
                tracing::warn!("a connection cannot be taken: {error}");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    drop(listener);
    if tokio::time::timeout(LEAVE_LIMIT, graceful.shutdown()).await.is_err() {
        tracing::warn!("requests were cut off; their provider tries again");
    }
}

fn connection(
    stream: TcpStream,
    router: Router,
) -> hyper::server::conn::http1::Connection<TokioIo<TcpStream>, TowerToHyperService<Router>> {
    hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_LIMIT)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
}

fn routes(state: Arc<State>) -> Router {
    Router::new()
        .route("/webhooks/meta/{account}", get(register).post(report))
        .route("/webhooks/twilio/{account}", axum::routing::post(report))
        .route("/webhooks/ultramsg/{account}/{secret}", axum::routing::post(report))
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(state)
}

/// Meta asks whether the address is ours (`meta-cloud.md` section 8).
async fn register(Shared(state): Shared<Arc<State>>, Path(account): Path<String>, uri: Uri) -> Response {
    let query: Vec<(String, String)> =
        form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()).into_owned().collect();
    let value = |name: &str| query.iter().find(|(each, _)| each == name).map(|(_, value)| value.as_str());
    let Some(door) = door(&state, ProviderKind::Meta, &account).await else {
        return StatusCode::NOT_FOUND.into_response();
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
    let Some(door) = door(state, provider, account).await else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let body = match read(body).await {
        Ok(body) => body,
        Err(status) => return status.into_response(),
    };
    let claim = Claim {
        target: parts.uri.path_and_query().map_or("", |target| target.as_str()),
        signature: signature(provider, &parts.headers),
        secret: path.get(2).map(String::as_str),
        is_form: is_form(&parts.headers),
        body: &body,
    };
    if let Err(why) = door.believe(state.doors.public(), &claim) {
        return refuse(state, &door, why).await;
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

async fn door(state: &Arc<State>, provider: ProviderKind, account: &str) -> Option<Arc<Door>> {
    let account: AccountId = account.parse().ok()?;
    state.doors.find(account, provider).await
}

async fn refuse(state: &Arc<State>, door: &Door, why: Disbelief) -> Response {
    // Neither what was expected nor what was given is ever written down.
    tracing::warn!(account.id = %door.account, "a webhook was not believed: {why}");
    state.doors.refuse(door.account, why).await;
    StatusCode::FORBIDDEN.into_response()
}

async fn read(body: Body) -> Result<Bytes, StatusCode> {
    axum::body::to_bytes(body, BODY_LIMIT).await.map_err(|error| {
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
