//! Code pages: those of the Web, and those of DOS that spreadsheets still write.

use encoding_rs as web;
use std::borrow::Cow;
use std::fmt;

/// Letters 0x80–0xFF of code page 437 (United States).
const DOS_437: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}";
/// Letters 0x80–0xFF of code page 850 (Western Europe).
const DOS_850: &str = "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜø£Ø×ƒáíóúñÑªº¿®¬½¼¡«»░▒▓│┤ÁÂÀ©╣║╗╝¢¥┐└┴┬├─┼ãÃ╚╔╩╦╠═╬¤ðÐÊËÈıÍÎÏ┘┌█▄¦Ì▀ÓßÔÒõÕµþÞÚÛÙýÝ¯´\u{ad}±‗¾¶§÷¸°¨·¹³²■\u{a0}";

/// Letters 0x80–0xFF of code page 852 (Central Europe).
const DOS_852: &str = "ÇüéâäůćçłëŐőîŹÄĆÉĹĺôöĽľŚśÖÜŤťŁ×čáíóúĄąŽžĘę¬źČş«»░▒▓│┤ÁÂĚŞ╣║╗╝Żż┐└┴┬├─┼Ăă╚╔╩╦╠═╬¤đĐĎËďŇÍÎě┘┌█▄ŢŮ▀ÓßÔŃńňŠšŔÚŕŰýÝţ´\u{ad}˝˛ˇ˘§÷¸°¨˙űŘř■\u{a0}";

/// How the bytes of a text stand for letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Encoding(Page);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Web(&'static web::Encoding),
    /// A name, and the letters from 0x80.
    Dos(&'static str, &'static str),
}

/// All that can be chosen, with names that people meet in their programs; those that are met most stand first.
static CHOICES: &[(Page, &str)] = &[
    (Page::Web(web::UTF_8), "Unicode (UTF-8)"),
    (
        Page::Web(web::WINDOWS_1252),
        "Western European (Windows-1252)",
    ),
    (
        Page::Web(web::WINDOWS_1250),
        "Central European (Windows-1250)",
    ),
    (Page::Web(web::WINDOWS_1251), "Cyrillic (Windows-1251)"),
    (
        Page::Web(web::GB18030),
        "Chinese, simplified (GB18030, GBK)",
    ),
    (Page::Web(web::BIG5), "Chinese, traditional (Big5)"),
    (Page::Web(web::SHIFT_JIS), "Japanese (Shift_JIS)"),
    (Page::Web(web::EUC_JP), "Japanese (EUC-JP)"),
    (Page::Web(web::ISO_2022_JP), "Japanese (ISO-2022-JP)"),
    (Page::Web(web::EUC_KR), "Korean (EUC-KR, Windows-949)"),
    (Page::Web(web::WINDOWS_1254), "Turkish (Windows-1254)"),
    (Page::Web(web::WINDOWS_1253), "Greek (Windows-1253)"),
    (Page::Web(web::WINDOWS_1257), "Baltic (Windows-1257)"),
    (Page::Web(web::WINDOWS_1255), "Hebrew (Windows-1255)"),
    (Page::Web(web::WINDOWS_1256), "Arabic (Windows-1256)"),
    (Page::Web(web::WINDOWS_1258), "Vietnamese (Windows-1258)"),
    (Page::Web(web::WINDOWS_874), "Thai (Windows-874)"),
    (Page::Web(web::MACINTOSH), "Western European (old Mac)"),
    (
        Page::Dos("IBM850", DOS_850),
        "Western European (MS-DOS 850)",
    ),
    (
        Page::Dos("IBM852", DOS_852),
        "Central European (MS-DOS 852)",
    ),
    (Page::Dos("IBM437", DOS_437), "United States (MS-DOS 437)"),
    (Page::Web(web::ISO_8859_2), "Central European (ISO 8859-2)"),
    (Page::Web(web::ISO_8859_5), "Cyrillic (ISO 8859-5)"),
    (Page::Web(web::KOI8_R), "Cyrillic (KOI8-R)"),
    (Page::Web(web::KOI8_U), "Cyrillic (KOI8-U)"),
    (Page::Web(web::IBM866), "Cyrillic (MS-DOS 866)"),
    (Page::Web(web::X_MAC_CYRILLIC), "Cyrillic (old Mac)"),
    (Page::Web(web::ISO_8859_7), "Greek (ISO 8859-7)"),
    (Page::Web(web::ISO_8859_4), "Baltic (ISO 8859-4)"),
    (Page::Web(web::ISO_8859_13), "Baltic (ISO 8859-13)"),
    (Page::Web(web::ISO_8859_8), "Hebrew (ISO 8859-8)"),
    (Page::Web(web::ISO_8859_6), "Arabic (ISO 8859-6)"),
    (
        Page::Web(web::ISO_8859_15),
        "Western European (ISO 8859-15)",
    ),
    (Page::Web(web::UTF_16LE), "Unicode (UTF-16)"),
    (Page::Web(web::UTF_16BE), "Unicode (UTF-16, big-endian)"),
];

