-- A partition that never had a record holds nothing back.
SELECT min(clock) FROM partitions FINAL WHERE next_offset > 0
