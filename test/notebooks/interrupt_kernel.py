"""Interrupts a training cell as JupyterLab's stop button does, and runs it again: python interrupt_kernel.py FOLDER, what happened as JSON on stdout."""

import json
import os
import re
import sys
import time
from pathlib import Path
from queue import Empty

from jupyter_client.manager import start_new_kernel

ROOT = Path(__file__).resolve().parents[2]
OPEN = """
import {{ emojiScenes, ensureEmojiScenes, openNotebookSession }} from 'freekd';
const {{ folder }} = await ensureEmojiScenes({{ train: 32, val: 24 }});
const experiment = {{ ...emojiScenes, student: {{ ...emojiScenes.student, steps: 60 }} }};
const session = openNotebookSession({{ experiment: experiment, dataFolder: folder, out: {out} }});
"""
TRAIN = "const { result } = await session.student('student', 1);\nconsole.log('steps ' + result.curve.map(({ step }) => step).join());"


class Kernel:
    def __init__(self):
        self.manager, self.client = start_new_kernel(kernel_name="tslab", cwd=str(ROOT / "notebooks"))

    def run(self, code, interrupt_at=None):
        """Runs a cell; interrupts it once when its display has come to step `interrupt_at`. Returns status, shown steps and text, seconds after the interrupt."""
        sent = self.client.execute(code)
        shown, text, interrupted = [], "", None
        end = time.monotonic() + 300
        while time.monotonic() < end:
            try:
                message = self.client.get_iopub_msg(timeout=1)
            except Empty:
                continue
            if message["parent_header"].get("msg_id") != sent:
                continue
            content, kind = message["content"], message["msg_type"]
            if kind == "stream":
                text += content["text"]
            found = re.search(r"(\d+)/60,", content.get("data", {}).get("text/html", "")) if kind in ("display_data", "update_display_data") else None
            if found:
                shown.append(int(found[1]))
                if interrupt_at and interrupted is None and shown[-1] >= interrupt_at:
                    interrupted = time.monotonic()
                    self.manager.interrupt_kernel()
            if kind == "status" and content["execution_state"] == "idle":
                break
        status = self.client._recv_reply(sent, timeout=60)["content"]["status"]
        return {"status": status, "shown": shown, "text": text, "seconds": interrupted and time.monotonic() - interrupted}


def main():
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    kernel = Kernel()
    try:
        opened = kernel.run(OPEN.format(out=json.dumps(sys.argv[1])))
        stopped = kernel.run(TRAIN, interrupt_at=10)
        time.sleep(2)  # tslab drops what was sent together with a cell that failed
        alive = kernel.run("console.log('alive');")
        again = kernel.run(TRAIN)
        print(json.dumps({"opened": opened, "stopped": stopped, "alive": alive, "again": again}))
    finally:
        kernel.client.stop_channels()
        kernel.manager.shutdown_kernel(now=True)


if __name__ == "__main__":
    main()
