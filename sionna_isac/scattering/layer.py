"""The response of an extended target as a Keras layer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
import tensorflow as tf
from scipy.constants import epsilon_0

from sionna_isac.core import Complex, Layer, Number, Real, checks, cites, linalg, register
from sionna_isac.scattering._equations import Antennas, Equations
from sionna_isac.scattering._graph import GraphBackend, accept, born_response
from sionna_isac.scattering._host import HostBackend
from sionna_isac.scattering._inputs import Batch, checked_values
from sionna_isac.scattering._target import Voxels
from sionna_isac.scattering.material import effective_conductivity

__all__ = ["VolumeIntegralScattering"]

BACKENDS = ("tf", "scipy")
MATERIAL_ONLY = (
    "the full-wave response has no derivative with respect to the antennas, nor thus to the pose "
    "of the target: use approximation='born', differences (steps of bound.fisher) or, if it is not "
    "needed, tf.stop_gradient"
)
ONCE = (
    "the full-wave response can be differentiated once and backwards only: use differences (steps "
    "of bound.fisher) or approximation='born'"
)
OVERFLOW = (
    "the response is not finite: values are too large for the precision, use precision='double'"
)
METAL = 1e30  # S/m, above any material


class Backend(Protocol):
    """Solutions for all samples; ``values`` [B, F, 1 or 2, N] is the polarisability."""

    def forward(self, values: tf.Tensor, antennas: Antennas) -> tuple[tf.Tensor, Any]:
        """h [B, F, R, T] and the state for the adjoint."""

    def backward(
        self, values: tf.Tensor, antennas: Antennas, state: Any, upstream: tf.Tensor
    ) -> tf.Tensor:
        """Gradient with respect to ``values``."""


@register
@cites("Zhao26", "Goodman91", "Yurkin10", "Sogabe07")
class VolumeIntegralScattering(Layer):
    r"""Full-wave response of a voxelised target between dipole antennas, Eq. (14) of [Zhao26]_.

    The layer form of :func:`~sionna_isac.scattering.volume_response`: the grid and the frequencies
    are fixed, material and antennas are inputs, in batches. Antennas are in the frame of the grid:
    a target that moves or turns is one whose antennas do the opposite, and the kernels stay.

    Two backends give the same numbers up to ``tolerance``:

    - "scipy" is the NumPy solver, called from the graph: the faster one on a CPU; it cannot be
      compiled by XLA;
    - "tf" solves in the graph, on whatever device, also with ``jit_compile=True``.

    Gradients with respect to ``permittivity`` and ``conductivity`` come from the adjoint, one more
    solve whatever the number of voxels:

    .. math::
        \frac{\partial h_{rt}}{\partial\chi_n} = \varepsilon_0 d^3\,
        \mathbf{E}_r(n)^T \mathbf{E}_t(n)

    with the field :math:`\mathbf{E}_r` that a dipole :math:`\mathbf{q}_r^*` at the receiver causes.
    Antennas have **no gradient**, nor is there forward-mode differentiation: to ask for one is a
    ``NotImplementedError`` (``tf.stop_gradient`` says that none is wanted). With
    ``approximation="born"`` everything is made of plain operations and can be differentiated by all
    inputs, both ways.

    In single precision inputs are rounded to it, positions 10 m away to 0.5 µm.

    Parameters
    ----------
    positions : [num_voxels, 3], array_like
        Centres of the voxels: cells of one grid along x, y and z [m]
    voxel_size : `float`
        Side of a voxel [m]
    frequencies : [num_frequencies], array_like
        Frequencies [Hz]
    fill : [num_voxels], array_like or `None` (default)
        Filled part of each voxel, see :func:`~sionna_isac.scattering.partial_contrast`
    normals : [num_voxels, 3], array_like or `None` (default)
        Normals of the surface in partly filled voxels; `None`, or a row of zeros, to estimate them
        from ``fill``
    kernel : "auto" (default) | "filtered" | "galerkin" | "point"
        See :func:`~sionna_isac.scattering.green_kernel`
    tolerance : `float`, (default 1e-5)
        Residual relative to the fields of the antennas (RMS over antennas)
    max_iterations : `int`, (default 2000)
        Largest number of products with the operator per right-hand side
    approximation : `None` (default) | "born"
        "born" leaves out the scattering from voxel to voxel
    metal : "exact" (default) | "effective"
        "effective" caps the conductivity, an approximation, see
        :func:`~sionna_isac.scattering.effective_conductivity`
    backend : `None` (default) | "tf" | "scipy"
        `None` is "tf" if TensorFlow sees a GPU, otherwise "scipy"
    max_rank : `None` (default) | `int`
        Largest number of right-hand sides of backend "tf", whose shapes are static; `None` for as
        many as there are antennas on the side that has fewer. If the fields of the antennas have
        more dimensions at the tolerance, this counts as not converged. ("scipy" finds the
        number itself.)
    allow_coarse : `bool`, (default `False`)
        If `True`, voxels above a quarter of the wavelength are accepted

    Batch dimensions of the inputs are broadcast: what is the same for all samples needs none.

    Input
    -----
    permittivity : [batch..., num_voxels], `tf.float` | `tf.complex`
        Relative permittivity, real or complex (:math:`\varepsilon' - j\varepsilon''`): real part
        >= 1, imaginary part <= 0, losses in addition to those of the conductivity
    conductivity : [batch..., num_voxels], `tf.float`
        Conductivity, >= 0 [S/m]
    tx_positions : [batch..., num_tx, 3], `tf.float`
        Transmit antennas, outside the voxels [m]
    tx_moments : [batch..., num_tx, 3], `tf.complex` | `tf.float`
        Their dipole moments [C m]
    rx_positions : [batch..., num_rx, 3], `tf.float`
        Receive antennas, outside the voxels [m]
    rx_polarizations : [batch..., num_rx, 3], `tf.complex` | `tf.float`
        Their polarisations :math:`\mathbf{q}_r`

    Output
    ------
    : [batch..., num_frequencies, num_rx, num_tx], `tf.complex`
        Response [V/m]

    Raises
    ------
    TypeError, ValueError
        If an argument has a wrong type, shape or value; in a graph, where values are not known
        when it is built, a ``tf.errors.OpError`` when it runs
    NotConvergedError
        If the equations are not solved to the tolerance; in a graph a ``tf.errors.OpError`` with
        the same advice. **Compiled by XLA, which knows no errors, the response is NaN** for what
        did not converge and for wrong values.

    Warns
    -----
    CoarseGridWarning
        If voxels are larger than a sixth of the wavelength

    Example
    -------
    >>> layer = isac.scattering.VolumeIntegralScattering.from_target(car, frequencies)
    >>> h = layer(car.permittivity, car.conductivity, car.to_body(tx), car.direction_to_body(p),
    ...           car.to_body(rx), car.direction_to_body(q))
    """

    def __init__(
        self,
        positions: Any,
        voxel_size: float,
        frequencies: Any,
        *,
        fill: Any = None,
        normals: Any = None,
        kernel: str = "auto",
        tolerance: float = 1e-5,
        max_iterations: int = 2000,
        approximation: str | None = None,
        metal: str = "exact",
        backend: str | None = None,
        max_rank: int | None = None,
        allow_coarse: bool = False,
        precision: str | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(precision=precision, **kwargs)
        voxels = Voxels.checked(positions, voxel_size, fill, normals)
        self._equations = Equations.checked(
            voxels,
            frequencies,
            kernel,
            tolerance,
            self.precision,
            metal,
            max_iterations,
            allow_coarse,
        )
        self.positions, self.voxel_size = voxels.positions, voxels.voxel_size
        self.fill, self.normals = voxels.fill, voxels.normals
        self.frequencies = self._equations.frequencies
        self.kernel, self.metal = kernel, metal
        self.tolerance = self._equations.tolerance
        self.max_iterations = self._equations.max_iterations
        self.approximation = checks.one_of("approximation", approximation, (None, "born"))
        self.backend = checks.one_of("backend", backend, (None, *BACKENDS))
        self.max_rank = None if max_rank is None else checks.integer("max_rank", max_rank)
        self.allow_coarse = bool(allow_coarse)
        self._depolarization = self._equations.depolarization  # also checks the kernel
        self._largest_conductivity = None
        if metal == "effective":
            self._largest_conductivity = np.array(
                [effective_conductivity(METAL, voxel_size, f) for f in self.frequencies]
            )
        self._backends: dict[str, Backend] = {
            "tf": GraphBackend(self._equations, self.max_rank),
            "scipy": HostBackend(self._equations),
        }

    @classmethod
    def from_target(cls, target: Any, frequencies: Any, **kwargs: Any) -> VolumeIntegralScattering:
        """Layer for the voxels of a :class:`~sionna_isac.scene.VoxelTarget`, in its body frame.

        Parameters
        ----------
        target : :class:`~sionna_isac.scene.VoxelTarget`
            Its positions, voxel size, fill and normals are taken
        frequencies : [num_frequencies], array_like
            Frequencies [Hz]
        kwargs
            Further arguments of the constructor

        Output
        ------
        : :class:`VolumeIntegralScattering`
        """
        fill, normals = None, None
        if np.any(target.fill < 1):
            fill, normals = target.fill, target.normals
        body = (target.positions, target.voxel_size, frequencies)
        return cls(*body, fill=fill, normals=normals, **kwargs)

    @property
    def num_voxels(self) -> int:
        """`int` : Number of voxels"""
        return len(self.positions)

    @property
    def chosen_backend(self) -> str:
        """`str` : "tf" or "scipy", the one that is used"""
        gpu = self.backend is None and tf.config.list_physical_devices("GPU")
        return self.backend or ("tf" if gpu else "scipy")

    def call(
        self,
        permittivity: Number,
        conductivity: Real,
        tx_positions: Real,
        tx_moments: Complex,
        rx_positions: Real,
        rx_polarizations: Complex,
    ) -> tf.Tensor:
        vectors = [tx_positions, tx_moments, rx_positions, rx_polarizations]
        batch = Batch.of(self.num_voxels, permittivity, conductivity, *vectors)
        inputs = checked_values(self._equations.voxels, permittivity, conductivity, *vectors)
        (permittivity, conductivity), vectors = inputs[:2], inputs[2:]
        values = batch.flat(self._polarizability(permittivity, conductivity), 3)
        real = [batch.flat(tf.cast(vectors[n], tf.float64), 2) for n in (0, 2)]
        cplx = [batch.flat(tf.cast(vectors[n], tf.complex128), 2) for n in (1, 3)]
        antennas = Antennas(real[0], cplx[0], real[1], tf.math.conj(cplx[1]))
        if self.approximation == "born":
            h = tf.cast(born_response(self._equations, values, antennas), self.cdtype)
            h = accept(h, tf.math.is_finite(linalg.real_rows(h)), OVERFLOW)
        else:
            h = self._solve(values, antennas)
        return batch.unflat(h)

    def _polarizability(self, permittivity: tf.Tensor, conductivity: tf.Tensor) -> tf.Tensor:
        """[batch..., F, 1 or 2, N], differentiable; NaN where the material is out of its range."""
        conductivity = tf.cast(conductivity, tf.float64)
        good = conductivity >= 0
        factor = (2 * np.pi * self.frequencies * epsilon_0)[:, np.newaxis]
        loss = conductivity[..., tf.newaxis, :] / factor
        if permittivity.dtype.is_complex:
            imaginary = tf.cast(tf.math.imag(permittivity), tf.float64)
            permittivity = tf.math.real(permittivity)
            good &= imaginary <= 0
            loss -= imaginary[..., tf.newaxis, :]
        if self._largest_conductivity is not None:
            loss = tf.minimum(loss, self._largest_conductivity[:, np.newaxis] / factor)
        permittivity = tf.cast(permittivity, tf.float64)
        good &= permittivity >= 1
        gain = tf.where(good, permittivity - 1, tf.constant(np.nan, tf.float64))[..., tf.newaxis, :]
        chi = tf.complex(gain + tf.zeros_like(loss), tf.zeros_like(gain) - loss)
        depolarization = self._depolarization[:, np.newaxis]
        return tf.stack(self._equations.polarizability(chi, depolarization), axis=-2)

    def _solve(self, values: tf.Tensor, antennas: Antennas) -> tf.Tensor:
        """h [B, F, R, T] with its gradient with respect to the polarisability."""
        backend = self._backends[self.chosen_backend]

        @tf.custom_gradient
        def response(values: tf.Tensor, *antennas: tf.Tensor) -> tuple:
            # Nothing in here is to be recorded: not the iterations, nor what they would keep
            sides = Antennas(*(tf.stop_gradient(v) for v in antennas))
            h, state = backend.forward(tf.stop_gradient(values), sides)

            def gradient(upstream: tf.Tensor) -> tuple:
                def backward(values: tf.Tensor, upstream: tf.Tensor) -> tf.Tensor:
                    values, upstream = tf.stop_gradient(values), tf.stop_gradient(upstream)
                    return backend.backward(values, sides, state, upstream)

                result = _refuse_gradient(backward, ONCE)(values, upstream)
                return result, *(tf.zeros_like(v) for v in antennas)

            return h, gradient

        keep = _refuse_gradient(tf.identity, MATERIAL_ONLY)
        return response(values, *(keep(v) for v in antennas))


def _refuse_gradient(function: Callable, message: str) -> Callable:
    """The function, which raises an error if it is differentiated, in either direction."""

    @tf.custom_gradient
    def refusing(*inputs: tf.Tensor) -> tuple:
        def gradient(*upstream: tf.Tensor) -> tf.Tensor:
            raise NotImplementedError(message)

        return function(*inputs), gradient

    return refusing
