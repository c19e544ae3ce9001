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
# # 2. Near field: bounds and beams
#
# An array that is large compared with the distance of a target observes the curvature of a wave,
# and curvature reveals range: one narrowband echo is enough to locate the target. What is the best
# accuracy, and which beams reach it while they serve users? In this notebook:
#
# 1. near field and far field
# 2. Fisher information of any signal by automatic differentiation
# 3. a map of the position error bound
# 4. beams: feasibility, optimality, and the loss of hybrid hardware
# 5. position error against rate
# 6. MUSIC, and a receiver that knows the symbols
# 7. the bound as a loss for Keras
#
# The setting is that of Yuan et al. (the citation is printed at the end). All cells together take
# about a minute on two CPU cores. Equations use
#
# $$ [\mathbf{a}(\mathbf{p})]_n = e^{-j 2\pi \lVert\mathbf{p}-\mathbf{p}_n\rVert/\lambda}, \qquad
# \mathbf{Y} = \beta\,\mathbf{a}\,\mathbf{a}^H\mathbf{X} + \mathbf{Z}, \qquad
# y_k = \mathbf{h}_k^H\mathbf{x} + z_k . $$

# %%
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from scipy.constants import c as SPEED_OF_LIGHT

import sionna_isac as isac

plt.rcParams.update({"figure.dpi": 72, "figure.constrained_layout.use": True})

QUICK = os.environ.get("SIONNA_ISAC_TUTORIAL_QUICK") == "1"
isac.set_seed(1)

num_antennas = 32
aperture = 0.5  # m
wavelength = SPEED_OF_LIGHT / 28e9  # m
num_snapshots = 100
no = 1e-12  # W, -90 dBm
power = 0.01  # W, 10 dBm
target = np.array([10.0, 2.0])  # m
distance = np.linalg.norm(target)

positions = isac.array.uniform_positions(num_antennas, aperture / (num_antennas - 1))
array = isac.array.SphericalWaveArray(positions, wavelength, precision="double")
reflection = isac.channel.reflection_coefficient(distance, wavelength, rcs=1.0) + 0j
print(f"elements {(positions[1] - positions[0]) / wavelength:.2f} wavelengths apart")
print(f"echo: {20 * np.log10(abs(reflection)):.1f} dB between two single antennas")

# %% [markdown]
# ## 1. Sphere or plane?
#
# `array.steering(point)` is the spherical wave, `array.far_field(angle)` its limit. The textbook
# border is the Rayleigh distance $2D^2/\lambda$, where the phase error at the edges of the array is
# $\pi/8$. This distance is no sharp border: the share of energy that a plane-wave receiver misses
# falls with the square of the distance. Away from broadside, where the effective aperture is
# shorter, it is smaller.

# %%
rayleigh = 2 * aperture**2 / wavelength
ranges = np.geomspace(1, 1000, 60)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
for angle_deg in (0, 30, 60):
    angle = np.deg2rad(angle_deg)
    points = ranges[:, np.newaxis] * [np.cos(angle), np.sin(angle)]
    near, far = array.steering(points), array.far_field(angle)
    match = np.abs(near.numpy().conj() @ far.numpy()) ** 2 / num_antennas**2
    left.loglog(ranges, 1 - match, label=f"{angle_deg} deg")
left.axvline(rayleigh, color="0.6", ls="--")
left.text(rayleigh / 1.2, 2e-6, f"Rayleigh distance\n{rayleigh:.0f} m", ha="right")
left.set(xlabel="distance [m]", ylabel="energy a plane wave misses")
left.legend()

x, y = np.meshgrid(np.linspace(2, 25, 60 if QUICK else 160), np.linspace(-3, 7, 120))
grid = np.stack([x, y], axis=-1)
focus = array.steering(target).numpy() / np.sqrt(num_antennas)
gain = np.abs(array.steering(grid).numpy().conj() @ focus) ** 2
image = right.pcolormesh(x, y, 10 * np.log10(gain + 1e-9), vmin=-15, vmax=15, rasterized=True)
right.plot(*target, "r+", ms=10)
right.set(xlabel="x [m]", ylabel="y [m]", title="a beam focused on the cross")
figure.colorbar(image, ax=right, label="gain [dB]")
plt.show()

