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
# that fills in the other million and a half: 0.915 stars off, where guessing each film's mean is 1.03 off.
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
    subprocess.run(
        [
            sys.executable,
            "-m",
            "pip",
            "install",
            "-q",
            "--no-deps",
            "git+@REPOSITORY@",
        ],
        check=True,
    )
    from ultralearn import colab

    colab.prepare()

# %% [markdown]
# ## From memory
#
# Nothing open but a sheet of paper. This is what the week builds on; two minutes each.
#
# 1. `A` has shape (943, 16) and `B` has shape (16, 1682). What shape is `A @ B`, and what is the entry in row 3,
#    column 7, in words?
# 2. What is the derivative of $\tfrac{1}{2}(uv - r)^2$ with respect to $u$, when $u$, $v$ and $r$ are plain numbers?
# 3. `x = np.zeros(3)` and then `x[[0, 0, 1]] += 1`. What is in `x` now? (Get it wrong here, or lose an hour to it in
#    session 2.)
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
epochs: int = 20  # of stochastic gradient descent
learning_rate: float = 0.1
decay: float = 0.9  # of the learning rate, after each epoch
batch_size: int = 1000  # ratings in a step of gradient descent
reg_candidates: list[float] = [8.0, 12.0, 16.0, 20.0]  # the validation split picks one
n_folds: int = 5
picture_step: int = 2  # 2 takes every second pixel of the portrait

# %%
import os
import time
from collections.abc import Iterable
from dataclasses import replace

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # the matrices are small: a second
# thread would spend its time waiting

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import torch

# %%
from ultralearn.exercises.week_03 import exercise, hint
from ultralearn.practice import claim
from ultralearn.recsys import buckets as batched_rows
from ultralearn.recsys.als import factorize
from ultralearn.recsys.data import Ratings, folds, load_movielens

torch.set_num_threads(1)
plt.style.use("ultralearn.practice.book")
rng = np.random.default_rng(0)

# %% [markdown]
# Two small tools for the pictures of this week: words beside a curve, and a title with the names of the axes.


# %% tags=["hide-input"]
def note(text: str, x, y, color="C0", dx=4, dy=4):
    words = plt.annotate(text, (x, y), (dx, dy), textcoords="offset points")
    words.set(color=color, annotation_clip=False)


def finish(title: str, x, y):
    plt.title(title)
    plt.xlabel(x)
    plt.ylabel(y)
    plt.show()


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
rounds = [arrows]
for _ in range(6):
    arrows = matrix @ arrows
    arrows = arrows / np.linalg.norm(arrows, axis=0)
    rounds.append(arrows)

# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 3, figsize=(5.2, 2.3))
for ax, count in zip(axes, [0, 2, 6], strict=True):
    for x, y in rounds[count].T:
        ax.annotate(
            "",
            (x, y),
            (0, 0),
            arrowprops={"color": "C0", "width": 1, "headwidth": 7, "headlength": 8},
        )
    ax.set(xlim=(-1.1, 1.1), ylim=(-1.1, 1.1), aspect="equal")
    ax.set(xticks=[], yticks=[], xlabel=f"{count} rounds")
    ax.spines[:].set_visible(False)
fig.suptitle("Wherever they start, they end on one line", weight="bold")
plt.show()

# %% [markdown]
# One line, and nobody told the arrows about it. On that line the matrix does nothing but stretch: $Av = \lambda v$.
# The direction $v$ is an **eigenvector** of $A$, the stretch $\lambda$ its **eigenvalue**.
#
# Why does everything end there? A symmetric matrix has $n$ such directions, at right angles to each other. Write any
# arrow as a sum of them and multiply $t$ times:
#
# $$\begin{aligned}
# A^t x & = c_1 \lambda_1^t v_1 + c_2 \lambda_2^t v_2 + \dots \\
# & = \lambda_1^t \Big( c_1 v_1 + c_2 \big(\tfrac{\lambda_2}{\lambda_1}\big)^t v_2 + \dots \Big)
# \end{aligned}$$
#
# The fraction is smaller than 1, and it is raised to the power $t$. Whoever stretches most wins. That is
# **power iteration**, and it is yours to write. The stretch itself, once $v$ has length 1, is $v'Av$: how far $Av$
# reaches in the direction of $v$.


# %%
@exercise
def power_iteration(
    matrix: np.ndarray, steps: int, start: np.ndarray
) -> tuple[float, np.ndarray]:
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
# Stuck? Ask. The first hint is a question; call it again and it says more.

# %%
hint("power_iteration")

# %%
value, vector = power_iteration(matrix, 30, np.array([1.0, 0.0]))
off = np.linalg.norm(matrix @ vector - value * vector)
print(f"eigenvalue {value:.3g}, direction {np.abs(vector).round(3)}")
print("length of Av - value * v below 1e-10:", off < 1e-10)

# %% [markdown]
# Thirty multiplications, and $Av$ is $3.62\,v$ as far as the numbers on this machine can tell.
#
# ### Where it fails
#
# The formula says how fast: each round the error shrinks by $|\lambda_2 / \lambda_1|$. So make the two largest
# eigenvalues nearly alike. Then make them 3 and −3.

# %%
turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]  # any three right angles


def distances(second: float):
    stretched = (turn * np.array([3.0, second, 1.0])) @ turn.T
    start = np.ones(3)
    found = [power_iteration(stretched, n, start)[1] for n in range(1, 61)]
    along = np.array(found) @ turn[:, 0]
    return np.linalg.norm(found - np.outer(along, turn[:, 0]), axis=1)


# %%
for number, second in enumerate([1.5, 2.4, 2.9, -3.0]):
    path = distances(second)
    plt.semilogy(range(1, 61), path)
    dy = [-3, -3, -9, 3][number]
    note(f"second: {second:g}", 60, path[-1], f"C{number}", dx=8, dy=dy)
plt.ylim(1e-17, 30)
finish(
    "The closer the second, the longer it takes",
    "multiplications",
    "distance from the line",
)

