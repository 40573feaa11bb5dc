# A part of _engine.pyx: what eager tapes write down.

cdef object _variable = None  # `graph.variable.Variable`
cdef object _taped = None     # `autodiff.TapeArray`
cdef object _new_array = _array
cdef object _is_inexact = None  # `graph.dtypes.is_inexact`


def set_taped(variable, taped, is_inexact):
    """The class of variables, that of arrays which tapes watch, and which dtypes have gradients."""
    global _variable, _taped, _is_inexact
    _variable, _taped, _is_inexact = variable, taped, is_inexact


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


# ---- what was written down ----

cdef enum: MOST_PLACES = 64, MOST_KINDS = 2048
cdef enum: OUTPUTS = 4  # of a record
cdef dict _kinds = {}  # the numbers of what records do; none is given twice
cdef Py_ssize_t _count_of_kinds = 0


cdef Py_ssize_t kind_of(op, tuple arrays, dict params, setting) except -1:
    """The number of what a record does."""
    global _count_of_kinds
    cdef operands found
    cdef tuple key = None
    if not isinstance(op, Caller):  # a call that was a plan, of arrays like these alone
        key = (op.reference, setting)
    else:
        key = key_of(op, setting, arrays, params, NO_NUMBERS, &found)
        if key is None:
            key = (op, setting, *params.items(), *[(x.shape, x.dtype) for x in arrays])
    number = _kinds.get(key)
    if number is None:
        number = _kinds[key] = _count_of_kinds
        _count_of_kinds += 1
        if len(_kinds) > MOST_KINDS:
            _kinds.pop(next(iter(_kinds)), None)  # the oldest
    return number


cdef bint has_gradient(x):
    """Whether it is an array of numbers that can have one."""
    cdef fnn_array_dtype *dtype = FNN_ARRAY_DTYPE(x)
    return dtype.kind in b"fc" or (dtype.kind not in b"biu" and _is_inexact(x.dtype))


cpdef tuple results_at(Plan plan, list places, list records, seeds):
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


cdef class Rule:
    """What a record of one kind adds to the gradients of its arguments.

    Attributes:
        plan: what computes them, if any; None with `is_ready` where nothing is to be computed.
        places: where its arguments are, as for `results_at`.
        found: of each argument that is wanted, the number of a result of the plan, the place of what its gradient is,
            an array, or None.
        is_ready: whether `plan`, `places` and `found` say all; `careful` is asked else.
    """
    cdef public Plan plan
    cdef public list places, found
    cdef public bint is_ready

    cdef list run(self, tuple record, list flows):
        """The gradients of the arguments that are wanted."""
        cdef tuple results = ()
        cdef list gradients
        if self.is_ready and self.plan is not None:
            results = results_at(self.plan, self.places, [record], flows)
        if not self.is_ready or results is None:
            return self.careful(record, flows)
        gradients = []
        for x in self.found:
            if type(x) is int:
                gradients.append(results[x])
            elif type(x) is tuple:
                r, part, k = x
                y = flows[k] if r is None else record[part][k]
                gradients.append(y.view(ndarray) if type(y) is _taped else y)
            else:
                gradients.append(x)
        return gradients


cdef class Written:
    """What a tape wrote down, with numbers in the place of what it says again and again.

    Attributes:
        kinds: of each record, the number of what it does: the op, its parameters, the shapes and dtypes, and the
            setting. None of an op that was made for one call.
        comes_again: whether there is no such op.
        inputs: of each record, the numbers of its arguments, None for one that the tape does not watch.
        first: of each record, the number of its first output; the others follow.
        numbers: of what the tape watches, by id.
        count: one more than the last of these.
    """
    cdef readonly list records, kinds, inputs, first
    cdef readonly dict tracked, numbers
    cdef readonly Py_ssize_t count
    cdef readonly bint comes_again

    def __init__(self, Tape tape, setting):
        """Raises TypeError where a parameter cannot be hashed."""
        cdef Py_ssize_t k
        cdef tuple args, arrays, outputs, inputs
        cdef dict params
        self.records, self.tracked, self.numbers = list(tape.records), tape.tracked, {}
        self.kinds, self.inputs, self.first = [], [], []
        self.count, self.comes_again = 0, True
        for op, args, arrays, params, outputs in self.records:
            if op.is_registered:
                self.kinds.append(kind_of(op, arrays, params, setting))
            else:
                self.kinds.append(None)
                self.comes_again = False
            inputs = PyTuple_New(len(args))
            for k in range(len(args)):
                set_item(inputs, k, self.number_of(args[k]))
            self.inputs.append(inputs)
            self.first.append(self.count)
            for y in outputs:
                self.numbers[id(y)] = self.count
                self.count += 1

    cdef number_of(self, x):
        """None for what the tape does not watch."""
        if self.tracked.get(id(x)) is not x:
            return None
        number = self.numbers.get(id(x))
        if number is None:
            number = self.numbers[id(x)] = self.count
            self.count += 1
        return number

    def path(self, set depends):
        """The numbers of the records that depend on what `depends` has the numbers of, to which theirs are added, each
        with which of its arguments do."""
        cdef Py_ssize_t r, k, first
        cdef tuple inputs, wants, outputs
        cdef list path = []
        cdef bint is_any
        for r in range(len(self.records)):
            inputs, is_any = self.inputs[r], False
            wants = PyTuple_New(len(inputs))
            for k in range(len(inputs)):
                is_wanted = inputs[k] in depends
                is_any |= is_wanted
                set_item(wants, k, is_wanted)
            if is_any:
                outputs, first = (<tuple>self.records[r])[OUTPUTS], self.first[r]
                for k in range(len(outputs)):
                    if has_gradient(outputs[k]):
                        depends.add(first + k)
                path.append((r, wants))
        return path

    def flow(self, list path, list flowing, kept, dict rules, made_rule, add):
        """Takes gradients, that of what has the number k in flowing[k], from the last record of `path` to the first.
        They are let go of once they went on, but for those of `kept`. What is not among the rules of records that are
        alike is `made_rule(key, record, flows)`; `add(x, y)` is their sum."""
        cdef Py_ssize_t k, n, first, end
        cdef tuple wants, inputs, given
        cdef list flows, gradients
        cdef bint is_any
        for r, wants in reversed(path):
            record, first = self.records[r], self.first[r]
            end = first + len(<tuple>(<tuple>record)[OUTPUTS])
            flows, is_any = flowing[first:end], False
            given = PyTuple_New(end - first)
            for k in range(end - first):
                is_given = flows[k] is not None
                is_any |= is_given
                set_item(given, k, is_given)
                if is_given and first + k not in kept:
                    flowing[first + k] = None
            if not is_any:
                continue
            key = (self.kinds[r], wants, given)
            rule = rules.get(key)
            if rule is None:
                rule = made_rule(key, record, flows)
            gradients, n = (<Rule?>rule).run(record, flows), 0
            inputs = self.inputs[r]
            for k in range(len(inputs)):
                if wants[k]:
                    dx = gradients[n]
                    n += 1
                    if dx is not None:
                        y = flowing[inputs[k]]
                        flowing[inputs[k]] = dx if y is None else add(y, dx)
