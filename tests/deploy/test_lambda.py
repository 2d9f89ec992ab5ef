"""AWS Lambda: the SAM template, and the scripts against an aws that checks each call with AWS's own API model."""

import json
import re
import subprocess
import sys
from pathlib import Path

import boto3
import botocore
import jmespath
import pytest
import yaml
from botocore.exceptions import ClientError
from moto import mock_aws

from tests.deploy.fake_commands import FakeCommands, Reply, options
from tests.deploy.test_dockerfile import instructions
from tests.deploy.test_scripts import FILES, release  # noqa: F401 # a fixture

ROOT = Path(__file__).parents[2]
LAMBDA = ROOT / "deploy/lambda"
DEPLOY, TAKE_DOWN = LAMBDA / "deploy.sh", LAMBDA / "take_down.sh"
BIN = Path(sys.executable).parent
REGION = "us-east-1"
REGISTRY = f"123456789012.dkr.ecr.{REGION}.amazonaws.com"
MANIFEST = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
    "layers": [],
}
IMAGE_ID = "sha256:0123456789ab" + "c" * 52


class Template(yaml.SafeLoader):
    """CloudFormation's short forms, as {"Ref": ...} and {"Fn::GetAtt": ...}."""


Template.add_constructor("!Ref", lambda loader, node: {"Ref": node.value})
Template.add_constructor("!GetAtt", lambda loader, node: {"Fn::GetAtt": node.value.split(".")})
TEMPLATE = yaml.load((LAMBDA / "template.yaml").read_text(), Template)
FUNCTION = TEMPLATE["Resources"]["Recommender"]["Properties"]


