"""The Auto classes do what transformers' do: the same class, the same arguments, the same refusals.

Where the two generations of transformers differ, or were both wrong, the test says what we chose.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

theirs = pytest.importorskip("transformers")

import torch  # noqa: E402

import automodel_bert  # noqa: E402
import automodel_core as ours  # noqa: E402
import automodel_t5  # noqa: E402
from automodel_core import registry  # noqa: E402
from automodel_core.configuration import PreTrainedConfig  # noqa: E402
from automodel_core.registry.registry import Registry  # noqa: E402
from automodel_core.registry.task_table import TASK_TABLE  # noqa: E402

OLD = theirs.__version__.startswith("4.")
BOTH = pytest.mark.parametrize("library", [ours, theirs], ids=["ours", "theirs"])
TINY_T5 = {
    "vocab_size": 40,
    "d_model": 8,
    "d_kv": 4,
    "d_ff": 12,
    "num_layers": 1,
    "num_heads": 2,
}
TINY_BERT = {
    "vocab_size": 40,
    "hidden_size": 8,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "intermediate_size": 12,
    "max_position_embeddings": 16,
}
OURS_ONLY = {("mt5", "AutoModelForPreTraining"), ("umt5", "AutoModelForPreTraining")}
TINY = {"t5": TINY_T5, "mt5": TINY_T5, "umt5": TINY_T5, "bert": TINY_BERT}


@pytest.fixture(autouse=True)
def own_registrations(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget what a test registers, in both libraries."""
    from transformers.models.auto import configuration_auto, modeling_auto, tokenization_auto

    monkeypatch.setattr(registry, "_registry", Registry.of_this_process())
    mappings = [
        configuration_auto.CONFIG_MAPPING,
        modeling_auto.MODEL_MAPPING,
        modeling_auto.MODEL_FOR_OBJECT_DETECTION_MAPPING,
        tokenization_auto.TOKENIZER_MAPPING,
    ]
    before = [dict(mapping._extra_content) for mapping in mappings]
    yield
    for mapping, content in zip(mappings, before, strict=True):
        mapping._extra_content.clear()
        mapping._extra_content.update(content)


