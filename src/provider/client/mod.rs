//! The one guarded way to a provider.
//!
//! What it promises (`reference/reliability.md`, rule E): a request is written at most once, to the address it was
//! made for, over a verified connection; and every call says what it proved. There is no redirect, retry or proxy to
//! switch off, because there is none: [`connect`] ends before a byte of the request exists on the wire and whatever fails
//! there is proof that nothing was sent; [`exchange`] begins with the first byte and whatever fails there is a doubt.
//!
//! Why HTTP/1.1 by hand: a general client (reqwest over its pool) cost about 42 µs of CPU a message at 500 in flight,
//! this one 16 (`benches/simulator.rs`, medians of one hour); it hides at which stage it failed; and it hands a request whose
//! pooled connection closed to another one by itself. What is needed of HTTP here is small: a request
//! whose length is known, one answer, read by `httparse` up to [`ANSWER_LIMIT`].

mod connect;
mod exchange;
mod pool;
mod retry_after;
mod trace;
mod transport;

use super::{
    Answer, Evidence, HealthStep, Line, Lookup, Outgoing, Prepared, Provider, Registration, TemplateStep,
    Waiting, reading, report::Receipt,
};
use crate::domain::{
    content::registry::ListedTemplate,
    health::Health,
    outcome::{Class, Failure, Outcome},
    phone::Phone,
};
use pool::Pool;
use rustls::pki_types::CertificateDer;
use std::{pin::pin, sync::Arc, time::Duration};
use tokio::time::Instant;
use transport::Fault;
use url::Position;

pub use connect::ClientError;

/// Most bytes of an answer's body that are read. No provider's answer to a send comes near it.
pub const ANSWER_LIMIT: usize = 64 * 1024;

/// Most questions about the health of one number.
const MOST_QUESTIONS: usize = 8;
/// Most pages of one account's templates: a WABA has 6,000 at the most.
const MOST_PAGES: usize = 400;
/// How long an answer is still looked for when its time is over.
const LAST_LOOK: Duration = Duration::from_millis(50);

/// Time limits and trust of a [`Client`].
#[derive(Debug, Clone)]
pub struct Settings {
    /// Resolving, connecting and the TLS handshake together.
    pub connect_timeout: Duration,
    /// The whole call, from its start to the last byte of the answer.
    pub total_timeout: Duration,
    /// How long an unused connection is kept. Four seconds: the shortest keep-alive in common use is five (Apache's
    /// and Node's default; nginx has 75, the usual load balancers 60), and a connection that the other side closes as
    /// we write is a doubt.
    pub idle_timeout: Duration,
    /// Root certificates to trust besides the public ones, in DER form.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// `WHATSAPP_DEBUG`: log every request and answer, secrets and phones masked.
    pub debug: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            total_timeout: Duration::from_secs(20),
            idle_timeout: Duration::from_secs(4),
            extra_roots: Vec::new(),
            debug: false,
        }
    }
}

/// One for the whole program; a clone shares the connections.
#[derive(Debug, Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    connector: connect::Connector,
    pool: Arc<Pool>,
    total_timeout: Duration,
    debug: bool,
}

