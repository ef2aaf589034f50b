"""The project's images, built with whatever this machine has: what `make images` does."""
