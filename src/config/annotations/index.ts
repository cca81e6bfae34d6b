/** The annotations Sluice understands, in the order of the reference page. One file each; a test finds missing lines. */
import { affinity } from './affinity.ts';
import { affinityCanaryBehavior } from './affinity-canary-behavior.ts';
import { affinityMode } from './affinity-mode.ts';
import { backendProtocol } from './backend-protocol.ts';
import { backupService } from './backup-service.ts';
import { balancer } from './balancer.ts';
import { canary } from './canary.ts';
import { canaryByCookie } from './canary-by-cookie.ts';
import { canaryByHeader } from './canary-by-header.ts';
import { canaryByHeaderPattern } from './canary-by-header-pattern.ts';
import { canaryByHeaderValue } from './canary-by-header-value.ts';
import { canaryCommand } from './canary-command.ts';
import { canaryExpiresAfter } from './canary-expires-after.ts';
import { canaryFallback } from './canary-fallback.ts';
import { canaryGates } from './canary-gates.ts';
import { canaryHashBy } from './canary-hash-by.ts';
import { canaryMatch } from './canary-match.ts';
import { canaryPlan } from './canary-plan.ts';
import { canaryPriority } from './canary-priority.ts';
import { canaryRelease } from './canary-release.ts';
import { canarySeed } from './canary-seed.ts';
import { canaryState } from './canary-state.ts';
import { canaryWeight } from './canary-weight.ts';
import { canaryWeightTotal } from './canary-weight-total.ts';
import { canaryWindow } from './canary-window.ts';
import { clientBodyBufferSize } from './client-body-buffer-size.ts';
import type { AnnotationSpec } from './define.ts';
import { hashBound } from './hash-bound.ts';
import { hashBy } from './hash-by.ts';
import { healthCheck } from './health-check.ts';
import { healthCheckBody } from './health-check-body.ts';
import { healthCheckBodyPattern } from './health-check-body-pattern.ts';
import { healthCheckHeaders } from './health-check-headers.ts';
import { healthCheckHealthyAfter } from './health-check-healthy-after.ts';
import { healthCheckHost } from './health-check-host.ts';
import { healthCheckInterval } from './health-check-interval.ts';
import { healthCheckMethod } from './health-check-method.ts';
import { healthCheckPath } from './health-check-path.ts';
import { healthCheckPort } from './health-check-port.ts';
import { healthCheckServerName } from './health-check-server-name.ts';
import { healthCheckService } from './health-check-service.ts';
import { healthCheckStatuses } from './health-check-statuses.ts';
import { healthCheckTimeout } from './health-check-timeout.ts';
import { healthCheckUnhealthyAfter } from './health-check-unhealthy-after.ts';
import { healthCheckUnhealthyInterval } from './health-check-unhealthy-interval.ts';
import { healthCheckVerify } from './health-check-verify.ts';
import { lane } from './lane.ts';
import { laneAnswerHeader } from './lane-answer-header.ts';
import { laneCookie } from './lane-cookie.ts';
import { laneCookieMaxAge } from './lane-cookie-max-age.ts';
import { laneCookiePath } from './lane-cookie-path.ts';
import { laneCookieSamesite } from './lane-cookie-samesite.ts';
import { laneCookieSecure } from './lane-cookie-secure.ts';
import { laneHeader } from './lane-header.ts';
import { laneHonour } from './lane-honour.ts';
import { laneHonourCookie } from './lane-honour-cookie.ts';
import { loadBalance } from './load-balance.ts';
import { maxConnections } from './max-connections.ts';
import { maxConnectionsPerEndpoint } from './max-connections-per-endpoint.ts';
import { maxPending } from './max-pending.ts';
import { maxRequests } from './max-requests.ts';
import { maxRequestsPerEndpoint } from './max-requests-per-endpoint.ts';
import { mirrorCompare } from './mirror-compare.ts';
import { mirrorCompareBody } from './mirror-compare-body.ts';
import { mirrorCompareHeaders } from './mirror-compare-headers.ts';
import { mirrorHost } from './mirror-host.ts';
import { mirrorPercent } from './mirror-percent.ts';
import { mirrorRequestBody } from './mirror-request-body.ts';
import { mirrorTarget } from './mirror-target.ts';
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
import { pendingTimeout } from './pending-timeout.ts';
import { proxyBodySize } from './proxy-body-size.ts';
import { proxyConnectTimeout } from './proxy-connect-timeout.ts';
import { proxyNextUpstream } from './proxy-next-upstream.ts';
import { proxyNextUpstreamTimeout } from './proxy-next-upstream-timeout.ts';
import { proxyNextUpstreamTries } from './proxy-next-upstream-tries.ts';
import { proxyReadTimeout } from './proxy-read-timeout.ts';
import { proxyRequestBuffering } from './proxy-request-buffering.ts';
import { proxySendTimeout } from './proxy-send-timeout.ts';
import { proxySslCiphers } from './proxy-ssl-ciphers.ts';
import { proxySslName } from './proxy-ssl-name.ts';
import { proxySslProtocols } from './proxy-ssl-protocols.ts';
import { proxySslSecret } from './proxy-ssl-secret.ts';
import { proxySslServerName } from './proxy-ssl-server-name.ts';
import { proxySslVerify } from './proxy-ssl-verify.ts';
import { proxySslVerifyDepth } from './proxy-ssl-verify-depth.ts';
import { retryBudget } from './retry-budget.ts';
import { retryBudgetFloor } from './retry-budget-floor.ts';
import { retryBuffer } from './retry-buffer.ts';
import { serviceMatch } from './service-match.ts';
import { serviceWeight } from './service-weight.ts';
import { sessionCookieChangeOnFailure } from './session-cookie-change-on-failure.ts';
import { sessionCookieConditionalSamesiteNone } from './session-cookie-conditional-samesite-none.ts';
import { sessionCookieDomain } from './session-cookie-domain.ts';
import { sessionCookieExpires } from './session-cookie-expires.ts';
import { sessionCookieMaxAge } from './session-cookie-max-age.ts';
import { sessionCookieName } from './session-cookie-name.ts';
import { sessionCookiePath } from './session-cookie-path.ts';
import { sessionCookieSamesite } from './session-cookie-samesite.ts';
import { sessionCookieSecure } from './session-cookie-secure.ts';
import { slowStart } from './slow-start.ts';
import { slowStartMinPercent } from './slow-start-min-percent.ts';
import { upstreamHashBy } from './upstream-hash-by.ts';
import { upstreamHashBySubset } from './upstream-hash-by-subset.ts';
import { upstreamHashBySubsetSize } from './upstream-hash-by-subset-size.ts';
import { upstreamProxyProtocol } from './upstream-proxy-protocol.ts';

