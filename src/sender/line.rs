//! Lines: numbers made ready to send. Built once per change of a number or its account, not once a message.

use super::Config;
use crate::domain::{
    ids::{AccountId, NumberId, OrganizationId},
    number::ProviderKind,
    phone::Phone,
};
use crate::provider::{Credential, Line, Provider, dialect};
use crate::secrets::{KeyRing, Place, Sealed};
use crate::store::snapshot::{AccountView, NumberView, Snapshot};
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
};
use url::Url;
use zeroize::Zeroizing;

/// Counts the requests of one number that are on the wire.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU32);

impl Gauge {
    /// How many there are.
    pub fn count(&self) -> u32 {
        self.0.load(Ordering::Acquire)
    }

    /// So many more.
    pub fn add(&self, count: u32) {
        self.0.fetch_add(count, Ordering::AcqRel);
    }

    /// One less.
    pub fn remove(&self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A number, ready to send.
pub struct ReadyLine {
    /// Which one.
    pub number: NumberId,
    /// The account that owns it.
    pub account: AccountId,
    /// What operators call it.
    pub name: String,
    /// Its dialect.
    pub provider: &'static dyn Provider,
    /// Its addresses and credentials.
    pub line: Line,
    /// Its requests on the wire; survives rebuilding.
    pub gauge: Arc<Gauge>,
    version: (i64, i64),
}

impl ReadyLine {
    /// Which provider it is at.
    pub fn kind(&self) -> ProviderKind {
        self.provider.kind()
    }
}

/// Where an account's token stands: it opens nowhere else.
#[must_use]
pub fn token_place(organization: OrganizationId, account: AccountId) -> Place<'static> {
    Place { table: "accounts", column: "sealed_token", organization: organization.0, row: account.0 }
}

/// All lines of this process.
#[derive(Default)]
pub struct Lines {
    gauges: Mutex<HashMap<NumberId, Arc<Gauge>>>,
    ready: HashMap<NumberId, Arc<ReadyLine>>,
    /// Numbers that cannot be made ready, and why.
    pub unusable: HashMap<NumberId, String>,
}

impl Lines {
    /// The line of a number.
    #[must_use]
    pub fn get(&self, number: NumberId) -> Option<&Arc<ReadyLine>> {
        self.ready.get(&number)
    }

    /// All that are ready.
    pub fn ready(&self) -> impl Iterator<Item = &Arc<ReadyLine>> {
        self.ready.values()
    }

    /// Some line of an account, to ask its provider about the account.
    #[must_use]
    pub fn of_account(&self, account: AccountId) -> Option<&Arc<ReadyLine>> {
        self.ready.values().filter(|line| line.account == account).min_by_key(|line| line.number)
    }

    /// The numbers that send with the credential of this one, itself among them, in order; none where it has no line.
    #[must_use]
    pub fn sharing_credential(&self, number: NumberId) -> Vec<NumberId> {
        let Some(own) = self.get(number) else { return Vec::new() };
        let token = &own.line.credential.token;
        let mut sharing: Vec<NumberId> = self
            .ready
            .values()
            .filter(|line| line.kind() == own.kind() && line.line.credential.token == *token)
            .map(|line| line.number)
            .collect();
        sharing.sort_unstable();
        sharing
    }

    /// Whether there is any line.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The gauge of a number.
    pub fn gauge(&self, number: NumberId) -> Arc<Gauge> {
        let mut gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(gauges.entry(number).or_default())
    }

    /// Requests on the wire, all numbers together.
    #[must_use]
    pub fn in_air(&self) -> u32 {
        let gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        gauges.values().map(|gauge| gauge.count()).sum()
    }

    /// Brings the lines up to date.
    pub fn refresh(&mut self, snapshot: &Snapshot, keys: &KeyRing, config: &Config) {
        let accounts: HashMap<AccountId, &AccountView> =
            snapshot.accounts.iter().map(|account| (account.id, account)).collect();
        self.unusable.clear();
        for view in &snapshot.numbers {
            let number = view.number.id;
            let Some(account) = accounts.get(&view.number.account) else { continue };
            let version = (view.revision, account.revision);
            if self.ready.get(&number).is_some_and(|line| line.version == version) {
                continue;
            }
            match self.make(snapshot, view, account, keys, config) {
                Ok(line) => {
                    self.ready.insert(number, Arc::new(line));
                }
                Err(why) => {
                    tracing::warn!(number.id = %number, "number cannot send: {why}");
                    self.ready.remove(&number);
                    self.unusable.insert(number, why);
                }
            }
        }
    }

    fn make(
        &self,
        snapshot: &Snapshot,
        view: &NumberView,
        account: &AccountView,
        keys: &KeyRing,
        config: &Config,
    ) -> Result<ReadyLine, String> {
        let place = token_place(snapshot.organization.id, account.id);
        let token = account
            .sealed_token
            .parse::<Sealed>()
            .and_then(|sealed| keys.open(&place, &sealed))
            .map_err(|error| format!("the token of account {} does not open: {error}", account.name))?
            .into_inner();
        let base = account.base_url.clone().unwrap_or_else(|| (config.base_url)(account.provider));
        if snapshot.organization.rehearsal && !is_loopback(&base) {
            return Err(format!("a rehearsal only reaches loopback addresses, and {base} is none"));
        }
        let provider = dialect(account.provider);
        let credential = Credential { external_id: account.external_id.clone(), token };
        let mut line = provider
            .line(&base, credential, &view.instance_id, &view.number.phone)
            .map_err(|error| error.to_string())?;
        line.callback = config.public.as_ref().and_then(|public| webhook(public, account));
        Ok(ReadyLine {
            number: view.number.id,
            account: account.id,
            name: if view.name.is_empty() { view.number.phone.masked() } else { view.name.clone() },
            provider,
            line,
            gauge: self.gauge(view.number.id),
            version: (view.revision, account.revision),
        })
    }
}

/// Whether a number with this id could send through an account, as far as that shows without its token and without asking
/// its provider.
///
/// # Errors
/// Why not, as a sentence.
pub fn could_send(
    provider: ProviderKind,
    base_url: Option<&str>,
    external_id: &str,
    sender_id: &str,
    phone: &Phone,
) -> Result<(), String> {
    let token = Zeroizing::new("unknown".to_owned());
    let credential = Credential { external_id: external_id.to_owned(), token };
    let base_url = base_url.unwrap_or_else(|| provider.default_base_url());
    let line = dialect(provider).line(base_url, credential, sender_id, phone);
    line.map(|_line| ()).map_err(|error| error.to_string())
}

/// An account's webhook as it is reached from outside (`interfaces.md`). `None`: that is no address one could append to.
fn webhook(public: &Url, account: &AccountView) -> Option<Url> {
    let mut url = public.clone();
    url.set_query(None);
    url.set_fragment(None);
    let (provider, account) = (account.provider.name(), account.id.to_string());
    url.path_segments_mut().ok()?.pop_if_empty().extend(["webhooks", provider, &account]);
    Some(url)
}

fn is_loopback(base: &str) -> bool {
    Url::parse(base).is_ok_and(|url| match url.host_str() {
        Some("localhost") => true,
        Some(host) => host
            .trim_matches(['[', ']'])
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback()),
        None => false,
    })
}
