"""Fisher information of extended targets against reference numbers and brute force."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

import sionna_isac as isac
from sionna_isac import bound

CASES = json.loads(
    (Path(__file__).parents[1] / "data/extended_target/efim_cases.json").read_text()
)["cases"]
GENERIC = CASES[0]
LEVELS = ("energy", "resolved", "coherent")
NAMES = ("range", "azimuth", "elevation", "orientation")


def complexes(value: dict) -> np.ndarray:
    return np.array(value["re"]) + 1j * np.array(value["im"])


def target_of(case: dict = GENERIC, **changes) -> bound.ExtendedTarget:
    pose = dict(zip(NAMES, case["kappa"], strict=True))
    return bound.ExtendedTarget(case["points_local"], case["zeta2"], **{**pose, **changes})


def system_of(level: str, case: dict = GENERIC, **changes) -> dict:
    number, coherent = case["n_subcarriers"], level == "coherent"
    return {
        "tx_shape": case["tx"],
        "rx_shape": case["rx"],
        "path_gain": case["beta"],
        "noise_power": case["sigma2"],
        "rms_bandwidth": None if coherent else case["Brms"],
        "num_samples": number * case["n_symbols"],
        "level": level,
        "frequencies": offsets(number, case["subcarrier_spacing"]) if coherent else None,
        "phases": case["psi"] if coherent else None,
        **changes,
    }


def offsets(number: int, spacing: float) -> np.ndarray:
    return (np.arange(number) - (number - 1) / 2) * spacing


def covariance_of(case: dict = GENERIC) -> np.ndarray:
    beams = complexes(case["W"])
    return beams @ beams.conj().T


def parts(fim: np.ndarray, num_interest: int = 4) -> np.ndarray:
    """Cramér-Rao bounds of the parameters of interest."""
    efim = bound.effective_fim(fim, num_interest=num_interest)
    return np.diagonal(bound.cramer_rao_bound(efim), axis1=-2, axis2=-1)


def assert_same(fim: np.ndarray, expected: np.ndarray, tolerance: float) -> None:
    """Equal information, in units of the standard deviation of each parameter alone."""
    scale = np.sqrt(np.diagonal(expected, axis1=-2, axis2=-1))
    unit = scale[..., np.newaxis] * scale[..., np.newaxis, :]
    np.testing.assert_allclose(fim / unit, expected / unit, rtol=0, atol=tolerance)


def centre_beam(target: bound.ExtendedTarget, shape: tuple[int, int]) -> np.ndarray:
    """Covariance of one beam of power 1 on the centre of the target."""
    pose = [tf.constant(v) for v in (target.azimuth, target.elevation)]
    a = isac.array.planar_wave(shape, *pose).numpy()
    return np.outer(a.conj(), a) / a.size


@pytest.mark.parametrize("level", LEVELS)
@pytest.mark.parametrize("case", CASES, ids=lambda c: c["name"])
def test_information_is_that_of_the_reference(case, level):
    target, expected = target_of(case), case[level]
    fim = bound.extended_target_fim(
        target, covariance=covariance_of(case), **system_of(level, case)
    )
    whole = np.block(
        [
            [np.array(expected["J"]), np.array(expected["v"])[:, None]],
            [np.array(expected["v"]), np.array(expected["J_beta"])],
        ]
    )
    assert_same(fim, whole, 1e-9)
    np.testing.assert_allclose(parts(fim), expected["CRB"], rtol=1e-9)
    for name, values in (
        ("d", target.ranges),
        ("theta", target.azimuths),
        ("phi", target.elevations),
    ):
        np.testing.assert_allclose(values, case[name], rtol=1e-12)
    np.testing.assert_allclose(target.derivatives, case["D"], rtol=0, atol=1e-10)


@pytest.mark.parametrize("level", LEVELS)
def test_information_is_that_of_the_sampled_waveform(level):
    """Automatic differentiation of the waveform of few tones, whose symbols are all combinations.

    Over the three columns of a unitary matrix the symbols of three beams are white exactly. The
    transmit steering is frozen for "energy", the mean over phases is taken for "resolved".
    """
    pose = {"range": 7.0, "azimuth": 0.3, "elevation": -0.2, "orientation": 0.7}
    points, weights = [[1.0, 0.4, 0.3], [-0.8, 0.6, -0.2], [0.1, -0.9, 0.5]], [0.5, 1.0, 0.3]
    target = bound.ExtendedTarget(points, weights, **pose)
    frequencies, rng = offsets(5, 30e6), np.random.default_rng(0)
    beams = rng.normal(size=(6, 3)) + 1j * rng.normal(size=(6, 3))
    symbols = np.exp(2j * np.pi * np.outer(np.arange(3), np.arange(3)) / 3)
    x = tf.constant(beams @ symbols)
    frozen = isac.array.planar_wave((3, 2), *map(tf.constant, (target.azimuths, target.elevations)))

    def fim(phases: np.ndarray) -> np.ndarray:
        amplitude = tf.constant(np.sqrt(weights) * np.exp(1j * phases))

        def mean(range, azimuth, elevation, orientation, gain):
            pose = tf.stack([range, azimuth, elevation, orientation])
            seen = isac.scene.scatterer_geometry(tf.constant(points, tf.float64), pose)
            # angles are never formed
            cosines = seen.position[:, 1:] / seen.range[:, tf.newaxis]
            a, b = (wave(cosines, shape) for shape in ((3, 2), (2, 4)))
            a = frozen if level == "energy" else a
            delay = -4 * np.pi / 299792458.0 * seen.range[:, tf.newaxis] * frequencies
            lit = amplitude[:, tf.newaxis] * tf.complex(gain, tf.zeros_like(gain)) * (a @ x)
            tones = tf.exp(tf.complex(tf.zeros_like(delay), delay))
            return tf.einsum("ln,lk,ls->nks", b, lit, tones)

        return bound.fisher(mean, {**pose, "gain": 0.02}, no=0.1)

    turns = 2 * np.pi / 3 * np.arange(3)
    given = np.array([0.3, 1.9, -2.0])
    sets = [given] if level == "coherent" else [given + q * turns for q in range(3)]
    expected = np.mean([fim(phases) for phases in sets], axis=0)
    coherent = level == "coherent"
    actual = bound.extended_target_fim(
        target,
        (3, 2),
        (2, 4),
        beams @ beams.conj().T,
        0.02,
        0.1,
        None if coherent else np.sqrt(np.mean(frequencies**2)),
        num_samples=15,
        level=level,
        frequencies=frequencies if coherent else None,
        phases=given if coherent else None,
    )
    assert_same(actual, expected, 1e-12)


def wave(cosines: tf.Tensor, shape: tuple[int, int]) -> tf.Tensor:
    y, z = np.meshgrid(*(np.arange(n) - (n - 1) / 2 for n in shape), indexing="ij")
    phase = np.pi * (cosines @ np.stack([y.ravel(), z.ravel()]))
    return tf.exp(tf.complex(tf.zeros_like(phase), phase))


def test_resolved_is_the_mean_of_coherent_over_phases():
    target, number = target_of(), len(GENERIC["zeta2"])
    turns = 2 * np.pi * np.arange(number) / number
    coherent = [
        bound.extended_target_fim(
            target, covariance=covariance_of(), **system_of("coherent", phases=q * turns)
        )
        for q in range(number)
    ]
    resolved = bound.extended_target_fim(
        target, covariance=covariance_of(), **system_of("resolved")
    )
    assert_same(np.mean(coherent, axis=0), resolved, 1e-12)


@pytest.mark.parametrize("level", LEVELS)
def test_map_of_covariance_has_one_value_in_all_its_forms(level):
    """Beams, covariance and Hermitian matrices; a batch of targets with missing scatterers."""
    one, more = target_of(), target_of(range=12.0)
    few = dataclasses.replace(one, points=one.points[:9], weights=one.weights[:9])
    beams, covariance = complexes(GENERIC["W"]), covariance_of()
    phases = np.stack([GENERIC["psi"], np.pad(GENERIC["psi"][:9], (0, 5)), GENERIC["psi"]])
    given = {"path_gain": [0.01, 0.02, 0.03], "noise_power": [1e-3, 2e-3, 1e-3]}
    batch = system_of(level, **given, **({"phases": phases} if level == "coherent" else {}))
    terms = bound.extended_target_information(bound.ExtendedTarget.stack([one, few, more]), **batch)
    fim = terms.of_beams(tf.constant(beams)).numpy()
    for n, target in enumerate((one, few, more)):
        own = {k: v[n] for k, v in given.items()}
        own |= {"phases": phases[n, : target.weights.size]} if level == "coherent" else {}
        expected = bound.extended_target_fim(
            target, covariance=covariance, **system_of(level, **own)
        )
        assert_same(fim[n], expected, 1e-12)
    matrices = terms.matrices().numpy()
    np.testing.assert_allclose(matrices, matrices.conj().swapaxes(-1, -2), rtol=1e-12)
    mapped = np.einsum("...ijkl,lk->...ij", matrices, covariance)
    assert_same(mapped.real, fim, 1e-12)
    if level == "energy":
        factors, energies = terms.coefficients[:, :, 0, 0], terms.steering[:, :, 0] @ beams
        energies = np.sum(np.abs(energies) ** 2, axis=-1)
        assert_same(np.einsum("bl,blij->bij", energies, factors), fim, 1e-12)
        np.testing.assert_allclose(energies[0], GENERIC["energies"], rtol=1e-9)


def test_information_of_beams_is_differentiable_in_a_graph():
    terms = bound.extended_target_information(target_of(), **system_of("resolved"))
    beams, direction = complexes(GENERIC["W"]), np.random.default_rng(1).normal(size=(16, 3))

    @tf.function(jit_compile=True, reduce_retracing=True)
    def gradient(beams):
        with tf.GradientTape() as tape:
            tape.watch(beams)
            value = tf.math.log(tf.linalg.trace(terms.of_beams(beams)))
        return value, tape.gradient(value, beams)

    slope = np.sum(gradient(tf.constant(beams))[1].numpy() * direction).real
    ends = [gradient(tf.constant(beams + s * 1e-6 * direction))[0].numpy() for s in (1, -1)]
    np.testing.assert_allclose(slope, (ends[0] - ends[1]) / 2e-6, rtol=1e-7)


def test_turning_scene_and_array_changes_nothing():
    target = target_of()
    together = target.derivatives @ [0, 1, 0, 1]
    np.testing.assert_allclose(together, [[0, 1, 0]] * together.shape[0], atol=1e-13)
    turned = target_of(azimuth=target.azimuth + 0.2, orientation=target.orientation + 0.2)
    np.testing.assert_allclose(turned.ranges, target.ranges, rtol=1e-14)
    np.testing.assert_allclose(turned.azimuths, target.azimuths + 0.2, rtol=1e-13)
    np.testing.assert_allclose(turned.derivatives, target.derivatives, atol=1e-12)


def ellipsoid(scale: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Local points and normals times area on a fine grid of an ellipsoid."""
    nu, nv = 48, 32
    u = (np.arange(nu) + 0.5) * 2 * np.pi / nu
    v = (np.arange(nv) + 0.5) * np.pi / nv - np.pi / 2
    u, v = (w.ravel() for w in np.meshgrid(u, v, indexing="ij"))
    a, b, c = 2.0 * scale, 0.8 * scale, 0.6 * scale
    e = np.stack([np.cos(v) * np.cos(u), np.cos(v) * np.sin(u), np.sin(v)], -1)
    return e * [a, b, c], e * [b * c, a * c, a * b] * np.cos(v)[:, np.newaxis]


