//! The whole screen from the model. Reads only; what the next key needs to know about the picture comes back as a
//! [`Geometry`].

mod header;
mod hints;
#[cfg(test)]
pub use hints::fitting;
mod toasts;

use crate::tui::model::{Geometry, Model, Tab};
use crate::tui::overlays::{self, Overlay};
use crate::tui::tabs;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::words;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

/// Below this nothing but a notice is drawn.
pub const LEAST: (u16, u16) = (60, 16);

/// Draws everything.
pub fn view(model: &Model, buffer: &mut Buffer) -> Geometry {
    let area = buffer.area;
    let mut geometry = model.geometry;
    let mut canvas = Canvas { buffer, theme: model.theme };
    if area.width < LEAST.0 || area.height < LEAST.1 {
        (geometry.list, geometry.tabs) = (Rect::ZERO, [Rect::ZERO; 5]);
        too_small(model, &mut canvas, area);
    } else {
        whole(model, &mut canvas, area, &mut geometry);
    }
    if model.theme.ascii {
        plain_ascii(canvas.buffer);
    }
    geometry
}

fn whole(model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
    let line = |y| Rect::new(area.x, y, area.width, 1);
    let (status, keys) = (line(area.bottom() - 2), line(area.bottom() - 1));
    let body = Rect::new(area.x, area.y + 1, area.width, area.height - 3);
    header::view(model, canvas, line(area.y), geometry);
    tabs::view(model, canvas, body, geometry);
    status_line(model, canvas, status);
    let in_dialog = model.in_dialog();
    if !in_dialog {
        toasts::view(model, canvas, body);
    }
    for overlay in &model.overlays {
        draw_overlay(model, overlay, canvas, body, geometry);
    }
    match model.overlays.last() {
        Some(Overlay::Filter(input)) => input.view(model, canvas, status, keys),
        _ => hints::view(model, canvas, keys),
    }
    if in_dialog {
        // Toasts never cover a dialog; the latest one still gets its line.
        toasts::in_line(model, canvas, status);
    }
}

fn draw_overlay(
    model: &Model,
    overlay: &Overlay,
    canvas: &mut Canvas<'_>,
    body: Rect,
    geometry: &mut Geometry,
) {
    match overlay {
        Overlay::Drawer(drawer) => drawer.view(model, canvas, body, geometry),
        Overlay::Help(help) => help.view(model, canvas, body),
        Overlay::Guide(guide) => guide.view(model, canvas, body, geometry),
        Overlay::Palette(palette) => palette.view(model, canvas, body),
        Overlay::Confirm(confirm) => confirm.view(model, canvas, body),
        Overlay::Form(form) => form.view(model, canvas, body),
        Overlay::NumberFile(dialog) => dialog.view(canvas, body),
        Overlay::Wizard(wizard) => wizard.view(model, canvas, body),
        Overlay::Reason(prompt) => prompt.view(model, canvas, body),
        Overlay::Copy => overlays::copy::view(model, canvas, body),
        Overlay::Filter(_) => {}
        Overlay::Picker(picker) => picker.view(canvas, body),
        Overlay::Instances(scroll) => overlays::instances::view(model, *scroll, canvas, body, geometry),
        Overlay::Findings(list) => list.view(model, canvas, body, geometry),
        Overlay::Forecast(panel) => panel.view(model, canvas, body, geometry),
        Overlay::Progress(panel) => panel.view(model, canvas, body, geometry),
        Overlay::Schedule(schedule) => schedule.view(model, canvas, body, geometry),
        Overlay::Slots(grid) => grid.view(model, canvas, body, geometry),
        Overlay::Settings(form) => form.view(model, canvas, body),
        Overlay::Channels(list) => list.view(model, canvas, body, geometry),
        Overlay::Channel(form) => form.view(model, canvas, body),
        Overlay::Pools(panel) => panel.view(model, canvas, body, geometry),
        Overlay::Alerts(list) => list.view(model, canvas, body, geometry),
        Overlay::Audit(panel) => panel.view(model, canvas, body, geometry),
        Overlay::Qr(panel) => panel.view(model, canvas, body),
        Overlay::Handover(panel) => panel.view(model, canvas, body, geometry),
        Overlay::Doubts => overlays::doubts::view(model, canvas, body, geometry),
        Overlay::Stop => overlays::stop::view(model, canvas, body),
        Overlay::Quit(quit) => quit.view(model, canvas, body),
    }
}

