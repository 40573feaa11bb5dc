"""`load_data` against the released keras on small files in the original formats."""

import contextlib
import importlib
import inspect
import pickle
import tarfile

import numpy as np
import pytest

from fastnn import config, datasets
from fastnn.utils import files

NAMES = (
    "boston_housing",
    "california_housing",
    "cifar10",
    "cifar100",
    "fashion_mnist",
    "imdb",
    "mnist",
    "reuters",
)


def ours(name):
    return importlib.import_module(f"fastnn.datasets.{name}")


def keras_s(name):
    return importlib.import_module(f"keras.src.datasets.{name}")


@pytest.fixture
def both(monkeypatch):
    """Makes `get_file` of both packages answer one path; returns a function that runs both and compares."""

    def compare(name, path, **options):
        monkeypatch.setattr(ours(name), "get_file", lambda *_, **__: str(path), raising=False)
        monkeypatch.setattr(keras_s(name), "get_file", lambda *_, **__: str(path))
        expected, actual = keras_s(name).load_data(**options), ours(name).load_data(**options)
        for a, b in zip(sum(actual, ()), sum(expected, ()), strict=True):
            assert a.dtype == b.dtype and a.shape == b.shape and a.tolist() == b.tolist()
        return actual

    return compare


def object_array(lists):
    array = np.empty(len(lists), object)
    array[:] = lists
    return array


def texts(n, seed=0):
    rng = np.random.RandomState(seed)
    return object_array([rng.randint(1, 50, size=rng.randint(1, 20)).tolist() for _ in range(n)])


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_keras_s(name):
    for function in ours(name).__all__:
        actual = inspect.signature(getattr(ours(name), function)).parameters
        expected = inspect.signature(getattr(keras_s(name), function)).parameters
        assert [(p.name, p.default, p.kind) for p in actual.values()] == [
            (p.name, p.default, p.kind) for p in expected.values()
        ]


@pytest.mark.parametrize("name", NAMES)
def test_addresses_hashes_and_places_are_keras_s(name, monkeypatch):
    """Every `get_file` call of both packages, up to defaults."""

    class Asked(Exception):
        pass

    def calls(module):
        seen = []

        def record(*args, **kwargs):
            bound = inspect.signature(files.get_file).bind(*args, **kwargs)
            bound.apply_defaults()
            seen.append(dict(bound.arguments))
            raise Asked

        target = "get_file"
        owner = module if hasattr(module, target) else importlib.import_module("fastnn.datasets.cifar")
        monkeypatch.setattr(owner, target, record)
        for function in ours(name).__all__:
            with contextlib.suppress(Asked):
                getattr(module, function)()
        return seen

    monkeypatch.setattr(config, "keras_home", lambda: "/nowhere")
    actual, expected = calls(ours(name)), calls(keras_s(name))
    if name == "fashion_mnist":  # Keras asks for the labels first
        assert {a["origin"].rpartition("/")[0] for a in actual} == {e["origin"].rpartition("/")[0] for e in expected}
        assert actual[0]["cache_subdir"] == expected[0]["cache_subdir"] and actual[0]["file_hash"] is None
    else:
        assert actual and sorted(actual, key=str) == sorted(expected, key=str)


@pytest.mark.parametrize("options", [{}, {"test_split": 0.5, "seed": 3}, {"test_split": 0.0}])
@pytest.mark.parametrize("name", ["boston_housing", "california_housing"])
def test_housing(name, options, both, tmp_path):
    rng = np.random.RandomState(0)
    np.savez(tmp_path / "a.npz", x=rng.rand(50, 8), y=rng.rand(50))
    both(name, tmp_path / "a.npz", **options)


def test_small_california(both, tmp_path):
    np.savez(tmp_path / "a.npz", x=np.random.RandomState(0).rand(700, 8), y=np.arange(700.0))
    both("california_housing", tmp_path / "a.npz", version="small")


@pytest.mark.parametrize(
    ("name", "options", "wrong"),
    [
        ("boston_housing", {"test_split": 1.0}, "1.0"),
        ("california_housing", {"test_split": -1}, "-1"),
        ("california_housing", {"version": "medium"}, "medium"),
        ("cifar100", {"label_mode": "x"}, "label_mode=x"),
    ],
)
def test_bad_arguments(name, options, wrong, both, tmp_path):
    np.savez(tmp_path / "a.npz", x=np.zeros((9, 8)), y=np.zeros(9))
    with pytest.raises(ValueError, match=wrong):
        both(name, tmp_path / "a.npz", **options)
    with pytest.raises(ValueError, match=wrong):
        ours(name).load_data(**options)


WORD_OPTIONS = [
    {},
    {"num_words": 20},
    {"num_words": 20, "oov_char": None},
    {"skip_top": 5, "seed": 1},
    {"maxlen": 9},
    {"start_char": None},
    {"start_char": None, "index_from": 0},
    {"index_from": None, "start_char": None},
]


@pytest.mark.parametrize("options", WORD_OPTIONS)
def test_imdb(options, both, tmp_path):
    np.savez(tmp_path / "a.npz", x_train=texts(20), y_train=np.arange(20), x_test=texts(10, 1), y_test=np.arange(10))
    both("imdb", tmp_path / "a.npz", **options)


@pytest.mark.parametrize("options", [*WORD_OPTIONS, {"test_split": 0.5}, {"test_split": 0}])
def test_reuters(options, both, tmp_path):
    np.savez(tmp_path / "a.npz", x=texts(30), y=np.arange(30))
    both("reuters", tmp_path / "a.npz", **options)


def test_reuters_label_names():
    assert datasets.reuters.get_label_names() == keras_s("reuters").get_label_names()


