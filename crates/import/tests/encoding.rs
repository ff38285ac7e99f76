//! Bytes of people's files to text: which encoding, what was lost, what was damaged before.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use seedbed_import::encoding::{
    Certainty, Damage, Decoder, Encoding, Foreign, Found, Losses, Mistake, Refusal, Scan, TextFile,
    Verdict, mend,
};

fn scan(bytes: &[u8], language: Option<&str>, piece: usize) -> Found {
    let mut scan = Scan::new(language);
    bytes.chunks(piece).for_each(|piece| scan.push(piece));
    scan.finish()
}

fn text_file(bytes: &[u8], language: Option<&str>) -> TextFile {
    let found = scan(bytes, language, bytes.len().max(1));
    for piece in [1, 2, 3, 7, 4096] {
        assert_eq!(scan(bytes, language, piece), found, "pieces of {piece}");
    }
    match found {
        Found::Text(text) => text,
        other => panic!("{other:?}"),
    }
}

fn decode(bytes: &[u8], encoding: Encoding, piece: usize) -> (String, Losses) {
    let mut decoder = Decoder::new(encoding);
    let mut text = String::new();
    for piece in bytes.chunks(piece) {
        text += &decoder.push(piece);
    }
    text += &decoder.end();
    (text, decoder.losses().clone())
}

/// In an encoding of the Web.
fn encode(text: &str, label: &str) -> Vec<u8> {
    let (bytes, _, lost) = encoding_rs::Encoding::for_label(label.as_bytes())
        .unwrap()
        .encode(text);
    assert!(!lost, "{text} in {label}");
    bytes.into_owned()
}

fn utf16(text: &str, big: bool) -> Vec<u8> {
    let bytes = |unit: u16| {
        if big {
            unit.to_be_bytes()
        } else {
            unit.to_le_bytes()
        }
    };
    text.encode_utf16().flat_map(bytes).collect()
}

/// What Excel writes as "CSV" on a German Windows.
const CARROTS: &str = "question;answer;topic\r\nWie tief sät man Möhren?;\"Etwa 1 bis 2 cm; in schweren Böden flacher.\";Aussaat\r\nWas kostet ein Kilo Saatgut für Gründüngung?;Je nach Mischung 4 bis 9 € – Phacelia liegt meist darüber.;Kosten\r\nWas heißt „überständig“?;So nennt man Pflanzen, die über die Reife hinaus stehen blieben.;Begriffe\r\n";

#[test]
fn a_sheet_in_windows_1252_is_guessed_shown_and_decoded() {
    let bytes = encode(CARROTS, "windows-1252");
    let file = text_file(&bytes, None);
    assert_eq!(file.encoding, Encoding::WINDOWS_1252);
    assert_eq!(file.certainty, Certainty::Guess);
    assert_eq!(file.encoding.label(), "Western European (Windows-1252)");
    let preview = file.preview(file.encoding);
    assert_eq!(
        preview.iter().map(|shown| shown.line).collect::<Vec<_>>(),
        [2, 3, 4]
    );
    assert!(preview[0].text.starts_with("Wie tief sät man Möhren?;"));
    assert!(preview[1].text.contains("4 bis 9 € –"));
    // Another choice shows what it would do.
    assert!(file.alternatives.contains(&Encoding::WINDOWS_1250));
    assert!(!file.alternatives.contains(&Encoding::WINDOWS_1252));
    assert!(!file.alternatives.contains(&Encoding::UTF_8));
    assert!(
        file.preview(Encoding::WINDOWS_1251)[0]
            .text
            .contains("sдt man")
    );
    assert_eq!(
        decode(&bytes, file.encoding, 5),
        (CARROTS.to_owned(), Losses::default())
    );
}

