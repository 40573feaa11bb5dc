/* conv2d_body.h: windows, the walk over pixels, and the forward convolution, for float32 and for float64. */

/* A rectangle of rows and columns of a stack of images: `at` is its first element, steps are in elements; `vector` is
 * the one from N channels to the next. */
typedef struct {
  const T *at;
  int64_t image, row, pixel, vector;
} OWN(conv_window);

/* How a window is read: in place (then it must lie inside), or copied, with zeros outside the images. If by a number
 * from 2 to N, so many channels of all its pixels before the next ones, each pixel's in a vector, whose other lanes are
 * of no use. */
enum { OWN(CONV_IN_PLACE), OWN(CONV_COPIES) };

/* Rows [y, y+rows) and columns [x, x+cols) of `images` images (h, w, c), in place or copied to `space`. */
static OWN(conv_window) OWN(conv_window_of)(const T *images_at, int64_t images, int64_t h, int64_t w, int64_t c,
                                            int64_t y, int64_t rows, int64_t x, int64_t cols, int copies, T *space) {
  if (!copies) return (OWN(conv_window)){images_at + (y * w + x) * c, h * w * c, w * c, c, N};
  const int64_t left = fnn_min(cols, fnn_max(0, -x)), begin = fnn_min(w, fnn_max(0, x));
  const int64_t inside = fnn_max(0, fnn_min(w, x + cols) - begin), right = cols - left - inside;
  const int64_t vector = images * rows * cols * N, all = images * h * w * c;
  T *out = space;
  for (int64_t i = 0; i < images; i++) {
    for (int64_t row = y; row < y + rows && copies > OWN(CONV_COPIES); row++, out += cols * N) {
      const int64_t first = row < 0 || row >= h ? cols : left, end = row < 0 || row >= h ? cols : left + inside;
      T *to = out;
      for (int64_t k = 0; k < c; k += copies, to += vector) {
        int64_t at = ((i * h + row) * w + begin) * c + k;
        memset(to, 0, sizeof(T) * (size_t)(first * N));
        for (int64_t p = first; p < end; p++, at += c)
          FN(store)(to + p * N, at + N <= all ? FN(load)(images_at + at) : FN(load_part)(images_at + at, all - at));
        memset(to + end * N, 0, sizeof(T) * (size_t)((cols - end) * N));
      }
    }
    for (int64_t row = y; row < y + rows && copies == OWN(CONV_COPIES); row++, out += cols * c) {
      if (row < 0 || row >= h || inside == 0) {
        memset(out, 0, sizeof(T) * (size_t)(cols * c));
        continue;
      }
      memset(out, 0, sizeof(T) * (size_t)(left * c));
      memcpy(out + left * c, images_at + ((i * h + row) * w + begin) * c, sizeof(T) * (size_t)(inside * c));
      memset(out + (left + inside) * c, 0, sizeof(T) * (size_t)(right * c));
    }
  }
  if (copies > OWN(CONV_COPIES)) return (OWN(conv_window)){space, rows * cols * N, cols * N, N, vector};
  return (OWN(conv_window)){space, rows * cols * c, cols * c, c, N};
}

/* What result rows [row, row + rows) of an image read of `planes` planes of a volume from `plane` on. */
static OWN(conv_window) OWN(conv_window_of_x)(const fnn_call *call, const conv_shape *s, int64_t volume, int64_t plane,
                                              int64_t planes, int64_t row, int64_t rows, int64_t cols, int copies,
                                              T *space) {
  const int64_t y = row * s->stride_h - s->pad_top, reach = (rows - 1) * s->stride_h + (s->kh - 1) * s->dilation_h + 1;
  const int64_t first = copies ? fnn_min(s->depth, fnn_max(0, plane)) : plane;
  const int64_t inside = fnn_max(0, fnn_min(s->depth, plane + planes) - first), size = reach * cols * s->cin;
  const int64_t before = copies && inside < planes ? fnn_min(planes, fnn_max(0, -plane)) : 0;
  const T *x = (const T *)call->buf[0] + (volume * s->depth + first) * s->h * s->w * s->cin;
  OWN(conv_window) window = OWN(conv_window_of)(x, inside, s->h, s->w, s->cin, y, reach, -s->pad_left, cols, copies,
                                                space + before * size);
  if (!copies || inside == planes) return window;
  memset(space, 0, sizeof(T) * (size_t)(before * size));
  memset(space + (before + inside) * size, 0, sizeof(T) * (size_t)((planes - before - inside) * size));
  window.at = space;
  return window;
}

/* conv_bands_by of the results of volumes; no unit has images of two. */
static conv_bands OWN(conv_bands_of_results)(const conv_shape *s, int64_t row_bytes, int64_t row_step, int64_t pixels) {
  conv_bands b = conv_bands_by(s->od, s->oh, s->ow, row_bytes, row_step, pixels);
  b.image_units *= s->volumes;
  return b;
}

/* The images of a volume, and the rows of these, that are unit `index` of such bands. */
typedef struct {
  int64_t volume, image, images, row, rows;
} OWN(conv_band_at);

static OWN(conv_band_at) OWN(conv_band_of)(const conv_shape *s, const conv_bands *bands, int64_t index) {
  const int64_t unit = index / bands->bands, units = bands->image_units / s->volumes;
  const int64_t image = unit % units * bands->images, row = index % bands->bands * bands->rows;
  return (OWN(conv_band_at)){unit / units, image, fnn_min(bands->images, s->od - image), row,
                             fnn_min(bands->rows, s->oh - row)};
}

/* How many planes `images` images of a volume read. */
static int64_t OWN(conv_planes)(const conv_shape *s, int64_t images) {
  return (images - 1) * s->stride_d + (s->kd - 1) * s->dilation_d + 1;
}

#include "tile_half.h"

/* strip_steps and strip_end, or those of tiles whose last vector is at most half full. */
FNN_INLINE void OWN(conv_steps)(V *acc, const T *const *a, int64_t *at, int64_t a_stride, const T **b,
                                int64_t b_stride, int64_t steps, T **clears, const int is_clearing, const int rows,
                                const int vectors, const int is_half) {
  if (is_half) OWN(half_steps)(acc, a, at, a_stride, b, b_stride, steps, rows, vectors);
  else OWN(strip_steps)(acc, a, at, a_stride, b, b_stride, steps, clears, is_clearing, rows, vectors);
}
FNN_INLINE void OWN(conv_end)(const OWN(tile) * t, const V *acc, T *const *c_rows, const T *bias, int64_t c_column,
                              const int streams, const int rows, const int vectors, const int is_half) {
  if (is_half) OWN(half_end)(t, acc, c_rows, bias, c_column, t->cols - (vectors - 1) * N, rows, vectors);
  else OWN(strip_end)(t, acc, c_rows, bias, c_column, 1, streams, rows, vectors);
}

/* One or two ranges of memory that are read next: tiles ask for them, in order, as they go. */
typedef struct {
  const T *at, *end, *then, *then_end;
  int64_t lines; /* a segment */
} OWN(conv_ahead);

