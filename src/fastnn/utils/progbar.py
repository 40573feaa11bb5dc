"""The progress bar of `fit`, `evaluate`, `predict` and downloads."""

import sys
import time

import numpy as np

from fastnn import config

# A terminal's attributes; nothing of this reaches a file or a pipe.
_BOLD, _GREEN, _GREY, _RESET, _CLEAR_LINE = "\033[1m", "\033[32m", "\033[37m", "\033[0m", "\033[K"


class Progbar:
    """Shows how far a loop is, how long it takes, and averages of what it measures, on one line that is redrawn.

    On a terminal it looks as Keras's. Elsewhere (a file, a pipe, CI) only the finished line is written, without
    colours. With `fastnn.config.disable_interactive_logging()` it goes to the logger "fastnn" instead.

    Args:
        target: the number of steps, or None if unknown.
        width: length of the bar in characters.
        verbose: 0 silent, 1 the bar, 2 one line at the end.
        interval: seconds between redraws, at least.
        stateful_metrics: names of values shown as they are; the others are averaged over steps.
        stateless_metrics: like `stateful_metrics`, but only in the finished line; kept for Keras's callers.
        unit_name: "step", "sample" or what one step is.

    Example:
        >>> bar = fastnn.utils.Progbar(2, verbose=0)
        >>> bar.update(1, [("loss", 0.5)])
        >>> bar.add(1, [("loss", 0.25)])
    """

    def __init__(
        self,
        target,
        width=20,
        verbose=1,
        interval=0.05,
        stateful_metrics=None,
        stateless_metrics=None,
        unit_name="step",
    ):
        self.target = target
        self.width = width
        self.verbose = verbose
        self.interval = interval
        self.unit_name = unit_name
        self.stateful_metrics = set(stateful_metrics or ())
        self.stateless_metrics = set(stateless_metrics or ())
        # {name: [sum of value * steps, steps]}, in the order of first sight
        self._sums = {}
        self._seen = 0
        self._start_s = time.perf_counter()
        self._drawn_s = -float("inf")
        # The first step compiles, so the time per step is counted from the first update: (its steps, its time).
        self._first_update = None

    def update(self, current, values=None, finalize=None):
        """Says that `current` steps are done.

        Args:
            current: steps done so far, from the beginning.
            values: list of (name, value); value is the mean over the steps since the last update.
            finalize: whether this is the last update; if None, whether `current` has reached `target`.
        """
        if finalize is None:
            finalize = self.target is not None and current >= self.target
        steps = max(current - self._seen, 1)
        for name, value in values or ():
            if finalize or name in self.stateful_metrics or isinstance(value, str):
                self._sums[name] = [value, 1]
            else:
                total, count = self._sums.get(name, (0, 0))
                self._sums[name] = [total + value * steps, count + steps]
        self._seen = current
        now = time.perf_counter()
        if self._first_update is None and current >= 1:
            self._first_update = (current, now)
        if self.verbose and (finalize or (self._is_live() and now - self._drawn_s >= self.interval)):
            self._write(self._line(current, now, finalize), finalize)
            self._drawn_s = now

    def add(self, n, values=None):
        """Says that `n` more steps are done; `values` as in `update`."""
        self.update(self._seen + n, values)

    def _is_live(self):
        return self.verbose == 1 and config.is_interactive_logging_enabled() and _is_terminal(sys.stdout)

    def _write(self, line, finalize):
        if not config.is_interactive_logging_enabled():
            import logging  # like shutil below a twentieth of a first import, and seldom needed

            logging.getLogger("fastnn").info(line)
        elif self._is_live():
            sys.stdout.write("\r" + line + _CLEAR_LINE + ("\n" if finalize else ""))
            sys.stdout.flush()
        else:
            sys.stdout.write(line + "\n")
            sys.stdout.flush()

    def _line(self, current, now, finalize):
        step_s = self._step_seconds(current, now)
        if finalize or self.target is None:
            clock = _format_clock(now - self._start_s)
        else:
            clock = _format_clock(step_s * (self.target - current))
        pace = _format_pace(step_s, self.unit_name)
        values = "".join(f" - {name}: {_format_value(*pair)}" for name, pair in self._sums.items())
        if not self._is_live():
            return f"{self._count(current)} - {clock} - {pace}{values}"
        count = self._count(current)
        bar = f" {self._bar(current)} " if self.target else " "
        line_width = len(count) + (self.width + 2 if self.target else 1) + len(clock) + 1
        # A line that wraps could not be redrawn by a carriage return, so the values are cut at the terminal's edge.
        import shutil

        room = shutil.get_terminal_size().columns - 1 - line_width
        rest = f"{pace}{values}"
        return f"{_BOLD}{count}{_RESET}{bar}{_BOLD}{clock}{_RESET} {rest if finalize else rest[: max(room, 0)]}"

    def _count(self, current):
        if self.target is None:
            return f"{current:7d}/Unknown"
        return f"{current:{len(str(self.target))}d}/{self.target}"

    def _bar(self, current):
        mark = "━" if _can_encode("━", sys.stdout) else "="
        done = min(self.width, int(self.width * current / self.target))
        return f"{_GREEN}{mark * done}{_RESET}{_GREY}{mark * (self.width - done)}{_RESET}"

    def _step_seconds(self, current, now):
        if current <= 0:
            return 0.0
        first, first_s = self._first_update
        if current > first:
            return (now - first_s) / (current - first)
        return (now - self._start_s) / current


def _is_terminal(stream) -> bool:
    try:
        return stream.isatty()
    except (AttributeError, ValueError):  # a stand-in without isatty, or a closed file
        return False


def _can_encode(text, stream) -> bool:
    try:
        text.encode(getattr(stream, "encoding", None) or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _format_clock(seconds) -> str:
    seconds = int(seconds)
    if seconds > 3600:
        return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"
    if seconds > 60:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds}s"


def _format_pace(seconds, unit_name) -> str:
    if seconds >= 1 or seconds == 0:
        return f"{seconds:.0f}s/{unit_name}"
    if seconds >= 1e-3:
        return f"{seconds * 1e3:.0f}ms/{unit_name}"
    return f"{seconds * 1e6:.0f}us/{unit_name}"


def _format_value(total, count) -> str:
    if isinstance(total, str):
        return total
    mean = float(np.mean(np.asarray(total, dtype="float64"))) / max(count, 1)
    return f"{mean:.4f}" if abs(mean) > 1e-3 else f"{mean:.4e}"
