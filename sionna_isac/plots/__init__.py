"""Figures on plain arrays: maps, beam patterns, arrays, targets, detection, curves and bounds.

The functions need neither TensorFlow nor results of studies. They draw on given axes, or on a new
figure, and return the axes (:func:`show_target`: the figure).
"""

from sionna_isac.plots.array import show_array, show_beampattern
from sionna_isac.plots.curve import add_bound, show_curve, show_roc
from sionna_isac.plots.map import show_map
from sionna_isac.plots.moving import range_doppler
from sionna_isac.plots.surface import show_surface
from sionna_isac.plots.target import show_target

__all__ = [
    "add_bound",
    "range_doppler",
    "show_array",
    "show_beampattern",
    "show_curve",
    "show_map",
    "show_roc",
    "show_surface",
    "show_target",
]
