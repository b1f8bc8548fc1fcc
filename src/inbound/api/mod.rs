//! The HTTP API: what other programs ask under `/v1`, as an operator whose key they show.
//!
//! # What happens to a request
//!
//! 1. Its method and path name an operation of the [`Desk`], the part that knows what to do; the same functions as the command
//!    line's, which stand above this layer and are handed in.
//! 2. Its key names an operator: looked up in the database with every request, so that a revoked key and a changed role
//!    count at once. The key opens the organisation that this listener is for, and no other.
//! 3. The operator has the right that the operation needs, or hears so. This is the one place where that is decided: the
//!    process is logged in with a role of its own, whose policies hold as well, so that a request may do what both may, the
//!    operator and the process. The audit log names the operator.
//! 4. Requests of one key are let in at a rate, and few of all keys at once. They have connections of their own: what
//!    providers report never waits for them.
//! 5. A request that creates something and names itself (`Idempotency-Key`) is carried out once; asked again, it gets the
//!    same answer.
//!
//! Once begun it is carried out to its end, whether or not anybody waits for the answer. Addresses are never logged; no phone and
//! no key stands in one.

mod limits;
mod problem;

pub use limits::Rate;
pub use problem::{Kind, PROBLEM_JSON, Problem};

use super::seats::Seat;
use crate::domain::{
    ids::{ApiKeyId, OrganizationId},
    right::Right,
};
use crate::secrets::sha256;
use crate::sender::clock::Moment;
use crate::store::{
    Store,
    api_key::{Became, Begun, Holder, NamedRequest},
};
use axum::{
    body::{Body, HttpBody as _},
    extract::Request,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use limits::{Bucket, Known};
use std::{
    collections::HashMap,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::Semaphore;

/// Requests of one key.
pub const RATE: Rate = Rate { per_second: 10.0, burst: 50.0 };
/// Requests that show a key nobody has seen lately, of everybody together: each costs a look into the database.
const STRANGERS: Rate = Rate { per_second: 20.0, burst: 100.0 };
/// Operations carried out at once, and how long one waits for its turn.
const AT_ONCE: usize = 4;
const PATIENCE: Duration = Duration::from_secs(10);
/// Bodies that may be long, at once.
const LONG_BODIES: usize = 4;
/// How long a body may take.
const BODY_TIME: Duration = Duration::from_mins(1);
/// A named request that was never answered is lost after this: its program was ended.
const LOST: Duration = Duration::from_mins(15);
/// Longest name of a request, in bytes.
const NAME_LENGTH: usize = 200;
/// Longest key that is looked at, in bytes; ours are far shorter.
const KEY_LENGTH: usize = 200;
/// Buckets that are kept before full ones are forgotten.
const BUCKETS: usize = 1_000;

/// A body that an operation takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Takes {
    /// None.
    Nothing,
    /// A JSON object of its fields.
    Json,
    /// A campaign: its file, or the same as JSON.
    Campaign,
    /// Rows.
    Csv,
}

impl Takes {
    /// The longest body.
    #[must_use]
    pub fn limit(self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Json => 128 * 1024,
            Self::Campaign => crate::domain::campaign::file::FILE_LIMIT,
            Self::Csv => 16 * 1024 * 1024,
        }
    }

    /// The types of content that it may have; the first is meant where none is named.
    #[must_use]
    pub fn types(self) -> &'static [&'static str] {
        match self {
            Self::Nothing => &[],
            Self::Json => &["application/json"],
            Self::Campaign => &["application/json", "application/toml"],
            Self::Csv => &["text/csv"],
        }
    }
}

/// What a request's address leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Found {
    /// Something that can be done.
    Operation(Wanted),
    /// Only with these methods.
    Others(Vec<&'static str>),
    /// There is no such address.
    Nothing,
}

/// Something that can be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    /// What the document calls it.
    pub id: &'static str,
    /// The right that it needs.
    pub right: Right,
    /// The body that it takes.
    pub takes: Takes,
    /// Whether asking twice does it twice, so that a request may name itself.
    pub creates: bool,
}

