package place

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/ssh"

	"enishi/internal/place/placetest"
)

// places are one of each kind, empty.
func places(t *testing.T) map[string]*Place {
	t.Helper()
	key := placetest.Key(t)
	out := map[string]*Place{}
	for kind, cfg := range map[string]Config{
		"dir":  {Dir: t.TempDir()},
		"sftp": {SFTP: &SFTP{Addr: placetest.SFTP(t, key), User: "house", Password: "secret", HostKey: string(ssh.MarshalAuthorizedKey(key.PublicKey())), Folder: t.TempDir()}},
		"s3":   {S3: &S3{Bucket: "shop", Endpoint: placetest.S3(t, "shop"), AccessKey: "a", SecretKey: "b", Prefix: "enishi/"}},
	} {
		p, err := Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		if p.Kind() != kind {
			t.Errorf("%s is %s", kind, p.Kind())
		}
		out[kind] = p
	}
	return out
}

func names(t *testing.T, p *Place, pattern string) string {
	t.Helper()
	list, err := p.List(t.Context(), pattern)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range list {
		out = append(out, f.Name)
	}
	return strings.Join(out, " ")
}

func content(t *testing.T, p *Place, name string) string {
	t.Helper()
	r, err := p.Read(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err := errors.Join(err, r.Close()); err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestPlaces holds the three kinds to the same words.
func TestPlaces(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("0123456789", 2_000_000) // more than one part of S3
	for kind, p := range places(t) {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			put := func(name, text string) {
				t.Helper()
				if err := p.Write(t.Context(), name, func(w io.Writer) error { _, err := io.WriteString(w, text); return err }); err != nil {
					t.Fatal(err)
				}
			}
			put("in/b.csv", "1")
			put("in/a.csv", big)
			put("in/a.txt", "3")
			put("in/b.csv", "other") // takes the place of the first
			if got := names(t, p, "in/*.csv"); got != "in/a.csv in/b.csv" && got != "in/b.csv in/a.csv" {
				t.Errorf("list: %s", got)
			}
			if got := names(t, p, "*.csv"); got != "" {
				t.Errorf("the folder above has %s", got)
			}
			if content(t, p, "in/b.csv") != "other" || content(t, p, "in/a.csv") != big {
				t.Errorf("another content: %q", content(t, p, "in/b.csv"))
			}
			broken := errors.New("broken")
			for _, name := range []string{"in/b.csv", "in/new.csv"} {
				err := p.Write(t.Context(), name, func(w io.Writer) error { _, _ = io.WriteString(w, "half"); return broken })
				if !errors.Is(err, broken) {
					t.Errorf("write of half a file: %v", err)
				}
			}
			if content(t, p, "in/b.csv") != "other" {
				t.Error("half a file took the place of a whole one")
			}
			if _, err := p.Read(t.Context(), "in/new.csv"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("half a file is there: %v", err)
			}
			if err := p.Move(t.Context(), "in/b.csv", "done/2026/b.csv"); err != nil {
				t.Fatal(err)
			}
			if got := names(t, p, "in/*.csv") + "|" + names(t, p, "done/2026/*"); got != "in/a.csv|done/2026/b.csv" || content(t, p, "done/2026/b.csv") != "other" {
				t.Errorf("after the move: %s", got)
			}
			for range 2 { // what is not there is no error
				if err := p.Remove(t.Context(), "done/2026/b.csv"); err != nil {
					t.Errorf("remove: %v", err)
				}
			}
			if _, err := p.Read(t.Context(), "done/2026/b.csv"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("a removed file is there: %v", err)
			}
			if p.Remove(t.Context(), "../x") == nil {
				t.Error("a file outside can be removed")
			}
			for _, name := range []string{"../x", "/etc/passwd", "a/../../x", "", ".", "a\\b"} {
				if _, err := p.Read(t.Context(), name); err == nil || errors.Is(err, fs.ErrNotExist) {
					t.Errorf("read %q: %v", name, err)
				}
				if err := p.Move(t.Context(), "in/a.csv", name); err == nil {
					t.Errorf("moved to %q", name)
				}
				if err := p.Remove(t.Context(), name); err == nil {
					t.Errorf("removed %q", name)
				}
			}
			for _, pattern := range []string{"", "in/", "*/a.csv", "[", "../*"} {
				if _, err := p.List(t.Context(), pattern); err == nil {
					t.Errorf("listed %q", pattern)
				}
			}
		})
	}
}

// A link that leads out of the folder is not followed.
func TestFolderIsNotLeft(t *testing.T) {
	t.Parallel()
	out, dir := t.TempDir(), t.TempDir()
	if err := errors.Join(os.WriteFile(filepath.Join(out, "secret"), []byte("x"), 0o600), os.Symlink(out, filepath.Join(dir, "link"))); err != nil {
		t.Fatal(err)
	}
	p, err := Open(Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := p.Read(t.Context(), "link/secret"); err == nil {
		r.Close()
		t.Error("a file outside was read")
	}
	if err := p.Write(t.Context(), "link/new", func(w io.Writer) error { return nil }); err == nil {
		t.Error("a file outside was written")
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, cfg := range []Config{{}, {Dir: "a", S3: &S3{}}, {SFTP: &SFTP{Addr: "host"}}, {SFTP: &SFTP{Addr: "host:22", HostKey: "x"}}, {S3: &S3{Bucket: "b"}},
		{S3: &S3{Bucket: "b", AccessKey: "a", SecretKey: "b", Endpoint: "ftp://x"}}} {
		if _, err := Open(cfg); err == nil {
			t.Errorf("%+v opens", cfg)
		} else if !bytes.Contains([]byte(err.Error()), []byte(":")) {
			t.Errorf("%v names no field", err)
		}
	}
}
