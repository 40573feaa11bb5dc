"""What networks do between layers, and what only some of them have: one row an operation, by every contender.

A row of OPERATIONS has the shapes of the arguments, as a `Problem` has them, and the result's. The functions take what
the contender computes with, fastnn's `ops`, `numpy` or `torch`, and then the arguments. Images are channels last for
all; PyTorch sees them as channels_last, which copies nothing. Those with `fit` are asked for the gradient by the first
argument too, which NumPy does not have.
"""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Operation:
    family: str
    arrays: tuple
    out: tuple
    fastnn: Callable
    numpy: Callable
    torch: Callable
    fit: bool = False


def _on_planes(function):
    """`function(torch, planes, ...)` of images that are channels last."""
    return lambda torch, x, *rest: function(torch, x.permute(0, 3, 1, 2), *rest).permute(0, 2, 3, 1)


def _interpolate(height, width, mode):
    def interpolate(torch, x):
        return torch.nn.functional.interpolate(x, size=(height, width), mode=mode)

    return _on_planes(interpolate)


def _resize_bilinear(height, width):
    """Half-pixel centres, as Keras and PyTorch have them."""

    def along(np, x, size, axis):
        places = ((np.arange(size, dtype="float32") + 0.5) * (x.shape[axis] / size) - 0.5).clip(0, x.shape[axis] - 1)
        low = places.astype("int32")
        high = np.minimum(low + 1, x.shape[axis] - 1)
        part = (places - low).reshape([-1 if d == axis else 1 for d in range(x.ndim)])
        return x.take(low, axis) * (1 - part) + x.take(high, axis) * part

    return lambda np, x: along(np, along(np, x, height, 1), width, 2)


def _group_norm(ops, x, gamma, beta):
    """As the layer does it: `ops` has no public name for it."""
    from fastnn.ops.group_norm import group_norm

    return group_norm(x, 8, gamma, beta, 1e-3)


def _group_norm_numpy(np, x, gamma, beta):
    z = x.reshape(x.shape[0], -1, 8, x.shape[-1] // 8)
    z = (z - z.mean((1, 3), keepdims=True)) / np.sqrt(z.var((1, 3), keepdims=True) + 1e-3)
    return z.reshape(x.shape) * gamma + beta


def _softmax(np, x, axis):
    e = np.exp(x - x.max(axis, keepdims=True))
    return e / e.sum(axis, keepdims=True)


def _logsumexp(np, x, axis):
    most = x.max(axis, keepdims=True)
    return (np.log(np.exp(x - most).sum(axis, keepdims=True)) + most).squeeze(axis)


def _scatter(np, x, index, updates):
    y = x.copy()
    y[index] = updates
    return y


def _segments(np, x, index):
    y = np.zeros((100, x.shape[1]), x.dtype)
    np.add.at(y, index, x)
    return y


def _gelu(np, x):
    from scipy.special import erf

    return 0.5 * x * (1 + erf(x * np.float32(0.5**0.5)))


def _ctc(ops, x, labels):
    return ops.ctc_loss(labels + 1, x, ops.full((32,), 30, "int32"), ops.full((32,), 200, "int32"), mask_index=0)


def _ctc_numpy(np, x, labels):
    """The sums of all paths, in logarithms; states are a blank, a label, a blank, ..."""
    x = (x - _logsumexp(np, x, -1)[..., None]).astype("float64")
    states = np.zeros((len(x), 2 * labels.shape[1] + 1), int)
    states[:, 1::2] = labels + 1
    logs = np.take_along_axis(x, states[:, None], 2)
    skips = np.full(states.shape, -np.inf)
    skips[:, 2:][(states[:, 2:] != 0) & (states[:, 2:] != states[:, :-2])] = 0
    paths = np.full(states.shape, -np.inf)
    paths[:, :2] = logs[:, 0, :2]
    for t in range(1, x.shape[1]):
        one, two = (np.pad(paths, ((0, 0), (n, 0)), constant_values=-np.inf)[:, : paths.shape[1]] for n in (1, 2))
        paths = np.logaddexp(np.logaddexp(paths, one), two + skips) + logs[:, t]
    return -np.logaddexp(paths[:, -1], paths[:, -2]).astype("float32")


def _ctc_torch(torch, x, labels):
    lengths = torch.full((32,), 200), torch.full((32,), 30)
    logs = x.log_softmax(-1).transpose(0, 1)
    return torch.nn.functional.ctc_loss(logs, labels.long() + 1, *lengths, reduction="none")


def _fft_numpy(np, x, y):
    """By SciPy, as NumPy's transforms are float64. Complex numbers are made of the pair first, by PyTorch too: a
    twentieth of its time."""
    from scipy.fft import fft

    z = fft(x + y * np.complex64(1j))
    return z.real, z.imag


def _rfft_numpy(np, x):
    from scipy.fft import rfft

    z = rfft(x)
    return z.real, z.imag


def _fft_torch(torch, x, y):
    z = torch.fft.fft(torch.complex(x, y))
    return z.real, z.imag


def _rfft_torch(torch, x):
    z = torch.fft.rfft(x)
    return z.real, z.imag


def _stft_numpy(np, x):
    window = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(400, dtype="float32") / 400)
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(x, ((0, 0), (200, 200)), "reflect"), 400, -1)[:, ::160]
    return _rfft_numpy(np, frames * window.astype("float32"))


