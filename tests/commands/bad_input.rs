//! Bad input of every kind gets a sentence with its place, and changes nothing.

use crate::support::Db;
use std::path::PathBuf;

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    fn write(&self, name: &str, bytes: &[u8]) -> String {
        let path: PathBuf = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

async fn acme() -> Db {
    let db = Db::new().await;
    db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
    db.run_with(&["account", "add", "main", "--provider", "meta", "--token-stdin"], b"token").done();
    db.run(&["number", "add", "+237600000001", "--account", "main", "--instance-id", "55"]).done();
    db
}

#[tokio::test]
async fn wrong_arguments_say_what_they_should_be() {
    let db = acme().await;
    let before = db.fingerprint().await;
    let add = |phone: &'static str, rest: &[&'static str]| {
        [["number", "add", phone, "--account", "main", "--instance-id", "5"].as_slice(), rest].concat()
    };
    let table: Vec<(Vec<&str>, i32, &str)> = vec![
        (add("12", &[]), 2, "write it as +237600000001"),
        (add("+2376abc", &[]), 2, "the phone"),
        (add("+237600000001", &[]), 3, "this phone is a number of the organisation already"),
        (add("+237600000002", &["--daily-limit", "-1"]), 2, "a daily limit is a whole number from 0"),
        (add("+237600000002", &["--daily-limit=-1"]), 2, "a daily limit is a whole number from 0"),
        (add("+237600000002", &["--daily-limit", "3000000000"]), 2, "a daily limit is a whole number"),
        (add("+237600000002", &["--priority", "10000"]), 2, "from 0 to 9999"),
        (add("+237600000002", &["--interval", "-2"]), 2, "0 to 86400 seconds"),
        (add("+237600000002", &["--in-flight", "0"]), 2, "from 1 to 1000"),
        (vec!["number", "add", "+237600000002", "--account", "none"], 1, "there is no account \"none\""),
        (vec!["number", "add", "+237600000002", "--account", "main"], 2, "is missing"),
        (vec!["number", "edit", "+237600000001"], 2, "name at least one thing"),
        (vec!["number", "suspend", "+237600000001"], 2, "--reason"),
        (
            vec!["number", "suspend", "+237600000001", "--reason", "x", "--until", "2001-01-01T00:00"],
            2,
            "lies in the past",
        ),
        (
            vec!["number", "suspend", "+237600000001", "--reason", "x", "--until", "soon"],
            2,
            "a time is written",
        ),
        (vec!["org", "add", "acme", "--name", "A", "--timezone", "UTC"], 3, "of this slug already"),
        (vec!["org", "add", "Not A Slug", "--name", "A", "--timezone", "UTC"], 3, "small letters"),
        (vec!["org", "add", "b", "--name", "A", "--timezone", "Mars/Olympus"], 2, "is no time zone"),
        (vec!["account", "add", "b", "--provider", "baileys"], 2, "unknown provider"),
        (vec!["account", "add", "b", "--provider", "meta"], 2, "--token-stdin"),
        (
            vec!["account", "add", "b", "--provider", "meta", "--token-env", "NOWHERE"],
            2,
            "NOWHERE is not set",
        ),
        (vec!["campaign", "start", "nothing"], 1, "there is no campaign \"nothing\""),
        (vec!["contact", "opt-in", "+237600000099"], 1, "there is no such contact"),
        (vec!["attempt", "resolve", "not-an-id", "--as", "sent"], 2, "invalid"),
        (vec!["nonsense"], 2, "nonsense"),
    ];
    for (arguments, code, sentence) in table {
        db.run(&arguments).refused(code, sentence);
    }
    assert_eq!(db.fingerprint().await, before, "something was changed");
}

#[tokio::test]
async fn an_account_with_a_bad_address_or_token_is_refused_at_once() {
    let db = acme().await;
    let before = db.fingerprint().await;
    let add = ["account", "add", "b", "--provider", "meta", "--token-stdin"];
    for (url, token, sentence) in [
        ("http://graph.example.com", "token", "is not https"),
        ("nonsense", "token", "is not an address"),
        ("https://user:pw@host", "token", "holds a user or password"),
        ("https://host", "to ken", "holds a space"),
    ] {
        let arguments = [add.as_slice(), &["--base-url", url]].concat();
        db.run_with(&arguments, token.as_bytes()).refused(2, sentence);
    }
    db.run_with(&add, b"\n").refused(2, "holds no secret");
    assert_eq!(db.fingerprint().await, before);
}

