/* conv2d.h: the integer parameters of a two-dimensional convolution and its gradients, the same for all algorithms. */
#ifndef FNN_CONV2D_H
#define FNN_CONV2D_H

#include "fnn.h"

enum conv2d_ints {
  CONV_N,
  CONV_H,
  CONV_W,
  CONV_CIN,
  CONV_OH,
  CONV_OW,
  CONV_COUT,
  CONV_KH,
  CONV_KW,
  CONV_STRIDE_H,
  CONV_STRIDE_W,
  CONV_DILATION_H,
  CONV_DILATION_W,
  CONV_PAD_TOP,
  CONV_PAD_LEFT,
  CONV_GROUPS,
  CONV_RELU,     /* conv2d: clip the result at 0 */
  CONV_EPILOGUE, /* where in ints the program begins; 0: none */
  CONV_INTS,
  CONV_DEPTH = CONV_INTS, /* conv3d and conv3d_grad_kernel alone: what the others have along the height and width */
  CONV_OD,
  CONV_KD,
  CONV_STRIDE_D,
  CONV_DILATION_D,
  CONV_PAD_FRONT,
  CONV_DEEP_INTS
};

/* Along which axis the results of a segment of a kernel gradient follow each other. */
enum { CONV_ALONG_IMAGES, CONV_ALONG_ROWS, CONV_ALONG_COLS };

typedef struct {
  int64_t n, h, w, cin, oh, ow, cout, kh, kw, stride_h, stride_w, dilation_h, dilation_w, pad_top, pad_left, groups;
  int64_t volumes, depth, od, kd, stride_d, dilation_d, pad_front; /* images are planes of volumes: n those of y */
  int64_t cin_g, cout_g, taps;                                     /* channels of a group, kd * kh * kw */
  int is_deep;                                                     /* planes of y are not those of x */
} conv_shape;

FNN_INLINE conv_shape conv_shape_of(const int64_t *ints) {
  conv_shape s;
  memcpy(&s, ints, 16 * sizeof(int64_t)); /* the fields are in the order of enum conv2d_ints */
  FNN_REQUIRE(s.groups > 0 && s.cin % s.groups == 0 && s.cout % s.groups == 0);
  FNN_REQUIRE(s.kh > 0 && s.kw > 0 && s.stride_h > 0 && s.stride_w > 0 && s.dilation_h > 0 && s.dilation_w > 0);
  FNN_REQUIRE(s.n >= 0 && s.h > 0 && s.w > 0 && s.oh > 0 && s.ow > 0);
  s.cin_g = s.cin / s.groups;
  s.cout_g = s.cout / s.groups;
  s.taps = s.kh * s.kw;
  s.volumes = s.kd = s.stride_d = s.dilation_d = 1;
  s.depth = s.od = s.n;
  s.pad_front = s.is_deep = 0;
  return s;
}

/* The same of volumes, whose planes are images. */
FNN_INLINE conv_shape conv_deep_shape_of(const int64_t *ints) {
  conv_shape s = conv_shape_of(ints);
  s.volumes = s.n;
  memcpy(&s.depth, ints + CONV_DEPTH, (CONV_DEEP_INTS - CONV_DEPTH) * sizeof(int64_t)); /* in their order */
  FNN_REQUIRE(s.groups == 1 && s.depth > 0 && s.od > 0 && s.kd > 0 && s.stride_d > 0 && s.dilation_d > 0);
  s.n *= s.od;
  s.taps *= s.kd;
  s.is_deep = 1;
  return s;
}

FNN_INLINE double conv_flops(const conv_shape *s) {
  return 2.0 * (double)(s->n * s->oh * s->ow) * (double)(s->taps * s->cin_g * s->cout);
}

FNN_INLINE double conv_elements(const conv_shape *s) {
  return (double)(s->volumes * s->depth * s->h * s->w * s->cin) + (double)(s->n * s->oh * s->ow * s->cout) +
         (double)(s->taps * s->cin_g * s->cout);
}

#endif