/* n elements from `at` and n_then from `then` on, for so many tiles of so many segments. */
static OWN(conv_ahead) OWN(conv_ahead_of)(const T *at, int64_t n, const T *then, int64_t n_then, int64_t tiles,
                                          int64_t segments) {
  const int64_t lines = (n + n_then) * (int64_t)sizeof(T) / FNN_ALIGN;
  return (OWN(conv_ahead)){at, at + n, then, then + n_then, fnn_ceil_div(lines, fnn_max(1, tiles * segments))};
}

/* How many lines each of the next `segments` asks for, from *at on. */
FNN_INLINE int64_t OWN(conv_ask)(OWN(conv_ahead) * ahead, int64_t segments, const T **at) {
  if (ahead->at >= ahead->end) {
    ahead->at = ahead->then, ahead->end = ahead->then_end;
    ahead->then = ahead->then_end;
  }
  const int64_t lines = ahead->at < ahead->end ? ahead->lines : 0;
  *at = ahead->at;
  ahead->at += lines * segments * (FNN_ALIGN / (int64_t)sizeof(T));
  return lines;
}

/* Result pixels (image, row, column), one tile row each, and what they are contracted with. */
typedef struct {
  const T *a; /* what the first pixel's segments are offset from */
  T *c;       /* the first pixel's result */
  int64_t a_image, a_row, a_col, c_image, c_row, c_col; /* steps of both */
  int64_t images, rows, cols;
  int64_t planes;                   /* which all taps along the depth reach */
  conv_axis y, x;                   /* which taps reach a row, a column: p counts from the first */
  const OWN(tile_segment) * taps;   /* one each, (planes, y.taps, x.taps) */
  OWN(tile_segment) tail;           /* of the last tap, its last k, of a B that is read where it lies; k may be 0 */
  OWN(tile_segment) * segments;     /* space for as many and the tail */
  int64_t k;                        /* of a tap */
  int merges;                       /* taps of a kernel row follow each other in A and in B */
  int in_place;                     /* taps that reach outside read what is not there: tiles end with their pixels' */
  int64_t columns, first_column;    /* of the result and of B: all of a group */
  int64_t depth;                    /* B lies panel after panel, each of so many rows; 1: as a matrix */
  int by_two;                       /* 0, or of B two rows lie in turns, in so many vectors */
  int64_t panel_cols;               /* of such panels, the last of which may be narrower, but for its rows */
  int64_t widest, panel, panels;    /* how the columns are cut, and which panels are done: from one on, how many */
  const T *bias;                    /* of the group, or NULL */
  T floor;
  T *clears, *clears_end; /* NULL, or what is zero but for results, which then lie in the order of memory */
  int streams;     /* results go past the caches */
  int64_t asks;    /* 0, or from a block's pixels to those of the next: results are asked for */
  int64_t fetches; /* 0, or from a pixel to the one of which a tile asks for the first segment */
  OWN(conv_ahead) * ahead; /* or NULL */
} OWN(conv_walk);

enum {
  OWN(CONV_BLOCK) = 4 * TILE_BLOCK, /* pixels whose pointers are made at once */
  OWN(CONV_ASK_STEPS) = 16,         /* steps of k that ask for some lines: more at once would be waited for */
  OWN(CONV_ASK_TILES) = 2,          /* how many tiles further on a tile asks for pixels */
  OWN(CONV_ASK_LEAST) = 48,         /* products of a pixel with vectors: of fewer, asking takes as long as waiting */
  OWN(CONV_ASK_BYTES) = 1 << 23,    /* of pixels and results: a second cache holds less */
  OWN(CONV_ASK_NEAR) = 1 << 20      /* of pixels, as many as a second cache holds */
};

/* Whether tiles of a convolution ask for what comes next: a panel of rows of results is no stream that the hardware
 * sees, and of pixels it sees few lines ahead. */
static int OWN(conv_asks)(const conv_shape *s) {
  return s->taps == 1 && s->stride_h == 1 && s->stride_w == 1 && s->groups == 1 &&
         s->n * s->oh * s->ow * (s->cin + s->cout) * (int64_t)sizeof(T) >= OWN(CONV_ASK_BYTES);
}

/* Whether windows share no pixels, which are far but of which a second cache holds the n of a unit. */
static int OWN(conv_is_apart)(const conv_shape *s, int64_t n) {
  return s->kh > 1 && s->stride_h >= s->kh && s->stride_w >= s->kw && n * (int64_t)sizeof(T) <= OWN(CONV_ASK_NEAR) &&
         s->n * s->oh * s->ow * (s->taps * s->cin + s->cout) * (int64_t)sizeof(T) >= OWN(CONV_ASK_BYTES);
}

/* Pixels in the order in which tiles take them, runs of them that have the same taps, and what is kept from tile to
 * tile: `y` and `x` are the taps of its segments. */
typedef struct {
  OWN(tile) t;
  conv_range y, x;
  int64_t n, n_runs;
  T *clears; /* what is not cleared yet */
  const T *a[OWN(CONV_BLOCK)];
  T *c[OWN(CONV_BLOCK)];
  conv_reach runs[OWN(CONV_BLOCK)];
} OWN(conv_pixels);

/* Taps in these ranges become the tile's segments, unless they are. */
static void OWN(conv_segments)(const OWN(conv_walk) * walk, OWN(conv_pixels) * pixels, conv_range y, conv_range x) {
  if (conv_same(y, pixels->y) && conv_same(x, pixels->x)) return;
  int64_t n = 0;
  for (int64_t plane = 0; plane < walk->planes; plane++) {
    for (int64_t i = y.begin; i < y.end; i++) {
      for (int64_t j = x.begin; j < x.end; j++) {
        const OWN(tile_segment) *tap = walk->taps + (plane * walk->y.taps + i) * walk->x.taps + j;
        if (walk->merges && j > x.begin) walk->segments[n - 1].k += tap->k;
        else walk->segments[n++] = *tap;
      }
    }
  }
  if (walk->tail.k && y.end == walk->y.taps && x.end == walk->x.taps) {
    walk->segments[n - 1].k -= walk->tail.k;
    walk->segments[n++] = walk->tail;
  }
  pixels->y = y, pixels->x = x;
  pixels->t.n_segments = n;
}

/* Clears whole vectors from `at` on, if that is not NULL, until `to`. Returns where the next ones begin. */
FNN_INLINE T *OWN(conv_clear)(T *at, const T *to) {
  for (; at && at < to; at += N) {
    FN(store)(at, (V){0});
    __asm__("" : "+r"(at)); /* no call of memset: its stores would wait for each other, not for the tile beside them */
  }
  return at;
}

/* So many tiles of `rows` pixels each, from the first on, of whole vectors and with the one segment that there is: as
 * tile_run does them, but without what that does for each. Asks for the first `lines` lines of pixels further on. */
