# The worker, and with `serve` as its command the whole service on one host.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md ./
COPY service ./service
COPY clients ./clients
COPY instrument_sim ./instrument_sim
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
# g++ and ninja compile one BoTorch kernel at build time, so that no deadline ever waits for it.
RUN apt-get update \
    && apt-get install --yes --no-install-recommends g++=4:* \
    && rm -rf /var/lib/apt/lists/* \
    && useradd --create-home --uid 10001 paretoscope
COPY requirements.lock /tmp/requirements.lock
RUN python -m pip install --no-cache-dir --requirement /tmp/requirements.lock
COPY --from=build /wheels /tmp/wheels
RUN python -m pip install --no-cache-dir --no-deps /tmp/wheels/*.whl
USER 10001
RUN python -m paretoscope.worker.warm
ENV PARETOSCOPE_DATA=/home/paretoscope/data
VOLUME ["/home/paretoscope/data"]
ENTRYPOINT ["paretoscope"]
CMD ["worker"]