def visible(distance: float, elevation: float, orientation: float = 0.9) -> bound.ExtendedTarget:
    """Visible half of an ellipsoid with projected areas as weights, of sum 1."""
    points, normals = ellipsoid()
    pose = {"range": distance, "azimuth": 0.35, "elevation": elevation, "orientation": orientation}
    body = bound.ExtendedTarget(points, np.ones(len(points)), **pose)
    cos, sin = np.cos(orientation), np.sin(orientation)
    turned = normals @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]])
    area = np.sum(turned * -body.positions, axis=-1) / body.ranges
    weights = np.maximum(area, 0)
    return bound.ExtendedTarget(points, weights / weights.sum(), **pose)


FAR = {"path_gain": 1e-3, "noise_power": 1e-3, "rms_bandwidth": 28.9e6, "num_samples": 1024}


def bounds_at(target: bound.ExtendedTarget, level: str = "energy") -> np.ndarray:
    shape = (8, 8)
    fim = bound.extended_target_fim(
        target, shape, shape, centre_beam(target, shape), **FAR, level=level
    )
    return parts(fim, target.num_pose)


@pytest.mark.parametrize("elevation", [0.0, 0.35])
def test_bound_falls_to_that_of_a_point_with_distance(elevation):
    point = bounds_at(bound.ExtendedTarget.point(50.0, 0.35, elevation))
    near, middle, far = (bounds_at(visible(d, elevation)) for d in (10.0, 20.0, 10e3))
    assert np.all(near[:2] > middle[:2]) and np.all(middle[:2] > far[:2])
    np.testing.assert_allclose(far[:2], point[:2], rtol=3e-4)
    # a range contribution of the vertical extent stays
    assert 0.9 < far[2] / point[2] < 1.0
    # a point's bound does not depend on the distance
    np.testing.assert_allclose(bounds_at(bound.ExtendedTarget.point(5.0, 0.35, elevation)), point)


