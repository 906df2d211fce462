package exports

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"enishi/internal/clickhouse"
)

// many is the rows of the large table: more than any buffer and any block of the engine has.
var many = 90_000

func init() {
	if os.Getenv("ENISHI_FULL") != "" {
		many = 320_000
	}
}

// shop fills two tables: each row twice, the newer counts, and one of ten was deleted.
func shop(t *testing.T, db *clickhouse.DB) {
	t.Helper()
	for version := range 2 {
		exec(t, db, fmt.Sprintf(`INSERT INTO orders (profile_id, order_id, version, is_deleted, status, placed_at, paid_at, currency, total, revenue, coupon, items, is_gift, valid, sequence)
			SELECT toFixedString(unhex(substring(hex(sipHash128(number)), 1, 32)), 16), concat('注文-', toString(number)), %[1]d, %[1]d = 1 AND number %% 10 = 0, ['placed','出荷済み'][1 + number %% 2],
			toDateTime64('2025-01-01 00:00:00.123', 3, 'UTC') + number * 60, if(number %% 3 = 0, toDateTime64(0, 3, 'UTC'), toDateTime64('2025-06-01 00:00:00', 3, 'UTC') + number), 'JPY',
			toInt64(number) * 12345 - 1000000, number * 10000, if(number %% 7 = 0, '=cmd()|"' || '改行' || char(10) || '、カンマ,', ''), number %% 9, number %% 2, 1, %[1]d FROM numbers(%[2]d)`, version, many))
	}
	exec(t, db, `INSERT INTO people (profile_id, version, is_deleted, family_name, given_name, email, first_seen_at, ltv, currency, consents, traits, traits_number, risks, lists)
		SELECT toFixedString(unhex(substring(hex(sipHash128(number)), 1, 32)), 16), 1, 0, ['山田','髙橋','',''][1 + number % 4], '花子😀', concat('a', toString(number), '@example.jp'), toDateTime64('2025-01-01 00:00:00', 3, 'UTC') + number,
		number * 5000, 'JPY', map('email.marketing', ['in','out'][1 + number % 2]), if(number % 3 = 0, map(), map('サイズ', 'Ｍ', 'n', toString(number))), map('点', number / 8), if(number % 5 = 0, ['a','い'], []), [toString(number % 4)] FROM numbers(20000)`)
	exec(t, db, `INSERT INTO catalogue (product_id, version, name, price, stock, stores, buyable, updated_at) SELECT toString(number), 1, concat('商品', toString(number)), number * 3333, if(number % 2 = 0, NULL, number), map('渋谷', number), 1, now64(3) FROM numbers(1000)`)
}

// same is what a table must have in common with its file, as sums over all rows: each cell as text.
func same(columns []Column, file, csv bool) string {
	var cells []string
	for i := range columns {
		c := &columns[i]
		name := "`" + c.Name + "`"
		if !file {
			name = c.expr
		}
		switch c.Kind {
		case ID:
			if !file {
				name = "nullIf(lower(hex(" + name + ")), repeat('0', 32))"
			}
			name = "ifNull(toString(" + name + "), 'null')"
		case Money:
			if !file {
				name = "CAST(" + name + " AS Decimal(18, 4)) / 10000"
			}
			name = "toString(CAST(" + name + " AS Decimal(18, 4)))"
		case Instant:
			if !file {
				name = "nullIf(" + name + ", toDateTime64(0, 3, 'UTC'))"
			}
			name = "ifNull(toString(toUnixTimestamp64Milli(" + name + ")), 'null')"
		case Flag:
			name = "toString(toUInt8(" + name + "))"
		case Texts, TextMap, Wholes, Numbers:
			if csv {
				name = "JSONExtract(" + name + ", '" + typeOf[c.Kind] + "')"
			}
			if c.Kind != Texts {
				name = "arraySort(arrayZip(mapKeys(" + name + "), mapValues(" + name + ")))"
			}
			name = "toString(" + name + ")"
		case Stock, JSON:
			name = "ifNull(toString(" + name + "), 'null')"
		default:
			name = "toString(" + name + ")"
		}
		cells = append(cells, name)
	}
	return "concat(toString(count()), ' ', toString(sum(cityHash64(" + strings.Join(cells, ", ") + "))), ' ', toString(groupBitXor(cityHash64(" + strings.Join(cells, ", ") + "))))"
}

var typeOf = map[Kind]string{ID: "Nullable(String)", Whole: "Int64", Stock: "Nullable(Int64)", Money: "Decimal(18, 4)", Instant: "Nullable(DateTime64(3, \\'UTC\\'))", Flag: "Bool", Texts: "Array(String)",
	TextMap: "Map(String, String)", Numbers: "Map(String, Float64)", Wholes: "Map(String, Int64)", JSON: "Nullable(String)"}

