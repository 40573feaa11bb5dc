"""Every loss against the released Keras: functions per sample, classes with weights and reductions, configs."""

import keras
import numpy as np
import pytest

from fastnn import losses
from fastnn.losses import lookup

rng = np.random.default_rng(3)
N, C = 7, 5
NUMBERS = (rng.normal(size=(N, C)), rng.normal(size=(N, C)))
POSITIVE = (rng.uniform(0, 3, (N, C)), rng.uniform(0.1, 3, (N, C)))
YES_NO = (rng.integers(0, 2, (N, C)).astype(float), rng.uniform(0.01, 0.99, (N, C)))
SIGNED = (rng.choice([-1.0, 1.0], (N, C)), rng.normal(size=(N, C)))
PROBABILITIES = rng.dirichlet(np.ones(C), N)
CLASSES = rng.integers(0, C, N)
ONE_HOT = (np.eye(C)[CLASSES], PROBABILITIES)
SPARSE = (CLASSES, PROBABILITIES)
UNIT = SIGNED[1] / np.linalg.norm(SIGNED[1], axis=-1, keepdims=True)

# function, class, arguments of both, data
CASES = [
    ("mean_squared_error", "MeanSquaredError", {}, NUMBERS),
    ("mean_absolute_error", "MeanAbsoluteError", {}, NUMBERS),
    ("mean_absolute_percentage_error", "MeanAbsolutePercentageError", {}, NUMBERS),
    ("mean_squared_logarithmic_error", "MeanSquaredLogarithmicError", {}, POSITIVE),
    ("huber", "Huber", {}, NUMBERS),
    ("huber", "Huber", {"delta": 0.3}, NUMBERS),
    ("log_cosh", "LogCosh", {}, NUMBERS),
    ("cosine_similarity", "CosineSimilarity", {}, NUMBERS),
    ("cosine_similarity", "CosineSimilarity", {"axis": 1}, NUMBERS),
    ("poisson", "Poisson", {}, POSITIVE),
    ("kl_divergence", "KLDivergence", {}, ONE_HOT),
    ("hinge", "Hinge", {}, SIGNED),
    ("hinge", "Hinge", {}, YES_NO),
    ("squared_hinge", "SquaredHinge", {}, SIGNED),
    ("categorical_hinge", "CategoricalHinge", {}, (ONE_HOT[0], NUMBERS[1])),
    ("binary_crossentropy", "BinaryCrossentropy", {}, YES_NO),
    ("binary_crossentropy", "BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, SIGNED),
    ("categorical_crossentropy", "CategoricalCrossentropy", {}, ONE_HOT),
    ("categorical_crossentropy", "CategoricalCrossentropy", {"label_smoothing": 0.2}, ONE_HOT),
    ("categorical_crossentropy", "CategoricalCrossentropy", {"from_logits": True}, (ONE_HOT[0], NUMBERS[1])),
    ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", {}, SPARSE),
    ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", {}, (CLASSES[:, None], PROBABILITIES)),
    ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", {"from_logits": True}, (CLASSES, NUMBERS[0])),
    ("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", {"ignore_class": 2}, SPARSE),
    ("binary_focal_crossentropy", "BinaryFocalCrossentropy", {}, YES_NO),
    ("binary_focal_crossentropy", "BinaryFocalCrossentropy",
     {"apply_class_balancing": True, "gamma": 3.0, "label_smoothing": 0.1}, YES_NO),
    ("binary_focal_crossentropy", "BinaryFocalCrossentropy", {"from_logits": True}, (YES_NO[0], NUMBERS[0])),
    ("categorical_focal_crossentropy", "CategoricalFocalCrossentropy", {}, ONE_HOT),
    ("categorical_focal_crossentropy", "CategoricalFocalCrossentropy",
     {"alpha": [0.1, 0.2, 0.3, 0.4, 0.5], "from_logits": True, "label_smoothing": 0.1}, (ONE_HOT[0], NUMBERS[0])),
    ("categorical_generalized_cross_entropy", "CategoricalGeneralizedCrossEntropy", {"q": 0.7}, SPARSE),
    ("dice", "Dice", {}, YES_NO),
    ("dice", "Dice", {"axis": (1,)}, YES_NO),
    ("tversky", "Tversky", {"alpha": 0.3, "beta": 0.7}, YES_NO),
    ("circle", "Circle", {}, (CLASSES, UNIT)),
    ("circle", "Circle", {"gamma": 10.0, "margin": 0.2, "remove_diagonal": False}, (CLASSES, UNIT)),
]  # fmt: skip
IDS = [f"{name}-{','.join(map(str, arguments))}-{k}" for k, (name, _, arguments, _) in enumerate(CASES)]


def close(ours, theirs):
    """float32 within 2e-6 of the size of the numbers: formulas of up to 10 operations and sums of 35 terms."""
    ours, theirs = np.asarray(ours), np.asarray(theirs)
    assert ours.shape == theirs.shape and ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2e-6 * max(1, np.abs(theirs).max(initial=0)))


def data(case):
    return [x.astype("float32") if x.dtype.kind == "f" else x for x in case[3]]


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_function(case):
    name, _, arguments, _ = case
    close(getattr(losses, name)(*data(case), **arguments), getattr(keras.losses, name)(*data(case), **arguments))


@pytest.mark.parametrize("reduction", ["sum_over_batch_size", "sum", "mean", "mean_with_sample_weight", "none", None])
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_class(case, reduction):
    _, name, arguments, _ = case
    ours = getattr(losses, name)(reduction=reduction, **arguments)
    theirs = getattr(keras.losses, name)(reduction=reduction, **arguments)
    assert ours.name == theirs.name
    close(ours(*data(case)), theirs(*data(case)))
    values = theirs.call(*[x.astype("float32") for x in data(case)])
    weights = np.float32(1.5) if np.ndim(values) == 0 else np.linspace(0, 2, N, dtype="float32")
    close(ours(*data(case), sample_weight=weights), theirs(*data(case), sample_weight=weights))


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_config_round_trip(case):
    _, name, arguments, _ = case
    ours = getattr(losses, name)(**arguments)
    theirs = getattr(keras.losses, name)(**arguments)
    config = losses.serialize(ours)
    assert config.items() >= {k: v for k, v in keras.losses.serialize(theirs).items() if k != "config"}.items()
    assert ours.get_config().items() >= theirs.get_config().items()
    close(losses.deserialize(config)(*data(case)), ours(*data(case)))


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
