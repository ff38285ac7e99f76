"""The official Python client runs its own flows against the local Hub."""

import hashlib
import os
import threading

import pytest
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    RepoCard,
    hf_hub_download,
    snapshot_download,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

DATASET = {"repo_type": "dataset"}


def add(path, content):
    return CommitOperationAdd(path, content.encode() if isinstance(content, str) else content)


def commit(api, repo, *operations, **options):
    return api.create_commit(repo, list(operations), commit_message="test", **DATASET, **options)


def status_of(error):
    return error.value.response.status_code


def blob_oid(content):
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


def paths(api, repo, **options):
    return sorted(api.list_repo_files(repo, **DATASET, **options))


def download(repo, path, **options):
    with open(hf_hub_download(repo, path, **DATASET, **options), "rb") as file:
        return file.read()


# Accounts and repositories


def test_whoami_names_the_user_and_a_wrong_token_is_refused(hub, api):
    me = api.whoami()
    assert (me["name"], me["auth"]["accessToken"]["role"]) == ("local", "write")
    with pytest.raises(HfHubHTTPError) as error:
        HfApi(endpoint=hub.url, token="hf_wrong").whoami()
    assert status_of(error) == 401


def test_a_repository_is_created_once(api):
    url = api.create_repo("farming", private=True, **DATASET)
    assert url.repo_id == "local/farming"
    assert api.create_repo("farming", exist_ok=True, **DATASET).repo_id == "local/farming"
    with pytest.raises(HfHubHTTPError) as error:
        api.create_repo("farming", **DATASET)
    assert status_of(error) == 409
    assert paths(api, "local/farming") == [".gitattributes"]
    assert api.repo_exists("local/farming", **DATASET)
    api.delete_repo("local/farming", **DATASET)
    assert not api.repo_exists("local/farming", **DATASET)


def test_info_tells_head_files_and_card(api, repo):
    commit(api, repo, add("README.md", "---\nlicense: mit\ntags: [seedbed]\n---\n# Farming\n"))
    info = api.dataset_info(repo, files_metadata=True)
    assert info.sha == api.list_repo_commits(repo, **DATASET)[0].commit_id
    assert not info.private
    assert info.card_data.license == "mit"
    assert {"seedbed", "license:mit"} <= set(info.tags)
    assert {file.rfilename: file.size for file in info.siblings}["README.md"] == 47
    short = api.dataset_info(repo, expand=["sha", "private"])
    assert short.sha == info.sha and short.last_modified is None
    assert [found.id for found in api.list_datasets(author="local")] == [repo]
    assert list(api.list_datasets(author="nobody")) == []


def test_a_private_repository_is_hidden_from_others(hub, api):
    hub.user("anna", "hf_anna")
    repo = api.create_repo("secret", private=True, **DATASET).repo_id
    stranger, nobody = (HfApi(endpoint=hub.url, token=token) for token in ("hf_anna", False))
    for other, status in ((stranger, 404), (nobody, 401)):
        with pytest.raises(RepositoryNotFoundError) as error:
            other.dataset_info(repo)
        assert status_of(error) == status
        assert list(other.list_datasets(author="local")) == []
    api.update_repo_settings(repo, visibility="public", **DATASET)
    assert stranger.dataset_info(repo).id == nobody.dataset_info(repo).id == repo
    api.update_repo_settings(repo, visibility="private", **DATASET)
    with pytest.raises(RepositoryNotFoundError):
        nobody.dataset_info(repo)


def test_nobody_writes_where_they_may_not(hub, api, repo):
    hub.user("local", "hf_reader", role="read")
    hub.user("anna", "hf_anna")
    for token in ("hf_reader", "hf_anna"):
        other = HfApi(endpoint=hub.url, token=token)
        with pytest.raises(HfHubHTTPError) as error:
            commit(other, repo, add("a.txt", "a"))
        assert status_of(error) == 403
        with pytest.raises(HfHubHTTPError) as error:
            other.delete_repo(repo, **DATASET)
        assert status_of(error) == 403
        with pytest.raises(HfHubHTTPError) as error:
            other.create_repo("local/more", **DATASET)
        assert status_of(error) == 403


def test_members_of_an_organisation_write_to_it(hub):
    hub.user("anna", "hf_anna", orgs=["acme"])
    anna = HfApi(endpoint=hub.url, token="hf_anna")
    repo = anna.create_repo("acme/wheat", **DATASET).repo_id
    commit(anna, repo, add("a.txt", "a"))
    assert [org["name"] for org in anna.whoami()["orgs"]] == ["acme"]


# Commits


