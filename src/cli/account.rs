//! `signalbox account`.

use super::{
    CliError, Session,
    account_rotate::{self, RotateArgs},
    account_templates,
    output::{Table, card, local_or_dash, or_dash},
    parse::{self, Limit},
    secret,
    session::Org,
};
use crate::{
    domain::{ids::AccountId, number::ProviderKind, phone::Phone, right::Right},
    provider::{self, Credential},
    secrets::{KeyRing, Place, new_key_text},
    sender::line::token_place,
    store::account::{AccountEdit, AccountRecord, NewAccount, SealedSecrets},
};
use clap::{Args, Subcommand};
use serde_json::json;
use zeroize::Zeroizing;

/// Where secrets come from.
#[derive(Debug, Args)]
pub struct SecretSources {
    /// Read the token from the first line of standard input
    #[arg(long, conflicts_with = "token_env")]
    token_stdin: bool,
    /// Read the token from this variable
    #[arg(long, value_name = "VAR")]
    token_env: Option<String>,
    /// Read the secret that signs webhooks from this variable
    #[arg(long, value_name = "VAR")]
    app_secret_env: Option<String>,
    /// Read the word that is given back when a webhook is registered from this variable
    #[arg(long, value_name = "VAR")]
    verify_token_env: Option<String>,
}

/// What can be done with accounts.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Adds an account; its token comes from standard input or a variable and is sealed
    #[command(
        after_help = "Examples:\n  signalbox account add main --provider meta --external-id 1029384756 --token-env META_TOKEN\n  pass show ultramsg | signalbox account add gateway --provider ultramsg --token-stdin\n  signalbox account add sms --provider twilio --external-id AC0123456789abcdef0123456789abcdef --token-env TWILIO_TOKEN"
    )]
    Add {
        /// What operators call it
        name: String,
        /// meta, ultramsg or twilio
        #[arg(long)]
        provider: ProviderKind,
        /// WABA id (Meta) or Account SID (Twilio)
        #[arg(long, value_name = "ID")]
        external_id: Option<String>,
        /// The secrets
        #[command(flatten)]
        secrets: SecretSources,
        /// Where the provider is reached, instead of `META_BASE_URL` and its like
        #[arg(long, value_name = "URL")]
        base_url: Option<String>,
        /// Most people in a moving 24 hours, over all its numbers; who wrote within 24 hours does not count. A limit that the
        /// provider tells holds too, the smaller of both
        #[arg(long, value_name = "N", value_parser = parse::positive_limit, allow_hyphen_values = true)]
        rolling_limit: Option<Limit>,
        /// The id of the Meta business portfolio that it belongs to: accounts of one count people together, and the least of
        /// their limits holds for all
        #[arg(long, value_name = "ID")]
        portfolio: Option<String>,
    },
    /// Lists the accounts
    List,
    /// Shows an account, the webhook path to register among the rest
    Show {
        /// Which one
        name: String,
    },
    /// Asks the provider which templates the account has, keeps the list and shows it
    #[command(
        after_help = "Example:\n  signalbox account templates main\n\nA template that was paused, rejected or disabled pauses the campaigns that use it."
    )]
    Templates {
        /// Which one
        name: String,
        /// Show what is known and ask nobody
        #[arg(long)]
        known: bool,
    },
    /// Changes an account, or gives it new secrets
    Edit {
        /// Which one
        name: String,
        /// A new name
        #[arg(long, value_name = "NAME")]
        rename: Option<String>,
        /// WABA id (Meta) or Account SID (Twilio)
        #[arg(long, value_name = "ID")]
        external_id: Option<String>,
        /// The secrets
        #[command(flatten)]
        secrets: SecretSources,
        /// Where the provider is reached, or none for where it usually is
        #[arg(long, value_name = "URL|none")]
        base_url: Option<String>,
        /// Most people in a moving 24 hours, over all its numbers, or none for what the provider tells
        #[arg(long, value_name = "N|none", value_parser = parse::positive_limit, allow_hyphen_values = true)]
        rolling_limit: Option<Limit>,
        /// The id of the Meta business portfolio whose limit it shares, or none
        #[arg(long, value_name = "ID|none")]
        portfolio: Option<String>,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Removes an account that owns no number
    Remove {
        /// Which one
        name: String,
        /// Why, for the audit log
        #[arg(long, value_name = "TEXT")]
        reason: Option<String>,
    },
    /// Gives an account a new token, tried at the provider before the old one is dropped
    Rotate(RotateArgs),
}

impl Verb {
    /// The right that it takes.
    fn right(&self) -> Right {
        match self {
            Self::List | Self::Show { .. } | Self::Templates { known: true, .. } => Right::Sees,
            // Of an edit, the database tells apart what is an admin's.
            Self::Templates { .. } | Self::Edit { .. } => Right::Runs,
            Self::Add { .. } | Self::Remove { .. } | Self::Rotate(_) => Right::Administers,
        }
    }
}

