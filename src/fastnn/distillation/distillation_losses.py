"""What a student is told by a teacher: losses between outputs, or between layers inside."""

from __future__ import annotations

from fastnn import losses, ops, tree
from fastnn.layers.layer import Layer
from fastnn.serialization import deserialize_keras_object, serialize_keras_object


class DistillationLoss:
    """Base of losses between a teacher and a student; a subclass writes `compute_loss`.

    Example:
        >>> class Difference(fastnn.distillation.DistillationLoss):
        ...     def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        ...         return fastnn.ops.mean(fastnn.ops.abs(teacher_outputs - student_outputs))
        >>> float(Difference().compute_loss(np.ones((2, 3)), np.zeros((2, 3))))
        1.0
    """

    teacher_layer_name: str | None = None
    student_layer_name: str | None = None

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        """The loss, a scalar; written by the subclass.

        Args:
            teacher_outputs, student_outputs: arrays with n rows, or structures of them.
            kwargs: for subclasses.
        """
        raise NotImplementedError("Subclasses must implement compute_loss")

    def validate_outputs(self, teacher_outputs, student_outputs) -> None:
        """Raises ValueError when the outputs of the two differ in structure."""
        tree.assert_same_structure(teacher_outputs, student_outputs)

    def validate_model_compatibility(self, teacher, student) -> None:
        """Raises ValueError when the loss cannot be computed for these models."""


class _PairedLoss(DistillationLoss):
    """A loss function for each output of the two, or None where they are not compared."""

    def __init__(self, loss):
        self.loss = tree.map_structure(losses.get, loss)
        if all(function is None for function in tree.flatten(self.loss)):
            raise ValueError(f"{type(self).__name__}: at least one `loss` must be non-`None`. Received: loss={loss}")

    def validate_outputs(self, teacher_outputs, student_outputs) -> None:
        """Raises ValueError when the outputs of the two, or `loss`, differ in structure."""
        super().validate_outputs(teacher_outputs, student_outputs)
        tree.assert_same_structure(self.loss, teacher_outputs)

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        """The sum over the outputs of the mean loss, with the teacher's as `y_true`; see the base class."""
        self.validate_outputs(teacher_outputs, student_outputs)
        triples = zip(*map(tree.flatten, (self.loss, teacher_outputs, student_outputs)), strict=True)
        return sum(ops.mean(function(y_true, y_pred)) for function, y_true, y_pred in triples if function is not None)

    def get_config(self) -> dict:
        """The arguments of `__init__`."""
        return {"loss": serialize_keras_object(self.loss)}

    @classmethod
    def from_config(cls, config):
        """A new loss with the arguments of `config`."""
        return cls(**{**config, "loss": deserialize_keras_object(config["loss"])})


class LogitsDistillation(_PairedLoss):
    """A loss between the outputs of the two models, divided by a temperature (Hinton et al., 2015, arXiv:1503.02531).

    As in Keras the quotients go into `loss` as they are: where the models return logits, a loss that turns them into
    probabilities itself, such as `CategoricalCrossentropy(from_logits=True)`, is a better choice than the default.

    Args:
        temperature: what both outputs are divided by; a positive number.
        loss: a name, function or `Loss`; for several outputs a structure of them like the outputs, None for those that
            are not compared.

    Raises:
        ValueError: for a temperature that is no positive number, an unknown loss, or none at all.

    Example:
        >>> loss = fastnn.distillation.LogitsDistillation(temperature=2.0, loss="mse")
        >>> float(loss.compute_loss(np.float32([[4.0]]), np.float32([[0.0]])))
        4.0
    """

    def __init__(self, temperature=3.0, loss="kl_divergence"):
        if not isinstance(temperature, (int, float)):
            raise ValueError(f"temperature must be a number, got {type(temperature)}")
        if temperature <= 0:
            raise ValueError(f"temperature must be positive. Received: temperature={temperature}")
        super().__init__(loss)
        self.temperature = temperature

    def compute_loss(self, teacher_outputs, student_outputs, **kwargs):
        """The loss of the outputs divided by the temperature; see the base class."""
        teacher_outputs, student_outputs = tree.map_structure(
            lambda y: y / self.temperature, (teacher_outputs, student_outputs)
        )
        return super().compute_loss(teacher_outputs, student_outputs)

    def get_config(self) -> dict:
        """The arguments of `__init__`."""
        return {"temperature": self.temperature, **super().get_config()}


class FeatureDistillation(_PairedLoss):
    """A loss between a layer of the teacher and a layer of the student (Romero et al., 2015, arXiv:1412.6550).

    Args:
        loss: a name, function or `Loss`; for several outputs of the layer a structure of them like the outputs, None
            for those that are not compared.
        teacher_layer_name, student_layer_name: of functional or sequential models; None for their outputs.

    Raises:
        ValueError: for an unknown loss, or none at all.

    Example:
        >>> loss = fastnn.distillation.FeatureDistillation(teacher_layer_name="conv5", student_layer_name="conv2")
        >>> float(loss.compute_loss(np.float32([[4.0]]), np.float32([[0.0]])))
        16.0
    """

    def __init__(self, loss="mse", teacher_layer_name=None, student_layer_name=None):
        super().__init__(loss)
        self.teacher_layer_name, self.student_layer_name = teacher_layer_name, student_layer_name

    def validate_model_compatibility(self, teacher, student) -> None:
        """Raises ValueError when a model has no such layer, or is subclassed: it has no outputs of layers to take."""
        for role, model, name in (
            ("teacher", teacher, self.teacher_layer_name),
            ("student", student, self.student_layer_name),
        ):
            if name is not None:
                layer_output(role, model, name)

    def get_config(self) -> dict:
        """The arguments of `__init__`."""
        return {
            **super().get_config(),
            "teacher_layer_name": self.teacher_layer_name,
            "student_layer_name": self.student_layer_name,
        }


def layer_output(role: str, model: Layer, name: str):
    """The KerasTensors that a layer of `model` returns; `role` is for messages.

    Raises:
        ValueError: when there is no such layer, or `model` is subclassed.
    """
    if not hasattr(model, "inputs"):
        raise ValueError(
            "FeatureDistillation with layer names needs Functional or Sequential models that are built. The "
            f"{role} {model.name!r} has no symbolic inputs. Leave the layer name out to compare final outputs."
        )
    try:
        return model.get_layer(name).output
    except ValueError as error:
        raise ValueError(f"In {role} model: {error}") from None
