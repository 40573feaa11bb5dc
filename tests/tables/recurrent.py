"""Recurrent layers."""

import numpy as np

from tests.tables import BadCase, LayerCase, rows

STEPS = rows(2, 5, 3)
MASK = np.array([[False, True, False, True, False], [True, True, True, False, False]])
STATE = rows(2, 4, seed=1)
CELL = rows(2, 4, seed=2)

LAYERS = [
    LayerCase("SimpleRNN", {"units": 4}, STEPS),
    LayerCase("SimpleRNN", {"units": 4, "return_sequences": True, "return_state": True}, STEPS),
    LayerCase("SimpleRNN", {"units": 4, "activation": "relu", "use_bias": False, "unroll": True}, STEPS),
    LayerCase("SimpleRNN", {"units": 4, "go_backwards": True, "return_sequences": True}, STEPS, {"mask": MASK}),
    LayerCase("LSTM", {"units": 4}, STEPS),
    LayerCase("LSTM", {"units": 4, "return_sequences": True, "return_state": True}, STEPS),
    LayerCase("LSTM", {"units": 4, "go_backwards": True, "return_sequences": True}, STEPS, {"mask": MASK}),
    LayerCase("LSTM", {"units": 4}, STEPS, {"initial_state": [STATE, CELL], "mask": MASK}),
    LayerCase(
        "LSTM",
        {"units": 4, "return_sequences": True, "zero_output_for_mask": True, "go_backwards": True},
        STEPS,
        {"initial_state": [STATE, CELL], "mask": MASK},
    ),
    LayerCase("LSTM", {"units": 4, "zero_output_for_mask": True}, STEPS, {"mask": MASK}),
    LayerCase("LSTM", {"units": 3, "recurrent_activation": "hard_sigmoid", "unit_forget_bias": False}, STEPS),
    LayerCase(
        "LSTM",
        {
            "units": 4, "activation": "softsign", "kernel_regularizer": "l2", "recurrent_constraint": "max_norm",
            "bias_initializer": "ones", "activity_regularizer": "l1", "return_sequences": True, "name": "l",
        },
        STEPS,
        {"mask": MASK},
    ),
    LayerCase("LSTM", {"units": 4, "use_bias": False, "unroll": True, "return_state": True}, STEPS),
    LayerCase("LSTM", {"units": 2, "dropout": 0.2, "recurrent_dropout": 0.3, "seed": 3, "use_cudnn": False}, STEPS),
    LayerCase("LSTM", {"units": 17, "return_sequences": True}, rows(3, 4, 2)),
    LayerCase("GRU", {"units": 4}, STEPS),
    LayerCase("GRU", {"units": 4, "return_sequences": True, "return_state": True}, STEPS, {"mask": MASK}),
    LayerCase("GRU", {"units": 4, "go_backwards": True}, STEPS, {"initial_state": STATE, "mask": MASK}),
    LayerCase("GRU", {"units": 4, "reset_after": False, "return_sequences": True}, STEPS, {"mask": MASK}),
    LayerCase("GRU", {"units": 4, "use_bias": False, "dropout": 0.5}, STEPS),
    LayerCase("GRU", {"units": 4, "activation": "relu", "recurrent_activation": "tanh", "unroll": True}, STEPS),
    LayerCase("GRU", {"units": 17, "return_sequences": True, "zero_output_for_mask": True}, STEPS, {"mask": MASK}),
    LayerCase("SimpleRNNCell", {"units": 4}, STEPS[:, 0], {"states": STATE}),
    LayerCase("SimpleRNNCell", {"units": 4, "activation": "relu"}, STEPS[:, 0], {"states": [STATE]}),
    LayerCase("LSTMCell", {"units": 4}, STEPS[:, 0], {"states": [STATE, CELL]}),
    LayerCase("LSTMCell", {"units": 4, "use_bias": False, "recurrent_activation": "hard_sigmoid"}, STEPS[:, 0],
              {"states": [STATE, CELL]}),
    LayerCase("GRUCell", {"units": 4}, STEPS[:, 0], {"states": STATE}),
    LayerCase("GRUCell", {"units": 4, "reset_after": False, "implementation": 1}, STEPS[:, 0], {"states": [STATE]}),
    LayerCase("RNN", lambda k: {"cell": k.layers.LSTMCell(4, name="c"), "return_state": True}, STEPS),
    LayerCase(
        "RNN",
        lambda k: {"cell": k.layers.SimpleRNNCell(4, name="c"), "return_sequences": True, "zero_output_for_mask": True},
        STEPS,
        {"mask": MASK, "initial_state": STATE},
    ),
    LayerCase("RNN", lambda k: {"cell": k.layers.GRUCell(4, name="c"), "return_sequences": True}, STEPS,
              {"mask": MASK, "initial_state": STATE}),
    LayerCase("RNN", lambda k: {"cell": stacked(k), "return_state": True, "return_sequences": True}, STEPS),
    LayerCase("RNN", lambda k: {"cell": stacked(k), "return_sequences": True}, STEPS, {"mask": MASK}),
    LayerCase("RNN", lambda k: {"cell": stacked(k), "go_backwards": True, "unroll": True}, STEPS),
    LayerCase(
        "StackedRNNCells",
        lambda k: {"cells": [k.layers.LSTMCell(4, name="a"), k.layers.SimpleRNNCell(4, name="b")]},
        STEPS[:, 0],
        {"states": [[STATE, CELL], [STATE]]},
    ),
    LayerCase("Bidirectional", lambda k: {"layer": k.layers.LSTM(4, name="l")}, STEPS),
    LayerCase(
        "Bidirectional",
        lambda k: {"layer": k.layers.LSTM(4, name="l", return_sequences=True), "merge_mode": "sum"},
        STEPS,
        {"mask": MASK},
    ),
    LayerCase(
        "Bidirectional",
        lambda k: {
            "layer": k.layers.GRU(4, name="l", return_sequences=True, return_state=True),
            "backward_layer": k.layers.SimpleRNN(
                4, name="m", return_sequences=True, return_state=True, go_backwards=True
            ),
            "merge_mode": None,
        },
        STEPS,
        {"mask": MASK, "initial_state": [STATE, CELL]},
    ),
    LayerCase(
        "Bidirectional", lambda k: {"layer": k.layers.GRU(4, name="l", return_state=True), "merge_mode": None}, STEPS
    ),
    LayerCase(
        "Bidirectional", lambda k: {"layer": k.layers.SimpleRNN(4, name="l"), "merge_mode": "mul"}, STEPS
    ),
    LayerCase(
        "Bidirectional",
        lambda k: {"layer": k.layers.LSTM(4, name="l", return_state=True), "merge_mode": "ave"},
        STEPS,
        {"initial_state": [STATE, CELL, CELL, STATE], "mask": MASK},
    ),
    LayerCase(
        "Bidirectional",
        lambda k: {"layer": k.layers.RNN(k.layers.LSTMCell(4, name="c"), name="l", return_sequences=True)},
        STEPS,
    ),
    LayerCase("TimeDistributed", lambda k: {"layer": k.layers.Dense(4, name="d")}, STEPS),
    LayerCase("TimeDistributed", lambda k: {"layer": k.layers.Conv2D(2, 3, name="d")}, rows(2, 3, 5, 6, 2)),
    LayerCase("TimeDistributed", lambda k: {"layer": k.layers.LSTM(4, name="d")}, rows(2, 3, 5, 2)),
    LayerCase("TimeDistributed", lambda k: {"layer": k.layers.Dense(4, name="d", activation="tanh")}, STEPS,
              {"mask": MASK}),
    LayerCase("ConvLSTM1D", {"filters": 2, "kernel_size": 3}, rows(2, 3, 6, 2)),
    LayerCase(
        "ConvLSTM1D",
        {"filters": 2, "kernel_size": 2, "padding": "same", "return_sequences": True, "dilation_rate": 2},
        rows(2, 5, 6, 2),
    ),
    LayerCase("ConvLSTM1D", {"filters": 2, "kernel_size": 3, "data_format": "channels_first", "return_state": True},
              rows(2, 3, 2, 6)),
    LayerCase("ConvLSTM2D", {"filters": 2, "kernel_size": (3, 2), "return_state": True}, rows(2, 3, 5, 4, 2)),
    LayerCase(
        "ConvLSTM2D",
        {
            "filters": 2, "kernel_size": 3, "strides": 2, "padding": "same", "return_sequences": True,
            "go_backwards": True, "recurrent_activation": "hard_sigmoid", "unit_forget_bias": False,
        },
        rows(2, 3, 5, 4, 2),
    ),
    LayerCase("ConvLSTM2D", {"filters": 3, "kernel_size": 2, "data_format": "channels_first", "use_bias": False},
              rows(2, 3, 2, 4, 5)),
    LayerCase("ConvLSTM2D", {"filters": 2, "kernel_size": 2, "dropout": 0.2, "recurrent_dropout": 0.1, "seed": 1},
              rows(2, 3, 4, 4, 1)),
    LayerCase("ConvLSTM3D", {"filters": 2, "kernel_size": 2}, rows(2, 2, 3, 3, 4, 1)),
]  # fmt: skip


