//! What whoever watches over the program is told: whether it is well, and, for a token, figures that add up.

use crate::{
    caller::Call,
    office::Office,
    world::{
        relay::Relay,
        seed::{Camp, Num},
        until,
    },
};
use serde_json::Value;
use signalbox::{
    config::Hidden,
    domain::ids::InstanceId,
    inbound::{Listener, Settings},
    postgres::connect::Database,
    secrets::KeyRing,
    sender::Sender,
    store::{Store, action::Actor},
};
use std::net::SocketAddr;
use tokio::sync::watch;

const TOKEN: &str = "a-long-word-for-prometheus";

/// A listener beside this sender, for who shows the token.
async fn beside(office: &Office, sender: Option<&Sender>, database: &Database, token: bool) -> Listener {
    let mut settings =
        Settings::new(SocketAddr::from(([127, 0, 0, 1], 0)), office.world.spool.path().to_owned());
    let (_, shown) = watch::channel(sender.map(Sender::liveness));
    settings.sender = shown;
    settings.metrics_token = token.then(|| Hidden::new(TOKEN.to_owned()));
    let keys = KeyRing::parse(&office.world.key_text).unwrap();
    let store = Store::new(database);
    Listener::start(store, keys, office.world.organization, InstanceId::new(), &settings).await.unwrap()
}

async fn health(listener: &Listener) -> (u16, Value) {
    let answer = Call::get("/healthz").ask(listener.address()).await;
    assert_eq!(answer.content_type, "application/json", "{answer:?}");
    (answer.status, serde_json::from_str(&answer.body).unwrap())
}

/// What the container file has asked, of this listener.
async fn is_well_in_its_container(listener: &Listener) -> bool {
    let file = include_str!("../../assets/run/Containerfile").replace("\\\n", "");
    let check = file.lines().find_map(|line| line.strip_prefix("HEALTHCHECK ")?.split_once(" CMD "));
    let words: Vec<String> = serde_json::from_str(check.unwrap().1).unwrap();
    let port = format!("/{} ", listener.address().port());
    let words: Vec<String> = words.iter().map(|word| word.replace("/8080 ", &port)).collect();
    assert!(words.concat().contains(&port), "{words:?}");
    tokio::process::Command::new(&words[0]).args(&words[1..]).status().await.unwrap().success()
}

async fn metrics(listener: &Listener) -> String {
    let shown = format!("Bearer {TOKEN}");
    let answer = Call::get("/metrics").with(("authorization", &shown)).ask(listener.address()).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.content_type.starts_with("text/plain; version=0.0.4"), "{answer:?}");
    answer.body
}

/// The value of the line that begins so.
fn value(text: &str, line: &str) -> f64 {
    let found = text.lines().find_map(|each| each.strip_prefix(line)?.strip_prefix(' '));
    found.unwrap_or_else(|| panic!("{line} in {text}")).parse().unwrap()
}

#[tokio::test]
async fn it_is_well_while_it_sends_and_not_once_the_sender_is_gone() {
    let office = Office::open().await;
    office.world.number(Num::meta()).await;
    let sender = office.world.sender().await;
    let listener = beside(&office, Some(&sender), &office.world.database, false).await;
    until("it holds its number", 30, async || health(&listener).await.1["sender"] == "sends").await;
    let (status, told) = health(&listener).await;
    assert_eq!((status, &told["status"], &told["numbers_held"]), (200, &"well".into(), &1.into()), "{told}");
    assert!(told["last_look_seconds"].is_u64(), "{told}");
    assert!(is_well_in_its_container(&listener).await);
    office.world.end([sender]).await;
    assert!(!is_well_in_its_container(&listener).await);
    let (status, told) = health(&listener).await;
    assert_eq!((status, &told["status"], &told["sender"]), (503, &"unwell".into(), &"gone".into()), "{told}");
    listener.end().await;
}

/// It reads on, and so looks alive; but it writes nothing, and sends nothing.
#[tokio::test]
async fn a_sender_whose_role_lost_its_right_is_not_well() {
    let office = Office::open().await;
    let (store, organization) = (&office.world.store, office.world.organization);
    office.world.number(Num::meta()).await;
    let role = format!("service_{}", office.world.name);
    let owner = Actor::operator("owner");
    store.add_operator(organization, &role, "service", None, owner).await.unwrap();
    let database = office.world.database.as_role(&role);
    let sender = office.world.sender_with(&database, |_| {}).await;
    let listener = beside(&office, Some(&sender), &office.world.database, true).await;
    until("it holds its number", 30, async || health(&listener).await.1["sender"] == "sends").await;
    assert_eq!(value(&metrics(&listener).await, "signalbox_sender_up"), 1.0);
    store.edit_operator(organization, &role, "viewer", None, owner).await.unwrap();
    until("it is not well", 60, async || health(&listener).await.0 == 503).await;
    let (_, told) = health(&listener).await;
    assert_eq!(told["sender"], "stuck", "{told}");
    assert_eq!(value(&metrics(&listener).await, "signalbox_sender_up"), 0.0);
    store.edit_operator(organization, &role, "service", None, owner).await.unwrap();
    until("it is well again", 60, async || health(&listener).await.0 == 200).await;
    listener.end().await;
    office.world.end([sender]).await;
}

