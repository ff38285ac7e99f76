//! Tables as spreadsheets, pandas, Spark, databases and people write them.
#![allow(clippy::unwrap_used)]

use seedbed_import::delimited::{
    Decimal, Delimited, Dialect, Escape, Header, LineEnds, MOST_ROW_BYTES, Notes,
};
use seedbed_import::table::{Fault, Item, Reason, Rows};
use serde_json::{Value, json};

/// What came out of a file.
#[derive(Debug, PartialEq)]
struct Read {
    dialect: Dialect,
    columns: Vec<String>,
    rows: Vec<(u64, Vec<Value>)>,
    faults: Vec<Fault>,
    notes: Notes,
}

impl Read {
    /// Rows as texts; no value is `∅`.
    fn texts(&self) -> Vec<Vec<&str>> {
        let text = |value: &'_ Value| -> &'static str {
            match value {
                Value::String(text) => text.clone().leak(),
                _ => "∅",
            }
        };
        self.rows
            .iter()
            .map(|(_, cells)| cells.iter().map(text).collect())
            .collect()
    }

    fn lines(&self) -> Vec<u64> {
        self.rows.iter().map(|(line, _)| *line).collect()
    }
}

fn read_as(text: &str, dialect: &Dialect, piece: usize) -> Read {
    let mut reader = Delimited::new(dialect.clone());
    let (mut rows, mut faults) = (Vec::new(), Vec::new());
    let mut take = |reader: &mut Delimited| {
        while let Some(item) = reader.next() {
            match item {
                Item::Row(row) => rows.push((row.number, row.cells)),
                Item::Fault(fault) => faults.push(fault),
            }
        }
    };
    let letters: Vec<char> = text.chars().collect();
    for part in letters.chunks(piece) {
        reader.push(&part.iter().collect::<String>());
        take(&mut reader);
    }
    reader.end();
    take(&mut reader);
    Read {
        dialect: dialect.clone(),
        columns: reader.columns().to_vec(),
        rows,
        faults,
        notes: reader.notes().clone(),
    }
}

/// Sniffs and reads, in pieces of every size.
fn read(name: &str, text: &str) -> Read {
    let dialect = Dialect::sniff(text, name);
    let whole = read_as(text, &dialect, text.len().max(1));
    for piece in [1, 2, 3, 5, 64] {
        assert_eq!(
            read_as(text, &dialect, piece),
            whole,
            "pieces of {piece}: {text:?}"
        );
    }
    whole
}

fn csv(text: &str) -> Read {
    read("rows.csv", text)
}

#[test]
fn a_sheet_of_excel_with_a_sep_line_a_mark_and_windows_line_ends_is_read() {
    let garlic = "\u{feff}sep=;\r\nquestion;answer;topic\r\nHow deep should garlic cloves be planted?;\"About 5 cm, with the tip upwards; a little deeper in light soil.\";planting\r\nWhen is garlic ready to lift?;\"When the lower third of the leaves has turned yellow; later the heads split.\";harvest\r\nCan garlic follow leeks?;\"Better not; leave three years between plants of the onion family.\";rotation\r\n";
    let found = csv(garlic);
    assert_eq!(found.columns, ["question", "answer", "topic"]);
    assert_eq!(found.lines(), [3, 4, 5]);
    assert_eq!(
        found.texts()[0],
        [
            "How deep should garlic cloves be planted?",
            "About 5 cm, with the tip upwards; a little deeper in light soil.",
            "planting"
        ]
    );
    assert_eq!(found.dialect.skipped, ["sep=;"]);
    assert_eq!(found.dialect.header, Header::Yes);
    assert_eq!((found.faults.len(), &found.notes), (0, &Notes::default()));
}

