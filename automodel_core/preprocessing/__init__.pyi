from automodel_core.preprocessing.batch import BatchFeature as BatchFeature
from automodel_core.preprocessing.preprocessor import Preprocessor as Preprocessor
from automodel_core.preprocessing.tensors import TensorType as TensorType
