# A part of _engine.pyx: what eager tapes write down.

cdef object _variable = None  # `graph.variable.Variable`
cdef object _taped = None     # `autodiff.TapeArray`
cdef object _new_array = _array


def set_taped(variable, taped):
    """The class of variables, and that of arrays which tapes watch."""
    global _variable, _taped
    _variable, _taped = variable, taped


cdef class Tape:
    """What is done, in order, to what is watched.

    Attributes:
        records: of each op its arguments, as they were given and as arrays, its parameters and its outputs.
        tracked: what is watched, by id.
        watches_variables: whether trainable variables are watched once they are read.
    """
    cdef public object records
    cdef public dict tracked
    cdef public bint watches_variables

    cpdef bint is_tracked(self, x) except -1:
        """Whether ops on `x` are written down."""
        if type(x) is not ndarray and type(x) is not _taped and self.watches_variables and isinstance(x, _variable):
            if x.trainable:
                self.tracked.setdefault(id(x), x)
                return True
        return self.tracked.get(id(x)) is x

    cpdef tuple record(self, op, tuple args, tuple arrays, dict params, tuple outputs):
        """Called by every op that runs: notes it when an input is watched, and watches its outputs."""
        cdef bint is_any = False
        cdef Py_ssize_t k
        for x in args:  # all are asked: that notes variables
            is_any |= self.is_tracked(x)
        if not is_any:
            return outputs
        cdef tuple watched = PyTuple_New(len(outputs))
        for k in range(len(outputs)):
            y = outputs[k] if isinstance(outputs[k], _taped) else outputs[k].view(_taped)
            self.tracked[id(y)] = y
            set_item(watched, k, y)
        self.records.append((op, args, arrays, params, watched))
        return watched


cpdef bint is_taped(x) except -1:
    """Whether an eager tape writes down what is done to the array `x`: where `x` is plain, NumPy's operators do not."""
    if fnn_has_watchers():
        for tape in <list>(<dict>_state.__dict__)["tapes"]:
            if (<Tape?>tape).is_tracked(x):
                return True
    return False


cdef enum: MOST_PLACES = 64


def results_at(Plan plan, list places, list records, seeds):
    """What `plan` gives for the arrays at `places`, each the number of a record, of a part of it and in that, or None
    before the number of one of `seeds`. None where the plan is to be run with more care."""
    cdef char *data[MOST_PLACES]
    cdef Py_ssize_t k, count = len(places)
    if count > MOST_PLACES or (_chosen and _chosen.get("profile")):
        return None
    for k in range(count):
        r, part, n = places[k]
        x = seeds[n] if r is None else records[r][part][n]
        if not isinstance(x, ndarray) or not fnn_is_readable(x):
            return None
        data[k] = FNN_ARRAY(x).data
    results = plan.give(data, count)
    return results if results is None or type(results) is tuple else (results,)


cdef array_of(Caller op, tuple args, Py_ssize_t k):
    """An argument as an array, a number beside arrays of one float dtype in that; None for others."""
    x = args[k]
    if type(x) is _taped:
        return x.view(ndarray)
    if type(x) is ndarray:
        return x
    if isinstance(x, _variable):
        return x.array
    if op.numbers == NO_NUMBERS or not (type(x) is int or isinstance(x, float)):
        return None
    dtype = None
    for y in args:
        if isinstance(y, ndarray):
            if dtype is None and y.dtype.char in ("f", "d"):
                dtype = y.dtype
            elif y.dtype is not dtype:
                return None
    return None if dtype is None else _new_array(x, dtype)


cdef taped_call(Caller op, tuple args, dict params):
    """What a call of an op gives, by a plan that was made before or as a view, written down by the tapes that watch.
    None where something else watches, for what is no array, and where there is no plan."""
    cdef dict state = _state.__dict__
    cdef list tapes = state["tapes"]
    cdef Py_ssize_t k
    if not tapes or state["graph"] is not None or state["scope"] is not None or state["autocast"] is not None:
        return None
    cdef tuple outputs, arrays = PyTuple_New(len(args))
    for k in range(len(args)):
        x = array_of(op, args, k)
        if x is None:
            return None
        set_item(arrays, k, x)
    if op.is_view:
        outputs = (op.reference(*arrays, **params),)
    elif op.executables is None:
        return None
    else:
        found = op.call_before(arrays, params)
        if found is None:
            return None
        outputs = found if type(found) is tuple else (found,)
    for tape in tapes:
        outputs = (<Tape?>tape).record(op, args, arrays, params, outputs)
    return outputs[0] if len(outputs) == 1 else outputs