#[test]
fn every_way_to_write_the_sep_line_is_understood() {
    for (line, delimiter) in [
        ("sep=;", ';'),
        ("SEP=;", ';'),
        ("Sep=,", ','),
        ("\"sep=;\"", ';'),
        ("sep=|", '|'),
        ("sep=\t", '\t'),
        ("sep=\\t", '\t'),
        ("sep=^", '^'),
        ("sep =;", ';'),
        ("\"sep=;\",,", ';'),
        ("sep=", ';'),
    ] {
        for end in ["\n", "\r\n", "\r"] {
            for mark in ["", "\u{feff}"] {
                let row = |a: &str, b: &str| format!("{a}{delimiter}{b}{end}");
                let text = format!(
                    "{mark}{line}{end}{}{}{}",
                    row("Frage", "Antwort"),
                    row("Wie tief?", "5 cm"),
                    row("Wann?", "Im Mai.")
                );
                let found = csv(&text);
                assert_eq!(found.columns, ["Frage", "Antwort"], "{text:?}");
                assert_eq!(found.texts(), [["Wie tief?", "5 cm"], ["Wann?", "Im Mai."]]);
                assert_eq!(found.lines(), [3, 4]);
            }
        }
    }
    // Not what the file does: what it does counts.
    let found = csv("sep=,\nquestion;answer\na;b\nc;d\n");
    assert_eq!(found.texts(), [["a", "b"], ["c", "d"]]);
    // A column may be called so.
    let found = csv("sepal,petal\n1,2\n3,4\n");
    assert_eq!(found.columns, ["sepal", "petal"]);
}

#[test]
fn quotation_marks_with_backslashes_are_told_from_doubled_ones() {
    let row = "\"Q1?\",\"Say \\\"hi\\\";\nmore\",soil\n";
    let found = csv(&format!("instruction,response,topic\n{row}{row}"));
    assert_eq!(found.columns, ["instruction", "response", "topic"]);
    assert_eq!(found.texts(), [["Q1?", "Say \"hi\";\nmore", "soil"]; 2]);
    assert_eq!(found.lines(), [2, 4]);
    assert!(found.notes.stray.is_empty());
    let found = csv("instruction,response\n\"Say \\\"hi\\\" now\",\"Fine.\"\n");
    assert_eq!(found.texts(), [["Say \"hi\" now", "Fine."]]);
    let found = csv("instruction,response\n\"a\\\",b\",\"c\"\n\"d\",\"\\\"e\\\"\"\n");
    assert_eq!(found.texts(), [["a\",b", "c"], ["d", "\"e\""]]);

    // The backslash of a folder at the end of a value is none.
    let found = csv("question,answer\n\"C:\\dir\\\",\"next \"\"one\"\"\"\n\"D:\\\",\"x\"\n");
    assert_eq!(
        found.texts(),
        [["C:\\dir\\", "next \"one\""], ["D:\\", "x"]]
    );
    assert_eq!(found.dialect.escape, Escape::Doubled);
}

#[test]
fn spark_leaves_other_backslashes_alone() {
    let found = csv(
        "question,answer\n\"What is \\\"\\theta\\\"?\",\"An angle: \\nu, \\\\ and C:\\new\\\\\"\nplain,\\alpha\n",
    );
    assert_eq!(found.dialect.escape, Escape::BackslashQuote);
    assert_eq!(
        found.texts(),
        [
            ["What is \"\\theta\"?", "An angle: \\nu, \\\\ and C:\\new\\"],
            ["plain", "\\alpha"]
        ]
    );
}

#[test]
fn codes_of_databases_are_read_where_a_missing_value_shows_them() {
    let found = read(
        "dump.tsv",
        "question\tanswer\ttopic\nWhat?\tline one\\nline two\\tend \\\\ back\tsoil\nWhy?\t\\N\tsoil\nHow?\tbroken \\\nline\t\\N\n",
    );
    assert_eq!(found.dialect.escape, Escape::Codes);
    assert_eq!(
        found.texts(),
        [
            ["What?", "line one\nline two\tend \\ back", "soil"],
            ["Why?", "∅", "soil"],
            ["How?", "broken \nline", "∅"]
        ]
    );
    // LaTeX is no code.
    let found = read(
        "t.tsv",
        "question\tanswer\na\t\\nu \\times \\tau\nb\t\\beta \\rho\n",
    );
    assert_eq!(found.texts()[0][1], "\\nu \\times \\tau");
}

