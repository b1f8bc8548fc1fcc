//! What a message says, with one person's values in it.

use crate::domain::{
    content::{FilledTemplate, Link, MediaKind},
    locale::Locale,
};

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Free text.
    Text(String),
    /// A template that the provider approved.
    Template(Template),
    /// Media, perhaps with a caption.
    Media(Media),
}

/// A template, filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Template {
    /// What the provider calls it in messages: at Meta its name, at Twilio its sid.
    pub id: String,
    /// Its language; at Twilio the sid stands for one.
    pub language: Locale,
    /// What it is filled with.
    pub values: FilledTemplate,
    /// Media on top of it, where it has a place for some.
    pub media: Option<Media>,
}

/// Media, to be fetched by the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Media {
    /// What it is.
    pub kind: MediaKind,
    /// Where it is fetched.
    pub url: Link,
    /// The text that goes with it.
    pub caption: Option<String>,
    /// What a document is called.
    pub filename: Option<String>,
}

impl Content {
    /// What lists call it.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Template(_) => "template",
            Self::Media(media) => media.kind.name(),
        }
    }
}
