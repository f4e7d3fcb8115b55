"""The files of a new plugin: a small pre-norm decoder, to be changed into the architecture meant.

``$model_type``, ``$distribution``, ``$package``, ``$prefix`` and ``$function`` are filled in.
"""

from __future__ import annotations

from automodel_core.cli.pyproject import pyproject

__all__ = ["FILES"]

PYPROJECT = pyproject(
    {
        "name": "$distribution",
        "version": "0.1.0",
        "description": "$prefix for automodel-core.",
        "readme": "README.md",
        "requires-python": ">=3.10",
        "dependencies": ["automodel-core>=0.1,<2", "torch>=2.6"],
        "optional-dependencies": {"testing": ["automodel-core[testing]"]},
        "entry-points": {"automodel.architectures": {"$model_type": "$package.plugin"}},
    },
    package="$package",
)

README = """\
# $distribution

$prefix for automodel-core.

```console
pip install $distribution
```

```python
from automodel_core import AutoModelForCausalLM, AutoTokenizer

model = AutoModelForCausalLM.from_pretrained("folder-or-hub-id")
tokenizer = AutoTokenizer.from_pretrained("folder-or-hub-id")
inputs = tokenizer("Once upon a time", return_tensors="pt")
print(tokenizer.decode(model.generate(**inputs, max_new_tokens=20)[0]))
```

| task | Auto class | class |
|---|---|---|
| base | `AutoModel` | `${prefix}Model` |
| causal-lm | `AutoModelForCausalLM` | `${prefix}ForCausalLM` |
"""

INIT = '''\
"""$prefix for automodel-core."""

from __future__ import annotations

from automodel_core.exports import lazy_exports

__all__, __getattr__, __dir__ = lazy_exports(__name__)
'''

STUB = """\
from $package.configuration import ${prefix}Config as ${prefix}Config
from $package.modeling import (
    ${prefix}ForCausalLM as ${prefix}ForCausalLM,
    ${prefix}Model as ${prefix}Model,
)
"""

PLUGIN = '''\
"""What $distribution provides; importing it imports neither torch nor the models."""

from __future__ import annotations

from automodel_core import Architecture, hookimpl


@hookimpl
def automodel_architectures() -> list[Architecture]:
    return [
        Architecture(
            model_type="$model_type",
            plugin_api=(1, 0),
            config="$package.configuration:${prefix}Config",
            models={
                "base": "$package.modeling:${prefix}Model",
                "causal-lm": "$package.modeling:${prefix}ForCausalLM",
            },
        )
    ]
'''

CONFIGURATION = '''\
"""The configuration of $prefix."""

from __future__ import annotations

from automodel_core.configuration import PreTrainedConfig, TokenId
from automodel_core.fields import NonNegativeFloat, PositiveFloat, PositiveInt, Probability


class ${prefix}Config(PreTrainedConfig):
    """The keys of config.json, with the values that an empty file means."""

    model_type = "$model_type"

    vocab_size: PositiveInt = 32000
    hidden_size: PositiveInt = 512
    intermediate_size: PositiveInt = 2048
    num_hidden_layers: PositiveInt = 6
    num_attention_heads: PositiveInt = 8
    max_position_embeddings: PositiveInt = 1024
    hidden_act: str = "gelu"
    hidden_dropout_prob: Probability = 0.1
    layer_norm_eps: PositiveFloat = 1e-5
    initializer_range: NonNegativeFloat = 0.02
    use_cache: bool = True
    is_decoder: bool = True
    bos_token_id: int | None = 1
    eos_token_id: TokenId = 2
'''

MODELING = '''\
"""$prefix: pre-norm layers over learned positions, each token seeing the earlier ones."""

from __future__ import annotations

from functools import partial
from typing import Any

from automodel_core import layers, modeling
from automodel_core.checkpoint import WeightNames
from torch import nn

from $package.configuration import ${prefix}Config


def ${function}_layer(config: ${prefix}Config) -> layers.TransformerLayer:
    """Return one layer, which normalises what enters each part."""
    return layers.TransformerLayer(
        layers.Attention(layers.equal_heads(config.hidden_size, config.num_attention_heads)),
        layers.FeedForward(
            config.hidden_size, config.intermediate_size, activation=config.hidden_act
        ),
        partial(nn.LayerNorm, config.hidden_size, eps=config.layer_norm_eps),
        norm_first=True,
        dropout=config.hidden_dropout_prob,
    )


# The names of weights in the checkpoint, and in this file. Only names that differ need a row.
BODY_NAMES = {
    "layers.*": "stack.layers.*",
    "layers.*.input_layernorm": "stack.layers.*.self_attn_norm",
    "layers.*.post_attention_layernorm": "stack.layers.*.mlp_norm",
    "norm": "stack.norm",
}


class ${prefix}PreTrainedModel(modeling.PreTrainedModel):
    """What all models of this architecture share: the names of their weights."""

    config_class = ${prefix}Config
    config: ${prefix}Config
    base_model_prefix = "model"

    @classmethod
    def weight_names(cls, config: Any) -> WeightNames:
        names = WeightNames(BODY_NAMES)
        return names.nested(hub="model", module=cls.body) if cls.body else names


class ${prefix}Model(${prefix}PreTrainedModel, modeling.TextBody):
    """The decoder without a head: tokens and positions, then layers."""

    def __init__(self, config: ${prefix}Config) -> None:
        super().__init__(config, decoder=True)
        size = config.hidden_size
        self.embed_tokens = layers.Embedding(
            config.vocab_size, size, padding_idx=config.pad_token_id
        )
        self.embed_positions = layers.Embedding(config.max_position_embeddings, size)
        self.stack = layers.TransformerStack(
            [${function}_layer(config) for _ in range(config.num_hidden_layers)],
            nn.LayerNorm(size, eps=config.layer_norm_eps),
        )
        self.post_init()


class ${prefix}ForCausalLM(${prefix}PreTrainedModel, modeling.TextModelForCausalLM):
    """Predict the next token."""

    def __init__(self, config: ${prefix}Config) -> None:
        super().__init__(config)
        self.model = ${prefix}Model(config)
        self.lm_head = layers.Linear(config.hidden_size, config.vocab_size, bias=False)
        self.post_init()
'''

TESTS = '''\
"""$prefix keeps the promises of the house, and sees nothing of the future."""

from __future__ import annotations

from typing import Any

import torch
from automodel_core import AutoConfig, AutoModelForCausalLM
from automodel_core.testing import architecture_checks

TINY = {
    "vocab_size": 99,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 64,
}


@architecture_checks("$model_type", TINY)
def test_$function(check: Any) -> None:
    check()


def test_later_tokens_change_nothing_before_them() -> None:
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(AutoConfig.for_model("$model_type", **TINY)).eval()
    tokens = torch.randint(3, 99, (2, 7))
    other = tokens.clone()
    other[:, -1] = 5
    torch.testing.assert_close(model(other).logits[:, :-1], model(tokens).logits[:, :-1])
'''

FILES = {
    "pyproject.toml": PYPROJECT,
    "README.md": README,
    "$package/__init__.py": INIT,
    "$package/__init__.pyi": STUB,
    "$package/plugin.py": PLUGIN,
    "$package/configuration.py": CONFIGURATION,
    "$package/modeling.py": MODELING,
    "$package/py.typed": "",
    "tests/test_$function.py": TESTS,
}
