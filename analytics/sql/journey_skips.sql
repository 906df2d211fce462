SELECT toString(journey) AS name, toString(reason) AS why, count()
FROM decisions FINAL
WHERE journey != '' AND sent = 0 AND at >= fromUnixTimestamp64Milli({from:Int64}) AND at < fromUnixTimestamp64Milli({to:Int64})
GROUP BY name, why
