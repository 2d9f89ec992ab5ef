"""`make bench`: run the comparisons and keep their results.

`python -m benchmarks.run [SUITE ...]` runs some of them. A trial run, `--trials 3 --rounds 1 --only EASE --to FOLDER`,
shows whether a contestant works; its figures are worth nothing, and it may not write where the book looks.
"""

import argparse
import sys
import time
from pathlib import Path

from benchmarks import harness
from benchmarks.catalog import CatalogSuite
from benchmarks.processes import ContestantFailed
from benchmarks.ranking import RankingSuite
from benchmarks.rating import RatingSuite
from benchmarks.serving import ServingSuite

SUITES: dict[str, type[harness.Suite]] = {
    "rating": RatingSuite,
    "ranking": RankingSuite,
    "serving": ServingSuite,
    "catalog": CatalogSuite,
}


def main() -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    parser.add_argument("suites", nargs="*", choices=[*SUITES, []], metavar="SUITE", help=", ".join(SUITES))
    parser.add_argument("--trials", type=int, help="trials of each tuned contestant")
    parser.add_argument("--rounds", type=int, help="rounds of measuring")
    parser.add_argument("--only", default="", help="only contestants with this in their name")
    parser.add_argument("--to", type=Path, default=harness.RESULTS, help="folder of the results")
    given = parser.parse_args()
    partial = given.trials is not None or given.rounds is not None or given.only
    if partial and given.to == harness.RESULTS:
        parser.error("a partial run is no result for the book; name another folder with --to")
    started = time.perf_counter()
    for name in given.suites or SUITES:
        suite = SUITES[name]
        changes = {"trials": given.trials or suite.trials, "rounds": given.rounds or suite.rounds}
        changes["entries"] = [entry for entry in suite.entries if given.only in entry.name]
        try:
            results = harness.run(type(name, (suite,), changes)())
        except ContestantFailed as error:
            sys.exit(f"Nothing was written for {name}:\n{error}")
        print(f"Wrote {harness.write(results, given.to)}")
    print(f"Done in {(time.perf_counter() - started) / 60:.1f} minutes. Now `make book` shows it.")


if __name__ == "__main__":
    main()
