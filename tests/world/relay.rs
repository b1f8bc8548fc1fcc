//! A breakable way to Postgres: a TCP relay to the cluster's socket that can be cut, restored, made slow, and made to
//! swallow what the server says.

use super::World;
use signalbox::postgres::connect::Database;
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::{TcpListener, UnixStream},
    sync::Notify,
};

#[derive(Default)]
struct State {
    /// New connections are refused.
    cut: AtomicBool,
    /// How often it was cut: a connection from before the last time is closed, even if the way is open again.
    cuts: AtomicU64,
    /// Connections stay open and nothing passes, in either direction.
    frozen: AtomicBool,
    /// So many connections were made.
    made: AtomicU64,
    /// The same for the first so many connections only, for good.
    forgotten: AtomicU64,
    /// The answers of the server are lost: a statement is executed, and then the connection breaks.
    deaf: AtomicBool,
    delay_ms: AtomicU64,
    changed: Notify,
}

pub struct Relay {
    state: Arc<State>,
    port: u16,
    url: String,
    task: tokio::task::JoinHandle<()>,
}

impl Relay {
    pub async fn before(world: &World) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State::default());
        let options = world.cluster.connect_options(&world.name);
        let socket: PathBuf = options.get_socket().unwrap().join(".s.PGSQL.5432");
        let task = tokio::spawn(accept(listener, socket, Arc::clone(&state)));
        let role = options.get_username().to_owned();
        let url = format!("postgres://{role}@127.0.0.1:{port}/{}?sslmode=disable", world.name);
        Self { state, port, url, task }
    }

    /// The database as it is reached through this relay.
    pub fn database(&self) -> Database {
        Database::from_url(&self.url).unwrap()
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    /// Closes every connection and lets no new one in.
    pub fn cut(&self) {
        self.state.cut.store(true, Ordering::SeqCst);
        self.state.cuts.fetch_add(1, Ordering::SeqCst);
        self.state.changed.notify_waiters();
    }

    /// Executes what is asked, but loses every answer: at the first one the connection breaks.
    pub fn lose_answers(&self) {
        self.state.deaf.store(true, Ordering::SeqCst);
        self.state.changed.notify_waiters();
    }

    /// Holds everything, with the connections open.
    pub fn freeze(&self) {
        self.state.frozen.store(true, Ordering::SeqCst);
        self.state.changed.notify_waiters();
    }

    /// Nothing passes on the connections there are, as behind a firewall that forgot them; new ones work.
    pub fn forget(&self) {
        self.state.forgotten.store(self.state.made.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// Everything passes again. What was cut stays cut; new connections work.
    pub fn restore(&self) {
        self.state.cut.store(false, Ordering::SeqCst);
        self.state.deaf.store(false, Ordering::SeqCst);
        self.state.frozen.store(false, Ordering::SeqCst);
        self.state.delay_ms.store(0, Ordering::SeqCst);
        self.state.changed.notify_waiters();
    }

    /// Every answer takes this much longer.
    pub fn slow(&self, delay: Duration) {
        self.state.delay_ms.store(u64::try_from(delay.as_millis()).unwrap(), Ordering::SeqCst);
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, socket: PathBuf, state: Arc<State>) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((client, _)) = listener.accept().await else { continue };
        let cuts = state.cuts.load(Ordering::SeqCst);
        if state.cut.load(Ordering::SeqCst) {
            continue;
        }
        let Ok(server) = UnixStream::connect(&socket).await else { continue };
        let state = Arc::clone(&state);
        let nth = state.made.fetch_add(1, Ordering::SeqCst);
        connections.spawn(async move {
            let _ = client.set_nodelay(true);
            let (client_in, client_out) = client.into_split();
            let (server_in, server_out) = server.into_split();
            // Whichever side ends, or a cut, ends both.
            tokio::select! {
                () = pass(client_in, server_out, &state, nth, false) => {}
                () = pass(server_in, client_out, &state, nth, true) => {}
                () = until_cut(&state, cuts) => {}
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn until_cut(state: &State, cuts: u64) {
    while state.cuts.load(Ordering::SeqCst) == cuts {
        let _ = tokio::time::timeout(Duration::from_millis(20), state.changed.notified()).await;
    }
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    state: &State,
    nth: u64,
    are_answers: bool,
) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(count) = from.read(&mut buffer).await else { return };
        if count == 0 {
            return;
        }
        while state.frozen.load(Ordering::SeqCst) || nth < state.forgotten.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        if are_answers {
            if state.deaf.load(Ordering::SeqCst) {
                return;
            }
            let delay = state.delay_ms.load(Ordering::SeqCst);
            if delay > 0 {
                tokio::time::sleep(Duration::from_millis(delay)).await;
            }
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
