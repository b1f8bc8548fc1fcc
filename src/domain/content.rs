//! What a step carries beside or instead of its texts: a template that the provider approved, and media.

use super::locale::{self, Locale};
use super::recipient::SkipReason;
use super::template::{Text, Texts, Values, Variable};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{borrow::Cow, collections::BTreeMap, fmt, net::IpAddr, str::FromStr};
use url::{Host, Url};

pub mod ability;
pub mod button;
pub mod registry;
pub mod variant;

use variant::Variant;

use button::{FilledButton, StepButton};

/// Longest text beside media, in characters (`meta-cloud.md` section 2, `ultramsg.md` section 2).
pub const CAPTION_LIMIT: usize = 1_024;
/// Longest value of a template's parameter, in characters: the filled template has at most as many (`twilio.md`
/// section 2).
pub const PARAMETER_LIMIT: usize = 1_024;
/// Longest name of a template, in characters.
pub const TEMPLATE_NAME_LIMIT: usize = 512;
/// Longest address of media, in characters.
const LINK_LIMIT: usize = 2_048;
/// Most spaces in a row that a parameter may hold (`meta-cloud.md` section 2, `twilio.md` section 2).
const SPACES_LIMIT: usize = 4;
/// Names that only a private network knows.
const PRIVATE_NAMES: [&str; 7] = ["localhost", "local", "internal", "intranet", "lan", "home.arpa", "corp"];

/// Kinds of media that a step may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// A file.
    Document,
    /// A sound. No provider takes a caption with it.
    Audio,
}

impl MediaKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Image, Self::Video, Self::Document, Self::Audio];

    /// The name that files, the database and Meta and `UltraMsg` use.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Document => "document",
            Self::Audio => "audio",
        }
    }
}

impl fmt::Display for MediaKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A word that is no kind of media. Reads well after the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is {0:?}: it is image, video, document or audio")]
pub struct MediaKindError(pub String);

impl FromStr for MediaKind {
    type Err = MediaKindError;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.into_iter().find(|kind| kind.name() == text).ok_or_else(|| MediaKindError(text.to_owned()))
    }
}

/// Where a provider fetches media: an http or https address.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Link(Box<str>);

/// Why a text is no address of media. Reads well after the name of a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// Not an address that a provider could fetch.
    #[error("is not an address that providers can fetch: write it as \"https://example.com/a.jpg\"")]
    Form,
    /// Too long.
    #[error("has {0} characters: an address has at most 2048")]
    Long(usize),
    /// It differs from person to person.
    #[error("holds a variable: everybody gets the same file, write its address out")]
    Variable,
    /// It would show a password to the provider.
    #[error("holds a user or password: take it out, providers fetch the file without")]
    Credentials,
    /// A private address.
    #[error(
        "points at {0}, which is no public address: providers fetch the file from outside (SIGNALBOX_PRIVATE_MEDIA=true allows it)"
    )]
    Private(String),
}

impl Link {
    /// Reads an address. `private`: one of a private network will do, as in rehearsals.
    ///
    /// # Errors
    /// When no provider could fetch it, or should not be told to.
    pub fn parse(raw: &str, private: bool) -> Result<Self, LinkError> {
        if raw.contains("{{") {
            return Err(LinkError::Variable);
        }
        if raw.chars().count() > LINK_LIMIT {
            return Err(LinkError::Long(raw.chars().count()));
        }
        let url = Url::parse(raw).map_err(|_| LinkError::Form)?;
        let clean = raw.trim() == raw && !raw.contains(|each: char| each.is_control() || each == ' ');
        let Some(host) = url.host().filter(|_| clean && matches!(url.scheme(), "http" | "https")) else {
            return Err(LinkError::Form);
        };
        if !url.username().is_empty() || url.password().is_some() {
            return Err(LinkError::Credentials);
        }
        if !private && is_private(&host) {
            return Err(LinkError::Private(host.to_string()));
        }
        Ok(Self(raw.into()))
    }

    /// The address.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Its host as a name to resolve and the port it is reached at; `None`: the host is an address by itself.
    #[must_use]
    pub fn name_and_port(&self) -> Option<(String, u16)> {
        let url = Url::parse(&self.0).ok()?;
        let port = url.port_or_known_default()?;
        Some((url.domain()?.to_owned(), port))
    }

    /// The last part of its path as a file's name; `file` where it has none.
    #[must_use]
    pub fn file_name(&self) -> String {
        let url = Url::parse(&self.0).ok();
        let last = url.as_ref().and_then(|url| url.path_segments()?.next_back()).unwrap_or_default();
        let plain = |each: char| each.is_ascii_alphanumeric() || matches!(each, '.' | '-' | '_');
        let name: String = last.chars().map(|each| if plain(each) { each } else { '_' }).take(255).collect();
        if name.trim_matches('.').is_empty() { "file".to_owned() } else { name }
    }
}

