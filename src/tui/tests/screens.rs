//! Every tab and overlay in every world at every size, as text. Each file holds the four worlds of one screen at one
//! size, so that it can be read in one go.

use crate::domain::action::Subject;
use crate::tui::fake::{Desk, World};
use crate::tui::msg::{Effect, Msg};
use std::fmt::Write as _;

const SIZES: [(u16, u16); 3] = [(80, 24), (160, 48), (60, 16)];
const WORLDS: [(World, &str); 4] =
    [(World::Empty, "empty"), (World::One, "one row"), (World::Many, "many"), (World::Away, "database away")];

/// Draws one screen in all worlds at all sizes and compares with what was reviewed.
fn check(name: &str, prepare: impl Fn(&mut Desk)) {
    for (width, height) in SIZES {
        let mut whole = String::new();
        for (world, words) in WORLDS {
            let mut desk = Desk::new(world, width, height);
            prepare(&mut desk);
            desk.wait(400);
            if world == World::Away {
                desk.lose_database();
            }
            let ruler = "=".repeat(usize::from(width).saturating_sub(words.len() + 4));
            writeln!(whole, "== {words} {ruler}\n{}", desk.screen()).unwrap();
        }
        insta::with_settings!(
            { snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true },
            { insta::assert_snapshot!(format!("{name}_{width}x{height}"), whole) }
        );
    }
}

macro_rules! screens {
    ($($name:ident: $prepare:expr;)+) => {$(
        #[test]
        fn $name() {
            check(stringify!($name), $prepare);
        }
    )+};
}

