#!/usr/bin/env bash
# Puts the recommender on Cloud Run, or brings what runs there up to date. take_down.sh removes all of it.
set -euo pipefail

# shellcheck disable=SC2016 # the backquotes are for the reader
usage='Usage: deploy/cloud-run/deploy.sh --project PROJECT --release FOLDER [--region REGION] [--yes]

  --project  your Google Cloud project, with billing enabled (nothing is billed within the free tier)
  --release  the folder that `python -m ultralearn.recsys.release FOLDER` wrote
  --region   default us-central1; storage is free in us-central1, us-east1 and us-west1 only
  --yes      do not ask before starting'

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
files=(catalog.json golden.json model.json model.safetensors)
project='' release='' region=us-central1 ask=yes

stop() {
  printf '%s\n' "$@" >&2
  exit 2
}
while [ $# -gt 0 ]; do
  case $1 in
    --project | --release | --region)
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
[ -n "$release" ] || stop "--release is missing." "$usage"
for file in "${files[@]}"; do
  [ -f "$release/$file" ] || stop "$release holds no $file, so it is no release." \
    "Make one: python -m ultralearn.recsys.release $release"
done
for command in gcloud docker curl; do
  command -v "$command" >/dev/null || stop "$command is not installed, or not on the PATH."
done
docker version >/dev/null 2>&1 || stop "No Docker engine answers. Start Docker, then run this again."

bucket=$project-recommender-releases
account=recommender@$project.iam.gserviceaccount.com
registry=$region-docker.pkg.dev
image=$registry/$project/recommender/service
# A release is named by its content and never changed: going back is deploying the old one again.
checksum() { if command -v sha256sum >/dev/null; then sha256sum; else shasum -a 256; fi; }
# The same name as in the service's answers: names and lengths are in it too, so that the borders between files count.
version=$(cd "$release" && for file in "${files[@]}"; do
  printf '%s\0%d\0' "$file" "$(wc -c <"$file")" && cat "$file"
done | checksum | cut -c 1-12)

cat <<END
In project $project, region $region, this makes or updates:
  - an image repository "recommender" (the three newest images are kept)
  - a private bucket $bucket, with your release as $version
  - a service account that may read this bucket and nothing else
  - a public Cloud Run service "recommender": 1 vCPU, 512 MiB, none to one instance
What it costs: nothing within each month's free tier (2 million requests, 180,000 vCPU-seconds, 360,000 GiB-seconds,
0.5 GB of images, 5 GB of storage). One instance that answers day and night, all month, would cost about 61 dollars,
and 0.40 dollars per million requests: set a budget alert. deploy/cloud-run/take_down.sh removes all of it.
END
if [ -n "$ask" ]; then
  read -r -p 'Go on? [y/N] ' answer
  case $answer in y | Y | yes) ;; *) echo 'Nothing was done.' && exit 1 ;; esac
fi

step() { printf '\n== %s\n' "$1"; }
exists() { "$@" >/dev/null 2>&1; }
gcloud() { command gcloud --project "$project" --quiet "$@"; }

step 'Services of Google Cloud'
gcloud services enable run.googleapis.com artifactregistry.googleapis.com storage.googleapis.com iam.googleapis.com

step 'The image, built here and pushed'
exists gcloud artifacts repositories describe recommender --location "$region" ||
  gcloud artifacts repositories create recommender --location "$region" --repository-format docker
gcloud artifacts repositories set-cleanup-policies recommender --location "$region" --policy "$here/cleanup.json" \
  --no-dry-run
gcloud auth configure-docker "$registry"
docker build --platform linux/amd64 --file "$here/../Dockerfile" --tag "$image:latest" "$here/../.."
docker push "$image:latest"
digest=$(gcloud artifacts docker images describe "$image:latest" \
  --format 'value(image_summary.fully_qualified_digest)')

step 'The release, in a bucket that only the service reads'
exists gcloud storage buckets describe "gs://$bucket" ||
  gcloud storage buckets create "gs://$bucket" --location "$region" --uniform-bucket-level-access \
    --public-access-prevention --soft-delete-duration 0
gcloud storage cp "${files[@]/#/$release/}" "gs://$bucket/$version/"
exists gcloud iam service-accounts describe "$account" ||
  gcloud iam service-accounts create recommender --display-name 'The recommender on Cloud Run'
# A new account is known everywhere after some seconds only.
for attempt in 1 2 3 4 5 6; do
  gcloud storage buckets add-iam-policy-binding "gs://$bucket" --member "serviceAccount:$account" \
    --role roles/storage.objectViewer >/dev/null && break
  [ "$attempt" -lt 6 ] || stop "$account was not let into gs://$bucket; run this again in a minute."
  sleep 5
done

step 'The service'
filled=$(mktemp -d)
trap 'rm -r "$filled"' EXIT
# The ${...} are service.yaml's own, not this shell's.
# shellcheck disable=SC2016
sed -e "s|\${SERVICE_ACCOUNT}|$account|" -e "s|\${IMAGE}|$digest|" -e "s|\${RELEASE}|$version|" \
  -e "s|\${BUCKET}|$bucket|" "$here/service.yaml" >"$filled/service.yaml"
gcloud run services replace "$filled/service.yaml" --region "$region"
url=$(gcloud run services describe recommender --region "$region" --format 'value(status.url)')

step 'Does it answer?'
curl --fail --silent --show-error --retry 5 --retry-delay 2 --retry-all-errors --max-time 60 "$url/model"
printf '\n\nIt is public at %s\nTest it:     ultralearn gate 3 --url %s\nIts log:     %s\nTake it down: %s\n' "$url" "$url" \
  "gcloud run services logs read recommender --project $project --region $region" \
  "deploy/cloud-run/take_down.sh --project $project --region $region"
