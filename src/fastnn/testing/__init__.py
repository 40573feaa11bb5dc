"""Checks for people who write ops and layers; no test cases."""

from fastnn.testing.check_layer import check_layer
from fastnn.testing.check_op import check_gradient, check_op

__all__ = ["check_gradient", "check_layer", "check_op"]
