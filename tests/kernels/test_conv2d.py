"""Convolution kernels against sums over taps in higher precision, on every instruction set.

Bounds are per element: a chain of k products is off by at most (k + 2) eps times the sum of their sizes.
"""

from dataclasses import astuple, dataclass

import numpy as np
import pytest

from fastnn import _kernels
from fastnn._kernels import _engine
from tests.kernels.guarded import Guarded
from tests.kernels.programs import Program
from tests.kernels.remembered import remembered
from tests.kernels.wide import product, wide

ISAS = _engine.isas()
FLOATS = {"f32": np.float32, "f64": np.float64}


@dataclass(frozen=True)
class Problem:
    n: int
    h: int
    w: int
    cin: int
    cout: int
    kh: int
    kw: int
    strides: tuple = (1, 1)
    dilation: tuple = (1, 1)
    pads: tuple = (0, 0, 0, 0)  # top, left, bottom, right
    groups: int = 1

    @property
    def out(self):
        top, left, bottom, right = self.pads
        oh = (self.h + top + bottom - (self.kh - 1) * self.dilation[0] - 1) // self.strides[0] + 1
        ow = (self.w + left + right - (self.kw - 1) * self.dilation[1] - 1) // self.strides[1] + 1
        return oh, ow

    @property
    def ints(self):
        sizes = [self.n, self.h, self.w, self.cin, *self.out, self.cout, self.kh, self.kw]
        return [*sizes, *self.strides, *self.dilation, *self.pads[:2], self.groups, 0, 0]

    @property
    def shapes(self):
        """Of x, kernel and y."""
        kernel = (self.kh, self.kw, self.cin // self.groups, self.cout)
        return (self.n, self.h, self.w, self.cin), kernel, (self.n, *self.out, self.cout)


# The kernel gradient of few pixels: tiles write results, over one band or several; segments follow rows or images.
FEW_PIXELS = [
    Problem(3, 5, 5, 37, 24, 5, 5),  # tiles of halves, the last of 5 rows
    Problem(5, 9, 9, 140, 40, 3, 3, strides=(2, 2)),  # two bands of many rows
    Problem(2, 40, 3, 20, 33, 3, 3),
    Problem(20, 7, 2, 48, 32, 3, 2, pads=(1, 0, 1, 0), groups=2),
    Problem(6, 9, 11, 8, 16, 7, 7, pads=(3, 3, 3, 3)),  # columns are a row of taps, which zeros around x are not
]

# The input gradient a row of taps after the other.
SPREAD = [
    Problem(1, 10, 10, 16, 60, 7, 7),
    Problem(2, 13, 17, 48, 90, 9, 8, strides=(2, 2), pads=(0, 1, 1, 0)),
    Problem(1, 17, 23, 12, 90, 9, 8, pads=(1, 0, 1, 1)),  # parts of vectors, several bands
    Problem(3, 20, 15, 64, 70, 9, 4, strides=(2, 1), dilation=(1, 2)),
    Problem(1, 12, 40, 19, 120, 5, 5, dilation=(2, 1)),
    Problem(1, 7, 6, 32, 200, 2, 3, strides=(3, 4)),  # some pixels have no tap
    Problem(17, 9, 9, 512, 8, 7, 7),  # several images at once
    Problem(1, 30, 90, 8, 60, 9, 8),  # products of parts of a band
]

# To a vector and a half of channels at most, by weights of which two rows take three vectors.
THREE_HALVES = [
    Problem(3, 11, 12, 22, 20, 1, 1),
    Problem(2, 17, 15, 18, 24, 3, 3, pads=(1, 1, 1, 1)),
    Problem(3, 14, 19, 24, 17, 3, 2, strides=(1, 2), pads=(1, 1, 1, 1)),
    Problem(24, 7, 8, 8, 22, 5, 5, pads=(2, 2, 2, 2)),  # tiles of some pixels of each of 24 images
    Problem(1, 179, 187, 24, 42, 1, 1),  # asked for
    Problem(1, 33, 34, 150, 19, 1, 1, strides=(2, 1)),
]
PROBLEMS = [
    Problem(2, 6, 7, 1, 1, 1, 1),
    Problem(1, 9, 9, 1, 32, 3, 3),
    Problem(3, 8, 5, 3, 10, 3, 2),
    Problem(2, 13, 13, 8, 17, 3, 3),
    Problem(5, 4, 4, 2, 64, 3, 3, pads=(1, 1, 1, 1)),
    Problem(1, 40, 37, 3, 5, 5, 4, pads=(2, 1, 2, 2)),
    Problem(2, 9, 8, 4, 6, 3, 3, strides=(2, 2), pads=(0, 0, 1, 1)),
    Problem(2, 9, 10, 3, 4, 3, 3, strides=(3, 2)),
    Problem(2, 7, 9, 4, 50, 1, 1, strides=(2, 2)),
    Problem(1, 11, 12, 2, 3, 3, 3, dilation=(2, 3), pads=(2, 3, 2, 3)),
    Problem(1, 12, 13, 2, 3, 3, 3, strides=(2, 2), dilation=(2, 3)),
    Problem(2, 6, 6, 6, 9, 3, 3, pads=(1, 1, 1, 1), groups=3),
    Problem(2, 5, 6, 4, 40, 2, 2, strides=(2, 1), groups=2),
    Problem(20, 3, 3, 5, 7, 3, 3, pads=(1, 1, 1, 1)),
    Problem(1, 2, 2, 1, 1, 1, 1, pads=(3, 3, 3, 3)),
    Problem(1, 8, 8, 2, 2, 2, 2, strides=(5, 5)),
    Problem(0, 5, 5, 2, 3, 3, 3),
    Problem(1, 13, 12, 3, 70, 3, 3, pads=(1, 1, 1, 1)),  # few bands: cut by columns too
    Problem(2, 7, 6, 1, 19, 3, 3, dilation=(2, 1)),  # few channels: 4 pixels at once
    Problem(2, 9, 11, 2, 32, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1)),
    Problem(1, 6, 7, 3, 33, 3, 3, pads=(1, 1, 1, 1)),
    Problem(1, 4, 37, 1, 128, 3, 3, pads=(1, 1, 1, 1)),  # one channel, results of more than 16 KiB a row
    Problem(3, 5, 9, 4, 16, 3, 3, strides=(1, 2), pads=(0, 1, 2, 1)),
    Problem(1, 40, 70, 4, 6, 5, 5, pads=(2, 2, 2, 2)),  # rows of products in parts
    Problem(3, 9, 11, 6, 8, 2, 1, strides=(3, 2), pads=(1, 0, 0, 1), groups=2),  # some pixels have no tap
    Problem(2, 50, 90, 3, 4, 5, 4, strides=(2, 2), pads=(1, 2, 2, 1)),
    Problem(3, 9, 37, 3, 16, 3, 3, pads=(1, 1, 1, 1)),  # few channels, whole vectors of them in the result
    Problem(1, 21, 67, 2, 32, 7, 6, strides=(2, 3), pads=(3, 2, 3, 4)),
    Problem(2, 5, 81, 4, 48, 3, 5, strides=(1, 4), dilation=(2, 2), pads=(1, 4, 2, 1)),
    Problem(1, 30, 20, 3, 16, 1, 1),
    Problem(7, 11, 29, 1, 32, 3, 3),
    Problem(1, 4, 70, 4, 16, 2, 2, strides=(3, 3), pads=(0, 0, 1, 1)),  # some pixels have no tap
    Problem(9, 9, 9, 6, 20, 5, 5, pads=(2, 2, 2, 2)),  # tiles whose pixels have different taps
    Problem(2, 17, 19, 5, 18, 3, 4, strides=(2, 3), dilation=(3, 2), pads=(4, 5, 6, 3)),
    Problem(2, 3, 40, 8, 16, 5, 9, pads=(6, 9, 5, 10)),  # some pixels have no tap, others few
    Problem(3, 13, 13, 10, 36, 3, 3, strides=(2, 3), pads=(1, 1, 1, 1)),  # rectangles that the same taps reach
    Problem(2, 9, 39, 32, 32, 3, 3, pads=(1, 1, 1, 1), groups=8),  # whole groups in vectors
    Problem(3, 9, 13, 16, 16, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1), groups=2),
    Problem(1, 14, 21, 48, 48, 5, 7, dilation=(2, 1), pads=(4, 2, 3, 2), groups=24),
    Problem(2, 5, 3, 16, 16, 3, 3, strides=(1, 2), pads=(1, 2, 1, 2), groups=4),
    Problem(1, 7, 11, 32, 32, 1, 1, strides=(3, 2), groups=8),  # some pixels have no tap
    Problem(2, 8, 17, 32, 32, 2, 4, strides=(1, 3), dilation=(1, 2), pads=(0, 1, 1, 2), groups=16),
    Problem(0, 5, 6, 16, 16, 3, 3, groups=4),
    Problem(2, 9, 37, 48, 48, 3, 3, pads=(1, 1, 1, 1), groups=3),  # groups of a whole vector
    Problem(3, 7, 5, 32, 32, 3, 4, strides=(2, 1), pads=(1, 2, 0, 1), groups=2),
    Problem(1, 5, 9, 32, 32, 3, 3, groups=4),  # too few pixels for a copy of the kernel
    Problem(2, 3, 11, 1024, 1024, 3, 3, pads=(1, 1, 1, 1), groups=128),  # pixels pages apart: copied by vectors
    Problem(1, 9, 8, 512, 512, 2, 3, strides=(2, 1), dilation=(1, 2), pads=(0, 2, 1, 2), groups=64),
    Problem(2, 5, 5, 512, 512, 3, 3, pads=(2, 0, 1, 0), groups=32),
    Problem(2, 9, 13, 12, 12, 3, 3, pads=(1, 1, 1, 1), groups=4),  # ragged groups: 3 channels to 3
    Problem(3, 7, 21, 10, 20, 3, 2, pads=(1, 0, 1, 1), groups=10),  # 1 to 2, two vectors with AVX-512
    Problem(2, 12, 9, 24, 24, 3, 3, strides=(2, 1), pads=(1, 1, 1, 1), groups=3),  # the last vector is half full
    Problem(2, 9, 27, 24, 24, 3, 3, pads=(1, 1, 1, 1), groups=3),  # it has two halves of a row, of two rows at a time
    Problem(2, 6, 43, 12, 12, 3, 3, pads=(1, 1, 1, 1), groups=3),  # the same of vectors of 8 lanes
    Problem(1, 5, 40, 12, 18, 3, 2, strides=(1, 2), pads=(1, 0, 1, 1), groups=6),  # 2 to 3
    Problem(3, 5, 1, 6, 6, 3, 1, pads=(1, 0, 1, 0), groups=2),  # halves of one pixel
    Problem(1, 7, 9, 35, 10, 2, 3, dilation=(1, 2), pads=(0, 2, 1, 2), groups=5),  # 7 to 2
    Problem(2, 6, 9, 4, 8, 3, 3, pads=(1, 1, 1, 1), groups=2),  # so few channels that are thin by themselves
    Problem(1, 30, 40, 18, 9, 5, 5, strides=(2, 2), pads=(2, 2, 2, 2), groups=9),  # 2 to 1, several bands
    Problem(1, 9, 8, 32, 32, 3, 2, strides=(2, 2), dilation=(2, 2), pads=(3, 0, 2, 1), groups=8),  # no tap at some rows
    Problem(2, 13, 12, 96, 192, 2, 3, pads=(1, 1, 0, 1), groups=3),  # of several: panel after panel
    Problem(2, 13, 12, 64, 160, 1, 2, groups=2),  # panels of different widths
    Problem(2, 12, 17, 20, 24, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1)),  # channels far from whole vectors
    Problem(3, 9, 6, 9, 40, 4, 5, strides=(1, 2), pads=(2, 1, 1, 3)),
    Problem(2, 9, 13, 7, 48, 1, 1),  # one tap, whole vectors of results: several tiles at once
    Problem(1, 12, 15, 32, 64, 1, 1),
    Problem(3, 11, 10, 16, 96, 1, 1, strides=(2, 3)),
    Problem(1, 6, 35, 64, 2, 1, 1, strides=(1, 2)),  # a gradient of more vectors than it has products
    Problem(2, 9, 7, 80, 24, 1, 1, strides=(3, 1)),
    Problem(1, 8, 9, 32, 16, 1, 1, strides=(2, 2), pads=(1, 1, 1, 1)),
    # The first windows begin inside: runs of a longer line.
    Problem(2, 1, 40, 16, 33, 1, 4, pads=(0, -4, 0, 1)),
    Problem(1, 12, 13, 3, 32, 3, 3, strides=(2, 1), pads=(-2, -1, 0, 0)),
    Problem(2, 9, 12, 20, 3, 3, 2, pads=(-1, -2, 1, -1)),
    Problem(3, 15, 14, 88, 56, 1, 1),  # last vectors at most half full, of all three
    Problem(2, 13, 15, 21, 36, 3, 3, pads=(1, 1, 1, 1)),
    Problem(1, 171, 173, 37, 40, 1, 1),  # the same, asked for
    Problem(2, 7, 6, 96, 20, 3, 2, strides=(2, 1), pads=(1, 1, 1, 0)),  # of the input gradient: panel after panel
    Problem(3, 5, 7, 90, 70, 2, 3, pads=(1, 0, 0, 2)),  # the same, the last one narrower
    Problem(2, 6, 5, 101, 20, 3, 2, strides=(1, 2)),  # panels of different widths
    Problem(2, 32, 33, 16, 256, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1)),  # panel after panel with AVX2 and less
    Problem(2, 16, 17, 256, 512, 1, 1),  # panel after panel
    Problem(1, 7, 9, 29, 301, 3, 3, pads=(1, 1, 1, 1)),  # weights panel after panel, the last one narrower
    Problem(2, 32, 33, 20, 50, 3, 3, strides=(2, 2)),  # the same with AVX2 and less: few weights, no whole vectors
    Problem(2, 33, 34, 24, 88, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1)),  # an odd number of vectors
    Problem(2, 9, 13, 514, 257, 1, 1),
    Problem(2, 5, 6, 24, 301, 3, 2, strides=(2, 1), dilation=(1, 2), pads=(1, 1, 1, 1)),  # in place but for one row
    Problem(3, 4, 5, 6, 3, 2, 2, pads=(1, 0, 0, 1)),  # but for several
    Problem(2, 7, 5, 8, 26, 3, 3, strides=(1, 2), groups=2),
    Problem(2, 171, 170, 37, 9, 2, 2, strides=(2, 2)),  # far windows that share no pixels
    Problem(2, 17, 16, 40, 13, 3, 4, pads=(1, 2, 1, 1)),  # sums over lanes, a vector of filters in panels of 4 and 5
    Problem(2, 15, 14, 33, 16, 4, 3, pads=(2, 1, 1, 1)),
    Problem(1, 24, 19, 24, 11, 5, 4, dilation=(2, 1), pads=(6, 1, 5, 2)),  # rows of taps that some pixels miss
    Problem(3, 12, 23, 64, 8, 3, 3, strides=(1, 2), pads=(1, 0, 1, 1)),
    Problem(1, 20, 21, 49, 7, 3, 3, strides=(2, 1), pads=(4, 1, 4, 1)),  # pixels of no tap
    # To one vector of channels by weights of which two rows lie in turns: tiles at borders too.
    Problem(3, 17, 18, 6, 13, 3, 3, pads=(1, 1, 1, 1)),
    Problem(2, 17, 16, 24, 16, 7, 7, pads=(3, 3, 3, 3)),  # not sums over lanes, which do more
    Problem(2, 14, 19, 38, 7, 3, 4, strides=(1, 2), pads=(1, 2, 1, 1)),
    Problem(24, 8, 9, 16, 16, 5, 5, strides=(2, 2), pads=(2, 2, 2, 2)),
    Problem(3, 13, 12, 16, 10, 4, 3, strides=(2, 1), dilation=(1, 2), pads=(1, 2, 1, 2)),
    Problem(2, 13, 17, 48, 5, 3, 3, pads=(1, 1, 1, 1)),
    Problem(2, 12, 13, 96, 4, 2, 2),
    Problem(3, 5, 47, 16, 16, 1, 1, strides=(2, 2)),  # one tap, rows of whole tiles
    Problem(2, 5, 24, 32, 48, 1, 1),
    Problem(2, 9, 9, 30, 48, 1, 1),  # one tap, bands of an image, whose rows follow each other
    Problem(3, 19, 18, 64, 32, 1, 1, strides=(2, 2)),  # rows of which lines would do too many pixels again
    Problem(3, 7, 9, 16, 32, 1, 1),  # rows that follow each other, whose last tile does some pixels again
    Problem(3, 7, 9, 5, 11, 1, 1),  # the same of a part of a vector
    Problem(2, 8, 9, 38, 13, 1, 1),  # two channels of x at once
    Problem(2, 6, 32, 16, 50, 1, 1, strides=(2, 2)),  # the same in the input gradient, beside pixels without a tap
    Problem(2, 6, 24, 8, 34, 1, 1, strides=(2, 2)),
    Problem(2, 5, 9, 6, 9, 1, 1, groups=3),
    Problem(2, 171, 233, 20, 7, 1, 1),  # the same, asked for
    Problem(2, 4, 72, 64, 64, 1, 1, strides=(1, 3)),
    Problem(2, 4, 48, 16, 32, 2, 2, strides=(2, 2)),
    Problem(1, 4, 48, 48, 32, 1, 1, strides=(3, 2), groups=2),
    Problem(3, 121, 122, 97, 70, 1, 1, strides=(3, 3)),  # far pixels: the kernel gradient has short bands
    Problem(0, 5, 4, 16, 32, 1, 1),
    Problem(2, 9, 13, 2, 64, 3, 3, pads=(1, 1, 1, 1)),  # tiles of the input gradient that ask part by part
    Problem(1, 7, 29, 3, 48, 4, 3, pads=(2, 1, 1, 1)),
    *THREE_HALVES,
    *SPREAD,
    *FEW_PIXELS,
    Problem(1, 23, 25, 300, 256, 1, 1, strides=(1, 2)),  # the kernel gradient: blocks of rows, a part of each pixel
    Problem(4, 19, 21, 27, 96, 1, 1),  # tiles of 8, 2 and 1 rows over several bands
    Problem(5, 17, 15, 32, 23, 1, 1, strides=(2, 1)),  # channels of dy are its rows
    Problem(2, 21, 19, 24, 8, 3, 3, strides=(2, 1), dilation=(2, 1), pads=(2, 1, 1, 1)),  # few channels of results
    Problem(3, 9, 8, 50, 7, 2, 3, strides=(1, 3)),
    Problem(13, 13, 12, 30, 16, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1)),  # more: two tiles of them
    Problem(12, 17, 15, 21, 11, 4, 5, strides=(2, 3), pads=(1, 2, 2, 1)),
    Problem(5, 7, 5, 33, 5, 4, 4, strides=(2, 2), pads=(2, 2, 2, 2)),
    Problem(1, 30, 41, 20, 4, 2, 2, strides=(2, 2), pads=(0, 0, 1, 1)),
    Problem(17, 6, 5, 100, 3, 3, 2, strides=(2, 2)),
    Problem(2, 11, 23, 40, 2, 5, 3, strides=(3, 1)),
    Problem(4, 8, 8, 80, 1, 4, 4),
    Problem(2, 9, 13, 130, 6, 1, 1, strides=(1, 2)),
    Problem(3, 17, 61, 3, 50, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1)),  # what lies inside x is read in place
    Problem(60, 7, 80, 1, 16, 3, 3, strides=(2, 2), pads=(0, 0, 1, 1)),
    Problem(1, 20, 62, 4, 33, 3, 3, strides=(1, 2), dilation=(2, 1), pads=(2, 1, 3, 0)),
    # Small images whose same pixels are tiles.
    Problem(24, 7, 6, 32, 35, 5, 4, pads=(2, 1, 2, 2)),
    Problem(31, 9, 8, 32, 40, 4, 5),
    Problem(12, 8, 9, 32, 66, 5, 5, strides=(2, 2), pads=(2, 2, 2, 2)),
    Problem(7, 6, 6, 64, 96, 7, 7, pads=(3, 3, 3, 3), groups=2),
    # Lines of tiles where all taps reach, of one panel: two steps at once, of an odd run but for its last, or one.
    Problem(3, 1, 61, 16, 16, 1, 5, pads=(0, 2, 0, 2)),
    Problem(2, 1, 45, 5, 13, 1, 3, pads=(0, 1, 0, 1)),
    Problem(2, 1, 90, 16, 48, 1, 3, strides=(1, 2), pads=(0, 0, 0, 1)),
    Problem(1, 5, 26, 33, 16, 3, 3, pads=(1, 1, 1, 1)),
    Problem(2, 6, 26, 8, 32, 3, 2, strides=(2, 1), pads=(1, 1, 1, 1)),
    Problem(2, 9, 37, 20, 9, 3, 3, dilation=(2, 3), pads=(2, 3, 2, 3)),
    Problem(2, 4, 40, 7, 8, 2, 4, pads=(5, 6, 1, 2)),
    Problem(0, 1, 40, 16, 16, 1, 5, pads=(0, 2, 0, 2)),
    # The input gradient by pairs of pixels, to a vector of 16, 8 or 4 channels.
    Problem(2, 7, 31, 16, 5, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1)),
    Problem(1, 6, 64, 16, 37, 3, 3, strides=(2, 2)),
    Problem(2, 5, 30, 16, 9, 5, 5, strides=(1, 2), pads=(2, 2, 2, 2)),
    Problem(2, 9, 31, 8, 6, 2, 7, strides=(3, 2), pads=(0, 3, 1, 3)),  # some rows have no tap
    Problem(3, 6, 46, 8, 17, 4, 4, strides=(2, 2), dilation=(2, 1), pads=(1, 1, 1, 1)),
    # The same to three channels, with lanes of the filters.
    Problem(2, 7, 31, 3, 32, 3, 3, strides=(2, 2), pads=(1, 1, 1, 1)),
    Problem(2, 6, 16, 3, 16, 3, 3, strides=(2, 2), pads=(0, 0, 1, 1)),
    Problem(1, 9, 15, 3, 48, 5, 5, strides=(1, 2), pads=(2, 2, 2, 2)),
    Problem(2, 9, 31, 3, 16, 2, 7, strides=(3, 2), pads=(0, 3, 1, 3)),  # some rows have no tap
    Problem(1, 6, 24, 3, 32, 4, 4, strides=(2, 2), pads=(1, 1, 1, 1)),
    Problem(2, 5, 8, 3, 64, 3, 3, strides=(2, 2), dilation=(2, 1), pads=(2, 1, 2, 1)),
    Problem(1, 4, 95, 4, 7, 3, 2, strides=(2, 2), pads=(1, 1, 0, 0)),
]
pytestmark = pytest.mark.parametrize("isa", ISAS)
each_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=lambda p: "-".join(map(str, astuple(p))))
each_float = pytest.mark.parametrize("suffix", FLOATS)


