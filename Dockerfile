# Two images over one library. Each holds the packages of its own audit and nothing of the other's:
#
#   docker build --target membership -t leakgauge-membership .
#   docker build --target inversion  -t leakgauge-inversion  .
#
# TORCH_INDEX is the address of PyTorch's CPU wheels; without it, pip on Linux brings several
# gigabytes of CUDA libraries that an audit never uses.

ARG BASE=debian:bookworm-slim

# --- what both images run on ------------------------------------------------------------------------
FROM ${BASE} AS runtime

RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends libseccomp2 python3 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/* /usr/share/man/*

# No bytecode is written at run time: it is compiled below, and the image may be read-only.
ENV PATH=/opt/program:/opt/leakgauge/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    LANG=C.UTF-8

# --- tools that stay behind -------------------------------------------------------------------------
FROM runtime AS builder

RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    binutils ca-certificates python3-pip python3-venv \
 && python3 -m venv --without-pip /opt/leakgauge

ENV PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_ROOT_USER_ACTION=ignore \
    PIP_PYTHON=/opt/leakgauge/bin/python

# --- the library itself, small and often changed ----------------------------------------------------
FROM builder AS library

COPY container/requirements-build.txt /
RUN pip install --quiet --no-compile --require-hashes -r /requirements-build.txt
COPY pyproject.toml README.md LICENSE /source/
COPY src /source/src
COPY container/settle /usr/local/bin/
RUN pip install --quiet --no-compile --no-build-isolation --no-deps /source \
 && pip uninstall --quiet --yes setuptools \
 && settle /opt/leakgauge
COPY serve train /opt/program/
COPY container/entrypoint /opt/program/container/
RUN settle /opt/program

# --- membership -------------------------------------------------------------------------------------
FROM builder AS membership-packages

ARG TORCH_INDEX=
COPY container/requirements-membership.txt container/requirements-torch.txt container/requirements-torch-cpu.txt /
COPY container/install-torch /
RUN pip install --quiet --no-compile --require-hashes -r /requirements-membership.txt \
 && /install-torch pip "${TORCH_INDEX}" \
 && pip check
COPY container/trim container/settle /usr/local/bin/
RUN trim /opt/leakgauge \
 && settle /opt/leakgauge

FROM runtime AS membership

# LightGBM's wheel brings no OpenMP of its own, WeasyPrint's no Pango.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    fonts-dejavu-core libgomp1 libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/*

COPY --from=membership-packages /opt/leakgauge /opt/leakgauge
COPY --from=library /opt/leakgauge /opt/leakgauge
COPY --from=library /opt/program /opt/program

ARG VERSION=unreleased
ENV LEAKGAUGE_AUDIT=membership
LABEL org.opencontainers.image.title="leakgauge-membership" \
      org.opencontainers.image.description="Membership inference audit of a model of tables (scikit-learn, XGBoost, LightGBM, ONNX) or an ONNX image classifier" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      com.amazonaws.sagemaker.capabilities.accept-bind-to-port="true"

# SageMaker starts `IMAGE serve` and `IMAGE train` as root; no user and no command are set here.
WORKDIR /opt/program
EXPOSE 8080
ENTRYPOINT ["/opt/program/container/entrypoint"]

# --- inversion --------------------------------------------------------------------------------------
FROM builder AS inversion-packages

COPY container/requirements-inversion.txt /
RUN pip install --quiet --no-compile --require-hashes -r /requirements-inversion.txt \
 && pip check
COPY container/trim container/settle /usr/local/bin/
RUN trim /opt/leakgauge \
 && settle /opt/leakgauge

FROM runtime AS inversion

# LightGBM's wheel brings no OpenMP of its own, WeasyPrint's no Pango.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    fonts-dejavu-core libgomp1 libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/*

COPY --from=inversion-packages /opt/leakgauge /opt/leakgauge
COPY --from=library /opt/leakgauge /opt/leakgauge
COPY --from=library /opt/program /opt/program

ARG VERSION=unreleased
ENV LEAKGAUGE_AUDIT=inversion
LABEL org.opencontainers.image.title="leakgauge-inversion" \
      org.opencontainers.image.description="Model inversion audit of an image classifier, or of the class profiles of a model of tables" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0" \
      com.amazonaws.sagemaker.capabilities.accept-bind-to-port="true"

WORKDIR /opt/program
EXPOSE 8080
ENTRYPOINT ["/opt/program/container/entrypoint"]

# --- the demo page: not published ------------------------------------------------------------------
#
#   docker build --target demo -t leakgauge-demo . && docker run --rm -p 127.0.0.1:8000:8000 leakgauge-demo
FROM builder AS demo-packages

COPY container/requirements-demo.txt /
RUN pip install --quiet --no-compile --require-hashes -r /requirements-demo.txt \
 && pip check
COPY container/trim container/settle /usr/local/bin/
RUN trim /opt/leakgauge \
 && settle /opt/leakgauge

FROM runtime AS demo

# WeasyPrint's wheel brings no Pango.
RUN apt-get update \
 && DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends \
    fonts-dejavu-core libharfbuzz-subset0 libpango-1.0-0 libpangoft2-1.0-0 \
 && rm -rf /var/lib/apt/lists/* /var/cache/apt/* /var/cache/debconf/* /var/log/*

COPY --from=demo-packages /opt/leakgauge /opt/leakgauge
COPY --from=library /opt/leakgauge /opt/leakgauge

ARG VERSION=unreleased
LABEL org.opencontainers.image.title="leakgauge-demo" \
      org.opencontainers.image.description="A page on which a model's training data is reconstructed, before and after a defence" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.licenses="Apache-2.0"

# Asked by address or as localhost; `docker run ... leakgauge-demo --name demo.example` adds a name.
# Models are trained at the first start; name a volume here to keep them.
ENV XDG_CACHE_HOME=/tmp/cache
EXPOSE 8000
# The first process of a container ignores SIGTERM unless it asks for it; this one ends as by Ctrl-C.
STOPSIGNAL SIGINT
ENTRYPOINT ["leakgauge", "demo", "--host", "0.0.0.0", "--port", "8000"]

# --- bills of materials: not published, built by `make bill` -----------------------------------------
FROM builder AS bill-maker

ENV PIP_PYTHON=
COPY container/requirements-release.txt /
RUN python3 -m venv /opt/bill \
 && /opt/bill/bin/pip install --quiet --require-hashes -r /requirements-release.txt

FROM bill-maker AS membership-bill

COPY --from=membership-packages /opt/leakgauge /opt/leakgauge
RUN /opt/bill/bin/cyclonedx-py environment --output-reproducible \
    --output-file /bill.json /opt/leakgauge/bin/python
ENTRYPOINT ["cat", "/bill.json"]

FROM bill-maker AS inversion-bill

COPY --from=inversion-packages /opt/leakgauge /opt/leakgauge
RUN /opt/bill/bin/cyclonedx-py environment --output-reproducible \
    --output-file /bill.json /opt/leakgauge/bin/python
ENTRYPOINT ["cat", "/bill.json"]
