//! What a campaign is judged by before it begins, and what a copy of one is made of.

use crate::support::acme::{Acme, phone};
use serde_json::{Value, json};
use signalbox::domain::action::Action;
use std::path::PathBuf;

/// A file of this name in a folder of the test.
fn file(folder: &tempfile::TempDir, name: &str, more: &str) -> String {
    let path: PathBuf = folder.path().join(format!("{name}.toml"));
    let text = format!(
        "# Ana's.\nname = \"{name}\"\npriority = 20 # in the middle\n{more}\n[[steps]]\ntext = {{ en = \"Hello {{{{name|friend}}}}, {name} it is\" }} # short\n"
    );
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

impl Acme {
    /// What a campaign is as its row says, its people too.
    async fn row(&self, name: &str) -> String {
        sqlx::query_scalar(
            "select format('%s %s %s %s %s %s-%s %s %s: %s', c.priority, c.weight, c.daily_limit, c.failover, p.name,
                           c.window_from, c.window_to, c.window_days, c.window_zone,
                           (select count(*) from campaign_recipients r where r.campaign_id = c.id))
               from campaigns c join pools p on p.id = c.pool_id where c.name = $1",
        )
        .bind(name)
        .fetch_one(&self.db.pool)
        .await
        .unwrap()
    }

    /// The findings of a campaign or file: what each is known by, its severity and its sentence.
    /// What has to be fixed or accepted.
    fn found(&self, what: &str) -> Vec<(String, String, String)> {
        let checked = self.db.json(&["campaign", "check", what]);
        let word = |note: &Value, key: &str| note[key].as_str().unwrap_or_default().to_owned();
        let notes = checked["notes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|note| !note["finding"].as_str().unwrap_or_default().starts_with("remark-"));
        notes.map(|note| (word(note, "finding"), word(note, "severity"), word(note, "sentence"))).collect()
    }
}

#[tokio::test]
async fn a_copy_is_made_of_the_campaign_as_it_is_and_of_nothing_that_was_not_heeded() {
    let acme = Acme::new().await;
    acme.contacts(10).await;
    let folder = tempfile::tempdir().unwrap();
    let db = &acme.db;
    db.run(&["pool", "add", "north", "--number", phone(90_000_000).reveal()]).done();
    db.run(&["campaign", "create", &file(&folder, "ed", "")]).done();
    db.run(&[
        "campaign",
        "edit",
        "ed",
        "--priority",
        "5",
        "--weight",
        "4",
        "--daily-limit",
        "7",
        "--window",
        "09:00-20:00 mon-sat",
        "--failover",
        "label",
        "--pool",
        "north",
    ])
    .done();
    let now = acme.row("ed").await;
    assert_eq!(now, "5 4 7 label north 540-1200 63 organization: 10");
    db.run(&["campaign", "clone", "ed", "copy"]).done();
    assert_eq!(acme.row("copy").await, now);
    let source: String = db.value("select source from campaigns where name = 'copy'").await;
    for words in ["# Ana's.", "name = \"copy\"", "priority = 5 # in the middle", "# short"] {
        assert!(source.contains(words), "{words}: {source}");
    }

    // Of a file that changes the steps nothing else comes true, now or with a copy.
    let other = std::fs::read_to_string(file(&folder, "ed", "")).unwrap();
    let other = other.replace("priority = 20", "priority = 99").replace("it is", "it was");
    let path = folder.path().join("other.toml");
    std::fs::write(&path, other.replace("[[steps]]", "[audience]\nlimit = 5\n[[steps]]")).unwrap();
    let run = db.run(&["campaign", "update", "ed", path.to_str().unwrap()]).done();
    assert!(run.stderr.contains("audience stays as it is"), "{}", run.stderr);
    db.run(&["campaign", "clone", "ed", "again"]).done();
    assert_eq!(acme.row("again").await, now);
    let said: String =
        db.value("select texts::text from campaign_steps s join campaigns c on c.id = s.campaign_id where c.name = 'again'").await;
    assert!(said.contains("ed it was"), "{said}");

    // Terms that were taken off are off in the copy, too.
    db.run(&["campaign", "edit", "ed", "--window", "none", "--daily-limit", "none", "--pool", "default"])
        .done();
    db.run(&["campaign", "clone", "ed", "third"]).done();
    assert_eq!(acme.row("third").await, acme.row("ed").await);
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_check_says_what_creating_would_be_refused_for() {
    let acme = Acme::with_numbers(&[Some(10)]).await;
    acme.contacts(45).await;
    let folder = tempfile::tempdir().unwrap();
    let db = &acme.db;
    let long = file(&folder, "long", "");
    acme.campaign(&std::fs::read_to_string(file(&folder, "made", "opt_out_line = false")).unwrap()).await;
    assert_eq!(acme.found("made"), []);
    sqlx::query("update organizations set subscription_ends_at = clock_timestamp() + interval '2 days'")
        .execute(&db.pool)
        .await
        .unwrap();
    for command in ["check", "create"] {
        db.run(&["campaign", command, &long]).refused(3, "campaign long would be done on");
    }
    let found = acme.found("made");
    assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("subscription", "risk"), "{found:?}");
    assert!(found[0].2.starts_with("campaign made would be done on"), "{found:?}");
}

#[tokio::test]
async fn hours_that_leave_no_time_are_a_finding_to_fix_or_to_accept() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let folder = tempfile::tempdir().unwrap();
    let db = &acme.db;
    db.run(&["org", "edit", "--quiet", "02:00-05:00"]).done();
    let night = "window = { from = \"03:00\", to = \"04:00\", days = [\"sun\"] }";
    let night = file(&folder, "night", night);
    let found = acme.found(&night);
    assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("hours", "risk"), "{found:?}");
    assert!(found[0].2.contains("are never open together: nothing is ever sent"), "{found:?}");
    db.run(&["campaign", "check", &night, "--accept", "hours", "--why", "the hours change on Monday"]).done();
    db.run(&["campaign", "create", &night]).done();
    let checked = db.json(&["campaign", "check", "night"]);
    let hours = checked["notes"].as_array().unwrap().iter().find(|note| note["finding"] == "hours").unwrap();
    assert_eq!(
        (&checked["open"], &hours["accepted"]["reason"]),
        (&json!(0), &json!("the hours change on Monday"))
    );
    // Other hours mend it; and others break it again, for a campaign that exists.
    db.run(&["campaign", "edit", "night", "--window", "03:00-06:00 sun"]).done();
    assert_eq!(acme.found("night"), []);
    db.run(&["campaign", "edit", "night", "--window", "02:30-04:30 recipient"])
        .refused(3, "one with such a window from its file");
    db.run(&["campaign", "edit", "night", "--window", "02:30-04:30"]).done();
    assert_eq!(acme.found("night")[0].0, "hours");
}

