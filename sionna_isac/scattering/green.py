"""Interaction of the voxels of a grid: kernels of the integral equation, and their spectra."""

from __future__ import annotations

import itertools
import math
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import scipy.fft
from scipy.constants import c
from scipy.special import sici

from sionna_isac.core import checks, cites

__all__ = [
    "CACHE",
    "KERNELS",
    "MAX_CELLS",
    "choose_kernel",
    "green_kernel",
    "padded_shape",
    "self_term",
]

KERNELS = ("filtered", "galerkin", "point")
MAX_CELLS = 1 << 24
CACHE_BYTES = 1 << 30
SLACK = 1 + 1e-9  # voxels of exactly a quarter of a wavelength count as such
COMPONENTS = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
"""Order of the six components of a symmetric 3 x 3 tensor"""
NEAR = 4  # offsets below this are integrated
MEAN_INVERSE_DISTANCE = 1.8823126443896  # of two points in a unit cube


def choose_kernel(kernel: str, kd: float) -> str:
    """Name of the kernel; "auto" is the most accurate one at this phase kd along a voxel.

    Voxels of more than half a wavelength are point dipoles: the means of "galerkin" would give
    every echo the pattern of one cube, with deep nulls off its axes.
    """
    checks.one_of("kernel", kernel, ("auto", *KERNELS))
    if kernel == "filtered" and kd >= math.pi:
        raise ValueError(
            "kernel must be 'auto', 'galerkin' or 'point' for half a wavelength and more; "
            f"got 'filtered' with {kd / (2 * math.pi):.3g} wavelengths"
        )
    if kernel != "auto":
        return kernel
    if kd <= math.pi / 2 * SLACK:
        return "filtered"
    return "galerkin" if kd <= math.pi * SLACK else "point"


@cites("Zhao26", "Yurkin10", "Newell93")
def green_kernel(
    shape: Sequence[int], voxel_size: float, frequency: float, kernel: str = "auto"
) -> np.ndarray:
    r"""Field at a voxel due to the polarisation of another one.

    .. math::
        \mathbf{D}_\mathbf{i} \approx d^3 k^2 \overline{\overline{\mathbf{G}}}(d\,\mathbf{i}),\quad
        \mathbf{E} = \sum \mathbf{D}\, \mathbf{P} / (\varepsilon_0 d^3)

    for offsets :math:`\mathbf{i} \ge 0`; the other octants follow by symmetry (even in all axes for
    xx, yy, zz; xy is odd in x and y, and so on). The own voxel, :math:`\mathbf{i} = 0`, has the
    value 0: it is accounted for by :func:`self_term`.

    Parameters
    ----------
    shape : (nx, ny, nz), `int`
        Size of the grid
    voxel_size : `float`
        Side :math:`d` of a voxel [m]
    frequency : `float`
        Frequency [Hz]
    kernel : "auto" (default) | "filtered" | "galerkin" | "point"
        "filtered": filtered coupled dipoles [Yurkin10]_, for :math:`kd < \pi`;
        "galerkin": mean over both voxels, with the static part of near ones after [Newell93]_;
        "point": dipoles at the voxel centres;
        "auto": "filtered" for :math:`kd \le \pi/2` (a quarter of a wavelength), "galerkin" for
        :math:`kd \le \pi`, "point" for coarser voxels

    Output
    ------
    : [6, nx, ny, nz], `np.complex128`
        Components xx, yy, zz, xy, xz, yz

    Raises
    ------
    TypeError, ValueError
        If an argument is out of its range
    """
    shape = tuple(checks.integer("shape", n) for n in shape)
    if len(shape) != 3 or math.prod(shape) > MAX_CELLS:
        raise ValueError(f"shape must be three numbers of at most {MAX_CELLS} cells; got {shape}")
    kd = _phase(voxel_size, frequency)
    kernel = choose_kernel(kernel, kd)
    if kernel == "galerkin":
        return galerkin_kernel(shape, kd)
    radial = filtered_radial if kernel == "filtered" else point_radial
    return lattice_dyad(shape, lambda distance: radial(distance, kd))


