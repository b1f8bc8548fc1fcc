//! Enrolments in pieces: nobody is left out, nobody is in it twice, and nothing starts before all are in.

use crate::support::acme::{ANA, Acme, phone};
use serde_json::json;
use signalbox::{
    domain::{action::Action, ids::CampaignId},
    store::{campaign_file::Reader, enrolment::Enrolment, screen::rates::RateWindow},
};
use std::time::{Duration, Instant};

const ALL: &str = "name = \"all\"\nopt_out_line = false\n[[steps]]\ntext = { en = \"Hello {{name}}, {{campaign_number}}\" }\n";

impl Acme {
    /// A campaign without people, whose file says this, and then so many contacts.
    async fn empty(&self, toml: &str, contacts: i32) -> CampaignId {
        let campaign = self.campaign(toml).await;
        self.contacts(contacts).await;
        campaign
    }

    /// One piece of an enrolment, of so many contacts. Answers how many people came in.
    async fn piece(&self, campaign: CampaignId, contacts: i64) -> i64 {
        sqlx::query_scalar("select enrol($1, $2, '{name,campaign_number}', '{\"\": [\"name\"]}', null, $3)")
            .bind(self.organization.0)
            .bind(campaign.0)
            .bind(contacts)
            .fetch_one(&self.db.pool)
            .await
            .unwrap()
    }

    /// Everybody in the order of enrolment: phone, state, reason and values.
    async fn everybody(&self, campaign: CampaignId) -> Vec<String> {
        sqlx::query_scalar(
            "select concat_ws(' ', r.phone, r.state, r.reason, p.locale, p.parameters)
               from campaign_recipients r
               left join recipient_parameters p on p.campaign_id = r.campaign_id and p.recipient_id = r.id
              where r.campaign_id = $1 order by r.id",
        )
        .bind(campaign.0)
        .fetch_all(&self.db.pool)
        .await
        .unwrap()
    }
}

#[tokio::test]
async fn campaigns_that_are_enrolled_in_the_same_millisecond_share_no_ids() {
    let acme = Acme::new().await;
    acme.contacts(1).await;
    for nth in 0..64 {
        acme.campaign(&ALL.replace("\"all\"", &format!("\"c{nth}\""))).await;
    }
    let ids: Vec<uuid::Uuid> =
        sqlx::query_scalar("select id from campaign_recipients").fetch_all(&acme.db.pool).await.unwrap();
    assert_eq!(ids.len(), 64);
    // Beside the time, the version, the variant and the count: what tells enrolments apart.
    let apart = 0x0fff_0fff_0000_0000_0000_u128;
    let (any, all) =
        ids.iter().fold((0, u128::MAX), |(any, all), id| (any | id.as_u128(), all & id.as_u128()));
    assert_eq!(any & apart, apart, "each of 24 bits is set in some");
    assert_eq!(all & apart, 0, "and in others not");
}

