from automodel_core.families.clip.configuration import (
    ImageTowerConfig as ImageTowerConfig,
    TextTowerConfig as TextTowerConfig,
    TwoTowerConfig as TwoTowerConfig,
)
from automodel_core.families.clip.first_values import (
    TowerPreTrainedModel as TowerPreTrainedModel,
)
from automodel_core.families.clip.heads import (
    ImageTowerForImageClassification as ImageTowerForImageClassification,
)
from automodel_core.families.clip.names import (
    IMAGE_TOWER_NAMES as IMAGE_TOWER_NAMES,
    TEXT_TOWER_NAMES as TEXT_TOWER_NAMES,
    tower_names as tower_names,
)
from automodel_core.families.clip.pair import ProjectedTowers as ProjectedTowers
from automodel_core.families.clip.tokenization import (
    CLIPFamilyTokenizer as CLIPFamilyTokenizer,
)
from automodel_core.families.clip.towers import (
    CausalTextTower as CausalTextTower,
    ClassTokenTower as ClassTokenTower,
    ImageEmbeddings as ImageEmbeddings,
    ImageTower as ImageTower,
    TextTower as TextTower,
    tower_layer as tower_layer,
)
