"""AugMix: a mean of images that were augmented in other ways."""

from fastnn import ops, random
from fastnn.layers.preprocessing.image.chosen_layers import ChosenLayers


class AugMix(ChosenLayers):
    """In training, mixes the images with a weighted mean of chains of augmentations of them (Hendrycks et al. 2020).

    What the chains are is drawn for the batch.

    Args:
        value_range: least and largest value of a pixel.
        num_chains: number of chains.
        chain_depth: number of augmentations in each.
        factor: range of their strength, a pair in [0, 1], or one number f for (0, f).
        alpha: parameter of the distributions of the weights, Dirichlet for the chains and Beta for their mean.
        all_ops: whether brightness, colour degeneration, contrast and sharpness are among the augmentations.
        interpolation: "nearest" or "bilinear".
        seed: int, or None.
        data_format: "channels_last" or "channels_first"; that of `fastnn.config` by default.

    Input shape and output shape: (n, h, w, 3) or (h, w, 3), channels first when `data_format` says so; floats come out.

    Raises:
        ValueError: for a factor outside [0, 1].

    Example:
        >>> fastnn.layers.AugMix()(np.ones((4, 8, 8, 3)), training=True).shape
        (4, 8, 8, 3)
    """

    config_names = (
        "value_range", "num_chains", "chain_depth", "factor", "alpha", "all_ops", "interpolation", "seed",
    )  # fmt: skip

    def __init__(
        self, value_range=(0, 255), num_chains=3, chain_depth=3, factor=0.3, alpha=1.0, all_ops=True,
        interpolation="bilinear", seed=None, data_format=None, **kwargs,
    ):  # fmt: skip
        self.order = (
            "random_shear", "random_translation", "random_rotation", "random_posterization", "solarization",
            "auto_contrast", "equalization",
        )  # fmt: skip
        if all_ops:
            self.order += ("random_brightness", "random_color_degeneration", "random_contrast", "random_sharpness")
        super().__init__(value_range, factor, interpolation, seed, data_format, **kwargs)
        self.num_chains = num_chains
        self.chain_depth = chain_depth
        self.alpha = alpha
        self.all_ops = all_ops

    def draw(self, sizes, seed):
        parts = random.gamma((self.num_chains,), self.alpha, seed=seed)
        chains = [
            [
                {
                    "layer_number": random.randint((), 0, len(self.order), seed=seed),
                    "transforms": self.draw_choices(sizes, seed),
                }
                for _ in range(self.chain_depth)
            ]
            for _ in range(self.num_chains)
        ]
        return {
            "chain_mixing_weights": ops.divide(parts, ops.sum(parts)),
            "weight_sample": random.beta((), self.alpha, self.alpha, seed=seed),
            "chain_transforms": chains,
        }

    def augment(self, images, transformation):
        total = None
        for k, chain in enumerate(transformation["chain_transforms"]):
            x = images
            for step in chain:
                x = self._stepped(x, step)
            part = ops.multiply(x, ops.cast(transformation["chain_mixing_weights"][k], images.dtype))
            total = part if total is None else ops.add(total, part)
        share = ops.cast(transformation["weight_sample"], images.dtype)
        return ops.add(ops.multiply(share, images), ops.multiply(ops.subtract(1, share), total))

    def _stepped(self, images, step):
        if "layer_name" in step:  # one that is known, as in Keras's transformations
            return self._choices[step["layer_name"]].augment(images, step["transformation"])
        return self.one_of(step["layer_number"], images, step["transforms"], "augment")
