"""Properties of what is checked: what a model has and reads, which says what checks apply to it.

A check that needs a property which a model lacks is listed as not applicable, under its name.
"""

from __future__ import annotations

from typing import Any

from torch import nn

from automodel_core import registry
from automodel_core.errors import AutomodelError, InputError
from automodel_core.generation.session.early_exit import decoder_stack
from automodel_core.layers.attention import Attention
from automodel_core.layers.caches.base import Cache
from automodel_core.layers.caches.compiled import why_not_compiled
from automodel_core.layers.mixer import MixerLayer
from automodel_core.layers.stack import LayerStack, TransformerStack
from automodel_core.modeling.bodies.backbone import BackboneMixin
from automodel_core.modeling.bodies.text import TextRunner
from automodel_core.modeling.heads.text import TextModelForReplacedTokens
from automodel_core.testing.case import DECODES_ITS_INPUT, KEYPOINTS, PATCHES, Subject, outputs
from automodel_core.testing.examples import HIDDEN_FRAMES, OTHER_LOSSES

__all__ = [
    "answers_about_images",
    "base_class",
    "classifies",
    "classifies_whole_inputs",
    "compiles",
    "continues_padded_text",
    "continues_text",
    "dropout_fields",
    "empty_cache",
    "empty_tokenizer",
    "encodes_text",
    "estimates_depth",
    "finds_points",
    "generates",
    "gives_feature_maps",
    "has_a_body",
    "has_aliases",
    "has_attention",
    "has_attention_bricks",
    "has_dropout",
    "has_labels",
    "has_layers",
    "has_one_vocabulary",
    "has_position_rows",
    "has_positions",
    "has_stacks",
    "has_text_encoder",
    "has_ties",
    "has_token_types",
    "has_usual_loss",
    "has_vocabulary_scores",
    "interpolates",
    "is_provided",
    "keeps_every_token",
    "keeps_keys",
    "lacks_something",
    "makes_a_tokenizer",
    "names_vocabulary",
    "pools_last_place",
    "reads_boxes",
    "reads_embeddings",
    "reads_masked_text",
    "rebuilds_pictures",
    "scores_pixels",
    "sees_images",
    "takes_back_tokens",
    "ties_vocabulary",
    "vocabulary_layers",
]


def parts(subject: Subject, *kinds: type[Any]) -> list[Any]:
    """Return the modules of a kind in the model."""
    return [module for module in subject.skeleton.modules() if isinstance(module, kinds)]


# ---- what a model reads ----


def reads_masked_text(subject: Subject) -> bool:
    """Return whether the model reads text with a mask for padding."""
    return subject.reads_text and "attention_mask" in subject.accepted


def answers_about_images(subject: Subject) -> bool:
    """Return whether the model scores answers, several of which may be right."""
    return subject.task == "visual-question-answering" and "labels" in subject.accepted


def pools_last_place(subject: Subject) -> bool:
    """Return whether the state of a text's last place, padding or not, stands for it."""
    return any(runner.pools_last_place for runner in parts(subject, TextRunner))


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
    runners = parts(subject, TextRunner)
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


# ---- what a model is made of ----


def has_text_encoder(subject: Subject) -> bool:
    """Return whether a part of the model reads a text both ways."""
    config = subject.skeleton.config
    encodes = config.is_encoder_decoder or "masked-lm" in subject.architecture.models
    return subject.reads_text and encodes and not config.is_decoder


def has_attention(subject: Subject) -> bool:
    """Return whether positions meet by attention; bricks for layers without are no attention."""
    if subject.sees_images and not parts(subject, Attention):
        return not parts(subject, nn.Conv2d)
    return bool(parts(subject, Attention)) or not parts(subject, MixerLayer)


def has_attention_bricks(subject: Subject) -> bool:
    """Return whether attention is that of the core, which ``set_attn_implementation`` switches."""
    return bool(parts(subject, Attention))


def has_layers(subject: Subject) -> bool:
    """Return whether layers stand in a stack of the core, which may compute them again."""
    return bool(parts(subject, LayerStack))


def has_stacks(subject: Subject) -> bool:
    """Return whether the model runs its layers by the core's `TransformerStack`."""
    return bool(parts(subject, TransformerStack))


def base_class(subject: Subject) -> Any:
    """Return the class of the task "base", ``None`` if there is none."""
    reference = subject.architecture.models.get("base")
    return None if reference is None else registry.resolve(reference)


def has_a_body(subject: Subject) -> bool:
    """Return whether the model holds a body that loads by itself."""
    if not subject.model_class.body:
        return False
    return type(subject.skeleton.base_model) is base_class(subject)


def has_ties(subject: Subject) -> bool:
    """Return whether weights of the model are tied."""
    return bool(subject.skeleton.ties_in_force())


def vocabulary_layers(model: nn.Module, size: int) -> dict[str, nn.Linear]:
    """Return the linear layers with as many outputs as there are tokens, by name."""
    linear = ((name, m) for name, m in model.named_modules() if isinstance(m, nn.Linear))
    return {name: layer for name, layer in linear if layer.out_features == size}


def has_vocabulary_scores(subject: Subject) -> bool:
    """Return whether a layer of the model scores every token of its vocabulary."""
    if not names_vocabulary(subject):
        return False
    return bool(vocabulary_layers(subject.skeleton, subject.skeleton.config.vocab_size))


def ties_vocabulary(subject: Subject) -> bool:
    """Return whether the configuration asks that the scores of tokens use the embeddings."""
    return has_vocabulary_scores(subject) and subject.skeleton.config.tie_word_embeddings


# ---- what a model does ----


