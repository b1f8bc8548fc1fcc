//! `--listen`: webhooks are taken by whatever process is asked to.

use super::{CliError, Session, api, secret, session::Org};
use crate::{
    domain::ids::InstanceId,
    inbound::{Listener, Settings},
    sender::liveness::Liveness,
};
use clap::Args;
use std::net::SocketAddr;
use tokio::sync::watch;
use url::Url;

/// How webhooks are taken.
#[derive(Debug, Clone, Default, Args)]
#[group(id = "webhooks")]
pub struct Flags {
    /// Take webhooks at this address; put a proxy with TLS in front of it. Other programs find the HTTP API
    /// at /v1 (/v1/openapi.json describes it; keys: signalbox operator key new). Says at /healthz whether this program is well, and at /metrics, to who shows `SIGNALBOX_METRICS_TOKEN`, figures for Prometheus
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<SocketAddr>,
    /// How providers reach it, where that is another address: Twilio signs the one it calls
    #[arg(long, value_name = "URL", env = "SIGNALBOX_PUBLIC_URL")]
    pub public_url: Option<Url>,
}

/// Begins to listen, if that was asked for.
pub async fn start(
    session: &Session,
    org: &Org,
    instance: InstanceId,
    sender: watch::Receiver<Option<Liveness>>,
    flags: &Flags,
) -> Result<Option<Listener>, CliError> {
    let Some(listen) = flags.listen else { return Ok(None) };
    let keys =
        secret::key_ring(&session.config, session.database.cluster().is_some(), &session.store).await?;
    let spool_dir = session.config.data_dir.join("spool");
    let settings = Settings {
        listen,
        public: flags.public_url.clone(),
        spool_dir,
        sender,
        metrics_token: session.config.metrics_token.clone(),
        api: Some(api::counter(session, &org.record.slug)),
    };
    Listener::start(session.store.clone(), keys, org.id, instance, &settings)
        .await
        .map(Some)
        .map_err(|error| CliError::because("failed to listen for webhooks", error))
}
