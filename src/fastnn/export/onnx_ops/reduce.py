"""Reductions, positions of extremes, running sums, softmax."""

import numpy as np

from fastnn.export.onnx_ops.elementwise import WIDER, as_bool
from fastnn.export.table import emits

REDUCTIONS = {"sum": "ReduceSum", "prod": "ReduceProd", "max": "ReduceMax", "min": "ReduceMin", "mean": "ReduceMean"}


def _reduced(b, op_type, step, x):
    axes = b.ints(*step.params["axis"])
    # Without axes ONNX would reduce over all.
    return b.add(op_type, x, axes, keepdims=int(step.params["keepdims"]), noop_with_empty_axes=1)


@emits(*REDUCTIONS)
def _reduction(b, step, x):
    name = step.op.name
    if step.x.dtype == "bool" and name in ("max", "min"):
        return _logical(b, step, x)
    wide = WIDER.get(step.y.dtype, step.y.dtype)
    x = x if step.x.dtype == wide else b.cast(x, wide)
    y = _reduced(b, REDUCTIONS[name], step, x)
    return y if wide == step.y.dtype else b.cast(y, step.y.dtype)


@emits("any", "all")
def _logical(b, step, x):
    is_any = step.op.name in ("any", "max")
    ones = b.cast(as_bool(b, x, step.x), "int32")
    return b.cast(_reduced(b, "ReduceSum" if is_any else "ReduceProd", step, ones), "bool")


@emits("argmax", "argmin")
def _position(b, step, x):
    op_type = "ArgMax" if step.op.name == "argmax" else "ArgMin"
    found = b.add(op_type, x, axis=step.params["axis"], keepdims=int(step.params["keepdims"]))
    return b.cast(found, step.y.dtype)


@emits("cumsum")
def _cumsum(b, step, x):
    wide = WIDER.get(step.y.dtype, step.y.dtype)
    x = x if step.x.dtype == wide else b.cast(x, wide)
    y = b.add("CumSum", x, b.constant(step.params["axis"], np.int64), reverse=int(step.params["reverse"]))
    return y if wide == step.y.dtype else b.cast(y, step.y.dtype)


@emits("softmax")
def _softmax(b, step, x):
    return b.add("Softmax", x, axis=step.params.get("axis", -1))


@emits("log_softmax")
def _log_softmax(b, step, x):
    return b.add("LogSoftmax", x, axis=step.params.get("axis", -1))
