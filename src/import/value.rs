//! The optional cells: each is checked, brought to one spelling, and written, or refused with what it should have been.

use super::{Cause, copy::push_array_element};
use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone, Timelike, Utc};
use chrono_tz::Tz;
use std::str::FromStr;

/// How much of a refused cell is shown.
const SHOWN: usize = 60;

/// A refusal of a cell.
pub(super) fn refuse(column: &'static str, found: &str, expected: &'static str) -> Cause {
    Cause::Value { column, found: found.chars().take(SHOWN).collect(), expected }
}

/// `fr`, `fr-CM`: language in small letters, region in capitals, a hyphen between.
pub(super) fn push_locale(out: &mut Vec<u8>, text: &str) -> Result<(), Cause> {
    let wrong = || refuse("locale", text, "a language such as fr or fr-CM");
    let mut parts = text.split(['-', '_']);
    let language = parts.next().unwrap_or_default();
    if !(2..=3).contains(&language.len()) || !language.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(wrong());
    }
    out.extend(language.bytes().map(|byte| byte.to_ascii_lowercase()));
    for (count, part) in parts.enumerate() {
        if count == 3
            || !(2..=8).contains(&part.len())
            || !part.bytes().all(|byte| byte.is_ascii_alphanumeric())
        {
            return Err(wrong());
        }
        out.push(b'-');
        if part.len() == 2 {
            out.extend(part.bytes().map(|byte| byte.to_ascii_uppercase()));
        } else {
            out.extend_from_slice(part.as_bytes());
        }
    }
    Ok(())
}

/// A name of the IANA zone database.
pub(super) fn push_zone(out: &mut Vec<u8>, text: &str) -> Result<(), Cause> {
    let zone = Tz::from_str(text).map_err(|_| refuse("timezone", text, "a zone such as Africa/Douala"))?;
    out.extend_from_slice(zone.name().as_bytes());
    Ok(())
}

/// Every code that ISO 3166-1 assigns, and XK, which phones and payments use for Kosovo.
const COUNTRIES: &str = "AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN BO BQ BR BS BT BV \
BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CR CU CV CW CX CY CZ DE DJ DK DM DO DZ EC EE EG EH ER ES ET FI FJ FK FM \
FO FR GA GB GD GE GF GG GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU ID IE IL IM IN IO IQ IR IS IT JE JM \
JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC MD ME MF MG MH MK ML MM MN MO MP MQ MR \
MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS \
RU RW SA SB SC SD SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TC TD TF TG TH TJ TK TL TM TN TO TR TT TV TW TZ \
UA UG UM US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW";

/// For each pair of letters whether it is a country's code.
const IS_COUNTRY: [bool; 26 * 26] = {
    let codes = COUNTRIES.as_bytes();
    let mut known = [false; 26 * 26];
    let mut at = 0;
    while at < codes.len() {
        known[(codes[at] - b'A') as usize * 26 + (codes[at + 1] - b'A') as usize] = true;
        at += 3;
    }
    known
};

/// Two letters, in capitals.
pub(super) fn push_country(out: &mut Vec<u8>, text: &str) -> Result<(), Cause> {
    let code = <[u8; 2]>::try_from(text.as_bytes())
        .ok()
        .map(|letters| letters.map(|letter| letter.to_ascii_uppercase()))
        .filter(|letters| letters.iter().all(u8::is_ascii_uppercase))
        .filter(|[first, second]| IS_COUNTRY[usize::from(first - b'A') * 26 + usize::from(second - b'A')])
        .ok_or_else(|| refuse("country", text, "a two-letter country code such as CM"))?;
    out.extend_from_slice(&code);
    Ok(())
}

/// `female` and `male` from the usual short forms; anything else in small letters.
pub(super) fn gender(text: &str) -> String {
    let small = text.to_lowercase();
    match small.as_str() {
        "f" | "w" | "woman" | "femme" => "female".to_owned(),
        "m" | "man" | "homme" => "male".to_owned(),
        _ => small,
    }
}

/// Whether the person agreed to be written to.
pub(super) fn consent(text: &str) -> Result<bool, Cause> {
    const YES: [&str; 9] = ["yes", "true", "1", "y", "t", "opt-in", "opted-in", "optin", "oui"];
    const NO: [&str; 9] = ["no", "false", "0", "n", "f", "opt-out", "opted-out", "optout", "non"];
    let is_in = |words: &[&str]| words.iter().any(|word| text.eq_ignore_ascii_case(word));
    match (is_in(&YES), is_in(&NO)) {
        (true, _) => Ok(true),
        (_, true) => Ok(false),
        _ => Err(refuse("consent", text, "yes or no (true, false, 1, 0, opt-in, opt-out)")),
    }
}

