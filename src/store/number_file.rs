//! Numbers as a CSV file, for the command line and for the console. No secret ever stands in it: those belong to accounts.

use super::{
    Store, StoreError,
    account::AccountRecord,
    number::{NumberEdit, NumberRecord},
    number_batch::NumberLine,
    pool::PoolRecord,
};
use crate::domain::{
    given::{self, Limit},
    ids::{AccountId, OrganizationId},
    money::{self, Currency, Money},
    number::{Approval, ProviderKind},
    phone::Phone,
    pool::name_fault,
    sheet::{disarmed, unclosed_quote},
};
use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    io::Write,
};

/// The columns, in the order in which they are written. Read in any order; `phone` is needed, and `account` for new numbers.
pub const COLUMNS: [&str; 20] = [
    "phone",
    "account",
    "instance_id",
    "name",
    "enabled",
    "priority",
    "daily_limit",
    "interval",
    "per_second",
    "in_flight",
    "reply_share",
    "queue",
    "label",
    "warm_up",
    "monthly_cost",
    "currency",
    "approval",
    "canaries",
    "pools",
    "notes",
];

/// One number's cells, by [`COLUMNS`].
pub type Row = [String; COLUMNS.len()];

/// Largest file, in bytes: hundreds of thousands of numbers.
pub const LARGEST: usize = 64 * 1024 * 1024;

/// Whether a number of this provider's id could send through an account at all; the sentence says why not.
pub type Fits<'a> = dyn Fn(&AccountRecord, ProviderKind, &str, &Phone) -> Result<(), String> + Sync + 'a;

/// A file without a fault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberFile {
    /// What it says, line by line.
    pub lines: Vec<NumberLine>,
    /// How many of them are numbers that are not there yet.
    pub new: usize,
    /// Pools that it names and that are not there yet: they would be made.
    pub new_pools: Vec<String>,
}

/// What stands in a file.
///
/// # Errors
/// When it is no list of numbers at all, as the end of a sentence that begins with its name.
pub fn text(bytes: Vec<u8>) -> Result<String, String> {
    if bytes.len() > LARGEST {
        return Err(" is larger than 64 MB: no list of numbers".to_owned());
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|byte| *byte == b'\n').count();
        format!(", line {line}: not UTF-8; save the file as CSV in UTF-8")
    })?;
    Ok(text.strip_prefix('\u{feff}').map_or_else(|| text.clone(), str::to_owned))
}

/// All numbers as a file has them, before any spreadsheet is thought of.
///
/// # Errors
/// When a pool is called so that it cannot stand in a file.
pub fn rows(numbers: &[NumberRecord], pools: &[PoolRecord]) -> Result<Vec<Row>, String> {
    let seats = seats(pools)?;
    let seats_of = |number: &NumberRecord| seats.get(number.phone.as_str()).map(Vec::as_slice);
    Ok(numbers.iter().map(|number| cells(number, seats_of(number).unwrap_or_default())).collect())
}

/// Writes these rows as the file that is read again.
///
/// # Errors
/// When it cannot be written.
pub fn write(rows: &[Row], target: impl Write) -> Result<(), csv::Error> {
    let mut writer = csv::Writer::from_writer(target);
    writer.write_record(COLUMNS)?;
    for row in rows {
        for cell in row {
            writer.write_field(disarmed(&quoted(cell.clone())).as_bytes())?;
        }
        writer.write_record(None::<&[u8]>)?;
    }
    Ok(writer.flush()?)
}

/// Reading takes an apostrophe off: of one that stands there itself, another one is taken.
#[must_use]
pub fn quoted(cell: String) -> String {
    if cell.starts_with('\'') { format!("'{cell}") } else { cell }
}

/// By phone, the pools it is in as the file says them.
fn seats(pools: &[PoolRecord]) -> Result<HashMap<&str, Vec<String>>, String> {
    let mut seats: HashMap<&str, Vec<String>> = HashMap::new();
    for pool in pools {
        if pool.name.contains('|') || pool.name == "none" {
            return Err(format!(
                "pool {:?} cannot stand in a file, which parts pools by | and says none for no pool; rename it first",
                pool.name
            ));
        }
        for (phone, weight) in pool.numbers.iter().zip(&pool.weights) {
            let plain = *weight == 1 && !pool.name.contains('=');
            let seat = if plain { pool.name.clone() } else { format!("{}={weight}", pool.name) };
            seats.entry(phone).or_default().push(seat);
        }
    }
    Ok(seats)
}

