"""Every loss against the released Keras: functions per sample, classes with weights and reductions, configs."""

import keras
import numpy as np
import pytest

from fastnn import losses
from fastnn.losses import lookup
from tests.tables.losses import LOSSES, N

# What Keras's configs leave out, so that its losses come back with other arguments; ours keep it.
FORGOTTEN = {("Huber", "delta"), ("CosineSimilarity", "axis"), ("SparseCategoricalCrossentropy", "axis")}


def close(ours, theirs):
    """float32 within 2e-6 of the size of the numbers: formulas of up to 10 operations and sums of 35 terms."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6 * max(1, np.abs(theirs).max(initial=0)))


@pytest.mark.parametrize("case", LOSSES, ids=str)
def test_function(case):
    results = [getattr(k, case.function)(*case.arrays(), **case.arguments) for k in (losses, keras.losses)]
    close(*results)


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None])
@pytest.mark.parametrize("case", LOSSES, ids=str)
def test_class(case, reduction):
    ours, theirs = (getattr(k, case.name)(reduction=reduction, **case.arguments) for k in (losses, keras.losses))
    assert ours.name == theirs.name
    close(ours(*case.arrays()), theirs(*case.arrays()))
    values = theirs.call(*[x.astype("float32") for x in case.arrays()])
    weights = np.float32(1.5) if np.ndim(values) == 0 else np.linspace(0, 2, N, dtype="float32")
    if np.ndim(values) > 1:
        weights = weights.reshape(N, *[1] * (np.ndim(values) - 1))
    close(ours(*case.arrays(), sample_weight=weights), theirs(*case.arrays(), sample_weight=weights))


@pytest.mark.parametrize("case", LOSSES, ids=str)
def test_config_round_trip(case):
    ours, theirs = (getattr(k, case.name)(**case.arguments) for k in (losses, keras.losses))
    config = losses.serialize(ours)
    known = {k: v for k, v in config["config"].items() if (case.name, k) not in FORGOTTEN}
    assert {**config, "config": known} == keras.losses.serialize(theirs)
    assert keras.saving.deserialize_keras_object(config).get_config() == known
    close(losses.deserialize(config)(*case.arrays()), ours(*case.arrays()))


@pytest.mark.parametrize(
    ("y_true", "y_pred", "weights"),
    [
        ((4,), (4, 1), None),
        ((4, 1), (4,), (4,)),
        ((4,), (4, 1), (4,)),
        ((4, 3, 1), (4, 3), (4,)),
        ((4, 3, 2), (4, 3, 2), (4, 3)),
        ((4, 3, 2), (4, 3, 2), (4, 1)),
        ((4, 3, 2), (4, 3, 2), ()),
        ((0, 3), (0, 3), None),
    ],
)
def test_ranks_match_as_in_keras(y_true, y_pred, weights):
    draw = np.random.default_rng(5)
    true, pred = draw.normal(size=y_true).astype("f"), draw.normal(size=y_pred).astype("f")
    weight = None if weights is None else draw.uniform(size=weights).astype("f")
    for reduction in ("sum_over_batch_size", "none"):
        ours = losses.MeanSquaredError(reduction=reduction)(true, pred, weight)
        close(ours, keras.losses.MeanSquaredError(reduction=reduction)(true, pred, weight))


def test_get_finds_what_keras_finds():
    for name in ("mse", "MSE", "bce", "kld", "KLD", "mae", "mape", "msle", "huber", "log_cosh", "dice"):
        assert losses.get(name).__name__ == keras.losses.get(name).__name__
    assert isinstance(losses.get("MeanSquaredError"), losses.MeanSquaredError)
    assert losses.get(None) is None
    assert losses.get(losses.huber) is losses.huber


@pytest.mark.parametrize("identifier", ["mean_squarred_error", 3])
def test_get_names_what_it_does_not_know(identifier):
    with pytest.raises(ValueError, match=f"Could not interpret loss identifier: {identifier}"):
        losses.get(identifier)


@pytest.mark.parametrize("name", ["MeanAbsoluteError", "CTC", "Dice", "BinaryCrossentropy"])
def test_float64(name):
    """`dtype` is that of the computation and of the result; Keras's NumPy backend returns float32 now and then."""
    case = next(case for case in LOSSES if case.name == name)
    loss = getattr(losses, name)(dtype="float64")
    value = loss(*case.data)
    assert np.asarray(value).dtype == "float64" and loss.get_config()["dtype"] == "float64"
    np.testing.assert_allclose(value, getattr(losses, name)()(*case.arrays()), rtol=1e-5)


@pytest.mark.parametrize("shapes", [((7,), (7, 6, 5)), ((7, 3), (7, 6))], ids=str)
def test_ctc_wants_labels_and_logits(shapes):
    for k in (losses, keras.losses):
        with pytest.raises(ValueError, match="are expected to be a tensor of shape"):
            k.ctc(np.ones(shapes[0], "int32"), np.ones(shapes[1], "float32"))


def test_unknown_reduction():
    with pytest.raises(ValueError, match="reduction=average"):
        losses.MeanSquaredError(reduction="average")


def test_generalized_cross_entropy_bounds_q():
    with pytest.raises(ValueError, match=r"q=1\.0"):
        losses.CategoricalGeneralizedCrossEntropy(q=1.0)


def test_class_labels_are_not_made_floats():
    seen = []
    loss = losses.SparseCategoricalCrossentropy()
    loss.fn = lambda y_true, y_pred, **_: seen.append(y_true) or y_pred[:, 0]
    labels = np.zeros(3, "uint8")
    loss(labels, np.ones((3, 2), "float32"))
    assert seen[0] is labels


def test_a_custom_loss_is_weighted_and_reduced():
    class Squared(losses.Loss):
        def call(self, y_true, y_pred):
            return (y_true - y_pred) ** 2

    loss = Squared()
    assert loss.name == "squared"
    value = loss(np.zeros(2, "f"), np.float32([1, 2]), sample_weight=np.float32([1, 0.5]))
    assert float(value) == (1 + 0.5 * 4) / 2


def test_every_public_loss_can_be_found_by_name():
    from fastnn import _api

    public = set(_api.table("fastnn.losses")) - {"get", "serialize", "deserialize"}
    assert public <= set(lookup.TABLE)
