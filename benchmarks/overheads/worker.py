"""One contender in a process of its own: `python -m benchmarks.overheads.worker CONTENDER MEASURE`.

MEASURE is one of MEASURES below. Nothing but the standard library is imported before a measure begins.
"""

import ctypes
import importlib
import importlib.metadata
import json
import os
import re
import sys
import time

from benchmarks.pairs import MISSING

# {contender: (what is imported, a name of it, the distributions that a user installs)}
PACKAGES = {
    "fastnn": ("fastnn", "Sequential", ["fastnn-cpu"]),
    "numpy": ("numpy", "matmul", ["numpy"]),
    "keras-tensorflow": ("keras", "Sequential", ["keras", "tensorflow-cpu"]),
    "keras-jax": ("keras", "Sequential", ["keras", "jax", "jaxlib"]),
    "keras-torch": ("keras", "Sequential", ["keras", "torch"]),
    "torch": ("torch", "nn", ["torch"]),
    "scikit-learn": ("sklearn.neural_network", "MLPClassifier", ["scikit-learn"]),
    "onnxruntime": ("onnxruntime", "InferenceSession", ["onnxruntime"]),
}
STEPS, BATCH = 32, 32


def import_time(name) -> dict:
    """Seconds of the import and of looking up a name, as some load everything only then."""
    module, attribute, _ = PACKAGES[name]
    start = time.perf_counter()
    getattr(importlib.import_module(module), attribute)
    return {"import": time.perf_counter() - start}


def first_step(name) -> dict:
    """Seconds from nothing imported to the end of the first training step of the network `tiny`, data included."""
    start = time.perf_counter()
    contender = _contender(name)
    contender.train_on_batch(contender.x[:BATCH], contender.y[:BATCH])
    return {"first_step": time.perf_counter() - start}


def installed_size(name) -> dict:
    """Bytes of the distributions and of all that they need."""
    wanted, found, total = list(PACKAGES[name][2]), set(), 0
    while wanted:
        key = re.sub(r"[-_.]+", "-", wanted.pop()).lower()
        if key not in found:
            found.add(key)
            try:
                distribution = importlib.metadata.distribution(key)
            except importlib.metadata.PackageNotFoundError:
                if key in PACKAGES[name][2]:
                    raise ImportError(f"{key} is not installed") from None
                continue
            total += sum(f.stat().st_size for f in map(distribution.locate_file, distribution.files) if f.is_file())
            required = [text for text in distribution.requires or () if "extra ==" not in text]
            wanted += [re.match(r"[\w.-]+", text).group() for text in required]
    return {"installed_size": total}


def calls(name) -> dict:
    """Seconds of `fit` on ten rows, and of `model(x)` on one, of the network `tiny`, when all is compiled."""
    from benchmarks.timing import median_of

    contender = _contender(name)
    x, y, one = contender.x[:10], contender.y[:10], contender.x[:1]
    contender.train_on_batch(x, y)
    found = {"call": median_of(lambda: contender.call(one))}
    if hasattr(contender, "model") and hasattr(contender.model, "fit") and name != "scikit-learn":
        found["fit_of_ten"] = median_of(lambda: contender.model.fit(x, y, verbose=0))
    return found


def allocations(name) -> dict:
    """Bytes asked of malloc by one more step: of `fit` within an epoch, of `train_on_batch`, and of `model(x)`.

    Rows are not shuffled: the order of an epoch is an array that grows with its rows.
    """
    count = ctypes.CDLL(None).allocated_bytes
    count.restype = ctypes.c_longlong
    contender = _contender(name)

    def bytes_of(call) -> int:
        for _ in range(3):  # caches fill
            call()
        before = count()
        call()
        return count() - before

    x, y, one = contender.x[:BATCH], contender.y[:BATCH], contender.x[:1]
    contender.train_on_batch(x, y)
    found = {}
    if name.startswith(("fastnn", "keras")):

        def of_epoch(rows):
            x, y = contender.x[:rows], contender.y[:rows]
            return bytes_of(lambda: contender.model.fit(x, y, BATCH, verbose=0, shuffle=False))

        few, many = of_epoch(STEPS * BATCH), of_epoch(3 * STEPS * BATCH)
        found["bytes_a_step"] = max(many - few, 0) / (2 * STEPS)
    found["bytes_a_train_on_batch"] = bytes_of(lambda: contender.train_on_batch(x, y))
    return found | {"bytes_a_call": bytes_of(lambda: contender.call(one))}


def _contender(name):
    from benchmarks.models.worker import CONTENDERS

    found = CONTENDERS[name]("tiny")
    if not hasattr(found, "train_on_batch"):
        raise ImportError("it does not train")
    return found


MEASURES = {
    "import": import_time,
    "first_step": first_step,
    "installed_size": installed_size,
    "calls": calls,
    "allocations": allocations,
}


def main():
    contender, measure = sys.argv[1:]
    if contender.startswith("keras-"):
        os.environ["KERAS_BACKEND"] = contender.removeprefix("keras-")
    try:
        figures = MEASURES[measure](contender)
    except ImportError as error:
        print(error, file=sys.stderr)
        sys.exit(MISSING)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
