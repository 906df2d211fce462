SELECT toInt64(uniqExactIf(profile_id, sequence > 1)) FROM orders FINAL
WHERE valid = 1 AND currency = {currency:String} AND {zone:String} != ''
  AND placed_at >= fromUnixTimestamp64Milli({from:Int64}) AND placed_at < fromUnixTimestamp64Milli({to:Int64})
