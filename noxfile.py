"""Everything that is done with this repository, one session each: ``nox -l`` lists them.

Each session works alone on a fresh machine. Versions come from ``constraints.txt``; what a session
needs beside the distributions is listed under ``[dependency-groups]`` in ``pyproject.toml``. The
first step installs torch, which brings setuptools, so that local distributions build without a
download.
"""

from __future__ import annotations

import contextlib
import functools
import http.server
import os
import re
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import nox

ROOT = Path(__file__).parent
CONSTRAINTS = "constraints.txt"
README = (ROOT / "README.md").read_text(encoding="utf-8")
PROJECT = nox.project.load_toml("pyproject.toml")
PLUGINS = sorted(path.parent.name for path in ROOT.glob("plugins/*/pyproject.toml"))
PACKAGES = ["automodel_core", *(f"plugins/{p}/{p.replace('-', '_')}" for p in PLUGINS)]
SOURCES = ["automodel_core", "plugins", "tests", "docs", "noxfile.py"]
DEMO = "docs/demo"
DEMO_PLUGINS = ("t5", "gpt2", "vit", "vision-encoder-decoder", "yolos", "wav2vec2")
PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".webp", ".bmp")
SOUNDS = (".wav",)
DEMO_INPUTS = (
    "twenty-one", "nine thousand and sixty",
    f"{DEMO}/pictures/1.png", f"{DEMO}/speech/1.wav", f"{DEMO}/speech/2.wav",
)  # fmt: skip
READS_TOML = "tomli; python_version < '3.11'"
EVERY_CORE = ("-n", "auto")
SESSIONS_OF_THEIR_OWN = (
    "clients", "docs", "faults", "foreign", "fuzz", "house", "parity", "typing",
)  # fmt: skip
# Models of tests are tiny: more threads only wait for one another.
ONE_THREAD = {"OMP_NUM_THREADS": "1"}
# A third of the suite's time is torch's, to export every head: `exports` does that.
EXPORTS_THE_BODY = ("-k", "not exports_with_dynamic_sizes or base")
# What a wheel lacks shows in its body: `tests` runs the heads, whose checks end with -task.
CHECKS_THE_BODY = ("-k", "base or not conformance or not -")
TRANSFORMERS = {
    "5.23.0": {},
    "4.57.6": {
        "transformers": "4.57.6",
        "huggingface-hub": "0.36.2",
        "tokenizers": "0.22.2",
        "pandas": "2.3.3",  # the tables of this version are those of pandas 2
    },
}

nox.needs_version = ">=2024.10.9"
nox.options.default_venv_backend = "virtualenv"
nox.options.sessions = ["lint", "typing", "tests", "docs"]
nox.options.error_on_missing_interpreters = True
os.environ.setdefault("OMP_NUM_THREADS", "2")


def groups(*names: str) -> list[str]:
    """Return the requirements of dependency groups."""
    return list(nox.project.dependency_groups(PROJECT, *names))


def install_torch(session: nox.Session, *more: str, constraints: str = CONSTRAINTS) -> None:
    """Install torch, and with it setuptools, which builds the distributions of this repository."""
    session.install("-q", "-c", constraints, "torch", "setuptools", *more)


def install_editable(session: nox.Session, *plugins: str, constraints: str = CONSTRAINTS) -> None:
    """Install the core and plugins so that the source tree is what runs."""
    options = [part for path in (".", *(f"plugins/{p}" for p in plugins)) for part in ("-e", path)]
    session.install("-q", "-c", constraints, "--no-build-isolation", *options)


