"""windows_sum: windows that overlap, lie apart or reach outside, channels around the vector, every ISA."""

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from fastnn.ops.windows import windows_sum_op
from tests.kernels.guarded import Guarded

# outer, size, inner, c, out, taps, stride, dilation, before
CASES = [
    (1, 1, 1, 1, 1, 1, 1, 1, 0),
    (2, 7, 3, 5, 7, 3, 1, 1, 1),
    (3, 8, 1, 16, 4, 2, 2, 1, 0),
    (2, 9, 2, 17, 3, 2, 4, 1, 1),  # elements that no window holds
    (1, 6, 4, 3, 9, 4, 1, 2, 4),
    (2, 3, 2, 2, 2, 2, 5, 1, 7),  # a window wholly outside
    (0, 3, 2, 2, 2, 2, 1, 1, 0),
    (2, 3, 0, 2, 2, 2, 1, 1, 0),
]


@pytest.mark.parametrize("isa", _engine.isas())
@pytest.mark.parametrize("kind, dtype", [("f32", np.float32), ("f64", np.float64)])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_windows_sum(case, kind, dtype, isa):
    outer, size, inner, c, out, taps, stride, dilation, before = case
    # Small integers: sums are exact.
    y = Guarded(np.random.default_rng(0).integers(-9, 9, (outer, out, inner, taps * c)), dtype)
    params = {"size": size, "taps": taps, "stride": stride, "dilation": dilation, "before": before}
    for threads in (1, 2):
        x = Guarded.unwritten((outer, size, inner, c), dtype)
        _kernels.run(f"windows_sum_{kind}", [y.array, x.array], case, (), threads, isa)
        x.assert_canaries()
        np.testing.assert_array_equal(x.array, windows_sum_op.reference(y.array, **params))
