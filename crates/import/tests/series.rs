//! Several files of a split as one table, and how much of them is read.

use futures::executor::block_on;
use futures::future::LocalBoxFuture;
use seedbed_core::import::{Ask, Choice, Look, Preview, Scope, Tally, Told};
use seedbed_import::serve::Server;
use seedbed_import::source::{Source, SourceError};
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;

/// Counts what is read of it. Its bytes are made when they are read.
struct Counted {
    size: u64,
    bytes: Box<dyn Fn(Range<u64>) -> Vec<u8>>,
    read: Rc<Cell<u64>>,
}

impl Source for Counted {
    fn size(&self) -> u64 {
        self.size
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, SourceError>> {
        self.read.set(self.read.get() + range.end - range.start);
        let bytes = (self.bytes)(range);
        Box::pin(std::future::ready(Ok(bytes)))
    }
}

struct Reader {
    server: Server,
    read: Rc<Cell<u64>>,
    files: Vec<(String, u64)>,
}

impl Reader {
    fn new(files: &[(&str, &[u8])]) -> Self {
        let all: Vec<u8> = files.iter().flat_map(|(_, bytes)| bytes.to_vec()).collect();
        let sizes = files
            .iter()
            .map(|(name, bytes)| ((*name).to_owned(), bytes.len() as u64))
            .collect();
        let cut = move |range: Range<u64>| all[range.start as usize..range.end as usize].to_vec();
        let size = files.iter().map(|(_, bytes)| bytes.len() as u64).sum();
        Self::of(size, Box::new(cut), sizes)
    }

    fn of(size: u64, bytes: Box<dyn Fn(Range<u64>) -> Vec<u8>>, files: Vec<(String, u64)>) -> Self {
        let read = Rc::new(Cell::new(0));
        let source = Counted {
            size,
            bytes,
            read: Rc::clone(&read),
        };
        Self {
            server: Server::new(Rc::new(source)),
            read,
            files,
        }
    }

    fn ask(&mut self, ask: Ask) -> Told {
        block_on(self.server.answer(ask, &|_| ()))
    }

    fn look(&mut self) -> Look {
        let told = self.ask(Ask::Look {
            name: "owner/set".to_owned(),
            language: None,
            most_scanned: Some(2 << 20),
            files: self.files.clone(),
            choice: Choice::default(),
        });
        match told {
            Told::Look(look) => *look,
            other => panic!("not opened: {other:?}"),
        }
    }

    fn preview(&mut self, look: &Look, scope: &Scope) -> Preview {
        let told = self.ask(Ask::Preview {
            mapping: look.mapping.clone(),
            scope: scope.clone(),
        });
        match told {
            Told::Preview(preview) => *preview,
            other => panic!("no preview: {other:?}"),
        }
    }

