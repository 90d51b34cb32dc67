# The image of deploy/components/monitor; the context is the project. Python, git, the engine and the
# locked libraries: the project itself is cloned at each run, so only another lock needs a new image.
FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b
ENV PATH=/opt/venv/bin:$PATH \
    UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_PYTHON_DOWNLOADS=never \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git ca-certificates \
    && rm -rf /var/lib/apt/lists/* \
    && pip install --no-cache-dir uv==0.13.8 \
    && groupadd --gid 10001 tagship \
    && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home tagship \
    && install --directory --owner 10001 --group 10001 /work
WORKDIR /build
COPY pyproject.toml uv.lock ./
COPY vendor vendor
COPY src src
RUN uv sync --frozen --no-cache --no-default-groups --extra train
WORKDIR /work
USER 10001:10001
ENTRYPOINT ["python", "-m", "tagship"]