def surrounded(x, top, left, bottom, right):
    """`x` with so many zeros around it, or as many pixels less."""
    pads = (0, 0), (top, bottom), (left, right), (0, 0)
    kept = (slice(max(-a, 0), n - max(-b, 0)) for n, (a, b) in zip(x.shape, pads, strict=True))
    return np.pad(x[tuple(kept)], np.maximum(pads, 0))


def taps(problem, x):
    """For each tap (ky, kx): the pixels of padded `x` that it multiplies, as (n, oh, ow, cin), and where they are."""
    oh, ow = problem.out
    padded = surrounded(x, *problem.pads)
    for ky in range(problem.kh):
        for kx in range(problem.kw):
            y, z = ky * problem.dilation[0], kx * problem.dilation[1]
            rows = slice(y, y + (oh - 1) * problem.strides[0] + 1, problem.strides[0])
            cols = slice(z, z + (ow - 1) * problem.strides[1] + 1, problem.strides[1])
            yield ky, kx, padded[:, rows, cols], (rows, cols)


@remembered
def forward(problem, x, kernel):
    cin_g, cout_g = problem.cin // problem.groups, problem.cout // problem.groups
    y = np.zeros(problem.shapes[2], x.dtype)
    for ky, kx, pixels, _ in taps(problem, x):
        for g in range(problem.groups):
            inputs, outputs = slice(g * cin_g, (g + 1) * cin_g), slice(g * cout_g, (g + 1) * cout_g)
            y[..., outputs] += product(pixels[..., inputs], kernel[ky, kx][:, outputs])
    return y


