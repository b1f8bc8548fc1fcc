//! The simulated providers: one server that speaks the three dialects on one port.
//!
//! It carries the demo, the tests and the benchmarks. It is strict about requests as the providers are, follows a
//! [`Script`], and keeps a ledger of every message that it accepted, which is the other side of every comparison.
//! Nothing of the program knows that it talks to a simulator: it is reached over HTTP through the accounts' base URL.

mod bodies;
mod control;
mod dialect;
mod http;
mod ledger;
mod meta;
mod outbox;
mod poster;
mod rules;
mod script;
mod sent;
mod server;
#[cfg(test)]
mod tests;
mod twilio;
mod ultramsg;
mod webhooks;
mod wording;
mod world;

pub use ledger::Accepted;
pub use outbox::Posted;
pub use script::{Script, ScriptError};
pub use webhooks::Webhook;

use std::{
    io,
    net::{SocketAddr, TcpListener},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread::JoinHandle,
};
use tokio::sync::oneshot;
use world::World;

/// Why a simulator cannot be started. Reads well after "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum SimulatorError {
    /// The address is taken or not ours.
    #[error("listen on {address} for the simulator")]
    Listen {
        /// Which.
        address: SocketAddr,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// No runtime, or no thread for one.
    #[error("start the simulator's runtime")]
    Runtime(#[source] io::Error),
}

/// A running simulator. It ends when this is dropped, or by [`Simulator::stop`].
#[derive(Debug)]
pub struct Simulator {
    address: SocketAddr,
    world: Arc<Mutex<World>>,
    engine: Engine,
}

/// Where it runs.
#[derive(Debug)]
enum Engine {
    /// As a task of the caller's runtime.
    Task(tokio::task::JoinHandle<()>),
    /// On a thread with a runtime of its own, which ends when the sender is dropped.
    Thread { end: Option<oneshot::Sender<()>>, thread: Option<JoinHandle<()>> },
}

impl Simulator {
    /// Starts one in the caller's runtime. Port 0 chooses a free one: see [`Simulator::address`].
    ///
    /// # Errors
    /// When the address cannot be used, or there is no runtime to run in.
    pub fn start(listen: SocketAddr, script: Script) -> Result<Self, SimulatorError> {
        let runtime = tokio::runtime::Handle::try_current()
            .map_err(|error| SimulatorError::Runtime(io::Error::other(error)))?;
        let (listener, address) = bind(listen)?;
        let _entered = runtime.enter();
        let listener = tokio::net::TcpListener::from_std(listener).map_err(SimulatorError::Runtime)?;
        let world = Arc::new(Mutex::new(World::new(script)));
        let task = runtime.spawn(server::accept(listener, Arc::clone(&world)));
        Ok(Self { address, world, engine: Engine::Task(task) })
    }

    /// Starts one on a thread and runtime of its own, so that it takes nothing from the sender's runtime and its time
    /// can be told apart: the thread is called `simulator`.
    ///
    /// # Errors
    /// When the address cannot be used, or there is no thread.
    pub fn start_on_own_thread(listen: SocketAddr, script: Script) -> Result<Self, SimulatorError> {
        let (listener, address) = bind(listen)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(SimulatorError::Runtime)?;
        let listener = {
            let _entered = runtime.enter();
            tokio::net::TcpListener::from_std(listener).map_err(SimulatorError::Runtime)?
        };
        let world = Arc::new(Mutex::new(World::new(script)));
        let (end, ended) = oneshot::channel();
        let shared = Arc::clone(&world);
        let serve = move || {
            let server = runtime.spawn(server::accept(listener, shared));
            // Ends with a word or with the handle.
            let _ = runtime.block_on(ended);
            server.abort();
        };
        let thread = std::thread::Builder::new()
            .name("simulator".to_owned())
            .spawn(serve)
            .map_err(SimulatorError::Runtime)?;
        Ok(Self { address, world, engine: Engine::Thread { end: Some(end), thread: Some(thread) } })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for every account, `http://127.0.0.1:…`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every accepted message, oldest first.
    #[must_use]
    pub fn ledger(&self) -> Vec<Accepted> {
        lock(&self.world).accepted(0, usize::MAX)
    }

    /// The most messages that ever waited in the own queue of an `UltraMsg` instance, if the script says that they keep one.
    #[must_use]
    pub fn most_queued(&self) -> u32 {
        lock(&self.world).most_queued(crate::domain::number::ProviderKind::Ultramsg)
    }

    /// How many messages were accepted.
    #[must_use]
    pub fn count(&self) -> usize {
        lock(&self.world).ledger.len()
    }

    /// How many questions `UltraMsg` was asked about instances, contacts and messages.
    #[must_use]
    pub fn questions(&self) -> u64 {
        lock(&self.world).questions
    }

    /// How many send requests arrived, accepted or not.
    #[must_use]
    pub fn requests(&self) -> u64 {
        lock(&self.world).requests
    }

    /// The accepted messages whose recipient and text, or whose reference, came more than once.
    #[must_use]
    pub fn duplicates(&self) -> Vec<Accepted> {
        lock(&self.world).duplicates()
    }

    /// Posts reports there from now on.
    ///
    /// # Errors
    /// When nothing can be posted there, or nothing signed.
    pub fn add_webhook(&self, webhook: Webhook) -> Result<(), String> {
        webhook.check()?;
        lock(&self.world).webhooks.add(webhook);
        Ok(())
    }

    /// What was reported so far.
    #[must_use]
    pub fn posted(&self) -> Posted {
        lock(&self.world).posted()
    }

    /// Follows another script from now on. Counters, suspensions and the script's time begin anew; the ledger stays.
    pub fn set_script(&self, script: Script) {
        lock(&self.world).set_script(script);
    }

    /// Forgets the ledger and everything that the script did so far.
    pub fn reset(&self) {
        lock(&self.world).reset();
    }

    /// Closes the port and every connection.
    pub async fn stop(mut self) {
        match &mut self.engine {
            Engine::Task(task) => {
                task.abort();
                let _ = task.await;
            }
            Engine::Thread { end, thread } => {
                drop(end.take());
                if let Some(thread) = thread.take() {
                    let _ = tokio::task::spawn_blocking(move || thread.join()).await;
                }
            }
        }
    }
}

impl Drop for Simulator {
    fn drop(&mut self) {
        // The thread ends by itself once its end of the channel is gone.
        if let Engine::Task(task) = &self.engine {
            task.abort();
        }
    }
}

fn bind(listen: SocketAddr) -> Result<(TcpListener, SocketAddr), SimulatorError> {
    let failed = |source| SimulatorError::Listen { address: listen, source };
    let listener = TcpListener::bind(listen).map_err(failed)?;
    listener.set_nonblocking(true).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    Ok((listener, address))
}

/// The world; a thread that panicked over it left no half-done message behind that would matter here.
fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap_or_else(PoisonError::into_inner)
}
