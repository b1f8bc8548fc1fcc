//! A file of numbers that is imported, or written. What it would change is looked at first; what is wrong with it is listed
//! line by line.

use crate::domain::text::Safe;
use crate::tui::backend::{BackendError, FileTold, FileWork};
use crate::tui::lists::Motion;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use crate::tui::widgets::input::Input;
use crate::tui::words;
use crossterm::event::KeyEvent;
use ratatui::layout::Rect;

/// Most lines of one refusal.
const LINES: usize = 3;

/// What takes an import back, and what of it nothing does.
const NO_WAY_BACK: &str = "u does not take that back. The audit log (U) does for limits and words of numbers that are \
                           there; not for new ones, pools, accounts, and what is on or off.";

fn plain(line: &str) -> (String, Role) {
    (line.to_owned(), Role::Text)
}

fn dim(line: &str) -> (String, Role) {
    (line.to_owned(), Role::Dim)
}

/// The dialog.
#[derive(Debug, Clone)]
pub struct NumberFile {
    imports: bool,
    name: Input,
    /// What is under way: its number.
    working: Option<u64>,
    told: Option<Result<FileTold, String>>,
    /// The first refusal that is shown.
    from: usize,
}

impl NumberFile {
    /// Nothing is typed yet.
    pub fn new(imports: bool) -> Self {
        Self { imports, name: Input::long(), working: None, told: None, from: 0 }
    }

    /// What Enter does now; `None`: nothing, as long as something is under way or no file is named.
    pub fn work(&self) -> Option<FileWork> {
        if self.working.is_some() || self.name.is_blank() {
            return None;
        }
        Some(match &self.told {
            Some(Ok(FileTold::Checked { source, .. })) => FileWork::Import(source.clone()),
            _ if self.imports => FileWork::Check(self.name.text().trim().to_owned()),
            _ => FileWork::Export(self.name.text().trim().to_owned()),
        })
    }

    /// Whether all is done, and Enter closes it.
    pub fn is_done(&self) -> bool {
        matches!(self.told, Some(Ok(FileTold::Imported(_) | FileTold::Exported(..))))
    }

    /// Something is under way.
    pub fn begin(&mut self, request: u64) {
        self.working = Some(request);
    }

    /// It found no way out.
    pub fn not_begun(&mut self) {
        self.working = None;
    }

    /// Takes in what became of it, if it is this one's. Answers whether it is.
    pub fn take(&mut self, request: u64, answer: &Result<FileTold, BackendError>) -> bool {
        let own = self.working == Some(request);
        if own {
            self.working = None;
            self.from = 0;
            self.told = Some(answer.clone().map_err(|error| error.to_string()));
        }
        own
    }

    /// Takes a key that edits: what was told is of another name then.
    pub fn key(&mut self, key: KeyEvent) {
        if self.working.is_none() {
            let before = self.name.text().to_owned();
            self.name.key(key);
            self.forget(&before);
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        if self.working.is_none() {
            let before = self.name.text().to_owned();
            self.name.paste(text);
            self.forget(&before);
        }
    }

    fn forget(&mut self, before: &str) {
        if self.name.text() != before {
            self.told = None;
        }
    }

    /// Moves in what was refused.
    pub fn go(&mut self, motion: Motion) {
        let Some(Ok(FileTold::Wrong { faults, .. })) = &self.told else { return };
        let last = faults.len().saturating_sub(1);
        self.from = match motion {
            Motion::By(by) => self.from.saturating_add_signed(by).min(last),
            Motion::Top => 0,
            Motion::Bottom => last,
        };
    }

    fn lines(&self) -> Vec<(String, Role)> {
        match &self.told {
            _ if self.working.is_some() => vec![dim(self.doing())],
            None if self.imports => vec![
                plain("A CSV file on this machine, as w writes it. Enter looks at it first."),
                dim("phone is needed, and account for a number that is not there yet."),
                dim("An empty cell leaves what it is about as it is."),
                dim("All of it is imported, or nothing."),
            ],
            None => vec![
                plain("All numbers with their limits, pools and notes, as a CSV file on this"),
                plain("machine. A file that exists stays as it is."),
                dim("No secret stands in it; phones stand in it in full."),
            ],
            Some(Err(why)) => vec![(Safe::new(why).into_string(), Role::Bad)],
            Some(Ok(told)) => self.said(told),
        }
    }

    fn doing(&self) -> &'static str {
        match (self.imports, &self.told) {
            (true, Some(Ok(FileTold::Checked { .. }))) => "Importing ...",
            (true, _) => "Reading ...",
            (false, _) => "Writing ...",
        }
    }