@remembered
def grad_input(problem, dy, kernel):
    cin_g, cout_g = problem.cin // problem.groups, problem.cout // problem.groups
    top, left, bottom, right = problem.pads
    padded = np.zeros((problem.n, problem.h + top + bottom, problem.w + left + right, problem.cin), dy.dtype)
    for ky, kx, _, (rows, cols) in taps(problem, np.zeros(problem.shapes[0])):
        for g in range(problem.groups):
            inputs, outputs = slice(g * cin_g, (g + 1) * cin_g), slice(g * cout_g, (g + 1) * cout_g)
            padded[:, rows, cols, inputs] += product(dy[..., outputs], kernel[ky, kx][:, outputs].T)
    return surrounded(padded, *(-pad for pad in problem.pads))


@remembered
def grad_kernel(problem, x, dy):
    cin_g, cout_g = problem.cin // problem.groups, problem.cout // problem.groups
    dw = np.zeros(problem.shapes[1], dy.dtype)
    for ky, kx, pixels, _ in taps(problem, x):
        for g in range(problem.groups):
            inputs, outputs = slice(g * cin_g, (g + 1) * cin_g), slice(g * cout_g, (g + 1) * cout_g)
            rows = pixels[..., inputs].reshape(-1, cin_g)
            dw[ky, kx][:, outputs] = product(rows.T, dy[..., outputs].reshape(-1, cout_g))
    return dw


