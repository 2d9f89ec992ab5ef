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
# # Week 7: REINFORCE three times
#
# A pole stands on a cart. Fifty times a second you may push the cart, left or right. Push at random and the pole is down
# after some twenty pushes, less than half a second. By Sunday you have a program that keeps it up for ten seconds, which is as long
# as anyone is allowed to play. Nobody tells it what falling is or which way to push. All it hears, at each step, is "still
# up"; and then, at some point, nothing more.
#
# You write that program three times. In NumPy, with a gradient that you derive yourself. In PyTorch, which derives it for
# you. And with sixteen carts at once and far less noise, this time **from memory**, against the clock.
#
# Three sessions of about two and a half hours. The notebook runs in about a minute and a half before you have written
# a line: each exercise has a reference that stands in until your own function is right.

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
# Nothing open but a sheet of paper, two minutes each. The first two come from week 3.
#
# 1. You derived a gradient by hand and checked it by finite differences. Write that check for one weight, in one line.
# 2. Ridge regression with a very large `reg`: what does it predict?
# 3. What is the derivative of $\log f(x)$?
#
# <details><summary>Check yourself</summary>
#
# 1. `(loss(w + eps) - loss(w - eps)) / (2 * eps)`, to be compared with the gradient's entry. Both sides, or the error is
#    of the order of `eps` instead of its square.
# 2. Zero, or the mean where the targets were centered. You need it below: a prediction that knows nothing is a baseline too.
# 3. $f'(x)/f(x)$: a change relative to what is there already. This week hangs on it.
#
# </details>

# %% tags=["parameters"]
environment: str = "CartPole-v1"  # or "Acrobot-v1": see the last section
seeds: int = 5  # runs of each version
discount: float = 0.99  # worth of a reward one step later
step_by_hand: float = 5.0  # version 1: how far along the gradient
learning_rate: float = 0.03  # versions 2 and 3: Adam's
episodes_per_update: int = 8  # versions 1 and 2
n_envs: int = 16  # version 3: carts at once
reward_scale: float = 1 / 30  # version 3: makes returns about 1
steps_by_hand: int = 600_000  # version 1 has failed if not done by then
steps_by_network: int = 300_000  # the same for versions 2 and 3
bug_steps: int = 30_000  # length of the runs with bugs

# %%
import time
from copy import deepcopy
from dataclasses import replace
from typing import Any

import gymnasium as gym
import matplotlib.pyplot as plt
import numpy as np
import torch
from IPython.display import display
from torch import Tensor, nn
from tqdm import tqdm

# %%
from ultralearn.exercises import week_07
from ultralearn.exercises.week_07 import exercise, hint
from ultralearn.practice import claim, drill, headless
from ultralearn.rl import (
    SAMPLE_DRILLS,
    Batch,
    EpisodeLog,
    cartpole_animation,
    cartpole_strip,
    collect_episodes,
    make_envs,
    plot_learning_curves,
)

# %%
plt.style.use("ultralearn.practice.book")
torch.set_num_threads(1)


def finish(title: str, x: str, y: str):
    """Give the figure its sentence and its axes."""
    plt.title(title)
    plt.xlabel(x)
    plt.ylabel(y)
    plt.show()


# %% [markdown]
# One thread, and no GPU even where there is one: the network below has a few hundred weights. Sending them to a GPU and
# waking it up takes longer than multiplying them here, and a second thread would wait for the first.
#
# ## Session 1: By hand
#
# ### Five things come back
#
# Gymnasium is the interface that nearly all of reinforcement learning in Python speaks. An environment has two verbs.
# `reset` begins an episode and returns the first observation. `step` takes an action and returns five things.

# %%
env = gym.make(environment)
obs, info = env.reset(seed=0)
print("observation:", obs.round(2))
obs, reward, terminated, truncated, info = env.step(1)
print("after a push to the right:", obs.round(2))
print("reward:", reward, " terminated:", terminated, " truncated:", truncated)

# %% [markdown]
# Four numbers: the cart's position in meters, its velocity, the pole's angle in radians, and how fast the pole turns. One
# push to the right, and the cart's velocity jumped by 0.2 while the pole began to turn left. The reward is 1, for still
# being up. It is always 1.
#
# Here is a whole episode of random pushes, in six moments.

# %%
obs_dim = gym.spaces.flatdim(env.observation_space)  # 4 numbers in
n_actions = gym.spaces.flatdim(env.action_space)  # 2 choices out

# %%
rng = np.random.default_rng(1)
obs, _ = env.reset(seed=1)
seen, over = [obs], False
while not over:
    action = rng.integers(n_actions)
    obs, reward, terminated, truncated, _ = env.step(action)
    seen.append(obs)
    over = terminated or truncated

# %%
if environment.startswith("CartPole"):
    figure = cartpole_strip(np.array(seen))
    figure.suptitle("Six tenths of a second, and down", fontweight="bold")
    plt.show()

# %% [markdown]
# `terminated` and `truncated` both end an episode, and mean different things.
#
# - **terminated**: the task is over. The pole leans more than 12 degrees, or the cart is 2.4 meters out. Nothing comes after.
# - **truncated**: you were stopped, after 500 steps here. The pole still stands; only the clock ran out.
#
# Which one it was matters much in week 9. What matters today: **both** need a `reset`. Code that looks at `terminated` alone
# works for an hour, until the agent is good enough to reach the time limit; then it glues the next episode to this one.


# %%
def random_steps(env, steps: int, seed: int):
    """Both flags of each of so many steps of random play."""
    rng = np.random.default_rng(seed)
    flags = np.zeros((2, steps), dtype=bool)
    env.reset(seed=seed)
    for t in range(steps):
        action = rng.integers(n_actions)
        _, _, *flags[:, t], _ = env.step(action)
        if flags[:, t].any():
            env.reset()
    return flags


# %%
terminated, truncated = random_steps(env, 20_000, seed=0)
print("steps that ended an episode:", np.flatnonzero(terminated)[:5], "…")

# %% [markdown]
# Two things about seeds in there, both easy to get wrong. Only the *first* `reset` is seeded: seed each one, and you play the
# very same start 900 times. And the actions come from a generator of our own, because `env.action_space.sample()` has its own
# seed that `reset` does not touch.
#
# **Exercise.** Turn the two flags into the lengths of the episodes. Replace the three dots and run the cell. A wrong answer
# costs nothing and earns a hint; an untouched one lets the reference stand in.


