"""NASNet: two cells found by search, a normal one and one that halves height and width, stacked."""

from functools import partial

from fastnn import layers
from fastnn.applications.base import KERAS_FILES, Family, Files, average_and_dense, build, documented
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import minus_one_to_one as preprocess_input
from fastnn.applications.mobilenet import channel_axis
from fastnn.applications.mobilenet_v2 import halving_pads

__all__ = ["NASNetLarge", "NASNetMobile", "decode_predictions", "preprocess_input"]

PAPER = "Zoph et al., Learning Transferable Architectures for Scalable Image Recognition, CVPR 2018 (arXiv:1707.07012)"


def batch_norm(x, name):
    return layers.BatchNormalization(axis=channel_axis(), momentum=0.9997, epsilon=1e-3, name=name)(x)


def relu(x, name=None):
    return layers.Activation("relu", name=name)(x)


def conv(x, filters, name, kernel_size=1, **arguments):
    """A convolution without a bias, 1x1 unless said otherwise."""
    arguments = {"padding": "same", **arguments}
    return layers.Conv2D(filters, kernel_size, use_bias=False, kernel_initializer="he_normal", name=name, **arguments)(
        x
    )


def separable(x, filters, kernel_size, name, stride=1):
    """Twice relu, separable convolution, batch normalization; the first with `stride`."""
    x = relu(x)
    if stride == 2:
        x = layers.ZeroPadding2D(halving_pads(x, kernel_size), name=f"separable_conv_1_pad_{name}")(x)
    for k, (step, padding) in enumerate(((stride, "same" if stride == 1 else "valid"), (1, "same")), start=1):
        x = relu(x) if k == 2 else x
        x = layers.SeparableConv2D(
            filters, kernel_size, strides=step, padding=padding, use_bias=False, name=f"separable_conv_{k}_{name}"
        )(x)
        x = batch_norm(x, f"separable_conv_{k}_bn_{name}")
    return x


