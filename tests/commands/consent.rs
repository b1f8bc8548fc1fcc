//! What people say of messages counts at once, while an import holds their contacts too.

use crate::support::acme::{Acme, phone};
use serde_json::json;
use signalbox::{
    domain::{
        consent::Consent::{self, Start, Stop},
        ids::ReceiptId,
        phone::Phone,
    },
    store::receipt::NewInbound,
};

impl Acme {
    /// As if these people had written at one moment, through the first number.
    async fn hear_at_once(&self, said: &[(usize, Consent)]) {
        let heard: Vec<_> = said
            .iter()
            .map(|(nth, word)| NewInbound {
                account: self.account,
                sender_id: Some("0".to_owned()),
                sender_phone: None,
                phone: Some(phone(*nth)),
                from_id: None,
                profile: None,
                message: ReceiptId::new().0.to_string(),
                kind: "text".to_owned(),
                body: word.name().to_owned(),
                consent: Some(*word),
                answers: None,
                at: None,
                thread: None,
                handled: false,
            })
            .collect();
        self.db.store.hear(self.organization, &heard).await.unwrap();
    }

    /// An import that has given these people another name and has not committed yet.
    async fn importing(&self, people: &[usize], name: &str) -> sqlx::Transaction<'static, sqlx::Postgres> {
        let mut import = self.db.pool.begin().await.unwrap();
        // The connection may be one that has imported before.
        for statement in ["drop table if exists pg_temp.contact_staging", "select stage_contacts()"] {
            sqlx::query(statement).execute(&mut *import).await.unwrap();
        }
        let phones: Vec<_> = people.iter().map(|nth| phone(*nth).reveal().to_owned()).collect();
        sqlx::query(
            "insert into contact_staging (line, phone, name, consent, attributes)
             select nth, phone, $2, true, '{}' from unnest($1::text[]) with ordinality as p (phone, nth)",
        )
        .bind(&phones)
        .bind(name)
        .execute(&mut *import)
        .await
        .unwrap();
        let changed: i64 =
            sqlx::query_scalar("select p_updated from merge_contacts($1, 'people.csv', 'ana', $2, 0, now())")
                .bind(self.organization.0)
                .bind(i64::try_from(people.len()).unwrap())
                .fetch_one(&mut *import)
                .await
                .unwrap();
        assert_eq!(changed, i64::try_from(people.len()).unwrap());
        import
    }

    /// What a contact says of consent, and how it is known.
    async fn consent_of(&self, person: &Phone) -> (Option<bool>, Option<String>) {
        sqlx::query_as("select consent, consent_method from contacts where phone = $1::text")
            .bind(person.reveal())
            .fetch_one(&self.db.pool)
            .await
            .unwrap()
    }

    async fn notes(&self) -> i64 {
        self.db.value("select count(*) from consents_to_settle").await
    }
}

fn says(consent: bool, method: &str) -> (Option<bool>, Option<String>) {
    (Some(consent), Some(method.to_owned()))
}

