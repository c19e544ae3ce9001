"""Dependence of the response of a target on the size of its voxels."""

from __future__ import annotations

import itertools
import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import xarray as xr

from sionna_isac.dataset.sample import target_response
from sionna_isac.dataset.scenario import Solver
from sionna_isac.scattering import sphere_response
from sionna_isac.studies._scattering.bodies import conductivity, respond, vehicle
from sionna_isac.study.progress import Reporter
from sionna_isac.study.store import RunFolder

__all__ = ["scattering_convergence"]


def scattering_convergence(scenario: Any, folder: RunFolder, reporter: Reporter) -> xr.Dataset:
    """Responses for every body, method and size, one stored part each; then errors."""
    spheres = scenario.bodies[0].kind == "sphere"
    tasks = [
        (body, method, step)
        for body in scenario.bodies
        for method in (body.methods if spheres else (None,))
        for step in (body.voxels_per_wavelength if spheres else body.voxel_sizes)
    ]
    parts = [folder.load(f"response{i:04d}") for i in range(len(tasks))]
    done = sum(part is not None for part in parts)
    compute = _sphere if spheres else _vehicle
    with reporter.task("responses", len(tasks), done) as advance:
        for i, (body, method, step) in enumerate(tasks):
            if parts[i] is None:
                part = compute(scenario, body, method, step)
                folder.save(f"response{i:04d}", **part)
                parts[i] = part
                advance(1, f"{step:g}")
    queue = iter(parts)
    return (_sphere_errors if spheres else _vehicle_changes)(scenario, queue)


def _sphere(scenario: Any, body: Any, method: Any, per_wavelength: float) -> dict[str, Any]:
    antennas, radius = _antennas(scenario, body), _radius(body)
    found = respond(scenario, body, method, radius, body.wavelength / per_wavelength, *antennas)
    return _numbers(found)


def _vehicle(scenario: Any, body: Any, _: None, voxel_size: float) -> dict[str, Any]:
    setting = SimpleNamespace(
        array=body.array,
        frequencies=[body.array.carrier_frequency],
        precision=scenario.precision,
        solver=Solver(voxel_size=voxel_size, tolerance=scenario.tolerance, kernel=body.kernel),
    )
    target = vehicle(body, voxel_size, body.array.height)
    return _numbers(target_response(setting, target))


def _numbers(found: Any) -> dict[str, Any]:
    return {
        "response": found.h[0],
        "iterations": found.iterations[0],
        "num_voxels": np.array(found.num_voxels),
    }


def _radius(body: Any) -> float:
    return body.size_parameter * body.wavelength / (2 * math.pi)


def _antennas(scenario: Any, body: Any) -> list[np.ndarray]:
    """Dipoles in random directions, three moments each; receivers likewise."""
    random = np.random.default_rng(scenario.seed)
    rays = random.normal(size=[2, body.num_antennas, 3])
    rays *= body.antenna_distance * body.wavelength / np.linalg.norm(rays, axis=-1, keepdims=True)
    axes = np.tile(np.eye(3), [body.num_antennas, 1])
    tx, rx = (np.repeat(side, 3, axis=0) for side in rays)
    return [tx, axes, rx, axes]


def _sphere_errors(scenario: Any, parts: Any) -> xr.Dataset:
    """Norm of the error of all dyads, and the order of its decrease."""
    rows: dict[str, list[Any]] = {
        name: [] for name in ("error", "order", "order_of", "num_voxels", "iterations")
    }
    labels, steps = [], scenario.bodies[0].voxels_per_wavelength
    for body in scenario.bodies:
        truth = sphere_response(
            _radius(body),
            [0, 0, 0],
            body.permittivity,
            conductivity(body),
            [body.frequency],
            *_antennas(scenario, body),
        )[0]
        for method in body.methods:
            found = [next(parts) for _ in body.voxels_per_wavelength]
            error = [_relative(part["response"], truth) for part in found]
            density = np.array(body.voxels_per_wavelength)
            asymptotic = density >= body.fit_from
            slope, level = np.polyfit(
                np.log(density[asymptotic]), np.log(np.array(error)[asymptotic]), 1
            )
            rows["error"].append(error)
            rows["order"].append(-slope)
            rows["order_of"].append(level)
            labels.append(f"{_name(body)}: {method.text}")
            for name in ("num_voxels", "iterations"):
                rows[name].append([int(part[name]) for part in found])
    dataset = xr.Dataset(coords={"case": labels, "voxels_per_wavelength": np.array(steps)})
    cell = ("case", "voxels_per_wavelength")
    dataset["error"] = (cell, np.array(rows["error"]), {"long_name": "relative error of dyads"})
    for name in ("num_voxels", "iterations"):
        dataset[name] = (cell, np.array(rows[name]))
    dataset["order"] = ("case", np.array(rows["order"]), {"long_name": "fitted order"})
    dataset["fit_level"] = (
        "case",
        np.array(rows["order_of"]),
        {"long_name": "log of the fit at 1"},
    )
    return dataset


def _vehicle_changes(scenario: Any, parts: Any) -> xr.Dataset:
    """Change of the response from each size to the next finer one and to the finest."""
    sizes = np.array(scenario.bodies[0].voxel_sizes)
    names = ("change_next", "change_finest", "level", "num_voxels", "iterations")
    rows: dict[str, list[Any]] = {name: [] for name in names}
    for body in scenario.bodies:
        found = [next(parts) for _ in body.voxel_sizes]
        h = [part["response"] for part in found]
        rows["change_finest"].append([_relative(x, h[0]) for x in h])
        rows["change_next"].append([np.nan, *(_relative(b, a) for a, b in itertools.pairwise(h))])
        rows["level"].append([float(20 * np.log10(np.sqrt(np.mean(np.abs(x) ** 2)))) for x in h])
        for name in ("num_voxels", "iterations"):
            rows[name].append([int(part[name]) for part in found])
    labels = [f"{body.category} (seed {body.seed})" for body in scenario.bodies]
    dataset = xr.Dataset(
        coords={"case": labels, "voxel_size": ("voxel_size", sizes, {"units": "m"})}
    )
    texts = {
        "change_next": "change to the next finer size, relative",
        "change_finest": "change to the finest size, relative",
        "level": "RMS of the channel between antennas of gain 1 [dB]",
    }
    for name, values in rows.items():
        about = {"long_name": texts.get(name, name)}
        dataset[name] = (("case", "voxel_size"), np.array(values), about)
    return dataset


def _relative(value: np.ndarray, truth: np.ndarray) -> float:
    return float(np.linalg.norm(value - truth) / np.linalg.norm(truth))


def _name(body: Any) -> str:
    material = f"{body.permittivity:g}" + (f" - {body.loss:g}j" if body.loss else "")
    return f"ka {body.size_parameter:g}, permittivity {material}"
