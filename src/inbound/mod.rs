//! HTTP in: the webhooks of the three providers; whether this program is well, for whoever watches over it
//! ([`watch`]); and what other programs ask as operators ([`api`]).
//!
//! # What happens to a request
//!
//! 1. Its address names an account: `/webhooks/meta/{account}`, `/webhooks/twilio/{account}`,
//!    `/webhooks/ultramsg/{account}/{secret}` (`interfaces.md`).
//! 2. It is believed or refused over its bytes as they came ([`doors`]). Of what is refused, nothing is kept but a count
//!    ([`refusals`]).
//! 3. It is kept ([`keeper`]): in the database, many at once in one statement; or, while the database is away or slow, in
//!    a file of this instance that is replayed when it is back.
//! 4. Only then it is answered. What cannot be kept anywhere is not taken: the provider tries again.
//!
//! What it says is read and applied afterwards, by whichever sender comes to it.
//!
//! No request waits for the database longer than a moment: secrets are then as they were read last, and reports go into
//! the file.

pub mod api;
pub mod doors;
mod exposition;
pub mod keeper;
pub mod refusals;
mod seats;
mod server;
mod watch;

use crate::config::Hidden;
use crate::domain::ids::{InstanceId, OrganizationId};
use crate::secrets::KeyRing;
use crate::sender::liveness::Liveness;
use crate::store::Store;
use std::{net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch as watching;
use url::Url;

/// How long the last counts may take to be written when we end.
const COUNT_LIMIT: Duration = Duration::from_secs(2);

/// How to listen.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where.
    pub listen: SocketAddr,
    /// How this is reached from outside, where that differs: Twilio signs the address that it calls. No path of ours.
    pub public: Option<Url>,
    /// Where reports wait while the database is away.
    pub spool_dir: PathBuf,
    /// The sender of this program, now and whenever it is another one; none: it does not send.
    pub sender: watching::Receiver<Option<Liveness>>,
    /// What a monitoring system shows to be told figures; `None`: nobody is told any.
    pub metrics_token: Option<Hidden>,
    /// What answers other programs under `/v1`; `None`: there is no such address.
    pub api: Option<api::Counter>,
}

impl Settings {
    /// Listens there; nothing runs beside it, and nobody is told figures.
    #[must_use]
    pub fn new(listen: SocketAddr, spool_dir: PathBuf) -> Self {
        let (_, sender) = watching::channel(None);
        Self { listen, public: None, spool_dir, sender, metrics_token: None, api: None }
    }
}

/// Why nothing can be listened to. Reads well after "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address cannot be had.
    #[error("listen on {address}")]
    Address {
        /// Which one.
        address: SocketAddr,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The spool cannot be used.
    #[error("open the spool of reports in {}", path.display())]
    Spool {
        /// Where it should be.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: std::io::Error,
    },
}

/// Takes webhooks until it is ended.
pub struct Listener {
    address: SocketAddr,
    stop: watching::Sender<bool>,
    server: tokio::task::JoinHandle<()>,
    keeper: tokio::task::JoinHandle<()>,
    counter: tokio::task::JoinHandle<()>,
    api: Option<Arc<api::Api>>,
}

impl Listener {
    /// Begins to listen for the webhooks of one organisation.
    ///
    /// # Errors
    /// When the address is taken or the spool cannot be used.
    pub async fn start(
        store: Store,
        keys: KeyRing,
        organization: OrganizationId,
        instance: InstanceId,
        settings: &Settings,
    ) -> Result<Self, ListenError> {
        let listening = |source| ListenError::Address { address: settings.listen, source };
        let socket = tokio::net::TcpListener::bind(settings.listen).await.map_err(listening)?;
        let address = socket.local_addr().map_err(listening)?;
        let spool = keeper::Spool::open(&settings.spool_dir, instance, "webhooks")
            .map_err(|source| ListenError::Spool { path: settings.spool_dir.clone(), source })?;
        let public = settings.public.clone().or_else(|| Url::parse(&format!("http://{address}")).ok());
        let doors = doors::Doors::new(store.clone(), keys, organization, public);
        doors.expect().await;
        let (refusals, counter) = refusals::start(store.clone(), organization);
        let (kept, keeper) = keeper::start(store.clone(), organization, spool);
        let watch =
            watch::Watch::new(store, organization, settings.sender.clone(), settings.metrics_token.clone());
        let (stop, stopped) = watching::channel(false);
        let api = settings.api.clone().map(|counter| Arc::new(api::Api::new(counter, organization)));
        let state = Arc::new(server::State::new(doors, kept, refusals, watch, api.clone()));
        let server = tokio::spawn(server::serve(socket, state, stopped));
        Ok(Self { address, stop, server, keeper, counter, api })
    }

    /// Where it listens: with the port that was chosen, where none was named.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Takes no new requests; those that are under way are kept and answered.
    pub async fn end(self) {
        self.stop.send_replace(true);
        for task in [self.server, self.keeper] {
            if let Err(error) = task.await {
                tracing::error!("a part of the listener failed: {error}");
            }
        }
        if let Some(api) = self.api {
            api.close().await;
        }
        // Its statement runs to its end in any case; only counts are lost if that is not soon.
        if tokio::time::timeout(COUNT_LIMIT, self.counter).await.is_err() {
            tracing::warn!("the last refused webhooks are not counted: the database does not answer");
        }
    }
}