#[tokio::test]
async fn a_bad_campaign_file_is_refused_with_line_and_column() {
    let db = acme().await;
    db.run_with(&["contact", "import", "-"], b"phone,name,city\n+237611111111,Ana,Douala\n").done();
    let before = db.fingerprint().await;
    let files = Files::new();
    let step = "[[steps]]\nafter = \"0h\"\n";
    let table = [
        ("name = \"x\"\nprioritty = 1\n", "text = { en = \"Hi\" }", "2:1: unknown key prioritty"),
        ("name = \"x\"\nrun_after = \"y\"\n", "text = { en = \"Hi\" }", "there is no campaign \"y\""),
        ("name = \"x\"\nwindow = {}\n", "text = { en = \"Hi\" }", "window.from is missing"),
        ("name = \"x\"\npool = \"vipp\"\n", "text = { en = \"Hi\" }", "there is no pool \"vipp\""),
        ("name = \"x\"\ndaily_limit = -1\n", "text = { en = \"Hi\" }", "2:15: daily_limit is -1"),
        ("name = \"x\"\npriority = 10000\n", "text = { en = \"Hi\" }", "from 0 to 9999"),
        (
            "name = \"x\"\n",
            "text = { en = \"Hi {{ctiy}}\" }",
            "unknown variable {{ctiy}}: did you mean {{city}}?",
        ),
        ("name = \"x\"\n", "text = { en = \"Hi {{name\" }", "is never closed"),
        ("name = \"x\"\n", "template = { name = \"t\" }", "steps[0].template.language is missing"),
        ("name = \"x\"\nstarts_at = \"soon\"\n", "text = { en = \"Hi\" }", "is not a time"),
        ("name = \"x\"\n[audience]\nphones = [\"12\"]\n", "text = { en = \"Hi\" }", "3:"),
        (
            "name = \"x\"\n[audience]\nphones = [\"+237622222222\"]\n",
            "text = { en = \"Hi\" }",
            "3:1: audience.phones: not among the contacts, import them first: +237622222222",
        ),
        ("name = \"x\" name\n", "", "this is not TOML"),
        ("", "text = { en = \"Hi\" }", "name is missing"),
    ];
    for (head, text, sentence) in table {
        let file = files.write("c.toml", format!("{head}{step}{text}\n").as_bytes());
        for verb in ["check", "create"] {
            db.run(&["campaign", verb, &file]).refused(1, sentence);
        }
        let run = db.run(&["campaign", "check", &file, "--json"]);
        assert_eq!((run.code, &run.json()["ok"]), (Some(1), &serde_json::json!(false)), "{run:?}");
    }
    db.run(&["campaign", "check", "/nowhere/c.toml"]).refused(1, "failed to read /nowhere/c.toml");
    let latin = files.write("l.toml", b"name = \"\xe9t\xe9\"\n");
    db.run(&["campaign", "create", &latin]).refused(1, "not UTF-8");
    assert_eq!(db.fingerprint().await, before, "something was changed");
}

#[tokio::test]
async fn row_62_without_a_terminal_the_console_says_so_in_one_sentence() {
    let run = Db::new().await.run(&[]).refused(1, "standard input is none");
    assert_eq!(run.stderr.lines().count(), 1, "{run:?}");
}

#[tokio::test]
async fn row_68_unreadable_csv_is_refused_whole() {
    let db = acme().await;
    let before = db.fingerprint().await;
    let files = Files::new();
    let wide = format!("{}phone\n+237611111111\n", "c,".repeat(65_536));
    let good = "+237611111111,Ana\n".repeat(1_000);
    let table: Vec<(&str, Vec<u8>, &str)> = vec![
        ("latin-1", b"phone,name\n+237611111111,Jos\xe9\n".to_vec(), "line 2 is not UTF-8"),
        ("latin-1 late", [b"phone,name\n", good.as_bytes(), b"+237611111112,\xe9\n"].concat(), "line 1002"),
        ("utf-16", b"\xff\xfep\0h\0".to_vec(), "UTF-16"),
        ("open quote", b"phone,name\n+237611111111,\"Ana\n+237611111112,B\n".to_vec(), "line 2"),
        ("65,536 columns", wide.into_bytes(), "65537 columns"),
        ("empty", Vec::new(), "the file is empty"),
        ("header only", b"phone,name\n".to_vec(), "no rows"),
        ("no phone", b"tel,name\n1,2\n".to_vec(), "no column called phone"),
        ("two of one name", b"phone,name,name\n1,2,3\n".to_vec(), "both called"),
        ("xlsx", b"PK\x03\x04rest".to_vec(), "not CSV"),
    ];
    for (case, bytes, sentence) in table {
        let file = files.write("people.csv", &bytes);
        let run = db.run(&["contact", "import", &file]).refused(1, sentence);
        assert!(run.stderr.contains("people.csv"), "{case}: {run:?}");
        assert!(!files.folder.path().join("people.rejected.csv").exists(), "{case}");
    }
    db.run(&["contact", "import", "/nowhere.csv"]).refused(1, "failed to read /nowhere.csv");
    let file = files.write("people.csv", b"phone\n611111111\n");
    db.run(&["contact", "import", &file, "--default-country", "XX"]).refused(1, "default country");
    db.run(&["contact", "import", &file, "--rejected", &file]).refused(2, "--rejected names the file");
    assert_eq!(db.fingerprint().await, before, "something was changed");
}
