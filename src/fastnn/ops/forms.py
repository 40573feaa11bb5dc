"""How Keras's files write the ops of a functional model.

There an op is an object of a class: `ops.sum(x, axis=1)` is a `Sum` of `keras.src.ops.numpy` with the config
`{"axis": 1, "keepdims": False}`, called with `x`. The arguments of the function are those of the class and of its call
together, under the same names, so that a table of how many of them are the call's says it all.
"""

from __future__ import annotations

import functools
import inspect

import numpy as np

from fastnn._kernels._engine import accepts
from fastnn.graph.symbolic import accepts_symbolic
from fastnn.naming import to_snake_case

# (module of `keras.src.ops`, how many of the first arguments are the call's): names of functions, with the class where
# it is not the name in camel case.
_FUNCTIONS = {
    ("core", 1): "cast convert_to_tensor saturate_cast stop_gradient unstack",
    ("core", 2): "scatter slice",
    ("core", 3): "scatter_update slice_update",
    ("image", 1): (
        "crop_images elastic_transform extract_patches gaussian_blur hsv_to_rgb:HSVToRGB pad_images resize "
        "rgb_to_grayscale:RGBToGrayscale rgb_to_hsv:RGBToHSV sobel_edges"
    ),
    ("image", 2): "affine_transform map_coordinates ssim:SSIM",
    ("image", 3): "perspective_transform",
    ("image", 4): "scale_and_translate",
    ("linalg", 1): "cholesky cholesky_inverse det eig eigh inv lu_factor matrix_rank norm pinv qr svd:SVD",
    ("linalg", 2): "lstsq solve solve_triangular",
    ("math", 1): (
        "erf erfc erfinv extract_sequences fft:FFT fft2:FFT2 ifft2:IFFT2 irfft:IRFFT istft:ISTFT logdet logsumexp "
        "rfft:RFFT rsqrt stft:STFT top_k view_as_complex view_as_real"
    ),
    ("math", 2): "cdist:CDist in_top_k segment_max segment_min segment_prod segment_sum",
    ("nn", 1): (
        "adaptive_average_pool adaptive_max_pool average_pool celu depth_to_space elu fold gelu glu hard_shrink "
        "hard_sigmoid hard_silu hard_swish:HardSilu hard_tanh leaky_relu log_sigmoid log_softmax max_pool moments "
        "multi_hot normalize one_hot relu relu6 selu sigmoid silu soft_shrink softmax softplus softsign "
        "space_to_depth sparse_plus sparse_sigmoid sparsemax squareplus swish:Silu tanh_shrink threshold unfold"
    ),
    ("nn", 2): (
        "binary_crossentropy categorical_crossentropy conv conv_transpose ctc_decode:CTCDecode depthwise_conv polar "
        "psnr:PSNR rms_normalization:RMSNorm sparse_categorical_crossentropy"
    ),
    ("nn", 3): "layer_normalization:LayerNorm separable_conv",
    ("nn", 4): "ctc_loss:CTCLoss",
    ("nn", 6): "dot_product_attention",
    ("numpy", 1): (
        "abs:Absolute absolute all amax amin angle any arccos arccosh arcsin arcsinh arctan arctanh argmax argmin "
        "argpartition argsort array array_split bitwise_invert bitwise_not broadcast_to cbrt ceil clip "
        "concatenate conj:Conjugate conjugate copy corrcoef cos cosh count_nonzero cumprod cumsum deg2rad diag "
        "diagflat diagonal diff dsplit dstack empty_like exp exp2 expand_dims expm1 fabs flip fliplr flipud floor "
        "histogram hsplit hstack i0 imag isfinite isinf isnan isneginf isposinf isreal log log10 log1p log2 "
        "logical_not max mean median min moveaxis nan_to_num nanargmax nanargmin nancumprod nancumsum nanmax nanmean "
        "nanmedian nanmin nanprod nanstd nansum nanvar negative ones_like prod ptp rad2deg ravel real "
        "reciprocal repeat reshape roll rot90 round sign signbit sin sinc sinh slogdet sort split sqrt square "
        "squeeze stack std sum swapaxes tan tanh tile trace transpose trapezoid tril triu trunc unravel_index "
        "vander var view vsplit vstack zeros_like"
    ),
    ("numpy", 2): (
        "add allclose:AllClose append arctan2 average bitwise_and bitwise_left_shift bitwise_or bitwise_right_shift "
        "bitwise_xor cross digitize divide divide_no_nan dot equal floor_divide fmax fmin fmod full_like gcd "
        "geomspace get_item greater greater_equal heaviside hypot inner isin:IsIn kron lcm ldexp left_shift less "
        "less_equal linspace logaddexp logaddexp2 logical_and logical_or logical_xor logspace matmul maximum minimum "
        "mod multiply nanpercentile nanquantile nextafter not_equal outer pad percentile power quantile right_shift "
        "searchsorted:SearchSorted subtract take take_along_axis tensordot true_divide vdot"
    ),
    ("numpy", 3): "select where",
    ("numpy", 4): "isclose",
}
# (module, function, class): what the call takes by position and by name, where that is not the first arguments.
_APART = {
    ("nn", "batch_normalization", "BatchNorm"): (("x", "mean", "variance", "offset", "scale"), ()),
    ("nn", "dot_product_attention", "DotProductAttention"): (("query", "key", "value"), ("bias", "mask", "scale")),
    ("nn", "rms_normalization", "RMSNorm"): (("x",), ("scale",)),
    ("numpy", "average", "Average"): (("x",), ("weights",)),
    ("numpy", "einsum", "Einsum"): (("operands",), ("kwargs",)),
    ("numpy", "full", "Full"): (("fill_value",), ()),
    ("numpy", "meshgrid", "Meshgrid"): (("x",), ()),
    ("numpy", "pad", "Pad"): (("x",), ("constant_values",)),
    ("einops", "rearrange", "Rearrange"): (("tensor", "pattern"), ("axes_lengths",)),
}