# %% [markdown]
# The beam is narrow across and reaches far beyond its focus. Errors behave in the same way: small
# across, large along. The copies are grating lobes: the elements are more than half a wavelength
# apart, so a search for the angle needs a sector.
#
# ## 2. Information of an echo
#
# `isac.bound.fisher` takes *any* function or layer that returns the noise-free signal in double
# precision, and its parameters by name. It eliminates nuisance parameters. Here we write the echo
# as a layer of our own; the library's `NearFieldEcho` would give the same.


# %%
class Echo(keras.layers.Layer):
    """Noise-free echo of points, their reflection coefficients unknown."""

    def __init__(self, x):
        super().__init__(dtype="float64")
        self.x = tf.constant(x)

    def call(self, point, reflection):  # [num_points, 2], [num_points]
        steering = array.steering(point)
        lit = reflection[:, tf.newaxis] * (tf.math.conj(steering) @ self.x)
        return tf.transpose(steering) @ lit


isotropic = np.sqrt(power / num_antennas) * np.eye(num_antennas)
codes = np.exp(2j * np.pi * np.outer(np.arange(num_antennas), np.arange(num_snapshots)) / 100)
efim = isac.bound.fisher(
    Echo(isotropic @ codes),
    {"point": target[np.newaxis], "reflection": [reflection]},
    no,
    nuisance=["reflection"],
)
arguments = (reflection, no, num_snapshots)
closed = isac.bound.near_field_position_efim(positions, wavelength, target, isotropic, *arguments)
print("by differentiation\n", efim, "\nclosed form\n", closed)
print("largest relative difference", np.max(np.abs(efim / closed - 1)))
print(f"position error bound {isac.bound.position_error_bound(efim):.3f} m")

# %% [markdown]
# The closed form is for one target; automatic differentiation has no such limit. A second target
# nearby, also with unknown position, makes it harder to locate the first. The bound on the first
# two coordinates is the upper left block of the inverse.

# %%
along = target / distance
cases = {"in range": (along, 0.6), "in angle": (np.array([-along[1], along[0]]), 0.06)}
figure, axis = plt.subplots(figsize=(5.5, 3.2))
for name, (direction, closest) in cases.items():
    separations = np.geomspace(closest, 6, 4 if QUICK else 15)
    curve = []
    for separation in separations:
        both = np.stack([target, target + separation * direction])
        efim = isac.bound.fisher(
            Echo(isotropic @ codes),
            {"point": both, "reflection": [reflection, reflection]},
            no,
            nuisance=["reflection"],
        )
        covariance = isac.bound.cramer_rao_bound(efim)
        curve.append(np.sqrt(np.trace(covariance[:2, :2])))
    axis.loglog(separations, curve, label=f"second target apart {name}")
isac.plots.add_bound(axis, [0.06, 6], [isac.bound.position_error_bound(closed)] * 2, label="alone")
axis.set(xlabel="separation [m]", ylabel="position error bound [m]")
axis.legend()
plt.show()

# %% [markdown]
# Two targets side by side can be resolved if they are at least a beam width apart ($\lambda/D$ is
# 0.2 m at this distance). In the same direction, curvature alone cannot separate them; this needs
# bandwidth.
#
# ## 3. A map of the bound
#
# The closed forms take batches, so that a map needs one call. Left: all antennas send orthogonal
# signals, as without prior knowledge of the target. Right: the beam is focused on the target, which
# gives the smallest bound of all beams of this power (`minimum_speb`, exact).

# %%
points = 25 if QUICK else 90
x, y = np.meshgrid(np.linspace(1, 25, points), np.linspace(-12, 12, points))
grid = np.stack([x, y], axis=-1)
gains = isac.channel.reflection_coefficient(np.hypot(x, y), wavelength)
information = isac.bound.near_field_position_efim(
    positions, wavelength, grid, isotropic, gains, no, num_snapshots
)
unfocused = isac.bound.position_error_bound(information)
focused = np.sqrt(
    isac.bound.minimum_speb(positions, wavelength, grid, power, gains, no, num_snapshots)
)

figure, axes = plt.subplots(1, 2, figsize=(10, 3.6), sharey=True)

for axis, values, title in zip(
    axes, (unfocused, focused), ("orthogonal signals", "focused"), strict=True
):
    image = axis.pcolormesh(x, y, values, norm="log", vmin=1e-2, vmax=1e3, rasterized=True)
    lines = axis.contour(x, y, values, levels=[0.1, 1, 10, 100], colors="w", linewidths=0.8)
    axis.clabel(lines, fmt=lambda v: f"{v:g} m", fontsize=8)
    axis.set(xlabel="x [m]", title=title)
