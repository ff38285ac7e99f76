//! Where formulas stand in a text, so that prices, code and escapes are left alone.
//!
//! One pass over the source, before Markdown is read: it would eat `\(`, `\\`, `_` and `*`. Code is off limits. A formula
//! is replaced by one character of a private plane, which the reader of Markdown takes for a letter; [`Cut::split`] puts it
//! back. So is a sign that Markdown would swallow although it is no mark there ([`SIGNS`]). `$…$` has a rule of its own ([`is_formula`]), since most dollars in texts are money.

/// Signs that a character stands for where they mean themselves.
const SIGNS: [&str; 7] = ["*", "~", "[", "\\(", "\\)", "\\[", "\\]"];
/// First of the characters that stand for signs, then for formulas.
const FIRST: u32 = 0xf_0000;
/// Formulas that are cut out of a text at most.
const MAX_FORMULAS: usize = 4_000;
/// Longest formula in bytes.
const MAX_TEX: usize = 4_000;
/// Longest formula between single dollars.
const MAX_DOLLAR: usize = 1_000;
/// Environments that are formulas by themselves, also with a star.
const ENVIRONMENTS: [&str; 20] = [
    "equation",
    "align",
    "aligned",
    "alignat",
    "flalign",
    "gather",
    "gathered",
    "multline",
    "eqnarray",
    "split",
    "cases",
    "rcases",
    "array",
    "matrix",
    "pmatrix",
    "bmatrix",
    "Bmatrix",
    "vmatrix",
    "Vmatrix",
    "smallmatrix",
];

/// A formula of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Formula {
    /// As it stands in the text, with its marks.
    pub source: String,
    /// Without its marks.
    pub tex: String,
    /// In a line of its own.
    pub is_display: bool,
    /// Its marks are dollars.
    pub is_dollar: bool,
}

/// A text without its formulas.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// The text, with a character for each formula.
    pub text: String,
    /// The formulas.
    pub formulas: Vec<Formula>,
    /// The text has such characters of its own, and nothing was cut out.
    is_raw: bool,
}

/// What a character of a cut text stands for.
enum Token<'a> {
    Sign(&'static str),
    Formula(&'a Formula),
}

/// A part of a text that was cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// A text.
    Text(String),
    /// A formula.
    Formula(Formula),
}

impl Cut {
    fn token(&self, c: char) -> Option<Token<'_>> {
        let index = u32::from(c).checked_sub(FIRST).filter(|_| !self.is_raw)? as usize;
        // Folded into the table's address, the offset would point before all data, where pieces can't be cut.
        let index = std::hint::black_box(index);
        match SIGNS.get(index) {
            Some(sign) => Some(Token::Sign(sign)),
            None => self.formulas.get(index - SIGNS.len()).map(Token::Formula),
        }
    }

    /// The parts of a piece of the text.
    pub fn split(&self, text: &str) -> Vec<Part> {
        let mut parts = Vec::new();
        let mut before = String::new();
        for c in text.chars() {
            match self.token(c) {
                None => before.push(c),
                Some(Token::Sign(sign)) => before.push_str(sign),
                Some(Token::Formula(formula)) => {
                    if !before.is_empty() {
                        parts.push(Part::Text(std::mem::take(&mut before)));
                    }
                    parts.push(Part::Formula(formula.clone()));
                }
            }
        }
        if !before.is_empty() {
            parts.push(Part::Text(before));
        }
        parts
    }

    /// A piece of the text as it was.
    pub fn whole(&self, text: &str) -> String {
        let mut out = String::with_capacity(text.len());
        for c in text.chars() {
            match self.token(c) {
                None => out.push(c),
                Some(Token::Sign(sign)) => out.push_str(sign),
                Some(Token::Formula(formula)) => out.push_str(&formula.source),
            }
        }
        out
    }
}

