//! Text that was UTF-8 once, was read in another code page, and was stored like that: "Ã¼" for "ü".
//!
//! Such a text is mended only as a whole: every letter of it beyond ASCII belongs to a sequence that is UTF-8 under one
//! and the same mistake, and at least one of these sequences is never written on purpose. So "SÃO PAULO", and a text about
//! such damage, stay as they are. Whether a file is mended at all is decided by all texts of a sample ([`Damage`]).

use super::pages::Encoding;
use crate::places::Places;

/// The code page in which UTF-8 was read by mistake.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mistake {
    /// "fÃ¼r", "donâ€™t": by far the most frequent.
    Windows1252,
    /// "РџСЂРёРІРµС‚".
    Windows1251,
    /// "f├╝r", "donΓÇÖt".
    Dos437,
    /// "f├╝r", "donÔÇÖt".
    Dos850,
    /// "f√ºr", "don‚Äôt".
    Macintosh,
    /// "fĂĽr".
    Windows1250,
}

impl Mistake {
    /// All, the frequent ones first.
    pub const ALL: [Self; 6] = [
        Self::Windows1252,
        Self::Windows1251,
        Self::Windows1250,
        Self::Dos437,
        Self::Dos850,
        Self::Macintosh,
    ];

    /// The code page.
    pub fn encoding(self) -> Encoding {
        match self {
            Self::Windows1252 => Encoding::WINDOWS_1252,
            Self::Windows1251 => Encoding::WINDOWS_1251,
            Self::Windows1250 => Encoding::WINDOWS_1250,
            Self::Dos437 => Encoding::DOS_437,
            Self::Dos850 => Encoding::DOS_850,
            Self::Macintosh => Encoding::MACINTOSH,
        }
    }
}

/// Levels of the same damage that are undone: it was stored twice, and once more.
const LEVELS: usize = 3;

/// A code page backwards.
#[derive(Clone, Debug)]
struct Backwards(Vec<(char, u8)>);

impl Backwards {
    fn new(encoding: Encoding) -> Self {
        let letters = encoding.high_letters().unwrap_or_default();
        let mut pairs: Vec<(char, u8)> = letters.into_iter().zip(0x80..=0xff).collect();
        // Bytes without a letter, and ISO 8859-1 in the place of Windows-1252, give controls with the same number.
        for byte in 0x80..=0x9f_u8 {
            if !pairs.iter().any(|(c, _)| *c == char::from(byte)) {
                pairs.push((char::from(byte), byte));
            }
        }
        pairs.sort_unstable();
        Self(pairs)
    }

    fn byte(&self, c: char) -> Option<u8> {
        let at = self
            .0
            .binary_search_by_key(&c, |(letter, _)| *letter)
            .ok()?;
        self.0.get(at).map(|(_, byte)| *byte)
    }
}

/// A text read backwards.
#[derive(Default)]
struct Reading {
    text: String,
    /// Sequences that nobody writes on purpose.
    strong: u32,
    /// Sequences that somebody may have meant.
    weak: u32,
    /// Letters beyond ASCII that belong to no sequence.
    single: u32,
}

impl Reading {
    fn of(text: &str, page: &Backwards) -> Self {
        let mut reading = Self::default();
        let letters: Vec<char> = text.chars().collect();
        let mut at = 0;
        let mut run = 0;
        while let Some(c) = letters.get(at).copied() {
            if c.is_ascii() {
                reading.text.push(c);
                at += 1;
                run = 0;
                continue;
            }
            let Some((meant, bytes)) = sequence(&letters[at..], page) else {
                reading.text.push(c);
                reading.single += 1;
                at += 1;
                run = 0;
                continue;
            };
            let next = at + bytes.len();
            run += 1;
            let before = at.checked_sub(1).and_then(|at| letters.get(at)).copied();
            if run > 1 || is_strong(&bytes, before, letters.get(next).copied()) {
                reading.strong += 1;
            } else {
                reading.weak += 1;
            }
            reading.text.push(meant);
            at = next;
        }
        reading
    }

    /// Nothing stands against the mistake, and something (or, among texts that are all damaged, anything) for it.
    fn is_whole(&self, weak_too: bool) -> bool {
        self.single == 0 && (self.strong > 0 || (weak_too && self.weak > 0))
    }
}

/// A letter of UTF-8 at the beginning of these letters, and its bytes.
fn sequence(letters: &[char], page: &Backwards) -> Option<(char, Vec<u8>)> {
    let lead = page.byte(*letters.first()?)?;
    let length = match lead {
        0xc2..=0xdb => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return None,
    };
    let bytes: Vec<u8> = letters
        .get(..length)?
        .iter()
        .map(|c| page.byte(*c))
        .collect::<Option<_>>()?;
    let meant = std::str::from_utf8(&bytes).ok()?.chars().next()?;
    let possible = !meant.is_control() || ('\u{80}'..='\u{9f}').contains(&meant);
    // The last one of these is the apple of the old Mac.
    let private = ('\u{e000}'..'\u{f8ff}').contains(&meant);
    (possible && !private).then_some((meant, bytes))
}

