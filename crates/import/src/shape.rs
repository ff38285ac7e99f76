//! From a row and a mapping to what is stored.

use crate::conversation::{self, Conversation, Flaw};
use crate::guess::plain;
use crate::marks;
use crate::structure::structured;
use crate::table::Row;
use seedbed_core::import::{Answer, InputPlace, Mapping, Shaped, Target};
use seedbed_core::model::Role;
use serde_json::{Map, Value};
use std::fmt;

/// Longest text, in characters: the bound of a record's field.
pub const MOST_CHARS: usize = 100_000;
/// Longest conversation or metadata, in bytes: a record is one line of a part, which has 2 MB.
pub const MOST_BYTES: usize = 1 << 20;

/// Why a row gives no record.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Unfit {
    /// No words in a column.
    NoText {
        /// The column.
        column: String,
    },
    /// A value that is no text where one is wanted.
    NotText {
        /// The column.
        column: String,
    },
    /// A text over [`MOST_CHARS`], or a conversation over [`MOST_BYTES`].
    TooLong {
        /// The column.
        column: String,
    },
    /// No conversation, or none that can be reviewed.
    Conversation {
        /// The column.
        column: String,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// A conversation of several turns that ends with the user.
    Unanswered {
        /// The column.
        column: String,
    },
    /// A text without the marks that split the others.
    NoMarks {
        /// The column.
        column: String,
    },
    /// The two answers are to different questions.
    OtherQuestion,
    /// The two answers are the same.
    SameAnswers,
    /// A letter that was lost before (U+FFFD).
    Damaged {
        /// The column.
        column: String,
    },
}

impl fmt::Display for Unfit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoText { column } => write!(f, "no text in `{column}`"),
            Self::NotText { column } => {
                write!(f, "`{column}` is neither a text nor a conversation")
            }
            Self::TooLong { column } => write!(
                f,
                "the text in `{column}` has more than {MOST_CHARS} characters"
            ),
            Self::Conversation { column, flaw } => write!(f, "`{column}`: {flaw}"),
            Self::Unanswered { column } => {
                write!(f, "the conversation in `{column}` ends without an answer")
            }
            Self::NoMarks { column } => {
                write!(f, "the text in `{column}` has no marks of a conversation")
            }
            Self::OtherQuestion => f.write_str("the two answers are to different questions"),
            Self::SameAnswers => f.write_str("the two answers are the same"),
            Self::Damaged { column } => {
                write!(f, "a letter in `{column}` was lost before (it is �)")
            }
        }
    }
}

/// A mapping for the columns of a reader, looked up once instead of for every row.
#[derive(Clone, Debug)]
pub struct Shaper {
    places: Vec<(usize, String, Target)>,
    input: InputPlace,
    /// Our own files of all records keep topic, perspective and model one level down.
    nested: Vec<(usize, &'static str)>,
}

/// A text or a conversation in a cell.
enum Said {
    Text(String),
    Talk(Conversation),
}

impl Shaper {
    /// Reads `columns` by `mapping`. Made anew when a reader finds more columns.
    pub fn new(columns: &[String], mapping: &Mapping) -> Self {
        let places = columns
            .iter()
            .enumerate()
            .map(|(at, name)| (at, name.clone(), mapping.target(name)))
            .filter(|(_, _, target)| *target != Target::Unused)
            .collect();
        let nested = columns
            .iter()
            .enumerate()
            .filter_map(|(at, name)| match plain(name).as_str() {
                "cell" => Some((at, "cell")),
                "provenance" => Some((at, "provenance")),
                _ => None,
            })
            .collect();
        Self {
            places,
            input: mapping.input,
            nested,
        }
    }

    /// What a row gives: one record, or one for each of its instances.
    pub fn shape(&self, row: &Row) -> Vec<Result<Shaped, Unfit>> {
        let one = if let (Some(chosen), Some(rejected)) = (
            self.cell(row, Target::Chosen),
            self.cell(row, Target::Rejected),
        ) {
            self.preference(row, chosen, rejected)
        } else if let Some((column, value)) = self.cell(row, Target::Messages) {
            self.conversation(row, column, value)
        } else if let Some((column, value)) = self.cell(row, Target::MarkedText) {
            self.marked(row, column, value)
        } else if let Some(instances) = self.cell(row, Target::Instances) {
            return self.instances(row, instances);
        } else {
            self.pair(row)
        };
        vec![one]
    }

    fn cell<'a>(&'a self, row: &'a Row, target: Target) -> Option<(&'a str, &'a Value)> {
        self.places
            .iter()
            .find(|(_, _, one)| *one == target)
            .map(|(at, name, _)| (name.as_str(), row.cells.get(*at).unwrap_or(&Value::Null)))
    }

