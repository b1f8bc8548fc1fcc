//! A console in a world, driven by keys.

use super::*;
use crate::domain::action::{Subject, Version};
use crate::domain::pulse::Pulse;
use crate::domain::setting::Settings;
use crate::store::today::{Cause, Slowed};
use crate::store::view::{
    CampaignStanding, ChannelRow, Cursor, PAGE_ROWS, Page, Place, RecipientRow, Stop, ThreadQuery, ThreadRow,
    ThreadScope, Total,
};
use crate::tui::backend::BackendError;
use crate::tui::keymap::Keymap;
use crate::tui::model::Model;
use crate::tui::msg::{Detail, Effect, Moment, Msg, Question, Reading, Report, Slot};
use crate::tui::theme::Theme;
use crate::tui::update::update;
use chrono::Duration;
use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Rect, Size};
use std::sync::Arc;
use std::time::Instant;

/// Which world.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum World {
    Empty,
    One,
    Many,
    Away,
}

/// A console in a world, driven by keys; questions are answered at once.
pub struct Desk {
    pub model: Model,
    pub world: World,
    pub start: Instant,
    pub elapsed: std::time::Duration,
    /// Everything that was not a question.
    pub effects: Vec<Effect>,
    /// Rows that the database has.
    pub rows: u64,
    /// Answers questions by itself.
    pub answers: bool,
    /// Decisions that came since the log was begun.
    pub decided: u64,
    /// What is set of the organisation.
    pub settings: Settings,
    /// Where alerts go besides the console.
    pub channels: Vec<ChannelRow>,
    /// What was asked and answered.
    pub asked: Vec<Slot>,
    /// Whether the organisation's subscription has an end.
    pub ends: bool,
    /// Whether campaigns whose forecast is asked for have ended.
    pub over: bool,
}

impl Desk {
    pub fn new(world: World, width: u16, height: u16) -> Self {
        let mut desk = Self::silent(width, height);
        desk.world = world;
        desk.rows = match world {
            World::Empty => 0,
            World::One => 1,
            World::Many | World::Away => 2_400,
        };
        desk.channels.truncate(usize::try_from(desk.rows).unwrap());
        match world {
            World::Empty => desk.send(Msg::Overview(Ok(Arc::new(empty_overview())))),
            World::One => desk.send(Msg::Overview(Ok(Arc::new(one_overview())))),
            World::Many | World::Away => {
                desk.send(Msg::Overview(Ok(Arc::new(many_overview()))));
                desk.send(Msg::Live(events(2_000), 0));
            }
        }
        desk.draw();
        desk
    }

    /// A console that has heard nothing yet.
    pub fn silent(width: u16, height: u16) -> Self {
        let start = Instant::now();
        let theme = Theme { ascii: true, ..Theme::default() };
        let moment = Moment { mono: start, wall: wall() };
        let model = Model::new(moment, session(), false, theme, Keymap::default(), Size::new(width, height));
        Self {
            model,
            world: World::Many,
            start,
            elapsed: std::time::Duration::ZERO,
            effects: vec![],
            rows: 2_400,
            answers: true,
            decided: 0,
            settings: settings(),
            channels: channels(),
            asked: vec![],
            ends: false,
            over: false,
        }
    }

    /// Whoever sits here is an admin.
    pub fn lead(&mut self) {
        self.model.session.role = "admin".into();
    }

    /// The database goes away and stays away for 12 seconds.
    pub fn lose_database(&mut self) {
        self.send(Msg::Overview(Err(BackendError::Away("connection refused".into()))));
        self.answers = false;
        self.wait(12_000);
    }

    pub fn now(&self) -> Moment {
        Moment { mono: self.start + self.elapsed, wall: wall() + Duration::from_std(self.elapsed).unwrap() }
    }

    pub fn send(&mut self, message: Msg) {
        let now = self.now();
        let mut effects = update(&mut self.model, message, now);
        while !effects.is_empty() {
            for effect in std::mem::take(&mut effects) {
                match effect {
                    Effect::Ask { request, question } if self.answers => {
                        let slot = question.slot();
                        self.asked.push(slot);
                        let answer = Ok(self.answer(question));
                        let took = std::time::Duration::from_millis(18);
                        effects.extend(update(
                            &mut self.model,
                            Msg::Answer { slot, request, took, answer },
                            now,
                        ));
                    }
                    other => self.effects.push(other),
                }
            }
        }
    }

