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
# # 7. Beams for an extended target: from a surface to a network
#
# A vehicle in front of a base station is no point. Its echo tells where it is *and* how it is
# turned, and it is wider than a beam. Which beams estimate its pose best while users are served,
# how do we know that there are no better ones, and can a network find them at once? In this
# notebook:
#
# 1. the surface of a vehicle, and what an array sees of it
# 2. its echo, the Cramér-Rao bound of the pose, and an estimate that reaches it
# 3. beams with a certificate
# 4. a network of beams, trained without labels
#
# The setting is that of Wang et al. [Wang25] (the citation is printed at the end); the pages
# *Extended targets in three dimensions* of the documentation say where the library goes beyond it.
# All cells together take about three minutes of CPU time.

# %%
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf

import sionna_isac as isac

plt.rcParams.update({"figure.dpi": 72, "figure.constrained_layout.use": True})

# %% [markdown]
# The short configuration is for automatic tests; its network learns nothing.

# %%
QUICK = os.environ.get("SIONNA_ISAC_TUTORIAL_QUICK") == "1"
isac.set_seed(1)
rng = np.random.default_rng(1)

shape = (8, 8)  # elements along y and z, transmitter and receiver
num_antennas = shape[0] * shape[1]
numerology = isac.waveform.Numerology(128, 100e6 / 128, 28e9)  # 128 tones in 100 MHz
power, no = 1.0, 1e-12  # transmitted, and noise of a sample [W]

# %% [markdown]
# ## 1. The surface of a vehicle
#
# ```text
#        z                        pose
#        |    x: boresight          d   range of the centre
#        |   /                      θ   its azimuth
#      +---+                        ϕ   its elevation
#      |::::| array    ~~~~~>  +----------+
#      |::::|          <~~~~~  | vehicle  | --->  heading, turned by the orientation φ about z
#      +---+                   +-o------o-+
#        \
#         y
# ```
#
# A closed smooth body is a short Fourier series in its local azimuth $u$ and elevation $v$,
#
# $$
# \mathbf{m}(u,v) = \sum_{p,q} \mathbf{a}_{pq}\cos pu\cos qv + \mathbf{b}_{pq}\cos pu\sin qv
# + \mathbf{c}_{pq}\sin pu\cos qv + \mathbf{d}_{pq}\sin pu\sin qv ,
# $$
#
# of which `FourierSurface` keeps the terms that make each pole one point. More terms make sharper
# edges:

# %%
for order in (2, 6, 10):
    body = isac.scene.FourierSurface.fit_cuboid(4.5, 1.8, 1.5, order)
    print(
        f"order {order:2d}: {body.coefficients.size:3d} coefficients, distance from the cuboid "
        f"{100 * body.residual:4.1f} cm, area {body.area:.1f} m^2 of 35.1 m^2"
    )

vehicle = isac.scene.FourierSurface.fit_cuboid(4.5, 1.8, 1.5)
drone = isac.scene.FourierSurface.fit_drone(arm=0.5, height=0.2)

# %% [markdown]
# The array sees the points whose normal looks at it. `scatterers` divides the surface into cells
# and gives each visible one a point and a weight: the share of the area that the array sees,
#
# $$
# \text{visible:} \quad \mathbf{R}_z(\varphi)\,\mathbf{n}\cdot\mathbf{p} < 0 , \qquad
# \zeta_l^2 = S_l \big/ \textstyle\sum_i S_i , \qquad
# \mathbf{p}_l = d\,\mathbf{u}(\theta,\phi) + \mathbf{R}_z(\varphi)\,\mathbf{m}_l .
# $$

# %%
distance = 8.0  # m
angles = {"azimuth": 20.0, "elevation": -10.0, "orientation": 50.0}
angles = {name: np.deg2rad(value) for name, value in angles.items()}

figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), subplot_kw={"projection": "3d"})
for axis, (name, body) in zip(axes, {"vehicle": vehicle, "drone": drone}.items(), strict=True):
    points, weights = body.scatterers(range=distance, **angles)
    towards = body.towards_array(**angles)
    isac.plots.show_surface(*body.mesh(), points, weights, towards=towards, ax=axis)
    axis.set_title(f"{name}: {len(weights)} visible scatterers")
