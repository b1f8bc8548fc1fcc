//! `Retry-After`, as providers really send it: seconds, a date, nonsense.

use crate::provider::reading::{RETRY_AFTER_LEAST, RETRY_AFTER_MOST};
use chrono::DateTime;
use http::header::{DATE, HeaderMap, RETRY_AFTER};
use std::time::Duration;

/// The wait that the answer asks for, between [`RETRY_AFTER_LEAST`] and [`RETRY_AFTER_MOST`]; `None` when there is
/// none or it cannot be understood (the dialect's own wait then holds).
pub fn read(headers: &HeaderMap) -> Option<Duration> {
    let raw = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let bounded = |seconds: i64| {
        let seconds = u64::try_from(seconds).unwrap_or(0);
        Duration::from_secs(seconds).clamp(RETRY_AFTER_LEAST, RETRY_AFTER_MOST)
    };
    if let Ok(seconds) = raw.parse::<f64>() {
        // Saturates: a negative wait is the least, an endless one the most.
        #[expect(clippy::cast_possible_truncation, reason = "saturating is what is wanted here")]
        return (!seconds.is_nan()).then(|| bounded(seconds.ceil() as i64));
    }
    // A date is compared with the answer's own, so that no clock of ours matters.
    let until = DateTime::parse_from_rfc2822(raw).ok()?;
    let now = DateTime::parse_from_rfc2822(headers.get(DATE)?.to_str().ok()?).ok()?;
    Some(bounded(until.signed_duration_since(now).num_seconds()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::header::HeaderValue;

    fn wait(retry_after: &str, date: Option<&str>) -> Option<u64> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_str(retry_after).unwrap());
        if let Some(date) = date {
            headers.insert(DATE, HeaderValue::from_str(date).unwrap());
        }
        read(&headers).map(|wait| wait.as_secs())
    }

    #[test]
    fn every_form_is_bounded() {
        let now = Some("Wed, 21 Oct 2026 07:28:00 GMT");
        for (raw, expected) in [
            ("30", Some(30)),
            ("0", Some(1)),
            ("-5", Some(1)),
            ("1.5", Some(2)),
            ("31536000", Some(3_600)),
            ("99999999999999999999999", Some(3_600)),
            ("Wed, 21 Oct 2026 07:28:45 GMT", Some(45)),
            ("Wed, 21 Oct 2020 07:28:45 GMT", Some(1)),
            ("Thu, 21 Oct 2027 07:28:45 GMT", Some(3_600)),
            ("soon", None),
            ("NaN", None),
            ("", None),
        ] {
            assert_eq!(wait(raw, now), expected, "{raw:?}");
        }
        assert_eq!(wait("Wed, 21 Oct 2026 07:28:45 GMT", None), None);
        assert_eq!(read(&HeaderMap::new()), None);
    }
}
