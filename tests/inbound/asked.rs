//! The API's door, with a desk of the test's own behind it: who is let in, how often, and that what was begun is ended.

use crate::{
    caller::{Answer, Call, JSON},
    office::Office,
    world::until,
};
use serde_json::json;
use signalbox::{
    domain::{
        ids::{ApiKeyId, InstanceId},
        right::Right,
    },
    inbound::{
        Listener, Settings,
        api::{self, Asked, Carried, Counter, Desk, Found, Rate, Takes, Wanted},
    },
    secrets::{KeyRing, new_api_key, sha256},
    store::{
        Store,
        action::Actor,
        api_key::{Holder, NewApiKey},
    },
};
use std::{
    future::Future,
    net::SocketAddr,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, sync::Semaphore};

const GENEROUS: Rate = Rate { per_second: 1_000.0, burst: 1_000.0 };

/// Carries out `/v1/things` when it is let, and counts.
struct Waiting {
    may: Arc<Semaphore>,
    begun: Arc<AtomicUsize>,
    done: Arc<AtomicUsize>,
}

impl Desk for Waiting {
    fn find(&self, method: &str, path: &str) -> Found {
        if (method, path) != ("POST", "/v1/things") {
            return Found::Nothing;
        }
        Found::Operation(Wanted { id: "makeThing", right: Right::Runs, takes: Takes::Json, creates: true })
    }

    fn document(&self) -> String {
        "{}".to_owned()
    }

    fn carry_out(&self, _holder: &Holder, _asked: Asked) -> Carried {
        let (may, begun, done) = (Arc::clone(&self.may), Arc::clone(&self.begun), Arc::clone(&self.done));
        Box::pin(async move {
            begun.fetch_add(1, Ordering::SeqCst);
            may.acquire().await.unwrap().forget();
            let nth = done.fetch_add(1, Ordering::SeqCst);
            Ok(api::Answer { status: 201, document: json!({ "thing": nth }).to_string() })
        })
    }

    fn close(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {})
    }
}

struct Door {
    office: Office,
    listener: Listener,
    key: String,
    may: Arc<Semaphore>,
    begun: Arc<AtomicUsize>,
    done: Arc<AtomicUsize>,
}

impl Door {
    async fn open(rate: Rate) -> Self {
        let office = Office::open().await;
        let (world, may) = (&office.world, Arc::new(Semaphore::new(0)));
        let (begun, done) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        sqlx::query("insert into operators (organization_id, role_name, role) values ($1, 'ana', 'manager')")
            .bind(world.organization.0)
            .execute(&world.pool)
            .await
            .unwrap();
        let store = Store::new(&world.database);
        let key = new_api_key().unwrap();
        let new =
            NewApiKey { id: ApiKeyId::new(), operator: "ana", name: "crm", digest: sha256(key.as_bytes()) };
        assert!(store.add_api_key(world.organization, &new, Actor::operator("ana")).await.unwrap());
        let desk = Waiting { may: Arc::clone(&may), begun: Arc::clone(&begun), done: Arc::clone(&done) };
        let mut settings =
            Settings::new(SocketAddr::from(([127, 0, 0, 1], 0)), world.spool.path().to_owned());
        settings.api = Some(Counter { desk: Arc::new(desk), store: store.clone(), rate });
        let keys = KeyRing::parse(&world.key_text).unwrap();
        let listener =
            Listener::start(store, keys, world.organization, InstanceId::new(), &settings).await.unwrap();
        Self { listener, key: key.to_string(), may, begun, done, office }
    }

    fn call(&self, body: &str) -> Call {
        Call::post("/v1/things", body).with(JSON).with(("authorization", &format!("Bearer {}", self.key)))
    }

    async fn ask(&self, call: Call) -> Answer {
        call.ask(self.listener.address()).await
    }
}

#[tokio::test]
async fn a_key_that_asks_too_often_waits_and_strangers_too() {
    // Never again within this test.
    let door = Door::open(Rate { per_second: 0.001, burst: 2.0 }).await;
    door.may.add_permits(10);
    for _ in 0..2 {
        assert_eq!(door.ask(door.call("{}")).await.status, 201);
    }
    let third = door.ask(door.call("{}")).await;
    assert_eq!((third.status, third.content_type.as_str()), (429, "application/problem+json"), "{third:?}");
    assert_eq!(third.json()["code"], "too_many_requests");
    assert_eq!(door.done.load(Ordering::SeqCst), 2, "it was not carried out");
    let strange = Call::post("/v1/things", "{}").with(JSON);
    for wrong in ["Basic x", "Bearer", "Bearer ", "Bearer guess", door.key.as_str()] {
        let answer = door.ask(strange.clone().with(("authorization", wrong))).await;
        assert_eq!((answer.status, &answer.json()["code"]), (401, &json!("unknown_key")), "{wrong}");
    }
    door.listener.end().await;
}

#[tokio::test]
async fn who_goes_away_cuts_nothing_off_and_asks_again_for_the_answer() {
    let door = Door::open(GENEROUS).await;
    let named = || door.call(r#"{"a":1}"#).with(("idempotency-key", "one"));
    let mut stream = TcpStream::connect(door.listener.address()).await.unwrap();
    stream.write_all(&named().bytes()).await.unwrap();
    until("it is begun", 30, async || door.begun.load(Ordering::SeqCst) == 1).await;
    drop(stream);
    let meanwhile = door.ask(named()).await;
    assert_eq!(meanwhile.status, 409, "it is being carried out: {meanwhile:?}");
    door.may.add_permits(1);
    until("it is done", 30, async || door.done.load(Ordering::SeqCst) == 1).await;
    until("its answer is kept", 30, async || door.ask(named()).await.status == 201).await;
    assert_eq!(door.ask(named()).await.json(), json!({ "thing": 0 }));
    assert_eq!(door.begun.load(Ordering::SeqCst), 1, "once");
    door.listener.end().await;
}

#[tokio::test]
async fn providers_are_answered_while_other_programs_wait_for_theirs() {
    let door = Door::open(GENEROUS).await;
    let mut waiting = Vec::new();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(door.listener.address()).await.unwrap();
        stream.write_all(&door.call("{}").bytes()).await.unwrap();
        waiting.push(stream);
    }
    until("some are carried out", 30, async || door.begun.load(Ordering::SeqCst) >= 4).await;
    let report = Call::post(format!("/webhooks/meta/{}", door.office.meta), "{\"entry\":[]}");
    let answer = door.ask(report.by_meta(crate::office::APP_SECRET)).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(door.done.load(Ordering::SeqCst), 0, "they wait still");
    assert!(door.begun.load(Ordering::SeqCst) <= 4, "no more at once than that");
    door.may.add_permits(100);
    drop(waiting);
    door.listener.end().await;
}
