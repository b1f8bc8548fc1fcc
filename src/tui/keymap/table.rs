//! The table itself: one row per command and layer.

use super::{Danger, Key, Layer};
use crate::tui::allowed;
use crate::tui::model::Model;
use std::borrow::Cow;

/// Why a command is not possible now, as the operator reads it.
pub type Reason = Cow<'static, str>;

/// What a key can mean.
#[expect(missing_docs, reason = "each is described by its title in the table below")]
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cmd {
    TabNumbers,
    TabCampaigns,
    TabRecipients,
    TabLive,
    TabReplies,
    NextTab,
    PreviousTab,
    Help,
    Palette,
    Filter,
    Quit,
    Back,
    Interrupt,
    Redraw,
    SuspendProcess,
    Undo,
    StopAll,
    ReleaseStop,
    Instances,
    Doubts,
    Alerts,
    Handover,
    Acknowledge,
    AcknowledgeAll,
    Copy,
    Reload,
    Up,
    Down,
    PageUp,
    PageDown,
    Top,
    Bottom,
    Left,
    Right,
    Open,
    Mark,
    MarkRange,
    MarkAll,
    Sort,
    Order,
    NumberResume,
    NumberSuspend,
    NumberRaise,
    NumberLower,
    NumberFailOver,
    NumberTest,
    NumberNew,
    NumberEdit,
    NumberDisable,
    NumberEnable,
    NumberRemove,
    NumberMove,
    NumberQr,
    NumberStats,
    CampaignPauseResume,
    CampaignLaunch,
    CampaignCancel,
    CampaignWiden,
    CampaignNew,
    CampaignLike,
    CampaignSteps,
    CampaignEdit,
    CampaignForecast,
    CampaignProgress,
    CampaignSkipped,
    Schedule,
    OtherView,
    CampaignFindings,
    AcceptFinding,
    WhatIf,
    AsItIs,
    TakeBack,
    Slots,
    SlotGive,
    SlotMove,
    SlotFree,
    SlotReset,
    SlotScope,
    RecipientsOf,
    RecipientExclude,
    RecipientRetry,
    ThreadAnswer,
    ThreadTake,
    ThreadHandOver,
    ThreadEnd,
    NextFailed,
    PreviousFailed,
    NextHit,
    PreviousHit,
    ChooseCampaign,
    Reveal,
    Follow,
    ErrorsOnly,
    Clear,
    Window1,
    Window5,
    Window15,
    DrawerNext,
    DrawerPrevious,
    Escaped,
    SettleSent,
    SettleNotSent,
    SettleResend,
    Accept,
    Yes,
    Reread,
    NextField,
    PreviousField,
    Toggle,
    NextPage,
    PreviousPage,
    AddStep,
    AddVariant,
    RemoveStep,
    OpenFile,
    Save,
    Complete,
    CopyRow,
    CopyId,
    CopyMessageId,
    CopyPhone,
}

/// Where an entry stands in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Group {
    /// Of this tab or overlay.
    Here,
    /// Of everywhere.
    Everywhere,
    /// Moving about.
    Move,
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub struct Entry {
    /// What happens.
    pub cmd: Cmd,
    /// Its name in the user's file, unique within its layer.
    pub name: &'static str,
    /// Where it counts.
    pub layer: Layer,
    /// Its keys unless the operator has chosen others.
    pub keys: &'static str,
    /// For help and palette.
    pub title: &'static str,
    /// For the hint line.
    pub short: &'static str,
    /// How dangerous it is.
    pub danger: Danger,
    /// How much it belongs on the hint line: 1 first, 0 never.
    pub hint: u8,
    /// Whether it is possible now.
    pub enabled: fn(&Model) -> Result<(), Reason>,
}

impl Entry {
    /// The default keys.
    pub fn default_keys(&self) -> Vec<Key> {
        self.keys.split(' ').filter_map(Key::read).collect()
    }