fn cells(number: &NumberRecord, pools: &[String]) -> Row {
    let or_none = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    let cost = Money::of(number.monthly_cost, number.cost_currency.as_deref());
    let amount = |cost: Money| format!("{}.{:02}", cost.amount / 100, cost.amount % 100);
    [
        number.phone.clone(),
        number.account.clone(),
        number.instance_id.clone(),
        number.name.clone(),
        (number.state != "disabled").to_string(),
        number.priority.to_string(),
        or_none(number.daily_limit.map(|limit| limit.to_string())),
        (f64::from(number.interval_ms) / 1000.0).to_string(),
        number.per_second.to_string(),
        number.in_flight.to_string(),
        number.reply_share.to_string(),
        number.queue_limit.map(|limit| limit.to_string()).unwrap_or_default(),
        or_none(number.label.clone()),
        number.warm_up_started_at.map_or_else(|| "off".to_owned(), |at| at.to_rfc3339()),
        or_none(cost.map(amount)),
        cost.map(|cost| cost.currency.to_string()).unwrap_or_default(),
        or_none(number.noted_approval.clone()),
        number.canaries.to_string(),
        if pools.is_empty() { "none".to_owned() } else { pools.join("|") },
        number.notes.clone(),
    ]
}

impl Store {
    /// Reads a file of numbers against what is there: all that it says, or all that is wrong with it, line by line.
    ///
    /// # Errors
    /// When the database is away or refuses.
    pub async fn read_number_file(
        &self,
        organization: OrganizationId,
        text: &str,
        fits: &Fits<'_>,
    ) -> Result<Result<NumberFile, Vec<String>>, StoreError> {
        let all = self.organizations(None).await?;
        let own = all.into_iter().find(|each| each.id == organization);
        let (now, zone) = own.map(|own| (own.now, own.time_zone)).unwrap_or_default();
        let zone: Tz = zone.parse().unwrap_or_default();
        let accounts = self.accounts(organization, None).await?;
        let numbers = self.numbers(organization, None).await?;
        let known: HashMap<String, NumberRecord> =
            numbers.into_iter().map(|number| (number.phone.clone(), number)).collect();
        let pools: HashSet<String> =
            self.pools(organization, None).await?.into_iter().map(|pool| pool.name).collect();
        let lines = Reading { now, zone, fits, accounts: &accounts, known: &known }.lines(text);
        Ok(lines.map(|lines| {
            let new = lines.iter().filter(|line| !known.contains_key(line.phone.reveal())).count();
            let named = lines.iter().filter_map(|line| line.pools.as_ref()).flatten().map(|(name, _)| name);
            let new_pools: BTreeSet<String> = named.filter(|name| !pools.contains(*name)).cloned().collect();
            NumberFile { lines, new, new_pools: new_pools.into_iter().collect() }
        }))
    }
}

/// What a file is read against.
struct Reading<'a> {
    now: DateTime<Utc>,
    zone: Tz,
    fits: &'a Fits<'a>,
    accounts: &'a [AccountRecord],
    known: &'a HashMap<String, NumberRecord>,
}

/// One line's cells by column; empty ones are missing, and leave what they are about as it is.
struct Cells<'a> {
    line: u64,
    by_column: BTreeMap<&'static str, &'a str>,
    faults: Vec<String>,
}

impl Cells<'_> {
    /// The value of a column, if it has one that can be read; otherwise what is wrong is kept.
    fn read<T>(&mut self, column: &'static str, read: impl FnOnce(&str) -> Result<T, String>) -> Option<T> {
        let cell = self.by_column.get(column)?;
        read(cell).map_err(|why| self.faults.push(format!("line {}, column {column}: {why}", self.line))).ok()
    }

    fn fault(&mut self, column: &str, why: &str) {
        self.faults.push(format!("line {}, column {column}: {why}", self.line));
    }
}

