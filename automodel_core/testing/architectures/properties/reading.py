"""Properties of what a model reads.

A check that needs a property which a model lacks is listed as not applicable, under its name.
"""

from __future__ import annotations

from torch import nn

from automodel_core.errors import InputError
from automodel_core.modeling.bodies.text import TextRunner
from automodel_core.testing.case import DECODES_ITS_INPUT, PATCHES, Subject
from automodel_core.testing.drawn.sounds import HIDDEN_FRAMES

__all__ = [
    "has_one_vocabulary",
    "has_position_rows",
    "has_positions",
    "has_token_types",
    "interpolates",
    "keeps_every_token",
    "names_vocabulary",
    "pools_last_place",
    "reads_boxes",
    "reads_embeddings",
    "reads_masked_text",
    "sees_images",
]


def reads_masked_text(subject: Subject) -> bool:
    """Return whether the model reads text with a mask for padding."""
    return subject.reads_text and "attention_mask" in subject.accepted


def pools_last_place(subject: Subject) -> bool:
    """Return whether the state of a text's last place, padding or not, stands for it."""
    return any(runner.pools_last_place for runner in subject.parts(TextRunner))


def reads_embeddings(subject: Subject) -> bool:
    """Return whether embeddings are enough, and no end of a text must be found in the tokens."""
    needs_tokens = subject.task in DECODES_ITS_INPUT and subject.config().is_encoder_decoder
    return subject.reads_text and "inputs_embeds" in subject.accepted and not needs_tokens


def has_positions(subject: Subject) -> bool:
    """Return whether the model reads text with absolute or rotary positions that may be given."""
    given = "position_ids" in subject.accepted and subject.config().position_limit is not None
    return subject.reads_text and given


def has_position_rows(subject: Subject) -> bool:
    """Return whether the body reads text with a table of absolute positions, one row for each."""
    if subject.task != "base" or not subject.reads_text or subject.config().position_limit is None:
        return False
    try:
        subject.skeleton.get_position_embeddings()
    except InputError:
        return False
    return True


def has_token_types(subject: Subject) -> bool:
    """Return whether the model reads pairs of texts, told apart by token types."""
    if not subject.reads_text or "token_type_ids" not in subject.accepted:
        return False
    runners = subject.parts(TextRunner)
    return not runners or any(bool(runner.has_token_types) for runner in runners)


def reads_boxes(subject: Subject) -> bool:
    """Return whether the model reads text whose tokens have places on a page."""
    return subject.reads_boxes


def interpolates(subject: Subject) -> bool:
    """Return whether the model takes images of other sizes if asked to."""
    return sees_images(subject) and "interpolate_pos_encoding" in subject.accepted


def sees_images(subject: Subject) -> bool:
    """Return whether the model's input are images, alone or beside texts."""
    return subject.sees_images or subject.sees_images_beside_text


def names_vocabulary(subject: Subject) -> bool:
    """Return whether the model reads text, and its configuration says of how many tokens."""
    return subject.reads_text and "vocab_size" in (*subject.config(), *subject.config_class.aliases)


def has_one_vocabulary(subject: Subject) -> bool:
    """Return whether all token embeddings are one, so that one size is that of all scores."""
    if not names_vocabulary(subject):
        return False
    model = subject.model()
    size: int = model.config.vocab_size
    embeddings = {m.weight for m in model.modules() if isinstance(m, nn.Embedding)}
    return sum(len(weight) == size for weight in embeddings) == 1


def keeps_every_token(subject: Subject) -> bool:
    """Return whether no mask among the inputs decides how many tokens there are."""
    return not {PATCHES, HIDDEN_FRAMES} & subject.example(subject.config()).keys()
