//! What the console reads: plain data, ready to be shown.
//!
//! Every text from outside is [`Safe`](crate::domain::text::Safe) or [`Shown`](crate::domain::text::Shown) here, so that
//! view code cannot meet anything else: no field is a bare string (a test reads these files). Phones carry their own
//! mask. Times are the database's.

mod alert;
mod audit;
mod campaign;
mod channel;
mod draft;
mod forecast;
mod live;
mod number;
mod overview;
mod page;
mod pool;
mod progress;
mod recipient;
mod slots;
mod thread;

pub use super::number_move::Load;
pub use alert::{AlertRow, HandoverSection, HandoverView, Severity};
pub use audit::{AuditChange, AuditDetail, AuditRow, LaterDecision};
pub use campaign::{
    CampaignDetail, CampaignRow, CampaignStanding, Counts, DayLine, ErrorLine, RolloutLine, StepLine,
    VariantLine, Variants,
};
pub use channel::ChannelRow;
pub use draft::{AudienceCount, CampaignMade, FileCheck, FindingRow, Known};
pub use forecast::{FORECAST_DAYS, ForecastDay, ForecastNumber, ForecastView, Forecasts};
pub use live::{LiveEvent, LiveKind};
pub use number::{HealthView, NumberDetail, NumberRow, NumberStanding, NumberTest, VitalsView};
pub use overview::{
    AccountRow, Gate, HoldView, InstanceRow, LeaseRow, LogLine, OVERVIEW_ROWS, Overview, PoolRow, Presence,
    Session, Stop,
};
pub use page::{COUNT_LIMIT, Cursor, PAGE_ROWS, Page, Place, RecipientOrder, RecipientQuery, Total};
pub use pool::{PoolMember, PoolView};
pub use progress::{PaceView, ProgressDay, ProgressView, QueueLine, SkipReason};
pub use recipient::{
    AttemptLine, DoubtRow, ElsewhereLine, MessageState, ReceiptLine, RecipientDetail, RecipientRow,
};
pub use slots::{SlotCell, SlotHolder, SlotResetView, SlotsView};
pub use thread::{ThreadDetail, ThreadMessage, ThreadQuery, ThreadRow, ThreadScope, Window};
