from automodel_core.exporting.decoding import (
    DecodingStart as DecodingStart,
    DecodingStep as DecodingStep,
    decode_greedily as decode_greedily,
)
from automodel_core.exporting.inputs import (
    dynamic_sizes as dynamic_sizes,
    example_inputs as example_inputs,
)
from automodel_core.exporting.programs import (
    Exported as Exported,
    export_model as export_model,
)
