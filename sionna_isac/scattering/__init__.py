"""Scattering: full-wave response of extended targets."""

from sionna_isac.scattering.adjoint import volume_response_vjp
from sionna_isac.scattering.dipole import dipole_field
from sionna_isac.scattering.errors import CoarseGridWarning, NotConvergedError
from sionna_isac.scattering.green import green_kernel, self_term
from sionna_isac.scattering.material import contrast, effective_conductivity, partial_contrast
from sionna_isac.scattering.volume_integral import VolumeResponse, volume_response

__all__ = [
    "CoarseGridWarning",
    "NotConvergedError",
    "VolumeResponse",
    "contrast",
    "dipole_field",
    "effective_conductivity",
    "green_kernel",
    "partial_contrast",
    "self_term",
    "volume_response",
    "volume_response_vjp",
]
