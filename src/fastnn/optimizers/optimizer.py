"""Optimizer: gradients in, updated variables out.

Owns the order of one step (scale, accumulate, clip, decay, update, average, constrain) and the slots. A rule is
`update_step`, written with ops on one gradient, one variable and its slots; rules that are elementwise run once on the
flat state of `optimizers.flat` instead of once per variable.
"""

from __future__ import annotations

import operator
import re
import warnings
import weakref

import numpy as np

from fastnn import _kernels, config, ops
from fastnn.graph import trace
from fastnn.graph.dtypes import is_float
from fastnn.graph.stateless import StatelessScope, pairs
from fastnn.graph.value import dtype_name
from fastnn.graph.variable import Variable
from fastnn.naming import auto_name, to_snake_case
from fastnn.optimizers.flat import LARGE, Flat, flats_of, is_whole, move_out
from fastnn.optimizers.schedules.learning_rate_schedule import LearningRateSchedule
from fastnn.plan.function import Compiled, is_watched
from fastnn.serialization import PLAIN, deserialize_keras_object, serialize_keras_object

COMMON_ARGUMENTS = """weight_decay: what share of a variable, times the learning rate, each step takes away.
        clipnorm: the largest norm of the gradient of each variable.
        clipvalue: the largest size of any entry of a gradient.
        global_clipnorm: the largest norm of all gradients together.
        use_ema: whether a moving average of the variables is kept; training ends with it.
        ema_momentum: how slowly that average moves; 0.99.
        ema_overwrite_frequency: after how many steps it overwrites the variables; never by default.
        loss_scale_factor: multiplies the loss, and divides the gradients.
        gradient_accumulation_steps: over how many steps gradients are averaged before one update.
        name: of the slots; the snake_case of the class by default."""


