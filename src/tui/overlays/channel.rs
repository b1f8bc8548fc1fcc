//! A channel for alerts, new or edited. The form stays until what it says is in the database: what is refused is not lost, and
//! what somebody else changes meanwhile is taken in, or told before it is replaced.

use crate::domain::action::{Action, Order};
use crate::domain::channel::{self, ChannelChange, ChannelSecret, Medium, NewChannel, SEVERITIES};
use crate::domain::ids::ChannelId;
use crate::domain::text::Safe;
use crate::sender::alert::desk;
use crate::store::view::ChannelRow;
use crate::tui::model::Model;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::{Border, centred};
use crate::tui::widgets::input::Input;
use crate::tui::widgets::masked::Masked;
use crate::tui::words;
use crossterm::event::{KeyCode, KeyEvent};
use ratatui::layout::Rect;

/// Longest text, in graphemes: a list of mailboxes is never cut.
const TEXT_LIMIT: usize = 20_000;
/// Columns of labels.
const LABEL: u16 = 14;
/// Lines below the fields.
const FOOT: u16 = 3;

const MEDIA: &[&str] = &["mail", "webhook"];
const YES_NO: &[&str] = &["no", "yes"];

/// Which field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Name {
    Called,
    Kind,
    Address,
    Server,
    From,
    Secret,
    Least,
    Kinds,
    Report,
    Active,
}

#[derive(Debug, Clone)]
enum Value {
    Text(Input),
    Secret(Masked),
    Choice(&'static [&'static str], usize),
}

#[derive(Debug, Clone)]
struct Field {
    name: Name,
    value: Value,
    /// As the database has it, as the field shows it; of a new channel what stands there at first.
    present: String,
    /// It became another one after it was edited here.
    moved: bool,
}

impl Field {
    fn new(name: Name, present: &str) -> Self {
        let value = match name {
            Name::Secret => Value::Secret(Masked::default()),
            Name::Kind => Value::Choice(MEDIA, 0),
            Name::Least => Value::Choice(&SEVERITIES, 0),
            Name::Report | Name::Active => Value::Choice(YES_NO, 0),
            _ => Value::Text(Input::of(TEXT_LIMIT)),
        };
        let mut field = Self { name, value, present: String::new(), moved: false };
        field.fill(present);
        field
    }

    fn fill(&mut self, text: &str) {
        match &mut self.value {
            Value::Text(input) => input.fill(text),
            Value::Choice(words, at) => *at = words.iter().position(|word| *word == text).unwrap_or(0),
            Value::Secret(_) => {}
        }
        text_of(&self.value).clone_into(&mut self.present);
    }

    fn is_edited(&self) -> bool {
        match &self.value {
            Value::Secret(secret) => !secret.is_empty(),
            value => text_of(value) != self.present,
        }
    }

    /// Takes in what the database has now; what is being edited stays.
    fn take(&mut self, text: &str) {
        let mut now = Self::new(self.name, text);
        if now.present == self.present {
            return;
        }
        if self.is_edited() {
            std::mem::swap(&mut self.present, &mut now.present);
            self.moved = self.is_edited();
        } else {
            *self = now;
        }
    }
}

fn text_of(value: &Value) -> &str {
    match value {
        Value::Text(input) => input.text().trim(),
        Value::Choice(words, at) => words.get(*at).copied().unwrap_or_default(),
        Value::Secret(_) => "",
    }
}

/// The form.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "independent signs, each with a sentence of its own")]
pub struct ChannelForm {
    /// The channel that is edited, as it is now; `None`: a new one.
    row: Option<ChannelRow>,
    /// Whoever edits it may lead it elsewhere.
    leads: bool,
    fields: Vec<Field>,
    focus: usize,
    /// Saving was tried: only then is an empty field a fault.
    tried: bool,
    /// It is gone.
    gone: bool,
    /// A pasted secret was not taken.
    cut: bool,
    /// What it says is on its way.
    saving: bool,
    /// Escape was pressed although something is not saved: once more leaves it.
    leaving: bool,
}

