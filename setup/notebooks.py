"""Executes the notebooks headless, in their own folder, as `npm start` would show them, or checks what was committed.

    npm run notebooks                       executes all, outputs into the notebooks
    npm run notebooks -- 01 03              those whose names begin so
    npm run notebooks -- --check            looks only: outputs that are missing, older than the code, too large, with an error, ...
    npm run notebooks -- --replay           runs all cells at the smallest settings, then again as a reader may: chapters backwards, solutions, all anew

A notebook is written only when no cell failed, printed to stderr, or shows a path of this machine. Beside every Vega-Lite chart a PNG of it is put, for
viewers such as GitHub that draw no Vega-Lite. Needs what setup/requirements.txt pins, and the tslab kernel.
"""

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "notebooks"
LIMIT = 1_000_000  # bytes of a notebook
SMALLEST = {"STEPS": 6, "PROMPT_STEPS": 4, "STUDENT_STEPS": 6, "TRAIN": 32, "VAL": 24, "SEEDS": 1}  # a notebook's whole path in seconds
DONE = "const done = false;"  # how the last cell begins, which frees memory where a reader says true
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


def client_of(notebook, folder, timeout):
    """Runs the cells of `notebook` in `folder` and says so; `timeout` in seconds for each cell."""

    def announce(cell, cell_index):
        print(f"  cell {cell_index + 1} of {len(notebook.cells)}: {cell.source.strip().splitlines()[0]}", flush=True)

    return NotebookClient(
        notebook,
        timeout=timeout,
        kernel_name="tslab",
        record_timing=False,
        resources={"metadata": {"path": str(folder)}},
        on_cell_execute=announce,
    )


def execute(path, timeout):
    """The notebook of `path` with the outputs of a fresh run, and the seconds that it took."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    began = time.monotonic()
    return client_of(notebook, path.parent, timeout).execute(), time.monotonic() - began


def chapters(notebook):
    """The places of code cells, a list for each heading."""
    found = [[]]
    for place, cell in enumerate(notebook.cells):
        if cell.cell_type == "code":
            found[-1].append(place)
        elif re.search(r"^## ", cell.source, re.M):
            found.append([])
    return found


def solutions(notebook):
    """The code of all solutions."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    folded = re.findall(r"<details>.*?</details>", text, re.S)
    return [code for part in folded for code in re.findall(r"^```ts\n(.*?)^```", part, re.S | re.M)]


def replay(path, timeout):
    """What fails when a reader goes on after Run All: chapters backwards, every solution, and all again when memory was freed."""
    notebook = nbformat.read(path, as_version=4)
    code = [place for chapter in chapters(notebook) for place in chapter]
    count = len(notebook.cells)
    notebook.cells += [nbformat.v4.new_code_cell(solution) for solution in solutions(notebook)]
    solved = list(range(count, len(notebook.cells)))
    freeing = [place for place in code if notebook.cells[place].source.startswith(DONE)]
    freed = [nbformat.v4.new_code_cell(notebook.cells[place].source.replace("false", "true", 1)) for place in freeing]
    notebook.cells += freed
    last = list(range(len(notebook.cells) - len(freed), len(notebook.cells)))
    backwards = [place for chapter in reversed(chapters(notebook)) for place in chapter if place < count]
    client = client_of(notebook, path.parent, timeout)
    passes = {"run all": code, "chapters backwards": backwards, "solutions": solved, "memory freed, and all again": last + code}
    with client.setup_kernel():
        for name, places in passes.items():
            print(f"  {name}: {len(places)} cells", flush=True)
            for place in places:
                try:
                    client.execute_cell(notebook.cells[place], place)
                except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
                    return [f"{name}, cell {place + 1}: {error}"]
                if found := complaints(notebook):
                    return [f"{name}: {line}" for line in found]
    return []


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


def fingerprint(notebook):
    """Of all code: outputs were made by this, or are older."""
    code = "\0".join(cell.source for cell in notebook.cells if cell.cell_type == "code")
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def library():
    """Of the library's sources: with another one outputs may be others."""
    found = hashlib.sha256()
    for path in sorted((ROOT / "lib").rglob("*")):
        if path.suffix in {".ts", ".cc", ".h"} and not {"dist", "node_modules"} & set(path.parts):
            found.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return found.hexdigest()[:16]


