//! What stands at the address of media: asked with HEAD, and with the first byte of a GET where that is not known. Nothing of
//! the file itself is read.

use super::{
    Prepared, address,
    client::{Client, ClientError, Settings},
};
use crate::domain::{
    campaign::preflight::Sight,
    content::{Link, is_private_address},
};
use http::{HeaderMap, HeaderValue, Method, header};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;
use url::Url;

/// How long connecting, and all of one question, may take.
const PATIENCE: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(4));
/// How long an answer is good for: a form is judged with every pause in the typing.
const FRESH: Duration = Duration::from_secs(20);
/// Most answers that are kept.
const KEPT: usize = 200;
/// How often one is sent elsewhere.
const REDIRECTS: usize = 3;
/// Most headers that are read.
const HEADERS: usize = 96;

/// What was seen lately, by address and whether only this machine may be asked, and when.
type Seen = HashMap<(String, bool), (Instant, Sight)>;

/// Looks at media. A clone shares what was seen.
#[derive(Debug, Clone)]
pub struct Looker {
    client: Client,
    private: bool,
    seen: Arc<Mutex<Seen>>,
}

/// The head of an answer, as far as it is of use here.
struct Head {
    status: u16,
    location: Option<String>,
    kind: Option<String>,
    bytes: Option<u64>,
}

impl Looker {
    /// One that looks outside; with `private` also at private addresses.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(private: bool) -> Result<Self, ClientError> {
        let (connect_timeout, total_timeout) = PATIENCE;
        let client = Client::new(&Settings { connect_timeout, total_timeout, ..Settings::default() })?;
        Ok(Self { client, private, seen: Arc::default() })
    }

    /// What stands there. `local`: only if it is on this machine.
    pub async fn look(&self, url: &str, local: bool) -> Sight {
        let key = (url.to_owned(), local);
        let known =
            self.seen().get(&key).filter(|(at, _)| at.elapsed() < FRESH).map(|(_, sight)| sight.clone());
        if let Some(sight) = known {
            return sight;
        }
        let sight = self.ask(url, local).await.unwrap_or_else(Sight::Missing);
        let mut seen = self.seen();
        if seen.len() >= KEPT {
            seen.clear();
        }
        seen.insert(key, (Instant::now(), sight.clone()));
        sight
    }

    fn seen(&self) -> std::sync::MutexGuard<'_, HashMap<(String, bool), (Instant, Sight)>> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn ask(&self, url: &str, local: bool) -> Result<Sight, String> {
        let mut at = url.to_owned();
        for _ in 0..=REDIRECTS {
            let link = Link::parse(&at, self.private || local).map_err(|error| {
                if at == url { error.to_string() } else { format!("leads to an address that {error}") }
            })?;
            let url: Url = link.as_str().parse().map_err(|_| "has no readable address".to_owned())?;
            if local && !url.host_str().is_some_and(address::is_loopback) {
                return Ok(Sight::NotAsked);
            }
            if !local && !self.private {
                stands_outside(&link).await?;
            }
            let head = self.head_of(&url).await?;
            match (head.status, head.location) {
                (200..=299, _) => return Ok(Sight::Found { kind: head.kind, bytes: head.bytes }),
                (301 | 302 | 303 | 307 | 308, Some(to)) => {
                    at = url.join(&to).map_err(|_| "leads to no address".to_owned())?.to_string();
                }
                (status, _) => return Err(format!("cannot be fetched: the answer is {status}")),
            }
        }
        Err("leads elsewhere again and again".to_owned())
    }

    /// With HEAD; where that is not known, with the first byte of the file.
    async fn head_of(&self, url: &Url) -> Result<Head, String> {
        match self.once(url, Method::HEAD).await {
            Ok(head) if !matches!(head.status, 400 | 403 | 405 | 501) => Ok(head),
            _ => self.once(url, Method::GET).await,
        }
    }

    async fn once(&self, url: &Url, method: Method) -> Result<Head, String> {
        let mut headers = HeaderMap::new();
        if method == Method::GET {
            headers.insert(header::RANGE, HeaderValue::from_static("bytes=0-0"));
        }
        let prepared = Prepared { method, url: url.clone(), headers, body: Vec::new() };
        let raw = self.client.head(&prepared).await;
        let raw =
            raw.map_err(|why| format!("cannot be fetched: {}", why.replace("the provider", "the host")))?;
        read(&raw).ok_or_else(|| "cannot be fetched: the answer is no HTTP".to_owned())
    }
}

/// A name that leads nowhere but to private addresses is no place for providers.
async fn stands_outside(link: &Link) -> Result<(), String> {
    let Some((host, port)) = link.name_and_port() else { return Ok(()) };
    let found = tokio::time::timeout(PATIENCE.0, tokio::net::lookup_host((host.as_str(), port))).await;
    let found: Vec<IpAddr> = match found {
        Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
        Ok(Err(_)) => return Err(format!("cannot be fetched: {host} is no name that is known here")),
        Err(_) => return Err(format!("cannot be fetched: {host} is not resolved in time")),
    };
    match found.iter().find(|address| is_private_address(**address)) {
        Some(private) => Err(format!("leads to {private}, which is no public address")),
        None => Ok(()),
    }
}

fn read(raw: &[u8]) -> Option<Head> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS];
    let mut answer = httparse::Response::new(&mut headers);
    answer.parse(raw).ok()?;
    let text = |name: &str| {
        let found = answer.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(found.value).ok().map(|value| value.trim().to_owned())
    };
    let whole = |text: String| text.rsplit('/').next().and_then(|count| count.trim().parse().ok());
    let status = answer.code?;
    Some(Head {
        status,
        location: text("location"),
        kind: text("content-type").map(|kind| kind.chars().take(80).collect()),
        // Of a part of it the range tells how much there is in all.
        bytes: if status == 206 {
            text("content-range").and_then(whole)
        } else {
            text("content-length").and_then(whole)
        },
    })
}
