//! Asks providers how numbers are, and does what follows.

use super::{Config, clock::Moment, line::Lines};
use crate::domain::{health::Health, ids::NumberId};
use crate::provider::{
    Line, Provider,
    client::{Client, ClientError},
};
use crate::secrets::KeyRing;
use crate::store::snapshot::Snapshot;
use std::time::Duration;

/// An answer, and how long it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What the provider says.
    pub health: Health,
    /// From the question to the last answer.
    pub took: Duration,
}

/// Asks about one number.
pub async fn ask(client: &Client, provider: &dyn Provider, line: &Line) -> Asked {
    let began = Moment::now();
    let health = client.check(provider, line).await;
    Asked { health, took: began.elapsed() }
}

/// Asks when somebody wants to know, beside any sender.
pub struct Asker {
    client: Client,
    lines: Lines,
}

impl Asker {
    /// For the numbers of a snapshot, through the lines that a sender with this configuration would use.
    ///
    /// # Errors
    /// When the HTTP client cannot be made.
    pub fn new(snapshot: &Snapshot, keys: &KeyRing, config: &Config) -> Result<Self, ClientError> {
        let mut lines = Lines::default();
        lines.refresh(snapshot, keys, config);
        Ok(Self { client: Client::new(&config.client)?, lines })
    }

    /// How a number is. One that cannot even be asked about is unclear, and the words say why.
    pub async fn ask(&self, number: NumberId) -> Asked {
        if let Some(line) = self.lines.get(number) {
            return ask(&self.client, line.provider, &line.line).await;
        }
        let why = self.lines.unusable.get(&number).map_or("there is no such number", String::as_str);
        Asked { health: Health::unclear("unusable", why), took: Duration::ZERO }
    }
}