# %% [markdown]
# At 1.5 it gains a digit in 3 rounds, at 2.9 in 68. At −3 it never arrives: two directions stretch equally, one of them flips at
# each round, and the arrow hops between two places forever. Nothing warns you; the function returns a vector of length
# 1 that is no eigenvector at all. Keep the number in mind: **the ratio of neighbors** decides.
#
# ### A portrait that is not symmetric
#
# This is Rear Admiral Grace Hopper, who wrote the first compiler. To NumPy she is a table of numbers between 0 (black)
# and 1 (white).

# %%
photo = plt.imread(mpl.get_data_path() + "/sample_data/grace_hopper.jpg")
portrait = photo.mean(axis=2)[::picture_step, ::picture_step] / 255
print("rows, columns:", portrait.shape, f"numbers: {portrait.size:,}")

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
def truncated_svd(
    matrix: np.ndarray, rank: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
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
# moving, and neighbors decide when that is. Then show her with 1, 5 and 20 pairs.

# %%
left, values, right = truncated_svd(portrait, 20)


def keep(pairs: int):
    return (left[:, :pairs] * values[:pairs]) @ right[:pairs]


# %% tags=["hide-input"]
pictures = {
    "rank 1": keep(1),
    "rank 5": keep(5),
    "rank 20": keep(20),
    "all of her": portrait,
}
fig, axes = plt.subplots(1, 4, figsize=(5.2, 2.1))
for ax, (label, picture) in zip(axes, pictures.items(), strict=True):
    ax.imshow(picture, cmap="gray", vmin=0, vmax=1)
    ax.set(xticks=[], yticks=[], xlabel=label)
fig.suptitle("Twenty columns and twenty rows are a portrait", weight="bold")
plt.show()

# %%
numbers = 20 * (portrait.shape[0] + portrait.shape[1] + 1)
error = np.linalg.norm(portrait - keep(20)) / np.linalg.norm(portrait)
print(f"rank 20: {numbers / portrait.size:.0%} of the numbers,", end=" ")
print(f"{1 - error**2:.1%} of the squared size")

# %% [markdown]
# Most people see a person at 5 and know her at 20. The pairs come in order of size: first the light, then the outlines,
# then the medals. Look at the sizes themselves.

# %%
plt.semilogy(range(1, 21), values, "o-")
note("the average brightness", 1, values[0], dx=14, dy=-4)
plt.xticks([1, 5, 10, 15, 20])
finish("A few pairs carry the picture", "pair", "singular value $s$")

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
places = np.linspace(0, portrait.shape[1] - 1, 20).astype(int)
columns = portrait[:, places]
fitted = columns @ np.linalg.lstsq(columns, portrait, rcond=None)[0]
rival = np.linalg.norm(portrait - fitted) / np.linalg.norm(portrait)
print(f"missing with her own columns: {rival:.3f}, with the SVD: {error:.3f}")

# %%
promised = np.sqrt(1 - np.sum(values**2) / np.sum(portrait**2))
print(f"promised by Eckart and Young: {promised:.3f}")

# %% [markdown]
# The SVD misses what was promised, to three digits. The rival misses 40 % more.
#
# ### A small table of opinions
#
# Back to people. Six friends, six films: three like monsters and machines, two like people who marry, one likes nothing
# much.

# %%
films = ["Alien", "Aliens", "Terminator", "Titanic", "Emma", "Amélie"]
friends = ["Ada", "Ben", "Cleo", "Dan", "Eve", "Finn"]
ada, ben, cleo = [5, 5, 4, 1, 1, 2], [4, 5, 5, 2, 1, 1], [5, 4, 5, 1, 2, 1]
dan, eve, finn = [1, 1, 2, 5, 5, 4], [2, 1, 1, 4, 5, 5], [3, 3, 3, 3, 3, 3]
opinions = np.array([ada, ben, cleo, dan, eve, finn], dtype=float)

# %%
u, s, vt = truncated_svd(opinions, 2)
worst = np.abs((u * s) @ vt - opinions).max()
print("singular values:", s.round(1))
print(f"largest error of rank 2: {worst:.2f} stars")

# %% [markdown]
# Thirty-six opinions, and two numbers a person and two a film say them all to within a star. Nobody told the matrix that
# there are genres. Look at what the second pair found.

# %%
second = vt[1] * np.sign(vt[1, 0])  # the sign is free: let Alien be positive
plt.bar(films, second, color=["C0"] * 3 + ["C1"] * 3)
plt.xticks(rotation=25)
finish("The second pair is a genre nobody entered", "", "weight in the pair")

# %% [markdown]
# That is the whole idea of matrix factorization: a person is a few numbers, a film is a few numbers, an opinion is
# their product. Now for the catch.
#
# ### Missing is not zero
#
# Real friends have not seen everything. Toss a coin for each cell and hide it on heads. The SVD wants a number in every
# cell, so give it a zero there, keep rank 2, and ask it about the hidden ones. Write down your guess: what does it say where
# the truth is a 5?

# %%
hidden = np.random.default_rng(0).random(opinions.shape) < 0.5
u, s, vt = truncated_svd(np.where(hidden, 0.0, opinions), 2)
predicted = (u * s) @ vt


# %% tags=["hide-input"]
def show(ax, table, label: str):
    ax.imshow(np.where(hidden, table, np.nan), vmin=0, vmax=5)
    for row, col in np.argwhere(hidden):
        color = "white" if table[row, col] < 3 else "black"
        text = {"ha": "center", "va": "center", "fontsize": 9, "color": color}
        ax.text(col, row, f"{table[row, col]:.1f}", **text)
    ax.set(xticks=[], yticks=range(6), yticklabels=friends, xlabel=label)
    ax.grid(False)


# %% tags=["hide-input"]
fig, axes = plt.subplots(1, 2, sharey=True, figsize=(5.2, 2.9))
show(axes[0], opinions, "what they think")
show(axes[1], predicted, "what rank 2 says")
fig.suptitle("Asked about the hidden cells, it mumbles", weight="bold")
plt.show()

# %%
off = np.sqrt(np.mean((predicted - opinions)[hidden] ** 2))
three = np.sqrt(np.mean((3 - opinions)[hidden] ** 2))
print(f"off by {off:.2f} stars; answering 3 to everything: {three:.2f}")

# %% [markdown]
# Not one answer above 2.1, and why should there be? We *told* the machine that these cells are zeros, and it believed us. A
# zero does not say "has not seen it". It says "worse than the worst".
#
# ### The same with a hundred thousand ratings
#
# The ratings are GroupLens's MovieLens 100K, collected from 1997 to 1998 (Harper and Konstan, 2015). The first run
# downloads them, checks them against a hash, and prints the terms; they stay on your machine.

# %% tags=["nbval-ignore-output"] reason="the first run on a machine downloads the ratings and says so, later ones do not"
movielens = load_movielens()

# %%
cells = movielens.n_users * movielens.n_items
print(f"{len(movielens):,} ratings, {movielens.n_users} people,", end=" ")
print(f"{movielens.n_items:,} films")
print(f"{cells:,} cells, {1 - len(movielens) / cells:.1%} of them blank")

# %%
stars, how_many = np.unique(movielens.ratings, return_counts=True)
plt.bar(stars, how_many / 1000)
finish("People mostly rate what they like", "stars", "thousand ratings")

# %% [markdown]
# Mostly fours. People rate what they chose to watch, and they choose what they expect to like: a blank is not a film of
# average quality, it is a film that this person passed by. Keep that in mind when we fill it in.
#
# Two rules for the rest of the week, so that the numbers mean something. A model is judged on ratings it has not seen:
# five folds, each rating tested exactly once. And nothing is *chosen* by looking at those: choices are made on a
# validation set cut from the training part. For now we work inside the first fold and leave its test ratings alone.

# %%
train_rows, test_rows = folds(len(movielens), n_folds)[0]
train = movielens.take(train_rows)
fit_rows, validation_rows = folds(len(train), 8, seed=1)[0]
fit, validation = train.take(fit_rows), train.take(validation_rows)
print(f"{len(fit):,} to fit, {len(validation):,} to choose by,", end=" ")
print(f"{len(test_rows):,} locked away")

# %% [markdown]
# The measure is the **root mean squared error**: square the errors, average, take the root. It is in stars, and large
# errors count more than their share.
#
# $$\mathrm{RMSE} = \sqrt{\tfrac{1}{n} \sum (\hat r_{ij} - r_{ij})^2}$$


# %%
def rmse(predictions: np.ndarray, ratings: np.ndarray) -> float:
    return float(np.sqrt(np.mean((predictions - ratings) ** 2)))


# %%
def means_by(groups: np.ndarray, ratings: np.ndarray, size: int) -> np.ndarray:
    counts = np.bincount(groups, minlength=size)
    means = np.bincount(groups, ratings, size) / np.maximum(counts, 1)
    return np.where(counts > 0, means, ratings.mean())


# %%
user_means = means_by(fit.users, fit.ratings, fit.n_users)
overall = rmse(fit.ratings.mean(), validation.ratings)
usual = user_means[validation.users]
print(f"always {fit.ratings.mean():.2f}: {overall:.2f} stars off")
print(f"each person's mean: {rmse(usual, validation.ratings):.2f} stars off")

# %% [markdown]
# Now the SVD of the table with zeros in the blanks: 1.5 million of them. Write down your guess before you run it: better
# or worse than 1.04?

# %%
table = np.zeros((fit.n_users, fit.n_items))
table[fit.users, fit.items] = fit.ratings
u, s, vt = truncated_svd(table, 8)


# %%
def filled(pairs: int):
    predictions = (u[:, :pairs] * s[:pairs]) @ vt[:pairs]
    return predictions[validation.users, validation.items]


# %%
best = min(rmse(filled(r), validation.ratings) for r in range(1, 9))
print(f"best of ranks 1 to 8: {best:.2f} stars off")

# %% [markdown]
# Worse, by more than a star and a half, at every rank. Saying 3.53 to everything does far better. The picture says why.

# %%
span = (-1.125, 5.875)
plt.hist(filled(8), 28, range=span, color="C0", alpha=0.75)
plt.hist(validation.ratings, 28, range=span, histtype="step", color="C1")
note("predicted", 0, 1500)
note("true", 2.2, 3000, "C1")
finish("Zeros drag every guess down", "stars", "validation ratings")

# %% [markdown]
# ### A repair in one line
#
# If a blank must be a number, let it be a harmless one. Subtract each person's mean first: then zero means "as this person
# usually rates". Change one line, and see how far that goes.

# %%
table[fit.users, fit.items] = fit.ratings - user_means[fit.users]
u, s, vt = truncated_svd(table, 8)
errors = [rmse(usual + filled(r), validation.ratings) for r in range(1, 9)]
print(f"best of ranks 1 to 8: {min(errors):.2f} stars off")

# %% [markdown]
# From 2.75 to 0.99. Half of machine learning is choosing what zero means. But 94 cells of 100 still hold an opinion that
# nobody voiced ("average!"), and the decomposition spends most of its effort on fitting those. Tomorrow we stop asking
# about them at all.
#
# ## Session 2: Fitting only what was observed
#
# Forget the table. What we have is a list: who, what, how many stars. Give every person $i$ a row of $k$ numbers $u_i$,
# every film $j$ a row $v_j$, and ask only that $u_i \cdot v_j$ comes near $r_{ij}$ *where there is a rating*:
#
# $$\begin{aligned}
# L = {} & \tfrac{1}{2} \sum_{(i,j)\ \text{rated}} (r_{ij} - u_i \cdot v_j)^2 \\
# & + \tfrac{1}{2}\,\lambda \Big( \sum_i \|u_i\|^2 + \sum_j \|v_j\|^2 \Big)
# \end{aligned}$$
#
# The first part is the misfit, over 70,000 ratings and not over 1.6 million cells. The second part charges rent for large
# numbers: **regularization**, at the rate $\lambda$, `reg` in the code. You will see within the hour what happens where
# nobody pays. The halves are there to please the derivative.


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
# the third question from memory is about to matter. When it is right, we put it where it is most embarrassing: at zero.


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
gradients = rating_gradient(fit.ratings, fit.users, fit.items, *zeros, reg=1.0)
largest = max(np.abs(gradient).max() for gradient in gradients)
print("largest entry of the gradient at zero:", largest)

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
here = rng.normal(size=(fit.n_users, rank)), rng.normal(size=(fit.n_items, rank))
way = rng.normal(size=here[0].shape), rng.normal(size=here[1].shape)


def loss_at(h: float) -> float:
    moved = here[0] + h * way[0], here[1] + h * way[1]
    return rating_loss(some.ratings, some.users, some.items, *moved, reg=1.0)


# %%
gradients = rating_gradient(some.ratings, some.users, some.items, *here, reg=1.0)
slope = np.sum(gradients[0] * way[0]) + np.sum(gradients[1] * way[1])
steps = 10.0 ** np.arange(-13, 1)
measured = np.array([(loss_at(h) - loss_at(-h)) / (2 * h) for h in steps])
gap = np.abs(measured / slope - 1)

# %%
plt.loglog(steps, gap, "o-")
note("rounding", steps[1], gap[1], dx=12)
note("curvature", steps[-3], gap[-3], dx=-66)
finish("A smaller step is not a better one", "step $h$", "relative disagreement")

# %%
print("they agree to seven digits or more:", gap.min() < 1e-7)

# %% [markdown]
# Two errors meet in a valley. Large steps see the curve bend; tiny ones subtract two nearly equal losses and keep only the
# rounding. Near $10^{-5}$ they agree to more digits than you will ever need, and your derivation holds.
#
# ### What is good in general
#
# Before any factors: some films are better, some people kinder. Start with the films. Here are the five best by mean
# rating. Write down what you expect to see.


# %%
def show_best(stars: np.ndarray) -> None:
    counts = np.bincount(fit.items, minlength=fit.n_items)
    for film in np.argsort(-stars, kind="stable")[:5]:
        title = movielens.titles[film]
        print(f"{stars[film]:.2f} stars from {counts[film]:3}: {title}")


film_means = means_by(fit.items, fit.ratings, fit.n_items)
show_best(film_means)

# %% [markdown]
# Five perfect films that you have never heard of, seen by one person each, or two. A mean over one rating is a rumor. So
# treat it like one: add $\lambda$ imaginary ratings that say "nothing special" and average over all of them. With the
# ratings counted from the overall mean, "nothing special" is 0:
#
# $$b_j = \frac{\sum_i (r_{ij} - \mu)}{n_j + \lambda}$$
#
# One rating of 5 is now worth little, five hundred of 4.5 are worth nearly all they say. It is the same rent as before: to
# have an opinion about a film costs something, and a single rating cannot pay for it. When your function is right, here are
# the new five best.


# %%
@exercise
def shrunken_offsets(
    residuals: np.ndarray, groups: np.ndarray, n_groups: int, reg: float
) -> np.ndarray:
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
rest = fit.ratings - mean
show_best(mean + shrunken_offsets(rest, fit.items, fit.n_items, 5.0))

# %% [markdown]
# Now that is a list to defend in a pub. People get an offset too: one who gives everything a 5 says less with a 5. Who is
# kind depends on what they saw, and what is good depends on who saw it, so the two take turns.


# %%
def fit_biases(data: Ratings, user_reg=5.0, item_reg=3.0):
    mean, user_bias = data.ratings.mean(), np.zeros(data.n_users)
    for _ in range(3):
        rest = data.ratings - mean - user_bias[data.users]
        item_bias = shrunken_offsets(rest, data.items, data.n_items, item_reg)
        rest = data.ratings - mean - item_bias[data.items]
        user_bias = shrunken_offsets(rest, data.users, data.n_users, user_reg)
    return mean, user_bias, item_bias


# %%
def baseline(biases, data: Ratings):
    mean, user_bias, item_bias = biases
    return mean + user_bias[data.users] + item_bias[data.items]


# %%
biases = fit_biases(fit)
usual = baseline(biases, validation)
bias_error = rmse(usual, validation.ratings)
film_error = rmse(film_means[validation.items], validation.ratings)
print(f"film means: {film_error:.3g} stars off; both offsets: {bias_error:.3g}")

# %% [markdown]
# Two numbers, one a person and one a film, and no taste at all: 0.945 instead of 1.02. Most of what a recommender knows is
# this. (It is also the yardstick that many papers forget: on ml-100k, Surprise's README lists 0.944 for it.) From here on
# we factor what the offsets leave over, the **residuals**: not "a good film" but "better for *you* than you would expect".
# The whole model, then, is
#
# $$\hat r_{ij} = \mu + b_i + b_j + u_i \cdot v_j$$
#
# ### Stochastic gradient descent
#
# The full gradient looks at 70,000 ratings to take one step. A thousand of them point nearly the same way, at a seventieth
# of the price. So: shuffle, take a thousand, step, next thousand. Once through all of them is an **epoch**. A step goes
# against the gradient, by a **learning rate** $\eta$:
#
# $$U \leftarrow U - \eta\, \frac{\partial L}{\partial U}, \qquad V \leftarrow V - \eta\, \frac{\partial L}{\partial V}$$
#
# One detail decides whether it is right. The rent is part of the loss *once*, and an epoch takes 70 steps: each step pays
# its share of it, $\lambda$ times the fraction of the ratings it looks at.
#
# `sgd` below is a generator: after each epoch it hands over the factors, and whoever called may look at them.


# %%
def epoch(data: Ratings, residuals, factors, reg, step, rng):
    shuffled = rng.permutation(len(data))
    for rows in np.array_split(shuffled, -(-len(data) // batch_size)):
        batch = residuals[rows], data.users[rows], data.items[rows]
        share = reg * len(rows) / len(data)
        gradients = rating_gradient(*batch, factors[0], factors[1], share)
        factors = [f - step * g for f, g in zip(factors, gradients, strict=True)]
    return factors


# %%
def noise(data: Ratings):
    rng = np.random.default_rng(0)
    return [0.1 * rng.normal(size=(n, rank)) for n in (data.n_users, data.n_items)]


def sgd(data: Ratings, residuals, reg, epochs, step, decay=decay):
    factors, rng = noise(data), np.random.default_rng(1)
    for _ in range(epochs):
        factors = epoch(data, residuals, factors, reg, step, rng)
        step = step * decay
        yield factors


# %% [markdown]
# Now the step size, which decides between slow, stuck and broken. Three constant ones first: 0.02, 0.1 and 0.5. Write down
# your guess: which is lowest after twenty epochs?

# %%
residuals = fit.ratings - baseline(biases, fit)


def loss(factors) -> float:
    data = residuals, fit.users, fit.items
    return rating_loss(*data, factors[0], factors[1], 12.0)


# %%
with np.errstate(all="ignore"):
    exploded = next(sgd(fit, residuals, 12.0, 1, step=0.5))
    print("step 0.5, loss after one epoch:", loss(exploded))

# %%
small = [loss(f) for f in sgd(fit, residuals, 12.0, 20, 0.02, decay=1.0)]
large = [loss(f) for f in sgd(fit, residuals, 12.0, 20, 0.1, decay=1.0)]
shrinking = [loss(f) for f in sgd(fit, residuals, 12.0, 20, 0.1, decay=0.9)]

# %%
plt.plot(range(1, 21), small)
note("0.02", 7, small[6], "C0", dy=8)
plt.plot(range(1, 21), large)
note("0.1", 15, large[14], "C1", dy=6)
plt.plot(range(1, 21), shrinking)
note("0.1, then smaller", 10, shrinking[9], "C2", dx=-30, dy=-20)
plt.ylim(0.975 * min(shrinking), None)
plt.xticks([1, 5, 10, 15, 20])
finish("Large steps are quick, then they tremble", "epochs", "loss")

# %% [markdown]
# 0.5 jumps over the valley, lands higher on the other side, is pulled harder, jumps farther, and leaves the range of a float
# within one epoch. 0.02 crawls. 0.1 hurries down and gets stuck above the bottom: each thousand ratings point somewhere else,
# and the steps are too long to settle. The repair is the third line: start at 0.1, and make each epoch's steps a tenth
# shorter than the last one's. What you have seen is why every training script has a learning rate *schedule*.
#
# ### What the rent is for
#
# Now set the rent $\lambda$ to 1, to 12, and look at both sides of the split: dashed is what it has seen, solid is what it
# has not. Write down your guess: which one fits the training ratings better, and which one would you ship? The score of a pair
# of tables is the error of offsets plus taste:


# %%
def score(factors, data: Ratings, usual) -> float:
    users, items = factors[0][data.users], factors[1][data.items]
    return rmse(usual + np.sum(users * items, axis=1), data.ratings)


# %%
def seen_and_unseen(reg: float):
    path = list(sgd(fit, residuals, reg, epochs, learning_rate))
    seen = [score(factors, fit, fit.ratings - residuals) for factors in path]
    unseen = [score(factors, validation, usual) for factors in path]
    return np.array([seen, unseen])


# %%
cheap, dear = seen_and_unseen(1.0), seen_and_unseen(12.0)
for path, color, label in [(cheap, "C1", "λ = 1"), (dear, "C0", "λ = 12")]:
    plt.plot(range(1, epochs + 1), path[1], color=color, linestyle="-")
    plt.plot(range(1, epochs + 1), path[0], color=color, linestyle="--")
    note(label, epochs, path[1, -1], color, dy=-3)
plt.axhline(bias_error, color="#8a9199", linewidth=1, linestyle="-")
note("offsets alone", epochs, bias_error, "#767d86", dx=-76)
plt.xticks(range(0, epochs + 1, 5))
finish(
    "Without rent it learns by heart",
    "epochs (solid: unseen, dashed: seen)",
    "RMSE (stars)",
)

# %%
print(f"rent  1: seen {cheap[0, -1]:.2f}, unseen {cheap[1, -1]:.2f}")
print(f"rent 12: seen {dear[0, -1]:.2f}, unseen {dear[1, -1]:.2f}")

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
# | $\tfrac{1}{2}\lVert Xw - y \rVert^2 + \tfrac{1}{2}\lambda\lVert w \rVert^2$ | this person's part of the loss; $w$ is their row |
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
ones, votes, group = np.ones((3, 1)), np.array([1.0, 0.5, -0.2]), np.zeros(3, int)
print("ridge:   ", solve_ridge(ones, votes, 5.0).round(3))
print("shrunken:", shrunken_offsets(votes, group, 1, 5.0).round(3))

# %% [markdown]
# ### All people at once
#
# Half a sweep is 943 such solutions. A loop over people does it. Here is the same without a loop: what has to be computed for
# person $i$ is
#
# $$\Big(\sum_{j\ \text{rated by}\ i} v_j v_j' + \lambda I\Big)\, u_i = \sum_{j\ \text{rated by}\ i} r_{ij}\, v_j$$
#
# Both sums run over the films of $i$. A sum over "the films of $i$" is a matrix product with a table of who rated what:
# zeros and ones, people in the rows, films in the columns. Flatten each $v_j v_j'$ into a row of 256 numbers, and one
# product gives all 943 matrices; `np.linalg.solve` takes the whole stack. A sweep is two half-steps, one for each side.


# %%
@exercise
def als_half_step(
    ratings: np.ndarray,
    rows: np.ndarray,
    cols: np.ndarray,
    n_rows: int,
    col_factors: np.ndarray,
    reg: float,
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
def als(data: Ratings, residuals, reg, sweeps):
    users, items = noise(data)
    for _ in range(sweeps):
        columns = residuals, data.users, data.items
        users = als_half_step(*columns, data.n_users, items, reg)
        yield users, items
        columns = residuals, data.items, data.users
        items = als_half_step(*columns, data.n_items, users, reg)
        yield users, items


# %% [markdown]
# Both methods go down the same hill, so race them: the loss of the same ratings, at the same rent, against the number of
# times each has looked at every rating. Write down your guess: how many looks does each need?

# %%
alternating = [loss(f) for f in als(fit, residuals, 12.0, 10)]
plt.plot(range(1, 21), alternating, "o-", markersize=4)
plt.plot(range(1, 21), shrinking)
note("least squares", 8, alternating[7], "C0", dx=-36, dy=-20)
note("gradient descent", 7, shrinking[6], "C1", dx=8, dy=8)
plt.ylim(0.975 * min(shrinking), None)
plt.xticks([1, 5, 10, 15, 20])
finish("Same hill, and no step size to choose", "looks at every rating", "loss")

# %%
near = 1.01 * min(alternating + shrinking)
print("looks until within 1 % of the lowest loss:")
for name, run in [("least squares", alternating), ("descent", shrinking)]:
    print(f"  {name}: {np.argmax(np.array(run) < near) + 1}")

# %% [markdown]
# Each half-step lands exactly at the bottom of its half, so the loss can only fall: no learning rate, no schedule, nothing to
# tune but the rent. Gradient descent needs a few looks more, *after* three tries at finding it a schedule.
#
# Where least squares comes to rest, neither side can improve, so your gradient from session 2 has to vanish there. Two
# exercises that know nothing of each other agree, or one of them is wrong:


# %%
def last(run: Iterable[object]):
    *_, factors = run
    return factors


# %%
def steepness(sweeps: int):
    users, items = last(als(fit, residuals, 12.0, sweeps))
    data = residuals, fit.users, fit.items
    gradients = rating_gradient(*data, users, items, 12.0)
    return max(np.abs(gradient).max() for gradient in gradients)


# %%
for sweeps_taken in (1, 8, 32):
    print(f"{sweeps_taken:2} sweeps: {steepness(sweeps_taken):.1g}")

# %% [markdown]
# ### Its failure: too little rent
#
# Exact solutions are exactly as foolish as the loss they solve. Write down your guess for λ = 2: better or worse than
# offsets alone?

# %%
regs = [2, 4, 6, 8, 10, 12, 16, 20, 30, 50]
fits = [last(als(fit, residuals, reg, sweeps)) for reg in regs]
by_reg = [score(factors, validation, usual) for factors in fits]
best = int(np.argmin(by_reg))
print(f"rent 2: {by_reg[0]:#.3g}; best: {by_reg[best]:#.3g} at {regs[best]}")

# %%
plt.semilogx(regs, by_reg, "o-")
note("remembers", 2, by_reg[0], dx=8, dy=-2)
note("forgets", 30, by_reg[-2], dx=-4, dy=-18)
plt.axhline(bias_error, color="#8a9199", linewidth=1, linestyle="-")
note("offsets alone", 50, bias_error, "#767d86", dx=-72)
plt.xticks([2, 5, 10, 20, 50], ["2", "5", "10", "20", "50"])
plt.minorticks_off()
finish("Too little rent is worse than no factors", "rent λ", "validation RMSE (stars)")

# %% [markdown]
# Gradient descent at the rent 1 was bad; the exact solver is worse at twice the rent, because it gets there. With the right rent,
# sixteen numbers a person take 0.023 stars off the error of the offsets. That does not sound like much. Surprise's README goes
# from 0.944 for offsets to 0.919 for the best of its models: on this data set, that is the size of the prize.
#
# ### The same in PyTorch, in batches
#
# The table of zeros and ones is more than 95 % zeros, and for a million people it would not fit anywhere. The other way to have no
# loop: give each person a list of the films they rated, and pad the lists to one length. Then `features` is one block
# (people, length, factors), and PyTorch solves all of it in one call. Padding points to an extra film whose factors are
# zero: it adds nothing to any sum.

# %%
order = np.argsort(fit.users, kind="stable")
counts = np.bincount(fit.users, minlength=fit.n_users)
starts = np.cumsum(counts) - counts
place = np.arange(len(fit)) - starts[fit.users[order]]
where = fit.users[order], place

# %%
as_tensor = torch.from_numpy
cols = torch.full((fit.n_users, counts.max()), fit.n_items)
cols[where] = as_tensor(fit.items[order])
targets = torch.zeros(cols.shape, dtype=torch.float64)
targets[where] = as_tensor(residuals[order])


# %%
def padded_half_step(col_factors: torch.Tensor, reg):
    no_film = torch.zeros(1, rank, dtype=torch.float64)
    features = torch.cat([col_factors, no_film])[cols]
    gram = features.mT @ features + reg * torch.eye(rank)
    right_sides = features.mT @ targets[:, :, None]
    return torch.linalg.solve(gram, right_sides).squeeze(2)


# %%
item_factors = noise(fit)[1]
batched = padded_half_step(as_tensor(item_factors), 12.0).numpy()
yours = als_half_step(residuals, fit.users, fit.items, fit.n_users, item_factors, 12.0)
print("same as yours to 9 digits:", np.abs(batched - yours).max() < 1e-9)
print(f"longest list {counts.max()}, median {np.median(counts):.0f},", end=" ")
print(f"padding: {1 - len(fit) / cols.numel():.0%} of the block")

# %% [markdown]
# Right, and wasteful: one person watched a great deal, and everybody's list is padded to that length. So sort people by the length of their lists and cut them into buckets, each at most twice as long at its end as
# at its start. `ultralearn.recsys.buckets` does that, in fifty lines that you can now read.

# %%
y, users, items = map(as_tensor, (residuals, fit.users, fit.items))
buckets = batched_rows.bucketed(y, users, items, fit.n_users, fit.n_items)
print("people x films:", *("x".join(map(str, b.cols.shape)) for b in buckets))
block = sum(b.cols.numel() for b in buckets)
print(f"padding: {1 - len(fit) / block:.0%}")

# %% [markdown]
# Four ways to take the same half-step. Write down your guess: how much faster than the plain loop is each of the others?


# %%
def one_by_one():
    result = np.zeros((fit.n_users, rank))
    for user in range(fit.n_users):
        rated = fit.users == user
        features = item_factors[fit.items[rated]]
        result[user] = solve_ridge(features, residuals[rated], 12.0)
    return result


def at_once():
    return als_half_step(
        residuals, fit.users, fit.items, fit.n_users, item_factors, 12.0
    )


def in_buckets():
    return batched_rows.als_half_step(
        buckets, fit.n_users, as_tensor(item_factors), 12.0
    )


# %% tags=["hide-input"]
def milliseconds(action) -> float:
    times = []
    for _ in range(5):
        began = time.process_time()
        action()
        times.append(time.process_time() - began)
    return 1000 * min(times)


# %%
ways = {
    "a loop over people": one_by_one,
    "NumPy, 0/1 table": at_once,
    "PyTorch, padded": lambda: padded_half_step(as_tensor(item_factors), 12.0),
    "PyTorch, buckets": in_buckets,
}

# %% tags=["hide-input"]
speeds = [milliseconds(way) for way in ways.values()]
bars = plt.barh(list(ways), speeds)
plt.bar_label(bars, fmt="%.0f ms", padding=4)
plt.xlim(0, 1.25 * max(speeds))
plt.gca().invert_yaxis()
plt.grid(axis="y", visible=False)
finish(
    "Batches pay only without the padding",
    "one half-step, milliseconds of one core",
    "",
)

# %% [markdown]
# Your milliseconds will differ. On the machine that made this page the 0/1 table gains less than a factor of two on the plain
# loop, and the padded batch loses to it: both are "vectorized", and both spend most of their time multiplying by zero. Without
# the padding the batch wins by a factor of six or so. Fast is what does little, not what has no loop.
#
# No GPU here, on purpose: a half-step is a handful of batches of 16 × 16 systems, over in ten milliseconds, and nothing is left
# to gain that you would notice. At a rank of several hundred, or with a hundred million ratings, that turns around. The code of
# the package follows its tensors: put them on the device, and that is where it runs.
#
# ### Few ratings, many factors
#
# One more piece of algebra, because it is beautiful and because it pays.

# %%
counts = np.bincount(fit.items, minlength=fit.n_items)
few, none = np.sum(counts < rank), np.sum(counts == 0)
print(f"of {fit.n_items:,} films, {few} have fewer than {rank} ratings;", end=" ")
print(f"{none} have none")

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
# Multiply by $y$ from the right, and the right-hand side is your ridge regression. With two ratings and sixteen factors, both
# ways have to agree.


# %%
@exercise
def push_through_solve(
    features: np.ndarray, targets: np.ndarray, prior_precision: np.ndarray
) -> np.ndarray:
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
pushed = push_through_solve(X, y, np.full(rank, 12.0))
direct = solve_ridge(X, y, 12.0)
print("the two agree:", np.abs(pushed - direct).max() < 1e-12)

# %% [markdown]
# Now let the number of factors grow, with five ratings all the while, and time both.

# %%
sizes = [16, 64, 256, 1024]
slow, fast = [], []
for k in sizes:
    X, y, rents = rng.normal(size=(5, k)), rng.normal(size=5), np.full(k, 12.0)
    slow.append(milliseconds(lambda X=X, y=y: solve_ridge(X, y, 12.0)))
    fast.append(milliseconds(lambda X=X, y=y, c=rents: push_through_solve(X, y, c)))

# %%
plt.loglog(sizes, slow, "o-")
note("k equations", 256, slow[2], "C0", dx=-84, dy=8)
plt.loglog(sizes, fast, "s--")
note("5 equations", 256, fast[2], "C1", dx=0, dy=8)
plt.xticks(sizes, [str(k) for k in sizes])
plt.minorticks_off()
finish("Five ratings need five equations", "factors k", "milliseconds")

# %% [markdown]
# The direct way costs about $k^3$, this one about $n^2 k$. The buckets of the package take this door whenever a list is
# shorter than the rank.
#
# ### You, in six ratings
#
# A new visitor is a row of ratings and nothing else: nobody retrains a model for them. Hold the films still, solve one
# small system. Change the stars below, or the films, and run the cells down to the list again.

# %%
my_stars = {
    "Star Wars": 5,
    "The Empire Strikes Back": 5,
    "Alien": 5,
    "Blade Runner": 4,
    "Sleepless in Seattle": 1,
    "The English Patient": 2,
}

# %%
biases = fit_biases(movielens)
rest = movielens.ratings - baseline(biases, movielens)
taste = last(als(movielens, rest, 16.0, sweeps))[1]
known = biases[0] + biases[2]  # what anyone would be expected to say

# %% [markdown]
# Your kindness is unknown too. Give it a column of its own, always 1, with a rent of its own: 5, as for the offsets. That is
# what the vector of precisions is for.

# %%
rated = np.array([movielens.titles.index(title) for title in my_stars])
features = np.column_stack([np.ones(movielens.n_items), taste])
rents = np.array([5.0] + [16.0] * rank)
surplus = np.array(list(my_stars.values())) - known[rated]
me = push_through_solve(features[rated], surplus, rents)
print(f"your own offset: {me[0]:+.1f} stars")

# %%
common = np.flatnonzero(np.bincount(movielens.items) >= 100)
common = np.setdiff1d(common, rated)
ranked = common[np.argsort(-(features @ me)[common])]
print("more for you than for others:")
for film in ranked[:6]:
    print("  ", movielens.titles[film])

# %%
print("less:", ", ".join(movielens.titles[film] for film in ranked[-4:]))

# %% [markdown]
# Six ratings, and nobody told it what a space ship is. The list is ranked by what *you* would like more than others do; add
# `known`, what anyone would say, and everybody gets *Casablanca* near the top, deservedly.
#
# ## What holds
#
# Now the locked ratings come out. Five folds; in each, the rent is chosen on a validation set cut from that fold's training
# ratings, with the quick half-steps of the package; then your own functions fit all of its training ratings, and the test
# ratings are looked at once. The zeros get an advantage: their rank may be the one that is best on the test ratings, so that
# nobody can say we picked a bad one.
#
# First the choice of the rent, from training ratings only:


# %%
def fast_als(data: Ratings, residuals, reg):
    table = replace(data, ratings=residuals).matrix()
    return [f.numpy() for f in factorize(table, rank, reg, sweeps)]


# %%
def choose_reg(train: Ratings):
    fit_rows, validation_rows = folds(len(train), 8, seed=1)[0]
    fit, validation = train.take(fit_rows), train.take(validation_rows)
    biases = fit_biases(fit)
    rest, usual = fit.ratings - baseline(biases, fit), baseline(biases, validation)
    errors = [score(fast_als(fit, rest, r), validation, usual) for r in reg_candidates]
    return reg_candidates[int(np.argmin(errors))]


# %% [markdown]
# Then those who know nothing of taste, the zeros among them (with NumPy's SVD, which gives all ranks at once):


# %%
def best_with_zeros(train: Ratings, test: Ratings) -> float:
    table = np.zeros((train.n_users, train.n_items))
    table[train.users, train.items] = train.ratings
    u, s, vt = np.linalg.svd(table, full_matrices=False)
    errors = []
    for r in (1, 2, 4, 8, 16, 32):
        predictions = (u[:, :r] * s[:r]) @ vt[:r]
        errors.append(rmse(predictions[test.users, test.items], test.ratings))
    return min(errors)


# %%
def without_factors(train: Ratings, test: Ratings) -> dict[str, float]:
    user_means = means_by(train.users, train.ratings, train.n_users)
    film_means = means_by(train.items, train.ratings, train.n_items)
    return {
        "overall mean": rmse(train.ratings.mean(), test.ratings),
        "zeros, then SVD": best_with_zeros(train, test),
        "person's mean": rmse(user_means[test.users], test.ratings),
        "film's mean": rmse(film_means[test.items], test.ratings),
        "both offsets": rmse(baseline(fit_biases(train), test), test.ratings),
    }


# %% [markdown]
# And those who do, on your `shrunken_offsets`, `rating_gradient` and `als_half_step`:


# %%
def with_factors(train: Ratings, test, reg) -> dict[str, float]:
    biases = fit_biases(train)
    rest, usual = train.ratings - baseline(biases, train), baseline(biases, test)
    descent = last(sgd(train, rest, reg, epochs, learning_rate))
    squares = last(als(train, rest, reg, sweeps))
    return {
        "gradient descent": score(descent, test, usual),
        "least squares": score(squares, test, usual),
    }


# %% [markdown]
# Now all of it, five times. This is the slowest cell of the week, about twenty seconds. Write down your guess for the last line.

# %%
results, chosen = [], []
for train_rows, test_rows in folds(len(movielens), n_folds):
    train, test = movielens.take(train_rows), movielens.take(test_rows)
    chosen.append(choose_reg(train))
    models = with_factors(train, test, chosen[-1])
    results.append(without_factors(train, test) | models)
print("rent chosen in each fold:", *chosen)

# %%
final = {}
for name in results[0]:
    errors = [fold[name] for fold in results]
    final[name] = float(np.mean(errors))
    low, high = min(errors), max(errors)
    print(f"{name:17}{final[name]:#.3g}, folds {low:#.3g} to {high:#.3g}")

# %% tags=["hide-input"]
shown = {name: e for name, e in final.items() if name != "zeros, then SVD"}
plt.hlines(list(shown), 0.9, list(shown.values()), color="#8a9199", linewidth=1)
plt.plot(list(shown.values()), list(shown), "o", markersize=8)
for name, value in shown.items():
    note(f"{value:#.3g}", value, name, dx=8, dy=-4)
plt.xlim(0.9, 1.18)
plt.grid(axis="y", visible=False)
finish(
    "Offsets do most of it, taste the rest", f"RMSE over {n_folds} folds (stars)", ""
)

# %% [markdown]
# (The zeros are not in the figure: they would be two pages to the right.) Gradient descent and least squares go down the
# same hill and end in the same place. For orientation: on this data set Surprise's README reports 0.934 for its SVD, which is
# this model with gradient descent, and 0.919 for SVD++, a larger one; on folds of its own, so the third digit is not
# comparable.

# %%
claim(
    "Filling blanks with zeros and truncating the SVD, even at its best rank, "
    "is at least one star further off (RMSE) than each person's mean.",
    final["zeros, then SVD"] - final["person's mean"],
    at_least=1.0,
    against=final["overall mean"] - final["person's mean"],
)

# %%
claim(
    "Alternating least squares at rank 16, its rent chosen on validation "
    "ratings, reaches a 5-fold RMSE of at most 0.925 stars.",
    final["least squares"],
    at_most=0.925,
    against=final["film's mean"],
)

# %%
claim(
    "A shrunken offset for each person and each film, and nothing else, "
    "reaches a 5-fold RMSE of at most 0.945 stars.",
    final["both offsets"],
    at_most=0.945,
    against=final["film's mean"],
)

# %% [markdown]
# ### Where it is still bad
#
# An average hides who pays for it. Sort the test ratings of the last fold by how often their film was rated in training.

# %%
seen = np.bincount(train.items, minlength=train.n_items)[test.items]
groups = np.digitize(seen, [5, 20, 80, 200])


def by_popularity(predictions: np.ndarray) -> list[float]:
    parts = [groups == g for g in range(5)]
    return [rmse(predictions[part], test.ratings[part]) for part in parts]


# %%
biases = fit_biases(train)
usual = baseline(biases, test)
rest = train.ratings - baseline(biases, train)
user_factors, item_factors = last(als(train, rest, chosen[-1], sweeps))
offsets_only = by_popularity(usual)
with_taste = by_popularity(
    usual + np.sum(user_factors[test.users] * item_factors[test.items], axis=1)
)

# %%
plt.plot(offsets_only, "s--", color="C1")
note("offsets alone", 3, offsets_only[3], "C1", dx=0, dy=8)
plt.plot(with_taste, "o-", color="C0")
note("with taste", 2, with_taste[2], "C0", dx=-66, dy=-12)
plt.xticks(range(5), ["0-4", "5-19", "20-79", "80-199", "200+"])
finish(
    "Taste needs ratings to learn from",
    "ratings of the film in training",
    "RMSE (stars)",
)

# %%
print(f"0 to 4 ratings: {offsets_only[0]:.2f}, with taste {with_taste[0]:.2f}")
print(f"200 and more:   {offsets_only[-1]:.2f}, with taste {with_taste[-1]:.2f}")

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
# - [Koren, Bell and Volinsky (2009)](https://doi.org/10.1109/MC.2009.263), *Matrix Factorization Techniques for Recommender Systems*: the model of this week from
#   those who won a million dollars with it.
# - [Rendle, Zhang and Koren (2019)](https://arxiv.org/abs/1905.01395), *On the Difficulty of Evaluating Baselines*: a decade of new models, beaten by tuning
#   the old one.
# - Trefethen and Bau, *Numerical Linear Algebra* (1997), lectures 4, 5 and 27: the SVD and power iteration by people who love
#   them.
