//! The few texts in a GGUF file's header that a model's page on the Hub shows. The weights are not looked at.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// Longest text that is kept; longer ones, such as chat templates, are passed over.
const TEXT: u64 = 4096;
/// Most entries that are looked through.
const ENTRIES: u64 = 4096;
/// Most members of a list that are looked through.
const MEMBERS: u64 = 1 << 24;

/// What the header says of itself.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct About {
    /// `general.architecture`.
    pub(crate) architecture: Option<String>,
    /// `general.license`.
    pub(crate) license: Option<String>,
    /// `general.name`.
    pub(crate) name: Option<String>,
}

/// Reads the header of the file at `path`. A file that is no GGUF says nothing.
pub(crate) fn about(path: &Path) -> io::Result<About> {
    Ok(read(&mut BufReader::new(File::open(path)?)).unwrap_or_default())
}

fn read(file: &mut impl Read) -> Option<About> {
    let mut about = About::default();
    let [magic, version] = [number(file, 4)?, number(file, 4)?];
    if magic != u64::from(u32::from_le_bytes(*b"GGUF")) || !(2..=3).contains(&version) {
        return None;
    }
    let _tensors = number(file, 8)?;
    let entries = number(file, 8)?;
    for _ in 0..entries.min(ENTRIES) {
        // What has been read stands, whatever comes after it.
        let Some((key, value)) = entry(file) else {
            break;
        };
        match key.as_deref() {
            Some("general.architecture") => about.architecture = value,
            Some("general.license") => about.license = value,
            Some("general.name") => about.name = value,
            _ => {}
        }
    }
    Some(about)
}

/// A key with its value, if that is a short text.
fn entry(file: &mut impl Read) -> Option<(Option<String>, Option<String>)> {
    let key = text(file)?;
    let kind = number(file, 4)?;
    Some((key, value(file, kind)?))
}

/// Passes a value; gives it if it is a short text.
fn value(file: &mut impl Read, kind: u64) -> Option<Option<String>> {
    match kind {
        8 => text(file),
        9 => {
            let (kind, members) = (number(file, 4)?, number(file, 8)?);
            if members > MEMBERS {
                return None;
            }
            match kind {
                8 => (0..members).try_for_each(|_| text(file).map(drop))?,
                // Lists of lists are in no model.
                _ => pass(file, width(kind)? * members)?,
            }
            Some(None)
        }
        _ => pass(file, width(kind)?).map(|()| None),
    }
}

/// Bytes of a number of this kind.
fn width(kind: u64) -> Option<u64> {
    match kind {
        0 | 1 | 7 => Some(1),
        2 | 3 => Some(2),
        4..=6 => Some(4),
        10..=12 => Some(8),
        _ => None,
    }
}

fn number(file: &mut impl Read, width: usize) -> Option<u64> {
    let mut bytes = [0; 8];
    file.read_exact(bytes.get_mut(..width)?).ok()?;
    Some(u64::from_le_bytes(bytes))
}

/// A text; the inner `None` is one that is too long or no UTF-8.
fn text(file: &mut impl Read) -> Option<Option<String>> {
    let length = number(file, 8)?;
    if length > TEXT {
        pass(file, length)?;
        return Some(None);
    }
    let mut bytes = vec![0; length as usize];
    file.read_exact(&mut bytes).ok()?;
    Some(String::from_utf8(bytes).ok())
}

fn pass(file: &mut impl Read, bytes: u64) -> Option<()> {
    let passed = io::copy(&mut file.take(bytes), &mut io::sink()).ok()?;
    (passed == bytes).then_some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn string(text: &str) -> Vec<u8> {
        [&(text.len() as u64).to_le_bytes(), text.as_bytes()].concat()
    }

    fn header(entries: &[Vec<u8>]) -> Vec<u8> {
        let mut bytes = b"GGUF\x03\0\0\0".to_vec();
        bytes.extend(0u64.to_le_bytes());
        bytes.extend((entries.len() as u64).to_le_bytes());
        bytes.extend(entries.concat());
        bytes
    }

    fn text_entry(key: &str, value: &str) -> Vec<u8> {
        [string(key), 8u32.to_le_bytes().to_vec(), string(value)].concat()
    }

    #[test]
    fn texts_are_found_behind_values_of_every_kind() {
        let list = [
            string("tokens"),
            9u32.to_le_bytes().to_vec(),
            8u32.to_le_bytes().to_vec(),
            2u64.to_le_bytes().to_vec(),
            string("a"),
            string("bc"),
        ]
        .concat();
        let numbers = [
            string("types"),
            9u32.to_le_bytes().to_vec(),
            5u32.to_le_bytes().to_vec(),
            3u64.to_le_bytes().to_vec(),
            vec![0; 12],
        ]
        .concat();
        let flag = [string("flag"), 7u32.to_le_bytes().to_vec(), vec![1]].concat();
        let bytes = header(&[
            text_entry("general.architecture", "llama"),
            list,
            numbers,
            flag,
            text_entry("tokenizer.chat_template", &"x".repeat(10_000)),
            text_entry("general.license", "apache-2.0"),
        ]);
        let about = read(&mut bytes.as_slice()).unwrap();
        assert_eq!(about.architecture.as_deref(), Some("llama"));
        assert_eq!(about.license.as_deref(), Some("apache-2.0"));
        assert_eq!(about.name, None);
    }

    #[test]
    fn a_broken_header_says_what_it_said_before_it_broke() {
        let whole = header(&[
            text_entry("general.license", "mit"),
            text_entry("general.name", "Ada"),
        ]);
        for length in 0..whole.len() {
            let about = read(&mut &whole[..length]).unwrap_or_default();
            assert_eq!(about.name, None, "{length}");
        }
        let mut endless = header(&[text_entry("general.license", "mit"), string("list")]);
        endless.extend(9u32.to_le_bytes());
        endless.extend(8u32.to_le_bytes());
        endless.extend(u64::MAX.to_le_bytes());
        let about = read(&mut endless.as_slice()).unwrap();
        assert_eq!(about.license.as_deref(), Some("mit"));
        assert_eq!(read(&mut b"PK\x03\x04".as_slice()), None);
    }
}
