"""Radar cross section of a sphere by the volume integral, against the Mie series."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import xarray as xr
from scipy.constants import epsilon_0

from sionna_isac.scattering import sphere_cross_sections, sphere_radar_cross_section
from sionna_isac.studies._scattering.bodies import conductivity, respond
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder

__all__ = ["scattering_sphere"]

FAR = 1e6  # distance of antennas, in wavelengths: plane waves to 1e-6
FINE = 401  # points of the curve of the Mie series
PLANES = ("E plane", "H plane")


def scattering_sphere(scenario: Any, folder: RunFolder, reporter: Reporter) -> xr.Dataset:
    """Monostatic and bistatic cross sections on every grid, one stored part each."""
    angles = np.linspace(0, math.pi, scenario.num_angles)
    tasks = [
        (g, s, name)
        for g in range(len(scenario.grids))
        for s, name in [
            *((ka, f"grid{g}_size{i:04d}") for i, ka in enumerate(scenario.size_parameters)),
            (None, f"grid{g}_bistatic"),
        ]
    ]
    parts = {name: folder.load(name) for _, _, name in tasks}
    done = sum(part is not None for part in parts.values())
    with reporter.task("scattering", len(tasks), done) as advance:
        for g, size, name in tasks:
            if parts[name] is None:
                ka = scenario.bistatic_size_parameter if size is None else size
                seen = angles if size is None else np.array([math.pi])
                part = _cross_sections(scenario, scenario.grids[g], ka, seen)
                folder.save(name, **part)
                parts[name] = part
                advance(1, f"ka {ka:g}")
    return _summary(scenario, angles, parts)


def _cross_sections(scenario: Any, grid: Any, size: float, angles: np.ndarray) -> dict[str, Any]:
    """Radar cross sections over that of the disc, [2, A]: E and H plane.

    The wave comes along z and its field is along x.
    """
    wavelength = scenario.sphere.wavelength
    k, radius = 2 * math.pi / wavelength, size * wavelength / (2 * math.pi)
    far = FAR * wavelength
    cosine, sine, none = np.cos(angles), np.sin(angles), np.zeros(len(angles))
    directions = np.array([[sine, none, cosine], [none, sine, cosine]])
    across = np.array([[cosine, none, -sine], [1 + none, none, none]])
    found = respond(
        scenario,
        scenario.sphere,
        grid,
        radius,
        2 * radius / grid.cells,
        [[0, 0, -far]],
        [[4 * math.pi * epsilon_0 * far / k**2, 0, 0]],  # 1 V/m at the sphere
        far * directions.swapaxes(1, 2).reshape(-1, 3),
        across.swapaxes(1, 2).reshape(-1, 3),
    )
    field = np.abs(found.h[0, :, 0]).reshape(2, -1) * far
    return {
        "ratio": 4 * field**2 / radius**2,
        "iterations": found.iterations[0],
        "num_voxels": np.array(found.num_voxels),
    }


def _summary(scenario: Any, angles: np.ndarray, parts: dict[str, Any]) -> xr.Dataset:
    sizes = np.array(scenario.size_parameters)
    fine = np.linspace(sizes[0], sizes[-1], FINE)
    grids = range(len(scenario.grids))
    dataset = xr.Dataset(
        coords={
            "grid": [g.text for g in scenario.grids],
            "size_parameter": sizes,
            "fine_size_parameter": fine,
            "plane": list(PLANES),
            "angle": ("angle", angles, {"units": "rad"}),
        }
    )
    cell, about = ("grid", "size_parameter"), {"long_name": "radar cross section / (pi a^2)"}
    table = [[parts[f"grid{g}_size{i:04d}"] for i in range(len(sizes))] for g in grids]
    value = np.array([[part["ratio"][0, 0] for part in row] for row in table])
    truth = _truth(scenario, sizes, [math.pi])[0, :, 0]
    dataset["monostatic"] = (cell, value, about)
    dataset["monostatic_mie"] = ("size_parameter", truth, about)
    dataset["monostatic_mie_fine"] = (
        "fine_size_parameter",
        _truth(scenario, fine, [math.pi])[0, :, 0],
        about,
    )
    dataset["error"] = (cell, np.abs(value - truth) / truth, {"long_name": "relative error"})
    dataset["error_mean"] = (  # a null of backscattering makes relative errors large
        cell,
        np.abs(value - truth) / _mean_ratio(scenario, sizes),
        {"long_name": "error over the mean of the cross section over all directions"},
    )
    for name in ("iterations", "num_voxels"):
        numbers = np.array([[part[name] for part in row] for row in table])
        dataset[name] = (cell, numbers)
    size = np.array([scenario.bistatic_size_parameter])
    truth = _truth(scenario, size, angles)[:, 0]
    value = np.array([parts[f"grid{g}_bistatic"]["ratio"] for g in grids])
    dataset["bistatic"] = (("grid", "plane", "angle"), value, about)
    dataset["bistatic_mie"] = (("plane", "angle"), truth, about)
    error = np.linalg.norm(value - truth, axis=(1, 2)) / np.linalg.norm(truth)
    dataset["bistatic_error"] = ("grid", error, {"long_name": "norm of the error over both planes"})
    return dataset


def _truth(scenario: Any, sizes: np.ndarray, angles: Any) -> np.ndarray:
    """Cross sections over that of the disc [2, S, A] by the Mie series."""
    rows = []
    for size in sizes:
        radius, material = _sphere(scenario, size)
        rcs = sphere_radar_cross_section(radius, *material, scattering_angles=angles)
        rows.append(np.concatenate(rcs) / (math.pi * radius**2))
    return np.stack(rows, axis=1)


def _mean_ratio(scenario: Any, sizes: np.ndarray) -> np.ndarray:
    """Scattering cross section over that of the disc [S]: the mean over all directions."""
    values = []
    for size in sizes:
        radius, material = _sphere(scenario, size)
        found = sphere_cross_sections(radius, *material)
        values.append(found.scattering[0] / (math.pi * radius**2))
    return np.array(values)


def _sphere(scenario: Any, size: float) -> tuple[float, tuple[float, float, list[float]]]:
    """Radius [m], and permittivity, conductivity and frequency."""
    sphere = scenario.sphere
    radius = float(size) * sphere.wavelength / (2 * math.pi)
    return radius, (sphere.permittivity, conductivity(sphere), [sphere.frequency])
