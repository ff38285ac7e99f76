"""A tiny checkpoint as GGUF: make_gguf.py FOLDER OUT.gguf {gemma3|smollm3}. Needs the packages `gguf` and `numpy`.

Names come from the package's tables and keys from its writer; values are changed as llama.cpp's converter does (Gemma's
norms + 1; rows of queries and keys of Llama's relatives as neighbours). The tokenizer is made up.
"""

import json
import sys

import gguf
import numpy as np

folder, out, arch = sys.argv[1:4]
config = json.load(open(f"{folder}/config.json"))
raw = open(f"{folder}/model.safetensors", "rb").read()
length = int.from_bytes(raw[:8], "little")
header = json.loads(raw[8 : 8 + length])


def tensor(name):
    entry = header[name]
    begin, end = entry["data_offsets"]
    assert entry["dtype"] == "F32"
    return np.frombuffer(raw[8 + length + begin : 8 + length + end], dtype=np.float32).reshape(entry["shape"])


def neighbours(rows, heads):
    return rows.reshape(heads, 2, rows.shape[0] // heads // 2, *rows.shape[1:]).swapaxes(1, 2).reshape(rows.shape)


kind = {"gemma3": gguf.MODEL_ARCH.GEMMA3, "smollm3": gguf.MODEL_ARCH.SMOLLM3}[arch]
layers = config["num_hidden_layers"]
heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
width = config.get("head_dim") or config["hidden_size"] // heads
rope = config["rope_parameters"]
names = gguf.get_tensor_name_map(kind, layers)
writer = gguf.GGUFWriter(out, gguf.MODEL_ARCH_NAMES[kind])
writer.add_name("tiny")
writer.add_context_length(config["max_position_embeddings"])
writer.add_embedding_length(config["hidden_size"])
writer.add_block_count(layers)
writer.add_feed_forward_length(config["intermediate_size"])
writer.add_head_count(heads)
writer.add_head_count_kv(kv_heads)
writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
if arch == "gemma3":
    writer.add_key_length(width)
    writer.add_value_length(width)
    writer.add_rope_freq_base(rope["full_attention"]["rope_theta"])
    writer.add_sliding_window(config["sliding_window"])
    writer.add_sliding_window_pattern(config["layer_types"].index("full_attention") + 1)
else:
    writer.add_rope_freq_base(rope["rope_theta"])
    writer.add_rope_dimension_count(width)
writer.add_vocab_size(config["vocab_size"])
writer.add_tokenizer_model("gpt2")
writer.add_tokenizer_pre("smollm")
writer.add_token_list([f"t{i}" for i in range(config["vocab_size"])])
writer.add_token_types([1] * config["vocab_size"])
writer.add_token_merges([])
writer.add_eos_token_id(2)
for name in header:
    if name == "__metadata__" or (name == "lm_head.weight" and config.get("tie_word_embeddings")):
        continue
    values = tensor(name)
    if arch == "gemma3" and name.endswith("norm.weight"):
        values = values + 1
    if arch == "smollm3" and name.endswith("q_proj.weight"):
        values = neighbours(values, heads)
    if arch == "smollm3" and name.endswith("k_proj.weight"):
        values = neighbours(values, kv_heads)
    target = names.get_name(name, try_suffixes=(".weight", ".bias"))
    writer.add_tensor(target, np.ascontiguousarray(values.astype(np.float32)))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
