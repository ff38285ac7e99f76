//! What a model thinks before it answers, told apart from the answer while both come in. Servers that don't do this
//! leave the model's own marks in the text; the marks in use are [`MARKS`] and the channels of gpt-oss.
//!
//! A mark in a code span or block, or one that a sentence mentions, is text.

/// Where a mark counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everywhere: a control token that no text holds by chance.
    Token,
    /// Where the reply begins, and at the beginning of a line if it ends again.
    Line,
    /// Where the reply begins.
    Start,
    /// Where the reply begins if it ends again: plain words.
    Words,
}

/// Every mark around reasoning: opening, closing, where it counts.
pub const MARKS: [(&str, &str, Kind); 22] = [
    ("<think>", "</think>", Kind::Line),
    ("<thinking>", "</thinking>", Kind::Line),
    ("<antthinking>", "</antthinking>", Kind::Line),
    ("<thought>", "</thought>", Kind::Start),
    ("<thoughts>", "</thoughts>", Kind::Start),
    ("<reason>", "</reason>", Kind::Start),
    ("<reasoning>", "</reasoning>", Kind::Start),
    ("<reflection>", "</reflection>", Kind::Start),
    ("<scratchpad>", "</scratchpad>", Kind::Start),
    ("<seed:think>", "</seed:think>", Kind::Token),
    ("[THINK]", "[/THINK]", Kind::Token),
    ("◁think▷", "◁/think▷", Kind::Token),
    ("<|begin_of_thought|>", "<|end_of_thought|>", Kind::Token),
    ("<|START_THINKING|>", "<|END_THINKING|>", Kind::Token),
    ("<|inner_prefix|>", "<|inner_suffix|>", Kind::Token),
    ("<|channel>thought", "<channel|>", Kind::Token),
    ("<unused94>thought", "<unused95>", Kind::Token),
    ("[unused16]", "[unused17]", Kind::Token),
    // What is left of the channels when a server drops their control tokens; see `BARE`.
    ("analysis", "assistantfinal", Kind::Start),
    (
        "Here is my thought process:",
        "Here is my response:",
        Kind::Words,
    ),
    (
        "Here's my thought process:",
        "Here's my response:",
        Kind::Words,
    ),
    (
        "Here are my reasoning steps:",
        "[BEGIN FINAL RESPONSE]",
        Kind::Words,
    ),
];

/// The opening of [`MARKS`] that counts only right before a capital letter or one of another script.
const BARE: &str = "analysis";

/// Marks around an answer that follows reasoning; the last three also where the reply begins.
const WRAPS: [(&str, &str); 6] = [
    ("<answer>", "</answer>"),
    ("<response>", "</response>"),
    ("<output>", "</output>"),
    ("<|START_RESPONSE|>", "<|END_RESPONSE|>"),
    ("<|begin_of_solution|>", "<|end_of_solution|>"),
    ("[BEGIN FINAL RESPONSE]", "[END FINAL RESPONSE]"),
];

/// Control tokens of gpt-oss: `<|start|>role<|channel|>name<|message|>text<|end|>`.
const CHANNELS: [(&str, Token); 7] = [
    ("<|start|>", Token::Header),
    ("<|channel|>", Token::Channel),
    ("<|message|>", Token::Message),
    ("<|constrain|>", Token::Other),
    ("<|end|>", Token::End),
    ("<|return|>", Token::End),
    ("<|call|>", Token::End),
];

/// How a reply begins whose first control token was dropped.
const TORN: [&str; 4] = [
    "analysis<|message|>",
    "commentary<|message|>",
    "final<|message|>",
    "assistant<|channel|>",
];

/// Bytes of a header of a channel at most.
const LONGEST_HEADER: usize = 200;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Header,
    Channel,
    Message,
    End,
    Other,
}

/// A mark that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Signal {
    Open(usize),
    Close(usize),
    Wrap(usize),
    Unwrap,
    Channel(Token),
    Torn(usize),
}

