"""The pursuit receivers over angle, velocity and range against a plain cube."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from scipy.constants import c

import sionna_isac as isac
from tests.receiver.reference import plain_cube_pursuit

ANTENNAS, SYMBOLS, SUBCARRIERS, SPACING, TARGETS = 6, 8, 12, 1e6, 3
WAVELENGTH = 0.01
NUMEROLOGY = isac.waveform.Numerology(
    SUBCARRIERS, SPACING, c / WAVELENGTH, num_symbols=SYMBOLS, symbol_duration=1.1e-6
)
ANGLES = np.linspace(-np.pi / 2, np.pi / 2, 41)
RANGES = np.linspace(5.0, 75.0, 17)
VELOCITIES = np.linspace(-0.6, 0.7, 15) * NUMEROLOGY.max_velocity
POSITIONS = np.sort((np.arange(ANTENNAS) - 2.5) * np.random.default_rng(1).normal(0.5, 0.03, 6))
SECTORS = np.array([[-np.pi / 2, -1.0], [-0.4, 0.3], [0.2, 0.9]])
PATTERN = np.random.default_rng(7).random((SYMBOLS, SUBCARRIERS)) < 0.6
COMB = np.outer(np.arange(SYMBOLS) % 3 > 0, np.arange(SUBCARRIERS) % 2 == 0)
WINDOW = (3, 2, 1)  # of angle, range and velocity
masks = pytest.mark.parametrize("elements", [None, PATTERN, COMB], ids=["all", "pattern", "comb"])


def steering(angle):
    return np.exp(-2j * np.pi * np.sin(np.asarray(angle))[..., None] * POSITIONS)


def doppler(velocity):
    step = 4 * np.pi * NUMEROLOGY.symbol_duration / WAVELENGTH * np.asarray(velocity)
    return np.exp(-1j * step[..., None] * np.arange(SYMBOLS))


def delay(distance):
    step = 4 * np.pi * SPACING / c * np.asarray(distance)
    return np.exp(-1j * step[..., None] * np.arange(SUBCARRIERS))


def array(precision="double", positions=POSITIONS, **kwargs):
    return isac.array.UniformLinearArray(
        ANTENNAS,
        WAVELENGTH,
        element_positions=positions * WAVELENGTH,
        precision=precision,
        **kwargs,
    )


def grid(**kwargs):
    return isac.receiver.SearchGrid(
        kwargs.pop("angles", ANGLES), kwargs.pop("ranges", RANGES), velocities=VELOCITIES
    )


def omp(precision="double", **kwargs):
    options = {"max_targets": TARGETS, **kwargs}
    place = grid(angles=options.pop("angles", ANGLES), ranges=options.pop("ranges", RANGES))
    return isac.receiver.OMP(array(precision), NUMEROLOGY, place, precision=precision, **options)


def domp(precision="double", **kwargs):
    options = {"max_targets": TARGETS, "window": WINDOW, "temperature": 0.1, **kwargs}
    return isac.receiver.DifferentiableOMP(
        array(precision, trainable=True), NUMEROLOGY, grid(), precision=precision, **options
    )


@pytest.fixture
def observation(rng) -> np.ndarray:
    """Three targets off the grid in each sector, in noise."""
    samples = []
    for low, high in SECTORS:
        parts = (
            rng.normal(size=3) + 1j * rng.normal(size=3),
            steering(rng.uniform(low, high, 3)),
            doppler(rng.uniform(VELOCITIES[0], VELOCITIES[-1], 3)),
            delay(rng.uniform(5.1, 74.9, 3)),
        )
        samples.append(np.einsum("t,tk,tm,ts->kms", *parts))
    z = np.array(samples)
    return z + 0.5 * (rng.normal(size=z.shape) + 1j * rng.normal(size=z.shape))


def plain(z, **kwargs):
    grids = ANGLES, VELOCITIES, RANGES
    return plain_cube_pursuit(z, SECTORS, steering, doppler, delay, grids, TARGETS, **kwargs)


def assert_estimates(actual, expected: dict, tolerance: float = 1e-9) -> None:
    for name, value in expected.items():
        scale = np.abs(value).max()
        np.testing.assert_allclose(
            getattr(actual, name), value, rtol=0, atol=tolerance * scale, err_msg=name
        )


@masks
def test_omp_equals_plain_pursuit(observation, elements):
    expected = plain(observation, elements=elements)
    assert_estimates(omp(elements=elements)(observation, SECTORS), expected)


@masks
@pytest.mark.parametrize("atoms", ["grid", "refined"])
def test_differentiable_omp_equals_plain_pursuit(observation, atoms, elements):
    expected = plain(observation, refine=atoms, window=(3, 1, 2), beta=0.1, elements=elements)
    receiver = domp(atoms=atoms, elements=elements)
    assert_estimates(receiver(observation, SECTORS), expected)


@masks
def test_projected_observation_gives_the_same(observation, elements):
    receiver = omp(ranges=RANGES[:2], elements=elements)
    whole = receiver(observation, SECTORS)
    used = observation if elements is None else observation * elements
    ranks = receiver.doppler_basis.vectors, receiver.basis.vectors
    projected = np.einsum("bkms,mp,sq->bkpq", used, *(v.conj() for v in ranks))
    assert projected.shape[-1] < SUBCARRIERS
    assert_estimates(receiver(projected, SECTORS), whole._asdict(), 1e-12)


def test_omp_on_the_grid_of_each_sample(observation):
    estimate = omp(angles=30)(observation, SECTORS)
    grids = np.linspace(*SECTORS[1], 30), VELOCITIES, RANGES
    one = slice(1, 2)
    expected = plain_cube_pursuit(
        observation[one], SECTORS[one], steering, doppler, delay, grids, TARGETS
    )
    assert_estimates(type(estimate)(*(v[one] for v in estimate)), expected)


def test_every_column_is_searched_where_bounds_do_not_tell(rng, monkeypatch):
    """Small blocks, and nothing but noise."""
    monkeypatch.setattr("sionna_isac.receiver.cube_pursuit.BLOCK", 16)
    noise = rng.normal(size=(3, ANTENNAS, SYMBOLS, SUBCARRIERS, 2)) @ [1, 1j]
    receiver = omp()
    assert_estimates(tf.function(lambda z, s: receiver(z, s))(noise, SECTORS), plain(noise))


@pytest.mark.parametrize("number", [3, 6, 30])
def test_search_of_noise_with_any_number_of_angles(rng, monkeypatch, number):
    """The rows that bound the others end at the last one, whatever their number."""
    monkeypatch.setattr("sionna_isac.receiver.cube_pursuit.BLOCK", 16)
    noise = rng.normal(size=(1, ANTENNAS, SYMBOLS, SUBCARRIERS, 2)) @ [1, 1j]
    sector = np.array([[-0.1, 0.2]])
    grids = np.linspace(*sector[0], number), VELOCITIES, RANGES
    expected = plain_cube_pursuit(noise, sector, steering, doppler, delay, grids, TARGETS)
    assert_estimates(omp(angles=number)(noise, sector), expected)


def test_first_of_equal_cells_is_taken():
    """Silence has no peak: its estimate must not depend on how the search is compiled."""
    silence = tf.zeros([3, ANTENNAS, SYMBOLS, SUBCARRIERS], tf.complex128)
    found = omp()(silence, SECTORS)
    first = ANGLES[np.searchsorted(ANGLES, SECTORS[:, :1] - 1e-9)]
    for value, wanted in ((found.angle, first), (found.velocity, VELOCITIES[0]), (found.range, 5)):
        np.testing.assert_array_equal(value, np.broadcast_to(wanted, [3, TARGETS]))
    assert not np.any(found.metric) and not np.any(found.gain)


def test_atom_that_is_there_already_gets_no_gain(rng):
    """Nothing of the targets' gains goes to what is found in rounding errors thereafter."""
    parts = steering(ANGLES[[14, 20]]), doppler(VELOCITIES[[3, 12]]), delay(RANGES[[4, 9]])
    gain = np.array([10, -1j]) * np.exp(2j * np.pi * rng.random((3, 1)))
    z = np.einsum("bt,tk,tm,ts->bkms", gain, *parts)
    receiver = domp(elements=COMB, temperature=1e4, max_targets=5)
    found = receiver(z, np.tile([-1.0, 1.0], [3, 1])).gain
    np.testing.assert_allclose(found, np.pad(gain, [[0, 0], [0, 3]]), atol=1e-9)


