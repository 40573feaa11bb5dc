"""Small models of every family of layers: each is a function of `fastnn` or `keras` that builds one and maybe compiles
it. Saving, exporting and converting run over this table.

`MODELS` maps a name to such a function; `arrays(model)` draws what the model takes, in the order of `model.inputs`.
Weights are those of the initializers: a test that compares two libraries carries them over, and `scatter(model)` moves
those that begin as zeros and ones.
"""

from functools import partial

import numpy as np

BINS = [-0.5, 0.0, 0.5]


def chain(k, shape, layers, dtype=None, **settings):
    """A Sequential model: `layers` is a function of `k.layers`, and `settings` are of `compile`."""
    model = k.Sequential([k.Input(shape, dtype=dtype), *layers(k.layers)])
    if settings:
        model.compile(**settings)
    return model


# name: (shape of a row, layers)
_FLOATS = {
    "dense": ((4,), lambda L: [L.Dense(3, activation="relu"), L.Dense(2)]),
    "dense_regularized": (
        (4,),
        lambda L: [
            L.Dense(3, kernel_regularizer="l2", bias_regularizer="l1", kernel_constraint="max_norm"),
            L.Dense(2, activation="softmax", activity_regularizer="l2", kernel_initializer="he_normal"),
        ],
    ),
    "dense_lora": ((4,), lambda L: [L.Dense(3, lora_rank=2), L.Dense(2)]),
    "einsum_dense": ((5, 4), lambda L: [L.EinsumDense("abc,cd->abd", (None, 3), bias_axes="d", activation="tanh")]),
    "activation": ((4,), lambda L: [L.Dense(3), L.Activation("gelu"), L.Activation("hard_sigmoid")]),
    "activations": (
        (4,),
        lambda L: [L.ReLU(max_value=1.5), L.LeakyReLU(0.2), L.PReLU(), L.ELU(0.7), L.Softmax()],
    ),
    "masking": ((5, 3), lambda L: [L.Masking(0.5), L.LSTM(3)]),
    "identity": ((4,), lambda L: [L.Identity(), L.ActivityRegularization(l2=0.1)]),
    "reshaping": (
        (4, 6),
        lambda L: [L.Reshape((6, 4)), L.Permute((2, 1)), L.Flatten(), L.RepeatVector(3), L.Cropping1D(1)],
    ),
    "padding1d": ((5, 3), lambda L: [L.ZeroPadding1D(2), L.UpSampling1D(2), L.Cropping1D((1, 2))]),
    "padding2d": ((5, 4, 2), lambda L: [L.ZeroPadding2D((1, 2)), L.UpSampling2D(2), L.Cropping2D(((1, 2), (0, 1)))]),
    "padding3d": ((3, 4, 3, 2), lambda L: [L.ZeroPadding3D(1), L.UpSampling3D(2), L.Cropping3D((1, 2, 1))]),
    "upsampling_bilinear": ((4, 4, 2), lambda L: [L.UpSampling2D(2, interpolation="bilinear")]),
    # convolutions and pooling
    "conv1d": ((9, 3), lambda L: [L.Conv1D(4, 3, padding="causal", dilation_rate=2), L.Conv1D(2, 2, strides=2)]),
    "conv2d": (
        (8, 7, 3),
        lambda L: [L.Conv2D(4, 3, activation="relu"), L.Conv2D(2, (2, 3), strides=2, padding="same", use_bias=False)],
    ),
    "conv2d_groups": ((6, 6, 4), lambda L: [L.Conv2D(4, 3, groups=2), L.Conv2D(3, 3, dilation_rate=2, padding="same")]),
    "conv2d_lora": ((6, 6, 2), lambda L: [L.Conv2D(3, 3, lora_rank=2)]),
    "conv3d": ((4, 5, 4, 2), lambda L: [L.Conv3D(3, 2), L.Conv3D(2, 3, strides=2, padding="same")]),
    "conv1d_transpose": ((5, 3), lambda L: [L.Conv1DTranspose(2, 3, strides=2, padding="same")]),
    "conv2d_transpose": ((4, 5, 3), lambda L: [L.Conv2DTranspose(2, 3, strides=2), L.Conv2DTranspose(1, 2)]),
    "conv3d_transpose": ((2, 3, 2, 2), lambda L: [L.Conv3DTranspose(2, 2, strides=2)]),
    "depthwise_conv1d": ((7, 3), lambda L: [L.DepthwiseConv1D(3, depth_multiplier=2)]),
    "depthwise_conv2d": ((6, 5, 3), lambda L: [L.DepthwiseConv2D(3, padding="same", depth_multiplier=2)]),
    "separable_conv1d": ((7, 3), lambda L: [L.SeparableConv1D(4, 3, activation="relu")]),
    "separable_conv2d": ((6, 5, 3), lambda L: [L.SeparableConv2D(4, 3, padding="same", strides=2)]),
    "pooling1d": ((8, 3), lambda L: [L.MaxPooling1D(2), L.AveragePooling1D(2, strides=1, padding="same")]),
    "pooling2d": ((8, 8, 2), lambda L: [L.MaxPooling2D(2, padding="same"), L.AveragePooling2D((2, 3), strides=1)]),
    "pooling3d": ((4, 4, 4, 2), lambda L: [L.MaxPooling3D(2), L.AveragePooling3D(2)]),
    "global_average": ((5, 4, 3), lambda L: [L.GlobalAveragePooling2D(keepdims=True), L.GlobalMaxPooling2D()]),
    "global_pooling1d": ((5, 3), lambda L: [L.GlobalMaxPooling1D(keepdims=True), L.GlobalAveragePooling1D()]),
    "global_pooling3d": ((3, 4, 3, 2), lambda L: [L.GlobalAveragePooling3D(keepdims=True), L.GlobalMaxPooling3D()]),
    "adaptive_pooling": ((7, 5, 2), lambda L: [L.AdaptiveAveragePooling2D((4, 3)), L.AdaptiveMaxPooling2D(2)]),
    # normalization and regularization
    "batch_normalization": ((6, 5, 3), lambda L: [L.Conv2D(4, 3), L.BatchNormalization(momentum=0.9), L.ReLU()]),
    "batch_normalization_bare": ((4,), lambda L: [L.BatchNormalization(center=False, scale=False, epsilon=1e-2)]),
    "layer_normalization": ((5, 4), lambda L: [L.LayerNormalization(), L.LayerNormalization(axis=(1, 2))]),
    "group_normalization": ((4, 4, 6), lambda L: [L.GroupNormalization(3)]),
    "rms_normalization": ((5, 4), lambda L: [L.RMSNormalization(), L.UnitNormalization()]),
    "dropout": (
        (6, 4),
        lambda L: [L.Dropout(0.5, seed=3), L.SpatialDropout1D(0.2), L.GaussianDropout(0.3), L.GaussianNoise(0.1)],
    ),
    "alpha_dropout": ((4,), lambda L: [L.Dense(3, activation="selu"), L.AlphaDropout(0.1, seed=1)]),
    # recurrent layers
    "simple_rnn": ((5, 3), lambda L: [L.SimpleRNN(4, return_sequences=True), L.SimpleRNN(2, go_backwards=True)]),
    "lstm": ((5, 3), lambda L: [L.LSTM(4, return_sequences=True, recurrent_dropout=0.2), L.LSTM(2)]),
    "gru": ((5, 3), lambda L: [L.GRU(4, return_sequences=True), L.GRU(2, reset_after=False)]),
    "bidirectional": (
        (5, 3),
        lambda L: [L.Bidirectional(L.LSTM(3, return_sequences=True)), L.Bidirectional(L.GRU(2), merge_mode="sum")],
    ),
    "bidirectional_pair": (
        (5, 3),
        lambda L: [L.Bidirectional(L.LSTM(3), backward_layer=L.GRU(3, go_backwards=True, name="back"))],
    ),
    "stacked_cells": ((5, 3), lambda L: [L.RNN([L.LSTMCell(3), L.GRUCell(4), L.SimpleRNNCell(2)])]),
    "time_distributed": ((4, 6, 5, 2), lambda L: [L.TimeDistributed(L.Conv2D(3, 2)), L.TimeDistributed(L.Flatten())]),
    "conv_lstm1d": ((3, 6, 2), lambda L: [L.ConvLSTM1D(3, 2, padding="same")]),
    "conv_lstm2d": ((3, 5, 4, 2), lambda L: [L.ConvLSTM2D(2, 2, return_sequences=True), L.ConvLSTM2D(2, 2)]),
    "conv_lstm3d": ((2, 3, 3, 3, 1), lambda L: [L.ConvLSTM3D(2, 2)]),
    # preprocessing
    "rescaling": ((4, 4, 3), lambda L: [L.Rescaling(1 / 255, offset=-0.5), L.Conv2D(2, 3)]),
    "normalization": ((4,), lambda L: [L.Normalization(mean=[1.0, 2, 3, 4], variance=[1.0, 4, 9, 16]), L.Dense(2)]),
    "discretization": ((4,), lambda L: [L.Discretization(BINS, output_mode="int")]),
    "resizing": ((6, 5, 3), lambda L: [L.Resizing(4, 4), L.CenterCrop(2, 3)]),
    "augmentation": (
        (6, 6, 3),
        lambda L: [
            L.RandomFlip(seed=1),
            L.RandomRotation(0.1),
            L.RandomZoom(0.2),
            L.RandomTranslation(0.1, 0.1),
            L.RandomContrast(0.3),
            L.RandomBrightness(0.2, value_range=(-3, 3)),
            L.Conv2D(2, 3),
        ],
    ),
    "spectrogram": ((64, 1), lambda L: [L.STFTSpectrogram(frame_length=16, frame_step=8, fft_length=16)]),
}

