//! What a command works with: the configuration, the database, the store and the organisation.

use super::{CliError, Global, output::Out};
use crate::{
    config::{Config, Flags, Hidden},
    domain::{ids::OrganizationId, right::Right},
    postgres::{
        connect::{Database, LOCAL_OPERATOR, Purpose},
        migrate::{self, MIGRATIONS, SchemaState},
    },
    provider::media::Looker,
    store::{
        Store,
        action::Actor,
        eye::Eye,
        organization::{NewOrganization, OrganizationRecord},
    },
};
use chrono_tz::Tz;
use std::{env, time::Duration};

/// How long another program may be migrating before we give up waiting.
pub const MIGRATE_WITHIN: Duration = Duration::from_mins(5);

/// What a command works with.
pub struct Session {
    /// Everything that this run was told.
    pub config: Config,
    /// The database.
    pub database: Database,
    /// All that is asked of it.
    pub store: Store,
    /// Where the answer goes.
    pub out: Out,
    /// The owner of a local cluster's schema; elsewhere whoever is logged in.
    owner: Database,
    operator: String,
}

/// An organisation, as far as commands need it.
#[derive(Debug, Clone)]
pub struct Org {
    /// Its id.
    pub id: OrganizationId,
    /// Its zone.
    pub zone: Tz,
    /// The whole record.
    pub record: OrganizationRecord,
}

/// A store that also looks at media; where no client can be made, it does not.
fn seeing(store: Store, config: &Config) -> Store {
    let Ok(looker) = Looker::new(config.private_media) else { return store };
    store.with_eye(Eye::new(move |url, local| {
        let looker = looker.clone();
        async move { looker.look(&url, local).await }
    }))
}

/// Reads the configuration and finds the database, or starts the local cluster.
pub async fn open_database(global: &Global, out: &Out) -> Result<(Config, Database), CliError> {
    let config = Config::load(Flags {
        database_url: global.database_url.clone(),
        organization: global.org.clone(),
        config: global.config.clone(),
        data_dir: global.data_dir.clone(),
    })?;
    let url = config.database_url.as_ref().map(Hidden::reveal);
    let database = Database::open(url, &config.data_dir).await?;
    if let Some(warning) = database.warning() {
        out.note(&format!("warning: {warning}"));
    }
    Ok((config, database))
}

impl Session {
    /// Opens the database and makes sure that its schema is ours. A local cluster is migrated by the way; a shared
    /// database is somebody's decision.
    pub async fn open(global: &Global, out: Out) -> Result<Self, CliError> {
        let (config, owner) = open_database(global, &out).await?;
        let pool = owner.reach(Purpose::Screen).await?;
        let state = migrate::check(&pool, &MIGRATIONS).await;
        pool.close().await;
        let state = match state {
            Err(error) if migrate::is_forbidden(&error) => return Err(no_operator(&owner)),
            state => {
                state.map_err(|error| CliError::because("failed to read the schema's version", error))?
            }
        };
        match state {
            SchemaState::Current { .. } => {}
            SchemaState::Empty | SchemaState::Older { .. } if owner.cluster().is_some() => {
                migrate::run(&owner, &MIGRATIONS, MIGRATE_WITHIN, |_waited| {}).await?;
            }
            state => return Err(CliError::Refused(state.to_string())),
        }
        let database = for_operators(&owner).await?;
        let store = seeing(Store::new(&database), &config);
        let operator = operator(&database, &store).await?;
        Ok(Self { config, database, store, out, owner, operator })
    }

    /// A session on a local database whose schema is known to be ours.
    pub async fn on(owner: Database, config: Config, out: Out, operator: &str) -> Result<Self, CliError> {
        let database = for_operators(&owner).await?;
        let store = seeing(Store::new(&database), &config);
        Ok(Self { config, database, store, out, owner, operator: operator.to_owned() })
    }

    /// Adds an organisation: the owner's to do, since nobody is an operator of it yet.
    pub async fn found(&self, new: &NewOrganization<'_>) -> Result<OrganizationId, CliError> {
        if self.owner.cluster().is_none() {
            return Ok(self.store.add_organization(new, self.actor()).await?);
        }
        let store = Store::new(&self.owner);
        let made = store.add_organization(new, self.actor()).await;
        let seated = match &made {
            Ok(_) => store.seat_everywhere(LOCAL_OPERATOR).await,
            Err(_) => Ok(()),
        };
        store.close().await;
        seated?;
        Ok(made?)
    }

    /// The same session without output.
    #[must_use]
    pub fn quiet(&self) -> Self {
        Self {
            config: self.config.clone(),
            database: self.database.clone(),
            store: self.store.clone(),
            out: self.out.quiet(),
            owner: self.owner.clone(),
            operator: self.operator.clone(),
        }
    }

    /// The same session for another operator, whose answers go there.
    #[must_use]
    pub fn acting_as(&self, operator: &str, out: Out) -> Self {
        Self { out, operator: operator.to_owned(), ..self.quiet() }
    }

