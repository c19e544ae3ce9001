# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 3. Full-wave extended targets
#
# A point target has a position and a gain. A car ten metres in front of an array is different: it
# is wider than the beam, each part returns its own echo, and the parts scatter to each other. Here
# we compute the echo from Maxwell's equations, as a volume integral over the voxels of the target:
#
# 1. a sphere, for which the exact answer is known (the Mie series)
# 2. a car and its voxels
# 3. its near-field MIMO-OFDM channel; reciprocity; the effect of interaction between voxels
# 4. a gradient with respect to the material, and a permittivity found from a measured channel
# 5. estimates of a receiver for point targets
#
# The model is that of Zhao et al., *Extended-Target Classification and Localization for Near-Field
# ISAC*; equation numbers are those of this paper. All cells together take one to two minutes on two
# CPU cores.

# %%
import os
import time
import warnings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
import trimesh
from scipy.constants import c as SPEED_OF_LIGHT
from scipy.constants import epsilon_0

import sionna_isac as isac

plt.rcParams.update({"figure.dpi": 72, "figure.constrained_layout.use": True})
# Voxels of this notebook's vehicles are coarse; section 2 says what that means
warnings.simplefilter("ignore", isac.scattering.CoarseGridWarning)

# %% [markdown]
# The short configuration exists for automatic tests.

# %%
QUICK = os.environ.get("SIONNA_ISAC_TUTORIAL_QUICK") == "1"
isac.set_seed(1)

frequency = 4.9e9  # Hz
wavelength = SPEED_OF_LIGHT / frequency  # 61 mm
densities = (8, 12) if QUICK else (8, 12, 20)  # voxels a wavelength
voxel_size = 0.2 if QUICK else 0.1  # m, of vehicles
num_antennas = 8 if QUICK else 32
num_tones = 2 if QUICK else 4
num_steps = 6 if QUICK else 40
num_subcarriers = 4 if QUICK else 8

# %% [markdown]
# ## 1. A sphere, and the exact answer
#
# A sphere of 6 cm is made from a mesh, like any other closed surface. Voxels that the surface cuts
# store their *filled* part and the *normal* of the surface: the contrast of such a voxel along the
# surface differs from that across it. This makes a sphere of few voxels accurate.

# %%
radius = 0.03
ball = isac.scene.MeshTarget(
    trimesh.creation.icosphere(4, radius), permittivity=3.0, conductivity=0.1
)


def voxel_response(target, *antennas, whole=False):
    """Response [1, num_rx, num_tx]; ``whole``: voxels that are half full are full, others empty."""
    chosen = target.fill >= (0.5 if whole else 0)
    return isac.scattering.volume_response(
        target.positions[chosen],
        target.voxel_size,
        target.permittivity[chosen],
        target.conductivity[chosen],
        [frequency],
        *antennas,
        fill=None if whole else target.fill,
        normals=None if whole else target.normals,
    )


# one transmitter 40 cm away, receivers on a circle around the sphere; dipoles along z
angle = np.linspace(0, 2 * np.pi, 73)[:-1]
circle = 0.4 * np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1)
tx = circle[:1]
along_z = np.tile([0.0, 0.0, 1.0], [len(circle), 1])
antennas = (tx, along_z[:1], circle, along_z)
exact = isac.scattering.sphere_response(radius, [0, 0, 0], 3.0, 0.1, [frequency], *antennas)

for density in densities:
    target = ball.voxelize(wavelength / density)
    errors = [
        np.linalg.norm(voxel_response(target, *antennas, whole=whole) - exact)
        / np.linalg.norm(exact)
        for whole in (False, True)
    ]
    print(
        f"{density:2d} voxels a wavelength, {target.num_voxels:5d} in all: error "
        f"{errors[0]:6.2%}, with whole voxels {errors[1]:6.2%}"
    )

h = voxel_response(target, *antennas)
figure, axis = plt.subplots(figsize=(6, 3.2))
scale = np.abs(exact).max()
axis.plot(np.rad2deg(angle), np.abs(exact[0, :, 0]) / scale, "k", label="Mie series")
axis.plot(np.rad2deg(angle), np.abs(h[0, :, 0]) / scale, "o", mfc="none", label="volume integral")
axis.set(xlabel="angle from the transmitter [deg]", ylabel="magnitude", xticks=range(0, 361, 60))
axis.legend()
plt.show()

