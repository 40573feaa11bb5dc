/* pack.h: operands of tile.h that cannot be read in place, copied to whole vectors; for the type of types_f32.h or
 * types_f64.h. */
#include "transpose.h"

/* The panel's columns of rows [0, k) of B as whole vectors, zeroes after the valid ones. */
COMMON
static __attribute__((noinline)) void OWN(pack_panel)(T *out, const T *b, int64_t b_row, int64_t b_col, int64_t k,
                                                      tile_panel panel) {
  const int64_t width = panel.vectors * N;
  b += panel.begin * b_col;
  if (b_row == 1) {
    OWN(pack_transposed)(out, width, b, b_col, k, panel.cols);
  } else if (b_col == 1) {
    for (int64_t i = 0; i < k; i++, b += b_row, out += width) {
      int64_t j = 0;
      for (; j + N <= panel.cols; j += N) FN(store)(out + j, FN(load)(b + j));
      if (j < width) FN(store)(out + j, FN(load_part)(b + j, panel.cols - j));
    }
  } else {
    for (int64_t i = 0; i < k; i++)
      for (int64_t j = 0; j < width; j++) out[i * width + j] = j < panel.cols ? b[i * b_row + j * b_col] : 0;
  }
}
