//! The guarded client over real connections, against the simulator and against servers that misbehave by hand:
//! what is proof, what is refusal, what is doubt (`reference/reliability.md`, rule E; rows 23 to 33).

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test that cannot go on has failed")]

#[path = "support/request.rs"]
mod request;

use request::read_request;
use signalbox::{
    domain::{
        ids::AttemptId,
        number::ProviderKind,
        outcome::{Certainty, Class, Failure, Outcome, Scope},
        phone::Phone,
    },
    provider::{
        Content, Credential, Evidence, Line, Lookup, Outgoing,
        client::{Client, Settings},
        dialect,
        simulator::{Script, Simulator},
    },
};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
};

const TOKEN: &str = "t0p-secret-token";

fn settings() -> Settings {
    Settings {
        connect_timeout: Duration::from_secs(2),
        total_timeout: Duration::from_secs(5),
        ..Settings::default()
    }
}

fn simulator(script: &str) -> Simulator {
    Simulator::start(([127, 0, 0, 1], 0).into(), Script::parse(script).unwrap()).unwrap()
}

fn line(provider: ProviderKind, base_url: &str) -> Line {
    let credential = Credential { external_id: "ACde".to_owned(), token: TOKEN.to_owned().into() };
    let sender = if provider == ProviderKind::Twilio { "" } else { "1001" };
    dialect(provider).line(base_url, credential, sender, &Phone::parse("+14155550105").unwrap()).unwrap()
}

fn outgoing(text: &str) -> Outgoing {
    Outgoing {
        attempt: AttemptId::new(),
        to: Phone::parse("+237600000001").unwrap(),
        content: Content::Text(text.to_owned()),
    }
}

async fn send_with(settings: &Settings, provider: ProviderKind, base_url: &str) -> Outcome {
    let client = Client::new(settings).unwrap();
    client.send(dialect(provider), &line(provider, base_url), &outgoing("hello")).await
}

async fn send(provider: ProviderKind, base_url: &str) -> Outcome {
    send_with(&settings(), provider, base_url).await
}

fn failure(outcome: &Outcome) -> &Failure {
    outcome.failure().unwrap_or_else(|| panic!("{outcome:?}"))
}

#[track_caller]
fn assert_outcome(outcome: &Outcome, certainty: Certainty, code: &str) {
    assert_eq!(outcome.certainty(), certainty, "{outcome:?}");
    assert_eq!(failure(outcome).code.as_deref(), Some(code), "{outcome:?}");
}

/// A server by hand: `serve` gets every connection with its number, from 0.
async fn serve<F, S>(serve: S) -> SocketAddr
where
    S: Fn(usize, TcpStream) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        for number in 0.. {
            let (stream, _) = listener.accept().await.unwrap();
            tokio::spawn(serve(number, stream));
        }
    });
    address
}

fn ok(id: &str) -> String {
    let body = format!("{{\"messages\":[{{\"id\":\"{id}\"}}]}}");
    format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n{body}", body.len())
}

#[tokio::test]
async fn accepted_messages_stand_in_both_ledgers() {
    let simulator = simulator("");
    for (at, provider) in ProviderKind::ALL.into_iter().enumerate() {
        let client = Client::new(&settings()).unwrap();
        let outgoing = outgoing("Bonjour \u{e9}\u{1f44b} & 1+1=2");
        let outcome = client.send(dialect(provider), &line(provider, &simulator.base_url()), &outgoing).await;
        let Outcome::Accepted { provider_message_id } = outcome else { panic!("{provider}: {outcome:?}") };
        let theirs = &simulator.ledger()[at];
        assert_eq!(theirs.id, provider_message_id);
        assert_eq!((theirs.provider, theirs.to.as_str()), (provider, "+237600000001"));
        assert_eq!(theirs.body, "Bonjour \u{e9}\u{1f44b} & 1+1=2");
        let carries_reference = provider != ProviderKind::Twilio;
        assert_eq!(theirs.reference == outgoing.attempt.to_string(), carries_reference, "{provider}");
    }
    assert_eq!(simulator.count(), 3);
}

#[tokio::test]
async fn a_refused_connection_is_proof_that_nothing_was_sent() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let outcome = send(ProviderKind::Meta, &format!("http://127.0.0.1:{port}")).await;
    assert_outcome(&outcome, Certainty::NotSent, "refused");
    assert!(matches!(failure(&outcome).class, Class::Transient(_)), "the provider's fault, not the number's");
}

