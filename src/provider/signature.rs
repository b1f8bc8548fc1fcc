//! Who sent a webhook: the proofs of the three providers, over the bytes as they arrived, compared in constant time.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::{digest, hmac};
use std::collections::{BTreeMap, BTreeSet};
use url::Url;

/// Meta: `X-Hub-Signature-256` is the HMAC-SHA256 of the raw body under one of the app's secrets (`meta-cloud.md`
/// section 8). Several, because a secret that is being replaced is still in use.
#[must_use]
pub fn meta(secrets: &[&str], header: Option<&str>, body: &[u8]) -> bool {
    let Some(signature) = header.and_then(|header| header.strip_prefix("sha256=")).and_then(unhex) else {
        return false;
    };
    secrets.iter().any(|secret| {
        let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
        hmac::verify(&key, body, &signature).is_ok()
    })
}

/// Twilio: `X-Twilio-Signature` is the HMAC-SHA1 of the address that was called and of all form parameters under the
/// account's auth token (`twilio.md` section 7). `public` is where the listener is reached from outside; `target` is path
/// and query, byte for byte as they were asked for.
#[must_use]
pub fn twilio(
    tokens: &[&str],
    public: &Url,
    target: &str,
    header: Option<&str>,
    is_form: bool,
    body: &[u8],
) -> bool {
    let Some(signature) = header.and_then(|header| STANDARD.decode(header.trim()).ok()) else { return false };
    if !is_form && !body.is_empty() && !digest_fits(target, body) {
        return false;
    }
    let parameters = if is_form { parameters(body) } else { String::new() };
    let signed: Vec<String> =
        origins(public).into_iter().map(|origin| format!("{origin}{target}{parameters}")).collect();
    tokens.iter().any(|token| {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
        signed.iter().any(|signed| hmac::verify(&key, signed.as_bytes(), &signature).is_ok())
    })
}

/// `UltraMsg` signs nothing: a secret in the address is all there is (`ultramsg.md` section 7). So is Meta's verify token.
#[must_use]
pub fn secret(expected: &str, given: &str) -> bool {
    // Comparing digests takes the same time whatever the lengths and wherever they differ.
    let key = hmac::Key::new(hmac::HMAC_SHA256, b"signalbox webhook secret");
    !expected.is_empty()
        && hmac::verify(&key, given.as_bytes(), hmac::sign(&key, expected.as_bytes()).as_ref()).is_ok()
}

/// A body that is no form is named in the signed address by its digest.
fn digest_fits(target: &str, body: &[u8]) -> bool {
    let query = target.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    let named = pairs.find(|(name, _)| name == "bodySHA256").and_then(|(_, value)| unhex(&value));
    named.is_some_and(|named| named == digest::digest(&digest::SHA256, body).as_ref())
}

/// Names in byte order, each followed by its distinct values in order, each with its name again.
fn parameters(body: &[u8]) -> String {
    let mut sorted: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(body) {
        sorted.entry(name.into_owned()).or_default().insert(value.into_owned());
    }
    let mut text = String::with_capacity(body.len());
    for (name, values) in &sorted {
        for value in values {
            text.push_str(name);
            text.push_str(value);
        }
    }
    text
}

