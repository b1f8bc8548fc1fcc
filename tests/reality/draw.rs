//! Random organisations, from a seed.

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;

/// `SplitMix64`: a failing world is named by its seed.
pub struct Chance(u64);

impl Chance {
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.below(most - least + 1)
    }

    pub fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    pub fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()]
    }
}

/// An organisation to be.
#[derive(Debug)]
pub struct Drawn {
    pub zone: Tz,
    /// When the forecast is made, and everything begins.
    pub now: DateTime<Utc>,
    pub limit: Option<i32>,
    /// The organisation's hours: from, to, days.
    pub hours: Option<(i16, i16, i16)>,
    pub strategy: &'static str,
    pub sticky: bool,
    /// The limits of its accounts over 24 hours.
    pub accounts: Vec<Option<i32>>,
    pub numbers: Vec<DrawnNumber>,
    pub campaigns: Vec<DrawnCampaign>,
}

#[derive(Debug)]
pub struct DrawnNumber {
    pub account: usize,
    pub priority: i32,
    pub limit: Option<i32>,
    pub interval: TimeDelta,
    pub suspended_until: Option<DateTime<Utc>>,
    pub warms_up: bool,
    pub reply_share: i16,
    pub weight: i32,
    pub label: Option<&'static str>,
}

#[derive(Debug)]
pub struct DrawnCampaign {
    pub file: String,
    /// How many people, by the zone of their clock.
    pub people: Vec<(Tz, u64)>,
}

/// What a family of worlds is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// One number: caps, sharing, sequences.
    OneNumber,
    /// Several numbers of one campaign: priorities, strategies, spacing, warming up, suspensions.
    Numbers,
    /// Windows and people's own clocks, across changes of clocks.
    Clocks,
    /// Accounts that count people over 24 hours.
    Accounts,
    /// Messages that come too late, and rollouts.
    Ends,
    /// All of it.
    Everything,
}

/// Zones whose clocks change soon after these times.
const CHANGES: [(Tz, &str); 6] = [
    (Tz::Europe__Berlin, "2037-03-27T15:00:00Z"),
    (Tz::Europe__Berlin, "2037-10-23T15:00:00Z"),
    (Tz::America__New_York, "2037-03-06T15:00:00Z"),
    (Tz::America__St_Johns, "2037-10-30T15:00:00Z"),
    (Tz::Australia__Lord_Howe, "2037-04-03T15:00:00Z"),
    (Tz::Africa__Douala, "2037-06-01T06:00:00Z"),
];

impl Drawn {
    pub fn of(about: About, chance: &mut Chance) -> Self {
        let all = about == About::Everything;
        let (zone, from) = chance.pick(&CHANGES);
        let from: DateTime<Utc> = from.parse().unwrap();
        let now = from + TimeDelta::minutes(i64::try_from(chance.below(36 * 60)).unwrap());
        let several = matches!(about, About::Numbers | About::Everything) || chance.once_in(3);
        let numbers = if about == About::OneNumber || !several { 1 } else { chance.between(2, 4) };
        // Which of several campaigns goes on in the moment in which a stage opens is nobody's promise.
        let alone = numbers > 1 || about == About::Ends;
        let campaigns = if all || !alone { chance.between(1, 3) } else { 1 };
        let accounts = chance.between(1, 2);
        let capped = about == About::Accounts || all && chance.once_in(3);
        let mut drawn = Self {
            zone,
            now,
            limit: chance.once_in(4).then(|| chance.between(5, 60) as i32),
            hours: ((about == About::Clocks || all) && chance.once_in(3)).then(|| hours(chance)),
            strategy: chance.pick(&["priority", "least_used", "weighted"]),
            sticky: chance.once_in(2),
            accounts: (0..accounts).map(|_| capped.then(|| chance.between(8, 40) as i32)).collect(),
            numbers: Vec::new(),
            campaigns: Vec::new(),
        };
        drawn.numbers = (0..numbers).map(|_| drawn.number(about, chance)).collect();
        drawn.campaigns = (0..campaigns).map(|nth| drawn.campaign(about, nth, chance)).collect();
        drawn
    }

    fn number(&self, about: About, chance: &mut Chance) -> DrawnNumber {
        let rich = matches!(about, About::Numbers | About::Everything);
        let interval = if rich && chance.once_in(4) { chance.pick(&[1_200, 3_600]) } else { 0 };
        let limit = (interval == 0 || chance.once_in(2)).then(|| chance.between(3, 40) as i32);
        let until = rich && chance.once_in(5);
        DrawnNumber {
            account: usize::try_from(chance.below(self.accounts.len() as u64)).unwrap(),
            priority: chance.pick(&[10, 10, 20]),
            limit,
            interval: TimeDelta::seconds(interval),
            suspended_until: until.then(|| self.later(chance)),
            warms_up: rich && chance.once_in(6),
            reply_share: if rich && chance.once_in(5) { chance.pick(&[10, 25, 50]) } else { 0 },
            weight: chance.between(1, 4) as i32,
            label: chance.pick(&[None, Some("north"), Some("south")]),
        }
    }

