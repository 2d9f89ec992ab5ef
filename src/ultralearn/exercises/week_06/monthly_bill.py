"""Week 6: `monthly_bill`."""

import math
from dataclasses import dataclass, replace

from ultralearn.exercises.week_06.common import Seen
from ultralearn.practice import Declaration, Probe, Tolerance


@dataclass(frozen=True)
class Tariff:
    """What a platform charges, in dollars, and what is free each month.

    step_ms: billed time is rounded up to a multiple of it. most_seconds: requests that overlap share an instance, which
    never runs longer than this in a month; inf where each is billed by itself. A GiB is a GB to whoever sends the bill.
    """

    step_ms: int
    most_seconds: float
    free_requests: int
    free_vcpu_seconds: float
    free_gib_seconds: float
    per_million_requests: float
    per_vcpu_second: float
    per_gib_second: float


def monthly_bill(requests: int, milliseconds: float, vcpus: float, gib: float, tariff: Tariff) -> float:
    """Dollars for a month of so many requests, at most.

    milliseconds: that a request takes; each is rounded up to a multiple of
    tariff.step_ms. Their sum is what the instance is billed for, but never
    more than tariff.most_seconds. vcpus, gib: of the instance, in use for
    all of that time. Of requests, vCPU-seconds and GiB-seconds the free
    ones are taken off, each from its own kind; what is left costs
    per_million_requests, per_vcpu_second and per_gib_second.
    """
    step = tariff.step_ms
    billed = math.ceil(milliseconds / step) * step / 1000
    seconds = min(requests * billed, tariff.most_seconds)
    used = (requests, seconds * vcpus, seconds * gib)
    free = (tariff.free_requests, tariff.free_vcpu_seconds, tariff.free_gib_seconds)
    per_request = tariff.per_million_requests / 1_000_000
    prices = (per_request, tariff.per_vcpu_second, tariff.per_gib_second)
    return sum(max(0.0, used[kind] - free[kind]) * prices[kind] for kind in range(3))


def _bill(requests, milliseconds, vcpus, gib, tariff, *, billed=None, capped=True, least=0.0, kinds=(1, 1, 1)):
    """As the reference's, but for what is given."""
    seconds = requests * (math.ceil(milliseconds / tariff.step_ms) * tariff.step_ms / 1000)
    seconds = seconds if billed is None else billed
    seconds = min(seconds, tariff.most_seconds) if capped else seconds
    calls = max(least, requests - tariff.free_requests) * tariff.per_million_requests / 1e6
    cpu = max(least, seconds * vcpus - tariff.free_vcpu_seconds) * tariff.per_vcpu_second
    memory = max(least, seconds * gib - tariff.free_gib_seconds) * tariff.per_gib_second
    return kinds[0] * calls + kinds[1] * cpu + kinds[2] * memory


SHARED = Tariff(100, 2_600_000.0, 2_000_000, 200_000.0, 300_000.0, 0.5, 0.00002, 0.000004)
SINGLE = Tariff(1, math.inf, 1_000_000, 0.0, 400_000.0, 0.25, 0.0, 0.00002)
NOT_FREE = Tariff(100, 1_000.0, 0, 0.0, 0.0, 2.0, 0.01, 0.03)
SMALL = Tariff(50, 10_000.0, 1_000, 100.0, 5_000.0, 3.0, 0.001, 0.0005)


def _month(requests: int, milliseconds: float, vcpus: float, gib: float, tariff: Tariff) -> Seen:
    return {"requests": requests, "milliseconds": milliseconds, "vcpus": vcpus, "gib": gib, "tariff": tariff}


declaration = Declaration(
    monthly_bill,
    question="A taxi that charges for each started kilometer, for the driver's time and for getting in, with the first "
    "ten of each free. What do you need to know of a ride, and in which order do you calculate?",
    nudge="`math.ceil(milliseconds / step)` steps; times requests; not more than a month has. Then three kinds, each "
    "with `max(0, used - free)` times its own price.",
    probes=[
        Probe("a busy month", lambda: _month(5_000_000, 130.0, 1.0, 0.5, SHARED)),
        Probe("a quiet month", lambda: _month(90_000, 3.0, 1.0, 0.5, SHARED)),
        Probe("few requests that take long", lambda: _month(900_000, 650.0, 2.0, 0.25, SHARED)),
        Probe("exactly two steps", lambda: _month(4_000_000, 200.0, 1.0, 2.0, SHARED)),
        Probe("more than one instance can do", lambda: _month(400_000_000, 20.0, 1.0, 0.5, SHARED)),
        Probe("billed by the millisecond", lambda: _month(60_000_000, 7.25, 0.5, 1.0, SINGLE)),
        Probe("a small tariff", lambda: _month(30_000, 110.0, 4.0, 3.0, SMALL)),
        Probe("a few requests, nothing free", lambda: _month(101, 7.5, 1.0, 2.0, NOT_FREE)),
        Probe("just out of the free part", lambda: _month(1_001, 40.0, 2.0, 80.0, SMALL)),
        Probe("a hundred requests a second", lambda: _month(260_000_000, 4.5, 1.0, 1.0, SINGLE), times=10),
    ],
    tolerance=Tolerance(rtol=1e-8),
)


