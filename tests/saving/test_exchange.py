"""Models of every family go from Keras to fastnn and from fastnn to Keras by `.keras` files: predictions, configs,
weights, the state of the optimizer and everything that the files hold are the same."""

import io
import json
import zipfile

import h5py
import keras
import numpy as np
import pytest

import fastnn
from tests.tables.models import MODELS, RTOL, arrays, scatter

PAIRS = [(keras, fastnn), (fastnn, keras)]
IDS = ["to fastnn", "to keras"]


def plain(config):
    """A config after a trip through JSON. Keras marks objects that several layers share; nobody reads that. A NumPy
    array is a tensor on Keras's NumPy backend, and none on others; and Keras forgets the argument of Huber."""
    if isinstance(config, dict):
        kept = {name: plain(value) for name, value in config.items() if name != "shared_object_id"}
        if kept.get("class_name") == "Huber":
            kept["config"].pop("delta", None)
        return {**kept, "class_name": "__numpy__"} if kept.get("class_name") == "__tensor__" else kept
    return [plain(item) for item in config] if isinstance(config, (list, tuple)) else config


def config_of(model):
    return plain(json.loads(json.dumps(model.get_config())))


def content_of(path):
    """Names in order, config and tree of weights of a `.keras` file."""
    with zipfile.ZipFile(path) as archive:
        config = plain(json.loads(archive.read("config.json")))
        tree = {}
        with h5py.File(io.BytesIO(archive.read("model.weights.h5"))) as file:
            file.visititems(
                lambda name, item: tree.update(
                    {name: (getattr(item, "shape", None), str(getattr(item, "dtype", None)))}
                )
            )
        return archive.namelist(), config, tree


def predictions(model, inputs):
    x = inputs if len(inputs) > 1 else inputs[0]
    return [np.asarray(y) for y in keras.tree.flatten(model.predict(x, verbose=0))]


def optimizer_of(model):
    return getattr(model, "optimizer", None)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
@pytest.mark.parametrize("name", MODELS)
def test_models_travel(name, source, target, tmp_path):
    for library in (source, target):
        library.utils.clear_session(free_memory=False)
        library.utils.set_random_seed(1)
    model = MODELS[name](source)
    scatter(model)
    if optimizer_of(model):
        model.optimizer.build(model.trainable_variables)
        rng = np.random.default_rng(1)
        for variable in model.optimizer.variables:
            if "float" in str(variable.dtype):
                variable.assign(rng.uniform(0.1, 0.2, variable.shape))
    model.save(tmp_path / "there.keras")
    loaded = target.models.load_model(tmp_path / "there.keras")

    assert config_of(loaded) == config_of(model)
    inputs, rtol = arrays(model), RTOL.get(name, 1e-5)
    for result, expected in zip(predictions(loaded, inputs), predictions(model, inputs), strict=True):
        assert result.dtype == expected.dtype
        np.testing.assert_allclose(result, expected, rtol=rtol, atol=rtol)
    if optimizer_of(model):
        for result, expected in zip(loaded.optimizer.variables, model.optimizer.variables, strict=True):
            np.testing.assert_array_equal(np.asarray(result), np.asarray(expected))
    loaded.save(tmp_path / "back.keras")
    there, back = content_of(tmp_path / "there.keras"), content_of(tmp_path / "back.keras")
    assert there == back


def test_the_table_is_long_enough():
    assert len(MODELS) >= 60


