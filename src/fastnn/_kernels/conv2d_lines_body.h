/* conv2d_lines_body.h: pixels that all taps reach, a constant step apart, in lines of tiles of one panel: convolutions
 * of few filters, and their input gradients, for float32 and for float64. Tiles of a vector, or of one and a half, take
 * two steps of k at once: a broadcast of both serves all columns, of which half a vector more fills one with its two
 * rows. */

enum {
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_AVX2)
  /* Steps of k that tiles of one vector take at once: each multiply-add would wait for a broadcast of its own.
   * Measured: from 16 of k of all taps on; of many the copy of the weights would be large. */
  OWN(LINE_DEPTH) = 2 * sizeof(T) == sizeof(double) ? 2 : 1,
#else
  OWN(LINE_DEPTH) = 1,
#endif
  OWN(LINE_DEEP_LEAST) = 16,
  OWN(LINE_DEEP_MOST) = 320,
  OWN(LINE_TILE) = 32, /* cycles of a tile of a line beside its products, and of others. Measured */
  OWN(LINE_OTHER) = 88,
  /* Pixels for which turning all weights pays; 0: it does not. */
  OWN(LINE_TURN_PIXELS) = FNN_VECTOR_BYTES == 64 && OWN(LINE_DEPTH) > 1 ? 256 : 0
};

/* The element at p in all lanes, or two in turns. */
FNN_INLINE V OWN(line_splat)(const T *p, const int depth) {
  double two;
  if (depth == 1) return FN(splat)(*p);
  memcpy(&two, p, sizeof two);
  return (V)fnn_splatd(two);
}

/* Of each four lanes of a and b two, from `from` on, in turns; what two vectors whose columns lie so have in
 * neighbouring lanes, added. Numbers of lanes from memory would be no constants to GCC, which then shuffles by several
 * instructions. */
FNN_INLINE V OWN(line_turns)(V a, V b, const int from) {
  M turns = {0};
#pragma GCC unroll 16
  for (int k = 0; k < N; k++) turns[k] = (k & ~3) + from + (k & 3) / 2 + (k & 1) * N;
  return __builtin_shuffle(a, b, turns);
}
FNN_INLINE V OWN(line_sum)(V a, V b) {
  M even = {0};
#pragma GCC unroll 16
  for (int k = 0; k < N; k++) even[k] = (k & ~3) + (k & 1) * 2 + (k & 2) / 2 * N;
  return __builtin_shuffle(a, b, even) + __builtin_shuffle(a, b, even + 1);
}

/* How many vectors two rows of weights take where those of all taps, k rows each, are turned for so many pixels, so
 * that tiles at borders and of any k take two steps at once too: two, of more than a vector of columns three; 0: they
 * are not. Of one tap, a short k and a vector lines do so by themselves; with AVX2 these tiles are no faster. */
static int OWN(line_by_two)(int64_t groups, int64_t taps, int64_t k, int64_t columns, int64_t pixels) {
  if (!OWN(LINE_TURN_PIXELS) || groups != 1 || k % 2 || taps * k < OWN(LINE_DEEP_LEAST) ||
      pixels < OWN(LINE_TURN_PIXELS))
    return 0;
  if (columns > N) return 2 * columns <= 3 * N ? 3 : 0;
  return taps > 1 || k > OWN(LINE_DEEP_MOST) ? 2 : 0;
}

/* Of n rows, n even, each two in turns. */
static void OWN(line_turn_rows)(T *rows, int64_t n, int by_two) {
  if (by_two == 3) { /* column by column */
    enum { COLUMNS = 3 * N / 2 };
    for (int64_t i = 0; i < n; i += 2, rows += 2 * COLUMNS) {
      T both[2 * COLUMNS];
      memcpy(both, rows, sizeof both);
      for (int j = 0; j < COLUMNS; j++) rows[2 * j] = both[j], rows[2 * j + 1] = both[COLUMNS + j];
    }
    return;
  }
  for (int64_t i = 0; i < n; i += 2, rows += 2 * N) {
    const V b0 = FN(load)(rows), b1 = FN(load)(rows + N);
    FN(store)(rows, OWN(line_turns)(b0, b1, 0));
    FN(store)(rows + N, OWN(line_turns)(b0, b1, 2));
  }
}

