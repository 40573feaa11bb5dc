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
]
