//! A browser that is killed forgets what it had not written yet; the copy knows it.

use proptest::prelude::*;
use seedbed_outbox::copy::{Repair, Texts, is_copied, repair};

fn key(n: u8) -> String {
    format!("seedbed:outbox-act:p:{n:012}:{n:032x}")
}

#[derive(Clone, Debug)]
enum Write {
    Put(u8, String),
    Remove(u8),
}

/// Writes as an outbox makes them: a key that was removed is never used again.
fn writes() -> impl Strategy<Value = Vec<Write>> {
    prop::collection::vec((0..12_u8, "[a-z]{1,3}", prop::bool::ANY), 0..40).prop_map(|all| {
        let mut removed = Vec::new();
        let writes = all.into_iter().filter_map(|(n, text, is_put)| {
            if removed.contains(&n) {
                return None;
            }
            if is_put {
                return Some(Write::Put(n, text));
            }
            removed.push(n);
            Some(Write::Remove(n))
        });
        writes.collect()
    })
}

/// Both storages as they are on the disk after the first `first` and the first `copy` of the writes.
fn disk(writes: &[Write], first: usize, copy: usize) -> (Texts, Texts) {
    let (mut one, mut other) = (Texts::new(), Texts::new());
    for (at, write) in writes.iter().enumerate() {
        let (n, text) = match write {
            Write::Put(n, text) => (n, Some(text)),
            Write::Remove(n) => (n, None),
        };
        if at < first {
            match text {
                Some(text) => one.insert(key(*n), text.clone()),
                None => one.remove(&key(*n)),
            };
        }
        if at < copy {
            other.insert(key(*n), text.cloned().unwrap_or_default());
        }
    }
    (one, other)
}

fn repaired(first: &mut Texts, copy: &mut Texts) {
    let repair = repair(first, copy.clone(), &[]);
    first.extend(repair.put);
    first.retain(|key, _| !repair.remove.contains(key));
    copy.extend(repair.copy);
    copy.retain(|key, _| !repair.forget.contains(key));
}

proptest! {
    #[test]
    fn what_the_first_storage_forgot_comes_back_and_what_was_done_does_not(writes in writes(), at in 0..40_usize) {
        let (wanted, _) = disk(&writes, writes.len(), 0);
        let (mut first, mut copy) = disk(&writes, at.min(writes.len()), writes.len());
        repaired(&mut first, &mut copy);
        prop_assert_eq!(&first, &wanted);
        // Killed again before any of that was written.
        let (mut first, _) = disk(&writes, at.min(writes.len()), 0);
        repaired(&mut first, &mut copy);
        prop_assert_eq!(&first, &wanted);
        // What is gone from both is not remembered for ever.
        repaired(&mut first, &mut copy);
        prop_assert!(copy.values().all(|text| !text.is_empty()));
    }

    #[test]
    fn what_the_copy_never_got_is_copied(writes in writes(), at in 0..40_usize) {
        let (wanted, _) = disk(&writes, writes.len(), 0);
        let (mut first, mut copy) = disk(&writes, writes.len(), at.min(writes.len()));
        repaired(&mut first, &mut copy);
        for key in wanted.keys() {
            prop_assert!(first.contains_key(key) && copy.contains_key(key));
        }
    }
}

#[test]
fn what_was_done_while_the_copy_was_opening_does_not_come_back() {
    let draft = (key(1), "a draft".to_owned());
    let copy = Texts::from([draft.clone()]);
    let done = (key(1), String::new());
    let new = (key(2), "an act".to_owned());
    let first = Texts::from([new.clone()]);
    let since = [done.clone(), new.clone()];
    let wanted = Repair {
        copy: vec![done, new],
        ..Repair::default()
    };
    assert_eq!(repair(&first, copy, &since), wanted);
    // It changed meanwhile: the page's own text counts.
    let later = (key(1), "more of it".to_owned());
    let first = Texts::from([later.clone()]);
    let repair = repair(&first, Texts::from([draft]), std::slice::from_ref(&later));
    assert_eq!((repair.put, repair.copy), (vec![], vec![later]));
}

#[test]
fn keys_of_other_kinds_are_left_alone() {
    // Written by an older build, that uses its key again.
    let old = Texts::from([("seedbed:outbox:p".to_owned(), "{}".to_owned())]);
    assert!(!is_copied("seedbed:outbox:p") && !is_copied("seedbed:review-keys"));
    assert_eq!(repair(&old, Texts::new(), &[]), Repair::default());
    assert_eq!(repair(&Texts::new(), old, &[]), Repair::default());
}
