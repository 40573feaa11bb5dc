"""Calls of ops with arrays, as a user types them: a line of code for each contender, evaluated with its arrays.

A row says what fastnn's user types after `ops.`, then NumPy's and PyTorch's code: SAME where it is the same after `np.`
and `torch.`, None where they have no such function. `special` and `fft` are SciPy's, as NumPy's users have them.
"""

import math
from dataclasses import dataclass

import numpy as np

SIZES = {"calls": 1_000_000, "calls-of-ten": 10}  # a group: the elements of an array
FLOATS, INTEGERS, SINGLE = ("float32", "float64"), ("int32", "int64"), ("float32",)
SAME = "the same"


@dataclass(frozen=True, slots=True)
class Call:
    """One call with arrays of `size` elements of `dtype`, and the code for it by contender. For the level it is as a
    kernel's `Problem` is, but that it counts no work: it has no share of what the machine can do."""

    family: str
    code: dict[str, str | None]
    dtype: str
    size: int
    flops = bytes = 0
    sets, is_random = 1, False

    @property
    def name(self) -> str:
        return f"{self.code['fastnn'].removeprefix('ops.')} {self.dtype}" + (" of ten" if self.size == 10 else "")

    def arrays(self) -> dict:
        """The arrays by the names that code has for them, the same for every contender: x and y within [-1, 1), p
        positive, q above 1, m a matrix, s one that is well conditioned, v in order; i and j integers, j positive; a and
        b truth, k indices below 1000."""
        rng, n = np.random.default_rng(0), self.size
        side = math.isqrt(n)
        least = min(side, 200)
        if self.dtype in FLOATS:
            found = {
                "x": rng.uniform(-1, 1, n), "y": rng.uniform(-1, 1, n), "p": rng.uniform(0.1, 4, n),
                "q": rng.uniform(1, 9, n), "m": rng.uniform(-1, 1, (side, side)),
                "s": rng.uniform(-1, 1, (least, least)) + 20 * np.eye(least), "v": np.linspace(-1, 1, min(n, 1000)),
            }  # fmt: skip
        else:
            found = {"i": rng.integers(-1000, 1000, n), "j": rng.integers(1, 100, n)}
        found = {name: array.astype(self.dtype) for name, array in found.items()}
        found |= {name: rng.uniform(-1, 1, n) > 0 for name in "ab"}
        return found | {"k": rng.integers(0, min(n, 1000), n).astype("int32")}


def _same(texts: str, dtypes=FLOATS):
    return [(text, SAME, SAME, dtypes) for text in texts.split()]


