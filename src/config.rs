//! What this run was told, by flags, environment and file, in one typed value.
//!
//! A flag wins over the environment, the environment over the file named by `SIGNALBOX_CONFIG`, the file over the default.
//! An empty value counts as none. The variables are those of `interfaces.md`, "Environment".

use crate::domain::number::ProviderKind;
use rustix::process::geteuid;
use serde::Deserialize;
use std::{
    env,
    ffi::OsString,
    fmt, fs, io,
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// A text that is never printed: an address with a password, a key.
#[derive(Clone, PartialEq, Eq)]
pub struct Hidden(Zeroizing<String>);

impl Hidden {
    /// Hides a text.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself, for the one who uses it.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(hidden)")
    }
}

/// What the command line says about the program as a whole.
#[derive(Debug, Clone, Default)]
pub struct Flags {
    /// `--database-url`.
    pub database_url: Option<String>,
    /// `--org`.
    pub organization: Option<String>,
    /// `--config`, instead of `SIGNALBOX_CONFIG`.
    pub config: Option<PathBuf>,
    /// `--data-dir`, instead of `SIGNALBOX_DATA_DIR`.
    pub data_dir: Option<PathBuf>,
}

/// Everything that this run was told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// The shared Postgres; `None`: the local cluster.
    pub database_url: Option<Hidden>,
    /// Slug of the organisation; `None`: the only one.
    pub organization: Option<String>,
    /// Where local data lives: the local cluster, its key file, logs.
    pub data_dir: PathBuf,
    /// Log filter.
    pub log: Option<String>,
    /// Keys given directly, to be read by `secrets`.
    pub encryption_key: Option<Hidden>,
    /// File with keys.
    pub encryption_key_file: Option<PathBuf>,
    /// What a monitoring system shows to be told figures.
    pub metrics_token: Option<Hidden>,
    /// Log every provider request and answer, masked.
    pub provider_debug: bool,
    /// Media of campaigns may stand at private addresses.
    pub private_media: bool,
    /// Draw without colours.
    pub no_color: bool,
    base_urls: [Option<String>; 3],
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("failed to read the configuration file {}", .path.display())]
    Read {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not what it should be.
    #[error("{}, line {line}: {problem}", .path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Counted from one.
        line: usize,
        /// What is wrong there.
        problem: String,
    },
    /// A value that means nothing.
    #[error("{name} is {found:?}; it must be {expected}")]
    Value {
        /// The variable or key.
        name: &'static str,
        /// What it holds.
        found: String,
        /// What it may hold.
        expected: &'static str,
    },
    /// A value that is not text.
    #[error("{name} is not valid UTF-8")]
    NotText {
        /// The variable.
        name: &'static str,
    },
    /// No place for local data.
    #[error("no place for local data is known: set SIGNALBOX_DATA_DIR or HOME")]
    NoDataDir,
}

/// The file. Secrets other than the database's password have no place in it, so it has no key for them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct InFile {
    database_url: Option<String>,
    org: Option<String>,
    data_dir: Option<PathBuf>,
    log: Option<String>,
    encryption_key_file: Option<PathBuf>,
    whatsapp_debug: Option<bool>,
    private_media: Option<bool>,
    meta_base_url: Option<String>,
    ultramsg_base_url: Option<String>,
    twilio_base_url: Option<String>,
}

impl Config {
    /// Reads the configuration of this process.
    ///
    /// # Errors
    /// When the file or a value cannot be used.
    pub fn load(flags: Flags) -> Result<Self, ConfigError> {
        Self::load_from(flags, |name| env::var_os(name))
    }

    /// As [`Config::load`], with the environment as an argument.
    ///
    /// # Errors
    /// When the file or a value cannot be used.
    pub fn load_from(flags: Flags, variable: impl Fn(&str) -> Option<OsString>) -> Result<Self, ConfigError> {
        let variable = |name: &str| variable(name).filter(|value| !value.is_empty());
        let text = |name: &'static str| match variable(name).map(OsString::into_string) {
            None => Ok(None),
            Some(Ok(text)) => Ok(Some(text)),
            Some(Err(_)) => Err(ConfigError::NotText { name }),
        };
        let path = |name: &str| variable(name).map(PathBuf::from);

