//! What the form asks, page by page: the keys of a campaign file with their words.

use crate::domain::campaign::draft::Key;

/// A page of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Page {
    /// Its name, and who gets it.
    Who,
    /// The messages.
    What,
    /// When it sends.
    When,
    /// Through which numbers, how fast, and when it stops.
    How,
}

impl Page {
    /// All of them, in order.
    pub const ALL: [Self; 4] = [Self::Who, Self::What, Self::When, Self::How];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Who => "Who",
            Self::What => "What",
            Self::When => "When",
            Self::How => "How",
        }
    }

    /// What is asked on it; of `What` it is asked for each step.
    pub fn asks(self) -> &'static [Ask] {
        match self {
            Self::Who => &WHO,
            Self::What => &STEP,
            Self::When => &WHEN,
            Self::How => &HOW,
        }
    }
}

/// What a file has, and what that is called here; the empty one is left out of the file.
pub type Choices = &'static [(&'static str, &'static str)];

/// One question of the form.
#[derive(Debug, Clone, Copy)]
pub struct Ask {
    /// Where the answer stands.
    pub key: Key,
    /// Its name.
    pub label: &'static str,
    /// What can be written.
    pub note: &'static str,
    /// What can be chosen; empty: it is typed.
    pub choices: Choices,
    /// Whether it may be long: it gets the width of the screen.
    pub long: bool,
}

const fn typed(key: Key, label: &'static str, note: &'static str) -> Ask {
    Ask { key, label, note, choices: &[], long: false }
}

const fn long(key: Key, label: &'static str, note: &'static str) -> Ask {
    Ask { key, label, note, choices: &[], long: true }
}

const fn choice(key: Key, label: &'static str, choices: Choices) -> Ask {
    Ask { key, label, note: "Space, Left, Right: another one", choices, long: false }
}

const GENDERS: Choices = &[("", "any"), ("female", "female"), ("male", "male"), ("other", "other")];
const MISSED: Choices = &[
    ("", "as usual: send"),
    ("send", "send as soon as possible"),
    ("next_window", "wait for its next hours"),
    ("ask", "ask: stay paused"),
];
const FAILOVER: Choices = &[
    ("", "as usual: pool"),
    ("never", "never: wait for its number"),
    ("label", "numbers of the same label"),
    ("pool", "any number of the pool"),
];
const SLOTS: Choices = &[("", "the organisation's"), ("campaign", "its own")];
const MEDIA: Choices =
    &[("", "none"), ("image", "image"), ("video", "video"), ("audio", "audio"), ("document", "document")];

const WHO: [Ask; 14] = [
    typed(Key::Name, "Name", "letters, digits, - _ .  as summer-sale"),
    typed(Key::Countries, "Countries", "CM, NG; nothing: all"),
    choice(Key::Gender, "Gender", GENDERS),
    typed(Key::Age, "Age", "18-65, 18- or -65"),
    typed(Key::Registered, "Registered", "2024-01-01..2025-01-01, or one end"),
    long(Key::Professions, "Professions", "nurse, midwife: one of these"),
    long(Key::Attributes, "Attributes", "tier=gold|silver, city=Douala: each with one of its values"),
    long(Key::Tags, "Tags", "vip, new: at least one of these"),
    long(Key::Phones, "Phones", "hand-picked: +237600000001, +237600000002"),
    choice(
        Key::ExcludeActive,
        "In others too",
        &[("", "may be in others"), ("yes", "not while in another one")],
    ),
    choice(Key::Consent, "Consent", &[("", "not refused"), ("opted_in", "on record only")]),
    typed(Key::NotContactedFor, "Not written for", "72h: to whom nothing was sent for so long"),
    typed(Key::Limit, "At most", "500 people, the first; nothing: all"),
    long(Key::AudienceOther, "Other lines", "keys that are not here, as the file has them; \\n between them"),
];

const STEP: [Ask; 13] = [
    typed(Key::After, "After", "0h, 30m, 1d12h: since the step before"),
    typed(Key::VariantName, "  name", "short, long; nothing: a, b, c by its place"),
    typed(Key::VariantWeight, "  weight", "50: its share beside the others; nothing: 1"),
    typed(Key::TemplateName, "Template", "its name at the provider; nothing: none"),
    typed(Key::TemplateLanguage, "  language", "en, as the provider lists it"),
    typed(Key::TemplateLanguages, "  also in", "fr, pt-BR: those beside its language"),
    long(
        Key::Parameters,
        "  parameters",
        "{{name|friend}}, {{city|town}} in order, or first={{name|friend}} by name",
    ),
    long(Key::Header, "  headline", "{{name|friend}}, or title={{name|friend}} where the template names it"),
    long(
        Key::Buttons,
        "  buttons",
        "url=promo-20, payload=yes in order, or behind their places: 2 code={{code}}",
    ),
    choice(Key::MediaKind, "Media", MEDIA),
    long(Key::MediaUrl, "  address", "https://example.com/a.jpg"),
    typed(Key::MediaFile, "  file name", "of documents: prices.pdf"),
    long(
        Key::StepOther,
        "Other lines",
        "of the step, keys that are not here, as the file has them; \\n between them",
    ),
];

const WHEN: [Ask; 10] = [
    typed(Key::StartsAt, "Starts at", "2026-12-01T09:00; nothing: by hand"),
    typed(Key::RunAfter, "After campaign", "its name: starts when that is completed"),
    choice(Key::Missed, "Missed start", MISSED),
    typed(Key::WindowHours, "Hours", "09:00-20:00; nothing: all that are allowed"),
    typed(Key::WindowDays, "Days", "mon-fri or mon,wed,sat; nothing: all"),
    typed(Key::WindowZone, "On whose clock", "recipient, organization, Africa/Douala"),
    typed(Key::ExpiresAfter, "Too late after", "6h: since it was due, then skipped"),
    typed(Key::Until, "Too late from", "2026-12-24T20:00"),
    typed(Key::StandingAfter, "Standing, after", "1h since registration: it goes on enrolling"),
    typed(Key::StandingEvery, "Standing, every", "1h: so often it looks for new people"),
];

const HOW: [Ask; 14] = [
    typed(Key::Pool, "Pool", "default"),
    typed(Key::Priority, "Priority", "100 as usual; lower goes first"),
    typed(Key::Weight, "Weight", "1 as usual; its share among equal priorities"),
    typed(Key::Rollout, "Rollout", "1, 10, 100 percent, perhaps wait=30m; nothing: at once"),
    typed(Key::DailyLimit, "Daily limit", "250 messages; nothing: none of its own"),
    choice(Key::Failover, "If refused", FAILOVER),
    choice(Key::Slots, "Slots", SLOTS),
    choice(
        Key::OptOutLine,
        "How to stop",
        &[("", "as everywhere"), ("yes", "say it"), ("no", "leave it out")],
    ),
    choice(Key::ExitOnReply, "After a reply", &[("", "go on"), ("yes", "no further step")]),
    long(Key::ExitAttributes, "No more once", "paid=yes: an attribute has one of these values"),
    typed(Key::StopFailed, "Pause if failed", "0.3 of an hour's messages; nothing: as everywhere"),
    typed(Key::StopOptedOut, "Pause if out", "0.05 ask for no more; nothing: as everywhere"),
    typed(Key::StopAfter, "Judged from", "50 messages on; nothing: as everywhere"),
    long(Key::Other, "Other lines", "keys that are not here, as the file has them; \\n between them"),
];
