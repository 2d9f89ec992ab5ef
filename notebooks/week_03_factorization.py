# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Week 3: The linear algebra behind matrix factorization
#
# 943 people, 1,682 films, 100,000 ratings. By Sunday you will have built, from multiplication and addition, a program
# that fills in the other million and a half: 0.91 stars off on average, where guessing each film's mean is 1.02 off.
# On the way you write your own singular value decomposition, break it in an instructive way, derive a gradient by hand,
# and fit the same model twice: once in small steps, once in eight large ones.
#
# Three sessions of about two and a half hours. The whole notebook runs in about a minute on one core, before you have
# written a line: each exercise has a reference that stands in until your own function is right.

# %% tags=["hide-input", "remove-output"]
# On Colab this installs what is missing (never torch or numpy); anywhere else it does nothing.
import subprocess
import sys

if "google.colab" in sys.modules:
    subprocess.run([sys.executable, "-m", "pip", "install", "-q", "--no-deps", "git+@REPOSITORY@"], check=True)
    from ultralearn.practice import colab

    colab.prepare()

# %% [markdown]
# ## From memory
#
# Nothing open but a sheet of paper. This is what the week builds on; two minutes each.
#
# 1. `A` has shape (943, 16) and `B` has shape (16, 1682). What shape is `A @ B`, and what is the entry in row 3,
#    column 7, in words?
# 2. What is the derivative of $\tfrac{1}{2}(uv - r)^2$ with respect to $u$, when $u$, $v$ and $r$ are plain numbers?
# 3. `x = np.zeros(3)` and then `x[[0, 0, 1]] += 1`. What is in `x` now? (One in three programmers gets this wrong, and
#    it will cost you an hour in session 2 if you do.)
#
# <details><summary>Check yourself</summary>
#
# 1. (943, 1682): row 3 of `A` times column 7 of `B`, sixteen products added up.
# 2. $(uv - r)\,v$. The outer derivative is the error, the inner one is $v$.
# 3. `[1, 1, 0]`. NumPy reads `x[0]` twice, adds to both, and writes both back to the same place.
#
# </details>

# %% tags=["parameters"]
rank: int = 16  # factors for each person and each film
sweeps: int = 8  # of alternating least squares, both sides each
epochs: int = 30  # of stochastic gradient descent
learning_rate: float = 0.02
batch_size: int = 1000  # ratings in a step of gradient descent
reg_candidates: list = [8.0, 12.0, 16.0, 20.0]  # the validation split picks one
n_folds: int = 5
picture_step: int = 2  # 2 takes every second pixel of the portrait

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib import cbook

from ultralearn.exercises.week_03 import exercise, hint
from ultralearn.practice import claim
from ultralearn.recsys import factorization
from ultralearn.recsys.data import folds, load_movielens

plt.style.use("ultralearn.practice.book")
torch.set_num_threads(1)  # sixteen by sixteen matrices: a second thread would spend its time waiting
rng = np.random.default_rng(0)

# %% [markdown]
# ## Session 1: What a rank is
#
# ### Multiply, and multiply again
#
# Take a dozen arrows that point everywhere, and a small symmetric matrix. Multiply each arrow by the matrix, bring it
# back to length 1, multiply again. Write down your guess: where do they point after six rounds?

# %%
matrix = np.array([[2.0, 1.0], [1.0, 3.0]])
angles = np.linspace(0, 2 * np.pi, 12, endpoint=False)
arrows = np.stack([np.cos(angles), np.sin(angles)])

fig, axes = plt.subplots(1, 3, sharey=True)
for step in range(7):
    if step in (0, 2, 6):
        ax = axes[(0, 2, 6).index(step)]
        ax.quiver(*np.zeros((2, 12)), *arrows, color="C0", scale=1, scale_units="xy", angles="xy", width=0.02)
        ax.set(xlim=(-1.15, 1.15), ylim=(-1.15, 1.15), aspect="equal", xticks=[], yticks=[], xlabel=f"{step} rounds")
    arrows = matrix @ arrows
    arrows = arrows / np.linalg.norm(arrows, axis=0)
fig.suptitle("Wherever they start, they end on one line", color="#767d86", weight="bold")
plt.show()

# %% [markdown]
# One line, and nobody told the arrows about it. On that line the matrix does nothing but stretch: $Av = \lambda v$.
# The direction $v$ is an **eigenvector** of $A$, the stretch $\lambda$ its **eigenvalue**.
#
# Why does everything end there? A symmetric matrix has $n$ such directions, at right angles to each other. Write any
# arrow as a sum of them and multiply $t$ times:
#
# $$A^t x = c_1 \lambda_1^t v_1 + c_2 \lambda_2^t v_2 + \dots
# = \lambda_1^t \Big( c_1 v_1 + c_2 \big(\tfrac{\lambda_2}{\lambda_1}\big)^t v_2 + \dots \Big)$$
#
# The fraction is smaller than 1, and it is raised to the power $t$. Whoever stretches most wins. That is
# **power iteration**, and it is yours to write. The stretch itself, once $v$ has length 1, is $v'Av$: how far $Av$
# reaches in the direction of $v$.

# %%
@exercise
def power_iteration(matrix: np.ndarray, steps: int, start: np.ndarray) -> tuple[float, np.ndarray]:
    """Largest eigenvalue, by absolute value, of a symmetric matrix, and
    its eigenvector, by repeated multiplication.

    matrix: (n, n), symmetric. start: (n,), not zero. steps: at least 1;
    each multiplies by the matrix once and normalizes to length 1. Returns
    (value, vector): the vector after `steps` steps, (n,), of length 1,
    either sign; and v'Av, which is the eigenvalue once v has settled. Von
    Mises and Pollaczek-Geiringer (1929).
    """
    ...


# %% [markdown]
# Stuck? `hint("power_iteration")` asks you a question first. Call it again and it says more.

# %%
value, vector = power_iteration(matrix, 30, np.array([1.0, 0.0]))
print(f"eigenvalue {value:.3g}, direction {np.abs(vector).round(3)}")
print(f"length of Av - value * v: {np.linalg.norm(matrix @ vector - value * vector):.0e}")

# %% [markdown]
# Thirty multiplications, and $Av$ is $3.62\,v$ as far as the numbers on this machine can tell.
#
# ### Where it fails
#
# The formula says how fast: each round the error shrinks by $|\lambda_2 / \lambda_1|$. So make the two largest
# eigenvalues nearly alike. Then make them 3 and −3.

# %%
turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
fig, ax = plt.subplots()
for second, label, place in [(1.5, "second is 1.5", 9), (2.7, "2.7", 52), (2.97, "2.97", 48), (-3.0, "−3", 38)]:
    stretched = (turn * np.array([3.0, second, 1.0])) @ turn.T
    found = [power_iteration(stretched, steps, np.ones(3))[1] for steps in range(1, 61)]
    gap = [np.sqrt(max(1 - (v @ turn[:, 0]) ** 2, 1e-32)) for v in found]
    (line,) = ax.semilogy(range(1, 61), gap)
    ax.annotate(label, (place, gap[place - 1]), (4, 6), textcoords="offset points", color=line.get_color())
ax.set(xlabel="multiplications", ylabel="sine of the angle to $v_1$", ylim=(1e-10, 3))
ax.set_title("The closer the second eigenvalue to 3,\nthe longer it takes")
plt.show()

