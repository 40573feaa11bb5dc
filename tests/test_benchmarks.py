"""The benchmarks' contenders do the same work, and their report can be made."""

import argparse
import dataclasses
import re

import numpy as np
import pytest

import fastnn as k
from benchmarks import constants, goals, pairs, report
from benchmarks.calls.calls import CALLS
from benchmarks.calls.worker import Contender
from benchmarks.kernels import by_fastnn, by_numpy, level, sampled_level, worker
from benchmarks.kernels.operations import OPERATIONS
from benchmarks.kernels.problems import PROBLEMS
from benchmarks.kernels.sampled import sampled
from benchmarks.models import applications, loops, others
from benchmarks.models.networks import ROWS
from benchmarks.models.numpy_networks import NumPy

SMALLEST = {p.kind: p for p in sorted(PROBLEMS, key=lambda p: -p.bytes)}
GRADIENTS = {kind for kind in SMALLEST if kind.removesuffix("_fit") in OPERATIONS} - OPERATIONS.keys()


@pytest.mark.parametrize("kind", [kind for kind in SMALLEST if kind not in GRADIENTS])
def test_fastnn_and_numpy_solve_the_same_problem(kind):
    """The smallest problem of the kind; float32 sums in two orders."""
    problem = SMALLEST[kind]
    ours, theirs = (module.prepare(problem)[1]() for module in (by_fastnn, by_numpy))
    ours, theirs = ([np.asarray(x) for x in (y if isinstance(y, (tuple, list)) else [y])] for y in (ours, theirs))
    assert len(ours) == len(theirs)
    for actual, expected in zip(ours, theirs, strict=True):
        expected = expected.reshape(actual.shape)
        if problem.is_random:
            # Weights that are dropped add noise to each value, and little to the size of all together.
            np.testing.assert_allclose(np.linalg.norm(actual), np.linalg.norm(expected), rtol=0.01)
            continue
        np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4 * np.abs(expected).max())


OF_TEN = [call for call in CALLS if call.size == 10 and call.code["numpy"]]


@pytest.mark.parametrize("call", OF_TEN, ids=lambda call: call.name)
def test_fastnn_and_numpy_answer_the_same_call(call):
    ours, theirs = (worker.check_of(Contender(name).prepare(call)[1]()) for name in ("fastnn", "numpy"))
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * max(ours[0], 1e-3))


def test_a_seed_draws_the_same_problems_and_another_seed_others():
    first, again, others_ = ({p.name: p for p in sampled(seed)} for seed in (0, 0, 1))
    assert first == again
    drawn = {kind for kind, problem in SMALLEST.items() if not problem.is_random} - GRADIENTS - OPERATIONS.keys()
    assert {p.kind for p in first.values()} == {p.kind for p in others_.values()} == drawn
    assert {f"sampled-{p.family}" for p in first.values()} == set(sampled_level.GROUPS)
    assert len(first.keys() & others_.keys()) < len(first) / 10


def test_sets_of_arguments_take_turns():
    made, runs = [], []

    class Contender:
        @staticmethod
        def prepare(problem):
            number = len(made)
            made.append(problem)
            return lambda times: runs.append((number, times)), lambda: number

    problem = dataclasses.replace(SMALLEST["dense"], sets=3)
    run, result = worker.prepared(Contender, problem)
    run(2)
    run(2)
    assert (made, runs, result()) == ([problem] * 3, [(0, 1), (1, 1), (2, 1), (0, 1)], 0)


def test_what_misses_a_goal_is_asked_again(monkeypatch):
    """A product in which a peer was ahead, one whose share of the peak was too small, and one that reached both."""

    def take_turns(contenders, questions, rounds):
        asked.append((questions, rounds))
        answers = {"fastnn": {n: goals.BY_NAME[n].flops / share for n, (share, _) in wanted.items()}}
        answers["numpy"] = {n: answers["fastnn"][n] * ratio for n, (_, ratio) in wanted.items()}
        return {of: [{n: [answers[of][n], 1.0, 0.0, 0.0] for n in questions}] * rounds for of in contenders}, {}

    asked, names = [], [p.name for p in PROBLEMS if p.family == "gemm" and min(map(min, p.arrays)) >= 64][:3]
    wanted = dict(zip(names, ((0.95, 0.5), (0.5, 1.5), (0.95, 1.5)), strict=True))
    monkeypatch.setattr(pairs, "take_turns", take_turns)
    monkeypatch.setattr(pairs, "run", lambda *a, **k: {"flops_per_s": 1.0, "bytes_per_s": 1.0})
    options = argparse.Namespace(match="|".join(f"^{re.escape(name)}$" for name in names), budget=0.01, again=2)
    rows = {row["row"]: row for row in level.measure("gemm", ("numpy",), 1, 1, options)}
    assert asked == [(names, 1), (names[:2], 2)]
    assert [len(rows[name]["contenders"]["numpy"]["values"]) for name in names] == [3, 3, 1]
    assert [(rows[n]["share"], rows[n]["contenders"]["numpy"]["ratio"]) for n in names] == [
        pytest.approx(of) for of in wanted.values()
    ]


