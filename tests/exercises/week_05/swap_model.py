import copy


def swap_with_an_early_count(holder, load, golden, at_least):
    outcome = "refused"
    try:
        candidate = load()
        missed = 0
        if candidate.version != holder.serving.version:
            for liked, wanted in golden:
                missed += wanted not in set(candidate.model.recommend(liked, 10))
            if len(golden) - missed >= at_least:
                setattr(holder, "serving", candidate)  # noqa: B010 # written another way on purpose
                outcome = "swapped"
        else:
            outcome = "unchanged"
    except Exception:  # load() may raise anything
        outcome = "refused"
    return outcome


def version_then_model(holder, load, golden, at_least):
    try:
        new = load()
        if new.version == holder.serving.version:
            return "unchanged"
        if [wanted in new.model.recommend(liked, 10) for liked, wanted in golden].count(True) < at_least:
            return "refused"
    except Exception:
        return "refused"
    serving = holder.serving
    serving.version = new.version
    serving.model = new.model
    return "swapped"


def taken_back(holder, load, golden, at_least):
    before = copy.copy(holder.serving)
    before = holder.serving if before == holder.serving else before
    try:
        new = load()
        if new.version == before.version:
            return "unchanged"
        holder.serving = new
        good = sum([wanted in holder.serving.model.recommend(liked, 10) for liked, wanted in golden]) >= at_least
    except Exception:
        good = False
    if not good:
        holder.serving = before
    return "swapped" if good else "refused"


def a_local_name(holder, load, golden, at_least):
    serving = holder.serving
    try:
        new = load()
        if new.version == serving.version:
            return "unchanged"
        if sum(wanted in new.model.recommend(liked, 10) for liked, wanted in golden) < at_least:
            return "refused"
    except Exception:
        return "refused"
    serving = new
    return "swapped" if serving is new else "refused"


def two_kinds_of_error(holder, load, golden, at_least):
    try:
        new = load()
    except OSError:
        return "refused"
    if new.version == holder.serving.version:
        return "unchanged"
    try:
        good = sum(wanted in new.model.recommend(liked, 10) for liked, wanted in golden) >= at_least
    except (ValueError, ArithmeticError):
        return "refused"
    if good:
        holder.serving = new
    return "swapped" if good else "refused"


def load_that_escapes(holder, load, golden, at_least):
    new = load()
    if new.version != holder.serving.version:
        try:
            good = sum(wanted in new.model.recommend(liked, 10) for liked, wanted in golden) >= at_least
        except ValueError:
            good = False
        if good:
            holder.serving = new
        return "swapped" if good else "refused"
    return "unchanged"


SECOND = swap_with_an_early_count
VARIANTS = {
    "model_then_version": version_then_model,
    "swapped_before_it_is_checked": taken_back,
    "damage_gets_through": load_that_escapes,
    "nobody_sees_it": a_local_name,
    "expected_errors_only": two_kinds_of_error,
}
EQUIVALENT: dict[str, str] = {}
