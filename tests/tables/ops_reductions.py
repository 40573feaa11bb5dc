"""Ops over axes: sums, extremes, statistics, quantiles, running sums, with and without NaN."""

import numpy as np

from tests.tables import BadCase, OpCase, rows

X = rows(2, 3, 4)
INTS, SMALL, BYTES = ((np.arange(24).reshape(2, 3, 4) * 7 % 11 - 4 * (k == 0)).astype(dtype)
                      for k, dtype in enumerate(("int32", "int8", "uint8")))  # fmt: skip
BOOLS = INTS > 1
HOLES = X.copy()
HOLES[0, 1, 2] = HOLES[1, :, 0] = np.nan
TIES = np.array([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 1.0]], "float32")
EMPTY = np.zeros((0, 3), "float32")
AXES = [None, 0, -1, (0, 2), (-1, 0), ()]

SUMS = ["sum", "mean", "prod", "var", "std", "max", "min", "amax", "amin", "any", "all", "logsumexp", "ptp"]
HOLED = ["nansum", "nanprod", "nanmax", "nanmin", "nanmean", "nanvar", "nanstd", "nanmedian"]
POSITIONS = ["argmax", "argmin", "nanargmax", "nanargmin"]
MEDIANS = ["median", "nanmedian"]
QUANTILES = ["quantile", "nanquantile"]
RUNNING = ["cumsum", "cumprod", "nancumsum", "nancumprod"]
NOT_FLOAT = ("any", "all")


def takes(name, axis):
    """Keras has no empty tuple of axes for what NumPy computes by sorting, and ptp wants one axis or all."""
    return axis != () or name in ("sum", "mean", "prod", "max", "min", "amax", "amin", "any", "all")


