"""Makes the files of this folder with the real writers: pandas, NumPy, Python's json and repr.

    python -m venv v && v/bin/pip install pandas && v/bin/python make.py

The rows are our own. `tables.json` holds texts of files and the rows that must come out, `literals.json` cells and values.
"""

import ast, collections, datetime, decimal, io, json, pathlib, uuid
import numpy as np
import pandas as pd

HERE = pathlib.Path(__file__).parent
ROWS = [
    {"question": "What is mulch?", "answer": "A cover of \"straw\" [or leaves], {loose}.", "words": 7, "score": 0.5},
    {"question": "Wie viel Kompost?", "answer": "Zwei Liter je m²,\nnicht mehr. 🌱", "words": 5, "score": 1.25},
    {"question": "When to sow?", "answer": None, "words": 0, "score": None},
]
CHATS = [
    {"id": "a", "messages": [{"role": "user", "content": "Hi, it's me"}, {"role": "assistant", "content": "Say \"yes\""}]},
    {"id": "b", "messages": [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because\nof rain."}]},
]
FRAME = pd.DataFrame(ROWS)
SHUFFLED = FRAME.sample(frac=1, random_state=2)
DATED = FRAME.set_index(pd.to_datetime(["2026-03-01", "2026-03-02", "2026-03-03"]))
NAMED = FRAME.set_index(pd.Index(["mulch", "compost", "sowing"]))
LISTS = {name: [row[name] for row in ROWS] for name in ROWS[0]}

tables = []


def case(name, text, rows=ROWS, part=""):
    parts = rows if isinstance(rows, dict) else {part: rows}
    tables.append({"name": name, "text": text, "parts": parts})


for orient in ["columns", "index", "split", "table", "records"]:
    rows = [{"index": at, **row} for at, row in enumerate(ROWS)] if orient == "table" else ROWS
    case(f"pandas {orient}", FRAME.to_json(orient=orient), rows)
    case(f"pandas {orient} indented, letters kept", FRAME.to_json(orient=orient, indent=2, force_ascii=False), rows)
case("pandas nothing said", FRAME.to_json())
case("pandas lines", FRAME.to_json(orient="records", lines=True))
case("pandas shuffled", SHUFFLED.to_json(), ROWS)
for form in ["epoch", "iso"]:
    case(f"pandas by date, {form}", DATED.to_json(date_format=form))
    case(f"pandas index by date, {form}", DATED.to_json(orient="index", date_format=form))
case("pandas by date, unknown columns", DATED.rename(columns=lambda name: f"x {name}").to_json(date_format="iso"), [{f"x {name}": value for name, value in row.items()} for row in ROWS])
case("pandas index by name", NAMED.to_json(orient="index"), ROWS)
case("pandas by column, rows by name", NAMED.to_json(), ROWS)
case("pandas one column", FRAME[["question"]].to_json(), [{"question": row["question"]} for row in ROWS])
case("pandas nested", pd.DataFrame(CHATS).to_json(), CHATS)
case("pandas nested lines", pd.DataFrame(CHATS).to_json(orient="records", lines=True), CHATS)
values = [{"column 1": row["question"], "column 2": row["answer"], "column 3": row["words"], "column 4": row["score"]} for row in ROWS]
case("pandas values", FRAME.to_json(orient="values"), values)
case("pandas empty", FRAME.iloc[:0].to_json(), {})
case("pandas empty split", FRAME.iloc[:0].to_json(orient="split"), {})
case("pandas tight", json.dumps(FRAME.astype(object).where(FRAME.notna(), None).to_dict(orient="tight")))
case("dict of lists", json.dumps(LISTS))
case("dict of lists, indented", json.dumps(LISTS, indent=4, ensure_ascii=False))
case("dict of lists, nested", json.dumps({name: [row[name] for row in CHATS] for name in CHATS[0]}), CHATS)
case("json dump", json.dumps(ROWS))
case("json dump indented", json.dumps(ROWS, indent="\t"))
case("json dump NaN", json.dumps([{**row, "score": float("nan") if row["score"] is None else row["score"]} for row in ROWS]))
case("lines", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS))
case("lines with CRLF, blank lines and commas", "\ufeff\r\n" + ",\r\n\r\n".join(json.dumps(row) for row in ROWS))
case("concatenated", "".join(json.dumps(row) for row in ROWS))
case("concatenated, indented", "\n".join(json.dumps(row, indent=2) for row in ROWS))
case("text sequences", "".join("\x1e" + json.dumps(row) + "\n" for row in ROWS))
case("sorted names", json.dumps(json.loads(FRAME.to_json()), sort_keys=True))
case("lists with a header", json.dumps([list(ROWS[0])] + [list(row.values()) for row in ROWS]))
case("lines of lists with a header", "".join(json.dumps(row) + "\n" for row in [list(ROWS[0])] + [list(row.values()) for row in ROWS]))
case("columns and rows", json.dumps({"database": "garden", "columns": list(ROWS[0]), "rows": [list(row.values()) for row in ROWS], "truncated": False}))
case("columns of objects and rows", json.dumps({"columns": [{"name": name, "type": "text"} for name in ROWS[0]], "rows": [list(row.values()) for row in ROWS]}))
case("rows, then columns", json.dumps({"rows": [list(row.values()) for row in ROWS], "columns": list(ROWS[0])}))
case("wrapped", json.dumps({"version": [1, "]"], "data": ROWS}), ROWS, "data")
case("wrapped twice", json.dumps({"ok": True, "result": {"count": 3, "rows": ROWS}}, indent=1), ROWS, "result")
case("wrapped three times", json.dumps({"data": {"questions": {"nodes": ROWS}}}), ROWS, "data/questions")
case("viewer", json.dumps({"features": [{"feature_idx": 0, "name": "question"}], "rows": [{"row_idx": at, "row": row, "truncated_cells": []} for at, row in enumerate(ROWS)], "num_rows_total": 3, "partial": False}), ROWS, "rows")
case("splits", json.dumps({"train": ROWS[:2], "test": ROWS[2:]}), {"train": ROWS[:2], "test": ROWS[2:]})
case("splits by hand", json.dumps({"soil": ROWS[:1], "sowing": ROWS[1:]}, indent=2), {"soil": ROWS[:1], "sowing": ROWS[1:]})
case("splits wrapped", json.dumps({"train": {"rows": ROWS[:2]}, "validation": {"rows": ROWS[2:]}}), {"train": ROWS[:2], "validation": ROWS[2:]})
case("splits of lists", json.dumps({split: {name: [row[name] for row in rows] for name in ROWS[0]} for split, rows in [("train", ROWS[:2]), ("test", ROWS[2:])]}), {"train": ROWS[:2], "test": ROWS[2:]})
case("splits of pandas", json.dumps({"train": json.loads(FRAME[:2].to_json()), "test": json.loads(FRAME[2:].to_json())}), {"train": ROWS[:2], "test": ROWS[2:]})
case("one row", json.dumps(ROWS[0]), ROWS[:1])
case("one row, indented", json.dumps(CHATS[0], indent=2), CHATS[:1])
case("one row with scalars and lists", json.dumps({"question": "a", "choices": ["b", "c"], "meta": {"0": 1}}), [{"question": "a", "choices": ["b", "c"], "meta": {"0": 1}}])
case("rows by name of their own", json.dumps({"q-17": ROWS[0], "q-3": ROWS[1], "q-5": ROWS[2]}))
case("texts", json.dumps(["a b", "c d"]), [{"text": "a b"}, {"text": "c d"}])
case("texts by split", json.dumps({"train": ["a b"], "test": ["c d"]}), {"train": [{"text": "a b"}], "test": [{"text": "c d"}]})
case("a list of chats", json.dumps([row["messages"] for row in CHATS]), [{"messages": row["messages"]} for row in CHATS])
case("a chat a line", "".join(json.dumps(row["messages"]) + "\n" for row in CHATS), [{"messages": row["messages"]} for row in CHATS])
case("Python's dictionaries by line", "".join(str(row) + "\n" for row in ROWS))
case("pages put together", json.dumps(ROWS[:1]) + "\n" + json.dumps(ROWS[1:]))
case("halves of letters", json.dumps([{"text": "sow 🌱 now"}]), [{"text": "sow 🌱 now"}])
case("large numbers", "[" + json.dumps({"id": 2**63, "n": -(2**63)}) + "," + json.dumps({"id": 2**70}) + "]", [{"id": 2**63, "n": -(2**63)}, {"id": str(2**70), "n": None}])

case("pandas series", FRAME["question"].to_json(), [{"text": row["question"]} for row in ROWS])
case("pandas series split", FRAME["question"].to_json(orient="split"), [{"text": row["question"]} for row in ROWS])
case("sheets", json.dumps({"Tabelle1": [["question", "answer"], ["a b", "c"]], "Tabelle2": [["question", "answer"], ["d", "e"]]}), {"Tabelle1": [{"question": "a b", "answer": "c"}], "Tabelle2": [{"question": "d", "answer": "e"}]})
case("batches", json.dumps([ROWS[:2], ROWS[2:]]))
case("JSON in JSON", json.dumps(json.dumps(ROWS)))
case("JSON in JSON by line", "".join(json.dumps(json.dumps(row)) + "\n" for row in ROWS))
case("a search engine's dump", "".join(json.dumps({"_index": "i", "_id": str(at), "_score": 1, "_source": row}) + "\n" for at, row in enumerate(ROWS)))
case("a search engine's answer", json.dumps({"took": 3, "hits": {"total": {"value": 3}, "hits": [{"_index": "i", "_id": str(at), "_source": row} for at, row in enumerate(ROWS)]}}), ROWS, "hits")
case("lists that only describe", json.dumps({"meta": {"authors": [{"name": "x"}]}, "result": {"rows": ROWS}, "more": {"links": [{"rel": "next"}], "tags": [{"t": 1}]}}), ROWS, "result")
case("questions by article", json.dumps({"version": "2", "data": [{"title": "soil", "paragraphs": [{"context": "c", "qas": [{"question": "q"}]}]}]}), [{"title": "soil", "paragraphs": [{"context": "c", "qas": [{"question": "q"}]}]}], "data")
case("line ends of old Macs", "\r".join(json.dumps(row) for row in ROWS))
case("Python's list of dictionaries", str(ROWS))

literals = []


def literal(value, text=None):
    literals.append({"text": repr(value) if text is None else text, "value": value})


nested = CHATS[0]["messages"]
frame = pd.read_csv(io.StringIO(pd.DataFrame(CHATS).to_csv(index=False)))
for row, cell in zip(CHATS, frame["messages"]):
    literal(row["messages"], cell)
for value in [[], {}, [1, -2, 3.5, 1e300], [True, False, None], ["it's", 'say "x"', "both ' and \""], {"a": {"b": ["c"]}},
              ["\x00\x07\x1b\x7f\xa0\u200b\ud7ff\U0001f331\U000e0001"], "plain", "a\\b\n\t\r", [[["a"], []], [{}]], "\u2028", 0, -1, 2**64 - 1]:
    literal(value)
literal([1, 2], repr((1, 2)))
literal([1], repr((1,)))
literal([], repr(()))
literal(["a"], repr({"a"}))
literal([], repr(set()))
literal([], repr(frozenset()))
literal(["a"], repr(frozenset(["a"])))
literal({"1": "a", "2.5": "b", "None": "c", "(1, 2)": "d", "False": "e"}, repr({1: "a", 2.5: "b", None: "c", (1, 2): "d", False: "e"}))
literal([None, None, None], repr([float("nan"), float("inf"), float("-inf")]))
literal("grün", repr("grün".encode()))
literal(repr(b"\xff\x00"), repr(b"\xff\x00"))
literal({"a": 1, "b": [2]}, repr(collections.OrderedDict([("a", 1), ("b", [2])])))
literal([repr(datetime.datetime(2026, 3, 1, 12, 30))], repr([datetime.datetime(2026, 3, 1, 12, 30)]))
literal({"price": repr(decimal.Decimal("1.20")), "id": repr(uuid.UUID(int=7))}, repr({"price": decimal.Decimal("1.20"), "id": uuid.UUID(int=7)}))
literal([str(2**70)], repr([2**70]))
literal({"z": "2j"}, repr({"z": 2j}))
for array in [["a", "b"], ["it's", "x y"], ["a,b", "c"]]:
    literal(array, str(np.array(array)))
    literal(array, str(np.array(array, dtype=object)))
    literal(array, repr(np.array(array, dtype=object)))
literal([1, 2, 3], str(np.array([1, 2, 3])))
literal([1.0, 2.5, None], str(np.array([1.0, 2.5, np.nan])))
literal([[1, 2], [3, 4]], str(np.array([[1, 2], [3, 4]])))
literal([["a", "b"], ["c", "d"]], str(np.array([["a", "b"], ["c", "d"]])))
literal([True, False], str(np.array([True, False])))
literal(nested, str(np.array(nested, dtype=object)))
literal({"turns": nested}, repr({"turns": np.array(nested, dtype=object)}))
literal([1.5, 2, "a", True], repr([np.float64(1.5), np.int64(2), np.str_("a"), np.True_]))
literal([], str(np.array([])))
literal(list(range(40)), str(np.array(range(40))))

damaged = [str(np.arange(2000)), str(np.array([f"t{at}" for at in range(2000)])), repr(np.arange(2000))]

source = []
for text in [r"'\x41\u00e9\U0001F331\101\0\'\"\q'", r"u'a' 'b' " + '"c"', "['a' 'b', 'c',]", "['a''b']", '"""a "b"\nc"""', "'''it''s'''", r"r'\n'", "(('a'))", "1_000", "[0x1f, 0o17, 0b101, +1, .5, 1.]", "{'a': 1,}", "'a\\\nb'", "('a'\n 'b')", "{'k': 'a' 'b'}", "[1,]", "(1)", "{ 'a' : ( 1 , 2 ) }", "'\\ud83c\\udf31'", "b'a\\x62'"]:
    value = ast.literal_eval(text)
    if isinstance(value, str):
        value = value.encode("utf-16", "surrogatepass").decode("utf-16")
    if isinstance(value, bytes):
        value = value.decode()
    source.append({"text": text, "value": value})


def write(name, value):
    text = json.dumps(value, ensure_ascii=True, indent=1)
    (HERE / name).write_text(text + "\n", encoding="utf-8")


write("tables.json", tables)
write("literals.json", {"printed": literals, "source": source, "cut": damaged})
