from tests.exercises.week_06.common import EITHER


def asked_in_a_for_loop(call, clock, draw, base, most, patience):
    began = clock.now()
    for attempt in range(10_000):
        status = call()
        if status and status != 429 and status not in range(502, 505):
            break
        pause = draw(0.0, min(most, base * 2**attempt))
        if clock.now() - began > patience - pause:
            break
        clock.sleep(pause)
    return status


def exponential_without_jitter(call, clock, draw, base, most, patience):
    end = clock.now() + patience
    for attempt in range(10_000):
        status = call()
        pause = min(most, base * 2**attempt)
        if status not in (0, 429, 502, 503, 504) or clock.now() + pause > end:
            return status
        clock.sleep(pause)
    return status


def anything_but_success(call, clock, draw, base, most, patience):
    end, ceiling = clock.now() + patience, base
    while (status := call()) != 200:
        pause = draw(0, ceiling)
        if clock.now() + pause > end:
            return status
        clock.sleep(pause)
        ceiling = min(most, ceiling * 2)
    return 200


def no_upper_end(call, clock, draw, base, most, patience):
    end = clock.now() + patience
    attempt = 0
    while True:
        status = call()
        if status not in {0, 429, 502, 503, 504}:
            return status
        pause = draw(0, base * 2**attempt)
        if end - clock.now() < pause:
            return status
        clock.sleep(pause)
        attempt += 1


SECOND = asked_in_a_for_loop
VARIANTS = {
    "all_at_once": exponential_without_jitter,
    "all_but_200": anything_but_success,
    "doubled_without_end": no_upper_end,
}
EQUIVALENT: dict[str, str] = {"min(2 * ceiling, most) → min(most, 2 * ceiling)": EITHER}
