"""What fastnn shall reach, and what rows of results say about it (the section `Goals` of `docs/performance.md`).

A goal looks at the rows of one level and thread count: `value` is a row's figure, or None where the goal does not
speak of the row.
"""

from collections.abc import Callable
from dataclasses import dataclass

from benchmarks.kernels.problems import PROBLEMS

BY_NAME = {problem.name: problem for problem in PROBLEMS}
CACHES = 64 << 20  # bytes: what takes more is read from memory


@dataclass(frozen=True, slots=True)
class Goal:
    text: str
    level: str
    bound: float
    value: Callable[[dict], float | None]
    unit: str = ""  # of `bound`: "" for a ratio, "%" for a share, "s" or "bytes"
    threads: tuple[int, ...] = (1, 2)
    at_most: bool = False

    def met(self, value: float) -> bool:
        return value <= self.bound if self.at_most else value >= self.bound


def fastest_peer(row: dict, apart: tuple[str, ...] = ()) -> float | None:
    """The least ratio of all contenders but those `apart`: that of the fastest."""
    ratios = [of["ratio"] for name, of in row["contenders"].items() if name not in ("fastnn", *apart) and "ratio" in of]
    return min(ratios) if ratios else None


def _beside_frameworks(figure: str, network: str | None = None):
    """The bounds of networks were set by the frameworks' times, not by NumPy's loops, each written for one network."""

    def value(row):
        return fastest_peer(row, ("numpy",)) if row["figure"] == figure and network in (None, row["row"]) else None

    return value


def _of_group(group: str):
    def value(row):
        return fastest_peer(row) if row["group"] == group else None

    return value


def _share(chosen: Callable):
    def value(row):
        return row["share"] if chosen(BY_NAME[row["row"]]) else None

    return value


def _ours(figure: str, network: str | None = None):
    def value(row):
        chosen = row["figure"] == figure and network in (None, row["row"])
        return row["contenders"]["fastnn"]["median"] if chosen else None

    return value


def _import(row):
    """How much longer than NumPy alone."""
    if row["figure"] != "import" or "numpy" not in row["contenders"]:
        return None
    return row["contenders"]["fastnn"]["median"] - row["contenders"]["numpy"]["median"]


def _product(problem) -> bool:
    return problem.family == "gemm" and min(map(min, problem.arrays)) >= 64


def _pass_over_memory(problem) -> bool:
    return problem.family in ("elementwise", "optimizers") and problem.bytes >= CACHES


EPOCHS = {"tiny": 30, "mlp": 2, "cnn": 2, "resnet": 1.5, "lstm": 2, "tfm": 1.8}
FIRST_EPOCHS = {"mlp": 2, "cnn": 3}
MEMORY = {"arena_over_live": 1.3, "first_epoch_over_data_and_arena": 1.25, "epoch_over_data_and_arena": 1.25}


def _of_epochs(figure: str, text: str, bounds: dict):
    for name, bound in bounds.items():
        value = _beside_frameworks(figure, name)
        yield Goal(f"{text} of *{name}*, beside the fastest framework", "networks", bound, value, threads=(2,))


GOALS = (
    *_of_epochs("epoch", "an epoch", EPOCHS),
    *_of_epochs("first_epoch", "the first epoch, compilation included,", FIRST_EPOCHS),
    Goal("`model(x)` of one row, beside the fastest framework", "networks", 1, _beside_frameworks("call")),
    Goal("any figure of the networks, memory too, beside any framework and NumPy's loop", "networks", 1, fastest_peer),
    Goal("other networks, beside the fastest peer", "others", 1, fastest_peer),
    Goal("networks of `keras.applications`, beside the fastest peer", "applications", 1, fastest_peer),
    Goal("training loops of users' own, beside the fastest peer", "loops", 1, fastest_peer),
    Goal("single kernels, beside the faster of NumPy and PyTorch", "kernels", 1, fastest_peer),
    Goal("kernels of sizes that are drawn, beside the faster of NumPy and PyTorch", "sampled", 1, fastest_peer),
    Goal("ops of arrays of a million, beside the faster of NumPy and PyTorch", "calls", 1, _of_group("calls")),
    Goal("ops of arrays of ten, beside the faster of NumPy and PyTorch", "calls", 1, _of_group("calls-of-ten")),
    Goal("products with all dimensions of 64 and more: share of multiply-adds", "kernels", 0.88, _share(_product), "%"),
    Goal("convolutions: share of multiply-adds", "kernels", 0.80, _share(lambda p: p.family == "conv2d"), "%"),
    Goal("elementwise chains and optimizer passes out of cache: share of bandwidth", "kernels", 0.80,
         _share(_pass_over_memory), "%"),
    Goal("import and the first name, more than NumPy's import", "overheads", 0.040, _import, "s", at_most=True),
    Goal("`model(x)` of one row of *mlp*", "networks", 15e-6, _ours("call", "mlp"), "s", at_most=True),
    Goal("allocated by a step of `fit`", "overheads", 0, _ours("bytes_a_step"), "bytes", at_most=True),
    Goal("the arena over the largest set of live arrays", "memory", MEMORY["arena_over_live"],
         _ours("arena_over_live"), at_most=True),
    Goal("memory of the first epoch, compilation and code included, over data and arena", "memory",
         MEMORY["first_epoch_over_data_and_arena"], _ours("first_epoch_over_data_and_arena"), at_most=True),
    Goal("memory of a later epoch over data and arena", "memory", MEMORY["epoch_over_data_and_arena"],
         _ours("epoch_over_data_and_arena"), at_most=True),
)  # fmt: skip


def misses(row: dict) -> bool:
    """Whether a row misses a goal of its level."""
    values = ((goal, goal.value(row)) for goal in GOALS if goal.level == row["level"])
    return any(value is not None and not goal.met(value) for goal, value in values)
