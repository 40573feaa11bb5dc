"""Scan: the body of a loop with a known number of steps, compiled to a plan whose batches are the steps."""

from __future__ import annotations

import numpy as np

from fastnn import config
from fastnn.graph import trace
from fastnn.graph.body import Body
from fastnn.graph.value import CONSTANT, Graph, Spec, Value
from fastnn.plan.executable import Executable


class _Held:
    """An array that is bound for a run: to the plan it is a variable, which a part of the carry changes."""

    def __init__(self, spec: Spec):
        self.shape, self.storage_dtype, self.nbytes = spec.shape, spec.dtype, spec.nbytes


class Scan(Executable):
    """A body, ready to run for all steps in one call.

    The step's row of each scanned array is gathered, as a batch of `fit` is; the carry and what was captured are read
    where they lie, and the carry is updated there; what a step gives is put into its row of the results.

    Args:
        body: its inputs are the carry, scanned rows, what was captured; its outputs the carry and what a step gives.
        n_carry, n_xs: how many of the inputs are the carry and scanned.
        saves: whether the carry that each step begins with is a result too.

    Attributes:
        is_native: whether it can run: all of the body has kernels.
    """

    def __init__(self, body: Body, n_carry: int, n_xs: int, saves: bool):
        specs = [x.spec for x in body.graph.inputs]
        self.n_carry, self.n_xs, self.saves = n_carry, n_xs, saves
        self.held = [_Held(spec) for spec in (*specs[:n_carry], *specs[n_carry + n_xs :])]
        graph = Graph()
        rows = [graph.input(spec.shape, spec.dtype) for spec in specs[n_carry : n_carry + n_xs]]
        held = [graph.read(one) for one in self.held]
        with trace.tracing(graph):
            outputs = body.inline([*held[:n_carry], *rows, *held[n_carry:]])
        for one, value in zip(self.held, outputs[:n_carry], strict=False):
            graph.assign(one, value)
        graph.outputs = outputs[n_carry:]
        super().__init__(graph, "scan")
        self.is_native = not self.has_references

    def _bind_slots(self, graph: Graph) -> None:
        """Numbers the scanned arrays, the index of their rows, the held arrays, the results, constants."""
        self.index_slot = self.n_xs
        first = self.index_slot + 1
        self.variables = []  # none that are bound for good
        self.variable_slot = {one: first + k for k, one in enumerate(self.held)}
        self.slots: dict[Value, int] = {value: self.variable_slot[one] for one, value in graph.variables.items()}
        self.result_slot = first + len(self.held)
        self.n_slots = self.result_slot + len(graph.outputs) + self.n_carry
        self.constants = []
        for node in graph.nodes:
            if node.op is CONSTANT:
                self.constants.append((self.n_slots, np.ascontiguousarray(node.params["array"])))
                self.slots[node.outputs[0]] = self.n_slots
                self.n_slots += 1

    def _bind_results(self, graph: Graph) -> None:
        """None: what a step gives goes into its row of the results."""

    def _steps_before(self, graph: Graph) -> list[tuple]:
        steps = []
        if any(x in self.places for x in graph.inputs):
            steps.append(self._gather_step(graph, 1, [x.dtype for x in graph.inputs], [(1.0, 0.0)] * self.n_xs))
        if self.saves:
            carry = self.held[: self.n_carry]
            places = [(self.variable_slot[one], 0) for one in carry]
            steps.append(self._put_step([one.nbytes for one in carry], places, self.result_slot + len(graph.outputs)))
        return steps

    def _steps_after(self, graph: Graph) -> list[tuple]:
        places = [self._place(y) for y in graph.outputs]
        return [self._put_step([y.spec.nbytes for y in graph.outputs], places, self.result_slot)] if places else []

    def _put_step(self, sizes: list[int], places: list[tuple[int, int]], first_slot: int) -> tuple:
        """The call of `put_rows`: what stands at `places` goes into its row of arrays, whose slots follow the first."""
        buffers = [(self.index_slot, 0)]
        for k, place in enumerate(places):
            buffers += [place, (first_slot + k, 0)]
        return "put_rows", buffers, [len(sizes), *sizes], [], 1

    def run_steps(self, outputs: list, inputs: list, length: int, reverse: bool) -> None:
        """Runs all steps.

        Args:
            outputs: arrays to be filled: the last carry, what the steps gave, and with `saves` the carries before each
                step, steps first.
            inputs: the carry, the scanned arrays, what was captured.
            length: how many steps.
            reverse: whether they go from the last row to the first.
        """
        carry, results = outputs[: self.n_carry], outputs[self.n_carry :]
        xs, captured = inputs[self.n_carry : self.n_carry + self.n_xs], inputs[self.n_carry + self.n_xs :]
        for end, begin in zip(carry, inputs, strict=False):
            end[...] = begin
        index = np.arange(length, dtype=np.int32)[::-1].copy() if reverse else None
        threads = config.threads()
        arena = self._acquire(threads)
        inputs = [np.ascontiguousarray(x) for x in (*xs, *captured)]
        arrays = [*inputs[: self.n_xs], index, *carry, *inputs[self.n_xs :], *results]
        try:
            for slot, array in enumerate(arrays):
                self.plan.bind(arena, slot, array)
            self._execute(arena, length, threads)
        finally:
            arena.held[: len(arrays)] = [None] * len(arrays)
            self.plan.release(arena)
