/* conv2d.c: two-dimensional convolution and its gradients on the microkernel of tile.h, with no im2col buffer.
 *
 * Layouts, all contiguous: x (n, h, w, cin), kernel (kh, kw, cin / groups, cout), y (n, oh, ow, cout).
 *   y[i, oy, ox, o] = bias[o] + sum over ky, kx, c of
 *                     x[i, oy * stride_h - pad_top + ky * dilation_h, ox * stride_w - pad_left + kx * dilation_w, c]
 *                     * kernel[ky, kx, c, o]
 * Outside x there are zeros; the padding at the bottom and the right is whatever oh and ow need. Where all pixels of a
 * tile would meet zeros, a tap is left out.
 *
 * conv2d             buffers 0 x, 1 kernel, 2 y, 3 bias (cout,) or NULL, then the program's over (n * oh * ow, cout)
 * conv2d_grad_input  buffers 0 dy, 1 kernel, 2 dx, then the program's over (n * h * w, cin)
 * conv2d_grad_kernel buffers 0 x, 1 dy, 2 dkernel, 3 dbias (cout,) or NULL, then the program's over
 *                    (kh * kw * cin / groups, cout); its tiles are of one group
 * conv3d, conv3d_grad_kernel: the same of x (n, depth, h, w, cin), kernel (kd, kh, kw, cin, cout) and
 *                    y (n, od, oh, ow, cout), without groups: planes of volumes are images, and kz comes before ky
 *   ints   enum conv2d_ints, the same for all, the last of them for volumes alone
 *   reals  the program's
 * Any element alignment; outputs must not overlap inputs; every element of an output is written.
 *
 * A tile's rows are result pixels (result rows of the kernel gradient are (ky, kx, c)); A is read through a pointer for
 * each. Where a window reaches outside x it is first copied, with its zeros, to scratch, unless tiles that end with
 * what the same taps reach cost less. Order of summation: ky, kx, c ascending in one chain, which the bias ends, or of
 * few channels begins (then by kx, c, ky in conv2d_shift_body.h; to a vector or less as in conv2d_dots_body.h, or
 * by a chain of even and one of odd (kx, c) and then the last of odd runs in conv2d_lines_body.h, to one and a half
 * too; grad_input: ky, kx descending, then o, to so few likewise by two chains; of few channels in the order of
 * conv2d_lanes_body.h or conv2d_scatter_body.h, of large kernels in that of conv2d_spread_body.h, of a vector of
 * channels or of three in that of conv2d_pairs_body.h, of small groups in that of conv2d_grouped_body.h);
 * grad_kernel adds fixed blocks of the batch, each a chain over its pixels in order (of few channels in that of
 * thin_pieces), or for dbias four, which pixels join in turns, or one for each band (conv2d_point_body.h). */
#include <math.h>

#include "conv2d.h"
#include "program.h"
#include "vector.h"
#include "window.h"

#include "types_f32.h"
#include "tile.h"
#include "pack.h"
#include "conv2d_body.h"
#include "conv2d_grad_body.h"
#include "types_f64.h"
#include "tile.h"
#include "pack.h"
#include "conv2d_body.h"
#include "conv2d_grad_body.h"
#include "types_none.h"

static const fnn_entry entries[] = {
  {"conv2d_f32", conv2d_f32, conv2d_size_f32},
  {"conv2d_f64", conv2d_f64, conv2d_size_f64},
  {"conv2d_grad_input_f32", conv2d_grad_input_f32, conv2d_grad_input_size_f32},
  {"conv2d_grad_input_f64", conv2d_grad_input_f64, conv2d_grad_input_size_f64},
  {"conv2d_grad_kernel_f32", conv2d_grad_kernel_f32, conv2d_grad_kernel_size_f32},
  {"conv2d_grad_kernel_f64", conv2d_grad_kernel_f64, conv2d_grad_kernel_size_f64},
  {"conv3d_f32", conv3d_f32, conv3d_size_f32},
  {"conv3d_f64", conv3d_f64, conv3d_size_f64},
  {"conv3d_grad_kernel_f32", conv3d_grad_kernel_f32, conv3d_grad_kernel_size_f32},
  {"conv3d_grad_kernel_f64", conv3d_grad_kernel_f64, conv3d_grad_kernel_size_f64},
  {0}};
const fnn_table FNN_TABLE(conv2d) = {entries, 0, 0};
