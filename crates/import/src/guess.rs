//! A guess of what each column is for, by its name, the type of its values, and the values themselves.

use crate::conversation::{Conversation, lone_answer};
use crate::marks;
use crate::structure::structured;
use crate::table::Row;
use seedbed_core::import::{Mapping, Target};
use serde_json::Value;
use std::collections::HashSet;

/// Rows that are looked at.
pub const SAMPLE_ROWS: usize = 200;
/// Two columns whose scores differ by less may be meant either way.
const CLOSE: f64 = 0.15;
/// What a name is worth that only contains a known one.
const PART: f64 = 0.6;
/// A guess below this is none.
const LEAST: f64 = 0.3;
/// How well an empty column fits: its whole name makes a guess, a part of it none.
const EMPTY: f64 = 0.35;

/// Names by use, the likeliest first; compared in lower case without `_`, `-` and blanks.
const NAMES: [(Target, &[&str]); 12] = [
    (
        Target::Messages,
        &[
            "messages",
            "conversations",
            "conversation",
            "dialog",
            "dialogue",
            "chat",
            "turns",
            "history",
        ],
    ),
    (
        Target::Instruction,
        &[
            "instruction",
            "instructions",
            "prompt",
            "question",
            "query",
            "problem",
            "user",
            "human",
            "input",
            "task",
            "goal",
            "message1",
            "texta",
            "问题",
            "指令",
            "frage",
            "вопрос",
        ],
    ),
    (
        Target::Input,
        &[
            "input",
            "context",
            "passage",
            "article",
            "document",
            "source",
            "knowledge",
            "background",
        ],
    ),
    (
        Target::Response,
        &[
            "response",
            "output",
            "answer",
            "completion",
            "target",
            "solution",
            "generation",
            "assistant",
            "reply",
            "corrected",
            "message2",
            "summary",
            "answers",
            "chosen",
            "label",
            "text",
            "答案",
            "输出",
            "antwort",
            "ответ",
        ],
    ),
    (
        Target::System,
        &[
            "system",
            "systemprompt",
            "systemmessage",
            "systeminstruction",
        ],
    ),
    (
        Target::Reasoning,
        &[
            "cot",
            "rationale",
            "reasoning",
            "reasoningcontent",
            "thinking",
            "thought",
        ],
    ),
    (Target::Chosen, &["chosen", "chosenresponse", "preferred"]),
    (
        Target::Rejected,
        &["rejected", "rejectedresponse", "dispreferred"],
    ),
    (Target::Instances, &["instances"]),
    (Target::Topic, &["topic"]),
    (Target::Perspective, &["perspective"]),
    (Target::Model, &["model", "modelname", "generationmodel"]),
];

/// What the mapping of a table is guessed to be.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Guess {
    /// The guess; columns that were not recognised are unused.
    pub mapping: Mapping,
    /// Names and values agree and nothing else comes near: no question is needed.
    pub is_sure: bool,
}

/// What the values of a column are like.
#[derive(Clone, Debug, Default)]
struct Evidence {
    rows: f64,
    filled: f64,
    texts: f64,
    numbers: f64,
    conversations: f64,
    lists: f64,
    marked: f64,
    questions: f64,
    distinct: f64,
    median_chars: usize,
}

