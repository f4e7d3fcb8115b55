from automodel_flax.msgpack import open_msgpack as open_msgpack
from automodel_flax.names import translate_flax as translate_flax
