/* depthwise.c: depthwise convolution and its gradients, vectorised over channels.
 *
 * Layouts, all contiguous: x (n, h, w, c), kernel (kh, kw, c, mult), y (n, oh, ow, c * mult).
 *   y[i, oy, ox, c * mult + m] = sum over ky, kx of
 *     x[i, oy * stride_h - pad_top + ky * dilation_h, ox * stride_w - pad_left + kx * dilation_w, c] *
 *     kernel[ky, kx, c, m]
 * Outside x there are zeros; the padding at the bottom and the right is whatever oh and ow need.
 *
 * depthwise_conv2d             buffers 0 x, 1 kernel, 2 y, then its bias and the program's over (n * oh * ow, c * mult)
 * depthwise_conv2d_grad_input  buffers 0 dy, 1 kernel, 2 dx, then the program's over (n * h * w, c)
 * depthwise_conv2d_grad_kernel buffers 0 x, 1 dy, 2 dkernel
 *   ints   enum depthwise_ints, the same for all three
 *   reals  the program's
 * Any element alignment; outputs must not overlap inputs; every element of an output is written.
 *
 * The loops run over pixels as they lie, a vector of channels along a row or a part of one before the next, rectangle
 * by rectangle of results that the same taps reach, so that nothing is padded. With channels of some half a vector at
 * most and no stride along a row, rows are copied to scratch with their padding, and pixels that fill whole vectors are
 * done at once. Other pixels thinner than a vector are read as one, with what lies behind them; with mult > 1 they are
 * copied to "wide" ones: c * mult channels, each of x repeated mult times, filled to a whole vector, as are those of dy
 * with a stride. Where groups of pixels reach past a row's end, grad_kernel multiplies zeros of
 * dy by what is in x there, tiles at an edge zeros of either by the other: a number that is not finite may reach taps
 * that do not meet it.
 * Order of summation: ky, kx ascending (grad_input: descending, and then over m); grad_kernel adds fixed blocks of the
 * batch, each from the first pixel to the last of its rectangles. */
#include "program.h"
#include "vector.h"
#include "window.h"

enum depthwise_ints {
  DW_N,
  DW_H,
  DW_W,
  DW_C,
  DW_OH,
  DW_OW,
  DW_MULT,
  DW_KH,
  DW_KW,
  DW_STRIDE_H,
  DW_STRIDE_W,
  DW_DILATION_H,
  DW_DILATION_W,
  DW_PAD_TOP,
  DW_PAD_LEFT,
  DW_BIAS,     /* depthwise_conv2d: the buffer of a row (c * mult) that is added to each pixel of y, or 0 */
  DW_EPILOGUE, /* where in ints the program begins; 0: none */
  DW_INTS
};

typedef struct {
  int64_t n, h, w, c, oh, ow, mult, kh, kw, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left;
  int64_t channels, taps; /* c * mult, kh * kw */
} depthwise_shape;

static depthwise_shape depthwise_shape_of(const int64_t *ints) {
  depthwise_shape s;
  memcpy(&s, ints, 15 * sizeof(int64_t)); /* the fields are in the order of enum depthwise_ints */
  FNN_REQUIRE(s.kh > 0 && s.kw > 0 && s.stride_h > 0 && s.stride_w > 0 && s.dilation_h > 0 && s.dilation_w > 0);
  FNN_REQUIRE(s.n >= 0 && s.h > 0 && s.w > 0 && s.oh > 0 && s.ow > 0 && s.mult > 0);
  s.channels = s.c * s.mult;
  s.taps = s.kh * s.kw;
  return s;
}

