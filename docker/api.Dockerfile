# API, dashboard and bridge: everything but the numerics. Torch stays out of it.
FROM python:3.11-slim-bookworm AS build
WORKDIR /src
COPY pyproject.toml README.md ./
COPY service ./service
COPY clients ./clients
COPY instrument_sim ./instrument_sim
RUN python -m pip wheel --no-cache-dir --no-deps --wheel-dir /wheels .

FROM python:3.11-slim-bookworm
RUN useradd --create-home --uid 10001 paretoscope
COPY requirements.lock /tmp/requirements.lock
RUN sed -i -E '/^(torch|botorch|gpytorch|linear-operator)==/d' /tmp/requirements.lock \
    && python -m pip install --no-cache-dir --no-deps --requirement /tmp/requirements.lock
COPY --from=build /wheels /tmp/wheels
RUN python -m pip install --no-cache-dir --no-deps /tmp/wheels/*.whl
USER 10001
ENV PARETOSCOPE_DATA=/home/paretoscope/data
VOLUME ["/home/paretoscope/data"]
ENTRYPOINT ["paretoscope"]
CMD ["serve", "--workers", "0"]
