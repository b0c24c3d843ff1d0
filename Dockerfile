# 汇诉：以普通用户运行的编译产物。docker build -t huisu .
# Huisu as plain JavaScript on Node 24, run by a user that is not root.
FROM node:24.21.0-bookworm-slim AS build
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund
COPY tsconfig.json tsconfig.build.json ./
COPY scripts scripts
COPY adapters adapters
COPY config config
COPY gateway gateway
COPY normalizer normalizer
COPY store store
RUN npm run -s build

FROM node:24.21.0-bookworm-slim AS modules
WORKDIR /app
COPY .npmrc package.json package-lock.json ./
# The image has a Node of its own: the one that npm brings along is optional, and not needed twice.
RUN npm ci --ignore-scripts --omit=dev --omit=optional --no-audit --no-fund

FROM node:24.21.0-bookworm-slim
# Numbers instead of names, so that Kubernetes can tell that this is not root (runAsNonRoot).
RUN install -d -m 0700 -o 1000 -g 1000 /var/lib/huisu /var/lib/huisu/data /var/lib/huisu/keys
WORKDIR /app
COPY --from=modules /app/node_modules node_modules
COPY --from=build /app/dist dist
COPY LICENSE package.json ./
ENV NODE_ENV=production \
    HUISU_DATA=/var/lib/huisu/data \
    HUISU_KEYS_FILE=/var/lib/huisu/keys/keys.json \
    HUISU_HOST=0.0.0.0 \
    HUISU_PORT=8012
USER 1000:1000
EXPOSE 8012
VOLUME ["/var/lib/huisu"]
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.HUISU_PORT}/healthz`).then(answer => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
ENTRYPOINT ["node", "--disable-proto=delete", "dist/gateway/main.js"]
CMD ["start"]
