"""The harness of the benchmarks: fair, whole or not at all, and nobody is dropped."""

import json
import sys

import numpy as np
import pytest
from optuna.distributions import FloatDistribution

from benchmarks import harness, run
from benchmarks.catalog import CatalogSuite
from benchmarks.contestants import Columns
from benchmarks.harness import Entry, Measure, Suite
from benchmarks.processes import ONE_THREAD, OURS, ContestantFailed, Process
from benchmarks.ranking import RankingSuite
from benchmarks.rating import RatingSuite
from benchmarks.serving import ServingSuite

SAMPLE = "tests.benchmarks.sample_contestants"
TRAIN = Columns(np.array([0, 1]), np.array([0, 0]), np.array([3.0, 4.0]), np.array([1, 2]), 2, 1)


class Small(Suite):
    name, title, quality, cost = "small", "Small?", "error", "fit"
    measures = (Measure("error", "Error", "", False, 3, tie=0.01), Measure("fit", "Fit", "CPU s", False, 3))
    rounds, trials, split_seed = 3, 4, 0
    entries = (
        Entry("fixed", OURS, f"{SAMPLE}:Sound", params={"level": 1.0}),
        Entry("tuned", OURS, f"{SAMPLE}:Sound", space={"level": FloatDistribution(0, 5)}, effort=("steps", (1, 2, 3))),
        Entry("once", OURS, f"{SAMPLE}:Sound", once=True),
    )

    def __init__(self):
        self.calls = []

    def open(self, folder):
        self.folder = folder
        return {"train": TRAIN.write(folder / "train.npz")}

    def _error(self, process):
        to = self.folder / "answer.npy"
        process.tell("predict", pairs=str(self.folder / "train.npz"), to=str(to))
        return float(np.abs(np.load(to) - TRAIN.ratings).mean())

    def _fit(self, process, params, seed):
        return process.tell("fit", train=str(self.folder / "train.npz"), seed=seed, params=params)["cpu"]

    def warm_up(self, process, params):
        self._fit(process, params, 0)

    def score(self, process, params):
        self.calls.append(("score", process.name, params))
        self._fit(process, params, 0)
        return self._error(process) + (0.02 if params.get("steps") == 1 else 0)

    def measure(self, process, params, turn, once):
        self.calls.append(("measure", process.name.removeprefix("small: "), turn))
        return {"fit": [self._fit(process, params, turn)], "error": [self._error(process)]}


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(harness, "BUILD", tmp_path / "build")
    monkeypatch.setattr("benchmarks.processes.BUILD", tmp_path / "build")


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """One run, looked at by several tests."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setattr(harness, "BUILD", tmp_path_factory.mktemp("build"))
        monkeypatch.setattr("benchmarks.processes.BUILD", tmp_path_factory.mktemp("build"))
        suite = Small()
        return suite, harness.run(suite)


def test_contestants_take_turns_in_changing_order(small):
    suite, _ = small
    measured = [(name, turn) for kind, name, turn in suite.calls if kind == "measure"]
    assert len(measured) == 7
    assert [turn for _, turn in measured] == [0, 0, 0, 1, 1, 2, 2]
    assert {name for name, turn in measured if turn == 1} == {"fixed", "tuned"}
    assert measured[0][0] != measured[3][0]


def test_results_hold_what_a_reader_must_know(small):
    _, results = small
    fixed, tuned, once = results["entries"]
    assert fixed["measured"]["error"] == {"median": 2.5, "min": 2.5, "max": 2.5, "values": 3}
    assert once["measured"]["fit"]["values"] == 1
    assert fixed["tuned"] is None
    assert tuned["tuned"]["trials"] == 4
    assert tuned["tuned"]["space"] == {"level": "0 to 5"}
    assert 0 <= tuned["params"]["level"] <= 5
    assert results["environments"][OURS]["torch"]
    assert len(results["data"]["train"]) == 64
    assert set(results["machine"]) == {"cpu", "cores", "system", "architecture"}
    json.dumps(results)


def test_the_fewest_iterations_that_are_as_good_are_taken(small):
    suite, results = small
    tuned = results["entries"][1]
    searched = [params for kind, _, params in suite.calls if kind == "score"]
    assert [params["steps"] for params in searched] == [3, 3, 3, 3, 1, 2]
    assert tuned["params"]["steps"] == 2
    assert tuned["tuned"]["effort"]["name"] == "steps"
    more = Measure("ndcg", "nDCG", "", True, 3, tie=0.01)
    assert harness.cheapest({1: 0.5, 2: 0.6, 3: 0.604}, more) == 2


def test_a_suite_may_add_what_follows_from_several_entries():
    class Relative(Small):
        entries = (Small.entries[0], Entry("other", OURS, f"{SAMPLE}:Sound", params={"level": 2.0}, peer=True))

        def derive(self, values):
            least = values["fixed"]["error"]
            for found in values.values():
                found["error"] = [mine / theirs for mine, theirs in zip(found["error"], least, strict=True)]

        def conditions(self):
            return {"rate": 100}

    results = harness.run(Relative())
    fixed, other = results["entries"]
    assert fixed["measured"]["error"]["median"] == 1
    assert other["measured"]["error"]["median"] == pytest.approx(1.5 / 2.5)
    assert (fixed["kind"], other["kind"]) == ("ours", "peer")
    assert results["conditions"] == {"rate": 100}


@pytest.mark.parametrize(
    ("contestant", "reason"),
    [
        ("Broken", "no convergence"),
        ("Dying", "the process ended during fit"),
        ("TwoThreads", "more than one thread"),
        ("Missing", "has no attribute 'Missing'"),
    ],
)
def test_a_contestant_that_fails_fails_the_run_by_name(contestant, reason):
    class Failing(Small):
        entries = (*Small.entries[:1], Entry("the bad one", OURS, f"{SAMPLE}:{contestant}"))

    with pytest.raises(ContestantFailed, match=f"the bad one.*{reason}"):
        harness.run(Failing())


def test_results_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    good = {"suite": "small", "rounds": 3}
    path = harness.write(good, tmp_path)
    with pytest.raises(TypeError):
        harness.write({"suite": "small", "rounds": object()}, tmp_path)
    assert json.loads(path.read_text()) == good
    assert list(tmp_path.glob("*.draft")) == []


def test_a_failed_run_leaves_the_old_results(tmp_path, monkeypatch, capsys):
    class Failing(Small):
        entries = (Entry("the bad one", OURS, f"{SAMPLE}:Broken"),)

    harness.write({"suite": "small", "rounds": 3}, tmp_path)
    monkeypatch.setattr(run, "SUITES", {"small": Failing})
    monkeypatch.setattr(sys, "argv", ["run", "small", "--rounds", "1", "--to", str(tmp_path)])
    with pytest.raises(SystemExit, match="Nothing was written for small:\n- small: the bad one: fit failed"):
        run.main()
    assert json.loads((tmp_path / "small.json").read_text()) == {"suite": "small", "rounds": 3}
    monkeypatch.setattr(run, "SUITES", {"small": Small})
    run.main()
    assert "Wrote" in capsys.readouterr().out
    assert json.loads((tmp_path / "small.json").read_text())["rounds"] == 1


def test_a_trial_run_may_not_write_where_the_book_looks(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["run", "rating", "--trials", "2"])
    with pytest.raises(SystemExit):
        run.main()
    assert "name another folder" in capsys.readouterr().err


def test_every_process_gets_one_thread(monkeypatch):
    started = {}

    def popen(command, **options):
        started.update(options, command=command)

    monkeypatch.setattr("benchmarks.processes.subprocess.Popen", popen)
    Process("implicit", "module:Class", "a name: with signs")
    assert started["env"].items() >= ONE_THREAD.items()
    assert set(ONE_THREAD.values()) == {"1"}
    assert started["command"][0].endswith("implicit/bin/python")


def test_columns_come_back_as_they_were_written(tmp_path):
    digest = TRAIN.write(tmp_path / "a/train.npz")
    back = Columns.read(tmp_path / "a/train.npz")
    assert (back.n_users, back.n_items) == (2, 1)
    assert back.ratings.tolist() == [3, 4]
    assert back.write(tmp_path / "again.npz") == digest
    other = Columns(back.users, back.items, back.ratings + 1, back.timestamps, 2, 1)
    assert other.write(tmp_path / "other.npz") != digest


@pytest.mark.parametrize("suite", [RatingSuite, RankingSuite, ServingSuite, CatalogSuite])
def test_entries_are_named_once_and_their_packages_are_known(suite):
    names = [entry.name for entry in suite.entries]
    assert len(set(names)) == len(names)
    assert {entry.environment for entry in suite.entries} <= set(suite.packages)


@pytest.mark.parametrize("suite", [RatingSuite, RankingSuite])
def test_entries_are_searched_alike(suite):
    for entry in suite.entries:
        assert not set(entry.params) & set(entry.space)
        assert set(entry.first) <= set(entry.space)
        if entry.effort:
            assert entry.effort[0] not in {*entry.params, *entry.space}
            assert list(entry.effort[1]) == sorted(entry.effort[1])
    for group in {entry.like for entry in suite.entries} - {""}:
        environments = {entry.environment for entry in suite.entries if entry.like == group}
        assert OURS in environments
        assert len(environments) > 1
