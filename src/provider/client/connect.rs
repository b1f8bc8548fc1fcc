//! From an address to a verified connection. Nothing of a request is known here, so that every failure is proof that
//! nothing was sent.

use super::{exchange::Connection, transport::Fault};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName},
};
use std::{fmt, io, net::SocketAddr, pin::Pin, sync::Arc, task, time::Duration};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};
use url::{Host, Url};

/// How long one address is tried alone before the next is tried beside it, so that a broken IPv6 route does not use
/// up the time (RFC 8305 recommends 250 ms).
const HEAD_START: Duration = Duration::from_millis(250);

/// Why no client can be made. Reads well after "failed to …".
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// An extra root certificate or the TLS settings are unusable.
    #[error("set up TLS to the providers")]
    Tls(#[source] rustls::Error),
}

/// Makes connections.
pub struct Connector {
    tls: TlsConnector,
    timeout: Duration,
}

impl Connector {
    /// The public roots are compiled in, so that a machine without a certificate store can still verify; an extra root
    /// serves a private gateway or a test. There is no way to switch verification off.
    pub fn new(timeout: Duration, extra_roots: &[CertificateDer<'static>]) -> Result<Self, ClientError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        for extra in extra_roots {
            roots.add(extra.clone()).map_err(ClientError::Tls)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(ClientError::Tls)?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), timeout })
    }

    /// A connection to the host of `url`, verified if it is `https`.
    pub async fn connect(&self, url: &Url) -> Result<Connection, Fault> {
        match tokio::time::timeout(self.timeout, self.connect_in_time(url)).await {
            Ok(connection) => connection,
            Err(_) => Err(Fault::connect_timeout()),
        }
    }

    async fn connect_in_time(&self, url: &Url) -> Result<Connection, Fault> {
        let (Some(host), Some(port)) = (url.host(), url.port_or_known_default()) else {
            return Err(Fault::address());
        };
        let addresses: Vec<SocketAddr> = match host {
            Host::Domain(name) => {
                tokio::net::lookup_host((name, port)).await.map_err(|error| Fault::resolve(&error))?.collect()
            }
            Host::Ipv4(address) => vec![(address, port).into()],
            Host::Ipv6(address) => vec![(address, port).into()],
        };
        let stream = race(addresses).await.map_err(|error| Fault::connect(&error))?;
        // Small requests are written whole: waiting to fill a packet would only delay them.
        stream.set_nodelay(true).map_err(|error| Fault::connect(&error))?;
        if url.scheme() != "https" {
            return Ok(Connection::new(Stream::Plain(stream)));
        }
        let name = match host {
            Host::Domain(name) => ServerName::try_from(name.to_owned()).map_err(|_| Fault::address())?,
            Host::Ipv4(address) => ServerName::from(std::net::IpAddr::V4(address)),
            Host::Ipv6(address) => ServerName::from(std::net::IpAddr::V6(address)),
        };
        let stream = self.tls.connect(name, stream).await.map_err(|error| Fault::tls(&error))?;
        Ok(Connection::new(Stream::Tls(Box::new(stream))))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("timeout", &self.timeout).finish_non_exhaustive()
    }
}

/// The first of these addresses that answers. One after the other, each with a head start.
async fn race(addresses: Vec<SocketAddr>) -> io::Result<TcpStream> {
    let mut waiting = addresses.into_iter();
    let mut running = FuturesUnordered::new();
    let mut last = io::Error::new(io::ErrorKind::AddrNotAvailable, "no address");
    loop {
        match waiting.next() {
            Some(address) => running.push(TcpStream::connect(address)),
            None if running.is_empty() => return Err(last),
            None => {}
        }
        tokio::select! {
            Some(done) = running.next() => match done {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            },
            () = tokio::time::sleep(HEAD_START), if waiting.len() > 0 => {}
        }
    }
}

/// A connection, with TLS or without.
#[derive(Debug)]
pub enum Stream {
    /// To this machine only (`address::base`).
    Plain(TcpStream),
    /// To everywhere else.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Stream {
    /// Whether it is quiet and open, as an idle connection must be. Asks the kernel, not the runtime, which may not
    /// have heard yet.
    pub fn is_quiet(&self) -> bool {
        use rustix::net::{RecvFlags, recv};
        let socket = match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        };
        let mut byte = [0_u8; 1];
        // Bytes that nobody asked for, the end of the stream, or an error: none of them is quiet.
        recv(socket, &mut byte[..], RecvFlags::PEEK | RecvFlags::DONTWAIT) == Err(rustix::io::Errno::AGAIN)
    }
}

impl AsyncRead for Stream {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buffer),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut task::Context<'_>,
        bytes: &[u8],
    ) -> task::Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut task::Context<'_>) -> task::Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_dead_address_does_not_hide_a_living_one() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let living = listener.local_addr().unwrap();
        let dead = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
        assert_eq!(race(vec![dead, living]).await.unwrap().peer_addr().unwrap(), living);
        assert_eq!(race(vec![dead]).await.unwrap_err().kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(race(Vec::new()).await.unwrap_err().kind(), io::ErrorKind::AddrNotAvailable);
    }
}