/// Three sentences about soil in many languages.
const LANGUAGES: &[(&str, &str)] = &[
    (
        "de",
        "Frage;Antwort\nWie tief sät man Möhren?;In schweren Böden flacher, für Kräuter genügt eine dünne Schicht.\nGrößere Flächen?;Ja, überall dort, wo früh gejätet wird.\n",
    ),
    (
        "fr",
        "question;réponse\nÀ quelle profondeur semer ?;Très légèrement, après les gelées ; l'été, arrosez dès la levée.\nPourquoi ?;Parce que la chaleur a séché le sol où l'on a semé.\n",
    ),
    (
        "pl",
        "pytanie;odpowiedź\nJak głęboko siać marchew?;Około jednego centymetra, w ciężkiej ziemi płycej.\nDlaczego żółkną liście?;Najczęściej brakuje azotu lub wody; sprawdź, czy gleba nie jest zbyt mokra.\n",
    ),
    (
        "cs",
        "otázka;odpověď\nJak hluboko sít mrkev?;Asi jeden centimetr, v těžké půdě mělčeji.\nProč žloutnou listy?;Nejčastěji chybí dusík nebo voda; zjistěte, zda půda není příliš mokrá.\n",
    ),
    (
        "ru",
        "вопрос;ответ\nНа какую глубину сеять морковь?;Около одного сантиметра, в тяжёлой почве мельче.\nПочему желтеют листья?;Чаще всего не хватает азота или воды.\n",
    ),
    (
        "uk",
        "питання;відповідь\nНа яку глибину сіяти моркву?;Близько одного сантиметра, у важкому ґрунті мілкіше.\nЧому жовтіє листя?;Найчастіше бракує азоту або води, її мало.\n",
    ),
    (
        "el",
        "ερώτηση;απάντηση\nΠόσο βαθιά σπέρνουμε καρότα;;Περίπου ένα εκατοστό, σε βαρύ χώμα πιο ρηχά.\nΓιατί κιτρινίζουν τα φύλλα;;Συνήθως λείπει άζωτο ή νερό.\n",
    ),
    (
        "tr",
        "soru;cevap\nHavuç ne kadar derine ekilir?;Yaklaşık bir santimetre, ağır toprakta daha sığ.\nYapraklar neden sararır?;Çoğunlukla azot veya su eksiktir; toprağın ıslak olup olmadığına bakın.\n",
    ),
    (
        "he",
        "שאלה;תשובה\nבאיזה עומק זורעים גזר?;כסנטימטר אחד, ובאדמה כבדה פחות.\nמדוע העלים מצהיבים?;לרוב חסר חנקן או מים.\n",
    ),
    (
        "ar",
        "سؤال;جواب\nما عمق زراعة الجزر؟;حوالي سنتيمتر واحد، وفي التربة الثقيلة أقل.\nلماذا تصفر الأوراق؟;غالبا ينقصها النيتروجين أو الماء.\n",
    ),
    (
        "th",
        "คำถาม;คำตอบ\nควรหว่านแครอทลึกเท่าไร;ประมาณหนึ่งเซนติเมตร ในดินหนักให้ตื้นกว่า\nทำไมใบเหลือง;ส่วนมากขาดไนโตรเจนหรือน้ำ\n",
    ),
    (
        "ja",
        "質問;回答\nニンジンはどのくらいの深さにまきますか。;約一センチです。重い土では浅くします。\n葉が黄色くなるのはなぜですか。;多くは窒素か水が足りません。\n",
    ),
    (
        "zh",
        "问题;答案\n胡萝卜应该播种多深?;大约一厘米,重土要浅一些。\n叶子为什么发黄?;多半是缺氮或者缺水。\n",
    ),
    (
        "zh-TW",
        "問題;答案\n胡蘿蔔應該播種多深?;大約一公分,重土要淺一些。\n葉子為什麼發黃?;多半是缺氮或者缺水。\n",
    ),
    (
        "ko",
        "질문;대답\n당근은 얼마나 깊이 심습니까?;약 일 센티미터이며 무거운 흙에서는 더 얕게 심습니다.\n잎이 왜 노랗게 됩니까?;대개 질소나 물이 부족합니다.\n",
    ),
];

