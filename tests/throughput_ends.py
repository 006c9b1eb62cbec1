"""The two ends of a stream, each as a program of its own, for measuring what lies between them.

    throughput_ends.py receive        prints its port; answers each stream, at its end, with the
                                      seconds of the processor that it took here
    throughput_ends.py send SIZE      for each port that it reads, sends so many bytes there and prints
                                      the seconds until the answer, and those of the processor at both ends
"""

import socket
import sys
from time import perf_counter, process_time

BLOCK = bytes(64 * 1024)
RECV_BYTES = 512 * 1024


def receive():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(listener.getsockname()[1], flush=True)
        while True:
            sock, _ = listener.accept()
            with sock:
                work = process_time()
                while sock.recv(RECV_BYTES):
                    pass
                sock.sendall(str(process_time() - work).encode())


def send(size):
    for port in sys.stdin:
        start, work = perf_counter(), process_time()
        with socket.create_connection(("127.0.0.1", int(port))) as sock:
            for _ in range(size // len(BLOCK)):
                sock.sendall(BLOCK)
            sock.shutdown(socket.SHUT_WR)
            with sock.makefile() as answer:
                receivers_work = float(answer.read())
        print(perf_counter() - start, process_time() - work + receivers_work, flush=True)


if __name__ == "__main__":
    receive() if sys.argv[1] == "receive" else send(int(sys.argv[2]))
