use super::*;
use std::collections::BTreeSet;

#[test]
fn no_key_means_two_things_in_one_layer() {
    let clashes: Vec<String> = Keymap::default()
        .clashes()
        .into_iter()
        .map(|(one, other, key)| format!("{key}: {} and {}", one.name, other.name))
        .collect();
    assert_eq!(clashes, Vec::<String>::new());
}

#[test]
fn every_entry_has_a_key_a_title_and_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    for entry in TABLE {
        assert_eq!(
            entry.default_keys().len(),
            entry.keys.split(' ').count(),
            "{}: {:?}",
            entry.name,
            entry.keys
        );
        assert!(!entry.title.is_empty() && !entry.short.is_empty(), "{}", entry.name);
        assert!(
            names.insert((entry.layer, entry.name)),
            "{} stands twice in {}",
            entry.name,
            entry.layer.name()
        );
        assert!(entry.group() != Group::Here || entry.layer != Layer::Global);
    }
}

#[test]
fn keys_that_belong_to_multiplexers_are_left_alone() {
    for entry in TABLE {
        for key in entry.keys.split(' ') {
            for taken in
                ["ctrl-b", "ctrl-a", "ctrl-g", "ctrl-o", "ctrl-p", "ctrl-t", "ctrl-q", "ctrl-i", "ctrl-m"]
            {
                assert_ne!(key, taken, "{}", entry.name);
            }
            assert!(
                key != "ctrl-s" || matches!(entry.layer, Layer::Form | Layer::Wizard | Layer::Settings),
                "{}",
                entry.name
            );
        }
    }
}

#[test]
fn a_user_file_rebinds_and_its_faults_are_told_with_their_line() {
    let (keymap, problems) = Keymap::with_user_file("[numbers]\nsuspend = \"Z\"\nresume = [\"K\", \"F2\"]\n");
    assert_eq!(problems, vec![]);
    let found = |key: &str| keymap.find(&[Layer::Numbers], Key::read(key).unwrap()).map(|entry| entry.name);
    assert_eq!(found("Z"), Some("suspend"));
    assert_eq!(found("F2"), Some("resume"));
    assert_eq!(found("x"), None);

    let text = "[numbers]\nsuspend = \"p\"\nfly = \"y\"\nraise = \"ctrl-\"\nlower = 3\n\n[moon]\nx = \"y\"\n";
    let (keymap, problems) = Keymap::with_user_file(text);
    let told: Vec<String> = problems.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "keys, line 2: p already means \"resume\" in this layer",
            "keys, line 3: \"numbers\" has no command \"fly\"",
            "keys, line 4: \"ctrl-\" is no key",
            "keys, line 5: keys are written as strings",
            "keys, line 7: there is no layer \"moon\"",
        ]
    );
    assert!(keymap.clashes().is_empty());
    assert_eq!(
        keymap.find(&[Layer::Numbers], Key::read("x").unwrap()).map(|entry| entry.name),
        Some("suspend"),
        "the default stays"
    );
    let (_, problems) = Keymap::with_user_file("[numbers\n");
    assert_eq!(problems.len(), 1);
}

#[test]
fn the_upper_layer_wins() {
    let keymap = Keymap::default();
    let r = Key::read("r").unwrap();
    assert_eq!(keymap.find(&[Layer::Campaigns, Layer::Global], r).unwrap().cmd, Cmd::RecipientsOf);
    assert_eq!(keymap.find(&[Layer::Numbers, Layer::Global], r).unwrap().cmd, Cmd::Reload);
}
