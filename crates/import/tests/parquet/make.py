"""Writes the Parquet files of these tests, and beside each the rows that pyarrow reads from it.

    python -m venv v && v/bin/pip install pyarrow==26.0.1 datasets==5.2.0 pandas==3.1.1 \
        duckdb==2.0.1 polars==2.1.0 fastparquet==2026.9.0 && v/bin/python make.py

The files are the work of this script: no data of others.
"""

import base64
import datetime as dt
import decimal
import json
import math
import os
import random
import uuid

import duckdb
import fastparquet
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from datasets import ClassLabel, Dataset, Features, Image, List, Sequence, Value

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "files")


def plain(value, kind, name=""):
    """A value of pyarrow as this project gives it."""
    if value is None:
        return None
    if pa.types.is_dictionary(kind):
        return plain(value, kind.value_type, name)
    if pa.types.is_struct(kind):
        parts = {field.name: plain(value[field.name], field.type, field.name) for field in kind}
        if len(kind) == 2 and {field.name for field in kind} == {"bytes", "path"}:
            return None
        lists = all(pa.types.is_list(field.type) or pa.types.is_large_list(field.type) for field in kind)
        if lists and None not in parts.values() and len({len(part) for part in parts.values()}) == 1:
            return [dict(zip(parts, row)) for row in zip(*parts.values())]
        return parts
    if pa.types.is_map(kind):
        return {
            str(key) if not isinstance(key, str) else key: plain(item, kind.item_type) for key, item in value
        }
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return [plain(item, kind.value_type, name) for item in value]
    if isinstance(value, uuid.UUID):
        return str(value)
    if isinstance(value, bytes):
        if any(byte < 32 and byte not in b"\t\n\r\f" for byte in value):
            return None
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    if isinstance(value, decimal.Decimal):
        return format(value, "f")
    if isinstance(value, pd.Timestamp) or isinstance(value, dt.datetime):
        nanos = getattr(value, "nanosecond", 0)
        zone = "Z" if kind.tz else ""
        return value.strftime("%Y-%m-%dT") + clock(value, nanos) + zone
    if isinstance(value, dt.date):
        return value.isoformat()
    if isinstance(value, dt.time):
        return clock(value, 0)
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return float(str(np.float32(value))) if kind in (pa.float32(), pa.float16()) else value
    return value


def clock(value, nanos):
    """A time with three, six or nine digits of parts, as few as hold it."""
    text = value.strftime("%H:%M:%S")
    part = value.microsecond * 1000 + nanos
    if part == 0:
        return text
    if part % 1_000_000 == 0:
        return f"{text}.{part // 1_000_000:03}"
    return f"{text}.{part // 1000:06}" if part % 1000 == 0 else f"{text}.{part:09}"


def names_of(labels, name, value):
    if name not in labels or value is None:
        return value
    return None if value == -1 else labels[name][value]


