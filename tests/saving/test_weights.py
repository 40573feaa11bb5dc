"""Files of weights: to Keras and back, and what must not happen."""

import os

import h5py
import keras
import numpy as np
import pytest

import fastnn
from fastnn import saving


def small(library, width=3):
    layers = library.layers
    return library.Sequential(
        [
            layers.Input((4,)),
            layers.Dense(width, name="first"),
            layers.BatchNormalization(),
            layers.Dropout(0.5),
            layers.Dense(2),
        ]
    )


def branching(library):
    layers = library.layers
    a, b = layers.Input((4,), name="a"), layers.Input((4,), name="b")
    shared = layers.Dense(2)
    total = layers.Add()([shared(a), shared(b)])
    return library.Model({"a": a, "b": b}, [total, layers.Dense(3)(layers.Concatenate()([total, a * 2]))])


def nested(library):
    layers = library.layers
    x = layers.Input((4,))
    inner = small(library)
    return library.Model(x, layers.Concatenate()([inner(x), layers.Dense(2, use_bias=False)(x)]))


def subclassed(library):
    """Layers in attributes, lists, lists of lists, dicts and tuples; an alias; own weights."""
    layers = library.layers

    class Block(layers.Layer):
        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.first = layers.Dense(2)
            self.deep = [[layers.Dense(3)], [layers.Dense(2)]]
            self.named = {"q": layers.Dense(2), "r": [layers.Dense(2)]}
            self._hidden = (layers.Dense(2),)
            self.inner = library.Sequential([layers.Dense(2)])

        def build(self, input_shape):
            self.fixed = self.add_weight(shape=(2,), name="fixed", trainable=False)
            self.offset = self.add_weight(shape=(2,), name="offset")

        def call(self, x):
            x = self.deep[1][0](self.deep[0][0](self.first(x)))
            x = self.inner(self._hidden[0](self.named["r"][0](self.named["q"](x))))
            return x + self.offset + self.fixed

    class Whole(library.Model):
        def __init__(self):
            super().__init__()
            self.block = Block()
            self.also_block = self.block
            self.last = layers.LayerNormalization()

        def call(self, x):
            return self.last(self.block(x))

    model = Whole()
    model(np.ones((2, 3), "float32"))
    return model


MAKERS = [small, branching, nested, subclassed]


def tree_of(path):
    with h5py.File(path) as file:
        found = {}
        file.visititems(lambda name, item: found.setdefault(name, getattr(item, "shape", None)))
        return found


def different(model):
    rng = np.random.default_rng(1)
    model.set_weights([rng.uniform(0.1, 1, w.shape).astype("float32") for w in model.get_weights()])
    return model


@pytest.mark.parametrize("make", MAKERS)
def test_same_tree_as_keras(make, tmp_path):
    make(fastnn).save_weights(tmp_path / "ours.weights.h5")
    make(keras).save_weights(tmp_path / "theirs.weights.h5")
    assert tree_of(tmp_path / "ours.weights.h5") == tree_of(tmp_path / "theirs.weights.h5")


@pytest.mark.parametrize("make", MAKERS)
@pytest.mark.parametrize("source, target", [(fastnn, keras), (keras, fastnn), (fastnn, fastnn)])
def test_weights_travel(make, source, target, tmp_path):
    written, read = different(make(source)), make(target)
    written.save_weights(tmp_path / "x.weights.h5")
    read.load_weights(tmp_path / "x.weights.h5")
    by_shape = [sorted((w.shape, w.tobytes()) for w in model.get_weights()) for model in (written, read)]
    assert by_shape[0] == by_shape[1]


def test_optimizer_state_travels(tmp_path):
    model = branching(fastnn)
    model.compile("adam", ["mse", "mse"])
    x = {name: np.ones((8, 4), "float32") for name in "ab"}
    model.fit(x, [np.zeros((8, 2)), np.zeros((8, 3))], verbose=0)
    model.save_weights(tmp_path / "x.weights.h5")
    other = branching(fastnn)
    other.compile("adam", ["mse", "mse"])
    other.load_weights(tmp_path / "x.weights.h5")
    assert int(other.optimizer.iterations) == 1
    for a, b in zip(model.optimizer.variables, other.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())
    theirs = branching(keras)
    theirs.compile("adam", ["mse", "mse"])
    theirs.optimizer.build(theirs.trainable_variables)
    theirs.load_weights(tmp_path / "x.weights.h5")
    for a, b in zip(model.optimizer.variables, theirs.optimizer.variables, strict=True):
        np.testing.assert_array_equal(a.numpy(), np.asarray(b))


