//! The socket transport behaves as a browser's fetch where it matters: redirects, streaming, and stopping.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use futures::StreamExt as _;
use futures::executor::block_on;
use seedbed_hub::native::NativeTransport;
use seedbed_hub::transport::{HttpRequest, Method, Transport, TransportError};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// Head and body of a request, as it came.
fn heard(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        assert_ne!(reader.read_line(&mut head).unwrap(), 0, "cut: {head}");
    }
    let length = head
        .lines()
        .find_map(|line| {
            line.to_lowercase()
                .strip_prefix("content-length: ")?
                .parse()
                .ok()
        })
        .unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    head + std::str::from_utf8(&body).unwrap()
}

/// Answers as many requests as there are answers, one connection each, and gives back what it heard.
fn serving(listener: TcpListener, answers: Vec<String>) -> JoinHandle<Vec<String>> {
    thread::spawn(move || {
        answers
            .into_iter()
            .map(|answer| {
                let (mut stream, _) = listener.accept().unwrap();
                let request = heard(&stream);
                stream.write_all(answer.as_bytes()).unwrap();
                request
            })
            .collect()
    })
}

fn listening() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn led(status: u16, to: &str) -> String {
    format!(
        "HTTP/1.1 {status} x\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    )
}

fn said(text: &str) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nX-Kept: Yes\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    )
}

fn request(method: Method, url: &str, body: &str) -> HttpRequest {
    HttpRequest {
        method,
        url: url.to_owned(),
        headers: vec![("Authorization".to_owned(), "Bearer hf_x".to_owned())],
        body: body.as_bytes().to_vec().into(),
    }
}

async fn text_of(request: HttpRequest) -> Result<String, TransportError> {
    let mut response = NativeTransport::default().send(request).await?;
    assert_eq!(response.status, 200);
    assert!(
        response
            .headers
            .contains(&("x-kept".to_owned(), "Yes".to_owned()))
    );
    let mut bytes = Vec::new();
    while let Some(piece) = response.body.next().await {
        bytes.extend(piece?);
    }
    Ok(String::from_utf8(bytes).unwrap())
}

#[test]
fn the_token_follows_within_its_origin_and_not_beyond() {
    let (storage, storage_url) = listening();
    let (hub, hub_url) = listening();
    let storage = serving(storage, vec![said("bytes")]);
    let answers = vec![led(307, "/here"), led(302, &format!("{storage_url}/there"))];
    let hub = serving(hub, answers);
    let text = block_on(text_of(request(Method::Get, &format!("{hub_url}/a"), ""))).unwrap();
    assert_eq!(text, "bytes");
    for heard in hub.join().unwrap() {
        assert!(heard.to_lowercase().contains("authorization: bearer hf_x"));
    }
    let heard = storage.join().unwrap().remove(0);
    assert!(heard.starts_with("GET /there "));
    assert!(!heard.to_lowercase().contains("authorization"), "{heard}");
}

#[test]
fn a_post_is_repeated_or_turned_into_a_read_as_the_status_says() {
    for (status, expected, body) in [(307, "POST /b ", "body"), (303, "GET /b ", "")] {
        let (hub, url) = listening();
        let hub = serving(hub, vec![led(status, "/b"), said("done")]);
        block_on(text_of(request(Method::Post, &format!("{url}/a"), "body"))).unwrap();
        let heard = hub.join().unwrap();
        assert!(heard[0].starts_with("POST /a ") && heard[0].ends_with("\r\n\r\nbody"));
        assert!(heard[1].starts_with(expected), "{}", heard[1]);
        assert!(heard[1].ends_with(&format!("\r\n\r\n{body}")));
    }
}

#[test]
fn a_circle_of_redirects_ends() {
    let (hub, url) = listening();
    let hub = serving(hub, vec![led(302, "/a"); 20]);
    let error = block_on(text_of(request(Method::Get, &format!("{url}/a"), ""))).unwrap_err();
    assert!(matches!(error, TransportError::Network(_)), "{error}");
    assert_eq!(hub.join().unwrap().len(), 20);
}

#[test]
fn a_body_comes_in_pieces_and_letting_go_of_it_closes_the_connection() {
    let (listener, url) = listening();
    let server = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        heard(&stream);
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        stream.write_all(head.as_bytes()).unwrap();
        // Without an end: only the other side can stop this.
        while stream.write_all(b"5\r\nhello\r\n").is_ok() {}
    });
    block_on(async {
        let transport = NativeTransport::default();
        let mut response = transport
            .send(request(Method::Get, &url, ""))
            .await
            .map_err(|error| error.to_string())
            .unwrap();
        let piece = response.body.next().await.unwrap().unwrap();
        assert!(piece.starts_with(b"hello"));
    });
    server.join().unwrap();
}

#[test]
fn a_body_that_breaks_off_is_an_error_and_no_end() {
    let (hub, url) = listening();
    let cut = said("all of it").replace("Content-Length: 9", "Content-Length: 900");
    let hub = serving(hub, vec![cut]);
    let error = block_on(text_of(request(Method::Get, &url, ""))).unwrap_err();
    assert!(matches!(error, TransportError::Network(_)), "{error}");
    hub.join().unwrap();
}

#[test]
fn nobody_there_is_a_network_error() {
    let (listener, url) = listening();
    drop(listener);
    let error = block_on(text_of(request(Method::Get, &url, ""))).unwrap_err();
    assert!(matches!(error, TransportError::Network(_)), "{error}");
}
