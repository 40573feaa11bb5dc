/* registry.h: which kernel tables exist, which this CPU can run, and look-up by name. */
#ifndef FNN_REGISTRY_H
#define FNN_REGISTRY_H

#include "fnn.h"

int fnn_isa_count(void);
const char *fnn_isa_name(int isa);             /* lowest first */
int fnn_isa_supported(int isa);                /* by this CPU and operating system */
int fnn_table_count(int isa);
const fnn_table *fnn_table_get(int isa, int k);
const char *fnn_table_family(int isa, int k);
const fnn_entry *fnn_find(int isa, const char *name); /* NULL when there is none */
fnn_program_fn *const *fnn_programs(int isa);
const char *const *fnn_opcodes(int isa);
const char *fnn_cpu_features(void);            /* space separated, static storage */
const char *fnn_compiler(void);
const char *fnn_kernel_flags(void);
const char *fnn_version(void);

typedef struct {
  const char *exception, *message;
} fnn_status_text;
const fnn_status_text *fnn_status_of(int status); /* of statuses.h; NULL for numbers that are none, and for FNN_OK */

#endif
