//! What a campaign is judged by before it begins, and what a copy of one is made of.

use crate::support::acme::{Acme, phone};
use serde_json::Value;
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
}
