//! Everything that the console knows. Changed by [`crate::tui::update`] only, read by the views.

use crate::domain::action::{Order, Subject, Version};
use crate::domain::ids::{CampaignId, NumberId};
use crate::domain::text::Safe;
use crate::store::view::{
    AuditRow, CampaignRow, Cursor, DoubtRow, NumberRow, Overview, RecipientOrder, RecipientQuery,
    RecipientRow, Session, ThreadQuery, ThreadRow, ThreadScope, Total,
};
use crate::tui::Ended;
use crate::tui::keymap::{Keymap, Layer};
use crate::tui::lists::local::Identified;
use crate::tui::lists::paged::Placed;
use crate::tui::lists::{LiveLog, LocalList, PagedList};
use crate::tui::msg::{Detail, Moment};
use crate::tui::overlays::{Overlay, form::Form};
use crate::tui::testing::Tests;
use crate::tui::theme::Theme;
use crate::tui::update::Motion;
use ratatui::layout::{Rect, Size};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Older data is marked as such.
pub const STALE: Duration = Duration::from_secs(3);
/// Time in which an action can be taken back.
pub const UNDO: Duration = Duration::from_secs(10);
/// How long rows changed by others stand out.
pub const FLASH: Duration = Duration::from_secs(3);

/// The tabs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Tab {
    /// Sending numbers.
    #[default]
    Numbers,
    /// Campaigns.
    Campaigns,
    /// Recipients.
    Recipients,
    /// Attempts as they happen.
    Live,
    /// Threads with people.
    Replies,
}

impl Tab {
    /// All of them, from the left.
    pub const ALL: [Self; 5] = [Self::Numbers, Self::Campaigns, Self::Recipients, Self::Live, Self::Replies];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Numbers => "Numbers",
            Self::Campaigns => "Campaigns",
            Self::Recipients => "Recipients",
            Self::Live => "Live",
            Self::Replies => "Replies",
        }
    }

    /// Its name where there is little room.
    pub fn short_title(self) -> &'static str {
        match self {
            Self::Numbers => "Num",
            Self::Campaigns => "Camp",
            Self::Recipients => "Recip",
            Self::Live => "Live",
            Self::Replies => "Repl",
        }
    }

    /// Its layer of keys.
    pub fn layer(self) -> Layer {
        match self {
            Self::Numbers => Layer::Numbers,
            Self::Campaigns => Layer::Campaigns,
            Self::Recipients => Layer::Recipients,
            Self::Live => Layer::Live,
            Self::Replies => Layer::Replies,
        }
    }
}

/// Whether something visible may have changed, and how soon it has to be seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Dirty {
    /// Nothing changed.
    #[default]
    Clean,
    /// Data changed: at the pace of live data.
    Live,
    /// The operator did something: at once.
    Input,
}

/// Where the data comes from and how old it is.
#[derive(Debug, Clone, Default)]
pub struct Source {
    /// The last picture.
    pub overview: Option<Arc<Overview>>,
    /// When it came.
    pub fresh_at: Option<Instant>,
    /// Since when there is none, and why.
    pub away: Option<(Moment, Safe)>,
}

/// The Recipients tab.
#[derive(Debug, Clone, Default)]
pub struct RecipientsTab {
    /// The rows.
    pub list: PagedList<RecipientRow>,
    /// Of this campaign; `None`: of all.
    pub campaign: Option<CampaignId>,
    /// Whether the tab has been looked at, so that a campaign was chosen for it.
    pub opened: bool,
    /// What was typed as filter.
    pub filter_text: String,
    /// What it means.
    pub filter: crate::domain::filter::Filter,
    /// In this order.
    pub order: RecipientOrder,
    /// How many there are, once counted.
    pub total: Option<Total>,
    /// Rows that would now stand above the first.
    pub newer: u64,
    /// How long the last page took.
    pub page_took: Option<Duration>,
    /// A typed filter that waits to be applied.
    pub typed_at: Option<Instant>,
    /// When rows on screen were asked for last.
    pub refreshed_at: Option<Instant>,
    /// When the newer ones were counted last.
    pub newer_at: Option<Instant>,
    /// The newest place of the first page, as of entry.
    pub top: Option<Cursor>,
}

impl RecipientsTab {
    /// The question that the list answers.
    pub fn query(&self) -> RecipientQuery {
        RecipientQuery { campaign: self.campaign, filter: self.filter.clone(), order: self.order }
    }
}