FNN_INLINE void OWN(conv_strip)(const OWN(conv_walk) * walk, OWN(conv_pixels) * block, int64_t tiles, int64_t lines,
                                const int rows, const int vectors, const int is_half) {
  const OWN(tile) *t = &block->t;
  const OWN(tile_segment) s = t->segments[0];
  const T *const *pixels = block->a, *bias = t->bias, *weights = s.b + t->column;
  T *const *results = block->c, *clears = block->clears;
  const int64_t c_column = t->c_column, fetches = walk->fetches;
  for (; tiles > 0; tiles--, pixels += rows, results += rows) {
    V acc[TILE_MOST_SUMS];
    const T *a[TILE_MOST_ROWS], *b = weights;
    OWN(strip_begin)(acc, a, pixels, rows, vectors);
    for (int64_t line = 0, e = fetches; line < lines; line++, e += FNN_ALIGN / (int64_t)sizeof(T))
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++) __builtin_prefetch(a[i] + e);
    int64_t at = s.a_offset, steps = 0;
    if (clears) {
      clears = OWN(conv_clear)(clears, results[rows - 1] + walk->columns); /* most are, by tiles before */
      steps = fnn_min(s.k, (walk->clears_end - clears) / N);
      OWN(conv_steps)(acc, a, &at, 1, &b, s.b_stride, steps, &clears, 1, rows, vectors, is_half);
    }
    OWN(conv_steps)(acc, a, &at, 1, &b, s.b_stride, s.k - steps, &clears, 0, rows, vectors, is_half);
    OWN(conv_end)(t, acc, results, bias, c_column, 0, rows, vectors, is_half);
  }
  block->clears = clears;
}

/* The same of a convolution that asks, without clearing: each part of a tile's products asks for a row of results of
 * the next tile, of the next panel's first or of the next block's, and for some of a pixel's first `lines` lines. */
FNN_INLINE void OWN(conv_asking)(const OWN(conv_walk) * walk, OWN(conv_pixels) * block, int64_t tiles, int64_t lines,
                                 const int rows, const int vectors, const int is_half) {
  const OWN(tile) *t = &block->t;
  const OWN(tile_segment) s = t->segments[0];
  const T *const *pixels = block->a, *bias = t->bias, *weights = s.b + t->column;
  T *const *results = block->c, *clears = NULL;
  const int64_t c_column = t->c_column, end = c_column + vectors * N - walk->first_column;
  const int64_t past = walk->first_column + (end < walk->columns ? end : walk->asks), fetches = walk->fetches;
  const int64_t part = s.k / rows, some = fnn_ceil_div(lines, fnn_ceil_div(fnn_max(1, part), OWN(CONV_ASK_STEPS)));
  const int streams = FNN_VECTOR_BYTES == 64 && !is_half && walk->streams;
  for (; tiles > 0; tiles--, pixels += rows, results += rows) {
    V acc[TILE_MOST_SUMS];
    const T *a[TILE_MOST_ROWS], *b = weights;
    OWN(strip_begin)(acc, a, pixels, rows, vectors);
    T *const *next = tiles > 1 ? results + rows : block->c;
    const int64_t next_column = tiles > 1 ? c_column : past;
    int64_t at = s.a_offset;
#pragma GCC unroll 1
    for (int64_t i = 0; i < rows; i++) {
#pragma GCC unroll 8
      for (int j = 0; !streams && j < vectors; j += FNN_ALIGN / FNN_VECTOR_BYTES)
        __builtin_prefetch(next[i] + next_column + j * N, 0, 2);
      const T *ahead = pixels[i] + fetches;
#pragma GCC unroll 1
      for (int64_t left = part, steps; left > 0; left -= steps) {
        for (int64_t l = some; l > 0; l--, ahead += FNN_ALIGN / (int64_t)sizeof(T)) __builtin_prefetch(ahead);
        steps = fnn_min(OWN(CONV_ASK_STEPS), left);
        OWN(conv_steps)(acc, a, &at, 1, &b, s.b_stride, steps, &clears, 0, rows, vectors, is_half);
      }
    }
    OWN(conv_steps)(acc, a, &at, 1, &b, s.b_stride, s.k - part * rows, &clears, 0, rows, vectors, is_half);
    if (streams) OWN(conv_end)(t, acc, results, bias, c_column, 1, rows, vectors, is_half);
    else OWN(conv_end)(t, acc, results, bias, c_column, 0, rows, vectors, is_half);
  }
}

#define CONV_STRIP(name, strip, rows, vectors, is_half)                                                                \
  static __attribute__((noinline)) void OWN(name##_##rows##x##vectors)(                                                \
    const OWN(conv_walk) * walk, OWN(conv_pixels) * block, int64_t tiles, int64_t lines) {                             \
    OWN(strip)(walk, block, tiles, lines, rows, vectors, is_half);                                                     \
  }
#define CONV_STRIPS(rows, vectors)                                                                                     \
  CONV_STRIP(conv_strip, conv_strip, rows, vectors, 0) CONV_STRIP(conv_asking, conv_asking, rows, vectors, 0)
#define CONV_HALVES(rows, vectors)                                                                                     \
  CONV_STRIP(half_strip, conv_strip, rows, vectors, 1) CONV_STRIP(half_asking, conv_asking, rows, vectors, 1)
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
CONV_STRIPS(8, 1) CONV_STRIPS(8, 2) CONV_STRIPS(8, 3) CONV_STRIPS(6, 4)
#define STRIPS(name) {OWN(name##_8x1), OWN(name##_8x2), OWN(name##_8x3), OWN(name##_6x4)}
#else
CONV_STRIPS(6, 1) CONV_STRIPS(6, 2)
#define STRIPS(name) {OWN(name##_6x1), OWN(name##_6x2)}
#endif
#if defined(FNN_ISA_AVX512)
CONV_HALVES(8, 2) CONV_HALVES(8, 3) CONV_HALVES(6, 4)
#define HALVES(name) {NULL, OWN(name##_8x2), OWN(name##_8x3), OWN(name##_6x4)}
#else
#define HALVES(name) {NULL}
#endif
/* By whether they ask, or 2 more for panels that half_fits, then by vectors. */
static void (*const OWN(conv_strips)[4][TILE_VECTORS])(const OWN(conv_walk) *, OWN(conv_pixels) *, int64_t, int64_t) = {
  STRIPS(conv_strip), STRIPS(conv_asking), HALVES(half_strip), HALVES(half_asking)};
#undef HALVES
#undef STRIPS
#undef CONV_HALVES
#undef CONV_STRIPS
#undef CONV_STRIP

/* Panel `index` of columns that are cut as tiles are, or by `panel_cols`, if that is not 0. */
FNN_INLINE tile_panel OWN(conv_panel)(int64_t columns, int64_t widest, int64_t panel_cols, int64_t index) {
  if (!panel_cols) return tile_panel_of(columns, N, widest, index);
  const int64_t begin = index * panel_cols, cols = fnn_min(panel_cols, columns - begin);
  return (tile_panel){begin, cols, (int)fnn_ceil_div(cols, N)};
}

#include "conv2d_lines_body.h"

