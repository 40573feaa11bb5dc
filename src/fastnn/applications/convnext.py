"""ConvNeXt: residual networks with the large windows, few activations and layer norms of vision transformers."""

from functools import partial

from fastnn import config, initializers, layers
from fastnn.applications.base import KERAS_FILES, Family, Files, build, documented
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import unchanged as preprocess_input
from fastnn.models.sequential import Sequential

__all__ = [
    "ConvNeXtBase", "ConvNeXtLarge", "ConvNeXtSmall", "ConvNeXtTiny", "ConvNeXtXLarge", "decode_predictions",
    "preprocess_input",
]  # fmt: skip

PAPER = "Liu et al., A ConvNet for the 2020s, CVPR 2022 (arXiv:2201.03545)"
MEANS, DEVIATIONS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's channels, as parts of 255


class LayerScale(layers.Layer):
    """Each channel times a weight that starts small (Touvron et al. 2021, section 2). Its name stands in files.

    Args:
        init_values: where the weights start.
        projection_dim: the number of channels.
    """

    def __init__(self, init_values, projection_dim, **kwargs):
        super().__init__(**kwargs)
        self.init_values = init_values
        self.projection_dim = projection_dim

    def build(self, input_shape):
        self.gamma = self.add_weight((self.projection_dim,), initializers.Constant(self.init_values))

    def call(self, x):
        return x * self.gamma

    def get_config(self):
        return {**super().get_config(), "init_values": self.init_values, "projection_dim": self.projection_dim}


def layer_norm(name=None):
    return layers.LayerNormalization(epsilon=1e-6, name=name)


def block(x, name):
    """Depthwise 7x7, four times wider and back, and the scaled result is added to the input."""
    channels, shortcut = x.shape[-1], x
    x = layers.Conv2D(channels, 7, padding="same", groups=channels, name=f"{name}_depthwise_conv")(x)
    x = layer_norm(f"{name}_layernorm")(x)
    x = layers.Dense(4 * channels, name=f"{name}_pointwise_conv_1")(x)
    x = layers.Activation("gelu", name=f"{name}_gelu")(x)
    x = layers.Dense(channels, name=f"{name}_pointwise_conv_2")(x)
    x = LayerScale(1e-6, channels, name=f"{name}_layer_scale")(x)
    x = layers.Activation("linear", name=f"{name}_identity")(x)  # training without classes drops none of the paths
    return shortcut + x


def features(x, depths, filters, include_preprocessing, name):
    """A 4x4 convolution with stride 4, then four stages of blocks with 2x2 convolutions with stride 2 between."""
    if include_preprocessing and x.shape[-1] == len(MEANS):
        x = layers.Normalization(
            mean=[255 * mean for mean in MEANS], variance=[(255 * deviation) ** 2 for deviation in DEVIATIONS],
            name=f"{name}_prestem_normalization",
        )(x)  # fmt: skip
    stem = layers.Conv2D(filters[0], 4, strides=4, name=f"{name}_stem_conv"), layer_norm(f"{name}_stem_layernorm")
    x = Sequential([layers.Input(batch_shape=x.shape), *stem], name=f"{name}_stem")(x)
    for stage, depth in enumerate(depths):
        if stage:
            k = stage - 1
            narrowing = (
                layer_norm(f"{name}_downsampling_layernorm_{k}"),
                layers.Conv2D(filters[stage], 2, strides=2, name=f"{name}_downsampling_conv_{k}"),
            )
            x = Sequential([layers.Input(batch_shape=x.shape), *narrowing], name=f"{name}_downsampling_block_{k}")(x)
        for j in range(depth):
            x = block(x, f"{name}_stage_{stage}_block_{j}")
    return x


def top(x, classes, activation, name):
    """The mean of each feature map, normalized, then one layer."""
    x = layers.GlobalAveragePooling2D(name=f"{name}_head_gap")(x)
    x = layer_norm(f"{name}_head_layernorm")(x)
    return layers.Dense(classes, activation=activation, name=f"{name}_head_dense")(x)


def _normalized(x):
    return layer_norm()(x)


def _convnext(size, depths, filters, hashes):
    default_name = f"convnext_{size.lower()}"
    files = Files(f"{KERAS_FILES}convnext/", (f"{default_name}.h5", f"{default_name}_notop.h5"), hashes)

    def model(
        include_top=True, include_preprocessing=True, weights="imagenet", input_tensor=None, input_shape=None,
        pooling=None, classes=1000, classifier_activation="softmax", name=default_name,
    ):  # fmt: skip
        if config.image_data_format() == "channels_first":
            raise ValueError(f"ConvNeXt{size} does not support the image data format `channels_first`.")
        body = partial(features, depths=depths, filters=filters, include_preprocessing=include_preprocessing, name=name)
        family = Family(top=partial(top, name=name), pool_names=(None, None), last=_normalized)
        return build(
            body, family, files, name=name, include_top=include_top, weights=weights, input_tensor=input_tensor,
            input_shape=input_shape, pooling=pooling, classes=classes, classifier_activation=classifier_activation,
        )  # fmt: skip

    return documented(model, f"ConvNeXt{size}", PAPER, has_preprocessing=True)


# blocks and filters of the stages (section 3)
ConvNeXtTiny = _convnext(
    "Tiny", (3, 3, 9, 3), (96, 192, 384, 768),
    (
        "8ae6e78ce2933352b1ef4008e6dd2f17bc40771563877d156bc6426c7cf503ff",
        "d547c096cabd03329d7be5562c5e14798aa39ed24b474157cef5e85ab9e49ef1",
    ),
)  # fmt: skip
ConvNeXtSmall = _convnext(
    "Small", (3, 3, 27, 3), (96, 192, 384, 768),
    (
        "ce1277d8f1ee5a0ef0e171469089c18f5233860ceaf9b168049cb9263fd7483c",
        "6fc8009faa2f00c1c1dfce59feea9b0745eb260a7dd11bee65c8e20843da6eab",
    ),
)  # fmt: skip
ConvNeXtBase = _convnext(
    "Base", (3, 3, 27, 3), (128, 256, 512, 1024),
    (
        "52cbb006d3dadd03f6e095a8ca1aca47aecdd75acb4bc74bce1f5c695d0086e6",
        "40a20c5548a5e9202f69735ecc06c990e6b7c9d2de39f0361e27baeb24cb7c45",
    ),
)  # fmt: skip
ConvNeXtLarge = _convnext(
    "Large", (3, 3, 27, 3), (192, 384, 768, 1536),
    (
        "070c5ed9ed289581e477741d3b34beffa920db8cf590899d6d2c67fba2a198a6",
        "96f02b6f0753d4f543261bc9d09bed650f24dd6bc02ddde3066135b63d23a1cd",
    ),
)  # fmt: skip
ConvNeXtXLarge = _convnext(
    "XLarge", (3, 3, 27, 3), (256, 512, 1024, 2048),
    (
        "c1f5ccab661354fc3a79a10fa99af82f0fbf10ec65cb894a3ae0815f17a889ee",
        "de3f8a54174130e0cecdc71583354753d557fcf1f4487331558e2a16ba0cfe05",
    ),
)  # fmt: skip
