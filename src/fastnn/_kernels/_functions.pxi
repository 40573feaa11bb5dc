# A part of _engine.pyx: public functions, which go from their arguments to the plan of a call made before.

cdef extern from *:
    """
    #include <structmember.h>
    enum {
      FNN_VECTORCALL = 1 << 11, /* calls without a tuple and a dict (PEP 590), which 3.11's limited API does not name */
      FNN_SETS = 16, FNN_WAYS = 4, FNN_KNOWN = FNN_SETS * FNN_WAYS, /* calls that a function knows, by their words */
      FNN_PATIENCE = 16,        /* calls that find no place, of which one takes another's */
      FNN_WORDS = 64,           /* of the arguments of one */
      FNN_GIVEN = 16
    };
    enum { FNN_MANY = -3, FNN_OTHER = -2 }; /* words that no dtype is */
    #ifdef Py_GIL_DISABLED
    enum { FNN_REPLACES = 0 }; /* others may be reading what would be replaced */
    #else
    enum { FNN_REPLACES = 1 };
    #endif

    /* Threads and contexts in which what is computed may be traced or taped. */
    static int64_t fnn_watchers;
    #define fnn_watch(by) ((void)__atomic_fetch_add(&fnn_watchers, by, __ATOMIC_SEQ_CST))
    #define fnn_has_watchers() (__atomic_load_n(&fnn_watchers, __ATOMIC_RELAXED) != 0)

    /* The lesson of this thread: what `Caller` tells of a call by a plan; borrowed. */
    static _Thread_local PyObject *fnn_lesson;
    #define fnn_get_lesson() ((void *)fnn_lesson)
    #define fnn_set_lesson(x) ((void)(fnn_lesson = (PyObject *)(x)))

    #define fnn_exchange(place, x) ((void *)__atomic_exchange_n(place, (void *)(x), __ATOMIC_ACQ_REL))
    #define fnn_publish(place, x) __atomic_store_n(place, (void *)(x), __ATOMIC_RELEASE)
    #define fnn_load(place) ((void *)__atomic_load_n(place, __ATOMIC_ACQUIRE))
    static int fnn_put_where_none(void **place, void *x) {
      void *none = NULL;
      return __atomic_compare_exchange_n(place, &none, x, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
    }

    /* The arguments of a call: of arrays words that tell them apart and where they lie, and what else there is. */
    typedef struct {
      Py_ssize_t n_words, n_arrays, n_others;
      Py_ssize_t words[FNN_WORDS];
      int set, has_lists;       /* where calls of such words are known; some arrays stand in lists */
      char *data[FNN_GIVEN];
      int number; /* the dtype of the first array */
      PyObject *others[FNN_GIVEN];
    } fnn_given;

    static int fnn_note_array(fnn_given *given, PyObject *x) {
      const fnn_array *array = FNN_ARRAY(x);
      const int number = FNN_ARRAY_DTYPE(x)->number;
      Py_ssize_t *words = given->words + given->n_words;
      const int is_turned = !fnn_is_readable(x); /* a matrix that plans read as it lies */
      if (is_turned && !(array->nd == 2 && fnn_is_turned_matrix(x))) return 0;
      if (given->n_words + 2 + array->nd > FNN_WORDS || given->n_arrays == FNN_GIVEN) return 0;
      if (number > 16 && number != 23 && number < 256) return 0; /* as in `add_array` */
      if (!given->n_arrays) given->number = number;
      words[0] = number;
      words[1] = is_turned ? -2 : array->nd;
      for (int k = 0; k < array->nd; k++) words[2 + k] = array->dimensions[k];
      given->n_words += 2 + array->nd;
      given->data[given->n_arrays++] = array->data;
      return 1;
    }

    static int fnn_note_items(fnn_given *given, PyObject *items, Py_ssize_t n, PyTypeObject *array_type) {
    #ifdef Py_GIL_DISABLED
      return 0; /* others may drop them meanwhile */
    #endif
      const int is_list = PyList_CheckExact(items);
      if (given->n_words + 2 > FNN_WORDS) return 0;
      given->has_lists |= is_list;
      given->words[given->n_words++] = FNN_MANY - is_list;
      given->words[given->n_words++] = n;
      for (Py_ssize_t k = 0; k < n; k++) {
        PyObject *x = is_list ? PyList_GetItem(items, k) : PyTuple_GetItem(items, k);
        if (Py_TYPE(x) != array_type || !fnn_note_array(given, x)) return 0;
      }
      return 1;
    }

    /* Whether a plan may be known for such arguments. */
    static int fnn_note_arguments(fnn_given *given, PyObject *const *args, Py_ssize_t n, void **numpy) {
      PyTypeObject *array_type = (PyTypeObject *)numpy[2];
      given->n_words = given->n_arrays = given->n_others = given->has_lists = 0;
      for (Py_ssize_t k = 0; k < n; k++) {
        PyObject *x = args[k];
        if (Py_TYPE(x) == array_type) {
          if (!fnn_note_array(given, x)) return 0;
          continue;
        }
        if (PyList_CheckExact(x) || PyTuple_CheckExact(x)) {
          const int is_list = PyList_CheckExact(x);
          const Py_ssize_t count = is_list ? PyList_Size(x) : PyTuple_Size(x);
          if (count && Py_TYPE(is_list ? PyList_GetItem(x, 0) : PyTuple_GetItem(x, 0)) == array_type) {
            if (!fnn_note_items(given, x, count, array_type)) return 0;
            continue;
          }
        }
        if (given->n_words == FNN_WORDS || given->n_others == FNN_GIVEN) return 0;
        given->words[given->n_words++] = FNN_OTHER;
        given->others[given->n_others++] = x;
      }
      uint64_t hash = 0;
      for (Py_ssize_t k = 0; k < given->n_words; k++)
        hash = (hash ^ hash >> 32 ^ (uint64_t)given->words[k]) * 0x9e3779b97f4a7c15u; /* 2^64 / the golden ratio */
      given->set = (int)(hash >> 32 & (FNN_SETS - 1));
      return given->n_arrays > 0;
    }

    /* Whether `x` is what `constant` is: to the bit, of lists and tuples item by item. */
    static int fnn_is_same(PyObject *constant, PyObject *x) {
      if (constant == x) return 1;
      if (Py_TYPE(constant) != Py_TYPE(x)) return 0;
      if (PyFloat_CheckExact(x)) {
        const double a = PyFloat_AsDouble(constant), b = PyFloat_AsDouble(x);
        return !memcmp(&a, &b, sizeof a);
      }
      if (PyLong_CheckExact(x) || PyUnicode_CheckExact(x)) return PyObject_RichCompareBool(constant, x, Py_EQ) == 1;
      const int is_list = PyList_CheckExact(x);
      if (!is_list && !PyTuple_CheckExact(x)) return 0;
      const Py_ssize_t n = is_list ? PyList_Size(x) : PyTuple_Size(x);
      if (n != (is_list ? PyList_Size(constant) : PyTuple_Size(constant))) return 0;
      for (Py_ssize_t k = 0; k < n; k++) {
        PyObject *a = is_list ? PyList_GetItem(constant, k) : PyTuple_GetItem(constant, k);
        PyObject *b = is_list ? PyList_GetItem(x, k) : PyTuple_GetItem(x, k);
        if (!b || !fnn_is_same(a, b)) return PyErr_Clear(), 0;
      }
      return 1;
    }

    static Py_ssize_t fnn_vectorcall_at;
    static traverseproc fnn_base_traverse;
    static inquiry fnn_base_clear;
    #define FNN_ATTRIBUTES(x) (*(PyObject **)((char *)(x) + fnn_vectorcall_at + sizeof(void *)))
    static int fnn_traverse(PyObject *x, visitproc visit, void *arg) {
      Py_VISIT(FNN_ATTRIBUTES(x));
      return fnn_base_traverse(x, visit, arg);
    }
    static int fnn_clear(PyObject *x) {
      Py_CLEAR(FNN_ATTRIBUTES(x));
      return fnn_base_clear(x);
    }
    /* A type whose objects, of the type `base`, are called by the function that they have at `offset`, and have behind
     * it their attributes and who refers to them weakly. */
    static PyObject *fnn_vectorcall_type(PyObject *base, Py_ssize_t offset) {
      static PyGetSetDef properties[] = {{"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
                                         {NULL, NULL, NULL, NULL, NULL}};
      PyMemberDef members[] = {
        {"__vectorcalloffset__", T_PYSSIZET, offset, READONLY, NULL},
        {"__dictoffset__", T_PYSSIZET, offset + (Py_ssize_t)sizeof(void *), READONLY, NULL},
        {"__weaklistoffset__", T_PYSSIZET, offset + 2 * (Py_ssize_t)sizeof(void *), READONLY, NULL},
        {NULL, 0, 0, 0, NULL}};
      PyType_Slot slots[] = {{Py_tp_base, base}, {Py_tp_members, members}, {Py_tp_getset, properties},
                             {Py_tp_traverse, (void *)fnn_traverse}, {Py_tp_clear, (void *)fnn_clear}, {0, NULL}};
      PyType_Spec spec = {"fastnn._kernels._engine.Function", 0, 0,
                          Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | FNN_VECTORCALL, slots};
      fnn_vectorcall_at = offset;
      fnn_base_traverse = (traverseproc)PyType_GetSlot((PyTypeObject *)base, Py_tp_traverse);
      fnn_base_clear = (inquiry)PyType_GetSlot((PyTypeObject *)base, Py_tp_clear);
      return PyType_FromSpec(&spec);
    }
    /* The number of arguments that a call says it has. */
    #define fnn_positional(n) ((Py_ssize_t)((n) & ~((size_t)1 << (8 * sizeof(size_t) - 1))))
    """
    enum: FNN_WAYS, FNN_KNOWN, FNN_PATIENCE, FNN_WORDS, FNN_GIVEN, FNN_REPLACES
    void fnn_watch(int64_t)
    bint fnn_has_watchers()
    void *fnn_get_lesson()
    void fnn_set_lesson(void *)
    void *fnn_exchange(void **, void *)
    void fnn_publish(void **, void *)
    void *fnn_load(void **)
    bint fnn_put_where_none(void **, void *)
    ctypedef struct fnn_given:
        Py_ssize_t n_words, n_arrays, n_others
        Py_ssize_t words[64]
        int set, has_lists
        char *data[16]
        int number
        PyObject *others[16]
    bint fnn_note_arguments(fnn_given *, PyObject **, Py_ssize_t, void **)
    bint fnn_is_same(PyObject *, PyObject *)
    object fnn_vectorcall_type(object, Py_ssize_t)
    Py_ssize_t fnn_positional(size_t)

