"""``lock`` and ``verify``: what exactly a checkpoint is, and whether it still is that."""

from __future__ import annotations

import argparse

from automodel_core.cli.checkpoints import hub_arguments
from automodel_core.cli.output import note, print_json, print_table

__all__ = ["lock", "verify"]


def lock(options: argparse.Namespace) -> int:
    """Print the lock of a checkpoint."""
    from automodel_core.auto.lock import lock_checkpoint

    found = lock_checkpoint(
        options.name, variant=options.variant, plugin=options.plugin, **hub_arguments(options)
    )
    print_json(found.to_dict())
    note(f"{len(found.files)} files locked")
    return 0


def verify(options: argparse.Namespace) -> int:
    """Print whether the files of a checkpoint are what they should be; 1 if one is not."""
    from automodel_core.auto.lock import verify_lock
    from automodel_core.checkpoint.places.locks.lock import Lock
    from automodel_core.checkpoint.verification import verified_announcements

    where = hub_arguments(options)
    if options.lock is None:
        verdicts = list(verified_announcements(options.name, where))
    else:
        verdicts = list(verify_lock(Lock.read(options.lock), options.name, **where))
    wrong = [verdict for verdict in verdicts if not verdict.good]
    if options.json:
        print_json({"verified": not wrong, "checks": [each._asdict() for each in verdicts]})
        return 1 if wrong else 0
    print_table(("WHAT", "STATE"), [(verdict.what, verdict.state) for verdict in verdicts])
    for verdict in wrong:
        print(f"{verdict.what}: expected {verdict.expected}, found {verdict.found}")
    unknown = sum(verdict.state == "unannounced" for verdict in verdicts)
    if unknown:
        note(f"of {unknown} files nobody has said what they should be: verify with --lock")
    return 1 if wrong else 0
