"""Settings of the whole suite.

The released `keras` judges results on its NumPy backend. `tests/parity` needs a backend that trains, and a process has
only one, so those tests are collected only when KERAS_BACKEND names another one (`make parity`).

Real data is a folder laid out as `KERAS_HOME`, at FASTNN_TEST_DATA or at ../shared/data beside the clone.
"""

import os
from pathlib import Path

import pytest

os.environ.setdefault("KERAS_BACKEND", "numpy")
collect_ignore = ["parity"] if os.environ["KERAS_BACKEND"] == "numpy" else []


@pytest.fixture
def keras_home():
    folder = Path(os.environ.get("FASTNN_TEST_DATA") or Path(__file__).parents[2] / "shared" / "data")
    if not (folder / "datasets").is_dir():
        pytest.skip(f"no data at {folder}; set FASTNN_TEST_DATA to a KERAS_HOME folder")
    return folder