fn in_language(language: &str) -> &'static str {
    LANGUAGES
        .iter()
        .find(|(name, _)| *name == language)
        .unwrap()
        .1
}

#[test]
fn the_code_pages_of_many_languages_are_guessed_with_the_users_language() {
    let cases = [
        ("de", "windows-1252"),
        ("fr", "windows-1252"),
        ("pl", "windows-1250"),
        ("pl", "iso-8859-2"),
        ("cs", "windows-1250"),
        ("cs", "iso-8859-2"),
        ("ru", "windows-1251"),
        ("ru", "koi8-r"),
        ("ru", "ibm866"),
        ("uk", "windows-1251"),
        ("el", "windows-1253"),
        ("tr", "windows-1254"),
        ("he", "windows-1255"),
        ("ar", "windows-1256"),
        ("th", "windows-874"),
        ("ja", "shift_jis"),
        ("ja", "euc-jp"),
        ("ja", "iso-2022-jp"),
        ("zh", "gbk"),
        ("zh", "gb18030"),
        ("zh-TW", "big5"),
        ("ko", "euc-kr"),
    ];
    let mut wrong = Vec::new();
    for (language, label) in cases {
        let text = in_language(language);
        let bytes = encode(text, label);
        // With the right hint, with none, and with that of somebody elsewhere.
        for hint in [Some(language), None, Some("en-GB")] {
            let file = text_file(&bytes, hint);
            let (read, losses) = decode(&bytes, file.encoding, 3);
            if read != text || losses != Losses::default() {
                wrong.push((language, label, hint, file.encoding.name()));
            }
            assert_eq!(file.certainty, Certainty::Guess);
            // What is right can be chosen in any case.
            let choices = [&[file.encoding][..], &file.alternatives].concat();
            assert!(
                choices
                    .iter()
                    .any(|choice| decode(&bytes, *choice, 9).0 == text),
                "{language} {label} {choices:?}"
            );
        }
    }
    assert_eq!(wrong, []);
}

#[test]
fn utf8_of_any_language_is_certain_with_and_without_a_mark() {
    for (language, text) in LANGUAGES {
        for mark in ["", "\u{feff}"] {
            let bytes = format!("{mark}{text}").into_bytes();
            let file = text_file(&bytes, Some(language));
            assert_eq!(
                (file.encoding, file.certainty),
                (Encoding::UTF_8, Certainty::Certain)
            );
            assert_eq!(file.alternatives, []);
            assert_eq!(decode(&bytes, file.encoding, 1).0, *text);
        }
    }
    let ascii = text_file(b"a,b\n1,2\n", Some("ja"));
    assert_eq!(
        (ascii.encoding, ascii.certainty),
        (Encoding::UTF_8, Certainty::Certain)
    );
    assert_eq!(ascii.preview(ascii.encoding), []);
}

#[test]
fn utf16_is_known_by_its_mark_and_guessed_without() {
    for (language, text) in LANGUAGES {
        for big in [false, true] {
            let encoding = if big {
                Encoding::UTF_16BE
            } else {
                Encoding::UTF_16LE
            };
            for mark in ["", "\u{feff}"] {
                let bytes = utf16(&format!("{mark}{text}"), big);
                let file = text_file(&bytes, None);
                assert_eq!(file.encoding, encoding, "{language} {mark:?}");
                let certain = file.certainty == Certainty::Certain;
                assert_eq!(certain, !mark.is_empty());
                assert_eq!(decode(&bytes, encoding, 3).0, *text);
                let preview = file.preview(encoding);
                let first = text.lines().find(|line| !line.is_ascii()).unwrap();
                assert_eq!(preview[0].text, first);
            }
        }
    }
}

