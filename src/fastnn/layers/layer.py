"""Layer: weights made by `build`, a computation written in `call`, and everything around one call.

Owns what happens when a layer is called: argument checks, building, `training`, losses, naming of errors. What a layer
has is `owner`'s, its config `configurable`'s; compiling is `fastnn.plan.function`'s.
"""

from __future__ import annotations

import functools
import weakref

import numpy as np

from fastnn import dtype_policy, limits, naming, regularizers, tree
from fastnn._kernels._engine import is_taped
from fastnn.graph import trace
from fastnn.graph.dtypes import from_dlpack, is_float
from fastnn.graph.masks import attach_masks, carry_mask, flat_masks_of_arrays, has_mask, masks_of
from fastnn.graph.symbolic import KerasTensor, infer_outputs, symbolic_call
from fastnn.layers import call_context, masking
from fastnn.layers.building import building, legacy_input_shape
from fastnn.layers.call_signature import Bound, CallSignature, array_arguments, is_array, name_layer, shapes_of
from fastnn.layers.configurable import Configurable
from fastnn.layers.input_spec import assert_input_compatibility
from fastnn.layers.operation import Operation
from fastnn.layers.owner import Owner
from fastnn.layers.shapes import map_shapes
from fastnn.layers.stateless import Stateless
from fastnn.ops.elementwise import cast_op
from fastnn.ops.record import dtype_of
from fastnn.plan.function import Compiled, flat_signature


