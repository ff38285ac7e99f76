//! Databases on the Origin Private File System, in a dedicated worker.
//!
//! Each project has a pool of access handles in a folder of its own (`seedbed/<id>/`), so that one project can be given
//! to another tab while others stay open. What lists the projects lies beside them as small JSON files
//! (`seedbed/list/<id>.json`) that need no lock to read.

use crate::error::{Result, StoreError};
use crate::{Renewal, Store};
use js_sys::{Array, AsyncIterator, Reflect};
use rusqlite::{Connection, OpenFlags};
use sqlite_wasm_rs::WasmOsCallback;
use sqlite_wasm_rs::vfs::VfsFilesManager as _;
use sqlite_wasm_vfs::sahpool::{OpfsSAHError, OpfsSAHPoolCfgBuilder, OpfsSAHPoolUtil, install};
use wasm_bindgen::{JsCast as _, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{
    DedicatedWorkerGlobalScope, File, FileSystemDirectoryHandle, FileSystemFileHandle,
    FileSystemGetDirectoryOptions, FileSystemGetFileOptions, FileSystemRemoveOptions,
    FileSystemSyncAccessHandle, FileSystemWritableFileStream,
};

const ROOT: &str = "seedbed";
const LIST: &str = "list";
const DATABASE: &str = "project.sqlite";
/// A database, its copy from before a migration, their journals, and room for SQLite's temporary files.
const SLOTS: usize = 6;

/// The access handles of an open project.
pub struct Pool(OpfsSAHPoolUtil);

impl Pool {
    /// Frees the handles, after [`Store::close`]: another tab can open the project then.
    pub fn pause(&self) -> Result<()> {
        self.0.pause().map_err(|error| of_pool(&error))
    }
}

fn of_pool(error: &OpfsSAHError) -> StoreError {
    let text = error.to_string();
    if text.contains("QuotaExceeded") {
        StoreError::Full
    } else {
        StoreError::Sql(text)
    }
}

fn of_js(value: &JsValue) -> StoreError {
    let property = |name: &str| {
        Reflect::get(value, &name.into())
            .ok()
            .and_then(|value| value.as_string())
    };
    let name = property("name").unwrap_or_default();
    if name == "QuotaExceededError" {
        return StoreError::Full;
    }
    match property("message").or_else(|| value.as_string()) {
        Some(message) if name.is_empty() => StoreError::Sql(message),
        Some(message) => StoreError::Sql(format!("{name}: {message}")),
        None => StoreError::Sql(format!("{value:?}")),
    }
}

async fn root() -> std::result::Result<FileSystemDirectoryHandle, JsValue> {
    let scope: DedicatedWorkerGlobalScope = js_sys::global().dyn_into()?;
    let storage = Reflect::get(&scope.navigator(), &"storage".into())?;
    if storage.is_undefined() {
        return Err(JsValue::from_str("no storage in this context"));
    }
    let handle = JsFuture::from(scope.navigator().storage().get_directory()).await?;
    handle.dyn_into()
}

async fn folder(
    parent: &FileSystemDirectoryHandle,
    name: &str,
) -> std::result::Result<FileSystemDirectoryHandle, JsValue> {
    let options = FileSystemGetDirectoryOptions::new();
    options.set_create(true);
    JsFuture::from(parent.get_directory_handle_with_options(name, &options))
        .await?
        .dyn_into()
}

async fn list_folder() -> std::result::Result<FileSystemDirectoryHandle, JsValue> {
    folder(&folder(&root().await?, ROOT).await?, LIST).await
}

/// Whether files can be kept here; if not, why, in plain words.
pub async fn is_available() -> std::result::Result<(), String> {
    let has_handles = Reflect::has(&js_sys::global(), &"FileSystemSyncAccessHandle".into());
    if !has_handles.unwrap_or(false) {
        return Err("This browser can't keep a database in files. A current Chrome, Edge, Firefox or Safari can.".to_owned());
    }
    match list_folder().await {
        Ok(_) => Ok(()),
        Err(error) => {
            let StoreError::Sql(detail) = of_js(&error) else {
                return Err("The browser's storage for this site is full.".to_owned());
            };
            Err(format!(
                "The browser does not let this page keep files here, as in some private windows and \
                 embedded frames ({detail})."
            ))
        }
    }
}

/// Opens a project's database, made new if it is not there; that of an older build only with `renewal`, else it fails
/// with [`StoreError::Older`]. The caller holds the project's lock.
pub async fn open(project: &str, renewal: Option<Renewal>) -> Result<(Store, Pool)> {
    let name = format!("seedbed-{project}");
    let config = OpfsSAHPoolCfgBuilder::new()
        .vfs_name(&name)
        .directory(&format!("{ROOT}/{project}"))
        .initial_capacity(SLOTS)
        .build();
    let pool = install::<WasmOsCallback>(&config, false)
        .await
        .map_err(|error| of_pool(&error))?;
    if pool.is_paused() {
        pool.resume().await.map_err(|error| of_pool(&error))?;
    }
    let copy = format!("{DATABASE}{}", crate::backup::SUFFIX);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let store = Connection::open_with_flags_and_vfs(DATABASE, flags, name.as_str())
        .map_err(StoreError::from)
        .and_then(|connection| {
            if crate::schema::is_older(&connection) {
                // Of a migration that was cut off.
                pool.remove(&copy).ok();
            }
            Store::prepare(connection, renewal)
        });
    match store {
        Ok(store) => {
            // A copy that can't be removed now is tried again at the next opening.
            if store.outlives_backup().unwrap_or(false) && pool.remove(&copy).is_ok() {
                store.forget_backup().ok();
            }
            Ok((store, Pool(pool)))
        }
        Err(error) => {
            // Another try, or another tab, must find the handles free.
            pool.pause().ok();
            Err(error)
        }
    }
}

/// The files that list projects: `(id, JSON)`. Empty where nothing can be read.
pub async fn read_meta() -> Vec<(String, String)> {
    read_list().await.unwrap_or_default()
}

async fn read_list() -> std::result::Result<Vec<(String, String)>, JsValue> {
    let folder = list_folder().await?;
    let entries: AsyncIterator = folder.entries();
    let mut list = Vec::new();
    loop {
        let next = JsFuture::from(entries.next()?).await?;
        if Reflect::get(&next, &"done".into())?.is_truthy() {
            return Ok(list);
        }
        let pair: Array = Reflect::get(&next, &"value".into())?.dyn_into()?;
        let name = pair.get(0).as_string().unwrap_or_default();
        let Some(id) = name.strip_suffix(".json") else {
            continue;
        };
        let Ok(file) = pair.get(1).dyn_into::<FileSystemFileHandle>() else {
            continue;
        };
        // Being replaced or removed by another tab at this moment: the next listing has it.
        if let Ok(text) = read_file(&file).await {
            list.push((id.to_owned(), text));
        }
    }
}

/// Ids of the projects that have a folder here, listed or not. Empty where nothing can be read.
pub async fn stored() -> Vec<String> {
    read_folders().await.unwrap_or_default()
}

async fn read_folders() -> std::result::Result<Vec<String>, JsValue> {
    let parent = folder(&root().await?, ROOT).await?;
    let entries: AsyncIterator = parent.entries();
    let mut ids = Vec::new();
    loop {
        let next = JsFuture::from(entries.next()?).await?;
        if Reflect::get(&next, &"done".into())?.is_truthy() {
            return Ok(ids);
        }
        let pair: Array = Reflect::get(&next, &"value".into())?.dyn_into()?;
        let name = pair.get(0).as_string().unwrap_or_default();
        if name != LIST && pair.get(1).dyn_into::<FileSystemDirectoryHandle>().is_ok() {
            ids.push(name);
        }
    }
}

async fn read_file(handle: &FileSystemFileHandle) -> std::result::Result<String, JsValue> {
    let file: File = JsFuture::from(handle.get_file()).await?.dyn_into()?;
    let text = JsFuture::from(file.text()).await?;
    Ok(text.as_string().unwrap_or_default())
}

/// Writes the file that lists a project; it is replaced as a whole.
pub async fn write_meta(id: &str, json: &str) -> Result<()> {
    write_list(id, json).await.map_err(|error| of_js(&error))
}

async fn write_list(id: &str, json: &str) -> std::result::Result<(), JsValue> {
    let folder = list_folder().await?;
    let options = FileSystemGetFileOptions::new();
    options.set_create(true);
    let handle: FileSystemFileHandle =
        JsFuture::from(folder.get_file_handle_with_options(&format!("{id}.json"), &options))
            .await?
            .dyn_into()?;
    if !Reflect::has(&handle, &"createWritable".into())? {
        return write_at_once(&handle, json).await;
    }
    let stream: FileSystemWritableFileStream =
        JsFuture::from(handle.create_writable()).await?.dyn_into()?;
    JsFuture::from(stream.write_with_str(json)?).await?;
    JsFuture::from(stream.close()).await?;
    Ok(())
}

/// For browsers whose files have no streams to write to. A crash in the middle can leave half a file, which the list
/// then leaves out; the next change of the project writes it anew.
async fn write_at_once(
    handle: &FileSystemFileHandle,
    json: &str,
) -> std::result::Result<(), JsValue> {
    let access: FileSystemSyncAccessHandle = JsFuture::from(handle.create_sync_access_handle())
        .await?
        .dyn_into()?;
    let written = access
        .truncate_with_u32(0)
        .and_then(|()| access.write_with_u8_array(json.as_bytes()))
        .and_then(|_| access.flush());
    access.close();
    written
}

/// Removes a project: its database and its place in the list.
pub async fn remove(id: &str) -> Result<()> {
    remove_files(id).await.map_err(|error| of_js(&error))
}

async fn remove_files(id: &str) -> std::result::Result<(), JsValue> {
    let parent = folder(&root().await?, ROOT).await?;
    let options = FileSystemRemoveOptions::new();
    options.set_recursive(true);
    let is_missing = |error: &JsValue| {
        Reflect::get(error, &"name".into())
            .ok()
            .and_then(|name| name.as_string())
            .as_deref()
            == Some("NotFoundError")
    };
    if let Err(error) = JsFuture::from(parent.remove_entry_with_options(id, &options)).await
        && !is_missing(&error)
    {
        return Err(error);
    }
    let list = folder(&parent, LIST).await?;
    if let Err(error) = JsFuture::from(list.remove_entry(&format!("{id}.json"))).await
        && !is_missing(&error)
    {
        return Err(error);
    }
    Ok(())
}