axes[0].set(ylabel="y [m]")
figure.colorbar(image, ax=axes, label="position error bound [m]")
plt.show()

# %% [markdown]
# Focusing gains half the number of antennas in power; half, because orthogonal signals also reveal
# the direction of departure. Off broadside the effective aperture is shorter, and with the distance
# the curvature decreases: the bound grows with the fourth power of the distance, two powers for the
# two-way path and two for the curvature.
#
# ## 4. Beams for a target and two users
#
# Users stand 20 m away, with a line of sight and three scattered paths. A design takes a
# `NearFieldScene`.

# %%
link = isac.channel.SalehValenzuelaLink(
    array, isac.scene.FixedSector(np.deg2rad([-60.0, 60.0]), precision="double"), precision="double"
)
channels = link.channel_vectors(link.paths(2)).numpy()  # [users, antennas]
scene = isac.beamforming.NearFieldScene(
    positions, wavelength, target, reflection, no, num_snapshots, channels
)
min_rates = 6.0  # bit/s/Hz, each

# %% [markdown]
# Three limits have closed forms. They give the feasible values before any solver runs, and error
# messages quote them.

# %%
smallest = np.sqrt(isac.beamforming.smallest_speb(scene, power))
needed = isac.beamforming.smallest_power(scene, min_rates)
common = isac.beamforming.largest_common_rate(scene, power)
print(f"smallest position error bound at {power:g} W: {100 * smallest:.2f} cm (without users)")
print(f"smallest power for {min_rates:g} bit/s/Hz each: {needed:.3g} W")
print(f"largest common rate at {power:g} W: {common:.2f} bit/s/Hz")
try:
    isac.beamforming.minimize_speb(scene, power, min_rates=15.0)
except isac.beamforming.InfeasibleError as error:
    print("15 bit/s/Hz:", error)

# %% [markdown]
# Now the designs. For fully digital beams, the problem is relaxed to a semidefinite program in the
# few relevant dimensions (target, its derivatives, users), whose solution gives beams of rank one.
# `relaxation_gap` is a certificate: the largest possible distance of the result from the optimum
# (relative, in SPEB). Hybrid beams have one phase shifter per antenna and a few RF chains; the
# search works on phases and digital beams directly. Its gap refers to the same bound, and thus
# includes the loss of hybrid hardware. The search is local: raise `num_starts`, as here, where few
# starts may end behind the beams of largest SNR. Times are those of this machine, with other work
# on it; the first one includes the compilation of the program.

# %%
chains = 8
design = isac.beamforming
digital = design.minimize_speb(scene, power, min_rates)
hybrid = design.minimize_speb(scene, power, min_rates, chains, num_starts=2 if QUICK else 6)
table = {
    "digital, certified": digital,
    "digital, local search": design.minimize_speb(scene, power, min_rates, method="direct"),
    f"hybrid, {chains} chains": hybrid,
    "hybrid, SNR at target": design.maximize_snr(scene, power, min_rates, chains),
    "hybrid, two stages": design.two_stage(scene, power, min_rates, chains),
    "hybrid, approximation": design.matrix_approximation(scene, power, digital, chains),
    "sensing only": design.sensing_only(scene, power, chains),
    "communication only": design.communication_only(scene, power, chains),
}
print(f"{'':24s}PEB [cm]   rates [bit/s/Hz]   gap       time [ms]")
for name, beams in table.items():
    gap = "-" if beams.relaxation_gap is None else f"{beams.relaxation_gap:.1e}"
    rates = " ".join(f"{r:6.2f}" for r in beams.rates)
    time = "-" if np.isnan(beams.solve_time) else f"{1e3 * beams.solve_time:.0f}"
    print(f"{name:24s}{100 * beams.peb:8.3f}   {rates}      {gap:9s} {time:>6s}")

# %% [markdown]
# Each design checks its solution on the scene itself, independently of the solver; `margins` holds
# the distance from each requirement. The approximation of digital beams by hybrid ones has no
# guarantee, as its rates show.

# %%
print("digital:", digital.margins)
print("hybrid: ", hybrid.margins)

# %% [markdown]
# ## 5. Position error against rate
#
# How much accuracy does a bit cost? We sweep the rate of both users up to the largest common rate.

