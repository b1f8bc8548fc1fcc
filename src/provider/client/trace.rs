//! `WHATSAPP_DEBUG`: every request and answer in the log, without what must never stand there.

use super::{Fault, Line, Prepared};
use crate::{
    domain::{number::ProviderKind, text::Safe},
    provider::Answer,
};
use base64::Engine as _;

/// Longest body in the log, in graphemes.
const BODY_LIMIT: usize = 4_096;
/// A run of this many digits may be a phone number (E.164 has 7 to 15).
const PHONE_DIGITS: usize = 7;
const MASK: &str = "***";
/// The name of a secret in an answer.
const AUTH_TOKEN: &str = "\"auth_token\"";

/// Logs a request. Headers are left out: they carry the authorisation and nothing else of interest.
pub fn request(kind: ProviderKind, line: &Line, prepared: &Prepared) {
    let url = masked(prepared.url.as_str(), line);
    let body = masked(&String::from_utf8_lossy(&prepared.body), line);
    tracing::info!(target: "signalbox::wire", provider = %kind, method = %prepared.method, url, body, "request to {kind}");
}

/// Logs an answer.
pub fn answer(kind: ProviderKind, line: &Line, answer: &Answer) {
    let status = answer.status;
    let body = masked(&String::from_utf8_lossy(&answer.body), line);
    tracing::info!(
        target: "signalbox::wire", provider = %kind, status, truncated = answer.truncated, body,
        "answer {status} from {kind}"
    );
}

/// Logs that no complete answer came.
pub fn fault(kind: ProviderKind, fault: &Fault) {
    tracing::info!(
        target: "signalbox::wire", provider = %kind, code = fault.code, cause = fault.words, not_sent = fault.not_sent,
        "no answer from {kind}"
    );
}

fn masked(text: &str, line: &Line) -> String {
    Safe::cut(&mask_phones(&mask_auth_token(&mask_secret(text, line))), BODY_LIMIT).into_string()
}

/// Takes out the token that Twilio puts into its description of an account: it need not be the one that we use.
fn mask_auth_token(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(AUTH_TOKEN) {
        let (before, named) = rest.split_at(start + AUTH_TOKEN.len());
        out.push_str(before);
        // The value ends with its quotation mark; one that is cut off ends with the text.
        let value = named.trim_start_matches([' ', ':', '\n', '\t']);
        let end = value.strip_prefix('"').map_or(Some(0), |inner| inner.find('"').map(|end| end + 2));
        out.push_str(&named[..named.len() - value.len()]);
        out.push_str(MASK);
        rest = end.map_or("", |end| &value[end..]);
    }
    out.push_str(rest);
    out
}

/// Takes the account's token out, as it is, in its form and URL encodings, and in base64.
pub fn mask_secret(text: &str, line: &Line) -> String {
    let token = line.credential.token.as_str();
    let form: String = form_urlencoded::byte_serialize(token.as_bytes()).collect();
    let base64 = base64::engine::general_purpose::STANDARD;
    let pair = base64.encode(format!("{}:{token}", line.credential.external_id));
    let mut text = text.to_owned();
    for secret in [token, form.as_str(), pair.as_str(), base64.encode(token).as_str()] {
        if !secret.is_empty() && text.contains(secret) {
            text = text.replace(secret, MASK);
        }
    }
    text
}

/// Masks every run of digits that may be a phone number: the first four and the last three stay.
fn mask_phones(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find(|character: char| character.is_ascii_digit()) {
        let (before, digits) = rest.split_at(start);
        out.push_str(before);
        let end = digits.find(|character: char| !character.is_ascii_digit()).unwrap_or(digits.len());
        let (run, after) = digits.split_at(end);
        // `%2B` (an encoded plus) ends in a digit-free `B`, but `%3A` and its kin may glue one digit to a run.
        if run.len() >= PHONE_DIGITS {
            out.push_str(&run[..4]);
            out.extend(std::iter::repeat_n('*', run.len() - 7));
            out.push_str(&run[run.len() - 3..]);
        } else {
            out.push_str(run);
        }
        rest = after;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{ids::AttemptId, phone::Phone},
        provider::{Content, Credential, Lookup, Outgoing, dialect},
    };

    #[test]
    fn no_secret_and_no_full_phone_reaches_the_log() {
        let secret = "s3cr3t+/=token";
        let phone = Phone::parse("+237600000001").unwrap();
        for (kind, sender) in
            [(ProviderKind::Meta, "100"), (ProviderKind::Ultramsg, "instance7"), (ProviderKind::Twilio, "")]
        {
            let provider = dialect(kind);
            let credential = Credential { external_id: "AC123".into(), token: secret.to_owned().into() };
            let line = provider.line("https://example.com", credential, sender, &phone).unwrap();
            let outgoing = Outgoing {
                attempt: AttemptId::new(),
                to: phone.clone(),
                content: Content::Text(format!("my token is {secret}")),
            };
            let lookup = Lookup {
                attempt: outgoing.attempt,
                to: phone.clone(),
                started_at: chrono::DateTime::UNIX_EPOCH,
                text: None,
            };
            let mut all: Vec<Prepared> = provider.send_request(&line, &outgoing).into_iter().collect();
            all.extend(provider.lookup_request(&line, &lookup));
            for prepared in all {
                let text = format!(
                    "{} {}",
                    masked(prepared.url.as_str(), &line),
                    masked(&String::from_utf8_lossy(&prepared.body), &line)
                );
                assert!(!text.contains(secret), "{text}");
                assert!(!text.contains("s3cr3t"), "{text}");
                assert!(!text.contains("237600000001"), "{text}");
            }
        }
    }

    #[test]
    fn the_token_in_an_account_s_description_is_taken_out() {
        let text = r#"{"sid":"AC1","auth_token" : "0123abc","status":"active","auth_token":null}"#;
        assert_eq!(
            mask_auth_token(text),
            r#"{"sid":"AC1","auth_token" : ***,"status":"active","auth_token":***null}"#
        );
        assert_eq!(mask_auth_token(r#"{"auth_token":"0123ab"#), r#"{"auth_token":***"#);
    }

    #[test]
    fn short_numbers_stay_readable() {
        assert_eq!(
            mask_phones("status 503 code 131045, to 237600000001."),
            "status 503 code 131045, to 2376*****001."
        );
    }
}