def test_small_files_are_committed_and_read_back(api, repo):
    content = "wächst\n" * 3
    done = commit(api, repo, add("data/ä b.jsonl", content), add("notes/empty.txt", ""))
    assert done.oid == api.dataset_info(repo).sha
    assert download(repo, "data/ä b.jsonl").decode() == content
    assert download(repo, "notes/empty.txt") == b""
    [file] = api.get_paths_info(repo, ["data/ä b.jsonl", "missing"], **DATASET)
    assert file.blob_id == blob_oid(content.encode())


def test_an_unchanged_file_makes_no_commit(hub, api, repo):
    first = commit(api, repo, add("a.jsonl", "{}\n"))
    again = commit(api, repo, add("a.jsonl", "{}\n"))
    assert again.oid == first.oid
    assert len([entry for entry in hub.log(f"/api/datasets/{repo}/commit/")]) == 1


@pytest.mark.parametrize(("size", "parts"), [(150_000, 0), (350_001, 4)], ids=["basic", "multipart"])
def test_large_files_go_through_lfs_without_a_token_on_the_storage_host(hub, api, repo, size, parts):
    content = os.urandom(size)
    commit(api, repo, add("data/train.parquet", content))
    [file] = api.get_paths_info(repo, ["data/train.parquet"], **DATASET)
    assert (file.lfs.sha256, file.lfs.size, file.size) == (hashlib.sha256(content).hexdigest(), size, size)
    pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{file.lfs.sha256}\nsize {size}\n"
    assert (file.blob_id, file.lfs.pointer_size) == (blob_oid(pointer.encode()), len(pointer))
    assert download(repo, "data/train.parquet") == content
    storage = [entry for entry in hub.log() if entry["origin"] == "storage"]
    assert not any(entry["authorized"] for entry in storage)
    assert len([entry for entry in storage if entry["path"].startswith("/lfs-part/")]) == parts


def test_a_known_large_file_is_not_sent_twice_and_can_be_copied(hub, api, repo):
    content = os.urandom(50_000)
    commit(api, repo, add("a.parquet", content))
    commit(api, repo, add("b.parquet", content))
    commit(api, repo, CommitOperationCopy("a.parquet", "c.parquet"))
    assert download(repo, "b.parquet") == download(repo, "c.parquet") == content
    assert len([entry for entry in hub.log("/lfs-put/")]) == 1


def test_a_large_file_inside_the_commit_body_is_refused(hub, api, repo):
    import base64

    import httpx2

    lines = (
        '{"key":"header","value":{"summary":"x"}}\n'
        '{"key":"file","value":{"path":"a.parquet","encoding":"base64","content":"%s"}}\n'
        % base64.b64encode(b"PAR1").decode()
    )
    answer = httpx2.post(
        f"{hub.url}/api/datasets/{repo}/commit/main",
        content=lines,
        headers={"Authorization": f"Bearer {hub.token}", "Content-Type": "application/x-ndjson"},
    )
    assert answer.status_code == 400 and "LFS" in answer.json()["error"]


def test_a_stale_parent_is_refused_with_412(api, repo):
    first = commit(api, repo, add("a.txt", "1"))
    commit(api, repo, add("a.txt", "2"), parent_commit=first.oid)
    with pytest.raises(HfHubHTTPError) as error:
        commit(api, repo, add("a.txt", "3"), parent_commit=first.oid)
    assert status_of(error) == 412
    assert "The branch was updated since you opened this page" in str(error.value)
    assert download(repo, "a.txt") == b"2"


def test_a_second_commit_meanwhile_is_refused_with_409(hub, api, repo):
    hub.fault(kind="commit", mode="slow", delay_ms=1500)
    slow = threading.Thread(target=commit, args=(api, repo, add("slow.txt", "s")))
    slow.start()
    while not hub.log(f"/api/datasets/{repo}/commit/"):
        pass
    refused = 0
    while slow.is_alive():
        try:
            commit(api, repo, add("quick.txt", "q"))
            break
        except HfHubHTTPError as error:
            assert error.response.status_code == 409
            assert "in progress" in str(error)
            refused += 1
    slow.join()
    assert refused > 0
    assert "slow.txt" in paths(api, repo)


@pytest.mark.parametrize("mode", ["land_then_504", "land_then_500", "land_then_cut"])
def test_a_commit_can_land_although_the_answer_says_otherwise(hub, api, repo, mode):
    before = api.dataset_info(repo).sha
    hub.fault(kind="commit", mode=mode)
    with pytest.raises(Exception):
        commit(api, repo, add("a.txt", "a"))
    assert api.dataset_info(repo).sha != before
    assert download(repo, "a.txt") == b"a"