/* Computes pixels whose pointers there are. A tile has the taps that reach any of its pixels. The last run goes on. */
static void OWN(conv_block)(const OWN(conv_walk) * walk, OWN(conv_pixels) * pixels) {
  const int64_t block = pixels->n;
  const T **a = pixels->a;
  T **c = pixels->c;
  OWN(tile) *t = &pixels->t;
  _Alignas(FNN_ALIGN) T bias[OWN(TILE_COLS)];
  const conv_reach *run = pixels->runs;
  const int is_one = pixels->n_runs == 1;
  pixels->runs[pixels->n_runs - 1].end = block;
  OWN(conv_segments)(walk, pixels, run->y, run->x);
  for (int64_t p = block; p < fnn_round_up(block, TILE_BLOCK); p++) a[p] = a[block - 1], c[p] = c[block - 1];
  for (int64_t k = walk->panel; k < walk->panel + walk->panels; k++, run = pixels->runs) {
    const tile_panel panel = OWN(conv_panel)(walk->columns, walk->widest, walk->panel_cols, k);
    t->cols = panel.cols;
    t->c_column = walk->first_column + panel.begin;
    t->column = t->c_column * walk->depth;
    t->bias = OWN(tile_bias)(walk->bias, panel, bias);
    const int64_t height = tile_rows(panel.vectors);
    const int asks = walk->asks && walk->k * panel.vectors >= OWN(CONV_ASK_LEAST);
    const int is_asked = walk->fetches && k == walk->panel && (asks || !walk->asks);
    const int64_t lines = is_asked ? fnn_ceil_div(walk->k * (int64_t)sizeof(T), FNN_ALIGN) : 0;
    int64_t p = 0;
    const int is_half = OWN(half_fits)(panel);
    const int is_strip = is_half ? t->n_segments == 1 : OWN(tile_fits_strip)(t, panel.vectors);
    if (is_one && !walk->ahead && walk->by_two == 3 && t->n_segments == 1) {
      p = block / height * height;
      OWN(line_asking)(walk, pixels, block / height, lines);
    } else if (is_one && !walk->ahead && !walk->by_two && is_strip) {
      p = block / height * height;
      OWN(conv_strips)[asks + 2 * is_half][panel.vectors - 1](walk, pixels, block / height, lines);
    }
    for (; p < block; p += height) {
      t->rows = fnn_min(height, block - p);
      pixels->clears = OWN(conv_clear)(pixels->clears, c[p + t->rows - 1] + walk->columns);
      t->a = a + p;
      t->c = c + p;
      if (!is_one) {
        while (run->end <= p) run++;
        conv_range y = run->y, x = run->x;
        while (run->end < p + t->rows) run++, y = conv_union(y, run->y), x = conv_union(x, run->x);
        OWN(conv_segments)(walk, pixels, y, x);
      }
      for (int64_t i = p; lines && i < p + t->rows; i++)
        for (int64_t e = 0; e < walk->k; e += FNN_ALIGN / (int64_t)sizeof(T))
          __builtin_prefetch(a[i] + walk->fetches + e);
      if (walk->ahead) t->ahead_lines = OWN(conv_ask)(walk->ahead, t->n_segments, &t->ahead);
      if (walk->by_two) OWN(line_tile_call)(t, walk->by_two);
      else OWN(half_call)(t, panel);
    }
  }
  pixels->runs[0] = pixels->runs[pixels->n_runs - 1];
  pixels->n_runs = 1;
  pixels->n = 0;
}

/* A line of `left` pixels of the last run. */
FNN_INLINE void OWN(conv_line)(const OWN(conv_walk) * walk, OWN(conv_pixels) * pixels, const T *a, T *c, int64_t left) {
  while (left > 0) {
    const int64_t begin = pixels->n, end = fnn_min(OWN(CONV_BLOCK), begin + left);
    for (int64_t p = begin; p < end; p++, a += walk->a_col, c += walk->c_col) pixels->a[p] = a, pixels->c[p] = c;
    pixels->n = end;
    left -= end - begin;
    if (end == OWN(CONV_BLOCK)) OWN(conv_block)(walk, pixels);
  }
}

enum { OWN(CONV_TAP_LEAST) = 64 /* products of a side of results with a tap, below which choosing takes longer */ };

/* The results of an axis from p on that have the same taps: their end. All of them, where `across` of them, side by
 * side, have few products with a tap. */
static int64_t OWN(conv_side)(const OWN(conv_walk) * walk, const conv_axis *axis, int64_t p, int64_t end,
                              int64_t across, conv_range *taps) {
  *taps = (conv_range){0, axis->taps};
  if (across * walk->k < OWN(CONV_TAP_LEAST) && !walk->in_place) return end;
  *taps = conv_taps_of(axis, p);
  return fnn_min(end, conv_taps_change(axis, p));
}

/* By rectangles whose pixels have the same taps; by lines, where these are all taps. */
static __attribute__((noclone)) void OWN(conv_run)(const OWN(conv_walk) * walk) {
  const int is_point = walk->y.taps * walk->x.taps == 1;
  if (is_point && OWN(line_fits)(walk, walk->rows, walk->cols)) return OWN(line_all)(walk);
  OWN(conv_pixels) pixels;
  pixels.t = (OWN(tile)){.a_stride = 1, .segments = walk->segments, .alpha = 1, .floor = walk->floor};
  pixels.y = pixels.x = (conv_range){0, 0};
  pixels.n = 0;
  pixels.clears = walk->clears;
  conv_range y, x;
  for (int64_t row = 0, next_row; row < walk->rows; row = next_row) {
    next_row = OWN(conv_side)(walk, &walk->y, row, walk->rows, walk->images * walk->cols, &y);
    for (int64_t col = 0, next_col; col < walk->cols; col = next_col) {
      next_col = OWN(conv_side)(walk, &walk->x, col, walk->cols, walk->images * walk->rows, &x);
      if (y.end - y.begin == walk->y.taps && x.end - x.begin == walk->x.taps &&
          OWN(line_fits)(walk, next_row - row, next_col - col)) {
        OWN(conv_walk) inside = *walk;
        inside.a += row * walk->a_row + col * walk->a_col, inside.c += row * walk->c_row + col * walk->c_col;
        inside.rows = next_row - row, inside.cols = next_col - col;
        OWN(line_all)(&inside);
        continue;
      }
      if (pixels.n && walk->in_place) OWN(conv_block)(walk, &pixels);
      if (pixels.n) pixels.runs[pixels.n_runs - 1].end = pixels.n;
      else pixels.n_runs = 0;
      pixels.runs[pixels.n_runs++] = (conv_reach){0, y, x};
      for (int64_t image = 0; image < walk->images; image++) {
        const T *a = walk->a + image * walk->a_image + row * walk->a_row + col * walk->a_col;
        T *c = walk->c + image * walk->c_image + row * walk->c_row + col * walk->c_col;
        for (int64_t i = row; i < next_row; i++, a += walk->a_row, c += walk->c_row)
          OWN(conv_line)(walk, &pixels, a, c, next_col - col);
      }
    }
  }
  if (pixels.n) OWN(conv_block)(walk, &pixels);
  OWN(conv_clear)(pixels.clears, walk->clears_end);
}

