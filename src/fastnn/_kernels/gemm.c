#include "program.h"

static const fnn_entry entries[] = {{0}};
const fnn_table FNN_TABLE(gemm) = {entries, 0, 0};
