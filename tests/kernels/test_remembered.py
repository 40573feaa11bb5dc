"""What is computed once is what would be computed each time."""

import numpy as np
import pytest

from tests.kernels import remembered as of_module
from tests.kernels.remembered import remembered


@pytest.fixture
def asked(monkeypatch):
    """A remembered sum, and a list of what it was computed for."""
    monkeypatch.setattr(of_module, "_results", {})
    calls = []

    def total(first, *more, times=1):
        calls.append(first)
        return sum(more, first) * times

    return remembered(total), calls


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.longdouble, np.clongdouble, np.int8, bool])
def test_the_same_bits_are_asked_for_once(dtype, asked):
    total, calls = asked
    x = (np.arange(30) % 7).reshape(5, 6).astype(dtype)
    for same in (x, x.copy(), np.asfortranarray(x), np.repeat(x, 2, 1)[:, ::2]):
        np.testing.assert_array_equal(total(same), x)
    assert len(calls) == 1
    other = x.copy()
    other[4, 5] = not other[4, 5]
    for more in (other, x.reshape(6, 5), x[:4], x.astype(np.complex64)):
        np.testing.assert_array_equal(total(more), more)
    assert len(calls) == 5
    np.testing.assert_array_equal(total(x, times=2), 2 * x)
    np.testing.assert_array_equal(total(x, x), x + x)
    assert len(calls) == 7


def test_bits_that_equality_does_not_see(asked):
    total, calls = asked
    for zero in (0.0, -0.0):
        assert np.signbit(total(np.array([zero]), np.array([zero])))[0] == np.signbit(zero)
    last = np.longdouble(1) + np.finfo(np.longdouble).eps
    assert total(np.array([last]))[0] == last != total(np.array([np.longdouble(1)]))[0]
    assert total(np.array([np.longdouble(2)]))[0] == 2  # another exponent alone
    assert [total(np.zeros(3, dtype)).dtype for dtype in (np.float32, np.int32)] == [np.float32, np.int32]
    assert len(calls) == 7


def test_results_cannot_be_changed(asked):
    total, _ = asked
    with pytest.raises(ValueError, match="read-only"):
        total(np.ones(3))[0] = 2


def test_what_was_asked_for_last_is_kept(asked, monkeypatch):
    total, calls = asked
    monkeypatch.setattr(of_module, "MOST_BYTES", 80)
    a, b, c = (np.full(5, value) for value in range(3))
    for x in (a, b, a, c, a):  # b is dropped for c
        total(x)
    assert len(calls) == 3
    total(b)
    assert len(calls) == 4
