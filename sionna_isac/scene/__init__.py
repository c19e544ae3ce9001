"""Scenes: prior sectors, point targets, and extended targets as voxels or surfaces."""

from sionna_isac.scene.car import ParametricCar
from sionna_isac.scene.closed_surface import ClosedSurface, SurfaceScatterers
from sionna_isac.scene.clutter import ClutterScene
from sionna_isac.scene.extended_targets import ExtendedTargets
from sionna_isac.scene.fourier_surface import FourierSurface
from sionna_isac.scene.material import MATERIALS, Material, MaterialRange
from sionna_isac.scene.mesh import MeshTarget
from sionna_isac.scene.motorbike import ParametricMotorbike
from sionna_isac.scene.point_target import (
    PointTargets,
    RadarEquationGain,
    RayleighGain,
    TargetScene,
)
from sionna_isac.scene.scatterers import (
    RigidTargets,
    ScattererGeometry,
    radar_amplitude,
    scatterer_geometry,
)
from sionna_isac.scene.sector import FixedSector, RandomSector
from sionna_isac.scene.sphere import voxel_sphere
from sionna_isac.scene.vehicle import ParametricVehicle
from sionna_isac.scene.voxels import CATEGORIES, TargetLabel, VoxelTarget

__all__ = [
    "CATEGORIES",
    "MATERIALS",
    "ClosedSurface",
    "ClutterScene",
    "ExtendedTargets",
    "FixedSector",
    "FourierSurface",
    "Material",
    "MaterialRange",
    "MeshTarget",
    "ParametricCar",
    "ParametricMotorbike",
    "ParametricVehicle",
    "PointTargets",
    "RadarEquationGain",
    "RandomSector",
    "RayleighGain",
    "RigidTargets",
    "ScattererGeometry",
    "SurfaceScatterers",
    "TargetLabel",
    "TargetScene",
    "VoxelTarget",
    "radar_amplitude",
    "scatterer_geometry",
    "voxel_sphere",
]
