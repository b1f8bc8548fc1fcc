//! A campaign made, slots and settings changed with keys alone: what the forms and the grid show is what the database has.

use crate::{
    console::{Console, LARGE, SMALL, Start},
    world::{World, until},
};
use signalbox::domain::action::Action;

/// Ten people, six of them in Cameroon, one of whom wants nothing more.
async fn people(world: &World) {
    sqlx::query(
        "insert into contacts (organization_id, id, phone, name, locale, country, tags)
         select $1, new_uuid(), '+23760000' || lpad(g::text, 4, '0'), 'Ana ' || g, 'en',
                case when g < 6 then 'CM' else 'NG' end, '{vip}'
           from generate_series(0, 9) g",
    )
    .bind(world.organization.0)
    .execute(&world.pool)
    .await
    .unwrap();
    sqlx::query(
        "insert into suppressions (organization_id, phone, source, reason)
         values ($1, '+237600000005', 'operator', 'asked')",
    )
    .bind(world.organization.0)
    .execute(&world.pool)
    .await
    .unwrap();
}

/// A console on the Campaigns tab.
async fn campaigns(world: &World, arguments: &'static [&'static str]) -> Console {
    let mut console = world.console(Start { arguments, size: SMALL, ..Start::default() });
    console.shows("[1 Numbers]").await;
    console.keys("2");
    console.shows("No campaign yet.").await;
    console
}

#[tokio::test]
async fn a_campaign_is_made_with_keys() {
    let world = World::start().await;
    people(&world).await;
    let mut console = campaigns(&world, &["--watch"]).await;
    console.keys("n");
    console.shows("New campaign").await;
    console.shows("9 of 10 contacts would be sent to").await;
    console.keys("summer sale\tCM");
    console.shows("! name holds ' '").await;
    console.shows("5 of 10 contacts would be sent to").await;
    console.shows("4 other country").await;
    // Back to the name: nothing is lost, and what was wrong is mended.
    console.keys("\x1b[Z\x15summer-sale");
    console.hides("! name holds").await;
    console.keys("\x1b[6~\t\ten\tHello {{name|friend}}, you are {{campaign_number}}\\nGood bye");
    console.shows("nothing is wrong").await;
    console.keys("\x1b");
    console.shows("Leave without saving?").await;
    console.keys("\x1b");
    console.hides("Leave without saving?").await;
    console.shows("Good bye").await;
    console.keys("\x13");
    console.shows("5 people would be sent to, 1 enrolled and left out").await;
    console.shows("nothing is sent before it is launched (L)").await;
    let before: i64 = world.value("select count(*) from campaigns").await;
    assert_eq!(before, 0, "nothing is made before the button is pressed");
    console.keys("\r");
    console.shows("made summer-sale: 5 queued, 1 skipped").await;
    console.shows_line(&["summer-sale", "DRAFT"]).await;
    let state: String = world.value("select state::text from campaigns where name = 'summer-sale'").await;
    assert_eq!(state, "draft");
    let skipped: String =
        world.value("select reason from campaign_recipients where attention = 'skipped'").await;
    assert_eq!(skipped, "opted_out");
    let text: String = world.value("select texts -> 0 ->> 'text' from campaign_steps").await;
    assert!(
        text.starts_with("Hello {{name|friend}}, you are {{campaign_number}}\nGood bye\n\nReply STOP"),
        "{text}"
    );
    // The file that it was made from is the one that the command reads.
    let source: String = world.value("select source from campaigns").await;
    assert!(source.contains("name = \"summer-sale\"") && source.contains("[audience]"), "{source}");
    let log: i64 = world
        .value("select count(*) from audit_log where entity = 'campaign' and entity_name = 'summer-sale' and actor <> ''")
        .await;
    assert!(log >= 1, "who made it is on record");
    // The same name again is told where it is typed, and nothing is lost by it.
    console.keys("nsummer-sale\x1b[6~\t\ten\tHi {{name|friend}}");
    console.shows("Who !1").await;
    console.keys("\x13");
    console.shows("there is a campaign \"summer-sale\" already").await;
    console.keys("\x1b");
    console.answer("Leave without saving?", "y").await;
    console.hides("New campaign").await;
    console.leave().await;
    world.end([]).await;
}