enum Found {
    /// Not yet to be told.
    Part,
    /// A mark of so many bytes.
    Whole(Signal, usize),
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Blanks at most; behind a block (`true`) they are passed over.
    Start(bool),
    Text,
    /// A block that takes the rest if it never ends.
    Inside(usize),
    /// A block that is text if it never ends.
    Maybe(usize),
    /// Behind what may be the end of the answer.
    Ended,
    /// Before `<|message|>`; `true` = text stood before it.
    Header(bool),
    /// A message of another channel.
    Thought,
    /// A message of the channel `final`.
    Final,
    /// Behind a message.
    Between,
}

/// Splits a reply into answer and reasoning while it comes in. Its time is in proportion to the reply's length.
#[derive(Debug)]
pub struct Splitter {
    state: State,
    /// What may begin a mark.
    pending: String,
    /// What can't be told yet: blanks at the start, a block that may be text, a header.
    held: String,
    /// Where in `held` the name of the channel begins.
    name_at: Option<usize>,
    has_block: bool,
    /// An opening mark stands in the text: so may a closing one.
    has_mention: bool,
    /// The mark that ends the answer.
    closing: Option<&'static str>,
    is_line_start: bool,
    ticks: u32,
    is_span: bool,
    is_fence: bool,
    answer: String,
    reasoning: String,
    /// Of `answer`, told by this call.
    told: String,
    #[cfg(test)]
    looks: usize,
}

impl Default for Splitter {
    fn default() -> Self {
        Self {
            state: State::Start(false),
            pending: String::new(),
            held: String::new(),
            name_at: None,
            has_block: false,
            has_mention: false,
            closing: None,
            is_line_start: true,
            ticks: 0,
            is_span: false,
            is_fence: false,
            answer: String::new(),
            reasoning: String::new(),
            told: String::new(),
            #[cfg(test)]
            looks: 0,
        }
    }
}

/// Answer and reasoning of a whole reply.
pub fn split(reply: &str) -> (String, String) {
    let mut splitter = Splitter::default();
    splitter.push(reply, &mut |_| {});
    splitter.finish(&mut |_| {})
}

impl Splitter {
    /// Takes the next piece in; `told` hears what is surely no mark. A reply that began inside its reasoning shows that
    /// only by the closing mark: then the answer is less than what was told.
    pub fn push(&mut self, piece: &str, told: &mut dyn FnMut(&str)) {
        for c in piece.chars() {
            self.feed(c);
        }
        self.tell(told);
    }

    /// The reply is over: answer and reasoning.
    pub fn finish(mut self, told: &mut dyn FnMut(&str)) -> (String, String) {
        if let Some(index) = MARKS
            .iter()
            .position(|(_, close, _)| same(close, &self.pending))
        {
            if self.state == State::Start(true) {
                self.pending.clear();
            } else if self.is_orphan(index, None) {
                self.pending.clear();
                self.close_orphan(index);
            }
        }
        let pending = std::mem::take(&mut self.pending);
        // A control token that was cut is none of the text either.
        let is_torn = pending.starts_with("<|")
            && !self.is_code()
            && (self.state != State::Text || pending.len() > 2);
        if !is_torn {
            for c in pending.chars() {
                self.plain(c);
            }
        }
        let held = std::mem::take(&mut self.held);
        let is_text = match self.state {
            State::Start(is_behind) => !is_behind,
            State::Maybe(_) | State::Header(true) => true,
            State::Ended => {
                let mark = held.find(['>', ']']).map_or(0, |at| at + 1);
                held.get(mark..).is_some_and(|rest| !rest.trim().is_empty())
            }
            _ => false,
        };
        if is_text {
            self.emit_all(&held);
        }
        self.tell(told);
        (self.answer, self.reasoning)
    }

    fn tell(&mut self, told: &mut dyn FnMut(&str)) {
        if !self.told.is_empty() {
            told(&self.told);
            self.told.clear();
        }
    }

