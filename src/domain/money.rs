//! Amounts of money as operators write them: `12.50 EUR`. Whole hundredths, never floating point.

use serde::{Serialize, Serializer};
use std::{collections::BTreeMap, fmt, str::FromStr};

/// Largest amount, in hundredths: more than any number costs, and sums of millions of them fit.
const MOST: i64 = 100_000_000_000;

/// Three capital letters, as ISO 4217 has them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Currency([u8; 3]);

impl Currency {
    /// As it is written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

impl fmt::Display for Currency {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A text that is no amount or no currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a number, or with more than two digits behind the point.
    #[error("it is an amount such as 12.50, at most two digits behind the point")]
    Amount,
    /// Not three letters.
    #[error("it is three letters such as EUR, USD or XAF")]
    Currency,
}

impl FromStr for Currency {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim().to_ascii_uppercase();
        let letters: [u8; 3] = text.as_bytes().try_into().map_err(|_| MoneyError::Currency)?;
        if letters.iter().all(u8::is_ascii_uppercase) { Ok(Self(letters)) } else { Err(MoneyError::Currency) }
    }
}

/// Reads `12`, `12.5` or `12.50` as hundredths.
///
/// # Errors
/// When it is nothing of that.
pub fn hundredths(text: &str) -> Result<i64, MoneyError> {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let is_digits = |digits: &str| digits.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || whole.len() > 10 || part.len() > 2 || !is_digits(whole) || !is_digits(part) {
        return Err(MoneyError::Amount);
    }
    let whole: i64 = whole.parse().map_err(|_| MoneyError::Amount)?;
    let part: i64 = format!("{part:0<2}").parse().map_err(|_| MoneyError::Amount)?;
    Some(whole * 100 + part).filter(|amount| *amount <= MOST).ok_or(MoneyError::Amount)
}

/// So many hundredths of a currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Money {
    /// Hundredths.
    pub amount: i64,
    /// Of what.
    pub currency: Currency,
}

impl Money {
    /// From a row: both, or nothing.
    #[must_use]
    pub fn of(amount: Option<i64>, currency: Option<&str>) -> Option<Self> {
        Some(Self { amount: amount?, currency: currency?.parse().ok()? })
    }
}

impl fmt::Display for Money {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}.{:02} {}", self.amount / 100, self.amount % 100, self.currency))
    }
}

impl Serialize for Money {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Sums by currency: what is in different ones is not added up.
#[must_use]
pub fn sum(amounts: impl IntoIterator<Item = Money>) -> Vec<Money> {
    let mut sums: BTreeMap<Currency, i64> = BTreeMap::new();
    for money in amounts {
        let sum = sums.entry(money.currency).or_default();
        *sum = sum.saturating_add(money.amount);
    }
    sums.into_iter().map(|(currency, amount)| Money { amount, currency }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_read_as_they_are_written() {
        for (text, expected) in [
            ("12.50", Some(1_250)),
            ("12.5", Some(1_250)),
            ("12", Some(1_200)),
            ("0.05", Some(5)),
            ("12.", Some(1_200)),
            ("", None),
            (".5", None),
            ("-1", None),
            ("1.005", None),
            ("1,50", None),
            ("99999999999", None),
            ("9999999999", None),
        ] {
            assert_eq!(hundredths(text).ok(), expected, "{text}");
        }
        for (text, expected) in [("eur", Some("EUR")), (" XAF ", Some("XAF")), ("EURO", None), ("E1R", None)]
        {
            assert_eq!(text.parse::<Currency>().ok().map(|it| it.to_string()).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn sums_keep_currencies_apart() {
        let money = |amount, currency| Money::of(Some(amount), Some(currency)).unwrap();
        let sums = sum([money(1_250, "EUR"), money(500, "USD"), money(5, "EUR")]);
        let texts: Vec<String> = sums.iter().map(Money::to_string).collect();
        assert_eq!(texts, ["12.55 EUR", "5.00 USD"]);
    }
}
