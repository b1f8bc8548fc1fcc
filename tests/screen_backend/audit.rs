//! The audit log in the console: pages by key, words, what was before and after, and what takes a decision back.

use crate::backend;
use crate::screen_world::World;
use signalbox::domain::action::{Action, Order};
use signalbox::domain::ids::{CampaignId, NumberId};
use signalbox::domain::number::Pacing;
use signalbox::domain::opposite::Opposite;
use signalbox::store::view::{AuditDetail, AuditRow, CampaignRow, Cursor, NumberRow, Page, Place};
use signalbox::tui::backend::{ActionAnswer, Backend as _};
use signalbox::tui::store_backend::StoreBackend;
use std::collections::HashSet;
use std::time::Duration;
use uuid::Uuid;

async fn number(backend: &StoreBackend, id: NumberId) -> NumberRow {
    backend.overview().await.unwrap().numbers.into_iter().find(|row| row.id == id).unwrap()
}

async fn campaign(backend: &StoreBackend, id: CampaignId) -> CampaignRow {
    backend.overview().await.unwrap().campaigns.into_iter().find(|row| row.id == id).unwrap()
}

async fn act(backend: &StoreBackend, order: Order) {
    let done = backend.act(order.clone()).await;
    assert!(matches!(done, ActionAnswer::Done { .. }), "{order:?}: {done:?}");
}

async fn found(backend: &StoreBackend, text: &str) -> Vec<AuditRow> {
    backend.audit(text.into(), Place::Start).await.unwrap().rows
}

/// All of the latest decision that has these words.
async fn latest(backend: &StoreBackend, text: &str) -> AuditDetail {
    let row = found(backend, text).await.into_iter().next().unwrap_or_else(|| panic!("nothing has {text}"));
    backend.audit_entry(row.id).await.unwrap()
}

fn place_of(row: &AuditRow) -> Cursor {
    Cursor { at: row.at, id: row.id }
}

