//! Who has which number.

use crate::domain::ids::CampaignId;
use crate::domain::phone::Phone;
use crate::domain::text::{Safe, Shown};
use chrono::{DateTime, Utc};

/// All slots of one scope: the organisation's, or those of a campaign that has its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotsView {
    /// Whose they are; `None`: the organisation's.
    pub campaign: Option<CampaignId>,
    /// Campaigns that have slots of their own.
    pub campaigns: Vec<(CampaignId, Shown)>,
    /// The lowest slot.
    pub first: u16,
    /// The highest slot.
    pub last: u16,
    /// After so many days without use a slot is free again; `None`: never.
    pub expiry_days: Option<u32>,
    /// People who have one.
    pub people: u64,
    /// Slots that nobody has.
    pub free: u64,
    /// Slots that several people have.
    pub shared: u64,
    /// Those that somebody has, by slot.
    pub held: Vec<SlotCell>,
}

/// A slot that somebody has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotCell {
    /// Which one.
    pub slot: u16,
    /// How many people have it.
    pub people: u64,
    /// Of them, the one whose campaign used it last.
    pub phone: Phone,
    /// That person's name.
    pub name: Shown,
    /// When that was.
    pub used_at: DateTime<Utc>,
    /// Nobody used it for longer than it lasts: the next enrolment may give it to somebody else.
    pub is_over: bool,
}

/// Somebody who has a slot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SlotHolder {
    /// Whose it is.
    pub phone: Phone,
    /// Their name.
    pub name: Shown,
    /// All were held when it was given.
    pub shared: bool,
    /// The campaign that gave it, or the operator.
    pub given_by: Safe,
    /// When.
    pub given_at: DateTime<Utc>,
    /// When a campaign used it last.
    pub used_at: DateTime<Utc>,
    /// When it is free again, unless it is used before; `None`: never by itself.
    pub until: Option<DateTime<Utc>>,
}

/// What taking all slots of a scope back would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlotResetView {
    /// People whose slot would be taken back.
    pub released: u64,
    /// People who keep theirs: a message that is still to be sent shows it.
    pub kept: u64,
}
