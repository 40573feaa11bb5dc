"""rearrange."""

from tests.tables import BadCase, OpCase, rows

IMAGES = rows(2, 6, 4, 3)

OPS = [
    OpCase("rearrange", (IMAGES, "b h w c -> b c h w"), gradient=True),
    OpCase("rearrange", (IMAGES, "b h w c -> (b h) w c")),
    OpCase("rearrange", (IMAGES, "b (h1 h) (w1 w) c -> (b h1 w1) h w c"), {"h1": 2, "w1": 2}, gradient=True),
    OpCase("rearrange", (IMAGES, "b (h h1) (w w1) c -> b h w (c h1 w1)"), {"h1": 3, "w": 2}),
    OpCase("rearrange", (rows(6, dtype="float64"), "(a b) -> b a"), {"a": 2}),
]

BAD = [
    BadCase("rearrange other axes", lambda k: k.ops.rearrange(rows(2, 3), "a b -> a c"), "same axes"),
    BadCase("rearrange rank", lambda k: k.ops.rearrange(rows(2, 3), "a -> a"), "shape (2, 3)", raises=ValueError),
    BadCase("rearrange size", lambda k: k.ops.rearrange(rows(5), "(a b) -> a b", a=2), "5", raises=ValueError),
]