#[test]
fn separators_are_told_by_all_rows_and_not_by_the_first() {
    for delimiter in [',', ';', '\t', '|', '^', '~', '\u{1}', '\u{1f}', '¦', '§'] {
        let text = format!(
            "Frage{delimiter}Antwort\n\"Was, wenn; es | regnet?\"{delimiter}\"Dann, so; sagt | man{delimiter} warten.\"\nUnd dann?{delimiter}Später hacken.\n"
        );
        let found = csv(&text);
        assert_eq!(found.dialect.delimiter, Some(delimiter));
        assert_eq!(found.texts()[1], ["Und dann?", "Später hacken."]);
        assert_eq!(found.columns, ["Frage", "Antwort"]);
    }
    // Commas in prose beside semicolons.
    let found =
        csv("question;answer\nAnd now, what?;Well, dig, then wait.\nOr, rather, not?;No, never.\n");
    assert_eq!(
        found.texts()[0],
        ["And now, what?", "Well, dig, then wait."]
    );
    // The ending speaks where nothing else does.
    assert_eq!(read("t.tsv", "a,b\tc,d\n").dialect.delimiter, Some('\t'));
}

#[test]
fn decimal_commas_split_nothing() {
    let found = csv("Sorte;Tiefe;Abstand\nMöhre;1,5;3,0\nErbse;4,25;5,5\n");
    assert_eq!(found.dialect.decimal, Decimal::Comma);
    assert_eq!(
        found.texts(),
        [["Möhre", "1,5", "3,0"], ["Erbse", "4,25", "5,5"]]
    );
    let found = csv("1,5;2,5\n3,5;4,5\n5,5;6,5\n");
    assert_eq!(
        (found.dialect.delimiter, found.dialect.header),
        (Some(';'), Header::Ask)
    );
    let found = csv("1,2,3\n4,5,6\n");
    assert_eq!(
        (found.dialect.delimiter, found.dialect.width),
        (Some(','), 3)
    );
    assert_eq!(csv("q,a\nx,1.5\ny,2.5\n").dialect.decimal, Decimal::Point);
}

#[test]
fn a_single_column_is_never_split() {
    let found = csv("text\nHello, world\nfoo\nOne, two, three\n");
    assert_eq!(found.dialect.delimiter, None);
    assert_eq!(found.columns, ["text"]);
    assert_eq!(
        found.texts(),
        [["Hello, world"], ["foo"], ["One, two, three"]]
    );
    // Even where every line has one comma: the header is one name.
    let found = csv("prompt\nHello, world\nfoo, bar\nyes, no\n");
    assert_eq!(found.texts(), [["Hello, world"], ["foo, bar"], ["yes, no"]]);
    let found = csv(
        "messages\n\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"a, b\"\"},{\"\"role\"\":\"\"assistant\"\",\"\"content\"\":\"\"c\"\"}]\"\n",
    );
    assert_eq!(
        found.texts(),
        [
            [
                "[{\"role\":\"user\",\"content\":\"a, b\"},{\"role\":\"assistant\",\"content\":\"c\"}]"
            ]
        ]
    );
}

#[test]
fn rows_with_too_many_values_are_named_and_do_not_change_the_separator() {
    let found = csv("instruction,response\na,b,c\nd,e,f\n");
    assert_eq!(found.columns, ["instruction", "response"]);
    assert_eq!(found.rows, []);
    let reason = Reason::TooManyValues {
        values: 3,
        columns: 2,
    };
    let fault = |number| Fault {
        number,
        reason: reason.clone(),
    };
    assert_eq!(found.faults, [fault(2), fault(3)]);
}

