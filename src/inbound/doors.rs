//! Whom to believe: each account's webhook and what its requests are proven by.

use crate::domain::{
    ids::{AccountId, OrganizationId},
    number::ProviderKind,
};
use crate::provider::signature;
use crate::secrets::{KeyRing, Place, Sealed};
use crate::sender::{clock::Moment, line::token_place};
use crate::store::{Store, StoreError, webhook::Credentials};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{sync::watch, task::JoinHandle};
use url::Url;
use zeroize::Zeroizing;

/// Secrets that were changed are known after this time, and a new account too.
const FRESH: Duration = Duration::from_secs(5);
/// A request waits this long for what is being read anew; then what is known has to do.
const PATIENCE: Duration = Duration::from_millis(100);
/// As long as nothing is known at all, a request waits this long.
const FIRST: Duration = Duration::from_secs(1);
/// Between two tries while the database is away.
const AGAIN: Duration = Duration::from_secs(1);

/// What an account's requests are proven by.
pub struct Door {
    /// Which account.
    pub account: AccountId,
    provider: ProviderKind,
    /// Signs or is the proof; none, where it was never stored or does not open.
    proof: Option<Zeroizing<String>>,
    verify_token: Option<Zeroizing<String>>,
}

/// A request, as far as it bears on whether it is believed.
#[derive(Debug, Clone, Copy)]
pub struct Claim<'a> {
    /// Path and query, byte for byte.
    pub target: &'a str,
    /// Meta's or Twilio's signature.
    pub signature: Option<&'a str>,
    /// The secret in the path.
    pub secret: Option<&'a str>,
    /// Whether the body is a form.
    pub is_form: bool,
    /// The body.
    pub body: &'a [u8],
}

/// Why a request is not believed; the words are the counter's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Disbelief {
    /// We were never given what would prove it.
    #[error("no secret is stored for this account")]
    NothingStored,
    /// There is no proof with it.
    #[error("signature missing")]
    Missing,
    /// The proof is wrong.
    #[error("signature wrong")]
    Wrong,
}

impl Disbelief {
    /// The name that it is counted under.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::NothingStored => "no_secret",
            Self::Missing => "signature_missing",
            Self::Wrong => "signature_wrong",
        }
    }
}

impl Door {
    /// Whether this came from the provider.
    ///
    /// # Errors
    /// When that is not proven.
    pub fn believe(&self, public: Option<&Url>, claim: &Claim<'_>) -> Result<(), Disbelief> {
        let proof = self.proof.as_deref().ok_or(Disbelief::NothingStored)?;
        let proven = match self.provider {
            ProviderKind::Meta => {
                let given = claim.signature.ok_or(Disbelief::Missing)?;
                signature::meta(&[proof], Some(given), claim.body)
            }
            ProviderKind::Twilio => {
                let given = claim.signature.ok_or(Disbelief::Missing)?;
                let called = |public| {
                    signature::twilio(&[proof], public, claim.target, Some(given), claim.is_form, claim.body)
                };
                public.is_some_and(called)
            }
            ProviderKind::Ultramsg => signature::secret(proof, claim.secret.ok_or(Disbelief::Missing)?),
        };
        if proven { Ok(()) } else { Err(Disbelief::Wrong) }
    }

    /// Whether it may be proven by what its body will say: nobody reads megabytes for what is already known to be false.
    ///
    /// # Errors
    /// When nothing in the body can make it true.
    pub fn hear(&self, claim: &Claim<'_>) -> Result<(), Disbelief> {
        match self.provider {
            ProviderKind::Ultramsg => self.believe(None, claim),
            _ if self.proof.is_none() => Err(Disbelief::NothingStored),
            _ => claim.signature.map(drop).ok_or(Disbelief::Missing),
        }
    }

    /// Whether a registration at Meta names the word that was agreed on.
    #[must_use]
    pub fn knows(&self, verify_token: &str) -> bool {
        self.provider == ProviderKind::Meta
            && self.verify_token.as_deref().is_some_and(|expected| signature::secret(expected, verify_token))
    }

    /// Whose dialect it speaks.
    #[must_use]
    pub fn provider(&self) -> ProviderKind {
        self.provider
    }
}

/// Why there is no door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoDoor {
    /// There is no such account of this dialect.
    Nobody,
    /// The database is away, and what was read before names no such account: nobody can say.
    Unknown,
}

/// All doors of an organisation, read again when they may have changed; while the database is away, as they were.
pub struct Doors {
    reader: Arc<Reader>,
    public: Option<Url>,
    known: watch::Sender<Known>,
    reading: Mutex<Reading>,
}

