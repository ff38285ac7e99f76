//! What a commit needs of memory beside what it sends, counted by the allocator. Alone in its program: other tests would
//! be counted too.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout)]
#![allow(unsafe_code, reason = "an allocator is unsafe by its nature")]

use futures::future::LocalBoxFuture;
use futures::{FutureExt as _, StreamExt as _, stream};
use seedbed_hub::transport::{Body, HttpRequest, HttpResponse, Source, Transport, TransportError};
use seedbed_hub::{CommitRequest, HubClient, LargeFile, Operation};
use serde_json::{Value, json};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

struct Counting;

static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// One test at a time.
static TURN: Mutex<()> = Mutex::new(());

// SAFETY: every call is passed on as it came; only its size is counted.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(place, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Bytes that are read of a source at once.
const READ: usize = 64 << 10;

/// A file of this size that is nowhere.
struct Elsewhere(u64);

impl Source for Elsewhere {
    fn size(&self) -> u64 {
        self.0
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, TransportError>> {
        async move { Ok(vec![b'a'; (range.end - range.start) as usize]) }.boxed_local()
    }
}

/// Takes every commit and keeps nothing of it; large files go to storage as one, or in parts of this size.
struct Willing {
    part: Option<usize>,
    sent: Rc<Cell<usize>>,
}

impl Transport for Willing {
    fn send(
        &self,
        request: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        let sent = match &request.body {
            Body::Bytes(bytes) => bytes.len(),
            // As a file of the browser: what sends it reads a little at a time.
            Body::Range(source, range) => (range.start..range.end)
                .step_by(READ)
                .map(|at| source.read(at..range.end.min(at + READ as u64)))
                .map(|piece| piece.now_or_never().unwrap().unwrap().len())
                .sum(),
        };
        self.sent.set(self.sent.get() + sent);
        let url = request.url.as_str();
        let answer = if url.contains("/preupload/") {
            let asked: Value = serde_json::from_slice(request.body.bytes()).unwrap();
            let files = asked["files"].as_array().unwrap().iter().map(|file| {
                let is_large = file["path"].as_str().unwrap().ends_with(".parquet");
                let mode = if is_large { "lfs" } else { "regular" };
                json!({"path": file["path"], "uploadMode": mode})
            });
            json!({"files": files.collect::<Vec<_>>()})
        } else if url.ends_with("/batch") {
            let asked: Value = serde_json::from_slice(request.body.bytes()).unwrap();
            let object = &asked["objects"][0];
            let mut header = json!({});
            if let Some(part) = self.part {
                header["chunk_size"] = json!(part.to_string());
                for number in 1..=object["size"].as_u64().unwrap() as usize / part + 1 {
                    header[format!("{number:05}")] = json!("https://storage.test/part");
                }
            }
            let upload = json!({"href": "https://storage.test/x", "header": header});
            json!({
                "transfer": if self.part.is_some() { "multipart" } else { "basic" },
                "objects": [{"oid": object["oid"], "size": object["size"], "actions": {"upload": upload}}],
            })
        } else {
            json!({"commitOid": "0".repeat(40), "commitUrl": "u"})
        };
        let body = answer.to_string().into_bytes();
        async move {
            // As fetch: the browser has its own copy.
            drop(request);
            Ok(HttpResponse {
                status: 200,
                headers: vec![("etag".to_owned(), "e".to_owned())],
                body: stream::iter([Ok(body)]).boxed_local(),
            })
        }
        .boxed_local()
    }

    fn sleep(&self, _: u64) -> LocalBoxFuture<'static, ()> {
        futures::future::pending().boxed_local()
    }
}

/// Peak of memory during a commit of these changes, what they hold included. All of them have `size` bytes.
fn peak_of(operations: Vec<Operation>, held: usize, size: usize, part: Option<usize>) -> usize {
    let before = NOW.load(Relaxed) - held;
    let request = CommitRequest {
        summary: "s".to_owned(),
        branch: "main".to_owned(),
        operations,
        ..CommitRequest::default()
    };
    let sent = Rc::new(Cell::new(0));
    let transport = Willing {
        part,
        sent: Rc::clone(&sent),
    };
    let hub = HubClient::new(Rc::new(transport), "https://hub.test", None);
    PEAK.store(NOW.load(Relaxed), Relaxed);
    let outcome = hub.commit("me/x", request, &|_| {}).now_or_never();
    assert!(outcome.unwrap().unwrap().commit.is_some());
    assert!(sent.get() > size);
    PEAK.load(Relaxed) - before
}

/// Peak during a commit of `files` of `size` bytes each, as a multiple of them.
fn peak(files: usize, size: usize, ending: &str, part: Option<usize>) -> f64 {
    let _turn = TURN.lock().unwrap();
    let operations = (0..files).map(|at| Operation::Add {
        path: format!("x/{at}.{ending}"),
        bytes: vec![b'a'; size],
    });
    let all = files * size;
    let peak = peak_of(operations.collect(), all, all, part);
    let ratio = peak as f64 / all as f64;
    println!(
        "{files} .{ending} of {size} bytes, parts of {part:?}: peak {ratio:.2} times their bytes"
    );
    ratio
}

#[test]
fn a_commit_of_many_files_needs_them_and_its_request_and_no_more() {
    // Base64 takes four thirds, and the request is made room for at once.
    assert!(peak(16, 1 << 20, "jsonl", None) < 2.45);
}

#[test]
fn a_large_file_is_sent_as_it_is() {
    assert!(peak(1, 16 << 20, "parquet", None) < 1.1);
}

#[test]
fn a_large_file_in_parts_is_there_once_and_one_part_twice() {
    assert!(peak(1, 16 << 20, "parquet", Some(1 << 20)) < 1.2);
}

#[test]
fn a_file_that_is_not_in_memory_needs_as_much_of_it_whatever_its_size() {
    let _turn = TURN.lock().unwrap();
    for part in [None, Some(32 << 20)] {
        for size in [64 << 20, 1 << 30] {
            let file = LargeFile {
                source: Rc::new(Elsewhere(size as u64)),
                sha256: "0".repeat(64),
                sample: vec![b'a'; LargeFile::SAMPLE_BYTES],
            };
            let path = "x/0.parquet".to_owned();
            let peak = peak_of(vec![Operation::AddLarge { path, file }], 0, size, part);
            println!("{size} bytes elsewhere, parts of {part:?}: peak {peak} bytes");
            assert!(peak < 256 << 10);
        }
    }
}
