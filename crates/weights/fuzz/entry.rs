//! What the fuzz target and the mutation test run: both readers on any bytes, in pieces.

use seedbed_weights::{Error, GgufReader, Rows, SafetensorsReader, dequantize, limits};

/// The checks that any accepted file has to stand.
fn check(rows: Rows<'_>) -> Result<(), Error> {
    let tensor = rows.tensor().expect("the tensor exists");
    let row_bytes = tensor.row_bytes();
    assert_eq!(rows.bytes.len(), rows.rows * row_bytes);
    assert!(rows.first_row + rows.rows <= tensor.rows);
    assert!(rows.bytes.len() <= limits::GROUP_BYTES || rows.rows == 1);
    let mut weights = vec![0.0; tensor.cols];
    dequantize(tensor.dtype, &rows.bytes[..row_bytes], &mut weights)
}

/// Feeds `bytes` in pieces of `piece` bytes to both readers; `known` tells them the length. How many read it to its end.
pub(crate) fn run(bytes: &[u8], config: &str, piece: usize, known: bool) -> u32 {
    let length = known.then_some(bytes.len() as u64);
    let mut good = 0;
    let mut gguf = GgufReader::new("fuzz.gguf", length);
    let pushed = bytes
        .chunks(piece.max(1))
        .try_for_each(|bytes| gguf.push(bytes, &mut check));
    good += u32::from(pushed.and_then(|()| gguf.finish()).is_ok());
    if let Some(header) = gguf.header() {
        for layer in 0..header.spec.layers.len().min(4) {
            assert_eq!(
                header.spec.inverse_frequencies(layer, None).len(),
                header.spec.head_dim / 2
            );
        }
    }
    if let Ok(mut reader) = SafetensorsReader::new("fuzz.safetensors", config, length) {
        let pushed = bytes
            .chunks(piece.max(1))
            .try_for_each(|bytes| reader.push(bytes, &mut check));
        good += u32::from(pushed.and_then(|()| reader.finish()).is_ok());
    }
    good
}
