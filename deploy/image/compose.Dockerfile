# The two images of docker-compose.yml, for people without Kubernetes; the context is the project.
# They share no layer with a release's image: there a finished bento goes in, here it is trained.
FROM python:3.11-slim-bookworm@sha256:a36c24f9cbdf4fd0f52d67f0823eeac19c2028c637cecc392d97f980d4fec56b AS base
ENV PATH=/opt/venv/bin:$PATH \
    UV_PROJECT_ENVIRONMENT=/opt/venv \
    UV_PYTHON_DOWNLOADS=never \
    PYTHONPATH=/work/src \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp
# Volumes take the owner of the folder that they are mounted on.
RUN pip install --no-cache-dir uv==0.13.8 \
    && groupadd --gid 10001 tagship \
    && useradd --uid 10001 --gid 10001 --home-dir /tmp --no-create-home tagship \
    && install --directory --owner 10001 --group 10001 /work /work/.tagship /work/reports
WORKDIR /work
COPY pyproject.toml uv.lock ./
ENTRYPOINT ["python", "-m", "tagship"]

FROM base AS serving
RUN uv sync --frozen --no-cache --no-default-groups --no-install-project --extra serve
COPY config config
COPY src src
USER 10001:10001

FROM base AS training
RUN uv sync --frozen --no-cache --no-default-groups --no-install-project --extra train --extra serve
COPY config config
COPY bentos bentos
COPY src src
USER 10001:10001
