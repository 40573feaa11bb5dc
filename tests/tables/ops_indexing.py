"""Ops on positions: take, scatter, sort, search, count; and slices."""

import numpy as np

from tests.tables import BadCase, OpCase, rows

X, VECTOR = rows(2, 3, 4), rows(6)
INTS = np.array([[3, 1, 2, 1], [0, 3, 3, 2]], "int32")
BYTES = INTS.astype("uint8")
PLACES, DEEP = np.array([2, 0, 2], "int32"), np.array([[0, 1], [1, -1]], "int32")
TIES = np.array([[1.0, 3.0, 3.0, 0.0], [2.0, 2.0, 2.0, 1.0]], "float32")
ALONG = np.array([[[0, 3, 3]], [[-1, 0, 1]]], "int32")
POINTS = np.array([[0, 1], [1, 2], [0, 1]], "int32")
SORTED = np.array([-1.0, 0.0, 0.5, 0.5, 2.0], "float32")
COUNTED = np.array([1, 3, 1, 0], "int32")
EMPTY = np.zeros((0, 3), "float32")

OPS = [
    OpCase("take", (X, PLACES), {"axis": 1}, gradient=True), OpCase("take", (X, DEEP), {"axis": -1}, gradient=True),
    OpCase("take", (X, PLACES), gradient=True), OpCase("take", (X, 1), {"axis": 0}),
    OpCase("take", (INTS, PLACES), {"axis": 1}),
    OpCase("take", (X, [1, 0]), {"axis": 0}), OpCase("take", (X, np.zeros((0,), "int32")), {"axis": 1}),
    OpCase("take_along_axis", (X, np.broadcast_to(ALONG, (2, 3, 3)).copy()), {"axis": 2}, gradient=True),
    OpCase("take_along_axis", (X, PLACES), gradient=True), OpCase("take_along_axis", (INTS, INTS % 2), {"axis": 0}),
    OpCase("take_along_axis", (X, ALONG), {"axis": -1}),
    *(OpCase("sort", (X,), {"axis": axis}, gradient=True) for axis in (-1, 0, None)), OpCase("sort", (INTS,)),
    OpCase("sort", (TIES,), gradient=True), OpCase("sort", (BYTES,), {"axis": 0}),
    OpCase("sort", (EMPTY,), {"axis": 0}),
    *(OpCase("argsort", (x,), {"axis": axis}) for x in (X, INTS) for axis in (-1, 0, None)),
    OpCase("argsort", (np.array([1.0, np.nan, -np.inf], "float32"),)),
    OpCase("in_top_k", (np.array([1, 0], "int32"), TIES, 2)),
    OpCase("in_top_k", (np.array([3, 3], "int32"), TIES), {"k": 3}),
    OpCase("argpartition", (VECTOR, 2)), OpCase("argpartition", (X, 1), {"axis": 0}),
    OpCase("argpartition", (X, -1), {"axis": None}),
    *(OpCase("searchsorted", (SORTED, values), {"side": side}) for side in ("left", "right") for values in
      (np.array([0.5, -3.0, 9.0], "float32"), rows(2, 3))),
    OpCase("digitize", (VECTOR, SORTED)), OpCase("digitize", (INTS, np.array([1, 2], "int32"))),
    OpCase("digitize", (VECTOR, SORTED[::-1].copy())),
    OpCase("bincount", (COUNTED,), traced=False), OpCase("bincount", (COUNTED,), {"minlength": 6}, traced=False),
    OpCase("bincount", (COUNTED,), {"weights": rows(4)}, traced=False), OpCase("bincount", (BYTES[0],), traced=False),
    OpCase("bincount", (COUNTED,), {"weights": COUNTED}, traced=False), OpCase("bincount", ([2, 2],), traced=False),
    OpCase("bincount", (INTS,), {"weights": rows(2, 4)}, traced=False),
    OpCase("histogram", (VECTOR,)), OpCase("histogram", (VECTOR,), {"bins": 3, "range": (-1, 1)}),
    OpCase("histogram", (np.ones(4, "float32"), 2)),
    *(OpCase("isin", (INTS, values), {"invert": invert}) for values in ([1, 3], PLACES) for invert in (False, True)),
    OpCase("isin", (VECTOR, VECTOR[:2].copy()), {"assume_unique": True}),
    *(OpCase("unravel_index", (indices, shape)) for indices in (PLACES, DEEP % 6, BYTES) for shape in ((2, 3), (6,))),
    OpCase("nonzero", (INTS,), traced=False),
    OpCase("nonzero", (np.array([0.0, 2.0, np.nan], "float32"),), traced=False),
    OpCase("unique", (INTS,), traced=False), OpCase("unique", (TIES,), {"axis": 1}, traced=False),
    *(OpCase("unique", (INTS,), {flag: True}, traced=False) for flag in
      ("return_index", "return_inverse", "return_counts")),
    OpCase("unique", (INTS,), {"size": 6, "fill_value": 9}, traced=False),
    OpCase("unique", (INTS,), {"size": 2}, traced=False),
    OpCase("scatter", (POINTS, np.array([1.0, 2.0, 3.0], "float32"), (2, 3)), gradient=True),
    OpCase("scatter", (POINTS[:, :1].copy(), rows(3, 4), (2, 4))),
    OpCase("scatter", (POINTS, np.array([1, 2, 3], "int32"), (2, 3))),
    OpCase("scatter_update", (rows(2, 3), POINTS[:2].copy(), rows(2)), gradient=True),
    OpCase("scatter_update", (X, POINTS[:2].copy(), rows(2, 4)), gradient=True),
    OpCase("scatter_update", (INTS, POINTS[:2].copy(), np.array([8, 9], "int32"))),
    *(OpCase("scatter_update", (rows(2, 3), POINTS, rows(3)), {"reduction": reduction}, gradient=reduction == "add")
      for reduction in ("add", "mul", "max", "min")),
    *(OpCase("scatter_update", (rows(2, 3), POINTS[:2].copy(), rows(2)), {"reduction": reduction}, gradient=True)
      for reduction in ("max", "min")),
    OpCase("slice", (X, (0, 1, 1), (2, 2, 3)), gradient=True), OpCase("slice", (INTS, [1, 0], [1, 2])),
    OpCase("slice", (X, np.array([1, 0, 2], "int32"), (1, 3, 2))),
    OpCase("slice_update", (X, (0, 1, 1), rows(2, 2, 3)), gradient=True),
    OpCase("slice_update", (INTS, [1, 2], np.full((1, 2), 7, "int32"))),
    OpCase("slice_update", (X, np.array([1, 0, 2], "int32"), rows(1, 3, 2)), gradient=True),
    *(OpCase("get_item", (X, key), gradient=key == 1) for key in
      (1, -1, slice(None, None, -1), (slice(None), 2), (Ellipsis, slice(1, 3)), (0, None, slice(0, 2)), (1, 2, 3))),
    OpCase("get_item", (X, (slice(None), PLACES)), gradient=True), OpCase("get_item", (INTS, (PLACES % 2, PLACES))),
]  # fmt: skip

