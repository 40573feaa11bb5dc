/* types_none.h: takes back the names of types_f32.h and types_f64.h at the end of a header. */
#undef T
#undef V
#undef M
#undef MT
#undef N
#undef FN
#undef OWN
#undef TYPE_DTYPE
#undef COMMON
#undef TWIN_DTYPE
#undef O
