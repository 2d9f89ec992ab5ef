#!/usr/bin/env bash
# Removes all that deploy.sh made: the stack with the function and its logs, and the images.
set -euo pipefail

usage='Usage: deploy/lambda/take_down.sh [--region REGION] [--yes]'
region=us-east-1 ask=yes

stop() {
  printf '%s\n' "$@" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
    --region)
      [ $# -gt 1 ] || stop "$1 needs a value." "$usage"
      region=$2
      shift 2
      ;;
    --yes) ask='' && shift ;;
    --help) echo "$usage" && exit ;;
    *) stop "$1 is not an option of this script." "$usage" ;;
  esac
done
command -v aws >/dev/null || stop 'aws is not installed, or not on the PATH.'

aws() { command aws --region "$region" "$@"; }
# Without access everything would look removed already.
account=$(aws sts get-caller-identity --query Account --output text) || stop 'AWS does not know you; nothing was removed.'
if [ -n "$ask" ]; then
  read -r -p "Remove the recommender and its images from account $account, region $region? [y/N] " answer
  case $answer in y | Y | yes) ;; *) echo 'Nothing was done.' && exit 1 ;; esac
fi

if aws cloudformation describe-stacks --stack-name recommender >/dev/null 2>&1; then
  aws cloudformation delete-stack --stack-name recommender
  aws cloudformation wait stack-delete-complete --stack-name recommender
  echo 'Stack recommender: removed'
else
  echo 'Stack recommender: was not there'
fi
if aws ecr describe-repositories --repository-names recommender >/dev/null 2>&1; then
  aws ecr delete-repository --repository-name recommender --force >/dev/null
  echo 'Image repository recommender: removed'
else
  echo 'Image repository recommender: was not there'
fi
echo 'Nothing of it is left in this region.'
