# docker build --build-arg EXTRAS=postgres,zstd -t engagectl .
FROM python:3.12-slim AS build
ARG EXTRAS=postgres,zstd
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY engagectl ./engagectl
RUN python -m venv /opt/engagectl && /opt/engagectl/bin/pip install --no-cache-dir ".[${EXTRAS}]"

FROM python:3.12-slim
RUN apt-get update && apt-get install -y --no-install-recommends git && rm -rf /var/lib/apt/lists/* \
  && useradd --create-home --uid 10001 engage
COPY --from=build /opt/engagectl /opt/engagectl
ENV PATH=/opt/engagectl/bin:$PATH
USER engage
WORKDIR /project
ENTRYPOINT ["engagectl"]
