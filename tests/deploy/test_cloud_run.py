"""Cloud Run: the service's file, and the scripts against a fake gcloud that knows what exists and takes no nonsense."""

import copy
import json
import re
from dataclasses import dataclass, field
from pathlib import Path

import jsonschema
import pytest
import yaml

from tests.deploy.fake_commands import FakeCommands, Reply, options
from tests.deploy.test_scripts import FILES, release  # noqa: F401 # a fixture
from ultralearn.recsys.service.loading import version_of
from ultralearn.recsys.service.settings import Settings

HERE = Path(__file__).parent
CLOUD_RUN = HERE.parents[1] / "deploy/cloud-run"
DEPLOY, TAKE_DOWN = CLOUD_RUN / "deploy.sh", CLOUD_RUN / "take_down.sh"
SCHEMA = jsonschema.Draft202012Validator(json.loads((HERE / "cloud_run_schema.json").read_text()))
PROJECT, REGION = "learner-1234", "us-central1"
BUCKET = f"gs://{PROJECT}-recommender-releases"
ACCOUNT = f"recommender@{PROJECT}.iam.gserviceaccount.com"
IMAGE = f"{REGION}-docker.pkg.dev/{PROJECT}/recommender/service"
ARGS = ("--project", PROJECT, "--yes")

# Each command that the scripts use, with the options that gcloud's own help names; switches take no value.
SWITCHES = {
    "--quiet",
    "--uniform-bucket-level-access",
    "--public-access-prevention",
    "--no-dry-run",
    "--recursive",
}
GCLOUD = {
    "services enable": set(),
    "projects describe": set(),
    "artifacts repositories describe": {"--location"},
    "artifacts repositories create": {"--location", "--repository-format"},
    "artifacts repositories set-cleanup-policies": {"--location", "--policy", "--no-dry-run"},
    "artifacts repositories delete": {"--location"},
    "artifacts docker images describe": {"--format"},
    "auth configure-docker": set(),
    "storage buckets describe": set(),
    "storage buckets create": {
        "--location",
        "--uniform-bucket-level-access",
        "--public-access-prevention",
        "--soft-delete-duration",
    },
    "storage buckets add-iam-policy-binding": {"--member", "--role"},
    "storage cp": set(),
    "storage rm": {"--recursive"},
    "iam service-accounts describe": set(),
    "iam service-accounts create": {"--display-name"},
    "iam service-accounts delete": set(),
    "run services replace": {"--region"},
    "run services describe": {"--region", "--format"},
    "run services delete": {"--region"},
}
NOT_FOUND = Reply(code=1, err="ERROR: NOT_FOUND\n")