# name: (shape of a row, dtype, layers)
_INTEGERS = {
    "embedding": ((5,), "int32", lambda L: [L.Embedding(6, 3), L.GlobalAveragePooling1D(), L.Dense(2)]),
    "embedding_masked": ((5,), "int32", lambda L: [L.Embedding(6, 3, mask_zero=True), L.GRU(4), L.Dense(1)]),
    "embedding_lora": ((5,), "int32", lambda L: [L.Embedding(6, 3, lora_rank=2)]),
    "category_encoding": ((5,), "int32", lambda L: [L.CategoryEncoding(6, output_mode="multi_hot"), L.Dense(2)]),
    "bytes_of_images": ((6, 6, 3), "uint8", lambda L: [L.Rescaling(1 / 127.5, -1), L.Conv2D(2, 3), L.Flatten()]),
}


def branches(k):
    """Two inputs, a shared layer, every merge, two outputs, an operator on the way."""
    a, b = k.Input((4,), name="a"), k.Input((4,), name="b")
    shared = k.layers.Dense(3, name="shared")
    pair = [shared(a), shared(b)]
    merged = [getattr(k.layers, name)()(pair) for name in ("Add", "Average", "Maximum", "Minimum", "Multiply")]
    total = k.layers.Concatenate()([*merged, k.layers.Subtract()(pair), a * 2 + 1])
    model = k.Model({"a": a, "b": b}, [k.layers.Dense(2, name="first")(total), k.layers.Dot(axes=1)(pair)])
    model.compile("adam", loss={"first": "mse", "dot": "mae"}, loss_weights={"first": 1.0, "dot": 0.5})
    return model


