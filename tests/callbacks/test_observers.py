"""Callbacks that tell others: TensorBoard's event files read back, RemoteMonitor's posts received, Orbax's checkpoints
restored; and SwapEMAWeights, which shows evaluations other weights."""

import builtins
import http.server
import json
import struct
import threading
import urllib.parse

import keras
import numpy as np
import pytest

import fastnn
from fastnn import callbacks

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(20, 4)).astype("float32"), rng.integers(0, 3, 20)


def small_model(optimizer="adam", **compile):
    model = fastnn.Sequential(
        [fastnn.Input((4,)), fastnn.layers.Dense(5, name="a"), fastnn.layers.Dense(3, "softmax", name="b")]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=["accuracy"], **compile)
    return model


@pytest.fixture
def without(monkeypatch):
    """A function that makes a package look as if it was not installed."""
    real = builtins.__import__

    def hide(package):
        def hiding(name, *args, **kwargs):
            if name.partition(".")[0] == package:
                raise ImportError(name)
            return real(name, *args, **kwargs)

        monkeypatch.setattr(builtins, "__import__", hiding)

    return hide


# -- TensorBoard -------------------------------------------------------------------------------------------------------


def events(folder):
    """[(step, tag, value)] of all event files in a folder: records of (length, checksum, event, checksum)."""
    event_pb2 = pytest.importorskip("tensorboardX.proto.event_pb2")
    found = []
    for path in sorted(folder.glob("events*")):
        data = path.read_bytes()
        while data:
            (length,) = struct.unpack("<Q", data[:8])
            event = event_pb2.Event.FromString(data[12 : 12 + length])
            found += [(event.step, value.tag, value) for value in event.summary.value]
            data = data[16 + length :]
    return found


def scalars(folder):
    return {(step, tag): v.simple_value for step, tag, v in events(folder) if v.HasField("simple_value")}


def test_scalars_of_epochs(tmp_path):
    pytest.importorskip("tensorboardX")
    model = small_model()
    history = model.fit(
        X, Y, epochs=3, verbose=0, validation_split=0.2, callbacks=[callbacks.TensorBoard(tmp_path)]
    ).history
    train, validation = scalars(tmp_path / "train"), scalars(tmp_path / "validation")
    for epoch in range(3):
        for name in ("loss", "accuracy"):
            assert train.pop((epoch, f"epoch_{name}")) == np.float32(history[name][epoch])
            assert validation.pop((epoch, f"epoch_{name}")) == np.float32(history[f"val_{name}"][epoch])
            assert validation.pop((epoch + 1, f"evaluation_{name}_vs_iterations")) == pytest.approx(
                history[f"val_{name}"][epoch]
            )
        assert train.pop((epoch, "epoch_learning_rate")) == np.float32(1e-3)
    assert not train and not validation
    assert '"Sequential"' in str(events(tmp_path / "train")[0][2].tensor.string_val[0])


@pytest.mark.parametrize(
    ("update_freq", "steps"), [("batch", [1, 2, 3, 4, 5, 6]), (1, [1, 2, 3, 4, 5, 6]), (2, [2, 4, 6])]
)
def test_scalars_of_batches(tmp_path, update_freq, steps):
    pytest.importorskip("tensorboardX")
    seen = []
    watch = callbacks.LambdaCallback(on_train_batch_end=lambda batch, logs: seen.append(logs["loss"]))
    board = callbacks.TensorBoard(tmp_path, update_freq=update_freq, write_graph=False, write_steps_per_second=True)
    small_model().fit(X, Y, epochs=2, batch_size=8, verbose=0, callbacks=[board, watch])
    found = scalars(tmp_path / "train")
    losses = {step: value for (step, tag), value in found.items() if tag == "batch_loss"}
    assert losses == {step: np.float32(seen[step - 1]) for step in steps}
    assert all((step, "batch_accuracy") in found for step in steps)
    assert all(found[step, "batch_steps_per_second"] > 0 for step in range(1, 7))
    assert found[1, "epoch_steps_per_second"] > 0


