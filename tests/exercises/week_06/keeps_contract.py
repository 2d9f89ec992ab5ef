import json


def contract_by_checks(answer, sent, k, n_items):
    try:
        assert answer.status == 200
        assert answer.content_type.lower().split(";")[0].rstrip() == "application/json"
        body = json.loads(answer.body.decode("utf-8"))
        assert isinstance(body, dict)
        assert isinstance(body["items"], list)
        assert isinstance(body["model_version"], str)
        assert body["model_version"] != ""
        left = set(range(1, n_items + 1)) - set(sent)
        assert len(body["items"]) == k
        for film in body["items"]:
            assert isinstance(film["item"], int)
            assert not isinstance(film["item"], bool)
            left.remove(film["item"])
    except (AssertionError, KeyError, TypeError, ValueError):
        return False
    return True


def get_with_defaults(answer, sent, k, n_items):
    try:
        body = json.loads(answer.body)
        good = answer.status == 200 and answer.content_type.partition(";")[0].lower() == "application/json"
        if not good or not isinstance(body["items"], list) or not body["model_version"]:
            return False
        ids = [film["item"] for film in body["items"]]
        valid = all(type(item) is int and 0 < item <= n_items for item in ids) and isinstance(
            body["model_version"], str
        )
    except (TypeError, ValueError, KeyError):
        return False
    return valid and len(ids) <= k and len(set(ids)) == len(ids) and not set(sent).intersection(ids)


def truth_counts_as_number(answer, sent, k, n_items):
    try:
        body = json.loads(answer.body)
        ids = [film["item"] for film in body["items"]]
        if not (isinstance(body["items"], list) and isinstance(body["model_version"], str) and body["model_version"]):
            return False
        right = all(isinstance(item, int) and 1 <= item <= n_items for item in ids) and len(set(ids)) == len(ids) == k
    except (TypeError, ValueError, KeyError):
        return False
    typed = answer.content_type.lower().startswith("application/json")
    return right and typed and answer.status == 200 and not set(sent) & set(ids)


SECOND = contract_by_checks
VARIANTS = {
    "short_lists_pass": get_with_defaults,
    "true_is_one": truth_counts_as_number,
}
EQUIVALENT: dict[str, str] = {}