/// The line above the keys: what is wrong, what others did, or what the tab has to say; at its right what needs an
/// operator whatever the tab.
fn status_line(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    if let Some((since, why)) = &model.source.away {
        let at = words::clock(since.wall, model.now.wall, model.session.zone);
        let line = format!(
            " !! DATABASE AWAY since {at}: nothing is sent from here, this is old. Trying again: {why}"
        );
        canvas.text(
            area.x,
            area.y,
            area.width,
            &format!("{line:width$}", width = usize::from(area.width)),
            Role::Banner,
        );
        return;
    }
    let mut right = String::new();
    if let Some(overview) = model.overview() {
        if overview.unread > 0 && model.tab != Tab::Replies {
            right = format!("{} unanswered: 5 ", words::grouped(overview.unread));
        }
        if overview.in_doubt > 0 {
            right = format!("{} in doubt: d ", words::grouped(overview.in_doubt));
        }
        if overview.alerts > 0 {
            let alerts = if overview.alerts == 1 { "alert" } else { "alerts" };
            right = format!("{} {alerts}: B  {right}", words::grouped(overview.alerts));
        }
        if let Some(stop) = &overview.stop {
            right = format!("STOPPED by {}: R lifts it ", stop.by);
        }
    }
    let reserved = u16::try_from(words::width(&right)).unwrap_or(0).min(area.width / 2);
    let room = area.width.saturating_sub(reserved + 2);
    if let Some(elsewhere) = &model.elsewhere {
        let ago = match words::relative(elsewhere.at, model.now.wall).as_str() {
            "now" => "just now".to_owned(),
            ago => ago.to_owned(),
        };
        let line = format!("changed by {} {ago}: {}", elsewhere.by, elsewhere.what);
        let role = if elsewhere.alarming { Role::Bad } else { Role::Warn };
        canvas.text(area.x + 1, area.y, room, &line, role);
    } else {
        let parts = tabs::status(model);
        let pieces: Vec<(&str, Role)> = parts.iter().map(|(text, role)| (text.as_str(), *role)).collect();
        canvas.pieces(area.x + 1, area.y, room, &pieces);
    }
    let stopped = model.overview().is_some_and(|overview| overview.stop.is_some());
    canvas.right(
        area.x,
        area.y,
        area.width,
        &words::fit(&right, usize::from(reserved), model.theme.ascii),
        if stopped { Role::Bad } else { Role::Doubt },
    );
}

fn too_small(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let rate = model.overview().map_or("unknown".into(), |overview| words::rate(overview.per_second));
    let in_air = model.overview().map_or(0, |overview| overview.in_air);
    let sending = if model.overview().is_some_and(|overview| overview.stop.is_some()) {
        format!("All sending is stopped, {in_air} in flight.")
    } else {
        format!("Sending goes on: {rate}, {in_air} in flight.")
    };
    let lines = [
        format!("Terminal is {}x{}, need at least {}x{}.", area.width, area.height, LEAST.0, LEAST.1),
        sending,
        String::new(),
        "! stop all    q quit".to_owned(),
    ];
    let top = area.y + area.height.saturating_sub(4) / 2;
    for (line, y) in lines.iter().zip(top..area.bottom()) {
        let wide = u16::try_from(words::width(line)).unwrap_or(area.width).min(area.width);
        canvas.text(area.x + (area.width - wide) / 2, y, area.width, line, Role::Text);
    }
}

/// In a locale without UTF-8 every other character would be drawn as rubbish, and rubbish of another width.
fn plain_ascii(buffer: &mut Buffer) {
    let area = buffer.area;
    for y in area.y..area.bottom() {
        for x in area.x..area.right() {
            let Some(cell) = buffer.cell((x, y)) else { continue };
            let stand_in = match cell.symbol() {
                symbol if symbol.is_ascii() => continue,
                "\u{2026}" => "~",
                symbol => plain_letter(symbol),
            };
            let style = cell.style();
            let wide = words::width(cell.symbol()) > 1;
            buffer.set_string(x, y, stand_in, style);
            if wide && x + 1 < area.right() {
                buffer.set_string(x + 1, y, " ", style);
            }
        }
    }
}

/// `é` is read as `e`; what has no plain letter is a question mark.
fn plain_letter(symbol: &str) -> &'static str {
    const PRINTABLE: &str =
        " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
    let plain = symbol.chars().next().map(nucleo_matcher::chars::normalize).filter(char::is_ascii_graphic);
    plain.and_then(|letter| PRINTABLE.find(letter)).and_then(|at| PRINTABLE.get(at..=at)).unwrap_or("?")
}
