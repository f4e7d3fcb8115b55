from tokenizers import AddedToken as AddedToken

from automodel_core.preprocessing.tensors import TensorType as TensorType
from automodel_core.text.chat.tools import tool_schema as tool_schema
from automodel_core.text.ctc import (
    TimedText as TimedText,
    timed_symbols as timed_symbols,
    timed_words as timed_words,
)
from automodel_core.text.encoding.added_tokens import (
    TokenLike as TokenLike,
    added_token as added_token,
)
from automodel_core.text.encoding.batch import (
    BatchEncoding as BatchEncoding,
    CharSpan as CharSpan,
    TokenSpan as TokenSpan,
)
from automodel_core.text.encoding.lengths import (
    PaddingStrategy as PaddingStrategy,
    TruncationStrategy as TruncationStrategy,
)
from automodel_core.text.encoding.post_processor import (
    Template as Template,
    bos_eos_processor as bos_eos_processor,
    typed_pairs_processor as typed_pairs_processor,
)
from automodel_core.text.encoding.request import EncodeRequest as EncodeRequest, Text as Text
from automodel_core.text.encoding.rust import (
    Backend as Backend,
    backend_from as backend_from,
    rust_errors as rust_errors,
)
from automodel_core.text.subwords.byte_level import (
    ByteLevelTokenizer as ByteLevelTokenizer,
    FramedByteLevelTokenizer as FramedByteLevelTokenizer,
)
from automodel_core.text.subwords.pieces import SentencePieceTokenizer as SentencePieceTokenizer
from automodel_core.text.subwords.sentencepiece import (
    SPACE as SPACE,
    Piece as Piece,
    PieceType as PieceType,
    SentencePieceModel as SentencePieceModel,
    copy_model as copy_model,
    refuse_sampling as refuse_sampling,
    sentencepiece_normalizers as sentencepiece_normalizers,
    sentencepiece_pipeline as sentencepiece_pipeline,
)
from automodel_core.text.subwords.word_end import WordEndTokenizer as WordEndTokenizer
from automodel_core.text.subwords.wordpiece import WordPieceTokenizer as WordPieceTokenizer
from automodel_core.text.tables import Table as Table
from automodel_core.text.tokenizer.tokenizer import (
    PreTrainedTokenizer as PreTrainedTokenizer,
    PreTrainedTokenizerBase as PreTrainedTokenizerBase,
    PreTrainedTokenizerFast as PreTrainedTokenizerFast,
    TokenizersBackend as TokenizersBackend,
)