def named_outputs(k):
    x = k.Input((4,), name="x")
    hidden = k.layers.Dense(3, activation="tanh")(x)
    return k.Model(x, {"mean": k.layers.Dense(1, name="m")(hidden), "scale": k.ops.exp(k.layers.Dense(1)(hidden))})


def residual(k):
    x = k.Input((6, 6, 2))
    y = k.layers.Conv2D(3, 3, padding="same")(x)
    for _ in range(2):
        inner = k.layers.BatchNormalization()(k.layers.Conv2D(3, 3, padding="same", use_bias=False)(y))
        y = k.layers.add([y, k.layers.ReLU()(inner)])
    return k.Model(x, k.layers.Dense(2, activation="softmax")(k.layers.GlobalAveragePooling2D()(y)))


def nested(k):
    inner = chain(k, (4,), lambda L: [L.Dense(3, activation="relu"), L.BatchNormalization()])
    x = k.Input((4,))
    deeper = k.Model(x, k.layers.Dense(2)(inner(x)), name="deeper")
    y = k.Input((4,))
    beside = chain(k, (4,), lambda L: [L.Dense(3), L.Dense(2)])
    return k.Model(y, k.layers.Concatenate()([deeper(y), beside(y), deeper(y * 2)]))


def encoder(k):
    """A block of a transformer, on token numbers."""
    tokens = k.Input((5,), dtype="int32")
    x = k.layers.Embedding(7, 8)(tokens)
    attended = k.layers.MultiHeadAttention(num_heads=2, key_dim=4)(x, x, use_causal_mask=True)
    x = k.layers.LayerNormalization()(x + attended)
    x = k.layers.LayerNormalization()(x + k.layers.Dense(8)(k.layers.Dense(16, activation="gelu")(x)))
    return k.Model(tokens, k.layers.Dense(7)(x))