    fn answer(&self, question: Question) -> Reading {
        match question {
            Question::Recipients(_, place) => Reading::Recipients(self.page(place)),
            Question::RecipientRows(ids) => {
                let rows = (0..self.rows).map(recipient).filter(|row| ids.contains(&row.id)).collect();
                Reading::RecipientRows(ids, rows)
            }
            Question::Count(_) => Reading::Count(if self.rows > 1_000 {
                Total::About(Some(2_400_000))
            } else {
                Total::Exactly(self.rows)
            }),
            Question::Newer(..) => Reading::Newer(if self.rows > 1_000 { 14 } else { 0 }),
            Question::Doubts(_) => Reading::Doubts(Page {
                rows: (0..self.rows.min(2)).map(doubt).collect(),
                more_before: false,
                more_after: false,
            }),
            Question::Findings(_) | Question::Risks(_) => Reading::Findings(Arc::new(findings(self.rows))),
            Question::Known => {
                let known = Known { subscription_ends: self.ends, ..known_to_files() };
                Reading::Known(Arc::new(known))
            }
            Question::Check(source, edited, people) => Reading::Check(FileCheck {
                refusal: people.map(|people| super::draft::outlives(people).into()),
                ..file_check(&source, edited.as_ref())
            }),
            Question::Estimate(spec) => Reading::Estimate(Arc::new(audience_count(&spec))),
            Question::Progress(_) => Reading::Progress(Arc::new(progress_view(self.rows))),
            Question::Queue => Reading::Queue(Arc::new(queue(self.rows))),
            Question::Handover(Report::Shift) => Reading::Handover(Arc::new(handover(self.rows))),
            Question::Handover(Report::Numbers) => Reading::Handover(Arc::new(number_report(self.rows))),
            Question::Load(load) => Reading::Load(load, load_of_number()),
            Question::Alerts => Reading::Alerts(Arc::new(alerts(self.rows))),
            Question::Channels => Reading::Channels(Arc::new(self.channels.clone())),
            Question::Settings => Reading::Settings(Arc::new(self.settings.clone())),
            Question::Pools => Reading::Pools(Arc::new(pool_views(self.rows))),
            Question::Audit(text, place) => Reading::Audit(audit_rows(self.rows, self.decided, &text, place)),
            Question::AuditEntry(id) => Reading::AuditEntry(Arc::new(audit_entry(id))),
            Question::Slots(of) => Reading::Slots(Arc::new(slots_view(of, self.rows))),
            Question::SlotHolders(_, slot) => Reading::SlotHolders(Arc::new(slot_holders(slot))),
            Question::SlotReset(_) => Reading::SlotReset(slot_reset(self.rows)),
            Question::Forecast(id, what_if) => {
                let mut forecasts = super::forecast::forecasts(id, &what_if);
                forecasts.as_it_is.over = self.over;
                Reading::Forecast(Arc::new(forecasts))
            }
            Question::Threads(query, _) => Reading::Threads(Page {
                rows: self.threads().into_iter().filter(|row| fits(row, &query)).collect(),
                ..Page::default()
            }),
            Question::ThreadRows(ids) => {
                let rows = self.threads().into_iter().filter(|row| ids.contains(&row.id)).collect();
                Reading::ThreadRows(ids, rows)
            }
            Question::Detail(Subject::Thread(id)) => {
                let row = self.threads().into_iter().find(|row| row.id == id).unwrap();
                Reading::Detail(Detail::Thread(Box::new(thread_detail(row))))
            }
            Question::Detail(Subject::Number(id)) => {
                Reading::Detail(Detail::Number(Box::new(number_detail(id))))
            }
            Question::Detail(Subject::Campaign(id)) => {
                Reading::Detail(Detail::Campaign(Box::new(campaign_detail(id))))
            }
            Question::Detail(Subject::Recipient(id)) => {
                Reading::Detail(Detail::Recipient(Box::new(recipient_detail(id))))
            }
            Question::Detail(_) => panic!("nobody asks for details of this"),
        }
    }

