//! Server-sent events, taken in as they come: bytes may be cut anywhere, inside a character and inside CRLF too.
//!
//! Follows "Interpreting an event stream" of the HTML standard. Reconnection (`retry`) is left out: a chat request must
//! never be sent again by itself. One field more: older servers built on llama.cpp tell of a failure in `error: {…}`.

/// Longest unfinished event in bytes. A server that never ends a line can't fill the memory.
pub(crate) const MAX_EVENT_BYTES: usize = 8 * 1024 * 1024;

/// Bytes of a body that are kept although they are no event.
const MAX_STRAY_BYTES: usize = 2000;

const BOM: &[u8] = b"\xef\xbb\xbf";

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SseEvent {
    /// Its `event` field; empty means `message`.
    pub(crate) event: String,
    /// Its `data` fields, joined by line feeds.
    pub(crate) data: String,
    /// The last `id` field seen so far in the stream.
    pub(crate) id: String,
}

/// An event was longer than [`MAX_EVENT_BYTES`]. The parser takes nothing more in after that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream is longer than {MAX_EVENT_BYTES} bytes")]
pub(crate) struct SseTooLong;

/// Takes the bytes of one stream in and gives its events out.
#[derive(Clone, Debug, Default)]
pub(crate) struct SseParser {
    /// Bytes of the line that has not ended yet.
    line: Vec<u8>,
    /// The last byte was a CR: an LF right after it belongs to the same line end.
    after_cr: bool,
    /// A line has ended, so a byte order mark can't come any more.
    is_past_first_line: bool,
    data: String,
    has_data: bool,
    event: String,
    id: String,
    stray: String,
    is_broken: bool,
}