@pytest.mark.parametrize("name", ["imdb", "reuters"])
def test_word_index_and_no_text_left(name, tmp_path, monkeypatch):
    (tmp_path / "a.json").write_text('{"the": 1}')
    np.savez(
        tmp_path / "a.npz",
        x=texts(5),
        y=np.arange(5),
        x_train=texts(5),
        y_train=[0] * 5,
        x_test=texts(5),
        y_test=[0] * 5,
    )
    monkeypatch.setattr(ours(name), "get_file", lambda path, **_: str(tmp_path / f"a.{path.rpartition('.')[2]}"))
    assert ours(name).get_word_index() == {"the": 1}
    with pytest.raises(ValueError, match="maxlen=1"):
        ours(name).load_data(maxlen=1)


def test_imdb_unknown_keyword():
    with pytest.raises(TypeError, match="nb_words"):
        datasets.imdb.load_data(nb_words=3)


def test_mnist(both, tmp_path):
    images = np.random.RandomState(0).randint(0, 256, (5, 28, 28)).astype("uint8")
    labels = np.arange(5, dtype="uint8")
    np.savez(tmp_path / "a.npz", x_train=images, y_train=labels, x_test=images[:2], y_test=labels[:2])
    both("mnist", tmp_path / "a.npz")


def cifar_batch(n, seed, **labels):
    pixels = np.random.RandomState(seed).randint(0, 256, (n, 3072)).astype("uint8")
    return {b"data": pixels, **{key.encode(): values for key, values in labels.items()}}


@pytest.fixture
def cifar_home(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "keras_home", lambda: str(tmp_path))
    for folder, batches in {
        "cifar-10-batches-py": {
            **{f"data_batch_{k}": cifar_batch(4, k, labels=[k % 10] * 4) for k in range(1, 6)},
            "test_batch": cifar_batch(3, 9, labels=[0, 1, 2]),
        },
        "cifar-100-python": {
            "train": cifar_batch(4, 1, fine_labels=[1, 2, 3, 99], coarse_labels=[0, 1, 2, 19]),
            "test": cifar_batch(2, 2, fine_labels=[4, 5], coarse_labels=[3, 4]),
        },
    }.items():
        place = tmp_path / "datasets" / f"{folder}-target" / folder
        place.mkdir(parents=True)
        for name, batch in batches.items():
            (place / name).write_bytes(pickle.dumps(batch, protocol=2))
    return tmp_path / "datasets"


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(
    ("name", "options"), [("cifar10", {}), ("cifar100", {"label_mode": "coarse"}), ("cifar100", {"label_mode": "fine"})]
)
def test_cifar(name, options, data_format, cifar_home, monkeypatch):
    """Keras asserts the full sizes of CIFAR-10, so the small files are judged by their own pixels."""
    monkeypatch.setitem(config.choices, "image_data_format", data_format)
    (x_train, y_train), (x_test, _) = ours(name).load_data(**options)
    n = 20 if name == "cifar10" else 4
    last = data_format == "channels_last"
    assert x_train.shape == ((n, 32, 32, 3) if last else (n, 3, 32, 32)) and x_train.dtype == np.uint8
    assert y_train.shape == (n, 1) and y_train.dtype == np.uint8
    pixels = cifar_batch(4, 1)[b"data"].reshape(4, 3, 32, 32)
    assert np.array_equal(x_train[:4].transpose(0, 3, 1, 2) if last else x_train[:4], pixels)
    expected = {"cifar10": np.repeat([1, 2, 3, 4, 5], 4), "fine": [1, 2, 3, 99], "coarse": [0, 1, 2, 19]}
    assert np.array_equal(y_train[:, 0], expected[options.get("label_mode", name)])
    assert len(x_test) == (3 if name == "cifar10" else 2)


def test_cifar_where_older_keras_unpacked_it_and_from_an_archive(cifar_home, monkeypatch, tmp_path):
    expected = datasets.cifar100.load_data()
    (cifar_home / "cifar-100-python-target" / "cifar-100-python").rename(cifar_home / "cifar-100-python")
    older = datasets.cifar100.load_data()
    archive = cifar_home / "cifar-100-python-target_archive"
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(cifar_home / "cifar-100-python", "cifar-100-python")
    (cifar_home / "cifar-100-python").rename(tmp_path / "elsewhere")
    (cifar_home / "cifar-100-python-target").rmdir()
    monkeypatch.setattr(files, "hash_matches", lambda *_: True)
    unpacked = datasets.cifar100.load_data()
    for result in (older, unpacked):
        for a, b in zip(sum(result, ()), sum(expected, ()), strict=True):
            assert np.array_equal(a, b)


def test_fashion_mnist_is_keras_s(keras_home, monkeypatch):
    monkeypatch.setattr(config, "keras_home", lambda: str(keras_home))
    folder = keras_home / "datasets" / "fashion-mnist"
    monkeypatch.setattr(keras_s("fashion_mnist"), "get_file", lambda name, **_: str(folder / name))
    actual, expected = datasets.fashion_mnist.load_data(), keras_s("fashion_mnist").load_data()
    for a, b in zip(sum(actual, ()), sum(expected, ()), strict=True):
        assert a.dtype == b.dtype and np.array_equal(a, b) and a.flags.writeable


def test_missing_file_without_network_says_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setattr(config, "keras_home", lambda: str(tmp_path))
    monkeypatch.setattr(datasets.mnist, "KERAS_FILES", "http://127.0.0.1:1/")
    with pytest.raises(OSError) as error:
        datasets.mnist.load_data()
    assert str(tmp_path / "datasets" / "mnist.npz") in str(error.value) and "\n" not in str(error.value)
