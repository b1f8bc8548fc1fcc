//! Live: every attempt as it happens, with its rate, by number and by error.

use super::{WIDE, empty, no_data, window};
use crate::domain::action::Subject;
use crate::domain::phone::Phone;
use crate::domain::text::Safe;
use crate::store::view::{LiveEvent, LiveKind};
use crate::tui::model::{Geometry, Model};
use crate::tui::theme::Role;
use crate::tui::update::copy::phone;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::bar::bar;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::chart;
use crate::tui::widgets::facts::Facts;
use crate::tui::words;
use ratatui::layout::Rect;

/// Draws the tab.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
    geometry.panel = false;
    let wide = area.width >= WIDE && area.height >= 24;
    let head = match (wide, area.height) {
        (true, _) => 9,
        (false, 18..) => 2,
        (false, _) => 1,
    };
    let upper = Rect::new(area.x, area.y, area.width, head);
    let lower = Rect::new(area.x, upper.bottom(), area.width, area.height - head);
    if wide {
        wide_rate(model, canvas, upper);
        let side = if area.width >= 150 { 48 } else { 38 };
        let list = Rect::new(lower.x, lower.y, lower.width - side, lower.height);
        lines(model, canvas, list, geometry);
        let half = lower.height / 2;
        by_number(model, canvas, Rect::new(list.right(), lower.y, side, half));
        by_error(model, canvas, Rect::new(list.right(), lower.y + half, side, lower.height - half));
    } else {
        narrow_rate(model, canvas, upper);
        lines(model, canvas, lower, geometry);
    }
}

fn window_seconds(model: &Model) -> usize {
    model.live.window_minutes * 60
}

/// `sent/s 41.8  ok 99.6%  fail 0.4%  p50 640 ms  p99 2.1 s`
fn figures(model: &Model) -> Vec<(String, Role)> {
    let minutes = model.live.window_minutes;
    let summary = model.live.rates.summary(model.now.wall, window_seconds(model));
    let rate = model.overview().map_or(0.0, |overview| overview.per_second);
    let all = summary.all();
    let mut parts = vec![(format!("sent/s {rate:.1}  "), Role::Title)];
    if all > 0 {
        let fail_role = if summary.fail * 50 > all { Role::Bad } else { Role::Text };
        parts.push((format!("ok {}  ", words::share(summary.ok, all)), Role::Good));
        parts.push((format!("fail {}  ", words::share(summary.fail, all)), fail_role));
        parts.push((format!("retry {}  ", words::share(summary.retry, all)), Role::Text));
        for (name, value) in [("p50", summary.p50), ("p99", summary.p99)] {
            if let Some(value) = value {
                parts.push((format!("{name} {}  ", words::length(value)), Role::Text));
            }
        }
    } else {
        parts.push(("nothing was sent in this time  ".into(), Role::Dim));
    }
    parts.push((format!("last {minutes} min"), Role::Dim));
    parts
}

fn values(model: &Model, columns: usize) -> Vec<u64> {
    chart::squeeze(&model.live.rates.accepted(model.now.wall, window_seconds(model)), columns)
}

fn narrow_rate(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let parts = figures(model);
    let pieces: Vec<(&str, Role)> = parts.iter().map(|(text, role)| (text.as_str(), *role)).collect();
    canvas.pieces(area.x + 1, area.y, area.width.saturating_sub(2), &pieces);
    if area.height > 1 {
        let line = Rect::new(area.x + 1, area.y + 1, area.width.saturating_sub(2), 1);
        chart::draw(canvas, line, &values(model, usize::from(line.width.saturating_sub(4))), Role::Good);
    }
}

fn wide_rate(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let title = format!("Rate, last {} min", model.live.window_minutes);
    let foot: String = figures(model).into_iter().map(|(text, _)| text).collect();
    let inside =
        canvas.panel(area, Border { title: &title, foot: foot.trim_end(), double: false }, Role::Frame);
    let place =
        Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height.saturating_sub(1));
    let room = usize::from(place.width.saturating_sub(6));
    chart::draw(canvas, place, &values(model, room), Role::Good);
    let clock = |minutes: usize| {
        let at = model.now.wall - chrono::Duration::minutes(i64::try_from(minutes).unwrap_or(0));
        at.with_timezone(&model.session.zone).format("%H:%M").to_string()
    };
    // The chart ends at the right edge: the first value stands where its columns begin.
    let shown = u16::try_from(values(model, room).len()).unwrap_or(place.width);
    let y = inside.bottom().saturating_sub(1);
    canvas.text(place.right().saturating_sub(shown), y, 6, &clock(model.live.window_minutes), Role::Dim);
    canvas.right(place.x, y, place.width, &clock(0), Role::Dim);
}