#[tokio::test]
async fn a_database_that_is_away_is_told_and_so_is_its_return() {
    let office = Office::open().await;
    let relay = Relay::before(&office.world).await;
    let listener = beside(&office, None, &relay.database(), true).await;
    let (status, told) = health(&listener).await;
    assert_eq!((status, &told["sender"]), (200, &"none".into()), "a listener without a sender: {told}");
    relay.cut();
    until("it says that the database is away", 30, async || health(&listener).await.0 == 503).await;
    assert_eq!(value(&metrics(&listener).await, "signalbox_database_up"), 0.0);
    relay.restore();
    until("it is well again", 60, async || health(&listener).await.0 == 200).await;
    until("figures are back", 60, async || value(&metrics(&listener).await, "signalbox_database_up") == 1.0)
        .await;
    listener.end().await;
}

#[tokio::test]
async fn figures_are_for_who_shows_the_token() {
    let office = Office::open().await;
    let closed = beside(&office, None, &office.world.database, false).await;
    let open = beside(&office, None, &office.world.database, true).await;
    let shown = |word: &str| Call::get("/metrics").with(("authorization", word));
    let right = format!("bearer {TOKEN}");
    assert_eq!(shown(&right).ask(closed.address()).await.status, 403, "no token was set");
    let longer = format!("Bearer {TOKEN}x");
    for wrong in ["", "Bearer", "Bearer ", "Bearer guess", longer.as_str(), TOKEN, "Basic x"] {
        let answer = shown(wrong).ask(open.address()).await;
        assert_eq!(answer.status, 401, "{wrong:?}");
        assert!(!answer.body.contains("signalbox_"), "{answer:?}");
    }
    assert_eq!(Call::get("/metrics").ask(open.address()).await.status, 401);
    assert_eq!(shown(&right).ask(open.address()).await.status, 200);
    closed.end().await;
    open.end().await;
}

#[tokio::test]
async fn figures_are_those_of_the_ledger_and_name_no_phone() {
    let office = Office::open().await;
    let number = office.world.number(Num::meta().daily(100)).await;
    // Its day is full after ten: it goes on running.
    office.world.campaign(Camp::of(30).daily(10)).await;
    let sender = office.world.sender().await;
    office.world.until_counts("ten are accepted", 60, |counts| counts.accepted == 10).await;
    until("the outcomes are recorded", 30, async || sender.status().borrow().unrecorded == 0).await;
    office
        .world
        .execute(
            "update accounts set token_since = clock_timestamp() - interval '91 days' where name = 'meta'",
        )
        .await;
    office.world.store.raise_alerts(office.world.organization).await.unwrap();
    let listener = beside(&office, Some(&sender), &office.world.database, true).await;
    let text = metrics(&listener).await;
    let of = |what: &str| value(&text, what);
    assert_eq!(of("signalbox_sender_outcomes_total{outcome=\"accepted\"}"), 10.0);
    assert_eq!(of("signalbox_sent_today{organization=\"acme\"}"), 10.0);
    assert!(text.contains("signalbox_sender_last_claim_seconds "), "{text}");
    assert_eq!(of("signalbox_alerts{organization=\"acme\",severity=\"warning\"}"), 1.0, "{text}");
    assert_eq!(of("signalbox_alerts{organization=\"acme\",severity=\"critical\"}"), 0.0);
    let sent = text.lines().find(|line| line.starts_with("signalbox_number_sent_today{")).unwrap();
    assert!(sent.ends_with(" 10") && sent.contains(&format!("id=\"{}\"", number.id)), "{sent}");
    assert!(!text.contains(&number.phone), "a phone in full");
    let states: f64 = text
        .lines()
        .filter(|line| line.starts_with("signalbox_campaign_recipients{"))
        .map(|line| line.rsplit(' ').next().unwrap().parse::<f64>().unwrap())
        .sum();
    assert_eq!(states, 30.0, "{text}");
    let mut families: Vec<&str> =
        text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    let all = families.len();
    families.sort_unstable();
    families.dedup();
    assert_eq!(families.len(), all, "a family stands once: {families:?}");
    listener.end().await;
    office.world.end([sender]).await;
}
