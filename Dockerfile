# The image holds the program, certificates and an empty data directory: no
# shell, no package manager, no root. Commands are in exec form throughout.
FROM golang:1.26.8 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN ["go", "mod", "download"]
COPY . .
ENV CGO_ENABLED=0
RUN ["go", "build", "-trimpath", "-ldflags", "-s -w", "-o", "/out/hydrant", "./cmd/hydrant"]
WORKDIR /out/data

FROM scratch
COPY --from=build /etc/ssl/certs/ca-certificates.crt /etc/ssl/certs/
COPY --from=build /out/hydrant /hydrant
COPY --from=build --chown=65532:65532 /out/data /var/lib/hydrant
USER 65532:65532
VOLUME /var/lib/hydrant
EXPOSE 4573 4574
ENTRYPOINT ["/hydrant"]
CMD ["run", "-c", "/etc/hydrant/hydrant.yaml"]
