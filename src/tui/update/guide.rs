//! Keys of the guides.

use crate::tui::keymap::Cmd;
use crate::tui::model::{Level, Model};
use crate::tui::msg::Effect;
use crate::tui::overlays::{Overlay, guide::Guide};

/// The guide on top.
fn guide(model: &mut Model) -> Option<&mut Guide> {
    match model.overlays.last_mut() {
        Some(Overlay::Guide(guide)) => Some(&mut **guide),
        _ => None,
    }
}

/// Opens the first of them.
pub fn open(model: &mut Model) {
    let guide = Guide::new(model.size, model.theme.ascii);
    model.overlays.push(Overlay::Guide(Box::new(guide)));
}

/// Runs a command of it; `None` if it has no such command.
pub fn run(model: &mut Model, cmd: Cmd) -> Option<Vec<Effect>> {
    let guide = guide(model)?;
    match cmd {
        Cmd::GuideNext | Cmd::GuidePrevious => guide.turn(cmd == Cmd::GuideNext),
        Cmd::GuideHeading | Cmd::GuideHeadingBefore => guide.to_heading(cmd == Cmd::GuideHeading),
        Cmd::GuideSearch => guide.begin_search(),
        Cmd::Accept => guide.end_search(),
        Cmd::Complete | Cmd::Guides => {}
        Cmd::GuideHit | Cmd::GuideHitBefore => {
            if !guide.seek(cmd == Cmd::GuideHit) {
                let words =
                    if cmd == Cmd::GuideHit { "no further line has it" } else { "no line before has it" };
                model.toast(Level::Info, words);
            }
        }
        _ => return None,
    }
    Some(Vec::new())
}

/// One step back inside a guide: from what is searched for. `false`: it is to be closed.
pub fn step_back(model: &mut Model) -> bool {
    guide(model).is_some_and(Guide::forget_search)
}

/// Lays it out anew if the screen has another width.
pub fn fit(model: &mut Model) {
    let size = model.size;
    for overlay in &mut model.overlays {
        if let Overlay::Guide(guide) = overlay {
            guide.fit(size);
        }
    }
}
