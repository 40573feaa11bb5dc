"""Distiller: a model that trains a student by labels and by a teacher."""

from __future__ import annotations

from fastnn import metrics, ops, tree
from fastnn.distillation.distillation_losses import layer_output
from fastnn.models.model import Model
from fastnn.saving import deserialize_keras_object, serialize_keras_object
from fastnn.training.losses_and_metrics import CompileLoss


class Distiller(Model):
    """Trains a student by its own loss and by how far it is from a teacher.

    The loss is `student_loss_weight * student's + (1 - student_loss_weight) * sum(weight * distillation loss)`. The
    teacher is frozen, and runs as for prediction. `sample_weight` and the students' `losses` are left out, as in Keras.

    Args:
        teacher: a trained model. Its `trainable` becomes False.
        student: a model with inputs and outputs of the same shapes and dtypes.
        distillation_losses: a `DistillationLoss`, or a list of them.
        distillation_loss_weights: a float for each of them; 1 by default.
        student_loss_weight: from 0 to 1.
        name: of this model.
        kwargs: of `Model`.

    Attributes:
        teacher, student: the models.

    Raises:
        ValueError: for models that do not go together, or other arguments than these.

    Example:
        >>> x = fastnn.Input((4,))
        >>> teacher, student = (fastnn.Model(x, fastnn.layers.Dense(3)(x)) for _ in range(2))
        >>> distiller = fastnn.distillation.Distiller(
        ...     teacher, student, fastnn.distillation.LogitsDistillation(2.0, loss="mse")
        ... )
        >>> distiller.compile("sgd", "mse")
        >>> sorted(distiller.fit(np.ones((8, 4)), np.ones((8, 3)), verbose=0).history)
        ['distillation_loss', 'loss', 'student_loss', 'total_loss']
    """

    def __init__(
        self, teacher, student, distillation_losses, distillation_loss_weights=None, student_loss_weight=0.5,
        name="distiller", **kwargs,
    ):  # fmt: skip
        if distillation_losses is None:
            raise ValueError("'distillation_losses' cannot be `None`. Provide a distillation loss or a list of them.")
        if not isinstance(distillation_losses, (list, tuple)):
            distillation_losses, distillation_loss_weights = [distillation_losses], [1.0]
        if distillation_loss_weights is None:
            distillation_loss_weights = [1.0] * len(distillation_losses)
        if len(distillation_loss_weights) != len(distillation_losses):
            raise ValueError(
                f"Number of distillation_loss_weights ({len(distillation_loss_weights)}) must match number of "
                f"distillation_losses ({len(distillation_losses)})"
            )
        if not isinstance(student_loss_weight, (int, float)):
            raise ValueError(f"student_loss_weight must be a number, got {type(student_loss_weight)}")
        if not 0 <= student_loss_weight <= 1:
            raise ValueError(f"student_loss_weight must be between 0.0 and 1.0, got {student_loss_weight}")
        for role, model in (("Teacher", teacher), ("Student", student)):
            if not isinstance(model, Model):
                raise ValueError(f"{role} must be a fastnn.Model, got {type(model)}")
        _check_alike(teacher, student)
        for loss in distillation_losses:
            loss.validate_model_compatibility(teacher, student)
        super().__init__(name=name, **kwargs)
        self.teacher, self.student = teacher, student
        teacher.trainable = False
        self.distillation_losses = distillation_losses
        self.distillation_loss_weights = distillation_loss_weights
        self.student_loss_weight = student_loss_weight
        self.student_loss_tracker = metrics.Mean(name="student_loss")
        self.distillation_loss_tracker = metrics.Mean(name="distillation_loss")
        self.total_loss_tracker = metrics.Mean(name="total_loss")
        self._teacher_features = _Features("teacher", teacher, [x.teacher_layer_name for x in distillation_losses])
        self._student_features = _Features("student", student, [x.student_layer_name for x in distillation_losses])

    def compile(self, optimizer="adam", loss=None, metrics=None, **kwargs):
        """Says how the student is to be trained; see `Model.compile`.

        Raises:
            ValueError: without a `loss`.
        """
        if loss is None:
            raise ValueError("'loss' cannot be `None`.")
        super().compile(optimizer=optimizer, loss=loss, metrics=metrics, **kwargs)

    def call(self, inputs, training=None):
        """The student's outputs."""
        return self.student(inputs, training=training)

    def compute_loss(self, x=None, y=None, y_pred=None, sample_weight=None, training=True):
        """The weighted sum of the student's loss and the distillation losses; see `Model.compute_loss`."""
        share = self.student_loss_weight
        student_loss = distillation_loss = 0.0
        if share > 0:
            compiled: CompileLoss = self._compilation.loss
            student_loss = compiled(y, y_pred)
        if share < 1:
            taught = tree.map_structure(ops.stop_gradient, self._teacher_features(x, None, training=False))
            learned = self._student_features(x, y_pred, training=training)
            for loss, weight, *outputs in zip(
                self.distillation_losses, self.distillation_loss_weights, taught, learned, strict=True
            ):
                distillation_loss += weight * loss.compute_loss(*outputs)
        total = share * student_loss + (1 - share) * distillation_loss
        self.student_loss_tracker.update_state(student_loss)
        self.distillation_loss_tracker.update_state(distillation_loss)
        self.total_loss_tracker.update_state(total)
        return total

    def get_config(self) -> dict:
        """What `from_config` makes such a model from, without its weights."""
        return {
            "name": self.name,
            "trainable": self.trainable,
            "dtype": serialize_keras_object(self.dtype_policy),
            "teacher": serialize_keras_object(self.teacher),
            "student": serialize_keras_object(self.student),
            "distillation_losses": serialize_keras_object(list(self.distillation_losses)),
            "distillation_loss_weights": list(self.distillation_loss_weights),
            "student_loss_weight": self.student_loss_weight,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        """A new model from the result of `get_config`; see `Model.from_config`."""
        return cls(**deserialize_keras_object(config, custom_objects))

    def _output_names(self):
        return self.student._output_names()


class _Features:
    """What each loss reads from a model: the outputs of a layer, or of the model.

    Not a layer: what it runs belongs to the model, and must not be found a second time.
    """

    def __init__(self, role: str, model: Model, names: list[str | None]):
        self.model, self.names = model, names
        self.layers = {name: layer_output(role, model, name) for name in names if name is not None}
        self.extractor = Model(model.input, self.layers) if self.layers else None

    def __call__(self, x, outputs, training: bool) -> list:
        """For each loss what it reads; `outputs` are the model's for `x`, where they are known."""
        features = {} if self.extractor is None else self.extractor(x, training=training)
        if outputs is None and None in self.names:
            outputs = self.model(x, training=training)
        return [outputs if name is None else features[name] for name in self.names]


def _check_alike(teacher: Model, student: Model) -> None:
    """Raises ValueError when inputs or outputs differ in structure, shape or dtype, where they are known."""
    for what in ("input", "output"):
        if teacher._network is None or student._network is None:
            return
        of_teacher, of_student = getattr(teacher, what), getattr(student, what)
        tree.assert_same_structure(of_teacher, of_student)
        for a, b in zip(tree.flatten(of_teacher), tree.flatten(of_student), strict=True):
            sizes_fit = len(a.shape) == len(b.shape) and all(
                m == n or m is None or n is None for m, n in zip(a.shape, b.shape, strict=False)
            )
            if not sizes_fit:
                raise ValueError(
                    f"Teacher and student {what} shapes are incompatible. Teacher: {a.shape}, Student: {b.shape}. All "
                    "dimensions must match."
                )
            if a.dtype != b.dtype:
                raise ValueError(
                    f"Teacher and student {what} dtypes must match. Teacher: {a.dtype}, Student: {b.dtype}."
                )
