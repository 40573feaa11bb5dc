"""Whole models in `.h5` files: both ways between fastnn and Keras, configs of Keras 2, and what is refused."""

import json

import h5py
import keras
import numpy as np
import pytest

import fastnn
from fastnn.saving import stores
from tests.tables.models import MODELS, arrays

pytestmark = pytest.mark.filterwarnings("ignore:No training configuration")

# Keras does not read its own files with ops among the calls, nor with a LayerNormalization over two axes.
NAMES = ["dense_regularized", "conv2d_groups", "batch_normalization", "gru", "bidirectional", "time_distributed",
         "residual", "recurrent_states", "frozen", "mixed_precision", "compiled_adamw"]  # fmt: skip


def assert_same_predictions(model, other, x):
    ours, theirs = (fastnn.tree.flatten(m.predict(x, verbose=0)) for m in (model, other))
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(np.asarray(a), np.asarray(b), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("source, target", [(fastnn, keras), (keras, fastnn), (fastnn, fastnn)])
def test_models_travel(name, source, target, tmp_path):
    model = MODELS[name](source)
    model.save(tmp_path / "model.h5")
    # Keras's reader of metrics in these files fails at "mse".
    again = target.saving.load_model(tmp_path / "model.h5", compile=False)
    assert_same_predictions(model, again, arrays(model))


def trained(library):
    model = library.Sequential([library.Input((4,)), library.layers.Dense(3), library.layers.Dense(1)])
    model.compile(library.optimizers.Adam(0.01, amsgrad=True), library.losses.Huber(0.5), metrics=["mae"])
    x = np.random.default_rng(0).normal(size=(8, 4)).astype("float32")
    model.fit(x, x[:, :1], epochs=2, verbose=0)
    return model, x


def test_the_optimizer_goes_on_where_it_was(tmp_path):
    model, x = trained(fastnn)
    model.save(tmp_path / "model.h5")
    again = fastnn.saving.load_model(tmp_path / "model.h5")
    model.reset_metrics()
    assert again.train_on_batch(x, x[:, :1]) == model.train_on_batch(x, x[:, :1])
    assert not fastnn.saving.load_model(tmp_path / "model.h5", compile=False).compiled


def test_we_read_the_optimizer_of_keras(tmp_path):
    theirs = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3)])
    theirs.compile(keras.optimizers.Adam(0.01, amsgrad=True), keras.losses.Huber(), metrics=["mae"])
    theirs.optimizer.build(theirs.trainable_variables)
    for k, variable in enumerate(theirs.optimizer.variables):
        variable.assign(np.full(variable.shape, k + 1))
    theirs.save(tmp_path / "model.h5")
    model = fastnn.saving.load_model(tmp_path / "model.h5")
    assert type(model.loss).__name__ == "Huber" and model.optimizer.amsgrad
    for ours, other in zip(model.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(ours), np.asarray(other))


def test_keras_reads_our_compilation(tmp_path):
    model, _ = trained(fastnn)
    model.save(tmp_path / "model.h5")
    theirs = keras.saving.load_model(tmp_path / "model.h5")
    assert theirs.optimizer.get_config()["amsgrad"] and type(theirs.loss).__name__ == "Huber"


def test_same_file_as_keras(tmp_path):
    found = {}
    for library in (fastnn, keras):
        library.backend.clear_session(free_memory=False)
        x = library.Input((4,), name="x")
        y = library.layers.Dense(3, name="y")(x)
        model = library.Model(x, [y, library.layers.Add(name="z")([y, library.layers.Dense(3, name="w")(y)])])
        model.compile("sgd", "mse", metrics=[["mae"], ["mae"]])
        model.save(tmp_path / "model.h5")
        with h5py.File(tmp_path / "model.h5") as file:
            shapes = {}
            file.visititems(lambda name, item, into=shapes: into.setdefault(name, getattr(item, "shape", None)))
            configs = [json.loads(file.attrs[name]) for name in ("model_config", "training_config")]
            found[library.__name__] = shapes, list(file["model_weights"].attrs["layer_names"]), configs
    assert found["fastnn"] == found["keras"]


# ---- Keras 2 ----