screens! {
    numbers: |desk| desk.keys("j");
    numbers_silent: |desk| { desk.fall_silent(); desk.keys("g"); };
    drawer_silent: |desk| { desk.fall_silent(); desk.keys("g Enter"); };
    campaigns: |desk| desk.keys("2");
    recipients: |desk| desk.keys("2 r Space j j Space j");
    live: |desk| desk.keys("4");
    replies: |desk| desk.keys("5 j");
    drawer_thread: |desk| desk.keys("5 Enter");
    answer: |desk| { desk.keys("5 j a"); desk.text("We are open from nine to five, also on Saturdays."); };
    confirm_answer: |desk| { desk.keys("5 a"); desk.text("From nine to five."); desk.keys("Enter"); desk.wait(400); };
    choose_threads: |desk| desk.keys("5 o j");
    live_frozen: |desk| desk.keys("4 k k k e");
    help: |desk| desk.keys("2 ?");
    help_search: |desk| { desk.keys("?"); desk.text("prior"); };
    guide: |desk| desk.keys("? Tab");
    guide_search: |desk| { desk.keys("F2 Tab /"); desk.text("webhook"); desk.keys("Enter n"); };
    palette: |desk| { desk.keys("2 :"); desk.text("pau sp"); };
    palette_argument: |desk| { desk.keys(":"); desk.text("set prio supp"); desk.keys("Enter 7"); };
    confirm_resume: |desk| { desk.keys("2 j j j p"); desk.wait(400); };
    confirm_launch: |desk| { desk.keys("2 j j j j L"); desk.wait(400); desk.text("200 04"); };
    confirm_changed: |desk| { desk.keys("2 j j j j L"); desk.wait(400); desk.change_campaign(5); };
    form_new: |desk| { desk.keys("n"); desk.text("+23x"); desk.keys("Tab"); };
    form_edit: |desk| { desk.keys("e Tab"); desk.text("0"); desk.keys("Tab Tab Tab Backspace Backspace"); };
    form_many: |desk| { desk.keys("Space j Space e Tab"); desk.text("500"); };
    import_numbers: |desk| { desk.keys("i"); desk.text("new numbers.csv"); };
    export_numbers: |desk| { desk.keys("w"); desk.text("numbers.csv"); };
    remove_number: |desk| { desk.keys("j D"); desk.wait(400); };
    pools: |desk| desk.keys("P J");
    pool_form: |desk| { desk.keys("P e Tab Space"); };
    pool_new: |desk| { desk.keys("P n"); desk.text("none"); desk.keys("Tab Tab Tab Right Space"); };
    pool_share: |desk| { desk.keys("P G w"); desk.text("x"); desk.keys("Enter"); };
    pool_confirm: |desk| { desk.keys("P J x"); desk.wait(400); };
    pool_code: |desk| desk.keys("P Q");
    move_target: |desk| desk.keys("M j j");
    move_load: |desk| { desk.keys("M Enter"); desk.wait(400); };
    number_stats: |desk| { desk.keys("S"); desk.wait(200); };
    reason: |desk| { desk.keys("x"); desk.text("quality is low"); };
    copy: |desk| desk.keys("2 r y");
    filter: |desk| { desk.keys("2 r /"); desk.text("status:failed error:131049 try>=3 -name:test_"); desk.wait(400); };
    filter_wrong: |desk| { desk.keys("/"); desk.text("colour:red"); };
    order: |desk| desk.keys("o");
    choose_campaign: |desk| desk.keys("3 C j");
    drawer_number: |desk| desk.keys("j j j Enter");
    drawer_campaign: |desk| desk.keys("2 Enter");
    drawer_recipient: |desk| desk.keys("2 r j j Enter");
    drawer_attempt: |desk| desk.keys("4 k k Enter");
    forecast: |desk| desk.keys("2 f");
    form_campaign: |desk| { desk.keys("2 e Tab Tab Tab Tab Tab ctrl-u"); desk.text("09:00-20:00 recipient"); };
    form_what_if: |desk| { desk.keys("2 f w Right Space Tab"); desk.text("250 100"); };
    forecast_what_if: |desk| { desk.keys("2 f w Right Space Tab"); desk.text("250"); desk.keys("ctrl-s"); };
    confirm_terms: |desk| { desk.keys("2 e Tab Tab Tab Space Tab Space Tab ctrl-u ctrl-s"); desk.wait(400); };
    findings: |desk| desk.keys("2 j A");
    wizard_who: |desk| {
        desk.keys("2 n");
        desk.text("summer sale");
        desk.keys("Tab");
        desk.text("CM, NG");
        desk.keys("Tab Space Tab");
        desk.text("65-18");
        desk.wait(800);
    };
    wizard_what: |desk| {
        desk.keys("2 n");
        desk.text("summer");
        desk.keys("PgDn Tab Tab");
        desk.text("en");
        desk.keys("Tab");
        desk.text("Hello!");
        desk.keys("Tab");
        desk.text("fr");
        desk.keys("Tab");
        desk.text("Salut {{nom}}");
        desk.keys("ctrl-n");
        desk.text("1d");
        desk.keys("Shift-Tab Left");
        desk.wait(800);
    };
    wizard_variants: |desk| {
        desk.keys("2 n");
        desk.text("summer");
        desk.keys("PgDn Tab Tab");
        desk.text("en");
        desk.keys("Tab");
        desk.text("Hello {{name|friend}}, we open on Monday.");
        desk.keys("Tab Tab Tab");
        desk.text("opening");
        desk.keys("Tab");
        desk.text("en");
        desk.keys("Tab Tab");
        desk.text("who={{name|friend}}, town=Douala");
        desk.keys("ctrl-y");
        desk.text("short");
        desk.keys("Tab");
        desk.text("3");
        desk.keys("Tab Tab Tab Tab Tab Tab Tab Tab Tab Tab");
        desk.text("promo");
        desk.wait(800);
    };
    wizard_when: |desk| { desk.keys("2 n PgDn PgDn"); desk.text("2026-12-01T09:00"); desk.keys("Tab Tab"); desk.wait(800); };
    wizard_how: |desk| { desk.keys("2 n PgUp"); desk.text("default"); desk.keys("Tab Tab Tab"); desk.wait(800); };
    wizard_save: |desk| {
        desk.keys("2 n");
        desk.text("summer");
        desk.keys("PgDn Tab Tab");
        desk.text("en");
        desk.keys("Tab");
        desk.text("Hello!");
        desk.wait(800);
        desk.keys("ctrl-s");
    };
    wizard_leave: |desk| { desk.keys("2 n"); desk.text("summer"); desk.keys("Esc"); desk.wait(400); };
    progress: |desk| desk.keys("2 P");
    skipped: |desk| desk.keys("2 w j");
    schedule: |desk| desk.keys("2 Q");
    slots: |desk| { desk.keys("2 S"); desk.wait(200); desk.keys("l l l l"); desk.wait(200); };
    slots_reset: |desk| { desk.keys("2 S"); desk.wait(200); desk.keys("X"); desk.wait(400); };
    alerts: |desk| { desk.keys("B"); desk.wait(200); desk.keys("j"); };
    alerts_all: |desk| { desk.keys("B"); desk.wait(200); desk.keys("A"); desk.wait(400); };
    audit: |desk| { desk.keys("U"); desk.wait(200); desk.keys("j"); desk.wait(400); };
    audit_entry: |desk| { desk.keys("U"); desk.wait(200); desk.keys("Enter"); desk.wait(400); };
    audit_filter: |desk| { desk.keys("U"); desk.wait(200); desk.keys("/"); desk.text("bea pri"); desk.wait(400); };
    audit_take_back: |desk| { desk.keys("U"); desk.wait(200); desk.keys("Enter"); desk.wait(400); desk.keys("b"); desk.wait(400); };
    settings: |desk| { desk.keys("O"); desk.wait(200); desk.keys("Tab Tab Tab ctrl-u"); desk.text("0"); desk.keys("Down Down"); };
    settings_below: |desk| { desk.keys("O"); desk.wait(200); desk.keys("PgUp PgUp PgUp PgUp Tab Tab Tab Tab Tab"); desk.text(" | pt=Tchau"); };
    settings_texts: |desk| { desk.keys("O"); desk.wait(200); desk.keys("PgUp Tab"); desk.text(" | fr=A bient\u{f4}t {{nom"); };
    settings_confirm: |desk| { desk.keys("O"); desk.wait(200); desk.keys("Tab ctrl-u"); desk.text("Africa/Lagos"); desk.keys("Tab Tab Backspace ctrl-s"); desk.wait(400); };
    settings_read_only: |desk| { desk.model.read_only = true; desk.keys("O"); desk.wait(200); desk.keys("Tab x"); };
    channels: |desk| { desk.keys("B c"); desk.wait(200); desk.keys("j"); };
    channels_read_only: |desk| { desk.model.session.may_write = false; desk.keys("O"); desk.wait(200); desk.keys("F3"); desk.wait(200); };
    channel_new: |desk| { desk.lead(); desk.keys("O F3 n"); desk.text("night"); desk.keys("Tab Tab"); desk.text("ops@"); desk.keys("Tab"); desk.text("smtps://me@mail.example.com"); desk.keys("Tab Tab"); desk.text("hunter2"); desk.keys("Tab"); };
    channel_edit: |desk| { desk.lead(); desk.keys("O F3"); desk.wait(200); desk.keys("j e Tab Tab Tab ctrl-u"); desk.text("suspenson"); };
    channel_remove: |desk| { desk.lead(); desk.keys("O F3"); desk.wait(200); desk.keys("j D"); desk.wait(400); };
    handover: |desk| { desk.keys("H"); desk.wait(200); };
    instances: |desk| desk.keys("I");
    doubts: |desk| desk.keys("d j");
    doubts_resend: |desk| { desk.keys("d e"); desk.text("asked him"); desk.keys("Enter"); desk.wait(400); };
    stop: |desk| { desk.keys("!"); desk.stop_all(); };
    quit: |desk| { desk.keys("ctrl-c"); desk.wait(400); };
    toasts: |desk| { desk.keys("2 p"); desk.done(true); desk.alarm(); };
    read_only: |desk| { desk.model.read_only = true; desk.keys("x"); };
}

