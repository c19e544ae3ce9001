"""Numerology against closed forms and Sionna's resource grid; values; the basis of delays."""

from __future__ import annotations

import copy

import keras
import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import c
from sionna.phy.ofdm import ResourceGrid

import sionna_isac as isac
from sionna_isac.receiver import SearchGrid
from sionna_isac.waveform import DelayBasis, Numerology

NUMBER, SPACING, CARRIER = 24, 1e6, 60e9
MASK = (np.arange(NUMBER) > 2) & (np.arange(NUMBER) < 21) & (np.arange(NUMBER) != 12)


def numerology(**kwargs) -> Numerology:
    return Numerology(NUMBER, SPACING, CARRIER, **kwargs)


def delays(ranges, numerology: Numerology) -> np.ndarray:
    """Delay vectors [num_subcarriers, num_ranges] by their definition."""
    index = np.arange(numerology.num_subcarriers)
    return np.exp(-4j * np.pi * np.outer(index * numerology.subcarrier_spacing, ranges) / c)


def test_resolutions_are_those_of_closed_forms():
    plain = Numerology(256, 240e3, 28e9, num_symbols=14, cyclic_prefix_length=18)
    assert plain.wavelength == c / 28e9 and plain.bandwidth == 256 * 240e3
    assert plain.num_active == 256 and plain.active is None
    assert plain.symbol_duration == pytest.approx((256 + 18) / (256 * 240e3), rel=1e-15)
    assert plain.range_resolution == pytest.approx(c / 2 / plain.bandwidth, rel=1e-15)
    assert plain.max_range == pytest.approx(c / 2 / 240e3, rel=1e-15)
    duration = plain.symbol_duration
    assert plain.velocity_resolution == pytest.approx(c / 28e9 / 2 / 14 / duration, rel=1e-15)
    # two velocities this far apart turn the phase by the same angle in every symbol
    turn = 4 * np.pi * 2 * plain.max_velocity * duration / plain.wavelength
    assert turn == pytest.approx(2 * np.pi, rel=1e-12)
    assert numerology(cyclic_prefix_length=6, symbol_duration=2e-6).symbol_duration == 2e-6
    assert Numerology(1, 1e6, 1e9).max_range == pytest.approx(c / 2e6)


def test_targets_one_unambiguous_range_apart_look_the_same():
    """Every third of the subcarriers sees a third of the range."""
    comb = numerology(active=np.arange(NUMBER) % 3 == 1)
    assert comb.max_range == pytest.approx(c / 6e6) and comb.num_active == NUMBER // 3
    near, far = (delays([r], comb)[comb.active] for r in (10.0, 10.0 + comb.max_range))
    np.testing.assert_allclose(far / far[0], near / near[0], atol=1e-9)
    assert comb.range_resolution == pytest.approx(c / 2 / (22 * SPACING))


@pytest.mark.parametrize(("guards", "dc_null"), [((0, 0), False), ((3, 2), False), ((2, 3), True)])
def test_resource_grid_of_sionna(guards, dc_null):
    grid = ResourceGrid(
        5, 32, 30e3, cyclic_prefix_length=7, num_guard_carriers=guards, dc_null=dc_null
    )
    found = Numerology.from_resource_grid(grid, CARRIER)
    assert found.symbol_duration == pytest.approx(float(grid.ofdm_symbol_duration), rel=1e-6)
    assert found.bandwidth == pytest.approx(float(grid.bandwidth), rel=1e-6)
    spread = Numerology.from_resource_grid(grid, CARRIER, symbol_duration=1e-3)
    assert spread == Numerology(**{**found.get_config(), "symbol_duration": 1e-3})
    assert (found.num_symbols, found.num_subcarriers) == (5, 32)
    np.testing.assert_array_equal(found.subcarriers, grid.effective_subcarrier_ind)
    assert found.num_active == grid.num_effective_subcarriers
    assert (found.active is None) == (guards == (0, 0))


