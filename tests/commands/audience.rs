//! Who is in an audience and who is left out: the database beside the model, what is promised beside what is done.

use crate::support::{
    Db,
    acme::{ANA, Acme, HELLO, phone},
};
use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde_json::{Value, json};
use signalbox::{
    domain::{
        action::Action,
        audience::{AgeRange, Asked, Audience, ConsentRule, ContactFacts, DateRange, Gender},
        campaign::{Delay, required::Needs},
        ids::CampaignId,
        phone::Phone,
    },
    store::audience::Terms,
};
use std::{collections::BTreeMap, time::Duration};

/// `SplitMix64`: the same worlds on every machine.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % bound
    }

    fn once_in(&mut self, times: u64) -> bool {
        self.below(times) == 0
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[usize::try_from(self.below(choices.len() as u64)).unwrap()].clone()
    }
}

/// Half an hour into the last day of February in Douala, which London has not begun; the year has no 29th.
fn now() -> DateTime<Utc> {
    "2027-02-27T23:30:00Z".parse().unwrap()
}

/// A contact as the model sees it.
#[derive(Debug)]
struct Person {
    phone: Phone,
    name: Option<&'static str>,
    country: Option<&'static str>,
    gender: Option<&'static str>,
    profession: Option<&'static str>,
    birth_date: Option<NaiveDate>,
    registered_at: Option<DateTime<Utc>>,
    attributes: BTreeMap<String, String>,
    tags: Vec<String>,
    consent: Option<bool>,
    suppressed_by: Option<&'static str>,
    is_active_elsewhere: bool,
    last_sent_at: Option<DateTime<Utc>>,
}

impl Person {
    fn random(nth: usize, chance: &mut Chance) -> Self {
        let born = ["2000-02-28", "2000-02-29", "2000-03-01", "1962-02-28", "2009-03-01", "2027-03-01"];
        let registered =
            ["2024-04-30T22:59:59Z", "2024-04-30T23:00:00Z", "2024-05-31T22:59:59Z", "2024-06-01T00:00:00Z"];
        let sent = [now() - TimeDelta::hours(72), now() - TimeDelta::hours(71), now() - TimeDelta::days(30)];
        let mut attributes = BTreeMap::new();
        for (key, values) in [("tier", ["premium", "basic", "Premium"]), ("City", ["Douala", "", "Yaoundé"])]
        {
            if !chance.once_in(3) {
                attributes.insert(key.to_owned(), chance.pick(&values).to_owned());
            }
        }
        Self {
            phone: phone(nth),
            name: chance.pick(&[Some("Ana"), Some("Bo"), Some(" "), None]),
            country: chance.pick(&[Some("CM"), Some("NG"), None]),
            gender: chance.pick(&[Some("female"), Some("male"), Some("non-binary"), None]),
            profession: chance.pick(&[Some("nurse"), Some("Nurse"), None]),
            birth_date: (!chance.once_in(4)).then(|| chance.pick(&born).parse().unwrap()),
            registered_at: (!chance.once_in(4)).then(|| chance.pick(&registered).parse().unwrap()),
            attributes,
            tags: chance.pick(&[vec![], vec!["vip".to_owned()], vec!["new".to_owned(), "vip".to_owned()]]),
            consent: chance.pick(&[Some(true), Some(true), None, None, Some(false)]),
            suppressed_by: chance.pick(&[None, None, None, None, None, Some("operator"), Some("rule")]),
            is_active_elsewhere: chance.once_in(4),
            last_sent_at: chance.once_in(2).then(|| chance.pick(&sent)),
        }
    }

    fn facts(&self) -> ContactFacts<'_> {
        ContactFacts {
            phone: &self.phone,
            country: self.country,
            gender: self.gender,
            profession: self.profession,
            birth_date: self.birth_date,
            registered_at: self.registered_at,
            attributes: &self.attributes,
            tags: &self.tags,
            is_suppressed: self.suppressed_by == Some("rule"),
            opted_out: self.suppressed_by.is_some(),
            consent: self.consent,
            missing: self.name.is_none_or(|name| name.trim().is_empty()).then_some("name"),
            is_active_elsewhere: self.is_active_elsewhere,
            last_sent_at: self.last_sent_at,
        }
    }
}

