"""What the commands for people may know of the controller."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import hubtraining.people

FOLDER = Path(hubtraining.people.__file__).parent
SEAM = (
    "cluster.calls",
    "cluster.connection",
    "cluster.errors",
    "cluster.lists",
    "manifests",
    "settings",
    "values.pods",
)


def imported(module: Path) -> set[str]:
    """Dotted names of everything that a module imports, at the top or inside."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        if isinstance(node, ast.ImportFrom) and node.module:
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


@pytest.mark.parametrize("module", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_only_the_seam_of_the_controller_is_used(module: Path) -> None:
    known = {name for name in imported(module) if name.startswith("hubtraining.controller.")}
    seam = tuple(f"hubtraining.controller.{name}." for name in SEAM)
    assert [name for name in known if not f"{name}.".startswith(seam)] == []


@pytest.mark.parametrize("command", ["--help", "run --help", "watch --help", "run yolo11n.pt --data signs --dry-run"])
def test_what_needs_no_cluster_loads_no_client_for_one(command: str) -> None:
    program = (
        "import sys\n"
        "from hubtraining.cli import main\n"
        f"try: main({command.split()})\n"
        "except SystemExit: pass\n"
        "print(sorted({'kubernetes', 'aiohttp', 'kopf', 'rich', 'starlette'} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.splitlines()[-1] == "[]"


def test_the_agent_loads_nothing_of_it() -> None:
    ours = "[name for name in sys.modules if name.startswith('hubtraining.people') or name == 'yaml']"
    program = f"import sys, hubtraining.agent.program; print({ours})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_the_image_has_no_rich() -> None:
    """Where it is installed, httpx loads it with a command line of its own, in every agent."""
    locked = (Path(__file__).resolve().parents[2] / "requirements.lock").read_text()
    assert [line for line in locked.splitlines() if line.startswith(("rich==", "pygments=="))] == []
