//! Why a command ended badly, as one clear sentence with its causes, and the exit code that says of which kind.

use crate::{
    config::ConfigError,
    domain::text::Safe,
    import::ImportError,
    postgres::{cluster::ClusterError, connect::ConnectError, migrate::MigrationError},
    provider::simulator::SimulatorError,
    secrets::SecretError,
    store::{StoreError, action::ActionResult, constraint},
};
use chrono_tz::Tz;
use std::{error::Error, io};

/// Longest sentence with its causes, in graphemes.
const SENTENCE_LIMIT: usize = 20_000;

/// Why a command ended badly.
#[derive(Debug)]
pub enum CliError {
    /// It was tried and failed. Exit code 1.
    Failed {
        /// What failed.
        sentence: String,
        /// Why.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// It was asked wrongly. Exit code 2.
    Usage(String),
    /// What was named is not there. Exit code 1.
    Missing(String),
    /// A rule forbids it; the sentence says which. Exit code 3.
    Refused(String),
    /// Nobody reads our output any more.
    Gone,
}

impl CliError {
    /// Something failed, and the sentence says it all.
    pub fn failed(sentence: impl Into<String>) -> Self {
        Self::Failed { sentence: sentence.into(), source: None }
    }

    /// What was named is not there.
    pub fn missing(sentence: impl Into<String>) -> Self {
        Self::Missing(sentence.into())
    }

    /// Whether a change was made: what was to be changed may have gone since it was looked up.
    ///
    /// # Errors
    /// When it was not, and so nothing is as it was asked for.
    pub fn unless(done: bool, what: &str) -> Result<(), Self> {
        if done {
            return Ok(());
        }
        Err(Self::missing(format!("nothing was changed: {what} is not there any more")))
    }

    /// Whether what an order asks for is so now.
    ///
    /// # Errors
    /// When it is not: why, and of which kind that is.
    pub fn unless_done(result: &ActionResult, zone: Tz) -> Result<(), Self> {
        match result {
            ActionResult::Done { .. } | ActionResult::AlreadySo { .. } => Ok(()),
            ActionResult::Changed { to, by, at } => Err(Self::Refused(format!(
                "it was changed meanwhile: it is {to} now, by {by} at {}; nothing was done",
                super::output::local(*at, zone)
            ))),
            ActionResult::Refused(sentence) => Err(Self::Refused(sentence.to_string())),
            ActionResult::Missing(sentence) => Err(Self::missing(format!("nothing was changed: {sentence}"))),
        }
    }

    /// Whether the database was away or busy, so that the same may succeed soon.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        let Self::Failed { source: Some(source), .. } = self else { return false };
        source.downcast_ref::<StoreError>().is_some_and(StoreError::is_passing)
    }

    /// Something failed because of `source`.
    pub fn because(sentence: impl Into<String>, source: impl Error + Send + Sync + 'static) -> Self {
        Self::Failed { sentence: sentence.into(), source: Some(Box::new(source)) }
    }

    /// The same error with more to say.
    #[must_use]
    pub fn beside(self, more: &str) -> Self {
        match self {
            // With its causes: more comes after all of them.
            Self::Failed { .. } => {
                let sentence = self.message().unwrap_or_default();
                Self::Failed { sentence: sentence + more, source: self.into_source() }
            }
            Self::Usage(sentence) => Self::Usage(sentence + more),
            Self::Missing(sentence) => Self::Missing(sentence + more),
            Self::Refused(sentence) => Self::Refused(sentence + more),
            Self::Gone => Self::Gone,
        }
    }

    fn into_source(self) -> Option<Box<dyn Error + Send + Sync>> {
        if let Self::Failed { source, .. } = self { source } else { None }
    }

    /// 0 to 3.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Gone => 0,
            Self::Failed { .. } | Self::Missing(_) => 1,
            Self::Usage(_) => 2,
            Self::Refused(_) => 3,
        }
    }

    /// The sentence with its causes; `None` where there is nobody to read it. Lines of our own stay lines; what came
    /// from outside cannot steer the terminal.
    #[must_use]
    pub fn message(&self) -> Option<String> {
        let mut message = match self {
            Self::Gone => return None,
            Self::Failed { sentence, .. }
            | Self::Usage(sentence)
            | Self::Missing(sentence)
            | Self::Refused(sentence) => sentence.clone(),
        };
        if let Self::Failed { source: Some(source), .. } = self {
            let mut cause: Option<&(dyn Error + 'static)> = Some(source.as_ref());
            while let Some(error) = cause {
                let text = crate::postgres::plainly(error);
                // Some drivers' errors repeat their cause.
                if !message.contains(&text) {
                    message.push_str(": ");
                    message.push_str(&text);
                }
                cause = error.source();
            }
        }
        let lines: Vec<String> =
            message.trim_end().lines().map(|line| Safe::cut(line, SENTENCE_LIMIT).into_string()).collect();
        Some(lines.join("\n"))
    }
}

impl From<StoreError> for CliError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Constraint { constraint, .. } => Self::Refused(constraint::sentence(constraint)),
            forbidden @ StoreError::Forbidden { .. } => Self::Refused(format!("failed to {forbidden}")),
            other => Self::because(format!("failed to {other}"), error),
        }
    }
}

/// Errors whose own text is the sentence.
macro_rules! as_they_say {
    ($($error:ty),+ $(,)?) => {$(
        impl From<$error> for CliError {
            fn from(error: $error) -> Self {
                let sentence = error.to_string();
                Self::because(sentence, error)
            }
        }
    )+};
}
as_they_say!(ConfigError, ConnectError, ClusterError, MigrationError, SecretError, ImportError);

impl From<SimulatorError> for CliError {
    fn from(error: SimulatorError) -> Self {
        Self::because(format!("failed to {error}"), error)
    }
}

impl From<io::Error> for CliError {
    /// From writing to standard output.
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::Gone
        } else {
            Self::because("failed to write the output", error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_follow_the_sentence_once_and_cannot_steer_the_terminal() {
        let cause = io::Error::other("disk\x1b[2J full");
        let error = CliError::because("failed to write x", cause);
        assert_eq!(error.message().as_deref(), Some("failed to write x: disk\u{fffd} full"));
        assert_eq!(error.exit_code(), 1);
        let repeated = CliError::because("failed: no", io::Error::other("no"));
        assert_eq!(repeated.message().as_deref(), Some("failed: no"));
    }

    #[test]
    fn an_order_that_was_not_carried_out_is_an_error_of_its_kind() {
        let code =
            |result: &ActionResult| CliError::unless_done(result, Tz::UTC).err().map(|why| why.exit_code());
        let (by, at) = (Safe::from("ana"), chrono::DateTime::UNIX_EPOCH);
        assert_eq!(code(&ActionResult::Done { version: None, undo: None }), None);
        assert_eq!(code(&ActionResult::AlreadySo { by: by.clone(), at }), None);
        assert_eq!(code(&ActionResult::Changed { to: "paused".into(), by, at }), Some(3));
        assert_eq!(code(&ActionResult::Refused("it has ended".into())), Some(3));
        assert_eq!(code(&ActionResult::Missing("there is no such pool any more".into())), Some(1));
    }
}