class Layer(Owner, Configurable, Stateless, Operation):
    """A computation with weights.

    A subclass makes its weights in `build(input_shape)` and computes in `call(inputs)`, with `fastnn.ops`. Gradients
    are derived from that; no backward pass is written.

    Args:
        activity_regularizer: a regularizer of the outputs.
        trainable: whether its weights are trained.
        dtype: a dtype or a `DTypePolicy`: of the computation and of the weights. Defaults to `floatx()`.
        autocast: whether float inputs are cast to the dtype of the computation.
        name: defaults to the class's name in snake case, numbered.
        input_shape: as in Keras 2: a `Sequential` that begins with this layer starts with such an `Input`. So do
            `batch_input_shape` and `input_dim`.

    Raises:
        ValueError: for other arguments.

    Example:
        >>> class Double(fastnn.layers.Layer):
        ...     def call(self, inputs):
        ...         return inputs * 2
        >>> Double()(np.ones(2, "float32"))
        array([2., 2.], dtype=float32)
    """

    runs_on_host = False  # see `layers.preprocessing.host_layer`
    supports_jit = True  # kept for Keras: what has a plan is compiled

    def __init_subclass__(cls, **kwargs):
        super().__init_subclass__(**kwargs)
        if "build" in cls.__dict__:
            cls.build = building(cls.__dict__["build"])

    def __init__(self, *, activity_regularizer=None, trainable=True, dtype=None, autocast=True, name=None, **kwargs):
        self._state.super_called = True
        self.built = False
        self._input_shape_arg = legacy_input_shape(kwargs)
        if kwargs:
            raise ValueError(f"Unrecognized keyword arguments passed to {type(self).__name__}: {kwargs}")
        if name is not None and (not isinstance(name, str) or "/" in name):
            raise ValueError(
                f"Argument `name` must be a string and cannot contain character `/`. Received: name={name}"
            )
        self.name = name or naming.auto_name(naming.to_snake_case(type(self).__name__))
        self.activity_regularizer = regularizers.get(activity_regularizer)
        self.dtype_policy = dtype_policy.get(dtype)
        self.autocast = autocast
        self.input_spec = None
        self.supports_masking = type(self).compute_mask is not Layer.compute_mask
        self._allow_non_tensor_positional_args = False
        self._trainable = bool(trainable)

    # -- building ------------------------------------------------------------------------------------------------------

    def build(self, input_shape):
        """Makes the weights. Called once, with the shape(s) of the first call's inputs.

        Args:
            input_shape: tuple of sizes with None where unknown (or a structure of them, like the inputs).
        """
        self._state.build_shapes = {"input_shape": input_shape}
        self.built = True

    def _maybe_build(self, bound: Bound) -> None:
        if self.built:
            return
        shapes = {f"{name}_shape": shapes_of(value) for name, value in array_arguments(bound).items()}
        if type(self).build is Layer.build:
            self.build(next(iter(shapes.values()), None))
        else:
            accepted = CallSignature.of(self.build).parameters
            with trace.eager():
                if len(accepted) == 1 and not any(p.kind is p.VAR_KEYWORD for p in accepted.values()):
                    self.build(next(iter(shapes.values()), None))
                else:
                    takes_any = any(p.kind is p.VAR_KEYWORD for p in accepted.values())
                    self.build(**{name: shape for name, shape in shapes.items() if takes_any or name in accepted})
        self.built = True

    # -- calling -------------------------------------------------------------------------------------------------------

    def call(self, *args, **kwargs):
        """The computation, on traced values or arrays; written by the subclass."""
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `call` method implemented.")

    def __call__(self, *args, **kwargs):
        runs_compiled, arrays = self._runs_compiled(), []
        signature = flat_signature(args, kwargs, arrays) if runs_compiled else None
        if signature is None and any(isinstance(leaf, KerasTensor) for leaf in tree.flatten((args, kwargs))):
            self._check_super_called()
            return self.symbolic_call(*args, **kwargs)
        if runs_compiled:
            return self._call_compiled(args, kwargs, signature, arrays)
        self._check_super_called()
        if trace.state.tapes:
            from fastnn.layers import taped_call  # not in a first import

            outputs = taped_call.call(self, args, kwargs)
            if outputs is not NotImplemented:
                return outputs
        return self._call_now(args, kwargs)

    def _runs_compiled(self) -> bool:
        state = trace.state
        if state.graph is not None or state.tapes or state.scope is not None:
            return False
        return not call_context.depth() and self._state.super_called

    def _call_compiled(self, args, kwargs, signature, arrays):
        """Arrays in, arrays out, through a plan for this signature; None stands for arguments with a structure."""
        state = self._state
        if state.compiled is None:
            # A weak reference: the layer owns what it compiled, not the other way round.
            layer = weakref.ref(self)
            state.compiled = Compiled(lambda m, *a, **k: layer()._call_for_plan(m, a, k), self.name, self._trace_key)
        if signature is None:
            args, kwargs = tree.map_structure(from_dlpack, (args, kwargs))
        masks = flat_masks_of_arrays((args, kwargs))
        if masks or signature is None:
            outputs, losses, masks = state.compiled.run((masks, *args), kwargs)
        else:
            outputs, losses, masks = state.compiled.run(((), *args), kwargs, signature, arrays)
        if masks:
            attach_masks(outputs, masks)
        if losses or state.losses:
            self._clear_losses()
            state.losses = [(None, loss) for loss in losses]
        return outputs

    def _call_for_plan(self, masks, args, kwargs):
        """The outputs, the losses and the outputs' masks, for values with `masks` beside them; () for no masks."""
        attach_masks((args, kwargs), masks)
        outputs = self._call_now(args, kwargs)
        losses = tuple(loss for layer in self._flatten_layers() for loss in layer._current_losses())
        self._clear_losses()
        masks = tuple(masks_of(tree.flatten(outputs)))
        return outputs, losses, masks if has_mask(masks) else ()

    def _call_now(self, args, kwargs):
        """Runs `call` on values or arrays."""
        limits.count_steps(limits.LAYER_CALL)
        signature = self._call_signature()
        bound = self._bind(signature, args, kwargs)
        self._check_and_build(bound)
        bound.arguments.update(masking.fill(signature, bound, kwargs))
        if not call_context.depth():
            self._clear_losses()
        training = bound.arguments.get("training")
        if training is None:
            training = call_context.training() if kwargs.get("training") is None else kwargs["training"]
        compute, kept = self.compute_dtype, self.variable_dtype
        autocast = trace.autocasting(compute if self.autocast and compute != kept and is_float(compute) else None)
        positional, named = signature.split(bound)
        with trace.label(self.name), call_context.calling(self.name, training), autocast:
            try:
                outputs = self.call(*positional, **named)
            except Exception as error:
                name_layer(error, self, bound)
                raise
            masking.leave(self, bound, outputs)
        if not call_context.is_probing():
            self._state.output_shape = tree.map_structure(lambda y: tuple(getattr(y, "shape", ())), outputs)
        if self.activity_regularizer is not None:
            for y in tree.flatten(outputs):
                if is_array(y):
                    # As in Keras, the mean over the batch: the penalty should not depend on the batch's size.
                    self.add_loss(self.activity_regularizer(y) / (y.shape[0] if y.shape else 1))
        return outputs

    def symbolic_call(self, *args, **kwargs):
        """KerasTensors in, KerasTensors out; the call is recorded for the model that is being built."""
        signature = self._call_signature()
        bound = self._bind(signature, args, kwargs)
        self._check_and_build(bound)
        # As they were given: what `training` is where it was not said is for each call of the model to say.
        masks = {name: m for name, m in masking.fill(signature, bound, kwargs).items() if has_mask(m)}
        kwargs = signature.accepted(kwargs)
        bound.arguments.update(masks)
        outputs = self.compute_output_spec(*args, **kwargs, **masks)
        outputs = symbolic_call(self, args, kwargs | masks if self._records_more(args, kwargs) else kwargs, outputs)
        masking.leave(self, bound, outputs)
        produced = [y for y in tree.flatten(outputs) if isinstance(y, KerasTensor)]
        if produced:
            self._inbound.append((produced[0].call, outputs))
        return outputs

    def _records_more(self, args, kwargs) -> bool:
        """Whether a call with KerasTensors is recorded with its masks, and written with them and `training`: as in
        Keras, where nothing has to be converted. The masks are found again in any case when the model runs."""
        return not kwargs and len(args) == 1 and getattr(args[0], "dtype", None) == self.input_dtype

    @property
    def _inbound(self) -> list:
        return self._state.inbound

    def _call_signature(self) -> CallSignature:
        return CallSignature.of(self.call)

    def _bind(self, signature: CallSignature, args, kwargs) -> Bound:
        """The arguments by name, arrays cast to the compute dtype, `training` resolved."""
        if not self._allow_non_tensor_positional_args:
            for leaf in tree.flatten(args):
                if leaf is not None and not is_array(leaf):
                    raise ValueError(
                        "Only input tensors may be passed as positional arguments. The following argument value should "
                        f"be passed as a keyword argument: {leaf} (of type {type(leaf)})"
                    )
        bound = signature.bind(args, kwargs)
        if signature.has("training") and bound.arguments.get("training") is None:
            inherited = call_context.training()
            bound.arguments["training"] = signature.default("training") if inherited is None else inherited
        if self.autocast and is_float(self.compute_dtype):
            for name, value in bound.arguments.items():
                if value is not None and type(value) is not bool:
                    bound.arguments[name] = tree.map_structure(self._cast, value)
        return bound

    def _cast(self, x):
        """`x` in the compute dtype when it is an array of other floats."""
        if not is_array(x) or isinstance(x, (KerasTensor, np.generic)):
            return x
        dtype = dtype_of(x)
        # One that was watched and is plain goes through an op in any case.
        needs_op = dtype != self.compute_dtype or (type(x) is np.ndarray and is_taped(x))
        return carry_mask(x, cast_op(x, dtype=self.compute_dtype)) if is_float(dtype) and needs_op else x

    def _check_and_build(self, bound: Bound) -> None:
        first = next(iter(bound.arguments.values()), None)
        assert_input_compatibility(self.input_spec, first, self.name)
        if not self.built:
            self._maybe_build(bound)

    def compute_output_shape(self, *args, **kwargs):
        """The shape(s) of the outputs for inputs of the given shape(s); computes nothing.

        Example:
            >>> fastnn.layers.Flatten().compute_output_shape((None, 2, 3))
            (None, 6)
        """
        to_tensor = functools.partial(KerasTensor, dtype=self.compute_dtype)
        args, kwargs = map_shapes(to_tensor, (args, {name.removesuffix("_shape"): s for name, s in kwargs.items()}))
        outputs = infer_outputs(self._clone_for_shapes()._call_for_shapes, args, kwargs)
        return tree.map_structure(lambda y: y.shape if isinstance(y, KerasTensor) else y, outputs)

    def compute_output_spec(self, *args, **kwargs):
        """The outputs for KerasTensors `args` and `kwargs`, as KerasTensors; found by tracing `call`."""
        if len(args) == 1 and not kwargs and self._keeps_shape():
            (x,) = args
            if isinstance(x, KerasTensor) and x.dtype == self.compute_dtype and is_float(x.dtype):
                return KerasTensor(x.shape, x.dtype)
        if type(self).compute_output_shape is not Layer.compute_output_shape:
            bound = self._call_signature().bind(args, kwargs)
            shapes = {f"{name}_shape": shapes_of(value) for name, value in array_arguments(bound).items()}
            accepted = CallSignature.of(self.compute_output_shape).parameters
            if len(accepted) == 1:
                shape = self.compute_output_shape(next(iter(shapes.values())))
            else:
                shape = self.compute_output_shape(**{name: s for name, s in shapes.items() if name in accepted})
            return map_shapes(functools.partial(KerasTensor, dtype=self.compute_dtype), shape)
        return infer_outputs(self._call_for_shapes, args, kwargs)

    def _keeps_shape(self) -> bool:
        """Whether `call` surely gives floats in the shape and dtype of its argument: then it need not be traced for
        them. A class whose `call` may be overridden says it of its own only."""
        return False

    def _call_for_shapes(self, *args, **kwargs):
        with call_context.probing():
            return self._call_now(args, kwargs)

    def _clone_for_shapes(self) -> Layer:
        """This layer, or, before it is built, another one with its attributes that can be built instead of it."""
        if self.built:
            return self
        clone = type(self).__new__(type(self))
        clone.__dict__.update({name: value for name, value in self.__dict__.items() if name != "_state"})
        clone._state.super_called = True
        return clone

    def compute_mask(self, inputs, previous_mask):
        """The mask of the outputs (one for each, in their structure), given that of the inputs.

        A layer whose masks are not simply those of its inputs overrides it; one whose are sets `supports_masking`.

        Args:
            inputs: the first argument of the call.
            previous_mask: the mask of it, or a structure of them; None where there is none.
        """
        return previous_mask

    # -- losses --------------------------------------------------------------------------------------------------------

    def add_loss(self, loss):
        """Adds a scalar to the loss that training minimises. For use in `call`.

        Args:
            loss: a scalar array or value, or a structure of them.

        Raises:
            ValueError: for anything else.
        """
        for leaf in tree.flatten(loss):
            if not is_array(leaf):
                raise ValueError(
                    "`add_loss()` can only be called from inside `build()` or `call()`, on a tensor input. Received "
                    f"invalid value: {leaf}"
                )
            self._state.losses.append((trace.current(), leaf))

    def add_metric(self, *args, **kwargs):
        """Raises NotImplementedError, as in Keras 3: metrics are attributes, or go into `compile`."""
        raise NotImplementedError(
            "Layer `add_metric()` method is deprecated. Add your metric in `Model.compile(metrics=[...])`, or keep it "
            "as an attribute of the layer and call `metric.update_state()` in `call`."
        )

    @property
    def losses(self) -> list:
        """Scalars: what `add_loss` and activity regularizers gave in the last call, then the weights' regularizers."""
        losses = [loss for layer in self._flatten_layers() for loss in layer._current_losses()]
        for variable in self.trainable_weights:
            if variable.regularizer is not None:
                losses.append(variable.regularizer(variable))
        return losses

    def _current_losses(self) -> list:
        # A loss belongs to the trace that made it: a value of another one is not a number here.
        graph = trace.current()
        return [loss for made_in, loss in self._state.losses if made_in is graph or made_in is None]

    def _clear_losses(self) -> None:
        for layer in self._flatten_layers():
            layer._state.losses = []

    @property
    def compute_dtype(self) -> str:
        """The dtype of the computation."""
        return self.dtype_policy.compute_dtype

    @property
    def variable_dtype(self) -> str:
        """The dtype of the weights."""
        return self.dtype_policy.variable_dtype

    @property
    def dtype(self) -> str:
        """The dtype of the weights."""
        return self.variable_dtype

    @property
    def quantization_mode(self) -> str | None:
        """How its dtype policy says that weights are quantized; None: not."""
        return self.dtype_policy.quantization_mode

    def quantize(self, mode=None, type_check=True, config=None):
        """Keeps the weights in few bits; for layers that can.

        Args:
            mode: "int8", "int4" or "float8".
            type_check: whether subclasses of a layer that can are refused.
            config: a `QuantizationConfig`.

        Raises:
            NotImplementedError: for the other layers.
        """
        self.check_quantizable(mode, type_check)

    def check_quantizable(self, mode: str, type_check: bool = True) -> None:
        """Raises what `quantize` raises."""
        raise NotImplementedError(f"Layer {type(self).__name__} does not have a `quantize` method implemented.")

    @property
    def input_dtype(self) -> str:
        """The dtype that float inputs are cast to."""
        return self.compute_dtype

    @property
    def path(self) -> str | None:
        """The names of the layers around it and its own, joined by slashes; None before it is built."""
        return self._state.path

    def _check_super_called(self) -> None:
        if not self._state.super_called:
            raise RuntimeError(
                f"In layer {type(self).__name__!r}, you forgot to call `super().__init__()` as the first statement in "
                "the `__init__()` method. Go add it!"
            )

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.__dict__.get('name')}, built={self.__dict__.get('built', False)}>"

    def __str__(self) -> str:
        return repr(self)
