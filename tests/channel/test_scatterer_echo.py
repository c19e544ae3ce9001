"""Echo of a rigid body: its formula, its bound, receivers that take it."""

from __future__ import annotations

import numpy as np
import tensorflow as tf

import sionna_isac as isac
from sionna_isac.bound import ExtendedTarget

CARRIER, SPACING, SUBCARRIERS = 28e9, 25e6, 16
NUMEROLOGY = isac.waveform.Numerology(SUBCARRIERS, SPACING, CARRIER)
WAVELENGTH = NUMEROLOGY.wavelength
OFFSETS = NUMEROLOGY.frequency_offsets
PHASES = np.array([0.3, -1.2, 2.5, 0.9])


def planar(*shape: int) -> isac.array.UniformPlanarArray:
    return isac.array.UniformPlanarArray(shape, WAVELENGTH, precision="double")


def body() -> ExtendedTarget:
    points = [[1.9, 0.7, 0.4], [-2.0, 0.8, -0.3], [0.2, -0.9, 0.6], [1.1, -0.8, -0.6]]
    pose = {"range": 15.0, "azimuth": 0.35, "elevation": -0.17, "orientation": 0.9}
    return ExtendedTarget(points, [0.4, 0.2, 0.3, 0.1], **pose)


def echo(array=None, **options) -> isac.channel.ScattererEcho:
    array = planar(3, 2) if array is None else array
    return isac.channel.ScattererEcho(array, NUMEROLOGY, precision="double", **options)


def white(num_beams: int = 3, num_antennas: int = 6) -> tuple[np.ndarray, np.ndarray]:
    """Beams, and signals of the antennas whose symbols are white over the OFDM symbols exactly."""
    rng = np.random.default_rng(4)
    beams = rng.normal(size=(num_antennas, num_beams, 2)) @ [1, 1j]
    dft = np.exp(2j * np.pi * np.outer(np.arange(num_beams), np.arange(num_beams)) / num_beams)
    data = np.exp(2j * np.pi * rng.uniform(size=(1, SUBCARRIERS)))
    return beams, ((beams @ dft)[:, :, np.newaxis] * data)[np.newaxis, np.newaxis]


def test_echo_is_the_sum_over_scatterers():
    target, (_, x) = body(), white()
    y = echo(receive_array=planar(2, 4))(x, target.scatterers(0.02, PHASES)).numpy()
    expected = np.zeros((8, 3, SUBCARRIERS), complex)
    for weight, phase, p in zip(target.weights, PHASES, target.positions, strict=True):
        distance = np.linalg.norm(p)
        b, a = (
            np.exp(2j * np.pi / WAVELENGTH * planar(*s).element_positions @ p / distance)
            for s in ((2, 4), (3, 2))
        )
        tones = np.exp(-2j * np.pi * OFFSETS * 2 * distance / 299792458.0)
        gain = 0.02 * np.sqrt(weight) * np.exp(1j * phase)
        expected += gain * b[:, None, None] * np.tensordot(a, x[0, 0], 1) * tones
    np.testing.assert_allclose(y[0, 0], expected, atol=1e-12 * np.abs(expected).max())


def test_elements_are_counted_along_z_first():
    element = planar(3, 2).element_positions / WAVELENGTH
    np.testing.assert_allclose(element[:3, 1:], [[-0.5, -0.25], [-0.5, 0.25], [0, -0.25]])
    far = isac.array.SphericalWaveArray(
        planar(3, 2).element_positions, WAVELENGTH, precision="double"
    )
    point = 1e6 * np.array([0.8, 0.36, 0.48])
    spherical = far.steering(point).numpy() * np.exp(2j * np.pi / WAVELENGTH * 1e6)
    np.testing.assert_allclose(planar(3, 2).steering(point), spherical, atol=1e-5)


def test_bound_is_that_of_the_echo():
    """Automatic differentiation of the echo gives the information at the level "coherent"."""
    target, (beams, x) = body(), white()
    layer, scatterers = echo(receive_array=planar(2, 4)), target.scatterers(0.02, PHASES)
    pose = {name: getattr(scatterers, name) for name in scatterers._fields[2:]}

    def mean(gain, **pose):
        scale = tf.complex(gain, tf.zeros_like(gain)) / 0.02
        return layer(x, scatterers._replace(**pose, gain=scatterers.gain * scale))

    fim = isac.bound.fisher(mean, {**pose, "gain": [0.02]}, no=0.1, batch_dims=1)[0]
    expected = isac.bound.extended_target_fim(
        target, (3, 2), (2, 4), beams @ beams.conj().T, 0.02, 0.1, None, 3 * SUBCARRIERS,
        "coherent", frequencies=OFFSETS, phases=PHASES,
    )  # fmt: skip
    unit = np.sqrt(np.outer(np.diagonal(expected), np.diagonal(expected)))
    np.testing.assert_allclose(fim / unit, expected / unit, atol=1e-9)


