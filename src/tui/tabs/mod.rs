//! The five tabs: how each draws its rows, its side panel and its status line. Nothing here changes anything.

pub mod campaigns;
pub mod live;
pub mod numbers;
pub mod recipients;
pub mod replies;

use crate::domain::action::Subject;
use crate::store::view::{Gate, HoldView, LogLine};
use crate::tui::lists::local::{Identified, LocalList};
use crate::tui::lists::paged::{PagedList, Placed};
use crate::tui::model::{Geometry, Model, Tab};
use crate::tui::theme::Role;
use crate::tui::update::spinner;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::facts::Facts;
use crate::tui::widgets::table::{self, Cell, Column, Row};
use crate::tui::words;
use ratatui::layout::Rect;

/// From this width on there is a side panel.
pub const WIDE: u16 = 120;

/// Draws the open tab.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
    match model.tab {
        Tab::Numbers => numbers::view(model, canvas, area, geometry),
        Tab::Campaigns => campaigns::view(model, canvas, area, geometry),
        Tab::Recipients => recipients::view(model, canvas, area, geometry),
        Tab::Live => live::view(model, canvas, area, geometry),
        Tab::Replies => replies::view(model, canvas, area, geometry),
    }
}

/// What the status line says about the open tab.
pub fn status(model: &Model) -> Vec<(String, Role)> {
    match model.tab {
        Tab::Numbers => numbers::status(model),
        Tab::Campaigns => campaigns::status(model),
        Tab::Recipients => recipients::status(model),
        Tab::Live => live::status(model),
        Tab::Replies => replies::status(model),
    }
}

/// List and side panel, where there is room for one.
pub fn split(area: Rect) -> (Rect, Option<Rect>) {
    if area.width < WIDE {
        return (area, None);
    }
    let panel = if area.width >= 150 { 56 } else { 44 };
    let list = Rect::new(area.x, area.y, area.width - panel, area.height);
    (list, Some(Rect::new(list.right(), area.y, panel, area.height)))
}

/// Where the rows of a table are, under its headings.
pub fn below_headings(area: Rect) -> Rect {
    Rect::new(area.x, area.y + 1, area.width, area.height.saturating_sub(1))
}

/// The first row to show so that the cursor is visible and the list moves as little as possible.
pub fn window(cursor: usize, offset: usize, rows: usize, count: usize) -> usize {
    let rows = rows.max(1);
    let most = count.saturating_sub(rows);
    let offset = offset.min(most);
    if cursor < offset {
        cursor
    } else if cursor >= offset + rows {
        (cursor + 1 - rows).min(most)
    } else {
        offset
    }
}

/// Where a list stands.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// The row under the cursor.
    pub cursor: usize,
    /// Columns that are scrolled away.
    pub shift: usize,
    /// The first row that was shown before.
    pub offset: usize,
}

/// Draws headings and those rows of a list that fit, the one under the cursor among them. Answers how many fit, and which is
/// the first.
pub fn draw_rows<T>(
    canvas: &mut Canvas<'_>,
    area: Rect,
    columns: &[Column],
    place: Place,
    all: impl ExactSizeIterator<Item = T>,
    row: impl Fn(T) -> Row<'static>,
) -> (usize, usize) {
    let fit = usize::from(area.height.saturating_sub(1));
    let offset = window(place.cursor, place.offset, fit, all.len());
    let drawn: Vec<Row<'_>> = all
        .enumerate()
        .skip(offset)
        .take(fit)
        .map(|(at, each)| Row { selected: at == place.cursor, ..row(each) })
        .collect();
    table::draw(canvas, area, columns, place.shift, &drawn);
    (fit, offset)
}

/// How the rows of a tab are laid out: from which width on, which columns, and what fills them. The widest first; the last one
/// fits anywhere.
pub type Layouts<R> = [(u16, &'static [Column], fn(&Model, &R) -> Vec<Cell<'static>>); 3];

/// The list of a tab in its panel, which clicks find by what is kept of its place.
pub struct Listing<'a, R, Id> {
    /// How wide the tab is.
    pub width: u16,
    /// Inside the panel.
    pub area: Rect,
    /// How rows are laid out.
    pub layouts: &'a Layouts<R>,
    /// What a row is to the rest of the console.
    pub subject: fn(Id) -> Subject,
}

