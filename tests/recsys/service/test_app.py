"""What a client sees: answers, errors that say what to do, ids, metrics, reloads, and a model in the shadow."""

import json

import pytest
from starlette.testclient import TestClient

from tests.recsys.service.conftest import KEY, N_ITEMS, N_USERS, make_release, put
from ultralearn.recsys.service import serving
from ultralearn.recsys.service.access_log import AccessLog
from ultralearn.recsys.service.app import put_together
from ultralearn.recsys.service.loading import load_release
from ultralearn.recsys.service.metrics import Metrics
from ultralearn.recsys.service.settings import Settings, SettingsError

PROFILE = {"items": [{"item": 4, "rating": 5}, {"item": 6, "rating": 4.5}], "k": 5}


def problem(response, status):
    """The document of an error, checked."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/problem+json"
    document = response.json()
    assert set(document) == {"type", "title", "status", "detail", "errors"}
    assert document["status"] == status
    assert document["detail"]
    return document


def test_somebody_known(client, releases):
    release = load_release(releases / "one")
    response = client.get("/recommend/7")
    answer = response.json()
    assert response.status_code == 200
    assert answer["source"] == "als"
    assert answer["model_version"] == response.headers["x-model-version"] == release.version
    expected = release.recommend(6, 10)
    assert [film["item"] for film in answer["items"]] == [best.item + 1 for best in expected.items]
    first = answer["items"][0]
    assert first["title"] == release.catalog[first["item"] - 1].title
    assert first["year"] == release.catalog[first["item"] - 1].year
    own = set(release.seen(6) + 1)
    assert not own & {film["item"] for film in answer["items"]}
    assert {reason["item"] for film in answer["items"] for reason in film["because"]} <= own


def test_k_and_exclude_seen(client):
    assert [len(client.get(f"/recommend/20?k={k}").json()["items"]) for k in (1, 7)] == [1, 7]
    both = (client.get(f"/recommend/1?exclude_seen={seen}&k=100").json()["items"] for seen in ("true", "false"))
    without, all_of_them = ({film["item"] for film in films} for films in both)
    assert without < all_of_them == set(range(1, N_ITEMS + 1))


@pytest.mark.parametrize("user", [N_USERS + 1, 10**6, 2**31 - 1])
def test_somebody_unknown_gets_what_is_popular(client, user):
    response = client.get(f"/recommend/{user}")
    assert response.status_code == 200
    assert response.json()["source"] == "popular"
    assert len(response.json()["items"]) == 10


def test_a_profile(client):
    answer = client.post("/recommend", json=PROFILE).json()
    assert answer["source"] == "fold_in"
    assert len(answer["items"]) == 5
    assert not {4, 6} & {film["item"] for film in answer["items"]}
    assert client.post("/recommend", json={"items": []}).json()["source"] == "popular"
    assert client.post("/recommend", json={"items": [{"item": 4}]}).json()["source"] == "fold_in"


def test_a_profile_of_everything_leaves_nothing(client):
    everything = [{"item": item, "rating": 3} for item in range(1, N_ITEMS + 1)]
    assert client.post("/recommend", json={"items": everything}).json()["items"] == []


def test_similar_films(client):
    answer = client.get("/similar/4?k=3").json()
    assert answer["source"] == "als"
    assert len(answer["items"]) == 3
    assert f"ids from 1 to {N_ITEMS}" in problem(client.get(f"/similar/{N_ITEMS + 1}"), 404)["detail"]


def test_the_model(client, releases):
    card = client.get("/model").json()
    assert card["version"] == load_release(releases / "one").version
    assert (card["n_users"], card["n_items"]) == (N_USERS, N_ITEMS)
    assert card["golden"] == {"queries": 1, "kept": 1}
    assert card["shadow"] is None


BAD_PATHS = ["/recommend/0", "/recommend/-1", "/recommend/x", "/recommend/1.5", f"/recommend/{2**31}", "/recommend/١٢x"]
BAD_PATHS += ["/recommend/" + "9" * 5000, "/recommend/1?k=0", "/recommend/1?k=101", "/recommend/1?k=ten"]
BAD_PATHS += ["/recommend/1?kk=3", "/recommend/1?exclude_seen=perhaps", "/similar/0", "/similar/a", "/similar/1?k=1e3"]


@pytest.mark.parametrize("path", BAD_PATHS, ids=range(len(BAD_PATHS)))
def test_bad_paths(client, path):
    document = problem(client.get(path), 422)
    assert document["errors"][0]["where"].split(".")[0] in {"path", "query"}
    assert len(document["detail"]) < 400  # a wrong value is not sent back whole


BAD_PROFILES = {
    "nothing": (None, "body"),
    "a list": ([], "body"),
    "a string": ("items", "body"),
    "no items": ({}, "body.items"),
    "items of another type": ({"items": "4"}, "body.items"),
    "an item as text": ({"items": [{"item": "4", "rating": 5}]}, "body.items.0.item"),
    "an item with a fraction": ({"items": [{"item": 4.5, "rating": 5}]}, "body.items.0.item"),
    "an item that is true": ({"items": [{"item": True, "rating": 5}]}, "body.items.0.item"),
    "item 0": ({"items": [{"item": 0, "rating": 5}]}, "body.items.0.item"),
    "an unknown item": ({"items": [{"item": 4, "rating": 5}, {"item": N_ITEMS + 1, "rating": 5}]}, "body.items.1.item"),
    "a rating as text": ({"items": [{"item": 4, "rating": "good"}]}, "body.items.0.rating"),
    "six stars": ({"items": [{"item": 4, "rating": 6}]}, "body.items.0.rating"),
    "no stars": ({"items": [{"item": 4, "rating": 0}]}, "body.items.0.rating"),
    "null stars": ({"items": [{"item": 4, "rating": None}]}, "body.items.0.rating"),
    "twice": ({"items": [{"item": 4, "rating": 5}, {"item": 4, "rating": 1}]}, "body"),
    "huge k": ({"items": [], "k": 10**9}, "body.k"),
    "k as text": ({"items": [], "k": "10"}, "body.k"),
    "k of 0": ({"items": [], "k": 0}, "body.k"),
    "a misspelling": ({"items": [], "kk": 10}, "body.kk"),
    "too many": ({"items": [{"item": 1}] * 1001}, "body.items"),
}


@pytest.mark.parametrize("name", BAD_PROFILES)
def test_bad_profiles(client, name):
    profile, where = BAD_PROFILES[name]
    document = problem(client.post("/recommend", json=profile), 422)
    assert document["errors"][0]["where"] == where
    assert where in document["detail"] or "no film" in document["detail"]


JSON = {"Content-Type": "application/json"}
UNREADABLE = [
    b"{",
    b'{"items": [}',
    b"\xff\xfe\xfa",
    b'{"items": "\xc3\x28"}',
    b"[" * 60_000,
    b'{"k": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("body", UNREADABLE, ids=range(len(UNREADABLE)))
def test_what_is_no_json_is_said_to_be_none(client, body):
    document = problem(client.post("/recommend", content=body, headers=JSON), 400)
    assert "no JSON" in document["detail"]
    assert '"items"' in document["detail"]  # shows what would be right


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e400"])
def test_numbers_that_are_none(client, number):
    body = f'{{"items": [{{"item": 4, "rating": {number}}}]}}'.encode()
    assert (
        problem(client.post("/recommend", content=body, headers=JSON), 422)["errors"][0]["where"]
        == "body.items.0.rating"
    )


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", None]
)
def test_a_body_that_is_not_called_json_is_refused(client, content_type):
    headers = {"Content-Type": content_type} if content_type else {}
    assert (
        "application/json"
        in problem(client.post("/recommend", content=b'{"items": []}', headers=headers), 415)["detail"]
    )


@pytest.mark.parametrize("path", ["/recommend", "/recommend/1", "/health", "/nothing"])
def test_ten_megabytes_are_refused(client, path):
    assert "65,536 bytes" in problem(client.post(path, content=b"x" * 10_000_000, headers=JSON), 413)["detail"]


def test_ten_megabytes_in_pieces_are_refused_before_they_are_all_there(client):
    taken = 0

    def pieces():
        nonlocal taken
        for _ in range(1000):
            taken += 1
            yield b"x" * 10_000

    problem(client.post("/recommend", content=pieces(), headers=JSON), 413)
    assert taken <= 1000


@pytest.mark.parametrize("path", ["/nothing", "/recommend/", "/recommend/1/2", "/docs", "/page.py", "/%00"])
def test_what_is_not_there(client, path):
    assert "/openapi.json" in problem(client.get(path), 404)["detail"]


def test_methods_that_are_not_there(client):
    for method, path, allowed in (
        ("DELETE", "/recommend/1", "GET"),
        ("GET", "/recommend", "POST"),
        ("PUT", "/model", "GET"),
    ):
        response = client.request(method, path)
        assert allowed in problem(response, 405)["detail"]
        assert response.headers["allow"] == allowed


def test_our_mistakes_are_problems_too(client, monkeypatch, log, client_of, releases):
    client = client_of(releases / "one", log)

    def broken(*arguments):
        raise RuntimeError("secret")

    monkeypatch.setattr(serving.Deployment, "release_for", broken)
    response = client.get("/recommend/1?k=3", headers={"X-Request-Id": "abc"})
    assert "secret" not in response.text
    assert "abc" in problem(response, 500)["detail"]
    assert response.headers["x-request-id"] == "abc"
    client.get("/metrics")
    assert any(line["event"] == "failed" and "secret" in line["traceback"] for line in settled(client, log))


def test_the_api_key(client_of, releases):
    client = client_of(releases / "one", api_key=KEY)
    paths = ["/recommend/1", "/recommend/1?k=3", "/similar/3", "/model"]
    for path in paths:
        for headers in ({}, {"X-API-Key": "wrong"}, {"X-API-Key": KEY + "x"}, {"X-API-Key": "é".encode()}):
            response = client.get(path, headers=headers)
            assert "X-API-Key" in problem(response, 401)["detail"]
            assert "www-authenticate" in response.headers
        assert client.get(path, headers={"X-API-Key": KEY}).status_code == 200
    problem(client.post("/recommend", json=PROFILE), 401)
    for path in ("/health", "/ready", "/metrics", "/"):
        assert client.get(path).status_code == 200


def test_it_can_keep_to_itself_what_known_people_like(client_of, releases):
    client = client_of(releases / "one", known_users=False)
    for path in ("/recommend/1", "/recommend/1?k=3", "/recommend/1?exclude_seen=false", "/recommend/99999"):
        assert "POST /recommend" in problem(client.get(path), 403)["detail"]
    assert client.post("/recommend", json=PROFILE).json()["source"] == "fold_in"
    assert client.get("/similar/3").status_code == client.get("/").status_code == 200


def test_request_ids(client):
    assert client.get("/recommend/1", headers={"X-Request-Id": "a.B-3_"}).headers["x-request-id"] == "a.B-3_"
    made = [client.get(path).headers["x-request-id"] for path in ("/recommend/1", "/recommend/1?k=2", "/nothing", "/")]
    assert len(set(made)) == 4
    for unfit in ("", "a b", "x" * 65, 'a"b', "é"):
        assert client.get("/recommend/1", headers={"X-Request-Id": unfit.encode()}).headers["x-request-id"] != unfit


def settled(client, log):
    """The log's lines, all that are due."""
    client.__exit__(None, None, None)
    lines = log.lines()
    client.__enter__()
    return lines


