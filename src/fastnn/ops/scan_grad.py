"""The gradient of a scan: a scan backwards over the saved carries.

Each step computes the forward step again (Griewank and Walther, "Evaluating Derivatives", 2008, section 12), but for
its products, which the forward scan keeps where the gradient reads them. What a product adds to the gradient of a
weight in each step is one product over all steps, after the scan, where little must be kept of each step for it.
"""

from __future__ import annotations

from fastnn.graph import trace
from fastnn.graph.body import Body
from fastnn.graph.dtypes import is_float
from fastnn.graph.grad import gradients
from fastnn.graph.value import CONSTANT, VARIABLE, Node, Operators, Spec, Value
from fastnn.ops.bodies import outer_values, zeros_of
from fastnn.ops.record import as_value

# A sum is made after the scan where what must be kept of a step for it has at most so many times its elements.
_KEPT_FOR_SUM = 4


def scan_grad(dys, ys, *inputs, body, n_carry, n_xs, length, reverse, saves, n_kept):
    dys, ys = (dys, ys) if isinstance(ys, tuple) else ((dys,), (ys,))
    node, n_out = ys[0].node, len(body.outputs) - n_kept
    n_kept_at = n_out + (n_carry if saves else 0)
    dys_of_body = [*dys[:n_out], *dys[n_kept_at:]]
    dys_of_saved = dys[n_out:n_kept_at] if saves else [None] * n_carry
    xs, rest = inputs[n_carry : n_carry + n_xs], inputs[n_carry + n_xs :]
    back = _Backward(
        body, inputs, n_carry, n_xs, dys_of_body, dys_of_saved, body.graph.outputs[n_out:] if saves else None
    )
    if not saves:
        # The backward scan needs the carries and products, which only now turns out: the forward node gives them from
        # here on.
        back.products = [y for y, is_read in zip(back.products, back.reads, strict=True) if is_read]
        back.reads = [True] * len(back.products)
        kept_body = body.also_giving(back.products)
        node.params = {**node.params, "body": kept_body, "saves": True, "n_kept": len(back.products)}
        specs = node.op.specs(tuple(x.spec for x in inputs), node.params)
        node.outputs += tuple(Value(node, k, specs[k]) for k in range(n_out, len(specs)))
    saved, products = node.outputs[n_out : n_out + n_carry], node.outputs[n_out + n_carry :]
    scanned = [*saved, *xs, *back.flows, *(y for y, is_read in zip(products, back.reads, strict=True) if is_read)]
    begins = [zeros_of(inputs[k].spec) if k >= n_carry or dys[k] is None else dys[k] for k in back.carried]
    results = node.op(
        *begins, *scanned, *rest, *outer_values(back.body.captured), body=back.body, n_carry=len(begins),
        n_xs=len(scanned), length=length, reverse=not reverse, saves=False, n_kept=0,
    )  # fmt: skip
    results = results if isinstance(results, tuple) else (results,)
    by = dict(zip([*back.carried, *back.of_xs], results, strict=False))
    of_all_steps = {
        **dict(zip(back.stepwise, scanned, strict=True)),
        **dict(zip(back.given, results[len(begins) :], strict=True)),
    }
    for k, (value, operands) in back.sums.items():
        total = value.node.op.sum_of_steps(value.node)(*(of_all_steps[x] for x in operands))
        by[k] = total[value.index] if isinstance(total, tuple) else total
    return tuple(by.get(k) for k in range(len(inputs)))