        let file = match flags.config.or_else(|| path("SIGNALBOX_CONFIG")) {
            Some(path) => read_file(&path)?,
            None => InFile::default(),
        };
        let url = |name: &'static str, in_file: Option<String>| {
            text(name)?.or(in_file).map(|url| checked_url(name, &url)).transpose()
        };
        let provider_debug = match text("WHATSAPP_DEBUG")? {
            Some(word) => truth("WHATSAPP_DEBUG", &word)?,
            None => file.whatsapp_debug.unwrap_or(false),
        };
        let private_media = match text("SIGNALBOX_PRIVATE_MEDIA")? {
            Some(word) => truth("SIGNALBOX_PRIVATE_MEDIA", &word)?,
            None => file.private_media.unwrap_or(false),
        };
        let data_dir = flags.data_dir.or_else(|| path("SIGNALBOX_DATA_DIR")).or(file.data_dir);
        Ok(Self {
            database_url: flags
                .database_url
                .filter(|url| !url.is_empty())
                .or(text("DATABASE_URL")?)
                .or(file.database_url)
                .map(Hidden::new),
            organization: flags
                .organization
                .filter(|slug| !slug.is_empty())
                .or(text("SIGNALBOX_ORG")?)
                .or(file.org),
            data_dir: match data_dir {
                Some(path) => path,
                None => default_data_dir(geteuid().is_root(), path)?,
            },
            log: text("SIGNALBOX_LOG")?.or(file.log),
            encryption_key: text("ENCRYPTION_KEY")?.map(Hidden::new),
            encryption_key_file: path("ENCRYPTION_KEY_FILE").or(file.encryption_key_file),
            metrics_token: text("SIGNALBOX_METRICS_TOKEN")?.map(Hidden::new),
            provider_debug,
            private_media,
            no_color: variable("NO_COLOR").is_some(),
            base_urls: [
                url("META_BASE_URL", file.meta_base_url)?,
                url("ULTRAMSG_BASE_URL", file.ultramsg_base_url)?,
                url("TWILIO_BASE_URL", file.twilio_base_url)?,
            ],
        })
    }

    /// Where a provider is reached, without a slash at the end. An account may have its own.
    #[must_use]
    pub fn base_url(&self, provider: ProviderKind) -> &str {
        self.base_url_given(provider).unwrap_or_else(|| provider.default_base_url())
    }

    /// As [`Config::base_url`], only if it was told.
    #[must_use]
    pub fn base_url_given(&self, provider: ProviderKind) -> Option<&str> {
        let place = match provider {
            ProviderKind::Meta => 0,
            ProviderKind::Ultramsg => 1,
            ProviderKind::Twilio => 2,
        };
        self.base_urls.get(place)?.as_deref()
    }
}

fn read_file(path: &Path) -> Result<InFile, ConfigError> {
    let text =
        fs::read_to_string(path).map_err(|source| ConfigError::Read { path: path.to_owned(), source })?;
    // The error's own text quotes the line, which may hold a password: only its message and place are used.
    toml::from_str(&text).map_err(|error| ConfigError::File {
        path: path.to_owned(),
        line: line_at(&text, error.span().map_or(0, |span| span.start)),
        problem: error.message().to_owned(),
    })
}

fn line_at(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

fn truth(name: &'static str, word: &str) -> Result<bool, ConfigError> {
    match word.to_ascii_lowercase().as_str() {
        "true" | "1" | "yes" | "on" => Ok(true),
        "false" | "0" | "no" | "off" => Ok(false),
        _ => Err(ConfigError::Value { name, found: word.to_owned(), expected: "true or false" }),
    }
}

fn checked_url(name: &'static str, url: &str) -> Result<String, ConfigError> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let usable = host.is_some_and(|rest| {
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        !host.is_empty() && !host.contains('@') && !rest.contains(['?', '#', ' '])
    });
    if usable {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let expected = "an address such as https://graph.facebook.com, without user, query or fragment";
    // A wrong address may hold a token, so only its beginning is shown.
    let found = url.chars().take(12).collect::<String>() + "…";
    Err(ConfigError::Value { name, found, expected })
}