impl ChannelForm {
    /// For a channel that does not exist.
    pub fn blank() -> Self {
        let fields = [
            (Name::Called, ""),
            (Name::Kind, "mail"),
            (Name::Address, ""),
            (Name::Server, ""),
            (Name::From, ""),
            (Name::Secret, ""),
            (Name::Least, "warning"),
            (Name::Kinds, "all"),
            (Name::Report, "no"),
        ];
        Self::of(None, true, fields.map(|(name, text)| Field::new(name, text)).into())
    }

    /// For one that does; who does not lead it chooses to whom and what goes there.
    pub fn edit(row: &ChannelRow, leads: bool) -> Self {
        let all = [
            Name::Address,
            Name::Server,
            Name::From,
            Name::Secret,
            Name::Least,
            Name::Kinds,
            Name::Report,
            Name::Active,
        ];
        let is_mail = row.medium == Medium::Email;
        let has = |name: &Name| match name {
            Name::Server => is_mail && leads,
            Name::From => is_mail,
            Name::Secret => leads,
            _ => true,
        };
        let fields = all.into_iter().filter(has).map(|name| Field::new(name, &stored(row, name)));
        Self::of(Some(row.clone()), leads, fields.collect())
    }

    fn of(row: Option<ChannelRow>, leads: bool, fields: Vec<Field>) -> Self {
        Self {
            row,
            leads,
            fields,
            focus: 0,
            tried: false,
            gone: false,
            cut: false,
            saving: false,
            leaving: false,
        }
    }

    /// Takes in what was read of all channels.
    pub fn take(&mut self, rows: &[ChannelRow]) {
        let Some(edited) = &self.row else { return };
        match rows.iter().find(|row| row.id == edited.id) {
            None => self.gone = true,
            Some(row) => {
                for field in &mut self.fields {
                    field.take(&stored(row, field.name));
                }
                self.row = Some(row.clone());
            }
        }
    }

    /// The fields that there are: a webhook has no mail server.
    fn shown(&self) -> impl Iterator<Item = (usize, &Field)> {
        let is_mail = self.medium() == Medium::Email;
        self.fields
            .iter()
            .enumerate()
            .filter(move |(_, field)| is_mail || !matches!(field.name, Name::Server | Name::From))
    }

    fn medium(&self) -> Medium {
        match (&self.row, self.text(Name::Kind)) {
            (Some(row), _) => row.medium,
            (None, "webhook") => Medium::Webhook,
            (None, _) => Medium::Email,
        }
    }

    fn text(&self, name: Name) -> &str {
        self.fields.iter().find(|field| field.name == name).map_or("", |field| text_of(&field.value))
    }

    fn edited(&self, name: Name) -> Option<&str> {
        let field = self.shown().map(|(_, field)| field).find(|field| field.name == name)?;
        field.is_edited().then(|| text_of(&field.value))
    }

    fn secret(&self) -> Option<ChannelSecret> {
        let given = self.fields.iter().find_map(|field| match &field.value {
            Value::Secret(secret) => secret.secret(),
            _ => None,
        });
        given.map(ChannelSecret::Given)
    }

    /// Whether something would be lost.
    fn is_edited(&self) -> bool {
        self.shown().any(|(_, field)| field.is_edited())
    }

    /// Whether the focus is on a choice.
    pub fn on_choice(&self) -> bool {
        self.fields.get(self.focus).is_some_and(|field| matches!(field.value, Value::Choice(..)))
    }

    /// Whether the save button has the focus.
    pub fn on_save(&self) -> bool {
        self.focus >= self.fields.len()
    }

    /// Moves the focus, round the fields and the button.
    pub fn step(&mut self, by: isize) {
        self.leaving = false;
        let mut places: Vec<usize> = self.shown().map(|(at, _)| at).collect();
        places.push(self.fields.len());
        let here = places.iter().position(|at| *at == self.focus).unwrap_or(0);
        self.focus = places[(here + places.len()).saturating_add_signed(by) % places.len()];
    }

    /// Takes the next choice, or the one before.
    pub fn turn(&mut self, forward: bool) {
        self.leaving = false;
        if let Some(Value::Choice(words, at)) = self.fields.get_mut(self.focus).map(|field| &mut field.value)
        {
            *at = (*at + if forward { 1 } else { words.len() - 1 }) % words.len();
        }
    }

