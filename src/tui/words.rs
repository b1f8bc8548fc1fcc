//! Figures, times and lengths in the words of the screen, and text cut to the columns there are.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::borrow::Cow;
use std::time::Duration;
use unicode_segmentation::UnicodeSegmentation as _;
use unicode_width::UnicodeWidthStr as _;

/// Columns that a text takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `columns`, cut between graphemes with an ellipsis.
pub fn fit(text: &str, columns: usize, ascii: bool) -> Cow<'_, str> {
    if text.len() <= columns && text.is_ascii() || text.width() <= columns {
        return Cow::Borrowed(text);
    }
    let ellipsis = match (ascii, columns) {
        (_, 0) => return Cow::Borrowed(""),
        (true, 1..=4) => "~",
        (true, _) => "...",
        (false, _) => "\u{2026}",
    };
    let room = columns - ellipsis.width();
    let mut cut = String::with_capacity(columns + 4);
    let mut used = 0;
    for grapheme in text.graphemes(true) {
        let wide = grapheme.width();
        if used + wide > room {
            break;
        }
        used += wide;
        cut.push_str(grapheme);
    }
    cut.push_str(ellipsis);
    Cow::Owned(cut)
}

/// `text` in lines of at most `columns`, broken at spaces where there are any; at most `most` lines.
pub fn wrap(text: &str, columns: usize, most: usize, ascii: bool) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines: Vec<String> = vec![String::new()];
    let mut used = 0;
    for word in pieces(text) {
        let wide = word.width();
        if used + wide > columns && used > 0 {
            if word.trim().is_empty() {
                continue;
            }
            trim_end(&mut lines);
            lines.push(String::new());
            used = 0;
        }
        if wide <= columns {
            if let Some(line) = lines.last_mut() {
                line.push_str(word);
            }
            used += wide;
            continue;
        }
        for grapheme in word.graphemes(true) {
            if used + grapheme.width() > columns {
                lines.push(String::new());
                used = 0;
            }
            if let Some(line) = lines.last_mut() {
                line.push_str(grapheme);
            }
            used += grapheme.width();
        }
    }
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            *last = fit(&format!("{last} {}", " ".repeat(columns)), columns, ascii).into_owned();
        }
    }
    lines
}

/// Words and the spaces between them, in turn.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let first = rest.chars().next()?;
        let end = rest.find(|c: char| (c == ' ') != (first == ' ')).unwrap_or(rest.len());
        let (piece, behind) = rest.split_at(end);
        rest = behind;
        Some(piece)
    })
}

fn trim_end(lines: &mut [String]) {
    if let Some(last) = lines.last_mut() {
        last.truncate(last.trim_end().len());
    }
}

/// `1 204 020`
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// `1 230 000` of 1 231 870 that may be off by 40 000: no digit that says more than is known.
pub fn rounded(number: u64, margin: u64) -> String {
    let unit = 10_u64.pow(margin.checked_ilog10().unwrap_or(0));
    grouped((number + unit / 2) / unit * unit)
}

/// `1 number`, `6 numbers`
pub fn count(number: u64, what: &str) -> String {
    let ending = if number == 1 { "" } else { "s" };
    format!("{} {what}{ending}", grouped(number))
}

/// `12 345` as long as it fits the usual column, then `1.2 M`.
pub fn short_count(number: u64) -> String {
    #[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
    let float = number as f64;
    match number {
        0..=999_999 => grouped(number),
        1_000_000..=999_999_999 => format!("{:.1} M", float / 1e6),
        _ => format!("{:.1} G", float / 1e9),
    }
}

/// In four characters at most: `3312`, `12k`, `312k`, `1.2M`; rounds down.
pub fn tiny_count(number: u64) -> String {
    let (unit, name) = match number {
        0..=9_999 => return number.to_string(),
        10_000..=999_999 => (1_000, 'k'),
        1_000_000..=999_999_999 => (1_000_000, 'M'),
        _ => (1_000_000_000, 'G'),
    };
    match (number / unit, number / (unit / 10) % 10) {
        (whole @ 0..=9, tenth) => format!("{whole}.{tenth}{name}"),
        (whole, _) => format!("{whole}{name}"),
    }
}

/// In five characters at most: `9 999`, `12k`; rounds down.
pub fn narrow_count(number: u64) -> String {
    if number < 10_000 { grouped(number) } else { tiny_count(number) }
}

/// `62%`; rounds down, so that 100 % means all.
pub fn percent(part: u64, whole: u64) -> u64 {
    if whole == 0 { 0 } else { u64::try_from(u128::from(part) * 100 / u128::from(whole)).unwrap_or(u64::MAX) }
}

/// `0.4%`, `11%`, `-` of nothing.
pub fn share(part: u32, whole: u32) -> String {
    if whole == 0 {
        return "-".into();
    }
    let tenths = u64::from(part) * 1000 / u64::from(whole);
    if tenths >= 100 { format!("{}%", tenths / 10) } else { format!("{}.{}%", tenths / 10, tenths % 10) }
}

/// `41.8/s`
pub fn rate(per_second: f64) -> String {
    if per_second >= 1000.0 { format!("{per_second:.0}/s") } else { format!("{per_second:.1}/s") }
}

