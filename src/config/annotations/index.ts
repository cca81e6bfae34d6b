/** The annotations Sluice understands, in the order of the reference page. One file each; a test finds missing lines. */
import { backendProtocol } from './backend-protocol.ts';
import { balancer } from './balancer.ts';
import { canary } from './canary.ts';
import { canaryByCookie } from './canary-by-cookie.ts';
import { canaryByHeader } from './canary-by-header.ts';
import { canaryByHeaderPattern } from './canary-by-header-pattern.ts';
import { canaryByHeaderValue } from './canary-by-header-value.ts';
import { canaryWeight } from './canary-weight.ts';
import { canaryWeightTotal } from './canary-weight-total.ts';
import type { AnnotationSpec } from './define.ts';
import { loadBalance } from './load-balance.ts';
import { outlierBaseEjectionTime } from './outlier-base-ejection-time.ts';
import { outlierConnectFailures } from './outlier-connect-failures.ts';
import { outlierDetection } from './outlier-detection.ts';
import { outlierGatewayFailures } from './outlier-gateway-failures.ts';
import { outlierInterval } from './outlier-interval.ts';
import { outlierMaxEjectedPercent } from './outlier-max-ejected-percent.ts';
import { outlierMaxEjectionTime } from './outlier-max-ejection-time.ts';
import { outlierServerErrors } from './outlier-server-errors.ts';
import { outlierSuccessRateGap } from './outlier-success-rate-gap.ts';
import { outlierSuccessRateRequests } from './outlier-success-rate-requests.ts';
import { panicThreshold } from './panic-threshold.ts';
import { proxyBodySize } from './proxy-body-size.ts';
import { proxyConnectTimeout } from './proxy-connect-timeout.ts';
import { proxyNextUpstreamTries } from './proxy-next-upstream-tries.ts';
import { proxyReadTimeout } from './proxy-read-timeout.ts';
import { proxySslCiphers } from './proxy-ssl-ciphers.ts';
import { proxySslName } from './proxy-ssl-name.ts';
import { proxySslProtocols } from './proxy-ssl-protocols.ts';
import { proxySslSecret } from './proxy-ssl-secret.ts';
import { proxySslServerName } from './proxy-ssl-server-name.ts';
import { proxySslVerify } from './proxy-ssl-verify.ts';
import { proxySslVerifyDepth } from './proxy-ssl-verify-depth.ts';
import { slowStart } from './slow-start.ts';
import { slowStartMinPercent } from './slow-start-min-percent.ts';
import { upstreamProxyProtocol } from './upstream-proxy-protocol.ts';

export const ANNOTATIONS: readonly AnnotationSpec[] = [
  canary,
  canaryByHeader,
  canaryByHeaderValue,
  canaryByHeaderPattern,
  canaryByCookie,
  canaryWeight,
  canaryWeightTotal,
  proxyBodySize,
  proxyConnectTimeout,
  proxyReadTimeout,
  proxyNextUpstreamTries,
  backendProtocol,
  proxySslSecret,
  proxySslVerify,
  proxySslVerifyDepth,
  proxySslName,
  proxySslServerName,
  proxySslProtocols,
  proxySslCiphers,
  upstreamProxyProtocol,
  loadBalance,
  balancer,
  outlierDetection,
  outlierConnectFailures,
  outlierGatewayFailures,
  outlierServerErrors,
  outlierSuccessRateGap,
  outlierSuccessRateRequests,
  outlierInterval,
  outlierBaseEjectionTime,
  outlierMaxEjectionTime,
  outlierMaxEjectedPercent,
  slowStart,
  slowStartMinPercent,
  panicThreshold,
];
