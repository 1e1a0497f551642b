"""Renders the notebooks, as they are, to a static site: python setup/site.py [--out FOLDER]; `npm run site`.

The live page, where detectors run in the browser, is made after this by live.mjs. Charts appear as the PNGs beside them; formulas are drawn by MathJax, from the network. Links between notebooks lead to their pages.
"""

import argparse
import html
import os
import re
from pathlib import Path

import nbformat
from nbconvert import HTMLExporter

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = ROOT / "notebooks"
INDEX = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>FreeKD in TypeScript</title>
<style>
:root {{ color-scheme: light dark }}
body {{ font: 17px/1.55 system-ui, sans-serif; max-width: 44rem; margin: 3rem auto; padding: 0 1.2rem }}
a {{ color: inherit; text-decoration-color: #d9475f; text-underline-offset: 3px }}
li {{ margin: 1.1rem 0 }} ol {{ list-style: none; padding: 0 }} p {{ margin: .3rem 0; opacity: .8 }}
</style></head><body><h1>FreeKD in TypeScript</h1>
<p>Knowledge distillation of object detectors in the frequency domain, step by step. <a href="live/index.html">A detector in the browser</a> looks at your own pictures.</p><ol>
{items}
</ol></body></html>
"""


def title_and_summary(notebook):
    """The first heading and the first paragraph under it, without markup."""
    first = notebook.cells[0].source
    heading = re.match(r"# (.+)", first).group(1)
    paragraph = first.split("\n\n")[1]
    plain = re.sub(r"\[([^\]]+)\]\([^)]+\)|[*`]", lambda m: m.group(1) or "", paragraph)
    return heading, plain


def with_links(notebook):
    """Links to other notebooks lead to their pages."""
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = re.sub(r"(\]\([\w./-]+)\.ipynb", r"\1.html", cell.source)
    return notebook


def main():
    parser = argparse.ArgumentParser(prog="npm run site --", description="Renders the notebooks to a static HTML site.")
    parser.add_argument("--out", type=Path, default=ROOT / "site", help="folder (default: site/)")
    parser.add_argument("--weights", action="append", help="a detector of the live page, may be given again (default: the shipped teacher)")
    out = Path(os.environ.get("INIT_CWD", ".")) / parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    exporter = HTMLExporter(template_name="lab", exclude_input_prompt=True, exclude_output_prompt=True)
    items = []
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        notebook = nbformat.read(path, as_version=4)
        heading, summary = title_and_summary(notebook)
        body, _ = exporter.from_notebook_node(with_links(notebook), {"metadata": {"name": heading}})
        (out / f"{path.stem}.html").write_text(body)
        items.append(f'<li><a href="{path.stem}.html">{html.escape(heading)}</a><p>{html.escape(summary)}</p></li>')
    (out / "index.html").write_text(INDEX.format(items="\n".join(items)))
    print(f"{len(items)} pages: {out / 'index.html'}")


if __name__ == "__main__":
    main()