def test_weights_as_histograms_and_images(tmp_path):
    pytest.importorskip("tensorboardX")
    model = small_model()
    board = callbacks.TensorBoard(tmp_path, histogram_freq=2, write_images=True)
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[board])
    found = {(step, tag): value for step, tag, value in events(tmp_path / "train")}
    for weight in model.weights:
        assert {step for step, tag in found if tag == f"{weight.path}/histogram"} == {0, 2}
        histogram = found[2, f"{weight.path}/histogram"].histo
        values = weight.numpy()
        np.testing.assert_allclose([histogram.min, histogram.max], [values.min(), values.max()], rtol=1e-6)
        assert histogram.num == values.size and histogram.sum == pytest.approx(values.sum(), rel=1e-4, abs=1e-5)
        image = found[2, f"{weight.path}/image"].image
        rows = values.reshape(1, -1) if values.ndim == 1 else values
        assert {image.height, image.width} == set(rows.shape) and image.encoded_image_string[1:4] == b"PNG"


def test_embeddings(tmp_path):
    pytest.importorskip("tensorboardX")
    model = fastnn.Sequential(
        [fastnn.Input((2,)), fastnn.layers.Embedding(4, 3, name="words"), fastnn.layers.Flatten()]
    )
    model.compile("sgd", "mse")
    (tmp_path / "labels.tsv").write_text("a\nb\nc\nd\n")
    board = callbacks.TensorBoard(
        tmp_path / "logs", embeddings_freq=1, embeddings_metadata={"words": tmp_path / "labels.tsv"}
    )
    model.fit(np.zeros((2, 2), "int32"), np.zeros((2, 6), "float32"), verbose=0, callbacks=[board])
    (table,) = (tmp_path / "logs" / "train").rglob("tensors.tsv")
    np.testing.assert_allclose(np.loadtxt(table), model.layers[0].embeddings.numpy(), rtol=1e-5)
    assert table.with_name("metadata.tsv").read_text().split() == list("abcd")


def test_tensorboard_says_what_is_missing(without):
    pytest.importorskip("tensorboardX")
    with pytest.raises(ValueError, match="profile_batch=2"):
        callbacks.TensorBoard(profile_batch=2)
    without("tensorboardX")
    with pytest.raises(ImportError, match=r"fastnn-cpu\[tensorboard\]"):
        callbacks.TensorBoard()


# -- RemoteMonitor -----------------------------------------------------------------------------------------------------


