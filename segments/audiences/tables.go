package audiences

import "enishi/internal/clickhouse"

// Tables are the tables of audiences.
type Tables struct {
	DB *clickhouse.DB
	store
}
