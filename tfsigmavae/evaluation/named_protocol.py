"""What all protocols are: frozen, named, and plain about what was changed in them."""

import dataclasses
from typing import Any, ClassVar, TypeVar

from tfsigmavae.checks import check_choice

_Kind = TypeVar("_Kind", bound="NamedProtocol")


class NamedProtocol:
    """Base of protocols, which are frozen dataclasses with a `name`.

    A subclass writes `presets`, and names the fields that its presets leave open, to be
    filled in by model or caller: there that is no change.
    """

    open_fields = ()

    name: str
    __dataclass_fields__: ClassVar[dict[str, Any]]  # a subclass is one

    @classmethod
    def presets(cls) -> dict:
        """Name -> protocol of this kind."""
        raise NotImplementedError

    def as_dict(self) -> dict:
        """Every field, as JSON values, and which differ from the preset's."""
        fields = dataclasses.asdict(self) | {"modified": self.modified()}
        return {k: list(v) if isinstance(v, tuple) else v for k, v in fields.items()}

    def modified(self) -> dict:
        """Fields that are not those of the preset of this name: name -> value."""
        preset = self.presets().get(self.name)
        if preset is None:
            return {}
        own, others = dataclasses.asdict(self), dataclasses.asdict(preset)
        return {
            name: value
            for name, value in own.items()
            if value != others[name] and not self._is_open(name, others[name])
        }

    def _is_open(self, name, preset_value):
        return name in self.open_fields and not preset_value

    @classmethod
    def get(cls: type[_Kind], protocol: str | _Kind, **changes: Any) -> _Kind:
        """A protocol by its name, with some fields changed.

        Args:
            protocol: name of a preset, or a protocol.
            **changes: fields; `None` leaves the field alone.

        Returns:
            Protocol, which knows what was changed.

        Raises:
            TypeError: if there is no such field.
            ValueError: if there is no such preset, or a field is out of range.
        """
        found: Any = protocol
        if not isinstance(protocol, cls):
            check_choice("protocol", protocol, cls.presets())
            found = cls.presets()[protocol]
        fields = [field.name for field in dataclasses.fields(cls)]
        unknown = [name for name in changes if name not in fields]
        if unknown:
            raise TypeError(
                f"A protocol has no field {unknown[0]!r}. It has: {', '.join(fields)}."
            )
        changes = {name: value for name, value in changes.items() if value is not None}
        return dataclasses.replace(found, **changes)
