"""Inputs of the layer: their batch dimensions and their values, in eager mode and in a graph."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import checks, linalg
from sionna_isac.scattering._target import FACE, Voxels

__all__ = ["Batch", "checked_values"]

NAMES = (
    "permittivity",
    "conductivity",
    "tx_positions",
    "tx_moments",
    "rx_positions",
    "rx_polarizations",
)
Finding = tuple[tf.Tensor, list[Any]]


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
        names = NAMES[2:]
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


def checked_values(grid: Voxels, *inputs: tf.Tensor) -> list[tf.Tensor]:
    """The inputs of the layer, if they are finite, in their range and clear of the voxels.

    A ``ValueError`` in eager mode and a failing assertion, with the same text, in a graph. XLA
    leaves assertions out: the inputs are then as they were.
    """
    if tf.executing_eagerly():
        for good, parts in _findings(grid, inputs):
            if not bool(good):
                raise ValueError(" ".join(_text(part) for part in parts))
        return list(inputs)
    assertions = [tf.debugging.Assert(good, parts) for good, parts in _findings(grid, inputs)]
    with tf.control_dependencies(assertions):
        return [tf.identity(value) for value in inputs]


def _findings(grid: Voxels, inputs: tuple[tf.Tensor, ...]) -> Iterator[Finding]:
    """Findings: a condition and the text if it fails. NaN is one finding, not several."""
    for name, value in zip(NAMES, inputs, strict=True):
        if value.dtype.is_complex:
            value = linalg.real_rows(value)
        bad = _number(~tf.math.is_finite(value))
        size = tf.size(value)
        text = [f"{name} must be finite; got", bad, "NaN or infinite of", size, "values"]
        yield bad == 0, text
    for name, value, minimum in zip(NAMES, inputs, (1, 0), strict=False):
        if value.dtype.is_complex:
            imaginary, value = tf.math.imag(value), tf.math.real(value)
            yield (
                ~tf.reduce_any(imaginary > 0),
                [
                    f"{name} must have an imaginary part <= 0, which is loss with e^{{+jwt}}; got",
                    tf.reduce_max(imaginary),
                    "j",
                ],
            )
        yield (
            ~tf.reduce_any(value < minimum),
            [
                f"{name} must be >= {minimum} (gain media and plasmas are not supported); got",
                tf.reduce_min(value),
            ],
        )
    for n in (2, 4):
        points = tf.reshape(tf.cast(inputs[n], tf.float64), [-1, 3])
        inside = _inside(grid, points)
        number = _number(inside)
        first = inside & (tf.cumsum(tf.cast(inside, tf.int32)) == 1)
        first = tf.reduce_sum(tf.where(first[:, tf.newaxis], points, tf.zeros_like(points)), 0)
        yield (
            number == 0,
            [
                f"{NAMES[n]} must lie outside the voxels; got",
                number,
                "of",
                tf.size(inside),
                "inside, the first one at",
                first,
                "m",
            ],
        )


def _inside(grid: Voxels, points: tf.Tensor) -> tf.Tensor:
    """Mask of points [M, 3] that lie in a voxel, as ``Voxels.holds``."""
    occupied = np.zeros(grid.shape, bool)
    occupied[tuple(grid.cells.T)] = True
    origin = grid.positions[0] - grid.cells[0] * grid.voxel_size
    place = (points - origin) / grid.voxel_size
    _, ny, nz = grid.shape
    last = np.array(grid.shape, np.float64) - 1
    inside = tf.zeros(tf.shape(points)[:1], tf.bool)
    for side in (-FACE, FACE):
        near = tf.round(place + side)
        within = tf.reduce_all((near >= 0) & (near <= last), axis=1)
        near = tf.where(within[:, tf.newaxis], near, tf.zeros_like(near))
        cell = tf.reduce_sum(tf.cast(near, tf.int32) * [ny * nz, nz, 1], axis=1)
        inside |= within & tf.gather(tf.constant(occupied.ravel()), cell)
    return inside


def _number(found: tf.Tensor) -> tf.Tensor:
    return tf.reduce_sum(tf.cast(found, tf.int32))


def _text(part: Any) -> str:
    if isinstance(part, str):
        return part
    value = part.numpy()
    return f"{value:g}" if value.dtype.kind == "f" and value.ndim == 0 else str(value)