    /// Takes a key that edits.
    pub fn key(&mut self, key: KeyEvent) {
        (self.leaving, self.cut) = (false, false);
        match self.fields.get_mut(self.focus).map(|field| &mut field.value) {
            Some(Value::Text(input)) => {
                input.key(key);
            }
            Some(Value::Secret(secret)) => secret.key(key),
            Some(Value::Choice(..)) => match key.code {
                KeyCode::Right => self.turn(true),
                KeyCode::Left => self.turn(false),
                _ => {}
            },
            None => {}
        }
    }

    /// Takes pasted text.
    pub fn paste(&mut self, text: &str) {
        (self.leaving, self.cut) = (false, false);
        match self.fields.get_mut(self.focus).map(|field| &mut field.value) {
            Some(Value::Text(input)) => input.paste(text),
            Some(Value::Secret(secret)) => self.cut = !secret.paste(text),
            _ => {}
        }
    }

    /// Whether it may be closed: nothing would be lost, or that was said.
    pub fn may_close(&mut self) -> bool {
        let closes = self.leaving || !self.is_edited();
        self.leaving = true;
        closes
    }

    /// What is wrong with a field.
    fn fault(&self, field: &Field) -> Option<String> {
        let text = text_of(&field.value);
        // What is there already was taken by whoever set it.
        if self.row.is_some() && !field.is_edited() {
            return None;
        }
        let needed = || self.tried.then(|| "is needed".to_owned());
        match field.name {
            Name::Called | Name::Address | Name::Server | Name::From if text.is_empty() => match self.row {
                None => needed(),
                Some(_) => Some("is needed".to_owned()),
            },
            Name::Address => desk::address(self.medium(), text).err(),
            Name::Server => desk::logs_in(text).err(),
            Name::From => desk::sender(text).err(),
            Name::Kinds => channel::kinds(text).err(),
            Name::Secret if field.is_edited() || self.row.is_some() => None,
            Name::Secret if self.medium() == Medium::Webhook => needed(),
            Name::Secret if desk::logs_in(self.text(Name::Server)).unwrap_or(false) => {
                self.tried.then(|| "the mail server's user has a password".to_owned())
            }
            _ => None,
        }
    }

