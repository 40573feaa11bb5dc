"""The rows in NumPy alone: layers with a forward and a backward pass, and Adam on all weights in one vector.

What it costs to do without a framework; `benchmarks/kernels/by_numpy.py` has the arithmetic.
"""

import functools

import numpy as np

from benchmarks.kernels import by_numpy as by
from benchmarks.models.networks import ROWS, data


class Layer:
    """`forward(x, training)` keeps what `backward(dy)` needs, which returns dx and sets `gradients`, one a weight."""

    weights: tuple = ()
    gradients: tuple = ()

    def parts(self):
        """The layers that have weights."""
        return [self]


def _drawn(*shape):
    """Glorot's uniform distribution."""
    fan = np.prod(shape[:-2]) * (shape[-2] + shape[-1])
    return np.random.default_rng(0).uniform(-1, 1, shape).astype("float32") * np.float32((6 / fan) ** 0.5)


def _zeros(*shape):
    return np.zeros(shape, "float32")


class Dense(Layer):
    """Over the last axis of (..., inputs), with an optional ReLU."""

    def __init__(self, inputs, outputs, relu=False):
        self.weights, self.relu = (_drawn(inputs, outputs), _zeros(outputs)), relu

    def forward(self, x, training):
        self.x = x
        w, b = self.weights
        self.y = x @ w
        self.y += b
        return np.maximum(self.y, 0, out=self.y) if self.relu else self.y

    def backward(self, dy):
        if self.relu:
            dy = dy * (self.y > 0)
        flat = dy.reshape(-1, dy.shape[-1])
        self.gradients = self.x.reshape(-1, self.x.shape[-1]).T @ flat, flat.sum(0)
        return dy @ self.weights[0].T


class Conv2D(Layer):
    def __init__(self, cin, cout, kernel, stride=1, pad=0, is_first=False):
        self.weights, self.is_first = (_drawn(kernel, kernel, cin, cout), _zeros(cout)), is_first
        self.params = {"kernel": kernel, "stride": stride, "pad": pad}

    def forward(self, x, training):
        self.x, self.params["size"] = x, x.shape[1]
        return by.conv2d(self.params, x, *self.weights)

    def backward(self, dy):
        dw, db = by.conv2d_grad_kernel(self.params, self.x, dy)
        self.gradients = dw.reshape(self.weights[0].shape), db
        return None if self.is_first else by.conv2d_grad_input(self.params, dy, self.weights[0])


class ReLU(Layer):
    def forward(self, x, training):
        self.y = np.maximum(x, 0)
        return self.y

    def backward(self, dy):
        return dy * (self.y > 0)


class MaxPool(Layer):
    def __init__(self):
        self.params = {"window": 2, "stride": 2}

    def forward(self, x, training):
        self.x = x
        return by.max_pool(self.params, x)

    def backward(self, dy):
        return by.max_pool_grad(self.params, dy, self.x)


class Flatten(Layer):
    def forward(self, x, training):
        self.shape = x.shape
        return x.reshape(len(x), -1)

    def backward(self, dy):
        return dy.reshape(self.shape)


class Dropout(Layer):
    random = np.random.default_rng(0)

    def forward(self, x, training):
        self.factor = (self.random.random(x.shape, "float32") < 0.5) * np.float32(2) if training else 1
        return x * self.factor

    def backward(self, dy):
        return dy * self.factor


