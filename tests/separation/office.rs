//! Two organisations on one database, each with operators of every kind, and somebody who belongs to neither.

use crate::support::{Db, binary, cluster};
use signalbox::{
    domain::{ids::OrganizationId, warm_up::Ladder},
    postgres::connect::{Database, Purpose},
    store::{Store, action::Actor, organization::NewOrganization},
};
use sqlx::PgConnection;
use std::process::Command;

/// What an operator may be, and nobody.
pub const ROLES: [&str; 5] = ["viewer", "manager", "service", "admin", "none"];

pub struct Office {
    pub db: Db,
    pub acme: OrganizationId,
    pub other: OrganizationId,
}

impl Office {
    pub async fn open() -> Self {
        let db = Db::new().await;
        let acme = organization(&db, "acme").await;
        let other = organization(&db, "other").await;
        let office = Self { db, acme, other };
        for (organization, slug) in [(acme, "acme"), (other, "other")] {
            for role in ROLES.into_iter().filter(|role| *role != "none") {
                let name = office.name_in(slug, role);
                let who = Actor::operator("owner");
                office.db.store.add_operator(organization, &name, role, None, who).await.unwrap();
            }
        }
        let nobody = format!("create role {} login", office.name("none"));
        sqlx::query(sqlx::AssertSqlSafe(nobody)).execute(&office.db.pool).await.unwrap();
        office
    }

    /// The login role of acme's viewer, manager, …
    pub fn name(&self, role: &str) -> String {
        self.name_in("acme", role)
    }

    pub fn name_in(&self, slug: &str, role: &str) -> String {
        format!("{slug}_{role}_{}", self.db.name)
    }

    /// The database as this role reaches it.
    pub fn database(&self, role: &str) -> Database {
        self.db.database.as_role(&self.name(role))
    }

    pub fn store(&self, role: &str) -> Store {
        Store::new(&self.database(role))
    }

    pub async fn connect(&self, role: &str) -> PgConnection {
        self.database(role).connect(Purpose::Bulk).await.unwrap()
    }

    /// The binary, run by this role.
    pub fn command(&self, role: &str, arguments: &[&str]) -> Command {
        let mut command = self.db.command(arguments);
        command.env("DATABASE_URL", cluster().url_as(&self.db.name, &self.name(role)));
        command
    }

    pub fn run(&self, role: &str, arguments: &[&str]) -> binary::Run {
        binary::run(self.command(role, arguments), None)
    }
}

async fn organization(db: &Db, slug: &str) -> OrganizationId {
    let new = NewOrganization {
        slug,
        name: slug,
        time_zone: "Africa/Douala",
        default_locale: "en",
        daily_limit: None,
        warm_up: Ladder::usual(),
        rehearsal: true,
    };
    db.store.add_organization(&new, Actor::operator("owner")).await.unwrap()
}
