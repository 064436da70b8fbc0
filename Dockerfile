# The playground as a container: see docs/deployment.md. It is built from the repository alone:
#
#   docker build --tag flask-octaspace .
FROM python:3.12-slim

WORKDIR /app
COPY constraints.txt pyproject.toml README.md LICENSE octaspace_pytest.py ./
COPY bin/environment.py bin/environment.py
COPY octaspace octaspace
COPY flask_octaspace flask_octaspace
COPY playground playground
# The same command as on any machine: .venv with the pinned packages.
RUN python bin/environment.py playground

# A number, so that an orchestrator can see that it is not root.
RUN mkdir --mode 0700 /state && chown 10001:10001 /state
USER 10001:10001
VOLUME /state

# Others can reach this address, so the start is refused without PLAYGROUND_PASSWORD and PLAYGROUND_HOSTS. They are
# given at the start, like every secret: none is part of the image.
ENV PLAYGROUND_BIND=0.0.0.0:3000 PLAYGROUND_STATE_DIR=/state PYTHONUNBUFFERED=1
EXPOSE 3000
HEALTHCHECK --interval=30s --timeout=5s --start-period=30s CMD [".venv/bin/python", "-c", "from urllib.request import *; build_opener(ProxyHandler({})).open('http://127.0.0.1:3000/healthz', timeout=4)"]
# Gunicorn is process 1 and receives SIGTERM itself. It needs up to 30 s to finish: docker stop --time 45.
CMD [".venv/bin/python", "-m", "gunicorn", "-c", "playground/gunicorn.conf.py", "playground:create_app()"]
