//! Tables read in the page's own thread, from files that it hands over.

use futures::future::LocalBoxFuture;
use seedbed_backend::platform::{TableBytes, TableReader};
use seedbed_core::import::{Ask, Choice, Look, Scope, TableCall, TableSource, Told};
use seedbed_core::messages::{Failure, Request};
use seedbed_core::packed::Packed;
use seedbed_import::serve::Server;
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Blob, File};

thread_local! {
    static FILES: RefCell<HashMap<u32, Blob>> = RefCell::default();
}

/// Keeps a file under a number.
pub(crate) fn hand_over(number: u32, file: &File) {
    FILES.with_borrow_mut(|files| files.insert(number, (**file).clone()));
}

struct InPage(Server);

impl TableReader for InPage {
    fn ask(
        &mut self,
        ask: Packed<Ask>,
        progress: Box<dyn Fn(u64)>,
    ) -> LocalBoxFuture<'_, Result<Packed<Told>, Failure>> {
        Box::pin(async move { Ok(self.0.answer_packed(&ask, &*progress).await) })
    }
}

pub(crate) fn read_table(
    bytes: TableBytes,
) -> LocalBoxFuture<'static, Result<Box<dyn TableReader>, Failure>> {
    let TableBytes::File(number) = bytes else {
        panic!("pages of tests bring files only");
    };
    let file = FILES.with_borrow_mut(|files| files.remove(&number));
    Box::pin(async move {
        let buffer = JsFuture::from(file.expect("a file").array_buffer()).await;
        let bytes = js_sys::Uint8Array::new(&buffer.expect("bytes")).to_vec();
        let reader: Box<dyn TableReader> = Box::new(InPage(Server::new(Rc::new(bytes))));
        Ok(reader)
    })
}

/// Opens a table under a number that no page uses.
pub(crate) fn open_table(number: u32, name: &str, text: &str) -> Request {
    let parts = js_sys::Array::of1(&text.into());
    let blob = Blob::new_with_str_sequence(&parts).expect("a blob");
    FILES.with_borrow_mut(|files| files.insert(number, blob));
    TableCall::Open {
        source: TableSource::File {
            file: number,
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
