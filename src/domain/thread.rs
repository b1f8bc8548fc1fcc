//! The name of a thread inside a text: `#282: when do you open?`. With several threads between one person and one number,
//! both sides write it before what they say.

/// The thread that a text names, and what it says; `None`: it names none.
#[must_use]
pub fn named(text: &str) -> Option<(i32, &str)> {
    let rest = text.trim_start().strip_prefix('#')?;
    let digits = rest.len() - rest.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
    let thread = rest.get(..digits)?.parse().ok().filter(|thread| *thread > 0)?;
    let said = rest.get(digits..)?;
    // "#1 in town" names nothing: without a colon it is how people write.
    Some((thread, said.trim_start().strip_prefix(':')?.trim_start()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_is_named_by_a_number_and_a_colon() {
        for (text, expected) in [
            ("#282: message", Some((282, "message"))),
            ("  #7 :\u{a0}oui", Some((7, "oui"))),
            ("#7:", Some((7, ""))),
            ("#282 message", None),
            ("#0: x", None),
            ("#99999999999: x", None),
            ("# 1: x", None),
            ("1: x", None),
            ("we are #1: the best", None),
            ("", None),
        ] {
            assert_eq!(named(text), expected, "{text:?}");
        }
    }
}