impl Evidence {
    fn of<'a>(cells: impl Iterator<Item = &'a Value>) -> Self {
        let mut found = Self::default();
        let mut lengths = Vec::new();
        let mut seen = HashSet::new();
        for cell in cells.take(SAMPLE_ROWS) {
            found.rows += 1.0;
            let cell = structured(cell);
            match &*cell {
                Value::Null => continue,
                Value::String(text) if text.trim().is_empty() => continue,
                Value::String(text) => {
                    lengths.push(text.chars().count());
                    seen.insert(text.clone());
                    if text.trim().parse::<f64>().is_ok() {
                        found.numbers += 1.0;
                    } else {
                        found.texts += 1.0;
                    }
                    found.questions += f64::from(text.trim_end().ends_with(['?', '？', ';', '؟']));
                    found.marked += f64::from(marks::is_marked(text));
                }
                Value::Bool(_) | Value::Number(_) => found.numbers += 1.0,
                Value::Array(_) | Value::Object(_) => {
                    if is_conversation(&cell) {
                        found.conversations += 1.0;
                    } else {
                        found.lists += 1.0;
                    }
                }
            }
            found.filled += 1.0;
        }
        lengths.sort_unstable();
        found.median_chars = lengths.get(lengths.len() / 2).copied().unwrap_or(0);
        found.distinct = seen.len() as f64;
        found
    }

    /// Part of the filled cells.
    fn share(&self, count: f64) -> f64 {
        if self.filled == 0.0 {
            0.0
        } else {
            count / self.filled
        }
    }

    /// How well the values can be what `target` wants, from 0 to 1.
    fn fits(&self, target: Target) -> f64 {
        if self.filled == 0.0 {
            // An empty column is what it is called, where nothing better is.
            let is_main = matches!(target, Target::Instruction | Target::Response);
            return if is_main { EMPTY } else { 0.0 };
        }
        let texts = self.share(self.texts);
        let numbers = self.share(self.numbers);
        let conversations = self.share(self.conversations);
        match target {
            Target::Messages => conversations,
            Target::Instruction => texts + conversations,
            Target::Response | Target::Chosen | Target::Rejected => {
                texts + 0.8 * numbers + conversations
            }
            Target::Instances => self.share(self.lists + self.conversations),
            Target::MarkedText => self.share(self.marked),
            Target::Topic | Target::Perspective | Target::Model => {
                texts + numbers + self.share(self.lists)
            }
            Target::Input | Target::System | Target::Reasoning => texts,
            Target::Unused | Target::Metadata => 0.0,
        }
    }
}

pub(crate) fn is_conversation(value: &Value) -> bool {
    use crate::conversation::Flaw;
    let is_list_of_objects = match value {
        Value::Array(items) => items.iter().all(|item| item.is_object() || item.is_array()),
        Value::Object(_) => true,
        _ => false,
    };
    // One that can't be reviewed is a conversation all the same.
    is_list_of_objects
        && (Conversation::read(value) != Err(Flaw::NoMessages) || lone_answer(value).is_some())
}

/// A name as names are compared.
pub(crate) fn plain(name: &str) -> String {
    name.trim()
        .chars()
        .filter(|c| !matches!(c, '_' | '-' | ' ' | '.'))
        .flat_map(char::to_lowercase)
        .collect()
}

/// Words of a name: `input_text`, `inputText` and `input text` have two.
fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut was_lower = false;
    for c in name.chars() {
        if matches!(c, '_' | '-' | ' ' | '.' | '/') || (was_lower && c.is_uppercase()) {
            words.push(String::new());
        }
        was_lower = c.is_lowercase();
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

/// How well a name says `target`, from 0 to 1.
fn name_score(name: &str, target: Target) -> f64 {
    let names = NAMES
        .iter()
        .find(|(of, _)| *of == target)
        .map_or(&[][..], |(_, names)| names);
    let whole = plain(name);
    // The order of the names breaks ties, as `instruction` beside `prompt`; it never makes a choice doubtful.
    let rank = |at: usize| 1.0 - at as f64 * 0.001;
    if let Some(at) = names.iter().position(|one| *one == whole) {
        return rank(at);
    }
    let words = words(name);
    names
        .iter()
        .position(|one| words.iter().any(|word| word == one))
        .map_or(0.0, |at| PART * rank(at))
}

/// Columns of a table with what is known of them.
struct Table<'a> {
    names: &'a [String],
    evidence: Vec<Evidence>,
}

/// The best column for a use.
#[derive(Clone, Copy)]
struct Best {
    column: usize,
    score: f64,
    /// Score of the next one.
    second: f64,
}

impl Best {
    fn is_clear(self) -> bool {
        self.score > 0.9 && self.second < self.score - CLOSE
    }
}

impl Table<'_> {
    fn score(&self, column: usize, target: Target) -> f64 {
        let Some((name, evidence)) = self.names.get(column).zip(self.evidence.get(column)) else {
            return 0.0;
        };
        name_score(name, target) * evidence.fits(target)
    }

    /// The best column for `target` among those that are not `taken`.
    fn best(&self, target: Target, taken: &[usize]) -> Option<Best> {
        let mut scores: Vec<(usize, f64)> = (0..self.names.len())
            .filter(|column| !taken.contains(column))
            .map(|column| (column, self.score(column, target)))
            .filter(|(_, score)| *score >= LEAST)
            .collect();
        scores.sort_by(|a, b| b.1.total_cmp(&a.1));
        let (column, score) = *scores.first()?;
        // A second name of the list beside the first (`prompt` beside `instruction`) is doubtful only if it is filled
        // as well and no other use claims it.
        let second = scores.get(1).map_or(0.0, |(_, score)| *score);
        Some(Best {
            column,
            score,
            second,
        })
    }

    fn set(&self, mapping: &mut Mapping, column: usize, target: Target) {
        if let Some(name) = self.names.get(column) {
            mapping.set(name, target);
        }
    }
}

