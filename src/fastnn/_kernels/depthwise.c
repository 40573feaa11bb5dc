/* depthwise.c: depthwise convolution and its gradients, vectorised over channels.
 *
 * Layouts, all contiguous: x (n, h, w, c), kernel (kh, kw, c, mult), y (n, oh, ow, c * mult).
 *   y[i, oy, ox, c * mult + m] = sum over ky, kx of
 *     x[i, oy * stride_h - pad_top + ky * dilation_h, ox * stride_w - pad_left + kx * dilation_w, c] * kernel[ky, kx, c, m]
 * Outside x there are zeros; the padding at the bottom and the right is whatever oh and ow need.
 *
 * depthwise_conv2d             buffers 0 x, 1 kernel, 2 y, then the program's over (n * oh * ow, c * mult)
 * depthwise_conv2d_grad_input  buffers 0 dy, 1 kernel, 2 dx, then the program's over (n * h * w, c)
 * depthwise_conv2d_grad_kernel buffers 0 x, 1 dy, 2 dkernel
 *   ints   enum depthwise_ints, the same for all three
 *   reals  the program's
 * Any element alignment; outputs must not overlap inputs; every element of an output is written.
 *
 * Everything runs on "wide" pixels: c * mult channels, each channel of x repeated mult times, padded to whole vectors
 * with zeros. A window of x that has no such pixels, or reaches outside the image, is copied to scratch as wide ones.
 * Order of summation: ky, kx ascending (grad_input: descending, and then over m); grad_kernel adds fixed blocks of the
 * batch, each band of them in four chains over the pixels of a row. */
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

enum { DW_PIXELS = 8 /* results in registers: as many chains as two multipliers with a latency of four cycles need */ };

#include "types_f32.h"
#include "depthwise_body.h"
#include "types_f64.h"
#include "depthwise_body.h"
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
