"""First stage of an encoder in training: pooling first, statistics from those of the input."""

from __future__ import annotations

import keras
import numpy as np
import tensorflow as tf

from sionna_isac.receiver.nn._parts import affine, one_replica, update

__all__ = ["PatchMoments", "pays", "pooled_stage"]

PART = 4_000_000  # bytes, a share of the cache (measured)


class PatchMoments:
    """Mean and covariance of the entries that a 3x3 convolution with zero padding sums.

    A convolution is linear in them, so that mean and variance of its outputs, whatever the
    kernel, follow without a look at the outputs, which are many more numbers than the inputs.

    Parameters
    ----------
    images : [batch_size, height, width, channels], `tf.float`
        Images; all but the number of them is static

    Attributes
    ----------
    mean : [9 channels], `tf.float`
        Mean over all places of all images; row, column and channel count in this order
    covariance : [9 channels, 9 channels], `tf.float`
        Covariance
    """

    def __init__(self, images: tf.Tensor) -> None:
        _, height, width, channels = images.shape
        number = tf.cast(tf.shape(images)[0] * height * width, images.dtype)
        total = tf.pad(tf.reduce_sum(images, 0), [[1, 1], [1, 1], [0, 0]])
        means = [
            tf.reduce_sum(total[i : i + height, j : j + width], (0, 1)) / number
            for i in range(3)
            for j in range(3)
        ]
        self.mean = tf.concat(means, 0)

        rows = tf.reshape(images, [-1, height, width * channels])

        def products(first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
            """[width, channels, width, channels]"""
            first, second = (tf.reshape(v, [-1, width * channels]) for v in (first, second))
            return tf.matmul(first, second, transpose_a=True) / number

        same = products(rows, rows)
        # Row i of the patches does not reach the last row (i = 0) or the first (i = 2)
        pairs = {(1, 1): same}
        pairs[0, 0] = same - products(rows[:, -1], rows[:, -1])
        pairs[2, 2] = same - products(rows[:, 0], rows[:, 0])
        pairs[0, 1] = pairs[1, 2] = products(rows[:, :-1], rows[:, 1:])
        pairs[0, 2] = products(rows[:, :-2], rows[:, 2:])
        blocks = {pair: _columns(value, width, channels) for pair, value in pairs.items()}
        moments = tf.concat(
            [
                tf.concat(
                    [blocks[i, k] if i <= k else tf.transpose(blocks[k, i]) for k in range(3)],
                    1,
                )
                for i in range(3)
            ],
            0,
        )
        self.covariance = moments - self.mean[:, tf.newaxis] * self.mean

    def of_outputs(self, kernel: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        """Mean and variance [filters] of the outputs for a kernel [3, 3, channels, filters]."""
        kernel = tf.reshape(kernel, [-1, kernel.shape[-1]])
        mean = tf.linalg.matvec(kernel, self.mean, transpose_a=True)
        variance = tf.reduce_sum(kernel * tf.matmul(self.covariance, kernel), 0)
        return mean, tf.maximum(variance, 0)


def _columns(products: tf.Tensor, width: int, channels: int) -> tf.Tensor:
    """Sums over the places in a row, [3 channels, 3 channels], of products of two rows."""
    place = np.arange(width)
    inside = np.zeros([width, width, 3, 3])
    for j in range(3):
        for k in range(3):
            a, b = place + j - 1, place + k - 1
            both = (a >= 0) & (a < width) & (b >= 0) & (b < width)
            inside[a[both], b[both], j, k] = 1
    products = tf.reshape(products, [width, channels, width, channels])
    products = tf.reshape(tf.transpose(products, [1, 3, 0, 2]), [channels**2, width**2])
    sums = tf.matmul(products, tf.constant(inside.reshape(width**2, 9), products.dtype))
    sums = tf.transpose(tf.reshape(sums, [channels, channels, 3, 3]), [2, 0, 3, 1])
    return tf.reshape(sums, [3 * channels, 3 * channels])


def pays(images: tf.Tensor, filters: int) -> bool:
    """`True` if moments of patches are to be had and take less time than those of the outputs."""
    _, height, width, channels = images.shape
    return one_replica() and height > 2 and width * channels**2 <= 16 * filters  # measured


def pooled_stage(
    convolution: keras.layers.Conv2D,
    normalization: keras.layers.BatchNormalization,
    images: tf.Tensor,
    moments: PatchMoments,
) -> tf.Tensor:
    """Convolution, batch normalisation by the batch, ReLU, maximum pooling.

    Pooling comes first and leaves a quarter of the entries to normalise. It commutes with a
    normalisation of positive scale; filters with a negative one are turned round before. As the
    statistics are known, a few images at a time pass all of it within the cache of a CPU.
    """
    kernel, gamma = convolution.kernel.value, normalization.gamma.value
    mean, variance = moments.of_outputs(kernel)
    update(normalization, mean, variance)
    sign = tf.where(gamma < 0, -tf.ones_like(gamma), tf.ones_like(gamma))
    scale = gamma * tf.math.rsqrt(variance + normalization.epsilon)
    turned, positive = sign * kernel, sign * scale
    offset = normalization.beta.value - scale * mean

    def stage(part: tf.Tensor) -> tf.Tensor:
        pooled = tf.nn.max_pool2d(tf.nn.conv2d(part, turned, 1, "SAME"), 2, 2, "VALID")
        return tf.nn.relu(affine(pooled, positive, offset))

    parts = [stage(part) for part in _in_parts(images, kernel.shape[-1])]
    return tf.concat(parts, 0) if len(parts) > 1 else parts[0]


def _in_parts(images: tf.Tensor, filters: int) -> list[tf.Tensor]:
    """Images with about `PART` bytes of outputs each; all together on a GPU, or if uncounted."""
    number, height, width, _ = images.shape
    if number is None or tf.config.list_physical_devices("GPU"):
        return [images]
    size = number * height * width * filters * images.dtype.size
    count = min(max(size // PART, 1), number)
    sizes = [number // count + (i < number % count) for i in range(count)]
    return tf.split(images, sizes) if count > 1 else [images]
