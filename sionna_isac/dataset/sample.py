"""Computation of samples in workers: a target, its placement, its channel."""

from __future__ import annotations

import dataclasses
import functools
import warnings
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.constants import epsilon_0
from scipy.constants import speed_of_light as SPEED_OF_LIGHT

import sionna_isac
from sionna_isac.dataset.meshes import file_digest
from sionna_isac.dataset.plan import SampleDraw, draw_sample, mesh_files
from sionna_isac.dataset.scenario import Category, CrossArray, DatasetScenario, Solver, Split
from sionna_isac.study.errors import ScenarioError
from sionna_isac.study.quiet import load_tensorflow
from sionna_isac.study.store import StoreError

__all__ = [
    "SampleError",
    "antennas",
    "check_meshes",
    "compute_sample",
    "target_response",
    "unit_gain_channel",
    "unit_gain_moment",
]


class SampleError(StoreError):
    """A sample that cannot be computed; the message names it."""


def unit_gain_moment(frequency: Any) -> np.ndarray:
    r"""Dipole moment of a transmitter for responses that follow the radar equation.

    The field of a dipole at broadside is :math:`E = k^2 p / (4\pi\varepsilon_0 r)`. With
    :math:`p = \varepsilon_0 \lambda / k^2` the echo of a target of radar cross section
    :math:`\sigma` at the distance r is

    .. math::
        |h| = \frac{\lambda \sqrt{\sigma}}{(4\pi)^{3/2} r^2},

    the amplitude between antennas of gain 1 toward the target.

    Parameters
    ----------
    frequency : `float` | [...], array_like
        Frequency [Hz]

    Output
    ------
    : [...], `np.float64`
        Dipole moment [C m]
    """
    wavelength = SPEED_OF_LIGHT / np.asarray(frequency, np.float64)
    return epsilon_0 * wavelength**3 / (2 * np.pi) ** 2


def antennas(array: CrossArray) -> dict[str, np.ndarray]:
    """Positions of the cross array [m] and unit polarisations, [num_tx, 3] and [num_rx, 3]."""
    axes = {"y": 1, "z": 2}
    result = {}
    for side, number, axis in (("tx", array.num_tx, "y"), ("rx", array.num_rx, "z")):
        positions, polarizations = np.zeros([2, number, 3])
        offsets = (np.arange(number) - (number - 1) / 2) * array.wavelength / 2
        positions[:, axes[axis]] = offsets
        polarizations[:, axes[getattr(array, f"{side}_polarization")]] = 1
        result[f"{side}_position"], result[f"{side}_polarization"] = positions, polarizations
    return result


def compute_sample(scenario: DatasetScenario, split: Split, index: int) -> dict[str, np.ndarray]:
    """Compute one sample, a function of the arguments alone.

    Parameters
    ----------
    scenario : :class:`~sionna_isac.dataset.DatasetScenario`
        Scenario
    split : "train" | "validation" | "test"
        Split
    index : `int`
        Number of the sample within it, from 0

    Output
    ------
    : `dict`
        "channel" [num_subcarriers, num_rx, num_tx], labels, solver figures, and for each part
        of the target its name and material

    Raises
    ------
    SampleError
        If the solver does not converge or gives values that are not finite
    """
    draw = draw_sample(scenario, split, index)
    where = (
        f"sample {index} of split '{split}' ({scenario.categories[draw.category]}, instance "
        f"{draw.instance}, range {draw.range:.2f} m)"
    )
    target = _target(scenario, draw)
    try:
        response = target_response(
            target, scenario.array, scenario.solver, scenario.frequencies, scenario.precision
        )
    except _library().scattering.NotConvergedError as error:
        raise SampleError(f"{where}: {error}") from None
    carrier = scenario.array.carrier_frequency
    channel = unit_gain_channel(response.h, scenario.frequencies, carrier)
    power = float(np.mean(np.abs(channel) ** 2, dtype=np.float64))
    if not 0 < power < np.inf:
        raise SampleError(f"{where}: the channel is not finite or vanishes; mean power {power}")
    label = target.label
    return {
        "channel": channel,
        "category": np.int32(draw.category),
        "range": np.float64(label.range),
        "azimuth": np.float64(label.azimuth),
        "heading": np.float64(draw.heading),
        "instance": np.int32(draw.instance),
        "instance_seed": np.int64(draw.instance_seed),
        "center": target.center,
        "dimensions": np.ptp(target.bounds, axis=0),
        "volume": np.float64(target.volume),
        "num_voxels": np.int32(target.num_voxels),
        "rms": np.float64(np.sqrt(power)),
        "iterations": response.iterations.astype(np.int32),
        "residual": response.residual.astype(np.float64),
        "rank": response.rank.astype(np.int32),
        **_materials(target),
    }


def check_meshes(scenario: DatasetScenario) -> None:
    """Raise :class:`ScenarioError` if a mesh of an instance cannot be a target."""
    for category, target in enumerate(scenario.targets):
        for instance in mesh_files(scenario, category):
            file, digest = _mesh_file(scenario, category, instance)
            try:
                _mesh_target(target, file, digest, 0)
            except SampleError as error:
                raise ScenarioError(f"scenario targets.{category}.mesh: {error}") from None


