"""What saves work changes nothing but the work: compression, reuse over tones, blocks."""

from __future__ import annotations

import numpy as np
import pytest

from sionna_isac.scattering import dipole, volume_response
from sionna_isac.scattering._equations import Problem
from sionna_isac.scattering._host import HostSystem
from sionna_isac.scattering.dipole import compress, dyad_field, numerical_rank
from tests.scattering.voxel_bodies import FREQUENCY, WAVELENGTH, blob, relative_error

BODY = blob(WAVELENGTH / 8, seed=4, shape=(6, 5, 7))
TONES = FREQUENCY + 20e6 * np.arange(6)


def array(num: int, axis: int, distance: float = 1.5) -> np.ndarray:
    """Uniform linear array at half a wavelength, in front of the target."""
    positions = np.zeros([num, 3])
    positions[:, 0] = -distance
    positions[:, axis] = (np.arange(num) - (num - 1) / 2) * WAVELENGTH / 2
    return positions


LINES = {
    "tx_positions": array(24, 1),
    "tx_moments": np.tile([0, 0, 1e-9], [24, 1]),
    "rx_positions": array(16, 2),
    "rx_polarizations": np.tile([0.1j, 0, 1], [16, 1]),
}


@pytest.fixture(scope="module")
def exact() -> np.ndarray:
    return volume_response(**BODY, **LINES, frequencies=TONES, tolerance=1e-12, precision="double")


@pytest.mark.parametrize("tolerance", [1e-3, 1e-5, 1e-9])
def test_basis_spans_the_fields_to_the_tolerance(tolerance):
    problem = Problem.checked(**BODY, **LINES, frequencies=[FREQUENCY], precision="double")
    fields = HostSystem(problem.equations, 0, problem.values(0), problem.antennas).tx
    all_fields = np.concatenate([rows for _, rows in fields.blocks()], -1).reshape(24, -1)
    all_fields = all_fields / fields.scale[:, np.newaxis]
    np.testing.assert_allclose(np.linalg.norm(all_fields, axis=1), 1)
    basis = compress(fields, tolerance)
    rows = basis.rows.reshape(len(basis.rows), -1)
    np.testing.assert_allclose(basis.mixing.conj().T @ basis.mixing, np.eye(len(rows)), atol=1e-12)
    error = np.linalg.norm(all_fields - basis.mixing @ rows) / np.sqrt(24)
    assert error <= 1.01 * tolerance
    values = np.linalg.svd(all_fields, compute_uv=False)
    tail = np.sqrt(np.sum(values[len(rows) - 1 :] ** 2) / 24)  # with one row less
    assert tail > tolerance
    assert abs(numerical_rank(fields, tolerance) - len(rows)) <= 1


@pytest.mark.parametrize(
    ("tolerance", "precision"), [(1e-3, "single"), (1e-5, "single"), (1e-8, "double")]
)
def test_response_is_as_accurate_as_the_tolerance(exact, tolerance, precision):
    result = volume_response(
        **BODY,
        **LINES,
        frequencies=TONES,
        tolerance=tolerance,
        precision=precision,
        return_info=True,
    )
    assert relative_error(result.h, exact) < 3 * tolerance
    assert np.all(result.residual <= 1.05 * tolerance)
    assert np.all(result.rank < 16)


def test_tones_start_from_the_ones_before_them(exact):
    options = {**BODY, **LINES, "precision": "double", "tolerance": 1e-6, "return_info": True}
    together = volume_response(**options, frequencies=TONES)
    alone = [volume_response(**options, frequencies=[tone]) for tone in TONES]
    assert relative_error(together.h, exact) < 3e-6
    assert all(result.rank[0] == rank for result, rank in zip(alone, together.rank, strict=True))
    assert together.products[-1] < 0.7 * alone[-1].products[0]


def test_order_of_the_tones_does_not_matter(exact):
    order = np.array([3, 0, 5, 1, 4, 2])
    h = volume_response(
        **BODY, **LINES, frequencies=TONES[order], tolerance=1e-10, precision="double"
    )
    assert relative_error(h, exact[order]) < 1e-9


def test_tones_far_apart_do_no_harm():
    tones = FREQUENCY * np.array([0.4, 0.7, 1.0, 1.15])
    options = {**BODY, **LINES, "precision": "double", "tolerance": 1e-8}
    together = volume_response(**options, frequencies=tones)
    for n, tone in enumerate(tones):
        assert relative_error(together[n], volume_response(**options, frequencies=[tone])[0]) < 1e-7


@pytest.mark.parametrize("tolerance", [1e-5, 1e-8])
def test_blocks_of_voxels_change_nothing(monkeypatch, exact, tolerance):
    monkeypatch.setattr(dipole, "BLOCK_BYTES", 20_000)
    h = volume_response(
        **BODY, **LINES, frequencies=TONES[:1], tolerance=tolerance, precision="double"
    )
    assert relative_error(h, exact[:1]) < 3 * tolerance


def test_born_is_the_limit_of_weak_contrast():
    """Its error is proportional to the contrast."""
    errors = []
    for factor in (1e-2, 1e-3):
        body = BODY | {
            "permittivity": 1 + factor * (BODY["permittivity"] - 1),
            "conductivity": factor * BODY["conductivity"],
        }
        options = {**body, **LINES, "frequencies": TONES[:1], "precision": "double"}
        full = volume_response(**options, tolerance=1e-10)
        born = volume_response(**options, approximation="born", return_info=True)
        assert born.solved_side == "none"
        assert not np.any(born.products)
        errors.append(relative_error(born.h, full))
    assert errors[0] < 0.05
    assert errors[1] == pytest.approx(errors[0] / 10, rel=0.1)


@pytest.mark.parametrize("kernel", ["point", "galerkin"])
def test_born_is_the_sum_of_the_fields_on_the_voxels(monkeypatch, kernel):
    """The sum as it is written, tone by tone, with fields in double precision."""
    fill = np.random.default_rng(2).uniform(0.2, 1, len(BODY["positions"]))
    options = {**BODY, **LINES, "frequencies": TONES[[3, 0, 5]], "kernel": kernel, "fill": fill}
    problem = Problem.checked(**options, precision="double")
    equations, (tx, moments, rx, vectors) = problem.equations, problem.antennas
    normals, expected = equations.voxels.normals, []
    for n, wavenumber in enumerate(equations.wavenumbers):
        sent, received = (
            dyad_field(equations.voxels.positions, *side, wavenumber, cell=equations.cells[n])
            for side in ((tx, moments), (rx, vectors))
        )
        along, across = problem.values(n)
        tensor = np.einsum("n,ni,nj->nij", across - along, normals, normals)
        tensor += along[:, np.newaxis, np.newaxis] * np.eye(3)
        product = np.einsum("rin,nij,tjn->rt", received, tensor, sent, optimize=True)
        expected.append(equations.scale * product)
    for block in (1 << 15, 1 << 9):
        monkeypatch.setattr("sionna_isac.scattering._born.BLOCK", block)
        for precision, limit in (("double", 1e-12), ("single", 1e-6)):
            h = volume_response(**options, precision=precision, approximation="born")
            assert relative_error(h, np.array(expected)) < limit


def test_tiny_moments_do_not_underflow(exact):
    tiny = LINES | {"tx_moments": 1e-30 * LINES["tx_moments"]}
    h = volume_response(**BODY, **tiny, frequencies=TONES[:1], precision="single")
    assert relative_error(1e30 * h.astype(complex), exact[:1]) < 3e-5
