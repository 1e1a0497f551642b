"""Runs cells in the tslab kernel: python run_cells.py nbclient|websocket [FOLDER], cells as JSON on stdin, what each of them gave as JSON on stdout.

A cell is { "code": ..., "interrupt": text }: with `interrupt`, the stop button is pressed once when that text was printed (websocket only). The
websocket is the one that JupyterLab opens: its server with the configuration of this environment, and its protocol v1.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import time
import urllib.request
import uuid
from pathlib import Path

import nbformat
import websocket
from nbclient import NotebookClient

NOTEBOOKS = Path(sys.argv[2]) if len(sys.argv) > 2 else Path(__file__).resolve().parents[2] / "notebooks"
PROTOCOL = "v1.kernel.websocket.jupyter.org"
PARTS = ["channel", "header", "parent_header", "metadata", "content"]


def by_nbclient(cells):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell["code"]) for cell in cells])
    client = NotebookClient(notebook, timeout=120, kernel_name="tslab", allow_errors=True, resources={"metadata": {"path": str(NOTEBOOKS)}})
    executed = client.execute()
    return [{"outputs": [dict(output, kind=output.output_type) for output in cell.outputs]} for cell in executed.cells]


class Server:
    """JupyterLab's server with one kernel and a websocket to it."""

    def __init__(self):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.address = f"127.0.0.1:{free.getsockname()[1]}"
        self.token, port = uuid.uuid4().hex, self.address.split(":")[1]
        words = ["--no-browser", "--allow-root", f"--ServerApp.port={port}", f"--IdentityProvider.token={self.token}", f"--ServerApp.root_dir={NOTEBOOKS}"]
        self.process = subprocess.Popen([sys.executable, "-m", "jupyterlab", *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not self.answers():
            time.sleep(0.2)
        self.kernel = self.request("POST", "kernels", {"name": "tslab"})["id"]
        place = f"ws://{self.address}/api/kernels/{self.kernel}/channels?token={self.token}"
        self.socket = websocket.create_connection(place, subprotocols=[PROTOCOL], timeout=60)

    def request(self, method, path, body=None):
        address, headers = f"http://{self.address}/api/{path}", {"Authorization": f"token {self.token}"}
        data = json.dumps(body or {}).encode() if method == "POST" else None
        with urllib.request.urlopen(urllib.request.Request(address, method=method, headers=headers, data=data), timeout=60) as answer:
            return json.loads(answer.read() or "null")

    def answers(self):
        try:
            return bool(self.request("GET", "status"))
        except OSError:
            if self.process.poll() is not None:
                sys.exit("JupyterLab ended")
            return False

    def send(self, kind, content):
        header = {"msg_id": uuid.uuid4().hex, "msg_type": kind, "session": "test", "username": "", "date": "", "version": "5.3"}
        parts = [b"shell", *(json.dumps(part).encode() for part in (header, {}, {}, content))]
        offsets = [8 * (len(parts) + 2)]
        for part in parts:
            offsets.append(offsets[-1] + len(part))
        self.socket.send_binary(struct.pack(f"<{len(offsets) + 1}Q", len(offsets), *offsets) + b"".join(parts))
        return header["msg_id"]

    def receive(self):
        data = self.socket.recv()
        count = struct.unpack_from("<Q", data)[0]
        offsets = struct.unpack_from(f"<{count}Q", data, 8)
        parts = [data[a:b] for a, b in zip(offsets, offsets[1:])]
        return {name: part.decode() if name == "channel" else json.loads(part) for name, part in zip(PARTS, parts)}

    def run(self, code, interrupt=None):
        """One cell, until its reply and `idle` are there."""
        sent = self.send("execute_request", {"code": code, "silent": False, "store_history": True, "allow_stdin": False})
        outputs, status, idle, text, pressed = [], None, False, "", None
        while status is None or not idle:
            message = self.receive()
            if message["parent_header"].get("msg_id") != sent:
                continue
            kind, content = message["header"]["msg_type"], message["content"]
            if kind == "execute_reply":
                status = content["status"]
            elif kind == "status":
                idle = content["execution_state"] == "idle"
            elif message["channel"] == "iopub":
                outputs.append(dict(content, kind=kind))
                text += content.get("text", "")
                if idle:
                    sys.exit(f"a {kind} came after idle")
            if interrupt and pressed is None and interrupt in text:
                pressed = time.monotonic()
                self.request("POST", f"kernels/{self.kernel}/interrupt")
        return {"status": status, "outputs": outputs, "seconds": pressed and time.monotonic() - pressed}

    def close(self):
        self.socket.close()
        self.request("DELETE", f"kernels/{self.kernel}")
        self.process.terminate()
        self.process.wait(20)


def by_websocket(cells):
    server = Server()
    try:
        ran = []
        for cell in cells:
            ran.append(server.run(**cell))
            if ran[-1]["status"] == "error":
                time.sleep(1)  # tslab drops what comes together with a failed cell
        return ran
    finally:
        server.close()


if __name__ == "__main__":
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    print(json.dumps({"nbclient": by_nbclient, "websocket": by_websocket}[sys.argv[1]](json.load(sys.stdin))))
