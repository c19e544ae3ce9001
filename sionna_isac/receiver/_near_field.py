"""Common base of receivers of one target in the near field: array, search region, checks."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np
import tensorflow as tf

from sionna_isac.core import Array, Receiver, checks, spherical_wave_array

__all__ = ["NearFieldReceiver"]


class NearFieldReceiver(Receiver):
    """Base of receivers that search azimuth and distance of one target."""

    def __init__(
        self,
        array: Array,
        range_interval: Any,
        *,
        num_angles: int,
        num_ranges: int,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        self.array = spherical_wave_array("array", array, 2)
        if array.num_antennas < 3:
            raise ValueError(
                "array must have at least three elements: two see no curvature of the wave, so no "
                f"range; got {array.num_antennas}"
            )
        self.range_interval = checks.range_interval("range_interval", range_interval)
        self.num_angles = checks.integer("num_angles", num_angles, minimum=3)
        self.num_ranges = checks.integer("num_ranges", num_ranges, minimum=3)

    @property
    def _limit(self) -> float:
        # a line does not tell front from back; other layouts do, and a sector may lie across pi
        return math.pi / 2 if self.array.element_positions.ndim == 1 else 2 * math.pi

    def _check_not_zero(self, name: str, value: np.ndarray, what: str) -> None:
        silent = np.flatnonzero(~np.any(value, axis=(1, 2)))
        if silent.size:
            raise ValueError(
                f"{name} must hold {what} in each sample; got zeros only in "
                f"{silent.size} of {len(value)} samples, the first of them {silent[0]}"
            )

    def _check_sector(self, sector: np.ndarray) -> None:
        if np.any(sector[:, 0] > sector[:, 1]):
            raise ValueError(
                "sector must hold (lower, upper) azimuths in rad; got a lower above an upper one"
            )
        positions = self.array.element_positions
        if np.any(np.abs(sector) > self._limit + 1e-6):
            text = "pi/2" if positions.ndim == 1 else "2 pi"
            raise ValueError(
                f"sector must lie within [-{text}, {text}]: azimuths are in rad, not in degrees; "
                f"got [{np.min(sector):g}, {np.max(sector):g}]"
            )
        gaps = np.diff(positions) if positions.ndim == 1 else np.zeros(0)
        if not gaps.size or not np.allclose(gaps, gaps[0]) or gaps[0] == 0:
            return
        spacing = abs(gaps[0]) / self.array.wavelength
        widest = float(np.max(np.diff(np.sin(sector), axis=-1)))
        if widest > 1 / spacing:
            warnings.warn(
                f"sector spans {widest:.3g} in the sine of the azimuth: elements {spacing:.3g} "
                f"wavelengths apart cannot tell azimuths that differ by {1 / spacing:.3g} in it",
                stacklevel=4,
            )

    def _within(self, sector: tf.Tensor) -> tf.Tensor:
        """`True` for sectors that a graph can search; in eager mode others are errors."""
        valid = sector[:, 0] <= sector[:, 1]
        return valid & tf.reduce_all(tf.abs(sector) <= self._limit + 1e-6, 1)
