SELECT toString(currency) AS c FROM orders FINAL
WHERE valid = 1 AND {zone:String} != ''
  AND placed_at >= fromUnixTimestamp64Milli({from:Int64}) AND placed_at < fromUnixTimestamp64Milli({to:Int64})
GROUP BY c ORDER BY count() DESC, c