class Norm(Layer):
    """Batch normalization (axis 0) or layer normalization (axis 1) of rows of channels."""

    def __init__(self, channels, axis):
        self.weights, self.axis = (np.ones(channels, "float32"), _zeros(channels)), axis
        self.mean, self.variance = _zeros(channels), np.ones(channels, "float32")

    def forward(self, x, training):
        rows = x.reshape(-1, x.shape[-1])
        if self.axis == 0 and not training:
            scale = self.weights[0] / np.sqrt(self.variance + 1e-3)
            return x * scale + (self.weights[1] - self.mean * scale)
        self.z, self.inverse = by.normalized(rows, self.axis)
        if self.axis == 0:
            self.mean += 0.01 * (rows.mean(0) - self.mean)
            self.variance += 0.01 * (1 / self.inverse[0] ** 2 - 1e-3 - self.variance)
        return (self.z * self.weights[0] + self.weights[1]).reshape(x.shape)

    def backward(self, dy):
        rows = dy.reshape(-1, dy.shape[-1])
        dx, *self.gradients = by.norm_gradients(self.z, self.inverse, self.weights[0], rows, self.axis)
        return dx.reshape(dy.shape)


class Mean(Layer):
    """Over all axes between the first and the last."""

    def forward(self, x, training):
        self.shape = x.shape
        return x.reshape(len(x), -1, x.shape[-1]).mean(1)

    def backward(self, dy):
        count = np.prod(self.shape[1:-1])
        spread = (dy / np.float32(count)).reshape(len(dy), *[1] * (len(self.shape) - 2), -1)
        return np.broadcast_to(spread, self.shape)


class Embedding(Layer):
    def __init__(self, words, width):
        self.weights = (np.random.default_rng(0).uniform(-0.05, 0.05, (words, width)).astype("float32"),)

    def forward(self, x, training):
        self.x = x
        return self.weights[0][x]

    def backward(self, dy):
        self.gradients = (by.take_grad({"words": len(self.weights[0])}, dy, self.x),)


class LSTM(Layer):
    """The last state."""

    def __init__(self, inputs, units):
        self.weights = _drawn(inputs, 4 * units), _drawn(units, 4 * units), _zeros(4 * units)

    def forward(self, x, training):
        self.x, self.states = x, by.lstm_states(x, *self.weights)
        return self.states[0][:, -1]

    def backward(self, dy):
        spread = np.zeros_like(self.states[0])
        spread[:, -1] = dy
        dx, *self.gradients = by.lstm_gradients(self.x, *self.weights[:2], *self.states, spread)
        return dx


class Attention(Layer):
    """Self-attention of `heads` heads, with its four projections."""

    def __init__(self, width, heads):
        self.heads, self.projections = heads, [Dense(width, width) for _ in range(4)]

    def parts(self):
        return self.projections

    def _split(self, x):
        return x.reshape(*x.shape[:2], self.heads, -1).transpose(0, 2, 1, 3)

    def _joined(self, x):
        x = x.transpose(0, 2, 1, 3)
        return x.reshape(*x.shape[:2], -1)

    def forward(self, x, training):
        self.flows = [self._split(layer.forward(x, training)) for layer in self.projections[:3]]
        self.attention = by.attention_weights(*self.flows[:2])
        return self.projections[3].forward(self._joined(self.attention @ self.flows[2]), training)

    def backward(self, dy):
        found = by.attention_gradients(self.attention, *self.flows, self._split(self.projections[3].backward(dy)))
        return sum(layer.backward(self._joined(d)) for layer, d in zip(self.projections[:3], found, strict=True))


class Chain(Layer):
    def __init__(self, *layers):
        self.layers = layers

    def parts(self):
        return [part for layer in self.layers for part in layer.parts()]

    def forward(self, x, training):
        return functools.reduce(lambda value, layer: layer.forward(value, training), self.layers, x)

    def backward(self, dy):
        return functools.reduce(lambda value, layer: layer.backward(value), self.layers[::-1], dy)


class Sum(Layer):
    """`first(x) + second(x)`; an empty chain is x itself."""

    def __init__(self, first, second):
        self.both = first, second

    def parts(self):
        return [part for layer in self.both for part in layer.parts()]

    def forward(self, x, training):
        return self.both[0].forward(x, training) + self.both[1].forward(x, training)

    def backward(self, dy):
        return self.both[0].backward(dy) + self.both[1].backward(dy)


