//! Files of the Hub that are read by range: what is asked for, what is taken for an answer, and what is not.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use futures::executor::block_on;
use futures::future::{LocalBoxFuture, ready};
use futures::{FutureExt as _, StreamExt as _, stream};
use seedbed_hub::transport::{HttpRequest, HttpResponse, Source as _, Transport, TransportError};
use seedbed_hub::{HubClient, HubErrorKind, HubFile, Token};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

const SHA: &str = "0123456789012345678901234567890123456789";

/// What the storage answers: status, `Content-Range` and the length of the body.
type Told = (u16, Option<&'static str>, usize);

/// Address and headers of a request.
type Asked = (String, Vec<(String, String)>);

#[derive(Default)]
struct Storage {
    answers: RefCell<VecDeque<Told>>,
    asked: RefCell<Vec<Asked>>,
    waits: RefCell<Vec<u64>>,
}

impl Transport for Storage {
    fn send(
        &self,
        request: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        self.asked.borrow_mut().push((request.url, request.headers));
        let told = self.answers.borrow_mut().pop_front();
        let Some((status, range, length)) = told else {
            return ready(Err(TransportError::Network("offline".to_owned()))).boxed_local();
        };
        let headers = range.map(|range| ("content-range".to_owned(), range.to_owned()));
        let body = (0..length).map(|at| Ok(vec![at as u8]));
        ready(Ok(HttpResponse {
            status,
            headers: headers.into_iter().collect(),
            body: stream::iter(body.collect::<Vec<_>>()).boxed_local(),
        }))
        .boxed_local()
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        // Limits of silence are never reached; waits between tries are over at once.
        if ms >= 10_000 {
            return futures::future::pending().boxed_local();
        }
        self.waits.borrow_mut().push(ms);
        ready(()).boxed_local()
    }
}

fn storage(answers: &[Told]) -> Rc<Storage> {
    Rc::new(Storage {
        answers: RefCell::new(answers.iter().copied().collect()),
        ..Storage::default()
    })
}

fn file(storage: &Rc<Storage>, path: &str, size: u64) -> HubFile {
    let transport: Rc<dyn Transport> = Rc::<Storage>::clone(storage);
    let client = HubClient::new(transport, "http://hub.test", Token::new("hf_secret"));
    client.file("ann/bees", SHA, path, size)
}

fn refused(told: Told, size: u64) -> (HubErrorKind, String, usize) {
    let storage = storage(&[told]);
    let file = file(&storage, "a.parquet", size);
    let failed = block_on(file.read(2..5)).expect_err("it is refused");
    assert!(!format!("{failed:?}").contains("hf_secret"));
    let error = file.take_failure().expect("why");
    assert!(file.take_failure().is_none(), "told once");
    let asked = storage.asked.borrow().len();
    (error.kind, error.message, asked)
}

#[test]
fn a_range_is_asked_for_by_its_first_and_last_byte_and_nothing_else() {
    let storage = storage(&[(206, Some("bytes 2-4/1000"), 3), (206, None, 3)]);
    let file = file(&storage, "data/a b#1.parquet", 1000);
    assert_eq!(block_on(file.read(2..5)), Ok(vec![0, 1, 2]));
    // A page can't read the header where the storage does not expose it.
    assert_eq!(block_on(file.read(990..993)), Ok(vec![0, 1, 2]));
    assert_eq!(block_on(file.read(7..7)), Ok(Vec::new()));
    let asked = storage.asked.borrow();
    assert_eq!(asked.len(), 2);
    let (url, headers) = &asked[0];
    let path = format!("/datasets/ann/bees/resolve/{SHA}/data/a%20b%231.parquet");
    assert_eq!(url, &format!("http://hub.test{path}"));
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["Range", "Authorization"]);
    assert_eq!(headers[0].1, "bytes=2-4");
    assert_eq!(file.fetched(), 6);
}