export const ANNOTATIONS: readonly AnnotationSpec[] = [
  canary,
  canaryByHeader,
  canaryByHeaderValue,
  canaryByHeaderPattern,
  canaryByCookie,
  canaryWeight,
  canaryWeightTotal,
  canaryMatch,
  canaryPriority,
  canaryFallback,
  canaryHashBy,
  canarySeed,
  canaryPlan,
  canaryGates,
  canaryCommand,
  canaryRelease,
  canaryExpiresAfter,
  canaryWindow,
  canaryState,
  lane,
  laneHeader,
  laneHonour,
  laneAnswerHeader,
  laneCookie,
  laneCookiePath,
  laneCookieMaxAge,
  laneCookieSamesite,
  laneCookieSecure,
  laneHonourCookie,
  serviceMatch,
  serviceWeight,
  proxyBodySize,
  proxyConnectTimeout,
  proxySendTimeout,
  proxyReadTimeout,
  proxyNextUpstream,
  proxyNextUpstreamTries,
  proxyNextUpstreamTimeout,
  proxyRequestBuffering,
  clientBodyBufferSize,
  retryBuffer,
  backendProtocol,
  proxySslSecret,
  proxySslVerify,
  proxySslVerifyDepth,
  proxySslName,
  proxySslServerName,
  proxySslProtocols,
  proxySslCiphers,
  upstreamProxyProtocol,
  affinity,
  affinityMode,
  affinityCanaryBehavior,
  sessionCookieName,
  sessionCookiePath,
  sessionCookieDomain,
  sessionCookieExpires,
  sessionCookieMaxAge,
  sessionCookieSamesite,
  sessionCookieConditionalSamesiteNone,
  sessionCookieSecure,
  sessionCookieChangeOnFailure,
  loadBalance,
  upstreamHashBy,
  upstreamHashBySubset,
  upstreamHashBySubsetSize,
  balancer,
  hashBy,
  hashBound,
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
  retryBudget,
  retryBudgetFloor,
  backupService,
  maxConnections,
  maxConnectionsPerEndpoint,
  maxRequests,
  maxRequestsPerEndpoint,
  maxPending,
  pendingTimeout,
  healthCheck,
  healthCheckPath,
  healthCheckPort,
  healthCheckMethod,
  healthCheckHost,
  healthCheckHeaders,
  healthCheckStatuses,
  healthCheckBody,
  healthCheckBodyPattern,
  healthCheckService,
  healthCheckServerName,
  healthCheckVerify,
  healthCheckInterval,
  healthCheckUnhealthyInterval,
  healthCheckTimeout,
  healthCheckUnhealthyAfter,
  healthCheckHealthyAfter,
  mirrorTarget,
  mirrorRequestBody,
  mirrorHost,
  mirrorPercent,
  mirrorCompare,
  mirrorCompareHeaders,
  mirrorCompareBody,
];
