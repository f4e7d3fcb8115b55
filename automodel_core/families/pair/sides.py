"""The two models of a composite, and which of their weights are one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from automodel_core.errors import ConfigurationError
from automodel_core.families.pair.configuration import CompositeConfig
from automodel_core.modeling.pretrained.base import PreTrainedModel

__all__ = ["TiedSides"]

Ties = Mapping[str, str]


class TiedSides(PreTrainedModel):
    """An ``encoder`` and a ``decoder``, each with ties of its own, and some between them."""

    config: CompositeConfig
    encoder: PreTrainedModel
    decoder: PreTrainedModel

    def sides(self) -> dict[str, PreTrainedModel]:
        """Return the models of both sides by their names in the configuration."""
        return {"encoder": self.encoder, "decoder": self.decoder}

    def needs(self, name: str) -> bool:
        side, _, rest = name.partition(".")
        sides = self.sides()
        return sides[side].needs(rest) if side in sides else True

    def segments_in_fp32(self) -> tuple[str, ...]:
        return tuple(s for side in self.sides().values() for s in side.segments_in_fp32())

    def ties(self) -> dict[str, str]:
        return {**self._of_sides(lambda side: side.ties()), **self.ties_between()}

    def ties_in_force(self) -> dict[str, str]:
        """Return the ties within each side.

        Ties between the sides exist in memory only; files store both weights, because current
        readers do not tie them again.
        """
        return self._of_sides(lambda side: side.ties_in_force())

    def ties_to_load(self) -> dict[str, str]:
        return {**self._of_sides(lambda side: side.ties_to_load()), **self.ties_between()}

    def ties_between(self) -> dict[str, str]:
        """Return the ties of the encoder's weights to the decoder's, if ``tie_encoder_decoder``.

        Raises `ConfigurationError` for sides whose weights have other names or shapes.
        """
        if not self.config.tie_encoder_decoder:
            return {}
        body = ".".join(filter(None, ("decoder", self.decoder.body)))
        sources = dict(self.get_submodule(body).named_parameters(remove_duplicate=False))
        targets = dict(self.encoder.named_parameters(remove_duplicate=False))
        same = [name for name in targets if name in sources]
        if not same or any(targets[name].shape != sources[name].shape for name in same):
            raise ConfigurationError(
                "tie_encoder_decoder=True needs an encoder and a decoder of one architecture and "
                f"one size, not a {type(self.encoder).__name__} and a {type(self.decoder).__name__}"
            )
        return {f"encoder.{name}": f"{body}.{name}" for name in same}

    def tie_weights(self) -> None:
        for side in self.sides().values():
            side.tie_weights()
        self._tie(self.ties_between())

    def untie(self, names: Iterable[str]) -> None:
        names, between = list(names), self.ties_between()
        if any(name in between for name in names):
            self.config.tie_encoder_decoder = False
        inside = [name for name in names if name not in between]
        for side, model in self.sides().items():
            own = (name for name in inside if name.startswith(f"{side}."))
            model.untie(name.partition(".")[2] for name in own)

    def _of_sides(self, ties: Callable[[PreTrainedModel], Ties]) -> dict[str, str]:
        return {
            f"{side}.{target}": f"{side}.{source}"
            for side, model in self.sides().items()
            for target, source in ties(model).items()
        }