    fn conversation(&self, row: &Row, column: &str, value: &Value) -> Result<Shaped, Unfit> {
        let talk = Conversation::read(&structured(value)).map_err(|flaw| Unfit::Conversation {
            column: column.to_owned(),
            flaw,
        })?;
        self.of_talk(row, column, talk)
    }

    fn marked(&self, row: &Row, column: &str, value: &Value) -> Result<Shaped, Unfit> {
        let text = scalar(column, value)?;
        let talk = marks::read(&text)
            .ok_or_else(|| Unfit::NoMarks {
                column: column.to_owned(),
            })?
            .map_err(|flaw| Unfit::Conversation {
                column: column.to_owned(),
                flaw,
            })?;
        self.of_talk(row, column, talk)
    }

    fn of_talk(&self, row: &Row, column: &str, talk: Conversation) -> Result<Shaped, Unfit> {
        let talk = talk.with_system(&self.optional(row, Target::System)?);
        let reasoning = talk.reasoning.clone();
        let question = talk.question().to_owned();
        let answer = answer_of(column, talk)?;
        let mut shaped = self.beside(row, question, answer)?;
        if !reasoning.is_empty() {
            shaped.reasoning = reasoning;
        }
        checked(column, column, shaped)
    }

    /// An instruction with what belongs to it; its answer, if there is one.
    fn pair(&self, row: &Row) -> Result<Shaped, Unfit> {
        let (asked_in, asked) = self
            .cell(row, Target::Instruction)
            .unwrap_or(("instruction", &Value::Null));
        let (answered_in, answered) = self
            .cell(row, Target::Response)
            .unwrap_or(("response", &Value::Null));
        let asked = self.with_input(row, said(asked_in, asked)?)?;
        let answered = match said(answered_in, answered)? {
            Said::Talk(talk) => Said::Text(last_answer(answered_in, &talk)?),
            text @ Said::Text(_) => text,
        };
        let Said::Text(answer) = answered else {
            return Err(Unfit::NotText {
                column: answered_in.to_owned(),
            });
        };
        let shaped = self.exchange(row, asked_in, asked, answer)?;
        checked(asked_in, answered_in, shaped)
    }

    /// One question, or a conversation that ends with one, and a text that answers it.
    fn exchange(
        &self,
        row: &Row,
        asked_in: &str,
        asked: Said,
        answer: String,
    ) -> Result<Shaped, Unfit> {
        let system = self.optional(row, Target::System)?;
        let talk = match asked {
            Said::Talk(talk) => talk.with_system(&system),
            Said::Text(text) if text.trim().is_empty() => {
                return Err(Unfit::NoText {
                    column: asked_in.to_owned(),
                });
            }
            Said::Text(text) if system.trim().is_empty() => {
                let answer = trimmed_answer(&answer);
                return self.beside(row, trimmed_question(&text), answer);
            }
            Said::Text(text) => talk([(Role::User, text)], asked_in)?.with_system(&system),
        };
        if answer.trim().is_empty() {
            let question = talk.question().to_owned();
            let answer = answer_of(asked_in, talk)?;
            return self.beside(row, question, answer);
        }
        let turns = talk.turns.into_iter().map(|turn| (turn.role, turn.text));
        let whole = self::talk(turns.chain([(Role::Assistant, answer)]), asked_in)?;
        let question = whole.question().to_owned();
        let answer = answer_of(asked_in, whole)?;
        self.beside(row, question, answer)
    }

    fn preference(
        &self,
        row: &Row,
        (chosen_in, chosen): (&str, &Value),
        (rejected_in, rejected): (&str, &Value),
    ) -> Result<Shaped, Unfit> {
        let chosen = said_or_marked(chosen_in, chosen)?;
        let rejected = said_or_marked(rejected_in, rejected)?;
        let prompt = self
            .cell(row, Target::Instruction)
            .or_else(|| self.cell(row, Target::Messages));
        let asked = match prompt {
            Some((column, value)) => Some((column, self.with_input(row, said(column, value)?)?)),
            None => None,
        };
        let shape = |said: Said, column: &str| -> Result<Shaped, Unfit> {
            match (said, &asked) {
                // A whole conversation brings its question along.
                (Said::Talk(talk), _) => self.of_talk(row, column, talk),
                (Said::Text(text), Some((asked_in, asked))) => {
                    self.exchange(row, asked_in, asked.again(), text)
                }
                (Said::Text(_), None) => Err(Unfit::NoText {
                    column: "instruction".to_owned(),
                }),
            }
        };
        let mut shaped = shape(chosen, chosen_in)?;
        let other = shape(rejected, rejected_in)?;
        for (answer, column) in [(&shaped.answer, chosen_in), (&other.answer, rejected_in)] {
            if *answer == Answer::None {
                return Err(Unfit::NoText {
                    column: column.to_owned(),
                });
            }
        }
        if other.instruction != shaped.instruction {
            return Err(Unfit::OtherQuestion);
        }
        if other.answer == shaped.answer {
            return Err(Unfit::SameAnswers);
        }
        let other = checked(rejected_in, rejected_in, other)?;
        shaped.rejected = Some(other.answer);
        checked(chosen_in, chosen_in, shaped)
    }

