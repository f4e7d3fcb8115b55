"""A new vocabulary for an old pipeline."""

from __future__ import annotations


def test_training_keeps_the_pipeline_and_the_special_tokens(tokenizer):
    texts = ["the cat sat on the mat", "the dog sat on the log"] * 10
    new = tokenizer.train_new_from_iterator(texts, 80, new_special_tokens=["<new>"])
    assert new.additional_special_tokens == ["<new>"]
    assert new("cat <new>").tokens()[0] == "[CLS]"
    assert new.decode(new("the cat sat")["input_ids"], skip_special_tokens=True) == "the cat sat"
    renamed = tokenizer.train_new_from_iterator(texts, 80, special_tokens_map={"[CLS]": "<c>"})
    assert (renamed.cls_token, renamed("cat").tokens()[0]) == ("<c>", "<c>")