impl<'de> Deserialize<'de> for Link {
    /// What is stored was checked when it came in: here only the form counts.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = String::deserialize(deserializer)?;
        Self::parse(&raw, true).map_err(|error| serde::de::Error::custom(format_args!("url {error}")))
    }
}

/// Whether an address is certainly not reachable, or not meant to be reached, from outside.
#[must_use]
pub fn is_private_address(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_private(&Host::Ipv4(address)),
        IpAddr::V6(address) => is_private(&Host::Ipv6(address)),
    }
}

/// Whether a host is certainly not reachable, or not meant to be reached, from outside.
fn is_private(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            let under = |suffix: &&str| name == **suffix || name.ends_with(&format!(".{suffix}"));
            !name.contains('.') || PRIVATE_NAMES.iter().any(under)
        }
        Host::Ipv4(address) => {
            let [first, second, ..] = address.octets();
            address.is_private()
                || address.is_loopback()
                || address.is_link_local()
                || address.is_unspecified()
                || address.is_broadcast()
                || address.is_multicast()
                || address.is_documentation()
                || first == 0
                || first >= 240
                // Shared by customers of one carrier; and for measuring devices.
                || (first == 100 && (64..128).contains(&second))
                || (first == 198 && (18..20).contains(&second))
        }
        Host::Ipv6(address) => {
            if let Some(mapped) = address.to_ipv4_mapped() {
                return is_private(&Host::Ipv4(mapped));
            }
            let first = address.segments()[0];
            address.is_loopback()
                || address.is_unspecified()
                || address.is_multicast()
                || (first & 0xfe00) == 0xfc00
                || (first & 0xffc0) == 0xfe80
                || address.segments()[..6] == [0; 6]
                || (first == 0x2001 && address.segments()[1] == 0xdb8)
        }
    }
}

/// Media of a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepMedia {
    /// What it is.
    pub kind: MediaKind,
    /// Where the provider fetches it.
    pub url: Link,
    /// What a document is called; `None`: as its address ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filename: Option<String>,
}

/// A template of a step: what the provider calls it, and what it is filled with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepTemplate {
    /// Its name; at Twilio also its sid, `HX…`.
    pub name: String,
    /// Its language; with several, that of everybody who reads none of the others.
    pub language: Locale,
    /// The others that the provider approved it in: each person gets the one that they read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub languages: Vec<Locale>,
    /// What it is filled with.
    #[serde(default)]
    pub parameters: Parameters,
    /// What its headline is filled with: one parameter at most.
    #[serde(default, skip_serializing_if = "Parameters::is_empty")]
    pub header: Parameters,
    /// What its buttons are filled with, by their places.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<StepButton>,
}

/// A template's parameters with one person's values in them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FilledTemplate {
    /// Those of its text.
    pub parameters: Filled,
    /// That of its headline.
    pub header: Filled,
    /// Those of its buttons.
    pub buttons: Vec<FilledButton>,
}

impl StepTemplate {
    /// One without parameters, in one language.
    #[must_use]
    pub fn plain(name: String, language: Locale) -> Self {
        Self::filled_with(name, language, Parameters::default())
    }

    /// One in one language with these parameters in its text.
    #[must_use]
    pub fn filled_with(name: String, language: Locale, parameters: Parameters) -> Self {
        Self {
            name,
            language,
            languages: Vec::new(),
            parameters,
            header: Parameters::default(),
            buttons: Vec::new(),
        }
    }

    /// The template's parameters for one recipient.
    ///
    /// # Errors
    /// Why this recipient is skipped.
    pub fn fill(&self, values: &impl Values) -> Result<FilledTemplate, SkipReason> {
        Ok(FilledTemplate {
            parameters: self.parameters.fill(values)?,
            header: self.header.fill(values)?,
            buttons: self.buttons.iter().map(|button| button.fill(values)).collect::<Result<_, _>>()?,
        })
    }

    /// Every text in it.
    pub fn texts(&self) -> impl Iterator<Item = &Text> {
        let buttons = self.buttons.iter().map(|button| &button.text);
        self.parameters.texts().chain(self.header.texts()).chain(buttons)
    }

    /// How a provider names all parameters that numbers those of the text, the headline and the buttons together.
    #[must_use]
    pub fn names_together(&self) -> Vec<String> {
        let parameters = self.parameters.named().into_iter().chain(self.header.named());
        together(parameters.chain(self.buttons.iter().map(|button| (None, &button.text))))
            .map(|(name, _)| name)
            .collect()
    }

