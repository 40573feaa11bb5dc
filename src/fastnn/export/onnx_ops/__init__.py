"""The emitters, a file a family of ops."""

from fastnn.export.onnx_ops import (  # noqa: F401 (each fills the table)
    constants,
    conv,
    elementwise,
    fourier,
    gather,
    layout,
    loops,
    matmul,
    normalization,
    pool,
    recurrent,
    reduce,
)