def keep(name, labels=None):
    """Writes down what pyarrow reads from a file."""
    table = pq.read_table(os.path.join(HERE, name))
    rows = [
        [names_of(labels or {}, field.name, plain(row[field.name], field.type)) for field in table.schema]
        for row in table.to_pylist()
    ]
    expected = {"columns": table.column_names, "rows": rows}
    with open(os.path.join(HERE, name.replace(".parquet", ".json")), "w", encoding="utf-8") as file:
        json.dump(expected, file, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
        file.write("\n")


def write(name, table, labels=None, **options):
    pq.write_table(table, os.path.join(HERE, name), **options)
    keep(name, labels)


rng = random.Random(10)
WORDS = "grain seed field root leaf rain soil é 稲 🌾 plough harvest".split()


def sentence(most=12):
    return " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, most)))


def types():
    """Columns of every type, with nulls."""
    zone = dt.timezone.utc
    return pa.table({
        "text": ["one", None, "", "é🌾\n"],
        "large": pa.array(["a", "b", None, "d"], pa.large_string()),
        "category": pa.array(["x", "y", "x", None]).dictionary_encode(),
        "int8": pa.array([-128, 127, 0, None], pa.int8()),
        "uint8": pa.array([255, 0, None, 1], pa.uint8()),
        "int32": pa.array([-(2**31), 2**31 - 1, None, 0], pa.int32()),
        "uint32": pa.array([2**32 - 1, None, 0, 1], pa.uint32()),
        "int64": pa.array([-(2**63), 2**63 - 1, None, 0], pa.int64()),
        "uint64": pa.array([2**64 - 1, 0, None, 1], pa.uint64()),
        "half": pa.array(np.array([0.5, -2.0, 65504.0, 0.25], np.float16)),
        "float": pa.array([0.1, None, float("nan"), float("inf")], pa.float32()),
        "double": pa.array([0.1, 1e300, None, -0.5], pa.float64()),
        "bool": [True, None, False, True],
        "nothing": pa.nulls(4),
        "date": pa.array([dt.date(2024, 2, 29), dt.date(1969, 12, 31), None, dt.date(1, 1, 1)]),
        "time_ms": pa.array([dt.time(1, 2, 3, 4000), None, dt.time(0), dt.time(23, 59, 59)], pa.time32("ms")),
        "time_us": pa.array([dt.time(1, 2, 3, 4), None, dt.time(0), dt.time(23, 59, 59)], pa.time64("us")),
        "moment_ms": pa.array([dt.datetime(2024, 2, 29, 1, 2, 3, 4000), None, dt.datetime(1969, 12, 31, 23), None], pa.timestamp("ms")),
        "moment_us": pa.array([dt.datetime(2024, 2, 29, 1, 2, 3, 4, zone), None, dt.datetime(1900, 1, 1, tzinfo=zone), None], pa.timestamp("us", "UTC")),
        "moment_ns": pa.array([1_700_000_000_123_456_789, None, 0, -1], pa.timestamp("ns")),
        "decimal_4": pa.array([decimal.Decimal("-0.01"), None, decimal.Decimal("99.99"), decimal.Decimal("0.00")], pa.decimal128(4, 2)),
        "decimal_38": pa.array([decimal.Decimal("-12345678901234567890.123456789"), None, decimal.Decimal("0E-9"), decimal.Decimal("1.000000000")], pa.decimal128(38, 9)),
        "decimal_76": pa.array([decimal.Decimal(10) ** 60, None, decimal.Decimal(-1), decimal.Decimal(0)], pa.decimal256(76, 0)),
        "binary": [b"text", b"\xff\xfe", None, b"\0\1"],
        "fixed": pa.array([b"abcd", b"\xff\xff\xff\xff", None, b"efgh"], pa.binary(4)),
    })


def nested():
    """Lists, objects and maps in one another, with nulls and empty ones at every level."""
    message = pa.struct([("role", pa.string()), ("content", pa.string())])
    def turns(count):
        return [{"role": ["user", "assistant"][n % 2], "content": sentence()} for n in range(count)]
    rows = 40
    column = lambda make, kind: pa.array([make(n) for n in range(rows)], kind)
    pick = lambda n, *choices: choices[n % len(choices)]
    return pa.table({
        "messages": column(lambda n: pick(n, turns(2), turns(5), [], None, [None, {"role": "user", "content": None}]), pa.list_(message)),
        "large": column(lambda n: pick(n, turns(1), []), pa.large_list(message)),
        "tags": column(lambda n: pick(n, ["a"], [], None, ["b", None, "c"]), pa.list_(pa.string())),
        "pair": column(lambda n: pick(n, [1, 2], [3, None]), pa.list_(pa.int32(), 2)),
        "grid": column(lambda n: pick(n, [[1, 2], [], None, [3]], [], None, [[None]]), pa.list_(pa.list_(pa.int64()))),
        "object": column(lambda n: pick(n, {"a": n, "b": {"c": "x"}}, {"a": None, "b": None}, None), pa.struct([("a", pa.int64()), ("b", pa.struct([("c", pa.string())]))])),
        "map": column(lambda n: pick(n, [("k", 1), ("l", None)], [], None), pa.map_(pa.string(), pa.int32())),
        "numbered": column(lambda n: pick(n, [(1, ["a", "b"]), (2, [])], []), pa.map_(pa.int32(), pa.list_(pa.string()))),
        "columns": column(lambda n: pick(n, {"role": ["user", "assistant"], "content": ["a", "b"]}, {"role": [], "content": []}, {"role": ["user"], "content": []}, None), pa.struct([("role", pa.list_(pa.string())), ("content", pa.list_(pa.string()))])),
        "deep": column(lambda n: pick(n, [{"turns": turns(2), "n": 1}, {"turns": None, "n": None}], []), pa.list_(pa.struct([("turns", pa.list_(message)), ("n", pa.int32())]))),
        "required": pa.array(range(rows), pa.int64()),
    }, schema=None)


def many(rows):
    return pa.table({
        "id": pa.array(range(rows), pa.int64()),
        "instruction": [sentence() for _ in range(rows)],
        "response": [base64.b64encode(rng.randbytes(rng.randint(10, 60))).decode() for _ in range(rows)],
        "score": pa.array([rng.random() if n % 7 else None for n in range(rows)]),
        "topic": [rng.choice(WORDS) for _ in range(rows)],
        "messages": pa.array(
            [[{"role": "user", "content": sentence(6)}, {"role": "assistant", "content": sentence(6)}][: 1 + n % 2] for n in range(rows)],
            pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())])),
        ),
    })