    /// The same in each of its languages alone, its usual one first.
    pub fn each_language(&self) -> impl Iterator<Item = Self> + '_ {
        let all = std::iter::once(&self.language).chain(&self.languages);
        all.map(|language| Self { language: language.clone(), languages: Vec::new(), ..self.clone() })
    }

    /// The language for somebody of this locale ([`locale::choose`]).
    #[must_use]
    pub fn language_for(&self, wanted: Option<&Locale>) -> &Locale {
        let offered: Vec<&Locale> = std::iter::once(&self.language).chain(&self.languages).collect();
        let place = locale::choose(&offered, wanted, Some(&self.language));
        place.and_then(|place| offered.get(place).copied()).unwrap_or(&self.language)
    }
}

/// A template's parameters, in order or by name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Parameters {
    /// In order: `{{1}}`, `{{2}}`, …
    Positional(Vec<Text>),
    /// By name.
    Named(BTreeMap<String, Text>),
}

impl FilledTemplate {
    /// All values by the names that [`StepTemplate::names_together`] tells.
    #[must_use]
    pub fn together(&self) -> Vec<(String, &str)> {
        let parameters = self.parameters.named().into_iter().chain(self.header.named());
        let buttons = self.buttons.iter().map(|button| (None, button.value.as_str()));
        together(parameters.chain(buttons)).collect()
    }
}

/// Each by its name; what has none by its place, from 1: first the text, then the headline, then the buttons.
fn together<'a, T>(all: impl Iterator<Item = (Option<&'a str>, T)>) -> impl Iterator<Item = (String, T)> {
    (1_u32..)
        .zip(all)
        .map(|(place, (name, value))| (name.map_or_else(|| place.to_string(), str::to_owned), value))
}

impl Default for Parameters {
    fn default() -> Self {
        Self::Positional(Vec::new())
    }
}

/// Parameters with one person's values in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Filled {
    /// In order.
    Positional(Vec<String>),
    /// By name.
    Named(Vec<(String, String)>),
}

impl Default for Filled {
    fn default() -> Self {
        Self::Positional(Vec::new())
    }
}

impl Filled {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values().next().is_none()
    }

    /// The values with their names, where they have some.
    fn named(&self) -> Vec<(Option<&str>, &str)> {
        match self {
            Self::Positional(values) => values.iter().map(|value| (None, value.as_str())).collect(),
            Self::Named(values) => {
                values.iter().map(|(name, value)| (Some(name.as_str()), value.as_str())).collect()
            }
        }
    }

    /// The values alone, in order.
    pub fn values(&self) -> Box<dyn Iterator<Item = &str> + '_> {
        match self {
            Self::Positional(values) => Box::new(values.iter().map(String::as_str)),
            Self::Named(values) => Box::new(values.iter().map(|(_, value)| value.as_str())),
        }
    }
}

impl Serialize for Filled {
    /// A list, or an object in the order of the template.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Positional(values) => serializer.collect_seq(values),
            Self::Named(values) => serializer.collect_map(values.iter().map(|(name, value)| (name, value))),
        }
    }
}

impl Parameters {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.texts().next().is_none()
    }

    /// The texts with their names, where they have some.
    fn named(&self) -> Vec<(Option<&str>, &Text)> {
        match self {
            Self::Positional(texts) => texts.iter().map(|text| (None, text)).collect(),
            Self::Named(texts) => texts.iter().map(|(name, text)| (Some(name.as_str()), text)).collect(),
        }
    }

    /// The texts, in order.
    pub fn texts(&self) -> Box<dyn Iterator<Item = &Text> + '_> {
        match self {
            Self::Positional(texts) => Box::new(texts.iter()),
            Self::Named(texts) => Box::new(texts.values()),
        }
    }

    /// How a registry names them: `1`, `2`, … where they go by their order.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Positional(texts) => (1..=texts.len()).map(|place| place.to_string()).collect(),
            Self::Named(texts) => texts.keys().cloned().collect(),
        }
    }

    /// The parameters for one recipient: each complete, not empty, on one line.
    ///
    /// # Errors
    /// Why this recipient is skipped.
    pub fn fill(&self, values: &impl Values) -> Result<Filled, SkipReason> {
        let one = |text: &Text| Ok(on_one_line(&text.message(values, PARAMETER_LIMIT)?));
        Ok(match self {
            Self::Positional(texts) => Filled::Positional(texts.iter().map(one).collect::<Result<_, _>>()?),
            Self::Named(texts) => {
                let pair = |(name, text): (&String, &Text)| Ok((name.clone(), one(text)?));
                Filled::Named(texts.iter().map(pair).collect::<Result<_, SkipReason>>()?)
            }
        })
    }
}