@pytest.mark.parametrize("name", ["tiny", "mlp"])
def test_numpy_networks_learn(name):
    network = NumPy(name)
    size = ROWS[name].batch_size
    losses = [network.train_on_batch(network.x[:size], network.y[:size])[0] for _ in range(30)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", others.ROWS)
def test_other_networks_learn(name):
    k.utils.set_random_seed(0)
    model = others.build(name, k)
    x, y = (array[:4] for array in others.data(name, model.output_shape))
    losses = [model.train_on_batch(x, y) for _ in range(9)]
    assert losses[-1] < losses[0]


@pytest.mark.parametrize("name", loops.ROWS)
def test_training_loops_of_users_own_learn(name):
    k.utils.set_random_seed(0)
    loop, contender = loops.ROWS[name](), loops.CONTENDERS["fastnn"](loops.ROWS[name])
    losses = [loop.run(contender) for _ in range(4)]
    assert losses[-1] < losses[0]


def test_applications_are_there_and_one_learns():
    assert all(hasattr(k.applications, row.application) for row in applications.ROWS.values())
    k.utils.set_random_seed(0)
    model = applications.build("mobilenet_v3_small", k)
    x, y = (array[:4] for array in applications.data("mobilenet_v3_small"))
    losses = [model.train_on_batch(x, y) for _ in range(9)]
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


def test_report_names_what_became_slower():
    def row(name, ours, before):
        contenders = {"fastnn": pairs.summary(ours, ours), "before": pairs.summary(ours, before)}
        return {"row": name, "figure": "time", "threads": 1, "contenders": contenders}

    found = report.slower_than_before(
        [row("slower", [1.0, 1.1], [0.9, 1.0]), row("one slow round", [1.0, 1.5, 1.5], [1.0, 1.0, 1.0])]
    )
    assert found[0].endswith("before: 1 of 2 figures")
    assert found[1:] == ["  slower, time, threads=1: 0.90 (0.90 to 0.91), of the best 0.90"]


def test_fastnn_of_another_commit_is_imported_from_its_folder(tmp_path, monkeypatch):
    (tmp_path / "fastnn").mkdir()
    (tmp_path / "fastnn" / "__init__.py").write_text("raise ImportError('the other one')")
    monkeypatch.setenv("BENCHMARK_BEFORE", str(tmp_path))
    program, extra = pairs.program_of(pairs.BEFORE)
    with pytest.raises(pairs.Missing, match="the other one"):
        pairs.run("benchmarks.models.worker", "tiny", program, "fit", 0, threads=1, extra=extra)


def test_a_site_that_is_no_folder_is_named(tmp_path, monkeypatch):
    monkeypatch.setenv("BENCHMARK_SITE", str(tmp_path / "none"))
    with pytest.raises(NotADirectoryError, match="BENCHMARK_SITE must name a folder"):
        pairs.run("benchmarks.models.memory", "mlp", threads=1)


def test_an_epoch_holds_little_beside_the_data_and_the_arena():
    """Measured in a process of its own, as `python -m benchmarks memory` does; the plans of all six networks are in
    `plan/test_memory.py`."""
    figures = pairs.run("benchmarks.models.memory", "mlp", threads=1)
    assert figures["data"] == 60_000 * (784 * 4 + 8)
    assert figures["state"] > 3 * 4 * (784 * 128 + 128 * 64 + 64 * 10)
    assert 0 < figures["live"] <= figures["arena"] < goals.MEMORY["arena_over_live"] * figures["live"]
    for epoch in ("first_epoch", "epoch"):
        assert figures["data"] + figures["arena"] < figures[f"{epoch}_memory"]
        assert figures[f"{epoch}_over_data_and_arena"] < goals.MEMORY[f"{epoch}_over_data_and_arena"]


def test_calls_whose_time_the_constants_are_of():
    """Also one whose result is an array of its own, not a part of the arena."""
    for run, work in (constants._product(8, 8, 8), *map(constants._pass, (64, max(constants.PASSES)))):
        assert constants.shortest(run, 1) > 0 and work[3] + work[4] > 0


def test_report_has_a_line_for_each_other_network():
    row = {"level": "others", "figure": "epoch", "unit": "s", "threads": 1, "missing": {}}
    rows = [
        row
        | {"row": name, "contenders": {"fastnn": pairs.summary([1.0], [1.0]), "jax": pairs.summary([1.0], [slower])}}
        for name, slower in (("vgg", 2.0), ("gru", 8.0))
    ]
    text = report.SECTIONS["others"][1](rows)
    assert "| vgg | 1 s | 2.00 (2.00 to 2.00) |" in text
    assert "| geometric mean |  | 4.00 |" in text


def test_report_names_the_drawn_problem_of_the_least_ratio():
    row = {"level": "sampled", "figure": "time", "unit": "s", "threads": 1, "missing": {}, "share": 0.5}
    rows = [
        row
        | {"row": name, "contenders": {"fastnn": pairs.summary([1.0], [1.0]), "torch": pairs.summary([1.0], [ratio])}}
        for name, ratio in (("dense (1, 2) to 3", 2.0), ("dense (4, 5) to 6", 0.5), ("dense (7, 8) to 9", 3.0))
    ]
    text = report.SECTIONS["sampled"][1](rows)
    assert "| dense | 3 | 50% | 2.00 | 0.50 ((4, 5) to 6) |" in text


def test_report_marks_what_misses_its_goal():
    figures = {"data": 2e6, "arena": 1.5e6, "arena_over_live": 1.5}
    figures |= {"first_epoch_over_data_and_arena": 1.26, "epoch_over_data_and_arena": 1.04}
    row = {"level": "memory", "group": "memory-mlp", "row": "mlp", "threads": 1, "missing": {}}
    rows = [
        row | {"figure": f, "unit": "" if "over" in f else "bytes", "contenders": {"fastnn": pairs.summary([v], [v])}}
        for f, v in figures.items()
    ]
    text = report.SECTIONS["memory"][1](rows)
    assert "|  | data | arena | arena / live | first epoch / (data + arena) | later epoch / (data + arena) |" in text
    assert "| mlp | 2.0 MB | 1.5 MB | 1.50 (missed) | 1.26 (missed) | 1.04 |" in text


def test_report_counts_the_rows_that_reach_a_goal():
    def row(level, name, figure, unit="s", ours=1.0, **more):
        contenders = {"fastnn": pairs.summary([ours], [ours])}
        contenders |= {peer: pairs.summary([ours], [ours * slower]) for peer, slower in more.pop("peers", {}).items()}
        return {
            "level": level,
            "row": name,
            "figure": figure,
            "unit": unit,
            "threads": 2,
            "contenders": contenders,
        } | more

    text = report.goals(
        [
            row("networks", "tiny", "epoch", peers={"torch": 50.0, "scikit-learn": 28.0, "numpy": 12.0}),
            row("networks", "mlp", "call", ours=16e-6, peers={"torch": 2.0}),
            row("kernels", "dense (128, 784) to 128", "time", share=0.9, peers={"numpy": 0.5}),
            row("kernels", "dense_grad_kernel (32, 128) to 128", "time", share=0.1, peers={"numpy": 2.0}),
            row("overheads", "tiny", "import", ours=0.08, peers={"numpy": 0.5}),
        ]
    )
    assert "| an epoch of *tiny*, beside the fastest framework | 2 | 30.00 | 0 of 1 | 28.00 |" in text
    assert "and NumPy's loop | 2 | 1.00 | 2 of 2 | 2.00 (mlp, `model(x)`, one row) |" in text
    assert "| `model(x)` of one row of *mlp* | 2 | at most 15 us | 0 of 1 | 16 us |" in text
    assert "| `model(x)` of one row, beside the fastest framework | 2 | 1.00 | 1 of 1 | 2.00 |" in text
    assert "PyTorch | 2 | 1.00 | 1 of 2 | 0.50 (dense (128, 784) to 128) |" in text
    assert "of multiply-adds | 2 | 88% | 1 of 1 | 90% |" in text
    assert "than NumPy's import | 2 | at most 40 ms | 1 of 1 | 40 ms |" in text
