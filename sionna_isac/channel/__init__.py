"""Channels: the echo of targets and the communication link."""

from sionna_isac.channel.echo import MonostaticEcho
from sionna_isac.channel.link import GeometricLink, MultitapLink, Paths

__all__ = ["GeometricLink", "MonostaticEcho", "MultitapLink", "Paths"]