/* out[o / 2][i][o % 2] = weights[i][o], n of o, even, and zeroes for i from `columns` on. */
static void OWN(line_turn_columns)(T *out, const T *weights, int64_t step, int64_t columns, int64_t n) {
  enum { COLUMNS = 3 * N / 2 };
  for (int64_t o = 0; o < n; o += 2, out += 2 * COLUMNS) {
    for (int64_t i = 0; i < columns; i++) memcpy(out + 2 * i, weights + i * step + o, 2 * sizeof(T));
    memset(out + 2 * columns, 0, sizeof(T) * (size_t)(2 * (COLUMNS - columns)));
  }
}

/* `pairs` of steps of k of tiles whose B lies so. */
FNN_INLINE void OWN(line_pairs)(V *acc, const T *const *a, int64_t *at, const T **b, int64_t pairs, const int rows,
                                const int vectors) {
  int64_t k = *at;
  const T *b_at = *b;
#pragma GCC unroll 2
  for (; pairs > 0; pairs--, k += 2, b_at += vectors * N) {
    V b_row[3];
#pragma GCC unroll 3
    for (int j = 0; j < vectors; j++) b_row[j] = FN(load)(b_at + j * N);
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      const V x = OWN(line_splat)(a[i] + k, 2);
#pragma GCC unroll 3
      for (int j = 0; j < vectors; j++) acc[i * vectors + j] += x * b_row[j];
    }
    __asm__("" : "+r"(k)); /* as in tile_run */
  }
  *at = k, *b = b_at;
}

/* The row of results of such sums: `columns` of its last vector. */
FNN_INLINE void OWN(line_pairs_end)(const V *acc, T *c, const T *bias, V floor, int64_t columns, const int vectors) {
  V y = OWN(line_sum)(acc[0], acc[1]), last = y;
  if (vectors == 3) {
    M even = {0};
#pragma GCC unroll 16
    for (int k = 0; k < N; k++) even[k] = 2 * k;
    y = __builtin_shuffle(acc[0], acc[1], even) + __builtin_shuffle(acc[0], acc[1], even + 1);
    last = __builtin_shuffle(acc[2], even) + __builtin_shuffle(acc[2], even + 1);
  }
  if (bias) y += FN(load)(bias);
  y = FN(max)(floor, y);
  if (vectors == 3) {
    FN(store)(c, y);
    if (bias) last += FN(load)(bias + N);
    y = FN(max)(floor, last), c += N;
  }
  if (columns < N) FN(store_part)(c, y, columns);
  else FN(store)(c, y);
}

/* A tile of tile.h whose B lies so, at most `rows` rows of it. */
FNN_INLINE void OWN(line_tile)(const OWN(tile) * t, const int rows, const int vectors) {
  if (!OWN(LINE_TURN_PIXELS)) return;
  V acc[TILE_MOST_SUMS];
  const T *a[TILE_MOST_ROWS], *ahead = t->ahead;
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) a[i] = t->a[i];
#pragma GCC unroll 24
  for (int i = 0; i < rows * vectors; i++) acc[i] = (V){0};
  for (const OWN(tile_segment) *s = t->segments, *end = s + t->n_segments; s < end; s++) {
    const T *b = s->b;
    int64_t at = s->a_offset;
    for (int64_t i = t->ahead_lines; i > 0; i--, ahead += FNN_ALIGN / sizeof(T)) __builtin_prefetch(ahead, 0, 2);
    OWN(line_pairs)(acc, a, &at, &b, s->k / 2, rows, vectors);
  }
  const V floor = FN(splat)(t->floor);
  const int64_t columns = t->cols - (vectors - 2) * N;
#pragma GCC unroll 8
  for (int i = 0; i < rows; i++) {
    if (i >= t->rows) break;
    OWN(line_pairs_end)(acc + i * vectors, t->c[i] + t->c_column, t->bias, floor, columns, vectors);
  }
}
#define LINE_TILE(name, rows, vectors)                                                                                 \
  static __attribute__((noinline)) void OWN(name)(const OWN(tile) * t) { OWN(line_tile)(t, rows, vectors); }
