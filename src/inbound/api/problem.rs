//! Why a request was not carried out: problem details (RFC 9457), in our sentences.

use crate::store::StoreError;
use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// What problems call themselves.
pub const PROBLEM_JSON: &str = "application/problem+json";

/// Why a request was not carried out.
#[derive(Debug, Clone, PartialEq)]
pub struct Problem {
    /// Of which kind, for whoever reads no sentences.
    pub kind: Kind,
    /// What is wrong and what to do, as a sentence.
    pub detail: String,
    /// What else is known, under its names.
    pub more: Map<String, Value>,
    /// When asking again may help.
    pub after: Option<Duration>,
    /// The methods that this address knows.
    pub allow: Vec<&'static str>,
}

/// Kinds of problems, each with a word and a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The request cannot be read, or a value means nothing.
    Invalid,
    /// No key, or none that opens anything here.
    Unknown,
    /// The operator may not do it.
    Forbidden,
    /// There is no such thing.
    NotFound,
    /// The address does not know this method.
    Method,
    /// The body took too long.
    Slow,
    /// A rule forbids it now.
    Refused,
    /// The body is too long.
    TooLong,
    /// The body is of a kind that is not taken here.
    Media,
    /// What the body describes cannot be done.
    Unprocessable,
    /// Asked too often.
    TooMany,
    /// It failed here.
    Failed,
    /// The database is away or busy, or too many ask at once.
    Busy,
}

impl Kind {
    /// All there are.
    pub const ALL: [Self; 13] = [
        Self::Invalid,
        Self::Unknown,
        Self::Forbidden,
        Self::NotFound,
        Self::Method,
        Self::Slow,
        Self::Refused,
        Self::TooLong,
        Self::Media,
        Self::Unprocessable,
        Self::TooMany,
        Self::Failed,
        Self::Busy,
    ];

    /// The status that it is answered with.
    #[must_use]
    pub fn status(self) -> StatusCode {
        match self {
            Self::Invalid => StatusCode::BAD_REQUEST,
            Self::Unknown => StatusCode::UNAUTHORIZED,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Method => StatusCode::METHOD_NOT_ALLOWED,
            Self::Slow => StatusCode::REQUEST_TIMEOUT,
            Self::Refused => StatusCode::CONFLICT,
            Self::TooLong => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Media => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Unprocessable => StatusCode::UNPROCESSABLE_ENTITY,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Whether it may have been carried out all the same.
    #[must_use]
    pub fn tells_nothing(self) -> bool {
        matches!(self, Self::Failed | Self::Busy)
    }

    /// The word that a program compares.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Invalid => "invalid",
            Self::Unknown => "unknown_key",
            Self::Forbidden => "forbidden",
            Self::NotFound => "not_found",
            Self::Method => "method_not_allowed",
            Self::Slow => "too_slow",
            Self::Refused => "refused",
            Self::TooLong => "too_long",
            Self::Media => "unsupported_media_type",
            Self::Unprocessable => "unprocessable",
            Self::TooMany => "too_many_requests",
            Self::Failed => "failed",
            Self::Busy => "busy",
        }
    }
}

impl Problem {
    /// A problem of this kind.
    #[must_use]
    pub fn new(kind: Kind, detail: impl Into<String>) -> Self {
        Self { kind, detail: detail.into(), more: Map::new(), after: None, allow: Vec::new() }
    }

    /// Asking again may help after this time.
    #[must_use]
    pub fn after(self, after: Duration) -> Self {
        Self { after: Some(after), ..self }
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> Value {
        let status = self.kind.status();
        let mut value = json!({
            "type": "about:blank",
            "title": status.canonical_reason().unwrap_or_default(),
            "status": status.as_u16(),
            "code": self.kind.code(),
            "detail": self.detail,
        });
        for (name, more) in &self.more {
            value[name] = more.clone();
        }
        value
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Forbidden { why, .. } => Self::new(Kind::Forbidden, why),
            passing if passing.is_passing() => {
                Self::new(Kind::Busy, format!("failed to {passing}; ask again")).after(Duration::from_secs(2))
            }
            other => {
                tracing::error!("a request of another program failed to {other}");
                Self::new(Kind::Failed, format!("failed to {other}"))
            }
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let about = [(header::CONTENT_TYPE, PROBLEM_JSON), (header::CACHE_CONTROL, "no-store")];
        let mut response = (self.kind.status(), about, format!("{}\n", self.document())).into_response();
        let headers = response.headers_mut();
        if self.kind == Kind::Unknown {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(after) = self.after {
            // Whole seconds, and never too few.
            headers.insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs() + 1));
        }
        if let Ok(allow) = HeaderValue::from_str(&self.allow.join(", "))
            && !self.allow.is_empty()
        {
            headers.insert(header::ALLOW, allow);
        }
        response
    }
}
