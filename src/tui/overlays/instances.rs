//! Running programs, and which of them holds which number.

use crate::store::view::Overview;
use crate::tui::model::{Geometry, Model};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use crate::tui::words;
use ratatui::layout::Rect;

/// A heartbeat older than this is a bad sign: leases live 15 s and are renewed every 5 s.
const LATE_SECONDS: i64 = 12;

/// Draws it.
pub fn view(model: &Model, scroll: usize, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
    let margin = if area.width >= 120 { 16 } else { 1 };
    let dialog = Rect::new(
        area.x + margin,
        area.y + 1,
        area.width.saturating_sub(2 * margin),
        area.height.saturating_sub(2),
    );
    canvas.clear(dialog);
    let inside = canvas.panel(
        dialog,
        Border { title: "Instances and leases", foot: "j k scroll  Esc closes", double: false },
        Role::Frame,
    );
    let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
    let facts = facts(model, inside.width);
    geometry.overlay_rows = usize::from(inside.height);
    geometry.overlay_lines = facts.len();
    facts.draw(canvas, inside, scroll);
}

fn facts(model: &Model, columns: u16) -> Facts {
    let mut facts = Facts::new(columns, model.theme);
    let names = match columns {
        100.. => 30,
        70.. => 18,
        _ => 12,
    };
    match model.overview() {
        Some(overview) => {
            instances(&mut facts, model, overview, names);
            facts.gap();
            leases(&mut facts, model, overview, names);
            facts.gap();
        }
        None => facts.paragraph("No data yet.", Role::Dim),
    }
    facts.paragraph(&format!("If this terminal is lost: {}", model.session.on_terminal_loss), Role::Dim);
    facts
}

fn instances(facts: &mut Facts, model: &Model, overview: &Overview, names: usize) {
    let fit = |text: &str, columns: usize| pad(&words::fit(text, columns, model.theme.ascii), columns);
    let (name, operator, phase) = (fit("INSTANCE", names), fit("OPERATOR", 8), fit("PHASE", 9));
    facts.line(vec![(format!("{name}{operator}{phase}{:>5} {:>4}  HEARTBEAT", "HOLDS", "AIR"), Role::Title)]);
    if overview.instances.is_empty() {
        let words = "No instance runs: nothing is sent. Start one with signalbox or signalbox sender.";
        facts.paragraph(words, Role::Warn);
    }
    for row in &overview.instances {
        let held = overview.leases.iter().filter(|lease| lease.instance == row.id).count();
        let late = (overview.at - row.seen_at).num_seconds() > LATE_SECONDS;
        let here = if Some(row.id) == model.session.instance { " (here)" } else { "" };
        let seen = words::relative(row.seen_at, overview.at);
        facts.line(vec![
            (fit(&format!("{}{here}", row.host), names), Role::Text),
            (fit(&row.operator, 8), Role::Text),
            (fit(&row.phase, 9), if row.sends { Role::Good } else { Role::Dim }),
            (format!("{held:>5} {:>4}  ", row.in_air), Role::Text),
            if late { (format!("{seen} !! late"), Role::Bad) } else { (seen, Role::Text) },
        ]);
    }
}

fn leases(facts: &mut Facts, model: &Model, overview: &Overview, names: usize) {
    let fit = |text: &str, columns: usize| pad(&words::fit(text, columns, model.theme.ascii), columns);
    let (number, holder, renewed) = (fit("NUMBER", names), fit("HELD BY", names), fit("RENEWED", 10));
    facts.line(vec![(format!("{number}{holder}{:>5}  {renewed}ENDS", "EPOCH"), Role::Title)]);
    for number in &overview.numbers {
        let name = fit(number.name.as_str(), names);
        let Some(lease) = overview.leases.iter().find(|lease| lease.number == number.id) else {
            facts.line(vec![(name, Role::Text), ("nobody".into(), Role::Dim)]);
            continue;
        };
        let holder = overview.instances.iter().find(|row| row.id == lease.instance);
        let host = holder.map_or("an instance that is gone", |row| row.host.as_str());
        let renewed = fit(&words::relative(lease.renewed_at, overview.at), 10);
        let over = lease.expires_at <= overview.at;
        let ends = if over { "!! over".into() } else { words::relative(lease.expires_at, overview.at) };
        facts.line(vec![
            (name, Role::Text),
            (fit(host, names), Role::Text),
            (format!("{:>5}  {renewed}", lease.epoch), Role::Text),
            (ends, if over { Role::Bad } else { Role::Text }),
        ]);
    }
}

/// Filled up with spaces to a width, counted in columns, and one more.
fn pad(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(words::width(text)) + 1))
}