def test_random_phases_keep_the_mean_power_of_the_scatterers():
    target = body()
    stack = ExtendedTarget.stack([target] * 2000)
    isac.set_seed(1)
    x = np.broadcast_to(white()[1], (2000, 1, 6, 3, SUBCARRIERS))
    y = echo(random_phases=True)(x, stack.scatterers(0.02)).numpy()
    alone = [
        echo()(x[:1], target.scatterers(0.02)._replace(gain=0.02 * np.sqrt(row)[None] + 0j)).numpy()
        for row in np.diag(target.weights)
    ]
    power = np.sum([np.mean(np.abs(a) ** 2) for a in alone])
    np.testing.assert_allclose(np.mean(np.abs(y) ** 2), power, rtol=0.03)


def test_linear_array_and_receivers_take_the_echo():
    """OMP finds the direction cosine and the range of a scatterer above the plane."""
    array = isac.array.UniformLinearArray(16, WAVELENGTH, precision="double")
    point = ExtendedTarget.point(20.0, 0.4, 0.3)
    layer = echo(array, normalize=True)
    beam = np.ones((1, 16)) / 4
    x = np.ones((1, SUBCARRIERS))
    targets = point.scatterers(1.0)
    y = layer(x, targets, beam)
    angles, ranges = np.linspace(-1, 1, 401), np.linspace(18, 22, 81)
    grid = isac.receiver.SearchGrid(angles, ranges)
    omp = isac.receiver.OMP(array, NUMEROLOGY, grid, max_targets=1, precision="double")
    found = omp(y, [[-1.0, 1.0]])
    expected = np.arcsin(np.sin(0.4) * np.cos(0.3))
    assert abs(float(found.angle[0, 0]) - expected) < 0.003
    assert abs(float(found.range[0, 0]) - 20.0) < 0.03
    basis = isac.waveform.DelayBasis(NUMEROLOGY, (18.0, 22.0))
    projected = np.tensordot(y.numpy(), basis.columns(tf.complex128).numpy().conj(), 1)
    np.testing.assert_allclose(layer.filtered(targets, beam, basis), projected, atol=1e-12)


def test_maximum_likelihood_reaches_the_bound():
    """Errors of range and azimuth of 200 observations, from starts a fifth of a lobe away."""
    target, number, snr = body(), 200, 2.0
    layer, scatterers = echo(planar(4, 4)), target.scatterers(0.02, PHASES)
    rng = np.random.default_rng(0)
    beams = rng.normal(size=(16, 3, 2)) @ [1, 1j]
    x = np.einsum("nk,kms->nms", beams, np.exp(2j * np.pi * rng.uniform(size=(3, 1, SUBCARRIERS))))
    x = np.broadcast_to(x, (number, 1, *x.shape))
    pose = {n: np.repeat(getattr(scatterers, n), number) for n in scatterers._fields[2:]}
    whole = isac.scene.RigidTargets(*(tf.repeat(v, number, axis=0) for v in scatterers))

    def mean(gain, **pose):
        scale = tf.complex(gain, tf.zeros_like(gain))[:, tf.newaxis] / 0.02
        return layer(x, whole._replace(**pose, gain=whole.gain * scale))

    truth = {**pose, "gain": np.full(number, 0.02)}
    clean = mean(**{n: tf.constant(v) for n, v in truth.items()}).numpy()
    no = np.mean(np.abs(clean) ** 2) / snr
    y = clean + np.sqrt(no / 2) * (rng.normal(size=(*clean.shape, 2)) @ [1, 1j])
    width = {"range": 0.1, "azimuth": 0.02, "elevation": 0.02, "orientation": 0.05, "gain": 2e-3}
    start = {n: v + width[n] * rng.uniform(-1, 1, number) for n, v in truth.items()}
    found = isac.bound.maximum_likelihood(y, mean, start, batch_dims=1)
    assert np.all(found.converged)
    first = {n: v[:1] for n, v in truth.items()}

    def one(gain, **pose):
        scale = tf.complex(gain, tf.zeros_like(gain))[:, tf.newaxis] / 0.02
        return layer(x[:1], scatterers._replace(**pose, gain=scatterers.gain * scale))

    efim = isac.bound.fisher(one, first, no, nuisance=["gain"], batch_dims=1)[0]
    expected = np.sqrt(np.diagonal(isac.bound.cramer_rao_bound(efim)))
    errors = [np.sqrt(np.mean((found.parameters[n] - truth[n]) ** 2)) for n in pose]
    ratio = np.array(errors) / expected
    assert np.all((ratio > 0.85) & (ratio < 1.15)), ratio
