/** Small pieces of HTML that the report and notebooks share. */

/** Text made safe inside an element or a quoted attribute. */
export function escapeHtml(text: string): string {
  const entities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
  return text.replace(/[&<>"']/g, (character) => entities[character]);
}

/** A table of plain text cells: the first column to the left, the others, as numbers, to the right. */
export function htmlTable(
  header: string[],
  rows: string[][],
  isBest: (row: number, column: number) => boolean = () => false,
): string {
  const align = (column: number): string => `style="text-align:${column ? 'right' : 'left'}"`;
  const head = header.map((name, column) => `<th ${align(column)}>${escapeHtml(name)}</th>`).join('');
  const body = rows.map((row, r) => {
    const cells = row.map((cell, column) => {
      const text = escapeHtml(cell);
      return `<td ${align(column)}>${isBest(r, column) ? `<strong>${text}</strong>` : text}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  return `<table><thead><tr>${head}</tr></thead><tbody>${body.join('\n')}</tbody></table>`;
}

/** A picture inside the page itself. */
export function inlineImage(bytes: Buffer, kind: 'png' | 'jpeg', alt: string): string {
  return `<img alt="${escapeHtml(alt)}" src="data:image/${kind};base64,${bytes.toString('base64')}">`;
}
