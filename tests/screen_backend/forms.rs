//! Campaigns that are typed, counted and made; slots; progress and who gets nothing.

use crate::screen_world::World;
use crate::{backend, backend_of};
use signalbox::domain::action::{Action, Order};
use signalbox::domain::campaign::{CampaignFile, CampaignSpec, Context};
use signalbox::domain::number::NumberWords;
use signalbox::domain::phone::Phone;
use signalbox::domain::setting::{Change, Setting};
use signalbox::domain::text::{Safe, Shown};
use signalbox::postgres::connect::Purpose;
use signalbox::tui::backend::{ActionAnswer, Backend as _, BackendError, Making};
use std::sync::Arc;
use tokio::sync::oneshot;

const FILE: &str = "name = \"summer\"\n[audience]\ncountries = [\"CM\"]\ntags = [\"vip\"]\n[[steps]]\n\
                    text = { en = \"Hi {{name}}, {{campaign_number}}\" }\n";

fn spec(text: &str) -> Arc<CampaignSpec> {
    let context = Context::in_zone(chrono_tz::Africa::Douala);
    Arc::new(CampaignFile::parse(text, "c.toml", &context).unwrap_or_else(|all| panic!("{all:?}")))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_estimate_is_the_command_s_and_stops_when_nobody_wants_it() {
    let world = World::start().await;
    world.campaign("other", 40).await;
    let backend = backend(&world);
    let spec = spec(FILE);
    let counted = backend.estimate(spec.clone(), oneshot::channel().0).await.unwrap();
    let terms = world.store.terms_of_spec(world.organization, &spec).await.unwrap();
    let by_command = world.store.estimate(world.organization, &terms).await.unwrap();
    assert_eq!((counted.contacts, counted.queued), (40, 20));
    assert_eq!(
        (i64::try_from(counted.queued).unwrap(), i64::try_from(counted.planned).unwrap()),
        (by_command.queued, by_command.planned)
    );
    let outside: u64 = counted.not_in_audience.iter().map(|(_, people)| people).sum();
    assert_eq!(i64::try_from(outside).unwrap(), by_command.not_in_audience.values().sum::<i64>());
    // From now on counting takes longer than anybody waits.
    world
        .run(
            "create or replace function estimate_audience(p_org uuid, p_campaign uuid, p_audience jsonb,
                                                          p_required jsonb, p_now timestamptz)
                 returns table (reason text, is_outside boolean, people bigint) language plpgsql as
             $$ begin perform pg_sleep(600); end $$",
        )
        .await;
    let counting = async || {
        world
            .ask(
                "select count(*) from pg_stat_activity
                  where datname = current_database() and state = 'active' and query like '%estimate_audience(%'
                    and pid <> pg_backend_pid()",
            )
            .await
    };
    let first = tokio::spawn(backend.estimate(spec.clone(), oneshot::channel().0));
    World::until("it counts", || async { counting().await == 1 }).await;
    // Whoever asks again has the former one given up ...
    let second = tokio::spawn(backend.estimate(spec.clone(), oneshot::channel().0));
    assert!(matches!(first.await.unwrap(), Err(BackendError::Refused(_))));
    World::until("one counts", || async { counting().await == 1 }).await;
    // ... and a form that is closed has the last one given up.
    backend.forget_estimate();
    assert!(matches!(second.await.unwrap(), Err(BackendError::Refused(_))));
    World::until("nobody counts", || async { counting().await == 0 }).await;
}

