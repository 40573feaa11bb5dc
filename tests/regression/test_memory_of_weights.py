"""Memory that a model holds beside its weights."""

import subprocess
import sys
from pathlib import Path

PROGRAM = """
import ctypes, gc
import numpy as np
import fastnn
from benchmarks.machine import memory

def settled():
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    return memory()["now"]

fastnn.layers.Embedding(10, 3).build((None,))
before = settled()
layer = fastnn.layers.Embedding(100_000, 128)
layer.build((None,))
print((settled() - before) / layer.embeddings.numpy().nbytes)
"""


def test_a_weight_is_held_once():
    """The call that draws it is a plan, which kept an arena of the weight's size for the next call."""
    root = Path(__file__).parents[2]  # where `benchmarks` is
    output = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, cwd=root
    ).stdout
    assert 0.9 < float(output) < 1.2
