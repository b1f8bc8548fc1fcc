//! Threads with people.

use super::*;
use crate::domain::ids::ConversationId;

pub fn thread_id(number: u64) -> ConversationId {
    ConversationId(id(8, number))
}

pub fn thread(at: u64, name: &str, said: &str, minutes: i64) -> ThreadRow {
    ThreadRow {
        id: thread_id(at),
        version: Version(1),
        phone: phone(88_000 + at),
        name: Shown::new(name),
        number: Some((number_id(1), Shown::new("support-a"))),
        provider: Some(ProviderKind::Meta),
        thread: Some(i32::try_from(280 + at).unwrap()),
        campaign: Some(Shown::new("spring-news")),
        assigned_to: None,
        last_at: ago(minutes * 60),
        last_text: Shown::new(said),
        last_state: None,
        unread: 1,
        done: None,
        window: Window::Until(ago(minutes * 60 - 86_400)),
        opted_out: None,
    }
}

pub fn threads() -> Vec<ThreadRow> {
    let mut rows = vec![
        thread(1, "Amina Diallo", "When do you open on Saturday?", 2),
        thread(2, "Ben Okoro", "Thanks, that helps a lot. See you on Monday then!", 11),
        thread(3, "", "(image)", 47),
        thread(4, "Chidi Nwosu", "STOP", 95),
        thread(5, "Fatou Sow", "#3: I paid it last week", 300),
        thread(6, "Grace Mbah", "Is this still valid?", 1_600),
        thread(7, "Hostile\u{202e}gnp.exe", "look \u{1b}[31mhere\u{7}", 1_700),
    ];
    rows[0].unread = 3;
    rows[1].assigned_to = Some("bea".into());
    (rows[1].unread, rows[1].last_state) = (0, Some(MessageState::Read));
    rows[2].number = Some((number_id(5), Shown::new("gateway")));
    (rows[2].provider, rows[2].window, rows[2].campaign) =
        (Some(ProviderKind::Ultramsg), Window::Always, None);
    rows[3].opted_out = Some(ago(95 * 60));
    rows[4].assigned_to = Some("anna".into());
    (rows[4].unread, rows[4].last_state) = (0, Some(MessageState::InDoubt));
    rows[5].window = Window::Closed(ago(1_600 * 60 - 86_400));
    rows[6].number = None;
    (rows[6].thread, rows[6].window) = (None, Window::Never);
    rows[6].done = Some((ago(60), "carl".into()));
    rows
}

pub fn thread_detail(row: ThreadRow) -> ThreadDetail {
    let theirs = |minutes: i64, text: &str| ThreadMessage {
        at: ago(minutes * 60),
        by: None,
        kind: None,
        text: Shown::new(text),
        state: None,
        note: None,
    };
    let ours = |minutes: i64, text: &str, state: MessageState, note: Option<Safe>| ThreadMessage {
        by: Some("bea".into()),
        state: Some(state),
        note,
        ..theirs(minutes, text)
    };
    let image = ThreadMessage { kind: Some("image".into()), ..theirs(33, "the parcel") };
    let failed = "131026: not on WhatsApp any more";
    ThreadDetail {
        id: row.id,
        messages: vec![
            theirs(36, "Hello, is my order on its way?"),
            image,
            ours(30, "It left this morning. You will have it tomorrow.", MessageState::Read, None),
            ours(29, "Do you want the tracking number?", MessageState::Failed, Some(failed.into())),
            theirs(2, row.last_text.as_str()),
        ],
        more: true,
        row,
    }
}