ctypedef PyObject *(*_vectorcall_fn)(PyObject *, PyObject **, size_t, PyObject *) except NULL


def watch(int64_t by):
    """Says that one more context, or one less, may trace or tape what is computed in it."""
    fnn_watch(by)


cdef bint mentions(kind, tuple args, dict kwargs) except -1:
    """Whether an argument, or an item of a list or tuple among them, is a `kind`."""
    cdef Py_ssize_t at = 0
    cdef PyObject *value
    for x in args:
        if type(x) is not ndarray and is_or_has(kind, x):
            return True
    while PyDict_Next(kwargs, &at, NULL, &value):
        if is_or_has(kind, <object>value):
            return True
    return False


cdef bint is_or_has(kind, x) except -1:
    if isinstance(x, (list, tuple)):
        for part in x:
            if isinstance(part, kind):
                return True
    return isinstance(x, kind)


def accepts(kind, function, record, int forwards=0):
    """`function`, but `record(it, args, kwargs)` where it is called with some `kind` among the arguments, or in a list
    or tuple of them. `forwards` is as for `_Function`, and COUNTS times what counts few elements (`_counting.pxi`)."""
    return functools.update_wrapper(Function(kind, function, record, forwards), function)


def as_function(caller, function):
    """`caller`, with the name and the signature of `function`."""

    @functools.wraps(function)
    def run(*args, **kwargs):
        return caller(*args, **kwargs)

    return run