def data(problem, suffix, which):
    """Random arrays of the shapes `which` (0 x, 1 kernel, 2 y), unaligned, and their copies in higher precision."""
    rng = np.random.default_rng(5)
    arrays = [Guarded(rng.standard_normal(problem.shapes[k]), FLOATS[suffix]).array for k in which]
    return arrays, [wide(a) for a in arrays]


def assert_close(got, expected, sizes, terms):
    eps = np.finfo(got.dtype).eps
    error, bound = np.abs(got - expected), (terms + 4) * eps * sizes
    bad = ~(error <= bound)
    assert not bad.any(), f"at {np.argwhere(bad)[0]}: {got[bad][0]} for {expected[bad][0]}, {bad.sum()} of {bad.size}"


def run(kernel, problem, arrays, outputs, suffix, isa, threads=1, relu=False):
    """Runs a kernel with outputs full of NaN between canaries."""
    guarded = [Guarded.unwritten(shape, FLOATS[suffix]) if isinstance(shape, tuple) else shape for shape in outputs]
    buffers = [*arrays, *(g.array if isinstance(g, Guarded) else g for g in guarded)]
    ints = [*problem.ints[:-2], relu, 0]
    _kernels.run(f"{kernel}_{suffix}", buffers, ints, [], threads, isa)
    for g in guarded:
        if isinstance(g, Guarded):
            g.assert_canaries()
    return [g.array for g in guarded if isinstance(g, Guarded)]


