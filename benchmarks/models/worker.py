"""One contender in a process of its own: `python -m benchmarks.models.worker ROW CONTENDER MEASURE EPOCHS`.

MEASURE is `fit` (seconds of the first epoch, with all compilation, and the shortest of the later ones; the most memory
that the process held, and by how much training raised it) or `infer` (seconds of `model(x)` and of `predict` on one
row, of a row by `predict` at batches of 512, and of one `train_on_batch`), or `others` (some of both, in one process,
of a row of `others.py`). Prints one JSON line, with the last loss where there is one, by which the caller sees that the
contenders did the same work.
"""

import json
import os
import sys
import tempfile
import time
import warnings

import numpy as np

from benchmarks.machine import memory, threads
from benchmarks.models import applications, networks, others
from benchmarks.pairs import MISSING
from benchmarks.timing import median_of

LIMIT_S = 60.0  # no further epoch begins after this long


class Unable(Exception):
    """The contender has no such network or measure."""


def _network(name, k):
    """Its row, the compiled network of `k`, which is `fastnn` or `keras`, and the data."""
    if name in others.ROWS:
        model = others.build(name, k)
        return others.ROWS[name], model, *others.data(name, model.output_shape)
    module = _module_of(name)
    return module.ROWS[name], module.build(name, k), *module.data(name)


def _module_of(name):
    return applications if name in applications.ROWS else networks


class KerasLike:
    """fastnn, or Keras on the backend `KERAS_BACKEND`."""

    def __init__(self, name, k):
        self.row, self.model, self.x, self.y = _network(name, k)

    def epoch(self):
        if getattr(self.row, "is_stream", False):
            for start in range(0, self.row.rows, self.row.batch_size):
                batch = slice(start, start + self.row.batch_size)
                loss = self.model.train_on_batch(self.x[batch], self.y[batch])
            return loss
        history = self.model.fit(self.x, self.y, batch_size=self.row.batch_size, epochs=1, verbose=0)
        return history.history["loss"][-1]

    def call(self, x):
        return self.model(x, training=False)

    def predict(self, x, batch_size):
        return self.model.predict(x, batch_size=batch_size, verbose=0)

    def train_on_batch(self, x, y):
        return self.model.train_on_batch(x, y)


class Torch:
    """A plain loop, the data as one tensor: eager, in channels_last, or that with the forward pass compiled."""

    def __init__(self, name, channels_last=True, compiled=False):
        import torch

        module = _module_of(name)
        self.torch, self.row = torch, module.ROWS[name]
        torch.set_num_threads(threads())
        x, y = module.data(name)
        if channels_last and not compiled and x.ndim != 4:
            raise Unable("channels_last is for images")
        self.format = torch.channels_last if channels_last else torch.contiguous_format
        self.x, self.y = self.tensor(x), torch.from_numpy(y)
        self.is_binary = self.row.classes == 1
        self.loss_of = torch.nn.BCEWithLogitsLoss() if self.is_binary else torch.nn.CrossEntropyLoss()
        self.model = module.build_torch(name)
        if x.ndim == 4:
            self.model = self.model.to(memory_format=self.format)
        self.forward = torch.compile(self.model) if compiled else self.model
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, eps=1e-7, fused=True)

    def tensor(self, x):
        x = self.torch.from_numpy(x)
        return x.permute(0, 3, 1, 2).contiguous(memory_format=self.format) if x.ndim == 4 else x

    def epoch(self):
        torch, total, right = self.torch, self.torch.zeros(()), self.torch.zeros(())
        self.model.train()
        for rows in torch.randperm(self.row.rows).split(self.row.batch_size):
            loss, logits = self._step(self.x[rows], self.y[rows])
            total += loss.detach() * len(rows)
            guess = (logits[:, 0] > 0).float() if self.is_binary else logits.argmax(1)
            right += (guess == self.y[rows]).sum()
        return float(total) / self.row.rows

    def _step(self, x, y):
        self.optimizer.zero_grad(set_to_none=True)
        logits = self.forward(x)
        loss = self.loss_of(logits, y[:, None] if self.is_binary else y)
        loss.backward()
        self.optimizer.step()
        return loss, logits

    def call(self, x):
        with self.torch.no_grad():
            logits = self.forward(x)
            return self.torch.sigmoid(logits) if self.is_binary else self.torch.softmax(logits, 1)

    def predict(self, x, batch_size):
        self.model.eval()
        return self.torch.cat([self.call(part) for part in x.split(batch_size)])

    def train_on_batch(self, x, y):
        self.model.train()
        return float(self._step(x, y)[0])


