//! What the simulated providers know: their senders, their script at work, and what they accepted.

use super::{
    ledger::{Accepted, Ledger},
    rules::{Rules, View},
    script::{
        Action, ErrorCode, Fault, Script,
        health::{HealthRule, Said},
    },
};
use crate::domain::number::ProviderKind;
use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

/// A message as a dialect read it from the wire, well-formed.
#[derive(Debug)]
pub struct Sent<'a> {
    /// The recipient, `+` and digits.
    pub to: &'a str,
    /// The text.
    pub body: &'a str,
    /// The sender's reference; empty: none.
    pub reference: &'a str,
}

/// Who sends, as the request claims.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// In this dialect.
    pub provider: ProviderKind,
    /// The number's id in requests.
    pub sender: &'a str,
    /// Twilio: the account in the path. Elsewhere empty.
    pub account: &'a str,
    /// The token.
    pub token: &'a str,
}

/// Why a claim does not hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denied {
    /// No token, or not the right one.
    Token,
    /// No such sender.
    Sender,
}

/// What a provider does with a message.
#[derive(Debug)]
pub struct Decision {
    /// How long the answer takes.
    pub delay: Duration,
    /// And what it is.
    pub verdict: Verdict,
}

/// What the answer is.
#[derive(Debug)]
pub enum Verdict {
    /// Accepted under this id.
    Accepted(u64),
    /// Refused.
    Refused(Refusal),
    /// Something that is no answer; where one breaks off, it would have named this id.
    Fault(Fault, u64),
}

/// An error, before its dialect gives it an envelope.
#[derive(Debug, Clone)]
pub struct Refusal {
    /// Which.
    pub error: ErrorCode,
    /// Its details; `None`: the sheet's words.
    pub details: Option<String>,
    /// `Retry-After`, word for word.
    pub retry_after: Option<String>,
}

/// A sender.
#[derive(Debug)]
pub struct Sender {
    /// At this provider.
    pub provider: ProviderKind,
    /// As requests name it.
    pub id: Box<str>,
    /// Its phone; its id where no script says.
    pub phone: Box<str>,
    token: Option<String>,
    declared: bool,
    standing: Option<Standing>,
}

/// A refusal that meets every message of a sender.
#[derive(Debug)]
struct Standing {
    refusal: Refusal,
    until: Option<Instant>,
    suspended: bool,
}

/// Everything, behind one lock: a message holds it for about a microsecond.
#[derive(Debug)]
pub struct World {
    script: Script,
    rules: Rules,
    /// What was accepted.
    pub ledger: Ledger,
    senders: Vec<Sender>,
    by_id: HashMap<ProviderKind, HashMap<Box<str>, u32>>,
    started: Instant,
    /// Send requests that arrived, valid or not.
    pub requests: u64,
}

impl World {
    /// A world that follows `script`.
    pub fn new(script: Script) -> Self {
        let mut world = Self {
            rules: Rules::new(&[], script.latency, 0),
            script: Script::default(),
            ledger: Ledger::new(),
            senders: Vec::new(),
            by_id: HashMap::new(),
            started: Instant::now(),
            requests: 0,
        };
        world.set_script(script);
        world
    }

    /// Follows another script from now on: counters, suspensions and the time begin anew, the ledger stays.
    pub fn set_script(&mut self, script: Script) {
        self.script = script;
        self.begin();
    }

    /// Forgets all that happened; the script begins anew.
    pub fn reset(&mut self) {
        self.ledger.clear();
        self.requests = 0;
        self.begin();
    }

    fn begin(&mut self) {
        self.rules = Rules::new(&self.script.rules, self.script.latency, self.script.seed);
        self.started = Instant::now();
        // Senders keep their places, since the ledger names them by those.
        for sender in &mut self.senders {
            sender.standing = None;
            sender.declared = false;
            sender.token = None;
        }
        for declared in self.script.numbers.clone() {
            let at = self.enter(declared.provider, declared.sender());
            if let Some(sender) = self.senders.get_mut(at as usize) {
                sender.phone = declared.phone.clone().into();
                sender.token.clone_from(&declared.token);
                sender.declared = true;
            }
        }
    }

