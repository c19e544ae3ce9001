"""Constants of all calls of the layer: the grid, its kernels, the tolerance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.constants import c, epsilon_0

from sionna_isac.scattering._spectrum import CACHE
from sionna_isac.scattering._target import VoxelGrid
from sionna_isac.scattering.green import choose_kernel, self_term

__all__ = ["Equations"]


@dataclass(frozen=True, eq=False)
class Equations:
    """The discrete equations of a grid, but for the material and the antennas."""

    grid: VoxelGrid
    normals: np.ndarray | None
    """[N, 3], where voxels are partly filled"""
    frequencies: np.ndarray
    kernel: str
    dtype: type
    tolerance: float
    max_iterations: int

    @cached_property
    def wavenumbers(self) -> np.ndarray:
        """[F]"""
        return 2 * math.pi * self.frequencies / c

    @cached_property
    def kernels(self) -> list[str]:
        """Kernel at each frequency"""
        return [choose_kernel(self.kernel, k * self.grid.voxel_size) for k in self.wavenumbers]

    @cached_property
    def self_terms(self) -> np.ndarray:
        """[F], M of the kernels"""
        size = self.grid.voxel_size
        pairs = zip(self.frequencies, self.kernels, strict=True)
        return np.array([self_term(size, f, kernel) for f, kernel in pairs])

    @cached_property
    def cells(self) -> np.ndarray:
        """[F], side of the cubes over which fields of antennas are averaged [m], 0 for none"""
        size = self.grid.voxel_size
        return np.array([size if kernel == "galerkin" else 0.0 for kernel in self.kernels])

    @property
    def scale(self) -> float:
        """From unconjugated products of fields k^2 G p with the polarisation to volts per metre"""
        return self.grid.voxel_size**3 / epsilon_0

    def spectrum(self, n: int) -> np.ndarray:
        """Spectrum [6, px, py, pz] of the kernel at frequency n."""
        size, shape = self.grid.voxel_size, self.grid.shape
        return CACHE.get(shape, size, float(self.frequencies[n]), self.kernels[n], self.dtype)
