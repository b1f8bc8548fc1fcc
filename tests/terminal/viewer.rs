//! A viewer in a real terminal: the console starts without being told so as one that changes nothing, says it, and answers
//! every key that decides something with one sentence. The database is as it was.

use crate::{
    console::{Console, LARGE, Start},
    world::{
        World,
        seed::{Camp, Num},
    },
};
use signalbox::{
    domain::action::Action,
    store::action::Actor,
    tui::keymap::{Danger, Entry, Layer, TABLE},
};

/// All that decisions change, as one text; what time and looking alone change is not in it.
async fn state(world: &World) -> String {
    world
        .value(
            "select md5(concat_ws('|',
                        (select string_agg(o::text, ',' order by o.id) from organizations o),
                        (select string_agg(n::text, ',' order by n.id) from whatsapp_numbers n),
                        (select string_agg(c::text, ',' order by c.id) from campaigns c),
                        (select string_agg(r::text, ',' order by r.id) from campaign_recipients r),
                        (select string_agg(a::text, ',' order by a.id) from attempts a),
                        (select string_agg(v::text, ',' order by v.id) from conversations v),
                        (select string_agg(s::text, ',' order by s.contact_id) from contact_slots s),
                        (select string_agg(l::text, ',' order by l.id) from alerts l),
                        (select count(*) from audit_log)))",
        )
        .await
}

/// What of a layer decides something.
fn decisions(layer: Layer) -> impl Iterator<Item = &'static Entry> {
    TABLE.iter().filter(move |entry| entry.layer == layer && entry.danger != Danger::Safe)
}

/// The bytes of an entry's first key.
fn bytes(entry: &Entry) -> String {
    match entry.keys.split(' ').next().unwrap_or_default() {
        "Space" => " ".to_owned(),
        "Enter" => "\r".to_owned(),
        key => match key.strip_prefix("ctrl-").and_then(|letter| letter.chars().next()) {
            Some(letter) => char::from(u8::try_from(letter).unwrap() & 0x1f).to_string(),
            None => key.to_owned(),
        },
    }
}

/// Presses every key of a layer that decides something, each answered by its own sentence; answers how many.
async fn press_all(console: &mut Console, layer: Layer) -> usize {
    let mut pressed = 0;
    for entry in decisions(layer) {
        console.keys(&bytes(entry));
        console.shows(&format!("READ-ONLY: {} is off; your role may look", entry.short)).await;
        pressed += 1;
    }
    assert!(pressed > 0, "{layer:?} decides nothing");
    pressed
}

/// A message whose answer never comes, so that there is a doubt; a paused campaign, so that nothing else goes on.
async fn world() -> World {
    let world = World::scripted("[[rule]]\nthen = { wait = true }\n").await;
    world.number(Num::meta()).await;
    let campaign = world.campaign(Camp::of(1)).await;
    let sender = world.sender().await;
    world.until_counts("one in doubt", 60, |counts| counts.in_doubt == 1).await;
    world.end([sender]).await;
    world.order(Action::PauseCampaign(campaign)).await;
    world
}

#[tokio::test]
async fn a_viewer_sees_everything_and_every_decision_is_answered_by_a_sentence() {
    let world = world().await;
    let who = Actor::operator("owner");
    let role = format!("viewer_{}", world.name);
    world.store.add_operator(world.organization, &role, "viewer", None, who).await.unwrap();
    let before = state(&world).await;
    let start = Start::sized(LARGE).env("DATABASE_URL", &world.cluster.url_as(&world.name, &role));
    let mut console = world.console(start);
    console.shows("READ-ONLY").await;
    let title = console.lines()[0].clone();
    assert!(title.contains("READ-ONLY") && !title.contains("WATCH"), "{title}");
    console.shows_line(&["> ", "+2376*****100", "ACTIVE"]).await;
    let mut pressed = press_all(&mut console, Layer::Numbers).await;
    pressed += press_all(&mut console, Layer::Global).await;
    console.keys("2");
    console.shows_line(&["> ", "campaign-1", "PAUSED"]).await;
    pressed += press_all(&mut console, Layer::Campaigns).await;
    for (open, title, layer) in [
        ("A", "Findings of", Layer::Findings),
        ("S", "Slots of the organisation", Layer::Slots),
        ("w", "Not messaged by", Layer::Progress),
        ("B", "Alerts  ", Layer::Alerts),
        ("U", "Audit log", Layer::Audit),
        ("d", "In doubt  ", Layer::Doubts),
    ] {
        console.keys(open);
        console.shows(title).await;
        pressed += press_all(&mut console, layer).await;
        console.escape(title).await;
    }
    console.keys("3");
    console.shows("[3 Recip").await;
    pressed += press_all(&mut console, Layer::Recipients).await;
    console.keys("5");
    console.shows("[5 Replies]").await;
    pressed += press_all(&mut console, Layer::Replies).await;
    // The settings are read, and say so; neither a letter nor saving does anything.
    console.keys("O");
    console.shows("Settings  ").await;
    console.shows_line(&["Time zone", "Africa/Douala"]).await;
    console.keys("x");
    console.shows("READ-ONLY: nothing can be changed here").await;
    console.keys("\x13");
    console.shows("READ-ONLY: save is off; your role may look").await;
    console.escape("Settings  ").await;
    assert!(pressed > 40, "{pressed} keys decide something");
    console.keys("q");
    console.left().await;
    assert_eq!(state(&world).await, before, "something was done");
    let holders: i64 = world.value("select count(*) from number_leases where holder is not null").await;
    assert_eq!(holders, 0, "it holds numbers");
    world.end([]).await;
}
