"""Reshaping, padding, cropping and upsampling layers."""

from tests.tables import LayerCase, MaskCase, rows

IMAGES = rows(2, 6, 5, 4)
VOLUMES = rows(2, 4, 5, 3, 4)
SEQUENCES = rows(2, 7, 3)
ROWS = rows(3, 4)

LAYERS = [
    LayerCase("Flatten", {}, IMAGES),
    LayerCase("Flatten", {"data_format": "channels_first"}, IMAGES),
    LayerCase("Flatten", {}, rows(3)),
    LayerCase("Reshape", {"target_shape": (2, 2)}, ROWS),
    LayerCase("Reshape", {"target_shape": (-1, 2)}, IMAGES),
    LayerCase("Permute", {"dims": (3, 1, 2)}, IMAGES),
    LayerCase("RepeatVector", {"n": 3}, ROWS),
    LayerCase("ZeroPadding1D", {"padding": (1, 2)}, SEQUENCES),
    LayerCase("ZeroPadding2D", {"padding": ((1, 2), (0, 3))}, IMAGES),
    LayerCase("ZeroPadding2D", {"padding": (1, 2), "data_format": "channels_first"}, IMAGES),
    LayerCase("Cropping1D", {"cropping": (1, 2)}, SEQUENCES),
    LayerCase("Cropping2D", {"cropping": ((1, 2), (0, 3))}, IMAGES),
    LayerCase("Cropping2D", {"cropping": 1, "data_format": "channels_first"}, IMAGES),
    LayerCase("UpSampling1D", {"size": 3}, SEQUENCES),
    LayerCase("UpSampling2D", {"size": (2, 3)}, IMAGES),
    LayerCase("UpSampling2D", {"size": 2, "interpolation": "bilinear"}, IMAGES),
    *(LayerCase("UpSampling2D", {"interpolation": name}, IMAGES) for name in ("bicubic", "lanczos3", "lanczos5")),
    LayerCase("UpSampling3D", {}, VOLUMES),
    LayerCase("UpSampling3D", {"size": (1, 3, 2), "data_format": "channels_first"}, VOLUMES),
    LayerCase("ZeroPadding3D", {}, VOLUMES),
    LayerCase("ZeroPadding3D", {"padding": ((1, 0), (0, 2), (3, 1)), "data_format": "channels_first"}, VOLUMES),
    LayerCase("Cropping3D", {}, VOLUMES),
    LayerCase("Cropping3D", {"cropping": ((1, 0), (0, 2), (0, 1)), "data_format": "channels_first"}, VOLUMES),
    LayerCase("UpSampling2D", {"size": (3, 2), "interpolation": "bilinear", "data_format": "channels_first"}, IMAGES),
]

STEPS = rows(2, 7, seed=1) > 0

MASKS = [
    MaskCase("Flatten", {}, SEQUENCES, STEPS),
    MaskCase("Reshape", {"target_shape": (3, 7)}, SEQUENCES, STEPS),
    MaskCase("Permute", {"dims": (2, 1)}, SEQUENCES, STEPS),
    MaskCase("RepeatVector", {"n": 3}, ROWS, rows(3, seed=1) > 0),
    MaskCase("ZeroPadding1D", {}, SEQUENCES, STEPS),
    MaskCase("UpSampling1D", {}, SEQUENCES, STEPS),
]
