"""Common parts of receivers of a channel between two arrays."""

from __future__ import annotations

import tensorflow as tf

from sionna_isac.core import checks, linalg
from sionna_isac.receiver.angle_delay import silenced

__all__ = ["checked", "observe", "root"]

AXES = "[batch_size, num_frequencies, num_rx, num_tx]"


def checked(h: tf.Tensor, shape: list[int | None]) -> tf.Tensor:
    """Channels, checked to have a shape."""
    checks.shape("h", h, shape, AXES)
    return tf.ensure_shape(h, shape)


def observe(h: tf.Tensor, shape: list[int | None]) -> tuple[tf.Tensor, tf.Tensor]:
    """Channels [batch_size, ...] of unit norm, and which of them are finite and not zero."""
    h, valid = silenced(checked(h, shape))
    energy = tf.reduce_sum(tf.math.real(h * tf.math.conj(h)), [1, 2, 3], keepdims=True)
    if tf.executing_eagerly() and not bool(tf.reduce_all(energy > 0)):
        raise ValueError("h must hold a channel in each sample; got zeros only")
    norm = tf.sqrt(tf.where(energy > 0, energy, tf.ones_like(energy)))
    return h / linalg.to_complex(norm), valid & (energy[:, 0, 0, 0] > 0)


def root(values: tf.Tensor) -> tf.Tensor:
    """Square root, with gradient 0 where a value is 0."""
    lit = values > 0
    return tf.where(lit, tf.sqrt(tf.where(lit, values, tf.ones_like(values))), 0.0)
