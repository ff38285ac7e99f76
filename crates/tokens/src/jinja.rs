//! Jinja2 as `transformers` sets it up, where minijinja means something else. What its settings don't reach is changed in
//! the template's source, by minijinja's own tokens: so texts, comments and raw blocks stay as they are.

use minijinja::machinery::{Span, Token, tokenize};
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Rest, StringInput, Tuple, Value, ValueKind, from_args};
use minijinja::{Environment, Error, ErrorKind, State, filters};
use minijinja_contrib::pycompat::unknown_method_callback as pycompat;

/// What a template says when it refuses messages (`raise_exception`).
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct Raised(pub(crate) String);

/// An error that says this.
pub(crate) fn wrong(text: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidOperation, text.into())
}

/// Puts a template's source into an environment, as the one named `name`.
pub(crate) fn read(
    environment: &mut Environment<'static>,
    name: &'static str,
    source: &str,
) -> Result<(), Error> {
    let syntax = SyntaxConfig::builder()
        .trim_blocks(true)
        .lstrip_blocks(true)
        .build()?;
    environment.set_syntax(syntax.clone());
    environment.set_unknown_method_callback(method);
    environment.add_function("raise_exception", |text: Value| -> Result<Value, Error> {
        let text = text.to_string();
        Err(wrong(text.clone()).with_source(Raised(text)))
    });
    environment.add_filter("tojson", to_json);
    environment.add_filter("seedbed_looped", looped);
    environment.add_filter("list", |state: &State, value: Value| {
        filters::list(state, looped(value)?)
    });
    environment.add_filter(
        "join",
        |state: &mut State,
         value: Value,
         joiner: Option<StringInput<'_>>,
         attribute: Option<&str>,
         kwargs: Kwargs| filters::join(state, &looped(value)?, joiner, attribute, kwargs),
    );
    environment.add_filter("int", int);
    environment.add_test("iterable", |value: &Value| {
        !value.is_none() && value.try_iter().is_ok()
    });
    environment.add_test("sequence", |value: &Value| {
        matches!(
            value.kind(),
            ValueKind::Undefined | ValueKind::String | ValueKind::Seq | ValueKind::Map
        )
    });
    // Python reads its line ends as one.
    let source = source.replace("\r\n", "\n").replace('\r', "\n");
    environment.add_template_owned(name, rewritten(&source, syntax))
}

/// The source with `generation` blocks as `with` blocks, which have names of their own as well, and loops that fail at none.
fn rewritten(source: &str, syntax: SyntaxConfig) -> String {
    let Ok(tokens) = tokenize(source, false, syntax).collect::<Result<Vec<_>, _>>() else {
        // Reading it tells what is wrong.
        return source.to_owned();
    };
    let mut edits = Vec::new();
    let mut open = Vec::new();
    for (at, (token, _)) in tokens.iter().enumerate() {
        if !matches!(token, Token::BlockStart) {
            continue;
        }
        let Some((Token::Ident(name), span)) = tokens.get(at + 1) else {
            continue;
        };
        let is_alone = matches!(tokens.get(at + 2), Some((Token::BlockEnd, _)));
        match *name {
            "for" => looping(&tokens[at + 2..], &mut edits),
            "with" => open.push("with"),
            "generation" if is_alone => {
                open.push("generation");
                edits.push((range(span), "with"));
            }
            "endwith" if open.pop() != Some("with") => return source.to_owned(),
            "endgeneration" => {
                if open.pop() != Some("generation") {
                    return source.to_owned();
                }
                edits.push((range(span), "endwith"));
            }
            _ => {}
        }
    }
    let mut out = String::with_capacity(source.len() + 32 * edits.len());
    let mut from = 0;
    for (place, text) in edits {
        out.push_str(&source[from..place.start]);
        out.push_str(text);
        from = place.end;
    }
    out.push_str(&source[from..]);
    out
}

fn range(span: &Span) -> std::ops::Range<usize> {
    span.start_offset as usize..span.end_offset as usize
}