    /// The place of a sender, made if it is new.
    fn enter(&mut self, provider: ProviderKind, id: &str) -> u32 {
        let known = self.by_id.entry(provider).or_default();
        if let Some(at) = known.get(id) {
            return *at;
        }
        let at = u32::try_from(self.senders.len()).unwrap_or(u32::MAX);
        known.insert(id.into(), at);
        self.senders.push(Sender {
            provider,
            id: id.into(),
            phone: id.into(),
            token: None,
            declared: false,
            standing: None,
        });
        at
    }

    /// The sender that a request claims to be, if it may.
    pub fn authorise(&mut self, claim: &Claim<'_>) -> Result<u32, Denied> {
        if claim.token.is_empty() {
            return Err(Denied::Token);
        }
        let known = self.by_id.get(&claim.provider).and_then(|known| known.get(claim.sender)).copied();
        let sender = known.and_then(|at| self.senders.get(at as usize));
        let own_token = sender.and_then(|sender| sender.token.as_deref());
        // A sender with a token of its own takes that one, and its accounts' only if there are any.
        let of_provider = |account: &super::script::Account| account.provider == claim.provider;
        let token_fits = match own_token {
            Some(token) if token == claim.token => true,
            Some(_) => self.script.accounts.iter().any(of_provider) && self.knows(claim),
            None => self.knows(claim),
        };
        if !token_fits {
            return Err(Denied::Token);
        }
        let insists = || self.script.numbers.iter().any(|number| number.provider == claim.provider);
        match (known, sender) {
            (Some(at), Some(sender)) if sender.declared => Ok(at),
            _ if insists() => Err(Denied::Sender),
            (Some(at), _) => Ok(at),
            (None, _) => Ok(self.enter(claim.provider, claim.sender)),
        }
    }

    /// Whether an account of the provider has this token; one without accounts takes every token.
    pub fn knows(&self, claim: &Claim<'_>) -> bool {
        let mut accounts =
            self.script.accounts.iter().filter(|account| account.provider == claim.provider).peekable();
        accounts.peek().is_none()
            || accounts.any(|account| {
                account.token == claim.token && (claim.account.is_empty() || account.id == claim.account)
            })
    }

    /// Decides over a message, and records it if it is accepted.
    pub fn decide(&mut self, number: u32, sent: &Sent<'_>) -> Decision {
        let now = Instant::now();
        let Some(sender) = self.senders.get_mut(number as usize) else {
            return Decision { delay: Duration::ZERO, verdict: Verdict::Fault(Fault::Cut, 0) };
        };
        if sender.standing.as_ref().is_some_and(|standing| standing.until.is_some_and(|until| until <= now)) {
            sender.standing = None;
        }
        // A sender that is out counts for no rule: `nth` and `times` are about messages that could have gone.
        if let Some(standing) = &sender.standing {
            let verdict = Verdict::Refused(standing.refusal.clone());
            return Decision { delay: self.rules.usual_delay(), verdict };
        }
        let view = View {
            provider: sender.provider,
            number,
            sender: [&sender.phone, &sender.id],
            to: sent.to,
            body: sent.body,
            elapsed: now - self.started,
        };
        let (delay, action) = self.rules.decide(&view);
        let to = sent.to.trim_start_matches('+').parse().unwrap_or(0);
        let ledger = &mut self.ledger;
        let last_id = ledger.next_id().saturating_sub(1);
        let mut accept = || ledger.push(number, to, sent.body, sent.reference);
        let verdict = match action {
            None | Some(Action::Accept { same_id: false }) => Verdict::Accepted(accept()),
            Some(Action::Accept { same_id: true }) => {
                accept();
                Verdict::Accepted(last_id)
            }
            Some(Action::Fault { fault, accepted }) => {
                let id = if *accepted { accept() } else { last_id + 1 };
                Verdict::Fault(fault.clone(), id)
            }
            Some(Action::Refuse { error, details, retry_after }) => Verdict::Refused(Refusal {
                error: error.clone(),
                details: details.clone(),
                retry_after: retry_after.clone(),
            }),
            Some(Action::Suspend { error, details, lasting }) => {
                let error = error.clone().unwrap_or_else(|| usual_suspension(sender.provider));
                let refusal = Refusal { error, details: details.clone(), retry_after: None };
                let until = lasting.map(|lasting| now + lasting);
                sender.standing = Some(Standing { refusal: refusal.clone(), until, suspended: true });
                Verdict::Refused(refusal)
            }
            Some(Action::Throttle { retry_after, lasting }) => {
                let error = usual_throttling(sender.provider);
                let refusal = Refusal { error, details: None, retry_after: retry_after.clone() };
                let until = Some(now + *lasting);
                sender.standing = Some(Standing { refusal: refusal.clone(), until, suspended: false });
                Verdict::Refused(refusal)
            }
        };
        Decision { delay, verdict }
    }

