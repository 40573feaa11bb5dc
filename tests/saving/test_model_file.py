"""Whole models in `.keras` files: both ways between fastnn and Keras, and what is refused."""

import io
import json
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
