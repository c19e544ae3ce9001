"""One seed for everything random, on Sionna's generators."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from sionna.phy import config
from sionna.phy.config import dtypes

from sionna_isac.core import checks, linalg

__all__ = [
    "add_noise",
    "complex_normal",
    "gamma",
    "numpy_rng",
    "reset_stream",
    "set_seed",
    "uniform",
    "uniform_integers",
]


def set_seed(seed: int) -> None:
    """Seed Sionna's generators and those of Keras, NumPy and Python with one number.

    Parameters
    ----------
    seed : `int`
        Seed, 0 <= seed < 2**31

    Raises
    ------
    TypeError, ValueError
        If ``seed`` is not such an integer
    """
    seed = checks.integer("seed", seed, minimum=0, maximum=2**31 - 1)
    keras.utils.set_random_seed(seed)
    config.seed = seed


def reset_stream(seed: int, *labels: Any) -> None:
    """Start an independent random stream that depends on ``seed`` and ``labels`` only.

    A study calls this where it begins a part that can be resumed: the numbers of the part then
    do not depend on what was computed before it in the same process.
    """
    text = "/".join(str(v) for v in (seed, *labels))
    digest = hashlib.sha256(text.encode()).digest()
    set_seed(int.from_bytes(digest[:4], "big") % 2**31)


def uniform(
    shape: Sequence[int], low: float = 0.0, high: float = 1.0, precision: str | None = None
) -> tf.Tensor:
    """Uniform draws on [low, high) from Sionna's generator."""
    dtype = dtypes[precision or config.precision]["tf"]["rdtype"]
    unit = config.tf_rng.uniform(shape, dtype=dtype)
    low, high = tf.constant(low, dtype), tf.constant(high, dtype)
    return low + (high - low) * unit


def uniform_integers(shape: Sequence[int], limit: int) -> tf.Tensor:
    """Uniform integers 0 ... limit-1 from Sionna's generator."""
    return config.tf_rng.uniform(shape, 0, limit, tf.int32)


def numpy_rng() -> np.random.Generator:
    """Sionna's NumPy generator: for draws made once, when a system is built."""
    return config.np_rng


def complex_normal(
    shape: Sequence[int], variance: Any = 1.0, precision: str | None = None
) -> tf.Tensor:
    """Circularly-symmetric draws CN(0, variance) from Sionna's generator.

    ``variance`` broadcasts against ``shape``.
    """
    dtype = dtypes[precision or config.precision]["tf"]["rdtype"]
    parts = config.tf_rng.normal([2, *shape], dtype=dtype)
    if not tf.is_tensor(variance):
        variance = np.asarray(variance, np.float64)  # tf.cast alone would go through float32
    scale = tf.sqrt(tf.cast(variance, dtype) / 2)
    return tf.complex(scale * parts[0], scale * parts[1])


def gamma(shape: Sequence[int], alpha: float, precision: str | None = None) -> tf.Tensor:
    """Gamma draws of the given shape parameter and scale 1, from Sionna's generator.

    TensorFlow's own do not compile with XLA. These accept or reject proposals (G. Marsaglia and W.
    W. Tsang, 2000); one of eight is refused with a probability below 0.05, so that all are in one
    of 2.5e10 draws, which is then replaced by (about) the mean.
    """
    dtype = dtypes[precision or config.precision]["tf"]["rdtype"]
    shifted = alpha if alpha >= 1 else alpha + 1
    mean = tf.constant(shifted - 1 / 3, dtype)
    normal = config.tf_rng.normal([8, *shape], dtype=dtype)
    cube = (1 + normal / tf.sqrt(9 * mean)) ** 3
    positive = cube > 0
    bound = normal**2 / 2 + mean * (1 - cube + tf.math.log(tf.where(positive, cube, 1.0)))
    chance = config.tf_rng.uniform([8, *shape], dtype=dtype)
    accepted = positive & (tf.math.log(chance) < bound)
    draw = tf.ones(shape, dtype)
    for i in range(8):
        draw = tf.where(accepted[i], cube[i], draw)
    draw *= mean
    if alpha < 1:
        draw *= config.tf_rng.uniform(shape, dtype=dtype) ** (1 / alpha)
    return draw


def add_noise(y: tf.Tensor, no: Any) -> tf.Tensor:
    """Add circularly-symmetric white noise to a signal.

    Parameters
    ----------
    y : [batch_size, ...], `tf.complex`
        Signal
    no : `None` | [...], `tf.float`
        Noise power [W], as a number or with the leading dimensions of ``y``, such as one value
        for each sample; `None` adds no noise

    Output
    ------
    : [batch_size, ...], `tf.complex`
        Noisy signal

    Raises
    ------
    ValueError
        If the shape of ``no`` does not fit, or (in eager mode) a value is negative or not finite
    """
    if no is None:
        return y
    no = checks.noise_power(no, y)
    return y + complex_normal(
        linalg.sizes(y), no, "double" if y.dtype == tf.complex128 else "single"
    )
