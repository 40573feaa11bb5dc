"""What reads or writes one element behind an array ends the process, with any instruction set."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fastnn._kernels import _engine

PROGRAM = """
import sys
import numpy as np
from fastnn import _kernels
from tests.kernels.guarded import at_the_end_of_memory

isa, of_x, of_y = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
x, y = np.ones(of_x, np.float32), np.zeros(of_y, np.float32)
at_the_end_of_memory(_kernels.run)("softmax_f32", [x, y], [1, 21], isa_name=isa)
assert abs(y.sum() - 1) < 1e-5
"""


@pytest.mark.skipif("ASAN_OPTIONS" in os.environ, reason="the sanitizers report it by themselves")
@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("sizes, status", [((21, 21), 0), ((20, 21), -signal.SIGSEGV), ((21, 20), -signal.SIGSEGV)])
def test_behind_an_array_is_nothing(sizes, status, isa):
    command = [sys.executable, "-c", PROGRAM, isa, *map(str, sizes)]
    assert subprocess.run(command, cwd=Path(__file__).parents[2], capture_output=True).returncode == status