#[tokio::test]
async fn pieces_enrol_whom_one_statement_enrols_and_nothing_starts_before_the_last() {
    let acme = Acme::new().await;
    let campaign = acme.empty(ALL, 45).await;
    let db = &acme.db;
    db.run(&["contact", "opt-out", phone(13).reveal(), "--reason", "enough"]).done();
    sqlx::query("update contacts set name = null where phone = $1")
        .bind(phone(30).reveal())
        .execute(&db.pool)
        .await
        .unwrap();
    assert_eq!(acme.piece(campaign, 10).await, 10);
    assert_eq!(acme.piece(campaign, 10).await, 10);
    let far = db.store.enrolment(acme.organization, campaign).await.unwrap().unwrap();
    assert_eq!((far.contacts, far.looked, far.enrolled), (45, 20, 20));

    // The console says how far it is.
    let seat = db.store.seat(acme.organization, None).await.unwrap();
    let picture = db.store.picture(&seat).await.unwrap();
    assert_eq!(picture.with_rates(&mut RateWindow::default()).campaigns[0].enrolling, Some((20, 45)));

    // By hand or by the clock: it does not start.
    let verdict: (String, String) = sqlx::query_as(
        "select verdict, found from change_campaign($1, $2, 'launch campaign', null, 'ana', null, null)",
    )
    .bind(acme.organization.0)
    .bind(campaign.0)
    .fetch_one(&db.pool)
    .await
    .unwrap();
    assert_eq!(verdict, ("refused".to_owned(), "enrolling".to_owned()));
    sqlx::query(
        "update campaigns set state = 'scheduled', starts_at = clock_timestamp() - interval '1 second'",
    )
    .execute(&db.pool)
    .await
    .unwrap();
    db.store.run_lifecycle(acme.organization, acme.instance, None).await.unwrap();
    assert_eq!(db.value::<String>("select state::text from campaigns").await, "scheduled");

    // Somebody new comes in meanwhile, behind all others.
    sqlx::query(
        "insert into contacts (organization_id, id, phone, name, locale, country)
         values ($1, ordered_uuid(2, 1, 1), '+237655555555', 'New', 'en', 'CM')",
    )
    .bind(acme.organization.0)
    .execute(&db.pool)
    .await
    .unwrap();
    assert_eq!(db.json(&["campaign", "enrol", "all"]), json!({"enrolled": 26, "planned": 46}));
    assert_eq!(db.store.enrolment(acme.organization, campaign).await.unwrap(), None);
    assert_eq!(db.json(&["campaign", "enrol", "all"]), json!({"enrolled": 0, "planned": 46}), "it is done");
    db.store.run_lifecycle(acme.organization, acme.instance, None).await.unwrap();
    assert_eq!(db.value::<String>("select state::text from campaigns").await, "active");

    let other = acme.campaign(&ALL.replace("\"all\"", "\"at-once\"")).await;
    assert_eq!(
        acme.everybody(campaign).await,
        acme.everybody(other).await,
        "the same people, in the same order"
    );
    assert_eq!(acme.claim(0, campaign, 50).await.messages.len(), 44);
    db.assert_invariants().await;
}

#[tokio::test]
async fn a_limit_a_rollout_and_a_cancellation_hold_over_all_pieces() {
    let acme = Acme::new().await;
    let db = &acme.db;
    let toml = "name = \"some\"\nrollout = [10, 100]\n[audience]\nlimit = 25\n[[steps]]\ntext = { en = \"Hello {{name}}\" }\n";
    let campaign = acme.empty(toml, 60).await;
    assert_eq!(acme.piece(campaign, 10).await, 10);
    while db.store.enrolment(acme.organization, campaign).await.unwrap().is_some() {
        let kept: i64 =
            db.value("select count(*) from campaign_recipients where due_at = not_let_go()").await;
        let all: i64 = db.value("select count(*) from campaign_recipients").await;
        assert_eq!(kept, all, "nobody is let go before all are in");
        acme.piece(campaign, 10).await;
    }
    assert_eq!(db.value::<i64>("select count(*) from campaign_recipients").await, 25);
    assert_eq!(
        db.value::<i64>("select released from campaign_rollouts").await,
        3,
        "a tenth of 25, and no less"
    );

    let campaign = acme
        .campaign("name = \"none\"\n[audience]\ncountries = [\"NG\"]\n[[steps]]\ntext = { en = \"Hi\" }\n")
        .await;
    sqlx::query("update contacts set country = 'NG'").execute(&db.pool).await.unwrap();
    sqlx::query("update campaigns set audience = '{}' where id = $1")
        .bind(campaign.0)
        .execute(&db.pool)
        .await
        .unwrap();
    acme.piece(campaign, 10).await;
    acme.done(Action::CancelCampaign(campaign)).await;
    assert_eq!(acme.piece(campaign, 10).await, 0, "nobody comes into what is cancelled");
    assert_eq!(db.store.enrolment(acme.organization, campaign).await.unwrap(), None);
    db.assert_invariants().await;
}

#[tokio::test]
async fn an_enrolment_that_is_killed_is_gone_on_with_and_everybody_is_in_it_once() {
    let acme = Acme::new().await;
    acme.contacts(250_000).await;
    let db = &acme.db;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.toml");
    std::fs::write(&path, "name = \"large\"\n[[steps]]\ntext = { en = \"Hello {{name}}\" }\n").unwrap();
    let mut child = db.spawn(&["campaign", "create", path.to_str().unwrap()]);
    let begun = Instant::now();
    let looked = "select coalesce(max(looked), 0)::bigint from campaign_enrolments";
    // The first piece comes with the campaign; whoever is quicker than this look is done, and nothing is left to go on with.
    while db.value::<i64>(looked).await == 0 && child.try_wait().unwrap().is_none() {
        assert!(begun.elapsed() < Duration::from_mins(2), "it never began");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(db.value::<i64>("select count(*) from campaigns where name = 'large'").await, 1);
    db.run(&["campaign", "start", "large"]).done();
    let (all, people): (i64, i64) =
        sqlx::query_as("select count(*), count(distinct phone) from campaign_recipients")
            .fetch_one(&db.pool)
            .await
            .unwrap();
    assert_eq!((all, people), (250_000, 250_000));
    let sorted: bool = db
        .value(
            "select bool_and(contact_id > before) from (
                 select contact_id, lag(contact_id) over (order by id) as before from campaign_recipients) r
              where before is not null",
        )
        .await;
    assert!(sorted, "in the order of the contacts, through all pieces");
    assert_eq!(db.json(&["campaign", "stats", "large"])["state"], "active");
}

