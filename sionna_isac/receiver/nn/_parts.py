"""Keras layers with the common settings of receiver networks; their weights are made at once."""

from __future__ import annotations

import math
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from sionna_isac.core import HeUniform, Layer, numpy_rng

__all__ = [
    "LINEAR_START",
    "affine",
    "attend",
    "convolution",
    "dense",
    "embedding",
    "feed_forward",
    "finite_samples",
    "gelu",
    "layer_normalization",
    "normalization",
    "normalize",
    "one_replica",
    "per_token",
    "projection",
    "update",
]

# Weight of the old value per step; Keras' 0.99 lags behind in trainings of some hundred steps
MOMENTUM = 0.9
# Uniform draws of variance 1/n, which keep that of a linear layer
LINEAR_START = HeUniform(1 / math.sqrt(2))


def convolution(
    inputs: int, outputs: int, size: int, dtype: str, stride: int = 1, bias: bool = True
) -> keras.layers.Conv2D:
    """Convolution with zero padding."""
    layer = keras.layers.Conv2D(
        outputs,
        size,
        stride,
        padding="same",
        use_bias=bias,
        kernel_initializer=HeUniform(),
        data_format="channels_last",
        dtype=dtype,
    )
    layer.build((None, None, None, inputs))
    return layer


def normalization(channels: int, dtype: str) -> keras.layers.BatchNormalization:
    """Batch normalisation; replicas of a `tf.distribute` strategy share their statistics."""
    layer = keras.layers.BatchNormalization(
        momentum=MOMENTUM, epsilon=1e-5, synchronized=True, dtype=dtype
    )
    layer.build((None, None, None, channels))
    return layer


