//! The examples that the work was asked for with, from their own words, by whole senders on a rehearsal's clock: 250 people a
//! day from the first of June, and the default campaign that yields to a filtered one through its days.

use crate::world::{Made, World, seed::Num, until};
use chrono::{DateTime, Datelike, TimeDelta, Utc};
use signalbox::{
    domain::{
        action::Action,
        campaign::{CampaignFile, Context},
        forecast::{FARTHEST_DAYS, Forecast},
        ids::CampaignId,
    },
    sender::{
        Sender,
        clock::{CampaignClock, Moment},
    },
    store::action::Actor,
};
use std::collections::BTreeMap;

const ANA: Actor<'static> = Actor { operator: "ana", instance: None };

impl World {
    async fn campaign_from(&self, toml: &str) -> CampaignId {
        let context = Context::in_zone(chrono_tz::Africa::Douala);
        let spec = CampaignFile::parse(toml, "test.toml", &context).unwrap();
        self.store.create_campaign(self.organization, &spec, self.default_pool, toml, ANA).await.unwrap().0
    }

    /// What goes out of each campaign on the days on which something of it does, once all of them are made.
    async fn foretold(&self, campaigns: &[CampaignId]) -> Vec<Vec<u64>> {
        let made = self.store.forecast_world(self.organization, campaigns[0]).await.unwrap();
        let forecast = Forecast::of(&made.world, FARTHEST_DAYS);
        let of_campaign = |campaign: &CampaignId| {
            let place = made.world.campaigns.iter().position(|each| each.id == *campaign).unwrap();
            let days = forecast.days.iter().map(|day| day.of_campaign(place));
            days.filter(|messages| *messages > 0).collect()
        };
        campaigns.iter().map(of_campaign).collect()
    }

    /// A sender whose clock begins at `start`, a day of which takes so many seconds.
    async fn fast_sender(&self, start: DateTime<Utc>, seconds_a_day: f64) -> Sender {
        let clock = CampaignClock::Rehearsal { start, speed: 86_400.0 / seconds_a_day, since: Moment::now() };
        self.sender_with(&self.database, |config| config.clock = clock).await
    }
}

/// S4 in small: 200 people, 20 a day. Answers what was foretold and what was sent, day by day.
async fn days_of_a_run(seconds_a_day: f64) -> Vec<(i64, i64)> {
    let world = Made { rehearsal: true, ..Made::default() }.world().await;
    world.number(Num::meta().daily(20).in_flight(20)).await;
    sqlx::query(
        "insert into contacts (organization_id, id, phone, name)
         select $1, ordered_uuid(1, 1, n), '+23767' || lpad(n::text, 7, '0'), 'Customer ' || n
           from generate_series(1, 200) n",
    )
    .bind(world.organization.0)
    .execute(&world.pool)
    .await
    .unwrap();
    let june = format!("{}-06-01", Utc::now().year() + 1);
    let file = format!(
        "name = \"june\"\nstarts_at = \"{june}T08:00\"\n[[steps]]\ntext = {{ en = \"Hello {{{{name}}}}\" }}\n"
    );
    let campaign = world.campaign_from(&file).await;
    // A minute before eight in Douala.
    let sender = world.fast_sender(format!("{june}T06:59:00Z").parse().unwrap(), seconds_a_day).await;
    until("the campaign is completed", 300, async || {
        world.value::<i64>("select count(*) from campaigns where state = 'completed'").await == 1
    })
    .await;
    let days = world.store.planned_days(world.organization, campaign).await.unwrap();
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (200, 200));
    days.iter().map(|day| (day.planned, day.sent)).filter(|day| *day != (0, 0)).collect()
}

#[tokio::test]
async fn a_whole_sender_sends_day_by_day_what_was_foretold() {
    // A machine that stands still for a day of this clock misses that day: then the clock has to be slower.
    let mut days = Vec::new();
    for seconds_a_day in [3.0, 9.0, 20.0] {
        days = days_of_a_run(seconds_a_day).await;
        if days == [(20, 20); 10] {
            return;
        }
    }
    assert_eq!(days, [(20, 20); 10]);
}

