"""The steps of the demo, in their order."""

import argparse
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from demo import cluster as clusters
from demo import hub as hubs
from demo import session, storage
from demo.cluster import Cluster
from demo.shell import ROOT, DemoError, output, run, say, step


def arguments(words: list[str]) -> argparse.Namespace:
    """What the user asked for."""
    parser = argparse.ArgumentParser(prog="demo", description="From nothing to a trained model, on a real cluster.")
    parser.add_argument(
        "--context", default="", help="a context of your kubeconfig; without it a local cluster is made"
    )
    parser.add_argument("--registry", default="", help="with --context: where the cluster pulls images from")
    parser.add_argument("--down", action="store_true", help="take away what the demo made")
    return parser.parse_args(words)


def main(words: list[str]) -> int:
    """Run the demo; returns the exit code."""
    wanted = arguments(words)
    try:
        (down if wanted.down else up)(wanted.context, wanted.registry)
    except DemoError as error:
        print(f"\ndemo: {error}", file=sys.stderr)
        return 1
    return 0


def up(context: str, registry: str) -> None:
    """Cluster, images, chart, data set, session, result."""
    with step("A cluster"):
        cluster = clusters.theirs(context, registry) if context else clusters.local()
    with step("Images"):
        names = {name: cluster.load(image) for name, image in clusters.images().items()}
    with step("hubtraining, by its chart"):
        install(cluster, names["hubtraining"])
    with step("A data set in the hub"):
        key = hubs.create_key(cluster)
        hubs.add_dataset(cluster, session.NAME, dataset())
    with step("A session: yolov8n from its yaml, on CPU"):
        session.start(cluster, names["trainer"])
        body = session.follow(cluster)
    with hubs.reached(cluster, key) as hub:
        session.show(cluster, hub, body)
    say(f"Look around: {' '.join(cluster.kubectl)} -n {session.NAMESPACE} describe hubtrainingsession {session.NAME}")


def install(cluster: Cluster, image: str) -> None:
    """Install or upgrade the chart with the image just built, and wait for it."""
    repository, _, tag = image.rpartition(":")
    chart = ("upgrade", "--install", "hubtraining", str(ROOT / "charts" / "hubtraining"), "-n", hubs.NAMESPACE)
    values = ("--set", f"image.repository={repository}", "--set", f"image.tag={tag}")
    if cluster.state:
        storage.offer(cluster, cluster.state)
    output(*cluster.kubectl, "apply", "-f", str(ROOT / "deploy" / "namespace.yaml"))
    run(*cluster.helm, *chart, *values, "--wait", "--timeout", "5m")


def dataset() -> bytes:
    """The synthetic data set, made afresh; the same bytes each time."""
    with TemporaryDirectory() as folder:
        archive = Path(folder) / f"{session.NAME}.zip"
        output(sys.executable, str(ROOT / "examples" / "dataset" / "make.py"), str(archive))
        return archive.read_bytes()


def down(context: str, _registry: str) -> None:
    """Remove the demo: the whole local cluster, or what was installed into the user's own."""
    if not context:
        run(clusters.CLUSTER, "down")
        return
    cluster = clusters.theirs(context, "")
    output(*cluster.kubectl, "delete", "namespace", session.NAMESPACE, "--ignore-not-found")
    output(*cluster.helm, "uninstall", "hubtraining", "-n", hubs.NAMESPACE, "--ignore-not-found")
    output(*cluster.kubectl, "delete", "namespace", hubs.NAMESPACE, "--ignore-not-found")
    say("The CRD stays with all sessions; remove it with `kubectl delete crd hubtrainingsessions.hubtraining.dev`.")