#[tokio::test]
async fn a_stop_is_heard_while_an_import_holds_the_contact() {
    let acme = Acme::new().await;
    acme.contacts(3).await;
    let campaign = acme.running().await;
    let import = acme.importing(&[0], "Bea").await;
    acme.hear_at_once(&[(1, Stop), (0, Stop)]).await;
    let claimed = acme.claim(0, campaign, 5).await.messages;
    assert_eq!(claimed.iter().map(|message| message.phone.clone()).collect::<Vec<_>>(), [phone(2)]);
    assert_eq!(acme.states(campaign).await, ["skipped", "skipped", "sending"]);
    assert_eq!(acme.consent_of(&phone(1)).await, says(false, "reply"), "whom nobody holds is told at once");
    let (store, organization) = (&acme.db.store, acme.organization);
    assert_eq!(store.settle_consents(organization, 100).await.unwrap(), 0, "it is still held");
    assert_eq!(acme.notes().await, 1);
    import.commit().await.unwrap();
    assert_eq!(acme.consent_of(&phone(0)).await, says(true, "import"), "as the file says");
    assert_eq!(store.settle_consents(organization, 100).await.unwrap(), 1);
    assert_eq!(
        acme.consent_of(&phone(0)).await,
        says(false, "reply"),
        "what the person says is above the file"
    );
    assert_eq!(acme.notes().await, 0);
    let name: String = acme.db.value("select name from contacts order by phone limit 1").await;
    assert_eq!(name, "Bea", "nothing of the import is lost");
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn the_last_word_counts_in_whatever_order_contacts_are_told() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let (store, organization) = (&acme.db.store, acme.organization);
    let settle = async || store.settle_consents(organization, 100).await.unwrap();
    // One says STOP, the other STOP and START, all while an import holds them.
    let import = acme.importing(&[0, 1], "Bea").await;
    acme.hear_at_once(&[(0, Stop), (1, Stop)]).await;
    acme.hear_at_once(&[(1, Start)]).await;
    import.commit().await.unwrap();
    // START comes behind the import and before the note of the STOP is looked at.
    acme.hear_at_once(&[(0, Start)]).await;
    assert_eq!(acme.consent_of(&phone(0)).await, says(true, "reply"));
    assert_eq!(settle().await, 1, "the note of the STOP is outdone");
    assert_eq!(acme.consent_of(&phone(0)).await, says(true, "reply"));
    assert_eq!(acme.consent_of(&phone(1)).await, says(true, "reply"));
    assert_eq!(acme.db.value::<i64>("select count(*) from suppressions").await, 0);

    // A START whose note is still there when the person has said STOP after all.
    let import = acme.importing(&[1], "Zoe").await;
    acme.db.run(&["contact", "opt-out", phone(1).reveal(), "--reason", "enough"]).done();
    acme.hear_at_once(&[(1, Start)]).await;
    acme.db.run(&["contact", "opt-out", phone(1).reveal(), "--reason", "enough"]).done();
    import.commit().await.unwrap();
    assert_eq!(settle().await, 1);
    assert_eq!(acme.consent_of(&phone(1)).await, says(false, "operator"));
    acme.db.assert_invariants().await;
}

impl Acme {
    /// A file that says this of people's consent; answers how many of them it changed.
    fn imports(&self, said: &[(usize, &str)]) -> serde_json::Value {
        let rows = said.iter().map(|(nth, word)| format!("{},{word}\n", phone(*nth).reveal()));
        let file: String = std::iter::once("phone,consent\n".to_owned()).chain(rows).collect();
        let import = ["contact", "import", "-", "--json"];
        self.db.run_with(&import, file.as_bytes()).done().json()["updated"].clone()
    }

    /// Who is suppressed, by phone, and by whose word.
    async fn suppressed(&self) -> Vec<(String, String)> {
        sqlx::query_as("select phone::text, source from suppressions order by phone")
            .fetch_all(&self.db.pool)
            .await
            .unwrap()
    }

    async fn decisions(&self, action: &str) -> i64 {
        sqlx::query_scalar("select count(*) from audit_log where action = $1")
            .bind(action)
            .fetch_one(&self.db.pool)
            .await
            .unwrap()
    }
}

fn by(nth: usize, source: &str) -> (String, String) {
    (phone(nth).reveal().to_owned(), source.to_owned())
}