axes[0].legend(loc="upper left", fontsize=8)
plt.show()

# %% [markdown]
# The area of a marker is the weight. An `ExtendedTarget` is the scatterers at a pose; it knows
# where they are in the world.

# %%
points, weights = vehicle.scatterers(range=distance, **angles)
target = isac.bound.ExtendedTarget(points, weights, range=distance, **angles)
num_scatterers = len(target.weights)
beta = target.path_gain(numerology.wavelength)
width = np.rad2deg(np.ptp(target.azimuths))
print(f"scatterers at {target.ranges.min():.2f} to {target.ranges.max():.2f} m,", end=" ")
print(f"over {width:.0f} degrees of azimuth; a beam has {np.rad2deg(2 / shape[0]):.0f} degrees")
print(f"gain of the path beta = {beta:.2e}")

# %% [markdown]
# **Exercise.** Make a body of your own: `fit_ellipsoid(4.0, 2.0, 1.2)`, a drone with deeper gaps
# (`depth=0.8`), or a triangle mesh with `fit_mesh`. The rest of the notebook takes it in the place
# of `vehicle`.
#
# ## 2. The echo and its bound
#
# The scatterers return what the beams send to them, each with its own delay,
#
# $$
# \mathbf{y}_i = \beta\sum_l \zeta_l e^{j\psi_l}\,\mathbf{b}(\theta_l,\phi_l)\,
# \mathbf{a}^\top(\theta_l,\phi_l)\,\mathbf{x}_i\, e^{-j2\pi f_i\tau_l} + \mathbf{n}_i ,
# \qquad \tau_l = 2 d_l/c .
# $$
#
# `ScattererEcho` is this equation as a Keras layer. We send known symbols on one beam to the centre
# of the vehicle. The phases $\psi_l$ of the scatterers are constants that the receiver knows.

# %%
array = isac.array.UniformPlanarArray(shape, numerology.wavelength, precision="double")
echo = isac.channel.ScattererEcho(array, numerology, precision="double")
steering = isac.array.planar_wave(shape, target.azimuth, target.elevation).numpy()
beam = np.sqrt(power / num_antennas) * steering.conj()
x = np.exp(2j * np.pi * rng.uniform(size=numerology.num_subcarriers))
phases = rng.uniform(0, 2 * np.pi, num_scatterers)
scatterers = target.scatterers(path_gain=1.0, phases=phases)  # a batch of one


def repeated(value, number):
    """Batch of equal values."""
    return tf.repeat(tf.convert_to_tensor(value)[tf.newaxis], number, axis=0)


def mean(gain, **pose):
    """Noise-free echo [batch, antennas, tones] at gains and poses [batch]."""
    number = len(gain)
    gains = tf.complex(gain, tf.zeros_like(gain))[:, tf.newaxis] * scatterers.gain
    bodies = scatterers._replace(points=repeated(points, number), gain=gains, **pose)
    return echo(repeated(x, number), bodies, repeated(beam, number))


# %% [markdown]
# The information about any parameters of a signal in white noise is
#
# $$
# \mathbf{J} = \frac{2}{\sigma^2}\operatorname{Re}\Bigl\{
# \Bigl(\frac{\partial\boldsymbol{\mu}}{\partial\boldsymbol{\xi}}\Bigr)^H
# \frac{\partial\boldsymbol{\mu}}{\partial\boldsymbol{\xi}}\Bigr\} , \qquad
# \mathrm{var}(\hat\xi_i) \ge [\mathbf{J}^{-1}]_{ii} .
# $$
#
# `bound.fisher` differentiates the layer. `bound.extended_target_fim` is the closed form, which
# needs only the covariance of the beams. It knows three levels: "coherent" keeps everything and is
# the same; "resolved" is its mean over the phases $\psi_l$; "energy" also leaves out that beams
# light different parts as the target moves, so that beams count by the power $e_l$ that they
# bring to each scatterer:
#
# $$
# \mathbf{J}_\text{energy} = \sum_l e_l\,\mathbf{F}_l , \qquad
# e_l = \mathbf{a}_l^\top\mathbf{R}\,\mathbf{a}_l^* , \qquad
# \mathbf{R} = E\{\mathbf{x}\mathbf{x}^H\} .
# $$