#[test]
fn too_small_says_so_and_keeps_the_two_keys_that_matter() {
    let mut desk = Desk::new(World::Many, 46, 9);
    let screen = desk.screen();
    let lines: Vec<&str> = screen.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    assert_eq!(
        lines,
        [
            "Terminal is 46x9, need at least 60x16.",
            "Sending goes on: 41.8/s, 12 in flight.",
            "! stop all    q quit"
        ]
    );
    desk.key("!");
    assert_eq!(desk.orders().len(), 1);
}

#[test]
fn no_size_makes_it_fall() {
    for keys in [
        "1",
        "2",
        "3",
        "4",
        "5",
        "5 Enter",
        "5 a",
        "?",
        ":",
        "I",
        "d",
        "!",
        "o",
        "/",
        "n",
        "e",
        "x",
        "y",
        "Enter",
        "2 Enter",
        "2 f",
        "2 L",
        "2 n",
        "2 n PgDn",
        "2 n a Esc",
        "S",
        "M",
        "Q",
        "D",
        "2 S",
        "2 P",
        "2 w",
        "2 Q",
        "B",
        "B j a",
        "U",
        "U Enter",
        "U /",
        "O",
        "O PgUp",
        "O F3",
        "B c e",
        "? Tab",
        "F2 Tab Tab Tab G",
        "H",
        "ctrl-c",
    ] {
        let mut desk = Desk::new(World::Many, 80, 24);
        desk.keys(keys);
        for (width, height) in [
            (0, 0),
            (1, 1),
            (2, 1),
            (20, 5),
            (60, 16),
            (61, 17),
            (79, 23),
            (120, 30),
            (300, 100),
            (60, 200),
            (400, 16),
        ] {
            desk.send(crate::tui::msg::Msg::Resize(ratatui::layout::Size::new(width, height)));
            desk.draw();
        }
    }
}

