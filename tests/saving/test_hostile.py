"""Hostile files (`hostile_files`): each is loaded in a process of its own, and must end in a clear exception, in little
memory and time, with nothing touched and nothing changed."""

import http.server
import json
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.saving import hostile_files

GOOD = ("a .keras file", "an .h5 file")


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """What came of each attack."""
    service = http.server.ThreadingHTTPServer(("127.0.0.1", 0), hostile_files.Server)
    threading.Thread(target=service.serve_forever, daemon=True).start()
    hostile_files.Server.address = f"http://127.0.0.1:{service.server_port}"
    root = tmp_path_factory.mktemp("hostile")
    clean = root / "clean"
    clean.mkdir()
    hostile_files.good().save(root / "good.keras")
    paths = []
    for k, (build, _) in enumerate(hostile_files.ATTACKS.values()):
        folder = root / str(k)
        folder.mkdir()
        paths.append(build(folder))
    paths += [root / "good.keras", hostile_files.legacy(root / "good.h5")]
    before = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    script = Path(__file__).with_name("loading_process.py")
    run = subprocess.run(
        [sys.executable, script, root / "good.keras", clean, *paths], capture_output=True, text=True, timeout=600
    )  # fmt: skip
    service.shutdown()
    assert run.returncode == 0, run.stderr
    after = {path: path.read_bytes() for path in root.rglob("*") if path.is_file()}
    assert after == before, "a file was written, changed or removed"
    return dict(zip([*hostile_files.ATTACKS, *GOOD], map(json.loads, run.stdout.splitlines()), strict=True))


@pytest.mark.parametrize("name", hostile_files.ATTACKS)
def test_attack(name, results):
    result, message = results[name], hostile_files.ATTACKS[name][1]
    if message is not None or result["outcome"] != "model":
        assert result["outcome"] in ("ValueError", "TypeError", "OSError"), result
        assert result["message"] and re.search(message or "", result["message"]), result["message"]
    assert result["touched"] == [] and result["changed"] == []
    assert result["megabytes"] < 200, result
    assert result["seconds"] < 5, result


@pytest.mark.parametrize("name", GOOD)
def test_good_files_touch_and_change_nothing(name, results):
    result = results[name]
    assert result["outcome"] == "model" and result["touched"] == [] and result["changed"] == [], result
    assert result["megabytes"] < 30, result


def test_nobody_was_asked(results):
    assert hostile_files.Server.asked == []
