"""Data sets of directories: which files, in which order, with which labels and values, against Keras."""

import wave

import keras
import numpy as np
import pytest
from keras.src.utils import dataset_utils

import fastnn
from fastnn import utils
from fastnn.preprocessing.directories import index_directory

Image = pytest.importorskip("PIL.Image")
RNG = np.random.default_rng(0)
ENDINGS = (".png",)


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Three classes, of 4, 5 and 3 images of several sizes, some in folders of folders; and files that are none."""
    root = tmp_path_factory.mktemp("images")
    for label, count in (("b", 4), ("a", 5), ("c", 3)):
        for k in range(count):
            folder = root / label / ("deep" if k == 2 else ".")
            folder.mkdir(parents=True, exist_ok=True)
            pixels = RNG.integers(0, 256, (5 + k, 8 - k, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(folder / f"{label}{k}.png")
    (root / "a" / "notes.md").write_text("none")
    (root / ".hidden").mkdir()
    return root


@pytest.fixture(scope="module")
def texts(tmp_path_factory):
    root = tmp_path_factory.mktemp("texts")
    for label in ("neg", "pos"):
        (root / label).mkdir()
        for k in range(4):
            (root / label / f"{k}.txt").write_text(f"{label} näive {k}", encoding="utf-8")
    return root


@pytest.mark.parametrize(
    "arguments",
    [
        {"labels": "inferred"},
        {"labels": "inferred", "shuffle": True, "seed": 7},
        {"labels": "inferred", "class_names": ["c", "a"]},
        {"labels": None, "shuffle": True, "seed": 3},
        {"labels": [k % 2 for k in range(12)], "shuffle": True, "seed": 3},
    ],
    ids=str,
)
def test_files_and_order_are_keras_s(images, arguments):
    arguments = {"shuffle": False, **arguments, "verbose": False}
    ours = index_directory(images, endings=ENDINGS, **arguments)
    theirs = dataset_utils.index_directory(str(images), formats=ENDINGS, **arguments)
    assert ours[0] == theirs[0] and ours[2] == theirs[2]
    assert (None if ours[1] is None else list(ours[1])) == (None if theirs[1] is None else list(theirs[1]))


@pytest.mark.parametrize(("mode", "dtype", "shape"), [("int", "int32", (4,)), ("categorical", "float32", (4, 3))])
def test_images_and_labels(images, mode, dtype, shape):
    dataset = utils.image_dataset_from_directory(images, label_mode=mode, batch_size=4, image_size=(6, 5), seed=1)
    assert dataset.class_names == ["a", "b", "c"] and len(dataset) == 3 and len(dataset.file_paths) == 12
    seen = {}
    for x, y in dataset:
        assert x.shape == (4, 6, 5, 3) and x.dtype == np.float32 and y.shape == shape and y.dtype == dtype
        seen |= {image.tobytes(): label for image, label in zip(x, y, strict=True)}
    for path in dataset.file_paths:
        pixels = np.asarray(Image.open(path).convert("RGB")).astype("float32")
        image = np.asarray(keras.ops.image.resize(pixels, (6, 5)))
        nearest = min(seen, key=lambda key: np.abs(np.frombuffer(key, "float32").reshape(6, 5, 3) - image).max())
        np.testing.assert_allclose(np.frombuffer(nearest, "float32").reshape(6, 5, 3), image, rtol=1e-5, atol=1e-3)
        label = dataset.class_names.index(path[len(str(images)) + 1 :].split("/")[0])
        assert (seen[nearest].argmax() if mode == "categorical" else seen[nearest]) == label


def test_binary_labels_and_no_labels(images):
    pair = utils.image_dataset_from_directory(images, label_mode="binary", class_names=["a", "c"], image_size=4)
    _, y = next(iter(pair))
    assert y.shape == (8, 1) and y.dtype == np.float32 and sorted(y.ravel()) == [0] * 5 + [1] * 3
    for arguments in ({"labels": None}, {"label_mode": None}):
        assert next(iter(utils.image_dataset_from_directory(images, **arguments))).shape == (12, 256, 256, 3)


@pytest.mark.parametrize("interpolation", ["nearest", "bilinear", "bicubic", "lanczos3"])
@pytest.mark.parametrize("fit", [{}, {"crop_to_aspect_ratio": True}, {"pad_to_aspect_ratio": True}], ids=str)
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_pixels(images, interpolation, fit, data_format):
    dataset = utils.image_dataset_from_directory(
        images, labels=None, shuffle=False, image_size=(4, 9), batch_size=None, interpolation=interpolation,
        data_format=data_format, **fit,
    )  # fmt: skip
    for path, image in zip(dataset.file_paths, dataset, strict=True):
        pixels = np.asarray(Image.open(path)).astype("float32")
        wanted = np.asarray(keras.ops.image.resize(pixels, (4, 9), interpolation, data_format="channels_last", **fit))
        wanted = wanted.transpose(2, 0, 1) if data_format == "channels_first" else wanted
        np.testing.assert_allclose(image, wanted, rtol=1e-5, atol=2e-3)


@pytest.mark.parametrize(("color_mode", "channels"), [("rgb", 3), ("rgba", 4), ("grayscale", 1)])
def test_color_modes(images, color_mode, channels):
    dataset = utils.image_dataset_from_directory(images, color_mode=color_mode, image_size=(3, 3))
    assert next(iter(dataset))[0].shape == (12, 3, 3, channels)


def test_shuffling(images):
    def order(dataset):
        return [int(y) for _, y in dataset.unbatch()]

    def made(**arguments):
        return utils.image_dataset_from_directory(images, image_size=(2, 2), verbose=False, **arguments)

    dataset = made(seed=5)
    first, second = order(dataset), order(dataset)
    assert first != second and sorted(first) == sorted(second)
    assert order(made(seed=5)) == first
    assert order(made(shuffle=False)) == [0] * 5 + [1] * 4 + [2] * 3


@pytest.mark.parametrize("subset", ["training", "validation", "both"])
def test_splits(images, subset, capsys):
    arguments = {"validation_split": 0.25, "seed": 2, "image_size": (2, 2)}
    found = utils.image_dataset_from_directory(images, subset=subset, **arguments)
    paths, _, _ = index_directory(images, "inferred", ENDINGS, seed=2, verbose=False)
    parts = {"training": [paths[:9]], "validation": [paths[9:]], "both": [paths[:9], paths[9:]]}[subset]
    assert [dataset.file_paths for dataset in (found if subset == "both" else [found])] == parts
    printed = capsys.readouterr().out
    assert "Found 12 files belonging to 3 classes." in printed
    assert ("Using 9 files for training." in printed) == (subset != "validation")
    assert ("Using 3 files for validation." in printed) == (subset != "training")


def test_texts(texts):
    dataset = utils.text_dataset_from_directory(texts, batch_size=3, shuffle=False, max_length=9)
    batches = list(dataset)
    assert batches[0][0].tolist() == ["neg näive"] * 3 and [len(y) for _, y in batches] == [3, 3, 2]
    layer = fastnn.layers.TextVectorization()
    layer.adapt(utils.text_dataset_from_directory(texts).map(lambda x, y: x))
    assert set(layer.get_vocabulary()[2:]) == {"neg", "pos", "näive", "0", "1", "2", "3"}


def test_a_model_learns_from_a_directory_of_texts(texts):
    layer = fastnn.layers.TextVectorization(output_mode="multi_hot")
    dataset = utils.text_dataset_from_directory(texts, batch_size=4, seed=0)
    layer.adapt(dataset.map(lambda x, y: x))
    model = fastnn.Sequential([fastnn.Input((1,), dtype="string"), layer, fastnn.layers.Dense(1, "sigmoid")])
    model.compile(fastnn.optimizers.Adam(0.3), "binary_crossentropy", metrics=["accuracy"])
    model.fit(dataset, epochs=20, verbose=0)
    assert model.evaluate(dataset, verbose=0)[1] == 1.0


def write_wav(path, samples, width, rate=8000):
    """samples (n, channels) in [-1, 1)."""
    whole = np.round(samples * 2 ** (8 * width - 1)).astype("int64") + (128 if width == 1 else 0)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(whole.astype("<i8").view("u1").reshape(-1, 8)[:, :width].tobytes())


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_sounds(tmp_path, width):
    sounds = {name: RNG.integers(-100, 100, (n, 2)) / 128 for name, n in (("x", 5), ("y", 8))}
    for name, samples in sounds.items():
        (tmp_path / name).mkdir()
        write_wav(tmp_path / name / "0.wav", samples, width)
    x, y = next(iter(utils.audio_dataset_from_directory(tmp_path, shuffle=False)))
    assert x.shape == (2, 8, 2) and x.dtype == np.float32 and y.tolist() == [0, 1]
    np.testing.assert_array_equal(x[0], np.pad(sounds["x"], [(0, 3), (0, 0)]).astype("float32"))
    np.testing.assert_array_equal(x[1], sounds["y"].astype("float32"))
    cut = utils.audio_dataset_from_directory(tmp_path, shuffle=False, output_sequence_length=6, labels=None)
    np.testing.assert_array_equal(next(iter(cut)), [np.pad(sounds["x"], [(0, 1), (0, 0)]), sounds["y"][:6]])


def test_another_sampling_rate(tmp_path):
    (tmp_path / "x").mkdir()
    wave_at = lambda rate: np.sin(2 * np.pi * 50 * np.arange(rate) / rate)[:, None] / 2  # noqa: E731
    write_wav(tmp_path / "x" / "0.wav", wave_at(8000), 2)
    (x,) = next(iter(utils.audio_dataset_from_directory(tmp_path, labels=None, sampling_rate=4000)))
    np.testing.assert_allclose(x[100:-100], wave_at(4000)[100:-100], atol=2e-3)


BAD = [
    {"labels": "guessed"},
    {"labels": [0, 1]},
    {"labels": [0] * 12, "class_names": ["a"]},
    {"labels": None, "class_names": ["a"]},
    {"class_names": ["a", "z"]},
    {"label_mode": "hot"},
    {"label_mode": "binary"},
    {"color_mode": "cmyk"},
    {"image_size": (1, 2, 3)},
    {"interpolation": "best"},
    {"validation_split": 2.0, "subset": "training"},
    {"validation_split": 0.2},
    {"subset": "training"},
    {"validation_split": 0.2, "subset": "test", "seed": 1},
    {"validation_split": 0.2, "subset": "training"},
    {"validation_split": 0.01, "subset": "both", "seed": 1},
    {"format": "torch"},
    {"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True},
]


@pytest.mark.parametrize("arguments", BAD, ids=str)
def test_errors(images, arguments):
    with pytest.raises(ValueError, match=r"."):
        utils.image_dataset_from_directory(images, verbose=False, **arguments)


def test_no_files(tmp_path):
    for name, what in (("image", "images"), ("text", "text files"), ("audio", "audio files")):
        with pytest.raises(ValueError, match=f"No {what} found"):
            getattr(utils, f"{name}_dataset_from_directory")(tmp_path, labels=None)


def test_older_addresses():
    for name in ("image_dataset_from_directory", "text_dataset_from_directory", "timeseries_dataset_from_array"):
        assert getattr(fastnn.preprocessing, name) is getattr(utils, name)