// structure is how the engine is told to read text.
func structure(columns []Column, csv bool) string {
	var out []string
	for _, c := range columns {
		k := typeOf[c.Kind]
		if k == "" || csv && (c.Kind == Texts || strings.HasPrefix(k, "Map(")) {
			k = "String"
		}
		out = append(out, "`"+c.Name+"` "+k)
	}
	return strings.Join(out, ", ")
}

type disk struct {
	*os.File
	gone *bool
}

func (d disk) Abandon() { *d.gone = true; _ = d.Close() }

// TestWrite: tables of more rows than any buffer has, in each format, are read by another reader (the engine's) as what the tables have.
func TestWrite(t *testing.T) {
	t.Parallel()
	db := openDB(t, "bulk")
	shop(t, db)
	for _, f := range []File{{Format: Parquet}, {Format: Parquet, Compression: Zstd, SplitMB: 1}, {Format: NDJSON, Compression: Gzip}, {Format: NDJSON}, {Format: CSV}, {Format: CSV, Compression: Zstd, SplitMB: 1}} {
		for _, name := range []string{"orders", "people", "catalogue", "consents"} {
			t.Run(f.Format+f.Compression+"/"+name, func(t *testing.T) {
				table, _ := FindTable(name)
				columns := table.Chosen(true)
				dir := t.TempDir()
				gone, files := false, 0
				got, err := Write(t.Context(), db, table, columns, Span{}, f, func(n int) (io.WriteCloser, error) {
					files++
					w, err := os.Create(filepath.Join(dir, fmt.Sprintf("%s-%d%s", name, n, f.Suffix())))
					return disk{w, &gone}, err
				}, func(Written) {})
				if err != nil || gone {
					t.Fatal(err, gone)
				}
				if f.SplitMB > 0 && name == "orders" && files < 2 {
					t.Errorf("%d files", files)
				}
				source := scan[string](t, db, "SELECT "+same(columns, false, false)+table.rows(false, false))
				format := map[string]string{Parquet: "Parquet", NDJSON: "JSONEachRow", CSV: "CSVWithNames"}[f.Format]
				from := fmt.Sprintf("file('%s/%s-*%s', '%s'", dir, name, f.Suffix(), format)
				if f.Format != Parquet {
					from += ", '" + structure(columns, f.Format == CSV) + "'"
				}
				from += ") SETTINGS date_time_input_format = 'best_effort', precise_float_parsing = 1"
				file := same(columns, true, f.Format == CSV)
				if f.Format == CSV { // a formula has its apostrophe
					source = scan[string](t, db, "SELECT "+strings.ReplaceAll(same(columns, false, false), "toString(x.`coupon`)", "if(startsWith(x.`coupon`, '='), concat('''', x.`coupon`), x.`coupon`)")+table.rows(false, false))
				}
				if read := scan[string](t, db, "SELECT "+file+" FROM "+from); read != source {
					t.Errorf("the table has %s, the files %s", source, read)
				}
				if !strings.HasPrefix(source, fmt.Sprint(got.Rows)+" ") || got.Rows == 0 || got.Bytes == 0 {
					t.Errorf("wrote %+v of %s", got, source)
				}
			})
		}
	}
}

// TestWriteBounded: memory does not grow with the table.
func TestWriteBounded(t *testing.T) {
	db := openDB(t, "bounded")
	rows, bound := int64(250_000), uint64(120<<20) // of some 750 bytes each
	if os.Getenv("ENISHI_FULL") != "" {
		rows, bound = 500_000, 160<<20
	}
	exec(t, db, `INSERT INTO visits (profile_id, at, event_id, version, type, path, query) SELECT toFixedString(unhex(substring(hex(sipHash128(number)), 1, 32)), 16), toDateTime64('2025-01-01 00:00:00', 3, 'UTC') + number,
		toFixedString(unhex(substring(hex(sipHash128(number + 1)), 1, 32)), 16), 1, 'page.viewed', concat('/', hex(sipHash128(number)), repeat('長い', 100), toString(number)), hex(sipHash128(number + 2)) FROM numbers(`+fmt.Sprint(rows)+`)`)
	table, _ := FindTable("visits")
	runtime.GC()
	var base, now runtime.MemStats
	runtime.ReadMemStats(&base)
	most := uint64(0)
	for _, format := range []string{Parquet, NDJSON, CSV} {
		got, err := Write(t.Context(), db, table, table.Chosen(true), Span{}, File{Format: format}, func(int) (io.WriteCloser, error) { return nopCloser{io.Discard}, nil }, func(w Written) {
			if w.Rows%(4096*8) == 0 {
				runtime.GC()
				runtime.ReadMemStats(&now)
				most = max(most, now.HeapAlloc)
			}
		})
		if err != nil || got.Rows != rows {
			t.Fatal(got, err)
		}
		t.Logf("%s: %d rows, %d MB, at most %d MB live", format, got.Rows, got.Bytes>>20, (most-min(most, base.HeapAlloc))>>20)
	}
	if most > base.HeapAlloc+bound {
		t.Errorf("%d MB are live for %d MB of rows", (most-base.HeapAlloc)>>20, rows*750>>20)
	}
}

