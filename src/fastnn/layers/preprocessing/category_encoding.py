"""CategoryEncoding: integers to vectors."""

import numpy as np

from fastnn import ops
from fastnn.layers.call_signature import is_array
from fastnn.layers.layer import Layer
from fastnn.layers.preprocessing.categories import check_mode, check_sparse, encode, encoded_shape

# A plan compares each number with each category, which from so many pairs on takes longer than to look at the numbers.
_LONG = 1 << 17


class CategoryEncoding(Layer):
    """Integers in [0, num_tokens) as vectors with ones at their places.

    Args:
        num_tokens: how many categories there are.
        output_mode: "multi_hot" marks, for each sample, the categories among its numbers; "count" counts them;
            "one_hot" makes a vector of each number (in place of a last axis of 1).
        sparse: only False.

    Call arguments:
        inputs: integers, (n,) or (n, k).
        count_weights: what each number counts, of the same shape; for "count".

    Output shape: (n, num_tokens), or (n, k, num_tokens) for "one_hot" of k > 1 numbers; floats.

    Raises:
        ValueError: without `num_tokens`, for another mode, and for weights in another mode than "count".

    Example:
        >>> fastnn.layers.CategoryEncoding(4)(np.array([[0, 1], [3, 3]]))
        array([[1., 1., 0., 0.],
               [0., 0., 0., 1.]], dtype=float32)
    """

    def __init__(self, num_tokens=None, output_mode="multi_hot", sparse=False, **kwargs):
        super().__init__(**kwargs)
        output_mode = check_mode("CategoryEncoding", output_mode, ("count", "one_hot", "multi_hot"))
        if num_tokens is None:
            raise ValueError(
                "num_tokens must be set to use this layer. If the number of tokens is not known beforehand, use the "
                "IntegerLookup layer instead."
            )
        if num_tokens < 1:
            raise ValueError(f"`num_tokens` must be >= 1. Received: num_tokens={num_tokens}.")
        self.num_tokens = num_tokens
        self.output_mode = output_mode
        self.sparse = check_sparse("CategoryEncoding", sparse)
        self._allow_non_tensor_positional_args = True

    def __call__(self, inputs, **kwargs):
        inputs = inputs if is_array(inputs) else np.asarray(inputs)
        is_long = type(inputs) is np.ndarray and inputs.size * self.num_tokens > _LONG
        if is_long and self.output_mode != "one_hot" and not kwargs and self._runs_compiled():
            return self._call_now((inputs,), kwargs)
        return super().__call__(inputs, **kwargs)

    def call(self, inputs, count_weights=None):
        if count_weights is not None:
            if self.output_mode != "count":
                raise ValueError(
                    "`count_weights` is not used when `output_mode` is not `'count'`. Received "
                    f"`count_weights={count_weights}`."
                )
            count_weights = ops.cast(count_weights, self.compute_dtype)
        return encode(inputs, self.output_mode, self.num_tokens, self.compute_dtype, count_weights)

    @property
    def _categories(self) -> int | None:
        return self.num_tokens

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self.num_tokens)

    def get_config(self):
        return {**super().get_config(), "num_tokens": self.num_tokens, "output_mode": self.output_mode}
