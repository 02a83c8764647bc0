# syntax=docker/dockerfile:1
FROM rust:1-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends cmake perl && rm -rf /var/lib/apt/lists/*
WORKDIR /kelp
# What we depend on first: this layer is built again only when a Cargo.toml or Cargo.lock changes.
COPY Cargo.toml Cargo.lock ./
COPY ingest/Cargo.toml ingest/
COPY keystore/Cargo.toml keystore/
COPY parser/Cargo.toml parser/
COPY sink/Cargo.toml sink/
COPY tests/harness/Cargo.toml tests/harness/
COPY benches/Cargo.toml benches/
COPY dashboards/Cargo.toml dashboards/
RUN set -e; \
    for manifest in */Cargo.toml tests/harness/Cargo.toml; do \
      folder=$(dirname $manifest); mkdir -p $folder/src $folder/benches; touch $folder/src/lib.rs; \
      for bench in $(sed -n '/^\[\[bench\]\]/{n;s/^name = "\(.*\)"/\1/p}' $manifest); do \
        echo 'fn main() {}' > $folder/benches/$bench.rs; \
      done; \
    done; \
    mkdir src; echo 'fn main() {}' > src/main.rs
RUN cargo build --release --locked --package kelp
COPY . .
# Newer than what was built of the empty files above.
RUN find . -name '*.rs' -not -path './target/*' -exec touch {} + && cargo build --release --locked --package kelp \
 && strip -o /usr/local/bin/kelp target/release/kelp

FROM debian:bookworm-slim
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 1000 --gid 0 --no-create-home --home-dir /var/lib/kelp kelp \
 && install -d -o 1000 -g 0 -m 0770 /var/lib/kelp
COPY --from=build /usr/local/bin/kelp /usr/local/bin/kelp
COPY examples/default.conf /etc/kelp/pipeline.conf
USER 1000:0
WORKDIR /var/lib/kelp
VOLUME /var/lib/kelp
HEALTHCHECK --interval=10s --timeout=6s --start-period=20s CMD ["kelp", "health", "--process", "1"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["kelp"]
CMD ["-f", "/etc/kelp/pipeline.conf", "--path.data", "/var/lib/kelp"]
