"""What two records of options differ in."""

# Options of a kind of data; which there are is seen only where the data are.
_OF_DATA = ("data_options.", "converted_with.")


def grown(saved, config, growing) -> list:
    """Names of those options in `growing` that are larger now.

    None unless the first of them is.
    """
    more = [name for name in growing if name in saved and config[name] > saved[name]]
    return more if more[:1] == list(growing[:1]) else []


def differences(saved, config, changeable=()):
    """What differs between two configurations, as text."""
    old, new = _flat(saved), _flat(config)
    return [
        f"{key} {old.get(key)!r} -> {new.get(key)!r}"
        for key in sorted((old.keys() | new.keys()) - set(changeable))
        if old.get(key) != new.get(key) and not _is_unknown(key, old, new)
    ]


def _is_unknown(key, old, new):
    """Whether it is a default of data that one of the two could not look at."""
    return key.startswith(_OF_DATA) and not (key in old and key in new)


def _flat(config, prefix=""):
    """Options by name, those within a dict as "dict.name"."""
    flat = {}
    for key, value in config.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
        else:
            flat[prefix + key] = value
    return flat