#[tokio::test]
async fn an_opt_out_by_import_is_heeded_by_the_next_claim() {
    let acme = Acme::new().await;
    acme.contacts(4).await;
    let campaign = acme.running().await;
    // Of one of them somebody holds the row: that does not keep the file waiting.
    let mut recording = acme.db.pool.begin().await.unwrap();
    sqlx::query("select from campaign_recipients where phone = $1::text for update")
        .bind(phone(1).reveal())
        .execute(&mut *recording)
        .await
        .unwrap();
    assert_eq!(acme.imports(&[(0, "no"), (1, "no"), (2, "yes")]), 3);
    assert_eq!(acme.suppressed().await, [by(0, "import")]);
    assert_eq!(acme.consent_of(&phone(0)).await, says(false, "import"));
    assert_eq!(acme.states(campaign).await, ["skipped", "queued", "queued", "queued"]);
    recording.commit().await.unwrap();
    acme.db.store.end_stranded(acme.organization).await.unwrap();
    assert_eq!(acme.suppressed().await, [by(0, "import"), by(1, "import")]);
    let claimed = acme.claim(0, campaign, 5).await.messages;
    assert_eq!(claimed.iter().map(|message| message.phone.clone()).collect::<Vec<_>>(), [phone(2), phone(3)]);
    let reasons: Vec<String> =
        sqlx::query_scalar("select distinct reason from campaign_recipients where state = 'skipped'")
            .fetch_all(&acme.db.pool)
            .await
            .unwrap();
    assert_eq!(reasons, ["opted_out"]);
    assert_eq!(acme.decisions("opt out").await, 2);
    acme.db.assert_invariants().await;

    assert_eq!(acme.imports(&[(0, "no"), (1, "no"), (2, "yes")]), 0, "the same file changes nothing");
    // Another file takes back what this one said: nobody else has said it.
    assert_eq!(acme.imports(&[(0, "yes")]), 1);
    assert_eq!(acme.consent_of(&phone(0)).await, says(true, "import"));
    assert_eq!(acme.suppressed().await, [by(1, "import")]);
    assert_eq!(acme.decisions("opt in").await, 1);
    assert_eq!(acme.states(campaign).await[0], "skipped", "what was skipped stays skipped");
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_file_never_undoes_what_a_person_said() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let file = [(0, "yes"), (1, "yes")];
    assert_eq!(acme.imports(&file), 2);
    acme.hear_at_once(&[(0, Stop)]).await;
    assert_eq!(acme.imports(&file), 0);
    assert_eq!(acme.consent_of(&phone(0)).await, says(false, "reply"));
    assert_eq!(acme.suppressed().await, [by(0, "reply")]);
    // Nobody knew the person yet who said it.
    acme.db.run(&["contact", "opt-out", phone(7).reveal(), "--reason", "called us"]).done();
    acme.imports(&[(7, "yes")]);
    assert_eq!(acme.consent_of(&phone(7)).await, says(false, "operator"));
    // A START is above an earlier file; the no of a later one always counts.
    acme.hear_at_once(&[(0, Start)]).await;
    assert_eq!(acme.imports(&[(0, "no")]), 1);
    assert_eq!(acme.consent_of(&phone(0)).await, says(false, "import"));
    assert_eq!(acme.suppressed().await, [by(0, "import"), by(7, "operator")]);
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_stop_counts_of_whom_a_rule_had_suppressed() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    let by_rule = async || {
        sqlx::query("select suppress($1, $2, 'rule', 'never answers')")
            .bind(acme.organization.0)
            .bind(phone(0).reveal())
            .execute(&acme.db.pool)
            .await
            .unwrap();
    };
    by_rule().await;
    assert_eq!(acme.suppressed().await, [by(0, "rule")]);
    acme.hear_at_once(&[(0, Stop)]).await;
    assert_eq!(acme.suppressed().await, [by(0, "reply")]);
    assert_eq!(acme.consent_of(&phone(0)).await, says(false, "reply"));
    assert_eq!(acme.decisions("opt out").await, 2, "the rule, and the person");
    by_rule().await;
    assert_eq!(acme.suppressed().await, [by(0, "reply")], "a rule is below it");
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn who_is_new_with_a_no_gets_no_campaign_and_is_on_no_list() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let run = |said: &[(usize, &str)], flags: &[&str]| {
        let rows: Vec<String> =
            said.iter().map(|(nth, word)| format!("{},{word}\n", phone(*nth).reveal())).collect();
        let rows = rows.concat();
        let import = [["contact", "import", "-"].as_slice(), flags].concat();
        acme.db.run_with(&import, format!("phone,consent\n{rows}").as_bytes()).done()
    };
    // Two are new, one of them with a no; one is known and takes back what was never asked.
    let said = run(&[(0, "no"), (7, "no"), (8, "yes")], &[]);
    assert!(said.stdout.contains("1 new person did not agree: no campaign writes to them"), "{said:?}");
    assert!(said.stdout.contains("1 known person opted out, as by a STOP"), "{said:?}");
    assert_eq!(acme.suppressed().await, [by(0, "import")]);
    assert_eq!(acme.consent_of(&phone(7)).await, says(false, "import"));
    let again = run(&[(0, "no"), (7, "no"), (8, "yes")], &["--json"]).json();
    assert_eq!((&again["no_consent"], &again["opted_out"]), (&json!(0), &json!(0)), "{again}");
    // Who had said STOP is no new no of the file.
    acme.db.run(&["contact", "opt-out", phone(9).reveal(), "--reason", "called us"]).done();
    let counts = run(&[(9, "yes"), (10, "no"), (11, "no"), (1, "no")], &["--json"]).json();
    assert_eq!((&counts["no_consent"], &counts["opted_out"]), (&json!(2), &json!(1)), "{counts}");
    let campaign = acme.running().await;
    let claimed = acme.claim(0, campaign, 20).await.messages;
    assert_eq!(claimed.iter().map(|message| message.phone.clone()).collect::<Vec<_>>(), [phone(8)]);
    let left: Vec<(String, i64)> = sqlx::query_as(
        "select reason, count(*) from campaign_recipients where state = 'skipped' group by reason order by reason",
    )
    .fetch_all(&acme.db.pool)
    .await
    .unwrap();
    assert_eq!(left, [("no_consent".to_owned(), 3), ("opted_out".to_owned(), 3)]);
    // A yes of a later file is all that they need.
    run(&[(7, "yes")], &[]);
    assert_eq!(acme.consent_of(&phone(7)).await, says(true, "import"));
    acme.db.assert_invariants().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_yes_behind_a_no_counts_while_the_no_is_still_being_heeded() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    // A no was noted, and somebody is suppressing that person at this moment.
    assert_eq!(acme.imports(&[(0, "no")]), 1);
    sqlx::query(
        "with lifted as (delete from suppressions returning organization_id, phone)
         insert into opt_outs_to_heed select organization_id, phone, 'a.csv', 'ana' from lifted",
    )
    .execute(&acme.db.pool)
    .await
    .unwrap();
    let mut heeding = acme.db.pool.begin().await.unwrap();
    sqlx::query("select heed_imported($1, '', 500)")
        .bind(acme.organization.0)
        .execute(&mut *heeding)
        .await
        .unwrap();
    std::thread::scope(|scope| {
        let import = scope.spawn(|| acme.imports(&[(0, "yes")]));
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                acme.db.until_somebody_waits().await;
                heeding.commit().await.unwrap();
            });
        });
        assert_eq!(import.join().unwrap(), 1);
    });
    assert_eq!(acme.consent_of(&phone(0)).await, says(true, "import"));
    assert!(acme.suppressed().await.is_empty());
    assert_eq!(acme.db.value::<i64>("select count(*) from opt_outs_to_heed").await, 0);
}