/// A request that may be carried out.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What.
    pub id: &'static str,
    /// The address, without its query.
    pub path: String,
    /// The query's values.
    pub query: Vec<(String, String)>,
    /// Of which type the body is; empty without one.
    pub content_type: &'static str,
    /// The body.
    pub body: Vec<u8>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// 200 or 201.
    pub status: u16,
    /// The JSON document.
    pub document: String,
}

/// An answer to be.
pub type Carried = Pin<Box<dyn Future<Output = Result<Answer, Problem>> + Send>>;

/// The part that knows what can be asked and does it.
pub trait Desk: Send + Sync + 'static {
    /// Where a method and an address lead.
    fn find(&self, method: &str, path: &str) -> Found;
    /// The `OpenAPI` document.
    fn document(&self) -> String;
    /// Does it, as this operator; to its end, even when nobody waits for the answer any more.
    fn carry_out(&self, holder: &Holder, asked: Asked) -> Carried;
    /// Gives its connections back.
    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// How the API is served.
#[derive(Clone)]
pub struct Counter {
    /// What does it.
    pub desk: Arc<dyn Desk>,
    /// Where keys are looked up: connections that nothing else of this program uses.
    pub store: Store,
    /// How often one key may ask.
    pub rate: Rate,
}

impl std::fmt::Debug for Counter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Counter").field("rate", &self.rate).finish_non_exhaustive()
    }
}

/// The API of one listener.
pub struct Api {
    counter: Counter,
    organization: OrganizationId,
    keys: Mutex<HashMap<ApiKeyId, (Bucket, Moment)>>,
    strangers: Mutex<(Bucket, Moment)>,
    known: Mutex<Known>,
    at_once: Arc<Semaphore>,
    long_bodies: Semaphore,
}

impl Api {
    pub(super) fn new(counter: Counter, organization: OrganizationId) -> Self {
        Self {
            counter,
            organization,
            keys: Mutex::default(),
            strangers: Mutex::new((Bucket::full(STRANGERS), Moment::now())),
            known: Mutex::default(),
            at_once: Arc::new(Semaphore::new(AT_ONCE)),
            long_bodies: Semaphore::new(LONG_BODIES),
        }
    }

    pub(super) async fn close(&self) {
        self.counter.desk.close().await;
        self.counter.store.close().await;
    }

