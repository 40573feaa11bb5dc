"""Whole models in `.keras` files: both ways between fastnn and Keras, and what is refused."""

import io
import json
import threading
import zipfile

import keras
import numpy as np
import pytest

import fastnn


def build(framework, compiled=True):
    """A functional model with two inputs, normalization and a convolution, slightly trained where it can be."""
    layers = framework.layers
    image, flat = framework.Input((8, 8, 2), name="image"), framework.Input((3,), name="flat")
    x = layers.Conv2D(4, 3, activation="relu")(image)
    x = layers.BatchNormalization()(x)
    x = layers.Concatenate()([layers.GlobalAveragePooling2D()(x), flat])
    model = framework.Model([image, flat], layers.Dense(3, activation="softmax", kernel_regularizer="l2")(x))
    if compiled:
        model.compile(framework.optimizers.Adam(0.01), "sparse_categorical_crossentropy", metrics=["accuracy"])
    return model


def data(rows=6):
    rng = np.random.default_rng(0)
    x = [rng.standard_normal((rows, *shape)).astype(np.float32) for shape in ((8, 8, 2), (3,))]
    return x, rng.integers(0, 3, rows)


def predictions(model):
    return np.asarray(model.predict(data()[0], verbose=0))


def test_training_goes_on_where_it_was_saved(tmp_path):
    model = build(fastnn)
    x, y = data()
    model.fit(x, y, epochs=3, verbose=0)
    model.save(tmp_path / "model.keras")
    again = fastnn.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predictions(again), predictions(model))
    assert again.get_config() == model.get_config()
    model.reset_metrics()  # they are no part of a file
    assert again.train_on_batch(x, y) == model.train_on_batch(x, y)


def test_keras_reads_ours(tmp_path):
    model = build(fastnn)
    model.fit(*data(), epochs=1, verbose=0)
    model.save(tmp_path / "model.keras")
    theirs = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(predictions(theirs), predictions(model), rtol=1e-5, atol=1e-6)


def test_we_read_keras(tmp_path):
    theirs = build(keras)
    theirs.save(tmp_path / "model.keras")
    model = fastnn.models.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(predictions(model), predictions(theirs), rtol=1e-5, atol=1e-6)
    model.fit(*data(), verbose=0)  # it is compiled
    assert not fastnn.models.load_model(tmp_path / "model.keras", compile=False).compiled


def test_what_is_refused(tmp_path):
    model = build(fastnn, compiled=False)
    path = tmp_path / "model.keras"
    with pytest.raises(ValueError, match=r"\.keras"):
        model.save(tmp_path / "model.tf")
    model.save(path)
    with pytest.raises(FileExistsError):
        model.save(path, overwrite=False)
    with pytest.raises(ValueError, match="no file"):
        fastnn.models.load_model(tmp_path / "other.keras")
    (tmp_path / "text.keras").write_text("no zip")
    with pytest.raises(ValueError, match="not a"):
        fastnn.models.load_model(tmp_path / "text.keras")


def rewritten(path, name, content):
    """A copy of the archive at `path` with another member `name`."""
    target = path.with_name(f"changed-{name}.keras")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as new:
        for info in old.infolist():
            new.writestr(info.filename, content if info.filename == name else old.read(info.filename))
    return target


def test_hostile_files_run_nothing(tmp_path):
    path = tmp_path / "model.keras"
    build(fastnn, compiled=False).save(path)
    config = {"module": "os", "class_name": "system", "config": {"command": f"touch {tmp_path}/pwned"}}
    with pytest.raises((ValueError, TypeError)):
        fastnn.models.load_model(rewritten(path, "config.json", json.dumps(config)))
    assert not (tmp_path / "pwned").exists()
    bomb = rewritten(path, "model.weights.h5", bytes(200_000_000))
    with pytest.raises(ValueError, match="200000000 bytes"):
        fastnn.models.load_model(bomb)
    with pytest.raises(OSError, match="HDF5"):
        fastnn.models.load_model(rewritten(path, "model.weights.h5", b"no HDF5"))


def test_a_failed_save_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "model.keras"
    model = build(fastnn, compiled=False)
    model.save(path)
    before = path.read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zipfile.ZipFile, "writestr", full)
    with pytest.raises(OSError, match="No space"):
        model.save(path)
    assert path.read_bytes() == before and sorted(p.name for p in tmp_path.iterdir()) == ["model.keras"]


def test_checkpoints_of_whole_models(tmp_path):
    model = build(fastnn)
    checkpoint = fastnn.callbacks.ModelCheckpoint(tmp_path / "at-{epoch}.keras")
    model.fit(*data(), epochs=2, verbose=0, callbacks=[checkpoint])
    again = fastnn.models.load_model(tmp_path / "at-2.keras")
    np.testing.assert_array_equal(predictions(again), predictions(model))


def test_weights_fit_in_memory():
    content = io.BytesIO()
    model = build(fastnn, compiled=False)
    fastnn.saving.weights.write(model, content)
    assert content.getvalue().startswith(b"\x89HDF")


@fastnn.saving.register_keras_serializable("test_model_file")
def halved(x):
    return x / 2


def test_lambdas_load_by_name(tmp_path):
    def doubled(x):
        return x * 2

    layers = fastnn.layers
    chain = [layers.Lambda(halved), layers.Lambda(fastnn.activations.relu), layers.Lambda(doubled)]
    model = fastnn.Sequential([fastnn.Input((3,)), *chain])
    for name in ("model.keras", "model.h5"):
        model.save(tmp_path / name)
        with pytest.raises(TypeError, match="Could not locate function 'doubled'"):
            fastnn.saving.load_model(tmp_path / name)
        again = fastnn.saving.load_model(tmp_path / name, custom_objects={"doubled": doubled}, compile=False)
        np.testing.assert_array_equal(again(np.array([[-1.0, 0, 3]], "float32")), [[0.0, 0, 3]])


def test_a_vocabulary_of_a_path_is_not_read_from_a_config(tmp_path):
    (tmp_path / "words.txt").write_text("a\nb")
    layer = fastnn.layers.StringLookup(vocabulary=str(tmp_path / "words.txt"))
    assert layer.get_vocabulary() == ["[UNK]", "a", "b"]
    config = {**layer.get_config(), "vocabulary": str(tmp_path / "words.txt")}
    with pytest.raises(ValueError, match="names a vocabulary file"):
        fastnn.layers.StringLookup.from_config(config)


def test_limits_end_with_the_file(tmp_path):
    """What is made after a file was read, or refused, is not limited; nor is what other threads make."""
    build(fastnn).save(tmp_path / "model.keras")
    fastnn.models.load_model(tmp_path / "model.keras")
    with pytest.raises((ValueError, OSError)):
        fastnn.models.load_model(rewritten(tmp_path / "model.keras", "model.weights.h5", b"no HDF5"))
    layer = fastnn.layers.Dense(3000)
    layer.build((None, 4000))  # 48 MB
    assert np.ones(30_000_000).nbytes == 240_000_000
    with fastnn.limits.reading(0, 0):
        with pytest.raises(ValueError, match="too small for the weights"):
            fastnn.layers.Dense(3000).build((None, 4000))
        with pytest.raises(MemoryError):
            np.ones(30_000_000)
        made = []
        thread = threading.Thread(target=lambda: made.append(np.ones(30_000_000).nbytes))
        thread.start()
        thread.join()
        assert made == [240_000_000]