# %% [markdown]
# At 2.97 it gains one digit in 230 rounds. At −3 it never arrives: two directions stretch equally, one of them flips at
# each round, and the arrow hops between two places forever. Nothing warns you; the function returns a vector of length
# 1 that is no eigenvector at all. Keep the number in mind: **the ratio of neighbors** decides.
#
# ### A portrait that is not symmetric
#
# This is Rear Admiral Grace Hopper, who wrote the first compiler. To NumPy she is a table of numbers between 0 (black)
# and 1 (white).

# %%
photo = plt.imread(cbook.get_sample_data("grace_hopper.jpg"))
portrait = photo.mean(axis=2)[::picture_step, ::picture_step] / 255
print(f"{portrait.shape[0]} rows, {portrait.shape[1]} columns: {portrait.size:,} numbers")

# %% [markdown]
# Now a trade. You may keep some columns of 300 numbers, each with a row of 256 numbers beside it. Column times row is a
# full table, a picture, a dull one: every row of it is the same row, brighter or darker. Such a table has **rank 1**.
# Add up $r$ of them and you have a table of rank $r$.
#
# Write down your guess: how many such pairs until you recognize her?
#
# To find the best pairs, the tool you own is power iteration, and it wants a symmetric matrix. $A$ is not even square.
# But $A'A$ is symmetric, whatever $A$ is, and its eigenvectors are what we need. Call the first one $v$ (length 1), and
# call its eigenvalue $s^2$:
#
# | step | why |
# |---|---|
# | $A'A\,v = s^2 v$ | $v$ is an eigenvector; the eigenvalue $v'A'Av$ is the squared length of $Av$, so it is not negative |
# | $u = Av / s$ | $Av$ has length $s$, so $u$ has length 1 |
# | $A \leftarrow A - s\,u\,v'$ | take this pair away (**deflation**) |
# | again | the next-largest pair is the largest of what is left |
#
# What comes out is $A \approx \sum_i s_i\,u_i v_i'$, or $U\,\mathrm{diag}(s)\,V'$ with the $u$'s and $v$'s as columns:
# the **singular value decomposition**, cut off after $r$ pairs.

