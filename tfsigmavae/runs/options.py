"""What two records of options differ in."""

# Options of a kind of data; which there are is seen only where the data are.
_OF_DATA = ("data_options.", "converted_with.")


def grown(saved, config, growing) -> list:
    """Names of those options in `growing` that are larger now.

    None unless the first of them is.
    """
    numbers = [n for n in growing if isinstance(saved.get(n), (int, float))]
    more = [name for name in numbers if config[name] > saved[name]]
    return more if more[:1] == list(growing[:1]) else []


def differences(saved, config, changeable=()):
    """What differs between two configurations, as text."""
    old, new = flat(saved), flat(config)
    return [
        f"{key} {old.get(key)!r} -> {new.get(key)!r}"
        for key in sorted((old.keys() | new.keys()) - set(changeable))
        if old.get(key) != new.get(key) and not _is_unknown(key, old, new)
    ]


def _is_unknown(key, old, new):
    """Whether it is a default of data that one of the two could not look at."""
    return key.startswith(_OF_DATA) and not (key in old and key in new)


def flat(config, prefix="") -> dict:
    """Options by name, those within a dict as "dict.name"."""
    found = {}
    for key, value in config.items():
        if isinstance(value, dict):
            found |= flat(value, f"{prefix}{key}.")
        else:
            found[prefix + key] = value
    return found
