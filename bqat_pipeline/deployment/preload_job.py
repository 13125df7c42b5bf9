"""What each run looks up first, done once in the process that runs are forked from; this reads its settings."""

import gc

from bqat_pipeline.definitions import defs
from bqat_pipeline.face.engine import fingerprint
from bqat_pipeline.names import SCAN

fingerprint()
defs.get_repository_def().get_job(SCAN)
gc.freeze()