def write(path, config, weights=(), training=None):
    """A file as Keras 2 wrote it; `weights` are (layer, {name: array}) pairs."""
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"], file.attrs["backend"] = "2.11.0", "tensorflow"
        file.attrs["model_config"] = json.dumps(config)
        if training:
            file.attrs["training_config"] = json.dumps(training)
        group = file.create_group("model_weights")
        group.attrs["layer_names"] = np.array([name.encode() for name, _ in weights], "S64")
        for name, named in weights:
            layer = group.create_group(name)
            layer.attrs["weight_names"] = np.array([f"{name}/{key}:0".encode() for key in named], "S64")
            for key, array in named.items():
                layer[f"{name}/{key}:0"] = array


def started(shape):
    config = {"batch_input_shape": [None, *shape], "dtype": "float32", "sparse": False, "ragged": False, "name": "in"}
    return {"class_name": "InputLayer", "config": config}


def described(class_name, name, **config):
    return {"class_name": class_name, "config": {"name": name, "trainable": True, "dtype": "float32", **config}}


DENSE = described(
    "Dense", "d", units=2, activation="relu", use_bias=True,
    kernel_initializer={"class_name": "GlorotUniform", "config": {"seed": None}, "shared_object_id": 1},
    bias_initializer={"class_name": "Zeros", "config": {}}, activity_regularizer=None,
    kernel_regularizer={"class_name": "L2", "config": {"l2": 0.01}}, kernel_constraint=None,
)  # fmt: skip
KERNEL, BIAS = np.arange(8.0, dtype="float32").reshape(4, 2) - 3, np.array([0.5, -1], "float32")
WEIGHTS = [("d", {"kernel": KERNEL, "bias": BIAS})]


@pytest.mark.parametrize("as_list", [False, True])
def test_sequential_of_keras2(as_list, tmp_path):
    layers = [started((4,)), DENSE]
    config = {"class_name": "Sequential", "config": layers if as_list else {"name": "s", "layers": layers}}
    write(tmp_path / "old.h5", config, WEIGHTS)
    model = fastnn.saving.load_model(tmp_path / "old.h5")
    x = np.ones((1, 4), "float32")
    np.testing.assert_allclose(model(x), np.maximum(x @ KERNEL + BIAS, 0))
    if not as_list:
        np.testing.assert_allclose(model(x), np.asarray(keras.saving.load_model(tmp_path / "old.h5")(x)))


def functional(layers, outputs):
    first = {**started((4,)), "name": "in", "inbound_nodes": []}
    layers = [{**layer, "name": layer["config"]["name"], "inbound_nodes": nodes} for layer, nodes in layers]
    config = {"name": "m", "layers": [first, *layers], "input_layers": [["in", 0, 0]], "output_layers": outputs}
    return {"class_name": "Functional", "config": config}


def test_functional_of_keras2(tmp_path):
    inner = {"class_name": "Sequential", "config": {"name": "q", "layers": [started((2,)), described("ReLU", "r")]}}
    first = {**started((2,)), "name": "in", "inbound_nodes": []}
    last = {**described("ReLU", "r"), "name": "r", "inbound_nodes": [[["in", 0, 0, {}]]]}
    ends = {"input_layers": [["in", 0, 0]], "output_layers": [["r", 0, 0]]}
    model = {"class_name": "Functional", "config": {"name": "f", "layers": [first, last], **ends}}
    layers = [
        (DENSE, [[["in", 0, 0, {}]]]),
        (inner, [[["d", 0, 0, {}]]]),
        (model, [[["q", 1, 0, {}]], [["d", 0, 0, {}]]]),
        (described("Add", "add"), [[["f", 1, 0, {}], ["q", 1, 0, {}]]]),
        (described("Dropout", "drop", rate=0.5), [[["add", 0, 0, {"training": False}]]]),
    ]
    write(tmp_path / "old.h5", functional(layers, [["drop", 0, 0], ["d", 0, 0], ["q", 1, 0], ["f", 2, 0]]), WEIGHTS)
    model = fastnn.saving.load_model(tmp_path / "old.h5")
    x = np.ones((1, 4), "float32")
    total, single, again, once_more = model(x)
    np.testing.assert_allclose(single, np.maximum(x @ KERNEL + BIAS, 0))
    np.testing.assert_allclose(total, 2 * single)
    np.testing.assert_allclose(again, single)
    np.testing.assert_allclose(once_more, single)


