# A part of _engine.pyx: what the tables of kernels say, and what their statuses mean.

def statuses():
    """`{status: (name of an exception, message)}` of all that kernels find wrong."""
    found = {}
    cdef int status = 1
    while fnn_status_of(status) != NULL:
        found[status] = (fnn_status_of(status).exception.decode(), fnn_status_of(status).message.decode())
        status += 1
    return found


STATUS = statuses()


def isas():
    """Names of the instruction sets that tables were built for and this CPU can run, lowest first."""
    return [fnn_isa_name(i).decode() for i in range(fnn_isa_count()) if fnn_isa_supported(i)]


def built_isas():
    """Names of the instruction sets that tables were built for, lowest first."""
    return [fnn_isa_name(i).decode() for i in range(fnn_isa_count())]


cdef int isa_index(str isa) except -1:
    for i in range(fnn_isa_count()):
        if fnn_isa_name(i).decode() == isa:
            if not fnn_isa_supported(i):
                raise ValueError(f"this CPU cannot run the {isa!r} kernels; it can run {isas()}")
            return i
    raise ValueError(f"no kernels were built for {isa!r}; there are {built_isas()}")


def kernels(str isa):
    """`{kernel name: family}` of one instruction set."""
    cdef int i = isa_index(isa)
    cdef const fnn_entry *entry
    names = {}
    for k in range(fnn_table_count(i)):
        entry = fnn_table_get(i, k).entries
        while entry.name != NULL:
            names[entry.name.decode()] = fnn_table_family(i, k).decode()
            entry += 1
    return names


def opcodes(str isa):
    """`{operation name: opcode}` of the elementwise programs."""
    cdef const char *const *names = fnn_opcodes(isa_index(isa))
    table = {}
    cdef int k = 0
    while names != NULL and names[k] != NULL:
        table[names[k].decode()] = k
        k += 1
    return table


cdef fnn_work work_of(const fnn_entry *entry, const int64_t *ints):
    cdef fnn_work work
    memset(&work, 0, sizeof(fnn_work))
    entry.size(ints, &work)
    return work


cdef tuple told(const fnn_work *work):
    units = [work.units[p] for p in range(min(work.phases, FNN_MAX_PHASES))]
    return units, work.scratch_bytes, work.shared_bytes, work.flops, work.bytes


def kernel_work(str isa, str name, ints):
    """What a kernel says of its work: `(units per phase, scratch bytes, shared bytes, flops, bytes)`."""
    cdef const fnn_entry *entry = fnn_find(isa_index(isa), name.encode())
    if entry == NULL:
        raise KeyError(name)
    cdef int64_t *values = <int64_t *>malloc(max(len(ints), 1) * sizeof(int64_t))
    if values == NULL:
        raise MemoryError()
    try:
        for k, value in enumerate(ints):
            values[k] = value
        work = work_of(entry, values)
    finally:
        free(values)
    return told(&work)
