"""Constraints: phrases, or one of several phrases, that a sequence must contain.

A constraint is fed the tokens of a sequence one by one and keeps its progress. Write your own by
deriving from `Constraint`.
"""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence

from automodel_core.errors import GenerationArgumentError, shown
from automodel_core.generation.settings.generation import GenerationConfig

__all__ = [
    "Constraint",
    "ConstraintListState",
    "DisjunctiveConstraint",
    "PhrasalConstraint",
    "constraints_of",
]

Phrase = Sequence[int]
Node = dict[int, "Node"]
"""A place in a tree of phrases: the places that tokens lead to."""


class Constraint(ABC):
    """Something that a sequence must contain.

    Feeding ``advance()`` to ``update`` repeatedly must complete it after at most ``remaining()``
    tokens. ``seqlen`` is the number of tokens from the start.
    """

    seqlen: int
    completed: bool = False

    @abstractmethod
    def advance(self) -> int | list[int] | None:
        """Return the token, or tokens, that advance the constraint; None when it is complete."""

    @abstractmethod
    def does_advance(self, token_id: int) -> bool:
        """Return whether a token advances the constraint."""

    @abstractmethod
    def update(self, token_id: int) -> tuple[bool, bool, bool]:
        """Take a token; return whether it advanced, completed, or reset the constraint.

        A token that does not advance it resets it.
        """

    @abstractmethod
    def reset(self) -> None:
        """Go back to the start."""

    @abstractmethod
    def remaining(self) -> int:
        """Return how many tokens are missing at most."""

    @abstractmethod
    def copy(self, stateful: bool = False) -> Constraint:
        """Return the same constraint, at its start or, with ``stateful``, with this progress."""


class _PhraseTree(Constraint):
    """One of several phrases, as a tree of their tokens; ``node`` is the progress of a sequence."""

    def __init__(self, phrases: Sequence[Phrase]) -> None:
        self.largest = max(max(phrase) for phrase in phrases)
        self.tree: Node = {}
        for phrase in phrases:
            node = self.tree
            for token in phrase:
                node = node.setdefault(token, {})
        self.seqlen = max(len(phrase) for phrase in phrases)
        self.node, self.length = self.tree, 0

    def advance(self) -> int | list[int] | None:
        return list(self.node) or None

    def does_advance(self, token_id: int) -> bool:
        return token_id in self.node

    def update(self, token_id: int) -> tuple[bool, bool, bool]:
        stepped = self.does_advance(token_id)
        if stepped:
            self.node, self.length = self.node[token_id], self.length + 1
            self.completed = not self.node
        else:
            self.reset()
        return stepped, self.completed, not stepped

    def reset(self) -> None:
        self.node, self.length, self.completed = self.tree, 0, False

    def remaining(self) -> int:
        return 0 if self.completed else self.seqlen - self.length

    def copy(self, stateful: bool = False) -> Constraint:
        twin = copy.copy(self)
        if not stateful:
            twin.reset()
        return twin


class PhrasalConstraint(_PhraseTree):
    """A phrase: tokens that must follow each other in the sequence."""

    def __init__(self, token_ids: Phrase) -> None:
        self.token_ids = _phrase(token_ids)
        super().__init__([self.token_ids])

    def advance(self) -> int | list[int] | None:
        return next(iter(self.node), None)


class DisjunctiveConstraint(_PhraseTree):
    """Several phrases, of which the sequence must contain one; none may be a prefix of another."""

    def __init__(self, nested_token_ids: Sequence[Phrase]) -> None:
        if not isinstance(nested_token_ids, (list, tuple)) or not nested_token_ids:
            raise GenerationArgumentError(
                f"expected a list of lists of token ids, not {shown(nested_token_ids)}"
            )
        self.token_ids = [_phrase(token_ids) for token_ids in nested_token_ids]
        super().__init__(self.token_ids)
        if _leaves(self.tree) != len(self.token_ids):
            raise GenerationArgumentError(
                f"one alternative is the start of another, so it decides alone: {self.token_ids}"
            )


def _phrase(token_ids: object) -> list[int]:
    ids = token_ids if isinstance(token_ids, (list, tuple)) else ()
    if not ids or not all(isinstance(i, int) and not isinstance(i, bool) and i >= 0 for i in ids):
        raise GenerationArgumentError(
            f"expected a list of token ids of at least 0, not {shown(token_ids)}"
        )
    return list(ids)