/// Cuts the formulas out of `text`, and the signs that Markdown would swallow although they are no marks there.
pub fn cut(text: &str) -> Cut {
    let end = FIRST + (SIGNS.len() + MAX_FORMULAS) as u32;
    if text.chars().any(|c| (FIRST..end).contains(&u32::from(c))) {
        return Cut {
            text: text.to_owned(),
            is_raw: true,
            ..Cut::default()
        };
    }
    let mut scan = Scan {
        text,
        at: 0,
        cut: Cut::default(),
    };
    scan.run();
    scan.cut
}

struct Scan<'a> {
    text: &'a str,
    at: usize,
    cut: Cut,
}

impl<'a> Scan<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn is_line_start(&self) -> bool {
        self.at == 0 || self.text[..self.at].ends_with('\n')
    }

    fn before(&self) -> Option<char> {
        self.text[..self.at].chars().next_back()
    }

    /// Takes `len` bytes over as they are.
    fn copy(&mut self, len: usize) {
        let text = &self.rest()[..len];
        self.cut.text.push_str(text);
        self.at += len;
    }

    /// Takes the sign that stands here so that Markdown does not see it.
    fn keep(&mut self, sign: &str) {
        let known = SIGNS.iter().position(|known| *known == sign);
        match known.and_then(|index| char::from_u32(FIRST + index as u32)) {
            Some(token) => self.cut.text.push(token),
            None => self.cut.text.push_str(sign),
        }
        self.at += sign.len();
    }

    fn run(&mut self) {
        while let Some(c) = self.rest().chars().next() {
            if self.is_line_start() {
                if let Some(len) = fence(self.rest()) {
                    self.copy(len);
                    continue;
                }
                if let Some(len) = definition(self.rest()) {
                    // Markdown would show nothing of it.
                    self.copy(len);
                    self.keep("[");
                }
            }
            match self.rest().chars().next().unwrap_or(c) {
                '`' => {
                    let len = code_span(self.rest());
                    self.copy(len);
                }
                '\\' => self.backslash(),
                '$' => self.dollar(),
                '*' => self.star(),
                '~' => self.tilde(),
                c => self.copy(c.len_utf8()),
            }
        }
    }

    /// Takes the next `len` bytes as a formula of which `marks.0` and `marks.1` bytes are marks; false where there are too
    /// many.
    fn take(&mut self, len: usize, marks: (usize, usize), is_display: bool) -> bool {
        let count = self.cut.formulas.len();
        let source = &self.rest()[..len];
        let tex = &source[marks.0..len - marks.1];
        let token = char::from_u32(FIRST + (SIGNS.len() + count) as u32);
        let Some(token) = token.filter(|_| count < MAX_FORMULAS && !tex.trim().is_empty()) else {
            return false;
        };
        self.cut.formulas.push(Formula {
            source: source.to_owned(),
            tex: tex.trim().to_owned(),
            is_display,
            is_dollar: source.starts_with('$'),
        });
        self.cut.text.push(token);
        self.at += len;
        true
    }

    fn backslash(&mut self) {
        let rest = self.rest();
        let Some(next) = rest[1..].chars().next() else {
            self.copy(1);
            return;
        };
        let found = match next {
            '(' => closing(rest, "\\(", "\\)").map(|len| (len, (2, 2), false)),
            '[' => closing(rest, "\\[", "\\]").map(|len| (len, (2, 2), true)),
            'b' => environment(rest)
                .map(|len| (len, (0, 0), true))
                .or_else(|| boxed(rest).map(|len| (len, (0, 0), false))),
            _ => None,
        };
        if let Some((len, marks, is_display)) = found
            && self.take(len, marks, is_display)
        {
            return;
        }
        if matches!(next, '(' | ')' | '[' | ']') {
            // Without a partner it is what it is; as an escape of Markdown its backslash would be gone.
            self.keep(&rest[..2]);
            return;
        }
        self.copy(1 + next.len_utf8());
    }

    fn dollar(&mut self) {
        let rest = self.rest();
        if rest.starts_with("$$") {
            if let Some(len) = double_dollar(rest)
                && self.take(len, (2, 2), true)
            {
                return;
            }
            let run = rest.len() - rest.trim_start_matches('$').len();
            self.copy(run);
            return;
        }
        let follows_word = self.before().is_some_and(char::is_alphanumeric);
        if !follows_word
            && let Some(len) = single_dollar(rest)
            && self.take(len, (1, 1), false)
        {
            return;
        }
        self.copy(1);
    }

    /// A star between numbers is a sign: as a mark it would be gone, and the next one with it.
    fn star(&mut self) {
        let rest = self.rest();
        let run = rest.len() - rest.trim_start_matches('*').len();
        let blanks = [' ', '\t'];
        let (left, right) = (&self.text[..self.at], &rest[run..]);
        // With a blank on one side it is a mark to Markdown, with blanks on both none.
        let left = left.trim_end_matches(blanks);
        let right = right.trim_start_matches(blanks);
        let (before, after) = (left.chars().next_back(), right.chars().next());
        if let (Some(before), Some(after)) = (before, after) {
            let is_close = left.len() == self.at && right.len() == rest.len() - run;
            let is_left = |c: char| c.is_ascii_alphanumeric() || matches!(c, ')' | ']' | '%');
            let is_right = |c: char| c.is_ascii_alphanumeric() || matches!(c, '(' | '[' | '$');
            let digits = [before, after]
                .iter()
                .filter(|c| c.is_ascii_digit())
                .count();
            let is_sign = is_close && is_left(before) && is_right(after) && digits >= run.min(2);
            let is_factor = |c: char, text: &str, at_start: bool| match c {
                ')' | ']' => !at_start,
                '(' | '[' | '$' => at_start,
                '0'..='9' => true,
                _ => is_variable(text, at_start),
            };
            let is_product =
                run == 1 && is_factor(before, left, false) && is_factor(after, right, true);
            if is_sign || is_product {
                for _ in 0..run {
                    self.keep("*");
                }
                return;
            }
        }
        self.copy(run);
    }

    /// A single tilde means "about" or "to" far more often than it strikes out.
    fn tilde(&mut self) {
        let rest = self.rest();
        let run = rest.len() - rest.trim_start_matches('~').len();
        if run == 1 {
            self.keep("~");
        } else {
            self.copy(run);
        }
    }
}