fn lines(model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
    let log = &model.live;
    let foot = match (log.follows(), log.errors_only) {
        (true, false) => "FOLLOW".to_owned(),
        (true, true) => "FOLLOW  errors only".to_owned(),
        (false, only) => {
            format!(
                "FROZEN  {} behind{}",
                words::grouped(log.behind()),
                if only { "  errors only" } else { "" }
            )
        }
    };
    let inside = canvas.panel(area, Border { title: "Live sends", foot: &foot, double: false }, Role::Frame);
    let visible = log.visible(model.now.wall, model.session.zone);
    let rows = usize::from(inside.height);
    let cursor = log.cursor_in(&visible);
    let last = visible.len().saturating_sub(1);
    let offset = window(
        cursor.unwrap_or(last),
        if cursor.is_some() { geometry.list_offset } else { last },
        rows,
        visible.len(),
    );
    (geometry.list_rows, geometry.list_offset) = (rows, offset);
    geometry.list = inside;
    if visible.is_empty() {
        nothing(model, canvas, inside);
    }
    for ((at, (_, event)), y) in visible.iter().enumerate().skip(offset).take(rows).zip(inside.y..) {
        let place = Rect::new(inside.x, y, inside.width, 1);
        one_line(model, canvas, place, event);
        if cursor == Some(at) {
            canvas.text(place.x, y, 1, ">", Role::Title);
            canvas.paint(place, Role::Selected);
        }
    }
}

fn nothing(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let log = &model.live;
    if let Some(lines) = no_data(model) {
        empty(canvas, area, &lines);
    } else if !log.is_empty() {
        empty(canvas, area, &["No line fits.", "Esc takes the filter away, e shows all again."]);
    } else if model.overview().is_some_and(|overview| overview.stop.is_some()) {
        empty(canvas, area, &["All sending is stopped.", "R lifts the stop."]);
    } else {
        empty(
            canvas,
            area,
            &["Nothing was sent since this console was opened.", "2 shows the campaigns and why each waits."],
        );
    }
}

fn kind(event: &LiveEvent) -> (&'static str, Role) {
    match event.kind {
        LiveKind::Ok => ("OK    ", Role::Good),
        LiveKind::Fail => ("FAIL  ", Role::Bad),
        LiveKind::Retry => ("RETRY ", Role::Warn),
        LiveKind::Doubt => ("DOUBT ", Role::Doubt),
        LiveKind::Unsent => ("UNSENT", Role::Warn),
        LiveKind::Move => ("MOVE  ", Role::Key),
    }
}

fn one_line(model: &Model, canvas: &mut Canvas<'_>, area: Rect, event: &LiveEvent) {
    let (wide, compact) = (area.width >= 100, area.width < 74);
    let form = if compact { "%H:%M:%S" } else { "%H:%M:%S%.3f" };
    let time = event.at.with_timezone(&model.session.zone).format(form).to_string();
    let (word, role) = kind(event);
    let mut x = area.x + 1;
    let y = area.y;
    let left = |x: u16| area.right().saturating_sub(x);
    x += canvas.text(x, y, left(x), &time, Role::Dim) + 1;
    x += canvas.text(x, y, left(x), word, role) + 1;
    if event.kind == LiveKind::Move {
        let to = event.to_number.as_deref().unwrap_or("nobody");
        canvas.text(x, y, left(x), &format!("{} -> {to}  {}", event.number, event.words), Role::Text);
        return;
    }
    let (campaign, number) = if wide { (16, 14) } else { (11, 10) };
    if !compact {
        canvas.text(x, y, campaign, &event.campaign, Role::Text);
        x += campaign + 1;
    }
    canvas.text(x, y, number, &event.number, Role::Text);
    x += number + 1;
    if let Some(digits) = &event.phone {
        let shown = event
            .recipient
            .map_or_else(|| digits.masked(), |id| phone(model, Subject::Recipient(id), digits));
        canvas.text(x, y, 14, &shown, Role::Text);
    }
    x += 15;
    let took = event.took.map(words::length);
    let what = match (event.kind, &event.code) {
        (LiveKind::Ok, _) => took.unwrap_or_default(),
        (_, Some(code)) => format!("{code} {}", event.words),
        (_, None) => event.words.to_string(),
    };
    let room = if wide { left(x).min(24) } else { left(x) };
    canvas.text(x, y, room, &what, if event.kind == LiveKind::Ok { Role::Text } else { role });
    if wide && let Some(id) = &event.provider_message_id {
        x += room + 1;
        canvas.text(x, y, left(x), id, Role::Dim);
    }
}

