/* window.h: how convolutions are cut into units, and which taps reach which results of the input gradient. */
#ifndef FNN_WINDOW_H
#define FNN_WINDOW_H

#include "fnn.h"

/* What a unit covers of a stack of n images of `rows` rows: whole images, or a band of rows of one. */
typedef struct {
  int64_t images, rows;        /* of a unit */
  int64_t image_units, bands;  /* units along the stack, bands of an image */
} conv_bands;

enum {
  CONV_PIXELS = 512,          /* of a unit at most: enough tiles for a panel of weights to be worth loading */
  CONV_FEW_PIXELS = 64,       /* at least, unless there are no more */
  CONV_UNITS = 32,            /* wanted, for threads to share evenly */
  CONV_WINDOW_BYTES = 1 << 18, /* what a unit may copy to scratch: with the weights it stays in L2 */
  CONV_UNCACHED_BYTES = 32 << 20 /* what no last cache holds */
};

/* Whether results that nobody here reads go past the caches: where none holds so many bytes nobody finds them there,
 * and an ordinary store fetches the line that it overwrites. */
FNN_INLINE int conv_streams(const void *results, int64_t pixel_bytes, int64_t bytes) {
  return FNN_VECTOR_BYTES == 64 && bytes > CONV_UNCACHED_BYTES && pixel_bytes % FNN_VECTOR_BYTES == 0 &&
         (uintptr_t)results % FNN_VECTOR_BYTES == 0;
}

/* Of `pixels`, but of a row at least. `row_bytes` is what a row of a unit's window takes in scratch. Bands are
 * multiples of row_step. */
FNN_INLINE conv_bands conv_bands_by(int64_t n, int64_t rows, int64_t cols, int64_t row_bytes, int64_t row_step,
                                    int64_t pixels) {
  conv_bands b = {.images = 1, .rows = rows};
  if (!n || !rows || !cols) return b;
  int64_t unit_rows = fnn_max(1, fnn_min(fnn_ceil_div(pixels, cols), CONV_WINDOW_BYTES / fnn_max(1, row_bytes)));
  if (unit_rows >= rows) {
    b.images = fnn_min(n, fnn_max(1, unit_rows / rows));
  } else {
    b.bands = fnn_ceil_div(rows, fnn_round_up(unit_rows, row_step));
    b.rows = fnn_round_up(fnn_ceil_div(rows, b.bands), row_step); /* bands as equal as they can be */
  }
  b.image_units = fnn_ceil_div(n, b.images);
  b.bands = fnn_ceil_div(rows, b.rows);
  return b;
}

/* Of at most `most` pixels, and of less where there would not be enough units. */
FNN_INLINE conv_bands conv_bands_of(int64_t n, int64_t rows, int64_t cols, int64_t row_bytes, int64_t row_step,
                                    int64_t most) {
  const int64_t pixels = fnn_max(CONV_FEW_PIXELS, fnn_min(most, n * rows * cols / CONV_UNITS));
  return conv_bands_by(n, rows, cols, row_bytes, row_step, pixels);
}

FNN_INLINE int64_t floor_div(int64_t a, int64_t b) { return b == 1 ? a : a / b - (a % b < 0); } /* most are by 1 */

/* Along one axis: tap i of result p takes element at + p * step + i * tap_step of `size`, where there is one. */
typedef struct {
  int64_t taps, at, step, tap_step, size;
} conv_axis;

typedef struct {
  int64_t begin, end;
} conv_range;

FNN_INLINE int conv_same(conv_range a, conv_range b) { return a.begin == b.begin && a.end == b.end; }

/* Which taps, along both axes, reach results before `end`, from where the ones before end. */
typedef struct {
  int64_t end;
  conv_range y, x;
} conv_reach;

FNN_INLINE conv_range conv_union(conv_range a, conv_range b) {
  return (conv_range){fnn_min(a.begin, b.begin), fnn_max(a.end, b.end)};
}