def test_the_log_has_a_line_a_request_and_nothing_personal_but_ids(client_of, releases, log):
    client = client_of(releases / "one", log)
    client.get(
        "/recommend/1", headers={"X-Request-Id": "first", "User-Agent": "curious", "X-Forwarded-For": "10.9.8.7"}
    )
    client.get("/recommend/2?k=3", headers={"X-Request-Id": "second"})
    client.post("/recommend", json=PROFILE)
    client.get("/?q=romance&film-4=5")
    client.get("/no/such/path")
    lines = [line for line in settled(client, log) if line["event"] == "request"]
    assert [line["route"] for line in lines] == ["/recommend/{user}", "/recommend/{user}", "/recommend", "/", "none"]
    assert [line["status"] for line in lines] == [200, 200, 200, 200, 404]
    assert [line.get("user") for line in lines] == [1, 2, None, None, None]
    assert [line.get("source") for line in lines] == ["als", "als", "fold_in", "fold_in", None]
    assert [line["request_id"] for line in lines[:2]] == ["first", "second"]
    assert all(line["ms"] >= 0 and line["time"].endswith("Z") and line["level"] == "info" for line in lines)
    for private in ("curious", "10.9.8.7", "romance", "testclient", "such", "rating"):
        assert private not in log.getvalue()


