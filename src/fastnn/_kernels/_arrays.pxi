# A part of _engine.pyx: memory of arenas, NumPy's arrays as they lie in memory, and new ones, in C.

cdef extern from *:
    """
    #include <limits.h>
    #include <math.h>
    #include <stdint.h>
    #include <stdlib.h>
    #include <string.h>
    /* Where in a page arenas begin, and the large arrays in them, which lie pages apart. In the middle of a pair of
     * lines: images of 32 and 64 channels that begin there are up to a tenth faster on Zen 4 than at the beginning of
     * one. And far from where NumPy's large arrays do, which is 16: a load waits for the stores before it that have 12
     * bits of their addresses in common with it, so a result a little further in a page than its operand is late. */
    enum { FNN_PAGE = 4096, FNN_IN_PAGE = FNN_PAGE / 2 + FNN_ALIGN };

    /* Zeroes that begin there. Large ones are the system's own, so that the threads that first use them wait for their
     * pages side by side. NULL if there is no memory. */
    static char *fnn_zeroes(size_t bytes) {
      char *p = calloc(bytes + FNN_PAGE, 1);
      if (!p) return NULL;
      char *begin = p + FNN_PAGE - ((size_t)p + FNN_PAGE - FNN_IN_PAGE) % FNN_PAGE;
      ((char **)begin)[-1] = p;
      return begin;
    }
    static void fnn_free_zeroes(char *begin) {
      if (begin) free(((char **)begin)[-1]);
    }
    """
    enum: FNN_IN_PAGE
    char *fnn_zeroes(size_t)
    void fnn_free_zeroes(char *)

