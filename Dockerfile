# Build the wheel, then install it alone: the image carries no source tree and no build tools.
FROM python:3.13-slim AS build
WORKDIR /src
COPY pyproject.toml README.md LICENSE ./
COPY gateway gateway
COPY grammar grammar
RUN python -m venv /opt/skillhabit-odata \
    && /opt/skillhabit-odata/bin/pip install --no-cache-dir .

FROM python:3.13-slim
COPY --from=build /opt/skillhabit-odata /opt/skillhabit-odata
RUN useradd --system --uid 10001 --home-dir /nonexistent gateway \
    && install -d -o gateway -m 0700 /data
USER gateway
ENV PATH=/opt/skillhabit-odata/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    SKILLHABIT_ODATA_HOST=0.0.0.0 \
    SKILLHABIT_ODATA_DATA_DIR=/data
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/healthz', timeout=2)"]
ENTRYPOINT ["skillhabit-odata"]
CMD ["serve"]