def grouped_attention(k):
    query, value = k.Input((4, 6)), k.Input((5, 6))
    return k.Model(
        [query, value], k.layers.GroupQueryAttention(3, num_query_heads=4, num_key_value_heads=2)(query, value)
    )


def dot_attention(k):
    query, value = k.Input((4, 6)), k.Input((5, 6))
    one = k.layers.Attention(use_scale=True, score_mode="concat")([query, value])
    return k.Model([query, value], k.layers.Concatenate()([one, k.layers.AdditiveAttention()([query, value])]))


def recurrent_states(k):
    """An encoder and a decoder: states go from one layer into another."""
    source, target = k.Input((5, 3)), k.Input((4, 2))
    _, h, c = k.layers.LSTM(3, return_state=True)(source)
    decoded = k.layers.LSTM(3, return_sequences=True)(target, initial_state=[h, c])
    return k.Model([source, target], k.layers.TimeDistributed(k.layers.Dense(2))(decoded))


def operations(k):
    """Operators, slices and functions of `ops` between layers."""
    x = k.Input((4, 3))
    y = k.ops.transpose(x, (0, 2, 1))[:, 1:, ::2]
    y = k.ops.concatenate([k.ops.relu(y), -y, k.ops.sqrt(k.ops.abs(y) + 1.0)], axis=1)
    y = k.ops.matmul(y, k.ops.ones((2, 3))) / 2.0
    return k.Model(x, [k.ops.mean(y, axis=1), k.ops.reshape(y, (-1, 18)) ** 2])


def reversible_embedding(k):
    tokens = k.Input((5,), dtype="int32")
    embedding = k.layers.ReversibleEmbedding(6, 3)
    return k.Model(tokens, embedding(k.layers.Dense(3)(embedding(tokens)), reverse=True))


def named_layers_of_a_kind(k):
    """More than ten layers of a class, with names of their own: order must not be that of letters."""
    x = y = k.Input((3,))
    for name in "lkjihgfedcba":
        y = k.layers.Dense(3, name=name)(y)
    return k.Model(x, y, name="alphabet")


def frozen(k):
    model = chain(k, (4,), lambda L: [L.Dense(3), L.BatchNormalization(), L.Dense(2)], optimizer="sgd", loss="mse")
    model.layers[0].trainable = model.layers[1].trainable = False
    return model


