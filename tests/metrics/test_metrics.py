"""Every metric against the released Keras: three batches with and without weights, reset, config."""

import keras
import numpy as np
import pytest

from fastnn import metrics, ops
from fastnn.metrics import confusion, iou

N, C = 16, 5
BATCHES = 3


def numbers(rng):
    return rng.normal(size=(N, C)), rng.normal(size=(N, C))


def positive(rng):
    return rng.uniform(0, 3, (N, C)), rng.uniform(0.1, 3, (N, C))


def yes_no(rng):
    return rng.integers(0, 2, (N, 1)), rng.uniform(0, 1, (N, 1))


def yes_no_flat(rng):
    return rng.integers(0, 2, N), rng.uniform(0, 1, N)


def many_yes_no(rng):
    return rng.integers(0, 2, (N, C)), rng.uniform(0, 1, (N, C))


def logits(rng):
    return rng.integers(0, 2, (N, C)), rng.normal(size=(N, C))


def signed(rng):
    return rng.choice([-1.0, 1.0], (N, C)), rng.normal(size=(N, C))


def one_hot(rng):
    return np.eye(C)[rng.integers(0, C, N)], rng.dirichlet(np.ones(C), N)


def sparse(rng):
    return rng.integers(0, C, N), rng.dirichlet(np.ones(C), N)


def sparse_column(rng):
    return rng.integers(0, C, (N, 1)), rng.dirichlet(np.ones(C), N)


def sequence(rng):
    return rng.integers(0, C, (N, 3)), rng.dirichlet(np.ones(C), (N, 3))


def ints(rng):
    return rng.integers(0, 3, N), rng.integers(0, 3, N)


