/* pool2d.c: max and average pooling of NHWC images and their gradients, vectorised over channels.
 *
 * ints:  [0] n [1] h [2] w [3] c   [4] oh [5] ow   [6] kh [7] kw   [8] sh [9] sw   [10] top [11] left
 *        [12] offset in ints of the epilogue's program, 0 for none
 * The window of result (oy, ox) holds rows oy*sh - top .. + kh and columns ox*sw - left .. + kw, cut to the image: what
 * padding adds is never a maximum and does not count in an average. A window that lies outside has no element; the
 * planner makes none (oh, ow >= 1 and padding smaller than the window).
 * Buffers are contiguous and aligned to the element, and outputs overlap no input (but see program.h for the
 * epilogue's operands). The epilogue runs over rows and columns (pixels of the output, c) of each finished tile.
 * Units are bands of rows of fixed size; every element of an output belongs to one unit and is summed in an order that
 * does not depend on it, so that threads do not change the bits. */
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

/* Whether no windows overlap. */
FNN_INLINE int is_disjoint(const pool *p) { return p->sh >= p->kh && p->sw >= p->kw; }

/* A window along one axis, cut to the image: [first, last). */
typedef struct {
  int64_t first, last;
} span;

FNN_INLINE span window_span(int64_t at, int64_t stride, int64_t pad, int64_t k, int64_t size) {
  int64_t first = at * stride - pad;
  return (span){fnn_max(0, first), fnn_min(size, first + k)};
}

/* A cell is what lies between the beginning of a window and that of the next. Along one axis, the cells that lie in the
 * image as a whole and are reached by all windows that could: [first, last). */
FNN_INLINE span whole_cells(int64_t size, int64_t out, int64_t k, int64_t stride, int64_t pad) {
  return (span){fnn_max((k - 1) / stride, fnn_ceil_div(pad, stride)), fnn_min(out, (size + pad) / stride)};
}

/* Forward: a unit is `rows` rows of the n * oh rows of results, fewer where those of one image can be shared: half of
 * them lies in another core's cache where the convolution before was shared. */
FNN_INLINE int64_t forward_rows(const pool *p) {
  enum { LEAST = 8 }; /* units, where there are as many rows */
  return fnn_max(1, fnn_min(UNIT / fnn_max(1, p->ow * p->c), fnn_ceil_div(p->n * p->oh, LEAST)));
}

/* Forward: the windows of a row that lie in the image as a whole. */
FNN_INLINE span whole_windows(const pool *p) {
  const int64_t room = p->w + p->left - p->kw;
  return (span){fnn_ceil_div(p->left, p->sw), room < 0 ? 0 : fnn_min(p->ow, room / p->sw + 1)};
}

/* Elements of `pixels` of a row, if there was a window at each pixel of x. */
FNN_INLINE int64_t run_length(const pool *p, int64_t pixels) { return ((pixels - 1) * p->sw + 1) * p->c; }

/* Whether those are done as if there was: their channels are a run, of which whole vectors are made, and with a stride
 * some are picked. That pays where pixels are small parts of a vector. */
FNN_INLINE int is_run(const pool *p, int64_t element_bytes) {
  const span whole = whole_windows(p);
  return (p->sw == 1 || 2 * p->sw * p->c * element_bytes <= FNN_VECTOR_BYTES) && whole.first < whole.last &&
         run_length(p, whole.last - whole.first) * element_bytes >= FNN_VECTOR_BYTES;
}

/* Of a row that some are picked from, and what pick_pixels may read after it. */
FNN_INLINE int64_t run_elements(const pool *p) { return p->ow * p->sw * p->c + FNN_VECTOR_BYTES; }

/* `pixels` of `bytes` (half a vector at most), every `step`-th of `from`, to `to`, of which `room` bytes are theirs or
 * not written yet. */
FNN_INLINE void pick_pixels(char *to, const void *from, int64_t pixels, int64_t bytes, int64_t step, int64_t room) {
  enum { HALF = FNN_VECTOR_BYTES / 2 };
  const char *next = from;
  for (; pixels > 0 && room >= HALF; pixels--, to += bytes, next += step * bytes, room -= bytes)
    memcpy(to, next, HALF);
  for (; pixels > 0; pixels--, to += bytes, next += step * bytes)
    for (int64_t k = 0; k < bytes; k++) to[k] = next[k];
}

/* Forward: how many windows of a row come before what no other has read of the next ones is asked for; 0 where a last
 * cache may hold x, where most was read before, and where the hardware follows the few lines of a mean alone. Not of
 * float64, which is seldom pooled: its functions would be 50 KB. */
