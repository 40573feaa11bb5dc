from collections.abc import Callable, Sequence
from typing import Any, TypeVar

_F = TypeVar("_F", bound=Callable[..., Any])

BLOCK: int
ALIGN: int
IN_PAGE: int
STATUS: dict[int, tuple[str, str]]

def statuses() -> dict[int, tuple[str, str]]: ...
def isas() -> list[str]: ...
def built_isas() -> list[str]: ...
def build_info() -> dict[str, str]: ...
def kernels(isa: str) -> dict[str, str]: ...
def opcodes(isa: str) -> dict[str, int]: ...
def kernel_work(isa: str, name: str, ints: Sequence[int]) -> tuple[list[int], int, int, float, float]: ...
def memory_handler(limit: int) -> Any: ...
def set_memory_handler(handler: Any) -> Any: ...
def call_key(op: Any, isa: str, args: tuple[Any, ...], params: dict[str, Any]) -> tuple[Any, ...] | None: ...
def constant_key(op: Any, args: tuple[Any, ...], params: dict[str, Any]) -> tuple[Any, ...] | None: ...
def are_new(results: tuple[Any, ...], promised: list[tuple[Any, ...]], args: tuple[Any, ...]) -> bool: ...
def turn_back(arrays: list[Any]) -> tuple[int, ...] | None: ...
def accepts(
    kind: type, function: _F, record: Callable[[_F, tuple[Any, ...], dict[str, Any]], Any], forwards: int = ...
) -> _F: ...
def watch(by: int) -> None: ...
def is_watched() -> bool: ...
def set_taped(variable: type, taped: type, is_inexact: Callable[[Any], bool]) -> None: ...
def is_taped(x: Any) -> bool: ...
def results_at(
    plan: Plan, places: list[tuple[int | None, int | None, int]], records: list[tuple[Any, ...]], seeds: Any
) -> tuple[Any, ...] | None: ...
def as_function(caller: Caller, function: _F) -> _F: ...
def set_surroundings(state: Any, chosen: dict[str, Any], isa: list[str], threads: Callable[[], int]) -> None: ...

class Tape:
    records: list[tuple[Any, ...]] | None
    tracked: dict[int, Any]
    watches_variables: bool
    def is_tracked(self, x: Any) -> bool: ...
    def record(
        self,
        op: Any,
        args: tuple[Any, ...],
        arrays: tuple[Any, ...],
        params: dict[str, Any],
        outputs: tuple[Any, ...],
    ) -> tuple[Any, ...]: ...

class Rule:
    plan: Plan | None
    places: list[tuple[int | None, int | None, int]]
    found: list[Any]
    is_ready: bool

class Written:
    records: list[tuple[Any, ...]]
    kinds: list[int | None]
    inputs: list[tuple[int | None, ...]]
    first: list[int]
    tracked: dict[int, Any]
    numbers: dict[int, int]
    count: int
    comes_again: bool
    def __init__(self, tape: Tape, setting: tuple[Any, ...]) -> None: ...
    def path(self, depends: set[int]) -> list[tuple[int, tuple[bool, ...]]]: ...
    def flow(
        self,
        path: list[tuple[int, tuple[bool, ...]]],
        flowing: list[Any],
        kept: set[int],
        rules: dict[tuple[Any, ...], Any],
        made_rule: Callable[..., Rule],
        add: Callable[[Any, Any], Any],
    ) -> None: ...

class Caller:
    executables: dict[tuple[Any, ...], Any] | None
    numbers: int
    turns: int
    is_view: bool
    def __call__(self, *args: Any, **params: Any) -> Any: ...
    def key(self, args: tuple[Any, ...], params: dict[str, Any]) -> tuple[Any, ...] | None: ...
    def call_before(self, args: tuple[Any, ...], params: dict[str, Any]) -> Any: ...

class Buffer:
    address: int
    nbytes: int
    def __init__(self, array: Any, writable: bool = ...) -> None: ...

class Arena:
    held: list[Any]
    epoch: Any
    def __init__(self, plan: Plan, threads: int) -> None: ...

class Plan:
    n_steps: int
    n_bufs: int
    n_slots: int
    arena_bytes: int
    memo_bytes: int
    scratch_bytes: int
    is_quick: bool
    work: list[tuple[list[int], int, int, float, float]]
    def __init__(
        self,
        isa: str,
        steps: list[tuple[str, list[tuple[int, int]], list[int], list[float], int]],
        arena_bytes: int,
        n_slots: int,
        shared: list[int] | None = ...,
    ) -> None: ...
    def acquire(self, threads: int) -> Arena: ...
    def release(self, arena: Arena) -> None: ...
    def forget_arenas(self) -> None: ...
    def bind(self, arena: Arena, slot: int, array: Any, writable: bool = ...) -> None: ...
    def read(self, arena: Arena, offset: int, array: Any) -> None: ...
    def memory(self, arena: Arena, offset: int, nbytes: int) -> memoryview: ...
    def write(self, arena: Arena, offset: int, array: Any) -> None: ...
    def execute(
        self,
        arena: Arena,
        begin: int,
        end: int,
        batch: int,
        batches: int,
        threads: int,
        seconds: Any = ...,
        flushes_denormals: bool = ...,
    ) -> tuple[int, int]: ...
    def returns(self, results: list[tuple[tuple[int, ...], Any]], offsets: list[int]) -> None: ...
    def call(
        self,
        arrays: tuple[Any, ...],
        outputs: list[Any],
        threads: int,
        epoch: Any,
        seconds: Any = ...,
    ) -> tuple[int, int] | bool | None: ...
    def run(
        self,
        arena: Arena,
        arrays: tuple[Any, ...],
        outputs: list[Any],
        threads: int,
        seconds: Any = ...,
    ) -> tuple[int, int] | None: ...
