#!/usr/bin/env python3
"""Where the reference tokenizers cut text, for tests/splits.rs: make_splits.py > splits.json

Needs `pip install tokenizers`. The patterns are those of the models' tokenizer.json.
"""
import json
from tokenizers import Regex, pre_tokenizers as p

WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
SHORT = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|"
KINDS = {
    "gpt-2": p.ByteLevel(add_prefix_space=False, use_regex=True),
    "smollm": p.Sequence([p.Digits(individual_digits=True), p.ByteLevel(add_prefix_space=False, use_regex=True)]),
    "qwen2": p.Split(Regex(SHORT + WORDS % ""), "isolated"),
    "llama-bpe": p.Split(Regex(SHORT + WORDS % "{1,3}"), "isolated"),
}
TEXTS = [
    "", " ", "  ", "a", " a", "  a", "a ", "a  ", "\n", "\n\n", " \n", "\n ", "\r\n", "\r\n\r\n x", "\t\tx", "x\t", " \t \n \t x",
    "Hello world", "Hello, world!", "Hello  world\n\n  x", "I'm we'll they've it's don't he'd you're", "I'M WE'LL THEY'VE IT'S DON'T HE'D YOU'RE",
    "'S'T'Re 'x ''s '", "it'\u017f so", "rock'n'roll", "\u2019s isn\u2019t", "12345 apples, 3.14!", "1 12 123 1234 12345 123456", "a1b22c333", "1,000,000.00",
    "x\u00b2 + y\u00b3 = \u00bd \u2167 \u2460", "\u0661\u0662\u0663 \u0967\u0968", "2024-01-02T03:04:05Z", "na\u00efve caf\u00e9", "cafe\u0301 na\u0308ive", "\u6771\u4eac \U0001f642",
    "\u4f60\u597d\uff0c\u4e16\u754c\uff01123", "\u3053\u3093\u306b\u3061\u306f\u3001\u30ab\u30bf\u30ab\u30ca\u30fc", "\ud55c\uad6d\uc5b4 \ud14d\uc2a4\ud2b8", "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35", "\u0928\u092e\u0938\u094d\u0924\u0947 \u0926\u0941\u0928\u093f\u092f\u093e",
    "\u0645\u0631\u062d\u0628\u0627 \u0628\u0643", "\u05e9\u05dc\u05d5\u05dd", "\u03b1\u03b2\u03b3 \u0391\u0392\u0393", "\u041f\u0440\u0438\u0432\u0435\u0442, \u043c\u0438\u0440", "\U0001f468\u200d\U0001f469\u200d\U0001f467 family", "\U0001f1e9\U0001f1ea\U0001f44d\U0001f3fd",
    "a\u00a0b", "a\u2003b\u2009 c", "\u200b zero", "\ufeff bom", "\u3000wide", "\u2028line", "\u0085next", "\x00\x01\x1f", "a\x0bb\x0cc", "a\u1680b",
    "def f(x):\n    return x ** 2  # square\n", "for (i=0;i<10;i++){ a[i]+=\"x\"; }", "https://example.org/a?b=c&d=%20#e", "user@example.org", "<|im_start|>user\nHi<|im_end|>",
    "</s><s>[INST] <<SYS>>", "- item\n  - sub\n\n1. one\n2. two", "| a | b |\n|---|---|", "$$\\frac{1}{2}$$", "... --- !!!???", "!!! wow", " !x", "\n!x", "x\n\n\ny", "x \n \n y",
    "end with space ", "end with newline\n", "end with both \n", "trailing  \n\n  ", "  \n  leading", "\t\n\t", "a\r\nb", "a\rb", " 5", "  5", " 5 6", "\n5", "#5", " #5", "v1.2.3-beta+4",
    "\u00e6\u00f8\u00e5 \u00df \u0130\u0131", "\u01c5 \u02b0 \u2c7c \ua78c", "\u0301alone", "x\u0301\u0302y", "\u20ac100 \u00a350 \u00a5", "\u2460\u2461", "\u2170\u2171", "\U0001d54f\U0001d7d9", "\U00020000\U0002a6d6", "e\u0301'S 9'll",
    "a" * 300, " " * 50 + "x", "\n" * 30, "1" * 50, "!" * 40, "\U0001f642" * 20,
]

def cut(kind, text):
    return [text[a:b] for _, (a, b) in kind.pre_tokenize_str(text)]

print(json.dumps({"texts": TEXTS, "pieces": {name: [cut(kind, t) for t in TEXTS] for name, kind in KINDS.items()}}, ensure_ascii=True, indent=0))
