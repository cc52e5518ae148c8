# One image for every kind of process: `cip up` by default, or `cip web`, `cip ingest`, `cip jobs`.

FROM python:3.11-slim AS build
RUN python -m venv /opt/cip
ENV PATH=/opt/cip/bin:$PATH
WORKDIR /app
COPY requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt
COPY . ./
# Editable, as in development: the code finds its assets beside itself.
RUN pip install --no-cache-dir --no-deps --no-build-isolation --editable .

FROM python:3.11-slim
RUN useradd --system --uid 10001 --create-home cip \
 && install -d -o cip -g cip -m 700 /data
COPY --from=build /opt/cip /opt/cip
COPY --from=build /app /app
WORKDIR /app
ENV PATH=/opt/cip/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CIP_HOME=/data \
    CIP_HOST=0.0.0.0
USER cip
VOLUME /data
EXPOSE 8050
STOPSIGNAL SIGTERM
# Another port than 8050, or another kind of process, needs a health check of its own.
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s CMD \
  ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8050/healthz', timeout=4)"]
ENTRYPOINT ["cip"]
CMD ["up", "--log-to-stdout"]
