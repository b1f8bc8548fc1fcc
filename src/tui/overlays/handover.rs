//! Reports of several sections: the note for the next shift, as `signalbox handover` prints it, and how the numbers did.

use crate::store::view::HandoverView;
use crate::tui::model::{Geometry, Model};
use crate::tui::msg::Report;
use crate::tui::overlays::{reread::Reread, scrolled};
use crate::tui::theme::Role;
use crate::tui::widgets::Canvas;
use crate::tui::widgets::canvas::Border;
use ratatui::layout::Rect;
use std::time::Duration;

/// It is read again after so long; what looks back on weeks, later.
const AGAIN: Duration = Duration::from_secs(30);
const LATER: Duration = Duration::from_mins(5);

/// The panel over whatever tab.
#[derive(Debug, Clone)]
pub struct HandoverPanel {
    /// Which one.
    pub report: Report,
    /// Lines scrolled.
    pub scroll: usize,
    /// The note.
    pub read: Reread<HandoverView>,
}

impl HandoverPanel {
    /// The panel of this report.
    pub fn new(report: Report) -> Self {
        let again = match report {
            Report::Shift => AGAIN,
            Report::Numbers => LATER,
        };
        Self { report, scroll: 0, read: Reread::every(again) }
    }

    /// Draws it.
    pub fn view(&self, model: &Model, canvas: &mut Canvas<'_>, area: Rect, geometry: &mut Geometry) {
        let title = match self.report {
            Report::Shift => "For the next shift",
            Report::Numbers => "How the numbers did",
        };
        let border = Border { title, foot: "j k scroll  Esc closes", double: false };
        scrolled(model, canvas, area, geometry, border, |facts, _| {
            self.read.tell(facts, "The report could not be read");
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