fn by_number(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let inside =
        canvas.panel(area, Border { title: "By number, 1 min", foot: "", double: false }, Role::Frame);
    let rows = model.live.rates.by_number(model.now.wall, 60);
    let most = rows.iter().map(|(_, ok, fail)| ok + fail).max().unwrap_or(0);
    let (x, room) = (inside.x + 1, inside.width.saturating_sub(2));
    let mut y = inside.y;
    for (number, ok, fail) in rows.iter().take(usize::from(inside.height)) {
        canvas.text(x, y, 12, number, Role::Text);
        let fail_role = if *fail > 0 { Role::Bad } else { Role::Dim };
        let at = x + 13;
        let used = canvas.pieces(
            at,
            y,
            room.saturating_sub(13),
            &[(&format!("{ok:>5} ok "), Role::Text), (&format!("{fail:>3} fail "), fail_role)],
        );
        if x + room > used + 6 {
            let cells = usize::from((x + room - used - 2).min(12));
            canvas.text(
                used,
                y,
                x + room - used,
                &bar(u64::from(ok + fail), u64::from(most), cells, model.theme),
                Role::Text,
            );
        }
        y += 1;
    }
    // Numbers that sent nothing say why, where there is room.
    let quiet = model
        .numbers
        .rows()
        .iter()
        .map(|standing| &standing.row)
        .filter(|row| !rows.iter().any(|(name, ..)| name == row.name.safe()));
    for (row, y) in quiet.zip(y..inside.bottom()) {
        canvas.text(x, y, 12, row.name.as_str(), Role::Dim);
        let why = match &row.hold {
            Some(hold) if row.standing.name() == "active" => hold.short.to_string(),
            _ => row.standing.name().to_owned(),
        };
        canvas.text(x + 13, y, room.saturating_sub(13), &why, Role::Dim);
    }
}

fn by_error(model: &Model, canvas: &mut Canvas<'_>, area: Rect) {
    let title = format!("By error, {} min", model.live.window_minutes);
    let inside = canvas.panel(area, Border { title: &title, foot: "", double: false }, Role::Frame);
    let rows = model.live.rates.by_error(model.now.wall, window_seconds(model));
    let (x, room) = (inside.x + 1, inside.width.saturating_sub(2));
    if rows.is_empty() {
        canvas.text(x, inside.y, room, "None.", Role::Dim);
    }
    for ((code, words, count), y) in rows.iter().zip(inside.y..inside.bottom()) {
        canvas.right(x, y, 5, &count.to_string(), Role::Text);
        let used = canvas.text(x + 7, y, room.saturating_sub(7), code, Role::Bad);
        canvas.text(x + 8 + used, y, room.saturating_sub(8 + used), words, Role::Text);
    }
}

/// Everything that one line of the log knows.
pub fn describe(facts: &mut Facts, model: &Model, event: &LiveEvent) {
    let (word, role) = kind(event);
    facts.fact("Outcome", word.trim_end(), role);
    facts.fact(
        "At",
        &event.at.with_timezone(&model.session.zone).format("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        Role::Text,
    );
    if event.kind == LiveKind::Move {
        facts.fact("From", &event.number, Role::Text);
        facts.maybe("To", event.to_number.as_deref(), Role::Text);
        facts.fact("Why", &event.words, Role::Text);
        return;
    }
    facts.fact("Campaign", &event.campaign, Role::Text);
    facts.fact("Number", &event.number, Role::Text);
    if let Some(digits) = &event.phone {
        let shown = event
            .recipient
            .map_or_else(|| digits.masked(), |id| phone(model, Subject::Recipient(id), digits));
        facts.fact("Phone", &shown, Role::Text);
    }
    if let Some(took) = event.took {
        facts.fact("Took", &words::length(took), Role::Text);
    }
    facts.maybe("Code", event.code.as_deref(), role);
    if !event.words.is_empty() {
        facts.fact("Provider", &format!("\"{}\"", event.words), Role::Text);
    }
    facts.maybe("Message", event.provider_message_id.as_deref(), Role::Text);
    facts.fact("Sent by", &event.instance, Role::Text);
}

/// What the status line says.
pub fn status(model: &Model) -> Vec<(String, Role)> {
    let log = &model.live;
    let wide = model.size.width >= WIDE;
    let gap = if wide { "   " } else { "  " };
    let mode = if log.follows() { ("FOLLOW", Role::Good) } else { ("FROZEN, f goes on", Role::Warn) };
    let mut parts = vec![
        (mode.0.to_owned(), mode.1),
        (
            format!(
                "{gap}{} of {} kept",
                words::grouped(log.len() as u64),
                words::grouped(crate::tui::lists::log::KEPT as u64)
            ),
            Role::Text,
        ),
        (
            format!("{gap}{} dropped", words::grouped(log.dropped)),
            if log.dropped > 0 { Role::Warn } else { Role::Dim },
        ),
    ];
    if wide {
        parts.push((format!("{gap}drawing {} frames/s", model.frames_per_second), Role::Dim));
    }
    if !log.filter_text.is_empty() {
        parts.push((format!("{gap}filter: {}", log.filter_text), Role::Key));
    }
    parts
}

/// A line as text for the clipboard.
pub fn as_text(event: &LiveEvent, model: &Model) -> Safe {
    let (word, _) = kind(event);
    let phone = event.phone.as_ref().map_or(String::new(), Phone::masked);
    let code = event.code.as_deref().unwrap_or_default();
    Safe::new(&format!(
        "{} {} {} {} {phone} {code} {}",
        words::clock(event.at, model.now.wall, model.session.zone),
        word.trim_end(),
        event.campaign,
        event.number,
        event.words
    ))
}
