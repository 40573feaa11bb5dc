/* winograd.c: the convolutions of conv2d.c with a 3 by 3 or 5 by 5 kernel, stride 1 and dilation 1, by Winograd's
 * minimal filtering F(4 x 4, 3 x 3) and F(2 x 2, 5 x 5): 36 products for 16 or 4 results where the sums of products
 * have 144 or 100. Each group is a convolution by itself. Those with a kernel of one row or one column of k = 2 to 5
 * taps, with any dilation, by F(7 - k, k): 6 products for 7 - k results. They are lines of pixels, h long and one wide,
 * whose tiles have results dilation_h apart; so many tiles lie side by side in a row of tiles.
 *
 * winograd_conv2d, winograd_conv2d_grad_input, winograd_conv2d_grad_kernel: buffers, ints and reals as of conv2d.c.
 *
 * A 4 by 4 or 2 by 2 tile of y is A^T [(G g G^T) * (B^T d B)] A summed over channels, with g the kernel, d the 6 by 6
 * tile of x under it, and * the product of elements: for all tiles and channels at once, 36 products of matrices. B is
 * the same for both.
 * The kernel gradient is the transposed form G^T [(B^T d B) * (A dy A^T)] G summed over tiles. The matrices are
 * those of Toom and Cook for polynomials evaluated at 0, a, -a, b, -b and infinity (A. Lavin and S. Gray, "Fast
 * algorithms for convolutional neural networks", 2016). a = 5/8 and b = 3/2 are exact in binary and near the points
 * with the least error: 2 to 3 times that of sums of products, where the usual 1 and 2 have 3 to 5.
 *
 * What a tile's 36 numbers are summed from is mixed: one that is not finite makes the whole tile so.
 * Order of summation: forward and input gradient, channels in one chain for each of the 36; kernel gradient, tiles of
 * a fixed block of the batch in one chain, then the blocks. */
#include <math.h>

#include "conv2d.h"
#include "program.h"
#include "vector.h"

enum {
  WINO_IN = 6,                /* elements along an axis under a tile, and points of evaluation */
  WINO_POINTS = WINO_IN * WINO_IN,
  WINO_MOST_OUT = 4,          /* results along an axis of a tile */
  WINO_LINE_OUT = 5,          /* of a line's */
  WINO_MOST_TAPS = 5,         /* and of a kernel */
  /* An operation of a transform, which loads and stores more than it computes, takes the time of so many of a product:
   * they are counted so, in whole vectors, where a kernel tells its work. Measured. */
  WINO_TRANSFORM_COST = 3,
  WINO_UNITS = 32,            /* wanted, for threads to share evenly */
  WINO_UNITS_OF_5 = 16,       /* of kernel gradients of 5 by 5 taps, whose sums take longer to transform back */
  WINO_FEW_TILES = 24,        /* of a unit at least, unless there are few: a panel of weights is worth loading */
  WINO_FEW_UNITS = 4,         /* wanted where there are few */
  WINO_LEAST_TILES = 12,      /* of a unit, unless there are no more: two tiles of 6 rows */
  WINO_MOST_TILES = 96,       /* of a unit at most */
  WINO_FEW_BYTES = 5 << 17,   /* of transformed tiles and kernel at once, there: the rest of a cache is for sums */
  WINO_FEW_CHANNELS = 64,     /* at once, of panels of a single line: each row of the kernel is in a page of its own */
  WINO_ASKED_BYTES = 1 << 20, /* of a kernel, which no near cache holds: products there ask for its next part */
  WINO_FEW_COLUMNS = 256,     /* of a unit there at most, half as many where no other has its tiles */
  /* A transformed kernel of so many bytes is far from any level-2 cache: at least so many tiles at once read it. */
  WINO_FAR_BYTES = 1 << 22,
  WINO_FAR_TILES = 32,
  /* Twice as many bytes for so many tiles, and enough columns for threads to share: they are done as few are, so many
   * at once. Rows of a single line come from a far cache so slowly that this is worth while for more tiles. */
  WINO_FAR_WIDE = 64,
  WINO_FAR_NARROW = 512,
  WINO_FAR_COLUMNS = 256,
  WINO_BLOCK_BYTES = 1 << 17, /* of transformed tiles at once: most of a small level-2 cache is for the kernel */
  WINO_BATCH_BYTES = 1 << 18, /* the same of the kernel gradient, whose sums are read and written for each batch */
  WINO_SUM_TILES = 64,        /* of a block of the kernel gradient at least: its sums are transformed back once */
  WINO_SUM_CHANNELS = 64      /* on both sides of the kernel gradient at once */
};

/* Whether a shape of wino_shape_of is lines. */
FNN_INLINE int wino_is_line(const conv_shape *s) { return s->kw == 1; }