@pytest.fixture(autouse=True)
def quiet_reference() -> Iterator[None]:
    """Let the reference warn about its own future."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        yield


def tiny(library: Any, model_type: str, **kwargs: Any) -> Any:
    return library.AutoConfig.for_model(model_type, **TINY[model_type], **kwargs)


def write(folder: Path, **values: Any) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(values), "utf-8")
    return str(folder)


@pytest.mark.parametrize("auto_class", [name for _, name, _ in TASK_TABLE])
@pytest.mark.parametrize("model_type", list(TINY))
def test_the_same_class_serves_a_task(model_type: str, auto_class: str) -> None:
    if auto_class not in dir(theirs):
        pytest.skip("gone from this version of transformers")
    mine, other = (served(library, model_type, auto_class) for library in (ours, theirs))
    if (model_type, auto_class) in OURS_ONLY:
        assert other == "nothing"
    else:
        assert mine == other


def served(library: Any, model_type: str, auto_class: str) -> str:
    """Return the name of the class for a task, or "nothing"."""
    try:
        model = getattr(library, auto_class).from_config(tiny(library, model_type))
    except ValueError as error:
        return "nothing" if "Unrecognized configuration class" in str(error) else str(error)
    return type(model).__name__


@BOTH
def test_direct_construction_names_the_constructors(library: Any) -> None:
    for name in ("AutoModel", "AutoModelForSeq2SeqLM"):
        with pytest.raises(OSError, match=rf"`{name}\.from_pretrained\(.*`{name}\.from_config\("):
            getattr(library, name)()
    for name in ("AutoConfig", "AutoTokenizer", "AutoFeatureExtractor", "AutoProcessor"):
        with pytest.raises(OSError, match=rf"`{name}\.from_pretrained\("):
            getattr(library, name)()


@BOTH
def test_arguments_of_auto_config(library: Any, tmp_path: Path) -> None:
    name = write(tmp_path, model_type="t5", **TINY_T5)
    config, unused = library.AutoConfig.from_pretrained(
        name, num_heads=4, num_labels=5, hidden_size=16, unheard=1, return_unused_kwargs=True
    )
    assert unused == {"unheard": 1}
    assert (config.num_heads, config.num_labels, config.d_model) == (4, 5, 16)
    assert config.id2label[4] == "LABEL_4"
    assert config._name_or_path == name
    assert library.AutoConfig.from_pretrained(f"{name}/config.json").num_heads == 2
    inner = write(tmp_path / "inner", model_type="t5", num_heads=1)
    assert inner.endswith("inner")
    assert library.AutoConfig.from_pretrained(name, subfolder="inner").num_heads == 1


def test_a_misspelt_argument_is_dropped_by_them_and_told_by_us(tmp_path: Path) -> None:
    name = write(tmp_path, model_type="t5", **TINY_T5)
    assert theirs.AutoConfig.from_pretrained(name, num_head=4).num_heads == 2
    with pytest.warns(UserWarning, match=r"did you mean 'num_heads'"):
        assert ours.AutoConfig.from_pretrained(name, num_head=4).num_heads == 2


@BOTH
def test_what_is_no_config(library: Any, tmp_path: Path) -> None:
    unknown = write(tmp_path / "unknown", model_type="never-heard-of")
    with pytest.raises(ValueError, match="never-heard-of"):
        library.AutoConfig.from_pretrained(unknown)
    broken = Path(write(tmp_path / "broken"))
    (broken / "config.json").write_text("{", "utf-8")
    with pytest.raises(OSError, match="not a valid JSON file"):
        library.AutoConfig.from_pretrained(broken)
    (tmp_path / "empty").mkdir()
    if library is ours:  # they guess an architecture from the path, or speak of that
        with pytest.raises(OSError, match=r"has no config.json.*it holds no files"):
            library.AutoConfig.from_pretrained(tmp_path / "empty")


def test_the_model_type_is_guessed_from_the_name_as_once(tmp_path: Path) -> None:
    name = write(tmp_path / "some-umt5-t5-mt5", **TINY_T5)
    with pytest.warns(UserWarning, match="is taken from the name"):
        guessed = ours.AutoConfig.from_pretrained(name)
    assert guessed.model_type == "umt5"
    if OLD:
        assert theirs.AutoConfig.from_pretrained(name).model_type == "umt5"
    else:
        with pytest.raises(ValueError, match="Unrecognized model"):
            theirs.AutoConfig.from_pretrained(name)
    nameless = write(tmp_path / "nothing", **TINY_T5)
    for library in (ours, theirs):
        with pytest.raises(ValueError, match="Unrecognized model in"):
            library.AutoConfig.from_pretrained(nameless)


@pytest.mark.parametrize("saver", [ours, theirs], ids=["saved by us", "saved by them"])
@BOTH
def test_arguments_of_auto_model(library: Any, saver: Any, tmp_path: Path) -> None:
    saver.AutoModelForSeq2SeqLM.from_config(tiny(saver, "t5")).save_pretrained(tmp_path)
    model, info = library.AutoModelForSeq2SeqLM.from_pretrained(
        tmp_path, dropout_rate=0.5, output_loading_info=True
    )
    assert not model.training
    assert model.config.dropout_rate == 0.5
    assert not info["missing_keys"]
    assert not info["unexpected_keys"]
    assert not info["mismatched_keys"]
    with pytest.raises(TypeError, match="unheard"):
        library.AutoModelForSeq2SeqLM.from_pretrained(tmp_path, unheard=1)

    config = library.AutoConfig.from_pretrained(tmp_path, dropout_rate=0.25)
    before = config.to_dict()
    model = library.AutoModelForSeq2SeqLM.from_pretrained(tmp_path, config=config)
    assert model.config.dropout_rate == 0.25
    assert model.config is not config
    assert config.dropout_rate == before["dropout_rate"]
    with pytest.raises(TypeError, match="dropout_rate"):
        library.AutoModelForSeq2SeqLM.from_pretrained(tmp_path, config=config, dropout_rate=0.1)
    trained = library.AutoModelForSeq2SeqLM.from_config(config, dtype=torch.float16)
    assert trained.training
    assert trained.dtype == torch.float16


@pytest.mark.parametrize("named", ["BertTokenizer", "BertTokenizerFast", None])
def test_the_same_tokens(named: str | None, tmp_path: Path) -> None:
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "the", "house", "##s", "is", "!"]
    (tmp_path / "vocab.txt").write_text("\n".join(words), "utf-8")
    name = write(tmp_path, model_type="bert", **TINY_BERT)
    if named is not None:
        settings = {"tokenizer_class": named, "do_lower_case": True}
        (tmp_path / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    for more in ({}, {"use_fast": True}, {"use_fast": False}, {"model_max_length": 4}):
        mine, other = (
            library.AutoTokenizer.from_pretrained(name, **more) for library in (ours, theirs)
        )
        assert type(mine) is automodel_bert.BertTokenizer
        assert mine.model_max_length == other.model_max_length
        for text in ("The houses!", ["the house", "is"]):
            assert dict(mine(text, padding=True)) == dict(other(text, padding=True))


def config_class(library: Any, model_type: str) -> Any:
    base = PreTrainedConfig if library is ours else theirs.PretrainedConfig
    members = {"model_type": model_type, "__module__": __name__}
    if library is ours:
        members |= {"__annotations__": {"width": int}, "width": 2}
    return type("NewConfig", (base,), members)


def model_class(library: Any, config: Any) -> Any:
    if library is ours:
        from automodel_core.modeling.pretrained.base import PreTrainedModel

        base: Any = PreTrainedModel
    else:
        base = theirs.PreTrainedModel

    def build(self: Any, config: Any) -> None:
        base.__init__(self, config)
        self.linear = torch.nn.Linear(2, 2)

    return type("NewModel", (base,), {"config_class": config, "__init__": build})


@BOTH
def test_register(library: Any, tmp_path: Path) -> None:
    new = config_class(library, "new-model")
    model = model_class(library, new)
    with pytest.raises(ValueError, match="not consistent"):
        library.AutoConfig.register("other-model", new)
    library.AutoConfig.register("new-model", new)
    assert type(library.AutoConfig.for_model("new-model")) is new
    new().save_pretrained(tmp_path)
    assert type(library.AutoConfig.from_pretrained(tmp_path)) is new

    bert = automodel_bert.BertConfig if library is ours else theirs.BertConfig
    with pytest.raises(ValueError, match="not consistent"):
        library.AutoModel.register(bert, model)
    library.AutoModel.register(new, model)
    assert type(library.AutoModel.from_config(new())) is model


@BOTH
def test_register_over_what_exists(library: Any) -> None:
    package = automodel_bert if library is ours else theirs
    with pytest.raises(ValueError, match=r"exist_ok|already used"):
        library.AutoConfig.register("bert", package.BertConfig)
    with pytest.raises(ValueError, match=r"exist_ok|already used"):
        library.AutoModel.register(package.BertConfig, package.BertModel)
    library.AutoConfig.register("bert", package.BertConfig, exist_ok=True)
    library.AutoModel.register(package.BertConfig, package.BertModel, exist_ok=True)
    assert type(library.AutoModel.from_config(tiny(library, "bert"))) is package.BertModel


@BOTH
def test_registering_a_new_type_twice(library: Any) -> None:
    first, second = config_class(library, "new-model"), config_class(library, "new-model")
    library.AutoConfig.register("new-model", first)
    if library is ours:
        with pytest.raises(ValueError, match="already registered"):
            library.AutoConfig.register("new-model", second)
    else:  # they replace it without a word, which once hid two packages with one name
        library.AutoConfig.register("new-model", second)
    library.AutoConfig.register("new-model", second, exist_ok=True)
    assert type(library.AutoConfig.for_model("new-model")) is second


@BOTH
def test_a_head_for_a_built_in_config(library: Any) -> None:
    package = automodel_bert if library is ours else theirs
    head = type("BertForBoxes", (package.BertModel,), {})
    library.AutoModelForObjectDetection.register(package.BertConfig, head)
    if library is ours or OLD:
        found = library.AutoModelForObjectDetection.from_config(tiny(library, "bert"))
        assert type(found) is head
    else:  # they drop it without a word
        with pytest.raises(ValueError, match="Unrecognized configuration class"):
            library.AutoModelForObjectDetection.from_config(tiny(library, "bert"))


def test_a_config_that_is_only_named_alike() -> None:
    base = theirs.PretrainedConfig
    alike = type("BertConfig", (base,), {"model_type": "bert"})
    members = {"model_type": "bert"}
    our_alike = type("BertConfig", (PreTrainedConfig,), members)
    with pytest.raises(ValueError, match="Unrecognized configuration class"):
        ours.AutoModel.from_config(our_alike())
    # They take it for BERT, by its name, and fail later if at all.
    with pytest.raises(AttributeError):
        theirs.AutoModel.from_config(alike())


def test_what_they_save_we_plan(tmp_path: Path) -> None:
    model = theirs.AutoModelForSeq2SeqLM.from_config(tiny(theirs, "t5"))
    model.save_pretrained(tmp_path)
    plan = ours.AutoModelForSeq2SeqLM.plan(tmp_path)
    assert (plan.missing, plan.unexpected, plan.mismatched) == ((), (), ())
    assert plan.nbytes == (tmp_path / "model.safetensors").stat().st_size
    assert plan.model_class == f"{automodel_t5.__name__}.modeling:T5ForConditionalGeneration"
    assert plan.dtype == str(model.dtype).removeprefix("torch.")
