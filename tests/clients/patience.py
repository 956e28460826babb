"""How long anything may take before it is taken for hung."""

# Far longer than anything takes on a busy machine: a process that hangs fails its test and not the whole run.
PATIENCE_SECONDS = 60