/// Whether the text begins (or ends) with a word of one Latin letter.
fn is_variable(text: &str, at_start: bool) -> bool {
    let mut chars: Box<dyn Iterator<Item = char>> = if at_start {
        Box::new(text.chars())
    } else {
        Box::new(text.chars().rev())
    };
    chars.next().is_some_and(|c| c.is_ascii_alphabetic())
        && !chars.next().is_some_and(char::is_alphanumeric)
}

/// Bytes of a fenced block of code that begins here, at the start of a line.
fn fence(text: &str) -> Option<usize> {
    let first = text.lines().next()?;
    let (mark, count, info) = fence_line(first)?;
    if mark == '`' && info.contains('`') {
        return None;
    }
    let mut len = text.split_inclusive('\n').next()?.len();
    for line in text[len..].split_inclusive('\n') {
        len += line.len();
        let end = fence_line(line.trim_end_matches(['\n', '\r']));
        if end.is_some_and(|(m, n, info)| m == mark && n >= count && info.trim().is_empty()) {
            break;
        }
    }
    Some(len)
}

/// Mark, number of marks and rest of a line that may begin or end a block of code, in lists and quotes too.
fn fence_line(line: &str) -> Option<(char, usize, &str)> {
    let line = line.trim_start_matches([' ', '\t', '>']);
    let line = line
        .strip_prefix(['-', '*', '+'])
        .map_or(line, str::trim_start);
    let digits = line.len() - line.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let line = match line[digits..].strip_prefix(['.', ')']) {
        Some(rest) if (1..=9).contains(&digits) => rest.trim_start(),
        _ => line,
    };
    let mark = line.chars().next().filter(|c| matches!(c, '`' | '~'))?;
    let rest = line.trim_start_matches(mark);
    let count = line.len() - rest.len();
    (count >= 3).then_some((mark, count, rest))
}

