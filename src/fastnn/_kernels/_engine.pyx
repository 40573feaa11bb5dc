# cython: language_level=3, boundscheck=False, wraparound=False
"""The border between Python and the kernels: look-up of kernels, plans as flat arrays, and their runs.

Nothing here looks at elements. Python objects become pointers, the GIL is released, the executor is called, and its
status becomes an exception.
"""
import functools
import math
from types import MethodType

from cython cimport critical_section
from cpython.pycapsule cimport PyCapsule_GetPointer, PyCapsule_New
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.dict cimport PyDict_Next
from cpython.ref cimport Py_DECREF, Py_INCREF, PyObject, Py_XDECREF
from cpython.tuple cimport PyTuple_New, PyTuple_SetItem
from libc.stdint cimport int32_t, int64_t, uintptr_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset
from numpy import array as _array
from numpy import ndarray as _ndarray

try:
    from numpy._core._multiarray_umath import _ARRAY_API
except ImportError:  # NumPy 1
    from numpy.core._multiarray_umath import _ARRAY_API


cdef object ndarray = _ndarray  # which the module's dict is not asked for


cdef extern from "fnn.h":
    int FNN_ALIGN, FNN_BLOCK, FNN_MAX_PHASES
    ctypedef void fnn_program_fn() noexcept nogil
    ctypedef struct fnn_work:
        int32_t phases
        int64_t units[4]
        int64_t scratch_bytes, shared_bytes, memo_bytes
        double flops, bytes
    ctypedef void (*fnn_run_fn)(const void *, int64_t, int64_t) noexcept nogil
    ctypedef struct fnn_entry:
        const char *name
        void *run
        void (*size)(const int64_t *ints, fnn_work *work) noexcept nogil
    ctypedef struct fnn_table:
        const fnn_entry *entries


cdef extern from "memory_limit.h":
    void *fnn_limited_memory(int64_t)
    void fnn_free_limited_memory(void *)

cdef extern from "pool.h":
    void fnn_install_fork_handler()

cdef extern from "executor.h":
    ctypedef struct fnn_step:
        void *run
        int32_t first_buf
        const int64_t *ints
        const double *reals
        fnn_work work
        int32_t max_threads
        int64_t shared, memo
    ctypedef struct fnn_pace:
        pass
    ctypedef struct fnn_instance:
        const fnn_step *steps
        char **bufs
        char *arena
        char *scratch
        int64_t scratch_bytes
        void *program
        fnn_pace *pace
        double *seconds
        int32_t flushes_denormals
    int32_t fnn_execute(const fnn_instance *, int64_t, int64_t, int64_t, int64_t, int, int64_t *) nogil


cdef extern from "registry.h":
    int fnn_isa_count()
    const char *fnn_isa_name(int)
    int fnn_isa_supported(int)
    int fnn_table_count(int)
    const fnn_table *fnn_table_get(int, int)
    const char *fnn_table_family(int, int)
    const fnn_entry *fnn_find(int, const char *)
    void *fnn_programs(int)
    const char *const *fnn_opcodes(int)
    const char *fnn_cpu_features()
    const char *fnn_compiler()
    const char *fnn_kernel_flags()
    const char *fnn_version()
    ctypedef struct fnn_status_text:
        const char *exception
        const char *message
    const fnn_status_text *fnn_status_of(int)


cdef extern from "Python.h":
    object PyMemoryView_FromMemory(char *, Py_ssize_t, int)

include "_arrays.pxi"
include "_tables.pxi"

cdef enum:
    LARGE = 1 << 16  # as in `plan/memory.py`
    BRIEF = 1 << 14  # operations and bytes of a microsecond or two

BLOCK = FNN_BLOCK
ALIGN = FNN_ALIGN
IN_PAGE = FNN_IN_PAGE

fnn_install_fork_handler()


def build_info():
    """Version, compiler, flags and CPU features, as strings."""
    return {"version": fnn_version().decode(), "compiler": fnn_compiler().decode(),
            "flags": fnn_kernel_flags().decode(), "cpu_features": fnn_cpu_features().decode()}


cdef void _free_memory_handler(object capsule) noexcept:
    fnn_free_limited_memory(PyCapsule_GetPointer(capsule, "mem_handler"))