# %%
@exercise
def truncated_svd(matrix: np.ndarray, rank: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The `rank` largest singular values of a matrix and their vectors:
    the closest matrix of that rank is U s Vt.

    matrix: (m, n), any shape. rank: from 1 to the rank of the matrix.
    Returns (U, s, Vt): U (m, rank) with orthonormal columns, s (rank,)
    descending, Vt (rank, n) with orthonormal rows; the sign of a pair of
    vectors is free. Eckart and Young (1936).
    """
    ...


# %% [markdown]
# You may call your own `power_iteration` in there. How many steps does it need? The last figure knows: until $v$ stops
# moving, and neighbors decide when that is.

# %%
left, values, right = truncated_svd(portrait, 20)


def keep(pairs: int) -> np.ndarray:
    return (left[:, :pairs] * values[:pairs]) @ right[:pairs]


fig, axes = plt.subplots(1, 4)
for ax, pairs in zip(axes, [1, 5, 20, None], strict=True):
    ax.imshow(portrait if pairs is None else keep(pairs), cmap="gray", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[], xlabel="all of her" if pairs is None else f"rank {pairs}")
fig.suptitle("Twenty columns and twenty rows are a portrait", color="#767d86", weight="bold")
plt.show()

# %%
numbers = 20 * (portrait.shape[0] + portrait.shape[1] + 1)
error = np.linalg.norm(portrait - keep(20)) / np.linalg.norm(portrait)
print(f"rank 20 keeps {numbers / portrait.size:.0%} of the numbers and {1 - error**2:.1%} of the squared size")

# %% [markdown]
# Most people see a person at 5 and know her at 20. The pairs come in order of size: first the light, then the outlines,
# then the medals. Look at the sizes themselves.

# %%
fig, ax = plt.subplots()
ax.semilogy(range(1, 21), values, "o-")
ax.annotate("the average brightness", (1, values[0]), (14, -4), textcoords="offset points", color="C0")
ax.set(xlabel="pair", ylabel="singular value $s$", xticks=[1, 5, 10, 15, 20])
ax.set_title("A few pairs carry the picture")
plt.show()

# %% [markdown]
# ### Nobody can do better
#
# Is there a cleverer choice of 20 columns and rows? Eckart and Young proved in 1936 that there is not: of all tables of
# rank $r$, this one is closest to $A$, and what it misses is exactly what was left out:
#
# $$\min_{\mathrm{rank}\,B\,\le\,r} \|A - B\|^2 = s_{r+1}^2 + s_{r+2}^2 + \dots$$
#
# A theorem is no reason not to try. Here is a rival that looks fair: keep 20 of her own columns, evenly spaced, and fit
# all others to them as well as least squares can. Write down your guess: how much worse?

# %%
columns = portrait[:, np.linspace(0, portrait.shape[1] - 1, 20).astype(int)]
fitted = columns @ np.linalg.lstsq(columns, portrait, rcond=None)[0]
rival = np.linalg.norm(portrait - fitted) / np.linalg.norm(portrait)
promised = np.sqrt(1 - np.sum(values**2) / np.sum(portrait**2))
print(f"own columns: {rival:.3f} of her size is missing; SVD: {error:.3f}; Eckart and Young promised {promised:.3f}")

# %% [markdown]
# Your error is the promised one to three digits, and the rival loses.
#
# ### A small table of opinions
#
# Six friends, six films. Three like machines that kill, two like people who marry, one likes nothing much.

# %%
films = ["Alien", "Aliens", "Terminator", "Titanic", "Emma", "Amélie"]
friends = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn"]
opinions = np.array(
    [
        [5.0, 5, 4, 1, 1, 2],
        [4, 5, 5, 2, 1, 1],
        [5, 4, 5, 1, 2, 1],
        [1, 1, 2, 5, 5, 4],
        [2, 1, 1, 4, 5, 5],
        [3, 3, 3, 3, 3, 3],
    ]
)
u, s, vt = truncated_svd(opinions, 2)
print("singular values:", s.round(1))
print("largest error of rank 2:", np.abs((u * s) @ vt - opinions).max().round(2), "stars")

# %% [markdown]
# Thirty-six opinions, and two numbers a person and two a film say them all to within a star. Nobody told the matrix that
# there are genres. Look at what the second pair found.

# %%
fig, ax = plt.subplots()
ax.axhline(0, color="#8a9199", linewidth=0.9)
ax.bar(films, vt[1] * np.sign(vt[1, 0]), color=["C0"] * 3 + ["C1"] * 3)
ax.set(ylabel="weight in the second pair", yticks=[-0.4, 0, 0.4])
ax.tick_params(axis="x", labelrotation=25)
ax.set_title("The second pair is a genre that nobody entered")
plt.show()

# %% [markdown]
# That is the whole idea of matrix factorization: a person is a few numbers, a film is a few numbers, an opinion is
# their product. Now for the catch.
#
# ### Missing is not zero
#
# Real friends have not seen everything. Hide half of the table, like the black squares of a chessboard. The SVD wants a
# number in every cell, so give it a zero there, keep rank 2, and look at what it says about the hidden cells. Write down
# your guess for one of them: what will it predict for Ada and Aliens, which she gave a 5?

# %%
hidden = np.indices(opinions.shape).sum(axis=0) % 2 == 1
u, s, vt = truncated_svd(np.where(hidden, 0.0, opinions), 2)
predicted = (u * s) @ vt

fig, axes = plt.subplots(1, 2, sharey=True)
for ax, table, label in [(axes[0], opinions, "what they think"), (axes[1], predicted, "what rank 2 says")]:
    ax.imshow(np.where(hidden, table, np.nan), cmap="viridis", vmin=0, vmax=5)
    for i, j in np.argwhere(hidden):
        ax.text(j, i, f"{table[i, j]:.1f}", ha="center", va="center", fontsize=9, color="w" if table[i, j] < 3 else "k")
    ax.set(xticks=[], yticks=range(6), yticklabels=friends, xlabel=label)
    ax.grid(False)
fig.suptitle("Asked about hidden cells, it answers zero", color="#767d86", weight="bold")
plt.show()

# %%
print(f"off by {np.sqrt(np.mean((predicted - opinions)[hidden] ** 2)):.2f} stars on what was hidden")

# %% [markdown]
# Not a single hidden opinion survived, and why should it? We *told* the machine that Ada gave Aliens a zero, and it
# believed us. A zero does not say "has not seen it". It says "worse than the worst".
#
# ### The same with a hundred thousand ratings
#
# The ratings are GroupLens's MovieLens 100K, collected from 1997 to 1998 (Harper and Konstan, 2015). The first run
# downloads them, checks them against a hash, and prints the terms; they stay on your machine.

# %% tags=["nbval-ignore-output"] reason="the first run on a machine downloads the ratings and says so, later ones do not"
movielens = load_movielens()

# %%
cells = movielens.n_users * movielens.n_items
print(f"{len(movielens):,} ratings by {movielens.n_users} people of {movielens.n_items:,} films")
print(f"{cells:,} cells, {1 - len(movielens) / cells:.1%} of them blank")
print("stars:", dict(zip(range(1, 6), np.bincount(movielens.ratings.astype(int))[1:].tolist(), strict=True)))

# %% [markdown]
# Two rules for the rest of the week, so that the numbers mean something. A model is judged on ratings it has not seen:
# five folds, each rating tested exactly once. And nothing is *chosen* by looking at those: choices are made on a
# validation set cut from the training part. For now we work inside the first fold and leave its test ratings alone.

# %%
train_rows, test_rows = folds(len(movielens), n_folds)[0]
train = movielens.take(train_rows)
fit_rows, validation_rows = folds(len(train), 8, seed=1)[0]
fit, validation = train.take(fit_rows), train.take(validation_rows)
print(f"{len(fit):,} to fit, {len(validation):,} to choose by, {len(test_rows):,} locked away")


# %% [markdown]
# The measure is the **root mean squared error**: square the errors, average, take the root. It is in stars, and large
# errors count more than their share.

# %%
def rmse(predictions: np.ndarray, ratings: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predictions - ratings) ** 2)))


def means_by(groups: np.ndarray, ratings: np.ndarray, n_groups: int) -> np.ndarray:
    counts = np.bincount(groups, minlength=n_groups)
    totals = np.bincount(groups, ratings, n_groups)
    return np.where(counts > 0, totals / np.maximum(counts, 1), ratings.mean())


user_means = means_by(fit.users, fit.ratings, fit.n_users)
print(f"always {fit.ratings.mean():.2f}: {rmse(fit.ratings.mean(), validation.ratings):.2f} stars off")
print(f"each person's own mean: {rmse(user_means[validation.users], validation.ratings):.2f} stars off")

# %% [markdown]
# Now the SVD of the table with zeros in the blanks: 1.5 million of them. Write down your guess before you run it: better
# or worse than 1.04?

# %%
table = np.zeros((fit.n_users, fit.n_items))
table[fit.users, fit.items] = fit.ratings
u, s, vt = truncated_svd(table, rank)


def error_at(pairs: int) -> float:
    predictions = (u[:, :pairs] * s[:pairs]) @ vt[:pairs]
    return rmse(predictions[validation.users, validation.items], validation.ratings)


zero_filled = [error_at(pairs) for pairs in range(1, rank + 1)]
print(f"best of ranks 1 to {rank}: {min(zero_filled):.2f} stars off")

# %% [markdown]
# Worse by a star and a half, at any rank. A constant guess beats it with a hundred factors to spare. The picture says why.

# %%
filled = ((u * s) @ vt)[validation.users, validation.items]
fig, ax = plt.subplots()
ax.hist(filled, bins=np.arange(-1, 6, 0.2), color="C0", alpha=0.75)
ax.hist(validation.ratings, bins=np.arange(0.75, 5.3, 0.5), histtype="step", color="C1", linewidth=2)
ax.annotate("predicted", (0.3, 1000), (2, 0), textcoords="offset points", color="C0", weight="bold")
ax.annotate("true", (4.3, 3500), (0, 0), textcoords="offset points", color="C1", weight="bold")
ax.set(xlabel="stars", ylabel="validation ratings")
ax.set_title("Zeros in the blanks drag every guess down")
plt.show()

# %% [markdown]
# ### A repair in one line
#
# If a blank must be a number, let it be a harmless one. Subtract each person's mean first: then zero means "as this person
# usually rates". Change one line, and see how far that goes.

# %%
table[fit.users, fit.items] = fit.ratings - user_means[fit.users]
u, s, vt = truncated_svd(table, rank)
usual = user_means[validation.users]
centered = [
    rmse(usual + ((u[:, :r] * s[:r]) @ vt[:r])[validation.users, validation.items], validation.ratings)
    for r in range(1, rank + 1)
]
print(f"best of ranks 1 to {rank}: {min(centered):.3f} stars off")

# %% [markdown]
# From 2.6 to below 1. Half of machine learning is choosing what zero means. But 94 cells of 100 still hold an opinion that
# nobody voiced ("average!"), and the decomposition spends most of its effort on fitting those. Tomorrow we stop asking
# about them at all.
#
# ## Session 2: Fitting only what was observed
#
# Forget the table. What we have is a list: who, what, how many stars. Give every person $i$ a row of $k$ numbers $u_i$,
# every film $j$ a row $v_j$, and ask only that $u_i \cdot v_j$ comes near $r_{ij}$ *where there is a rating*:
#
# $$L = \tfrac{1}{2} \sum_{(i,j)\ \text{rated}} (r_{ij} - u_i \cdot v_j)^2
# + \tfrac{1}{2}\,\lambda \Big( \sum_i \|u_i\|^2 + \sum_j \|v_j\|^2 \Big)$$
#
# The first part is the misfit, over 70,000 ratings and not over 1.6 million cells. The second part charges rent for large
# numbers; you will see within the hour what happens to those who do not pay. The halves are there to please the
# derivative.

# %%
@exercise
def rating_loss(
    ratings: np.ndarray,
    users: np.ndarray,
    items: np.ndarray,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
    reg: float,
) -> float:
    """Half the squared error over the ratings given, plus half of reg
    times the squared length of all factors.

    ratings: (n,), centered, in stars. users, items: (n,), whose and of
    what; a pair may occur twice, and then counts twice. user_factors:
    (n_users, k). item_factors: (n_items, k). The prediction is u . v;
    cells without a rating do not count. Each row of factors is penalized
    once, rated or not. A sum, not a mean. Returns one number.
    """
    ...


# %% [markdown]
# ### Start at zero and you stay at zero
#
# Where to begin? Zeros look innocent. For the gradient, take one rating and one person. With the error
# $e = u \cdot v - r$:
#
# | step | why |
# |---|---|
# | $\tfrac{1}{2} e^2$ changes by $e$ for each unit of $e$ | the half cancels the 2 |
# | $e$ changes by $v$ for each unit of $u$ | $u \cdot v$ is linear in $u$ |
# | so this rating pulls on $u$ with $e\,v$, and on $v$ with $e\,u$ | chain rule |
# | all ratings together: add up, and add $\lambda u$, $\lambda v$ for the rent | the sum of derivatives |
#
# $$\frac{\partial L}{\partial u_i} = \sum_{j\ \text{rated by}\ i} e_{ij}\, v_j + \lambda\, u_i$$
#
# Each rating touches one row of users and one row of films. A person with 500 ratings collects 500 terms in the same row:
# the third question from memory is about to matter.

# %%
@exercise
def rating_gradient(
    ratings: np.ndarray,
    users: np.ndarray,
    items: np.ndarray,
    user_factors: np.ndarray,
    item_factors: np.ndarray,
    reg: float,
) -> tuple[np.ndarray, np.ndarray]:
    """The exact gradient of rating_loss: in which direction, and how
    steeply, each factor makes it grow.

    The parameters are those of rating_loss. Returns (grad_users,
    grad_items), of the shapes of user_factors and item_factors; a user or
    an item that occurs more than once collects a term from each of its
    ratings; rows without ratings have the gradient of the penalty alone.
    """
    ...


# %%
zeros = np.zeros((fit.n_users, rank)), np.zeros((fit.n_items, rank))
grad_users, grad_items = rating_gradient(fit.ratings, fit.users, fit.items, *zeros, 1.0)
print("largest entry of the gradient at zero:", max(np.abs(grad_users).max(), np.abs(grad_items).max()))

# %% [markdown]
# Exactly zero, while the predictions are 3.5 stars off. $u$ is pulled along $v$, and $v$ is zero; $v$ is pulled along $u$,
# and $u$ is zero. Each waits for the other. So we start with small random numbers: noise, to break the tie.
#
# ### Trust no gradient that you have not measured
#
# A wrong gradient seldom crashes. It learns, slowly and badly, and you blame the learning rate. So measure: step a tiny
# $h$ along some direction and back, and look at how the loss really changes,
# $\big(L(x + h d) - L(x - h d)\big) / 2h$. Write down your guess: which $h$ is best, $10^{-1}$, $10^{-5}$ or $10^{-12}$?

# %%
some = fit.take(np.arange(2000))
U, V = rng.normal(size=(fit.n_users, rank)), rng.normal(size=(fit.n_items, rank))
dU, dV = rng.normal(size=U.shape), rng.normal(size=V.shape)
gU, gV = rating_gradient(some.ratings, some.users, some.items, U, V, 1.0)
slope = np.sum(gU * dU) + np.sum(gV * dV)


def measured(h: float) -> float:
    ahead = rating_loss(some.ratings, some.users, some.items, U + h * dU, V + h * dV, 1.0)
    behind = rating_loss(some.ratings, some.users, some.items, U - h * dU, V - h * dV, 1.0)
    return (ahead - behind) / (2 * h)


# %%
steps = 10.0 ** np.arange(-13, 1)
off = [abs(measured(h) - slope) / abs(slope) for h in steps]
fig, ax = plt.subplots()
ax.loglog(steps, off, "o-")
ax.annotate("rounding", (steps[1], off[1]), (12, 0), textcoords="offset points")
ax.annotate("curvature", (steps[-3], off[-3]), (-62, 6), textcoords="offset points")
ax.set(xlabel="step $h$", ylabel="relative disagreement")
ax.set_title("A smaller step is not a better one")
plt.show()

# %%
print("agrees to at least 7 digits at the best step:", min(off) < 1e-7)

# %% [markdown]
# Two errors meet in a valley. Large steps see the curve bend; tiny ones subtract two nearly equal losses and keep only the
# rounding. Somewhere around $10^{-4}$ the two agree to many digits, and your derivation holds.
#
# ### What is good in general
#
# Before any factors: some films are better, some people kinder. Start with the films. Here are the five best by mean
# rating. Write down what you expect to see.

# %%
film_means = means_by(fit.items, fit.ratings, fit.n_items)
film_counts = np.bincount(fit.items, minlength=fit.n_items)
for item in np.lexsort((np.arange(fit.n_items), -film_means))[:5]:
    print(f"{film_means[item]:.2f} stars, {film_counts[item]:3} ratings: {movielens.titles[item]}")


# %% [markdown]
# Five perfect films that you have never heard of, seen by one person each, or two. A mean over one rating is a rumor. So
# treat it like one: add $\lambda$ imaginary ratings that say "nothing special" and average over all of them. With the
# ratings counted from the overall mean, "nothing special" is 0:
#
# $$b_j = \frac{\sum_i (r_{ij} - \mu)}{n_j + \lambda}$$
#
# One rating of 5 is now worth little, five hundred of 4.5 are worth nearly all they say.

# %%
@exercise
def shrunken_offsets(residuals: np.ndarray, groups: np.ndarray, n_groups: int, reg: float) -> np.ndarray:
    """The mean of each group, pulled toward zero as if `reg` further
    members of the group had had the value 0.

    residuals: (n,), what is left to explain, in stars. groups: (n,),
    integers from 0 to n_groups - 1: who or what each belongs to. reg:
    positive, in members. Returns (n_groups,): sum of the group / (its
    size + reg); 0 for an empty one.
    """
    ...


# %%
mean = fit.ratings.mean()
film_offsets = shrunken_offsets(fit.ratings - mean, fit.items, fit.n_items, 5.0)
for item in np.argsort(-film_offsets)[:5]:
    print(f"{mean + film_offsets[item]:.2f} stars, {film_counts[item]:3} ratings: {movielens.titles[item]}")

# %% [markdown]
# Now that is a list to defend in a pub. People get an offset too: one who gives everything a 5 says less with a 5. Who is
# kind depends on what they saw, and what is good depends on who saw it, so the two take turns.

# %%
def fit_biases(data, sweeps=3, user_reg=5.0, item_reg=3.0):
    mean, user_bias = data.ratings.mean(), np.zeros(data.n_users)
    for _ in range(sweeps):
        rest = data.ratings - mean - user_bias[data.users]
        item_bias = shrunken_offsets(rest, data.items, data.n_items, item_reg)
        rest = data.ratings - mean - item_bias[data.items]
        user_bias = shrunken_offsets(rest, data.users, data.n_users, user_reg)
    return mean, user_bias, item_bias


def baseline(biases, data) -> np.ndarray:
    mean, user_bias, item_bias = biases
    return mean + user_bias[data.users] + item_bias[data.items]


# %%
biases = fit_biases(fit)
item_error = rmse(film_means[validation.items], validation.ratings)
bias_error = rmse(baseline(biases, validation), validation.ratings)
print(f"film means: {item_error:.2f} stars off; both offsets: {bias_error:.3f}")

# %% [markdown]
# Two numbers, one a person and one a film, and no taste at all: 0.94 instead of 1.02. Most of what a recommender knows is
# this. (It is also the yardstick that many papers forget: on ml-100k, Surprise's README lists 0.944 for it.) From here on
# we factor what the offsets leave over, the **residuals**: not "a good film" but "better for *you* than you would expect".
#
# ### Stochastic gradient descent
#
# The full gradient looks at 70,000 ratings to take one step. A thousand of them point nearly the same way, at a seventieth
# of the price. So: shuffle, take a thousand, step, next thousand. Once through all of them is an **epoch**.
#
# One detail decides whether it is right. The rent is part of the loss *once*, and an epoch takes 70 steps: each step pays
# its share of it, $\lambda$ times the fraction of the ratings it looks at.

# %%
def sgd(data, residuals, reg, epochs, learning_rate, watch=None, seed=0):
    rng = np.random.default_rng(seed)
    user_factors = 0.1 * rng.normal(size=(data.n_users, rank))
    item_factors = 0.1 * rng.normal(size=(data.n_items, rank))
    for _ in range(epochs):
        for rows in np.array_split(rng.permutation(len(data)), -(-len(data) // batch_size)):
            batch = residuals[rows], data.users[rows], data.items[rows]
            grad_users, grad_items = rating_gradient(*batch, user_factors, item_factors, reg * len(rows) / len(data))
            user_factors = user_factors - learning_rate * grad_users
            item_factors = item_factors - learning_rate * grad_items
        if watch is not None:
            watch(user_factors, item_factors)
    return user_factors, item_factors


# %%
residuals = fit.ratings - baseline(biases, fit)
validation_baseline = baseline(biases, validation)


def score(user_factors, item_factors, data, start) -> float:
    tastes = np.sum(user_factors[data.users] * item_factors[data.items], axis=1)
    return rmse(start + tastes, data.ratings)


def curve(reg, epochs=epochs, learning_rate=learning_rate) -> np.ndarray:
    seen = []

    def watch(users, items):
        seen.append((score(users, items, fit, fit.ratings - residuals), score(users, items, validation, validation_baseline)))

    sgd(fit, residuals, reg, epochs, learning_rate, watch)
    return np.array(seen)


# %% [markdown]
# Its most famous failure first: the step size. Three of them, a factor of ten apart. Write down your guess: which one wins
# after ten epochs, and what does the worst one look like?

# %%
fig, ax = plt.subplots()
with np.errstate(over="ignore", invalid="ignore"):
    for size in (0.002, 0.02, 0.2):
        path = curve(12.0, 10, size)[:, 0]
        (line,) = ax.plot(range(1, 11), np.where(path < 1.2, path, np.nan))
        last = np.flatnonzero(path < 1.2)[-1] if (path < 1.2).any() else 0
        ax.annotate(f"{size:g}", (last + 1, min(path[last], 1.15)), (4, -3), textcoords="offset points", color=line.get_color())
ax.set(xlabel="epochs", ylabel="training RMSE (stars)")
ax.set_title("Ten times the step is not ten times as fast")
plt.show()

# %% [markdown]
# A step that is too small crawls. One that is too large jumps over the valley, lands higher on the other side, is pulled
# harder, and jumps farther: after a few epochs it is out of the figure, and then out of what a float can hold.
#
# ### What the rent is for
#
# Now set the rent $\lambda$ to 1, to 12, and look at both sides of the split: dashed is what it has seen, solid is what it
# has not. Write down your guess: which one fits the training ratings better, and which one would you ship?

# %%
cheap, dear = curve(1.0), curve(12.0)
fig, ax = plt.subplots()
for path, color, label in [(cheap, "C1", "λ = 1"), (dear, "C0", "λ = 12")]:
    ax.plot(range(1, epochs + 1), path[:, 1], color=color, linestyle="-")
    ax.plot(range(1, epochs + 1), path[:, 0], color=color, linestyle="--")
    ax.annotate(label, (epochs, path[-1, 1]), (4, -3), textcoords="offset points", color=color, annotation_clip=False)
ax.axhline(bias_error, color="#8a9199", linewidth=1)
ax.annotate("offsets alone", (1, bias_error), (0, 4), textcoords="offset points")
ax.set(xlabel="epochs (solid: unseen ratings, dashed: seen)", ylabel="RMSE (stars)")
ax.set_title("Without rent it learns the training set by heart")
plt.show()

# %%
print(f"rent  1: seen {cheap[-1, 0]:.2f}, unseen {cheap[-1, 1]:.2f}")
print(f"rent 12: seen {dear[-1, 0]:.2f}, unseen {dear[-1, 1]:.2f}")

# %% [markdown]
# The cheap one looks like the better model on every rating that it has seen, and is worse than no factors at all on those
# it has not. Sixteen free numbers for a film with three ratings: it does not learn the film, it remembers the three.
# (Stopping early, where the solid line turns, would help as well. It is the same medicine: it keeps the numbers small.)
#
# ## Session 3: Alternating least squares
#
# The product $u \cdot v$ is what makes the problem hard: both sides move at once. So hold one side still. With the films
# fixed, the loss falls apart into 943 separate problems, one a person, and each is a thing you can solve in one line.
#
# For one person, put the factors of the $n$ films they rated into the rows of $X$ and their residuals into $y$:
#
# | step | why |
# |---|---|
# | $\tfrac{1}{2}\|Xw - y\|^2 + \tfrac{1}{2}\lambda\|w\|^2$ | this person's part of the loss; $w$ is their row |
# | $X'(Xw - y) + \lambda w = 0$ | at the bottom the derivative is zero |
# | $X'X\,w + \lambda w = X'y$ | what has a $w$ to the left |
# | $(X'X + \lambda I)\,w = X'y$ | $\lambda w$ is $\lambda I w$: a matrix equation |
#
# These are the **normal equations** of ridge regression: 16 equations, 16 unknowns, no step size, no epochs.

# %%
@exercise
def solve_ridge(features: np.ndarray, targets: np.ndarray, reg: float) -> np.ndarray:
    """The weights w that minimize the squared error of features @ w plus
    reg times the squared length of w.

    features: (n, k). targets: (n,). reg: not negative, positive where n <
    k; not scaled by n. Returns w, (k,), the solution of the normal
    equations (X'X + reg I) w = X'y. Hoerl and Kennard (1970).
    """
    ...


# %% [markdown]
# Look back at the shrunken offsets: they are `solve_ridge` with a single feature that is always 1. $X'X$ is the count,
# $X'y$ the sum.

# %%
ones, mine = np.ones((3, 1)), np.array([1.0, 0.5, -0.2])
print("ridge:", solve_ridge(ones, mine, 5.0).round(4), "shrunken:", shrunken_offsets(mine, np.zeros(3, int), 1, 5.0).round(4))

# %% [markdown]
# ### All people at once
#
# Half a sweep is 943 such solutions. A loop does it, and most of its time goes into being a loop. What has to be computed
# for person $i$ is
#
# $$\Big(\sum_{j\ \text{rated by}\ i} v_j v_j' + \lambda I\Big)\, u_i = \sum_{j\ \text{rated by}\ i} r_{ij}\, v_j$$
#
# Both sums run over the films of $i$. A sum over "the films of $i$" is a matrix product with a table of who rated what:
# zeros and ones, people in the rows, films in the columns. Flatten each $v_j v_j'$ into a row of 256 numbers, and one
# product gives all 943 matrices; `np.linalg.solve` takes the whole stack.

# %%
@exercise
def als_half_step(
    ratings: np.ndarray, rows: np.ndarray, cols: np.ndarray, n_rows: int, col_factors: np.ndarray, reg: float
) -> np.ndarray:
    """The best factors of one side, all rows at once, while the other
    side's stay as they are.

    ratings: (n,), centered. rows, cols: (n,), integers; a pair may occur
    twice, and then counts twice. col_factors: (n_cols, k). reg: positive,
    the same for every row. Returns row_factors, (n_rows, k): in row i the
    ridge solution for the ratings of row i on the factors of what it
    rated; zero for a row without ratings. Users are rows in one
    half-step, items in the next. Zhou et al. (2008), without their
    scaling of reg.
    """
    ...


# %%
def als(data, residuals, reg, sweeps, watch=None, seed=0):
    item_factors = 0.1 * np.random.default_rng(seed).normal(size=(data.n_items, rank))
    for _ in range(sweeps):
        user_factors = als_half_step(residuals, data.users, data.items, data.n_users, item_factors, reg)
        if watch is not None:
            watch(user_factors, item_factors)
        item_factors = als_half_step(residuals, data.items, data.users, data.n_items, user_factors, reg)
        if watch is not None:
            watch(user_factors, item_factors)
    return user_factors, item_factors


# %% [markdown]
# Both methods go down the same hill, so race them: the loss of the same ratings, at the same rent, against the number of
# times each has looked at every rating. Write down your guess: how many looks does each need?

# %%
def losses_of(method, looks, **settings) -> list[float]:
    losses = []
    method(
        fit, residuals, 12.0, looks, **settings,
        watch=lambda U, V: losses.append(rating_loss(residuals, fit.users, fit.items, U, V, 12.0)),
    )  # fmt: skip
    return losses


sgd_losses = losses_of(sgd, epochs, learning_rate=learning_rate)
als_losses = losses_of(als, epochs // 2)
fig, ax = plt.subplots()
ax.plot(range(1, len(als_losses) + 1), als_losses, "o-", markersize=3)
ax.plot(range(1, len(sgd_losses) + 1), sgd_losses)
ax.annotate("alternating least squares", (5, als_losses[4]), (0, -14), textcoords="offset points", color="C0")
ax.annotate("gradient descent", (9, sgd_losses[8]), (8, 4), textcoords="offset points", color="C1")
ax.set(xlabel="looks at every rating", ylabel="loss")
ax.set_title("Same hill, far fewer steps")
plt.show()

# %%
gap = sgd_losses[-1] / als_losses[-1] - 1
print(f"after {epochs} looks each, gradient descent is {gap:.1%} above")

# %% [markdown]
# Each half-step lands exactly at the bottom of its half, so the loss can only fall: no learning rate, nothing to tune but
# the rent. And where it comes to rest, neither side can improve, so your gradient from session 2 has to vanish there. Two
# exercises that know nothing of each other agree, or one of them is wrong:

# %%
def steepness(sweeps: int) -> float:
    gradients = rating_gradient(residuals, fit.users, fit.items, *als(fit, residuals, 12.0, sweeps), 12.0)
    return max(np.abs(gradient).max() for gradient in gradients)


print("largest entry of the gradient after 1, 8, 64 sweeps:", *(f"{steepness(n):.1g}" for n in (1, 8, 64)))

# %% [markdown]
# ### Its failure: too little rent
#
# Exact solutions are exactly as foolish as the loss they solve. Write down your guess for λ = 2: better or worse than
# offsets alone?

# %%
regs = [2, 4, 6, 8, 10, 12, 16, 20, 30, 50]
by_reg = [score(*als(fit, residuals, reg, sweeps), validation, validation_baseline) for reg in regs]
fig, ax = plt.subplots()
ax.semilogx(regs, by_reg, "o-")
ax.axhline(bias_error, color="#8a9199", linewidth=1)
ax.annotate("offsets alone", (50, bias_error), (-70, 5), textcoords="offset points", annotation_clip=False)
ax.annotate("remembers", (2, by_reg[0]), (8, -2), textcoords="offset points", color="C0")
ax.annotate("forgets", (50, by_reg[-1]), (-44, -16), textcoords="offset points", color="C0")
ax.set(xlabel="rent λ", ylabel="validation RMSE (stars)", xticks=[2, 5, 10, 20, 50], xticklabels=[2, 5, 10, 20, 50])
ax.minorticks_off()
ax.set_title("Too little rent is worse than no factors at all")
plt.show()

# %%
print(f"rent 2: {by_reg[0]:.2f}; best: {min(by_reg):.3f} at {regs[int(np.argmin(by_reg))]}; offsets alone: {bias_error:.3f}")

# %% [markdown]
# Gradient descent with the same low rent was bad; the exact solver is worse, because it gets there. With the right rent,
# sixteen numbers a person take 0.03 stars off the error of the offsets. That does not sound like much. On this data set it
# is most of what anyone has ever gained.
#
# ### The same in PyTorch, in batches
#
# The table of zeros and ones is 94 % zeros, and for a million people it would not fit anywhere. The other way to have no
# loop: give each person a list of the films they rated, and pad the lists to one length. Then `features` is one block
# (people, length, factors), and PyTorch solves all of it in one call. Padding points to an extra film whose factors are
# zero: it adds nothing to any sum.

# %%
as_tensor = torch.from_numpy
counts = np.bincount(fit.users, minlength=fit.n_users)
place = np.arange(len(fit)) - np.repeat(np.cumsum(counts) - counts, counts)
order = np.argsort(fit.users, kind="stable")

cols = torch.full((fit.n_users, counts.max()), fit.n_items)
cols[fit.users[order], place] = as_tensor(fit.items[order])
targets = torch.zeros(cols.shape, dtype=torch.float64)
targets[fit.users[order], place] = as_tensor(residuals[order])


def padded_half_step(cols, targets, col_factors, reg):
    padded = torch.cat([col_factors, torch.zeros(1, rank, dtype=torch.float64)])
    features = padded[cols]
    gram = features.mT @ features + reg * torch.eye(rank, dtype=torch.float64)
    return torch.linalg.solve(gram, features.mT @ targets[:, :, None]).squeeze(2)


# %%
V = 0.1 * rng.normal(size=(fit.n_items, rank))
batched = padded_half_step(cols, targets, as_tensor(V), 12.0).numpy()
looped = als_half_step(residuals, fit.users, fit.items, fit.n_users, V, 12.0)
print("largest difference from yours below 1e-9:", np.abs(batched - looped).max() < 1e-9)
print(f"padding: {1 - len(fit) / cols.numel():.0%} of the block")

# %% [markdown]
# Right, and wasteful: the longest list has 640 films, half of the people have fewer than 60, and the block is mostly
# padding. So sort people by the length of their lists and cut them into buckets, each at most twice as long at its end as
# at its start. `ultralearn.recsys.factorization` does that, in forty lines that you can now read.

# %%
buckets = factorization.bucketed(
    as_tensor(residuals), as_tensor(fit.users), as_tensor(fit.items), fit.n_users, fit.n_items
)
print("people x films of the buckets:", *(f"{len(b.rows)}x{b.cols.shape[1]}" for b in buckets))
print(f"padding: {1 - len(fit) / sum(b.cols.numel() for b in buckets):.0%}")


# %% tags=["nbval-ignore-output"] reason="seconds differ from machine to machine"
def one_by_one():
    result = np.zeros((fit.n_users, rank))
    for user in range(fit.n_users):
        rated = fit.users == user
        result[user] = solve_ridge(V[fit.items[rated]], residuals[rated], 12.0)
    return result


def milliseconds(action) -> float:
    times = []
    for _ in range(5):
        began = time.process_time()
        action()
        times.append(time.process_time() - began)
    return 1000 * min(times)


speeds = {
    "a loop over people": milliseconds(one_by_one),
    "NumPy, 0/1 table": milliseconds(lambda: als_half_step(residuals, fit.users, fit.items, fit.n_users, V, 12.0)),
    "PyTorch, padded": milliseconds(lambda: padded_half_step(cols, targets, as_tensor(V), 12.0)),
    "PyTorch, buckets": milliseconds(lambda: factorization.als_half_step(buckets, fit.n_users, as_tensor(V), 12.0)),
}
fig, ax = plt.subplots()
bars = ax.barh(list(speeds)[::-1], list(speeds.values())[::-1], color="C0")
ax.bar_label(bars, fmt="%.0f ms", padding=4)
ax.set(xlabel="one half-step, milliseconds of one core", xlim=(0, 1.25 * max(speeds.values())))
ax.set_title("Sorting beats brute force")
plt.show()

# %% [markdown]
# No GPU here, on purpose. One half-step is a few dozen small matrix products, over in ten milliseconds; a GPU would spend
# about as long on being told what to do. At a rank of several hundred, or a hundred million ratings, that turns around, and
# the code above runs there as it stands: put the tensors on the device and it follows them.
#
# ### Few ratings, many factors
#
# One more piece of algebra, because it is beautiful and because it pays.

# %%
film_counts = np.bincount(fit.items, minlength=fit.n_items)
print(f"{np.sum(film_counts < rank):,} of {fit.n_items:,} films have fewer than {rank} ratings; {np.sum(film_counts == 0)} have none")

# %% [markdown]
# For a film with two ratings we solve 16 equations. Two ratings cannot possibly tell us sixteen things. Where is the 2 × 2
# system that says as much?
#
# Let $C$ be the diagonal matrix of rents, one for each factor ($\lambda I$ so far). Start from a product that can be read
# in two ways:
#
# | step | why |
# |---|---|
# | $X'(I + X C^{-1} X') = X' + X'X C^{-1} X'$ | multiply out; the brackets hold an $n \times n$ matrix |
# | $(C + X'X)\,C^{-1} X' = X' + X'X C^{-1} X'$ | multiply out; the brackets hold a $k \times k$ matrix |
# | $(C + X'X)\,C^{-1} X' = X'(I + X C^{-1} X')$ | both are the same |
# | $C^{-1} X' (I + X C^{-1} X')^{-1} = (C + X'X)^{-1} X'$ | the inverse of each bracket to the other side |
#
# $X'$ has been *pushed through* the inverse, and on its way the inverse has shrunk from $k \times k$ to $n \times n$.
# Multiply by $y$ from the right, and the right-hand side is your ridge regression.

# %%
@exercise
def push_through_solve(features: np.ndarray, targets: np.ndarray, prior_precision: np.ndarray) -> np.ndarray:
    """Ridge regression with its own penalty for each weight, by way of an
    n x n system where n is less than k.

    features: (n, k), n ratings on k factors. targets: (n,).
    prior_precision: (k,), positive, the diagonal of C. Returns w, (k,),
    which equals the direct solution of (C + X'X) w = X'y, by the identity
    (C + X'X)^-1 X' = C^-1 X' (I + X C^-1 X')^-1. Its time grows with n² k
    + n³, not with k³.
    """
    ...


# %%
X, y = rng.normal(size=(2, rank)), rng.normal(size=2)
difference = push_through_solve(X, y, np.full(rank, 12.0)) - solve_ridge(X, y, 12.0)
print("the two agree:", np.abs(difference).max() < 1e-12)

# %%
sizes = [16, 64, 256, 1024, 2048]
X, y = rng.normal(size=(5, max(sizes))), rng.normal(size=5)
direct = [milliseconds(lambda k=k: solve_ridge(X[:, :k], y, 12.0)) for k in sizes[:-1]]
pushed = [milliseconds(lambda k=k: push_through_solve(X[:, :k], y, np.full(k, 12.0))) for k in sizes]
fig, ax = plt.subplots()
ax.loglog(sizes[:-1], direct, "o-")
ax.loglog(sizes, pushed, "s--")
ax.annotate("k equations", (256, direct[2]), (-80, 8), textcoords="offset points", color="C0")
ax.annotate("5 equations", (256, pushed[2]), (0, 8), textcoords="offset points", color="C1")
ax.set(xlabel="factors k", ylabel="milliseconds", xticks=sizes, xticklabels=sizes)
ax.minorticks_off()
ax.set_title("Five ratings need five equations")
plt.show()

# %% [markdown]
# The direct way costs about $k^3$, this one about $n^2 k$. The buckets of the package take this door whenever a list is
# shorter than the rank.
#
# ### You, in six ratings
#
# A new visitor is a row of ratings and nothing else: nobody retrains a model for them. Hold the films still, solve one
# small system. Change the stars below, or the films, and run the two cells again.

# %%
my_stars = {
    "Star Wars": 5,
    "The Empire Strikes Back": 5,
    "Alien": 5,
    "Blade Runner": 4,
    "Sleepless in Seattle": 1,
    "The English Patient": 2,
}
everything = fit_biases(movielens)
taste = als(movielens, movielens.ratings - baseline(everything, movielens), 16.0, sweeps)[1]

# %% [markdown]
# Your kindness is unknown too. Give it a column of its own, always 1, with a rent of its own: 5, as for the offsets. That is
# what the vector of precisions is for.

# %%
rated = np.array([movielens.titles.index(title) for title in my_stars])
features = np.column_stack([np.ones(movielens.n_items), taste])
rents = np.array([5.0] + [16.0] * rank)
known = everything[0] + everything[2]
me = push_through_solve(features[rated], np.array(list(my_stars.values())) - known[rated], rents)
print(f"you are {me[0]:+.2f} stars kinder than average")

# %%
predicted = known + features @ me
popular = np.bincount(movielens.items) >= 50
candidates = np.setdiff1d(np.flatnonzero(popular), rated)
mine = candidates[np.argsort(-(predicted - known)[candidates])]
print("more for you than for others:", *(movielens.titles[item] for item in mine[:6]), sep="\n  ")
print("less:", *(movielens.titles[item] for item in mine[-4:]), sep="\n  ")

# %% [markdown]
# Six ratings, and nobody told it what a space ship is. It ranks by what *you* would like more than others do; rank by
# `predicted` and everybody gets *Casablanca*, deservedly.
#
# ## What holds
#
# Now the locked ratings come out. Five folds; in each, the rent is chosen on a validation set cut from that fold's training
# ratings, with the quick half-steps of the package; then your own functions fit all of its training ratings, and the test
# ratings are looked at once.

# %%
def choose_reg(train) -> float:
    fit_rows, validation_rows = folds(len(train), 8, seed=1)[0]
    fit, validation = train.take(fit_rows), train.take(validation_rows)
    biases = fit_biases(fit)
    columns = [as_tensor(x) for x in (fit.ratings - baseline(biases, fit), fit.users, fit.items)]
    errors = []
    for reg in reg_candidates:
        users, items = factorization.als(*columns, fit.n_users, fit.n_items, rank, reg, sweeps)
        errors.append(score(users.numpy(), items.numpy(), validation, baseline(biases, validation)))
    return reg_candidates[int(np.argmin(errors))]


# %%
def zero_filled_errors(train, test, ranks=(1, 2, 4, 8, 16, 32)) -> list[float]:
    table = np.zeros((train.n_users, train.n_items))
    table[train.users, train.items] = train.ratings
    u, s, vt = np.linalg.svd(table, full_matrices=False)
    return [rmse(((u[:, :r] * s[:r]) @ vt[:r])[test.users, test.items], test.ratings) for r in ranks]


# %%
results: dict[str, list[float]] = {}
chosen = []
for train_rows, test_rows in folds(len(movielens), n_folds):
    train, test = movielens.take(train_rows), movielens.take(test_rows)
    biases, reg = fit_biases(train), choose_reg(train)
    chosen.append(reg)
    start, rest = baseline(biases, test), train.ratings - baseline(biases, train)
    predictions = {
        "overall mean": rmse(train.ratings.mean(), test.ratings),
        "zeros, then SVD": min(zero_filled_errors(train, test)),
        "person's mean": rmse(means_by(train.users, train.ratings, train.n_users)[test.users], test.ratings),
        "film's mean": rmse(means_by(train.items, train.ratings, train.n_items)[test.items], test.ratings),
        "both offsets": rmse(start, test.ratings),
        "gradient descent": score(*sgd(train, rest, reg, epochs, learning_rate), test, start),
        "least squares": score(*als(train, rest, reg, sweeps), test, start),
    }
    for name, error in predictions.items():
        results.setdefault(name, []).append(error)

# %%
final = {name: float(np.mean(errors)) for name, errors in results.items()}
print("rent chosen in each fold:", *chosen)
for name, error in final.items():
    print(f"{name:18} {error:.3f}  (folds {min(results[name]):.3f} to {max(results[name]):.3f})")

# %%
names = sorted((name for name in final if name != "zeros, then SVD"), key=lambda name: -final[name])
fig, ax = plt.subplots()
ax.hlines(names, 0.9, [final[name] for name in names], color="#8a9199", linewidth=1, linestyle="-")
ax.plot([final[name] for name in names], names, "o", markersize=8)
for name in names:
    ax.annotate(f"{final[name]:.3f}", (final[name], name), (8, -3), textcoords="offset points", color="C0")
ax.set(xlabel=f"RMSE over {n_folds} folds (stars)", xlim=(0.9, 1.16))
ax.grid(axis="y", visible=False)
ax.set_title("Offsets do most of it, taste does the rest")
plt.show()

# %% [markdown]
# (The zeros are not in the figure: they would be two pages to the right.) Gradient descent and least squares go down the
# same hill and end within a hundredth of a star of each other. The scale, for orientation: Surprise's README reports 0.934
# for its SVD and 0.919 for SVD++ on this data, each on its own folds; the best that we have measured, a Bayesian version of
# this very model, is at 0.892.

# %%
claim(
    "Zeros in the blanks, then the SVD, at its best rank of 1 to 32: at least one star further off than each person's mean.",
    final["zeros, then SVD"] - final["person's mean"],
    at_least=1.0,
    against=final["overall mean"] - final["person's mean"],
)

# %%
claim(
    "Alternating least squares at rank 16, rent chosen on validation ratings: 5-fold RMSE of at most 0.925 stars.",
    final["least squares"],
    at_most=0.925,
    against=final["film's mean"],
)

# %%
claim(
    "An offset for each person and one for each film, shrunken, no taste: 5-fold RMSE of at most 0.945 stars.",
    final["both offsets"],
    at_most=0.945,
    against=final["film's mean"],
)

# %% [markdown]
# ### Where it is still bad
#
# An average hides who pays for it. Sort the test ratings of the last fold by how often their film was rated in training.

# %%
def errors_by_popularity(predictions: np.ndarray) -> list[float]:
    seen = np.bincount(train.items, minlength=train.n_items)[test.items]
    groups = np.digitize(seen, [5, 20, 80, 200])
    return [rmse(predictions[groups == g], test.ratings[groups == g]) for g in range(5)]


U, V = als(train, rest, chosen[-1], sweeps)
offsets_only = errors_by_popularity(start)
with_taste = errors_by_popularity(start + np.sum(U[test.users] * V[test.items], axis=1))
fig, ax = plt.subplots()
ax.plot(offsets_only, "s--", color="C1")
ax.plot(with_taste, "o-", color="C0")
ax.annotate("offsets alone", (3, offsets_only[3]), (0, 8), textcoords="offset points", color="C1")
ax.annotate("with taste", (3, with_taste[3]), (-30, -18), textcoords="offset points", color="C0")
ax.set(xticks=range(5), xticklabels=["0-4", "5-19", "20-79", "80-199", "200+"])
ax.set(xlabel="ratings of the film in training", ylabel="RMSE (stars)")
ax.set_title("Taste helps where there is something to learn from")
plt.show()

# %%
print("0-4 ratings:", f"{offsets_only[0]:.2f} and {with_taste[0]:.2f};", "200 and more:", f"{offsets_only[-1]:.3f} and {with_taste[-1]:.3f}")

# %% [markdown]
# For films that hardly anyone has rated, sixteen factors add nothing: the rent has pushed them to zero, and rightly. What
# would help there is anything else that is known about a film: its genre, its year, its cast.
#
# ## Build
#
# In your own project this week: a module that fits offsets and factors on a list of (who, what, stars), saves them, and
# answers `predict(user, item)` and `fold_in(ratings)`, with one test that plants a known answer
# (`ultralearn.recsys.data.simulate` makes ratings whose factors you know) and one that holds the 5-fold RMSE. The gate at
# month 3 talks to the service that grows out of it, and asks for a visitor whom it has never seen.
#
# ## Explain it
#
# Explain to a colleague who has never heard of a matrix why filling blanks with zeros ruins everything, and why solving
# half of a hard problem exactly, again and again, works. No formula, two minutes, out loud. Where you hesitate is what to
# read again.
#
# ## Cards
#
# ```{cards} week_03
# ```
#
# ## Further reading
#
# - Koren, Bell and Volinsky, *Matrix Factorization Techniques for Recommender Systems* (2009): the model of this week from
#   those who won a million dollars with it.
# - Rendle, Zhang and Koren, *On the Difficulty of Evaluating Baselines* (2019): a decade of new models, beaten by tuning
#   the old one.
# - Trefethen and Bau, *Numerical Linear Algebra*, lectures 4, 5 and 27: the SVD and power iteration by people who love them.