class SciKitLearn:
    """MLPClassifier, for the rows that it can express."""

    def __init__(self, name):
        from sklearn.neural_network import MLPClassifier

        sizes = {"tiny": (16,), "mlp": (128, 64)}
        if name not in sizes:
            raise Unable("scikit-learn has dense layers only")
        self.x, self.y = networks.data(name)
        self.classes = np.unique(self.y)
        self.model = MLPClassifier(sizes[name], batch_size=networks.ROWS[name].batch_size, alpha=0.0)

    def epoch(self):
        self.model.partial_fit(self.x, self.y, classes=self.classes)
        return self.model.loss_

    def call(self, x):
        return self.model.predict_proba(x)

    def predict(self, x, _batch_size):
        return self.model.predict_proba(x)

    def train_on_batch(self, x, y):
        self.model.partial_fit(x, y, classes=self.classes)


class OnnxRuntime:
    """The network that fastnn exports, served by ONNX Runtime; it does not train."""

    def __init__(self, name):
        import onnxruntime

        import fastnn

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads()
        _, model, self.x, _ = _network(name, fastnn)
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "model.onnx")
            model.export(path, verbose=False)
            self.session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        self.input = self.session.get_inputs()[0].name

    def call(self, x):
        return self.session.run(None, {self.input: x})[0]

    def predict(self, x, batch_size):
        return np.concatenate([self.call(x[start : start + batch_size]) for start in range(0, len(x), batch_size)])


def _numpy(name):
    from benchmarks.models.numpy_networks import NumPy

    return NumPy(name)


def _keras_on(backend):
    def make(name):
        os.environ["KERAS_BACKEND"] = backend
        import keras

        return KerasLike(name, keras)

    return make


def _fastnn(name):
    import fastnn

    return KerasLike(name, fastnn)


CONTENDERS = {
    "fastnn": _fastnn,
    "numpy": _numpy,
    "keras-tensorflow": _keras_on("tensorflow"),
    "keras-jax": _keras_on("jax"),
    "keras-torch": _keras_on("torch"),
    "torch": lambda name: Torch(name, channels_last=False),
    "torch-channels-last": Torch,
    "torch-compile": lambda name: Torch(name, compiled=True),
    "scikit-learn": SciKitLearn,
    "onnxruntime": OnnxRuntime,
}


def fit(contender, epochs: int) -> dict:
    """Seconds of the first epoch and of the others, the last loss, and bytes of memory."""
    if not hasattr(contender, "epoch"):
        raise Unable("it does not train")
    before, seconds, begin = memory()["peak"], [], time.perf_counter()
    while not seconds or (len(seconds) <= epochs and time.perf_counter() - begin < LIMIT_S):
        start = time.perf_counter()
        loss = contender.epoch()
        seconds.append(time.perf_counter() - start)
        if not getattr(contender, "compiles", True):
            break
    peak = memory()["peak"]
    figures = {"first_epoch": seconds[0], "epoch": min(seconds[1:] or seconds), "loss": float(loss)}
    return figures | {"peak_memory": peak, "memory_of_fit": peak - before}


def infer(contender, _epochs: int) -> dict:
    """Seconds of the calls that serve and of those that learn from a stream; medians."""
    one, many, batch = contender.x[:1], contender.x[:1024], slice(0, 32)
    trains = hasattr(contender, "train_on_batch")
    if trains:
        x, y = contender.x[batch], contender.y[batch]
        contender.train_on_batch(x, y)  # scikit-learn predicts after training only
    figures = {
        "call": median_of(lambda: contender.call(one)),
        "predict": median_of(lambda: contender.predict(one, 32)),
        "predict_512": median_of(lambda: contender.predict(many, 512)) / len(many),
    }
    return figures | ({"train_on_batch": median_of(lambda: contender.train_on_batch(x, y))} if trains else {})


def of_others(contender, epochs: int) -> dict:
    """Seconds of an epoch, of a row by `predict` at batches of 512 and of `model(x)`, and the last loss; without the
    epoch and the loss of what does not train."""
    trained = fit(contender, epochs) if hasattr(contender, "epoch") else {}
    one, many = contender.x[:1], contender.x[:1024]
    return {name: trained[name] for name in ("epoch", "loss") if trained} | {
        "predict_512": median_of(lambda: contender.predict(many, 512)) / len(many),
        "call": median_of(lambda: contender.call(one)),
    }


MEASURES = {"fit": fit, "infer": infer, "others": of_others}


def main():
    """The exit status MISSING says that the contender is not installed or cannot do this."""
    name, contender, measure, epochs = sys.argv[1:]
    warnings.simplefilter("ignore")
    try:
        figures = MEASURES[measure](CONTENDERS[contender](name), int(epochs))
    except (ImportError, Unable) as error:
        print(error, file=sys.stderr)
        sys.exit(MISSING)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