#[tokio::test]
async fn numbers_out_of_service_are_a_finding() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let folder = tempfile::tempdir().unwrap();
    let db = &acme.db;
    let made = file(&folder, "made", "");
    let suspend = |nth| db.run(&["number", "suspend", phone(nth).reveal(), "--reason", "lost"]).done();
    assert_eq!(acme.found(&made), []);
    suspend(90_000_000);
    let found = acme.found(&made);
    assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("numbers", "remark"), "{found:?}");
    suspend(90_000_001);
    let found = acme.found(&made);
    assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("numbers", "risk"), "{found:?}");
    assert!(found[0].2.contains("number 0 is suspended (lost); number 1 is suspended (lost)"), "{found:?}");
}

#[tokio::test]
async fn a_pool_without_numbers_is_a_finding_and_its_preview_says_why_it_is_empty() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let folder = tempfile::tempdir().unwrap();
    let db = &acme.db;
    db.run(&["pool", "add", "vip"]).done();
    let made = file(&folder, "made", "pool = \"vip\"");
    db.run(&["campaign", "create", &made]).done();
    let found = acme.found("made");
    assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("numbers", "risk"), "{found:?}");
    assert_eq!(found[0].2, "pool vip has no numbers, and nothing goes out before it has one");
    let shown = db.run(&["campaign", "preview", "made"]).done();
    assert!(shown.stderr.contains("no account would send this"), "{}", shown.stderr);
    db.run(&["org", "edit", "acme", "--default-number", phone(90_000_000).reveal()]).done();
    let found = acme.found("made");
    assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("numbers", "remark"), "{found:?}");
    let shown = db.run(&["campaign", "preview", "made"]).done();
    assert!(!shown.stderr.contains("no account"), "{}", shown.stderr);
    assert!(shown.stdout.contains("made it is"), "{}", shown.stdout);
}