def test_cube_of_the_map(observation):
    cube = isac.receiver.AngleDelayMap(
        array(), NUMEROLOGY, grid(), elements=PATTERN, precision="double"
    )(observation)
    vectors = steering(ANGLES), doppler(VELOCITIES), delay(RANGES)
    expected = np.abs(
        np.einsum(
            "bkms,ak,vm,rs->bavr",
            observation * PATTERN,
            *(v.conj() for v in vectors),
            optimize=True,
        )
    )
    np.testing.assert_allclose(cube, expected, atol=1e-9 * expected.max())


def test_one_symbol_with_a_mask_of_tones(observation):
    """The mask of a static search is that of inactive subcarriers."""
    tones = np.arange(SUBCARRIERS) % 5 > 0
    given = SUBCARRIERS, SPACING, c / WAVELENGTH
    place = isac.receiver.SearchGrid(ANGLES, RANGES)
    first, second = (
        isac.receiver.DifferentiableOMP(
            array(), n, place, max_targets=2, window=(3, 2), no=0.1, precision="double", **options
        )(observation[:, :, 0], SECTORS)
        for n, options in (
            (isac.waveform.Numerology(*given), {"elements": tones[np.newaxis]}),
            (isac.waveform.Numerology(*given, active=tones), {}),
        )
    )
    assert_estimates(first, {k: v for k, v in second._asdict().items() if v is not None}, 1e-12)
    assert first.velocity is None