# %%
figure, axis = plt.subplots(figsize=(6, 3.6))
shares = np.array([0.3, 0.6] if QUICK else [0.1, 0.3, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9, 0.95])
for number, highest in ((None, 1.0), (8, 0.9), (4, 0.7)):  # few chains do not reach all rates
    rates = common * shares[shares <= highest]
    errors = [design.minimize_speb(scene, power, rate, number).peb for rate in rates]
    label = "fully digital" if number is None else f"hybrid, {number} chains"
    axis.plot(rates, 100 * np.array(errors), "o-", ms=3, label=label)
isac.plots.add_bound(axis, [0, common], 100 * np.array([smallest] * 2), label="without users")
axis.axvline(common, color="0.6", ls=":")
axis.set(xlabel="rate of each user [bit/s/Hz]", ylabel="position error bound [cm]")
axis.legend()
plt.show()

# %% [markdown]
# Over most of the range of rates, the loss of accuracy is small: the symbols for the users also
# illuminate the target. Close to the largest rate, the bound rises steeply.
#
# ## 6. MUSIC, and a receiver that knows the symbols
#
# `MUSIC` searches the angle with plane waves, then the range with spherical ones. Its first step
# ignores the curvature, which leaves a small error in angle at any power; `num_refinements=1`
# repeats both searches with the spherical wave. We send the hybrid beams with orthogonal symbols
# (the bound assumes known symbols with $\mathbf{S}\mathbf{S}^H = T\mathbf{I}$), and increase the
# power. `plots.add_bound` adds the bound to the errors.

# %%
echo = isac.channel.NearFieldEcho(array, precision="double")
powers_dbm = np.array([0.0, 30.0]) if QUICK else np.linspace(-4, 48, 9)
trials = 50 if QUICK else 200
streams = codes[: hybrid.beams.shape[1]]
angle = np.arctan2(target[1], target[0])
sector = tf.constant(np.tile(angle + np.array([-0.1, 0.1]), (trials, 1)))
point = tf.constant(np.broadcast_to(target, (trials, 1, 2)))
reflections = tf.constant(np.full((trials, 1), reflection))
receivers = {
    refinements: isac.receiver.MUSIC(
        array, (2.0, 40.0), num_zooms=7, num_refinements=refinements, precision="double"
    )
    for refinements in (0, 1)
}

errors = {"angle": {0: [], 1: []}, "position": {0: [], 1: []}}
bounds, receive_side = [], []
for level in powers_dbm:
    beams = hybrid.beams * 10 ** ((level - 10) / 20)
    x = np.broadcast_to(beams @ streams, (trials, num_antennas, num_snapshots))
    received = echo(x, point, reflections, no)
    for refinements, music in receivers.items():
        found = music(received, sector)
        errors["angle"][refinements].append(
            isac.metrics.rmse(found.angle[:, 0], np.full(trials, angle))
        )
        offset = np.linalg.norm(found.position[:, 0] - target, axis=-1)
        errors["position"][refinements].append(isac.metrics.rmse(offset, 0 * offset))
    bounds.append(
        isac.bound.near_field_target_bound(positions, wavelength, target, beams, *arguments)
    )
    # as if the same illumination came from a focused beam
    lit = np.sum(np.abs(array.steering(target).numpy().conj() @ beams) ** 2) / num_antennas
    receive_side.append(
        np.sqrt(isac.bound.minimum_speb(positions, wavelength, target, lit, *arguments))
    )

figure, axes = plt.subplots(1, 2, figsize=(10, 3.4))
for axis, (quantity, unit) in zip(axes, {"angle": "rad", "position": "m"}.items(), strict=True):
    for refinements, values in errors[quantity].items():
        axis.semilogy(powers_dbm, values, "o-", ms=3, label=f"MUSIC, {refinements} refinements")
    isac.plots.add_bound(axis, powers_dbm, bounds, quantity)
    axis.set(xlabel="transmit power [dBm]", ylabel=f"RMSE of the {quantity} [{unit}]")
axes[0].legend()
axes[1].semilogy(powers_dbm, receive_side, "k:", label="bound, receive side only")
axes[1].legend()
plt.show()

# %% [markdown]
# The refined search reaches the bound. It uses the receive side only, whose bound is the dotted
# line: with these beams the receive side has nearly all of the information. Where the signal at the
# target, $\mathbf{a}^H\mathbf{X}$, changes quickly with the position, the bound includes this
# information and MUSIC stays above it: for the orthogonal signals of section 2 it is as large as
# that of the receive side.
#
# `KnownSymbolLocalizer` uses both. It knows the beams $\mathbf{F}$ and the symbols $\mathbf{S}$,
# and maximises the likelihood for the best gain,
#
# $$ \frac{|\mathbf{a}^H\mathbf{Y}\mathbf{S}^H\mathbf{u}|^2}
# {N\,\mathbf{u}^H\mathbf{S}\mathbf{S}^H\mathbf{u}}, \quad \mathbf{u} = \mathbf{F}^H\mathbf{a} , $$
#
# on a coarse grid and then by Newton steps. The difference is largest for fully digital beams whose
# power is scarce: they give up illumination for streams that change quickly at the target.

