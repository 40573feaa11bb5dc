"""Pooling."""

from fastnn.export.onnx_ops.conv import TO_NCHW, TO_NHWC, window_attributes
from fastnn.export.onnx_ops.elementwise import is_float
from fastnn.export.table import emits


@emits("max_pool2d", "average_pool2d")
def _pool(b, step, x):
    (top, bottom), (left, right) = step.params["pads"]
    attributes, _ = window_attributes(b, step, step.params["window"], (1, 1), (top, left, bottom, right))
    x = b.transpose(x if is_float(step.x) else b.cast(x, "float32"), TO_NCHW)
    is_max = step.op.name == "max_pool2d"
    y = b.transpose(b.add("MaxPool" if is_max else "AveragePool", x, **attributes), TO_NHWC)
    y = y if is_float(step.x) else b.cast(y, step.y.dtype)
    return (y, None) if is_max else y  # places are for gradients alone