def metrics_of(client):
    lines = client.get("/metrics").text.splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")}


def test_metrics(client_of, releases):
    client = client_of(releases / "one", shadow=releases / "two")
    for path in ("/recommend/1", "/recommend/2", "/recommend/2?k=3", "/recommend/0", "/similar/3", "/nothing"):
        client.get(path)
    client.post("/recommend", json=PROFILE)
    found = metrics_of(client)
    assert found['ultralearn_requests_total{method="GET",route="/recommend/{user}",status="200"}'] == 3
    assert found['ultralearn_requests_total{method="GET",route="/recommend/{user}",status="422"}'] == 1
    assert found['ultralearn_requests_total{method="GET",route="none",status="404"}'] == 1
    assert found['ultralearn_request_seconds_count{route="/recommend/{user}"}'] == 4
    assert found['ultralearn_request_seconds_bucket{le="+Inf",route="/recommend/{user}"}'] == 4
    version, shadow = (load_release(releases / name).version for name in ("one", "two"))
    assert found[f'ultralearn_answers_total{{model_version="{version}",source="als"}}'] == 4
    assert found[f'ultralearn_model{{model_version="{version}",role="champion"}}'] == 1
    assert found[f'ultralearn_model{{model_version="{shadow}",role="shadow"}}'] == 1
    assert found["ultralearn_ready"] == 1
    # Two from the fast path, one by the ordinary way, one folded in, one similar.
    assert found["ultralearn_shadow_overlap_at_10_count"] == 5
    assert 0 <= found["ultralearn_shadow_overlap_at_10_sum"] < 5