def finds_points(subject: Subject) -> bool:
    """Return whether the model finds points in images, in each as many as there are."""
    return KEYPOINTS in outputs(subject.model(), subject.example(subject.config()))


def generates(subject: Subject) -> bool:
    """Return whether the model writes text."""
    return subject.generates


def continues_text(subject: Subject) -> bool:
    """Return whether the model writes on after its own input."""
    return subject.reads_text and subject.generates_alone


def continues_padded_text(subject: Subject) -> bool:
    """Return whether padding before a text moves no position of it: any may be given, or none."""
    given = "position_ids" in subject.accepted or subject.config().position_limit is None
    return continues_text(subject) and given


def encodes_text(subject: Subject) -> bool:
    """Return whether the model writes text after one that an encoder reads."""
    return reads_masked_text(subject) and subject.generates and not subject.generates_alone


def empty_cache(subject: Subject) -> Cache:
    """Return a cache with the state of each layer of the decoder, as far as it is one stack."""
    model: Any = subject.skeleton
    cache, found = Cache(), decoder_stack(model)
    if found is not None:
        found[1].open(cache)
    return cache


def keeps_keys(subject: Subject) -> bool:
    """Return whether the model writes text, and a layer keeps keys and values as far as known."""
    if not subject.generates:
        return False
    cache = empty_cache(subject)
    return len(cache) == 0 or cache.has_keys


def takes_back_tokens(subject: Subject) -> bool:
    """Return whether the model writes text, and no layer's state rules out taking tokens back."""
    return subject.generates and empty_cache(subject).is_croppable


def lacks_something(subject: Subject) -> bool:
    """Return whether the model writes text, with states that cannot do all that keys can."""
    return subject.generates and not (keeps_keys(subject) and takes_back_tokens(subject))


def compiles(subject: Subject) -> bool:
    """Return whether the model writes text, and a compiled step can keep its layers' states."""
    return subject.generates and why_not_compiled(empty_cache(subject)) is None


def has_labels(subject: Subject) -> object:
    """Return whether the model gives a loss."""
    return subject.labels(subject.config())


def has_usual_loss(subject: Subject) -> bool:
    """Return whether the loss is a cross-entropy of classes, as of tokens, texts or positions."""
    others = scores_pixels, estimates_depth, detects_replaced_tokens, answers_about_images
    places = subject.learns_objects, subject.learns_masks, subject.selects_cells
    more = subject.takes_prompts, subject.compares, subject.task in OTHER_LOSSES
    if any(places) or any(more) or any(learns(subject) for learns in others):
        return False
    return subject.reads_text or "labels" in subject.labels(subject.config())


def gives_feature_maps(subject: Subject) -> bool:
    """Return whether the model is a backbone, and its configuration chooses among stages."""
    return issubclass(subject.model_class, BackboneMixin)


def detects_replaced_tokens(subject: Subject) -> bool:
    """Return whether the model learns which tokens were replaced."""
    return issubclass(subject.model_class, TextModelForReplacedTokens)


def scores_pixels(subject: Subject) -> bool:
    """Return whether the model learns a class for each pixel."""
    return subject.sees_images and subject.task == "semantic-segmentation"


def estimates_depth(subject: Subject) -> bool:
    """Return whether the model gives a depth for each pixel."""
    return subject.sees_images and subject.task == "depth-estimation"


def rebuilds_pictures(subject: Subject) -> bool:
    """Return whether the model rebuilds pixels that were hidden."""
    return subject.sees_images and subject.task == "masked-image-modeling"


def classifies(subject: Subject) -> bool:
    """Return whether the model scores labels that the configuration names."""
    kinds = ("audio", "image", "sequence", "token", "video")
    return subject.task in [f"{kind}-classification" for kind in kinds] or scores_pixels(subject)


def classifies_whole_inputs(subject: Subject) -> bool:
    """Return whether the model gives labels or numbers to whole inputs, by a loss of its own."""
    return (
        classifies(subject)
        and subject.task != "token-classification"
        and not scores_pixels(subject)
        and bool(subject.labels(subject.config()))
    )


def dropout_fields(config: Any) -> list[str]:
    """Return the fields of a configuration that say how much is dropped inside the body."""
    heads = (
        *("classifier", "feat_quantizer", "final", "pooler", "qa", "semantic_classifier"),
        *("seq_classif", "summary"),
    )
    dropouts = [name for name in config if "dropout" in name or name.endswith("pdrop")]
    return [
        name
        for name in dropouts
        if isinstance(getattr(config, name), float) and not name.startswith(heads)
    ]


def has_dropout(subject: Subject) -> object:
    """Return whether the configuration says how much is dropped in training."""
    return dropout_fields(subject.config())


def has_aliases(subject: Subject) -> object:
    """Return whether fields of the configuration have other names."""
    return subject.config_class.aliases


def empty_tokenizer(subject: Subject) -> Any:
    """Return the architecture's tokenizer as it is without files."""
    kind: Any = registry.resolve(str(subject.architecture.component("tokenizer")))
    return kind()


def makes_a_tokenizer(subject: Subject) -> bool:
    """Return whether the architecture has a tokenizer that can be made, and trained, from nothing.

    Those that need files, such as SentencePiece models, are for tests of the plugin itself.
    """
    if subject.architecture.component("tokenizer") is None:
        return False
    try:
        empty_tokenizer(subject)
    except AutomodelError:
        return False
    return True


def is_provided(subject: Subject) -> str:
    """Return the distribution of the plugin, empty for one that this process registered."""
    found = (r.distribution for r in registry.plugins.records() if subject.model_type in r.names)
    return next(found, "")
