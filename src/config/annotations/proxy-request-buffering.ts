/** Declares `proxy-request-buffering`: whether requests with a body may be sent again. */
import { type AnnotationSpec, defineAnnotation } from './define.ts';
import { onOff } from './parsers.ts';

export const proxyRequestBuffering: AnnotationSpec = defineAnnotation({
  key: 'proxy-request-buffering',
  scope: 'location',
  risk: 'low',
  doc: 'Bodies are passed on as they come either way. `on`, the default: what was sent is kept up to `client-body-buffer-size`, so that the request can be sent again. `off`: a request with a body is never sent twice once sending has begun.',
  example: 'off',
  parse: onOff,
  apply: (settings, value) => {
    settings.policy.streamRequest = !value;
  },
});
