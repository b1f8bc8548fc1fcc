//! Connections between two requests.

use super::exchange::Connection;
use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

/// Idle connections by origin. The last used is the first taken, so that those that are not needed grow old.
#[derive(Debug)]
pub struct Pool {
    idle: Mutex<HashMap<Box<str>, Vec<Idle>>>,
    timeout: Duration,
    is_swept: AtomicBool,
}

#[derive(Debug)]
struct Idle {
    connection: Connection,
    since: Instant,
}

impl Pool {
    /// A pool that keeps connections for so long.
    pub fn new(timeout: Duration) -> Self {
        Self { idle: Mutex::default(), timeout, is_swept: AtomicBool::new(false) }
    }

    /// A connection to `origin` that was used a short while ago and is still open, if there is one.
    pub fn take(&self, origin: &str) -> Option<Connection> {
        loop {
            let idle = self.lock().get_mut(origin)?.pop()?;
            if idle.since.elapsed() < self.timeout && idle.connection.is_quiet() {
                return Some(idle.connection);
            }
        }
    }

    /// Keeps a connection for the next request.
    pub fn give_back(self: &Arc<Self>, origin: &str, mut connection: Connection) {
        connection.rest();
        let idle = Idle { connection, since: Instant::now() };
        let mut all = self.lock();
        match all.get_mut(origin) {
            Some(connections) => connections.push(idle),
            None => {
                all.insert(origin.into(), vec![idle]);
            }
        }
        drop(all);
        if !self.is_swept.swap(true, Ordering::Relaxed) {
            tokio::spawn(sweep(Arc::downgrade(self), self.timeout));
        }
    }

    /// Closes what has been idle for too long.
    fn close_old(&self) {
        let mut old = Vec::new();
        self.lock().retain(|_, connections| {
            let kept = connections.partition_point(|idle| idle.since.elapsed() >= self.timeout);
            old.extend(connections.drain(..kept));
            !connections.is_empty()
        });
        // Closed here, outside the lock.
        drop(old);
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Box<str>, Vec<Idle>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connections that nobody asks for again would stay open for ever. Ends with the pool.
async fn sweep(pool: Weak<Pool>, every: Duration) {
    loop {
        tokio::time::sleep(every).await;
        match pool.upgrade() {
            Some(pool) => pool.close_old(),
            None => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::connect::Stream, *};
    use tokio::{
        io::AsyncReadExt as _,
        net::{TcpListener, TcpStream},
    };

    async fn pair() -> (Connection, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let near = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (far, _) = listener.accept().await.unwrap();
        (Connection::new(Stream::Plain(near)), far)
    }

    #[tokio::test]
    async fn a_connection_is_used_again_only_by_its_own_origin() {
        let pool = Arc::new(Pool::new(Duration::from_mins(1)));
        let (near, _far) = pair().await;
        pool.give_back("http://a", near);
        assert!(pool.take("http://b").is_none());
        assert!(pool.take("http://a").is_some());
        assert!(pool.take("http://a").is_none());
    }

    #[tokio::test]
    async fn closed_and_talking_connections_are_not_used_again() {
        let pool = Arc::new(Pool::new(Duration::from_mins(1)));
        let (near, far) = pair().await;
        pool.give_back("http://a", near);
        drop(far);
        assert!(pool.take("http://a").is_none(), "closed");
        let (near, far) = pair().await;
        far.writable().await.unwrap();
        assert_eq!(far.try_write(b"x").unwrap(), 1);
        pool.give_back("http://a", near);
        assert!(pool.take("http://a").is_none(), "a byte that nobody asked for");
    }

    #[tokio::test]
    async fn old_connections_are_closed_by_themselves() {
        let pool = Arc::new(Pool::new(Duration::from_millis(20)));
        let (near, mut far) = pair().await;
        pool.give_back("http://a", near);
        let end = tokio::time::timeout(Duration::from_secs(10), far.read(&mut [0; 1])).await;
        assert_eq!(end.unwrap().unwrap(), 0, "the other side sees the end");
        assert!(pool.take("http://a").is_none());
    }
}
