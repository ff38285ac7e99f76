//! Servers that fall silent or drip. Time here is a number that moves on when nothing else can.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use futures::future::{LocalBoxFuture, poll_fn};
use futures::task::noop_waker;
use futures::{FutureExt as _, StreamExt as _, stream};
use seedbed_core::chat::{ChatError, ChatModel as _, ChatReply, ChatRequest, ErrorClass};
use seedbed_core::engine;
use seedbed_core::messages::FailureKind;
use seedbed_core::model::{Endpoint, EndpointKind, Message, Sampling};
use seedbed_hub::model::WHOLE_ANSWER_MS;
use seedbed_hub::transport::{HttpRequest, HttpResponse, Transport, TransportError};
use seedbed_hub::{
    BETWEEN_CHUNKS_MS, CommitRequest, FIRST_BYTE_MS, HttpModel, HubClient, HubErrorKind, Operation,
    list_models, oauth,
};
use serde_json::json;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::task::{Context, Poll};

const MINUTE: u64 = 60_000;

/// Time that moves only when everybody waits for it.
#[derive(Default)]
struct Clock {
    now: Cell<u64>,
    awaited: RefCell<Vec<u64>>,
}

impl Clock {
    fn after(self: &Rc<Self>, ms: u64) -> LocalBoxFuture<'static, ()> {
        let clock = Rc::clone(self);
        let at = clock.now.get() + ms;
        poll_fn(move |_| {
            if clock.now.get() >= at {
                return Poll::Ready(());
            }
            clock.awaited.borrow_mut().push(at);
            Poll::Pending
        })
        .boxed_local()
    }

    /// Runs a future; `None` when it waits for what never comes.
    fn run<T>(&self, future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        let waker = noop_waker();
        loop {
            self.awaited.borrow_mut().clear();
            if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(value);
            }
            let next = self.awaited.borrow().iter().copied().min()?;
            self.now.set(next);
        }
    }
}

/// An answer: the wait before its head, the status, and its pieces with the wait before each.
#[derive(Clone)]
struct Slow {
    head_ms: u64,
    status: u16,
    pieces: Vec<(u64, Vec<u8>)>,
    /// Whether it ends after its pieces, or falls silent.
    is_ended: bool,
}

impl Slow {
    fn whole(body: &str) -> Self {
        Self {
            head_ms: 10,
            status: 200,
            pieces: vec![(10, body.as_bytes().to_vec())],
            is_ended: true,
        }
    }

    fn silent() -> Self {
        Self {
            head_ms: u64::MAX / 2,
            ..Self::whole("")
        }
    }

    /// Falls silent after these bytes.
    fn stuck(body: &str) -> Self {
        Self {
            is_ended: false,
            ..Self::whole(body)
        }
    }
}

#[derive(Default)]
struct Server {
    clock: Rc<Clock>,
    answers: RefCell<VecDeque<Slow>>,
    /// Requests that were let go of before their answer was read to the end.
    stopped: Rc<Cell<usize>>,
}

/// Counts itself when it is dropped too early.
struct Open {
    stopped: Rc<Cell<usize>>,
    is_read: bool,
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.is_read {
            self.stopped.set(self.stopped.get() + 1);
        }
    }
}

impl Server {
    fn new(answers: impl IntoIterator<Item = Slow>) -> Rc<Self> {
        Rc::new(Self {
            answers: RefCell::new(answers.into_iter().collect()),
            ..Self::default()
        })
    }

    fn hub(self: &Rc<Self>) -> HubClient {
        HubClient::new(Rc::<Self>::clone(self), "https://hub.test", None)
    }
}

impl Transport for Server {
    fn send(
        &self,
        _: HttpRequest,
    ) -> LocalBoxFuture<'static, Result<HttpResponse, TransportError>> {
        let answer = self.answers.borrow_mut().pop_front().expect("one too many");
        let clock = Rc::clone(&self.clock);
        let open = Open {
            stopped: Rc::clone(&self.stopped),
            is_read: false,
        };
        async move {
            clock.after(answer.head_ms).await;
            let state = Some((VecDeque::from(answer.pieces), open));
            let body = stream::unfold(state, move |state| {
                let clock = Rc::clone(&clock);
                async move {
                    let (mut pieces, mut open) = state?;
                    if let Some((ms, bytes)) = pieces.pop_front() {
                        clock.after(ms).await;
                        return Some((Ok(bytes), Some((pieces, open))));
                    }
                    if !answer.is_ended {
                        clock.after(u64::MAX / 2).await;
                    }
                    open.is_read = true;
                    drop(open);
                    None
                }
            });
            Ok(HttpResponse {
                status: answer.status,
                headers: Vec::new(),
                body: body.boxed_local(),
            })
        }
        .boxed_local()
    }

    fn sleep(&self, ms: u64) -> LocalBoxFuture<'static, ()> {
        self.clock.after(ms)
    }
}