#[tokio::test]
async fn an_unresolvable_name_is_proof_that_nothing_was_sent() {
    let outcome = send(ProviderKind::Ultramsg, "https://no-such-host.invalid").await;
    assert_outcome(&outcome, Certainty::NotSent, "resolve");
    assert!(!failure(&outcome).words.contains(TOKEN));
}

#[tokio::test]
async fn a_handshake_that_never_ends_is_proof_that_nothing_was_sent() {
    let address = serve(|_, mut stream| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    })
    .await;
    let impatient = Settings { connect_timeout: Duration::from_millis(200), ..settings() };
    let outcome = send_with(&impatient, ProviderKind::Meta, &format!("https://{address}")).await;
    assert_outcome(&outcome, Certainty::NotSent, "connect_timeout");
}

/// A TLS server for `name`, what it certifies itself with, and how many requests reached it.
async fn tls_server(
    name: &str,
) -> (SocketAddr, rustls::pki_types::CertificateDer<'static>, Arc<AtomicUsize>) {
    let key = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    let certificate = key.cert.der().clone();
    let private = rustls::pki_types::PrivateKeyDer::try_from(key.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.clone()], private)
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let address = serve(move |_, stream| {
        let (acceptor, counted) = (acceptor.clone(), Arc::clone(&counted));
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else { return };
            while read_request(&mut stream).await.is_some() {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(ok("wamid.tls").as_bytes()).await;
            }
        }
    })
    .await;
    (address, certificate, requests)
}

#[tokio::test]
async fn a_wrong_certificate_stops_everything_before_the_request() {
    let (address, _, requests) = tls_server("localhost").await;
    let url = format!("https://localhost:{}", address.port());
    let unknown = send(ProviderKind::Meta, &url).await;
    assert_outcome(&unknown, Certainty::NotSent, "tls");
    assert!(failure(&unknown).words.contains("certificate"), "{unknown:?}");

    let (other, certificate, other_requests) = tls_server("other.example").await;
    let trusting = Settings { extra_roots: vec![certificate], ..settings() };
    let misnamed =
        send_with(&trusting, ProviderKind::Meta, &format!("https://localhost:{}", other.port())).await;
    assert_outcome(&misnamed, Certainty::NotSent, "tls");
    assert_eq!((requests.load(Ordering::SeqCst), other_requests.load(Ordering::SeqCst)), (0, 0));

    let no_tls = simulator("");
    let plain = send(ProviderKind::Meta, &format!("https://{}", no_tls.address())).await;
    assert_outcome(&plain, Certainty::NotSent, "tls");
    assert_eq!(no_tls.count(), 0);
}

