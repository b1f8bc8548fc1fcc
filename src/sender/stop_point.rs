//! Named points at which a test stops a real process: `SIGNALBOX_STOP_AT=after_intent:exit`. In release builds they are
//! nothing.

/// Stops here if the environment says so: `exit` ends the process at once, `freeze` stops it as SIGSTOP does, `delay`
/// waits ten seconds.
#[cfg(debug_assertions)]
pub async fn reach(name: &str) {
    use std::sync::LazyLock;
    static AT: LazyLock<Option<(String, String)>> = LazyLock::new(|| {
        let value = std::env::var("SIGNALBOX_STOP_AT").ok()?;
        let (name, action) = value.split_once(':')?;
        Some((name.to_owned(), action.to_owned()))
    });
    let Some((at, action)) = AT.as_ref() else { return };
    if at != name {
        return;
    }
    match action.as_str() {
        "exit" => std::process::abort(),
        "freeze" => {
            // The whole process stops, as a suspended laptop does; a test wakes it with SIGCONT.
            if let Err(error) =
                rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::STOP)
            {
                tracing::error!("cannot stop this process: {error}");
            }
        }
        "panic" => std::panic::resume_unwind(Box::new("stop point")),
        _ => tokio::time::sleep(std::time::Duration::from_secs(10)).await,
    }
}

/// Nothing.
#[cfg(not(debug_assertions))]
#[expect(clippy::unused_async, reason = "the same face as in test builds")]
pub async fn reach(_name: &str) {}
