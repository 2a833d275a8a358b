#!/bin/sh
# Serve an image on port 8080, as SageMaker would.
#
#   container/local_test/serve_local.sh [leakgauge-membership] [port]
set -eu
image=${1:-leakgauge-membership}
port=${2:-8080}

exec docker run --rm --publish "$port:8080" "$image" serve