def memory_handler(int64_t limit):
    """A handler of NumPy's memory (NEP 49) in which at most `limit` bytes are in use at once."""
    cdef void *made = fnn_limited_memory(limit)
    if made == NULL:
        raise MemoryError
    return PyCapsule_New(made, "mem_handler", _free_memory_handler)


ctypedef object (*_set_handler_fn)(object)


cdef void **_numpy = <void **>PyCapsule_GetPointer(_ARRAY_API, NULL)  # NumPy's table of C functions


def set_memory_handler(handler):
    """Makes NumPy allocate by `handler` in this context (PyDataMem_SetHandler), and returns the handler before."""
    return (<_set_handler_fn>_numpy[304])(handler)


cdef enum:
    MAX_WORDS = 64
    MAX_OPERANDS = 32  # of two words at least
    CONSTANT = -1      # words that no dtype is
    IN_LIST = -2
    IN_TUPLE = -3


cdef enum: NO_NUMBERS, BESIDE_FLOATS, BESIDE_ALL, AS_CONSTANTS  # `Caller.numbers`


cdef struct operands:
    Py_ssize_t n_words
    Py_ssize_t words[MAX_WORDS]
    Py_ssize_t count
    char *data[MAX_OPERANDS]
    int64_t numbers[MAX_OPERANDS]  # where `data` leads of what is a number
    bint are_readable              # all arrays, by a plan that knows which of them are turned
    bint lie_in_order              # all arrays are contiguous
    bint has_numbers


cpdef tuple call_key(op, isa, tuple args, dict params):
    """What tells apart calls of `op` with arrays and parameters; None where an argument is no plain array of
    numbers."""
    cdef operands found
    return key_of(op, isa, args, params, NO_NUMBERS, &found)


def constant_key(op, tuple args, dict params):
    """`call_key` where all parameters are constants, which keep nothing alive; else None."""
    cdef operands found
    for value in params.values():
        if not is_constant(value):
            return None
    return key_of(op, None, args, params, NO_NUMBERS, &found)


def are_new(tuple results, list promised, tuple args):
    """Whether the results are arrays with memory of their own, none of `args`, of the promised (shape, dtype) each."""
    cdef Py_ssize_t k, i
    cdef fnn_array *array
    cdef tuple shape
    if len(results) != len(promised):
        return False
    for k in range(len(results)):
        y, (shape, dtype) = results[k], promised[k]
        if type(y) is not ndarray:
            return False
        array = FNN_ARRAY(y)
        if array.base != NULL or <PyObject *>dtype != array.dtype or array.nd != len(shape):
            return False
        for i in range(array.nd):
            if array.dimensions[i] != <Py_ssize_t>shape[i]:
                return False
        for x in args:
            if x is y:
                return False
    return True


cdef tuple key_of(op, isa, tuple args, dict params, int numbers, operands *found):
    """`call_key`, and where the elements are. What Python's numbers are is as `Caller.numbers` says."""
    cdef fnn_array_dtype *dtype = NULL
    cdef list constants = None
    cdef Py_ssize_t at = 0, place = 3, count, k
    cdef PyObject *name
    cdef PyObject *value
    found.n_words, found.count, found.has_numbers = 0, 0, False
    found.are_readable = found.lie_in_order = True
    if numbers == AS_CONSTANTS:
        constants = [_chosen.get("floatx"), _chosen.get("epsilon"), _chosen.get("image_data_format")]
    for x in args:
        if found.n_words + 2 > MAX_WORDS:
            return None
        if type(x) is ndarray:
            if not add_array(found, x):
                return None
        elif numbers == NO_NUMBERS:
            return None
        elif numbers == AS_CONSTANTS:
            if not add_arrays(found, x):
                found.words[found.n_words] = CONSTANT
                found.n_words += 1
                if not add_constant(constants, x):
                    return None
        else:
            dtype = dtype_of_first_array(args) if dtype == NULL else dtype
            if dtype == NULL or (numbers == BESIDE_FLOATS and dtype.kind != b"f") or not add_number(found, x, dtype):
                return None
    if numbers == AS_CONSTANTS:
        while PyDict_Next(params, &at, &name, &value):
            constants.append(<object>name)
            if not add_constant(constants, <object>value):
                return None
        count = len(constants)
    else:
        count = 2 * len(params)
    cdef tuple key = PyTuple_New(3 + count)
    set_item(key, 0, op)
    set_item(key, 1, isa)
    set_item(key, 2, PyBytes_FromStringAndSize(<char *>found.words, found.n_words * sizeof(Py_ssize_t)))
    if numbers == AS_CONSTANTS:
        for k in range(count):
            set_item(key, 3 + k, constants[k])
        return key
    while PyDict_Next(params, &at, &name, &value):
        set_item(key, place, <object>name)
        set_item(key, place + 1, <object>value)
        place += 2
    return key