/// `/var/lib/signalbox` for root; else `$XDG_DATA_HOME/signalbox` or `~/.local/share/signalbox`.
fn default_data_dir(root: bool, path: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, ConfigError> {
    if root {
        return Ok(PathBuf::from("/var/lib/signalbox"));
    }
    // The XDG specification says to ignore a relative path.
    path("XDG_DATA_HOME")
        .filter(|folder| folder.is_absolute())
        .or_else(|| path("HOME").map(|home| home.join(".local/share")))
        .map(|folder| folder.join("signalbox"))
        .ok_or(ConfigError::NoDataDir)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn load(flags: Flags, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        Config::load_from(flags, |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        })
    }

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn with_file(text: &str, variables: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let file = file(text);
        load(Flags { config: Some(file.path().to_owned()), ..Flags::default() }, variables)
    }

    #[test]
    fn a_flag_wins_over_the_environment_and_that_over_the_file() {
        let text = "org = 'file'\nlog = 'file'\n";
        assert_eq!(with_file(text, &[("HOME", "/h")]).unwrap().organization.as_deref(), Some("file"));
        let config =
            with_file(text, &[("HOME", "/h"), ("SIGNALBOX_ORG", "env"), ("SIGNALBOX_LOG", "")]).unwrap();
        assert_eq!(config.organization.as_deref(), Some("env"));
        assert_eq!(config.log.as_deref(), Some("file"), "an empty variable counts as none");
        let flags = Flags { organization: Some("flag".into()), ..Flags::default() };
        let config = load(flags, &[("HOME", "/h"), ("SIGNALBOX_ORG", "env")]).unwrap();
        assert_eq!(config.organization.as_deref(), Some("flag"));
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = with_file("org = 'a'\n\nencryption_key = 'topsecret'\n", &[]).unwrap_err().to_string();
        assert!(error.contains("line 3: unknown field `encryption_key`"), "{error}");
        assert!(!error.contains("topsecret"), "{error}");
        let error = with_file("org = 'a'\nlog = 7\n", &[]).unwrap_err().to_string();
        assert!(error.contains("line 2: ") && !error.contains('\n'), "{error}");
    }

    #[test]
    fn the_environment_may_name_the_file() {
        let file = file("org = 'a'\n");
        let path = file.path().to_str().unwrap();
        let config = load(Flags::default(), &[("SIGNALBOX_CONFIG", path), ("HOME", "/h")]).unwrap();
        assert_eq!(config.organization.as_deref(), Some("a"));
        let missing = load(Flags::default(), &[("SIGNALBOX_CONFIG", "/nowhere"), ("HOME", "/h")]);
        assert!(matches!(missing, Err(ConfigError::Read { .. })));
    }

    #[test]
    fn local_data_has_a_place_for_everybody() {
        let place = |root, variables: &[(&str, &str)]| {
            default_data_dir(root, |name| {
                variables.iter().find(|(known, _)| *known == name).map(|(_, value)| PathBuf::from(value))
            })
        };
        assert_eq!(place(true, &[]).unwrap(), Path::new("/var/lib/signalbox"));
        assert_eq!(place(false, &[("HOME", "/h")]).unwrap(), Path::new("/h/.local/share/signalbox"));
        let both = [("HOME", "/h"), ("XDG_DATA_HOME", "/x")];
        assert_eq!(place(false, &both).unwrap(), Path::new("/x/signalbox"));
        let relative = [("HOME", "/h"), ("XDG_DATA_HOME", "x")];
        assert_eq!(place(false, &relative).unwrap(), Path::new("/h/.local/share/signalbox"));
        assert!(matches!(place(false, &[]), Err(ConfigError::NoDataDir)));
    }

    #[test]
    fn providers_are_where_they_were_told_to_be() {
        let config = load(
            Flags { data_dir: Some("/d".into()), ..Flags::default() },
            &[("TWILIO_BASE_URL", "http://127.0.0.1:9000/")],
        )
        .unwrap();
        assert_eq!(config.base_url(ProviderKind::Twilio), "http://127.0.0.1:9000");
        assert_eq!(config.base_url(ProviderKind::Meta), "https://graph.facebook.com");
        for wrong in ["ftp://x", "https://", "https://user:pw@x", "x", "https://x/?token=1"] {
            assert!(load(Flags::default(), &[("META_BASE_URL", wrong), ("HOME", "/h")]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn truth_is_spelled_in_a_few_ways_only() {
        assert!(
            load(Flags::default(), &[("WHATSAPP_DEBUG", "TRUE"), ("HOME", "/h")]).unwrap().provider_debug
        );
        let error = load(Flags::default(), &[("WHATSAPP_DEBUG", "maybe"), ("HOME", "/h")]).unwrap_err();
        assert_eq!(error.to_string(), "WHATSAPP_DEBUG is \"maybe\"; it must be true or false");
    }

    #[test]
    fn nothing_secret_is_printed() {
        let variables =
            [("DATABASE_URL", "postgres://a:topsecret@h/x"), ("ENCRYPTION_KEY", "topsecret"), ("HOME", "/h")];
        let config = load(Flags::default(), &variables).unwrap();
        assert!(!format!("{config:?}").contains("topsecret"));
        assert_eq!(config.database_url.unwrap().reveal(), "postgres://a:topsecret@h/x");
    }
}