#include "conv2d_thin_body.h"

#include "conv2d_grouped_body.h"

#include "conv2d_dots_body.h"

/* ---- conv2d ---- */

/* The columns of a panel where the weights lie panel after panel: as many panels as tiles make of the columns, all but
 * the last as wide. Rows of a panel of a matrix are a line here and there, which share few sets of a cache if its rows
 * are a power of two, and begin in the middle of lines if they are no whole vectors. */
static int64_t OWN(conv_panel_cols)(int64_t cols, int64_t widest) {
  return fnn_ceil_div(fnn_ceil_div(cols, N), fnn_max(1, tile_panels_of(cols, N, widest))) * N;
}

/* How a forward convolution is cut. Where groups share vectors, s has one, whose results are those of all. */
typedef struct {
  conv_shape s;
  conv_bands bands;
  int64_t window_cols, window_elements, weight_blocks;
  int64_t panel_cols;             /* of weights that are copied panel by panel; 0: they lie as they are */
  int64_t tail, tail_elements;    /* last rows of weights in place whose whole vectors reach past their end: a copy */
  int64_t widest, panels, parts; /* of columns: few bands are cut by them too; panels of a part */
  int copies, in_place; /* how windows that reach outside are read, or tiles end with what the same taps reach */
  int is_stacked;       /* see conv_stacks */
  int by_two;           /* see conv_walk */
  int merges, is_dots;  /* the taps of a kernel row are one segment */
  OWN(grouped) grouped;
} OWN(conv_cut);

enum {
  OWN(CONV_WEIGHT_BLOCK) = 1 << 14, /* weights that a unit of the first phase copies */
  OWN(CONV_FEW_BANDS) = 4,          /* fewer are cut by columns too, so that threads can share them */
  OWN(CONV_EVEN_BANDS) = 8,         /* an odd number below in place is cut in two: one more than others have shows */
  /* Of weights that are copied panel by panel, and how many results then share them. A row of a broad panel is several
   * lines, so fewer of its rows share a set. */
  OWN(CONV_PANEL_BYTES) = TILE_VECTORS * FNN_VECTOR_BYTES > 2 * FNN_ALIGN ? 1 << 19 : 1 << 16,
  OWN(CONV_PANEL_PIXELS) = 512,
  OWN(CONV_FAR_BYTES) = 1 << 20, /* where rows that share few sets leave each other in no L2 cache: fewer results */
  OWN(CONV_FAR_PIXELS) = 48,
  /* For fewer pixels a copy of weights whose rows are no whole vectors takes longer than reading more lines. */
  OWN(CONV_COPY_PIXELS) = 256,
  /* The same of rows that are no whole vectors: they are copied at all events. A narrow panel's row is one line, which
   * lies across two where it is not copied so. */
  OWN(CONV_ODD_BYTES) = TILE_VECTORS * FNN_VECTOR_BYTES > 2 * FNN_ALIGN ? 1 << 18 : 1 << 15,
  OWN(CONV_FEW_SIDES) = 9,  /* rectangles of an image that the same taps reach */
  OWN(CONV_RECTANGLE) = 6,  /* pixels of a rectangle, of fewer of which a tile is mostly idle */
  OWN(CONV_WASTE) = 4,      /* pixels by which the last tile of one is too large */
  OWN(CONV_NEAR_WEIGHTS) = 1 << 20, /* bytes of weights that stay in L2 */
  OWN(CONV_STACK_BYTES) = 704 << 10, /* of images, in and out, of which tiles take the same pixel each */
  OWN(CONV_STACK_WEIGHTS) = 4 << 20, /* bytes: of more, units that are parts of the columns read less */
  OWN(CONV_STACK_ROWS) = 6 /* whose multiply-adds take as long as those of 4 that read the weights from L2 */
};

/* Whether copies of so many elements take longer than tiles that end with each rectangle of pixels: those do `products`
 * for a pixel of each, and the last tile of a rectangle wastes some of its time. Measured. */
static int OWN(conv_saves_copies)(int64_t elements, int64_t products) {
  return elements * FNN_VECTOR_BYTES > 48 * products;
}

/* Pairs of a result of an image and a tap that reaches inside. */
static int64_t OWN(conv_inside)(const conv_shape *s) {
  const conv_axis y = {s->kh, -s->pad_top, s->stride_h, s->dilation_h, s->h};
  const conv_axis x = {s->kw, -s->pad_left, s->stride_w, s->dilation_w, s->w};
  return conv_pairs(&y, s->oh) * conv_pairs(&x, s->ow);
}

/* The rows of multiply-adds that tiles need for the same pixel of so many images. */
static int64_t OWN(conv_stacked_rows)(int64_t images, int vectors) {
  return images <= 4 && vectors > 1 ? OWN(CONV_STACK_ROWS) : fnn_round_up(images, tile_rows(vectors));
}

/* Cuts units of whole images, of which tiles take the same pixel each, if that takes a twentieth less than the
 * `products` of a pixel and a tap that there are otherwise: all but `inside` of an image meet zeros, and tiles that end
 * with the same taps leave these out. Not where few images share the weights, which each tile reads anew, nor where
 * the units that there are have whole images and do as well. */
static int OWN(conv_stacks)(conv_bands *bands, const conv_shape *s, int64_t rows, int64_t columns, int64_t inside,
                            int64_t products) {
  const int vectors = tile_panel_at(columns, N, 0).vectors;
  const int64_t least = fnn_max(2, fnn_ceil_div(s->n, tile_rows(vectors)));
  const int64_t units = least < OWN(CONV_EVEN_BANDS) ? fnn_round_up(least, 2) : least; /* for two threads */
  const int64_t images = fnn_ceil_div(s->n, units), size = sizeof(T);
  const int64_t image_bytes = (s->h * s->w * s->cin + s->oh * s->ow * s->cout) * size;
  if (bands->bands == 1)
    products = fnn_min(products, bands->image_units * inside * OWN(conv_stacked_rows)(bands->images, vectors));
  if (s->n < 2 || 20 * units * inside * OWN(conv_stacked_rows)(images, vectors) > 19 * products ||
      images * image_bytes > OWN(CONV_STACK_BYTES))
    return 0;
  *bands = (conv_bands){.images = images, .rows = rows, .image_units = fnn_ceil_div(s->n, images), .bands = 1};
  return 1;
}

/* How windows are read: copied, in place, or in tiles as long as the same taps reach them; units of several bands have
 * multiples of `step` rows. */
