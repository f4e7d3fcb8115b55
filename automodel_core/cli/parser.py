"""The commands and their options. Importing this imports argparse and nothing heavier."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from automodel_core import __version__
from automodel_core.cli.scaffold.kinds import KINDS, TOKENIZERS

if TYPE_CHECKING:
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]

__all__ = ["parse"]

Run = Callable[[argparse.Namespace], int]


def parse(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """Return the options; ``run`` among them is the command. Wrong usage exits with code 2."""
    parser = argparse.ArgumentParser(
        prog="automodel-core",
        description="Auto classes over plugins: what is installed, and what checkpoints are.",
    )
    parser.add_argument("--version", action="version", version=f"automodel-core {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (
        _list,
        _doctor,
        _info,
        _check,
        _reference,
        _plan,
        _lock,
        _verify,
        _generate,
        _run,
        _convert,
        _export,
        _new,
    ):
        add(commands)
    return parser.parse_args(arguments)


def _command(commands: Commands, name: str, run: Run, about: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--debug", action="store_true", help="show where an error was raised")
    return parser


def _checkpoint(parser: argparse.ArgumentParser) -> None:
    """Add what names a checkpoint and says where to find it."""
    parser.add_argument("name", metavar="NAME", help="a folder, or a repository on the hub")
    hub = parser.add_argument_group("where the checkpoint is")
    hub.add_argument("--revision", help="branch, tag, commit or refs/pr/N")
    hub.add_argument("--subfolder", help="folder inside the checkpoint")
    hub.add_argument("--cache-dir", metavar="FOLDER", help="cache of downloaded files")
    hub.add_argument("--local-files-only", action="store_true", help="do not use the network")


def _model(parser: argparse.ArgumentParser) -> None:
    """Add what says which model to make of a checkpoint."""
    parser.add_argument("--task", help="such as causal-lm or AutoModelForCausalLM")
    parser.add_argument("--plugin", metavar="DISTRIBUTION", help="who provides the model")
    parser.add_argument("--dtype", help="type of the weights, such as bfloat16 (default: as saved)")


def _list(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.installed import list_plugins

        return list_plugins(options)

    _command(commands, "list", run, "list the installed plugins")


def _doctor(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.doctor import doctor

        return doctor(options)

    parser = _command(
        commands, "doctor", run, "say what is wrong with which plugin, and what to do"
    )
    parser.add_argument("--imports", action="store_true", help="import every plugin to see")


def _info(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.installed import describe_model_type

        return describe_model_type(options)

    parser = _command(commands, "info", run, "describe an architecture")
    parser.add_argument("model_type", metavar="MODEL_TYPE")
    parser.add_argument("--plugin", metavar="DISTRIBUTION", help="whose, if there are several")


def _check(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.check import check

        return check(options)

    parser = _command(commands, "check", run, "run the conformance suite")
    parser.add_argument(
        "name", metavar="NAME", nargs="?", help="a model type, or a plugin's distribution"
    )
    parser.add_argument(
        "--config", metavar="FILE", help="JSON keys that make the model tiny (default: guessed)"
    )
    parser.add_argument(
        "--reference", metavar="FOLDER", help="what another implementation gives (see reference)"
    )
    parser.add_argument(
        "--wheel", metavar="FILE", help="check a wheel, in an environment of its own"
    )
    parser.add_argument(
        "--constraint", metavar="FILE", action="append", help="bounds of versions for --wheel"
    )
    parser.add_argument(
        "--find-links", metavar="FOLDER", action="append", help="more packages for --wheel"
    )


def _reference(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.reference import reference

        return reference(options)

    parser = _command(
        commands, "reference", run, "write what transformers gives, for check --reference"
    )
    parser.add_argument("model_type", metavar="MODEL_TYPE")
    parser.add_argument("out", metavar="OUT", help="a new folder")
    parser.add_argument("--task", metavar="TASK", nargs="+", help="only these (default: all)")
    parser.add_argument(
        "--config", metavar="FILE", help="JSON keys that make the model tiny (default: guessed)"
    )


def _plan(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.checkpoints import plan

        return plan(options)

    parser = _command(commands, "plan", run, "say what loading a checkpoint would do")
    _checkpoint(parser)
    _model(parser)
    parser.add_argument("--weights", action="store_true", help="list what becomes of each weight")
    parser.add_argument("--device-map", metavar="NAME", help="a device, or a strategy such as auto")
    parser.add_argument(
        "--max-memory",
        metavar="DEVICE=SIZE",
        nargs="+",
        type=_bound,
        help="bounds for a strategy, such as 0=8GB cpu=16GB; the rest stays on disk",
    )


def _lock(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.locking import lock

        return lock(options)

    about = "print what a checkpoint is: commit, digests of its files, versions of the packages"
    parser = _command(commands, "lock", run, about)
    _checkpoint(parser)
    parser.add_argument("--variant", help="of the weight files, such as fp16")
    parser.add_argument("--plugin", metavar="DISTRIBUTION", help="who provides the model")


def _verify(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.locking import verify

        return verify(options)

    about = (
        "compare a checkpoint with a lock, or its files in the cache with what the hub announced"
    )
    parser = _command(commands, "verify", run, about)
    _checkpoint(parser)
    parser.add_argument("--lock", metavar="FILE", help="what 'automodel-core lock' printed")


def _generate(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.answers.generate import generate

        return generate(options)

    parser = _command(commands, "generate", run, "answer texts, or caption pictures, with a model")
    _checkpoint(parser)
    parser.add_argument(
        "input",
        metavar="INPUT",
        nargs="*",
        help="texts, or picture files where the model reads those; none: each line of stdin",
    )
    _model(parser)
    parser.add_argument("--device", help="such as cpu or cuda:0")
    parser.add_argument("--weights", metavar="NAME", help="hold them in fewer bits, such as int8")
    settings = parser.add_argument_group("generation (default: as the checkpoint says)")
    settings.add_argument("--max-new-tokens", type=_count, metavar="N")
    settings.add_argument("--min-new-tokens", type=_count, metavar="N")
    settings.add_argument("--num-beams", type=_count, metavar="N")
    settings.add_argument("--do-sample", action="store_true", help="draw tokens at random")
    settings.add_argument("--temperature", type=float, metavar="X")
    settings.add_argument("--top-k", type=_count, metavar="N")
    settings.add_argument("--top-p", type=float, metavar="X")
    settings.add_argument("--seed", type=int, metavar="N", help="makes random answers repeatable")
    talk = settings.add_mutually_exclusive_group()
    talk.add_argument("--quiet", action="store_true", help="print answers only, no progress")
    talk.add_argument(
        "--progress", action="store_true", help="show tokens and speed, and answers when complete"
    )


def _run(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.answers.run import run

        return run(options)

    about = "answer texts or pictures: labels, entities, captions, depths, segments, ..."
    parser = _command(commands, "run", run, about)
    parser.add_argument("task", metavar="TASK", help="such as text-classification")
    _checkpoint(parser)
    parser.add_argument(
        "input",
        metavar="INPUT",
        nargs="*",
        help="texts, files of tables, files or addresses of pictures; none: lines of stdin",
    )
    parser.add_argument("--question", help="what to ask about each picture, page, text or table")
    parser.add_argument("--labels", metavar="A,B,...", help="what to choose among")
    parser.add_argument(
        "--option",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        type=_option,
        help="of the task, such as top_k=3; a value is JSON or a text, @FILE is read",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="write a picture with the answer, or its sound; for several inputs a folder",
    )
    parser.add_argument("--plugin", metavar="DISTRIBUTION", help="who provides the model")
    parser.add_argument("--dtype", help="type of the weights, such as bfloat16 (default: as saved)")
    parser.add_argument("--device", help="such as cpu or cuda:0")
    parser.add_argument("--batch-size", type=_count, metavar="N", help="inputs in one run")
    parser.add_argument("--quiet", action="store_true", help="print answers only")


def _convert(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.converting import convert

        return convert(options)

    about = "write a checkpoint's weights as safetensors, in another dtype or other shards"
    parser = _command(commands, "convert", run, about)
    _checkpoint(parser)
    parser.add_argument(
        "folder", metavar="FOLDER", nargs="?", help="a new folder (default: in place, in one step)"
    )
    parser.add_argument("--to-hub", metavar="REPOSITORY", help="upload it, as one commit")
    parser.add_argument("--private", action="store_true", help="if the repository is new")
    parser.add_argument("--dtype", help="such as bfloat16 or bf16 (default: as stored)")
    parser.add_argument("--variant", help="write model.VARIANT.safetensors")
    parser.add_argument("--source-variant", metavar="VARIANT", help="read the files of a variant")
    sizes = ("--shard-size", "--max-shard-size")
    parser.add_argument(*sizes, default="5GB", metavar="SIZE", dest="shard_size")
    parser.add_argument("--plugin", metavar="DISTRIBUTION", help="who knows the model")
    parser.add_argument("--quiet", action="store_true", help="show no progress")
    parser.set_defaults(task=None)


def _export(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.export import export

        return export(options)

    about = "write a model as a program for other runtimes, with its tokenizer beside it"
    parser = _command(commands, "export", run, about)
    _checkpoint(parser)
    parser.add_argument("folder", metavar="FOLDER", help="a new folder")
    parser.add_argument("--to", required=True, choices=("onnx", "torch"), help="what to write")
    _model(parser)


def _new(commands: Commands) -> None:
    def run(options: argparse.Namespace) -> int:
        from automodel_core.cli.scaffold.new import new

        return new(options)

    parser = _command(commands, "new", run, "begin a plugin of your own")
    parser.add_argument("name", metavar="NAME", help="the model type, such as my-gpt")
    parser.add_argument("--kind", choices=KINDS, default="decoder", help=_choices(KINDS, "decoder"))
    parser.add_argument(
        "--tokenizer", choices=TOKENIZERS, default="any", help=_choices(TOKENIZERS, "any")
    )
    parser.add_argument(
        "--class-name", metavar="NAME", help="how classes begin, such as MyGPT (default: MyGpt)"
    )
    parser.add_argument("--folder", help="where to write it (default: automodel-NAME)")


def _choices(meanings: Mapping[str, str], default: str) -> str:
    told = "; ".join(f"{name}: {meaning}" for name, meaning in meanings.items())
    return f"{told} (default: {default})"


def _bound(text: str) -> tuple[str | int, str]:
    device, separator, size = text.partition("=")
    if not separator or not device or not size:
        raise argparse.ArgumentTypeError(f"{text} is not DEVICE=SIZE, such as cpu=16GB")
    return int(device) if device.isdecimal() else device, size


def _option(text: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.isidentifier():
        raise argparse.ArgumentTypeError(f"{text} is not NAME=VALUE, such as top_k=3")
    return name, value


def _count(text: str) -> int:
    value = int(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f"{text} is negative")
    return value
