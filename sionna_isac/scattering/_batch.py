"""Batch dimensions of the inputs of the layer: broadcast, flattened, and put back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import tensorflow as tf

from sionna_isac.core import checks

__all__ = ["Batch"]


@dataclass(frozen=True)
class Batch:
    """Common batch dimensions: numbers if all are known, otherwise a tensor of them too."""

    static: tf.TensorShape
    dynamic: Any

    @classmethod
    def of(cls, num_voxels: int, permittivity, conductivity, *vectors: tf.Tensor) -> Batch:
        """Batch of the inputs of the layer, whose shapes are checked."""
        for name, value in (("permittivity", permittivity), ("conductivity", conductivity)):
            checks.last_dim(name, value, num_voxels, "(num_voxels)")
        names = ("tx_positions", "tx_moments", "rx_positions", "rx_polarizations")
        for name, value in zip(names, vectors, strict=True):
            checks.last_dim(name, value, 3, "[batch..., num_antennas, 3]")
            if value.shape.rank < 2 or not value.shape[-2]:
                raise ValueError(
                    f"{name} must have shape [batch..., num_antennas, 3] with a known number of "
                    f"antennas; got shape {value.shape.as_list()}"
                )
        for n in (0, 2):
            antennas = vectors[n].shape[-2]
            if vectors[n + 1].shape[-2] != antennas:
                raise ValueError(
                    f"{names[n + 1]} must have shape [batch..., {antennas}, 3], a row for each of "
                    f"{names[n]}; got shape {vectors[n + 1].shape.as_list()}"
                )
        inputs = [(v, 1) for v in (permittivity, conductivity)] + [(v, 2) for v in vectors]
        static = tf.TensorShape([])
        dynamic: Any = None
        for value, inner in inputs:
            try:
                static = tf.broadcast_static_shape(static, value.shape[:-inner])
            except ValueError:
                shapes = [v.shape.as_list() for v, _ in inputs]
                raise ValueError(
                    f"the batch dimensions of the inputs must match; got shapes {shapes}"
                ) from None
            lead = tf.shape(value)[:-inner]
            dynamic = lead if dynamic is None else tf.broadcast_dynamic_shape(dynamic, lead)
        known = static.is_fully_defined()
        return cls(static, tf.constant(static.as_list(), tf.int32) if known else dynamic)

    def flat(self, value: tf.Tensor, inner: int) -> tf.Tensor:
        """Value [batch..., inner dimensions] as [number of samples, inner dimensions]."""
        tail = value.shape[-inner:].as_list()
        value = tf.broadcast_to(value, tf.concat([self.dynamic, tail], 0))
        value = tf.reshape(value, tf.concat([[tf.reduce_prod(self.dynamic)], tail], 0))
        value.set_shape([self.static.num_elements(), *tail])
        return value

    def unflat(self, value: tf.Tensor) -> tf.Tensor:
        """The same back."""
        tail = value.shape[1:].as_list()
        value = tf.reshape(value, tf.concat([self.dynamic, tail], 0))
        value.set_shape([*self.static, *tail])
        return value