def _target(scenario: DatasetScenario, draw: SampleDraw) -> Any:
    target = _voxels(
        scenario.targets[draw.category],
        _mesh_file(scenario, draw.category, draw.instance),
        draw.instance_seed,
        scenario.solver.voxel_size,
    )
    if scenario.material_spread:
        target = target.perturbed(draw.material_seed, scenario.material_spread)
    return target.placed_at(draw.range, draw.azimuth, draw.heading, -scenario.array.height)


def _mesh_file(scenario: DatasetScenario, category: int, instance: int) -> tuple[str, str]:
    """File of an instance and its hash, empty if it has none."""
    mesh = scenario.targets[category].mesh
    if mesh is None:
        return "", ""
    number = mesh_files(scenario, category)[instance]
    return mesh.files[number], mesh.sha256[number]


@functools.lru_cache(maxsize=4)
def _voxels(target: Category, mesh: tuple[str, str], seed: int, voxel_size: float) -> Any:
    """Voxels of an instance, kept for the next sample of the same one."""
    if target.mesh is None:
        vehicle = {"parametric_car": "ParametricCar", "parametric_motorbike": "ParametricMotorbike"}
        return getattr(_library().scene, vehicle[target.family])(seed=seed).voxelize(voxel_size)
    found = _mesh_target(target, *mesh, seed).voxelize(voxel_size)
    ground = [0.0, 0.0, found.bounds[0, 2]]  # on which it stands, wherever the file's origin is
    return dataclasses.replace(found, positions=found.positions - ground)


def _mesh_target(target: Category, file: str, digest: str, seed: int) -> Any:
    """Mesh of a file, of a size that is allowed and of a material that the seed draws."""
    scene, mesh = _library().scene, target.mesh
    assert mesh is not None
    try:
        same = file_digest(file) == digest
    except ScenarioError as error:
        raise SampleError(str(error)) from None
    if not same:
        raise SampleError(f"mesh file '{file}' has changed since the scenario was read")
    draws = np.random.Generator(np.random.PCG64(seed)).random(2).tolist()
    material = scene.MATERIALS[mesh.material].at(*draws)
    options = {"scale": mesh.scale, "up": mesh.up, "category": target.category}
    try:
        with warnings.catch_warnings():  # each worker would tell of the same repeated faces
            warnings.simplefilter("ignore", UserWarning)
            found = scene.MeshTarget(file, *material, **options)
    except ValueError as error:
        raise SampleError(f"mesh file '{file}': {error}") from None
    size = float(np.ptp(found.bounds, axis=0).max())
    low, high = mesh.size_interval
    if not low <= size <= high:
        raise SampleError(
            f"mesh file '{file}' must have a largest dimension within [{low:g}, {high:g}] m "
            f"(size_interval); got {size:.3g} m (scale is {mesh.scale or 1:g})"
        )
    return found


def target_response(
    target: Any,
    array: CrossArray,
    solver: Solver,
    frequencies: ArrayLike,
    precision: Literal["single", "double"],
) -> Any:
    """Response of a placed target, with antennas transformed into its frame."""
    scattering = _library().scattering
    dipoles = antennas(array)
    moments = unit_gain_moment(array.carrier_frequency) * dipoles["tx_polarization"]
    with warnings.catch_warnings():
        # that voxels are coarse is said once, by the scenario's run, not by each sample
        warnings.simplefilter("ignore", scattering.CoarseGridWarning)
        return scattering.volume_response(
            target.positions,
            target.voxel_size,
            target.permittivity,
            target.conductivity,
            frequencies,
            target.to_body(dipoles["tx_position"]),
            target.direction_to_body(moments),
            target.to_body(dipoles["rx_position"]),
            target.direction_to_body(dipoles["rx_polarization"]),
            fill=target.fill,
            normals=target.normals,
            kernel=solver.kernel,
            tolerance=solver.tolerance,
            precision=precision,
            approximation=solver.approximation,
            metal=solver.metal,
            max_iterations=solver.max_iterations,
            allow_coarse=True,
            return_info=True,
        )


def unit_gain_channel(
    response: np.ndarray, frequencies: ArrayLike, carrier_frequency: float
) -> np.ndarray:
    """Response [F, R, T] to the moments of each tone, from that to moments of the carrier."""
    ratio = carrier_frequency / np.asarray(frequencies)
    return response * (ratio**3)[:, None, None].astype(response.real.dtype)


def _materials(target: Any) -> dict[str, np.ndarray]:
    """Mean material of each part and the volume that it fills."""
    number = len(target.part_names)
    volume = np.bincount(target.part, target.fill, number)
    used = np.flatnonzero(volume)
    weight = {
        name: (np.bincount(target.part, target.fill * values, number) / np.maximum(volume, 1e-300))
        for name, values in (
            ("permittivity", target.permittivity),
            ("conductivity", target.conductivity),
        )
    }
    return {
        "part": np.array(target.part_names)[used],
        "part_permittivity": weight["permittivity"][used],
        "part_conductivity": weight["conductivity"][used],
        "part_volume": volume[used] * target.voxel_size**3,
    }


@functools.cache
def _library() -> Any:
    """The library with TensorFlow, which is imported only where samples are computed."""
    load_tensorflow()
    return sionna_isac
