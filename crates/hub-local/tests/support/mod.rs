//! A Hub in a folder of its own, and requests to it over a plain socket.

#![allow(
    clippy::expect_used,
    clippy::format_push_string,
    dead_code,
    reason = "helpers of tests may panic and need not be fast, and not every test uses all"
)]

use seedbed_hub_local::{Config, DEFAULT_TOKEN, Running, start};
use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A folder of its own, gone at the end.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("seedbed-hub-local-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("the temporary folder can be written");
        Self(path)
    }

    pub(crate) fn write(&self, name: &str, content: &[u8]) {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().expect("below the folder")).expect("can be made");
        std::fs::write(path, content).expect("can be written");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An answer as it came over the wire.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the answer is JSON")
    }
}

/// Sends one request on a connection of its own; `None` when it was cut before an answer.
pub(crate) fn send(
    url: &str,
    method: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Option<Answer> {
    let rest = url.strip_prefix("http://").expect("plain http");
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host).expect("the server listens");
    let mut head = format!(
        "{method} /{path} HTTP/1.0\r\nHost: {host}\r\nContent-Length: {}\r\n",
        body.len()
    );
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream
        .write_all(format!("{head}\r\n").as_bytes())
        .expect("can be sent");
    stream.write_all(body).expect("can be sent");
    let mut bytes = Vec::new();
    // A body that is cut counts as far as it came.
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n")?;
    let head = String::from_utf8(bytes[..end].to_vec()).expect("headers are text");
    Some(Answer {
        status: head.get(9..12)?.parse().ok()?,
        head,
        body: bytes[end + 4..].to_vec(),
    })
}

pub(crate) fn get(url: &str) -> Answer {
    send(url, "GET", &[], b"").expect("an answer")
}

pub(crate) fn post(url: &str, body: &Value) -> Option<Answer> {
    let authorization = format!("Bearer {DEFAULT_TOKEN}");
    let headers = [
        ("Authorization", authorization.as_str()),
        ("Content-Type", "application/json"),
    ];
    send(url, "POST", &headers, body.to_string().as_bytes())
}

pub(crate) fn started(folder: &Folder, change: impl FnOnce(&mut Config)) -> Running {
    let mut config = Config::new(folder.0.join("hub"));
    change(&mut config);
    start(config).expect("free ports and a folder")
}