#[tokio::test]
async fn a_sender_goes_on_with_an_enrolment_that_was_left_behind() {
    let acme = Acme::new().await;
    let campaign = acme.empty(ALL, 30).await;
    acme.piece(campaign, 10).await;
    let (store, organization) = (&acme.db.store, acme.organization);
    assert!(
        !store.enrol_left_behind(organization, acme.instance).await.unwrap(),
        "somebody may be at it still"
    );
    sqlx::query("update campaign_enrolments set touched_at = touched_at - interval '2 minutes'")
        .execute(&acme.db.pool)
        .await
        .unwrap();
    assert!(store.enrol_left_behind(organization, acme.instance).await.unwrap());
    assert_eq!(store.enrolment(organization, campaign).await.unwrap(), None);
    assert_eq!(acme.everybody(campaign).await.len(), 30);
}

/// It has run for longer than a message may be late; whoever it takes in now is not late for that.
#[tokio::test]
async fn whoever_a_standing_campaign_takes_in_is_due_from_then_on() {
    let acme = Acme::new().await;
    let standing = "name = \"default\"\nstanding = { after = \"1h\", every = \"1m\" }\nexpires_after = \"6h\"\n\
                    [[steps]]\ntext = { en = \"Welcome\" }\n";
    let campaign = acme.empty(standing, 0).await;
    acme.done(Action::StartCampaign(campaign)).await;
    sqlx::query("update campaigns set started_at = started_at - interval '7 hours'")
        .execute(&acme.db.pool)
        .await
        .unwrap();
    acme.contacts(2).await;
    sqlx::query("update contacts set created_at = created_at - interval '2 hours'")
        .execute(&acme.db.pool)
        .await
        .unwrap();
    let (store, organization) = (&acme.db.store, acme.organization);
    assert_eq!(store.enrol_standing(organization, None).await.unwrap(), 2);
    store.run_lifecycle(organization, acme.instance, None).await.unwrap();
    assert_eq!(acme.states(campaign).await, ["queued", "queued"]);
    assert_eq!(acme.claim(0, campaign, 1).await.messages.len(), 1);
    let later: chrono::DateTime<chrono::Utc> =
        acme.db.value("select clock_timestamp() + interval '6 hours 1 minute'").await;
    store.run_lifecycle(organization, acme.instance, Some(later)).await.unwrap();
    assert_eq!(
        acme.states(campaign).await,
        ["sending", "skipped"],
        "six hours after it was due it is too late"
    );
    acme.db.assert_invariants().await;
}

/// Somebody cancels while the second piece is still to come: what is told is what is there then.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_told_of_a_campaign_that_was_made_is_what_it_has_become() {
    let acme = Acme::new().await;
    acme.contacts(50_010).await;
    let (db, store) = (&acme.db, &acme.db.store);
    let reader = Reader {
        organization: acme.organization,
        zone: chrono_tz::Africa::Douala,
        private_media: false,
        name: "all.toml",
    };
    let file = "name = \"all\"\nopt_out_line = false\n[[steps]]\ntext = { en = \"Hello {{name}}\" }\n";
    let Ok(checked) = store.check_campaign_file(reader, file.as_bytes(), None).await.unwrap() else {
        panic!("it is in order")
    };
    let cancel = |_: &Enrolment| {
        db.run(&["campaign", "cancel", "all", "--reason", "a mistake"]).done();
    };
    let made = store.make_campaign_telling(acme.organization, &checked, ANA, &cancel).await.unwrap().unwrap();
    assert_eq!(
        (made.state.as_str(), made.planned, made.queued, made.skipped),
        ("cancelled", 50_000, 0, 50_000)
    );
}