/// A date of birth, not before 1900 and not after today.
pub(super) fn push_birth_date(out: &mut Vec<u8>, text: &str, today: NaiveDate) -> Result<(), Cause> {
    let expected = "a date in the past such as 1990-12-31";
    date(text)
        .filter(|date| *date <= today)
        .map(|_date| out.extend_from_slice(text.as_bytes()))
        .ok_or_else(|| refuse("birth_date", text, expected))
}

/// A date or a time; without zone it is meant in the organisation's. Written as seconds in UTC.
pub(super) fn push_moment(out: &mut Vec<u8>, text: &str, zone: Tz) -> Result<(), Cause> {
    let expected = "a date or time such as 2024-05-31, 2024-05-31T14:30 or 2024-05-31T14:30:00+01:00";
    let moment = moment(text, zone).ok_or_else(|| refuse("registered_at", text, expected))?;
    push_digits(out, moment.year().cast_unsigned(), 4);
    for (before, number) in [
        (b'-', moment.month()),
        (b'-', moment.day()),
        (b'T', moment.hour()),
        (b':', moment.minute()),
        (b':', moment.second()),
    ] {
        out.push(before);
        push_digits(out, number, 2);
    }
    out.push(b'Z');
    Ok(())
}

fn push_digits(out: &mut Vec<u8>, number: u32, count: u32) {
    for place in (0..count).rev() {
        out.push(b'0' + u8::try_from(number / 10_u32.pow(place) % 10).unwrap_or_default());
    }
}

fn moment(text: &str, zone: Tz) -> Option<DateTime<Utc>> {
    let date = date(text.get(..10)?)?;
    let rest = text.get(10..)?;
    if rest.is_empty() {
        return in_zone(date.and_time(NaiveTime::MIN), zone);
    }
    let clock = rest.strip_prefix(['T', 't', ' '])?;
    let (digits, zoned) = match clock.find(['Z', 'z', '+', '-']) {
        Some(at) => clock.split_at(at),
        None => (clock, ""),
    };
    let time = clock_time(digits)?;
    let local = date.and_time(time);
    match zoned {
        "" => in_zone(local, zone),
        "Z" | "z" => Some(local.and_utc()),
        offset => {
            let seconds = offset_seconds(offset)?;
            Some((local - TimeDelta::seconds(seconds)).and_utc())
        }
    }
}

/// `14:30`, `14:30:15`, `14:30:15.250`; parts of a second are left out.
fn clock_time(text: &str) -> Option<NaiveTime> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match whole.as_bytes() {
        [h, hh, b':', m, mm] if whole.len() == text.len() => {
            NaiveTime::from_hms_opt(number(&[*h, *hh])?, number(&[*m, *mm])?, 0)
        }
        [h, hh, b':', m, mm, b':', s, ss] => {
            NaiveTime::from_hms_opt(number(&[*h, *hh])?, number(&[*m, *mm])?, number(&[*s, *ss])?)
        }
        _ => None,
    }
}

/// Decimal digits and nothing else; a handful, so that it cannot overflow.
fn number(digits: &[u8]) -> Option<u32> {
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u32::from(digit - b'0')))
}

/// `+01:00`, `-0330`, `+01`.
fn offset_seconds(text: &str) -> Option<i64> {
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let digits: String = text.get(1..)?.chars().filter(|character| *character != ':').collect();
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let (hours, minutes) = match digits.len() {
        2 => (digits.parse::<i64>().ok()?, 0),
        4 => (digits.get(..2)?.parse::<i64>().ok()?, digits.get(2..)?.parse::<i64>().ok()?),
        _ => return None,
    };
    (hours <= 15 && minutes < 60).then_some(sign * (hours * 3600 + minutes * 60))
}

/// The first moment that this local time names; a time that the clocks jump over is the one after the jump.
fn in_zone(local: NaiveDateTime, zone: Tz) -> Option<DateTime<Utc>> {
    (0..=4)
        .find_map(|half_hours| {
            zone.from_local_datetime(&(local + TimeDelta::minutes(30 * half_hours))).earliest()
        })
        .map(|moment| moment.with_timezone(&Utc))
}

/// `YYYY-MM-DD`, from 1900 to 2199.
fn date(text: &str) -> Option<NaiveDate> {
    let bytes: [u8; 10] = text.as_bytes().try_into().ok()?;
    if bytes[4] != b'-' || bytes[7] != b'-' {
        return None;
    }
    let year = number(&bytes[..4]).filter(|year| (1900..2200).contains(year))?;
    NaiveDate::from_ymd_opt(year.cast_signed(), number(&bytes[5..7])?, number(&bytes[8..])?)
}