#[tokio::test]
async fn a_campaign_that_is_checked_does_not_keep_its_own_people_out() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let folder = tempfile::tempdir().unwrap();
    let db = &acme.db;
    let made = file(&folder, "made", "audience = { exclude_active = true }");
    db.run(&["campaign", "create", &made]).done();
    let counted = |what: &str| db.json(&["campaign", "check", what])["audience"].clone();
    let (of_campaign, other) =
        (counted("made"), file(&folder, "other", "audience = { exclude_active = true }"));
    assert_eq!(of_campaign["queued"], json!(3), "{of_campaign}");
    let of_other = counted(&other);
    assert_eq!(of_other["queued"], json!(0), "they are active in the first: {of_other}");
}

#[tokio::test]
async fn nobody_needs_to_have_paid_before_people_leave_by_it() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let folder = tempfile::tempdir().unwrap();
    let db = &acme.db;
    let seven = file(
        &folder,
        "seven",
        "exit = { attributes = { paid = [\"yes\"] } }\nslots = \"campaign\"\nexpires_after = \"36h\"\nstop_when = { failed = 0.1 }",
    );
    let found = acme.found(&seven);
    assert_eq!((found[0].0.as_str(), found[0].1.as_str()), ("exit-paid", "risk"), "{found:?}");
    db.run(&["campaign", "create", &seven]).done();
    let shown = db.run(&["campaign", "show", "seven"]).done().stdout;
    for words in ["paid = yes", "its own", "1d12h", "failed above 10 %", "send"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let json = db.json(&["campaign", "show", "seven"]);
    assert_eq!((&json["missed"], &json["expires_after"]), (&json!("send"), &json!("1d12h")));
    db.run_with(&["contact", "import", "-"], format!("phone,paid\n{},yes\n", phone(0).reveal()).as_bytes())
        .done();
    assert_eq!(acme.found("seven"), []);
}

#[tokio::test]
async fn one_behind_another_is_foretold_from_where_that_one_ends() {
    let acme = Acme::with_numbers(&[Some(100)]).await;
    acme.contacts(250).await;
    let folder = tempfile::tempdir().unwrap();
    let db = &acme.db;
    db.run(&["campaign", "create", &file(&folder, "first", "")]).done();
    db.run(&["campaign", "create", &file(&folder, "second", "run_after = \"first\"")]).done();
    db.run(&["campaign", "create", &file(&folder, "third", "run_after = \"second\"")]).done();
    let forecast = |name: &str| db.json(&["campaign", "forecast", name]);
    // Behind a draft: somebody has to start that one.
    assert_eq!(forecast("third")["finish"], Value::Null);
    let campaign = db.store.campaigns(acme.organization, Some("first")).await.unwrap().remove(0).id;
    acme.done(Action::StartCampaign(campaign)).await;
    let third = forecast("third");
    assert!(third["finish"].is_string(), "{third}");
    let of = |forecast: &Value, name: &str| -> Vec<u64> {
        let days = forecast["days"].as_array().unwrap().iter();
        days.map(|day| day["by_campaign"][name].as_u64().unwrap_or(0)).collect()
    };
    assert_eq!(of(&third, "first"), [100, 100, 50, 0, 0, 0, 0, 0]);
    assert_eq!(of(&third, "second"), [0, 0, 50, 100, 100, 0, 0, 0]);
    assert_eq!(of(&third, "third"), [0, 0, 0, 0, 0, 100, 100, 50]);
    // If the first one stood still, nobody knew.
    assert_eq!(db.json(&["campaign", "forecast", "second", "--pause", "first"])["finish"], Value::Null);
    // One that would begin behind them after the subscription is not made.
    sqlx::query("update organizations set subscription_ends_at = clock_timestamp() + interval '5 days'")
        .execute(&db.pool)
        .await
        .unwrap();
    let late = file(&folder, "late", "run_after = \"third\"");
    db.run(&["campaign", "create", &late]).refused(3, "campaign late would begin on");
    // What is over is foretold nothing, unless somebody asks what if.
    acme.done(Action::CancelCampaign(campaign)).await;
    let over = db.run(&["campaign", "forecast", "first"]).done().stdout;
    assert!(over.contains("over since") && !over.contains("went on now"), "{over}");
    assert_eq!(forecast("first")["days"], json!([]));
}

#[tokio::test]
async fn why_and_stats_of_a_pause_say_the_reason() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let campaign = acme.running().await;
    acme.done(Action::PauseCampaign(campaign)).await;
    sqlx::query(
        "update campaigns set hold_reason = 'paused by itself: 31 of 100 failed', changed_by = 'sender'",
    )
    .execute(&acme.db.pool)
    .await
    .unwrap();
    let why = acme.db.json(&["campaign", "why", "hello"])["sentence"].to_string();
    assert!(
        why.contains("paused by sender, until somebody resumes it: paused by itself: 31 of 100"),
        "{why}"
    );
    let stats = acme.db.run(&["campaign", "stats", "hello"]).done().stdout;
    assert!(stats.contains("paused by itself: 31 of 100 failed"), "{stats}");
}

