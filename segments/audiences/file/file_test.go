package file

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"golang.org/x/crypto/ssh"

	"enishi"
	"enishi/internal/place"
	"enishi/internal/place/placetest"
	"enishi/segments/audiences"
	"enishi/segments/audiences/match"
)

var _ audiences.Whole = (*Platform)(nil)

func open(t *testing.T, format string) (*Platform, string) {
	t.Helper()
	dir := t.TempDir()
	at, err := place.Open(place.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{Place: at, Folder: "ads", Format: format})
	if err != nil {
		t.Fatal(err)
	}
	return p, dir
}

var spec = &audiences.Spec{Audience: "vip", Title: "優良顧客", Use: audiences.Value, Currency: "JPY"}

func person(n int) enishi.ID { return enishi.NewID("person", fmt.Sprint(n)) }

// somebody has two addresses; those of an odd number a phone and a name too.
func somebody(platform string, n int) audiences.Member {
	r, _ := match.For(platform)
	p := match.Person{Emails: []string{fmt.Sprintf("p%d@example.jp", n), fmt.Sprintf("q%d@example.jp", n)}, Customer: fmt.Sprint("C", n)}
	if n%2 == 1 {
		p.Phones, p.Family, p.Given, p.Zip = []string{fmt.Sprintf("+8190%08d", n)}, "佐藤", "花子", "〒100-0013"
	}
	return audiences.Member{Profile: person(n), Keys: r.Keys(&p, match.Kinds()), Value: enishi.Amount(n) * enishi.Unit}
}

func those(platform string, numbers ...int) iter.Seq2[*audiences.Member, error] {
	return func(yield func(*audiences.Member, error) bool) {
		for _, n := range numbers {
			if n < 0 {
				yield(nil, errors.New("the tables are gone"))
				return
			}
			if m := somebody(platform, n); !yield(&m, nil) {
				return
			}
		}
	}
}

func rows(numbers ...int) []Row {
	var out []Row
	for _, n := range numbers {
		emails := []string{match.Hash(fmt.Sprintf("p%d@example.jp", n)), match.Hash(fmt.Sprintf("q%d@example.jp", n))}
		if emails[0] > emails[1] {
			emails[0], emails[1] = emails[1], emails[0]
		}
		r := Row{Member: spec.Alias(person(n)).String(), Email: emails[0] + ";" + emails[1], Customer: fmt.Sprint("C", n), Value: fmt.Sprint(n), Currency: "JPY"}
		if n%2 == 1 {
			r.Phone, r.Given, r.Family, r.Country, r.Zip = match.Hash(fmt.Sprintf("+8190%08d", n)), match.Hash("花子"), match.Hash("佐藤"), "JP", "1000013"
		}
		out = append(out, r)
	}
	return out
}

func table(numbers ...int) string {
	var b strings.Builder
	b.WriteString(strings.Join(Columns, ",") + "\n")
	for _, r := range rows(numbers...) {
		b.WriteString(strings.Join(r.cells(), ",") + "\n")
	}
	return b.String()
}

// TestTable: a file has everybody, whole, at each kind of place; the next takes its place; one that cannot be finished leaves it.
func TestTable(t *testing.T) {
	key := placetest.Key(t)
	for kind, cfg := range map[string]place.Config{
		"dir":  {Dir: t.TempDir()},
		"sftp": {SFTP: &place.SFTP{Addr: placetest.SFTP(t, key), User: "house", Password: "secret", HostKey: string(ssh.MarshalAuthorizedKey(key.PublicKey())), Folder: t.TempDir()}},
		"s3":   {S3: &place.S3{Bucket: "shop", Endpoint: placetest.S3(t, "shop"), AccessKey: "a", SecretKey: "b"}},
	} {
		t.Run(kind, func(t *testing.T) {
			ctx := t.Context()
			at, err := place.Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			p, err := New(Config{Place: at, Folder: "/ads/", Format: CSV})
			if err != nil {
				t.Fatal(err)
			}
			remote, err := p.Create(ctx, spec)
			if err != nil || remote != "ads/vip.csv" {
				t.Fatalf("%s, %v", remote, err)
			}
			check := func(want string) {
				t.Helper()
				r, err := at.Read(ctx, remote)
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				got, err := io.ReadAll(r)
				if diff := cmp.Diff(want, string(got)); diff != "" || err != nil {
					t.Fatalf("%v (-want +got)\n%s", err, diff)
				}
			}
			for _, numbers := range [][]int{{0, 1, 2, 3}, {1, 3}} {
				if a, err := p.Write(ctx, remote, spec, those(match.File, numbers...)); err != nil || a.Open {
					t.Fatalf("%+v, %v", a, err)
				}
				check(table(numbers...))
			}
			if _, err := p.Write(ctx, remote, spec, those(match.File, 0, 1, -1)); err == nil {
				t.Fatal("half a file was written")
			}
			check(table(1, 3))
			if files, err := at.List(ctx, "ads/*"); err != nil || len(files) != 1 {
				t.Errorf("%v, %v", files, err)
			}
			for range 2 {
				if err := p.Delete(ctx, remote); err != nil {
					t.Fatal(err)
				}
			}
			if files, err := at.List(ctx, "ads/*"); err != nil || len(files) != 0 {
				t.Errorf("%v, %v", files, err)
			}
		})
	}
}

func TestParquet(t *testing.T) {
	p, dir := open(t, Parquet)
	if _, err := p.Write(t.Context(), "ads/vip.parquet", spec, those(match.File, 0, 1, 2)); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(filepath.Join(dir, "ads", "vip.parquet"))
	if err != nil {
		t.Fatal(err)
	}
	got, err := parquet.Read[Row](bytes.NewReader(b), int64(len(b)))
	if diff := cmp.Diff(rows(0, 1, 2), got); diff != "" || err != nil {
		t.Fatalf("%v (-want +got)\n%s", err, diff)
	}
	if _, err := p.Write(t.Context(), "ads/vip.parquet", spec, those(match.File, 0, -1)); err == nil {
		t.Fatal("half a file was written")
	}
}

