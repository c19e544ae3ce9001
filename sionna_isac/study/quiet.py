"""Import of TensorFlow without the notes that it writes at every log level."""

from __future__ import annotations

import os

from sionna_isac.study.workers import silenced

__all__ = ["load_tensorflow"]


def load_tensorflow() -> None:
    """Import TensorFlow and discard the messages of its native code."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    with silenced():
        import tensorflow as tf

        tf.constant(0)