/// Counts lines as an editor does: the reader of CSV is one behind where they end as on Windows.
struct Lines<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl Lines<'_> {
    /// The line of what begins at this byte, or behind the ends of lines that stand there; asked in order.
    fn at(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX);
        while let Some(letter) = self.text.get(self.at) {
            if self.at >= byte && !matches!(letter, b'\r' | b'\n') {
                break;
            }
            self.line += u64::from(*letter == b'\n');
            self.at += 1;
        }
        self.line
    }
}

impl Reading<'_> {
    fn lines(&self, text: &str) -> Result<Vec<NumberLine>, Vec<String>> {
        let head = text.lines().find(|line| !line.is_empty()).unwrap_or_default();
        let delimiter = if head.matches(';').count() > head.matches(',').count() { b';' } else { b',' };
        if let Some(line) = unclosed_quote(text, delimiter) {
            return Err(vec![format!("line {line}: the quote that opens here never closes")]);
        }
        let mut reader =
            csv::ReaderBuilder::new().flexible(true).delimiter(delimiter).from_reader(text.as_bytes());
        let columns = header(reader.headers().map_err(|error| vec![format!("line 1: {error}")])?)?;
        let (mut lines, mut faults) = (Vec::new(), Vec::new());
        let mut seen: HashMap<String, u64> = HashMap::new();
        let mut counted = Lines { text: text.as_bytes(), at: 0, line: 1 };
        for record in reader.records() {
            let record = match record {
                Ok(record) => record,
                Err(error) => {
                    faults.push(error.to_string());
                    break;
                }
            };
            let line = counted.at(record.position().map_or(0, csv::Position::byte));
            // Spreadsheets leave such lines at the end.
            if record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if record.len() != columns.len() {
                faults.push(format!("line {line}: has {} cells, the header {}", record.len(), columns.len()));
                continue;
            }
            let by_column = columns.iter().zip(&record).map(|(column, cell)| match *column {
                // What is written there is theirs to the last space.
                text @ ("name" | "notes") => (text, cell.strip_prefix('\'').unwrap_or(cell)),
                other => (other, bare(cell)),
            });
            let by_column = by_column.filter(|(_, cell)| !cell.is_empty()).collect();
            let mut cells = Cells { line, by_column, faults: Vec::new() };
            let read = self.line(&mut cells);
            if let Some(read) = &read
                && let Some(first) = seen.insert(read.phone.reveal().to_owned(), line)
            {
                cells.fault("phone", &format!("stands in line {first} already"));
            }
            faults.append(&mut cells.faults);
            lines.extend(read.map(|read| (line, read)));
        }
        faults.extend(self.shared_senders(&lines));
        if lines.is_empty() && faults.is_empty() {
            faults.push("line 2: there is no number in it".to_owned());
        }
        if faults.is_empty() { Ok(lines.into_iter().map(|(_, read)| read).collect()) } else { Err(faults) }
    }

    /// Lines whose number would have the sender's id of another number of its account, when those before them are imported.
    fn shared_senders(&self, lines: &[(u64, NumberLine)]) -> Vec<String> {
        let sender = |account: Option<AccountId>, id: &str, phone: &str| {
            account.filter(|_| !id.is_empty()).map(|account| ((account, id.to_owned()), phone.to_owned()))
        };
        let account_of =
            |known: &NumberRecord| self.account(&known.account).ok().map(|(record, _)| record.id);
        let mut senders: HashMap<(AccountId, String), String> = self
            .known
            .iter()
            .filter_map(|(phone, known)| sender(account_of(known), &known.instance_id, phone))
            .collect();
        let mut faults = Vec::new();
        // In the order in which they are imported (`import_numbers`, migration 0181).
        let mut in_order: Vec<&(u64, NumberLine)> = lines.iter().collect();
        in_order.sort_by_key(|(_, read)| read.phone.reveal());
        for (line, read) in in_order {
            let phone = read.phone.reveal();
            let known = self.known.get(phone);
            let account = read.account.map(|(id, _)| id).or_else(|| known.and_then(account_of));
            if let Some((key, _)) =
                known.and_then(|known| sender(account_of(known), &known.instance_id, phone))
                && senders.get(&key).is_some_and(|holder| holder == phone)
            {
                senders.remove(&key);
            }
            let id = read.edit.instance_id.as_deref().or(known.map(|known| known.instance_id.as_str()));
            let Some((key, phone)) = sender(account, id.unwrap_or_default(), phone) else { continue };
            if let Some(other) = senders.insert(key, phone) {
                let fault = format!("line {line}, column instance_id: is the sender {other} of this account");
                faults.push((line, fault));
            }
        }
        faults.sort_unstable();
        faults.into_iter().map(|(_, fault)| fault).collect()
    }

    fn line(&self, cells: &mut Cells<'_>) -> Option<NumberLine> {
        if !cells.by_column.contains_key("phone") {
            cells.fault("phone", "is needed");
            return None;
        }
        let phone = cells.read("phone", given::phone)?;
        let known = self.known.get(phone.reveal());
        let named = cells.read("account", |name| self.account(name));
        let account = match (named, known) {
            (Some(account), _) => Some(account),
            (None, Some(known)) => self.account(&known.account).ok(),
            (None, None) if cells.by_column.contains_key("account") => None,
            (None, None) => {
                cells.fault("account", "is needed for a number that is not there yet");
                None
            }
        };
        let edit = self.edit(cells);
        if let Some((record, provider)) = account {
            let instance = edit.instance_id.as_deref().or(known.map(|known| known.instance_id.as_str()));
            if let Err(why) = (self.fits)(record, provider, instance.unwrap_or_default(), &phone) {
                cells.fault("instance_id", &why);
            }
            if edit.queue_limit.is_some() && provider.is_official() {
                cells.fault("queue", &format!("{provider} keeps no queue of its own: leave it empty"));
            }
        }
        let enabled = cells.read("enabled", truth);
        let pools = cells.read("pools", pools);
        Some(NumberLine {
            phone,
            account: account.map(|(record, provider)| (record.id, provider)),
            enabled,
            edit,
            pools,
        })
    }

    fn edit(&self, cells: &mut Cells<'_>) -> NumberEdit {
        let text = |cell: &str| {
            let fault = cell.contains('\0').then(|| "holds a character that no text can hold".to_owned());
            fault.map_or_else(|| Ok(cell.to_owned()), Err)
        };
        let currency =
            cells.read("currency", |cell| cell.parse().map_err(|error: money::MoneyError| error.to_string()));
        if currency.is_some() && !cells.by_column.contains_key("monthly_cost") {
            cells.fault("currency", "is that of monthly_cost, which says nothing here");
        }
        NumberEdit {
            name: cells.read("name", text),
            notes: cells.read("notes", text),
            instance_id: cells.read("instance_id", text),
            priority: cells.read("priority", given::priority),
            daily_limit: cells.read("daily_limit", given::number_limit).map(Limit::get),
            interval_ms: cells.read("interval", given::interval),
            per_second: cells.read("per_second", given::per_second),
            in_flight: cells.read("in_flight", given::in_flight),
            warm_up_started_at: cells.read("warm_up", |cell| {
                let given = given::warm_up(cell)?;
                given.starts(self.now, self.zone)
            }),
            reply_share: cells.read("reply_share", given::reply_share),
            label: cells.read("label", given::label),
            queue_limit: cells.read("queue", given::queue),
            monthly_cost: cells.read("monthly_cost", |cell| cost(cell, currency)),
            approval: cells.read("approval", |cell| match cell {
                "none" => Ok(None),
                word => word.parse::<Approval>().map(Some).map_err(|error| format!("{error}, or none")),
            }),
            canaries: cells.read("canaries", truth),
        }
    }

    fn account(&self, name: &str) -> Result<(&AccountRecord, ProviderKind), String> {
        let record = self.accounts.iter().find(|account| account.name == name);
        let record = record.ok_or_else(|| format!("there is no account {name:?}"))?;
        record
            .provider
            .parse()
            .map(|provider| (record, provider))
            .map_err(|error: crate::domain::number::UnknownProvider| error.to_string())
    }
}