FNN_INLINE int64_t windows_ahead(const pool *p, int64_t element_bytes, int is_mean) {
  enum { ASKED_BYTES = 16 << 20, AHEAD_BYTES = 1 << 12, THIN_BYTES = 512 };
  const int64_t window = p->kh * p->kw, new = p->sh * p->sw, pixel = p->c * element_bytes;
  if (element_bytes > 4 || p->n * p->h * p->w * pixel <= ASKED_BYTES || window > 4 * new) return 0;
  if (is_mean && window <= 4 && pixel <= THIN_BYTES) return 0;
  return fnn_ceil_div(AHEAD_BYTES, new * pixel);
}

/* Asks for that of `windows` from window `first` on, of the row whose first is at `x` if there is no padding: to L2, as
 * who reads what is there would wait for an L1 that waits for many lines of memory. */
static __attribute__((noinline)) void ask_windows(const pool *p, const char *x, int64_t first, int64_t windows,
                                                  int64_t element_bytes) {
  enum { LINE = 64 };
  const int64_t pixel = p->c * element_bytes, rows = fnn_min(p->sh, p->kh), bytes = windows * p->sw * pixel;
  x += (first * p->sw - p->left + fnn_max(0, p->kw - p->sw)) * pixel + (p->kh - rows) * p->w * pixel;
  for (int64_t row = 0; row < rows; row++, x += p->w * pixel)
    for (int64_t i = 0; i < bytes; i += LINE) __builtin_prefetch(x + i, 0, 2);
}

/* Gradients: a unit is a band of rows of one image, or several whole images. */
typedef struct {
  int64_t images, rows, bands;
} band_split;

FNN_INLINE band_split mean_bands(const pool *p) {
  enum { LEAST = 16 }; /* rows of windows of a band where they overlap: those on its border are divided twice */
  int64_t row = fnn_max(1, p->w * p->c), image = fnn_max(1, p->h * row);
  if (image <= UNIT) return (band_split){fnn_max(1, UNIT / image), fnn_max(1, p->h), 1};
  int64_t least = p->kh > p->sh ? LEAST * p->sh : 1;
  int64_t rows = fnn_min(p->h, fnn_round_up(fnn_max(least, UNIT / row), p->sh));
  return (band_split){1, rows, fnn_ceil_div(p->h, rows)};
}

/* Of a row: as many as hold its elements, some of which may begin where no window does. */
FNN_INLINE int64_t mean_cells(const pool *p) { return fnn_ceil_div(p->w + p->left, p->sw); }

/* Whether average_pool2d_grad sums rows of dy before it makes those of dx of them: where that has whole vectors to work
 * on, which the channels of a pixel are not, or saves more than it costs. */
FNN_INLINE int is_summed(const pool *p, int64_t element_bytes) {
  return !is_disjoint(p) && (p->sw == 1 || p->c < FNN_VECTOR_BYTES / element_bytes);
}

/* Of an element of `places`. */
FNN_INLINE int place_bytes(const pool *p) { return p->kh * p->kw <= 256 ? 1 : 4; }

/* Whether max_pool2d_grad adds each dy to where its maximum is, rather than look from vectors of dx at all windows that
 * they lie in, which has code for windows apart and for some small ones. In the time of a dy that is added, by
 * measurement: an element that is cleared before; a look, how many such it takes where no other window is asked, one
 * for a part of a vector; a pixel at an edge, and each of its vectors. */
FNN_INLINE int is_scattered(const pool *p, int64_t element_bytes) {
  const double CLEARED = 0.22, LOOK = FNN_VECTOR_BYTES == 64 ? 1.17 : 0.78, APART = 3.5, PART = 2.5;
  const double EDGE = 13, EDGE_VECTOR = 8;
  const int is_square = p->kh == p->kw && p->sh == p->sw, is_apart = is_disjoint(p);
  const int is_unrolled = is_square && p->sh < p->kh && p->kh <= (p->sh == 1 ? 4 : 3);
  if (place_bytes(p) > 1 || !(is_apart || is_unrolled)) return 1;
  const span rows = whole_cells(p->h, p->oh, p->kh, p->sh, p->top);
  const span cols = whole_cells(p->w, p->ow, p->kw, p->sw, p->left);
  const int64_t height = fnn_max(0, rows.last - rows.first), width = fnn_max(0, cols.last - cols.first);
  const int64_t lanes = FNN_VECTOR_BYTES / element_bytes, run = p->sw == 1 ? width * p->c : p->c;
  const int64_t looks = (is_apart ? p->sh * p->sw : p->kh * p->kw) * height * (p->sw == 1 ? 1 : width);
  const double look = is_apart && !(is_square && p->kh == 2) ? APART * LOOK : LOOK;
  const double looked = (double)looks * (look * (double)(run / lanes) + (run % lanes ? fmax(look, PART) : 0));
  const double edges = (double)(p->h * p->w - height * width * p->sh * p->sw);
  return (double)(p->oh * p->ow * p->c) + CLEARED * (double)(p->h * p->w * p->c) <
         looked + edges * (EDGE + EDGE_VECTOR * (double)fnn_ceil_div(p->c, lanes));
}