cdef bint add_array(operands *found, x) except -1:
    """Whether there is room for it, and it is one of numbers."""
    cdef fnn_array *array = FNN_ARRAY(x)
    cdef fnn_array_dtype *dtype = FNN_ARRAY_DTYPE(x)
    cdef Py_ssize_t n = found.n_words, k
    cdef bint is_readable = fnn_is_readable(x)
    cdef bint turned = not is_readable and is_turned(x)
    # Of bools, numbers, and what has its own number, as bfloat16, the number says all but the order of bytes.
    if n + 2 + array.nd > MAX_WORDS or (dtype.number > 16 and dtype.number != 23 and dtype.number < 256):
        return False
    found.words[n] = dtype.number * 256 + dtype.byteorder
    found.words[n + 1] = -array.nd if turned else array.nd
    for k in range(array.nd):
        found.words[n + 2 + k] = array.dimensions[k]
    found.n_words = n + 2 + array.nd
    found.data[found.count] = array.data
    found.count += 1
    found.are_readable &= is_readable or turned
    found.lie_in_order &= is_readable
    return True


cdef bint add_number(operands *found, x, fnn_array_dtype *dtype) except -1:
    """Whether `x` is one of Python's that `dtype` holds."""
    if not (type(x) is float or type(x) is int) or not fnn_store_number(x, dtype.number, &found.numbers[found.count]):
        return False
    found.words[found.n_words] = dtype.number * 256 + dtype.byteorder
    found.words[found.n_words + 1] = 0
    found.n_words += 2
    found.data[found.count] = <char *>&found.numbers[found.count]
    found.count += 1
    found.has_numbers = True
    return True


cdef bint add_arrays(operands *found, items) except -1:
    """Whether it is a list or tuple of arrays for which there is room."""
    if not (type(items) is list or type(items) is tuple) or not items:
        return False
    for x in items:
        if type(x) is not ndarray:
            return False
    found.words[found.n_words] = IN_LIST if type(items) is list else IN_TUPLE
    found.words[found.n_words + 1] = len(items)
    found.n_words += 2
    for x in items:
        if found.n_words + 2 > MAX_WORDS or not add_array(found, x):
            return False
    return True


cdef bint add_constant(list constants, x) except -1:
    """Whether it is one, or a list or tuple of them."""
    constants.append(type(x))
    if is_constant(x):
        constants.append(x)
        return True
    if not (type(x) is list or type(x) is tuple):
        return False
    constants.append(len(x))
    for item in x:
        if not is_constant(item):
            return False
        constants.append(type(item))
        constants.append(item)
    return True


cdef bint is_constant(x):
    return x is None or type(x) is int or type(x) is float or type(x) is str or type(x) is bool


cdef fnn_array_dtype *dtype_of_first_array(tuple args):
    for x in args:
        if type(x) is ndarray:
            return FNN_ARRAY_DTYPE(x)
    return NULL


cdef int set_item(tuple items, Py_ssize_t k, item) except -1:
    Py_INCREF(item)  # PyTuple_SetItem keeps it
    PyTuple_SetItem(items, k, item)
    return 0


cdef bint is_turned(x) except -1:
    """Whether it is contiguous but for its last two axes, which have changed places."""
    if FNN_ARRAY(x).nd == 2:
        return fnn_is_turned_matrix(x)
    return FNN_ARRAY(x).nd > 1 and fnn_is_readable(x.swapaxes(-1, -2))


