//! Keys of the prompts page: what a key press means, as a pure function. Single keys are silent while text is typed,
//! and off where the person switched them off.

use crate::pages::review::keys::{Focus, Press};

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// Next instruction.
    Next,
    /// Previous instruction.
    Previous,
    /// Keep it, and on to the next.
    Keep,
    /// Strike it, and on to the next.
    Strike,
    /// Back to proposed.
    PutBack,
    /// Edit its text.
    Edit,
    /// Choose how to evolve it.
    Evolve,
    /// Take the last keep, strike or put-back back.
    Undo,
    /// Go to the search field.
    Search,
    /// Add one by hand.
    Add,
}

/// Keys, what they do, and how that is called.
pub const KEYS: [(&str, Action, &str); 10] = [
    ("J", Action::Next, "next"),
    ("K", Action::Previous, "previous"),
    ("A", Action::Keep, "keep"),
    ("X", Action::Strike, "strike"),
    ("U", Action::PutBack, "put back"),
    ("E", Action::Edit, "edit"),
    ("V", Action::Evolve, "evolve"),
    ("Z", Action::Undo, "undo"),
    ("/", Action::Search, "search"),
    ("N", Action::Add, "add by hand"),
];

/// What `press` means, if anything.
pub fn action(press: &Press<'_>, focus: Focus, are_single_keys_on: bool) -> Option<Action> {
    if press.is_composing || press.is_alt || focus != Focus::Page {
        return None;
    }
    if press.is_command {
        return (press.text().eq_ignore_ascii_case("z") && !press.is_shift).then_some(Action::Undo);
    }
    if !are_single_keys_on {
        return None;
    }
    let (_, found, _) = KEYS
        .iter()
        .find(|(key, ..)| key.eq_ignore_ascii_case(press.text()))?;
    let may_repeat = matches!(found, Action::Next | Action::Previous);
    (!press.is_repeat || may_repeat).then_some(*found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(key: &str) -> Press<'_> {
        Press {
            key,
            ..Press::default()
        }
    }

    #[test]
    fn each_key_does_what_it_says_in_either_case() {
        for (key, expected, _) in KEYS {
            for key in [key.to_owned(), key.to_lowercase()] {
                assert_eq!(action(&press(&key), Focus::Page, true), Some(expected));
            }
        }
    }

    #[test]
    fn keys_are_silent_while_text_is_typed_or_a_dialog_is_open() {
        for (key, ..) in KEYS {
            for focus in [Focus::Editor, Focus::Field, Focus::Dialog] {
                assert_eq!(action(&press(key), focus, true), None, "{key}");
            }
            assert_eq!(action(&press(key), Focus::Page, false), None, "{key}");
        }
    }

    #[test]
    fn a_held_key_moves_on_but_decides_nothing() {
        for (key, expected, _) in KEYS {
            let held = Press {
                is_repeat: true,
                ..press(key)
            };
            let may = matches!(expected, Action::Next | Action::Previous);
            assert_eq!(action(&held, Focus::Page, true).is_some(), may, "{key}");
        }
    }

    #[test]
    fn keys_of_the_browser_are_left_alone() {
        for key in ["Enter", " ", "Tab", "ArrowDown", "Backspace", "F5"] {
            assert_eq!(action(&press(key), Focus::Page, true), None, "{key}");
        }
        for key in ["a", "x", "r", "n", "j"] {
            let command = Press {
                is_command: true,
                ..press(key)
            };
            assert_eq!(action(&command, Focus::Page, true), None, "{key}");
        }
        let undo = Press {
            is_command: true,
            ..press("z")
        };
        assert_eq!(action(&undo, Focus::Page, false), Some(Action::Undo));
    }
}
