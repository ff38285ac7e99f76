#!/usr/bin/env python3
"""Chat templates and what Jinja2 makes of them, as `transformers` sets it up: make_templates.py NAME=FILE … > out.json

FILE is a tokenizer_config.json, or a template, or a folder, a wheel or a .tar.gz with templates, or an earlier out.json (then NAME is a part of
names, or empty for all). What templates.json holds is told in README.md; tests/templates.rs reads others from
SEEDBED_TEMPLATES.
"""
import json, pathlib, sys, tarfile, zipfile
from transformers_jinja import render

CHATS = [
    [("user", "Hi")],
    [("system", "You are a farmer."), ("user", "Why rotate crops?")],
    [("user", "  padded  \n"), ("assistant", "An answer.\n"), ("user", "And then?")],
    [("system", "S"), ("user", "a"), ("assistant", "<think>\nhm\n</think>\n\nYes."), ("user", "b"), ("assistant", "No."), ("user", "c")],
    [("user", "na\u00efve \u6771\u4eac \U0001f642 \"quotes\" {{ braces }} {% raw %}")],
    [("system", "Only this.")],
    [("user", "One."), ("user", "Two."), ("assistant", "Three.")],
    [("assistant", "I begin."), ("user", "Go on.")],
    [("system", ""), ("user", ""), ("assistant", ""), ("user", " ")],
    [("user", "a"), ("system", "Late."), ("user", "b")],
]


def text(x):
    return x["content"] if isinstance(x, dict) else (x or "")


def files(path):
    """Places and texts of the templates in a folder or an archive."""
    if path.is_dir():
        for one in path.rglob("*.jinja"):
            yield one, one.read_text()
    elif path.suffix == ".whl":
        with zipfile.ZipFile(path) as archive:
            for one in archive.namelist():
                if one.endswith(".jinja"):
                    yield pathlib.Path(one), archive.read(one).decode()
    else:
        with tarfile.open(path) as archive:
            for one in archive:
                if one.isfile() and one.name.endswith(".jinja"):
                    yield pathlib.Path(one.name), archive.extractfile(one).read().decode()


def sources(name, path):
    """Name, source, bos and eos of each template."""
    if path.is_dir() or path.suffix in (".whl", ".gz"):
        for place, source in sorted(files(path)):
            yield f"{name}/{place.stem}" if name else place.stem, source, "<|bos|>", "<|eos|>"
        return
    raw = path.read_text()
    if path.suffix != ".json":
        yield name, raw, "<|im_start|>", "<|im_end|>"
        return
    config = json.loads(raw)
    for one in config.get("templates", []):
        if name in one["name"]:
            yield one["name"], one["source"], one["bos"], one["eos"]
    if isinstance(config.get("chat_template"), str):
        yield name, config["chat_template"], text(config.get("bos_token")), text(config.get("eos_token"))


chats = [[{"role": role, "content": content} for role, content in chat] for chat in CHATS]
templates = []
for one in sys.argv[1:]:
    name, path = one.split("=", 1)
    for name, source, bos, eos in sources(name, pathlib.Path(path)):
        # For each chat with and without the beginning of an answer; nothing where it is refused.
        texts = [render(source, chat, start, bos, eos) for chat in chats for start in (True, False)]
        templates.append({"name": name, "source": source, "bos": bos, "eos": eos, "texts": texts})
print(json.dumps({"chats": chats, "templates": templates}, ensure_ascii=True, indent=0))
