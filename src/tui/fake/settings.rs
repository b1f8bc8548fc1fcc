//! What is set of the organisation, and where its alerts go.

use super::wall;
use crate::domain::action::Version;
use crate::domain::channel::{Leads, Medium};
use crate::domain::ids::ChannelId;
use crate::domain::setting::{Setting, Settings};
use crate::domain::text::Shown;
use crate::store::view::ChannelRow;
use chrono::TimeDelta;
use uuid::Uuid;

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

/// Mail that gets through, a webhook that does not, and one that is off.
pub fn channels() -> Vec<ChannelRow> {
    let mail = |nth: u128, name: &str, address: &str| ChannelRow {
        id: ChannelId(Uuid::from_u128(nth)),
        version: Version(4),
        name: Shown::new(name),
        medium: Medium::Email,
        address: Shown::new(address),
        smtp: Some(Shown::new("smtps://signalbox@smtp.example.com")),
        mail_from: Some(Shown::new("signalbox@example.com")),
        leads: Leads {
            address: address.to_owned(),
            smtp: Some("smtps://signalbox@smtp.example.com".to_owned()),
            mail_from: Some("signalbox@example.com".to_owned()),
        },
        has_secret: true,
        least: Shown::new("warning"),
        kinds: None,
        daily_report: true,
        is_active: true,
        failing: None,
        waiting: 0,
    };
    let address = "https://hooks.example.com/signalbox";
    let hook = ChannelRow {
        medium: Medium::Webhook,
        smtp: None,
        mail_from: None,
        leads: Leads { address: address.to_owned(), ..Leads::default() },
        least: Shown::new("critical"),
        kinds: Some(vec![Shown::new("suspension"), Shown::new("silent_death")]),
        daily_report: false,
        failing: Some((wall() - TimeDelta::minutes(12), Shown::new("it answers 503"))),
        waiting: 7,
        ..mail(2, "pager", address)
    };
    let off = ChannelRow { is_active: false, ..mail(3, "old-list", "all@example.org") };
    vec![mail(1, "ops", "ops@example.com, bea@example.com"), hook, off]
}
