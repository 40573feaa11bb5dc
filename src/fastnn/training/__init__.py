"""Training: `fit`, `evaluate` and `predict`; how data is cut into batches; what a compiled loss and its metrics are."""
