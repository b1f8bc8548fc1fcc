//! The part of a message that differs by its kind (`meta-cloud.md` section 2).

use crate::domain::content::{
    Filled, MediaKind,
    button::{ButtonKind, FilledButton},
};
use crate::provider::{Content, Media, Template};
use serde::Serialize;

/// Written under the name of its kind.
#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Body<'a> {
    Text(Text<'a>),
    Template(TemplateBody<'a>),
    Image(MediaObject<'a>),
    Video(MediaObject<'a>),
    Document(MediaObject<'a>),
    Audio(MediaObject<'a>),
}

#[derive(Serialize)]
pub(super) struct Text<'a> {
    body: &'a str,
    preview_url: bool,
}

/// By its address: the provider fetches it.
#[derive(Serialize)]
pub(super) struct MediaObject<'a> {
    link: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    caption: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    filename: Option<&'a str>,
}

#[derive(Serialize)]
pub(super) struct TemplateBody<'a> {
    name: &'a str,
    language: Language,
    /// Only what the template leaves open.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    components: Vec<Component<'a>>,
}

#[derive(Serialize)]
struct Language {
    code: String,
    /// Optional in the documentation, required by the published schema: always sent.
    policy: &'static str,
}

#[derive(Serialize)]
struct Component<'a> {
    r#type: &'static str,
    /// Of a button alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    sub_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<String>,
    parameters: Vec<Parameter<'a>>,
}

#[derive(Serialize)]
struct Parameter<'a> {
    r#type: &'static str,
    /// Only where the template names its parameters.
    #[serde(rename = "parameter_name", skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(flatten)]
    value: Value<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum Value<'a> {
    Text(&'a str),
    Payload(&'a str),
    /// The sheet names the kind of button, not its parameter: this is how Meta's pages on coupons write it.
    #[serde(rename = "coupon_code")]
    CouponCode(&'a str),
    Image(MediaObject<'a>),
    Video(MediaObject<'a>),
    Document(MediaObject<'a>),
}

impl<'a> Body<'a> {
    pub(super) fn of(content: &'a Content) -> Self {
        match content {
            Content::Text(body) => Self::Text(Text { body, preview_url: false }),
            Content::Template(template) => Self::Template(TemplateBody::of(template)),
            Content::Media(media) => {
                let object = MediaObject::of(media);
                match media.kind {
                    MediaKind::Image => Self::Image(object),
                    MediaKind::Video => Self::Video(object),
                    MediaKind::Document => Self::Document(object),
                    MediaKind::Audio => Self::Audio(object),
                }
            }
        }
    }
}

impl<'a> MediaObject<'a> {
    fn of(media: &'a Media) -> Self {
        let is_document = media.kind == MediaKind::Document;
        Self {
            link: media.url.as_str(),
            // Audio has no caption, and only a document a name.
            caption: media.caption.as_deref().filter(|_| media.kind != MediaKind::Audio),
            filename: media.filename.as_deref().filter(|_| is_document),
        }
    }
}

impl<'a> TemplateBody<'a> {
    fn of(template: &'a Template) -> Self {
        let media = template.media.as_ref().and_then(Parameter::of_header);
        let top = media.map_or_else(|| Parameter::of_text(&template.values.header), |media| vec![media]);
        let header = Component::of("header", top);
        let body = Component::of("body", Parameter::of_text(&template.values.parameters));
        let buttons = template.values.buttons.iter().map(Component::of_button);
        Self {
            name: &template.id,
            // As Meta spells languages: `pt_BR`.
            language: Language {
                code: template.language.as_str().replace('-', "_"),
                policy: "deterministic",
            },
            components: header.into_iter().chain(body).chain(buttons).collect(),
        }
    }
}

impl<'a> Component<'a> {
    /// Only where there is something to say.
    fn of(r#type: &'static str, parameters: Vec<Parameter<'a>>) -> Option<Self> {
        (!parameters.is_empty()).then_some(Self { r#type, sub_type: None, index: None, parameters })
    }

    fn of_button(button: &'a FilledButton) -> Self {
        let value = button.value.as_str();
        let (r#type, value) = match button.kind {
            ButtonKind::Url => ("text", Value::Text(value)),
            ButtonKind::QuickReply => ("payload", Value::Payload(value)),
            ButtonKind::CopyCode => ("coupon_code", Value::CouponCode(value)),
        };
        Self {
            r#type: "button",
            sub_type: Some(button.kind.name()),
            index: Some(button.index.to_string()),
            parameters: vec![Parameter { r#type, name: None, value }],
        }
    }
}

impl<'a> Parameter<'a> {
    /// Media on top of a template, without a caption; sound has no place there.
    fn of_header(media: &'a Media) -> Option<Self> {
        let object = MediaObject { caption: None, ..MediaObject::of(media) };
        let value = match media.kind {
            MediaKind::Image => Value::Image(object),
            MediaKind::Video => Value::Video(object),
            MediaKind::Document => Value::Document(object),
            MediaKind::Audio => return None,
        };
        Some(Self { r#type: media.kind.name(), name: None, value })
    }

    fn of_text(filled: &'a Filled) -> Vec<Self> {
        let text =
            |name: Option<&'a str>, value: &'a str| Self { r#type: "text", name, value: Value::Text(value) };
        match filled {
            Filled::Positional(values) => values.iter().map(|value| text(None, value)).collect(),
            Filled::Named(values) => values.iter().map(|(name, value)| text(Some(name), value)).collect(),
        }
    }
}