def build_wheels(session: nox.Session, *paths: str) -> list[str]:
    """Build the wheels of the distributions at ``paths`` and return their file names."""
    wheels = Path(session.create_tmp(), "wheels").absolute()
    builds = [ROOT / path / "build" for path in paths]
    for folder in (wheels, *builds):  # they may hold files of another day
        shutil.rmtree(folder, ignore_errors=True)
    command = ("pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(wheels))
    session.run("python", "-m", *command, *paths)
    for folder in builds:
        shutil.rmtree(folder, ignore_errors=True)
    return [str(wheel) for wheel in sorted(wheels.glob("*.whl"))]


@nox.session
def demo(session: nox.Session) -> None:
    """Install what the demo needs, and answer the texts, pictures and sounds given after ``--``."""
    install_torch(session)
    paths = (".", *(f"plugins/automodel-{plugin}" for plugin in DEMO_PLUGINS))
    session.install("-q", "-c", CONSTRAINTS, "--no-build-isolation", *paths)
    session.run("automodel-core", "list")
    inputs = session.posargs or DEMO_INPUTS
    pictures, sounds = (
        [given for given in inputs if Path(given).suffix.lower() in endings]
        for endings in (PICTURES, SOUNDS)
    )
    texts = [given for given in inputs if given not in (*pictures, *sounds)]
    for command, checkpoint, some in (
        (("generate",), "checkpoint", texts),
        (("generate",), "pictures/checkpoint", pictures),
        (("run", "object-detection"), "pictures/detector", pictures),
        (("run", "automatic-speech-recognition"), "speech/checkpoint", sounds),
    ):
        if some:
            session.run("automodel-core", *command, f"{DEMO}/{checkpoint}", *some)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests of the core and of every plugin, without the reference implementation."""
    install_torch(session, *groups("test"))
    install_editable(session, *PLUGINS)
    plugin_tests = [f"plugins/{plugin}/tests" for plugin in PLUGINS]
    elsewhere = [f"--ignore=tests/{name}" for name in SESSIONS_OF_THEIR_OWN]
    everything = [*EVERY_CORE, *EXPORTS_THE_BODY, "tests", *plugin_tests, *elsewhere]
    session.run("pytest", *(session.posargs or everything), env=ONE_THREAD)


@nox.session
def exports(session: nox.Session) -> None:
    """Export every head of every plugin with open sizes, or of those given after ``--``."""
    install_torch(session, *groups("test"))
    install_editable(session, *PLUGINS)
    chosen = [f"plugins/{plugin}/tests" for plugin in session.posargs or PLUGINS]
    session.run("pytest", *EVERY_CORE, "-k", "exports_with_dynamic_sizes", *chosen, env=ONE_THREAD)


@nox.session
@nox.parametrize("transformers", list(TRANSFORMERS), ids=list(TRANSFORMERS))
def parity(session: nox.Session, transformers: str) -> None:
    """Compare with the reference implementation, in the version given in brackets."""
    constraints = constraints_for(session, transformers)
    install_torch(session, *groups("test", "reference"), constraints=constraints)
    session.install("-q", "--no-deps", *groups("real-input"))
    install_editable(session, *PLUGINS, constraints=constraints)
    session.run("pytest", *(session.posargs or [*EVERY_CORE, "tests/parity"]), env=ONE_THREAD)


@nox.session
def foreign(session: nox.Session) -> None:
    """Compare with models of TensorFlow and Flax, by the files that these write."""
    constraints = constraints_for(session, "4.57.6")
    install_torch(session, *groups("test", "reference", "foreign"), constraints=constraints)
    install_editable(session, *PLUGINS, constraints=constraints)
    quiet = ("-W", "ignore")  # of the frameworks, about themselves
    session.run("pytest", *quiet, *(session.posargs or ["tests/foreign"]), env=ONE_THREAD)


def constraints_for(session: nox.Session, transformers: str) -> str:
    """Return the path of constraints with another version of the reference."""
    constraints = Path(session.create_tmp(), "constraints.txt").absolute()
    pins = TRANSFORMERS[transformers]
    kept = [
        line
        for line in (ROOT / CONSTRAINTS).read_text(encoding="utf-8").splitlines()
        if line.partition("==")[0] not in pins
    ]
    kept += [f"{name}=={version}" for name, version in pins.items()]
    constraints.write_text("\n".join(kept) + "\n", encoding="utf-8")
    return str(constraints)


@nox.session
def clients(session: nox.Session) -> None:
    """Run the packages that people put around a model, those that install quickly."""
    run_clients(session, "clients")


@nox.session
def all_clients(session: nox.Session) -> None:
    """Run all packages that people put around a model."""
    run_clients(session, "clients", "more-clients")


def run_clients(session: nox.Session, *packages: str) -> None:
    """Run the tests of clients; those whose package is not in these groups are skipped."""
    install_torch(session, *groups("test", *packages))
    install_editable(session, *PLUGINS)
    # It asks for NumPy 1, and runs with 2.
    session.install("-q", "--no-deps", "-c", CONSTRAINTS, "pyctcdecode", "pygtrie")
    session.run("pytest", *(session.posargs or [*EVERY_CORE, "tests/clients"]), env=ONE_THREAD)


@nox.session(reuse_venv=False)
def plugins(session: nox.Session) -> None:
    """Test each plugin's wheel, or those named after ``--``, with the core's and nothing else."""
    install_torch(session)
    wheels = build_wheels(session, ".", *(f"plugins/{plugin}" for plugin in PLUGINS))
    core, *others = sorted(wheels, key=lambda wheel: "automodel_core" not in wheel)
    session.install("-q", "-c", CONSTRAINTS, "pytest", "pytest-xdist", core)
    before = installed(session)
    chosen = () if session.posargs else CHECKS_THE_BODY
    for plugin in session.posargs or PLUGINS:
        name = plugin.replace("-", "_")
        project = nox.project.load_toml(ROOT / "plugins" / plugin / "pyproject.toml")["project"]
        needed = (re.split(r"[^\w-]", line)[0] for line in project["dependencies"])
        ours = [distribution for distribution in needed if distribution.startswith("automodel-")]
        built = ("--find-links", str(Path(core).parent))  # where a plugin finds those it builds on
        wanted = (wheel for wheel in others if f"/{name}-" in wheel)
        session.install("-q", "-c", CONSTRAINTS, *built, *wanted)
        session.run("python", "-m", "pip", "check")
        elsewhere = Path(session.create_tmp(), plugin).absolute()
        shutil.rmtree(elsewhere, ignore_errors=True)
        shutil.copytree(ROOT / "plugins" / plugin / "tests", elsewhere / "tests")
        shutil.copy(ROOT / "plugins" / plugin / "pyproject.toml", elsewhere)
        shutil.copy(ROOT / "tests" / "house" / "alone.py", elsewhere)
        with session.chdir(elsewhere):
            session.run("python", "alone.py", plugin, *ours)
            session.run("automodel-core", "doctor", "--imports")
            session.run("pytest", *EVERY_CORE, *chosen, env=ONE_THREAD)
        brought = sorted(installed(session) - before)
        session.run("python", "-m", "pip", "uninstall", "-q", "-y", *brought)


def installed(session: nox.Session) -> set[str]:
    """Return the names of the distributions in a session's environment."""
    listed = session.run("python", "-m", "pip", "list", "--format=freeze", silent=True)
    return {line.partition("==")[0] for line in str(listed).splitlines() if "==" in line}


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting, the floors of the house, copies between plugins, and house rules."""
    what_the_core_finds_plugins_by = ("importlib-metadata", "pluggy")
    needed = (*groups("lint"), "pytest", *what_the_core_finds_plugins_by)
    session.install("-q", "-c", CONSTRAINTS, *needed)
    modules = [path.relative_to(ROOT) for path in ROOT.glob("plugins/*/automodel_*/**/*.py")]
    comparable = sorted(str(path) for path in modules if path.name != "__init__.py")
    commands = (
        ("ruff", "check", *SOURCES),
        ("ruff", "format", "--check", *SOURCES),
        ("lint-imports", "--no-cache"),
        ("pylint", "--disable=all", "--enable=duplicate-code", *comparable),
        ("pytest", "-q", "--noconftest", "tests/house"),
    )
    failed = []
    for command in commands:
        try:
            session.run(*command, env={"PYTHONPATH": str(ROOT)})
        except nox.command.CommandFailed:
            failed.append(command[0])
    if failed:
        session.error(f"found by {', '.join(failed)}")


@nox.session
def typing(session: nox.Session) -> None:
    """Check the types of the core and the plugins, and what a user's script sees of them."""
    install_torch(session, *groups("typing", "test"))
    install_editable(session, *PLUGINS)
    session.run("mypy", *PACKAGES)
    session.run("pyright")
    session.run("pytest", *(session.posargs or ["tests/typing"]))


@nox.session
def docs(session: nox.Session) -> None:
    """Run the examples of the documentation and check its links."""
    install_torch(session, *groups("test"))
    install_editable(session, *PLUGINS)
    session.run("pytest", *(session.posargs or ["tests/docs"]), env=ONE_THREAD)


@nox.session
def site(session: nox.Session) -> None:
    """Build the documentation's site into site/: every link must lead somewhere."""
    what_the_core_finds_plugins_by = ("importlib-metadata", "pluggy")
    needed = (*groups("site"), *what_the_core_finds_plugins_by, READS_TOML)
    session.install("-q", "-c", CONSTRAINTS, *needed)
    variables = {"PYTHONPATH": f"tests{os.pathsep}.", "NO_MKDOCS_2_WARNING": "1"}
    session.run("mkdocs", *(session.posargs or ["build", "--strict", "--quiet"]), env=variables)


@nox.session
def worlds(session: nox.Session) -> None:
    """Find the plugins in archives, frozen applications, and workers of other libraries."""
    install_torch(session, *groups("test", "worlds"))
    install_editable(session)
    session.run("pytest", *(session.posargs or ["tests/worlds"]), env=ONE_THREAD)


@nox.session
def faults(session: nox.Session) -> None:
    """Kill, fill, cut and crowd saves and loads: 1,000 kills, or as many as are given."""
    install_torch(session, *groups("test"))
    install_editable(session)
    count, *others = session.posargs or ["1000"]
    session.run("pytest", "-s", "tests/faults", *others, env={**ONE_THREAD, "FAULTS": count})


@nox.session
def fuzz(session: nox.Session) -> None:
    """Damage 20,000 files of every format, or as many as are given, and read them."""
    install_torch(session, *groups("test"), "pillow")
    install_editable(session, *PLUGINS)
    count, *others = session.posargs or ["20000"]
    session.run("pytest", "-s", "tests/fuzz", *others, env={**ONE_THREAD, "FUZZ": count})


@nox.session
def hub(session: nox.Session) -> None:
    """Run the checkpoints that the documentation names, from the hub."""
    install_torch(session, *groups("test"))
    install_editable(session, *PLUGINS)
    session.run("pytest", "-m", "hub", *(session.posargs or ["tests/hub"]))


@nox.session
def bench(session: nox.Session) -> None:
    """Measure against the reference implementation and CTranslate2, and print a table."""
    install_torch(session, *groups("test", "reference", "bench"))
    session.install("-q", "--no-deps", *groups("real-input"))
    install_editable(session, *PLUGINS)
    session.run("python", "-m", "benchmarks", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session
def sync(session: nox.Session) -> None:
    """Write what plugins, READMEs and the reference repeat; ``-- --check`` compares."""
    session.install("-q", "-c", CONSTRAINTS, "importlib-metadata", "pluggy", READS_TOML)
    session.run("python", "-m", "house.sync", *session.posargs, env={"PYTHONPATH": "tests"})


@nox.session
def catalog(session: nox.Session) -> None:
    """Write the catalogue of install hints from the plugins' manifests; ``-- --check`` compares."""
    session.install("-q", "-c", CONSTRAINTS, "importlib-metadata", "pluggy", READS_TOML)
    mode = session.posargs or ["--write"]
    session.run("python", "-m", "house.catalogue", *mode, env={"PYTHONPATH": "tests"})


@nox.session(reuse_venv=False)
def release(session: nox.Session) -> None:
    """Build every distribution into dist/, check what is inside, and install it all elsewhere."""
    install_torch(session, *groups("release"))
    dist = ROOT / "dist"
    shutil.rmtree(dist, ignore_errors=True)
    for path in (".", *(f"plugins/{plugin}" for plugin in PLUGINS)):
        session.run("python", "-m", "build", "-q", "--no-isolation", "-o", str(dist), path)
    session.run("python", "tests/house/wheels.py", str(dist))
    session.install("-q", "-c", CONSTRAINTS, *(str(wheel) for wheel in dist.glob("*.whl")))
    session.chdir(session.create_tmp())
    session.run("automodel-core", "list")


@nox.session(reuse_venv=False, requires=["release"])
def index(session: nox.Session) -> None:
    """Install from a local package index that serves dist/, as users will, and run the README."""
    folder = Path(session.create_tmp(), "index").absolute()
    shutil.rmtree(folder, ignore_errors=True)
    for file in (ROOT / "dist").iterdir():
        project = folder / file.name.partition("-")[0].replace("_", "-")
        project.mkdir(parents=True, exist_ok=True)
        shutil.copy(file, project)
    install_torch(session)
    first, *more = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    checkpoint = f"{DEMO}/checkpoint"
    away = Path(session.create_tmp(), "away").absolute()  # where the source tree is not found
    shutil.rmtree(away, ignore_errors=True)
    away.mkdir()
    (away / "docs").symlink_to(ROOT / "docs")
    with serving(folder) as address, session.chdir(away):
        options = ("-q", "-c", str(ROOT / CONSTRAINTS), "--extra-index-url", address)
        session.install(*options, "automodel-t5")
        session.run("python", "-m", "pip", "check")
        session.run("python", "-c", first.replace("google-t5/t5-small", checkpoint))
        session.run("automodel-core", "generate", checkpoint, "forty-two")
        session.install(*options, *(f"automodel-{plugin}" for plugin in DEMO_PLUGINS))
        for lines in more:
            session.run("python", "-c", lines)


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine, and give the address; its listings are a package index."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
