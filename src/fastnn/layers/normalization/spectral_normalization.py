"""SpectralNormalization: a layer whose kernel has the spectral norm 1."""

from fastnn import initializers, ops
from fastnn.layers.core.wrapper import Wrapper
from fastnn.layers.input_spec import InputSpec


class SpectralNormalization(Wrapper):
    """Divides the kernel of `layer` by its largest singular value (Miyato et al. 2018, algorithm 1).

    The kernel is read as a matrix W whose columns are its last axis. Each call in training improves an estimate of the
    singular vectors, `v = W u / |W u|` and `u = W' v / |W' v|`, and sets the kernel to `W / (v' W u)`; a kernel of
    zeros stays. Other calls use the kernel as it is.

    Args:
        layer: a layer with a `kernel` or `embeddings`.
        power_iterations: positive int: how often a call improves the estimate.

    Call arguments:
        inputs: those of `layer`.
        training: whether the kernel is normalized first.

    Input shape and output shape: those of `layer`.

    Weights: those of `layer`, and `vector_u`: (1, columns), not trainable.

    Raises:
        ValueError: for `power_iterations` below 1, and a layer that has neither `kernel` nor `embeddings`.

    Example:
        >>> layer = fastnn.layers.SpectralNormalization(fastnn.layers.Dense(2, kernel_initializer="ones"))
        >>> _ = layer(np.ones((1, 2), "float32"), training=True)
        >>> layer.layer.kernel.numpy().round(3)  # the norm was 2
        array([[0.5, 0.5],
               [0.5, 0.5]], dtype=float32)

    Paper: Miyato et al., Spectral Normalization for Generative Adversarial Networks, ICLR 2018 (arXiv:1802.05957).
    """

    def __init__(self, layer, power_iterations=1, **kwargs):
        super().__init__(layer, **kwargs)
        if power_iterations <= 0:
            raise ValueError(
                f"`power_iterations` should be greater than zero. Received: `power_iterations={power_iterations}`"
            )
        self.power_iterations = power_iterations

    def build(self, input_shape):
        super().build(input_shape)
        self.input_spec = InputSpec(min_ndim=1, axes={-1: input_shape[-1]})
        self.kernel = getattr(self.layer, "kernel", None)
        if self.kernel is None:
            self.kernel = getattr(self.layer, "embeddings", None)
        if self.kernel is None:
            raise ValueError(f"{type(self.layer).__name__} object has no attribute 'kernel' nor 'embeddings'")
        self.vector_u = self.add_weight(
            (1, self.kernel.shape[-1]), initializers.TruncatedNormal(stddev=0.02), name="vector_u", trainable=False,
            dtype=self.kernel.dtype,
        )  # fmt: skip

    def compute_output_shape(self, input_shape):
        return self.layer.compute_output_shape(input_shape)

    def call(self, inputs, training=False):
        if training:
            u, kernel = self.normalized_weights()
            self.vector_u.assign(u)
            self.kernel.assign(kernel)
        return self.layer(inputs)

    def normalized_weights(self):
        """What a call in training sets: `(vector_u, kernel)`. The gradient takes the singular vectors for constants."""
        matrix = ops.reshape(self.kernel, (-1, self.kernel.shape[-1]))
        u = self.vector_u
        for _ in range(self.power_iterations):
            v = _unit(ops.matmul(u, ops.transpose(matrix)))
            u = _unit(ops.matmul(v, matrix))
        u, v = ops.stop_gradient(u), ops.stop_gradient(v)
        norm = ops.sum(ops.matmul(v, matrix) * u)
        is_zero = ops.equal(norm, 0)
        return ops.where(is_zero, self.vector_u, u), self.kernel / ops.where(is_zero, 1, norm)

    def get_config(self):
        return {**super().get_config(), "power_iterations": self.power_iterations}


def _unit(x):
    return ops.normalize(x, axis=-1, epsilon=1e-12)