# %%
names = ("range", "azimuth", "elevation", "orientation")
truth = {name: [float(getattr(target, name))] for name in names} | {"gain": [float(beta)]}
efim = isac.bound.fisher(mean, truth, no, nuisance=["gain"], batch_dims=1)[0]
covariance = np.outer(beam, beam.conj())
coherent = {"frequencies": numerology.frequency_offsets, "phases": phases}


def level_fim(target, covariance, level, **options):
    """Information on the pose, the gain of the path unknown."""
    gain = target.path_gain(numerology.wavelength)
    known = gain, no, numerology.rms_bandwidth, numerology.num_subcarriers
    fim = isac.bound.extended_target_fim(
        target, shape, shape, covariance, *known, level=level, **options
    )
    return isac.bound.effective_fim(fim, num_interest=target.num_pose)


# %%
units = np.array([100.0, *[np.rad2deg(1.0)] * 3])  # cm and degrees


def deviations(efim):
    """Roots of the bounds of range [cm], azimuth, elevation and orientation [deg]."""
    crb = np.diagonal(isac.bound.cramer_rao_bound(efim), axis1=-2, axis2=-1)
    return np.sqrt(crb) * units[: crb.shape[-1]]


closed = level_fim(target, covariance, "coherent", **coherent)
print(f"layer and closed form differ by {np.max(np.abs(efim / closed - 1)):.0e}\n")
print("bound of         ", *(f"{name:>12s}" for name in names))
rows = {"fisher of the layer": efim, "coherent": closed}
rows |= {level: level_fim(target, covariance, level) for level in ("resolved", "energy")}
for name, matrix in rows.items():
    print(f"{name:20s}", *(f"{value:11.4f}" for value in deviations(matrix)), " cm, deg")

# %% [markdown]
# Other phases give other coherent bounds. A band of 100 MHz resolves 1.5 m, so that the scatterers
# of a vehicle interfere. How far away from the mean do they lead?

# %%
draws = []
for _ in range(20 if QUICK else 300):
    coherent["phases"] = rng.uniform(0, 2 * np.pi, num_scatterers)
    draws.append(deviations(level_fim(target, covariance, "coherent", **coherent)))
draws = np.array(draws) / deviations(rows["resolved"])
for name, values in zip(names, draws.T, strict=True):
    low, middle, high = np.quantile(values, (0.1, 0.5, 0.9))
    print(f"{name:12s} coherent over resolved: {low:.2f} ... {middle:.2f} ... {high:.2f}")

# %% [markdown]
# (Quantiles of 10, 50 and 90 percent.) Bounds are up to half as large again, or a sixth smaller. No
# one knows these phases before the beams are designed: designs use "energy" or "resolved".
#
# ### From near to far
#
# Far away the vehicle should become a point. `ExtendedTarget.point` is that point; it has no
# orientation. Both take batches of poses: the whole curve is one call, with equal power in all
# directions.

# %%
distances = np.geomspace(6, 200, 8 if QUICK else 40)
alike = np.eye(num_antennas) * power / num_antennas
seen = vehicle.scatterers(range=distances, **angles)
places = {name: np.full(distances.shape, value) for name, value in angles.items()}
vehicles = isac.bound.ExtendedTarget(*seen, range=distances, **places)
point = isac.bound.ExtendedTarget.point(distances, places["azimuth"], places["elevation"])
wide = deviations(level_fim(vehicles, alike, "energy"))
narrow = deviations(level_fim(point, alike, "energy"))

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
for i, name in enumerate(names):
    unit = "cm" if name == "range" else "deg"
    left.loglog(distances, wide[:, i], f"C{i}", label=f"{name} [{unit}]")
    if i < 3:
        left.loglog(distances, narrow[:, i], f"C{i}", ls=":")
        right.semilogx(distances, wide[:, i] / narrow[:, i], f"C{i}", label=name)