OPS = [
    *(OpCase(name, (X,), {"axis": axis}, gradient=name not in NOT_FLOAT) for name in SUMS for axis in AXES
      if takes(name, axis)),
    *(OpCase(name, (X,), {"axis": axis, "keepdims": True}) for name in SUMS for axis in (None, 1)),
    # Of integers Keras's NumPy backend has a logsumexp in float64, of bools no ptp.
    *(OpCase(name, (x,), {"axis": 1}) for name in SUMS for x in (INTS, SMALL, BYTES, BOOLS)
      if name != "logsumexp" and not (x is BOOLS and name == "ptp")),
    *(OpCase(name, (EMPTY,), {"axis": 1}) for name in SUMS if name not in ("logsumexp",)),
    *(OpCase(name, (EMPTY,), {"axis": 0}) for name in ("sum", "prod", "any", "all")),
    *(OpCase(name, (HOLES,), {"axis": axis}, gradient=axis == 1) for name in HOLED for axis in (None, 1, -1, (0, 1))),
    *(OpCase(name, (HOLES,), {"axis": 1, "keepdims": True}) for name in HOLED),
    *(OpCase(name, (INTS,), {"axis": 1}) for name in HOLED),
    *(OpCase(name, (np.full((2, 3), np.nan, "float32"),), {"axis": 1}) for name in [*HOLED, "nanargmax", "nanargmin"]),
    *(OpCase(name, (HOLES if name.startswith("nan") else X,), {"axis": axis}) for name in POSITIONS for axis in
      (None, 0, -1)),
    *(OpCase(name, (x,), {"axis": 1, "keepdims": True}) for name in POSITIONS for x in (X, INTS, TIES[None], BYTES)),
    *(OpCase(name, (X,), {"keepdims": True}) for name in POSITIONS),
    *(OpCase(name, (TIES,), {"axis": axis}, gradient=True) for name in ("max", "min", "amax", "ptp") for axis in
      (None, 1)),
    OpCase("prod", (TIES,), {"axis": 1}, gradient=True), OpCase("prod", (X,), {"axis": 1, "dtype": "float32"}),
    OpCase("prod", (INTS,), {"dtype": "float32"}), OpCase("max", (X,), {"axis": 1, "initial": 0.5}, gradient=True),
    OpCase("min", (X,), {"initial": -0.5, "keepdims": True}), OpCase("max", (INTS,), {"axis": 0, "initial": 3}),
    OpCase("max", (EMPTY,), {"initial": -1.0}), OpCase("max", (EMPTY,), {"axis": 0, "initial": 2.0}),
    OpCase("logsumexp", (np.array([[1e4, 1e4], [-np.inf, -np.inf]], "float32"),), {"axis": 1}),
    OpCase("average", (X,)), OpCase("average", (X,), {"axis": (0, 1)}), OpCase("average", (INTS,), {"axis": 1}),
    OpCase("average", (X,), {"axis": 1, "weights": rows(3, low=0.5)}, gradient=True),
    OpCase("average", (X,), {"weights": rows(2, 3, 4, low=0.5)}, gradient=True),
    OpCase("average", (INTS,), {"axis": -1, "weights": np.arange(1, 5, dtype="int32")}),
    *(OpCase("moments", (X,), {"axes": axes, "keepdims": keepdims}, gradient=True) for axes, keepdims in
      [([0], False), ((0, 1), True), ([-1], False)]),
    *(OpCase("count_nonzero", (x,), {"axis": axis}) for x in (X, INTS, BOOLS) for axis in (None, 1, (0, 2))),
    *(OpCase(name, (x,), {"axis": axis}, gradient=x is X and axis == 1) for name in MEDIANS for x in (X, INTS, HOLES)
      for axis in (None, 1, (0, 1))),
    *(OpCase(name, (X,), {"axis": -1, "keepdims": True}, gradient=True) for name in MEDIANS),
    *(OpCase(name, (X, 0.3), {"axis": 1, "method": method}, gradient=True) for name in QUANTILES for method in
      ("linear", "lower", "higher", "midpoint", "nearest")),
    *(OpCase(name, (HOLES, np.array([0.0, 0.5, 1.0], "float32")), {"axis": 1}) for name in QUANTILES),
    *(OpCase(name, (X, [0.25, 0.6]), {"axis": (0, 2), "keepdims": True}) for name in QUANTILES),
    *(OpCase(name, (rows(5), 0.375), {"method": "nearest"}) for name in QUANTILES),
    *(OpCase(name, (rows(5), 0.125), {"method": "nearest"}) for name in QUANTILES),
    *(OpCase(name, (INTS, 0.5), {"axis": 2}) for name in QUANTILES),
    OpCase("percentile", (X, 30), {"axis": 1}, gradient=True), OpCase("percentile", (X, [10.0, 90.0])),
    OpCase("nanpercentile", (HOLES, 30.0), {"axis": 1}, gradient=True),
    OpCase("nanpercentile", (HOLES, [10.0, 90.0]), {"keepdims": True}),
    *(OpCase(name, (HOLES if "nan" in name else X,), {"axis": axis}, gradient=True) for name in RUNNING for axis in
      (None, 0, -1)),
    *(OpCase(name, (x,), {"axis": 1}) for name in RUNNING for x in (INTS, SMALL, BYTES, BOOLS)),
    *(OpCase(name, (INTS,), {"axis": 1, "dtype": "float32"}) for name in RUNNING),
    OpCase("cumprod", (TIES,), {"axis": 1}, gradient=True), OpCase("cumsum", (EMPTY,), {"axis": 0}),
    OpCase("norm", (X,)), OpCase("norm", (INTS[0],)), OpCase("norm", (X,), {"keepdims": True}),
    *(OpCase("norm", (X,), {"axis": 1, "ord": ord}, gradient=True) for ord in
      (None, 1, 2, 3, np.inf, -np.inf, -1, 0.5)),
    OpCase("norm", (X,), {"axis": 1, "ord": 0}),
    *(OpCase("norm", (X,), {"axis": (0, 2), "ord": ord}, gradient=True) for ord in
      (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf)),
    OpCase("norm", (X,), {"axis": (-1, 0), "ord": 2, "keepdims": True}), OpCase("norm", (X[0],), {"ord": "nuc"}),
    OpCase("trace", (X,), gradient=True), OpCase("trace", (INTS,), {"offset": 1, "axis1": 1, "axis2": -1}),
    OpCase("trace", (SMALL,)), OpCase("trace", (BOOLS,)),
    OpCase("diff", (X,), gradient=True), OpCase("diff", (X,), {"n": 2, "axis": 1}, gradient=True),
    OpCase("diff", (INTS,), {"axis": 0}), OpCase("diff", (BOOLS,)), OpCase("diff", (X,), {"n": 0}),
    OpCase("diff", (BYTES,)), OpCase("diff", (X,), {"n": 9, "axis": 0}),
    OpCase("trapezoid", (X,), gradient=True), OpCase("trapezoid", (X,), {"dx": 0.5, "axis": 1}),
    OpCase("trapezoid", (X, np.array([0.0, 1.0, 4.0], "float32")), {"axis": 1}, gradient=True),
    OpCase("trapezoid", (X, rows(2, 3, 4, low=0)), gradient=True), OpCase("trapezoid", (INTS,)),
    OpCase("corrcoef", (X[0],), gradient=True), OpCase("corrcoef", (rows(5),)),
    *(OpCase(name, (rows(4), np.array([0, 1, 0, 2], "int32"), n)) for name in ("segment_sum", "segment_max") for n in
      (3, 4)),
    OpCase("segment_sum", (rows(4, 3), np.array([0, 0, 2, 2], "int32")), {"sorted": True, "num_segments": 3},
           gradient=True),
    OpCase("segment_max", (rows(4, 3), np.array([0, 1, 1, 0], "int32"), 2), gradient=True),
    OpCase("segment_min", (rows(4, 3), np.array([0, 1, 1, 0], "int32"), 2), gradient=True),
    OpCase("segment_prod", (rows(4, 3), np.array([0, 1, 1, 0], "int32"), 2)),
    OpCase("segment_prod", (INTS[0], np.array([1, 1, 0], "int32"), 2)),
]  # fmt: skip