def test_a_commit_can_land_after_its_answer(hub, api, repo):
    hub.fault(kind="commit", mode="answer_then_land", delay_ms=300)
    with pytest.raises(HfHubHTTPError) as error:
        commit(api, repo, add("a.txt", "a"))
    assert status_of(error) == 504
    while not api.file_exists(repo, "a.txt", **DATASET):
        pass


def test_files_and_folders_are_deleted(api, repo):
    commit(api, repo, *(add(path, path) for path in ("a.txt", "x/1.txt", "x/y/2.txt", "xx/3.txt")))
    api.delete_file("a.txt", repo, **DATASET)
    api.delete_folder("x", repo, **DATASET)
    assert paths(api, repo) == [".gitattributes", "xx/3.txt"]
    commit(api, repo, add("x/1.txt", "1"), add("x/y/2.txt", "2"))
    commit(api, repo, CommitOperationDelete("x", is_folder=False))
    assert paths(api, repo) == [".gitattributes", "xx/3.txt"]
    with pytest.raises(EntryNotFoundError):
        commit(api, repo, CommitOperationDelete("never.txt", is_folder=False))


@pytest.mark.parametrize("path", ["..\\a.txt", "a\\..\\..\\b.txt"])
def test_a_path_that_leads_out_on_windows_is_refused(api, repo, path):
    with pytest.raises(HfHubHTTPError) as error:
        api.upload_file(path_or_fileobj=b"a", path_in_repo=path, repo_id=repo, **DATASET)
    assert status_of(error) == 422


def test_a_backslash_is_a_letter_of_a_name(api, repo):
    api.upload_file(path_or_fileobj=b"a", path_in_repo="a\\b.txt", repo_id=repo, **DATASET)
    assert "a\\b.txt" in paths(api, repo)


def test_names_of_repositories_are_read_and_written_in_any_case(api, repo):
    other = repo.replace("farming", "FarMing")
    done = commit(api, other, add("a.txt", "a"), add("b.parquet", b"PAR1\0"))
    assert api.dataset_info(other).id == repo
    assert api.dataset_info(repo).sha == done.oid
    assert download(other, "b.parquet") == b"PAR1\0"
    assert not api.repo_exists("local/none", **DATASET)
    api.delete_repo(other, **DATASET)
    assert not api.repo_exists(repo, **DATASET)


@pytest.mark.parametrize("token", ["hf_local", False])
def test_a_name_without_an_owner_is_a_repository_that_is_not_there(hub, repo, token):
    with pytest.raises(RepositoryNotFoundError) as error:
        HfApi(endpoint=hub.url, token=token).dataset_info(repo.split("/")[1])
    assert status_of(error) == (404 if token else 401)


def test_a_failing_operation_leaves_nothing_of_its_commit(api, repo):
    head = api.dataset_info(repo).sha
    with pytest.raises(EntryNotFoundError):
        commit(api, repo, add("a.txt", "a"), CommitOperationDelete("never.txt", is_folder=False))
    assert api.dataset_info(repo).sha == head


def test_a_broken_card_stops_the_commit(api, repo):
    with pytest.raises(ValueError, match="metadata"):
        commit(api, repo, add("README.md", "---\nconfigs: 5\n---\n# x\n"))
    assert RepoCard("---\nlicense: mit\n---\n").validate(repo_type="dataset") is None


# Looking


def test_the_tree_comes_in_pages_with_real_ids(hub, api, repo):
    names = [f"part-{number:04}.jsonl" for number in range(1200)]
    commit(api, repo, *(add(f"d/{name}", name) for name in names))
    flat = list(api.list_repo_tree(repo, **DATASET))
    assert [entry.path for entry in flat] == ["d", ".gitattributes"]
    deep = list(api.list_repo_tree(repo, "d", recursive=True, **DATASET))
    assert [entry.path for entry in deep] == [f"d/{name}" for name in names]
    assert deep[7].blob_id == blob_oid(names[7].encode())
    pages = [entry for entry in hub.log(f"/api/datasets/{repo}/tree/main/d")]
    assert len(pages) == 2
    with pytest.raises(EntryNotFoundError):
        list(api.list_repo_tree(repo, "nowhere", **DATASET))


def test_expanded_entries_name_the_commit_that_last_changed_them(api, repo):
    first = commit(api, repo, add("a.txt", "1"), add("b.txt", "1"))
    second = commit(api, repo, add("b.txt", "2"))
    found = {entry.path: entry.last_commit.oid for entry in api.list_repo_tree(repo, expand=True, **DATASET)}
    assert (found["a.txt"], found["b.txt"]) == (first.oid, second.oid)


