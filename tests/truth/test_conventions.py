"""Levels, phases and ratios of docs/conventions.md, measured on simulated signals."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats
from sionna.phy.channel import cir_to_ofdm_channel, subcarrier_frequencies

import sionna_isac as isac
from sionna_isac.studies._isac.scenario import IsacScenario

C = 299792458.0
ANTENNAS, SPACING, WAVELENGTH = 6, 240e3, 0.005


def draws(rng, *shape: int) -> np.ndarray:
    return (rng.normal(size=shape) + 1j * rng.normal(size=shape)) / np.sqrt(2)


def array(num_antennas: int = ANTENNAS):
    return isac.array.UniformLinearArray(num_antennas, WAVELENGTH, precision="double")


def numerology(num_subcarriers: int, **kwargs):
    return isac.waveform.Numerology(num_subcarriers, SPACING, C / WAVELENGTH, **kwargs)


def make_echo(
    num_subcarriers: int, num_antennas: int = ANTENNAS, normalize: bool = False, **kwargs
):
    return isac.channel.MonostaticEcho(
        array(num_antennas),
        numerology(num_subcarriers, **kwargs),
        normalize=normalize,
        precision="double",
    )


def one_antenna(batch_size: int, power: float = 1.0) -> np.ndarray:
    return np.sqrt(power) * np.eye(1, ANTENNAS).repeat(batch_size, 0) + 0j


def one_target(angle, distance, gain, velocity=None):
    columns = (np.reshape(v, (-1, 1)) for v in np.broadcast_arrays(angle, distance, gain))
    angle, distance, gain = columns
    if velocity is not None:
        velocity = np.full(angle.shape, velocity)
    return isac.scene.PointTargets(
        angle, distance, gain + 0j, np.ones(len(angle), np.int32), velocity
    )  # fmt: skip


class TestEchoAndSionna:
    """Sionna counts subcarriers from the centre: at even numbers that is not (S - 1)/2."""

    @pytest.mark.parametrize("normalize", [False, True])
    @pytest.mark.parametrize("num_subcarriers", [1, 2, 3, 8, 15, 16])
    def test_paths_are_the_echo(self, rng, num_subcarriers, normalize):
        echo = make_echo(num_subcarriers, normalize=normalize)
        targets = isac.scene.PointTargets(
            rng.uniform(-1, 1, (2, 3)), rng.uniform(10, 500, (2, 3)), draws(rng, 2, 3), [3, 3]
        )
        beam, x = draws(rng, 2, ANTENNAS), draws(rng, 2, num_subcarriers)
        frequencies = subcarrier_frequencies(num_subcarriers, SPACING, precision="double")
        channel = cir_to_ofdm_channel(frequencies, *echo.paths(targets))
        seen = np.einsum("bklms,bl,bs->bks", channel[:, 0, :, 0], beam, x)
        np.testing.assert_allclose(echo(x, targets, beam), seen, atol=1e-10)

    @pytest.mark.parametrize("num_subcarriers", [7, 8])
    def test_lower_band_edge_has_no_delay_phase(self, num_subcarriers):
        """Of a delay, subcarrier s sees exp(-j 2 pi s spacing tau), s from the lower edge."""
        y = make_echo(num_subcarriers)(
            np.ones((1, num_subcarriers)) + 0j, one_target(0.0, 77.0, 1.0), one_antenna(1)
        )
        index = np.arange(num_subcarriers)
        expected = np.exp(-2j * np.pi * index * SPACING * 2 * 77.0 / C)
        np.testing.assert_allclose(y[0, 0], expected, atol=1e-12)

    def test_duration_of_a_symbol_with_its_prefix(self):
        """A receding target turns by exp(-j 4 pi v m T / wavelength)."""
        for duration in (None, 1.07 / SPACING):
            y = make_echo(2, symbol_duration=duration)(
                np.ones((1, 5, 2)) + 0j, one_target(0.0, 30.0, 1.0, 40.0), one_antenna(1)
            )
            time = np.arange(5) * (duration or 1 / SPACING)
            expected = np.exp(-4j * np.pi * 40.0 * time / WAVELENGTH)
            np.testing.assert_allclose(y[0, 0, :, 0], expected, atol=1e-12)


class TestNoise:
    """N0 is the power of a complex sample, half of it in either part, and nothing else."""

    def test_circular(self):
        for no in (0.04, 9.0):
            noise = isac.core.complex_normal([400, 100], no, "double").numpy().ravel()
            error = 5 * no / np.sqrt(noise.size)
            assert np.mean(np.abs(noise) ** 2) == pytest.approx(no, abs=error)
            assert np.mean(noise.real**2) == pytest.approx(no / 2, abs=error)
            assert abs(np.mean(noise.real * noise.imag)) < error

    def test_variance_of_each_column(self):
        variance = np.array([0.01, 1.0, 100.0])
        noise = isac.core.complex_normal([40000, 3], variance, "double").numpy()
        np.testing.assert_allclose(np.mean(np.abs(noise) ** 2, 0), variance, rtol=0.03)

    @pytest.mark.parametrize("precision", ["single", "double"])
    def test_of_echo_and_its_projection(self, rng, precision):
        echo = isac.channel.MonostaticEcho(
            isac.array.UniformLinearArray(ANTENNAS, WAVELENGTH, precision=precision),
            numerology(16),
            normalize=True,  # the factor is on the signal, not on the noise
            precision=precision,
        )
        targets, beam = one_target(np.zeros(500), 30.0, 0.0), one_antenna(500)
        basis = isac.waveform.DelayBasis(numerology(16), [20, 40], precision=precision)
        for noise in (
            echo(np.ones((500, 16)) + 0j, targets, beam, 0.3),
            echo.filtered(targets, beam, basis, 0.3),
        ):
            power = np.mean(np.abs(noise) ** 2)
            assert power == pytest.approx(0.3, abs=5 * 0.3 / np.sqrt(noise.numpy().size))

    def test_power_of_each_sample(self, rng):
        """One value for a sample, also where there are as many samples as subcarriers."""
        no = np.array([0.0, 0.01, 1.0, 100.0])
        basis = isac.waveform.DelayBasis(numerology(4), [0, 600], precision="double")
        near = isac.array.SphericalWaveArray(
            isac.array.uniform_positions(4, WAVELENGTH / 2), WAVELENGTH, precision="double"
        )
        near_echo = isac.channel.NearFieldEcho(near, precision="double")
        targets, beam = one_target(np.zeros(4), 30.0, 0.0), np.zeros((4, 400)) + 0j
        for noise in (
            make_echo(4, 400)(np.ones((4, 4)) + 0j, targets, beam, no),
            make_echo(4, 400).filtered(targets, beam, basis, no),
            near_echo(
                np.zeros((4, 4, 400)) + 0j, np.full((4, 1, 2), 5.0), np.ones((4, 1)) + 0j, no
            ),
        ):
            power = np.mean(np.abs(noise) ** 2, axis=(1, 2))
            np.testing.assert_allclose(power, no, rtol=5 / np.sqrt(1600))

    def test_without_any_place_for_a_target(self, rng):
        """Arrays of no targets at all: nothing but noise, and no path."""
        none = isac.scene.PointTargets(*np.zeros((2, 50, 0)), np.zeros((50, 0)) + 0j, [0] * 50)
        echo, beam = make_echo(16), one_antenna(50)
        basis = isac.waveform.DelayBasis(numerology(16), [20, 40], precision="double")
        for noise in (
            echo(np.ones((50, 16)) + 0j, none, beam, 0.3),
            echo(np.ones((50, 1, ANTENNAS, 2, 16)) + 0j, none, no=0.3),
            echo.filtered(none, beam, basis, 0.3),
        ):
            power = np.mean(np.abs(noise) ** 2)
            assert power == pytest.approx(0.3, abs=5 * 0.3 / np.sqrt(noise.numpy().size))
        assert echo.paths(none)[1].shape == (50, 1, 1, 0)

    def test_after_the_reciprocal_filter(self):
        """N0 / |x|^2: for QPSK it stays N0, for 16QAM it depends on the symbol."""
        no = 0.2
        reciprocal = isac.receiver.ReciprocalFilter(numerology(64), precision="double")
        for bits in (2, 4):
            x, _ = isac.waveform.SymbolSource(64, num_bits_per_symbol=bits, precision="double")(300)
            targets = one_target(np.zeros(300), 30.0, 0.0)
            y = reciprocal(make_echo(64)(x, targets, one_antenna(300), no), x).numpy()
            energy = np.round(np.abs(x.numpy()) ** 2, 9)
            for level in np.unique(energy):
                cells = np.swapaxes(y, 1, 2)[energy == level]
                error = 5 * no / level / np.sqrt(cells.size)
                assert np.mean(np.abs(cells) ** 2) == pytest.approx(no / level, abs=error)


class TestSensingRatios:
    SUBCARRIERS = 16

    def angle_delay_map(self):
        spacing = C / 2 / SPACING / self.SUBCARRIERS  # orthogonal delays
        return isac.receiver.AngleDelayMap(
            array(),
            numerology(self.SUBCARRIERS),
            isac.receiver.SearchGrid(
                np.arcsin(np.arange(-2, 4) / 3),  # orthogonal steering vectors
                spacing * np.arange(self.SUBCARRIERS),
            ),
            precision="double",
        )

    def test_noise_of_a_cell_is_rayleigh(self):
        no = 0.3
        noise = isac.core.complex_normal([50, ANTENNAS, self.SUBCARRIERS], no, "double")
        cells = self.angle_delay_map()(noise).numpy().ravel()  # independent: atoms are orthogonal
        sigma = np.sqrt(ANTENNAS * self.SUBCARRIERS * no)
        assert stats.kstest(cells, stats.rayleigh(scale=sigma / np.sqrt(2)).cdf).pvalue > 1e-3

    @pytest.mark.parametrize("normalize", [False, True])
    def test_peak_over_the_noise_of_a_cell(self, normalize):
        """K S nu^2 |psi|^2 |a^T f|^2 / N0; on average SNR_r |a^T f|^2 with nu^2 = 1/S."""
        batch, variance, no = 4000, 2.0, 0.5
        angle = np.arcsin(1 / 3)
        gain = isac.scene.RayleighGain(variance, precision="double")(np.ones(batch)).numpy()
        targets = one_target(np.full(batch, angle), 3 * C / 2 / SPACING / self.SUBCARRIERS, gain)
        steering = np.exp(-1j * np.pi * (np.arange(ANTENNAS) - 2.5) / 3)
        beam = np.tile(steering.conj() / np.sqrt(ANTENNAS), (batch, 1))  # gain K, power 1
        echo = make_echo(self.SUBCARRIERS, normalize=normalize)
        y = echo(np.ones((batch, self.SUBCARRIERS)) + 0j, targets, beam)
        peak = self.angle_delay_map()(y).numpy()[:, 3, 3]
        measured = np.mean(peak**2) / (ANTENNAS * self.SUBCARRIERS * no)
        snr = ANTENNAS * variance / no
        expected = snr * ANTENNAS * (1 if normalize else self.SUBCARRIERS)
        assert measured == pytest.approx(expected, abs=5 * expected / np.sqrt(batch))

    def test_radar_equation_as_a_link_budget(self):
        """Power density at the target, what it takes up, density back here, effective area."""
        power, rcs, distance, batch = 2.0, 1.7, 40.0, 5000
        gain = isac.scene.RadarEquationGain(WAVELENGTH, mean_rcs=rcs, precision="double")
        draw = gain(np.full(batch, distance)).numpy()
        targets = one_target(np.zeros(batch), distance, draw)
        y = make_echo(4)(np.ones((batch, 4)) + 0j, targets, one_antenna(batch, power)).numpy()
        sphere = 4 * np.pi * distance**2
        expected = power / sphere * rcs / sphere * WAVELENGTH**2 / (4 * np.pi)
        assert np.mean(np.abs(y) ** 2) == pytest.approx(expected, rel=5 / np.sqrt(batch), abs=0)
        # the same target seen by the near-field echo, whose cross section does not fluctuate
        beta = isac.channel.reflection_coefficient(distance, WAVELENGTH, rcs)
        assert power * beta**2 == pytest.approx(expected, rel=1e-12, abs=0)


def test_noise_power_of_both_settings():
    """The table of the conventions: 1.55e-12 W for 8 dB over 256 x 240 kHz, K / SNR_r for 15 dB."""
    noise_power = IsacScenario.noise_power.fget
    waveform = SimpleNamespace(num_subcarriers=256, subcarrier_spacing=240e3)
    for gain, expected in (
        (SimpleNamespace(kind="radar_equation", noise_figure_db=8.0), 1.55e-12),
        (SimpleNamespace(kind="rayleigh", snr_db=15.0), 64 / 31.6228),
    ):
        scenario = SimpleNamespace(
            waveform=waveform,
            targets=SimpleNamespace(gain=gain),
            array=SimpleNamespace(num_antennas=64),
        )
        assert noise_power(scenario) == pytest.approx(expected, rel=2e-3, abs=0)


class TestLinks:
    def link(self, kind, **kwargs):
        sector = isac.scene.FixedSector((0.3, 0.8), precision="double")
        return kind(array(), sector, precision="double", **kwargs)

    @pytest.mark.parametrize("num_subcarriers", [1, 7, 16])
    def test_mean_snr_of_every_subcarrier(self, num_subcarriers):
        batch, power = 20000, 1.4
        link = self.link(
            isac.channel.MultitapLink, bandwidth=num_subcarriers * SPACING, power=power
        )
        csi = link.csi(link.paths(batch), one_antenna(batch), numerology(num_subcarriers)).numpy()
        np.testing.assert_allclose(
            np.mean(np.abs(csi) ** 2, 0), power, atol=5 * power / np.sqrt(batch)
        )

    def test_friis_as_a_link_budget(self):
        """Power density at the user times the effective area of an isotropic antenna."""
        link = self.link(isac.channel.GeometricLink, range_interval=(10, 200), max_scatterers=0)
        paths = link.paths(50)
        distance = C * paths.delay.numpy()[:, 0]
        csi = link.csi(paths, one_antenna(50, 3.0), numerology(4)).numpy()
        expected = 3.0 / (4 * np.pi * distance**2) * WAVELENGTH**2 / (4 * np.pi)
        np.testing.assert_allclose(np.abs(csi) ** 2, expected[:, None] * np.ones(4), rtol=1e-9)

    def test_bounces_of_the_geometric_link(self):
        """Places of scatterers, solved from delays and angles, and the bistatic radar equation."""
        nearest, farthest, rcs = 1.0, 200.0, 2.5
        link = self.link(
            isac.channel.GeometricLink,
            range_interval=(nearest, farthest),
            max_scatterers=2,
            mean_rcs=rcs,
        )
        paths = link.paths(6000)
        angle, gain = paths.angle.numpy(), np.abs(paths.gain.numpy())
        length = C * paths.delay.numpy()
        user, way = length[:, :1], length[:, 1:]
        # |scatterer - user| = way - r, squared and solved for the distance r to the array
        r = (way**2 - user**2) / 2 / (way - user * np.cos(angle[:, 1:] - angle[:, :1]))
        inside = way - r > nearest * 1.001  # nearer to the user, the bounce is limited
        assert np.mean(inside) > 0.99
        assert stats.kstest(r[inside], stats.uniform(nearest, farthest - nearest).cdf).pvalue > 1e-3
        there = inside & (gain[:, 1:] > 0)
        spread = (4 * np.pi) ** 3 * r**2 * (way - r) ** 2 / WAVELENGTH**2
        section = (gain[:, 1:] ** 2 * spread)[there]
        assert stats.kstest(section, stats.expon(scale=rcs).cdf).pvalue > 1e-3
        assert np.mean(section) == pytest.approx(rcs, rel=5 / np.sqrt(section.size))

    @pytest.mark.parametrize("largest", [0, 1, 4])
    def test_number_of_bounces_is_uniform_from_none(self, largest):
        link = self.link(
            isac.channel.GeometricLink, range_interval=(10, 200), max_scatterers=largest
        )
        count = np.count_nonzero(link.paths(3000).gain, axis=1) - 1
        share = 1 / (largest + 1)
        frequency = np.bincount(count, minlength=largest + 1) / 3000
        assert frequency.size == largest + 1
        np.testing.assert_allclose(
            frequency, share, atol=1e-12 + 4.5 * np.sqrt(share * (1 - share) / 3000)
        )

    def test_saleh_valenzuela_in_watts(self):
        """28 GHz at 20 m: 61.4 + 20 log10(20) dB below what one antenna sends."""
        near = isac.array.SphericalWaveArray(
            isac.array.uniform_positions(ANTENNAS, WAVELENGTH / 2), WAVELENGTH, precision="double"
        )
        sector = isac.scene.FixedSector((-1, 1), precision="double")
        link = isac.channel.SalehValenzuelaLink(near, sector, num_scatterers=0, precision="double")
        batch = 5000
        csi = link.csi(link.paths(batch), one_antenna(batch), numerology(2)).numpy()
        expected = 10 ** (-(61.4 + 20 * np.log10(20)) / 10)
        assert np.mean(np.abs(csi) ** 2) == pytest.approx(expected, rel=5 / np.sqrt(batch), abs=0)
