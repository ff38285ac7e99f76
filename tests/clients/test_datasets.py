"""`datasets` loads what lies in a repository of the local Hub, and pushes to it."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import Dataset, get_dataset_config_names, load_dataset
from datasets.exceptions import DatasetNotFoundError
from huggingface_hub import CommitOperationAdd

ROWS = [
    {"id": f"r{number}", "instruction": f"Frage {number} für Anfänger?", "messages": [{"role": "user", "content": "é"}]}
    for number in range(30)
]
CARD = """---
license: mit
configs:
- config_name: default
  default: true
  data_files:
  - split: train
    path: data/train-*.parquet
- config_name: preference
  data_files: preference/*.parquet
---
# Farming
"""


def parquet(rows):
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), out)
    return out.getvalue()


@pytest.fixture
def filled(api, repo):
    files = {
        "README.md": CARD.encode(),
        "data/train-00000-of-00001.parquet": parquet(ROWS),
        "preference/train.parquet": parquet([{"chosen": "a", "rejected": "b"}]),
        "notes/other.jsonl": b'{"named": "by no config"}\n',
        ".seedbed/records/x-0001.jsonl": b'{"not": "for loaders"}\n',
    }
    operations = [CommitOperationAdd(path, content) for path, content in files.items()]
    api.create_commit(repo, operations, commit_message="fill", repo_type="dataset")
    return repo


def test_configs_of_the_card_are_loaded_from_parquet(filled):
    assert get_dataset_config_names(filled) == ["default", "preference"]
    table = load_dataset(filled, split="train")
    assert table.to_list() == ROWS
    assert load_dataset(filled, "preference", split="train").to_list() == [{"chosen": "a", "rejected": "b"}]


def test_jsonl_is_loaded_by_a_glob_of_the_card(api, repo):
    card = "---\nconfigs:\n- config_name: seeds\n  data_files:\n  - split: train\n    path: seeds/*.jsonl\n---\n"
    files = {
        "README.md": card,
        "seeds/1.jsonl": '{"topic": "Soil"}\n',
        "seeds/2.jsonl": '{"topic": "Wässern"}\n',
        "other.jsonl": '{"not": "named"}\n',
    }
    operations = [CommitOperationAdd(path, content.encode()) for path, content in files.items()]
    api.create_commit(repo, operations, commit_message="fill", repo_type="dataset")
    assert load_dataset(repo, "seeds", split="train")["topic"][:] == ["Soil", "Wässern"]


def test_rows_are_streamed_with_ranges(hub, filled):
    rows = load_dataset(filled, split="train", streaming=True)
    assert next(iter(rows)) == ROWS[0]
    reads = [entry for entry in hub.log("/lfs/") if entry["method"] == "GET"]
    assert any(entry["range"] for entry in reads)


def test_a_private_repository_needs_the_token(hub, api, filled, tmp_path):
    api.update_repo_settings(filled, visibility="private", repo_type="dataset")
    with pytest.raises(DatasetNotFoundError):
        load_dataset(filled, split="train", token=False, cache_dir=tmp_path)
    assert load_dataset(filled, split="train", token=hub.token, cache_dir=tmp_path).num_rows == 30


def test_push_to_hub_and_load_again(hub, api, repo):
    Dataset.from_list(ROWS).push_to_hub(repo, token=hub.token)
    assert load_dataset(repo, split="train", token=hub.token).to_list() == ROWS
    Dataset.from_list(ROWS[:3]).push_to_hub(repo, "small", token=hub.token)
    assert load_dataset(repo, "small", split="train", token=hub.token).num_rows == 3


def test_push_to_hub_under_a_bare_name_makes_a_repository_of_the_caller(hub, api, repo):
    name = repo.split("/")[1] + "-pushed"
    Dataset.from_list(ROWS).push_to_hub(name, token=hub.token)
    assert load_dataset(f"local/{name}", split="train", token=hub.token).to_list() == ROWS
    # Again: the table of before is replaced.
    Dataset.from_list(ROWS[:3]).push_to_hub(name, token=hub.token)
    assert load_dataset(f"local/{name}", split="train", token=hub.token).num_rows == 3
