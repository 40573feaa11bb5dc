from collections.abc import Sequence
from typing import Any

BLOCK: int
ALIGN: int
IN_PAGE: int
STATUS: dict[int, str]

def isas() -> list[str]: ...
def built_isas() -> list[str]: ...
def build_info() -> dict[str, str]: ...
def kernels(isa: str) -> dict[str, str]: ...
def opcodes(isa: str) -> dict[str, int]: ...
def kernel_work(isa: str, name: str, ints: Sequence[int]) -> tuple[list[int], int, int, float, float]: ...
def memory_handler(limit: int) -> Any: ...
def set_memory_handler(handler: Any) -> Any: ...
def call_key(op: Any, isa: str, args: tuple[Any, ...], params: dict[str, Any]) -> tuple[Any, ...] | None: ...
def turn_back(arrays: list[Any]) -> tuple[int, ...] | None: ...
def mentions(kind: type, args: tuple[Any, ...], kwargs: dict[str, Any]) -> bool: ...
def call_before(
    executables: dict[tuple[Any, ...], Any],
    op: Any,
    isa: str,
    args: tuple[Any, ...],
    params: dict[str, Any],
    threads: int,
    epoch: int,
) -> Any: ...

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
