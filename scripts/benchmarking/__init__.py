"""The parts of `benchmark.py`: paired measurements in processes of their own.

    cases         what is compared, with which settings; a new case is one entry here
    benchmark     one case from its gate to its result
    processes     the driver's side of a worker;   worker    the worker's side
    rounds        in turn, order reversed;         summary   medians, ratios, shares
    gate          what must be equal before any timing counts
    svg, generation, image_vae, pipeline, fitting, peak      what a worker runs
    peer, peer_training, peer_generation     the same for a checkout of official code
    flops         multiply-accumulates of the structures that run
    environment, report, plots                               around the figures

Nothing here imports TensorFlow but what a worker runs and the gate.
"""
