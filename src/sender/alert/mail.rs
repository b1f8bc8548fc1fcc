//! Mail over SMTP: with TLS from the first byte, or with STARTTLS that must succeed; in the clear on this machine only.

use super::outlet::Letter;
use crate::domain::text::Safe;
use crate::provider::client;
use lettre::{
    AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor,
    message::{Mailbox, Mailboxes, header},
    transport::smtp::{
        authentication::Credentials,
        client::{Certificate, Tls, TlsParameters},
    },
};
use std::{net::IpAddr, time::Duration};
use url::Url;
use zeroize::Zeroizing;

/// How long a server may take for one answer.
const ANSWER_LIMIT: Duration = Duration::from_secs(20);
/// How long it may take altogether.
const LIMIT: Duration = Duration::from_secs(90);

/// How the connection is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cover {
    /// TLS from the first byte.
    Tls,
    /// STARTTLS, or nothing is said.
    StartTls,
    /// None: this machine.
    Bare,
}

/// A mail server and who sends through it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    host: String,
    port: u16,
    user: Option<String>,
    cover: Cover,
}

impl Account {
    /// Reads `smtps://user@host:465`, or `smtp://user@host:587` for STARTTLS; on this machine also `smtp+clear://host:25`.
    ///
    /// # Errors
    /// What is wrong with it, in a sentence.
    pub fn parse(raw: &str) -> Result<Self, String> {
        let form = "the mail server is smtps://user@host:465, or smtp://user@host:587 with STARTTLS";
        let url = Url::parse(raw.trim()).map_err(|_| form.to_owned())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or(form)?.to_owned();
        if url.password().is_some() {
            return Err("a password has no place in the mail server's address: it comes from a variable or standard input".to_owned());
        }
        if !matches!(url.path(), "" | "/") || url.query().is_some() || url.fragment().is_some() {
            return Err(form.to_owned());
        }
        let (cover, port) = match url.scheme() {
            "smtps" => (Cover::Tls, 465),
            "smtp" => (Cover::StartTls, 587),
            "smtp+clear" if is_here(&host) => (Cover::Bare, 25),
            "smtp+clear" => {
                return Err("only a mail server on this machine is spoken to in the clear".to_owned());
            }
            _ => return Err(form.to_owned()),
        };
        let user = (!url.username().is_empty()).then(|| decoded(url.username()));
        Ok(Self { host, port: url.port().unwrap_or(port), user, cover })
    }

    /// Whether somebody logs in.
    #[must_use]
    pub fn has_user(&self) -> bool {
        self.user.is_some()
    }
}

/// What stands in an address for this text: an at sign in a user's name, for one.
fn decoded(text: &str) -> String {
    let pair = format!("user={}", text.replace('+', "%2B"));
    form_urlencoded::parse(pair.as_bytes()).next().map_or_else(String::new, |(_, user)| user.into_owned())
}

fn is_here(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A mail server, ready to be used.
pub struct Mail {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    to: Mailboxes,
    is_local: bool,
}

impl Mail {
    /// Makes it ready; nothing is connected yet.
    ///
    /// # Errors
    /// What cannot be used, in a sentence.
    pub fn new(
        account: &Account,
        password: Option<Zeroizing<String>>,
        from: &str,
        to: &str,
        settings: &client::Settings,
    ) -> Result<Self, String> {
        let (from, to) = (mailbox(from)?, mailboxes(to)?);
        let tls = match account.cover {
            Cover::Bare => Tls::None,
            Cover::Tls => Tls::Wrapper(parameters(account, settings)?),
            Cover::StartTls => Tls::Required(parameters(account, settings)?),
        };
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(account.host.as_str())
            .port(account.port)
            .tls(tls)
            .timeout(Some(ANSWER_LIMIT));
        if let Some(user) = &account.user {
            let password = password.ok_or("the mail server's user has no password")?;
            builder = builder.credentials(Credentials::new(user.clone(), password.to_string()));
        }
        Ok(Self { transport: builder.build(), from, to, is_local: is_here(&account.host) })
    }

    /// Whether the server stands on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.is_local
    }

    /// Sends it to everybody, once.
    ///
    /// # Errors
    /// Why the server did not take it, in a sentence.
    pub async fn send(&self, letter: &Letter) -> Result<(), String> {
        let host = self.from.email.domain();
        let mut message = Message::builder()
            .from(self.from.clone())
            .subject(letter.subject.clone())
            .date(letter.at.into())
            .message_id(Some(format!("<{}@{host}>", letter.id)))
            .header(header::ContentType::TEXT_PLAIN);
        for to in self.to.iter() {
            message = message.to(to.clone());
        }
        let message =
            message.body(letter.text.clone()).map_err(|error| format!("the mail cannot be made: {error}"))?;
        match tokio::time::timeout(LIMIT, self.transport.send(message)).await {
            Ok(Ok(_taken)) => Ok(()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("the mail server takes too long".to_owned()),
        }
    }
}

/// Whom mail comes from.
///
/// # Errors
/// That it is no mailbox, in a sentence.
pub(super) fn mailbox(from: &str) -> Result<Mailbox, String> {
    from.parse().map_err(|_| format!("{:?} is no mailbox to send from", Safe::new(from)))
}

/// Whom mail goes to.
///
/// # Errors
/// That they are no mailboxes, in a sentence.
pub(super) fn mailboxes(to: &str) -> Result<Mailboxes, String> {
    let to: Mailboxes = to.parse().map_err(|_| format!("{:?} are no mailboxes", Safe::new(to)))?;
    if to.iter().next().is_none() {
        return Err("nobody is named to send to".to_owned());
    }
    Ok(to)
}

fn parameters(account: &Account, settings: &client::Settings) -> Result<TlsParameters, String> {
    let wrong = |error| format!("TLS to the mail server cannot be set up: {error}");
    let mut builder = TlsParameters::builder(account.host.clone());
    for root in &settings.extra_roots {
        builder = builder.add_root_certificate(Certificate::from_der(root.to_vec()).map_err(wrong)?);
    }
    builder.build_rustls().map_err(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(raw: &str) -> Account {
        Account::parse(raw).unwrap()
    }

    #[test]
    fn a_mail_server_is_reached_in_cover_or_on_this_machine() {
        let tls = account("smtps://ops%40example.com@smtp.example.com");
        assert_eq!((tls.port, tls.cover, tls.user.as_deref()), (465, Cover::Tls, Some("ops@example.com")));
        let starttls = account("smtp://ops@smtp.example.com");
        assert_eq!((starttls.port, starttls.cover), (587, Cover::StartTls));
        let here = account("smtp+clear://127.0.0.1:2525");
        assert_eq!((here.port, here.cover, here.user), (2525, Cover::Bare, None));
        assert_eq!(account("smtps://a+b@[::1]:1465/").user.as_deref(), Some("a+b"));
    }

    #[test]
    fn what_is_no_mail_server_is_refused_with_a_sentence() {
        for (wrong, sentence) in [
            ("", "the mail server is"),
            ("smtp.example.com", "the mail server is"),
            ("https://smtp.example.com", "the mail server is"),
            ("smtps://smtp.example.com/inbox", "the mail server is"),
            ("smtps://smtp.example.com?tls=none", "the mail server is"),
            ("smtp+clear://smtp.example.com", "only a mail server on this machine"),
            ("smtps://ops:secret@smtp.example.com", "a password has no place"),
        ] {
            let said = Account::parse(wrong).unwrap_err();
            assert!(said.starts_with(sentence), "{wrong}: {said}");
            assert!(!said.contains("secret"), "{said}");
        }
    }
}