left.plot([], [], "k:", label="point")
left.set(xlabel="distance [m]", ylabel="root of the bound")
right.axhline(1, color="k", lw=0.8, ls=":")
right.set(xlabel="distance [m]", ylabel="vehicle over point")
left.legend(fontsize=8)
right.legend()
plt.show()
for d in (8, 40):
    ratio = [np.interp(d, distances, wide[:, i] / narrow[:, i]) for i in range(3)]
    print(f"at {d:2d} m: range {ratio[0]:.3f}, azimuth {ratio[1]:.3f}, elevation {ratio[2]:.3f}")

# %% [markdown]
# With $\beta \propto 1/d^2$ all deviations grow with the square of the distance in the end. Near
# the array the azimuth is harder to tell than that of a point, because to move aside is much like
# to turn. The elevation is easier: what reflects is nearer than the centre, and looks higher or
# lower by more for the same move. The range is that of a point throughout: the visible area has no
# mean offset across the line of sight.
#
# ### An estimate that reaches the bound
#
# A bound is worth as much as the estimator that reaches it. `bound.maximum_likelihood` takes the
# same `mean` as `fisher`,
#
# $$
# \hat{\boldsymbol{\xi}} = \arg\min_{\boldsymbol{\xi}}
# \lVert\mathbf{y}-\boldsymbol{\mu}(\boldsymbol{\xi})\rVert^2 ,
# $$
#
# and we start it beside the truth, as a receiver that has found the vehicle would.

# %%
trials = 10 if QUICK else 100
levels_db = np.array([0.0]) if QUICK else np.arange(-60.0, 1, 10)  # of the transmit power
many = {name: np.repeat(value, trials) for name, value in truth.items()}
clean = mean(**many)
spread = {"range": 0.2, "azimuth": 0.02, "elevation": 0.02, "orientation": 0.05}
start = {name: many[name] + rng.normal(size=trials) * spread[name] for name in names}
start["gain"] = many["gain"]

errors = []
for level in levels_db:
    noise = rng.normal(size=(*clean.shape, 2)) @ [1, 1j] * np.sqrt(no / 2 / 10 ** (level / 10))
    found = isac.bound.maximum_likelihood(
        clean + noise, mean, start, batch_dims=1, max_iterations=20
    )
    offset = [found.parameters[name] - many[name] for name in names]
    errors.append(np.sqrt(np.mean(np.square(offset), axis=1)) * units)
    ratio = errors[-1] / deviations(efim) * 10 ** (level / 20)
    settled = f"{np.mean(found.converged):.0%} converged"
    print(f"{level:5.0f} dBW: error over bound", *(f"{r:5.2f}" for r in ratio), f" {settled}")

# %%
figure, axes = plt.subplots(1, 4, figsize=(13, 3), sharex=True)
bounds = deviations(efim) * 10 ** (-levels_db[:, np.newaxis] / 20)
for i, (axis, name) in enumerate(zip(axes, names, strict=True)):
    axis.semilogy(levels_db, np.array(errors)[:, i], "o", label="maximum likelihood")
    isac.plots.add_bound(axis, levels_db, bounds[:, i])
    unit = "cm" if name == "range" else "deg"
    axis.set(xlabel="transmit power [dBW]", ylabel=f"RMSE [{unit}]", title=name)
axes[0].legend()
plt.show()

# %% [markdown]
# From -40 dBW on, the errors are close to the bound, up to the randomness of 100 trials. Below,
# they leave it, and at -60 dBW most estimates do not settle within 20 steps: noise moves the peak
# of the likelihood out of reach of the start. The bound is local and says nothing about that.
#
# **Exercise.** Start ten times as far away. From which power on does the estimate still converge?
#
# ## 3. Beams with a certificate
#
# Now three users want an SINR of 15 dB each, and the beams of the users are all there is to light
# the target,
#
# $$
# \min_{\mathbf{w}_1,\ldots,\mathbf{w}_K} \operatorname{tr}\mathbf{J}_e^{-1}(\mathbf{R})
# \quad\text{s.t.}\quad \mathrm{SINR}_k \ge \Gamma , \quad \operatorname{tr}\mathbf{R} \le P , \quad
# \max_l e_l \le \eta \min_l e_l , \qquad \mathbf{R} = \sum_k\mathbf{w}_k\mathbf{w}_k^H .
# $$
#
# The last constraint, the coverage, keeps parts of the vehicle from going dark. The trace adds
# m² and rad²; `weights=` would price the parameters differently.

