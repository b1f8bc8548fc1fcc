//! An organisation with an account at each provider, and listeners for it: in this process, or in one that can be killed.

use crate::{
    caller::{Answer, Call},
    world::{Made, World, until},
};
use signalbox::{
    domain::{
        ids::{AccountId, InstanceId, OrganizationId},
        number::ProviderKind,
    },
    inbound::{Listener, Settings},
    postgres::connect::Database,
    provider::simulator::Webhook,
    secrets::{KeyRing, Place},
    store::Store,
};
use std::{
    io::Read as _,
    net::SocketAddr,
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub const APP_SECRET: &str = "appsecret";
pub const VERIFY_TOKEN: &str = "the agreed word";
pub const PATH_SECRET: &str = "aLongWordInThePath";
/// What [`World::account`] seals.
pub const TWILIO_TOKEN: &str = "t0ken";

/// An answer is expected within this, whatever the database does: far less than a statement or a connection may take, and
/// enough for a busy test machine.
pub const BOUND: Duration = Duration::from_secs(2);

pub struct Office {
    pub world: World,
    pub meta: AccountId,
    pub twilio: AccountId,
    pub ultramsg: AccountId,
}

impl Office {
    pub async fn open() -> Self {
        Self::within(World::start().await).await
    }

    /// In an organisation of a rehearsal: what takes hours otherwise takes seconds.
    pub async fn rehearsing() -> Self {
        Self::within(Made { rehearsal: true, ..Made::default() }.world().await).await
    }

    pub async fn within(world: World) -> Self {
        let meta = world.account("meta", ProviderKind::Meta, None).await;
        let twilio = world.account("twilio", ProviderKind::Twilio, None).await;
        let ultramsg = world.account("ultramsg", ProviderKind::Ultramsg, None).await;
        let office = Self { world, meta, twilio, ultramsg };
        office.secret(meta, "sealed_app_secret", APP_SECRET).await;
        office.secret(meta, "sealed_verify_token", VERIFY_TOKEN).await;
        office.secret(ultramsg, "sealed_webhook_secret", PATH_SECRET).await;
        office
    }

    /// Stores a secret of an account; the one before it is gone.
    pub async fn secret(&self, account: AccountId, column: &'static str, secret: &str) {
        let place =
            Place { table: "accounts", column, organization: self.world.organization.0, row: account.0 };
        let sealed = self.world.keys.seal(&place, secret).unwrap();
        let statement = format!("update accounts set {column} = $1 where id = $2");
        sqlx::query(sqlx::AssertSqlSafe(statement))
            .bind(sealed.as_str())
            .bind(account.0)
            .execute(&self.world.pool)
            .await
            .unwrap();
    }

    pub async fn listener(&self) -> Listener {
        self.listener_on(&self.world.database, None).await
    }

    pub async fn listener_on(&self, database: &Database, public: Option<&str>) -> Listener {
        let keys = KeyRing::parse(&self.world.key_text).unwrap();
        listen(Store::new(database), keys, self.world.organization, self.world.spool.path(), public).await
    }

    /// What an operator does at the three providers: registers our webhooks. Answers where they are reached.
    pub fn register(&self, listener: &Listener) -> url::Url {
        for provider in [ProviderKind::Meta, ProviderKind::Ultramsg, ProviderKind::Twilio] {
            self.register_at(provider, listener);
        }
        format!("http://{}", listener.address()).parse().unwrap()
    }

    /// The same at one of them.
    pub fn register_at(&self, provider: ProviderKind, listener: &Listener) {
        let (path, secret) = match provider {
            ProviderKind::Meta => (self.meta_path(), APP_SECRET),
            ProviderKind::Ultramsg => (self.ultramsg_path(), ""),
            ProviderKind::Twilio => (self.twilio_path(), TWILIO_TOKEN),
        };
        let hook = Webhook {
            provider,
            url: format!("http://{}{path}", listener.address()),
            secret: secret.to_owned(),
            numbers: Vec::new(),
            account: "AC1".to_owned(),
            connect: None,
        };
        self.world.simulator.add_webhook(hook).unwrap();
    }

    pub fn meta_path(&self) -> String {
        format!("/webhooks/meta/{}", self.meta)
    }

    pub fn twilio_path(&self) -> String {
        format!("/webhooks/twilio/{}", self.twilio)
    }

    pub fn ultramsg_path(&self) -> String {
        format!("/webhooks/ultramsg/{}/{PATH_SECRET}", self.ultramsg)
    }

    /// The nth of as many reports of Meta's as one wants, each different.
    pub fn report(&self, nth: usize) -> Call {
        Call::post(self.meta_path(), format!(r#"{{"object":"whatsapp_business_account","entry":[{nth}]}}"#))
            .by_meta(APP_SECRET)
    }

    /// All that is kept: query and body, in the order of arrival.
    pub async fn kept(&self) -> Vec<(String, String)> {
        let rows: Vec<(String, Vec<u8>)> =
            sqlx::query_as("select query, body from webhooks order by organization_id, id")
                .fetch_all(&self.world.pool)
                .await
                .unwrap();
        rows.into_iter().map(|(query, body)| (query, String::from_utf8_lossy(&body).into_owned())).collect()
    }

    pub async fn kept_count(&self) -> i64 {
        self.world.value("select count(*) from webhooks").await
    }

    pub async fn until_kept(&self, count: i64) {
        until("all reports are in the database", 40, async || self.kept_count().await == count).await;
    }

    /// Refused requests by cause, all accounts together.
    pub async fn refused(&self) -> Vec<(String, i64)> {
        sqlx::query_as("select cause, sum(count)::bigint from webhook_refusals group by 1 order by 1")
            .fetch_all(&self.world.pool)
            .await
            .unwrap()
    }

    pub async fn until_refused(&self, expected: &[(&str, i64)]) {
        let expected: Vec<(String, i64)> =
            expected.iter().map(|(cause, count)| ((*cause).to_owned(), *count)).collect();
        until("refused requests are counted", 15, async || self.refused().await == expected).await;
    }

    /// Bytes in the spools of listeners.
    pub fn spooled(&self) -> u64 {
        let files = std::fs::read_dir(self.world.spool.path()).unwrap().map(|file| file.unwrap());
        files
            .filter(|file| file.path().extension().is_some_and(|kind| kind == "webhooks"))
            .map(|file| file.metadata().map_or(0, |file| file.len()))
            .sum()
    }
}

async fn listen(
    store: Store,
    keys: KeyRing,
    organization: OrganizationId,
    spool: &Path,
    public: Option<&str>,
) -> Listener {
    let mut settings = Settings::new(SocketAddr::from(([127, 0, 0, 1], 0)), spool.to_owned());
    settings.public = public.map(|public| public.parse().unwrap());
    Listener::start(store, keys, organization, InstanceId::new(), &settings).await.unwrap()
}

/// Asks, and asserts that the answer comes in time.
pub async fn in_time(call: &Call, address: SocketAddr) -> Answer {
    let began = Instant::now();
    let answer = call.ask(address).await;
    assert!(began.elapsed() < BOUND, "{:?} for {} {answer:?}", began.elapsed(), call.target);
    answer
}

/// Names the environment of a child; set only for children.
const CHILD: &str = "SIGNALBOX_TEST_LISTENER";

/// A listener in a process of its own. Killed when dropped.
pub struct Process {
    child: Child,
    pub address: SocketAddr,
}

impl Process {
    pub async fn start(office: &Office, url: &str) -> Self {
        let told = office.world.spool.path().join("address");
        let _ = std::fs::remove_file(&told);
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["child", "--exact", "--nocapture", "--test-threads=1", "-q"]);
        command
            .env(CHILD, office.world.organization.to_string())
            .env("DATABASE_URL", url)
            .env("ENCRYPTION_KEY", &office.world.key_text)
            .env("SPOOL", office.world.spool.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::null());
        if std::env::var_os("SIGNALBOX_LOG").is_none() {
            command.stderr(Stdio::null());
        }
        let child = command.spawn().unwrap();
        let read = || std::fs::read_to_string(&told).ok()?.strip_suffix('\n')?.parse::<SocketAddr>().ok();
        until("the listener says where it listens", 20, async || read().is_some()).await;
        Self { child, address: read().unwrap() }
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The body of the test `child`: nothing, unless this process was started as a listener.
pub fn run_if_child() {
    let Ok(organization) = std::env::var(CHILD) else { return };
    let variable = |name| std::env::var(name).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let database = Database::from_url(&variable("DATABASE_URL")).unwrap();
        let keys = KeyRing::parse(&variable("ENCRYPTION_KEY")).unwrap();
        let spool = std::path::PathBuf::from(variable("SPOOL"));
        let organization = OrganizationId(organization.parse().unwrap());
        let listener = listen(Store::new(&database), keys, organization, &spool, None).await;
        std::fs::write(spool.join("address"), format!("{}\n", listener.address())).unwrap();
        // Runs until whoever started it closes the pipe, or is gone.
        tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
        listener.end().await;
    });
    std::process::exit(0);
}