@declaration.misconception
def not_rounded_up(requests, milliseconds, vcpus, gib, tariff):
    """You bill the milliseconds that a request takes. The platform rounds each of them up to its step, and with steps
    of 100 ms a request of 3 ms costs as much as one of 99.
    """
    return _bill(requests, milliseconds, vcpus, gib, tariff, billed=requests * milliseconds / 1000)


@declaration.misconception
def sum_rounded_up(requests, milliseconds, vcpus, gib, tariff):
    """You add up first and round once, at the end. Each request is rounded by itself: that is where the money is."""
    whole = math.ceil(requests * milliseconds / tariff.step_ms) * tariff.step_ms / 1000
    return _bill(requests, milliseconds, vcpus, gib, tariff, billed=whole)


@declaration.misconception
def rounded_to_the_nearest(requests, milliseconds, vcpus, gib, tariff):
    """You round to the nearest step; a short request costs nothing with you. They round up."""
    nearest = round(milliseconds / tariff.step_ms) * tariff.step_ms / 1000
    return _bill(requests, milliseconds, vcpus, gib, tariff, billed=requests * nearest)


@declaration.misconception
def a_step_too_many(requests, milliseconds, vcpus, gib, tariff):
    """Somebody who takes exactly 100 ms is billed 200 by you. Rounding up leaves a whole number of steps as it is."""
    more = (math.floor(milliseconds / tariff.step_ms) + 1) * tariff.step_ms / 1000
    return _bill(requests, milliseconds, vcpus, gib, tariff, billed=requests * more)


@declaration.misconception
def always_steps_of_100(requests, milliseconds, vcpus, gib, tariff):
    """You round up to 100 ms, whatever the tariff says. There are platforms that count single milliseconds."""
    return monthly_bill(requests, milliseconds, vcpus, gib, replace(tariff, step_ms=100))


@declaration.misconception
def milliseconds_for_seconds(requests, milliseconds, vcpus, gib, tariff):
    """A thousand times too much: prices are for seconds, and you multiply them by milliseconds."""
    billed = requests * math.ceil(milliseconds / tariff.step_ms) * tariff.step_ms
    return _bill(requests, milliseconds, vcpus, gib, tariff, billed=billed)


@declaration.misconception
def longer_than_a_month(requests, milliseconds, vcpus, gib, tariff):
    """With enough requests your one instance works for more seconds than the month has. They overlap, and what they
    share is billed once: tariff.most_seconds is the most it can be.
    """
    return _bill(requests, milliseconds, vcpus, gib, tariff, capped=False)


@declaration.misconception
def nothing_is_free(requests, milliseconds, vcpus, gib, tariff):
    """You bill from the first request on. A part of each kind is free every month; take it off first."""
    none = replace(tariff, free_requests=0, free_vcpu_seconds=0.0, free_gib_seconds=0.0)
    return monthly_bill(requests, milliseconds, vcpus, gib, none)


@declaration.misconception
def money_back(requests, milliseconds, vcpus, gib, tariff):
    """In a quiet month your bill is negative. What is free and not used is gone; nobody pays you for it."""
    return _bill(requests, milliseconds, vcpus, gib, tariff, least=-math.inf)


@declaration.misconception
def one_pot(requests, milliseconds, vcpus, gib, tariff):
    """You let what is left free of one kind pay for another, and take max(0, ...) of the sum. Each kind has a free part
    of its own.
    """
    return max(0.0, _bill(requests, milliseconds, vcpus, gib, tariff, least=-math.inf))


@declaration.misconception
def free_while_requests_are(requests, milliseconds, vcpus, gib, tariff):
    """As long as the number of requests is within the free one, you bill nothing. Three things are counted, and the
    seconds usually run out first.
    """
    return _bill(requests, milliseconds, vcpus, gib, tariff) if requests > tariff.free_requests else 0.0


@declaration.misconception
def memory_forgotten(requests, milliseconds, vcpus, gib, tariff):
    """You bill requests and processors. Memory costs, too, for as long as the instance works."""
    return _bill(requests, milliseconds, vcpus, gib, tariff, kinds=(1, 1, 0))


@declaration.misconception
def processors_forgotten(requests, milliseconds, vcpus, gib, tariff):
    """You bill requests and memory. On most platforms the processor is the larger part."""
    return _bill(requests, milliseconds, vcpus, gib, tariff, kinds=(1, 0, 1))


@declaration.misconception
def requests_forgotten(requests, milliseconds, vcpus, gib, tariff):
    """You bill time and memory, and not the requests themselves, which have a price, too."""
    return _bill(requests, milliseconds, vcpus, gib, tariff, kinds=(0, 1, 1))


@declaration.misconception
def a_million_each(requests, milliseconds, vcpus, gib, tariff):
    """The price is for a million requests, and you take it for each of them."""
    return _bill(requests, milliseconds, vcpus, gib, tariff, kinds=(1_000_000, 1, 1))


@declaration.misconception
def one_of_each(requests, milliseconds, vcpus, gib, tariff):
    """You bill one vCPU and one GiB, whatever the instance has. Half a GiB costs half."""
    return monthly_bill(requests, milliseconds, 1.0, 1.0, tariff)
