//! Providers made by hand, for what no script of the simulator does: a server that gets every request as it is and does
//! what the test wants with the connection.

#[path = "../support/request.rs"]
mod request;

use request::read_request;
use std::{
    future::Future,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{io::AsyncWriteExt, net::TcpListener};

/// A server by hand.
pub struct ByHand {
    pub address: SocketAddr,
    /// Requests that were read whole.
    pub requests: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl ByHand {
    /// `answer` gets each request with its number, from zero, and says what is written; `None`: the connection is closed.
    pub async fn serve<F, S>(answer: S) -> Self
    where
        S: Fn(usize, String) -> F + Send + Sync + 'static,
        F: Future<Output = Option<String>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&requests);
        let answer = Arc::new(answer);
        let task = tokio::spawn(async move {
            let mut connections = tokio::task::JoinSet::new();
            loop {
                let Ok((mut stream, _)) = listener.accept().await else { continue };
                let (answer, count) = (Arc::clone(&answer), Arc::clone(&count));
                connections.spawn(async move {
                    while let Some(request) = read_request(&mut stream).await {
                        let nth = count.fetch_add(1, Ordering::SeqCst);
                        let Some(text) = answer(nth, request).await else { return };
                        if stream.write_all(text.as_bytes()).await.is_err() {
                            return;
                        }
                    }
                });
            }
        });
        Self { address, requests, task }
    }

    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn count(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }
}

impl Drop for ByHand {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A complete answer.
pub fn answer(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\n{headers}\r\n{body}", body.len())
}

/// A port on which nobody listens.
pub async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}