impl<R, Id: Copy + Ord> Listing<'_, R, Id> {
    /// Draws a list that is read whole.
    pub fn draw_local(
        &self,
        model: &Model,
        canvas: &mut Canvas<'_>,
        list: &LocalList<R>,
        geometry: &mut Geometry,
    ) where
        R: Identified<Id = Id>,
    {
        let rows =
            list.rows().iter().map(|each| (&each.row, each.gone, list.marks().contains(&each.row.id())));
        self.draw(model, canvas, (list.cursor(), list.shift), rows, geometry, (R::id, false));
    }

    /// Draws a list of pages. While another question is under way the old rows stay, dimmed.
    pub fn draw_paged(
        &self,
        model: &Model,
        canvas: &mut Canvas<'_>,
        list: &PagedList<R>,
        geometry: &mut Geometry,
    ) where
        R: Placed<Id = Id>,
    {
        let rows =
            list.rows().iter().map(|each| (&each.row, each.gone, list.marks().contains(&each.row.id())));
        let is_old = list.asked.is_some() && spinner(model).is_some();
        self.draw(model, canvas, (list.cursor(), list.shift), rows, geometry, (R::id, is_old));
    }

    fn draw<'m>(
        &self,
        model: &Model,
        canvas: &mut Canvas<'_>,
        (cursor, shift): (usize, usize),
        rows: impl ExactSizeIterator<Item = (&'m R, bool, bool)>,
        geometry: &mut Geometry,
        (id, is_old): (fn(&R) -> Id, bool),
    ) where
        R: 'm,
    {
        let layout = self.layouts.iter().find(|(from, ..)| self.width >= *from).unwrap_or(&self.layouts[2]);
        let (_, columns, cells) = *layout;
        let dim = is_old || model.source.away.is_some();
        let place = Place { cursor, shift, offset: geometry.list_offset };
        let drawn = draw_rows(canvas, self.area, columns, place, rows, |(row, gone, marked)| Row {
            cells: cells(model, row),
            marked,
            gone,
            changed: model.is_flashing((self.subject)(id(row))),
            dim,
            selected: false,
        });
        (geometry.list_rows, geometry.list_offset) = drawn;
        geometry.list = below_headings(self.area);
    }
}

/// What stands in an empty list: why, and what to press.
pub fn empty(canvas: &mut Canvas<'_>, area: Rect, lines: &[&str]) {
    let top = area.y + area.height.saturating_sub(u16::try_from(lines.len()).unwrap_or(1)) / 3;
    for (line, y) in lines.iter().zip(top..area.bottom()) {
        let wide = u16::try_from(words::width(line)).unwrap_or(area.width).min(area.width);
        let role = if y == top { Role::Title } else { Role::Dim };
        canvas.text(area.x + (area.width - wide) / 2, y, wide, line, role);
    }
}

/// `cap reached, midnight`
pub fn hold_short(hold: &HoldView, model: &Model) -> String {
    match hold.until {
        Some(until) => {
            format!("{}, {}", hold.short, words::opening(until, model.now.wall, model.session.zone))
        }
        None => hold.short.to_string(),
    }
}

/// The sentence, and when it opens.
pub fn hold_long(hold: &HoldView, model: &Model) -> String {
    match hold.until {
        Some(until) => {
            let opens = words::opening(until, model.now.wall, model.session.zone);
            let relative = words::relative(until, model.now.wall);
            format!("{}; opens {opens} ({relative})", hold.sentence)
        }
        None => hold.sentence.to_string(),
    }
}

/// The ordered chain of gates, the binding one marked.
pub fn gates(facts: &mut Facts, gates: &[Gate], model: &Model) {
    if gates.is_empty() {
        return;
    }
    facts.heading("Why, gate by gate");
    for gate in gates {
        let (sign, role) = match (gate.open, gate.binds) {
            (true, _) => ("ok  ", Role::Good),
            (false, true) => ("HERE", Role::Bad),
            (false, false) => ("shut", Role::Warn),
        };
        let opens = gate.until.map_or(String::new(), |until| {
            format!("; opens {}", words::opening(until, model.now.wall, model.session.zone))
        });
        facts.line(vec![
            (format!("{sign}  "), role),
            (gate.name.to_string(), if gate.binds { Role::Title } else { Role::Text }),
        ]);
        facts.paragraph(&format!("      {}{opens}", gate.found), Role::Dim);
    }
}

/// A log, latest first.
pub fn log(facts: &mut Facts, lines: &[LogLine], model: &Model) {
    for line in lines {
        let at = words::clock(line.at, model.now.wall, model.session.zone);
        facts.paragraph(&format!("{at} {} {}", line.by, line.what), Role::Text);
    }
}

/// Text as it is shown, or as it is stored when the operator asked for that; a changed one carries a mark.
pub fn altered(text: &crate::domain::text::Shown, escaped: bool) -> String {
    match text.escaped() {
        Some(stored) if escaped => stored.to_string(),
        Some(_) => format!("{} (altered; v: as stored)", text.as_str()),
        None => text.as_str().to_owned(),
    }
}

/// What an empty list says while there is no data at all.
pub fn no_data(model: &Model) -> Option<[&'static str; 2]> {
    if model.overview().is_some() {
        return None;
    }
    Some(if model.source.away.is_some() {
        [
            "The database cannot be reached.",
            "Nothing is sent from here until it is back; that goes on by itself.",
        ]
    } else {
        ["Reading ...", ""]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_moves_as_little_as_possible() {
        assert_eq!(window(0, 0, 10, 100), 0);
        assert_eq!(window(9, 0, 10, 100), 0);
        assert_eq!(window(10, 0, 10, 100), 1);
        assert_eq!(window(5, 7, 10, 100), 5);
        assert_eq!(window(99, 0, 10, 100), 90);
        assert_eq!(window(3, 50, 10, 4), 0);
        assert_eq!(window(0, 0, 0, 0), 0);
    }
}
