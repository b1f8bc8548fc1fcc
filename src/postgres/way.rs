//! The way to the database, which may die without a word: a pool whose every statement is waited for within bounds.
//!
//! The driver sets no keepalive on its sockets, so that a path which swallows everything would hold a statement until the
//! system gives up, a quarter of an hour later. Here a statement that is not answered for a moment has somebody else
//! look whether the server can be reached at all. If not, it fails as *away*; if so, it is only slow, and is waited for
//! longer than the server itself lets it run. A connection whose statement was given up, for this or because nobody waits
//! for it any more, is never used again: what it would answer next belongs to the statement before.

use super::connect::{Database, Purpose};
use futures_util::{
    FutureExt as _, StreamExt as _, TryStreamExt as _,
    future::{self, BoxFuture, Either as First},
    stream::{self, BoxStream},
};
use sqlx::{
    ConnectOptions as _, Connection as _, Describe, Either, Execute, Executor, PgConnection, PgPool,
    Postgres, SqlStr,
    pool::PoolConnection,
    postgres::{PgConnectOptions, PgListener, PgPoolOptions, PgQueryResult, PgRow, PgStatement, PgTypeInfo},
};
use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};
use tokio::time::timeout;

/// So long an answer may be overdue before somebody looks whether the server is there, and so long that look may take. Most
/// answers take a millisecond.
pub const SILENCE: Duration = Duration::from_millis(2_500);
/// How much longer than the server lets a statement run it is waited for: its refusal has to travel too.
const SLACK: Duration = Duration::from_secs(3);

/// A pool of connections for one purpose. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Way {
    pool: PgPool,
    /// Shared: whatever is cloned for a question copies no addresses and no secrets.
    options: Arc<PgConnectOptions>,
    /// No statement is waited for longer; `None`: as long as the server can be reached.
    limit: Option<Duration>,
}

impl Way {
    /// Connects when it is first used.
    #[must_use]
    pub fn new(database: &Database, purpose: Purpose) -> Self {
        Self {
            pool: database.pool(purpose),
            options: Arc::new(database.options(purpose)),
            limit: purpose.statement_limit().map(|limit| limit + SLACK),
        }
    }

    /// A connection of the caller's own, for what is more than a statement.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn acquire(&self) -> sqlx::Result<PoolConnection<Postgres>> {
        self.pool.acquire().await
    }

    /// Hears notices, on a connection that belongs to nobody else: whatever becomes of it, the pool has lost nothing.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn listen(&self, channel: &str) -> sqlx::Result<PgListener> {
        let own = PgPoolOptions::new()
            .max_connections(1)
            .acquire_timeout(self.pool.options().get_acquire_timeout())
            .connect_lazy_with((*self.options).clone());
        let mut listener = PgListener::connect_with(&own).await?;
        listener.eager_reconnect(false);
        within(listener.listen(channel)).await?;
        Ok(listener)
    }

    /// Gives all connections back.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    async fn hold(&self) -> sqlx::Result<Held> {
        self.pool.acquire().await.map(|connection| Held(Some(connection)))
    }

    /// Waits for a statement as long as that makes sense.
    async fn watch<T>(&self, statement: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
        let mut statement = pin!(statement);
        let mut waited = Duration::ZERO;
        while self.limit.is_none_or(|limit| waited < limit) {
            if let Ok(done) = timeout(SILENCE, statement.as_mut()).await {
                return done;
            }
            waited += SILENCE;
            match future::select(statement.as_mut(), pin!(self.is_there())).await {
                First::Left((done, _)) => return done,
                First::Right((true, _)) => {}
                First::Right((false, _)) => break,
            }
        }
        Err(silent())
    }

    /// Whether a new connection finds the server. One that is full, or locks us out, is there.
    async fn is_there(&self) -> bool {
        match timeout(SILENCE, self.options.connect()).await {
            Ok(Ok(connection)) => {
                let _ = timeout(SILENCE, connection.close()).await;
                true
            }
            Ok(Err(sqlx::Error::Database(_))) => true,
            Ok(Err(_)) | Err(_) => false,
        }
    }
}

/// A connection with a statement on it. Thrown away, unless it is given back.
struct Held(Option<PoolConnection<Postgres>>);

impl Held {
    /// The statement is over. The driver looks whether the connection is well before it lets others have it: that look
    /// is bounded too.
    fn give_back(mut self) {
        if let Some(mut connection) = self.0.take() {
            let returned = connection.return_to_pool();
            tokio::spawn(async move { timeout(2 * SILENCE, returned).await });
        }
    }

    fn connection(&mut self) -> sqlx::Result<&mut PgConnection> {
        self.0.as_deref_mut().ok_or(sqlx::Error::PoolClosed)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if let Some(connection) = self.0.take() {
            drop(connection.detach());
        }
    }
}

/// A short question, which is answered at once or never.
///
/// # Errors
/// When it is not answered, or refused.
pub async fn within<T>(question: impl Future<Output = sqlx::Result<T>>) -> sqlx::Result<T> {
    timeout(SILENCE, question).await.unwrap_or_else(|_silence| Err(silent()))
}

/// Asks, on a connection that only listens, whether it would still hear anything.
///
/// # Errors
/// When it would not.
pub async fn sign_of_life(listener: &mut PgListener) -> sqlx::Result<()> {
    within(listener.execute("select")).await.map(|_done| ())
}

fn silent() -> sqlx::Error {
    sqlx::Error::Io(io::Error::new(io::ErrorKind::TimedOut, "the database does not answer"))
}

impl<'p> Executor<'p> for &'p Way {
    type Database = Postgres;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, sqlx::Result<Either<PgQueryResult, PgRow>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        // Answers are read to their end before anybody works on them: none of ours is large.
        let all = async move {
            let mut held = self.hold().await?;
            let connection = held.connection()?;
            let steps = self.watch(connection.fetch_many(query).try_collect::<Vec<_>>()).await;
            finished(held, steps)
        };
        stream::once(all).map_ok(|steps| stream::iter(steps).map(Ok)).try_flatten().boxed()
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, sqlx::Result<Option<PgRow>>>
    where
        'p: 'e,
        E: 'q + Execute<'q, Postgres>,
    {
        async move {
            let mut held = self.hold().await?;
            let connection = held.connection()?;
            let row = self.watch(connection.fetch_optional(query)).await;
            finished(held, row)
        }
        .boxed()
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [PgTypeInfo],
    ) -> BoxFuture<'e, sqlx::Result<PgStatement>>
    where
        'p: 'e,
    {
        async move {
            let mut held = self.hold().await?;
            let connection = held.connection()?;
            let statement = self.watch(connection.prepare_with(sql, parameters)).await;
            finished(held, statement)
        }
        .boxed()
    }

    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, sqlx::Result<Describe<Postgres>>>
    where
        'p: 'e,
    {
        async move {
            let mut held = self.hold().await?;
            let connection = held.connection()?;
            let described = self.watch(connection.describe(sql)).await;
            finished(held, described)
        }
        .boxed()
    }
}

/// Gives a connection back after what the server said; after a silence or a break it is of no use to anybody.
fn finished<T>(held: Held, answer: sqlx::Result<T>) -> sqlx::Result<T> {
    if !matches!(answer, Err(sqlx::Error::Io(_))) {
        held.give_back();
    }
    answer
}