# %% [markdown]
# The transmitter is at 0°; the peak at 180° is the shadow, where the scattered field cancels the
# incident one.

# %% [markdown]
# ## 2. A car
#
# `ParametricCar` draws dimensions and materials from its seed. Only the skin is metal, one voxel
# thick, with panes in it; wheels, engine, axles and seats are inside or below.

# %%
car = isac.scene.ParametricCar(seed=3).voxelize(voxel_size)
print(car)
isac.plots.show_target(car)

# %% [markdown]
# **Resolution.** A wave in free space needs six to ten voxels per wavelength, here 1 cm or less: 56
# million for a car. A voxel of 10 cm is 1.6 wavelengths. The solver then describes a different
# object, a lattice of interacting cells that obey reciprocity and conservation of power. It has the
# extent, the shape and the materials of a car and its multiple scattering, but it is *not* a
# converged solution of Maxwell's equations for that car. The voxel size is therefore always
# explicit: above a sixth of the wavelength there is a warning (silenced in this notebook), above a
# quarter the solver requires `allow_coarse=True`.

# %% [markdown]
# ## 3. The near-field channel
#
# A cross of two lines in the y–z plane, transmitters along y and receivers along z, 10 m away. The
# voxels stay in place; we transform the antennas into the frame of the car.

# %%
car = car.placed_at(range=10.0, azimuth=0.1, heading=0.6, height=-1.5)
line = (np.arange(num_antennas) - (num_antennas - 1) / 2) * wavelength / 2
tx, rx = np.zeros([2, num_antennas, 3])
tx[:, 1], rx[:, 2] = line, line
dipoles = np.tile([0.0, 0.0, 1.0], [num_antennas, 1])
# with this moment |h| is the radar equation between antennas of gain 1
moments = dipoles * epsilon_0 * wavelength**3 / (2 * np.pi) ** 2
tones = frequency + 6.25e6 * (np.arange(num_tones) - num_tones // 2)


def channel(target, tx, moments, rx, polarizations, **options):
    """Response of a placed target [num_tones, num_rx, num_tx]."""
    return isac.scattering.volume_response(
        target.positions,
        target.voxel_size,
        target.permittivity,
        target.conductivity,
        tones,
        target.to_body(tx),
        target.direction_to_body(moments),
        target.to_body(rx),
        target.direction_to_body(polarizations),
        fill=target.fill,
        normals=target.normals,
        tolerance=1e-4,
        allow_coarse=True,
        return_info=True,
        **options,
    )


start = time.perf_counter()
found = channel(car, tx, moments, rx, dipoles)
h = found.h
print(f"H {h.shape}, {found.num_voxels} voxels, {time.perf_counter() - start:.1f} s")
print("solved for the side", found.solved_side, "with right-hand sides", found.rank)
print("products with the operator until converged", found.iterations)

# %% [markdown]
# The fields of all antennas span few dimensions over the car, so the solver needs far fewer
# right-hand sides than antennas, and each tone starts from the solutions of earlier ones.
#
# **Reciprocity**: an exchange of transmitters and receivers transposes the channel of any target.
# The solver may therefore solve for either side. Here, two transmitters alone are solved for: these
# are other equations, which give the same columns of the channel, to the tolerance.

# %%
few = channel(car, tx[:2], moments[:2], rx, dipoles)
difference = np.linalg.norm(few.h - h[..., :2]) / np.linalg.norm(h[..., :2])
print(f"solved for the side {few.solved_side}: the same to {difference:.1e}")

# %% [markdown]
# In the **Born approximation** each voxel responds to the transmitter alone. It costs almost
# nothing and has the right geometry, but waves pass through metal and scatter only once.

# %%
born = channel(car, tx, moments, rx, dipoles, approximation="born").h
size = 20 * np.log10([np.linalg.norm(x) / np.sqrt(x.size) for x in (h, born)])
match = np.abs(np.vdot(h, born)) / np.linalg.norm(h) / np.linalg.norm(born)
print(f"RMS {size[0]:.1f} dB, Born {size[1]:.1f} dB, correlation of both {match:.2f}")

figure, axes = plt.subplots(1, 2, figsize=(8, 3.4), sharey=True)
for axis, (name, values) in zip(axes, (("full wave", h), ("Born", born)), strict=True):
    level = 20 * np.log10(np.abs(values[num_tones // 2]))
    image = axis.imshow(level - size[0], origin="lower", vmin=-25, vmax=10)
    axis.set(title=name, xlabel="transmitter (y)")
axes[0].set_ylabel("receiver (z)")
figure.colorbar(image, ax=axes, label="dB of the RMS")
plt.show()

# %% [markdown]
# Over the antennas the magnitude changes by some 20 decibels, where that of a point target would be
# constant: this is the signature of an extended target. Does it reveal the position of the car? A
# matched filter for points, over range and azimuth, shows the origin of the energy:

# %%
ranges, azimuths = np.linspace(6, 14, 81), np.linspace(-0.35, 0.35, 101)
azimuth, distance = np.meshgrid(azimuths, ranges, indexing="ij")
places = np.stack(
    [
        distance * np.cos(azimuth),
        distance * np.sin(azimuth),
        np.full(distance.shape, car.center[2]),
    ],
    axis=-1,
)
point = isac.channel.point_echo(car.center, tones, tx, rx)

figure, axes = plt.subplots(1, 2, figsize=(9, 3.4), sharey=True)
outline = car.to_world(car.positions)
for axis, (name, values) in zip(axes, (("point target", point), ("car", h)), strict=True):
    image = isac.receiver.back_projection(values, tones, tx, rx, places)
    isac.plots.show_map(image, azimuths, ranges, floor=-20, plane=True, ax=axis)
    axis.plot(outline[:, 1], outline[:, 0], "w,", alpha=0.2)
    axis.plot(car.center[1], car.center[0], "r*")
    axis.set_title(name)
plt.show()

# %% [markdown]
# In such a narrow band, the range follows from the curvature of the waves alone and is blurred; the
# azimuth is sharp. The echo of the car does not come from its centre.

# %% [markdown]
# ## 4. Gradients: a material from a measured channel
#
# `VolumeIntegralScattering` is the same solver as a Keras layer: material and antennas in, channel
# out. The gradient with respect to the material of every voxel costs one more solution (the
# adjoint), and is exact. Here a block of unknown plastic lies between a few antennas; gradient
# descent finds its permittivity and conductivity from one noisy channel.

# %%
size = wavelength / 10
cells = np.stack(np.meshgrid(*[np.arange(n) for n in (8, 6, 5)], indexing="ij"), axis=-1)
block = (cells.reshape(-1, 3) - [3.5, 2.5, 2.0]) * size
rng = np.random.default_rng(1)
rays = rng.normal(size=[2, 6, 3])
rays *= 0.3 / np.linalg.norm(rays, axis=-1, keepdims=True)
scatter = isac.scattering.VolumeIntegralScattering(block, size, [frequency])
lines = [
    tf.constant(v, tf.float32)
    for v in (rays[0], epsilon_0 * rng.normal(size=[6, 3]), rays[1], rng.normal(size=[6, 3]))
]


def respond(permittivity, conductivity):
    """Channel of the block if it is all of one material."""
    ones = tf.ones([len(block)])
    return scatter(permittivity * ones, conductivity * ones, *lines)


truth = (2.8, 0.08)
measured = respond(*truth)
noise = 0.02 * tf.math.reduce_std(tf.abs(measured))
measured += isac.core.complex_normal(tf.shape(measured), noise**2)

permittivity, conductivity = keras.Variable(1.8), keras.Variable(0.02)
unknowns = [permittivity, conductivity]
scales = (0.2, 0.02)  # steps of Adam are about as large as its learning rate
schedules = [keras.optimizers.schedules.CosineDecay(scale, num_steps) for scale in scales]
optimizers = [keras.optimizers.Adam(schedule, beta_1=0.5) for schedule in schedules]
history = []
for _ in range(num_steps):
    with tf.GradientTape() as tape:
        h = respond(tf.maximum(permittivity, 1.0), tf.maximum(conductivity, 0.0))
        loss = tf.reduce_sum(tf.abs(h - measured) ** 2) / tf.reduce_sum(tf.abs(measured) ** 2)
    gradients = tape.gradient(loss, [v.value for v in unknowns])
    history.append([float(loss), float(permittivity), float(conductivity)])
    for optimizer, gradient, variable in zip(optimizers, gradients, unknowns, strict=True):
        optimizer.apply([gradient], [variable])

history = np.array(history)
print(f"permittivity {history[-1, 1]:.3f} (true {truth[0]}), ", end="")
print(f"conductivity {history[-1, 2]:.3f} S/m (true {truth[1]})")
figure, axes = plt.subplots(1, 3, figsize=(10, 2.6))
for axis, values, name, true in zip(
    axes, history.T, ("loss", "permittivity", "conductivity [S/m]"), (None, *truth), strict=True
):
    axis.plot(values, "o-", ms=3)
    axis.set(xlabel="step", title=name)
    if true is None:
        axis.set_yscale("log")
    else:
        axis.axhline(true, color="k", ls="--", lw=1)
plt.show()

# %% [markdown]
# ## 5. A receiver for point targets
#
# `ExtendedEcho` has such a target in place of points, with the same forms of the signal, so that
# every receiver of the library accepts both. Orthogonal matching pursuit gets the echo of a
# motorbike and that of a point at its centre, from a line of 16 antennas with 100 MHz.

# %%
num_elements = 16
numerology = isac.waveform.Numerology(num_subcarriers, 100e6 / num_subcarriers, frequency)
array = isac.array.UniformLinearArray(num_elements, wavelength)
bike = isac.scene.ParametricMotorbike(seed=2).voxelize(voxel_size)
bike = bike.placed_at(range=10.0, azimuth=0.15, heading=1.2, height=-1.0)
echo = isac.channel.ExtendedEcho.from_target(
    array, bike, numerology, tolerance=1e-4, allow_coarse=True
)

angle = bike.label.azimuth
beam = np.conj(array.steering(np.array([angle])).numpy()) / np.sqrt(num_elements)
beam = tf.constant(beam, tf.complex64)
x, _ = isac.waveform.SymbolSource(num_subcarriers)(1)
extended = echo(x, isac.scene.ExtendedTargets.of(bike), beam)

gain = wavelength / (4 * np.pi) ** 1.5 / 10.0**2
points = isac.scene.PointTargets(
    angle=np.array([[angle]]),
    range=np.array([[10.0]]),
    gain=np.array([[gain]]) + 0j,
    num_targets=np.array([1]),
)
single = isac.channel.MonostaticEcho(array, numerology)(x, points, beam)

angle_grid, range_grid = np.linspace(-0.6, 0.6, 121), np.linspace(6, 6 + 1.4 * num_subcarriers, 80)
search = isac.receiver.SearchGrid(angle_grid, range_grid)
receiver = isac.receiver.OMP(array, numerology, search, max_targets=3)
delay_map = isac.receiver.AngleDelayMap(array, numerology, search)
reciprocal = isac.receiver.ReciprocalFilter(numerology)
sector = tf.constant([[-0.6, 0.6]])
figure, axes = plt.subplots(1, 2, figsize=(9, 3.2), sharey=True)
for axis, (name, y) in zip(axes, (("point", single), ("motorbike", extended)), strict=True):
    y = reciprocal(y, x)
    y /= tf.cast(tf.norm(y), y.dtype)
    found = receiver(y, sector)
    share = found.metric[0] / found.metric[0, 0]
    print(f"{name}: peaks left after each, of the first:", np.round(share.numpy(), 3))
    picture = delay_map(y)[0]
    isac.plots.show_map(
        picture, angle_grid, range_grid, truth=points, detections=found, floor=-20, ax=axis
    )
    axis.set_title(name)
plt.show()

# %% [markdown]
# Pursuit finds the point at once and leaves no residual. It explains the motorbike by several
# points. Position and category of such a target are better inferred from the whole channel: the
# command `sionna-isac dataset generate` makes labelled channels for this purpose.

# %%
print(isac.citation(scatter, echo))
