#include "registry.h"

#include <stdio.h>

#include "statuses.h"
#include "tables.h"

#define DECLARE(family, isa) extern const fnn_table fnn_##family##_##isa;
#define ISA_ID(isa) isa_##isa,
#define ISA_STRING(isa) #isa,
#define ROW(family, isa) {isa_##isa, #family, &fnn_##family##_##isa},
/* tables.h lists X(family, isa); each use below gives X its meaning. */
#define X DECLARE
FNN_TABLES(X)
#undef X

enum {
#define X ISA_ID
  FNN_ISAS(X)
#undef X
  n_isas
};
static const char *const isa_names[] = {
#define X ISA_STRING
  FNN_ISAS(X)
#undef X
};
static const struct {
  int isa;
  const char *family;
  const fnn_table *table;
} rows[] = {
#define X ROW
  FNN_TABLES(X)
#undef X
};
enum { n_rows = sizeof rows / sizeof rows[0] };

int fnn_isa_count(void) { return n_isas; }
const char *fnn_isa_name(int isa) { return isa_names[isa]; }

int fnn_isa_supported(int isa) {
  const char *name = isa_names[isa];
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (!strcmp(name, "generic")) return __builtin_cpu_supports("x86-64-v2") != 0;
  if (!strcmp(name, "avx2")) return __builtin_cpu_supports("x86-64-v3") != 0;
  if (!strcmp(name, "avx512")) return __builtin_cpu_supports("x86-64-v4") != 0;
#endif
  return !strcmp(name, "generic") || !strcmp(name, "neon");
}

int fnn_table_count(int isa) {
  int n = 0;
  for (int k = 0; k < n_rows; k++) n += rows[k].isa == isa;
  return n;
}

static int row_of(int isa, int k) {
  for (int r = 0; r < n_rows; r++)
    if (rows[r].isa == isa && k-- == 0) return r;
  return -1;
}

const fnn_table *fnn_table_get(int isa, int k) { return rows[row_of(isa, k)].table; }
const char *fnn_table_family(int isa, int k) { return rows[row_of(isa, k)].family; }

const fnn_entry *fnn_find(int isa, const char *name) {
  for (int r = 0; r < n_rows; r++) {
    if (rows[r].isa != isa) continue;
    for (const fnn_entry *e = rows[r].table->entries; e->name; e++)
      if (!strcmp(e->name, name)) return e;
  }
  return NULL;
}

fnn_program_fn *const *fnn_programs(int isa) {
  for (int r = 0; r < n_rows; r++)
    if (rows[r].isa == isa && rows[r].table->program) return rows[r].table->program;
  return NULL;
}

const char *const *fnn_opcodes(int isa) {
  for (int r = 0; r < n_rows; r++)
    if (rows[r].isa == isa && rows[r].table->opcodes) return rows[r].table->opcodes;
  return NULL;
}

const char *fnn_cpu_features(void) {
  static char text[256];
  if (text[0]) return text;
#if defined(__x86_64__)
  __builtin_cpu_init();
#define FEATURE(name)                                                                                                  \
  if (__builtin_cpu_supports(name)) strcat(text, name " ");
  FEATURE("sse4.2") FEATURE("avx") FEATURE("fma") FEATURE("avx2") FEATURE("avx512f") FEATURE("avx512dq")
  FEATURE("avx512bw") FEATURE("avx512vl") FEATURE("avx512vnni") FEATURE("avx512bf16")
#undef FEATURE
  if (text[0]) text[strlen(text) - 1] = 0;
#else
  strcpy(text, "neon");
#endif
  return text;
}

const char *fnn_compiler(void) { return FNN_COMPILER; }
const char *fnn_kernel_flags(void) { return FNN_KERNEL_FLAGS; }
const char *fnn_version(void) { return FNN_VERSION; }

const fnn_status_text *fnn_status_of(int status) {
#define ROW(number, exception, message) [number] = {exception, message},
  static const fnn_status_text texts[] = {FNN_STATUSES(ROW)};
#undef ROW
  return status > FNN_OK && status < (int)(sizeof texts / sizeof *texts) ? &texts[status] : NULL;
}
