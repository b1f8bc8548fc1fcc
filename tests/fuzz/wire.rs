//! Answers as bytes on a connection: heads, lengths and chunks that lie.

use crate::{
    corpus,
    mutate::{mutate, shown},
    run,
};
use signalbox::{
    domain::{ids::AttemptId, outcome::Certainty, phone::Phone},
    provider::{
        Content, Credential, Outgoing,
        client::{Client, Settings},
        dialect,
    },
};
use std::{
    io::{Read as _, Write as _},
    net::TcpListener,
    sync::mpsc,
    thread,
    time::Duration,
};

#[test]
fn an_answer_on_the_wire_is_read_to_its_limits_and_no_further() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap());
    let (next, answers) = mpsc::channel::<Vec<u8>>();
    let server = thread::spawn(move || {
        while let Ok(answer) = answers.recv() {
            let (mut stream, _) = listener.accept().unwrap();
            // The request is read, so that closing does not take the answer back.
            let (mut request, mut part) = (Vec::new(), [0; 4_096]);
            while !is_whole(&request) {
                match stream.read(&mut part) {
                    Ok(count) if count > 0 => request.extend_from_slice(&part[..count]),
                    _ => break,
                }
            }
            let _ = stream.write_all(&answer);
        }
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let good = corpus::answers();
    run("wire", 3_000, |chance| {
        let (provider, status, text) = chance.pick(&good);
        let head = format!("HTTP/1.1 {status} X\r\ncontent-type: application/json\r\nretry-after: 5\r\n");
        let whole = match chance.below(3) {
            0 => format!("{head}content-length: {}\r\n\r\n{text}", text.len()),
            1 => format!("{head}transfer-encoding: chunked\r\n\r\n{:x}\r\n{text}\r\n0\r\n\r\n", text.len()),
            _ => format!("{head}\r\n{text}"),
        };
        let raw = mutate(chance, &whole, &chance_head(status));
        next.send(raw.clone()).unwrap();
        // A connection each: what an answer leaves behind belongs to nobody else's.
        let client =
            Client::new(&Settings { total_timeout: Duration::from_secs(5), ..Settings::default() }).unwrap();
        let credential = Credential { external_id: "AC1".to_owned(), token: "t0ken".to_owned().into() };
        let sender_id =
            if *provider == signalbox::domain::number::ProviderKind::Twilio { "" } else { "1150" };
        let from = Phone::parse("+14155238886").unwrap();
        let line = dialect(*provider).line(&base_url, credential, sender_id, &from).unwrap();
        let outgoing = Outgoing {
            attempt: AttemptId::new(),
            to: Phone::parse("+5511987650001").unwrap(),
            content: Content::Text("hi".to_owned()),
        };
        let outcome = runtime.block_on(client.send(dialect(*provider), &line, &outgoing));
        if let signalbox::domain::outcome::Outcome::Accepted { provider_message_id } = &outcome {
            assert!(!provider_message_id.is_empty(), "{}", shown(&raw));
        }
        assert_ne!(outcome.certainty(), Certainty::NotSent, "it was sent: {}", shown(&raw));
    });
    drop(next);
    server.join().unwrap();
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    body.len() >= length.unwrap_or(0)
}

fn chance_head(status: &u16) -> String {
    format!(
        "HTTP/1.0 {status} \r\ncontent-length: 99999999999999999999\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffff\r\n"
    )
}