#[test]
fn few_letters_and_signs_are_enough_for_the_west() {
    for text in [
        "it’s “fine”",
        "“quoted”, he said – twice…",
        "10 € only",
        "Größe",
        "café",
        "5 °C",
        "¿Qué?",
        "São Paulo não é",
        "l’été",
    ] {
        let bytes = encode(text, "windows-1252");
        let file = text_file(&bytes, Some("en"));
        assert_eq!(
            decode(&bytes, file.encoding, 1).0,
            text,
            "{}",
            file.encoding
        );
    }
    let dos: Vec<u8> = "Größe und Höhe, über".chars().map(dos_850).collect();
    assert_eq!(text_file(&dos, None).encoding, Encoding::DOS_850);
}

#[test]
fn excels_csv_of_dos_and_of_the_old_mac_is_not_taken_for_windows() {
    let german = in_language("de");
    let french = in_language("fr").replace('À', "A");
    for text in [german, &french] {
        let mac = encode(text, "macintosh");
        let file = text_file(&mac, Some("de"));
        assert_eq!(file.encoding, Encoding::MACINTOSH);
        assert_eq!(decode(&mac, file.encoding, 2).0, text);
        let dos: Vec<u8> = text.chars().map(dos_850).collect();
        let file = text_file(&dos, Some("fr"));
        assert_eq!(file.encoding, Encoding::DOS_850);
        assert_eq!(decode(&dos, file.encoding, 2).0, text);
    }
}

/// The letters of the texts above in code page 850, by hand.
fn dos_850(c: char) -> u8 {
    let pairs = "ü\u{81}é\u{82}â\u{83}ä\u{84}à\u{85}ç\u{87}ê\u{88}ë\u{89}è\u{8a}ö\u{94}Ö\u{99}Ü\u{9a}ß\u{e1}ù\u{97}";
    let letters: Vec<char> = pairs.chars().collect();
    match letters.chunks(2).find(|pair| pair[0] == c) {
        Some(pair) => u8::try_from(pair[1]).unwrap(),
        None => u8::try_from(c).unwrap(),
    }
}

#[test]
fn letters_far_behind_and_in_one_endless_line_are_seen() {
    let mut bytes = "a,b\nplain,text\n".repeat(20_000).into_bytes();
    bytes.extend(encode("ü,für\n", "windows-1252"));
    let file = text_file(&bytes, None);
    assert_eq!(file.encoding, Encoding::WINDOWS_1252);
    assert_eq!(file.preview(file.encoding)[0].line, 40_001);
    let mut line = vec![b'x'; 200_000];
    line.extend(encode(" schöne Grüße für alle Gärtner ", "windows-1252"));
    line.extend(vec![b'x'; 100_000]);
    let file = text_file(&line, None);
    assert_eq!(file.encoding, Encoding::WINDOWS_1252);
    let shown = &file.preview(file.encoding)[0];
    assert!(shown.text.contains("schöne Grüße") && shown.text.chars().count() < 170);
}