ROWS = (
    # One element after the other.
    *_same("exp(x) expm1(x) log(p) log1p(p) log2(p) log10(p) sqrt(p) square(x) reciprocal(p) negative(x) abs(x)"),
    *_same("sin(x) cos(x) tan(x) arcsin(x) arccos(x) arctan(x) arctan2(x,p) sinh(x) cosh(x) tanh(x)"),
    *_same("arcsinh(x) arccosh(q) arctanh(x) hypot(x,y) logaddexp(x,y) sign(x) floor(p) ceil(p) round(p) trunc(p)"),
    *_same("add(x,y) add(x,2.5) multiply(x,y) divide(x,p) maximum(x,y) clip(x,-0.5,0.5) where(a,x,y) add(m,m.T)"),
    *_same("greater(x,y) greater(x,0.5) isnan(x) isfinite(x) floor_divide(x,p)"),
    *_same("logical_and(a,b) logical_not(a)", SINGLE),
    ("equal(x,y)", SAME, "torch.eq(x,y)", FLOATS),
    ("cbrt(x)", SAME, None, FLOATS),
    ("power(p,y)", SAME, "torch.pow(p,y)", FLOATS),
    ("power(p,2.5)", SAME, "torch.pow(p,2.5)", FLOATS),
    ("mod(x,p)", SAME, "torch.remainder(x,p)", FLOATS),
    ("rsqrt(p)", "1/np.sqrt(p)", SAME, FLOATS),
    ("erf(x)", "special.erf(x)", SAME, FLOATS),
    ("erfinv(x)", "special.erfinv(x)", SAME, FLOATS),
    ("sigmoid(x)", "special.expit(x)", SAME, FLOATS),
    ("relu(x)", "np.maximum(x,0)", SAME, FLOATS),
    ("silu(x)", "x*special.expit(x)", "torch.nn.functional.silu(x)", SINGLE),
    ("gelu(x,False)", "0.5*x*(1+special.erf(x*0.5**0.5))", "torch.nn.functional.gelu(x)", SINGLE),
    ("softplus(x)", "np.logaddexp(x,0)", "torch.nn.functional.softplus(x)", SINGLE),
    ("softmax(m)", "special.softmax(m,-1)", "torch.softmax(m,-1)", FLOATS),
    ("logsumexp(m,-1)", "special.logsumexp(m,-1)", SAME, FLOATS),
    ("cast(x,'float64')", "x.astype('float64')", "x.to(torch.float64)", SINGLE),
    ("cast(x,'float16')", "x.astype('float16')", "x.to(torch.float16)", FLOATS),
    ("cast(x,'int32')", "x.astype('int32')", "x.to(torch.int32)", FLOATS),
    *_same("add(i,j) multiply(i,j) maximum(i,j) abs(i) greater(i,7) floor_divide(i,j)", INTEGERS),
    *_same("floor_divide(i,7) bitwise_and(i,j)", INTEGERS),
    ("equal(i,j)", SAME, "torch.eq(i,j)", INTEGERS),
    ("mod(i,j)", SAME, "torch.remainder(i,j)", INTEGERS),
    ("mod(i,7)", SAME, "torch.remainder(i,7)", INTEGERS),
    ("cast(i,'float32')", "i.astype('float32')", "i.to(torch.float32)", INTEGERS),
    ("cast(i,'bool')", "i.astype('bool')", "i.to(torch.bool)", INTEGERS),
    # Sums and extremes, of all and along an axis, and of views.
    *_same("sum(x) mean(x) sum(m,0) sum(m,1) mean(m,0) sum(m.T,0) sum(m.T,1) mean(m.T,1) prod(m,1) nansum(x)"),
    *_same("argmax(x) argmax(m,0) argmax(m,1) cumsum(x,0) cumsum(m,1) diff(x) count_nonzero(x)"),
    *_same("any(a) all(a)", SINGLE),
    ("max(x)", SAME, "torch.max(x)", FLOATS),
    ("max(m,0)", SAME, "torch.amax(m,0)", FLOATS),
    ("max(m,1)", SAME, "torch.amax(m,1)", FLOATS),
    ("max(m.T,1)", SAME, "torch.amax(m.T,1)", FLOATS),
    ("var(m,1)", SAME, "torch.var(m,1,correction=0)", FLOATS),
    ("std(x)", SAME, "torch.std(x,correction=0)", FLOATS),
    ("median(x)", SAME, "torch.quantile(x,0.5)", FLOATS),
    ("nanmax(x)", SAME, None, FLOATS),
    ("norm(x)", "np.linalg.norm(x)", "torch.linalg.norm(x)", FLOATS),
    *_same("sum(i) max(i) argmax(i)", INTEGERS),
    # Orders and places.
    ("sort(x)", SAME, "torch.sort(x)[0]", FLOATS),
    ("sort(m,1)", SAME, "torch.sort(m,1)[0]", FLOATS),
    ("sort(i)", SAME, "torch.sort(i)[0]", INTEGERS),
    ("argsort(x)", "np.argsort(x,kind='stable')", "torch.argsort(x,stable=True)", FLOATS),
    ("top_k(m,3)[0]", "np.sort(np.partition(m,-3)[:,-3:])[:,::-1]", "torch.topk(m,3)[0]", SINGLE),
    ("take(x,k)", SAME, "x[k]", FLOATS),
    ("searchsorted(v,x)", SAME, SAME, SINGLE),
    ("bincount(k)", SAME, SAME, SINGLE),
    ("bincount(k,weights=x)", SAME, SAME, SINGLE),
    # Copies.
    *_same("concatenate([x,y],0) stack([x,y],1) roll(m,7,1) tile(x,(3,)) tril(m)"),
    ("flip(m,1)", "np.flip(m,1).copy()", "torch.flip(m,(1,))", FLOATS),
    ("repeat(x,3)", SAME, "torch.repeat_interleave(x,3)", FLOATS),
    ("pad(m,((1,2),(3,4)))", SAME, "torch.nn.functional.pad(m,(3,4,1,2))", FLOATS),
    # Matrices and transforms.
    *_same("matmul(m,m) matmul(m,m.T) einsum('ij,jk->ki',m,m) dot(x,y) outer(v,v)"),
    ("cholesky(s@s.T)", "np.linalg.cholesky(s@s.T)", "torch.linalg.cholesky(s@s.T)", FLOATS),
    ("inv(s)", "np.linalg.inv(s)", "torch.linalg.inv(s)", FLOATS),
    ("solve(s,s.T)", "np.linalg.solve(s,s.T)", "torch.linalg.solve(s,s.T)", FLOATS),
    ("svd(s)[1]", "np.linalg.svd(s)[1]", "torch.linalg.svd(s)[1]", FLOATS),
    ("rfft(x)", "parts(fft.rfft(x))", "parts(torch.fft.rfft(x))", FLOATS),
    ("rfft(m)", "parts(fft.rfft(m))", "parts(torch.fft.rfft(m))", FLOATS),
    ("fft((x,y))", "parts(fft.fft(x+1j*y))", "parts(torch.fft.fft(torch.complex(x,y)))", FLOATS),
)


def _code(text: str, numpy: str | None, torch: str | None) -> dict:
    """The code by contender."""
    same = {"fastnn": "ops", "numpy": "np", "torch": "torch"}
    given = {"fastnn": SAME, "numpy": numpy, "torch": torch}
    return {name: f"{same[name]}.{text}" if code is SAME else code for name, code in given.items()}


CALLS = [
    Call(family, _code(*codes), dtype, size)
    for family, size in SIZES.items() for *codes, dtypes in ROWS for dtype in dtypes
]  # fmt: skip