/// Which column is which; each of ours at most once, and no other.
fn header(record: &csv::StringRecord) -> Result<Vec<&'static str>, Vec<String>> {
    let (mut columns, mut faults) = (Vec::new(), Vec::new());
    for (at, name) in record.iter().enumerate() {
        let name = bare(name);
        match COLUMNS.into_iter().find(|column| column.eq_ignore_ascii_case(name)) {
            Some(column) if columns.contains(&column) => {
                faults.push(format!("line 1, column {}: {column} stands there twice", at + 1));
            }
            Some(column) => columns.push(column),
            None => faults.push(format!(
                "line 1, column {}: {name:?} is no column of numbers; they are {}",
                at + 1,
                COLUMNS.join(", ")
            )),
        }
    }
    if faults.is_empty() && !columns.contains(&"phone") {
        faults.push("line 1: there is no column phone".to_owned());
    }
    if faults.is_empty() { Ok(columns) } else { Err(faults) }
}

/// Without spaces around it, and without the apostrophe that keeps spreadsheets from running it.
fn bare(cell: &str) -> &str {
    let cell = cell.trim();
    cell.strip_prefix('\'').unwrap_or(cell)
}

fn truth(cell: &str) -> Result<bool, String> {
    // Spreadsheets write them in capitals.
    let is = |words: [&str; 2]| words.iter().any(|word| cell.eq_ignore_ascii_case(word));
    match () {
        () if is(["true", "yes"]) => Ok(true),
        () if is(["false", "no"]) => Ok(false),
        () => Err("is true or false".to_owned()),
    }
}

