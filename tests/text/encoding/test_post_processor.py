"""The special tokens of a sequence, by every kind of post-processor."""

from __future__ import annotations

import pytest
from tokenizers.processors import (
    BertProcessing,
    ByteLevel,
    RobertaProcessing,
    Sequence,
    TemplateProcessing,
)

from automodel_core.text import Template, bos_eos_processor

CLS, SEP = ("[CLS]", 2), ("[SEP]", 3)
TEMPLATE = TemplateProcessing(
    single="[CLS] $A [SEP]", pair="[CLS] $A [SEP] $B:1 [SEP]:1", special_tokens=[CLS, SEP]
)


@pytest.mark.parametrize(
    ("processor", "ids", "types"),
    [
        (None, [7, 8], [0, 0]),
        (ByteLevel(), [7, 8], [0, 0]),
        (TEMPLATE, [2, 7, 3, 8, 3], [0, 0, 0, 1, 1]),
        (Sequence([ByteLevel(), TEMPLATE]), [2, 7, 3, 8, 3], [0, 0, 0, 1, 1]),
        (BertProcessing(SEP, CLS), [2, 7, 3, 8, 3], [0, 0, 0, 1, 1]),
        (RobertaProcessing(SEP, CLS), [2, 7, 3, 3, 8, 3], [0] * 6),
        (bos_eos_processor(CLS, SEP), [2, 7, 3, 2, 8, 3], [0, 0, 0, 1, 1, 1]),
        (bos_eos_processor(None, SEP), [7, 3, 8, 3], [0, 0, 1, 1]),
    ],
)
def test_a_pair_gets_its_special_tokens(processor, ids, types):
    template = Template.of(processor)
    assert template.ids([7], [8]) == ids
    assert template.special_mask([7], [8]) == [int(index in (2, 3)) for index in ids]
    assert template.type_ids([7], [8]) == types
    assert [index for index in template.ids([7], None) if index not in (2, 3)] == [7]
