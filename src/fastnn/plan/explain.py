"""What a plan does, step by step, for people who tune."""

from __future__ import annotations

from dataclasses import dataclass

from fastnn import _kernels, config
from fastnn.plan.cost import ALL_THREADS, threads_for
from fastnn.plan.executable import Executable


@dataclass(frozen=True, slots=True)
class StepInfo:
    """One kernel call.

    Attributes:
        kernel: its name; "reference:<op>" for a call of NumPy code where no kernel fits.
        ops: the operations that it does, first to last.
        layer: the layer that its first operation belongs to.
        reads, writes: shapes and dtypes.
        bytes: read and written, as the kernel estimates them.
        flops: arithmetic operations, as the kernel estimates them.
        threads: at most this many share it.
        seconds: per run while `fastnn.config.profile(True)` was on; None before.
    """

    kernel: str
    ops: tuple[str, ...]
    layer: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    bytes: float
    flops: float
    threads: int
    seconds: float | None

    @property
    def gflops_per_s(self) -> float | None:
        """Speed reached, in 1e9 operations a second."""
        return self.flops / self.seconds * 1e-9 if self.seconds else None


class Explanation:
    """The steps of a plan. Prints as a table.

    Attributes:
        steps: `StepInfo` of each kernel call, in order.
        arena_bytes: memory of one run for values between steps, with the steps' own.
        memo_bytes: what the steps note for the next run, behind the arena.
        live_bytes: the largest set of values that are alive at once.
        isa: instruction set of the kernels.
    """

    def __init__(self, executable: Executable):
        self.name = executable.name
        self.isa = _kernels.isa()
        self.arena_bytes = executable.plan.arena_bytes
        self.memo_bytes = executable.plan.memo_bytes
        self.live_bytes = executable.live_bytes
        self.steps = _steps(executable)

    def __str__(self) -> str:
        rows = [["", "kernel", "operations", "writes", "MFLOP", "KiB", "threads", "us", "GFLOP/s", "layer"]]
        for k, step in enumerate(self.steps):
            rows.append(
                [
                    str(k), step.kernel, _shortened(" ".join(step.ops), 44), _shortened(" ".join(step.writes), 40),
                    f"{step.flops / 1e6:.3f}", f"{step.bytes / 1024:.1f}", str(step.threads),
                    "" if step.seconds is None else f"{step.seconds * 1e6:.1f}",
                    "" if not step.gflops_per_s else f"{step.gflops_per_s:.1f}", step.layer,
                ]
            )  # fmt: skip
        widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        total = sum(step.seconds or 0 for step in self.steps)
        flops = sum(step.flops for step in self.steps)
        footer = (
            f"{len(self.steps)} kernel calls, {flops / 1e6:.1f} MFLOP, arena {self.arena_bytes / 1024:.0f} KiB "
            f"(largest live set {self.live_bytes / 1024:.0f} KiB), {self.isa}"
            + (f", {total * 1e6:.0f} us" if total else "")
        )
        return "\n".join([self.name, *lines, footer])

    __repr__ = __str__


def _shortened(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 3] + "..."


def _steps(executable: Executable) -> list[StepInfo]:
    threads = config.threads()
    infos: dict[object, StepInfo] = {}
    for number, (step, work) in enumerate(zip(executable.native_steps, executable.plan.work, strict=True)):
        seconds = executable.seconds[number] / executable.runs if executable.runs else None
        share = threads if threads_for(work) == ALL_THREADS else 1
        if step is None:
            specs = tuple(str(x.spec) for x in executable.graph.inputs)
            infos[None] = StepInfo("gather_rows", ("gather",), "", (), specs, work[4], work[3], share, seconds)
        else:
            infos[step] = _info(step, step.kernel, work, share, seconds)
    for step in executable.steps:
        if step.kernel is None:
            size = sum(v.spec.nbytes for v in (*step.reads, *step.writes))
            infos[step] = _info(step, f"reference:{step.node.op.name}", ((), 0, 0, 0.0, size), 1, None)
    order = ([None] if None in infos else []) + executable.steps
    return [infos[step] for step in order]


def _info(step, kernel, work, share, seconds) -> StepInfo:
    nodes = step.group.nodes if step.node is None else [step.node]
    label = next((node.label for node in nodes if node.label), "")
    reads, writes = (tuple(str(v.spec) for v in values) for values in (step.reads, step.writes))
    return StepInfo(kernel, tuple(n.op.name for n in nodes), label, reads, writes, work[4], work[3], share, seconds)