static void OWN(conv_cut_windows)(OWN(conv_cut) * c, int is_thin, int64_t step, int is_copied, int is_tapped) {
  conv_shape *s = &c->s;
  const int64_t most = is_thin ? OWN(thin_unit_pixels)(s) : CONV_PIXELS;
  const conv_axis y = {s->kh, -s->pad_top, s->stride_h, s->dilation_h, s->h};
  const conv_axis x = {s->kw, -s->pad_left, s->stride_w, s->dilation_w, s->w};
  const int64_t reach_h = (s->kh - 1) * s->dilation_h + 1, reach_w = (s->kw - 1) * s->dilation_w + 1;
  c->copies = s->pad_top > 0 || s->pad_left > 0 || s->pad_front > 0 ||
              OWN(conv_planes)(s, s->od) - s->pad_front > s->depth ||
              (s->oh - 1) * s->stride_h - s->pad_top + reach_h > s->h ||
              (s->ow - 1) * s->stride_w - s->pad_left + reach_w > s->w;
  c->window_cols = (s->ow - 1) * s->stride_w + reach_w;
  c->grouped = OWN(grouped_of)(s);
  if (c->grouped.n) s->groups = 1, s->cout_g = s->cout;
  if (c->grouped.is_ragged) c->copies = (int)c->grouped.in;
  const int64_t pixels = fnn_max(CONV_FEW_PIXELS, fnn_min(most, s->n * s->oh * s->ow / CONV_UNITS));
  const conv_bands bands = OWN(conv_bands_of_results)(s, 0, step, pixels);
  c->bands = bands;
  if (!c->copies) return;
  const int64_t row = c->window_cols * OWN(grouped_window_pixel)(&c->grouped, s->cin);
  c->bands = OWN(conv_bands_of_results)(s, s->kd * row * s->stride_h * (int64_t)sizeof(T), step, pixels);
  c->window_elements = OWN(conv_planes)(s, c->bands.images) * ((c->bands.rows - 1) * s->stride_h + reach_h) * row;
  if (is_copied || c->grouped.n) return;
  const int64_t sides_y = conv_sides(&y, s->oh), sides_x = conv_sides(&x, s->ow);
  const int64_t rectangles = bands.image_units * (sides_y + bands.bands - 1) * sides_x;
  /* Where strides make few rectangles, tiles also save the products with zeros, and copies of large windows make units
   * so short that each reads the weights for few pixels; but each rectangle reads the weights. Measured. */
  const int is_short = c->bands.image_units * c->bands.bands > 2 * bands.image_units * bands.bands;
  const int is_saving = s->stride_h > 1 && s->stride_w > 1 && sides_y * sides_x <= OWN(CONV_FEW_SIDES) &&
                        s->taps * s->cin * s->cout * (int64_t)sizeof(T) <= OWN(CONV_NEAR_WEIGHTS) &&
                        (is_short || rectangles * OWN(CONV_RECTANGLE) <= s->n * s->oh * s->ow);
  const int64_t copied = c->bands.image_units * c->bands.bands * c->window_elements;
  const int64_t products = rectangles * s->taps * s->cin_g * s->cout;
  c->in_place = is_tapped || is_saving || OWN(conv_saves_copies)(copied, products);
  if (c->in_place) c->bands = bands;
  const int64_t weight_bytes = s->taps * s->cin_g * s->cout * (int64_t)sizeof(T);
  if (!s->is_deep && !is_tapped && weight_bytes <= OWN(CONV_STACK_WEIGHTS)) {
    const int64_t inside = OWN(conv_inside)(s), all = s->n * s->oh * s->ow * s->taps;
    const int64_t ending = s->n * inside + OWN(CONV_WASTE) * rectangles * inside / (s->oh * s->ow);
    c->is_stacked = OWN(conv_stacks)(&c->bands, s, s->oh, s->cout_g, inside, c->in_place ? ending : all);
    c->in_place |= c->is_stacked;
  }
  if (c->in_place) c->copies = 0, c->window_elements = 0;
}

static OWN(conv_cut) OWN(conv_cut_of)(conv_shape shape) {
  OWN(conv_cut) c = {.s = shape};
  const conv_shape *s = &c.s;
  const int is_thin = OWN(thin_fits)(s, OWN(THIN_CHANNELS));
  c.is_dots = !is_thin && OWN(dots_fits)(s);
  OWN(conv_cut_windows)(&c, is_thin, is_thin ? OWN(thin_row_step)(s) : 1, is_thin || c.is_dots, 0);
  if (c.grouped.n && c.copies == OWN(CONV_COPIES) && OWN(grouped_is_far)(s->cin, OWN(GROUPED_PAGE))) c.copies = N;
  c.merges = s->dilation_w == 1 && s->groups == 1;
  c.widest = TILE_VECTORS;
  c.panels = tile_panels_of(s->cout_g, N, c.widest);
  const int64_t bands = c.bands.image_units * c.bands.bands, columns = fnn_ceil_div(s->cout, N);
  if (bands > 0 && bands < OWN(CONV_FEW_BANDS) && s->groups == 1 && !c.grouped.n && columns > 1 && !c.is_stacked) {
    c.widest = fnn_min(TILE_VECTORS, columns / 2);
    c.panels = tile_part_panels(s->cout, N, c.widest);
  } else if (bands < OWN(CONV_EVEN_BANDS) && bands % 2 && s->groups == 1 && !c.grouped.n && !c.copies) {
    c.panels = fnn_ceil_div(c.panels, 2);
  }
  c.parts = fnn_max(1, fnn_ceil_div(tile_panels_of(s->cout_g, N, c.widest), fnn_max(1, c.panels)));
  const int64_t rows = s->taps * s->cin_g, row_bytes = s->cout * (int64_t)sizeof(T), pixels = s->n * s->oh * s->ow;
  /* What rows take of a cache of which they share few sets: the greatest power of two that divides a row, each. */
  const int is_far = rows * (row_bytes & -row_bytes) > OWN(CONV_FAR_BYTES);
  const int is_odd = s->cout % N && rows * row_bytes >= OWN(CONV_ODD_BYTES);
  const int is_equal = s->cout % (N * fnn_max(1, tile_panels_of(s->cout, N, c.widest))) == 0;
  const int is_large = (is_equal || TILE_VECTORS == 2) && /* of two vectors both ways cut alike */
                       rows * row_bytes >= OWN(CONV_PANEL_BYTES) && pixels >= OWN(CONV_PANEL_PIXELS);
  const int is_plain = !c.grouped.n && !is_thin && !c.is_dots;
  const int64_t tail = OWN(tile_tail)(s->cout_g, s->cout);
  if (is_plain && pixels < OWN(CONV_COPY_PIXELS) && tail <= s->cin_g && !is_far && !s->is_deep) c.tail = tail;
  else if (c.grouped.n) c.panel_cols = c.grouped.is_ragged || pixels >= OWN(CONV_FAR_PIXELS) ? N : 0;
  else if (is_plain && s->groups > 1 && s->cout_g % N == 0 && pixels >= OWN(CONV_FAR_PIXELS)) {
    const int64_t cols = OWN(conv_panel_cols)(s->cout_g, c.widest);
    if (s->cout_g % cols == 0) c.panel_cols = cols;
  } else if ((((is_far || is_odd) && pixels >= OWN(CONV_FAR_PIXELS)) || is_large) && s->groups == 1 && is_plain)
    c.panel_cols = OWN(conv_panel_cols)(s->cout, c.widest);
  if (c.tail) c.tail_elements = fnn_round_up(c.tail * s->cout + N, N);
  c.by_two = is_plain ? OWN(line_by_two)(s->groups, s->taps, s->cin, s->cout, pixels) : 0;
  if (c.by_two) c.panel_cols = c.by_two * N / 2, c.tail = c.tail_elements = 0;
  /* Whole vectors of the last kernel row may reach past the kernel's end: then it is copied to where they may. */
  if (c.is_dots) c.weight_blocks = fnn_ceil_div(s->taps * s->cin * s->cout, OWN(CONV_WEIGHT_BLOCK));
  else if ((s->cout_g % N && !c.tail) || c.panel_cols)
    c.weight_blocks = fnn_ceil_div(s->taps * s->cin_g * s->cout, OWN(CONV_WEIGHT_BLOCK));
  return c;
}

