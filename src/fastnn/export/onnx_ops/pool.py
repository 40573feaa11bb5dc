"""Pooling."""

import numpy as np

from fastnn.export.onnx_ops.conv import TO_NCHW, TO_NHWC
from fastnn.export.table import emits
from fastnn.export.traced import Size


@emits("max_pool2d", "average_pool2d")
def _pool(b, step, x):
    p = step.params
    (top, bottom), (left, right) = p["pads"]
    is_open = any(isinstance(size, Size) for size in step.x.shape[1:3])
    if is_open and any((top, bottom, left, right)):  # only "same" pads, and by what depends on the sizes
        pads = {"auto_pad": "SAME_UPPER"}
    else:
        pads = {"pads": [top, left, bottom, right]}
    is_float = np.dtype(step.x.dtype).kind == "f"
    x = b.transpose(x if is_float else b.cast(x, "float32"), TO_NCHW)
    op_type = "MaxPool" if step.op.name == "max_pool2d" else "AveragePool"
    y = b.transpose(b.add(op_type, x, kernel_shape=list(p["window"]), strides=list(p["strides"]), **pads), TO_NHWC)
    return y if is_float else b.cast(y, step.y.dtype)