def turn_back(list arrays):
    """Puts what lies in memory in the place of each of `arrays` that is contiguous but for its last two axes, which
    have changed places. Returns where these are; None where there are none."""
    cdef list places = None
    cdef Py_ssize_t k
    for k in range(len(arrays)):
        array = arrays[k]
        if not fnn_is_readable(array) and is_turned(array):
            places = [k] if places is None else [*places, k]
            arrays[k] = array.swapaxes(-1, -2)
    return None if places is None else tuple(places)


cdef object _state = None       # of `graph.trace`: who watches this thread
cdef dict _chosen = {}          # of `config`
cdef list _isa = []             # the instruction set in use, once it is known
cdef object _threads = None     # `config.threads`


def set_surroundings(state, dict chosen, list isa, threads):
    """What every `Caller` looks at."""
    global _state, _chosen, _isa, _threads
    _state, _chosen, _isa, _threads = state, chosen, isa, threads


cpdef bint is_watched() except -1:
    """Whether what is computed now is being traced or taped."""
    if not fnn_has_watchers():
        return False
    cdef dict state = _state.__dict__
    return state["graph"] is not None or state["scope"] is not None or bool(<list>state["tapes"])


cdef class Caller:
    """What an op is when it is called: by the plan that was made for such arguments before, where there is one and
    nobody watches, with no Python between. Any other call is `apply(args, params)`.

    Attributes:
        executables: by `key`; None where there are none.
        numbers: what Python's numbers among the arguments are: 0 not taken; 1, beside arrays of floats, and 2, beside
            others too, arrays of the dtype of the first array; 3 constants, as are other things that are no arrays, and
            lists of constants, while lists of arrays are these.
        is_view: whether its `reference` gives a part of the memory of its argument.
        turns: where `as_they_lie(args, params)` may know what to do with arrays whose axes lie in another order: 0
            nowhere, 1 where no plan reads one of them as it lies, 2 wherever they do.
    """
    cdef public dict executables
    cdef public int numbers, turns
    cdef public bint is_view

    def __call__(self, *args, **params):
        if fnn_has_watchers() and is_watched():
            outputs = None if self.numbers == AS_CONSTANTS else taped_call(self, args, params)
        else:
            outputs = None if self.executables is None else self.call_before(args, params)
        return self.apply(args, params) if outputs is None else outputs

    def key(self, tuple args, dict params):
        """What tells apart calls with such arguments; None where there is no plan for them."""
        cdef operands found
        return key_of(self, _isa[0] if _isa else None, args, params, self.numbers, &found)

    cpdef call_before(self, tuple args, dict params):
        """What a call gives, by the plan that was made for such arguments; None where there is none."""
        cdef operands given
        cdef tuple key = key_of(self, _isa[0] if _isa else None, args, params, self.numbers, &given)
        cdef Plan plan
        if key is None or self.executables is None:
            return None
        if self.turns and not (given.are_readable if self.turns == 1 else given.lie_in_order) and not is_watched():
            found = self.as_they_lie(args, params)
            if found is not None:
                return found
        try:
            executable = self.executables[key]
        except (KeyError, TypeError):  # TypeError: a parameter that cannot be hashed
            return None
        if executable is None:
            return None
        plan = executable.plan
        if given.are_readable and not (_chosen and _chosen.get("profile")):
            outputs = plan.give(given.data, given.count)
            if outputs is not None:
                tell_lesson(plan, args, self.numbers, outputs)
                return outputs
        if given.has_numbers or self.numbers == AS_CONSTANTS:
            return None
        arrays = list(args)
        turn_back(arrays)
        outputs = executable.run(arrays)
        return outputs[0] if len(outputs) == 1 else tuple(outputs)


include "_counting.pxi"
include "_functions.pxi"
include "_tapes.pxi"


cdef class Buffer:
    """Holds a buffer export of an array, so that its memory stays where it is while the pointer is used."""
    cdef Py_buffer view
    cdef bint is_held
    cdef readonly uintptr_t address
    cdef readonly Py_ssize_t nbytes

    def __cinit__(self, array, bint writable=False):
        self.is_held = False
        PyObject_GetBuffer(array, &self.view, 0x0018 | (PyBUF_WRITABLE if writable else 0))  # any strides
        self.is_held = True
        self.address = <uintptr_t>self.view.buf
        self.nbytes = self.view.len

    def __dealloc__(self):
        if self.is_held:
            PyBuffer_Release(&self.view)