# %%
@exercise
def episode_lengths(terminated: np.ndarray, truncated: np.ndarray) -> np.ndarray:
    """Lengths of the episodes that ended in a flat run of steps.

    terminated, truncated: (steps,), bool, as Gymnasium's `step` returned
    them, one entry a step. Returns (episodes,), int64: how many steps
    each finished episode took, in order. An episode that the run leaves
    unfinished does not count.
    """
    ...


# %% [markdown]
# Stuck? Ask. The first hint is a question; call it again and it says more.

# %%
hint("episode_lengths")

# %% [markdown]
# How long does a pole stand if nobody thinks? Write down your guess for the *longest* of some 900 random episodes.

# %%
lengths = episode_lengths(terminated, truncated)
print(f"{lengths.mean():.0f} steps on average, {lengths.max()} at most")

# %%
plt.hist(lengths, bins=list(range(0, lengths.max() + 5, 4)))
plt.axvline(lengths.mean(), color="C1", linestyle="--")
plt.text(lengths.mean() + 2, 180, "mean", color="C1")
finish("Random pushing: down in half a second", "steps until the end", "episodes")

# %% [markdown]
# The mean is the score to beat. The long tail is the hope: now and then, by luck, a run of good pushes happens. All of
# REINFORCE is a way to notice such runs and make them likelier.
#
# ### A policy that draws
#
# A *policy* turns an observation into an action. Ours does it in two moves. First a number for each action, its *logit*: a
# weighted sum of the four observations. Then a draw, in which a larger logit means a better chance:
#
# $$\text{logits} = o^\top W, \qquad \pi(a \mid o) = \frac{e^{\text{logit}_a}}{\sum_b e^{\text{logit}_b}}$$

# %%
weights = np.array([[0.0, 0.0], [0.0, 0.0], [-4.0, 4.0], [-1.0, 1.0]])
leaning_right = np.array([0.0, 0.0, 0.1, 0.3])
logits = leaning_right @ weights
print("logits:", logits.round(2))
print("probabilities:", (np.exp(logits) / np.exp(logits).sum()).round(2))

# %% [markdown]
# With these weights, made up by me, a pole that leans and turns to the right gets a push to the right four times out of five.
# Why not always, if right is better? Because the policy that never pushes left never learns what happens when it does. And
# because a chance of 0.80 can become 0.81, which a hard choice cannot: *small changes of the weights make small changes of
# behavior*, and that is what a gradient needs.
#
# **Exercise.** Draw actions for a whole batch of logits.


# %%
@exercise
def categorical_sample(
    logits: np.ndarray, generator: np.random.Generator
) -> np.ndarray:
    """Draw one action per row, with the probabilities softmax(logits).

    logits: (batch, actions), any size, also in the thousands. generator:
    the only source of randomness; the same generator state gives the
    same actions. Returns (batch,), int64, each in 0 … actions - 1. Each
    row is drawn independently of the others.
    """
    ...


# %% [markdown]
# ### Which push deserves the credit?
#
# The pole fell after 31 pushes. That is better than usual. But which of the 31 was the clever one? You cannot tell, so share
# the praise by one rule that is certainly fair: **a push cannot have helped what came before it**. Push number 10 gets the
# credit for the steps from 10 on, and for no others. Its *return* is
#
# $$G_t = r_t + \gamma\, r_{t+1} + \gamma^2 r_{t+2} + \dots$$
#
# The discount $\gamma$ says how far the credit reaches. With 0.99, a step a second later (50 pushes) counts 0.6, one four
# seconds later 0.13.
#
# **Exercise.** One episode's rewards in, a return for each step out.


# %%
@exercise
def discounted_returns(rewards: np.ndarray, discount: float) -> np.ndarray:
    """Return of each step of one episode: its reward and all later ones,
    discounted.

    rewards: (steps,), floats or integers. discount: in [0, 1]. Returns
    (steps,), float64: G_t = r_t + discount r_(t+1) + discount² r_(t+2) + …
    up to the last reward. Sutton and Barto (2018), equation 3.9, except
    that the reward of step t has the index t here.
    """
    ...


# %% [markdown]
# The same 200 rewards of 1, seen through three discounts:

# %%
for gamma, where in ((0.9, 30), (0.99, 5), (1.0, 60)):
    returns = discounted_returns(np.ones(200), gamma)
    (line,) = plt.plot(returns)
    plt.text(where, returns[where] + 5, f"discount {gamma:g}", color=line.get_color())
finish("The discount says how far credit reaches", "step", "its return")

# %% [markdown]
# Look at the right edge: there all three fall to 1. The last pushes before the end have the worst returns of the episode, and
# they are the ones that let the pole fall. Nobody wrote a penalty for falling; it is in the sum.
#
# ### The policy gradient, in half a page
#
# We want weights $\theta$ that make the expected return $J$ large. Let $\tau$ be everything that happens in one episode, and
# $G(\tau)$ what it earned:
#
# $$J(\theta) = \sum_\tau P_\theta(\tau)\, G(\tau)$$
#
# The trouble: $\theta$ does not occur in the rewards. It only moves *probabilities*, of episodes that we cannot list. Take the
# gradient anyway, and use the third question from above backward, $\nabla P = P\, \nabla \log P$:
#
# $$\begin{aligned}
# \nabla J &= \sum_\tau \nabla P_\theta(\tau)\, G(\tau) \\
# &= \sum_\tau P_\theta(\tau)\, \nabla \log P_\theta(\tau)\, G(\tau) \\
# &= \mathbb{E}\big[\nabla \log P_\theta(\tau)\, G(\tau)\big]
# \end{aligned}$$
#
# It is an average again, so we can estimate it: play some episodes and take the mean. And what is $P_\theta(\tau)$? A product,
# step by step, of the policy's choice and the world's answer. The logarithm makes it a sum:
#
# $$\begin{aligned}
# \log P_\theta(\tau) = &\sum_t \log \pi_\theta(a_t \mid o_t) \\
# + &\sum_t \log p(\text{world's answer})
# \end{aligned}$$
#
# The second sum does not contain $\theta$; its gradient is zero. **The physics drops out.** You never need to know how poles fall.
#
# One more step. In the product with $G(\tau)$, each $\nabla \log \pi(a_t \mid o_t)$ meets all rewards, also the earlier ones. Those
# only add noise, for whatever is known before $a_t$ is drawn is, for that draw, a constant $c$, and
#
# $$\begin{aligned}
# \sum_a \pi(a)\, \nabla \log \pi(a)\, c &= c \sum_a \nabla \pi(a) \\
# &= c\, \nabla \sum_a \pi(a) = c\, \nabla 1 = 0
# \end{aligned}$$
#
# Remember this line; session 3 lives off it. What is left is REINFORCE (Williams, 1992):
#
# $$\nabla J = \mathbb{E}\Big[\sum_t \nabla \log \pi_\theta(a_t \mid o_t)\; G_t\Big]$$
#
# In words: for each push, the direction that would have made it likelier, weighted by what came of it.
# (A footnote that most courses leave out: with discounted $G_t$, and without a factor $\gamma^t$ in front, this is not the exact
# gradient of anything. Everyone does it, you too now. It works, and Nota and Thomas, 2020, explain what is lost.)
#
# What remains is $\nabla \log \pi$. With $\log \pi(a) = \text{logit}_a - \log \sum_b e^{\text{logit}_b}$, the derivative with
# respect to each logit is *what happened minus what was expected*:
#
# $$\frac{\partial \log \pi(a)}{\partial\, \text{logit}_b} = \mathbf{1}[b = a] - \pi(b)$$
#
# and a logit is a weighted sum of the observation.
#
# **Exercise.** Put the two together.


