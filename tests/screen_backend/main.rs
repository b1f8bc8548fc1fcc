//! The console's backend over a real Postgres: what it shows is what is there, and what it is told to do is done.

#![cfg(test)]

mod audit;
mod channels;
mod forms;
mod health;
mod lists;
mod news;
mod numbers;
mod pictures;
mod pools;
#[path = "../screen_world/mod.rs"]
mod screen_world;
mod settings;
mod steering;
mod talk;

use screen_world::World;
use signalbox::domain::filter::{Filter, Scope};
use signalbox::domain::ids::{CampaignId, InstanceId, RecipientId};
use signalbox::secrets::KeyRing;
use signalbox::sender::alert::desk::Desk;
use signalbox::store::view::{Cursor, HoldView, Page, RecipientOrder, RecipientQuery, RecipientRow};
use signalbox::tui::store_backend::{StoreBackend, Surroundings};

fn backend(world: &World) -> StoreBackend {
    backend_of(world, "ana", None)
}

fn around(operator: &str) -> Surroundings {
    Surroundings {
        operator: operator.into(),
        environment: "TEST".into(),
        production: false,
        database: "test".into(),
        read_only: false,
        private_media: false,
        on_terminal_loss: "nothing goes on".into(),
    }
}

fn backend_of(world: &World, operator: &str, instance: Option<InstanceId>) -> StoreBackend {
    let mut seat = world.seat.clone();
    seat.instance = instance;
    StoreBackend::new(world.store.clone(), seat, around(operator), Desk::new(keys()))
}

fn keys() -> KeyRing {
    KeyRing::parse(&"07".repeat(32)).unwrap()
}

fn all(campaign: Option<CampaignId>, order: RecipientOrder) -> RecipientQuery {
    RecipientQuery { campaign, filter: Filter::default(), order }
}

fn filtered(campaign: CampaignId, text: &str) -> RecipientQuery {
    let filter = Filter::parse(text, Scope::Recipients).unwrap();
    RecipientQuery { campaign: Some(campaign), filter, order: RecipientOrder::Updated }
}

fn place_of(row: &RecipientRow) -> Cursor {
    Cursor { at: row.updated_at, id: row.id.0 }
}

fn ids(page: &Page<RecipientRow>) -> Vec<RecipientId> {
    page.rows.iter().map(|row| row.id).collect()
}

fn sentence(hold: Option<&HoldView>) -> String {
    hold.map_or_else(|| "none".to_owned(), |hold| hold.sentence.to_string())
}