/* Scratch: segments, window, program. */
static int64_t OWN(conv_window_at)(int64_t n_segments) {
  return fnn_round_up(n_segments * (int64_t)sizeof(OWN(tile_segment)), FNN_ALIGN);
}
static int64_t OWN(conv_program_at)(int64_t n_segments, int64_t window_elements) {
  return OWN(conv_window_at)(n_segments) + fnn_round_up(window_elements * (int64_t)sizeof(T), FNN_ALIGN);
}
static int64_t OWN(conv_scratch_bytes)(const int64_t *ints, int64_t n_segments, int64_t window_elements) {
  int64_t program = ints[CONV_EPILOGUE] ? fnn_program_scratch(ints + ints[CONV_EPILOGUE], sizeof(T)) : 0;
  return OWN(conv_program_at)(n_segments, window_elements) + program;
}

static void OWN(conv_run_program)(const fnn_call *call, int64_t row, int64_t rows, int64_t col, int64_t cols,
                                  char *scratch) {
  const int64_t at = call->ints[CONV_EPILOGUE];
  if (at && rows) call->program[TYPE_DTYPE == FNN_F64](call->ints + at, call, row, rows, col, cols, scratch);
}

/* Columns of the kernel that a panel of copied weights has. */
static int64_t OWN(conv_panel_step)(const OWN(conv_cut) * c) {
  return c->grouped.is_ragged ? c->grouped.out : c->panel_cols;
}
static int64_t OWN(conv_panels)(const OWN(conv_cut) * c) { return fnn_ceil_div(c->s.cout, OWN(conv_panel_step)(c)); }

static void OWN(conv_size)(const int64_t *ints, conv_shape shape, fnn_work *work) {
  const OWN(conv_cut) c = OWN(conv_cut_of)(shape);
  int phase = 0;
  if (c.weight_blocks) {
    work->units[phase++] = c.weight_blocks;
    work->shared_bytes = (c.is_dots      ? OWN(dots_rows)(&c.s) * c.s.cout * N
                          : c.panel_cols ? c.s.taps * c.s.cin_g * OWN(conv_panels)(&c) * c.panel_cols
                                         : c.s.taps * c.s.cin_g * c.s.cout + N) *
                         (int64_t)sizeof(T);
  }
  work->units[phase++] = c.bands.image_units * c.bands.bands * c.parts;
  work->phases = phase;
  work->scratch_bytes = OWN(conv_scratch_bytes)(ints, 2 * c.s.taps + 1, c.tail_elements + c.window_elements);
  work->flops = conv_flops(&c.s);
  work->bytes = conv_elements(&c.s) * (double)sizeof(T);
}

static void OWN(conv2d_size)(const int64_t *ints, fnn_work *work) { OWN(conv_size)(ints, conv_shape_of(ints), work); }
static void OWN(conv3d_size)(const int64_t *ints, fnn_work *work) {
  OWN(conv_size)(ints, conv_deep_shape_of(ints), work);
}

/* Images of a volume that taps [z.begin, z.end) along the depth reach, by rows of these and the columns of a part. */
static void OWN(conv_images)(const fnn_call *call, const OWN(conv_cut) * c, const T *weights, int64_t part,
                             OWN(conv_band_at) band, conv_range z) {
  const conv_shape *s = &c->s;
  const int64_t images = band.images, row = band.row, rows = band.rows, image = band.volume * s->od + band.image;
  const int64_t plane = band.image * s->stride_d - s->pad_front + z.begin * s->dilation_d, face = s->kh * s->kw;
  const int64_t planes = z.end <= z.begin ? 0 : (images - 1) * s->stride_d + (z.end - z.begin - 1) * s->dilation_d + 1;
  T *tail = (T *)(call->scratch + OWN(conv_window_at)(2 * s->taps + 1));
  const int is_thin = !c->grouped.n && OWN(thin_fits)(s, OWN(THIN_CHANNELS)); /* then windows are those of pieces */
  const OWN(conv_window) x = OWN(conv_window_of_x)(call, s, band.volume, plane, planes, row, rows, c->window_cols,
                                                    is_thin ? 0 : c->copies, tail + c->tail_elements);

  OWN(tile_segment) *taps = (OWN(tile_segment) *)call->scratch;
  const int64_t width = c->panel_cols ? c->panel_cols : s->cout;
  for (int64_t k = z.begin * face; k < z.end * face; k++)
    taps[k] = (OWN(tile_segment)){weights + k * s->cin_g * width, width,
                                  (k / face - z.begin) * s->dilation_d * x.image +
                                    k % face / s->kw * s->dilation_h * x.row + k % s->kw * s->dilation_w * x.pixel,
                                  s->cin_g};
  memcpy(tail, weights + (s->taps * s->cin_g - c->tail) * s->cout, sizeof(T) * (size_t)(c->tail * s->cout));
  memset(tail + c->tail * s->cout, 0, sizeof(T) * (size_t)(c->tail_elements - c->tail * s->cout));
  const int64_t first_pixel = (image * s->oh + row) * s->ow;
  T *y = (T *)call->buf[2] + first_pixel * s->cout;
  const int64_t n_y = images * rows * s->ow;
  const T *next = (const T *)call->buf[0] +
                  ((band.volume * s->depth + plane + planes - 1) * s->h + (row + rows) * s->stride_h) * s->w * s->cin;
  /* Copying would wait for the next window, storing for the next results; tiles that read x in place wait for none,
   * unless windows share no pixels. */
  const int64_t n_x = planes * rows * s->stride_h * s->w * s->cin;
  OWN(conv_ahead) ahead =
    OWN(conv_ahead_of)(next, n_x, y + n_y * s->cout, n_y * s->cout, s->groups * c->panels * n_y / TILE_MOST_ROWS,
                       c->merges ? s->taps / s->kw : s->taps);
  const int is_ahead = c->copies || c->in_place || OWN(conv_is_apart)(s, n_x);
  const int asks = OWN(conv_asks)(s);
  const int64_t pixel_bytes = s->cout * (int64_t)sizeof(T);
  const int streams =
    asks && !call->ints[CONV_EPILOGUE] && conv_streams(y, pixel_bytes, s->n * s->oh * s->ow * pixel_bytes);
  OWN(conv_walk) walk = {
    .c = y, .a_image = s->stride_d * x.image, .a_row = s->stride_h * x.row, .a_col = s->stride_w * x.pixel,
    .c_image = s->oh * s->ow * s->cout, .c_row = s->ow * s->cout, .c_col = s->cout,
    .images = images, .rows = rows, .cols = s->ow, .planes = z.end - z.begin,
    .y = {s->kh, row * s->stride_h - s->pad_top, s->stride_h, s->dilation_h, s->h},
    .x = {s->kw, -s->pad_left, s->stride_w, s->dilation_w, s->w},
    .taps = taps + z.begin * face, .segments = taps + s->taps, .k = s->cin_g, .merges = c->merges,
    .in_place = c->in_place,
    .tail = {tail, s->cout, taps[s->taps - 1].a_offset + s->cin_g - c->tail, c->tail},
    .by_two = c->by_two, .columns = s->cout_g, .depth = c->panel_cols ? s->taps * s->cin_g : 1,
    .panel_cols = c->panel_cols,
    .widest = c->widest, .panel = part * c->panels,
    .panels = fnn_min(c->panels, tile_panels_of(s->cout_g, N, c->widest) - part * c->panels),
    .floor = call->ints[CONV_RELU] ? 0 : -INFINITY,
    /* Pixels that do not follow each other are asked for a row further on. */
    .fetches = s->taps == 1 && s->stride_w > 1 ? s->stride_h * x.row
               : asks                          ? OWN(CONV_ASK_TILES) * TILE_MOST_ROWS * s->cin
                                               : 0,
    .streams = streams,
    .asks = asks ? OWN(CONV_BLOCK) * s->cout : 0,
    .ahead = is_ahead ? &ahead : NULL};
  int64_t column = 0, columns = s->cout;
  if (c->parts > 1) {
    const tile_panel last = OWN(conv_panel)(s->cout, c->widest, c->panel_cols, walk.panel + walk.panels - 1);
    column = OWN(conv_panel)(s->cout, c->widest, c->panel_cols, walk.panel).begin;
    columns = last.begin + last.cols - column;
  }
  for (int64_t g = 0; g < s->groups; g++) {
    walk.a = x.at + g * s->cin_g;
    walk.first_column = g * s->cout_g;
    walk.bias = call->buf[3] ? (const T *)call->buf[3] + g * s->cout_g : NULL;
    if (c->grouped.n) OWN(grouped_walk)(&walk, x.vector, c->grouped.n, c->grouped.out);
    else if (c->is_dots) OWN(dots_run)(&walk, s, weights, z.begin);
    else if (is_thin)
      OWN(thin_unit)(s, &walk, taps, (const T *)call->buf[0] + image * s->h * s->w * s->cin, row, column, columns,
                     c->copies, tail + c->tail_elements);
    else OWN(conv_run)(&walk);
  }
  OWN(conv_run_program)(call, first_pixel, images * rows * s->ow, column, columns,
                        call->scratch + OWN(conv_program_at)(2 * s->taps + 1, c->tail_elements + c->window_elements));
  if (streams) fnn_end_streams();
}

