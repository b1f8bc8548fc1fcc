//! Load that moves from one number to another, entry points, and how numbers did.

use crate::support::acme::Acme;
use serde_json::json;

/// Recipients of a campaign, so many of them bound to the first number.
async fn bound(acme: &Acme, count: i32) -> signalbox::domain::ids::CampaignId {
    acme.contacts(count).await;
    let campaign = acme.running().await;
    sqlx::query(
        "update campaign_recipients set due_at = clock_timestamp(), bound_number_id = $2, sticky_number_id = $2
          where campaign_id = $1",
    )
    .bind(campaign.0)
    .bind(acme.numbers[0].0)
    .execute(&acme.db.pool)
    .await
    .unwrap();
    campaign
}

const FROM: &str = "+237690000000";
const TO: &str = "+237690000001";

#[tokio::test]
async fn load_is_counted_first_and_moved_when_that_is_meant() {
    let acme = Acme::new().await;
    let campaign = bound(&acme, 20).await;
    let preview = acme.db.json(&["number", "move", FROM, TO]);
    assert_eq!((&preview["result"], &preview["messages"]), (&json!("preview"), &json!(20)));
    let of = |number: usize| {
        let number = acme.numbers[number].0;
        let pool = acme.db.pool.clone();
        async move {
            let sql = "select count(*) from campaign_recipients where bound_number_id = $1";
            sqlx::query_scalar::<_, i64>(sql).bind(number).fetch_one(&pool).await.unwrap()
        }
    };
    assert_eq!((of(0).await, of(1).await), (20, 0), "nothing is moved by a preview");

    let done = acme.db.json(&["number", "move", FROM, TO, "--yes", "--reason", "it is tired"]);
    assert_eq!((&done["messages"], &done["threads"], &done["stay"]), (&json!(20), &json!(0), &json!(0)));
    assert_eq!((of(0).await, of(1).await), (0, 20));
    let claimed = acme.claim(1, campaign, 100).await;
    assert_eq!(claimed.messages.len(), 20, "the other number sends them");
    let told: String = acme
        .db
        .value("select actor || ': ' || reason || ': ' || (after ->> 'moved') from audit_log where action = 'move load'")
        .await;
    assert!(told.ends_with(": it is tired: 20"), "{told}");
    acme.db.assert_invariants().await;
    // Again: there is nothing left to move.
    assert_eq!(acme.db.json(&["number", "move", FROM, TO, "--yes"])["messages"], json!(0));
}

#[tokio::test]
async fn what_is_on_the_wire_or_in_doubt_does_not_move() {
    let acme = Acme::new().await;
    acme.contacts(2).await;
    let campaign = acme.running().await;
    acme.claim(0, campaign, 2).await;
    sqlx::query(
        "update attempts set state = 'in_doubt', finished_at = clock_timestamp(), in_doubt_since = clock_timestamp(),
                class = 'cut' where id = (select min(id::text)::uuid from attempts)",
    )
    .execute(&acme.db.pool)
    .await
    .unwrap();
    let done = acme.db.json(&["number", "move", FROM, TO, "--yes"]);
    assert_eq!(done["messages"], json!(0));
    let numbers: i64 = acme.db.value("select count(distinct number_id) from attempts").await;
    assert_eq!(numbers, 1);
}

#[tokio::test]
async fn what_was_refused_there_does_not_move() {
    let acme = Acme::new().await;
    let campaign = bound(&acme, 3).await;
    // One was throttled for this person, one never left because a pause came before.
    for (place, reason) in [(1, "throttled"), (2, "withheld")] {
        sqlx::query(
            "update campaign_recipients set tries = 1, reason = $2
              where id = (select id from campaign_recipients where campaign_id = $3 order by id offset $1 limit 1)",
        )
        .bind(place)
        .bind(reason)
        .bind(campaign.0)
        .execute(&acme.db.pool)
        .await
        .unwrap();
    }
    let preview = acme.db.json(&["number", "move", FROM, TO]);
    assert_eq!((&preview["messages"], &preview["stay"]), (&json!(2), &json!(1)), "{preview}");
    assert_eq!(preview["campaigns"][1]["stays"], "its number has tried it already");
    assert_eq!(acme.db.json(&["number", "move", FROM, TO, "--yes"])["messages"], json!(2));
    let left: Vec<Option<String>> =
        sqlx::query_scalar("select reason from campaign_recipients where bound_number_id = $1")
            .bind(acme.numbers[0].0)
            .fetch_all(&acme.db.pool)
            .await
            .unwrap();
    assert_eq!(left, [Some("throttled".to_owned())]);
}

