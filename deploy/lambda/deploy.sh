#!/usr/bin/env bash
# Puts the recommender on AWS Lambda, or brings what runs there up to date. take_down.sh removes all of it.
set -euo pipefail

# shellcheck disable=SC2016 # the backquotes are for the reader
usage='Usage: deploy/lambda/deploy.sh --release FOLDER [--region REGION] [--yes]

  --release  the folder that `python -m ultralearn.recsys.release FOLDER` wrote
  --region   default us-east-1
  --yes      do not ask before starting'

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
release='' region=us-east-1 ask=yes

stop() {
  printf '%s\n' "$@" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
    --release | --region)
      [ $# -gt 1 ] || stop "$1 needs a value." "$usage"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    --yes) ask='' && shift ;;
    --help) echo "$usage" && exit ;;
    *) stop "$1 is not an option of this script." "$usage" ;;
  esac
done
[ -n "$release" ] || stop "--release is missing." "$usage"
for file in model.safetensors model.json catalog.json golden.json; do
  [ -f "$release/$file" ] || stop "$release holds no $file, so it is no release." \
    "Make one: python -m ultralearn.recsys.release $release"
done
for command in aws docker curl; do
  command -v "$command" >/dev/null || stop "$command is not installed, or not on the PATH."
done
docker version >/dev/null 2>&1 || stop "No Docker engine answers. Start Docker, then run this again."

cat <<END
In your AWS account, region $region, this makes or updates:
  - a private ECR repository "recommender" (the two newest images are kept), with an image that holds your release
  - a CloudFormation stack "recommender": a Lambda function with 1024 MB, its role, a week of logs, a public URL
What it costs: nothing within each month's free tier (1 million requests, 400,000 GB-seconds); images cost about
0.10 dollars a GB and month where your account has no free storage. A new account answers 10 requests at a time,
the rest get 429: the gate's 50 clients need more, which AWS grants on request. Set a budget alert.
deploy/lambda/take_down.sh removes all of it.
END
if [ -n "$ask" ]; then
  read -r -p 'Go on? [y/N] ' answer
  case $answer in y | Y | yes) ;; *) echo 'Nothing was done.' && exit 1 ;; esac
fi

step() { printf '\n== %s\n' "$1"; }
aws() { command aws --region "$region" "$@"; }

step 'A private repository for images'
account=$(aws sts get-caller-identity --query Account --output text)
registry=$account.dkr.ecr.$region.amazonaws.com
aws ecr describe-repositories --repository-names recommender >/dev/null 2>&1 ||
  aws ecr create-repository --repository-name recommender --image-tag-mutability IMMUTABLE \
    --image-scanning-configuration scanOnPush=true >/dev/null
aws ecr put-lifecycle-policy --repository-name recommender --lifecycle-policy-text "file://$here/lifecycle.json" >/dev/null

step 'The image, built here and pushed'
# Lambda takes an image, not an image with papers about its making beside it.
export BUILDX_NO_DEFAULT_ATTESTATIONS=1
docker build --platform linux/amd64 --file "$here/../Dockerfile" --tag recommender "$here/../.."
docker build --platform linux/amd64 --file "$here/Dockerfile" --build-arg SERVICE=recommender \
  --tag recommender-lambda "$release"
id=$(docker image inspect --format '{{.Id}}' recommender-lambda)
tag=${id#sha256:}
tag=${tag:0:12} # named by its content: the same image is the same tag
image=$registry/recommender:$tag
if aws ecr describe-images --repository-name recommender --image-ids "imageTag=$tag" >/dev/null 2>&1; then
  echo "$image is there already."
else
  aws ecr get-login-password | docker login --username AWS --password-stdin "$registry"
  docker tag recommender-lambda "$image"
  docker push "$image"
fi

step 'The function'
aws cloudformation deploy --stack-name recommender --template-file "$here/template.yaml" \
  --parameter-overrides "ImageUri=$image" --capabilities CAPABILITY_IAM CAPABILITY_AUTO_EXPAND \
  --no-fail-on-empty-changeset
url=$(aws cloudformation describe-stacks --stack-name recommender \
  --query "Stacks[0].Outputs[?OutputKey=='Url'].OutputValue" --output text)

step 'Does it answer?'
curl --fail --silent --show-error --retry 5 --retry-delay 2 --retry-all-errors --max-time 60 "${url%/}/model"
printf '\n\nIt is public at %s\nTest it:     ultralearn gate 3 --url %s\nIts log:     %s\nTake it down: %s\n' "$url" "$url" \
  "aws logs tail /aws/lambda/recommender --region $region" "deploy/lambda/take_down.sh --region $region"
