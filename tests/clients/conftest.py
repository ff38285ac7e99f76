"""Starts the local Hub and points the real Python clients at it, before they are imported: they read their settings once."""

import itertools
import json
import os
import subprocess
import sys
import tempfile
import urllib.request
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_numbers = itertools.count(1)
_scratch = tempfile.TemporaryDirectory(prefix="seedbed-clients-")


class LocalHub:
    """The running stand-in."""

    def __init__(self, folder):
        self.folder = folder
        binary = os.environ.get("SEEDBED_HUB_LOCAL", str(ROOT / "target/debug/seedbed-hub-local"))
        self.command = [
            binary,
            *("--dir", folder),
            "--scripted-model",
            *("--multipart-threshold", "200000"),
            *("--multipart-part-size", "100000"),
        ]
        self.start()

    def start(self, *ports):
        self.process = subprocess.Popen([*self.command, *ports], stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.command[0]} did not start")
        addresses = json.loads(line)
        self.url, self.storage_url, self.token = (addresses[key] for key in ("hub", "storage", "token"))

    def kill_and_start(self):
        """kill -9, then again on the same ports and folder."""
        self.process.kill()
        self.process.wait()
        hub, storage = (url.rsplit(":", 1)[1] for url in (self.url, self.storage_url))
        self.start("--hub-port", hub, "--storage-port", storage)

    def call(self, method, path, body=None):
        """Asks one of the `/__local` addresses."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(
            f"{self.url}/__local/{path}", data, {"Content-Type": "application/json"}, method=method
        )
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def fault(self, **order):
        self.call("POST", "faults", order)

    def log(self, path=""):
        return self.call("GET", f"log?path={path}")["requests"]

    def user(self, name, token, role="write", orgs=()):
        self.call("POST", "users", {"name": name, "token": token, "role": role, "orgs": list(orgs)})


_hub = LocalHub(str(Path(_scratch.name) / "hub"))
os.environ.update(
    HF_ENDPOINT=_hub.url,
    HF_HOME=str(Path(_scratch.name) / "hf"),
    HF_HUB_DISABLE_XET="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_HUB_DISABLE_PROGRESS_BARS="1",
)
for _name in ("HF_TOKEN", "HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "HTTP_PROXY", "http_proxy"):
    os.environ.pop(_name, None)


def pytest_unconfigure(config):
    _hub.process.kill()
    _hub.process.wait()
    _scratch.cleanup()


@pytest.fixture
def hub():
    """The Hub, empty."""
    _hub.call("POST", "reset")
    return _hub


@pytest.fixture
def api(hub):
    """The official client, signed in as the local user."""
    from huggingface_hub import HfApi

    return HfApi(endpoint=hub.url, token=hub.token)


@pytest.fixture
def repo(api):
    """A public dataset repository, by another name each time: the clients keep caches by name."""
    return api.create_repo(f"farming-{next(_numbers)}", repo_type="dataset", private=False).repo_id