/* A kernel of one row or column has it along h, and images are lines of all pixels that its taps may share. */
FNN_INLINE conv_shape wino_shape_of(const int64_t *ints) {
  conv_shape s = conv_shape_of(ints);
  FNN_REQUIRE(s.stride_h == 1 && s.stride_w == 1);
  if (s.kh == 1) {
    FNN_REQUIRE(s.h == s.oh && s.pad_top == 0);
    s.n *= s.h, s.h = s.w, s.oh = s.ow, s.w = s.ow = 1;
    s.kh = s.kw, s.dilation_h = s.dilation_w, s.pad_top = s.pad_left, s.kw = 1, s.pad_left = 0;
  } else if (s.kw == 1) {
    FNN_REQUIRE(s.w == s.ow && s.pad_left == 0);
    s.h *= s.w, s.oh *= s.w, s.dilation_h *= s.w, s.pad_top *= s.w, s.w = s.ow = 1;
  }
  if (wino_is_line(&s)) FNN_REQUIRE(s.kh >= 2 && s.kh <= WINO_MOST_TAPS);
  else FNN_REQUIRE((s.kh == 3 || s.kh == 5) && s.kw == s.kh && s.dilation_h == 1 && s.dilation_w == 1);
  return s;
}

/* Results along an axis of a tile, values of a transformed one, and rows of results that a row of tiles takes. */
FNN_INLINE int64_t wino_out(const conv_shape *s) { return WINO_IN + 1 - s->kh; }
FNN_INLINE int wino_points(const conv_shape *s) { return wino_is_line(s) ? WINO_IN : WINO_POINTS; }
FNN_INLINE int64_t wino_tile_rows(const conv_shape *s) { return wino_out(s) * s->dilation_h; }

/* Image, row and column of a tile of the batch. */
typedef struct {
  int64_t image, row, col;
} wino_tile;

FNN_INLINE wino_tile wino_tile_at(int64_t tiles_h, int64_t tiles_w, int64_t tile) {
  return (wino_tile){tile / tiles_w / tiles_h, tile / tiles_w % tiles_h, tile % tiles_w};
}

FNN_INLINE void wino_advance(wino_tile *at, int64_t tiles_h, int64_t tiles_w) {
  if (++at->col < tiles_w) return;
  at->col = 0;
  if (++at->row < tiles_h) return;
  at->row = 0;
  at->image++;
}

/* Memory that will be needed soon: asked for between the products, which leave the way to memory free. */
typedef struct {
  const char *at;
  int64_t steps, step, lines; /* bytes from one step to the next; lines at each */
  int64_t taps, tap;          /* 0, or of a kernel: so many times at each step, so many bytes apart */
} wino_span;

/* Of `channels` channels of a group of float32 pixels of all `pixel` channels, under tiles [first, first + tiles) of
 * `out` rows of images of h by w pixels. */
FNN_INLINE wino_span wino_span_of(const void *images, int64_t h, int64_t w, int64_t pixel, int64_t channels,
                                  int64_t group, int64_t out, int64_t tiles_h, int64_t tiles_w, int64_t first,
                                  int64_t tiles) {
  if (tiles <= 0) return (wino_span){0};
  const wino_tile begin = wino_tile_at(tiles_h, tiles_w, first);
  const wino_tile last = wino_tile_at(tiles_h, tiles_w, first + tiles - 1);
  const int64_t from = begin.image * h + fnn_min(h, begin.row * out);
  const int64_t to = last.image * h + fnn_min(h, (last.row + 1) * out);
  const char *at = (const char *)images + (from * w * pixel + group * channels) * 4;
  if (channels == pixel) return (wino_span){at, (to - from) * w * pixel * 4 / FNN_ALIGN, FNN_ALIGN, 1, 0, 0};
  return (wino_span){at, (to - from) * w, pixel * 4, fnn_ceil_div(channels * 4, FNN_ALIGN), 0, 0};
}

/* Asks for its next steps. */
FNN_INLINE void wino_ask(wino_span *span, int64_t steps) {
  for (; steps > 0 && span->steps > 0; steps--, span->steps--, span->at += span->step) {
    const char *at = span->at;
    for (int64_t tap = fnn_max(1, span->taps); tap > 0; tap--, at += span->tap)
      for (int64_t i = 0; i < span->lines; i++) __builtin_prefetch(at + i * FNN_ALIGN, 0, 2);
  }
}

#include "types_f32.h"
#include "tile.h"
#include "pack.h"
#include "tile_half.h"
#include "winograd_body.h"
#include "winograd_grad_body.h"
#include "types_none.h"

static const fnn_entry entries[] = {
  {"winograd_conv2d_f32", winograd_conv2d_f32, winograd_conv2d_size_f32},
  {"winograd_conv2d_grad_input_f32", winograd_conv2d_grad_input_f32, winograd_conv2d_grad_input_size_f32},
  {"winograd_conv2d_grad_kernel_f32", winograd_conv2d_grad_kernel_f32, winograd_conv2d_grad_kernel_size_f32},
  {0}};
const fnn_table FNN_TABLE(winograd) = {entries, 0, 0};
