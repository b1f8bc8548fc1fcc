//! Rules at work: counters, chance and time. The first rule that fits and has an action decides.

use super::script::{
    Action, Latency, Rule, When,
    says::{Event, Occasion, Receipt, Reply},
};
use crate::domain::number::ProviderKind;
use std::{collections::HashMap, sync::Arc, time::Duration};

/// What a rule can see of a message.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// Its provider.
    pub provider: ProviderKind,
    /// Its number, as an index.
    pub number: u32,
    /// The number's phone and its id at the provider.
    pub sender: [&'a str; 2],
    /// The recipient, `+` and digits.
    pub to: &'a str,
    /// The text.
    pub body: &'a str,
    /// Since the start.
    pub elapsed: Duration,
}

/// The rules of a script with what they remember.
#[derive(Debug)]
pub struct Rules {
    list: Vec<(Rule, Memory)>,
    latency: Latency,
    random: Random,
    /// Reports draw from numbers of their own, so that what is answered does not depend on who listens.
    report_random: Random,
}

/// What is decided over a message.
#[derive(Debug)]
pub struct Ruling<'a> {
    /// How long its answer takes.
    pub delay: Duration,
    /// What happens to it; `None`: it is accepted.
    pub action: Option<&'a Action>,
    /// What is reported of it.
    pub says: Reports,
}

/// What is reported of a message; `None`: no rule says.
#[derive(Debug, Clone, Default)]
pub struct Reports {
    /// How far it comes.
    pub receipts: Option<Arc<[Receipt]>>,
    /// What its recipient answers.
    pub replies: Option<Arc<[Reply]>>,
    /// What happens to its number or account.
    pub events: Vec<Arc<[Event]>>,
}

#[derive(Debug, Default)]
struct Memory {
    /// Messages that fitted all conditions but the counting ones.
    seen: u64,
    seen_by_number: HashMap<u32, u64>,
    fired: u64,
}

impl Rules {
    /// Rules that have seen nothing yet.
    pub fn new(rules: &[Rule], latency: Latency, seed: u64) -> Self {
        let rules = rules.iter().map(|rule| (rule.clone(), Memory::default())).collect();
        Self { list: rules, latency, random: Random(seed), report_random: Random(!seed) }
    }

    /// How long an answer takes that no rule concerns.
    pub fn usual_delay(&mut self) -> Duration {
        self.random.between(self.latency)
    }

    /// Decides over a message.
    pub fn decide(&mut self, view: &View<'_>) -> Ruling<'_> {
        let mut latency = self.latency;
        let mut chosen = None;
        let mut says = Reports::default();
        for (at, (rule, memory)) in self.list.iter_mut().enumerate() {
            if !fires(&rule.when, memory, view, &mut self.random) {
                continue;
            }
            memory.fired += 1;
            latency = rule.latency.unwrap_or(latency);
            says.receipts = says.receipts.or_else(|| rule.says.receipts.clone());
            says.replies = says.replies.or_else(|| rule.says.replies.clone());
            if !rule.says.events.is_empty() {
                says.events.push(Arc::clone(&rule.says.events));
            }
            if rule.action.is_some() {
                chosen = Some(at);
                break;
            }
        }
        let delay = self.random.between(latency);
        Ruling { delay, action: chosen.and_then(|at| self.list[at].0.action.as_ref()), says }
    }

    /// When a report goes out, for each time that it does.
    pub fn draw(&mut self, occasion: &Occasion) -> impl Iterator<Item = Duration> {
        let random = &mut self.report_random;
        let happens = occasion.probability >= 1.0 || random.unit() < occasion.probability;
        let times = if happens { occasion.times } else { 0 };
        (0..times).map(|_| random.between(occasion.after))
    }
}

fn fires(when: &When, memory: &mut Memory, view: &View<'_>, random: &mut Random) -> bool {
    if !fits(when, view) {
        return false;
    }
    memory.seen += 1;
    let mut count = memory.seen;
    if when.per_number {
        let own = memory.seen_by_number.entry(view.number).or_default();
        *own += 1;
        count = *own;
    }
    when.nth.is_none_or(|nth| count == nth)
        && when.from_nth.is_none_or(|nth| count >= nth)
        && when.every.is_none_or(|every| count.is_multiple_of(every))
        && when.times.is_none_or(|times| memory.fired < times)
        && when.probability.is_none_or(|chance| random.unit() < chance)
}

fn fits(when: &When, view: &View<'_>) -> bool {
    let among = |names: &[String], name: &str| names.iter().any(|known| known == name);
    when.provider.is_none_or(|provider| provider == view.provider)
        && (when.numbers.is_empty() || view.sender.iter().any(|name| among(&when.numbers, name)))
        && (when.recipients.is_empty() || among(&when.recipients, view.to))
        && when.text_contains.as_ref().is_none_or(|text| view.body.contains(text.as_str()))
        && when.after.is_none_or(|after| view.elapsed >= after)
        && when.before.is_none_or(|before| view.elapsed < before)
}

/// `SplitMix64`: a whole generator in three lines, and the same numbers on every machine and in every version.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// Between 0 and 1, 1 excluded.
    fn unit(&mut self) -> f64 {
        f64::from(u32::try_from(self.next() >> 32).unwrap_or(0)) / (f64::from(u32::MAX) + 1.0)
    }

