# syntax=docker/dockerfile:1
# The image of Sluice: Node.js and the bundle, nothing to install, nothing to write to.
#   docker build --tag sluice:0.1.0 --build-arg REVISION="$(git rev-parse HEAD)" .

# Another image with Node.js 26 or newer will do, a distroless one for the second; it then has to name `node` as below.
ARG BUILD_IMAGE=node:26-slim
ARG RUN_IMAGE=node:26-slim

# The bundle is the same for every platform, so it is built once, on the one at hand.
FROM --platform=$BUILDPLATFORM ${BUILD_IMAGE} AS build
WORKDIR /build
COPY package.json package-lock.json .npmrc ./
# The scripts of packages only fetch a Node.js and tools that the bundle does not need.
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY scripts/bundle.ts scripts/
COPY src src
RUN node scripts/bundle.ts

FROM ${RUN_IMAGE}
ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="sluice" \
      org.opencontainers.image.description="Edge ingress and service load balancer" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
ENV NODE_ENV=production
WORKDIR /opt/sluice
COPY package.json LICENSE ./
COPY --from=build /build/bundle bundle
# By number, so that Kubernetes can see that it is not root. The user needs no entry and no home.
USER 65532:65532
EXPOSE 8080 8443 10254
ENTRYPOINT ["node", "/opt/sluice/bundle/main.js"]
CMD ["--help"]