    /// The document, for everybody: it says what can be asked, and nothing of what there is.
    pub(super) fn document(&self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.counter.desk.document()).into_response()
    }

    /// Answers a request.
    pub(super) async fn answer(self: &Arc<Self>, request: Request) -> Response {
        self.try_answer(request).await.unwrap_or_else(IntoResponse::into_response)
    }

    async fn try_answer(self: &Arc<Self>, request: Request) -> Result<Response, Problem> {
        let began = Moment::now();
        let (parts, body) = request.into_parts();
        let (method, path) = (parts.method.as_str(), parts.uri.path());
        let wanted = match self.counter.desk.find(method, path) {
            Found::Operation(wanted) => wanted,
            Found::Others(allow) => {
                let sentence = format!("this address takes {}, not {method}", allow.join(", "));
                return Err(Problem { allow, ..Problem::new(Kind::Method, sentence) });
            }
            Found::Nothing => {
                let sentence = "there is no such address; GET /v1/openapi.json lists all there are";
                return Err(Problem::new(Kind::NotFound, sentence));
            }
        };
        let holder = self.holder(&parts.headers).await?;
        self.let_in(holder.key)?;
        if !holder.role.may(wanted.right) {
            return Err(Problem::new(Kind::Forbidden, forbidden(&holder, wanted.right)));
        }
        let name = name_of(&parts.headers, wanted)?;
        let content_type = content_type(&parts.headers, wanted.takes, &body)?;
        let body = self.read(body, wanted.takes).await?;
        let seat = parts.extensions.get::<Arc<Seat>>();
        let _serving = seat.map(|seat| seat.serve());
        let query = form_urlencoded::parse(parts.uri.query().unwrap_or_default().as_bytes());
        let query: Vec<(String, String)> = query.into_owned().collect();
        let fingerprint = fingerprint(method, path, &query, &body);
        let asked = Asked { id: wanted.id, path: path.to_owned(), query, content_type, body };
        let turn = tokio::time::timeout(PATIENCE, Arc::clone(&self.at_once).acquire_owned()).await;
        let turn = turn.map_err(|_late| busy())?.map_err(|_closed| busy())?;
        let (key, operator) = (holder.key, holder.operator.clone());
        // In a task of its own, with its turn: a client that goes away cuts neither it off nor the note that it was done.
        let api = Arc::clone(self);
        let task = tokio::spawn(async move {
            let _turn = turn;
            match name {
                None => (api.counter.desk.carry_out(&holder, asked).await, false),
                Some(name) => api.carry_out_once(&holder, asked, &name, &fingerprint).await,
            }
        });
        let (answer, again) = task.await.map_err(|error| {
            tracing::error!("a request of another program was not carried out: {error}");
            Problem::new(Kind::Failed, "it failed here; the log of this program says why")
        })?;
        let status =
            answer.as_ref().map_or_else(|problem| problem.kind.status().as_u16(), |done| done.status);
        tracing::info!(
            operation = wanted.id, key.id = %key, operator, status,
            "answered another program in {} ms", began.elapsed().as_millis()
        );
        let mut response = answer.map_or_else(IntoResponse::into_response, IntoResponse::into_response);
        if again {
            response.headers_mut().insert("idempotent-replayed", header::HeaderValue::from_static("true"));
        }
        Ok(response)
    }

    /// Who shows the key of this request.
    async fn holder(&self, headers: &HeaderMap) -> Result<Holder, Problem> {
        let shown = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        let key = shown.and_then(|value| {
            let (scheme, key) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("bearer").then_some(key.trim())
        });
        let Some(key) = key.filter(|key| !key.is_empty() && key.len() <= KEY_LENGTH) else {
            let sentence = "show a key: authorization: Bearer KEY; signalbox operator key new makes one";
            return Err(Problem::new(Kind::Unknown, sentence));
        };
        let digest = sha256(key.as_bytes());
        self.admit_stranger(&digest)?;
        let holder = self.counter.store.holder_of_key(self.organization, &digest).await?;
        let mut known = lock(&self.known);
        if let Some(holder) = holder {
            known.opened(digest, Moment::now());
            return Ok(holder);
        }
        known.forget(&digest);
        let sentence = "this key opens nothing here: it is none, was revoked, or is another organisation's";
        Err(Problem::new(Kind::Unknown, sentence))
    }

    fn admit_stranger(&self, digest: &[u8; 32]) -> Result<(), Problem> {
        if lock(&self.known).has(digest) {
            return Ok(());
        }
        let mut strangers = lock(&self.strangers);
        let (bucket, last) = &mut *strangers;
        let since = last.elapsed();
        *last = Moment::now();
        bucket.take(STRANGERS, since).map_err(too_many)
    }

    fn let_in(&self, key: ApiKeyId) -> Result<(), Problem> {
        let rate = self.counter.rate;
        let mut keys = lock(&self.keys);
        if keys.len() >= BUCKETS {
            keys.retain(|_, (bucket, last)| !bucket.is_full(rate, last.elapsed()));
        }
        let (bucket, last) = keys.entry(key).or_insert_with(|| (Bucket::full(rate), Moment::now()));
        let since = last.elapsed();
        *last = Moment::now();
        bucket.take(rate, since).map_err(too_many)
    }

    async fn read(&self, body: Body, takes: Takes) -> Result<Vec<u8>, Problem> {
        let limit = takes.limit();
        let too_long = || Problem::new(Kind::TooLong, format!("the body is longer than {limit} bytes"));
        if body.size_hint().lower() > limit as u64 {
            return Err(too_long());
        }
        let _long = if limit > Takes::Json.limit() { self.long_bodies.acquire().await.ok() } else { None };
        match tokio::time::timeout(BODY_TIME, axum::body::to_bytes(body, limit)).await {
            Ok(Ok(body)) => Ok(body.into()),
            Ok(Err(_)) => Err(too_long()),
            Err(_slow) => Err(Problem::new(Kind::Slow, "the body did not come within a minute")),
        }
    }

    /// Carries it out unless it was, and answers what was answered then; whether that was so.
    async fn carry_out_once(
        &self,
        holder: &Holder,
        asked: Asked,
        name: &[u8; 32],
        fingerprint: &[u8; 32],
    ) -> (Result<Answer, Problem>, bool) {
        let request = NamedRequest { key: holder.key, name, fingerprint };
        let begun = self.counter.store.begin_api_request(self.organization, request, LOST).await;
        let problem = match begun {
            Ok(Begun::CarryOut) => None,
            Ok(Begun::Answered(status, document)) => return (Ok(Answer { status, document }), true),
            Ok(Begun::Running) => {
                let sentence = "this very request is being carried out; ask again for its answer";
                Some(Problem::new(Kind::Refused, sentence).after(Duration::from_secs(2)))
            }
            Ok(Begun::Differs) => {
                let sentence =
                    "something else was asked with this Idempotency-Key; every request has its own";
                Some(Problem::new(Kind::Unprocessable, sentence))
            }
            Ok(Begun::Lost) => {
                let sentence = "nobody knows whether this very request was carried out: look whether it was, and ask with another Idempotency-Key if not";
                Some(Problem::new(Kind::Refused, sentence))
            }
            Err(error) => Some(error.into()),
        };
        if let Some(problem) = problem {
            return (Err(problem), false);
        }
        let answer = self.counter.desk.carry_out(holder, asked).await;
        let became = match &answer {
            Ok(done) => Became::Answered(done.status, &done.document),
            // A connection that breaks may have carried it out before.
            Err(problem) if problem.kind.tells_nothing() => Became::Unknown,
            // What was refused changed nothing, and may be asked again once it is put right.
            Err(_) => Became::NotDone,
        };
        if let Err(error) = self.counter.store.end_api_request(self.organization, request, became, LOST).await
        {
            tracing::warn!("what became of a request that named itself is not noted: {error}");
        }
        (answer, false)
    }
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::OK);
        let about = [(header::CONTENT_TYPE, "application/json"), (header::CACHE_CONTROL, "no-store")];
        (status, about, self.document + "\n").into_response()
    }
}

