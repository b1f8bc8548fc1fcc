//! The top line: tabs, environment, rate, clock, and in capitals whatever makes this console different.

use crate::tui::model::{Geometry, Model, Tab};
use crate::tui::tabs::WIDE;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::words;
use ratatui::layout::Rect;

/// Draws it.
pub fn view(model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
    let mut x = area.x;
    for ((tab, place), number) in Tab::ALL.into_iter().zip(&mut geometry.tabs).zip(1..) {
        let on = tab == model.tab;
        let (open, close) = if on { ("[", "]") } else { (" ", " ") };
        // Where there is little room, the titles leave some to what the right side has to say.
        let title = match (area.width, tab) {
            (..76, _) | (..100, Tab::Recipients) => tab.short_title(),
            _ => tab.title(),
        };
        let text = format!("{open}{number} {title}{close}");
        x += u16::from(area.width < 76 || area.width >= 100);
        let wide = canvas.text(
            x,
            area.y,
            area.right().saturating_sub(x),
            &text,
            if on { Role::TabOn } else { Role::Text },
        );
        *place = Rect::new(x, area.y, wide, 1);
        x += wide;
    }
    let room = area.right().saturating_sub(x + 1);
    let mut segments = segments(model, area.width >= WIDE);
    // The least important go first when there is no room: they have the highest figure.
    while total(&segments) > usize::from(room) {
        let Some(least) = segments.iter().map(|(rank, ..)| *rank).max().filter(|_| segments.len() > 1) else {
            break;
        };
        segments.retain(|(rank, ..)| *rank != least);
    }
    let width = u16::try_from(total(&segments)).unwrap_or(room).min(room);
    let mut at = area.right().saturating_sub(width);
    for (_, text, role) in &segments {
        at += canvas.text(at, area.y, area.right().saturating_sub(at), text, *role);
        at += 2;
    }
}

type Segment = (u8, String, Role);

/// Columns of all of them, two between each.
fn total(segments: &[Segment]) -> usize {
    segments.iter().map(|(_, text, _)| words::width(text) + 2).sum::<usize>().saturating_sub(2)
}

fn segments(model: &Model, wide: bool) -> Vec<Segment> {
    let session = &model.session;
    let mut list: Vec<Segment> = Vec::new();
    let word_role = if session.production { Role::Production } else { Role::Title };
    list.push((1, session.environment.to_string(), word_role));
    if wide {
        list.push((9, session.database.to_string(), Role::Dim));
        let others = model.overview().map_or(0, |overview| overview.operators.len());
        let people = if others == 0 { String::new() } else { format!(" +{others} ops") };
        list.push((7, format!("{}{people}", session.operator), Role::Text));
    }
    if !model.may_act() {
        list.push((1, "READ-ONLY".into(), Role::Warn));
    } else if model.missing.is_some() {
        list.push((0, "NO SENDER".into(), Role::Banner));
    } else if session.instance.is_none() {
        list.push((3, "WATCH".into(), Role::Warn));
    }
    age(model, &mut list);
    activity(model, wide, &mut list);
    let local = model.now.wall.with_timezone(&session.zone);
    // The clock stands still to the second while nothing happens: an idle console draws nothing.
    let form = if model.motion_is_by_the_minute() { "%H:%M" } else { "%H:%M:%S" };
    list.push((2, local.format(form).to_string(), Role::Text));
    list.push((6, local.format("%Z").to_string(), Role::Dim));
    list
}

fn age(model: &Model, list: &mut Vec<Segment>) {
    if model.source.away.is_some() {
        list.push((0, "DB AWAY".into(), Role::Banner));
    } else if let Some(age) = model.stale() {
        list.push((0, format!("stale {} s", age.as_secs()), Role::Banner));
    }
}

fn activity(model: &Model, wide: bool, list: &mut Vec<Segment>) {
    let Some(overview) = model.overview() else { return };
    let stopped = overview.stop.is_some();
    let rate = words::rate(overview.per_second);
    match (stopped, wide) {
        (true, true) => list.push((0, format!("STOPPED {} in the air", overview.in_air), Role::Banner)),
        (true, false) => list.push((0, format!("STOPPED air {}", overview.in_air), Role::Banner)),
        (false, true) if overview.per_second > 0.0 => list.push((2, format!("SENDING {rate}"), Role::Good)),
        (false, true) => list.push((4, "idle".into(), Role::Dim)),
        (false, false) => {
            list.push((4, rate, if overview.per_second > 0.0 { Role::Good } else { Role::Dim }));
        }
    }
    if wide {
        if !stopped {
            list.push((5, format!("in flight {}", overview.in_air), Role::Text));
        }
        list.push((6, format!("queue {}", words::short_count(overview.queued)), Role::Text));
        list.push((8, format!("DB {}", words::length(overview.took)), Role::Dim));
        list.push((10, format!("link {} fps", model.frames_per_second), Role::Dim));
    }
}
