/** What a browser sees of a sample backend: who answered, and a strip of further requests, so that the split shows. */
import type { IncomingMessage } from 'node:http';
import type { BackendPlan } from './backends.ts';

/** Fields that Sluice adds to each request. */
const ADDED_FIELDS = ['x-request-id', 'x-real-ip', 'x-forwarded-for', 'x-forwarded-host', 'x-forwarded-proto'];

const COLOURS = { stable: '#2563a8', canary: '#b7791f' } as const;

/** Asks again and again and paints a square for each answer; a WebSocket stays open meanwhile and counts its seconds. */
const SCRIPT = `
const colours = ${JSON.stringify(COLOURS)};
const strip = document.getElementById('strip');
setInterval(async () => {
  const name = (await (await fetch('/', { headers: { Accept: 'text/plain' } })).text()).trim();
  const square = document.createElement('i');
  square.title = name;
  square.style.background = name === 'canary' ? colours.canary : colours.stable;
  strip.append(square);
  if (strip.childElementCount > 200) strip.firstElementChild.remove();
}, 500);
const since = Date.now();
const state = document.getElementById('socket');
const socket = new WebSocket(location.protocol.replace('http', 'ws') + '//' + location.host + '/socket');
let owner = '';
socket.onmessage = ({ data }) => { owner ||= data.split(':')[0]; };
const clock = setInterval(() => {
  if (owner !== '') state.textContent = 'WebSocket to ' + owner + ': open for ' + Math.round((Date.now() - since) / 1000) + ' s';
}, 1000);
socket.onclose = () => { clearInterval(clock); state.textContent = 'WebSocket: closed'; };
`;

const STYLE = `
body { font: 18px/1.5 system-ui, sans-serif; margin: 0; color: #222 }
header { color: #fff; padding: 2rem 3rem } h1 { margin: 0; font-size: 3rem } main { padding: 1rem 3rem }
i { display: inline-block; width: 14px; height: 14px; margin: 1px } td { padding-right: 2rem; font-family: monospace }
`;

export function renderPage(plan: BackendPlan, request: IncomingMessage): string {
  const rows = ADDED_FIELDS.map((name) => `<tr><td>${name}</td><td>${escapeHtml(request.headers[name])}</td></tr>`);
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>${plan.name}</title><style>${STYLE}</style></head>
<body><header style="background: ${COLOURS[plan.version]}"><h1>${plan.name}</h1>version ${plan.version}</header>
<main><p>Two requests a second from this page, blue for stable, amber for canary:</p><p id="strip"></p><p id="socket"></p>
<p>This request arrived with</p><table>${rows.join('')}</table></main>
<script>${SCRIPT}</script></body></html>
`;
}

function escapeHtml(value: string | readonly string[] | undefined): string {
  return String(value ?? '').replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