@each_float
@each_problem
def test_forward(problem, suffix, isa):
    arrays, (x, kernel) = data(problem, suffix, (0, 1))
    [y] = run("conv2d", problem, arrays, [problem.shapes[2], None], suffix, isa)
    terms = problem.kh * problem.kw * problem.cin // problem.groups
    assert_close(y, forward(problem, x, kernel), forward(problem, abs(x), abs(kernel)), terms)


@each_float
@each_problem
def test_bias_and_relu(problem, suffix, isa):
    arrays, (x, kernel) = data(problem, suffix, (0, 1))
    bias = np.linspace(-1, 1, problem.cout).astype(FLOATS[suffix])
    [y] = run("conv2d", problem, arrays, [problem.shapes[2], bias], suffix, isa, relu=True)
    terms = problem.kh * problem.kw * problem.cin // problem.groups
    expected = np.maximum(forward(problem, x, kernel) + bias.astype(x.dtype), 0)
    assert_close(y, expected, forward(problem, abs(x), abs(kernel)) + abs(bias), terms)


@each_float
@each_problem
def test_grad_input(problem, suffix, isa):
    arrays, (dy, kernel) = data(problem, suffix, (2, 1))
    [dx] = run("conv2d_grad_input", problem, arrays, [problem.shapes[0]], suffix, isa)
    terms = problem.kh * problem.kw * problem.cout // problem.groups
    assert_close(dx, grad_input(problem, dy, kernel), grad_input(problem, abs(dy), abs(kernel)), terms)