fn lock<T>(shared: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

fn too_many(wait: Duration) -> Problem {
    Problem::new(Kind::TooMany, "asked too often; Retry-After says when to go on").after(wait)
}

fn busy() -> Problem {
    Problem::new(Kind::Busy, "too many requests are being carried out; ask again")
        .after(Duration::from_secs(2))
}

fn forbidden(holder: &Holder, right: Right) -> String {
    let who = match right {
        Right::Administers => "only an admin may do this",
        Right::Runs | Right::Sees => "a viewer may look, not change",
    };
    format!("{who}: this key acts as {}, who is {}", holder.operator, holder.role)
}

/// The digest of what a request calls itself.
fn name_of(headers: &HeaderMap, wanted: Wanted) -> Result<Option<[u8; 32]>, Problem> {
    let Some(name) = headers.get("idempotency-key").filter(|_| wanted.creates) else { return Ok(None) };
    let name = name.as_bytes();
    if name.is_empty() || name.len() > NAME_LENGTH {
        let sentence = format!("an Idempotency-Key has 1 to {NAME_LENGTH} bytes");
        return Err(Problem::new(Kind::Invalid, sentence));
    }
    Ok(Some(sha256(name)))
}

/// Of which of the types that an operation takes the body is.
fn content_type(headers: &HeaderMap, takes: Takes, body: &Body) -> Result<&'static str, Problem> {
    let named = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let named = named.split(';').next().unwrap_or_default().trim();
    let types = takes.types();
    if body.is_end_stream() || types.is_empty() {
        return Ok("");
    }
    let found = types.iter().find(|each| named.is_empty() || named.eq_ignore_ascii_case(each));
    found.copied().ok_or_else(|| {
        Problem::new(Kind::Media, format!("the body is to be {}, not {named}", types.join(" or ")))
    })
}

/// Tells one request from another.
fn fingerprint(method: &str, path: &str, query: &[(String, String)], body: &[u8]) -> [u8; 32] {
    let mut all = format!("{method} {path}\n{query:?}\n").into_bytes();
    all.extend_from_slice(body);
    sha256(&all)
}
