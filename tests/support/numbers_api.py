"""What a LitServe server runs, in processes of its own that import it from here."""

from __future__ import annotations

from pathlib import Path

import litserve

from automodel_core import AutoModelForSeq2SeqLM, AutoTokenizer

__all__ = ["DEMO", "NumbersAPI"]

DEMO = Path(__file__).parents[2] / "docs" / "demo" / "checkpoint"


class NumbersAPI(litserve.LitAPI):
    """Answer texts, several at once."""

    def setup(self, device: str) -> None:
        self.model = AutoModelForSeq2SeqLM.from_pretrained(DEMO).to(device)
        self.tokenizer = AutoTokenizer.from_pretrained(DEMO)

    def decode_request(self, request: dict[str, str]) -> str:
        return request["text"]

    def predict(self, texts: list[str]) -> list[str]:
        inputs = self.tokenizer(texts, padding=True, return_tensors="pt")
        ids = self.model.generate(**inputs)
        return list(self.tokenizer.batch_decode(ids, skip_special_tokens=True))

    def encode_response(self, output: str) -> dict[str, str]:
        return {"answer": output}
