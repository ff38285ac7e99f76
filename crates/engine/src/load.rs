//! Model files from disk, for native tools and tests.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use seedbed_weights::{GgufReader, Header, Rows, SafetensorsReader};

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
        let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        let mut reader = SafetensorsReader::new(&name, &text, Some(size))?;
        let builder = stream(context, path, |bytes, sink| reader.push(bytes, sink))?;
        reader.finish()?;
        return builder.finish(context);
    }
    Ok(gguf(context, path)?.0)
}

/// Reads a GGUF file into the device's memory.
pub fn gguf(context: &Context, path: &Path) -> Result<(Weights, Header), Error> {
    let size = std::fs::metadata(path)
        .map_err(|error| Error::File(format!("{}: {error}", path.display())))?
        .len();
    let name = path.file_name().map_or_else(String::new, |name| name.to_string_lossy().into_owned());
    let mut reader = GgufReader::new(&name, Some(size));
    let builder = stream(context, path, |bytes, sink| reader.push(bytes, sink))?;
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
    mut push: impl FnMut(&[u8], &mut Sink<'_>) -> Result<(), seedbed_weights::Error>,
) -> Result<Builder, Error> {
    let failed = |error: std::io::Error| Error::File(format!("{}: {error}", path.display()));
    let mut file = File::open(path).map_err(failed)?;
    let mut builder: Option<Builder> = None;
    let mut buffer = vec![0; 1 << 20];
    let mut trouble = None;
    loop {
        let read = file.read(&mut buffer).map_err(failed)?;
        if read == 0 {
            break;
        }
        push(&buffer[..read], &mut |rows| {
            if trouble.is_none() {
                trouble = receive(context, &mut builder, &rows).err();
            }
            Ok(())
        })?;
        if let Some(error) = trouble {
            return Err(error);
        }
    }
    builder.ok_or_else(|| Error::File(format!("{} holds no weights", path.display())))
}

fn receive(context: &Context, builder: &mut Option<Builder>, rows: &Rows<'_>) -> Result<(), Error> {
    let builder = match builder {
        Some(builder) => builder,
        None => builder.insert(Builder::new(context, &rows.header.spec, &rows.header.tensors)?),
    };
    builder.rows(context, rows)
}
