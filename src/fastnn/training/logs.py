"""From the arrays that a step returns to the logs that users and callbacks see."""

import numpy as np

from fastnn import tree


def as_logs(outputs) -> dict:
    """`{name: float}` in the order of names, as Keras has it; what is no scalar stays an array.

    Args:
        outputs: what a train or test step returned: a dict, whose values may be dicts, or a scalar loss.
    """
    if not isinstance(outputs, dict):
        outputs = {"loss": outputs}
    flat = {}
    for name, value in outputs.items():
        flat |= value if isinstance(value, dict) else {name: value}
    return {name: _as_float(flat[name]) for name in sorted(flat)}


def in_order(logs: dict, first: list[str]):
    """The values of `logs` as `evaluate` returns them: those named in `first`, then the others; a lone one as it is."""
    names = [name for name in first if name in logs]
    values = [logs[name] for name in names + [name for name in logs if name not in names]]
    return values[0] if len(values) == 1 else values


def concatenated(batches: list):
    """Outputs of batches, in their structure, one after another along the first axis."""
    if len(batches) == 1:
        return batches[0]
    return tree.map_structure(lambda *parts: np.concatenate(parts, axis=0), *batches)


def _as_float(value):
    value = np.asarray(value)
    return float(value) if value.ndim == 0 else value