#[tokio::test]
async fn a_trusted_certificate_lets_the_message_through() {
    let (address, certificate, requests) = tls_server("localhost").await;
    let trusting = Settings { extra_roots: vec![certificate], ..settings() };
    let client = Client::new(&trusting).unwrap();
    let line = line(ProviderKind::Meta, &format!("https://localhost:{}", address.port()));
    for _ in 0..3 {
        let outcome = client.send(dialect(ProviderKind::Meta), &line, &outgoing("hello")).await;
        assert_eq!(outcome, Outcome::Accepted { provider_message_id: "wamid.tls".to_owned() });
    }
    assert_eq!(requests.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_connection_that_breaks_is_a_doubt_whether_it_was_taken_or_not() {
    for (then, taken, code) in [
        ("accept_then_cut = true", 1, "cut"),
        ("cut_before = true", 0, "cut"),
        ("cut_after_headers = true", 1, "body"),
        ("garbage = 'truncated', accepted = true", 1, "unreadable"),
    ] {
        for provider in ProviderKind::ALL {
            let simulator = simulator(&format!("[[rule]]\nthen = {{ {then} }}"));
            let outcome = send(provider, &simulator.base_url()).await;
            assert_outcome(&outcome, Certainty::InDoubt, code);
            assert_eq!(
                (simulator.count(), simulator.requests()),
                (taken, 1),
                "{provider} {then}: tried once"
            );
        }
    }
}

#[tokio::test]
async fn silence_and_dripping_end_at_the_total_limit() {
    for then in ["wait = true", "drip = '100ms'"] {
        let simulator = simulator(&format!("[[rule]]\nthen = {{ {then} }}"));
        let impatient = Settings { total_timeout: Duration::from_millis(400), ..settings() };
        let start = Instant::now();
        let outcome = send_with(&impatient, ProviderKind::Meta, &simulator.base_url()).await;
        assert_outcome(&outcome, Certainty::InDoubt, "timeout");
        assert!(start.elapsed() < Duration::from_secs(3), "{then}: {:?}", start.elapsed());
    }
}

#[tokio::test]
async fn rubbish_under_a_success_status_is_a_doubt() {
    for garbage in ["html", "truncated", "empty", "huge"] {
        for provider in ProviderKind::ALL {
            let simulator = simulator(&format!("[[rule]]\nthen = {{ garbage = '{garbage}' }}"));
            let outcome = send(provider, &simulator.base_url()).await;
            assert_outcome(&outcome, Certainty::InDoubt, "unreadable");
        }
    }
}

#[tokio::test]
async fn no_more_than_the_limit_is_read_of_an_endless_answer() {
    let written = Arc::new(AtomicUsize::new(0));
    let ended = Arc::new(tokio::sync::Notify::new());
    let (counted, ending) = (Arc::clone(&written), Arc::clone(&ended));
    let address = serve(move |_, mut stream| {
        let (counted, ending) = (Arc::clone(&counted), Arc::clone(&ending));
        async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 104857600\r\n\r\n").await;
            let chunk = [b'x'; 16 * 1024];
            while let Ok(count) = stream.write(&chunk).await {
                counted.fetch_add(count, Ordering::SeqCst);
            }
            ending.notify_one();
        }
    })
    .await;
    let outcome = send(ProviderKind::Meta, &format!("http://{address}")).await;
    assert_outcome(&outcome, Certainty::InDoubt, "unreadable");
    tokio::time::timeout(Duration::from_secs(10), ended.notified()).await.expect("the client hangs up");
    let written = written.load(Ordering::SeqCst);
    assert!(written < 32 * 1024 * 1024, "{written} bytes went out: socket buffers and the limit, not 100 MB");
}

#[tokio::test]
async fn answers_that_are_no_http_are_doubts() {
    for raw in ["garbage\r\n\r\n", "HTTP/1.1 2000 What\r\n\r\n", "SMTP ready\r\n"] {
        let address = serve(move |_, mut stream| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(raw.as_bytes()).await;
        })
        .await;
        let outcome = send(ProviderKind::Meta, &format!("http://{address}")).await;
        assert_outcome(&outcome, Certainty::InDoubt, "body");
    }
}

/// Serves `answers`, one after the other, on as few connections as the client uses; counts connections.
async fn scripted(answers: &'static [&'static str]) -> (SocketAddr, Arc<AtomicUsize>) {
    let connections = Arc::new(AtomicUsize::new(0));
    let (counted, next) = (Arc::clone(&connections), Arc::new(AtomicUsize::new(0)));
    let address = serve(move |_, mut stream| {
        counted.fetch_add(1, Ordering::SeqCst);
        let next = Arc::clone(&next);
        async move {
            while read_request(&mut stream).await.is_some() {
                let answer = answers[next.fetch_add(1, Ordering::SeqCst)];
                let _ = stream.write_all(answer.as_bytes()).await;
                if answer.contains("HTTP/1.0") || !(answer.contains("ength") || answer.contains("chunked")) {
                    return;
                }
            }
        }
    })
    .await;
    (address, connections)
}

#[tokio::test]
async fn answers_are_read_in_every_framing() {
    const BODY: &str = "{\"messages\":[{\"id\":\"w\"}]}";
    for (answers, connections) in [
        (["HTTP/1.1 200 OK\r\nContent-Length: 25\r\n\r\n{\"messages\":[{\"id\":\"w\"}]}"; 2], 1),
        (
            ["HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n19\r\n{\"messages\":[{\"id\":\"w\"}]}\r\n0\r\n\r\n";
                2],
            1,
        ),
        (
            ["HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200\r\ncontent-length:25\r\n\r\n{\"messages\":[{\"id\":\"w\"}]}";
                2],
            1,
        ),
        (["HTTP/1.1 200 OK\r\n\r\n{\"messages\":[{\"id\":\"w\"}]}"; 2], 2),
        (["HTTP/1.0 200 OK\r\ncontent-length: 25\r\n\r\n{\"messages\":[{\"id\":\"w\"}]}"; 2], 2),
        (
            ["HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 25\r\n\r\n{\"messages\":[{\"id\":\"w\"}]}";
                2],
            2,
        ),
        // Bytes after the answer belong to nobody: the connection is not used again.
        (
            ["HTTP/1.1 200 OK\r\ncontent-length: 25\r\n\r\n{\"messages\":[{\"id\":\"w\"}]}HTTP/1.1 200 OK\r\n";
                2],
            2,
        ),
    ] {
        assert!(answers[0].contains(BODY));
        let (address, counted) = scripted(Box::leak(Box::new(answers))).await;
        let client = Client::new(&settings()).unwrap();
        let line = line(ProviderKind::Meta, &format!("http://{address}"));
        for _ in 0..2 {
            let outcome = client.send(dialect(ProviderKind::Meta), &line, &outgoing("hello")).await;
            assert_eq!(outcome, Outcome::Accepted { provider_message_id: "w".to_owned() }, "{answers:?}");
        }
        assert_eq!(counted.load(Ordering::SeqCst), connections, "{answers:?}");
    }
}