def normalize(
    layer: keras.layers.BatchNormalization, value: tf.Tensor, training: bool
) -> tf.Tensor:
    """Batch normalisation of images [batch_size, height, width, channels] by a layer.

    One operation in place of the ten of Keras, where it exists: single precision, one replica.
    """
    if value.dtype != tf.float32 or not one_replica():
        return layer(value, training=training)
    options = {"x": value, "scale": layer.gamma.value, "offset": layer.beta.value}
    options["epsilon"] = layer.epsilon
    if not (training and layer.trainable):
        kept = {"mean": layer.moving_mean.value, "variance": layer.moving_variance.value}
        return tf.raw_ops.FusedBatchNormV3(**options, **kept, is_training=False).y
    made = tf.raw_ops.FusedBatchNormV3(**options, mean=[], variance=[], is_training=True)
    number = tf.cast(tf.size(value) // value.shape[-1], value.dtype)
    variance = made.batch_variance
    variance *= (number - 1) / number  # as Keras has it, without Bessel's correction
    update(layer, made.batch_mean, variance)
    return made.y


def one_replica() -> bool:
    """`True` unless replicas of a `tf.distribute` strategy share their statistics."""
    return bool(tf.distribute.get_strategy().num_replicas_in_sync == 1)


def update(layer: keras.layers.BatchNormalization, mean: tf.Tensor, variance: tf.Tensor) -> None:
    """Take the statistics of a batch into those kept for inference."""
    for kept, new in ((layer.moving_mean, mean), (layer.moving_variance, variance)):
        kept.assign(kept * layer.momentum + tf.stop_gradient(new) * (1 - layer.momentum))


def affine(value: tf.Tensor, scale: tf.Tensor, offset: tf.Tensor) -> tf.Tensor:
    """Scaled and moved channels of images; one operation in single precision."""
    if value.dtype != tf.float32:
        return value * scale + offset
    epsilon = 1e-5
    return tf.raw_ops.FusedBatchNormV3(
        x=value,
        scale=scale,
        offset=offset,
        mean=tf.zeros_like(scale),
        variance=tf.fill(tf.shape(scale), 1 - epsilon),
        epsilon=epsilon,
        is_training=False,
    ).y


def dense(inputs: int, outputs: int, dtype: str, **options: Any) -> keras.layers.Dense:
    """Fully connected layer."""
    options = {"kernel_initializer": HeUniform(), **options}
    layer = keras.layers.Dense(outputs, dtype=dtype, **options)
    layer.build((None, inputs))
    return layer


def projection(inputs: int, outputs: int, dtype: str) -> keras.layers.Dense:
    """Matrix of a linear map."""
    return dense(inputs, outputs, dtype, use_bias=False, kernel_initializer=LINEAR_START)


def gelu(x: tf.Tensor) -> tf.Tensor:
    """Gaussian error linear unit; that of TensorFlow is exact to single precision only."""
    return x * (1 + tf.math.erf(x * tf.constant(math.sqrt(0.5), x.dtype))) / 2


def layer_normalization(features: int, dtype: str) -> keras.layers.LayerNormalization:
    """Normalisation of each token."""
    layer = keras.layers.LayerNormalization(epsilon=1e-5, dtype=dtype)
    layer.build((None, None, features))
    return layer


def per_token(tokens: tf.Tensor, *layers: keras.layers.Layer) -> tf.Tensor:
    """Layers of single tokens in turn; tokens are the rows of one matrix, for one plain product."""
    rows = tf.reshape(tokens, [-1, tokens.shape[-1]])
    for layer in layers:
        normalizes = isinstance(layer, keras.layers.LayerNormalization)
        rows = _normalize_rows(layer, rows) if normalizes else layer(rows)
    return tf.reshape(rows, [-1, tokens.shape[1], rows.shape[-1]])


def _normalize_rows(layer: keras.layers.LayerNormalization, rows: tf.Tensor) -> tf.Tensor:
    """Normalisation by the layer, in fewer operations than Keras takes."""
    centred = rows - tf.reduce_mean(rows, -1, keepdims=True)
    variance = tf.reduce_mean(centred**2, -1, keepdims=True)
    scaled = centred * tf.math.rsqrt(variance + layer.epsilon)
    return scaled * layer.gamma.value + layer.beta.value


def feed_forward(features: int, dtype: str) -> list[keras.layers.Dense]:
    """Perceptron of the width 2 d_f with a GELU."""
    return [
        dense(features, 2 * features, dtype, activation=gelu),
        dense(2 * features, features, dtype, kernel_initializer=LINEAR_START),
    ]


def embedding(owner: Layer, name: str, *shape: int) -> keras.Variable:
    """Learnable vectors that are added to tokens, small at the start."""
    values = numpy_rng().normal(0, 0.02, shape)
    return owner.add_weight(
        shape=shape,
        initializer=lambda shape, dtype=None: tf.constant(values, dtype),
        dtype=owner.rdtype.name,
        name=name,
    )


def attend(query: tf.Tensor, key: tf.Tensor, value: tf.Tensor, num_heads: int) -> tf.Tensor:
    """Attention softmax(Q K^T / sqrt(d)) V of each head, heads side by side.

    Input
    -----
    query : [batch_size, num_queries, num_features], `tf.float`
        Queries; those of a head are a part of the features
    key, value : [batch_size, num_keys, num_features], `tf.float`
        Keys and values

    Output
    ------
    : [batch_size, num_queries, num_features], `tf.float`
        Weighted means of the values
    """
    number, features = query.shape[1:]
    size = features // num_heads
    # Queries of a head have its features only, which saves the transpositions of short tokens
    own = np.repeat(np.eye(num_heads), size, 1)[:, np.newaxis]
    own = tf.constant(own, query.dtype)
    queries = (query / math.sqrt(size))[:, tf.newaxis] * own
    queries = tf.reshape(queries, [-1, num_heads * number, features])
    weights = tf.nn.softmax(tf.matmul(queries, key, transpose_b=True))
    means = tf.reshape(tf.matmul(weights, value), [-1, num_heads, number, features])
    return tf.reduce_sum(means * own, 1)


def finite_samples(maps: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Maps with zeros for a sample that is not finite, and which are [batch_size, 1, 1, 1, 1].

    One sum tells: an entry that is not finite stays in it.
    """
    total = tf.reduce_sum(maps, (1, 2, 3, 4), keepdims=True)
    finite = tf.math.is_finite(total)
    return tf.math.multiply_no_nan(maps, tf.cast(finite, maps.dtype)), finite
