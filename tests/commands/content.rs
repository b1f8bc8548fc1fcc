//! Templates and media from the command line: checked against the pool before anything is written, listed, previewed.

use crate::support::Db;
use serde_json::{Value, json};
use signalbox::provider::simulator::{Script, Simulator};

const SCRIPT: &str = r#"
[[template]]
provider = "meta"
name = "offer"
language = "en"
body = "Hello {{1}}, {{2}} off"

[[template]]
provider = "meta"
name = "sleeping"
language = "en"
body = "Hello"
status = "PAUSED"
reason = "LOW_QUALITY"

[[template]]
provider = "twilio"
id = "HX000000000000000000000000000000aa"
name = "offer"
language = "en"
body = "Dear {{1}}, {{2}} off"
"#;

const OFFER: &str =
    "template = { name = \"offer\", language = \"en\", parameters = [\"{{name|friend}}\", \"20%\"] }";

struct Place {
    db: Db,
    folder: tempfile::TempDir,
    _simulator: Simulator,
}

impl Place {
    /// An organisation with an account and a number at each of these providers.
    async fn with(providers: &[&str]) -> Self {
        let simulator =
            Simulator::start_on_own_thread(([127, 0, 0, 1], 0).into(), Script::parse(SCRIPT).unwrap())
                .unwrap();
        let db = Db::new().await;
        db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
        db.run(&["pool", "add", "default"]);
        let people = "phone,name,locale\n+237611111111,Ana,en\n+237611111112,,en\n";
        db.run_with(&["contact", "import", "-"], people.as_bytes()).done();
        let base = simulator.base_url();
        for (nth, provider) in providers.iter().enumerate() {
            let id = "AC00000000000000000000000000000001";
            let add = [
                "account",
                "add",
                provider,
                "--provider",
                provider,
                "--external-id",
                id,
                "--token-stdin",
                "--base-url",
                &base,
            ];
            db.run_with(&add, b"token").done();
            let (phone, instance) = (format!("+23760000000{nth}"), format!("{}", nth + 1));
            let mut add = vec!["number", "add", &phone, "--account", provider, "--pool", "default"];
            if *provider != "twilio" {
                add.extend(["--instance-id", &instance]);
            }
            db.run(&add).done();
        }
        Self { db, folder: tempfile::tempdir().unwrap(), _simulator: simulator }
    }