class Account:
    """An AWS account in moto, and the aws, docker and curl that see it."""

    def __init__(self):
        self.stacks: dict[str, dict] = {}
        self.local: dict[str, list[str]] = {}
        self.logged_in = False
        self.broken = ""

    def client(self, name):
        return boto3.client(name, region_name=REGION)

    def aws(self, args, stdin):
        words, given = _aws_options(args)
        assert given.pop("--region") == [REGION], "each command names the region"
        service, operation, *rest = words
        if f"{service} {operation}" == self.broken:
            return Reply(code=254, err="An error occurred (AccessDeniedException)\n")
        query, output = given.pop("--query", None), given.pop("--output", None)
        if service == "cloudformation":
            answer = getattr(self, operation.replace("-", "_"))(*rest, given)
        elif (service, operation) == ("ecr", "get-login-password"):
            assert not given
            return Reply("a-password-for-twelve-hours\n")
        else:
            answer = self._call(service, operation, given)
        if isinstance(answer, Reply):
            return answer
        if query:
            answer = jmespath.search(query[0], answer)
        if output == ["text"]:
            return Reply("\t".join(answer) if isinstance(answer, list) else f"{answer}\n")
        return Reply(json.dumps(answer, default=str))

    def _call(self, service, operation, given):
        """The call as boto3 makes it. Its model of the API refuses operations and arguments that do not exist."""
        client = self.client(service)
        model = client.meta.service_model
        names = {botocore.xform_name(name, "-"): name for name in model.operation_names}
        assert operation in names, f"{service} has no {operation}"
        shape = model.operation_model(names[operation]).input_shape
        members = {f"--{botocore.xform_name(name, '-')}": (name, kind) for name, kind in shape.members.items()}
        values = {}
        for option, found in given.items():
            assert option in members, f"{service} {operation} has no {option}"
            name, kind = members[option]
            values[name] = _value(kind, found)
        try:
            return getattr(client, botocore.xform_name(names[operation]))(**values)
        except ClientError as error:
            return Reply(code=254, err=f"{error}\n")

    def deploy(self, given):
        """What CloudFormation makes of the template; moto does not know SAM, so its two rules stand here."""
        name, path = given.pop("--stack-name")[0], given.pop("--template-file")[0]
        assert Path(path).resolve() == LAMBDA / "template.yaml"
        assert set(given.pop("--capabilities")) == {"CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"}
        assert given.pop("--no-fail-on-empty-changeset") == []
        parameters = dict(one.split("=", 1) for one in given.pop("--parameter-overrides"))
        assert not given
        assert set(parameters) == set(TEMPLATE["Parameters"])
        logs, function = self.client("logs"), self.client("lambda")
        group = TEMPLATE["Resources"]["Logs"]["Properties"]
        image = parameters[FUNCTION["ImageUri"]["Ref"]]
        if name not in self.stacks:
            logs.create_log_group(logGroupName=group["LogGroupName"])
            function.create_function(
                FunctionName=FUNCTION["FunctionName"],
                PackageType=FUNCTION["PackageType"],
                Code={"ImageUri": image},
                Role=self._role(),
                MemorySize=FUNCTION["MemorySize"],
                Timeout=FUNCTION["Timeout"],
                Architectures=FUNCTION["Architectures"],
                Environment=FUNCTION["Environment"],
                LoggingConfig={"LogGroup": group["LogGroupName"]},
            )
            url = function.create_function_url_config(
                FunctionName=FUNCTION["FunctionName"], **FUNCTION["FunctionUrlConfig"]
            )
            self.stacks[name] = {"Outputs": [{"OutputKey": "Url", "OutputValue": url["FunctionUrl"]}]}
        else:
            function.update_function_code(FunctionName=FUNCTION["FunctionName"], ImageUri=image)
        logs.put_retention_policy(logGroupName=group["LogGroupName"], retentionInDays=group["RetentionInDays"])
        return Reply()

    def _role(self):
        trust = {
            "Version": "2012-10-17",
            "Statement": [
                {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "lambda.amazonaws.com"}}
            ],
        }
        role = self.client("iam").create_role(RoleName="recommender", AssumeRolePolicyDocument=json.dumps(trust))
        return role["Role"]["Arn"]

    def describe_stacks(self, given):
        name = given["--stack-name"][0]
        return {"Stacks": [self.stacks[name]]} if name in self.stacks else Reply(code=254, err="does not exist\n")

    def delete_stack(self, given):
        del self.stacks[given["--stack-name"][0]]
        self.client("lambda").delete_function(FunctionName=FUNCTION["FunctionName"])
        self.client("logs").delete_log_group(logGroupName=f"/aws/lambda/{FUNCTION['FunctionName']}")
        return Reply()

    def wait(self, what, given):
        assert what.replace("-", "_") in self.client("cloudformation").waiter_names
        assert list(given) == ["--stack-name"]
        return Reply()

    def docker(self, args, stdin):
        words, given = options(args, {"--password-stdin"})
        if words[0] == "build":
            assert given["--platform"] == "linux/amd64"
            folder = Path(words[1]).resolve()
            self.local[given["--tag"]] = sorted(path.name for path in folder.iterdir())
            if given["--tag"] == "recommender":
                assert Path(given["--file"]).resolve() == ROOT / "deploy/Dockerfile"
                assert folder == ROOT
            else:
                assert Path(given["--file"]).resolve() == LAMBDA / "Dockerfile"
                assert given["--build-arg"] == "SERVICE=recommender"
                assert set(FILES) <= set(self.local[given["--tag"]]), "the context is the release"
        elif words[:2] == ["image", "inspect"]:
            assert words[2] in self.local
            return Reply(f"{IMAGE_ID}\n")
        elif words[0] == "login":
            assert (given["--username"], stdin, words[1]) == ("AWS", "a-password-for-twelve-hours", REGISTRY)
            self.logged_in = True
        elif words[0] == "tag":
            self.local[words[2]] = self.local[words[1]]
        elif words[0] == "push":
            assert self.logged_in
            assert words[1] in self.local
            repository, _, tag = words[1].removeprefix(f"{REGISTRY}/").partition(":")
            manifest = MANIFEST | {"config": {"digest": IMAGE_ID, "size": 1}}
            self.client("ecr").put_image(repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag)
        else:
            assert words == ["version"]
        return Reply()

    def curl(self, args, stdin):
        assert "--fail" in args, "an error page would count as an answer"
        assert not re.search(r"[^:]//", args[-1])
        return Reply('{"version":"0123456789ab"}')


