/** An error whose message is all that the reader needs: shown without a stack. */
export class SetupError extends Error {
  /**
   * @param {string} message what is wrong, in one sentence
   * @param {string} [remedy] what to do about it
   */
  constructor(message, remedy) {
    super(remedy ? `${message}\n  ${remedy}` : message);
    this.name = 'SetupError';
  }
}

/**
 * What to do about a failed command, told from its output; an empty string if nothing is
 * recognised.
 * @param {string} output
 */
export function adviceFor(output) {
  /** @type {[RegExp, string][]} */
  const rules = [
    [/ENOSPC|No space left on device/i, 'The disk is full: free some space, then run it again.'],
    [
      /EACCES|EPERM|Permission denied/i,
      'A file is not writable: check who owns this folder (was it made with sudo, or by a container?).',
    ],
    [
      /CERTIFICATE_VERIFY_FAILED|SELF_SIGNED_CERT|UNABLE_TO_(GET|VERIFY)/i,
      'A certificate is not trusted: behind a company proxy set ' +
        'NODE_EXTRA_CA_CERTS (npm) and PIP_CERT (pip) to its certificate file.',
    ],
    [
      /EINTEGRITY|THESE PACKAGES DO NOT MATCH THE HASHES/i,
      'A download differs from its checksum: `npm cache clean --force`, then run ' +
        'it again; if it stays, the mirror serves other files.',
    ],
    [
      /\bE40[13]\b|40[13] (Client Error|Forbidden|Unauthorized)/i,
      'The registry refused access: check the registry and its credentials in your npm and pip configuration.',
    ],
    [
      /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNRE(SET|FUSED)|NewConnectionError|Temporary failure in name resolution|Read timed out/i,
      'The network did not answer: check the connection, and HTTPS_PROXY if you need a proxy; then run it again.',
    ],
    [
      /No matching distribution found/i,
      'The Python package index in your pip configuration has no such version, ' +
        'or could not be reached: check `pip config list`.',
    ],
    [
      /Killed|out of memory|cannot allocate memory/i,
      'The machine ran out of memory: close other programs and run it again.',
    ],
  ];
  const found = rules.find(([pattern]) => pattern.test(output));
  return found ? found[1] : '';
}
