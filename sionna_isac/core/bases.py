"""Base classes of arrays, gains, sectors, echoes, links and receivers, with what they promise."""

from __future__ import annotations

import inspect
from abc import ABCMeta, abstractmethod
from typing import Any

import keras
import tensorflow as tf
from sionna.phy.channel import ChannelModel

from sionna_isac.core import checks
from sionna_isac.core.layer import Layer

__all__ = [
    "Array",
    "Echo",
    "Gain",
    "Link",
    "Receiver",
    "Sector",
    "plane_wave_array",
    "spherical_wave_array",
]


class _Promise(ABCMeta):
    """Metaclass of the base classes: an instance that lacks what its base promises is an error."""

    _attributes: tuple[str, ...] = ()  # that a constructor sets
    _inputs: tuple[str, ...] | None = None  # of `call`; `None` for what is not a layer

    def __call__(cls, *args: Any, **kwargs: Any) -> Any:
        if cls._inputs is not None:
            cls._check_call(cls._inputs)
        made = super().__call__(*args, **kwargs)
        missing = [name for name in cls._attributes if not hasattr(made, name)]
        if missing:
            raise TypeError(
                f"{cls.__name__} must set {', '.join(cls._attributes)} in its constructor; "
                f"{', '.join(missing)} is missing"
            )
        return made

    @property
    def __signature__(cls) -> inspect.Signature:
        """Arguments of the constructor, for help and documentation."""
        found = inspect.signature(cls.__init__)  # type: ignore[misc]
        return found.replace(parameters=list(found.parameters.values())[1:])

    def _check_call(cls, promised: tuple[str, ...]) -> None:
        call = cls.call  # type: ignore[attr-defined]
        inputs = list(inspect.signature(call).parameters)[1:]
        defined = call is not keras.layers.Layer.call
        if not defined or not set(promised) <= set(inputs):
            wanted = f" with the inputs {', '.join(promised)}" if promised else ""
            got = f"call({', '.join(inputs)})" if defined else "none"
            raise TypeError(f"{cls.__name__} must define call{wanted}; got {got}")


class Array(Layer, metaclass=_Promise):
    """Base of arrays: layers that give the steering vectors of a number of antennas.

    A subclass sets ``num_antennas`` and ``wavelength`` in its constructor and defines ``call``; the
    other attributes have defaults.

    Attributes
    ----------
    num_antennas : `int`
        Number of elements
    wavelength : `float`
        Carrier wavelength [m]
    element_positions : `None` (default) | [num_antennas, ...], `np.float64`
        Present positions of the elements [m]; `None` if steering vectors do not follow from them
    num_axes : `int`, (default 0)
        Number of coordinates of the points that steering vectors belong to (spherical waves); 0 if
        they belong to azimuths (plane waves)

    Input
    -----
    position : [...] or [..., num_axes], `tf.float`
        Azimuths from broadside [rad], or points [m]

    Output
    ------
    : [..., num_antennas], `tf.complex`
        Steering vectors; NaN where the input is NaN

    Raises
    ------
    TypeError
        If a subclass lacks an attribute or ``call`` when it is made
    """

    _attributes = ("num_antennas", "wavelength")
    _inputs = ()
    _finite_inputs = False
    element_positions: Any = None
    num_axes: Any = 0

    def steering(self, position: Any) -> tf.Tensor:
        """Steering vectors [..., num_antennas] of azimuths or points; the same as calling."""
        return self(position)


def plane_wave_array(name: str, value: Any) -> Any:
    """Return ``value`` if it is an :class:`Array` whose steering vectors belong to azimuths."""
    checks.instance(name, value, Array)
    if value.num_axes:
        raise TypeError(
            f"{name} must be an array of plane waves, which takes azimuths "
            f"(UniformLinearArray); got {value!r}, which takes points of {value.num_axes} axes"
        )
    return value