class Optimizer:
    """Base of optimizers.

    Args:
        learning_rate: a float, a `LearningRateSchedule`, or a callable without arguments.
        {common}

    A subclass names its slots in `slot_names`, and writes `update_step(gradient, variable, learning_rate)`; or, as in
    Keras, makes slots in `build` by `add_variable_from_reference` and finds them by `_get_variable_index`.

    Raises:
        ValueError: for unknown arguments, or numbers out of range.

    Example:
        >>> class Plain(Optimizer):
        ...     def update_step(self, gradient, variable, learning_rate):
        ...         self.assign_sub(variable, gradient * learning_rate)
        >>> w = fastnn.Variable([1.0]); Plain(0.5).apply([np.float32([1.0])], [w]); float(w.numpy()[0])
        0.5
    """

    # Whether `update_step` treats each element by itself: a class that overrides `update_step` must say so again.
    is_elementwise = False
    _is_checked = False  # whether another optimizer looks at the gradients first
    _compiled: Compiled | None = None  # `apply` of arrays

    def __init__(
        self, learning_rate, weight_decay=None, clipnorm=None, clipvalue=None, global_clipnorm=None, use_ema=False,
        ema_momentum=0.99, ema_overwrite_frequency=None, loss_scale_factor=None, gradient_accumulation_steps=None,
        name=None, **kwargs,
    ):  # fmt: skip
        learning_rate = _legacy(learning_rate, kwargs)
        _check(
            clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, ema_overwrite_frequency,
            gradient_accumulation_steps,
        )  # fmt: skip
        self.name = name or auto_name(to_snake_case(type(self).__name__))
        self.weight_decay = weight_decay
        self.clipnorm, self.clipvalue, self.global_clipnorm = clipnorm, clipvalue, global_clipnorm
        self.use_ema, self.ema_momentum, self.ema_overwrite_frequency = use_ema, ema_momentum, ema_overwrite_frequency
        self.loss_scale_factor, self.gradient_accumulation_steps = loss_scale_factor, gradient_accumulation_steps
        self.built = False
        self.version = 0  # counts what a compiled step cannot see change
        self._variables: list[Variable] = []
        self._trainable_variables: list[Variable] = []
        self._flats: list[Flat] = []
        self._slots: dict[tuple[str, int], Variable] = {}
        self._excluded_from_decay: tuple[set[int], list[str]] = (set(), [])
        self._iterations = self._own_variable(np.zeros((), "int32"), "iteration")
        self._learning_rate = learning_rate
        if isinstance(learning_rate, (int, float, np.number)):
            self._learning_rate = self._own_variable(np.asarray(learning_rate, config.floatx()), "learning_rate")
        elif not callable(learning_rate):
            raise ValueError(
                "Argument `learning_rate` should be float, or an instance of LearningRateSchedule, or a callable (that "
                "takes in the current iteration value and returns the corresponding learning rate value). Received "
                f"instead: learning_rate={learning_rate}"
            )

    # -- state ---------------------------------------------------------------------------------------------------------

    @property
    def variables(self) -> list[Variable]:
        """Iterations, learning rate, then the slots of each variable: names and order are Keras's."""
        return list(self._variables)

    @property
    def iterations(self):
        """How many updates were made."""
        steps = self.gradient_accumulation_steps
        return ops.floor_divide(self._iterations, steps) if steps else self._iterations

    @property
    def learning_rate(self):
        """The learning rate: a Variable, or the current value of the schedule or callable."""
        if isinstance(self._learning_rate, LearningRateSchedule):
            return self._learning_rate(self._iterations)
        if isinstance(self._learning_rate, Variable):
            return self._learning_rate
        return self._learning_rate()

    @learning_rate.setter
    def learning_rate(self, value):
        if callable(value):
            self._variables = [v for v in self._variables if v is not self._learning_rate]
            self._learning_rate = value
            self.version += 1
        elif isinstance(self._learning_rate, Variable):
            self._learning_rate.assign(np.asarray(value, self._learning_rate.dtype))
        else:
            raise TypeError(
                "This optimizer was created with a `LearningRateSchedule` object as its `learning_rate` constructor "
                "argument, hence its learning rate is not settable. If you need the learning rate to be settable, you "
                "should instantiate the optimizer with a float `learning_rate` argument."
            )

    def slot_names(self) -> tuple[tuple[str, ...], ...]:
        """Names of the slots that each variable has, in groups: the first group of every variable, then the next."""
        return ()

    def initial_slot_value(self, slot: str) -> float:
        """What the elements of a slot begin as."""
        return 0.0

    def build(self, variables) -> None:
        """Makes the slots of `variables`, and moves the variables into flat buffers.

        Args:
            variables: the Variables to be trained.
        """
        if self.built:
            return
        variables = list(variables)
        self._trainable_variables = variables
        self._index_of = {id(variable): k for k, variable in enumerate(variables)}
        groups = [("average",)] if self.use_ema else []
        groups += [("gradient_accumulator",)] if self.gradient_accumulation_steps else []
        for names in [*groups, *self.slot_names()]:
            self._add_slots(names)
        self.built = True
        self._lay_out()
        for variable in _by_gradients(variables) if self.use_ema else ():
            self._slots["average", id(variable)].assign(variable.numpy())

    def _lay_out(self) -> None:
        """Moves the variables and their slots into flat buffers of one layout."""
        self._flats = []
        if self._runs_flat():
            trained = [v for v in _by_gradients(self._trainable_variables) if is_float(v.dtype)]
            alone = {id(v): v for v in trained if self._stands_alone(v)}
            self._flats = flats_of([v for v in trained if id(v) not in alone], self.name)
            for part in (*alone.values(), *(slot for (_, owner), slot in self._slots.items() if owner in alone)):
                move_out(part)
        names = dict.fromkeys(name for name, _ in self._slots)
        for flat in self._flats:
            for name in names:
                parts = [self._slots[name, id(member)] for member in flat.members]
                buffer = flat.like(parts, f"{self.name}_{name}", self._first_value(name))
                self._slots[name, id(flat.variable)] = buffer
        for slot in self._slots.values():
            if not slot.array.flags.writeable:
                slot.move(_kernels.aligned_empty(slot.array.size, slot.dtype).reshape(slot.shape))

    def _stands_alone(self, variable: Variable) -> bool:
        """Whether a variable is updated by itself, so that this can be done where its gradient is made: one so large
        that a pass of its own costs nothing. Not where norms or checks read all gradients before any update."""
        return variable.array.size >= LARGE and not (self.clipnorm or self.global_clipnorm or self._is_checked)

    def _first_value(self, slot: str) -> float:
        return 0.0 if slot in ("average", "gradient_accumulator") else self.initial_slot_value(slot)

    def _add_slots(self, names: tuple[str, ...]) -> None:
        for variable in _by_gradients(self._trainable_variables):
            for name in names:
                self._add_slot(name, variable)

    def _add_slot(self, name: str, variable: Variable) -> None:
        """A slot that is one number, read-only, until it is laid out: it needs memory but once."""
        first = np.array(self._first_value(name), variable.dtype)
        slot = self._own_variable(first, _slot_name(variable, name))
        first.flags.writeable = False
        slot._array = np.ndarray(variable.shape, first.dtype, first, strides=(0,) * variable.ndim)
        self._slots[name, id(variable)] = slot

    def __getstate__(self) -> dict:
        """For copies: slots by the place of their variable, not its identity, and no buffers."""
        places = {id(variable): k for k, variable in enumerate(self._trainable_variables)}
        slots = [(name, places[owner], slot) for (name, owner), slot in self._slots.items() if owner in places]
        return {**self.__dict__, "_slots": slots, "_flats": None, "_index_of": None, "_compiled": None}

    def __setstate__(self, state: dict) -> None:
        self.__dict__.update(state)
        variables = self._trainable_variables
        self._index_of = {id(variable): k for k, variable in enumerate(variables)}
        self._slots = {(name, id(variables[k])): slot for name, k, slot in state["_slots"]}

    def slot(self, name: str, variable: Variable) -> Variable:
        """The slot `name` of `variable`."""
        return self._slots[name, id(variable)]

    def add_variable(
        self, shape, initializer="zeros", dtype=None, aggregation=None, layout=None, name=None
    ) -> Variable:
        """A new variable of the optimizer.

        Args:
            shape: tuple of ints.
            initializer: "zeros", "ones" or a callable `initializer(shape, dtype)`.
            dtype: `floatx()` by default.
            name: for its path.
        """
        make = {"zeros": np.zeros, "ones": np.ones}.get(initializer, initializer)
        return self._own_variable(np.asarray(make(tuple(shape), dtype=dtype or config.floatx())), name)

    def add_variable_from_reference(self, reference_variable, name=None, initializer="zeros") -> Variable:
        """A new variable with the shape and dtype of another one, such as a slot of it."""
        path = _slot_name(reference_variable, name or "variable")
        return self.add_variable(reference_variable.shape, initializer, reference_variable.dtype, name=path)

    def add_optimizer_variables(self, trainable_variables, name, initializer="zeros"):
        """One variable per trainable variable for each of `name` (a name or a list of names)."""
        names = name if isinstance(name, (list, tuple)) else [name]
        made = [[self.add_variable_from_reference(v, n, initializer) for v in trainable_variables] for n in names]
        return made if isinstance(name, (list, tuple)) else made[0]

    def _own_variable(self, value: np.ndarray, name: str | None) -> Variable:
        variable = Variable(value, dtype=dtype_name(value.dtype), trainable=False, name=name)
        variable.path = f"{self.name}/{variable.name}"
        self._variables.append(variable)
        return variable

    def _get_variable_index(self, variable: Variable) -> int:
        return self._index_of[id(variable)]

    # -- one step ------------------------------------------------------------------------------------------------------

    def update_step(self, gradient, variable, learning_rate) -> None:
        """Updates `variable` and its slots from `gradient`, all of one shape."""
        raise NotImplementedError(f"{type(self).__name__} does not implement `update_step`.")

    def begin_step(self) -> None:
        """Called once before the calls of `update_step`: for state that all variables share."""

    def apply_gradients(self, grads_and_vars):
        """Updates variables from `(gradient, variable)` pairs, and returns the number of updates so far."""
        pairs = list(grads_and_vars)
        self.apply([g for g, _ in pairs], [v for _, v in pairs])
        return self._iterations

    def apply(self, grads, trainable_variables=None) -> None:
        """Updates variables.

        Args:
            grads: a gradient for each variable; None skips the variable, with a warning.
            trainable_variables: the Variables; those that the optimizer was built with by default.

        Raises:
            ValueError: for variables it was not built with, a wrong number of gradients, or none at all.
        """
        grads = list(grads)
        if not grads:
            return
        variables = self._variables_for(grads, trainable_variables)
        grads, variables = _without_missing(grads, variables)
        if self._may_compile(grads, variables):
            self._compiled_step().run(tuple(grads), {})
        else:
            self._apply(grads, variables)

    def _may_compile(self, grads, variables) -> bool:
        """Whether a step with arrays that nobody watches can be one plan: of all variables and with rules of this
        library alone, which read nothing that `_settings` does not tell. What may be part of a variable is read-only.
        """
        rate = self._learning_rate
        return (
            not is_watched()
            and trace.state.autocast is None
            and _is_ours(self)
            and (isinstance(rate, Variable) or (isinstance(rate, LearningRateSchedule) and _is_ours(rate)))
            and len(variables) == len(self._trainable_variables)
            and all(map(operator.is_, variables, self._trainable_variables))
            and all(type(g) is np.ndarray and g.flags.writeable for g in grads)
            and all(
                g.shape == v.shape and dtype_name(g.dtype) == v.storage_dtype and v.constraint is None
                for g, v in zip(grads, variables, strict=True)
            )
        )

    def _compiled_step(self) -> Compiled:
        if self._compiled is None:
            optimizer = weakref.ref(self)
            self._compiled = Compiled(
                lambda *grads: optimizer()._apply(list(grads), optimizer()._trainable_variables),
                self.name,
                lambda: optimizer()._settings(),
            )
        return self._compiled

    def _settings(self) -> tuple:
        """The numbers and names that a step reads; what it reads else are variables."""
        rate = self._learning_rate
        found = [*vars(self).values(), *(() if isinstance(rate, Variable) else vars(rate).values())]
        return id(rate), *[value for value in found if type(value) in PLAIN]

    def _apply(self, grads, variables) -> None:
        with trace.label(self.name):
            grads, variables = _without_overwritten(grads, variables)
            if self.loss_scale_factor is not None:
                grads = [g / self.loss_scale_factor for g in grads]
            units = self._units(grads, variables)
            if self.gradient_accumulation_steps:
                self._accumulate(units)
            else:
                self._update(units)
            if self.use_ema:
                self._average([v for _, v in units])
            self._constrain(variables)
            self._iterations.assign_add(1)

    def stateless_apply(self, optimizer_variables, grads, trainable_variables):
        """`apply` on values; returns the new ones and changes nothing.

        Args:
            optimizer_variables: values, in the order of `variables`.
            grads: a gradient for each variable.
            trainable_variables: values, in the order of the variables that the optimizer was built with.

        Returns:
            `(trainable_variables, optimizer_variables)`: the values after the update.

        Raises:
            ValueError: when the optimizer is not built, or a list has another length.

        Example:
            >>> optimizer = fastnn.optimizers.SGD(0.5); optimizer.build([fastnn.Variable([1.0])])
            >>> values, state = optimizer.stateless_apply(optimizer.variables, [np.ones(1, "float32")], [np.ones(1)])
            >>> values
            [array([0.5], dtype=float32)]
        """
        if not self.built:
            raise ValueError(
                f"To call `stateless_apply`, {type(self).__name__} must be built (i.e. its variables must have been "
                "created). You can build it via `optimizer.build(trainable_variables)`."
            )
        trained = self._trainable_variables
        trainable_variables = list(trainable_variables)
        if len(trainable_variables) != len(trained):
            raise ValueError(
                "Argument `trainable_variables` must be a list of tensors corresponding 1:1 to the trainable variables "
                f"list that the optimizer was built with. Received len(trainable_variables) == "
                f"{len(trainable_variables)} whereas the optimizer was built with {len(trained)} variables."
            )
        mapping = pairs(self, "optimizer_variables", self.variables, optimizer_variables)
        with StatelessScope([*zip(trained, trainable_variables, strict=True), *mapping]) as scope:
            self.apply(grads)
            return tuple([scope.get_current_value(v) for v in variables] for variables in (trained, self.variables))

    def _variables_for(self, grads, variables) -> list[Variable]:
        if variables is None:
            if len(grads) != len(self._trainable_variables):
                raise ValueError(
                    "When passing `grads` as a list of gradient tensors, the gradients must match "
                    f"`optimizer.variables` one-to-one. Received a list of {len(grads)} gradients, but the optimizer "
                    f"is tracking {len(self._trainable_variables)} trainable variables."
                )
            return self._trainable_variables
        variables = list(variables)
        if not self.built:
            with trace.eager():
                self.build(variables)
        for variable in variables:
            if id(variable) not in self._index_of:
                raise ValueError(
                    f"Unknown variable: {variable}. This optimizer can only be called for the variables it was "
                    "originally built with. When working with a new set of variables, you should recreate a new "
                    "optimizer instance."
                )
        return variables

    def _units(self, grads, variables) -> list[tuple]:
        """What `update_step` is called with: one (gradient, variable) for each flat buffer, or for each variable."""
        if self.clipnorm and not self.gradient_accumulation_steps:
            grads = [_clipped_by_norm(g, self.clipnorm) for g in grads]
        if self._flats is None:  # a copy
            with trace.eager():
                self._lay_out()
        gradient_of = {id(v): g for g, v in zip(grads, variables, strict=True)}
        is_flat = (
            bool(self._flats)
            and all(id(member) in gradient_of for flat in self._flats for member in flat.members)
            and not any(v.constraint is not None for v in variables)
            and not (self.clipnorm and self.gradient_accumulation_steps)  # the mean of each variable is clipped
            and (self.weight_decay is None or all(self._use_weight_decay(v) for v in variables))
            and all(map(is_whole, self._buffers()))
        )
        if not is_flat:
            return list(zip(grads, variables, strict=True))
        packed = [(flat.pack([gradient_of.pop(id(v)) for v in flat.members]), flat.variable) for flat in self._flats]
        return packed + [(gradient_of[id(v)], v) for v in variables if id(v) in gradient_of]

    def _buffers(self) -> list[Variable]:
        """Those of the variables, and those of their slots."""
        flat = {id(flat.variable) for flat in self._flats}
        slots = [slot for (_, variable), slot in self._slots.items() if variable in flat]
        return [flat.variable for flat in self._flats] + slots

    def _runs_flat(self) -> bool:
        owner = next(cls for cls in type(self).__mro__ if "update_step" in cls.__dict__)
        return bool(owner.__dict__.get("is_elementwise", False))

    def _update(self, units) -> None:
        if self.clipnorm and self.gradient_accumulation_steps:
            units = [(_clipped_by_norm(g, self.clipnorm), v) for g, v in units]
        if self.clipvalue:
            units = [(ops.clip(g, -self.clipvalue, self.clipvalue), v) for g, v in units]
        if self.global_clipnorm:
            scale = _global_norm_scale([g for g, _ in units], self.global_clipnorm)
            units = [(g * ops.cast(scale, v.dtype), v) for g, v in units]
        learning_rate = self.learning_rate
        self._apply_weight_decay([v for _, v in units], learning_rate)
        self.begin_step()
        for gradient, variable in units:
            self.update_step(gradient, variable, ops.cast(learning_rate, variable.dtype))

    def _accumulate(self, units) -> None:
        """Adds gradients up, and updates with their mean in every n-th step."""
        n = self.gradient_accumulation_steps
        is_update = ops.equal(ops.mod(self._iterations + 1, n), 0)
        sums = [self.slot("gradient_accumulator", v) for _, v in units]
        totals = [total + g for total, (g, _) in zip(sums, units, strict=True)]
        only_if(
            is_update,
            lambda: self._update([(total / n, v) for total, (_, v) in zip(totals, units, strict=True)]),
        )
        for slot, total in zip(sums, totals, strict=True):
            slot.assign(ops.where(is_update, 0.0, total))

    def exclude_from_weight_decay(self, var_list=None, var_names=None) -> None:
        """Variables that weight decay leaves alone; to be called before the optimizer is built.

        Args:
            var_list: Variables.
            var_names: regular expressions that are looked for in the variables' names.
        """
        if self.built:
            raise ValueError("`exclude_from_weight_decay()` can only be configured before the optimizer is built.")
        self._excluded_from_decay = ({id(v) for v in var_list or []}, list(var_names or []))

    def weight_decay_of(self, variable) -> float | None:
        """The weight decay of one variable, for rules that tell variables apart."""
        return self.weight_decay

    def _use_weight_decay(self, variable) -> bool:
        excluded, patterns = self._excluded_from_decay
        return id(variable) not in excluded and not any(re.search(p, variable.name) for p in patterns)

    def _apply_weight_decay(self, variables, learning_rate) -> None:
        for variable in variables:
            rate = self.weight_decay_of(variable)
            if rate and self._use_weight_decay(variable):
                variable.assign(variable - variable * (ops.cast(learning_rate, variable.dtype) * rate))

    def _average(self, variables) -> None:
        """Moves the moving average, and overwrites the variables by it in every n-th step."""
        n = self.ema_overwrite_frequency
        for variable in variables:
            average = self.slot("average", variable)
            # The first step counts the whole: an average of one value is that value.
            momentum = ops.cast(ops.not_equal(self.iterations, 0), variable.dtype) * self.ema_momentum
            average.assign(average * momentum + variable * (1.0 - momentum))
            if n:
                is_overwriting = ops.equal(ops.mod(self.iterations + 1, n), 0)
                variable.assign(ops.where(is_overwriting, average, variable))

    def averages(self) -> list[tuple[Variable, Variable]]:
        """Pairs of a variable and its moving average; none without `use_ema`."""
        found = [(v, self._slots.get(("average", id(v)))) for v in self._trainable_variables]
        return [(variable, average) for variable, average in found if average is not None]

    def finalize_variable_values(self, var_list) -> None:
        """Sets the variables to their moving averages, where there are any; called at the end of `fit`."""
        if self.use_ema:
            for variable in var_list:
                if ("average", id(variable)) in self._slots:
                    variable.assign(self._slots["average", id(variable)].numpy())

    def _constrain(self, variables) -> None:
        for variable in variables:
            if variable.constraint is not None:
                variable.assign(variable.constraint(variable))

    def scale_loss(self, loss):
        """The loss times `loss_scale_factor`; its gradients are divided by that again in `apply`."""
        return loss if self.loss_scale_factor is None else loss * self.loss_scale_factor

    def assign(self, variable, value) -> None:
        """Sets a variable, in `update_step`."""
        variable.assign(value)

    def assign_add(self, variable, value) -> None:
        """Adds to a variable, in `update_step`."""
        variable.assign(variable + value)

    def assign_sub(self, variable, value) -> None:
        """Subtracts from a variable, in `update_step`."""
        variable.assign(variable - value)

    # -- config --------------------------------------------------------------------------------------------------------

    def get_config(self):
        if isinstance(self._learning_rate, Variable):
            learning_rate = float(self._learning_rate.numpy())
        elif isinstance(self._learning_rate, LearningRateSchedule):
            learning_rate = serialize_keras_object(self._learning_rate)
        else:
            learning_rate = self._learning_rate
        return {
            "name": self.name,
            "learning_rate": learning_rate,
            "weight_decay": self.weight_decay,
            "clipnorm": self.clipnorm,
            "global_clipnorm": self.global_clipnorm,
            "clipvalue": self.clipvalue,
            "use_ema": self.use_ema,
            "ema_momentum": self.ema_momentum,
            "ema_overwrite_frequency": self.ema_overwrite_frequency,
            "loss_scale_factor": self.loss_scale_factor,
            "gradient_accumulation_steps": self.gradient_accumulation_steps,
        }

    @classmethod
    def from_config(cls, config, custom_objects=None):
        rate = config.get("learning_rate")
        if isinstance(rate, dict):
            config = {**config, "learning_rate": deserialize_keras_object(rate, custom_objects)}
        return cls(**config)

    def save_own_variables(self, store) -> None:
        """Writes the variables into `store` as "0", "1", ..."""
        for k, variable in enumerate(self.variables):
            store[str(k)] = variable.numpy()

    def set_weights(self, weights) -> None:
        """Sets the variables.

        Args:
            weights: arrays, in the order and shapes of `variables`.

        Raises:
            ValueError: when their number or a shape differs; no variable has changed then.
        """
        given, wanted = [np.shape(value) for value in weights], [variable.shape for variable in self.variables]
        if given != wanted:
            raise ValueError(f"Optimizer {self.name!r}: the weights must have the shapes {wanted}; they have {given}.")
        for variable, value in zip(self.variables, weights, strict=True):
            variable.assign(value)

    def load_own_variables(self, store) -> None:
        """Reads what `save_own_variables` wrote.

        Raises:
            ValueError: when the numbers of variables differ.
        """
        if len(store.keys()) != len(self.variables):
            raise ValueError(
                f"Skipping variable loading for optimizer '{self.name}', because it has {len(self.variables)} "
                f"variables whereas the saved optimizer has {len(store.keys())} variables."
            )
        for k, variable in enumerate(self.variables):
            variable.assign(np.asarray(store[str(k)]))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} name={self.name}>"


