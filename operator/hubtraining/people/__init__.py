"""Commands for people: run, watch, logs and manifests."""
