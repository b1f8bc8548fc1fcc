//! Where alerts go besides the console, for the console.

use super::{ReadError, Seat};
use crate::domain::action::Version;
use crate::domain::channel::{Leads, Medium};
use crate::domain::text::Shown;
use crate::store::Store;
use crate::store::channel::ChannelRecord;
use crate::store::view::ChannelRow;

impl Store {
    /// The channels of this organisation.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn channel_rows(&self, seat: &Seat) -> Result<Vec<ChannelRow>, ReadError> {
        Ok(self.alert_channels(seat.organization, None).await?.into_iter().map(row).collect())
    }
}

fn row(channel: ChannelRecord) -> ChannelRow {
    let shown = |text: &Option<String>| text.as_deref().map(Shown::new);
    ChannelRow {
        id: channel.id,
        version: Version(channel.revision),
        name: Shown::new(&channel.name),
        medium: Medium::of(&channel.kind),
        address: Shown::new(&channel.address),
        smtp: shown(&channel.smtp),
        mail_from: shown(&channel.mail_from),
        leads: Leads { address: channel.address, smtp: channel.smtp, mail_from: channel.mail_from },
        has_secret: channel.sealed_secret.is_some(),
        least: Shown::new(&channel.least),
        kinds: channel.kinds.map(|kinds| kinds.iter().map(|kind| Shown::new(kind)).collect()),
        daily_report: channel.daily_report,
        is_active: channel.is_active,
        failing: channel.failing_since.zip(channel.failing_reason.as_deref().map(Shown::new)),
        waiting: u64::try_from(channel.waiting).unwrap_or(0),
    }
}