def self_term(voxel_size: float, frequency: float, kernel: str = "auto") -> complex:
    r"""Correction :math:`M` of a voxel's own field.

    The field is :math:`\mathbf{E}_\mathrm{self} = (M - \tfrac{1}{3})\mathbf{P}/\varepsilon_0`; the
    imaginary part of :math:`M` is the power that the voxel radiates.
    Arguments are those of :func:`green_kernel`.

    Output
    ------
    : `complex`
        :math:`M`
    """
    kd = _phase(voxel_size, frequency)
    kernel = choose_kernel(kernel, kd)
    if kernel == "galerkin":
        return galerkin_self_term(kd)
    if kernel == "filtered":
        return filtered_self_term(kd)
    return -1j * kd**3 / (6 * math.pi)


def _phase(voxel_size: float, frequency: float) -> float:
    """Checked phase kd [rad] along a voxel."""
    size = checks.real("voxel_size", voxel_size, minimum=0, exclusive=True)
    frequency = checks.frequency("frequency", frequency)
    return 2 * math.pi * frequency / c * size


def lattice_dyad(shape: Sequence[int], radial: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Dyad [6, nx, ny, nz] on the offsets >= 0, 0 at the origin.

    ``radial`` takes distances [M] to the coefficients [2, M] of I and of the unit dyad. Squared
    distances are integers, far fewer than there are offsets: it is tabulated once for each.
    """
    squares = [np.arange(n) ** 2 for n in shape]
    index = squares[0][:, np.newaxis, np.newaxis] + squares[1][:, np.newaxis] + squares[2]
    if index.max() <= 4 * index.size:
        square = np.arange(index.max() + 1.0)
    else:  # a long line has few offsets, but squares that would not fit into memory
        square, index = np.unique(index, return_inverse=True)
        index = index.reshape(tuple(shape))
    table = np.zeros([2, len(square)], np.complex128)
    away = square > 0
    if np.any(away):
        table[:, away] = radial(np.sqrt(square[away]))
        table[1, away] /= square[away]
    isotropic, directed = table[:, index]
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij", sparse=True)
    dyad = np.empty([6, *shape], np.complex128)
    for component, (i, j) in enumerate(COMPONENTS):
        np.multiply(axes[i] * axes[j], directed, out=dyad[component])
        if i == j:
            dyad[component] += isotropic
    return dyad


def point_radial(distance: np.ndarray, kd: float) -> np.ndarray:
    """Coefficients [2, ...] of k^2 G."""
    green = np.exp(-1j * kd * distance) / (4 * np.pi * distance)
    static = (1 + 1j * kd * distance) / distance**2
    return green * np.array([kd**2 - static, 3 * static - kd**2])


def filtered_radial(distance: np.ndarray, kd: float) -> np.ndarray:
    """Coefficients [2, ...] of I and of R R^T / R^2 in the filtered k^2 G at distances > 0.

    With g_F = F / (4 pi^2 R) of [Yurkin10], F'' + k^2 F is elementary, so that the second
    derivatives of g_F need no more special functions than g_F itself. Lengths are in units of the
    voxel size d; the cut-off is pi/d.
    """
    phase, edge = kd * distance, math.pi * distance
    sin, cos = np.sin(phase), np.cos(phase)
    si_sum, ci_sum = sici(edge + phase)
    si_diff, ci_diff = sici(edge - phase)
    a = 1j * math.pi + ci_diff - ci_sum
    b = si_sum + si_diff
    f = sin * a + cos * b
    df = kd * (cos * a - sin * b) + 2 * np.sin(edge) / distance
    d2f = -(kd**2) * f + 2 * (edge * np.cos(edge) - np.sin(edge)) / distance**2
    scale = 1 / (4 * math.pi**2 * distance)
    g = scale * f
    dg = scale * (df - f / distance)
    d2g = scale * (d2f - 2 * df / distance + 2 * f / distance**2)
    h = (np.sin(edge) - edge * np.cos(edge)) / (2 * math.pi**2 * distance**3)
    # The source works with e^{-jwt}: conjugate
    return np.conj([dg / distance + kd**2 * g + h / 3, d2g - dg / distance])


def filtered_self_term(kd: float) -> complex:
    """M of the filtered kernel; 1/3 - M is the depolarisation of a voxel."""
    logarithm = math.log((math.pi - kd) / (math.pi + kd)) / math.pi
    return ((4 / 3) * kd**2 + (2 / 3) * kd**3 * (-1j + logarithm)) / (4 * math.pi)


def galerkin_kernel(shape: Sequence[int], kd: float) -> np.ndarray:
    """Mean of d^3 k^2 G over source and field voxel, [6, nx, ny, nz], on offsets >= 0.

    Near voxels: the static part is Newell's demagnetising tensor, the rest is integrated. Far ones
    see each other in one direction, so that the means are those of plane waves.
    """
    kernel = lattice_dyad(shape, lambda r: point_radial(r, kd))
    axes = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij", sparse=True)
    distance = np.sqrt(sum(axis**2 for axis in axes))
    distance[0, 0, 0] = 1
    for axis in axes:
        kernel *= np.sinc(kd / (2 * math.pi) * axis / distance) ** 2
    near = tuple(slice(min(n, NEAR)) for n in shape)
    kernel[(slice(None), *near)] = (_remainder(kd) - _demagnetising_tensor())[(slice(None), *near)]
    kernel[:, 0, 0, 0] = 0
    return kernel


@lru_cache(maxsize=4096)
def galerkin_self_term(kd: float) -> complex:
    """M: two thirds of the mean of k^2 g over the voxel, by its trace."""
    nodes, weights = _gauss(kd)
    distance = _distances(nodes)
    smooth = np.expm1(-1j * kd * distance) / (4 * math.pi * distance)
    weights = 2 * weights * (1 - nodes)  # both signs of an offset
    mean = np.einsum("i,j,k,ijk->", *[weights] * 3, smooth, optimize=True)
    return complex(2 / 3 * kd**2 * (mean + MEAN_INVERSE_DISTANCE / (4 * math.pi)))


def _remainder(kd: float) -> np.ndarray:
    """Mean of k^2 G less its static part over two unit cubes, [6, NEAR, NEAR, NEAR]."""
    points, weights = _quadrature(kd)
    distance = _distances(points)
    dynamic = point_radial(distance, kd) - point_radial(distance, 0.0)
    dynamic[1] /= distance**2
    axes = np.meshgrid(points, points, points, indexing="ij", sparse=True)
    out = np.empty([6, *[NEAR] * 3], np.complex128)
    for component, (i, j) in enumerate(COMPONENTS):
        value = axes[i] * axes[j] * dynamic[1]
        if i == j:
            value = value + dynamic[0]
        out[component] = np.einsum("ai,bj,ck,ijk->abc", *[weights] * 3, value, optimize=True)
    return out


def _quadrature(kd: float) -> tuple[np.ndarray, np.ndarray]:
    """Points [m] on a line and weights [NEAR, m] of the distances of points in two unit cells.

    The difference of two uniform coordinates has a triangular density around the offset.
    """
    nodes, weights = _gauss(kd)
    starts = np.arange(-1, NEAR)
    points = (starts[:, np.newaxis] + nodes).ravel()
    density = np.maximum(0, 1 - np.abs(points - np.arange(NEAR)[:, np.newaxis]))
    return points, density * np.tile(weights, len(starts))


def _gauss(kd: float) -> tuple[np.ndarray, np.ndarray]:
    """Nodes and weights on (0, 1), sufficient for a phase of kd and for 1/R at a corner."""
    nodes, weights = np.polynomial.legendre.leggauss(10 + math.ceil(kd / 2))
    return (1 + nodes) / 2, weights / 2


def _distances(points: np.ndarray) -> np.ndarray:
    square = points**2
    return np.sqrt(square[:, np.newaxis, np.newaxis] + square[:, np.newaxis] + square)


def _demagnetising_tensor() -> np.ndarray:
    """Demagnetising tensor of two unit cubes, [6, NEAR, NEAR, NEAR], after [Newell93]."""
    line = np.arange(-1.0, NEAR + 1)
    x, y, z = np.meshgrid(line, line, line, indexing="ij", sparse=True)
    parts = (
        _newell_f(x, y, z),
        _newell_f(y, x, z),
        _newell_f(z, y, x),
        _newell_g(x, y, z),
        _newell_g(x, z, y),
        _newell_g(y, z, x),
    )
    out = np.zeros([6, *[NEAR] * 3])
    for shifts in itertools.product((-1, 0, 1), repeat=3):
        weight = math.prod(-2 if shift == 0 else 1 for shift in shifts)
        window = tuple(slice(1 + shift, 1 + shift + NEAR) for shift in shifts)
        for component, part in enumerate(parts):
            out[component] -= weight / (4 * math.pi) * part[window]
    return out


def _newell_f(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    x, y, z = np.abs(x), np.abs(y), np.abs(z)
    r = np.sqrt(x**2 + y**2 + z**2)
    return (
        0.5 * y * (z**2 - x**2) * _asinh(y, np.hypot(x, z))
        + 0.5 * z * (y**2 - x**2) * _asinh(z, np.hypot(x, y))
        - x * y * z * np.arctan2(y * z, x * r)
        + (2 * x**2 - y**2 - z**2) * r / 6
    )


def _newell_g(x: np.ndarray, y: np.ndarray, z: np.ndarray) -> np.ndarray:
    sign = np.sign(x) * np.sign(y)
    x, y, z = np.abs(x), np.abs(y), np.abs(z)
    r = np.sqrt(x**2 + y**2 + z**2)
    return sign * (
        x * y * z * _asinh(z, np.hypot(x, y))
        + y * (3 * z**2 - y**2) / 6 * _asinh(x, np.hypot(y, z))
        + x * (3 * z**2 - x**2) / 6 * _asinh(y, np.hypot(x, z))
        - z**3 / 6 * np.arctan2(x * y, z * r)
        - z * y**2 / 2 * np.arctan2(x * z, y * r)
        - z * x**2 / 2 * np.arctan2(y * z, x * r)
        - x * y * r / 3
    )


def _asinh(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """asinh(a/b), and 0 for b = 0, where its factor is 0."""
    a, b = np.broadcast_arrays(a, b)
    return np.arcsinh(np.divide(a, b, out=np.zeros(b.shape), where=b > 0))


def padded_shape(shape: Sequence[int]) -> tuple[int, ...]:
    """Lengths at which cyclic convolution with all offsets of the grid is free of overlap."""
    return tuple(scipy.fft.next_fast_len(2 * n - 1) for n in shape)


def kernel_spectrum(
    shape: Sequence[int], voxel_size: float, frequency: float, kernel: str, dtype: type
) -> np.ndarray:
    """DFT [6, px, py, pz] of the kernel, mirrored from its octant into all offsets."""
    octant = green_kernel(shape, voxel_size, frequency, kernel)
    padded = padded_shape(shape)
    spectrum: np.ndarray = np.empty([6, *padded], dtype)
    for component, (i, j) in enumerate(COMPONENTS):
        full = np.zeros(padded, np.complex128)
        full[tuple(slice(n) for n in shape)] = octant[component]
        for axis, n in enumerate(shape):
            sign = -1 if i != j and axis in (i, j) else 1
            mirror = np.moveaxis(full, axis, 0)
            if n > 1:
                mirror[-(n - 1) :] = sign * mirror[n - 1 : 0 : -1]
        spectrum[component] = scipy.fft.fftn(full, workers=-1, overwrite_x=True)
    return spectrum


class SpectrumCache:
    """Cache of spectra; the least recently used ones are dropped first.

    Parameters
    ----------
    max_bytes : `int`
        Memory that may be held
    """

    def __init__(self, max_bytes: int = CACHE_BYTES) -> None:
        self.max_bytes = max_bytes
        self._spectra: OrderedDict[tuple, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    @property
    def nbytes(self) -> int:
        """Memory held"""
        return sum(spectrum.nbytes for spectrum in self._spectra.values())

    def clear(self) -> None:
        """Forget all spectra."""
        with self._lock:
            self._spectra.clear()

    def get(
        self, shape: Sequence[int], voxel_size: float, frequency: float, kernel: str, dtype: type
    ) -> np.ndarray:
        """Spectrum, as from :func:`kernel_spectrum`; read-only."""
        key = (*shape, float(voxel_size), float(frequency), kernel, np.dtype(dtype).str)
        with self._lock:
            if key in self._spectra:
                self._spectra.move_to_end(key)
                return self._spectra[key]
        spectrum = kernel_spectrum(shape, voxel_size, frequency, kernel, dtype)
        spectrum.flags.writeable = False
        with self._lock:
            self._spectra[key] = spectrum
            while self._spectra and self.nbytes > self.max_bytes:
                self._spectra.popitem(last=False)
        return spectrum


CACHE = SpectrumCache()