#[test]
fn kinds_of_files_that_are_no_text_are_refused_by_name() {
    let zip = |name: &str| [b"PK\x03\x04\x14\0\x08\0", name.as_bytes(), &[0; 40]].concat();
    let mut tar = vec![0; 600];
    tar[..5].copy_from_slice(b"a.csv");
    tar[257..262].copy_from_slice(b"ustar");
    // The table of contents of a large workbook stands far from its beginning.
    let large = [
        zip("[Content_Types].xml"),
        vec![7; 300_000],
        b"xl/workbook.xml".to_vec(),
    ]
    .concat();
    let cases: Vec<(Vec<u8>, Foreign)> = vec![
        (zip("xl/workbook.xml"), Foreign::Xlsx),
        (large, Foreign::Xlsx),
        (
            zip("mimetypeapplication/vnd.oasis.opendocument.spreadsheet"),
            Foreign::Ods,
        ),
        (zip("Index/Document.iwa"), Foreign::Numbers),
        (zip("word/document.xml"), Foreign::Document),
        (zip("train.csv"), Foreign::Zip),
        (
            b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1\0\0".to_vec(),
            Foreign::Xls,
        ),
        (b"\x1f\x8b\x08\0\0\0\0\0".to_vec(), Foreign::Gzip),
        (b"\x28\xb5\x2f\xfd\x04\x58".to_vec(), Foreign::Zstd),
        (b"BZh91AY&SY\x01\x02".to_vec(), Foreign::Packed),
        (tar, Foreign::Packed),
        (b"SQLite format 3\0\x10\0".to_vec(), Foreign::Sqlite),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec(), Foreign::Pages),
        (b"ARROW1\0\0\xff\xff\xff\xff".to_vec(), Foreign::Arrow),
        (b"FEA1\0\0\0\0".to_vec(), Foreign::Arrow),
        (b"Obj\x01\x04\x14".to_vec(), Foreign::Avro),
        (b"\x93NUMPY\x01\0".to_vec(), Foreign::Science),
        (b"\x89PNG\r\n\x1a\n\0\0".to_vec(), Foreign::Media),
        (b"\n<!DOCTYPE html><html>\n".to_vec(), Foreign::Markup),
        (
            b"\xef\xbb\xbf<?xml version=\"1.0\"?>".to_vec(),
            Foreign::Markup,
        ),
        (
            b"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n".to_vec(),
            Foreign::LfsPointer,
        ),
    ];
    for (bytes, kind) in cases {
        for piece in [1, 5, 70_000] {
            let found = scan(&bytes, None, piece);
            assert_eq!(found, Found::Refused(Refusal::Foreign(kind)), "{kind:?}");
        }
        let words = kind.to_string();
        assert!(words.starts_with("The file is ") && words.contains("Nothing was taken."));
    }
    assert!(Foreign::Xlsx.to_string().contains("CSV UTF-8"));
    assert_eq!(scan(b"PAR1\x15\x04\0\xff\x80PAR1", None, 3), Found::Parquet);
    assert_eq!(scan(b"", None, 1), Found::Refused(Refusal::Empty));
}

#[test]
fn utf32_and_bytes_of_no_text_are_refused() {
    let utf32 = |text: &str| {
        text.chars()
            .flat_map(|c| u32::from(c).to_le_bytes())
            .collect::<Vec<u8>>()
    };
    let big = |text: &str| {
        text.chars()
            .flat_map(|c| u32::from(c).to_be_bytes())
            .collect::<Vec<u8>>()
    };
    for bytes in [
        utf32("\u{feff}a,b\n"),
        big("\u{feff}a,b\n"),
        utf32("Frage;Antwort\nä;ö\n"),
        big("Frage;Antwort\n"),
    ] {
        assert_eq!(scan(&bytes, None, 3), Found::Refused(Refusal::Utf32));
    }
    assert!(Refusal::Utf32.to_string().contains("Save it as UTF-8"));
    let nul = scan(b"a,b\n1,2\nx\0,3\n4,\0\n", None, 2);
    assert_eq!(nul, Found::Refused(Refusal::NotText { line: 3 }));
    // NULs at even and at odd places are UTF-16 of no kind.
    let mixed = [utf16("abc,def\n", false), utf16("abc,def\n", true)].concat();
    assert_eq!(
        scan(&mixed, None, 5),
        Found::Refused(Refusal::NotText { line: 1 })
    );
    let noise: Vec<u8> = (0..4000_u32)
        .map(|at| (at * 7919 % 251) as u8 | 1)
        .collect();
    assert_eq!(
        scan(&noise, None, 9),
        Found::Refused(Refusal::NotText { line: 1 })
    );
}

#[test]
fn words_that_begin_like_another_kind_of_file_stay_text() {
    for text in [
        "PARTS,b\n1,2\n",
        "PAR1,PAR2\nü,2\n",
        "Obj,b\n1,2\n",
        "ORC,ELF\na,b\n",
        "BZh,b\n",
        "PK,b\n1,2\n",
        "RDX,a\n",
        "GIF89,x\n",
        "ARROW1,b\n",
    ] {
        assert_eq!(
            text_file(text.as_bytes(), None).encoding,
            Encoding::UTF_8,
            "{text}"
        );
    }
}