/// Everything before the target, with and without the port: the provider's own validators take both.
fn origins(public: &Url) -> Vec<String> {
    let Some(host) = public.host_str() else { return Vec::new() };
    let scheme = public.scheme();
    let mounted = public.path().trim_end_matches('/');
    let mut origins = vec![format!("{scheme}://{host}{mounted}")];
    if let Some(port) = public.port_or_known_default() {
        origins.push(format!("{scheme}://{host}:{port}{mounted}"));
    }
    origins
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        b'A'..=b'F' => Some(byte - b'A' + 10),
        _ => None,
    };
    let (pairs, rest) = text.trim().as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs.iter().map(|[high, low]| Some(digit(*high)? << 4 | digit(*low)?)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const META_BODY: &[u8] = br#"{"object":"whatsapp_business_account","entry":[]}"#;
    /// The vector of `meta-cloud.md` section 8.
    const META: &str = "sha256=09eceea024af6e6343b760cc9bd3ae7c056938dd636e24e92109eb8219500384";
    const STATUS: &str = "/twilio/status?ref=m-42";
    const FORM: &[u8] = b"To=whatsapp%3A%2B16505551234&AccountSid=AC00000000000000000000000000000001&ChannelPrefix=whatsapp\
        &From=whatsapp%3A%2B14155238886&MessageSid=SM00000000000000000000000000000001&MessageStatus=delivered";
    /// The vectors of `twilio.md` section 7.
    const TWILIO: &str = "IVw/Gur1i2FrQwJYvb4QQMFMjSY=";
    const JSON: &str =
        "/twilio/json?bodySHA256=015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
    const TWILIO_JSON: &str = "f9rxNRjL50L6OP5fBwQqdijHTnc=";

    fn public(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn hooks() -> Url {
        public("https://hooks.example.com")
    }

    /// Name, secrets, header, body.
    type Case<'a> = (&'a str, &'a [&'a str], Option<&'a str>, &'a [u8]);

    #[test]
    fn metas_vector_is_believed_and_nothing_beside_it() {
        assert!(meta(&["appsecret"], Some(META), META_BODY));
        assert!(meta(&["the new one", "appsecret"], Some(META), META_BODY), "while a secret is replaced");
        assert!(meta(&["appsecret"], Some(&META.to_uppercase().replace("SHA256=", "sha256=")), META_BODY));
        let mut changed = META_BODY.to_vec();
        changed[10] ^= 1;
        let cases: [Case<'_>; 7] = [
            ("another secret", &["other"], Some(META), META_BODY),
            ("no secret", &[], Some(META), META_BODY),
            ("no signature", &["appsecret"], None, META_BODY),
            ("one byte", &["appsecret"], Some(META), &changed),
            ("no scheme", &["appsecret"], Some(&META[7..]), META_BODY),
            ("cut", &["appsecret"], Some(&META[..40]), META_BODY),
            ("rubbish", &["appsecret"], Some("sha256=zz"), META_BODY),
        ];
        for (name, secrets, header, body) in cases {
            assert!(!meta(secrets, header, body), "{name}");
        }
    }

    #[test]
    fn what_meta_escapes_is_signed_as_it_came() {
        let key = hmac::Key::new(hmac::HMAC_SHA256, b"appsecret");
        let body = br#"{"text":"\ud83d\ude00 caf\u00e9"}"#;
        let signed = hmac::sign(&key, body);
        let tag = signed.as_ref().iter().fold(String::new(), |tag, byte| format!("{tag}{byte:02x}"));
        assert!(meta(&["appsecret"], Some(&format!("sha256={tag}")), body));
        let written_anew = serde_json::from_slice::<serde_json::Value>(body).unwrap().to_string();
        assert!(!meta(&["appsecret"], Some(&format!("sha256={tag}")), written_anew.as_bytes()));
    }

    #[test]
    fn twilios_vectors_are_believed_and_nothing_beside_them() {
        let token = ["testtoken"];
        assert!(twilio(&token, &hooks(), STATUS, Some(TWILIO), true, FORM));
        assert!(twilio(&token, &hooks(), JSON, Some(TWILIO_JSON), false, br#"{"a":1}"#));
        let mut changed = FORM.to_vec();
        let last = changed.len() - 1;
        changed[last] = b'D';
        for (name, tokens, target, header, is_form, body) in [
            ("another address", &token, "/twilio/status?ref=m-43", Some(TWILIO), true, FORM),
            ("another token", &["t"], STATUS, Some(TWILIO), true, FORM),
            ("no signature", &token, STATUS, None, true, FORM),
            ("one byte", &token, STATUS, Some(TWILIO), true, &changed[..]),
            ("not read as a form", &token, STATUS, Some(TWILIO), false, FORM),
            ("another body", &token, JSON, Some(TWILIO_JSON), false, br#"{"a":2}"#),
            ("rubbish", &token, STATUS, Some("?"), true, FORM),
        ] {
            assert!(!twilio(tokens, &hooks(), target, header, is_form, body), "{name}");
        }
        let elsewhere = public("https://hooks.example.org");
        assert!(!twilio(&token, &elsewhere, STATUS, Some(TWILIO), true, FORM), "another host");
    }

    #[test]
    fn twilio_signs_each_value_of_a_name_once_and_any_spelling_of_the_port() {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, b"t");
        let signed = |text: &str| STANDARD.encode(hmac::sign(&key, text.as_bytes()));
        let body = b"B=2&A=3&A=1&A=3";
        let header = signed("https://hooks.example.com:443/in?x=1A1A3B2");
        assert!(twilio(&["t"], &hooks(), "/in?x=1", Some(&header), true, body));
        let header = signed("https://hooks.example.com/box/in?x=1A1A3B2");
        let behind = public("https://hooks.example.com:8443/box/");
        assert!(twilio(&["t"], &behind, "/in?x=1", Some(&header), true, body));
        assert!(!twilio(&["t"], &hooks(), "/in?x=1", Some(&header), true, body));
    }

    #[test]
    fn a_secret_in_the_address_must_be_the_whole_secret() {
        assert!(secret("s3cret", "s3cret"));
        for given in ["", "s3cre", "s3crets", "S3CRET"] {
            assert!(!secret("s3cret", given), "{given:?}");
        }
        assert!(!secret("", ""), "none is set: nobody is believed");
    }
}