// TestWriteEnds: what goes wrong in the middle gives the file up; spans choose by time; an empty table is a file with its columns.
func TestWriteEnds(t *testing.T) {
	t.Parallel()
	db := openDB(t, "ends")
	shop(t, db)
	table, _ := FindTable("orders")
	broken := errors.New("full")
	gone := false
	_, err := Write(t.Context(), db, table, table.Chosen(false), Span{}, File{Format: CSV}, func(int) (io.WriteCloser, error) { return &full{left: 1 << 20, err: broken, gone: &gone}, nil }, func(Written) {})
	if !errors.Is(err, broken) || !gone {
		t.Errorf("%v, given up %t", err, gone)
	}
	from := time.Date(2025, 1, 1, 1, 0, 0, 123e6, time.UTC)
	got, err := Write(t.Context(), db, table, table.Chosen(false), Span{from, from.Add(time.Hour)}, File{Format: NDJSON}, func(int) (io.WriteCloser, error) { return nopCloser{io.Discard}, nil }, func(Written) {})
	if err != nil || got.Rows != 54 { // 60 of an hour, 6 deleted
		t.Errorf("%+v %v", got, err)
	}
	for _, format := range []string{Parquet, CSV, NDJSON} {
		name := filepath.Join(t.TempDir(), "x."+format)
		got, err := Write(t.Context(), db, table, table.Chosen(false), Span{Since: from.AddDate(10, 0, 0)}, File{Format: format}, func(int) (io.WriteCloser, error) { return os.Create(name) }, func(Written) {})
		if err != nil || got.Rows != 0 {
			t.Fatal(got, err)
		}
		if format == Parquet {
			if n := scan[uint64](t, db, "SELECT count() FROM file('"+name+"', 'Parquet')"); n != 0 {
				t.Errorf("%d rows", n)
			}
		}
	}
}

type full struct {
	left int
	err  error
	gone *bool
}

func (f *full) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, f.err
	}
	return len(p), nil
}
func (f *full) Close() error { return nil }
func (f *full) Abandon()     { *f.gone = true }

// TestTables compares the contract with the schema: a column of a table is exported, or is said here to be the program's own.
func TestTables(t *testing.T) {
	t.Parallel()
	own := map[string]string{ // for the program alone
		"*": "version is_deleted partition next_offset due_at", "people": "search place_x place_y place_z", "catalogue": "search state body", "events": "record", "deliveries": "message owner reported next_try_at",
		"postal_pieces": "problems address_key content", "disclosures": "told",
	}
	kept := map[string]bool{ // tables without facts of the shop: the program's own state, secrets, raw bodies
		"alerts": true, "dead_letters": true, "due": true, "goose_db_version": true, "images": true, "line_menu_links": true, "line_menus": true, "line_narrowcast_cancels": true, "line_narrowcasts": true, "line_nonces": true,
		"outbox": true, "outcomes": true, "partitions": true, "postal_quality": true, "postal_zip_files": true, "profiles": true, "property_hours": true, "source_calls": true, "source_hours": true, "source_pulls": true,
		"export_runs": true, "export_cancels": true, "file_pull_files": true, "file_pull_looks": true, "stream_positions": true, "audience_members": true, "audience_batches": true, "audience_runs": true,
	}
	db := openDB(t, "contract")
	rows, err := db.Query(t.Context(), "SELECT table, name FROM system.columns WHERE database = 'contract' ORDER BY table, position")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	seen := map[string]bool{}
	for rows.Next() {
		var name, column string
		if err := rows.Scan(&name, &column); err != nil {
			t.Fatal(err)
		}
		table, ok := FindTable(name)
		if !ok {
			if !kept[name] {
				t.Errorf("the table %s is not exported: add it to tables, or say here that it is the program's own", name)
			}
			continue
		}
		seen[name+"."+column] = true
		is := strings.Contains(" "+own["*"]+" "+own[name]+" ", " "+column+" ")
		for _, c := range table.Columns {
			is = is || c.Name == column
		}
		if !is {
			t.Errorf("the column %s.%s is not exported: add it at the end of the table's columns, or say here that it is the program's own", name, column)
		}
	}
	for _, table := range Tables() {
		if q := table.query(table.Chosen(true), table.Time != "", table.Time != ""); scan[string](t, db, "SELECT toString(count()) FROM ("+q+")", named("since", "0"), named("until", "1")) != "0" {
			t.Errorf("%s is not empty", table.Name)
		}
	}
}
