"""The base of image processors: settings with a file, and the way from images to tensors."""

from __future__ import annotations

import copy
import json
import logging
import os
import tempfile
import warnings
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from torch import Tensor

from automodel_core.checkpoint.places.json_files import read_json, write_json
from automodel_core.checkpoint.places.options import HubOptions
from automodel_core.checkpoint.places.source import open_checkpoint
from automodel_core.errors import (
    CheckpointNotFoundError,
    ConfigurationError,
    InputError,
    shown,
)
from automodel_core.fields import Field, fields_of
from automodel_core.vision.features import BatchFeature
from automodel_core.vision.images import FIRST, LAST, flatten_images, image_tensor
from automodel_core.vision.settings import (
    NORMALISERS,
    ChannelValues,
    Resample,
    Resampling,
    Size,
    size_dict,
)
from automodel_core.vision.transforms import (
    center_crop,
    normalize,
    output_size,
    pad,
    rescale,
    resize,
)

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["BaseImageProcessor"]

logger = logging.getLogger(__name__)

FILE = "preprocessor_config.json"
JOINT_FILE = "processor_config.json"
SIZES = ("size", "crop_size", "pad_size")
NOT_SETTINGS = frozenset(
    {
        *("_processor_class", "_valid_processor_keys", "auto_map", "backend", "disable_grouping"),
        *("feature_extractor_type", "image_processor_type", "input_data_format", "data_format"),
        *("device", "image_seq_length", "return_tensors", "use_fast"),
    }
)
"""Keys of files and arguments that say nothing about the images, or nothing here."""
CALL_ARGUMENTS = frozenset({"data_format", "device", "input_data_format", "return_tensors"})


