"""One thread each: on shared cores, threads that wait for one another are slower than none."""

import os

# Before anything imports numpy, torch or onnxruntime; what tests start inherits it.
for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "SIGHTSOUND_THREADS"):
    os.environ.setdefault(_name, "1")