#[test]
fn a_few_broken_bytes_in_much_utf8_are_damage_and_counted() {
    let mut bytes = "Größe,Höhe\n".repeat(50).into_bytes();
    bytes.extend(b"torn \xc3,x\n");
    let file = text_file(&bytes, None);
    assert_eq!(
        (file.encoding, file.certainty),
        (Encoding::UTF_8, Certainty::Guess)
    );
    assert!(file.alternatives.contains(&Encoding::WINDOWS_1252));
    for piece in [1, 2, 1000] {
        let (text, losses) = decode(&bytes, file.encoding, piece);
        assert!(text.ends_with("torn \u{fffd},x\n"));
        assert_eq!(
            (losses.undecodable.count, losses.undecodable.lines),
            (1, vec![51])
        );
        assert!(losses.earlier.is_empty());
    }
    // A file that was cut within a letter.
    let cut = &bytes[..3];
    assert_eq!(decode(cut, Encoding::UTF_8, 1).0, "Gr\u{fffd}");
}

#[test]
fn letters_that_another_program_lost_are_noticed_with_their_lines() {
    let text = "q,a\r\nB\u{fffd}den,x\rok,ok\nM\u{fffd}hren und R\u{fffd}ben,x\n";
    for piece in [1, 4, 100] {
        let (read, losses) = decode(text.as_bytes(), Encoding::UTF_8, piece);
        assert_eq!(read, text);
        assert_eq!(
            (losses.earlier.count, losses.earlier.lines),
            (3, vec![2, 4])
        );
        assert!(losses.undecodable.is_empty());
    }
    let file = text_file(text.as_bytes(), None);
    assert_eq!(file.certainty, Certainty::Certain);
    let many = "\u{fffd}\n".repeat(100);
    let (_, losses) = decode(many.as_bytes(), Encoding::UTF_8, 7);
    assert_eq!(
        (losses.earlier.count, losses.earlier.lines.len()),
        (100, 10)
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]
    #[test]
    fn pieces_of_any_bytes_give_what_the_whole_gives(
        bytes in prop::collection::vec(any::<u8>(), 0..200),
        piece in 1_usize..50,
        page in 0..35_usize,
    ) {
        let encoding = Encoding::all().nth(page).unwrap();
        prop_assert_eq!(decode(&bytes, encoding, piece), decode(&bytes, encoding, 200));
        prop_assert_eq!(scan(&bytes, None, piece), scan(&bytes, None, 200));
    }

    #[test]
    fn text_in_utf8_is_never_guessed_otherwise(text in "[a-zäöüßé你好乾ぁ-ゖа-я,;\n\" 🌱]{1,80}", piece in 1_usize..9) {
        match scan(text.as_bytes(), Some("zh"), piece) {
            Found::Text(file) => prop_assert_eq!((file.encoding, file.certainty), (Encoding::UTF_8, Certainty::Certain)),
            other => prop_assert!(false, "{:?}", other),
        }
    }
}

/// Read in the wrong code page, once.
fn damage(text: &str, page: Encoding) -> String {
    decode(text.as_bytes(), page, 1000).0
}

#[test]
fn text_that_was_decoded_twice_is_mended_whatever_the_page_was() {
    let texts = [
        "für Gärtner",
        "don’t “do” it – ever…",
        "10 °C und 5 €",
        "Où est l’été à la française ?",
        "Dès la levée, arrosez légèrement",
        "Привет, как дела",
        "Почему желтеют листья?",
        "胡萝卜应该播种多深?",
        "ニンジンの葉",
        "Πόσο βαθιά",
        "🌱 grow",
        "zażółć gęślą jaźń",
        "naïve café",
    ];
    for text in texts {
        for mistake in Mistake::ALL {
            let damaged = damage(text, mistake.encoding());
            if damaged.contains('\u{fffd}') {
                continue;
            }
            assert_eq!(
                mend(&damaged).as_deref(),
                Some(text),
                "{mistake:?} {damaged}"
            );
            // Stored once more.
            let twice = damage(&damaged, mistake.encoding());
            if !twice.contains('\u{fffd}') {
                assert_eq!(mend(&twice).as_deref(), Some(text), "{mistake:?} {twice}");
            }
        }
    }
}