#[test]
fn ragged_rows_blank_rows_and_quoted_line_breaks_keep_their_lines() {
    let text = "question,answer,topic\n\"first,\nsecond\",\"said \"\"so\"\"\",soil\n\nplain,a,b,c\nlast,2\n,,\n";
    for text in [text.to_owned(), text.replace('\n', "\r\n")] {
        let found = csv(&text);
        assert_eq!(found.lines(), [2, 6]);
        assert_eq!(found.texts()[1], ["last", "2"]);
        assert_eq!(found.faults.len(), 1);
        assert_eq!(found.faults[0].number, 5);
        assert_eq!(
            (found.notes.short.count, found.notes.short.lines.as_slice()),
            (1, &[6][..])
        );
        assert_eq!(found.notes.blank, 2);
    }
    let found = csv(text);
    assert_eq!(found.texts()[0], ["first,\nsecond", "said \"so\"", "soil"]);
}

#[test]
fn separators_at_the_end_of_every_line_make_no_column() {
    let found = csv("question,answer,,\na,b,,\nc,d,,\n");
    assert_eq!(found.columns, ["question", "answer"]);
    assert_eq!(found.texts(), [["a", "b"], ["c", "d"]]);
    let found = csv("question;answer\na;b;\nc;d;\n");
    assert_eq!(found.columns, ["question", "answer"]);
    assert_eq!(
        (found.texts(), found.faults.len()),
        (vec![vec!["a", "b"], vec!["c", "d"]], 0)
    );
    // Values under a name that is empty are a column.
    let found = csv("question,answer,\na,b,x\nc,d,\n");
    assert_eq!(found.columns, ["question", "answer", "column 3"]);
    assert_eq!(found.texts(), [["a", "b", "x"], ["c", "d", ""]]);
}

#[test]
fn double_and_empty_names_become_unique() {
    let found = csv("question,answer,answer,,answer (2), Answer \na,b,c,d,e,f\n");
    assert_eq!(
        found.columns,
        [
            "question",
            "answer",
            "answer (3)",
            "column 4",
            "answer (2)",
            "Answer"
        ]
    );
    let found = csv("question,answer,answer\na,b,c\n");
    assert_eq!(found.columns, ["question", "answer", "answer (2)"]);
    let found = csv(
        "\"the\nquestion\",  answer  \nWhat is it?,That is it.\nAnd this here?,This is that.\n",
    );
    assert_eq!(found.columns, ["the question", "answer"]);
}

#[test]
fn columns_that_count_rows_are_marked() {
    for header in [
        ",question,answer",
        "Unnamed: 0,question,answer",
        "index,question,answer",
    ] {
        for (first, second) in [(0, 1), (1, 2)] {
            let found = csv(&format!("{header}\n{first},a,b\n{second},c,d\n"));
            assert_eq!(found.dialect.index, [0], "{header}");
            assert_eq!(found.columns.len(), 3);
        }
    }
    // A part of a longer table keeps its numbers.
    assert_eq!(csv(",question,answer\n17,a,b\n4,c,d\n").dialect.index, [0]);
    assert_eq!(
        csv("Unnamed: 0.1,Unnamed: 0,question,answer\n0,7,a,b\n1,9,c,d\n")
            .dialect
            .index,
        [0, 1]
    );
    // Values that somebody meant.
    assert_eq!(
        csv(",question,answer\nx,a,b\ny,c,d\n").dialect.index,
        [] as [usize; 0]
    );
    assert_eq!(
        csv("id,question,answer\n0,a,b\n1,c,d\n").dialect.index,
        [] as [usize; 0]
    );
    assert_eq!(
        csv("index,question\n3,a\n9,c\n").dialect.index,
        [] as [usize; 0]
    );
    // R leaves the name out.
    let found = csv("\"question\",\"answer\"\n\"1\",\"a\",\"b\"\n\"2\",\"c\",\"d\"\n");
    assert_eq!(found.columns, ["column 1", "question", "answer"]);
    assert_eq!((found.dialect.index, found.faults.len()), (vec![0], 0));
}

