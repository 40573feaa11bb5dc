"""One contender in a process of its own: `python -m benchmarks.calls.worker CONTENDER BUDGET_S`. Answers the name of a
call as `benchmarks.kernels.worker` does that of a problem."""

import contextlib
import importlib
import sys

from benchmarks.calls.calls import CALLS
from benchmarks.kernels.worker import answer_problems
from benchmarks.machine import threads
from benchmarks.pairs import MISSING
from benchmarks.timing import repeated

# What each contender's code may name, by the module that has it.
NAMES = {
    "fastnn": {"ops": "fastnn.ops"},
    "numpy": {"np": "numpy", "special": "scipy.special", "fft": "scipy.fft"},
    "torch": {"torch": "torch"},
}


def _parts(z):
    """A complex array as two real ones, which fastnn has instead."""
    return z.real, z.imag


class Contender:
    """Raises ImportError where it is not installed."""

    def __init__(self, name: str):
        self.name = name
        self.names = {short: importlib.import_module(module) for short, module in NAMES[name].items()}
        self.torch = self.names.get("torch")
        if self.torch:
            self.torch.set_num_threads(threads())

    def prepare(self, call):
        """`(run(times), result())`, or None where the contender has no code for the call."""
        if call.code[self.name] is None:
            return None
        arrays = call.arrays()
        if self.torch:
            arrays = {name: self.torch.from_numpy(array) for name, array in arrays.items()}
        function = eval(f"lambda: {call.code[self.name]}", self.names | arrays | {"parts": _parts})
        run = repeated(function)

        def without_gradients(times):
            with self.torch.inference_mode() if self.torch else contextlib.nullcontext():
                run(times)

        return without_gradients, function


def main():
    name, budget_s = sys.argv[1:]
    try:
        contender = Contender(name)
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(MISSING)
    answer_problems(contender, CALLS, float(budget_s))


if __name__ == "__main__":
    main()
