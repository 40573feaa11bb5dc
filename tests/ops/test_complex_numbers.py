"""Complex numbers: eager and traced agree with NumPy, and gradients pass through them."""

import numpy as np
import pytest

import fastnn
from fastnn import ops
from fastnn.testing import check_gradient

RNG = np.random.default_rng(0)
X = RNG.standard_normal((3, 4))
PAIRS = RNG.standard_normal((3, 2))
Z = X + 1j * RNG.standard_normal((3, 4))
UNARY = "absolute negative square sqrt exp log sin cos tan sinh cosh tanh expm1 log1p reciprocal real imag conj angle"


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
@pytest.mark.parametrize("name", UNARY.split())
def test_unary(name, dtype):
    z = Z.astype(dtype)
    expected = getattr(np, name)(z)
    for function in (getattr(ops, name), fastnn.jit(getattr(ops, name))):
        y = function(z)
        assert y.dtype == expected.dtype
        np.testing.assert_allclose(y, expected, rtol=1e-5 if dtype == "complex64" else 1e-12)


@pytest.mark.parametrize("name", ["add", "subtract", "multiply", "divide", "matmul", "equal", "not_equal", "outer"])
def test_binary(name):
    a, b = Z, (Z.T if name == "matmul" else Z[::-1])
    for first, second in ((a, b), (a, b.real), (a.real, b)):
        expected = getattr(np, name)(first, second)
        for function in (getattr(ops, name), fastnn.jit(getattr(ops, name))):
            np.testing.assert_allclose(function(first, second), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ("complex64", "float32", "complex64"),
        ("complex64", "float64", "complex128"),
        ("complex128", "float32", "complex128"),
        ("complex64", "int64", "complex64"),
        ("bool", "complex128", "complex128"),
        ("complex64", "complex128", "complex128"),
    ],
)
def test_promotion(a, b, expected):
    assert ops.add(np.zeros(2, a), np.zeros(2, b)).dtype == expected


def test_python_scalars_are_weak():
    assert ops.multiply(np.ones(2, "float32"), 1j).dtype == "complex64"
    assert ops.multiply(np.ones(2, "float64"), 1j).dtype == "complex128"
    assert ops.multiply(np.ones(2, "int32"), 1j).dtype == "complex64"
    assert ops.add(Z.astype("complex64"), 1.5).dtype == "complex64"
    assert ops.convert_to_tensor([1 + 2j]).dtype == "complex64"


def test_casts():
    np.testing.assert_array_equal(ops.cast(Z, "float32"), Z.real.astype("float32"))
    np.testing.assert_array_equal(ops.cast(np.array([0, 1j]), "bool"), [False, True])
    np.testing.assert_array_equal(ops.cast(X, "complex64"), X.astype("complex64"))


def test_layout():
    np.testing.assert_array_equal(fastnn.jit(lambda z: ops.transpose(z)[:, ::-1])(Z), Z.T[:, ::-1])
    np.testing.assert_array_equal(ops.concatenate([Z, Z], 0), np.concatenate([Z, Z], 0))
    np.testing.assert_array_equal(ops.sum(Z, axis=0), Z.sum(0))
    np.testing.assert_allclose(ops.var(Z, axis=0), Z.var(0), rtol=1e-12)


GRADIENTS = {
    "abs": lambda x: ops.absolute(ops.view_as_complex(x)),
    "angle": lambda x: ops.angle(ops.view_as_complex(x)),
    "parts": lambda x: [ops.real(ops.view_as_complex(x)) * 2, ops.imag(ops.view_as_complex(x))],
    "exp": lambda x: ops.view_as_real(ops.exp(ops.view_as_complex(x))),
    "square": lambda x: ops.view_as_real(ops.square(ops.conj(ops.view_as_complex(x)))),
    "divide": lambda x: ops.absolute(ops.divide(1 + 2j, ops.view_as_complex(x))),
    "matmul": lambda x: ops.view_as_real(ops.matmul(ops.view_as_complex(x)[None], np.ones((3, 2)) * (1 - 1j))),
    "cast": lambda x: ops.imag(ops.multiply(ops.cast(x, "complex128"), ops.exp(ops.multiply(x, 1j)))),
    "polar": lambda x: ops.view_as_real(ops.polar(x[:, 0], x[:, 1])),
}


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradient(name):
    check_gradient(GRADIENTS[name], [PAIRS])


def test_view():
    x = RNG.standard_normal((2, 4)).astype("float32")
    for dtype in ("int32", "uint8", "float64", "complex64", "int16"):
        np.testing.assert_array_equal(ops.view(x, dtype), x.view(dtype))
        assert ops.view(fastnn.KerasTensor((None, 4)), dtype).shape == (None, x.view(dtype).shape[1])
    with pytest.raises(ValueError, match="whole number"):
        ops.view(x[:, :3], "float64")
