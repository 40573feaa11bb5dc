"""Good files, changed at random: a model or a clear exception comes of each, and nothing else."""

import contextlib
import copy
import io
import json
import warnings
import zipfile

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import fastnn
from fastnn import layers

CLEAR = (ValueError, TypeError, OSError, NotImplementedError)


def fuzz(cases: int) -> settings:
    """The same cases each time."""
    quiet = list(HealthCheck)
    return settings(max_examples=cases, derandomize=True, deadline=None, database=None, suppress_health_check=quiet)


def mixed():
    """A model with a bit of everything that a config may hold."""
    x = fastnn.Input((6, 4), name="x")
    words = fastnn.Input((3,), dtype="string", name="words")
    indices = layers.StringLookup(vocabulary=["a", "b"], name="lookup")(words)
    y = layers.Bidirectional(layers.LSTM(2, kernel_regularizer="l2", name="lstm"), name="both")(x)
    inner = fastnn.Sequential([fastnn.Input((4,)), layers.Dense(3, activation="relu"), layers.BatchNormalization()])
    z = layers.Concatenate(name="joined")([inner(y), layers.Flatten()(layers.Embedding(4, 2)(indices))])
    return fastnn.Model([x, words], layers.Dense(1, name="last")(z), name="mixed")


def plain():
    model = fastnn.Sequential(
        [fastnn.Input((4,)), layers.Dense(3, activation="relu", name="a"), layers.Dense(1, name="b")]
    )
    model.compile(fastnn.optimizers.Adam(fastnn.optimizers.schedules.ExponentialDecay(0.1, 5, 0.9)), "mse", ["mae"])
    return model


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """{name of a good file: its bytes}."""
    folder = tmp_path_factory.mktemp("good")
    plain().save(folder / "a.keras")
    plain().save(folder / "a.h5")
    plain().save_weights(folder / "a.weights.h5")
    plain().save_weights(folder / "a.safetensors")
    mixed().save(folder / "mixed.keras")
    return {path.name: path.read_bytes() for path in folder.iterdir()}


@contextlib.contextmanager
def only_clear_errors():
    with warnings.catch_warnings(), contextlib.suppress(*CLEAR):
        warnings.simplefilter("ignore")
        yield


def load(name: str, content: bytes, folder) -> None:
    path = folder / name
    path.write_bytes(content)
    with only_clear_errors():
        if name.endswith((".weights.h5", ".safetensors")):
            plain().load_weights(path)
        else:
            fastnn.saving.load_model(path)


# ---- bytes ----

changes = st.lists(
    st.tuples(
        st.sampled_from(["set", "insert", "cut", "copy"]), st.floats(0, 1), st.floats(0, 1), st.binary(max_size=9)
    ),
    min_size=1, max_size=6,
)  # fmt: skip


def changed_bytes(content: bytes, steps) -> bytes:
    content = bytearray(content)
    for what, at, other, new in steps:
        at, other = (int(share * len(content)) for share in (at, other))
        if what == "set":
            content[at : at + len(new)] = new
        elif what == "insert":
            content[at:at] = new
        elif what == "cut":
            del content[at : at + (other % 64)]
        else:
            content[at : at + 16] = content[other : other + 16]
    return bytes(content)


@pytest.mark.parametrize("name", ["a.keras", "a.h5", "a.weights.h5", "a.safetensors"])
def test_changed_bytes(name, good, tmp_path):
    @fuzz(150)
    @given(changes)
    def check(steps):
        load(name, changed_bytes(good[name], steps), tmp_path)

    check()


@pytest.mark.parametrize("name", ["model.weights.h5"])
def test_changed_member(name, good, tmp_path):
    """The archive is whole; a member is not."""

    @fuzz(100)
    @given(changes)
    def check(steps):
        load("b.keras", with_member(good["a.keras"], name, lambda old: changed_bytes(old, steps)), tmp_path)

    check()