# Functions whose Python code looks at shapes, dtypes and constants alone, never at a number of an array: a call of
# theirs that was one run of a plan is that from then on (`_engine._Function`). `power` looks at Python's numbers, too,
# which are arrays to the others.
_LOOKS_AT_NO_NUMBER = (
    "abs absolute add all amax amin any arccos arccosh arcsin arcsinh arctan arctan2 arctanh argmax argmin argsort "
    "bitwise_and bitwise_left_shift bitwise_not bitwise_or bitwise_right_shift bitwise_xor cast cbrt ceil celu "
    "cholesky cholesky_inverse clip concatenate cos cosh count_nonzero cumprod cumsum det diff divide dot elu equal "
    "erf erfc erfinv exp exp2 expm1 fft flip floor floor_divide fmax fmin gelu greater greater_equal hypot inner inv "
    "isfinite isinf isnan leaky_relu left_shift less less_equal log log10 log1p log2 log_sigmoid log_softmax "
    "logaddexp logical_and logical_not logical_or logical_xor logsumexp lu_factor matmul max maximum mean median min "
    "minimum mod multiply nanmean nansum negative norm not_equal outer pad prod qr reciprocal relu relu6 repeat rfft "
    "right_shift roll round rsqrt searchsorted selu sigmoid sign silu sin sinh slogdet softmax softplus softsign "
    "solve solve_triangular sort sqrt square stack std subtract sum take tan tanh tile top_k transpose tril triu "
    "true_divide trunc var where"
)
_COUNTS = 4  # times what `_engine._Function` counts itself of few elements
_FORWARDS = dict.fromkeys(_LOOKS_AT_NO_NUMBER.split(), 1) | {
    "power": 2, "bincount": 1 * _COUNTS, "count_nonzero": 1 + 2 * _COUNTS,
}  # fmt: skip