# %%
known = isac.receiver.KnownSymbolLocalizer(array, (2.0, 40.0), precision="double")
levels = np.array([10.0]) if QUICK else np.array([5.0, 10.0, 15.0, 20.0])
columns = {"bound": [], "symbols known": [], "bound, receive side only": [], "MUSIC, refined": []}
for level in levels:
    beams = design.minimize_speb(scene, 10 ** (level / 10 - 3), min_rates).beams
    sent = np.tile(codes[: beams.shape[1]], (trials, 1, 1)), np.tile(beams, (trials, 1, 1))
    received = echo(sent[1] @ sent[0], point, reflections, no)
    for name, found in (
        ("symbols known", known(received, *sent, sector)),
        ("MUSIC, refined", receivers[1](received, sector)),
    ):
        offset = np.linalg.norm(found.position[:, 0] - target, axis=-1)
        columns[name].append(isac.metrics.rmse(offset, 0 * offset))
    limit = isac.bound.near_field_target_bound(positions, wavelength, target, beams, *arguments)
    columns["bound"].append(limit.position)
    columns["bound, receive side only"].append(np.sqrt(design.blind_speb(scene, beams)))
print("RMSE of the position [cm] at " + ", ".join(f"{v:g}" for v in levels) + " dBm")
for name, values in columns.items():
    print(f"{name:26s}" + "".join(f"{100 * v:9.2f}" for v in values))

# %% [markdown]
# One command repeats the experiment over many targets, with confidence intervals and stored,
# resumable results: `sionna-isac run localization_near_field` (and `localization_ofdm` for the
# receivers of the first tutorial).
#
# ## 7. The bound as a loss
#
# The functions of `isac.bound` use NumPy in double precision and are no part of a graph. But only a
# few inner products depend on the beams,
#
# $$ [\mathbf{J}_e]_{pq} = \kappa \operatorname{Re}\Bigl\{ \mathbf{b}_p^H\mathbf{b}_q
# \lVert\mathbf{u}\rVert^2 + N\Bigl(\mathbf{v}_p^H\mathbf{v}_q -
# \frac{\mathbf{v}_p^H\mathbf{u}\,\mathbf{u}^H\mathbf{v}_q}{\lVert\mathbf{u}\rVert^2}\Bigr)\Bigr\},
# \quad \mathbf{u} = \mathbf{F}^H\mathbf{a},\ \mathbf{v}_p = \mathbf{F}^H\mathbf{b}_p, $$
#
# with the constants $\mathbf{a}, \mathbf{b}_x, \mathbf{b}_y$ from `bound.steering_derivatives`. A
# Keras layer makes it a loss like any other. First we check that it gives the same bound.


# %%
class PositionErrorBound(keras.layers.Layer):
    """Position error bound [m] of beams [num_antennas, num_streams] for one target."""

    def __init__(self, scene):
        super().__init__(dtype="float64")
        a, b = isac.bound.steering_derivatives(
            scene.element_positions, scene.wavelength, scene.target
        )
        self.a, self.b = tf.constant(a[np.newaxis]), tf.constant(b)  # [1, N], [2, N]
        self.gram = tf.constant((b.conj() @ b.T).real)
        kappa = 2 * scene.num_snapshots * abs(scene.reflection) ** 2 / scene.no
        self.kappa = tf.constant(kappa, tf.float64)

    def call(self, beams):
        u, v = tf.math.conj(self.a) @ beams, tf.math.conj(self.b) @ beams  # u^H, v^H
        energy = tf.reduce_sum(tf.abs(u) ** 2)
        along = v @ tf.linalg.adjoint(u)
        across = tf.math.real(v @ tf.linalg.adjoint(v))
        across -= tf.math.real(along @ tf.linalg.adjoint(along)) / energy
        efim = self.kappa * (self.gram * energy + num_antennas * across)
        determinant = efim[0, 0] * efim[1, 1] - efim[0, 1] ** 2
        return tf.sqrt(tf.linalg.trace(efim) / determinant)


