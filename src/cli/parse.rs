//! Values in arguments: each refused with a sentence that says what it should be.

use crate::domain::consent::OWN_WORDS;
pub use crate::domain::given::{
    Limit, WarmUp, When, day_or_time, in_flight, interval, number_limit, per_second, phone, positive_limit,
    priority, queue, reply_share, warm_up, weight, when,
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

/// How people agreed, as somebody else knows it. What this system writes of what it heard itself no file may say.
pub fn consent_method(raw: &str) -> Result<String, String> {
    let said = raw.trim();
    if OWN_WORDS.contains(&said.to_lowercase().as_str()) {
        return Err(format!(
            "{said:?} is what is written of a consent that a person gave here; say how these people agreed, such as \"paper form\""
        ));
    }
    if said.is_empty() || said.chars().count() > 200 || said.chars().any(char::is_control) {
        return Err(
            "how people agreed is said in 1 to 200 letters on one line, such as \"paper form\"".to_owned()
        );
    }
    Ok(said.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_people_agreed_is_said_in_words_that_are_not_ours() {
        assert_eq!(consent_method(" paper form, shop 3 "), Ok("paper form, shop 3".to_owned()));
        for wrong in ["", " ", "Operator", "reply", "a\nb", &"x".repeat(201)] {
            assert!(consent_method(wrong).is_err(), "{wrong:?}");
        }
    }
}