def test_the_shadow_is_compared_and_not_shown(client_of, releases):
    plain, shadowed = client_of(releases / "one"), client_of(releases / "one", shadow=releases / "two")
    for user in range(1, N_USERS + 1):
        assert plain.get(f"/recommend/{user}").content == shadowed.get(f"/recommend/{user}").content
    card = shadowed.get("/model").json()["shadow"]
    assert card["share"] == 0
    assert 0 < card["mean_overlap_at_10"] < 1
    same = client_of(releases / "one", shadow=releases / "one")
    assert same.get("/model").json()["shadow"]["mean_overlap_at_10"] == 1


def test_an_ab_test_splits_by_user_and_stays_so(client_of, releases):
    versions = [load_release(releases / name).version for name in ("one", "two")]
    client = client_of(releases / "one", shadow=releases / "two", shadow_share=0.3)
    shown = [client.get(f"/recommend/{user}").headers["x-model-version"] for user in range(1, 301)]
    assert set(shown) == set(versions)
    assert 0.2 < shown.count(versions[1]) / 300 < 0.4
    assert 0.29 < sum(serving.share_of(user) < 0.3 for user in range(1, 100_001)) / 100_000 < 0.31
    again = client_of(releases / "one", shadow=releases / "two", shadow_share=0.5, precomputed_users=0)
    for user, version in enumerate(shown, start=1):
        later = again.get(f"/recommend/{user}").headers["x-model-version"]
        # Whoever had the shadow's answers at 30 % has them at 50 %, precomputed or not.
        assert later == versions[1] or version == versions[0]


