//! Which bytes are read, and how many at once.

use super::*;
use parquet::data_type::{ByteArrayType, Int64Type};
use parquet::file::properties::WriterProperties;
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::parser::parse_message_type;
use std::cell::Cell;
use std::sync::Arc;

/// Texts of a kilobyte, each another one.
fn text(row: usize, column: usize) -> String {
    format!("{row:0500}{column:0500}")
}

/// A table of a number and three texts, in groups of `group` rows.
fn table(rows: usize, group: usize, indexed: bool) -> Vec<u8> {
    let schema = "message t { required int64 id; required binary a (UTF8); required binary b (UTF8); required binary c (UTF8); }";
    let schema = Arc::new(parse_message_type(schema).expect("a schema"));
    let properties = WriterProperties::builder()
        .set_dictionary_enabled(false)
        .set_data_page_size_limit(60 << 10)
        .set_write_batch_size(10)
        .set_offset_index_disabled(!indexed)
        .build();
    let mut writer =
        SerializedFileWriter::new(Vec::new(), schema, Arc::new(properties)).expect("a writer");
    for from in (0..rows).step_by(group) {
        let numbers = from..rows.min(from + group);
        let mut open = writer.next_row_group().expect("a group");
        let mut column = open.next_column().expect("a column").expect("the first");
        let ids: Vec<i64> = numbers.clone().map(|row| row as i64).collect();
        column
            .typed::<Int64Type>()
            .write_batch(&ids, None, None)
            .expect("written");
        column.close().expect("closed");
        for number in 1..4 {
            let mut column = open.next_column().expect("a column").expect("another");
            let texts: Vec<_> = numbers
                .clone()
                .map(|row| text(row, number).as_str().into())
                .collect();
            column
                .typed::<ByteArrayType>()
                .write_batch(&texts, None, None)
                .expect("written");
            column.close().expect("closed");
        }
        open.close().expect("closed");
    }
    writer.into_inner().expect("a file")
}

fn assert_texts(rows: &[Row], numbers: Range<usize>, columns: &[usize]) {
    assert_eq!(rows.len(), numbers.len());
    for (row, number) in rows.iter().zip(numbers) {
        assert_eq!(row.number, number as u64 + 1);
        for (cell, column) in row.cells.iter().zip(columns) {
            let expected = if *column == 0 {
                Value::from(number)
            } else {
                text(number, *column).into()
            };
            assert_eq!(*cell, expected, "row {number}, column {column}");
        }
    }
}

fn sum(ranges: &[Range<u64>]) -> u64 {
    ranges.iter().map(|range| range.end - range.start).sum()
}

/// What a plan asks for, and what was read for it besides the footer and the list of pages.
fn reads(
    source: &Rc<Counted>,
    columns: &[usize],
    rows: Range<usize>,
) -> (Plan, Vec<Range<u64>>, Vec<Range<u64>>) {
    let (footer, plan) = block_on(planned(
        source,
        Some(columns),
        rows.start as u64..rows.end as u64,
    ))
    .expect("a plan");
    let before = source.taken();
    let mut reader = Reader::open(source.clone(), footer, plan.clone());
    let mut found = Vec::new();
    while let Some(batch) = block_on(reader.next()).expect("rows") {
        found.extend(batch);
    }
    assert_texts(&found, rows, columns);
    let mut taken = source.taken();
    taken.sort_by_key(|range| range.start);
    assert!(
        taken.is_sorted_by(|a, b| a.end <= b.start),
        "read twice: {taken:?}"
    );
    (plan, before, taken)
}

#[test]
fn a_hundred_rows_of_a_huge_group_are_some_pages_when_the_file_lists_them() {
    let source = Counted::new(table(9000, 9000, true));
    let (plan, before, taken) = reads(&source, &[0, 2], 4500..4600);
    // The footer, and the lists of the pages of both columns.
    assert_eq!(before.len(), 2, "{before:?}");
    assert!(sum(&before) < 70 << 10, "{before:?}");
    assert_eq!(plan.ranges, taken, "what was planned is what was read");
    assert_eq!((plan.bytes, plan.most), (sum(&taken), sum(&taken)));
    // A hundred texts, and the pages' other rows.
    assert!((100_000..300_000).contains(&plan.bytes), "{}", plan.bytes);
    assert_eq!(plan.note, None);
}

#[test]
fn the_first_hundred_rows_of_a_huge_group_are_its_beginning_even_without_a_list() {
    let source = Counted::new(table(9000, 9000, false));
    let (plan, before, taken) = reads(&source, &[2], 0..100);
    assert_eq!(before.len(), 1);
    assert!((100_000..200_000).contains(&plan.bytes), "{}", plan.bytes);
    assert!(plan.most > 9_000_000, "{}", plan.most);
    assert!(sum(&taken) <= plan.bytes + (128 << 10), "{taken:?}");
    assert_eq!(plan.note, None, "nothing before must be read");
}

#[test]
fn rows_amid_a_huge_group_without_a_list_cost_all_before_and_the_plan_says_so() {
    let source = Counted::new(table(9000, 9000, false));
    let (plan, _, taken) = reads(&source, &[2], 8000..8100);
    assert!(
        (8_000_000..9_500_000).contains(&plan.bytes),
        "{}",
        plan.bytes
    );
    assert!(sum(&taken) <= plan.most, "{taken:?}");
    let note = plan.note.expect("a note");
    assert!(
        note.contains("9000 rows in one group") && note.contains("before row 8001"),
        "{note}"
    );
}

