// Why the HTTP side could not listen; apart from the server, so that the command line need not load it.

/** The address cannot be listened on; exit code 69. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  readonly code: 'http.port_in_use' | 'http.port_refused' | 'http.no_address';
  readonly host: string;
  readonly port: number;
  constructor(code: ListenError['code'], host: string, port: number, options?: ErrorOptions) {
    super(`cannot listen on ${host}:${port} (${code})`, options);
    this.code = code;
    this.host = host;
    this.port = port;
  }
}
