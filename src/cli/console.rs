//! `signalbox` without a noun: the console, with its sender inside.

use super::{CliError, Session, inside::SenderInside, listen, logging, secret, session::Org};
use crate::{
    domain::{ids::InstanceId, text::Safe},
    sender::alert::desk::Desk,
    tui::{
        self, Ended, Options,
        store_backend::{StoreBackend, Surroundings},
        theme::Theme,
    },
};
use std::sync::Arc;

/// How the console is run.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct Flags {
    /// The console without a sender inside
    #[arg(long)]
    pub watch: bool,
    /// The console without any key that changes something
    #[arg(long)]
    pub read_only: bool,
    /// The console in lines, for screen readers, dumb terminals and pipes: what happens is printed, a line each, and
    /// commands are read from standard input; `help` lists them, `quit` or the end of the input ends
    #[arg(long)]
    pub plain: bool,
    /// How webhooks are taken
    #[command(flatten)]
    pub listening: listen::Flags,
}

/// Shows the console until its operator leaves, then ends the sender well.
pub async fn run(session: &Session, flags: Flags) -> Result<(), CliError> {
    if !flags.plain {
        tui::terminal::check().map_err(|error| CliError::failed(error.to_string()))?;
    }
    let org = session.organization().await?;
    let environment = if org.record.rehearsal { "REHEARSAL" } else { "PROD" };
    show(session, &org, flags, environment, !org.record.rehearsal).await
}

/// Shows the console on an organisation. `environment` is the word in its header.
pub async fn show(
    session: &Session,
    org: &Org,
    flags: Flags,
    environment: &str,
    production: bool,
) -> Result<(), CliError> {
    let _log = logging::to_file(&session.config.data_dir.join("log"), session.config.log.as_deref())?;
    // A viewer's console looks, whatever it was told: the database would refuse everything else. Its header says so.
    let looks_only = flags.read_only || !session.store.seat(org.id, None).await?.may_write();
    if looks_only && flags.listening.listen.is_some() {
        return Err(CliError::Refused(
            "a console that may only look takes no webhooks: leave out --listen".into(),
        ));
    }
    let sends = !(flags.watch || looks_only);
    let mut inside = SenderInside::start(session, org, sends, flags.listening.public_url.clone()).await?;
    let seat = session.store.seat(org.id, inside.instance()).await?;
    let instance = inside.instance().unwrap_or_else(InstanceId::new);
    let listener = listen::start(session, org, instance, inside.shown(), &flags.listening).await?;
    let on_loss = if sends {
        "if this terminal is lost, what is on the wire is finished and sending stops; run inside tmux to keep it"
    } else {
        "this console does not send"
    };
    let around = Surroundings {
        operator: session.operator_name().into(),
        environment: environment.into(),
        production,
        database: Safe::new(&session.database.place()),
        read_only: flags.read_only,
        // A rehearsal reaches nobody outside.
        private_media: session.config.private_media || org.record.rehearsal,
        on_terminal_loss: on_loss.into(),
    };
    let desk = desk(session, looks_only).await;
    let backend = Arc::new(StoreBackend::new(session.store.clone(), seat, around, desk));
    let options = Options { read_only: flags.read_only, theme: Theme::detect(None, None), keys: None };
    let ended = tokio::select! {
        ended = tui::plain::run(backend.clone(), options.clone()), if flags.plain => ended,
        ended = tui::run(backend.clone(), options.clone()), if !flags.plain => ended,
        never = inside.keep(|now| backend.tell_inside(now)) => match never {},
    };
    // Reports that came are kept before the sender that would apply them leaves.
    if let Some(listener) = listener {
        listener.end().await;
    }
    inside.leave().await?;
    match ended {
        Ok(Ended::Quit | Ended::Signal(_) | Ended::TerminalLost) => Ok(()),
        Err(error) => Err(CliError::because("the console ended", error)),
    }
}

/// Who judges channels for alerts, and seals and opens their secrets where the keys are.
async fn desk(session: &Session, looks_only: bool) -> Desk {
    if looks_only {
        return Desk::without_keys("this console may only look");
    }
    let keys = secret::key_ring(&session.config, session.database.cluster().is_some(), &session.store).await;
    keys.map_or_else(|error| Desk::without_keys(error.message().unwrap_or_default()), Desk::new)
}
