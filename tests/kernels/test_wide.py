"""What kernels are judged by is exact itself."""

from fractions import Fraction

import numpy as np
import pytest

from tests.kernels.wide import product, wide


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "shapes", [((3, 1), (1, 2)), ((2, 500), (500, 3)), ((2, 409), (409, 2)), ((2, 4, 33), (33, 3))], ids=str
)
def test_product_beside_fractions(shapes, dtype):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape).astype(dtype) * 10.0 ** rng.integers(-3, 3, shape) for shape in shapes)
    a, b = a.astype(dtype), b.astype(dtype)
    found, size = product(wide(a), wide(b)), np.abs(a.astype(np.float64)) @ np.abs(b.astype(np.float64))
    for at in np.ndindex(found.shape):
        exact = sum(Fraction(float(x)) * Fraction(float(y)) for x, y in zip(a[at[:-1]], b[:, at[-1]], strict=True))
        high = float(found[at])
        error = abs(Fraction(high) + Fraction(float(found[at] - high)) - exact)
        assert error <= (a.shape[-1] + 4) * Fraction(float(np.finfo(found.dtype).eps)) * Fraction(float(size[at]))


def test_product_of_nothing_is_zero():
    np.testing.assert_array_equal(
        product(np.ones((2, 0), np.longdouble), np.ones((0, 3), np.longdouble)), np.zeros((2, 3))
    )
