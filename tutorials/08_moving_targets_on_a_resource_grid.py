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
# # 8. Moving targets on a resource grid
#
# A base station sends coded data to its users. Vehicles reflect it, and so do walls and trees,
# which do not move. What does the station learn about the vehicles from the data that it sends
# anyway? In this notebook:
#
# 1. a Sionna `ResourceGrid` with coded data, pilots, guard carriers and DC null
# 2. its echo from moving targets and clutter
# 3. filters that remove the symbols, and what they do to clutter
# 4. clutter filters, and what they do to slow targets
# 5. the range–Doppler picture, and detection at a constant rate of false alarms
# 6. estimates against the bound
# 7. which elements serve as reference
# 8. a gradient through the whole chain
#
# The page *Moving targets* of the documentation has the formulas in one place. All cells together
# take about half a minute of CPU time.

# %%
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from sionna.phy.fec.ldpc import LDPC5GEncoder
from sionna.phy.mapping import BinarySource, Mapper
from sionna.phy.ofdm import ResourceGrid, ResourceGridMapper

import sionna_isac as isac

plt.rcParams.update({"figure.dpi": 72, "figure.constrained_layout.use": True})

# %% [markdown]
# The short configuration is for automatic tests; its grid resolves little.

# %%
QUICK = os.environ.get("SIONNA_ISAC_TUTORIAL_QUICK") == "1"
isac.set_seed(1)

num_subcarriers = 64 if QUICK else 256
num_slots = 4 if QUICK else 16  # of 14 OFDM symbols
num_scatterers = 20 if QUICK else 100
num_draws = 3 if QUICK else 30
num_antennas, no = 8, 1.0  # noise power of a resource element
rng = np.random.default_rng(1)

# %% [markdown]
# ## 1. Coded data on a grid
#
# ```text
#      y                         ^
#      |                        /  v > 0: recedes
#    K o                       o  target
#    : o                 .  '
#    : o           .  '   R            K antennas, half a wavelength apart
#      |     .  '   ) theta            beam f: lights a sector
#    : o - - - - - - - - - - - -> x    echo y: K antennas, M OFDM symbols, S subcarriers
#    : o    ::  ::: walls and
#    1 o  ::: :: :: trees, v = 0
# ```
#
# Two symbols of each slot carry pilots, the others data: one code word of Sionna's LDPC code per
# OFDM symbol, as 16-QAM.

