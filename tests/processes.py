"""Several processes that know one another, as TF_CONFIG tells TensorFlow."""

import concurrent.futures
import contextlib
import json
import random
import socket
import subprocess
import sys

from fresh_process import environment


def start(code, *arguments):
    """Starts two processes that train together.

    Args:
        code: of Python, run by each.
        arguments: of the command; a list gives each process its own.

    Returns:
        List of `subprocess.Popen`.
    """
    addresses = [f"127.0.0.1:{port}" for port in _free_ports(2)]
    processes = []
    for index in range(2):
        task = {"type": "worker", "index": index}
        config = json.dumps({"cluster": {"worker": addresses}, "task": task})
        own = [a[index] if isinstance(a, list) else a for a in arguments]
        process = subprocess.Popen(
            [sys.executable, "-c", code, *map(str, own)],
            env=environment() | {"TF_CONFIG": config},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        processes.append(process)
    return processes


def together(code, *arguments, timeout=300):
    """Lines of JSON that each of two processes printed, which have to succeed.

    They wait for one another, so none may fill its pipe while another one is read.
    """
    processes = start(code, *arguments)
    try:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            ended = list(pool.map(lambda p: p.communicate(timeout=timeout), processes))
    finally:
        for process in processes:
            process.kill()
    for process, (_, errors) in zip(processes, ended, strict=True):
        assert process.returncode == 0, errors[-3000:]
    return [
        [json.loads(line) for line in out.splitlines() if line.startswith("{")]
        for out, _ in ended
    ]


def _free_ports(number):
    """Below those that systems give to outgoing connections, such as other tests'."""
    sockets = []
    while len(sockets) < number:
        with contextlib.suppress(OSError):
            port = random.SystemRandom().randrange(20_000, 30_000)
            sockets.append(socket.create_server(("127.0.0.1", port)))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