#[tokio::test]
async fn what_may_not_switch_stays_and_says_why() {
    let acme = Acme::new().await;
    bound(&acme, 3).await;
    sqlx::query("update campaigns set failover = 'never'").execute(&acme.db.pool).await.unwrap();
    let preview = acme.db.json(&["number", "move", FROM, TO]);
    assert_eq!((&preview["messages"], &preview["stay"]), (&json!(0), &json!(3)));
    assert_eq!(preview["campaigns"][0]["stays"], "it never switches numbers");
    sqlx::query("update campaigns set failover = 'label'").execute(&acme.db.pool).await.unwrap();
    acme.db.run(&["number", "edit", FROM, "--label", "front"]).done();
    assert_eq!(acme.db.json(&["number", "move", FROM, TO, "--yes"])["stay"], json!(3));
    acme.db.run(&["number", "edit", TO, "--label", "front"]).done();
    assert_eq!(acme.db.json(&["number", "move", FROM, TO])["messages"], json!(3));
    acme.db.run(&["pool", "edit", "default", "--drop", TO]).done();
    let preview = acme.db.json(&["number", "move", FROM, TO]);
    assert_eq!(preview["campaigns"][0]["stays"], "its pool does not have that number");

    acme.db.run(&["number", "move", FROM, FROM]).refused(2, "name two numbers");
    acme.db.run(&["number", "suspend", TO, "--reason", "banned"]).done();
    acme.db.run(&["number", "move", FROM, TO, "--yes"]).refused(3, "what goes there would not be sent");
}

#[tokio::test]
async fn threads_keep_their_number_unless_they_are_to_go_too() {
    let acme = Acme::new().await;
    for nth in 1..=3 {
        sqlx::query(
            "insert into conversations (organization_id, id, phone, number_id, thread, opened_at, last_at, done_at, done_by)
             values ($1, new_uuid(), '+23767000000' || $3, $2, $3, clock_timestamp(), clock_timestamp(),
                     case when $3 = 3 then clock_timestamp() end, case when $3 = 3 then 'ana' end)",
        )
        .bind(acme.organization.0)
        .bind(acme.numbers[0].0)
        .bind(nth)
        .execute(&acme.db.pool)
        .await
        .unwrap();
    }
    let of_the_other = "select count(*) from conversations c join whatsapp_numbers n on n.id = c.number_id
                         where n.phone = '+237690000001'";
    acme.db.run(&["number", "move", FROM, TO, "--yes"]).done();
    assert_eq!(acme.db.value::<i64>(of_the_other).await, 0);
    assert_eq!(acme.db.json(&["number", "move", FROM, TO, "--threads"])["threads"], json!(2));
    assert_eq!(acme.db.json(&["number", "move", FROM, TO, "--threads", "--yes"])["threads"], json!(2));
    assert_eq!(acme.db.value::<i64>(of_the_other).await, 2);
    let names: String = acme
        .db
        .value(
            "select string_agg(thread::text, ' ' order by thread) from conversations where done_at is null",
        )
        .await;
    assert_eq!(names, "1 2", "each has a thread number of its new number");
    acme.db.assert_invariants().await;
}

#[tokio::test]
async fn a_code_leads_to_a_number_and_a_pools_to_its_first_in_service() {
    let acme = Acme::new().await;
    let link = |arguments: &[&str]| acme.db.json(arguments)["link"].as_str().unwrap().to_owned();
    assert_eq!(
        link(&["number", "qr", FROM, "--text", "Hello there"]),
        "https://wa.me/237690000000?text=Hello%20there"
    );
    assert_eq!(link(&["pool", "qr", "default"]), "https://wa.me/237690000000");
    acme.db.run(&["number", "suspend", FROM, "--reason", "banned"]).done();
    assert_eq!(link(&["pool", "qr", "default"]), "https://wa.me/237690000001");
    acme.db.run(&["number", "disable", TO]).done();
    acme.db.run(&["pool", "qr", "default"]).refused(3, "no number of pool default is in service");
    acme.db.run(&["number", "resume", FROM]).done();
    acme.db.run(&["org", "edit", "acme", "--default-number", FROM]).done();
    acme.db.run(&["pool", "add", "empty"]).done();
    assert_eq!(link(&["pool", "qr", "empty"]), "https://wa.me/237690000000", "the default number stands in");

    let folder = tempfile::tempdir().unwrap();
    let (png, svg) = (folder.path().join("qr.png"), folder.path().join("qr.svg"));
    let (png_name, svg_name) = (png.display().to_string(), svg.display().to_string());
    acme.db.run(&["number", "qr", FROM, "--png", &png_name, "--svg", &svg_name]).done();
    assert!(std::fs::read(&png).unwrap().starts_with(b"\x89PNG\r\n\x1a\n"));
    assert!(std::fs::read_to_string(&svg).unwrap().starts_with("<svg "));
    let shown = acme.db.run(&["number", "qr", FROM]).done().stdout;
    assert!(shown.contains('\u{2580}') && shown.ends_with("https://wa.me/237690000000\n"), "{shown}");
    acme.db.run(&["number", "qr", FROM, "--text", &"x".repeat(5_000)]).refused(2, "too long for a QR code");
}

