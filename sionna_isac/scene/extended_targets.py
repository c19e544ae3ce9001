"""Extended targets of a batch: their poses and materials."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import Number, Real, checks
from sionna_isac.scene.voxels import VoxelTarget

__all__ = ["ExtendedTargets"]


class _State(NamedTuple):
    position: Real
    heading: Real
    permittivity: Number
    conductivity: Real


class ExtendedTargets(_State):
    """State of the extended target of each sample; all are made of the same voxels.

    Attributes
    ----------
    position : [batch_size, 3], `tf.float`
        Origin of the body frame in the world [m]
    heading : [batch_size], `tf.float`
        Direction of the body's x axis, counter-clockwise from that of the world [rad]
    permittivity : [batch_size, num_voxels], `tf.float` | `tf.complex`
        Relative permittivity of the voxels, at least 1
    conductivity : [batch_size, num_voxels], `tf.float`
        Conductivity of the voxels, not negative [S/m]
    voxels : :class:`VoxelTarget` | `None`
        Target whose voxels these are, if :meth:`of` made the state. Not an entry of the tuple: what
        rebuilds it from tensors, such as the inputs of a `tf.function`, leaves `None`.
    """

    voxels: VoxelTarget | None = None

    def _replace(self, **values: Any) -> ExtendedTargets:
        """The state with other entries, of the same voxels."""
        state = super()._replace(**values)
        state.voxels = self.voxels
        return state

    @classmethod
    def of(cls, targets: VoxelTarget | Sequence[VoxelTarget]) -> ExtendedTargets:
        """State of voxelised targets as they are placed, a sample for each.

        Parameters
        ----------
        targets : :class:`VoxelTarget` | sequence of :class:`VoxelTarget`
            Targets of the same voxels, such as one car at several places or of several materials

        Output
        ------
        : :class:`ExtendedTargets`
            In double precision
        """
        each = [targets] if isinstance(targets, VoxelTarget) else list(targets)
        if not each:
            raise ValueError("targets must hold at least one VoxelTarget; got none")
        first = checks.instance("targets", each[0], VoxelTarget)
        for n, target in enumerate(each):
            checks.instance("targets", target, VoxelTarget)
            for name in ("positions", "voxel_size", "fill", "normals"):
                if not np.array_equal(getattr(target, name), getattr(first, name)):
                    raise ValueError(
                        f"targets must be made of the same voxels; got other {name} in number {n}"
                    )
        names = ("position", "heading", "permittivity", "conductivity")
        state = cls(*(tf.constant(np.stack([getattr(t, n) for t in each])) for n in names))
        state.voxels = first
        return state
