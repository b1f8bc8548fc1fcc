//! A mail server of a few lines that speaks SMTP as far as a client needs it (RFC 5321; STARTTLS, AUTH PLAIN and LOGIN), and
//! keeps what it takes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustls::pki_types::CertificateDer;
use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

/// Something that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    pub from: String,
    pub to: Vec<String>,
    /// Headers and body as they came, lines without the dots that were added.
    pub text: String,
    /// Who had logged in, and with what.
    pub login: Option<String>,
    /// Whether it came in cover.
    pub covered: bool,
}

impl Mail {
    /// A header on one line.
    pub fn header(&self, name: &str) -> String {
        let begins = format!("{name}: ");
        let line = self.text.lines().find_map(|line| line.strip_prefix(begins.as_str()));
        line.unwrap_or_else(|| panic!("{name} in {}", self.text)).to_owned()
    }
}

/// How it speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speaks {
    /// In the clear.
    Bare,
    /// TLS from the first byte.
    Tls,
    /// STARTTLS; nothing is taken before it.
    StartTls,
}

#[derive(Default)]
struct Inside {
    mails: Mutex<Vec<Mail>>,
    /// It takes nothing for now.
    is_busy: AtomicBool,
}

/// The server.
pub struct Mailroom {
    pub address: SocketAddr,
    /// What it proves itself with.
    pub certificate: CertificateDer<'static>,
    inside: Arc<Inside>,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Mailroom {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Mailroom {
    pub async fn open(speaks: Speaks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (acceptor, certificate) = acceptor();
        let inside = Arc::new(Inside::default());
        let kept = Arc::clone(&inside);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { continue };
                let (kept, acceptor) = (Arc::clone(&kept), acceptor.clone());
                connections.spawn(async move {
                    match speaks {
                        Speaks::Tls => {
                            if let Ok(stream) = acceptor.accept(stream).await {
                                talk(BufReader::new(stream), &kept, true, false, true).await;
                            }
                        }
                        Speaks::Bare => drop(talk(BufReader::new(stream), &kept, false, false, true).await),
                        Speaks::StartTls => {
                            let plain = talk(BufReader::new(stream), &kept, false, true, true).await;
                            if let Some(plain) = plain
                                && let Ok(stream) = acceptor.accept(plain.into_inner()).await
                            {
                                talk(BufReader::new(stream), &kept, true, false, false).await;
                            }
                        }
                    }
                });
            }
        });
        Self { address, certificate, inside, task }
    }

    pub fn mails(&self) -> Vec<Mail> {
        self.inside.mails.lock().unwrap().clone()
    }

    /// It says that it is busy, or no longer.
    pub fn busy(&self, is_busy: bool) {
        self.inside.is_busy.store(is_busy, Ordering::SeqCst);
    }
}

fn acceptor() -> (TlsAcceptor, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = made.cert.der().clone();
    let private = rustls::pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], private)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), certificate)
}

/// One connection. Answers the stream where TLS is to begin on it.
async fn talk<S: AsyncRead + AsyncWrite + Unpin>(
    mut stream: BufReader<S>,
    kept: &Inside,
    covered: bool,
    offers_tls: bool,
    greets: bool,
) -> Option<BufReader<S>> {
    let mut login = None;
    let (mut from, mut to) = (String::new(), Vec::new());
    if greets {
        say(&mut stream, "220 mailroom ESMTP").await?;
    }
    loop {
        let line = hear(&mut stream).await?;
        let (verb, rest) = line.split_once(' ').unwrap_or((&line, ""));
        match verb.to_ascii_uppercase().as_str() {
            "EHLO" if offers_tls => say(&mut stream, "250-mailroom\r\n250 STARTTLS").await?,
            "EHLO" => say(&mut stream, "250-mailroom\r\n250-8BITMIME\r\n250 AUTH PLAIN LOGIN").await?,
            "STARTTLS" if offers_tls => {
                say(&mut stream, "220 go ahead").await?;
                return Some(stream);
            }
            _ if offers_tls && verb != "QUIT" => say(&mut stream, "530 must begin TLS first").await?,
            "AUTH" => {
                login = Some(logged_in(&mut stream, rest).await?);
                say(&mut stream, "235 welcome").await?;
            }
            "MAIL" if kept.is_busy.load(Ordering::SeqCst) => say(&mut stream, "451 try again later").await?,
            "MAIL" => {
                from = between(rest);
                say(&mut stream, "250 ok").await?;
            }
            "RCPT" => {
                to.push(between(rest));
                say(&mut stream, "250 ok").await?;
            }
            "DATA" => {
                say(&mut stream, "354 go on").await?;
                let text = body(&mut stream).await?;
                let mail = Mail {
                    from: from.clone(),
                    to: std::mem::take(&mut to),
                    text,
                    login: login.clone(),
                    covered,
                };
                kept.mails.lock().unwrap().push(mail);
                say(&mut stream, "250 taken").await?;
            }
            "RSET" | "NOOP" => say(&mut stream, "250 ok").await?,
            "QUIT" => {
                say(&mut stream, "221 bye").await?;
                return None;
            }
            _ => say(&mut stream, "502 what?").await?,
        }
    }
}

async fn say<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut BufReader<S>, line: &str) -> Option<()> {
    stream.get_mut().write_all(format!("{line}\r\n").as_bytes()).await.ok()?;
    stream.get_mut().flush().await.ok()
}

async fn hear<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut line = String::new();
    (stream.read_line(&mut line).await.ok()? > 0).then(|| line.trim_end_matches(['\r', '\n']).to_owned())
}

async fn body<S: AsyncRead + Unpin>(stream: &mut BufReader<S>) -> Option<String> {
    let mut text = String::new();
    loop {
        let line = hear(stream).await?;
        if line == "." {
            return Some(text);
        }
        text.push_str(line.strip_prefix('.').unwrap_or(&line));
        text.push('\n');
    }
}

/// `user:password`, by PLAIN or LOGIN.
async fn logged_in<S: AsyncRead + AsyncWrite + Unpin>(
    stream: &mut BufReader<S>,
    rest: &str,
) -> Option<String> {
    let decode = |text: &str| String::from_utf8(STANDARD.decode(text.trim()).unwrap()).unwrap();
    match rest.split_once(' ') {
        Some((way, given)) if way.eq_ignore_ascii_case("PLAIN") => {
            let text = decode(given);
            let mut parts = text.split('\0').skip(1);
            Some(format!("{}:{}", parts.next()?, parts.next()?))
        }
        _ => {
            say(stream, "334 VXNlcm5hbWU6").await?;
            let user = decode(&hear(stream).await?);
            say(stream, "334 UGFzc3dvcmQ6").await?;
            Some(format!("{user}:{}", decode(&hear(stream).await?)))
        }
    }
}

/// What stands between `<` and `>`.
fn between(text: &str) -> String {
    let (_, rest) = text.split_once('<').unwrap_or(("", text));
    rest.split('>').next().unwrap_or_default().to_owned()
}