# %%
@exercise
def softmax_log_prob_gradient(
    weights: np.ndarray, obs: np.ndarray, action: int
) -> np.ndarray:
    """Gradient of log π(action | obs) with respect to the weights of a
    linear softmax policy.

    The policy's logits are obs @ weights, its probabilities their softmax.
    weights: (obs_dim, actions). obs: (obs_dim,). action: an integer. Logits
    may be in the thousands. Returns (obs_dim, actions), float64.
    Williams (1992), section 4; Sutton and Barto (2018), exercise 13.3.
    """
    ...


# %% [markdown]
# Two checks before it is let loose. The first is the one from week 3, finite differences. The second is the line that you were
# to remember: average the gradient over the policy's own draws, and nothing is left.


# %%
def log_prob(weights, obs, action: int):
    logits = obs @ weights
    return logits[action] - np.log(np.exp(logits).sum())


# %%
eps, nudge = 1e-6, np.zeros_like(weights)
nudge[3, 1] = eps
above = log_prob(weights + nudge, leaning_right, 0)
below = log_prob(weights - nudge, leaning_right, 0)
gradient = softmax_log_prob_gradient(weights, leaning_right, 0)
print(f"slope {(above - below) / (2 * eps):.3f}, gradient {gradient[3, 1]:.3f}")

# %%
rng = np.random.default_rng(0)
draws = categorical_sample(np.tile(logits, (20_000, 1)), rng)
each = [softmax_log_prob_gradient(weights, leaning_right, a) for a in draws]
print(f"largest entry of one: {abs(each[0]).max():.1g}")
print(f"largest entry of the mean: {abs(np.mean(each, axis=0)).max():.1g}")

# %% [markdown]
# The mean is a hundred times smaller, and shrinks with the number of draws. So far, praise and blame cancel. Weight the good draws more than the bad ones, and they no longer do. That is the learning.
#
# ### Version 1
#
# Play one episode and keep, for each step, your gradient and the reward:


# %%
def play(env, weights, generator, seed: int | None = None):
    """One episode by hand: each step's gradient, and its reward."""
    obs, _ = env.reset(seed=seed)
    gradients, rewards, over = [], [], False
    while not over:
        action = categorical_sample((obs @ weights)[None], generator)[0]
        gradients.append(softmax_log_prob_gradient(weights, obs, action))
        obs, reward, terminated, truncated, _ = env.step(action)
        rewards.append(reward)
        over = terminated or truncated
    return np.array(gradients), np.array(rewards)


# %% [markdown]
# An update is the formula, line by line: eight episodes, the mean over their steps of gradient times return, and a step uphill.
#
# $$W \leftarrow W + \eta \cdot \frac{1}{N} \sum_t \nabla \log \pi(a_t \mid o_t)\, G_t$$


# %%
def update_by_hand(env, weights, generator, log, seed: int):
    """Play some episodes and take one step along the gradient."""
    episodes = []
    for _ in range(episodes_per_update):
        first = seed if log.steps == 0 else None
        gradients, rewards = play(env, weights, generator, first)
        episodes.append((gradients, discounted_returns(rewards, discount)))
        log.add(rewards, np.arange(len(rewards)) == len(rewards) - 1)
    gradients, returns = map(np.concatenate, zip(*episodes, strict=True))
    gradient = (gradients * returns[:, None, None]).mean(axis=0)
    return weights + step_by_hand * gradient


# %% [markdown]
# *Solved* means, by Gymnasium's own bar, a mean of at least 475 over 100 episodes. A run stops when its last 100 episodes
# reach it, or fails at 600,000 steps. One run proves little in this field, so there are five, with five seeds.

# %%
solved = gym.spec(environment).reward_threshold or 0.0


def run_by_hand(seed: int):
    """Train until solved. Returns the log of episodes, and the weights."""
    env, generator = gym.make(environment), np.random.default_rng(seed)
    weights, log = np.zeros((obs_dim, n_actions)), EpisodeLog()
    while log.steps < steps_by_hand and log.recent() < solved:
        weights = update_by_hand(env, weights, generator, log, seed)
    return log, weights


# %%
began = time.perf_counter()
by_hand = [run_by_hand(seed) for seed in tqdm(range(seeds))]
seconds = {"by hand": (time.perf_counter() - began) / seeds}

# %% [markdown]
# How many steps will it need? Write down your guess; a person who plays without a break takes 180,000 steps in an hour.


# %%
def show_curves(runs, title: str, **options):
    plot_learning_curves(plt.gca(), runs, **options)
    plt.title(title)
    plt.show()


# %%
logs = {"by hand": [log for log, _ in by_hand]}
show_curves(logs, "Eight weights learn to balance", bar=solved)

# %% [markdown]
# The line is the interquartile mean of the five runs (the mean of the middle half), the band its 95 % bootstrap interval; a run
# that is done holds its value. Held to a number, against random play:

# %%
cartpole = solved > 0  # Acrobot pays -1 a step: its bar is -100
random_score = lengths.mean() if cartpole else -500.0
bound: Any = {"at_least": solved} if cartpole else {"between": (solved, 0)}
terms: dict[str, Any] = {**bound, "against": random_score}
most_seeds = max(1, seeds - 1)

