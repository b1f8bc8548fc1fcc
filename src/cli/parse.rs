//! Values in arguments: each refused with a sentence that says what it should be.

pub use crate::domain::given::{
    Limit, WarmUp, When, in_flight, interval, number_limit, per_second, phone, positive_limit, priority,
    queue, reply_share, warm_up, weight, when,
};

use chrono_tz::Tz;

/// A reason that has to be there.
pub fn reason(raw: &str) -> Result<String, String> {
    let said = raw.chars().any(|letter| !letter.is_whitespace() && !letter.is_control());
    if said { Ok(raw.to_owned()) } else { Err("the reason says nothing; write why".to_owned()) }
}

/// A zone's IANA name.
pub fn zone(raw: &str) -> Result<Tz, String> {
    raw.parse().map_err(|_| format!("{raw:?} is no time zone; write its IANA name, such as Africa/Douala"))
}
