//! What a person asks for in a reply: no more messages, messages again, or to know what this is.
//!
//! A word counts only where it is the whole message, politeness aside: "stop" does, "stop by tomorrow" does not. Nothing
//! at a provider does this for us (`providers/README.md`, rule 6).

use std::fmt;

/// How a consent is called that a person gave or took here, in the database (`is_own_word`, migration 0196): it outdoes what a
/// provider said before it, and what a file says never does.
pub const OWN_WORDS: [&str; 3] = ["reply", "operator", "provider"];

/// What somebody wants of us.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Consent {
    /// No more messages.
    Stop,
    /// Messages again.
    Start,
    /// To know what this is.
    Help,
}

/// An organisation's own words, beside those that everybody has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Words {
    stop: Vec<String>,
    start: Vec<String>,
}

impl Words {
    /// These words, as people may write them.
    #[must_use]
    pub fn new(stop: &[String], start: &[String]) -> Self {
        let plain = |words: &[String]| {
            words.iter().map(|word| plain(word)).filter(|word| !word.is_empty()).collect::<Vec<_>>()
        };
        Self { stop: plain(stop), start: plain(start) }
    }
}

/// In English, French, Spanish, Portuguese, German and Arabic; without accents, as [`plain`] leaves them.
const STOP: &[&str] = &[
    "stop",
    "stopall",
    "stop all",
    "stop it",
    "stop messages",
    "unsubscribe",
    "cancel",
    "end",
    "quit",
    "revoke",
    "optout",
    "opt out",
    "opt-out",
    "remove me",
    "no more",
    "arret",
    "arreter",
    "arretez",
    "desabonner",
    "desabonnement",
    "me desabonner",
    "desinscrire",
    "desinscription",
    "me desinscrire",
    "parar",
    "pare",
    "alto",
    "basta",
    "baja",
    "dar de baja",
    "darme de baja",
    "darse de baja",
    "cancelar",
    "cancelar suscripcion",
    "no mas",
    "sair",
    "descadastrar",
    "remover",
    "cancelar inscricao",
    "nao quero mais",
    "stopp",
    "abmelden",
    "abbestellen",
    "aufhoren",
    "ende",
    "beenden",
    "austragen",
    "توقف",
    "توقفوا",
    "قف",
    "ايقاف",
    "الغاء",
    "الغاء الاشتراك",
    "كفي",
    "كفى",
];
const START: &[&str] = &[
    "start",
    "unstop",
    "subscribe",
    "resubscribe",
    "opt in",
    "opt-in",
    "optin",
    "reprendre",
    "reabonner",
    "me reabonner",
    "sabonner",
    "abonner",
    "reanudar",
    "suscribir",
    "suscribirme",
    "volver",
    "alta",
    "voltar",
    "inscrever",
    "retomar",
    "anmelden",
    "abonnieren",
    "fortsetzen",
    "ابدا",
    "بدء",
    "اشتراك",
    "استئناف",
];
const HELP: &[&str] = &["help", "info", "aide", "ayuda", "ajuda", "hilfe", "مساعدة"];
/// What may stand beside such a word and changes nothing.
const POLITE: &[&str] = &[
    "please",
    "pls",
    "plz",
    "now",
    "thanks",
    "thank",
    "you",
    "merci",
    "svp",
    "stp",
    "por",
    "favor",
    "gracias",
    "obrigado",
    "obrigada",
    "bitte",
    "danke",
    "jetzt",
    "maintenant",
    "ahora",
    "agora",
    "شكرا",
    "فضلك",
    "من",
];

impl Consent {
    /// What this text asks for, in everybody's words or the organisation's own; `None`: nothing of the kind.
    #[must_use]
    pub fn read(text: &str, own: &Words) -> Option<Self> {
        let said = plain(text);
        let words: Vec<&str> = said.split(' ').filter(|word| !POLITE.contains(word)).collect();
        let core = words.join(" ");
        // Who says it in the organisation's words is not understood otherwise: a STOP before everything else.
        let is = |list: &[String]| list.iter().any(|word| *word == said || *word == core);
        if is(&own.stop) {
            return Some(Self::Stop);
        }
        if is(&own.start) {
            return Some(Self::Start);
        }
        let asks = |list: &[&str]| list.contains(&said.as_str()) || list.contains(&core.as_str());
        [(STOP, Self::Stop), (START, Self::Start), (HELP, Self::Help)]
            .into_iter()
            .find_map(|(list, consent)| asks(list).then_some(consent))
    }

