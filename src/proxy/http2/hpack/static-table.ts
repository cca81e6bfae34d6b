/** The static table (RFC 7541 Appendix A). Index 0 is unused, as in the RFC. How an encoder finds a name: `known-names.ts`. */

export const STATIC_ENTRIES = 61;

/** RFC 7541 §4.1: what an entry counts for beside its name and value. */
export const ENTRY_OVERHEAD = 32;

/** A name, and the value behind the first space if the entry has one. */
const LINES = `
:authority
:method GET
:method POST
:path /
:path /index.html
:scheme http
:scheme https
:status 200
:status 204
:status 206
:status 304
:status 400
:status 404
:status 500
accept-charset
accept-encoding gzip, deflate
accept-language
accept-ranges
accept
access-control-allow-origin
age
allow
authorization
cache-control
content-disposition
content-encoding
content-language
content-length
content-location
content-range
content-type
cookie
date
etag
expect
expires
from
host
if-match
if-modified-since
if-none-match
if-range
if-unmodified-since
last-modified
link
location
max-forwards
proxy-authenticate
proxy-authorization
range
referer
refresh
retry-after
server
set-cookie
strict-transport-security
transfer-encoding
user-agent
vary
via
www-authenticate`.split('\n');

export const STATIC_NAMES: readonly string[] = LINES.map((line) => line.split(' ', 1)[0] as string);
export const STATIC_VALUES: readonly string[] = LINES.map((line) => line.slice(line.indexOf(' ') + 1 || line.length));