class _Backward:
    """The body of the scan backwards. Its carry: gradients of the carry, sums of those of what was captured. Scanned:
    saved carries, scanned rows, what flows into the step's outputs, kept products.

    Args:
        forward: the body of the scan.
        inputs: of the scan, of which n_carry are the carry, and n_xs after them scanned.
        dys, dys_of_saved: what flows into each output of the body and into the saved carries; None where nothing does.
        products: of the body that are kept; None where all of them could be.

    Attributes:
        body: closed.
        products: as given, or those that could be kept.
        reads: of each of `products`, whether the body reads it.
        flows: what is scanned of `dys` and `dys_of_saved`.
        carried, of_xs: the inputs by which the carry and the first of the other outputs are gradients.
        stepwise, given: values of the body: its scanned arguments, its outputs that are not the carry.
        sums: for an input whose gradient is a sum made after the scan: what is summed and what of each step it takes.
    """

    def __init__(self, forward: Body, inputs, n_carry: int, n_xs: int, dys, dys_of_saved, products):
        floats = [k for k, x in enumerate(inputs) if is_float(x.dtype)]
        of_carry = [k for k in floats if k < n_carry]
        self.of_xs = [k for k in floats if n_carry <= k < n_carry + n_xs]
        of_rest = [k for k in floats if k >= n_carry + n_xs]
        targets = [k for k in range(n_carry, len(dys)) if dys[k] is not None]
        into_saved = [k for k in of_carry if dys_of_saved[k] is not None]  # in a second derivative
        self.flows = [*(dys[k] for k in targets), *(dys_of_saved[k] for k in into_saved)]
        self.products = _products(forward) if products is None else products
        n_before, n_flows, n_targets = n_carry + n_xs, len(self.flows), len(targets)
        self.sums: dict[int, tuple[Value, tuple[Value, ...]]] = {}
        forward = forward.also_giving(self.products)
        add = Operators.functions["add"]

        def backward(*values):
            d_carry, values = list(values[: len(of_carry)]), values[len(of_carry) :]
            totals, values = values[: len(of_rest)], values[len(of_rest) :]
            n_stepwise = n_before + n_flows + len(self.products)
            self.stepwise, constant = values[:n_stepwise], values[n_stepwise:]
            flows, kept = self.stepwise[n_before : n_before + n_flows], self.stepwise[n_before + n_flows :]
            at = [*self.stepwise[:n_before], *constant]
            results = forward.inline(at)
            ends = [results[k] for k in (*of_carry, *targets)]
            found = gradients(trace.current(), ends, [at[k] for k in floats], [*d_carry, *flows[:n_targets]])
            instead = dict(zip(results[len(results) - len(kept) :], kept, strict=True))
            for node in trace.current().nodes:
                node.inputs = tuple(instead.get(x, x) for x in node.inputs)
            by = {
                k: zeros_of(at[k].spec) if g is None else instead.get(g, g) for k, g in zip(floats, found, strict=True)
            }
            by |= {k: add(by[k], dy) for k, dy in zip(into_saved, flows[n_targets:], strict=True)}
            self.given = [by[k] for k in self.of_xs]
            self._sum_later({k: by[k] for k in of_rest}, constant)
            more = [add(total, by[k]) for total, k in zip(totals, of_rest, strict=True) if k not in self.sums]
            self.unused = {total for total, k in zip(totals, of_rest, strict=True) if k in self.sums}
            return [*(by[k] for k in of_carry), *more, *self.given]

        specs = [inputs[k].spec for k in (*of_carry, *of_rest)] + [x.spec for x in inputs[:n_carry]]
        specs += [Spec(x.shape[1:], x.dtype) for x in (*inputs[n_carry:n_before], *self.flows)]
        specs += [y.spec for y in self.products] + [x.spec for x in inputs[n_before:]]
        self.body = Body(backward, specs, as_value)
        self.carried = [k for k in (*of_carry, *of_rest) if k not in self.sums]
        read = self.body.read()
        n_first = n_before + n_flows
        self.reads = [x in read for x in self.stepwise[n_first:]]
        unread = {x for x in self.stepwise[n_first:] if x not in read}
        self.stepwise = [x for x in self.stepwise if x not in unread]
        self.body.drop(self.unused | unread)
        self.body.hoist().close()

    def _sum_later(self, by: dict[int, Value], constant) -> None:
        """Finds which of the gradients `by` inputs are to be summed after the scan; adds what that takes to `given`."""
        own = {node for node in trace.current().nodes if node.op not in (CONSTANT, VARIABLE)}
        constant = set(constant)
        at_hand = {*self.stepwise, *self.given}
        for k, value in by.items():
            node = value.node
            if node.op.sum_of_steps is None or node.op.sum_of_steps(node) is None:
                continue
            if any(x in constant or x.node not in own for x in node.inputs):
                continue
            new = [x for x in dict.fromkeys(node.inputs) if x not in at_hand]
            if sum(x.size for x in new) <= _KEPT_FOR_SUM * sum(y.size for y in node.outputs):
                self.sums[k] = value, node.inputs
                self.given += new
                at_hand.update(new)


def _products(body: Body) -> list[Value]:
    nodes: list[Node] = body.graph.nodes
    return [y for node in nodes if node.op.epilogue for y in node.outputs if is_float(y.dtype)]