/// Line breaks, tabs and long runs of spaces are refused in parameters: they become spaces, few enough of them.
fn on_one_line(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    let mut spaces = 0;
    for each in value.trim().chars() {
        spaces = if each.is_whitespace() { spaces + 1 } else { 0 };
        if spaces == 0 {
            out.push(each);
        } else if spaces <= SPACES_LIMIT {
            out.push(' ');
        }
    }
    out
}

/// Everything that one step may say; each number sends what its provider can.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StepContent {
    /// Its texts, by language; they are the caption where media goes with them. May be empty beside one of the others.
    pub texts: Texts,
    /// Its template.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<StepTemplate>,
    /// Its media.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media: Option<StepMedia>,
    /// At least two where people get different things: each of them with its part of the people. The first one is what
    /// stands above, too, for whoever asks what the step says and not to whom. None: everybody gets the same.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub variants: Vec<Variant>,
}

/// What a step carries, as far as it decides who can send it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Shape {
    /// Whether it has a text.
    pub has_text: bool,
    /// Its template.
    pub template: Option<StepTemplate>,
    /// Its media.
    pub media: Option<MediaKind>,
}

impl Shape {
    /// The same for somebody of this locale: a template in several languages is one in theirs.
    #[must_use]
    pub fn for_reader(&self, wanted: Option<&Locale>) -> Cow<'_, Self> {
        let Some(template) = self.template.as_ref().filter(|template| !template.languages.is_empty()) else {
            return Cow::Borrowed(self);
        };
        let language = template.language_for(wanted).clone();
        let template = StepTemplate { language, languages: Vec::new(), ..template.clone() };
        Cow::Owned(Self { template: Some(template), ..self.clone() })
    }
}

impl StepContent {
    /// What decides who can send it.
    #[must_use]
    pub fn shape(&self) -> Shape {
        Shape {
            has_text: !self.texts.0.is_empty(),
            template: self.template.clone(),
            media: self.media.as_ref().map(|media| media.kind),
        }
    }

    /// The same of everything that it may say: of each variant, or of the one thing that all get.
    #[must_use]
    pub fn shapes(&self) -> Vec<Shape> {
        if self.variants.is_empty() {
            vec![self.shape()]
        } else {
            self.variants.iter().map(Variant::shape).collect()
        }
    }

    /// Its texts: those of each variant by its name, or those that all get.
    pub fn all_texts(&self) -> impl Iterator<Item = (Option<&str>, &Texts)> {
        let own = self.variants.is_empty().then_some((None, &self.texts));
        own.into_iter()
            .chain(self.variants.iter().map(|variant| (Some(variant.name.as_str()), &variant.texts)))
    }

    /// The media that it may carry: those of each variant, or the one that all get.
    pub fn all_media(&self) -> impl Iterator<Item = &StepMedia> {
        let own = self.media.as_ref().filter(|_| self.variants.is_empty());
        own.into_iter().chain(self.variants.iter().filter_map(|variant| variant.media.as_ref()))
    }

    /// Reads what the database keeps.
    ///
    /// # Errors
    /// When it is not what a step holds.
    pub fn read(
        texts: serde_json::Value,
        template: Option<serde_json::Value>,
        media: Option<serde_json::Value>,
        variants: Option<serde_json::Value>,
    ) -> Result<Self, serde_json::Error> {
        Ok(Self {
            variants: variants.map(serde_json::from_value).transpose()?.unwrap_or_default(),
            texts: serde_json::from_value(texts)?,
            template: template.map(serde_json::from_value).transpose()?,
            media: media.map(serde_json::from_value).transpose()?,
        })
    }

    /// The variables that anything in it uses.
    pub fn variables(&self) -> impl Iterator<Item = &Variable> {
        let texts = self.all_texts().flat_map(|(_, texts)| texts.variables());
        texts.chain(self.parameters().flat_map(Text::variables))
    }

    /// The variables that somebody of locale `wanted` must have, whichever way the step is sent to them and whichever
    /// variant they get: people who lack something must be missing from all variants alike.
    pub fn required(
        &self,
        wanted: Option<&Locale>,
        default: Option<&Locale>,
    ) -> impl Iterator<Item = &Variable> {
        let chosen: Vec<_> =
            self.all_texts().filter_map(|(_, texts)| texts.choose(wanted, default)).collect();
        let texts = chosen.into_iter().flat_map(|chosen| chosen.text.required());
        texts.chain(self.parameters().flat_map(Text::required))
    }

    fn parameters(&self) -> impl Iterator<Item = &Text> {
        let own = self.template.iter().filter(|_| self.variants.is_empty());
        let own = own.flat_map(StepTemplate::texts);
        own.chain(self.variants.iter().flat_map(Variant::parameters))
    }
}

#[cfg(test)]
mod tests;