    fn feed(&mut self, c: char) {
        let may_begin = matches!(c, '<' | '[' | '◁')
            || (matches!(self.state, State::Start(_)) && !c.is_whitespace())
            || matches!(self.state, State::Inside(i) | State::Maybe(i) if MARKS[i].1.starts_with(c));
        if self.pending.is_empty() && !may_begin {
            self.plain(c);
            return;
        }
        self.pending.push(c);
        while !self.pending.is_empty() {
            #[cfg(test)]
            {
                self.looks += 1;
            }
            match self.look() {
                Found::Part => return,
                Found::Whole(signal, length) => {
                    let rest = self.pending.split_off(length);
                    let mark = std::mem::take(&mut self.pending);
                    if !self.signal(signal, &mark, rest.chars().next()) {
                        mark.chars().for_each(|c| self.plain(c));
                    }
                    rest.chars().for_each(|c| self.feed(c));
                    return;
                }
                Found::Nothing => {
                    let first = self.pending.remove(0);
                    self.plain(first);
                }
            }
        }
    }

    /// `pending` is this mark; `is_part` = it may become so.
    fn is(&self, mark: &str, needs_next: bool, is_part: &mut bool) -> bool {
        let pending = self.pending.as_str();
        let is_whole = same(pending.get(..mark.len()).unwrap_or_default(), mark);
        if is_whole && (!needs_next || pending.len() > mark.len()) {
            return true;
        }
        *is_part |= is_whole || same(mark.get(..pending.len()).unwrap_or_default(), pending);
        false
    }

    /// What `pending` is, in this state.
    fn look(&self) -> Found {
        let mut is_part = false;
        let is_start = matches!(self.state, State::Start(_));
        let is_open = is_start || self.state == State::Text;
        for (index, (open, close, kind)) in MARKS.iter().enumerate() {
            let is_mine = matches!(self.state, State::Inside(i) | State::Maybe(i) if i == index);
            if (is_mine || is_open) && self.is(close, !is_mine, &mut is_part) {
                return Found::Whole(Signal::Close(index), close.len());
            }
            let may_open =
                is_start || (self.state == State::Text && *kind != Kind::Words && *open != BARE);
            let is_bare = *open == BARE;
            let may_be_bare = || {
                let rest = self.pending.strip_prefix(BARE).unwrap_or_default();
                rest.starts_with(|c: char| c.is_ascii_uppercase() || !c.is_ascii())
            };
            if may_open && self.is(open, is_bare, &mut is_part) && (!is_bare || may_be_bare()) {
                return Found::Whole(Signal::Open(index), open.len());
            }
        }
        if is_start {
            for (index, mark) in TORN.iter().enumerate() {
                if self.is(mark, false, &mut is_part) {
                    return Found::Whole(Signal::Torn(index), mark.len());
                }
            }
            for (index, (open, _)) in WRAPS.iter().enumerate() {
                if self.is(open, false, &mut is_part) {
                    return Found::Whole(Signal::Wrap(index), open.len());
                }
            }
        }
        if let Some(mark) = self.closing.filter(|_| is_open)
            && self.is(mark, false, &mut is_part)
        {
            return Found::Whole(Signal::Unwrap, mark.len());
        }
        if !matches!(self.state, State::Inside(_) | State::Maybe(_)) {
            for (mark, token) in CHANNELS {
                if self.is(mark, false, &mut is_part) {
                    return Found::Whole(Signal::Channel(token), mark.len());
                }
            }
        }
        if is_part { Found::Part } else { Found::Nothing }
    }

