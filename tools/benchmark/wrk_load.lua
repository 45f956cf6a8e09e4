-- What tools/bench adds to wrk (wrk.py): the environment says how clients ask, and the end prints one line of JSON.
--   BENCH_CLOSE=1      a connection for each request
--   BENCH_PIPELINE=N   N requests are sent at a time
--   BENCH_DELAY=MS     each client waits before each request: MS on average, half of it up or down

if os.getenv("BENCH_CLOSE") then
  wrk.headers["Connection"] = "close"
end

local pipeline = tonumber(os.getenv("BENCH_PIPELINE"))
if pipeline then
  local requests
  -- wrk has no target address before init.
  function init(args)
    local one = wrk.format()
    requests = string.rep(one, pipeline)
  end
  function request()
    return requests
  end
end

local mean = tonumber(os.getenv("BENCH_DELAY"))
if mean then
  function delay()
    return math.random(mean / 2, mean + mean / 2)
  end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    'bench {"requests": %d, "seconds": %.6f, "bytes": %.0f, "p50": %.4f, "p99": %.4f, "p999": %.4f, '
      .. '"connect": %d, "read": %d, "write": %d, "status": %d, "timeout": %d}\n',
    summary.requests, summary.duration / 1e6, summary.bytes,
    latency:percentile(50) / 1e3, latency:percentile(99) / 1e3, latency:percentile(99.9) / 1e3,
    errors.connect, errors.read, errors.write, errors.status, errors.timeout))
end
