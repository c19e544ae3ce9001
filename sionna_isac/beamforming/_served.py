"""Beams that serve users with a wanted SINR, in TensorFlow, for batches.

Channels are in units of the amplitude of the noise; those of users that are not there are 0.
"""

from __future__ import annotations

import tensorflow as tf

from sionna_isac.core import linalg

__all__ = [
    "away_from_users",
    "blended",
    "frugal_beams",
    "mmse_beams",
    "own_signals",
    "rate_prices",
    "safe_root",
    "scaled",
    "user_sinr",
]

_HIGHEST = 1e6  # SNR of the dual uplink, beyond which a user is out of reach
_ROUNDS = 20  # of the fixed point, which converges linearly


def user_sinr(channels: tf.Tensor, beams: tf.Tensor, user_noise: float = 1.0) -> tf.Tensor:
    r"""Signal-to-interference-plus-noise ratios of users, each with a beam of its own.

    .. math::
        \mathrm{SINR}_k = \frac{|\mathbf{h}_k^H\mathbf{w}_k|^2}
        {\sum_{j\ne k}|\mathbf{h}_k^H\mathbf{w}_j|^2 + \sigma^2}

    Parameters
    ----------
    channels : [..., num_users, num_antennas], `tf.complex`
        Channels: user k receives :math:`\mathbf{h}_k^H\mathbf{x}`
    beams : [..., num_antennas, num_users], `tf.complex`
        Beams [sqrt(W)]
    user_noise : `float`, (default 1)
        Noise power :math:`\sigma^2` [W]

    Output
    ------
    : [..., num_users], `tf.float`
        Ratios
    """
    power = _power(_received(channels, beams))
    own = tf.linalg.diag_part(power)
    return own / (tf.reduce_sum(power, -1) - own + user_noise)


def frugal_beams(
    channels: tf.Tensor, present: tf.Tensor, min_sinr: float
) -> tuple[tf.Tensor, tf.Tensor]:
    r"""Beams that give each user the wanted SINR with the least power, as far as they can.

    Their directions are :math:`(\mathbf{I} + \sum_j\lambda_j\mathbf{h}_j\mathbf{h}_j^H)^{-1}
    \mathbf{h}_k`, with the powers :math:`\lambda` of the dual uplink from its fixed point
    :math:`\lambda_k \leftarrow \lambda_k\,\Gamma/(1+\Gamma)/(1-m_k)`, where :math:`m_k` is the
    error of the uplink's linear receiver.

    Parameters
    ----------
    channels : [B, K, N], `tf.complex`
        Channels
    present : [B, K], `tf.float`
        1 for users that are there, else 0
    min_sinr : `float`
        Wanted SINR :math:`\Gamma`

    Output
    ------
    beams : [B, N, K], `tf.complex`
        Beams, 0 for users that are not there
    price : [B, K], `tf.float`
        Powers :math:`\lambda`, the multipliers of the constraints
    """
    gram = _gram(channels)
    absent = 1 - present
    gain = tf.math.real(tf.linalg.diag_part(gram)) + absent
    start = price = min_sinr * present / gain
    share = min_sinr / (1 + min_sinr)

    def turn(price: tf.Tensor) -> tuple[tf.Tensor]:
        error = tf.math.real(tf.linalg.diag_part(_inverse(gram, price)))
        grown = price * share / (1 - error + absent)
        return (tf.minimum(grown, _HIGHEST * present / gain),)

    # a loop of the graph: XLA would compile each factorisation of an unrolled one for seconds
    (price,) = tf.while_loop(lambda price: True, turn, (price,), maximum_iterations=_ROUNDS)
    # out of reach, prices grow without end
    within = tf.reduce_all(price * gain < 0.99 * _HIGHEST, -1, keepdims=True)
    price = tf.where(within, price, start)
    beams = _uplink_beams(channels, gram, price, present)
    # powers with which each SINR is the wanted one: a linear system
    power = _power(_received(channels, beams))
    own = tf.linalg.diag_part(power)
    system = tf.linalg.diag(own * (1 + 1 / min_sinr) + absent) - power
    # where there are none, all users get the same power
    eye = tf.eye(linalg.sizes(gram)[-1], dtype=system.dtype)
    level = tf.linalg.solve(
        tf.where(within[..., tf.newaxis], system, eye), present[..., tf.newaxis]
    )[..., 0]
    served = within & tf.reduce_all((level > 0) | (present == 0), -1, keepdims=True)
    level = tf.where(served, level, present)
    return beams * linalg.to_complex(safe_root(level))[:, tf.newaxis], price


