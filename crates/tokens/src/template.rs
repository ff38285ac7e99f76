//! Chat templates: Jinja as `transformers` runs it, with a limit on work.

use crate::marks::Marks;
use crate::tokenizer::{USER_DEFINED, is_mark};
use crate::{Error, Part, Vocabulary};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Value};
use minijinja::{Environment, ErrorKind, context};

/// Instructions that a template may take: far more than any honest one.
const FUEL: u64 = 2_000_000;
/// Breaks up what looks like a control token in a message. A noncharacter: no text holds it that was not made to.
const MARK: char = '\u{fdd0}';

/// A message, as templates see it.
#[derive(Debug, Clone)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: String,
    /// The text.
    pub content: String,
}

/// A model's chat template.
#[derive(Debug)]
pub struct Template {
    environment: Environment<'static>,
    /// Texts of tokens that must not come from a message.
    marks: Marks,
    /// The control tokens of them.
    control: Marks,
    bos: String,
    eos: String,
    unknown: String,
}

impl Template {
    /// Reads a template. `date` (`YYYY-MM-DD`) is today for templates that insert it.
    ///
    /// # Errors
    /// Its syntax is wrong.
    pub fn new(source: &str, vocabulary: &Vocabulary, date: &str) -> Result<Self, Error> {
        let wrong = |error: minijinja::Error| Error::Template(error.to_string());
        let mut environment = Environment::new();
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .build()
            .map_err(wrong)?;
        environment.set_syntax(syntax);
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(64);
        environment
            .set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
        environment.add_function(
            "raise_exception",
            |text: String| -> Result<Value, minijinja::Error> {
                Err(minijinja::Error::new(ErrorKind::InvalidOperation, text))
            },
        );
        let date = date.to_owned();
        environment.add_function("strftime_now", move |format: String| dated(&format, &date));
        environment.add_filter("tojson", to_json);
        environment
            .add_template_owned("chat", source.to_owned())
            .map_err(wrong)?;
        let text = |id: Option<u32>| {
            id.and_then(|id| vocabulary.tokens.get(id as usize))
                .cloned()
                .unwrap_or_default()
        };
        let marks = |kinds: fn(u8) -> bool| {
            Marks::new(
                vocabulary
                    .tokens
                    .iter()
                    .zip(&vocabulary.kinds)
                    .filter(|(token, kind)| is_mark(**kind, token) && kinds(**kind))
                    .map(|(token, _)| (token.as_str(), 0)),
            )
        };
        Ok(Self {
            environment,
            marks: marks(|_| true),
            control: marks(|kind| kind != USER_DEFINED),
            bos: text(vocabulary.bos),
            eos: text(vocabulary.eos),
            unknown: text(vocabulary.unknown),
        })
    }