/// Does it.
pub async fn run(session: &Session, verb: Verb) -> Result<(), CliError> {
    let org = session.organization_for(verb.right()).await?;
    match verb {
        Verb::Add { .. } => add(session, &org, verb).await,
        Verb::Edit { .. } => edit(session, &org, verb).await,
        Verb::List => list(session, &org).await,
        Verb::Show { name } => show(session, &org, &name).await,
        Verb::Templates { name, known } => account_templates::run(session, &org, &name, known).await,
        Verb::Remove { name, reason } => {
            let account = find(session, &org, &name).await?;
            let removed =
                session.store.remove_account(org.id, account.id, reason.as_deref(), session.actor()).await?;
            CliError::unless(removed, &format!("account {name}"))?;
            session.out.show(&json!({ "result": "done", "name": name }), || format!("removed account {name}"))
        }
        Verb::Rotate(args) => account_rotate::run(session, &org, &args).await,
    }
}

/// The account of this name.
pub async fn find(session: &Session, org: &Org, name: &str) -> Result<AccountRecord, CliError> {
    session.store.accounts(org.id, Some(name)).await?.pop().ok_or_else(|| {
        CliError::failed(format!("there is no account {name:?}; signalbox account list shows them"))
    })
}

async fn add(session: &Session, org: &Org, verb: Verb) -> Result<(), CliError> {
    let Verb::Add { name, provider, external_id, secrets, base_url, rolling_limit, portfolio } = verb else {
        return Ok(());
    };
    let portfolio = portfolio_of(provider, portfolio)?;
    let given = Given::read(&secrets)?;
    let Some(token) = &given.token else {
        return Err(CliError::Usage(
            "an account needs its token: name its variable with --token-env VAR, or pass it on standard input with --token-stdin".to_owned(),
        ));
    };
    let external_id = external_id.unwrap_or_default();
    let address = base_url.as_deref().unwrap_or_else(|| session.config.base_url(provider));
    check_line(org, provider, address, &external_id, token)?;
    let id = AccountId::new();
    let ring = ring(session).await?;
    let mut sealed = given.seal(&ring, org, id)?;
    if provider == ProviderKind::Ultramsg {
        // UltraMsg signs nothing: the path itself is what nobody else knows.
        let word = path_word(&new_key_text()?);
        sealed.webhook_secret = Some(seal(&ring, &place(org, id, "sealed_webhook_secret"), &word)?);
    }
    let new = NewAccount {
        id,
        name: &name,
        provider,
        external_id: &external_id,
        base_url: base_url.as_deref(),
        rolling_limit: rolling_limit.and_then(Limit::column),
        portfolio: portfolio.as_ref().and_then(|given| given.0.as_deref()),
        sealed,
    };
    session.store.add_account(org.id, &new, session.actor()).await?;
    session.out.show(&json!({ "id": id, "name": name, "provider": provider.name() }), || {
        let risk = if provider.is_official() {
            ""
        } else {
            "\nnote: this provider is not official; WhatsApp may ban the numbers that send through it"
        };
        format!("added account {name}{risk}")
    })
}

/// The id of a portfolio, or `none`.
struct Portfolio(Option<String>);

fn portfolio_of(provider: ProviderKind, given: Option<String>) -> Result<Option<Portfolio>, CliError> {
    let Some(given) = given else { return Ok(None) };
    let id = given.trim();
    if id == "none" {
        return Ok(Some(Portfolio(None)));
    }
    if !provider.is_official() {
        return Err(CliError::Usage(
            "--portfolio: an account at UltraMsg belongs to no business portfolio".to_owned(),
        ));
    }
    if !(1..=64).contains(&id.len())
        || !id.chars().all(|each| each.is_ascii_alphanumeric() || "-_".contains(each))
    {
        return Err(CliError::Usage(format!(
            "--portfolio: {id:?} is no id of a business portfolio, such as 506914307656634"
        )));
    }
    Ok(Some(Portfolio(Some(id.to_owned()))))
}

