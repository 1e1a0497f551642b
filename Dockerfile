# The notebooks in a container, set up by the same command as anywhere else.
#
#   docker build -t freekd .                                                                    for the CPU
#   docker build -t freekd --build-arg BASE=nvidia/cuda:12.9.1-base-ubuntu24.04 --build-arg RUNTIME=gpu .    for an NVIDIA GPU (run it with --gpus all)
#   docker run --rm -p 127.0.0.1:8888:8888 freekd                                               then open the printed link
ARG BASE=debian:bookworm-slim
FROM node:22-bookworm-slim AS node

FROM ${BASE}
COPY --from=node /usr/local /usr/local
RUN apt-get update \
 && apt-get install -y --no-install-recommends ca-certificates g++ git python3 python3-venv \
 && rm -rf /var/lib/apt/lists/*

# Not root, which JupyterLab refuses; the uid is the one that Binder and Codespaces use. Ubuntu's image has a user of that uid already.
RUN (getent passwd 1000 | cut -d: -f1 | xargs -r userdel -r) ; useradd --create-home --uid 1000 freekd && install -d -o freekd /freekd
USER freekd
WORKDIR /freekd

COPY --chown=freekd . .
ARG RUNTIME=cpu
ENV FREEKD_RUNTIME=${RUNTIME}
RUN npm run setup

ENV PATH=/freekd/.venv/bin:${PATH}
EXPOSE 8888
CMD ["npm", "start", "--", "--no-browser", "--ip", "0.0.0.0"]
