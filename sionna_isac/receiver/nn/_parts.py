"""Keras layers with the common settings of receiver networks; their weights are made at once."""

from __future__ import annotations

from typing import Any

import keras

from sionna_isac.core import HeUniform

__all__ = ["convolution", "dense", "normalization"]

# Weight of the old value per step; Keras' 0.99 lags behind in trainings of some hundred steps
MOMENTUM = 0.9


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


def dense(inputs: int, outputs: int, dtype: str, **options: Any) -> keras.layers.Dense:
    """Fully connected layer."""
    options = {"kernel_initializer": HeUniform(), **options}
    layer = keras.layers.Dense(outputs, dtype=dtype, **options)
    layer.build((None, inputs))
    return layer
