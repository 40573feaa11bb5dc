"""One contender in a process of its own: `python -m benchmarks.models.contender ROW CONTENDER MEASURE EPOCHS`.

MEASURE is `fit` (seconds of the first epoch, with all compilation, and of each later one; bytes by which it raised the
process's peak) or `infer` (seconds of `model(x)` and of `predict` on one row, of `predict` a row at batches of 512, and
of one `train_on_batch`). Prints one JSON line, with the last loss where there is one, by which the caller sees that the
contenders did the same work.
"""

import json
import os
import resource
import statistics
import sys
import time
import warnings

import numpy as np

from benchmarks.models import networks

THREADS = int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))


class KerasLike:
    """fastnn, or Keras on the backend `KERAS_BACKEND`."""

    def __init__(self, name, k):
        self.row = networks.ROWS[name]
        self.x, self.y = networks.data(name)
        self.model = networks.build(name, k)

    def epoch(self):
        history = self.model.fit(self.x, self.y, batch_size=self.row.batch_size, epochs=1, verbose=0)
        return history.history["loss"][-1]

    def call(self, x):
        return self.model(x, training=False)

    def predict(self, x, batch_size):
        return self.model.predict(x, batch_size=batch_size, verbose=0)

    def train_on_batch(self, x, y):
        return self.model.train_on_batch(x, y)


class Torch:
    """A plain loop, the data as one tensor: eager, or with the forward pass compiled."""

    def __init__(self, name, compiled=False):
        import torch

        from benchmarks.models import torch_networks

        self.torch, self.row = torch, networks.ROWS[name]
        torch.set_num_threads(THREADS)
        x, y = networks.data(name)
        self.x, self.y = self.tensor(x), torch.from_numpy(y)
        self.is_binary = self.row.classes == 1
        self.loss_of = torch.nn.BCEWithLogitsLoss() if self.is_binary else torch.nn.CrossEntropyLoss()
        self.model = torch_networks.build(name)
        self.forward = torch.compile(self.model) if compiled else self.model
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=1e-3, eps=1e-7, fused=True)

    def tensor(self, x):
        x = self.torch.from_numpy(x)
        return x.permute(0, 3, 1, 2).contiguous(memory_format=self.torch.channels_last) if x.ndim == 4 else x

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
            raise ImportError("scikit-learn has dense layers only")
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
    "keras-jax": _keras_on("jax"),
    "keras-torch": _keras_on("torch"),
    "keras-tensorflow": _keras_on("tensorflow"),
    "torch": Torch,
    "torch-compile": lambda name: Torch(name, compiled=True),
    "sklearn": SciKitLearn,
}


def fit(contender, epochs: int) -> dict:
    """Seconds of the first epoch and of the others, the last loss, and bytes of memory."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    seconds = []
    for _ in range(epochs + 1):
        start = time.perf_counter()
        loss = contender.epoch()
        seconds.append(time.perf_counter() - start)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"first_epoch": seconds[0], "epoch": min(seconds[1:]), "loss": float(loss), "bytes": (peak - before) * 1024}


def infer(contender, _epochs: int) -> dict:
    """Seconds of the calls that serve and of those that learn from a stream; medians."""
    one, many, batch = contender.x[:1], contender.x[:2048], slice(0, 32)
    contender.train_on_batch(contender.x[batch], contender.y[batch])  # scikit-learn predicts after training only
    return {
        "call": _median(lambda: contender.call(one)),
        "predict": _median(lambda: contender.predict(one, 32)),
        "row_of_512": _median(lambda: contender.predict(many, 512)) / len(many),
        "train_on_batch": _median(lambda: contender.train_on_batch(contender.x[batch], contender.y[batch])),
    }


MEASURES = {"fit": fit, "infer": infer}


def _median(call, budget_s=1.0):
    call()
    start = time.perf_counter()
    call()
    times = max(3, min(2000, int(budget_s / (time.perf_counter() - start))))
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def main():
    """Exit status 3 says that the contender is not installed or cannot run this row."""
    name, contender, measure, epochs = sys.argv[1:]
    warnings.simplefilter("ignore")
    try:
        made = CONTENDERS[contender](name)
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(3)
    print(json.dumps(MEASURES[measure](made, int(epochs))))


if __name__ == "__main__":
    main()
