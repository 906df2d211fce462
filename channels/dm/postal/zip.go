package postal

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	ch "github.com/ClickHouse/clickhouse-go/v2"

	"enishi"
	"enishi/internal/address"
)

// Kinds of Japan Post's files.
const (
	ZipTowns   = "towns"   // utf_ken_all.csv, KEN_ALL.CSV
	ZipOffices = "offices" // JIGYOSYO.CSV
)

// ZipFile is a file of Japan Post's that was imported.
type ZipFile struct {
	Kind, Name, SHA256, Actor string
	Places                    int
	At                        time.Time
}

// zips is the table of postal codes in memory, made anew when a file is imported anywhere.
type zips struct {
	mu     sync.Mutex
	looked time.Time
	stamp  string
	table  *address.Table
}

const zipLook = 30 * time.Second

// table is Japan Post's postal codes as they were imported last; nil while none was.
func (o *Office) table(ctx context.Context) (*address.Table, error) {
	if o.cfg.Table != nil {
		return o.cfg.Table(), nil
	}
	z := &o.zips
	z.mu.Lock()
	defer z.mu.Unlock()
	if time.Since(z.looked) < zipLook {
		return z.table, nil
	}
	files, err := o.ZipFiles(ctx)
	if err != nil {
		return nil, err
	}
	stamp := ""
	for _, f := range files {
		stamp += f.Kind + f.SHA256
	}
	if stamp == z.stamp {
		z.looked = time.Now()
		return z.table, nil
	}
	var tables []*address.Table
	for _, f := range files {
		var data string
		if err := o.cfg.DB.QueryRow(ctx, "SELECT data FROM postal_zip_files FINAL WHERE kind = {kind:String}", ch.Named("kind", f.Kind)).Scan(&data); err != nil {
			return nil, fmt.Errorf("read postal codes: %w", err)
		}
		t, err := address.ParseTable(strings.NewReader(data))
		if err != nil {
			return nil, fmt.Errorf("read postal codes: %w", err)
		}
		tables = append(tables, t)
	}
	if z.table, err = joinTables(tables); err != nil {
		return nil, fmt.Errorf("read postal codes: %w", err)
	}
	z.looked, z.stamp = time.Now(), stamp
	return z.table, nil
}

func joinTables(tables []*address.Table) (*address.Table, error) {
	switch len(tables) {
	case 0:
		return nil, nil
	case 1:
		return tables[0], nil
	}
	return address.Of(func(yield func(address.Place) bool) {
		for _, t := range tables {
			for p := range iter.Seq[address.Place](t.All()) {
				if !yield(p) {
					return
				}
			}
		}
	})
}

// ZipFiles are the files that were imported.
func (o *Office) ZipFiles(ctx context.Context) ([]ZipFile, error) {
	rows, err := o.cfg.DB.Query(ctx, "SELECT toString(kind), name, sha256, actor, places, at FROM postal_zip_files FINAL ORDER BY kind")
	if err != nil {
		return nil, fmt.Errorf("read postal codes: %w", err)
	}
	defer rows.Close()
	var out []ZipFile
	for rows.Next() {
		var f ZipFile
		var n uint64
		if err := rows.Scan(&f.Kind, &f.Name, &f.SHA256, &f.Actor, &n, &f.At); err != nil {
			return nil, fmt.Errorf("read postal codes: %w", err)
		}
		f.Places, f.At = int(n), f.At.UTC()
		out = append(out, f)
	}
	return out, rows.Err()
}

