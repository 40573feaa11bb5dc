"""Networks that no kernel was made for, written once against Keras's API: the level `others` (`others_level.py`).

Each is a function from `layers` (of fastnn or of Keras) and the input to the output, registered with the sizes of its
data and its loss. Adam, float32, random data, shuffled; labels have the shape that the output and the loss ask for.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Row:
    """One network: data of shape (rows, *shape), the batch size, the loss, the number of words where the data are
    indices, whether it learns by `train_on_batch` alone, as from a stream, and whether its function gets `ops` too."""

    output: Callable
    shape: tuple[int, ...]
    rows: int = 512
    batch_size: int = 32
    loss: str = "sparse_categorical_crossentropy"
    words: int = 0
    is_stream: bool = False
    has_ops: bool = False


ROWS = {}


def network(*shape, **fields):
    """Registers a function as the row of its name."""

    def register(output):
        ROWS[output.__name__] = Row(output, shape, **fields)
        return output

    return register


def build(name: str, k):
    """The compiled network; `k` is `fastnn` or `keras`."""
    row = ROWS[name]
    inputs = k.Input(row.shape, dtype="int32" if row.words else "float32")
    model = k.Model(inputs, row.output(k.layers, inputs, *([k.ops] if row.has_ops else [])))
    model.compile("adam", row.loss)
    return model


def data(name: str, output_shape) -> tuple[np.ndarray, np.ndarray]:
    """`x` float32 uniform in [0, 1) or int32 indices of words; labels for outputs of shape (None, ...)."""
    row, rng = ROWS[name], np.random.default_rng(0)
    shape = (row.rows, *row.shape)
    x = rng.integers(0, row.words, shape, "int32") if row.words else rng.random(shape, "float32")
    if row.loss == "sparse_categorical_crossentropy":
        return x, rng.integers(0, output_shape[-1], (row.rows, *output_shape[1:-1]))
    y = rng.random((row.rows, *output_shape[1:]), "float32")
    return x, np.round(y) if row.loss == "binary_crossentropy" else y


def _classes(layers, x, count=10):
    return layers.Dense(count, activation="softmax")(x)


# ---- dense layers ----


@network(784, rows=8192, batch_size=128, loss="mse")
def autoencoder(layers, x):
    for units in (512, 32, 512):
        x = layers.Dense(units, activation="relu")(x)
    return layers.Dense(784, activation="sigmoid")(x)


@network(32, rows=8192, batch_size=64, loss="mse")
def deep(layers, x):
    for _ in range(12):
        x = layers.Dense(64, activation="tanh")(x)
    return layers.Dense(1)(x)


@network(256, rows=1024, batch_size=64)
def wide(layers, x):
    for _ in range(2):
        x = layers.Dense(2048, activation="relu")(x)
    return _classes(layers, x)


@network(100, rows=8192, batch_size=128)
def normalized(layers, x):
    for _ in range(3):
        x = layers.LeakyReLU()(layers.BatchNormalization()(layers.Dense(128)(x)))
        x = layers.Dropout(0.2)(x)
    return _classes(layers, x)


@network(2, rows=16_384, batch_size=256, loss="binary_crossentropy", words=20_000)
def recommender(layers, x):
    """A user and an article, a table for each."""
    x = layers.Concatenate()([layers.Embedding(20_000, 32)(x[:, 0]), layers.Embedding(20_000, 32)(x[:, 1])])
    return layers.Dense(1, activation="sigmoid")(layers.Dense(64, activation="relu")(x))


@network(8, rows=2048, batch_size=64, loss="mse", is_stream=True)
def dqn(layers, x):
    for _ in range(2):
        x = layers.Dense(128, activation="relu")(x)
    return layers.Dense(4)(x)


@network(16, 99, rows=2048, batch_size=256, loss="mse", has_ops=True)
def nerf(layers, x, ops):
    """Colours and densities of places on a ray, each seen through those before it."""
    y = x
    for _ in range(3):
        y = layers.Dense(64, activation="relu")(y)
    y = layers.Dense(4)(layers.Dense(64, activation="relu")(layers.Concatenate()([y, x])))
    alpha = 1.0 - ops.exp(-0.2 * ops.relu(y[..., 3]))
    weights = alpha * ops.cumprod(1.0 - alpha + 1e-10, axis=-1)
    return ops.sum(ops.expand_dims(weights, -1) * ops.sigmoid(y[..., :3]), axis=-2)


@network(1, rows=1300, batch_size=256, words=2708, has_ops=True)
def graph(layers, x, ops):
    """Nodes of a fixed graph, which are all computed for any of them."""
    rng = np.random.default_rng(1)
    features, (to, of) = rng.random((2708, 256), "float32"), rng.integers(0, 2708, (2, 5429), "int32")

    class Nodes(layers.Layer):
        def __init__(self):
            super().__init__()
            self.first = layers.Dense(32, activation="gelu")
            self.messages = [layers.Dense(32, activation="gelu") for _ in range(2)]
            self.updates = [layers.Dense(32, activation="gelu") for _ in range(2)]

        def call(self, index):
            x = self.first(ops.convert_to_tensor(features))
            for message, update in zip(self.messages, self.updates, strict=True):
                sums = ops.segment_sum(message(ops.take(x, of, axis=0)), to, num_segments=2708)
                x = x + update(ops.concatenate([x, sums], axis=1))
            return ops.take(x, index, axis=0)

    return _classes(layers, Nodes()(x[:, 0]), 7)


# ---- images ----


@network(28, 28, 1, rows=2048, batch_size=64)
def lenet(layers, x):
    for channels in (6, 16):
        x = layers.AveragePooling2D(2)(layers.Conv2D(channels, 5, padding="same", activation="tanh")(x))
    x = layers.Flatten()(x)
    for units in (120, 84):
        x = layers.Dense(units, activation="tanh")(x)
    return _classes(layers, x)


@network(32, 32, 3)
def vgg(layers, x):
    for channels in (32, 64, 128):
        for _ in range(2):
            x = layers.Conv2D(channels, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D(2)(x)
    x = layers.Dropout(0.5)(layers.Dense(256, activation="relu")(layers.Flatten()(x)))
    return _classes(layers, x)


def _convolution(layers, x, channels, size=1, strides=1, activation="relu"):
    """Convolution (depthwise where `channels` is None), batch normalization, activation."""
    if channels is None:
        x = layers.DepthwiseConv2D(size, strides=strides, padding="same", use_bias=False)(x)
    else:
        x = layers.Conv2D(channels, size, strides=strides, padding="same", use_bias=False)(x)
    return layers.Activation(activation)(layers.BatchNormalization()(x))


@network(64, 64, 3)
def mobilenet(layers, x):
    x = _convolution(layers, x, 16, 3, 2, "relu6")
    for channels, strides in ((32, 1), (64, 2), (64, 1), (128, 2), (128, 1)):
        x = _convolution(layers, x, None, 3, strides, "relu6")
        x = _convolution(layers, x, channels, activation="relu6")
    return _classes(layers, layers.GlobalAveragePooling2D()(x))


@network(48, 48, 3)
def efficientnet(layers, x):
    """Inverted bottlenecks with squeeze and excitation."""
    x = _convolution(layers, x, 16, 3, 2, "silu")
    for channels, strides in ((16, 1), (24, 2), (24, 1), (40, 2)):
        wide = 4 * x.shape[-1]
        y = _convolution(layers, x, wide, activation="silu")
        y = _convolution(layers, y, None, 3, strides, "silu")
        gate = layers.Conv2D(wide // 16, 1, activation="silu")(layers.GlobalAveragePooling2D(keepdims=True)(y))
        y = layers.Multiply()([y, layers.Conv2D(wide, 1, activation="sigmoid")(gate)])
        y = _convolution(layers, y, channels, activation="linear")
        x = layers.Add()([x, y]) if x.shape == y.shape else y
    return _classes(layers, layers.GlobalAveragePooling2D()(x))


@network(64, 64, 3, batch_size=16)
def bottleneck(layers, x):
    """The beginning of ResNet-50."""
    x = layers.MaxPooling2D(3, strides=2, padding="same")(_convolution(layers, x, 64, 7, 2))
    for channels, strides in ((64, 1), (64, 1), (128, 2), (128, 1)):
        y = _convolution(layers, _convolution(layers, x, channels, 1, strides), channels, 3)
        y = _convolution(layers, y, 4 * channels, activation="linear")
        if x.shape != y.shape:
            x = _convolution(layers, x, 4 * channels, 1, strides, "linear")
        x = layers.ReLU()(layers.Add()([x, y]))
    return _classes(layers, layers.GlobalAveragePooling2D()(x))


@network(32, 32, 3)
def convmixer(layers, x):
    """Large depthwise kernels, normalized after the activation."""

    def normalized(x):
        return layers.BatchNormalization()(layers.Activation("gelu")(x))

    x = normalized(layers.Conv2D(128, 2, strides=2)(x))
    for _ in range(3):
        x = layers.Add()([normalized(layers.DepthwiseConv2D(5, padding="same")(x)), x])
        x = normalized(layers.Conv2D(128, 1)(x))
    return _classes(layers, layers.GlobalAveragePooling2D()(x))


@network(32, 32, 3)
def densenet(layers, x):
    x = layers.Conv2D(24, 3, padding="same")(x)
    for _ in range(2):
        for _ in range(3):
            y = layers.ReLU()(layers.BatchNormalization()(x))
            x = layers.Concatenate()([x, layers.Conv2D(12, 3, padding="same", use_bias=False)(y)])
        x = layers.AveragePooling2D(2)(layers.Conv2D(32, 1)(x))
    return _classes(layers, layers.GlobalAveragePooling2D()(x))


@network(32, 32, 3)
def separable(layers, x):
    """Group and layer normalization, separable and grouped convolutions."""
    x = layers.Activation("silu")(layers.GroupNormalization(8)(layers.Conv2D(32, 3, padding="same")(x)))
    x = layers.LayerNormalization()(layers.SeparableConv2D(64, 3, padding="same")(x))
    x = layers.AveragePooling2D(2)(layers.Activation("gelu")(x))
    x = layers.Conv2D(64, 3, groups=4, padding="same", activation="elu")(x)
    return _classes(layers, layers.GlobalMaxPooling2D()(x))


@network(64, 64, 1, batch_size=16, loss="binary_crossentropy")
def unet(layers, x):
    def convolution(x, channels, activation="relu"):
        return layers.Conv2D(channels, 3, padding="same", activation=activation)(x)

    fine = convolution(x, 16)
    middle = convolution(layers.MaxPooling2D(2)(fine), 32)
    x = convolution(layers.MaxPooling2D(2)(middle), 64)
    x = convolution(layers.Concatenate()([layers.UpSampling2D(2)(x), middle]), 32)
    x = layers.Conv2DTranspose(16, 2, strides=2, activation="relu")(x)
    return convolution(layers.Concatenate()([x, fine]), 1, "sigmoid")


@network(28, 28, 1, rows=1024, batch_size=64, loss="mse")
def vae(layers, x):
    """An encoder by strides, noise, a decoder by transposed convolutions."""
    for channels in (32, 64):
        x = layers.Conv2D(channels, 3, strides=2, padding="same", activation="relu")(x)
    x = layers.GaussianNoise(1.0)(layers.Dense(16)(layers.Flatten()(x)))
    x = layers.Reshape((7, 7, 64))(layers.Dense(7 * 7 * 64, activation="relu")(x))
    for channels in (64, 32):
        x = layers.Conv2DTranspose(channels, 3, strides=2, padding="same", activation="relu")(x)
    return layers.Conv2D(1, 3, padding="same", activation="sigmoid")(x)


@network(32, batch_size=64, loss="binary_crossentropy")
def dcgan(layers, x):
    """A generator and a discriminator, in one."""
    x = layers.Reshape((7, 7, 64))(layers.LeakyReLU()(layers.BatchNormalization()(layers.Dense(7 * 7 * 64)(x))))
    x = layers.Conv2DTranspose(32, 5, strides=2, padding="same", use_bias=False)(x)
    x = layers.LeakyReLU()(layers.BatchNormalization()(x))
    x = layers.Conv2DTranspose(1, 5, strides=2, padding="same", activation="tanh")(x)
    for channels in (32, 64):
        x = layers.LeakyReLU()(layers.Conv2D(channels, 5, strides=2, padding="same")(x))
        x = layers.Dropout(0.3)(x)
    return layers.Dense(1, activation="sigmoid")(layers.Flatten()(x))


@network(16, 16, 16, 1)
def volumes(layers, x):
    x = layers.MaxPooling3D(2)(layers.Conv3D(16, 3, activation="relu")(x))
    x = layers.Conv3D(32, 3, activation="relu")(x)
    return _classes(layers, layers.GlobalAveragePooling3D()(x))


# ---- sequences ----


@network(256, 8, rows=1024, batch_size=64)
def signal(layers, x):
    x = layers.MaxPooling1D(2)(layers.Conv1D(32, 5, activation="relu")(x))
    x = layers.Conv1D(64, 5, activation="relu")(x)
    return _classes(layers, layers.GlobalMaxPooling1D()(x))


@network(128, 4, loss="mse")
def wavenet(layers, x):
    """Causal convolutions, each with twice the dilation of the last."""
    for dilation in (1, 2, 4, 8):
        y = x
        for _ in range(2):
            y = layers.Conv1D(32, 3, padding="causal", dilation_rate=dilation, activation="relu")(y)
        x = layers.Add()([layers.Conv1D(32, 1)(x), y])
    return layers.Dense(1)(x)


@network(100, 8, loss="mse")
def gru(layers, x):
    return layers.Dense(1)(layers.GRU(32)(layers.GRU(32, return_sequences=True)(x)))


@network(80, words=5000)
def bilstm(layers, x):
    return _classes(layers, layers.Bidirectional(layers.LSTM(32))(layers.Embedding(5000, 64, mask_zero=True)(x)), 2)


@network(60, 16, loss="mse")
def weighted_lstm(layers, x):
    """Two recurrent layers, the steps of the second weighted by their softmax."""
    x = layers.LSTM(64, return_sequences=True)(x)
    x = layers.LSTM(64, return_sequences=True, dropout=0.2)(x)
    weights = layers.Softmax(axis=1)(layers.Dense(1, activation="tanh")(x))
    return layers.Dense(1)(layers.GlobalAveragePooling1D()(layers.Multiply()([x, weights])))


@network(8, 16, 16, 1, batch_size=16)
def convlstm(layers, x):
    return _classes(layers, layers.GlobalAveragePooling2D()(layers.ConvLSTM2D(8, 3, padding="same")(x)))


@network(64, batch_size=16, words=1000)
def gpt(layers, x):
    """Two blocks that attend to what came before; the next word at each place."""
    x = layers.Embedding(1000, 128)(x)
    for _ in range(2):
        y = layers.LayerNormalization()(x)
        y = layers.MultiHeadAttention(4, 32, dropout=0.1)(y, y, use_causal_mask=True)
        x = layers.Add()([x, y])
        y = layers.Dense(512, activation="gelu")(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Dense(128)(y)])
    return _classes(layers, layers.LayerNormalization()(x), 1000)


@network(64, 64)
def mixer(layers, x):
    """Dense layers over places and over channels in turn."""

    def dense(x, units):
        return layers.Dense(64)(layers.Dense(units, activation="gelu")(x))

    for _ in range(2):
        y = layers.Permute((2, 1))(layers.LayerNormalization()(x))
        x = layers.Add()([x, layers.Permute((2, 1))(dense(y, 128))])
        x = layers.Add()([x, dense(layers.LayerNormalization()(x), 256)])
    return _classes(layers, layers.GlobalAveragePooling1D()(x))


@network(40, words=5000, has_ops=True)
def fnet(layers, x, ops):
    """Fourier transforms over places and channels in place of attention."""
    x = layers.Embedding(5000, 128)(x)
    for _ in range(2):
        x = layers.LayerNormalization()(layers.Add()([x, ops.fft2((x, ops.zeros_like(x)))[0]]))
        y = layers.Dense(128)(layers.Dense(256, activation="relu")(x))
        x = layers.LayerNormalization()(layers.Add()([x, y]))
    return _classes(layers, layers.GlobalAveragePooling1D()(x), 2)


@network(40, rows=256, words=3000)
def translation(layers, x):
    """20 words, and 20 of another language, each from those before and what it attends to; 0 is no word."""
    words = [layers.Embedding(3000, 64, mask_zero=True)(part) for part in (x[:, :20], x[:, 20:])]
    read, *state = layers.LSTM(128, return_sequences=True, return_state=True)(words[0])
    written = layers.LSTM(128, return_sequences=True)(words[1], initial_state=state)
    return _classes(layers, layers.Concatenate()([written, layers.Attention()([written, read])]), 3000)
