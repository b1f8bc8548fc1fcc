//! Numbers under test: one says by itself what was found; of several a few are asked at a time, and they end in one sentence.

use crate::domain::{ids::NumberId, text::Safe};
use crate::tui::{model::Level, msg::Effect, words};
use std::collections::VecDeque;

/// Numbers that are asked about at the same time.
const AT_ONCE: usize = 4;
/// Numbers that the sentence at the end names.
const NAMED: usize = 3;

/// Numbers under test.
#[derive(Debug, Clone, Default)]
pub struct Tests {
    waiting: VecDeque<(NumberId, Safe)>,
    in_air: usize,
    total: usize,
    ended: usize,
    ill: Vec<Safe>,
}

impl Tests {
    /// Takes numbers in; those that are under test already wait behind nobody and are asked again.
    pub fn begin(&mut self, numbers: impl IntoIterator<Item = (NumberId, Safe)>) -> Vec<Effect> {
        let before = self.waiting.len();
        self.waiting.extend(numbers);
        self.total += self.waiting.len() - before;
        self.next()
    }

    /// Whether several are under test, so that each by itself is not worth a word.
    #[must_use]
    pub fn is_batch(&self) -> bool {
        self.total > 1
    }

    /// Notes what became of one. Answers whom to ask next, and at the end of several what to say.
    pub fn end(&mut self, name: &Safe, is_well: bool) -> (Vec<Effect>, Option<(Level, String)>) {
        self.in_air = self.in_air.saturating_sub(1);
        self.ended += 1;
        if !is_well {
            self.ill.push(name.clone());
        }
        let effects = self.next();
        if self.in_air > 0 {
            return (effects, None);
        }
        let said = self.is_batch().then(|| self.sentence());
        *self = Self::default();
        (effects, said)
    }

    /// How far several are: `testing 3 of 25, 1 not well`.
    #[must_use]
    pub fn progress(&self) -> Option<String> {
        let ill = if self.ill.is_empty() { String::new() } else { format!(", {} not well", self.ill.len()) };
        self.is_batch().then(|| format!("testing {} of {}{ill}", self.ended, self.total))
    }

    fn next(&mut self) -> Vec<Effect> {
        let room = AT_ONCE.saturating_sub(self.in_air).min(self.waiting.len());
        self.in_air += room;
        self.waiting.drain(..room).map(|(number, name)| Effect::Test { number, name }).collect()
    }

    fn sentence(&self) -> (Level, String) {
        let all = words::count(self.total as u64, "number");
        if self.ill.is_empty() {
            return (Level::Ok, format!("{all} tested: all well"));
        }
        let named: Vec<&str> = self.ill.iter().take(NAMED).map(Safe::as_str).collect();
        let more = self.ill.len().saturating_sub(NAMED);
        let more = if more == 0 { String::new() } else { format!(" and {more} more") };
        (Level::Bad, format!("{all} tested, {} not well: {}{more}", self.ill.len(), named.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(count: usize) -> Vec<(NumberId, Safe)> {
        (0..count).map(|nth| (NumberId::new(), Safe::new(&format!("n{nth}")))).collect()
    }

    #[test]
    fn a_few_are_asked_at_a_time_until_all_were() {
        let mut tests = Tests::default();
        let mut asked = tests.begin(numbers(9));
        assert_eq!(asked.len(), AT_ONCE);
        assert_eq!(tests.progress().as_deref(), Some("testing 0 of 9"));
        let mut said = None;
        for ended in 1..=9 {
            let Effect::Test { name, .. } = asked.remove(0) else { panic!("another effect") };
            let (more, sentence) = tests.end(&name, ended % 2 == 0);
            asked.extend(more);
            if ended == 3 {
                assert_eq!(tests.progress().as_deref(), Some("testing 3 of 9, 2 not well"));
            }
            assert_eq!(sentence.is_some(), ended == 9);
            said = sentence;
        }
        assert!(asked.is_empty());
        assert_eq!(
            said,
            Some((Level::Bad, "9 numbers tested, 5 not well: n0, n2, n4 and 2 more".to_owned()))
        );
        assert_eq!(tests.progress(), None, "it is over");
    }

    #[test]
    fn one_alone_is_no_batch() {
        let mut tests = Tests::default();
        assert_eq!(tests.begin(numbers(1)).len(), 1);
        assert!(!tests.is_batch());
        assert_eq!(tests.end(&Safe::new("n0"), false), (Vec::new(), None));
        tests.begin(numbers(1));
        tests.begin(numbers(1));
        assert_eq!(tests.progress().as_deref(), Some("testing 0 of 2"), "a second one joins it");
    }
}