@masks
def test_targets_of_an_echo_are_found_with_their_gains(rng, elements):
    cells = np.array([[[14, 3, 4], [20, 12, 9], [28, 7, 13]]])
    amplitude = np.array([[10.0, -1.0j, 0.1 + 0.05j]])  # no side lobe moves a weaker peak
    places = [g[cells[..., i]] for i, g in enumerate((ANGLES, VELOCITIES, RANGES))]
    x = np.exp(2j * np.pi * rng.random((1, SYMBOLS, SUBCARRIERS)))
    beam = rng.normal(size=(1, ANTENNAS)) + 1j * rng.normal(size=(1, ANTENNAS))
    gain = amplitude / np.einsum("btk,bk->bt", steering(places[0]), beam)
    targets = isac.scene.PointTargets(
        places[0], places[2], gain, np.full(1, 3, np.int32), velocity=places[1]
    )
    echo = isac.channel.MonostaticEcho(array(), NUMEROLOGY, precision="double")
    z = np.asarray(echo(x, targets, beam)) / x[:, np.newaxis]
    sector = np.array([[-1.0, 1.0]])
    for receiver in (
        omp(elements=elements, max_targets=6),
        domp(elements=elements, temperature=1e4, max_targets=6),
    ):
        found = receiver(z, sector)
        for target in range(3):
            near = np.abs(found.gain[0] - amplitude[0, target]) < 1e-6
            assert np.sum(near) == 1
            index = int(np.argmax(near))
            for name, place in zip(("angle", "velocity", "range"), places, strict=True):
                value = float(getattr(found, name)[0, index])
                assert value == pytest.approx(place[0, target], abs=1e-6)


@masks
def test_reconstruction_is_what_the_atoms_explain(observation, elements):
    """Sum of atoms on the used elements; what is left is orthogonal to each of them."""
    receiver = domp(elements=elements)
    found = receiver(observation, SECTORS)
    used = np.ones((SYMBOLS, SUBCARRIERS), bool) if elements is None else elements
    parts = steering(found.angle), doppler(found.velocity), delay(found.range), used
    atoms = np.einsum("btk,btm,bts,ms->btkms", *parts)
    whole = np.einsum("bt,btkms->bkms", found.gain, atoms)
    expected = receiver.doppler_basis.project(receiver.basis.project(tf.constant(whole)))
    np.testing.assert_allclose(receiver.reconstruct(found), expected, atol=1e-9)
    left = np.einsum("btkms,bkms->bt", atoms.conj(), observation - whole)
    assert np.max(np.abs(left)) < 1e-9 * np.max(np.abs(observation)) * observation[0].size


def test_default_temperature_counts_the_elements_in_use(observation):
    for elements, number in ((None, SYMBOLS * SUBCARRIERS), (PATTERN, np.sum(PATTERN))):
        beta = 1 / np.sqrt(ANTENNAS * number * 0.2)
        expected = domp(temperature=beta, elements=elements)(observation, SECTORS)
        estimate = domp(temperature=None, no=0.2, elements=elements)(observation, SECTORS)
        assert_estimates(estimate, expected._asdict(), 1e-12)


def test_pair_of_a_window_serves_velocities_too(observation):
    expected = domp(window=(3, 2, 2))(observation, SECTORS)
    assert_estimates(domp(window=(3, 2))(observation, SECTORS), expected._asdict(), 1e-12)


NAMES = ("angle", "range", "velocity", "metric")


