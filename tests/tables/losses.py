"""Losses: names, arguments and data."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LossCase:
    """One configuration of a loss.

    Attributes:
        function: in `losses`.
        name: of its class.
        arguments: of both.
        data: y_true and y_pred, in float64; N rows.
    """

    function: str
    name: str
    arguments: dict
    data: tuple

    def arrays(self):
        """The data, floats in float32."""
        return [x.astype("float32") if x.dtype.kind == "f" else x for x in self.data]

    def __str__(self):
        parts = [f"{name}={value}" for name, value in self.arguments.items()]
        return "-".join([self.name, *parts, *("x".join(map(str, x.shape)) for x in self.data)])


rng = np.random.default_rng(3)
N, C = 7, 5
NUMBERS = (rng.normal(size=(N, C)), rng.normal(size=(N, C)))
POSITIVE = (rng.uniform(0, 3, (N, C)), rng.uniform(0.1, 3, (N, C)))
YES_NO = (rng.integers(0, 2, (N, C)).astype(float), rng.uniform(0.01, 0.99, (N, C)))
SIGNED = (rng.choice([-1.0, 1.0], (N, C)), rng.normal(size=(N, C)))
PROBABILITIES = rng.dirichlet(np.ones(C), N)
CLASSES = rng.integers(0, C, N)
ONE_HOT = (np.eye(C)[CLASSES], PROBABILITIES)
SPARSE = (CLASSES, PROBABILITIES)
UNIT = SIGNED[1] / np.linalg.norm(SIGNED[1], axis=-1, keepdims=True)

IMAGES = (rng.normal(size=(N, 3, C)), rng.normal(size=(N, 3, C)))
SEQUENCES = (np.eye(C)[rng.integers(0, C, (N, 3))], rng.uniform(0.1, 1, (N, 3, C)))
LOGITS = rng.normal(size=(N, 6, C))
LABELS = np.array([[1, 2, 2], [3, 0, 0], [4, 4, 0], [1, 1, 1], [0, 0, 0], [2, 3, 4], [4, 1, 4]])

LOSSES = [
    LossCase("mean_squared_error", "MeanSquaredError", {}, NUMBERS),
    LossCase("mean_absolute_error", "MeanAbsoluteError", {}, NUMBERS),
    LossCase("mean_absolute_percentage_error", "MeanAbsolutePercentageError", {}, NUMBERS),
    LossCase("mean_squared_logarithmic_error", "MeanSquaredLogarithmicError", {}, POSITIVE),
    LossCase("huber", "Huber", {}, NUMBERS),
    LossCase("huber", "Huber", {"delta": 0.3}, NUMBERS),
    LossCase("log_cosh", "LogCosh", {}, NUMBERS),
    LossCase("cosine_similarity", "CosineSimilarity", {}, NUMBERS),
    LossCase("cosine_similarity", "CosineSimilarity", {"axis": 1}, NUMBERS),
    LossCase("poisson", "Poisson", {}, POSITIVE),
    LossCase("kl_divergence", "KLDivergence", {}, ONE_HOT),
    LossCase("hinge", "Hinge", {}, SIGNED),
    LossCase("hinge", "Hinge", {}, YES_NO),
    LossCase("squared_hinge", "SquaredHinge", {}, SIGNED),
    LossCase("categorical_hinge", "CategoricalHinge", {}, (ONE_HOT[0], NUMBERS[1])),
    LossCase("binary_crossentropy", "BinaryCrossentropy", {}, YES_NO),
    LossCase("binary_crossentropy", "BinaryCrossentropy", {"from_logits": True, "label_smoothing": 0.1}, SIGNED),
    LossCase("categorical_crossentropy", "CategoricalCrossentropy", {}, ONE_HOT),
    LossCase("categorical_crossentropy", "CategoricalCrossentropy", {"label_smoothing": 0.2}, ONE_HOT),
    LossCase("categorical_crossentropy", "CategoricalCrossentropy", {"from_logits": True}, (ONE_HOT[0], NUMBERS[1])),
    LossCase("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", {}, SPARSE),
    LossCase("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", {}, (CLASSES[:, None], PROBABILITIES)),
    LossCase("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", {"from_logits": True},
             (CLASSES, NUMBERS[0])),
    LossCase("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy", {"ignore_class": 2}, SPARSE),
    LossCase("binary_focal_crossentropy", "BinaryFocalCrossentropy", {}, YES_NO),
    LossCase("binary_focal_crossentropy", "BinaryFocalCrossentropy",
     {"apply_class_balancing": True, "gamma": 3.0, "label_smoothing": 0.1}, YES_NO),
    LossCase("binary_focal_crossentropy", "BinaryFocalCrossentropy", {"from_logits": True}, (YES_NO[0], NUMBERS[0])),
    LossCase("categorical_focal_crossentropy", "CategoricalFocalCrossentropy", {}, ONE_HOT),
    LossCase("categorical_focal_crossentropy", "CategoricalFocalCrossentropy",
     {"alpha": [0.1, 0.2, 0.3, 0.4, 0.5], "from_logits": True, "label_smoothing": 0.1}, (ONE_HOT[0], NUMBERS[0])),
    LossCase("categorical_generalized_cross_entropy", "CategoricalGeneralizedCrossEntropy", {"q": 0.7}, SPARSE),
    LossCase("dice", "Dice", {}, YES_NO),
    LossCase("dice", "Dice", {"axis": (1,)}, YES_NO),
    LossCase("tversky", "Tversky", {"alpha": 0.3, "beta": 0.7}, YES_NO),
    LossCase("circle", "Circle", {}, (CLASSES, UNIT)),
    LossCase("circle", "Circle", {"gamma": 4.0}, (CLASSES, NUMBERS[0])),
    LossCase("circle", "Circle", {"gamma": 10.0, "margin": 0.2, "remove_diagonal": False}, (CLASSES, UNIT)),
    LossCase("mean_squared_error", "MeanSquaredError", {}, IMAGES),
    LossCase("huber", "Huber", {}, IMAGES),
    LossCase("cosine_similarity", "CosineSimilarity", {"axis": 2}, IMAGES),
    LossCase("cosine_similarity", "CosineSimilarity", {}, (np.zeros((N, C)), NUMBERS[0])),
    LossCase("hinge", "Hinge", {}, (np.zeros((N, C)), NUMBERS[0])),
    LossCase("categorical_hinge", "CategoricalHinge", {}, (ONE_HOT[0][:, None], NUMBERS[1][:, None])),
    LossCase("binary_crossentropy", "BinaryCrossentropy", {"axis": 1}, YES_NO),
    LossCase("binary_crossentropy", "BinaryCrossentropy", {"from_logits": True}, (YES_NO[0], NUMBERS[0])),
    LossCase("binary_crossentropy", "BinaryCrossentropy", {}, (YES_NO[0], np.round(YES_NO[1]))),
    LossCase("categorical_crossentropy", "CategoricalCrossentropy", {"axis": 1}, (SEQUENCES[0], SEQUENCES[1])),
    LossCase("categorical_crossentropy", "CategoricalCrossentropy", {}, (ONE_HOT[0], 3 * PROBABILITIES)),
    LossCase("sparse_categorical_crossentropy", "SparseCategoricalCrossentropy",
             {"ignore_class": -1, "from_logits": True}, (np.where(CLASSES == 1, -1, CLASSES), NUMBERS[0])),
    LossCase("binary_focal_crossentropy", "BinaryFocalCrossentropy", {"alpha": 0.6, "apply_class_balancing": True},
             YES_NO),
    LossCase("categorical_focal_crossentropy", "CategoricalFocalCrossentropy", {"gamma": 1.0, "alpha": 0.7}, ONE_HOT),
    LossCase("categorical_generalized_cross_entropy", "CategoricalGeneralizedCrossEntropy", {"q": 0.5}, SPARSE),
    LossCase("dice", "Dice", {"axis": (1, 2)}, (YES_NO[0][..., None], YES_NO[1][..., None])),
    LossCase("tversky", "Tversky", {"axis": (1,)}, YES_NO),
    LossCase("ctc", "CTC", {}, (LABELS, LOGITS)),
    LossCase("ctc", "CTC", {}, (LABELS[:, :1], LOGITS)),
]  # fmt: skip