    /// Self-Instruct: an instruction with a list of inputs and outputs.
    fn instances(&self, row: &Row, (column, value): (&str, &Value)) -> Vec<Result<Shaped, Unfit>> {
        let value = structured(value);
        let Some(instances) = value.as_array().filter(|list| !list.is_empty()) else {
            return vec![Err(Unfit::NoText {
                column: column.to_owned(),
            })];
        };
        let Some((asked_in, asked)) = self.cell(row, Target::Instruction) else {
            return vec![Err(Unfit::NoText {
                column: "instruction".to_owned(),
            })];
        };
        instances
            .iter()
            .map(|instance| {
                let of = |names: &[&str]| {
                    names
                        .iter()
                        .find_map(|name| instance.get(name))
                        .unwrap_or(&Value::Null)
                };
                let asked = scalar(asked_in, asked)?;
                let input = scalar(column, of(&["input", "context"]))?;
                let answer = scalar(column, of(&["output", "response", "answer"]))?;
                let asked = Said::Text(joined(&asked, &input, self.input));
                let shaped = self.exchange(row, asked_in, asked, answer)?;
                checked(asked_in, column, shaped)
            })
            .collect()
    }

    fn with_input(&self, row: &Row, asked: Said) -> Result<Said, Unfit> {
        let Said::Text(mut text) = asked else {
            return Ok(asked);
        };
        for (at, column, _) in self
            .places
            .iter()
            .filter(|(_, _, target)| *target == Target::Input)
        {
            let input = scalar(column, row.cells.get(*at).unwrap_or(&Value::Null))?;
            text = joined(&text, &input, self.input);
        }
        Ok(Said::Text(text))
    }

    fn optional(&self, row: &Row, target: Target) -> Result<String, Unfit> {
        self.cell(row, target)
            .map_or(Ok(String::new()), |(column, value)| scalar(column, value))
    }

    /// The record with what stands beside its texts.
    fn beside(&self, row: &Row, instruction: String, answer: Answer) -> Result<Shaped, Unfit> {
        let label = |target: Target, outer: &str, inner: &str| {
            let own = self.cell(row, target).map(|(_, value)| label(value));
            own.filter(|own| !own.is_empty()).unwrap_or_else(|| {
                self.nested
                    .iter()
                    .filter(|(_, name)| *name == outer)
                    .filter_map(|(at, _)| row.cells.get(*at)?.get(inner))
                    .map(label)
                    .next()
                    .unwrap_or_default()
            })
        };
        let mut metadata = Map::new();
        for (at, name, target) in &self.places {
            let cell = row.cells.get(*at).unwrap_or(&Value::Null);
            if *target == Target::Metadata && !cell.is_null() {
                metadata.insert(name.clone(), cell.clone());
            }
        }
        Ok(Shaped {
            instruction,
            answer,
            rejected: None,
            reasoning: self.optional(row, Target::Reasoning)?.trim().to_owned(),
            topic: label(Target::Topic, "cell", "topic"),
            perspective: label(Target::Perspective, "cell", "perspective"),
            model: label(Target::Model, "provenance", "model"),
            metadata,
        })
    }
}

impl Said {
    fn again(&self) -> Self {
        match self {
            Self::Text(text) => Self::Text(text.clone()),
            Self::Talk(talk) => Self::Talk(talk.clone()),
        }
    }
}

fn talk(
    turns: impl IntoIterator<Item = (Role, String)>,
    column: &str,
) -> Result<Conversation, Unfit> {
    Conversation::of(turns).map_err(|flaw| Unfit::Conversation {
        column: column.to_owned(),
        flaw,
    })
}

/// As [`said`], with a conversation in marks as one.
fn said_or_marked(column: &str, value: &Value) -> Result<Said, Unfit> {
    match said(column, value)? {
        Said::Text(text) => match marks::read(&text) {
            Some(Ok(talk)) if talk.is_answered() => Ok(Said::Talk(talk)),
            _ => Ok(Said::Text(text)),
        },
        talk @ Said::Talk(_) => Ok(talk),
    }
}