def _stft_torch(torch, x):
    z = torch.stft(x, 400, 160, window=torch.hann_window(400), return_complex=True).transpose(1, 2)
    return z.real, z.imag


TURN = (0.9, 0.2, 3.0, -0.2, 0.9, 8.0, 0.0, 0.0)  # a0, a1, a2, b0, b1, b2 of ops.image.affine_transform


def _turned_positions(xp, size):
    h, w = size
    row, column = xp.arange(h)[:, None], xp.arange(w)[None]
    return (
        TURN[3] * column + TURN[4] * row + TURN[5],
        TURN[0] * column + TURN[1] * row + TURN[2],
    )


def _turn_numpy(np, x):
    rows, columns = (at.astype("float32") for at in _turned_positions(np, x.shape[1:3]))
    padded, total = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))), 0
    for down in (0, 1):
        for right in (0, 1):
            row, column = np.floor(rows) + down, np.floor(columns) + right
            share = (1 - np.abs(rows - row)) * (1 - np.abs(columns - column))
            row, column = (np.clip(at, -1, n).astype(int) + 1 for at, n in ((row, x.shape[1]), (column, x.shape[2])))
            total = total + padded[:, row, column] * share[..., None]
    return total


def _turn_torch(torch, x):
    rows, columns = _turned_positions(torch, x.shape[2:])
    grid = torch.stack([columns * (2 / (x.shape[3] - 1)) - 1, rows * (2 / (x.shape[2] - 1)) - 1], -1)
    return torch.nn.functional.grid_sample(x, grid.expand(len(x), *grid.shape), align_corners=True)