write("types.parquet", types())
write("types-v2.parquet", types(), data_page_version="2.0", use_dictionary=False, compression="zstd")
write("int96.parquet", types().select(["moment_us", "moment_ns"]).set_column(0, "moment_us", types()["moment_us"].cast(pa.timestamp("us"))), use_deprecated_int96_timestamps=True)
write("nested.parquet", nested())
write("nested-v2.parquet", nested(), data_page_version="2.0", data_page_size=100, write_batch_size=3)
write("nested-pages.parquet", nested(), data_page_size=100, write_batch_size=3, use_dictionary=False)
write("uuid.parquet", pa.table({"id": pa.array([uuid.UUID(int=n).bytes for n in range(3)], pa.uuid())}))

for codec in ["none", "snappy", "gzip", "zstd", "lz4", "brotli"]:
    for version in ["1.0", "2.0"]:
        table = many(60).append_column("same", pa.array(["the same"] * 60)).append_column("null", pa.array([None] * 60, pa.string()))
        write(f"{codec}-v{version[0]}.parquet", table, compression=codec, data_page_version=version)

numbers = pa.table({
    "int32": pa.array([rng.randint(-(2**31), 2**31 - 1) if n % 5 else n for n in range(300)], pa.int32()),
    "int64": pa.array([None if n % 11 == 0 else rng.randint(-(2**63), 2**63 - 1) if n % 3 else n for n in range(300)], pa.int64()),
    "near": pa.array(range(1000, 1300), pa.int64()),
})
write("delta-numbers.parquet", numbers, use_dictionary=False, column_encoding="DELTA_BINARY_PACKED")
texts = pa.table({"text": [None if n % 9 == 0 else f"prefix {n // 10} {sentence()}" for n in range(300)], "other": [sentence() for _ in range(300)]})
write("delta-lengths.parquet", texts, use_dictionary=False, column_encoding="DELTA_LENGTH_BYTE_ARRAY", data_page_size=2000)
write("delta-prefixes.parquet", texts, use_dictionary=False, column_encoding="DELTA_BYTE_ARRAY", data_page_version="2.0")
floats = pa.table({
    "float": pa.array([rng.random() for _ in range(100)], pa.float32()),
    "double": pa.array([rng.random() if n % 4 else None for n in range(100)]),
    "int": pa.array(range(100), pa.int32()),
})
write("split.parquet", floats, use_dictionary=False, column_encoding="BYTE_STREAM_SPLIT")
write("bools.parquet", pa.table({"bool": [None if n % 10 == 0 else n % 3 == 0 for n in range(100)]}), column_encoding="RLE", use_dictionary=False, data_page_version="2.0")
write("fallback.parquet", pa.table({"text": [f"{n} {sentence()}" for n in range(500)]}), dictionary_pagesize_limit=2000, data_page_size=1000, write_batch_size=10)

# One group of many pages, with and without a list of them.
small_pages = dict(data_page_size=500, write_batch_size=7, row_group_size=1 << 20, dictionary_pagesize_limit=300)
big = many(150)
write("group.parquet", big, **small_pages)
write("group-indexed.parquet", big, write_page_index=True, **small_pages)
write("groups.parquet", big, row_group_size=40)

# What `datasets` writes.
def labelled():
    features = Features({
        "text": Value("string"),
        "label": ClassLabel(names=["negative", "positive", "né"]),
        "labels": List(ClassLabel(names=["a", "b"])),
        "messages": [{"role": Value("string"), "content": Value("string")}],
        "answers": Sequence({"text": Value("string"), "start": Value("int32")}),
        "picture": Image(),
    })
    pixel = base64.b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==")
    rows = [
        {
            "text": sentence(),
            "label": [0, 1, 2, -1, None][n % 5],
            "labels": [[0, 1], [], [1]][n % 3],
            "messages": [{"role": "user", "content": sentence()}, {"role": "assistant", "content": sentence()}],
            "answers": {"text": ["a", "b"][: n % 3], "start": [1, 2][: n % 3]},
            "picture": {"bytes": pixel, "path": None},
        }
        for n in range(25)
    ]
    return Dataset.from_list(rows, features=features)


labelled().to_parquet(os.path.join(HERE, "datasets.parquet"), batch_size=10)
keep("datasets.parquet", {"label": ["negative", "positive", "né"]})
expected = os.path.join(HERE, "datasets.json")
with open(expected, encoding="utf-8") as file:
    content = json.load(file)