#[tokio::test]
async fn numbers_say_how_they_did() {
    let acme = Acme::new().await;
    acme.contacts(4).await;
    let campaign = acme.running().await;
    acme.claim(0, campaign, 4).await;
    sqlx::query(
        "insert into number_pulse (organization_id, number_id, bucket, accepted, delivered, undelivered, refused)
         select $1, $2, date_trunc('hour', clock_timestamp()) - d * interval '1 day', 100, case when d < 7 then 50 else 90 end, 5, 0
           from generate_series(1, 13) d",
    )
    .bind(acme.organization.0)
    .bind(acme.numbers[0].0)
    .execute(&acme.db.pool)
    .await
    .unwrap();
    sqlx::query(
        "insert into number_checks (organization_id, id, number_id, actor, took_ms, state, words, provider_unlimited)
         select $1, new_uuid(), $2, 'ana', 5, case when n = 1 then 'unclear' else 'sendable' end, '', false
           from generate_series(1, 4) n",
    )
    .bind(acme.organization.0)
    .bind(acme.numbers[0].0)
    .execute(&acme.db.pool)
    .await
    .unwrap();
    sqlx::query(
        "update attempts set state = 'accepted', finished_at = clock_timestamp(), provider_message_id = id::text,
                delivery = 'delivered', delivered_at = clock_timestamp() + interval '3 s'",
    )
    .execute(&acme.db.pool)
    .await
    .unwrap();
    for _ in 0..2 {
        acme.db.run(&["number", "suspend", FROM, "--reason", "blocked by many"]).done();
        acme.db.run(&["number", "resume", FROM]).done();
    }
    let stats = acme.db.json(&["number", "stats", "--days", "7"]);
    let first = &stats[0];
    assert_eq!(first["phone"], FROM);
    assert_eq!(first["days"].as_array().unwrap().last().unwrap()["sent"], json!(4));
    assert_eq!(first["week"]["accepted"], json!(600));
    assert_eq!((&first["switches"], &first["causes"]), (&json!(2), &json!("operator")));
    assert_eq!((&first["tests"], &first["tests_passed"]), (&json!(4), &json!(3)));
    assert_eq!(first["delivery"]["messages"], json!(4));
    let half = first["delivery"]["p50"].as_f64().unwrap();
    assert!((2.9..3.5).contains(&half), "{half}");
    assert_eq!(first["trend"], "worse");
    assert_eq!(first["advice"]["do"], "lower");
    assert_eq!((&stats[1]["trend"], &stats[1]["advice"]["do"]), (&json!("unknown"), &json!("keep")));

    let csv = acme.db.run(&["number", "stats", FROM, "--csv", "-"]).done().stdout;
    assert!(csv.starts_with("phone,name,account,day,sent,accepted,delivered,failed,blocked\n"), "{csv}");
    assert!(csv.lines().nth(1).unwrap().starts_with("+237690000000,number 0,main,"), "{csv}");
    acme.db.run(&["number", "stats", "--days", "0"]).refused(2, "0 is not in 1..=90");
}

impl Acme {
    async fn stretches(&self, sql: &'static str) {
        sqlx::query(sql)
            .bind(self.organization.0)
            .bind(self.numbers[0].0)
            .execute(&self.db.pool)
            .await
            .unwrap();
    }

