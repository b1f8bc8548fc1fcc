//! What the simulated providers know: their senders, their script at work, and what they accepted.

use super::{
    bodies::{self, Message, Request},
    dialect,
    ledger::{self, Accepted, Ledger},
    outbox::{About, Outbox, Post, Posted},
    rules::{Reports, Rules, View},
    script::{
        Action, ErrorCode, Fault, Script,
        health::{self, HealthRule},
        says::{Receipt, Stage},
        template::DeclaredTemplate,
    },
    webhooks::Webhooks,
    wording::KnownAs,
};
use crate::domain::{content::registry::TemplateStatus, number::ProviderKind};
use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Notify;

pub use super::sent::{Claim, Denied, Sent};

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

impl Verdict {
    /// The id that it names, or this one.
    fn id(&self, usual: u64) -> u64 {
        match self {
            Self::Accepted(id) | Self::Fault(_, id) => *id,
            Self::Refused(_) => usual,
        }
    }
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
    /// Whose templates it sends, where a script says.
    pub account: Option<Box<str>>,
    token: Option<String>,
    declared: bool,
    standing: Option<Standing>,
    /// When the last message leaves the queue of an instance.
    queue_ends: Option<Instant>,
    /// Most messages that ever waited there.
    most_queued: u32,
}

impl Sender {
    /// Refuses this message, and all that follow for a time.
    fn refuse(&mut self, refusal: Refusal, until: Option<Instant>, suspended: bool) -> Verdict {
        self.standing = Some(Standing { refusal: refusal.clone(), until, suspended });
        Verdict::Refused(refusal)
    }