    fn threads(&self) -> Vec<ThreadRow> {
        threads().into_iter().take(usize::try_from(self.rows).unwrap()).collect()
    }

    fn page(&self, place: Place) -> Page<RecipientRow> {
        let at = |cursor: Cursor| (0..self.rows).find(|at| recipient_id(*at).0 == cursor.id).unwrap();
        let size = PAGE_ROWS as u64;
        let (from, to) = match place {
            Place::Start => (0, size.min(self.rows)),
            Place::End => (self.rows.saturating_sub(size), self.rows),
            Place::After(cursor) | Place::NextFailed(cursor) => {
                (at(cursor) + 1, (at(cursor) + 1 + size).min(self.rows))
            }
            Place::Before(cursor) | Place::PreviousFailed(cursor) => {
                (at(cursor).saturating_sub(size), at(cursor))
            }
        };
        Page { rows: (from..to).map(recipient).collect(), more_before: from > 0, more_after: to < self.rows }
    }

    /// Presses keys by name, drawing between them as the program does.
    pub fn keys(&mut self, names: &str) {
        for name in names.split(' ') {
            self.key(name);
            self.draw();
        }
    }

    pub fn key(&mut self, name: &str) {
        let (modifiers, rest) = match name.strip_prefix("ctrl-") {
            Some(rest) => (KeyModifiers::CONTROL, rest),
            None => (KeyModifiers::NONE, name),
        };
        let code = match rest {
            "Enter" => KeyCode::Enter,
            "Esc" => KeyCode::Esc,
            "Tab" => KeyCode::Tab,
            "Shift-Tab" => KeyCode::BackTab,
            "Space" => KeyCode::Char(' '),
            "Up" => KeyCode::Up,
            "Down" => KeyCode::Down,
            "PgDn" => KeyCode::PageDown,
            "PgUp" => KeyCode::PageUp,
            "Left" => KeyCode::Left,
            "Right" => KeyCode::Right,
            "Backspace" => KeyCode::Backspace,
            "F2" => KeyCode::F(2),
            "F3" => KeyCode::F(3),
            one => KeyCode::Char(one.chars().next().unwrap()),
        };
        self.send(Msg::Key(KeyEvent::new(code, modifiers)));
    }

