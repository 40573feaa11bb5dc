"""Determinants, inverses and factorizations."""

import numpy as np

from tests.tables import OpCase, rows

SQUARE = rows(3, 3) + 2 * np.eye(3, dtype="float32")
STACK = rows(2, 4, 4) + 3 * np.eye(4, dtype="float32")
POSITIVE = (STACK @ np.swapaxes(STACK, 1, 2)).astype("float32")
TALL = rows(5, 3)

OPS = [
    OpCase("det", (STACK,), gradient=True, rtol=1e-4),
    OpCase("slogdet", (STACK,), gradient=True, rtol=1e-4),
    OpCase("inv", (STACK,), gradient=True, rtol=1e-4),
    OpCase("pinv", (TALL,), gradient=True, rtol=1e-4),
    OpCase("solve", (STACK, rows(2, 4, 3)), gradient=True, rtol=1e-4),
    OpCase("solve_triangular", (STACK, rows(2, 4, 3)), gradient=True, rtol=1e-4),
    OpCase("solve_triangular", (STACK, rows(2, 4)), {"lower": True}, gradient=True, rtol=1e-4),
    OpCase("lstsq", (TALL, rows(5, 2)), gradient=True, rtol=1e-4),
    OpCase("cholesky", (POSITIVE,), gradient=True, rtol=1e-4),
    OpCase("cholesky_inverse", (SQUARE,), gradient=True, rtol=1e-4),
    OpCase("cholesky_inverse", (SQUARE,), {"upper": True}, gradient=True, rtol=1e-4),
    OpCase("qr", (TALL,), gradient=True, rtol=1e-4),
    OpCase("lu_factor", (SQUARE,), gradient=True, rtol=1e-4),
    OpCase("eigh", (POSITIVE,), gradient=True, rtol=1e-3),
]
