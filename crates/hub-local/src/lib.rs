//! A local Hub: the HTTP surface of the Hugging Face Hub that Seedbed and the public client libraries use, kept in a
//! folder on disk and served on loopback.
//!
//! Two origins, as in production: the Hub itself, and a storage host that large files are sent to and read from. A third
//! one can serve the app's static files below a sub-path, as a static Space does. Faults can be ordered over HTTP
//! (`/__local/faults`), and every request is on record there (`/__local/log`). The crate's README says what is missing.

mod app;
mod attributes;
mod clock;
mod disk;
mod faults;
mod gguf;
mod git;
mod http;
mod hub;
mod local;
mod log;
mod model;
mod names;
mod serve;
mod storage;
mod text;

use crate::hub::Hub;
use crate::serve::Gate;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::runtime::Runtime;

/// The user that is always there.
pub const DEFAULT_USER: &str = "local";
/// That user's token; it may write.
pub const DEFAULT_TOKEN: &str = "hf_local";
/// The client id that the app's `config.json` names.
pub const CLIENT_ID: &str = "seedbed-local";
/// The name of the scripted model; it is no language model and says so.
pub const SCRIPTED_MODEL: &str = "scripted/farm-hand";

/// What to serve and where.
#[derive(Clone, Debug)]
pub struct Config {
    /// The folder everything is kept in; made when missing.
    pub dir: PathBuf,
    /// Port of the Hub on 127.0.0.1; 0 takes a free one.
    pub hub_port: u16,
    /// Port of the storage host on 127.0.0.1; 0 takes a free one.
    pub storage_port: u16,
    /// The app to serve, if any.
    pub app: Option<AppConfig>,
    /// Base address (such as `http://127.0.0.1:8080/v1`, http only) that `/v1/*` is passed on to.
    pub upstream: Option<String>,
    /// Answer `/v1/*` with the scripted model; an upstream goes first.
    pub has_scripted_model: bool,
    /// How long the scripted model waits before its first byte, in milliseconds.
    pub model_delay_ms: u64,
    /// How long it waits between the pieces of a streamed answer, in milliseconds.
    pub model_piece_delay_ms: u64,
    /// Uploads of more bytes than this are asked for in several parts.
    pub multipart_threshold: u64,
    /// Size of these parts in bytes.
    pub multipart_part_size: u64,
    /// Model files (GGUF) to serve as model repositories and to offer to the app; they are read where they lie.
    pub model_files: Vec<PathBuf>,
}

impl Config {
    /// A Hub in `dir` on free ports, without app or model; parts of 16 MiB for files over 64 MiB.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            hub_port: 0,
            storage_port: 0,
            app: None,
            upstream: None,
            has_scripted_model: false,
            model_delay_ms: 0,
            model_piece_delay_ms: 0,
            multipart_threshold: 64 << 20,
            multipart_part_size: 16 << 20,
            model_files: Vec::new(),
        }
    }
}

/// The static site to serve beside the Hub.
#[derive(Clone, Debug)]
pub struct AppConfig {
    /// The folder with `index.html`.
    pub dir: PathBuf,
    /// Port on 127.0.0.1; 0 takes a free one.
    pub port: u16,
    /// Path the site lives below, such as `/spaces/demo/`.
    pub sub_path: String,
    /// Put `window.huggingface.variables` right behind `<head>`, as a static Space with OAuth does.
    pub has_space_variables: bool,
}

/// A Hub that serves until this is dropped.
#[derive(Debug)]
pub struct Running {
    /// The Hub's address, without a slash at the end.
    pub hub_url: String,
    /// The storage host's address, without a slash at the end.
    pub storage_url: String,
    /// The app's address including its sub-path, with a slash at the end.
    pub app_url: Option<String>,
    runtime: Option<Runtime>,
}

impl Running {
    /// Serves until the process ends.
    pub fn wait(self) {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(std::future::pending::<()>());
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// Opens the folder, binds the ports and serves from threads of its own.
///
/// # Errors
/// When the folder cannot be read or made, what it holds is not of this Hub, a model file cannot be read, or a port is
/// taken.
pub fn start(config: Config) -> io::Result<Running> {
    let bind = |port: u16| -> io::Result<(TcpListener, Gate, String)> {
        let listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
            .map_err(|error| io::Error::new(error.kind(), format!("port {port}: {error}")))?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let gate = Gate::new(address.port());
        Ok((listener, gate, format!("http://{address}")))
    };
    let (hub_listener, hub_gate, hub_url) = bind(config.hub_port)?;
    let (storage_listener, storage_gate, storage_url) = bind(config.storage_port)?;
    let app = match config.app.clone() {
        Some(app) => Some((bind(app.port)?, app)),
        None => None,
    };
    let hub = Arc::new(Hub::open(config, hub_url.clone(), storage_url.clone())?);

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(4)
        .thread_name("hub-local")
        .enable_all()
        .build()?;
    serve::spawn(&runtime, hub_listener, hub_gate, {
        let hub = hub.clone();
        move |request| hub::answer(hub.clone(), request)
    })?;
    serve::spawn(&runtime, storage_listener, storage_gate.open_to_null(), {
        let hub = hub.clone();
        move |request| storage::answer(hub.clone(), request)
    })?;
    let app_url = match app {
        None => None,
        Some(((listener, gate, origin), app)) => {
            let site = Arc::new(app::Site::new(&app, &hub));
            let url = format!("{origin}{}", site.sub_path());
            serve::spawn(&runtime, listener, gate, move |request| {
                std::future::ready(Ok(app::answer(&site, request)))
            })?;
            Some(url)
        }
    };
    Ok(Running {
        hub_url,
        storage_url,
        app_url,
        runtime: Some(runtime),
    })
}
