"""Windows of series: which they are, by their definition, and that models take them."""

import inspect

import keras
import numpy as np
import pytest

import fastnn
from fastnn.utils import timeseries_dataset_from_array

SERIES = np.arange(60).reshape(30, 2)
TARGETS = np.arange(30) * 10


def windows(length, stride=1, rate=1, start=0, stop=30, count=None):
    """(windows, targets), one by one."""
    found, goals = [], []
    part, aims = SERIES[start:stop], TARGETS[start:stop]
    for begin in range(0, len(part), stride):
        if begin + (length - 1) * rate < len(part):
            found.append([part[begin + k * rate] for k in range(length)])
            goals.append(aims[begin])
    return np.array(found), np.array(goals)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"sequence_stride": 3},
        {"sampling_rate": 4},
        {"sequence_stride": 2, "sampling_rate": 3, "start_index": 2, "end_index": 28},
        {"end_index": 10},
    ],
    ids=str,
)
@pytest.mark.parametrize("batch_size", [4, 128])
def test_windows(arguments, batch_size):
    dataset = timeseries_dataset_from_array(SERIES, TARGETS, 5, batch_size=batch_size, **arguments)
    expected = windows(
        5, arguments.get("sequence_stride", 1), arguments.get("sampling_rate", 1), arguments.get("start_index", 0),
        arguments.get("end_index", 30),
    )  # fmt: skip
    batches = list(dataset)
    assert len(batches) == len(dataset) == -(-len(expected[0]) // batch_size)
    for k, parts in enumerate(zip(*batches, strict=True)):
        np.testing.assert_array_equal(np.concatenate(parts), expected[k])
    alone = timeseries_dataset_from_array(SERIES, None, 5, batch_size=None, **arguments)
    np.testing.assert_array_equal(list(alone), expected[0])


def test_fewer_targets_than_windows():
    batches = list(timeseries_dataset_from_array(SERIES, TARGETS[4:10], 5))
    assert batches[0][0].shape == (6, 5, 2) and batches[0][1].tolist() == TARGETS[4:10].tolist()


def test_shuffling_keeps_pairs():
    dataset = timeseries_dataset_from_array(SERIES, TARGETS, 5, shuffle=True, seed=1, batch_size=7)
    passes = [np.concatenate([y for _, y in dataset]) for _ in range(2)]
    assert sorted(passes[0]) == sorted(passes[1]) == TARGETS[:26].tolist() and (passes[0] != passes[1]).any()
    for x, y in dataset:
        np.testing.assert_array_equal(x[:, 0, 0] * 5, y)


def test_a_model_takes_them():
    series = np.sin(np.arange(80) / 4).astype("float32")[:, None]
    dataset = timeseries_dataset_from_array(series[:-4], series[4:, 0], 4, batch_size=16, shuffle=True, seed=0)
    model = fastnn.Sequential([fastnn.Input((4, 1)), fastnn.layers.Flatten(), fastnn.layers.Dense(1)])
    model.compile(fastnn.optimizers.Adam(0.05), "mse")
    losses = model.fit(dataset, epochs=30, verbose=0).history["loss"]
    assert losses[-1] < 0.01 < losses[0]


@pytest.mark.parametrize(
    "arguments",
    [
        {"start_index": -1},
        {"start_index": 30},
        {"end_index": 30},
        {"end_index": -2},
        {"start_index": 5, "end_index": 4},
        {"sampling_rate": 0},
        {"sampling_rate": 30},
        {"sequence_stride": 0},
        {"sequence_stride": 30},
        {"format": "torch"},
    ],
    ids=str,
)
def test_errors_are_keras_s(arguments):
    for k in (keras, fastnn):
        with pytest.raises(ValueError, match=r"."):
            k.utils.timeseries_dataset_from_array(SERIES, TARGETS, 5, **arguments)


@pytest.mark.parametrize(
    "name",
    [
        "array_to_img", "audio_dataset_from_directory", "image_dataset_from_directory", "img_to_array", "load_img",
        "save_img", "text_dataset_from_directory", "timeseries_dataset_from_array",
    ],
)  # fmt: skip
def test_signatures(name):
    ours, theirs = (inspect.signature(getattr(k.utils, name)) for k in (fastnn, keras))
    assert [(p.name, p.default) for p in ours.parameters.values()] == [
        (p.name, p.default) for p in theirs.parameters.values()
    ]