def stacked(k):
    cells = [k.layers.LSTMCell(4, name="a"), k.layers.GRUCell(5, name="b")]
    return k.layers.StackedRNNCells(cells, name="s")


BAD = [
    BadCase("LSTM units", lambda k: k.layers.LSTM(0), "units"),
    BadCase("GRUCell units", lambda k: k.layers.GRUCell(-1), "units"),
    BadCase("LSTM ndim", lambda k: k.layers.LSTM(2)(np.ones((2, 3), "float32")), "ndim=3"),
    BadCase("LSTM use_cudnn", lambda k: k.layers.LSTM(2, use_cudnn=True)(STEPS), "use_cudnn"),
    BadCase("LSTM argument", lambda k: k.layers.LSTM(2, time_major=True), "time_major"),
    BadCase("LSTM stateful", lambda k: k.layers.LSTM(2, stateful=True)(k.Input((5, 3))), "batch size"),
    BadCase("RNN cell", lambda k: k.layers.RNN(3), "call"),
    BadCase("RNN state_size", lambda k: k.layers.RNN(k.layers.Dense(3)), "state_size"),
    BadCase("StackedRNNCells state_size", lambda k: k.layers.StackedRNNCells([k.layers.Dense(3)]), "state_size"),
    BadCase("LSTM initial_state", lambda k: k.layers.LSTM(2)(STEPS, initial_state=[STATE, STATE]), "(2, 4)"),
    BadCase("Bidirectional layer", lambda k: k.layers.Bidirectional(3), "3"),
    BadCase("Bidirectional kind", lambda k: k.layers.Bidirectional(k.layers.Dense(3)), "go_backwards"),
    BadCase(
        "Bidirectional merge_mode", lambda k: k.layers.Bidirectional(k.layers.GRU(3), merge_mode="x"), "merge mode"
    ),
    BadCase(
        "Bidirectional go_backwards",
        lambda k: k.layers.Bidirectional(k.layers.GRU(3), backward_layer=k.layers.GRU(3)),
        "go_backwards",
    ),
    BadCase(
        "Bidirectional forward go_backwards",
        lambda k: k.layers.Bidirectional(k.layers.GRU(3, go_backwards=True)),
        "go_backwards",
    ),
    BadCase(
        "Bidirectional return_sequences",
        lambda k: k.layers.Bidirectional(
            k.layers.GRU(3), backward_layer=k.layers.GRU(3, go_backwards=True, return_sequences=True)
        ),
        "return_sequences",
    ),
    BadCase("TimeDistributed layer", lambda k: k.layers.TimeDistributed(3), "3"),
    BadCase("TimeDistributed ndim", lambda k: k.layers.TimeDistributed(k.layers.Dense(3))(STEPS[0]), "(5, 3)"),
    BadCase("ConvLSTM2D kernel_size", lambda k: k.layers.ConvLSTM2D(2, 0), "kernel_size"),
    BadCase("ConvLSTM2D padding", lambda k: k.layers.ConvLSTM2D(2, 3, padding="causal"), "padding"),
    BadCase("ConvLSTM2D strides", lambda k: k.layers.ConvLSTM2D(2, 3, strides=2, dilation_rate=2), "strides"),
    BadCase("ConvLSTM2D ndim", lambda k: k.layers.ConvLSTM2D(2, 3)(STEPS), "ndim=5"),
    BadCase("ConvLSTM1D size", lambda k: k.layers.ConvLSTM1D(2, 3)(k.Input((None, None, 2))), "static"),
]
