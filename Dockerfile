# A server for one model, without a compiler or torch:
#   docker build -t seqconv .
#   docker run -p 8000:8000 -v "$PWD/runs/demo-text:/model:ro" seqconv
# With -e SEQCONV_TOKEN=... requests must show that token. Without one, whoever reaches the published port is let in.
FROM python:3.12-slim AS build
RUN apt-get update && apt-get install --yes --no-install-recommends g++ make && rm -rf /var/lib/apt/lists/*
COPY . /source
RUN python -m venv /opt/seqconv && /opt/seqconv/bin/pip install --no-cache-dir "/source[serve]"

FROM python:3.12-slim
RUN useradd --create-home --uid 1000 seqconv
COPY --from=build /opt/seqconv /opt/seqconv
USER seqconv
ENV PATH=/opt/seqconv/bin:$PATH
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=3s --start-period=5s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health', timeout=2)"]
ENTRYPOINT ["seqconv", "serve"]
CMD ["/model", "--host", "0.0.0.0", "--insecure"]