    /// Eight senders that come to the hourly chore at once.
    async fn forget(&self) {
        let mut chores = tokio::task::JoinSet::new();
        for _ in 0..8 {
            let (store, organization) = (self.db.store.clone(), self.organization);
            chores.spawn(async move { store.forget_pulses(organization).await.unwrap() });
        }
        chores.join_all().await;
    }
}

#[tokio::test]
async fn what_became_of_messages_is_known_for_as_long_as_it_is_asked_for() {
    let acme = Acme::new().await;
    acme.stretches(
        "insert into number_pulse (organization_id, number_id, bucket, accepted, delivered, undelivered, refused, blocked)
         select $1, $2, (d.day + time '08:00' + h * interval '1 hour') at time zone 'Africa/Douala', 10, 9, 1, 1, 1
           from (select (clock_timestamp() at time zone 'Africa/Douala')::date - b as day from generate_series(1, 89) b) d,
                generate_series(0, 9) h",
    )
    .await;
    acme.forget().await;
    acme.forget().await;
    let of = |days: &str| {
        let stats = acme.db.json(&["number", "stats", FROM, "--days", days]);
        let sum = |figure: &str| {
            stats[0]["days"].as_array().unwrap().iter().map(|day| day[figure].as_i64().unwrap()).sum::<i64>()
        };
        let sums = ["accepted", "delivered", "failed", "blocked"].map(sum);
        (sums, stats[0]["days"].as_array().unwrap().len(), stats[0]["week_before"]["accepted"].clone())
    };
    assert_eq!(of("90"), ([8_900, 8_010, 1_780, 890], 89, json!(700)));
    assert_eq!(of("30"), ([2_900, 2_610, 580, 290], 29, json!(700)), "each day for itself");
    let kept: i64 = acme.db.value("select count(*) from number_pulse").await;
    assert!(kept < 100, "{kept} stretches of more than eight days");
    // Reported after its stretch was forgotten.
    let late = "insert into number_pulse (organization_id, number_id, bucket, delivered)
                values ($1, $2, clock_timestamp() - interval '20 days', 7)";
    acme.stretches(late).await;
    assert_eq!(of("90").0[1], 8_017);
    acme.forget().await;
    assert_eq!((of("90").0[1], of("90").1), (8_017, 89));
    // What nobody can ask for any more goes.
    acme.stretches(
        "insert into number_day_sums (organization_id, number_id, day, accepted)
         values ($1, $2, clock_timestamp()::date - 96, 1)",
    )
    .await;
    acme.forget().await;
    assert_eq!(acme.db.value::<i64>("select count(*) from number_day_sums where accepted = 1").await, 0);
}

#[tokio::test]
async fn tests_are_counted_for_as_long_as_they_are_asked_for() {
    let acme = Acme::new().await;
    acme.stretches(
        "insert into number_checks (organization_id, id, number_id, at, actor, took_ms, state, words, provider_unlimited)
         select $1, new_uuid(), $2, clock_timestamp() - n * interval '1 day', 'sender', 5,
                case when n % 2 = 0 then 'unclear' else 'sendable' end, '', false
           from generate_series(1, 80) n",
    )
    .await;
    let counted = |days: &str| {
        let stats = acme.db.json(&["number", "stats", FROM, "--days", days]);
        (stats[0]["tests"].as_i64().unwrap(), stats[0]["tests_passed"].as_i64().unwrap())
    };
    assert_eq!(counted("90"), (80, 40));
    // The next test of the number takes those of more than a month ago with it.
    for _ in 0..2 {
        acme.stretches(
            "select count(*) from record_check($1, new_uuid(), $2, 'sender', 5, 'sendable', null, null, '', null, null, false,
                                               null, null)",
        )
        .await;
    }
    assert_eq!(acme.db.value::<i64>("select count(*) from number_checks").await, 31);
    assert_eq!(counted("90"), (82, 42));
    assert_eq!(counted("7").0, 8, "six days, a part of the seventh, and two of now");
}

