//! Files of the browser's private storage, as the engine uses them.

use js_sys::{JsString, Reflect};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    File, FileSystemDirectoryHandle, FileSystemFileHandle, FileSystemGetDirectoryOptions,
    FileSystemGetFileOptions, FileSystemReadWriteOptions, FileSystemSyncAccessHandle,
};

/// The folder of model files.
const FOLDER: &str = "engine";

/// What the browser says, as text.
pub(crate) fn words(error: &JsValue) -> String {
    let field = |name: &str| Reflect::get(error, &name.into()).ok()?.as_string();
    match (field("name"), field("message")) {
        (Some(name), Some(message)) => format!("{name}: {message}"),
        _ => format!("{error:?}"),
    }
}

async fn wait<T: wasm_bindgen::JsCast>(promise: js_sys::Promise) -> Result<T, String> {
    JsFuture::from(promise)
        .await
        .map_err(|error| words(&error))?
        .dyn_into()
        .map_err(|value| format!("the browser gave {value:?}"))
}

async fn folder() -> Result<FileSystemDirectoryHandle, String> {
    let scope = super::scope().ok_or("this is no worker")?;
    let storage =
        Reflect::get(&scope.navigator(), &"storage".into()).map_err(|error| words(&error))?;
    if storage.is_undefined() {
        return Err("this browser keeps no files here".to_owned());
    }
    let root: FileSystemDirectoryHandle = wait(scope.navigator().storage().get_directory()).await?;
    let options = FileSystemGetDirectoryOptions::new();
    options.set_create(true);
    wait(root.get_directory_handle_with_options(FOLDER, &options)).await
}

async fn handle(name: &str, create: bool) -> Result<FileSystemFileHandle, String> {
    let options = FileSystemGetFileOptions::new();
    options.set_create(create);
    wait(folder().await?.get_file_handle_with_options(name, &options)).await
}

/// Names of all files.
pub(crate) async fn names() -> Result<Vec<String>, String> {
    let keys = folder().await?.keys();
    let mut out = Vec::new();
    loop {
        let next = keys.next().map_err(|error| words(&error))?;
        let step = JsFuture::from(next).await.map_err(|error| words(&error))?;
        if Reflect::get(&step, &"done".into()).is_ok_and(|done| done.is_truthy()) {
            return Ok(out);
        }
        if let Ok(name) = Reflect::get(&step, &"value".into())
            .and_then(wasm_bindgen::JsCast::dyn_into::<JsString>)
        {
            out.push(name.into());
        }
    }
}

/// A file's bytes; 0 if it is not there.
pub(crate) async fn size(name: &str) -> u64 {
    let Ok(handle) = handle(name, false).await else {
        return 0;
    };
    wait::<File>(handle.get_file())
        .await
        .map_or(0, |file| file.size() as u64)
}

/// A small file's text.
pub(crate) async fn read(name: &str) -> Result<String, String> {
    let file: File = wait(handle(name, false).await?.get_file()).await?;
    wait::<JsString>(file.text()).await.map(Into::into)
}

/// Removes a file; it need not be there.
pub(crate) async fn remove(name: &str) -> Result<(), String> {
    if handle(name, false).await.is_err() {
        return Ok(());
    }
    let gone = folder().await?.remove_entry(name);
    JsFuture::from(gone)
        .await
        .map(|_| ())
        .map_err(|error| words(&error))
}

/// A file that is open; closed when dropped.
pub(crate) struct Open(FileSystemSyncAccessHandle);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Open {
    /// Opens a file, made new if it is not there. Only one tab can have it open.
    pub(crate) async fn new(name: &str) -> Result<Self, String> {
        let access = handle(name, true).await?.create_sync_access_handle();
        wait(access).await.map(Self)
    }

    pub(crate) fn size(&self) -> u64 {
        self.0.get_size().map_or(0, |size| size as u64)
    }

    /// Fills `bytes` from `at` on; fewer at the end.
    pub(crate) fn read(&self, at: u64, bytes: &mut [u8]) -> Result<usize, String> {
        let options = FileSystemReadWriteOptions::new();
        options.set_at(at as f64);
        self.0
            .read_with_u8_array_and_options(bytes, &options)
            .map(|read| read as usize)
            .map_err(|error| words(&error))
    }

    /// Writes all of `bytes` at `at`.
    pub(crate) fn write(&self, at: u64, bytes: &[u8]) -> Result<(), String> {
        let options = FileSystemReadWriteOptions::new();
        options.set_at(at as f64);
        let written = self
            .0
            .write_with_u8_array_and_options(bytes, &options)
            .map_err(|error| words(&error))?;
        if written as usize == bytes.len() {
            Ok(())
        } else {
            Err("the storage is full".to_owned())
        }
    }

    pub(crate) fn truncate(&self, size: u64) -> Result<(), String> {
        self.0
            .truncate_with_f64(size as f64)
            .map_err(|error| words(&error))
    }

    pub(crate) fn flush(&self) {
        // What can't be flushed is found out when it is read again.
        let _ = self.0.flush();
    }
}

/// Writes a small file.
pub(crate) async fn write(name: &str, text: &str) -> Result<(), String> {
    let open = Open::new(name).await?;
    open.truncate(0)?;
    open.write(0, text.as_bytes())?;
    open.flush();
    Ok(())
}
