#!/usr/bin/env python3
"""Chat templates and what Jinja2 makes of them, as `transformers` sets it up: make_templates.py NAME=FILE … > out.json

FILE is a tokenizer_config.json, or a template. Needs `pip install jinja2`. templates.json holds those under Apache-2.0
(SmolLM2, Qwen2.5, Qwen3); tests/templates.rs reads others from SEEDBED_TEMPLATES.
"""
import json, sys
from jinja2.ext import loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

CHATS = [
    [("user", "Hi")],
    [("system", "You are a farmer."), ("user", "Why rotate crops?")],
    [("user", "  padded  \n"), ("assistant", "An answer.\n"), ("user", "And then?")],
    [("system", "S"), ("user", "a"), ("assistant", "<think>\nhm\n</think>\n\nYes."), ("user", "b"), ("assistant", "No."), ("user", "c")],
    [("user", "na\u00efve \u6771\u4eac \U0001f642 \"quotes\" {{ braces }} {% raw %}")],
]

def fail(text):
    raise ValueError(text)

env = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=[loopcontrols])
env.filters["tojson"] = lambda x, ensure_ascii=False, indent=None, separators=None, sort_keys=False: json.dumps(x, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)
env.globals["raise_exception"] = fail
env.globals["strftime_now"] = lambda f: __import__("datetime").date(2026, 1, 2).strftime(f)

def text(x):
    return x["content"] if isinstance(x, dict) else (x or "")

out = []
for one in sys.argv[1:]:
    name, path = one.split("=", 1)
    raw = open(path).read()
    config = json.loads(raw) if path.endswith(".json") else {"chat_template": raw, "bos_token": "<|im_start|>", "eos_token": "<|im_end|>"}
    source = config["chat_template"]
    bos, eos = text(config.get("bos_token")), text(config.get("eos_token"))
    renders = []
    for chat in CHATS:
        messages = [{"role": r, "content": c} for r, c in chat]
        for start in (True, False):
            try:
                made = env.from_string(source).render(messages=messages, add_generation_prompt=start, bos_token=bos, eos_token=eos, enable_thinking=False, tools=None, documents=None)
            except ValueError as error:
                made = None
            renders.append({"messages": messages, "start": start, "text": made})
    out.append({"name": name, "source": source, "bos": bos, "eos": eos, "renders": renders})
print(json.dumps(out, ensure_ascii=True, indent=0))
