//! Whom to believe: each account's webhook and what its requests are proven by.

use crate::domain::{
    ids::{AccountId, OrganizationId},
    number::ProviderKind,
};
use crate::provider::signature;
use crate::secrets::{KeyRing, Place, Sealed};
use crate::sender::{clock::Moment, line::token_place};
use crate::store::{Store, StoreError, webhook::Credentials};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::sync::Mutex;
use url::Url;
use zeroize::Zeroizing;

/// Secrets that were changed are known after this time, and a new account too.
const FRESH: Duration = Duration::from_secs(5);

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
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
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

/// All doors of an organisation, read again when they may have changed; while the database is away, as they were.
pub struct Doors {
    store: Store,
    keys: KeyRing,
    organization: OrganizationId,
    public: Option<Url>,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    doors: HashMap<AccountId, Arc<Door>>,
    read: Option<Moment>,
}

impl Doors {
    /// None is read yet.
    #[must_use]
    pub fn new(store: Store, keys: KeyRing, organization: OrganizationId, public: Option<Url>) -> Self {
        Self { store, keys, organization, public, known: Mutex::default() }
    }

    /// How this is reached from outside.
    #[must_use]
    pub fn public(&self) -> Option<&Url> {
        self.public.as_ref()
    }

    /// The door of an account; `None`: there is no such account, as far as anybody knows.
    pub async fn find(&self, account: AccountId, provider: ProviderKind) -> Option<Arc<Door>> {
        let mut known = self.known.lock().await;
        if known.read.is_none_or(|read| read.age() >= FRESH) {
            match self.read().await {
                Ok(doors) => known.doors = doors,
                Err(error) => tracing::warn!("the secrets of webhooks are as they were: {error}"),
            }
            known.read = Some(Moment::now());
        }
        known.doors.get(&account).filter(|door| door.provider == provider).cloned()
    }

    /// Counts a request that was not believed. That it cannot be counted is no reason to wait.
    pub async fn refuse(&self, account: AccountId, why: Disbelief) {
        let counted = self.store.count_refusals(self.organization, &[(account, why.code(), 1)]).await;
        if let Err(error) = counted {
            tracing::debug!("a refusal was not counted: {error}");
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
