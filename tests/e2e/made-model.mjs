// Model files of any size, made here: the description and the tokenizer's part come from a real GGUF file, the sizes from
// who asks, the weights are invented. What they write is noise; how they load is real.

import { closeSync, openSync, readSync, writeSync } from "node:fs";

/** Bytes of a value of each GGUF type; strings (8) and arrays (9) have none. */
const WIDTHS = [1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8];
const [U32, F32, TEXT, ARRAY] = [4, 6, 8, 9];
const ALIGNMENT = 32;
/** Weights of a Q8_0 block, its bytes, its number. */
const Q8 = { weights: 32, bytes: 34, type: 8 };

/** Keys of a GGUF file, each with the bytes it has there: key, type and value. */
function readKeys(path) {
  const file = openSync(path, "r");
  const head = Buffer.alloc(64 << 20);
  const length = readSync(file, head, 0, head.length, 0);
  closeSync(file);
  if (head.toString("latin1", 0, 4) !== "GGUF" || head.readUInt32LE(4) !== 3) throw new Error(`${path} is no GGUF file of version 3`);
  const count = Number(head.readBigUInt64LE(16));
  let at = 24;
  const u64 = () => {
    at += 8;
    return Number(head.readBigUInt64LE(at - 8));
  };
  const text = () => {
    const size = u64();
    at += size;
    return size;
  };
  const skip = (type) => {
    if (type === TEXT) text();
    else if (type === ARRAY) {
      const of = head.readUInt32LE(at);
      at += 4;
      const items = u64();
      if (of === TEXT) for (let n = 0; n < items; n += 1) text();
      else at += WIDTHS[of] * items;
    } else at += WIDTHS[type];
  };
  const keys = [];
  for (let n = 0; n < count; n += 1) {
    const start = at;
    const size = text();
    const name = head.toString("utf8", at - size, at);
    const type = head.readUInt32LE(at);
    at += 4;
    const value = at;
    skip(type);
    if (at > length) throw new Error(`${path}: its keys do not fit into ${head.length} bytes`);
    const items = type === ARRAY ? Number(head.readBigUInt64LE(value + 4)) : undefined;
    keys.push({ name, items, bytes: Buffer.from(head.subarray(start, at)) });
  }
  return keys;
}

const word = (value) => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};
const four = (value) => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};
const named = (name) => Buffer.concat([word(Buffer.byteLength(name)), Buffer.from(name)]);

/** The same numbers each time (a linear congruential generator; only the high bits are taken). */
function* noise(seed) {
  let state = seed >>> 0;
  for (;;) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    yield state >>> 24;
  }
}

/** `count` Q8_0 blocks whose weights have about `spread`. */
function blocks(count, spread, seed) {
  const bytes = Buffer.alloc(count * Q8.bytes);
  const next = noise(seed);
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = next.next().value;
  // The scale is a half: 2^-n, as near to `spread` / 74 (the spread of evenly drawn bytes) as that comes.
  const exponent = Math.max(1, 15 + Math.round(Math.log2(spread / 74)));
  for (let n = 0; n < count; n += 1) bytes.writeUInt16LE(exponent << 10, n * Q8.bytes);
  return bytes;
}

/**
 * Writes a Llama model in Q8_0 to `to`, with the tokenizer of the GGUF file `from`. `sizes`: `hidden`, `ffn`, `layers`,
 * `heads`, `kvHeads`. Returns its bytes and its count of weights.
 */
export function makeModel(from, to, { hidden, ffn, layers, heads, kvHeads }) {
  const keys = readKeys(from).filter(({ name }) => name.startsWith("tokenizer."));
  const vocab = keys.find(({ name }) => name === "tokenizer.ggml.tokens").items;
  const number = (name, value) => keys.push({ bytes: Buffer.concat([named(name), four(U32), four(value)]) });
  const float = (name, value) => {
    const bytes = Buffer.alloc(4);
    bytes.writeFloatLE(value);
    keys.push({ bytes: Buffer.concat([named(name), four(F32), bytes]) });
  };
  keys.push({ bytes: Buffer.concat([named("general.architecture"), four(TEXT), named("llama")]) });
  number("llama.embedding_length", hidden);
  number("llama.feed_forward_length", ffn);
  number("llama.block_count", layers);
  number("llama.attention.head_count", heads);
  number("llama.attention.head_count_kv", kvHeads);
  number("llama.context_length", 2048);
  number("llama.vocab_size", vocab);
  number("llama.rope.dimension_count", hidden / heads);
  float("llama.rope.freq_base", 10_000);
  float("llama.attention.layer_norm_rms_epsilon", 1e-5);

  const tensors = [];
  let offset = 0;
  const add = (name, cols, rows) => {
    const bytes = rows ? (cols / Q8.weights) * Q8.bytes * rows : cols * 4;
    tensors.push({ name, cols, rows, bytes, offset });
    offset += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
  };
  const kv = (hidden / heads) * kvHeads;
  add("token_embd.weight", hidden, vocab);
  for (let n = 0; n < layers; n += 1) {
    const part = (name, cols, rows) => add(`blk.${n}.${name}.weight`, cols, rows);
    part("attn_norm", hidden);
    part("attn_q", hidden, hidden);
    part("attn_k", hidden, kv);
    part("attn_v", hidden, kv);
    part("attn_output", hidden, hidden);
    part("ffn_norm", hidden);
    part("ffn_gate", hidden, ffn);
    part("ffn_up", hidden, ffn);
    part("ffn_down", ffn, hidden);
  }
  add("output_norm.weight", hidden);

  const list = tensors.map(({ name, cols, rows, offset }) =>
    Buffer.concat([named(name), four(rows ? 2 : 1), word(cols), ...(rows ? [word(rows)] : []), four(rows ? Q8.type : 0), word(offset)]),
  );
  const start = Buffer.concat([Buffer.from("GGUF"), four(3), word(tensors.length), word(keys.length), ...keys.map(({ bytes }) => bytes), ...list]);
  const file = openSync(to, "w");
  const put = (bytes) => {
    for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
  };
  put(start);
  put(Buffer.alloc((ALIGNMENT - (start.length % ALIGNMENT)) % ALIGNMENT));
  const store = new Map();
  for (const { cols, rows, bytes } of tensors) {
    if (rows) {
      // So that a product is about as large as what goes in.
      const key = Math.round(Math.log2(cols));
      if (!store.has(key)) store.set(key, blocks(1 << 18, 1 / Math.sqrt(cols), cols));
      const pool = store.get(key);
      for (let left = bytes; left > 0; left -= pool.length) put(left < pool.length ? pool.subarray(0, left) : pool);
    } else {
      const ones = Buffer.alloc(bytes);
      for (let at = 0; at < bytes; at += 4) ones.writeFloatLE(1, at);
      put(ones);
    }
    put(Buffer.alloc((ALIGNMENT - (bytes % ALIGNMENT)) % ALIGNMENT));
  }
  closeSync(file);
  const padded = start.length + ((ALIGNMENT - (start.length % ALIGNMENT)) % ALIGNMENT);
  return { bytes: padded + offset, weights: tensors.reduce((sum, { cols, rows }) => sum + cols * (rows ?? 1), 0) };
}
