//! Keys of the review page: what a key press means, as a pure function ([`action`]), and what is written on the
//! buttons and in the help ([`SHORTCUTS`]).
//!
//! A key counts by the Latin letter that it types, which is what is printed on it; where it types a letter of another
//! script, the place that it has on a keyboard counts ([`Press::text`]), so that nobody has to change the layout between
//! editing and deciding.
//!
//! Single keys work only while no text is being typed (no input, no menu, no input method composing) and can be
//! switched off; the ones with Ctrl or Cmd work in the editors too. Nothing destructive sits on Backspace: that cost
//! people records in other tools.

/// What a key does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Action {
    /// 👍 and on to the next record.
    Good,
    /// 👎 and on to the next record.
    Bad,
    /// Open the reasons for a discard.
    Discard,
    /// Next record, without a decision.
    Next,
    /// Previous record.
    Previous,
    /// Edit the answer.
    EditResponse,
    /// Edit the instruction.
    EditInstruction,
    /// Leave the editor; the draft stays.
    LeaveEditor,
    /// Undo my last decision.
    Undo,
    /// Redo.
    Redo,
    /// Show or hide how the record was made.
    Details,
    /// Markdown or plain text.
    Plain,
    /// Go to the search field.
    Search,
    /// Show the keys.
    Help,
}

/// A key press, as the browser reports it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Press<'a> {
    /// `KeyboardEvent.key`.
    pub key: &'a str,
    /// `KeyboardEvent.code`: the place of the key.
    pub code: &'a str,
    /// Ctrl or Cmd is held.
    pub is_command: bool,
    /// Alt is held.
    pub is_alt: bool,
    /// Shift is held.
    pub is_shift: bool,
    /// An input method is composing.
    pub is_composing: bool,
    /// The key is held down.
    pub is_repeat: bool,
}

impl<'a> Press<'a> {
    /// What the key types where shortcuts are meant: its own Latin letter or mark, else the one that is printed at its
    /// place on an English keyboard. Keys with a name keep it.
    pub fn text(&self) -> &'a str {
        // Named keys are in ASCII (`Enter`); what is typed may be two characters (the Arabic lam-alef).
        let is_named = self.key.is_ascii() && self.key.len() != 1;
        let Some(first) = self.key.chars().next().filter(|_| !is_named) else {
            return self.key;
        };
        if let Some(digit) = self.code.strip_prefix("Digit")
            && !self.is_shift
            && digit.len() == 1
        {
            // Rows of digits type letters and marks on French, Czech and Thai keyboards.
            return digit;
        }
        if first.is_ascii() {
            return self.key;
        }
        if is_latin(first) {
            return match first {
                // `I` is printed on the one, and so is `İ` on the other.
                'ı' | 'İ' => "i",
                'ａ'..='ｚ' | 'Ａ'..='Ｚ' => narrow(first),
                _ => self.key,
            };
        }
        let at = match self.code.strip_prefix("Key") {
            Some(letter) => letter.chars().next().filter(|_| letter.len() == 1),
            None => (self.code == "Slash").then_some('/'),
        };
        match (at, self.is_shift) {
            (Some('/'), true) => "?",
            (Some(letter), true) => ascii(letter.to_ascii_uppercase()),
            (Some(letter), false) => ascii(letter.to_ascii_lowercase()),
            (None, _) => self.key,
        }
    }
}

/// Whether a letter belongs to the Latin script.
fn is_latin(c: char) -> bool {
    c.is_alphabetic()
        && matches!(c, '\0'..='\u{24f}' | '\u{1e00}'..='\u{1eff}' | '\u{2c60}'..='\u{2c7f}' | '\u{a720}'..='\u{a7ff}'
            | '\u{ff21}'..='\u{ff3a}' | '\u{ff41}'..='\u{ff5a}')
}

/// The letter of usual width, for one of full width.
fn narrow(c: char) -> &'static str {
    char::from_u32(u32::from(c) - 0xfee0).map_or("", ascii)
}

/// A mark or letter as a text.
fn ascii(c: char) -> &'static str {
    const ALL: &str = "/ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    ALL.find(c).map_or("", |at| &ALL[at..=at])
}

/// Where the focus is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Focus {
    /// Somewhere a letter is not typed.
    #[default]
    Page,
    /// An editor of the record.
    Editor,
    /// Another field or menu.
    Field,
    /// A dialog is open.
    Dialog,
}