# %%
guards = (num_subcarriers // 21, num_subcarriers // 22)
pilot_symbols = [14 * slot + m for slot in range(num_slots) for m in (2, 11)]
grid = ResourceGrid(
    num_ofdm_symbols=14 * num_slots,
    fft_size=num_subcarriers,
    subcarrier_spacing=120e3,
    cyclic_prefix_length=num_subcarriers // 14,
    num_guard_carriers=guards,
    dc_null=True,
    pilot_pattern="kronecker",
    pilot_ofdm_symbol_indices=pilot_symbols,
)

num_words = grid.num_ofdm_symbols - len(pilot_symbols)
num_bits = 4 * grid.num_effective_subcarriers
encoder = LDPC5GEncoder(num_bits // 2, num_bits)
bits = BinarySource()([1, 1, 1, num_words, num_bits // 2])
data = Mapper("qam", 4)(tf.reshape(encoder(bits), [1, 1, 1, num_words * num_bits]))
x = ResourceGridMapper(grid)(data)[:, 0, 0]  # [batch, symbols, subcarriers]
print("code words", num_words, "of", num_bits, "bits; symbols", x.shape)

# %% [markdown]
# One `Numerology` follows from the grid. It knows what can be resolved, and what looks alike:
#
# $$
# \Delta R = \frac{c}{2B}, \qquad R_\mathrm{max} = \frac{c}{2\Delta_f}, \qquad
# \Delta v = \frac{\lambda}{2 M T}, \qquad |v|_\mathrm{max} = \frac{\lambda}{4T} ,
# $$
#
# with the duration $T$ of a symbol and its prefix. `reference_elements` reads from the grid which
# elements carry something that the station knows. It knows all it sends, also the data.

# %%
numerology = isac.waveform.Numerology.from_resource_grid(grid, carrier_frequency=28e9)
print(f"range    resolution {numerology.range_resolution:5.2f} m,", end=" ")
print(f"unambiguous {numerology.max_range:6.0f} m, prefix {numerology.prefix_range:.0f} m")
print(f"velocity resolution {numerology.velocity_resolution:5.2f} m/s,", end=" ")
print(f"unambiguous within +-{numerology.max_velocity:.0f} m/s")

elements = isac.waveform.reference_elements(grid)
kinds = {name: isac.waveform.reference_elements(grid, name) for name in ("data", "pilots")}
picture = kinds["data"] + 2 * kinds["pilots"]
figure, axis = plt.subplots(figsize=(9, 2.8))
colours = plt.get_cmap("viridis", 3)
image = axis.imshow(
    picture[:28].T, origin="lower", aspect="auto", interpolation="nearest", cmap=colours
)
axis.set(xlabel="OFDM symbol", ylabel="subcarrier", title="the first two slots")
bar = figure.colorbar(image, ax=axis, ticks=[0.33, 1, 1.67])
bar.ax.set_yticklabels(["nothing", "data", "pilots"])
plt.show()

# %% [markdown]
# ## 2. The echo
#
# Antenna $k$ receives on symbol $m$ and subcarrier $s$
#
# $$
# y_{k,m,s} = \sum_t \psi_t\, a_k(\theta_t)\, \mathbf{a}^\top(\theta_t)\mathbf{f}\; x_{m,s}\,
# e^{-j4\pi s\Delta_f R_t/c}\, e^{-j4\pi v_t m T/\lambda} + w_{k,m,s} .
# $$
#
# A velocity is positive if the target recedes. Four vehicles are in a sector of 40°, 100 scatterers
# at rest, too. The echo is linear: that of the targets and that of the clutter are added, with
# noise in one of them. The clutter-to-noise ratio is that of an element before any processing.

# %%
array = isac.array.UniformLinearArray(num_antennas, numerology.wavelength)
beam_angles = np.linspace(-np.pi / 2, np.pi / 2, 361)
sector = tf.constant(np.deg2rad([[0.0, 40.0]]), tf.float32)
beam = isac.waveform.LeastSquaresPrecoder(array, beam_angles)(sector)

snr_db = np.array([-28.0, -33.0, -36.0, -36.0])  # of an element, before the gain of the beam
targets = isac.scene.PointTargets(
    angle=np.deg2rad([[8.0, 20.0, 31.0, 15.0]]),
    range=np.array([[25.0, 42.0, 60.0, 74.0]]),
    gain=np.sqrt(10 ** (snr_db / 10) * no) * np.exp(2j * np.pi * rng.uniform(size=(1, 4))),
    num_targets=np.array([4]),
    velocity=np.array([[-22.0, 12.0, -9.0, 5.0]]),
)
clutter_scene = isac.scene.ClutterScene(num_scatterers, (10.0, 76.0), cnr_db=10.0)
clutter = clutter_scene(sector, no)

echo = isac.channel.MonostaticEcho(array, numerology)
y_targets, y_clutter = echo(x, targets, beam), echo(x, clutter, beam)
y = echo(x, targets, beam, no) + y_clutter
print("observation [batch, antennas, symbols, subcarriers]:", y.shape)

# %% [markdown]
# A view from above. The area of a marker grows with its power in dB; an arrow is the way in half
# a second.

# %%
figure, axis = plt.subplots(figsize=(8, 4))
for name, scene, colour in (("clutter", clutter, "0.6"), ("vehicles", targets, "C3")):
    place = np.asarray(scene.position)[0]
    power_db = 20 * np.log10(np.abs(np.asarray(scene.gain)[0]))
    axis.scatter(*place.T, s=2 * np.maximum(power_db + 45, 1), color=colour, label=name)
way = 0.5 * (targets.velocity / targets.range)[0, :, np.newaxis] * place
axis.quiver(*place.T, *way.T, angles="xy", scale_units="xy", scale=1, color="C3", width=4e-3)
pattern = np.abs(tf.linalg.matvec(array.steering(beam_angles), beam[0])) ** 2
axis.plot(
    8 * pattern * np.cos(beam_angles), 8 * pattern * np.sin(beam_angles), label="beam pattern"
)
axis.plot(np.zeros(2), [-2, 2], "k", lw=4, label="array (not to scale)")
axis.set(xlabel="x [m]", ylabel="y [m]", aspect="equal", xlim=(-3, 85))
axis.legend(loc="upper left")
plt.show()

# %% [markdown]
# ## 3. Filters: which symbols disturb?
#
# The first step removes the symbols from the echo. Three filters do so,
#
# $$
# \text{reciprocal: } z = \frac{y}{x}, \qquad
# \text{matched: } z = \frac{y\,x^*}{P}, \qquad
# \text{Wiener: } z \propto \frac{y\,x^*}{|x|^2 + N_0/\sigma^2} ,
# $$
#
# and elements that carry nothing are 0, never divided by. For QPSK all three are equal. With
# 16-QAM the first raises the noise by 17/9, because it divides by small symbols. The second leaves
# the magnitudes of the data on the echo: each echo, also of clutter, gets side lobes like noise.
#
# The map is an FFT over subcarriers and symbols, with windows $u, w$, on beams
# $\mathbf{b} = \mathbf{a}(\theta)/\lVert\mathbf{a}\rVert$:
#
# $$
# P(\theta, v, R) = \frac{\bigl|\sum_{m,s} w_m u_s\, \mathbf{b}^H\mathbf{z}_{m,s}\,
# e^{j4\pi v m T/\lambda}\, e^{j4\pi s\Delta_f R/c}\bigr|^2}{\sum_{m,s} w_m^2 u_s^2} .
# $$

# %%
used = {"numerology": numerology, "elements": elements}
reciprocal = isac.receiver.ReciprocalFilter(**used)
wiener = isac.receiver.WienerFilter(**used, variance=20.0)  # power of clutter on an antenna
filtered = {
    "reciprocal": reciprocal(y, x),
    "matched": isac.receiver.SymbolMatchedFilter(**used)(y, x),
    "Wiener": wiener(y, x, no),
}
look = np.deg2rad(np.linspace(0, 40, 9))
rd = isac.receiver.RangeDopplerMap(
    **used, window=("hann", "hann"), array=array, angles=look, max_range=90.0
)
maps = {name: rd(z)[0].numpy() for name, z in filtered.items()}
print("cube [angles, velocities, ranges]:", maps["matched"].shape)
for name, cube in maps.items():
    print(f"{name:10s} median of all cells {10 * np.log10(np.median(cube)):5.1f} dB of the noise")

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), sharey=True)
levels = {"reference": no, "floor": 0.0, "ceiling": 50.0}
for axis, (name, cube) in zip(axes, maps.items(), strict=True):
    isac.plots.range_doppler(
        cube.max(0), rd.velocities, rd.ranges, **levels, colorbar=axis is axes[-1], ax=axis
    )
    axis.set(title=name, xlim=(-40, 40))
plt.show()

# %% [markdown]
# Clutter is a bright wall at velocity 0. The matched filter spreads it over all velocities, and
# the weak targets drown. No later step mends this: clutter with the magnitudes of data on it does
# not stand still. The reciprocal filter costs 2.8 dB of noise (the median of noise is 1.6 dB below
# its mean) and spreads nothing; the Wiener filter is told how strong the clutter is, and is close
# to it. From here on `z` comes from the reciprocal filter. Without clutter the order is the
# opposite.
#
# **Exercise.** Leave the clutter out of `y`, give the Wiener filter `variance=1e-3`, and compare
# the medians again.
#
# ## 4. Clutter filters
#
# `ClutterFilter` removes what does not move. "mean" subtracts the mean over the symbols, a
# canceller takes differences of successive symbols, and "eca" projects off all velocities up to a
# limit. What they take from slow targets is their *notch*: `response` tells which share of its
# energy a target keeps.

# %%
static = {
    "mean": isac.receiver.ClutterFilter("mean", **used),
    "canceller": isac.receiver.ClutterFilter("canceller", **used),
    "eca, 2 m/s": isac.receiver.ClutterFilter("eca", **used, max_velocity=2.0),
}
speeds = np.linspace(-25, 25, 1001)
figure, axis = plt.subplots(figsize=(8, 3))
for name, remove in static.items():
    share = np.maximum(remove.response(speeds), 1e-6)
    axis.plot(speeds, 10 * np.log10(share), label=name)
for velocity in targets.velocity[0]:
    axis.axvline(velocity, color="C3", ls=":", lw=1)
axis.set(xlabel="velocity [m/s]", ylabel="energy kept [dB]", ylim=(-50, 5), xlim=(-25, 25))
axis.legend()
plt.show()

# %% [markdown]
# The dotted lines are our targets. A canceller of two pulses takes more than 10 dB of each of
# them, for the symbols follow each other quickly: it belongs to radars whose pulses are far apart.
# "mean" takes what is within one cell of velocity 0. We use it, and the targets become visible. It
# also takes the mean of each moving target and so leaves a ghost of it at velocity 0: the map gets
# the `projection` of the filter, for the rejection of side lobes below.

# %%
remove = static["mean"]
rd = isac.receiver.RangeDopplerMap(
    **used, array=array, angles=look, max_range=90.0, projection=remove.projection
)
z = remove(filtered["reciprocal"])
cube = rd(z)
isac.plots.range_doppler(
    cube[0].numpy().max(0), rd.velocities, rd.ranges, truth=targets, **(levels | {"ceiling": 30})
)
plt.gca().set_xlim(-40, 40)
plt.show()

# %% [markdown]
# ## 5. Detection at a constant rate of false alarms
#
# A cell is a target if it exceeds $\alpha$ times a statistic of the cells around it. For
# independent exponential noise and the mean of $N$ reference cells,
#
# $$
# \alpha_\mathrm{CA} = N\bigl(P_\mathrm{FA}^{-1/N} - 1\bigr) ,
# $$
#
# and the ordered statistic, the $k$-th smallest of $N$ cells, ignores neighbouring targets:
#
# $$
# P_\mathrm{FA} = \prod_{i=0}^{k-1} \frac{N - i}{N - i + \alpha_\mathrm{OS}} .
# $$

# %%
for kind in ("ca", "go", "so", "os"):
    alphas = [isac.receiver.cfar_threshold(kind, p, 32) for p in (1e-3, 1e-5)]
    print(f"{kind}: threshold over the statistic {alphas[0]:6.2f} (1e-3) {alphas[1]:6.2f} (1e-5)")

# %% [markdown]
# Windows, zero padding and beams correlate cells, so that these formulas are off. `calibrated`
# returns a detector whose multiplier comes from simulation: it sends white noise through the chain
# that makes the maps.

# %%
p_fa = 1e-3 if QUICK else 2e-5
plain = isac.receiver.CFAR(
    "os", num_reference=(6, 4), num_guard=(3, 3), p_fa=p_fa, max_detections=12
)
cells = np.prod(cube.shape[1:])
draws = int(110 / p_fa / cells) + 1
detect = plain.calibrated(lambda noise: rd(remove(noise)), z.shape[1:], draws)
print(f"{plain.num_cells} reference cells; multiplier {plain.alpha:.1f}", end=", ")
print(f"calibrated {detect.alpha:.1f}")

every = detect(cube)
found = rd.reject_sidelobes(every)
estimate = rd.estimate(cube, found)
print("detections", int(np.sum(every.mask)), "without side lobes", int(np.sum(found.mask)))

# %% [markdown]
# `detect` returns a static number of places, the strongest detection first, and a mask.
# `rd.reject_sidelobes` drops what may be a side lobe of a stronger detection: eight antennas have
# side lobes of -13 dB, and the map is windowed in velocity and range only.
# `rd.estimate` finds the top of a parabola through three cells along each axis; its `metric` is the
# power over the threshold.

# %%
axis = isac.plots.range_doppler(
    cube[0].numpy().max(0),
    rd.velocities,
    rd.ranges,
    truth=targets,
    detections=estimate,
    **(levels | {"ceiling": 30}),
)
axis.set_xlim(-40, 40)
plt.show()


def table(estimate, number):
    """Print the first estimates of a sample."""
    for n in range(number):
        angle = np.rad2deg(estimate.angle[0, n])
        distance, velocity = float(estimate.range[0, n]), float(estimate.velocity[0, n])
        print(f"{angle:7.2f} deg {distance:7.2f} m {velocity:7.2f} m/s", end="   ")
        print(f"metric {float(estimate.metric[0, n]):.1f}")


table(estimate, int(np.sum(found.mask)))
print(f"false alarms expected: {p_fa * cells:.1f} of {cells} cells")

# %% [markdown]
# The four vehicles are there, the slow one, too. Others have a `metric` just above 1: false alarms
# of noise. $P_\mathrm{FA}$ counts cells, and neighbouring cells become one detection: where they
# are correlated, detections of noise are fewer, with Hann windows and padding 2 about a third. A
# vehicle below the side lobes of another one would have been dropped as well; the pursuit of the
# next section removes each target with its side lobes instead.
#
# **Exercise.** Detect without the clutter filter. What becomes of the targets near the wall, and
# which kind of CFAR sees most of them?
#
# ## 6. Estimates against the bound
#
# No unbiased estimate of one target on a full grid of unit symbols has a smaller variance than
#
# $$
# \operatorname{var}(v) = \Bigl(\frac{\lambda}{4\pi T}\Bigr)^2 \frac{6N_0}{E(M^2-1)}, \quad
# \operatorname{var}(R) = \Bigl(\frac{c}{4\pi\Delta_f}\Bigr)^2 \frac{6N_0}{E(S^2-1)}, \quad
# E = |\psi\,\mathbf{a}^\top\mathbf{f}|^2 K S M .
# $$
#
# `point_target_bound` computes it for the symbols, the elements, all targets together and the
# clutter filter that we have. It does not know clutter: the filter removes that, and the bound
# contains what it costs.

# %%
limit = isac.bound.point_target_bound(
    array, numerology, targets, beam, x, no, elements=elements, projection=remove.projection
)
units = {"angle": np.rad2deg(1), "range": 1.0, "velocity": 1.0}
for name, unit in units.items():
    print(f"{name:9s}", np.round(getattr(limit, name)[0] * unit, 4))

# %% [markdown]
# A pursuit takes the strongest atom of angle, range and velocity, fits the gains of all atoms so
# far and continues with the residual. `DifferentiableOMP` averages the neighbourhood of each peak
# by a softmax, so that its estimates lie between the cells of its grid. Its `metric` is the
# magnitude of the peak, in the order in which targets are found. Its cube of
# 121 x 281 x 151 cells is never formed.

# %%
search = isac.receiver.SearchGrid(
    np.deg2rad(np.linspace(-10, 50, 121)),
    np.linspace(10.0, 85.0, 40 if QUICK else 151),
    velocities=np.linspace(-35.0, 35.0, 41 if QUICK else 281),
)
wide = tf.constant(np.deg2rad([[-5.0, 45.0]]), tf.float32)
noise_left = reciprocal.noise_power(x, no)  # 17/9 on 16-QAM, 1 on pilots
print(f"noise power after the filter: {float(noise_left[0]):.2f}")
pursuit = isac.receiver.DifferentiableOMP(
    array, numerology, search, max_targets=4, elements=elements
)
table(pursuit(z, wide, noise_left), 4)

# %% [markdown]
# `LikelihoodRefinement` starts from the detections of the map: it fits the echoes of all of them
# together, and moves each to the maximum of its likelihood. Side lobes lose their gain to the
# targets that they belong to.

# %%
refine = isac.receiver.LikelihoodRefinement(
    array, numerology, elements=elements, projection=remove.projection
)
refined = refine(z, rd.estimate(cube, found))
table(refined, 4)
print("magnitudes of the gains", np.round(np.abs(refined.gain[0][found.mask[0]]), 4))

# %% [markdown]
# Draws of the noise give errors over the bound. The order of estimates is arbitrary:
# `matched_errors` assigns estimates to targets, here with distances in cells of the three
# resolutions.

# %%
cell = {
    "angle": 2 / num_antennas,
    "range": numerology.range_resolution,
    "velocity": numerology.velocity_resolution,
}
clean = y_targets + y_clutter
results = {"map": [], "map, refined": [], "differentiable OMP": []}
for _ in range(num_draws):
    noise = rng.normal(size=(2, *y.shape)) * np.sqrt(no / 2)
    z_draw = remove(reciprocal(clean + (noise[0] + 1j * noise[1]), x))
    power = rd(z_draw)
    peaks = rd.estimate(power, detect(power))
    estimates = peaks, refine(z_draw, peaks), pursuit(z_draw, wide, noise_left)
    for draws, estimate in zip(results.values(), estimates, strict=True):
        draws.append(
            isac.metrics.matched_errors(estimate, targets, detected=estimate.metric > 0, scale=cell)
        )

# %%
figure, axes = plt.subplots(1, 3, figsize=(12, 3), sharex=True)
for name, draws in results.items():
    target = np.concatenate([errors.target for errors in draws])
    rmse = np.zeros((3, 4))
    for row, (quantity, unit) in enumerate(units.items()):
        error = np.concatenate([getattr(errors, quantity) for errors in draws])
        rmse[row] = [np.sqrt(np.mean(error[target == n] ** 2)) for n in range(4)]
        axes[row].semilogy(np.arange(4), rmse[row] * unit, "o", label=name)
    bounds = [getattr(limit, quantity)[0] for quantity in units]
    print(f"{name}: error over bound\n", np.round(rmse / bounds, 2))
for axis, (quantity, unit) in zip(axes, units.items(), strict=True):
    axis.semilogy(np.arange(4), getattr(limit, quantity)[0] * unit, "k_", ms=20, label="bound")
    symbol = {"angle": "deg", "range": "m", "velocity": "m/s"}[quantity]
    axis.set(title=quantity, ylabel=f"RMSE [{symbol}]", xlabel="target", xticks=np.arange(4))
axes[0].legend()
plt.show()

# %% [markdown]
# The bound is that of the echo. The reciprocal filter raises the noise by 17/9, deviations by
# 1.37: this is what lies between the pursuit and the bound. The map is two to three times above
# the bound: its windows throw signal away, and neighbouring beams and cells bias the top of the
# parabola. But it needs no more than FFTs, and no number of targets. Refined, it is as accurate as
# the pursuit.
#
# **Exercise.** Give the map `window=(None, None)`. Which errors fall, and which targets suffer?
#
# ## 7. Which elements serve as reference?
#
# A receiver that is not the transmitter knows the pilots only, or the data after it decoded them.
# `elements` is the whole difference:

# %%
references = {"all": elements, **kinds}
figure, axes = plt.subplots(1, 3, figsize=(12, 3.6), sharey=True)
for axis, (name, mask) in zip(axes, references.items(), strict=True):
    part = {"numerology": numerology, "elements": mask}
    without = isac.receiver.ClutterFilter("mean", **part)
    view = isac.receiver.RangeDopplerMap(**part, array=array, angles=look, max_range=90.0)
    power = view(without(isac.receiver.ReciprocalFilter(**part)(y, x)))[0].numpy()
    isac.plots.range_doppler(
        power.max(0),
        view.velocities,
        view.ranges,
        truth=targets,
        **(levels | {"ceiling": 30}),
        colorbar=name == "pilots",
        ax=axis,
    )
    axis.set(title=f"{name}: {np.mean(mask):.0%} of the elements", xlim=(-100, 100))
    known = isac.bound.point_target_bound(
        array, numerology, targets, beam, x, no, elements=mask, projection=without.projection
    )
    print(f"{name:7s} range {known.rms.range:.3f} m, velocity {known.rms.velocity:.3f} m/s")
plt.show()

# %% [markdown]
# The bound of the pilots is that of their number: one seventh of the energy, $\sqrt{7}$ times the
# deviation. The bound is local and does not see what the picture shows: two pilots per slot, nine
# and five symbols apart, repeat each target at velocities 43 m/s apart, some of them nearly as
# strong. The data alone leave small gaps, whose ghosts are too weak to be seen.
#
# **Exercise.** Use each fourth subcarrier, `reference_elements(grid, step=4)`. What happens to the
# ranges of the map, and why do we see no ghosts here?
#
# ## 8. One gradient through the whole chain
#
# All steps are differentiable layers: beam, echo, filters and pursuit. Let the elements be
# displaced, by an amount that the station does not know, and ask how the errors of position change
# with the spacings that it believes:
#
# $$
# \frac{\partial}{\partial d_k} \;\text{GOSPA}\bigl(\hat{\mathbf{p}}(\mathbf{d}),
# \mathbf{p}\bigr) .
# $$

# %%
truth = isac.array.impair(
    num_antennas, numerology.wavelength, [isac.array.SpacingError(std=1 / 25)]
)
belief = isac.array.UniformLinearArray(num_antennas, numerology.wavelength, trainable="spacings")
precoder = isac.waveform.LeastSquaresPrecoder(belief, beam_angles)
true_echo = isac.channel.MonostaticEcho(truth, numerology)
learner = isac.receiver.DifferentiableOMP(
    belief, numerology, search, max_targets=4, elements=elements
)


# %%
def loss_of_belief():
    """GOSPA of the chain, with the same noise in each call."""
    isac.set_seed(5)
    f = precoder(sector)
    received = true_echo(x, targets, f, no) + true_echo(x, clutter, f)
    estimate = learner(remove(reciprocal(received, x)), wide, noise_left)
    truth_position = tf.cast(targets.position, tf.float32)
    return isac.objective.gospa_loss(estimate.position, truth_position, 4, cutoff=30.0)


with tf.GradientTape() as tape:
    loss = loss_of_belief()
(variable,) = belief.trainable_variables
gradient = tape.gradient(loss, variable)
print(f"GOSPA {float(loss):.3f} m; gradient of", variable.path, gradient.shape)

# %%
start, steps = tf.identity(variable), np.linspace(0, 0.03, 4 if QUICK else 13)
downhill = -gradient / tf.norm(gradient)
values = []
for step in steps:
    variable.assign(start + step * downhill)
    values.append(float(loss_of_belief()))
variable.assign(start)

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3))
left.bar(np.arange(len(gradient)), gradient)
left.set(xlabel="element", ylabel="gradient of GOSPA", title="one gradient")
right.plot(steps, values, "o-", label="loss")
right.plot(steps, float(loss) - steps * float(tf.norm(gradient)), "k:", label="its slope")
right.set(xlabel="step against the gradient", ylabel="GOSPA [m]", ylim=(0, None))
right.legend()
plt.show()

# %% [markdown]
# The loss falls along the gradient, at first with the slope that the gradient predicts. Its steps
# are peaks that move to another cell of the grid: no gradient passes through an index. A training
# repeats this over many scenes; the first and fourth tutorial do so for targets at rest, and the
# study `moving_learning` for moving ones, without labels.

# %%
print(isac.citation(learner))
