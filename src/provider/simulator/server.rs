//! Connections: read a request, let its dialect answer, do what the script wants done to the connection.

use super::{
    control,
    dialect::{Act, HUGE_BYTES, Reply},
    http::{self, Parsed, Request},
    meta, poster, twilio, ultramsg,
    world::World,
};
use std::{
    io,
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// First size of a connection's buffers: a request and its answer fit.
const BUFFER: usize = 4 * 1024;
/// Entries of the ledger that are written at once.
const LEDGER_PAGE: usize = 1_000;
/// After a failed accept (no file descriptors left), so that the loop does not spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(20);

/// Accepts connections, and posts reports, until it is dropped, which closes them all.
pub async fn accept(listener: TcpListener, world: Arc<Mutex<World>>) {
    let mut connections = JoinSet::new();
    connections.spawn(poster::run(Arc::clone(&world)));
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let world = Arc::clone(&world);
                connections.spawn(async move {
                    // A client that leaves is no event.
                    let _ = Connection::new(stream, world).run().await;
                });
            }
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
        while connections.try_join_next().is_some() {}
    }
}

struct Connection {
    stream: TcpStream,
    world: Arc<Mutex<World>>,
    input: Vec<u8>,
    output: Vec<u8>,
}

/// What comes after a request.
#[derive(PartialEq, Eq)]
enum Then {
    Next,
    Close,
}

impl Connection {
    fn new(stream: TcpStream, world: Arc<Mutex<World>>) -> Self {
        let _ = stream.set_nodelay(true);
        Self { stream, world, input: Vec::with_capacity(BUFFER), output: Vec::with_capacity(BUFFER) }
    }

    async fn run(mut self) -> io::Result<()> {
        let mut continued = false;
        loop {
            self.output.clear();
            let (reply, taken, keep_alive) = match http::parse(&self.input) {
                Parsed::Complete(request, taken) => {
                    let keep_alive = request.keep_alive;
                    (route(&self.world, &request, &mut self.output), taken, keep_alive)
                }
                Parsed::Partial { expects_continue } => {
                    if expects_continue && !continued {
                        continued = true;
                        self.stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await?;
                    }
                    if self.read_more().await? == 0 {
                        return Ok(());
                    }
                    continue;
                }
                Parsed::Bad(status) => {
                    http::answer(&mut self.output, status, "", &[("connection", "close")], b"");
                    return self.stream.write_all(&self.output).await;
                }
            };
            continued = false;
            self.input.drain(..taken);
            if self.perform(reply).await? == Then::Close || !keep_alive {
                return self.stream.shutdown().await;
            }
        }
    }

    /// More bytes; none at the end of the stream, or when the client was silent for too long.
    async fn read_more(&mut self) -> io::Result<usize> {
        let idle = super::lock(&self.world).idle();
        let read = self.stream.read_buf(&mut self.input);
        match idle {
            Some(idle) => tokio::time::timeout(idle, read).await.unwrap_or(Ok(0)),
            None => read.await,
        }
    }

    async fn perform(&mut self, reply: Reply) -> io::Result<Then> {
        if !reply.delay.is_zero() {
            tokio::time::sleep(reply.delay).await;
        }
        match reply.act {
            Act::Answer => self.stream.write_all(&self.output).await?,
            Act::AnswerThenCut => {
                self.stream.write_all(&self.output).await?;
                return Ok(Then::Close);
            }
            Act::Cut => return Ok(Then::Close),
            Act::Drip(interval) => {
                for byte in std::mem::take(&mut self.output) {
                    self.stream.write_all(&[byte]).await?;
                    tokio::time::sleep(interval).await;
                }
            }
            Act::Huge => {
                self.stream.write_all(&self.output).await?;
                let spaces = vec![b' '; 64 * 1024];
                for _ in 0..HUGE_BYTES / spaces.len() {
                    self.stream.write_all(&spaces).await?;
                }
            }
            Act::Wait => {
                // Whatever the client still says is read over; it ends when the client leaves.
                let mut rest = [0; 1_024];
                while self.stream.read(&mut rest).await? > 0 {}
                return Ok(Then::Close);
            }
            Act::Ledger { start, limit } => self.write_ledger(start, limit).await?,
        }
        Ok(Then::Next)
    }

    async fn write_ledger(&mut self, start: usize, limit: usize) -> io::Result<()> {
        http::head(&mut self.output, 200, "application/json", &[], None);
        self.stream.write_all(&self.output).await?;
        let end = start.saturating_add(limit);
        let mut at = start;
        let mut opening = "[";
        loop {
            let page = super::lock(&self.world).accepted(at, LEDGER_PAGE.min(end - at));
            let mut text = String::new();
            for entry in &page {
                text.push_str(opening);
                text.push_str(&crate::domain::json::line(entry).unwrap_or_default());
                opening = ",\n";
            }
            at += page.len();
            if page.len() < LEDGER_PAGE {
                text.push_str(if opening == "[" { "[]" } else { "]" });
                let last = format!("{:x}\r\n{text}\r\n0\r\n\r\n", text.len());
                return self.stream.write_all(last.as_bytes()).await;
            }
            self.stream.write_all(format!("{:x}\r\n{text}\r\n", text.len()).as_bytes()).await?;
        }
    }
}

fn route(world: &Mutex<World>, request: &Request<'_>, out: &mut Vec<u8>) -> Reply {
    match request.path {
        // Twilio's senders first: their path begins like a version of the Graph API.
        path if twilio::is_path(path) => twilio::handle(world, request, out),
        path if meta::is_path(path) => meta::handle(world, request, out),
        path if ultramsg::is_path(path) => ultramsg::handle(world, request, out),
        path if path.starts_with("/_sim/") => control::handle(world, request, out),
        _ => {
            http::answer(out, 404, "application/json", &[], br#"{"error":"no provider has such a path"}"#);
            Reply::NOW
        }
    }
}