    /// The text for `messages`, in parts. Control tokens are to be matched within each part, never across two
    /// ([`crate::Tokenizer::encode_parts`]).
    ///
    /// What reads like a control token in a message is broken: a noncharacter is put after its first letter, and around
    /// the message's words, so that nothing grows together with the template's own text. Templates can move, trim and
    /// split messages, and the marks go with them; where one is printed, a part ends. Anything that stands for the
    /// message (a placeholder) would change what templates do with it; these marks do only if a template looks for the
    /// very texts that they break. So the outcome is compared with that of the messages as they are, and if it differs,
    /// fewer marks are tried: without those around the words (templates that ask how a message begins), then without
    /// those in user-defined tokens of the assistant's messages (Qwen3 removes its earlier thoughts by `</think>`).
    /// Control tokens stay broken whatever the template does.
    ///
    /// # Errors
    /// The template refuses the messages, or does not end.
    pub fn render(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<Vec<Part>, Error> {
        let plain: Vec<Message> = messages
            .iter()
            .map(|one| Message {
                role: without_marks(&one.role),
                content: without_marks(&one.content),
            })
            .collect();
        let wanted = self.text(&plain, add_generation_prompt)?;
        let mut last = None;
        for care in [Care::Full, Care::Words, Care::Control] {
            let broken: Vec<Message> = plain
                .iter()
                .map(|one| Message {
                    role: broken(&one.role, &self.marks),
                    content: match care {
                        Care::Full => bordered(&broken(&one.content, &self.marks)),
                        Care::Control if one.role == "assistant" => {
                            broken(&one.content, &self.control)
                        }
                        Care::Words | Care::Control => broken(&one.content, &self.marks),
                    },
                })
                .collect();
            // A template may refuse marks where it looks for a text; what it says then is not about the message.
            let Ok(text) = self.text(&broken, add_generation_prompt) else {
                continue;
            };
            if without_marks(&text) == wanted {
                return Ok(parts(&text));
            }
            if last.is_none() || matches!(care, Care::Words) {
                last = Some(text);
            }
        }
        last.map(|text| parts(&text)).ok_or_else(|| {
            Error::Template("it can't be used with texts of control tokens in messages".to_owned())
        })
    }

    fn text(&self, messages: &[Message], add_generation_prompt: bool) -> Result<String, Error> {
        let messages: Vec<Value> = messages
            .iter()
            .map(|one| {
                Value::from_pairs([("role", one.role.clone()), ("content", one.content.clone())])
            })
            .collect();
        self.environment
            .get_template("chat")
            .and_then(|template| {
                template.render(context! {
                    messages => messages,
                    add_generation_prompt,
                    bos_token => self.bos.clone(),
                    eos_token => self.eos.clone(),
                    unk_token => self.unknown.clone(),
                    // `transformers` sets both, so that templates may ask whether they are none.
                    tools => (),
                    documents => (),
                    // Rows want answers, not thoughts.
                    enable_thinking => false,
                })
            })
            .map_err(|error| match error.kind() {
                ErrorKind::OutOfFuel => Error::Template("it does not come to an end".to_owned()),
                _ => Error::Template(
                    error
                        .detail()
                        .map_or_else(|| error.to_string(), str::to_owned),
                ),
            })
    }
}

/// How far messages are guarded.
#[derive(Debug, Clone, Copy)]
enum Care {
    /// Marks in all that reads like a control token, and around the words.
    Full,
    /// Only in what reads like a control token.
    Words,
    /// The same, but user-defined tokens of the assistant's messages stay whole.
    Control,
}

fn parts(text: &str) -> Vec<Part> {
    text.split(MARK)
        .map(|text| Part {
            text: text.to_owned(),
            is_template: true,
        })
        .collect()
}

fn without_marks(text: &str) -> String {
    text.chars().filter(|c| *c != MARK).collect()
}

/// Puts a mark after the first letter of everything that `marks` has, overlapping ones too.
fn broken(text: &str, marks: &Marks) -> String {
    let mut out = String::with_capacity(text.len());
    let mut from = 0;
    while let Some((at, _, _)) = marks.next(text, from) {
        let after = at + text[at..].chars().next().map_or(1, char::len_utf8);
        out.push_str(&text[from..after]);
        out.push(MARK);
        from = after;
    }
    out.push_str(&text[from..]);
    out
}

/// Puts marks around the words: inside the blanks at both ends, which templates trim.
fn bordered(text: &str) -> String {
    let words = text.trim();
    if words.is_empty() {
        return text.to_owned();
    }
    let (before, rest) = text.split_at(text.len() - text.trim_start().len());
    let (words, after) = rest.split_at(words.len());
    format!("{before}{MARK}{words}{MARK}{after}")
}

/// The parts of `strftime` that templates use, at midnight of `date` (`YYYY-MM-DD`).
fn dated(format: &str, date: &str) -> Result<String, minijinja::Error> {
    const MONTHS: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let wrong = |text: String| minijinja::Error::new(ErrorKind::InvalidOperation, text);
    let mut numbers = date.splitn(3, '-').map(|part| part.parse::<usize>().ok());
    let (Some(Some(year)), Some(Some(month)), Some(Some(day))) =
        (numbers.next(), numbers.next(), numbers.next())
    else {
        return Err(wrong(format!("{date:?} is not a date")));
    };
    let name = MONTHS
        .get(month.wrapping_sub(1))
        .ok_or_else(|| wrong(format!("{date:?} is not a date")))?;
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let part = match rest.next() {
            Some('Y') => format!("{year:04}"),
            Some('y') => format!("{:02}", year % 100),
            Some('m') => format!("{month:02}"),
            Some('d') => format!("{day:02}"),
            Some('B') => (*name).to_owned(),
            Some('b') => name[..3].to_owned(),
            Some('F') => format!("{year:04}-{month:02}-{day:02}"),
            Some('H' | 'M' | 'S') => "00".to_owned(),
            Some('%') => "%".to_owned(),
            other => {
                let other = other.map(String::from).unwrap_or_default();
                return Err(wrong(format!("it asks for a date as “%{other}”")));
            }
        };
        out.push_str(&part);
    }
    Ok(out)
}

/// As Python's `json.dumps(value, ensure_ascii=False, indent=indent)`.
fn to_json(value: Value, kwargs: Kwargs) -> Result<Value, minijinja::Error> {
    let indent: Option<usize> = kwargs.get("indent")?;
    let _ = kwargs.get::<Option<bool>>("ensure_ascii")?;
    let wrong = |error: std::fmt::Error| {
        minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string())
    };
    let mut out = String::new();
    dump(&value, indent, 0, &mut out).map_err(wrong)?;
    Ok(Value::from_safe_string(out))
}

fn dump(value: &Value, indent: Option<usize>, depth: usize, out: &mut String) -> std::fmt::Result {
    use minijinja::value::ValueKind;
    use std::fmt::Write as _;
    let line = |out: &mut String, depth: usize| {
        if let Some(width) = indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', width * depth));
        }
    };
    match value.kind() {
        ValueKind::Undefined | ValueKind::None => out.push_str("null"),
        ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
        ValueKind::Number => write!(out, "{value}")?,
        ValueKind::Seq | ValueKind::Iterable => {
            out.push('[');
            let mut is_empty = true;
            for (i, item) in value.try_iter().into_iter().flatten().enumerate() {
                is_empty = false;
                if i > 0 {
                    out.push_str(if indent.is_some() { "," } else { ", " });
                }
                line(out, depth + 1);
                dump(&item, indent, depth + 1, out)?;
            }
            if !is_empty {
                line(out, depth);
            }
            out.push(']');
        }
        ValueKind::Map => {
            out.push('{');
            let mut is_empty = true;
            for (i, key) in value.try_iter().into_iter().flatten().enumerate() {
                is_empty = false;
                if i > 0 {
                    out.push_str(if indent.is_some() { "," } else { ", " });
                }
                line(out, depth + 1);
                quote(&key.to_string(), out)?;
                out.push_str(": ");
                dump(
                    &value.get_item(&key).unwrap_or_default(),
                    indent,
                    depth + 1,
                    out,
                )?;
            }
            if !is_empty {
                line(out, depth);
            }
            out.push('}');
        }
        _ => quote(&value.to_string(), out)?,
    }
    Ok(())
}

fn quote(text: &str, out: &mut String) -> std::fmt::Result {
    use std::fmt::Write as _;
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if (c as u32) < 0x20 => write!(out, "\\u{:04x}", c as u32)?,
            c => out.push(c),
        }
    }
    out.push('"');
    Ok(())
}