def spherical_wave_array(name: str, value: Any, num_axes: int | None = None) -> Any:
    """Return ``value`` if it is an :class:`Array` whose steering vectors belong to points.

    ``num_axes`` is the number of coordinates that points must have; `None` allows any.
    """
    checks.instance(name, value, Array)
    if not value.num_axes or value.num_axes != (num_axes or value.num_axes):
        points = "points" if num_axes is None else f"points of {num_axes} axes"
        got = f"points of {value.num_axes} axes" if value.num_axes else "azimuths"
        raise TypeError(
            f"{name} must be an array of spherical waves, which takes {points} "
            f"(SphericalWaveArray); got {value!r}, which takes {got}"
        )
    return value


class Gain(Layer, metaclass=_Promise):
    """Base of gain models: layers that draw the complex gains of targets at given distances.

    A subclass defines ``call(distance)``.

    Input
    -----
    distance : [...], `tf.float`
        Distance of the targets [m]

    Output
    ------
    : [...], `tf.complex`
        Gains

    Raises
    ------
    TypeError
        If a subclass lacks ``call`` when it is made
    """

    _inputs = ("distance",)


class Sector(Layer, metaclass=_Promise):
    """Base of sectors: layers that say where the targets or users of a batch are.

    A subclass defines ``call(batch_size)``.

    Input
    -----
    batch_size : `int`
        Batch size

    Output
    ------
    : [batch_size, 2], `tf.float`
        Lower and upper azimuth [rad]

    Raises
    ------
    TypeError
        If a subclass lacks ``call`` when it is made
    """

    _inputs = ("batch_size",)


class Echo(Layer, metaclass=_Promise):
    """Base of echoes: layers from a transmitted signal to what the antennas receive of it.

    A subclass sets ``array`` in its constructor and defines ``call``, which takes at least ``x``
    and ``no``; between them are the targets and the beam, in the form that the echo needs.

    Attributes
    ----------
    array : :class:`Array`
        The true array

    Input
    -----
    x : [batch_size, ...], `tf.complex`
        Transmitted signal
    no : `None` (default) | [...], `tf.float`
        Noise power [W], a number or [batch_size]; `None` adds no noise

    Output
    ------
    : [batch_size, ...], `tf.complex`
        Received signal

    Raises
    ------
    TypeError
        If a subclass lacks ``array`` or ``call`` when it is made
    """

    _attributes = ("array",)
    _inputs = ("x", "no")


class Receiver(Layer, metaclass=_Promise):
    """Base of receivers: layers that estimate targets in a sector from an observation.

    A subclass sets ``array`` in its constructor and defines ``call``, which takes at least ``y``
    and ``sector``.

    Attributes
    ----------
    array : :class:`Array`
        Array that the receiver believes to have

    Input
    -----
    y : [batch_size, num_antennas, ...], `tf.complex`
        Observation
    sector : [batch_size, 2], `tf.float`
        Lower and upper azimuth of the search [rad]

    Output
    ------
    : `NamedTuple`
        Estimates, with at least ``angle`` [rad] and ``metric``, on which a threshold decides which
        of them count as targets

    Raises
    ------
    TypeError
        If a subclass lacks ``array`` or ``call`` when it is made
    """

    _attributes = ("array",)
    _inputs = ("y", "sector")


class Link(ChannelModel, metaclass=_Promise):
    """Base of communication links from an array to a user: Sionna channel models made of paths.

    A link is no layer, so that Sionna's OFDM blocks take it. A subclass sets ``array`` in its
    constructor and defines ``paths``, ``response`` and ``__call__``.

    Attributes
    ----------
    array : :class:`Array`
        The true transmit array

    Input
    -----
    batch_size : `int`
        Batch size
    num_time_steps : `int`
        Number of time steps
    sampling_frequency : `float`
        Sampling frequency [Hz]

    Output
    ------
    a : [batch_size, 1, 1, 1, num_antennas, num_paths, num_time_steps], `tf.complex`
        Path coefficients
    tau : [batch_size, 1, 1, num_paths], `tf.float`
        Path delays [s]

    Raises
    ------
    TypeError
        If a subclass lacks ``array`` or one of the methods when it is made
    """

    _attributes = ("array",)

    @abstractmethod
    def paths(self, batch_size: int) -> Any:
        """Draw the paths of a batch of users: a named tuple with ``gain`` and ``delay``."""

    @abstractmethod
    def response(self, paths: Any) -> tf.Tensor:
        """Coefficients [batch_size, num_paths, num_antennas] from each element to the user."""