peb = PositionErrorBound(scene)
print(f"layer {peb(tf.constant(hybrid.beams)):.6f} m, library {hybrid.peb:.6f} m")


# %% [markdown]
# The beams are a layer as well: the phases of the analog part and the digital beams are weights,
# and the power is constant by construction. Multipliers enforce the rates; they grow while the rate
# of a user is too small. XLA compiles the whole step.


# %%
class HybridBeams(keras.layers.Layer):
    """Beams of a given power: one phase per antenna, equal subarrays, digital beams."""

    def __init__(self, start):
        super().__init__(dtype="float64")
        phases = np.angle(np.sum(start.analog, axis=1))
        digital = np.stack([start.digital.real, start.digital.imag])
        initial = keras.initializers.Constant
        self.phases = self.add_weight(shape=phases.shape, initializer=initial(phases))
        self.digital = self.add_weight(shape=digital.shape, initializer=initial(digital))
        self.built = True

    def call(self, power):
        phases = tf.convert_to_tensor(self.phases)
        analog = tf.complex(tf.cos(phases), tf.sin(phases))
        digital = tf.complex(*tf.unstack(tf.convert_to_tensor(self.digital)))
        size = num_antennas // digital.shape[0]
        beams = analog[:, tf.newaxis] * tf.repeat(digital, size, axis=0)
        norm = tf.sqrt(tf.reduce_sum(tf.abs(beams) ** 2) / power)
        return beams / tf.complex(norm, tf.zeros_like(norm))


def user_rates(beams):
    """Rates [num_users] in bit/s/Hz."""
    received = tf.abs(tf.constant(channels.conj()) @ beams) ** 2
    own = tf.linalg.diag_part(received)
    others = tf.reduce_sum(received, axis=1) - own
    return tf.math.log(1 + own / (others + no)) / np.log(2)


start = table["hybrid, two stages"]
beams = HybridBeams(start)
steps = 30 if QUICK else 1500
optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-2, steps))
optimizer.build(beams.trainable_weights)
watts = tf.constant(power, tf.float64)
multipliers = tf.Variable(tf.zeros([2], tf.float64))


@tf.function(jit_compile=True)
def step():
    with tf.GradientTape() as tape:
        now = beams(watts)
        error, short = peb(now), min_rates - user_rates(now)
        loss = tf.math.log(error) + tf.reduce_sum(multipliers * short + 2 * tf.nn.relu(short) ** 2)
    weights = beams.trainable_weights
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
    multipliers.assign(tf.nn.relu(multipliers + 0.05 * short))
    return error, -short


history = np.array([np.hstack([v.numpy() for v in step()]) for _ in range(steps)])

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.2))
left.plot(100 * history[:, 0], label="trained")
left.axhline(100 * hybrid.peb, color="k", ls="--", label="minimize_speb")
left.set(xlabel="step", ylabel="position error bound [cm]")
left.legend()
right.plot(history[:, 1:], label=["user 1", "user 2"])
right.axhline(0, color="k", lw=0.8)
right.set(xlabel="step", ylabel="rate above its target [bit/s/Hz]", ylim=(-1, 1))
right.legend()
plt.show()
trained = beams(watts).numpy()
print(
    f"trained       PEB {100 * peb(trained):.4f} cm, rates {user_rates(trained).numpy().round(4)}"
)
print(f"minimize_speb PEB {100 * hybrid.peb:.4f} cm, rates {hybrid.rates.round(4)}")

# %% [markdown]
# Gradient descent comes close in some hundred steps and keeps the rates, but from one start it ends
# in a worse local optimum than the dedicated search, and takes longer. For this problem use
# `minimize_speb`. The advantage of a loss is that other models can come before it: a network that
# maps pilots to phases, impaired hardware, many targets.

# %%
print(isac.citation(isac.beamforming.minimize_speb))

# %% [markdown]
# ## Exercises
#
# 1. **Aperture.** Halve it. By how much does the bound on the range grow, and that on the angle?
# 2. **Half a wavelength.** Use 94 elements on the same aperture. What changes in the maps, what in
#    MUSIC?
# 3. **Unknown array.** Add a phase for each element to `Echo` and to the parameters. Is the
#    position still observable? Does a second target at a known position help?
# 4. **Users near the target.** Move one user close to the target. Does it help or hurt?
# 5. **Train for a region.** Draw a new target near (10, 2) in every step of section 7, and compare
#    the bound over the region with that of the focused beam.