    /// A sender by its place.
    pub fn sender(&self, number: u32) -> Option<&Sender> {
        self.senders.get(number as usize)
    }

    /// What a sender is suspended with now.
    pub fn suspension(&self, number: u32) -> Option<&Refusal> {
        let standing = self.sender(number)?.standing.as_ref()?;
        let lasts = standing.until.is_none_or(|until| until > Instant::now());
        (standing.suspended && lasts).then_some(&standing.refusal)
    }

    /// All senders at a provider that are known so far, with their places.
    pub fn senders_at(&self, provider: ProviderKind) -> impl Iterator<Item = (u32, &Sender)> {
        (0..).zip(&self.senders).filter(move |(_, sender)| sender.provider == provider)
    }

    /// What the script says of a number now when somebody asks how it is.
    pub fn said_of_number(&self, number: u32) -> Said {
        let Some(sender) = self.sender(number) else { return Said::default() };
        self.said(|rule| {
            rule.account.is_none()
                && rule.provider.is_none_or(|provider| provider == sender.provider)
                && (rule.numbers.is_empty()
                    || rule.numbers.iter().any(|name| **name == *sender.phone || **name == *sender.id))
        })
    }

    /// What the script says of an account now.
    pub fn said_of_account(&self, account: &str) -> Said {
        self.said(|rule| rule.account.as_deref() == Some(account))
    }

    fn said(&self, fits: impl Fn(&HealthRule) -> bool) -> Said {
        let elapsed = self.started.elapsed();
        let rule = self.script.health.iter().find(|rule| rule.is_due(elapsed) && fits(rule));
        rule.map(|rule| rule.said.clone()).unwrap_or_default()
    }

    /// Entries of the ledger in full: at most `limit` from `start` on.
    pub fn accepted(&self, start: usize, limit: usize) -> Vec<Accepted> {
        self.ledger.since(start).take(limit).map(|(id, entry)| self.show(id, entry)).collect()
    }

    /// Entries of the ledger that came more than once, in full.
    pub fn duplicates(&self) -> Vec<Accepted> {
        let positions = self.ledger.duplicates();
        positions.into_iter().flat_map(|at| self.accepted(at, 1)).collect()
    }

    fn show(&self, id: u64, entry: &super::ledger::Entry) -> Accepted {
        let sender = self.sender(entry.number);
        let provider = sender.map_or(ProviderKind::Meta, |sender| sender.provider);
        Accepted {
            provider,
            from: sender.map_or_else(String::new, |sender| sender.phone.to_string()),
            to: entry.recipient(),
            body: self.ledger.body(entry).to_owned(),
            reference: entry.reference(),
            id: super::dialect::message_id(provider, id),
            at: entry.at().to_rfc3339_opts(chrono::SecondsFormat::Micros, true),
        }
    }
}

fn usual_suspension(provider: ProviderKind) -> ErrorCode {
    match provider {
        ProviderKind::Meta => ErrorCode::Number(133_010),
        ProviderKind::Ultramsg => ErrorCode::Text("non_payment".to_owned()),
        ProviderKind::Twilio => ErrorCode::Number(63_007),
    }
}

fn usual_throttling(provider: ProviderKind) -> ErrorCode {
    match provider {
        ProviderKind::Meta => ErrorCode::Number(130_429),
        ProviderKind::Ultramsg => ErrorCode::Text("http_429".to_owned()),
        ProviderKind::Twilio => ErrorCode::Number(63_018),
    }
}
