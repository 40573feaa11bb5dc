# A part of _engine.pyx: counts of few elements, whose calls would take longer than the counting by any plan.

cdef extern from *:
    """
    enum { FNN_COUNTS_NUMBERS = 1, FNN_COUNTS_NONZERO }; /* `bincount`, `count_nonzero` */
    enum { FNN_FEW = 512, FNN_FEW_SUMS = 256 };          /* elements that are counted here; numbers whose sums are */

    static PyObject *fnn_new_counts(void **numpy, int nd, Py_ssize_t length) {
      enum { INT = 5 };
      PyObject *dtype = ((PyObject * (*)(int)) numpy[45])(INT); /* PyArray_DescrFromType */
      if (!dtype) return NULL;
      PyObject *counts = fnn_new_array(numpy, nd, &length, dtype);
      Py_DECREF(dtype);
      return counts;
    }

    /* One more than the largest of n numbers; 0 where one is negative, or none is small. */
    static int64_t fnn_range_of_few(const void *x, int is_wide, Py_ssize_t n) {
      uint64_t largest = 0;
      for (Py_ssize_t k = 0; k < n; k++) {
        const uint64_t number = is_wide ? (uint64_t)((const int64_t *)x)[k] : (uint64_t)((const int32_t *)x)[k];
        largest = number > largest ? number : largest;
      }
      return largest < FNN_FEW ? (int64_t)largest + 1 : 0;
    }

    #define FNN_NUMBER(k) (is_wide ? ((const int64_t *)x)[k] : ((const int32_t *)x)[k])
    static PyObject *fnn_count_numbers(PyObject *array, PyObject *weights, void **numpy) {
      enum { INT = 5, LONG = 7, FLOAT = 11, DOUBLE };
      const int number = FNN_ARRAY_DTYPE(array)->number, is_wide = number == LONG && sizeof(long) == 8;
      if (FNN_ARRAY(array)->nd != 1 || !fnn_is_readable(array) || (number != INT && number != LONG)) return NULL;
      const Py_ssize_t n = FNN_ARRAY(array)->dimensions[0];
      const void *x = FNN_ARRAY(array)->data;
      const int64_t length = n && n <= FNN_FEW ? fnn_range_of_few(x, is_wide, n) : 0;
      if (!length) return NULL;
      if (!weights) {
        PyObject *result = fnn_new_counts(numpy, 1, length);
        if (!result) return NULL;
        int32_t *counts = (int32_t *)FNN_ARRAY(result)->data;
        memset(counts, 0, (size_t)length * sizeof *counts);
        for (Py_ssize_t k = 0; k < n; k++) counts[FNN_NUMBER(k)]++;
        return result;
      }
      if (Py_TYPE(weights) != (PyTypeObject *)numpy[2] || !fnn_is_readable(weights)) return NULL;
      const int kind = FNN_ARRAY_DTYPE(weights)->number;
      if (FNN_ARRAY(weights)->nd != 1 || FNN_ARRAY(weights)->dimensions[0] != n) return NULL;
      if ((kind != FLOAT && kind != DOUBLE) || length > FNN_FEW_SUMS) return NULL;
      PyObject *result = fnn_new_array(numpy, 1, (const Py_ssize_t[]){length}, FNN_ARRAY(weights)->dtype);
      if (!result) return NULL;
      double sums[FNN_FEW_SUMS]; /* in float64, as NumPy sums */
      memset(sums, 0, (size_t)length * sizeof *sums);
      const void *w = FNN_ARRAY(weights)->data;
      void *y = FNN_ARRAY(result)->data;
      if (kind == FLOAT) {
        for (Py_ssize_t k = 0; k < n; k++) sums[FNN_NUMBER(k)] += ((const float *)w)[k];
        for (int64_t k = 0; k < length; k++) ((float *)y)[k] = (float)sums[k];
      } else {
        for (Py_ssize_t k = 0; k < n; k++) sums[FNN_NUMBER(k)] += ((const double *)w)[k];
        memcpy(y, sums, (size_t)length * sizeof *sums);
      }
      return result;
    }
    #undef FNN_NUMBER

    /* Denormal numbers are 0, as in plans: their bits are below those of the least normal one. */
    static PyObject *fnn_count_nonzero(PyObject *array, void **numpy) {
      enum { BOOL = 0, FLOAT = 11, DOUBLE };
      const int number = FNN_ARRAY_DTYPE(array)->number;
      Py_ssize_t n = 1;
      int32_t count = 0;
      if (!fnn_is_readable(array)) return NULL;
      for (int k = 0; k < FNN_ARRAY(array)->nd; k++) n *= FNN_ARRAY(array)->dimensions[k];
      if (n > FNN_FEW) return NULL;
      const void *x = FNN_ARRAY(array)->data;
      switch (number) {
        case FLOAT:
          for (Py_ssize_t k = 0; k < n; k++) count += (((const uint32_t *)x)[k] & INT32_MAX) >= (uint32_t)1 << 23;
          break;
        case DOUBLE:
          for (Py_ssize_t k = 0; k < n; k++) count += (((const uint64_t *)x)[k] & INT64_MAX) >= (uint64_t)1 << 52;
          break;
        case BOOL:
          for (Py_ssize_t k = 0; k < n; k++) count += ((const uint8_t *)x)[k] != 0;
          break;
        default: return NULL;
      }
      PyObject *result = fnn_new_counts(numpy, 0, 0);
      if (result) memcpy(FNN_ARRAY(result)->data, &count, sizeof count);
      return result;
    }

    /* What a call gives that counts few elements; NULL for any other. */
    static PyObject *fnn_count_few(int what, PyObject *const *args, Py_ssize_t n, PyObject *names, void **numpy) {
      const Py_ssize_t named = names ? PyTuple_Size(names) : 0;
      PyObject *result = NULL;
      if (n + named < 1 || n + named > 2 || n < 1 || Py_TYPE(args[0]) != (PyTypeObject *)numpy[2]) return NULL;
      if (what == FNN_COUNTS_NONZERO) {
        if (n + named == 1) result = fnn_count_nonzero(args[0], numpy);
      } else if (!named || !PyUnicode_CompareWithASCIIString(PyTuple_GetItem(names, 0), "weights")) {
        result = fnn_count_numbers(args[0], n + named == 2 ? args[1] : NULL, numpy);
      }
      if (!result) PyErr_Clear();
      return result;
    }
    """
    PyObject *fnn_count_few(int, PyObject **, Py_ssize_t, PyObject *, void **)