/// Puts what a loop goes through, from `in` to `if`, `recursive` or the end of the tag, through [`looped`].
fn looping(tokens: &[(Token<'_>, Span)], edits: &mut Vec<(std::ops::Range<usize>, &'static str)>) {
    let Some(within) = tokens
        .iter()
        .take_while(|(token, _)| !matches!(token, Token::BlockEnd))
        .position(|(token, _)| matches!(token, Token::Ident("in")))
    else {
        return;
    };
    let mut depth = 0_usize;
    let mut last = None;
    for (token, span) in &tokens[within + 1..] {
        match token {
            Token::ParenOpen | Token::BracketOpen | Token::BraceOpen => depth += 1,
            Token::ParenClose | Token::BracketClose | Token::BraceClose => {
                depth = depth.saturating_sub(1);
            }
            Token::BlockEnd => break,
            Token::Ident("if" | "recursive") if depth == 0 => break,
            _ => {}
        }
        last = Some(range(span));
    }
    let (Some(first), Some(last)) = (tokens.get(within + 1), last) else {
        return;
    };
    let start = range(&first.1).start;
    edits.push((start..start, "("));
    edits.push((last.end..last.end, ")|seedbed_looped "));
}

fn looped(value: Value) -> Result<Value, Error> {
    if value.is_none() {
        return Err(wrong(
            "it goes through a list that is not there (“none”), as tools or documents are not here",
        ));
    }
    Ok(value)
}

/// A text that is no number is the default, 0.
fn int(
    state: &State,
    value: &Value,
    default: Option<Value>,
    base: Option<u32>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    let default = match default {
        None => kwargs.get::<Option<Value>>("default")?,
        some => some,
    };
    filters::int(state, value, default.or(Some(Value::from(0))), base, kwargs)
}

/// Methods of Python that pycompat lacks or takes other arguments for.
fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let text = value.as_str();
    match (value.kind(), name) {
        (ValueKind::Map | ValueKind::Seq, "copy") => {
            let () = from_args(args)?;
            return Ok(value.clone());
        }
        (ValueKind::Seq, "index") => {
            let (wanted,): (&Value,) = from_args(args)?;
            return value
                .try_iter()?
                .position(|one| one == *wanted)
                .map(Value::from)
                .ok_or_else(|| wrong("a list lacks what it should have (“index”)"));
        }
        (ValueKind::String, _) => {}
        _ => return pycompat(state, value, name, args),
    }
    let text = text.unwrap_or_default();
    // As Python has it: a text, and where it is found.
    let around = |at: Option<usize>, cut: &str, is_last: bool| {
        let (before, middle, after) = match at {
            Some(at) => (&text[..at], cut, &text[at + cut.len()..]),
            None if is_last => ("", "", text),
            None => (text, "", ""),
        };
        Value::from(Tuple::from([before, middle, after].map(Value::from)))
    };
    Ok(match name {
        "split" => {
            let (cut, most, kwargs): (Option<Value>, Option<i64>, Kwargs) = from_args(args)?;
            let cut = match cut {
                None => kwargs.get("sep")?,
                some => some,
            };
            let most = match most {
                None => kwargs.get("maxsplit")?,
                some => some,
            };
            kwargs.assert_all_used()?;
            let args = [
                cut.unwrap_or_default(),
                Value::from(most.filter(|most| *most >= 0)),
            ];
            return pycompat(state, value, name, &args);
        }
        "rsplit" => {
            let (cut, most): (&str, Option<i64>) = from_args(args)?;
            let parts: Vec<&str> = match most.and_then(|most| usize::try_from(most).ok()) {
                Some(most) if !cut.is_empty() => text.rsplitn(most + 1, cut).collect(),
                None if !cut.is_empty() => text.rsplit(cut).collect(),
                _ => return Err(wrong("a text is cut at nothing")),
            };
            parts.into_iter().rev().map(Value::from).collect()
        }
        "partition" => {
            let (cut,): (&str,) = from_args(args)?;
            around(text.find(cut), cut, false)
        }
        "rpartition" => {
            let (cut,): (&str,) = from_args(args)?;
            around(text.rfind(cut), cut, true)
        }
        "removeprefix" => {
            let (cut,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(cut).unwrap_or(text))
        }
        "removesuffix" => {
            let (cut,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(cut).unwrap_or(text))
        }
        "index" | "rindex" => {
            let (wanted,): (&str,) = from_args(args)?;
            let at = match name {
                "index" => text.find(wanted),
                _ => text.rfind(wanted),
            };
            let at = at.ok_or_else(|| wrong("a text lacks what it should have (“index”)"))?;
            Value::from(text[..at].chars().count())
        }
        "title" => {
            let () = from_args(args)?;
            let mut is_inside = false;
            let mut out = String::with_capacity(text.len());
            for c in text.chars() {
                if is_inside {
                    out.extend(c.to_lowercase());
                } else {
                    out.extend(c.to_uppercase());
                }
                is_inside = c.is_alphabetic();
            }
            Value::from(out)
        }
        _ => return pycompat(state, value, name, args),
    })
}

/// How `tojson` writes.
struct Json {
    is_ascii: bool,
    /// Lines are indented by this.
    indent: Option<String>,
    between: String,
    after_key: String,
    is_sorted: bool,
}

