"""TensorFlow without the notes that it writes whatever its log level is."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

__all__ = ["load_tensorflow"]


def load_tensorflow() -> None:
    """Import TensorFlow; what its native code says meanwhile goes nowhere."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with _silence():
        import tensorflow as tf

        tf.constant(0)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Send what native code writes to standard error to nowhere."""
    sys.stderr.flush()
    kept = os.dup(2)
    sink = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(sink, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(sink)
