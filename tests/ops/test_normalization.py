"""Normalizations: against the released Keras, and gradients (also of gradients) against central differences."""

import keras
import numpy as np
import pytest

from fastnn import KerasTensor, ops
from fastnn.ops.group_norm import group_norm, group_norm_composed, group_norm_grad_op, group_norm_op
from fastnn.ops.normalization import batch_norm, batch_norm_grad_op, batch_norm_op, layer_norm_grad_op, layer_norm_op
from fastnn.testing import check_op

RNG = np.random.default_rng(0)


def floats(*shape):
    return RNG.standard_normal(shape).astype(np.float32)


X, GAMMA, BETA = floats(3, 4, 5), floats(5), floats(5)


@pytest.mark.parametrize("kwargs", [{}, {"axis": 1}, {"axis": (1, 2)}, {"axis": 0}, {"epsilon": 0.1}], ids=str)
def test_layer_and_rms_normalization(kwargs):
    for name in ("layer_normalization", "rms_normalization"):
        wanted = getattr(keras.ops, name)(X.copy(), **kwargs)
        np.testing.assert_allclose(getattr(ops, name)(X, **kwargs), wanted, rtol=1e-4, atol=1e-5)
        check_op(getattr(ops, name), [X], **kwargs)


def test_layer_normalization_with_parameters():
    wanted = keras.ops.layer_normalization(X.copy(), GAMMA, BETA)
    np.testing.assert_allclose(ops.layer_normalization(X, GAMMA, BETA), wanted, rtol=1e-4, atol=1e-5)
    gamma = floats(4, 5)
    wanted = keras.ops.layer_normalization(X.copy(), gamma, axis=(1, 2))
    np.testing.assert_allclose(ops.layer_normalization(X, gamma, axis=(1, 2)), wanted, rtol=1e-4, atol=1e-5)
    wanted = keras.ops.rms_normalization(X.copy(), GAMMA)
    np.testing.assert_allclose(ops.rms_normalization(X, GAMMA), wanted, rtol=1e-4, atol=1e-5)
    with pytest.warns(UserWarning, match="rms_scaling"):
        wanted = keras.ops.layer_normalization(X.copy(), GAMMA, rms_scaling=True)
    np.testing.assert_allclose(ops.layer_normalization(X, GAMMA, rms_scaling=True), wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_batch_normalization(axis):
    n = X.shape[axis]
    mean, variance, offset, scale = floats(n), floats(n) ** 2, floats(n), floats(n)
    wanted = keras.ops.batch_normalization(X.copy(), mean, variance, axis, offset, scale)
    np.testing.assert_allclose(
        ops.batch_normalization(X, mean, variance, axis, offset, scale), wanted, rtol=1e-4, atol=1e-5
    )
    wanted = keras.ops.batch_normalization(X.copy(), mean, variance, axis)
    np.testing.assert_allclose(ops.batch_normalization(X, mean, variance, axis), wanted, rtol=1e-4, atol=1e-5)
    check_op(lambda x, m, v: ops.batch_normalization(x, m, v + 1, axis), [X, mean, variance])


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_batch_norm_in_training(axis):
    n = X.shape[axis]
    scale, offset = floats(n), floats(n)
    y, mean, variance = batch_norm(X, scale, offset, axis)
    others = tuple(k for k in range(3) if k != axis % 3)
    wanted_mean, wanted_variance = keras.ops.moments(X.copy(), others)
    np.testing.assert_allclose(mean, wanted_mean, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(variance, wanted_variance, rtol=1e-5)
    wanted = keras.ops.batch_normalization(X.copy(), wanted_mean, wanted_variance, axis, offset, scale)
    np.testing.assert_allclose(y, wanted, rtol=1e-4, atol=1e-5)
    check_op(lambda x, scale, offset: batch_norm(x, scale, offset, axis), [X, scale, offset])


@pytest.mark.parametrize("is_centered", [True, False])
def test_records(is_centered):
    """All outputs of the records, and the gradients of their gradients."""
    check_op(batch_norm_op, [X, GAMMA, BETA], epsilon=1e-3)
    inputs = [floats(3, 4, 5), X, GAMMA, floats(5), np.abs(floats(5)) + 1]
    check_op(batch_norm_grad_op, inputs, epsilon=1e-3)
    check_op(layer_norm_op, [X, GAMMA, BETA], epsilon=1e-3, is_centered=is_centered)
    inputs = [floats(3, 4, 5), X, GAMMA, floats(3, 4) * is_centered, np.abs(floats(3, 4)) + 1]
    check_op(layer_norm_grad_op, inputs, is_centered=is_centered)


@pytest.mark.parametrize("shape", [(3, 4, 6), (9, 2, 3, 6)], ids=str)
@pytest.mark.parametrize("groups", [1, 3, 6])
def test_group_norm_records(groups, shape):
    x, gamma, beta, moments = floats(*shape), floats(6), floats(6), np.abs(floats(shape[0], groups)) + 1
    moments = np.repeat(moments, 6 // groups, 1)
    check_op(group_norm_op, [x, gamma, beta], epsilon=1e-3, groups=groups)
    check_op(group_norm_grad_op, [floats(*shape), x, gamma, moments, moments], epsilon=1e-3, groups=groups)
    composed = group_norm_composed(x, gamma, beta, epsilon=1e-3, groups=groups)
    for ours, other in zip(group_norm_op(x, gamma, beta, epsilon=1e-3, groups=groups), composed, strict=True):
        np.testing.assert_allclose(ours, other, rtol=1e-5, atol=1e-6)


def test_group_norm_of_nothing_and_of_what_does_not_fit():
    assert group_norm(np.zeros((0, 3, 6), np.float32), 2).shape == (0, 3, 6)
    x = np.array([[[np.nan, 1, 2, 3]]], np.float32)
    assert np.isnan(group_norm(x, 2)).tolist() == [[[True, True, False, False]]]
    with pytest.raises(ValueError, match=r"4.*6"):
        group_norm(np.zeros((1, 3, 6), np.float32), 4)


@pytest.mark.parametrize("kwargs", [{}, {"order": 1, "axis": 0}, {"order": 3}, {"axis": (0, 1)}], ids=str)
def test_normalize(kwargs):
    np.testing.assert_allclose(ops.normalize(X, **kwargs), keras.ops.normalize(X.copy(), **kwargs), rtol=1e-5)
    check_op(ops.normalize, [X], **kwargs)


def test_normalize_zero():
    assert (ops.normalize(np.zeros((2, 3), np.float32)) == 0).all()


def test_errors_and_shapes():
    with pytest.raises(ValueError, match=r"\(4,\).*5"):
        ops.batch_normalization(X, GAMMA[:4], GAMMA, -1)
    with pytest.raises(ValueError, match=r"\(4,\).*5"):
        batch_norm(X, GAMMA[:4])
    with pytest.raises(TypeError, match="scaling"):
        ops.layer_normalization(X, scaling=True)
    x = KerasTensor((None, 4, 5))
    assert ops.layer_normalization(x).shape == (None, 4, 5)
    assert [part.shape for part in batch_norm(x)] == [(None, 4, 5), (5,), (5,)]
    assert ops.batch_normalization(x, GAMMA, GAMMA, -1).shape == (None, 4, 5)
