"""`kill -9` at random moments of a run."""

# A run that is killed more often says little more, and takes longer.
_MOST_KILLS = 3


def at_random_moments(ground, subject):
    """Runs that are killed once or more, and then go on to their end."""
    while True:
        seconds = ground.undisturbed(subject).seconds
        folder, num_killed = ground.new_folder(), 0
        for _ in range(ground.rng.integers(_MOST_KILLS) + 1):
            child = ground.start(subject, folder)
            if child.wait(ground.rng.uniform(0.0, seconds)) is not None:
                break  # it was quicker
            child.kill()
            num_killed += 1
        yield [None] * (num_killed - 1) + [ground.conclude(subject, folder)]