def _aws_options(args):
    """aws's options take one value or more, up to the next option."""
    words, found, name = [], {}, None
    for arg in args:
        if arg.startswith("--"):
            name = arg
            found[name] = []
        elif name is None or (name == "--region" and found[name]):
            words.append(arg)
        else:
            found[name].append(arg)
    return words, found


def _value(kind, found):
    """A value as the command line writes it, in the type that the API's model names."""
    if kind.type_name == "list" and kind.member.type_name == "structure":
        return [dict(part.split("=", 1) for part in one.split(",")) for one in found]
    if kind.type_name == "list":
        return found
    if kind.type_name == "structure":
        pairs = dict(part.split("=", 1) for part in found[0].split(","))
        return {name: value == "true" if value in ("true", "false") else value for name, value in pairs.items()}
    if kind.type_name == "boolean":
        assert found == []
        return True
    (value,) = found
    return Path(value.removeprefix("file://")).read_text() if value.startswith("file://") else value


@pytest.fixture
def account():
    with mock_aws(config={"lambda": {"use_docker": False}}):
        yield Account()


@pytest.fixture
def commands(account):
    with FakeCommands({name: getattr(account, name) for name in ("aws", "docker", "curl")}) as commands:
        yield commands


def repositories(account):
    return [one["repositoryName"] for one in account.client("ecr").describe_repositories()["repositories"]]


