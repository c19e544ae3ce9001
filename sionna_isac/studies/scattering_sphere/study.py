"""Radar cross section of a sphere by the volume integral, against the Mie series."""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator, Mapping

import numpy as np
import xarray as xr
from numpy.typing import ArrayLike
from scipy.constants import epsilon_0

from sionna_isac.scattering import sphere_cross_sections, sphere_radar_cross_section
from sionna_isac.studies._scattering.blocks import Sphere
from sionna_isac.studies._scattering.bodies import respond
from sionna_isac.studies._scattering.report import in_row
from sionna_isac.studies.scattering_sphere.scenario import ScatteringSphereScenario
from sionna_isac.study.part import Arrays, Part, Study

__all__ = ["ScatteringSphereStudy", "sphere_report"]

FAR = 1e6  # distance of antennas, in wavelengths: plane waves to 1e-6
FINE = 401  # points of the curve of the Mie series
PLANES = ("E plane", "H plane")


class ScatteringSphereStudy(Study[ScatteringSphereScenario]):
    """Monostatic and bistatic cross sections on every grid."""

    @functools.cached_property
    def angles(self) -> np.ndarray:
        """Scattering angles of the bistatic pattern [rad]."""
        return np.linspace(0, math.pi, self.scenario.num_angles)

    def parts(self) -> Iterator[Part]:
        scenario = self.scenario
        bistatic = (scenario.bistatic_size_parameter, "bistatic")
        monostatic = [(ka, f"size{i:04d}") for i, ka in enumerate(scenario.size_parameters)]
        for g, grid in enumerate(scenario.grids):
            for ka, name in [*monostatic, bistatic]:
                arguments = (grid, ka, name == "bistatic")
                yield Part(f"grid{g}_{name}", arguments, task="scattering", note=f"ka {ka:g}")

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        """Radar cross sections relative to that of the disc, [2, A], in the E and H plane.

        The wave travels along z and its field is along x.
        """
        grid, size, bistatic = part.arguments
        sphere = self.scenario.sphere
        angles = self.angles if bistatic else np.array([math.pi])
        k, radius = 2 * math.pi / sphere.wavelength, sphere.radius_of(size)
        far = FAR * sphere.wavelength
        cosine, sine, none = np.cos(angles), np.sin(angles), np.zeros(len(angles))
        directions = np.array([[sine, none, cosine], [none, sine, cosine]])
        across = np.array([[cosine, none, -sine], [1 + none, none, none]])
        found = respond(
            self.scenario,
            sphere,
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

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        scenario, sphere = self.scenario, self.scenario.sphere
        sizes = np.array(scenario.size_parameters)
        fine = np.linspace(sizes[0], sizes[-1], FINE)
        grids = range(len(scenario.grids))
        dataset = xr.Dataset(
            coords={
                "grid": [g.text for g in scenario.grids],
                "size_parameter": sizes,
                "fine_size_parameter": fine,
                "plane": list(PLANES),
                "angle": ("angle", self.angles, {"units": "rad"}),
            }
        )
        cell, about = ("grid", "size_parameter"), {"long_name": "radar cross section / (pi a^2)"}
        table = [[results[f"grid{g}_size{i:04d}"] for i in range(len(sizes))] for g in grids]
        value = np.array([[part["ratio"][0, 0] for part in row] for row in table])
        truth = _truth(sphere, sizes, [math.pi])[0, :, 0]
        dataset["monostatic"] = (cell, value, about)
        dataset["monostatic_mie"] = ("size_parameter", truth, about)
        curve = _truth(sphere, fine, [math.pi])[0, :, 0]
        dataset["monostatic_mie_fine"] = ("fine_size_parameter", curve, about)
        dataset["error"] = (cell, np.abs(value - truth) / truth, {"long_name": "relative error"})
        dataset["error_mean"] = (  # a null of backscattering makes relative errors large
            cell,
            np.abs(value - truth) / _mean_ratio(sphere, sizes),
            {"long_name": "error over the mean of the cross section over all directions"},
        )
        for name in ("iterations", "num_voxels"):
            numbers = np.array([[part[name] for part in row] for row in table])
            dataset[name] = (cell, numbers)
        size = np.array([scenario.bistatic_size_parameter])
        truth = _truth(sphere, size, self.angles)[:, 0]
        value = np.array([results[f"grid{g}_bistatic"]["ratio"] for g in grids])
        dataset["bistatic"] = (("grid", "plane", "angle"), value, about)
        dataset["bistatic_mie"] = (("plane", "angle"), truth, about)
        error = np.linalg.norm(value - truth, axis=(1, 2)) / np.linalg.norm(truth)
        text = {"long_name": "norm of the error over both planes"}
        dataset["bistatic_error"] = ("grid", error, text)
        return dataset


def _truth(sphere: Sphere, sizes: np.ndarray, angles: ArrayLike) -> np.ndarray:
    """Cross sections relative to that of the disc [2, S, A] by the Mie series."""
    rows = []
    for size in sizes:
        radius = sphere.radius_of(float(size))
        rcs = sphere_radar_cross_section(radius, *sphere.material, scattering_angles=angles)
        rows.append(np.concatenate(rcs) / (math.pi * radius**2))
    return np.stack(rows, axis=1)


def _mean_ratio(sphere: Sphere, sizes: np.ndarray) -> np.ndarray:
    """Scattering cross section relative to that of the disc [S], a mean over all directions."""
    values = []
    for size in sizes:
        radius = sphere.radius_of(float(size))
        found = sphere_cross_sections(radius, *sphere.material)
        values.append(found.scattering[0] / (math.pi * radius**2))
    return np.array(values)


def sphere_report(scenario: ScatteringSphereScenario, dataset: xr.Dataset) -> Iterator[str]:
    """Errors of every grid."""
    yield f"size parameter: {in_row(dataset['size_parameter'])}"
    for grid in dataset["grid"].values:
        row = dataset.sel(grid=grid)
        yield f"  {grid}: error of the monostatic cross section in %: {in_row(100 * row['error'])}"
        yield f"    of the bistatic pattern: {100 * float(row['bistatic_error']):.2g} %"