BAD = [
    BadCase("take axis", lambda k: k.ops.take(X, PLACES, axis=3), "3", ValueError),
    BadCase("take index", lambda k: k.ops.take(X, np.array([5]), axis=1), "take", IndexError),
    BadCase("take_along_axis ranks", lambda k: k.ops.take_along_axis(X, PLACES, axis=1), "(3,)", ValueError),
    BadCase("top_k too many", lambda k: k.ops.top_k(TIES, 9), "9", ValueError),
    BadCase("argpartition kth", lambda k: k.ops.argpartition(VECTOR, 9), "9"),
    BadCase("argpartition axis", lambda k: k.ops.argpartition(VECTOR, 1, axis=2), "axis", ValueError),
    BadCase("searchsorted matrix", lambda k: k.ops.searchsorted(TIES, VECTOR), "(2, 4)"),
    BadCase("digitize bins", lambda k: k.ops.digitize(VECTOR, TIES), "(2, 4)"),
    BadCase("bincount floats", lambda k: k.ops.bincount(VECTOR), "float32"),
    BadCase("bincount negative", lambda k: k.ops.bincount(-COUNTED), "-3"),
    BadCase("bincount weights", lambda k: k.ops.bincount(COUNTED, weights=VECTOR), "(6,)"),
    BadCase("bincount sparse", lambda k: k.ops.bincount(COUNTED, sparse=True), "sparse"),
    BadCase("histogram bins", lambda k: k.ops.histogram(VECTOR, bins=0), "0"),
    BadCase("histogram list", lambda k: k.ops.histogram(VECTOR, bins=[0.0, 1.0]), "bins"),
    BadCase("histogram range", lambda k: k.ops.histogram(VECTOR, bins=2, range=(1, 0)), "range"),
    BadCase("histogram matrix", lambda k: k.ops.histogram(TIES), "(2, 4)"),
    BadCase("unravel_index", lambda k: k.ops.unravel_index(np.array([7]), (2, 3)), "7"),
    BadCase("scatter_update reduction", lambda k: k.ops.scatter_update(TIES, POINTS, rows(3), reduction="sum"), "sum"),
    BadCase("slice rank", lambda k: k.ops.slice(X, (0, 1), (1, 1)), "slice", ValueError),
]  # fmt: skip