fn random_audience(chance: &mut Chance, people: &[Person]) -> Audience {
    let mut audience = Audience::default();
    let strings = |values: &[&str]| values.iter().map(|value| (*value).to_owned()).collect::<Vec<_>>();
    if chance.once_in(4) {
        audience.countries = vec!["CM".parse().unwrap(), "TD".parse().unwrap()];
    }
    if chance.once_in(4) {
        audience.gender = Some(chance.pick(&[Gender::Female, Gender::Male, Gender::Other]));
    }
    if chance.once_in(5) {
        audience.professions = strings(&["midwife", "nurse"]);
    }
    if chance.once_in(4) {
        // Who was born on the 28th is 27, who was born on the 29th is not.
        let (min, max) =
            chance.pick(&[(Some(27), None), (None, Some(26)), (Some(26), Some(27)), (Some(0), Some(18))]);
        audience.age = Some(AgeRange { min, max });
    }
    if chance.once_in(4) {
        let date = |text: &str| Some(text.parse().unwrap());
        let (from, to) = chance.pick(&[("2024-05-01", "2024-05-31"), ("2024-04-01", "2024-04-30")]);
        audience.registered =
            Some(DateRange { from: if chance.once_in(3) { None } else { date(from) }, to: date(to) });
    }
    if chance.once_in(4) {
        audience.tags = strings(&["paid", "vip"]);
    }
    if chance.once_in(4) {
        audience.attributes.insert("tier".to_owned(), strings(&["premium"]));
        audience.attributes.insert("City".to_owned(), strings(&["Douala", ""]));
    }
    if chance.once_in(6) {
        audience.phones = people.iter().step_by(3).map(|person| person.phone.clone()).collect();
    }
    audience.consent = chance.once_in(4).then_some(ConsentRule::OptedIn);
    audience.exclude_active = chance.once_in(3);
    audience.not_contacted_for = chance.once_in(3).then(|| Delay::parse("72h").unwrap());
    audience.limit = chance.once_in(4).then(|| u32::try_from(chance.below(12) + 1).unwrap());
    audience
}

/// What the model says of everybody, in the order of the contacts.
fn by_the_model(audience: &Audience, people: &[Person]) -> Vec<Option<String>> {
    let asked = Asked { at: now(), zone: chrono_tz::Africa::Douala };
    let mut sent = 0;
    let mut answers = Vec::new();
    for person in people {
        let found = audience.matches(&person.facts(), asked).err();
        let is_full = audience.limit.is_some_and(|limit| sent >= limit);
        answers.push(match found {
            Some(exclusion) if !is_full || exclusion.is_condition() => Some(exclusion.recorded()),
            _ if is_full => Some("over_limit".to_owned()),
            _ => {
                sent += 1;
                None
            }
        });
    }
    answers
}