@pytest.mark.parametrize("offset", [0, 1])
def test_results_beyond_every_cache(offset, isa):
    """Results that go past the caches, where they begin with a line, have the bits of those of single images."""
    for kernel, (which, to), channels in (("conv2d", (0, 2), (24, 144)), ("conv2d_grad_input", (2, 0), (144, 24))):
        many, one = (Problem(n, 57, 56, *channels, 1, 1) for n in (20, 1))
        (x, weights), _ = data(many, "f32", (which, 1))
        whole = _kernels.aligned_empty(int(np.prod(many.shapes[to])) + 32, np.float32)
        whole[:] = np.nan
        y = whole[16 + offset : 16 + offset - 32].reshape(many.shapes[to])
        rest = [None] if kernel == "conv2d" else []
        _kernels.run(f"{kernel}_f32", [x, weights, y, *rest], many.ints, [], 2, isa)
        assert np.isnan(whole[: 16 + offset]).all() and np.isnan(whole[16 + offset - 32 :]).all()
        for k in (0, 7, 19):
            [expected] = run(kernel, one, [x[k : k + 1], weights], [one.shapes[to], *rest], "f32", isa)
            np.testing.assert_array_equal(y[k : k + 1], expected)


@each_float
@each_problem
def test_grad_kernel(problem, suffix, isa):
    arrays, (x, dy) = data(problem, suffix, (0, 2))
    dw, db = run("conv2d_grad_kernel", problem, arrays, [problem.shapes[1], (problem.cout,)], suffix, isa)
    terms = problem.n * int(np.prod(problem.out))
    assert_close(dw, grad_kernel(problem, x, dy), grad_kernel(problem, abs(x), abs(dy)), terms)
    assert_close(db, dy.sum((0, 1, 2)), abs(dy).sum((0, 1, 2)), terms)
    [alone] = run("conv2d_grad_kernel", problem, arrays, [problem.shapes[1], None], suffix, isa)
    np.testing.assert_array_equal(alone, dw)


