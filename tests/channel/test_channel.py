"""Echo and links as parts of a chain (their formulas are tested in tests/truth)."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.channel import GenerateOFDMChannel, OFDMChannel, RayleighBlockFading
from sionna.phy.ofdm import ResourceGrid

import sionna_isac as isac

ANTENNAS, SPACING = 6, 120e3


def numerology(num_subcarriers: int) -> isac.waveform.Numerology:
    return isac.waveform.Numerology(num_subcarriers, SPACING, 299792458.0 / 0.005)


@pytest.fixture
def array():
    return isac.array.UniformLinearArray(ANTENNAS, 0.005, precision="double")


def no_targets(batch_size: int):
    zero = np.zeros((batch_size, 1))
    return isac.scene.PointTargets(zero, zero + 10, zero + 0j, np.zeros(batch_size, np.int32))


@pytest.mark.parametrize("shape", [(200, 20), (50, 3, 20), (50, 1, ANTENNAS, 3, 20)])
def test_echo_of_nothing_is_noise_of_the_given_power(array, shape):
    echo = isac.channel.MonostaticEcho(array, numerology(shape[-1]), precision="double")
    beam = None if len(shape) == 5 else np.ones((shape[0], ANTENNAS)) + 0j
    targets = no_targets(shape[0])
    assert not np.any(echo(np.ones(shape) + 0j, targets, beam))
    noise = echo(np.ones(shape) + 0j, targets, beam, no=0.25).numpy()
    power = np.mean(np.abs(noise) ** 2)
    assert power == pytest.approx(0.25, abs=5 * 0.25 / np.sqrt(noise.size))
    assert abs(np.mean(noise**2)) < 5 * 0.25 / np.sqrt(noise.size)


def test_rayleigh_snr_of_the_echo(array):
    """Mean energy of a cell is power of gain times beam pattern, on every antenna."""
    echo = isac.channel.MonostaticEcho(array, numerology(4), normalize=True, precision="double")
    scene = isac.scene.TargetScene(
        1,
        (10, 100),
        isac.scene.RayleighGain(2.0, precision="double"),
        num_targets=1,
        precision="double",
    )
    batch = 5000
    targets = scene(np.zeros((batch, 2)))  # all at broadside: the pattern of one antenna is 1
    x = np.ones((batch, 4)) + 0j
    beam = np.eye(1, ANTENNAS).repeat(batch, 0) + 0j
    power = np.mean(np.abs(echo(x, targets, beam)) ** 2)
    assert power == pytest.approx(2.0 / 4, abs=5 * 0.5 / np.sqrt(batch))


@pytest.mark.parametrize("kind", ["multitap", "geometric"])
def test_links_are_channel_models(array, kind):
    """Sionna's OFDM channel takes them, also compiled with XLA."""
    sector = isac.scene.FixedSector((0.1, 0.4), precision="double")
    if kind == "multitap":
        link = isac.channel.MultitapLink(array, sector, bandwidth=16 * SPACING, precision="double")
    else:
        link = isac.channel.GeometricLink(
            array, sector, range_interval=(10, 50), precision="double"
        )
    grid = ResourceGrid(2, 16, SPACING, num_tx=1, precision="double")
    channel = OFDMChannel(link, grid, return_channel=True, precision="double")

    @tf.function(jit_compile=True)
    def transmit(x):
        return channel(x, 0.0)

    y, h = transmit(tf.ones([3, 1, ANTENNAS, 2, 16], tf.complex128))
    assert y.shape == (3, 1, 1, 2, 16)
    np.testing.assert_allclose(y[:, 0, 0], np.sum(h[:, 0, 0, 0], 1), atol=1e-12)
    assert np.all(np.abs(y) > 0)


@pytest.mark.parametrize("kind", ["multitap", "sionna"])
def test_beam_on_the_paths_equals_beam_on_the_antennas(array, kind):
    sector = isac.scene.FixedSector((-1, 1), precision="double")
    link = (
        isac.channel.MultitapLink(array, sector, bandwidth=16 * SPACING, precision="double")
        if kind == "multitap"
        else RayleighBlockFading(1, 1, 1, ANTENNAS, precision="double")
    )
    grid = ResourceGrid(6, 16, SPACING, precision="double")
    beam = np.array([0.5, 0.5j, -0.5, 0.5, 1, 2j])
    isac.set_seed(5)
    full = GenerateOFDMChannel(link, grid, precision="double")(3)
    isac.set_seed(5)
    short = isac.channel.BeamformedLink(link, beam)
    short = GenerateOFDMChannel(short, grid, precision="double")(3)
    expected = tf.einsum("bijklmn,l->bijkmn", full, beam)
    np.testing.assert_allclose(short[:, :, :, :, 0], expected, atol=1e-12)


def test_a_beam_fits_its_link(array):
    sector = isac.scene.FixedSector((-1, 1), precision="double")
    link = isac.channel.MultitapLink(array, sector, bandwidth=16 * SPACING, precision="double")
    with pytest.raises(ValueError, match=r"beam must have shape \[6\]"):
        isac.channel.BeamformedLink(link, np.ones(1) + 0j)(2, 1)
    with pytest.raises(ValueError, match=r"beam must have 1 dimensions \[num_antennas\]"):
        isac.channel.BeamformedLink(link, np.ones((1, 6)) + 0j)
    with pytest.raises(ValueError, match="beam must be finite"):
        isac.channel.BeamformedLink(link, np.full(6, np.nan))
    with pytest.raises(TypeError, match="link must be a ChannelModel"):
        isac.channel.BeamformedLink(array, np.ones(6))