class BaseImageProcessor:
    """Turns images into ``pixel_values``, by settings that a file holds and a call may override.

    A subclass declares the settings that its files have, as annotated class attributes with
    their defaults, and may add steps to `transform`. Unknown keys of a file are kept, and written
    back.
    """

    model_input_names: ClassVar[tuple[str, ...]] = ("pixel_values",)
    default_to_square: bool = True
    """Whether one number as size means height and width, or the shortest edge."""

    do_convert_rgb: bool | None = None
    do_resize: bool | None = True
    size: Size = None
    resample: Resample = int(Resampling.BILINEAR)
    do_center_crop: bool | None = None
    crop_size: Size = None
    do_rescale: bool | None = True
    rescale_factor: float = 1 / 255
    do_normalize: bool | None = True
    image_mean: ChannelValues = None
    image_std: ChannelValues = None
    do_pad: bool | None = None
    pad_size: Size = None

    def __init__(self, **settings: Any) -> None:
        self._processor_class: str | None = settings.pop("processor_class", None)
        given = {key: value for key, value in settings.items() if key not in NOT_SETTINGS}
        fields = self._fields()
        for name in sorted(fields, key=_sizes_last):
            value = given.pop(name, None)
            setattr(self, name, fields[name].new_default() if value is None else value)
        for name, value in given.items():
            setattr(self, name, value)

    @classmethod
    def _fields(cls) -> Mapping[str, Field]:
        fields: Mapping[str, Field] = fields_of(cls, BaseImageProcessor)  # type: ignore[arg-type]
        return fields

    def __setattr__(self, name: str, value: Any) -> None:
        if name in SIZES:
            value = size_dict(value, name, square=self.default_to_square or name != "size")
        field = self._fields().get(name)
        if field is not None:
            value = self._checked(field, NORMALISERS.get(name, _same)(value))
        object.__setattr__(self, name, value)

    def _checked(self, field: Field, value: Any) -> Any:
        try:
            return field.check(value)
        except ValueError as error:
            raise ConfigurationError(
                f"{type(self).__name__}: {field.name}={shown(value)} cannot be used: "
                f"expected {error}"
            ) from None

    # ---- images in, tensors out ----

    def __call__(self, images: Any, **kwargs: Any) -> BatchFeature:
        """Do what `preprocess` says."""
        return self.preprocess(images, **kwargs)

    def preprocess(
        self,
        images: Any,
        *,
        return_tensors: Any = None,
        data_format: Any = FIRST,
        input_data_format: Any = None,
        device: Any = None,
        **settings: Any,
    ) -> BatchFeature:
        """Return ``pixel_values``: a batch with ``return_tensors``, without it a list of tensors.

        ``images`` is an image or lists of them: Pillow's, NumPy arrays, tensors or paths of files.
        ``settings`` override those of the processor for this call, unless they are ``None``.
        Raises `InputError` for what is no image and for settings that do not exist.
        """
        here = self._with(settings)
        singles = flatten_images(images)
        if not singles:
            raise InputError("there are no images to process")
        tensors = []
        for single in singles:
            image = image_tensor(
                single, convert_rgb=bool(here.do_convert_rgb), data_format=_plain(input_data_format)
            )
            tensors.append(here.transform(image if device is None else image.to(device)))
        if here.do_pad:
            tensors = here.pad_batch(tensors)
        layout = _plain(data_format) or FIRST
        if layout not in (FIRST, LAST):
            raise InputError(f"data_format={shown(layout)} is not {FIRST!r} or {LAST!r}")
        if layout == LAST:
            tensors = [tensor.permute(1, 2, 0) for tensor in tensors]
        return BatchFeature({"pixel_values": tensors}, return_tensors)

    def transform(self, image: Tensor) -> Tensor:
        """Return one image ``(channels, height, width)`` as the model sees it, but for padding."""
        if self.do_resize:
            size = output_size(image.shape, self._required("size", "do_resize"))
            image = resize(image, size, self.resample)
        if self.do_center_crop:
            size = output_size(image.shape, self._required("crop_size", "do_center_crop"))
            image = center_crop(image, *size)
        return self.scale(image)

    def scale(self, image: Tensor) -> Tensor:
        """Return the image with its numbers in the range that the model was trained with."""
        if self.do_rescale:
            if image.is_floating_point() and image.min() >= 0 and image.max() <= 1:
                logger.warning(
                    "An image of numbers from 0 to 1 is about to be rescaled, as if they went to "
                    "255. do_rescale=False leaves them as they are."
                )
            image = rescale(image, self.rescale_factor)
        if self.do_normalize:
            mean = self._required("image_mean", "do_normalize")
            image = normalize(image, mean, self._required("image_std", "do_normalize"))
        return image

    def pad_batch(self, images: list[Tensor]) -> list[Tensor]:
        """Return images of one size, ``pad_size`` or that of the largest, zeros right and below."""
        largest = [max(image.shape[axis] for image in images) for axis in (-2, -1)]
        height, width = output_size(largest, self.pad_size) if self.pad_size else largest
        for image in images:
            if image.shape[-2] > height or image.shape[-1] > width:
                raise InputError(
                    f"an image of {image.shape[-2]} x {image.shape[-1]} cannot be padded to "
                    f"pad_size, {height} x {width}"
                )
        return [
            pad(image, bottom=height - image.shape[-2], right=width - image.shape[-1])
            for image in images
        ]

    def _required(self, name: str, step: str) -> Any:
        value = vars(self)[name]
        if value is None:
            raise InputError(f"{step}=True needs {name}, which {type(self).__name__} has not")
        return value

    def _with(self, settings: Mapping[str, Any]) -> Self:
        """Return a copy in which ``settings`` hold; those of ``None`` change nothing."""
        unknown = [key for key in settings if not self.accepts(key)]
        if unknown:
            near = get_close_matches(unknown[0], self._fields(), n=1)
            question = f" (did you mean {near[0]!r}?)" if near else ""
            raise InputError(
                f"{type(self).__name__} has no setting {shown(unknown[0])}{question}; it has "
                f"{', '.join(self._fields())}"
            )
        changed = {k: v for k, v in settings.items() if v is not None and k not in NOT_SETTINGS}
        if not changed:
            return self
        here = copy.copy(self)
        for name in sorted(changed, key=_sizes_last):
            setattr(here, name, changed[name])
        return here

    @classmethod
    def accepts(cls, key: str) -> bool:
        """Return whether a call takes an argument of this name."""
        return key in cls._fields() or key in NOT_SETTINGS or key in CALL_ARGUMENTS

    # ---- files ----

    @classmethod
    def from_pretrained(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> Any:
        """Load from a folder, a file, or the hub; keywords override the file's settings.

        With ``return_unused_kwargs=True`` the result is ``(processor, unused)``. Raises
        `CheckpointNotFoundError` that lists the files present.
        """
        values, kwargs = cls.get_image_processor_dict(pretrained_model_name_or_path, **kwargs)
        return cls.from_dict(values, **kwargs)

    @classmethod
    def get_image_processor_dict(
        cls, pretrained_model_name_or_path: str | os.PathLike[str], **kwargs: Any
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return the settings of a checkpoint, and the keywords that did not say where it is."""
        options, rest = HubOptions.split(kwargs)
        files = rest.pop("checkpoint", None)
        if os.path.isfile(pretrained_model_name_or_path):
            return _settings_in(read_json(pretrained_model_name_or_path)), rest
        files = files or open_checkpoint(pretrained_model_name_or_path, options)
        for name in (JOINT_FILE, FILE):
            path = files.find(name)
            values = {} if path is None else read_json(path)
            if path is not None and (name == FILE or "image_processor" in values):
                return _settings_in(values), rest
        raise CheckpointNotFoundError(
            f"{files.place} has no image processor: {FILE} was expected; {files.present()}"
        )

    @classmethod
    def from_dict(cls, image_processor_dict: Mapping[str, Any], **kwargs: Any) -> Any:
        """Build a processor from a file's keys; keywords as in `from_pretrained`."""
        return_unused = kwargs.pop("return_unused_kwargs", False)
        known = {key for key in kwargs if cls.accepts(key) or key in image_processor_dict}
        processor = cls(**{**image_processor_dict, **{key: kwargs[key] for key in known}})
        unused = {key: value for key, value in kwargs.items() if key not in known}
        if return_unused:
            return processor, unused
        if unused:
            warnings.warn(
                f"{cls.__name__} has no use for {', '.join(sorted(unused))}", stacklevel=3
            )
        return processor

    @classmethod
    def from_json_file(cls, json_file: str | os.PathLike[str]) -> Self:
        return cls(**read_json(json_file))

    def to_dict(self) -> dict[str, Any]:
        """Return the class's own settings, and others that are not at their default."""
        fields = self._fields()
        values = {
            name: copy.deepcopy(value)
            for name, value in vars(self).items()
            if not name.startswith("_")
            and (name not in fields or fields[name].own or value != fields[name].default)
        }
        if self._processor_class is not None:
            values["processor_class"] = self._processor_class
        return {**values, "image_processor_type": type(self).__name__}

    def to_json_string(self) -> str:
        return json.dumps(self.to_dict(), indent=2, sort_keys=True) + "\n"

    def to_json_file(self, json_file_path: str | os.PathLike[str]) -> None:
        write_json(json_file_path, self.to_dict())

    def save_pretrained(
        self, save_directory: str | os.PathLike[str], push_to_hub: bool = False, **kwargs: Any
    ) -> list[str]:
        """Write ``preprocessor_config.json`` and return its path; optionally upload the folder."""
        folder = Path(save_directory)
        if folder.is_file():
            raise NotADirectoryError(f"{shown(str(folder))} is a file; a folder is needed")
        folder.mkdir(parents=True, exist_ok=True)
        self.to_json_file(folder / FILE)
        if push_to_hub:
            from automodel_core.checkpoint.places.push import push_folder

            push_folder(folder, **{"commit_message": "Upload image processor", **kwargs})
        return [str(folder / FILE)]

    def push_to_hub(self, repo_id: str, **kwargs: Any) -> str:
        """Upload the settings to a hub repository and return the address of the commit."""
        from automodel_core.checkpoint.places.push import push_folder

        with tempfile.TemporaryDirectory() as folder:
            self.save_pretrained(folder)
            message = {"commit_message": "Upload image processor"}
            return push_folder(folder, repo_id, **{**message, **kwargs})

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and vars(self) == vars(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__} {self.to_json_string()}"


def _sizes_last(name: str) -> bool:
    """Return whether a setting is a size, which another one explains."""
    return name in SIZES


def _same(value: Any) -> Any:
    return value


def _plain(value: Any) -> Any:
    """Return an enumeration's member as its value."""
    return getattr(value, "value", value)


def _settings_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings of a file, which may nest them."""
    nested = values.get("image_processor")
    return dict(nested) if isinstance(nested, Mapping) else dict(values)
