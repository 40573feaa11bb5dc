"""Distiller and its losses: numbers, configs and files against Keras's."""

import keras
import numpy as np
import pytest

import fastnn

X = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
Y = np.arange(8) % 3
LOSSES = {
    "logits": lambda k: k.distillation.LogitsDistillation(2.0),
    "logits_mse": lambda k: k.distillation.LogitsDistillation(0.5, k.losses.MeanSquaredError()),
    "outputs": lambda k: k.distillation.FeatureDistillation("cosine_similarity"),
    "features": lambda k: k.distillation.FeatureDistillation("mae", "hidden", "hidden"),
    "two": lambda k: [
        k.distillation.LogitsDistillation(3.0),
        k.distillation.FeatureDistillation("mse", "hidden", "hidden"),
    ],
}


def network(k, name, width=5):
    inputs = k.Input((4,))
    x = k.layers.Dense(width, activation="relu", name="hidden")(inputs)
    x = k.layers.Dropout(0.5)(x)
    return k.Model(inputs, k.layers.Dense(3, name="logits")(x), name=name)


def distiller(k, losses, **options):
    model = k.distillation.Distiller(network(k, "teacher"), network(k, "student"), losses(k), **options)
    model.compile("sgd", k.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=["accuracy"])
    return model


@pytest.mark.parametrize(
    ("name", "options"),
    [(name, {}) for name in LOSSES]
    + [
        ("two", {"distillation_loss_weights": [2.0, 0.5], "student_loss_weight": 0.2}),
        ("logits", {"student_loss_weight": 0}),
        ("logits", {"student_loss_weight": 1.0}),
    ],
    ids=str,
)
def test_evaluation(name, options):
    theirs, ours = distiller(keras, LOSSES[name], **options), distiller(fastnn, LOSSES[name], **options)
    ours.teacher.set_weights(theirs.teacher.get_weights())
    ours.student.set_weights(theirs.student.get_weights())
    expected = theirs.evaluate(X, Y, verbose=0, return_dict=True)
    actual = ours.evaluate(X, Y, verbose=0, return_dict=True)
    assert list(actual) == list(expected)
    for key in expected:
        np.testing.assert_allclose(actual[key], expected[key], rtol=1e-5, err_msg=key)
    assert [m.name for m in ours.metrics] == [m.name for m in theirs.metrics]
    np.testing.assert_allclose(ours.evaluate(X, Y, verbose=0), theirs.evaluate(X, Y, verbose=0), rtol=1e-5)
    np.testing.assert_array_equal(ours.predict(X, verbose=0), ours.student.predict(X, verbose=0))


def test_the_teacher_is_left_alone():
    model = distiller(fastnn, LOSSES["two"])
    assert model.teacher.trainable is False and model.student.trainable is True
    before, student = model.teacher.get_weights(), model.student.get_weights()
    model.fit(X, Y, epochs=2, verbose=0)
    for a, b in zip(before, model.teacher.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    assert all((a != b).any() for a, b in zip(student, model.student.get_weights(), strict=True))


def test_config():
    def shown(k):
        config = distiller(k, LOSSES["two"]).get_config()
        return {**config, "teacher": config["teacher"]["class_name"], "student": config["student"]["class_name"]}

    assert shown(fastnn) == shown(keras)


def test_file(tmp_path):
    """As with Keras's own file, but that is not compiled again when it is read."""
    model = distiller(fastnn, LOSSES["two"])
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "model.keras")
    again = fastnn.models.load_model(tmp_path / "model.keras")
    assert again.teacher.trainable is False
    np.testing.assert_array_equal(again.predict(X, verbose=0), model.predict(X, verbose=0))
    assert again.evaluate(X, Y, verbose=0, return_dict=True) == model.evaluate(X, Y, verbose=0, return_dict=True)


def test_file_of_keras(tmp_path):
    theirs = distiller(keras, LOSSES["two"])
    theirs.predict(X, verbose=0)
    theirs.save(tmp_path / "model.keras")
    ours = fastnn.models.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_allclose(ours.predict(X, verbose=0), theirs.predict(X, verbose=0), rtol=1e-5, atol=1e-6)
    assert [type(loss).__name__ for loss in ours.distillation_losses] == ["LogitsDistillation", "FeatureDistillation"]


@pytest.mark.parametrize("loss", [["mse", None], {"a": "mse", "b": None}, {"a": "mae", "b": "mse"}], ids=str)
def test_structures_of_losses(loss):
    names = list(loss) if isinstance(loss, dict) else [0, 1]

    def computed(k):
        def outputs(scale):
            arrays = [X * scale, X[:, :2] + scale]
            return dict(zip(names, arrays, strict=True)) if isinstance(loss, dict) else arrays

        made = k.distillation.LogitsDistillation(2.0, loss)
        if k is fastnn:  # Keras's from_config takes no dict
            made = type(made).from_config(made.get_config())
        return float(made.compute_loss(outputs(1), outputs(2))), made.get_config()

    (actual, ours), (expected, theirs) = computed(fastnn), computed(keras)
    np.testing.assert_allclose(actual, expected, rtol=1e-5)
    assert ours == theirs


def test_a_loss_of_ones_own():
    def loss(k):
        class Largest(k.distillation.DistillationLoss):
            def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
                return k.ops.max(k.ops.abs(teacher_outputs - student_outputs))

        return Largest()

    ours = distiller(fastnn, loss, student_loss_weight=0.0)
    expected = np.abs(ours.teacher.predict(X, verbose=0) - ours.student.predict(X, verbose=0)).max()
    np.testing.assert_allclose(ours.evaluate(X, Y, verbose=0)[0], expected, rtol=1e-5)
    with pytest.raises(NotImplementedError):
        fastnn.distillation.DistillationLoss().compute_loss(X, X)
