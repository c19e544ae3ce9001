"""Fields of dipoles and the action of all voxels on all voxels, in TensorFlow."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import tensorflow as tf

from sionna_isac.core import linalg
from sionna_isac.scattering._spectrum import padded_shape

__all__ = ["FieldRoot", "GridConvolution", "dyad_field"]


def dyad_field(
    points: tf.Tensor,
    sources: tf.Tensor,
    vectors: tf.Tensor,
    wavenumber: tf.Tensor,
    voxel_size: float,
    cell: tf.Tensor | None = None,
) -> tf.Tensor:
    """k^2 G(r_n, r_t) v_t, [..., T, 3, N], of points [N, 3], sources and vectors v [..., T, 3].

    In double precision; with ``cell``, the mean over cubes of that side around the points. NaN
    for sources inside voxels.
    """
    ray = tf.transpose(points) - sources[..., tf.newaxis]  # [..., T, 3, N]
    inside = tf.reduce_all(tf.abs(ray) <= voxel_size / 2, axis=-2)
    distance = tf.where(inside, tf.constant(np.nan, ray.dtype), tf.norm(ray, axis=-2))
    ray /= distance[..., tf.newaxis, :]
    phase = wavenumber * distance
    amplitude = 1 / (4 * math.pi * distance)
    if cell is not None:
        half = wavenumber * (cell / 2) * ray
        small = tf.abs(half) < 1e-8
        safe = tf.where(small, tf.ones_like(half), half)
        sinc = tf.where(small, tf.ones_like(half), tf.sin(safe) / safe)
        amplitude *= tf.reduce_prod(sinc, axis=-2)
    green = linalg.to_complex(amplitude) * linalg.expj(-phase)
    static = tf.complex(tf.ones_like(phase), phase) / linalg.to_complex(distance**2)
    square = linalg.to_complex(wavenumber**2)
    ray = linalg.to_complex(ray)
    vectors = vectors[..., tf.newaxis]
    along = green * (3 * static - square) * tf.reduce_sum(ray * vectors, -2)
    across = green * (square - static)
    return along[..., tf.newaxis, :] * ray + across[..., tf.newaxis, :] * vectors


class FieldRoot:
    """Square root of the polarisability of the voxels, acting on vectors [K, 3, N].

    Parameters
    ----------
    values : [1 or 2, N], `tf.complex128`
        Polarisability of all directions, or along and across the surface
    normals : `None` | [3, N]
        Normals of the surface
    dtype : `tf.DType`
        Complex type of the vectors
    """

    def __init__(self, values: tf.Tensor, normals: tf.Tensor | None, dtype: tf.DType) -> None:
        roots = tf.sqrt(values)
        self._along = tf.cast(roots[0], dtype)
        self._added = tf.cast(roots[-1] - roots[0], dtype)
        self._normals = None if normals is None else tf.cast(normals, dtype)

    def __call__(self, vectors: tf.Tensor) -> tf.Tensor:
        out = self._along * vectors
        if self._normals is not None:
            across = self._added * tf.reduce_sum(self._normals * vectors, 1)
            out += across[:, tf.newaxis] * self._normals
        return out


class GridConvolution:
    """Field of all other voxels at each voxel, [K, 3, N] to [K, 3, N], by FFT on the doubled box.

    Parameters
    ----------
    cells : [N, 3], `int`
        Cells of the voxels
    shape : (nx, ny, nz)
        Size of the grid
    """

    def __init__(self, cells: np.ndarray, shape: Sequence[int]) -> None:
        self.shape = tuple(shape)
        self.padded = padded_shape(shape)
        # cells without a voxel take the 0 that is appended to the voxels
        place = np.full(self.shape, len(cells), np.int32)
        place[tuple(cells.T)] = np.arange(len(cells))
        self._place = place.ravel()
        self._back = np.ravel_multi_index(tuple(cells.T), self.padded).astype(np.int32)

    def __call__(self, spectrum: tf.Tensor, moments: tf.Tensor) -> tf.Tensor:
        box = tf.gather(tf.pad(moments, [[0, 0], [0, 0], [0, 1]]), self._place, axis=2)
        box = tf.reshape(box, [-1, 3, *self.shape])
        ends = [[0, p - n] for p, n in zip(self.padded, self.shape, strict=True)]
        x, y, z = tf.unstack(tf.signal.fft3d(tf.pad(box, [[0, 0], [0, 0], *ends])), axis=1)
        xx, yy, zz, xy, xz, yz = tf.unstack(spectrum)
        product = tf.stack(
            [xx * x + xy * y + xz * z, xy * x + yy * y + yz * z, xz * x + yz * y + zz * z], axis=1
        )
        field = tf.reshape(tf.signal.ifft3d(product), [-1, 3, math.prod(self.padded)])
        return tf.gather(field, self._back, axis=2)