# %%
claim(
    f"By hand, REINFORCE solves {environment} within {steps_by_hand:,} environment "
    "steps: mean return of the last 100 episodes.",
    [log.recent() for log, _ in by_hand],
    **terms,
    seeds_at_least=most_seeds,
)

# %% [markdown]
# Look at the band, too: some runs fall back after they had been good. Every push is praised, returns are large, and one batch with the
# wrong pushes in it takes a long step in a bad direction. Session 3 is about that.
#
# Eight numbers are few enough to read. Only the difference between the two columns matters: what speaks for a push to the right?

# %%
for_right = np.array([w[:, 1] - w[:, 0] for _, w in by_hand])
names = ["position", "velocity", "angle", "turning speed"]

# %%
plt.plot(for_right.T, "o", color="C0", alpha=0.7)
plt.axhline(0, color="0.55", linewidth=0.9)
plt.xticks(range(len(names)), names)
finish("Five runs find the same rule", "", "weight for a push right")

# %% [markdown]
# Push toward the side to which the pole leans, more so if it turns that way, and follow the cart's own motion. An engineer's
# feedback controller has these signs too. This one was found by chance and praise.
#
# ## Session 2: Autograd
#
# ### What autograd needs from you
#
# A linear policy had a gradient of one line. A network's would fill a page, so let PyTorch derive it. It is the same number:

# %%
w = torch.tensor(weights, requires_grad=True)
o = torch.tensor(leaning_right)
(theirs,) = torch.autograd.grad(torch.log_softmax(o @ w, dim=0)[1], w)
yours = softmax_log_prob_gradient(weights, leaning_right, 1)
print("autograd agrees:", np.allclose(theirs, yours))

# %% [markdown]
# Autograd differentiates what you write down. So write down something whose gradient is $-\nabla \log \pi \cdot G$, minus
# because optimizers go downhill. That is all a "policy gradient loss" is. It does not measure success: it can rise while the
# agent gets better, and staring at it teaches nothing. Watch the returns.
#
# $$L = -\frac{1}{N} \sum_t \log \pi_\theta(a_t \mid o_t)\; G_t$$
#
# **Exercise.** Write it. The returns are measurements; whatever computed them, no gradient goes back there.


# %%
@exercise
def policy_gradient_loss(log_probs: Tensor, returns: Tensor) -> Tensor:
    """Loss whose gradient is minus the REINFORCE estimate of the policy
    gradient.

    log_probs: (steps,), of the actions taken; gradients flow into them.
    returns: (steps,); treated as constants, also if they carry a graph.
    Returns a scalar tensor: minus the mean over steps of log-probability
    times return. Williams (1992); Sutton and Barto (2018), section 13.3.
    """
    ...


# %% [markdown]
# From now on several episodes lie end to end in one array, and the loop over them is gone. `episode_ends` says where each one
# ends: terminated *or* truncated.
#
# **Exercise.** The returns of a whole batch. It is `discounted_returns` and one thought more, and that one thought is the
# most common bug of the field.


# %%
@exercise
def reward_to_go(
    rewards: np.ndarray, episode_ends: np.ndarray, discount: float
) -> np.ndarray:
    """Discounted return of each step of a flat batch of episodes, laid end
    to end.

    rewards: (steps,), floats or integers. episode_ends: (steps,), bool: the
    step ended its episode, be it terminated or truncated. discount: in
    [0, 1]. Returns (steps,), float64: at each step the sum of its reward
    and the discounted later ones of the same episode; nothing leaks over
    an end. The last episode may be unfinished: what was seen of it counts.
    """
    ...


# %% [markdown]
# ### Why the textbook's loop is slow
#
# The usual PyTorch version of REINFORCE asks the network at each step, keeps the log-probability *with its graph*, and adds
# all of them up at the end of the episode. Here it is, at its core:


# %%
def make_policy() -> nn.Sequential:
    """Two layers: observation in, a logit for each action out."""
    return nn.Sequential(nn.Linear(obs_dim, 32), nn.Tanh(), nn.Linear(32, n_actions))


# %%
def textbook_step(policy, obs: Tensor, generator):
    """Draw an action, and keep the graph of its log-probability."""
    choice = torch.distributions.Categorical(logits=policy(obs))
    action = choice.sample()
    return action.item(), choice.log_prob(action)


# %% [markdown]
# A graph is needed only where something will be differentiated, and a network that is asked about 2,000 observations at once
# hardly works longer than for one. So play without a graph, keep observations and actions, and ask for all log-probabilities
# again, in one batch, when the episodes are over. Same numbers, computed twice. `torch.inference_mode` switches graphs off; that
# takes a few microseconds as well, so whoever plays switches once, not at each step.


# %%
def lean_step(policy, obs: Tensor, generator):
    """Draw an action; forget how. For use in inference mode."""
    logits = policy(obs[None])
    return categorical_sample(logits.numpy(), generator)[0]


# %%
def log_probs_of(logits: Tensor, actions):
    """Log-probabilities of the actions taken, for a whole batch."""
    rows = torch.arange(len(actions))
    return torch.log_softmax(logits, dim=1)[rows, actions]


# %% [markdown]
# A stopwatch for both, and for the environment itself, alone and sixteen at a time:


# %%
def microseconds(action, steps: int = 1500):
    """Time of one call, in millionths of a second."""
    began = time.perf_counter()
    for _ in range(steps):
        action()
    return (time.perf_counter() - began) / steps * 1e6


# %%
policy, generator = make_policy(), np.random.default_rng(0)
obs, pushes = torch.from_numpy(seen[0]), np.zeros(n_envs, dtype=np.int64)
carts = make_envs(environment, n_envs)
starts = carts.reset(seed=0), env.reset(seed=0)


# %%
def textbook() -> None:
    textbook_step(policy, obs, generator)[1].backward()


@torch.inference_mode()
def lean() -> None:
    lean_step(policy, obs, generator)


def alone() -> None:
    if any(env.step(0)[2:4]):
        env.reset()


# %% [markdown]
# Write down your guess: how many times faster is the lean step?

# %% tags=["nbval-ignore-output"] reason="microseconds differ from machine to machine"
print(f"textbook: {microseconds(textbook):.0f} µs a step")
print(f"lean: {microseconds(lean):.0f} µs a step")
print(f"one environment alone: {microseconds(alone):.1f} µs a step")
many = microseconds(lambda: carts.step(pushes)) / n_envs
print(f"{n_envs} at once: {many:.1f} µs a step")