# %%
user_azimuths, user_elevations = np.deg2rad([-40, 5, 45]), np.deg2rad([-2, -3, -2])
user_gains = numerology.wavelength / (4 * np.pi * np.array([300.0, 400.0, 350.0]))
lines = isac.array.planar_wave(shape, user_azimuths, user_elevations).numpy()
channels = user_gains[:, np.newaxis] * lines  # line of sight; user k receives h_k^H x

system = {
    "user_noise": no,
    "path_gain": float(beta),
    "noise_power": no,
    "rms_bandwidth": numerology.rms_bandwidth,
    "num_samples": numerology.num_subcarriers,
}
scene = target, shape, shape, channels, power
gamma, coverage = 10**1.5, 4.0

# %%
design = isac.beamforming
try:
    design.minimize_crb(*scene, 1e3, coverage, **system)
except design.InfeasibleError as error:
    print("30 dB:", error, "\n")

designs = {
    "smallest bound": design.minimize_crb(*scene, gamma, coverage, **system),
    "centre": design.illuminate_centre(*scene, gamma, **system),
    "region": design.illuminate_region(*scene, gamma, **system),
}
for name, found in designs.items():
    sinr_db = (10 * np.log10(found.sinr)).round(2)
    print(f"{name:14s} root of the trace {1e3 * np.sqrt(found.crb.sum()):.3f}e-3,", end=" ")
    print(f"coverage {found.coverage:4.1f}, SINR {sinr_db} dB")
best = designs["smallest bound"]
print(f"\nproven: no beams have a trace smaller by more than {best.relative_gap:.0e} of it")

# %% [markdown]
# The last line is the certificate. The objective is convex in $\mathbf{R}$, and for any Lagrange
# multipliers the dual of the problem gives a number below which *no* beams come: not those of
# another start, not those of another method. It is checked for the whole array, whatever the
# search did, and the solution is measured anew from its beams. So a gap of zero proves that the
# local search has found the global optimum. An SINR that is out of reach is an error, which says
# what is within reach.
#
# The other two know no bound: `illuminate_centre` puts most power on the centre, and
# `illuminate_region` lights the darkest direction of the vehicle as well as possible. Power over
# directions, with the scatterers (circles) and the users (triangles):

# %%
azimuth = np.deg2rad(np.linspace(-60, 60, 61 if QUICK else 161))
elevation = np.deg2rad(np.linspace(-40, 30, 36 if QUICK else 91))
directions = isac.array.planar_wave(shape, *np.meshgrid(azimuth, elevation)).numpy()

figure, axes = plt.subplots(1, 3, figsize=(13, 3.4), sharey=True)
for axis, (name, found) in zip(axes, designs.items(), strict=True):
    lit = np.sum(np.abs(directions @ found.beams) ** 2, axis=-1)
    image = axis.pcolormesh(
        *np.rad2deg([azimuth]), *np.rad2deg([elevation]), 10 * np.log10(lit), vmin=-20, vmax=18
    )
    sides = np.rad2deg([target.azimuths, target.elevations])
    axis.scatter(*sides, s=300 * target.weights, facecolors="none", edgecolors="w")
    axis.plot(*np.rad2deg([user_azimuths, user_elevations]), "r^")
    axis.set(xlabel="azimuth [deg]", title=name, xlim=(60, -60))
axes[0].set_ylabel("elevation [deg]")
figure.colorbar(image, ax=axes, label="power times gain [dBW]")
plt.show()