impl Client {
    /// A client with these limits.
    ///
    /// # Errors
    /// When an extra root certificate cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, ClientError> {
        let connect_timeout = settings.connect_timeout.min(settings.total_timeout);
        Ok(Self {
            inner: Arc::new(Inner {
                connector: connect::Connector::new(connect_timeout, &settings.extra_roots)?,
                pool: Arc::new(Pool::new(settings.idle_timeout)),
                total_timeout: settings.total_timeout,
                debug: settings.debug,
            }),
        })
    }

    /// Sends one message, once, and says what became of it. Never cancel the future half-way: whoever drops it no
    /// longer knows whether the provider took the message.
    pub async fn send(&self, provider: &dyn Provider, line: &Line, outgoing: &Outgoing) -> Outcome {
        self.send_if(provider, line, outgoing, &|| true).await
    }

    /// As [`Client::send`], but asks `may_start` once the connection stands, immediately before the first byte: rule
    /// G's start window has to be checked there, since connecting itself takes time. If the answer is no, the message
    /// is `not_sent` with code `start_window`.
    pub async fn send_if(
        &self,
        provider: &dyn Provider,
        line: &Line,
        outgoing: &Outgoing,
        may_start: &(dyn Fn() -> bool + Sync),
    ) -> Outcome {
        let Some(prepared) = provider.send_request(line, outgoing) else {
            return Outcome::NotSent(Failure {
                class: Class::Withheld,
                code: Some("not_sayable".to_owned()),
                words: format!("{} has no way to say this", provider.kind()),
            });
        };
        match self.ask(provider, line, &prepared, may_start).await {
            Ok(answer) => without_secret(provider.read_send(&answer), line),
            Err(fault) => fault.outcome(),
        }
    }

    /// Asks the provider about an attempt in doubt. A read-only question: it may be repeated.
    pub async fn look_up(&self, provider: &dyn Provider, line: &Line, lookup: &Lookup) -> Evidence {
        let Some(prepared) = provider.lookup_request(line, lookup) else {
            return Evidence::Unclear(format!("{} cannot be asked about a message", provider.kind()));
        };
        match self.ask(provider, line, &prepared, &|| true).await {
            Ok(answer) => match provider.read_lookup(lookup, &answer) {
                Evidence::Unclear(why) => Evidence::Unclear(trace::mask_secret(&why, line)),
                evidence => evidence,
            },
            Err(fault) => Evidence::Unclear(format!("{}: {}", fault.code, fault.words)),
        }
    }

    /// Asks the provider how a number is. Read-only questions: they may be repeated. Whatever keeps the answer away says
    /// nothing of the number.
    pub async fn check(&self, provider: &dyn Provider, line: &Line) -> Health {
        let mut answers = Vec::new();
        while answers.len() < MOST_QUESTIONS {
            let prepared = match provider.health_step(line, &answers) {
                HealthStep::Ask(prepared) => prepared,
                HealthStep::Done(health) => {
                    return Health {
                        words: reading::words(&trace::mask_secret(&health.words, line)),
                        ..health
                    };
                }
            };
            match self.ask(provider, line, &prepared, &|| true).await {
                Ok(answer) => answers.push(answer),
                Err(fault) => return Health::unclear(fault.code, fault.words),
            }
        }
        Health::unclear("endless", "the provider's answers lead to ever more questions")
    }

    /// Asks whether a phone is on `WhatsApp`. `None`: this provider cannot be asked without sending.
    pub async fn registration(
        &self,
        provider: &dyn Provider,
        line: &Line,
        phone: &Phone,
    ) -> Option<Registration> {
        let prepared = provider.registration_request(line, phone)?;
        Some(match self.ask(provider, line, &prepared, &|| true).await {
            Ok(answer) => match provider.read_registration(&answer) {
                Registration::Unclear(why) => {
                    Registration::Unclear(reading::words(&trace::mask_secret(&why, line)))
                }
                told => told,
            },
            Err(fault) => Registration::Unclear(format!("{}: {}", fault.code, fault.words)),
        })
    }

    /// Asks for a page of the messages of a number in a state that nothing reports.
    ///
    /// # Errors
    /// In words, when it cannot be asked or read.
    pub async fn failures(
        &self,
        provider: &dyn Provider,
        line: &Line,
        state: &str,
        page: u32,
    ) -> Result<Vec<Receipt>, String> {
        let Some(prepared) = provider.failures_request(line, state, page) else { return Ok(Vec::new()) };
        let answer = self
            .ask(provider, line, &prepared, &|| true)
            .await
            .map_err(|fault| format!("{}: {}", fault.code, fault.words))?;
        provider
            .read_failures(line, state, &answer)
            .map_err(|why| reading::words(&trace::mask_secret(&why, line)))
    }

    /// Asks the provider which templates the line's account has. Read-only questions, a page at a time.
    ///
    /// # Errors
    /// Why the list is not known, in a sentence.
    pub async fn list_templates(
        &self,
        provider: &dyn Provider,
        line: &Line,
    ) -> Result<Vec<ListedTemplate>, String> {
        let mut answers = Vec::new();
        while answers.len() < MOST_PAGES {
            let prepared = match provider.template_step(line, &answers) {
                TemplateStep::Ask(prepared) => prepared,
                TemplateStep::Done(templates) => return Ok(templates),
                TemplateStep::Failed(words) => return Err(reading::words(&trace::mask_secret(&words, line))),
            };
            match self.ask(provider, line, &prepared, &|| true).await {
                Ok(answer) => answers.push(answer),
                Err(fault) => return Err(format!("{}: {}", fault.code, fault.words)),
            }
        }
        Err("the provider's list does not end".to_owned())
    }

    /// Asks the provider how many messages wait in its own queue. A read-only question: it may be repeated.
    pub async fn queue(&self, provider: &dyn Provider, line: &Line) -> Waiting {
        let Some(prepared) = provider.queue_request(line) else { return Waiting::Untold };
        match self.ask(provider, line, &prepared, &|| true).await {
            Ok(answer) => provider.read_queue(&answer),
            Err(fault) => Waiting::Unclear(format!("{}: {}", fault.code, fault.words)),
        }
    }

    /// Posts something that is prepared, once, and answers the status of the answer.
    ///
    /// # Errors
    /// Why there is no answer, in a sentence without any address.
    pub async fn post(&self, prepared: &Prepared) -> Result<u16, String> {
        let answer = self.exchange(prepared, &|| true).await;
        answer.map(|answer| answer.status).map_err(|fault| format!("{}: {}", fault.code, fault.words))
    }

    /// Asks for something that is prepared, and reads the head of the answer alone, on a connection of its own.
    ///
    /// # Errors
    /// Why there is none, in a sentence without any address.
    pub async fn head(&self, prepared: &Prepared) -> Result<Vec<u8>, String> {
        let asking = async {
            let mut connection = self.inner.connector.connect(&prepared.url).await?;
            connection.prepare(prepared);
            connection.head().await
        };
        match tokio::time::timeout(self.inner.total_timeout, asking).await {
            Ok(head) => head.map_err(|fault| fault.words),
            Err(_) => Err(Fault::no_answer_in_time().words),
        }
    }

    async fn ask(
        &self,
        provider: &dyn Provider,
        line: &Line,
        prepared: &Prepared,
        may_start: &(dyn Fn() -> bool + Sync),
    ) -> Result<Answer, Fault> {
        if !self.inner.debug {
            return self.exchange(prepared, may_start).await;
        }
        trace::request(provider.kind(), line, prepared);
        let result = self.exchange(prepared, may_start).await;
        match &result {
            Ok(answer) => trace::answer(provider.kind(), line, answer),
            Err(fault) => trace::fault(provider.kind(), fault),
        }
        result
    }

    async fn exchange(
        &self,
        prepared: &Prepared,
        may_start: &(dyn Fn() -> bool + Sync),
    ) -> Result<Answer, Fault> {
        let inner = &*self.inner;
        let deadline = Instant::now() + inner.total_timeout;
        let origin = &prepared.url[..Position::BeforePath];
        let mut connection = match inner.pool.take(origin) {
            Some(connection) => connection,
            None => inner.connector.connect(&prepared.url).await?,
        };
        if Instant::now() >= deadline {
            return Err(Fault::connect_timeout());
        }
        connection.prepare(prepared);
        if !may_start() {
            inner.pool.give_back(origin, connection);
            return Err(Fault::start_window());
        }
        let answer = {
            let mut exchange = pin!(connection.exchange());
            match tokio::time::timeout_at(deadline, exchange.as_mut()).await {
                Ok(answer) => answer?,
                // A process that was stopped for a while sees the time before it sees the answer that came meanwhile.
                Err(_) => match tokio::time::timeout(LAST_LOOK, exchange).await {
                    Ok(answer) => answer?,
                    Err(_) => return Err(Fault::no_answer_in_time()),
                },
            }
        };
        if connection.is_reusable() {
            inner.pool.give_back(origin, connection);
        }
        Ok(answer)
    }
}

/// A provider's words may repeat what we sent it.
fn without_secret(outcome: Outcome, line: &Line) -> Outcome {
    let clean = |failure: Failure| Failure {
        words: reading::words(&trace::mask_secret(&failure.words, line)),
        ..failure
    };
    match outcome {
        Outcome::Accepted { .. } => outcome,
        Outcome::Rejected(failure) => Outcome::Rejected(clean(failure)),
        Outcome::NotSent(failure) => Outcome::NotSent(clean(failure)),
        Outcome::InDoubt(failure) => Outcome::InDoubt(clean(failure)),
    }
}