// ImportZip takes a file of Japan Post's, as it is or in its zip, in place of the one of its kind.
func (o *Office) ImportZip(ctx context.Context, name string, data []byte, actor string) (ZipFile, error) {
	t, err := address.ParseTable(bytes.NewReader(data))
	if err != nil {
		return ZipFile{}, err
	}
	sum := sha256.Sum256(data)
	f := ZipFile{Kind: ZipOffices, Name: name, SHA256: hex.EncodeToString(sum[:]), Actor: actor, Places: t.Len(), At: o.cfg.Now().UTC()}
	for p := range t.All() {
		if p.Office == "" {
			f.Kind = ZipTowns
			break
		}
	}
	err = o.cfg.DB.Insert(ctx, "postal_zip_files", []string{"kind", "at", "name", "places", "sha256", "actor", "data"}, 1, []string{f.Kind}, []time.Time{f.At}, []string{f.Name}, []uint64{uint64(f.Places)}, []string{f.SHA256}, []string{actor}, []string{string(data)})
	if err != nil {
		return f, fmt.Errorf("keep postal codes: %w", err)
	}
	o.zips.mu.Lock()
	o.zips.looked = time.Time{}
	o.zips.mu.Unlock()
	return f, nil
}

// Normalise is an address as it would be printed, with what is wrong with it.
func (o *Office) Normalise(ctx context.Context, a enishi.Address) (address.Normal, error) {
	t, err := o.table(ctx)
	return address.Normalise(a, t), err
}

// CheckEverybody looks at the address of every person and notes its problems.
func (o *Office) CheckEverybody(ctx context.Context) (people int, err error) {
	o.checking.Lock()
	defer o.checking.Unlock()
	begun := o.now()
	var after enishi.ID
	for {
		rows, err := o.cfg.DB.Query(ctx, "SELECT profile_id FROM people FINAL WHERE profile_id > toFixedString(unhex({after:String}), 16) ORDER BY profile_id LIMIT 2000", ch.Named("after", after.String()))
		if err != nil {
			return people, fmt.Errorf("read people: %w", err)
		}
		var ids []enishi.ID
		for rows.Next() {
			var id string
			if err := rows.Scan(&id); err != nil {
				rows.Close()
				return people, fmt.Errorf("read people: %w", err)
			}
			ids = append(ids, enishi.ID([]byte(id)))
		}
		rows.Close()
		if err := rows.Err(); err != nil {
			return people, fmt.Errorf("read people: %w", err)
		}
		if len(ids) == 0 {
			break
		}
		if err := o.CheckPeople(ctx, ids); err != nil {
			return people, err
		}
		people, after = people+len(ids), ids[len(ids)-1]
	}
	return people, o.cfg.DB.Exec(ctx, fmt.Sprintf("DELETE FROM postal_quality WHERE version < %d", begun.UnixMilli()))
}

// CheckPeople does the same for some.
func (o *Office) CheckPeople(ctx context.Context, ids []enishi.ID) error {
	people, err := o.cfg.People(ctx, ids)
	if err != nil {
		return err
	}
	t, err := o.table(ctx)
	if err != nil {
		return err
	}
	now := uint64(o.now().UnixMilli())
	var (
		who      []enishi.ID
		version  []uint64
		gone     []uint8
		problems [][]string
		usable   []uint8
		source   []string
	)
	for _, id := range ids {
		p := people[id]
		who, version, source = append(who, id), append(version, now), append(source, "")
		if p == nil || p.Erased || p.ID != id {
			gone, problems, usable = append(gone, 1), append(problems, []string{}), append(usable, 0)
			continue
		}
		x := Piece{State: PieceReady}
		x.look(p, t)
		codes := []string{}
		for _, q := range x.Problems {
			if !slices.Contains(codes, q.Code) {
				codes = append(codes, q.Code)
			}
		}
		if x.Reason == LeftReturned {
			codes = append(codes, LeftReturned)
		}
		ok := uint8(0)
		if x.State == PieceReady {
			ok = 1
		}
		gone, problems, usable = append(gone, 0), append(problems, codes), append(usable, ok)
	}
	return o.cfg.DB.Insert(ctx, "postal_quality", []string{"profile_id", "version", "is_deleted", "problems", "usable", "source"}, len(who), who, version, gone, problems, usable, source)
}