fn commit() -> CommitRequest {
    CommitRequest {
        summary: "s".to_owned(),
        branch: "main".to_owned(),
        operations: vec![Operation::Delete {
            path: "a".to_owned(),
        }],
        ..CommitRequest::default()
    }
}

#[test]
fn every_call_of_the_hub_ends_when_the_hub_falls_silent() {
    for (answer, limit) in [
        (Slow::silent(), FIRST_BYTE_MS),
        (Slow::stuck(""), BETWEEN_CHUNKS_MS),
        (Slow::stuck("{\"name\":"), BETWEEN_CHUNKS_MS),
    ] {
        type Call =
            fn(HubClient, Rc<Server>) -> LocalBoxFuture<'static, Option<seedbed_hub::HubError>>;
        let calls: [Call; 6] = [
            |hub, _| async move { hub.whoami().await.err() }.boxed_local(),
            |hub, _| async move { hub.list_datasets("me").await.err() }.boxed_local(),
            |hub, _| async move { hub.create_dataset("me/x", true).await.err() }.boxed_local(),
            |hub, _| async move { hub.read_file("me/x", "main", "f").await.err() }.boxed_local(),
            |hub, _| async move { hub.commit("me/x", commit(), &|_| {}).await.err() }.boxed_local(),
            |_, server| {
                async move {
                    let transport: Rc<dyn Transport> = server;
                    let config = seedbed_core::messages::HubConfig::default();
                    let pending = seedbed_core::messages::OauthPending {
                        verifier: "v".to_owned(),
                        state: "s".to_owned(),
                        redirect_uri: String::new(),
                        client_id: String::new(),
                    };
                    oauth::finish(&transport, &config, &pending, "s", "c")
                        .await
                        .err()
                }
                .boxed_local()
            },
        ];
        for call in calls {
            let server = Server::new([answer.clone()]);
            let error = server.clock.run(call(server.hub(), Rc::clone(&server)));
            let error = error.expect("it ends").expect("it fails");
            assert_eq!(error.kind, HubErrorKind::TimedOut, "{error}");
            assert!(error.is_unknown());
            let took = server.clock.now.get();
            assert!((limit..limit + 1000).contains(&took), "{took} ms");
            assert_eq!(server.stopped.get(), 1, "the request is let go of");
            let failure = error.failure();
            assert_eq!(failure.kind, FailureKind::Network);
            assert!(failure.what.contains("stopped answering"), "{failure:?}");
            assert!(failure.next.contains("connection"), "{failure:?}");
        }
    }
}

#[test]
fn a_slow_line_is_waited_for_while_something_comes() {
    let body = json!({"name": "me"}).to_string();
    let dripping = Slow {
        head_ms: FIRST_BYTE_MS - 1000,
        pieces: body
            .bytes()
            .map(|byte| (MINUTE - 1000, vec![byte]))
            .collect(),
        ..Slow::whole("")
    };
    let server = Server::new([dripping]);
    let account = server.clock.run(server.hub().whoami()).unwrap().unwrap();
    assert_eq!(account.name, "me");
}

#[test]
fn a_large_upload_has_the_time_that_a_slow_line_needs() {
    let file = vec![b'a'; 4 << 20];
    let modes = json!({"files": [{"path": "a", "uploadMode": "regular"}]}).to_string();
    let done = Slow {
        // 4 MiB are 5.6 MB in base64, 350 s at 128 kbit/s.
        head_ms: 5 * MINUTE,
        ..Slow::whole("{\"commitOid\":\"c\"}")
    };
    let request = CommitRequest {
        operations: vec![Operation::Add {
            path: "a".to_owned(),
            bytes: file,
        }],
        ..commit()
    };
    let server = Server::new([Slow::whole(&modes), done]);
    let hub = server.hub();
    let outcome = server
        .clock
        .run(hub.commit("me/x", request.clone(), &|_| {}));
    assert_eq!(outcome.unwrap().unwrap().commit.as_deref(), Some("c"));
}

