#!/bin/sh
# Run a bundle, zipped or as a folder of loose files, through a training job.
#
#   container/local_test/train_local.sh leakgauge-membership sample-input/membership.zip [FOLDER]
#
# FOLDER (build/train by default) is laid out as SageMaker lays out /opt/ml; the report is in its
# model/, and on failure the reason in its output/failure.
set -eu
image=$1
bundle=$2
folder=${3:-build/train}

rm -rf "$folder"
mkdir -p "$folder/input/config" "$folder/input/data/training" "$folder/model" "$folder/output/data"
if [ -d "$bundle" ]; then
    cp -R "$bundle/." "$folder/input/data/training"
else
    cp "$bundle" "$folder/input/data/training"
fi
echo '{}' >"$folder/input/config/hyperparameters.json"
echo '{"training": {"TrainingInputMode": "File"}}' >"$folder/input/config/inputdataconfig.json"
echo '{"current_host": "algo-1", "hosts": ["algo-1"]}' >"$folder/input/config/resourceconfig.json"

docker run --rm --network none --volume "$(cd "$folder" && pwd):/opt/ml" "$image" train || {
    code=$?
    cat "$folder/output/failure" >&2
    echo >&2
    exit "$code"
}
ls -l "$folder/model"