LINE_TILE(line_few_2, 4, 2) LINE_TILE(line_all_2, (int)tile_rows(1), 2)
LINE_TILE(line_few_3, 4, 3) LINE_TILE(line_all_3, (int)tile_rows(1), 3)
#undef LINE_TILE
FNN_INLINE void OWN(line_tile_call)(const OWN(tile) * t, int by_two) {
  static void (*const variants[2][2])(const OWN(tile) *) = {{OWN(line_few_2), OWN(line_all_2)},
                                                            {OWN(line_few_3), OWN(line_all_3)}};
  variants[by_two - 2][t->rows > 4](t);
}

/* As conv_asking, of three vectors of two rows; without asking for results, if `walk` does not. */
static __attribute__((noinline)) void OWN(line_asking)(const OWN(conv_walk) * walk, OWN(conv_pixels) * block,
                                                       int64_t tiles, int64_t lines) {
  enum { ROWS = TILE_MOST_ROWS, VECTORS = 3, MOST = OWN(CONV_ASK_STEPS) / 2 };
  if (!OWN(LINE_TURN_PIXELS)) return;
  const OWN(tile) *t = &block->t;
  const OWN(tile_segment) s = t->segments[0];
  const T *const *pixels = block->a, *bias = t->bias;
  T *const *results = block->c;
  const int64_t past = 2 * walk->k >= OWN(CONV_ASK_LEAST) ? walk->asks : 0;
  const int64_t c_column = t->c_column, fetches = walk->fetches, part = s.k / 2 / ROWS;
  const int64_t some = fnn_ceil_div(lines, fnn_ceil_div(fnn_max(1, part), MOST)), columns = t->cols - N;
  for (; tiles > 0; tiles--, pixels += ROWS, results += ROWS) {
    V acc[TILE_MOST_SUMS];
    const T *a[TILE_MOST_ROWS], *b = s.b;
    OWN(strip_begin)(acc, a, pixels, ROWS, VECTORS);
    T *const *next = tiles > 1 ? results + ROWS : block->c;
    const int64_t next_column = tiles > 1 ? c_column : past;
    int64_t at = s.a_offset;
#pragma GCC unroll 1
    for (int64_t i = 0; i < ROWS; i++) {
#pragma GCC unroll 2
      for (int j = 0; past && j < 2; j++) __builtin_prefetch(next[i] + next_column + j * N, 0, 2);
      const T *ahead = pixels[i] + fetches;
#pragma GCC unroll 1
      for (int64_t left = part, pairs; left > 0; left -= pairs) {
        for (int64_t l = some; l > 0; l--, ahead += FNN_ALIGN / (int64_t)sizeof(T)) __builtin_prefetch(ahead);
        pairs = fnn_min(MOST, left);
        OWN(line_pairs)(acc, a, &at, &b, pairs, ROWS, VECTORS);
      }
    }
    OWN(line_pairs)(acc, a, &at, &b, s.k / 2 - part * ROWS, ROWS, VECTORS);
    const V floor = FN(splat)(t->floor);
#pragma GCC unroll 8
    for (int i = 0; i < ROWS; i++)
      OWN(line_pairs_end)(acc + i * VECTORS, results[i] + c_column, bias, floor, columns, VECTORS);
  }
}

/* `steps` of a tile's products, each of which clears a vector, if it clears. Every third row has a pointer, from which
 * the next two are reached: no table is written and read, and what a tile needs stays in general registers. */