/// S4's two campaigns in small: 100 and 60 people, 20 a day together. Answers what each was foretold and what each sent, day by
/// day.
async fn two_share_a_number(seconds_a_day: f64) -> [Vec<(u64, u64)>; 2] {
    let world = Made { rehearsal: true, ..Made::default() }.world().await;
    world.number(Num::meta().daily(20).in_flight(20)).await;
    sqlx::query(
        "insert into contacts (organization_id, id, phone, name, tags)
         select $1, ordered_uuid(1, 1, n), '+23767' || lpad(n::text, 7, '0'), 'Customer ' || n,
                array[case when n <= 100 then 'a' else 'b' end]
           from generate_series(1, 160) n",
    )
    .bind(world.organization.0)
    .execute(&world.pool)
    .await
    .unwrap();
    let june = format!("{}-06-01", Utc::now().year() + 1);
    let mut campaigns = Vec::new();
    for name in ["a", "b"] {
        let file = format!(
            "name = \"{name}\"\nstarts_at = \"{june}T08:00\"\n[audience]\ntags = [\"{name}\"]\n[[steps]]\n\
             text = {{ en = \"Hello {{{{name}}}}\" }}\n"
        );
        campaigns.push(world.campaign_from(&file).await);
    }
    let foretold = world.foretold(&campaigns).await;
    let sender = world.fast_sender(format!("{june}T06:59:00Z").parse().unwrap(), seconds_a_day).await;
    until("both run", 300, async || {
        world.value::<i64>("select count(*) from campaigns where started_at is not null").await == 2
    })
    .await;
    until("both are completed", 300, async || {
        world.value::<i64>("select count(*) from campaigns where state = 'completed'").await == 2
    })
    .await;
    let mut days = [Vec::new(), Vec::new()];
    for ((campaign, foretold), days) in campaigns.iter().zip(foretold).zip(&mut days) {
        let all = world.store.planned_days(world.organization, *campaign).await.unwrap();
        let sent = all.iter().map(|day| u64::try_from(day.sent).unwrap()).filter(|sent| *sent > 0);
        *days = foretold.into_iter().zip(sent).collect();
    }
    // As S4 prints it: sent in all, and what remains.
    for (name, people) in [("a", 100), ("b", 60)] {
        let stats = world.store.campaign_stats(world.organization, name).await.unwrap().unwrap();
        let sent = stats.accepted + stats.delivered + stats.read;
        assert_eq!((sent, stats.planned - sent, stats.sums_hold), (people, 0, true), "{stats:?}");
    }
    let sides = world.end([sender]).await;
    assert_eq!((sides.accepted, sides.received), (160, 160));
    days
}

#[tokio::test]
async fn two_campaigns_share_a_number_in_halves_until_one_is_done() {
    let mut a = vec![(10, 10); 6];
    a.extend([(20, 20); 2]);
    let expected = [a, vec![(10, 10); 6]];
    let mut days = [Vec::new(), Vec::new()];
    for seconds_a_day in [3.0, 9.0, 20.0] {
        days = two_share_a_number(seconds_a_day).await;
        if days == expected {
            return;
        }
    }
    assert_eq!(days, expected);
}

