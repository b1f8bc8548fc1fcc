//! What steps say where files do not: a text a step, in the languages of its people.

use super::{Group, Setting, Shape, written};
use crate::domain::campaign::CampaignFile;

/// How its texts are written.
const NOTE: &str = "text | fr=texte; \\n ends a line, {{name|friend}}; the last one may be none";

macro_rules! steps {
    ($($nth:literal $label:literal,)+) => {
        [$(Shape {
            setting: Setting::StepText($nth),
            part: "Default texts: what steps say where files do not",
            label: $label,
            note: NOTE,
            group: Group::StepTexts,
            sends: false,
        }),+]
    };
}

/// As many as a campaign has steps.
#[rustfmt::skip]
pub static STEP_TEXTS: [Shape; 100] = steps! {
        0 "Step 1", 1 "Step 2", 2 "Step 3", 3 "Step 4", 4 "Step 5", 5 "Step 6", 6 "Step 7", 7 "Step 8", 8 "Step 9", 9 "Step 10",
        10 "Step 11", 11 "Step 12", 12 "Step 13", 13 "Step 14", 14 "Step 15", 15 "Step 16", 16 "Step 17", 17 "Step 18", 18 "Step 19", 19 "Step 20",
        20 "Step 21", 21 "Step 22", 22 "Step 23", 23 "Step 24", 24 "Step 25", 25 "Step 26", 26 "Step 27", 27 "Step 28", 28 "Step 29", 29 "Step 30",
        30 "Step 31", 31 "Step 32", 32 "Step 33", 33 "Step 34", 34 "Step 35", 35 "Step 36", 36 "Step 37", 37 "Step 38", 38 "Step 39", 39 "Step 40",
        40 "Step 41", 41 "Step 42", 42 "Step 43", 43 "Step 44", 44 "Step 45", 45 "Step 46", 46 "Step 47", 47 "Step 48", 48 "Step 49", 49 "Step 50",
        50 "Step 51", 51 "Step 52", 52 "Step 53", 53 "Step 54", 54 "Step 55", 55 "Step 56", 56 "Step 57", 57 "Step 58", 58 "Step 59", 59 "Step 60",
        60 "Step 61", 61 "Step 62", 62 "Step 63", 63 "Step 64", 64 "Step 65", 65 "Step 66", 66 "Step 67", 67 "Step 68", 68 "Step 69", 69 "Step 70",
        70 "Step 71", 71 "Step 72", 72 "Step 73", 73 "Step 74", 74 "Step 75", 75 "Step 76", 76 "Step 77", 77 "Step 78", 78 "Step 79", 79 "Step 80",
        80 "Step 81", 81 "Step 82", 82 "Step 83", 83 "Step 84", 84 "Step 85", 85 "Step 86", 86 "Step 87", 87 "Step 88", 88 "Step 89", 89 "Step 90",
        90 "Step 91", 91 "Step 92", 92 "Step 93", 93 "Step 94", 94 "Step 95", 95 "Step 96", 96 "Step 97", 97 "Step 98", 98 "Step 99", 99 "Step 100",
};

/// The texts of a step, as far as they can be judged without knowing the people: with the reader of campaign files.
pub(super) fn read(text: &str, none: bool) -> Result<Option<Vec<(String, String)>>, String> {
    let texts = written::in_order(text, none, "none for no text")?;
    for (tag, said) in texts.iter().flatten() {
        CampaignFile::text(tag, said, None)?;
    }
    Ok(texts)
}