@dataclass
class Project:
    """A Google Cloud project as far as the scripts go, with a docker and a curl that see the same world."""

    services: set[str] = field(default_factory=set)
    repositories: dict[str, list] = field(default_factory=dict)
    images: dict[str, str] = field(default_factory=dict)
    buckets: dict[str, dict[str, str]] = field(default_factory=dict)
    readers: dict[str, set[str]] = field(default_factory=dict)
    accounts: set[str] = field(default_factory=set)
    running: dict[str, dict] = field(default_factory=dict)
    logged_in: set[str] = field(default_factory=set)
    built: int = 0
    unknown_for: int = 0  # so many times a new account is not known yet
    broken: str = ""  # this command fails
    naps: int = 0

    def gcloud(self, args, stdin):
        words, given = options(args, SWITCHES)
        assert given.pop("--project") == PROJECT, "each command names the project"
        assert "--quiet" in given, "gcloud would ask"
        del given["--quiet"]
        command = next((name for name in GCLOUD if words[: len(name.split())] == name.split()), None)
        assert command, f"gcloud knows no {words}"
        assert set(given) <= GCLOUD[command], f"gcloud {command} knows no {set(given) - GCLOUD[command]}"
        if command == self.broken:
            return Reply(code=1, err="ERROR: PERMISSION_DENIED\n")
        rest = words[len(command.split()) :]
        return getattr(self, re.sub(r"[ -]", "_", command))(*rest, **given)

    def projects_describe(self, name):
        return Reply() if name == PROJECT else NOT_FOUND

    def services_enable(self, *names):
        self.services |= set(names)
        return Reply()

    def needs(self, name):
        assert f"{name}.googleapis.com" in self.services, f"{name} is not enabled"

    def artifacts_repositories_describe(self, name, **given):
        return Reply() if f"{given['--location']}/{name}" in self.repositories else NOT_FOUND

    def artifacts_repositories_create(self, name, **given):
        self.needs("artifactregistry")
        assert given["--repository-format"] == "docker"
        assert f"{given['--location']}/{name}" not in self.repositories, "ALREADY_EXISTS"
        self.repositories[f"{given['--location']}/{name}"] = []
        return Reply()

    def artifacts_repositories_set_cleanup_policies(self, name, **given):
        assert "--no-dry-run" in given, "a dry run deletes nothing"
        self.repositories[f"{given['--location']}/{name}"] = json.loads(Path(given["--policy"]).read_text())
        return Reply()

    def artifacts_repositories_delete(self, name, **given):
        del self.repositories[f"{given['--location']}/{name}"]
        self.images.clear()
        return Reply()

    def artifacts_docker_images_describe(self, image, **given):
        assert given["--format"] == "value(image_summary.fully_qualified_digest)"
        return Reply(f"{image.rpartition(':')[0]}@{self.images[image]}\n") if image in self.images else NOT_FOUND

    def auth_configure_docker(self, registry):
        self.logged_in.add(registry)
        return Reply()

    def storage_buckets_describe(self, url):
        return Reply() if url in self.buckets else NOT_FOUND

    def storage_buckets_create(self, url, **given):
        self.needs("storage")
        assert url not in self.buckets, "a bucket of this name exists"
        assert {"--uniform-bucket-level-access", "--public-access-prevention"} <= set(given), "the bucket is private"
        assert given["--soft-delete-duration"] == "0", "what is deleted would be kept, and paid for, for a week"
        assert given["--location"] == REGION
        self.buckets[url] = {}
        return Reply()

    def storage_cp(self, *sources_and_folder):
        *sources, to = sources_and_folder
        bucket, _, folder = to.removeprefix("gs://").partition("/")
        assert folder.endswith("/")
        self.buckets[f"gs://{bucket}"] |= {
            f"{folder}{Path(source).name}": Path(source).read_text() for source in sources
        }
        return Reply()

    def storage_buckets_add_iam_policy_binding(self, url, **given):
        kind, _, account = given["--member"].partition(":")
        if self.unknown_for > 0:
            self.unknown_for -= 1
            return Reply(code=1, err="Service account does not exist.\n")
        assert (kind, account in self.accounts) == ("serviceAccount", True)
        self.readers.setdefault(url, set()).add(f"{account} {given['--role']}")
        return Reply("bindings: a long answer\n")

    def storage_rm(self, url, **given):
        assert "--recursive" in given
        del self.buckets[url]
        return Reply()

    def iam_service_accounts_describe(self, account):
        return Reply() if account in self.accounts else NOT_FOUND

    def iam_service_accounts_create(self, name, **given):
        self.needs("iam")
        self.accounts.add(f"{name}@{PROJECT}.iam.gserviceaccount.com")
        return Reply()

    def iam_service_accounts_delete(self, account):
        self.accounts.remove(account)
        return Reply()

    def run_services_replace(self, file, **given):
        self.needs("run")
        service = yaml.safe_load(Path(file).read_text())
        SCHEMA.validate(service)
        assert given["--region"] == REGION
        self.running[service["metadata"]["name"]] = service
        return Reply()

    def run_services_describe(self, name, **given):
        if name not in self.running:
            return NOT_FOUND
        assert given.get("--format", "value(status.url)") == "value(status.url)"
        return Reply(f"https://{name}-abc-uc.a.run.app\n")

    def run_services_delete(self, name, **given):
        del self.running[name]
        return Reply()

    def docker(self, args, stdin):
        words, given = options(args)
        if words[0] == "build":
            assert Path(given["--file"]).resolve() == CLOUD_RUN.parent / "Dockerfile"
            assert Path(words[1]).resolve() == CLOUD_RUN.parents[1], "the context is the repository"
            assert given["--platform"] == "linux/amd64", "Cloud Run runs nothing else; a Mac would build for ARM"
            self.built += 1
        elif words[0] == "push":
            registry, _, repository = words[1].partition("/")
            assert registry in self.logged_in
            assert f"{REGION}/{repository.split('/')[1]}" in self.repositories
            self.images[words[1]] = f"sha256:{self.built:064x}"
        else:
            assert words == ["version"]
        return Reply()

    def curl(self, args, stdin):
        if self.broken == "curl":
            return Reply(code=22, err="curl: (22) The requested URL returned error: 503\n")
        assert "--fail" in args, "an error page would count as an answer"
        assert not args[-1].endswith("z"), "Google's front end keeps paths that end in z to itself"
        return Reply('{"version":"0123456789ab"}')

    def sleep(self, args, stdin):
        self.naps += 1
        return Reply()


