# syntax=docker/dockerfile:1

FROM node:22.20.0-bookworm-slim AS browser
WORKDIR /build
COPY package.json package-lock.json ./
RUN npm ci --omit=dev --no-audit --no-fund

FROM python:3.11.14-slim-bookworm AS python
COPY requirements.txt /build/
RUN python -m venv /opt/hubbub \
 && /opt/hubbub/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /build/requirements.txt

FROM python:3.11.14-slim-bookworm
# The same numbers in docker-compose.yml for Mosquitto, which reads what the hub writes.
RUN groupadd --gid 10001 hubbub \
 && useradd --uid 10001 --gid hubbub --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin hubbub \
 && install -d -o hubbub -g hubbub -m 750 /srv/mosquitto \
 && install -d -o hubbub -g hubbub -m 700 /var/lib/hubbub /var/lib/hubbub/files /var/lib/hubbub/files/incoming
WORKDIR /app
COPY --from=python /opt/hubbub /opt/hubbub
COPY --from=browser /build/node_modules ./node_modules
COPY manage.py ./
COPY deploy/healthy.py ./deploy/healthy.py
COPY devices ./devices
COPY bridges ./bridges
COPY dashboards ./dashboards
COPY hub ./hub
ENV PATH=/opt/hubbub/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    DATA_DIR=/var/lib/hubbub
# As root, so that the code is compiled once and the read-only containers need not.
RUN python -m compileall -q manage.py devices bridges dashboards hub
USER hubbub
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "deploy/healthy.py", "http://127.0.0.1:8000/readyz"]
ENTRYPOINT ["python", "manage.py"]
CMD ["runweb", "--host", "0.0.0.0", "--port", "8000"]
