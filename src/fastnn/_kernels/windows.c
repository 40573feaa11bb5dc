/* windows.c: the sum of overlapping windows along one axis, the transpose of cutting the axis into windows (which is
 * a strided copy, in layout.c).
 *
 * windows_sum  buffers 0 y (outer, out, inner, taps * c), 1 x (outer, size, inner, c), written whole, not over y
 *   x[o, z, i, :] = sum over the taps t, ascending, of y[o, j, i, t * c : (t + 1) * c]
 *                   with j * stride - before + t * dilation = z and 0 <= j < out; 0 where there is none
 *   ints  [0] outer [1] size [2] inner [3] c [4] out [5] taps [6] stride [7] dilation [8] before
 * A unit is one x[o, z]: inner * c elements, each summed in one chain. */
#include "fnn.h"

typedef struct {
  int64_t outer, size, inner, c, out, taps, stride, dilation, before;
} windows;

static windows windows_of(const int64_t *ints) {
  windows w;
  memcpy(&w, ints, sizeof w); /* the fields are in the order of the ints */
  FNN_REQUIRE(w.taps > 0 && w.stride > 0 && w.dilation > 0);
  return w;
}

static void windows_size(const int64_t *ints, fnn_work *work, int64_t element_bytes) {
  const windows w = windows_of(ints);
  const double result = (double)w.outer * (double)w.size * (double)(w.inner * w.c);
  const double read = (double)w.outer * (double)w.out * (double)(w.inner * w.c * w.taps);
  work->phases = 1;
  work->units[0] = w.inner * w.c > 0 ? w.outer * w.size : 0;
  work->flops = read;
  work->bytes = (result + read) * (double)element_bytes;
}

#include "types_f32.h"
#include "windows_body.h"
#include "types_f64.h"
#include "windows_body.h"
#include "types_none.h"

static const fnn_entry entries[] = {{"windows_sum_f32", windows_sum_f32, windows_sum_size_f32},
                                    {"windows_sum_f64", windows_sum_f64, windows_sum_size_f64},
                                    {0}};
const fnn_table FNN_TABLE(windows) = {entries, 0, 0};