#[derive(Default)]
struct Known {
    doors: Arc<HashMap<AccountId, Arc<Door>>>,
    /// When they were last read.
    read: Option<Moment>,
}

/// The reading that is under way or was last.
#[derive(Default)]
struct Reading {
    begun: Option<Moment>,
    task: Option<JoinHandle<()>>,
}

impl Known {
    fn is_fresh(&self) -> bool {
        self.read.is_some_and(|read| read.age() < FRESH)
    }
}

impl Doors {
    /// None is read yet.
    #[must_use]
    pub fn new(store: Store, keys: KeyRing, organization: OrganizationId, public: Option<Url>) -> Self {
        Self {
            reader: Arc::new(Reader { store, keys, organization }),
            public,
            known: watch::Sender::default(),
            reading: Mutex::default(),
        }
    }

    /// How this is reached from outside.
    #[must_use]
    pub fn public(&self) -> Option<&Url> {
        self.public.as_ref()
    }

    /// Reads them before the first request comes; while the database is away, without waiting for long.
    pub async fn expect(&self) {
        self.refresh().await;
    }

    /// The door of an account.
    ///
    /// # Errors
    /// When there is none, or nobody can say.
    pub async fn find(&self, account: AccountId, provider: ProviderKind) -> Result<Arc<Door>, NoDoor> {
        if !self.known.borrow().is_fresh() {
            self.refresh().await;
        }
        let known = self.known.borrow();
        match known.doors.get(&account) {
            Some(door) if door.provider == provider => Ok(Arc::clone(door)),
            None if !known.is_fresh() => Err(NoDoor::Unknown),
            Some(_) | None => Err(NoDoor::Nobody),
        }
    }

    /// Has the doors read anew, unless somebody does or just tried, and waits for that a moment. The statement runs in a task
    /// of its own: it is never cut off, and never waited for to its end.
    async fn refresh(&self) {
        // Before looking, or what is read meanwhile would be missed.
        let mut news = self.known.subscribe();
        let wait = {
            let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
            let is_idle = reading.task.as_ref().is_none_or(JoinHandle::is_finished);
            if is_idle && reading.begun.is_none_or(|begun| begun.age() >= AGAIN) {
                reading.begun = Some(Moment::now());
                let (reader, known) = (Arc::clone(&self.reader), self.known.clone());
                reading.task = Some(tokio::spawn(async move { reader.read_into(&known).await }));
            }
            let patience = if news.borrow().read.is_none() { FIRST } else { PATIENCE };
            reading.begun.map_or(Duration::ZERO, |begun| patience.saturating_sub(begun.age()))
        };
        if !news.borrow().is_fresh() {
            // Only the wait is given up.
            let _ = tokio::time::timeout(wait, news.changed()).await;
        }
    }
}

/// Reads what requests are proven by, and opens it.
struct Reader {
    store: Store,
    keys: KeyRing,
    organization: OrganizationId,
}

impl Reader {
    async fn read_into(&self, known: &watch::Sender<Known>) {
        let began = Moment::now();
        match self.read().await {
            Ok(doors) => {
                known.send_replace(Known { doors: Arc::new(doors), read: Some(began) });
            }
            Err(error) => {
                tracing::warn!("the secrets of webhooks are as they were: {error}");
                // Whoever waits need not wait any longer.
                known.send_modify(|_as_it_was| {});
            }
        }
    }

    async fn read(&self) -> Result<HashMap<AccountId, Arc<Door>>, StoreError> {
        let all = self.store.webhook_credentials(self.organization).await?;
        Ok(all.into_iter().map(|sealed| (sealed.account, Arc::new(self.open(&sealed)))).collect())
    }

    fn open(&self, sealed: &Credentials) -> Door {
        let account = sealed.account;
        let place =
            |column| Place { table: "accounts", column, organization: self.organization.0, row: account.0 };
        let open = |place: Place<'_>, text: &str| {
            let opened = text.parse::<Sealed>().and_then(|sealed| self.keys.open(&place, &sealed));
            opened
                .inspect_err(|error| tracing::warn!(account.id = %account, "a secret does not open: {error}"))
                .ok()
                .map(crate::secrets::Secret::into_inner)
        };
        let optional =
            |column, text: &Option<String>| text.as_deref().and_then(|text| open(place(column), text));
        Door {
            account,
            provider: sealed.provider,
            proof: match sealed.provider {
                ProviderKind::Meta => optional("sealed_app_secret", &sealed.app_secret),
                ProviderKind::Twilio => open(token_place(self.organization, account), &sealed.token),
                ProviderKind::Ultramsg => optional("sealed_webhook_secret", &sealed.webhook_secret),
            },
            verify_token: optional("sealed_verify_token", &sealed.verify_token),
        }
    }
}