/// Bytes before the bracket of a line that Markdown would take for the definition of a link, and show nothing of.
fn definition(text: &str) -> Option<usize> {
    let line = text.lines().next()?;
    let inner = line.trim_start_matches([' ', '\t', '>']);
    let label = inner.strip_prefix('[')?;
    let end = label.find(']')?;
    (end > 0 && label[end + 1..].starts_with(':')).then_some(line.len() - inner.len())
}

/// Bytes of a run of backticks, with the code up to the next run of that length in the same paragraph.
fn code_span(text: &str) -> usize {
    let run = text.len() - text.trim_start_matches('`').len();
    let mut at = run;
    while let Some(found) = text[at..].find('`') {
        if has_blank_line(&text[at..at + found]) {
            break;
        }
        at += found;
        let next = text[at..].len() - text[at..].trim_start_matches('`').len();
        at += next;
        if next == run {
            return at;
        }
    }
    run
}

fn has_blank_line(text: &str) -> bool {
    let mut lines = text.split('\n');
    // The first and the last are parts of lines.
    lines.next();
    let lines: Vec<&str> = lines.collect();
    lines.len() > 1
        && lines[..lines.len() - 1]
            .iter()
            .any(|line| line.trim().is_empty())
}

/// Bytes up to and with `close`, for a text that begins with `open`. Escapes are stepped over.
fn closing(text: &str, open: &str, close: &str) -> Option<usize> {
    let mut at = open.len();
    loop {
        let rest = text.get(at..)?;
        let next = rest.find(['\\', '`', '\n'])?;
        at += next;
        let rest = &text[at..];
        if at > MAX_TEX || rest.starts_with(open) || rest.starts_with('`') {
            return None;
        }
        if rest.starts_with(close) {
            return Some(at + close.len());
        }
        if let Some(line) = rest.strip_prefix('\n') {
            let is_blank = line
                .lines()
                .next()
                .is_none_or(|line| line.trim().is_empty());
            // Within a line of text a formula ends with its paragraph.
            if is_blank && open == "\\(" {
                return None;
            }
            at += 1;
        } else {
            at += 1 + rest[1..].chars().next().map_or(0, char::len_utf8);
        }
    }
}

/// Bytes of an environment that is a formula.
fn environment(text: &str) -> Option<usize> {
    let end = (0..=MAX_TEX.min(text.len())).rfind(|at| text.is_char_boundary(*at))?;
    let text = &text[..end];
    let name = text.strip_prefix("\\begin{")?;
    let name = &name[..name.find('}')?];
    if !ENVIRONMENTS.contains(&name.strip_suffix('*').unwrap_or(name)) {
        return None;
    }
    let (begin, end) = (format!("\\begin{{{name}}}"), format!("\\end{{{name}}}"));
    let (mut at, mut depth) = (begin.len(), 1);
    loop {
        let rest = &text[at..];
        let close = rest.find(&end)?;
        match rest.find(&begin) {
            Some(open) if open < close => {
                depth += 1;
                at += open + begin.len();
            }
            _ => {
                depth -= 1;
                at += close + end.len();
            }
        }
        if text[..at].contains('`') {
            return None;
        }
        if depth == 0 {
            return Some(at);
        }
    }
}

/// Bytes of a box that stands by itself, as models end an answer.
fn boxed(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("\\boxed{")?;
    let len = "\\boxed{".len() + group(inner)?;
    (!text[..len].contains(['`', '\n'])).then_some(len)
}

/// Bytes of what stands in braces, the closing one included; the opening one was read.
pub(super) fn group(text: &str) -> Option<usize> {
    let mut depth = 1;
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().take(MAX_TEX) {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            _ => {}
        }
    }
    None
}