    fn between(&mut self, latency: Latency) -> Duration {
        if latency.from == latency.to {
            return latency.from;
        }
        latency.from + latency.to.saturating_sub(latency.from).mul_f64(self.unit())
    }
}

#[cfg(test)]
mod tests {
    use super::{super::script::Script, *};

    fn rules(text: &str) -> Rules {
        let script = Script::parse(text).unwrap();
        Rules::new(&script.rules, script.latency, script.seed)
    }

    fn view(number: u32) -> View<'static> {
        View {
            provider: ProviderKind::Meta,
            number,
            sender: ["+237600000101", "100"],
            to: "+237600000001",
            body: "Hello Ana",
            elapsed: Duration::from_secs(10),
        }
    }

    fn fired(rules: &mut Rules, views: impl IntoIterator<Item = View<'static>>) -> String {
        views.into_iter().map(|view| if rules.decide(&view).action.is_some() { 'x' } else { '.' }).collect()
    }

    fn history(when: &str, numbers: &[u32]) -> String {
        let mut rules = rules(&format!("[[rule]]\nwhen = {{ {when} }}\nthen = {{ wait = true }}"));
        fired(&mut rules, numbers.iter().map(|number| view(*number)))
    }

    #[test]
    fn counting_conditions() {
        let one = [0; 6];
        assert_eq!(history("", &one), "xxxxxx");
        assert_eq!(history("nth = 3", &one), "..x...");
        assert_eq!(history("from_nth = 3", &one), "..xxxx");
        assert_eq!(history("every = 2", &one), ".x.x.x");
        assert_eq!(history("times = 2", &one), "xx....");
        assert_eq!(history("from_nth = 2, times = 2", &one), ".xx...");
        let two = [0, 1, 0, 1, 0, 1];
        assert_eq!(history("nth = 2", &two), ".x....");
        assert_eq!(history("nth = 2, per = 'number'", &two), "..xx..");
        assert_eq!(history("nth = 2, per = 'all'", &two), ".x....");
    }

    #[test]
    fn conditions_on_the_message() {
        for (when, fits) in [
            ("provider = 'meta'", true),
            ("provider = 'twilio'", false),
            ("number = '+237600000101'", true),
            ("number = '100'", true),
            ("number = ['1', '2']", false),
            ("recipient = ['+1', '+237600000001']", true),
            ("recipient = '+237600000002'", false),
            ("text_contains = 'Ana'", true),
            ("text_contains = 'Bob'", false),
            ("after = '10s'", true),
            ("after = '11s'", false),
            ("before = '11s'", true),
            ("before = '10s'", false),
            ("probability = 0.0", false),
            ("probability = 1.0", true),
        ] {
            assert_eq!(history(when, &[0]), if fits { "x" } else { "." }, "{when}");
        }
    }

    #[test]
    fn chance_is_the_same_for_the_same_seed() {
        let text = |seed| {
            format!("seed = {seed}\n[[rule]]\nwhen = {{ probability = 0.25 }}\nthen = {{ wait = true }}")
        };
        let run = |seed| fired(&mut rules(&text(seed)), (0..1_000).map(view));
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
        let hits = run(7).matches('x').count();
        assert!((200..300).contains(&hits), "{hits} of 1000");
    }

    #[test]
    fn a_rule_of_latency_only_lets_the_search_go_on() {
        let text = "latency = '1ms'\n[[rule]]\nthen = { latency = { from = '10ms', to = '20ms' } }\n\
                    [[rule]]\nwhen = { nth = 2 }\nthen = { error = 131026 }";
        let mut rules = rules(text);
        for nth in 1..=50 {
            let Ruling { delay, action, .. } = rules.decide(&view(0));
            assert!((10..=20).contains(&delay.as_millis()), "{delay:?}");
            assert_eq!(action.is_some(), nth == 2);
        }
    }
}
