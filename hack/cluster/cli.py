"""The command line of the local cluster."""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from cluster import gpus as node_gpus
from cluster import images, lifecycle, machine, programs, status
from cluster.errors import ClusterError
from cluster.kubectl import environment
from cluster.paths import Layout, layout
from cluster.progress import step
from cluster.settings import existing

Command = Callable[[Layout, argparse.Namespace], int]


def main(arguments: Sequence[str]) -> int:
    """Run one command; what goes wrong is said in a sentence."""
    options = parser().parse_args(arguments)
    command: Command = options.command
    try:
        return command(layout(options.name, os.environ), options)
    except ClusterError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except BrokenPipeError:  # whoever reads has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        print("interrupted; `up` goes on from here, `down` clears it away", file=sys.stderr)
        return 130


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = argparse.ArgumentParser(prog="cluster", description="A Kubernetes cluster of its own on this Linux machine.")
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    _add_up(commands)
    _add(commands, "down", down, "take the cluster down and leave nothing behind")
    _add(commands, "status", show_status, "what runs; exit code 1 when something does not")
    _add(commands, "env", env, 'print what a shell needs: eval "$(hack/cluster/cluster env)"')
    _add(commands, "kubectl", run_kubectl, "run kubectl on the cluster: cluster kubectl -- get pods").add_argument(
        "words", nargs="*"
    )
    _add(commands, "enter", enter, "run a command inside the node: cluster enter -- ip route").add_argument(
        "words", nargs="*"
    )
    _add(commands, "gpus", gpus, "let the node offer COUNT nvidia.com/gpu").add_argument("count", type=number)
    _add(commands, "load-image", load_image, "import image archives").add_argument(
        "files", nargs="+", type=Path, metavar="FILE"
    )
    _add(commands, "build", build, "compile programs into the cache").add_argument(
        "programs", nargs="*", metavar="PROGRAM"
    )
    return top


def _add(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]", name: str, command: Command, text: str
) -> argparse.ArgumentParser:
    added = commands.add_parser(name, help=text, description=text)
    added.add_argument("--name", default="dev", help="which cluster (default: %(default)s)")
    added.set_defaults(command=command)
    return added


def _add_up(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    added = _add(commands, "up", up, "bring the cluster up")
    added.add_argument(
        "--control-plane-only", action="store_true", help="no node and no root: the API server and what serves it"
    )
    added.add_argument("--kwok", type=number, default=0, metavar="N", help="add N fake nodes")
    added.add_argument("--gpus", type=number, metavar="N", help="let the node offer N nvidia.com/gpu")
    added.add_argument("--audit", action="store_true", help="write every request's metadata to logs/audit.json")


def number(text: str) -> int:
    """A count from the command line."""
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a count")
    return int(text)


def up(where: Layout, options: argparse.Namespace) -> int:
    wish = lifecycle.Wish(
        with_node=not options.control_plane_only, audit=options.audit, fake_nodes=options.kwok, gpus=options.gpus
    )
    lifecycle.up(where, wish)
    return 0


def down(where: Layout, options: argparse.Namespace) -> int:
    lifecycle.down(where)
    return 0


def show_status(where: Layout, options: argparse.Namespace) -> int:
    return status.show(where)


def env(where: Layout, options: argparse.Namespace) -> int:
    existing(where)
    print(f'export KUBECONFIG="{where.kubeconfig}"')
    print(f'export PATH="{where.bin}:$PATH"')
    return 0


def run_kubectl(where: Layout, options: argparse.Namespace) -> int:
    existing(where)
    program = str(where.bin / "kubectl")
    os.execve(program, ["kubectl", *options.words], environment(where))


def enter(where: Layout, options: argparse.Namespace) -> int:
    command = [*machine.inside(where), *(options.words or ["sh"])]
    os.execvp(command[0], command)


def gpus(where: Layout, options: argparse.Namespace) -> int:
    machine.inside(where)
    node_gpus.offer(where, options.count)
    return 0


def load_image(where: Layout, options: argparse.Namespace) -> int:
    place = machine.inside(where)
    for file in options.files:
        with step(f"importing {file.name}"):
            images.load(place, file)
    return 0


def build(where: Layout, options: argparse.Namespace) -> int:
    unknown = set(options.programs) - set(programs.ALL)
    if unknown:
        raise ClusterError(f"there is no program {', '.join(sorted(unknown))}: choose from {', '.join(programs.ALL)}")
    chosen = [programs.ALL[name] for name in options.programs] or list(programs.ALL.values())
    programs.build(chosen)
    print(*(programs.built(program) for program in chosen), sep="\n")
    return 0