/// `640 ms`, `2.1 s`, `41 s`, `3 min`, `1 h 20 min`, `2 d 3 h`
pub fn length(length: Duration) -> String {
    let seconds = length.as_secs();
    match seconds {
        0 => format!("{} ms", length.as_millis()),
        1..=9 => format!("{:.1} s", length.as_secs_f64()),
        10..=119 => format!("{seconds} s"),
        120..=3599 => format!("{} min", seconds / 60),
        3600..=86_399 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// `14:03:22` on the day of `now`, otherwise `05-04 14:03`.
pub fn clock(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    let (local, today) = (at.with_timezone(&zone), now.with_timezone(&zone));
    if local.date_naive() == today.date_naive() {
        local.format("%H:%M:%S").to_string()
    } else {
        local.format("%m-%d %H:%M").to_string()
    }
}

/// By when everybody who waits now got the message that is next for them, at the present pace. The steps after it are in no
/// list: a forecast knows them.
pub fn due_by(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    format!("about {}: one message to each who waits; f: all steps", opening(at, now, zone))
}

/// As [`clock`], to the minute, and `tomorrow` said as a word where the hour alone would mislead.
pub fn opening(at: DateTime<Utc>, now: DateTime<Utc>, zone: Tz) -> String {
    let (local, today) = (at.with_timezone(&zone), now.with_timezone(&zone));
    let days = (local.date_naive() - today.date_naive()).num_days();
    match days {
        0 if (at - now).num_seconds().abs() < 600 => local.format("%H:%M:%S").to_string(),
        0 => local.format("%H:%M").to_string(),
        // Midnight is what nearly every daily cap opens at; no need for a date.
        1 if local.format("%H%M").to_string() == "0000" => "midnight".into(),
        1 => local.format("tomorrow %H:%M").to_string(),
        _ => local.format("%m-%d %H:%M").to_string(),
    }
}

/// `3 s ago`, `in 41 s`, `now`.
pub fn relative(at: DateTime<Utc>, now: DateTime<Utc>) -> String {
    let seconds = (at - now).num_seconds();
    let words = length(Duration::from_secs(seconds.unsigned_abs().max(1)));
    let words = words.replace(".0 s", " s");
    match seconds {
        0 => "now".into(),
        1.. => format!("in {words}"),
        _ => format!("{words} ago"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use chrono::TimeZone as _;

    #[test]
    fn text_is_cut_by_columns_not_by_letters() {
        assert_eq!(fit("spring-news", 11, false), "spring-news");
        assert_eq!(fit("spring-news", 6, false), "sprin\u{2026}");
        assert_eq!(fit("spring-news", 7, true), "spri...");
        assert_eq!(fit("你好世界", 5, false), "你好\u{2026}");
        assert_eq!(fit("你好", 1, true), "~");
        assert_eq!(fit("x", 0, false), "");
        for columns in 0..12 {
            assert!(width(&fit("a👩\u{200d}👩\u{200d}👧 日本 e\u{301}", columns, false)) <= columns);
        }
    }

    #[test]
    fn long_text_wraps_at_spaces_and_never_overflows() {
        assert_eq!(wrap("one two three", 7, 9, true), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4, 9, true), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("one two three four", 7, 2, true), ["one two", "thre..."]);
        assert_eq!(wrap("", 7, 2, true), [""]);
    }

    #[test]
    fn figures_read_easily() {
        assert_eq!(grouped(0), "0");
        assert_eq!(grouped(104_020), "104 020");
        assert_eq!(grouped(1_000_000), "1 000 000");
        assert_eq!(short_count(2_412_345), "2.4 M");
        let tiny = [0, 999, 9_999, 10_000, 312_999, 999_999, 1_000_000, 1_299_999, 12_000_000, 999_999_999]
            .map(tiny_count);
        assert_eq!(tiny, ["0", "999", "9999", "10k", "312k", "999k", "1.0M", "1.2M", "12M", "999M"]);
        assert_eq!([9_999, 10_000, 60_999].map(narrow_count), ["9 999", "10k", "60k"]);
        assert_eq!(percent(199, 200), 99);
        assert_eq!(percent(0, 0), 0);
        assert_eq!(share(1, 250), "0.4%");
        assert_eq!(
            [(1_231_870, 40_000), (1_231_870, 400_000), (77, 0), (9, 50)].map(|(n, m)| rounded(n, m)),
            ["1 230 000", "1 200 000", "77", "10"]
        );
        assert_eq!(share(11, 100), "11%");
        assert_eq!(share(0, 0), "-");
        assert_eq!(rate(41.84), "41.8/s");
    }

    #[test]
    fn times_are_told_as_an_operator_would() {
        assert_eq!(length(Duration::from_millis(640)), "640 ms");
        assert_eq!(length(Duration::from_millis(2_100)), "2.1 s");
        assert_eq!(length(Duration::from_mins(80)), "1 h 20 min");
        let zone = chrono_tz::Africa::Douala;
        let now = Utc.with_ymd_and_hms(2026, 5, 4, 13, 3, 22).unwrap();
        assert_eq!(clock(now, now, zone), "14:03:22");
        assert_eq!(clock(now - chrono::Duration::days(1), now, zone), "05-03 14:03");
        assert_eq!(opening(now + chrono::Duration::hours(1), now, zone), "15:03");
        let midnight = Utc.with_ymd_and_hms(2026, 5, 4, 23, 0, 0).unwrap();
        assert_eq!(opening(midnight, now, zone), "midnight");
        assert_eq!(opening(midnight + chrono::Duration::hours(8), now, zone), "tomorrow 08:00");
        assert_eq!(relative(now - chrono::Duration::seconds(3), now), "3 s ago");
        assert_eq!(relative(now + chrono::Duration::seconds(41), now), "in 41 s");
    }
}