def test_values_are_fixed_and_compared_by_content():
    angles, ranges = np.linspace(-1, 1, 5), np.array([1.0, 2.0])
    for one, same, other in (
        (numerology(), numerology(active=np.ones(NUMBER, bool)), numerology(num_symbols=2)),
        (numerology(active=MASK), numerology(active=MASK.tolist()), numerology()),
        (SearchGrid(angles, ranges), SearchGrid(list(angles), [1, 2]), SearchGrid(5, ranges)),
    ):
        assert one == same and hash(one) == hash(same) and one != other
        assert len({one, same, other}) == 2
        assert copy.deepcopy(one) == one and type(one).__name__ in repr(one)
        stored = keras.saving.serialize_keras_object(one)
        assert keras.saving.deserialize_keras_object(stored) == one
        with pytest.raises(AttributeError, match=f"a {type(one).__name__} is fixed"):
            one.num_symbols = 2
        with pytest.raises(AttributeError, match="cannot be deleted"):
            del one.active
    ranges[0] = 1.5  # of the caller
    grid = SearchGrid(angles, [1.0, 2.0])
    with pytest.raises(ValueError, match="read-only"):
        grid.ranges[0] = 3.0


@pytest.mark.parametrize("active", [None, MASK])
@pytest.mark.parametrize("precision", ["single", "double"])
def test_basis_spans_the_region(precision, active):
    """Every range of the region, on the grid or not, to a few times the tolerance of the rank."""
    shared = numerology(active=active)
    basis = DelayBasis(shared, np.linspace(5.0, 30.0, 40), precision=precision)
    assert 2 < basis.rank < NUMBER
    np.testing.assert_allclose(
        basis.vectors.conj().T @ basis.vectors, np.eye(basis.rank), atol=1e-12
    )
    expected = delays(np.linspace(5.0, 30.0, 997), shared) * (
        1 if active is None else MASK[:, None]
    )
    seen = basis.vectors @ (basis.vectors.conj().T @ expected)
    error = np.linalg.norm(seen - expected, axis=0) / np.linalg.norm(expected, axis=0)
    assert error.max() < {"single": 1e-5, "double": 1e-12}[precision]
    grid = delays(basis.ranges, shared)
    if active is not None:
        assert not np.any(basis.vectors[~MASK])
        grid *= MASK[:, None]
    np.testing.assert_allclose(basis.vectors @ basis.coefficients, grid, atol=1e-5)
    atom = basis.atom(tf.constant([17.3], tf.float64))
    np.testing.assert_allclose(
        atom[0], basis.vectors.conj().T @ delays([17.3], shared)[:, 0], atol=1e-9
    )
    again = DelayBasis(numerology(active=active), np.linspace(5.0, 30.0, 40), precision=precision)
    assert again.vectors is basis.vectors  # made once


def test_full_rank_is_the_identity(rng):
    basis = DelayBasis(numerology(), np.linspace(0, 140, 60), precision="double")
    np.testing.assert_array_equal(basis.vectors, np.eye(NUMBER))
    y = tf.constant(rng.normal(size=(2, 3, NUMBER)) + 0j)
    np.testing.assert_array_equal(basis.project(y), y)
    np.testing.assert_allclose(basis.coefficients, delays(basis.ranges, numerology()), atol=1e-12)
    # with a mask it is the number of active subcarriers, no more
    masked = DelayBasis(numerology(active=MASK), np.linspace(0, 140, 60), precision="double")
    assert masked.rank == MASK.sum()


def scene(rng):
    array = isac.array.UniformLinearArray(6, c / CARRIER, precision="double")
    targets = isac.scene.PointTargets(
        rng.uniform(-0.4, 0.4, (2, 2)),
        rng.uniform(6, 29, (2, 2)),
        rng.normal(size=(2, 2)) + 1j,
        np.array([2, 2]),
    )
    x = np.exp(0.5j * np.pi * rng.integers(0, 4, (2, NUMBER)))
    return array, targets, x, rng.normal(size=(2, 6)) + 0j


