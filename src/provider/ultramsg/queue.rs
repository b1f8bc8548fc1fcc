//! How many messages wait in an instance's own queue (`ultramsg.md` section 6, `messages/statistics`). The shape of the
//! answer is unverified: a count named `queue` is looked for where it may stand, and what has none is no answer.

use crate::provider::{Answer, Line, Prepared, Waiting, address, reading};
use http::{HeaderMap, Method};
use serde_json::Value;

/// The question.
pub fn request(line: &Line) -> Option<Prepared> {
    let mut url = address::join(&line.base_url, &[&line.sender_id, "messages", "statistics"]).ok()?;
    url.query_pairs_mut().append_pair("token", &line.credential.token);
    Some(Prepared { method: Method::GET, url, headers: HeaderMap::new(), body: Vec::new() })
}

/// The answer. Trouble on the way passes; an answer that holds no such count will hold none later.
pub fn read(answer: &Answer) -> Waiting {
    if matches!(answer.status, 300..=399 | 429 | 500..) || answer.truncated {
        return Waiting::Unclear(reading::snippet(answer));
    }
    let body = serde_json::from_slice::<Value>(&answer.body).ok();
    body.as_ref().and_then(count).map_or(Waiting::Untold, Waiting::Messages)
}

fn count(body: &Value) -> Option<u32> {
    let inner = body.get("messages_statistics").unwrap_or(body);
    let inner = inner.as_array().and_then(|all| all.first()).unwrap_or(inner);
    let number = match inner.get("queue")? {
        Value::Number(number) => number.as_u64()?,
        Value::String(text) => text.trim().parse().ok()?,
        _ => return None,
    };
    Some(u32::try_from(number).unwrap_or(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, body: &str) -> Waiting {
        read(&Answer { status, retry_after: None, body: body.into(), truncated: false })
    }

    #[test]
    fn a_count_is_found_where_it_may_stand() {
        for (body, expected) in [
            (r#"{"messages_statistics":{"sent":12,"queue":3,"unsent":0}}"#, Waiting::Messages(3)),
            (r#"{"messages_statistics":[{"sent":"12","queue":"3"}]}"#, Waiting::Messages(3)),
            (r#"{"sent":12,"queue":0}"#, Waiting::Messages(0)),
            (r#"{"messages_statistics":{"sent":12}}"#, Waiting::Untold),
            (r#"{"queue":-1}"#, Waiting::Untold),
            (r#"{"error":"Wrong token"}"#, Waiting::Untold),
            ("<html>", Waiting::Untold),
            ("", Waiting::Untold),
        ] {
            assert_eq!(said(200, body), expected, "{body}");
        }
        for status in [302, 429, 500, 503] {
            assert!(matches!(said(status, r#"{"queue":0}"#), Waiting::Unclear(_)), "{status}");
        }
        assert_eq!(said(404, "not here"), Waiting::Untold);
    }
}
