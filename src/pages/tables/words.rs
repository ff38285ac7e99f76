//! How the dialog says what it found.

use crate::pages::generate::words::{count, plural};
use seedbed_core::import::{Format, Lack, Look, Seen, Tally, Target};

/// What a column is for, as a person chooses it.
pub(super) fn target(target: Target) -> &'static str {
    match target {
        Target::Unused => "Leave out",
        Target::Instruction => "Instruction",
        Target::Input => "Belongs to the instruction",
        Target::Response => "Answer",
        Target::Messages => "Conversation",
        Target::MarkedText => "Conversation in one text",
        Target::System => "System message",
        Target::Reasoning => "Reasoning",
        Target::Chosen => "Better answer",
        Target::Rejected => "Worse answer",
        Target::Instances => "Inputs and outputs",
        Target::Topic => "Topic",
        Target::Perspective => "Perspective",
        Target::Model => "Model",
        Target::Metadata => "Keep beside the record",
    }
}

/// How the table is written, and how large it is.
pub(super) fn about(look: &Look) -> String {
    let format = match &look.format {
        Format::Delimited {
            delimiter: Some(delimiter),
            ..
        } => match delimiter {
            ',' => "A table with commas".to_owned(),
            ';' => "A table with semicolons".to_owned(),
            '\t' => "A table with tabs".to_owned(),
            other => format!("A table with “{other}” between its values"),
        },
        Format::Delimited {
            delimiter: None, ..
        } => "A table of one column".to_owned(),
        Format::Json { layout } => format!("JSON, {layout}"),
        Format::Parquet { .. } => "Parquet".to_owned(),
    };
    let rows = look
        .rows
        .map(|rows| format!(", {}", plural(rows, "row", "rows")))
        .unwrap_or_default();
    format!("{format}{rows}, {}.", size(look.bytes))
}

/// Bytes as people say them.
pub(super) fn size(bytes: u64) -> String {
    match bytes {
        0..1_000 => plural(bytes, "byte", "bytes"),
        1_000..1_000_000 => format!("{} KB", bytes.div_ceil(1_000)),
        1_000_000..1_000_000_000 => format!("{} MB", bytes / 1_000_000),
        _ => format!("{:.1} GB", bytes as f64 / 1e9),
    }
}

/// What a mapping makes of the rows that were looked at.
pub(super) fn tally(tally: &Tally, is_whole: bool) -> String {
    let mut parts = Vec::new();
    let plain = tally.records - tally.conversations - tally.compared;
    if plain > 0 {
        parts.push(plural(plain, "record", "records"));
    }
    if tally.conversations > 0 {
        parts.push(plural(tally.conversations, "conversation", "conversations"));
    }
    if tally.compared > 0 {
        parts.push(format!("{} compared answers", count(tally.compared)));
    }
    let made = match parts.as_slice() {
        [] => "No record".to_owned(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    let of = if is_whole {
        format!("{made} of {}.", plural(tally.rows, "row", "rows"))
    } else {
        format!("{made} of the first {}.", plural(tally.rows, "row", "rows"))
    };
    match tally.instructions {
        0 => of,
        1 => format!("{of} 1 row has no answer: it becomes an instruction to be answered."),
        many => format!(
            "{of} {} rows have no answer: they become instructions to be answered.",
            count(many)
        ),
    }
}

/// Where something was seen, e.g. "12 times, first in lines 3, 8, 9".
pub(super) fn seen(seen: &Seen) -> String {
    let first: Vec<String> = seen.first.iter().take(3).map(u64::to_string).collect();
    let more = if seen.count as usize > first.len() {
        " …"
    } else {
        ""
    };
    format!("{} ({}{more})", count(seen.count), first.join(", "))
}

/// What a mapping lacks, and the way out.
pub(super) fn lack(lack: Lack) -> &'static str {
    match lack {
        Lack::Instruction => "Choose the column that holds what is to be answered.",
        Lack::OtherAnswer => "Two answers are compared: choose the column of the other one too.",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_rows_become_is_counted_in_words() {
        let some = Tally {
            rows: 420,
            records: 8,
            instructions: 412,
            ..Tally::default()
        };
        assert_eq!(
            tally(&some, true),
            "8 records of 420 rows. 412 rows have no answer: they become instructions to be answered."
        );
        let chats = Tally {
            rows: 3,
            records: 4,
            conversations: 1,
            compared: 2,
            instructions: 1,
            ..Tally::default()
        };
        assert_eq!(
            tally(&chats, false),
            "1 record, 1 conversation and 2 compared answers of the first 3 rows. 1 row has no answer: it becomes an instruction to be answered."
        );
        assert_eq!(tally(&Tally::default(), true), "No record of 0 rows.");
    }

    #[test]
    fn sizes_are_told_as_people_say_them() {
        assert_eq!(
            [
                size(1),
                size(999),
                size(1_001),
                size(12_345_678),
                size(2_500_000_000)
            ],
            ["1 byte", "999 bytes", "2 KB", "12 MB", "2.5 GB"]
        );
    }
}
