"""The benchmarks' contenders do the same work, and their report can be made."""

import numpy as np
import pytest

from benchmarks import pairs, report
from benchmarks.kernels import by_fastnn, by_numpy
from benchmarks.kernels.problems import PROBLEMS
from benchmarks.models.networks import ROWS
from benchmarks.models.numpy_networks import NumPy

SMALLEST = {p.kind: p for p in sorted(PROBLEMS, key=lambda p: -p.bytes)}


@pytest.mark.parametrize("kind", SMALLEST)
def test_fastnn_and_numpy_solve_the_same_problem(kind):
    """The smallest problem of the kind; float32 sums in two orders."""
    ours, theirs = (module.prepare(SMALLEST[kind])[1]() for module in (by_fastnn, by_numpy))
    ours, theirs = ([np.asarray(x) for x in (y if isinstance(y, (tuple, list)) else [y])] for y in (ours, theirs))
    assert len(ours) == len(theirs)
    for actual, expected in zip(ours, theirs, strict=True):
        expected = expected.reshape(actual.shape)
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["tiny", "mlp"])
def test_numpy_networks_learn(name):
    network = NumPy(name)
    size = ROWS[name].batch_size
    losses = [network.train_on_batch(network.x[:size], network.y[:size])[0] for _ in range(30)]
    assert losses[-1] < losses[0]


def test_a_ratio_is_taken_within_a_round():
    found = pairs.summary([1.0, 10.0, 2.0], [2.0, 10.0, 6.0])
    assert (found["ratio"], found["low"], found["high"]) == (2.0, 1.0, 3.0)


def test_contenders_alternate_and_the_missing_are_named():
    calls = []

    def absent():
        raise pairs.Missing("not installed")

    contenders = {"a": lambda: calls.append("a"), "b": lambda: calls.append("b"), "c": absent}
    results, missing = pairs.alternate(contenders, 2)
    assert calls == ["a", "b", "b", "a"]
    assert (list(results), missing) == (["a", "b"], {"c": "not installed"})


def test_report_lays_runs_side_by_side():
    machine = {
        "cpu": "a CPU", "cores": 2, "memory_bytes": 2**34, "kernel_table": "avx2", "compiler": "cc", "system": "Linux",
        "python": "3.11", "numpy": "2.0", "commit": "abc",
    }  # fmt: skip

    def run(peer, missing):
        contenders = {"fastnn": pairs.summary([1.0], [1.0]), peer: pairs.summary([1.0], [2.5])}
        row = {"level": "networks", "group": "mlp", "row": "mlp", "figure": "epoch", "unit": "s", "threads": 1}
        rows = [row | {"contenders": contenders, "missing": missing}]
        measured = {"machine": machine, "flops_per_s": 1e11, "bytes_per_s": 1e10}
        return {"command": peer, "date": "today", "rounds": 1, "machine": measured, "rows": rows}

    text = report.document([run("numpy", {}), run("torch", {"jax": "not installed"})])
    assert "| numpy | **2.50** (2.50 to 2.50), 2.5 s |" in text
    assert "| torch | **2.50** (2.50 to 2.50), 2.5 s |" in text
    assert "- jax: mlp: not installed" in text