    /// Refuses a message as the script says.
    fn obey(&mut self, action: &Action, now: Instant) -> Verdict {
        match action {
            Action::Suspend { error, details, lasting } => {
                let error = error.clone().unwrap_or_else(|| usual_suspension(self.provider));
                let refusal = Refusal { error, details: details.clone(), retry_after: None };
                self.refuse(refusal, lasting.map(|lasting| now + lasting), true)
            }
            Action::Throttle { retry_after, lasting } => {
                let error = usual_throttling(self.provider);
                let refusal = Refusal { error, details: None, retry_after: retry_after.clone() };
                self.refuse(refusal, Some(now + *lasting), false)
            }
            Action::Refuse { error, details, retry_after } => Verdict::Refused(Refusal {
                error: error.clone(),
                details: details.clone(),
                retry_after: retry_after.clone(),
            }),
            // Who takes the message is no concern of the sender's.
            Action::Accept { .. } | Action::Fault { .. } => Verdict::Fault(Fault::Cut, 0),
        }
    }
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
    /// Who wants reports.
    pub webhooks: Webhooks,
    outbox: Outbox,
    /// Send requests that arrived, valid or not.
    pub requests: u64,
    /// What `UltraMsg` was asked about instances, contacts and messages.
    pub questions: u64,
    /// Messages that `UltraMsg` gives up, when, and in which state they are listed then: it reports no such thing.
    fates: HashMap<u64, (Instant, &'static str)>,
    /// How many messages with each declared template were accepted.
    templates_sent: Vec<u64>,
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
            webhooks: Webhooks::default(),
            outbox: Outbox::new(),
            requests: 0,
            questions: 0,
            fates: HashMap::new(),
            templates_sent: Vec::new(),
        };
        world.set_script(script);
        world
    }

    /// How long a connection may be idle.
    pub fn idle(&self) -> Option<Duration> {
        self.script.idle
    }

    /// Follows another script from now on: counters, suspensions and the time begin anew, the ledger stays.
    pub fn set_script(&mut self, script: Script) {
        for webhook in &script.webhooks {
            self.webhooks.add(webhook.clone());
        }
        self.script = script;
        self.begin();
    }

    /// Forgets all that happened; the script begins anew. Who wants reports stays.
    pub fn reset(&mut self) {
        self.ledger.clear();
        self.outbox.clear();
        (self.requests, self.questions) = (0, 0);
        self.fates.clear();
        self.begin();
    }

    fn begin(&mut self) {
        self.rules = Rules::new(&self.script.rules, self.script.latency, self.script.seed);
        self.started = Instant::now();
        self.templates_sent = vec![0; self.script.templates.len()];
        // Senders keep their places, since the ledger names them by those.
        for sender in &mut self.senders {
            sender.standing = None;
            sender.declared = false;
            sender.token = None;
            sender.account = None;
        }
        for declared in self.script.numbers.clone() {
            let at = self.enter(declared.provider, declared.sender());
            if let Some(sender) = self.senders.get_mut(at as usize) {
                sender.phone = declared.phone.clone().into();
                sender.token.clone_from(&declared.token);
                sender.account = declared.account.clone().map(Into::into);
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
            account: None,
            token: None,
            declared: false,
            standing: None,
            queue_ends: None,
            most_queued: 0,
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

    /// How many messages wait in a sender's own queue, and the most that ever did.
    pub fn queued(&self, number: u32) -> (u32, u32) {
        let Some(sender) = self.senders.get(number as usize) else { return (0, 0) };
        let left = sender.queue_ends.map(|ends| ends.saturating_duration_since(Instant::now()));
        let waiting = left.zip(self.script.queue_drain).map_or(0, |(left, drain)| {
            u32::try_from(left.as_nanos().div_ceil(drain.as_nanos().max(1))).unwrap_or(u32::MAX)
        });
        (waiting, sender.most_queued)
    }

    /// The most messages that ever waited in the queue of one of a provider's senders.
    pub fn most_queued(&self, provider: ProviderKind) -> u32 {
        self.senders_at(provider).map(|(_, sender)| sender.most_queued).max().unwrap_or(0)
    }

    /// One more message in a sender's own queue, if the script says that it keeps one.
    pub fn enqueue(&mut self, number: u32) {
        let (Some(drain), now) = (self.script.queue_drain, Instant::now()) else { return };
        let Some(sender) = self.senders.get_mut(number as usize) else { return };
        sender.queue_ends = Some(sender.queue_ends.map_or(now, |ends| ends.max(now)) + drain);
        let waiting = self.queued(number).0;
        if let Some(sender) = self.senders.get_mut(number as usize) {
            sender.most_queued = sender.most_queued.max(waiting);
        }
    }

    /// Decides over a message, and records it if it is accepted.
    pub fn decide(&mut self, number: u32, sent: Sent<'_>) -> Decision {
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
        let ruling = self.rules.decide(&view);
        let (delay, mut says) = (ruling.delay, ruling.says);
        if let Some(code) = sent.fails_later {
            says.receipts = Some(Arc::new([Receipt::failed(code)]));
        }
        let to = sent.to.trim_start_matches('+').parse().unwrap_or(0);
        let ledger = &mut self.ledger;
        let entry = ledger.next_id();
        let last_id = entry.saturating_sub(1);
        let sent_with = sent.template.and_then(|place| self.templates_sent.get_mut(place));
        let mut accept = || ledger.push(number, to, sent.body, sent.said.as_ref(), sent.reference);
        let verdict = match ruling.action {
            None | Some(Action::Accept { same_id: false }) => Verdict::Accepted(accept()),
            Some(Action::Accept { same_id: true }) => {
                accept();
                Verdict::Accepted(last_id)
            }
            Some(Action::Fault { fault, accepted }) => {
                let id = if *accepted { accept() } else { last_id + 1 };
                Verdict::Fault(fault.clone(), id)
            }
            Some(refusing) => sender.obey(refusing, now),
        };
        if let Some(count) = sent_with.filter(|_| !matches!(verdict, Verdict::Refused(_))) {
            *count += 1;
        }
        if self.is_listed(number) || !self.webhooks.is_empty() || sent.callback.is_some() {
            let about = About { number, entry, id: verdict.id(entry), callback: sent.callback.map(Arc::new) };
            self.plan_reports(now, &about, says);
        }
        Decision { delay, verdict }
    }

    /// Decides what is reported of a message, and when. Of one that was not taken nothing is, but what happens to its number.
    fn plan_reports(&mut self, now: Instant, about: &About, says: Reports) {
        for events in says.events {
            for (at, event) in events.iter().enumerate() {
                for after in self.rules.draw(&event.occasion()) {
                    self.outbox.push(now + after, Post::Event(about.number, Arc::clone(&events), at));
                }
            }
        }
        if self.ledger.get(about.entry).is_none() {
            return;
        }
        let receipts = says.receipts.unwrap_or_else(|| Arc::clone(&self.script.receipts));
        for (at, receipt) in receipts.iter().enumerate() {
            for after in self.rules.draw(&receipt.occasion) {
                if matches!(receipt.stage, Stage::Failed | Stage::Undelivered) {
                    self.fates
                        .insert(about.entry, (now + after, dialect::listed_as(receipt.details.as_deref())));
                }
                self.outbox.push(now + after, Post::Receipt(about.clone(), Arc::clone(&receipts), at));
            }
        }
        let Some(replies) = says.replies else { return };
        for (at, reply) in replies.iter().enumerate() {
            for after in self.rules.draw(&reply.occasion) {
                self.outbox.push(now + after, Post::Reply(about.clone(), Arc::clone(&replies), at));
            }
        }
    }

    /// Whether failures of this sender's messages are found by listing them.
    fn is_listed(&self, number: u32) -> bool {
        self.senders.get(number as usize).is_some_and(|sender| sender.provider == ProviderKind::Ultramsg)
    }

    /// In which state a message of `UltraMsg`'s is listed now.
    pub fn fate(&self, entry: u64) -> &'static str {
        self.fates.get(&entry).filter(|(at, _)| *at <= Instant::now()).map_or("sent", |(_, state)| state)
    }

    /// The first report that is due, ready for the wire, and what its answer is to name; else when the next one is due.
    pub fn due_report(&mut self) -> (Option<(Request, u64)>, Option<Instant>) {
        let now = Instant::now();
        while let Some(post) = self.outbox.pop(now) {
            // What its provider does not report, and what nobody wants any more, is passed over.
            if let Some(request) = self.write_report(post) {
                return (Some((request, self.outbox.leave())), None);
            }
        }
        (None, self.outbox.next())
    }

    fn write_report(&mut self, post: Post) -> Option<Request> {
        let now = i64::try_from(ledger::now_micros() / 1_000_000).unwrap_or(i64::MAX);
        let (about, inbound) = match &post {
            Post::Event(number, events, at) => {
                let sender = self.senders.get(*number as usize)?;
                let webhook = self.webhooks.of(sender)?;
                return bodies::event(sender.provider, webhook, &sender.phone, &events.get(*at)?.what, now);
            }
            Post::Receipt(about, ..) => (about, 0),
            Post::Reply(about, ..) => (about, self.outbox.inbound_id()),
            Post::Again(_) => return if let Post::Again(request) = post { Some(request) } else { None },
        };
        let sender = self.senders.get(about.number as usize)?;
        let entry = self.ledger.get(about.entry)?;
        let message = Message {
            phone: &sender.phone,
            sender: &sender.id,
            to: &entry.recipient(),
            id: dialect::message_id(sender.provider, about.id),
            body: self.ledger.body(entry),
            reference: entry.reference(),
            now,
        };
        let webhook = self.webhooks.of(sender);
        match &post {
            Post::Receipt(_, receipts, at) => {
                let (callback, receipt) = (about.callback.as_deref(), receipts.get(*at)?);
                let request = bodies::receipt(sender.provider, webhook, callback, &message, receipt)?;
                self.outbox.count(receipt.stage);
                Some(request)
            }
            Post::Reply(_, replies, at) => {
                bodies::reply(sender.provider, webhook?, &message, replies.get(*at)?, inbound)
            }
            Post::Event(..) | Post::Again(_) => None,
        }
    }

    /// A report was answered, or not: then it is tried again so much later, or never.
    pub fn report_arrived(&mut self, generation: u64, again: Option<(Duration, Request)>, taken: bool) {
        self.outbox.arrived(generation, again, taken);
    }

    /// What was posted so far.
    pub fn posted(&self) -> Posted {
        self.outbox.posted()
    }

    /// Rung when there is something to post earlier than was known.
    pub fn bell(&self) -> Arc<Notify> {
        Arc::clone(&self.outbox.bell)
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
    pub fn said_of_number(&self, number: u32) -> health::Said {
        let Some(sender) = self.sender(number) else { return health::Said::default() };
        self.said(|rule| {
            rule.account.is_none()
                && rule.provider.is_none_or(|provider| provider == sender.provider)
                && (rule.numbers.is_empty()
                    || rule.numbers.iter().any(|name| **name == *sender.phone || **name == *sender.id))
        })
    }

    /// Whether a provider insists on templates.
    pub fn declares_templates(&self, provider: ProviderKind) -> bool {
        self.script.templates.iter().any(|declared| declared.provider == provider)
    }

    /// The templates of an account, or of everybody's where nothing says whose.
    pub fn templates_of(
        &self,
        provider: ProviderKind,
        account: Option<&str>,
    ) -> impl Iterator<Item = KnownAs<'_>> {
        let account = account.map(str::to_owned);
        self.script.templates.iter().enumerate().filter_map(move |(place, declared)| {
            let theirs = declared.account.is_empty()
                || account.as_ref().is_none_or(|account| declared.account == *account);
            (declared.provider == provider && theirs).then(|| KnownAs {
                declared,
                place,
                status: TemplateStatus::read(self.status_of(place, declared)),
            })
        })
    }

    /// The first of them that fits.
    pub fn template(
        &self,
        provider: ProviderKind,
        account: Option<&str>,
        fits: impl Fn(&DeclaredTemplate) -> bool,
    ) -> Option<KnownAs<'_>> {
        self.templates_of(provider, account).find(|known| fits(known.declared))
    }

    /// A template's state, word for word.
    pub fn template_word<'a>(&self, known: &KnownAs<'a>) -> &'a str {
        self.status_of(known.place, known.declared)
    }

    fn status_of<'a>(&self, place: usize, declared: &'a DeclaredTemplate) -> &'a str {
        let accepted = self.templates_sent.get(place).copied().unwrap_or(0);
        declared.status(self.started.elapsed(), accepted)
    }

    /// What the script says of an account now.
    pub fn said_of_account(&self, account: &str) -> health::Said {
        self.said(|rule| rule.account.as_deref() == Some(account))
    }

    fn said(&self, fits: impl Fn(&HealthRule) -> bool) -> health::Said {
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
            kind: self.ledger.said(entry).map_or("text", |said| said.kind),
            template: self.ledger.said(entry).and_then(|said| said.template.clone()),
            media: self.ledger.said(entry).and_then(|said| said.media.clone()),
            reference: entry.reference(),
            id: dialect::message_id(provider, id),
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