# %% [markdown]
# Most power on the centre leaves the ends of the vehicle dark (a coverage of 60), and the same
# light on all of its region spends power beside the scatterers that count. The best beams are in
# between. In roots of traces the differences look small: the traces themselves are 13 and 23
# percent larger.
#
# ### What users cost
#
# Two views of the same trade-off. Left: the bound for a given SINR. Right: `weighted_isac`
# minimises, without SINR targets,
#
# $$
# (1-\omega)\,\rho\,\operatorname{tr}\mathbf{J}_e^{-1} - \omega\sum_k\log_2(1+\mathrm{SINR}_k) ,
# $$
#
# where $\rho$ makes the bound 1 for equal power in all directions.

# %%
targets_db = [18] if QUICK else [12, 14, 15, 16, 17, 18, 19, 20, 20.5]
swept = {name: [] for name in (*designs, "certificate")}
for value in targets_db:
    wanted = 10 ** (value / 10)
    found = design.minimize_crb(*scene, wanted, coverage, **system)
    swept["smallest bound"].append(found.crb.sum())
    swept["certificate"].append(found.lower_bound)
    swept["centre"].append(design.illuminate_centre(*scene, wanted, **system).crb.sum())
    swept["region"].append(design.illuminate_region(*scene, wanted, **system).crb.sum())
omegas = [0.03] if QUICK else [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 0.5, 0.7, 0.9, 0.97]
traded = [design.weighted_isac(*scene, coverage, weight=omega, **system) for omega in omegas]

# %%
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.4))
for (name, values), style in zip(swept.items(), ("o-", "s-", "^-", "kx"), strict=True):
    left.plot(targets_db, 1e3 * np.sqrt(values), style, label=name)
left.set(xlabel="SINR of each user [dB]", ylabel="root of the trace [1e-3]")
left.legend()
rates = [found.sum_rate for found in traded]
traces = [1e3 * np.sqrt(found.crb.sum()) for found in traded]
right.plot(rates, traces, "o-", label="weighted_isac")
right.plot(best.sum_rate, 1e3 * np.sqrt(best.crb.sum()), "C3*", ms=12, label="15 dB each")
right.set(xlabel="sum rate [bit/s/Hz]", ylabel="root of the trace [1e-3]")
right.legend()
plt.show()
print("weight  ", *(f"{omega:6g}" for omega in omegas))
print("rate    ", *(f"{rate:6.2f}" for rate in rates), "bit/s/Hz")
print("bound   ", *(f"{trace:6.3f}" for trace in traces), "1e-3")

# %% [markdown]
# The certificate lies on the curve of the smallest bound, for all SINR targets. Up to 16 dB users
# cost some 15 percent of accuracy, because their symbols light the vehicle as well; close to the
# largest common SINR nearly all power serves the users, and the order of the designs stays. On the
# right the same: the last bit/s/Hz of rate more than triples the deviation. For the weighted
# metric, which is not convex, `relative_gap` proves less: no beams that serve each user as well
# have a smaller bound.
#
# ## 4. A network of beams
#
# A vehicle moves, and each new pose needs new beams. `ISACBeamNetwork` gives them without a
# search: scatterers, centre and users are nodes of graphs, and after two updates the states of
# the nodes choose the few numbers on which optimal beams depend. It keeps the SINR by construction.
# The loss is the bound itself, with a penalty for the coverage, `crb_min_loss`, so that no optimal
# beams are needed for the training:
#
# $$
# \mathcal{L} = \ln \operatorname{tr}\mathbf{J}_e^{-1}
# + \lambda\,\Bigl[\ln\frac{\max_l e_l}{0.95\,\eta\min_l e_l}\Bigr]_+
# + \text{(the same for SINR)} .
# $$
#
# To train in a minute we take 4 x 4 antennas and two users in line of sight, with 20 dB per
# antenna and 10 dB wanted. A scene is a vehicle or a drone at a random pose, and users in random
# directions. Visible scatterers are computed once, for some thousand poses:

# %%
small, num_users, wanted = (4, 4), 2, 10.0
lowest = np.array([8.0, -np.pi / 3, -np.pi / 9, -np.pi])  # range, azimuth, elevation, orientation
highest = np.array([40.0, np.pi / 3, np.pi / 9, np.pi])


