# The two images of docker-compose.yml, for people without Kubernetes; the context is the project.
# They share no layer with a release's image: there a finished bento goes in, here it is trained.
# `training` is the image of deploy/components/dask, too.
FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS base
ENV PATH=/opt/venv/bin:$PATH \
    UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_PYTHON_DOWNLOADS=never \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
# Volumes take the owner of the folder that they are mounted on.
RUN groupadd --gid 10001 tagship \
    && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home tagship \
    && install --directory --owner 10001 --group 10001 /work /work/.tagship /work/reports /var/log/tagship
WORKDIR /work
ENTRYPOINT ["python", "-m", "tagship"]

# git is for an engine that is pinned by a tag of the template; no later stage has it.
FROM base AS locked
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && pip install --no-cache-dir uv==0.13.8
COPY pyproject.toml uv.lock ./
COPY vendor vendor
COPY src src

FROM locked AS serving-packages
RUN uv sync --frozen --no-cache --no-default-groups --extra serve

FROM locked AS training-packages
RUN uv sync --frozen --no-cache --no-default-groups --extra train --extra serve --extra dask

FROM base AS serving
COPY --from=serving-packages /opt/venv /opt/venv
COPY config config
COPY src src
USER 10001:10001

FROM base AS training
COPY --from=training-packages /opt/venv /opt/venv
COPY config config
COPY bentos bentos
COPY src src
USER 10001:10001
