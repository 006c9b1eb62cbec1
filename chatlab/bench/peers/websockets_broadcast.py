"""A chat on the websockets library, with its `broadcast`."""

import asyncio
import sys

from websockets.asyncio.server import broadcast, serve

connections = set()


async def visit(websocket):
    """Serve one client."""
    await websocket.send("* What is your name?")
    name = await websocket.recv()
    await websocket.send(f"* Welcome, {name}.")
    connections.add(websocket)
    try:
        async for text in websocket:
            broadcast(connections - {websocket}, f"{name}: {text}")
    finally:
        connections.discard(websocket)


async def main(port):
    """Serve until the process is ended."""
    async with serve(visit, "127.0.0.1", port, compression=None, backlog=1024) as server:
        await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