@pytest.mark.parametrize(
    "problem",
    [
        *PROBLEMS[-27:-24],
        *THREE_HALVES,
        *SPREAD,
        *FEW_PIXELS,
        *(
            PROBLEMS[k]
            for k in (3, 4, 5, 6, 11, 13, 17, 20, 22, 23, 24, 25, 26, 34, 35, 41, 52, 53, -24, -23, -10, -9, -8, -6, -1)
        ),
    ],
    ids=str,
)
def test_same_bits_for_any_thread_count(problem, isa):
    for kernel, which, outputs in [
        ("conv2d", (0, 1), [problem.shapes[2], None]),
        ("conv2d_grad_input", (2, 1), [problem.shapes[0]]),
        ("conv2d_grad_kernel", (0, 2), [problem.shapes[1], (problem.cout,)]),
    ]:
        arrays, _ = data(problem, "f32", which)
        one, two, three = (run(kernel, problem, arrays, outputs, "f32", isa, threads) for threads in (1, 2, 3))
        for a, b, c in zip(one, two, three, strict=True):
            np.testing.assert_array_equal(a, b)
            np.testing.assert_array_equal(a, c)


@each_float
@pytest.mark.parametrize("kernel", ["conv2d", "conv2d_grad_input", "conv2d_grad_kernel"])
@pytest.mark.parametrize(
    "problem",
    [
        *THREE_HALVES[:3],
        *SPREAD[1:3],
        *FEW_PIXELS[:2],
        *(PROBLEMS[k] for k in (3, 5, 6, 11, 17, 20, 25, 34, 35, 52, 53, -24, -10, -9, -8, -6)),
    ],
    ids=str,
)
def test_program_runs_on_what_is_finished(problem, kernel, suffix, isa):
    """result = relu(result + residual), by a program over the rows and columns of the output."""
    which, out = {"conv2d": ((0, 1), 2), "conv2d_grad_input": ((2, 1), 0), "conv2d_grad_kernel": ((0, 2), 1)}[kernel]
    arrays, _ = data(problem, suffix, which)
    shape, extra = problem.shapes[out], [] if kernel == "conv2d_grad_input" else [None]
    [plain] = run(kernel, problem, arrays, [shape, *extra], suffix, isa)
    residual = np.random.default_rng(6).standard_normal(shape).astype(FLOATS[suffix])
    dtype, n = _kernels.DTYPE_CODE[FLOATS[suffix].__name__], shape[-1]
    program = Program((2, dtype, n, 1), (3 + len(extra), dtype, n, 1))
    program.store(program.do("relu", program.do("add", 0, 1)), 0)
    ints = [*problem.ints[:-1], len(problem.ints), *program.encode(isa)]
    for threads in (1, 2):
        y = Guarded.unwritten(shape, FLOATS[suffix])
        _kernels.run(f"{kernel}_{suffix}", [*arrays, y.array, *extra, residual], ints, [], threads, isa)
        y.assert_canaries()
        np.testing.assert_array_equal(y.array, np.maximum(plain + residual, 0))


def test_not_a_number_stays_where_it_reaches(isa):
    problem = Problem(1, 6, 6, 2, 3, 3, 3, pads=(1, 1, 1, 1))
    (x, kernel), _ = data(problem, "f32", (0, 1))
    x[0, 1, 1, 0] = np.nan
    [y] = run("conv2d", problem, [x, kernel], [problem.shapes[2], None], "f32", isa)
    reached = np.zeros((6, 6), bool)
    reached[:3, :3] = True
    np.testing.assert_array_equal(np.isnan(y[0]), np.broadcast_to(reached[..., None], y[0].shape))
