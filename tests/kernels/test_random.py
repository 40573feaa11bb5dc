"""The generator against published answers, the kernels against their NumPy references, and the promises of random.c."""

import functools

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import DTYPE_CODE, _engine
from fastnn.ops import random as records

ISAS = _engine.isas()
STATE = np.array([0xDEADBEEF, 7], np.uint32)
FLOATS = {"f32": "float32", "f64": "float64"}
SIZES = [0, 1, 15, 16, 17, 63, 64, 65, 4095, 4096, 4097, 10_007]


def run(kernel, isa, n, dtype, reals=(), ints=(), state=STATE, threads=1):
    """The kernel's numbers, written between canaries at an address that is aligned only to the element."""
    raw = np.full(n + 9, 77, dtype)
    raw[1 : n + 1] = np.nan if np.dtype(dtype).kind == "f" else 99
    after = np.zeros(2, np.uint32)
    _kernels.run(kernel, [state, raw[1 : n + 1], after], [n, *ints], reals, threads, isa)
    assert raw[0] == 77 and (raw[n + 1 :] == 77).all(), "wrote outside"
    assert after.tolist() == [int(state[0]), (int(state[1]) + 1) % 2**32]
    return raw[1 : n + 1]


@pytest.mark.parametrize(
    "counter, key, wanted",
    [  # Random123's kat_vectors, threefry4x32 with 20 rounds
        ([0] * 4, [0] * 4, [0x9C6CA96A, 0xE17EAE66, 0xFC10ECD4, 0x5256A7D8]),
        ([2**32 - 1] * 4, [2**32 - 1] * 4, [0x2A881696, 0x57012287, 0xF6C7446E, 0xA16A6732]),
        (
            [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
            [0xA4093822, 0x299F31D0, 0x082EFA98, 0xEC4E6C89],
            [0x59CD1DBB, 0xB8879579, 0x86B5D00C, 0xAC8B6D84],
        ),
    ],
)
def test_threefry_known_answers(counter, key, wanted):
    result = records.threefry(np.array(counter, np.uint32)[:, None], np.array(key, np.uint32))
    assert result[:, 0].tolist() == wanted


@pytest.mark.parametrize("isa", ISAS)
def test_words(isa):
    for state in (STATE, np.zeros(2, np.uint32), np.array([0, 2**32 - 1], np.uint32)):
        for n in SIZES:
            wanted = records.words(state, n).reshape(-1)[:n]
            for threads in (1, 2):
                np.testing.assert_array_equal(
                    run("random_words", isa, n, "uint32", state=state, threads=threads), wanted
                )


@functools.cache  # the same for each instruction set; that of the truncated normal numbers is slow
def reference(name, n, dtype, *reals):
    return getattr(records, f"_{name}")(STATE, (n,), dtype, *reals)


# Bounds in eps of numbers offset + 2 z or -2 + 5 u. Uniform: rounding of 5 u and of the sum. Normal: the angle is
# rounded to eps of 2 pi by the reference and of pi/4 by the kernel, times the radius (at most 8.6, from 53 bits).
# Truncated: the slope of the inverse is 9 at two deviations, times the rounding of its argument, and 3 ulp of its own.
BOUNDS = {"uniform": 5, "normal": 2 * (4 * 8.6 + 4), "truncated_normal": 2 * (9 + 3 * 2 + 2)}


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("name", BOUNDS)
def test_floats(name, kind, isa):
    dtype = FLOATS[kind]
    reals = (-2.0, 3.0) if name == "uniform" else (1.0, 2.0)
    for n in SIZES:
        numbers = run(f"random_{name}_{kind}", isa, n, dtype, reals)
        wanted = reference(name, n, dtype, *reals)
        assert (np.abs(numbers - wanted) <= BOUNDS[name] * np.finfo(dtype).eps).all()
        two = run(f"random_{name}_{kind}", isa, n, dtype, reals, threads=2)
        assert two.tobytes() == numbers.tobytes()
        if n > 100:  # a number depends on the state and its position alone
            assert run(f"random_{name}_{kind}", isa, 100, dtype, reals).tobytes() == numbers[:100].tobytes()


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("kind, dtype, scale", [("f32", "float32", 2.5), ("f64", "float64", 2.5), ("bool", "uint8", 1)])
@pytest.mark.parametrize("probability", [0.0, 1e-9, 0.3, 0.5, 1.0])
def test_bernoulli(probability, kind, dtype, scale, isa):
    for n in SIZES:
        numbers = run(f"random_bernoulli_{kind}", isa, n, dtype, (probability, scale))
        np.testing.assert_array_equal(numbers, records._bernoulli(STATE, (n,), dtype, probability, scale))


def signed(x):
    """The low 64 bits of `x`, as an int64."""
    return (x + 2**63) % 2**64 - 2**63


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["uint8", "int32", "int64", "uint64"])
def test_integers(dtype, isa):
    low, high = {"uint8": (3, 250), "int32": (-5, 2**31 - 1), "int64": (-(2**63), 2**63 - 1), "uint64": (0, 2**64)}[
        dtype
    ]
    ints = [signed(low), signed(high - low), DTYPE_CODE[dtype]]
    for n in SIZES:
        numbers = run("random_integers", isa, n, dtype, ints=ints)
        np.testing.assert_array_equal(numbers, records._integers(STATE, (n,), dtype, low, high))


@pytest.mark.parametrize("isa", ISAS)
@pytest.mark.parametrize("dtype", ["int32", "int64"])
def test_permutation(dtype, isa):
    for n in SIZES:
        numbers = run("random_permutation", isa, n, dtype, ints=[DTYPE_CODE[dtype]])
        np.testing.assert_array_equal(numbers, records._permutation(STATE, (n,), dtype))
        assert sorted(numbers.tolist()) == list(range(n))


@pytest.mark.parametrize("isa", ISAS)
def test_state_may_be_updated_in_place_or_not_at_all(isa):
    state, out = STATE.copy(), np.empty(5000, np.float32)
    _kernels.run("random_uniform_f32", [state, out, state], [5000], [0, 1], 2, isa)
    assert state.tolist() == [0xDEADBEEF, 8]
    np.testing.assert_array_equal(out, run("random_uniform_f32", isa, 5000, "float32", (0, 1)))
    _kernels.run("random_uniform_f32", [state, out, None], [5000], [0, 1], 1, isa)
    assert state.tolist() == [0xDEADBEEF, 8]