@pytest.mark.parametrize(("distance", "tolerance"), [(100.0, 0.03), (1e3, 3e-3), (1e4, 3e-4)])
def test_far_information_is_the_leading_order(distance, tolerance):
    target, shape = visible(distance, 0.2), (8, 8)
    covariance = centre_beam(target, shape)
    system = {**FAR, "covariance": covariance}
    fim = bound.extended_target_fim(target, shape, shape, **system)[:4, :4]
    centre = bound.ExtendedTarget.point(distance, 0.35, 0.2)
    one = bound.extended_target_fim(centre, shape, shape, **system)
    frame = isac.scene.scatterers.direction_frame(*map(tf.constant, (0.35, 0.2)))
    offset = target.positions - distance * frame[0].numpy()
    y, h = np.cos(0.2) * offset @ frame[1].numpy(), offset @ frame[2].numpy()
    rows = np.stack([np.ones_like(y), y, h, -y], -1)
    expected = one[0, 0] * np.einsum("l,li,lj->ij", target.weights, rows, rows)
    expected[1:3, 1:3] += one[1:3, 1:3]
    crb, limit = (np.diagonal(bound.cramer_rao_bound(f)) for f in (fim, expected))
    np.testing.assert_allclose(crb, limit, rtol=tolerance)


def test_energy_is_close_to_resolved_with_a_beam_on_the_centre_and_far_off_without():
    target = visible(40.0, -0.17)
    near = bounds_at(target) / bounds_at(target, "resolved")
    assert np.all(near < 1.05) and np.all(near >= 1 - 1e-9)
    system = {k: v for k, v in FAR.items() if k != "rms_bandwidth"} | {"rms_bandwidth": 28.9e6}
    isotropic = np.eye(64) / 64
    energy, resolved = (
        parts(bound.extended_target_fim(target, (8, 8), (8, 8), isotropic, **system, level=level))
        for level in ("energy", "resolved")
    )
    assert np.all(energy[1:3] / resolved[1:3] > 1.5) and np.all(energy / resolved >= 1 - 1e-9)