def document(*optimizers) -> None:
    """Puts the arguments that all have into their docstrings, of which `python -OO` leaves none."""
    for optimizer in optimizers:
        if optimizer.__doc__:
            optimizer.__doc__ = optimizer.__doc__.replace("{common}", COMMON_ARGUMENTS)


document(Optimizer)


def _is_ours(rule) -> bool:
    """Whether the class of `rule` is of this library: a user's may do what happens once in a trace."""
    return type(rule).__module__.startswith("fastnn.")


def only_if(condition, change) -> None:
    """Calls `change` when `condition`, a scalar, is true.

    A plan has no branches: in a trace everything is computed, and what `change` assigned is kept or dropped.
    """
    graph = trace.current()
    if graph is None:
        if bool(condition):
            change()
        return
    before = dict(graph.updates)
    change()
    for variable, value in list(graph.updates.items()):
        old = graph.value_after(variable, before)
        if value is not old:
            variable.assign(ops.where(condition, value, old))


def _legacy(learning_rate, kwargs):
    """The learning rate, with Keras 2's arguments handled and taken out of `kwargs`."""
    if "lr" in kwargs:
        warnings.warn(
            "The argument `lr` of optimizers is deprecated; use `learning_rate`.", DeprecationWarning, stacklevel=4
        )
        learning_rate = kwargs.pop("lr")
    if kwargs.pop("decay", None) is not None:
        warnings.warn("Argument `decay` is no longer supported and will be ignored.", stacklevel=4)
    if kwargs:
        raise ValueError(f"Argument(s) not recognized: {kwargs}")
    return learning_rate


