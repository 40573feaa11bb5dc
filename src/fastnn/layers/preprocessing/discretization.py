"""Discretization: numbers to the bins that they lie in."""

import numpy as np

from fastnn import config, ops
from fastnn.layers.call_signature import is_array
from fastnn.layers.preprocessing.categories import check_mode, check_sparse, encode, encoded_shape
from fastnn.layers.preprocessing.host_layer import HostLayer, iterated
from fastnn.layers.preprocessing.quantiles import QuantileSummary


class Discretization(HostLayer):
    """The bin of each number: how many boundaries are not larger.

    Args:
        bin_boundaries: rising numbers; n of them make n + 1 bins, open at both ends.
        num_bins: how many bins `adapt` shall make, with about as many numbers each; instead of `bin_boundaries`.
        epsilon: how exact the quantiles are: the share of the data that one kept number stands for.
        output_mode: "int" gives the bins as int32; "one_hot", "multi_hot" and "count" vectors as `CategoryEncoding`
            does.
        sparse: only False.

    Input shape: any.

    Raises:
        ValueError: for both of boundaries and number of bins, or neither.

    Example:
        >>> fastnn.layers.Discretization(bin_boundaries=[0.0, 1.0, 2.0])(np.array([[-1.5, 1.0, 3.4]]))
        array([[0, 2, 3]], dtype=int32)
    """

    def __init__(
        self, bin_boundaries=None, num_bins=None, epsilon=0.01, output_mode="int", sparse=False, dtype=None, name=None
    ):
        super().__init__(name=name, dtype=dtype)
        self.output_mode = check_mode("Discretization", output_mode, ("int", "one_hot", "multi_hot", "count"))
        self.sparse = check_sparse("Discretization", sparse)
        if num_bins is not None and num_bins < 0:
            raise ValueError(f"`num_bins` must be greater than or equal to 0. Received: `num_bins={num_bins}`")
        if num_bins is not None and bin_boundaries is not None:
            raise ValueError(
                f"Both `num_bins` and `bin_boundaries` should not be set. Received: `num_bins={num_bins}` and "
                f"`bin_boundaries={bin_boundaries}`"
            )
        if num_bins is None and bin_boundaries is None:
            raise ValueError("You need to set either `num_bins` or `bin_boundaries`.")
        self.bin_boundaries = bin_boundaries
        self.num_bins = num_bins
        self.epsilon = epsilon
        self.reset_state()

    @property
    def _categories(self) -> int | None:
        return self.num_bins or self._depth

    @property
    def _learns(self) -> bool:
        return self.num_bins is not None

    def adapt(self, data, steps=None) -> None:
        """Finds the boundaries that part data into `num_bins` bins of about one size.

        Args:
            data: an array; or a `PyDataset`, a list or another iterable of batches.
            steps: how many batches at most.

        Raises:
            ValueError: for a layer that was made with boundaries.
        """
        if self.num_bins is None:
            raise ValueError(
                "Cannot adapt a Discretization layer that has been initialized with `bin_boundaries`, use `num_bins` "
                "instead."
            )
        self.reset_state()
        for k, batch in enumerate([data] if is_array(data) else iterated(data)):
            if steps is not None and k >= steps and not is_array(data):
                break
            self.update_state(batch)
        self.finalize_state()

    def update_state(self, data) -> None:
        """Takes a batch of numbers into account."""
        self._summary.add(np.asarray(data, np.float32))

    def reset_state(self) -> None:
        """Forgets the numbers that were taken into account."""
        self._summary = QuantileSummary(self.epsilon)

    def finalize_state(self) -> None:
        """Makes boundaries of what was taken into account."""
        if self.num_bins is not None:
            self.bin_boundaries = self._summary.boundaries(self.num_bins)

    def call(self, inputs):
        if self.bin_boundaries is None:
            raise ValueError(
                "You need to either pass the `bin_boundaries` argument at construction time or call `adapt(dataset)` "
                "before you can start using the `Discretization` layer."
            )
        bins = ops.digitize(inputs, np.asarray(self.bin_boundaries))
        return encode(bins, self.output_mode, self._depth, self.output_dtype)

    @property
    def _depth(self) -> int | None:
        return self.num_bins if self.bin_boundaries is None else len(self.bin_boundaries) + 1

    @property
    def input_dtype(self) -> str:
        return config.floatx()

    @property
    def output_dtype(self) -> str:
        return "int32" if self.output_mode == "int" else self.compute_dtype

    def compute_output_shape(self, input_shape):
        return encoded_shape(input_shape, self.output_mode, self._depth)

    def get_config(self):
        return {
            "bin_boundaries": self.bin_boundaries,
            "num_bins": self.num_bins,
            "epsilon": self.epsilon,
            "output_mode": self.output_mode,
            "sparse": self.sparse,
            "name": self.name,
            "dtype": self.dtype,
        }

    @classmethod
    def from_config(cls, config):
        if config.get("num_bins") is None or config.get("bin_boundaries") is None:
            return super().from_config(config)
        layer = super().from_config({**config, "bin_boundaries": None})  # one that was adapted
        layer.bin_boundaries = config["bin_boundaries"]
        return layer
