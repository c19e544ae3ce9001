"""Spherical waves, near-field echo and link against their definitions and limits."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.channel import cir_to_ofdm_channel, subcarrier_frequencies

import sionna_isac as isac

C = 299792458.0
WAVELENGTH = C / 28e9
ANTENNAS = 32
POSITIONS = isac.array.uniform_positions(ANTENNAS, 0.5 / (ANTENNAS - 1))


def array(positions=POSITIONS, precision="double"):
    return isac.array.SphericalWaveArray(positions, WAVELENGTH, precision=precision)


def polar(distance, angle) -> np.ndarray:
    return np.stack([distance * np.cos(angle), distance * np.sin(angle)], -1)


def draws(rng, *shape: int) -> np.ndarray:
    return rng.normal(size=shape) + 1j * rng.normal(size=shape)


class TestSphericalWave:
    @pytest.mark.parametrize("axes", [1, 2, 3])
    def test_definition(self, rng, axes):
        elements = rng.uniform(-0.3, 0.3, (7, axes))
        full = {1: np.c_[np.zeros(7), elements[:, 0]]}.get(axes, elements)
        point = rng.uniform(1, 5, (2, 3, full.shape[1]))
        layout = array(elements[:, 0] if axes == 1 else elements)
        distance = np.linalg.norm(point[..., None, :] - full, axis=-1)
        expected = np.exp(-2j * np.pi * distance / WAVELENGTH)
        np.testing.assert_allclose(layout.steering(point), expected, atol=1e-11)

    def test_point_on_an_element(self):
        a = array([0.0, 0.1]).steering([[0.0, 0.1], [0.0, 0.0]]).numpy()
        expected = np.exp(-2j * np.pi * np.array([[0.1, 0.0], [0.0, 0.1]]) / WAVELENGTH)
        np.testing.assert_allclose(a, expected, atol=1e-12)

    @pytest.mark.parametrize("angle", [0.0, 0.3, -1.1])
    def test_plane_wave_is_the_limit(self, angle):
        """The phase error falls as 1/r, and is k y^2 cos^2(angle) / (2 r) at first order."""
        distances = np.array([1e2, 1e3, 1e4, 1e5])
        near = array().steering(polar(distances, angle)).numpy()
        near *= np.exp(2j * np.pi * distances / WAVELENGTH)[:, None]
        far = array().far_field(angle).numpy()
        error = -np.angle(near / far)
        first = np.pi * POSITIONS**2 * np.cos(angle) ** 2 / WAVELENGTH
        np.testing.assert_allclose(
            error * distances[:, None], first * np.ones((4, 1)), rtol=0, atol=0.01 * first.max()
        )
        largest = np.max(np.abs(error), -1)
        rate = -np.diff(np.log10(largest))
        np.testing.assert_allclose(rate, 1.0, atol=0.01)

    def test_limit_is_the_conjugate_of_the_other_convention(self):
        line = isac.array.UniformLinearArray(
            ANTENNAS, WAVELENGTH, element_positions=POSITIONS, precision="double"
        )
        for angle in (-0.7, 0.2):
            np.testing.assert_allclose(
                array().far_field(angle), np.conj(line.steering(angle)), atol=1e-12
            )

    def test_single_precision_keeps_phases_between_elements(self):
        point = polar(np.array([3.0, 20.0, 1e3]), np.array([0.4, -0.2, 0.9]))
        exact = array().steering(point).numpy()
        single = array(precision="single").steering(point).numpy()
        np.testing.assert_allclose(
            single / single[:, :1], exact / exact[:, :1], atol=3e-4
        )  # rounding of k d alone is 2e-5

    def test_layouts(self):
        plane = isac.array.planar_positions(3, 2, 0.5)
        assert plane.shape == (6, 3) and not plane[:, 0].any()
        np.testing.assert_allclose(plane[:3, 1], [-0.5, 0, 0.5])
        np.testing.assert_allclose(plane.mean(0), 0, atol=1e-15)
        for number, total in ((4, 8), (5, 9)):
            cross = isac.array.cross_positions(number, 0.5)
            assert len(np.unique(cross, axis=0)) == len(cross) == total
            assert np.all(cross[:, 1] * cross[:, 2] == 0)


def test_echo_is_the_matrix_product(rng):
    echo = isac.channel.NearFieldEcho(array(), precision="double")
    x, beta = draws(rng, 2, ANTENNAS, 5), draws(rng, 2, 3)
    point = np.stack([rng.uniform(2, 9, (2, 3)), rng.uniform(-3, 3, (2, 3))], -1)
    a = array().steering(point).numpy()
    channel = np.einsum("bq,bqn,bqm->bnm", beta, a, a.conj())
    np.testing.assert_allclose(echo(x, point, beta), channel @ x, rtol=1e-10, atol=1e-9)


def test_echo_noise(rng):
    echo = isac.channel.NearFieldEcho(array(), precision="double")
    x = np.zeros((20, ANTENNAS, 50)) + 0j
    noise = echo(x, np.full((20, 1, 2), 5.0), np.ones((20, 1)) + 0j, 0.3).numpy()
    assert np.mean(np.abs(noise) ** 2) == pytest.approx(0.3, rel=0.03)


def test_a_beam_is_focused_on_the_same_point_in_echo_and_link():
    point = np.array([[[6.0, 1.5]]])
    beam = array().steering(point[:, 0]).numpy()
    echo = isac.channel.NearFieldEcho(array(), precision="double")
    y = echo(beam[:, :, None], point, np.ones((1, 1)) + 0j).numpy()
    np.testing.assert_allclose(np.abs(y), ANTENNAS, rtol=1e-12)
    link = saleh_valenzuela()
    gain, zero = np.ones((1, 1)) + 0j, np.zeros((1, 1))
    paths = isac.channel.NearFieldPaths(*map(tf.constant, (point, gain, zero)))
    np.testing.assert_allclose(
        link.csi(paths, beam, isac.waveform.Numerology(3, 1e5, 28e9)), ANTENNAS, rtol=1e-12
    )


def saleh_valenzuela(**kwargs):
    sector = isac.scene.FixedSector((-np.pi / 2, np.pi / 2), precision="double")
    return isac.channel.SalehValenzuelaLink(array(), sector, precision="double", **kwargs)


class TestSalehValenzuelaLink:
    def test_published_path_loss(self):
        assert isac.channel.new_york_path_loss(1.0, True) == pytest.approx(61.4)
        assert isac.channel.new_york_path_loss(10.0, True) == pytest.approx(81.4)
        assert isac.channel.new_york_path_loss(10.0, False) == pytest.approx(101.2)
        tensor = isac.channel.new_york_path_loss(tf.constant([20.0], tf.float64), False)
        np.testing.assert_allclose(tensor, isac.channel.new_york_path_loss([20.0], False))

    def test_statistics(self):
        paths = saleh_valenzuela().paths(4000)
        power = np.mean(np.abs(paths.gain) ** 2, 0)
        loss = [isac.channel.new_york_path_loss(20.0, sight) for sight in (True, *[False] * 3)]
        np.testing.assert_allclose(power * 10 ** (np.array(loss) / 10), 1, atol=5 / np.sqrt(4000))
        distance = np.linalg.norm(paths.point, axis=-1)
        np.testing.assert_allclose(distance, 20.0)
        np.testing.assert_allclose(paths.delay[:, 0], 20 / C)
        bounce = 20 + np.linalg.norm(paths.point[:, 1:] - paths.point[:, :1], axis=-1)
        np.testing.assert_allclose(paths.delay[:, 1:], bounce / C)

    def test_distances(self):
        paths = saleh_valenzuela(user_range=30.0, num_scatterers=2, scatterer_range=8.0).paths(3)
        np.testing.assert_allclose(np.linalg.norm(paths.point, axis=-1), [[30.0, 8.0, 8.0]] * 3)
        assert saleh_valenzuela(num_scatterers=0).paths(3).gain.shape == (3, 1)

    def test_channel_vector(self):
        """h^H f of the channel vectors is what the narrowband link gives, Eqs. (6) and (11)."""
        link = saleh_valenzuela()
        paths = link.paths(4)
        beam = draws(np.random.default_rng(1), 4, ANTENNAS)
        h = link.channel_vectors(paths).numpy()
        a = array().steering(paths.point).numpy()
        np.testing.assert_allclose(h, np.einsum("bp,bpn->bn", paths.gain, a), atol=1e-18)
        np.testing.assert_allclose(
            link.csi(paths, beam, isac.waveform.Numerology(1, 1e5, 28e9))[:, 0],
            np.sum(h.conj() * beam, -1),
            rtol=1e-10,
        )

    def test_csi_equals_sionna(self, rng, monkeypatch):
        link = saleh_valenzuela()
        paths = link.paths(3)
        monkeypatch.setattr(link, "paths", lambda batch_size: paths)
        beam = draws(rng, 3, ANTENNAS)
        a, tau = link(3, 1, 1e6)
        assert a.shape == (3, 1, 1, 1, ANTENNAS, 4, 1) and tau.shape == (3, 1, 1, 4)
        frequencies = subcarrier_frequencies(16, 1e6, precision="double")
        h = cir_to_ofdm_channel(frequencies, a, tau).numpy()[:, 0, 0, 0, :, 0]
        csi = link.csi(paths, beam, isac.waveform.Numerology(16, 1e6, 28e9))
        np.testing.assert_allclose(np.einsum("bns,bn->bs", h, beam), csi, rtol=1e-8, atol=1e-14)
