//! An organisation with a number at a simulated UltraMsg, an operator of every kind with a key, and the program as a headless
//! sender that listens, logged in with the service role.

use crate::support::{Db, cluster};
use serde_json::{Value, json};
use signalbox::provider::simulator::{Script, Simulator};
use std::{
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    process::{Child, Stdio},
};

const SCRIPT: &str = "
    [[account]]\nprovider = 'ultramsg'\ntoken = 'token'\n
    [[number]]\nprovider = 'ultramsg'\nphone = '+237600000001'\nid = 'instance1'\n
    [[number]]\nprovider = 'ultramsg'\nphone = '+237600000002'\nid = 'instance2'\n";

pub struct Place {
    pub db: Db,
    pub simulator: Simulator,
    pub address: SocketAddr,
    keys: Vec<(&'static str, String)>,
    sender: Child,
    _data: tempfile::TempDir,
}

/// A request to be.
#[derive(Debug, Clone)]
pub struct Ask {
    pub method: String,
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: String,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    /// Asserts the status; the body as JSON.
    #[track_caller]
    pub fn is(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{self:?}");
        self.json()
    }
}

impl Ask {
    pub fn new(method: &str, path: impl Into<String>) -> Self {
        Self { method: method.to_owned(), path: path.into(), headers: Vec::new(), body: Vec::new() }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new("GET", path)
    }

    pub fn post(path: impl Into<String>, body: &Value) -> Self {
        Self::new("POST", path).json(body)
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn json(self, body: &Value) -> Self {
        Self { body: body.to_string().into_bytes(), ..self.with("content-type", "application/json") }
    }

    pub fn text(self, kind: &str, body: &str) -> Self {
        Self { body: body.as_bytes().to_vec(), ..self.with("content-type", kind) }
    }

    pub fn to(&self, address: SocketAddr) -> Answer {
        let mut stream = TcpStream::connect(address).unwrap();
        let mut bytes =
            format!("{} {} HTTP/1.1\r\nhost: here\r\nconnection: close\r\n", self.method, self.path);
        for (name, value) in &self.headers {
            bytes.extend([name.as_str(), ": ", value, "\r\n"]);
        }
        bytes.push_str(&format!("content-length: {}\r\n\r\n", self.body.len()));
        let mut bytes = bytes.into_bytes();
        bytes.extend_from_slice(&self.body);
        // A server that has heard enough answers before it has read all.
        let _ = stream.write_all(&bytes);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), body: body.to_owned() }
    }
}

impl Place {
    /// Its number sends a message in so many seconds.
    pub async fn open(interval: &str) -> Self {
        let script = Script::parse(SCRIPT).unwrap();
        let simulator = Simulator::start_on_own_thread(([127, 0, 0, 1], 0).into(), script).unwrap();
        let db = Db::new().await;
        db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
        let base = simulator.base_url();
        let add =
            ["account", "add", "gateway", "--provider", "ultramsg", "--token-stdin", "--base-url", &base];
        db.run_with(&add, b"token\n").done();
        let number = ["number", "add", "+237600000001", "--account", "gateway", "--instance-id", "instance1"];
        db.run(&[&number[..], &["--interval", interval, "--pool", "default"]].concat()).done();
        let mut keys = Vec::new();
        for role in ["viewer", "manager", "admin", "service"] {
            let name = format!("{role}_{}", db.name);
            db.run(&["operator", "add", &name, "--role", role, "--no-password"]).done();
            let made = db.json(&["operator", "key", "new", role, "--operator", &name]);
            keys.push((role, made["key"].as_str().unwrap().to_owned()));
        }
        let data = tempfile::tempdir().unwrap();
        let mut command = db.command(&["sender", "--listen", "127.0.0.1:0"]);
        command.env("DATABASE_URL", cluster().url_as(&db.name, &format!("service_{}", db.name)));
        command.env("SIGNALBOX_DATA_DIR", data.path());
        let mut sender = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(sender.stderr.take().unwrap()).lines().map_while(Result::ok);
        let said = lines
            .find_map(|line| line.split_once("webhooks are taken at ").map(|(_, at)| at.trim().to_owned()));
        std::thread::spawn(move || lines.for_each(drop));
        let address = said.expect("it says where it listens").parse().unwrap();
        Self { db, simulator, address, keys, sender, _data: data }
    }

    pub fn key(&self, role: &str) -> &str {
        &self.keys.iter().find(|(known, _)| *known == role).unwrap().1
    }

    /// Asks with the key of this role.
    pub fn ask(&self, role: &str, ask: Ask) -> Answer {
        let key = format!("Bearer {}", self.key(role));
        // Tests ask faster than programs should.
        loop {
            let answer = ask.clone().with("authorization", &key).to(self.address);
            if answer.status != 429 {
                return answer;
            }
            std::thread::sleep(std::time::Duration::from_millis(200));
        }
    }

    pub fn get(&self, path: impl Into<String>) -> Answer {
        self.ask("manager", Ask::get(path))
    }

    pub fn post(&self, path: impl Into<String>, body: &Value) -> Answer {
        self.ask("manager", Ask::post(path, body))
    }

    /// So many people, by the API.
    pub fn import(&self, people: usize) -> Value {
        let mut rows = "phone,name,locale\n".to_owned();
        for nth in 0..people {
            rows.push_str(&format!("+2376700{nth:05},Ana {nth},en\n"));
        }
        self.ask("manager", Ask::new("POST", "/v1/contacts/import").text("text/csv", &rows)).is(200)
    }

    /// A campaign that says hello to everybody, by the API.
    pub fn create(&self, name: &str) -> Value {
        self.post("/v1/campaigns", &hello(name)).is(201)
    }
}

pub fn hello(name: &str) -> Value {
    json!({ "name": name, "steps": [{ "after": "0h", "text": { "en": "Hello {{name}}" } }] })
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = self.sender.kill();
        let _ = self.sender.wait();
    }
}
