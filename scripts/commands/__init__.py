"""The command `tfsigmavae`: what its verbs read and print.

Imported as `tfsigmavae_commands`. Nothing heavy is imported before flags are read, so
that help and mistakes in flags take no time.
"""