    /// Where it stands in the help.
    pub fn group(&self) -> Group {
        match self.layer {
            Layer::Global if self.cmd == Cmd::NextTab || self.cmd == Cmd::PreviousTab => Group::Everywhere,
            Layer::Global => Group::Everywhere,
            Layer::List
                if matches!(
                    self.cmd,
                    Cmd::Open | Cmd::Mark | Cmd::MarkRange | Cmd::MarkAll | Cmd::Sort | Cmd::Order
                ) =>
            {
                Group::Everywhere
            }
            Layer::List => Group::Move,
            _ => Group::Here,
        }
    }
}

#[expect(clippy::unnecessary_wraps, reason = "stands where conditions stand")]
fn always(_: &Model) -> Result<(), Reason> {
    Ok(())
}

const fn row(layer: Layer, cmd: Cmd, name: &'static str, keys: &'static str, title: &'static str) -> Entry {
    Entry { cmd, name, layer, keys, title, short: title, danger: Danger::Safe, hint: 0, enabled: always }
}

impl Entry {
    const fn hint(mut self, weight: u8, short: &'static str) -> Self {
        self.hint = weight;
        self.short = short;
        self
    }

    const fn danger(mut self, danger: Danger) -> Self {
        self.danger = danger;
        self
    }

    const fn when(mut self, enabled: fn(&Model) -> Result<(), Reason>) -> Self {
        self.enabled = enabled;
        self
    }
}

use Danger::{Tier0, Tier1, Tier2};
use Layer::{
    Alerts, Campaigns, Copy, Dialog, Doubts, Drawer, Findings, Forecast, Form, Global, Help, Input, List,
    Live, Numbers, Palette, Panel, Picker, Progress, Recipients, Replies, Slots, Wizard,
};

