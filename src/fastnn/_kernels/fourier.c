/* fourier.c: discrete Fourier transforms of complex numbers (a real and an imaginary array), of real ones, and back.
 *
 * dft  buffers 0 real x, 1 imaginary x, 2 real y, 3 imaginary y: all of one shape, (outer, n, inner) about each axis; y
 *      is written whole, not over x
 *   y[o, k, i] = scale * sum over t of x[o, t, i] exp(-2 pi i t k / n), along one axis after the other. The inverse is
 *   the same with real and imaginary parts exchanged, of x and of y.
 *   ints   [0] axes (1 to 4), then for each [0] outer [1] n [2] inner [3] factors [4..15] factors of n: 16, 8, 4 and
 *          primes
 *   reals  [0] scale, then, numbers of the kernel's type side by side, for each axis cos(2 pi j / n), -sin(2 pi j / n)
 *          for j < n
 *
 * rdft   buffers 0 x (outer, given), 1 real y, 2 imaginary y (outer, n / 2 + 1): the frequencies 0 to n / 2 of rows of
 *        n real numbers, which are x cut or filled with zeros
 * irdft  buffers 0 real x, 1 imaginary x (outer, given), 2 y (outer, n): such rows from their frequencies, which are
 *        cut or filled with zeros; imaginary parts of the frequency 0, and of n / 2 of an even n, count as zeros
 *   ints   [0] outer [1] n [2] given [3] m [4] factors [5..16] the factors of m: n / 2 for an even n, which is
 *          transformed as m complex numbers, else n
 *   reals  [0] scale, then as above for m numbers; for an even n cos(2 pi k / n), -sin(2 pi k / n) for k <= m
 *
 * dft_rows, rdft_rows, irdft_rows  buffers as of dft with one axis that is the last, rdft and irdft; given >= what is
 *        transformed, n even for the latter two
 *   ints   [0] outer [1] given [2] m [3] down [4] across [5] near [6] is_whole [7] factors of `down` [8..19] these
 *          [20] factors of `across` [21..32] these: m complex numbers are transformed, m = down * across
 *   reals  of the kernel's type side by side: cos(2 pi j / down), -sin(2 pi j / down) for j < down; these of `across`;
 *          with w(e) = exp(-2 pi i e / m) for d < near the real parts of scale * w(c d), c < across, then the imaginary
 *          ones, both filled up to a multiple of 16; so w(c r near) for r < down / near, rounded up; for the latter two
 *          kernels cos(2 pi k / (2 m)) for k <= m, filled up and 16 more, and -sin
 *   A row's m numbers are a matrix of `down` rows and `across` columns. A vector of columns is transformed, turned and
 *   transposed at once, then a vector of the rows. If is_whole, a unit is a row; else the columns and the rows are
 *   phases, and what makes half of the frequencies of real numbers is a third. That of rdft is twice the sum.
 *
 * A phase of dft is an axis; a unit transforms a vector of lanes at once: neighbours along `inner`, or rows where that
 * is 1. The passes are Stockham's: a factor each, from one half of the scratch to the other, without a reordering. */
#include "vector.h"

enum { DFT_FACTORS = 12, DFT_MAX_FACTOR = 127, DFT_INTS = 4 + DFT_FACTORS, RDFT_INTS = 5 + DFT_FACTORS };

typedef struct {
  int64_t outer, n, inner, factors, factor[DFT_FACTORS];
} dft_axis;

static dft_axis dft_axis_of(const int64_t *ints, int64_t axis) {
  dft_axis a;
  memcpy(&a, ints + 1 + axis * DFT_INTS, sizeof a); /* the fields are in the order of the ints */
  FNN_REQUIRE(a.n > 0 && a.factors <= DFT_FACTORS);
  return a;
}

typedef struct {
  int64_t outer, n, given, length, factors, factor[DFT_FACTORS];
} rdft_shape;

static rdft_shape rdft_shape_of(const int64_t *ints) {
  rdft_shape s;
  _Static_assert(sizeof s == RDFT_INTS * sizeof *ints, "the fields are the ints");
  memcpy(&s, ints, sizeof s);
  FNN_REQUIRE(s.n > 0 && s.length == (s.n % 2 ? s.n : s.n / 2) && s.factors <= DFT_FACTORS);
  return s;
}

enum { DFT_FILL = 16, DFT_ROWS_INTS = 9 + 2 * DFT_FACTORS };

typedef struct {
  int64_t outer, given, m, down, across, near, is_whole, down_factors, down_factor[DFT_FACTORS], across_factors,
    across_factor[DFT_FACTORS];
} dft_matrix;

static dft_matrix dft_matrix_of(const int64_t *ints) {
  dft_matrix a;
  _Static_assert(sizeof a == DFT_ROWS_INTS * sizeof *ints, "the fields are the ints");
  memcpy(&a, ints, sizeof a);
  FNN_REQUIRE(a.down * a.across == a.m && a.near > 0 && a.down_factors <= DFT_FACTORS &&
              a.across_factors <= DFT_FACTORS && a.down_factors > 0 && a.across_factors > 0);
  return a;
}

/* Of a number, by these passes. */
static double dft_flops(int64_t factors, const int64_t *factor) {
  double flops = 0;
  for (int64_t k = 0; k < factors; k++)
    flops += factor[k] % 4 ? 4 * (double)factor[k] : factor[k] == 4 ? 9 : factor[k] == 8 ? 13 : 17;
  return flops;
}

#include "types_f32.h"
#include "transpose.h"
#include "fourier_passes_body.h"
#include "fourier_body.h"
#include "fourier_rows_body.h"
#include "types_f64.h"
#include "transpose.h"
#include "fourier_passes_body.h"
#include "fourier_body.h"
#include "fourier_rows_body.h"
#include "types_none.h"

static const fnn_entry entries[] = {
    {"dft_f32", dft_f32, dft_size_f32},     {"dft_f64", dft_f64, dft_size_f64},
    {"rdft_f32", rdft_f32, rdft_size_f32},  {"rdft_f64", rdft_f64, rdft_size_f64},
    {"irdft_f32", irdft_f32, rdft_size_f32}, {"irdft_f64", irdft_f64, rdft_size_f64},
    {"dft_rows_f32", dft_rows_f32, dft_rows_size_f32},       {"dft_rows_f64", dft_rows_f64, dft_rows_size_f64},
    {"rdft_rows_f32", rdft_rows_f32, rdft_rows_size_f32},    {"rdft_rows_f64", rdft_rows_f64, rdft_rows_size_f64},
    {"irdft_rows_f32", irdft_rows_f32, irdft_rows_size_f32}, {"irdft_rows_f64", irdft_rows_f64, irdft_rows_size_f64},
    {0}};
const fnn_table FNN_TABLE(fourier) = {entries, 0, 0};
