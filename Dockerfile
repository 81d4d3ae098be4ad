# The image contains Python, the packages of requirements.lock, and the wheel: no source tree, no build
# tools. In your own builds, pin the base image by its digest; your registry knows the one you trust.
ARG PYTHON=python:3.13-slim-bookworm

FROM ${PYTHON} AS build
WORKDIR /src
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/build \
    && /opt/build/bin/pip install --no-cache-dir --require-hashes -r requirements-build.lock \
    && python -m venv --without-pip /opt/skillhabit-odata \
    && /opt/build/bin/uv pip install --no-cache --python /opt/skillhabit-odata --compile-bytecode --only-binary :all: --require-hashes -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY grammar grammar
RUN /opt/build/bin/pip wheel --no-deps --no-index --no-build-isolation --wheel-dir /src/dist . \
    && /opt/build/bin/uv pip install --no-cache --python /opt/skillhabit-odata --compile-bytecode --no-deps --no-index /src/dist/*.whl

FROM ${PYTHON}
LABEL org.opencontainers.image.title="Skillhabit OData gateway" \
      org.opencontainers.image.description="A read-only OData gateway for the Skillhabit Analytics API" \
      org.opencontainers.image.licenses="MIT"
COPY --from=build /opt/skillhabit-odata /opt/skillhabit-odata
RUN useradd --system --uid 10001 --user-group --home-dir /nonexistent --shell /usr/sbin/nologin gateway \
    && install -d -o gateway -g gateway -m 0700 /data
USER 10001:10001
ENV PATH=/opt/skillhabit-odata/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    SKILLHABIT_ODATA_HOST=0.0.0.0 \
    SKILLHABIT_ODATA_DATA_DIR=/data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["skillhabit-odata"]
CMD ["serve"]
