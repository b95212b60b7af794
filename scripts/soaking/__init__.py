"""The parts of `soak.py`: attacks on runs, files and served models, and their table.

    rows        what is attacked, and the time that each has;   table   what was seen
    ground      data, undisturbed runs, folders and chance
    children    processes that may be killed;   runs     what they run
    record      what of a run folder must be the same, bit for bit
    kills       at random moments;   moments   inside every write
    damage      damaged checkpoints;   signals   SIGTERM, and two writers of a folder
    mutants     damaged data files;   serving, served_requests   bad requests

An attack is a generator of lists: for every try `None`, or what went wrong. The process
that runs them imports TensorFlow and does not compute with it: its children, which are
forked off, would wait for threads that they do not have.
"""
