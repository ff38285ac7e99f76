// A tiny checkpoint of the fixtures as the files that a person has on their computer: config.json, weights in safetensors,
// and a tokenizer made here. The fixtures have none: the tokens of their reference stand here for letters, so that a chat
// asks exactly what the reference was asked, and says which tokens came back.

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const json = (path) => JSON.parse(readFileSync(path, "utf8"));

/** The weights in two files, with their index. */
function shards(bytes) {
  const start = 8 + Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.toString("utf8", 8, start));
  const names = Object.keys(header).filter((name) => name !== "__metadata__");
  const half = Math.ceil(names.length / 2);
  const files = {};
  const map = {};
  for (const [number, part] of [names.slice(0, half), names.slice(half)].entries()) {
    const name = `model-0000${number + 1}-of-00002.safetensors`;
    let at = 0;
    const entries = {};
    const data = part.map((tensor) => {
      const [from, to] = header[tensor].data_offsets;
      entries[tensor] = { ...header[tensor], data_offsets: [at, at + to - from] };
      map[tensor] = name;
      at += to - from;
      return bytes.subarray(start + from, start + to);
    });
    const text = Buffer.from(JSON.stringify(entries));
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(text.length));
    files[name] = Buffer.concat([length, text, ...data]);
  }
  files["model.safetensors.index.json"] = JSON.stringify({ metadata: {}, weight_map: map });
  return files;
}

/**
 * Writes the files of the checkpoint in the folder `from` to the folder `to`. What to say to it so that it reads the
 * reference's tokens, what it answers when it writes the reference's, and the names of the files.
 */
export function makeCheckpoint(from, to, { isSharded = false } = {}) {
  const ids = json(join(from, "ref/ids.json"));
  const greedy = json(join(from, "ref/greedy.json"));
  // The last one is how such files write the space.
  const letters = [...Array.from({ length: 94 }, (_, n) => String.fromCharCode(33 + n)), "Ġ"];
  const used = [...new Set([...ids, ...greedy])];
  const { vocab_size: size } = json(join(from, "config.json"));
  const rest = Array.from({ length: size }, (_, id) => id).filter((id) => !used.includes(id));
  const vocab = Object.fromEntries(letters.map((letter, n) => [letter, n < used.length ? used[n] : rest[n - used.length]]));
  const weights = readFileSync(join(from, "model.safetensors"));
  const files = {
    "config.json": readFileSync(join(from, "config.json")),
    "tokenizer.json": JSON.stringify({
      added_tokens: [],
      normalizer: null,
      pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
      post_processor: null,
      model: { type: "BPE", vocab, merges: [], unk_token: null },
    }),
    "tokenizer_config.json": JSON.stringify({ chat_template: "{{ messages[0]['content'] }}" }),
    ...(isSharded ? shards(weights) : { "model.safetensors": weights }),
  };
  mkdirSync(to, { recursive: true });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(to, name), content);
  const text = (tokens) => tokens.map((id) => letters[used.indexOf(id)]).join("");
  return { prompt: text(ids), answer: text(greedy), count: greedy.length, promptTokens: ids.length, names: Object.keys(files) };
}
