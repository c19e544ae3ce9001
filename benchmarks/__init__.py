"""Timed comparisons of the library with plain implementations of the same algorithms."""