def some_poses(number):
    """Scatterers, weights and poses of vehicles and drones."""
    sets = []
    for body in (vehicle, drone):
        pose = rng.uniform(lowest, highest, (number, 4))
        seen = body.scatterers(**dict(zip(names, pose.T, strict=True)))
        sets.append((*seen, pose))
    return [tf.constant(np.concatenate(parts), tf.float32) for parts in zip(*sets, strict=True)]


# %%
generator = tf.random.Generator.from_seed(1)


def random_scenes(poses, number):
    """Scatterers, weights, poses and channels of users."""
    index = generator.uniform([number], 0, len(poses[0]), tf.int32)
    reach = np.pi / 3, np.pi / 9
    where = [generator.uniform([number, num_users], -r, r) for r in reach]
    channels = 10 * isac.array.planar_wave(small, *where)  # in units of the noise
    return *(tf.gather(part, index) for part in poses), channels


def inputs(points, weights, pose, channels):
    """A scene as the network takes it."""
    seen = isac.scene.scatterer_geometry(points, pose)
    nodes = tf.stack([seen.range, seen.azimuth, seen.elevation, weights], axis=-1)
    return nodes, pose, channels


# %% [markdown]
# The bound is worked out in double precision, within the graph. Gain and noise of the echo are
# factors of the trace, so that the optimal beams do not depend on them: both are 1.

# %%
echo_values = 1.0, 1.0, numerology.rms_bandwidth, 1024


def quality(scene, beams):
    """Trace of the bound, SINR, and power at the scatterers."""
    *body, channels = scene
    body = [tf.cast(value, tf.float64) for value in body]
    terms = isac.bound.information_terms(*body, small, small, *echo_values)
    beams = tf.cast(beams, tf.complex128)
    crb = isac.objective.crb_trace(terms.of_beams(beams))
    sinr = isac.beamforming.user_sinr(tf.cast(channels, tf.complex128), beams)
    lit = tf.abs(terms.steering[:, :, 0] @ beams) ** 2
    return crb, sinr, tf.reduce_sum(lit, axis=-1)


def alike_crb(points, weights, pose, channels):
    """Trace of the bound for equal power in all directions, as a scale for figures."""
    body = [tf.cast(value, tf.float64) for value in (points, weights, pose)]
    terms = isac.bound.information_terms(*body, small, small, *echo_values)
    return isac.objective.crb_trace(terms.of_covariance(tf.eye(16, dtype=tf.complex128) / 16))


# %% [markdown]
# The rest is a plain loop: `GradientTape` in a `tf.function`. The curve of the loss has that of
# equal power taken off, or the luck of near and far scenes would hide how it falls.

# %%
train_poses, test_poses = some_poses(50 if QUICK else 2000), some_poses(50 if QUICK else 500)
steps, batch_size = (1, 8) if QUICK else (1200, 100)
network = isac.beamforming.ISACBeamNetwork(small, min_sinr=wanted)
optimizer = keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(2e-3, steps))
tf.config.run_functions_eagerly(QUICK)  # to compile takes longer than a step


@tf.function(autograph=False)
def step():
    scene = random_scenes(train_poses, batch_size)
    with tf.GradientTape() as tape:
        crb, sinr, lit = quality(scene, network(*inputs(*scene)))
        there = scene[1] > 0  # cells that the array does not see have weight 0
        loss = isac.objective.crb_min_loss(
            crb, sinr, lit, min_sinr=wanted, coverage=coverage, scatterers=there
        )
    weights = network.trainable_weights
    optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
    return loss - tf.reduce_mean(tf.math.log(alike_crb(*scene)))


# %%
test = random_scenes(test_poses, 5 if QUICK else 200)
untrained = quality(test, network(*inputs(*test)))
losses = np.array([step() for _ in range(steps)])
trained = quality(test, network(*inputs(*test)))

# %% [markdown]
# How good is this? For each of the unseen test scenes, `minimize_crb` finds the optimum, with a
# proof.