FNN_INLINE void OWN(line_steps)(V *acc, const T **a, int64_t a_col, const T **b, int64_t b_stride, int64_t steps,
                                T **clears, const int is_clearing, const int depth, const int rows,
                                const int vectors) {
  const T *a0 = a[0], *a3 = a[1], *a6 = a[2], *b_at = *b;
  T *clear = *clears;
#pragma GCC unroll 2
  for (; steps > 0; steps--, b_at += b_stride) {
    V b_row[TILE_VECTORS];
#pragma GCC unroll 8
    for (int j = 0; j < vectors; j++) b_row[j] = FN(load)(b_at + j * N);
#pragma GCC unroll 2
    for (int j = 0; is_clearing && j < depth; j++) {
      FN(store)(clear, (V){0});
      clear += N;
      __asm__("" : "+r"(clear));
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++) {
      const V x = OWN(line_splat)((i < 3 ? a0 : i < 6 ? a3 : a6) + i % 3 * a_col, depth);
#pragma GCC unroll 8
      for (int j = 0; j < vectors; j++) acc[i * vectors + j] += x * b_row[j];
    }
    a0 += depth, a3 += depth, a6 += depth;
    __asm__("" : "+r"(a0), "+r"(a3), "+r"(a6)); /* one register each, not one for each row */
  }
  a[0] = a0, a[1] = a3, a[2] = a6, *b = b_at, *clears = clear;
}

/* Pixels of a line of so many rows and columns: all there are, where rows and images follow each other. */
FNN_INLINE int64_t OWN(line_pixels)(const OWN(conv_walk) * walk, int64_t rows, int64_t cols) {
  const int64_t image = rows * cols;
  const int is_row = walk->a_row == cols * walk->a_col && walk->c_row == cols * walk->c_col;
  const int is_image =
    walk->images == 1 || (walk->a_image == image * walk->a_col && walk->c_image == image * walk->c_col);
  return is_row && is_image ? walk->images * image : cols;
}

/* What each pixel reads: runs of k elements that follow each other, of so many taps each. */
typedef struct {
  int64_t runs, k, of_run;
} OWN(line_taps);

FNN_INLINE OWN(line_taps) OWN(line_taps_of)(const OWN(conv_walk) * walk) {
  const int64_t of_run = walk->merges ? walk->x.taps : 1;
  return (OWN(line_taps)){walk->y.taps * walk->x.taps / of_run, of_run * walk->k, of_run};
}

/* Whether tiles take two steps of k at once. An odd run of a single tap waits too little for it. */
static int OWN(line_is_deep)(const OWN(conv_walk) * walk) {
  const int64_t taps = walk->y.taps * walk->x.taps, k = taps * walk->k;
  if (OWN(LINE_DEPTH) == 1 || walk->by_two) return OWN(LINE_DEPTH) > 1;
  return walk->columns <= N && (k % 2 == 0 || taps > 1) && k >= OWN(LINE_DEEP_LEAST) && k <= OWN(LINE_DEEP_MOST);
}

/* The weights of all taps with two rows in turns, in `turns` where they do not lie so. */
static __attribute__((noinline)) const T *OWN(line_turned)(const OWN(conv_walk) * walk, T *turns) {
  const OWN(line_taps) taps = OWN(line_taps_of)(walk);
  const T *rows = walk->taps->b + walk->first_column * walk->depth;
  if (walk->by_two) return rows;
  const int64_t stride = walk->taps->b_stride;
  T *turned = turns;
  for (int64_t run = 0; run < taps.runs; run++) {
    for (int64_t i = 0; i + 1 < taps.k; i += 2, turned += 2 * N) {
      const T *at = rows + (run * taps.k + i) * stride;
      const V b0 = FN(load)(at), b1 = FN(load)(at + stride);
      FN(store)(turned, OWN(line_turns)(b0, b1, 0));
      FN(store)(turned + N, OWN(line_turns)(b0, b1, 2));
    }
  }
  return turns;
}

