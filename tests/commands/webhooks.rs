//! From the command that adds an account to the opt-out that its webhook brings, with the real program.

use crate::support::{acme::Acme, until};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Stdio},
};

/// The program as a sender that listens, and where.
fn listening(acme: &Acme) -> (Child, SocketAddr) {
    let mut command = acme.db.command(&["sender", "--listen", "127.0.0.1:0"]);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
    let said =
        lines.find_map(|line| line.split_once("webhooks are taken at ").map(|(_, at)| at.trim().to_owned()));
    // What it says from now on is nobody's, and must not stop it.
    std::thread::spawn(move || lines.for_each(drop));
    (child, said.expect("it says where it listens").parse().unwrap())
}

/// The status of the answer.
fn post(address: SocketAddr, path: &str, body: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nhost: here\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn a_stop_that_comes_to_the_path_that_account_show_prints_is_honoured() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    acme.db
        .run_with(&["account", "add", "gateway", "--provider", "ultramsg", "--token-stdin"], b"t0ken\n")
        .done();
    let path = acme.db.json(&["account", "show", "gateway"])["webhook_path"].as_str().unwrap().to_owned();
    let person = acme.db.value::<String>("select phone::text from contacts").await;
    let (mut sender, address) = listening(&acme);
    let chat = format!("{}@c.us", person.trim_start_matches('+'));
    let body = serde_json::json!({
        "event_type": "message_received", "instanceId": "1150",
        "data": { "id": "false_1", "from": chat, "type": "chat", "body": "Stop!", "fromMe": false },
    })
    .to_string();
    assert_eq!(post(address, &format!("{path}x"), &body), "403", "the secret is the whole secret");
    assert_eq!(post(address, &path, &body), "200");
    until("the opt-out is on record", || async {
        acme.db.value::<i64>("select count(*) from suppressions where source = 'reply'").await == 1
    })
    .await;
    assert_eq!(acme.db.value::<String>("select phone::text from suppressions").await, person);
    let pid = rustix::process::Pid::from_child(&sender);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert!(sender.wait().unwrap().success(), "it leaves well");
}