/// The next dollar that is not escaped.
fn next_dollar(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'$' => return Some(at),
            _ => {}
        }
    }
    None
}

/// Bytes of a formula between double dollars.
fn double_dollar(text: &str) -> Option<usize> {
    let inner = &text[2..];
    if inner.starts_with('$') {
        return None;
    }
    let close = next_dollar(inner)?;
    let after = &inner[close..];
    let content = &inner[..close];
    let is_pair = after.starts_with("$$") && !after.starts_with("$$$");
    let trimmed = content.trim();
    // Two price classes ("$$ to $$") are no formula.
    let is_meant = has_tex(trimmed)
        || (is_plain_math(trimmed)
            && (trimmed.chars().count() == 1 || trimmed.chars().any(|c| !c.is_alphabetic())));
    (is_pair && is_meant && content.len() <= MAX_TEX && !content.contains('`')).then_some(close + 4)
}

/// Bytes of a formula between single dollars.
fn single_dollar(text: &str) -> Option<usize> {
    let inner = &text[1..];
    if inner.starts_with(char::is_whitespace) {
        return None;
    }
    let close = next_dollar(inner)?;
    let content = &inner[..close];
    let after = inner[close + 1..].chars().next();
    let is_refused = content.is_empty()
        || content.chars().count() > MAX_DOLLAR
        || content.contains('`')
        // A formula of the other marks stands between two prices, or a price before it.
        || content.contains("\\(")
        || content.contains("\\[")
        || has_blank_line(content)
        || after.is_some_and(|c| c.is_ascii_digit())
        || (content.ends_with(char::is_whitespace) && !has_command(content));
    (!is_refused && is_formula(content)).then_some(close + 2)
}

/// Whether what stands between two dollars is a formula, and not the text between two prices.
pub fn is_formula(content: &str) -> bool {
    has_tex(content) || is_plain_math(content)
}

/// A command with letters.
fn has_command(text: &str) -> bool {
    text.match_indices('\\')
        .any(|(at, _)| text[at + 1..].starts_with(|c: char| c.is_ascii_alphabetic()))
}

/// What only TeX has. `<<` marks the calculator of a known data set.
fn has_tex(text: &str) -> bool {
    if text.contains("<<") || text.contains(">>") {
        return false;
    }
    has_command(text)
        || text.contains(['^', '_'])
        || text.match_indices('\\').any(|(at, _)| {
            text[at + 1..].starts_with(['{', '}', '|', ',', ';', '%', '$', '#', '&'])
        })
}

/// Letters, numbers and signs that make no words.
fn is_plain_math(text: &str) -> bool {
    let is_letter = |c: char| {
        c.is_ascii_alphabetic()
            || matches!(c, '\u{370}'..='\u{3ff}' | '\u{2100}'..='\u{214f}' | '\u{1d400}'..='\u{1d7ff}')
    };
    let is_sign = |c: char| {
        matches!(
            c,
            '×' | '÷' | '±' | '·' | '¬' | '°' | '′' | '″' | '⁰'..='₎' | '²' | '³' | '¹'
        ) || matches!(c, '\u{2190}'..='\u{22ff}' | '\u{27c0}'..='\u{27ef}' | '\u{2980}'..='\u{2aff}')
    };
    let is_known = |c: char| {
        is_letter(c)
            || c.is_numeric()
            || c == ' '
            || is_sign(c)
            || "+-*/=<>()[]|!:;,.'%".contains(c)
    };
    let text = text.trim_end();
    let ends_open = text.ends_with(|c: char| {
        "+-*/=<>(".contains(c) || matches!(c, '×' | '÷' | '±' | '·' | '\u{2200}'..='\u{22ff}')
    });
    let mut words = text.split(|c: char| !c.is_ascii_alphabetic());
    text.chars().all(is_known)
        && !text.is_empty()
        // Marks of the calculator again.
        && !text.contains("<<")
        && !text.contains(">>")
        && !ends_open
        && !words.any(|word| word.len() >= 6)
        && !has_two_words(text)
        && !is_amount(text)
}