#[test]
fn only_the_groups_and_columns_that_are_wanted_are_read() {
    let source = Counted::new(table(1000, 100, true));
    // Two columns side by side: one request for each group.
    let (plan, _, taken) = reads(&source, &[0, 1], 300..500);
    assert_eq!(taken.len(), 2, "{taken:?}");
    assert_eq!(plan.ranges, taken);
    assert!((200_000..215_000).contains(&plan.bytes), "{}", plan.bytes);
    // Two that have a third of 100 KB between them.
    let (plan, _, taken) = reads(&source, &[1, 3], 300..400);
    assert_eq!((plan.ranges.len(), taken.len()), (2, 2));
}

#[test]
fn neighbours_that_are_near_are_one_request() {
    let source = Counted::new(table(40, 40, true));
    let (plan, _, taken) = reads(&source, &[1, 3], 0..40);
    assert_eq!((plan.ranges.len(), taken.len()), (1, 1));
    assert!(
        (120_000..130_000).contains(&plan.bytes),
        "the column between is read along: {}",
        plan.bytes
    );
}

/// Answers late, and counts what is waited for.
struct Slow {
    /// The piece that comes later than all others.
    last: u64,
    inner: Rc<Counted>,
    waiting: Rc<Cell<usize>>,
    most: Rc<Cell<usize>>,
}

impl Source for Slow {
    fn size(&self) -> u64 {
        self.inner.size()
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, SourceError>> {
        let polls = if range.start == self.last { 1000 } else { 3 };
        let answer = self.inner.read(range);
        let waiting = self.waiting.clone();
        waiting.set(waiting.get() + 1);
        self.most.set(self.most.get().max(waiting.get()));
        Box::pin(async move {
            for _ in 0..polls {
                let mut polled = false;
                std::future::poll_fn(|context| {
                    context.waker().wake_by_ref();
                    if std::mem::replace(&mut polled, true) {
                        std::task::Poll::Ready(())
                    } else {
                        std::task::Poll::Pending
                    }
                })
                .await;
            }
            waiting.set(waiting.get() - 1);
            answer.await
        })
    }
}

#[test]
fn a_huge_group_is_read_piece_by_piece_a_few_ahead() {
    let counted = Counted::new(table(20_000, 20_000, false));
    let (footer, plan) = block_on(planned(&counted, Some(&[0, 1, 2]), 0..20_000)).expect("a plan");
    let all = plan.bytes;
    assert!(all > 40_000_000, "{all}");
    counted.taken();
    let (waiting, most) = (Rc::default(), Rc::default());
    let slow = Slow {
        last: plan.ranges[0].start,
        inner: counted.clone(),
        waiting,
        most: Rc::clone(&most),
    };
    let mut reader = Reader::open(Rc::new(slow), footer, plan);
    let (mut found, mut asked) = (0, 0);
    while let Some(batch) = block_on(reader.next()).expect("rows") {
        assert_texts(&batch, found..found + batch.len(), &[0, 1, 2]);
        assert!(batch.len() < 600, "a batch is about a megabyte");
        found += batch.len();
        asked += sum(&counted.taken());
        let ahead = asked.saturating_sub(all * found as u64 / 20_000);
        assert!(ahead < 10 << 20, "{ahead} bytes ahead at row {found}");
    }
    assert_eq!((found, asked), (20_000, all));
    assert_eq!(most.get(), 4, "requests at once");
}

#[test]
fn groups_are_fetched_ahead_of_the_one_that_is_read_up_to_the_end() {
    let counted = Counted::new(table(5000, 100, false));
    let (footer, plan) = block_on(planned(&counted, None, 0..5000)).expect("a plan");
    let all = plan.bytes;
    assert!(all > 15_000_000);
    counted.taken();
    let mut reader = Reader::open(counted.clone(), footer, plan);
    let mut asked = 0;
    for group in 1..=50 {
        let batch = block_on(reader.next()).expect("rows").expect("a batch");
        assert_texts(&batch, (group - 1) * 100..group * 100, &[0, 1, 2, 3]);
        asked += sum(&counted.taken());
        let needed = all * group as u64 / 50;
        assert!(
            asked >= (needed + all / 50).min(all),
            "{asked} of {needed} at group {group}"
        );
        assert!(
            asked < needed + (10 << 20),
            "{asked} of {needed} at group {group}"
        );
    }
    assert_eq!((block_on(reader.next()), asked), (Ok(None), all));
}

#[test]
fn one_row_is_one_page_wherever_it_stands() {
    let source = Counted::new(table(600, 600, true));
    for row in 0..600 {
        let (_, plan) = block_on(planned(&source, Some(&[1]), row..row + 1)).expect("a plan");
        assert!(
            (10_000..80_000).contains(&plan.bytes),
            "row {row}: {}",
            plan.bytes
        );
    }
    for rows in [59..60, 60..61, 69..71, 599..600] {
        reads(&source, &[1], rows);
    }
}

#[test]
fn a_footer_that_is_longer_than_the_tail_takes_a_second_request() {
    let source = Counted::new(table(1000, 2, true));
    let (_, before, _) = reads(&source, &[0], 500..502);
    let size = source.size();
    assert_eq!(before.len(), 2, "{before:?}");
    assert_eq!(before[0], size - (64 << 10)..size);
    assert_eq!(before[1].end, before[0].start, "nothing is read twice");
}
