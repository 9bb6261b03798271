#!/usr/bin/env python3
"""Does of torchrun what a launcher must do before training: every node finds the first one at --master_addr, and all learn how many came.

PyTorch itself is a gigabyte; what isobar owes it is in the options, and they are taken as torchrun takes them.
"""
import argparse
import socket
import time

parser = argparse.ArgumentParser()
for name, kind in (("nnodes", int), ("node_rank", int), ("nproc_per_node", int), ("master_addr", str), ("master_port", int)):
    parser.add_argument("--" + name, type=kind, required=True)
parser.add_argument("script")
options = parser.parse_args()
end = time.time() + 20

if options.node_rank == 0:
    with socket.create_server((options.master_addr, options.master_port)) as server:
        server.settimeout(20)
        ranks, peers = {0}, []
        while len(ranks) < options.nnodes:
            peer, _ = server.accept()
            ranks.add(int(peer.makefile("r").readline()))
            peers.append(peer)
        for peer in peers:
            peer.sendall(f"{len(ranks)}\n".encode())
    world = len(ranks)
else:
    while True:
        try:
            peer = socket.create_connection((options.master_addr, options.master_port), timeout=20)
            break
        except ConnectionRefusedError:
            if time.time() > end:
                raise
            time.sleep(0.05)
    peer.sendall(f"{options.node_rank}\n".encode())
    world = int(peer.makefile("r").readline())
print(f"rank {options.node_rank} of {world} runs {options.script} with {options.nproc_per_node} process(es)", flush=True)
