"""FFT operator against dense sums, however the work is cut."""

from __future__ import annotations

import numpy as np
import pytest

from sionna_isac.scattering import _host
from sionna_isac.scattering._equations import Equations
from sionna_isac.scattering._host import Root, VolumeOperator
from sionna_isac.scattering._target import Voxels
from sionna_isac.scattering.green import kernel_spectrum, self_term
from tests.scattering.test_green import interaction

KD, SHAPE = 0.8, (5, 3, 4)
FREQUENCY = KD * 299792458 / (2 * np.pi)


def polarizability(num: int, dtype: type = np.complex128) -> tuple[np.ndarray, Root]:
    """Its values along and across the surface, and its root."""
    rng = np.random.default_rng(2)
    normals = rng.normal(size=[num, 3])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    contrast = rng.uniform(1, 4, num) - 1j * rng.uniform(0, 2, num)
    own = self_term(1.0, FREQUENCY)
    voxels = Voxels(normals, np.zeros([num, 3], int), SHAPE, 1.0, rng.uniform(0.1, 1, num), normals)
    equations = Equations(voxels, np.array([FREQUENCY]), "filtered", dtype, 1e-5, 10, False)
    values = np.stack(equations.polarizability(contrast, 1 / 3 - own))
    return values, Root(values, normals, dtype)


def operator(dtype: type = np.complex128) -> tuple[VolumeOperator, np.ndarray]:
    cells = np.argwhere(np.random.default_rng(1).random(SHAPE) < 0.6)
    spectrum = kernel_spectrum(SHAPE, 1.0, FREQUENCY, "filtered", dtype)
    return VolumeOperator(spectrum, cells, SHAPE, polarizability(len(cells), dtype)[1]), cells


def vectors(num: int, size: int, dtype: type = np.complex128) -> np.ndarray:
    rng = np.random.default_rng(3)
    return (rng.normal(size=[num, 3, size]) + 1j * rng.normal(size=[num, 3, size])).astype(dtype)


@pytest.mark.parametrize(("slab", "batch"), [(1 << 14, 1 << 28), (1, 1)])
def test_radiates_as_dense_sums(monkeypatch, slab, batch):
    monkeypatch.setattr(_host, "SLAB", slab)
    monkeypatch.setattr(_host, "BATCH_BYTES", batch)
    tested, cells = operator()
    dense = interaction(SHAPE, KD, "filtered").reshape(60, 3, 60, 3)
    flat = np.ravel_multi_index(tuple(cells.T), SHAPE)
    dense = dense[np.ix_(flat, range(3), flat, range(3))]
    own = np.arange(len(cells))
    dense[own, :, own, :] = 0
    moments = vectors(3, len(cells))
    expected = np.einsum("ncmd,kdm->kcn", dense, moments)
    np.testing.assert_allclose(tested.radiate(moments), expected, atol=1e-13)
    assert tested.num_products == 3


def test_is_complex_symmetric_with_tensors():
    tested, cells = operator()
    a, b = vectors(2, len(cells))[:, np.newaxis]
    forth, back = np.sum(a * tested.apply(b)), np.sum(b * tested.apply(a))
    assert forth == pytest.approx(back, rel=1e-13)


def test_single_precision():
    double, cells = operator()
    single, _ = operator(np.complex64)
    y = vectors(2, len(cells))
    out = single.apply(y.astype(np.complex64))
    assert out.dtype == np.complex64
    np.testing.assert_allclose(out, double.apply(y), atol=1e-5)


def test_root_squares_to_the_polarizability_tensor():
    """Inverse of a tensor: 1/a = 1/chi + 1/3 - M, along the normal and across it."""
    parts, root = polarizability(6)
    twice = root(root(np.eye(3)[:, :, np.newaxis] * np.ones(6)))  # [k, c, n]
    for n in range(6):
        tensor = twice[:, :, n]
        np.testing.assert_allclose(tensor, tensor.T, atol=1e-15)
        values = np.linalg.eigvals(tensor)
        for value in parts[:, n]:
            assert np.abs(values - value).min() < 1e-13
        assert np.trace(tensor) == pytest.approx(2 * parts[0, n] + parts[1, n])
