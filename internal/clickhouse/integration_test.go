//go:build integration

package clickhouse

import (
	"fmt"
	"os"
	"testing"
	"time"
)

// TestExerciseServer runs the same exercise on a real server: ENISHI_CLICKHOUSE_URL is its DSN without a database.
func TestExerciseServer(t *testing.T) {
	url := os.Getenv("ENISHI_CLICKHOUSE_URL")
	if url == "" {
		t.Skip("ENISHI_CLICKHOUSE_URL is not set: no ClickHouse server to test with")
	}
	exercise(t, Config{URL: url, Database: fmt.Sprintf("enishi_exercise_%d", time.Now().UnixNano()), Settings: exerciseExtra})
}