/// Of many contacts, a few are looked at first, as far as the login role sees them; then all are counted.
#[tokio::test(flavor = "multi_thread")]
async fn what_takes_long_to_count_is_said_at_about_before() {
    let world = World::start().await;
    let stranger = "00000000-0000-7000-8000-000000000001";
    // Four on a page: two hundred thousand take as much room.
    world
        .run(&format!(
            "insert into organizations (id, slug, name, time_zone) values ('{stranger}', 'b', 'B', 'UTC');
             insert into contacts (organization_id, id, phone, name, locale, country, tags, attributes)
             select case when n % 4 = 0 then '{stranger}'::uuid else '{}' end, ordered_uuid(1, 1, n),
                    '+2375' || lpad(n::text, 8, '0'), case when n % 10 > 0 then 'A' end, 'en',
                    case when n % 3 > 0 then 'CM' else 'NG' end, '{{vip}}',
                    jsonb_build_object('filling', (select string_agg(md5(n::text || i), '') from generate_series(1, 58) i))
               from generate_series(1, 24000) n",
            world.organization
        ))
        .await;
    let store = signalbox::store::Store::new(&world.operators);
    let about = async |file: &str| store.estimate_about(world.organization, &spec(file)).await.unwrap();
    let exactly = async |file: &str| {
        let terms = store.terms_of_spec(world.organization, &spec(file)).await.unwrap();
        store.estimate(world.organization, &terms).await.unwrap()
    };
    let french = FILE.replace("en =", "fr = \"Salut\", en =");
    for file in [FILE, &french, &FILE.replace("\"CM\"", "\"NG\"")] {
        let (sampled, counted) = (about(file).await.unwrap(), exactly(file).await);
        assert_eq!(counted.contacts, 18_000);
        // Three margins: once in a thousand times somebody would have to look at this.
        let off = (sampled.about.queued - counted.queued).abs();
        assert!(sampled.margin > 0 && off <= 3 * sampled.margin, "{sampled:?} {counted:?}");
        assert!((sampled.about.contacts - 18_000).abs() < 1_500, "{sampled:?}");
        assert!(sampled.about.skipped.contains_key("missing_variable: name"), "{sampled:?}");
    }
    let none = about(&FILE.replace("\"CM\"", "\"FR\"")).await.unwrap();
    assert!(none.about.queued == 0 && none.margin > 0, "{none:?}");
    let few = about(&FILE.replace("tags", "limit = 70\ntags")).await.unwrap();
    assert_eq!((few.about.queued, few.margin), (70, 0), "{few:?}");
    let picked = FILE.replace("tags", "phones = [\"+237500000001\", \"+237500000010\"]\ntags");
    let picked = about(&picked).await.unwrap();
    assert_eq!((picked.about.queued, picked.about.planned, picked.margin), (1, 2, 0), "{picked:?}");
    let (early, told) = oneshot::channel();
    let counted = backend(&world).estimate(spec(FILE), early).await.unwrap();
    let told = told.await.unwrap();
    assert!(told.margin.is_some() && counted.margin.is_none(), "{told:?} {counted:?}");
    world.run("truncate contacts").await;
    assert_eq!(about(FILE).await, None, "so few are counted as fast");
}