/// A text, or a conversation as trainers keep prompts and completions.
fn said(column: &str, value: &Value) -> Result<Said, Unfit> {
    let value = structured(value);
    match &*value {
        Value::Array(items) if items.is_empty() => Ok(Said::Text(String::new())),
        // A list of texts is one text in several versions; the first is meant.
        Value::Array(items) if items.iter().all(Value::is_string) => Ok(Said::Text(
            items
                .first()
                .and_then(Value::as_str)
                .unwrap_or_default()
                .to_owned(),
        )),
        Value::Array(_) | Value::Object(_) => {
            let read = match conversation::lone_answer(&value) {
                Some(answer) => answer.map(Said::Text),
                None => Conversation::read(&value).map(Said::Talk),
            };
            read.map_err(|flaw| match flaw {
                Flaw::NoMessages => Unfit::NotText {
                    column: column.to_owned(),
                },
                flaw => Unfit::Conversation {
                    column: column.to_owned(),
                    flaw,
                },
            })
        }
        value => scalar(column, value).map(Said::Text),
    }
}

/// The texts of a row with two columns, checked against the bounds of a record.
fn checked(asked_in: &str, answered_in: &str, shaped: Shaped) -> Result<Shaped, Unfit> {
    if shaped.instruction.trim().is_empty() {
        return Err(Unfit::NoText {
            column: asked_in.to_owned(),
        });
    }
    fits(asked_in, &shaped.instruction)?;
    fits(answered_in, &shaped.reasoning)?;
    match &shaped.answer {
        Answer::None => {}
        Answer::Text(text) => fits(answered_in, text)?,
        Answer::Turns(turns) => {
            let mut bytes = 0;
            for turn in turns {
                fits(answered_in, &turn.text)?;
                bytes += turn.text.len();
            }
            if bytes > MOST_BYTES {
                return Err(Unfit::TooLong {
                    column: answered_in.to_owned(),
                });
            }
        }
    }
    Ok(shaped)
}

fn fits(column: &str, text: &str) -> Result<(), Unfit> {
    // Bytes bound characters from above, so most texts are never counted.
    if text.len() > MOST_CHARS && text.chars().count() > MOST_CHARS {
        return Err(Unfit::TooLong {
            column: column.to_owned(),
        });
    }
    if text.contains('\u{fffd}') {
        return Err(Unfit::Damaged {
            column: column.to_owned(),
        });
    }
    Ok(())
}

/// A conversation as what is stored: a pair where it is one, turns where it is more, and nothing where the user has
/// asked once and nobody has answered.
fn answer_of(column: &str, talk: Conversation) -> Result<Answer, Unfit> {
    if let Some((_, answer)) = talk.pair() {
        return Ok(trimmed_answer(answer));
    }
    if talk.is_answered() {
        return Ok(Answer::Turns(talk.turns));
    }
    let users = talk.turns.iter().filter(|turn| turn.role == Role::User);
    if users.count() == 1 {
        return Ok(Answer::None);
    }
    Err(Unfit::Unanswered {
        column: column.to_owned(),
    })
}

fn last_answer(column: &str, talk: &Conversation) -> Result<String, Unfit> {
    let last = talk.turns.last().filter(|_| talk.is_answered());
    last.map(|turn| turn.text.clone())
        .ok_or_else(|| Unfit::Unanswered {
            column: column.to_owned(),
        })
}

/// Blank space around a question carries nothing.
fn trimmed_question(text: &str) -> String {
    text.trim().to_owned()
}

/// Blank lines around an answer carry nothing, but the indent of its first line may.
fn trimmed_answer(text: &str) -> Answer {
    let text = text.trim_end().trim_start_matches(['\n', '\r']);
    if text.trim().is_empty() {
        Answer::None
    } else {
        Answer::Text(text.to_owned())
    }
}

fn joined(instruction: &str, input: &str, place: InputPlace) -> String {
    let (instruction, input) = (instruction.trim(), input.trim());
    match place {
        _ if input.is_empty() => instruction.to_owned(),
        InputPlace::After => format!("{instruction}\n\n{input}"),
        InputPlace::Before => format!("{input}\n\n{instruction}"),
    }
}

/// A value as text.
fn scalar(column: &str, value: &Value) -> Result<String, Unfit> {
    match value {
        Value::Null => Ok(String::new()),
        Value::String(text) => Ok(text.clone()),
        Value::Bool(flag) => Ok(flag.to_string()),
        Value::Number(number) => Ok(number.to_string()),
        Value::Array(_) | Value::Object(_) => Err(Unfit::NotText {
            column: column.to_owned(),
        }),
    }
}

/// A short text beside the row, e.g. its topic; a list of one counts as its item.
fn label(value: &Value) -> String {
    let value = match value {
        Value::Array(items) => items.first().unwrap_or(&Value::Null),
        value => value,
    };
    let text = scalar("", value).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