#[test]
fn a_first_row_that_looks_like_a_row_is_asked_about_and_kept() {
    let cases = [
        "How deep?,So deep\nHow wide?,So wide\n",
        "1,2\n3,4\n",
        "soil,wet\nsand,dry\nsoil,dry\n",
        "soil,wet\nsand,dry\n",
        "planting,garlic\nplanting,How deep should the cloves go in heavy soil?\n",
        "\"What should be done when the first frost comes early and the beds are not covered yet?\",Cover them.\nWhy?,Frost.\n",
        "https://a.example/x,Page\nhttps://a.example/y,Other page of it\n",
        "\"{\"\"a\"\": 1}\",x\n\"{\"\"a\"\": 2}\",y\n",
        "Wie tief sät man Möhren?;Etwa 1 bis 2 cm.\nWann?;Im März.\n",
    ];
    for text in cases {
        let found = csv(text);
        assert_eq!(found.dialect.header, Header::Ask, "{text}");
        assert_eq!(found.columns, ["column 1", "column 2"], "{text}");
        assert_eq!(found.rows.len(), text.lines().count(), "{text}");
        // The answer of a person.
        for (header, rows) in [(Header::No, 0), (Header::Yes, 1)] {
            let dialect = Dialect {
                header,
                ..found.dialect.clone()
            };
            let again = read_as(text, &dialect, 7);
            assert_eq!(again.rows.len() + rows, found.rows.len());
        }
    }
    for text in [
        "Warum,Darum\nWas ist Mulch und wozu dient er?,Eine Decke.\n",
        "question,answer\nyes,no\n",
        "Instruction,OUTPUT\nx,y\n",
        "a,b\n1,2\n3,4\n",
        ",0,1\n0,a,b\n1,c,d\n",
        "title;body\nx;y\n",
        "質問,回答\nなぜ,はい\n",
    ] {
        assert_eq!(csv(text).dialect.header, Header::Yes, "{text}");
    }
}

#[test]
fn old_macs_end_lines_with_a_carriage_return_alone() {
    let found = csv("question,answer\rWhat?,\"one\rtwo\"\rWhy?,so\r");
    assert_eq!(found.dialect.line_ends, LineEnds::Any);
    assert_eq!(found.texts(), [["What?", "one\rtwo"], ["Why?", "so"]]);
    assert_eq!(found.lines(), [2, 4]);
    // Joined with a file of another kind.
    let found = csv("question,answer\ra,b\rc,d\re,f\ng,h\r\ni,j\n");
    assert_eq!(found.rows.len(), 5);
    assert_eq!(found.lines(), [2, 3, 4, 5, 6]);
    // In a file with line feeds it is a part of a value.
    let found = csv("question,answer\nWhat?,one\rtwo\nWhy?,so\nHow?,thus\n");
    assert_eq!(found.dialect.line_ends, LineEnds::Newline);
    assert_eq!(found.texts()[0], ["What?", "one\rtwo"]);
    let found = csv("text\nHello there\rand more\nfoo\nbar\n");
    assert_eq!(found.texts()[0], ["Hello there\rand more"]);
    let found = csv("text\rHello there\r\"foo\nbar\"\r\"a\nb\nc\"\r");
    assert_eq!(found.texts(), [["Hello there"], ["foo\nbar"], ["a\nb\nc"]]);
    let found = csv("question,answer\r\r\na,b\r\r\nc,d\r\r\n");
    assert_eq!(found.texts(), [["a", "b"], ["c", "d"]]);
}