def dense(units):
    return fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(3), fastnn.layers.Dense(units)])


def test_mismatch_changes_nothing(tmp_path):
    different(dense(5)).save_weights(tmp_path / "x.weights.h5")
    model = dense(6)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"(?s)1 objects.*\(3, 5\).*\(3, 6\)"):
        model.load_weights(tmp_path / "x.weights.h5")
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_skip_mismatch_loads_the_rest(tmp_path):
    written = different(dense(5))
    written.save_weights(tmp_path / "x.weights.h5")
    model = dense(6)
    last = model.layers[1].get_weights()
    with pytest.warns(UserWarning, match=r"\(3, 6\)"):
        model.load_weights(tmp_path / "x.weights.h5", skip_mismatch=True)
    np.testing.assert_array_equal(model.layers[0].get_weights()[0], written.layers[0].get_weights()[0])
    np.testing.assert_array_equal(model.layers[1].get_weights()[0], last[0])


def test_other_number_of_weights(tmp_path):
    dense(5).save_weights(tmp_path / "x.weights.h5")
    longer = fastnn.Sequential([*dense(5).layers, fastnn.layers.Dense(1)])
    longer.build((None, 4))
    with pytest.raises(ValueError, match="expected 2 variables, but received 0"):
        longer.load_weights(tmp_path / "x.weights.h5")


def test_failed_write_leaves_the_old_file(tmp_path):
    class Broken(fastnn.layers.Layer):
        def call(self, x):
            return x

        def save_own_variables(self, store):
            raise RuntimeError("disk on fire")

    dense(5).save_weights(tmp_path / "x.weights.h5")
    before = (tmp_path / "x.weights.h5").read_bytes()
    model = fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(5), Broken()])
    with pytest.raises(RuntimeError, match="on fire"):
        model.save_weights(tmp_path / "x.weights.h5")
    assert (tmp_path / "x.weights.h5").read_bytes() == before
    assert os.listdir(tmp_path) == ["x.weights.h5"]


def test_own_state_of_a_layer(tmp_path):
    class Vocabulary(fastnn.layers.Layer):
        table = np.zeros(3)

        def call(self, x):
            return x

        def save_own_variables(self, store):
            store["table"] = self.table

        def load_own_variables(self, store):
            self.table = store["table"]

    models = [fastnn.Sequential([fastnn.Input((4,)), fastnn.layers.Dense(5), Vocabulary()]) for _ in range(2)]
    models[0].layers[-1].table = np.arange(3.0)
    models[0].save_weights(tmp_path / "x.weights.h5")
    models[1].load_weights(tmp_path / "x.weights.h5")
    np.testing.assert_array_equal(models[1].layers[-1].table, np.arange(3.0))


def replace_kernel(path, make):
    """The kernel of the first layer, replaced by what `make(group)` puts there."""
    with h5py.File(path, "r+") as file:
        group = file["layers/dense/vars"]
        del group["0"]
        make(group)


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda g: g.__setitem__("0", h5py.SoftLink("/layers/dense_1/vars/0")), "link"),
        (lambda g: g.__setitem__("0", h5py.ExternalLink("other.h5", "/x")), "link"),
        (lambda g: g.create_dataset("0", (4, 3), "f4", external=[("/dev/zero", 0, 48)]), "another file"),
        (lambda g: g.create_dataset("0", (1 << 40, 1 << 10), "f4", chunks=(1, 1)), "1099511627776"),
        (lambda g: g.create_dataset("0", data=np.array([b"x"] * 12).reshape(4, 3)), "not numbers"),
        (lambda g: g.create_group("0"), "no array"),
    ],
    ids=["soft link", "external link", "external storage", "huge", "text", "group"],
)
def test_hostile_files(make, message, tmp_path):
    path = tmp_path / "x.weights.h5"
    dense(5).save_weights(path)
    replace_kernel(path, make)
    model = dense(5)
    before = model.get_weights()
    with pytest.raises(ValueError, match=message):
        model.load_weights(path)
    for a, b in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_bad_arguments(tmp_path):
    model = dense(5)
    with pytest.raises(ValueError, match=r"\.weights\.h5"):
        model.save_weights(tmp_path / "x.h5")
    with pytest.raises(ValueError, match=r"\.weights\.h5"):
        model.load_weights(tmp_path / "x.npz")
    with pytest.raises(FileNotFoundError, match=r"missing\.weights\.h5"):
        model.load_weights(tmp_path / "missing.weights.h5")
    (tmp_path / "text.weights.h5").write_text("hello")
    with pytest.raises(OSError, match="not a readable HDF5 file"):
        model.load_weights(tmp_path / "text.weights.h5")
    unbuilt = fastnn.Sequential([fastnn.layers.Dense(3)])
    for method in (unbuilt.save_weights, unbuilt.load_weights):
        with pytest.raises(ValueError, match="not yet been built"):
            method(tmp_path / "x.weights.h5")
    model.save_weights(tmp_path / "x.weights.h5")
    with pytest.raises(FileExistsError):
        saving.save_weights(model, tmp_path / "x.weights.h5", overwrite=False)