    /// What is to be ordered, with what it is called. Where a field is wrong, or became another one meanwhile, it gets the
    /// focus.
    ///
    /// # Errors
    /// What the operator has to look at first.
    pub fn order(&mut self) -> Result<(Order, String), &'static str> {
        self.tried = true;
        if self.saving {
            return Err("it is being saved");
        }
        if self.gone {
            return Err("not saved: this channel was removed");
        }
        let wrong = self.shown().find(|(_, field)| self.fault(field).is_some()).map(|(at, _)| at);
        if let Some(wrong) = wrong {
            self.focus = wrong;
            return Err("not saved: see the marked fields");
        }
        if let Some(moved) = self.fields.iter().position(|field| field.moved) {
            self.focus = moved;
            for field in &mut self.fields {
                field.moved = false;
            }
            return Err("not saved: changed meanwhile, read it; ctrl-s again replaces it");
        }
        let Some(row) = &self.row else { return Ok(self.added()) };
        if !self.is_edited() {
            return Err("nothing is changed");
        }
        let text = |name| self.edited(name).map(str::to_owned);
        let change = ChannelChange {
            address: text(Name::Address),
            smtp: text(Name::Server),
            mail_from: text(Name::From),
            secret: self.secret(),
            least: self.edited(Name::Least).map(severity),
            kinds: self.edited(Name::Kinds).map(|text| channel::kinds(text).ok().flatten()),
            daily_report: self.edited(Name::Report).map(|text| text == "yes"),
            is_active: self.edited(Name::Active).map(|text| text == "yes"),
        };
        let action = Action::EditChannel { channel: row.id, change: Box::new(change) };
        Ok((Order::on(action, row.version), format!("changed channel {}", row.name.as_str())))
    }

    fn added(&self) -> (Order, String) {
        let is_mail = self.medium() == Medium::Email;
        let text = |name| self.text(name).to_owned();
        let new = NewChannel {
            name: text(Name::Called),
            medium: self.medium(),
            address: text(Name::Address),
            smtp: is_mail.then(|| text(Name::Server)),
            mail_from: is_mail.then(|| text(Name::From)),
            secret: self.secret(),
            least: severity(self.text(Name::Least)),
            kinds: channel::kinds(self.text(Name::Kinds)).ok().flatten(),
            daily_report: self.text(Name::Report) == "yes",
        };
        let label = format!("added channel {}; t tries it", Safe::cut(&new.name, 60));
        (Order::whole(Action::AddChannel { id: ChannelId::new(), new: Box::new(new) }), label)
    }

    /// Whether what it says is on its way.
    pub fn saves(&self) -> bool {
        self.saving
    }

    /// It is on its way, or came back.
    pub fn is_saving(&mut self, saving: bool) {
        self.saving = saving;
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let width = if area.width >= 120 { 100 } else { 76 };
        let count = u16::try_from(self.shown().count()).unwrap_or(10);
        // A line between fields where there is room for it.
        let step = if area.height >= 2 * count + 8 { 2 } else { 1 };
        let dialog = centred(area, width, count * step + 3 + FOOT);
        canvas.clear(dialog);
        let title = match &self.row {
            Some(row) => format!("Edit channel  {}", row.name.as_str()),
            None => "New channel".to_owned(),
        };
        let foot = if self.saving { "saving ..." } else { "Enter on Save, or ctrl-s" };
        let inside = canvas.panel(dialog, Border { title: &title, foot, double: false }, Role::Frame);
        let fields = inside.height.saturating_sub(FOOT + 1);
        // Where there is no room for all of them, those around the focus are shown.
        let room = usize::from(fields.div_ceil(step)).max(1);
        let here = self.shown().position(|(at, _)| at == self.focus);
        let from = here.unwrap_or(usize::from(count)).saturating_sub(room - 1).min(usize::from(count));
        let from = from.min(usize::from(count).saturating_sub(room));
        for ((at, field), nth) in self.shown().skip(from).take(room).zip(0_u16..) {
            let line = Rect::new(inside.x + 1, inside.y + nth * step, inside.width.saturating_sub(2), 1);
            self.view_field(canvas, line, field, at == self.focus);
        }
        let (text, role) =
            if self.on_save() { ("[ Save ]", Role::Selected) } else { ("  Save  ", Role::Text) };
        canvas.text(inside.x + 3, inside.y + fields, 20, text, role);
        let foot = Rect::new(
            inside.x + 1,
            inside.bottom().saturating_sub(FOOT),
            inside.width.saturating_sub(2),
            FOOT,
        );
        self.about_focus(model, canvas, foot);
    }

    fn view_field(&self, canvas: &mut Canvas<'_>, area: Rect, field: &Field, focused: bool) {
        let is_wrong = self.fault(field).is_some() || field.moved;
        let sign = match (focused, is_wrong, field.is_edited() && self.row.is_some()) {
            (true, ..) => (">", Role::Title),
            (false, true, _) => ("!", Role::Bad),
            (false, false, true) => ("*", Role::Warn),
            (false, false, false) => (" ", Role::Text),
        };
        canvas.text(area.x, area.y, 2, sign.0, sign.1);
        let role = if focused { Role::Title } else { Role::Text };
        canvas.text(area.x + 2, area.y, LABEL - 1, self.label(field.name), role);
        let x = area.x + 2 + LABEL;
        let width = area.right().saturating_sub(x + 2);
        match &field.value {
            Value::Text(input) => {
                canvas.text(x, area.y, 1, "[", Role::Text);
                input.draw(canvas, x + 1, area.y, width, focused);
                canvas.text(x + 1 + width, area.y, 1, "]", Role::Text);
            }
            Value::Secret(secret) => {
                canvas.text(x, area.y, 1, "[", Role::Text);
                secret.draw(canvas, x + 1, area.y, width, focused);
                canvas.text(x + 1 + width, area.y, 1, "]", Role::Text);
            }
            Value::Choice(words, at) => {
                canvas.text(x, area.y, 1, "<", Role::Text);
                let role = if focused { Role::Selected } else { Role::Text };
                canvas.text(x + 1, area.y, 10, words.get(*at).copied().unwrap_or_default(), role);
                canvas.text(x + 11, area.y, 1, ">", Role::Text);
            }
        }
    }

    fn label(&self, name: Name) -> &'static str {
        match name {
            Name::Called => "Name",
            Name::Kind => "Goes by",
            Name::Address => "To",
            Name::Server => "Mail server",
            Name::From => "From",
            Name::Secret if self.medium() == Medium::Webhook => "Signs with",
            Name::Secret => "Password",
            Name::Least => "From severity",
            Name::Kinds => "Kinds",
            Name::Report => "Daily report",
            Name::Active => "Is on",
        }
    }

    fn note(&self, name: Name) -> String {
        let is_mail = self.medium() == Medium::Email;
        let kept = if self.row.is_some() { "; empty: as it is" } else { "" };
        match name {
            Name::Called => "What operators call it.".to_owned(),
            Name::Kind => "Mail, or a webhook: JSON that is posted and signed.".to_owned(),
            Name::Address if is_mail => "Mailboxes, with commas between them.".to_owned(),
            Name::Address => "The address that is posted to, https://...".to_owned(),
            Name::Server => "smtps://user@host:465, or smtp://user@host:587 with STARTTLS.".to_owned(),
            Name::From => "Whom mail comes from.".to_owned(),
            Name::Secret if is_mail => {
                format!("Of the mail server's user; it is sealed and never shown{kept}.")
            }
            Name::Secret => {
                format!("Whoever gets the posts checks them with it; it is sealed and never shown{kept}.")
            }
            Name::Least => "Nothing below it goes there.".to_owned(),
            Name::Kinds => {
                let kinds = channel::ALERT_KINDS.iter().map(|(kind, _)| *kind).collect::<Vec<_>>();
                format!("all, or some of {}.", kinds.join(", "))
            }
            Name::Report => "Whether the report of the day before goes there.".to_owned(),
            Name::Active => "Whether anything goes there.".to_owned(),
        }
    }

    /// Beside its field a long sentence would be cut.
    fn about_focus(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
        let field = self.fields.get(self.focus);
        let fault = field.and_then(|field| self.fault(field));
        let (said, role) = match (field, fault) {
            _ if self.gone => ("This channel was removed; nothing can be saved.".to_owned(), Role::Bad),
            _ if self.cut => {
                ("! not pasted: a secret is one line without control characters".to_owned(), Role::Bad)
            }
            (Some(field), Some(fault)) => (format!("! {} {fault}", self.label(field.name)), Role::Bad),
            (Some(field), None) if field.moved => {
                (format!("! changed meanwhile: it is {} now", field.present), Role::Bad)
            }
            (Some(field), None) => (self.note(field.name), Role::Dim),
            (None, _) if !self.leads => {
                ("Admins lead it to another server, and change its secret.".to_owned(), Role::Dim)
            }
            (None, _) => (String::new(), Role::Dim),
        };
        let columns = usize::from(area.width);
        let lines = words::wrap(&said, columns, usize::from(FOOT), model.theme.ascii);
        for (line, y) in lines.iter().zip(area.y..area.bottom()) {
            canvas.text(area.x, y, area.width, line, role);
        }
    }
}

fn severity(name: &str) -> &'static str {
    SEVERITIES.iter().find(|known| **known == name).copied().unwrap_or("warning")
}

/// What the database has of a field.
fn stored(row: &ChannelRow, name: Name) -> String {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let yes = |yes: bool| if yes { "yes" } else { "no" }.to_owned();
    match name {
        Name::Called => row.name.as_str().to_owned(),
        Name::Kind | Name::Secret => String::new(),
        Name::Address => row.leads.address.clone(),
        Name::Server => text(&row.leads.smtp),
        Name::From => text(&row.leads.mail_from),
        Name::Least => row.least.as_str().to_owned(),
        Name::Kinds => row.kinds_in_words(),
        Name::Report => yes(row.daily_report),
        Name::Active => yes(row.is_active),
    }
}
