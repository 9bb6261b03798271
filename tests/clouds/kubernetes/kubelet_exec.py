"""The kubelet's own HTTPS interface: exec by WebSocket, and logs."""
import base64
import hashlib
import json
import os
import socket
import ssl
import struct
import threading
import time
import urllib.parse


class KubeletServer:
    """One for all nodes: they have one address."""

    def __init__(self, kubelets):
        self.kubelets = kubelets

    def serve(self):
        listener = socket.socket(socket.AF_INET6 if ":" in self.kubelets.node_address else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((self.kubelets.node_address, self.kubelets.port))
        listener.listen(64)
        context = None
        if self.kubelets.certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self.kubelets.certificate, self.kubelets.key)
        while True:
            connection, _ = listener.accept()
            threading.Thread(target=self.serve_one, args=(connection, context), daemon=True).start()

    def serve_one(self, connection, context):
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if context:
                connection = context.wrap_socket(connection, server_side=True)
            head = b""
            while b"\r\n\r\n" not in head:
                piece = connection.recv(65536)
                if not piece:
                    return
                head += piece
            head, rest = head.split(b"\r\n\r\n", 1)
            lines = head.decode().split("\r\n")
            headers = {}
            for line in lines[1:]:
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            self.answer(connection, lines[0].split()[1], headers, rest)
        except (OSError, ValueError, IndexError):
            pass
        finally:
            try:
                connection.close()
            except OSError:
                pass

    def find(self, space, name):
        for node in self.kubelets.nodes.values():
            if node.lost:
                continue
            for process in list(node.pods.values()):
                if process.pod["metadata"]["name"] == name and process.pod["metadata"]["namespace"] == space:
                    return process
        return None

    def plain(self, connection, status, text, kind="text/plain"):
        body = text.encode()
        connection.sendall(f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)

    def answer(self, connection, target, headers, rest):
        url = urllib.parse.urlsplit(target)
        query = urllib.parse.parse_qs(url.query)
        parts = url.path.strip("/").split("/")
        process = self.find(parts[1], parts[2]) if len(parts) >= 4 else None
        if not process:
            return self.plain(connection, "404 Not Found", "pod does not exist")
        if parts[0] == "containerLogs":
            with open(os.path.join(process.folder, "log"), errors="replace") as log:
                return self.plain(connection, "200 OK", log.read())
        if parts[0] != "exec" or "websocket" not in headers.get("upgrade", "").lower():
            return self.plain(connection, "400 Bad Request", "exec by WebSocket alone")
        offered = [word.strip() for word in headers.get("sec-websocket-protocol", "").split(",")]
        protocol = next((each for each in self.kubelets.protocols if each in offered), None)
        if not protocol:
            return self.plain(connection, "403 Forbidden", "no protocol in common")
        words = query.get("command", [])
        # What was piped through a proxy may have another spelling.
        stdin = query.get("stdin", query.get("input", ["0"]))[0] in ("1", "true")
        child = process.exec(words, stdin)
        accept = base64.b64encode(hashlib.sha1((headers["sec-websocket-key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").encode()).digest()).decode()
        connection.sendall(("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                            f"Sec-WebSocket-Accept: {accept}\r\nSec-WebSocket-Protocol: {protocol}\r\n\r\n").encode())
        Exec(connection, child, protocol, rest).run()


class Exec:
    """Channels over a WebSocket, and a process."""

    def __init__(self, connection, child, protocol, rest):
        self.connection, self.child, self.protocol, self.buffer = connection, child, protocol, rest
        self.mutex = threading.Lock()

    def send(self, opcode, payload):
        head = bytes([0x80 | opcode])
        if len(payload) < 126:
            head += bytes([len(payload)])
        elif len(payload) < 65536:
            head += struct.pack("!BH", 126, len(payload))
        else:
            head += struct.pack("!BQ", 127, len(payload))
        with self.mutex:
            self.connection.sendall(head + payload)

    def take(self, count):
        while len(self.buffer) < count:
            piece = self.connection.recv(65536)
            if not piece:
                raise EOFError
            self.buffer += piece
        taken, self.buffer = self.buffer[:count], self.buffer[count:]
        return taken

    def frame(self):
        first, second = self.take(2)
        length = second & 0x7F
        if length == 126:
            length = struct.unpack("!H", self.take(2))[0]
        elif length == 127:
            length = struct.unpack("!Q", self.take(8))[0]
        if not second & 0x80:
            raise EOFError  # a client masks
        mask = self.take(4)
        payload = self.take(length)
        key = int.from_bytes((mask * (length // 4 + 1))[:length], "big") if length else 0
        return first & 0x0F, (int.from_bytes(payload, "big") ^ key).to_bytes(length, "big") if length else b""

    def listen(self):
        try:
            while True:
                opcode, payload = self.frame()
                if opcode == 8:
                    break
                if opcode == 9:
                    self.send(10, payload)
                elif opcode in (1, 2) and payload:
                    if payload[0] == 0 and self.child.stdin:
                        self.child.stdin.write(payload[1:])
                        self.child.stdin.flush()
                    elif payload[0] == 255 and payload[1:2] == b"\0" and self.protocol.startswith("v5") and self.child.stdin:
                        self.child.stdin.close()
        except (EOFError, OSError, ValueError):
            pass
        try:
            if self.child.stdin:
                self.child.stdin.close()
        except OSError:
            pass

    def carry(self, stream, channel):
        try:
            while True:
                piece = os.read(stream.fileno(), 32768)
                if not piece:
                    return
                self.send(2, bytes([channel]) + piece)
        except (OSError, ValueError):
            return

    def run(self):
        try:
            for channel in (0, 1, 2):
                self.send(2, bytes([channel]) if channel else b"\1")
            if self.child is None:
                status = {"metadata": {}, "status": "Failure", "message": "container not found", "reason": "InternalError", "code": 500}
                return self.send(2, b"\3" + json.dumps(status).encode())
            carriers = [threading.Thread(target=self.carry, args=(stream, channel), daemon=True)
                        for stream, channel in ((self.child.stdout, 1), (self.child.stderr, 2))]
            for carrier in carriers:
                carrier.start()
            threading.Thread(target=self.listen, daemon=True).start()
            code = self.child.wait()
            for carrier in carriers:
                carrier.join(2)
            if code == 0:
                status = {"metadata": {}, "status": "Success"}
            else:
                code = 128 - code if code < 0 else code
                status = {"metadata": {}, "status": "Failure", "message": f"command terminated with non-zero exit code: {code}",
                          "reason": "NonZeroExitCode", "details": {"causes": [{"reason": "ExitCode", "message": str(code)}]}}
            self.send(2, b"\3" + json.dumps(status).encode())
            self.send(8, struct.pack("!H", 1000))
            self.connection.settimeout(1)
            time.sleep(0.05)
        except OSError:
            pass
        finally:
            if self.child and self.child.poll() is None:
                self.child.kill()
