"""1 - erf and the inverse of erf as compositions. 1 - erf is computed in float64, within some units of its last place,
and so right to the rounding in float32; the inverse in its own type, in float32 within two units. Their polynomials
interpolate at Chebyshev's points, from sums of 50 digits."""

import math

from fastnn.ops import logic
from fastnn.ops.elementwise import (
    absolute,
    add,
    cast,
    divide,
    exp,
    log,
    minimum,
    multiply,
    negative,
    sqrt,
    square,
    subtract,
)
from fastnn.ops.rounding import round

# (1 + 2 t) e^(t^2) erfc(t) by (t - 4) / (t + 4).
_TAIL = (
    1.2329951186255526, -0.13962111684056228, 0.015379652102619974, 0.06809705425466839, -0.10103906603631811,
    0.09373283499911264, -0.06633036581186058, 0.037167515526338006, -0.01619773406293477, 0.005031970069102256,
    -0.0007577732435942576, -0.0001992571524726518, 0.00015062142608651945, -2.4397731143023292e-05,
    -1.1221135665965907e-05, 5.70657829924074e-06, 2.9173425573089733e-07, -8.210647933297337e-07,
    7.771943241086912e-08, 1.0631817593818149e-07, -2.0725802488181963e-08, -1.2338731403798444e-08,
    3.2323973445082033e-09, 9.297625263709659e-10, -2.764120233734578e-10,
)  # fmt: skip
# erfinv(x) / x: by w = -log(1 - x^2) in [0, 6.25], then by sqrt(w) in [2.5, 4] and in [4, 6.1], each moved to [-1, 1].
_NEAR = (
    1.6536545626831027, 0.7504943200799679, -0.058922567103779404, -0.022604447453825078, 0.017808361818432112,
    -0.00413731436767485, -0.001271692271958298, 0.0012324854519911068, -0.00026439362645934515, -0.0001168880630842072,
    9.336711350835166e-05, -1.5030870369108395e-05, -1.125619146677325e-05, 7.1383125443102916e-06,
    -6.866552594632471e-07, -1.0734591410364882e-06, 5.444465821755199e-07, 5.601549819901144e-09,
    -1.0426210588989032e-07, 2.8085454480599277e-08, 8.699377880241274e-09, -4.138396507936207e-09,
    -1.8199034168726056e-11,
)  # fmt: skip
_FAR = (
    3.0838856104922208, 0.7539442257706194, 0.0030211394363764865, -0.0015825410891285008, 0.0007883078512000405,
    -0.0004006357032703787, 0.00016966502384997928, -4.739178791780613e-05, 2.405849826863639e-06,
    5.1271458282959595e-06, -2.6647290027131336e-06, 5.268978286875368e-07, 9.272847268010501e-08,
    -9.536038433614285e-08, 2.6652555523279727e-08, 2.448720579642754e-10, -2.6921670135260728e-09,
    6.819336997989723e-10, -2.159829264980955e-12,
)  # fmt: skip
_FARTHEST = (
    4.90042105144364, 1.0607992684776442, -0.00018726854586198106, -0.00023188618593541786, 8.659304819060866e-05,
    -2.345109295047576e-05, 5.6201715530804584e-06, -1.2762899251092935e-06, 2.9784272752046645e-07,
    -8.54561090262358e-08, 3.568053169124916e-08, -1.871544162968638e-08, 1.0170785118273821e-08,
    -5.4511616354438874e-09, 2.3514054740846664e-09, -5.233957122613893e-10, 1.1308535800944148e-11,
)  # fmt: skip
# The same for float32, within 9e-9 of what they stand for.
_TAIL_OF_NARROW = (
    1.2329951187, -0.13962113071, 0.01537962929, 0.068097833407, -0.1010378059, 0.093721315209, -0.066354688166,
    0.037221858742, -0.016024266334, 0.0050435844066, -0.0011364566256, -0.00064192943619,
)  # fmt: skip
# (erfinv(x) / x - sqrt(pi) / 2) / w: what is rounded of it counts less.
_NEAR_OF_NARROW = (
    0.245576844, -0.00541867742, -0.0134366537, 0.00620357616, -0.000503563625, -0.000822607653, 0.000409757952,
    -9.08313994e-06, -6.37689424e-05, 1.75199267e-05, 1.60716026e-06,
)  # fmt: skip
_FAR_OF_NARROW = (
    3.0838855957, 0.75394402794, 0.0030216981781, -0.0015798459501, 0.00078480750329, -0.00041039258138,
    0.00017755842153, -3.4598798991e-05, -5.0855624666e-06,
)  # fmt: skip


def _polynomial(coefficients, x):
    y = multiply(x, coefficients[-1])
    for c in coefficients[-2:0:-1]:
        y = multiply(add(y, c), x)
    return add(y, coefficients[0])


def erfc(x):
    """1 - erf(x) of a float."""
    dtype, x = x.dtype, cast(x, "float64")
    t = minimum(absolute(x), 27.0)  # erfc(27) is 0
    if dtype == "float64":  # e^(-t^2) by a rounded t, whose square is exact, and what is left
        tail, rounded = _TAIL, multiply(round(multiply(t, 16.0)), 1 / 16)
        bell = multiply(exp(negative(square(rounded))), exp(multiply(subtract(rounded, t), add(t, rounded))))
    else:
        tail, bell = _TAIL_OF_NARROW, exp(negative(square(t)))
    y = divide(multiply(bell, _polynomial(tail, divide(subtract(t, 4.0), add(t, 4.0)))), add(multiply(t, 2.0), 1.0))
    return cast(logic.where(logic.less(x, 0.0), subtract(2.0, y), y), dtype)


def erfinv(x):
    """The number whose error function is a float x. In float32 1 - x and 1 + x are exact where it counts."""
    dtype, x = x.dtype, x if x.dtype == "float64" else cast(x, "float32")
    w = minimum(negative(log(multiply(subtract(1.0, x), add(x, 1.0)))), 37.0)  # infinite at 1
    root = sqrt(w)
    near, far = (_NEAR, _FAR) if dtype == "float64" else (_NEAR_OF_NARROW, _FAR_OF_NARROW)
    near = _polynomial(near, subtract(multiply(w, 1 / 3.125), 1.0))
    near = near if dtype == "float64" else add(multiply(w, near), 0.5 * math.sqrt(math.pi))
    far = _polynomial(far, multiply(subtract(root, 3.25), 1 / 0.75))
    if dtype == "float64":  # of no float32 but 1 is w as large
        farthest = _polynomial(_FARTHEST, multiply(subtract(root, 5.05), 1 / 1.05))
        far = logic.where(logic.less(root, 4.0), far, farthest)
    y = multiply(x, logic.where(logic.less(w, 6.25), near, far))
    return cast(logic.where(logic.equal(absolute(x), 1.0), multiply(x, math.inf), y), dtype)
