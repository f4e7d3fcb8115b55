from automodel_blenderbot.configuration import (
    BlenderbotConfig as BlenderbotConfig,
    BlenderbotSmallConfig as BlenderbotSmallConfig,
)
from automodel_blenderbot.modeling import (
    BlenderbotForCausalLM as BlenderbotForCausalLM,
    BlenderbotForConditionalGeneration as BlenderbotForConditionalGeneration,
    BlenderbotModel as BlenderbotModel,
    BlenderbotPreTrainedModel as BlenderbotPreTrainedModel,
)
from automodel_blenderbot.small import (
    BlenderbotSmallForCausalLM as BlenderbotSmallForCausalLM,
    BlenderbotSmallForConditionalGeneration as BlenderbotSmallForConditionalGeneration,
    BlenderbotSmallModel as BlenderbotSmallModel,
    BlenderbotSmallPreTrainedModel as BlenderbotSmallPreTrainedModel,
)
from automodel_blenderbot.small_tokenization import (
    BlenderbotSmallTokenizer as BlenderbotSmallTokenizer,
    BlenderbotSmallTokenizerFast as BlenderbotSmallTokenizerFast,
)
from automodel_blenderbot.tokenization import (
    BlenderbotTokenizer as BlenderbotTokenizer,
    BlenderbotTokenizerFast as BlenderbotTokenizerFast,
)
