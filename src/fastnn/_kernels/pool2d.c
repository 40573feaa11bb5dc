/* pool2d.c: max and average pooling of NHWC images and their gradients, vectorised over channels.
 *
 * ints:  [0] n [1] h [2] w [3] c   [4] oh [5] ow   [6] kh [7] kw   [8] sh [9] sw   [10] top [11] left
 *        [12] offset in ints of the epilogue's program, 0 for none
 * The window of result (oy, ox) holds rows oy*sh - top .. + kh and columns ox*sw - left .. + kw, cut to the image: what
 * padding adds is never a maximum and does not count in an average. A window that lies outside has no element; the
 * planner makes none (oh, ow >= 1 and padding smaller than the window).
 * Buffers are contiguous and aligned to the element, and outputs overlap no input (but see program.h for the
 * epilogue's operands). The epilogue runs over rows and columns (pixels of the output, c) of each finished tile.
 * Units are bands of rows of fixed size; every element of an output belongs to one unit and is summed in the order of
 * the windows, so that threads do not change the bits. */
#include "vmath.h"

#include "program.h"

enum { UNIT = 8192 /* elements of a tile: with its input it stays in L2, and a program's decoding costs little */ };

typedef struct {
  int64_t n, h, w, c, oh, ow, kh, kw, sh, sw, top, left;
} pool;

FNN_INLINE pool read_pool(const int64_t *ints) {
  return (pool){ints[0], ints[1], ints[2], ints[3], ints[4], ints[5], ints[6], ints[7], ints[8], ints[9], ints[10],
                ints[11]};
}

/* A window along one axis, cut to the image: [first, last). */
typedef struct {
  int64_t first, last;
} span;

FNN_INLINE span window_span(int64_t at, int64_t stride, int64_t pad, int64_t k, int64_t size) {
  int64_t first = at * stride - pad;
  return (span){fnn_max(0, first), fnn_min(size, first + k)};
}

/* Which windows along one axis lie in the image as a whole: [first, last), none if last <= first. */
FNN_INLINE span whole_windows(int64_t size, int64_t out, int64_t k, int64_t stride, int64_t pad) {
  int64_t last = size + pad < k ? 0 : (size + pad - k) / stride + 1;
  return (span){fnn_ceil_div(pad, stride), fnn_min(out, last)};
}

/* Forward: a unit is `rows` rows of the n * oh rows of results. */
FNN_INLINE int64_t forward_rows(const pool *p) { return fnn_max(1, UNIT / fnn_max(1, p->ow * p->c)); }

enum {
  BAND_STEPS = 16, /* rows of windows of a band at least, where they overlap: those on its border are searched twice */
  RUN = 256,       /* elements of a row of x that are done for all channels before the next */
  AHEAD = 16       /* how many results before its use dy is asked for */
};

/* Gradient: a unit is a band of rows of one image, or several whole images. */
typedef struct {
  int64_t images, rows, bands;
} band_split;

FNN_INLINE band_split gradient_bands(const pool *p) {
  int64_t row = fnn_max(1, p->w * p->c), image = fnn_max(1, p->h * row);
  if (image <= UNIT) return (band_split){fnn_max(1, UNIT / image), fnn_max(1, p->h), 1};
  int64_t least = p->kh > p->sh ? BAND_STEPS * p->sh : 1;
  int64_t rows = fnn_min(p->h, fnn_round_up(fnn_max(least, UNIT / row), p->sh));
  return (band_split){1, rows, fnn_ceil_div(p->h, rows)};
}

/* Whether no windows overlap. */
FNN_INLINE int is_disjoint(const pool *p) { return p->sh >= p->kh && p->sw >= p->kw; }

/* What one window gives to dx. `skip` rows of the window lie above the band and `rows` of it are there;
 * the first maximum is looked for in all `all` rows. */
typedef struct {
  int64_t all, skip, rows, cols, line, pixel;
} window_part;

static void pool_size(const int64_t *ints, fnn_work *work, int is_gradient, double inputs, int64_t element_bytes) {
  pool p = read_pool(ints);
  band_split split = gradient_bands(&p);
  double image = (double)p.n * (double)p.h * (double)p.w * (double)p.c;
  double result = (double)p.n * (double)p.oh * (double)p.ow * (double)p.c;
  work->phases = 1;
  work->units[0] = image == 0 ? 0 : is_gradient ? fnn_ceil_div(p.n, split.images) * split.bands
                                              : fnn_ceil_div(p.n * p.oh, forward_rows(&p));
  work->scratch_bytes = ints[12] ? fnn_program_scratch(ints + ints[12], element_bytes) : 0;
  work->flops = result * (double)(p.kh * p.kw);
  work->bytes = (inputs * image + result) * (double)element_bytes;
}

#include "types_f32.h"
#include "pool2d_body.h"
#include "types_f64.h"
#include "pool2d_body.h"

static const fnn_entry entries[] = {
#define BOTH(name) {#name "_f32", name##_f32, name##_size_f32}, {#name "_f64", name##_f64, name##_size_f64},
  BOTH(max_pool2d) BOTH(max_pool2d_grad) BOTH(average_pool2d) BOTH(average_pool2d_grad)
#undef BOTH
  {0}};
const fnn_table FNN_TABLE(pool2d) = {entries, 0, 0};