# %% [markdown]
# Nearly all of the textbook's time is bookkeeping: objects for distributions, checks of their arguments, nodes of a graph for
# a matrix of 4 by 32. The arithmetic itself takes about one microsecond. (The textbook's number has its backpropagation in it; the
# lean loop adds one pass a batch, about a microsecond a step.) Keep the last line in mind for session 3.
#
# ### Version 2
#
# Play, as in version 1, but remember observations and actions instead of gradients:


# %%
@torch.inference_mode()
def play_lean(env, policy, generator, seed: int | None = None):
    """One episode: (obs, action, reward, end) for each step."""
    obs, _ = env.reset(seed=seed)
    steps, over = [], False
    while not over:
        action = lean_step(policy, torch.from_numpy(obs), generator)
        following, reward, terminated, truncated, _ = env.step(action)
        over = terminated or truncated
        steps.append((obs, action, reward, over))
        obs = following
    return steps


# %% [markdown]
# and an update: eight episodes end to end, your returns, your loss, and PyTorch's three lines.


# %%
def play_several(env, policy, generator, log, seed: int):
    """Some episodes, end to end: obs, actions, rewards, ends."""
    steps = []
    for k in range(episodes_per_update):
        first = seed if log.steps == k == 0 else None
        steps += play_lean(env, policy, generator, first)
    return map(np.array, zip(*steps, strict=True))


# %%
def update_by_autograd(policy, optimizer, obs: np.ndarray, actions, rewards, ends):
    """Let the optimizer take one step."""
    log_probs = log_probs_of(policy(torch.from_numpy(obs)), actions)
    returns = torch.from_numpy(reward_to_go(rewards, ends, discount))
    loss = policy_gradient_loss(log_probs, returns)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


# %%
def run_by_autograd(seed: int):
    torch.manual_seed(seed)
    env, generator = gym.make(environment), np.random.default_rng(seed)
    policy, log = make_policy(), EpisodeLog()
    optimizer = torch.optim.Adam(policy.parameters(), lr=learning_rate)
    while log.steps < steps_by_network and log.recent() < solved:
        steps = play_several(env, policy, generator, log, seed)
        obs, actions, rewards, ends = steps
        log.add(rewards, ends)
        update_by_autograd(policy, optimizer, obs, actions, rewards, ends)
    return log


# %%
began = time.perf_counter()
by_autograd = [run_by_autograd(seed) for seed in tqdm(range(seeds))]
seconds["by autograd"] = (time.perf_counter() - began) / seeds

# %% [markdown]
# The network has 226 weights where version 1 had 8, and Adam where version 1 had a fixed step. Faster or slower? Guess, and
# guess which of the two changes did it.

# %%
logs["by autograd"] = by_autograd
show_curves(logs, "A network with Adam needs fewer steps", bar=solved)

# %%
claim(
    f"By autograd, REINFORCE solves {environment} within {steps_by_network:,} "
    "environment steps: mean return of the last 100 episodes.",
    [log.recent() for log in by_autograd],
    **terms,
    seeds_at_least=most_seeds,
)

# %% [markdown]
# Do not believe a guess: give version 1's eight weights Adam's steps, four lines in NumPy, and see how far they close the gap. What
# you look for: does balancing need a hidden layer, or steps that do not grow with the returns?
#
# ## Session 3: Sixteen carts, and less noise
#
# ### A trap in the vector
#
# `make_envs` gives you Gymnasium's vectorized CartPole, its checks left out: one call steps sixteen carts in a single NumPy
# expression. When one of them falls, it resets *itself*. When exactly? Watch one cart of two around its end.

# %%
pair, ended = make_envs(environment, 2), np.zeros(2, dtype=bool)
pair.reset(seed=0)
while not ended[0]:
    obs, rewards, terminated, truncated, _ = pair.step(np.ones(2, dtype=int))
    ended = terminated | truncated
print("at the end:     reward", rewards[0], "  obs", obs[0].round(2))

# %%
obs, rewards, _, _, _ = pair.step(np.ones(2, dtype=int))
print("one step later: reward", rewards[0], "  obs", obs[0].round(2))

# %% [markdown]
# The second line is no step at all. The reward is 0, the action was thrown away, the observation is the first of a new episode.
# Gymnasium calls it *autoreset on the next step*. Train on that row and you teach your agent from an action that never
# happened; count it, and your episodes are one step too long. And `info` says nothing about the episode that ended. (A
# well-known script for this very task runs to its end on today's Gymnasium and reports not a single episode.)
#
# `collect_episodes` stays out of it: each cart plays one whole episode, and whatever comes after its end is not recorded. Whole
# episodes also keep the sample honest. Cut all carts off after 100 steps, and the short, bad episodes are all in, the long,
# good ones are not.


# %%
def push_at_random(obs: np.ndarray) -> np.ndarray:
    return rng.integers(n_actions, size=len(obs))


# %%
batch = collect_episodes(make_envs(environment, n_envs), push_at_random, seed=0)
print("episodes:", batch.episode_ends.sum())
print("a frozen dataclass with", *batch.__dataclass_fields__)

# %% [markdown]
# ### Praise, compared with what?
#
# All returns of CartPole are positive, so *every* push is praised, the bad ones too. It works because good ones are praised
# more; but the difference drowns in the praise. Do as a fair teacher does: compare with what was to be expected, and praise
# only what was better.
#
# $$\begin{aligned}
# \nabla J = \mathbb{E}\Big[\sum_t\; &\nabla \log \pi_\theta(a_t \mid o_t) \\
# &\cdot \big(G_t - V(o_t)\big)\Big]
# \end{aligned}$$
#
# May we subtract something? That is the line that you were to remember: whatever is known before the action is drawn averages
# out to zero. $V(o_t)$, a prediction of the return from the observation, is known before. It is called a *baseline*, the
# difference an *advantage*. The average stays, the noise shrinks.
#
# Then divide by the standard deviation, so that the size of a step does not depend on the environment's rewards. (This part is
# folklore: shifting and scaling by the batch's own mean and spread biases the gradient a little. It helps nearly always.)
#
# **Exercise.** The values come from a network. The policy's loss must not reach it.


# %%
@exercise
def advantages_with_baseline(returns: Tensor, values: Tensor) -> Tensor:
    """How much better each step went than the baseline predicted, in
    standard deviations.

    returns: (steps,). values: (steps,), the baseline's predictions, treated
    as constants. Returns (steps,): returns minus values, shifted to mean 0,
    then divided by their population standard deviation plus 1e-8. Where
    there is no spread, all advantages are 0.
    """
    ...


