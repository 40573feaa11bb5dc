/* quantization.c: the floats for which numbers of four bits stand, and floats as float8 keeps them. */
#include "fnn.h"

enum { UNIT = 8192 /* elements of a unit: 32 KiB of float32 */ };

/* ---- dequantize_int4: y[r, c] = (q[r, c] - zero) * scale, with those of a group ----
 * ints: [0] rows   [1] cols   [2] groups   [3] which axis of q has two neighbours in a byte (the first of them in the
 *       low half)   [4] along which axis the groups lie
 * buffers: [0] bytes, (ceil(rows / 2), cols) or (rows, ceil(cols / 2))   [1] scale and [2] zero (float32): (groups,
 *        cols) where groups lie along the rows, else (rows, groups)   [3] group (int32): of each row, or each column
 *        [4] y (rows, cols), float32; overlaps none of the others.
 * A group outside [0, groups) sets the status, and what belongs to it of y is undefined. */

static int64_t unit_rows(const int64_t *ints) { return fnn_max(1, UNIT / fnn_max(1, ints[1])); }

static void dequantize_int4_size(const int64_t *ints, fnn_work *work) {
  double elements = (double)ints[0] * (double)ints[1];
  work->phases = 1;
  work->units[0] = fnn_ceil_div(ints[0], unit_rows(ints));
  work->flops = 2.0 * elements;
  work->bytes = 4.5 * elements;
}

FNN_INLINE float low_half(int8_t byte) { return (float)((int8_t)((uint8_t)byte << 4) >> 4); }
FNN_INLINE float high_half(int8_t byte) { return (float)(byte >> 4); }

/* The numbers of one row. */
static void unpack_row(float *restrict y, const int8_t *restrict bytes, int64_t row, int64_t cols, int64_t packed) {
  if (packed == 0) {
    const int8_t *b = bytes + row / 2 * cols;
    if (row % 2)
      for (int64_t c = 0; c < cols; c++) y[c] = high_half(b[c]);
    else
      for (int64_t c = 0; c < cols; c++) y[c] = low_half(b[c]);
    return;
  }
  const int8_t *b = bytes + row * fnn_ceil_div(cols, 2);
  for (int64_t c = 0; c < cols / 2; c++) {
    y[2 * c] = low_half(b[c]);
    y[2 * c + 1] = high_half(b[c]);
  }
  if (cols % 2) y[cols - 1] = low_half(b[cols / 2]);
}

static int is_group(const fnn_call *call, int64_t group, int64_t groups) {
  if (group >= 0 && group < groups) return 1;
  __atomic_store_n(call->status, FNN_INDEX_OUT_OF_RANGE, __ATOMIC_RELAXED);
  return 0;
}

static void dequantize_int4(const fnn_call *call, int64_t begin, int64_t end) {
  int64_t rows = call->ints[0], cols = call->ints[1], groups = call->ints[2], packed = call->ints[3];
  const float *scales = (const float *)call->buf[1], *zeros = (const float *)call->buf[2];
  const int32_t *group = (const int32_t *)call->buf[3];
  int64_t step = unit_rows(call->ints);
  for (int64_t row = begin * step; row < fnn_min(rows, end * step); row++) {
    float *restrict y = (float *)call->buf[4] + row * cols;
    unpack_row(y, (const int8_t *)call->buf[0], row, cols, packed);
    if (call->ints[4] == 0) {
      if (!is_group(call, group[row], groups)) continue;
      const float *scale = scales + group[row] * cols, *zero = zeros + group[row] * cols;
      for (int64_t c = 0; c < cols; c++) y[c] = (y[c] - zero[c]) * scale[c];
    } else {
      const float *scale = scales + row * groups, *zero = zeros + row * groups;
      for (int64_t c = 0; c < cols; c++)
        if (is_group(call, group[c], groups)) y[c] = (y[c] - zero[group[c]]) * scale[group[c]];
    }
  }
}

/* ---- through_float8: y = round(clip(x / scale)) * scale, to the nearest of the numbers of a float8, ties to even ----
 * ints:  [0] n   [1] bits of the mantissa   [2] exponent of the least normal number
 * reals: [0] the largest number
 * buffers: x (n), scale (1), y (n), float32; y may be x. A NaN stays. */

static void through_float8_size(const int64_t *ints, fnn_work *work) {
  work->phases = 1;
  work->units[0] = fnn_ceil_div(ints[0], UNIT);
  work->flops = 5.0 * (double)ints[0];
  work->bytes = 8.0 * (double)ints[0];
}

static void through_float8(const fnn_call *call, int64_t begin, int64_t end) {
  const float *x = (const float *)call->buf[0];
  float *y = (float *)call->buf[2], scale = *(const float *)call->buf[1], largest = (float)call->reals[0];
  uint32_t least = (uint32_t)(call->ints[2] + 127) << 23, up = (uint32_t)(23 - call->ints[1]) << 23;
  for (int64_t i = begin * UNIT; i < fnn_min(call->ints[0], end * UNIT); i++) {
    float v = x[i] / scale;
    v = v > largest ? largest : v < -largest ? -largest : v;
    uint32_t bits, exponent;
    memcpy(&bits, &v, 4);
    exponent = bits & 0x7f800000u;
    exponent = exponent < least ? least : exponent;
    /* Where 1.5 * 2^(exponent + 23 - mantissa) is added, the last bit of a float is the last that float8 has. */
    bits = (exponent + up) | 0x00400000u;
    float magic;
    memcpy(&magic, &bits, 4);
    float rounded = (v + magic) - magic;
    y[i] = (v != v ? v : rounded) * scale;
  }
}

static const fnn_entry entries[] = {
  {"dequantize_int4", dequantize_int4, dequantize_int4_size},
  {"through_float8", through_float8, through_float8_size},
  {0}};
const fnn_table FNN_TABLE(quantization) = {entries, 0, 0};
