//go:build linux && amd64

package embedded

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"enishi"
)

func TestFindLibrary(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "cache"))
	t.Setenv(libraryEnv, "")

	_, err := FindLibrary("")
	missing := filepath.Join(dir, "cache", "enishi", "chdb-26.5.3", "libchdb.so")
	want := "the engine library is not installed: " + missing + " (the user's cache) cannot be read; run `make deps`, or use --clickhouse"
	if err == nil || err.Error() != want || enishi.ErrorCode(err) != enishi.Unavailable {
		t.Errorf("a missing library:\n%v want\n%s", err, want)
	}
	cached := file("cache/enishi/chdb-26.5.3/libchdb.so")
	if got, err := FindLibrary(""); got != cached || err != nil {
		t.Errorf("got %s (%v), want the cached one", got, err)
	}
	named := file("named.so")
	t.Setenv(libraryEnv, named)
	if got, err := FindLibrary(""); got != named || err != nil {
		t.Errorf("got %s (%v), want the one in the environment", got, err)
	}
	explicit := file("explicit.so")
	if got, err := FindLibrary(explicit); got != explicit || err != nil {
		t.Errorf("got %s (%v), want the explicit one", got, err)
	}
	// A named one that is missing is an error, not a reason to take another.
	if _, err := FindLibrary(filepath.Join(dir, "nowhere.so")); err == nil || !strings.Contains(err.Error(), "make deps") {
		t.Errorf("a missing explicit library: %v", err)
	}
	if _, err := FindLibrary(dir); err == nil || !strings.Contains(err.Error(), "is not a file") {
		t.Errorf("a directory: %v", err)
	}
	if _, err := OpenEngine(EngineConfig{Dir: t.TempDir(), Library: filepath.Join(dir, "nowhere.so")}); enishi.ErrorCode(err) != enishi.Unavailable {
		t.Errorf("OpenEngine without a library: %v", err)
	}
}

func TestCheckLibrary(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lib.so")
	write := func(content string) string {
		t.Helper()
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		sum := sha256.Sum256([]byte(content))
		return hex.EncodeToString(sum[:])
	}
	sum := write("the library")
	if err := checkLibrary(path, sum); err != nil {
		t.Fatal(err)
	}
	stamp, err := os.ReadFile(path + ".verified")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(stamp), sum) {
		t.Errorf("the stamp is %s", stamp)
	}
	if err := checkLibrary(path, sum); err != nil {
		t.Errorf("with the stamp: %v", err)
	}
	if err := checkLibrary(path, strings.Repeat("0", 64)); enishi.ErrorCode(err) != enishi.Invalid {
		t.Errorf("the stamp of another sum was taken: %v", err)
	}

	// Other content of the same size, its time put back: the stamp does not cover it.
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	write("the libraru")
	if err := os.Chtimes(path, time.Time{}, info.ModTime()); err != nil {
		t.Fatal(err)
	}
	err = checkLibrary(path, sum)
	if enishi.ErrorCode(err) != enishi.Invalid || !strings.Contains(err.Error(), "make deps") {
		t.Errorf("changed content: %v", err)
	}

	// A stamp that others can write is worth nothing.
	now, err := identify(path)
	if err != nil {
		t.Fatal(err)
	}
	now.SHA256 = sum
	forged, err := json.Marshal(now)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".verified", forged, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := checkLibrary(path, sum); err != nil {
		t.Fatalf("the forged stamp is not a good one, so the next check proves nothing: %v", err)
	}
	if err := os.Chmod(path+".verified", 0o666); err != nil {
		t.Fatal(err)
	}
	if err := checkLibrary(path, sum); enishi.ErrorCode(err) != enishi.Invalid {
		t.Errorf("a stamp that anybody can write was taken: %v", err)
	}

	wrong := filepath.Join(t.TempDir(), "libchdb.so")
	if err := os.WriteFile(wrong, []byte("\x7fELF not the library"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenEngine(EngineConfig{Dir: t.TempDir(), Library: wrong}); enishi.ErrorCode(err) != enishi.Invalid {
		t.Errorf("OpenEngine with a wrong library: %v", err)
	}
}