/* All pixels of a walk; as conv_strip, whose tiles read a table. The last tile of a line may do some pixels again. */
FNN_INLINE void OWN(line_run)(const OWN(conv_walk) * walk, const int has_floor, const int is_clearing,
                              const int is_part, const int depth, const int rows, const int vectors) {
  const OWN(line_taps) taps = OWN(line_taps_of)(walk);
  const int64_t a_col = walk->a_col, c_col = walk->c_col, k = taps.k, stride = walk->taps->b_stride;
  /* Where tiles clear there is a single tap and nothing to ask for: what a tile needs stays in general registers. */
  const int64_t fetches = is_clearing ? 0 : walk->fetches, end = fetches ? fetches + k : 0;
  const int64_t b_stride = depth == 1 ? stride : depth * N, steps_of_run = k / depth;
  const int64_t runs = is_clearing ? 1 : taps.runs, columns = walk->columns;
  const T *bias = walk->bias, *rows_of_b = walk->taps->b + walk->first_column * walk->depth, *weights = rows_of_b;
  _Alignas(FNN_ALIGN) T turns[depth == 1 ? 1 : OWN(LINE_DEEP_MOST) * N];
  if (depth > 1) weights = OWN(line_turned)(walk, turns);
  const V floor = FN(splat)(walk->floor);
  const V bias_part = bias && is_part ? FN(load_part)(bias, columns) : FN(splat)(0);
  T *clears = is_clearing ? walk->clears : NULL;
  const T *const clears_end = walk->clears_end;
  const int64_t count = OWN(line_pixels)(walk, walk->rows, walk->cols);
  const int64_t lines = walk->images * walk->rows * walk->cols / count;
  for (int64_t line = 0, image = 0, row = 0; line < lines; line++) {
    const T *pixels = walk->a + image * walk->a_image + row * walk->a_row + walk->taps->a_offset;
    T *c = walk->c + image * walk->c_image + row * walk->c_row + walk->first_column;
    if (++row == walk->rows) row = 0, image++;
    for (int64_t left = count; left > 0; left -= rows, pixels += rows * a_col) {
      if (!is_clearing && left < rows) pixels -= (rows - left) * a_col, c -= (rows - left) * c_col;
      V acc[TILE_MOST_SUMS];
      const T *a[3] = {pixels, pixels + 3 * a_col, pixels + 6 * a_col}, *b = weights;
      T zero = 0;
      __asm__("" : "+m"(zero)); /* as in strip_begin */
#pragma GCC unroll 24
      for (int i = 0; i < rows * vectors * depth; i++) acc[i] = FN(splat)(zero);
      for (int64_t e = fetches; e < end; e += FNN_ALIGN / (int64_t)sizeof(T)) {
        const T *ahead = pixels + e;
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++, ahead += a_col) __builtin_prefetch(ahead);
      }
      int64_t steps = 0;
      if (is_clearing) {
        clears = OWN(conv_clear)(clears, c + (rows - 1) * c_col + columns); /* most are, by tiles before */
        steps = fnn_min(k, (clears_end - clears) / N) / depth;
        OWN(line_steps)(acc, a, a_col, &b, b_stride, steps, &clears, 1, depth, rows, vectors * depth);
      }
      OWN(line_steps)(acc, a, a_col, &b, b_stride, steps_of_run - steps, &clears, 0, depth, rows, vectors * depth);
#pragma GCC unroll 1
      for (int64_t run = 1; run < runs; run++) {
        const int64_t next = walk->taps[run * taps.of_run].a_offset - walk->taps[(run - 1) * taps.of_run].a_offset;
#pragma GCC unroll 3
        for (int i = 0; i < 3; i++) a[i] += next - steps_of_run * depth;
        OWN(line_steps)(acc, a, a_col, &b, b_stride, steps_of_run, &clears, 0, depth, rows, vectors * depth);
      }
      V y_row[TILE_MOST_ROWS];
#pragma GCC unroll 8
      for (int i = 0; depth > 1 && i < rows; i++) y_row[i] = OWN(line_sum)(acc[2 * i], acc[2 * i + 1]);
      for (int64_t run = 0; depth > 1 && k % depth && run < runs; run++) { /* the last step of each */
        const T *at = pixels + walk->taps[run * taps.of_run].a_offset - walk->taps->a_offset + k - 1;
        const V b_row = FN(load)(rows_of_b + (run * k + k - 1) * stride);
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++) y_row[i] += FN(splat)(at[i * a_col]) * b_row;
      }
#pragma GCC unroll 8
      for (int i = 0; i < rows; i++, c += c_col) {
#pragma GCC unroll 8
        for (int j = 0; j < vectors; j++) {
          V y = depth == 1 ? acc[i * vectors + j] : y_row[i];
          if (bias) y += is_part ? bias_part : FN(load)(bias + j * N);
          if (has_floor) y = FN(max)(floor, y);
          if (is_part) FN(store_part)(c, y, columns);
          else FN(store)(c + j * N, y);
        }
      }
    }
  }
  OWN(conv_clear)(clears, clears_end);
}