# %% [markdown]
# The policy gets a second network that predicts returns, and answers with both:


# %%
class PolicyWithBaseline(nn.Module):
    """Logits of the actions, and the return to be expected."""

    def __init__(self) -> None:
        super().__init__()
        self.actor, self.baseline = make_policy(), make_policy()
        self.baseline[-1] = nn.Linear(32, 1)

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        return self.actor(obs), self.baseline(obs).squeeze(1)


# %% [markdown]
# ### From memory, against the clock
#
# Now write all of it once more: an update of REINFORCE with a baseline, in about fifteen lines. Scroll up as little as you can;
# what you look up, you have not learned yet. Say the six moves aloud first:
#
# rewards to go → logits and values → log-probabilities of the actions taken → advantages → the loss: minus the mean of
# log-probability times advantage, plus half the mean squared error of the values → clear, backpropagate, step.
#
# The clock starts with the next cell, and stops when the checker says *right*. Come back in three days and do it again from an
# empty cell; and a week later. The log keeps time, tries and hints.

# %%
drill.start("reinforce_step", week=7)


# %%
@exercise
def reinforce_step(
    policy: nn.Module,
    optimizer: torch.optim.Optimizer,
    batch: Batch,
    discount: float,
) -> float:
    """One update of REINFORCE with a learned baseline. Changes the
    policy's parameters; returns the loss.

    policy: `policy(batch.obs)` gives (logits, values), of the shapes
    (steps, actions) and (steps,). optimizer: over all of its parameters;
    gradients left from earlier are thrown away, one step is made. batch:
    obs, actions (tensors), rewards, episode_ends (arrays), one entry a
    step. discount: in [0, 1].
    The loss is minus the mean over steps of log-probability times
    advantage, plus half the mean squared error of the values against the
    discounted rewards to go. Advantages: as in `advantages_with_baseline`.
    Williams (1992); Sutton and Barto (2018), section 13.4.
    """
    ...


# %% [markdown]
# The log, as a picture. Until it holds a finished session of yours, it shows a sample: four sessions of nobody, made up for this page.

# %%
log = SAMPLE_DRILLS if headless() else None  # None: your own
own = [s for s in drill.sessions(log) if s.finished and s.week == 7]
shown = own or drill.sessions(SAMPLE_DRILLS)
whose = "Your drills" if own and log is None else "A sample log"

# %%
minutes = [s.minutes or 0 for s in shown]
bars = plt.bar([f"{s.started:%b %d}" for s in shown], minutes)
notes = [f"tries: {s.tries}\nhints: {s.hints}" for s in shown]
plt.bar_label(bars, notes, fontsize=9)
plt.margins(y=0.25)
finish(
    f"{whose}: {minutes[0]:.0f} minutes, then {minutes[-1]:.0f}",
    "",
    "minutes until right",
)

# %% [markdown]
# ### Version 3
#
# The rest is a loop around your step. Three details. The rewards are divided by 30, so that returns are about 1: a new network
# predicts about 0 and moves by about `learning_rate` an update, and would be on its way to 60 for thousands of updates. The
# loop takes the update as an argument, because you will want to put a broken one in. And it keeps four copies of the policy, from
# 10, 20, 40 and 80 % of the way between random play and the bar: you will look into them to see what the baseline did.