enum {
  DW_TAPS = 3,                /* along an axis: the weights of 3 by 3 stay in registers */
  DW_KEPT = 32,               /* results of a row that may wait for the rest of it */
  DW_ROW_BYTES = 1 << 13,     /* longer rows are done in parts: no first cache holds the six that are read or written */
  DW_PART = 4,                /* results of a row for all channels before the next ones, */
  DW_THIN_BYTES = 256,        /* of pixels of so many bytes; of thinner ones as many as DW_ROW_BYTES hold */
  DW_FAT_BYTES = 2048,        /* of pixels so large, twice as many: their kernel is read for each part, from L2 */
  DW_TILED_TAPS = 5,          /* along both axes at most, where results with a stride are done by tiles: */
  DW_SHARED_BYTES = 512,      /* of pixels of a multiple of so many bytes, which share few sets of the first cache, */
  DW_SHARED_PIXELS = 8,       /* grad_kernel, by bands that ask: of a row of these, all rows before the next, */
  DW_NEAR_LINES = 448,        /* of others: pixels of x and dy of which the first cache keeps a line */
  DW_TILED_BYTES = 768,       /* or of pixels of so many bytes; */
  DW_WALKED_BYTES = 1024,     /* without a stride of those, where x and y have more than DW_ASKED_BYTES */
  DW_RUN_BYTES = 704,         /* grad_kernel: of a row of tiles whose sums wait in registers, a pixel of each */
  DW_MOST_TAPS = 7,           /* along a row, where its code is written out */
  DW_PIXELS = 8,              /* with more taps, results of a row in registers, as many as two multipliers wait for */
  DW_UNITS = 32,              /* wanted, for threads to share evenly */
  DW_BAND_BYTES = 1 << 15,    /* of the results of a unit: still in L1 or near it when its program runs */
  DW_KERNEL_PIXELS = 1024,    /* grad_kernel: of a band */
  DW_KERNEL_UNITS = 16,       /* grad_kernel: wanted */
  DW_FAR_BYTES = 4 << 20,     /* grad_kernel: of x and dy together, which no second cache holds */
  DW_ASKED_BYTES = 16 << 20,  /* of x and y together, which are not all in a last cache that others use too */
  DW_GROUP_BYTES = 256,       /* grad_kernel: of a pixel, for a unit: some lines in a row */
  DW_FAR_GROUP_BYTES = 1024,  /* the same of what is far; larger pixels go by bands that ask for the next, */
  DW_FAR_BAND_BYTES = 1 << 19, /* of so much of x and dy: both stay in L2, */
  DW_FAR_ROWS = 4,            /* and of so many rows at least: each band reads kh - 1 rows of x again */
#if defined(FNN_ISA_AVX512) || defined(__aarch64__)
  DW_BY_TWO = 1 /* rows, of more than DW_TAPS taps, or of grad_kernel: 9 sums, 6 of dy and one of x are all registers */
#else
  DW_BY_TWO = 0 /* that others have, where a sum in memory is a chain through it */
#endif
};

static int64_t depthwise_bytes(const depthwise_shape *s, int64_t element) { /* of x and y */
  return s->n * (s->h * s->w + s->oh * s->ow) * s->channels * element;
}

/* Pixels of a part of a long row. Hardware that fetches pairs of lines, or every other one, brings thin pixels as a
 * whole, so that their parts need only stay in the first cache until the last channels' turn; each costs cycles. */
static int64_t depthwise_pixels_of_part(int64_t pixel_bytes) {
  return pixel_bytes < DW_THIN_BYTES ? DW_ROW_BYTES / pixel_bytes : DW_PART;
}

#include "types_f32.h"
#include "depthwise_body.h"
#include "depthwise_grad_body.h"
#include "types_f64.h"
#include "depthwise_body.h"
#include "depthwise_grad_body.h"
#include "types_none.h"

static const fnn_entry entries[] = {
  {"depthwise_conv2d_f32", depthwise_conv2d_f32, depthwise_conv2d_size_f32},
  {"depthwise_conv2d_f64", depthwise_conv2d_f64, depthwise_conv2d_size_f64},
  {"depthwise_conv2d_grad_input_f32", depthwise_conv2d_grad_input_f32, depthwise_conv2d_grad_input_size_f32},
  {"depthwise_conv2d_grad_input_f64", depthwise_conv2d_grad_input_f64, depthwise_conv2d_grad_input_size_f64},
  {"depthwise_conv2d_grad_kernel_f32", depthwise_conv2d_grad_kernel_f32, depthwise_conv2d_grad_kernel_size_f32},
  {"depthwise_conv2d_grad_kernel_f64", depthwise_conv2d_grad_kernel_f64, depthwise_conv2d_grad_kernel_size_f64},
  {0}};
const fnn_table FNN_TABLE(depthwise) = {entries, 0, 0};