cdef class Lesson:
    """What `Caller` did while a function computed: how many calls by a plan, and the last."""
    cdef int count
    cdef Plan plan
    cdef tuple args
    cdef int numbers
    cdef object result


cdef void tell_lesson(Plan plan, tuple args, int numbers, result) noexcept:
    cdef void *current = fnn_get_lesson()
    if current == NULL:
        return
    lesson = <Lesson>current
    lesson.count += 1
    lesson.plan, lesson.args, lesson.numbers, lesson.result = plan, args, numbers, result


cdef class Known:
    """A call that a function knows: arguments, and the plan that gives what they give.

    Attributes:
        words, n_words: as `fnn_given` has them.
        others: of what is no array, constants; `DATA` for a number that the plan is given as an array.
        places: for each array that the plan is given, that among the arrays, or -1 - that among `others`.
        names: of the last arguments; None where they have none.
        settings: what `function_settings` said; None where nothing was set.
        isa: the instruction set.
    """
    cdef Plan plan
    cdef bytes words
    cdef Py_ssize_t n_bytes
    cdef list others
    cdef Py_ssize_t places[16]
    cdef Py_ssize_t count
    cdef tuple names
    cdef tuple settings
    cdef object isa

    cdef bint is_of(self, fnn_given *given, PyObject *names) except -1:
        """Whether `given` are such arguments."""
        cdef Py_ssize_t k
        cdef PyObject *other
        if given.n_words * <Py_ssize_t>sizeof(Py_ssize_t) != self.n_bytes:
            return False
        if memcmp(given.words, <const char *>self.words, self.n_bytes):
            return False
        if names != <PyObject *>self.names:
            if names == NULL:
                if self.names is not None:
                    return False
            elif self.names is None or <tuple>names != self.names:
                return False
        for k in range(given.n_others):
            other = <PyObject *>self.others[k]
            if other != <PyObject *>DATA and not fnn_is_same(other, given.others[k]):
                return False
        return True

    cdef bint is_current(self) except -1:
        """Whether what a function may read is as it was."""
        if not _isa or _isa[0] is not self.isa:
            return False
        if not _chosen:
            return self.settings is None
        return self.settings == function_settings() and not _chosen.get("profile")