def test_without_h5py(tmp_path, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "h5py", None)
    with pytest.raises(ImportError, match=r"fastnn-cpu\[hdf5\]"):
        dense(5).save_weights(tmp_path / "x.weights.h5")


# ---- .h5 files of Keras 2 ----


def write_legacy(path, groups, prefix=""):
    """A file in that layout: `groups` maps a layer's name to the names and arrays of its weights."""
    with h5py.File(path, "w") as file:
        top = file.require_group(prefix) if prefix else file
        top.attrs["layer_names"] = [name.encode() for name in groups]
        for name, weights in groups.items():
            group = top.create_group(name)
            group.attrs["weight_names"] = [f"{name}/{weight}:0".encode() for weight in weights]
            for weight, array in weights.items():
                group[f"{name}/{weight}:0"] = array


def legacy_groups():
    rng = np.random.default_rng(0)
    vectors = {name: rng.normal(size=3) for name in ("gamma", "beta", "moving_mean", "moving_variance")}
    return {
        "first": {"kernel": rng.normal(size=(4, 3)), "bias": rng.normal(size=3)},
        "batch_normalization": vectors,
        "dropout": {},
        "dense": {"kernel": rng.normal(size=(3, 2)), "bias": rng.normal(size=2)},
    }


@pytest.mark.parametrize("prefix", ["", "model_weights"])
def test_legacy_file(tmp_path, prefix):
    groups = legacy_groups()
    write_legacy(tmp_path / "old.h5", groups, prefix)
    model, theirs = small(fastnn), small(keras)
    model.load_weights(tmp_path / "old.h5")
    theirs.load_weights(tmp_path / "old.h5")
    wanted = [array.astype("float32") for group in groups.values() for array in group.values()]
    for ours, other, array in zip(model.get_weights(), theirs.get_weights(), wanted, strict=True):
        np.testing.assert_array_equal(ours, other)
        np.testing.assert_array_equal(ours, array)


def test_legacy_file_of_a_whole_model(tmp_path):
    theirs = small(keras)
    theirs.save(tmp_path / "whole.h5")
    model = small(fastnn)
    model.load_weights(tmp_path / "whole.h5")
    for ours, other in zip(model.get_weights(), theirs.get_weights(), strict=True):
        np.testing.assert_array_equal(ours, other)


def test_legacy_file_that_does_not_fit(tmp_path):
    groups = legacy_groups()
    groups["dense"]["kernel"] = np.zeros((3, 5))
    write_legacy(tmp_path / "old.h5", groups)
    model = small(fastnn)
    before = model.get_weights()
    with pytest.raises(ValueError, match=r"\(3, 5\).*\(3, 2\)"):
        model.load_weights(tmp_path / "old.h5")
    for now, then in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(now, then)
    with pytest.warns(UserWarning, match="dense"):
        model.load_weights(tmp_path / "old.h5", skip_mismatch=True)
    np.testing.assert_array_equal(model.get_weights()[0], groups["first"]["kernel"].astype("float32"))
    np.testing.assert_array_equal(model.get_weights()[-2], before[-2])
    del groups["dense"]
    write_legacy(tmp_path / "old.h5", groups)
    with pytest.raises(ValueError, match="expected 3 layers, found 2"):
        model.load_weights(tmp_path / "old.h5")
    write_legacy(tmp_path / "none.h5", {})
    with pytest.raises(ValueError, match="expected 3 layers, found 0"):
        model.load_weights(tmp_path / "none.h5")