@pytest.fixture
def project():
    return Project()


@pytest.fixture
def commands(project):
    names = ("gcloud", "docker", "curl", "sleep")
    with FakeCommands({name: getattr(project, name) for name in names}) as commands:
        yield commands


@pytest.fixture
def filled():
    text = (CLOUD_RUN / "service.yaml").read_text()
    values = {
        "SERVICE_ACCOUNT": ACCOUNT,
        "IMAGE": f"{IMAGE}@sha256:{1:064x}",
        "RELEASE": "0123456789ab",
        "BUCKET": BUCKET.removeprefix("gs://"),
    }
    assert set(re.findall(r"\$\{(\w+)\}", text)) == set(values)
    for name, value in values.items():
        text = text.replace(f"${{{name}}}", value)
    return yaml.safe_load(text)


def pod(service):
    return service["spec"]["template"]["spec"]


def test_the_service_file_fits_the_schema_and_costs_nothing_while_nobody_asks(filled):
    SCHEMA.validate(filled)
    annotations = filled["spec"]["template"]["metadata"]["annotations"]
    assert annotations["autoscaling.knative.dev/minScale"] == "0"
    assert int(annotations["autoscaling.knative.dev/maxScale"]) <= 2
    assert annotations["run.googleapis.com/cpu-throttling"] == "true"
    # What a bucket is mounted with exists in the second generation only, and that takes at least 512 MiB.
    assert annotations["run.googleapis.com/execution-environment"] == "gen2"
    assert pod(filled)["containers"][0]["resources"]["limits"] == {"cpu": "1", "memory": "512Mi"}


def test_the_release_is_looked_for_where_the_bucket_is_mounted(filled):
    container = pod(filled)["containers"][0]
    environment = {entry["name"]: entry["value"] for entry in container["env"]}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    volumes = {volume["name"] for volume in pod(filled)["volumes"]}
    assert set(mounts) == volumes
    assert Path(environment["ULTRALEARN_RELEASE"]).parent == Path(mounts["releases"])
    assert float(environment["ULTRALEARN_DRAIN_SECONDS"]) < 10  # Cloud Run kills after 10 s


def test_strangers_cannot_ask_what_others_have_seen(filled):
    environment = {entry["name"]: entry["value"] for entry in pod(filled)["containers"][0]["env"] if "value" in entry}
    settings = Settings.from_environment(environment)
    assert not settings.known_users


def test_the_gate_can_be_passed_by_one_instance(filled):
    scale = int(filled["spec"]["template"]["metadata"]["annotations"]["autoscaling.knative.dev/maxScale"])
    assert scale * pod(filled)["containerConcurrency"] >= 50  # the gate's clients at a time; more get 429