# %%
def chooser(policy, generator: np.random.Generator):
    """What turns observations into actions drawn from the policy."""

    def choose(obs: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            logits = policy.actor(torch.from_numpy(obs))
        return categorical_sample(logits.numpy(), generator)

    return choose


# %%
def update_vectorized(envs, policy, optimizer, choose, log, step, seed: int):
    """Play an episode in each environment, and update once."""
    batch = collect_episodes(envs, choose, None if log.steps else seed)
    log.add(batch.rewards, batch.episode_ends)
    scaled = replace(batch, rewards=batch.rewards * reward_scale)
    step(policy, optimizer, scaled, discount)


# %%
def adam(parameters) -> torch.optim.Optimizer:
    return torch.optim.Adam(parameters, lr=learning_rate, fused=True)


# %%
stages = random_score + np.array([0.1, 0.2, 0.4, 0.8]) * (solved - random_score)


def run_vectorized(
    seed: int,
    step=reinforce_step,
    optimizer=adam,
    until=solved,
    steps=steps_by_network,
):
    """Train a policy. Returns the log, the policy, and its copies from on the way."""
    torch.manual_seed(seed)
    policy = PolicyWithBaseline()
    optim = optimizer(policy.parameters())
    envs, log = make_envs(environment, n_envs), EpisodeLog()
    choose = chooser(policy, np.random.default_rng(seed))
    copies: list[PolicyWithBaseline] = []
    while log.steps < steps and log.recent() < until:
        update_vectorized(envs, policy, optim, choose, log, step, seed)
        while len(copies) < sum(log.recent() >= stages):
            copies.append(deepcopy(policy))
    return log, policy, copies


# %%
began = time.perf_counter()
vectorized = [run_vectorized(seed) for seed in tqdm(range(seeds))]
seconds["vectorized"] = (time.perf_counter() - began) / seeds

# %%
logs["vectorized"] = [log for log, _, _ in vectorized]
show_curves(logs, "Three versions, one bar", bar=solved)

# %%
claim(
    f"Vectorized, with a baseline, REINFORCE solves {environment} within "
    f"{steps_by_network:,} environment steps: mean return of the last 100 episodes.",
    [log.recent() for log in logs["vectorized"]],
    **terms,
    seeds_at_least=most_seeds,
)

# %% [markdown]
# In environment steps, version 3 is about where version 2 was: sixteen episodes an update instead of eight, half as many updates.
# In seconds it is another matter.

# %%
plt.figure(figsize=(5.2, 2.2))
bars = plt.barh(list(seconds)[::-1], list(seconds.values())[::-1])
plt.bar_label(bars, fmt=" %.1f s")
plt.margins(x=0.15)
finish("Counted in seconds, it is another race", "seconds a run, on one core", "")

# %% [markdown]
# *Sample efficiency is not wall-clock time.* If a step costs a robot a second, count steps. If it costs a microsecond, count
# seconds.
#
# A run stops at the first 100 episodes that reach the bar, and whoever picks the moment picks a lucky one. So play fresh
# episodes, a hundred a seed, with the policies as they are. Guess: still above 475?


# %%
def fresh_score(policy, seed: int, episodes: int = 100):
    """Mean return of new episodes."""
    choose = chooser(policy, np.random.default_rng(seed))
    batch = collect_episodes(make_envs(environment, episodes), choose, seed)
    return batch.rewards.sum() / episodes


# %%
claim(
    f"On 100 fresh episodes of {environment}, version 3's policies still solve it.",
    [fresh_score(policy, 1000 + s) for s, (_, policy, _) in enumerate(vectorized)],
    **terms,
)

# %% [markdown]
# And this is what it looks like, in real time, ten seconds to the end:

# %% tags=["nbval-ignore-output"] reason="the path of a trained policy differs from processor to processor"
if environment.startswith("CartPole"):
    choose = chooser(vectorized[0][1], np.random.default_rng(7))
    episode = collect_episodes(make_envs(environment, 1), choose, seed=7)
    display(cartpole_animation(episode.obs.numpy()))

# %% [markdown]
# ### Was it the baseline?
#
# You cannot tell from the curves; CartPole is too easy to show it. So measure what a baseline is for: the *variance of the
# gradient*. Freeze a policy in the middle of its training, play a hundred episodes, and compute the gradient from each of them
# alone. They should agree. How much do they scatter?


# %%
def episode_gradients(actor, batch: Batch, credit: Tensor):
    """The policy gradient as each episode alone estimates it."""
    gradients = []
    last = np.flatnonzero(batch.episode_ends)
    for steps in np.split(np.arange(len(batch)), last[:-1] + 1):
        logits = actor(batch.obs[steps])
        log_probs = log_probs_of(logits, batch.actions[steps])
        gain = -policy_gradient_loss(log_probs, credit[steps]) * len(steps)
        parts = torch.autograd.grad(gain, list(actor.parameters()))
        gradients.append(torch.cat([part.ravel() for part in parts]))
    return torch.stack(gradients).numpy()


# %%
def credits(policy, batch: Batch):
    """What each step is praised for: three answers."""
    rewards = batch.rewards * reward_scale
    to_go = reward_to_go(rewards, batch.episode_ends, discount)
    returns = torch.from_numpy(to_go).float()
    with torch.inference_mode():
        values = policy(batch.obs)[1]
    return {
        "no baseline": returns,
        "mean return": returns - returns.mean(),
        "learned baseline": returns - values,
    }


# %% [markdown]
# First a picture, for one policy. Each dot is one episode's opinion, in two of the gradient's 226 directions: along the mean of
# all opinions (to the right), and the direction in which they disagree most.


# %%
def opinions(policy, seed: int, episodes: int = 100):
    """Each episode's gradient, for each way to give credit."""
    choose = chooser(policy, np.random.default_rng(seed))
    batch = collect_episodes(make_envs(environment, episodes), choose, seed)
    return {
        name: episode_gradients(policy.actor, batch, credit)
        for name, credit in credits(policy, batch).items()
    }


# %%
found = opinions(vectorized[0][2][2], seed=0)  # at 40 % of the way
mean = found["no baseline"].mean(axis=0)
along = mean / np.linalg.norm(mean)
rest = found["no baseline"] - np.outer(found["no baseline"] @ along, along)
across = np.linalg.svd(rest - rest.mean(axis=0))[2][0]

# %%
fig, axes = plt.subplots(1, 2, sharex=True, sharey=True)
for ax, name in zip(axes, ("no baseline", "learned baseline"), strict=True):
    dots = found[name] @ np.c_[along, across]
    ax.plot(*dots.T, ".", alpha=0.5)
    ax.plot(*dots.mean(axis=0), "o", color="C1")
    ax.set_title(name, fontsize=11, fontweight="normal")
fig.supxlabel("along the mean", fontsize=11)
axes[0].set_ylabel("across it")
fig.suptitle("A baseline pulls the opinions together", fontweight="bold")
plt.show()

# %% [markdown]
# The orange dot is the mean, what you step along. It hardly moves; that is the theorem. The cloud around it shrinks; that is the
# point. In numbers: the variance, added up over all 226 directions, for five seeds, at four stages of their training.

# %%
cut = {name: np.full((len(stages), seeds), np.nan) for name in found}


def measure(policy, seed: int, i: int):
    """Write down how much less the gradients scatter than without a baseline."""
    noise = {n: g.var(axis=0).sum() for n, g in opinions(policy, seed).items()}
    for name in cut:
        cut[name][i, seed] = noise["no baseline"] / noise[name]


# %%
for seed, (_, _, copies) in enumerate(tqdm(vectorized)):
    for i, policy in enumerate(copies):
        measure(policy, seed, i)

# %%
for name, shift in (("mean return", -3), ("learned baseline", 3)):
    (line,) = plt.plot(stages + shift, np.nanmedian(cut[name], axis=1), label=name)
    plt.plot(stages + shift, cut[name], "o", ms=3, color=line.get_color(), alpha=0.5)
plt.axhline(1, color="0.55", linewidth=0.9)
plt.legend(loc="upper left")
finish(
    "A baseline cuts the noise",
    "return of the policy at that time",
    "times less variance",
)

# %%
claim(
    "At 40 % of the way to the bar, the learned baseline cuts the variance of the "
    "policy gradient at least 1.5 times.",
    cut["learned baseline"][2],
    at_least=1.5,
    against=1.0,
    seeds_at_least=most_seeds,
)

# %% [markdown]
# Two things to notice. The plain mean does nearly all of the work: getting rid of "everything is praised" is most of it. And the
# learned baseline is not reliably better than that here. CartPole pays the same at every step, so one state is worth about as much
# as another until shortly before the end. Where rewards are rare, knowing the state is worth more; you will meet that in week 9.
#
# Variance is paid for in episodes: a factor of four in variance is a factor of four in episodes for the same precision.
#
# ## Bugs that show, and bugs that do not
#
# Now break it. Each of these is a mistake that people make; each is one of the wrong answers that the checker knows, so it can be
# imported. Before you run the cell, rank them: which one hurts the most?
#
# - **off by one**: rewards to go that start with the *next* step's reward
# - **not detached**: the policy's loss sends its gradient into the baseline
# - **summed**: the loss is a sum over steps where it should be a mean
# - **across episodes**: returns that run on over the ends
# - **broadcast**: log-probabilities of shape `(steps, 1)` times advantages of shape `(steps,)`

# %%
updates = {
    "off by one": week_07.returns_start_one_late,
    "not detached": week_07.baseline_not_detached,
    "summed": week_07.summed_loss,
    "across episodes": week_07.returns_run_across_episodes,
    "broadcast": week_07.silently_broadcast,
}


# %%
def run_with(step, optimizer=adam, steps=bug_steps) -> list[EpisodeLog]:
    """Runs of a fixed length, good or bad."""
    options = {"optimizer": optimizer, "until": np.inf, "steps": steps}
    return [run_vectorized(seed, step, **options)[0] for seed in range(seeds)]


# %% [markdown]
# The right update needs no new runs: the five of version 3 began with the same seeds.

# %%
broken = {name: run_with(step) for name, step in tqdm(updates.items())}
compared = {"right": logs["vectorized"], **broken}
show_curves(compared, "Two bugs show. Three do not.", up_to=bug_steps)


# %%
claim(
    f"After {bug_steps:,} steps, broadcast log-probabilities have taught nothing.",
    [log.recent() for log in broken["broadcast"]],
    at_most=60,
    against=[log.curve(np.array([bug_steps]))[0] for log in logs["vectorized"]],
)

# %%
claim(
    f"After {bug_steps:,} steps, off by one plays far better than at random.",
    [log.recent() for log in broken["off by one"]],
    at_least=150,
    against=random_score,
)

# %% [markdown]
# *Across episodes* cripples. The push that lets the pole fall is paid for the next cart's episode, so falling costs nothing, and
# what a push earns is up to someone else. *Broadcast* multiplies each log-probability with *each* advantage, and the mean of
# that table is the product of two means, one of which is zero.
#
# The other three cannot be seen, and each has its reason.
#
# - CartPole pays 1 for each step. Leaving out one's own reward takes 1 off every return, and a constant is what a baseline removes.
#   In an environment that pays at the moment of the deed, the deed would go unpaid.
# - The policy's gradient into the baseline is small beside the baseline's own, as long as advantages are normalized and the
#   value loss counts in full.
# - Adam divides each step by its recent size. A loss that is thousands of times too large makes the same step.
#
# Change those circumstances, and both show. Without normalization, and with a tenth of the weight on the values:


# %%
def raw_loss(policy, batch: Batch, discount: float, detach: bool):
    """Raw advantages, and a small weight on the values."""
    logits, values = policy(batch.obs)
    log_probs = log_probs_of(logits, batch.actions)
    to_go = reward_to_go(batch.rewards, batch.episode_ends, discount)
    returns = torch.from_numpy(to_go).float()
    credit = returns - (values.detach() if detach else values)
    return -(log_probs * credit).mean() + 0.05 * (returns - values).square().mean()


# %%
def raw_step(detach: bool):
    def step(policy, optimizer, batch: Batch, discount: float):
        optimizer.zero_grad()
        raw_loss(policy, batch, discount, detach).backward()
        optimizer.step()

    return step


# %%
raw = {
    "detached": run_with(raw_step(detach=True)),
    "not detached": run_with(raw_step(detach=False)),
}
show_curves(raw, "The policy pulls its baseline along", up_to=bug_steps)

# %% [markdown]
# The loss contains $+\log\pi \cdot V$, and $\log \pi$ is negative: the optimizer makes it smaller by making $V$ larger. The value
# loss stops it only where the two pulls balance, $\log 2 / 0.1 \approx 7$ above the returns, which are about 2. Every push looks
# far worse than predicted, and we are back at a baseline that only makes noise.
#
# And with plain gradient descent in the place of Adam, the learning rate of the sum chosen so that its first step is as long as
# the mean's. It is slower, so give it a third more steps:


# %%
def descent(lr: float):
    return lambda parameters: torch.optim.SGD(parameters, lr=lr)


# %%
first_batch = 350  # steps of sixteen random episodes
longer = bug_steps * 4 // 3
plain = {
    "mean": run_with(reinforce_step, descent(0.7), longer),
    "sum": run_with(week_07.summed_loss, descent(0.7 / first_batch), longer),
}
show_curves(plain, "The sum starts well, then steps too far", up_to=longer)

# %%
claim(
    f"After {longer:,} steps of plain gradient descent, the sum has lost it all.",
    [log.recent() for log in plain["sum"]],
    at_most=40,
    against=[log.recent() for log in plain["mean"]],
)

# %% [markdown]
# At first the sum is even ahead: episodes get longer, so its steps do. A batch of long episodes makes a step twenty times longer than
# the first one, and one such step throws everything away. Success is what kills it.
#
# What to take home: **a learning curve finds few bugs.** The checker found each of these in milliseconds, on three numbers and a
# gradient. Test the parts on inputs so small that you know the answer.
#
# ## Your own run: Acrobot
#
# Two links hang from a hinge; you may turn the joint between them. Each step costs 1, until the foot swings above a line. Random play
# hardly ever gets there in 500 steps; solved is -100. Set these in the parameters cell and run everything again. (The bugs are about
# CartPole; their claims will not hold there.)
#
# ```python
# environment = "Acrobot-v1"
# step_by_hand = 0.1
# learning_rate = 0.005
# ```
#
# Guess which version does best. Then look at each seed of versions 2 and 3 by itself: some may sit at -500 from beginning to end,
# where version 1 gets through. That is no bug. Think of a batch in which *all* episodes failed: what is
# left of the returns when the baseline is subtracted, and what becomes of that when you divide by its spread? The repair is yours.
#
# ## Build
#
# In your own project this week: a repository with your REINFORCE in one file, no course code in it, that trains on CartPole and saves
# the policy, with two tests: one on rewards to go over an episode's end, and one that holds the gradient against finite
# differences. Write a learning curve over five seeds into its README. The gate at month 6 loads an environment and a policy of
# yours and plays them; what you build now is what it will load.
#
# ## Explain it
#
# Explain to a colleague, aloud, in two minutes and without a formula: how can a program learn to balance a pole when nobody tells it
# which push was right? Then the harder half: why may you subtract a prediction from every return and still go the right way?
# Where you wave your hands is what to read again.
#
# ## Cards
#
# ```{cards} week_07
# ```
#
# ## Further reading
#
# - [Williams, *Simple statistical gradient-following algorithms for connectionist reinforcement
#   learning*](https://doi.org/10.1007/BF00992696) (1992): the paper. The name is an acronym, and a joke.
# - [Spinning Up, *Intro to policy optimization*](https://spinningup.openai.com/en/latest/spinningup/rl_intro3.html): the same
#   derivation with every step, by people who use it.
# - [Agarwal et al., *Deep RL at the edge of the statistical precipice*](https://arxiv.org/abs/2108.13264): why five seeds, why the
#   interquartile mean, and how many published results do not survive it.