def mmse_beams(channels: tf.Tensor, present: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Regularised zero-forcing beams [B, N, K] of power 1 each, and equal prices [B, K]."""
    price = present / tf.reduce_sum(present, -1, keepdims=True)
    return _uplink_beams(channels, _gram(channels), price, present), price


def away_from_users(channels: tf.Tensor, vectors: tf.Tensor) -> tf.Tensor:
    r"""Product of :math:`(\mathbf{I} + \sum_j\mathbf{h}_j\mathbf{h}_j^H)^{-1}` with vectors: what
    users would receive of them above the noise is taken away.

    Parameters
    ----------
    channels : [B, K, N], `tf.complex`
        Channels
    vectors : [B, N, M], `tf.complex`
        Vectors

    Output
    ------
    : [B, N, M], `tf.complex`
    """
    gram = _gram(channels)
    heard = linalg.hermitian_solve(gram + _eye(gram), _received(channels, vectors))
    return vectors - linalg.matmul(tf.linalg.matrix_transpose(channels), heard)


def own_signals(channels: tf.Tensor, beams: tf.Tensor) -> tf.Tensor:
    """Amplitudes [B, K] that users receive of their own beams."""
    return tf.linalg.diag_part(_received(channels, beams))


def rate_prices(channels: tf.Tensor, beams: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    r"""Multipliers of beams at the largest sum rate, :math:`1/I_k - 1/T_k` and :math:`1/I_k`.

    User k receives the power :math:`T_k` with the noise and :math:`I_k` without its own beam. The
    gradient of the sum rate, times ln 2, is :math:`\mathbf{h}_k\mathbf{h}_k^H\mathbf{w}_k / I_k
    - \sum_j (1/I_j - 1/T_j)\,\mathbf{h}_j\mathbf{h}_j^H\mathbf{w}_k`.

    Parameters
    ----------
    channels : [B, K, N], `tf.complex`
        Channels
    beams : [B, N, K], `tf.complex`
        Beams

    Output
    ------
    others, own : [B, K], `tf.float`
        Multipliers
    """
    power = _power(_received(channels, beams))
    signal = tf.linalg.diag_part(power)
    total = tf.reduce_sum(power, -1) + 1
    rest = total - signal
    return signal / (rest * total), 1 / rest


def blended(
    channels: tf.Tensor, beams: tf.Tensor, safe: tf.Tensor, present: tf.Tensor, min_sinr: float
) -> tf.Tensor:
    r"""Beams closest to the given ones on the way to safe ones that serve all users.

    With real :math:`\mathbf{h}_k^H\mathbf{w}_k > 0` the condition on the SINR is a cone,

    .. math::
        \sqrt{1 + 1/\Gamma}\; \mathbf{h}_k^H\mathbf{w}_k
        \ge \lVert[\mathbf{h}_k^H\mathbf{W}, 1]\rVert ,

    so that the way from beams that violate it to beams that meet it crosses its surface once, at
    the root of a quadratic equation.

    Parameters
    ----------
    channels, present, min_sinr
        As for :func:`frugal_beams`
    beams, safe : [B, N, K], `tf.complex`
        Beams of the same power; those of ``safe`` exceed the wanted SINR

    Output
    ------
    : [B, N, K], `tf.complex`
        Mixture of both; ``safe`` where these miss the SINR too
    """
    first, last = _turned(channels, beams), _turned(channels, safe)
    start, end = _received(channels, first), _received(channels, last)
    step = end - start
    wide = (1 + 1 / min_sinr) ** 0.5
    own, change = (wide * tf.math.real(tf.linalg.diag_part(v)) for v in (start, step))
    # margin(t) = a t^2 + 2 b t + c
    cross = tf.math.real(start) * tf.math.real(step) + tf.math.imag(start) * tf.math.imag(step)
    a = change**2 - tf.reduce_sum(_power(step), -1)
    b = own * change - tf.reduce_sum(cross, -1)
    c = own**2 - tf.reduce_sum(_power(start), -1) - 1
    wrong = (c < 0) & (present > 0)
    crossed = wrong & (a + 2 * b + c > 0)  # and then b > 0, b^2 > a c
    denominator = b + tf.sqrt(tf.where(crossed, tf.maximum(b * b - a * c, 0), tf.ones_like(b)))
    denominator = tf.where(crossed, denominator, tf.ones_like(b))
    share = tf.where(crossed, -c / denominator, tf.cast(wrong, c.dtype))
    share = tf.clip_by_value(tf.reduce_max(share, -1), 0, 1)
    return first + linalg.to_complex(share)[:, tf.newaxis, tf.newaxis] * (last - first)


def scaled(beams: tf.Tensor, power: float) -> tf.Tensor:
    """The same beams with a total power."""
    energy = tf.maximum(tf.reduce_sum(_power(beams), [-2, -1], keepdims=True), _floor(beams))
    return beams * linalg.to_complex(tf.sqrt(power / energy))


def safe_root(values: tf.Tensor) -> tf.Tensor:
    """Square roots, with gradient 0 at 0."""
    some = values > 0
    return tf.where(some, tf.sqrt(tf.where(some, values, tf.ones_like(values))), 0 * values)


def _received(channels: tf.Tensor, beams: tf.Tensor) -> tf.Tensor:
    """Amplitudes [..., K, M] that users receive of beams: h_k^H w_m."""
    return linalg.matmul(tf.math.conj(channels), beams)


def _gram(channels: tf.Tensor) -> tf.Tensor:
    return linalg.matmul(tf.math.conj(channels), tf.linalg.matrix_transpose(channels))


def _eye(gram: tf.Tensor) -> tf.Tensor:
    *batch, number, _ = linalg.sizes(gram)
    return tf.eye(number, batch_shape=batch, dtype=gram.dtype)


def _inverse(gram: tf.Tensor, price: tf.Tensor) -> tf.Tensor:
    """Inverse [B, K, K] of I + sqrt(price) gram sqrt(price)."""
    root = linalg.to_complex(safe_root(price))
    eye = _eye(gram)
    return linalg.hermitian_solve(eye + root[:, :, tf.newaxis] * gram * root[:, tf.newaxis, :], eye)


def _uplink_beams(
    channels: tf.Tensor, gram: tf.Tensor, price: tf.Tensor, present: tf.Tensor
) -> tf.Tensor:
    """Unit beams (I + sum_j price_j h_j h_j^H)^-1 h_k [B, N, K] of users that are there."""
    root = linalg.to_complex(safe_root(price))
    mixing = root[:, :, tf.newaxis] * _inverse(gram, price)
    beams = linalg.matmul(tf.linalg.matrix_transpose(channels), mixing)
    energy = tf.reduce_sum(_power(beams), 1) + (1 - present)
    return beams * linalg.to_complex(tf.math.rsqrt(energy))[:, tf.newaxis]


def _turned(channels: tf.Tensor, beams: tf.Tensor) -> tf.Tensor:
    """Beams with such phases that each user receives a real, positive amplitude of its own."""
    own = own_signals(channels, beams)
    re, im = tf.math.real(own), tf.math.imag(own)
    size = linalg.safe_abs(re, im, 1e-12)
    some = size > 0
    size = tf.where(some, size, tf.ones_like(size))
    cos, sin = tf.where(some, re / size, tf.ones_like(re)), tf.where(some, im / size, 0 * im)
    return beams * tf.complex(cos, -sin)[:, tf.newaxis]


def _power(values: tf.Tensor) -> tf.Tensor:
    return tf.math.real(values) ** 2 + tf.math.imag(values) ** 2


def _floor(values: tf.Tensor) -> tf.Tensor:
    return tf.constant(1e-30, tf.math.real(values).dtype)