BAD = [
    *(BadCase(f"{name} axis", lambda k, name=name: getattr(k.ops, name)(X, axis=3), "axis", ValueError)
      for name in [*SUMS, *HOLED, "cumsum", "median"]),
    *(BadCase(f"{name} of nothing", lambda k, name=name: getattr(k.ops, name)(EMPTY, axis=0), "(0, 3)", ValueError)
      for name in ("max", "min", "argmax", "argmin", "nanargmax")),
    BadCase("sum axis twice", lambda k: k.ops.sum(X, axis=(0, -3)), "twice"),
    BadCase("average weights", lambda k: k.ops.average(X, axis=1, weights=rows(2)), "(2,)", ValueError),
    BadCase("quantile method", lambda k: k.ops.quantile(X, 0.5, method="middle"), "middle"),
    BadCase("quantile range", lambda k: k.ops.quantile(X, 1.5), "1.5"),
    BadCase("percentile range", lambda k: k.ops.percentile(X, 130.0), "130"),
    BadCase("norm order of vectors", lambda k: k.ops.norm(X, "fro", axis=1), "fro"),
    BadCase("norm order of matrices", lambda k: k.ops.norm(X[0], 3), "3"),
    BadCase("norm of three axes", lambda k: k.ops.norm(X, 1), "3"),
    BadCase("diff order", lambda k: k.ops.diff(X, n=-1), "-1"),
    BadCase("diff of a scalar", lambda k: k.ops.diff(np.float32(1)), "diff", ValueError),
    BadCase("corrcoef of three axes", lambda k: k.ops.corrcoef(X), "(2, 3, 4)"),
]  # fmt: skip
