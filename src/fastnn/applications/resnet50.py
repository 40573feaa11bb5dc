"""ResNet50 by the address that Keras gives it too."""

from fastnn.applications.resnet import ResNet50, decode_predictions, preprocess_input

__all__ = ["ResNet50", "decode_predictions", "preprocess_input"]
