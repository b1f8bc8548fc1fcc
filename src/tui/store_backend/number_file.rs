//! Files of numbers: looked at, imported and written, by the very way of the command line.

use super::files::{read_at_most, write_new};
use super::{Inner, ended_badly};
use crate::domain::number::ProviderKind;
use crate::domain::phone::Phone;
use crate::domain::text::Safe;
use crate::sender::line::could_send;
use crate::store::account::AccountRecord;
use crate::store::action::Actor;
use crate::store::number_file::{self, LARGEST, NumberFile};
use crate::store::screen::ReadError;
use crate::store::{StoreError, constraint};
use crate::tui::backend::{FileTold, FileWork};
use std::sync::Arc;

/// Most faults that are told.
const TOLD: usize = 100;

impl Inner {
    pub(super) async fn number_file(&self, work: FileWork) -> Result<FileTold, ReadError> {
        match work {
            FileWork::Check(name) => self.check_numbers(name).await,
            FileWork::Import(source) => self.import_numbers(&source).await,
            FileWork::Export(name) => self.export_numbers(name).await,
        }
    }

    async fn check_numbers(&self, name: String) -> Result<FileTold, ReadError> {
        let source = blocking(move || read(&name)).await?;
        Ok(match self.judged_numbers(&source).await? {
            Ok(file) => FileTold::Checked {
                source: Arc::from(source),
                lines: file.lines.len(),
                new: file.new,
                new_pools: file.new_pools.iter().map(|name| Safe::new(name)).collect(),
            },
            Err(faults) => wrong(&faults),
        })
    }

    /// What was looked at is judged anew: accounts and numbers may be others by now.
    async fn import_numbers(&self, source: &str) -> Result<FileTold, ReadError> {
        let (session, seat) = (self.here.writer().map_err(ReadError::Refused)?, self.seat());
        let file = match self.judged_numbers(source).await? {
            Ok(file) => file,
            Err(faults) => return Ok(wrong(&faults)),
        };
        let actor = Actor { operator: &session.operator, instance: seat.instance };
        match self.store.import_numbers(seat.organization, &file.lines, actor).await {
            Ok(done) => Ok(FileTold::Imported(done)),
            Err(StoreError::Constraint { constraint, .. }) => Ok(wrong(&[constraint::sentence(&constraint)])),
            Err(error) => Err(error.into()),
        }
    }

    async fn export_numbers(&self, name: String) -> Result<FileTold, ReadError> {
        let organization = self.seat().organization;
        let numbers = self.store.numbers(organization, None).await?;
        let pools = self.store.pools(organization, None).await?;
        let rows = number_file::rows(&numbers, &pools).map_err(|why| ReadError::Refused(Safe::new(&why)))?;
        let all = rows.len();
        let place = blocking(move || {
            let mut file = Vec::new();
            number_file::write(&rows, &mut file).map_err(|error| error.to_string())?;
            write_new(&name, &file)
        });
        Ok(FileTold::Exported(all, place.await?))
    }

    async fn judged_numbers(&self, source: &str) -> Result<Result<NumberFile, Vec<String>>, StoreError> {
        let fits = |account: &AccountRecord, provider: ProviderKind, id: &str, phone: &Phone| {
            could_send(provider, account.base_url.as_deref(), &account.external_id, id, phone)
        };
        self.store.read_number_file(self.seat().organization, source, &fits).await
    }
}

fn wrong(faults: &[String]) -> FileTold {
    let told = faults.iter().take(TOLD).map(|fault| Safe::new(fault)).collect();
    FileTold::Wrong { faults: told, all: faults.len() }
}

/// Files are read and written where waiting for them keeps nobody.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, String> + Send + 'static,
) -> Result<T, ReadError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done.map_err(|sentence| ReadError::Refused(Safe::new(&sentence))),
        Err(ended) => Err(ReadError::Refused(ended_badly(&ended))),
    }
}

fn read(name: &str) -> Result<String, String> {
    let bytes = read_at_most(name, LARGEST + 1)?;
    number_file::text(bytes).map_err(|why| format!("{name}{why}"))
}
