"""Settings of the whole suite.

The released `keras` judges results on its NumPy backend. `tests/parity` needs a backend that trains, and a process has
only one, so those tests are collected only when KERAS_BACKEND names another one (`make parity`).
"""

import os

os.environ.setdefault("KERAS_BACKEND", "numpy")
collect_ignore = ["parity"] if os.environ["KERAS_BACKEND"] == "numpy" else []