fn ids(page: &Page<AuditRow>) -> Vec<Uuid> {
    page.rows.iter().map(|row| row.id).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_join_without_gap_or_repetition_from_both_ends() {
    let world = World::start().await;
    let number = world.number("support-a", 1).await;
    let org = world.organization;
    // Three of each moment: their ids part them.
    world
        .run(&format!(
            "insert into audit_log (organization_id, at, actor, action, entity, entity_id, entity_name, reason)
             select '{org}', now() - make_interval(mins => n / 3),
                    case when n % 2 = 0 then 'ana' else 'bea' end, 'set priority', 'number', '{number}', '+237600000001',
                    'step ' || n
               from generate_series(1, 730) n"
        ))
        .await;
    let backend = backend(&world);
    let mut page = backend.audit("".into(), Place::Start).await.unwrap();
    assert!(!page.more_before);
    let mut down = ids(&page);
    let mut times: Vec<_> = page.rows.iter().map(|row| row.at).collect();
    while page.more_after {
        page = backend.audit("".into(), Place::After(place_of(page.rows.last().unwrap()))).await.unwrap();
        down.extend(ids(&page));
        times.extend(page.rows.iter().map(|row| row.at));
    }
    let mut page = backend.audit("".into(), Place::End).await.unwrap();
    assert!(!page.more_after);
    let mut up: Vec<Uuid> = ids(&page).into_iter().rev().collect();
    while page.more_before {
        page = backend.audit("".into(), Place::Before(place_of(&page.rows[0]))).await.unwrap();
        up.extend(ids(&page).into_iter().rev());
    }
    up.reverse();
    assert_eq!(down, up);
    assert!(down.len() >= 730 && down.iter().collect::<HashSet<_>>().len() == down.len());
    assert!(times.is_sorted_by(|one, next| one >= next), "the latest first");

    // Words: who and why, whatever their case, and a number by what it is called.
    let by_bea = found(&backend, "BEA step").await;
    assert!(by_bea.iter().all(|row| row.by.as_str() == "bea") && by_bea.len() == 200);
    assert_eq!(found(&backend, "support-a ana 730").await.len(), 1);
    assert_eq!(found(&backend, "nobody-has-this").await, []);
    // A phone is not shown where the number has a name, and masked where it has none.
    world.run("update whatsapp_numbers set display_name = ''").await;
    let row = found(&backend, "step 730").await.remove(0);
    assert_eq!(row.name.as_str(), "+2376*****001");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_before_is_told_and_brought_back_by_its_opposite() {
    let world = World::start().await;
    let id = world.number("support-a", 5).await;
    let news = world.campaign("spring-news", 10).await;
    let backend = backend(&world);

    let row = number(&backend, id).await;
    act(&backend, Order::on(Action::SetPriority { number: id, priority: 2 }, row.version)).await;
    let detail = latest(&backend, "set priority").await;
    let change = &detail.changes[0];
    assert_eq!(
        (
            change.what.as_str(),
            change.before.as_ref().unwrap().as_str(),
            change.after.as_ref().unwrap().as_str()
        ),
        ("priority", "5", "2")
    );
    assert_eq!((detail.changes.len(), &detail.later), (1, &None));
    let Ok(Opposite::Number(former)) = &detail.opposite else { panic!("{detail:?}") };
    assert_eq!(former.priority, Some(5));

    let row = number(&backend, id).await;
    let pacing = Pacing { interval: Duration::from_secs(2), ..row.pacing };
    let limits = Action::SetLimits { number: id, daily_limit: Some(40), pacing };
    act(&backend, Order::on(limits, row.version)).await;
    let detail = latest(&backend, "set limits").await;
    let Ok(Opposite::Number(former)) = &detail.opposite else { panic!("{detail:?}") };
    assert_eq!(former.daily_limit, Some(row.daily_limit));
    assert_eq!(former.interval_ms.map(u128::from), Some(row.pacing.interval.as_millis()));
    // It is about something else: the way back from the priority stays open.
    assert_eq!(latest(&backend, "set priority").await.later, None);

    let before = campaign(&backend, news).await;
    let terms = signalbox::domain::campaign::Steering {
        priority: before.terms.priority + 1,
        window: "09:00-20:00 organization".parse().ok(),
        ..before.terms
    };
    act(&backend, Order::on(Action::SetTerms { campaign: news, terms }, before.version)).await;
    let detail = latest(&backend, "edit campaign").await;
    let Ok(Opposite::Terms(former)) = detail.opposite else { panic!("{detail:?}") };
    let now = campaign(&backend, news).await;
    act(
        &backend,
        Order::on(Action::SetTerms { campaign: news, terms: former.terms(now.terms) }, now.version),
    )
    .await;
    assert_eq!(campaign(&backend, news).await.terms, before.terms);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_decides_anew_about_the_same_closes_the_way_back() {
    let world = World::start().await;
    let id = world.number("support-a", 1).await;
    let backend = backend(&world);
    let suspend = Action::SuspendNumber { number: id, until: None };
    act(&backend, Order::on(suspend, number(&backend, id).await.version).because("first")).await;
    let first = latest(&backend, "suspend first").await;
    assert_eq!((&first.opposite, &first.later), (&Ok(Opposite::ResumeNumber), &None));
    act(&backend, Order::on(Action::ResumeNumber(id), number(&backend, id).await.version)).await;
    let first = backend.audit_entry(first.id).await.unwrap();
    assert_eq!(first.later.unwrap().action.as_str(), "resume number");

    // A sender's word holds no values; that it suspended the number counts all the same, and that it warned does not.
    let resumed = latest(&backend, "resume number").await;
    assert!(matches!(resumed.opposite, Ok(Opposite::SuspendNumber { until: None })), "{resumed:?}");
    let org = world.organization;
    let say = |action: &str| {
        format!(
            "insert into audit_log (organization_id, actor, action, entity, entity_id, entity_name, reason)
             values ('{org}', 'sender', '{action}', 'number', '{id}', '+237600000001', 'x')"
        )
    };
    world.run(&say("warn")).await;
    assert_eq!(backend.audit_entry(resumed.id).await.unwrap().later, None);
    world.run(&say("suspend")).await;
    let later = backend.audit_entry(resumed.id).await.unwrap().later.unwrap();
    assert_eq!((later.by.as_str(), later.action.as_str()), ("sender", "suspend"));
    // What nobody can take back says so.
    world.run(&say("reveal phone")).await;
    assert_eq!(latest(&backend, "reveal").await.opposite, Err("what was seen was seen".into()));
    assert!(backend.audit_entry(Uuid::now_v7()).await.is_err());
}