def dead_links(notebook, folder):
    """Relative links to files that do not exist."""
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    links = re.findall(r"\]\((?!https?:)([^)#\s]+)", text)
    return [f"the link to {link} leads nowhere" for link in links if not (folder / link).exists()]


def check(path):
    """What is wrong with a notebook as it is on disk."""
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    found = complaints(notebook) + dead_links(notebook, path.parent)
    outputs = outputs_of(notebook)
    if not outputs:
        found.append("it has no outputs")
    elif notebook.metadata.get("freekd", {}).get("code") != fingerprint(notebook):
        found.append("its outputs are older than its code")
    elif notebook.metadata.freekd.get("library") != library():
        print("  its outputs were made by other sources of lib/: executing it again may change them")
    if any("image/png" not in output.data for output in outputs if VEGALITE in output.get("data", {})):
        found.append("a chart has no PNG beside it")
    if path.stat().st_size >= LIMIT:
        found.append(f"it has {path.stat().st_size:,} bytes, not below {LIMIT:,}: show smaller or fewer pictures")
    if f"{Path.home()}/" in path.read_text():
        found.append(f"it holds a path below {Path.home()}")
    return found


def run(path, options):
    """Executes one notebook and writes it; returns what is wrong with it."""
    try:
        notebook, seconds = execute(path, options.timeout)
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        return [str(error)]
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "code":
            join_streams(cell)
    if found := complaints(notebook):
        return found
    add_pngs(notebook)
    notebook.metadata["freekd"] = {"code": fingerprint(notebook), "library": library()}
    target = options.output or path
    half = target.with_suffix(".part")
    nbformat.write(notebook, half)
    half.replace(target)
    print(f"  {seconds:.0f} s", flush=True)
    return [] if options.output else check(path)


def chosen(words):
    """Notebooks by path, or by the beginning of their names; all without words."""
    every = sorted(FOLDER.glob("*.ipynb"))
    picked = []
    for word in words:
        named = [Path(word).resolve()] if word.endswith(".ipynb") else [path for path in every if path.name.startswith(word)]
        if not named or not named[0].exists():
            sys.exit(f"there is no notebook {word}; there are {', '.join(path.stem for path in every)}")
        picked += named
    return picked or every


def replay_in_passing(path, timeout):
    """`replay` at the smallest settings, with runs that are thrown away."""
    with tempfile.TemporaryDirectory(prefix="freekd-replay-") as out:
        for name, value in {**SMALLEST, "OUT": out}.items():
            os.environ[f"FREEKD_NOTEBOOK_{name}"] = str(value)
        return replay(path, timeout)


def main():
    parser = argparse.ArgumentParser(prog="npm run notebooks --", description="Executes the notebooks, or checks them.")
    parser.add_argument("notebooks", nargs="*", help="paths, or how their names begin (default: all)")
    parser.add_argument("--check", action="store_true", help="execute nothing: fail where outputs are missing, old, too large or not clean")
    parser.add_argument("--replay", action="store_true", help="execute at the smallest settings, then again in other orders, with all solutions; writes nothing")
    parser.add_argument("--output", type=Path, help="write the executed notebook to this file, not into itself; for one notebook")
    parser.add_argument("--timeout", type=int, default=1800, help="seconds for one cell (default 1800)")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    paths = chosen(options.notebooks)
    if options.output and len(paths) != 1:
        parser.error("--output is for one notebook")
    failed = 0
    for path in paths:
        print(f"{path.name}", flush=True)
        found = check(path) if options.check else replay_in_passing(path, options.timeout) if options.replay else run(path, options)
        failed += bool(found)
        if found:
            print("\n".join([f"{path.name}:", *(f"  {line}" for line in found)]), file=sys.stderr)
    sys.exit(f"{failed} of {len(paths)} notebooks are not well" if failed else 0)


if __name__ == "__main__":
    main()
