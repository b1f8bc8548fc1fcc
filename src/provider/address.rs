//! Base addresses and credentials, checked once when a line is made.

use super::{Credential, LineError};
use http::header::HeaderValue;
use std::net::IpAddr;
use url::Url;

/// The base address of a provider or its simulator.
///
/// Plain HTTP is for this machine only: anywhere else the token would travel readable.
pub fn base(raw: &str) -> Result<Url, LineError> {
    let url = Url::parse(raw.trim()).map_err(|_| LineError::BaseUrl)?;
    let Some(host) = url.host_str() else { return Err(LineError::BaseUrl) };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("the base URL", "holds a user or password"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(invalid("the base URL", "holds a query or fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(host) => Ok(url),
        "http" => Err(invalid("the base URL", "is not https, and not on this machine")),
        _ => Err(LineError::BaseUrl),
    }
}

/// An address of somebody's that is posted to. As [`base`], and it may have a query.
pub fn hook(raw: &str) -> Result<Url, LineError> {
    let url = Url::parse(raw.trim()).map_err(|_| invalid("the address", "cannot be read"))?;
    let Some(host) = url.host_str() else { return Err(invalid("the address", "has no host")) };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid("the address", "holds a user or password"));
    }
    if url.fragment().is_some() {
        return Err(invalid("the address", "holds a fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(host) => Ok(url),
        "http" => Err(invalid("the address", "is not https, and not on this machine")),
        _ => Err(invalid("the address", "is neither https nor http")),
    }
}

/// Whether a host is this machine.
pub fn is_loopback(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// `base` with more path segments, each encoded.
pub fn join(base: &Url, segments: &[&str]) -> Result<Url, LineError> {
    let mut url = base.clone();
    url.path_segments_mut().map_err(|()| LineError::BaseUrl)?.pop_if_empty().extend(segments);
    Ok(url)
}

/// The token, which must be there and must fit into a header.
pub fn token(credential: &Credential) -> Result<&str, LineError> {
    let token = credential.token.as_str();
    if token.trim().is_empty() {
        return Err(LineError::Missing("the token"));
    }
    if token.bytes().any(|byte| !(0x21..0x7f).contains(&byte)) {
        return Err(invalid("the token", "holds a space, a line break or a character that no token has"));
    }
    Ok(token)
}

/// A header value that no log shows.
pub fn sensitive(value: &str) -> Result<HeaderValue, LineError> {
    let mut value =
        HeaderValue::from_str(value).map_err(|_| invalid("the token", "does not fit into a header"))?;
    value.set_sensitive(true);
    Ok(value)
}

/// An [`LineError::Invalid`].
pub fn invalid(what: &'static str, problem: &'static str) -> LineError {
    LineError::Invalid { what, problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_never_travels_in_the_clear() {
        for good in
            ["https://graph.facebook.com", "http://127.0.0.1:9", "http://[::1]:9/sub/", "http://localhost:9"]
        {
            assert!(base(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "graph.facebook.com",
            "http://graph.facebook.com",
            "http://192.168.1.1",
            "ftp://127.0.0.1",
            "https://user@host",
            "https://:secret@host",
            "https://host/?a=b",
            "https://host/#a",
        ] {
            assert!(base(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn segments_are_appended_and_encoded() {
        let url = join(&base("http://127.0.0.1:9/sub/").unwrap(), &["a/b", "c d"]).unwrap();
        assert_eq!(url.as_str(), "http://127.0.0.1:9/sub/a%2Fb/c%20d");
    }
}