MISTAKES = {
    "a field mistyped": lambda service: service["spec"]["template"]["spec"].update(containerConcurency=80),
    "an annotation mistyped": lambda service: service["spec"]["template"]["metadata"]["annotations"].update(
        {"autoscaling.knative.dev/maxscale": "1"}
    ),
    "a number where text is due": lambda service: service["spec"]["template"]["metadata"]["annotations"].update(
        {"autoscaling.knative.dev/maxScale": 1}
    ),
    "an image by tag": lambda service: pod(service)["containers"][0].update(image=f"{IMAGE}:latest"),
    "an image from elsewhere": lambda service: pod(service)["containers"][0].update(image="docker.io/x/y@sha256:00"),
    "a name left unfilled": lambda service: pod(service).update(serviceAccountName="${SERVICE_ACCOUNT}"),
    "PORT set by hand": lambda service: pod(service)["containers"][0]["env"].append({"name": "PORT", "value": "1"}),
    "a bucket to write to": lambda service: pod(service)["volumes"][0]["csi"].update(readOnly=False),
    "a mount over /proc": lambda service: pod(service)["containers"][0]["volumeMounts"][0].update(mountPath="/proc"),
    "half a CPU that does not exist": lambda service: pod(service)["containers"][0]["resources"]["limits"].update(
        cpu="0.5"
    ),
    "a probe without a path": lambda service: pod(service)["containers"][0]["startupProbe"].update(httpGet={}),
    "a second container": lambda service: pod(service)["containers"].append({"image": IMAGE}),
    "an API version from the past": lambda service: service.update(apiVersion="serving.knative.dev/v1alpha1"),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_the_schema_refuses(mistake, filled):
    wrong = copy.deepcopy(filled)
    MISTAKES[mistake](wrong)
    assert wrong != filled
    with pytest.raises(jsonschema.ValidationError):
        SCHEMA.validate(wrong)


def test_a_first_deployment_makes_all_of_it(project, commands, release):  # noqa: F811
    done = commands.run(DEPLOY, *ARGS, "--release", str(release))
    assert done.returncode == 0, done.stderr
    assert list(project.repositories) == [f"{REGION}/recommender"]
    assert {policy["action"]["type"] for policy in project.repositories[f"{REGION}/recommender"]} == {"Keep", "Delete"}
    assert project.readers == {BUCKET: {f"{ACCOUNT} roles/storage.objectViewer"}}
    container = pod(project.running["recommender"])["containers"][0]
    assert container["image"] == f"{IMAGE}@sha256:{1:064x}"
    version = Path(container["env"][0]["value"]).name
    assert version == version_of({name: (release / name).read_bytes() for name in FILES})
    assert project.buckets == {BUCKET: {f"{version}/{name}": f"content of {name}" for name in FILES}}
    assert pod(project.running["recommender"])["serviceAccountName"] == ACCOUNT
    url = "https://recommender-abc-uc.a.run.app"
    assert commands.called("curl")[-1][-1] == f"{url}/model"
    assert f"It is public at {url}" in done.stdout
    assert f"ultralearn gate 3 --url {url}" in done.stdout
    assert f"take_down.sh --project {PROJECT} --region {REGION}" in done.stdout


def test_doing_it_again_makes_nothing_anew(project, commands, release):  # noqa: F811
    commands.run(DEPLOY, *ARGS, "--release", str(release))
    before = copy.deepcopy(project)
    done = commands.run(DEPLOY, *ARGS, "--release", str(release))
    assert done.returncode == 0, done.stderr
    assert not [call for call in commands.calls if "create" in call]
    project.images, before.images = {}, {}  # it was built again
    project.built = before.built
    running, ran = project.running["recommender"], before.running["recommender"]
    pod(running)["containers"][0]["image"] = pod(ran)["containers"][0]["image"]
    assert project == before


def test_a_new_release_lies_beside_the_old_one_and_is_served(project, commands, release):  # noqa: F811
    commands.run(DEPLOY, *ARGS, "--release", str(release))
    old = pod(project.running["recommender"])["containers"][0]["env"][0]["value"]
    (release / "model.json").write_text("another")
    commands.run(DEPLOY, *ARGS, "--release", str(release))
    new = pod(project.running["recommender"])["containers"][0]["env"][0]["value"]
    assert old != new
    assert {name.split("/")[0] for name in project.buckets[BUCKET]} == {Path(old).name, Path(new).name}
    assert len(project.buckets[BUCKET]) == 2 * len(FILES)


def test_an_account_that_is_not_known_yet_is_waited_for(project, commands, release):  # noqa: F811
    project.unknown_for = 3
    done = commands.run(DEPLOY, *ARGS, "--release", str(release))
    assert done.returncode == 0, done.stderr
    assert project.naps == 3
    assert project.readers


def test_an_account_that_never_comes_ends_it(project, commands, release):  # noqa: F811
    project.unknown_for = 100
    done = commands.run(DEPLOY, *ARGS, "--release", str(release))
    assert done.returncode == 2
    assert "run this again in a minute" in done.stderr
    assert project.naps == 5
    assert not project.running


@pytest.mark.parametrize(
    "step",
    [
        "services enable",
        "artifacts repositories create",
        "artifacts repositories set-cleanup-policies",
        "auth configure-docker",
        "artifacts docker images describe",
        "storage buckets create",
        "storage cp",
        "iam service-accounts create",
        "run services replace",
        "curl",
    ],
)
def test_where_a_step_fails_it_ends_there_and_claims_nothing(step, project, commands, release):  # noqa: F811
    project.broken = step
    done = commands.run(DEPLOY, *ARGS, "--release", str(release))
    assert done.returncode not in (0, 70)
    assert "It is public" not in done.stdout
    last = [call for call in commands.calls if call[0] in ("gcloud", "curl")][-1]
    assert " ".join(step.split()) in " ".join(word for word in last if not word.startswith("--"))
    project.broken = ""
    assert commands.run(DEPLOY, *ARGS, "--release", str(release)).returncode == 0, "and again, when it is repaired"


def test_without_a_project_it_says_how_to_find_one(commands, project, release):  # noqa: F811
    done = commands.run(DEPLOY, "--release", str(release), "--yes")
    assert done.returncode == 2
    assert "gcloud projects list" in done.stderr
    assert commands.calls == []


def test_taking_down_leaves_nothing_and_can_be_done_twice(project, commands, release):  # noqa: F811
    commands.run(DEPLOY, *ARGS, "--release", str(release))
    done = commands.run(TAKE_DOWN, *ARGS)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": removed") == 4
    left = project.repositories, project.images, project.buckets, project.accounts, project.running
    assert left == ({}, {}, {}, set(), {})
    done = commands.run(TAKE_DOWN, *ARGS)
    assert done.returncode == 0
    assert done.stdout.count(": was not there") == 4


def test_taking_down_asks_first(project, commands, release):  # noqa: F811
    commands.run(DEPLOY, *ARGS, "--release", str(release))
    before = copy.deepcopy(project)
    done = commands.run(TAKE_DOWN, "--project", PROJECT, stdin="n\n")
    assert done.returncode == 1
    assert "Nothing was done" in done.stdout
    assert project == before
    assert commands.run(TAKE_DOWN, "--project", PROJECT, stdin="y\n").returncode == 0
    assert not project.running


def test_a_project_that_cannot_be_seen_does_not_look_empty(project, commands):
    project.broken = "projects describe"
    done = commands.run(TAKE_DOWN, *ARGS)
    assert done.returncode == 2
    assert "cannot be seen; nothing was removed" in done.stderr


def test_what_cannot_be_removed_is_not_called_removed(project, commands, release):  # noqa: F811
    commands.run(DEPLOY, *ARGS, "--release", str(release))
    project.broken = "storage rm"
    done = commands.run(TAKE_DOWN, *ARGS)
    assert done.returncode == 1
    assert "Nothing of it is left" not in done.stdout
    assert project.buckets
