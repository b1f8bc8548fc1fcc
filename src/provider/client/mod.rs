//! The one guarded way to a provider.
//!
//! What it promises (`reference/reliability.md`, rule E): a request is written at most once. No redirect is followed
//! (a 307 would post message and token to another host), nothing is retried, no proxy of the environment is used, answers are read up to
//! [`ANSWER_LIMIT`], and every call ends within its total time.
//!
//! The pool below (`hyper-util`) does try another connection by itself in one case, which its `reqwest` face cannot
//! switch off: a pooled connection turns out to be closed *before the request was taken from its queue*. The
//! request is then handed back whole (`TrySendError` with its message), so that not a byte of it was written; as soon
//! as the connection has taken it, an error carries no message and nothing is tried again. `tests/provider_client.rs`
//! holds both cases against real sockets.

mod retry_after;
mod trace;
mod transport;

use super::{Answer, Evidence, Line, Lookup, Outgoing, Prepared, Provider, reading};
use crate::domain::outcome::Outcome;
use reqwest::{Request, header, redirect, retry};
use rustls::{ClientConfig, RootCertStore, pki_types::CertificateDer};
use std::{sync::Arc, time::Duration};
use transport::Fault;

/// Most bytes of an answer that are read. No provider's answer to a send comes near it.
pub const ANSWER_LIMIT: usize = 64 * 1024;

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

/// Why no client can be made. Reads well after "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// An extra root certificate or the TLS settings are unusable.
    #[error("set up TLS to the providers")]
    Tls(#[source] rustls::Error),
    /// Anything else in the HTTP library.
    #[error("set up the HTTP client")]
    Http(#[source] reqwest::Error),
}

/// One for the whole program; a clone shares the connections.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    debug: bool,
}

impl Client {
    /// A client with these limits.
    ///
    /// # Errors
    /// When the settings cannot work.
    pub fn new(settings: &Settings) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(settings)?)
            .redirect(redirect::Policy::none())
            // Zero tries, or the library would copy every request in case it had to.
            .retry(retry::never().max_retries_per_request(0))
            .referer(false)
            .no_proxy()
            .http1_only()
            .tcp_nodelay(true)
            .connect_timeout(settings.connect_timeout)
            .timeout(settings.total_timeout)
            .pool_idle_timeout(settings.idle_timeout)
            .user_agent(concat!("signalbox/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(ClientError::Http)?;
        Ok(Self { http, debug: settings.debug })
    }

    /// Sends one message, once, and says what became of it. Never cancel the future half-way: whoever drops it no
    /// longer knows whether the provider took the message.
    pub async fn send(&self, provider: &dyn Provider, line: &Line, outgoing: &Outgoing) -> Outcome {
        let prepared = provider.send_request(line, outgoing);
        if self.debug {
            trace::request(provider.kind(), line, &prepared);
        }
        let outcome = match self.exchange(prepared).await {
            Ok(answer) => {
                if self.debug {
                    trace::answer(provider.kind(), line, &answer);
                }
                provider.read_send(&answer)
            }
            Err(fault) => {
                if self.debug {
                    trace::fault(provider.kind(), &fault);
                }
                fault.outcome()
            }
        };
        without_secret(outcome, line)
    }

    /// Asks the provider about an attempt in doubt. A read-only question: it may be repeated.
    pub async fn look_up(&self, provider: &dyn Provider, line: &Line, lookup: &Lookup) -> Evidence {
        let Some(prepared) = provider.lookup_request(line, lookup) else {
            return Evidence::Unclear(format!("{} cannot be asked about a message", provider.kind()));
        };
        if self.debug {
            trace::request(provider.kind(), line, &prepared);
        }
        match self.exchange(prepared).await {
            Ok(answer) => {
                if self.debug {
                    trace::answer(provider.kind(), line, &answer);
                }
                match provider.read_lookup(lookup, &answer) {
                    Evidence::Unclear(why) => Evidence::Unclear(mask_secret(&why, line)),
                    evidence => evidence,
                }
            }
            Err(fault) => Evidence::Unclear(format!("{}: {}", fault.code, fault.words)),
        }
    }

    async fn exchange(&self, prepared: Prepared) -> Result<Answer, Fault> {
        let mut request = Request::new(prepared.method, prepared.url);
        *request.headers_mut() = prepared.headers;
        if !prepared.body.is_empty() {
            *request.body_mut() = Some(prepared.body.into());
        }
        let mut response = self.http.execute(request).await.map_err(|error| Fault::before_answer(&error))?;
        let status = response.status().as_u16();
        let retry_after = retry_after::read(response.headers());
        let expected = response
            .headers()
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok())
            .unwrap_or(1_024);
        let mut body = Vec::with_capacity(expected.min(ANSWER_LIMIT));
        let mut truncated = false;
        while let Some(chunk) = response.chunk().await.map_err(|error| Fault::within_answer(&error))? {
            let room = ANSWER_LIMIT - body.len();
            if chunk.len() > room {
                body.extend_from_slice(&chunk[..room]);
                // Dropping the response closes the connection: the rest is never read.
                truncated = true;
                break;
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Answer { status, retry_after, body, truncated })
    }
}

/// The public roots are compiled in, so that a machine without a certificate store can still verify; an extra root
/// serves a private gateway or a test. There is no way to switch verification off.
fn tls(settings: &Settings) -> Result<ClientConfig, ClientError> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    for extra in &settings.extra_roots {
        roots.add(extra.clone()).map_err(ClientError::Tls)?;
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(ClientError::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// A provider's words may repeat what we sent it.
fn without_secret(outcome: Outcome, line: &Line) -> Outcome {
    let clean = |mut failure: crate::domain::outcome::Failure| {
        failure.words = mask_secret(&failure.words, line);
        failure
    };
    match outcome {
        Outcome::Accepted { .. } => outcome,
        Outcome::Rejected(failure) => Outcome::Rejected(clean(failure)),
        Outcome::NotSent(failure) => Outcome::NotSent(clean(failure)),
        Outcome::InDoubt(failure) => Outcome::InDoubt(clean(failure)),
    }
}

fn mask_secret(text: &str, line: &Line) -> String {
    reading::words(&trace::mask_secret(text, line))
}
