//! Posts reports when they are due, and again where their provider would.

use super::{bodies::Request, world::World};
use crate::domain::number::ProviderKind;
use std::{
    collections::HashMap,
    io,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinSet,
};

/// Reports on their way at once.
const IN_AIR: usize = 64;
/// How long whoever listens may take. Twilio waits so long; Meta about as long.
const LIMIT: Duration = Duration::from_secs(15);
/// Longest answer that is read.
const ANSWER_LIMIT: usize = 64 * 1024;
/// Tries of Meta, whose seven days are too long here: the waits between them double up to a minute.
const META_TRIES: u32 = 20;
/// `webhook_retries` as most set it (`ultramsg.md` section 7).
const ULTRAMSG_TRIES: u32 = 4;

/// What became of a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Heard {
    /// Nobody is there.
    Nobody,
    /// No answer, or none that is HTTP.
    Nothing,
    /// This status.
    Status(u16),
}

/// Connections that may be used again, by where they lead.
#[derive(Default)]
struct Idle(Mutex<HashMap<String, Vec<TcpStream>>>);

/// Posts until it is dropped.
pub async fn run(world: Arc<Mutex<World>>) {
    let bell = super::lock(&world).bell();
    let idle = Arc::new(Idle::default());
    let mut on_the_way = JoinSet::new();
    loop {
        while on_the_way.try_join_next().is_some() {}
        if on_the_way.len() >= IN_AIR {
            on_the_way.join_next().await;
            continue;
        }
        let (due, next) = super::lock(&world).due_report();
        match (due, next) {
            (Some((request, generation)), _) => {
                let (world, idle) = (Arc::clone(&world), Arc::clone(&idle));
                on_the_way.spawn(async move {
                    let heard = idle.post(&request).await;
                    let taken = is_taken(request.provider, heard);
                    let again = if taken { None } else { wait(&request, heard) };
                    let again = again.map(|wait| (wait, Request { tries: request.tries + 1, ..request }));
                    super::lock(&world).report_arrived(generation, again, taken);
                });
            }
            // The bell keeps one ring, so none is missed between looking and listening.
            (None, Some(next)) => {
                let _ = tokio::time::timeout_at(next.into(), bell.notified()).await;
            }
            (None, None) => bell.notified().await,
        }
    }
}

/// Whether the provider is content. Meta insists on 200.
fn is_taken(provider: ProviderKind, heard: Heard) -> bool {
    match provider {
        ProviderKind::Meta => heard == Heard::Status(200),
        ProviderKind::Ultramsg | ProviderKind::Twilio => matches!(heard, Heard::Status(200..=299)),
    }
}

/// How long until it is tried again; `None`: it is lost.
fn wait(request: &Request, heard: Heard) -> Option<Duration> {
    match request.provider {
        // At once, then with growing gaps (`meta-cloud.md` section 8).
        ProviderKind::Meta => (request.tries + 1 < META_TRIES).then(|| match request.tries {
            0 => Duration::ZERO,
            tries => Duration::from_secs(1 << (tries - 1).min(6)).min(Duration::from_mins(1)),
        }),
        ProviderKind::Ultramsg => (request.tries + 1 < ULTRAMSG_TRIES).then_some(Duration::from_secs(1)),
        // Once, and only if nobody is there, unless the address asks for more (`twilio.md` section 7).
        ProviderKind::Twilio => {
            let asked = |name: &str| {
                let mut words = request.address.fragment.split('&').filter_map(|word| word.split_once('='));
                words.find(|(key, _)| *key == name).map(|(_, value)| value)
            };
            let retries: u32 = asked("rc").and_then(|count| count.parse().ok()).unwrap_or(1).min(5);
            let concerned = asked("rp").unwrap_or("ct").split(',').any(|policy| match policy {
                "all" => true,
                "ct" => heard == Heard::Nobody,
                "rt" => heard == Heard::Nothing,
                "4xx" => matches!(heard, Heard::Status(400..=499)),
                "5xx" => matches!(heard, Heard::Status(500..=599)),
                _ => false,
            });
            (request.tries < retries && concerned).then_some(Duration::from_secs(1))
        }
    }
}

impl Idle {
    async fn post(&self, request: &Request) -> Heard {
        match tokio::time::timeout(LIMIT, self.exchange(request)).await {
            Ok(heard) => heard,
            Err(_slow) => Heard::Nothing,
        }
    }

    async fn exchange(&self, request: &Request) -> Heard {
        // One that was kept may have been closed meanwhile: then nothing was heard, and a new one is tried.
        while let Some(stream) = self.take(&request.address.connect) {
            if let Ok(status) = self.ask(stream, request).await {
                return Heard::Status(status);
            }
        }
        match TcpStream::connect(&request.address.connect).await {
            Err(_) => Heard::Nobody,
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                self.ask(stream, request).await.map_or(Heard::Nothing, Heard::Status)
            }
        }
    }

    async fn ask(&self, mut stream: TcpStream, request: &Request) -> io::Result<u16> {
        stream.write_all(&request.bytes).await?;
        let mut answer = Vec::with_capacity(512);
        loop {
            if stream.read_buf(&mut answer).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            match read(&answer)? {
                Some((status, reusable)) => {
                    if reusable {
                        let mut idle = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                        idle.entry(request.address.connect.clone()).or_default().push(stream);
                    }
                    return Ok(status);
                }
                None if answer.len() > ANSWER_LIMIT => return Err(io::ErrorKind::InvalidData.into()),
                None => {}
            }
        }
    }

    fn take(&self, connect: &str) -> Option<TcpStream> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(connect)?.pop()
    }
}

/// The status, and whether the connection may be used again; `None`: the answer is not complete yet.
fn read(answer: &[u8]) -> io::Result<Option<(u16, bool)>> {
    let mut headers = [httparse::EMPTY_HEADER; 48];
    let mut head = httparse::Response::new(&mut headers);
    let parsed = head.parse(answer).map_err(io::Error::other)?;
    let httparse::Status::Complete(length) = parsed else { return Ok(None) };
    let value = |name: &str| {
        let header = head.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name))?;
        std::str::from_utf8(header.value).ok().map(str::trim)
    };
    let status = head.code.unwrap_or(0);
    let closes = value("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    match value("content-length").and_then(|length| length.parse::<usize>().ok()) {
        Some(body) if answer.len() < length.saturating_add(body) => Ok(None),
        Some(_) => Ok(Some((status, !closes))),
        // What else it says does not matter, and nobody waits for its end.
        None => Ok(Some((status, false))),
    }
}
