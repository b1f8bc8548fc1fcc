//! The note for the next shift, as `signalbox handover` prints it.

use crate::store::view::HandoverView;
use crate::tui::model::{Geometry, Model};
use crate::tui::overlays::{reread::Reread, scrolled};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
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
        let border = Border { title: "For the next shift", foot: "j k scroll  Esc closes", double: false };
        scrolled(model, canvas, area, geometry, border, |facts, _| {
            self.read.tell(facts, "The note could not be read");
            for section in self.read.value().into_iter().flat_map(|note| &note.sections) {
                facts.heading(section.heading.as_str());
                if section.lines.is_empty() {
                    facts.paragraph("none", Role::Dim);
                }
                for line in &section.lines {
                    facts.paragraph(line.as_str(), Role::Text);
                }
            }
            self.scroll
        });
    }
}