cdef object DATA = object()
cdef enum: FORWARDS = 1, BY_NUMBER, COUNTS = 4


cdef tuple function_settings():
    """What functions read when they are traced; None where nothing was set."""
    if not _chosen:
        return None
    return _chosen.get("floatx"), _chosen.get("epsilon"), _chosen.get("image_data_format")


cdef object kept_constant(x):
    """A constant that nobody changes afterwards; DATA where `x` is none."""
    if is_constant(x):
        return x
    if type(x) is not list and type(x) is not tuple:
        return DATA
    items = [kept_constant(item) for item in x]
    for item in items:
        if item is DATA:
            return DATA
    return items if type(x) is list else tuple(items)


cdef class _Function:
    """A public function: `function`, but `record(it, args, kwargs)` where it is called with some `kind` among the
    arguments, or in a list or tuple of them. Where it `forwards` it asks no number of an array, and of Python's only
    where that is `BY_NUMBER`: if a call was no more than a run of a plan on its arrays, in their order, such calls are
    that from then on, with no Python between."""
    cdef void *vectorcall
    cdef void *attributes      # of `Function`, its own
    cdef void *weak_references
    cdef object function, kind, record
    cdef int forwards, counts
    cdef int tries             # calls that may still teach nothing
    cdef void *known[64]       # set by set, each from its beginning on
    cdef int64_t late          # calls that found no place in their set

    def __cinit__(self, kind, function, record, int forwards=0):
        self.vectorcall = <void *>call_function
        self.kind, self.function, self.record = kind, function, record
        self.forwards, self.counts = forwards % COUNTS, forwards // COUNTS
        self.tries = 100

    def __dealloc__(self):
        for k in range(FNN_KNOWN):
            if self.known[k] != NULL:
                Py_DECREF(<object>self.known[k])

    def __call__(self, *args, **kwargs):
        return self.call(args, kwargs)

    def __get__(self, instance, owner):
        return self if instance is None else MethodType(self, instance)

    def __repr__(self):
        return f"<function {getattr(self, '__qualname__')}>"

    def __reduce__(self):
        return getattr(self, "__qualname__")

    cdef object call(self, tuple args, dict kwargs):
        if mentions(self.kind, args, kwargs):
            return self.record(self, args, kwargs)
        return self.function(*args, **kwargs)

    cdef object give_known(self, fnn_given *given, PyObject *names):
        """What a known call gives; None where there is none."""
        cdef Known known
        cdef Plan plan
        cdef char *data[16]
        cdef int64_t numbers[16]
        cdef Py_ssize_t at, place
        cdef int k
        cdef void *found
        for k in range(given.set * FNN_WAYS, (given.set + 1) * FNN_WAYS):
            found = fnn_load(&self.known[k])
            if found == NULL:
                return None
            known = <Known>found
            if not known.is_of(given, names) or not known.is_current():
                continue
            for at in range(known.count):
                place = known.places[at]
                if place >= 0:
                    data[at] = given.data[place]
                    continue
                number = <object>given.others[-1 - place]
                if not (type(number) is float or type(number) is int):
                    return None
                if not fnn_store_number(number, given.number, &numbers[at]):
                    return None
                data[at] = <char *>&numbers[at]
            plan = known.plan
            return plan.give(data, known.count)
        return None

    cdef bint may_learn(self, fnn_given *given):
        """Whether a call that is not known may become so: seldom where others would have to make place, as to learn
        takes longer than to call."""
        if self.tries <= 0:
            return False
        if fnn_load(&self.known[(given.set + 1) * FNN_WAYS - 1]) == NULL:
            return True
        if not FNN_REPLACES:
            return False
        self.late += 1
        return self.late % FNN_PATIENCE == 0

    cdef object learn(self, tuple args, dict kwargs, fnn_given *given, tuple names):
        """What a call gives, noted where it is known from then on."""
        cdef Lesson lesson = Lesson()
        cdef void *outer = fnn_get_lesson()
        isa, settings = _isa[0] if _isa else None, function_settings()
        cdef Known known
        args = told_apart(args)
        fnn_set_lesson(<void *>lesson)
        try:
            result = self.call(args, kwargs)
        finally:
            fnn_set_lesson(outer)
        if lesson.count != 1 or lesson.result is not result:
            self.tries -= lesson.count > 0
            return result
        known = known_call((*args, *kwargs.values()), lesson, given, self.forwards == BY_NUMBER)
        if known is None or isa is not _isa[0] or settings != function_settings():
            self.tries -= 1
            return result
        known.names, known.isa, known.settings = names, isa, settings
        self.tries = 100
        self.keep(known, given.set * FNN_WAYS)
        return result

    cdef int keep(self, Known known, int first) except -1:
        cdef int k = first
        cdef void *old
        with critical_section(self):
            while k < first + FNN_WAYS and self.known[k] != NULL:
                k += 1
            if k == first + FNN_WAYS:
                if not FNN_REPLACES:
                    return 0
                k = first + self.late // FNN_PATIENCE % FNN_WAYS
            Py_INCREF(known)
            old = self.known[k]
            fnn_publish(&self.known[k], <void *>known)
            if old != NULL:
                Py_DECREF(<object>old)
        return 0


