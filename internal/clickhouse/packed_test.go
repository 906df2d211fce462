package clickhouse

import (
	"io/fs"
	"path"
	"testing"
	"testing/fstest"

	"github.com/ClickHouse/clickhouse-go/v2"
	"github.com/google/go-cmp/cmp"
)

// TestPackedIdentifiers: migration 34 keeps what was told to platforms, also when it was interrupted and runs again.
func TestPackedIdentifiers(t *testing.T) {
	const database = "packed_identifiers"
	before := fstest.MapFS{}
	names, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if path.Base(name) < "0034" {
			text, err := fs.ReadFile(migrations, name)
			if err != nil {
				t.Fatal(err)
			}
			before[name] = &fstest.MapFile{Data: text}
		}
	}
	old, err := open(t.Context(), Config{Transport: engine, Database: database}, before)
	if err != nil {
		t.Fatal(err)
	}
	const hash = "973dfe463ec85785f5f95af5ba3906eedb2d931c24e69824a89ea65dba4e813b"
	keys := []string{"email:" + hash, "phone:" + hash, "name:" + hash + "|" + hash + "|JP|1000013", "customer:C:1", "customer:" + "973DFE463EC85785F5F95AF5BA3906EEDB2D931C24E69824A89EA65DBA4E813B", "line:U0123"}
	for _, insert := range []string{
		"INSERT INTO disclosures (profile_id, batch, audience, op, at, keys) SELECT toFixedString('0123456789abcdef', 16), toFixedString('b', 16), 'vip', 'add', now64(3), {keys:Array(String)}",
		"INSERT INTO audience_members (audience, generation, profile_id, version, keys, state, reason, at) SELECT 'vip', 1, toFixedString('0123456789abcdef', 16), 1, {keys:Array(String)}, 'accepted', '', now64(3)",
	} {
		if err := old.Exec(t.Context(), insert, clickhouse.Named("keys", keys)); err != nil {
			t.Fatal(err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	for _, run := range []string{"once", "again"} {
		db := openDB(t, Config{Transport: engine, Database: database})
		if diff := cmp.Diff(keys, scan[[]string](t, db, "SELECT keys FROM disclosures FINAL")); diff != "" {
			t.Errorf("%s: disclosures:\n%s", run, diff)
		}
		if diff := cmp.Diff(scan[[]string](t, db, "SELECT told FROM disclosures FINAL"), scan[[]string](t, db, "SELECT keys FROM audience_members FINAL")); diff != "" {
			t.Errorf("%s: the ledger has other bytes than the disclosures:\n%s", run, diff)
		}
		if got := scan[string](t, db, "SELECT toString(state) FROM audience_members FINAL"); got != "sent" {
			t.Errorf("%s: state %s", run, got)
		}
		if err := db.Exec(t.Context(), "TRUNCATE TABLE goose_db_version"); err != nil {
			t.Fatal(err)
		}
	}
}
