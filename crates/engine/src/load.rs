//! Model files from disk, for native tools and tests.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use seedbed_weights::{GgufReader, Header, Rows, SafetensorsReader, part_names};

use crate::Error;
use crate::gpu::context::Context;
use crate::gpu::weights::{Builder, Weights};

/// Reads a model, GGUF or safetensors by the file's name, into the device's memory.
pub fn model(context: &Context, path: &Path, config: Option<&Path>) -> Result<Weights, Error> {
    if path.extension().is_some_and(|kind| kind == "safetensors") {
        let failed = |error: std::io::Error| Error::File(format!("{}: {error}", path.display()));
        let config = match config {
            Some(config) => config.to_owned(),
            None => path.with_file_name("config.json"),
        };
        let text = std::fs::read_to_string(&config)
            .map_err(|error| Error::File(format!("{}: {error}", config.display())))?;
        let size = std::fs::metadata(path).map_err(failed)?.len();
        let name = path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut reader = SafetensorsReader::new(&name, &text, Some(size))?;
        let mut builder = None;
        stream(context, path, &mut builder, |bytes, sink| {
            reader.push(bytes, sink)
        })?;
        reader.finish()?;
        let builder = builder.ok_or_else(|| Error::File(format!("{name} holds no weights")))?;
        return builder.finish(context);
    }
    Ok(gguf(context, path)?.0)
}

/// Reads a GGUF file into the device's memory.
pub fn gguf(context: &Context, path: &Path) -> Result<(Weights, Header), Error> {
    let name = path
        .file_name()
        .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let parts = part_names(&name).unwrap_or_else(|| vec![name.clone()]);
    let mut builder = None;
    let mut reader = None;
    for part in &parts {
        let path = path.with_file_name(part);
        let size = std::fs::metadata(&path)
            .map_err(|error| Error::File(format!("{}: {error}", path.display())))?
            .len();
        let reader = match &mut reader {
            None => reader.insert(GgufReader::new(part, Some(size))),
            Some(reader) => {
                reader.next_file(part, Some(size))?;
                reader
            }
        };
        stream(context, &path, &mut builder, |bytes, sink| {
            reader.push(bytes, sink)
        })?;
    }
    let (Some(mut reader), Some(builder)) = (reader, builder) else {
        return Err(Error::File(format!("{name} holds no weights")));
    };
    reader.finish()?;
    let header = reader
        .header()
        .cloned()
        .ok_or_else(|| Error::File(format!("{name} has no header")))?;
    Ok((builder.finish(context)?, header))
}

type Sink<'a> = dyn FnMut(Rows<'_>) -> Result<(), seedbed_weights::Error> + 'a;

/// Feeds a file to a reader and what it finds to the device.
fn stream(
    context: &Context,
    path: &Path,
    builder: &mut Option<Builder>,
    mut push: impl FnMut(&[u8], &mut Sink<'_>) -> Result<(), seedbed_weights::Error>,
) -> Result<(), Error> {
    let failed = |error: std::io::Error| Error::File(format!("{}: {error}", path.display()));
    let mut file = File::open(path).map_err(failed)?;
    let mut buffer = vec![0; 1 << 20];
    let mut trouble = None;
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        push(&buffer[..read], &mut |rows| {
            if trouble.is_none() {
                trouble = receive(context, builder, &rows).err();
            }
            Ok(())
        })?;
        if let Some(error) = trouble {
            return Err(error);
        }
    }
    Ok(())
}

fn receive(context: &Context, builder: &mut Option<Builder>, rows: &Rows<'_>) -> Result<(), Error> {
    let builder = match builder {
        Some(builder) => builder,
        None => builder.insert(Builder::new(&rows.header.spec)?),
    };
    builder.rows(context, rows)
}