    /// Rows with their instructions, counts and notes.
    fn take(&mut self, look: &Look, scope: &Scope) -> (Vec<(u64, String)>, Tally, Vec<String>) {
        let mapping = look.mapping.clone();
        let scope = scope.clone();
        let begun = self.ask(Ask::Take { mapping, scope });
        assert_eq!(begun, Told::Begun);
        let (mut rows, mut done) = (Vec::new(), 0);
        loop {
            match self.ask(Ask::Next) {
                Told::Rows(batch) => {
                    assert!(batch.done >= done && batch.done <= batch.total);
                    done = batch.done;
                    let more = batch.rows.into_iter();
                    rows.extend(more.map(|(row, shaped)| (row, shaped.instruction)));
                }
                Told::End { tally, notes } => return (rows, *tally, notes),
                other => panic!("{other:?}"),
            }
        }
    }
}

fn first(most: u64) -> Scope {
    Scope {
        most: Some(most),
        ..Scope::default()
    }
}

fn lines(range: Range<u64>) -> String {
    range
        .map(|n| format!("{{\"question\":\"Why {n}?\",\"answer\":\"So {n}.\"}}\n"))
        .collect::<Vec<String>>()
        .concat()
}

fn numbers(rows: &[(u64, String)]) -> Vec<u64> {
    for (row, text) in rows {
        assert_eq!(text, &format!("Why {row}?"));
    }
    rows.iter().map(|(row, _)| *row).collect()
}

#[test]
fn rows_of_several_files_are_numbered_through() {
    let (a, b, c) = (lines(0..700), lines(700..705), lines(705..900));
    let mut reader = Reader::new(&[
        ("a.jsonl", a.as_bytes()),
        ("none.jsonl", b""),
        ("b.jsonl", b.as_bytes()),
        ("c.jsonl", c.as_bytes()),
    ]);
    let look = reader.look();
    assert_eq!(look.name, "owner/set");
    assert_eq!((look.rows, look.is_sure), (None, true));
    assert_eq!(look.bytes, (a.len() + b.len() + c.len()) as u64);
    let (rows, tally, _) = reader.take(&look, &Scope::default());
    assert_eq!(numbers(&rows), (0..900).collect::<Vec<u64>>());
    assert_eq!((tally.rows, tally.records), (900, 900));
    let preview = reader.preview(&look, &Scope::default());
    assert_eq!((preview.tally.records, preview.is_whole), (900, true));
    // A range over a border, and rows that were drawn from all.
    let scope = Scope {
        from: 698,
        ..first(10)
    };
    let (rows, tally, _) = reader.take(&look, &scope);
    assert_eq!(numbers(&rows), (698..708).collect::<Vec<u64>>());
    assert_eq!(tally.rows, 10);
    for seed in 0..8 {
        let drawn = Scope {
            seed: Some(seed),
            ..first(200)
        };
        let (rows, _, _) = reader.take(&look, &drawn);
        let drawn = numbers(&rows);
        assert_eq!(drawn.len(), 200);
        assert!(drawn.is_sorted() && drawn.iter().any(|row| *row >= 705));
        assert!(drawn.iter().any(|row| *row < 700));
    }
}

#[test]
fn a_file_with_other_columns_or_that_is_none_is_named_and_left_out() {
    let (a, c) = (lines(0..3), lines(3..5));
    let mut reader = Reader::new(&[
        ("a.jsonl", a.as_bytes()),
        ("other.jsonl", b"{\"url\":\"https://a.example\"}\n"),
        ("broken.jsonl", b"\x00\x01\x02\x00\xff\xfe\x00\x00"),
        ("c.jsonl", c.as_bytes()),
    ]);
    let look = reader.look();
    let (rows, _, notes) = reader.take(&look, &Scope::default());
    assert_eq!(numbers(&rows), [0, 1, 2, 3, 4]);
    assert_eq!(notes.len(), 2, "{notes:?}");
    assert!(notes[0].contains("other.jsonl") && notes[0].contains("`question`"));
    assert!(notes[1].contains("broken.jsonl"));
}

#[test]
fn parquet_files_are_opened_when_they_are_reached() {
    let file = include_bytes!("parquet/files/datasets.parquet").as_slice();
    let mut alone = Reader::new(&[("a.parquet", file)]);
    let look = alone.look();
    let (rows, _, _) = alone.take(&look, &Scope::default());
    let count = rows.len() as u64;
    assert!(count > 2, "{look:?}");

    let names = ["a.parquet", "b.parquet", "c.parquet"].map(|name| (name, file));
    let mut reader = Reader::new(&names);
    let look = reader.look();
    let opened = reader.read.get();
    assert!(opened <= 2 * file.len() as u64, "{opened}");
    let (some, _, _) = reader.take(&look, &first(count));
    assert_eq!(some, rows);
    let only_first = reader.read.get();
    assert!(only_first <= 4 * file.len() as u64, "{only_first}");
    let (all, tally, _) = reader.take(&look, &Scope::default());
    assert_eq!(tally.rows, 3 * count);
    let again: Vec<(u64, String)> = (0..3)
        .flat_map(|file| {
            rows.iter()
                .map(move |(row, text)| (row + file * count, text.clone()))
        })
        .collect();
    assert_eq!(all, again);
    let scope = Scope {
        from: count + 1,
        ..first(count)
    };
    let (some, _, _) = reader.take(&look, &scope);
    assert_eq!(some, again[count as usize + 1..=2 * count as usize]);
}

#[test]
fn the_first_rows_of_a_gigabyte_of_lines_cost_a_few_megabytes() {
    const LINE: &[u8] =
        b"{\"question\":\"How deep is a pea sown, and how far apart?\",\"answer\":\"2 cm deep, 5 cm apart.\"}\n";
    let size = (1 << 30) / LINE.len() as u64 * LINE.len() as u64;
    let bytes = |range: Range<u64>| -> Vec<u8> {
        let from = (range.start % LINE.len() as u64) as usize;
        let length = (range.end - range.start) as usize;
        LINE.iter()
            .copied()
            .cycle()
            .skip(from)
            .take(length)
            .collect()
    };
    let mut reader = Reader::of(size, Box::new(bytes), Vec::new());
    let look = reader.look();
    assert_eq!(look.bytes, size);
    let preview = reader.preview(&look, &first(100));
    assert_eq!((preview.tally.records, preview.is_whole), (100, true));
    assert!(preview.bytes.is_some_and(|bytes| bytes <= 3 << 20));
    let (rows, tally, _) = reader.take(&look, &first(100));
    assert_eq!((rows.len(), tally.rows), (100, 100));
    let read = reader.read.get();
    assert!(read <= 8 << 20, "{read} bytes were read");
    // All of it is said before it is read.
    let preview = reader.preview(&look, &Scope::default());
    assert_eq!((preview.is_whole, preview.bytes), (false, Some(size)));
    let drawn = Scope {
        seed: Some(1),
        ..first(100)
    };
    let preview = reader.preview(&look, &drawn);
    assert_eq!(preview.bytes, Some(2 * size));
    assert_eq!(reader.read.get(), read);
}