    /// Acts on a mark. `false` = it is text here.
    fn signal(&mut self, signal: Signal, mark: &str, next: Option<char>) -> bool {
        let is_start = matches!(self.state, State::Start(_));
        match signal {
            Signal::Open(index) => {
                let kind = MARKS[index].2;
                if is_start {
                    if kind == Kind::Words {
                        self.held.push_str(mark);
                        self.state = State::Maybe(index);
                    } else {
                        self.held.clear();
                        self.has_block = true;
                        self.state = State::Inside(index);
                    }
                    return true;
                }
                let counts = match kind {
                    Kind::Token => true,
                    Kind::Line => self.is_line_start,
                    Kind::Start | Kind::Words => false,
                };
                if self.is_code() || !counts {
                    self.has_mention = true;
                    return false;
                }
                mark.clone_into(&mut self.held);
                self.state = State::Maybe(index);
                true
            }
            Signal::Close(index) => match self.state {
                State::Inside(_) => {
                    self.behind_block(index);
                    true
                }
                State::Maybe(_) => {
                    let held = std::mem::take(&mut self.held);
                    let thought = held.trim_start();
                    let thought = thought.get(MARKS[index].0.len()..).unwrap_or_default();
                    self.think(thought);
                    self.behind_block(index);
                    true
                }
                // A second end right behind a block.
                State::Start(true) => true,
                _ if self.is_orphan(index, next) => {
                    self.close_orphan(index);
                    true
                }
                _ => false,
            },
            Signal::Wrap(index) => {
                if index < 3 && self.state != State::Start(true) {
                    return false;
                }
                self.closing = Some(WRAPS[index].1);
                self.held.clear();
                self.state = State::Start(true);
                true
            }
            Signal::Unwrap => {
                mark.clone_into(&mut self.held);
                self.state = State::Ended;
                true
            }
            Signal::Torn(index) => {
                self.held.clear();
                match index {
                    2 => self.begin_final(),
                    3 => self.begin_header(mark, false, true),
                    _ => self.state = State::Thought,
                }
                true
            }
            Signal::Channel(token) => self.channel(token, mark),
        }
    }

    fn channel(&mut self, token: Token, mark: &str) -> bool {
        let is_name = token == Token::Channel;
        match (self.state, token) {
            (State::Text, _) if self.is_code() => return false,
            (State::Text, Token::Message | Token::Other) => return false,
            (State::Text, Token::End) => {
                mark.clone_into(&mut self.held);
                self.state = State::Ended;
            }
            (State::Text, Token::Header | Token::Channel) => {
                self.begin_header(mark, true, is_name);
            }
            (State::Ended | State::Header(_), Token::Header | Token::Channel) => {
                self.held.push_str(mark);
                self.name_at = is_name.then_some(self.held.len());
                if self.state == State::Ended {
                    self.state = State::Header(true);
                }
            }
            (State::Ended, _)
            | (State::Header(_), Token::Other)
            | (State::Header(true), Token::End) => self.held.push_str(mark),
            (State::Header(has_text), Token::Message) => {
                if has_text {
                    let answer = std::mem::take(&mut self.answer);
                    self.told.clear();
                    self.think(&answer);
                }
                let held = std::mem::take(&mut self.held);
                let name = held.get(self.name_at.unwrap_or(0)..).unwrap_or_default();
                let name = name.trim_start_matches("<|start|>").trim_start();
                let is_final = match self.name_at {
                    Some(_) => name.starts_with("final"),
                    None => name.is_empty() || name.starts_with("assistant"),
                };
                if is_final {
                    self.begin_final();
                } else {
                    self.think("\n");
                    self.state = State::Thought;
                }
            }
            (_, Token::Header | Token::Channel) => self.begin_header(mark, false, is_name),
            (State::Start(_), Token::Message) => {
                self.held.clear();
                self.begin_final();
            }
            (State::Header(false) | State::Thought | State::Final, Token::End) => {
                self.state = State::Between;
            }
            _ => {}
        }
        true
    }

    fn begin_header(&mut self, mark: &str, has_text: bool, is_name: bool) {
        mark.clone_into(&mut self.held);
        self.name_at = is_name.then_some(mark.len());
        self.state = State::Header(has_text);
    }

    fn begin_final(&mut self) {
        self.has_block = true;
        self.state = State::Final;
        if !self.answer.is_empty() {
            self.emit_all("\n\n");
        }
    }