/* The taps of result p whose element exists. */
FNN_INLINE conv_range conv_taps_of(const conv_axis *axis, int64_t p) {
  const int64_t at = axis->at + p * axis->step;
  const int64_t begin = fnn_max(0, -floor_div(at, axis->tap_step));
  return (conv_range){begin, fnn_min(axis->taps, floor_div(axis->size - 1 - at, axis->tap_step) + 1)};
}

/* The first result after p that has other taps than p: both ends of their range only fall as p grows. */
FNN_INLINE int64_t conv_taps_change(const conv_axis *axis, int64_t p) {
  const conv_range taps = conv_taps_of(axis, p);
  const int64_t end_falls = floor_div(axis->size - 1 - (taps.end - 1) * axis->tap_step - axis->at, axis->step) + 1;
  if (taps.begin == 0) return end_falls;
  return fnn_min(end_falls, -floor_div(axis->at - (1 - taps.begin) * axis->tap_step, axis->step));
}

/* How many sides with the same taps `results` have at most. */
FNN_INLINE int64_t conv_sides(const conv_axis *axis, int64_t results) {
  const int64_t end = axis->at + (results - 1) * axis->step + (axis->taps - 1) * axis->tap_step + 1;
  const int64_t before = fnn_ceil_div(fnn_max(0, -axis->at), axis->step);
  return fnn_min(results, 1 + before + fnn_ceil_div(fnn_max(0, end - axis->size), axis->step));
}

/* From the first to the last of `results` that a tap of [first, last] reaches: both fall as taps grow. */
FNN_INLINE conv_range conv_results_of(const conv_axis *axis, int64_t first, int64_t last, int64_t results) {
  const int64_t begin = -floor_div(axis->at + last * axis->tap_step, axis->step);
  const int64_t end = floor_div(axis->size - 1 - axis->at - first * axis->tap_step, axis->step) + 1;
  return (conv_range){fnn_max(0, begin), fnn_min(results, end)};
}

/* Pairs of a tap and a result along an axis of which the tap is inside. */
FNN_INLINE int64_t conv_pairs(const conv_axis *axis, int64_t results) {
  int64_t pairs = 0;
  for (int64_t k = 0; k < axis->taps; k++) {
    const conv_range range = conv_results_of(axis, k, k, results);
    pairs += fnn_max(0, range.end - range.begin);
  }
  return pairs;
}

/* dx[y] takes dy[oy] through tap k where y + pad - k * dilation = oy * stride. The elements y = residue + stride * j of
 * one residue have the same taps, at oy = shift(k) + j: each residue is a convolution of stride 1 over dy. */

/* Along one axis: the shift of tap k for results of this residue; 0 if the tap does not reach them. */
FNN_INLINE int conv_shift(int64_t residue, int64_t pad, int64_t k, int64_t dilation, int64_t stride, int64_t *shift) {
  const int64_t at = residue + pad - k * dilation;
  if (stride == 1) { /* without a division */
    *shift = at;
    return 1;
  }
  *shift = floor_div(at, stride);
  return *shift * stride == at;
}

/* The least and the greatest shift of the taps that reach results of this residue; whether there is one. */
FNN_INLINE int conv_shifts_of(int64_t residue, int64_t pad, int64_t taps, int64_t dilation, int64_t stride,
                              int64_t *low, int64_t *high) {
  int64_t shift;
  int found = 0;
  *low = *high = 0;
  for (int64_t k = 0; k < taps; k++) {
    if (!conv_shift(residue, pad, k, dilation, stride, &shift)) continue;
    *low = found ? fnn_min(*low, shift) : shift;
    *high = found ? fnn_max(*high, shift) : shift;
    found = 1;
  }
  return found;
}

/* The same over all residues that have results. */
FNN_INLINE void conv_shifts(int64_t size, int64_t pad, int64_t taps, int64_t dilation, int64_t stride, int64_t *low,
                            int64_t *high) {
  int64_t least, most;
  int found = 0;
  *low = *high = 0;
  for (int64_t residue = 0; residue < fnn_min(stride, size); residue++) {
    if (!conv_shifts_of(residue, pad, taps, dilation, stride, &least, &most)) continue;
    *low = found ? fnn_min(*low, least) : least;
    *high = found ? fnn_max(*high, most) : most;
    found = 1;
  }
}

#endif