/// The Replies tab.
#[derive(Debug, Clone, Default)]
pub struct RepliesTab {
    /// The rows.
    pub list: PagedList<ThreadRow>,
    /// Which threads.
    pub scope: ThreadScope,
    /// What was typed as filter: a part of phone, name or last text.
    pub filter_text: String,
    /// A typed filter that waits to be applied.
    pub typed_at: Option<Instant>,
    /// When rows on screen were asked for last.
    pub refreshed_at: Option<Instant>,
    /// When somebody had written last when the first page was asked for.
    pub asked_heard_at: Option<chrono::DateTime<chrono::Utc>>,
    /// When somebody wrote last, as of the first page.
    pub heard_at: Option<chrono::DateTime<chrono::Utc>>,
}

impl RepliesTab {
    /// Whether somebody wrote after the first page was read.
    pub fn loaded_before(&self, heard_at: Option<chrono::DateTime<chrono::Utc>>) -> bool {
        self.list.loaded && heard_at > self.heard_at
    }

    /// The question that the list answers.
    pub fn query(&self) -> ThreadQuery {
        ThreadQuery { scope: self.scope.clone(), text: Safe::new(&self.filter_text) }
    }
}

/// What drawer and side panel show.
#[derive(Debug, Clone)]
pub struct Shown {
    /// About what.
    pub subject: Subject,
    /// The last answer.
    pub detail: Option<Detail>,
    /// Why there is none.
    pub error: Option<crate::tui::backend::BackendError>,
    /// The question's number.
    pub request: u64,
    /// When it was asked; `None`: not yet.
    pub asked_at: Option<Instant>,
    /// Whether it is under way.
    pub waiting: bool,
    /// When this subject was chosen.
    pub since: Instant,
}

/// How a toast is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    /// Done.
    Ok,
    /// For information.
    Info,
    /// Not as wished.
    Warn,
    /// Wrong.
    Bad,
}

/// A short notice over the lists.
#[derive(Debug, Clone)]
pub struct Toast {
    /// How it is meant.
    pub level: Level,
    /// The first line.
    pub text: String,
    /// The second.
    pub more: Option<String>,
    /// When it goes.
    pub until: Instant,
    /// Whether `u` takes back what it tells.
    pub undo: bool,
}

/// What can be taken back.
#[derive(Debug, Clone)]
pub struct Undo {
    /// The orders that do it.
    pub orders: Vec<Order>,
    /// What they bring back, in words.
    pub label: String,
    /// Until when it is offered.
    pub until: Instant,
}

/// Orders under way.
#[derive(Debug, Clone)]
pub struct Pending {
    /// What they do, in words: `paused spring-news`.
    pub label: String,
    /// About what.
    pub subjects: Vec<Subject>,
    /// A second line for the toast.
    pub more: Option<String>,
    /// Whether these take back something.
    pub is_undo: bool,
    /// The form that asked for them: it comes back if all of them are refused.
    pub form: Option<Box<Form>>,
}

/// A change by somebody else, for the status line.
#[derive(Debug, Clone)]
pub struct Elsewhere {
    /// When it was made.
    pub at: chrono::DateTime<chrono::Utc>,
    /// Who made it.
    pub by: Safe,
    /// What it was.
    pub what: Safe,
    /// How long it is told.
    pub until: Instant,
    /// Whether somebody should look.
    pub alarming: bool,
}

/// What the last drawing found out and the next key needs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Geometry {
    /// Rows that fit the list of the tab.
    pub list_rows: usize,
    /// First row shown of it.
    pub list_offset: usize,
    /// Rows that fit the list of the overlay.
    pub overlay_rows: usize,
    /// First row shown of it.
    pub overlay_offset: usize,
    /// Lines of the overlay in all, for scrolling.
    pub overlay_lines: usize,
    /// Whether a side panel is shown.
    pub panel: bool,
    /// Where the rows of the list are, for the mouse.
    pub list: Rect,
    /// Where the titles of the tabs are, for the mouse.
    pub tabs: [Rect; 5],
}