def _resnet():
    layers, before = [Conv2D(3, 16, 3, 1, 1, is_first=True), Norm(16, 0), ReLU()], 16
    for stage, channels in enumerate((16, 32, 64)):
        for block in range(3):
            stride = 2 if stage and not block else 1
            first = Conv2D(before, channels, 3, stride, 1), Norm(channels, 0), ReLU()
            whole = Chain(*first, Conv2D(channels, channels, 3, 1, 1), Norm(channels, 0))
            shortcut = Chain(Conv2D(before, channels, 1, 2), Norm(channels, 0)) if stride == 2 else Chain()
            layers += [Sum(whole, shortcut), ReLU()]
            before = channels
    return [*layers, Mean(), Dense(64, 10)]


def _encoder():
    wide = Chain(Dense(64, 256, relu=True), Dense(256, 64))
    return [Sum(Attention(64, 4), Chain()), Norm(64, 1), Sum(wide, Chain()), Norm(64, 1)]


# The layers of each row; they give logits.
NETWORKS = {
    "tiny": lambda: [Dense(4, 16, relu=True), Dense(16, 1)],
    "mlp": lambda: [Dense(784, 128, relu=True), Dense(128, 64, relu=True), Dense(64, 10)],
    "cnn": lambda: [
        Conv2D(1, 32, 3, is_first=True), ReLU(), MaxPool(), Conv2D(32, 64, 3), ReLU(), MaxPool(), Flatten(), Dropout(),
        Dense(1600, 10),
    ],
    "resnet": _resnet,
    "lstm": lambda: [Embedding(ROWS["lstm"].words, 128), LSTM(128, 64), Dense(64, 1)],
    "tfm": lambda: [Embedding(ROWS["tfm"].words, 64), *_encoder(), *_encoder(), Mean(), Dense(64, 2)],
}  # fmt: skip


class NumPy:
    """A contender: a training loop by hand."""

    compiles = False

    def __init__(self, name):
        self.row = ROWS[name]
        self.x, self.y = data(name)
        self.network = Chain(*NETWORKS[name]())
        self.flat = np.concatenate([w.ravel() for part in self.network.parts() for w in part.weights])
        start = 0
        for part in self.network.parts():  # weights become views of one vector
            views = []
            for w in part.weights:
                views.append(self.flat[start : start + w.size].reshape(w.shape))
                start += w.size
            part.weights = tuple(views)
        self.gradient = np.empty_like(self.flat)
        self.update = by.adam(self.gradient, self.flat)
        self.random = np.random.default_rng(0)

    def train_on_batch(self, x, y):
        """The loss and the number of right answers."""
        logits = self.network.forward(x, True)
        if self.row.classes == 1:
            z = logits[:, 0]
            loss = float((np.maximum(z, 0) - z * y + np.log1p(np.exp(-np.abs(z)))).mean())
            right, dy = ((z > 0) == (y > 0.5)).sum(), ((by.sigmoid(z) - y) / len(y))[:, None]
        else:
            right = (logits.argmax(1) == y).sum()
            loss, dy = by.cross_entropy_fit(None, logits, y)
        self.network.backward(dy.astype("float32"))
        pieces = [g.ravel() for part in self.network.parts() for g in part.gradients]
        np.concatenate(pieces, out=self.gradient)
        self.update()
        return float(loss), int(right)

    def epoch(self):
        order, total, right, size = self.random.permutation(self.row.rows), 0.0, 0, self.row.batch_size
        for start in range(0, self.row.rows, size):
            rows = order[start : start + size]
            loss, hits = self.train_on_batch(self.x[rows], self.y[rows])
            total += loss * len(rows)
            right += hits
        return total / self.row.rows

    def call(self, x):
        logits = self.network.forward(x, False)
        return by.sigmoid(logits) if self.row.classes == 1 else by.softmax(None, logits)

    def predict(self, x, batch_size):
        return np.concatenate([self.call(x[start : start + batch_size]) for start in range(0, len(x), batch_size)])