#[test]
fn a_refusal_is_told_though_its_words_never_end() {
    let refusal = Slow {
        status: 403,
        ..Slow::stuck("{\"error\":\"not yours\"}")
    };
    let server = Server::new([refusal]);
    let error = server
        .clock
        .run(server.hub().whoami())
        .unwrap()
        .unwrap_err();
    assert_eq!(
        (error.kind, error.message.as_str()),
        (HubErrorKind::Forbidden, "not yours")
    );
    assert!(server.clock.now.get() < MINUTE);
}

fn endpoint(kind: EndpointKind, base_url: &str) -> Endpoint {
    Endpoint {
        kind,
        base_url: base_url.to_owned(),
        model: "m".to_owned(),
        ..Endpoint::default()
    }
}

fn asked(server: &Rc<Server>, endpoint: &Endpoint) -> Option<Result<ChatReply, ChatError>> {
    let model = HttpModel::new(Rc::<Server>::clone(server), endpoint, None);
    let request = ChatRequest {
        model: "m".to_owned(),
        messages: vec![Message::user("hi")],
        sampling: Sampling::default(),
    };
    let mut on_text = |_: &str| {};
    server.clock.run(model.chat(request, &mut on_text))
}

/// `count` pieces of a stream, each but the first after almost a minute.
fn drip(count: usize) -> Slow {
    let event = json!({"choices": [{"index": 0, "delta": {"content": "x"}}]});
    let event = format!("data: {event}\n\n").into_bytes();
    let mut pieces = vec![(BETWEEN_CHUNKS_MS - 1000, event); count];
    pieces[0].0 = 10;
    Slow {
        pieces,
        ..Slow::stuck("")
    }
}

#[test]
fn a_model_that_drips_does_not_hold_its_place_for_ever() {
    let server = Server::new([drip(100_000)]);
    let error = asked(
        &server,
        &endpoint(EndpointKind::OpenAi, "http://localhost:1/v1"),
    );
    let error = error.unwrap().unwrap_err();
    assert_eq!(error.class, ErrorClass::Transient);
    assert!(error.failure.what.contains("30 minutes"), "{error:?}");
    assert_eq!(server.clock.now.get(), WHOLE_ANSWER_MS);
    assert_eq!(server.stopped.get(), 1);
}

#[test]
fn a_refused_field_does_not_start_the_whole_time_anew() {
    let refusals = [
        "stream_options",
        "seed",
        "max_tokens",
        "max_completion_tokens",
    ];
    let mut answers: Vec<Slow> = refusals
        .iter()
        .map(|field| Slow {
            status: 400,
            head_ms: 110_000,
            ..Slow::whole(&format!("{{\"error\":\"unsupported parameter: {field}\"}}"))
        })
        .collect();
    answers.remove(1);
    answers.push(drip(100_000));
    let server = Server::new(answers);
    let error = asked(
        &server,
        &endpoint(EndpointKind::OpenAi, "http://localhost:1/v1"),
    );
    assert!(
        error
            .unwrap()
            .unwrap_err()
            .failure
            .what
            .contains("30 minutes")
    );
    assert_eq!(server.clock.now.get(), WHOLE_ANSWER_MS);
}

#[test]
fn a_list_of_models_that_drips_ends_too() {
    let server = Server::new([drip(100_000)]);
    let transport: Rc<dyn Transport> = Rc::<Server>::clone(&server);
    let at = endpoint(EndpointKind::OpenAi, "http://localhost:1/v1");
    let error = server.clock.run(list_models(transport, &at, None));
    assert_eq!(error.unwrap().unwrap_err().class, ErrorClass::Transient);
    assert_eq!(server.clock.now.get(), WHOLE_ANSWER_MS);
}

#[test]
fn the_model_in_this_tab_is_waited_for_as_long_as_it_computes() {
    let at = endpoint(EndpointKind::Tab, engine::ADDRESS);
    let event =
        json!({"choices": [{"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}]});
    let event = format!("data: {event}\n\ndata: [DONE]\n\n");
    let late = Slow {
        head_ms: 100 * MINUTE,
        pieces: vec![(100 * MINUTE, event.into_bytes())],
        ..Slow::whole("")
    };
    let server = Server::new([late.clone()]);
    assert_eq!(asked(&server, &at).unwrap().unwrap().text, "x");
    // The same of a server that is none of the tab, whatever a file says of its kind.
    for kind in [EndpointKind::OpenAi, EndpointKind::Tab] {
        let server = Server::new([late.clone()]);
        let elsewhere = endpoint(kind, "http://localhost:1/v1");
        let error = asked(&server, &elsewhere).unwrap().unwrap_err();
        assert!(error.failure.what.contains("did not answer in time"));
    }
}