cdef extern from *:
    """
    /* What NumPy's binary interface says of arrays and their dtypes, the same in all its versions from 1.26 on. To ask
     * for it by attributes or a buffer takes longer than a small kernel. */
    typedef struct {
      PyObject_HEAD
      char *data;
      int nd;
      Py_ssize_t *dimensions, *strides;
      PyObject *base, *dtype;
      int flags;
    } fnn_array;
    typedef struct {
      PyObject_HEAD
      PyTypeObject *type;
      char kind, letter, byteorder, unused;
      int number;
    } fnn_array_dtype;
    #define FNN_ARRAY(x) ((fnn_array *)(x))
    #define FNN_ARRAY_DTYPE(x) ((fnn_array_dtype *)((fnn_array *)(x))->dtype)
    /* One that kernels read: contiguous, in the machine's order of bytes. */
    static int fnn_is_readable(PyObject *x) {
      const char order = FNN_ARRAY_DTYPE(x)->byteorder;
      return (FNN_ARRAY(x)->flags & 1) && (order == '=' || order == '|');
    }
    /* The same of the transpose of a matrix. */
    static int fnn_is_turned_matrix(PyObject *x) {
      const char order = FNN_ARRAY_DTYPE(x)->byteorder;
      return (FNN_ARRAY(x)->flags & 2) && (order == '=' || order == '|');
    }
    #define FNN_STORE_INT(type, least, largest)               \
      do {                                                    \
        if (!PyLong_CheckExact(x)) return 0;                  \
        if (value < (least) || value > (largest)) return 0;   \
        *(type *)to = (type)value;                            \
        return 1;                                             \
      } while (0)
    /* Stores Python's number `x` as one of dtype `number`. Whether it did: not where a float would become an integer,
     * or one is out of range, as NumPy knows what to say then. */
    static int fnn_store_number(PyObject *x, int number, void *to) {
      enum { INT8 = 1, UINT8, INT16, UINT16, INT32, UINT32, LONG, ULONG, LONGLONG, ULONGLONG, FLOAT, DOUBLE };
      const int is_float = PyFloat_CheckExact(x);
      int overflows = 0;
      const long long value = is_float ? 0 : PyLong_AsLongLongAndOverflow(x, &overflows);
      const double real = is_float ? PyFloat_AsDouble(x) : (double)value;
      if (overflows) return 0;
      switch (number) {
        case FLOAT:
          *(float *)to = (float)real;
          return isfinite(*(float *)to) || !isfinite(real);
        case DOUBLE: *(double *)to = real; return 1;
        case INT8: FNN_STORE_INT(int8_t, INT8_MIN, INT8_MAX);
        case UINT8: FNN_STORE_INT(uint8_t, 0, UINT8_MAX);
        case INT16: FNN_STORE_INT(int16_t, INT16_MIN, INT16_MAX);
        case UINT16: FNN_STORE_INT(uint16_t, 0, UINT16_MAX);
        case INT32: FNN_STORE_INT(int32_t, INT32_MIN, INT32_MAX);
        case UINT32: FNN_STORE_INT(uint32_t, 0, UINT32_MAX);
        case LONG: FNN_STORE_INT(long, LONG_MIN, LONG_MAX);
        case ULONG: FNN_STORE_INT(unsigned long, 0, LONG_MAX);
        case LONGLONG: FNN_STORE_INT(long long, LLONG_MIN, LLONG_MAX);
        case ULONGLONG: FNN_STORE_INT(unsigned long long, 0, LLONG_MAX);
        default: return 0;
      }
    }
    static PyObject *fnn_new_array(void **numpy, int nd, const Py_ssize_t *shape, PyObject *dtype) {
      Py_INCREF(dtype); /* which PyArray_Empty keeps */
      return ((PyObject * (*)(int, const Py_ssize_t *, PyObject *, int)) numpy[184])(nd, shape, dtype, 0);
    }
    /* Memory of large results that are gone, the latest last, for the next results of as many bytes: malloc gives it
     * back to the system, and to get it again page by page takes longer than to fill it. Only with the GIL. */
    enum { FNN_ROOMS = 16, FNN_ROOM_BYTES = 1 << 26 }; /* all of them together */
    static PyObject *fnn_rooms[FNN_ROOMS];             /* NumPy's arrays of bytes */
    static int fnn_n_rooms;
    static Py_ssize_t fnn_room_bytes(PyObject *room) { return *FNN_ARRAY(room)->dimensions; }
    static PyObject *fnn_take_room(int k) {
      PyObject *room = fnn_rooms[k];
      memmove(fnn_rooms + k, fnn_rooms + k + 1, (--fnn_n_rooms - k) * sizeof room);
      return room;
    }
    static PyObject *fnn_room_of(Py_ssize_t bytes) {
      for (int k = fnn_n_rooms - 1; k >= 0; k--)
        if (fnn_room_bytes(fnn_rooms[k]) == bytes) return fnn_take_room(k);
      return NULL;
    }
    /* Gives back the oldest, until at most `count` of at most so many bytes are left. */
    static void fnn_forget_rooms(int count, Py_ssize_t bytes) {
      int n = 0;
      while (n < fnn_n_rooms && n < count && (bytes -= fnn_room_bytes(fnn_rooms[fnn_n_rooms - 1 - n])) >= 0) n++;
      while (fnn_n_rooms > n) Py_DECREF(fnn_take_room(0));
    }
    /* The destructor of a large result's base. */
    static void fnn_keep_room(PyObject *capsule) {
      PyObject *room = (PyObject *)PyCapsule_GetPointer(capsule, NULL);
      if (fnn_room_bytes(room) > FNN_ROOM_BYTES) {
        Py_DECREF(room);
        return;
      }
      fnn_forget_rooms(FNN_ROOMS - 1, FNN_ROOM_BYTES - fnn_room_bytes(room));
      fnn_rooms[fnn_n_rooms++] = room;
    }
    /* One of so many bytes, in the middle of pages as `plan/memory.py` has large ones. */
    static PyObject *fnn_new_large_array(void **numpy, int nd, const Py_ssize_t *shape, PyObject *dtype, size_t bytes) {
      enum { UBYTE = 2, CARRAY = 0x501 };
      typedef PyObject *make(PyTypeObject *, PyObject *, int, const Py_ssize_t *, const Py_ssize_t *, void *, int,
                             PyObject *);
      const Py_ssize_t room_bytes = (Py_ssize_t)bytes + FNN_PAGE;
      PyObject *room = fnn_room_of(room_bytes);
      if (!room) {
        PyObject *byte = ((PyObject * (*)(int)) numpy[45])(UBYTE); /* PyArray_DescrFromType */
        if (!byte) return NULL;
        room = fnn_new_array(numpy, 1, &room_bytes, byte);
        Py_DECREF(byte);
        if (!room) return NULL;
      }
      PyObject *base = PyCapsule_New(room, NULL, fnn_keep_room);
      if (!base) {
        Py_DECREF(room);
        return NULL;
      }
      char *data = FNN_ARRAY(room)->data;
      data += (FNN_IN_PAGE + FNN_PAGE - (size_t)data % FNN_PAGE) % FNN_PAGE;
      Py_INCREF(dtype);
      PyObject *array = ((make *)numpy[94])((PyTypeObject *)numpy[2], dtype, nd, shape, NULL, data, CARRAY, NULL);
      if (!array) {
        Py_DECREF(base);
        return NULL;
      }
      if (((int (*)(PyObject *, PyObject *)) numpy[282])(array, base) < 0) { /* PyArray_SetBaseObject keeps base */
        Py_DECREF(array);
        return NULL;
      }
      return array;
    }
    """
    ctypedef struct fnn_array:
        char *data
        int nd
        Py_ssize_t *dimensions
        PyObject *base
        PyObject *dtype
        int flags
    ctypedef struct fnn_array_dtype:
        char kind, byteorder
        int number
    fnn_array *FNN_ARRAY(object)
    fnn_array_dtype *FNN_ARRAY_DTYPE(object)
    bint fnn_is_readable(object)
    bint fnn_is_turned_matrix(object)
    bint fnn_store_number(object, int, void *)
    void fnn_forget_rooms(int, Py_ssize_t)
    object fnn_new_array(void **, int, const Py_ssize_t *, object)
    object fnn_new_large_array(void **, int, const Py_ssize_t *, object, size_t)
