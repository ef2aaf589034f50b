ARG BASE=docker.io/library/python:3.13-slim-trixie

FROM ${BASE} AS dependencies
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PIP_NO_COMPILE=1 \
    PIP_NO_DEPS=1 \
    PIP_QUIET=1 \
    PIP_ROOT_USER_ACTION=ignore
# Two environments: neither pip nor what builds the wheel belongs into the image.
RUN python -m venv /opt/build && python -m venv --without-pip /opt/hubtraining
COPY requirements.lock /src/
# Bytecode that is never compared with its source stays valid, whatever a copy does to the times of files.
RUN /opt/build/bin/pip --python /opt/hubtraining/bin/python install --require-hashes --only-binary :all: -r /src/requirements.lock \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/hubtraining/lib

FROM dependencies AS package
COPY requirements-build.lock /src/
RUN /opt/build/bin/pip install --require-hashes --only-binary :all: -r /src/requirements-build.lock
COPY LICENSE README.md pyproject.toml /src/
COPY operator /src/operator
RUN /opt/build/bin/pip wheel --no-index --no-build-isolation --wheel-dir /src/dist /src \
 && /opt/build/bin/pip --python /opt/hubtraining/bin/python install --no-index --no-warn-script-location --root /package /src/dist/*.whl \
 && python -m compileall -q --invalidation-mode unchecked-hash -s /package -p / /package

FROM ${BASE}
# A layer each: a new version with the old dependencies is a small download.
COPY --from=dependencies /opt/hubtraining /opt/hubtraining
COPY --from=package /package /
ENV PATH=/opt/hubtraining/bin:${PATH} \
    HOME=/tmp \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
# A number, because runAsNonRoot cannot check a name.
USER 65532:65532
ENTRYPOINT ["hubtraining"]
# Last, so that a release reuses every layer of a build of the same content.
ARG VERSION=dev
ARG REVISION=unknown
ARG SOURCE=unknown
LABEL org.opencontainers.image.title="hubtraining" \
      org.opencontainers.image.description="YOLO training sessions on Kubernetes: an operator, an agent beside the training, and a hub" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}" \
      org.opencontainers.image.source="${SOURCE}"
