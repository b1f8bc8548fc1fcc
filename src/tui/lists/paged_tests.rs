use super::*;
use chrono::{DateTime, Utc};
use std::time::Instant;
use uuid::Uuid;

#[derive(Debug, Clone, PartialEq)]
struct Item(u32);

impl Placed for Item {
    type Id = u32;
    fn id(&self) -> u32 {
        self.0
    }
    fn place(&self) -> Cursor {
        Cursor { at: DateTime::<Utc>::UNIX_EPOCH, id: Uuid::from_u128(u128::from(self.0)) }
    }
}

/// A list of `total` rows behind a server that pages by key.
fn page(total: u32, place: Place) -> Page<Item> {
    let number = |cursor: Cursor| u32::try_from(cursor.id.as_u128()).unwrap();
    let size = u32::try_from(PAGE_ROWS).unwrap();
    let (from, to) = match place {
        Place::Start => (0, size.min(total)),
        Place::End => (total.saturating_sub(size), total),
        Place::After(cursor) => (number(cursor) + 1, (number(cursor) + 1 + size).min(total)),
        Place::Before(cursor) => (number(cursor).saturating_sub(size), number(cursor)),
        Place::NextFailed(_) | Place::PreviousFailed(_) => (0, 0),
    };
    Page { rows: (from..to).map(Item).collect(), more_before: from > 0, more_after: to < total }
}

fn serve(list: &mut PagedList<Item>, total: u32, place: Place) {
    list.ask(1, place, Instant::now());
    assert!(list.answer(1, Ok(page(total, place))));
}

fn settle(list: &mut PagedList<Item>, total: u32) {
    while let Some(place) = list.wants() {
        serve(list, total, place);
    }
}

#[test]
fn walking_down_and_up_shows_every_row_once_and_keeps_few() {
    let total = 5_000;
    let mut list = PagedList::default();
    serve(&mut list, total, Place::Start);
    for expected in 0..total {
        assert_eq!(list.current().unwrap().row, Item(expected));
        assert_eq!(list.first().unwrap() + list.cursor() as u64, u64::from(expected));
        assert!(list.rows().len() <= ROWS_KEPT + PAGE_ROWS);
        list.go(Motion::By(1));
        settle(&mut list, total);
    }
    for expected in (0..total).rev() {
        assert_eq!(list.current().unwrap().row, Item(expected));
        list.go(Motion::By(-1));
        settle(&mut list, total);
    }
    assert!(list.rows().len() <= ROWS_KEPT);
}

#[test]
fn the_far_ends_are_asked_for_not_walked_to() {
    let mut list = PagedList::default();
    serve(&mut list, 5_000, Place::Start);
    assert_eq!(list.go(Motion::Bottom), Some(Place::End));
    serve(&mut list, 5_000, Place::End);
    assert_eq!(list.current().unwrap().row, Item(4_999));
    assert_eq!(list.first(), None, "nobody counted to there");
    assert_eq!(list.go(Motion::Top), Some(Place::Start));
}

#[test]
fn late_and_doubled_answers_are_dropped() {
    let mut list = PagedList::default();
    list.ask(1, Place::Start, Instant::now());
    list.ask(2, Place::Start, Instant::now());
    assert!(!list.answer(1, Ok(page(10, Place::Start))), "an older question");
    assert!(!list.loaded);
    assert!(list.answer(2, Ok(page(10, Place::Start))));
    assert!(!list.answer(2, Ok(page(20, Place::Start))), "answered twice");
    assert_eq!(list.rows().len(), 10);
}

#[test]
fn a_failed_page_keeps_the_rows_and_does_not_ask_again_by_itself() {
    let mut list = PagedList::default();
    serve(&mut list, 500, Place::Start);
    list.go(Motion::By(150));
    let place = list.wants().unwrap();
    list.ask(7, place, Instant::now());
    assert!(list.answer(7, Err(BackendError::Slow)));
    assert_eq!(list.rows().len(), 200);
    assert_eq!(list.wants(), None);
}

#[test]
fn refreshed_rows_keep_their_place_and_missing_ones_are_gone() {
    let mut list = PagedList::default();
    serve(&mut list, 5, Place::Start);
    let place = list.rows()[2].place;
    assert!(list.refresh(&[1, 2], &[Item(2)]));
    assert!(list.rows()[1].gone && !list.rows()[2].gone && !list.rows()[3].gone);
    assert_eq!(list.rows()[2].place, place);
}

#[test]
fn the_next_failure_is_found_here_or_asked_for() {
    let mut list = PagedList::default();
    serve(&mut list, 500, Place::Start);
    assert_eq!(list.seek(true, |row| row.0 == 42), None);
    assert_eq!(list.cursor(), 42);
    assert!(matches!(list.seek(true, |_| false), Some(Place::NextFailed(_))));
    assert_eq!(list.seek(false, |_| false), None, "nothing lies before the first page");
    assert_eq!(list.cursor(), 42);
}

/// Rows that came when the list was read again by itself.
fn again(list: &mut PagedList<Item>, rows: &[u32], more_after: bool) {
    list.ask_again(1, Instant::now());
    let rows = rows.iter().copied().map(Item).collect();
    assert!(list.answer(1, Ok(Page { rows, more_before: false, more_after })));
}

#[test]
fn what_comes_in_above_does_not_slide_under_the_cursor() {
    let mut list = PagedList::default();
    serve(&mut list, 3, Place::Start);
    again(&mut list, &[7, 0, 1, 2], false);
    assert_eq!((list.current().unwrap().row.clone(), list.cursor()), (Item(0), 1));
    assert!(list.is_at_top(), "the operator did not leave it");
    again(&mut list, &[8, 1, 7, 0, 2], false);
    assert_eq!((list.current().unwrap().row.clone(), list.cursor()), (Item(0), 3));
    list.go(Motion::By(1));
    assert!(!list.is_at_top());
    list.go(Motion::Top);
    assert!(list.is_at_top());
    serve(&mut list, 3, Place::Start);
    assert_eq!(list.current().unwrap().row, Item(0), "who asks anew stands on the first");
}

#[test]
fn a_row_that_is_no_longer_listed_keeps_its_place() {
    let mut list = PagedList::default();
    serve(&mut list, 3, Place::Start);
    again(&mut list, &[7, 1, 2], false);
    assert_eq!(list.current().unwrap().row, Item(0));
    again(&mut list, &[], false);
    assert_eq!(list.rows().len(), 1);
    assert_eq!(list.current().unwrap().row, Item(0));
    let mut list = PagedList::default();
    serve(&mut list, 3, Place::Start);
    list.go(Motion::Bottom);
    again(&mut list, &[7, 8], true);
    assert_eq!(list.current().unwrap().row, Item(2));
    assert_eq!(list.wants(), Some(Place::After(Item(8).place())), "no row is left out between the pages");
}
