//! What a form says, written into the file that it was begun with: lines that it does not change stay as they are, with
//! the comments around them.

use toml::{Table, Value};
use toml_edit::{ArrayOfTables, DocumentMut, Item, TableLike};

/// The file `base`, changed to say what `said` says. Where that cannot be woven in it is `said` itself: what a file says
/// comes before how it is written.
#[must_use]
pub fn weave(base: &str, said: &str) -> String {
    woven(base, said).unwrap_or_else(|| said.to_owned())
}

fn woven(base: &str, said: &str) -> Option<String> {
    let (known, wanted): (Table, Table) = (base.parse().ok()?, said.parse().ok()?);
    if known == wanted {
        return Some(base.to_owned());
    }
    let mut file: DocumentMut = base.parse().ok()?;
    let new: DocumentMut = said.parse().ok()?;
    tables(file.as_table_mut(), &known, new.as_table(), &wanted);
    let text = file.to_string();
    (text.parse::<Table>().ok()? == wanted).then_some(text)
}

/// Changes a table that says `known` to one that says `wanted`, as it is written in `new`.
fn tables(file: &mut dyn TableLike, known: &Table, new: &dyn TableLike, wanted: &Table) {
    for gone in known.keys().filter(|key| !wanted.contains_key(*key)) {
        file.remove(gone);
    }
    for (key, value) in wanted.iter().filter(|(key, value)| known.get(*key) != Some(*value)) {
        let Some(written) = new.get(key) else { continue };
        match file.get_mut(key) {
            Some(item) => items(item, known.get(key), written, value),
            None => {
                file.insert(key, unplaced(written.clone()));
            }
        }
    }
}

fn items(item: &mut Item, known: Option<&Value>, new: &Item, wanted: &Value) {
    match (known, wanted) {
        (Some(Value::Table(known)), Value::Table(wanted)) => {
            if let (Some(file), Some(new)) = (item.as_table_like_mut(), new.as_table_like()) {
                return tables(file, known, new, wanted);
            }
        }
        (Some(Value::Array(known)), Value::Array(wanted)) => {
            if let (Item::ArrayOfTables(file), Item::ArrayOfTables(new)) = (&mut *item, new) {
                *file = arrays(file, known, new, wanted);
                return;
            }
        }
        _ => {}
    }
    let mut written = unplaced(new.clone());
    // What stands behind the value on its line is about what it says.
    if let (Some(old), Some(now)) = (item.as_value(), written.as_value_mut()) {
        *now.decor_mut() = old.decor().clone();
    }
    *item = written;
}

/// Each of `wanted` as the table that said the same, wherever it stood, or else as the one in its place.
fn arrays(file: &ArrayOfTables, known: &[Value], new: &ArrayOfTables, wanted: &[Value]) -> ArrayOfTables {
    let mut used = vec![false; known.len()];
    let mut same: Vec<Option<usize>> = Vec::with_capacity(wanted.len());
    for value in wanted {
        let at = (0..known.len()).find(|at| !used[*at] && known[*at] == *value);
        if let Some(at) = at {
            used[at] = true;
        }
        same.push(at);
    }
    let mut all = ArrayOfTables::new();
    for (place, value) in wanted.iter().enumerate() {
        let own = same[place].or_else(|| (place < known.len() && !used[place]).then_some(place));
        let table = match (own.and_then(|at| file.get(at).map(|table| (at, table))), new.get(place)) {
            (Some((at, table)), Some(written)) => {
                let mut table = table.clone();
                if let (Some(known), Some(wanted)) = (known[at].as_table(), value.as_table()) {
                    tables(&mut table, known, written, wanted);
                }
                table
            }
            (None, Some(written)) => written.clone(),
            (_, None) => continue,
        };
        if let Item::Table(table) = unplaced(Item::Table(table)) {
            all.push(table);
        }
    }
    all
}

