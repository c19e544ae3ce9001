"""Timed comparisons of the library with plain implementations of the same algorithms."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