/// As Python's `json.dumps(value, ensure_ascii=…, indent=…, separators=…, sort_keys=…)`, with `transformers`' order of
/// arguments and its defaults.
fn to_json(
    state: &State,
    value: &Value,
    given: Rest<Value>,
    kwargs: Kwargs,
) -> Result<Value, Error> {
    const NAMES: [&str; 4] = ["ensure_ascii", "indent", "separators", "sort_keys"];
    if given.len() > NAMES.len() {
        return Err(wrong("“tojson” has too many arguments"));
    }
    let mut all = [(); 4].map(|()| None);
    for ((slot, name), at) in all.iter_mut().zip(NAMES).zip(0..) {
        *slot = match given.get(at) {
            Some(value) => Some(value.clone()),
            None => kwargs.get(name)?,
        };
    }
    kwargs.assert_all_used()?;
    let [is_ascii, indent, separators, is_sorted] = all;
    let is_set = |value: Option<Value>| value.is_some_and(|value| value.is_true());
    let indent = match indent.filter(|value| !value.is_none()) {
        None => None,
        Some(value) if value.kind() == ValueKind::Bool => {
            Some(" ".repeat(usize::from(value.is_true())))
        }
        Some(value) => Some(match value.as_str() {
            Some(text) => text.to_owned(),
            None => {
                let width: i64 = value.clone().try_into()?;
                // Wider than this is no layout, but a way to fill the memory.
                " ".repeat(width.clamp(0, 64) as usize)
            }
        }),
    };
    let (between, after_key) = match separators.filter(|value| !value.is_none()) {
        None if indent.is_some() => (",".to_owned(), ": ".to_owned()),
        None => (", ".to_owned(), ": ".to_owned()),
        Some(value) => {
            let both: Vec<Value> = value.try_iter()?.collect();
            match both.as_slice() {
                [between, after] => match (between.as_str(), after.as_str()) {
                    (Some(between), Some(after)) => (between.to_owned(), after.to_owned()),
                    _ => return Err(wrong("“tojson” has separators that are no texts")),
                },
                _ => return Err(wrong("“tojson” has other than two separators")),
            }
        }
    };
    let json = Json {
        is_ascii: is_set(is_ascii),
        indent,
        between,
        after_key,
        is_sorted: is_set(is_sorted),
    };
    let mut out = String::new();
    json.write(state, value, 0, &mut out)?;
    Ok(Value::from(out))
}

/// As Python writes numbers: with an exponent where they are long.
fn number(value: &Value, out: &mut String) {
    use std::fmt::Write as _;
    let plain = value.to_string();
    match f64::try_from(value.clone()) {
        Ok(x) if plain.contains('.') && x != 0.0 && !(1e-4..1e16).contains(&x.abs()) => {
            let written = format!("{x:e}");
            let (digits, exponent) = written.split_once('e').unwrap_or((&written, "0"));
            let (sign, exponent) = match exponent.strip_prefix('-') {
                Some(rest) => ('-', rest),
                None => ('+', exponent),
            };
            // Writing to a string does not fail.
            let _ = write!(out, "{digits}e{sign}{exponent:0>2}");
        }
        _ => out.push_str(&plain),
    }
}

impl Json {
    fn line(&self, depth: usize, out: &mut String) {
        if let Some(indent) = &self.indent {
            out.push('\n');
            out.extend(std::iter::repeat_n(indent.as_str(), depth));
        }
    }

    fn write(
        &self,
        state: &State,
        value: &Value,
        depth: usize,
        out: &mut String,
    ) -> Result<(), Error> {
        if depth > 64 {
            return Err(wrong("“tojson” has lists within lists without end"));
        }
        let before = out.len();
        match value.kind() {
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => number(value, out),
            ValueKind::String => self.quote(value.as_str().unwrap_or_default(), out),
            ValueKind::Seq | ValueKind::Iterable => {
                let mut is_empty = true;
                out.push('[');
                for item in value.try_iter()? {
                    if !is_empty {
                        out.push_str(&self.between);
                    }
                    is_empty = false;
                    self.line(depth + 1, out);
                    self.write(state, &item, depth + 1, out)?;
                }
                if !is_empty {
                    self.line(depth, out);
                }
                out.push(']');
            }
            ValueKind::Map => {
                let mut keys: Vec<Value> = value.try_iter()?.collect();
                if self.is_sorted {
                    let is_text = |key: &Value| key.as_str().is_some();
                    if keys.iter().any(is_text) && !keys.iter().all(is_text) {
                        return Err(wrong("“tojson” can't sort keys of several kinds"));
                    }
                    keys.sort();
                }
                out.push('{');
                for (i, key) in keys.iter().enumerate() {
                    if i > 0 {
                        out.push_str(&self.between);
                    }
                    self.line(depth + 1, out);
                    match key.kind() {
                        ValueKind::String => self.quote(key.as_str().unwrap_or_default(), out),
                        ValueKind::None => out.push_str("\"null\""),
                        ValueKind::Bool if key.is_true() => out.push_str("\"true\""),
                        ValueKind::Bool => out.push_str("\"false\""),
                        ValueKind::Number => {
                            out.push('"');
                            number(key, out);
                            out.push('"');
                        }
                        other => return Err(wrong(format!("“tojson” has a key of kind {other}"))),
                    }
                    out.push_str(&self.after_key);
                    self.write(state, &value.get_item(key)?, depth + 1, out)?;
                }
                if !keys.is_empty() {
                    self.line(depth, out);
                }
                out.push('}');
            }
            other => return Err(wrong(format!("“tojson” can't write what is {other}"))),
        }
        state.consume_fuel((out.len() - before) as u64 / 64 + 1)
    }

    fn quote(&self, text: &str, out: &mut String) {
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
                c if c < ' ' || self.is_ascii && !(' '..='~').contains(&c) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}