#[test]
fn text_that_only_looks_damaged_stays_as_it_is() {
    let sound = [
        "SÃO PAULO",
        "NÃO",
        "AMANHÃ…",
        "“AMANHÔ",
        "BEYONCÉ’S CAFÉ",
        "Nestlé® und NESTLÉ®",
        "Why do I see Ã¼ instead of ü?",
        "Warum steht dort „Ã¼“ – und nicht „ü“?",
        "Straße »Größe« für 5 €",
        "«VOILÀ», dit-il",
        "Un café…",
        "‚Äpfel‘ und ‚Ärger‘",
        "Він і вона",
        "ВІЙНА І МИР",
        "РІК",
        "Что такое «Ёж»?",
        "├── src\n│   └── main.rs",
        "x ≤ y, √2 ≈ 1.41, ∂f/∂x",
        "Århus Ærø Ø",
        "ĂN ÎN ŢARĂ",
        "A “b” – c…",
        "Tiếng Việt",
        "5×”",
    ];
    for text in sound {
        assert_eq!(mend(text), None, "{text}");
    }
    for (_, text) in LANGUAGES {
        for line in text.lines() {
            assert_eq!(mend(line), None, "{line}");
        }
    }
}

fn verdict(texts: &[&str]) -> Verdict {
    let mut damage = Damage::default();
    for (line, text) in (1..).zip(texts) {
        damage.see(text, line);
    }
    damage.verdict()
}

#[test]
fn a_file_is_mended_only_where_every_suspicious_text_can_be() {
    let Verdict::Certain(mender) = verdict(&["plain", "fÃ¼r alle", "CAFÃ‰", "donâ€™t"])
    else {
        panic!();
    };
    assert_eq!(mender.mistake(), Mistake::Windows1252);
    assert_eq!(
        (mender.seen().count, mender.seen().lines.as_slice()),
        (2, &[2, 4][..])
    );
    // Where all letters are damaged, so are those that could stand for themselves.
    assert_eq!(mender.mend("CAFÃ‰").as_deref(), Some("CAFÉ"));
    assert_eq!(mender.mend("plain"), None);

    // Among sound texts only what is certain is mended.
    let Verdict::Certain(mender) = verdict(&["Größe", "fÃ¼r alle", "CAFÃ‰"]) else {
        panic!();
    };
    assert_eq!(mender.mend("CAFÃ‰"), None);
    assert_eq!(mender.mend("SÃO PAULO"), None);
    assert_eq!(mender.mend("fÃ¼r").as_deref(), Some("für"));

    assert!(matches!(
        verdict(&["fÃ¼r alle", "Why fÃ¼r and not für?"]),
        Verdict::Sound
    ));
    let mut nearly = vec!["fÃ¼r alle"; 20];
    nearly.push("Why fÃ¼r and not für?");
    let Verdict::Ask(mender) = verdict(&nearly) else {
        panic!();
    };
    assert_eq!(
        (mender.against().count, mender.against().lines.as_slice()),
        (1, &[21][..])
    );
    assert!(matches!(
        verdict(&["SÃO PAULO", "NÃO", "Größe"]),
        Verdict::Sound
    ));
    assert!(matches!(verdict(&[]), Verdict::Sound));
    let Verdict::Certain(mender) = verdict(&["РџСЂРёРІРµС‚", "plain"]) else {
        panic!();
    };
    assert_eq!(mender.mistake(), Mistake::Windows1251);
    assert_eq!(mender.mend("РєР°Рє").as_deref(), Some("как"));
}
