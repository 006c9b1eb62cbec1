"""A chat server in the style of many tutorials, for the contract to find fault with. It knows nothing of chatlab.

    python tests/foreign_chat.py [PORT]
"""

import socket
import sys
import threading

clients = {}


def broadcast(message, sender=None):
    for client in list(clients):
        if client is not sender:
            client.send(f"{message}\n".encode())


def ask_for_name(client):
    client.send("Welcome to the chat! What is your name?\n".encode())
    while True:
        name = client.recv(1024).decode().strip()
        if name and name not in clients.values():
            return name
        client.send("That name is taken, try another.\n".encode())


def handle_client(client):
    name = None
    try:
        name = ask_for_name(client)
        clients[client] = name
        client.send(f"Hello {name}! Type /users to see who is here, /quit to leave.\n".encode())
        broadcast(f"{name} has joined the chat", client)
        while True:
            message = client.recv(1024).decode()
            if not message:
                break
            message = message.strip()
            if message == "/quit":
                client.send("Goodbye!\n".encode())
                break
            if message == "/users":
                client.send(f"Online: {', '.join(clients.values())}\n".encode())
            else:
                broadcast(f"{name}: {message}", client)
    except (OSError, UnicodeDecodeError) as error:
        print(f"{name}: {error}")
    finally:
        if clients.pop(client, None):
            broadcast(f"{name} has left the chat")
        client.close()


def main():
    port = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    server = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind(("127.0.0.1", port))
    server.listen()
    print(f"Listening on port {server.getsockname()[1]}", flush=True)
    while True:
        client, address = server.accept()
        threading.Thread(target=handle_client, args=(client,), daemon=True).start()


if __name__ == "__main__":
    main()