fn cost(cell: &str, currency: Option<Currency>) -> Result<Option<Money>, String> {
    if cell == "none" {
        return Ok(None);
    }
    let amount = money::hundredths(cell).map_err(|error| error.to_string())?;
    let currency = currency.ok_or_else(|| "needs a currency in its column, such as EUR".to_owned())?;
    Ok(Some(Money { amount, currency }))
}

/// `default|vip=3`: the pools, with the weight in each where it is not one.
fn pools(cell: &str) -> Result<Vec<(String, u32)>, String> {
    if cell == "none" {
        return Ok(Vec::new());
    }
    let mut pools: Vec<(String, u32)> = Vec::new();
    for seat in cell.split('|').map(str::trim) {
        let (name, weight) = match seat.rsplit_once('=') {
            Some((name, weight)) => (name.trim(), given::weight(weight)?),
            None => (seat, 1),
        };
        if name.is_empty() {
            return Err("is written default|vip=3: pools, with a weight where it is not one".to_owned());
        }
        if let Some(why) = name_fault(name) {
            return Err(why.to_owned());
        }
        if pools.iter().any(|(other, _)| other == name) {
            return Err(format!("names pool {name} twice"));
        }
        pools.push((name.to_owned(), weight));
    }
    Ok(pools)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pools_are_read_with_their_weights() {
        assert_eq!(pools("none"), Ok(Vec::new()));
        assert_eq!(pools("default| vip=3"), Ok(vec![("default".into(), 1), ("vip".into(), 3)]));
        for wrong in ["|", "a|a", "a=0", "a=many", "=3", "none|vip", "none=2"] {
            assert!(pools(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_header_names_each_column_once_and_no_other() {
        let read = |names: &[&str]| header(&csv::StringRecord::from(names.to_vec()));
        assert_eq!(read(&["Phone", "notes"]), Ok(vec!["phone", "notes"]));
        let faults = read(&["phone", "token", "phone"]).unwrap_err();
        assert!(faults[0].starts_with("line 1, column 2: \"token\" is no column of numbers"), "{faults:?}");
        assert_eq!(faults[1], "line 1, column 3: phone stands there twice");
        assert_eq!(read(&["name"]).unwrap_err(), ["line 1: there is no column phone"]);
    }

    #[test]
    fn a_line_is_counted_as_an_editor_counts_it_however_lines_end() {
        for (text, first) in [
            ("phone,priority\n+237600000001,high\n+237600000002,low\n", 2),
            ("phone,priority\r\n+237600000001,high\r\n+237600000002,low\r\n", 2),
            ("phone,priority\r\n\r\n+237600000001,high\r\n+237600000002,low", 3),
        ] {
            let known = HashMap::new();
            let reading = Reading {
                now: DateTime::default(),
                zone: Tz::UTC,
                fits: &|_, _, _, _| Ok(()),
                accounts: &[],
                known: &known,
            };
            let faults = reading.lines(text).unwrap_err();
            let said: Vec<&str> =
                faults.iter().filter_map(|fault| fault.split(", column priority").next()).collect();
            let lines = [first, first, first + 1, first + 1].map(|line| format!("line {line}"));
            let said: Vec<&str> = said.iter().filter_map(|said| said.split(',').next()).collect();
            assert_eq!(said, lines, "{text:?}");
        }
    }
}