cdef tuple told_apart(tuple args):
    """`args`, but another view of an array that stands there twice, as it may be another array in the next call."""
    cdef Py_ssize_t k, i
    for k in range(1, len(args)):
        for i in range(k):
            if args[i] is args[k] and type(args[k]) is ndarray:
                return told_apart((*args[:k], args[k].view(), *args[k + 1:]))
    return args


cdef Known known_call(tuple items, Lesson lesson, fnn_given *given, bint by_number):
    """What `lesson` says of a call with `items`; None where the plan was not given their arrays in their order, or it
    cannot be told which are which."""
    cdef Known known = Known()
    cdef list mine = [], others = []  # arrays and numbers with their places; constants
    cdef Py_ssize_t arrays = 0, at = 0
    for x in items:
        if type(x) is ndarray:
            mine.append((x, arrays))
            arrays += 1
        elif (type(x) is list or type(x) is tuple) and x and type(x[0]) is ndarray:
            for item in x:
                mine.append((item, arrays))
                arrays += 1
        else:
            if type(x) is float or type(x) is int:
                mine.append((x, -1 - len(others)))
            others.append(kept_constant(x))
    is_data = [False] * len(others)
    if arrays != given.n_arrays or len(others) != given.n_others or arrays > FNN_GIVEN:
        return None
    theirs = []
    for x in lesson.args:
        if type(x) is ndarray:
            theirs.append(x)
        elif lesson.numbers != AS_CONSTANTS:
            theirs.append(x)
        elif (type(x) is list or type(x) is tuple) and x and type(x[0]) is ndarray:
            theirs += x
    if len({id(x) for x, _ in mine}) < len(mine) and len(theirs) > 1:
        return None
    if len(theirs) > FNN_GIVEN:
        return None
    known.count = len(theirs)
    for k, x in enumerate(theirs):
        while at < len(mine) and mine[at][0] is not x:
            if type(mine[at][0]) is ndarray:
                return None
            at += 1
        if at == len(mine):
            return None
        known.places[k] = mine[at][1]
        if mine[at][1] < 0:
            is_data[-1 - mine[at][1]] = True
        at += 1
    for x, _ in mine[at:]:
        if type(x) is ndarray:
            return None
    for k in range(len(others)):
        if is_data[k] and not by_number:
            others[k] = DATA
        elif others[k] is DATA:
            return None
    known.plan, known.others = lesson.plan, others
    known.n_bytes = given.n_words * sizeof(Py_ssize_t)
    known.words = PyBytes_FromStringAndSize(<char *>given.words, known.n_bytes)
    return known