def test_a_new_release_is_swapped_in(client_of, folder, releases, log):
    client = client_of(folder, log, api_key=KEY)
    with_key = {"X-API-Key": KEY}
    before = client.get("/recommend/1", headers=with_key).headers["x-model-version"]
    assert client.post("/model/reload", headers=with_key).json()["status"] == "unchanged"
    put(releases / "two", folder)
    reloaded = client.post("/model/reload", headers=with_key).json()
    new = load_release(releases / "two").version
    assert reloaded == {"status": "swapped", "version": new, "previous": before}
    for path in ("/recommend/1", "/recommend/1?k=3", "/similar/3", "/model", "/"):
        assert client.get(path, headers=with_key).headers["x-model-version"] == new
    found = metrics_of(client)
    assert found['ultralearn_model_loads_total{result="swapped"}'] == 1
    assert found[f'ultralearn_model{{model_version="{before}",role="champion"}}'] == 0


def test_a_bad_release_is_refused_and_the_old_goes_on(client_of, folder, log):
    client = client_of(folder, log, api_key=KEY)
    with_key = {"X-API-Key": KEY}
    before = client.get("/recommend/1", headers=with_key)
    golden = json.loads((folder / "golden.json").read_text())
    golden["queries"][0]["expected"] = golden["queries"][0]["items"][:1] * 1
    golden["queries"][0]["at_least"] = 1
    (folder / "golden.json").write_text(json.dumps(golden))
    document = problem(client.post("/model/reload", headers=with_key), 409)
    assert "fails its golden queries" in document["detail"]
    assert before.headers["x-model-version"] in document["detail"]
    after = client.get("/recommend/1", headers=with_key)
    assert after.content == before.content
    assert metrics_of(client)['ultralearn_model_loads_total{result="refused"}'] == 1
    assert any(line["event"] == "release refused" and line["level"] == "error" for line in settled(client, log))


def test_without_a_key_nobody_reloads_over_http(client):
    assert "ULTRALEARN_API_KEY" in problem(client.post("/model/reload"), 403)["detail"]


def test_while_it_drains_it_answers_but_asks_to_be_left(releases):
    service = serving.Service(Settings(release=releases / "one"))
    client = TestClient(put_together(service, AccessLog(Metrics(), None)))
    assert "connection" not in client.get("/recommend/1").headers
    assert {client.get(path).status_code for path in ("/health", "/healthz", "/ready", "/readyz")} == {200}
    service.draining = True
    for path, status in (("/health", 200), ("/healthz", 200), ("/ready", 503), ("/readyz", 503)):
        assert client.get(path).status_code == status
    assert "about to stop" in problem(client.get("/ready"), 503)["detail"]
    response = client.get("/recommend/1")
    assert response.status_code == 200
    assert response.headers["connection"] == "close"


def test_settings_from_the_environment(tmp_path):
    settings = Settings.from_environment(
        {"ULTRALEARN_RELEASE": str(tmp_path), "ULTRALEARN_SHADOW_SHARE": "0.1", "ULTRALEARN_API_KEY": "", "HOME": "/"}
    )
    assert (settings.release, settings.shadow_share, settings.api_key) == (tmp_path, 0.1, None)
    with pytest.raises(
        SettingsError, match=r"ULTRALEARN_RELEASE \(folder with the release that is served\) is not set"
    ):
        Settings.from_environment({})
    with pytest.raises(SettingsError, match=r"ULTRALEARN_DRAIN_SECONDS .* is 'soon'"):
        Settings.from_environment({"ULTRALEARN_RELEASE": "x", "ULTRALEARN_DRAIN_SECONDS": "soon"})
    with pytest.raises(SettingsError) as raised:
        Settings.from_environment({"ULTRALEARN_RELEASE": "x", "ULTRALEARN_API_KEY": "short"})
    assert "ULTRALEARN_API_KEY" in str(raised.value)
    assert "'short'" not in str(raised.value)  # a secret stays one
    assert KEY not in repr(Settings(release=tmp_path, api_key=KEY))


def test_the_two_releases_differ(releases, tmp_path):
    assert load_release(releases / "one").version != load_release(releases / "two").version
    assert make_release(tmp_path / "again").version == load_release(releases / "one").version
