"""Base classes: a subclass that lacks what they promise is an error when it is made."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
import tensorflow as tf
from sionna.phy.channel import ChannelModel

import sionna_isac as isac
from sionna_isac.core import Array, Echo, Gain, Layer, Link, Receiver, Sector

DOMAINS = ("array", "scene", "channel", "receiver")
KINDS = {
    Array: {
        *("UniformLinearArray", "ImpairedArray", "SphericalWaveArray", "SteeringDictionary"),
        "UniformPlanarArray",
    },
    Gain: {"RayleighGain", "RadarEquationGain"},
    Sector: {"FixedSector", "RandomSector"},
    Echo: {"MonostaticEcho", "NearFieldEcho", "ExtendedEcho", "ScattererEcho"},
    Link: {"MultitapLink", "GeometricLink", "SalehValenzuelaLink"},
    Receiver: {
        *("OMP", "DifferentiableOMP", "MUSIC", "FarFieldMUSIC", "MAPRatioTest", "NeuralReceiver"),
        *("SoftmaxAngleEstimator", "KnownSymbolLocalizer"),
    },
}


@pytest.mark.parametrize("base", KINDS, ids=lambda base: base.__name__)
def test_classes_derive_from_the_base_of_their_kind(base):
    classes = {n: getattr(getattr(isac, d), n) for d in DOMAINS for n in getattr(isac, d).__all__}
    found = {n for n, c in classes.items() if inspect.isclass(c) and issubclass(c, base)}
    assert found == KINDS[base]
    assert issubclass(base, ChannelModel if base is Link else Layer)


class Whole(Array):
    """A single antenna."""

    num_antennas = 1

    def __init__(self, wavelength: float, **kwargs) -> None:
        super().__init__(**kwargs)
        self.wavelength = wavelength

    def call(self, angle: isac.core.Real) -> tf.Tensor:
        return tf.ones([*angle.shape, 1], self.cdtype)


def test_constructors_show_their_arguments():
    shown = inspect.signature(isac.channel.MultitapLink)
    assert [*shown.parameters][:3] == ["array", "sector", "bandwidth"]
    assert [*inspect.signature(isac.scene.RayleighGain).parameters][:1] == ["variance"]
    assert [*inspect.signature(isac.scene.RayleighGain()).parameters] == ["args", "kwargs"]


def test_an_array_of_ones_own_is_used_by_the_library():
    array = Whole(0.01, precision="double")
    assert (array.num_axes, array.element_positions) == (0, None)
    np.testing.assert_array_equal(array.steering([0.1, 0.2]), np.ones((2, 1)))
    receiver = isac.receiver.MAPRatioTest(array, [-0.1, 0.1], precision="double")
    found = receiver(np.ones((1, 1), complex), np.array([[-0.2, 0.2]]))
    np.testing.assert_allclose(found.angle, -0.1)
    scene = isac.scene.PointTargets([[0.0]], [[5.0]], [[1.0]], [1])
    np.testing.assert_allclose(receiver.array(scene.angle), np.ones((1, 1, 1)))


class WithoutWavelength(Whole):
    """It sets no wavelength."""

    def __init__(self) -> None:
        Array.__init__(self)


class WithoutCall(Array):
    """It defines no call."""


class EchoWithoutNoise(Echo):
    """Its call takes no noise power."""

    def call(self, x, targets):
        return x


class EchoWithoutArray(Echo):
    """It sets no array."""

    def call(self, x, no=None):
        return x


class ReceiverWithoutSector(Receiver):
    """Its call takes no sector."""

    def call(self, y):
        return y


class LinkWithoutPaths(Link):
    """It draws no paths."""

    def __call__(self, batch_size, num_time_steps, sampling_frequency=None):
        return None

    def response(self, paths):
        return None


class LinkWithoutArray(LinkWithoutPaths):
    """It sets no array."""

    def paths(self, batch_size):
        return None


@pytest.mark.parametrize(
    ("cls", "contains"),
    [
        (WithoutWavelength, "set num_antennas, wavelength in its constructor; wavelength is"),
        (WithoutCall, "define call; got none"),
        (Gain, "define call with the inputs distance; got none"),
        (Sector, "define call with the inputs batch_size; got none"),
        (EchoWithoutNoise, "define call with the inputs x, no; got call(x, targets)"),
        (EchoWithoutArray, "set array in its constructor; array is missing"),
        (ReceiverWithoutSector, "define call with the inputs y, sector; got call(y)"),
        (LinkWithoutPaths, "paths"),
        (LinkWithoutArray, "set array in its constructor; array is missing"),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_what_is_missing_is_an_error_when_a_layer_is_made(cls, contains):
    with pytest.raises(TypeError) as caught:
        cls()
    assert cls.__name__ in str(caught.value) and contains in str(caught.value)