    fn said(&self, told: &FileTold) -> Vec<(String, Role)> {
        let many = |count: usize| words::count(count as u64, "number");
        match told {
            FileTold::Checked { lines, new, new_pools, .. } => {
                let (new, known) = (words::grouped(*new as u64), words::grouped((lines - new) as u64));
                let mut said =
                    vec![(format!("{}: {new} new, {known} there already.", many(*lines)), Role::Good)];
                if !new_pools.is_empty() {
                    let names: Vec<&str> = new_pools.iter().map(Safe::as_str).collect();
                    said.push((format!("It would make new pools: {}.", names.join(", ")), Role::Warn));
                }
                said.extend([plain("Enter imports them; nothing was written yet."), dim(NO_WAY_BACK)]);
                said
            }
            FileTold::Imported(done) => {
                let shown = |count: i64| words::grouped(u64::try_from(count).unwrap_or(0));
                let (added, changed) = (shown(done.added), shown(done.changed));
                let told = format!("{added} added, {changed} changed, {} unchanged.", shown(done.unchanged));
                vec![(told, Role::Good), plain("Enter closes this.")]
            }
            FileTold::Exported(all, place) => {
                vec![
                    (format!("{} written.", many(*all)), Role::Good),
                    plain(place),
                    plain("Enter closes this."),
                ]
            }
            FileTold::Wrong { faults, all } => self.refused(faults, *all),
        }
    }

    fn refused(&self, faults: &[Safe], all: usize) -> Vec<(String, Role)> {
        let told = words::count(all as u64, "refusal");
        let mut lines = vec![
            (format!("{told}: nothing was imported."), Role::Bad),
            dim("Correct the file, and Enter looks at it again. Down: further refusals."),
        ];
        lines.extend(faults.iter().skip(self.from).map(|fault| plain(&format!("! {fault}"))));
        let further = all - faults.len();
        lines.extend((further > 0).then(|| dim(&format!("and {} more", words::grouped(further as u64)))));
        lines
    }

    /// Draws it.
    pub fn view(&self, canvas: &mut Canvas<'_>, area: Rect) {
        let width = if area.width >= 120 { 96 } else { 76 }.min(area.width);
        let columns = usize::from(width.saturating_sub(6));
        let ascii = canvas.theme.ascii;
        let body: Vec<(String, Role)> = self
            .lines()
            .into_iter()
            .flat_map(|(line, role)| {
                words::wrap(&line, columns, LINES, ascii).into_iter().map(move |line| (line, role))
            })
            .collect();
        let rows =
            u16::try_from(body.len()).unwrap_or(u16::MAX).clamp(4, area.height.saturating_sub(6).max(4));
        let dialog = centred(area, width, rows + 6);
        canvas.clear(dialog);
        let title = if self.imports { "Import numbers" } else { "Export numbers" };
        let inside = canvas.panel(dialog, Border { title, foot: "Esc closes", double: false }, Role::Frame);
        let (x, room) = (inside.x + 2, inside.width.saturating_sub(4));
        canvas.text(x, inside.y + 1, 6, "File [", Role::Text);
        let field = room.saturating_sub(7);
        self.name.draw(canvas, x + 6, inside.y + 1, field, true);
        canvas.text(x + 6 + field, inside.y + 1, 1, "]", Role::Text);
        for (y, (line, role)) in (inside.y + 3..inside.bottom()).zip(&body) {
            canvas.text(x, y, room, line, *role);
        }
    }
}