/// A server of files, one answer for each path, on this machine.
async fn files() -> std::net::SocketAddr {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut asked = vec![0; 4_096];
            let count = stream.read(&mut asked).await.unwrap();
            let asked = String::from_utf8_lossy(&asked[..count]).into_owned();
            let line: Vec<&str> = asked.lines().next().unwrap_or_default().split(' ').collect();
            let answer = match (line[0], line[1]) {
                ("HEAD", "/good.png") => "200 OK\r\ncontent-type: image/png\r\ncontent-length: 90000",
                ("HEAD", "/large.png") => "200 OK\r\ncontent-type: image/png\r\ncontent-length: 90000000",
                ("HEAD", "/page.png") => "200 OK\r\ncontent-type: text/html; charset=utf-8",
                ("HEAD", "/moved.png") => "302 Found\r\nlocation: /good.png",
                ("HEAD", "/away.png") => "302 Found\r\nlocation: ftp://127.0.0.1/good.png",
                ("HEAD", "/round.png") => "302 Found\r\nlocation: /round.png",
                ("HEAD", "/get.png") => "405 Method Not Allowed",
                ("GET", "/get.png") if asked.contains("bytes=0-0") => {
                    "206 Partial Content\r\ncontent-type: image/png\r\ncontent-length: 1\r\ncontent-range: bytes 0-0/90000000"
                }
                _ => "404 Not Found",
            };
            let answer = format!("HTTP/1.1 {answer}\r\nconnection: close\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
    });
    address
}

#[tokio::test(flavor = "multi_thread")]
async fn media_that_cannot_be_fetched_are_a_finding_and_no_hard_stop() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let folder = tempfile::tempdir().unwrap();
    let db = &acme.db;
    sqlx::query("update organizations set rehearsal = true").execute(&db.pool).await.unwrap();
    let address = files().await;
    let with = |url: &str| {
        let path = folder.path().join("card.toml");
        let media = format!("media = {{ kind = \"image\", url = \"{url}\" }}");
        std::fs::write(&path, format!("name = \"card\"\n[[steps]]\n{media}\n")).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let on = |path: &str| format!("http://{address}/{path}");
    for (url, expected) in [
        (on("good.png"), None),
        (on("moved.png"), None),
        (on("large.png"), Some("has 85.8 MB: meta takes image media of at most 5 MB")),
        (on("get.png"), Some("has 85.8 MB: meta takes image media of at most 5 MB")),
        (on("page.png"), Some("is of type text/html; charset=utf-8, which is no image")),
        (on("none.png"), Some("cannot be fetched: the answer is 404")),
        (on("away.png"), Some("leads to an address that is not an address that providers can fetch")),
        (on("round.png"), Some("leads elsewhere again and again")),
        ("http://127.0.0.1:1/a.png".to_owned(), Some("cannot be fetched: the host refused the connection")),
        // A rehearsal asks nobody outside.
        ("https://no-such-host.invalid/a.png".to_owned(), None),
    ] {
        let found = acme.found(&with(&url));
        let of_media = found.iter().find(|(finding, _, _)| finding == "media-1");
        assert_eq!(of_media.is_some(), expected.is_some(), "{url}: {found:?}");
        if let (Some((_, severity, sentence)), Some(expected)) = (of_media, expected) {
            assert_eq!(severity, "risk");
            assert!(sentence.starts_with(&format!("step 1: its image at {url} {expected}")), "{sentence}");
        }
    }
    // It is made all the same, and what is accepted stays so until something else is wrong.
    db.run(&["campaign", "create", &with(&on("none.png"))]).done();
    let accept = ["campaign", "check", "card", "--accept", "media-1", "--why", "it is put there tonight"];
    db.run(&accept).done();
    assert_eq!(db.json(&["campaign", "check", "card"])["open"], 0);
    // Elsewhere every name is asked for.
    sqlx::query("update organizations set rehearsal = false").execute(&db.pool).await.unwrap();
    let nowhere = with("https://no-such-host.invalid/a.png");
    let text = std::fs::read_to_string(&nowhere).unwrap().replace("card", "other");
    std::fs::write(&nowhere, text).unwrap();
    let found = acme.found(&nowhere);
    assert!(found[0].2.contains("no-such-host.invalid"), "{found:?}");
}