def test_coherent_bound_spreads_about_resolved_the_less_the_more_bandwidth():
    target, rng = visible(20.0, -0.17), np.random.default_rng(0)
    keep = np.flatnonzero(target.weights)[::41]
    weights = target.weights[keep] / target.weights[keep].sum()
    target = dataclasses.replace(target, points=target.points[keep], weights=weights)
    covariance, spread = centre_beam(target, (4, 4)), []
    for bandwidth in (100e6, 4e9):
        frequencies = offsets(32, bandwidth / 32)
        system = {"path_gain": 1e-3, "noise_power": 1e-3, "num_samples": 32}
        rms = np.sqrt(np.mean(frequencies**2))
        fim = bound.extended_target_fim(
            target, (4, 4), (4, 4), covariance, rms_bandwidth=rms, **system, level="resolved"
        )
        drawn = [
            bound.extended_target_fim(
                target, (4, 4), (4, 4), covariance, rms_bandwidth=None, **system, level="coherent",
                frequencies=frequencies, phases=rng.uniform(0, 2 * np.pi, len(keep)),
            )
            for _ in range(12)
        ]  # fmt: skip
        spread.append(np.std(np.log(parts(np.array(drawn)) / parts(fim)), axis=0))
    assert np.all(spread[1][:3] < 0.5 * spread[0][:3])


def test_gain_of_a_target_is_the_radar_equation():
    target, wavelength = target_of(), 0.0107
    expected = wavelength / ((4 * np.pi) ** 1.5 * 20.0**2)
    np.testing.assert_allclose(target.path_gain(wavelength), expected, rtol=1e-14)
    np.testing.assert_allclose(
        expected, isac.channel.reflection_coefficient(20.0, wavelength), rtol=1e-14
    )


def test_point_is_an_extended_target_of_one_scatterer_without_orientation():
    point = bound.ExtendedTarget.point(20.0, 0.5, 0.2)
    assert point.derivatives.shape == (1, 3, 3)
    np.testing.assert_allclose(point.derivatives[0], np.eye(3), atol=1e-14)
    fim = bound.extended_target_fim(point, covariance=covariance_of(), **system_of("resolved"))
    body = bound.ExtendedTarget(
        np.zeros((1, 3)), [1.0], range=20.0, azimuth=0.5, elevation=0.2, orientation=0.4
    )
    whole = bound.extended_target_fim(body, covariance=covariance_of(), **system_of("resolved"))
    np.testing.assert_allclose(whole[np.ix_([0, 1, 2, 4], [0, 1, 2, 4])], fim, rtol=1e-12)
    assert not np.any(whole[3])
    with pytest.raises(ValueError, match="singular"):
        bound.cramer_rao_bound(bound.effective_fim(whole, num_interest=4))