/// Writes the people, and another campaign in which some of them wait.
async fn write(acme: &Acme, people: &[Person]) {
    let other = acme.campaign("name = \"other\"\n[[steps]]\ntext = { en = \"Hi\" }\n").await;
    for (nth, person) in people.iter().enumerate() {
        sqlx::query(
            "with person as (
                 insert into contacts (organization_id, id, phone, name, country, gender, profession, birth_date,
                                       registered_at, attributes, tags, consent, consent_at, last_campaign_sent_at)
                 values ($1, ordered_uuid(1, 1, $2), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12,
                         case when $12 is not null then now() end, $13)
             ), waits as (
                 insert into campaign_recipients (organization_id, campaign_id, id, contact_id, phone)
                 select $1, $14, ordered_uuid(2, 2, $2), ordered_uuid(1, 1, $2), $3 where $15
             )
             insert into suppressions (organization_id, phone, source, reason)
             select $1, $3, $16, 'a test' where $16 is not null",
        )
        .bind(acme.organization.0)
        .bind(i64::try_from(nth).unwrap())
        .bind(person.phone.reveal())
        .bind(person.name)
        .bind(person.country)
        .bind(person.gender)
        .bind(person.profession)
        .bind(person.birth_date)
        .bind(person.registered_at)
        .bind(json!(person.attributes))
        .bind(&person.tags)
        .bind(person.consent)
        .bind(person.last_sent_at)
        .bind(other.0)
        .bind(person.is_active_elsewhere)
        .bind(person.suppressed_by)
        .execute(&acme.db.pool)
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn the_database_answers_as_the_model_does() {
    let acme = Acme::with_numbers(&[]).await;
    let mut chance = Chance(41);
    let people: Vec<Person> = (0..150).map(|nth| Person::random(nth, &mut chance)).collect();
    write(&acme, &people).await;
    let required = json!({ "": ["name"], "fr": [] });
    let mut reasons = BTreeMap::<String, u32>::new();
    for round in 0..150 {
        let audience = random_audience(&mut chance, &people);
        let found: Vec<Option<String>> = sqlx::query_scalar(
            "select a.reason from audience_of($1, null, $2, $3, $4, last_within_limit($1, null, $2, $3, $4)) a
              order by a.contact_id",
        )
        .bind(acme.organization.0)
        .bind(json!(audience))
        .bind(&required)
        .bind(now())
        .fetch_all(&acme.db.pool)
        .await
        .unwrap();
        let expected = by_the_model(&audience, &people);
        for (person, (found, expected)) in people.iter().zip(found.iter().zip(&expected)) {
            assert_eq!(found, expected, "round {round}: {audience:#?} {person:#?}");
        }
        assert_eq!(found.len(), expected.len());
        let codes = found.into_iter().map(|reason| reason.unwrap_or_else(|| "sent to".to_owned()));
        codes.for_each(|code| *reasons.entry(code).or_default() += 1);
    }
    assert_eq!(reasons.len(), 17, "every reason was met: {reasons:?}");
}

const PEOPLE: &str = "phone,name,country,gender,consent,tier
+237611111111,Ana,CM,f,yes,premium
+237611111112,,CM,f,yes,premium
+237611111113,Cho,NG,f,yes,premium
+237611111114,Dan,CM,m,yes,premium
+237611111115,Eve,CM,f,no,premium
+237611111116,Fay,CM,f,,premium
+237611111117,Gil,CM,f,yes,premium
+237611111118,Hope,CM,f,yes,premium
";

const FILE: &str = "name = \"spring\"
[audience]
countries = [\"CM\"]
gender = \"female\"
attributes = { tier = [\"premium\"] }
consent = \"opted_in\"
limit = 2
[[steps]]
text = { en = \"Hello {{name}}\" }
";

struct Place {
    db: Db,
    folder: tempfile::TempDir,
}

impl Place {
    async fn new() -> Self {
        let db = Db::new().await;
        db.run(&["org", "add", "acme", "--name", "Acme", "--timezone", "Africa/Douala"]).done();
        db.run_with(&["contact", "import", "-"], PEOPLE.as_bytes()).done();
        Self { db, folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, text: &str) -> String {
        let path = self.folder.path().join("campaign.toml");
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

#[tokio::test]
async fn what_is_estimated_is_what_is_made_and_whoever_is_skipped_can_be_taken_back() {
    let place = Place::new().await;
    let (db, file) = (&place.db, place.file(FILE));
    let before = db.fingerprint().await;
    let estimate = db.json(&["campaign", "estimate", &file]);
    let expected = json!({
        "name": "spring", "contacts": 8, "planned": 5, "queued": 2,
        "skipped": {"missing_variable: name": 1, "no_consent": 2}, "over_limit": 1,
        "not_in_audience": {"other_country": 1, "other_gender": 1},
    });
    assert_eq!(estimate, expected);
    let why = |phone: &str, campaign: &str| db.json(&["contact", "why", phone, "--campaign", campaign]);
    let said = |answer: &Value| (answer["reason"].clone(), answer["sentence"].clone());
    for (phone, reason, sentence) in [
        ("+237611111113", json!("other_country"), "not enrolled: country is NG, not CM"),
        ("+237611111114", json!("other_gender"), "not enrolled: gender is male, not female"),
        ("+237611111116", json!("no_consent"), "not enrolled: has no consent on record"),
        (
            "+237611111118",
            json!("over_limit"),
            "not enrolled: as many people as the audience takes came before",
        ),
        ("+237611111117", Value::Null, "nothing stands against it: would be enrolled"),
    ] {
        assert_eq!(said(&why(phone, &file)), (reason, json!(sentence)), "{phone}");
    }
    db.run(&["contact", "why", "+237699999999", "--campaign", &file]).refused(1, "is no contact of acme");
    db.run(&["campaign", "estimate", "nowhere.toml"]).refused(1, "there is no such file");
    db.run(&["campaign", "estimate", "nowhere"]).refused(1, "there is no campaign \"nowhere\"");
    assert_eq!(db.fingerprint().await, before, "questions write nothing");

    let created = db.json(&["campaign", "create", &file]);
    assert_eq!(
        (&created["planned"], &created["queued"], &created["skipped"]),
        (&estimate["planned"], &estimate["queued"], &json!(3))
    );
    assert_eq!(db.json(&["campaign", "estimate", "spring"]), expected, "its own people are not in its way");
    assert_eq!(why("+237611111113", "spring")["reason"], "other_country");
    assert_eq!(why("+237611111115", "spring")["reason"], "no_consent", "enrolled and skipped");

    let register = || db.json(&["campaign", "skipped", "spring"]);
    let listed: Vec<Value> =
        register().as_array().unwrap().iter().map(|line| json!([line["phone"], line["reason"]])).collect();
    assert_eq!(
        listed,
        [
            json!(["+237611111112", "missing_variable: name"]),
            json!(["+237611111115", "no_consent"]),
            json!(["+237611111116", "no_consent"]),
        ]
    );
    let csv =
        db.run(&["campaign", "skipped", "spring", "--reason", "no_consent", "--csv", "-"]).done().stdout;
    assert_eq!(csv.lines().count(), 3, "{csv}");
    // Two are in it, and two more are to come.
    sqlx::query("update campaigns set audience = audience || '{\"limit\": 4}'")
        .execute(&db.pool)
        .await
        .unwrap();
    take_back(db);
    assert_eq!(register().as_array().unwrap().len(), 1);
    let parameters: Value = db
        .value(
            "select p.parameters from recipient_parameters p join campaign_recipients r on r.id = p.recipient_id
              where r.phone = '+237611111112'",
        )
        .await;
    assert_eq!(parameters, json!({ "name": "Bea" }), "what it says is frozen when the person is taken back");
    db.assert_invariants().await;
    db.run(&["campaign", "cancel", "spring"]).done();
    db.run(&["campaign", "reinclude", "spring", "--phone", "+237611111115"])
        .refused(3, "spring is cancelled");
}

/// The name of one comes in, another one opts in, the third opts out.
fn take_back(db: &Db) {
    let missing = ["campaign", "reinclude", "spring", "--reason", "missing_variable"];
    assert_eq!(db.json(&missing), json!({"included": 0, "kept": 1}), "the name is still missing");
    db.run_with(&["contact", "import", "-"], b"phone,name\n+237611111112,Bea\n").done();
    assert_eq!(db.json(&missing), json!({"included": 1, "kept": 0}));
    assert_eq!(db.json(&missing), json!({"included": 0, "kept": 0}), "nobody is left");
    db.run(&["contact", "opt-in", "+237611111116"]).done();
    db.run(&["contact", "opt-out", "+237611111115"]).done();
    assert_eq!(
        db.json(&["campaign", "reinclude", "spring", "--reason", "no_consent"]),
        json!({"included": 1, "kept": 1})
    );
    db.run(&["campaign", "reinclude", "spring", "--phone", "+237611111115"]).refused(3, "opted out");
    db.run(&["campaign", "reinclude", "spring"]).refused(2, "--reason");
}

/// No more come back than the audience takes: those who left it skipped make room, and others do not.
#[tokio::test]
async fn no_more_are_taken_back_than_the_limit_leaves_room_for() {
    let place = Place::new().await;
    let db = &place.db;
    let created = db.json(&["campaign", "create", &place.file(FILE)]);
    assert_eq!((&created["queued"], &created["skipped"]), (&json!(2), &json!(3)));
    db.run_with(&["contact", "import", "-"], b"phone,name\n+237611111112,Bea\n").done();
    for phone in ["+237611111115", "+237611111116"] {
        db.run(&["contact", "opt-in", phone]).done();
    }
    let taken = ["campaign", "reinclude", "spring", "--reason", "no_consent"];
    assert_eq!(db.json(&taken), json!({"included": 0, "kept": 2}));
    let said = db.run(&taken).done().stdout;
    assert!(said.contains("2 stay skipped, because the audience takes no more people"), "{said}");
    let one = ["campaign", "reinclude", "spring", "--phone", "+237611111112"];
    db.run(&one).refused(3, "as many people as the audience takes are in it");
    db.run(&["campaign", "remove", "spring", "+237611111111", "--reason", "moved away"]).done();
    assert_eq!(db.json(&taken), json!({"included": 1, "kept": 1}));
    assert_eq!(db.json(&["campaign", "stats", "spring"])["queued"], 2);
    db.assert_invariants().await;
}

/// Whoever was too late gave up their place: trying them again keeps to the limit as taking people back does.
#[tokio::test]
async fn no_more_of_those_who_were_too_late_are_tried_again_than_the_limit_leaves_room_for() {
    let acme = Acme::new().await;
    acme.contacts(4).await;
    let campaign =
        acme.campaign("name = \"late\"\n[audience]\nlimit = 4\n[[steps]]\ntext = { en = \"Hi\" }\n").await;
    let expire = "update campaign_recipients set state = 'skipped', attention = 'skipped', reason = 'expired', due_at = null
                   where campaign_id = $1 and phone in ('+237600000000', '+237600000001', '+237600000002')";
    sqlx::query(expire).bind(campaign.0).execute(&acme.db.pool).await.unwrap();
    sqlx::query("update campaigns set audience = audience || '{\"limit\": 2}'")
        .execute(&acme.db.pool)
        .await
        .unwrap();
    let dry = acme.db.json(&["campaign", "retry", "late", "--scope", "expired", "--dry-run"]);
    let told = json!({ "over_limit": 2 });
    assert_eq!((&dry["retried"], &dry["reasons"]), (&json!(1), &told));
    let done = acme.db.json(&["campaign", "retry", "late", "--scope", "expired"]);
    assert_eq!((&done["retried"], &done["reasons"]), (&json!(1), &told));
    let again = acme.db.run(&["campaign", "retry", "late", "--scope", "expired"]);
    again.refused(3, "2 find no room: the audience takes no more people");
    let queued: Vec<String> =
        sqlx::query_scalar("select phone::text from campaign_recipients where state = 'queued' order by id")
            .fetch_all(&acme.db.pool)
            .await
            .unwrap();
    assert_eq!(queued, [phone(0).reveal(), phone(3).reveal()], "in the order of their enrolment");
    acme.db.assert_invariants().await;
}

/// A limit behind more people than are looked at in one go.
#[tokio::test]
async fn a_large_limit_is_found_piece_by_piece() {
    let acme = Acme::new().await;
    sqlx::query(
        "insert into contacts (organization_id, id, phone, consent, consent_at)
         select $1, ordered_uuid(1, 1, n), '+2375' || lpad(n::text, 8, '0'), n % 10 <> 0, now()
           from generate_series(1, 25000) n",
    )
    .bind(acme.organization.0)
    .execute(&acme.db.pool)
    .await
    .unwrap();
    for (limit, queued, over) in
        [(17_000, 17_000, 6_112), (18_001, 18_001, 4_999), (22_500, 22_500, 1), (30_000, 22_500, 0)]
    {
        let audience = json!({ "limit": limit });
        let counted = acme.db.store.estimate(acme.organization, &terms(None, audience)).await.unwrap();
        assert_eq!((counted.queued, counted.over_limit, counted.contacts), (queued, over, 25_000), "{limit}");
    }
}

/// An audience as the store asks about it, of a campaign whose texts need nothing.
fn terms(campaign: Option<CampaignId>, audience: Value) -> Terms {
    Terms { campaign, audience, needs: Needs { variables: Vec::new(), required: json!({ "": [] }) } }
}

#[tokio::test]
async fn who_was_sent_to_lately_is_known_before_and_after_the_contacts_know_it() {
    let acme = Acme::new().await;
    acme.contacts(6).await;
    let store = &acme.db.store;
    let first = acme.running().await;
    let messages = acme.claim(0, first, 4).await.messages;
    acme.settle(messages[0].attempt, "accepted", "advance").await;
    acme.settle(messages[1].attempt, "accepted", "advance").await;
    acme.settle(messages[2].attempt, "rejected", "fail").await;
    // The fourth is still on the wire: it may arrive, so it counts; the last two wait.
    let audience = json!({ "exclude_active": true, "not_contacted_for": "1h" });
    let estimate = async || store.estimate(acme.organization, &terms(None, audience.clone())).await.unwrap();
    let before = estimate().await;
    let reasons = BTreeMap::from([("active_elsewhere".to_owned(), 3), ("contacted_lately".to_owned(), 2)]);
    assert_eq!((before.queued, &before.skipped), (1, &reasons));
    let known: i64 = acme.db.value("select count(last_campaign_sent_at) from contacts").await;
    assert_eq!(known, 0);

    let lag = Duration::from_mins(5);
    assert_eq!(store.keep_last_sends(acme.organization, 2, lag).await.unwrap(), 0, "too young");
    let mut read = Vec::new();
    for _ in 0..3 {
        read.push(store.keep_last_sends(acme.organization, 3, Duration::ZERO).await.unwrap());
    }
    assert_eq!(read, [3, 1, 0], "each attempt once");
    let known: i64 = acme.db.value("select count(last_campaign_sent_at) from contacts").await;
    assert_eq!(known, 3);
    let after = estimate().await;
    assert_eq!(after, before);
    let shown = acme.db.json(&["contact", "show", phone(0).reveal()]);
    assert!(shown["last_campaign_sent_at"].is_string(), "{shown}");

    // Long ago is not lately.
    sqlx::query("update contacts set last_campaign_sent_at = last_campaign_sent_at - interval '61 minutes'")
        .execute(&acme.db.pool)
        .await
        .unwrap();
    assert_eq!(estimate().await.skipped, BTreeMap::from([("active_elsewhere".to_owned(), 3)]));
    let own = terms(Some(first), audience);
    assert_eq!(store.estimate(acme.organization, &own).await.unwrap().queued, 6, "nobody is in its own way");
}

/// Sends a campaign to the first `count` contacts, and lets it end as told.
async fn send(acme: &Acme, name: &str, state: &str, next: &str) {
    let campaign = acme.campaign(&HELLO.replace("hello", name)).await;
    acme.done(Action::StartCampaign(campaign)).await;
    for message in acme.claim(0, campaign, 10).await.messages {
        acme.settle(message.attempt, state, next).await;
    }
    // The outcome as a provider would give it.
    sqlx::query(
        "update attempts set class = 'recipient_invalid', blame = 'recipient' where state = 'rejected'",
    )
    .execute(&acme.db.pool)
    .await
    .unwrap();
}

#[tokio::test]
async fn whom_nothing_reaches_and_who_never_answers_is_suppressed_until_an_opt_in() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let (db, store) = (&acme.db, &acme.db.store);
    let rule = async || store.suppress_by_rule(acme.organization, Duration::ZERO, None, 100).await.unwrap();
    send(&acme, "one", "rejected", "fail").await;
    send(&acme, "two", "rejected", "fail").await;
    assert_eq!(rule().await, 0, "twice may be the fault of a bad day");
    let waiting = acme.campaign(&HELLO.replace("hello", "waiting")).await;
    db.run(&["org", "edit", "--suppress-after-failures", "none"]).done();
    send(&acme, "three", "rejected", "fail").await;
    assert_eq!(rule().await, 0, "switched off");
    db.run(&["org", "edit", "--suppress-after-failures", "0"]).refused(2, "1 to 1000");
    db.run(&["org", "edit", "--suppress-after-failures", "3"]).done();
    assert_eq!(rule().await, 2);
    assert_eq!(rule().await, 0, "once is enough");
    assert_eq!(acme.states(waiting).await, ["skipped", "skipped"], "what waits for them ends");
    let reason: String =
        db.value("select distinct reason from campaign_recipients where state = 'skipped'").await;
    assert_eq!(reason, "suppressed");
    let consent: i64 = db.value("select count(consent) from contacts").await;
    assert_eq!(consent, 0, "a rule knows nothing of consent");
    let list = db.json(&["contact", "suppressed"]);
    assert_eq!(
        (&list[0]["phone"], &list[0]["source"], &list[0]["reason"]),
        (&json!(phone(0).reveal()), &json!("rule"), &json!("3 campaigns could not reach this phone"))
    );
    let csv = db.run(&["contact", "suppressed", "--csv", "-"]).done().stdout;
    assert_eq!(csv.lines().count(), 3, "{csv}");

    store.opt_in(acme.organization, &phone(0), "operator", None, ANA).await.unwrap();
    store.opt_in(acme.organization, &phone(1), "operator", None, ANA).await.unwrap();
    assert_eq!(rule().await, 0, "what was before the opt-in does not count");
    send(&acme, "four", "accepted", "advance").await;
    send(&acme, "five", "accepted", "advance").await;
    assert_eq!(rule().await, 0, "not answering is no fault unless the organisation says so");
    db.run(&["org", "edit", "--suppress-after-unanswered", "2"]).done();
    sqlx::query(
        "insert into inbound_messages (organization_id, id, account_id, phone, provider_message_id, kind, body)
         values ($1, new_uuid(), $2, $3, 'm1', 'text', 'thanks')",
    )
    .bind(acme.organization.0)
    .bind(acme.account.0)
    .bind(phone(1).reveal())
    .execute(&db.pool)
    .await
    .unwrap();
    let patient =
        store.suppress_by_rule(acme.organization, Duration::from_hours(72), None, 100).await.unwrap();
    assert_eq!(patient, 0, "there is time to answer");
    assert_eq!(rule().await, 1);
    let silent: String = db.value("select phone::text from suppressions").await;
    assert_eq!(silent, phone(0).reveal(), "the other one wrote");
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn whom_somebody_is_writing_to_is_suppressed_the_next_time() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    acme.db.run(&["org", "edit", "--suppress-after-failures", "1"]).done();
    send(&acme, "one", "rejected", "fail").await;
    let waiting = acme.campaign(&HELLO.replace("hello", "waiting")).await;
    let mut recording = acme.db.pool.begin().await.unwrap();
    sqlx::query("select from campaign_recipients where campaign_id = $1 and phone = $2 for update")
        .bind(waiting.0)
        .bind(phone(0).reveal())
        .execute(&mut *recording)
        .await
        .unwrap();
    let rule = acme.db.store.suppress_by_rule(acme.organization, Duration::ZERO, None, 100);
    let done = tokio::time::timeout(Duration::from_secs(20), rule).await.expect("it waits for nobody");
    assert_eq!(done.unwrap(), 1);
    assert_eq!(acme.states(waiting).await, ["queued", "skipped"]);
    recording.commit().await.unwrap();
    let done = acme.db.store.suppress_by_rule(acme.organization, Duration::ZERO, None, 100).await;
    assert_eq!(done.unwrap(), 1);
    assert_eq!(acme.states(waiting).await, ["skipped", "skipped"]);
    acme.db.assert_invariants().await;
}