#[test]
fn stale_data_says_so_after_three_seconds() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.answers = false;
    desk.wait(2_900);
    assert!(!desk.screen().contains("stale"));
    desk.wait(200);
    assert!(desk.screen().lines().next().unwrap().contains("stale 3 s"), "{}", desk.screen());
    desk.wait(2_000);
    assert!(desk.screen().lines().next().unwrap().contains("stale 5 s"));
}

#[test]
fn the_other_sizes_have_their_layouts_too() {
    for (width, height) in [(120, 30), (100, 40)] {
        let mut desk = Desk::new(World::Many, width, height);
        desk.wait(400);
        insta::with_settings!(
            { snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true },
            { insta::assert_snapshot!(format!("numbers_many_{width}x{height}"), desk.screen()) }
        );
    }
}

#[test]
fn utf8_terminals_get_the_fine_glyphs() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.model.theme.ascii = false;
    desk.keys("2 r");
    insta::with_settings!(
        { snapshot_path => "snapshots", prepend_module_to_snapshot => false, omit_expression => true },
        { insta::assert_snapshot!("recipients_utf8_80x24", desk.screen()) }
    );
}

#[test]
fn the_code_of_a_number_is_drawn_when_its_showing_was_recorded() {
    let mut desk = Desk::new(World::Many, 80, 24);
    desk.model.theme.ascii = false;
    desk.key("Q");
    let asked = desk.effects.iter().any(|effect| matches!(effect, Effect::Reveal { copy: None, .. }));
    assert!(asked, "{:?}", desk.effects);
    assert!(!desk.screen().contains("wa.me"), "{}", desk.screen());
    let subject = desk.model.numbers.current().map(|standing| Subject::Number(standing.row.id)).unwrap();
    desk.send(Msg::Revealed { subject, copy: None, answer: Ok(()) });
    let screen = desk.screen();
    let phone =
        desk.model.numbers.current().map(|standing| standing.row.phone.reveal()[1..].to_owned()).unwrap();
    assert!(screen.contains(&format!("https://wa.me/{phone}")) && screen.contains('\u{2588}'), "{screen}");
    desk.model.theme.ascii = true;
    let screen = desk.screen();
    assert!(screen.contains("draws no blocks") && screen.contains("wa.me"), "{screen}");
    // After half a minute it is gone again.
    desk.wait(31_000);
    assert!(!desk.screen().contains("wa.me"), "{}", desk.screen());
}
