-- Requests: GET, or with two arguments POST with a body of that many bytes: `wrk … URL -- upload 1048576`.
-- Prints the result of the run as one JSON object: the fields of `LoadResult` in load.ts. wrk counts in microseconds.
function init(args)
  if args[1] == 'upload' then
    wrk.method = 'POST'
    wrk.body = string.rep('x', tonumber(args[2]))
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '\n{"requests":%d,"requestsPerSecond":%.1f,"p50Ms":%.3f,"p99Ms":%.3f,"p999Ms":%.3f,"errors":%d}\n',
    summary.requests,
    summary.requests / (summary.duration / 1e6),
    latency:percentile(50) / 1000,
    latency:percentile(99) / 1000,
    latency:percentile(99.9) / 1000,
    errors.connect + errors.read + errors.write + errors.status + errors.timeout
  ))
end