#[test]
fn single_quotation_marks_around_values_are_known_from_apostrophes() {
    let found = csv("question,answer\n'Why, then?','It''s wet'\n'How, so?','Dig, and wait'\n");
    assert_eq!(
        found.texts(),
        [["Why, then?", "It's wet"], ["How, so?", "Dig, and wait"]]
    );
    let found = csv("question,answer\n'Tis late?,'Twas so\nWho's there?,it's me\n");
    assert_eq!(
        found.texts(),
        [["'Tis late?", "'Twas so"], ["Who's there?", "it's me"]]
    );
    let found = csv("question,answer\n'a\\'b','c, d'\n'e','f\\''\n");
    assert_eq!(found.texts(), [["a'b", "c, d"], ["e", "f'"]]);
}

#[test]
fn blanks_behind_separators_do_not_hide_quotation_marks() {
    let found = csv("question, answer\n\"a, b\", \"c, d\"\n\"e\",  \"f\"\nplain, text\n");
    assert_eq!(
        found.texts(),
        [["a, b", "c, d"], ["e", "f"], ["plain", "text"]]
    );
    let found = csv("question,answer\n\"a, b\" ,\"c\"  \n");
    assert_eq!(found.texts(), [["a, b", "c"]]);
    // Without quotation marks blanks are kept: nobody knows whether they are meant.
    assert_eq!(csv("question,answer\n a , b\n").texts(), [[" a ", " b"]]);
}

#[test]
fn tables_without_quoting_keep_marks_as_they_stand() {
    let found = read(
        "t.tsv",
        "question\tanswer\n\"Why\tso\n5\" pipe\t6\" hose\n\"a\" or b\tx\n\"How\tthus\n",
    );
    assert_eq!(
        found.texts(),
        [
            ["\"Why", "so"],
            ["5\" pipe", "6\" hose"],
            ["\"a\" or b", "x"],
            ["\"How", "thus"]
        ]
    );
    let found = csv("question,answer\na\\,b,c\nd,e\\,f\n");
    assert_eq!(found.texts(), [["a,b", "c"], ["d", "e,f"]]);
}

#[test]
fn rows_that_stand_in_quotation_marks_as_a_whole_are_unwrapped() {
    let found = csv("\"question,answer\"\n\"a,b\"\n\"c,\"\"d, e\"\"\"\n");
    assert_eq!(found.columns, ["question", "answer"]);
    assert_eq!(found.texts(), [["a", "b"], ["c", "d, e"]]);
    assert_eq!(found.lines(), [2, 3]);
    let found = csv(
        "\"question;\"\"answer\"\"\"\r\n\"Why;\"\"So; then\"\"\"\r\n\"How;\"\"Thus\nand so\"\"\"\r\n",
    );
    assert_eq!(
        found.texts(),
        [["Why", "So; then"], ["How", "Thus\nand so"]]
    );
    // A sheet sets marks only where they are needed.
    let found = csv("question,answer\na,b\n\"c,\"\"d, e\"\"\"\n\"f,\"\"g\"\"\"\nh,i\n");
    assert_eq!(
        found.texts(),
        [["a", "b"], ["c", "d, e"], ["f", "g"], ["h", "i"]]
    );
    // A short row, and a single column.
    let found = csv("question,answer\na,b\n\"c, d\"\n");
    assert_eq!(found.texts(), [vec!["a", "b"], vec!["c, d"]]);
    let found = csv("\"text\"\n\"Hello, you\"\n\"Yes, sir\"\n");
    assert_eq!(found.texts(), [["Hello, you"], ["Yes, sir"]]);
}