/// Guesses the mapping from names and up to [`SAMPLE_ROWS`] rows.
pub fn guess(names: &[String], rows: &[Row]) -> Guess {
    let evidence = (0..names.len())
        .map(|column| {
            Evidence::of(
                rows.iter()
                    .map(move |row| row.cells.get(column).unwrap_or(&Value::Null)),
            )
        })
        .collect();
    let table = Table { names, evidence };
    let mut found = Guess {
        mapping: Mapping {
            columns: names
                .iter()
                .map(|name| (name.clone(), Target::Unused))
                .collect(),
            ..Mapping::default()
        },
        is_sure: false,
    };
    let taken = table.main(&mut found);
    table.beside(&mut found.mapping, taken);
    found
}

impl Table<'_> {
    /// Sets the columns that a record is made of; gives them back.
    fn main(&self, found: &mut Guess) -> Vec<usize> {
        let chosen = self.best(Target::Chosen, &[]);
        let rejected = self.best(Target::Rejected, &[]);
        if let (Some(chosen), Some(rejected)) = (chosen, rejected) {
            return self.preference(found, chosen, rejected);
        }
        if let Some(messages) = self.best(Target::Messages, &[]) {
            self.set(&mut found.mapping, messages.column, Target::Messages);
            found.is_sure = messages.is_clear();
            return vec![messages.column];
        }
        let instruction = self.best(Target::Instruction, &[]);
        if let (Some(instruction), Some(instances)) =
            (instruction, self.best(Target::Instances, &[]))
        {
            self.set(&mut found.mapping, instruction.column, Target::Instruction);
            self.set(&mut found.mapping, instances.column, Target::Instances);
            found.is_sure = instances.is_clear();
            return vec![instruction.column, instances.column];
        }
        if let Some(instruction) = instruction {
            return self.pair(found, instruction);
        }
        self.by_values(found)
    }

    fn preference(&self, found: &mut Guess, chosen: Best, rejected: Best) -> Vec<usize> {
        let mut taken = vec![chosen.column, rejected.column];
        self.set(&mut found.mapping, chosen.column, Target::Chosen);
        self.set(&mut found.mapping, rejected.column, Target::Rejected);
        found.is_sure = chosen.is_clear() && rejected.is_clear();
        // A conversation that ends with the user can be what both answer.
        let prompt = self
            .best(Target::Instruction, &taken)
            .or_else(|| self.best(Target::Messages, &taken));
        if let Some(instruction) = prompt {
            self.set(&mut found.mapping, instruction.column, Target::Instruction);
            taken.push(instruction.column);
        } else {
            let brings_it = |column: usize| {
                self.evidence.get(column).is_some_and(|evidence| {
                    evidence.share(evidence.conversations + evidence.marked) > 0.9
                })
            };
            found.is_sure &= taken.iter().all(|column| brings_it(*column));
        }
        taken
    }

    fn pair(&self, found: &mut Guess, instruction: Best) -> Vec<usize> {
        let mut taken = vec![instruction.column];
        let response = self.best(Target::Response, &taken);
        self.set(&mut found.mapping, instruction.column, Target::Instruction);
        // `input` is what belongs to an instruction, if there is one under another name.
        let rivals = self.rivals(Target::Instruction, &taken, response);
        let Some(response) = response else {
            let marked = self.marked();
            if let Some(column) = marked {
                found
                    .mapping
                    .columns
                    .iter_mut()
                    .for_each(|one| one.1 = Target::Unused);
                self.set(&mut found.mapping, column, Target::MarkedText);
                found.is_sure = true;
                return vec![column];
            }
            // Instructions alone may be what is meant, or the answers have a name nobody knows.
            found.is_sure = instruction.score > 0.9 && rivals == 0 && self.texts(&taken) == 0;
            return taken;
        };
        self.set(&mut found.mapping, response.column, Target::Response);
        taken.push(response.column);
        let other_answers = self.rivals(Target::Response, &taken, None);
        let is_answer = response.score > 0.7 || self.is_empty(response.column);
        found.is_sure = instruction.score > 0.9 && is_answer && rivals == 0 && other_answers == 0;
        taken
    }

    /// Columns that could be `target` as well, and nothing else.
    fn rivals(&self, target: Target, taken: &[usize], response: Option<Best>) -> usize {
        (0..self.names.len())
            .filter(|column| !taken.contains(column))
            .filter(|column| response.is_none_or(|response| response.column != *column))
            .filter(|column| self.score(*column, target) > 1.0 - CLOSE)
            .filter(|column| {
                let other = [
                    Target::Input,
                    Target::System,
                    Target::Reasoning,
                    Target::Topic,
                    Target::Model,
                ];
                !other.iter().any(|one| self.score(*column, *one) > 0.5)
            })
            .filter(|column| !self.is_weak(*column))
            .count()
    }

    fn is_empty(&self, column: usize) -> bool {
        self.evidence
            .get(column)
            .is_some_and(|evidence| evidence.filled == 0.0)
    }

    /// Names that say something else beside a better one: `label`, `text`, `user`, `summary`.
    fn is_weak(&self, column: usize) -> bool {
        self.names.get(column).is_some_and(|name| {
            matches!(
                plain(name).as_str(),
                "label"
                    | "text"
                    | "user"
                    | "human"
                    | "task"
                    | "goal"
                    | "target"
                    | "chosen"
                    | "summary"
            )
        })
    }

    /// Columns of texts that are not taken and are no labels.
    fn texts(&self, taken: &[usize]) -> usize {
        self.evidence
            .iter()
            .enumerate()
            .filter(|(column, evidence)| {
                !taken.contains(column)
                    && evidence.share(evidence.texts) > 0.5
                    && evidence.median_chars > 20
            })
            .count()
    }

    fn marked(&self) -> Option<usize> {
        self.evidence
            .iter()
            .position(|evidence| evidence.fits(Target::MarkedText) > 0.8)
    }

    /// No name is known: values alone.
    fn by_values(&self, found: &mut Guess) -> Vec<usize> {
        if let Some(column) = self
            .evidence
            .iter()
            .position(|evidence| evidence.fits(Target::Messages) > 0.8)
        {
            self.set(&mut found.mapping, column, Target::Messages);
            return vec![column];
        }
        if let Some(column) = self.marked() {
            self.set(&mut found.mapping, column, Target::MarkedText);
            found.is_sure = self.texts(&[column]) == 0;
            return vec![column];
        }
        let mut texts: Vec<(usize, f64)> = self
            .evidence
            .iter()
            .enumerate()
            .filter(|(_, evidence)| {
                evidence.share(evidence.texts) > 0.5 && evidence.distinct > 0.5 * evidence.filled
            })
            .map(|(column, evidence)| (column, evidence.share(evidence.questions)))
            .collect();
        // Questions first; among equals the order of the table.
        texts.sort_by(|a, b| b.1.total_cmp(&a.1));
        let mut taken = Vec::new();
        for (target, (column, _)) in [Target::Instruction, Target::Response].iter().zip(&texts) {
            self.set(&mut found.mapping, *column, *target);
            taken.push(*column);
        }
        taken
    }

    /// Sets what stands beside the record's texts.
    fn beside(&self, mapping: &mut Mapping, mut taken: Vec<usize>) {
        let has = |mapping: &Mapping, target| mapping.column(target).is_some();
        let has_instruction = has(mapping, Target::Instruction) && !has(mapping, Target::Instances);
        let mut wanted = vec![
            Target::Reasoning,
            Target::System,
            Target::Topic,
            Target::Perspective,
            Target::Model,
        ];
        if has_instruction {
            wanted.insert(0, Target::Input);
        }
        for target in wanted {
            while let Some(best) = self.best(target, &taken) {
                // Only whole names: `source_url` is no passage.
                if best.score < 0.7 {
                    break;
                }
                self.set(mapping, best.column, target);
                taken.push(best.column);
                if !target.is_shared() {
                    break;
                }
            }
        }
    }
}