@pytest.mark.parametrize("normalize", [False, True])
def test_mask_leaves_subcarriers_out(rng, normalize):
    """Every other subcarrier is active: all is as on half of them, twice as far apart."""
    array, targets, x, beam = scene(rng)
    comb, half = np.arange(NUMBER) % 2 == 0, Numerology(NUMBER // 2, 2 * SPACING, CARRIER)
    masked = numerology(active=comb)
    options = {"normalize": normalize, "precision": "double"}
    echo, short = (isac.channel.MonostaticEcho(array, n, **options) for n in (masked, half))
    y, expected = echo(x, targets, beam).numpy(), short(x[:, comb], targets, beam)
    np.testing.assert_allclose(y[..., comb], expected, atol=1e-12)
    assert not np.any(y[..., ~comb])
    # what a receiver gets elsewhere does not matter, and symbols may be 0 there
    y += ~comb * (rng.normal(size=y.shape) + 1j)
    z = isac.receiver.ReciprocalFilter(masked, precision="double")(y, x * comb)
    assert not np.any(z.numpy()[..., ~comb])
    plain = isac.receiver.ReciprocalFilter(half, precision="double")(expected, x[:, comb])
    np.testing.assert_allclose(z.numpy()[..., comb], plain, atol=1e-12)
    grid = SearchGrid(np.linspace(-1.2, 1.2, 61), np.linspace(5, 30, 41))
    sector = [[-0.5, 0.5]] * 2
    options = {"max_targets": 2, "precision": "double"}
    for kind, more in (
        (isac.receiver.OMP, {}),
        (isac.receiver.DifferentiableOMP, {"no": 0.5}),
    ):
        found = kind(array, masked, grid, **options, **more)(z, sector)
        expected = kind(array, half, grid, **options, **more)(plain, sector)
        for name in ("angle", "range", "metric", "gain"):
            value, other = getattr(found, name), getattr(expected, name)
            np.testing.assert_allclose(value, other, atol=1e-8, err_msg=name)
    maps = (isac.receiver.AngleDelayMap(array, n, grid, precision="double") for n in (masked, half))
    for seen, other in zip((z, y / x[:, None]), 2 * (next(maps),), strict=True):
        np.testing.assert_allclose(seen.shape, y.shape)
        whole = other(seen).numpy()
    np.testing.assert_allclose(whole, next(maps)(plain), atol=1e-9)
    receiver = isac.receiver.OMP(array, masked, grid, max_targets=2, precision="double")
    projected = echo.filtered(targets, beam, receiver.basis)
    np.testing.assert_allclose(projected, z.numpy() @ receiver.basis.vectors.conj(), atol=1e-10)
    bounds = [
        isac.bound.point_target_bound(array, n, targets, beam, None, 0.1, normalize=normalize)
        for n in (masked, half)
    ]
    np.testing.assert_allclose(bounds[0].position, bounds[1].position, rtol=1e-9)


def test_carrier_and_wavelength_of_the_array():
    """They may differ in the last digits of single precision, and not by more."""
    for factor, good in ((1 + 5e-7, True), (1 + 2e-6, False)):
        array = isac.array.UniformLinearArray(4, factor * c / CARRIER)
        if good:
            isac.channel.MonostaticEcho(array, numerology())
        else:
            with pytest.raises(ValueError, match="array must have the wavelength of the numerol"):
                isac.channel.MonostaticEcho(array, numerology())
    ideal = isac.array.UniformLinearArray(4, c / CARRIER)
    with pytest.raises(ValueError, match="array must have the wavelength of the numerology"):
        isac.bound.point_target_bound(
            array,
            numerology(),
            isac.scene.PointTargets(*np.ones((3, 1, 1)), [1]),
            np.ones(4),
            None,
            1,
        )
    assert isac.channel.MonostaticEcho(ideal, numerology()).numerology == numerology()


def test_frequencies_about_their_mean():
    numerology = Numerology(8, 10.0, 1e9, active=np.arange(8) != 0)
    np.testing.assert_allclose(numerology.frequency_offsets, 10 * np.arange(-3, 4))
    np.testing.assert_allclose(numerology.rms_bandwidth, 20.0)
    flat = Numerology(1024, 1e5, 1e9)
    np.testing.assert_allclose(flat.rms_bandwidth, flat.bandwidth / np.sqrt(12), rtol=1e-6)
