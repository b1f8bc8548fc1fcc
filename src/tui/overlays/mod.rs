//! What lies over the tabs: one stack, the last one has the keys. "Two dialogs half open" cannot be said.

pub mod alerts;
pub mod audit;
pub mod channel;
pub mod channels;
pub mod confirm;
pub mod copy;
pub mod doubts;
pub mod drawer;
pub mod filter;
pub mod findings;
pub mod forecast;
pub mod form;
pub mod guide;
pub mod handover;
pub mod help;
pub mod instances;
pub mod number_file;
pub mod palette;
pub mod picker;
pub mod pools;
pub mod progress;
pub mod qr;
pub mod quit;
pub mod reason;
pub mod reread;
pub mod risks;
pub mod schedule;
pub mod settings;
pub mod slots;
pub mod stop;
pub mod wizard;

use crate::tui::model::{Geometry, Model};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use ratatui::layout::Rect;

/// A panel over the whole tab with lines that scroll. `fill` writes them, told how many columns and rows there are, and
/// answers from which line on they are shown.
fn scrolled(
    model: &Model,
    canvas: &mut Canvas<'_>,
    area: Rect,
    geometry: &mut Geometry,
    border: Border<'_>,
    fill: impl FnOnce(&mut Facts, (usize, usize)) -> usize,
) {
    canvas.clear(area);
    let inside = canvas.panel(area, border, Role::Frame);
    let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
    let mut facts = Facts::new(inside.width, model.theme);
    let rows = usize::from(inside.height);
    let from = fill(&mut facts, (usize::from(inside.width), rows));
    (geometry.overlay_rows, geometry.overlay_lines) = (rows, facts.len());
    facts.draw(canvas, inside, from);
}

/// One of them.
#[derive(Debug, Clone)]
pub enum Overlay {
    /// Everything about one thing.
    Drawer(drawer::Drawer),
    /// The keys.
    Help(help::Help),
    /// A guide to read.
    Guide(Box<guide::Guide>),
    /// Any command.
    Palette(palette::Palette),
    /// A question before something dangerous.
    Confirm(Box<confirm::Confirm>),
    /// A number, a pool, the terms of a campaign, or what would be if they were others.
    Form(Box<form::Form>),
    /// A file of numbers, imported or written.
    NumberFile(Box<number_file::NumberFile>),
    /// A new campaign.
    Wizard(Box<wizard::Wizard>),
    /// The operator's words for the audit log.
    Reason(Box<reason::ReasonPrompt>),
    /// What to copy.
    Copy,
    /// A filter being typed.
    Filter(filter::FilterInput),
    /// A short list to choose from.
    Picker(picker::Picker),
    /// Running programs and who holds which number; scrolled so far.
    Instances(usize),
    /// When a campaign will be done, day by day.
    Forecast(Box<forecast::ForecastPanel>),
    /// What of a campaign is to be fixed or accepted.
    Findings(Box<findings::FindingList>),
    /// How far a campaign is, and who of it gets nothing.
    Progress(Box<progress::ProgressPanel>),
    /// What runs and what is to come.
    Schedule(Box<schedule::Schedule>),
    /// Who has which number.
    Slots(Box<slots::SlotGrid>),
    /// The pools and their numbers.
    Pools(Box<pools::PoolPanel>),
    /// A number as a QR code.
    Qr(Box<qr::QrPanel>),
    /// A report: the note for the next shift, or how the numbers did.
    Handover(Box<handover::HandoverPanel>),
    /// What operators were told.
    Alerts(Box<alerts::AlertList>),
    /// Where alerts go besides the console.
    Channels(Box<channels::ChannelList>),
    /// One of these places, new or edited.
    Channel(Box<channel::ChannelForm>),
    /// What is set of the organisation.
    Settings(Box<settings::SettingsForm>),
    /// What was decided, by whom, and what takes it back.
    Audit(Box<audit::AuditPanel>),
    /// Attempts in doubt.
    Doubts,
    /// All sending is stopped: what is still in the air.
    Stop,
    /// Whether to quit while this process sends.
    Quit(quit::Quit),
}