/* One unit: a band of results by all columns or a part of them. Few bands
 * of a part follow each other: a thread reads few parts of the weights. Where bands are cut to be even, parts of a band
 * do: x may be further away than all weights. */
static void OWN(conv_unit)(const fnn_call *call, const OWN(conv_cut) * c, const T *weights, int64_t unit) {
  const conv_shape *s = &c->s;
  const int64_t bands = c->bands.image_units * c->bands.bands, is_few = bands < OWN(CONV_FEW_BANDS);
  const int64_t part = is_few ? unit / bands : unit % c->parts;
  unit = is_few ? unit % bands : unit / c->parts;
  const conv_axis z = {s->kd, -s->pad_front, s->stride_d, s->dilation_d, s->depth};
  OWN(conv_band_at) band = OWN(conv_band_of)(s, &c->bands, unit);
  for (const int64_t end = band.image + band.images; band.image < end; band.image += band.images) {
    band.images = fnn_min(end, conv_taps_change(&z, band.image)) - band.image;
    OWN(conv_images)(call, c, weights, part, band, conv_taps_of(&z, band.image));
  }
}

/* Copies blocks [begin, end) of the rows of a kernel panel by panel, with zeros after the last one's columns. */
static void OWN(conv_pack_weights)(const OWN(conv_cut) * c, T *out, const T *weights, int64_t begin, int64_t end) {
  const conv_shape *s = &c->s;
  const int64_t rows = s->taps * s->cin_g, cols = c->panel_cols, step = OWN(conv_panel_step)(c);
  int64_t from = rows * begin / c->weight_blocks, to = rows * end / c->weight_blocks;
  if (c->by_two) from -= from % 2, to -= to % 2;
  for (int64_t row = from; row < to; row++) {
    T *at = out + row * cols;
    for (int64_t first = 0; first < s->cout; first += step, at += rows * cols) {
      const int64_t n = fnn_min(step, s->cout - first);
      memcpy(at, weights + row * s->cout + first, sizeof(T) * (size_t)n);
      if (n < cols) memset(at + n, 0, sizeof(T) * (size_t)(cols - n));
    }
  }
  if (c->by_two) OWN(line_turn_rows)(out + from * cols, to - from, c->by_two);
}

/* Copies [begin, end) of n elements in blocks, and zeroes the N after them. */
static void OWN(conv_copy_weights)(T *out, const T *weights, int64_t n, int64_t begin, int64_t end) {
  const int64_t from = begin * OWN(CONV_WEIGHT_BLOCK), to = fnn_min(n, end * OWN(CONV_WEIGHT_BLOCK));
  memcpy(out + from, weights + from, sizeof(T) * (size_t)(to - from));
  if (to == n) memset(out + n, 0, sizeof(T) * N);
}

static void OWN(conv_run_units)(const fnn_call *call, conv_shape shape, int64_t begin, int64_t end) {
  const OWN(conv_cut) c = OWN(conv_cut_of)(shape);
  const T *weights = (const T *)call->buf[1];
  if (c.weight_blocks) {
    if (call->phase == 0) {
      const int64_t n = c.s.taps * c.s.cin_g * c.s.cout;
      if (c.is_dots) {
        const int64_t rows = OWN(dots_rows)(&c.s);
        OWN(dots_weights)(&c.s, (T *)call->shared, weights, rows * begin / c.weight_blocks,
                          rows * end / c.weight_blocks);
      } else if (c.panel_cols) OWN(conv_pack_weights)(&c, (T *)call->shared, weights, begin, end);
      else OWN(conv_copy_weights)((T *)call->shared, weights, n, begin, end);
      return;
    }
    weights = (const T *)call->shared;
  }
  for (int64_t unit = begin; unit < end; unit++) OWN(conv_unit)(call, &c, weights, unit);
}

static void OWN(conv2d)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(conv_run_units)(call, conv_shape_of(call->ints), begin, end);
}
static void OWN(conv3d)(const fnn_call *call, int64_t begin, int64_t end) {
  OWN(conv_run_units)(call, conv_deep_shape_of(call->ints), begin, end);
}
