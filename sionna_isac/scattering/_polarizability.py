"""Polarisability of the voxels: a number each, or a symmetric tensor where a surface cuts them."""

from __future__ import annotations

import numpy as np

from sionna_isac.scattering.material import partial_contrast

__all__ = ["Polarizability"]


class Polarizability:
    r"""Polarisability of cubic voxels in units of their volume.

    .. math::
        \mathbf{a} = \chi \left(1 + \chi(\tfrac{1}{3} - M)\right)^{-1},\quad
        \mathbf{P} = \varepsilon_0 d^3 \mathbf{a} \mathbf{E}_\mathrm{exc}

    With a fill below 1, the contrast is a tensor with the normal of the surface as an axis, and so
    is :math:`\mathbf{a} = a_\parallel (\mathbf{I} - \mathbf{n}\mathbf{n}^T) + a_\perp
    \mathbf{n}\mathbf{n}^T`: functions of it act on the two values.

    Parameters
    ----------
    contrast : [N], `np.complex128`
        Contrast of the material
    self_term : `complex`
        :math:`M` of the kernel
    fill : [N] or `None`
        Filled part of the voxels
    normals : [N, 3] or `None`
        Unit normals of the surface, looked at where the fill is below 1
    dtype : `type`
        Complex type of vectors
    """

    def __init__(
        self,
        contrast: np.ndarray,
        self_term: complex,
        fill: np.ndarray | None = None,
        normals: np.ndarray | None = None,
        dtype: type = np.complex128,
    ) -> None:
        depolarization = 1 / 3 - self_term
        self._normals: np.ndarray | None = None
        if fill is None or normals is None:
            self.values = [contrast / (1 + depolarization * contrast)]
        else:
            self.values = [
                chi / (1 + depolarization * chi) for chi in partial_contrast(contrast, fill)
            ]
            self._normals = np.ascontiguousarray(normals.T, np.dtype(dtype).type(0).real.dtype)
        roots = [np.sqrt(value) for value in self.values]
        # Along the surface, and what is added across it
        self._along: np.ndarray = roots[0].astype(dtype)
        self._added: np.ndarray = (roots[-1] - roots[0]).astype(dtype)

    def root(self, vectors: np.ndarray, part: slice = slice(None)) -> np.ndarray:
        """Symmetric square root times vectors [K, 3, n], of a part of the voxels."""
        out = self._along[part] * vectors
        if self._normals is not None:
            normals = self._normals[:, part]
            across = self._added[part] * np.einsum("cn,kcn->kn", normals, vectors)
            out += across[:, np.newaxis] * normals
        return out
