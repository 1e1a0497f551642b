"""Asks the tslab kernel what it completes and explains after a cell has run: python ask_kernel.py, answers as JSON on stdout."""

import json
import os
from pathlib import Path

from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).resolve().parents[2]
CELL = "import { wavedec2, FrequencyPrompt, tf } from 'freekd';\nconst prompt = new FrequencyPrompt({ channels: 4, tokens: 2, level: 1 });\nconst x = tf.ones([1, 4, 4, 4]) as tf.Tensor4D;"


def reply(client, message):
    return client._recv_reply(message, timeout=120)["content"]


def main():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    manager, client = start_new_kernel(kernel_name="tslab", cwd=str(ROOT / "notebooks"))
    try:
        client.execute_interactive(CELL, timeout=120, output_hook=lambda message: None)
        complete = lambda code: reply(client, client.complete(code, len(code)))["matches"]
        inspect = lambda code: reply(client, client.inspect(code, len(code)))["data"].get("text/plain", "")
        print(json.dumps({
            "members": complete("prompt."),
            "names": complete("wavede"),
            "options": complete("wavedec2(x, { "),
            "function": inspect("wavedec2"),
            "value": inspect("prompt"),
        }))
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