    /// The operator's name.
    pub fn operator_name(&self) -> &str {
        &self.operator
    }

    /// Who acts.
    pub fn actor(&self) -> Actor<'_> {
        Actor::operator(&self.operator)
    }

    /// The organisation that was named, or the only one.
    pub async fn organization(&self) -> Result<Org, CliError> {
        let slug = self.config.organization.as_deref();
        let mut found = self.store.organizations(slug).await?;
        let record = match (found.len(), slug) {
            (1, _) => found.remove(0),
            (0, Some(slug)) => return Err(CliError::failed(format!("there is no organisation {slug:?}"))),
            (0, None) if !self.store.rights().await?.is_owner && self.database.cluster().is_none() => {
                return Err(no_operator(&self.database));
            }
            (0, None) => {
                return Err(CliError::failed(
                    "there is no organisation yet: add one with signalbox org add SLUG --name NAME --timezone ZONE",
                ));
            }
            _ => {
                let slugs: Vec<&str> = found.iter().map(|organization| organization.slug.as_str()).collect();
                return Err(CliError::Usage(format!(
                    "there are several organisations; name one with --org: {}",
                    slugs.join(", ")
                )));
            }
        };
        self.org(record)
    }

    /// The same organisation, for a command that takes this right in it. Asked before anything is done: to a statement that
    /// changes, the rows of an organisation that its role only looks at are not there.
    pub async fn organization_for(&self, right: Right) -> Result<Org, CliError> {
        let org = self.organization().await?;
        self.must_have(right, org.id).await?;
        Ok(org)
    }

    /// Refuses, with the reason, who has not this right in an organisation.
    pub async fn must_have(&self, right: Right, organization: OrganizationId) -> Result<(), CliError> {
        if right == Right::Sees {
            return Ok(());
        }
        match self.store.standing(organization).await?.refusal(right) {
            None => Ok(()),
            Some(sentence) => Err(CliError::Refused(sentence)),
        }
    }

    /// The organisations that a headless sender sends for: the one that was named or the only one; all of them for a role that is
    /// the service of several and nothing else.
    pub async fn served(&self) -> Result<Vec<Org>, CliError> {
        if self.config.organization.is_none() {
            let rights = self.store.rights().await?;
            let serves = rights.seats.len() > 1 && rights.seats.iter().all(|(_, role)| role == "service");
            if serves && !rights.is_owner {
                let all = self.store.organizations(None).await?;
                return all.into_iter().map(|record| self.org(record)).collect();
            }
        }
        Ok(vec![self.organization().await?])
    }

    /// An organisation as commands need it.
    pub fn org(&self, record: OrganizationRecord) -> Result<Org, CliError> {
        let zone = record.time_zone.parse().map_err(|_| {
            CliError::failed(format!(
                "organisation {} has an unknown time zone, {}",
                record.slug, record.time_zone
            ))
        })?;
        Ok(Org { id: record.id, zone, record })
    }

    /// What only the owner of the schema may do; `None`: we are not it.
    pub async fn as_owner(&self) -> Result<Option<Store>, CliError> {
        if self.owner.cluster().is_some() {
            return Ok(Some(Store::new(&self.owner)));
        }
        Ok(self.store.rights().await?.is_owner.then(|| self.store.clone()))
    }

    /// Gives everything back. The last one to leave a local cluster stops it.
    pub async fn close(self) -> Result<(), CliError> {
        self.store.close().await;
        if let Some(cluster) = self.database.cluster().cloned() {
            drop(self.database);
            drop(self.owner);
            cluster.close().await?;
        }
        Ok(())
    }
}

/// The database as operators reach it. On a local cluster that is a role of its own, which policies bind: whoever reaches its
/// socket owns all of it, and yet nothing that is done daily is done as the superuser.
pub async fn for_operators(owner: &Database) -> Result<Database, CliError> {
    if owner.cluster().is_none() {
        return Ok(owner.clone());
    }
    let store = Store::new(owner);
    let seated = store.seat_everywhere(LOCAL_OPERATOR).await;
    store.close().await;
    seated?;
    Ok(owner.as_role(LOCAL_OPERATOR))
}

/// What a login role hears that is no operator.
fn no_operator(database: &Database) -> CliError {
    CliError::Refused(format!(
        "{} is no operator of any organisation: an admin makes it one with signalbox operator add ROLE --role viewer|manager|admin",
        database.place()
    ))
}

/// The name for the audit log: the login role; on a local cluster, where everybody has the same one, the account of
/// the system.
async fn operator(database: &Database, store: &Store) -> Result<String, CliError> {
    if database.cluster().is_none() {
        return Ok(store.login_role().await?);
    }
    let account =
        ["USER", "LOGNAME"].iter().find_map(|name| env::var(name).ok().filter(|name| !name.is_empty()));
    Ok(account.unwrap_or_else(|| format!("uid {}", rustix::process::geteuid().as_raw())))
}
