//! What a step of the file says: texts, a template, media.

use super::super::reader::{Keys, Section, Setting};
use super::{Reading, STEP};
use crate::domain::content::{
    CAPTION_LIMIT, Link, MediaKind, PARAMETER_LIMIT, Parameters, StepContent, StepMedia, StepTemplate,
    TEMPLATE_NAME_LIMIT,
    button::{BUTTONS, ButtonKind, StepButton},
};
use crate::domain::locale::Locale;
use crate::domain::number::ProviderKind;
use crate::domain::opt_out;
use crate::domain::template::{LocalizedText, Text, Texts};
use std::collections::BTreeMap;
use toml::de::DeValue;

const TEMPLATE: Keys =
    Keys { known: &["name", "language", "languages", "parameters", "header", "buttons"], later: &[] };
const BUTTON: Keys = Keys { known: &["index", "url", "payload", "code"], later: &[] };
const MEDIA: Keys = Keys { known: &["kind", "url", "filename"], later: &[] };
const TEXT_FORM: &str = "write it by language, text = { en = \"Hello {{name|friend}}\" }";
const TEMPLATE_FORM: &str =
    "write template = { name = \"discount\", language = \"en\", parameters = [\"{{name|friend}}\"] }";
const LANGUAGES_FORM: &str = "write languages = [\"fr\", \"pt-BR\"], those beside language";
const MEDIA_FORM: &str = "write media = { kind = \"image\", url = \"https://example.com/a.jpg\" }";
const PARAMETERS_FORM: &str = "write parameters = [\"{{name|friend}}\"] in order, or parameters = { first_name = \"{{name|friend}}\" } by name";
const HEADER_FORM: &str = "write header = \"{{name|friend}}\", or header = { first_name = \"{{name|friend}}\" } where the template names it";
const BUTTONS_FORM: &str = "write buttons = [{ index = 0, url = \"promo-20\" }], with url, payload or code";
/// Longest name of a document, in characters (`ultramsg.md` section 2).
const FILE_NAME_LIMIT: usize = 255;