impl SseParser {
    /// A parser at the start of a stream.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes the next bytes in; the events that they complete.
    ///
    /// # Errors
    /// [`SseTooLong`], now and on every later call.
    pub(crate) fn push(&mut self, bytes: &[u8]) -> Result<Vec<SseEvent>, SseTooLong> {
        let mut events = Vec::new();
        if self.is_broken {
            return Err(SseTooLong);
        }
        let mut rest = bytes;
        if let Some((first, after)) = rest.split_first()
            && self.after_cr
        {
            self.after_cr = false;
            if *first == b'\n' {
                rest = after;
            }
        }
        while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r')) {
            let (line, tail) = rest.split_at(end);
            self.hold(line)?;
            events.extend(self.end_line());
            rest = match tail {
                [b'\r'] => {
                    self.after_cr = true;
                    &[]
                }
                [b'\r', b'\n', after @ ..] | [_, after @ ..] => after,
                [] => &[],
            };
        }
        self.hold(rest)?;
        Ok(events)
    }

    /// The event that the stream's end left without its closing blank line. The standard throws it away, since it may
    /// be torn; for a caller who can tell a whole one (here: JSON that parses).
    pub(crate) fn finish(&mut self) -> Option<SseEvent> {
        if self.is_broken {
            return None;
        }
        let last = if self.line.is_empty() {
            None
        } else {
            self.end_line()
        };
        last.or_else(|| self.dispatch())
    }

    /// The first lines that are of no stream: what a server says that sends plain text.
    pub(crate) fn stray(&self) -> &str {
        self.stray.trim()
    }

    fn hold(&mut self, bytes: &[u8]) -> Result<(), SseTooLong> {
        if self.line.len() + self.data.len() + bytes.len() > MAX_EVENT_BYTES {
            self.is_broken = true;
            self.line = Vec::new();
            self.data = String::new();
            return Err(SseTooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self) -> Option<SseEvent> {
        let line = std::mem::take(&mut self.line);
        let line = if self.is_past_first_line {
            line.as_slice()
        } else {
            line.strip_prefix(BOM).unwrap_or(&line)
        };
        self.is_past_first_line = true;
        if line.is_empty() {
            return self.dispatch();
        }
        let colon = line.iter().position(|byte| *byte == b':');
        let (name, value) = match colon {
            None => (line, &[][..]),
            Some(at) => {
                let (name, value) = line.split_at(at);
                let value = value.strip_prefix(b":").unwrap_or(value);
                (name, value.strip_prefix(b" ").unwrap_or(value))
            }
        };
        match name {
            b"data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.has_data = true;
                self.data.push_str(&String::from_utf8_lossy(value));
            }
            b"error" if !value.is_empty() => {
                return Some(SseEvent {
                    event: "error".to_owned(),
                    data: String::from_utf8_lossy(value).into_owned(),
                    id: self.id.clone(),
                });
            }
            b"event" => self.event = String::from_utf8_lossy(value).into_owned(),
            b"id" if !value.contains(&0) => self.id = String::from_utf8_lossy(value).into_owned(),
            // Comments.
            b"" | b"retry" | b"id" => {}
            _ => {
                if self.stray.len() < MAX_STRAY_BYTES {
                    let end = line.len().min(MAX_STRAY_BYTES);
                    let text = line.get(..end).unwrap_or_default();
                    self.stray.push_str(&String::from_utf8_lossy(text));
                    self.stray.push('\n');
                }
            }
        }
        None
    }

    fn dispatch(&mut self) -> Option<SseEvent> {
        let event = std::mem::take(&mut self.event);
        let data = std::mem::take(&mut self.data);
        // A `data` field without a value makes an event too, one with empty data.
        std::mem::take(&mut self.has_data).then(|| SseEvent {
            event,
            data,
            id: self.id.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn data(events: &[SseEvent]) -> Vec<&str> {
        events.iter().map(|event| event.data.as_str()).collect()
    }

    fn all(stream: &[u8]) -> Vec<SseEvent> {
        SseParser::new().push(stream).unwrap()
    }

    /// The stream cut into two at every byte, and into single bytes, gives what it gives whole.
    fn same_at_every_cut(stream: &[u8]) -> Vec<SseEvent> {
        let whole = all(stream);
        for cut in 0..=stream.len() {
            let (head, tail) = stream.split_at(cut);
            let mut parser = SseParser::new();
            let mut events = parser.push(head).unwrap();
            events.extend(parser.push(&[]).unwrap());
            events.extend(parser.push(tail).unwrap());
            assert_eq!(events, whole, "cut at {cut}");
        }
        let mut parser = SseParser::new();
        let single: Vec<SseEvent> = stream
            .iter()
            .flat_map(|byte| parser.push(&[*byte]).unwrap())
            .collect();
        assert_eq!(single, whole);
        whole
    }

    #[test]
    fn the_examples_of_the_standard_give_what_it_says() {
        let stocks = b"data: YHOO\ndata: +2\ndata: 10\n\n";
        assert_eq!(data(&same_at_every_cut(stocks)), ["YHOO\n+2\n10"]);

        let four =
            b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n";
        let events = same_at_every_cut(four);
        assert_eq!(data(&events), ["first event", "second event"]);
        assert_eq!(
            events
                .iter()
                .map(|event| event.id.as_str())
                .collect::<Vec<_>>(),
            ["1", ""]
        );

        let empty = b"data\n\ndata\ndata\n\ndata:";
        assert_eq!(data(&same_at_every_cut(empty)), ["", "\n"]);

        let spaces = b"data:test\n\ndata: test\n\n";
        assert_eq!(data(&same_at_every_cut(spaces)), ["test", "test"]);
    }

    #[test]
    fn every_line_end_of_the_standard_ends_a_line_and_a_cut_inside_crlf_makes_no_extra_line() {
        for end in ["\n", "\r\n", "\r"] {
            let stream = ["event: a", "data: 1", "data: 2", "", "data: 3", "", ""].join(end);
            let events = same_at_every_cut(stream.as_bytes());
            assert_eq!(data(&events), ["1\n2", "3"], "{end:?}");
            assert_eq!(events.first().unwrap().event, "a");
            assert_eq!(events.last().unwrap().event, "");
        }
        assert_eq!(
            data(&same_at_every_cut(b"data: 1\r\rdata: 2\n\rdata: 3\r\n\n")),
            ["1", "2", "3"]
        );
    }

    #[test]
    fn a_cut_inside_a_character_or_the_byte_order_mark_changes_nothing() {
        let stream =
            "\u{feff}data: Bodenfruchtbarkeit – 土壌 🌱\n\n\u{feff}data: not at the start\n\n";
        assert_eq!(
            data(&same_at_every_cut(stream.as_bytes())),
            ["Bodenfruchtbarkeit – 土壌 🌱"]
        );
    }

    #[test]
    fn comments_unknown_fields_and_ids_with_nul_are_passed_over() {
        let stream = b": ping\n:\nretry: 10\nnonsense\nDATA: no\nid: 7\nid: 8\x008\ndata: x\n\n";
        let events = same_at_every_cut(stream);
        assert_eq!(data(&events), ["x"]);
        assert_eq!(events.first().unwrap().id, "7");
    }

    #[test]
    fn a_field_called_error_is_an_event_of_its_own() {
        for end in ["\n\n", "\n"] {
            let stream = format!("data: x\n\nerror: {{\"code\":400}}{end}data: [DONE]\n\n");
            let events = same_at_every_cut(stream.as_bytes());
            assert_eq!(data(&events), ["x", "{\"code\":400}", "[DONE]"]);
            assert_eq!(events.get(1).unwrap().event, "error");
        }
        let mut parser = SseParser::new();
        assert!(parser.push(b"error: full").unwrap().is_empty());
        assert_eq!(parser.finish().unwrap().data, "full");
    }

    #[test]
    fn lines_of_no_stream_are_kept_up_to_a_bound() {
        let mut parser = SseParser::new();
        parser
            .push(b": ping\nretry: 1\nInternal error:\nout of memory\n")
            .unwrap();
        assert_eq!(parser.stray(), "Internal error:\nout of memory");
        for _ in 0..1000 {
            parser.push(b"again and again\n").unwrap();
        }
        assert!(parser.stray().len() <= 2 * MAX_STRAY_BYTES);
    }

    #[test]
    fn an_event_name_without_data_is_forgotten() {
        let events = same_at_every_cut(b"event: a\n\ndata: x\n\n");
        assert_eq!(events.first().unwrap().event, "");
    }

    #[test]
    fn what_is_not_utf_8_is_replaced_and_does_not_stop_the_stream() {
        assert_eq!(
            data(&same_at_every_cut(b"data: a\xffb\n\ndata: c\n\n")),
            ["a\u{fffd}b", "c"]
        );
    }

    #[test]
    fn an_event_without_its_blank_line_is_given_only_at_the_end_on_request() {
        for stream in ["data: x", "data: x\n"] {
            let mut parser = SseParser::new();
            assert!(parser.push(stream.as_bytes()).unwrap().is_empty());
            assert_eq!(parser.finish().unwrap().data, "x");
        }
        assert_eq!(SseParser::new().finish(), None);
    }

    #[test]
    fn a_line_or_an_event_without_end_is_refused_before_it_fills_the_memory() {
        let piece = vec![b'x'; 1024 * 1024];
        let mut parser = SseParser::new();
        assert!((0..9).any(|_| parser.push(&piece).is_err()));
        assert_eq!(parser.push(b"\n\ndata: x\n\n"), Err(SseTooLong));
        assert_eq!(parser.finish(), None);

        let mut line = b"data: ".to_vec();
        line.extend_from_slice(&piece);
        line.push(b'\n');
        let mut parser = SseParser::new();
        assert!((0..9).any(|_| parser.push(&line).is_err()));
    }
}