IMAGES = (16, 28, 28, 32)
# {kind: operation}
OPERATIONS = {
    # ---- images ----
    "up_sampling": Operation(
        "images", (IMAGES,), (16, 56, 56, 32),
        lambda ops, x: ops.image.resize(x, (56, 56), interpolation="nearest"),
        lambda np, x: x.repeat(2, 1).repeat(2, 2),
        _interpolate(56, 56, "nearest"), fit=True,
    ),
    "resize_bilinear": Operation(
        "images", (IMAGES,), (16, 56, 56, 32),
        lambda ops, x: ops.image.resize(x, (56, 56), interpolation="bilinear"),
        _resize_bilinear(56, 56), _interpolate(56, 56, "bilinear"), fit=True,
    ),
    "resize_photograph": Operation(
        "images", ((4, 150, 130, 3),), (4, 224, 224, 3),
        lambda ops, x: ops.image.resize(x, (224, 224), interpolation="bilinear"),
        _resize_bilinear(224, 224), _interpolate(224, 224, "bilinear"),
    ),
    "depth_to_space": Operation(
        "images", ((8, 32, 32, 36),), (8, 64, 64, 9),
        lambda ops, x: ops.reshape(
            ops.transpose(ops.reshape(x, (8, 32, 32, 2, 2, 9)), (0, 1, 3, 2, 4, 5)), (8, 64, 64, 9)
        ),
        lambda np, x: x.reshape(8, 32, 32, 2, 2, 9).transpose(0, 1, 3, 2, 4, 5).reshape(8, 64, 64, 9),
        lambda torch, x: x.view(8, 32, 32, 2, 2, 9).permute(0, 1, 3, 2, 4, 5).reshape(8, 64, 64, 9),
    ),
    "patches": Operation(
        "images", ((16, 64, 64, 3),), (16, 8, 8, 192),
        lambda ops, x: ops.image.extract_patches(x, (8, 8)),
        lambda np, x: x.reshape(16, 8, 8, 8, 8, 3).transpose(0, 1, 3, 2, 4, 5).reshape(16, 8, 8, 192),
        lambda torch, x: x.view(16, 8, 8, 8, 8, 3).permute(0, 1, 3, 2, 4, 5).reshape(16, 8, 8, 192),
    ),
    "zero_padding": Operation(
        "images", ((8, 32, 32, 16),), (8, 34, 34, 16),
        lambda ops, x: ops.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))),
        lambda np, x: np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0))),
        lambda torch, x: torch.nn.functional.pad(x, (0, 0, 1, 1, 1, 1)),
    ),
    "mirror": Operation(
        "images", ((32, 32, 32, 3),), (32, 32, 32, 3),
        lambda ops, x: ops.flip(x, 2), lambda np, x: np.ascontiguousarray(x[:, :, ::-1]), lambda torch, x: x.flip(2),
    ),
    "roll": Operation(
        "images", ((16, 56, 56, 96),), (16, 56, 56, 96),
        lambda ops, x: ops.roll(x, (3, 3), (1, 2)),
        lambda np, x: np.roll(x, (3, 3), (1, 2)), lambda torch, x: x.roll((3, 3), (1, 2)),
    ),
    "skip": Operation(
        "images", ((8, 32, 32, 32), (8, 32, 32, 64)), (8, 32, 32, 96),
        lambda ops, x, y: ops.concatenate([x, y], -1),
        lambda np, x, y: np.concatenate([x, y], -1), lambda torch, x, y: torch.cat([x, y], -1),
    ),
    "squeeze_excite": Operation(
        "images", ((16, 28, 28, 40), (16, 1, 1, 40)), (16, 28, 28, 40),
        lambda ops, x, y: x * y, lambda np, x, y: x * y, lambda torch, x, y: x * y,
    ),
    "group_norm": Operation(
        "images", ((8, 32, 32, 64), (64,), (64,)), (8, 32, 32, 64),
        _group_norm, _group_norm_numpy,
        _on_planes(lambda torch, x, g, b: torch.nn.functional.group_norm(x, 8, g, b, eps=1e-3)), fit=True,
    ),
    # ---- axes: what is along another than the last ----
    "heads": Operation(
        "axes", ((8, 64, 8, 64),), (8, 8, 64, 64),
        lambda ops, x: ops.transpose(x, (0, 2, 1, 3)),
        lambda np, x: np.ascontiguousarray(x.transpose(0, 2, 1, 3)),
        lambda torch, x: x.permute(0, 2, 1, 3).contiguous(),
    ),
    "channels_first": Operation(
        "axes", ((16, 56, 56, 64),), (16, 64, 56, 56),
        lambda ops, x: ops.transpose(x, (0, 3, 1, 2)),
        lambda np, x: np.ascontiguousarray(x.transpose(0, 3, 1, 2)),
        lambda torch, x: x.permute(0, 3, 1, 2).contiguous(),
    ),
    "softmax_axis_1": Operation(
        "axes", ((32, 100, 64),), (32, 100, 64),
        lambda ops, x: ops.softmax(x, 1), lambda np, x: _softmax(np, x, 1), lambda torch, x: x.softmax(1), fit=True,
    ),
    "log_sum_exp": Operation(
        "axes", ((1024, 1000),), (1024,),
        lambda ops, x: ops.logsumexp(x, -1),
        lambda np, x: _logsumexp(np, x, -1), lambda torch, x: x.logsumexp(-1),
    ),
    "variance": Operation(
        "axes", ((32, 28, 28, 32),), (32, 32),
        lambda ops, x: ops.var(x, (1, 2)),
        lambda np, x: x.var((1, 2)), lambda torch, x: x.var((1, 2), unbiased=False),
    ),
    "sum_axes_0_2": Operation(
        "axes", ((32, 64, 100),), (64,),
        lambda ops, x: ops.sum(x, (0, 2)), lambda np, x: x.sum((0, 2)), lambda torch, x: x.sum((0, 2)),
    ),
    "sum_all": Operation(
        "axes", ((1000, 1000),), (),
        lambda ops, x: ops.sum(x), lambda np, x: x.sum(), lambda torch, x: x.sum(),
    ),
    "norm": Operation(
        "axes", ((1024, 128),), (1024,),
        lambda ops, x: ops.norm(x, axis=-1),
        lambda np, x: np.linalg.norm(x, axis=-1), lambda torch, x: x.norm(dim=-1),
    ),
    "cumsum": Operation(
        "axes", ((256, 1000),), (256, 1000),
        lambda ops, x: ops.cumsum(x, -1), lambda np, x: x.cumsum(-1), lambda torch, x: x.cumsum(-1),
    ),
    "cumprod": Operation(
        "axes", ((256, 1000),), (256, 1000),
        lambda ops, x: ops.cumprod(x, -1), lambda np, x: x.cumprod(-1), lambda torch, x: x.cumprod(-1),
    ),
    # ---- searches: what reads or writes where an index says, and finds such ----
    "argmax": Operation(
        "searches", ((256, 1000),), (256,),
        lambda ops, x: ops.argmax(x, -1), lambda np, x: x.argmax(-1), lambda torch, x: x.argmax(-1),
    ),
    "sort": Operation(
        "searches", ((256, 1000),), (256, 1000),
        lambda ops, x: ops.sort(x, -1), lambda np, x: np.sort(x, -1), lambda torch, x: x.sort(-1)[0],
    ),
    "top_k": Operation(
        "searches", ((256, 1000),), (256, 5),
        lambda ops, x: ops.top_k(x, 5)[0],
        lambda np, x: np.sort(np.partition(x, -5, -1)[:, -5:], -1)[:, ::-1], lambda torch, x: x.topk(5)[0],
    ),
    "median": Operation(
        "searches", ((256, 1001),), (256,),
        lambda ops, x: ops.median(x, -1), lambda np, x: np.median(x, -1), lambda torch, x: x.median(-1)[0],
    ),
    "one_hot": Operation(
        "searches", (((4096,), 1000),), (4096, 1000),
        lambda ops, i: ops.one_hot(i, 1000),
        lambda np, i: np.eye(1000, dtype="float32")[i],
        lambda torch, i: torch.nn.functional.one_hot(i.long(), 1000).float(),
    ),
    "take_along_axis": Operation(
        "searches", ((4096, 100), ((4096, 3), 100)), (4096, 3),
        lambda ops, x, i: ops.take_along_axis(x, i, 1),
        lambda np, x, i: np.take_along_axis(x, i, 1), lambda torch, x, i: torch.gather(x, 1, i.long()), fit=True,
    ),
    "segment_sum": Operation(
        "searches", ((4096, 32), ((4096,), 100)), (100, 32),
        lambda ops, x, i: ops.segment_sum(x, i, 100), _segments,
        lambda torch, x, i: torch.zeros(100, 32).index_add_(0, i, x), fit=True,
    ),
    "scatter_update": Operation(
        "searches", ((5000, 32), ((1024,), 5000), (32,)), (5000, 32),
        lambda ops, x, i, u: ops.scatter_update(x, ops.expand_dims(i, -1), ops.broadcast_to(u, (1024, 32))), _scatter,
        lambda torch, x, i, u: x.index_copy(0, i.long(), u.expand(1024, 32)),
    ),
    "search_sorted": Operation(
        "searches", ((1000,), (10_000,)), (10_000,),
        lambda ops, s, v: ops.searchsorted(ops.sort(s), v), lambda np, s, v: np.searchsorted(np.sort(s), v),
        lambda torch, s, v: torch.searchsorted(s.sort()[0], v),
    ),
    # ---- sequences, and images that are turned ----
    "ctc": Operation(
        "sequences", ((32, 200, 41), ((32, 30), 40)), (32,), _ctc, _ctc_numpy, _ctc_torch, fit=True,
    ),
    "frames": Operation(
        "sequences", ((16, 16_000),), (16, 98, 400), lambda ops, x: ops.extract_sequences(x, 400, 160),
        lambda np, x: np.lib.stride_tricks.sliding_window_view(x, 400, -1)[:, ::160] + 0,
        lambda torch, x: x.unfold(-1, 400, 160).contiguous(), fit=True,
    ),
    "spectrum": Operation(
        "sequences", ((1600, 400),), (1600, 201), lambda ops, x: sum(part * part for part in ops.rfft(x)),
        lambda np, x: np.square(np.abs(np.fft.rfft(x))), lambda torch, x: torch.fft.rfft(x).abs().square(), fit=True,
    ),
    "fft_row": Operation(
        "sequences", ((1, 65_536), (1, 65_536)), (2, 65_536), lambda ops, x, y: ops.fft((x, y)), _fft_numpy, _fft_torch,
    ),
    "rfft_row": Operation(
        "sequences", ((1, 65_536),), (2, 32_769), lambda ops, x: ops.rfft(x), _rfft_numpy, _rfft_torch,
    ),
    "rfft_some": Operation(
        "sequences", ((64, 512),), (128, 257), lambda ops, x: ops.rfft(x), _rfft_numpy, _rfft_torch,
    ),
    "rfft_many": Operation(
        "sequences", ((1600, 400),), (3200, 201), lambda ops, x: ops.rfft(x), _rfft_numpy, _rfft_torch,
    ),
    "stft": Operation(
        "sequences", ((16, 16_000),), (32, 101, 201), lambda ops, x: ops.stft(x, 400, 160, 400), _stft_numpy,
        _stft_torch,
    ),
    "turn": Operation(
        "images", ((8, 96, 96, 3),), (8, 96, 96, 3), lambda ops, x: ops.image.affine_transform(x, TURN),
        _turn_numpy, _on_planes(_turn_torch), fit=True,
    ),
    # ---- functions of every element ----
    "gelu": Operation(
        "functions", ((1024, 256),), (1024, 256),
        lambda ops, x: ops.gelu(x, approximate=False), _gelu, lambda torch, x: torch.nn.functional.gelu(x), fit=True,
    ),
    "swish": Operation(
        "functions", ((1024, 256),), (1024, 256),
        lambda ops, x: ops.silu(x), lambda np, x: x / (1 + np.exp(-x)), lambda torch, x: torch.nn.functional.silu(x),
        fit=True,
    ),
    "elu": Operation(
        "functions", ((1024, 256),), (1024, 256),
        lambda ops, x: ops.elu(x), lambda np, x: np.where(x > 0, x, np.expm1(x)),
        lambda torch, x: torch.nn.functional.elu(x), fit=True,
    ),
    "softplus": Operation(
        "functions", ((1024, 256),), (1024, 256),
        lambda ops, x: ops.softplus(x), lambda np, x: np.logaddexp(x, 0),
        lambda torch, x: torch.nn.functional.softplus(x),
    ),
    "sine": Operation(
        "functions", ((1024, 256),), (1024, 256),
        lambda ops, x: ops.sin(x), lambda np, x: np.sin(x), lambda torch, x: x.sin(),
    ),
    "power": Operation(
        "functions", ((1024, 256),), (1024, 256),
        lambda ops, x: ops.power(ops.abs(x), 2.5), lambda np, x: np.abs(x) ** 2.5, lambda torch, x: x.abs() ** 2.5,
    ),
    "angle": Operation(
        "functions", ((1024, 256), (1024, 256)), (1024, 256),
        lambda ops, x, y: ops.arctan2(x, y), lambda np, x, y: np.arctan2(x, y), lambda torch, x, y: torch.atan2(x, y),
    ),
    "by_column": Operation(
        "functions", ((4096, 64), (4096, 1)), (4096, 64),
        lambda ops, x, y: x * y, lambda np, x, y: x * y, lambda torch, x, y: x * y,
    ),
    "outer": Operation(
        "functions", ((1000, 1), (1000,)), (1000, 1000),
        lambda ops, x, y: x * y, lambda np, x, y: x * y, lambda torch, x, y: x * y,
    ),
    "where": Operation(
        "functions", ((1024, 256), (1024, 256)), (1024, 256),
        lambda ops, x, y: ops.where(x > 0, x, y), lambda np, x, y: np.where(x > 0, x, y),
        lambda torch, x, y: torch.where(x > 0, x, y),
    ),
    "increment": Operation(
        "functions", (((1024, 256), 9),), (1024, 256),
        lambda ops, x: x + 1, lambda np, x: x + 1, lambda torch, x: x + 1,
    ),
    "huber": Operation(
        "functions", ((256, 100), (256, 100)), (),
        lambda ops, x, y: ops.mean(ops.where(ops.abs(x - y) < 1, 0.5 * (x - y) ** 2, ops.abs(x - y) - 0.5)),
        lambda np, x, y: np.where(np.abs(x - y) < 1, 0.5 * (x - y) ** 2, np.abs(x - y) - 0.5).mean(),
        lambda torch, x, y: torch.nn.functional.huber_loss(x, y),
    ),
    # ---- products of other kinds than dense layers and convolutions have ----
    "products": Operation(
        "products", ((32, 64, 64), (32, 64, 64)), (32, 64, 64),
        lambda ops, x, y: x @ y, lambda np, x, y: x @ y, lambda torch, x, y: x @ y, fit=True,
    ),
    "products_small": Operation(
        "products", ((256, 10, 16), (256, 16, 12)), (256, 10, 12),
        lambda ops, x, y: x @ y, lambda np, x, y: x @ y, lambda torch, x, y: x @ y,
    ),
    "scores": Operation(
        "products", ((8, 64, 4, 32), (8, 64, 4, 32)), (8, 4, 64, 64),
        lambda ops, x, y: ops.einsum("bihd,bjhd->bhij", x, y),
        lambda np, x, y: x.transpose(0, 2, 1, 3) @ y.transpose(0, 2, 3, 1),
        lambda torch, x, y: torch.einsum("bihd,bjhd->bhij", x, y),
    ),
    "distances": Operation(
        "products", ((256, 16), (100, 16)), (256, 100),
        lambda ops, x, y: ops.sum(ops.square(ops.expand_dims(x, 1) - y), -1),
        lambda np, x, y: np.square(x[:, None] - y).sum(-1), lambda torch, x, y: (x[:, None] - y).square().sum(-1),
    ),
    "conv_transpose": Operation(
        "products", ((8, 32, 32, 64), (2, 2, 32, 64)), (8, 64, 64, 32),
        lambda ops, x, w: ops.conv_transpose(x, w, 2, padding="valid"),
        lambda np, x, w: np.tensordot(x, w, (3, 3)).transpose(0, 1, 3, 2, 4, 5).reshape(8, 64, 64, 32),
        _on_planes(lambda torch, x, w: torch.nn.functional.conv_transpose2d(x, w.permute(3, 2, 0, 1), stride=2)),
        fit=True,
    ),
}  # fmt: skip