    /// Some days later: at midnight, at a full hour, or at any time.
    fn later(&self, chance: &mut Chance) -> DateTime<Utc> {
        let days = i64::try_from(chance.between(1, 4)).unwrap();
        let date = self.now.with_timezone(&self.zone).date_naive() + TimeDelta::days(days);
        let midnight = signalbox::domain::day::start_of_day(date, self.zone);
        midnight + TimeDelta::minutes(chance.pick(&[0, 0, 9 * 60, 15 * 60 + 7]))
    }

    fn local(&self, at: DateTime<Utc>) -> String {
        at.with_timezone(&self.zone).format("%Y-%m-%dT%H:%M").to_string()
    }

    fn campaign(&self, about: About, nth: u64, chance: &mut Chance) -> DrawnCampaign {
        let all = about == About::Everything;
        let mut file = format!(
            "name = \"c{nth}\"\npriority = {}\nweight = {}\n",
            chance.pick(&[5, 10, 10]),
            chance.between(1, 3)
        );
        if chance.once_in(3) {
            file += &format!("daily_limit = {}\n", chance.between(3, 30));
        }
        if chance.once_in(4) {
            file += &format!("starts_at = \"{}\"\n", self.local(self.later(chance)));
        }
        let mut own_clocks = false;
        if (about == About::Clocks || all) && chance.once_in(2) {
            own_clocks = chance.once_in(2);
            file += &window(own_clocks, chance);
        }
        let rolled_out = (about == About::Ends || all) && chance.once_in(3);
        if (about == About::Ends || all) && chance.once_in(2) {
            if chance.once_in(2) {
                let until = self.now + TimeDelta::hours(chance.between(100, 190) as i64);
                file += &format!("until = \"{}\"\n", self.local(until));
            } else {
                file += &format!("expires_after = \"{}h\"\n", chance.between(5, 90));
            }
        }
        if rolled_out {
            file += &format!(
                "rollout = {{ stages = [{}, {}, 100], after = {}, wait = \"{}h\" }}\n",
                chance.between(1, 20),
                chance.between(21, 90),
                chance.between(1, 30),
                chance.pick(&[0, 5, 24, 30])
            );
        }
        file += &format!("audience = {{ tags = [\"c{nth}\"] }}\n");
        let steps = if rolled_out || chance.once_in(2) { 1 } else { chance.between(2, 4) };
        for step in 0..steps {
            let after = if step == 0 { 0 } else { chance.pick(&[1, 5, 24, 24, 48]) };
            file += &format!("[[steps]]\nafter = \"{after}h\"\ntext = {{ en = \"Hello {step}\" }}\n");
        }
        // Who is bound to a number waits for it, or for one like it.
        let failover = chance.pick(&["pool", "pool", "label", "never"]);
        file = format!("failover = \"{failover}\"\n{file}");
        let zones = [self.zone, Tz::Asia__Tokyo, Tz::America__Los_Angeles, Tz::America__St_Johns];
        let zones: &[Tz] = if own_clocks { &zones } else { &zones[..1] };
        let people = chance.between(1, 90);
        let people = zones.iter().map(|zone| (*zone, 1 + chance.below(people))).collect();
        DrawnCampaign { file, people }
    }
}

/// From, to, and the days.
fn hours(chance: &mut Chance) -> (i16, i16, i16) {
    let from = chance.pick(&[0_i16, 0, 7 * 60, 9 * 60, 22 * 60]);
    let to = chance.pick(&[6 * 60, 18 * 60, 24 * 60, 30]);
    (from, to, chance.pick(&[0b111_1111, 0b1_1111, 0b11_0001]))
}

fn window(own_clocks: bool, chance: &mut Chance) -> String {
    let (from, to, days) = hours(chance);
    let clock = |minute: i16| format!("{:02}:{:02}", minute / 60, minute % 60);
    let days: Vec<String> = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
        .iter()
        .enumerate()
        .filter(|(place, _)| days >> place & 1 == 1)
        .map(|(_, day)| format!("\"{day}\""))
        .collect();
    let zone = if own_clocks { "recipient" } else { chance.pick(&["organization", "Africa/Douala"]) };
    format!(
        "window = {{ from = \"{}\", to = \"{}\", days = [{}], zone = \"{zone}\" }}\n",
        clock(from),
        clock(to),
        days.join(", ")
    )
}

/// Farther than any of these worlds goes.
pub fn end(drawn: &Drawn) -> DateTime<Utc> {
    drawn.now + TimeDelta::days(400)
}