#[test]
fn a_mark_that_is_never_closed_spoils_one_row_only() {
    let found = csv("question,answer\na,1\nb,\"2\nc,3\nd,4\n");
    assert_eq!(
        found.texts(),
        [["a", "1"], ["b", "\"2"], ["c", "3"], ["d", "4"]]
    );
    assert_eq!(
        (
            found.notes.unclosed.count,
            found.notes.unclosed.lines.as_slice()
        ),
        (1, &[3][..])
    );
    assert_eq!(found.lines(), [2, 3, 4, 5]);

    let rows = "x,\"y, z\"\n".repeat(30);
    let text = format!("question,answer\n{rows}b,\"2 inch\n{rows}");
    let dialect = Dialect {
        width: 2,
        ..Dialect::default()
    };
    for piece in [1, 7, 10_000] {
        let found = read_as(&text, &dialect, piece);
        assert_eq!((found.rows.len(), found.faults.len()), (61, 0));
        assert_eq!(found.notes.unclosed.lines, [32]);
        assert_eq!(found.rows[31].1, [json!("x"), json!("y, z")]);
    }
    assert_eq!(csv(&text).rows.len(), 61);

    // A file that was cut within a value keeps what there is of it, and says so.
    let found = csv("question,answer\na,1\nb,2\nc,\"a text\nover lines, and\nmore, of, it");
    assert_eq!(found.rows.len(), 3);
    assert_eq!(found.notes.unclosed.lines, [4]);
}

#[test]
fn marks_inside_a_value_that_are_not_doubled_are_kept_and_noted() {
    let found = csv("question,answer\n\"Say \"hi\" now\",\"Fine.\"\nx,\"a \"b\" c\"\n");
    assert_eq!(
        found.texts(),
        [["Say \"hi\" now", "Fine."], ["x", "a \"b\" c"]]
    );
    assert_eq!(
        (found.notes.stray.count, found.notes.stray.lines.as_slice()),
        (4, &[2, 3][..])
    );
}

#[test]
fn values_that_say_there_is_none_are_null_with_a_count_and_a_switch() {
    let text = "question,answer\na,nan\nb,None\nc,null\nd,NA\ne,\\N\nf, NaN \ng,none\nh,N/A\ni,Nancy\nj,\n";
    let found = csv(text);
    let nulls: Vec<bool> = found
        .rows
        .iter()
        .map(|(_, cells)| cells[1].is_null())
        .collect();
    assert_eq!(
        nulls,
        [
            true, true, true, true, true, true, false, false, false, false
        ]
    );
    assert_eq!(found.notes.nulls, 6);
    assert_eq!(found.rows[9].1[1], json!(""));
    let kept = read_as(
        text,
        &Dialect {
            null_words: false,
            escape: Escape::Doubled,
            ..found.dialect
        },
        3,
    );
    assert_eq!(kept.notes.nulls, 0);
    assert_eq!(kept.rows[1].1[1], json!("None"));
}

#[test]
fn values_stay_the_texts_they_are() {
    let found = csv("question,answer\n=SUM(A1:A2),00123\n1e5,TRUE\n+49 30,2024-01-02\n-1,1.10\n");
    assert_eq!(
        found.texts(),
        [
            ["=SUM(A1:A2)", "00123"],
            ["1e5", "TRUE"],
            ["+49 30", "2024-01-02"],
            ["-1", "1.10"]
        ]
    );
}

#[test]
fn titles_and_comments_above_the_header_are_passed_over_and_kept_for_show() {
    let found = csv("# made by a tool\n# on Monday\nquestion,answer\na,b\nc,d\n");
    assert_eq!(found.columns, ["question", "answer"]);
    assert_eq!(found.dialect.skipped, ["# made by a tool", "# on Monday"]);
    assert_eq!(found.lines(), [4, 5]);
    let found = csv("Garden questions 2024\r\n\r\nquestion;answer\r\na;b\r\nc;d\r\n");
    assert_eq!(found.dialect.skipped, ["Garden questions 2024", ""]);
    assert_eq!(found.lines(), [4, 5]);
    let found = csv("sep=;\nReport;\n;\nFrage;Antwort\nWie tief sät man die?;So tief.\nUnd?;Ja.\n");
    assert_eq!(found.columns, ["Frage", "Antwort"]);
    assert_eq!(found.lines(), [5, 6]);
    // A header that begins with the sign.
    let found = csv("#,question,answer\n1,a,b\n2,c,d\n");
    assert_eq!(found.columns, ["#", "question", "answer"]);
}

