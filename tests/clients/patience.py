"""How long anything may take before it is taken for hung."""

import os

# Far longer than anything takes on a busy machine: a process that hangs fails its test and not the whole run. What is asked
# about the largest farms takes longer, and says so.
PATIENCE_SECONDS = int(os.environ.get("FARMTALLY_PATIENCE_SECONDS", "60"))