#[tokio::test]
async fn an_outage_counts_in_every_stretch_that_it_lasts_in() {
    let acme = Acme::new().await;
    sqlx::query(
        "insert into failovers (organization_id, id, from_number_id, cause, actor, started_at, ended_at, ended_by)
         select $1, new_uuid(), k.number, k.cause, 'ana', clock_timestamp() - k.began * interval '1 day',
                clock_timestamp() - k.ended * interval '1 day', case when k.ended is not null then 'ana' end
           from (values ($2, 'operator', 20, null), ($3, 'silent_death', 10, 3), ($3, 'number_suspended', 2, 1),
                        ($3, 'connection', 40, 15)) k (number, cause, began, ended)",
    )
    .bind(acme.organization.0)
    .bind(acme.numbers[0].0)
    .bind(acme.numbers[1].0)
    .execute(&acme.db.pool)
    .await
    .unwrap();
    // Whole days, though some seconds went by since.
    let days =
        |number: &serde_json::Value| format!("{:.0}", number["seconds_out"].as_f64().unwrap() / 86_400.0);
    let stats = acme.db.json(&["number", "stats", "--days", "7"]);
    let counts = |number: &serde_json::Value| ["switches", "outages"].map(|count| number[count].clone());
    assert_eq!(
        (days(&stats[0]), counts(&stats[0])),
        ("7".to_owned(), [json!(0), json!(1)]),
        "it is still down"
    );
    assert_eq!((days(&stats[1]), counts(&stats[1])), ("5".to_owned(), [json!(1), json!(2)]));
    assert_eq!(stats[1]["causes"], "number_suspended, silent_death");
    assert_eq!(
        [&stats[1]["week"]["suspensions"], &stats[1]["week_before"]["suspensions"]],
        [&json!(1), &json!(1)],
        "each was taken out in one week"
    );
    let stats = acme.db.json(&["number", "stats", "--days", "30"]);
    assert_eq!([days(&stats[0]), days(&stats[1])], ["20", "23"]);
    let table = acme.db.run(&["number", "stats", "--days", "7"]).done().stdout;
    assert!(table.contains("1: operator"), "{table}");
}

#[tokio::test]
async fn a_number_that_was_removed_leaves_its_figures() {
    let acme = Acme::new().await;
    sqlx::query(
        "insert into quota_usage (organization_id, scope, scope_id, day, reserved)
         select $1, 'number', n.id, (clock_timestamp() at time zone 'Africa/Douala')::date - d, 50
           from unnest($2::uuid[]) n (id), generate_series(10, 12) d",
    )
    .bind(acme.organization.0)
    .bind(acme.numbers.iter().map(|number| number.0).collect::<Vec<_>>())
    .execute(&acme.db.pool)
    .await
    .unwrap();
    acme.stretches(
        "insert into number_pulse (organization_id, number_id, bucket, accepted, delivered)
         values ($1, $2, clock_timestamp() - interval '11 days', 50, 49)",
    )
    .await;
    let lines = || {
        let csv = acme.db.run(&["number", "stats", "--days", "30", "--csv", "-"]).done().stdout;
        csv.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let before = lines();
    assert_eq!(before.len(), 7);
    acme.db.run(&["number", "remove", FROM, "--reason", "worn out"]).done();
    let mut after = lines();
    after.sort_unstable();
    let mut sorted = before.clone();
    sorted.sort_unstable();
    assert_eq!(after, sorted, "what it sent was sent");

    let stats = acme.db.json(&["number", "stats", "--days", "30"]);
    let phones: Vec<_> = stats.as_array().unwrap().iter().map(|number| number["phone"].clone()).collect();
    assert_eq!(phones, [TO, FROM], "behind those that are in use");
    assert!(stats[0]["removed_at"].is_null() && stats[1]["removed_at"].is_string(), "{stats}");
    let table = acme.db.run(&["number", "stats", "--days", "30"]).done().stdout;
    assert!(table.contains("number 0 (removed 20"), "{table}");
    let stats = acme.db.json(&["number", "stats", "--days", "7"]);
    assert_eq!(stats.as_array().unwrap().len(), 1, "it sent nothing in these days: {stats}");

    let of_it = acme.db.json(&["number", "stats", FROM, "--days", "7"]);
    assert!(of_it[0]["days"] == json!([]) && of_it[0]["removed_by"].is_string(), "{of_it}");
    let shown = acme.db.json(&["number", "show", FROM]);
    assert_eq!((&shown["phone"], &shown["retired_by"]), (&json!(FROM), &of_it[0]["removed_by"]));
    let card = acme.db.run(&["number", "show", FROM]).done().stdout;
    assert!(card.contains("removed by") && card.contains("takes it back"), "{card}");
    acme.db.run(&["number", "stats", "+237699999999"]).refused(1, "is no number of acme");
    acme.db.run(&["number", "show", "+237699999999"]).refused(1, "is no number of acme");
}