CASES = [
    ("Accuracy", {}, ints),
    ("BinaryAccuracy", {}, yes_no),
    ("BinaryAccuracy", {"threshold": 0.2}, yes_no_flat),
    ("BinaryAccuracy", {}, many_yes_no),
    ("CategoricalAccuracy", {}, one_hot),
    ("SparseCategoricalAccuracy", {}, sparse),
    ("SparseCategoricalAccuracy", {}, sparse_column),
    ("SparseCategoricalAccuracy", {}, sequence),
    ("TopKCategoricalAccuracy", {"k": 2}, one_hot),
    ("SparseTopKCategoricalAccuracy", {"k": 2}, sparse),
    ("SparseTopKCategoricalAccuracy", {"k": 3}, sparse_column),
    ("MeanSquaredError", {}, numbers),
    ("MeanAbsoluteError", {}, numbers),
    ("MeanAbsolutePercentageError", {}, positive),
    ("MeanSquaredLogarithmicError", {}, positive),
    ("RootMeanSquaredError", {}, numbers),
    ("LogCoshError", {}, numbers),
    ("CosineSimilarity", {}, numbers),
    ("PearsonCorrelation", {}, numbers),
    ("ConcordanceCorrelation", {}, numbers),
    ("Poisson", {}, positive),
    ("KLDivergence", {}, one_hot),
    ("Hinge", {}, signed),
    ("SquaredHinge", {}, signed),
    ("CategoricalHinge", {}, one_hot),
    ("BinaryCrossentropy", {}, many_yes_no),
    ("BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, logits),
    ("CategoricalCrossentropy", {"label_smoothing": 0.1}, one_hot),
    ("SparseCategoricalCrossentropy", {}, sparse),
    ("TruePositives", {}, yes_no),
    ("FalsePositives", {"thresholds": [0.2, 0.8]}, yes_no),
    ("TrueNegatives", {"thresholds": 0.3}, many_yes_no),
    ("FalseNegatives", {}, yes_no_flat),
    ("Precision", {}, yes_no),
    ("Precision", {"thresholds": [0.1, 0.5, 0.9]}, many_yes_no),
    ("Precision", {"top_k": 2}, many_yes_no),
    ("Precision", {"class_id": 1, "top_k": 3}, many_yes_no),
    ("Recall", {}, yes_no),
    ("Recall", {"class_id": 2}, many_yes_no),
    ("Recall", {"top_k": 2}, one_hot),
    ("FBetaScore", {"beta": 2.0}, one_hot),
    ("FBetaScore", {"average": "weighted", "threshold": 0.3, "beta": 0.5}, many_yes_no),
    ("F1Score", {"average": "micro", "threshold": 0.5}, many_yes_no),
    ("F1Score", {"average": "macro"}, one_hot),
    ("IoU", {"num_classes": 3, "target_class_ids": [0, 2]}, ints),
    ("MeanIoU", {"num_classes": 3}, ints),
    ("MeanIoU", {"num_classes": 3, "ignore_class": 1}, ints),
    ("BinaryIoU", {"threshold": 0.3}, yes_no_flat),
    ("OneHotIoU", {"num_classes": 5, "target_class_ids": [1, 3]}, one_hot),
    ("OneHotMeanIoU", {"num_classes": 5}, one_hot),
    ("R2Score", {}, numbers),
    ("R2Score", {"class_aggregation": "variance_weighted_average", "num_regressors": 3}, numbers),
    ("R2Score", {"class_aggregation": None}, numbers),
    ("SensitivityAtSpecificity", {"specificity": 0.4}, yes_no),
    ("SpecificityAtSensitivity", {"sensitivity": 0.6, "num_thresholds": 50}, yes_no),
    ("PrecisionAtRecall", {"recall": 0.5}, yes_no),
    ("RecallAtPrecision", {"precision": 0.5}, yes_no),
    ("AUC", {}, yes_no),
    ("AUC", {"num_thresholds": 11, "curve": "PR"}, yes_no_flat),
    ("AUC", {"curve": "PR", "summation_method": "majoring"}, yes_no),
    ("AUC", {"summation_method": "minoring", "thresholds": [0.1, 0.4, 0.7]}, many_yes_no),
    ("AUC", {"from_logits": True}, logits),
    ("AUC", {"curve": "PRGAIN"}, yes_no),
    ("AUC", {"curve": "PRGAIN", "summation_method": "minoring", "num_thresholds": 12}, yes_no_flat),
    ("AUC", {"curve": "PRGAIN", "summation_method": "majoring", "multi_label": True}, many_yes_no),
    ("AUC", {"multi_label": True, "num_thresholds": 20}, many_yes_no),
    ("AUC", {"multi_label": True, "label_weights": [1, 2, 3, 4, 5], "curve": "PR"}, many_yes_no),
    ("AUC", {"label_weights": [1, 2, 3, 4, 5]}, many_yes_no),
]  # fmt: skip
IDS = [f"{name}-{data.__name__}-{k}" for k, (name, _, data) in enumerate(CASES)]


# Entries of configs that differ on purpose (docs/differences.md).
DIFFERENT = {(name, "dtype") for name in ("IoU", "MeanIoU", "BinaryIoU", "OneHotIoU", "OneHotMeanIoU")}
DIFFERENT |= {("SparseTopKCategoricalAccuracy", "from_sorted_ids")}


def batches(data):
    rng = np.random.default_rng(11)
    for _ in range(BATCHES):
        yield tuple(x.astype("float32" if x.dtype.kind == "f" else "int32") for x in data(rng))


def close(ours, theirs):
    """Sums of up to 240 float32 terms of order one, in another order."""
    np.testing.assert_allclose(np.asarray(ours), np.asarray(theirs), rtol=2e-5, atol=2e-6)


@pytest.mark.parametrize("is_weighted", [False, True], ids=["plain", "weighted"])
@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_agrees_with_keras(case, is_weighted):
    name, arguments, data = case
    if is_weighted and "label_weights" in arguments and "multi_label" not in arguments:
        pytest.skip("Keras does not combine sample weights of shape (n,) with label weights")
    ours, theirs = getattr(metrics, name)(**arguments), getattr(keras.metrics, name)(**arguments)
    if ours.variables and name != "R2Score":  # which has no result before the first batch, in Keras too
        close(ours.result(), theirs.result())
    for y_true, y_pred in batches(data):
        weights = np.linspace(0.5, 2, N, dtype="float32") if is_weighted else None
        if is_weighted and "IoU" in name:
            weights = np.ceil(weights)  # Keras cuts fractions off here; see docs/differences.md
        ours.update_state(y_true, y_pred, sample_weight=weights)
        theirs.update_state(y_true, y_pred, sample_weight=weights)
        close(ours.result(), theirs.result())
    assert [v.shape for v in ours.variables] == [v.shape for v in theirs.variables]
    ours.reset_state()
    assert all(not v.numpy().any() for v in ours.variables)


@pytest.mark.parametrize("case", CASES, ids=IDS)
def test_config_round_trip(case):
    name, arguments, data = case
    ours, theirs = getattr(metrics, name)(name="m", **arguments), getattr(keras.metrics, name)(name="m", **arguments)
    config, wanted = ours.get_config(), theirs.get_config()
    assert config.keys() - {key for kind, key in DIFFERENT if kind == name} == wanted.keys() - {
        key for kind, key in DIFFERENT if kind == name
    }
    for key, value in wanted.items():
        if (name, key) not in DIFFERENT:
            np.testing.assert_array_equal(config[key], value)
    assert type(keras.metrics.deserialize(metrics.serialize(ours))) is type(theirs)
    again = metrics.deserialize(metrics.serialize(ours))
    y_true, y_pred = next(batches(data))
    close(again(y_true, y_pred), ours(y_true, y_pred))


@pytest.mark.parametrize("name", sorted({case[0] for case in CASES}))
def test_default_name(name):
    arguments = next(case[1] for case in CASES if case[0] == name)
    theirs = getattr(keras.metrics, name)(**arguments).name.rstrip("0123456789").rstrip("_")
    assert getattr(metrics, name)(**arguments).name.rstrip("0123456789").rstrip("_") == theirs


@pytest.mark.parametrize("kind", ["Mean", "Sum"])
@pytest.mark.parametrize(
    ("values", "weights"),
    [((), None), ((), ()), ((6,), None), ((6,), (6,)), ((6, 3), None), ((6, 3), (6,)), ((6, 3), (6, 3)), ((6, 1), (6,)),
     ((6, 3, 2), (6, 3)), ((6, 3, 2), (6, 1)), ((6, 1), None)],
)  # fmt: skip
def test_mean_and_sum_weigh_as_in_keras(kind, values, weights):
    rng = np.random.default_rng(2)
    ours, theirs = getattr(metrics, kind)(), getattr(keras.metrics, kind)()
    for _ in range(2):
        x = rng.normal(size=values).astype("f")
        w = None if weights is None else rng.uniform(size=weights).astype("f")
        ours.update_state(x, sample_weight=w)
        theirs.update_state(x, sample_weight=w)
    close(ours.result(), theirs.result())


@pytest.mark.parametrize("labels", ["all 0", "all 1", "perfect", "wrong"])
@pytest.mark.parametrize("curve", ["ROC", "PR", "PRGAIN"])
def test_area_at_the_edges(curve, labels):
    y_pred = np.linspace(0, 1, N, dtype="float32")
    y_true = {"all 0": y_pred < 0, "all 1": y_pred >= 0, "perfect": y_pred > 0.4, "wrong": y_pred < 0.4}[labels]
    ours, theirs = (k.AUC(curve=curve, num_thresholds=9) for k in (metrics, keras.metrics))
    close(ours(y_true.astype("int32"), y_pred), theirs(y_true.astype("int32"), y_pred))


@pytest.mark.parametrize("labels", [None, 3])
@pytest.mark.parametrize("t", [2, 3, 8, 50, 200, 2001])
def test_evenly_spaced_thresholds_split_scores_as_comparisons_do(t, labels):
    """Scores at, just below and just above each threshold, outside of [0, 1], and NaN."""
    rng, thresholds = np.random.default_rng(3), confusion._spread(t).astype("float32")
    odd = np.array([0, -0.0, 1, -1, 2, np.inf, -np.inf, np.nan, 1e-45, 1 - 2**-24], "float32")
    scores = [thresholds, *(np.nextafter(thresholds, np.float32(end)) for end in (-9, 9)), rng.random(99, "f"), odd]
    y_pred = np.concatenate(scores)
    y_true, weights = (rng.integers(0, most, y_pred.shape).astype("float32") for most in (2, 5))
    above = np.where(y_pred > thresholds[:, None], weights, 0)  # (t, n)
    tp, fp = above @ y_true, above @ (1 - y_true)
    wanted = np.array([tp, fp, weights @ (1 - y_true) - fp, weights @ y_true - tp])
    if labels is None:
        np.testing.assert_array_equal(confusion.confusion_counts(y_true, y_pred, t, weights), wanted)
        return
    columns = [np.stack([np.roll(x, 7 * k) for k in range(labels)], axis=1) for x in (y_true, y_pred, weights)]
    found = np.array(confusion.label_counts(columns[0], columns[1], t, columns[2]))
    np.testing.assert_array_equal(found, np.repeat(wanted[:, :, None], labels, axis=2))


def test_a_bin_that_gets_all_weights_keeps_their_digits():
    counts = confusion.confusion_counts(np.ones(200000, "f"), np.full(200000, 0.3, "f"), 200, np.full(200000, 0.1, "f"))
    np.testing.assert_allclose(counts[0][0], 20000, rtol=1e-6)


def test_get():
    assert isinstance(metrics.get("mse"), metrics.MeanSquaredError)
    assert isinstance(metrics.get("AUC"), metrics.AUC)
    assert metrics.get(None) is None
    for name in ("kl_divergence", "binary_accuracy", "sparse_categorical_accuracy", "huber"):
        assert metrics.get(name).name == name
    with pytest.raises(ValueError, match="Could not interpret metric identifier: accuracyy"):
        metrics.get("accuracyy")


@pytest.mark.parametrize(
    ("make", "numbers_named"),
    [
        (lambda: metrics.BinaryAccuracy(threshold=1.5), "1.5"),
        (lambda: metrics.Precision(thresholds=[0.5, -2]), "-2"),
        (lambda: metrics.AUC(num_thresholds=1), "1"),
        (lambda: metrics.AUC(curve="ROK"), "ROK"),
        (lambda: metrics.PrecisionAtRecall(3), "3"),
    ],
)
def test_bad_arguments(make, numbers_named):
    with pytest.raises(ValueError, match=numbers_named):
        make()


def test_a_custom_metric_keeps_its_state_in_variables():
    class Largest(metrics.Metric):
        def __init__(self):
            super().__init__(name="largest")
            self.value = self.add_variable((), name="value")
            self.inner = metrics.Mean()

        def update_state(self, y_true, y_pred, sample_weight=None):
            self.value.assign(ops.maximum(self.value, ops.max(y_pred)))
            self.inner.update_state(y_pred)

        def result(self):
            return {"largest": self.value, "mean": self.inner.result()}

    metric = Largest()
    assert [v.name for v in metric.variables] == ["value", "total", "count"]
    result = metric(None, np.float32([1, 3, 2]))
    assert float(result["largest"]) == 3 and float(result["mean"]) == 2
    metric.reset_state()
    assert not any(v.numpy() for v in metric.variables)


def test_confusion_matrix_leaves_out_what_is_no_class():
    true, pred = np.array([0, 1, 2, -1, 3, 1, 1, 0], "int32"), np.array([0, 2, 1, 1, 0, 3, 2, -1], "int32")
    weights = np.arange(1, 9, dtype="float32")
    matrix = iou.confusion_matrix(true, pred, 3, weights)
    assert matrix.dtype == np.float32
    np.testing.assert_array_equal(matrix, [[1, 0, 0], [0, 0, 9], [0, 3, 0]])
