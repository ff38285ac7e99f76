//! Tables that somebody brings, read in process instead of in a worker.

use futures::future::{LocalBoxFuture, ready};
use seedbed_backend::platform::{TableBytes, TableReader};
use seedbed_core::import::{Ask, Choice, Look, Scope, TableCall, TableSource, Told};
use seedbed_core::messages::{Failure, Request};
use seedbed_core::packed::Packed;
use seedbed_hub::transport;
use seedbed_import::serve::Server;
use seedbed_import::source::{Source, SourceError};
use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

thread_local! {
    static FILES: RefCell<Vec<Vec<u8>>> = const { RefCell::new(Vec::new()) };
}

/// Hands a file over; gives its number.
pub(crate) fn hand_over(bytes: &[u8]) -> u32 {
    FILES.with_borrow_mut(|files| {
        files.push(bytes.to_vec());
        files.len() as u32 - 1
    })
}

struct InProcess(Server);

impl TableReader for InProcess {
    fn ask(
        &mut self,
        ask: Packed<Ask>,
        progress: Box<dyn Fn(u64)>,
    ) -> LocalBoxFuture<'_, Result<Packed<Told>, Failure>> {
        Box::pin(async move { Ok(self.0.answer_packed(&ask, &*progress).await) })
    }
}

/// A source of the network as one of the reader.
struct Remote(Rc<dyn transport::Source>);

impl Source for Remote {
    fn size(&self) -> u64 {
        self.0.size()
    }

    fn read(&self, range: Range<u64>) -> LocalBoxFuture<'static, Result<Vec<u8>, SourceError>> {
        let read = self.0.read(range);
        Box::pin(async move { read.await.map_err(|error| SourceError(error.to_string())) })
    }
}

pub(crate) fn read_table(
    bytes: TableBytes,
) -> LocalBoxFuture<'static, Result<Box<dyn TableReader>, Failure>> {
    let source: Rc<dyn Source> = match bytes {
        TableBytes::File(number) => {
            Rc::new(FILES.with_borrow(|files| files[number as usize].clone()))
        }
        TableBytes::Remote(source) => Rc::new(Remote(source)),
    };
    let reader: Box<dyn TableReader> = Box::new(InProcess(Server::new(source)));
    Box::pin(ready(Ok(reader)))
}

/// Opens a table.
pub(crate) fn open_table(name: &str, text: &str) -> Request {
    TableCall::Open {
        source: TableSource::File {
            file: hand_over(text.as_bytes()),
            name: name.to_owned(),
        },
        choice: Choice::default(),
        language: None,
    }
    .request()
}

/// Takes an opened table in as it is guessed.
pub(crate) fn take_table(look: &Look, into: Option<String>) -> Request {
    TableCall::Take {
        table: look.table,
        mapping: look.mapping.clone(),
        scope: Scope::default(),
        into,
    }
    .request()
}