def _slot_name(variable: Variable, name: str) -> str:
    return f"{variable.path.replace('/', '_')}_{name}"


def _check(clipnorm, clipvalue, global_clipnorm, use_ema, ema_momentum, overwrite, accumulation) -> None:
    if sum(c is not None for c in (clipnorm, clipvalue, global_clipnorm)) > 1:
        raise ValueError(
            "Only one of `clipnorm`, `clipvalue` and `global_clipnorm` can be set. Received: "
            f"clipnorm={clipnorm}, clipvalue={clipvalue}, global_clipnorm={global_clipnorm}"
        )
    if use_ema and not 0 <= ema_momentum <= 1:
        raise ValueError(f"`ema_momentum` must be in the range [0, 1]. Received: ema_momentum={ema_momentum}")
    if overwrite is not None and (not isinstance(overwrite, int) or overwrite < 1):
        raise ValueError(
            f"`ema_overwrite_frequency` must be an integer >= 1 or None. Received: ema_overwrite_frequency={overwrite}"
        )
    if accumulation is not None and (not isinstance(accumulation, int) or accumulation < 2):
        raise ValueError(
            "`gradient_accumulation_steps` must be an integer >= 2. Received: "
            f"gradient_accumulation_steps={accumulation}"
        )


def _by_gradients(variables) -> list[Variable]:
    """The variables that updates change; the others are overwritten by their "gradients"."""
    return [v for v in variables if not v.overwrite_with_gradient]


