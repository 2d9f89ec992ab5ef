"""Run the checks of a gate one by one, within a bounded time, so that nothing but success counts as success."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from ultralearn.gates.report import Finding, Line, failed, not_checked


@dataclass(frozen=True)
class Check:
    """One thing that has to hold.

    claim: what is known once it is verified. needs: the names of earlier checks without which it would say nothing.
    only_deployed: see Line.
    """

    name: str
    claim: str
    run: Callable[[], Awaitable[Finding]]
    needs: tuple[str, ...] = ()
    only_deployed: bool = False


async def run_checks(
    checks: Sequence[Check], seconds: float, announce: Callable[[Check], None] = lambda check: None
) -> list[Line]:
    """One line for each check, in order. Whatever happens inside a check, its line says so and the next one runs.

    seconds: for all of them together; a check that is cut off has failed, those after it are not checked.
    Only KeyboardInterrupt and a cancellation from outside get through.
    """
    ends = time.monotonic() + seconds
    lines: list[Line] = []
    for check in checks:
        began = time.monotonic()
        missing = [name for name in check.needs if name not in {x.name for x in lines if _holds(x)}]
        if missing:
            finding = not_checked(f"it would say nothing while this does not hold: {', '.join(missing)}")
        elif began >= ends:
            finding = not_checked(f"the gate's {seconds:g} seconds were used up", "Mend what took so long above.")
        else:
            announce(check)
            finding = await _run(check, ends - began)
        lines.append(Line(check.name, check.claim, finding, time.monotonic() - began, check.only_deployed))
    return lines


def _holds(line: Line) -> bool:
    return line.finding.status == "verified"


async def _run(check: Check, seconds: float) -> Finding:
    task = asyncio.ensure_future(_guarded(check))
    try:
        done, _ = await asyncio.wait([task], timeout=seconds)
    finally:
        task.cancel()  # of no effect on one that is done
    if not done:
        await asyncio.wait([task], timeout=5)  # let it close what it holds
        return failed(
            f"cut off after {seconds:.0f} s: the gate's time was used up", "Find out what makes your answers so slow."
        )
    return task.result()


async def _guarded(check: Check) -> Finding:
    again = "Run the gate again. If it says the same, this is a mistake in the gate: please report it."
    try:
        finding = await check.run()
    except (KeyboardInterrupt, asyncio.CancelledError):
        raise
    except BaseException as error:  # SystemExit among them: the gate must not end with exit code 0 by it
        return failed(f"the check itself broke: {type(error).__name__}: {error}", again)
    if not isinstance(finding, Finding) or finding.status not in ("verified", "failed", "not checked"):
        return failed(f"the check found nothing that counts: {finding!r}", again)
    return finding