    fn file(&self, steps: &str) -> String {
        let path = self.folder.path().join("campaign.toml");
        std::fs::write(&path, format!("name = \"sale\"\n{steps}")).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// What a check refuses it for.
    fn refused(&self, steps: &str) -> String {
        let run = self.db.run(&["campaign", "check", &self.file(steps)]);
        assert_eq!(run.code, Some(1), "{}", run.stderr);
        run.stderr
    }

    fn notes(&self, steps: &str) -> Vec<String> {
        let checked = self.db.json(&["campaign", "check", &self.file(steps)]);
        let notes = checked["notes"].as_array().unwrap();
        notes.iter().map(|note| note["sentence"].as_str().unwrap().to_owned()).collect()
    }
}

#[tokio::test]
async fn what_no_number_of_the_pool_can_send_is_refused_before_it_exists() {
    let place = Place::with(&["ultramsg"]).await;
    let why =
        place.refused(&format!("[[steps]]\ntext = {{ en = \"Hi\" }}\n[[steps]]\nafter = \"1d\"\n{OFFER}\n"));
    assert!(
        why.contains("campaign.toml:4:1: no number of the pool can send this campaign: step 2: ultramsg (account ultramsg) has no templates, and the step has neither text nor media"),
        "{why}"
    );
    let why = place.refused(
        "[[steps]]\ntext = { en = \"Hi\" }\nmedia = { kind = \"audio\", url = \"https://a.example/b.mp3\" }\n",
    );
    assert!(why.contains("step 1: ultramsg (account ultramsg) takes no caption with audio"), "{why}");
    let run = place.db.run(&["campaign", "create", &place.file(&format!("[[steps]]\n{OFFER}\n"))]);
    assert_eq!(run.code, Some(1));
    assert_eq!(place.db.json(&["campaign", "list"]), json!([]), "nothing was written");
    assert_eq!(
        place.notes(&format!("[[steps]]\ntext = {{ en = \"Hi {{{{name|friend}}}}\" }}\n{OFFER}\n")),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_check_says_which_accounts_take_no_part_and_what_may_go_wrong() {
    let place = Place::with(&["meta", "twilio", "ultramsg"]).await;
    let both = format!("[[steps]]\ntext = {{ en = \"Hi {{{{name|friend}}}}\" }}\n{OFFER}\n");
    assert_eq!(
        place.notes(&both),
        [
            "step 1: meta (account meta) was not asked yet whether it has the template",
            "step 1: twilio (account twilio) has no such template and gets the text instead, which it takes only from people who wrote within the last 24 hours",
        ]
    );
    for account in ["meta", "twilio"] {
        place.db.run(&["account", "templates", account]).done();
    }
    assert_eq!(place.notes(&both), Vec::<String>::new(), "both have it");
    assert_eq!(
        place.notes(&format!("[[steps]]\n{OFFER}\n")),
        [
            "step 1: ultramsg (account ultramsg) has no templates, and the step has neither text nor media: its numbers take no part"
        ]
    );
    let wrong = |name: &str, language: &str, parameters: &str| {
        format!(
            "[[steps]]\ntext = {{ en = \"Hi\" }}\ntemplate = {{ name = \"{name}\", language = \"{language}\"{parameters} }}\n"
        )
    };
    for (steps, words) in [
        (wrong("ofer", "en", ""), "has no template \"ofer\": its numbers"),
        (wrong("offer", "fr", ""), "has template \"offer\" in en, not in fr: its numbers"),
        (
            wrong("offer", "en", ", parameters = [\"a\"]"),
            "wants 2 parameters for template \"offer\", and the step gives 1 parameter: its numbers",
        ),
        (wrong("sleeping", "en", ""), "says that template \"sleeping\" is paused: its numbers"),
    ] {
        let notes = place.notes(&steps);
        assert!(notes.iter().any(|note| note.contains(&format!("meta (account meta) {words}"))), "{notes:?}");
    }
    let video = "[[steps]]\ntext = { en = \"Hi\" }\nmedia = { kind = \"video\", url = \"https://a.example/b.mp4\" }\n";
    let notes = place.notes(video);
    assert!(
        notes.iter().any(|note| note.contains("twilio (account twilio) takes no caption with video")),
        "{notes:?}"
    );
}

#[tokio::test]
async fn templates_are_listed_with_the_campaigns_that_use_them() {
    let place = Place::with(&["meta", "ultramsg"]).await;
    let file = place.file(&format!("[[steps]]\n{OFFER}\n"));
    place.db.run(&["campaign", "create", &file]).done();
    let listing = place.db.json(&["account", "templates", "meta"]);
    assert_eq!((&listing["account"], &listing["provider"]), (&json!("meta"), &json!("meta")));
    let templates = listing["templates"].as_array().unwrap();
    let short = |template: &Value| {
        json!([
            template["name"],
            template["language"],
            template["status"],
            template["parameters"],
            template["campaigns"]
        ])
    };
    assert_eq!(
        templates.iter().map(short).collect::<Vec<_>>(),
        [
            json!(["offer", "en", "approved", ["1", "2"], ["sale"]]),
            json!(["sleeping", "en", "paused", [], []])
        ]
    );
    assert_eq!(templates[1]["reason"], "LOW_QUALITY");
    assert_eq!(
        place.db.json(&["account", "templates", "meta", "--known"])["templates"],
        listing["templates"]
    );
    let run = place.db.run(&["account", "templates", "ultramsg"]);
    assert_eq!(run.code, Some(3), "{}", run.stderr);
    assert!(run.stderr.contains("which has no templates"), "{}", run.stderr);
}

#[tokio::test]
async fn a_preview_shows_what_each_account_would_send() {
    let place = Place::with(&["meta", "twilio", "ultramsg"]).await;
    for account in ["meta", "twilio"] {
        place.db.run(&["account", "templates", account]).done();
    }
    let file = place.file(&format!(
        "[[steps]]\ntext = {{ en = \"Hi {{{{name|friend}}}}\" }}\n{OFFER}\n[[steps]]\nafter = \"1d\"\ntext = {{ en = \"Look, {{{{name}}}}\" }}\n\
         media = {{ kind = \"image\", url = \"https://a.example/b.jpg\" }}\n"
    ));
    place.db.run(&["campaign", "create", &file]).done();
    let shown = place.db.json(&["campaign", "preview", "sale"]);
    let people = shown.as_array().unwrap();
    assert_eq!(people.len(), 1, "who has no name is skipped, since the second step needs one: {shown}");
    let messages = people[0]["messages"].as_array().unwrap();
    let short =
        |message: &Value| json!([message["step"], message["account"], message["kind"], message["text"]]);
    let stop = "Reply STOP to get no more messages.";
    assert_eq!(
        messages.iter().map(short).collect::<Vec<_>>(),
        [
            json!([1, "meta", "template", null]),
            json!([1, "twilio", "template", null]),
            json!([1, "ultramsg", "text", format!("Hi Ana\n\n{stop}")]),
            json!([2, "meta", "image", format!("Look, Ana\n\n{stop}")]),
            json!([2, "twilio", "image", format!("Look, Ana\n\n{stop}")]),
            json!([2, "ultramsg", "image", format!("Look, Ana\n\n{stop}")]),
        ]
    );
    assert_eq!(
        messages[0]["template"],
        json!({"id": "offer", "language": "en", "parameters": ["Ana", "20%"], "header": [], "buttons": []})
    );
    assert_eq!(messages[1]["template"]["id"], "HX000000000000000000000000000000aa");
    assert_eq!(
        messages[3]["media"],
        json!({"kind": "image", "url": "https://a.example/b.jpg", "filename": null})
    );
    let text = place.db.run(&["campaign", "preview", "sale", "--phone", "+237611111111"]).done().stdout;
    assert!(text.contains("step 1  meta (meta): template offer in en with [Ana | 20%]"), "{text}");
    let skipped = place.db.json(&["campaign", "preview", "sale", "--phone", "+237611111112"]);
    assert_eq!((&skipped[0]["state"], &skipped[0]["messages"]), (&json!("skipped"), &json!([])));
    let run = place.db.run(&["campaign", "preview", "sale", "--phone", "+237699999999"]);
    assert_eq!(run.code, Some(1), "{}", run.stderr);
}

#[tokio::test]
async fn why_names_what_no_number_can_send() {
    let place = Place::with(&["meta", "ultramsg"]).await;
    let file = place.file(&format!("[[steps]]\n{OFFER}\n"));
    place.db.run(&["campaign", "create", &file]).done();
    let accept = ["campaign", "check", "sale", "--accept", "unable-1-ultramsg", "--why", "meta is enough"];
    place.db.run(&accept).done();
    place.db.run(&["campaign", "start", "sale"]).done();
    let why = place.db.json(&["campaign", "why", "sale"]);
    let numbers = why["numbers"].as_array().unwrap();
    let gateway = numbers.iter().find(|number| number["takes_part"] == "unable").unwrap();
    assert_eq!(
        (&gateway["phone"], &gateway["hold"]),
        (&json!("+237600000001"), &json!("content_unsendable"))
    );
    sqlx::query(
        "insert into account_templates (organization_id, account_id, provider_id, name, language, status, said, header)
         select organization_id, id, '1', 'offer', 'en', 'disabled', 'DISABLED', 'fixed' from accounts where name = 'meta'",
    )
    .execute(&place.db.pool)
    .await
    .unwrap();
    let why = place.db.json(&["campaign", "why", "sale"]);
    let sentence = why["sentence"].as_str().unwrap();
    let content = why["gates"].as_array().unwrap().iter().find(|gate| gate["name"] == "content").unwrap();
    assert_eq!((&content["open"], &content["hold"]), (&json!(false), &json!("content_unsendable")));
    // No sender runs here, and that comes first.
    assert_eq!(why["hold"], "no_sender", "{sentence}");
    let detail = content["detail"].as_str().unwrap();
    assert!(detail.starts_with("no number can send it: step 1: meta (account meta) says that template \"offer\" is disabled; step 1: ultramsg"), "{detail}");
}

#[tokio::test]
async fn one_text_for_everybody_is_noted_where_a_gateway_sends_it() {
    let steps = |text: &str| format!("[[steps]]\ntext = {{ en = \"{text}\" }}\n");
    let place = Place::with(&["meta", "ultramsg"]).await;
    let same = "step 1 (en) says the very same to everybody: numbers of unofficial gateways (ultramsg)";
    let notes = place.notes(&steps("Come to our shop on Monday"));
    assert!(notes.iter().any(|note| note.contains(same)), "{notes:?}");
    let notes = place.notes(&steps("Come to our shop on Monday, {{name|friend}}"));
    assert!(!notes.iter().any(|note| note.contains("the very same")), "{notes:?}");
}

#[tokio::test]
async fn a_risk_is_told_until_it_is_fixed_or_accepted_with_a_reason() {
    let place = Place::with(&["ultramsg"]).await;
    let db = &place.db;
    let text = |text: &str| place.file(&format!("[[steps]]\ntext = {{ en = \"{text}\" }}\n"));
    let file = text("Come to our shop on Monday");
    let checked = db.json(&["campaign", "check", &file]);
    let note = &checked["notes"][0];
    assert_eq!((&note["finding"], &note["severity"]), (&json!("same-for-all-1-en"), &json!("risk")));
    assert_eq!((&note["accepted"], &checked["open"]), (&Value::Null, &json!(1)));
    db.run(&["campaign", "create", &file]).done();
    let schedule = || db.run(&["campaign", "schedule", "sale", "--at", "2099-01-01T09:00"]).done().stderr;
    let open = "a finding is neither fixed nor accepted: same-for-all-1-en;";
    assert!(schedule().contains(open));

    // One by one, by name, with a reason; nothing that is not there.
    let accept = |finding: &str, why: &str| {
        db.run(&["campaign", "check", "sale", "--accept", finding, "--why", why, "--json"])
    };
    assert_eq!(db.run(&["campaign", "check", "sale", "--accept", "same-for-all-1-en"]).code, Some(2));
    assert_eq!(accept("same-for-all-1-en", " ").code, Some(2));
    accept("same-for-all-2-en", "why")
        .refused(1, "has no finding \"same-for-all-2-en\": it has same-for-all-1-en");
    assert!(schedule().contains(open));
    let accepted = accept("same-for-all-1-en", "it is a notice").done().json();
    assert_eq!(
        (&accepted["open"], &accepted["notes"][0]["accepted"]["reason"]),
        (&json!(0), &json!("it is a notice"))
    );
    assert!(accept("same-for-all-1-en", "again").done().stderr.contains("was accepted before, by "));
    let logged: (String, String, String) = sqlx::query_as(
        "select action, reason, after ->> 'finding' from audit_log where action = 'accept finding'",
    )
    .fetch_one(&db.pool)
    .await
    .unwrap();
    assert_eq!(logged, ("accept finding".into(), "it is a notice".into(), "same-for-all-1-en".into()));
    let shown = db.run(&["campaign", "check", "sale"]).done().stdout;
    assert!(shown.contains("accepted by ") && shown.contains("(it is a notice): step 1 (en)"), "{shown}");

    assert!(!schedule().contains("neither fixed"));

    // It falls with what it is about: other words are another risk, and words about the person are none.
    db.run(&["campaign", "update", "sale", &text("Come to our shop on Tuesday")]).done();
    assert!(schedule().contains(open));
    db.run(&["campaign", "update", "sale", &text("Come on Tuesday, {{name|friend}}")]).done();
    assert_eq!(db.json(&["campaign", "check", "sale"])["open"], 0);
    let started = db.run(&["campaign", "start", "sale"]).done().stderr;
    assert!(!started.contains("neither fixed"), "{started}");
    db.assert_invariants().await;
}

#[tokio::test]
async fn a_risk_that_was_accepted_before_the_campaign_was_made_holds_for_it() {
    let place = Place::with(&["ultramsg"]).await;
    let file = place.file("[[steps]]\ntext = { en = \"Come to our shop on Monday\" }\n");
    let accept = ["campaign", "check", &file, "--accept", "same-for-all-1-en", "--why", "it is a notice"];
    let told = place.db.run(&accept).done().stdout;
    assert!(told.contains("accepted by ") && !told.contains("risk: "), "{told}");
    place.db.run(&["campaign", "create", &file]).done();
    place.db.run(&["campaign", "start", "sale"]).done();
}

#[tokio::test]
async fn the_doctor_says_which_media_no_provider_could_fetch() {
    let place = Place::with(&["ultramsg"]).await;
    let steps = "[[steps]]\nmedia = { kind = \"image\", url = \"http://93.184.216.34/a.jpg\" }\n";
    let checked = || -> Option<(bool, String)> {
        let checks = place.db.run(&["doctor", "--json"]).json();
        let media = checks.as_array().unwrap().iter().find(|check| check["name"] == "media")?;
        Some((media["ok"] == true, format!("{}", media["detail"])))
    };
    assert_eq!(checked(), None, "there are none");
    place.db.run(&["campaign", "create", &place.file(steps)]).done();
    assert_eq!(checked(), Some((true, "\"1 addresses of media lead outside\"".to_owned())));
    for (url, said) in [
        ("http://10.0.0.7/a.jpg", "points at 10.0.0.7, which is no public address"),
        ("https://nowhere.invalid/a.jpg", "nowhere.invalid of campaign sale cannot be"),
    ] {
        sqlx::query("update campaign_steps set media = jsonb_set(media, '{url}', to_jsonb($1::text))")
            .bind(url)
            .execute(&place.db.pool)
            .await
            .unwrap();
        let (ok, detail) = checked().unwrap();
        assert!(!ok && detail.replace("/a.jpg", "").contains(said), "{detail}");
    }
}
