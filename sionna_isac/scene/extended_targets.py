"""Extended targets of a batch: where they stand and what they are made of."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import tensorflow as tf

from sionna_isac.core import checks
from sionna_isac.scene.voxels import VoxelTarget

__all__ = ["ExtendedTargets"]


class ExtendedTargets(NamedTuple):
    """State of the extended target of each sample; all are made of the same voxels.

    Attributes
    ----------
    position : [batch_size, 3], `tf.float`
        Where the origin of the body frame stands in the world [m]
    heading : [batch_size], `tf.float`
        Direction of the body's x axis, counter-clockwise from that of the world [rad]
    permittivity : [batch_size, num_voxels], `tf.float`
        Relative permittivity of the voxels, at least 1
    conductivity : [batch_size, num_voxels], `tf.float`
        Conductivity of the voxels, not negative [S/m]
    """

    position: tf.Tensor
    heading: tf.Tensor
    permittivity: tf.Tensor
    conductivity: tf.Tensor

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
            if not np.array_equal(target.positions, first.positions):
                raise ValueError(
                    f"targets must be made of the same voxels; got others in number {n}"
                )
        names = ("position", "heading", "permittivity", "conductivity")
        return cls(*(tf.constant(np.stack([getattr(t, n) for t in each])) for n in names))