    /// The name that the database uses.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Stop => "stop",
            Self::Start => "start",
            Self::Help => "help",
        }
    }
}

impl fmt::Display for Consent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Lower case, without accents, without what is no letter at either end, with single spaces.
fn plain(text: &str) -> String {
    let mut words = Vec::new();
    for word in text.split_whitespace() {
        let letters: String = word.chars().flat_map(char::to_lowercase).filter_map(bare).collect();
        let letters = letters.trim_matches(|character: char| !character.is_alphanumeric());
        if !letters.is_empty() {
            words.push(letters.to_owned());
        }
    }
    words.join(" ")
}

/// A letter without its accent; nothing for marks that stand by themselves and for apostrophes.
fn bare(letter: char) -> Option<char> {
    Some(match letter {
        'à' | 'á' | 'â' | 'ã' | 'ä' => 'a',
        'ç' => 'c',
        'è' | 'é' | 'ê' | 'ë' => 'e',
        'ì' | 'í' | 'î' | 'ï' => 'i',
        'ñ' => 'n',
        'ò' | 'ó' | 'ô' | 'õ' | 'ö' => 'o',
        'ù' | 'ú' | 'û' | 'ü' => 'u',
        // Alef with its hamzas, and what is written above and below the line.
        'أ' | 'إ' | 'آ' | 'ٱ' => 'ا',
        '\u{300}'..='\u{36f}' | '\u{64b}'..='\u{65f}' | 'ـ' | '\'' | '’' => return None,
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::Consent::{self, Help, Start, Stop};
    use super::Words;

    #[test]
    fn a_word_that_is_the_whole_message_counts_in_every_language() {
        for (text, expected) in [
            ("STOP", Stop),
            (" Stop. ", Stop),
            ("stop!!! 🙏", Stop),
            ("Stop please", Stop),
            ("\"stop\"", Stop),
            ("s\u{74}op\u{200f}", Stop),
            ("Unsubscribe", Stop),
            ("Opt-out", Stop),
            ("ARRÊT", Stop),
            ("arre\u{302}ter, svp", Stop),
            ("Désabonner", Stop),
            ("dar de baja por favor", Stop),
            ("No más", Stop),
            ("Sair", Stop),
            ("não quero mais", Stop),
            ("Bitte abmelden", Stop),
            ("aufhören", Stop),
            ("إلغاء الاشتراك", Stop),
            ("إيقاف", Stop),
            ("توقَّف من فضلك", Stop),
            ("START", Start),
            ("s'abonner", Start),
            ("ابدأ", Start),
            ("Help?", Help),
            ("مساعدة", Help),
        ] {
            assert_eq!(Consent::read(text, &Words::default()), Some(expected), "{text:?}");
        }
    }

    #[test]
    fn a_word_inside_a_message_does_not() {
        for text in [
            "",
            " ",
            "!",
            "stop by tomorrow",
            "I will not stop",
            "don't stop",
            "the bus stop",
            "please",
            "non",
            "ok",
            "end of the month",
            "nonstop",
            "why did you cancel my order",
            "can you help me with my order",
        ] {
            assert_eq!(Consent::read(text, &Words::default()), None, "{text:?}");
        }
    }

    #[test]
    fn an_organisation_has_words_of_its_own() {
        let own = Words::new(&["Yamba".to_owned(), "!!".to_owned()], &["Ndé".to_owned()]);
        for (text, expected) in [
            ("yamba!", Some(Stop)),
            ("Yamba, svp", Some(Stop)),
            ("nde", Some(Start)),
            ("stop", Some(Stop)),
            ("!!", None),
        ] {
            assert_eq!(Consent::read(text, &own), expected, "{text:?}");
        }
        assert_eq!(Consent::read("yamba tomorrow", &own), None);
    }
}