def test_cfn_lint_finds_nothing():
    done = subprocess.run([BIN / "cfn-lint", LAMBDA / "template.yaml"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("right", "wrong"),
    [
        ("PackageType: Image", "PackageType: Docker"),
        ("MemorySize: 1024", "MemorySize: lots"),
        ("FunctionUrlConfig:", "FunctionUrlConfiguration:"),
        ("!Ref Logs", "!Ref Log"),
        ("RetentionInDays: 7", "RetentionInDays: 8"),
    ],
)
def test_cfn_lint_sees(right, wrong, tmp_path):
    text = (LAMBDA / "template.yaml").read_text()
    assert right in text
    (tmp_path / "template.yaml").write_text(text.replace(right, wrong))
    done = subprocess.run([BIN / "cfn-lint", tmp_path / "template.yaml"], capture_output=True, text=True)
    assert done.returncode != 0, f"{wrong} goes unseen"


def test_the_adapter_is_told_where_the_service_listens_and_when_it_is_ready():
    variables = FUNCTION["Environment"]["Variables"]
    assert variables["AWS_LWA_PORT"] == variables["PORT"]
    assert variables["AWS_LWA_READINESS_CHECK_PATH"] == "/ready"
    first, last = map(int, variables["AWS_LWA_READINESS_CHECK_HEALTHY_STATUS"].split("-"))
    assert first <= 200 <= last < 503
    assert TEMPLATE["Resources"]["Logs"]["Properties"]["LogGroupName"] == f"/aws/lambda/{FUNCTION['FunctionName']}"


def test_lambdas_image_is_the_services_with_the_adapter_and_the_release_on_top():
    found = instructions((LAMBDA / "Dockerfile").read_text())
    assert [arguments for name, arguments in found if name == "FROM"] == ["${ADAPTER} AS adapter", "${SERVICE}"]
    copies = [arguments.split() for name, arguments in found if name == "COPY"]
    # Lambda starts whatever lies in this folder.
    assert copies[0] == ["--from=adapter", "/lambda-adapter", "/opt/extensions/lambda-adapter"]
    assert copies[1][-1] == FUNCTION["Environment"]["Variables"]["ULTRALEARN_RELEASE"] + "/"
    assert [word for word in copies[1][:-1] if not word.startswith("--")] == list(FILES)
    assert {name for name, _ in found} == {"ARG", "FROM", "COPY"}


def test_a_first_deployment_makes_all_of_it(account, commands, release):  # noqa: F811
    done = commands.run(DEPLOY, "--yes", "--release", str(release))
    assert done.returncode == 0, done.stderr
    assert repositories(account) == ["recommender"]
    (repository,) = account.client("ecr").describe_repositories()["repositories"]
    assert repository["imageTagMutability"] == "IMMUTABLE"
    assert repository["imageScanningConfiguration"] == {"scanOnPush": True}
    policy = account.client("ecr").get_lifecycle_policy(repositoryName="recommender")["lifecyclePolicyText"]
    assert json.loads(policy)["rules"][0]["selection"]["countNumber"] == 2
    function = account.client("lambda").get_function(FunctionName="recommender")
    assert function["Configuration"]["PackageType"] == "Image"
    assert function["Configuration"]["MemorySize"] == 1024
    assert function["Code"]["ImageUri"] == f"{REGISTRY}/recommender:0123456789ab"
    url = account.client("lambda").get_function_url_config(FunctionName="recommender")
    assert url["AuthType"] == "NONE"
    assert f"It is public at {url['FunctionUrl']}" in done.stdout
    (group,) = account.client("logs").describe_log_groups()["logGroups"]
    assert (group["logGroupName"], group["retentionInDays"]) == ("/aws/lambda/recommender", 7)


def test_doing_it_again_pushes_and_makes_nothing_anew(account, commands, release):  # noqa: F811
    commands.run(DEPLOY, "--yes", "--release", str(release))
    done = commands.run(DEPLOY, "--yes", "--release", str(release))
    assert done.returncode == 0, done.stderr
    assert "is there already" in done.stdout
    assert not commands.called("aws", "ecr", "create-repository")
    assert not commands.called("docker", "push")
    assert len(account.stacks) == 1


@pytest.mark.parametrize(
    "step",
    ["sts get-caller-identity", "ecr create-repository", "ecr put-lifecycle-policy", "cloudformation deploy"],
)
def test_where_a_step_fails_it_ends_there_and_claims_nothing(step, account, commands, release):  # noqa: F811
    account.broken = step
    done = commands.run(DEPLOY, "--yes", "--release", str(release))
    assert done.returncode == 254
    assert "It is public" not in done.stdout
    assert commands.called("aws", *step.split())
    account.broken = ""
    assert commands.run(DEPLOY, "--yes", "--release", str(release)).returncode == 0, "and again, when it is repaired"


def test_taking_down_leaves_nothing_and_can_be_done_twice(account, commands, release):  # noqa: F811
    commands.run(DEPLOY, "--yes", "--release", str(release))
    done = commands.run(TAKE_DOWN, "--yes")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": removed") == 2
    assert repositories(account) == []
    assert account.client("lambda").list_functions()["Functions"] == []
    assert account.client("logs").describe_log_groups()["logGroups"] == []
    done = commands.run(TAKE_DOWN, "--yes")
    assert done.returncode == 0
    assert done.stdout.count(": was not there") == 2


def test_taking_down_asks_first(account, commands, release):  # noqa: F811
    commands.run(DEPLOY, "--yes", "--release", str(release))
    done = commands.run(TAKE_DOWN, stdin="n\n")
    assert done.returncode == 1
    assert repositories(account) == ["recommender"]


def test_without_access_nothing_is_called_removed(account, commands):
    account.broken = "sts get-caller-identity"
    done = commands.run(TAKE_DOWN, "--yes")
    assert done.returncode == 2
    assert "AWS does not know you; nothing was removed" in done.stderr


def test_the_fake_aws_refuses_what_aws_would(account):
    for words in (
        ["ecr", "create-repo", "--repository-name", "recommender"],
        ["ecr", "create-repository", "--name", "recommender"],
        ["ecr", "create-repository", "--repository-name", "recommender", "--scan-on-push", "true"],
    ):
        with pytest.raises(AssertionError):
            account.aws(["--region", REGION, *words], "")
    with pytest.raises(botocore.exceptions.ParamValidationError):
        account.aws(["--region", REGION, "ecr", "put-lifecycle-policy", "--repository-name", "recommender"], "")