const DEFAULT: &str = "name = \"default\"
standing = { after = \"1h\", every = \"1h\" }
exit = { attributes = { paid = [\"yes\"] } }
[audience]
attributes = { paid = [\"no\"] }
exclude_active = true
";

const FILTERED: &str = "name = \"filtered\"
priority = 1
daily_limit = 20
exit = { attributes = { paid = [\"yes\"] } }
[audience]
countries = [\"CM\"]
registered = { from = \"2036-01-01\" }
gender = \"female\"
professions = [\"nurse\", \"teacher\"]
age = { min = 18, max = 65 }
attributes = { paid = [\"no\"] }
exclude_active = true
limit = 500
";

/// Seven days, a message each, of this campaign.
fn cycle(head: &str, name: &str) -> String {
    let step = |day: u32| {
        let after = if day == 1 { "0h" } else { "24h" };
        format!(
            "[[steps]]\nafter = \"{after}\"\ntext = {{ en = \"{name} {{{{name}}}}, day {{{{day}}}}\", fr = \"{name} {{{{name}}}}, jour {{{{day}}}}\" }}\n"
        )
    };
    format!("{head}{}", (1..=7).map(step).collect::<String>())
}

/// Referrals: name, country, gender, profession, born, registered, paid.
async fn refer(world: &World, people: &[(&str, &str, &str, &str, &str, &str, &str)]) {
    for (name, country, gender, profession, born, registered, paid) in people {
        sqlx::query(
            "insert into contacts (organization_id, id, phone, name, country, gender, profession, birth_date,
                                   registered_at, attributes, locale)
             select $1, new_uuid(), '+23768' || lpad((count(*) + 1)::text, 7, '0'), $2, $3, $4, $5, $6::date,
                    $7::timestamptz, jsonb_build_object('paid', $8), case when $2 like 'F%' then 'fr' else 'en' end
               from contacts",
        )
        .bind(world.organization.0)
        .bind(name)
        .bind(country)
        .bind(gender)
        .bind(profession)
        .bind(born)
        .bind(registered)
        .bind(paid)
        .execute(&world.pool)
        .await
        .unwrap();
    }
}

#[tokio::test]
async fn the_default_campaign_yields_to_a_filtered_one_through_its_seven_days_and_resumes() {
    let world = Made { rehearsal: true, ..Made::default() }.world().await;
    // Two minutes between two messages, as gateways need it; 50 a day for everything.
    world.number(Num::ultramsg().interval_ms(120_000).in_flight(1)).await;
    world.execute("update organizations set daily_limit = 50").await;
    let early = "2037-05-30T08:00:00Z";
    refer(
        &world,
        &[
            ("Ada", "NG", "female", "nurse", "2000-01-01", early, "no"),
            ("Flore", "CM", "female", "nurse", "2000-01-01", early, "no"),
            ("Paul", "CM", "male", "nurse", "2000-01-01", early, "yes"),
        ],
    )
    .await;
    let default = world.campaign_from(&cycle(DEFAULT, "Default")).await;
    world.order(Action::StartCampaign(default)).await;
    let start: DateTime<Utc> = "2037-06-01T08:00:00Z".parse().unwrap();
    let sender = world.fast_sender(start, 2.0).await;
    until("the default campaign has sent its first day", 60, async || {
        world
            .value::<i64>("select count(*) from attempts a join campaigns c on c.id = a.campaign_id where c.name = 'default'")
            .await
            >= 2
    })
    .await;

    // Who joins now is the filtered campaign's, if the filters say so; who is in the default one already is not. On this
    // clock an hour passes while somebody looks away: nobody is taken in before the filtered one has its people.
    world.order(Action::PauseCampaign(default)).await;
    refer(
        &world,
        &[
            ("Grace", "CM", "female", "nurse", "2000-01-01", early, "no"),
            ("Fanta", "CM", "female", "teacher", "1990-01-01", early, "no"),
            ("Hope", "CM", "female", "teacher", "1990-01-01", early, "no"),
            ("Old", "CM", "female", "nurse", "1930-01-01", early, "no"),
            ("Long ago", "CM", "female", "nurse", "2000-01-01", "2035-01-01T00:00:00Z", "no"),
            ("Abroad", "NG", "female", "nurse", "2000-01-01", early, "no"),
            ("Miner", "CM", "female", "miner", "2000-01-01", early, "no"),
            ("Payer", "CM", "female", "nurse", "2000-01-01", early, "yes"),
        ],
    )
    .await;
    let filtered = world.campaign_from(&cycle(FILTERED, "Filtered")).await;
    let enrolled: Vec<String> = sqlx::query_scalar(
        "select k.name from campaign_recipients r join contacts k on k.id = r.contact_id
          where r.campaign_id = $1 and r.state = 'queued' order by 1",
    )
    .bind(filtered.0)
    .fetch_all(&world.pool)
    .await
    .unwrap();
    assert_eq!(enrolled, ["Fanta", "Grace", "Hope"]);
    world.order(Action::StartCampaign(filtered)).await;
    world.order(Action::ResumeCampaign(default)).await;
    // A slow machine may give the two others their second day before Hope has had her first one, and may give a message
    // back that it claimed and did not come to send.
    until("the filtered campaign has written to Hope", 60, async || {
        world
            .value::<i64>(
                "select count(*) from attempts a join campaign_recipients r on r.id = a.recipient_id
                   join contacts k on k.id = r.contact_id join campaigns c on c.id = a.campaign_id
                  where c.name = 'filtered' and k.name = 'Hope' and a.state = 'accepted'",
            )
            .await
            >= 1
    })
    .await;
    world.execute("update contacts set attributes = '{\"paid\": \"yes\"}' where name = 'Hope'").await;
    until("the filtered campaign is completed", 240, async || {
        world
            .value::<i64>("select count(*) from campaigns where name = 'filtered' and state = 'completed'")
            .await
            == 1
    })
    .await;
    until("the default campaign has gone through its days", 240, async || {
        world
            .value::<i64>(
                "select count(*) from campaign_recipients r join campaigns c on c.id = r.campaign_id
                  where c.name = 'default' and r.step = 7 and r.state = 'accepted'
                    and r.phone in (select phone from contacts where name in ('Ada', 'Flore'))",
            )
            .await
            == 2
    })
    .await;

    // While the filtered one ran, nothing of the default one began.
    let (from, to): (DateTime<Utc>, DateTime<Utc>) = sqlx::query_as(
        "select min(a.started_at), max(a.started_at) from attempts a where a.campaign_id = $1",
    )
    .bind(filtered.0)
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert!(to - from >= TimeDelta::days(6), "a day between two steps: {from} to {to}");
    let beside: i64 = sqlx::query_scalar(
        "select count(*) from attempts where campaign_id = $1 and started_at between $2 and $3",
    )
    .bind(default.0)
    .bind(from)
    .bind(to)
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert_eq!(beside, 0, "the default campaign yields");

    let mut got: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let names: Vec<(String, String)> =
        sqlx::query_as("select phone::text, name from contacts").fetch_all(&world.pool).await.unwrap();
    let names: BTreeMap<&str, &str> =
        names.iter().map(|(phone, name)| (phone.trim_start_matches('+'), name.as_str())).collect();
    for entry in world.simulator.ledger() {
        let name = names[entry.to.trim_start_matches('+')];
        got.entry(name.to_owned()).or_default().push(entry.body.clone());
    }
    let seven =
        |words: &str, day: &str| (1..=7).map(|nth| format!("{words}, {day} {nth}")).collect::<Vec<_>>();
    // Afterwards the default campaign may take them in.
    assert_eq!(got["Grace"][..7], seven("Filtered Grace", "day"));
    assert_eq!(got["Fanta"][..7], seven("Filtered Fanta", "jour"));
    assert_eq!(got["Ada"], seven("Default Ada", "day"), "it goes on where it was");
    assert_eq!(got["Flore"], seven("Default Flore", "jour"));
    assert!(got["Hope"].len() < 7 && got["Hope"][0] == "Filtered Hope, day 1", "who pays leaves: {got:?}");
    assert!(!got.contains_key("Paul") && !got.contains_key("Payer"), "who has paid is in neither");
    let reason: String = world
        .value(
            "select reason from campaign_recipients r join contacts k on k.id = r.contact_id
              where k.name = 'Hope' and r.state = 'skipped'",
        )
        .await;
    assert_eq!(reason, "attribute: paid=yes");
    let day: i32 = world.value("select max(reserved) from quota_usage where scope = 'organization'").await;
    assert!(day <= 50, "{day}");
    let most: i32 = sqlx::query_scalar(
        "select max(reserved) from quota_usage where scope = 'campaign' and scope_id = $1",
    )
    .bind(filtered.0)
    .fetch_one(&world.pool)
    .await
    .unwrap();
    assert!(most <= 20, "{most}");
    world.end([sender]).await;
}