/// What `press` means, if anything. `are_single_keys_on` is the person's switch.
pub fn action(press: &Press<'_>, focus: Focus, are_single_keys_on: bool) -> Option<Action> {
    if press.is_composing || press.is_alt || focus == Focus::Dialog {
        return None;
    }
    if press.is_command {
        return match (press.text(), focus) {
            ("Enter", Focus::Editor | Focus::Page) if !press.is_repeat => Some(Action::Good),
            // In a text field these belong to the text.
            ("z" | "Z", Focus::Page) => Some(if press.is_shift {
                Action::Redo
            } else {
                Action::Undo
            }),
            ("y" | "Y", Focus::Page) => Some(Action::Redo),
            _ => None,
        };
    }
    if focus == Focus::Editor {
        return (press.key == "Escape").then_some(Action::LeaveEditor);
    }
    if focus == Focus::Field || !are_single_keys_on {
        return None;
    }
    let found = match press.text() {
        "1" | "a" | "A" => Action::Good,
        "2" | "b" | "B" => Action::Bad,
        "x" | "X" => Action::Discard,
        "ArrowRight" | "j" | "J" | "s" | "S" => Action::Next,
        "ArrowLeft" | "k" | "K" => Action::Previous,
        "e" | "E" => Action::EditResponse,
        "i" | "I" => Action::EditInstruction,
        "z" => Action::Undo,
        "Z" => Action::Redo,
        "d" | "D" => Action::Details,
        "m" | "M" => Action::Plain,
        "/" => Action::Search,
        "?" => Action::Help,
        _ => return None,
    };
    let may_repeat = matches!(found, Action::Next | Action::Previous);
    (!press.is_repeat || may_repeat).then_some(found)
}

/// A line of the help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shortcut {
    /// What it does.
    pub action: Action,
    /// Keys, the first one is written on the button.
    pub keys: &'static [&'static str],
    /// In words.
    pub label: &'static str,
}

/// All keys, in the order of the help.
pub const SHORTCUTS: [Shortcut; 14] = [
    Shortcut {
        action: Action::Good,
        keys: &["1", "A", "Ctrl/⌘ Enter"],
        label: "Good: take it into the dataset, with your edits",
    },
    Shortcut {
        action: Action::Bad,
        keys: &["2", "B"],
        label: "Bad: keep it out",
    },
    Shortcut {
        action: Action::Discard,
        keys: &["X"],
        label: "Discard, with a reason",
    },
    Shortcut {
        action: Action::Next,
        keys: &["→", "J", "S"],
        label: "Next record, deciding nothing",
    },
    Shortcut {
        action: Action::Previous,
        keys: &["←", "K"],
        label: "Previous record",
    },
    Shortcut {
        action: Action::EditResponse,
        keys: &["E"],
        label: "Edit the answer",
    },
    Shortcut {
        action: Action::EditInstruction,
        keys: &["I"],
        label: "Edit the instruction",
    },
    Shortcut {
        action: Action::LeaveEditor,
        keys: &["Esc"],
        label: "Leave the editor; what you typed stays as a draft",
    },
    Shortcut {
        action: Action::Undo,
        keys: &["Z", "Ctrl/⌘ Z"],
        label: "Undo your last decision",
    },
    Shortcut {
        action: Action::Redo,
        keys: &["Shift Z", "Ctrl/⌘ Shift Z"],
        label: "Redo",
    },
    Shortcut {
        action: Action::Details,
        keys: &["D"],
        label: "How the record was made",
    },
    Shortcut {
        action: Action::Plain,
        keys: &["M"],
        label: "Formatted or plain text",
    },
    Shortcut {
        action: Action::Search,
        keys: &["/"],
        label: "Search",
    },
    Shortcut {
        action: Action::Help,
        keys: &["?"],
        label: "This list",
    },
];

