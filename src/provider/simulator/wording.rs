//! What a message said, as the ledger keeps it.

use super::script::template::DeclaredTemplate;
use crate::domain::content::{MediaKind, button::FilledButton, registry::TemplateStatus};
use serde::Serialize;

/// What a message was that is more than a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Said {
    /// `template`, `image`, `video`, `document` or `audio`.
    pub kind: &'static str,
    /// The template, if it was one.
    pub template: Option<SaidTemplate>,
    /// The media, if there was any: on top of a template, or by itself.
    pub media: Option<SaidMedia>,
}

/// A template as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SaidTemplate {
    /// Its name; the sid where only that is known.
    pub name: String,
    /// Its language; empty where only the sid says.
    pub language: String,
    /// What it was filled with, by name.
    pub parameters: Vec<(String, String)>,
    /// What its headline was filled with, where that is not among the parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub header: Vec<(String, String)>,
    /// What its buttons were filled with, where that is not among the parameters.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<FilledButton>,
}

/// Media as it was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SaidMedia {
    /// What it is.
    pub kind: MediaKind,
    /// Where it is fetched.
    pub url: String,
    /// What a document is called.
    pub filename: Option<String>,
}

/// A template that a message asks for, as the provider knows it.
#[derive(Debug, Clone, Copy)]
pub struct KnownAs<'a> {
    /// What was declared.
    pub declared: &'a DeclaredTemplate,
    /// Its place among the declared ones.
    pub place: usize,
    /// Its state now.
    pub status: TemplateStatus,
}

impl SaidTemplate {
    /// What the ledger shows as the text: the template's own, or its name and values.
    pub fn text(&self, declared: Option<&DeclaredTemplate>) -> String {
        if let Some(declared) = declared {
            return declared.fill(&self.parameters);
        }
        let values: Vec<&str> = self.parameters.iter().map(|(_, value)| value.as_str()).collect();
        format!("{} ({}): {}", self.name, self.language, values.join(", "))
    }
}

/// Whether a provider could fetch media there: whether it really can is nobody's concern here.
pub fn is_link(url: &str) -> bool {
    url::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
}

/// A parameter as the platform takes it: not empty, no line break or tab, at most four spaces in a row.
pub fn is_parameter(value: &str) -> bool {
    !value.trim().is_empty() && !value.contains(['\n', '\r', '\t']) && !value.contains("     ")
}

/// The end of a path behind its last dot, in lower case; empty: none.
pub fn extension(url: &str) -> String {
    let url = url::Url::parse(url).ok();
    let last = url.as_ref().and_then(|url| url.path_segments()?.next_back()).unwrap_or_default();
    last.rsplit_once('.').map_or(String::new(), |(_, extension)| extension.to_ascii_lowercase())
}