// Quality is how the addresses of everybody stand.
type Quality struct {
	People, Usable, NoAddress int
	CheckedAt                 time.Time // of who was looked at the longest ago
	Problems                  map[string]int
}

// Quality counts what was noted.
func (o *Office) Quality(ctx context.Context) (*Quality, error) {
	q := &Quality{Problems: map[string]int{}}
	var people, usable, version uint64
	if err := o.cfg.DB.QueryRow(ctx, "SELECT count(), sum(usable), min(version) FROM postal_quality FINAL").Scan(&people, &usable, &version); err != nil {
		return nil, fmt.Errorf("count addresses: %w", err)
	}
	q.People, q.Usable = int(people), int(usable)
	if version > 0 {
		q.CheckedAt = time.UnixMilli(int64(version)).UTC()
	}
	rows, err := o.cfg.DB.Query(ctx, "SELECT toString(arrayJoin(problems)) AS code, count() FROM postal_quality FINAL GROUP BY code")
	if err != nil {
		return nil, fmt.Errorf("count addresses: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var code string
		var n uint64
		if err := rows.Scan(&code, &n); err != nil {
			return nil, fmt.Errorf("count addresses: %w", err)
		}
		q.Problems[code] = int(n)
	}
	q.NoAddress = q.Problems[LeftNoAddress]
	return q, rows.Err()
}

// Troubled are people whose address has a problem ("": any), by id.
func (o *Office) Troubled(ctx context.Context, problem string, after enishi.ID, n int) ([]enishi.ID, error) {
	rows, err := o.cfg.DB.Query(ctx, fmt.Sprintf(`SELECT profile_id FROM postal_quality FINAL WHERE profile_id > toFixedString(unhex({after:String}), 16) AND notEmpty(problems)
		AND ({problem:String} = '' AND NOT has(problems, 'no_address') OR has(problems, {problem:String})) ORDER BY profile_id LIMIT %d`, n), ch.Named("after", after.String()), ch.Named("problem", problem))
	if err != nil {
		return nil, fmt.Errorf("find addresses: %w", err)
	}
	defer rows.Close()
	var out []enishi.ID
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			return nil, fmt.Errorf("find addresses: %w", err)
		}
		out = append(out, enishi.ID([]byte(id)))
	}
	return out, rows.Err()
}

// People tells how people stand.
func (o *Office) People(ctx context.Context, ids []enishi.ID) (map[enishi.ID]*Person, error) {
	return o.cfg.People(ctx, ids)
}

// checkEvery is how old the look at everybody's address may grow.
const checkEvery = 24 * time.Hour

// KeepQuality looks at everybody's address when nobody did for a day, since postal codes were imported, or when a tenth of the
// people were never looked at.
func (o *Office) KeepQuality(ctx context.Context) error {
	due, _, err := o.qualityDue(ctx)
	if err == nil && due {
		_, err = o.CheckEverybody(ctx)
	}
	return err
}

// soonest is for how many people nobody has to wait long.
const soonest = 5000

// FirstQuality does so at once for a shop that is small enough; a big one is left to KeepQuality.
func (o *Office) FirstQuality(ctx context.Context) error {
	due, people, err := o.qualityDue(ctx)
	if err == nil && due && people <= soonest {
		_, err = o.CheckEverybody(ctx)
	}
	return err
}

func (o *Office) qualityDue(ctx context.Context) (due bool, people uint64, err error) {
	q, err := o.Quality(ctx)
	if err != nil {
		return false, 0, err
	}
	files, err := o.ZipFiles(ctx)
	if err != nil {
		return false, 0, err
	}
	if err := o.cfg.DB.QueryRow(ctx, "SELECT count() FROM people FINAL").Scan(&people); err != nil {
		return false, 0, fmt.Errorf("count people: %w", err)
	}
	due = people > 0 && (o.now().Sub(q.CheckedAt) > checkEvery || uint64(q.People)*10 < people*9)
	for _, f := range files {
		due = due || f.At.After(q.CheckedAt)
	}
	return due, people, nil
}