def test_history_branches_and_tags(api, repo):
    first = commit(api, repo, add("a.txt", "1"))
    for number in range(60):
        commit(api, repo, add("a.txt", f"again {number}"))
    history = api.list_repo_commits(repo, **DATASET)
    assert len(history) == 62
    assert history[-1].title == "initial commit" and history[0].authors == ["local"]
    assert history[0].formatted_title is None
    api.create_commit(repo, [add("a.txt", "<")], commit_message="a < b", **DATASET)
    [newest, *_] = api.list_repo_commits(repo, formatted=True, **DATASET)
    assert newest.title == "a < b" and "a &lt; b" in newest.formatted_title and newest.formatted_message is not None
    api.create_branch(repo, branch="draft/one", revision=first.oid, **DATASET)
    with pytest.raises(HfHubHTTPError, match="Reference refs/heads/draft/one already exists") as error:
        api.create_branch(repo, branch="draft/one", **DATASET)
    assert status_of(error) == 409
    with pytest.raises(HfHubHTTPError, match="Cannot delete refs/heads/main"):
        api.delete_branch(repo, branch="main", **DATASET)
    with pytest.raises(HfHubHTTPError, match="Invalid rev id"):
        api.delete_branch(repo, branch="missing", **DATASET)
    api.create_branch(repo, branch="draft/one", exist_ok=True, **DATASET)
    api.create_tag(repo, tag="v1", revision=first.oid, **DATASET)
    api.create_tag(repo, tag="short", revision=first.oid[:7], **DATASET)
    assert api.dataset_info(repo, revision="short").sha == first.oid
    api.delete_tag(repo, tag="short", **DATASET)
    with pytest.raises(RevisionNotFoundError):
        api.create_tag(repo, tag="no tag is called so", revision="missing", **DATASET)
    commit(api, repo, add("b.txt", "b"), revision="draft/one")
    refs = api.list_repo_refs(repo, include_pull_requests=True, **DATASET)
    assert [branch.name for branch in refs.branches] == ["draft/one", "main"]
    assert [(tag.name, tag.target_commit) for tag in refs.tags] == [("v1", first.oid)]
    assert download(repo, "a.txt", revision="v1") == b"1"
    assert paths(api, repo, revision="draft/one") == [".gitattributes", "a.txt", "b.txt"]
    api.delete_branch(repo, branch="draft/one", **DATASET)
    with pytest.raises(RevisionNotFoundError):
        api.dataset_info(repo, revision="draft/one")
    api.super_squash_history(repo, **DATASET)
    assert len(api.list_repo_commits(repo, **DATASET)) == 1


def test_missing_things_are_the_clients_own_errors(api, repo):
    with pytest.raises(RepositoryNotFoundError):
        api.dataset_info("local/none")
    with pytest.raises(RevisionNotFoundError):
        api.dataset_info(repo, revision="none")
    with pytest.raises(EntryNotFoundError):
        download(repo, "none.txt")
    with pytest.raises(RevisionNotFoundError):
        download(repo, "a.txt", revision="0" * 40)
    assert not api.file_exists(repo, "none.txt", **DATASET)


def test_ranges_of_regular_and_large_files(api, hub, repo):
    large = os.urandom(120_000)
    commit(api, repo, add("a.txt", "0123456789"), add("b.bin", large))
    files = HfFileSystem(endpoint=hub.url, token=hub.token)
    assert files.cat_file(f"datasets/{repo}/a.txt", start=2, end=5) == b"234"
    assert files.cat_file(f"datasets/{repo}/b.bin", start=100_000, end=100_010) == large[100_000:100_010]


def test_a_snapshot_has_every_file(api, repo, tmp_path):
    commit(api, repo, add("a/b.txt", "b"), add("c.parquet", b"PAR1\0PAR1"))
    folder = snapshot_download(repo, local_dir=tmp_path / "copy", **DATASET)
    assert open(f"{folder}/a/b.txt").read() == "b"
    assert open(f"{folder}/c.parquet", "rb").read() == b"PAR1\0PAR1"


# Pull requests