at = content["columns"].index("labels")
for row in content["rows"]:
    row[at] = [["a", "b"][label] for label in row[at]]
with open(expected, "w", encoding="utf-8") as file:
    json.dump(content, file, ensure_ascii=False, separators=(",", ":"))
    file.write("\n")

# The same as versions of `datasets` before 4 noted it.
old = {
    "label": {"names": ["no", "yes"], "_type": "ClassLabel"},
    "turns": [{"from": {"dtype": "string", "_type": "Value"}, "kind": {"names": ["q", "a"], "_type": "ClassLabel"}}],
    "spans": {"feature": {"text": {"dtype": "string", "_type": "Value"}, "kind": {"names": ["q", "a"], "_type": "ClassLabel"}}, "_type": "Sequence"},
    "many": {"feature": {"names": ["no", "yes"], "_type": "ClassLabel"}, "length": -1, "_type": "Sequence"},
}
table = pa.table({
    "label": [0, 1, None, 7],
    "turns": [[{"from": "x", "kind": 0}, {"from": "y", "kind": 1}], [], None, [{"from": None, "kind": None}]],
    "spans": [{"text": ["x", "y"], "kind": [1, 0]}, {"text": [], "kind": []}, None, {"text": ["z"], "kind": [None]}],
    "many": [[0, 1], [], None, [1]],
})
write("datasets-old.parquet", table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": old}})}))
content = {
    "columns": table.column_names,
    "rows": [
        ["no", [{"from": "x", "kind": "q"}, {"from": "y", "kind": "a"}], [{"text": "x", "kind": "a"}, {"text": "y", "kind": "q"}], ["no", "yes"]],
        ["yes", [], [], []],
        [None, None, None, None],
        [7, [{"from": None, "kind": None}], [{"text": "z", "kind": None}], ["yes"]],
    ],
}
with open(os.path.join(HERE, "datasets-old.json"), "w", encoding="utf-8") as file:
    json.dump(content, file, separators=(",", ":"))
    file.write("\n")

frame = pd.DataFrame({"question": ["a", "b", None], "n": [1, 2, 3], "when": [pd.Timestamp("2024-01-01"), pd.NaT, pd.Timestamp("2024-01-02T03:04:05")]}, index=[5, 7, 9])
frame.to_parquet(os.path.join(HERE, "pandas.parquet"))
keep("pandas.parquet")

empty = types().slice(0, 0)
write("empty.parquet", empty)
writer = pq.ParquetWriter(os.path.join(HERE, "no-groups.parquet"), empty.schema)
writer.close()
keep("no-groups.parquet")

# Encrypted: the whole file, and one column of a file whose footer can be read.
import pyarrow.parquet.encryption as pe


class Keys(pe.KmsClient):
    def __init__(self, config):
        super().__init__()

    def wrap_key(self, key, name):
        return base64.b64encode(key)

    def unwrap_key(self, key, name):
        return base64.b64decode(key)


factory = pe.CryptoFactory(Keys)
for name, plain_footer in [("encrypted.parquet", False), ("encrypted-column.parquet", True)]:
    config = pe.EncryptionConfiguration(footer_key="f", column_keys={"c": ["secret"]}, plaintext_footer=plain_footer, double_wrapping=False)
    table = pa.table({"secret": ["x", "y"], "open": ["a", "b"]})
    with pq.ParquetWriter(os.path.join(HERE, name), table.schema, encryption_properties=factory.file_encryption_properties(pe.KmsConnectionConfig(), config)) as writer:
        writer.write_table(table)

# Other writers.
database = duckdb.connect()
database.register("nested", nested().drop_columns(["numbered"]))
database.register("types", types().drop_columns(["half", "nothing", "decimal_76"]))
for name, options in [("nested", "PARQUET_VERSION V2, COMPRESSION gzip"), ("types", "COMPRESSION zstd")]:
    path = os.path.join(HERE, f"duckdb-{name}.parquet")
    database.execute(f"COPY (SELECT * FROM {name}) TO '{path}' (FORMAT parquet, {options})")
    keep(f"duckdb-{name}.parquet")
pl.from_arrow(nested().drop_columns(["map", "numbered"])).write_parquet(os.path.join(HERE, "polars.parquet"))
keep("polars.parquet")
fastparquet.write(os.path.join(HERE, "fastparquet.parquet"), many(60).drop_columns(["messages"]).to_pandas(), compression="LZ4_RAW")
keep("fastparquet.parquet")
