/** Answers Sluice gives itself: small HTML bodies that reflect nothing of the request. */

const TITLES: Readonly<Record<number, string>> = {
  301: 'Moved Permanently',
  400: 'Bad Request',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  408: 'Request Time-out',
  413: 'Request Entity Too Large',
  414: 'Request-URI Too Large',
  421: 'Misdirected Request',
  431: 'Request Header Fields Too Large',
  500: 'Internal Server Error',
  502: 'Bad Gateway',
  503: 'Service Temporarily Unavailable',
  504: 'Gateway Time-out',
  505: 'HTTP Version Not Supported',
};

export interface LocalResponse {
  readonly status: number;
  readonly reason: string;
  /** `name: value CRLF` lines, `Content-Length` among them. */
  readonly fields: string;
  readonly body: string;
}

/** Longer, and clients that keep to it would stay away from an upstream that has had room for a while. */
const RETRY_AFTER_SECONDS = 1;

let overload: LocalResponse | null = null;
const prepared = new Map<number, LocalResponse>();

export function localResponse(status: number): LocalResponse {
  let response = prepared.get(status);
  if (response === undefined) {
    response = build(status, status === 405 ? 'Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n' : '');
    prepared.set(status, response);
  }
  return response;
}

/** 503 for want of room, which may be there in a moment. */
export function overloadResponse(): LocalResponse {
  overload ??= build(503, `Retry-After: ${RETRY_AFTER_SECONDS}\r\n`);
  return overload;
}

/** @param location already safe for a header: visible ASCII only */
export function redirectResponse(status: number, location: string): LocalResponse {
  return build(status, `Location: ${location}\r\n`);
}

/** With what is wrong in words, for the person in front of it. */
export function refusal(status: number, text: string): LocalResponse {
  return build(status, '', text);
}

function build(status: number, extraFields: string, text: string = ''): LocalResponse {
  const reason = TITLES[status] ?? 'Error';
  const title = `${status} ${reason}`;
  const body =
    `<html>\r\n<head><title>${text === '' ? title : `${status} ${text}`}</title></head>\r\n<body>\r\n` +
    `<center><h1>${title}</h1></center>\r\n${text === '' ? '' : `<center>${text}</center>\r\n`}` +
    `<hr><center>sluice</center>\r\n</body>\r\n</html>\r\n`;
  const fields = `Content-Type: text/html\r\nContent-Length: ${body.length}\r\n${extraFields}`;
  return { status, reason, fields, body };
}
