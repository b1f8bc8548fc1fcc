//! Somebody else's webhook: JSON is posted to it, signed, over the same guarded way as everything to providers. There are
//! no redirects, and an answer is read only for its status.
//!
//! Whoever receives it proves where it comes from: `X-Signalbox-Signature` is `sha256=` and the HMAC-SHA256, in hexadecimal,
//! of the timestamp, a dot and the body under the secret that both know; `X-Signalbox-Timestamp` is the timestamp, in seconds
//! since 1970, so that an old request cannot be posted again; `X-Signalbox-Delivery` is the same in every try of one delivery.

use super::{LineError, Prepared, address, client::Client};
use http::{HeaderMap, HeaderValue, Method, header};
use ring::hmac;
use std::fmt::Write as _;
use url::Url;
use zeroize::Zeroizing;

/// Where to post, and what signs it. No `Debug`: it holds a secret.
pub struct Hook {
    url: Url,
    secret: Zeroizing<String>,
}

impl Hook {
    /// A hook at this address: https, or http on this machine.
    ///
    /// # Errors
    /// When the address is none, would carry the request readable, or holds a user or password.
    pub fn new(raw: &str, secret: Zeroizing<String>) -> Result<Self, LineError> {
        Ok(Self { url: address::hook(raw)?, secret })
    }

    /// Whether it stands on this machine.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.url.host_str().is_some_and(address::is_loopback)
    }

    /// Posts a body once. `at`: seconds since 1970.
    ///
    /// # Errors
    /// Why it was not taken, in a sentence.
    pub async fn post(&self, client: &Client, delivery: &str, at: i64, body: String) -> Result<(), String> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in [
            ("x-signalbox-delivery", delivery.to_owned()),
            ("x-signalbox-timestamp", at.to_string()),
            ("x-signalbox-signature", signature(&self.secret, at, body.as_bytes())),
        ] {
            let value =
                HeaderValue::from_str(&value).map_err(|_| format!("{name} does not fit into a header"))?;
            headers.insert(name, value);
        }
        let prepared =
            Prepared { method: Method::POST, url: self.url.clone(), headers, body: body.into_bytes() };
        match client.post(&prepared).await? {
            status if (200..300).contains(&status) => Ok(()),
            status if (300..400).contains(&status) => {
                Err(format!("it answers {status}, elsewhere: name the address where it is in the end"))
            }
            status => Err(format!("it answers {status}")),
        }
    }
}

/// What proves that a body is ours.
#[must_use]
pub fn signature(secret: &str, at: i64, body: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let mut signed = hmac::Context::with_key(&key);
    signed.update(format!("{at}.").as_bytes());
    signed.update(body);
    let mut text = String::from("sha256=");
    for byte in signed.sign().as_ref() {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made with another program: `printf '1700000000.{}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn the_signature_is_what_others_compute() {
        assert_eq!(
            signature("secret", 1_700_000_000, b"{}"),
            "sha256=b8569b78799ff9e3cbff0fc2d63a33a2b57f3282abd07c37ae5e8e7d79a5f163"
        );
    }

    #[test]
    fn a_hook_is_https_or_on_this_machine() {
        let hook = |raw: &str| Hook::new(raw, Zeroizing::new("s".to_owned()));
        for good in ["https://hooks.example.com/x?team=ops", "http://127.0.0.1:9/a", "http://localhost/"] {
            assert!(hook(good).is_ok(), "{good}");
        }
        for bad in
            ["", "hooks.example.com", "http://hooks.example.com", "https://user:pw@host/", "https://h/#x"]
        {
            assert!(hook(bad).is_err(), "{bad}");
        }
        assert!(hook("http://[::1]:9/").unwrap().is_local());
        assert!(!hook("https://hooks.example.com/").unwrap().is_local());
    }
}
