import math

from tests.exercises.week_06.common import EITHER


def bill_with_ifs(requests, milliseconds, vcpus, gib, tariff):
    steps = int(milliseconds // tariff.step_ms)
    if steps * tariff.step_ms < milliseconds:
        steps += 1
    seconds = requests * steps * tariff.step_ms / 1000
    if seconds > tariff.most_seconds:
        seconds = tariff.most_seconds
    dollars = 0.0
    if requests > tariff.free_requests:
        dollars += (requests - tariff.free_requests) / 1e6 * tariff.per_million_requests
    if seconds * vcpus > tariff.free_vcpu_seconds:
        dollars += (seconds * vcpus - tariff.free_vcpu_seconds) * tariff.per_vcpu_second
    if seconds * gib > tariff.free_gib_seconds:
        dollars += (seconds * gib - tariff.free_gib_seconds) * tariff.per_gib_second
    return dollars


def every_millisecond_as_it_is(requests, milliseconds, vcpus, gib, tariff):
    seconds = min(requests * milliseconds / 1000, tariff.most_seconds)
    dollars = max(0, requests - tariff.free_requests) * tariff.per_million_requests / 10**6
    dollars += max(0, seconds * vcpus - tariff.free_vcpu_seconds) * tariff.per_vcpu_second
    return dollars + max(0, seconds * gib - tariff.free_gib_seconds) * tariff.per_gib_second


def credit_for_a_quiet_month(requests, milliseconds, vcpus, gib, tariff):
    seconds = min(requests * -(-milliseconds // tariff.step_ms) * tariff.step_ms / 1000, tariff.most_seconds)
    dollars = (requests - tariff.free_requests) * tariff.per_million_requests / 10**6
    dollars += (seconds * vcpus - tariff.free_vcpu_seconds) * tariff.per_vcpu_second
    return dollars + (seconds * gib - tariff.free_gib_seconds) * tariff.per_gib_second


def an_endless_month(requests, milliseconds, vcpus, gib, tariff):
    seconds = requests * math.ceil(milliseconds / tariff.step_ms) * tariff.step_ms / 1000
    kinds = [
        (requests, tariff.free_requests, tariff.per_million_requests / 1e6),
        (seconds * vcpus, tariff.free_vcpu_seconds, tariff.per_vcpu_second),
        (seconds * gib, tariff.free_gib_seconds, tariff.per_gib_second),
    ]
    return sum(max(0, used - free) * price for used, free, price in kinds)


SECOND = bill_with_ifs
VARIANTS = {
    "not_rounded_up": every_millisecond_as_it_is,
    "money_back": credit_for_a_quiet_month,
    "longer_than_a_month": an_endless_month,
}
EQUIVALENT: dict[str, str] = {
    "min(requests * billed, tariff.most_seconds) → min(tariff.most_seconds, requests * billed)": EITHER,
    "max(0.0, used[kind] - free[kind]) → max(used[kind] - free[kind], 0.0)": EITHER,
}