/// Every key of the console, in the order in which help and hint line show them.
#[rustfmt::skip]
pub static TABLE: &[Entry] = &[
    row(Numbers, Cmd::NumberResume, "resume", "p", "resume").danger(Tier1).hint(1, "resume").when(allowed::number_resume),
    row(Numbers, Cmd::NumberSuspend, "suspend", "x", "suspend, with a reason").danger(Tier0).hint(1, "suspend").when(allowed::number_suspend),
    row(Numbers, Cmd::NumberRaise, "raise", "+", "raise priority").danger(Tier1).hint(2, "priority").when(allowed::number_raise),
    row(Numbers, Cmd::NumberLower, "lower", "-", "lower priority").danger(Tier0).hint(0, "lower").when(allowed::number_lower),
    row(Numbers, Cmd::NumberFailOver, "fail_over", "F", "fail over now").danger(Tier1).hint(2, "failover").when(allowed::number_fail_over),
    row(Numbers, Cmd::NumberTest, "test", "t", "test at the provider").danger(Tier0).hint(7, "test").when(allowed::number_test),
    row(Numbers, Cmd::NumberNew, "new", "n", "new number").danger(Tier1).hint(6, "new").when(allowed::number_new),
    row(Numbers, Cmd::NumberEdit, "edit", "e", "edit it, or all that are marked").danger(Tier2).hint(6, "edit").when(allowed::number_edit),
    row(Numbers, Cmd::NumberDisable, "disable", "X", "disable, takes no part").danger(Tier0).hint(0, "disable").when(allowed::number_disable),
    row(Numbers, Cmd::NumberEnable, "enable", "E", "enable").danger(Tier1).hint(1, "enable").when(allowed::number_enable),
    row(Numbers, Cmd::NumberRemove, "remove", "D", "remove it; what it sent names it").danger(Tier2).hint(0, "remove").when(allowed::number_remove),
    row(Numbers, Cmd::NumberMove, "move", "M", "move its load to another number").danger(Tier2).hint(0, "move load").when(allowed::number_move),
    row(Numbers, Cmd::NumberQr, "qr", "Q", "QR code that opens a chat (recorded)").hint(0, "qr").when(allowed::number_test),
    row(Numbers, Cmd::NumberStats, "stats", "S", "how the numbers did, and what that suggests").hint(0, "stats").when(allowed::nothing_over),
    row(Campaigns, Cmd::CampaignPauseResume, "pause_resume", "p", "pause or resume").danger(Tier1).hint(1, "pause").when(allowed::campaign_pause_resume),
    row(Campaigns, Cmd::CampaignLaunch, "launch", "L", "launch").danger(Tier2).hint(1, "launch").when(allowed::campaign_launch),
    row(Campaigns, Cmd::RecipientsOf, "recipients", "r", "its recipients").hint(2, "recipients").when(allowed::campaign_selected),
    row(Campaigns, Cmd::CampaignForecast, "forecast", "f", "forecast, day by day").hint(5, "forecast").when(allowed::campaign_selected),
    row(Campaigns, Cmd::CampaignNew, "new", "n", "new campaign").danger(Tier1).hint(6, "new").when(allowed::campaign_new),
    row(Campaigns, Cmd::CampaignLike, "like", "N", "new campaign like this one").danger(Tier1).hint(0, "new like it").when(allowed::campaign_like),
    row(Campaigns, Cmd::CampaignSteps, "steps", "E", "edit its messages").danger(Tier1).hint(0, "edit texts").when(allowed::campaign_steps),
    row(Campaigns, Cmd::CampaignEdit, "edit", "e", "edit campaign").danger(Tier2).when(allowed::campaign_edit),
    row(Campaigns, Cmd::CampaignProgress, "progress", "P", "progress beside the forecast").hint(6, "progress").when(allowed::campaign_selected),
    row(Campaigns, Cmd::CampaignSkipped, "skipped", "w", "who gets nothing, and why").hint(0, "skipped").when(allowed::campaign_selected),
    row(Campaigns, Cmd::CampaignWiden, "widen", "W", "open the next stage of its rollout").danger(Tier2).hint(0, "widen").when(allowed::campaign_widen),
    row(Campaigns, Cmd::CampaignFindings, "findings", "A", "findings: fix or accept").hint(0, "findings").when(allowed::campaign_edit),
    row(Campaigns, Cmd::Schedule, "schedule", "Q", "schedule and queue").hint(0, "schedule").when(allowed::nothing_over),
    row(Campaigns, Cmd::Slots, "slots", "S", "slots: who has which number").hint(0, "slots").when(allowed::nothing_over),
    row(Campaigns, Cmd::CampaignCancel, "cancel", "c", "cancel for good").danger(Tier2).hint(5, "cancel").when(allowed::campaign_cancel),
    row(Recipients, Cmd::RecipientExclude, "exclude", "x", "exclude").danger(Tier0).hint(5, "exclude").when(allowed::recipient_exclude),
    row(Recipients, Cmd::RecipientRetry, "retry", "t", "retry a failed one").danger(Tier1).hint(4, "retry").when(allowed::recipient_retry),
    row(Recipients, Cmd::NextFailed, "next_failed", "]", "next failed").hint(7, "next failed"),
    row(Recipients, Cmd::PreviousFailed, "previous_failed", "[", "previous failed"),
    row(Recipients, Cmd::NextHit, "next_hit", "n", "next hit of the filter").hint(7, "next hit").when(allowed::filtered),
    row(Recipients, Cmd::PreviousHit, "previous_hit", "N", "previous hit of the filter").hint(0, "previous hit").when(allowed::filtered),
    row(Recipients, Cmd::ChooseCampaign, "choose_campaign", "C", "choose the campaign").hint(6, "campaign"),
    row(Recipients, Cmd::Reveal, "reveal", "m", "show the phone for 30 s (recorded)").hint(0, "show phone").when(allowed::recipient_selected),
    row(Live, Cmd::Follow, "follow", "f", "follow or freeze").hint(1, "follow"),
    row(Live, Cmd::ErrorsOnly, "errors_only", "e", "errors only").hint(2, "errors only"),
    row(Live, Cmd::NextFailed, "next_error", "]", "next error").hint(7, "next error"),
    row(Live, Cmd::PreviousFailed, "previous_error", "[", "previous error"),
    row(Live, Cmd::NextHit, "next_hit", "n", "next hit of the filter").hint(8, "next hit").when(allowed::filtered),
    row(Live, Cmd::PreviousHit, "previous_hit", "N", "previous hit of the filter").hint(0, "previous hit").when(allowed::filtered),
    row(Live, Cmd::Clear, "clear", "c", "clear the log on this screen").hint(7, "clear"),
    row(Live, Cmd::Window1, "window_1", "6", "figures of 1 min"),
    row(Live, Cmd::Window5, "window_5", "7", "figures of 5 min"),
    row(Live, Cmd::Window15, "window_15", "8", "figures of 15 min"),
    row(Replies, Cmd::ThreadAnswer, "answer", "a", "answer this person").danger(Tier1).hint(1, "answer").when(allowed::thread_answer),
    row(Replies, Cmd::ThreadTake, "take", "t", "take it: it is mine").danger(Tier0).hint(2, "take").when(allowed::thread_selected),
    row(Replies, Cmd::ThreadHandOver, "hand_over", "A", "hand over to an operator").danger(Tier0).hint(4, "hand over").when(allowed::thread_selected),
    row(Replies, Cmd::ThreadEnd, "end", "x", "done, until they write again").danger(Tier0).hint(2, "done").when(allowed::thread_end),
    row(Replies, Cmd::NextHit, "next_hit", "n", "next hit of the filter").hint(8, "next hit").when(allowed::filtered),
    row(Replies, Cmd::PreviousHit, "previous_hit", "N", "previous hit of the filter").hint(0, "previous hit").when(allowed::filtered),
    row(Replies, Cmd::Reveal, "reveal", "m", "show the phone for 30 s (recorded)").hint(0, "show phone").when(allowed::thread_selected),
    row(Drawer, Cmd::Back, "close", "Esc q Enter", "close").hint(1, "close"),
    row(Drawer, Cmd::DrawerNext, "next", "J", "next row").hint(2, "next"),
    row(Drawer, Cmd::DrawerPrevious, "previous", "K", "previous row").hint(3, "previous"),
    row(Drawer, Cmd::Reveal, "reveal", "m", "show the phone for 30 s (recorded)").hint(4, "show phone").when(allowed::drawer_has_phone),
    row(Drawer, Cmd::Escaped, "escaped", "v", "show altered text as it is stored").hint(5, "as stored").when(allowed::drawer_has_altered),
    row(Doubts, Cmd::SettleSent, "sent", "s", "settle as sent").danger(Tier1).hint(1, "was sent").when(allowed::doubt_selected),
    row(Doubts, Cmd::SettleNotSent, "not_sent", "n", "settle as not sent").danger(Tier1).hint(1, "was not sent").when(allowed::doubt_selected),
    row(Doubts, Cmd::SettleResend, "resend", "e", "resend although it may have arrived").danger(Tier2).hint(1, "resend").when(allowed::doubt_selected),
    row(Doubts, Cmd::Reveal, "reveal", "m", "show the phone for 30 s (recorded)").when(allowed::doubt_selected),
    row(Alerts, Cmd::Acknowledge, "acknowledge", "a Enter", "acknowledge: somebody has taken note").danger(Tier0).hint(1, "acknowledge").when(allowed::alert_open),
    row(Alerts, Cmd::AcknowledgeAll, "acknowledge_all", "A", "acknowledge all").danger(Tier1).hint(2, "all").when(allowed::alert_open),
    row(Alerts, Cmd::Up, "up", "k Up", "up"),
    row(Alerts, Cmd::Down, "down", "j Down", "down"),
    row(Alerts, Cmd::PageUp, "page_up", "ctrl-u PgUp", "page up"),
    row(Alerts, Cmd::PageDown, "page_down", "ctrl-d PgDn", "page down"),
    row(Alerts, Cmd::Top, "top", "g Home", "first"),
    row(Alerts, Cmd::Bottom, "bottom", "G End", "last"),
    row(Alerts, Cmd::Back, "close", "Esc q", "close").hint(1, "close"),
    row(List, Cmd::Open, "open", "Enter", "details").hint(3, "open").when(allowed::row_selected),
    row(Global, Cmd::Filter, "filter", "/", "filter").hint(4, "filter").when(allowed::nothing_over),
    row(List, Cmd::Sort, "sort", "s", "sort by the next column").hint(8, "sort").when(allowed::may_sort),
    row(List, Cmd::Order, "order", "o", "choose an order").hint(7, "order").when(allowed::may_order),
    row(List, Cmd::Mark, "mark", "Space", "mark").hint(6, "mark").when(allowed::may_mark),
    row(List, Cmd::MarkRange, "mark_range", "V", "mark up to here").hint(0, "mark range").when(allowed::may_mark),
    row(List, Cmd::MarkAll, "mark_all", "*", "mark all loaded rows").hint(0, "mark all").when(allowed::may_mark),
    row(Global, Cmd::Doubts, "doubts", "d", "attempts in doubt").hint(5, "in doubt").when(allowed::doubts),
    row(Global, Cmd::Alerts, "alerts", "B", "alerts: the bell").hint(0, "alerts").when(allowed::nothing_over),
    row(Global, Cmd::Handover, "handover", "H", "note for the next shift").hint(0, "handover").when(allowed::nothing_over),
    row(Global, Cmd::Instances, "instances", "I", "instances and leases").hint(9, "instances").when(allowed::nothing_over),
    row(Global, Cmd::Copy, "copy", "y", "copy menu").hint(8, "copy").when(allowed::row_selected),
    row(Global, Cmd::Undo, "undo", "u", "undo the last").danger(Tier0).hint(3, "undo").when(allowed::undo),
    row(Global, Cmd::Reload, "reload", "r", "reload, take in newer rows").hint(9, "reload"),
    row(Global, Cmd::StopAll, "stop_all", "!", "stop all sending").danger(Tier0).hint(4, "stop all").when(allowed::stop_all),
    row(Global, Cmd::ReleaseStop, "release_stop", "R", "lift the stop").danger(Tier1).hint(1, "lift stop").when(allowed::release_stop),
    row(Global, Cmd::Palette, "palette", ":", "command").hint(1, "cmd"),
    row(Global, Cmd::Help, "help", "? F1", "help").hint(1, "help"),
    row(Global, Cmd::Quit, "quit", "q", "close, quit").hint(7, "quit"),
    row(Global, Cmd::Back, "back", "Esc", "one step back"),
    row(Global, Cmd::TabNumbers, "numbers", "1", "Numbers"),
    row(Global, Cmd::TabCampaigns, "campaigns", "2", "Campaigns"),
    row(Global, Cmd::TabRecipients, "recipients", "3", "Recipients"),
    row(Global, Cmd::TabLive, "live", "4", "Live"),
    row(Global, Cmd::TabReplies, "replies", "5", "Replies"),
    row(Global, Cmd::NextTab, "next_tab", "Tab", "next tab"),
    row(Global, Cmd::PreviousTab, "previous_tab", "Shift-Tab", "previous tab"),
    row(Global, Cmd::Interrupt, "interrupt", "ctrl-c", "back; at the top, the quit question").hint(0, "back, quit"),
    row(Global, Cmd::Redraw, "redraw", "ctrl-l", "redraw everything"),
    row(Global, Cmd::SuspendProcess, "suspend_process", "ctrl-z", "stop this program for a while").hint(0, "stop program").when(allowed::suspend_process),
    row(List, Cmd::Up, "up", "k Up", "up"),
    row(List, Cmd::Down, "down", "j Down", "down"),
    row(List, Cmd::PageUp, "page_up", "ctrl-u PgUp", "page up"),
    row(List, Cmd::PageDown, "page_down", "ctrl-d PgDn", "page down"),
    row(List, Cmd::Top, "top", "g Home", "first"),
    row(List, Cmd::Bottom, "bottom", "G End", "last"),
    row(List, Cmd::Left, "left", "h Left", "columns left"),
    row(List, Cmd::Right, "right", "l Right", "columns right"),
    row(Drawer, Cmd::Up, "up", "k Up", "up"),
    row(Drawer, Cmd::Down, "down", "j Down", "down"),
    row(Drawer, Cmd::PageUp, "page_up", "ctrl-u PgUp", "page up"),
    row(Drawer, Cmd::PageDown, "page_down", "ctrl-d PgDn", "page down"),
    row(Drawer, Cmd::Top, "top", "g Home", "first"),
    row(Drawer, Cmd::Bottom, "bottom", "G End", "last"),
    row(Panel, Cmd::Up, "up", "k Up", "up"),
    row(Panel, Cmd::Down, "down", "j Down", "down"),
    row(Panel, Cmd::PageUp, "page_up", "ctrl-u PgUp", "page up"),
    row(Panel, Cmd::PageDown, "page_down", "ctrl-d PgDn", "page down"),
    row(Panel, Cmd::Top, "top", "g Home", "first"),
    row(Panel, Cmd::Bottom, "bottom", "G End", "last"),
    row(Doubts, Cmd::Up, "up", "k Up", "up"),
    row(Doubts, Cmd::Down, "down", "j Down", "down"),
    row(Doubts, Cmd::PageUp, "page_up", "ctrl-u PgUp", "page up"),
    row(Doubts, Cmd::PageDown, "page_down", "ctrl-d PgDn", "page down"),
    row(Doubts, Cmd::Top, "top", "g Home", "first"),
    row(Doubts, Cmd::Bottom, "bottom", "G End", "last"),
    row(Picker, Cmd::Up, "up", "k Up", "up"),
    row(Picker, Cmd::Down, "down", "j Down", "down"),
    row(Picker, Cmd::PageUp, "page_up", "ctrl-u PgUp", "page up"),
    row(Picker, Cmd::PageDown, "page_down", "ctrl-d PgDn", "page down"),
    row(Picker, Cmd::Top, "top", "g Home", "first"),
    row(Picker, Cmd::Bottom, "bottom", "G End", "last"),
    row(Panel, Cmd::NumberQr, "qr_again", "m", "show the code again (recorded)").when(allowed::qr_open),
    row(Panel, Cmd::Back, "close", "Esc q", "close").hint(1, "close"),
    row(Doubts, Cmd::Open, "open", "Enter", "details").hint(2, "open").when(allowed::doubt_selected),
    row(Dialog, Cmd::Accept, "accept", "Enter", "press the button").hint(1, "press button"),
    row(Dialog, Cmd::NextField, "next", "Tab Left Right", "other button").hint(2, "other button"),
    row(Dialog, Cmd::PreviousField, "previous", "Shift-Tab", "other button"),
    row(Dialog, Cmd::Yes, "yes", "y", "yes").hint(3, "yes").when(allowed::dialog_takes_yes),
    row(Dialog, Cmd::Reread, "reread", "r", "take in the change").hint(1, "take in the change").when(allowed::dialog_changed),
    row(Dialog, Cmd::Back, "cancel", "Esc q", "cancel").hint(1, "cancel"),
    row(Form, Cmd::NextField, "next", "Tab Down", "next field").hint(1, "next field"),
    row(Form, Cmd::PreviousField, "previous", "Shift-Tab Up", "previous field").hint(4, "previous"),
    row(Form, Cmd::Toggle, "toggle", "Space", "next choice").hint(3, "choice").when(allowed::form_on_choice),
    row(Form, Cmd::Accept, "accept", "Enter", "next field, or save").hint(5, "next or save"),
    row(Form, Cmd::Save, "save", "ctrl-s", "save").hint(2, "save"),
    row(Form, Cmd::Back, "cancel", "Esc", "cancel").hint(1, "cancel"),
    row(Progress, Cmd::OtherView, "other", "Tab", "progress, or who gets nothing").hint(2, "other view"),
    row(Progress, Cmd::Open, "people", "Enter", "list the people").hint(2, "people").when(allowed::reason_selected),
    row(Progress, Cmd::TakeBack, "take_back", "i", "send to them after all").danger(Tier1).hint(1, "take back").when(allowed::reason_selected),
    row(Progress, Cmd::Up, "up", "k Up", "up"),
    row(Progress, Cmd::Down, "down", "j Down", "down"),
    row(Progress, Cmd::PageUp, "page_up", "ctrl-u PgUp", "page up"),
    row(Progress, Cmd::PageDown, "page_down", "ctrl-d PgDn", "page down"),
    row(Progress, Cmd::Top, "top", "g Home", "first"),
    row(Progress, Cmd::Bottom, "bottom", "G End", "last"),
    row(Progress, Cmd::Back, "close", "Esc q", "close").hint(1, "close"),
    row(Findings, Cmd::AcceptFinding, "accept", "a Enter", "accept it as it is, with a reason").danger(Tier0).hint(1, "accept").when(allowed::finding_open),
    row(Findings, Cmd::Up, "up", "k Up", "up"),
    row(Findings, Cmd::Down, "down", "j Down", "down"),
    row(Findings, Cmd::PageUp, "page_up", "ctrl-u PgUp", "page up"),
    row(Findings, Cmd::PageDown, "page_down", "ctrl-d PgDn", "page down"),
    row(Findings, Cmd::Top, "top", "g Home", "first"),
    row(Findings, Cmd::Bottom, "bottom", "G End", "last"),
    row(Findings, Cmd::Back, "close", "Esc q", "close").hint(1, "close"),
    row(Forecast, Cmd::WhatIf, "what_if", "w Enter", "what if: numbers, limits, other campaigns").hint(1, "what if").when(allowed::forecast_read),
    row(Forecast, Cmd::AsItIs, "as_it_is", "x", "only as it is").hint(2, "as it is").when(allowed::what_if_asked),
    row(Slots, Cmd::SlotGive, "give", "a", "give this slot to somebody").danger(Tier0).hint(1, "give").when(allowed::slot_free),
    row(Slots, Cmd::SlotMove, "move", "m", "give its holder another slot").danger(Tier0).hint(1, "move").when(allowed::slot_held),
    row(Slots, Cmd::SlotFree, "free", "x", "take this slot back").danger(Tier1).hint(1, "take back").when(allowed::slot_held),
    row(Slots, Cmd::SlotReset, "reset", "X", "take all slots back, counted first").danger(Tier2).hint(2, "reset").when(allowed::slots_read),
    row(Slots, Cmd::SlotScope, "scope", "o", "slots of the next campaign that has its own").hint(3, "scope"),
    row(Slots, Cmd::DrawerNext, "next", "J", "next one who shares it").hint(6, "next holder").when(allowed::slot_held),
    row(Slots, Cmd::DrawerPrevious, "previous", "K", "previous one who shares it").when(allowed::slot_held),
    row(Slots, Cmd::Up, "up", "k Up", "up"),
    row(Slots, Cmd::Down, "down", "j Down", "down"),
    row(Slots, Cmd::Left, "left", "h Left", "left"),
    row(Slots, Cmd::Right, "right", "l Right", "right"),
    row(Slots, Cmd::PageUp, "page_up", "ctrl-u PgUp", "page up"),
    row(Slots, Cmd::PageDown, "page_down", "ctrl-d PgDn", "page down"),
    row(Slots, Cmd::Top, "top", "g Home", "first"),
    row(Slots, Cmd::Bottom, "bottom", "G End", "last"),
    row(Slots, Cmd::Back, "close", "Esc q", "close").hint(1, "close"),
    row(Wizard, Cmd::NextField, "next", "Tab Down", "next field").hint(2, "next field"),
    row(Wizard, Cmd::PreviousField, "previous", "Shift-Tab Up", "previous field").hint(0, "previous"),
    row(Wizard, Cmd::NextPage, "next_page", "PgDn", "next page").hint(1, "next page"),
    row(Wizard, Cmd::PreviousPage, "previous_page", "PgUp", "previous page").hint(4, "page before"),
    row(Wizard, Cmd::Toggle, "toggle", "Space", "next choice").hint(3, "choice").when(allowed::form_on_choice),
    row(Wizard, Cmd::Accept, "accept", "Enter", "next field, or press the button"),
    row(Wizard, Cmd::AddStep, "add_step", "ctrl-n", "a further step").hint(3, "step"),
    row(Wizard, Cmd::AddVariant, "add_variant", "ctrl-y", "a further variant of the step").hint(7, "variant"),
    row(Wizard, Cmd::RemoveStep, "remove_step", "ctrl-x", "take this step out, or this variant").hint(5, "no step"),
    row(Wizard, Cmd::OpenFile, "open", "ctrl-r", "open a campaign file").hint(6, "open"),
    row(Wizard, Cmd::Save, "save", "ctrl-s", "make the campaign, or write its file").danger(Tier1).hint(1, "save"),
    row(Wizard, Cmd::Back, "cancel", "Esc", "leave; asks where something would be lost").hint(1, "leave"),
    row(Input, Cmd::Accept, "accept", "Enter", "apply").hint(1, "apply"),
    row(Input, Cmd::Back, "cancel", "Esc", "cancel").hint(1, "cancel"),
    row(Input, Cmd::Complete, "complete", "Tab", "complete").hint(2, "complete"),
    row(Palette, Cmd::Accept, "run", "Enter", "run").hint(1, "run"),
    row(Palette, Cmd::Up, "up", "Up", "up"),
    row(Palette, Cmd::Down, "down", "Down", "down"),
    row(Palette, Cmd::Complete, "complete", "Tab", "complete").hint(2, "complete"),
    row(Palette, Cmd::Back, "close", "Esc", "close").hint(1, "close"),
    row(Help, Cmd::Accept, "run", "Enter", "run the chosen").hint(2, "run"),
    row(Help, Cmd::Up, "up", "Up", "up"),
    row(Help, Cmd::Down, "down", "Down", "down"),
    row(Help, Cmd::PageUp, "page_up", "PgUp", "page up"),
    row(Help, Cmd::PageDown, "page_down", "PgDn", "page down"),
    row(Help, Cmd::Back, "close", "Esc F1", "close").hint(1, "close"),
    row(Copy, Cmd::CopyRow, "row", "y", "the row").hint(1, "row"),
    row(Copy, Cmd::CopyId, "id", "i", "the id").hint(1, "id"),
    row(Copy, Cmd::CopyMessageId, "message_id", "m", "the message id").hint(1, "message id").when(allowed::has_message_id),
    row(Copy, Cmd::CopyPhone, "phone", "p", "the phone (recorded)").hint(1, "phone").when(allowed::has_phone),
    row(Copy, Cmd::Back, "close", "Esc q", "close").hint(1, "close"),
    row(Picker, Cmd::Accept, "accept", "Enter", "choose").hint(1, "choose"),
    row(Picker, Cmd::Back, "close", "Esc q", "close").hint(1, "close"),
];