def test_arguments_of_keras2(tmp_path):
    policy = {"class_name": "Policy", "config": {"name": "float64"}}
    layers = [
        started((6, 4)),
        {"class_name": "LSTM", "config": {"name": "l", "units": 2, "time_major": False, "implementation": 2}},
        {"class_name": "BatchNormalization", "config": {"name": "b", "axis": [1], "dtype": policy}},
    ]
    normalized = dict.fromkeys(("gamma", "beta", "moving_mean", "moving_variance"), np.ones(2))
    recurrent = {"kernel": np.ones((4, 8)), "recurrent_kernel": np.ones((2, 8)), "bias": np.ones(8)}
    weights = [("l", recurrent), ("b", normalized)]
    optimizer = {"class_name": "Adam", "config": {"name": "Adam", "learning_rate": 0.25, "epsilon": 1e-7}}
    accuracy = {"class_name": "MeanMetricWrapper", "config": {"name": "a", "dtype": "float32", "fn": "binary_accuracy"}}
    training = {"loss": "mse", "metrics": [[accuracy]], "loss_weights": None, "optimizer_config": optimizer}
    config = {"class_name": "Sequential", "config": {"name": "s", "layers": layers}}
    write(tmp_path / "old.h5", config, weights, training)
    model = fastnn.saving.load_model(tmp_path / "old.h5")
    assert model.layers[1].axis == 1 and model.layers[1].compute_dtype == "float64"
    x, y = np.zeros((2, 6, 4), "float32"), np.zeros((2, 2), "float32")
    assert set(model.train_on_batch(x, y, return_dict=True)) == {"loss", "a"}
    assert float(model.optimizer.learning_rate) == 0.25


def test_what_is_refused(tmp_path):
    for library in (keras, fastnn):
        with pytest.raises(FileNotFoundError):
            library.saving.load_model(tmp_path / "missing.h5")
    (tmp_path / "text.h5").write_text("no HDF5")
    with pytest.raises(OSError, match="HDF5"):
        fastnn.saving.load_model(tmp_path / "text.h5")
    h5py.File(tmp_path / "empty.h5", "w").close()
    with pytest.raises(ValueError, match="No model config found"):
        fastnn.saving.load_model(tmp_path / "empty.h5")
    write(tmp_path / "old.h5", {"class_name": "Sequential", "config": {"layers": [started((4,)), DENSE]}})
    with pytest.raises(ValueError, match="expected 1 layers, found 0"):
        fastnn.saving.load_model(tmp_path / "old.h5")


def test_without_training_config_it_is_said(tmp_path):
    fastnn.Sequential([fastnn.Input((2,)), fastnn.layers.Dense(1)]).save(tmp_path / "model.h5")
    with pytest.warns(UserWarning, match="No training configuration"):
        assert not fastnn.saving.load_model(tmp_path / "model.h5").compiled


def test_names_that_do_not_fit_into_one_attribute(tmp_path, monkeypatch):
    monkeypatch.setattr(fastnn.saving.legacy_weights, "_STRINGS", 2)
    model = fastnn.Sequential([fastnn.Input((2,)), *(fastnn.layers.Dense(2) for _ in range(5))])
    model.save(tmp_path / "model.h5")
    with h5py.File(tmp_path / "model.h5") as file:
        assert [len(file["model_weights"].attrs[f"layer_names{k}"]) for k in range(3)] == [2, 2, 1]
    again = keras.saving.load_model(tmp_path / "model.h5")
    for ours, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, theirs)
    ours = fastnn.saving.load_model(tmp_path / "model.h5")
    np.testing.assert_array_equal(ours.get_weights()[-2], model.get_weights()[-2])


@pytest.mark.parametrize("source", [keras, fastnn])
def test_names_beside_a_long_config(source, tmp_path, monkeypatch):
    """HDF5 keeps both in heaps; names count by their own heap, not by that of the config."""
    model = source.Sequential([source.Input((2,)), *(source.layers.Dense(2) for _ in range(60))])
    assert len(model.to_json()) > 40_000
    model.save(tmp_path / "model.h5")
    monkeypatch.setattr(stores, "_LARGEST_LIST", 60 * 40_000)
    again = fastnn.saving.load_model(tmp_path / "model.h5")
    assert_same_predictions(model, again, np.ones((1, 2), "float32"))
