//! Chat templates: Jinja as `transformers` runs it, with a limit on work.

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
    marks: Vec<String>,
    bos: String,
    eos: String,
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
        let mut marks: Vec<String> = vocabulary
            .tokens
            .iter()
            .zip(&vocabulary.kinds)
            .filter(|(token, kind)| matches!(kind, 3 | 4) && token.chars().nth(1).is_some())
            .map(|(token, _)| token.clone())
            .collect();
        marks.sort_by_key(|text| std::cmp::Reverse(text.len()));
        Ok(Self {
            environment,
            marks,
            bos: text(vocabulary.bos),
            eos: text(vocabulary.eos),
        })
    }

    /// The text for `messages`, in parts. A mark is put into everything in a message that reads like a control token,
    /// right after its first letter; templates move and trim messages but do not look for such texts, so what they print
    /// is the same but for the marks, and at each mark a part ends. The tokenizer matches control tokens within parts
    /// only.
    ///
    /// # Errors
    /// The template refuses the messages, or does not end.
    pub fn render(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<Vec<Part>, Error> {
        let messages: Vec<Value> = messages
            .iter()
            .map(|one| {
                Value::from_pairs([
                    ("role", one.role.clone()),
                    ("content", self.disarm(&one.content)),
                ])
            })
            .collect();
        let template = self
            .environment
            .get_template("chat")
            .map_err(|error| Error::Template(error.to_string()))?;
        let text = template
            .render(context! {
                messages => messages,
                add_generation_prompt,
                bos_token => self.bos.clone(),
                eos_token => self.eos.clone(),
                // Rows want answers, not thoughts.
                enable_thinking => false,
            })
            .map_err(|error| match error.kind() {
                ErrorKind::OutOfFuel => Error::Template("it does not come to an end".to_owned()),
                _ => Error::Template(
                    error
                        .detail()
                        .map_or_else(|| error.to_string(), str::to_owned),
                ),
            })?;
        Ok(text
            .split(MARK)
            .map(|text| Part {
                text: text.to_owned(),
                is_template: true,
            })
            .collect())
    }

    fn disarm(&self, content: &str) -> String {
        let mut text: String = content.chars().filter(|c| *c != MARK).collect();
        if !self.marks.iter().any(|mark| text.contains(mark.as_str())) {
            return text;
        }
        for mark in &self.marks {
            let Some(first) = mark.chars().next() else {
                continue;
            };
            let mut cut = mark.clone();
            cut.insert(first.len_utf8(), MARK);
            text = text.replace(mark.as_str(), &cut);
        }
        text
    }
}

/// The parts of `strftime` that templates use.
fn dated(format: &str, date: &str) -> String {
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
    let mut parts = date.splitn(3, '-');
    let (year, month, day) = (
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
        parts.next().unwrap_or_default(),
    );
    let name = month
        .parse::<usize>()
        .ok()
        .and_then(|month| MONTHS.get(month.wrapping_sub(1)))
        .copied()
        .unwrap_or_default();
    format
        .replace("%Y", year)
        .replace("%m", month)
        .replace("%d", day)
        .replace("%B", name)
        .replace("%b", name.get(..3).unwrap_or_default())
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
            for (i, item) in value.try_iter().into_iter().flatten().enumerate() {
                if i > 0 {
                    out.push_str(if indent.is_some() { "," } else { ", " });
                }
                line(out, depth + 1);
                dump(&item, indent, depth + 1, out)?;
            }
            line(out, depth);
            out.push(']');
        }
        ValueKind::Map => {
            out.push('{');
            for (i, key) in value.try_iter().into_iter().flatten().enumerate() {
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
            line(out, depth);
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