def _leaves(node: Node) -> int:
    return sum(map(_leaves, node.values())) if node else 1


def constraints_of(config: GenerationConfig, vocabulary: int) -> list[Constraint]:
    """Return the ``constraints`` of a config and those that its ``force_words_ids`` mean.

    Raise `GenerationArgumentError` for anything else, and for tokens that the model does not have.
    """
    constraints = list(config.constraints or ())
    wrong = [item for item in constraints if not isinstance(item, Constraint)]
    if wrong:
        raise GenerationArgumentError(f"constraints must hold Constraints, not {shown(wrong[0])}")
    words = [] if config.force_words_ids is None else config.force_words_ids
    if not isinstance(words, (list, tuple)) or not (constraints or words):
        raise GenerationArgumentError(
            f"force_words_ids must be a list of words that is not empty, not {shown(words)}"
        )
    for word in words:
        several = isinstance(word, (list, tuple)) and word and isinstance(word[0], (list, tuple))
        constraints.append(DisjunctiveConstraint(word) if several else PhrasalConstraint(word))
    largest = max((c.largest for c in constraints if isinstance(c, _PhraseTree)), default=0)
    if largest >= vocabulary:
        raise GenerationArgumentError(
            f"a sequence cannot be forced to hold token {largest}; the model's are 0 to "
            f"{vocabulary - 1}"
        )
    return constraints


class ConstraintListState:
    """The progress of one sequence with several constraints, of which it advances one at a time."""

    def __init__(self, constraints: Sequence[Constraint]) -> None:
        self.constraints = list(constraints)
        self.max_seqlen = max(constraint.seqlen for constraint in self.constraints)
        self.reset(None)

    @property
    def completed(self) -> bool:
        return len(self.complete_constraints) == len(self.constraints)

    def reset(self, token_ids: Sequence[int] | None) -> None:
        """Go back to the start, then take the tokens of a sequence."""
        self.complete_constraints: list[Constraint] = []
        self.inprogress_constraint: Constraint | None = None
        self.pending_constraints = [constraint.copy() for constraint in self.constraints]
        for token in token_ids or ():
            self.add(token)

    def get_bank(self) -> int:
        """Return the progress as a number of tokens.

        Every complete constraint counts as many as the longest has.
        """
        working = self.inprogress_constraint
        begun = 0 if working is None else self.max_seqlen - working.remaining()
        return len(self.complete_constraints) * self.max_seqlen + begun

    def advance(self) -> list[int]:
        """Return the tokens that advance the constraint in progress, or begin a pending one."""
        working = self.inprogress_constraint
        tokens: list[int] = []
        for constraint in self.pending_constraints if working is None else [working]:
            step = constraint.advance()
            tokens += [] if step is None else [step] if isinstance(step, int) else step
        return tokens

    def add(self, token_id: int) -> tuple[bool, bool]:
        """Take a token; return whether it completed and whether it advanced a constraint."""
        working = self.inprogress_constraint
        if working is None:
            return self._begin(token_id)
        stepped, completed, wrong = working.update(token_id)
        if wrong:
            self.pending_constraints.append(working.copy())
            self.inprogress_constraint = None
        if completed:
            self.complete_constraints.append(working)
            self.inprogress_constraint = None
        return completed, stepped

    def _begin(self, token_id: int) -> tuple[bool, bool]:
        for constraint in self.pending_constraints:
            if constraint.does_advance(token_id):
                _, completed, _ = constraint.update(token_id)
                self.pending_constraints.remove(constraint)
                if completed:
                    self.complete_constraints.append(constraint)
                else:
                    self.inprogress_constraint = constraint
                return completed, True
        return False, False

    def copy(self, stateful: bool = True) -> ConstraintListState:
        """Return the same state, or with ``stateful=False`` the one at the start."""
        twin = copy.copy(self)
        if not stateful:
            twin.reset(None)
            return twin
        working = self.inprogress_constraint
        twin.inprogress_constraint = None if working is None else working.copy(stateful=True)
        twin.complete_constraints = list(self.complete_constraints)
        twin.pending_constraints = [c.copy() for c in self.pending_constraints]
        return twin