/// Two words beside each other: three letters or more, then two or more.
fn has_two_words(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let word = bytes[at..]
            .iter()
            .take_while(|b| b.is_ascii_alphabetic())
            .count();
        let gap = bytes[at + word..]
            .iter()
            .take_while(|b| b" ,.;:".contains(b))
            .count();
        let next = bytes[at + word + gap..]
            .iter()
            .take_while(|b| b.is_ascii_alphabetic())
            .count();
        if word >= 3 && gap > 0 && next >= 2 {
            return true;
        }
        at += (word + gap).max(1);
    }
    false
}

/// "5 per", "20each".
fn is_amount(text: &str) -> bool {
    if !text.starts_with(|c: char| c.is_ascii_digit()) {
        return false;
    }
    let rest = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.' || c == ',');
    let rest = rest.trim_start();
    rest.len() >= 2 && rest.bytes().take(2).all(|b| b.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<String> {
        let cut = cut(text);
        assert_eq!(cut.whole(&cut.text), text);
        cut.formulas
            .into_iter()
            .map(|formula| formula.source)
            .collect()
    }

    #[test]
    fn formulas_are_found_by_every_mark() {
        for (text, formulas) in [
            (
                r"The flow is \(Q = \frac{V}{t}\), with \(V\) in litres.",
                vec![r"\(Q = \frac{V}{t}\)", r"\(V\)"],
            ),
            (
                "So\n\n\\[ Q_L = n \\cdot q \\]\n\nwhere",
                vec![r"\[ Q_L = n \cdot q \]"],
            ),
            ("\\[\na\n\nb\n\\]", vec!["\\[\na\n\nb\n\\]"]),
            (
                r"\begin{align*} a &= b \\ c &= d \end{align*}",
                vec![r"\begin{align*} a &= b \\ c &= d \end{align*}"],
            ),
            (
                r"\begin{pmatrix} \begin{pmatrix} 1 \end{pmatrix} \end{pmatrix}!",
                vec![r"\begin{pmatrix} \begin{pmatrix} 1 \end{pmatrix} \end{pmatrix}"],
            ),
            (
                "$$x^2$$ and $$\n1 + 1 = 2\n$$",
                vec!["$$x^2$$", "$$\n1 + 1 = 2\n$$"],
            ),
            (
                r"So $x_1$, $2x+1=5$, $\frac{1}{2} $, $n$ and $(a, b)$.",
                vec!["$x_1$", "$2x+1=5$", r"$\frac{1}{2} $", "$n$", "$(a, b)$"],
            ),
            (
                r"It is $12 or \(\sqrt x\), so $x^2$",
                vec![r"\(\sqrt x\)", "$x^2$"],
            ),
            (r"Thus \boxed{\frac{1}{2}}.", vec![r"\boxed{\frac{1}{2}}"]),
            (
                "| a | b |\n|--|--|\n| $x^2$ | \\(y\\) |",
                vec!["$x^2$", r"\(y\)"],
            ),
            (r"$50\%$ of $5\$ + 1$", vec![r"$50\%$", r"$5\$ + 1$"]),
            ("$α + β ≤ γ$", vec!["$α + β ≤ γ$"]),
            (r"\((a)\) \\(b\\)", vec![r"\((a)\)"]),
        ] {
            assert_eq!(found(text), formulas, "{text}");
        }
    }

    #[test]
    fn prices_code_and_escapes_are_left_alone() {
        for text in [
            "It costs $5 and $7.",
            "between $5-$7, $10,$20 or US$5 and R$5",
            "He sold 48/2 = $<<48/2=24>>24 in May and $<<24*2=48>>48 in June.",
            "$12 x 5 = $<<12*5=60>>60",
            "pay $5 per hour and $20each or $3 or so$",
            "`$x^2$` and ``a ` $y$`` and \\(`x`\\)",
            "is 4*20 = $<<4*20=80>>80$.",
            "```\n$x^2$ \\(y\\)\n```",
            "~~~tex\n\\[x\\]\n~~~\n",
            "- item\n  ```\n  $x^2$\n  ```\n",
            "```\nunclosed $x^2$",
            r"\$x^2\$ is literal",
            "a $ b^2 $ with blanks",
            "$x\n\ny_1$ in two paragraphs",
            r"\begin{verbatim} x \end{verbatim}",
            r"\(unclosed and \[ too",
            "rated $$ to $$$ or $$ and $$",
            "the $PATH and the $HOME directory$",
            "$the price of x$",
            "",
            "$",
            "\\",
            "$$",
            "$$$$",
        ] {
            assert_eq!(found(text), Vec::<String>::new(), "{text}");
        }
    }

    #[test]
    fn signs_that_are_no_marks_are_hidden_from_markdown() {
        // What is left for Markdown to see.
        let seen = |text: &str| -> String {
            let cut = cut(text);
            assert_eq!(cut.whole(&cut.text), text);
            cut.text.chars().filter(|c| u32::from(*c) < FIRST).collect()
        };
        for (text, left) in [
            (r"\(a and \[1] \*b\*", r"a and 1] \*b\*"),
            ("5*2=10, 2**3, a*b, 5*$2", "52=10, 23, ab, 5$2"),
            ("(4/100)*p = q*(r+1)*(s)", "(4/100)p = q(r+1)(s)"),
            ("5 * 2, 10 *p and 15* p", "5  2, 10 p and 15 p"),
            ("*(note)* and word*(note)*", "*(note)* and word*(note)*"),
            (
                "*em*, **(1)**, (*5*) un*like*ly, *5*, in *1984* or *a*\n* 5\n5\n* 6",
                "*em*, **(1)**, (*5*) un*like*ly, *5*, in *1984* or *a*\n* 5\n5\n* 6",
            ),
            (
                "**Step 1** and **1.** and 中**文**字",
                "**Step 1** and **1.** and 中**文**字",
            ),
            ("3~5, ~~no~~", "35, ~~no~~"),
            (
                "[18]: an answer\n> [x]: y\n[a](b)",
                "18]: an answer\n> x]: y\n[a](b)",
            ),
            ("`5*2`", "`5*2`"),
        ] {
            assert_eq!(seen(text), left);
        }
    }

    /// Answers of GSM8K (MIT), each with a dollar or a star.
    const GSM8K: &str = include_str!("../../../tests/fixtures/review/gsm8k.jsonl");

    #[test]
    fn no_price_of_a_known_data_set_is_a_formula() {
        let mut count = 0;
        for line in GSM8K.lines() {
            let row: serde_json::Value = serde_json::from_str(line).unwrap();
            for key in ["question", "answer"] {
                let text = row[key].as_str().unwrap();
                assert_eq!(found(text), Vec::<String>::new(), "{text}");
                count += 1;
            }
        }
        assert!(count > 100);
    }

    #[test]
    fn hostile_texts_are_read_in_time_and_come_back_as_they_were() {
        for piece in [
            "$",
            "\\(",
            "\\[",
            "\\begin{array}",
            "\\boxed{",
            "`",
            "``` ",
            "$$",
            "$x",
            "\\",
            "*",
            "1*",
            "\\begin{array}\\end{array}",
            "\u{f0000}$x^2$",
            "\\( `",
            "[a]:\n",
        ] {
            let text = piece.repeat(100_000 / piece.len());
            let cut = cut(&text);
            assert!(cut.formulas.len() <= MAX_FORMULAS);
            if piece.contains('\u{f0000}') {
                assert!(
                    cut.formulas.is_empty(),
                    "the text has these characters itself"
                );
            }
        }
    }
}