/// Without the place that it had in its own file: it stands behind what it follows here.
fn unplaced(mut item: Item) -> Item {
    match &mut item {
        Item::Table(table) => {
            table.set_position(None);
            for (_, inner) in table.iter_mut() {
                *inner = unplaced(std::mem::take(inner));
            }
        }
        Item::ArrayOfTables(array) => {
            for table in array.iter_mut() {
                table.set_position(None);
                for (_, inner) in table.iter_mut() {
                    *inner = unplaced(std::mem::take(inner));
                }
            }
        }
        Item::None | Item::Value(_) => {}
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "# For the clinic in Douala.
name = \"summer\"   # as in the ledger
daily_limit = 250

# Ana asked for this.
[rollout]
stages = [5, 100]
wait = \"30m\"   # half an hour is enough

[audience]
# Only who came back.
tags = [\"vip\"]

# The greeting.
[[steps]]
text = { en = \"Hi\", fr = \"Salut\" } # both were read by Bea

# A day later.
[[steps]]
after = \"1d\"
[steps.text]
en = \"Still there?\" # short

# The end.
";

    /// The file with one part of what it says exchanged.
    fn said(from: &str, to: &str) -> String {
        let plain = toml::to_string(&FILE.parse::<Table>().unwrap()).unwrap();
        assert!(plain.contains(from), "{plain}");
        plain.replacen(from, to, 1)
    }

    /// The lines that differ, those of the file before those that are there now.
    fn differ(text: &str) -> (Vec<&str>, Vec<&str>) {
        let without = |all: &'static str, other: &str| -> Vec<&'static str> {
            all.lines().filter(|line| !other.lines().any(|known| known == *line)).collect()
        };
        let gone = without(FILE, text);
        let come = text.lines().filter(|line| !FILE.lines().any(|known| known == *line)).collect();
        (gone, come)
    }

    #[test]
    fn what_is_not_changed_stays_to_the_letter() {
        let plain = toml::to_string(&FILE.parse::<Table>().unwrap()).unwrap();
        assert_ne!(plain, FILE);
        assert_eq!(weave(FILE, &plain), FILE);
    }

    #[test]
    fn a_changed_value_keeps_the_comments_around_it() {
        for (from, to, gone, come) in [
            (
                "name = \"summer\"",
                "name = \"autumn\"",
                "name = \"summer\"   # as in the ledger",
                "name = \"autumn\"   # as in the ledger",
            ),
            (
                "wait = \"30m\"",
                "wait = \"1h\"",
                "wait = \"30m\"   # half an hour is enough",
                "wait = \"1h\"   # half an hour is enough",
            ),
            ("daily_limit = 250", "daily_limit = 300", "daily_limit = 250", "daily_limit = 300"),
            ("Still there?", "Hello?", "en = \"Still there?\" # short", "en = \"Hello?\" # short"),
        ] {
            let text = weave(FILE, &said(from, to));
            assert_eq!(differ(&text), (vec![gone], vec![come]), "{text}");
        }
        let french = weave(FILE, &said("Salut", "Bonjour"));
        assert!(french.contains("fr = \"Bonjour\" } # both were read by Bea"), "{french}");
    }

    #[test]
    fn what_is_new_is_written_and_what_is_gone_takes_its_comment_along() {
        let text = weave(FILE, &said("daily_limit = 250\n", "pool = \"vip\"\n"));
        assert_eq!(differ(&text), (vec!["daily_limit = 250"], vec!["pool = \"vip\""]), "{text}");
        let plain = toml::to_string(&FILE.parse::<Table>().unwrap()).unwrap();
        let more = format!("{plain}\n[[steps]]\nafter = \"2d\"\ntext = {{ en = \"Last\" }}\n");
        let text = weave(FILE, &more);
        let at = |word: &str| text.find(word).unwrap_or_else(|| panic!("{word}: {text}"));
        assert!(
            at("# The greeting.") < at("# A day later.") && at("# A day later.") < at("\"Last\""),
            "{text}"
        );
        assert_eq!(differ(&text).0, [] as [&str; 0], "{text}");
    }

    #[test]
    fn a_step_that_is_taken_out_leaves_the_others_with_their_comments() {
        let mut table: Table = FILE.parse().unwrap();
        table["steps"].as_array_mut().unwrap().remove(0);
        let text = weave(FILE, &toml::to_string(&table).unwrap());
        assert!(text.contains("# A day later.") && text.contains("# short"), "{text}");
        assert!(!text.contains("# The greeting."), "{text}");
        assert_eq!(text.parse::<Table>().unwrap(), table);
        table["steps"].as_array_mut().unwrap().clear();
        let text = weave(FILE, &toml::to_string(&table).unwrap());
        assert_eq!(text.parse::<Table>().unwrap(), table);
    }

    #[test]
    fn what_cannot_be_read_is_replaced() {
        assert_eq!(weave("name = ", "name = \"a\"\n"), "name = \"a\"\n");
        assert_eq!(weave(FILE, "name = "), "name = ");
    }
}
