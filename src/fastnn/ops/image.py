"""Keras's `ops.image`: the functions of the families `image_*.py`."""

from fastnn.ops.forms import recorded
from fastnn.ops.image_color import hsv_to_rgb, rgb_to_grayscale, rgb_to_hsv
from fastnn.ops.image_filters import gaussian_blur, sobel_edges, ssim
from fastnn.ops.image_sampling import affine_transform, elastic_transform, map_coordinates, perspective_transform
from fastnn.ops.image_size import crop_images, pad_images, resize, scale_and_translate
from fastnn.ops.patches import extract_patches, extract_patches_3d

__all__ = [
    "affine_transform", "crop_images", "elastic_transform", "extract_patches", "extract_patches_3d", "gaussian_blur",
    "hsv_to_rgb", "map_coordinates",
    "pad_images", "perspective_transform", "resize", "rgb_to_grayscale", "rgb_to_hsv", "scale_and_translate",
    "sobel_edges", "ssim",
]  # fmt: skip

globals().update({name: recorded(f"image.{name}", globals()[name]) for name in __all__})