#[tokio::test]
async fn slots_are_seen_and_changed_in_the_grid() {
    let world = World::start().await;
    people(&world).await;
    world.execute("update organizations set slot_first = 1, slot_last = 9, slot_expiry_days = 30").await;
    world
        .execute(
            "insert into contact_slots (organization_id, scope_id, contact_id, slot, given_by, given_at, used_at)
             select organization_id, organization_id, id, right(phone, 1)::integer + 1, 'spring-news',
                    clock_timestamp() - interval '1 day', clock_timestamp() - interval '1 day'
               from contacts where country = 'CM'",
        )
        .await;
    let mut console = campaigns(&world, &["--watch"]).await;
    console.keys("S");
    console.shows("Slots of the organisation").await;
    console.shows("1-9: 6 held by 6 people, 3 free, 0 shared").await;
    console.shows("1 Ana 0").await;
    console.shows("Ana 0 (+2376*****000)  used ").await;
    let slot = async |of: &'static str| {
        let slot: Option<i32> = sqlx::query_scalar(
            "select s.slot from contact_slots s join contacts c on c.id = s.contact_id where c.phone = $1",
        )
        .bind(of)
        .fetch_optional(&world.pool)
        .await
        .unwrap();
        slot
    };
    // Moved to a slot that is held: refused, in words without a whole phone.
    console.keys("m2\r");
    console.shows("+2376*****001 has this slot").await;
    assert_eq!(slot("+237600000000").await, Some(1));
    console.keys("m7\r");
    until("the database has moved it", 30, async || slot("+237600000000").await == Some(7)).await;
    console.shows("7 Ana 0").await;
    // The first one is free now, for somebody who has none.
    console.keys("ga");
    console.shows("to whom?").await;
    console.keys("+237600000009\r");
    until("the database has given it", 30, async || slot("+237600000009").await == Some(1)).await;
    console.shows("1 Ana 9").await;
    console.shows("Ana 9 (+2376*****009)").await;
    console.keys("x");
    console.yes("Take the slot back?").await;
    until("the database has it back", 30, async || slot("+237600000009").await.is_none()).await;
    console.shows("6 held by 6 people, 3 free").await;
    console.keys("X");
    console.shows("Lose theirs").await;
    console.shows("6 people").await;
    console.answer("Type the number of people", "6\r").await;
    until("nobody has a slot", 30, async || {
        world.value::<i64>("select count(*) from contact_slots").await == 0
    })
    .await;
    console.shows("0 held by 0 people, 9 free").await;
    console.escape("Slots of the organisation").await;
    console.leave().await;
    let log: Vec<(String, String)> =
        sqlx::query_as("select action, actor from audit_log where action like '%slot%' order by at")
            .fetch_all(&world.pool)
            .await
            .unwrap();
    let actions: Vec<&str> = log.iter().map(|(action, _)| action.as_str()).collect();
    assert_eq!(actions, ["set slot", "set slot", "release slot", "reset slots"]);
    assert!(log.iter().all(|(_, actor)| !actor.is_empty()), "{log:?}");
    world.end([]).await;
}

#[tokio::test]
async fn a_console_that_only_looks_offers_neither() {
    let world = World::start().await;
    people(&world).await;
    let mut console = campaigns(&world, &["--read-only"]).await;
    console.keys("n");
    console.shows("READ-ONLY").await;
    console.keys("S");
    console.shows("Slots of the organisation").await;
    console.keys("a");
    console.shows("READ-ONLY: give").await;
    console.escape("Slots of the organisation").await;
    console.leave().await;
    world.end([]).await;
}

#[tokio::test]
async fn what_is_set_of_the_organisation_is_changed_in_one_form() {
    let world = World::start().await;
    let mut console = world.console(Start { arguments: &["--watch"], size: SMALL, ..Start::default() });
    console.shows("[1 Numbers]").await;
    console.keys("O");
    console.shows("Settings  ").await;
    console.shows_line(&["Time zone", "Africa/Douala"]).await;
    // What is wrong is said where it stands, and nothing is changed by it.
    console.keys("\t\t\t\x150");
    console.shows("it is a whole number from 1 to 2147483647, or none").await;
    console.keys("\x13");
    console.shows("not saved: see the marked fields").await;
    let revision: i64 = world.value("select revision from organizations").await;
    // Limit, quiet hours and days change what is sent: it is asked with what was before.
    console.keys("\x15750\t\t\t\x1521:00-07:30\t\x15mon-fri");
    console.shows("3 changes not saved").await;
    console.keys("\x13");
    console.shows_line(&["Daily limit", "none -> 750"]).await;
    console.shows_line(&["Quiet hours", "none -> 21:00-07:30"]).await;
    assert_eq!(world.value::<i64>("select revision from organizations").await, revision, "asked first");
    console.yes("Change settings?").await;
    console.hides("not saved").await;
    let limit: Option<i32> = world.value("select daily_limit from organizations").await;
    assert_eq!(limit, Some(750));
    let hours: Vec<i16> = world.value("select array[open_from, open_to, open_days] from organizations").await;
    assert_eq!(hours, [450, 1_260, 0b1_1111]);
    // An answer to STOP in two languages; the first is in that of last resort.
    for _ in 0..4 {
        console.keys("\x1b[6~");
    }
    console.shows_line(&["> ", "Slots"]).await;
    console.keys("\x1b[Z\x1b[Z\x15You get no more. | fr=C'est fini.\x13");
    console.yes("Change settings?").await;
    console.hides("not saved").await;
    console.shows("en=You get no more. | fr=C'est fini.").await;
    let french: String = world.value("select stop_confirmation ->> 'fr' from organizations").await;
    assert_eq!(french, "C'est fini.");
    // What somebody else sets is in the form a moment later, without a key.
    console.keys("\x1b[5~\x1b[5~\x1b[5~\x1b[5~");
    world.execute("update organizations set daily_limit = 42, revision = revision + 1").await;
    console.shows_line(&["Daily limit", "[42 "]).await;
    console.escape("Settings  ").await;
    console.leave().await;
    let log: Vec<(String, String, i64)> = sqlx::query_as(
        "select action, actor, count(*) from audit_log where entity = 'organization' and action like 'edit%' group by 1, 2",
    )
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(log.iter().map(|(.., count)| count).sum::<i64>(), 3, "limit; hours; answer: {log:?}");
    assert!(log.iter().all(|(_, actor, _)| !actor.is_empty()), "{log:?}");
    world.end([]).await;
}

#[tokio::test]
async fn the_audit_log_shows_what_somebody_else_decides_while_it_lies_open() {
    let world = World::start().await;
    let number = world.number(crate::world::seed::Num::meta()).await;
    let mut console = world.console(Start { arguments: &["--watch"], size: LARGE, ..Start::default() });
    console.shows("[1 Numbers]").await;
    console.shows_line(&["+2376*****100", "ACTIVE"]).await;
    console.keys("U");
    console.shows("Audit log").await;
    console.hides("Reading ...").await;
    world.order(Action::SuspendNumber { number: number.id, until: None }).await;
    console.shows_line(&["suspend number", "+2376*****100"]).await;
    console.escape("Audit log").await;
    console.leave().await;
    world.end([]).await;
}