#[test]
fn headers_of_joined_files_are_no_rows() {
    let found = csv("question,answer\na,b\nquestion,answer\nc,d\n");
    assert_eq!(found.texts(), [["a", "b"], ["c", "d"]]);
    assert_eq!(found.notes.repeated_header.lines, [3]);
    assert_eq!(found.dialect.header, Header::Yes);
}

#[test]
fn the_last_byte_of_old_files_and_marks_of_joined_ones_are_no_rows() {
    let found = csv("question,answer\r\na,b\r\n\u{1a}");
    assert_eq!(found.texts(), [["a", "b"]]);
    let found = csv("\u{feff}\u{feff}question,answer\na,b\n");
    assert_eq!(found.columns, ["question", "answer"]);
    assert_eq!(csv("").rows, []);
    assert_eq!(csv("\n\n \n").rows, []);
    let found = csv("question,answer");
    assert_eq!((found.columns.len(), found.rows.len()), (2, 0));
}

#[test]
fn a_row_beyond_the_bound_is_a_fault_and_memory_stays_small() {
    let long = "x".repeat(1 << 20);
    let dialect = Dialect {
        width: 2,
        ..Dialect::default()
    };
    for open in ["", "\""] {
        let mut reader = Delimited::new(dialect.clone());
        reader.push(&format!("question,answer\na,b\nc,{open}"));
        let mut found = Vec::new();
        for _ in 0..10 {
            reader.push(&long);
            while let Some(item) = reader.next() {
                found.push(item);
            }
        }
        reader.push(&format!("{open}\ne,f\n"));
        reader.end();
        while let Some(item) = reader.next() {
            found.push(item);
        }
        assert_eq!(found.len(), 3);
        let fault = Fault {
            number: 3,
            reason: Reason::TooLong {
                most: MOST_ROW_BYTES,
            },
        };
        assert_eq!(found[1], Item::Fault(fault));
        assert!(matches!(&found[2], Item::Row(row) if row.number == 4 && row.cells == ["e", "f"]));
    }
}

#[test]
fn a_mark_that_is_never_closed_in_a_long_file_loses_no_row() {
    let row = "some question,some answer of a few words\n";
    let rows = 400_000;
    let mut reader = Delimited::new(Dialect {
        width: 2,
        ..Dialect::default()
    });
    let mut count = 0;
    reader.push("question,answer\nfirst,\"open\n");
    for _ in 0..rows / 1000 {
        reader.push(&row.repeat(1000));
        while let Some(item) = reader.next() {
            assert!(matches!(item, Item::Row(_)));
            count += 1;
        }
    }
    reader.end();
    while reader.next().is_some() {
        count += 1;
    }
    assert_eq!(count, rows + 1);
    assert_eq!(reader.notes().unclosed.lines, [2]);
}

#[test]
fn the_rows_of_any_table_have_ordered_lines_of_the_file() {
    // Every prefix, suffix and one-letter damage of tables of several kinds.
    let tables = [
        "question,answer\n\"a \"\"b\"\" é\",\"c\nd\"\n",
        "sep=;\r\nquestion;answer\r\n\"x;\";y\r\n",
        "question,answer\n\"a \\\"b\\\"\",\"c\nd\"\n",
        "'q'\t'a'\r'x\ty'\t'z'\r",
    ];
    for table in tables {
        for cut in (0..=table.len()).filter(|at| table.is_char_boundary(*at)) {
            let damaged = ["\"", "\\", ",", "\n", "\r", "'", ";"]
                .map(|mark| format!("{}{mark}{}", &table[..cut], &table[cut..]));
            let cuts = [table[..cut].to_owned(), table[cut..].to_owned()];
            for text in damaged.iter().chain(&cuts) {
                let found = csv(text);
                let ends = text.replace("\r\n", "\n").matches(['\n', '\r']).count() as u64 + 1;
                let lines = found.lines();
                assert!(
                    lines.is_sorted() && lines.iter().all(|line| (1..=ends).contains(line)),
                    "{text:?}"
                );
            }
        }
    }
}