def test_someone_without_write_access_offers_a_pull_request_that_is_merged(hub, api, repo):
    hub.user("anna", "hf_anna", role="read")
    anna = HfApi(endpoint=hub.url, token="hf_anna")
    large = os.urandom(30_000)
    offered = commit(anna, repo, add("anna.jsonl", "{}\n"), add("anna.parquet", large), create_pr=True)
    number, ref = offered.pr_num, offered.pr_revision
    assert (number, ref) == (1, "refs/pr/1")
    commit(anna, repo, add("more.jsonl", "{}\n"), revision=ref)
    assert "anna.jsonl" not in paths(api, repo)
    assert "more.jsonl" in paths(api, repo, revision=ref)

    commit(api, repo, add("meanwhile.txt", "m"))
    [listed] = api.get_repo_discussions(repo, discussion_type="pull_request", discussion_status="open", **DATASET)
    assert (listed.num, listed.author, listed.status, listed.is_pull_request) == (1, "anna", "open", True)
    with pytest.raises(HfHubHTTPError) as error:
        anna.merge_pull_request(repo, number, **DATASET)
    assert status_of(error) == 403
    api.comment_discussion(repo, number, "Thank you", **DATASET)
    api.merge_pull_request(repo, number, comment="merging", **DATASET)

    details = api.get_discussion_details(repo, number, **DATASET)
    assert details.status == "merged"
    assert details.merge_commit_oid == api.dataset_info(repo).sha
    assert [event.type for event in details.events] == ["comment", "status-change"]
    assert {"anna.jsonl", "more.jsonl", "meanwhile.txt"} <= set(paths(api, repo))
    assert download(repo, "anna.parquet") == large


def test_a_pull_request_that_conflicts_is_not_merged_and_can_be_closed(api, repo):
    base = commit(api, repo, add("a.txt", "1"))
    number = commit(api, repo, add("a.txt", "theirs"), create_pr=True, parent_commit=base.oid).pr_num
    commit(api, repo, add("a.txt", "ours"))
    assert api.get_discussion_details(repo, number, **DATASET).conflicting_files == ["a.txt"]
    with pytest.raises(HfHubHTTPError) as error:
        api.merge_pull_request(repo, number, **DATASET)
    assert status_of(error) == 409
    api.change_discussion_status(repo, number, "closed", **DATASET)
    assert list(api.get_repo_discussions(repo, discussion_status="open", **DATASET)) == []
    assert download(repo, "a.txt") == b"ours"


def test_a_discussion_remembers_that_it_was_renamed(hub, api, repo):
    number = api.create_discussion(repo, title="Old name", description="d", **DATASET).num
    renamed = api.rename_discussion(repo, number, new_title="New name", **DATASET)
    for _ in range(2):
        details = api.get_discussion_details(repo, number, **DATASET)
        assert details.title == "New name"
        [event] = [event for event in details.events if event.type == "title-change"]
        assert (event.id, event.old_title, event.new_title) == (renamed.id, "Old name", "New name")
        hub.kill_and_start()


def test_a_token_for_pull_requests_only_hears_412_when_it_names_a_parent(hub, api, repo):
    hub.user("local", "hf_pr", role="pull-request")
    other = HfApi(endpoint=hub.url, token="hf_pr")
    head = api.dataset_info(repo).sha
    offered = commit(other, repo, add("a.txt", "a"), create_pr=True)
    assert offered.pr_num == 1
    # Preupload refuses already what the Hub lets through; the commit itself is what matters here.
    import httpx2

    answer = httpx2.post(
        f"{hub.url}/api/datasets/{repo}/commit/main",
        content='{"key":"header","value":{"summary":"x","parentCommit":"%s"}}\n'
        '{"key":"file","value":{"path":"a.txt","content":"YQ==","encoding":"base64"}}' % head,
        headers={"Authorization": "Bearer hf_pr"},
    )
    assert answer.status_code == 412
    assert api.dataset_info(repo).sha == head


# Faults and durability


def test_the_client_waits_out_a_rate_limit(hub, api, repo):
    hub.fault(kind="status", status=429, retry_after=1, method="GET", path_prefix=f"/api/datasets/{repo}/commits/")
    assert len(api.list_repo_commits(repo, **DATASET)) == 1
    assert [entry["status"] for entry in hub.log(f"/api/datasets/{repo}/commits/")] == [429, 200]


def test_everything_is_there_after_the_process_was_killed(hub, api, repo):
    large = os.urandom(250_000)
    done = commit(api, repo, add("a.txt", "a"), add("b.parquet", large))
    hub.user("anna", "hf_anna")
    hub.kill_and_start()
    assert api.dataset_info(repo).sha == done.oid
    assert download(repo, "a.txt") == b"a" and download(repo, "b.parquet") == large
    assert HfApi(endpoint=hub.url, token="hf_anna").whoami()["name"] == "anna"


def test_the_log_holds_no_secret(hub, api, repo):
    commit(api, repo, add("a.parquet", os.urandom(1000)))
    download(repo, "a.parquet")
    text = str(hub.log())
    assert "/lfs-put/" in text and hub.token not in text
    for entry in hub.log("/lfs/"):
        assert "sig=…" in entry["query"]
