"""Every setting of fastnn, and every environment variable it reads."""

import json
import os

# FASTNN_ISA forces a kernel table: generic, avx2, avx512 or neon.
FORCED_ISA = os.environ.get("FASTNN_ISA") or None