def direct_loss(z, positions, elements, weights, atoms_at, half=WINDOW, beta=0.1) -> tf.Tensor:
    """Weighted soft means, each window written out, around given cells and residuals."""
    total = 0.0
    for sample in range(len(SECTORS)):
        for target, (cell, residual) in enumerate(atoms_at[sample]):
            near = [
                np.arange(max(0, i - h), min(g.size, i + h + 1))
                for i, h, g in zip(
                    cell, (half[0], half[2], half[1]), (ANGLES, VELOCITIES, RANGES), strict=True
                )
            ]
            phase = -2 * np.pi * np.sin(ANGLES[near[0]])[:, None] * positions
            rows = tf.complex(tf.cos(phase), tf.sin(phase))
            source = z[sample] if target == 0 else residual
            source = source if elements is None else source * elements
            value = tf.abs(
                tf.einsum(
                    "kms,ak,vm,rs->avr",
                    source,
                    tf.math.conj(rows),
                    doppler(VELOCITIES[near[1]]).conj(),
                    delay(RANGES[near[2]]).conj(),
                )
            )
            low, high = SECTORS[sample]
            inside = (ANGLES[near[0]] >= low) & (ANGLES[near[0]] <= high)
            value *= inside[:, None, None]
            weight = tf.reshape(tf.nn.softmax(tf.reshape(beta * value, [-1])), value.shape)
            means = [
                tf.reduce_sum(tf.reduce_sum(weight, others) * grid[index])
                for others, grid, index in (
                    ([1, 2], ANGLES, near[0]),
                    ([0, 1], RANGES, near[2]),
                    ([0, 2], VELOCITIES, near[1]),
                )
            ]
            at = tuple(int(np.flatnonzero(n == i)[0]) for n, i in zip(near, cell, strict=True))
            for name, part in zip(NAMES, [*means, value[at]], strict=True):
                total += weights[name][sample, target] * part
    return total


def direct_cells(z, receiver, elements) -> list:
    """Cells and residuals of each iteration, by residuals of the refined atoms."""
    mask = np.ones((SYMBOLS, SUBCARRIERS)) if elements is None else elements
    estimate = receiver(z, SECTORS)
    found = []
    for sample, (low, high) in enumerate(SECTORS):
        rows, atoms = [], []
        residual = z[sample] * mask
        outside = np.abs(ANGLES - (low + high) / 2) > (high - low) / 2 + 1e-9
        for target in range(TARGETS):
            vectors = (f.conj() for f in (steering(ANGLES), doppler(VELOCITIES), delay(RANGES)))
            cube = np.abs(np.einsum("kms,ak,vm,rs->avr", residual, *vectors, optimize=True))
            cube[outside] = 0
            rows.append((np.unravel_index(np.argmax(cube), cube.shape), residual))
            parts = (
                steering(estimate.angle[sample, target]),
                doppler(estimate.velocity[sample, target]),
                delay(estimate.range[sample, target]),
            )
            atoms.append((np.einsum("k,m,s->kms", *parts) * mask).ravel())
            matrix, right = np.stack(atoms, 1), (z[sample] * mask).ravel()
            gain = np.linalg.lstsq(matrix, right, rcond=None)[0]
            residual = z[sample] * mask - (matrix @ gain).reshape(residual.shape)
        found.append(rows)
    return found


@pytest.mark.parametrize("elements", [None, PATTERN], ids=["all", "pattern"])
def test_gradients_equal_those_of_windows_written_out(observation, rng, elements):
    receiver = domp(elements=elements)
    weights = {n: rng.normal(size=(len(SECTORS), TARGETS)) for n in NAMES}
    z = tf.constant(observation)
    with tf.GradientTape() as tape:
        tape.watch(z)
        estimate = receiver(z, SECTORS)
        loss = sum(tf.reduce_sum(weights[n] * getattr(estimate, n)) for n in NAMES)
    weight = receiver.array.positions.value
    actual = tape.gradient(loss, [weight, z])
    cells = direct_cells(observation, receiver, elements)
    places = tf.Variable(POSITIONS)
    with tf.GradientTape() as tape:
        tape.watch(z)
        expected = direct_loss(z, places, elements, weights, cells)
    assert float(loss) == pytest.approx(float(expected), rel=1e-9)
    for name, got, wanted in zip(
        ("array", "observation"), actual, tape.gradient(expected, [places, z]), strict=True
    ):
        if name == "array":  # the weight holds centred positions
            wanted = wanted - tf.reduce_mean(wanted)
            got = got - tf.reduce_mean(got)
        scale = np.max(np.abs(wanted))
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-8 * scale, err_msg=name)
    # central differences of the first target along a direction of the observation
    first = domp(elements=elements, max_targets=1)
    step = rng.normal(size=(2, *observation.shape))
    step = step[0] + 1j * step[1]

    def value(scale: float) -> float:
        found = first(observation + scale * step, SECTORS)
        return float(sum(np.sum(weights[n][:, 0] * getattr(found, n)[:, 0]) for n in NAMES))

    slope = (value(1e-5) - value(-1e-5)) / 2e-5
    assert np.sum(np.real(np.conj(actual[1]) * step)) == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize(("make", "compiled"), [(omp, False), (domp, True)])
