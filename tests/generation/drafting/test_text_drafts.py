"""Drafts by an assistant whose tokens are cut otherwise: letters here, pairs of letters there."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, strategies as st

from automodel_core.errors import GenerationArgumentError
from automodel_core.generation.drafting.text_drafts import (
    SharedVocabularyDraft,
    TextDraft,
    shared_tokens,
)
from automodel_core.generation.settings.generation import GenerationConfig
from automodel_core.generation.strategies.request import Assistant, DecodingRequest
from support.examples import examples
from support.tiny_lm import drawn
from support.tiny_pair import drawn_pair

LETTERS = "abcdefgh"


class Cuts:
    """A tokenizer of a list of pieces, the longest first; 0 pads, 1 ends, 2 begins."""

    eos_token_id, bos_token_id, cls_token_id = 1, 2, None

    def __init__(self, pieces: list[str], space: str = " ", begins: bool = False) -> None:
        self.pieces = ["<pad>", "</s>", "<s>", *pieces]
        self.space, self.begins = space, begins

    def __len__(self) -> int:
        return len(self.pieces)

    def __call__(self, text, add_special_tokens=True, return_tensors=None):
        text, ids = text.replace(" ", self.space), []
        while text:
            longest = max((p for p in self.pieces[3:] if text.startswith(p)), key=len, default="")
            if not longest:
                break
            ids.append(self.pieces.index(longest))
            text = text[len(longest) :]
        if add_special_tokens:
            ids = [2, *ids] if self.begins else [*ids, 1]
        return {"input_ids": ids if return_tensors is None else torch.tensor([ids])}

    def decode(self, ids, skip_special_tokens=False, clean_up_tokenization_spaces=None):
        shown = [i for i in ids if not skip_special_tokens or i > 2]
        return "".join(self.pieces[i] for i in shown).replace(self.space, " ")

    def get_vocab(self):
        return {piece: index for index, piece in enumerate(self.pieces)}

    def convert_ids_to_tokens(self, index):
        return self.pieces[index]


ONES = Cuts([*LETTERS, " "])
TWOS = Cuts([*LETTERS[::-1], "_", "ab", "bc", "cd", "hh", "_a", "_b", "aa"], space="_", begins=True)


def assisted(model, assistant, ids, tokenizer=ONES, own=TWOS, **settings):
    return model.generate(
        ids, assistant_model=assistant, tokenizer=tokenizer, assistant_tokenizer=own,
        **settings,
    )  # fmt: skip


@examples(40)
@given(st.data())
def test_greedy_ids_are_the_same(data):
    make = data.draw(st.sampled_from([drawn, drawn_pair]))
    tokenizer, own = data.draw(st.sampled_from([(ONES, TWOS), (TWOS, ONES)]))
    end = data.draw(st.sampled_from([1, None]))
    model = make(seed=data.draw(st.integers(0, 5)), vocab_size=len(tokenizer), eos_token_id=end)
    assistant = make(seed=data.draw(st.integers(0, 5)), vocab_size=len(own), bos_token_id=2)
    ids = data.draw(st.lists(st.integers(3, len(tokenizer) - 1), min_size=1, max_size=15))
    settings = {
        "max_new_tokens": data.draw(st.integers(1, 20)),
        "num_assistant_tokens": data.draw(st.integers(1, 6)),
        "assistant_confidence_threshold": data.draw(st.sampled_from([0.0, 0.5])),
        "target_lookbehind": data.draw(st.integers(1, 6)),
        "assistant_lookbehind": data.draw(st.integers(1, 6)),
    }
    plain = model.generate(torch.tensor([ids]), max_new_tokens=settings["max_new_tokens"])
    found = assisted(model, assistant, torch.tensor([ids]), tokenizer, own, **settings)
    assert found.tolist() == plain.tolist()


def request(**settings) -> DecodingRequest:
    config = GenerationConfig(do_sample=True, **settings)
    return DecodingRequest(config=config, max_length=99, eos_token_ids=(1,))


class Says:
    """A model that says one text after any prompt."""

    class config:  # noqa: N801
        is_encoder_decoder = False

    device = torch.device("cpu")


def test_text_goes_from_one_cut_to_the_other(monkeypatch):
    said = []

    def scores(self, ids):
        said.append(list(ids))
        answer = [TWOS.pieces.index(piece) for piece in ("bc", "d", "ab", "</s>")]
        return torch.nn.functional.one_hot(
            torch.tensor([answer[len(ids) - start]]), len(TWOS)
        ).float()

    monkeypatch.setattr(
        "automodel_core.generation.drafting.text_drafts._AssistantText.scores", scores
    )
    assistant = Assistant(
        model=Says, inputs=None, vocabulary=len(ONES), tokenizer=ONES, own_tokenizer=TWOS,
        lookbehind=4, target_lookbehind=4,
    )  # fmt: skip
    draft = TextDraft(assistant, request())
    ids = ONES("abab a", add_special_tokens=False)["input_ids"]
    start = 1 + len(TWOS("abab a", add_special_tokens=False)["input_ids"])
    found = draft.propose(torch.tensor([ids]), 20).tokens[0].tolist()
    assert ONES.decode(found) == "bcdab</s>"
    assert said[0] == [2, *TWOS("abab a", add_special_tokens=False)["input_ids"]]
    # The model keeps "b" and says "h" itself: the assistant cuts " ab" again, as "_a", "b".
    ids += ONES("bh", add_special_tokens=False)["input_ids"]
    said.clear()
    start = 1 + len(TWOS("abab abh", add_special_tokens=False)["input_ids"])
    draft.propose(torch.tensor([ids]), 2)
    assert said[0] == [2, *TWOS("abab abh", add_special_tokens=False)["input_ids"]]


def test_shared_tokens_and_their_probabilities():
    pairs = shared_tokens(ONES, TWOS)
    assert {(ONES.pieces[a], TWOS.pieces[b]) for a, b in pairs} == {
        *((letter, letter) for letter in LETTERS), (" ", "_"),
        ("<pad>", "<pad>"), ("</s>", "</s>"), ("<s>", "<s>"),
    }  # fmt: skip
    own = drawn(seed=3, vocab_size=len(TWOS))
    assistant = Assistant(
        model=own, inputs=None, vocabulary=len(ONES), num_tokens=3, tokenizer=ONES,
        own_tokenizer=TWOS,
    )  # fmt: skip
    from automodel_core.generation.session.inputs import DecodingInputs

    assistant = Assistant(
        **{**vars(assistant), "inputs": DecodingInputs(prompt=torch.zeros(1, 0).long())}
    )
    draft = SharedVocabularyDraft(assistant, request(top_k=0))
    torch.manual_seed(0)
    text = ONES("ab a", add_special_tokens=False)["input_ids"]
    for _ in range(3):
        tokens, q = draft.propose(torch.tensor([text]), 9)
        own_text = draft.text.ids
        for place in range(tokens.shape[1]):
            with torch.no_grad():
                logits = own(input_ids=torch.tensor([own_text])).logits[0, -1]
            expected = torch.zeros(len(ONES))
            columns = torch.tensor(pairs)
            expected[columns[:, 0]] = logits[columns[:, 1]].softmax(0)
            torch.testing.assert_close(q[0, place], expected)
            own_text = [*own_text, dict(pairs)[int(tokens[0, place])]]
        text = [*text, *tokens[0, :1].tolist(), ONES.pieces.index("c")]
        draft.update(tokens.shape[1], 1)


def test_a_token_of_the_model_alone_is_cut_by_the_assistant():
    model = drawn(seed=0, vocab_size=len(TWOS), eos_token_id=None)
    assistant = drawn(seed=1, vocab_size=len(ONES))
    torch.manual_seed(0)
    found = assisted(
        model, assistant, torch.tensor([[3, 12, 13]]), TWOS, ONES, do_sample=True,
        max_new_tokens=12, assistant_confidence_threshold=0.0,
    )  # fmt: skip
    assert found.shape == (1, 15)


def test_sampling_follows_the_models_distribution():
    model = drawn(seed=4, vocab_size=len(ONES), eos_token_id=None)
    assistant = drawn(seed=5, vocab_size=len(TWOS))
    ids = torch.tensor([[3, 4]])
    with torch.no_grad():
        best = model(input_ids=ids).logits[0, -1].topk(3)
    expected = dict(zip(best.indices.tolist(), best.values.softmax(0).tolist(), strict=True))
    torch.manual_seed(0)
    counts = dict.fromkeys(expected, 0)
    for _ in range(300):
        found = assisted(
            model, assistant, ids, do_sample=True, top_k=3, max_new_tokens=3,
            num_assistant_tokens=1,
        )  # fmt: skip
        counts[int(found[0, 2])] += 1
    for token, probability in expected.items():
        assert abs(counts[token] / 300 - probability) < 0.1


def test_the_same_vocabulary_needs_no_translation():
    model = drawn(seed=1, vocab_size=len(ONES), eos_token_id=None)
    wider = drawn(seed=1, vocab_size=len(ONES) + 4)
    ids = torch.tensor([[3, 4, 5]])
    plain = model.generate(ids, max_new_tokens=9)
    for way in ({}, {"do_sample": True, "top_k": 1}):
        found = assisted(model, wider, ids, own=Cuts([*LETTERS, " "]), max_new_tokens=9, **way)
        assert found.tolist() == plain.tolist()


@pytest.mark.filterwarnings("ignore:a batch without attention_mask")
def test_refused():
    model = drawn(vocab_size=len(ONES))
    assistant = drawn(vocab_size=len(TWOS))
    with pytest.raises(GenerationArgumentError, match="one sequence at a time, not for 2"):
        assisted(model, assistant, torch.tensor([[3], [4]]), max_new_tokens=2)
    stranger = Cuts(["x", "y"])
    stranger.pieces[:3] = ["-", "--", "---"]
    with pytest.raises(GenerationArgumentError, match="no token in common"):
        assisted(
            model, assistant, torch.tensor([[3]]), own=stranger, max_new_tokens=2, do_sample=True
        )