async fn edit(session: &Session, org: &Org, verb: Verb) -> Result<(), CliError> {
    let Verb::Edit { name, rename, external_id, secrets, base_url, rolling_limit, portfolio, reason } = verb
    else {
        return Ok(());
    };
    let account = find(session, org, &name).await?;
    let base_url = base_url.map(|url| (url != "none").then_some(url));
    let given = Given::read(&secrets)?;
    let provider: ProviderKind =
        account.provider.parse().map_err(|error| CliError::because("failed to read the account", error))?;
    let portfolio = portfolio_of(provider, portfolio)?;
    let address = match &base_url {
        Some(Some(url)) => url,
        Some(None) => session.config.base_url(provider),
        None => account.base_url.as_deref().unwrap_or_else(|| session.config.base_url(provider)),
    };
    let unknown = Zeroizing::new("unknown".to_owned());
    check_line(
        org,
        provider,
        address,
        external_id.as_deref().unwrap_or(&account.external_id),
        given.token.as_ref().unwrap_or(&unknown),
    )?;
    let sealed = if given.is_empty() {
        SealedSecrets::default()
    } else {
        given.seal(&ring(session).await?, org, account.id)?
    };
    let edit = AccountEdit {
        name: rename.as_deref(),
        external_id: external_id.as_deref(),
        base_url: base_url.as_ref().map(Option::as_deref),
        rolling_limit: rolling_limit.map(Limit::column),
        portfolio: portfolio.as_ref().map(|given| given.0.as_deref()),
        sealed,
    };
    let changed =
        session.store.edit_account(org.id, account.id, &edit, reason.as_deref(), session.actor()).await?;
    CliError::unless(changed, &format!("account {name}"))?;
    session.out.show(&json!({ "result": "done", "name": name }), || format!("changed account {name}"))
}

async fn list(session: &Session, org: &Org) -> Result<(), CliError> {
    let accounts = session.store.accounts(org.id, None).await?;
    session.out.show(&accounts, || {
        let mut table = Table::new(&[
            "NAME",
            "PROVIDER",
            "EXTERNAL ID",
            "NUMBERS",
            "A MONTH",
            "ROLLING LIMIT",
            "TOKEN DAYS",
            "BASE URL",
        ]);
        for account in &accounts {
            table.row([
                account.name.clone(),
                account.provider.clone(),
                account.external_id.clone(),
                account.numbers.to_string(),
                costs(&account.monthly_costs),
                or_dash(account.rolling_limit),
                account.token_days.to_string(),
                or_dash(account.base_url.as_ref()),
            ]);
        }
        table.render()
    })
}

/// A sum for each currency.
fn costs(sums: &[String]) -> String {
    if sums.is_empty() { "-".to_owned() } else { sums.join(" + ") }
}

async fn show(session: &Session, org: &Org, name: &str) -> Result<(), CliError> {
    let account = find(session, org, name).await?;
    let path = format!("/webhooks/{}/{}", account.provider, account.id);
    // Whoever knows all of it can say STOP in anybody's name: it is for who could change what is sent.
    let is_kept = account.sealed_webhook_secret.is_some()
        && session.store.standing(org.id).await?.refusal(Right::Runs).is_some();
    let path = if is_kept { path } else { webhook_path(session, org, &account, path).await? };
    let kept = format!("{path}/...; its secret part is shown to those who run {}", org.record.slug);
    let mut value = serde_json::to_value(&account)
        .map_err(|error| CliError::because("failed to write the account as JSON", error))?;
    value["webhook_path"] = json!(path);
    session.out.show(&value, || {
        let age = |days: Option<i32>| {
            days.map_or_else(|| "none".to_owned(), |days| format!("sealed, {days} days old"))
        };
        card(&[
            ("name", account.name.clone()),
            ("provider", account.provider.clone()),
            ("external id", account.external_id.clone()),
            ("base url", or_dash(account.base_url.as_ref())),
            ("rolling limit", or_dash(account.rolling_limit)),
            ("portfolio", or_dash(account.portfolio.as_ref())),
            ("provider's limit", or_dash(account.provider_limit)),
            ("people in 24 h", or_dash(account.reached)),
            ("room again", local_or_dash(account.room_opens, org.zone)),
            ("numbers", account.numbers.to_string()),
            ("a month", costs(&account.monthly_costs)),
            ("token", age(Some(account.token_days))),
            ("app secret", age(account.app_secret_days)),
            ("verify token", age(account.verify_token_days)),
            ("webhook secret", age(account.webhook_secret_days)),
            ("webhook path", if is_kept { kept } else { path.clone() }),
        ])
    })
}

/// The path to register at the provider.
async fn webhook_path(
    session: &Session,
    org: &Org,
    account: &AccountRecord,
    path: String,
) -> Result<String, CliError> {
    let Some(sealed) = &account.sealed_webhook_secret else { return Ok(path) };
    let opened =
        ring(session).await?.open(&place(org, account.id, "sealed_webhook_secret"), &sealed.parse()?)?;
    Ok(format!("{path}/{}", opened.reveal()))
}

pub(super) async fn ring(session: &Session) -> Result<KeyRing, CliError> {
    secret::key_ring(&session.config, session.database.cluster().is_some(), &session.store).await
}

/// The secrets that were given.
pub(super) struct Given {
    token: Option<Zeroizing<String>>,
    app_secret: Option<Zeroizing<String>>,
    verify_token: Option<Zeroizing<String>>,
}

