-- What bench/status has wrk ask for; its cases are told by the environment.

local case = os.getenv("BENCH_CASE")
local transfers = tonumber(os.getenv("BENCH_TRANSFERS"))
local batch = tonumber(os.getenv("BENCH_BATCH"))
local base = "/apps/sync/provider/status/"
local requests = {}
local next_request = 0

function init(args)
    local file = assert(io.open(os.getenv("CLIENT_KEY_FILE")))
    wrk.headers["X_MYTARDIS_KEY"] = file:read("*l")
    file:close()
    math.randomseed(os.time())
    if case == "batch" then
        wrk.headers["Content-Type"] = "application/x-www-form-urlencoded"
        for i = 1, 50 do
            requests[i] = wrk.format("POST", base, nil, random_form())
        end
    end
end

function random_form()
    local fields = {}
    for i = 1, batch do
        fields[i] = "uid=tardis." .. math.random(transfers)
    end
    return table.concat(fields, "&")
end

-- Both kinds of single requests cost the same to make.
function request()
    if case == "batch" then
        next_request = next_request % #requests + 1
        return requests[next_request]
    end
    if case == "status" then
        return wrk.format("GET", base .. "tardis." .. math.random(transfers) .. "/")
    end
    return wrk.format("GET", "/peer?" .. "tardis." .. math.random(transfers) .. "/")
end

function done(summary, latency, results)
    local errors = summary.errors
    io.write(string.format("rate %f errors %d\n", summary.requests / (summary.duration / 1e6),
        errors.connect + errors.read + errors.write + errors.status + errors.timeout))
end
