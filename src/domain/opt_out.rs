//! The line under a text that says how to get no more: "Reply STOP to get no more messages."
//!
//! It is a part of the text from the moment the campaign is made: every look at its length, every preview and every message
//! has it, and a campaign never says something else because a setting changed meanwhile. The word that it names is one
//! that [`super::consent`] hears.

use super::consent::{Consent, Words};
use super::locale::Locale;
use super::template::Text;

/// Language, line, and the word to reply.
const LINES: [(&str, &str, &str); 6] = [
    ("en", "Reply STOP to get no more messages.", "STOP"),
    ("fr", "Répondez STOP pour ne plus recevoir de messages.", "STOP"),
    ("es", "Responda STOP para no recibir más mensajes.", "STOP"),
    ("pt", "Responda STOP para não receber mais mensagens.", "STOP"),
    ("de", "Antworten Sie STOP, um keine Nachrichten mehr zu erhalten.", "STOP"),
    ("ar", "أرسل STOP لإيقاف الرسائل.", "STOP"),
];

/// The line in this language; in English where it is none of the six.
#[must_use]
pub fn line(locale: &Locale) -> &'static str {
    let language = locale.as_str().split('-').next().unwrap_or_default();
    LINES.iter().find(|(tag, ..)| *tag == language).map_or(LINES[0].1, |(_, line, _)| line)
}

/// The text with the line, unless it says something of the kind itself: a word in capitals that means STOP.
#[must_use]
pub fn with_line(text: Text, locale: &Locale) -> Text {
    let says_so = text
        .source()
        .split(|each: char| !each.is_alphanumeric())
        .filter(|word| word.len() > 2 && word.chars().all(char::is_uppercase))
        .any(|word| Consent::read(word, &Words::default()) == Some(Consent::Stop));
    if says_so {
        return text;
    }
    let source = format!("{}\n\n{}", text.source().trim_end(), line(locale));
    // The line has no braces: what could be read before can be read with it.
    Text::parse(&source).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn under(source: &str, locale: &str) -> String {
        let text = Text::parse(source).unwrap_or_else(|errors| panic!("{errors:?}"));
        let locale = locale.parse().unwrap_or_else(|_| panic!("{locale}"));
        with_line(text, &locale).source().to_owned()
    }

    #[test]
    fn every_line_names_a_word_that_is_heard() {
        for (tag, line, word) in LINES {
            assert!(line.contains(word), "{tag}");
            assert_eq!(Consent::read(word, &Words::default()), Some(Consent::Stop), "{tag}");
        }
    }

    #[test]
    fn the_line_follows_the_text_in_its_language() {
        assert_eq!(under("Hello {{name}} \n", "en"), "Hello {{name}}\n\nReply STOP to get no more messages.");
        assert_eq!(under("Salut", "fr-CM"), "Salut\n\nRépondez STOP pour ne plus recevoir de messages.");
        assert_eq!(under("Hujambo", "sw"), "Hujambo\n\nReply STOP to get no more messages.");
    }

    #[test]
    fn a_text_that_says_so_itself_is_left_alone() {
        for text in ["Sale! Text STOP to end", "ARRET pour finir", "Hi (STOP)"] {
            assert_eq!(under(text, "en"), text);
        }
        assert!(under("Don't stop the music", "en").contains("Reply STOP"));
    }
}