/// Everything that the console knows.
#[derive(Debug, Clone)]
pub struct Model {
    /// Now.
    pub now: Moment,
    /// Who is here.
    pub session: Session,
    /// Whether the wheel scrolls and a click selects, rather than the terminal's own selecting and copying.
    pub mouse: bool,
    /// Why this process has no sender although it should have one, if that is so.
    pub missing: Option<Safe>,
    /// Nothing can be changed, because the operator asked for that.
    pub read_only: bool,
    /// Why Ctrl-z cannot stop this process, if it cannot.
    pub cannot_stop: Option<&'static str>,
    /// How things look.
    pub theme: Theme,
    /// What keys mean.
    pub keymap: Keymap,
    /// The terminal's size.
    pub size: Size,
    /// The open tab.
    pub tab: Tab,
    /// What lies over it; the last one has the keys.
    pub overlays: Vec<Overlay>,
    /// The data and its age.
    pub source: Source,
    /// The Numbers tab.
    pub numbers: LocalList<NumberRow>,
    /// The Campaigns tab.
    pub campaigns: LocalList<CampaignRow>,
    /// The Recipients tab.
    pub recipients: RecipientsTab,
    /// The Replies tab.
    pub replies: RepliesTab,
    /// The Live tab.
    pub live: LiveLog,
    /// Attempts in doubt.
    pub doubts: PagedList<DoubtRow>,
    /// Drawer and side panel.
    pub shown: Option<Shown>,
    /// Notices, oldest first.
    pub toasts: Vec<Toast>,
    /// What can be taken back.
    pub undo: Option<Undo>,
    /// Numbers under test.
    pub tests: Tests,
    /// Orders under way.
    pub pending: BTreeMap<u64, Pending>,
    /// The last change by somebody else.
    pub elsewhere: Option<Elsewhere>,
    /// Rows that others changed, and until when they stand out.
    pub flashes: BTreeMap<Subject, Instant>,
    /// The one phone that is shown in full, and until when.
    pub revealed: Option<(Subject, Instant)>,
    /// The number of the next question or order.
    pub next_request: u64,
    /// What the last drawing found out.
    pub geometry: Geometry,
    /// Whether to draw.
    pub dirty: Dirty,
    /// How long the last commit took, for the pace shown.
    pub frames_per_second: u32,
    /// Lines run from the palette, the latest last.
    pub history: Vec<String>,
    /// Whether the lists have to be put in order again once the cursor rests.
    pub order_due: bool,
    /// What moves by itself, as it was drawn last.
    pub motion: Motion,
    /// Set when the console is to end.
    pub ended: Option<Ended>,
}

impl Model {
    /// A console that knows nothing yet.
    pub fn new(
        now: Moment,
        session: Session,
        read_only: bool,
        theme: Theme,
        keymap: Keymap,
        size: Size,
    ) -> Self {
        Self {
            now,
            session,
            mouse: false,
            missing: None,
            read_only,
            cannot_stop: None,
            theme,
            keymap,
            size,
            tab: Tab::default(),
            overlays: Vec::new(),
            source: Source::default(),
            numbers: LocalList::default(),
            campaigns: LocalList::default(),
            recipients: RecipientsTab::default(),
            replies: RepliesTab::default(),
            live: LiveLog::new(),
            doubts: PagedList::default(),
            shown: None,
            toasts: Vec::new(),
            undo: None,
            tests: Tests::default(),
            pending: BTreeMap::new(),
            elsewhere: None,
            flashes: BTreeMap::new(),
            revealed: None,
            next_request: 1,
            geometry: Geometry::default(),
            dirty: Dirty::Input,
            frames_per_second: 4,
            history: Vec::new(),
            order_due: false,
            motion: Motion::default(),
            ended: None,
        }
    }

    /// Whether anything may be changed from here.
    pub fn may_act(&self) -> bool {
        !self.read_only && self.session.may_write
    }

    /// The last picture.
    pub fn overview(&self) -> Option<&Overview> {
        self.source.overview.as_deref()
    }

    /// How old the picture is, if that is worth a word.
    pub fn stale(&self) -> Option<Duration> {
        let age = self.now.mono.saturating_duration_since(self.source.fresh_at?);
        (age >= STALE).then_some(age)
    }

    /// The next request's number.
    pub fn number_request(&mut self) -> u64 {
        self.next_request += 1;
        self.next_request - 1
    }

    /// Something visible changed.
    pub fn touch(&mut self, dirty: Dirty) {
        self.dirty = self.dirty.max(dirty);
    }

    /// Shows a notice; at most three at a time.
    pub fn toast(&mut self, level: Level, text: impl Into<String>) {
        self.toast_with(level, text, None, false);
    }