def _without_overwritten(grads, variables):
    """Overwrites the variables that want that; gradients and variables of the rest."""
    for gradient, variable in zip(grads, variables, strict=True):
        if variable.overwrite_with_gradient:
            variable.assign(gradient)
    rest = [(g, v) for g, v in zip(grads, variables, strict=True) if not v.overwrite_with_gradient]
    return [g for g, _ in rest], [v for _, v in rest]


def _without_missing(grads, variables):
    pairs = [(g, v) for g, v in zip(grads, variables, strict=True) if g is not None]
    if not pairs:
        raise ValueError("No gradients provided for any variable.")
    missing = [v.path for g, v in zip(grads, variables, strict=True) if g is None]
    if missing:
        warnings.warn(
            f"Gradients do not exist for variables {missing} when minimizing the loss. If using `model.compile()`, did "
            "you forget to provide a `loss` argument?",
            stacklevel=4,
        )
    return [g for g, _ in pairs], [v for _, v in pairs]


def _clipped_by_norm(gradient, norm):
    return gradient * (norm / ops.maximum(ops.sqrt(ops.sum(ops.square(gradient))), norm))


def _global_norm_scale(gradients, norm):
    total = sum(ops.sum(ops.square(g)) for g in gradients[1:]) + ops.sum(ops.square(gradients[0]))
    return norm / ops.maximum(ops.sqrt(total), norm)