impl Given {
    pub(super) fn read(sources: &SecretSources) -> Result<Self, CliError> {
        let variable = |name: &Option<String>| name.as_deref().map(secret::from_variable).transpose();
        Ok(Self {
            token: if sources.token_stdin {
                Some(secret::from_stdin()?)
            } else {
                variable(&sources.token_env)?
            },
            app_secret: variable(&sources.app_secret_env)?,
            verify_token: variable(&sources.verify_token_env)?,
        })
    }

    pub(super) fn has_token(&self) -> bool {
        self.token.is_some()
    }

    fn is_empty(&self) -> bool {
        self.token.is_none() && self.app_secret.is_none() && self.verify_token.is_none()
    }

    pub(super) fn seal(
        &self,
        ring: &KeyRing,
        org: &Org,
        account: AccountId,
    ) -> Result<SealedSecrets, CliError> {
        let sealed = |place: Place<'_>, secret: &Option<Zeroizing<String>>| {
            secret.as_ref().map(|secret| seal(ring, &place, secret)).transpose()
        };
        Ok(SealedSecrets {
            token: sealed(token_place(org.id, account), &self.token)?,
            app_secret: sealed(place(org, account, "sealed_app_secret"), &self.app_secret)?,
            verify_token: sealed(place(org, account, "sealed_verify_token"), &self.verify_token)?,
            webhook_secret: None,
        })
    }
}

/// Where a secret of an account stands; the token's place is the sender's to say ([`token_place`]).
pub(super) fn place(org: &Org, account: AccountId, column: &'static str) -> Place<'static> {
    Place { table: "accounts", column, organization: org.id.0, row: account.0 }
}

pub(super) fn seal(ring: &KeyRing, place: &Place<'_>, secret: &str) -> Result<String, CliError> {
    Ok(ring.seal(place, secret)?.as_str().to_owned())
}

/// Letters and digits of a random key, as a part of a path.
fn path_word(key: &str) -> Zeroizing<String> {
    Zeroizing::new(key.chars().filter(char::is_ascii_alphanumeric).take(32).collect())
}

/// Builds what the sender would build, so that an account that cannot work is refused now and not at the first message.
fn check_line(
    org: &Org,
    provider: ProviderKind,
    base_url: &str,
    external_id: &str,
    token: &Zeroizing<String>,
) -> Result<(), CliError> {
    let sender_id = match provider {
        ProviderKind::Meta => "1",
        ProviderKind::Ultramsg => "instance1",
        ProviderKind::Twilio => "",
    };
    line(org, provider, base_url, external_id, token.clone(), sender_id, &example_phone()?)
        .map_err(|problem| CliError::Usage(format!("the account cannot be used: {problem}")))
}

fn example_phone() -> Result<Phone, CliError> {
    Phone::parse("+237600000001").map_err(|error| CliError::because("failed to check the account", error))
}

/// Whether a number with this id could send through the account, as far as that shows without asking its provider.
pub fn can_send(
    session: &Session,
    org: &Org,
    account: &AccountRecord,
    sender_id: &str,
    phone: &Phone,
) -> Result<(), CliError> {
    let provider: ProviderKind =
        account.provider.parse().map_err(|error| CliError::because("failed to read the account", error))?;
    let address = account.base_url.as_deref().unwrap_or_else(|| session.config.base_url(provider));
    could_send(org, provider, address, &account.external_id, sender_id, phone)
        .map_err(|problem| CliError::Usage(format!("the number cannot be used: {problem}")))
}

/// The same of an account that is told by its parts; the sentence says why not.
pub fn could_send(
    org: &Org,
    provider: ProviderKind,
    base_url: &str,
    external_id: &str,
    sender_id: &str,
    phone: &Phone,
) -> Result<(), String> {
    // No dialect looks into a token to build a line.
    let token = Zeroizing::new("unknown".to_owned());
    line(org, provider, base_url, external_id, token, sender_id, phone)
}

/// Builds a line and forgets it; the sentence says why it cannot be built.
fn line(
    org: &Org,
    provider: ProviderKind,
    base_url: &str,
    external_id: &str,
    token: Zeroizing<String>,
    sender_id: &str,
    from: &Phone,
) -> Result<(), String> {
    let credential = Credential { external_id: external_id.to_owned(), token };
    let line = provider::dialect(provider)
        .line(base_url, credential, sender_id, from)
        .map_err(|error| error.to_string())?;
    let host = line.base_url.host_str().unwrap_or_default().trim_matches(['[', ']']).to_owned();
    let loopback =
        host == "localhost" || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback());
    if org.record.rehearsal && !loopback {
        return Err(format!(
            "{} is a rehearsal organisation and only reaches this machine; give a loopback --base-url",
            org.record.slug
        ));
    }
    Ok(())
}