/// What the form says before it is made is what is answered when it is.
#[tokio::test(flavor = "multi_thread")]
async fn a_form_is_told_what_the_end_of_the_subscription_refuses() {
    let world = World::start().await;
    world.number("support-a", 1).await;
    world.campaign("other", 40).await;
    let backend = backend(&world);
    assert!(!backend.known_to_files().await.unwrap().subscription_ends);
    world.run("update organizations set subscription_ends_at = now() + interval '3 days'").await;
    assert!(backend.known_to_files().await.unwrap().subscription_ends);
    let soon = backend.check_file(FILE.to_owned(), None, Some(20)).await.unwrap();
    assert_eq!(soon.refusal, None, "it would be done before");
    let late = format!("starts_at = \"2099-01-01T09:00\"\n{FILE}");
    let check = backend.check_file(late.clone(), None, Some(20)).await.unwrap();
    let refusal = check.refusal.unwrap();
    assert!(refusal.as_str().contains("would begin on 2099-01-01"), "{refusal}");
    let Making::Wrong(findings) = backend.make_campaign(late, None).await.unwrap() else {
        panic!("it was made")
    };
    assert_eq!(findings[0].1, refusal);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_judged_and_made_as_by_the_command() {
    let world = World::start().await;
    world.number("support-a", 1).await;
    world.campaign("other", 40).await;
    let backend = backend(&world);
    let known = backend.known_to_files().await.unwrap();
    assert_eq!((known.pools, known.campaigns), (vec!["default".to_owned()], vec!["other".to_owned()]));
    let check = backend.check_file(FILE.to_owned(), None, Some(20)).await.unwrap();
    assert!(check.findings.is_empty() && check.refusal.is_none(), "{check:?}");
    let wrong = FILE.replace("countries", "pool = \"none\"\ncountries");
    let check = backend.check_file(wrong.clone(), None, None).await.unwrap();
    assert_eq!(check.findings.len(), 1, "{check:?}");
    let Making::Wrong(findings) = backend.make_campaign(wrong, None).await.unwrap() else {
        panic!("it was made")
    };
    assert_eq!(findings, check.findings);
    let Making::Made(made) = backend.make_campaign(FILE.to_owned(), None).await.unwrap() else {
        panic!("not made")
    };
    assert_eq!((made.planned, made.queued, made.skipped, made.starts_by_itself), (20, 20, 0, false));
    assert_eq!(
        world.ask("select count(*) from campaigns where name = 'summer' and state = 'draft'").await,
        1
    );
    assert_eq!(
        world.ask("select count(*) from audit_log where entity_name = 'summer' and actor = 'ana'").await,
        world.ask("select count(*) from audit_log where entity_name = 'summer'").await
    );
    let again = backend.make_campaign(FILE.to_owned(), None).await.unwrap();
    let Making::Wrong(findings) = again else { panic!("made twice") };
    assert_eq!(findings[0].0.as_str(), "name");
    assert!(findings[0].1.contains("there is a campaign \"summer\" already"), "{findings:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn slots_are_shown_by_slot_and_changed_by_order() {
    let world = World::start().await;
    world.campaign("other", 40).await;
    world.run("update organizations set slot_first = 1, slot_last = 6, slot_expiry_days = 30").await;
    let backend = backend_of(&world, "bea", None);
    let Making::Made(_) = backend.make_campaign(FILE.to_owned(), None).await.unwrap() else {
        panic!("not made")
    };
    let view = backend.slots(None).await.unwrap();
    assert_eq!((view.first, view.last, view.people, view.free, view.shared), (1, 6, 20, 0, 6));
    assert_eq!(view.held.iter().map(|cell| cell.people).sum::<u64>(), 20);
    assert!(view.held.iter().all(|cell| !cell.is_over));
    let holders = backend.slot_holders(None, 1).await.unwrap();
    assert_eq!(holders.len() as u64, view.held[0].people);
    // All of them came at the same moment: whichever the grid names is one of them.
    assert!(holders.iter().any(|holder| holder.phone == view.held[0].phone));
    assert!(holders.iter().any(|holder| holder.shared) && holders[0].until.is_some());
    // A slot that is held goes to nobody else, and the answer shows no whole phone.
    let stranger = Phone::parse("+237500000001").unwrap();
    let set = |phone: &Phone, slot| {
        Order::whole(Action::SetSlot { campaign: None, phone: phone.clone(), slot }).because("asked for it")
    };
    let ActionAnswer::Refused(why) = backend.act(set(&stranger, Some(2))).await else {
        panic!("it was given")
    };
    assert!(why.contains("has this slot") && !why.contains("+2375000"), "{why}");
    // Messages that are still to be sent show them: none is taken back.
    let reset = backend.slot_reset(None).await.unwrap();
    assert_eq!((reset.released, reset.kept), (0, 20));
    let ActionAnswer::Refused(why) = backend.act(set(&holders[0].phone, None)).await else { panic!("taken") };
    assert!(why.contains("still to be sent shows this slot") && !why.contains("+2375000"), "{why}");
    world
        .run(
            "update campaigns set state = 'cancelled', finished_at = clock_timestamp() where name = 'summer'",
        )
        .await;
    let reset = backend.slot_reset(None).await.unwrap();
    assert_eq!((reset.released, reset.kept), (20, 0));
    let before = world.ask("select count(*) from contact_slots").await;
    assert_eq!(before, 20, "counting takes nothing back");
    let done = backend.act(Order::whole(Action::ResetSlots(None))).await;
    assert!(matches!(done, ActionAnswer::Done { .. }), "{done:?}");
    let done = backend.act(set(&stranger, Some(2))).await;
    assert!(matches!(done, ActionAnswer::Done { .. }), "{done:?}");
    let view = backend.slots(None).await.unwrap();
    assert_eq!(view.held.iter().map(|cell| (cell.slot, cell.people)).collect::<Vec<_>>(), [(2, 1)]);
    world.run("update contact_slots set used_at = used_at - interval '31 days'").await;
    assert!(backend.slots(None).await.unwrap().held[0].is_over, "free again at the next enrolment");
    let log = world
        .ask("select count(*) from audit_log where action in ('set slot', 'reset slots') and actor = 'bea'");
    assert_eq!(log.await, 2);
    let miscounted = "select count(*) from slot_counts c
                        full join (select scope_id, slot, count(*) as people from contact_slots group by 1, 2) k
                          using (scope_id, slot) where coalesce(c.people, 0) <> coalesce(k.people, 0)";
    assert_eq!(world.ask(miscounted).await, 0);
    world.run("update contact_slots set slot = 3, shared = true where slot = 2").await;
    assert_eq!(world.ask(miscounted).await, 0, "who changes slots by hand is counted too");
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_and_the_skip_register_are_those_of_the_commands() {
    let world = World::start().await;
    world.number("support-a", 1).await;
    world.campaign("other", 40).await;
    world.run("update contacts set name = null where phone like '%2'").await;
    let backend = backend(&world);
    let Making::Made(made) = backend.make_campaign(FILE.to_owned(), None).await.unwrap() else {
        panic!("not made")
    };
    assert!(made.skipped > 0, "{made:?}");
    let follower = FILE.replace("\"summer\"", "\"autumn\"\nrun_after = \"summer\"");
    let Making::Made(_) = backend.make_campaign(follower, None).await.unwrap() else { panic!("not made") };
    let campaign = world.store.campaigns(world.organization, Some("summer")).await.unwrap().remove(0);
    let view = backend.progress(campaign.id).await.unwrap();
    let days = world.store.planned_days(world.organization, campaign.id).await.unwrap();
    assert_eq!(view.days.len(), days.len());
    assert_eq!(
        view.days.iter().map(|day| day.planned).sum::<u64>(),
        u64::try_from(days.iter().map(|day| day.planned).sum::<i64>()).unwrap()
    );
    assert_eq!(view.followers.iter().map(Shown::as_str).collect::<Vec<_>>(), ["autumn"]);
    assert_eq!(view.behind, None);
    let stats = world.store.campaign_stats(world.organization, "summer").await.unwrap().unwrap();
    let skipped: u64 = view.skipped.iter().map(|reason| reason.people).sum();
    assert_eq!(i64::try_from(skipped).unwrap(), stats.skipped);
    assert_eq!((view.skipped[0].code.as_str(), skipped), ("missing_variable", made.skipped));
    let queue = backend.queue().await.unwrap();
    assert_eq!(queue.iter().map(|line| line.behind.as_str()).collect::<Vec<_>>(), ["summer"]);
    // Nobody has a name yet; then all of them have.
    let again = || {
        Order::whole(Action::IncludeAgain { campaign: campaign.id, reason: "missing_variable".to_owned() })
    };
    let ActionAnswer::Refused(why) = backend.act(again()).await else { panic!("they were taken back") };
    assert!(why.contains("something still stands against all"), "{why}");
    world.run("update contacts set name = 'Ana' where name is null").await;
    let done = backend.act(again()).await;
    assert!(matches!(done, ActionAnswer::Done { .. }), "{done:?}");
    assert!(backend.progress(campaign.id).await.unwrap().skipped.is_empty());
    world
        .run(
            "update campaigns set state = 'cancelled', finished_at = clock_timestamp() where name = 'summer'",
        )
        .await;
    let ActionAnswer::Refused(why) = backend.act(again()).await else { panic!("it has ended") };
    assert!(why.contains("the campaign has ended"), "{why}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_like_one_of_a_single_number_goes_through_it_as_well() {
    let world = World::start().await;
    world.number("support-a", 1).await;
    let single = world.number("support-b", 2).await;
    world.campaign("other", 40).await;
    let backend = backend(&world);
    let make = async |name: &str, like| {
        let source = FILE.replace("\"summer\"", &format!("\"{name}\""));
        let Making::Made(made) = backend.make_campaign(source, like).await.unwrap() else {
            panic!("not made")
        };
        made.through.map(Safe::into_string)
    };
    assert_eq!(make("summer", None).await, None);
    let summer = world.store.campaigns(world.organization, Some("summer")).await.unwrap()[0].id;
    assert_eq!(make("autumn", Some(summer)).await, None, "any number sends for the first as well");
    world.run(&format!("update campaigns set only_number_id = '{single}' where name = 'summer'")).await;
    assert_eq!(make("winter", Some(summer)).await.unwrap(), "+237600000002 alone sends for it");
    let same =
        format!("select count(*) from campaigns where name = 'winter' and only_number_id = '{single}'");
    assert_eq!(world.ask(&same).await, 1);
    // The pool lost it meanwhile.
    world.run(&format!("delete from pool_numbers where number_id = '{single}'")).await;
    let through = make("spring", Some(summer)).await.unwrap();
    assert_eq!(through, "any of its pool sends for it: +237600000002 is not in it");
    let any = "select count(*) from campaigns where name = 'spring' and only_number_id is null";
    assert_eq!(world.ask(any).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_campaign_is_opened_by_its_file_and_its_steps_are_changed() {
    let world = World::start().await;
    world.number("support-a", 1).await;
    world.campaign("other", 40).await;
    let backend = backend(&world);
    let Making::Made(_) = backend.make_campaign(FILE.to_owned(), None).await.unwrap() else {
        panic!("not made")
    };
    let campaign = world.store.campaigns(world.organization, Some("summer")).await.unwrap()[0].id;
    assert_eq!(backend.campaign_file(campaign).await.unwrap(), FILE);
    let name = || Safe::new("summer");
    let check = backend.check_file(FILE.to_owned(), Some(name()), None).await.unwrap();
    assert!(check.findings.is_empty(), "its own name is not taken: {check:?}");
    let other = FILE.replace("Hi {{name}}", "Hello {{name}}").replace("summer\"", "summer\"\npriority = 7");
    let changed = backend.change_campaign(campaign, name(), other.clone()).await.unwrap();
    assert_eq!(changed, Making::Changed(name(), vec!["priority".into()]));
    assert_eq!(
        world
            .ask("select count(*) from campaign_steps where texts -> 0 ->> 'text' like 'Hello {{name}}%'")
            .await,
        1
    );
    let changed = other.replace("priority = 7\n", "");
    assert_eq!(backend.campaign_file(campaign).await.unwrap(), changed, "the next one opens what came of it");
    let renamed = FILE.replace("summer", "winter");
    let Making::Wrong(why) = backend.change_campaign(campaign, name(), renamed).await.unwrap() else {
        panic!()
    };
    assert!(why[0].1.contains("is the file of campaign winter, not of summer"), "{why:?}");
    let by_hand = world.store.campaigns(world.organization, Some("other")).await.unwrap()[0].id;
    assert!(matches!(backend.campaign_file(by_hand).await, Err(BackendError::Refused(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pace_of_a_campaign_is_kept_by_the_minute() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 10).await;
    let sender = world.sender(&[number]).await;
    world.store.note_pace(world.organization).await.unwrap();
    // As if that had been three minutes ago.
    world.run("update campaign_pace set minute = minute - interval '3 minutes'").await;
    for message in sender.claim(number, campaign, 6).await {
        sender.record(&message, "accepted").await;
    }
    world.store.note_pace(world.organization).await.unwrap();
    let backend = backend(&world);
    let view = backend.progress(campaign).await.unwrap();
    assert_eq!(view.pace.sent.iter().sum::<u64>(), 6, "{view:?}");
    assert!((3..=4).contains(&view.pace.sent.len()), "a minute may have ended meanwhile: {view:?}");
    world.run("update campaign_pace set minute = minute - interval '15 days'").await;
    world.store.note_pace(world.organization).await.unwrap();
    assert_eq!(world.ask("select count(*) from campaign_pace").await, 1, "it is kept for two weeks");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_minute_of_a_campaign_is_drawn_too() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let campaign = world.campaign("spring-news", 10).await;
    let sender = world.sender(&[number]).await;
    for message in sender.claim(number, campaign, 4).await {
        sender.record(&message, "accepted").await;
    }
    world.store.note_pace(world.organization).await.unwrap();
    let backend = backend(&world);
    assert_eq!(backend.progress(campaign).await.unwrap().pace.sent, [4]);
    // One that was only kept later than it began has no first minute.
    world.run("update campaigns set started_at = started_at - interval '1 hour'").await;
    assert_eq!(backend.progress(campaign).await.unwrap().pace.sent, [0_u64; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_that_could_never_send_is_not_added() {
    use signalbox::domain::action::NewNumber;
    use signalbox::domain::number::Remarks;
    let world = World::start().await;
    let backend = backend(&world);
    let account = world.store.accounts(world.organization, None).await.unwrap().remove(0);
    let add = |sender_id: &str| {
        let number = NewNumber {
            phone: Phone::parse("+237699000001").unwrap(),
            account: account.id,
            sender_id: sender_id.to_owned(),
            name: String::new(),
            priority: 5,
            daily_limit: None,
            pacing: None,
            warm_up: None,
            remarks: Remarks::default(),
            pool: None,
        };
        backend.act(Order::whole(Action::AddNumber(number)))
    };
    for wrong in ["a b", ""] {
        let answer = add(wrong).await;
        let ActionAnswer::Refused(why) = &answer else { panic!("{answer:?}") };
        assert!(why.starts_with("the number cannot be used: "), "{why}");
    }
    let answer = add("51").await;
    assert!(matches!(answer, ActionAnswer::Done { .. }), "{answer:?}");
}

/// Both look before either changes anything, as far as they are let.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_who_save_the_same_setting_at_once_one_is_told() {
    let world = World::start().await;
    let set = |to: &str| {
        let to = Setting::Name.read(to).unwrap();
        let change = Change { setting: Setting::Name, was: "Acme".into(), to };
        Order::whole(Action::EditSettings(vec![change]))
    };
    // Whoever changes it waits for this.
    let other = world.database.pool(Purpose::Migrate);
    let mut held = other.begin().await.unwrap();
    sqlx::query("select from organizations for update").execute(&mut *held).await.unwrap();
    let [ana, bea] = ["ana", "bea"].map(|operator| {
        let backend = backend_of(&world, operator, None);
        let order = set(&format!("Acme of {operator}"));
        tokio::spawn(async move { backend.act(order).await })
    });
    World::until("both wait", || async {
        world.ask("select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()").await == 2
    })
    .await;
    held.rollback().await.unwrap();
    let answers = [ana.await.unwrap(), bea.await.unwrap()];
    let done = answers.iter().filter(|answer| matches!(answer, ActionAnswer::Done { .. })).count();
    let told = answers
        .iter()
        .any(|answer| matches!(answer, ActionAnswer::Changed { to, .. } if to.starts_with("Name: Acme of ")));
    assert!(done == 1 && told, "{answers:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_of_a_number_that_are_not_edited_stay_and_come_back_alone() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    world.run("update whatsapp_numbers set notes = E'first\\nsecond', label = 'main'").await;
    let backend = backend(&world);
    let words = NumberWords { label: Some(None), ..NumberWords::default() };
    let order = Order::whole(Action::DescribeNumber { number, words });
    let ActionAnswer::Done { undo: Some(undo), .. } = backend.act(order).await else { panic!("not done") };
    let remarks = async || backend.overview().await.unwrap().numbers.remove(0).remarks;
    let now = remarks().await;
    assert_eq!((now.notes.as_str(), now.label.as_deref()), ("first\nsecond", None));
    let words = NumberWords { label: Some(Some("main".into())), ..NumberWords::default() };
    assert_eq!(undo.action, Action::DescribeNumber { number, words });
    // Who suspends what is suspended takes back only their own part, and that has no way back.
    let suspend = |until| Order::whole(Action::SuspendNumber { number, until });
    let first = backend.act(suspend(None)).await;
    assert!(matches!(first, ActionAnswer::Done { undo: Some(_), .. }), "{first:?}");
    let until = Some(chrono::Utc::now() + chrono::TimeDelta::hours(1));
    let second = backend.act(suspend(until)).await;
    assert!(matches!(second, ActionAnswer::Done { undo: None, .. }), "{second:?}");
}
