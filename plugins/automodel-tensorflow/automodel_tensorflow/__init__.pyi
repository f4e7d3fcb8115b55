from automodel_tensorflow.bundle import open_bundle as open_bundle
from automodel_tensorflow.keras import KerasFile as KerasFile, open_h5 as open_h5
from automodel_tensorflow.names import (
    translate_bundle as translate_bundle,
    translate_keras as translate_keras,
)