def test_symbol_of_zero_in_a_graph_gives_nan_everywhere(observation, make, compiled):
    x = np.ones((len(SECTORS), SYMBOLS, SUBCARRIERS), complex)
    x[1, 2, 3] = 0
    receiver = make(max_targets=1)

    @tf.function(jit_compile=compiled)
    def call(y, x, sector):
        return receiver(y / x[:, tf.newaxis], sector)

    expected = receiver(observation, SECTORS)
    for name, value in call(observation, x, SECTORS)._asdict().items():
        assert np.all(np.isnan(value[1])), name
        np.testing.assert_allclose(value[::2], getattr(expected, name)[::2], rtol=1e-9)


def test_unused_elements_may_hold_anything(observation):
    bad = np.where(PATTERN, observation, 1e6)
    expected = omp(elements=PATTERN)(observation, SECTORS)
    assert_estimates(omp(elements=PATTERN)(bad, SECTORS), expected._asdict(), 1e-12)
    guards = np.arange(SUBCARRIERS) > 1
    numerology = isac.waveform.Numerology(
        SUBCARRIERS,
        SPACING,
        c / WAVELENGTH,
        num_symbols=SYMBOLS,
        symbol_duration=1.1e-6,
        active=guards,
    )
    receiver = isac.receiver.OMP(array(), numerology, grid(), max_targets=3, precision="double")
    elements = np.broadcast_to(guards, PATTERN.shape)
    assert_estimates(receiver(observation, SECTORS), plain(observation, elements=elements))


def test_more_than_the_unambiguous_velocities_warns():
    wide = NUMEROLOGY.max_velocity * np.linspace(-1.2, 1.2, 15)
    place = isac.receiver.SearchGrid(ANGLES, RANGES, velocities=wide)
    with pytest.warns(UserWarning, match=r"velocities of grid span .* m/s, .*unambiguous interval"):
        isac.receiver.OMP(array(), NUMEROLOGY, place, max_targets=1, precision="double")


@pytest.mark.parametrize("name", ["ranges", "velocities"])
def test_step_above_the_resolution_warns(name):
    cell = {"ranges": NUMEROLOGY.range_resolution, "velocities": NUMEROLOGY.velocity_resolution}
    values = {n: np.arange(3) * size / 2 for n, size in cell.items()}
    values[name] = np.arange(3) * 1.25 * cell[name]
    place = isac.receiver.SearchGrid(ANGLES, values["ranges"], velocities=values["velocities"])
    step, text = f"{1.25 * cell[name]:g}", f"resolution of {cell[name]:g} m"
    with pytest.warns(UserWarning, match=f"{name} of grid have a step of {step} .*{text}") as told:
        isac.receiver.OMP(array(), NUMEROLOGY, place, max_targets=1, precision="double")
    assert len(told) == 1 and told[0].filename == __file__


def test_doppler_basis_spans_the_region():
    basis = isac.waveform.DopplerBasis(NUMEROLOGY, VELOCITIES[6:9], precision="double")
    assert 1 < basis.rank < SYMBOLS
    np.testing.assert_allclose(
        basis.vectors.conj().T @ basis.vectors, np.eye(basis.rank), atol=1e-12
    )
    between = np.linspace(VELOCITIES[6], VELOCITIES[8], 7)
    expected = doppler(between)
    np.testing.assert_allclose(basis.atom(between) @ basis.vectors.T, expected, atol=1e-9)
    np.testing.assert_allclose(
        basis.vectors @ basis.coefficients, doppler(VELOCITIES[6:9]).T, atol=1e-9
    )
    y = expected[:, :, np.newaxis] * np.ones(2)
    np.testing.assert_allclose(
        basis.project(tf.constant(y)), basis.atom(between)[..., np.newaxis] * np.ones(2), atol=1e-9
    )
