"""The operator: gathers what is, decides what should be, and applies it."""