/// A long file opts people out in pieces, each a transaction of its own: what is done stands while the rest waits, and the
/// sums of the campaign are free.
#[tokio::test(flavor = "multi_thread")]
async fn a_long_file_opts_people_out_piece_by_piece() {
    const PEOPLE: usize = 1_200;
    let acme = Acme::new().await;
    acme.contacts(i32::try_from(PEOPLE).unwrap()).await;
    let campaign = acme.running().await;
    // Every backend adds to a shard of its own; whoever comes later may have the same.
    sqlx::query(
        "insert into campaign_counts (organization_id, campaign_id, shard, planned, queued, sending, accepted, delivered, read,
                                      failed, in_doubt, skipped, opted_out, sent, fresh)
         select $1, $2, n, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 from generate_series(0, 15) n on conflict do nothing",
    )
    .bind(acme.organization.0)
    .bind(campaign.0)
    .execute(&acme.db.pool)
    .await
    .unwrap();
    // Somebody else is about to suppress the last one of them: the piece with them waits.
    let last = phone(PEOPLE - 1);
    let mut other = acme.db.pool.begin().await.unwrap();
    sqlx::query(
        "insert into suppressions (organization_id, phone, since, source, reason)
         values ($1, $2::text, clock_timestamp(), 'operator', 'asked')",
    )
    .bind(acme.organization.0)
    .bind(last.reveal())
    .execute(&mut *other)
    .await
    .unwrap();
    let rows: Vec<String> = (0..PEOPLE).map(|nth| format!("{},no\n", phone(nth).reveal())).collect();
    let rows = rows.concat();
    let suppressed = "select count(*) from suppressions";
    std::thread::scope(|scope| {
        let import = scope.spawn(|| {
            acme.db
                .run_with(&["contact", "import", "-", "--json"], format!("phone,consent\n{rows}").as_bytes())
        });
        tokio::task::block_in_place(|| {
            tokio::runtime::Handle::current().block_on(async {
                acme.db.until_somebody_waits().await;
                assert_eq!(acme.db.value::<i64>(suppressed).await, 1_000, "two pieces are done");
                // The third one holds the shard of its backend, and no other one is held for the file.
                let free: i64 = acme
                    .db
                    .value(
                        "select count(*) from (select from campaign_counts order by shard for update skip locked) free",
                    )
                    .await;
                assert_eq!(free, 15);
                let sum: i64 = acme.db.value("select sum(opted_out)::bigint from campaign_counts").await;
                assert_eq!(sum, 1_000);
                other.commit().await.unwrap();
            });
        });
        let counts = import.join().unwrap().done().json();
        assert_eq!(counts["opted_out"], json!(PEOPLE));
    });
    assert_eq!(acme.db.value::<i64>(suppressed).await, i64::try_from(PEOPLE).unwrap());
    assert_eq!(acme.db.value::<i64>("select count(*) from opt_outs_to_heed").await, 0);
    acme.db.assert_invariants().await;
}