cdef class Arena:
    """Memory of one run of a plan: values between steps, scratch of each thread, and every step's pointers."""
    cdef char *memory
    cdef char *scratch
    cdef char **bufs
    cdef public list held      # keeps what the pointers lead to alive
    cdef public object epoch   # the binding that the pointers were made for
    cdef int threads
    cdef fnn_pace pace         # zero at first, as all fields are

    def __cinit__(self, Plan plan, int threads):
        fnn_forget_rooms(0, 0)
        self.memory = fnn_zeroes(plan.arena_bytes + plan.memo_bytes)  # the padding of packed values is never written
        self.scratch = fnn_zeroes(plan.scratch_bytes * threads)
        self.bufs = <char **>malloc(max(plan.n_bufs, 1) * sizeof(char *))
        self.threads = threads
        self.held = [None] * plan.n_slots
        self.epoch = None
        if not (self.memory and self.scratch and self.bufs):
            raise MemoryError(f"no memory for a plan's arena of {plan.arena_bytes} bytes")
        cdef int64_t k
        for k in range(plan.n_bufs):
            self.bufs[k] = self.memory + plan.buf_offset[k] if plan.buf_slot[k] == -1 else NULL

    def __dealloc__(self):
        fnn_free_zeroes(self.memory)
        fnn_free_zeroes(self.scratch)
        free(self.bufs)