cdef PyObject *call_function(PyObject *function, PyObject **args, size_t flagged, PyObject *names) except NULL:
    """A call of a `_Function` (PEP 590): the arguments by position, then those with `names`."""
    cdef fnn_given given
    cdef Py_ssize_t n = fnn_positional(flagged), k
    cdef Py_ssize_t total = n + (len(<tuple>names) if names != NULL else 0)
    self = <_Function>function
    cdef bint may_be_known = not fnn_has_watchers()
    cdef PyObject *counts
    if self.counts and may_be_known:
        counts = fnn_count_few(self.counts, args, n, names, _numpy)
        if counts != NULL:
            if fnn_get_lesson() != NULL:
                (<Lesson>fnn_get_lesson()).count += 2
            return counts
    may_be_known = may_be_known and self.forwards
    may_be_known = may_be_known and fnn_note_arguments(&given, args, total, _numpy)
    if may_be_known:
        # A run may let go of the GIL, and another thread change a list.
        if given.has_lists:
            held = [list(<object>args[k]) for k in range(total) if type(<object>args[k]) is list]
        result = self.give_known(&given, names)
        if result is not None:
            if fnn_get_lesson() != NULL:
                (<Lesson>fnn_get_lesson()).count += 2  # nothing that another function may learn
            Py_INCREF(result)
            return <PyObject *>result
    cdef tuple given_args = PyTuple_New(n)
    for k in range(n):
        set_item(given_args, k, <object>args[k])
    cdef dict kwargs = {}
    for k in range(n, total):
        kwargs[(<tuple>names)[k - n]] = <object>args[k]
    if may_be_known and self.may_learn(&given):
        result = self.learn(given_args, kwargs, &given, <tuple>names if names != NULL else None)
    else:
        result = self.call(given_args, kwargs)
    Py_INCREF(result)
    return <PyObject *>result


cdef _Function _sample = _Function(None, call_key, None)
Function = fnn_vectorcall_type(_Function, <char *>&_sample.vectorcall - <char *><void *>_sample)