#define LINE_VARIANT(name, depth, rows, vectors)                                                                       \
  static __attribute__((noinline)) void OWN(name)(const OWN(conv_walk) * walk) {                                       \
    if (walk->clears) OWN(line_run)(walk, 0, 1, 0, depth, rows, vectors);                                              \
    else if (walk->floor == -(T)INFINITY) OWN(line_run)(walk, 0, 0, 0, depth, rows, vectors);                          \
    else OWN(line_run)(walk, 1, 0, 0, depth, rows, vectors);                                                           \
  }
#if defined(FNN_ISA_AVX512) || defined(FNN_ISA_NEON)
LINE_VARIANT(line_1, 1, 8, 1) LINE_VARIANT(line_2, 1, 8, 2) LINE_VARIANT(line_3, 1, 8, 3) LINE_VARIANT(line_4, 1, 6, 4)
LINE_VARIANT(line_deep, OWN(LINE_DEPTH), 8, 1)
#define LINES OWN(line_1), OWN(line_2), OWN(line_3), OWN(line_4)
#else
LINE_VARIANT(line_1, 1, 6, 1) LINE_VARIANT(line_2, 1, 6, 2)
LINE_VARIANT(line_deep, OWN(LINE_DEPTH), 6, 1)
#define LINES OWN(line_1), OWN(line_2)
#endif
/* Of at most a part of a vector. */
static __attribute__((noinline)) void OWN(line_part)(const OWN(conv_walk) * walk) {
  OWN(line_run)(walk, 1, 0, 1, 1, (int)tile_rows(1), 1);
}
static __attribute__((noinline)) void OWN(line_deep_part)(const OWN(conv_walk) * walk) {
  OWN(line_run)(walk, 1, 0, 1, OWN(LINE_DEPTH), (int)tile_rows(1), 1);
}
#undef LINE_VARIANT

static void OWN(line_all)(const OWN(conv_walk) * walk) {
  /* By how many whole vectors of columns there are. */
  static void (*const variants[])(const OWN(conv_walk) *) = {OWN(line_part), LINES};
  static void (*const deep[])(const OWN(conv_walk) *) = {OWN(line_deep_part), OWN(line_deep)};
  (OWN(line_is_deep)(walk) ? deep : variants)[walk->columns / N](walk);
}
#undef LINES

/* Whether so many rows and columns of a walk, which all taps reach, are such lines, which ask for no results. */
static int OWN(line_fits)(const OWN(conv_walk) * walk, int64_t rows, int64_t cols) {
  const int64_t vectors = fnn_ceil_div(walk->columns, N), taps = walk->y.taps * walk->x.taps;
  const int is_whole = walk->columns % N == 0;
  if (walk->planes != 1 || taps == 0 || walk->by_two == 3 || (taps == 1 && walk->ahead) || walk->tail.k ||
      vectors == 0 || vectors > (is_whole ? walk->widest : 1) ||
      (walk->asks && walk->k * vectors >= OWN(CONV_ASK_LEAST)))
    return 0;
  const int64_t height = tile_rows((int)vectors), count = OWN(line_pixels)(walk, rows, cols);
  const int64_t done = fnn_round_up(count, height);
  if (taps == 1) {
    /* Of several vectors each pixel that is done again takes as long as one; other tiles take longer to begin. */
    const int64_t products = height * vectors * walk->k / 2;
    const int is_sooner = vectors == 1 || done * (products + OWN(LINE_TILE)) <= count * (products + OWN(LINE_OTHER));
    return done == count ? is_whole || !walk->clears : count > height && !walk->clears && is_sooner;
  }
  /* Tiles of other walks go on from row to row: no more pixels are done again than is won. */
  const int64_t most = OWN(line_is_deep)(walk) ? count / 8 : count / 32;
  const OWN(tile_segment) *first = walk->taps, *last = first + taps - 1;
  return count >= height && done - count <= most && last->b == first->b + (taps - 1) * walk->k * first->b_stride;
}
