"""Executes a notebook headless, in its own folder, as `npm start` would show it.

    .venv/bin/python test/notebooks/execute.py notebooks/05-distill-a-detector.ipynb --save
    .venv/bin/python test/notebooks/execute.py NOTEBOOK --output COPY

--save writes the outputs into the notebook itself, --output into another file; without either the notebook is only tried. Fails, and
writes nothing, when a cell fails, prints to stderr, or shows a path of this machine. Beside every Vega-Lite chart a PNG of it is put,
for viewers such as GitHub that draw no Vega-Lite. Needs what setup/requirements.txt pins, and the tslab kernel.
"""

import argparse
import base64
import json
import os
import subprocess
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parents[2]
VEGALITE = "application/vnd.vegalite.v5+json"
# Charts on stdin as a JSON list, PNGs of 256 colours in base64 on stdout. White, as a viewer without Vega-Lite may have any background.
TO_PNG = """
const { toPng } = require('freekd');
const sharp = require('sharp');
const small = (png) => sharp(png).png({ palette: true, effort: 10 }).toBuffer();
const charts = JSON.parse(require('fs').readFileSync(0, 'utf8'));
(async () => {
  const pngs = [];
  for (const chart of charts) pngs.push((await small(await toPng(chart, { background: '#ffffff' }))).toString('base64'));
  process.stdout.write(JSON.stringify(pngs));
})();
"""


def execute(path, timeout):
    """The notebook of `path` with the outputs of a fresh run; `timeout` in seconds for each cell."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)

    def announce(cell, cell_index):
        print(f"cell {cell_index + 1} of {len(notebook.cells)}: {cell.source.strip().splitlines()[0]}", flush=True)

    client = NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="tslab",
        record_timing=False,
        resources={"metadata": {"path": str(path.parent)}},
        on_cell_execute=announce,
    )
    return client.execute()


def outputs_of(notebook):
    return [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]


def join_streams(cell):
    """Neighbouring pieces of one stream as one output: how they were cut depends on timing."""
    joined = []
    for output in cell.outputs:
        if joined and output.output_type == "stream" and joined[-1].get("name") == output.name:
            joined[-1].text += output.text
        else:
            joined.append(output)
    cell.outputs = joined


def short(value):
    """A JSON value with its numbers to five digits: a chart shows no more, and the file stays small."""
    if isinstance(value, float):
        return float(f"{value:.5g}")
    if isinstance(value, dict):
        return {name: short(item) for name, item in value.items()}
    return [short(item) for item in value] if isinstance(value, list) else value


def add_pngs(notebook):
    """Gives every Vega-Lite output a PNG of the same chart."""
    bundles = [output.data for output in outputs_of(notebook) if VEGALITE in output.get("data", {})]
    for bundle in bundles:
        bundle[VEGALITE] = short(bundle[VEGALITE])
    charts = json.dumps([bundle[VEGALITE] for bundle in bundles])
    done = subprocess.run(["node", "-e", TO_PNG], cwd=ROOT, input=charts, capture_output=True, text=True, check=False)
    if done.returncode != 0 or done.stderr:
        sys.exit(f"the charts could not be drawn:\n{done.stderr}")
    for bundle, png in zip(bundles, json.loads(done.stdout), strict=True):
        bundle["image/png"] = png


def complaints(notebook):
    """What a committed notebook must not show: errors, stderr, paths of this machine."""
    found = []
    for number, cell in enumerate(notebook.cells, 1):
        for output in cell.get("outputs", []):
            text = json.dumps({name: value for name, value in output.get("data", output).items() if name != "image/png"})
            if output.output_type == "error":
                found.append(f"cell {number} failed: {output.evalue}")
            elif output.get("name") == "stderr":
                found.append(f"cell {number} prints to stderr: {output.text.strip()}")
            found += [f"cell {number} shows the path {place}" for place in {str(ROOT), str(Path.home())} if place != "/" and place in text]
    return found


def main():
    parser = argparse.ArgumentParser(description="Executes a notebook headless.")
    parser.add_argument("notebook", type=Path)
    parser.add_argument("--save", action="store_true", help="write the outputs into the notebook")
    parser.add_argument("--output", type=Path, help="write the executed notebook to this file")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds for one cell (default 1800)")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    try:
        notebook = execute(options.notebook.resolve(), options.timeout)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        sys.exit(f"{options.notebook}: {error}")
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            join_streams(cell)
    if found := complaints(notebook):
        sys.exit("\n".join([f"{options.notebook}:", *found]))
    add_pngs(notebook)
    for target in filter(None, [options.notebook if options.save else None, options.output]):
        half = target.with_suffix(".part")
        nbformat.write(notebook, half)
        half.replace(target)


if __name__ == "__main__":
    main()
