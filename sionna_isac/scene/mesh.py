"""Targets from surface meshes."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sionna_isac.core import checks
from sionna_isac.scene._scanline import mesh_coverage
from sionna_isac.scene._surface import (
    distinct,
    enclosed_volume,
    merged,
    num_open_edges,
    oriented,
    without_walls,
)
from sionna_isac.scene._voxelize import Part, voxelize
from sionna_isac.scene.material import checked
from sionna_isac.scene.voxels import VoxelTarget

if TYPE_CHECKING:
    import trimesh

__all__ = ["Mesh", "MeshTarget"]

FORMATS = (".obj", ".ply", ".stl")
PLAUSIBLE = (0.01, 50.0)  # largest dimension of a target whose unit is not given [m]
Mesh = tuple[np.ndarray, np.ndarray]  # vertices [n, 3] and faces [m, 3]


class MeshTarget:
    """A target whose parts are bounded by closed meshes of triangles.

    Orientations are repaired: neighbouring faces are made to agree, bodies that are inside out are
    turned, and a body that is inside out within another one is a cavity of it. Faces that are there
    more than once count once, with a warning. Bodies may overlap: they are filled once. The result
    depends on the order neither of faces nor of vertices. The body frame is that of the file,
    scaled, with z up.

    Parameters
    ----------
    source : `str` | `Path` | `trimesh.Trimesh` | `trimesh.Scene` | (array, array) | `dict`
        File (PLY, OBJ or STL), mesh, scene whose geometries are the parts, pair of vertices [n, 3]
        and faces [m, 3], or a dictionary of files and meshes by the names of the parts
    permittivity : `float` | `dict`
        Relative permittivity, at least 1; by the names of the parts if they differ
    conductivity : `float` | `dict`
        Conductivity [S/m]; likewise
    scale : `None` (default) | `float`
        Length of the file's unit [m], such as 0.001 for millimetres: the files do not say. `None`
        is 1, unless the target would then be smaller than 1 cm or larger than 50 m.
    up : "z" (default) | "y"
        Axis of the file that points up
    category : `None` (default) | `str`
        Category of the target; a label needs one of :data:`~sionna_isac.scene.CATEGORIES`

    Raises
    ------
    FileNotFoundError
        If there is no such file
    ValueError
        If a file cannot be read, if a mesh is empty, not finite or not closed, intersects itself
        such that its inside is not known, or has an implausible size and no ``scale``, or if an
        argument is out of range

    Example
    -------
    >>> target = isac.scene.MeshTarget("car.ply", 1.0, 1e7, category="car").voxelize(0.1)
    """

    def __init__(
        self,
        source: str | Path | trimesh.Trimesh | trimesh.Scene | Mesh | Mapping[str, Any],
        permittivity: float | Mapping[str, float],
        conductivity: float | Mapping[str, float],
        *,
        scale: float | None = None,
        up: str = "z",
        category: str | None = None,
    ) -> None:
        if scale is not None:
            scale = checks.real("scale", scale, minimum=0, exclusive=True)
        checks.one_of("up", up, ("z", "y"))
        self.category = category
        parts = source if isinstance(source, Mapping) else {"target": source}
        raw = {name: mesh for key, item in parts.items() for name, mesh in _read(key, item)}
        if not raw:
            raise ValueError("mesh must have faces; got a source without geometry")
        self.materials = {
            name: checked(
                name,
                (
                    _of("permittivity", permittivity, name, raw),
                    _of("conductivity", conductivity, name, raw),
                ),
            )
            for name in raw
        }
        for name, (vertices, faces) in raw.items():
            if not len(faces):
                raise ValueError(f"mesh {name!r} must have faces; got none")
            if np.min(faces) < 0 or np.max(faces) >= len(vertices):
                raise ValueError(
                    f"faces of mesh {name!r} must be numbers of vertices, 0 ... "
                    f"{len(vertices) - 1}; got {np.min(faces)} ... {np.max(faces)}"
                )
            checks.finite(f"vertices of mesh {name!r}", vertices)
        if scale is None:
            scale = _unit([vertices[faces.ravel()] for vertices, faces in raw.values()])
        turn = np.eye(3) if up == "z" else np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
        self.meshes = {
            name: _closed(name, vertices @ turn.T * scale, faces)
            for name, (vertices, faces) in raw.items()
        }

    def __repr__(self) -> str:
        size = " x ".join(f"{n:.3g}" for n in self.bounds[1] - self.bounds[0])
        return f"MeshTarget({self.category or 'target'}, {size} m, parts {', '.join(self.meshes)})"

    @property
    def bounds(self) -> np.ndarray:
        """[2, 3], `np.float64` : Lowest and highest corner in the body frame [m]"""
        vertices = np.concatenate([v for v, _ in self.meshes.values()])
        return np.stack([vertices.min(0), vertices.max(0)])

    @property
    def volume(self) -> float:
        """`float` : Sum of the volumes of the bodies [m^3]"""
        return sum(enclosed_volume(*mesh) for mesh in self.meshes.values())

    def voxelize(self, voxel_size: float) -> VoxelTarget:
        """The target as voxels.

        Dielectrics keep the fill of every voxel, found on at least 8 x 8 vertical lines through it,
        exactly along each line. Metals (from 1000 S/m) are kept as shells of one voxel: the voxels
        of which they have at least half and that have a face outside, as whole voxels. Memory: some
        70 bytes per cell of the bounding box and 250 per voxel, 0.5 GB for 1.5 million cells.

        Parameters
        ----------
        voxel_size : `float`
            Edge length of the voxels [m]

        Output
        ------
        : :class:`~sionna_isac.scene.VoxelTarget`
            Voxels in the body frame, with materials, fills, normals and parts

        Raises
        ------
        ValueError
            If ``voxel_size`` is not positive, or larger than the target
        """
        parts = [
            Part(name, self.materials[name], partial(mesh_coverage, *mesh))
            for name, mesh in self.meshes.items()
        ]
        return voxelize(parts, voxel_size, np.diff(self.bounds, axis=0)[0], self.category)


def _unit(vertices: list[np.ndarray]) -> float:
    """1 m, if this makes the target of a plausible size."""
    size = np.ptp(np.concatenate(vertices), axis=0) if any(map(len, vertices)) else np.ones(3)
    if not PLAUSIBLE[0] <= size.max() <= PLAUSIBLE[1]:
        raise ValueError(
            "scale must be given, the length of the file's unit in m: the mesh is "
            f"{' x '.join(f'{n:.4g}' for n in size)} m if that is 1 (0.001 is for millimetres, "
            "1 says that it is in metres)"
        )
    return 1.0


def _of(kind: str, value: Any, name: str, parts: Mapping[str, Any]) -> Any:
    """Value for a part; a dictionary must have all parts as keys, and no others."""
    if not isinstance(value, Mapping):
        return value
    if set(value) != set(parts):
        raise ValueError(f"{kind} must name the parts {sorted(parts)}; got {sorted(value)}")
    return value[name]


def _read(name: str, source: Any) -> list[tuple[str, Mesh]]:
    """Names and triangles of the meshes of a file, mesh or scene."""
    import trimesh

    if isinstance(source, (str, Path)):
        source = _loaded(Path(source))
    if isinstance(source, trimesh.Scene):
        found = []
        for node in source.graph.nodes_geometry:
            matrix, geometry = source.graph[node]
            mesh = source.geometry[geometry]
            if isinstance(mesh, trimesh.Trimesh):
                vertices = mesh.vertices @ matrix[:3, :3].T + matrix[:3, 3]
                found.append((node, (np.asarray(vertices, float), np.asarray(mesh.faces))))
        return found
    if isinstance(source, tuple) and len(source) == 2:
        return [(name, _arrays(name, *source))]
    if not isinstance(source, trimesh.Trimesh):
        raise TypeError(
            "source must be a file (PLY, OBJ or STL), a mesh or a scene of trimesh, or a pair "
            f"(vertices, faces); got {source!r}"
        )
    return [(name, (np.array(source.vertices, float), np.array(source.faces).reshape(-1, 3)))]


def _arrays(name: str, vertices: Any, faces: Any) -> Mesh:
    """Triangles of a pair of arrays."""
    vertices = checks.points(f"vertices of mesh {name!r}", vertices)
    numbers = checks.points(f"faces of mesh {name!r}", faces)
    if np.any(numbers != np.rint(numbers)):
        raise TypeError(f"faces of mesh {name!r} must be whole numbers; got {numbers.dtype}")
    return vertices.copy(), numbers.astype(np.int64)


def _loaded(path: Path) -> Any:
    """Mesh of a file, read by trimesh."""
    import trimesh

    if path.suffix.lower() not in FORMATS:
        raise ValueError(f"mesh file must be one of {', '.join(FORMATS)}; got {str(path)!r}")
    if not path.is_file():
        raise FileNotFoundError(f"mesh file {str(path)!r} does not exist")
    try:
        return trimesh.load(path, process=False)
    except Exception as error:  # readers raise whatever their parsers do
        raise ValueError(f"mesh file {str(path)!r} cannot be read: {error}") from error


def _closed(name: str, vertices: np.ndarray, faces: np.ndarray) -> Mesh:
    """A mesh that bounds a volume, outward oriented."""
    used, index = np.unique(faces, return_inverse=True)  # a stray vertex is no part of it
    vertices, faces = merged(vertices[used], index.reshape(-1, 3))
    faces, weight, repeated = distinct(faces)
    missing = num_open_edges(faces)
    if missing:
        raise ValueError(
            f"mesh {name!r} must be watertight; got {missing} open edges: fill its holes, for "
            "example with trimesh.repair.fill_holes, or thicken a sheet to a solid"
        )
    faces, weight = without_walls(vertices, faces, weight)
    try:
        faces = oriented(vertices, faces, weight)
    except ValueError as error:
        raise ValueError(f"mesh {name!r} cannot be filled: {error}") from None
    if not enclosed_volume(vertices, faces) > 0:
        raise ValueError(f"mesh {name!r} must enclose a volume; got none")
    if repeated:
        warnings.warn(
            f"mesh {name!r} has {repeated} faces more than once: each counts once, or not at all "
            "where bodies touch or a sheet has no thickness",
            stacklevel=3,
        )
    return vertices, faces