    /// A closing mark without its opening: the reply began inside its reasoning.
    fn is_orphan(&self, index: usize, next: Option<char>) -> bool {
        let (open, close, kind) = MARKS[index];
        let is_open = matches!(self.state, State::Start(_) | State::Text);
        if !is_open || self.has_block || self.has_mention || self.is_code() || open == BARE {
            return false;
        }
        if kind == Kind::Words && !close.starts_with('[') {
            return false;
        }
        // Mentioned: quoted, or between the words of a sentence.
        let mut before = self.answer.chars().rev();
        let is_mention = match before.next() {
            Some('"' | '\'' | '`' | '“' | '„' | '«' | '(') => true,
            Some(' ') => {
                before
                    .next()
                    .is_some_and(|c| c.is_alphanumeric() || c == ',')
                    && next.is_some_and(|c| matches!(c, ' ' | ',' | '.' | ';' | ':' | ')' | '?'))
            }
            _ => false,
        };
        !is_mention
    }

    fn close_orphan(&mut self, index: usize) {
        let answer = std::mem::take(&mut self.answer);
        self.told.clear();
        self.think(&answer);
        self.behind_block(index);
    }

    fn behind_block(&mut self, index: usize) {
        let close = MARKS[index].1;
        if let Some((_, end)) = WRAPS.iter().find(|(open, _)| *open == close) {
            self.closing = Some(end);
        }
        self.held.clear();
        self.has_block = true;
        self.state = if self.answer.trim().is_empty() {
            State::Start(true)
        } else {
            State::Text
        };
    }

    fn think(&mut self, text: &str) {
        self.reasoning.push_str(text);
    }

    /// A character that belongs to no mark.
    fn plain(&mut self, c: char) {
        match self.state {
            State::Start(is_behind) => {
                if c.is_whitespace() {
                    if !is_behind {
                        self.held.push(c);
                    }
                    return;
                }
                self.state = State::Text;
                let held = std::mem::take(&mut self.held);
                self.emit_all(&held);
                self.emit(c);
            }
            State::Text | State::Final => self.emit(c),
            State::Inside(_) | State::Thought => self.reasoning.push(c),
            State::Maybe(_) | State::Ended => self.held.push(c),
            State::Header(has_text) => {
                self.held.push(c);
                if self.held.len() > LONGEST_HEADER {
                    let held = std::mem::take(&mut self.held);
                    if has_text {
                        self.state = State::Text;
                        self.emit_all(&held);
                    } else {
                        self.state = State::Thought;
                        self.think(&held);
                    }
                }
            }
            State::Between => {}
        }
    }

    fn emit_all(&mut self, text: &str) {
        for c in text.chars() {
            self.emit(c);
        }
    }

    fn emit(&mut self, c: char) {
        self.answer.push(c);
        self.told.push(c);
        if c == '`' {
            self.ticks += 1;
            // Three in a row at the beginning of a line begin or end a block.
            if self.is_line_start && self.ticks == 3 {
                self.is_fence = !self.is_fence;
            }
            return;
        }
        if self.ticks > 0 {
            if !(self.is_line_start && self.ticks >= 3) {
                self.is_span = !self.is_span;
            }
            self.ticks = 0;
            self.is_line_start = false;
        }
        if c == '\n' {
            self.is_line_start = true;
            self.is_span = false;
        } else if !c.is_whitespace() {
            self.is_line_start = false;
        }
    }

    fn is_code(&self) -> bool {
        self.is_fence
            || (self.is_span ^ (self.ticks > 0 && !(self.is_line_start && self.ticks >= 3)))
    }
}