/// The key that is written on the button of `action`.
pub fn key_of(action: Action) -> &'static str {
    SHORTCUTS
        .iter()
        .find(|shortcut| shortcut.action == action)
        .and_then(|shortcut| shortcut.keys.first())
        .copied()
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A report: what each key of a layout should do.
    const LAYOUTS: &str = include_str!("../../../tests/fixtures/review/keys.json");

    #[derive(serde::Deserialize)]
    struct Reported {
        layout: String,
        focus: String,
        key: String,
        code: String,
        shift: bool,
        ctrl: bool,
        expected: Option<String>,
    }

    #[test]
    fn every_layout_has_the_keys_that_are_printed_on_the_buttons() {
        let cases: Vec<Reported> = serde_json::from_str(LAYOUTS).unwrap();
        assert!(cases.len() > 60);
        for case in cases {
            let press = Press {
                key: &case.key,
                code: &case.code,
                is_command: case.ctrl,
                is_shift: case.shift,
                ..Press::default()
            };
            let focus = match case.focus.as_str() {
                "Editor" => Focus::Editor,
                "Field" => Focus::Field,
                _ => Focus::Page,
            };
            let found = action(&press, focus, true).map(|action| format!("{action:?}"));
            let (layout, key) = (&case.layout, &case.key);
            assert_eq!(found, case.expected, "{layout}: {key}, {}", case.code);
        }
    }

    fn press(key: &str) -> Press<'_> {
        Press {
            key,
            ..Press::default()
        }
    }

    #[test]
    fn single_keys_are_silent_while_text_is_typed() {
        for key in [
            "1",
            "a",
            "x",
            "e",
            "z",
            "?",
            "/",
            "ArrowRight",
            "Enter",
            "Backspace",
        ] {
            for focus in [Focus::Editor, Focus::Field, Focus::Dialog] {
                assert_eq!(action(&press(key), focus, true), None, "{key} in {focus:?}");
            }
            let composing = Press {
                is_composing: true,
                ..press(key)
            };
            assert_eq!(action(&composing, Focus::Page, true), None);
        }
    }

    #[test]
    fn switched_off_single_keys_do_nothing_but_commands_still_work() {
        for key in ["1", "2", "x", "e", "z", "?", "ArrowRight"] {
            assert_eq!(action(&press(key), Focus::Page, false), None, "{key}");
        }
        let submit = Press {
            is_command: true,
            ..press("Enter")
        };
        assert_eq!(action(&submit, Focus::Editor, false), Some(Action::Good));
    }

    #[test]
    fn a_held_key_reads_on_but_never_decides() {
        for (key, expected) in [("1", None), ("2", None), ("ArrowRight", Some(Action::Next))] {
            let held = Press {
                is_repeat: true,
                ..press(key)
            };
            assert_eq!(action(&held, Focus::Page, true), expected);
        }
    }

    #[test]
    fn undo_in_an_editor_belongs_to_the_text() {
        let undo = Press {
            is_command: true,
            ..press("z")
        };
        assert_eq!(action(&undo, Focus::Editor, true), None);
        assert_eq!(action(&undo, Focus::Page, true), Some(Action::Undo));
        let redo = Press {
            is_shift: true,
            key: "Z",
            ..undo
        };
        assert_eq!(action(&redo, Focus::Page, true), Some(Action::Redo));
    }

    #[test]
    fn keys_of_the_browser_and_plain_deletes_are_left_alone() {
        for key in [
            "Backspace",
            "Delete",
            " ",
            "Enter",
            "Tab",
            "F5",
            "ArrowDown",
            "ArrowUp",
        ] {
            assert_eq!(action(&press(key), Focus::Page, true), None, "{key}");
        }
        for key in ["r", "a", "1", "ArrowLeft", "x"] {
            let command = Press {
                is_command: true,
                ..press(key)
            };
            assert_eq!(action(&command, Focus::Page, true), None, "{key}");
            let alt = Press {
                is_alt: true,
                ..press(key)
            };
            assert_eq!(action(&alt, Focus::Page, true), None, "{key}");
        }
    }

    #[test]
    fn every_action_is_in_the_help_and_its_first_key_works() {
        for shortcut in SHORTCUTS {
            let key = match shortcut.keys[0] {
                "→" => "ArrowRight",
                "←" => "ArrowLeft",
                "Esc" => "Escape",
                "Shift Z" => "Z",
                "Z" => "z",
                key => key,
            };
            let focus = if shortcut.action == Action::LeaveEditor {
                Focus::Editor
            } else {
                Focus::Page
            };
            assert_eq!(action(&press(key), focus, true), Some(shortcut.action));
        }
    }
}
