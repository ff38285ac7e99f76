//! The accept loop: one task per connection, one function per origin. A function that fails cuts its connection.

use crate::http::{Cut, Reply};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::future::Future;
use std::io;
use std::net::TcpListener;
use std::time::Duration;
use tokio::runtime::Runtime;

/// Serves `listener` with `answer` until the runtime ends.
pub(crate) fn spawn<A, F>(runtime: &Runtime, listener: TcpListener, answer: A) -> io::Result<()>
where
    A: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Result<Reply, Cut>> + Send + 'static,
{
    let listener = {
        let _guard = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    runtime.spawn(async move {
        loop {
            let stream = match listener.accept().await {
                Ok((stream, _)) => stream,
                Err(_) => {
                    // Out of file handles, most likely: give the others time to end.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            // Small streamed pieces should arrive when they are written.
            let _ = stream.set_nodelay(true);
            let service = service_fn(answer.clone());
            tokio::spawn(async move {
                // Browsers drop connections at will, and a cut one is an error too: neither needs a word.
                let _ = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    });
    Ok(())
}
