"""VGG with 19 layers."""

from functools import partial

from fastnn.applications.base import application
from fastnn.applications.imagenet_utils import decode_predictions
from fastnn.applications.input_modes import caffe as preprocess_input
from fastnn.applications.vgg16 import FAMILY, PAPER, features, files

__all__ = ["VGG19", "decode_predictions", "preprocess_input"]

VGG19 = application(
    "VGG19", PAPER, partial(features, depths=(2, 2, 4, 4, 4)), FAMILY,
    files("vgg19", ("cbe5617147190e668d6c5d5026f83318", "253f8cb515780f3b799900260a226db6")), "vgg19",
)  # fmt: skip