#[test]
fn a_whole_file_for_a_part_is_taken_only_when_it_is_small() {
    let (kind, message, asked) = refused((200, None, 10), 1 << 30);
    assert_eq!((kind, asked), (HubErrorKind::Malformed, 1));
    assert!(message.contains("the whole file"), "{message}");
    let storage = storage(&[(200, None, 10)]);
    let file = file(&storage, "a.csv", 10);
    assert_eq!(block_on(file.read(2..5)), Ok(vec![2, 3, 4]));
    // It is here now.
    assert_eq!(block_on(file.read(0..10)), Ok((0..10).collect()));
    assert_eq!(storage.asked.borrow().len(), 1);
}

#[test]
fn other_bytes_than_were_asked_for_are_no_answer() {
    for (told, why) in [
        ((206, Some("bytes 0-2/1000"), 3), "bytes 0-2 came"),
        ((206, Some("bytes 2-9/1000"), 8), "bytes 2-9 came"),
        ((206, Some("bytes 2-4/999"), 3), "its storage 999"),
        ((416, Some("bytes */3"), 0), ""),
    ] {
        let (kind, message, asked) = refused(told, 1000);
        let expected = match told.0 {
            416 => HubErrorKind::Refused,
            _ => HubErrorKind::Malformed,
        };
        assert_eq!((kind, asked), (expected, 1), "{told:?}");
        assert!(message.contains(why), "{message}");
    }
    // More bytes than were announced are not read on.
    let (kind, ..) = refused((206, Some("bytes 2-4/1000"), 50), 1000);
    assert_eq!(kind, HubErrorKind::Network);
}

#[test]
fn what_may_pass_is_tried_again_and_not_forever() {
    let good = (206, Some("bytes 2-4/1000"), 3);
    let cut = (206, Some("bytes 2-4/1000"), 2);
    let storage = storage(&[(503, None, 0), cut, (429, None, 0), good]);
    let file = file(&storage, "a.parquet", 1000);
    assert_eq!(block_on(file.read(2..5)), Ok(vec![0, 1, 2]));
    assert_eq!(storage.waits.borrow().len(), 3);
    assert!(storage.waits.borrow().is_sorted());
    assert!(file.take_failure().is_none());
    // Nothing answers any more.
    assert!(block_on(file.read(5..9)).is_err());
    assert_eq!(storage.asked.borrow().len(), 8);
    let error = file.take_failure().expect("why");
    assert_eq!(error.kind, HubErrorKind::Network);
    assert!(error.what.contains("a.parquet of ann/bees"), "{error}");
    for status in [401, 403, 404] {
        let (_, _, asked) = refused((status, None, 0), 1000);
        assert_eq!(asked, 1, "{status} will not pass");
    }
}

#[test]
fn a_file_that_is_read_in_order_comes_in_growing_pieces() {
    let answers = [
        (206, Some("bytes 0-9/1000"), 10),
        (206, Some("bytes 10-29/1000"), 20),
        (206, Some("bytes 30-69/1000"), 40),
    ];
    let storage = storage(&answers);
    let file = file(&storage, "rows.jsonl", 1000);
    for at in 0..7 {
        let read = block_on(file.read(10 * at..10 * at + 10));
        assert_eq!(read.map(|bytes| bytes.len()), Ok(10));
    }
    assert_eq!(storage.asked.borrow().len(), 3);
    // Its beginning is still here.
    assert!(block_on(file.read(0..20)).is_ok());
    assert_eq!(storage.asked.borrow().len(), 3);
}

#[test]
fn of_several_files_only_what_was_read_last_is_kept() {
    let answer = (206, Some("bytes 0-9/1000"), 10);
    let storage = storage(&[answer, answer, answer]);
    let transport: Rc<dyn Transport> = Rc::<Storage>::clone(&storage);
    let client = HubClient::new(transport, "http://hub.test", None);
    let files = client.files("ann/bees", SHA, &[("a.csv", 1000), ("b.csv", 1000)]);
    for (file, asked) in [(0, 1), (0, 1), (1, 2), (1, 2), (0, 3)] {
        assert!(block_on(files[file].read(0..10)).is_ok());
        assert_eq!(storage.asked.borrow().len(), asked);
    }
    let asked = storage.asked.borrow();
    assert!(asked[0].0.ends_with("/a.csv") && asked[1].0.ends_with("/b.csv"));
}