// TestValueOnly: what somebody is worth leaves where the audience is to tell it.
func TestValueOnly(t *testing.T) {
	m := somebody(match.File, 1)
	if r := rowOf(&audiences.Spec{Audience: "vip", Use: audiences.Include, Currency: "JPY"}, &m); r.Value != "" || r.Currency != "" {
		t.Errorf("%+v", r)
	}
	if a, b := spec.Alias(person(1)), (&audiences.Spec{Audience: "buyers"}).Alias(person(1)); a == b || a == person(1) {
		t.Errorf("%s ties two audiences together: %s", a, b)
	}
}

// TestLINEAds: no header, one hash on a line, a file for each kind, cut where LINE Ads takes no more; files that are not needed any more go.
func TestLINEAds(t *testing.T) {
	p, dir := open(t, LINEAds)
	p.rows = 3
	ctx := t.Context()
	remote, err := p.Create(ctx, spec)
	if err != nil || remote != "ads/vip/" {
		t.Fatalf("%s, %v", remote, err)
	}
	files := func() map[string][]string {
		t.Helper()
		out := map[string][]string{}
		entries, err := os.ReadDir(filepath.Join(dir, "ads", "vip"))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			b, err := os.ReadFile(filepath.Join(dir, "ads", "vip", e.Name()))
			if err != nil {
				t.Fatal(err)
			}
			out[e.Name()] = strings.Split(strings.TrimSuffix(string(b), "\n"), "\n")
		}
		return out
	}
	if _, err := p.Write(ctx, remote, spec, those(match.LINEAds, 0, 1, 2)); err != nil {
		t.Fatal(err)
	}
	var emails []string
	for n := range 3 {
		for _, k := range somebody(match.LINEAds, n).Keys {
			if k.Kind == match.Email {
				emails = append(emails, k.Value)
			}
		}
	}
	want := map[string][]string{"email.csv": emails[:3], "email-2.csv": emails[3:], "phone.csv": {match.Hash("09000000001")}}
	if diff := cmp.Diff(want, files()); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	if _, err := p.Write(ctx, remote, spec, those(match.LINEAds, 0)); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]string{"email.csv": emails[:2]}, files()); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	if _, err := p.Write(ctx, remote, spec, those(match.LINEAds, 1, -1)); err == nil {
		t.Fatal("half a file was written")
	}
	if diff := cmp.Diff(map[string][]string{"email.csv": emails[:2]}, files()); diff != "" {
		t.Fatalf("(-want +got)\n%s", diff)
	}
	if _, err := p.Write(ctx, remote, spec, those(match.LINEAds)); err != nil || len(files()) != 0 {
		t.Fatalf("nobody is in the list: %v, %v", files(), err)
	}
	for range 2 {
		if err := p.Delete(ctx, remote); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "ads", "vip")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder is still there: %v", err)
	}
	if linesOfLINE*65 > 60_000_000 {
		t.Error("a file is bigger than LINE Ads takes")
	}
}

func TestProblems(t *testing.T) {
	ctx := t.Context()
	key := placetest.Key(t)
	sftp := place.SFTP{Addr: placetest.SFTP(t, key), User: "house", Password: "wrong", HostKey: string(ssh.MarshalAuthorizedKey(key.PublicKey())), Folder: t.TempDir()}
	down := sftp
	down.Addr = "127.0.0.1:1"
	for name, c := range map[string]struct {
		cfg   place.Config
		class audiences.Class
		code  string
	}{
		"no folder":      {place.Config{Dir: filepath.Join(t.TempDir(), "none")}, audiences.Refused, "missing"},
		"wrong password": {place.Config{SFTP: &sftp}, audiences.Auth, "permission"},
		"no server":      {place.Config{SFTP: &down}, audiences.Retry, "place"},
		"no bucket":      {place.Config{S3: &place.S3{Bucket: "none", Endpoint: placetest.S3(t, "shop"), AccessKey: "a", SecretKey: "b"}}, audiences.Refused, "missing"},
	} {
		t.Run(name, func(t *testing.T) {
			at, err := place.Open(c.cfg)
			if err != nil {
				t.Fatal(err)
			}
			p, err := New(Config{Place: at, Format: CSV})
			if err != nil {
				t.Fatal(err)
			}
			_, err = p.Write(ctx, "vip.csv", spec, those(match.File, 1))
			var got *audiences.Problem
			if !errors.As(err, &got) || got.Class != c.class || got.Code != c.code || got.Msg == "" || got.MsgJA == "" {
				t.Errorf("%+v, want %s %s: %v", got, c.class, c.code, err)
			}
		})
	}
}

// TestMoved: a list whose place the configuration does not name any more is made anew.
func TestMoved(t *testing.T) {
	p, _ := open(t, CSV)
	for remote, moved := range map[string]bool{"ads/vip.csv": false, "ads/vip.parquet": true, "vip.csv": true, "ads/vip/": true, "ads/old/vip.csv": true} {
		_, err := p.Write(t.Context(), remote, spec, those(match.File))
		var got *audiences.Problem
		if moved != errors.As(err, &got) || moved && got.Class != audiences.Gone {
			t.Errorf("%s: %v", remote, err)
		}
	}
	for _, c := range []Config{{}, {Place: p.cfg.Place, Format: "xlsx"}, {Place: p.cfg.Place, Format: CSV, Folder: "../x"}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}
