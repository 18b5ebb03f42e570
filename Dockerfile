# Two images from one file:
#   docker build --target local  .   the whole lake on one machine (compose.yaml uses it)
#   docker build --target lambda .   the functions of ingestion, for those who deploy images instead of zip files

FROM python:3.13-slim-trixie AS local
RUN useradd --create-home --uid 1000 lake && mkdir /lake /state && chown lake:lake /lake /state
USER 1000
WORKDIR /lake
COPY --chown=lake:lake . .
RUN python scripts/bootstrap.py
ENV PATH=/lake/.venv/bin:$PATH \
    LEDGERLAKE_STATE=/state
VOLUME /state
HEALTHCHECK --interval=30s --timeout=20s --start-period=120s CMD ["ledgerlake", "doctor"]
CMD ["/bin/sh", "-c", "ledgerlake up && exec tail -n 0 -F /state/logs/stream.log /state/logs/pump.log"]

FROM python:3.13-slim-trixie AS build
COPY --from=ghcr.io/astral-sh/uv:0.13.9 /uv /usr/local/bin/uv
WORKDIR /build
COPY requirements.txt .
RUN uv pip install --no-cache --target /task --only-binary :all: --constraints requirements.txt \
    aws-lambda-powertools boto3 jsonschema numpy open-data-contract-standard pyarrow pydantic ruamel.yaml \
    bai2 holidays iso3166 iso4217 mt-940 openpyxl \
    deltalake awslambdaric==4.2.2
COPY ingestion /task/ingestion
COPY ledgerlake /task/ledgerlake
COPY monitoring /task/monitoring
COPY tables /task/tables
COPY validation /task/validation

FROM python:3.13-slim-trixie AS lambda
RUN useradd --uid 1000 function
COPY --from=build /task /var/task
USER 1000
WORKDIR /var/task
ENV PYTHONPATH=/var/task
ENTRYPOINT ["python", "-m", "awslambdaric"]
CMD ["ingestion.handlers.admit.handler"]
