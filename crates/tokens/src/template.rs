//! Chat templates: Jinja as `transformers` runs it, with a limit on work.

use crate::jinja::{self, Raised};
use crate::marks::Marks;
use crate::tokenizer::{USER_DEFINED, is_mark, kinds};
use crate::{Error, Part, Vocabulary};
use minijinja::value::Value;
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
        environment.set_fuel(Some(FUEL));
        environment.set_recursion_limit(64);
        let date = date.to_owned();
        environment.add_function("strftime_now", move |format: String| dated(&format, &date));
        jinja::read(&mut environment, "chat", source).map_err(wrong)?;
        let text = |id: Option<u32>| {
            id.and_then(|id| vocabulary.tokens.get(id as usize))
                .cloned()
                .unwrap_or_default()
        };
        let kinds_of_all = kinds(vocabulary);
        let marks = |kinds: fn(u8) -> bool| {
            Marks::new(
                vocabulary
                    .tokens
                    .iter()
                    .zip(&kinds_of_all)
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

    /// The text for `messages` as they are, with nothing broken in them.
    pub(crate) fn text(
        &self,
        messages: &[Message],
        add_generation_prompt: bool,
    ) -> Result<String, Error> {
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
            .map_err(|error| told(&error))
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

/// What an error of a template means.
fn told(error: &minijinja::Error) -> Error {
    if error.kind() == ErrorKind::OutOfFuel {
        return Error::Template("it does not come to an end".to_owned());
    }
    // Filters and macros put their own errors around it.
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(one) = cause {
        if let Some(Raised(text)) = one.downcast_ref() {
            return Error::Refused(text.trim().to_owned());
        }
        cause = one.source();
    }
    Error::Template(
        error
            .detail()
            .map_or_else(|| error.to_string(), str::to_owned),
    )
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

/// `strftime` of C at midnight of `date` (`YYYY-MM-DD`), in English.
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
    const DAYS: [&str; 7] = [
        "Sunday",
        "Monday",
        "Tuesday",
        "Wednesday",
        "Thursday",
        "Friday",
        "Saturday",
    ];
    let no_date = || jinja::wrong(format!("{date:?} is not a date"));
    let numbers: Option<Vec<usize>> = date.splitn(3, '-').map(|one| one.parse().ok()).collect();
    let Some([year, month @ 1..=12, day]) = numbers.as_deref() else {
        return Err(no_date());
    };
    // The calendar begins in March here, so that a leap day is the last of its year.
    let (years, since_march) = match month {
        1 | 2 => (year.checked_sub(1).ok_or_else(no_date)?, month + 9),
        _ => (*year, month - 3),
    };
    let day_number = |years: usize, since_march: usize, day: usize| {
        365 * years + years / 4 - years / 100 + years / 400 + (153 * since_march + 2) / 5 + day
    };
    let number = day_number(years, since_march, *day);
    let weekday = (number + 2) % 7;
    let in_year = match year.checked_sub(1) {
        Some(before) => number + 1 - day_number(before, 10, 1),
        None => return Err(no_date()),
    };
    let (month_name, day_name) = (MONTHS[month - 1], DAYS[weekday]);
    let mut out = String::new();
    let mut rest = format.chars();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut next = rest.next();
        let is_short = next == Some('-');
        if is_short {
            next = rest.next();
        }
        let part = match next {
            Some('Y') => format!("{year:04}"),
            Some('y') => format!("{:02}", year % 100),
            Some('m') => format!("{month:02}"),
            Some('d') => format!("{day:02}"),
            Some('e') => format!("{day:2}"),
            Some('j') => format!("{in_year:03}"),
            Some('B') => month_name.to_owned(),
            Some('b' | 'h') => month_name[..3].to_owned(),
            Some('A') => day_name.to_owned(),
            Some('a') => day_name[..3].to_owned(),
            Some('w') => weekday.to_string(),
            Some('u') => ((weekday + 6) % 7 + 1).to_string(),
            Some('F') => format!("{year:04}-{month:02}-{day:02}"),
            Some('D' | 'x') => format!("{month:02}/{day:02}/{:02}", year % 100),
            Some('H' | 'M' | 'S') => "00".to_owned(),
            Some('I') => "12".to_owned(),
            Some('p') => "AM".to_owned(),
            Some('R') => "00:00".to_owned(),
            Some('T' | 'X') => "00:00:00".to_owned(),
            Some('%') => "%".to_owned(),
            other => {
                let other = other.map(String::from).unwrap_or_default();
                return Err(jinja::wrong(format!("it asks for a date as “%{other}”")));
            }
        };
        if is_short {
            let short = part.trim_start_matches(['0', ' ']);
            out.push_str(if short.is_empty() { "0" } else { short });
        } else {
            out.push_str(&part);
        }
    }
    Ok(out)
}
