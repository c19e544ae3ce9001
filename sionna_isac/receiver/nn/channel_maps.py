"""Feature maps of channels: real and imaginary parts, normalised."""

from __future__ import annotations

import tensorflow as tf

from sionna_isac.core import Complex, Layer, checks, cites, register

__all__ = ["ChannelMaps"]


@register
@cites("Zhao26")
class ChannelMaps(Layer):
    r"""Real and imaginary part of channels of unit mean power, Eqs. (16) and (17) of [Zhao26]_.

    Each sample is divided by its root mean square over tones and antennas, so that maps do not
    depend on the distance of the target by its path loss. A sample of zeros stays one.

    Attributes
    ----------
    out_channels : `int`
        Number of channels of the maps, 2

    Input
    -----
    h : [batch_size, num_tones, num_rx, num_tx], `tf.complex`
        Channels :math:`\mathbf{H}`

    Output
    ------
    : [batch_size, num_tones, num_rx, num_tx, 2], `tf.float`
        Maps; NaN for a sample that is not finite
    """

    out_channels = 2

    def call(self, h: Complex) -> tf.Tensor:
        checks.rank("h", h, 4, "[batch_size, num_tones, num_rx, num_tx]")
        maps = tf.stack([tf.math.real(h), tf.math.imag(h)], -1)
        axes = (1, 2, 3, 4)
        # squares of a weak signal would vanish: the largest part of each sample is the unit
        kept = tf.stop_gradient(maps)
        largest = tf.maximum(
            tf.reduce_max(kept, axes, keepdims=True), -tf.reduce_min(kept, axes, keepdims=True)
        )
        maps /= tf.where(tf.equal(largest, 0), tf.ones_like(largest), largest)
        # not finite if any entry is not
        power = tf.reduce_mean(maps**2, axes, keepdims=True)
        return maps * tf.math.rsqrt(tf.where(tf.equal(power, 0), tf.ones_like(power), power))
