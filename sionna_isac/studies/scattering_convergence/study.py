"""Dependence of the response of a target on the size of its voxels."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac.dataset.sample import target_response
from sionna_isac.dataset.scenario import Solver
from sionna_isac.scattering import sphere_response
from sionna_isac.studies._scattering.blocks import VoxelMethod
from sionna_isac.studies._scattering.bodies import respond, vehicle
from sionna_isac.studies._scattering.report import in_row
from sionna_isac.studies.scattering_convergence.scenario import (
    ScatteringConvergenceScenario,
    SphereBody,
    VehicleBody,
)
from sionna_isac.study.part import Arrays, Part, Study

__all__ = ["ScatteringConvergenceStudy", "convergence_report"]

COUNTS = ("num_voxels", "iterations")


class ScatteringConvergenceStudy(Study[ScatteringConvergenceScenario]):
    """Responses for every body, method and size, and their errors or changes."""

    def parts(self) -> Iterator[Part]:
        number = itertools.count()
        for body in self.scenario.bodies:
            methods: Sequence[VoxelMethod | None] = (None,)
            if isinstance(body, SphereBody):
                methods, steps = body.methods, body.voxels_per_wavelength
            else:
                steps = body.voxel_sizes
            for method, step in itertools.product(methods, steps):
                name = f"response{next(number):04d}"
                yield Part(name, (body, method, step), task="responses", note=f"{step:g}")

    def compute(self, part: Part, earlier: Mapping[str, Arrays]) -> Arrays:
        body, method, step = part.arguments
        found = self._vehicle(body, step) if method is None else self._sphere(body, method, step)
        return {
            "response": found.h[0],
            "iterations": found.iterations[0],
            "num_voxels": np.array(found.num_voxels),
        }

    def _sphere(self, body: SphereBody, method: VoxelMethod, per_wavelength: float) -> Any:
        voxel_size = body.wavelength / per_wavelength
        antennas = _antennas(body, self.scenario.seed)
        return respond(self.scenario, body, method, body.radius, voxel_size, *antennas)

    def _vehicle(self, body: VehicleBody, voxel_size: float) -> Any:
        scenario, array = self.scenario, body.array
        solver = Solver(voxel_size=voxel_size, tolerance=scenario.tolerance, kernel=body.kernel)
        target = vehicle(body, voxel_size, array.height)
        return target_response(target, array, solver, [array.carrier_frequency], scenario.precision)

    def summarise(self, results: Mapping[str, Arrays]) -> xr.Dataset:
        bodies, queue = self.scenario.bodies, iter(results.values())
        spheres = [body for body in bodies if isinstance(body, SphereBody)]
        if spheres:
            return _sphere_errors(spheres, self.scenario.seed, queue)
        return _vehicle_changes([b for b in bodies if isinstance(b, VehicleBody)], queue)


def _antennas(body: SphereBody, seed: int) -> list[np.ndarray]:
    """Dipoles in random directions, three moments each; receivers likewise."""
    random = np.random.default_rng(seed)
    rays = random.normal(size=[2, body.num_antennas, 3])
    rays *= body.antenna_distance * body.wavelength / np.linalg.norm(rays, axis=-1, keepdims=True)
    axes = np.tile(np.eye(3), [body.num_antennas, 1])
    tx, rx = (np.repeat(side, 3, axis=0) for side in rays)
    return [tx, axes, rx, axes]


def _sphere_errors(bodies: list[SphereBody], seed: int, parts: Iterator[Arrays]) -> xr.Dataset:
    """Norm of the error of all dyads, and the order of its decrease."""
    rows: dict[str, list[Any]] = {n: [] for n in ("error", "order", "fit_level", *COUNTS)}
    labels, density = [], np.array(bodies[0].voxels_per_wavelength)
    for body in bodies:
        antennas = _antennas(body, seed)
        truth = sphere_response(body.radius, [0, 0, 0], *body.material, *antennas)[0]
        asymptotic = density >= body.fit_from
        for method in body.methods:
            found = list(itertools.islice(parts, density.size))
            error = np.array([_relative(part["response"], truth) for part in found])
            slope, level = np.polyfit(np.log(density[asymptotic]), np.log(error[asymptotic]), 1)
            rows["error"].append(error)
            rows["order"].append(-slope)
            rows["fit_level"].append(level)
            labels.append(f"{_name(body)}: {method.text}")
            for name in COUNTS:
                rows[name].append([int(part[name]) for part in found])
    dataset = xr.Dataset(coords={"case": labels, "voxels_per_wavelength": density})
    cell = ("case", "voxels_per_wavelength")
    dataset["error"] = (cell, np.array(rows["error"]), {"long_name": "relative error of dyads"})
    for name in COUNTS:
        dataset[name] = (cell, np.array(rows[name]))
    for name, text in (("order", "fitted order"), ("fit_level", "log of the fit at 1")):
        dataset[name] = ("case", np.array(rows[name]), {"long_name": text})
    return dataset


def _vehicle_changes(bodies: list[VehicleBody], parts: Iterator[Arrays]) -> xr.Dataset:
    """Change of the response from each size to the next finer one and to the finest."""
    sizes = np.array(bodies[0].voxel_sizes)
    texts = {
        "change_next": "change to the next finer size, relative",
        "change_finest": "change to the finest size, relative",
        "level": "RMS of the channel between antennas of gain 1 [dB]",
    }
    rows: dict[str, list[Any]] = {name: [] for name in (*texts, *COUNTS)}
    for _ in bodies:
        found = list(itertools.islice(parts, sizes.size))
        h = [part["response"] for part in found]
        rows["change_finest"].append([_relative(x, h[0]) for x in h])
        rows["change_next"].append([np.nan, *(_relative(b, a) for a, b in itertools.pairwise(h))])
        rows["level"].append([float(20 * np.log10(np.sqrt(np.mean(np.abs(x) ** 2)))) for x in h])
        for name in COUNTS:
            rows[name].append([int(part[name]) for part in found])
    labels = [f"{body.category} (seed {body.seed})" for body in bodies]
    dataset = xr.Dataset(
        coords={"case": labels, "voxel_size": ("voxel_size", sizes, {"units": "m"})}
    )
    for name, values in rows.items():
        about = {"long_name": texts.get(name, name)}
        dataset[name] = (("case", "voxel_size"), np.array(values), about)
    return dataset


def _relative(value: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def _name(body: SphereBody) -> str:
    material = f"{body.permittivity:g}" + (f" - {body.loss:g}j" if body.loss else "")
    return f"ka {body.size_parameter:g}, permittivity {material}"


def convergence_report(
    scenario: ScatteringConvergenceScenario, dataset: xr.Dataset
) -> Iterator[str]:
    """Orders of convergence of spheres, changes of vehicles."""
    if "order" in dataset:
        yield f"voxels a wavelength: {in_row(dataset['voxels_per_wavelength'])}"
        for case in dataset["case"].values:
            row = dataset.sel(case=case)
            order, error = float(row["order"]), in_row(100 * row["error"])
            yield f"  {case}: order {order:.2f}, error in %: {error}"
        return
    yield f"voxels in m: {in_row(dataset['voxel_size'])}"
    for case in dataset["case"].values:
        row = dataset.sel(case=case)
        for name, text in (("change_next", "next finer"), ("change_finest", "finest")):
            yield f"  {case}: change to the {text} size in %: {in_row(100 * row[name])}"
        yield f"    voxels: {in_row(row['num_voxels'])}; level in dB: {in_row(row['level'])}"