@pytest.fixture
def server():
    """(address, posts): a local server, and what it was sent: (path, headers, body)."""
    posts = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            posts.append((self.path, dict(self.headers), body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *args):
            pass

    listening = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=listening.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{listening.server_port}", posts
    listening.shutdown()
    listening.server_close()


@pytest.mark.parametrize("send_as_json", [False, True])
def test_remote_monitor(server, send_as_json):
    pytest.importorskip("requests")
    address, posts = server
    monitor = callbacks.RemoteMonitor(address, "/logs", "form", {"X-Key": "k"}, send_as_json)
    history = small_model().fit(X, Y, epochs=2, verbose=0, callbacks=[monitor]).history
    assert len(posts) == 2
    for epoch, (path, headers, body) in enumerate(posts):
        assert path == "/logs" and headers["X-Key"] == "k"
        assert headers["Content-Type"] == ("application/json" if send_as_json else "application/x-www-form-urlencoded")
        sent = json.loads(body if send_as_json else urllib.parse.parse_qs(body)["form"][0])
        assert sent == {"epoch": epoch, **{name: values[epoch] for name, values in history.items()}}


def test_remote_monitor_without_a_server_or_requests(without):
    pytest.importorskip("requests")
    with pytest.warns(UserWarning, match="Could not reach RemoteMonitor root server at http://127.0.0.1:9"):
        callbacks.RemoteMonitor("http://127.0.0.1:9").on_epoch_end(0, {"loss": 1.0})
    without("requests")
    with pytest.raises(ImportError, match="requests"):
        callbacks.RemoteMonitor().on_epoch_end(0, {})


# -- SwapEMAWeights ----------------------------------------------------------------------------------------------------


def averages(model):
    optimizer = model.optimizer
    return [np.array(optimizer.slot("average", variable)) for variable in model.trainable_variables]


@pytest.mark.parametrize("swap_on_epoch", [False, True])
def test_evaluations_see_the_averages(swap_on_epoch):
    """Validation losses are those of the averages; training goes on from the weights; it ends with the averages."""
    results = []
    for with_swap in (True, False):
        fastnn.utils.set_random_seed(0)
        model = small_model(fastnn.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9))
        twin, expected = small_model(), []

        class Watch(callbacks.Callback):
            def on_epoch_end(self, epoch, logs=None, expected=expected, twin=twin):
                twin.set_weights(averages(self.model))
                expected.append(twin.evaluate(X, Y, verbose=0)[0])

        found = [callbacks.SwapEMAWeights(swap_on_epoch)] if with_swap else [Watch()]
        history = model.fit(X, Y, epochs=4, shuffle=False, validation_data=(X, Y), verbose=0, callbacks=found).history
        results.append((history, expected, model.get_weights()))
    (swapped, _, weights), (plain, expected, plain_weights) = results
    np.testing.assert_allclose(swapped["val_loss"], expected, rtol=1e-6)
    np.testing.assert_array_equal(swapped["loss"], plain["loss"])
    for a, b in zip(weights, plain_weights, strict=True):
        np.testing.assert_array_equal(a, b)


def test_swapped_between_epochs_for_checkpoints(tmp_path):
    seen = []

    class Watch(callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            seen.append(self.model.get_weights())

    model = small_model(fastnn.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9))
    model.fit(X, Y, epochs=3, verbose=0, callbacks=[callbacks.SwapEMAWeights(swap_on_epoch=True), Watch()])
    for a, b in zip(seen[-1], model.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)


def test_averages_must_be_there():
    model = small_model("sgd")
    with pytest.raises(ValueError, match="`use_ema=True`"):
        model.fit(X, Y, validation_data=(X, Y), verbose=0, callbacks=[callbacks.SwapEMAWeights()])


# -- OrbaxCheckpoint ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("save_freq", ["epoch", 2])
def test_orbax_checkpoint(tmp_path, save_freq):
    checkpoint = pytest.importorskip("orbax.checkpoint")
    model = small_model()
    callback = callbacks.OrbaxCheckpoint(tmp_path / "c", save_freq=save_freq, max_to_keep=2)
    model.fit(X, Y, batch_size=10, epochs=3, verbose=0, callbacks=[callback])
    steps = sorted(int(path.name) for path in (tmp_path / "c").iterdir() if path.name.isdigit())
    assert steps == ([1, 2] if save_freq == "epoch" else [4, 6])
    tree = checkpoint.StandardCheckpointer().restore(tmp_path / "c" / str(steps[-1]) / "default")
    for kind, variables in (("weights", model.weights), ("optimizer_variables", model.optimizer.variables)):
        assert set(tree[kind]) == {v.path for v in variables}
        for variable in variables:
            np.testing.assert_array_equal(np.asarray(tree[kind][variable.path]), variable.numpy())


def test_orbax_says_what_is_missing(without):
    without("orbax")
    with pytest.raises(ImportError, match=r"fastnn-cpu\[orbax\]"):
        callbacks.OrbaxCheckpoint("c")


@pytest.mark.parametrize("name", [n for n in dir(keras.callbacks) if isinstance(getattr(keras.callbacks, n), type)])
def test_signature(name):
    import inspect

    ours, theirs = (inspect.signature(getattr(k.callbacks, name).__init__) for k in (fastnn, keras))
    described = [[(p.name, p.kind, p.default) for p in s.parameters.values()] for s in (ours, theirs)]
    assert described[0] == described[1]