#[tokio::test]
async fn framing_that_breaks_off_is_a_doubt() {
    for answer in [
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{\"messages\":[{\"id\":\"w\"}]}",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n19\r\n{\"messages\":[{\"id\":\"w\"}]}\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n{\"messages\":[{\"id\":\"w\"}]}\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n{\"messages\":[{\"id\":\"w\"}]}",
        "HTTP/1.1 200 OK\r\ncontent-length: many\r\n\r\n{\"messages\":[{\"id\":\"w\"}]}",
    ] {
        let address = serve(move |_, mut stream| async move {
            read_request(&mut stream).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        })
        .await;
        let outcome = send(ProviderKind::Meta, &format!("http://{address}")).await;
        assert_outcome(&outcome, Certainty::InDoubt, "body");
    }
}

#[tokio::test]
async fn a_request_does_not_begin_after_its_start_window() {
    let simulator = simulator("");
    let client = Client::new(&settings()).unwrap();
    let line = line(ProviderKind::Meta, &simulator.base_url());
    let provider = dialect(ProviderKind::Meta);
    let late = client.send_if(provider, &line, &outgoing("late"), &|| false).await;
    assert_outcome(&late, Certainty::NotSent, "start_window");
    assert_eq!(simulator.requests(), 0);
    let in_time = client.send_if(provider, &line, &outgoing("in time"), &|| true).await;
    assert_eq!(in_time.certainty(), Certainty::Accepted);
}

#[tokio::test]
async fn server_faults_are_doubts_unless_the_provider_says_no_itself() {
    for status in [500, 502, 503, 504] {
        let script = format!("[[rule]]\nthen = {{ status = {status}, body = '<html>Bad gateway</html>' }}");
        for provider in ProviderKind::ALL {
            let outcome = send(provider, &simulator(&script).base_url()).await;
            assert_outcome(&outcome, Certainty::InDoubt, &format!("http_{status}"));
            assert_eq!(failure(&outcome).words, "<html>Bad gateway</html>");
        }
    }
    let own = simulator("[[rule]]\nthen = { error = 131016 }");
    assert_outcome(&send(ProviderKind::Meta, &own.base_url()).await, Certainty::Refused, "131016");
    // Twilio documents that a repeated POST after this one may duplicate the message.
    let own = simulator("[[rule]]\nthen = { error = 20500 }");
    assert_outcome(&send(ProviderKind::Twilio, &own.base_url()).await, Certainty::InDoubt, "20500");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    for status in [301, 302, 303, 307, 308] {
        let visits = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&visits);
        let elsewhere = serve(move |_, mut stream| {
            counted.fetch_add(1, Ordering::SeqCst);
            async move {
                let _ = stream.write_all(ok("wamid.stolen").as_bytes()).await;
            }
        })
        .await;
        let script = format!("[[rule]]\nthen = {{ redirect = {status}, location = 'http://{elsewhere}/' }}");
        for provider in ProviderKind::ALL {
            let outcome = send(provider, &simulator(&script).base_url()).await;
            assert_outcome(&outcome, Certainty::InDoubt, &format!("http_{status}"));
        }
        assert_eq!(visits.load(Ordering::SeqCst), 0, "message and token stay here");
    }
}

#[tokio::test]
async fn refusals_carry_class_and_words_of_the_provider() {
    for (provider, error, class) in [
        (ProviderKind::Meta, "133010", Class::NumberSuspended),
        (ProviderKind::Meta, "190", Class::NumberAuth),
        (ProviderKind::Meta, "131026", Class::RecipientInvalid),
        (ProviderKind::Meta, "132015", Class::ContentRejected),
        (ProviderKind::Ultramsg, "'non_payment'", Class::NumberSuspended),
        (ProviderKind::Ultramsg, "'field_to'", Class::RecipientInvalid),
        (ProviderKind::Ultramsg, "'wrong_token'", Class::NumberAuth),
        (ProviderKind::Twilio, "63007", Class::NumberSuspended),
        (ProviderKind::Twilio, "20003", Class::NumberAuth),
        (ProviderKind::Twilio, "21211", Class::RecipientInvalid),
    ] {
        let simulator = simulator(&format!("[[rule]]\nthen = {{ error = {error} }}"));
        let outcome = send(provider, &simulator.base_url()).await;
        assert_eq!(outcome.certainty(), Certainty::Refused, "{outcome:?}");
        assert_eq!(failure(&outcome).class, class, "{provider} {error}");
        assert!(!failure(&outcome).words.is_empty());
        assert_eq!(simulator.count(), 0);
    }
}

#[tokio::test]
async fn throttling_waits_as_long_as_asked_within_bounds() {
    for (retry_after, seconds) in [
        ("30", 30),
        ("'-5'", 1),
        ("'31536000'", 3_600),
        ("'Fri, 01 Jan 2100 00:00:00 GMT'", 3_600),
        ("'Thu, 01 Jan 1970 00:00:00 GMT'", 1),
    ] {
        let simulator =
            simulator(&format!("[[rule]]\nthen = {{ throttle = true, retry_after = {retry_after} }}"));
        for provider in ProviderKind::ALL {
            let outcome = send(provider, &simulator.base_url()).await;
            assert_eq!(outcome.certainty(), Certainty::Refused, "{outcome:?}");
            let expected = Class::Throttled(Scope::Number, Duration::from_secs(seconds));
            assert_eq!(failure(&outcome).class, expected, "{provider} {retry_after}");
        }
    }
    let without = simulator("[[rule]]\nthen = { status = 429, body = 'slow down' }");
    for provider in ProviderKind::ALL {
        let outcome = send(provider, &without.base_url()).await;
        assert_eq!(outcome.certainty(), Certainty::Refused, "{outcome:?}");
        assert_eq!(failure(&outcome).class.name(), "throttled");
    }
}

#[tokio::test]
async fn a_pooled_connection_that_closed_while_idle_is_replaced() {
    let requests = Arc::new(AtomicUsize::new(0));
    let closed = Arc::new(tokio::sync::Notify::new());
    let (counted, closing) = (Arc::clone(&requests), Arc::clone(&closed));
    let address = serve(move |_, mut stream| {
        let (counted, closing) = (Arc::clone(&counted), Arc::clone(&closing));
        async move {
            if read_request(&mut stream).await.is_some() {
                counted.fetch_add(1, Ordering::SeqCst);
                let _ = stream.write_all(ok("wamid.once").as_bytes()).await;
                let _ = stream.shutdown().await;
                drop(stream);
                closing.notify_one();
            }
        }
    })
    .await;
    let client = Client::new(&settings()).unwrap();
    let line = line(ProviderKind::Meta, &format!("http://{address}"));
    let mut accepted = 0;
    for _ in 0..20 {
        let outcome = client.send(dialect(ProviderKind::Meta), &line, &outgoing("hello")).await;
        accepted += usize::from(outcome.certainty() == Certainty::Accepted);
        closed.notified().await;
    }
    let taken = requests.load(Ordering::SeqCst);
    assert!(taken <= 20, "{taken} requests for 20 messages: one was written twice");
    assert_eq!(accepted, taken, "every request that was taken was recorded as accepted");
    assert!(accepted >= 19, "{accepted} of 20: closed connections are noticed before they are used");
}

#[tokio::test]
async fn a_connection_that_rested_too_long_is_not_used_again() {
    const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 31\r\n\r\n{\"messages\":[{\"id\":\"wamid.1\"}]}";
    let (address, connections) = scripted(&[ANSWER; 3]).await;
    let client = Client::new(&Settings { idle_timeout: Duration::from_millis(300), ..settings() }).unwrap();
    let line = line(ProviderKind::Meta, &format!("http://{address}"));
    let send = async || {
        let outcome = client.send(dialect(ProviderKind::Meta), &line, &outgoing("hello")).await;
        assert_eq!(outcome.certainty(), Certainty::Accepted);
        connections.load(Ordering::SeqCst)
    };
    assert_eq!((send().await, send().await), (1, 1));
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(send().await, 2, "the other side may be closing it just now");
}

#[tokio::test]
async fn a_pooled_connection_that_closes_as_we_write_is_a_doubt_and_is_not_tried_again() {
    let requests = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&requests);
    let address = serve(move |_, mut stream| {
        let counted = Arc::clone(&counted);
        async move {
            // The first request of each connection is answered; on the second the connection closes.
            for answered in [true, false] {
                if read_request(&mut stream).await.is_none() {
                    return;
                }
                counted.fetch_add(1, Ordering::SeqCst);
                if answered {
                    let _ = stream.write_all(ok("wamid.first").as_bytes()).await;
                }
            }
        }
    })
    .await;
    let client = Client::new(&settings()).unwrap();
    let line = line(ProviderKind::Meta, &format!("http://{address}"));
    let provider = dialect(ProviderKind::Meta);
    let first = client.send(provider, &line, &outgoing("one")).await;
    assert_eq!(first.certainty(), Certainty::Accepted);
    let second = client.send(provider, &line, &outgoing("two")).await;
    assert_outcome(&second, Certainty::InDoubt, "cut");
    assert_eq!(requests.load(Ordering::SeqCst), 2, "the second message was written once");
    let third = client.send(provider, &line, &outgoing("three")).await;
    assert_eq!(third.certainty(), Certainty::Accepted, "on a fresh connection");
}

#[tokio::test]
async fn doubts_are_settled_where_the_provider_can_be_asked() {
    for (then, taken) in [("accept_then_cut = true", true), ("cut_before = true", false)] {
        for provider in ProviderKind::ALL {
            let simulator = simulator(&format!("[[rule]]\nwhen = {{ nth = 1 }}\nthen = {{ {then} }}"));
            let client = Client::new(&settings()).unwrap();
            let line = line(provider, &simulator.base_url());
            let outgoing = outgoing("hello");
            let lookup = Lookup {
                attempt: outgoing.attempt,
                to: outgoing.to.clone(),
                started_at: chrono::Utc::now(),
                text: Some("hello".to_owned()),
            };
            let outcome = client.send(dialect(provider), &line, &outgoing).await;
            assert_eq!(outcome.certainty(), Certainty::InDoubt);
            let evidence = client.look_up(dialect(provider), &line, &lookup).await;
            match (provider, taken) {
                (ProviderKind::Meta, _) => assert!(matches!(evidence, Evidence::Unclear(_)), "{evidence:?}"),
                (_, true) => {
                    let found = match &evidence {
                        Evidence::Found { provider_message_id, .. } => provider_message_id,
                        Evidence::Fitting { fits, is_whole: true }
                            if fits.len() == 1 && fits[0].says_the_same =>
                        {
                            &fits[0].provider_message_id
                        }
                        other => panic!("{provider}: {other:?}"),
                    };
                    assert_eq!(*found, simulator.ledger()[0].id, "{provider}");
                }
                (_, false) => assert_eq!(evidence, Evidence::Absent, "{provider}"),
            }
        }
    }
}

#[tokio::test]
async fn a_question_that_fails_proves_nothing() {
    let lookup = Lookup {
        attempt: AttemptId::new(),
        to: Phone::parse("+237600000001").unwrap(),
        started_at: chrono::Utc::now(),
        text: None,
    };
    let client = Client::new(&settings()).unwrap();
    let line = line(ProviderKind::Ultramsg, "http://127.0.0.1:1");
    let evidence = client.look_up(dialect(ProviderKind::Ultramsg), &line, &lookup).await;
    let Evidence::Unclear(why) = evidence else { panic!("{evidence:?}") };
    assert!(why.starts_with("refused") && !why.contains(TOKEN), "{why}");
}

#[tokio::test]
async fn words_that_repeat_the_token_are_masked() {
    let body = format!("{{\"error\":\"no instance for token {TOKEN}\"}}");
    let script = format!("[[rule]]\nthen = {{ status = 400, body = '{body}' }}");
    let outcome = send(ProviderKind::Ultramsg, &simulator(&script).base_url()).await;
    assert_eq!(failure(&outcome).words, "no instance for token ***");
}

#[tokio::test]
async fn hostile_words_are_made_safe() {
    let script = "[[rule]]\nthen = { error = 131000, details = \"\\u001b[2J\\u202eevil\" }";
    let outcome = send(ProviderKind::Meta, &simulator(script).base_url()).await;
    let words = &failure(&outcome).words;
    assert!(!words.chars().any(|character| character.is_control() || character == '\u{202e}'), "{words:?}");
}