/// What a file says of consent, with how and when; nothing of it is above what is known already, or what a person said.
#[tokio::test]
async fn how_and_when_the_people_of_a_file_agreed_is_kept() {
    let acme = Acme::new().await;
    acme.contacts(5).await;
    let db = &acme.db;
    let given = async || -> Vec<(Option<bool>, Option<String>, Option<String>)> {
        sqlx::query_as(
            "select consent, consent_method, case when consent_at > now() - interval '1 hour' then 'now'
                                                  else to_char(consent_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI') end
               from contacts order by phone",
        )
        .fetch_all(&db.pool)
        .await
        .unwrap()
    };
    let known =
        |consent, method: &str, at: &str| (Some(consent), Some(method.to_owned()), Some(at.to_owned()));
    acme.imports(&[(0, "yes"), (1, "no")]);
    acme.hear_at_once(&[(2, Stop)]).await;
    assert_eq!(acme.suppressed().await, [by(1, "import"), by(2, "reply")]);
    let file: String = (0..7).fold("phone,consent\n".to_owned(), |file, nth| {
        let said = ["yes", "yes", "yes", "yes", "", "yes", "no"][nth];
        file + &format!("{},{said}\n", phone(nth).reveal())
    });
    let import = ["contact", "import", "-", "--consent-method", "paper form", "--consent-at", "2026-03-14"];
    db.run_with(&import, file.as_bytes()).done();
    let then = "2026-03-13 23:00";
    let all = [
        known(true, "import", "now"),
        known(true, "paper form", then),
        known(false, "reply", "now"),
        known(true, "paper form", then),
        (None, None, None),
        known(true, "paper form", then),
        known(false, "import", "now"),
    ];
    assert_eq!(given().await, all);
    assert_eq!(acme.suppressed().await, [by(2, "reply")], "what an earlier file said is undone");
    let again = db.run_with(&[&import[..], &["--json"]].concat(), file.as_bytes()).done().json();
    assert_eq!((&again["accepted"], &again["updated"]), (&json!(0), &json!(0)), "{again}");
    assert_eq!(given().await, all);
    let told: serde_json::Value = db
        .value("select after from audit_log where action = 'import contacts' order by at desc limit 1")
        .await;
    assert_eq!(told["consent_method"], "paper form", "{told}");
    assert_eq!(db.json(&["contact", "show", phone(5).reveal()])["consent_method"], "paper form");

    let refused = |flags: &[&str], says: &str| {
        let run = db.run_with(&[&["contact", "import", "-"], flags].concat(), file.as_bytes());
        run.refused(2, says);
    };
    refused(&["--consent-at", "2999-01-01"], "it is still to come");
    refused(&["--consent-at", "lately"], "a day is written 2026-12-01");
    refused(&["--consent-method", "operator"], "say how these people agreed");
    db.assert_invariants().await;
}

/// What a provider said of a person is heeded, whatever way to agree a file names.
#[tokio::test]
async fn no_file_outdoes_a_providers_word() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let campaign = acme.running().await;
    let attempt = acme.claim(0, campaign, 1).await.messages[0].attempt;
    acme.settle(attempt, "rejected", "fail").await;
    sqlx::query("update attempts set class = 'opted_out'").execute(&acme.db.pool).await.unwrap();
    let file = format!("phone,consent\n{},yes\n", phone(0).reveal());
    acme.db.run_with(&["contact", "import", "-", "--consent-method", "web form"], file.as_bytes()).done();
    assert_eq!(acme.consent_of(&phone(0)).await, says(true, "web form"));
    let heeded: i32 = acme.db.value("select heed_opt_outs(id) from organizations").await;
    assert_eq!((heeded, acme.suppressed().await), (1, vec![by(0, "provider")]));
    assert_eq!(acme.consent_of(&phone(0)).await, says(false, "provider"));
}