    /// Shows a notice of two lines, with or without the offer to take back.
    pub fn toast_with(&mut self, level: Level, text: impl Into<String>, more: Option<String>, undo: bool) {
        let stays = match level {
            _ if undo => UNDO,
            Level::Ok | Level::Info => Duration::from_secs(5),
            Level::Warn | Level::Bad => Duration::from_secs(10),
        };
        let toast = Toast { level, text: text.into(), more, until: self.now.mono + stays, undo };
        // The same words twice are one notice that stays longer.
        self.toasts.retain(|other| other.text != toast.text);
        self.toasts.push(toast);
        if self.toasts.len() > 3 {
            self.toasts.remove(0);
        }
        self.touch(Dirty::Input);
    }

    /// Whether orders about this are under way.
    pub fn is_pending(&self, subject: Subject) -> bool {
        self.pending.values().any(|pending| pending.subjects.contains(&subject))
    }

    /// Whether somebody else changed this a moment ago.
    pub fn is_flashing(&self, subject: Subject) -> bool {
        self.flashes.get(&subject).is_some_and(|until| self.now.mono < *until)
    }

    /// Whether this phone is to be shown in full.
    pub fn is_revealed(&self, subject: Subject) -> bool {
        self.revealed.is_some_and(|(whose, until)| whose == subject && self.now.mono < until)
    }

    /// A number of the last picture.
    pub fn number(&self, id: NumberId) -> Option<&NumberRow> {
        self.overview()?.numbers.iter().find(|row| row.id == id)
    }

    /// A campaign of the last picture.
    pub fn campaign(&self, id: CampaignId) -> Option<&CampaignRow> {
        self.overview()?.campaigns.iter().find(|row| row.id == id)
    }

    /// The present version of a row, as far as it is known.
    pub fn version(&self, subject: Subject) -> Option<Version> {
        match subject {
            Subject::Number(id) => self.number(id).map(|row| row.version),
            Subject::Campaign(id) => self.campaign(id).map(|row| row.version),
            Subject::Recipient(id) => {
                self.recipients.list.rows().iter().find(|kept| kept.row.id == id).map(|kept| kept.row.version)
            }
            Subject::Attempt(id) => {
                self.doubts.rows().iter().find(|kept| kept.row.id == id).map(|kept| kept.row.version)
            }
            Subject::Thread(id) => {
                self.replies.list.rows().iter().find(|kept| kept.row.id == id).map(|kept| kept.row.version)
            }
            Subject::Organization => None,
        }
    }

    /// Whether the sender inside this process sends or may send.
    pub fn sends_here(&self) -> bool {
        let Some(instance) = self.session.instance else { return false };
        // Without a picture the careful answer is yes.
        self.overview().is_none_or(|overview| {
            overview.instances.iter().any(|row| {
                row.id == instance
                    && (row.in_air > 0
                        || (row.sends
                            && overview.stop.is_none()
                            // Not "and holds a number": the picture is a second old, and a number can be ours by now.
                            && overview.campaigns.iter().any(|campaign| {
                                campaign.standing == crate::store::view::CampaignStanding::Active
                            })))
            })
        })
    }

    /// Whether the clock stands still between minutes, because nothing else moves.
    pub fn motion_is_by_the_minute(&self) -> bool {
        !crate::tui::update::counts_seconds(self)
    }

    /// Whether an overlay that wants an answer or text is open: lists stand still behind it.
    pub fn in_dialog(&self) -> bool {
        self.overlays.iter().any(|overlay| !matches!(overlay, Overlay::Drawer(_)))
    }
}

impl Identified for NumberRow {
    type Id = NumberId;
    fn id(&self) -> NumberId {
        self.id
    }
}

impl Identified for CampaignRow {
    type Id = CampaignId;
    fn id(&self) -> CampaignId {
        self.id
    }
}

impl Placed for RecipientRow {
    type Id = crate::domain::ids::RecipientId;
    fn id(&self) -> Self::Id {
        self.id
    }
    fn place(&self) -> Cursor {
        Cursor { at: self.updated_at, id: self.id.0 }
    }
}

impl Placed for ThreadRow {
    type Id = crate::domain::ids::ConversationId;
    fn id(&self) -> Self::Id {
        self.id
    }
    fn place(&self) -> Cursor {
        Cursor { at: self.last_at, id: self.id.0 }
    }
}

impl Placed for DoubtRow {
    type Id = crate::domain::ids::AttemptId;
    fn id(&self) -> Self::Id {
        self.id
    }
    fn place(&self) -> Cursor {
        Cursor { at: self.started_at, id: self.id.0 }
    }
}

impl Placed for AuditRow {
    type Id = uuid::Uuid;
    fn id(&self) -> Self::Id {
        self.id
    }
    fn place(&self) -> Cursor {
        Cursor { at: self.at, id: self.id }
    }
}