/// Whether a sequence is never meant as it stands.
fn is_strong(bytes: &[u8], before: Option<char>, after: Option<char>) -> bool {
    // Leads are capital letters or signs: neither follows a small letter within a word.
    let in_word = before.is_some_and(|c| c.is_ascii_lowercase());
    match *bytes {
        // Before a letter, and not a sign that can end a word, as in "Ã»".
        [0xc3, second] => {
            let ends =
                matches!(second, 0x80..=0x9f | 0xa0 | 0xae | 0xb0 | 0xb2..=0xb4 | 0xb7..=0xbb);
            in_word || (!ends && after.is_some_and(|c| c.is_ascii_lowercase()))
        }
        [0xc4..=0xcb, _] => in_word,
        // "Â°"; punctuation, currencies, signs, arrows: "â€", "â‚¬", "â„¢"; full width forms, a byte order mark; emoji.
        [0xc2, 0xa0..=0xbf]
        | [0xe2, 0x80 | 0x82 | 0x84 | 0x86 | 0x88 | 0x9c | 0x9d, _]
        | [0xef, 0xbb | 0xbc | 0xbd | 0xbf, _]
        | [0xf0, 0x9f, ..] => true,
        _ => false,
    }
}

/// Mends a text with the page by which it was damaged, as often as it was.
fn undo(text: &str, page: &Backwards, weak_too: bool) -> Option<String> {
    let mut mended: Option<String> = None;
    for level in 0..LEVELS {
        let current = mended.as_deref().unwrap_or(text);
        if current.is_ascii() {
            break;
        }
        let reading = Reading::of(current, page);
        // What is mended already needs certain signs of more damage.
        if !reading.is_whole(weak_too && level == 0) {
            break;
        }
        mended = Some(reading.text);
    }
    mended.filter(|text| !text.contains('\u{fffd}'))
}

/// Mends one text for itself, if it is certain; `None` when it stays as it is.
pub fn mend(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    Mistake::ALL
        .into_iter()
        .filter_map(|mistake| undo(text, &Backwards::new(mistake.encoding()), false))
        // Of two pages that differ in few letters, one may undo a level less.
        .min_by_key(|mended| mended.chars().count())
}

/// Signs of such damage in the texts of a sample.
#[derive(Clone, Debug)]
pub struct Damage {
    signs: Vec<Signs>,
}

#[derive(Clone, Debug)]
struct Signs {
    mistake: Mistake,
    page: Backwards,
    /// Texts that can be mended.
    mended: Places,
    /// Texts that look damaged and can't be mended as a whole.
    against: Places,
    /// Texts with letters beyond ASCII that are sound, or look so.
    sound: u64,
    /// Letters of what was mended, all together.
    letters: usize,
}

/// What a sample says.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// No damage, or none of one kind.
    Sound,
    /// Every text that looks damaged can be mended.
    Certain(Mender),
    /// Nearly every one: a person should look first.
    Ask(Mender),
}

impl Default for Damage {
    fn default() -> Self {
        let signs = Mistake::ALL.into_iter().map(|mistake| Signs {
            mistake,
            page: Backwards::new(mistake.encoding()),
            mended: Places::default(),
            against: Places::default(),
            sound: 0,
            letters: 0,
        });
        Self {
            signs: signs.collect(),
        }
    }
}

impl Damage {
    /// Looks at the text of one cell.
    pub fn see(&mut self, text: &str, line: u64) {
        if text.is_ascii() {
            return;
        }
        for signs in &mut self.signs {
            let reading = Reading::of(text, &signs.page);
            match (reading.is_whole(false), reading.strong) {
                (true, _) => {
                    let mended = undo(text, &signs.page, false);
                    signs.letters += mended.map_or(0, |text| text.chars().count());
                    signs.mended.note(line);
                }
                (false, 1..) => signs.against.note(line),
                (false, 0) if reading.single > 0 => signs.sound += 1,
                _ => {}
            }
        }
    }

    /// Decides for all texts of the file.
    pub fn verdict(&self) -> Verdict {
        let Some(signs) = self
            .signs
            .iter()
            .rev()
            .filter(|signs| !signs.mended.is_empty())
            .max_by_key(|signs| {
                let against = (signs.against.count, signs.letters);
                (signs.mended.count, std::cmp::Reverse(against))
            })
        else {
            return Verdict::Sound;
        };
        let mender = Mender {
            mistake: signs.mistake,
            page: signs.page.clone(),
            weak_too: signs.sound == 0 && signs.against.is_empty(),
            seen: signs.mended.clone(),
            against: signs.against.clone(),
        };
        match (signs.mended.count, signs.against.count) {
            (_, 0) => Verdict::Certain(mender),
            (mended, against) if mended >= 9 * against => Verdict::Ask(mender),
            _ => Verdict::Sound,
        }
    }
}

/// Mends the texts of one file, all in the same way.
#[derive(Clone, Debug)]
pub struct Mender {
    mistake: Mistake,
    page: Backwards,
    weak_too: bool,
    seen: Places,
    against: Places,
}

impl Mender {
    /// What had happened to the file.
    pub fn mistake(&self) -> Mistake {
        self.mistake
    }

    /// Damaged texts of the sample that it mends.
    pub fn seen(&self) -> &Places {
        &self.seen
    }

    /// Texts of the sample that look damaged and would stay so.
    pub fn against(&self) -> &Places {
        &self.against
    }

    /// The text as it was meant; `None` when it stays as it is.
    pub fn mend(&self, text: &str) -> Option<String> {
        if text.is_ascii() {
            return None;
        }
        undo(text, &self.page, self.weak_too)
    }
}