    /// Types text.
    pub fn text(&mut self, text: &str) {
        for letter in text.chars() {
            self.send(Msg::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::NONE)));
        }
        self.draw();
    }

    /// Lets time pass, with the ticks that the model asks for.
    pub fn wait(&mut self, millis: u64) {
        let until = self.elapsed + std::time::Duration::from_millis(millis);
        while let Some(at) = crate::tui::update::wake_at(&self.model) {
            let at = at.duration_since(self.start);
            if at > until {
                break;
            }
            self.elapsed = at;
            self.send(Msg::Tick);
        }
        self.elapsed = until;
        self.send(Msg::Tick);
        self.draw();
    }

    pub fn buffer(&mut self) -> Buffer {
        let mut buffer = Buffer::empty(Rect::new(0, 0, self.model.size.width, self.model.size.height));
        self.model.geometry = crate::tui::view::view(&self.model, &mut buffer);
        self.model.dirty = crate::tui::model::Dirty::Clean;
        buffer
    }

    /// Draws, and lets the model see what the picture needs.
    pub fn draw(&mut self) {
        let _ = self.buffer();
        self.send(Msg::Tick);
        let _ = self.buffer();
    }

    /// The screen as text.
    pub fn screen(&mut self) -> String {
        self.draw();
        let buffer = self.buffer();
        let mut lines = Vec::new();
        for y in 0..buffer.area.height {
            let line: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
            lines.push(line.trim_end().to_owned());
        }
        lines.join("\n")
    }

    /// Orders that were handed over.
    pub fn orders(&self) -> Vec<&crate::domain::action::Order> {
        self.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Act { orders, .. } => Some(orders.iter()),
                _ => None,
            })
            .flatten()
            .collect()
    }

    /// Answers the last orders: all done, with or without a way back.
    pub fn done(&mut self, undo: bool) {
        let acts: Vec<(u64, Vec<crate::domain::action::Order>)> = self
            .effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Act { act, orders, .. } => Some((*act, orders.clone())),
                _ => None,
            })
            .collect();
        for (act, orders) in acts {
            let answers = orders
                .into_iter()
                .map(|order| {
                    let back = undo.then(|| Box::new(order.clone()));
                    (order, crate::tui::backend::ActionAnswer::Done { version: Some(Version(8)), undo: back })
                })
                .collect();
            self.send(Msg::Acted { act, answers });
        }
        self.effects.clear();
    }

    /// Everything is stopped; where a second instance sends, three are still in the air.
    pub fn stop_all(&mut self) {
        let Some(mut overview) = self.model.overview().cloned() else { return };
        overview.stop = Some(Stop { by: "anna".into(), since: wall(), reason: "by operator".into() });
        overview.per_second = 0.0;
        for instance in &mut overview.instances {
            instance.phase = "stopped".into();
        }
        if let [first, second] = overview.instances.as_mut_slice() {
            (first.in_air, second.in_air) = (0, 3);
        }
        overview.in_air = overview.instances.iter().map(|instance| instance.in_air).sum();
        self.done(false);
        self.model.toasts.clear();
        self.send(Msg::Overview(Ok(Arc::new(overview))));
    }

    /// Somebody else pauses a campaign.
    pub fn change_campaign(&mut self, number: u64) {
        let Some(mut overview) = self.model.overview().cloned() else { return };
        for row in overview.campaigns.iter_mut().filter(|row| row.id == campaign_id(number)) {
            row.version = Version(row.version.0 + 1);
            row.standing = CampaignStanding::Paused;
            row.by = "bea".into();
        }
        self.send(Msg::Overview(Ok(Arc::new(overview))));
    }

    /// Numbers fall silent, are slowed and rested for it, and warn.
    pub fn fall_silent(&mut self) {
        let Some(mut overview) = self.model.overview().cloned() else { return };
        let seen =
            "silent death suspected: 3 of 40 (8%) arrived in time, usually 95%; a canary is on its way";
        for row in &mut overview.numbers {
            row.version = Version(row.version.0 + 1);
            if row.id == number_id(1) {
                row.pulse = Pulse::Amber;
                row.slowed = Some(Slowed { percent: 50, causes: vec![Cause::Silent(seen.into())] });
            } else if row.id == number_id(2) {
                row.pulse = Pulse::Red;
                row.standing = NumberStanding::Suspended {
                    reason:
                        "silent death: the canary did not arrive; 0 of 22 (0%) arrived in time, usually 93%"
                            .into(),
                    since: ago(70),
                    until: None,
                    by: "sender".into(),
                };
            } else if row.id == number_id(5) {
                (row.warns, row.hold) = (Some("BAN RISK, blocked 3.1%".into()), None);
            }
        }
        self.send(Msg::Overview(Ok(Arc::new(overview))));
    }

    /// The sender tells of a number that failed.
    pub fn alarm(&mut self) {
        self.send(Msg::Notice(crate::tui::backend::Notice {
            at: wall(),
            by: "sender".into(),
            what: "promo rate limited, moved to support-b".into(),
            subject: Subject::Number(number_id(3)),
            version: None,
            alarming: true,
        }));
    }
}

/// What the database would say of a thread and a question.
fn fits(row: &ThreadRow, query: &ThreadQuery) -> bool {
    let in_scope = match &query.scope {
        ThreadScope::Open => row.done.is_none(),
        ThreadScope::Unread => row.unread > 0,
        ThreadScope::Of(operator) => row.done.is_none() && row.assigned_to.as_ref() == Some(operator),
        ThreadScope::Done => row.done.is_some(),
        ThreadScope::All => true,
    };
    let text = query.text.as_str();
    in_scope && (row.name.as_str().contains(text) || row.last_text.as_str().contains(text))
}