class Form:
    """How the calls of a function are written.

    Attributes:
        module, class_name: of Keras's class.
        name: of a call, counted: the class's in snake case.
        positional, named: the arguments of its call; a number means so many of the function's first. The others are the
            config.
    """

    __slots__ = ("class_name", "module", "name", "named", "positional")

    def __init__(self, module: str, class_name: str, name: str, positional=1, named: tuple[str, ...] = ()):
        self.module = module
        self.class_name = class_name
        self.name = name
        self.positional = positional
        self.named = named

    def split(self, function, args: tuple, kwargs: dict) -> tuple[dict, list, dict]:
        """The config, and the positional and named arguments of the call, for a call of `function`."""
        bound = inspect.signature(function).bind(*args, **kwargs)
        bound.apply_defaults()
        positional = self._positional(bound.signature)
        config, by_position, by_name = {}, [], {}
        if isinstance(bound.arguments.get("key"), list):  # JSON makes lists of tuples, which index several axes
            bound.arguments["key"] = np.asarray(bound.arguments["key"])
        for name, value in bound.arguments.items():
            kind = bound.signature.parameters[name].kind
            if name in positional:
                by_position += value if kind is inspect.Parameter.VAR_POSITIONAL else [value]
            elif name in self.named:
                by_name |= value if kind is inspect.Parameter.VAR_KEYWORD else {name: value}
            elif kind is not inspect.Parameter.VAR_KEYWORD:  # Keras 2's names of arguments
                config[name] = value
        return config, by_position, by_name

    def join(self, function, config: dict, args: tuple, kwargs: dict) -> tuple[tuple, dict]:
        """The arguments of `function` that `split` took apart."""
        signature = inspect.signature(function)
        names = list(signature.parameters)
        values = {**config, **kwargs}
        variadic = [k for k, p in enumerate(signature.parameters.values()) if p.kind is p.VAR_POSITIONAL]
        if variadic:
            return (*(values.pop(name) for name in names[: variadic[0]]), *args), values
        positional = self._positional(signature)
        args = [
            tuple(x) if name == "key" and isinstance(x, list) else x for name, x in zip(positional, args, strict=False)
        ]
        if isinstance(values.get("key"), list):
            values["key"] = tuple(values["key"])
        if list(positional) == names[: len(positional)]:  # in their order, by which layers are listed
            return tuple(args), values
        return (), {**dict(zip(positional, args, strict=False)), **values}

    def _positional(self, signature: inspect.Signature) -> tuple[str, ...]:
        if isinstance(self.positional, tuple):
            return self.positional
        return tuple(signature.parameters)[: self.positional]


def written_as(form: Form, forwards: int = 0):
    """Makes a function accept KerasTensors: a call with some is recorded as one call, and written as `form` says."""

    def decorate(function):
        run = accepts_symbolic(function, forwards)
        run.form, run.name = form, form.name
        return run

    return decorate


@functools.cache
def form_of(name: str) -> Form | None:
    """The form of a function of `ops`, None for one without."""
    for (module, function, class_name), (positional, named) in _APART.items():
        if function == name:
            return Form(f"keras.src.ops.{module}", class_name, to_snake_case(class_name), positional, named)
    plain = name.removeprefix("image.")
    for (module, count), names in _FUNCTIONS.items():
        if plain in names and (module == "image") == (plain != name):
            for word in names.split():
                function, _, class_name = word.partition(":")
                if function == plain:
                    call = to_snake_case(class_name) if class_name else plain
                    return Form(f"keras.src.ops.{module}", class_name or _camel(plain), call, count)
    return None


def _camel(name: str) -> str:
    return "".join([part.capitalize() for part in name.split("_")])


def module_of(class_name: str) -> str:
    """The module of Keras's class of a function, "" where it is none's."""
    for (module, _), names in _FUNCTIONS.items():
        for word in names.split():
            function, _, given = word.partition(":")
            if (given or _camel(function)) == class_name:
                return f"keras.src.ops.{module}"
    return next((f"keras.src.ops.{module}" for module, _, name in _APART if name == class_name), "")


def recorded(address: str, function):
    """What `fastnn.ops` has at an address such as "image.resize": where `function` has a form, one whose calls with
    KerasTensors are recorded as one. Only there, and not where it is written: what is composed of it calls it itself.
    """
    form, forwards = form_of(address), _FORWARDS.get(address, 0)
    if form is None and not forwards:
        return function
    run = accepts((), function, None, forwards) if form is None else written_as(form, forwards)(function)
    run.__module__ = "fastnn.ops.image" if address.startswith("image.") else "fastnn.ops"  # where pickle finds it too
    return run
