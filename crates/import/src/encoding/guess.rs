//! The most likely code page of lines that are not UTF-8.

use super::pages::Encoding;
use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};

/// Encodings in which all lines can be read, the likeliest first. Empty when there is no line to guess by.
pub(super) fn ranked(lines: &[(u64, Vec<u8>)], language: Option<&str>) -> Vec<Encoding> {
    if lines.is_empty() {
        return Vec::new();
    }
    let best = best(lines, language);
    let native = language.and_then(native);
    let mut ranked = vec![best];
    for encoding in native.into_iter().chain(Encoding::all()) {
        let reads = !encoding.is_utf16() && lines.iter().all(|(_, line)| encoding.decode(line).1);
        if reads && !ranked.contains(&encoding) {
            ranked.push(encoding);
        }
    }
    ranked
}

fn best(lines: &[(u64, Vec<u8>)], language: Option<&str>) -> Encoding {
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Allow);
    for (_, line) in lines {
        detector.feed(line, false);
        detector.feed(b"\n", false);
    }
    detector.feed(b"", true);
    let domain = language.and_then(domain);
    let guess = Encoding::of_web(detector.guess(domain.map(str::as_bytes), Utf8Detection::Deny));
    old_western(lines, guess).unwrap_or(guess)
}

/// The old pages of DOS and the Mac, which the detector doesn't know and Excel still writes: taken where letters beyond
/// ASCII stand alone inside words, and are letters of the right case only under such a page.
fn old_western(lines: &[(u64, Vec<u8>)], guess: Encoding) -> Option<Encoding> {
    let spots: Vec<[u8; 3]> = lines.iter().flat_map(|(_, line)| spots(line)).collect();
    let beyond: usize = lines
        .iter()
        .map(|(_, line)| line.iter().filter(|byte| !byte.is_ascii()).count())
        .sum();
    if spots.len() < 2 || spots.len() * 2 < beyond {
        return None;
    }
    let fit = |encoding: Encoding| {
        let letters = encoding.high_letters()?;
        let fits = spots.iter().filter(|spot| belongs(**spot, &letters));
        Some(fits.count() as f64 / spots.len() as f64)
    };
    let of_guess = fit(guess).or_else(|| fit(Encoding::WINDOWS_1252))?;
    let of_others = [Encoding::WINDOWS_1252, Encoding::WINDOWS_1250]
        .into_iter()
        .filter_map(fit)
        .fold(of_guess, f64::max);
    [Encoding::MACINTOSH, Encoding::DOS_850, Encoding::DOS_437]
        .into_iter()
        .filter_map(|encoding| Some((encoding, fit(encoding)?)))
        .filter(|(_, fit)| *fit > 0.9 && *fit > of_others + 0.3)
        .map(|(encoding, fit)| (encoding, fit + usual(lines, encoding)))
        .reduce(|best, next| if next.1 > best.1 { next } else { best })
        .map(|(encoding, _)| encoding)
}

/// How many bytes beyond ASCII are letters of Western Europe.
fn usual(lines: &[(u64, Vec<u8>)], encoding: Encoding) -> f64 {
    let letters = encoding.high_letters().unwrap_or_default();
    let bytes = lines.iter().flat_map(|(_, line)| line);
    let (mut all, mut usual) = (0, 0);
    for letter in bytes.filter_map(|byte| letters.get(usize::from(byte.checked_sub(0x80)?))) {
        all += 1;
        usual += usize::from(is_usual(*letter));
    }
    usual as f64 / f64::from(all.max(1_u32))
}

fn is_usual(letter: char) -> bool {
    const USUAL: &str = "äöüßéèêëàâáåãæçñíìîïóòôõøœúùûÿý";
    letter.to_lowercase().any(|lower| USUAL.contains(lower))
}

/// Bytes beyond ASCII between a letter of ASCII and a letter or the end of a word.
fn spots(line: &[u8]) -> impl Iterator<Item = [u8; 3]> {
    let padded: Vec<u8> = [b" ", line, b" "].concat();
    (1..padded.len() - 1).filter_map(move |at| {
        let spot = [padded[at - 1], padded[at], padded[at + 1]];
        let word = spot[0].is_ascii_alphabetic() || spot[2].is_ascii_lowercase();
        (!spot[1].is_ascii() && spot[0].is_ascii() && spot[2].is_ascii() && word).then_some(spot)
    })
}

/// Whether a letter of Western Europe stands there, in the case of its neighbours, or a sign that stands at such a place.
fn belongs([before, byte, after]: [u8; 3], letters: &[char]) -> bool {
    let letter = letters
        .get(usize::from(byte & 0x7f))
        .copied()
        .unwrap_or(' ');
    let inside = before.is_ascii_alphabetic() && after.is_ascii_alphabetic();
    if matches!(letter, '’' | '‘') {
        return true;
    }
    if matches!(
        letter,
        '“' | '”' | '„' | '‚' | '…' | '–' | '—' | '™' | '®' | '°' | '€' | '«' | '»'
    ) {
        return !inside;
    }
    let small = letter.is_lowercase() || !letter.is_alphabetic();
    let in_case = if before.is_ascii_alphabetic() {
        small || before.is_ascii_uppercase()
    } else {
        small || !after.is_ascii_uppercase()
    };
    is_usual(letter) && in_case
}

/// The top-level domain by which the detector knows a language.
fn domain(language: &str) -> Option<&'static str> {
    let language = language.to_ascii_lowercase().replace('_', "-");
    let main = language.split('-').next().unwrap_or_default();
    let traditional = ["tw", "hk", "mo", "hant"];
    Some(match main {
        "zh" if language.split('-').any(|part| traditional.contains(&part)) => "tw",
        "zh" => "cn",
        "ja" => "jp",
        "ko" => "kr",
        "uk" => "ua",
        "be" => "by",
        "cs" => "cz",
        "sl" => "si",
        "sr" => "rs",
        "el" => "gr",
        "he" | "iw" => "il",
        "ar" => "sa",
        "fa" => "ir",
        "vi" => "vn",
        "et" => "ee",
        "da" => "dk",
        "sv" => "se",
        "nb" | "nn" | "no" => "no",
        "kk" => "kz",
        "ka" => "ge",
        "ru" => "ru",
        "bg" => "bg",
        "mk" => "mk",
        "pl" => "pl",
        "sk" => "sk",
        "hu" => "hu",
        "ro" => "ro",
        "hr" => "hr",
        "tr" => "tr",
        "az" => "az",
        "th" => "th",
        "lt" => "lt",
        "lv" => "lv",
        "is" => "is",
        "fi" => "fi",
        "de" => "de",
        "fr" => "fr",
        "es" => "es",
        "pt" => "pt",
        "it" => "it",
        "nl" => "nl",
        _ => return None,
    })
}

/// The code page that Windows has for a language.
fn native(language: &str) -> Option<Encoding> {
    let name = match domain(language)? {
        "cn" => "gb18030",
        "tw" => "Big5",
        "jp" => "Shift_JIS",
        "kr" => "EUC-KR",
        "ru" | "ua" | "by" | "bg" | "mk" | "rs" | "kz" => "windows-1251",
        "pl" | "cz" | "sk" | "hu" | "ro" | "si" | "hr" => "windows-1250",
        "tr" | "az" => "windows-1254",
        "gr" => "windows-1253",
        "il" => "windows-1255",
        "sa" | "ir" => "windows-1256",
        "vn" => "windows-1258",
        "th" => "windows-874",
        "lt" | "lv" | "ee" => "windows-1257",
        _ => "windows-1252",
    };
    Encoding::by_name(name)
}
