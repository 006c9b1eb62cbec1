"""A chat on asyncio streams: `write`, then `await drain()`, as the Python manual writes it."""

import asyncio
import sys

writers = set()


async def visit(reader, writer):
    """Serve one client."""
    writer.write(b"* What is your name?\n")
    name = (await reader.readline()).strip()
    writer.write(b"* Welcome, " + name + b".\n")
    writers.add(writer)
    try:
        while line := await reader.readline():
            for other in list(writers):
                if other is not writer:
                    other.write(name + b": " + line)
                    await other.drain()
    except ConnectionError:
        pass
    finally:
        writers.discard(writer)
        writer.close()


async def main(port):
    """Serve until the process is ended."""
    server = await asyncio.start_server(visit, "127.0.0.1", port, backlog=1024)
    async with server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
