#!/usr/bin/env bash
# Removes all that deploy.sh made: the service, its images, the bucket with the releases, the service account.
set -euo pipefail

usage='Usage: deploy/cloud-run/take_down.sh --project PROJECT [--region REGION] [--yes]'
project='' region=us-central1 ask=yes

stop() {
  printf '%s\n' "$@" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
    --project | --region)
      [ $# -gt 1 ] || stop "$1 needs a value." "$usage"
      printf -v "${1#--}" '%s' "$2"
      shift 2
      ;;
    --yes) ask='' && shift ;;
    --help) echo "$usage" && exit ;;
    *) stop "$1 is not an option of this script." "$usage" ;;
  esac
done
[ -n "$project" ] || stop "--project is missing; \`gcloud projects list\` shows yours." "$usage"
command -v gcloud >/dev/null || stop 'gcloud is not installed, or not on the PATH.'

gcloud() { command gcloud --project "$project" --quiet "$@"; }
# A project that cannot be seen would look like one where nothing is left.
gcloud projects describe "$project" >/dev/null || stop "Project $project cannot be seen; nothing was removed."

bucket=gs://$project-recommender-releases
account=recommender@$project.iam.gserviceaccount.com
if [ -n "$ask" ]; then
  read -r -p "Remove the recommender, its images and its releases from project $project, region $region? [y/N] " answer
  case $answer in y | Y | yes) ;; *) echo 'Nothing was done.' && exit 1 ;; esac
fi

remove() { # what it is called, how to see it, --, how to remove it
  local name=$1 see=()
  shift
  while [ "$1" != -- ]; do
    see+=("$1")
    shift
  done
  shift
  if gcloud "${see[@]}" >/dev/null 2>&1; then
    gcloud "$@"
    echo "$name: removed"
  else
    echo "$name: was not there"
  fi
}

remove 'Service recommender' run services describe recommender --region "$region" \
  -- run services delete recommender --region "$region"
remove 'Image repository recommender' artifacts repositories describe recommender --location "$region" \
  -- artifacts repositories delete recommender --location "$region"
remove "Bucket $bucket" storage buckets describe "$bucket" -- storage rm --recursive "$bucket"
remove "Service account $account" iam service-accounts describe "$account" \
  -- iam service-accounts delete "$account"
echo 'Nothing of it is left in this region. The services of Google Cloud stay enabled, which costs nothing.'
