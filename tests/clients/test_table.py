"""pyarrow and `datasets` read the table that Seedbed publishes."""

import json
import subprocess
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, Features, List, Value, concatenate_datasets, load_dataset

ROOT = Path(__file__).resolve().parents[2]
TEXTS = ["", "plain", 'é🌾\n"quoted"\t\\', "<script>alert(1)</script>", "\u202eright to left\u0000null", "long " * 20_000]
CARD = "---\nconfigs:\n- config_name: default\n  data_files:\n  - split: train\n    path: data/train-*.parquet\n---\n"
FEATURES = Features(
    {
        **{name: Value("string") for name in ("id", "instruction", "response", "topic", "perspective", "model", "quality")},
        "rating_count": Value("int32"),
        "edited": Value("bool"),
        "seed_hash": Value("string"),
        "prompt_version": Value("string"),
        "messages": List({"role": Value("string"), "content": Value("string")}),
    }
)


def row(number):
    instruction = f"{TEXTS[number % 5]} {number}"
    response = TEXTS[number % 6 if number < 60 else number % 5]
    turns = [{"role": "user", "content": instruction}, {"role": "assistant", "content": response}]
    return {
        "id": f"{number:064x}",
        "instruction": instruction,
        "response": response,
        "topic": f"topic {number % 5}",
        "perspective": "",
        "model": "org/model:provider",
        "quality": "good",
        "rating_count": number % 3,
        "edited": number % 2 == 0,
        "seed_hash": "s",
        "prompt_version": "answer/1",
        # None, one, two and three messages.
        "messages": ([{"role": "system", "content": "Be an expert."}] + turns)[: number % 4],
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """Writes rows by the program's own writer."""
    folder = tmp_path_factory.mktemp("table")

    def write(rows):
        out = folder / f"{len(rows)}.parquet"
        command = ["cargo", "run", "--quiet", "--package", "seedbed-table", "--example", "write", "--", str(out)]
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        subprocess.run(command, input=lines.encode(), cwd=ROOT, check=True)
        return out

    return write


def test_pyarrow_reads_every_value_and_the_types_over_several_row_groups(written):
    rows = [row(number) for number in range(45_000)]
    file = pq.ParquetFile(written(rows))
    assert file.metadata.num_row_groups == 3
    assert file.read().to_pylist() == rows
    schema = file.schema_arrow
    assert schema.names == list(FEATURES)
    assert schema.field("id").type == pa.string()
    assert schema.field("rating_count").type == pa.int32()
    assert schema.field("edited").type == pa.bool_()
    message = schema.field("messages").type.value_type
    assert [(field.name, field.type) for field in message] == [("role", pa.string()), ("content", pa.string())]
    column = file.metadata.row_group(2).column(1)
    assert column.compression == "SNAPPY"
    assert column.has_column_index and column.has_offset_index
    assert column.statistics.min is not None


def test_single_columns_and_row_groups_are_read(written):
    rows = [row(number) for number in range(20_010)]
    path = written(rows)
    file = pq.ParquetFile(path)
    part = file.read_row_group(1, columns=["messages", "edited"]).to_pylist()
    assert part == [{"messages": row["messages"], "edited": row["edited"]} for row in rows[20_000:]]
    assert pq.read_table(path, filters=[("topic", "=", "topic 3")]).num_rows == 4002


def test_datasets_takes_the_features_from_the_metadata(written, tmp_path):
    rows = [row(number) for number in range(100)]
    path = written(rows)
    assert Features.from_arrow_schema(pq.read_schema(path)) == FEATURES
    table = Dataset.from_parquet(str(path), cache_dir=str(tmp_path))
    assert table.features == FEATURES
    assert table.to_list() == rows
    # Together with rows that `datasets` made itself.
    both = concatenate_datasets([table, Dataset.from_list(rows, features=FEATURES)])
    assert both.num_rows == 200


def test_an_empty_table_has_its_columns(written):
    # `datasets` loads no file without rows, pyarrow's own included; what it reads of ours are the features.
    table = Dataset(pq.read_table(written([])))
    assert (table.num_rows, table.features) == (0, FEATURES)


def test_load_dataset_reads_it_from_a_repository_whole_and_streamed(written, api, repo):
    rows = [row(number) for number in range(300)]
    api.upload_file(path_or_fileobj=CARD.encode(), path_in_repo="README.md", repo_id=repo, repo_type="dataset")
    api.upload_file(
        path_or_fileobj=written(rows).read_bytes(),
        path_in_repo="data/train-00000-of-00001.parquet",
        repo_id=repo,
        repo_type="dataset",
    )
    table = load_dataset(repo, split="train")
    assert table.features == FEATURES
    assert table.to_list() == rows
    assert list(load_dataset(repo, split="train", streaming=True).take(5)) == rows[:5]