# %%
def optimum(points, weights, pose, channels):
    """Smallest trace of a scene and its proven bound."""
    there = weights > 0
    pose = dict(zip(names, pose.astype(float), strict=True))
    target = isac.bound.ExtendedTarget(points[there], weights[there], **pose)
    values = dict(zip(list(system)[1:], echo_values, strict=True))
    scene = target, small, small, channels.astype(complex), 1.0, wanted, coverage
    try:
        found = design.minimize_crb(*scene, user_noise=1.0, **values)
    except design.InfeasibleError:  # users too close to each other
        return np.nan, np.nan
    return found.objective, found.lower_bound


rows = [optimum(*(part[i].numpy() for part in test)) for i in range(len(test[0]))]
optima, proven = np.transpose(rows)
feasible = np.isfinite(optima)
print(f"{np.sum(feasible)} of {len(optima)} scenes can be served;", end=" ")
print(f"largest gap of an optimum {np.max((optima / proven - 1)[feasible]):.0e}")

# %%
figure, (left, middle, right) = plt.subplots(1, 3, figsize=(13, 3.4))
window = min(100, steps)
smooth = np.convolve(losses, np.ones(window) / window, "valid")
left.plot(smooth)
left.set(xlabel="step", ylabel="loss against equal power")
for name, (crb, sinr, _) in {"untrained": untrained, "trained": trained}.items():
    ratio = np.sort((crb / optima)[feasible])
    share = (np.arange(ratio.size) + 1) / ratio.size
    middle.plot(ratio, share, label=name)
    sinr_db = np.sort(10 * np.log10(sinr.numpy()[feasible].ravel()))
    right.plot(sinr_db, (np.arange(sinr_db.size) + 1) / sinr_db.size, label=name)
    print(f"{name:9s} bound over optimum: mean {np.exp(np.mean(np.log(ratio))):.3f}", end=", ")
    print(f"95 % below {np.quantile(ratio, 0.95):.3f}; smallest SINR {sinr_db[0]:.3f} dB")
middle.axvline(1, color="k", lw=0.8, ls=":")
middle.set(xlabel="bound over the certified optimum", ylabel="share of scenes", xlim=(0.98, 1.6))
right.axvline(10 * np.log10(wanted), color="k", lw=0.8, ls=":", label="wanted")
right.set(xlabel="SINR of a user [dB]", ylabel="share of users")
middle.legend()
right.legend()
plt.show()

# %% [markdown]
# The untrained network keeps the SINR already, by its construction. After a minute of training its
# bound is 3 percent above the certified optimum in the mean over unseen scenes, and all users
# still have their 10 dB, most of them more: beams for the target serve them as well. Without the
# optimum one would only see a loss that falls; the certificate tells how much is left to gain.

# %%
print(isac.citation(network))

# %% [markdown]
# ## Studies
#
# The same by the command line, with multipath, other numbers of users, the published network, and
# stored, resumable results:
#
# ```sh
# sionna-isac run extended_target_network --profile quick  # section 4
# sionna-isac run extended_target_fig4                     # bounds over the distance, section 2
# sionna-isac run extended_target_fig5                     # beams, section 3
# ```
#
# ## Exercises
#
# 1. **Another body.** Put an ellipsoid or a drone in the place of `vehicle`. Of which parameter
#    does the bound change most, and why does a drone with four equal arms still have an
#    orientation?
# 2. **Turn the vehicle.** Sweep the orientation in section 2. At which angle is the orientation
#    best known? Where is the bound of the azimuth closest to that of a point?
# 3. **Bandwidth.** At which bandwidth do the coherent bounds of section 2 agree with the mean
#    over phases? Compare the resolution c/2B with the length of the vehicle.
# 4. **A user in the way.** Move a user to the azimuth of the vehicle. Does it cost accuracy, or
#    does its beam light the vehicle for free?
# 5. **Wrong phases.** Let the phases that the receiver assumes in `mean` be wrong by 10 degrees
#    (draw `clean` with the right ones). Which errors stay close to the bound?
# 6. **More users than trained.** Test the network with three users. Does it keep the SINR? Train
#    it with `head="direct"`, the published form: how many steps does it need?
