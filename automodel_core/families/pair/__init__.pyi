from automodel_core.families.pair.configuration import CompositeConfig as CompositeConfig
from automodel_core.families.pair.modeling import CompositeModel as CompositeModel
