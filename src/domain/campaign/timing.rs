//! What a campaign file says about when: its order behind another campaign, its hours, and when it is too late.

use super::file::Reading;
use super::reader::{Keys, Section, Setting};
use super::spec::{CampaignName, Delay};
use super::terms::Missed;
use crate::domain::suggest::nearest;
use crate::domain::window::{self, EVERY_DAY, Hours, Whose, Window};
use chrono::{DateTime, Utc};

const WINDOW: Keys = Keys { known: &["from", "to", "days", "zone"], later: &[] };

/// What a file says about when. What is wrong in it is noted, and absent here.
#[derive(Default)]
pub(super) struct Timing {
    pub(super) run_after: Option<CampaignName>,
    pub(super) missed: Missed,
    pub(super) window: Option<Window>,
    pub(super) expires_after: Option<Delay>,
    pub(super) until: Option<DateTime<Utc>>,
}

impl Reading<'_, '_, '_> {
    pub(super) fn timing(&mut self, root: &Section<'_, '_>) -> Timing {
        let name = root.get("name").and_then(|setting| setting.text());
        Timing {
            run_after: root.get("run_after").and_then(|setting| self.run_after(&setting, name)),
            missed: root.get("missed").and_then(|setting| self.missed(&setting)).unwrap_or_default(),
            window: root.get("window").and_then(|setting| self.window(&setting)),
            expires_after: root.get("expires_after").and_then(|setting| self.expires_after(&setting)),
            until: root.get("until").and_then(|setting| self.time(&setting, "until")),
        }
    }

    fn run_after(&mut self, setting: &Setting<'_, '_>, own: Option<&str>) -> Option<CampaignName> {
        let raw = setting.string("write run_after = \"other-campaign\"", self.findings)?;
        if Some(raw) == own {
            self.refuse(setting, format_args!("{} is the campaign itself: name another one", setting.path));
            return None;
        }
        if let Some(known) = self.context.campaigns.filter(|known| !known.contains(&raw)) {
            let hint = match nearest(raw, known.iter().copied()) {
                Some(meant) => format!("did you mean {meant:?}?"),
                None => "make that one first, or name one that `signalbox campaign list` shows".to_owned(),
            };
            self.refuse(setting, format_args!("{}: there is no campaign {raw:?}: {hint}", setting.path));
            return None;
        }
        self.keep(setting, CampaignName::parse(raw))
    }

    fn missed(&mut self, setting: &Setting<'_, '_>) -> Option<Missed> {
        let raw = setting.string("write missed = \"send\", \"next_window\" or \"ask\"", self.findings)?;
        self.keep(setting, raw.parse::<Missed>())
    }

    fn expires_after(&mut self, setting: &Setting<'_, '_>) -> Option<Delay> {
        let raw = setting.string("write expires_after = \"6h\", with its unit", self.findings)?;
        let delay = self.keep(setting, Delay::parse(raw))?;
        if delay.seconds() == 0 {
            let sentence = format_args!("{} is no time at all: nothing would ever be sent", setting.path);
            self.refuse(setting, sentence);
            return None;
        }
        Some(delay)
    }

    fn window(&mut self, setting: &Setting<'_, '_>) -> Option<Window> {
        let wanted = "write window = { from = \"09:00\", to = \"20:00\", zone = \"recipient\" }";
        let section = setting.section(wanted, self.findings)?;
        section.check_keys(&WINDOW, self.findings);
        let from =
            section.require("from", wanted, self.findings, &WINDOW).and_then(|time| self.minute(&time));
        let to = section.require("to", wanted, self.findings, &WINDOW).and_then(|time| self.minute(&time));
        let days = section.get("days").map_or(Some(EVERY_DAY), |days| self.days(&days));
        let zone = section.get("zone").map_or(Some(Whose::Organization), |zone| {
            let wanted = "write zone = \"recipient\", \"organization\" or \"Africa/Douala\"";
            let raw = zone.string(wanted, self.findings)?;
            self.keep(&zone, raw.parse::<Whose>())
        });
        let hours = self.keep(setting, Hours::new(from?, to?, days?))?;
        Some(Window { hours, zone: zone? })
    }

    fn minute(&mut self, setting: &Setting<'_, '_>) -> Option<u16> {
        let raw = setting.string("write it as \"09:00\"", self.findings)?;
        self.keep(setting, window::minute(raw))
    }

    fn days(&mut self, setting: &Setting<'_, '_>) -> Option<u8> {
        let wanted = "write days = [\"mon\", \"tue\"], or leave it out for every day";
        let mut days = 0;
        let mut right = true;
        for element in setting.list(wanted, self.findings) {
            let Some(raw) = element.string(wanted, self.findings) else { continue };
            match self.keep(&element, window::day(raw)) {
                Some(day) if days & day != 0 => {
                    self.refuse(
                        &element,
                        format_args!("{} {raw} stands there twice: take one out", element.path),
                    );
                }
                Some(day) => days |= day,
                None => right = false,
            }
        }
        (right && days != 0).then_some(days)
    }
}
