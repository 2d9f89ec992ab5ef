"""What a training run remembers."""

import numpy as np
import pytest

from ultralearn.rl import EpisodeLog


def test_episodes_are_counted_over_batches():
    log = EpisodeLog()
    log.add(np.array([1.0, 2.0, 3.0, 4.0]), np.array([False, True, False, False]))
    assert log.returns == [3.0]
    assert log.ended_at == [2]
    log.add([5.0, 6.0], [True, False])  # goes on with the 3 + 4 from before
    assert log.returns == [3.0, 12.0]
    assert log.ended_at == [2, 5]
    assert log.steps == 6


def test_a_batch_without_an_end_waits_for_one():
    log = EpisodeLog()
    log.add([1.0, 1.0], [False, False])
    assert log.returns == []
    log.add([1.0], [True])
    assert log.returns == [3.0]
    assert log.ended_at == [3]


def test_recent_is_minus_infinity_until_there_are_enough():
    log = EpisodeLog()
    log.add([1.0] * 3, [True] * 3)
    assert log.recent(episodes=4) == -np.inf
    log.add([5.0], [True])
    assert log.recent(episodes=4) == 2.0
    assert log.recent(episodes=1) == 5.0


def test_curve_is_the_mean_of_the_last_episodes_at_each_step():
    log = EpisodeLog()
    log.add([1, 1, 4, 1, 6], [False, True, True, False, True])  # 2 at step 2, 4 at step 3, 7 at step 5
    assert log.curve(np.array([0, 1, 2, 3, 4, 5, 9]), episodes=2).tolist() == [2, 2, 2, 3, 3, 5.5, 5.5]


def test_errors_say_what_is_wrong():
    log = EpisodeLog()
    with pytest.raises(ValueError, match="no episode has ended yet"):
        log.curve(np.array([1]))
    with pytest.raises(ValueError, match="2 rewards and 1 ends"):
        log.add([1.0, 2.0], [True])