cdef class Plan:
    """A flat array of kernel calls.

    Args:
        isa: name of the kernel tables.
        steps: for each step `(kernel name, buffers, ints, reals, max_threads)`; a buffer is `(slot, offset)` where
            slot -1 is the arena, -2 is no buffer (NULL), and 0.. are arrays bound before a run.
        arena_bytes: size of the arena.
        n_slots: how many arrays are bound.
        shared: for each step where in the arena the memory is that its threads share; by default behind the arena.
    """
    cdef fnn_step *steps
    cdef int64_t *ints
    cdef double *reals
    cdef int64_t *buf_offset
    cdef int32_t *buf_slot
    cdef void *program
    cdef readonly int64_t n_steps, n_bufs, n_slots, arena_bytes, memo_bytes, scratch_bytes
    cdef list arenas           # that no run is using, but for `idle`
    cdef void *idle            # one more, which is taken and given back without a look at the list
    cdef readonly list work
    cdef list result_dtypes
    cdef Py_ssize_t n_results
    cdef int *result_nd
    cdef Py_ssize_t *result_sizes  # of one result after another
    cdef int64_t *result_offset
    cdef size_t *result_bytes
    cdef public bint is_quick  # whether `Caller` runs it itself
    cdef bint is_shared        # whether more than one thread may have a part in it
    cdef bint is_brief         # whether it takes less than it takes others to get the GIL

    def __cinit__(self, str isa, list steps, int64_t arena_bytes, int64_t n_slots, list shared=None):
        cdef int index = isa_index(isa)
        cdef const fnn_entry *entry
        cdef double work, total
        cdef int64_t n_ints = 0, n_reals = 0, n_bufs = 0, s, at_int = 0, at_real = 0, at_buf = 0, shared_bytes = 0
        for _, bufs, ints, reals, _ in steps:
            n_ints += len(ints)
            n_reals += len(reals)
            n_bufs += len(bufs)
        self.n_steps = len(steps)
        self.n_bufs = n_bufs
        self.n_slots = n_slots
        self.program = fnn_programs(index)
        self.arenas = []
        self.work = []
        self.scratch_bytes = 0
        self.steps = <fnn_step *>malloc(max(self.n_steps, 1) * sizeof(fnn_step))
        self.ints = <int64_t *>malloc(max(n_ints, 1) * sizeof(int64_t))
        self.reals = <double *>malloc(max(n_reals, 1) * sizeof(double))
        self.buf_offset = <int64_t *>malloc(max(n_bufs, 1) * sizeof(int64_t))
        self.buf_slot = <int32_t *>malloc(max(n_bufs, 1) * sizeof(int32_t))
        if not (self.steps and self.ints and self.reals and self.buf_offset and self.buf_slot):
            raise MemoryError()
        arena_bytes = (arena_bytes + FNN_ALIGN - 1) // FNN_ALIGN * FNN_ALIGN
        for s in range(self.n_steps):
            name, bufs, ints, reals, max_threads = steps[s]
            entry = fnn_find(index, name.encode())
            if entry == NULL:
                raise KeyError(f"no kernel {name!r} in the {isa} tables")
            step = &self.steps[s]
            step.run = entry.run
            step.first_buf = at_buf
            step.ints = self.ints + at_int
            step.reals = self.reals + at_real
            step.max_threads = max_threads
            for value in ints:
                self.ints[at_int] = value
                at_int += 1
            for value in reals:
                self.reals[at_real] = value
                at_real += 1
            for slot, offset in bufs:
                self.buf_slot[at_buf] = slot
                self.buf_offset[at_buf] = offset
                at_buf += 1
            step.work = work_of(entry, step.ints)
            if shared is None:  # steps run one after another, so they have one area together
                step.shared = arena_bytes
                shared_bytes = max(shared_bytes, step.work.shared_bytes)
            else:
                step.shared = shared[s]
            self.scratch_bytes = max(self.scratch_bytes, step.work.scratch_bytes)
            self.work.append(told(&step.work))
        self.scratch_bytes = (self.scratch_bytes + FNN_ALIGN - 1) // FNN_ALIGN * FNN_ALIGN
        self.arena_bytes = arena_bytes + (shared_bytes + FNN_ALIGN - 1) // FNN_ALIGN * FNN_ALIGN
        self.is_shared, self.is_brief = False, True
        total = 0.0
        for s in range(self.n_steps):
            step = &self.steps[s]
            self.is_shared |= step.max_threads > 1
            work = step.work.flops + step.work.bytes
            total += work
            self.is_brief &= work > 0  # 0: not told
        self.is_brief &= total < BRIEF and not self.is_shared
        self.memo_bytes = 0  # what steps note for the next run, behind the arena
        for s in range(self.n_steps):
            step = &self.steps[s]
            step.memo = -1
            if step.max_threads == 1 and step.work.memo_bytes > 0:  # only one thread at a time has such a step
                step.memo = self.arena_bytes + self.memo_bytes
                self.memo_bytes += (step.work.memo_bytes + FNN_ALIGN - 1) // FNN_ALIGN * FNN_ALIGN

    def __dealloc__(self):
        Py_XDECREF(<PyObject *>self.idle)
        free(self.steps)
        free(self.ints)
        free(self.reals)
        free(self.buf_offset)
        free(self.buf_slot)
        free(self.result_nd)
        free(self.result_sizes)
        free(self.result_offset)
        free(self.result_bytes)

    cdef void *take(self) except? NULL:
        """An arena that no other run is using, which is the caller's to release; NULL where there is none."""
        cdef void *idle = fnn_exchange(&self.idle, NULL)
        if idle != NULL:
            return idle
        if not self.arenas:
            return NULL
        try:  # a list gives each of its items to one caller, whoever else asks at the same time
            arena = self.arenas.pop()
        except IndexError:
            return NULL
        Py_INCREF(arena)
        return <void *>arena

    def acquire(self, int threads):
        """An arena that no other run is using. Give it back with `release`."""
        cdef Arena arena
        cdef void *idle
        while True:
            idle = self.take()
            if idle == NULL:
                return Arena(self, threads)
            arena = <Arena>idle
            Py_DECREF(arena)
            if arena.threads >= threads:
                return arena

    cpdef release(self, Arena arena):
        Py_INCREF(arena)
        if not fnn_put_where_none(&self.idle, <void *>arena):
            self.arenas.append(arena)
            Py_DECREF(arena)

    def forget_arenas(self):
        """Gives back the memory of arenas that no run is using."""
        Py_XDECREF(<PyObject *>fnn_exchange(&self.idle, NULL))
        self.arenas.clear()

    def bind(self, Arena arena, int slot, array, bint writable=False):
        """Points every buffer of `slot` into `array`; None unbinds."""
        if array is not None:
            buffer = Buffer(array, writable)
            self.point(arena, slot, <char *><uintptr_t>buffer.address)
            arena.held[slot] = buffer, array
        else:
            self.point(arena, slot, NULL)
            arena.held[slot] = None

    cdef void point(self, Arena arena, int64_t slot, char *base) noexcept:
        cdef int64_t k
        for k in range(self.n_bufs):
            if self.buf_slot[k] == slot:
                arena.bufs[k] = base + self.buf_offset[k] if base != NULL else NULL

    cpdef read(self, Arena arena, int64_t offset, array):
        """Copies `array.nbytes` bytes of the arena from `offset` into `array`."""
        cdef Py_buffer view
        PyObject_GetBuffer(array, &view, 0x0018 | PyBUF_WRITABLE)
        memcpy(view.buf, arena.memory + offset, view.len)
        PyBuffer_Release(&view)

    def memory(self, Arena arena, int64_t offset, int64_t nbytes):
        """`nbytes` bytes of the arena from `offset`, in place: to be forgotten before `arena` is given back."""
        return PyMemoryView_FromMemory(arena.memory + offset, nbytes, 0x200)  # PyBUF_WRITE

    def write(self, Arena arena, int64_t offset, array):
        """Copies the bytes of the contiguous `array` into the arena at `offset`."""
        cdef Py_buffer view
        PyObject_GetBuffer(array, &view, 0x0018)
        memcpy(arena.memory + offset, view.buf, view.len)
        PyBuffer_Release(&view)

    def execute(self, Arena arena, int64_t begin, int64_t end, int64_t batch, int64_t batches, int threads,
                seconds=None, bint flushes_denormals=True):
        """Runs steps [begin, end) for `batches` batches. Returns `(status, failed step)`; status 0 is success."""
        cdef int64_t failed = -1
        cdef int32_t status
        if begin < 0 or end > self.n_steps or begin > end:
            raise IndexError(f"steps [{begin}, {end}) of a plan of {self.n_steps}")
        status = self.go(arena, begin, end, batch, batches, threads, NULL, seconds, flushes_denormals, &failed)
        return status, failed

    def returns(self, list results, list offsets):
        """Says what `run` gives: the shape and dtype of each output, and where in the arena it stands, or that it is
        slot s where the offset is -1 - s."""
        cdef Py_ssize_t k, at = 0, count = len(results)
        self.result_dtypes, self.n_results = [dtype for _, dtype in results], count
        self.result_nd = <int *>malloc(max(count, 1) * sizeof(int))
        self.result_sizes = <Py_ssize_t *>malloc(max(sum([len(shape) for shape, _ in results]), 1) * sizeof(Py_ssize_t))
        self.result_offset = <int64_t *>malloc(max(count, 1) * sizeof(int64_t))
        self.result_bytes = <size_t *>malloc(max(count, 1) * sizeof(size_t))
        if not (self.result_nd and self.result_sizes and self.result_offset and self.result_bytes):
            raise MemoryError()
        for k in range(count):
            shape, dtype = results[k]
            self.result_nd[k] = len(shape)
            for size in shape:
                self.result_sizes[at] = size
                at += 1
            self.result_offset[k] = offsets[k]
            self.result_bytes[k] = math.prod(shape) * dtype.itemsize

    cdef tuple new_results(self):
        """Arrays for what `run` gives."""
        cdef Py_ssize_t count = len(self.result_dtypes)
        cdef tuple arrays = PyTuple_New(count)
        cdef Py_ssize_t *sizes = self.result_sizes
        cdef Py_ssize_t k
        for k in range(count):
            set_item(arrays, k, self.new_result(k, sizes))
            sizes += self.result_nd[k]
        return arrays

    cdef new_result(self, Py_ssize_t k, Py_ssize_t *sizes):
        """One of them, of such sizes."""
        if self.result_bytes[k] < LARGE:
            return fnn_new_array(_numpy, self.result_nd[k], sizes, self.result_dtypes[k])
        return fnn_new_large_array(_numpy, self.result_nd[k], sizes, self.result_dtypes[k], self.result_bytes[k])

    cpdef call(self, tuple arrays, list outputs, int threads, epoch, seconds=None):
        """`run` in an arena whose pointers were made for `epoch`. False where none is free, or an array is not what a
        kernel reads: contiguous, in the machine's order of bytes."""
        cdef Arena arena
        for array in arrays:
            if not isinstance(array, ndarray) or not fnn_is_readable(array):
                return False
        cdef void *idle = self.take()
        if idle == NULL:
            return False
        arena = <Arena>idle
        Py_DECREF(arena)
        try:
            if arena.threads < threads or arena.epoch != epoch:
                return False
            return self.run(arena, arrays, outputs, threads, seconds)
        finally:
            self.release(arena)

    cdef give(self, char **data, Py_ssize_t count):
        """What a run gives whose first slots lead to `data`, of a plan without variables: an arena is bound once and
        for all. An array, or a tuple of several; None where no arena is free, or a step failed."""
        cdef Arena arena
        cdef Py_ssize_t k
        cdef int64_t failed = -1
        cdef int threads
        cdef void *idle
        if not self.is_quick:
            return None
        threads = _threads() if self.is_shared else 1
        idle = self.take()
        if idle == NULL:
            return None
        arena = <Arena>idle
        Py_DECREF(arena)
        try:
            if arena.threads < threads or arena.epoch is None:
                return None
            for k in range(count):
                self.point(arena, k, data[k])
            if self.n_results != 1:
                outputs = self.new_results()
                return outputs if self.run_pointed(arena, outputs, threads, None) is None else None
            output = self.new_result(0, self.result_sizes)
            if self.result_offset[0] < 0:
                self.point(arena, -1 - self.result_offset[0], FNN_ARRAY(output).data)
            if self.go(arena, 0, self.n_steps, 0, 1, threads, &arena.pace, None, True, &failed):
                return None
            if self.result_offset[0] >= 0:
                memcpy(FNN_ARRAY(output).data, arena.memory + self.result_offset[0], self.result_bytes[0])
            return output
        finally:
            self.release(arena)

    cpdef run(self, Arena arena, tuple arrays, list outputs, int threads, seconds=None):
        """Runs all steps once: the first slots are `arrays` (as `call` wants them) meanwhile. Of the contiguous arrays
        `outputs` each gets what `returns` told of it. Returns the step that failed with its status, None if none
        did."""
        cdef Py_ssize_t k
        for k in range(len(arrays)):
            self.point(arena, k, FNN_ARRAY(arrays[k]).data)
        return self.run_pointed(arena, tuple(outputs), threads, seconds)

    cdef run_pointed(self, Arena arena, tuple outputs, int threads, seconds):
        """`run`, where the first slots lead to arrays already."""
        cdef int64_t failed = -1, offset
        cdef int32_t status
        cdef Py_ssize_t k, count = len(outputs)
        for k in range(count):
            offset = self.result_offset[k]
            if offset < 0:
                self.point(arena, -1 - offset, FNN_ARRAY(outputs[k]).data)
        status = self.go(arena, 0, self.n_steps, 0, 1, threads, &arena.pace, seconds, True, &failed)
        for k in range(count):
            offset = self.result_offset[k]
            if offset >= 0:
                memcpy(FNN_ARRAY(outputs[k]).data, arena.memory + offset, self.result_bytes[k])
        return (status, failed) if status else None

    cdef int32_t go(self, Arena arena, int64_t begin, int64_t end, int64_t batch, int64_t batches, int threads,
                    fnn_pace *pace, seconds, bint flushes_denormals, int64_t *failed) except -1:
        cdef fnn_instance instance
        cdef int32_t status
        cdef Py_buffer view
        instance.steps = self.steps
        instance.bufs = arena.bufs
        instance.arena = arena.memory
        instance.scratch = arena.scratch
        instance.scratch_bytes = self.scratch_bytes
        instance.program = self.program
        instance.pace = pace
        instance.seconds = NULL
        instance.flushes_denormals = flushes_denormals
        if threads > arena.threads:
            threads = arena.threads
        if seconds is not None:
            PyObject_GetBuffer(seconds, &view, 0x0018 | PyBUF_WRITABLE)
            instance.seconds = <double *>view.buf
        if self.is_brief and batches == 1:
            status = fnn_execute(&instance, begin, end, batch, batches, threads, failed)
        else:
            with nogil:
                status = fnn_execute(&instance, begin, end, batch, batches, threads, failed)
        if seconds is not None:
            PyBuffer_Release(&view)
        return status
