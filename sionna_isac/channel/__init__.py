"""Channels: the echo of targets and the communication link."""

from sionna_isac.channel.echo import MonostaticEcho
from sionna_isac.channel.extended_echo import ExtendedEcho
from sionna_isac.channel.link import BeamformedLink, GeometricLink, MultitapLink, Paths
from sionna_isac.channel.near_field import (
    NearFieldEcho,
    NearFieldPaths,
    SalehValenzuelaLink,
    new_york_path_loss,
    reflection_coefficient,
)
from sionna_isac.channel.point_echo import point_echo
from sionna_isac.channel.scatterer_echo import ScattererEcho

__all__ = [
    "BeamformedLink",
    "ExtendedEcho",
    "GeometricLink",
    "MonostaticEcho",
    "MultitapLink",
    "NearFieldEcho",
    "NearFieldPaths",
    "Paths",
    "SalehValenzuelaLink",
    "ScattererEcho",
    "new_york_path_loss",
    "point_echo",
    "reflection_coefficient",
]