/// Tags separated by `|`, `;` or `,`, each once, as an array literal. Answers whether there was any.
pub(super) fn push_tags(out: &mut Vec<u8>, text: &str) -> bool {
    let mut seen: Vec<&str> = Vec::new();
    for tag in text.split(['|', ';', ',']).map(str::trim).filter(|tag| !tag.is_empty()) {
        if !seen.contains(&tag) {
            out.push(if seen.is_empty() { b'{' } else { b',' });
            push_array_element(out, tag);
            seen.push(tag);
        }
    }
    if !seen.is_empty() {
        out.push(b'}');
    }
    !seen.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(write: impl FnOnce(&mut Vec<u8>) -> Result<(), Cause>) -> Result<String, String> {
        let mut out = Vec::new();
        write(&mut out).map(|()| String::from_utf8(out).unwrap()).map_err(|cause| cause.to_string())
    }

    #[test]
    fn locales_have_one_spelling() {
        for (text, expected) in [("fr", "fr"), ("FR", "fr"), ("fr_cm", "fr-CM"), ("zh-Hant-TW", "zh-Hant-TW")]
        {
            assert_eq!(written(|out| push_locale(out, text)).as_deref(), Ok(expected));
        }
        for text in ["f", "french", "fr-", "12", "fr-é", "a-b-c-d-e"] {
            assert!(written(|out| push_locale(out, text)).is_err(), "{text}");
        }
    }

    #[test]
    fn countries_are_those_of_the_standard() {
        assert_eq!(COUNTRIES.split(' ').count(), 250);
        assert!(COUNTRIES.split(' ').all(|code| code.len() == 2));
        assert_eq!(written(|out| push_country(out, "cm")).as_deref(), Ok("CM"));
        for text in ["UK", "C", "CMR", "  ", "é", "D "] {
            assert!(written(|out| push_country(out, text)).is_err(), "{text}");
        }
    }

    #[test]
    fn moments_without_zone_are_the_organisations() {
        let douala = chrono_tz::Africa::Douala;
        for (text, expected) in [
            ("2024-05-31", "2024-05-30T23:00:00Z"),
            ("2024-05-31T14:30", "2024-05-31T13:30:00Z"),
            ("2024-05-31 14:30:15", "2024-05-31T13:30:15Z"),
            ("2024-05-31T14:30:00Z", "2024-05-31T14:30:00Z"),
            ("2024-05-31T14:30:00.250+02:00", "2024-05-31T12:30:00Z"),
            ("2024-01-01T00:30-0330", "2024-01-01T04:00:00Z"),
        ] {
            assert_eq!(written(|out| push_moment(out, text, douala)).as_deref(), Ok(expected), "{text}");
        }
        for text in [
            "31/05/2024",
            "2024-02-30",
            "2024-05-31T25:00",
            "2024-05-31T1:00",
            "2024-05-31T10:00.5",
            "2024-05-31T10:00:00.",
            "2024-05-31Tnow",
            "2024-05-31T10:00+99:00",
            "1024-05-31",
            "2024-05-3é",
            "",
        ] {
            assert!(written(|out| push_moment(out, text, douala)).is_err(), "{text}");
        }
    }

    #[test]
    fn a_midnight_that_the_clocks_jump_over_is_the_first_moment_of_that_day() {
        let written = written(|out| push_moment(out, "2024-04-26", chrono_tz::Africa::Cairo));
        assert_eq!(written.as_deref(), Ok("2024-04-25T22:00:00Z"));
    }

    #[test]
    fn nobody_is_born_tomorrow_or_in_another_spelling() {
        let today = NaiveDate::from_ymd_opt(2026, 1, 1).unwrap();
        assert_eq!(written(|out| push_birth_date(out, "2026-01-01", today)).as_deref(), Ok("2026-01-01"));
        for text in ["2026-01-02", "1990-13-01", "31-12-1990", "1899-12-31", "1990-1-1"] {
            let error = written(|out| push_birth_date(out, text, today)).unwrap_err();
            assert!(error.contains(text), "{error}");
        }
    }

    #[test]
    fn consent_is_yes_or_no() {
        for text in ["Yes", "TRUE", "1", "opt-in", "oui"] {
            assert_eq!(consent(text), Ok(true), "{text}");
        }
        for text in ["no", "False", "0", "opt-out", "non"] {
            assert_eq!(consent(text), Ok(false), "{text}");
        }
        assert!(consent("maybe").is_err());
    }

    #[test]
    fn tags_come_once_each() {
        let mut out = Vec::new();
        assert!(push_tags(&mut out, " vip |new;vip, a\"b ,,"));
        assert_eq!(String::from_utf8(out).unwrap(), "{\"vip\",\"new\",\"a\\\\\"b\"}");
        assert!(!push_tags(&mut Vec::new(), " ; | "));
    }

    #[test]
    fn genders_have_one_spelling() {
        assert_eq!(["F", "Male", "Non-Binary"].map(gender), ["female", "male", "non-binary"]);
    }
}