def fitted(before, x, filters, name):
    """`before`, the input of the cell before, with the height and width of `x` and `filters` channels."""
    axis = channel_axis()
    width = -2 if axis == -1 else 2
    if before is None:
        return x
    if before.shape[width] != x.shape[width]:
        # Half of the channels are of the even rows and columns, half of the odd ones.
        before = relu(before, f"adjust_relu_1_{name}")
        shifted = layers.Cropping2D(((1, 0), (1, 0)))(layers.ZeroPadding2D(((0, 1), (0, 1)))(before))
        halves = [
            layers.AveragePooling2D(1, strides=2, name=f"adjust_avg_pool_{k}_{name}")(y)
            for k, y in enumerate((before, shifted), start=1)
        ]
        halves = [conv(y, filters // 2, f"adjust_conv_{k}_{name}") for k, y in enumerate(halves, start=1)]
        return batch_norm(layers.Concatenate(axis=axis)(halves), f"adjust_bn_{name}")
    if before.shape[axis] != filters:
        return batch_norm(conv(relu(before), filters, f"adjust_conv_projection_{name}"), f"adjust_bn_{name}")
    return before


def average(x, name):
    return layers.AveragePooling2D(3, strides=1, padding="same", name=name)(x)


def normal_cell(x, before, filters, name):
    """Five sums of pairs, side by side (the paper's figure 4); also what the next cell has for `before`."""
    given, before = x, fitted(before, x, filters, name)
    x = batch_norm(conv(relu(x), filters, f"normal_conv_1_{name}"), f"normal_bn_1_{name}")
    pairs = (
        (
            separable(x, filters, 5, f"normal_left1_{name}"),
            separable(before, filters, 3, f"normal_right1_{name}"),
        ),
        (
            separable(before, filters, 5, f"normal_left2_{name}"),
            separable(before, filters, 3, f"normal_right2_{name}"),
        ),
        (average(x, f"normal_left3_{name}"), before),
        (average(before, f"normal_left4_{name}"), average(before, f"normal_right4_{name}")),
        (separable(x, filters, 3, f"normal_left5_{name}"), x),
    )
    sums = [layers.Add(name=f"normal_add_{k}_{name}")(pair) for k, pair in enumerate(pairs, start=1)]
    return layers.Concatenate(axis=channel_axis(), name=f"normal_concat_{name}")([before, *sums]), given


def reduction_cell(x, before, filters, name):
    """Five sums of pairs at half the height and width, four of them side by side."""
    given, before = x, fitted(before, x, filters, name)
    x = batch_norm(conv(relu(x), filters, f"reduction_conv_1_{name}"), f"reduction_bn_1_{name}")
    padded = layers.ZeroPadding2D(halving_pads(x, 3), name=f"reduction_pad_1_{name}")(x)

    def halved(x, kernel_size, place):
        return separable(x, filters, kernel_size, f"reduction_{place}_{name}", stride=2)

    def pooled(layer, place):
        return layer(3, strides=2, name=f"reduction_{place}_{name}")(padded)

    # The names are those of published files.
    first = layers.Add(name=f"reduction_add_1_{name}")([halved(x, 5, "left1"), halved(before, 7, "right1")])
    second = layers.Add(name=f"reduction_add_2_{name}")(
        [pooled(layers.MaxPooling2D, "left2"), halved(before, 7, "right2")]
    )
    third = layers.Add(name=f"reduction_add3_{name}")(
        [pooled(layers.AveragePooling2D, "left3"), halved(before, 5, "right3")]
    )
    fourth = layers.Add()([second, average(first, f"reduction_left4_{name}")])
    fifth = layers.Add(name=f"reduction_add4_{name}")(
        [separable(first, filters, 3, f"reduction_left4_{name}"), pooled(layers.MaxPooling2D, "right5")]
    )
    concatenate = layers.Concatenate(axis=channel_axis(), name=f"reduction_concat_{name}")
    return concatenate([second, third, fourth, fifth]), given


def features(x, filters, depth, stem_filters, skips_reduction):
    """A convolution and two reduction cells, then three rows of `depth` normal cells with reduction cells between."""
    x = batch_norm(conv(x, stem_filters, "stem_conv1", 3, strides=2, padding="valid"), "stem_bn1")
    x, before = reduction_cell(x, None, filters // 4, "stem_1")
    x, before = reduction_cell(x, before, filters // 2, "stem_2")
    for row in range(3):
        if row:
            x, given = reduction_cell(x, before, filters << row, f"reduce_{row * depth}")
            before = before if skips_reduction else given
        for k in range(depth):
            x, before = normal_cell(x, before, filters << row, f"{row * depth + k + (row > 0)}")
    return relu(x)


def top(x, classes, activation):
    """The mean of each feature map, then one layer."""
    return average_and_dense(x, classes, activation, name=None)


def _nasnet(kind, penultimate_filters, depth, stem_filters, skips_reduction, family, default_shape, hashes):
    default_name = f"nasnet_{kind.lower()}"
    body = partial(
        features, filters=penultimate_filters // 24, depth=depth, stem_filters=stem_filters,
        skips_reduction=skips_reduction,
    )  # fmt: skip
    names = (f"{default_name}.h5", f"{default_name}_no_top.h5")
    published = (f"NASNet-{kind.lower()}.h5", f"NASNet-{kind.lower()}-no-top.h5")
    files = Files(f"{KERAS_FILES}nasnet/", names, hashes, published)

    def model(
        input_shape=None, include_top=True, weights="imagenet", input_tensor=None, pooling=None, classes=1000,
        classifier_activation="softmax", name=default_name,
    ):  # fmt: skip
        if weights == "imagenet" and None in (input_shape or ()):
            raise ValueError(
                f"NASNet{kind}: `input_shape` must have no None for the `imagenet` weights. Received: "
                f"input_shape={input_shape}"
            )
        return build(
            body, family, files, name=name, include_top=include_top, weights=weights, input_tensor=input_tensor,
            input_shape=default_shape if input_shape is None else input_shape, pooling=pooling, classes=classes,
            classifier_activation=classifier_activation,
        )  # fmt: skip

    return documented(model, f"NASNet{kind}", PAPER)


NASNetMobile = _nasnet(
    "Mobile", 1056, 4, 32, False, Family(default_size=224, top=top, pool_names=(None, None)), (224, 224, 3),
    ("020fb642bf7360b370c678b08e0adf61", "1ed92395b5b598bdda52abe5c0dbfd63"),
)  # fmt: skip
NASNetLarge = _nasnet(
    "Large", 4032, 6, 96, True, Family(default_size=331, top=top, pool_names=(None, None)), None,
    ("11577c9a518f0070763c2b964a382f17", "d81d89dc07e6e56530c4e77faddd61b5"),
)  # fmt: skip
