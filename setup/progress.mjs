/**
 * Progress of one step: a line that rewrites itself on a terminal; elsewhere (CI, a log file) a
 * line at the start, one at the end and a sign of life every 20 s.
 */
const LIVE = process.stdout.isTTY && process.env.TERM !== 'dumb';

export const seconds = (since) => {
  const total = (Date.now() - since) / 1000;
  return total < 10
    ? `${total.toFixed(1)} s`
    : total < 120
      ? `${Math.round(total)} s`
      : `${Math.floor(total / 60)} min ${Math.round(total % 60)} s`;
};

export const megabytes = (bytes) => `${Math.round(bytes / 1e6)} MB`;

/**
 * @param {string} title such as "[2/7] Python packages"
 * @returns {{ update: (text: string) => void, done: (text?: string) => void, fail: () => void }}
 */
export function startProgress(title) {
  const start = Date.now();
  let note = '';
  const line = () => `${title}${note ? `: ${note}` : ''} (${seconds(start)})`;
  const show = () => {
    if (LIVE) process.stdout.write(`\r\x1b[2K${line().slice(0, (process.stdout.columns || 80) - 1)}`);
    else console.log(line());
  };
  if (LIVE) show();
  else console.log(`${title} ...`);
  const timer = setInterval(show, LIVE ? 500 : 20_000);
  timer.unref();
  const end = (text) => {
    clearInterval(timer);
    if (LIVE) process.stdout.write('\r\x1b[2K');
    console.log(text);
  };
  return {
    update: (text) => {
      note = text;
    },
    done: (text = note) => {
      note = text;
      end(line());
    },
    fail: () => end(`${title}: failed after ${seconds(start)}`),
  };
}
