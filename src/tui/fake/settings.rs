//! What is set of the organisation.

use crate::domain::setting::{Setting, Settings};

/// As its operators set it.
pub fn settings() -> Settings {
    let set = [
        (Setting::Name, "Acme Clinics"),
        (Setting::Zone, "Africa/Douala"),
        (Setting::Language, "en"),
        (Setting::DailyLimit, "5000"),
        (Setting::WarmUp, "20,50,100,200"),
        (Setting::DefaultNumber, "+237600004411"),
        (Setting::Quiet, "20:00-08:00"),
        (Setting::BusinessDays, "mon-sat"),
        (Setting::SubscriptionEnds, "none"),
        (Setting::Simultaneous, "no"),
        (Setting::SuppressFailures, "3"),
        (Setting::SuppressUnanswered, "none"),
        (Setting::StopFailed, "0.3"),
        (Setting::StopOptedOut, "0.05"),
        (Setting::StopContentRefused, "0.2"),
        (Setting::StopAfter, "50"),
        (Setting::OptOutLine, "yes"),
        (Setting::Slots, "1-30"),
        (Setting::SlotExpiry, "90"),
        (Setting::CanaryPhone, "+237699000001"),
        (Setting::CanaryTemplate, "hello_world en"),
        (Setting::WarnFailed, "10"),
        (Setting::WarnBlocked, "2"),
        (Setting::StandbyDays, "7"),
        (Setting::StopWords, "yamba"),
        (Setting::StartWords, "none"),
        (Setting::StopConfirmation, "en=You get no more messages. | fr=C'est noté."),
        (Setting::StartConfirmation, "none"),
        (Setting::AlertQuiet, "22:00-07:00"),
        (Setting::TokenDays, "90"),
        (Setting::ReportAt, "07:30"),
        (Setting::WarnAfter, "50"),
        (Setting::SilenceAfter, "20"),
        (Setting::SilencePast, "100"),
        (Setting::StepText(0), "en=Hello {{name|friend}}, we open on Monday. | fr=Bonjour {{name|toi}}."),
        (Setting::StepText(1), "en=See you soon!"),
        (Setting::StepText(2), "none"),
    ];
    Settings::of(set.map(|(setting, text)| (setting, setting.read(text).unwrap())))
}