impl Encoding {
    /// UTF-8.
    pub const UTF_8: Self = Self(Page::Web(web::UTF_8));
    /// UTF-16, low byte first: what Excel calls "Unicode text".
    pub const UTF_16LE: Self = Self(Page::Web(web::UTF_16LE));
    /// UTF-16, high byte first.
    pub const UTF_16BE: Self = Self(Page::Web(web::UTF_16BE));
    /// Windows in Western Europe and America.
    pub const WINDOWS_1252: Self = Self(Page::Web(web::WINDOWS_1252));
    /// Windows in Central Europe.
    pub const WINDOWS_1250: Self = Self(Page::Web(web::WINDOWS_1250));
    /// Windows where Cyrillic is written.
    pub const WINDOWS_1251: Self = Self(Page::Web(web::WINDOWS_1251));
    /// Mac OS before Unicode; Excel's "CSV (Macintosh)".
    pub const MACINTOSH: Self = Self(Page::Web(web::MACINTOSH));
    /// DOS in Western Europe; Excel's "CSV (MS-DOS)".
    pub const DOS_850: Self = Self(Page::Dos("IBM850", DOS_850));
    /// DOS in the United States.
    pub const DOS_437: Self = Self(Page::Dos("IBM437", DOS_437));

    /// All that can be chosen, those that are met most first.
    pub fn all() -> impl Iterator<Item = Self> {
        CHOICES.iter().map(|(page, _)| Self(*page))
    }

    /// By [`Encoding::name`] or another label that the Web knows, e.g. `latin1`.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::all()
            .find(|encoding| encoding.name().eq_ignore_ascii_case(name))
            .or_else(|| web::Encoding::for_label_no_replacement(name.as_bytes()).map(Self::of_web))
    }

    /// Its standard name: fit to be stored.
    pub fn name(self) -> &'static str {
        match self.0 {
            Page::Web(page) => page.name(),
            Page::Dos(name, _) => name,
        }
    }

    /// Its name as people meet it in their programs.
    pub fn label(self) -> &'static str {
        CHOICES
            .iter()
            .find(|(page, _)| *page == self.0)
            .map_or_else(|| self.name(), |(_, label)| label)
    }

    /// GBK is a part of GB18030, which alone is offered.
    pub(super) fn of_web(page: &'static web::Encoding) -> Self {
        Self(Page::Web(if page == web::GBK {
            web::GB18030
        } else {
            page
        }))
    }

    pub(super) fn page(self) -> Page {
        self.0
    }

    /// A byte order mark of this encoding, or none.
    pub(super) fn mark(self) -> &'static [u8] {
        match self.name() {
            "UTF-8" => b"\xef\xbb\xbf",
            "UTF-16LE" => b"\xff\xfe",
            "UTF-16BE" => b"\xfe\xff",
            _ => b"",
        }
    }

    /// UTF-16 of either kind.
    pub fn is_utf16(self) -> bool {
        self == Self::UTF_16LE || self == Self::UTF_16BE
    }

    /// One byte stands for one letter.
    pub(super) fn is_single_byte(self) -> bool {
        match self.0 {
            Page::Web(page) => page.is_single_byte(),
            Page::Dos(..) => true,
        }
    }

    /// `bytes` as text, and whether all of them could be decoded. A byte order mark stays.
    pub(super) fn decode(self, bytes: &[u8]) -> (Cow<'_, str>, bool) {
        match self.0 {
            Page::Web(page) => {
                let (text, bad) = page.decode_without_bom_handling(bytes);
                (text, !bad)
            }
            Page::Dos(_, letters) => {
                let table: Vec<char> = letters.chars().collect();
                let letter = |byte: &u8| match byte.checked_sub(0x80) {
                    Some(high) => table.get(usize::from(high)).copied().unwrap_or('\u{fffd}'),
                    None => char::from(*byte),
                };
                (bytes.iter().map(letter).collect::<String>().into(), true)
            }
        }
    }

    /// Letters of the bytes from 0x80 of a page of single bytes; `None` for others.
    pub(super) fn high_letters(self) -> Option<Vec<char>> {
        if !self.is_single_byte() {
            return None;
        }
        let bytes: Vec<u8> = (0x80..=0xff).collect();
        let letters: Vec<char> = self.decode(&bytes).0.chars().collect();
        (letters.len() == bytes.len()).then_some(letters)
    }
}

impl fmt::Display for Encoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_choice_has_one_name_and_is_found_by_it() {
        let mut names: Vec<&str> = Encoding::all().map(Encoding::name).collect();
        for encoding in Encoding::all() {
            assert_eq!(Encoding::by_name(encoding.name()), Some(encoding));
            assert_ne!(encoding.label(), encoding.name());
        }
        names.sort_unstable();
        let all = names.len();
        names.dedup();
        assert_eq!(names.len(), all);
        assert_eq!(Encoding::by_name("latin1"), Some(Encoding::WINDOWS_1252));
        assert_eq!(
            Encoding::by_name("gbk").map(Encoding::name),
            Some("gb18030")
        );
        assert_eq!(Encoding::by_name("utf-7"), None);
    }

    #[test]
    fn the_pages_of_dos_have_a_letter_for_every_byte() {
        for page in [DOS_437, DOS_850, DOS_852] {
            assert_eq!(page.chars().count(), 128);
        }
        assert_eq!(Encoding::DOS_850.decode(b"M\x94hre \x9b").0, "Möhre ø");
        assert_eq!(Encoding::DOS_437.decode(b"\xe1 \x9b").0, "ß ¢");
    }
}
