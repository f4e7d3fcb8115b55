"""mBART's tokenizers: SentencePiece's pieces, and the code of each text's language."""

from __future__ import annotations

from typing import ClassVar

from automodel_core.families.fairseq import FairseqTokenizer
from automodel_core.text import TokenLike

LANGUAGES = (
    "ar_AR", "cs_CZ", "de_DE", "en_XX", "es_XX", "et_EE", "fi_FI", "fr_XX", "gu_IN", "hi_IN",
    "it_IT", "ja_XX", "kk_KZ", "ko_KR", "lt_LT", "lv_LV", "my_MM", "ne_NP", "nl_XX", "ro_RO",
    "ru_RU", "si_LK", "tr_TR", "vi_VN", "zh_CN",
)  # fmt: skip
MORE_LANGUAGES = (
    "af_ZA", "az_AZ", "bn_IN", "fa_IR", "he_IL", "hr_HR", "id_ID", "ka_GE", "km_KH", "mk_MK",
    "ml_IN", "mn_MN", "mr_IN", "pl_PL", "ps_AF", "pt_XX", "sv_SE", "sw_KE", "ta_IN", "te_IN",
    "th_TH", "tl_XX", "uk_UA", "ur_PK", "xh_ZA", "gl_ES", "sl_SI",
)  # fmt: skip


class MBartTokenizer(FairseqTokenizer):
    """25 languages, ``X </s> en_XX``."""

    language_codes = LANGUAGES
    default_languages = ("en_XX", "ro_RO")

    def _prefix_and_suffix_of(self, language: str) -> tuple[list[str], list[str]]:
        return [], [str(self.eos_token), language]


class MBart50Tokenizer(FairseqTokenizer):
    """52 languages, ``en_XX X </s>``."""

    language_codes = LANGUAGES + MORE_LANGUAGES
    default_languages = ("en_XX", "ro_RO")
    default_tokens: ClassVar[dict[str, TokenLike]] = {
        name: token
        for name, token in FairseqTokenizer.default_tokens.items()
        if name != "bos_token"
    }

    def _prefix_and_suffix_of(self, language: str) -> tuple[list[str], list[str]]:
        return [language], [str(self.eos_token)]


MBartTokenizerFast = MBartTokenizer
MBart50TokenizerFast = MBart50Tokenizer