def with_member(archive: bytes, name: str, change) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(archive)) as old, zipfile.ZipFile(stream, "w") as new:
        for member in old.namelist():
            new.writestr(member, change(old.read(member)) if member == name else old.read(member))
    return stream.getvalue()


# ---- configs ----

NAMES = ["Dense", "Sequential", "Functional", "function", "__tuple__", "__numpy__", "__slice__", "__keras_tensor__",
         "__lambda__", "LSTM", "Lambda", "StringLookup", "Adam", "AUC", "InputLayer", "ExponentialDecay", "Feature",
         "relu", "mse", "float16", "keras.layers", "keras.src.ops.numpy", "Zeros", "x", "", "../x"]  # fmt: skip
values = st.one_of(
    st.none(), st.booleans(), st.integers(-3, 9), st.sampled_from([10**6, 10**9, 10**12, -(10**9), 2**63, 10**30]),
    st.floats(), st.sampled_from(NAMES), st.text(max_size=4), st.just([]), st.just({}),
    st.lists(st.integers(-1, 5), max_size=3),
    st.fixed_dictionaries({"class_name": st.sampled_from(NAMES), "config": st.just({})}),
)  # fmt: skip
edits = st.lists(
    st.tuples(
        st.sampled_from(["put", "drop", "copy", "rename"]), st.integers(0, 10**6), st.integers(0, 10**6), values
    ),
    min_size=1, max_size=4,
)  # fmt: skip


def places(node, path=()):
    """The paths of all that is in a config."""
    items = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


def at(node, path):
    for key in path:
        node = node[key]
    return node


def changed_config(config, steps):
    config = copy.deepcopy(config)
    for what, first, second, value in steps:
        paths = list(places(config))
        if not paths:
            return config
        *path, key = paths[first % len(paths)]
        owner = at(config, path)
        if what == "put":
            owner[key] = value
        elif what == "drop":
            del owner[key]
        elif what == "copy":
            owner[key] = copy.deepcopy(at(config, paths[second % len(paths)]))
        elif isinstance(owner, dict):
            owner[str(value)] = owner.pop(key)
    return config


@pytest.mark.parametrize("name", ["a.keras", "mixed.keras"])
def test_changed_config(name, good, tmp_path):
    @fuzz(300)
    @given(edits)
    def check(steps):
        def change(old):
            return json.dumps(changed_config(json.loads(old), steps)).encode()

        load("b.keras", with_member(good[name], "config.json", change), tmp_path)

    check()


def test_changed_legacy_config(good, tmp_path):
    @fuzz(150)
    @given(edits, st.sampled_from(["model_config", "training_config"]))
    def check(steps, attribute):
        (tmp_path / "b.h5").write_bytes(good["a.h5"])
        with h5py.File(tmp_path / "b.h5", "r+") as file:
            config = changed_config(json.loads(file.attrs[attribute]), steps)
            file.attrs[attribute] = json.dumps(config)
        load("b.h5", (tmp_path / "b.h5").read_bytes(), tmp_path)

    check()


@pytest.mark.parametrize("name", ["a.weights.h5", "a.h5"])
def test_changed_arrays(name, good, tmp_path):
    """A data set becomes another one, a group, or nothing."""
    kinds = st.sampled_from(["float64", "int8", "S3", "bool", "complex64", "float16"])

    @fuzz(80)
    @given(st.integers(0, 99), kinds, st.lists(st.integers(0, 4), max_size=3), st.booleans())
    def check(k, dtype, shape, is_group):
        path = tmp_path / name
        path.write_bytes(good[name])
        with h5py.File(path, "r+") as file:
            found = []
            file.visititems(lambda place, item: found.append(place))
            place = found[k % len(found)]
            del file[place]
            if is_group:
                file.create_group(place)
            else:
                file.create_dataset(place, data=np.zeros(shape, dtype))
        load(name, path.read_bytes(), tmp_path)

    check()
