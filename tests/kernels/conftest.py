"""Kernels get their arrays at the end of memory, but in the sanitizers' build, which knows where each array ends."""

import os

import pytest

from fastnn import _kernels
from tests.kernels.guarded import at_the_end_of_memory


@pytest.fixture(autouse=True)
def arrays_at_the_end_of_memory(monkeypatch):
    if "ASAN_OPTIONS" not in os.environ:
        monkeypatch.setattr(_kernels, "run", at_the_end_of_memory(_kernels.run))
