//! The real binary, run as an operator runs it.

use super::Db;
use std::{
    io::Write,
    process::{Child, Command, Output, Stdio},
};

/// A key of the tests' own, 32 bytes.
pub const KEY: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";

/// What came of a run.
#[derive(Debug)]
pub struct Run {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Run {
    fn of(output: &Output) -> Self {
        Self {
            code: output.status.code(),
            stdout: String::from_utf8(output.stdout.clone()).unwrap(),
            stderr: String::from_utf8(output.stderr.clone()).unwrap(),
        }
    }

    /// The JSON document on standard output, which is there and is the only thing.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// Asserts that it was done.
    #[track_caller]
    pub fn done(self) -> Self {
        assert_eq!(self.code, Some(0), "{self:?}");
        self
    }

    /// Asserts how it was refused: the exit code, one sentence that holds this, and nothing on standard output.
    #[track_caller]
    pub fn refused(self, code: i32, sentence: &str) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert!(
            self.stderr.starts_with("error: ") && self.stderr.contains(sentence),
            "{sentence:?} in {self:?}"
        );
        assert!(self.stdout.is_empty(), "{self:?}");
        self
    }
}

/// The binary with nothing of our environment but what it needs.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_signalbox"));
    command.env_clear();
    for name in ["PATH", "HOME", "USER", "TMPDIR", "LANG"] {
        if let Some(value) = std::env::var_os(name) {
            command.env(name, value);
        }
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Runs it to its end with this on standard input.
pub fn run(mut command: Command, stdin: Option<&[u8]>) -> Run {
    let Some(bytes) = stdin else { return Run::of(&command.output().unwrap()) };
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    // A program that refuses early does not read to the end.
    let writer = std::thread::spawn(move || {
        let _ = input.write_all(&bytes);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    Run::of(&output)
}

impl Db {
    /// The binary on this database.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = command();
        command.env("DATABASE_URL", self.url()).env("ENCRYPTION_KEY", KEY).args(arguments);
        command
    }

    /// Runs it to its end.
    pub fn run(&self, arguments: &[&str]) -> Run {
        run(self.command(arguments), None)
    }

    /// Runs it to its end with this on standard input.
    pub fn run_with(&self, arguments: &[&str], stdin: &[u8]) -> Run {
        run(self.command(arguments), Some(stdin))
    }

    /// Starts it.
    pub fn spawn(&self, arguments: &[&str]) -> Child {
        self.command(arguments).stdin(Stdio::piped()).spawn().unwrap()
    }

    /// Runs it with `--json` and answers the document.
    #[track_caller]
    pub fn json(&self, arguments: &[&str]) -> serde_json::Value {
        let mut all = arguments.to_vec();
        all.push("--json");
        self.run(&all).done().json()
    }
}
