"""pyctcdecode finds words by a language model, in the processor and in the pipeline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from automodel_core import AutoProcessor, pipeline
from automodel_wav2vec2 import (
    Wav2Vec2Config,
    Wav2Vec2CTCTokenizer,
    Wav2Vec2FeatureExtractor,
    Wav2Vec2ForCTC,
    Wav2Vec2ProcessorWithLM,
)

package = pytest.importorskip("pyctcdecode")

VOCABULARY = {"<pad>": 0, "<s>": 1, "</s>": 2, "<unk>": 3, "|": 4, "a": 5, "b": 6, "c": 7}
SMALL: dict[str, Any] = {
    "hidden_size": 8, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 8,
    "conv_dim": [4, 4], "conv_stride": [10, 4], "conv_kernel": [12, 4], "vocab_size": 8,
    "num_conv_pos_embeddings": 4, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip


@pytest.fixture
def processor(tmp_path: Path) -> Wav2Vec2ProcessorWithLM:
    (tmp_path / "vocab.json").write_text(json.dumps(VOCABULARY), encoding="utf-8")
    tokenizer = Wav2Vec2CTCTokenizer(tmp_path / "vocab.json")
    labels = ["", "<s>", "</s>", "⁇", " ", "a", "b", "c"]
    decoder = package.build_ctcdecoder(labels)
    return Wav2Vec2ProcessorWithLM(Wav2Vec2FeatureExtractor(), tokenizer, decoder)


def scores() -> torch.Tensor:
    """Return scores of the frames "a", blank, "b", space, "c"."""
    logits = torch.full((5, 8), -5.0)
    for frame, symbol in enumerate((5, 0, 6, 4, 7)):
        logits[frame, symbol] = 5.0
    return logits


def test_decoding_is_that_of_the_package(processor: Wav2Vec2ProcessorWithLM) -> None:
    found = processor.decode(scores(), output_word_offsets=True)
    best = processor.decoder.decode_beams(scores().numpy())[0]
    assert found.text == best[0] == "ab c"
    assert found.logit_score == pytest.approx(best[-2])
    words = [
        (word["word"], word["start_offset"], word["end_offset"]) for word in found.word_offsets
    ]
    assert words == [(word, *span) for word, span in best[2]]
    padded = torch.cat([scores(), torch.full((2, 8), -100.0)])
    batch = processor.batch_decode(torch.stack([padded, padded]).numpy(), n_best=2)
    assert [texts[0] for texts in batch.text] == ["ab c", "ab c"]
    assert isinstance(processor.decode(np.asarray(scores()), hotwords=["abc"]).text, str)


def test_files_and_the_pipeline(processor: Wav2Vec2ProcessorWithLM, tmp_path: Path) -> None:
    model = Wav2Vec2ForCTC(Wav2Vec2Config(**SMALL)).eval()
    model.save_pretrained(tmp_path / "all")
    processor.save_pretrained(tmp_path / "all")
    again = AutoProcessor.from_pretrained(tmp_path / "all")
    assert type(again) is Wav2Vec2ProcessorWithLM
    assert again.decode(scores()).text == "ab c"
    transcribe = pipeline("automatic-speech-recognition", model=tmp_path / "all")
    assert transcribe.decoder is not None
    sound = torch.randn(4000)
    with torch.no_grad():
        inputs = again(sound, sampling_rate=16_000, return_tensors="pt", return_attention_mask=True)
        logits = model(**inputs).logits[0]
    answer = transcribe(sound, return_timestamps="word")
    assert answer["text"] == again.decode(logits).text
    assert "".join(chunk["text"] for chunk in answer["chunks"]) == answer["text"].replace(" ", "")


ARPA = r"""\data\
ngram 1=5
ngram 2=1

\1-grams:
-2.0	<unk>	0.0
0.0	<s>	0.0
-1.0	</s>	0.0
-0.3	ab	0.0
-3.0	c	0.0

\2-grams:
-0.1	ab c

\end\
"""


def test_a_language_model_of_words(processor: Wav2Vec2ProcessorWithLM, tmp_path: Path) -> None:
    pytest.importorskip("kenlm")
    (tmp_path / "words.arpa").write_text(ARPA, encoding="utf-8")
    decoder = package.build_ctcdecoder(
        processor.decoder._alphabet.labels, kenlm_model_path=str(tmp_path / "words.arpa")
    )
    both = Wav2Vec2ProcessorWithLM(processor.feature_extractor, processor.tokenizer, decoder)
    both.save_pretrained(tmp_path / "all")
    again = AutoProcessor.from_pretrained(tmp_path / "all", alpha=0.25)
    assert again.language_model.alpha == 0.25
    assert again.decode(scores()).text == both.decode(scores()).text == "ab c"
    assert again.decode(scores()).lm_score != both.decode(scores(), alpha=2.0).lm_score
