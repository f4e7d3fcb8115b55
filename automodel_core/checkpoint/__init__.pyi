from automodel_core.checkpoint.formats.choice import open_weights as open_weights
from automodel_core.checkpoint.formats.safetensors_header import TensorInfo as TensorInfo
from automodel_core.checkpoint.formats.tensors import (
    LazyTensors as LazyTensors,
    MemoryTensors as MemoryTensors,
    ShardedTensors as ShardedTensors,
)
from automodel_core.checkpoint.loading.report import (
    LoadingInfo as LoadingInfo,
    LoadReport as LoadReport,
    Mismatch as Mismatch,
    WeightRecord as WeightRecord,
)
from automodel_core.checkpoint.names.table import WeightNames as WeightNames
from automodel_core.checkpoint.places.folder import LocalFiles as LocalFiles
from automodel_core.checkpoint.places.locks.lock import Lock as Lock
from automodel_core.checkpoint.places.options import HubOptions as HubOptions
from automodel_core.checkpoint.places.source import (
    CheckpointFiles as CheckpointFiles,
    HeaderEntry as HeaderEntry,
    open_checkpoint as open_checkpoint,
)
from automodel_core.checkpoint.save import save_weights as save_weights
