"""Real data: a folder laid out as `KERAS_HOME`, at FASTNN_TEST_DATA or ../shared/data beside the clone."""

import os
from pathlib import Path

import pytest


@pytest.fixture
def keras_home():
    folder = Path(os.environ.get("FASTNN_TEST_DATA") or Path(__file__).parents[3] / "shared" / "data")
    if not (folder / "datasets").is_dir():
        pytest.skip(f"no data at {folder}; set FASTNN_TEST_DATA to a KERAS_HOME folder")
    return folder