def subclassed(k):
    """A model of a class of the user's, and that class and those inside it."""

    @k.saving.register_keras_serializable("tests", "Scale")
    class Scale(k.layers.Layer):
        """A layer whose build needs more than a shape, with a weight and an array that is none."""

        def __init__(self, by, **kwargs):
            super().__init__(**kwargs)
            self.by = by
            self.seen = np.zeros(2)

        def build(self, input_shape):
            self.offset = self.add_weight(shape=(input_shape[-1],), name="offset")

        def call(self, inputs):
            return inputs * self.by + self.offset

        def get_config(self):
            return {**super().get_config(), "by": self.by}

        def get_build_config(self):
            return {"width": int(self.offset.shape[0])}

        def build_from_config(self, config):
            self.build((None, config["width"]))

        def save_own_variables(self, store):
            super().save_own_variables(store)
            store["seen"] = self.seen

        def load_own_variables(self, store):
            self.seen = np.asarray(store["seen"])
            self.offset.assign(np.asarray(store["0"]))

        def save_assets(self, folder):
            with open(f"{folder}/words.txt", "w") as file:
                file.write("a b")

        def load_assets(self, folder):
            with open(f"{folder}/words.txt") as file:
                self.words = file.read().split()

    @k.saving.register_keras_serializable("tests", "squared")
    def squared(x):
        return x * x

    @k.saving.register_keras_serializable("tests", "Whole")
    class Whole(k.Model):
        def __init__(self, width=3, **kwargs):
            super().__init__(**kwargs)
            self.width = width
            self.blocks = [k.layers.Dense(width, activation=squared), k.layers.LayerNormalization()]
            self.named = {"scale": Scale(2.0, name="scale")}

        def call(self, inputs):
            for block in self.blocks:
                inputs = block(inputs)
            return self.named["scale"](inputs)

        def get_config(self):
            return {**super().get_config(), "width": self.width}

    model = Whole(name="whole")
    model(np.ones((2, 4), "float32"))
    model.named["scale"].seen = np.array([3.0, 4.0])
    return model


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_custom_objects_travel(source, target, tmp_path):
    model = subclassed(source)
    subclassed(target)  # registers its classes
    scatter(model)
    model.save(tmp_path / "model.keras")
    loaded = target.models.load_model(tmp_path / "model.keras")
    x = np.random.default_rng(0).normal(size=(3, 4)).astype("float32")
    np.testing.assert_allclose(np.asarray(loaded(x)), np.asarray(model(x)), rtol=1e-5, atol=1e-6)
    assert config_of(loaded) == config_of(model)
    scale = loaded.named["scale"]
    assert scale.words == ["a", "b"] and scale.seen.tolist() == [3.0, 4.0]


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
def test_custom_objects_that_are_handed_over(source, target, tmp_path):
    """Not registered: `custom_objects`, or the scope."""

    def classes(k):
        class Twice(k.layers.Layer):
            def call(self, x):
                return x * 2

        return {"Twice": Twice}

    model = source.Sequential([source.Input((3,)), classes(source)["Twice"]()])
    path = tmp_path / "model.keras"
    model.save(path)
    with pytest.raises(TypeError, match="Twice"):
        target.models.load_model(path)
    x = np.ones((1, 3), "float32")
    for loaded in (
        target.models.load_model(path, custom_objects=classes(target)),
        load_in_scope(target, path, classes),
    ):
        np.testing.assert_array_equal(np.asarray(loaded(x)), 2 * x)


def load_in_scope(k, path, classes):
    with k.saving.custom_object_scope(classes(k)):
        return k.models.load_model(path)


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=IDS)
@pytest.mark.parametrize("name", ["branches", "residual", "encoder", "operations"])
def test_json(name, source, target):
    for library in (source, target):
        library.utils.clear_session(free_memory=False)
    model = MODELS[name](source)
    again = target.models.model_from_json(model.to_json())
    assert plain(json.loads(again.to_json())) == plain(json.loads(model.to_json()))


def test_dropout_of_a_keras_file_drops(tmp_path):
    """Keras writes `training=False` into each call that it was not told; a model that is trained overrides it."""
    x = keras.Input((1000,))
    keras.Model(x, keras.layers.Dropout(0.5)(x)).save(tmp_path / "model.keras")
    model = fastnn.models.load_model(tmp_path / "model.keras")
    ones = np.ones((1, 1000), "float32")
    assert (model(ones, training=True) == 0).any() and (model(ones) == 1).all()


@pytest.mark.parametrize(("source", "target"), [*PAIRS, (fastnn, fastnn)], ids=[*IDS, "to itself"])
def test_half_precision(source, target, tmp_path):
    """bfloat16 is no type of HDF5."""
    layers = source.layers
    halves = [layers.Dense(3, dtype="bfloat16"), layers.BatchNormalization(dtype="bfloat16")]
    model = source.Sequential([source.Input((4,)), *halves, layers.Dense(2, dtype="float16")])
    scatter(model)
    model.save(tmp_path / "model.keras")
    loaded = target.models.load_model(tmp_path / "model.keras")
    for a, b in zip(loaded.get_weights(), model.get_weights(), strict=True):
        assert np.asarray(a).dtype == np.asarray(b).dtype
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))
    loaded.save(tmp_path / "again.keras")
    assert content_of(tmp_path / "again.keras") == content_of(tmp_path / "model.keras")
