from automodel_core.checkpoint.formats.choice import open_weights as open_weights
from automodel_core.checkpoint.formats.header import (
    FileHeader as FileHeader,
    TensorInfo as TensorInfo,
    open_file as open_file,
)
from automodel_core.checkpoint.formats.joined import JoinedTensors as JoinedTensors, Parts as Parts
from automodel_core.checkpoint.formats.mapped import MappedTensors as MappedTensors
from automodel_core.checkpoint.formats.pickled import open_pickled as open_pickled
from automodel_core.checkpoint.formats.safetensors import open_safetensors as open_safetensors
from automodel_core.checkpoint.formats.tensors import (
    LazyTensors as LazyTensors,
    MemoryTensors as MemoryTensors,
    ShardedTensors as ShardedTensors,
)
from automodel_core.checkpoint.formats.translated import (
    Translation as Translation,
    kernel_axes as kernel_axes,
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
