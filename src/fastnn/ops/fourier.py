"""Fourier transforms, and sequences cut into windows and transformed.

A complex array is a pair of real ones, as in Keras. There are kernels (`_kernels/fourier.c`) for sizes that have no
large prime factor, others run on NumPy. Each is linear, so its gradient is its transpose, which is a
transform in the other direction: with F = (exp(-2 pi i j k / n)) symmetric, the transpose of a map of pairs by F is the
map by its conjugate, the inverse transform without its 1/n (and the other way round).
"""

import math

import numpy as np

from fastnn import config
from fastnn.graph.dtypes import is_float
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.ops import elementwise as ew
from fastnn.ops import logic
from fastnn.ops.conv2d import vector_lanes
from fastnn.ops.indexing import getitem
from fastnn.ops.joining import pad
from fastnn.ops.layout import reshape
from fastnn.ops.record import Op, Spec, as_operand, dtype_of, shape_of, uniform
from fastnn.ops.windows import windows_op, windows_sum_op
from fastnn.plan.function import as_one_plan

_OTHER = {"backward": "forward", "forward": "backward"}  # which of the two directions divides by n


def _pair(z, dtype):
    return np.real(z).astype(dtype), np.imag(z).astype(dtype)


def _last(x, size: int) -> tuple[int, ...]:
    return (*x.shape[:-1], size)


def _filled(dy, y):
    """The gradients of two outputs, zeros for one that nothing depends on."""
    return tuple(np.zeros(part.shape, part.dtype) if d is None else d for d, part in zip(dy, y, strict=True))


# ---- complex to complex ----


def _dft_reference(real, imag, axes, is_inverse, norm):
    transform = np.fft.ifftn if is_inverse else np.fft.fftn
    return _pair(transform(real + 1j * imag, axes=axes, norm=norm), real.dtype)


# Of the kernels: the longest transform of vectors, its factors, and how many these can be.
_MAX_SIZE, _MAX_FACTOR, _FACTORS = 4096, 127, 12
# Of those whose lanes are parts of a row: up to how many numbers one thread transforms a row, of more its columns are a
# phase unless rows are so many; how many rows of turns are in the table whole, more are products; how these are filled.
_WHOLE_ROW, _MANY_ROWS, _TURNED_ROWS, _FILL = 4096, 8, 64, 16
_LONG_ROW = 2**18  # numbers of a row from which on its columns are longer than its rows
_NEAR_BYTES = 2**21  # what is read and written where rows as matrices are near
_FEW_ROWS, _SHORT_ROW = 4, 512  # of fewer rows that are cut or filled NumPy transforms longer ones faster


def factors_of(n: int) -> list[int]:
    """4 as often as it goes, then primes."""
    factors, rest = [], n
    for factor in (4, *range(2, n + 1)):
        while rest % factor == 0:
            factors.append(factor)
            rest //= factor
    return factors