/* Of max_pool2d_grad: rows are rows of cells. */
FNN_INLINE band_split max_bands(const pool *p, int64_t element_bytes) {
  enum { LEAST_UNITS = 8, LEAST = 16, SHARED_LEAST = 6, MOST = 8 * UNIT }; /* windows on a border are done twice */
  int64_t row = fnn_max(1, p->sh * p->w * p->c), rows = fnn_max(1, fnn_ceil_div(p->h + p->top, p->sh));
  if (p->h * p->w * p->c <= UNIT) return (band_split){fnn_max(1, UNIT / fnn_max(1, p->h * p->w * p->c)), rows, 1};
  int64_t band = fnn_max(1, UNIT / row);
  if (p->kh > p->sh && is_scattered(p, element_bytes)) {
    const int64_t shared = fnn_ceil_div(p->kh, p->sh) - 1; /* rows of windows that reach over a border */
    band = fnn_max(fnn_max(LEAST, SHARED_LEAST * shared),
                   fnn_min(MOST / row, fnn_ceil_div(p->n * rows, LEAST_UNITS)));
    band = fnn_ceil_div(rows, fnn_ceil_div(rows, band)); /* equal ones */
  }
  return (band_split){1, fnn_min(rows, band), fnn_ceil_div(rows, band)};
}

typedef uint8_t byte_vector __attribute__((vector_size(FNN_VECTOR_BYTES)));

/* n < `lanes` bytes of `from` and zeroes after them, at `to`. */
FNN_INLINE const uint8_t *first_bytes(uint8_t *to, const uint8_t *from, int n, const int lanes) {
  uint64_t all;
  if (lanes > 8) { /* becomes a masked load */
#pragma GCC unroll 1
    for (int lane = 0; lane < lanes; lane++) to[lane] = (uint8_t)lane < (uint8_t)n ? from[lane] : 0;
    return to;
  }
  if (n >= 4) {
    uint32_t first, last;
    memcpy(&first, from, 4);
    memcpy(&last, from + n - 4, 4);
    all = first | (uint64_t)last << 8 * (n - 4);
  } else {
    all = from[0] | (uint64_t)from[n / 2] << 8 * (n / 2) | (uint64_t)from[n - 1] << 8 * (n - 1);
  }
  memcpy(to, &all, 8);
  return to;
}

/* What one window gives to dx. `skip` rows of the window lie above the band and `rows` of it are there. */
typedef struct {
  int64_t all, skip, rows, cols, line, pixel;
} window_part;

enum pool_pass { FORWARD, OF_MAX, OF_MEAN }; /* of OF_...: the gradient */

static void pool_size(const int64_t *ints, fnn_work *work, enum pool_pass pass, int64_t element_bytes) {
  pool p = read_pool(ints);
  band_split split = pass == OF_MAX ? max_bands(&p, element_bytes) : mean_bands(&p);
  double image = (double)p.n * (double)p.h * (double)p.w * (double)p.c;
  double result = (double)p.n * (double)p.oh * (double)p.ow * (double)p.c;
  work->phases = 1;
  work->units[0] = image == 0 ? 0 : pass == FORWARD ? fnn_ceil_div(p.n * p.oh, forward_rows(&p))
                                                    : fnn_ceil_div(p.n, split.images) * split.bands;
  work->scratch_bytes = ints[12] ? fnn_program_scratch(ints + ints[12], element_bytes) : 0;
  if (pass == FORWARD && p.sw > 1 && is_run(&p, element_bytes)) /* and places of four bytes at most */
    work->scratch_bytes = fnn_max(work->scratch_bytes, run_elements(&p) * (element_bytes + 4));
  if (pass == OF_MEAN && is_summed(&p, element_bytes)) { /* for a row of sums */
    const int64_t sums = (p.kw - 1) / p.sw + fnn_max(p.ow, mean_cells(&p));
    work->scratch_bytes = fnn_max(work->scratch_bytes, sums * p.c * element_bytes);
  }
  work->flops = result * (double)(p.kh * p.kw);
  work->bytes = (image + result) * (double)element_bytes;
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
