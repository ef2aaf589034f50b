"""From nothing to a trained model: what `make demo` does."""
