//! The note for the next shift, as `signalbox handover` prints it.

use crate::store::view::HandoverView;
use crate::tui::model::{Geometry, Model};
use crate::tui::overlays::reread::Reread;
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use crate::tui::widgets::facts::Facts;
use ratatui::layout::Rect;
use std::time::Duration;

/// It is read again after so long.
const AGAIN: Duration = Duration::from_secs(30);

/// The panel over whatever tab.
#[derive(Debug, Clone)]
pub struct HandoverPanel {
    /// Lines scrolled.
    pub scroll: usize,
    /// The note.
    pub read: Reread<HandoverView>,
}

impl Default for HandoverPanel {
    fn default() -> Self {
        Self { scroll: 0, read: Reread::every(AGAIN) }
    }
}

impl HandoverPanel {
    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        canvas.clear(area);
        let border = Border { title: "For the next shift", foot: "j k scroll  Esc closes", double: false };
        let inside = canvas.panel(area, border, Role::Frame);
        let inside = Rect::new(inside.x + 1, inside.y, inside.width.saturating_sub(2), inside.height);
        let mut facts = Facts::new(inside.width, model.theme);
        self.read.tell(&mut facts, "The note could not be read");
        for section in self.read.value().into_iter().flat_map(|note| &note.sections) {
            facts.heading(section.heading.as_str());
            if section.lines.is_empty() {
                facts.paragraph("none", Role::Dim);
            }
            for line in &section.lines {
                facts.paragraph(line.as_str(), Role::Text);
            }
        }
        geometry.overlay_rows = usize::from(inside.height);
        geometry.overlay_lines = facts.len();
        facts.draw(canvas, inside, self.scroll);
    }
}