impl Reading<'_, '_, '_> {
    pub(super) fn content(&mut self, nth: usize, step: &Section<'_, '_>) -> Option<StepContent> {
        if let Some(setting) = step.get("variants") {
            return self.variants(&setting, step);
        }
        if ["text", "template", "media"].iter().all(|key| step.get(key).is_none())
            && let Some(usual) = self.context.default_texts.get(nth)
        {
            let line = |each: &LocalizedText| LocalizedText {
                locale: each.locale.clone(),
                text: if self.adds_line {
                    opt_out::with_line(each.text.clone(), &each.locale)
                } else {
                    each.text.clone()
                },
            };
            let texts = Texts(usual.0.iter().map(line).collect());
            return Some(StepContent { texts, template: None, media: None, variants: Vec::new() });
        }
        self.parts(step, "the step", &STEP)
    }

    /// The text, template and media of a step or of one of its variants: `whose`.
    pub(super) fn parts(&mut self, step: &Section<'_, '_>, whose: &str, keys: &Keys) -> Option<StepContent> {
        let (template, media) = (step.get("template"), step.get("media"));
        let text = match step.get("text") {
            None if template.is_none() && media.is_none() => {
                let wanted = format!("{TEXT_FORM}, or give {whose} a template or media");
                step.require("text", &wanted, self.findings, keys)?;
                None
            }
            text => text,
        };
        // All of them are read, so that everything that is wrong is said at once.
        let texts = text.as_ref().map(|setting| self.texts(setting));
        let template = template.map(|setting| self.template(&setting));
        let media = media.map(|setting| self.media(&setting));
        let content = StepContent {
            texts: texts.unwrap_or_else(|| Some(Texts(Vec::new())))?,
            template: super::optional(template)?,
            media: super::optional(media)?,
            variants: Vec::new(),
        };
        if let (Some(_), Some(text)) = (&content.media, &text) {
            self.caption(text, &content);
        }
        Some(content)
    }

    fn template(&mut self, setting: &Setting<'_, '_>) -> Option<StepTemplate> {
        let section = setting.section(TEMPLATE_FORM, self.findings)?;
        section.check_keys(&TEMPLATE, self.findings);
        let name = section
            .require("name", TEMPLATE_FORM, self.findings, &TEMPLATE)
            .and_then(|setting| self.template_name(&setting));
        let language = section
            .require(
                "language",
                "write language = \"en\", as the provider lists it",
                self.findings,
                &TEMPLATE,
            )
            .and_then(|setting| {
                let raw = setting.string("write language = \"en\"", self.findings)?;
                let read = Locale::parse(raw);
                read.map_err(|error| self.refuse(&setting, format_args!("{}: {error}", setting.path))).ok()
            });
        let languages = section.get("languages").map(|setting| self.languages(&setting, language.as_ref()));
        let parameters = section.get("parameters").map(|setting| self.parameters(&setting));
        let header = section.get("header").map(|setting| self.header(&setting));
        let buttons = section.get("buttons").map(|setting| self.buttons(&setting));
        Some(StepTemplate {
            name: name?,
            language: language?,
            languages: super::optional(languages)?.unwrap_or_default(),
            parameters: parameters.unwrap_or_else(|| Some(Parameters::default()))?,
            header: header.unwrap_or_else(|| Some(Parameters::default()))?,
            buttons: super::optional(buttons)?.unwrap_or_default(),
        })
    }

    /// The one parameter of a headline.
    fn header(&mut self, setting: &Setting<'_, '_>) -> Option<Parameters> {
        match setting.value {
            DeValue::String(_) => self.parameter(setting).map(|text| Parameters::Positional(vec![text])),
            DeValue::Table(_) => {
                let named = self.named(setting, HEADER_FORM)?;
                if named.len() > 1 {
                    let count = named.len();
                    self.refuse(
                        setting,
                        format_args!(
                            "{} has {count} parameters, a headline has one: {HEADER_FORM}",
                            setting.path
                        ),
                    );
                    return None;
                }
                Some(Parameters::Named(named))
            }
            _ => {
                self.refuse(
                    setting,
                    format_args!("{} is neither a text nor a table: {HEADER_FORM}", setting.path),
                );
                None
            }
        }
    }

    /// Buttons, each place once.
    fn buttons(&mut self, setting: &Setting<'_, '_>) -> Option<Vec<StepButton>> {
        let mut buttons: Vec<StepButton> = Vec::new();
        let mut is_whole = true;
        for (nth, each) in setting.list(BUTTONS_FORM, self.findings).iter().enumerate() {
            let Some(button) = self.button(nth, each) else {
                is_whole = false;
                continue;
            };
            if buttons.iter().any(|other| other.index == button.index) {
                self.refuse(
                    each,
                    format_args!(
                        "{} is the button at {} for the second time: take one out",
                        each.path, button.index
                    ),
                );
                is_whole = false;
            }
            buttons.push(button);
        }
        is_whole.then_some(buttons)
    }

    /// `nth`: its place in the list, which is its place in the template unless it says otherwise.
    fn button(&mut self, nth: usize, setting: &Setting<'_, '_>) -> Option<StepButton> {
        let section = setting.section(BUTTONS_FORM, self.findings)?;
        section.check_keys(&BUTTON, self.findings);
        let place = match section.get("index") {
            None => i64::try_from(nth).unwrap_or(i64::MAX),
            Some(index) => index.integer("write index = 0 for the first button", self.findings)?,
        };
        let Some(index) = u8::try_from(place).ok().filter(|index| *index < BUTTONS) else {
            self.refuse(
                setting,
                format_args!("{} is at {place}: the buttons of a template are at 0 to 9", setting.path),
            );
            return None;
        };
        let given: Vec<_> =
            ButtonKind::ALL.into_iter().filter_map(|kind| Some((kind, section.get(kind.key())?))).collect();
        let [(kind, text)] = given.as_slice() else {
            self.refuse(
                setting,
                format_args!("{} has not exactly one of url, payload and code: {BUTTONS_FORM}", setting.path),
            );
            return None;
        };
        Some(StepButton { index, kind: *kind, text: self.parameter(text)? })
    }

    /// The languages that a template has beside its usual one, each once.
    fn languages(&mut self, setting: &Setting<'_, '_>, usual: Option<&Locale>) -> Option<Vec<Locale>> {
        let mut languages: Vec<Locale> = Vec::new();
        for each in setting.list(LANGUAGES_FORM, self.findings) {
            let raw = each.string(LANGUAGES_FORM, self.findings)?;
            let language = match Locale::parse(raw) {
                Ok(language) => language,
                Err(error) => {
                    self.refuse(&each, format_args!("{}: {error}", each.path));
                    return None;
                }
            };
            if usual == Some(&language) || languages.contains(&language) {
                self.refuse(
                    &each,
                    format_args!("{} is language {language} for the second time: take one out", each.path),
                );
                return None;
            }
            languages.push(language);
        }
        Some(languages)
    }

    fn template_name(&mut self, setting: &Setting<'_, '_>) -> Option<String> {
        let raw = setting.string("write name = \"discount\"", self.findings)?;
        let count = raw.chars().count();
        let wrong = raw.trim() != raw || raw.is_empty() || raw.chars().any(char::is_control);
        if wrong || count > TEMPLATE_NAME_LIMIT {
            self.refuse(
                setting,
                format_args!(
                    "{} {raw:?} is no template's name: write it as `signalbox account templates` shows it, or at \
                     Twilio its sid, HX…",
                    setting.path
                ),
            );
            return None;
        }
        Some(raw.to_owned())
    }

    fn parameters(&mut self, setting: &Setting<'_, '_>) -> Option<Parameters> {
        match setting.value {
            DeValue::Array(_) => {
                let elements = setting.list(PARAMETERS_FORM, self.findings);
                let texts: Vec<_> = elements.iter().map(|each| self.parameter(each)).collect();
                texts.into_iter().collect::<Option<Vec<Text>>>().map(Parameters::Positional)
            }
            DeValue::Table(_) => self.named(setting, PARAMETERS_FORM).map(Parameters::Named),
            _ => {
                self.refuse(
                    setting,
                    format_args!("{} is neither a list nor a table: {PARAMETERS_FORM}", setting.path),
                );
                None
            }
        }
    }

    /// Parameters by name, at least one.
    fn named(&mut self, setting: &Setting<'_, '_>, form: &str) -> Option<BTreeMap<String, Text>> {
        let section = setting.section(form, self.findings)?;
        let each = section.settings();
        if each.is_empty() {
            self.refuse(setting, format_args!("{} names none: {form}", setting.path));
            return None;
        }
        let named: Vec<_> = each
            .iter()
            .map(|each| {
                let name = each.path[setting.path.len() + 1..].to_owned();
                Some((name, self.parameter(each)?))
            })
            .collect();
        named.into_iter().collect()
    }

    fn parameter(&mut self, setting: &Setting<'_, '_>) -> Option<Text> {
        let text = self.parsed(setting)?;
        if text.least_characters() > PARAMETER_LIMIT {
            let count = text.least_characters();
            self.refuse(
                setting,
                format_args!(
                    "{} has {count} characters; a parameter has at most {PARAMETER_LIMIT}",
                    setting.path
                ),
            );
        }
        Some(text)
    }

    fn media(&mut self, setting: &Setting<'_, '_>) -> Option<StepMedia> {
        let section = setting.section(MEDIA_FORM, self.findings)?;
        section.check_keys(&MEDIA, self.findings);
        let kind = section.require("kind", MEDIA_FORM, self.findings, &MEDIA).and_then(|setting| {
            let raw = setting.string("write kind = \"image\"", self.findings)?;
            self.keep(&setting, raw.parse::<MediaKind>())
        });
        let url = section.require("url", MEDIA_FORM, self.findings, &MEDIA).and_then(|setting| {
            let raw = setting.string("write url = \"https://example.com/a.jpg\"", self.findings)?;
            self.keep(&setting, Link::parse(raw, self.context.private_media))
        });
        let filename = section.get("filename").map(|setting| self.filename(&setting, kind));
        Some(StepMedia { kind: kind?, url: url?, filename: super::optional(filename)? })
    }

    fn filename(&mut self, setting: &Setting<'_, '_>, kind: Option<MediaKind>) -> Option<String> {
        let raw = setting.string("write filename = \"prices.pdf\"", self.findings)?;
        if kind.is_some_and(|kind| kind != MediaKind::Document) {
            self.refuse(setting, format_args!("{} is for documents only: take the line out", setting.path));
            return None;
        }
        let wrong = raw.trim().is_empty()
            || raw.chars().count() > FILE_NAME_LIMIT
            || raw.chars().any(|each| each.is_control() || matches!(each, '/' | '\\'));
        if wrong {
            self.refuse(
                setting,
                format_args!("{} {raw:?} is no file's name: write filename = \"prices.pdf\"", setting.path),
            );
            return None;
        }
        Some(raw.to_owned())
    }

    /// Beside media the texts are captions, which are shorter.
    fn caption(&mut self, setting: &Setting<'_, '_>, content: &StepContent) {
        for each in &content.texts.0 {
            let least = each.text.least_characters();
            if least > CAPTION_LIMIT {
                self.refuse(
                    setting,
                    format_args!(
                        "{}.{} has {least} characters; beside media a text has at most {CAPTION_LIMIT}",
                        setting.path, each.locale
                    ),
                );
            }
        }
    }

    fn texts(&mut self, setting: &Setting<'_, '_>) -> Option<Texts> {
        let wanted = TEXT_FORM;
        let section = setting.section(wanted, self.findings)?;
        let mut texts: Vec<LocalizedText> = Vec::new();
        let settings = section.settings();
        if settings.is_empty() {
            self.refuse(setting, format_args!("{} has no language: {wanted}", setting.path));
        }
        for each in settings {
            let tag = &each.path[setting.path.len() + 1..];
            let locale = match Locale::parse(tag) {
                Ok(locale) => locale,
                Err(error) => {
                    self.findings.add(each.at, &each.path, format_args!("{}: {error}", each.path));
                    continue;
                }
            };
            if texts.iter().any(|text| text.locale == locale) {
                self.findings.add(
                    each.at,
                    &each.path,
                    format_args!("{} is language {locale} for the second time: take one out", each.path),
                );
                continue;
            }
            if let Some(text) = self.parsed(&each) {
                let text = if self.adds_line { opt_out::with_line(text, &locale) } else { text };
                self.short_enough(&each, &text);
                texts.push(LocalizedText { locale, text });
            }
        }
        Some(Texts(texts))
    }

    fn short_enough(&mut self, setting: &Setting<'_, '_>, text: &Text) {
        let most = ProviderKind::ALL.into_iter().map(ProviderKind::text_limit).max().unwrap_or(0);
        let least = text.least_characters();
        if least > most {
            self.refuse(
                setting,
                format_args!("{} has {least} characters; no provider takes more than {most}", setting.path),
            );
        }
    }

    /// A text with variables, all of them known.
    fn parsed(&mut self, setting: &Setting<'_, '_>) -> Option<Text> {
        let source = setting.string("write it in quotes", self.findings)?;
        let text = match Text::parse(source) {
            Ok(text) => text,
            Err(errors) => {
                for error in errors {
                    let at = setting.place_within(source, error.at, self.findings);
                    self.findings.add(at, &setting.path, format_args!("{}: {error}", setting.path));
                }
                return None;
            }
        };
        for unknown in self.context.attributes.map(|known| text.unknown(known)).unwrap_or_default() {
            let at = setting.place_within(source, unknown.at, self.findings);
            self.findings.add(at, &setting.path, format_args!("{}: {unknown}", setting.path));
        }
        Some(text)
    }
}