/// Tags and words count in any case of letters; what stands in square brackets could be a link.
fn same(a: &str, b: &str) -> bool {
    !a.is_empty() && (a == b || (!a.starts_with('[') && a.eq_ignore_ascii_case(b)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_pieces<'a>(pieces: impl IntoIterator<Item = &'a str>) -> (String, String, Vec<String>) {
        let mut told = Vec::new();
        let mut splitter = Splitter::default();
        for piece in pieces {
            splitter.push(piece, &mut |text| told.push(text.to_owned()));
        }
        let (answer, reasoning) = splitter.finish(&mut |text| told.push(text.to_owned()));
        (answer, reasoning, told)
    }

    /// Answer and reasoning, the same wherever the reply is cut; what is told is the answer unless the reply began
    /// inside its reasoning.
    fn everywhere(reply: &str, begins_inside: bool) -> (String, String) {
        let (answer, reasoning, _) = in_pieces([reply]);
        let singles = reply
            .char_indices()
            .map(|(at, c)| &reply[at..at + c.len_utf8()]);
        let mut ways = vec![in_pieces(singles)];
        for (cut, _) in reply.char_indices() {
            ways.push(in_pieces([&reply[..cut], &reply[cut..]]));
        }
        for (other, thought, told) in ways {
            assert_eq!((&other, &thought), (&answer, &reasoning), "{reply:?}");
            if !begins_inside {
                assert_eq!(told.concat(), answer, "{reply:?}");
            }
        }
        (answer, reasoning)
    }

    #[test]
    fn every_mark_of_the_table_takes_the_reasoning_out_wherever_the_reply_is_cut() {
        for (open, close, kind) in MARKS {
            let answer = "Water it – 土壌 🌱 early.";
            for blank in ["", "\n", "\n\n"] {
                let reply = format!("{blank}{open}Why? 1 < 2{close}{blank}{answer}");
                let wanted = (answer.to_owned(), "Why? 1 < 2".to_owned());
                assert_eq!(everywhere(&reply, false), wanted, "{reply:?}");
            }
            let never = format!("{open}Why so");
            let (text, thought) = everywhere(&never, false);
            if kind == Kind::Words {
                assert_eq!((text, thought), (never, String::new()));
            } else {
                assert_eq!((text, thought), (String::new(), "Why so".to_owned()));
            }
            if kind != Kind::Words && open != BARE {
                let inside = format!("Why so? Because.{close}\n{answer}");
                let wanted = (answer.to_owned(), "Why so? Because.".to_owned());
                assert_eq!(everywhere(&inside, true), wanted, "{inside:?}");
            }
        }
    }

    #[test]
    fn blocks_count_where_they_can_be_reasoning_and_marks_in_texts_stay() {
        let cases = [
            // Behind one another, in the middle, and doubled ends.
            ("<think>a</think>\n<think>b</think>c", "c", "ab"),
            ("So.\n<think>hm</think>\nMore.", "So.\n\nMore.", "hm"),
            ("<think>a</think></think>\n\nb", "b", "a"),
            ("<THINK>a</Think>b", "b", "a"),
            ("[THINK]a[/THINK]b [THINK]c[/THINK]d", "b d", "ac"),
            ("</think>\n\nb", "b", ""),
            ("<think>\n\n</think>\n\nb", "b", "\n\n"),
            // An answer in marks of its own behind it.
            ("<think>a</think>\n<answer>\nb\n</answer>\n", "b\n", "a"),
            ("<thinking>a</thinking><output>b</output>", "b", "a"),
            (
                "<|START_THINKING|>a<|END_THINKING|><|START_RESPONSE|>b<|END_RESPONSE|>",
                "b",
                "a",
            ),
            (
                "<|begin_of_thought|>a<|end_of_thought|>\n\n<|begin_of_solution|>\nb<|end_of_solution|>",
                "b",
                "a",
            ),
            (
                "Here are my reasoning steps:\na\n[BEGIN FINAL RESPONSE]\nb\n[END FINAL RESPONSE]",
                "b\n",
                "\na\n",
            ),
            // Texts about marks.
            (
                "Use <think>tags</think> here",
                "Use <think>tags</think> here",
                "",
            ),
            (
                "Close it with the </think> tag.",
                "Close it with the </think> tag.",
                "",
            ),
            ("Write `</think>` last.", "Write `</think>` last.", ""),
            (
                "```\n<think>\nhm\n</think>\n```\nSo.",
                "```\n<think>\nhm\n</think>\n```\nSo.",
                "",
            ),
            (
                "The tags are:\n<think>\n<answer>",
                "The tags are:\n<think>\n<answer>",
                "",
            ),
            ("<answer>b</answer>", "<answer>b</answer>", ""),
            (
                "It ends with <|end|> and goes on.",
                "It ends with <|end|> and goes on.",
                "",
            ),
            ("`<|channel|>` names it.", "`<|channel|>` names it.", ""),
            (
                "The <|channel|> token names it.",
                "The <|channel|> token names it.",
                "",
            ),
            ("analysis of soil", "analysis of soil", ""),
            ("Analysis: dry.", "Analysis: dry.", ""),
            (
                "[Think](https://example.org) twice",
                "[Think](https://example.org) twice",
                "",
            ),
            ("  indented", "  indented", ""),
            ("<thi", "<thi", ""),
            ("a <", "a <", ""),
            ("", "", ""),
            (" \n", " \n", ""),
        ];
        for (reply, answer, reasoning) in cases {
            assert_eq!(
                everywhere(reply, false),
                (answer.to_owned(), reasoning.to_owned()),
                "{reply:?}"
            );
        }
        let cut = "<think>a</think>b</think><think>c</think>";
        assert_eq!(
            split(cut),
            ("b</think><think>c</think>".to_owned(), "a".to_owned())
        );
    }

    #[test]
    fn of_channels_the_final_one_is_the_answer_and_no_control_token_is_ever_told() {
        let cases = [
            (
                "<|channel|>analysis<|message|>Why.<|end|><|start|>assistant<|channel|>final<|message|>So.<|return|>",
                "So.",
                "Why.",
            ),
            (
                "<|start|>assistant<|channel|>commentary to=functions.x <|constrain|>json<|message|>{}<|call|>\
                 <|start|>assistant<|channel|>final<|message|>So.",
                "So.",
                "{}",
            ),
            ("<|channel|>analysis<|message|>Why", "", "Why"),
            ("<|channel|>final<|message|>So.<|end|>", "So.", ""),
            ("<|start|>assistant<|message|>So.<|end|>", "So.", ""),
            ("So.<|return|>", "So.", ""),
            ("So.<|end|>\n", "So.", ""),
            (
                "<|channel|>final <|constrain|>json<|message|>{\"a\":1}<|return|>",
                "{\"a\":1}",
                "",
            ),
            ("<|channel|>fin", "", ""),
            // Servers that drop the first token, or all of them.
            (
                "analysis<|message|>Why.<|end|><|start|>assistant<|channel|>final<|message|>So.<|return|>",
                "So.",
                "Why.",
            ),
            ("final<|message|>So.<|return|>", "So.", ""),
            ("<|message|>So.<|return|>", "So.", ""),
            (
                "analysisWe keep it short.assistantfinalSo.",
                "So.",
                "We keep it short.",
            ),
            (
                "<|channel|>analysis<|message|>Why.<|end|>assistant<|channel|>final<|message|>`a` ```b <|return|>",
                "`a` ```b ",
                "Why.",
            ),
        ];
        for (reply, answer, reasoning) in cases {
            let (text, thought) = everywhere(reply, false);
            assert_eq!(
                (text.as_str(), thought.trim()),
                (answer, reasoning),
                "{reply:?}"
            );
            for (cut, _) in reply.char_indices() {
                let mut splitter = Splitter::default();
                splitter.push(&reply[..cut], &mut |told| {
                    assert!(!told.contains("<|"), "{told:?} of {:?}", &reply[..cut]);
                });
            }
        }
        // Begun inside the first message.
        let inside = "Why.<|end|><|start|>assistant<|channel|>final<|message|>So.<|return|>";
        let (text, thought) = everywhere(inside, true);
        assert_eq!((text.as_str(), thought.trim()), ("So.", "Why."));
    }

    #[test]
    fn the_work_is_in_proportion_to_the_length_of_the_reply() {
        let looks = |piece: &str, count: usize| {
            let mut splitter = Splitter::default();
            for _ in 0..count {
                splitter.push(piece, &mut |_| {});
            }
            splitter.looks
        };
        for piece in [
            " ",
            "\n",
            "<",
            "</think",
            "<think>",
            "[",
            "◁",
            "`<think>`",
            "\n<think>a",
            "<|end|>",
            "<|channel|>",
            "a",
        ] {
            let (few, many) = (looks(piece, 100), looks(piece, 10_000));
            assert!(many <= few.max(10) * 110, "{piece:?}: {few}, {many}");
        }
    }
}
