#!/bin/sh
# Send a bundle to a container that serves, and print the answer.
#
#   container/local_test/predict.sh sample-input/membership.zip [application/json] [port]
set -eu
bundle=$1
accept=${2:-application/json}
port=${3:-8080}

curl --fail-with-body --silent --show-error --data-binary "@$bundle" \
    --header 'Content-Type: application/zip' --header "Accept: $accept" \
    "http://localhost:$port/invocations"
