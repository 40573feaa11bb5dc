"""The progress bar: its finished line against Keras's, its redrawing on a terminal, and its silence elsewhere."""

import io
import logging
import re
import sys

import keras
import pytest

from fastnn import config, utils


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self):
        return True


def steps(bar, count=3):
    for k in range(1, count + 1):
        bar.update(k, [("loss", 1 / k), ("accuracy", k * 1e-5), ("nan", float("nan")), ("zero", 0.0)])


def without_times(text):
    return re.sub(r"\d+(s|ms|us)\b", "T", text)


def plain(text):
    return re.sub(r"\033\[\d*[mK]", "", text)


def test_verbose_2_is_keras_s_line(capsys):
    steps(keras.utils.Progbar(3, verbose=2))
    expected = capsys.readouterr().out
    steps(utils.Progbar(3, verbose=2))
    assert without_times(capsys.readouterr().out) == without_times(expected)


def test_terminal_shows_each_step_as_keras(monkeypatch, capsys):
    steps(keras.utils.Progbar(3, interval=0))
    expected = [plain(part).strip() for part in re.split("[\r\b]+", capsys.readouterr().out)]
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "200")
    steps(utils.Progbar(3, interval=0))
    drawn = [plain(part).strip() for part in screen.getvalue().split("\r")]
    assert [without_times(line) for line in drawn] == [without_times(line) for line in expected]
    assert "2/3 ━━━━━━━━━━━━━━━━━━━━ T T/step - loss: 0.7500" in without_times(drawn[2])


def test_terminal_line_never_wraps(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("COLUMNS", "50")
    bar = utils.Progbar(3, interval=0)
    bar.update(1, [("loss", 1.0), ("a_rather_long_name", 2.0)])
    assert len(plain(screen.getvalue()).strip()) < 50


def test_redraws_at_most_once_an_interval(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    steps(utils.Progbar(100, interval=1000), 100)
    assert screen.getvalue().count("\r") == 2  # the first and the finished line


def test_pipe_gets_one_plain_line(capsys):
    steps(utils.Progbar(3, interval=0))
    out = capsys.readouterr().out
    assert out.count("\n") == 1 and "\r" not in out and "\033" not in out


def test_encoding_without_the_bar_s_character(monkeypatch):
    screen = Terminal()
    screen.encoding = "ascii"
    monkeypatch.setattr(Terminal, "encoding", "ascii")
    monkeypatch.setattr(sys, "stdout", screen)
    steps(utils.Progbar(3, interval=0))
    screen.getvalue().encode("ascii")


def test_silent_and_logged(capsys, caplog, monkeypatch):
    steps(utils.Progbar(3, verbose=0))
    monkeypatch.setattr(config, "choices", {"interactive_logging": False})
    with caplog.at_level(logging.INFO, "fastnn"):
        steps(utils.Progbar(3))
    assert capsys.readouterr().out == ""
    assert [record.getMessage().split(" ")[0] for record in caplog.records] == ["3/3"]


def test_unknown_target_and_stateful_values(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    bar = utils.Progbar(None, interval=0, stateful_metrics=["last"])
    bar.update(1, [("last", 1.0), ("mean", 1.0)])
    bar.update(2, [("last", 2.0), ("mean", 2.0)])
    assert re.search(r"2/Unknown .* - last: 2.0000 - mean: 1.5000", plain(screen.getvalue()))


@pytest.mark.parametrize("n", [1, 5])
def test_add_weights_values_by_steps(n, capsys):
    bar = utils.Progbar(100, verbose=2)
    bar.add(n, [("loss", 1.0)])
    bar.add(1, [("loss", 0.0)])
    total, count = bar._sums["loss"]
    assert total / count == n / (n + 1)


def test_time_per_step_when_many_steps_come_at_once(monkeypatch, capsys):
    """`fit` runs many steps in one call, so the first update may be far from 1."""
    clock = iter([0.0, 2.0, 4.0])
    monkeypatch.setattr("fastnn.utils.progbar.time.perf_counter", lambda: next(clock))
    bar = utils.Progbar(40, verbose=2)
    bar.update(20)
    bar.update(40)
    assert "40/40 - 4s - 100ms/step" in capsys.readouterr().out
