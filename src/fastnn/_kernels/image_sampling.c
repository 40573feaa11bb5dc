/* image_sampling.c: images read between their pixels, and the gradient.
 *
 * sample_bilinear       buffers 0 x (n, h, w, c), 1..6 of each point row0, row1, down, col0, col1, right, 7 y (n, m, c)
 *   y[i, j] = (1 - down) (1 - right) x[i, row0, col0] + (1 - down) right x[i, row0, col1]
 *             + down (1 - right) x[i, row1, col0] + down right x[i, row1, col1]
 *   ints   [0] n [1] h [2] w [3] c [4] m, points of an image [5] is_apart: points are (n, m), else (m) for all images
 *   reals  [0] fill, what stands where a row or a column is outside the image, or no number
 * sample_bilinear_grad  buffers 0 dy (n, m, c), 1..6 as above, 7 dx (n, h, w, c); nothing flows to what is outside
 * Rows and columns are whole floats; h w is less than 2^31. Results are over nothing that is read. A unit of the first
 * is POINTS points; one of the second is an image, so that a sum has the order of the points for any number of threads.
 */
#include "fnn.h"

enum {
  BLOCK = 64,           /* points whose corners are found before the first is read: 2 KiB of float32 */
  POINTS = 16 * BLOCK,
};

static void sampling_size(const int64_t *ints, fnn_work *work, int64_t element_bytes) {
  const double points = (double)ints[0] * (double)ints[4], c = (double)ints[3];
  work->phases = 1;
  work->scratch_bytes = ints[3] * element_bytes;
  work->flops = points * (8 * c + 20);
  work->bytes = (double)element_bytes * (c * ((double)ints[0] * (double)ints[1] * (double)ints[2] + points) +
                                         6 * (ints[5] ? points : (double)ints[4]));
}

#include "types_f32.h"
#include "image_sampling_body.h"
#include "types_f64.h"
#include "image_sampling_body.h"
#include "types_none.h"

static const fnn_entry entries[] = {{"sample_bilinear_f32", sample_bilinear_f32, sample_size_f32},
                                    {"sample_bilinear_f64", sample_bilinear_f64, sample_size_f64},
                                    {"sample_bilinear_grad_f32", sample_bilinear_grad_f32, sample_grad_size_f32},
                                    {"sample_bilinear_grad_f64", sample_bilinear_grad_f64, sample_grad_size_f64},
                                    {0}};
const fnn_table FNN_TABLE(image_sampling) = {entries, 0, 0};
