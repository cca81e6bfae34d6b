/** The examples of RFC 7541 Appendix C as data: blocks in hexadecimal, the fields they mean, and the table's size after each. */

export interface ExampleBlock {
  readonly hex: string;
  /** Names and values by turns. */
  readonly fields: readonly string[];
}

export interface ExampleConnection {
  readonly section: string;
  readonly tableBytes: number;
  readonly blocks: readonly ExampleBlock[];
}

/** `name=value` for each field. The values have no `=` of their own except behind the first. */
function toFields(...lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]);
}

const REQUEST = [':method=GET', ':scheme=http', ':path=/', ':authority=www.example.com'];

const REQUESTS: readonly (readonly string[])[] = [
  toFields(...REQUEST),
  toFields(...REQUEST, 'cache-control=no-cache'),
  toFields(
    ':method=GET',
    ':scheme=https',
    ':path=/index.html',
    ':authority=www.example.com',
    'custom-key=custom-value',
  ),
];

const DATE = 'date=Mon, 21 Oct 2013 20:13:21 GMT';
const LOCATION = 'location=https://www.example.com';

const RESPONSES: readonly (readonly string[])[] = [
  toFields(':status=302', 'cache-control=private', DATE, LOCATION),
  toFields(':status=307', 'cache-control=private', DATE, LOCATION),
  toFields(
    ':status=200',
    'cache-control=private',
    'date=Mon, 21 Oct 2013 20:13:22 GMT',
    LOCATION,
    'content-encoding=gzip',
    'set-cookie=foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1',
  ),
];

function connection(
  section: string,
  tableBytes: number,
  fields: readonly (readonly string[])[],
  blocks: readonly string[],
): ExampleConnection {
  return { section, tableBytes, blocks: blocks.map((hex, at) => ({ hex, fields: fields[at] as readonly string[] })) };
}

export const EXAMPLES: readonly ExampleConnection[] = [
  connection(
    'C.2.1 literal with indexing',
    4096,
    [['custom-key', 'custom-header']],
    ['400a637573746f6d2d6b65790d637573746f6d2d686561646572'],
  ),
  connection('C.2.2 literal without indexing', 4096, [[':path', '/sample/path']], ['040c2f73616d706c652f70617468']),
  connection('C.2.3 literal never indexed', 4096, [['password', 'secret']], ['100870617373776f726406736563726574']),
  connection('C.2.4 indexed', 4096, [[':method', 'GET']], ['82']),
  connection('C.3 requests without Huffman codes', 4096, REQUESTS, [
    '828684410f7777772e6578616d706c652e636f6d',
    '828684be58086e6f2d6361636865',
    '828785bf400a637573746f6d2d6b65790c637573746f6d2d76616c7565',
  ]),
  connection('C.4 requests with Huffman codes', 4096, REQUESTS, [
    '828684418cf1e3c2e5f23a6ba0ab90f4ff',
    '828684be5886a8eb10649cbf',
    '828785bf408825a849e95ba97d7f8925a849e95bb8e8b4bf',
  ]),
  connection('C.5 responses without Huffman codes', 256, RESPONSES, [
    '4803333032580770726976617465611d4d6f6e2c203231204f637420323031332032303a31333a323120474d54' +
      '6e1768747470733a2f2f7777772e6578616d706c652e636f6d',
    '4803333037c1c0bf',
    '88c1611d4d6f6e2c203231204f637420323031332032303a31333a323220474d54c05a04677a6970' +
      '7738666f6f3d4153444a4b48514b425a584f5157454f50495541585157454f49553b206d61782d6167653d33363030' +
      '3b2076657273696f6e3d31',
  ]),
  connection('C.6 responses with Huffman codes', 256, RESPONSES, [
    '488264025885aec3771a4b6196d07abe941054d444a8200595040b8166e082a62d1bff6e919d29ad171863c78f0b97c8e9ae82ae43d3',
    '4883640effc1c0bf',
    '88c16196d07abe941054d444a8200595040b8166e084a62d1bffc05a839bd9ab' +
      '77ad94e7821dd7f2e6c7b335dfdfcd5b3960d5af27087f3672c1ab270fb5291f9587316065c003ed4ee5b1063d5007',
  ]),
];