def mixed_precision(k):
    return chain(k, (4,), lambda L: [L.Dense(3, dtype="mixed_float16"), L.Dense(2, dtype="float32")])


def double_precision(k):
    return chain(k, (4,), lambda L: [L.Dense(3, dtype="float64"), L.LayerNormalization(dtype="float64")], "float64")


def channels_first(k):
    return chain(
        k,
        (2, 6, 6),
        lambda L: [
            L.Conv2D(3, 3, data_format="channels_first"),
            L.BatchNormalization(axis=1),
            L.MaxPooling2D(2, data_format="channels_first"),
            L.GlobalAveragePooling2D(data_format="channels_first"),
        ],
    )


_COMPILED = {
    "compiled_sgd": {"optimizer": lambda k: k.optimizers.SGD(0.1, momentum=0.9, nesterov=True), "loss": "mse"},
    "compiled_adam": {
        "optimizer": lambda k: k.optimizers.Adam(k.optimizers.schedules.ExponentialDecay(0.1, 10, 0.5), clipnorm=1.0),
        "loss": lambda k: k.losses.Huber(0.5),
        "metrics": lambda k: ["mae", k.metrics.RootMeanSquaredError(name="rms")],
    },
    "compiled_adamw": {
        "optimizer": lambda k: k.optimizers.AdamW(1e-2, weight_decay=0.1, use_ema=True),
        "loss": lambda k: k.losses.BinaryCrossentropy(from_logits=True, label_smoothing=0.1),
        "metrics": lambda k: ["accuracy"],
        "weighted_metrics": lambda k: [k.metrics.AUC(num_thresholds=10)],
    },
    "compiled_rmsprop": {
        "optimizer": lambda k: k.optimizers.RMSprop(k.optimizers.schedules.CosineDecay(0.1, 20), centered=True),
        "loss": "categorical_crossentropy",
        "metrics": lambda k: ["categorical_accuracy", k.metrics.TopKCategoricalAccuracy(1)],
    },
}


def compiled(k, settings):
    made = {name: value(k) if callable(value) else value for name, value in settings.items()}
    return chain(k, (4,), lambda L: [L.Dense(3, activation="relu"), L.Dense(2)], **made)


_FUNCTIONS = (
    branches, named_outputs, residual, nested, encoder, grouped_attention, dot_attention, recurrent_states, operations,
    reversible_embedding, named_layers_of_a_kind, frozen, mixed_precision, double_precision, channels_first,
)  # fmt: skip

MODELS = {
    **{name: partial(chain, shape=shape, layers=layers) for name, (shape, layers) in _FLOATS.items()},
    **{name: partial(chain, shape=s, layers=layers, dtype=d) for name, (s, d, layers) in _INTEGERS.items()},
    **{function.__name__: function for function in _FUNCTIONS},
    **{name: partial(compiled, settings=settings) for name, settings in _COMPILED.items()},
}


# How closely outputs of two libraries agree: 1e-5 where nothing is said.
RTOL = {"mixed_precision": 2e-3}  # float16: two roundings


def arrays(model, rows=2, seed=0) -> list[np.ndarray]:
    """`rows` rows of each input: normal numbers, or integers in 0..4."""
    rng = np.random.default_rng(seed)
    made = []
    for x in model.inputs:
        shape = (rows, *x.shape[1:])
        made.append(rng.normal(size=shape) if "float" in x.dtype else rng.integers(0, 5, shape))
    return [array.astype(x.dtype) for array, x in zip(made, model.inputs, strict=True)]


def scatter(model, seed=0) -> None:
    """Weights that differ from what the initializers made: a little noise on each float, above zero for variances."""
    rng = np.random.default_rng(seed)
    weights = [np.asarray(w) for w in model.get_weights()]
    model.set_weights(
        [w + rng.uniform(0.1, 0.3, w.shape).astype(w.dtype) if "float" in w.dtype.name else w for w in weights]
    )