def passes_of(n: int) -> list[int]:
    """Factors of n that a pass is made by: 8 and 4 after it, or 16 alone, then primes. Of passes by 16 the numbers lie
    a power of 2 apart at more places than a set of a cache has."""
    primes = [factor for factor in factors_of(n) if factor % 2]
    twos = (n // math.prod(primes)).bit_length() - 1
    if twos == 4:
        return [16, *primes]
    fours = min(-twos % 3, twos // 2)  # as many as it takes to make the rest eights
    eights, rest = divmod(twos - 2 * fours, 3)
    return [8] * eights + [4] * fours + [2**rest] * (rest > 0) + primes


def _scale(n: int, is_inverse: bool, norm: str) -> float:
    if norm == "ortho":
        return n**-0.5
    return 1 / n if is_inverse == (norm == "backward") else 1.0


def dft_numbers(shape, axes, scale: float, dtype: str) -> tuple[list[int], list[float]]:
    """The integer and real parameters of the kernel for arrays of `shape`."""
    ints, turns = [len(axes)], []
    for axis in axes:
        n = shape[axis]
        ints += [math.prod(shape[:axis]), n, math.prod(shape[axis + 1 :]), *_factor_numbers(n)]
        turns.append(_turns(n, n))
    return ints, [scale, *_packed(turns, dtype)]


def _factor_numbers(n: int) -> list[int]:
    factors = passes_of(n)
    return [len(factors), *factors, *[0] * (_FACTORS - len(factors))]


def _turns(n: int, count: int) -> np.ndarray:
    """cos(2 pi k / n), -sin(2 pi k / n) for k < count, (count, 2)."""
    angles = 2 * np.pi * np.arange(count) / n
    return np.stack([np.cos(angles), -np.sin(angles)], axis=1)


def _packed(tables, dtype: str) -> list[float]:
    """The tables as numbers of `dtype` side by side, in the places of float64: two float32 in each."""
    return np.concatenate([table.ravel() for table in tables]).astype(dtype).view("float64").tolist()


def _has_kernel(n: int) -> bool:
    return 0 < n <= _MAX_SIZE and max(factors_of(n), default=1) <= _MAX_FACTOR


# ---- rows as matrices ----


def _filled_up(table: np.ndarray, more: int = 0) -> np.ndarray:
    """`table` with rows filled with zeros to a multiple of what the kernel takes at once, and so many more."""
    have = table.shape[-1]
    return np.pad(table, [(0, 0)] * (table.ndim - 1) + [(0, -have % _FILL + more)])


def matrix_of(m: int, lanes: int) -> tuple[float, int, int] | None:
    """The two factors of m, both transformed by the kernels, that fill vectors of so many lanes best; of those that do
    so nearly as well the two that are most alike, as longer columns leave the caches, of many numbers about four times
    as many down as across. Before them what part of the lanes' work is wanted, as 1 over it."""
    best = None
    for across in range(2, math.isqrt(m if m < _LONG_ROW else m // 4) + 1):
        down = m // across
        if m % across or not _has_kernel(down) or not _has_kernel(across):
            continue
        work = (-(-down // lanes) * lanes / down + -(-across // lanes) * lanes / across) / 2
        if best is None or work <= 1.1 * best[0]:
            best = work, down, across
    return best


def _matrix_for(outer: int, m: int, dtype: str) -> tuple[int, int] | None:
    """As what matrix the kernels transform each of `outer` rows of m numbers; None where a lane is a row. A row by
    itself costs what a lane does in a full vector, and some more the shorter it is, some less where all are near in a
    cache; farther away lines that follow each other are found sooner. Measured by either on a Zen 4."""
    lanes = vector_lanes(dtype)
    if not (found := matrix_of(m, lanes)):
        return None
    is_near = 4 * outer * m * np.dtype(dtype).itemsize <= _NEAR_BYTES
    as_matrices = outer * found[0] * ((0.9 if is_near else 1.05) + 32 / m)
    return None if _has_kernel(m) and as_matrices >= -(-outer // lanes) * lanes else found[1:]


def rows_numbers(outer, given, m, matrix, scale, dtype, is_whole, is_real=False) -> tuple[list[int], list[float]]:
    """The parameters of the kernels that transform m numbers of each row as a matrix, pairs of real ones or others."""
    down, across = matrix
    near = down if down <= _TURNED_ROWS else 2 ** (math.isqrt(down).bit_length())
    columns = np.arange(across)

    def turned(steps):
        """exp(-2 pi i e / m) for e = step * column: (steps, 2, columns)."""
        angles = 2 * np.pi * (np.outer(steps, columns) % m) / m
        return _filled_up(np.stack([np.cos(angles), -np.sin(angles)], axis=1))

    tables = [_turns(down, down), _turns(across, across)]
    tables += [scale * turned(np.arange(near)), turned(np.arange(-(-down // near)) * near)]
    if is_real:
        tables.append(_filled_up(_turns(2 * m, m + 1).T, _FILL))
    ints = [outer, given, m, down, across, near, int(is_whole), *_factor_numbers(down), *_factor_numbers(across)]
    return ints, _packed(tables, dtype)


def _rows_step(b, name, buffers, outer, given, m, scale, dtype) -> bool:
    """Adds the step that transforms the rows as matrices, where that is faster than rows as lanes."""
    matrix = _matrix_for(outer, m, dtype)
    if matrix is None:
        return False
    is_whole = m <= _WHOLE_ROW or outer >= _MANY_ROWS
    numbers = rows_numbers(outer, given, m, matrix, scale, dtype, is_whole, name != "dft_rows")
    b.step(f"{name}_{'f32' if dtype == 'float32' else 'f64'}", buffers, *numbers)
    return True


def _dft_lower(node, b):
    """The inverse transform is that of numbers whose parts are exchanged, with exchanged parts."""
    parts, outputs, shape = node.inputs, node.outputs, node.inputs[0].shape
    is_inverse, norm = node.params["is_inverse"], node.params["norm"]
    axes = [axis % len(shape) for axis in node.params["axes"]]
    sizes = [shape[axis] for axis in axes]
    if not b.suffix(parts[0]):
        return False
    scale = math.prod(_scale(n, is_inverse, norm) for n in sizes)
    order = -1 if is_inverse else 1
    buffers = [*parts[::order], *outputs[::order]]
    if axes == [len(shape) - 1] and parts[0].size:
        n = shape[-1]
        if _rows_step(b, "dft_rows", buffers, math.prod(shape[:-1]), n, n, scale, parts[0].dtype):
            return True
    if not all(map(_has_kernel, sizes)):
        return False
    b.step(f"dft_{b.suffix(parts[0])}", buffers, *dft_numbers(shape, axes, scale, parts[0].dtype))
    return True


dft_op = Op(
    "dft",
    shape=lambda real, imag, **_: (real, imag),
    reference=_dft_reference,
    grad=lambda dy, y, real, imag, axes, is_inverse, norm: dft_op(
        *_filled(dy, y), axes=axes, is_inverse=not is_inverse, norm=_OTHER[norm]
    ),
    lower=_dft_lower,
    domain=uniform(-1, 1),
)

# ---- real to half of the frequencies, and back ----


def _once_or_twice(n: int, dtype: str) -> np.ndarray:
    """How often each of the frequencies 0 ... n // 2 occurs among all n, where others are their conjugates."""
    count = np.full(n // 2 + 1, 2, dtype)
    count[0] = 1
    if n % 2 == 0:
        count[-1] = 1
    return count


def _fitted(x, size: int):
    """`x` with its last axis cut or filled with zeros to `size`."""
    have = x.shape[-1]
    if have > size:
        return getitem(x, (Ellipsis, slice(0, size)))
    return x if have == size else pad(x, [(0, 0)] * (len(x.shape) - 1) + [(0, size - have)])


def _rfft_grad(dy, y, x, n, norm):
    """Frequencies that occur twice count half: the transpose knows only the half that is there."""
    share = 1 / _once_or_twice(n, x.dtype)
    real, imag = (ew.multiply(d, share) for d in _filled(dy, y))
    return (_fitted(irfft_op(real, imag, n=n, norm=_OTHER[norm]), x.shape[-1]),)


def _irfft_grad(dy, y, real, imag, n, norm):
    count = _once_or_twice(n, real.dtype)
    return tuple(_fitted(ew.multiply(d, count), real.shape[-1]) for d in rfft_op(dy, n=n, norm=_OTHER[norm]))


def rdft_numbers(outer: int, n: int, given: int, scale: float, dtype: str) -> tuple[list[int], list[float]]:
    """The integer and real parameters of the kernels for `outer` rows of n numbers, of whose other side `given` are
    there."""
    m = n if n % 2 else n // 2
    half = np.array([-1.0, 0.0])  # half a turn has no imaginary part, as the frequency has none
    turns = [_turns(m, m)] if n % 2 else [_turns(m, m), _turns(n, m), half]
    return [outer, n, given, m, *_factor_numbers(m)], [scale, *_packed(turns, dtype)]


def _rdft_lower(node, b):
    x, n, is_back = node.inputs[0], node.params["n"], node.op is irfft_op
    outer, given, buffers = math.prod(x.shape[:-1]), x.shape[-1], [*node.inputs, *node.outputs]
    if not b.suffix(x) or not x.size:
        return False
    name = "irdft" if is_back else "rdft"
    scale = _scale(n, is_back, node.params["norm"])
    if n % 2 == 0 and given >= (n // 2 + 1 if is_back else n):
        half = scale if is_back else scale / 2  # the kernel makes twice the frequencies
        if _rows_step(b, f"{name}_rows", buffers, outer, given, n // 2, half, x.dtype):
            return True
    if not _has_kernel(n if n % 2 else n // 2) or (outer < _FEW_ROWS and n > _SHORT_ROW):
        return False
    b.step(f"{name}_{b.suffix(x)}", buffers, *rdft_numbers(outer, n, given, scale, x.dtype))
    return True


rfft_op = Op(
    "rfft",
    shape=lambda x, n, **_: (Spec(_last(x, n // 2 + 1), x.dtype),) * 2,
    reference=lambda x, n, norm: _pair(np.fft.rfft(x, n=n, norm=norm), x.dtype),
    grad=_rfft_grad,
    lower=_rdft_lower,
    domain=uniform(-1, 1),
)
irfft_op = Op(
    "irfft",
    shape=lambda real, imag, n, **_: Spec(_last(real, n), real.dtype),
    reference=lambda real, imag, n, norm: np.fft.irfft(real + 1j * imag, n=n, norm=norm).astype(real.dtype),
    grad=_irfft_grad,
    lower=_rdft_lower,
    domain=uniform(-1, 1),
)


def _complex_input(name: str, x, rank: int):
    """The two parts of `x`, as floats of one dtype."""
    if not isinstance(x, (tuple, list)) or len(x) != 2:
        raise ValueError(f"{name}: input `x` should be a tuple of two arrays - real and imaginary. Received: x={x}")
    real, imag = x
    is_plain = type(real) is np.ndarray and type(imag) is np.ndarray and real.dtype is imag.dtype
    if is_plain and real.dtype.char in "fd" and real.shape == imag.shape and real.ndim >= rank:
        return x  # nothing to tell or to cast: half of the time of a short row
    real, imag = (as_operand(part) for part in x)
    if shape_of(real) != shape_of(imag):
        raise ValueError(
            f"{name}: input `x` should be a tuple of two arrays of the same shape. Received: {shape_of(real)} and "
            f"{shape_of(imag)}"
        )
    if len(shape_of(real)) < rank:
        raise ValueError(f"{name}: input should have rank >= {rank}. Received: input.shape = {shape_of(real)}")
    if not is_float(dtype_of(real)) or not is_float(dtype_of(imag)):
        raise ValueError(
            f"{name}: real and imaginary part must be floats. Received: {dtype_of(real)} and {dtype_of(imag)}"
        )
    return real, ew.cast(imag, dtype_of(real))


@accepts_symbolic
def fft(x):
    """The discrete Fourier transform along the last axis, `y_k = sum_t x_t exp(-2 pi i k t / n)`.

    Args:
        x: tuple of the real and the imaginary part, each (..., n).

    Returns:
        Such a tuple.

    Raises:
        ValueError: for anything but two floating arrays of one shape.

    Example:
        >>> fft((np.array([1.0, 0.0]), np.array([0.0, 0.0])))
        (array([1., 1.]), array([0., 0.]))
    """
    return dft_op(*_complex_input("fft", x, 1), axes=(-1,), is_inverse=False, norm="backward")


@accepts_symbolic
def fft2(x):
    """The discrete Fourier transform along the last two axes.

    Args:
        x: tuple of the real and the imaginary part, each (..., m, n).

    Returns:
        Such a tuple.

    Raises:
        ValueError: for anything but two floating arrays of one shape.

    Example:
        >>> fft2((np.eye(2), np.zeros((2, 2))))[0]
        array([[2., 0.],
               [0., 2.]])
    """
    return dft_op(*_complex_input("fft2", x, 2), axes=(-2, -1), is_inverse=False, norm="backward")


@accepts_symbolic
def ifft2(x):
    """The inverse of `fft2`.

    Args:
        x: tuple of the real and the imaginary part, each (..., m, n).

    Returns:
        Such a tuple.

    Raises:
        ValueError: for anything but two floating arrays of one shape.

    Example:
        >>> ifft2(fft2((np.eye(2), np.zeros((2, 2)))))[0]
        array([[1., 0.],
               [0., 1.]])
    """
    return dft_op(*_complex_input("ifft2", x, 2), axes=(-2, -1), is_inverse=True, norm="backward")


@accepts_symbolic
def rfft(x, fft_length=None):
    """The discrete Fourier transform of real numbers along the last axis: frequencies 0 to n // 2, as the others are
    their conjugates.

    Args:
        x: array (..., n).
        fft_length: n: the axis is cut, or filled with zeros, to it. Its own size by default.

    Returns:
        Tuple of the real and the imaginary part, each (..., n // 2 + 1).

    Raises:
        ValueError: for a scalar, or a `fft_length` below 1.

    Example:
        >>> rfft(np.array([1.0, 2.0, 3.0, 4.0]))
        (array([10., -2., -2.]), array([0., 2., 0.]))
    """
    x = as_operand(x)
    if not shape_of(x):
        raise ValueError(f"rfft: input should have rank >= 1. Received: input.shape = {shape_of(x)}")
    n = shape_of(x)[-1] if fft_length is None else int(fft_length)
    if n < 1:
        raise ValueError(f"rfft: `fft_length` should be a positive integer. Received: fft_length={fft_length}")
    return rfft_op(x if is_float(dtype_of(x)) else ew.cast(x, config.floatx()), n=n, norm="backward")


@accepts_symbolic
def irfft(x, fft_length=None):
    """The inverse of `rfft`.

    Args:
        x: tuple of the real and the imaginary part of frequencies 0 to n // 2, each (..., n // 2 + 1).
        fft_length: n; the even one of the two that are possible by default.

    Returns:
        Array (..., n).

    Raises:
        ValueError: for anything but two floating arrays of one shape.

    Example:
        >>> irfft(rfft(np.array([1.0, 2.0, 3.0, 4.0])), fft_length=4)
        array([1., 2., 3., 4.])
    """
    real, imag = _complex_input("irfft", x, 1)
    n = 2 * (shape_of(real)[-1] - 1) if fft_length is None else int(fft_length)
    if n < 1:
        raise ValueError(f"irfft: `fft_length` should be a positive integer. Received: fft_length={fft_length}")
    return irfft_op(real, imag, n=n, norm="backward")


# ---- sequences ----


@accepts_symbolic
def extract_sequences(x, sequence_length, sequence_stride):
    """Windows of the last axis, which may overlap.

    Args:
        x: array (..., time).
        sequence_length: the length of a window.
        sequence_stride: the distance of neighbouring windows.

    Returns:
        Array (..., windows, sequence_length).

    Raises:
        ValueError: for a scalar.

    Example:
        >>> extract_sequences(np.array([1.0, 2.0, 3.0, 4.0]), 3, 1)
        array([[1., 2., 3.],
               [2., 3., 4.]])
    """
    x = as_operand(x)
    if not shape_of(x):
        raise ValueError(f"extract_sequences: input should have rank >= 1. Received: input.shape = {shape_of(x)}")
    *outer, time = shape_of(x)
    out = max(0, 1 + (time - sequence_length) // sequence_stride)
    flat = reshape(x, (int(np.prod(outer)), time, 1, 1))
    found = windows_op(flat, out=out, taps=sequence_length, stride=sequence_stride, dilation=1, before=0)
    return reshape(found, (*outer, out, sequence_length))


def _sequences_sum(y, sequence_stride: int):
    """The transpose of `extract_sequences`: windows (..., windows, length) added up where they overlap."""
    *outer, count, length = shape_of(y)
    time = length + sequence_stride * (count - 1)
    flat = reshape(y, (int(np.prod(outer)), count, 1, length))
    summed = windows_sum_op(flat, size=time, taps=length, stride=sequence_stride, dilation=1, before=0)
    return reshape(summed, (*outer, time))


def _window(name: str, window, sequence_length: int, fft_length: int, dtype: str):
    """The window's numbers, in the middle of `fft_length` of them."""
    if isinstance(window, str):
        if window not in ("hann", "hamming"):
            raise ValueError(
                f"{name}: if a string is passed to `window`, it must be one of `'hann'`, `'hamming'`. Received: "
                f"window={window}"
            )
        # Periodic: the first of the numbers after the last would be the first again.
        a = 0.5 if window == "hann" else 0.54
        window = a - (1 - a) * np.cos(2 * np.pi * np.arange(sequence_length) / sequence_length)
    before = (fft_length - sequence_length) // 2
    after = fft_length - sequence_length - before
    if window is None:
        return np.ones(fft_length, dtype)
    window = ew.cast(as_operand(window), dtype)
    if shape_of(window) != (sequence_length,):
        raise ValueError(
            f"{name}: the shape of `window` must be equal to [sequence_length], {sequence_length}. Received: window "
            f"shape={shape_of(window)}"
        )
    return pad(window, [(before, after)])


def _check_lengths(name: str, sequence_length: int, fft_length: int) -> None:
    if fft_length < sequence_length:
        raise ValueError(
            f"{name}: `fft_length` must equal or larger than `sequence_length`. Received: "
            f"sequence_length={sequence_length}, fft_length={fft_length}"
        )


@as_one_plan
@accepts_symbolic
def stft(x, sequence_length, sequence_stride, fft_length, window="hann", center=True):
    """The short-time Fourier transform: `rfft` of windows of the last axis.

    Args:
        x: floats (..., time).
        sequence_length: the length of a window.
        sequence_stride: the distance of neighbouring windows.
        fft_length: the length of the transforms; windows are filled up with zeros on both sides.
        window: "hann", "hamming" (both periodic), an array (sequence_length,), or None for ones.
        center: whether `x` is mirrored at its ends, so that window t has its centre at time t * sequence_stride.

    Returns:
        Tuple of the real and the imaginary part, each (..., windows, fft_length // 2 + 1).

    Raises:
        TypeError: for anything but floats.
        ValueError: for lengths or a window that do not fit.

    Example:
        >>> stft(np.arange(8.0), 4, 2, 4, window=None, center=False)[0]
        array([[ 6., -2., -2.],
               [14., -2., -2.],
               [22., -2., -2.]])
    """
    x = as_operand(x)
    if dtype_of(x) not in ("float32", "float64"):
        raise TypeError(f"Invalid input type. Expected `float32` or `float64`. Received: input type={dtype_of(x)}")
    _check_lengths("stft", sequence_length, fft_length)
    window = _window("stft", window, sequence_length, fft_length, dtype_of(x))
    if center:
        half = fft_length // 2
        x = pad(x, [(0, 0)] * (len(shape_of(x)) - 1) + [(half, half)], mode="reflect")
    return rfft(ew.multiply(extract_sequences(x, fft_length, sequence_stride), window))


@as_one_plan
@accepts_symbolic
def istft(x, sequence_length, sequence_stride, fft_length, length=None, window="hann", center=True):
    """The inverse of `stft`: the signal whose windows are closest to the given ones (Griffin and Lim 1984, eq. 6).

    Args:
        x: tuple of the real and the imaginary part, each (..., windows, fft_length // 2 + 1).
        sequence_length, sequence_stride, fft_length, window, center: as they were for `stft`.
        length: of the signal; all that the windows reach by default.

    Returns:
        Array (..., time). With `window=None` it is the sum of the windows, not their mean: Keras's convention.

    Raises:
        ValueError: for lengths or a window that do not fit.

    Example:
        >>> x = np.arange(8.0)
        >>> bool(np.allclose(istft(stft(x, 4, 2, 4), 4, 2, 4), x))
        True
    """
    real, imag = _complex_input("istft", x, 2)
    dtype = dtype_of(real)
    _check_lengths("istft", sequence_length, fft_length)
    has_window = window is not None
    window = _window("istft", window, sequence_length, fft_length, dtype)
    frames = ew.multiply(irfft_op(real, imag, n=fft_length, norm="backward"), window)
    # What each moment was multiplied by on the way in and out.
    squares = ew.multiply(np.ones((shape_of(real)[-2], fft_length), dtype), ew.multiply(window, window))
    weight = _sequences_sum(squares, sequence_stride)
    signal = ew.divide(_sequences_sum(frames, sequence_stride), logic.where(logic.greater(weight, 1e-10), weight, 1))
    if not has_window:
        signal = ew.multiply(signal, fft_length / sequence_stride)
    start = fft_length // 2 if center else 0
    stop = start + length if length is not None else shape_of(signal)[-1] - start
    return getitem(signal, (Ellipsis, slice(start, max(start, stop))))
